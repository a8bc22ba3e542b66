/*
 * scrub.c
 *	  Copies a record without personal data, and says whether jsonb will take it.
 *
 * This is the strict way; scrub_loose.c has the one for what fails here.  It
 * reads a record once, plain bytes of strings eight at a time, without
 * recursion: a state machine over a small stack of open brackets.  While it
 * reads it checks all that jsonb would refuse later, in the middle of a page's
 * transaction: the grammar, UTF-8, NUL (raw or escaped), lone surrogates,
 * numbers beyond numeric, nesting.  What stays is copied in long runs; a run is
 * broken only where a personal member is cut out, comma included, or where its
 * value is replaced.  The value of one that is cut out is skipped, not checked: it
 * is not going to be stored.  A string that may hold JSON is read the same way, by
 * a reader of its own; so what is recursive is texts within texts, to MAX_NEST.
 *
 * Where a good record ends is found by the reading itself (scrub_first), and
 * that is where json_skip_value() would end it: outside personal values only
 * balanced brackets are let pass, and a personal value is skipped by that very
 * function.  The one exception, odd_value, is told.
 *
 * Mending is the same reading: where a string holds invalid text, the reader
 * copies something in its place, notes the value and reads on.  It is tried only
 * for what failed, so that a good record pays nothing for it.  Values of personal
 * members are skipped here too, hence neither mended nor noted.
 *
 * Longer than other files: mending is a branch of every step of the reading.
 *
 * Never throws for what it reads (a note allocates) and never reads past the end.
 * Pure.
 */
#include "compat.h"

#include "lib/stringinfo.h"

#include "json_find.h"
#include "personal.h"
#include "scrub.h"
#include "scrub_text.h"

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
#define FRAME_PERSONS 4			/* in a part of the record that describes persons */
#define FRAME_SCRUB 8			/* scalars in it are scrubbed */

/* JSON inside a string inside JSON: texts within texts that are read strictly. */
#define MAX_NEST 6

typedef enum ReadState
{
	READ_VALUE,					/* a value must follow */
	READ_FIRST,					/* just inside a bracket */
	READ_KEY,					/* a key must follow */
	READ_NEXT,					/* a value has ended */
	READ_DONE,
	READ_FAULT
} ReadState;

/* What mending needs to know beyond reading. */
typedef struct Mending
{
	ScrubMends *mends;
	bool		name;			/* the string being read is a name */
	bool		bad;			/* and has to be mended */
	char	   *stored;			/* where its mended form begins */
	char	   *last;			/* of the last string that was mended, the same; NULL: it was good */
} Mending;

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
	uint64		field_lengths;	/* a bit for each length that one of their names has */
	bool		escaped;		/* the string that was read last has a backslash */
	bool		quoted;			/* and one before a quote, or before what may be one */
	bool		odd_value;		/* a personal scalar holds an opening bracket */
	ScrubField *taking;			/* the field whose value is being read */
	const char *taking_at;
	bool		scope_ahead;	/* the value ahead describes persons */
	PersonalRule rule;			/* of the member whose value is ahead */
	const ScrubMode *mode;
	bool		forget;			/* what tells the buyer goes, too */
	const struct Reader *parent;	/* the text is a string of what this one reads */
	int			nest;			/* how many of them there are */
	JsonText   *names;			/* [1..depth]: of the member being read at each depth; none in an array */
	Mending    *mending;		/* NULL: invalid text is a fault */
	int			depth;
	uint8		frames[MAX_DEPTH + 1];	/* [1..depth] */
} Reader;

static const char *read_whole(Reader *reader, const char *text, size_t len,
							  ScrubField *fields, int nfields, char *out, size_t *outlen);
static const char *read_record(Reader *reader, const char *text, size_t len,
							   ScrubField *fields, int nfields, char *out, size_t *outlen);
