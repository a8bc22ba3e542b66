/*
 * launcher.c
 *	  Which databases have how many workers, and who starts them again.
 *
 * A static background worker, connected, but to no database: it knows the settings
 * (desired state) and the slots (running state) and brings the second to the
 * first, at a reload, when a worker came or went, and when a back-off is over.
 * In between it sleeps.
 *
 * Life of a worker as seen from here: a slot is taken and a dynamic worker
 * registered that is never restarted by the postmaster; its end is seen in its
 * slot, or, when it never reached it, by its handle.  Then its database waits a
 * quarter of a second.  Only behind workers that end at once by themselves,
 * more than three in a row, the pause is doubled each time, up to ten seconds.
 * A worker that was terminated says nothing of how the next one will fare.
 *
 * Where it did not get into its database, which may not exist, each try is a
 * FATAL in the server's log: one worker tries for all, after ten seconds,
 * doubled up to five minutes, and at once when somebody there asks for a worker,
 * when it is made, renamed or altered (database_watch.c), and when the list of
 * databases changes.
 *
 * A server without room for another background worker tells nobody when it has
 * some: another one is asked for every second, and one line says so.  No database
 * has a second worker while another one has none for lack of room: it gives it up.
 *
 * A launcher that was restarted finds the workers of its predecessor in their
 * slots and adopts them: it has no handles for these, but their process ids.
 *
 * No lock is held here; shmem.c takes its own.
 */
#include "compat.h"

#include <signal.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "clock.h"
#include "guc.h"
#include "launcher.h"
#include "shmem.h"

#define RESTART_SECONDS 1		/* of the launcher itself */
#define SHORTEST_NO_DATABASE_MS (10 * 1000)
#define LONGEST_NO_DATABASE_MS (5 * 60 * 1000)
#define NO_SLOT_MS 1000
#define SHORTEST_PAUSE_MS 250
#define LONGEST_PAUSE_MS (10 * 1000)
#define SHORT_LIFE_MS (5 * 1000)
#define SHORT_LIVES 3			/* in a row, before the pause grows */

/* A worker that was started, or adopted; one for each slot. */
typedef struct Started
{
	bool		used;
	SlotTicket	ticket;
	BackgroundWorkerHandle *handle; /* NULL when adopted */
	int64		started_ms;		/* steady clock */
	bool		stopping;
} Started;

/* What is remembered of a database between its workers. */
typedef struct DatabaseEntry
{
	char		database[NAMEDATALEN];
	int64		next_start_ms;	/* steady clock */
	int64		pause_ms;		/* the last one */
	bool		reached;		/* a worker got into it, and none failed to since */
	int			short_lives;	/* in a row */
	bool		no_slot;		/* that was said */
} DatabaseEntry;

static Started *started;		/* by slot */
static List *entries = NIL;
static MemoryContext launcher_context;
static MemoryContext loop_context;

static void adopt_workers(void);
static int64 reconcile(void);
static void reap_workers(void);
static bool has_ended(const Started *worker, const SlotView *slot);
static void record_exit(const Started *worker, const SlotView *slot);
static int64 backoff_after(DatabaseEntry *entry, int64 lived_ms);
static void process_start_requests(void);
static void reset_backoff(DatabaseEntry *entry);
static void handle_reload(void);
static List *desired_databases(void);
static bool list_contains(const List *names, const char *name);
static void stop_unwanted(const List *desired);
static void stop_worker(Started *worker);
static int	count_workers(const char *database);
static void free_worker_slot(void);
static int64 start_missing(const char *database, int n, int64 next_ms);
static bool start_worker(const char *database);
static DatabaseEntry *entry_of(const char *database);

