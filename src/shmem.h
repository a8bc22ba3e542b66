/*
 * shmem.h
 *	  What processes of one server share: the boot id, the workers' slots, and
 *	  the way to wake a worker.
 */
#ifndef ORDERSYNC_SHMEM_H
#define ORDERSYNC_SHMEM_H

#include "compat.h"
#include "datatype/timestamp.h"

#include "task.h"

/* Room for "<boot id>.<slot>.<generation>". */
#define SHMEM_OWNER_SIZE 48

/* Room for a failure's class, a worker's state, and what it is doing. */
#define SHMEM_CLASS_SIZE 32

/* Who a slot is for; handed to a new worker in its bgw_extra. */
typedef struct SlotTicket
{
	int			slot;
	uint32		generation;
	char		database[NAMEDATALEN];
} SlotTicket;

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_STARTING,				/* taken by the launcher, the worker is not there yet */
	SLOT_RUNNING				/* the worker is there */
} SlotState;

/* Room for a run's kind. */
#define SHMEM_KIND_SIZE 16

/* The task that a worker is shown with: the one it stores, or the oldest of its calls. */
typedef struct SlotWork
{
	int64		task_id;		/* 0: it has none */
	int64		run_id;
	int64		shop_id;
	char		kind[SHMEM_KIND_SIZE];
	Stream		stream;
	Basis		basis;
	int64		since;			/* epoch seconds; 0: it has no window */
	int64		until;
} SlotWork;

/* What a worker counts; all since it started, but the gauges in_flight and claimed. */
typedef enum ShmemCounter
{
	COUNTER_IN_FLIGHT,
	COUNTER_CLAIMED,
	COUNTER_CALLS,
	COUNTER_ERRORS,
	COUNTER_TASKS,
	COUNTER_PAGES,
	COUNTER_RECORDS,
	COUNTER_RECORDS_WRITTEN,
	COUNTER_BYTES,
	NUM_COUNTERS
} ShmemCounter;

/* A copy of one slot, for the launcher and the view ordersync.workers. */
typedef struct SlotView
{
	SlotTicket	ticket;
	SlotState	state;
	int			pid;
	Oid			database;		/* InvalidOid until connected, kept when it ended */
	bool		terminated;		/* it ended because it was told to */
	TimestampTz started_at;
	TimestampTz last_call_at;
	TimestampTz last_error_at;
	char		last_error[SHMEM_CLASS_SIZE];
	char		state_now[SHMEM_CLASS_SIZE];	/* as worker_status.h has it */
	char		doing[SHMEM_CLASS_SIZE];	/* the transaction that it is in; empty: none */
	SlotWork	work;
	double		calls_per_second;	/* in the last five to ten seconds */
	int64		counters[NUM_COUNTERS];
} SlotView;

/* Installs the hooks; only while the library is being preloaded. */
extern void shmem_install(void);

/* False in a server that did not preload the library: nothing is shared. */
extern bool shmem_available(void);

/* The number of slots, and a copy of one. */
extern int	shmem_slot_count(void);
extern void shmem_view(int slot, SlotView *view);

/* The name under which a slot's worker owns tasks, and whether such a name is alive. */
extern void shmem_owner(int slot, char owner[SHMEM_OWNER_SIZE]);
extern bool shmem_owner_alive(const char *owner);

/* Sets the latch of every worker of the database; safe in any backend, at any time. */
extern void shmem_wake(Oid database);

/* The same, and has each of them ask which of its tasks are still its own. */
extern void shmem_recall(Oid database);

/* The same, but only workers that have nothing in flight; not the caller.  How many. */
extern int	shmem_wake_idle(Oid database);

/* The worker of one slot, if there is one: what it waited for may be there. */
extern void shmem_wake_slot(int slot);

/* Worker, in its signal handler: it is told to end. */
extern void shmem_terminated(void);

/* Worker: by whom was it woken since it last asked?  A latch alone can be swallowed by a lock's wait. */
#define WOKEN_BY_OTHERS 1
#define WOKEN_BY_ITSELF 2		/* its own commit made tasks claimable */
#define WOKEN_TO_RECALL 4		/* tasks in flight were taken away */
extern uint32 shmem_woken(void);

/* Has the database a worker that is connected? */
extern bool shmem_has_worker(Oid database);

/* Worker: is its slot the lowest of those whose worker serves the database? */
extern bool shmem_is_first(Oid database);

/* A database misses its worker, or was made: the launcher need not wait before it tries again. */
extern void shmem_request_worker(const char *database);

/* Launcher: the database of the last such call since this was asked; false: none. */
extern bool shmem_worker_requested(char database[NAMEDATALEN]);

/* Launcher: announce itself; take a slot; give one back that was never reached. */
extern void shmem_launcher_attach(void);
extern bool shmem_take_slot(const char *database, SlotTicket *ticket);
extern void shmem_release_slot(const SlotTicket *ticket);

/* Worker: enter one's slot (false: it is no longer meant for us), tell the database. */
extern bool shmem_attach(const SlotTicket *ticket);
extern void shmem_connected(Oid database);

/* Worker: take another owner's name; what the old one owned is free at once. */
extern void shmem_renew_owner(void);

/* Worker: count, and tell what it does and what went wrong last. */
extern void shmem_count(ShmemCounter counter, int64 more);
extern void shmem_set(ShmemCounter counter, int64 value);
extern void shmem_called(void);
extern void shmem_failed(const char *class);
extern void shmem_set_status(const char *state_now);

/* Worker: the transaction that it is in, NULL for none; and what it works on, NULL for nothing. */
extern void shmem_set_activity(const char *doing);
extern void shmem_set_work(const SyncTask *task);

/* Worker: notes how many calls it has made by now, every five seconds however often this is called. */
extern void shmem_sample_calls(void);

/* Worker: its database has sealed secrets, and the key file is not there. */
extern void shmem_set_key_missing(bool missed);

/* Does a worker of another database say so? */
extern bool shmem_key_missing_elsewhere(Oid database);

/*
 * Worker: the key that all secrets of its database are sealed with (key_id()),
 * NO_SECRETS where there are none; 0: it is not known, or there are several.
 */
#define NO_SECRETS PG_UINT64_MAX
extern void shmem_set_sealed_with(uint64 key);

/* Names of the other databases with a worker that says something else than this key or NO_SECRETS; NULL: none. */
extern char *shmem_databases_behind(Oid database, uint32 key);

/* Worker: is it the first of this server's to say so?  Of each the last words count. */
extern bool shmem_report_once(const char *words);

#endif							/* ORDERSYNC_SHMEM_H */
