/*
 * record_jsonb.c
 *	  The text of a record as jsonb.
 *
 * A record is converted each time that it is stored, and the server's own
 * conversion (jsonb_in) allocates for each token, builds a tree of values and
 * then writes it.  Here the text is read once, and jsonb_build.c composes the
 * datum from where the values lie in the text.
 *
 * What is read here is strictly JSON.  Whatever is not, is nested deeper than
 * JSONB_BUILD_DEPTH, is longer than MAX_TEXT, has a number that numeric might
 * refuse, or is in a database whose encoding is not UTF8, is given to jsonb_in
 * from the start: what jsonb accepts, and each error, is therefore the
 * server's.  Nothing here throws, except when out of memory.
 *
 * Pure, but for the memory of the build, which belongs to the process.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "json_find.h"
#include "json_scan.h"
#include "jsonb_build.h"
#include "record_jsonb.h"

#define MAX_NUMBER 512			/* far from numeric's limits, without an exponent */
#define MAX_TEXT (1024 * 1024)	/* its jsonb stays far below JENTRY_OFFLENMASK */

typedef struct Reader
{
	const char *at;				/* next byte to be read */
	const char *end;
	JsonbBuild *build;
} Reader;

ORDERSYNC_EXPORT Datum ordersync_read_record(PG_FUNCTION_ARGS);

static Jsonb *convert(const char *text, size_t len, const JsonbNames *hidden);
static Jsonb *convert_by_server(const char *text, size_t len);
static bool read_text(Reader *reader);
static char closing_byte(Reader *reader);
static bool close_ended(Reader *reader, bool *done);
static bool read_member(Reader *reader);
static bool read_value(Reader *reader, bool *opened);
static bool read_string(Reader *reader, const char **text, uint32 *len);
static bool read_word(Reader *reader, JsonbItem *item);
static bool read_number(Reader *reader, JsonbItem *item);
static const char *skip_digits(const char *at, const char *end);
static Numeric make_numeric(const char *at, size_t len);

PG_FUNCTION_INFO_V1(ordersync_read_record);
/* read_record(body text, hidden text[]) → jsonb */
Datum
ordersync_read_record(PG_FUNCTION_ARGS)
{
	text	   *body;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	body = PG_GETARG_TEXT_PP(0);
	PG_RETURN_JSONB_P(record_jsonb_without(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body),
										   PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1)));
}

/* See record_jsonb.h. */
Jsonb *
record_jsonb(const char *text, size_t len)
{
	return record_jsonb_without(text, len, NULL);
}

/* See record_jsonb.h. */
Jsonb *
record_jsonb_without(const char *text, size_t len, ArrayType *hidden)
{
	JsonbNames	names = {0};
	Jsonb	   *result = NULL;

	/* the server refuses more than one dimension, once it has read the text */
	if (hidden != NULL && ARR_NDIM(hidden) == 1)
		deconstruct_array(hidden, TEXTOID, -1, false, TYPALIGN_INT, (Datum **) &names.names,
						  (bool **) &names.nulls, &names.n);
	if (len <= MAX_TEXT && GetDatabaseEncoding() == PG_UTF8)
		result = convert(text, len, names.n > 0 ? &names : NULL);
	if (result == NULL)
		result = convert_by_server(text, len);
	else if (JB_ROOT_IS_OBJECT(result) && (hidden == NULL || ARR_NDIM(hidden) <= 1))
		return result;
	if (hidden == NULL)
		return result;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete_array, JsonbPGetDatum(result),
											  PointerGetDatum(hidden)));
}

/* The jsonb of a text that is plain JSON, an object's members in hidden left out; NULL for another text. */
static Jsonb *
convert(const char *text, size_t len, const JsonbNames *hidden)
{
	Reader		reader = {.at = text, .end = text + len, .build = jsonb_build_begin()};
	Jsonb	   *result = NULL;

	if (read_text(&reader))
		result = jsonb_build_root(reader.build, hidden);
	jsonb_build_end(reader.build);
	return result;
}

/* The jsonb of any text, or the server's error. */
static Jsonb *
convert_by_server(const char *text, size_t len)
{
	char	   *copy = pnstrdup(text, len);
	Jsonb	   *result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(copy)));

	pfree(copy);
	return result;
}

/* The next byte that is not white space, 0 at the end. */
static inline char
next_byte(Reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	reader->at = at;
	return at < reader->end ? *at : '\0';
}

/*
 * Reads the whole text into the build.  The outermost container is left open,
 * for jsonb_build_root(); false when the text is not plain JSON.
 */
static bool
read_text(Reader *reader)
{
	bool		done = false;

	jsonb_build_item(reader->build, NULL, 0);
	for (;;)
	{
		bool		opened = false;

		if (!read_value(reader, &opened))
			return false;
		if (!opened || next_byte(reader) == closing_byte(reader))
		{
			if (!close_ended(reader, &done))
				return false;
			if (done)
				return true;
		}
		if (!read_member(reader))
			return false;
	}
}

/* What ends the innermost open container. */
static char
closing_byte(Reader *reader)
{
	return reader->build->levels[reader->build->depth - 1].is_object ? '}' : ']';
}

