/*
 * shmem.c
 *	  What processes of one server share.
 *
 * Boot id: random, drawn when the shared memory is made, hence new after a
 * crash restart, a promotion's restart, a restore.  Slot: one possible worker;
 * there are as many as the server can have background workers, so no setting
 * of ours sizes this memory.  Generation: grows whenever a slot is handed out,
 * and whenever its worker drops all that it owned.  The three together
 * name an owner of tasks for ever: nobody else will bear that name again, so
 * "is my owner alive" needs no clock.
 *
 * Life of a slot: the launcher takes it (STARTING), the worker enters it
 * (RUNNING) and leaves it when it exits, whichever way (FREE).  A worker that
 * comes after the launcher released its slot sees a newer generation and
 * exits.  What is told of a worker stays readable until the slot is
 * taken again: the launcher learns from it how the last one fared.
 *
 * Locking: "lock" guards every field of a slot but the counters and the latch
 * pointer's target.  Counters are atomics that only their worker writes.
 * Latches are those of PGPROC entries, which never move: setting one whose
 * process has gone is harmless.
 */
#include "compat.h"

#include <signal.h>

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "shmem.h"

/* The rate of calls is that since the last sample but one. */
#define SAMPLE_EVERY (5 * USECS_PER_SEC)

typedef struct Sample
{
	TimestampTz at;				/* 0: there is none */
	int64		calls;
} Sample;

typedef struct WorkerSlot
{
	/* all under lock */
	SlotState	state;
	uint32		generation;		/* grows with every taking: the launcher's word */
	uint32		ownership;		/* grows with it and with every renewal: in the
								 * owner's name */
	int			pid;
	Latch	   *latch;			/* the worker's, while RUNNING */
	char		database_name[NAMEDATALEN];
	Oid			database;
	bool		terminated;
	TimestampTz started_at;
	TimestampTz last_error_at;
	char		last_error[SHMEM_CLASS_SIZE];
	char		state_now[SHMEM_CLASS_SIZE];
	char		doing[SHMEM_CLASS_SIZE];
	SlotWork	work;
	Sample		samples[2];		/* the older one first */
	bool		key_missed;		/* its database has secrets, the key file is not there */
	uint64		sealed_with;	/* see shmem_set_sealed_with() */
	uint32		told;			/* hash of what it said of the key file last; 0: nothing */

	/* without a lock: set by who wakes, cleared by the worker */
	pg_atomic_uint32 woken;

	/* without a lock: written by the worker alone */
	pg_atomic_uint64 last_call_at;
	pg_atomic_uint64 counters[NUM_COUNTERS];
} WorkerSlot;

typedef struct SharedState
{
	LWLock	   *lock;			/* set once */
	uint64		boot_id;		/* set once */
	int			nslots;			/* set once */
	Latch	   *launcher_latch; /* under lock; NULL before the first launcher */
	char		wanted[NAMEDATALEN];	/* under lock; a database that misses its worker */
	WorkerSlot	slots[FLEXIBLE_ARRAY_MEMBER];
} SharedState;

static SharedState *shared = NULL;
static WorkerSlot *my_slot = NULL;
static volatile sig_atomic_t terminated = false;

static shmem_request_hook_type prev_request_hook = NULL;
static shmem_startup_hook_type prev_startup_hook = NULL;

static void request_memory(void);
static void make_memory(void);
static Size memory_size(void);
static void init_slot(WorkerSlot *slot);
static void release_slot(int code, Datum arg);
static double rate_since(const Sample *sample, int64 calls);
static int	wake_matching(Oid database, bool only_idle, uint32 why);

/* Asks for the memory and its lock at the moments when the server allows it. */
void
shmem_install(void)
{
	prev_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	prev_startup_hook = shmem_startup_hook;
	shmem_startup_hook = make_memory;
}

static void
request_memory(void)
{
	if (prev_request_hook)
		prev_request_hook();
	RequestAddinShmemSpace(memory_size());
	RequestNamedLWLockTranche("ordersync", 1);
}