static ReadState read_value(Reader *reader);
static ReadState read_text(Reader *reader);
static ReadState read_scalar(Reader *reader, bool word);
static ReadState read_open(Reader *reader, bool object);
static ReadState read_first(Reader *reader);
static ReadState read_key(Reader *reader);
static ReadState read_next(Reader *reader);
static ReadState drop_member(Reader *reader, const char *key_at);
static bool end_name(Reader *reader, JsonText key);
static void add_finding(ScrubFindings *findings, const char *path);
static bool is_dropped(Reader *reader, JsonText key);
static bool is_dropped_by_rule(Reader *reader, const char *name, size_t len);
static void note_finding(const Reader *reader);
static bool rewrite_string(Reader *reader, const char *from, PersonalRule rule);
static char *hash_text(const char *text, size_t *len);
static char *clean_nested(const Reader *reader, const char *text, size_t *len);
static void put_string(Reader *reader, const char *from, const char *text, size_t len);
static ScrubField *wanted_field(Reader *reader, JsonText key);
static bool read_special(Reader *reader, const char *at);
static const char *read_high(Reader *reader, const char *at);
static const char *not_text(Reader *reader, const char *reason);
static const char *read_escape(Reader *reader, const char *at);
static const char *mend(Reader *reader, const char *at);
static const char *replacement_of(const char *at, const char *end, char *out, int *n);
static void note_mended(Reader *reader, const char *past);
static void add_mend(Reader *reader, JsonText came, const char *stored, size_t len);
static const char *path_of(const Reader *reader);
static bool read_number(Reader *reader);
static bool read_word(Reader *reader);
static void flush_run(Reader *reader, const char *until);
static ReadState fault(Reader *reader, const char *reason);

static inline void
skip_space(Reader *reader)
{
	while (reader->at < reader->end &&
		   unlikely(*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' ||
					*reader->at == '\t'))
		reader->at++;
}

/* A string, from quote to quote. */
static inline bool
read_string(Reader *reader)
{
	const char *at = json_find_special(reader->at + 1, reader->end,
									   JSON_CONTROLS | JSON_NON_ASCII);

	reader->escaped = reader->quoted = false;
	if (unlikely(at == reader->end || *at != '"'))
		return read_special(reader, at);
	reader->at = at + 1;
	return true;
}

/* See scrub.h. */
const char *
scrub_strict(const char *text, size_t len, ScrubField *fields, int nfields,
			 const ScrubMode *mode, char *out, size_t *outlen)
{
	JsonText	names[MAX_DEPTH + 1];
	Reader		reader = {.names = names, .mode = mode};

	return read_whole(&reader, text, len, fields, nfields, out, outlen);
}

/* See scrub.h. */
bool
scrub_first(const char *text, size_t len, ScrubField *fields, int nfields,
			const ScrubMode *mode, char *out, size_t *outlen, size_t *used)
{
	JsonText	names[MAX_DEPTH + 1];
	Reader		reader = {.names = names, .mode = mode};

	if (read_record(&reader, text, Min(len, MAX_RECORD_LEN), fields, nfields, out, outlen) != NULL ||
		reader.odd_value)
		return false;
	*used = reader.at - text;
	return true;
}

/* See scrub.h. */
const char *
scrub_mend(const char *text, size_t len, ScrubField *fields, int nfields,
		   const ScrubMode *mode, char *out, size_t *outlen, ScrubMends *mends)
{
	JsonText	names[MAX_DEPTH + 1];
	Reader		reader = {.names = names, .mode = mode};
	Mending		mending = {0};
	const char *reason;

	memset(mends, 0, sizeof(*mends));
	mending.mends = mends;
	reader.mending = &mending;
	reason = read_whole(&reader, text, len, fields, nfields, out, outlen);
	return reason == NULL && *outlen > MAX_RECORD_LEN ? "shape" : reason;
}

/* See scrub.h. */
size_t
scrub_mended_size(const char *text, size_t len)
{
	size_t		more = 0;

	/* of one byte: a control character becomes six, one that is not UTF-8 three, a backslash two */
	for (size_t i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] < 0x20)
			more += 5;
		else if ((unsigned char) text[i] >= 0x80)
			more += 2;
		else if (text[i] == '\\')
			more += 1;
	}
	return scrub_size(len + more);
}

/* See scrub.h.  The shortest member is "a":1 and a comma; one in a text in a text is longer. */
size_t
scrub_size(size_t len)
{
	return personal_hashes() ? len * 8 + PERSONAL_HASH_LEN * 8 : len;
}

