/*
 * relay_request.c
 *	  A request to a relay becomes a call of the platform.
 *
 * A relay knows its own names only: what it does not know is an error, and so is
 * what it needs and was not sent.  Values are read as strictly as the relay's
 * settings say: in a JSON body numbers are numbers and texts are texts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "relay_private.h"

typedef struct Operation
{
	const char *name;
	Method		method;
	const char *params[10];		/* the platform's names */
} Operation;

static const Operation operations[] = {
	{"increment", M_INCREMENT, {"fields", "type", "ext_type", "start_modified", "end_modified",
	"page_no", "page_size", "use_has_next"}},
	{"list", M_SOLD, {"fields", "type", "ext_type", "start_created", "end_created",
	"page_no", "page_size", "use_has_next"}},
	{"arrival", M_INCREMENTV, {"fields", "type", "ext_type", "start_create", "end_create",
	"page_no", "page_size", "use_has_next"}},
	{"history", M_HISTORY, {"fields", "type", "ext_type", "start_created", "end_created",
	"page_no", "page_size", "use_has_next"}},
	{"refunds", M_REFUNDS, {"fields", "type", "start_modified", "end_modified",
	"page_no", "page_size", "use_has_next"}},
	{"special_refunds", M_SPECIAL, {"fields", "type", "start_modified", "end_modified",
	"page_no", "page_size", "use_has_next"}},
	{"refunds_of_order", M_ORDER_REFUNDS, {"fields", "tid", "page_no", "page_size", "use_has_next"}},
	{"details", M_FULLINFO, {"fields", "tid"}},
	{"refund", M_REFUND, {"fields", "refund_id"}},
};

#define NOPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* A parameter as it was sent. */
typedef struct Sent
{
	Param		params[MAX_PARAMS];
	char		kinds[MAX_PARAMS];	/* s: text, n: number, b: flag, f: of a form */
	int			n;
} Sent;

static Sent sent;

static const Operation *find_operation(const Relay *relay, const char *path);
static void read_sent(Call *call, Out *body);
static bool read_json(Call *call, char *text);
static void take_params(Call *call, const Operation *op);

static void
refuse(Call *call, const char *kind, const char *why)
{
	if (call->refused[0] != '\0')
		return;
	snprintf(call->refused, sizeof(call->refused), "%s", why);
	call->refused_as = kind;
}

static void
refuse_about(Call *call, const char *kind, const char *why, const char *name)
{
	char		text[sizeof(call->refused)];

	snprintf(text, sizeof(text), "%s: %s", why, name);
	refuse(call, kind, text);
}

static const char *
member(const Relay *relay, const char *object, const char *name)
{
	char		setting[160];

	snprintf(setting, sizeof(setting), "%s.%s", object, name);
	return relay_setting(relay, setting);
}

/* How the relay calls a parameter of an operation, NULL: it does not know it. */
static const char *
name_of(const Relay *relay, const Operation *op, const char *name)
{
	char		object[64];
	const char *own;
	char		setting[160];

	snprintf(object, sizeof(object), "parameters.%s", op->name);
	own = member(relay, object, name);
	if (own != NULL)
		return own;
	snprintf(setting, sizeof(setting), "parameters.%s", name);
	for (int i = 0; i < relay->n; i++)
		if (strcmp(relay->settings[i].name, setting) == 0)
			return relay_setting(relay, setting);
	return strcmp(name, "credential") == 0 ? relay_setting(relay, setting) : name;
}

static const char *
sent_value(const char *name, char *kind)
{
	for (int i = 0; name != NULL && i < sent.n; i++)
		if (strcmp(sent.params[i].name, name) == 0)
		{
			if (kind != NULL)
				*kind = sent.kinds[i];
			return sent.params[i].value;
		}
	return NULL;
}

