/*
 * upkeep.h
 *	  What a worker does for its database by the clock: maintenance, the watch
 *	  over shops that are behind, and the stamps of the push's shape.
 */
#ifndef ORDERSYNC_UPKEEP_H
#define ORDERSYNC_UPKEEP_H

#include "db.h"

/*
 * Does what is due, in transactions of its own; true when it was seen how the database
 * is: in *state.  Errors are caught and logged.  Must be called outside a transaction.
 */
extern bool upkeep(DbState *state);

/* When something is due next, in milliseconds of the steady clock; it may be past. */
extern int64 upkeep_next(void);

/*
 * The database is not ready, or may be again, or settings have changed: all of it is
 * due then, in milliseconds of the steady clock; 0: at once.
 */
extern void upkeep_at(int64 when);

/* Others have woken the worker: whether the push's shape is enabled by now is looked at. */
extern void upkeep_woken(void);

#endif							/* ORDERSYNC_UPKEEP_H */
