/*
 * launcher.c
 *	  Which databases have how many workers, and who starts them again.
 *
 * A static background worker without a database: it knows the settings
 * (desired state) and the slots (running state) and brings the second to the
 * first, at a reload, when a worker came or went, and when a back-off is over.
 * In between it sleeps.
 *
 * Life of a worker as seen from here: a slot is taken and a dynamic worker
 * registered that is never restarted by the postmaster; its end is seen in its
 * slot, or, when it never reached it, by its handle.  Then its place waits a
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
#define NO_ROOM_MS 1000
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
typedef struct Place
{
	char		database[NAMEDATALEN];
	int64		next_start_ms;	/* steady clock */
	int64		pause_ms;		/* the last one */
	bool		reached;		/* a worker got into it, and none failed to since */
	int			short_lives;	/* in a row */
	bool		no_room;		/* that was said */
} Place;

static Started *started;		/* by slot */
static List *places = NIL;
static MemoryContext launcher_context;
static MemoryContext turn_context;

static void notice(SIGNAL_ARGS);
static void adopt(void);
static int64 reconcile(void);
static void see_who_ended(void);
static bool has_ended(const Started *worker, const SlotView *slot);
static void note_end(const Started *worker, const SlotView *slot);
static int64 pause_after(Place *place, int64 lived_ms);
static void hear_who_waits(void);
static void try_again(Place *place);
static void reload(void);
static List *desired_databases(void);
static bool is_in(const List *names, const char *name);
static void stop_unwanted(const List *desired);
static void stop(Started *worker);
static int	count_of(const char *database);
static void make_room(void);
static int64 start_wanted(const char *database, int n, int64 next_ms);
static bool start_one(const char *database);
static Place *place_of(const char *database);

void
launcher_register(void)
{
	BackgroundWorker worker = {0};

	/* pg_upgrade's servers are no place for calls */
	if (IsBinaryUpgrade)
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
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
	/* the postmaster's word that a worker came or went */
	pqsignal(SIGUSR1, notice);
	BackgroundWorkerUnblockSignals();

	launcher_context = AllocSetContextCreate(TopMemoryContext, "ordersync launcher",
											 ALLOCSET_DEFAULT_SIZES);
	turn_context = AllocSetContextCreate(launcher_context, "ordersync launcher turn",
										 ALLOCSET_SMALL_SIZES);
	started = MemoryContextAllocZero(launcher_context,
									 sizeof(Started) * shmem_slot_count());
	shmem_launcher_attach();
	adopt();

	for (;;)
	{
		int64		next_ms;
		int64		wait_ms;

		MemoryContextReset(turn_context);
		MemoryContextSwitchTo(turn_context);
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
			reload();
		}
	}
}

/* A list that somebody changed is tried at once, whatever was in vain before. */
static void
reload(void)
{
	char	   *before = pstrdup(GetConfigOption("ordersync.databases", false, false));

	ProcessConfigFile(PGC_SIGHUP);
	if (strcmp(before, GetConfigOption("ordersync.databases", false, false)) != 0)
	{
		ListCell   *cell;

		foreach(cell, places)
			try_again(lfirst(cell));
	}
	pfree(before);
}

static void
notice(SIGNAL_ARGS)
{
	int			save_errno = errno;

	SetLatch(MyLatch);
	errno = save_errno;
}

/* The workers of a launcher before us. */
static void
adopt(void)
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

/* Stops and starts what differs from the settings; when to look again, -1: when told. */
static int64
reconcile(void)
{
	List	   *desired = desired_databases();
	int64		next_ms = -1;
	bool		lacking = false;
	ListCell   *cell;

	see_who_ended();
	hear_who_waits();
	stop_unwanted(desired);
	foreach(cell, desired)
	{
		const char *database = lfirst(cell);

		next_ms = start_wanted(database, 1, next_ms);
		if (count_of(database) == 0 && place_of(database)->no_room)
			lacking = true;
	}
	if (lacking)
		make_room();
	foreach(cell, desired)
		next_ms = start_wanted((const char *) lfirst(cell), lacking ? 1 : guc_workers, next_ms);
	return next_ms;
}

static void
see_who_ended(void)
{
	for (int i = 0; i < shmem_slot_count(); i++)
	{
		SlotView	slot;

		if (!started[i].used)
			continue;
		shmem_view(i, &slot);
		if (OidIsValid(slot.database) &&
			slot.ticket.generation == started[i].ticket.generation)
			place_of(started[i].ticket.database)->reached = true;
		if (!has_ended(&started[i], &slot))
			continue;
		note_end(&started[i], &slot);
		shmem_give_back(&started[i].ticket);
		if (started[i].handle != NULL)
			pfree(started[i].handle);
		memset(&started[i], 0, sizeof(Started));
	}
}

/* Its slot is free, or it never got there and no longer will. */
static bool
has_ended(const Started *worker, const SlotView *slot)
{
	pid_t		pid;

	if (slot->ticket.generation != worker->ticket.generation || slot->state == SLOT_FREE)
		return true;
	return slot->state == SLOT_STARTING && worker->handle != NULL &&
		GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STOPPED;
}

