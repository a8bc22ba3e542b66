/*
 * jsonb_build.c
 *	  Composes a jsonb datum from values that lie elsewhere.
 *
 * The layout is the one of utils/jsonb.h, and the choices that it leaves open
 * are made as the server makes them (keys by length, then bytes; of equal keys
 * the last one; an offset in place of a length in each JB_OFFSET_STRIDE'th
 * entry), so that the datum equals the server's own to the byte: it is stored,
 * hashed and compared as such.
 *
 * Items lie on one stack, those of the innermost open container on top.  When
 * a container ends, its items become one run of bytes, the value of the item
 * below them.  Such a run may be copied anywhere, since its own alignment is
 * counted from its first byte, which the container around it aligns.  No
 * recursion, no allocation for a single value.
 *
 * Scratch memory is a stack too: what a container's items put there is
 * replaced by the container's bytes when it ends.  When it must grow, items
 * that point into it are moved along.
 *
 * One build a process, for one text at a time, in a context of its own below
 * TopMemoryContext; what has grown above KEPT_SCRATCH and KEPT_ITEMS is given
 * back after each text.  An error may leave it anywhere: the next
 * jsonb_build_begin() starts anew.
 */
#include "compat.h"

#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "jsonb_build.h"

#define KEPT_SCRATCH ((size_t) 128 * 1024)
#define KEPT_ITEMS 2048
#define LONG_KEY 255			/* from here on no byte of a key is part of its head */

/* Keys shorter than this are put in order by length first, where no more than FEW_KEYS have the same. */
#define SHORT_KEYS 64
#define FEW_KEYS 24

/* The entry of an item, whose index decides whether it has a length or an offset. */
#define ENTRY(index, type, len, total) \
	((index) % JB_OFFSET_STRIDE == 0 ? ((type) | (total) | JENTRY_HAS_OFF) : ((type) | (len)))

static JsonbBuild the_build;

static void grow_scratch(JsonbBuild *build, size_t len);
static const char *moved(const char *at, const char *from, size_t used, const char *to);
static const JsonbSortKey *in_order(JsonbSortKey *keys, int n);
static int	sort_pairs(JsonbBuild *build, const JsonbLevel *level, const JsonbNames *hidden);
static void make_sort_keys(JsonbBuild *build);
static uint64 key_head(const JsonbItem *item);
static bool is_hidden(const JsonbItem *item, const JsonbNames *hidden);
static size_t write_level(JsonbBuild *build, const JsonbLevel *level, char *to,
						  const JsonbNames *hidden);
static char *write_value(const JsonbItem *item, const char *base, char *at);

/* The order in which pairs are stored; of equal keys the last comes first: it is the one that stays. */
static inline int
compare_pairs(const JsonbSortKey *a, const JsonbSortKey *b)
{
	int			result;

	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	if (a->item->key_len != b->item->key_len)
		return a->item->key_len < b->item->key_len ? -1 : 1;
	result = memcmp(a->item->key, b->item->key, a->item->key_len);
	if (result != 0)
		return result;
	return a->item > b->item ? -1 : 1;
}

static inline bool
is_same_key(const JsonbSortKey *a, const JsonbSortKey *b)
{
	return a->head == b->head && a->item->key_len == b->item->key_len &&
		memcmp(a->item->key, b->item->key, a->item->key_len) == 0;
}

#define ST_SORT sort_keys
#define ST_ELEMENT_TYPE JsonbSortKey
#define ST_COMPARE(a, b) compare_pairs(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Copies what is mostly a few bytes; nothing is read or written beside them. */
static inline void
copy_bytes(char *to, const char *from, size_t len)
{
	if (len > 32)
		memcpy(to, from, len);
	else if (len >= 16)
	{
		char		last[16];

		memcpy(last, from + len - 16, 16);
		memcpy(to, from, 16);
		memcpy(to + len - 16, last, 16);
	}
	else if (len >= 8)
	{
		uint64		last;

		memcpy(&last, from + len - 8, 8);
		memcpy(to, from, 8);
		memcpy(to + len - 8, &last, 8);
	}
	else if (len >= 4)
	{
		uint32		last;

		memcpy(&last, from + len - 4, 4);
		memcpy(to, from, 4);
		memcpy(to + len - 4, &last, 4);
	}
	else
	{
		for (size_t i = 0; i < len; i++)
			to[i] = from[i];
	}
}

