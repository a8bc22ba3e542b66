/*
 * relay_map.c
 *	  How a relay spells the platform's calls: the gateway's option "relay", read
 *	  and checked.
 *
 * The same reader serves who sets the option, who is told what is wrong with
 * it, and the worker, once for each task.  First all has its default, then each
 * member that is given is read, at last it is looked whether the whole makes
 * sense.  The first fault ends it.  What the option is, member by member, says
 * docs/ordersync_relay.md.  Pure.
 */
#include "compat.h"

#include "lib/stringinfo.h"

#include "json_scan.h"
#include "relay_map.h"
#include "relay_words.h"

#define MAX_TEXT 200

static const char *const record_names[] = {
	"trades", "refunds", "trade", "refund", "total_results", "has_next"
};

typedef struct MapReader
{
	RelayMap   *map;
	GatewayFault *fault;
	char		option[256];	/* the member in hand, as "relay.paths" */
	int			operation;		/* whose names are read; of all: ALL_OPERATIONS */
} MapReader;

#define ALL_OPERATIONS RELAY_OPERATIONS

typedef void (*MemberReader) (MapReader *r, JsonText value);
typedef void (*NumberedReader) (MapReader *r, int which, JsonText value);

static void set_defaults(RelayMap *map);
static void read_members(MapReader *r, JsonText object, const char *const *names, int n,
						 NumberedReader read);
static void read_member(MapReader *r, int which, JsonText value);
static void read_paths(MapReader *r, JsonText value);
static void read_path(MapReader *r, int which, JsonText value);
static void read_parameters(MapReader *r, JsonText value);
static void read_parameter(MapReader *r, int which, JsonText value);
static void read_parameters_of_operation(MapReader *r, int which, JsonText value);
static void read_constants(MapReader *r, JsonText value);
static void read_headers(MapReader *r, JsonText value);
static void read_pairs(MapReader *r, JsonText value, HttpHeader *pairs, int max, int *n,
					   bool (*good_name) (const char *), const char *expected);
static void read_body(MapReader *r, JsonText value);
static void read_times(MapReader *r, JsonText value);
static void read_envelope(MapReader *r, JsonText value);
static void read_envelope_member(MapReader *r, int which, JsonText value);
static void read_records(MapReader *r, JsonText value);
static void read_record(MapReader *r, int which, JsonText value);
static void read_totals(MapReader *r, JsonText value);
static void read_has_next(MapReader *r, JsonText value);
static void read_meanings(MapReader *r, JsonText value);
static void read_meaning(MapReader *r, int which, JsonText value);
static void read_codes(MapReader *r, RelayCodes *codes, JsonText value);
static void read_after_sales(MapReader *r, JsonText value);
static void read_signature(MapReader *r, JsonText value);
static void read_signature_member(MapReader *r, int which, JsonText value);
static int	read_word(MapReader *r, JsonText value, const char *const *words, int n);
static void read_flag(MapReader *r, bool *flag, JsonText value);
static char *read_text(MapReader *r, JsonText value, bool (*good) (const char *), const char *expected);
static bool is_null(JsonText value);
static bool has_control(JsonText value);
static bool is_path(const char *text);
static bool is_name(const char *text);
static bool is_dotted(const char *text);
static bool is_printable(const char *text);
static bool is_header_name(const char *text);
static bool failed(const MapReader *r);
static void wrong(MapReader *r, const char *hint);

static const struct
{
	const char *name;
	MemberReader read;
}			members[] = {
	{"paths", read_paths},
	{"parameters", read_parameters},
	{"constants", read_constants},
	{"headers", read_headers},
	{"body", read_body},
	{"times", read_times},
	{"envelope", read_envelope},
	{"records", read_records},
	{"totals", read_totals},
	{"has_next", read_has_next},
	{"codes", read_meanings},
	{"after_sales", read_after_sales},
	{"signature", read_signature}
};

#define DOTTED_EXPECTED "It must be the name of a member, or names divided by dots like \"result.code\"."
#define CODES_EXPECTED "It must be a list of codes like [\"429\", \"busy\"]."

/* See relay_map.h. */
RelayMap *
relay_map_read(const char *options, GatewayFault *fault)
{
	const char *names[lengthof(members)];
	MapReader	r = {0};
	JsonText	value;

	memset(fault, 0, sizeof(*fault));
	r.map = palloc0(sizeof(RelayMap));
	r.fault = fault;
	set_defaults(r.map);
	strlcpy(r.option, "relay", sizeof(r.option));
	for (int i = 0; i < lengthof(members); i++)
		names[i] = members[i].name;
	if (options != NULL && json_find(options, strlen(options), "relay", &value) && !is_null(value))
		read_members(&r, value, names, lengthof(members), read_member);
	if (!failed(&r))
		relay_map_check(r.map, fault);
	return failed(&r) ? NULL : r.map;
}

