/*
 * json_scan.c
 *	  A tolerant walk over the bytes of a JSON text.
 *
 * An answer must be taken apart before it is known to be good: one broken
 * record may not cost the page.  So this walk trusts nothing but quotes and
 * brackets.  A value ends where its brackets are balanced, a string at its
 * unescaped quote, any other scalar at the next delimiter; whether what lies
 * between is JSON is for record.c to say, record by record.  What it gives are
 * places in the text (JsonText), not copies.
 *
 * PostgreSQL's own JSON lexer is not used: it stops at the first fault, and
 * its interface differs between 15, 16 and 17.  Nothing here recurses, reads
 * past the end or throws (json_text allocates, and may fail when out of memory
 * only).  Pure; a cursor belongs to its caller.
 */
#include "compat.h"

/* JSON_PORTABLE builds what other machines build. */
#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#include <emmintrin.h>
#define JSON_SSE2
#endif

#include "json_find.h"
#include "json_scan.h"

#define IS_SPACE(c) ((c) == ' ' || (c) == '\n' || (c) == '\r' || (c) == '\t')

/* How far a walk has come, of which only strings and brackets count. */
typedef struct Balance
{
	size_t		depth;
	bool		in_string;
	bool		escape;			/* the next byte follows a backslash in a string */
} Balance;

#ifdef JSON_SSE2
#define BLOCK 64				/* bytes that are looked at at once; a bit of a mask for each */
#define MASK(bytes) ((uint64) (uint32) _mm_movemask_epi8(bytes))

typedef struct Block
{
	uint64		quotes;
	uint64		slashes;
	uint64		opening;
	uint64		brackets;		/* opening and closing */
} Block;
#endif

static const char *skip_nested(const char *at, const char *end);
#ifdef JSON_SSE2
static const char *skip_block(const char *at, Balance *balance);
static uint64 unescaped_quotes(uint64 quotes, uint64 slashes, Balance *balance);
#endif
static const char *skip_scalar(const char *at, const char *end);
static int	decode_escape(const char *at, const char *end, char *out, int *outlen);
static int	encode_utf8(uint32 code, char *out);

/* See json_scan.h. */
void
json_begin(JsonCursor *cursor, const char *text, size_t len)
{
	cursor->at = text;
	cursor->end = text + len;
	cursor->failed = false;
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		cursor->at += 3;
	cursor->at = json_skip_space(cursor->at, cursor->end);
}

/* See json_scan.h. */
char
json_peek(JsonCursor *cursor)
{
	cursor->at = json_skip_space(cursor->at, cursor->end);
	return cursor->failed || cursor->at >= cursor->end ? '\0' : *cursor->at;
}

/* See json_scan.h. */
bool
json_enter(JsonCursor *cursor, char bracket)
{
	if (json_peek(cursor) != bracket)
	{
		cursor->failed = true;
		return false;
	}
	cursor->at++;
	return true;
}

/* See json_scan.h. */
bool
json_member(JsonCursor *cursor, JsonText *key)
{
	char		next = json_peek(cursor);
	const char *past;

	if (next == ',')
	{
		cursor->at++;
		next = json_peek(cursor);
	}
	else if (next == '}')
	{
		cursor->at++;
		return false;
	}
	past = next == '"' ? json_skip_string(cursor->at, cursor->end) : NULL;
	if (past == NULL)
	{
		cursor->failed = true;
		return false;
	}
	key->at = cursor->at + 1;
	key->len = past - cursor->at - 2;
	cursor->at = past;
	if (json_peek(cursor) != ':')
	{
		cursor->failed = true;
		return false;
	}
	cursor->at++;
	return true;
}

/* See json_scan.h. */
bool
json_element(JsonCursor *cursor)
{
	char		next = json_peek(cursor);

	if (next == ',')
	{
		cursor->at++;
		next = json_peek(cursor);
	}
	else if (next == ']')
	{
		cursor->at++;
		return false;
	}
	if (next == '\0')
		cursor->failed = true;
	return !cursor->failed;
}