/* See jsonb_build.h. */
JsonbBuild *
jsonb_build_begin(void)
{
	JsonbBuild *build = &the_build;

	if (build->context == NULL)
		build->context = AllocSetContextCreate(TopMemoryContext, "ordersync jsonb",
											   ALLOCSET_DEFAULT_SIZES);
	jsonb_build_end(build);
	build->nitems = 0;
	build->depth = 0;
	build->used = 0;
	if (build->scratch == NULL)
	{
		build->scratch = MemoryContextAlloc(build->context, KEPT_SCRATCH);
		build->size = KEPT_SCRATCH;
	}
	if (build->items == NULL)
	{
		build->items = MemoryContextAlloc(build->context, sizeof(JsonbItem) * KEPT_ITEMS);
		build->max_items = KEPT_ITEMS;
	}
	return build;
}

/* See jsonb_build.h. */
void
jsonb_build_end(JsonbBuild *build)
{
	if (build->size <= KEPT_SCRATCH && build->max_items <= KEPT_ITEMS)
		return;
	build->scratch = NULL;
	build->size = 0;
	build->items = NULL;
	build->max_items = 0;
	build->sort_keys = NULL;
	build->max_sort_keys = 0;
	MemoryContextReset(build->context);
}

/* See jsonb_build.h. */
char *
jsonb_build_scratch(JsonbBuild *build, size_t len)
{
	char	   *at;

	if (len > build->size - build->used)
		grow_scratch(build, len);
	at = build->scratch + build->used;
	build->used += len;
	return at;
}

/* Makes room for len more bytes; items that point into the old memory follow. */
static void
grow_scratch(JsonbBuild *build, size_t len)
{
	size_t		size = build->size;
	char	   *scratch;

	while (size - build->used < len)
		size *= 2;
	scratch = MemoryContextAlloc(build->context, size);
	memcpy(scratch, build->scratch, build->used);
	for (int i = 0; i < build->nitems; i++)
	{
		JsonbItem  *item = &build->items[i];

		item->key = moved(item->key, build->scratch, build->used, scratch);
		item->value = moved(item->value, build->scratch, build->used, scratch);
	}
	pfree(build->scratch);
	build->scratch = scratch;
	build->size = size;
}

/* Where the byte at at is now that used bytes from from on are at to; at, when it is elsewhere. */
static const char *
moved(const char *at, const char *from, size_t used, const char *to)
{
	return (uintptr_t) at >= (uintptr_t) from && (uintptr_t) at < (uintptr_t) from + used ?
		to + (at - from) : at;
}

/* See jsonb_build.h. */
void
jsonb_build_more_items(JsonbBuild *build)
{
	build->items = repalloc(build->items, sizeof(JsonbItem) * 2 * build->max_items);
	build->max_items *= 2;
}

/* Of an open level. */
static inline size_t
size_bound(const JsonbBuild *build, const JsonbLevel *level)
{
	return jsonb_items_bound(build->items + level->first, build->nitems - level->first);
}

/* See jsonb_build.h. */
void
jsonb_build_close(JsonbBuild *build)
{
	const JsonbLevel *level = &build->levels[--build->depth];
	JsonbItem  *item = &build->items[level->first - 1];
	size_t		from = INTALIGN(build->used);
	size_t		len;

	jsonb_build_scratch(build, from - build->used + size_bound(build, level));
	len = write_level(build, level, build->scratch + from, NULL);
	memmove(build->scratch + level->mark, build->scratch + from, len);
	build->used = level->mark + len;
	build->nitems = level->first;
	item->type = JENTRY_ISCONTAINER;
	item->value = build->scratch + level->mark;
	item->len = len;
}

