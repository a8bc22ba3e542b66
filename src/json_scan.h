/*
 * json_scan.h
 *	  A tolerant walk over the bytes of a JSON text: finds and splits, copies
 *	  nothing, never reads past the end, never recurses, never throws.
 */
#ifndef ORDERSYNC_JSON_SCAN_H
#define ORDERSYNC_JSON_SCAN_H

#include "compat.h"

/* Bytes of a key (without its quotes) or of a value (with them) inside the text. */
typedef struct JsonText
{
	const char *at;
	size_t		len;
} JsonText;

typedef struct JsonCursor
{
	const char *at;				/* next byte to be read */
	const char *end;
	bool		failed;			/* truncated or not JSON; stays set */
} JsonCursor;

/* A cursor at the beginning of text, past a byte order mark and white space. */
extern void json_begin(JsonCursor *cursor, const char *text, size_t len);

/* The first byte of the value ahead, 0 at the end; consumes white space only. */
extern char json_peek(JsonCursor *cursor);

/* Steps into the object or array ahead; false, and failed, when there is none. */
extern bool json_enter(JsonCursor *cursor, char bracket);

/*
 * The next key of the object stepped into, its colon consumed; false past the
 * object's end, or failed.  Between two calls the value must be consumed by
 * json_value() or by json_enter() and what follows it.
 */
extern bool json_member(JsonCursor *cursor, JsonText *key);

/* Whether another element of the array stepped into is ahead; false past its end, or failed. */
extern bool json_element(JsonCursor *cursor);

/* Consumes the whole value ahead, of any type; false when it does not end. */
extern bool json_value(JsonCursor *cursor, JsonText *value);

/* Nothing but white space is left. */
extern bool json_at_end(JsonCursor *cursor);

/* Past the whole value that begins at at, or NULL when it does not end before end. */
extern const char *json_skip_value(const char *at, const char *end);

/* Past the string whose opening quote is at at, or NULL when it is not closed before end. */
extern const char *json_skip_string(const char *at, const char *end);

/* Past the white space at at. */
extern const char *json_skip_space(const char *at, const char *end);

/*
 * The value at a path of names divided by dots, "" for the text's own; false
 * when there is none.  Of members with one name the first counts.
 */
extern bool json_find(const char *text, size_t len, const char *path, JsonText *value);

/* Whether a key's text, escapes resolved, is name. */
extern bool json_key_is(JsonText key, const char *name);

/* Resolves a key's escapes into at most size bytes; the length, or -1 when that cannot be. */
extern int	json_key_decode(JsonText key, char *buffer, int size);

/* Reads four hex digits; false when they are not all there. */
extern bool json_hex4(const char *at, const char *end, uint32 *code);

/*
 * A string value as valid UTF-8 without NUL or other control bytes, what is
 * neither replaced by '?' or a space; a number or another scalar as it stands;
 * NULL for null, an object or an array.  In the current context, at most max bytes.
 */
extern char *json_text(JsonText value, size_t max);

/* Exactly an integer, as a number or a string of digits, within int64. */
extern bool json_int64(JsonText value, int64 *result);

/* true or false, also as a string. */
extern bool json_bool(JsonText value, bool *result);

/*
 * The bytes of the well-formed UTF-8 character at at (2, 3 or 4; its first
 * byte is not ASCII), or 0.
 */
static inline int
json_utf8_len(const unsigned char *at, const unsigned char *end)
{
	unsigned char first = *at;
	ptrdiff_t	left = end - at;

#define CONTINUES(i) ((at[i] & 0xC0) == 0x80)
	if (first < 0xC2)
		return 0;
	if (first < 0xE0)
		return left >= 2 && CONTINUES(1) ? 2 : 0;
	if (first < 0xF0)
	{
		if (left < 3 || !CONTINUES(1) || !CONTINUES(2))
			return 0;
		/* neither overlong nor a surrogate */
		return (first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F) ? 0 : 3;
	}
	if (first > 0xF4 || left < 4 || !CONTINUES(1) || !CONTINUES(2) || !CONTINUES(3))
		return 0;
	return (first == 0xF0 && at[1] < 0x90) || (first == 0xF4 && at[1] > 0x8F) ? 0 : 4;
#undef CONTINUES
}

/* The same text as json_text() makes of a string's content, from any bytes. */
extern char *json_clean_text(const char *bytes, size_t len, size_t max);

#endif							/* ORDERSYNC_JSON_SCAN_H */
