/*
 * recall.h
 *	  Tasks that were taken away from this worker while it has calls in flight for them.
 */
#ifndef ORDERSYNC_RECALL_H
#define ORDERSYNC_RECALL_H

#include "job.h"

/*
 * Somebody has cancelled, paused or removed something: which of the jobs have lost
 * their tasks?  NULL when that cannot be found out now.
 */
extern bool *recall_find(Job **jobs, int n);

/* When it is to be asked again, by the steady clock. */
extern int64 recall_next(void);

#endif							/* ORDERSYNC_RECALL_H */
