/*
 * breaker.h
 *	  Which calls may be made of a gateway that does not answer.  Time is an
 *	  argument, so that tests can choose it.
 */
#ifndef ORDERSYNC_BREAKER_H
#define ORDERSYNC_BREAKER_H

#include "compat.h"

#define BREAKER_LISTS 12		/* lists of one gateway that are looked at apart */
#define BREAKER_TASKS 4			/* tasks whose failures, each for the first time, stop calls */
#define BREAKER_SHOPS 4			/* shops whose failures are known to be their own */

/* What a call came to, as far as it says something of the gateway. */
typedef enum BreakerOutcome
{
	BREAKER_GOOD,				/* it was answered, be it by a refusal with a code */
	BREAKER_FAILED,				/* an answer that is none, or none: may be the window's */
	BREAKER_UNREACHABLE,		/* no connection came about: no window's */
	BREAKER_NOTHING				/* it was not made, or says nothing */
} BreakerOutcome;

/* One call. */
typedef struct BreakerCall
{
	int64		task_id;
	int64		shop_id;
	uint32		list;			/* hash of the name of what is called; not 0 */
	bool		failed_before;	/* its task has failed before, and was charged for it */
	int64		begun_ms;		/* set by breaker_begin() */
} BreakerCall;

/* That calls are stopped now, and which. */
typedef struct BreakerStop
{
	bool		stopped;
	bool		of_list;		/* only of the call's list; false: of the gateway */
	bool		unanswered;		/* no call has failed; there are so many without an answer */
	bool		own;			/* the failure is the task's own all the same: it is charged */
	int64		shop_id;		/* only calls of this shop; 0: of all */
	int64		probe_ms;		/* from now until the next call may be made, at least 1 */
} BreakerStop;

/* Calls of a gateway, or of one list of it. */
typedef struct BreakerScope
{
	uint32		list;			/* 0: the gateway's, or free */

	/* until an answer comes */
	int64		good_ms;		/* when the last good answer came; 0: none did */
	int			begun;			/* calls without an answer, of those begun while no good one is new */
	int64		begun_ms;		/* when the last of them was begun */
	int64		begun_shop;		/* whose they are; 0: of several shops */

	/* failures since the last good answer */
	int			failures;
	int			unreachable;
	int			ntasks;
	int64		tasks[BREAKER_TASKS];	/* different ones that had not failed before */
	int64		failed_shop;	/* whose they are; 0: of several shops */
	uint32		failed_list;	/* of which list; 0: of several */

	/* the stop */
	bool		open;
	int64		opened_ms;
	int64		stopped_shop;	/* only this one's calls; 0: all */
	int64		probe_ms;		/* when one call may be made */
	int64		distance_ms;	/* between the last two probes that failed */

	/* other shops' calls succeed while theirs fail; 0: free */
	int64		own_shops[BREAKER_SHOPS];
	int64		suspect;		/* a shop whose calls alone have failed when another's was answered */
	int			strikes;		/* how often, since its own last good answer */
} BreakerScope;

typedef struct Breaker
{
	BreakerScope gateway;
	BreakerScope lists[BREAKER_LISTS];
} Breaker;

/* Nothing is known: also after the gateway's set-up was changed. */
extern void breaker_init(Breaker *breaker);

/* A worker has ended with calls in flight, whose answers nobody waits for any more. */
extern void breaker_lose_calls(Breaker *breaker);

/*
 * May the call be made?  0, or the milliseconds to wait before asking again; with
 * stop->stopped its task had better go back.
 */
extern int64 breaker_ask(Breaker *breaker, const BreakerCall *call, int64 now_ms,
						 BreakerStop *stop);

/* It is made, as breaker_ask() has allowed at this moment. */
extern void breaker_begin(Breaker *breaker, BreakerCall *call, int64 now_ms);

/*
 * A call that was begun has ended.  stop: whether calls like it are stopped
 * now.  first_ms: until the first probe.  now_ms is not before begun_ms.  True
 * when calls may be made now for which others wait.
 */
extern bool breaker_done(Breaker *breaker, const BreakerCall *call, BreakerOutcome outcome,
						 int64 now_ms, int64 first_ms, BreakerStop *stop);

#endif							/* ORDERSYNC_BREAKER_H */