void
relay_read(Call *call, const char *path, const char *http_method, char *query, Out *body,
		   HeaderReader header, void *connection)
{
	const Relay *relay = call->relay = relay_at(path);
	const char *body_form = relay_setting(relay, "body");
	const char *type = header(connection, "Content-Type");
	const char *wanted = strcmp(body_form, "json") == 0 ? "application/json" :
		"application/x-www-form-urlencoded";
	const Operation *op;

	call->total = -1;
	call->has_next = -1;
	call->method = -1;
	sent.n = 0;
	if (strcmp(http_method, "POST") != 0 || (query != NULL && *query != '\0'))
		refuse(call, "other", "POST, and everything in its body");
	else if (type == NULL || strncmp(type, wanted, strlen(wanted)) != 0)
		refuse_about(call, "other", "the body is not what this service reads", wanted);
	else
		read_sent(call, body);
	for (int i = 0; i < relay->n; i++)
		if (strncmp(relay->settings[i].name, "headers.", 8) == 0)
		{
			const char *value = header(connection, relay->settings[i].name + 8);

			if (value == NULL || strcmp(value, relay->settings[i].value) != 0)
				refuse_about(call, "unauthorized", "missing or wrong header", relay->settings[i].name + 8);
		}
	op = find_operation(relay, path + strlen(relay_setting(relay, "base")));
	if (op == NULL)
	{
		/* nothing else counts */
		call->refused[0] = '\0';
		refuse(call, "not here", "no such operation");
		return;
	}
	call->method = op->method;
	call->method_name = methods[op->method].name;
	call->simplify = relay_is_on(relay, "simplify");
	take_params(call, op);
	if (param(call, "session") != NULL)
		call->shop = shop_by_session(param(call, "session"), &call->sub_account);
	call->no_total = !relay_is_on(relay, "totals");
	call->no_has_next = !relay_is_on(relay, "has_next");
	call->tells_both = name_of(relay, op, "use_has_next") == NULL;
}

static const Operation *
find_operation(const Relay *relay, const char *path)
{
	bool		by_order = relay_setting(relay, "after_sales") != NULL &&
		strcmp(relay_setting(relay, "after_sales"), "order") == 0;

	for (size_t i = 0; i < NOPERATIONS; i++)
	{
		const Operation *op = &operations[i];
		const char *own = member(relay, "paths", op->name);

		if (op->method == M_ORDER_REFUNDS)
			own = !by_order ? NULL : own != NULL ? own : member(relay, "paths", "refunds");
		else if (op->method == M_REFUNDS && by_order)
			own = NULL;
		if (own != NULL && strcmp(own, path) == 0)
			return op;
	}
	return NULL;
}

/* ---- what was sent ---- */

static void
read_sent(Call *call, Out *body)
{
	out_char(body, '\0');
	if (strcmp(relay_setting(call->relay, "body"), "json") == 0)
	{
		if (!read_json(call, body->data))
			refuse(call, "other", "the body is no flat JSON object");
	}
	else
	{
		static Call form;

		form.nparams = 0;
		form.overflow = false;
		protocol_params(&form, body->data);
		if (form.overflow)
			refuse(call, "other", "too many parameters");
		memcpy(sent.params, form.params, sizeof(sent.params));
		memset(sent.kinds, 'f', sizeof(sent.kinds));
		sent.n = form.nparams;
	}
	for (int i = 0; i < sent.n; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(sent.params[i].name, sent.params[j].name) == 0)
				refuse_about(call, "other", "parameter sent twice", sent.params[i].name);
}

static char *
skip_blanks(char *s)
{
	return s + strspn(s, " \t\r\n");
}

static void
put_utf8(char **to, unsigned c)
{
	if (c < 0x80)
		*(*to)++ = (char) c;
	else if (c < 0x800)
	{
		*(*to)++ = (char) (0xC0 | c >> 6);
		*(*to)++ = (char) (0x80 | (c & 63));
	}
	else
	{
		*(*to)++ = (char) (0xE0 | c >> 12);
		*(*to)++ = (char) (0x80 | (c >> 6 & 63));
		*(*to)++ = (char) (0x80 | (c & 63));
	}
}