/* See json_scan.h. */
bool
json_value(JsonCursor *cursor, JsonText *value)
{
	const char *past;

	json_peek(cursor);
	past = cursor->failed ? NULL : json_skip_value(cursor->at, cursor->end);
	if (past == NULL)
	{
		cursor->failed = true;
		return false;
	}
	value->at = cursor->at;
	value->len = past - cursor->at;
	cursor->at = past;
	return true;
}

/* See json_scan.h. */
bool
json_at_end(JsonCursor *cursor)
{
	cursor->at = json_skip_space(cursor->at, cursor->end);
	return !cursor->failed && cursor->at == cursor->end;
}

/* See json_scan.h. */
const char *
json_skip_value(const char *at, const char *end)
{
	if (at >= end)
		return NULL;
	if (*at == '"')
		return json_skip_string(at, end);
	if (*at != '{' && *at != '[')
		return skip_scalar(at, end);
	return skip_nested(at, end);
}

/*
 * Past the object or array at at.  Which bracket closes which is record.c's
 * business; only their number counts.
 */
static const char *
skip_nested(const char *at, const char *end)
{
	Balance		balance = {0};

#ifdef JSON_SSE2
	for (; end - at >= BLOCK; at += BLOCK)
	{
		const char *past = skip_block(at, &balance);

		if (past != NULL)
			return past;
	}
	/* the rest of a string, and of an escape */
	if (balance.in_string)
		at = end - at > balance.escape ? json_skip_string(at + balance.escape - 1, end) : NULL;
#endif
	while (at != NULL && at < end)
	{
		switch (*at)
		{
			case '"':
				at = json_skip_string(at, end);
				continue;
			case '{':
			case '[':
				balance.depth++;
				break;
			case '}':
			case ']':
				if (--balance.depth == 0)
					return at + 1;
				break;
		}
		at++;
	}
	return NULL;
}

#ifdef JSON_SSE2
/* What sixteen bytes of a block are; their bits begin at shift. */
static inline void
classify_bytes(const char *at, int shift, Block *block)
{
	__m128i		bytes = _mm_loadu_si128((const __m128i *) (at + shift));
	/* makes a brace of a bracket, and of nothing else */
	__m128i		braces = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
	__m128i		open = _mm_cmpeq_epi8(braces, _mm_set1_epi8('{'));
	__m128i		close = _mm_cmpeq_epi8(braces, _mm_set1_epi8('}'));

	block->quotes |= MASK(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))) << shift;
	block->slashes |= MASK(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))) << shift;
	block->opening |= MASK(open) << shift;
	block->brackets |= MASK(_mm_or_si128(open, close)) << shift;
}

/* Past the bracket in the block at at that ends the value; NULL when none does. */
static const char *
skip_block(const char *at, Balance *balance)
{
	Block		block = {0};
	uint64		inside;
	uint64		brackets;

	classify_bytes(at, 0, &block);
	classify_bytes(at, 16, &block);
	classify_bytes(at, 32, &block);
	classify_bytes(at, 48, &block);
	inside = block.quotes;
	if (block.slashes != 0 || balance->escape)
		inside = unescaped_quotes(block.quotes, block.slashes, balance);

	/* a bit of it: the number of quotes up to there is odd */
	inside ^= inside << 1;
	inside ^= inside << 2;
	inside ^= inside << 4;
	inside ^= inside << 8;
	inside ^= inside << 16;
	inside ^= inside << 32;
	if (balance->in_string)
		inside = ~inside;
	balance->in_string = inside >> (BLOCK - 1);

	for (brackets = block.brackets & ~inside; brackets != 0; brackets &= brackets - 1)
	{
		int			next = pg_rightmost_one_pos64(brackets);

		if (block.opening >> next & 1)
			balance->depth++;
		else if (--balance->depth == 0)
			return at + next + 1;
	}
	return NULL;
}

