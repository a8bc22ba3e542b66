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
	struct JsonbSortKey *sort_keys;
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