/* See jsonb_build.h. */
Jsonb *
jsonb_build_root(JsonbBuild *build, const JsonbNames *hidden)
{
	JsonbLevel	lone = {0};
	const JsonbLevel *level = &lone;
	Jsonb	   *result;
	size_t		len;

	if (build->depth > 0)
		level = &build->levels[--build->depth];
	result = palloc(VARHDRSZ + size_bound(build, level));
	if (level == &lone)
		len = jsonb_write_array(build->items, 1, JB_FARRAY | JB_FSCALAR, VARDATA(result));
	else
		len = write_level(build, level, VARDATA(result), hidden);
	SET_VARSIZE(result, VARHDRSZ + len);
	return result;
}

/* See jsonb_build.h: header, two entries an item, bytes, and padding before each. */
size_t
jsonb_items_bound(const JsonbItem *items, int n)
{
	size_t		size = sizeof(uint32);

	for (int i = 0; i < n; i++)
		size += 2 * sizeof(JEntry) + items[i].key_len + items[i].len + (ALIGNOF_INT - 1);
	return size;
}

/* Writes a level's items at to, which is aligned; the bytes that it took. */
static size_t
write_level(JsonbBuild *build, const JsonbLevel *level, char *to, const JsonbNames *hidden)
{
	int			npairs;

	if (!level->is_object)
		return jsonb_write_array(build->items + level->first, build->nitems - level->first, JB_FARRAY, to);
	npairs = sort_pairs(build, level, hidden);
	return jsonb_write_object(build->sort_keys, npairs, to);
}

/* The pairs of an object in the order in which they are stored, hidden and repeated ones left out; how many. */
static int
sort_pairs(JsonbBuild *build, const JsonbLevel *level, const JsonbNames *hidden)
{
	int			n = 0;
	int			kept = 0;
	JsonbSortKey *keys;
	const JsonbSortKey *sorted;

	if (build->nitems - level->first > build->max_sort_keys)
		make_sort_keys(build);
	keys = build->sort_keys;
	for (int i = level->first; i < build->nitems; i++)
	{
		const JsonbItem *item = &build->items[i];

		if (hidden != NULL && is_hidden(item, hidden))
			continue;
		keys[n].head = key_head(item);
		keys[n++].item = item;
	}
	sorted = in_order(keys, n);
	for (int i = 0; i < n; i++)
	{
		if (kept > 0 && is_same_key(&sorted[i], &keys[kept - 1]))
			continue;
		keys[kept++] = sorted[i];
	}
	return kept;
}

/* Room for the keys of as many items as there is room for, and once more to put them in order. */
static void
make_sort_keys(JsonbBuild *build)
{
	if (build->sort_keys != NULL)
		pfree(build->sort_keys);
	build->sort_keys = NULL;
	build->max_sort_keys = 0;
	build->sort_keys = MemoryContextAlloc(build->context,
										  2 * sizeof(JsonbSortKey) * build->max_items);
	build->max_sort_keys = build->max_items;
}

/*
 * n keys, behind which there is room for n more, in order: there, or in their
 * own place.  The keys of one object have many lengths, so that those of one
 * length are soon in order among themselves.
 */
static const JsonbSortKey *
in_order(JsonbSortKey *keys, int n)
{
	int			ends[SHORT_KEYS + 1] = {0};	/* first counts: [length + 1] */
	JsonbSortKey *sorted = keys + n;

	for (int i = 0; i < n; i++)
	{
		unsigned	len = (unsigned) (keys[i].head >> 56);

		if (len >= SHORT_KEYS || ++ends[len + 1] > FEW_KEYS)
		{
			sort_keys(keys, n);
			return keys;
		}
	}
	for (int len = 1; len < SHORT_KEYS; len++)
		ends[len] += ends[len - 1];
	for (int i = 0; i < n; i++)
		sorted[ends[keys[i].head >> 56]++] = keys[i];
	for (int i = 1; i < n; i++)
	{
		JsonbSortKey key = sorted[i];
		int			to = i;

		while (to > 0 && compare_pairs(&sorted[to - 1], &key) > 0)
		{
			sorted[to] = sorted[to - 1];
			to--;
		}
		sorted[to] = key;
	}
	return sorted;
}

