/*
 * worker_status.h
 *	  What a worker is shown to be doing.
 */
#ifndef ORDERSYNC_WORKER_STATUS_H
#define ORDERSYNC_WORKER_STATUS_H

#include "task.h"

typedef struct WorkerStatus
{
	const char *state;			/* one or two words */
	int			tasks;			/* claimed */
	int			calls;			/* in flight */
	const SyncTask *oldest;		/* of its tasks; NULL: it has none */
} WorkerStatus;

/* Before the first transaction: the session is known as a worker's by its name. */
extern void worker_status_start(void);

/* Shows it, ten times a second at most; the milliseconds until the rest can be shown, -1: all is shown. */
extern int64 worker_status_show(const WorkerStatus *status);

#endif							/* ORDERSYNC_WORKER_STATUS_H */