void
launcher_register(void)
{
	BackgroundWorker worker = {0};

	/* pg_upgrade's servers are no place for calls */
	if (IsBinaryUpgrade)
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, "ordersync", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "ordersync_launcher_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "ordersync launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "ordersync launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

void
ordersync_launcher_main(Datum arg)
{
	uint32		wait_event = compat_wait_event("OrdersyncLauncher");

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGINT, SIG_IGN);
	/* SIGUSR1, from the postmaster when a worker started or ended, sets the latch */
	BackgroundWorkerUnblockSignals();

	/* to no database: for a row in pg_stat_activity */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("ordersync: launcher");

	launcher_context = AllocSetContextCreate(TopMemoryContext, "ordersync launcher",
											 ALLOCSET_DEFAULT_SIZES);
	loop_context = AllocSetContextCreate(launcher_context, "ordersync launcher loop",
										 ALLOCSET_SMALL_SIZES);
	started = MemoryContextAllocZero(launcher_context,
									 sizeof(Started) * shmem_slot_count());
	shmem_launcher_attach();
	adopt_workers();

	for (;;)
	{
		int64		next_ms;
		int64		wait_ms;

		MemoryContextReset(loop_context);
		MemoryContextSwitchTo(loop_context);
		next_ms = reconcile();
		wait_ms = next_ms - clock_steady_ms();

		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (next_ms >= 0 ? WL_TIMEOUT : 0),
						 next_ms >= 0 ? (long) Max(wait_ms, 0) : -1,
						 wait_event);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		/* not 0, which would be taken for "never start me again" */
		if (ShutdownRequestPending)
			proc_exit(1);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			handle_reload();
		}
	}
}

/* A changed list of databases ends all back-offs. */
static void
handle_reload(void)
{
	char	   *before = pstrdup(GetConfigOption("ordersync.databases", false, false));

	ProcessConfigFile(PGC_SIGHUP);
	if (strcmp(before, GetConfigOption("ordersync.databases", false, false)) != 0)
	{
		ListCell   *cell;

		foreach(cell, entries)
			reset_backoff(lfirst(cell));
	}
	pfree(before);
}

/* Takes over the workers of an earlier launcher. */
static void
adopt_workers(void)
{
	for (int i = 0; i < shmem_slot_count(); i++)
	{
		SlotView	slot;

		shmem_view(i, &slot);
		if (slot.state != SLOT_RUNNING)
			continue;
		started[i].used = true;
		started[i].ticket = slot.ticket;
		started[i].started_ms = clock_steady_ms();
	}
}

/* Stops and starts workers to match the settings; when to check again, -1: when notified. */
static int64
reconcile(void)
{
	List	   *desired = desired_databases();
	int64		next_ms = -1;
	bool		short_of_slots = false;
	ListCell   *cell;

	reap_workers();
	process_start_requests();
	stop_unwanted(desired);
	foreach(cell, desired)
	{
		const char *database = lfirst(cell);

		next_ms = start_missing(database, 1, next_ms);
		if (count_workers(database) == 0 && entry_of(database)->no_slot)
			short_of_slots = true;
	}
	if (short_of_slots)
		free_worker_slot();
	foreach(cell, desired)
		next_ms = start_missing((const char *) lfirst(cell), short_of_slots ? 1 : guc_workers, next_ms);
	return next_ms;
}

static void
reap_workers(void)
{
	for (int i = 0; i < shmem_slot_count(); i++)
	{
		SlotView	slot;

		if (!started[i].used)
			continue;
		shmem_view(i, &slot);
		if (OidIsValid(slot.database) &&
			slot.ticket.generation == started[i].ticket.generation)
			entry_of(started[i].ticket.database)->reached = true;
		if (!has_ended(&started[i], &slot))
			continue;
		record_exit(&started[i], &slot);
		shmem_release_slot(&started[i].ticket);
		if (started[i].handle != NULL)
			pfree(started[i].handle);
		memset(&started[i], 0, sizeof(Started));
	}
}

/* Its slot is free, or it ended before it reached its slot. */
static bool
has_ended(const Started *worker, const SlotView *slot)
{
	pid_t		pid;

	if (slot->ticket.generation != worker->ticket.generation || slot->state == SLOT_FREE)
		return true;
	return slot->state == SLOT_STARTING && worker->handle != NULL &&
		GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STOPPED;
}

