/*
 * recall.h
 *	  Tasks that were taken away from this worker while it has calls in flight for them.
 */
#ifndef ORDERSYNC_RECALL_H
#define ORDERSYNC_RECALL_H

#include "job.h"

/*
 * Somebody has cancelled, paused or removed something: which of the n jobs have lost
 * their tasks, in the order of jobs, palloc'd.  NULL when there are none, or when that
 * cannot be found out now.  Must be called outside a transaction.
 */
extern bool *recall_find(Job **jobs, int n);

/* When that is to be asked again, in milliseconds of the steady clock; PG_INT64_MAX: not before a recall. */
extern int64 recall_next(void);

#endif							/* ORDERSYNC_RECALL_H */