/* The quotes of a block that begin or end a string; a backslash counts within strings only. */
static uint64
unescaped_quotes(uint64 quotes, uint64 slashes, Balance *balance)
{
	uint64		ahead = quotes | slashes;
	uint64		result = 0;
	bool		inside = balance->in_string;

	if (balance->escape)
		ahead &= ~UINT64CONST(1);
	balance->escape = false;
	while (ahead != 0)
	{
		uint64		next = ahead & (~ahead + 1);

		ahead ^= next;
		if (quotes & next)
		{
			inside = !inside;
			result |= next;
		}
		else if (inside)
		{
			balance->escape = next >> (BLOCK - 1);
			ahead &= ~(next << 1);
		}
	}
	return result;
}
#endif

/* See json_scan.h. */
const char *
json_skip_string(const char *at, const char *end)
{
	for (at++;; at += 2)
	{
		at = json_find_special(at, end, 0);
		if (at == end)
			return NULL;
		if (*at == '"')
			return at + 1;
		if (end - at < 2)
			return NULL;
	}
}

/* Past a number, a word or whatever stands where one should; NULL for nothing at all. */
static const char *
skip_scalar(const char *at, const char *end)
{
	const char *start = at;

	while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != ':' &&
		   *at != '"' && !IS_SPACE(*at))
		at++;
	return at == start ? NULL : at;
}

/* See json_scan.h. */
const char *
json_skip_space(const char *at, const char *end)
{
	while (at < end && IS_SPACE(*at))
		at++;
	return at;
}

/* See json_scan.h. */
bool
json_find(const char *text, size_t len, const char *path, JsonText *value)
{
	JsonCursor	cursor;
	JsonText	key;
	char		name[64];

	json_begin(&cursor, text, len);
	while (*path != '\0')
	{
		size_t		name_len = strcspn(path, ".");
		bool		found = false;

		if (name_len >= sizeof(name) || !json_enter(&cursor, '{'))
			return false;
		memcpy(name, path, name_len);
		name[name_len] = '\0';
		while (!found && json_member(&cursor, &key))
		{
			found = json_key_is(key, name);
			if (!found && !json_value(&cursor, value))
				return false;
		}
		if (!found)
			return false;
		path += name_len + (path[name_len] == '.');
	}
	return json_value(&cursor, value);
}

/* See json_scan.h. */
bool
json_key_is(JsonText key, const char *name)
{
	size_t		len = strlen(name);
	char		decoded[64];

	if (memchr(key.at, '\\', key.len) == NULL)
		return key.len == len && memcmp(key.at, name, len) == 0;
	return json_key_decode(key, decoded, sizeof(decoded)) == (int) len &&
		memcmp(decoded, name, len) == 0;
}

/* See json_scan.h. */
int
json_key_decode(JsonText key, char *buffer, int size)
{
	const char *at = key.at;
	const char *end = key.at + key.len;
	int			len = 0;

	while (at < end)
	{
		const char *slash = memchr(at, '\\', end - at);
		size_t		run = (slash == NULL ? end : slash) - at;
		char		piece[4];
		int			piece_len;
		int			used;

		if (run > (size_t) (size - len))
			return -1;
		memcpy(buffer + len, at, run);
		len += (int) run;
		at += run;
		if (slash == NULL)
			break;
		used = decode_escape(at, end, piece, &piece_len);
		if (used == 0 || piece_len > size - len)
			return -1;
		memcpy(buffer + len, piece, piece_len);
		len += piece_len;
		at += used;
	}
	return len;
}

/*
 * Decodes the escape at at (a backslash) into out (4 bytes): how many bytes it
 * takes in the text, 0 when it is ill-formed, \u0000 or half a pair.
 */
static int
decode_escape(const char *at, const char *end, char *out, int *outlen)
{
	static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	uint32		code = 0;
	int			used = 6;

	*outlen = 1;
	if (end - at < 2)
		return 0;
	if (at[1] != 'u')
	{
		for (int i = 0; plain[i] != '\0'; i += 2)
		{
			if (plain[i] == at[1])
			{
				out[0] = plain[i + 1];
				return 2;
			}
		}
		return 0;
	}
	if (!json_hex4(at + 2, end, &code) || code == 0)
		return 0;
	if (code >= 0xD800 && code <= 0xDFFF)
	{
		uint32		low;

		if (code > 0xDBFF || end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
			!json_hex4(at + 8, end, &low) || low < 0xDC00 || low > 0xDFFF)
			return 0;
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
		used = 12;
	}
	*outlen = encode_utf8(code, out);
	return used;
}

