/*
 * window_keys.h
 *	  A set of record keys.  A room inside window: nobody else includes it.
 */
#ifndef ORDERSYNC_WINDOW_KEYS_H
#define ORDERSYNC_WINDOW_KEYS_H

#include "compat.h"

typedef struct KeySet
{
	int64	   *keys;			/* ascending */
	int			n;
	int			room;
} KeySet;

/* Begins an empty set; its memory stays in the context current now. */
extern void keys_init(KeySet *set);
extern void keys_clear(KeySet *set);

/* Gives the set a copy of its keys, in the context current now. */
extern void keys_own(KeySet *set);
extern bool keys_have(const KeySet *set, int64 key);

/* Adds n keys, none of which may be in it yet. */
extern void keys_add(KeySet *set, const int64 *keys, int n);

/* Adds those of n distinct keys that are not in it; returns how many. */
extern int	keys_unite(KeySet *set, const int64 *keys, int n);

#endif							/* ORDERSYNC_WINDOW_KEYS_H */