/* Past a value: closes the containers that end with it, and consumes the comma before the next one. */
static bool
close_ended(Reader *reader, bool *done)
{
	JsonbBuild *build = reader->build;

	while (build->depth > 0)
	{
		char		next = next_byte(reader);

		if (next != ',' && next != closing_byte(reader))
			return false;
		reader->at++;
		if (next == ',')
			return true;
		if (build->depth == 1)
			break;
		jsonb_build_close(build);
	}
	*done = true;
	next_byte(reader);
	return reader->at == reader->end;
}

/* Begins the next item of the innermost container; of a member the name and the colon are read. */
static bool
read_member(Reader *reader)
{
	const char *key = NULL;
	uint32		len = 0;

	if (closing_byte(reader) == '}')
	{
		if (next_byte(reader) != '"' || !read_string(reader, &key, &len) || next_byte(reader) != ':')
			return false;
		reader->at++;
	}
	jsonb_build_item(reader->build, key, len);
	return true;
}

/* Reads a scalar into the newest item, or steps into the object or array ahead. */
static bool
read_value(Reader *reader, bool *opened)
{
	JsonbItem  *item = &reader->build->items[reader->build->nitems - 1];
	char		next = next_byte(reader);

	item->value = reader->at;
	item->len = 0;
	switch (next)
	{
		case '"':
			item->type = JENTRY_ISSTRING;
			return read_string(reader, &item->value, &item->len);
		case '{':
		case '[':
			if (reader->build->depth == JSONB_BUILD_DEPTH)
				return false;
			jsonb_build_open(reader->build, next == '{');
			reader->at++;
			*opened = true;
			return true;
		case 't':
		case 'f':
		case 'n':
			return read_word(reader, item);
		default:
			return read_number(reader, item);
	}
}

/* Reads the string ahead: where its text is, in the text or in scratch memory, and its length. */
static bool
read_string(Reader *reader, const char **text, uint32 *len)
{
	JsonText	raw = {.at = reader->at + 1};
	const char *at = raw.at;
	bool		escaped = false;
	int			decoded;

	for (;;)
	{
		at = json_find_special(at, reader->end, JSON_CONTROLS);
		if (at >= reader->end || (unsigned char) *at < 0x20)
			return false;
		if (*at == '"')
			break;
		if (reader->end - at < 2)
			return false;
		escaped = true;
		at += 2;
	}
	reader->at = at + 1;
	raw.len = at - raw.at;
	*text = raw.at;
	*len = raw.len;
	if (!escaped)
		return true;
	*text = jsonb_build_scratch(reader->build, raw.len);
	decoded = json_key_decode(raw, (char *) *text, raw.len);
	*len = decoded;
	return decoded >= 0;
}

/* Reads true, false or null.  What may follow it is close_ended()'s business, as after a number. */
static bool
read_word(Reader *reader, JsonbItem *item)
{
	const char *at = reader->at;
	size_t		left = reader->end - at;

	if (left >= 4 && memcmp(at, "true", 4) == 0)
	{
		item->type = JENTRY_ISBOOL_TRUE;
		reader->at += 4;
	}
	else if (left >= 4 && memcmp(at, "null", 4) == 0)
	{
		item->type = JENTRY_ISNULL;
		reader->at += 4;
	}
	else if (left >= 5 && memcmp(at, "false", 5) == 0)
	{
		item->type = JENTRY_ISBOOL_FALSE;
		reader->at += 5;
	}
	else
		return false;
	return true;
}

/*
 * Reads a number.  One with an exponent, and a very long one, is left to the
 * server: numeric_in might refuse it, and the server reads a token further
 * before it asks.
 */
static bool
read_number(Reader *reader, JsonbItem *item)
{
	const char *start = reader->at;
	const char *end = reader->end;
	const char *digits = start < end && *start == '-' ? start + 1 : start;
	const char *past = skip_digits(digits, end);
	JsonText	integer = {.at = start, .len = past - start};
	int64		value;
	Numeric		number;
	char	   *copy;

	if (past == digits || (*digits == '0' && past - digits > 1))
		return false;
	if (past < end && *past == '.')
	{
		digits = past + 1;
		past = skip_digits(digits, end);
		if (past == digits)
			return false;
	}
	if ((past < end && (*past == 'e' || *past == 'E')) || past - start > MAX_NUMBER)
		return false;
	if (past == start + integer.len && json_int64(integer, &value))
		number = int64_to_numeric(value);
	else
		number = make_numeric(start, past - start);
	reader->at = past;
	item->type = JENTRY_ISNUMERIC;
	item->len = VARSIZE_ANY(number);
	copy = jsonb_build_scratch(reader->build, item->len);
	memcpy(copy, number, item->len);
	item->value = copy;
	pfree(number);
	return true;
}

/* Past the digits at at. */
static const char *
skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The server's numeric of a number of at most MAX_NUMBER bytes. */
static Numeric
make_numeric(const char *at, size_t len)
{
	char		copy[MAX_NUMBER + 1];

	memcpy(copy, at, len);
	copy[len] = '\0';
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(copy),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}