static void
set_defaults(RelayMap *map)
{
	map->paths[RELAY_INCREMENT] = "/OrderIncrement";
	map->paths[RELAY_LIST] = "/GetOrder1";
	map->paths[RELAY_DETAILS] = "/GetOrderInfo";
	map->paths[RELAY_REFUNDS] = "/OrderRefundsGet";
	for (int o = 0; o < RELAY_OPERATIONS; o++)
	{
		for (int p = 0; p < RELAY_PARAMETERS; p++)
		{
			if (relay_taken[o] & RELAY_BIT(p))
				map->names[o][p] = p == RELAY_CREDENTIAL ? "DataKey" : relay_parameter_names[p];
		}
	}
	map->totals = true;
	map->has_next = true;
	map->code = "code";
	map->message = "message";
	map->data = "data";
	map->ok.n = 2;
	map->ok.codes[0] = "0";
	map->ok.codes[1] = "200";
	map->app_key = "app_key";
	map->timestamp = "timestamp";
	map->sign_method = "sign_method";
	map->signature = "sign";
}

/* Each member of an object by its number among the names; one of another name is a fault. */
static void
read_members(MapReader *r, JsonText object, const char *const *names, int n, NumberedReader read)
{
	size_t		option_len = strlen(r->option);
	JsonCursor	cursor;
	JsonText	key;
	JsonText	value;

	json_begin(&cursor, object.at, object.len);
	if (json_peek(&cursor) != '{')
	{
		wrong(r, "It must be a JSON object.");
		return;
	}
	json_enter(&cursor, '{');
	while (!failed(r) && json_member(&cursor, &key) && json_value(&cursor, &value))
	{
		int			which = 0;
		StringInfoData known;

		snprintf(r->option + option_len, sizeof(r->option) - option_len, ".%.*s",
				 (int) Min(key.len, 64), key.at);
		while (which < n && !json_key_is(key, names[which]))
			which++;
		if (which < n)
			read(r, which, value);
		else
		{
			initStringInfo(&known);
			for (int i = 0; i < n; i++)
				appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", names[i]);
			wrong(r, psprintf("Known members: %s.", known.data));
			r->fault->unknown = true;
		}
		r->option[option_len] = '\0';
	}
}

/* A member of the option itself; null is its default. */
static void
read_member(MapReader *r, int which, JsonText value)
{
	if (!is_null(value))
		members[which].read(r, value);
}

static void
read_paths(MapReader *r, JsonText value)
{
	read_members(r, value, relay_operation_names, RELAY_OPERATIONS, read_path);
}

static void
read_path(MapReader *r, int which, JsonText value)
{
	r->map->paths[which] = is_null(value) ? NULL : read_text(r, value, is_path, RELAY_PATH_EXPECTED);
}

/* Names for all operations first, whatever their order: those of a single one stand for more. */
static void
read_parameters(MapReader *r, JsonText value)
{
	const char *names[RELAY_PARAMETERS + RELAY_OPERATIONS];

	for (int i = 0; i < RELAY_PARAMETERS; i++)
		names[i] = relay_parameter_names[i];
	for (int i = 0; i < RELAY_OPERATIONS; i++)
		names[RELAY_PARAMETERS + i] = relay_operation_names[i];
	r->operation = ALL_OPERATIONS;
	read_members(r, value, names, lengthof(names), read_parameter);
	if (!failed(r))
		read_members(r, value, names, lengthof(names), read_parameters_of_operation);
}

/* One of an operation, or of all of them that take it. */
static void
read_parameter(MapReader *r, int which, JsonText value)
{
	const char *name;

	if (which >= RELAY_PARAMETERS)
		return;
	name = is_null(value) ? NULL : read_text(r, value, is_name, RELAY_NAME_EXPECTED);
	if (r->operation != ALL_OPERATIONS && !(relay_taken[r->operation] & RELAY_BIT(which)))
		relay_map_fault(r->fault, r->option, psprintf("Operation %s does not take it.", relay_operation_names[r->operation]),
				 "Leave it out.");
	for (int o = 0; o < RELAY_OPERATIONS; o++)
	{
		if ((o == r->operation || r->operation == ALL_OPERATIONS) && (relay_taken[o] & RELAY_BIT(which)))
			r->map->names[o][which] = name;
	}
}