/* A path is told once; what looks like a value in it is replaced. */
static void
add_finding(ScrubFindings *findings, const char *path)
{
	char	   *clean = pstrdup(path);
	size_t		len = scrub_text(clean, strlen(clean));

	/* a name may be a value: that of an object by phone numbers */
	clean[Min(len, SCRUB_MAX_PATH)] = '\0';
	for (int i = 0; i < findings->n; i++)
	{
		if (strcmp(findings->paths[i], clean) == 0)
		{
			findings->records[i]++;
			pfree(clean);
			return;
		}
	}
	if (findings->n == SCRUB_MAX_FINDINGS)
		return;
	findings->paths[findings->n] = clean;
	findings->records[findings->n++] = 1;
}

/* Reads an object of which nothing but white space may follow; NULL or the reason. */
static const char *
read_whole(Reader *reader, const char *text, size_t len,
		   ScrubField *fields, int nfields, char *out, size_t *outlen)
{
	const char *reason = read_record(reader, text, len, fields, nfields, out, outlen);

	if (reason != NULL)
		return reason;
	skip_space(reader);
	if (reader->at != reader->end)
		return *reader->at == '\0' ? "nul" : "syntax";
	return NULL;
}

/* The one way of reading, and of copying, up to the object's end; NULL or the reason. */
static const char *
read_record(Reader *reader, const char *text, size_t len,
			ScrubField *fields, int nfields, char *out, size_t *outlen)
{
	ReadState	state = READ_VALUE;

	reader->at = reader->run = text;
	reader->end = text + len;
	reader->out = out;
	reader->fields = fields;
	reader->nfields = nfields;
	reader->forget = reader->mode != NULL && reader->mode->forget;
	for (int i = 0; i < nfields; i++)
	{
		if (fields[i].name != NULL)
			reader->field_lengths |= UINT64CONST(1) << (fields[i].name_len & 63);
	}

	skip_space(reader);
	if (reader->at == reader->end || (reader->nest == 0 && *reader->at != '{') ||
		len > MAX_RECORD_LEN)
		return "shape";
	reader->run = reader->at;
	while (state != READ_DONE && state != READ_FAULT)
	{
		switch (state)
		{
			case READ_VALUE:
				state = read_value(reader);
				break;
			case READ_FIRST:
				state = read_first(reader);
				break;
			case READ_KEY:
				state = read_key(reader);
				break;
			case READ_NEXT:
				state = read_next(reader);
				break;
			case READ_DONE:
			case READ_FAULT:
				break;
		}
	}
	if (state == READ_FAULT)
		return reader->fault;

	flush_run(reader, reader->at);
	*outlen = reader->out - out;
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
			return read_text(reader);
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
			return read_scalar(reader, false);
		default:
			return read_scalar(reader, true);
	}
}

/* The rule of the value ahead; what follows it has its own. */
static inline PersonalRule
take_rule(Reader *reader)
{
	PersonalRule rule = reader->frames[reader->depth] & FRAME_SCRUB ? PERSONAL_SCRUB : reader->rule;

	reader->rule = PERSONAL_KEEP;
	return rule;
}

/* A string, which a rule may replace, and which may hold JSON itself. */
static ReadState
read_text(Reader *reader)
{
	const char *from = reader->at;
	PersonalRule rule = take_rule(reader);
	int			nmends = 0;

	if (reader->mending != NULL)
	{
		reader->mending->last = NULL;
		nmends = reader->mending->mends->n;
	}
	if (!read_string(reader))
		return READ_FAULT;
	/* a text that holds a name of its own has it between quotes, escaped here */
	if (likely(rule == PERSONAL_KEEP && !reader->quoted))
		return READ_NEXT;
	/* of what is not stored as it came nothing is told */
	if ((rewrite_string(reader, from, rule) || rule != PERSONAL_KEEP) && reader->mending != NULL)
		reader->mending->mends->n = nmends;
	return READ_NEXT;
}

