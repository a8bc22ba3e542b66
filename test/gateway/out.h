/*
 * out.h
 *	  A growing byte buffer, and how numbers, money and times look on the wire.
 */
#ifndef GATEWAY_OUT_H
#define GATEWAY_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Out
{
	char	   *data;
	size_t		len;
	size_t		size;
} Out;

#define out_lit(o, s) out_bytes((o), (s), sizeof(s) - 1)

extern void out_grow(Out *o, size_t more);

static inline void
out_need(Out *o, size_t more)
{
	if (o->size - o->len < more)
		out_grow(o, more);
}

static inline void
out_bytes(Out *o, const char *s, size_t n)
{
	/* an empty buffer may have no memory yet, and memcpy() must not be given NULL */
	if (n == 0)
		return;
	out_need(o, n);
	memcpy(o->data + o->len, s, n);
	o->len += n;
}

static inline void
out_char(Out *o, char c)
{
	out_need(o, 1);
	o->data[o->len++] = c;
}

static inline void
out_text(Out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

extern void out_int(Out *o, int64_t v);
extern void out_digits(Out *o, uint64_t v, int width);	/* with leading zeros */
extern void out_hex(Out *o, uint64_t v, int width);
extern void out_money(Out *o, int64_t cents);	/* 12.30, no quotes */
extern void out_time(Out *o, int64_t epoch);	/* YYYY-MM-DD HH:MM:SS at +08 */
extern void out_json(Out *o, const char *s);	/* quoted and escaped */
extern void out_printf(Out *o, const char *fmt,...)
	__attribute__((format(printf, 2, 3)));
extern void out_free(Out *o);

/* Reads 'YYYY-MM-DD HH:MM:SS' at +08 (strictly), false when it is not one. */
extern bool time_read(const char *s, int64_t *epoch);

/* The same, or epoch seconds: for control requests and options. */
extern bool time_read_loose(const char *s, int64_t *epoch);

/* malloc that ends the program when there is no memory. */
extern void *must_alloc(void *old, size_t size);

/* One step of a well mixed hash; a stream of draws begins with a hash as its state. */
static inline uint64_t
mix64(uint64_t x)
{
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* The next draw of a stream, in [0, n). */
static inline uint32_t
draw(uint64_t *state, uint32_t n)
{
	*state += UINT64_C(0xD1342543DE82EF95);
	return (uint32_t) (((mix64(*state) >> 32) * (uint64_t) n) >> 32);
}

/* true in p of 1000 draws */
static inline bool
chance(uint64_t *state, uint32_t p)
{
	return draw(state, 1000) < p;
}

#endif							/* GATEWAY_OUT_H */