/* Reads a text in place, *s at its first quote; NULL: it is none.  Pairs of surrogates are not read. */
static char *
read_text(char **s)
{
	char	   *from = *s + 1;
	char	   *to = from;
	char	   *start = from;

	if (**s != '"')
		return NULL;
	for (; *from != '"'; from++)
	{
		static const char from_letters[] = "\"\\/bfnrt";
		static const char to_letters[] = "\"\\/\b\f\n\r\t";
		const char *letter;
		unsigned	c;

		if ((unsigned char) *from < 0x20)
			return NULL;
		if (*from != '\\')
		{
			*to++ = *from;
			continue;
		}
		from++;
		letter = *from == '\0' ? NULL : strchr(from_letters, *from);
		if (letter != NULL)
			*to++ = to_letters[letter - from_letters];
		else if (*from == 'u' && sscanf(from + 1, "%4x", &c) == 1 && c > 0 && (c < 0xD800 || c > 0xDFFF))
		{
			put_utf8(&to, c);
			from += 4;
		}
		else
			return NULL;
	}
	*s = from + 1;
	*to = '\0';
	return start;
}

/* Reads a value in place; its kind, or 0: it is none of a flat object. */
static char
read_value(char **s, char **value, char *stop)
{
	size_t		len;

	if (**s == '"')
	{
		*value = read_text(s);
		return *value != NULL ? 's' : 0;
	}
	len = strcspn(*s, ",} \t\r\n");
	*value = *s;
	*s += len;
	/* what follows is overwritten by the end of the value */
	*stop = **s;
	**s = '\0';
	if (strcmp(*value, "true") == 0 || strcmp(*value, "false") == 0)
		return 'b';
	return len > 0 && strspn(*value, "0123456789") == len ? 'n' : 0;
}

/* Only what a request is: one object whose members are texts, numbers and flags. */
static bool
read_json(Call *call, char *text)
{
	char	   *s = skip_blanks(text);

	(void) call;
	if (*s++ != '{')
		return false;
	for (s = skip_blanks(s); *s != '}' || sent.n > 0; s = skip_blanks(s))
	{
		char	   *name = read_text(&s);
		char	   *value;
		char		stop = '\0';

		s = skip_blanks(s);
		if (name == NULL || *s++ != ':' || sent.n == MAX_PARAMS)
			return false;
		s = skip_blanks(s);
		sent.kinds[sent.n] = read_value(&s, &value, &stop);
		if (sent.kinds[sent.n] == 0)
			return false;
		sent.params[sent.n++] = (Param) {name, value};
		if (stop == '\0')
		{
			s = skip_blanks(s);
			stop = *s;
		}
		while (stop == ' ' || stop == '\t' || stop == '\r' || stop == '\n')
			stop = *++s;
		s++;
		if (stop == '}')
			return *skip_blanks(s) == '\0';
		if (stop != ',')
			return false;
	}
	return *skip_blanks(s + 1) == '\0';
}

/* ---- what it means on the platform ---- */

static bool
is_time(const char *name)
{
	return strncmp(name, "start_", 6) == 0 || strncmp(name, "end_", 4) == 0;
}

/* The kind that a value must have in a JSON body. */
static char
kind_wanted(const Relay *relay, const char *name)
{
	if (strcmp(name, "page_no") == 0 || strcmp(name, "page_size") == 0 ||
		(is_time(name) && strcmp(relay_setting(relay, "times"), "text") != 0))
		return 'n';
	return strcmp(name, "use_has_next") == 0 ? 'b' : 's';
}

/* A time as the platform writes it; what cannot be read stays as it is. */
static const char *
platform_time(const Relay *relay, const char *value)
{
	const char *form = relay_setting(relay, "times");
	int64_t		unit = strcmp(form, "epoch_ms") == 0 ? 1000 : 1;
	char	   *end;
	long long	t = strtoll(value, &end, 10);
	Out			text = {0};

	/* what is not in the form of the relay must not be one of the platform's either */
	if (strcmp(form, "text") == 0)
		return value;
	if (*end != '\0' || t % unit != 0)
		return "not a time";
	out_time(&text, t / unit);
	out_char(&text, '\0');
	return text.data;			/* a few bytes of a test's server */
}