/* A number or a word, which a rule may replace. */
static ReadState
read_scalar(Reader *reader, bool word)
{
	const char *from = reader->at;
	PersonalRule rule = take_rule(reader);
	size_t		len;
	char	   *text;

	if (!(word ? read_word(reader) : read_number(reader)))
		return READ_FAULT;
	if (likely(rule == PERSONAL_KEEP) || *from == 'n' || (word && rule == PERSONAL_SCRUB))
		return READ_NEXT;
	if (reader->mending != NULL)
		reader->mending->last = NULL;
	len = reader->at - from;
	if (rule == PERSONAL_HASH)
	{
		text = hash_text(from, &len);
		put_string(reader, from, text, len);
	}
	else
	{
		text = pnstrdup(from, len);
		if (scrub_text(text, len) != len)
			put_string(reader, from, SCRUB_STARS, strlen(SCRUB_STARS));
	}
	pfree(text);
	return READ_NEXT;
}

/* Steps into an object or array; its part of the record stays its parent's. */
static ReadState
read_open(Reader *reader, bool object)
{
	uint8		persons;

	if (reader->depth >= MAX_DEPTH)
		return fault(reader, "nesting");
	persons = reader->scope_ahead ? FRAME_PERSONS : reader->frames[reader->depth] & FRAME_PERSONS;
	if (reader->rule == PERSONAL_SCRUB || reader->frames[reader->depth] & FRAME_SCRUB)
		persons |= FRAME_SCRUB;
	reader->scope_ahead = false;
	reader->rule = PERSONAL_KEEP;
	reader->depth++;
	reader->frames[reader->depth] = (object ? FRAME_OBJECT : 0) | persons;
	reader->names[reader->depth].at = NULL;
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
	bool		bad_name = false;

	skip_space(reader);
	if (reader->at >= reader->end || *reader->at != '"')
		return fault(reader, "syntax");
	key_at = reader->at;
	if (reader->mending != NULL)
		reader->mending->name = true;
	if (!read_string(reader))
		return READ_FAULT;
	key.at = key_at + 1;
	key.len = reader->at - key_at - 2;
	reader->names[reader->depth] = key;
	if (reader->mending != NULL)
		bad_name = end_name(reader, key);
	skip_space(reader);
	if (reader->at >= reader->end || *reader->at != ':')
		return fault(reader, "syntax");
	reader->at++;
	skip_space(reader);

	if (bad_name || is_dropped(reader, key))
		return drop_member(reader, key_at);
	reader->frames[reader->depth] |= FRAME_KEPT;
	if (reader->depth == 1)
	{
		reader->taking = wanted_field(reader, key);
		reader->taking_at = reader->at;
	}
	return READ_VALUE;
}

/* While mending: the name has been read; true, and noted, when it is not valid text. */
static bool
end_name(Reader *reader, JsonText key)
{
	Mending    *mending = reader->mending;
	bool		bad = mending->bad;

	mending->name = false;
	mending->bad = false;
	/* where it describes persons, so may the name */
	if (bad && !(reader->frames[reader->depth] & FRAME_PERSONS))
		add_mend(reader, key, NULL, 0);
	return bad;
}

/* Whether the member of this key goes; else its rule is set.  The value's first byte is at hand. */
static bool
is_dropped(Reader *reader, JsonText key)
{
	char		small[PERSONAL_NAME_MAX];
	char	   *decoded = small;
	int			len;
	bool		dropped;

	reader->rule = PERSONAL_KEEP;
	if (likely(!reader->escaped))
	{
		if (likely((personal_look(key.at, key.len) & ~PERSONAL_SURVIVES) == 0 &&
				   !(reader->frames[reader->depth] & FRAME_PERSONS) && !reader->forget))
			return false;
		return is_dropped_by_rule(reader, key.at, key.len);
	}
	if (key.len > sizeof(small))
		decoded = palloc(key.len);
	len = json_key_decode(key, decoded, (int) Max(key.len, sizeof(small)));
	dropped = is_dropped_by_rule(reader, decoded, Max(len, 0));
	if (decoded != small)
		pfree(decoded);
	return dropped;
}

