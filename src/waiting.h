/*
 * waiting.h
 *	  A worker's calls that wait for their gateways, and their turns.
 */
#ifndef ORDERSYNC_WAITING_H
#define ORDERSYNC_WAITING_H

#include "lib/ilist.h"

#include "job.h"

/* A job and its place in one of the worker's three lists. */
typedef struct JobEntry
{
	dlist_node	node;
	Job		   *job;
	int64		turn;			/* while it waits: the lower one is first */
	const char *method;			/* of the call that it waits for, or that is in flight */
	bool		counted;		/* its call counts as in flight at its gateway */
	int			passed;			/* batches that came before its answer, the oldest of all */
} JobEntry;

/* Its next call waits from now on. */
extern void waiting_add(dlist_head *waiting, JobEntry *entry);

/*
 * Submits what may be submitted, and gives back what has to wait for long; each
 * goes on by dispatch.  The milliseconds until more may be, -1 when nothing waits.
 */
extern int64 waiting_submit(dlist_head *waiting, void (*dispatch) (JobEntry *, JobStep));

#endif							/* ORDERSYNC_WAITING_H */