/* The delay before the next worker depends on how this one ended. */
static void
record_exit(const Started *worker, const SlotView *slot)
{
	DatabaseEntry *entry = entry_of(worker->ticket.database);
	int64		now = clock_steady_ms();
	bool		same = slot->ticket.generation == worker->ticket.generation;
	bool		came = same && slot->state != SLOT_STARTING;

	if (worker->stopping)
		entry->pause_ms = 0;
	else if (came && slot->terminated)
		entry->pause_ms = SHORTEST_PAUSE_MS;
	else if (came && !OidIsValid(slot->database))
	{
		/* those that were started together count as one */
		if (now < entry->next_start_ms && !entry->reached)
			return;
		entry->pause_ms = entry->reached || entry->pause_ms < SHORTEST_NO_DATABASE_MS ?
			SHORTEST_NO_DATABASE_MS : Min(entry->pause_ms * 2, LONGEST_NO_DATABASE_MS);
		entry->reached = false;
	}
	else if (now < entry->next_start_ms)
		return;					/* several at once count as one */
	else
		entry->pause_ms = backoff_after(entry, now - worker->started_ms);
	entry->next_start_ms = now + entry->pause_ms;
}

/* The back-off after a worker that ended by itself. */
static int64
backoff_after(DatabaseEntry *entry, int64 lived_ms)
{
	int64		pause_ms = SHORTEST_PAUSE_MS;

	entry->short_lives = lived_ms < SHORT_LIFE_MS ? entry->short_lives + 1 : 0;
	for (int i = SHORT_LIVES; i < entry->short_lives && pause_ms < LONGEST_PAUSE_MS; i++)
		pause_ms *= 2;
	return Min(pause_ms, LONGEST_PAUSE_MS);
}

/* A database that did not exist may exist now: its back-off ends. */
static void
process_start_requests(void)
{
	char		database[NAMEDATALEN];
	ListCell   *cell;

	if (!shmem_worker_requested(database))
		return;
	foreach(cell, entries)
	{
		DatabaseEntry *entry = lfirst(cell);

		if (strcmp(entry->database, database) == 0)
			reset_backoff(entry);
	}
}

/* Only for a database that no worker could connect to; workers that keep failing keep their back-off. */
static void
reset_backoff(DatabaseEntry *entry)
{
	if (entry->reached)
		return;
	entry->pause_ms = 0;
	entry->next_start_ms = 0;
}

/* Each name once; none while the extension is disabled. */
static List *
desired_databases(void)
{
	List	   *desired = NIL;
	ListCell   *cell;

	if (!guc_enabled)
		return NIL;
	foreach(cell, guc_database_list())
	{
		char	   *name = pstrdup((const char *) lfirst(cell));

		/* as the server shortens names */
		if (strlen(name) >= NAMEDATALEN)
			name[NAMEDATALEN - 1] = '\0';
		if (!list_contains(desired, name))
			desired = lappend(desired, name);
	}
	return desired;
}