static void
read_parameters_of_operation(MapReader *r, int which, JsonText value)
{
	if (which < RELAY_PARAMETERS)
		return;
	r->operation = which - RELAY_PARAMETERS;
	read_members(r, value, relay_parameter_names, RELAY_PARAMETERS, read_parameter);
}

static void
read_constants(MapReader *r, JsonText value)
{
	read_pairs(r, value, r->map->constants, RELAY_MAX_CONSTANTS, &r->map->nconstants, is_name,
			   "It must be an object of names and texts like {\"v\": \"2.0\"}, of 16 members at most.");
}

static void
read_headers(MapReader *r, JsonText value)
{
	read_pairs(r, value, r->map->headers, RELAY_MAX_HEADERS, &r->map->nheaders, is_header_name,
			   "It must be an object of headers and texts like {\"X-App\": \"orders\"}, of 16 members at most, and without those that belong to the call itself, such as Host and Content-Type.");
}

static void
read_pairs(MapReader *r, JsonText value, HttpHeader *pairs, int max, int *n,
		   bool (*good_name) (const char *), const char *expected)
{
	JsonCursor	cursor;
	JsonText	key;
	JsonText	text;

	json_begin(&cursor, value.at, value.len);
	if (json_peek(&cursor) != '{')
	{
		wrong(r, expected);
		return;
	}
	json_enter(&cursor, '{');
	while (!failed(r) && json_member(&cursor, &key) && json_value(&cursor, &text))
	{
		char		name[65] = {0};
		int			len = json_key_decode(key, name, sizeof(name) - 1);

		/* the value may be a secret: it is told nowhere */
		if (len <= 0 || has_control(text) || *n >= max || !good_name(name) || *text.at == '{' || *text.at == '[' ||
			is_null(text))
			wrong(r, expected);
		else
		{
			pairs[*n].name = pstrdup(name);
			pairs[*n].value = read_text(r, text, is_printable, expected);
			(*n)++;
		}
	}
}

static void
read_body(MapReader *r, JsonText value)
{
	static const char *const words[] = {"form", "json"};

	r->map->json = read_word(r, value, words, lengthof(words)) == 1;
}

static void
read_times(MapReader *r, JsonText value)
{
	static const char *const words[] = {"text", "epoch", "epoch_ms"};

	r->map->times = (RelayTimes) read_word(r, value, words, lengthof(words));
}

static void
read_envelope(MapReader *r, JsonText value)
{
	static const char *const names[] = {"code", "message", "data", "request_id", "ok"};

	r->map->enveloped = true;
	read_members(r, value, names, lengthof(names), read_envelope_member);
}

/* The number is that in names above. */
static void
read_envelope_member(MapReader *r, int which, JsonText value)
{
	const char **paths[] = {&r->map->code, &r->map->message, &r->map->data, &r->map->request_id};

	if (which == lengthof(paths))
	{
		r->map->ok.n = 0;
		read_codes(r, &r->map->ok, value);
		if (!failed(r) && r->map->ok.n == 0)
			wrong(r, "It must name at least one code that means success.");
	}
	else if (!is_null(value))
		*paths[which] = read_text(r, value, is_dotted, DOTTED_EXPECTED);
	else if (which == 0)
		wrong(r, "It must be where the answer's code is. Without codes leave the envelope out, or use option relay.records.");
	else
		*paths[which] = NULL;
}

static void
read_records(MapReader *r, JsonText value)
{
	read_members(r, value, record_names, RELAY_RECORDS, read_record);
}

/* "" is the data itself, where that is a list or a record. */
static void
read_record(MapReader *r, int which, JsonText value)
{
	if (value.len == 2 && *value.at == '"' && which < RELAY_TOTAL)
		r->map->records[which] = "";
	else if (!is_null(value))
		r->map->records[which] = read_text(r, value, is_dotted, DOTTED_EXPECTED);
}

static void
read_totals(MapReader *r, JsonText value)
{
	read_flag(r, &r->map->totals, value);
}

static void
read_has_next(MapReader *r, JsonText value)
{
	read_flag(r, &r->map->has_next, value);
}

static void
read_meanings(MapReader *r, JsonText value)
{
	read_members(r, value, relay_meaning_names, RELAY_MEANINGS, read_meaning);
}

static void
read_meaning(MapReader *r, int which, JsonText value)
{
	if (!is_null(value))
		read_codes(r, &r->map->codes[which], value);
}