static void
take(Call *call, const char *name, const char *value)
{
	call->params[call->nparams++] = (Param) {name, value};
}

/* The signature is over what was sent, by the names that it was sent by. */
static void
check_signature(Call *call)
{
	const Relay *relay = call->relay;
	const char *name = member(relay, "signature", "sign");
	const char *sign = sent_value(name, NULL);
	const char *sign_method = sent_value(member(relay, "signature", "sign_method"), NULL);
	const char *timestamp = sent_value(member(relay, "signature", "timestamp"), NULL);
	const char *app_key = sent_value(member(relay, "signature", "app_key"), NULL);
	Param		others[MAX_PARAMS];
	int			n = 0;
	int64_t		t;
	char		hex[129];

	if (sign_method == NULL)
		sign_method = relay_setting(relay, "sign_method");
	for (int i = 0; i < sent.n; i++)
		if (strcmp(sent.params[i].name, name) != 0)
			others[n++] = sent.params[i];
	if (sign == NULL || sign_method == NULL ||
		!protocol_sign(sign_method, APP_SECRET, others, n, hex) || strcmp(hex, sign) != 0)
		refuse(call, "other", "missing or wrong signature");
	else if (member(relay, "signature", "app_key") != NULL &&
			 (app_key == NULL || strcmp(app_key, APP_KEY) != 0))
		refuse(call, "other", "missing or wrong application key");
	else if (member(relay, "signature", "timestamp") != NULL &&
			 (timestamp == NULL || !time_read(timestamp, &t) ||
			  t * 1000 - clock_ms() > 600000 || clock_ms() - t * 1000 > 600000))
		refuse(call, "other", "missing or wrong timestamp");
}

/* Is it a constant of the relay, with its value, or one of the signature's? */
static bool
is_other(const Relay *relay, const Param *p)
{
	static const char *const signature[] = {"app_key", "timestamp", "sign_method", "sign"};
	const char *constant = member(relay, "constants", p->name);

	if (constant != NULL)
		return strcmp(constant, p->value) == 0;
	for (size_t i = 0; relay_is_on(relay, "signature") && i < 4; i++)
	{
		const char *name = member(relay, "signature", signature[i]);

		if (name != NULL && strcmp(name, p->name) == 0)
			return true;
	}
	return false;
}

static void
take_params(Call *call, const Operation *op)
{
	const Relay *relay = call->relay;
	const char *credential = name_of(relay, op, "credential");
	bool		json = strcmp(relay_setting(relay, "body"), "json") == 0;
	const char *key = sent_value(credential, NULL);

	if (relay_is_on(relay, "signature"))
		check_signature(call);
	if (key == NULL || *key == '\0')
		refuse_about(call, "unauthorized", "missing parameter", credential);
	else
		take(call, "session", key);
	for (int i = 0; i < relay->n; i++)
		if (strncmp(relay->settings[i].name, "constants.", 10) == 0 &&
			sent_value(relay->settings[i].name + 10, NULL) == NULL)
			refuse_about(call, "other", "missing parameter", relay->settings[i].name + 10);
	for (int i = 0; i < sent.n; i++)
	{
		const char *name = NULL;

		for (int k = 0; k < 10 && op->params[k] != NULL && name == NULL; k++)
		{
			const char *own = name_of(relay, op, op->params[k]);

			if (own != NULL && strcmp(own, sent.params[i].name) == 0)
				name = op->params[k];
		}
		if (name != NULL && json && sent.kinds[i] != kind_wanted(relay, name))
			refuse_about(call, "other", "a value of the wrong kind", sent.params[i].name);
		else if (name != NULL)
			take(call, name, is_time(name) ? platform_time(relay, sent.params[i].value) :
				 sent.params[i].value);
		else if (strcmp(sent.params[i].name, credential) != 0 && !is_other(relay, &sent.params[i]))
			refuse_about(call, "other", "unknown parameter", sent.params[i].name);
	}
}