static bool
list_contains(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp((const char *) lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* Workers of databases that left the list, and those beyond ordersync.workers. */
static void
stop_unwanted(const List *desired)
{
	for (int i = 0; i < shmem_slot_count(); i++)
	{
		if (!started[i].used || started[i].stopping)
			continue;
		if (!list_contains(desired, started[i].ticket.database) ||
			count_workers(started[i].ticket.database) > guc_workers)
			stop_worker(&started[i]);
	}
}

static void
stop_worker(Started *worker)
{
	SlotView	slot;

	worker->stopping = true;
	if (worker->handle != NULL)
	{
		TerminateBackgroundWorker(worker->handle);
		return;
	}
	shmem_view(worker->ticket.slot, &slot);
	if (slot.state == SLOT_RUNNING && slot.ticket.generation == worker->ticket.generation)
		kill(slot.pid, SIGTERM);
}

/* Counts the workers of a database that are not being stopped. */
static int
count_workers(const char *database)
{
	int			n = 0;

	for (int i = 0; i < shmem_slot_count(); i++)
	{
		if (started[i].used && !started[i].stopping &&
			strcmp(started[i].ticket.database, database) == 0)
			n++;
	}
	return n;
}

/* Stops a worker of a database that has several, unless one is stopping already. */
static void
free_worker_slot(void)
{
	Started    *spare = NULL;

	for (int i = 0; i < shmem_slot_count(); i++)
	{
		if (!started[i].used)
			continue;
		if (started[i].stopping)
			return;
		if (count_workers(started[i].ticket.database) > 1)
			spare = &started[i];
	}
	if (spare != NULL)
		stop_worker(spare);
}

/* Starts the missing workers up to n, unless a back-off applies; the earlier of next_ms and its end. */
static int64
start_missing(const char *database, int n, int64 next_ms)
{
	DatabaseEntry *entry = entry_of(database);

	while (count_workers(database) < (entry->reached ? n : 1))
	{
		if (clock_steady_ms() >= entry->next_start_ms && !start_worker(database))
			entry->next_start_ms = clock_steady_ms() + NO_SLOT_MS;
		if (clock_steady_ms() < entry->next_start_ms)
			return next_ms < 0 ? entry->next_start_ms : Min(next_ms, entry->next_start_ms);
	}
	return next_ms;
}

/* False when the server has no room for another background worker. */
static bool
start_worker(const char *database)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;
	SlotTicket	ticket;
	MemoryContext before;
	bool		registered = false;

	if (shmem_take_slot(database, &ticket))
	{
		worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
		worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
		worker.bgw_restart_time = BGW_NEVER_RESTART;
		worker.bgw_notify_pid = MyProcPid;
		strlcpy(worker.bgw_library_name, "ordersync", sizeof(worker.bgw_library_name));
		strlcpy(worker.bgw_function_name, "ordersync_worker_main",
				sizeof(worker.bgw_function_name));
		snprintf(worker.bgw_name, BGW_MAXLEN, "ordersync worker for %s", database);
		strlcpy(worker.bgw_type, "ordersync worker", BGW_MAXLEN);
		StaticAssertStmt(sizeof(ticket) <= BGW_EXTRALEN, "the ticket must fit bgw_extra");
		memcpy(worker.bgw_extra, &ticket, sizeof(ticket));

		before = MemoryContextSwitchTo(launcher_context);
		registered = RegisterDynamicBackgroundWorker(&worker, &handle);
		MemoryContextSwitchTo(before);
		if (!registered)
			shmem_release_slot(&ticket);
	}
	if (!registered)
	{
		if (!entry_of(database)->no_slot)
			ereport(LOG,
					(errmsg("out of background worker slots for ordersync in database \"%s\"",
							database),
					 errhint("Increase max_worker_processes.")));
		entry_of(database)->no_slot = true;
		return false;
	}
	entry_of(database)->no_slot = false;
	started[ticket.slot].used = true;
	started[ticket.slot].ticket = ticket;
	started[ticket.slot].handle = handle;
	started[ticket.slot].started_ms = clock_steady_ms();
	started[ticket.slot].stopping = false;
	return true;
}

/* Created at its first use and kept: there are few databases. */
static DatabaseEntry *
entry_of(const char *database)
{
	DatabaseEntry *entry;
	ListCell   *cell;
	MemoryContext before;

	foreach(cell, entries)
	{
		entry = lfirst(cell);
		if (strcmp(entry->database, database) == 0)
			return entry;
	}
	before = MemoryContextSwitchTo(launcher_context);
	entry = palloc0(sizeof(DatabaseEntry));
	strlcpy(entry->database, database, NAMEDATALEN);
	entries = lappend(entries, entry);
	MemoryContextSwitchTo(before);
	return entry;
}