/* Makes the memory, or finds it where each backend starts anew (EXEC_BACKEND). */
static void
make_memory(void)
{
	bool		found;

	if (prev_startup_hook)
		prev_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("ordersync", memory_size(), &found);
	if (!found)
	{
		shared->lock = &(GetNamedLWLockTranche("ordersync"))->lock;
		if (!pg_strong_random(&shared->boot_id, sizeof(shared->boot_id)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random bytes")));
		shared->nslots = max_worker_processes;
		shared->launcher_latch = NULL;
		shared->wanted[0] = '\0';
		for (int i = 0; i < shared->nslots; i++)
			init_slot(&shared->slots[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

static Size
memory_size(void)
{
	return add_size(offsetof(SharedState, slots),
					mul_size(max_worker_processes, sizeof(WorkerSlot)));
}

static void
init_slot(WorkerSlot *slot)
{
	memset(slot, 0, sizeof(*slot));
	slot->state = SLOT_FREE;
	pg_atomic_init_u32(&slot->woken, 0);
	pg_atomic_init_u64(&slot->last_call_at, 0);
	for (int i = 0; i < NUM_COUNTERS; i++)
		pg_atomic_init_u64(&slot->counters[i], 0);
}

bool
shmem_available(void)
{
	return shared != NULL;
}

int
shmem_slot_count(void)
{
	return shared ? shared->nslots : 0;
}

/* Copies one slot; the counters may be a moment apart from each other. */
void
shmem_view(int slot_no, SlotView *view)
{
	WorkerSlot *slot = &shared->slots[slot_no];
	Sample		sample;

	LWLockAcquire(shared->lock, LW_SHARED);
	sample = slot->samples[slot->samples[0].at != 0 ? 0 : 1];
	view->ticket.slot = slot_no;
	view->ticket.generation = slot->generation;
	strlcpy(view->ticket.database, slot->database_name, NAMEDATALEN);
	view->state = slot->state;
	view->pid = slot->pid;
	view->database = slot->database;
	view->terminated = slot->terminated;
	view->started_at = slot->started_at;
	view->last_error_at = slot->last_error_at;
	strlcpy(view->last_error, slot->last_error, SHMEM_CLASS_SIZE);
	strlcpy(view->state_now, slot->state_now, SHMEM_CLASS_SIZE);
	strlcpy(view->doing, slot->doing, SHMEM_CLASS_SIZE);
	view->work = slot->work;
	LWLockRelease(shared->lock);

	view->last_call_at = (TimestampTz) pg_atomic_read_u64(&slot->last_call_at);
	for (int i = 0; i < NUM_COUNTERS; i++)
		view->counters[i] = (int64) pg_atomic_read_u64(&slot->counters[i]);
	view->calls_per_second = rate_since(&sample, view->counters[COUNTER_CALLS]);
}

static double
rate_since(const Sample *sample, int64 calls)
{
	int64		elapsed = GetCurrentTimestamp() - sample->at;

	if (sample->at == 0 || elapsed <= 0)
		return 0;
	return (double) (calls - sample->calls) * USECS_PER_SEC / elapsed;
}

void
shmem_owner(int slot_no, char owner[SHMEM_OWNER_SIZE])
{
	uint32		ownership;

	LWLockAcquire(shared->lock, LW_SHARED);
	ownership = shared->slots[slot_no].ownership;
	LWLockRelease(shared->lock);
	snprintf(owner, SHMEM_OWNER_SIZE, "%016llx.%d.%u",
			 (unsigned long long) shared->boot_id, slot_no, ownership);
}

/* A name that cannot be read is nobody's: false. */
bool
shmem_owner_alive(const char *owner)
{
	unsigned long long boot_id;
	int			slot_no;
	unsigned int ownership;
	int			length = 0;
	WorkerSlot *slot;
	bool		alive;

	if (shared == NULL)
		return false;
	if (sscanf(owner, "%16llx.%d.%u%n", &boot_id, &slot_no, &ownership, &length) != 3 ||
		owner[length] != '\0')
		return false;
	if ((uint64) boot_id != shared->boot_id || slot_no < 0 || slot_no >= shared->nslots)
		return false;

	slot = &shared->slots[slot_no];
	LWLockAcquire(shared->lock, LW_SHARED);
	alive = slot->state == SLOT_RUNNING && slot->ownership == ownership;
	LWLockRelease(shared->lock);
	return alive;
}

void
shmem_wake(Oid database)
{
	wake_matching(database, false, 0);
}

void
shmem_recall(Oid database)
{
	wake_matching(database, false, WOKEN_TO_RECALL);
}

int
shmem_wake_idle(Oid database)
{
	return wake_matching(database, true, 0);
}

/* Latches are set under the lock: a worker that leaves cannot pass us by.  why: beside by whom. */
static int
wake_matching(Oid database, bool only_idle, uint32 why)
{
	int			woken = 0;

	if (shared == NULL)
		return 0;
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < shared->nslots; i++)
	{
		WorkerSlot *slot = &shared->slots[i];

		if (slot->state != SLOT_RUNNING || slot->database != database)
			continue;
		if (only_idle && (slot == my_slot ||
						  pg_atomic_read_u64(&slot->counters[COUNTER_IN_FLIGHT]) > 0))
			continue;
		pg_atomic_fetch_or_u32(&slot->woken,
							   (slot == my_slot ? WOKEN_BY_ITSELF : WOKEN_BY_OTHERS) | why);
		SetLatch(slot->latch);
		woken++;
	}
	LWLockRelease(shared->lock);
	return woken;
}

/* It need not look for tasks: its loop goes round, and asks its gateways again. */
void
shmem_wake_slot(int slot_no)
{
	WorkerSlot *slot = &shared->slots[slot_no];

	LWLockAcquire(shared->lock, LW_SHARED);
	if (slot->state == SLOT_RUNNING)
		SetLatch(slot->latch);
	LWLockRelease(shared->lock);
}

uint32
shmem_woken(void)
{
	return pg_atomic_exchange_u32(&my_slot->woken, 0);
}

bool
shmem_has_worker(Oid database)
{
	bool		found = false;

	if (shared == NULL)
		return false;
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < shared->nslots && !found; i++)
		found = shared->slots[i].state == SLOT_RUNNING &&
			shared->slots[i].database == database;
	LWLockRelease(shared->lock);
	return found;
}

bool
shmem_is_first(Oid database)
{
	bool		found = false;
	int			i;

	LWLockAcquire(shared->lock, LW_SHARED);
	for (i = 0; i < shared->nslots && !found; i++)
		found = shared->slots[i].state == SLOT_RUNNING &&
			shared->slots[i].database == database;
	LWLockRelease(shared->lock);
	return found && my_slot == &shared->slots[i - 1];
}

/* Only the last request is kept: in the worst case another database waits until its back-off ends. */
void
shmem_request_worker(const char *database)
{
	if (shared == NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(shared->wanted, database, NAMEDATALEN);
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
	LWLockRelease(shared->lock);
}

bool
shmem_worker_requested(char database[NAMEDATALEN])
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(database, shared->wanted, NAMEDATALEN);
	shared->wanted[0] = '\0';
	LWLockRelease(shared->lock);
	return database[0] != '\0';
}

/*
 * A launcher begins.  Slots that an earlier one took for workers that have not
 * come are freed: their workers will find another generation, and go.
 */
void
shmem_launcher_attach(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_latch = MyLatch;
	for (int i = 0; i < shared->nslots; i++)
	{
		if (shared->slots[i].state == SLOT_STARTING)
		{
			shared->slots[i].state = SLOT_FREE;
			shared->slots[i].generation++;
		}
	}
	LWLockRelease(shared->lock);
}

/* Takes a free slot for a worker of that database; false when there is none. */
bool
shmem_take_slot(const char *database, SlotTicket *ticket)
{
	WorkerSlot *slot = NULL;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots && slot == NULL; i++)
	{
		if (shared->slots[i].state == SLOT_FREE)
			slot = &shared->slots[i];
	}
	if (slot != NULL)
	{
		uint32		generation = slot->generation + 1;
		uint32		ownership = slot->ownership + 1;

		init_slot(slot);
		slot->state = SLOT_STARTING;
		slot->generation = generation;
		slot->ownership = ownership;
		slot->started_at = GetCurrentTimestamp();
		strlcpy(slot->database_name, database, NAMEDATALEN);

		ticket->slot = (int) (slot - shared->slots);
		ticket->generation = generation;
		strlcpy(ticket->database, database, NAMEDATALEN);
	}
	LWLockRelease(shared->lock);
	return slot != NULL;
}

/* The worker will not come; a slot that it did enter meanwhile is left alone. */
void
shmem_release_slot(const SlotTicket *ticket)
{
	WorkerSlot *slot = &shared->slots[ticket->slot];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->state == SLOT_STARTING && slot->generation == ticket->generation)
		slot->state = SLOT_FREE;
	LWLockRelease(shared->lock);
}

/*
 * Enters the slot.  The callback is registered before the database connection
 * is made, hence runs after its transaction was aborted: an owner is dead only
 * when nothing of it can commit any more.
 */
bool
shmem_attach(const SlotTicket *ticket)
{
	WorkerSlot *slot;

	if (ticket->slot < 0 || ticket->slot >= shared->nslots)
		return false;
	slot = &shared->slots[ticket->slot];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->state == SLOT_STARTING && slot->generation == ticket->generation)
	{
		slot->state = SLOT_RUNNING;
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		my_slot = slot;
	}
	LWLockRelease(shared->lock);

	if (my_slot != NULL)
		before_shmem_exit(release_slot, (Datum) 0);
	return my_slot != NULL;
}

/* Frees the slot, and tells the launcher and the database's other workers. */
static void
release_slot(int code, Datum arg)
{
	Oid			database;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	database = my_slot->database;
	my_slot->terminated = terminated;
	my_slot->state = SLOT_FREE;
	my_slot->pid = 0;
	my_slot->latch = NULL;
	my_slot = NULL;
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
	LWLockRelease(shared->lock);

	/* what was ours is anybody's now */
	if (OidIsValid(database))
		shmem_wake(database);
}

void
shmem_terminated(void)
{
	terminated = true;
}

void
shmem_connected(Oid database)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_slot->database = database;
	/* it starts the others of this database now */
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
	LWLockRelease(shared->lock);
}

