/*
 * upkeep.c
 *	  What a worker does for its database by the clock.
 *
 * Maintenance at its start, daily, after a reload (what is kept for how long may
 * have changed), and when the extension has come back.  The watch over shops that
 * are behind their targets once a minute, by one worker of the database: the one
 * with the lowest slot; others look whether they are that by now.
 * (ordersync.watch() itself sees to it that it is made once, when they change.)
 * So are the stamps of the push's shape (ordersync.stamp_jdp()), once a second
 * where it is enabled, and again at once behind a commit that stamped something.
 * Each in a transaction of its own, outside of those of tasks; what is not all
 * done goes on soon, with room for calls in between.
 *
 * All moments are by the steady clock.
 */
#include "compat.h"

#include "miscadmin.h"

#include "clock.h"
#include "job.h"
#include "queue.h"
#include "shmem.h"
#include "upkeep.h"

#define MAINTENANCE_EVERY_MS (24 * 3600 * 1000LL)
#define MAINTENANCE_RETRY_MS (10 * 60 * 1000)	/* after an error */
#define MAINTENANCE_MORE_MS 1000	/* when it was not all done */
#define WATCH_EVERY_MS (60 * 1000)	/* by another worker, or after an error */
#define STAMP_EVERY_MS (60 * 1000)	/* by another worker */
#define STAMP_RETRY_MS (5 * 1000)	/* after an error */

static int64 maintenance_at = 0;
static int64 watch_at = 0;
static int64 stamp_at = 0;
static bool stamping = false;	/* there was somebody to stamp for */

static bool maintain(int64 now, DbState *state);
static void do_maintenance(void *arg);
static bool watch(int64 now, DbState *state);
static void do_watch(void *arg);
static bool stamp(int64 now, DbState *state);
static void do_stamp(void *arg);

bool
upkeep(DbState *state)
{
	int64		now = clock_steady_ms();
	bool		seen = false;

	if (now >= maintenance_at)
	{
		seen = maintain(now, state);
		if (!seen || *state != DB_READY)
			return seen;
	}
	if (now >= watch_at)
	{
		seen = watch(now, state) || seen;
		if (seen && *state != DB_READY)
			return seen;
	}
	if (now >= stamp_at)
		seen = stamp(now, state) || seen;
	return seen;
}

int64
upkeep_next(void)
{
	return Min(Min(maintenance_at, watch_at), stamp_at);
}

void
upkeep_at(int64 when)
{
	maintenance_at = when;
	watch_at = when;
	stamp_at = when;
}

void
upkeep_woken(void)
{
	if (!stamping)
		stamp_at = 0;
}

/* False after an error: nothing is known of the database. */
static bool
maintain(int64 now, DbState *state)
{
	ErrorData  *error;
	bool		more = false;

	switch (job_transact("running maintenance", DB_DURABLE, do_maintenance, &more, state, &error))
	{
		case OUTCOME_DONE:
			maintenance_at = now + (more ? MAINTENANCE_MORE_MS : MAINTENANCE_EVERY_MS);
			return true;
		case OUTCOME_NOT_READY:
			return true;
		default:
			maintenance_at = now + MAINTENANCE_RETRY_MS;
			return false;
	}
}

static void
do_maintenance(void *arg)
{
	bool	   *more = arg;

	*more = queue_maintenance();
}

/* What is lost of it in a crash is seen again: that is not waited for. */
static bool
watch(int64 now, DbState *state)
{
	ErrorData  *error;
	int			next_ms = 0;

	watch_at = now + WATCH_EVERY_MS;
	if (!shmem_is_first(MyDatabaseId))
		return false;
	switch (job_transact("watching shops", DB_REPEATABLE, do_watch, &next_ms, state, &error))
	{
		case OUTCOME_DONE:
			watch_at = now + next_ms;
			return true;
		case OUTCOME_NOT_READY:
			return true;
		default:
			return false;
	}
}

static void
do_watch(void *arg)
{
	int		   *next_ms = arg;

	*next_ms = queue_watch();
}

/* Durable: what a poller has seen must not be stamped anew with the same second behind a crash. */
static bool
stamp(int64 now, DbState *state)
{
	ErrorData  *error;
	int			next_ms = 0;

	stamp_at = now + STAMP_EVERY_MS;
	stamping = false;
	if (!shmem_is_first(MyDatabaseId))
		return false;
	switch (job_transact("stamping changes", DB_DURABLE, do_stamp, &next_ms, state, &error))
	{
		case OUTCOME_DONE:
			stamp_at = now + next_ms;
			stamping = next_ms < STAMP_EVERY_MS;
			return true;
		case OUTCOME_NOT_READY:
			return true;
		default:
			stamp_at = now + STAMP_RETRY_MS;
			return false;
	}
}

static void
do_stamp(void *arg)
{
	int		   *next_ms = arg;

	*next_ms = queue_stamp_jdp();
}