/* Numbers, texts, true and false alike are codes. */
static void
read_codes(MapReader *r, RelayCodes *codes, JsonText value)
{
	JsonCursor	cursor;
	JsonText	code;

	json_begin(&cursor, value.at, value.len);
	if (json_peek(&cursor) != '[')
	{
		wrong(r, CODES_EXPECTED);
		return;
	}
	json_enter(&cursor, '[');
	while (!failed(r) && json_element(&cursor) && json_value(&cursor, &code))
	{
		char	   *text = json_text(code, MAX_TEXT);

		if (text == NULL || text[0] == '\0' || codes->n >= RELAY_MAX_CODES)
			wrong(r, CODES_EXPECTED);
		else
			codes->codes[codes->n++] = text;
	}
}

static void
read_after_sales(MapReader *r, JsonText value)
{
	static const char *const words[] = {"time", "order", "none"};

	r->map->after_sales = (RelayAfterSales) read_word(r, value, words, lengthof(words));
}

static void
read_signature(MapReader *r, JsonText value)
{
	static const char *const names[] = {"app_key", "timestamp", "sign_method", "sign"};

	r->map->sign = true;
	read_members(r, value, names, lengthof(names), read_signature_member);
}

/* The number is that in names above. */
static void
read_signature_member(MapReader *r, int which, JsonText value)
{
	const char **names[] = {&r->map->app_key, &r->map->timestamp, &r->map->sign_method,
	&r->map->signature};

	if (!is_null(value))
		*names[which] = read_text(r, value, is_name, RELAY_NAME_EXPECTED);
	else if (which == lengthof(names) - 1)
		wrong(r, "It must be the name of the parameter that carries the signature.");
	else
		*names[which] = NULL;
}

/* The number of a word, 0 after a fault. */
static int
read_word(MapReader *r, JsonText value, const char *const *words, int n)
{
	char	   *text = *value.at == '"' ? json_text(value, MAX_TEXT) : NULL;
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < n; i++)
	{
		if (text != NULL && strcmp(text, words[i]) == 0)
			return i;
		appendStringInfo(&known, "%s\"%s\"", i == 0 ? "" : i == n - 1 ? " or " : ", ", words[i]);
	}
	wrong(r, psprintf("It must be %s.", known.data));
	return 0;
}

static void
read_flag(MapReader *r, bool *flag, JsonText value)
{
	if (*value.at == '"' || !json_bool(value, flag))
		wrong(r, "It must be true or false.");
}

/* A text that is good; else a fault, and "". */
static char *
read_text(MapReader *r, JsonText value, bool (*good) (const char *), const char *expected)
{
	char	   *text = *value.at == '{' || *value.at == '[' || value.len > MAX_TEXT * 6 ? NULL :
		json_text(value, MAX_TEXT * 6);

	if (text != NULL && text[0] != '\0' && strlen(text) <= MAX_TEXT * 5 && good(text))
		return text;
	wrong(r, expected);
	return "";
}

static bool
is_null(JsonText value)
{
	return value.len == 4 && memcmp(value.at, "null", 4) == 0;
}

/* Escapes that stand for more than themselves: what they become would be mended, not refused. */
static bool
has_control(JsonText value)
{
	for (size_t i = 0; i + 1 < value.len; i++)
	{
		if (value.at[i] == '\\' && strchr("\"\\/", value.at[++i]) == NULL)
			return true;
	}
	return false;
}

/* Of a URL: no query, no fragment, nothing that leads out of it. */
static bool
is_path(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@%/";

	return text[0] == '/' && strlen(text) <= MAX_TEXT && strspn(text, allowed) == strlen(text) &&
		strstr(text, "/..") == NULL && strncmp(text, "//", 2) != 0;
}

static bool
is_name(const char *text)
{
	return strlen(text) < 64 && is_printable(text) && strchr(text, ' ') == NULL;
}

/* Names of members, none empty and none too long, divided by dots. */
static bool
is_dotted(const char *text)
{
	size_t		len = strcspn(text, ".");

	while (len > 0 && len < 64 && text[len] == '.')
	{
		text += len + 1;
		len = strcspn(text, ".");
	}
	return len > 0 && len < 64 && text[len] == '\0';
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text < 0x20 || (unsigned char) *text > 0x7E)
			return false;
	}
	return true;
}

/* A header that is not the call's own. */
static bool
is_header_name(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
	static const char *const own[] = {
		"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect",
		"host", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade"
	};

	for (int i = 0; i < lengthof(own); i++)
	{
		if (pg_strcasecmp(text, own[i]) == 0)
			return false;
	}
	return strlen(text) < 64 && strspn(text, allowed) == strlen(text);
}

static bool
failed(const MapReader *r)
{
	return r->fault->option != NULL;
}

/* The member in hand is not what it must be. */
static void
wrong(MapReader *r, const char *hint)
{
	relay_map_fault(r->fault, r->option, NULL, hint);
}