/* The same for a name without escapes that is not simply kept. */
static bool
is_dropped_by_rule(Reader *reader, const char *name, size_t len)
{
	uint8		what = personal_look(name, len);
	PersonalRule rule = personal_rule(what);
	bool		scalar = reader->at < reader->end && *reader->at != '{' && *reader->at != '[';

	if (reader->forget && !(what & PERSONAL_SURVIVES))
		return true;
	if (rule == PERSONAL_DROP || (rule == PERSONAL_HASH && !scalar))
	{
		if (what & PERSONAL_UNKNOWN)
			note_finding(reader);
		return true;
	}
	if (unlikely(reader->frames[reader->depth] & FRAME_PERSONS))
		return scalar && !personal_scope_keeps(name, len);
	reader->rule = rule;
	reader->scope_ahead = (what & PERSONAL_SCOPE) && !scalar;
	/* as text nobody can tell what it says */
	return (what & PERSONAL_SCOPE) && scalar;
}

/* A member was dropped whose name is in no list. */
static void
note_finding(const Reader *reader)
{
	if (reader->mode != NULL && reader->mode->findings != NULL)
		add_finding(reader->mode->findings, path_of(reader));
}

/* Cuts a member out of what is copied, with the comma that would be left over. */
static ReadState
drop_member(Reader *reader, const char *key_at)
{
	const char *past = json_skip_value(reader->at, reader->end);

	if (past == NULL)
		return fault(reader, "syntax");
	/* what is not a bracket to the skipping of a scalar is one to the skipping of what is around it */
	if (*reader->at != '"' && *reader->at != '{' && *reader->at != '[' &&
		(memchr(reader->at, '{', past - reader->at) != NULL ||
		 memchr(reader->at, '[', past - reader->at) != NULL))
		reader->odd_value = true;
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
	if (likely(!reader->escaped && !(reader->field_lengths >> (key.len & 63) & 1)))
		return NULL;
	for (int i = 0; i < reader->nfields; i++)
	{
		ScrubField *field = &reader->fields[i];

		if (field->name_len == key.len && field->name != NULL &&
			memcmp(field->name, key.at, key.len) == 0)
			return field;
	}
	if (unlikely(reader->escaped))
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

/* A string whose first byte that is not plain is at at: its end, or what needs a closer look. */
static bool
read_special(Reader *reader, const char *at)
{
	const char *past;

	for (;;)
	{
		if (at >= reader->end)
			return fault(reader, "syntax") != READ_FAULT;
		if (*at == '"')
			break;
		if (*at == '\\')
		{
			reader->escaped = true;
			if (at + 1 < reader->end && (at[1] == '"' || at[1] == 'u'))
				reader->quoted = true;
			past = read_escape(reader, at);
		}
		else if ((unsigned char) *at < 0x20)
			past = not_text(reader, *at == '\0' ? "nul" : "syntax");
		else
			past = read_high(reader, at);
		if (past == NULL && (past = mend(reader, at)) == NULL)
			return false;
		at = json_find_special(past, reader->end, JSON_CONTROLS | JSON_NON_ASCII);
	}
	if (unlikely(reader->mending != NULL && reader->mending->stored != NULL))
		note_mended(reader, at + 1);
	reader->at = at + 1;
	return true;
}

/* Past the characters at at that are not ASCII, or NULL and the fault. */
static const char *
read_high(Reader *reader, const char *at)
{
	const char *start = at;

	while (at < reader->end && (unsigned char) *at >= 0x80)
	{
		int			n = json_utf8_len((const unsigned char *) at,
									  (const unsigned char *) reader->end);

		if (n == 0)
			return at > start ? at : not_text(reader, "encoding");
		at += n;
	}
	return at;
}

/* Notes the fault; NULL. */
static const char *
not_text(Reader *reader, const char *reason)
{
	fault(reader, reason);
	return NULL;
}

/* Past the escape at at, or NULL and the fault: \u0000 and half a pair are not valid text. */
static const char *
read_escape(Reader *reader, const char *at)
{
	uint32		code;

	if (reader->end - at < 2)
		return not_text(reader, "syntax");
	switch (at[1])
	{
		case '"':
		case '\\':
		case '/':
		case 'b':
		case 'f':
		case 'n':
		case 'r':
		case 't':
			return at + 2;
		case 'u':
			break;
		case '\0':
			return not_text(reader, "nul");
		default:
			return not_text(reader, "syntax");
	}
	if (!json_hex4(at + 2, reader->end, &code))
		return not_text(reader, "syntax");
	if (code == 0)
		return not_text(reader, "nul");
	if (code < 0xD800 || code > 0xDFFF)
		return at + 6;
	if (code > 0xDBFF || reader->end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
		!json_hex4(at + 8, reader->end, &code) || code < 0xDC00 || code > 0xDFFF)
		return not_text(reader, "encoding");
	return at + 12;
}

/*
 * While mending: past invalid text at at, with something in its place; else,
 * and where it cannot be mended, NULL.  Of a name nothing is copied: its member
 * is going to be left out.
 */
static const char *
mend(Reader *reader, const char *at)
{
	Mending    *mending = reader->mending;
	char		replacement[8];
	const char *past;
	int			n;

	if (mending == NULL)
		return NULL;
	past = replacement_of(at, reader->end, replacement, &n);
	if (past == NULL)
		return NULL;
	if (mending->name)
	{
		mending->bad = true;
		return past;
	}
	if (mending->stored == NULL)
	{
		flush_run(reader, reader->at);
		mending->stored = reader->out;
	}
	flush_run(reader, at);
	memcpy(reader->out, replacement, n);
	reader->out += n;
	reader->run = past;
	return past;
}

/*
 * What stands for the ill-formed character at at (n bytes into out), and past
 * it; NULL where the text ends.  A character of several bytes is as long as its
 * first one says, or until its bytes end.
 */
static const char *
replacement_of(const char *at, const char *end, char *out, int *n)
{
	static const char escapes[] = "\bb\tt\nn\ff\rr";
	unsigned char c = *at;
	uint32		code;
	int			len = c >= 0xF8 || c < 0xC0 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
	const char *past = at + 1;

	if (c == '\\')
	{
		if (end - at < 2)
			return NULL;
		if (!(at[1] == 'u' && json_hex4(at + 2, end, &code)))
		{
			*n = 2;
			memcpy(out, "\\\\", 2);
			return past;
		}
		past = at + 6;
	}
	else if (c != '\0' && c < 0x20)
	{
		*n = 2;
		out[0] = '\\';
		for (int i = 0; escapes[i] != '\0'; i += 2)
		{
			out[1] = escapes[i + 1];
			if (escapes[i] == *at)
				return past;
		}
		*n = snprintf(out, 7, "\\u%04x", c);
		return past;
	}
	while (--len > 0 && past < end && ((unsigned char) *past & 0xC0) == 0x80)
		past++;
	*n = 3;
	memcpy(out, "\xEF\xBF\xBD", 3);
	return past;
}

/* The string of the value at reader->at was mended and ends before past. */
static void
note_mended(Reader *reader, const char *past)
{
	Mending    *mending = reader->mending;
	JsonText	came;

	flush_run(reader, past);
	came.at = reader->at + 1;
	came.len = past - reader->at - 2;
	add_mend(reader, came, mending->stored, reader->out - mending->stored);
	mending->last = mending->stored;
	mending->stored = NULL;
}

/* Notes a mended value, or, with stored NULL, a member that is left out. */
static void
add_mend(Reader *reader, JsonText came, const char *stored, size_t len)
{
	ScrubMends *mends = reader->mending->mends;
	ScrubMend  *mend;

	if (mends->n == SCRUB_MAX_MENDS)
		return;
	if (mends->n == 0)
		mends->mends = palloc(4 * sizeof(ScrubMend));
	else if (mends->n >= 4 && (mends->n & (mends->n - 1)) == 0)
		mends->mends = repalloc(mends->mends, 2 * mends->n * sizeof(ScrubMend));
	mend = &mends->mends[mends->n++];
	mend->path = path_of(reader);
	mend->came = came;
	mend->stored.at = stored;
	mend->stored.len = len;
}

/* The names that lead to the member being read. */
static const char *
path_of(const Reader *reader)
{
	StringInfoData path;

	initStringInfo(&path);
	if (reader->parent != NULL)
		appendStringInfoString(&path, path_of(reader->parent));
	for (int i = 1; i <= reader->depth; i++)
	{
		JsonText	name = reader->names[i];

		if (name.at == NULL)
			continue;
		/* with its quotes it is a value like another */
		name.at--;
		name.len += 2;
		appendStringInfo(&path, "%s%s", path.len > 0 ? "." : "",
						 json_text(name, PERSONAL_NAME_MAX));
	}
	return path.data;
}

/* What is stored of the string from from to reader->at, where that is not what came; whether it is not. */
static bool
rewrite_string(Reader *reader, const char *from, PersonalRule rule)
{
	JsonText	raw = {from, reader->at - from};
	char	   *decoded;
	char	   *text;
	char	   *nested;
	size_t		len;
	int			n;
	bool		changed = false;

	if (reader->mending != NULL && reader->mending->last != NULL)
	{
		raw.at = reader->mending->last;
		raw.len = reader->out - raw.at;
	}
	raw.at++;
	raw.len -= 2;
	text = decoded = MemoryContextAllocHuge(CurrentMemoryContext, raw.len + 1);
	n = json_key_decode(raw, decoded, (int) raw.len);
	if (n <= 0)
	{
		pfree(decoded);
		return false;
	}
	len = n;
	if (rule == PERSONAL_HASH)
	{
		text = hash_text(decoded, &len);
		changed = len != (size_t) n || memcmp(text, decoded, len) != 0;
	}
	else if ((nested = clean_nested(reader, decoded, &len)) != NULL)
	{
		text = nested;
		changed = true;
	}
	if (rule == PERSONAL_SCRUB)
	{
		size_t		before = len;
		char	   *copy = MemoryContextAllocHuge(CurrentMemoryContext, len + 1);

		memcpy(copy, text, len);
		len = scrub_text(copy, len);
		changed = changed || len != before || memcmp(copy, text, len) != 0;
		text = copy;
	}
	if (changed)
		put_string(reader, from, text, len);
	if (text != decoded)
		pfree(text);
	pfree(decoded);
	return changed;
}

/* The hash of a text, palloc'd, and its length; stars where none can be made. */
static char *
hash_text(const char *text, size_t *len)
{
	char		hash[PERSONAL_HASH_LEN + 1];

	if (!personal_hash(text, *len, hash))
		strlcpy(hash, SCRUB_STARS, sizeof(hash));
	*len = strlen(hash);
	return pstrdup(hash);
}

/*
 * A text that may be JSON, without personal members; NULL where that changes
 * nothing.  Where it is no JSON, or lies too deep, names are found by their look.
 */
static char *
clean_nested(const Reader *reader, const char *text, size_t *len)
{
	JsonText	names[MAX_DEPTH + 1];
	Reader		nested = {.names = names, .mode = reader->mode, .parent = reader, .nest = reader->nest + 1};
	const char *end = text + *len;
	size_t		inlen;
	size_t		outlen = 0;
	char	   *out;

	if (memchr(text, '"', *len) == NULL)
		return NULL;
	text = json_skip_space(text, end);
	while (end > text && json_skip_space(end - 1, end) == end)
		end--;
	inlen = end - text;
	out = MemoryContextAllocHuge(CurrentMemoryContext, scrub_size(inlen) + 1);
	nested.frames[0] = reader->frames[reader->depth] & FRAME_PERSONS;
	if (nested.nest > MAX_NEST ||
		read_whole(&nested, text, inlen, NULL, 0, out, &outlen) != NULL)
		outlen = scrub_loose(text, inlen, out);
	if (outlen == inlen && memcmp(out, text, inlen) == 0)
	{
		pfree(out);
		return NULL;
	}
	*len = outlen;
	return out;
}

/* In the place of the value from from to reader->at a string of this text. */
static void
put_string(Reader *reader, const char *from, const char *text, size_t len)
{
	if (reader->mending != NULL && reader->mending->last != NULL)
		reader->out = reader->mending->last;
	else
		flush_run(reader, from);
	*reader->out++ = '"';
	reader->out += scrub_escape(text, len, reader->out);
	*reader->out++ = '"';
	reader->run = reader->at;
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
	const char *at = reader->at;
	ptrdiff_t	left = reader->end - at;

	if (left >= 4 && (memcmp(at, "true", 4) == 0 || memcmp(at, "null", 4) == 0))
	{
		reader->at = at + 4;
		return true;
	}
	if (left >= 5 && memcmp(at, "false", 5) == 0)
	{
		reader->at = at + 5;
		return true;
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

/* Notes why the record is invalid. */
static ReadState
fault(Reader *reader, const char *reason)
{
	reader->fault = reason;
	return READ_FAULT;
}
