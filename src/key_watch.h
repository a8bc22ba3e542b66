/*
 * key_watch.h
 *	  Whether the worker can use the key file, and what follows when that changes.
 */
#ifndef ORDERSYNC_KEY_WATCH_H
#define ORDERSYNC_KEY_WATCH_H

#include "compat.h"

/*
 * Looks at the key file when it is time; false while nothing can be opened.
 * Must be called outside a transaction, with the tables of this version there.
 */
extern bool key_watch_ready(const char *database);

/* Does everything wait for the key file, as far as was seen last? */
extern bool key_watch_blocks(void);

/* Something could not be opened: looks again at the next call. */
extern void key_watch_recheck(void);

/* Secrets may have been sealed anew with the newest key: looks again if some were not. */
extern void key_watch_renewed(void);

/* When to look next, by the steady clock; INT64_MAX while all is well. */
extern int64 key_watch_next(void);

#endif							/* ORDERSYNC_KEY_WATCH_H */
