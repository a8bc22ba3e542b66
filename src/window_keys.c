/*
 * window_keys.c
 *	  A set of record keys, in ascending order.
 *
 * Keys come a page at a time, so an addition sorts once.  The array grows by
 * repalloc, which keeps it in the context of keys_init() whatever context is
 * current later.  Nothing here fails but for lack of memory.
 */
#include "compat.h"

#include "window_keys.h"

static int	compare_keys(const void *a, const void *b);

void
keys_init(KeySet *set)
{
	set->n = 0;
	set->room = 16;
	set->keys = palloc(sizeof(int64) * set->room);
}

void
keys_clear(KeySet *set)
{
	set->n = 0;
}

void
keys_own(KeySet *set)
{
	int64	   *keys = palloc(sizeof(int64) * set->room);

	memcpy(keys, set->keys, sizeof(int64) * set->n);
	set->keys = keys;
}

bool
keys_have(const KeySet *set, int64 key)
{
	return bsearch(&key, set->keys, set->n, sizeof(int64), compare_keys) != NULL;
}

void
keys_add(KeySet *set, const int64 *keys, int n)
{
	if (n == 0)
		return;
	if (set->n + n > set->room)
	{
		set->room = Max(set->room * 2, set->n + n);
		set->keys = repalloc(set->keys, sizeof(int64) * set->room);
	}
	memcpy(set->keys + set->n, keys, sizeof(int64) * n);
	set->n += n;
	qsort(set->keys, set->n, sizeof(int64), compare_keys);
}

int
keys_unite(KeySet *set, const int64 *keys, int n)
{
	int64	   *fresh = palloc(sizeof(int64) * (n + 1));
	int			nfresh = 0;

	for (int i = 0; i < n; i++)
	{
		if (!keys_have(set, keys[i]))
			fresh[nfresh++] = keys[i];
	}
	keys_add(set, fresh, nfresh);
	pfree(fresh);
	return nfresh;
}

static int
compare_keys(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}