void
shmem_renew_owner(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_slot->ownership++;
	LWLockRelease(shared->lock);
}

/* Counters have one writer each, so reading and writing apart is enough. */
void
shmem_count(ShmemCounter counter, int64 more)
{
	pg_atomic_uint64 *value = &my_slot->counters[counter];

	pg_atomic_write_u64(value, pg_atomic_read_u64(value) + (uint64) more);
}

void
shmem_set(ShmemCounter counter, int64 value)
{
	pg_atomic_write_u64(&my_slot->counters[counter], (uint64) value);
}

/* A call went out. */
void
shmem_called(void)
{
	shmem_count(COUNTER_CALLS, 1);
	pg_atomic_write_u64(&my_slot->last_call_at, (uint64) GetCurrentTimestamp());
}

/* A call or a transaction went wrong; class is one word. */
void
shmem_failed(const char *class)
{
	shmem_count(COUNTER_ERRORS, 1);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(my_slot->last_error, class, SHMEM_CLASS_SIZE);
	my_slot->last_error_at = GetCurrentTimestamp();
	LWLockRelease(shared->lock);
}

/* One or two words for people: "working", "idle", "no extension". */
void
shmem_set_status(const char *state_now)
{
	if (strcmp(my_slot->state_now, state_now) == 0)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(my_slot->state_now, state_now, SHMEM_CLASS_SIZE);
	LWLockRelease(shared->lock);
}

