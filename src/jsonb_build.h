/*
 * jsonb_build.h
 *	  Composes a jsonb datum from values that lie elsewhere, byte for byte as
 *	  the server's own conversion does.
 */
#ifndef ORDERSYNC_JSONB_BUILD_H
#define ORDERSYNC_JSONB_BUILD_H

#include "compat.h"

#include "utils/jsonb.h"

/* Objects and arrays inside each other; the caller must not open more. */
#define JSONB_BUILD_DEPTH 64

/* A member of an object or an element of an array; its bytes are not owned. */
typedef struct JsonbItem
{
	const char *key;			/* NULL in an array */
	const char *value;			/* a string's text, a numeric, or what a container became */
	uint32		key_len;
	uint32		len;			/* of value; 0 for null, true and false */
	JEntry		type;			/* JENTRY_IS... */
} JsonbItem;

/*
 * Orders keys by one number, mostly: the length and the first seven bytes; of
 * a very long key no byte.  Where it is equal, by length and all bytes, and
 * equal keys by their place.
 */
typedef struct JsonbSortKey
{
	uint64		head;
	const JsonbItem *item;
} JsonbSortKey;

typedef struct JsonbLevel
{
	int			first;			/* of its items; the one before is the container's own */
	size_t		mark;			/* the scratch memory that was used when it began */
	bool		is_object;
} JsonbLevel;

typedef struct JsonbBuild
{
	MemoryContext context;		/* of all below */
	JsonbItem  *items;			/* of all open levels */
	int			nitems;
	int			max_items;
	JsonbLevel	levels[JSONB_BUILD_DEPTH];
	int			depth;			/* open levels */
	char	   *scratch;		/* unescaped strings, numerics, closed containers */
	size_t		used;
	size_t		size;
	JsonbSortKey *sort_keys;
	int			max_sort_keys;
} JsonbBuild;

/* Names of the root's members that are left out. */
typedef struct JsonbNames
{
	int			n;
	const Datum *names;			/* text */
	const bool *nulls;
} JsonbNames;

/* An empty build; its memory stays with the process, whatever the transaction does. */
extern JsonbBuild *jsonb_build_begin(void);

/* Gives back memory above what usual records need. */
extern void jsonb_build_end(JsonbBuild *build);

/* len bytes of scratch memory, valid until the level that is open now is closed. */
extern char *jsonb_build_scratch(JsonbBuild *build, size_t len);

/* More room for items. */
extern void jsonb_build_more_items(JsonbBuild *build);

/* Ends the innermost level: its items become the value of its container's item. */
extern void jsonb_build_close(JsonbBuild *build);

/* Ends the outermost level, or takes a lone scalar: the datum, in the current context. */
extern Jsonb *jsonb_build_root(JsonbBuild *build, const JsonbNames *hidden);

/*
 * Without a build, for objects whose keys are always the same: their items are put
 * in order once, and written as often as they have got new values.
 */

/* Pairs of n items in the order in which they are stored; false: two have the same key. */
extern bool jsonb_sort_items(const JsonbItem *items, int n, JsonbSortKey *pairs);

/* No less than the bytes of an object or array of these items. */
extern size_t jsonb_items_bound(const JsonbItem *items, int n);

/* Write an object, or an array, at to, which is aligned; the bytes that it took. */
extern size_t jsonb_write_object(const JsonbSortKey *pairs, int n, char *to);
extern size_t jsonb_write_array(const JsonbItem *items, int n, uint32 flags, char *to);

/* A new item, without a value yet. */
static inline JsonbItem *
jsonb_build_item(JsonbBuild *build, const char *key, uint32 key_len)
{
	JsonbItem  *item;

	if (unlikely(build->nitems == build->max_items))
		jsonb_build_more_items(build);
	item = &build->items[build->nitems++];
	item->key = key;
	item->key_len = key_len;
	return item;
}

/* Begins an object or array: the value of the newest item.  Its items follow. */
static inline void
jsonb_build_open(JsonbBuild *build, bool is_object)
{
	JsonbLevel *level = &build->levels[build->depth++];

	level->first = build->nitems;
	level->mark = build->used;
	level->is_object = is_object;
}

#endif							/* ORDERSYNC_JSONB_BUILD_H */
