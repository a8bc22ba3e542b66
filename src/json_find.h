/*
 * json_find.h
 *	  The next byte of a JSON string that is not plain, eight bytes at a time.
 *
 * All that reads answers looks for the same few bytes.  Nothing is read at or
 * past end.  (Sixteen bytes at a time, with SSE2, is hardly faster: most strings
 * are shorter.)
 */
#ifndef ORDERSYNC_JSON_FIND_H
#define ORDERSYNC_JSON_FIND_H

#include "compat.h"

#include "port/pg_bitutils.h"

/* Eight bytes at once: non-zero when one of them is the byte, or is below 0x20. */
#define JSON_ONES UINT64CONST(0x0101010101010101)
#define JSON_HIGHS UINT64CONST(0x8080808080808080)
#define JSON_HAS_ZERO(word) (((word) - JSON_ONES) & ~(word) & JSON_HIGHS)
#define JSON_HAS_BYTE(word, byte) JSON_HAS_ZERO((word) ^ (JSON_ONES * (byte)))
#define JSON_HAS_CONTROL(word) (((word) - JSON_ONES * 0x20) & ~(word) & JSON_HIGHS)

/* What is looked for beside the quote and the backslash. */
#define JSON_CONTROLS 1			/* bytes below 0x20 */
#define JSON_NON_ASCII 2		/* bytes from 0x80 on */

static inline bool
json_is_special(unsigned char c, int what)
{
	return c == '"' || c == '\\' ||
		((what & JSON_CONTROLS) && c < 0x20) ||
		((what & JSON_NON_ASCII) && c >= 0x80);
}

/* Where a hit is among eight bytes, of which the lowest is a true one: a borrow may make others above it. */
static inline const char *
json_first_hit(const char *at, uint64 hits, int what)
{
#ifdef WORDS_BIGENDIAN
	while (!json_is_special(*at, what))
		at++;
	return at;
#else
	return at + pg_rightmost_one_pos64(hits) / 8;
#endif
}

/*
 * The first quote, backslash, or byte of what (a constant) at or after at; end
 * when there is none.
 */
static inline const char *
json_find_special(const char *at, const char *end, int what)
{
	while (end - at >= 8)
	{
		uint64		word;
		uint64		hits;

		memcpy(&word, at, 8);
		hits = JSON_HAS_BYTE(word, '"') | JSON_HAS_BYTE(word, '\\');
		if (what & JSON_CONTROLS)
			hits |= JSON_HAS_CONTROL(word);
		if (what & JSON_NON_ASCII)
			hits |= word & JSON_HIGHS;
		if (hits != 0)
			return json_first_hit(at, hits, what);
		at += 8;
	}
	while (at < end && !json_is_special(*at, what))
		at++;
	return at;
}

#endif							/* ORDERSYNC_JSON_FIND_H */
