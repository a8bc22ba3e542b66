/*
 * recall.h
 *	  Tasks that were taken away from this worker while it has calls in flight for them.
 */
#ifndef ORDERSYNC_RECALL_H
#define ORDERSYNC_RECALL_H

#include "job.h"

/* Somebody has cancelled, paused or removed something: some tasks may no longer be ours. */
extern void recall_request(void);

/* When recall_find() is to be called, by the steady clock. */
extern int64 recall_next(void);

/* Which of the jobs have lost their tasks; NULL when that cannot be found out now. */
extern bool *recall_find(Job **jobs, int n);

#endif							/* ORDERSYNC_RECALL_H */
