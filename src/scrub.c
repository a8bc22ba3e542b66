/*
 * scrub.c
 *	  Copies a record without personal data, and says whether jsonb will take it.
 *
 * This is the strict way; scrub_loose.c has the one for what fails here.  It reads a record once, byte by byte, without recursion: a state
 * machine over a small stack of open brackets.  While it reads it checks all
 * that jsonb would refuse later, in the middle of a page's transaction: the
 * grammar, UTF-8, NUL (raw or escaped), lone surrogates, numbers beyond
 * numeric, nesting.  What stays is copied in long runs; a run is broken only
 * where a personal member is cut out, comma included.  A personal member's own
 * value is skipped, not checked: it is not going to be stored.
 *
 * Never throws for what it reads and never reads past the end.  Pure.
 */
#include "compat.h"

#include "personal.h"
#include "scrub.h"

/*
 * Brackets open at one time.  The platform needs about eight; jsonb's own limit
 * is the server's stack, which must hold at the smallest max_stack_depth too.
 */
#define MAX_DEPTH 100

/* What numeric can hold: digits before and after the point. */
#define MAX_INTEGER_DIGITS 131072
#define MAX_DECIMALS 16383

/* jsonb's limit for one string; a record that could hold one longer is refused. */
#define MAX_RECORD_LEN 0x0FFFFFFF

/* Of an open bracket. */
#define FRAME_OBJECT 1
#define FRAME_KEPT 2			/* a member of this object was kept */
#define FRAME_PERSONS 4			/* in a part of the record that speaks of persons */

typedef enum ReadState
{
	READ_VALUE,					/* a value must follow */
	READ_FIRST,					/* just inside a bracket */
	READ_KEY,					/* a key must follow */
	READ_NEXT,					/* a value has ended */
	READ_DONE,
	READ_FAULT
} ReadState;

typedef struct Reader
{
	const char *at;				/* next byte to be read */
	const char *end;
	const char *run;			/* first byte read and kept but not copied yet */
	const char *comma;			/* the comma before the member being read */
	char	   *out;			/* where the next run goes */
	const char *fault;			/* the reason, once there is one */
	ScrubField *fields;
	int			nfields;
	ScrubField *taking;			/* the field whose value is being read */
	const char *taking_at;
	bool		scope_ahead;	/* the value ahead speaks of persons */
	int			depth;
	uint8		frames[MAX_DEPTH + 1];	/* [1..depth] */
} Reader;

static ReadState read_value(Reader *reader);
static ReadState read_open(Reader *reader, bool object);
static ReadState read_first(Reader *reader);
static ReadState read_key(Reader *reader);
static ReadState read_next(Reader *reader);
static ReadState drop_member(Reader *reader, const char *key_at);
static bool is_dropped(Reader *reader, JsonText key);
static ScrubField *wanted_field(Reader *reader, JsonText key);
static bool read_string(Reader *reader);
static const char *read_escape(Reader *reader, const char *at);
static bool read_number(Reader *reader);
static bool read_word(Reader *reader);
static void flush_run(Reader *reader, const char *until);
static ReadState fault(Reader *reader, const char *reason);

static inline void
skip_space(Reader *reader)
{
	while (reader->at < reader->end &&
		   (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' ||
			*reader->at == '\t'))
		reader->at++;
}

/* See scrub.h. */
const char *
scrub_strict(const char *text, size_t len, ScrubField *fields, int nfields,
			 char *out, size_t *outlen)
{
	Reader		reader = {0};
	ReadState	state = READ_VALUE;

	reader.at = reader.run = text;
	reader.end = text + len;
	reader.out = out;
	reader.fields = fields;
	reader.nfields = nfields;

	skip_space(&reader);
	if (reader.at == reader.end || *reader.at != '{' || len > MAX_RECORD_LEN)
		return "shape";
	reader.run = reader.at;
	while (state != READ_DONE && state != READ_FAULT)
	{
		switch (state)
		{
			case READ_VALUE:
				state = read_value(&reader);
				break;
			case READ_FIRST:
				state = read_first(&reader);
				break;
			case READ_KEY:
				state = read_key(&reader);
				break;
			case READ_NEXT:
				state = read_next(&reader);
				break;
			case READ_DONE:
			case READ_FAULT:
				break;
		}
	}
	if (state == READ_FAULT)
		return reader.fault;

	flush_run(&reader, reader.at);
	skip_space(&reader);
	if (reader.at != reader.end)
		return *reader.at == '\0' ? "nul" : "syntax";
	*outlen = reader.out - out;
	return NULL;
}

/* Reads a scalar whole, or steps into a bracket. */
static ReadState
read_value(Reader *reader)
{
	skip_space(reader);
	if (reader->at >= reader->end)
		return fault(reader, "syntax");
	switch (*reader->at)
	{
		case '"':
			return read_string(reader) ? READ_NEXT : READ_FAULT;
		case '{':
			return read_open(reader, true);
		case '[':
			return read_open(reader, false);
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			return read_number(reader) ? READ_NEXT : READ_FAULT;
		default:
			return read_word(reader) ? READ_NEXT : READ_FAULT;
	}
}