/* How long its place stays empty depends on how it fared. */
static void
note_end(const Started *worker, const SlotView *slot)
{
	Place	   *place = place_of(worker->ticket.database);
	int64		now = clock_steady_ms();
	bool		same = slot->ticket.generation == worker->ticket.generation;
	bool		came = same && slot->state != SLOT_STARTING;

	if (worker->stopping)
		place->pause_ms = 0;
	else if (came && slot->terminated)
		place->pause_ms = SHORTEST_PAUSE_MS;
	else if (came && !OidIsValid(slot->database))
	{
		/* those that were started together count as one */
		if (now < place->next_start_ms && !place->reached)
			return;
		place->pause_ms = place->reached || place->pause_ms < SHORTEST_NO_DATABASE_MS ?
			SHORTEST_NO_DATABASE_MS : Min(place->pause_ms * 2, LONGEST_NO_DATABASE_MS);
		place->reached = false;
	}
	else if (now < place->next_start_ms)
		return;					/* several at once count as one */
	else
		place->pause_ms = pause_after(place, now - worker->started_ms);
	place->next_start_ms = now + place->pause_ms;
}

/* Behind a worker that ended by itself. */
static int64
pause_after(Place *place, int64 lived_ms)
{
	int64		pause_ms = SHORTEST_PAUSE_MS;

	place->short_lives = lived_ms < SHORT_LIFE_MS ? place->short_lives + 1 : 0;
	for (int i = SHORT_LIVES; i < place->short_lives && pause_ms < LONGEST_PAUSE_MS; i++)
		pause_ms *= 2;
	return Min(pause_ms, LONGEST_PAUSE_MS);
}

/* A database that was not there may have come: its place need not wait any longer. */
static void
hear_who_waits(void)
{
	char		database[NAMEDATALEN];
	ListCell   *cell;

	if (!shmem_worker_wanted(database))
		return;
	foreach(cell, places)
	{
		Place	   *place = lfirst(cell);

		if (strcmp(place->database, database) == 0)
			try_again(place);
	}
}

/* Only where a worker did not get in: one that keeps ending is not to be hurried. */
static void
try_again(Place *place)
{
	if (place->reached)
		return;
	place->pause_ms = 0;
	place->next_start_ms = 0;
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
		if (!is_in(desired, name))
			desired = lappend(desired, name);
	}
	return desired;
}

static bool
is_in(const List *names, const char *name)
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
		if (!is_in(desired, started[i].ticket.database) ||
			count_of(started[i].ticket.database) > guc_workers)
			stop(&started[i]);
	}
}

static void
stop(Started *worker)
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

/* Workers that the database has and keeps. */
static int
count_of(const char *database)
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

/* Stops a worker that its database has beside another one, unless some end already. */
static void
make_room(void)
{
	Started    *spare = NULL;

	for (int i = 0; i < shmem_slot_count(); i++)
	{
		if (!started[i].used)
			continue;
		if (started[i].stopping)
			return;
		if (count_of(started[i].ticket.database) > 1)
			spare = &started[i];
	}
	if (spare != NULL)
		stop(spare);
}

/* Starts what it lacks of n, unless its place must wait; the earlier of next_ms and that. */
static int64
start_wanted(const char *database, int n, int64 next_ms)
{
	Place	   *place = place_of(database);

	while (count_of(database) < (place->reached ? n : 1))
	{
		if (clock_steady_ms() >= place->next_start_ms && !start_one(database))
			place->next_start_ms = clock_steady_ms() + NO_ROOM_MS;
		if (clock_steady_ms() < place->next_start_ms)
			return next_ms < 0 ? place->next_start_ms : Min(next_ms, place->next_start_ms);
	}
	return next_ms;
}

/* False when the server has no room for another background worker. */
static bool
start_one(const char *database)
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
			shmem_give_back(&ticket);
	}
	if (!registered)
	{
		if (!place_of(database)->no_room)
			ereport(LOG,
					(errmsg("no background worker is left for ordersync in database \"%s\"",
							database),
					 errhint("Raise max_worker_processes.")));
		place_of(database)->no_room = true;
		return false;
	}
	place_of(database)->no_room = false;
	started[ticket.slot].used = true;
	started[ticket.slot].ticket = ticket;
	started[ticket.slot].handle = handle;
	started[ticket.slot].started_ms = clock_steady_ms();
	started[ticket.slot].stopping = false;
	return true;
}

/* Made at its first use and kept: there are few databases. */
static Place *
place_of(const char *database)
{
	Place	   *place;
	ListCell   *cell;
	MemoryContext before;

	foreach(cell, places)
	{
		place = lfirst(cell);
		if (strcmp(place->database, database) == 0)
			return place;
	}
	before = MemoryContextSwitchTo(launcher_context);
	place = palloc0(sizeof(Place));
	strlcpy(place->database, database, NAMEDATALEN);
	places = lappend(places, place);
	MemoryContextSwitchTo(before);
	return place;
}
