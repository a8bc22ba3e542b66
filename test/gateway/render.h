/*
 * render.h
 *	  Records as JSON, in the form that one answer needs.
 */
#ifndef GATEWAY_RENDER_H
#define GATEWAY_RENDER_H

#include "select.h"
#include "world.h"

/* What can be wrong with a record. */
typedef enum Blemish
{
	BLEMISH_NONE,
	BLEMISH_NUL,				/* an escaped NUL in a text */
	BLEMISH_RAW_NUL,			/* the byte itself */
	BLEMISH_SURROGATE,			/* half of a pair */
	BLEMISH_UTF8,				/* bytes that are no UTF-8 */
	BLEMISH_NO_ID,
	BLEMISH_BAD_ID,				/* a text that is no number */
	BLEMISH_NO_TIME,			/* no `modified` */
	BLEMISH_BAD_TIME,			/* a `modified` that cannot be read */
	BLEMISH_MONEY,				/* a payment that is no number */
	BLEMISH_DATE,				/* a created that is no date */
	BLEMISH_DEEP,				/* nested beyond any limit */
	BLEMISH_SHAPE,				/* no object at all */
	BLEMISH_NULL,				/* null instead of a record */
	BLEMISH_FOREIGN,			/* another seller's */
	BLEMISH_NUMBER,				/* a number out of all bounds */
	BLEMISH_LINES,				/* orders is a text */
	BLEMISH_COUNT
} Blemish;

extern const char *const blemish_names[BLEMISH_COUNT];

/* The form of an answer. */
typedef struct Wire
{
	bool		simplify;
	bool		ids_as_text;	/* tid, oid, num_iid as strings */
	bool		refund_id_as_number;
	bool		bare_single;	/* a list of one as the bare object */
	Blemish		blemish;
} Wire;

extern void render_trade(Out *o, const Shop *shop, const Trade *t, const Selection *sel,
						 const Wire *w);
extern void render_refund(Out *o, const Shop *shop, const Trade *t, int refund,
						  const Selection *sel, const Wire *w);

/* The objects of a trade, each a whole field with its key and a comma. */
extern void render_lines(Out *o, const Shop *shop, const Trade *t, const Selection *sel,
						 const Wire *w);
extern void render_services(Out *o, const Shop *shop, const Trade *t, const Selection *sel,
							const Wire *w);
extern void render_promotions(Out *o, const Trade *t, const Selection *sel, const Wire *w);
extern void render_logistics(Out *o, const Trade *t, const Selection *sel, const Wire *w);
extern void render_agreement(Out *o, const Trade *t, const Selection *sel);

/* Whether records, lines and refunds have personal data that nobody asked for. */
extern bool render_hostile;
extern void put_hostile(Out *o);

/* NOVEL_FIELD of a record: its kind's letter and its id. */
extern void put_novel(Out *o, char kind, int64_t id);

/* One of the people's fields; false when it is none of them. */
extern bool put_person(Out *o, int id, const Trade *t, const Selection *sel);

/* Things that several records say of an order. */
extern const char *seller_nick(const Shop *shop, const Trade *t);
extern void write_buyer_nick(Out *o, const Trade *t);
extern void write_open_uid(Out *o, const Trade *t);
extern void write_item_title(Out *o, const Trade *t, int line);
extern int64_t item_id(const Trade *t, int line);
extern int64_t sku_id(const Trade *t, int line);
extern void put_picture(Out *o, const Field *f, const Shop *shop, uint32_t item);
extern void write_sku_text(Out *o, const Trade *t, int line);
extern int64_t line_payment(const Trade *t, int line);

/* How values are put: "key":value and a comma, which the end of the object takes away. */
static inline void
put_key(Out *o, const Field *f)
{
	out_bytes(o, f->key, f->key_len);
}

static inline void
put_text(Out *o, const Field *f, const char *escaped)
{
	put_key(o, f);
	out_char(o, '"');
	out_text(o, escaped);
	out_lit(o, "\",");
}

static inline void
put_money(Out *o, const Field *f, int64_t cents)
{
	put_key(o, f);
	out_char(o, '"');
	out_money(o, cents);
	out_lit(o, "\",");
}

static inline void
put_int(Out *o, const Field *f, int64_t v)
{
	put_key(o, f);
	out_int(o, v);
	out_char(o, ',');
}

static inline void
put_int_text(Out *o, const Field *f, int64_t v)
{
	put_key(o, f);
	out_char(o, '"');
	out_int(o, v);
	out_lit(o, "\",");
}

static inline void
put_id(Out *o, const Field *f, int64_t v, const Wire *w)
{
	if (w->ids_as_text)
		put_int_text(o, f, v);
	else
		put_int(o, f, v);
}

static inline void
put_time(Out *o, const Field *f, int64_t t)
{
	if (t == 0)
		return;
	put_key(o, f);
	out_char(o, '"');
	out_time(o, t);
	out_lit(o, "\",");
}

static inline void
put_flag(Out *o, const Field *f, bool v)
{
	put_key(o, f);
	if (v)
		out_lit(o, "true,");
	else
		out_lit(o, "false,");
}

/* A draw that belongs to one field of one record. */
static inline uint32_t
field_draw(uint64_t hash, int id)
{
	return (uint32_t) ((hash ^ (uint64_t) id * UINT64_C(0x9E3779B97F4A7C15)) *
					   UINT64_C(0xD1342543DE82EF95) >> 32);
}

extern void put_plain(Out *o, const Field *f, uint32_t d);

/* Ends an object or list whose last member was followed by a comma. */
static inline void
put_end(Out *o, char end)
{
	if (o->data[o->len - 1] == ',')
		o->data[o->len - 1] = end;
	else
		out_char(o, end);
}

/* Opens and ends a list: {"order":[ ... ]}, or [ ... ] when simplified. */
extern size_t open_list(Out *o, const char *member, const Wire *w);
extern void close_list(Out *o, size_t start, int count, const Wire *w);

#endif							/* GATEWAY_RENDER_H */