/* Steps into an object or array; its part of the record stays its parent's. */
static ReadState
read_open(Reader *reader, bool object)
{
	uint8		persons;

	if (reader->depth >= MAX_DEPTH)
		return fault(reader, "nesting");
	persons = reader->scope_ahead ? FRAME_PERSONS : reader->frames[reader->depth] & FRAME_PERSONS;
	reader->scope_ahead = false;
	reader->depth++;
	reader->frames[reader->depth] = (object ? FRAME_OBJECT : 0) | persons;
	reader->at++;
	return READ_FIRST;
}

/* The first thing inside a bracket: its end, or a key, or an element. */
static ReadState
read_first(Reader *reader)
{
	bool		object = reader->frames[reader->depth] & FRAME_OBJECT;

	skip_space(reader);
	if (reader->at < reader->end && *reader->at == (object ? '}' : ']'))
	{
		reader->at++;
		reader->depth--;
		return READ_NEXT;
	}
	reader->comma = NULL;
	return object ? READ_KEY : READ_VALUE;
}

/* A key and its colon.  Decides whether the member stays. */
static ReadState
read_key(Reader *reader)
{
	const char *key_at;
	JsonText	key;

	skip_space(reader);
	if (reader->at >= reader->end || *reader->at != '"')
		return fault(reader, "syntax");
	key_at = reader->at;
	if (!read_string(reader))
		return READ_FAULT;
	key.at = key_at + 1;
	key.len = reader->at - key_at - 2;
	skip_space(reader);
	if (reader->at >= reader->end || *reader->at != ':')
		return fault(reader, "syntax");
	reader->at++;
	skip_space(reader);

	if (is_dropped(reader, key))
		return drop_member(reader, key_at);
	reader->frames[reader->depth] |= FRAME_KEPT;
	if (reader->depth == 1)
	{
		reader->taking = wanted_field(reader, key);
		reader->taking_at = reader->at;
	}
	return READ_VALUE;
}

/* Whether the member of this key is personal; the value's first byte is at hand. */
static bool
is_dropped(Reader *reader, JsonText key)
{
	char		decoded[PERSONAL_NAME_MAX];
	const char *name = key.at;
	int			len = key.len > PERSONAL_NAME_MAX ? -1 : (int) key.len;
	bool		scalar = reader->at < reader->end && *reader->at != '{' && *reader->at != '[';

	if (unlikely(memchr(key.at, '\\', key.len) != NULL))
	{
		name = decoded;
		len = json_key_decode(key, decoded, sizeof(decoded));
	}
	if (len <= 0)
		return unlikely(reader->frames[reader->depth] & FRAME_PERSONS) && scalar;
	if (personal_name(name, len))
		return true;
	if (unlikely(reader->frames[reader->depth] & FRAME_PERSONS))
		return scalar && !personal_scope_keeps(name, len);
	reader->scope_ahead = personal_scope(name, len);
	if (reader->scope_ahead && scalar)
	{
		reader->scope_ahead = false;
		return true;			/* as text nobody can tell what it says */
	}
	return false;
}

/* Cuts a member out of what is copied, with the comma that would be left over. */
static ReadState
drop_member(Reader *reader, const char *key_at)
{
	const char *past = json_skip_value(reader->at, reader->end);

	if (past == NULL)
		return fault(reader, "syntax");
	if (reader->frames[reader->depth] & FRAME_KEPT)
		flush_run(reader, reader->comma);
	else
		flush_run(reader, key_at);
	reader->at = reader->run = past;
	return READ_NEXT;
}

/* The field that is to take the value of a member of the record itself. */
static ScrubField *
wanted_field(Reader *reader, JsonText key)
{
	for (int i = 0; i < reader->nfields; i++)
	{
		ScrubField *field = &reader->fields[i];

		if (field->name_len == key.len && field->name != NULL &&
			memcmp(field->name, key.at, key.len) == 0)
			return field;
	}
	if (unlikely(memchr(key.at, '\\', key.len) != NULL))
	{
		for (int i = 0; i < reader->nfields; i++)
		{
			if (reader->fields[i].name != NULL && json_key_is(key, reader->fields[i].name))
				return &reader->fields[i];
		}
	}
	return NULL;
}

/* After a value: the next member or element, or the bracket's end. */
static ReadState
read_next(Reader *reader)
{
	uint8		frame = reader->frames[reader->depth];

	if (reader->depth == 1 && reader->taking != NULL)
	{
		reader->taking->value.at = reader->taking_at;
		reader->taking->value.len = reader->at - reader->taking_at;
		reader->taking = NULL;
	}
	if (reader->depth == 0)
		return READ_DONE;
	skip_space(reader);
	if (reader->at >= reader->end)
		return fault(reader, "syntax");
	if (*reader->at == ',')
	{
		reader->comma = reader->at++;
		if ((frame & (FRAME_OBJECT | FRAME_KEPT)) == FRAME_OBJECT)
			reader->run = reader->at;	/* all before it was cut out, so it goes too */
		return frame & FRAME_OBJECT ? READ_KEY : READ_VALUE;
	}
	if (*reader->at == (frame & FRAME_OBJECT ? '}' : ']'))
	{
		reader->at++;
		reader->depth--;
		return READ_NEXT;
	}
	return fault(reader, "syntax");
}