/* Length and first bytes of a key as one number that compares as they do. */
static uint64
key_head(const JsonbItem *item)
{
	uint64		bytes = 0;

	if (item->key_len >= LONG_KEY)
		return (uint64) LONG_KEY << 56;
	if (item->key_len >= sizeof(bytes))
		memcpy(&bytes, item->key, sizeof(bytes));
	else
		copy_bytes((char *) &bytes, item->key, item->key_len);
	return ((uint64) item->key_len << 56) | (pg_hton64(bytes) >> 8);
}

/* Whether an item's key is one of the names. */
static bool
is_hidden(const JsonbItem *item, const JsonbNames *hidden)
{
	for (int i = 0; i < hidden->n; i++)
	{
		const text *name;

		if (hidden->nulls[i])
			continue;
		name = (const text *) DatumGetPointer(hidden->names[i]);
		if (VARSIZE_ANY_EXHDR(name) == item->key_len &&
			memcmp(VARDATA_ANY(name), item->key, item->key_len) == 0)
			return true;
	}
	return false;
}

/* See jsonb_build.h. */
bool
jsonb_sort_items(const JsonbItem *items, int n, JsonbSortKey *pairs)
{
	for (int i = 0; i < n; i++)
	{
		pairs[i].head = key_head(&items[i]);
		pairs[i].item = &items[i];
	}
	sort_keys(pairs, n);
	for (int i = 1; i < n; i++)
	{
		if (is_same_key(&pairs[i - 1], &pairs[i]))
			return false;
	}
	return true;
}

/* See jsonb_build.h: keys first, then values. */
size_t
jsonb_write_object(const JsonbSortKey *pairs, int n, char *to)
{
	JEntry	   *entry = (JEntry *) (to + sizeof(uint32));
	char	   *data = (char *) (entry + 2 * (size_t) n);
	char	   *at = data;

	*(uint32 *) to = n | JB_FOBJECT;
	for (int i = 0; i < n; i++)
	{
		const JsonbItem *item = pairs[i].item;

		copy_bytes(at, item->key, item->key_len);
		at += item->key_len;
		*entry++ = ENTRY(i, JENTRY_ISSTRING, item->key_len, (uint32) (at - data));
	}
	for (int i = 0; i < n; i++)
	{
		char	   *past = write_value(pairs[i].item, to, at);

		*entry++ = ENTRY(i + n, pairs[i].item->type, (uint32) (past - at), (uint32) (past - data));
		at = past;
	}
	return at - to;
}

/* See jsonb_build.h. */
size_t
jsonb_write_array(const JsonbItem *items, int n, uint32 flags, char *to)
{
	JEntry	   *entry = (JEntry *) (to + sizeof(uint32));
	char	   *data = (char *) (entry + n);
	char	   *at = data;

	*(uint32 *) to = n | flags;
	for (int i = 0; i < n; i++)
	{
		char	   *past = write_value(&items[i], to, at);

		*entry++ = ENTRY(i, items[i].type, (uint32) (past - at), (uint32) (past - data));
		at = past;
	}
	return at - to;
}

/* Writes an item's value at at, numbers and containers aligned from base on; past it. */
static char *
write_value(const JsonbItem *item, const char *base, char *at)
{
	if (item->type == JENTRY_ISNUMERIC || item->type == JENTRY_ISCONTAINER)
	{
		while ((at - base) % ALIGNOF_INT != 0)
			*at++ = '\0';
	}
	copy_bytes(at, item->value, item->len);
	return at + item->len;
}