/* Reads four hex digits; false when they are not all there. */
bool
json_hex4(const char *at, const char *end, uint32 *code)
{
	uint32		value = 0;

	if (end - at < 4)
		return false;
	for (int i = 0; i < 4; i++)
	{
		unsigned char c = at[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*code = value;
	return true;
}

/* Writes a code point that is not a surrogate as UTF-8 (out: 4 bytes); its length. */
static int
encode_utf8(uint32 code, char *out)
{
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xC0 | (code >> 6));
		out[1] = (char) (0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = (char) (0xE0 | (code >> 12));
		out[1] = (char) (0x80 | ((code >> 6) & 0x3F));
		out[2] = (char) (0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | (code >> 18));
	out[1] = (char) (0x80 | ((code >> 12) & 0x3F));
	out[2] = (char) (0x80 | ((code >> 6) & 0x3F));
	out[3] = (char) (0x80 | (code & 0x3F));
	return 4;
}

/* See json_scan.h. */
char *
json_text(JsonText value, size_t max)
{
	const char *at = value.at;
	const char *end = value.at + value.len;
	char	   *text;
	size_t		len = 0;
	char	   *clean;

	if (value.len == 0 || *at == '{' || *at == '[' ||
		(value.len == 4 && memcmp(at, "null", 4) == 0))
		return NULL;
	if (*at != '"')
		return json_clean_text(at, value.len, max);

	at++;
	end--;
	/* an escape is never shorter than what it stands for */
	text = palloc(value.len);
	while (at < end)
	{
		char		piece[4];
		int			piece_len = 1;
		int			used = 1;

		piece[0] = *at;
		if (*at == '\\')
		{
			used = decode_escape(at, end, piece, &piece_len);
			if (used == 0)
			{
				piece[0] = '?';
				piece_len = 1;
				used = Min(end - at, 2);
				if (used == 2 && at[1] == 'u')
					used = Min(end - at, 6);
			}
		}
		memcpy(text + len, piece, piece_len);
		len += piece_len;
		at += used;
	}
	clean = json_clean_text(text, len, max);
	pfree(text);
	return clean;
}

/* See json_scan.h. */
char *
json_clean_text(const char *bytes, size_t len, size_t max)
{
	const unsigned char *at = (const unsigned char *) bytes;
	const unsigned char *end = at + len;
	char	   *text = palloc(Min(len, max) + 1);
	size_t		used = 0;

	while (at < end && used < max)
	{
		int			n;

		if (*at < 0x80)
		{
			text[used++] = *at < 0x20 || *at == 0x7F ? ' ' : (char) *at;
			at++;
			continue;
		}
		n = json_utf8_len(at, end);
		if (n == 0)
		{
			text[used++] = '?';
			at++;
			continue;
		}
		if (used + n > max)
			break;
		memcpy(text + used, at, n);
		used += n;
		at += n;
	}
	text[used] = '\0';
	return text;
}

/* See json_scan.h. */
bool
json_int64(JsonText value, int64 *result)
{
	const char *at = value.at;
	const char *end = value.at + value.len;
	bool		negative = false;
	uint64		number = 0;
	uint64		limit = PG_INT64_MAX;

	if (value.len >= 2 && *at == '"')
	{
		at++;
		end--;
	}
	if (at < end && *at == '-')
	{
		negative = true;
		limit++;
		at++;
	}
	if (at >= end)
		return false;
	for (; at < end; at++)
	{
		unsigned	digit = (unsigned char) *at - '0';

		if (digit > 9 || number > (limit - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*result = negative ? (int64) (0 - number) : (int64) number;
	return true;
}

/* See json_scan.h. */
bool
json_bool(JsonText value, bool *result)
{
	if (value.len >= 2 && *value.at == '"')
	{
		value.at++;
		value.len -= 2;
	}
	*result = value.len == 4 && memcmp(value.at, "true", 4) == 0;
	return *result || (value.len == 5 && memcmp(value.at, "false", 5) == 0);
}