/* A string, from quote to quote. */
static bool
read_string(Reader *reader)
{
	const char *at = reader->at + 1;
	const char *end = reader->end;

	for (;;)
	{
		while (end - at >= 8)
		{
			uint64		word;

			memcpy(&word, at, 8);
			if (JSON_HAS_BYTE(word, '"') | JSON_HAS_BYTE(word, '\\') |
				JSON_HAS_CONTROL(word) | (word & JSON_HIGHS))
				break;
			at += 8;
		}
		while (at < end && (unsigned char) *at >= 0x20 && (unsigned char) *at < 0x80 &&
			   *at != '"' && *at != '\\')
			at++;
		if (at >= end)
			return fault(reader, "syntax") != READ_FAULT;
		if (*at == '"')
			break;
		if (*at == '\\')
		{
			at = read_escape(reader, at);
			if (at == NULL)
				return false;
			continue;
		}
		if ((unsigned char) *at < 0x20)
			return fault(reader, *at == '\0' ? "nul" : "syntax") != READ_FAULT;
		while (at < end && (unsigned char) *at >= 0x80)
		{
			int			n = json_utf8_len((const unsigned char *) at,
										  (const unsigned char *) end);

			if (n == 0)
				return fault(reader, "encoding") != READ_FAULT;
			at += n;
		}
	}
	reader->at = at + 1;
	return true;
}

/* Past the escape at at, or NULL and the fault: \u0000 and half a pair are no text. */
static const char *
read_escape(Reader *reader, const char *at)
{
	uint32		code;

	if (reader->end - at < 2 || at[1] == '\0' || strchr("\"\\/bfnrtu", at[1]) == NULL)
	{
		fault(reader, reader->end - at >= 2 && at[1] == '\0' ? "nul" : "syntax");
		return NULL;
	}
	if (at[1] != 'u')
		return at + 2;
	if (!json_hex4(at + 2, reader->end, &code))
	{
		fault(reader, "syntax");
		return NULL;
	}
	if (code == 0)
	{
		fault(reader, "nul");
		return NULL;
	}
	if (code < 0xD800 || code > 0xDFFF)
		return at + 6;
	if (code > 0xDBFF || reader->end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
		!json_hex4(at + 8, reader->end, &code) || code < 0xDC00 || code > 0xDFFF)
	{
		fault(reader, "encoding");
		return NULL;
	}
	return at + 12;
}

/* A number by JSON's grammar and within what numeric can hold. */
static bool
read_number(Reader *reader)
{
	const char *at = reader->at;
	const char *end = reader->end;
	const char *digits;
	int64		integer_digits;
	int64		decimals = 0;
	int64		exponent = 0;
	bool		negative = false;

#define DIGIT(p) ((p) < end && *(p) >= '0' && *(p) <= '9')
	if (*at == '-')
		at++;
	for (digits = at; DIGIT(at); at++)
		;
	integer_digits = at - digits;
	if (integer_digits == 0 || (*digits == '0' && integer_digits > 1))
		return fault(reader, "syntax") != READ_FAULT;
	if (at < end && *at == '.')
	{
		for (digits = ++at; DIGIT(at); at++)
			;
		decimals = at - digits;
		if (decimals == 0)
			return fault(reader, "syntax") != READ_FAULT;
	}
	if (at < end && (*at == 'e' || *at == 'E'))
	{
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			negative = *at++ == '-';
		for (digits = at; DIGIT(at); at++)
			exponent = Min(exponent * 10 + (*at - '0'), (int64) MAX_RECORD_LEN);
		if (at == digits)
			return fault(reader, "syntax") != READ_FAULT;
	}
#undef DIGIT
	if (negative)
		exponent = -exponent;
	if (integer_digits + exponent > MAX_INTEGER_DIGITS || decimals - exponent > MAX_DECIMALS)
		return fault(reader, "number") != READ_FAULT;
	reader->at = at;
	return true;
}

/* true, false or null. */
static bool
read_word(Reader *reader)
{
	static const char *const words[] = {"true", "false", "null"};

	for (int i = 0; i < lengthof(words); i++)
	{
		size_t		len = strlen(words[i]);

		if (reader->end - reader->at >= len && memcmp(reader->at, words[i], len) == 0)
		{
			reader->at += len;
			return true;
		}
	}
	return fault(reader, *reader->at == '\0' ? "nul" : "syntax") != READ_FAULT;
}

/* Copies what was kept up to until. */
static void
flush_run(Reader *reader, const char *until)
{
	size_t		len = until - reader->run;

	memcpy(reader->out, reader->run, len);
	reader->out += len;
	reader->run = until;
}

/* Notes why the record is no good. */
static ReadState
fault(Reader *reader, const char *reason)
{
	reader->fault = reason;
	return READ_FAULT;
}