void
shmem_set_activity(const char *doing)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(my_slot->doing, doing ? doing : "", SHMEM_CLASS_SIZE);
	LWLockRelease(shared->lock);
}

void
shmem_set_work(const SyncTask *task)
{
	SlotWork	work = {0};

	if (task != NULL)
	{
		work.task_id = task->task_id;
		work.run_id = task->run_id;
		work.shop_id = task->shop_id;
		strlcpy(work.kind, task->kind, SHMEM_KIND_SIZE);
		work.stream = task->stream;
		work.basis = task->basis;
		work.since = task->since;
		work.until = task->until;
	}
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_slot->work = work;
	LWLockRelease(shared->lock);
}

void
shmem_sample_calls(void)
{
	Sample		now = {GetCurrentTimestamp(), (int64) pg_atomic_read_u64(&my_slot->counters[COUNTER_CALLS])};

	if (now.at - my_slot->samples[1].at < SAMPLE_EVERY && now.at >= my_slot->samples[1].at)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_slot->samples[0] = my_slot->samples[1];
	my_slot->samples[1] = now;
	LWLockRelease(shared->lock);
}

void
shmem_set_key_missing(bool missed)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_slot->key_missed = missed;
	LWLockRelease(shared->lock);
}

bool
shmem_key_missing_elsewhere(Oid database)
{
	bool		missed = false;

	if (shared == NULL)
		return false;
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < shared->nslots && !missed; i++)
		missed = shared->slots[i].state == SLOT_RUNNING &&
			shared->slots[i].database != database && shared->slots[i].key_missed;
	LWLockRelease(shared->lock);
	return missed;
}

void
shmem_set_sealed_with(uint64 key)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_slot->sealed_with = key;
	LWLockRelease(shared->lock);
}

char *
shmem_databases_behind(Oid database, uint32 key)
{
	StringInfoData names;

	initStringInfo(&names);
	if (shared == NULL)
		return NULL;
	/* room before the lock: an error must not be raised under it */
	enlargeStringInfo(&names, shared->nslots * (NAMEDATALEN + 2));
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < shared->nslots; i++)
	{
		WorkerSlot *slot = &shared->slots[i];

		if (slot->state != SLOT_FREE && slot->database != database &&
			slot->sealed_with != key && slot->sealed_with != NO_SECRETS &&
			(names.len == 0 || strstr(names.data, slot->database_name) == NULL))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", slot->database_name);
	}
	LWLockRelease(shared->lock);
	return names.len > 0 ? names.data : NULL;
}

/* Two workers that see the same at once must not write the same line twice. */
bool
shmem_report_once(const char *words)
{
	uint32		told = hash_bytes((const unsigned char *) words, (int) strlen(words)) | 1;
	bool		first = true;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots; i++)
	{
		if (shared->slots[i].state == SLOT_RUNNING && shared->slots[i].told == told)
			first = false;
	}
	my_slot->told = told;
	LWLockRelease(shared->lock);
	return first;
}
