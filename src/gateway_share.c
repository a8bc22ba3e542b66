/*
 * gateway_share.c
 *	  What the workers of a database share of a gateway, in shared memory.
 *
 * A fixed number of entries, each with a part for every slot (shmem.c).  One is
 * found by the hash of database, gateway and application key; it is made at its
 * first use, and given to another when it is unused for long and a new one has no
 * room.  Where there is no room at all, the process has one of its own, and the
 * limits hold for each worker by itself: one line of the log says so.
 *
 * Bans and the day's calls outlive the server in tables (ordersync.fail(),
 * ordersync.reserve_calls()): a claim hands out no task of a gateway that is
 * banned, and brings the bans of methods with the task.  What an administrator
 * has lifted since is known by the time of that, which each task brings, too.
 *
 * What a worker uses is dropped when it ends, whichever way but by a crash, after
 * which the memory is made anew.
 *
 * Locking: one LWLock guards all entries; it is held for a look at each slot of one
 * entry, and nothing else is taken under it.  All moments are by the steady clock,
 * which is the same for all processes of a machine.
 */
#include "compat.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "clock.h"
#include "gateway_share.h"
#include "guc.h"
#include "shmem.h"

#define TRANCHE "ordersync gateways"
#define MAX_ENTRIES 64
#define UNUSED_MS (10 * 60 * 1000)	/* an entry that nobody has asked for so long can go */
#define DAY_MS (24 * 3600 * 1000LL)
#define SHANGHAI_MS (8 * 3600 * 1000LL)

typedef struct ShareEntry
{
	uint64		key;			/* 0: free */
	int64		used_ms;
	int64		version_us;		/* of the settings that it has */
	int64		lifted_ms;		/* epoch: when bans were lifted last, as far as is known */
	Breaker		breaker;
	CallLimits	limits;			/* with its slots: the last member */
} ShareEntry;

typedef struct SharedGateways
{
	LWLock	   *lock;			/* set once */
	int			nslots;			/* set once */
	char		entries[FLEXIBLE_ARRAY_MEMBER]; /* by entry_at() */
} SharedGateways;

static SharedGateways *shared = NULL;
static int	my_slot = 0;
static List *own_entries = NIL;	/* without room in shared memory */

static shmem_request_hook_type prev_request_hook = NULL;
static shmem_startup_hook_type prev_startup_hook = NULL;

static void request_memory(void);
static void make_memory(void);
static Size entry_size(int nslots);
static Size memory_size(void);
static ShareEntry *entry_at(int i);
static void leave(int code, Datum arg);
static ShareEntry *entry_of(const Gateway *gateway);
static uint64 key_of(const Gateway *gateway);
static ShareEntry *make_entry(const Gateway *gateway, uint64 key, int64 now_ms);
static ShareEntry *free_entry(int64 now_ms);
static ShareEntry *own_entry(const Gateway *gateway, uint64 key);
static void follow(ShareEntry *entry, const Gateway *gateway, int64 now_ms);
static LimitSettings settings_of(const Gateway *gateway);
static CallWish wish_for(const Gateway *gateway, const char *method, int priority);

void
gateway_share_install(void)
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
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
make_memory(void)
{
	bool		found;

	if (prev_startup_hook)
		prev_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(TRANCHE, memory_size(), &found);
	if (!found)
	{
		shared->lock = &(GetNamedLWLockTranche(TRANCHE))->lock;
		shared->nslots = max_worker_processes;
		for (int i = 0; i < MAX_ENTRIES; i++)
			entry_at(i)->key = 0;
	}
	LWLockRelease(AddinShmemInitLock);
}

static Size
entry_size(int nslots)
{
	return MAXALIGN(add_size(offsetof(ShareEntry, limits.slots),
							 mul_size(nslots, sizeof(LimitSlot))));
}

static Size
memory_size(void)
{
	return add_size(MAXALIGN(offsetof(SharedGateways, entries)),
					mul_size(MAX_ENTRIES, entry_size(max_worker_processes)));
}

static ShareEntry *
entry_at(int i)
{
	return (ShareEntry *) ((char *) shared + MAXALIGN(offsetof(SharedGateways, entries)) +
						   i * entry_size(shared->nslots));
}

/* What an earlier worker of the slot may have left is dropped first. */
void
gateway_share_attach(int slot)
{
	my_slot = slot;
	leave(0, (Datum) 0);
	before_shmem_exit(leave, (Datum) 0);
}

/* Who waits for its places is woken when the lock is free again. */
static void
leave(int code, Datum arg)
{
	int			next[MAX_ENTRIES];
	int64		now_ms = clock_steady_ms();

	/* an error may have come while it was held */
	if (!LWLockHeldByMe(shared->lock))
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		ShareEntry *entry = entry_at(i);

		next[i] = -1;
		if (entry->key == 0)
			continue;
		if (entry->limits.slots[my_slot].in_flight > 0)
			breaker_lose_calls(&entry->breaker);
		next[i] = limits_drop_slot(&entry->limits, my_slot, now_ms);
	}
	LWLockRelease(shared->lock);
	for (int i = 0; i < MAX_ENTRIES; i++)
		if (next[i] >= 0)
			shmem_wake_slot(next[i]);
}

CallTurn
gateway_share_take(const Gateway *gateway, const char *method, int priority, BreakerCall *call,
				   int64 *wait_ms, BreakerStop *stop)
{
	CallWish	wish = wish_for(gateway, method, priority);
	int64		now_ms = clock_steady_ms();
	ShareEntry *entry;
	CallTurn	turn;

	call->list = hash_bytes((const unsigned char *) method, (int) strlen(method)) | 1;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = entry_of(gateway);
	*wait_ms = breaker_ask(&entry->breaker, call, now_ms, stop);
	if (*wait_ms > 0)
		turn = stop->stopped ? CALL_STOPPED : CALL_WAITS_FOR_ANSWER;
	else
		turn = limits_take(&entry->limits, &wish, now_ms, wait_ms);
	if (turn == CALL_MAY_GO)
		breaker_begin(&entry->breaker, call, now_ms);
	LWLockRelease(shared->lock);
	return turn;
}

/* Who waits for the first good answer of all is woken. */
void
gateway_share_judge(const Gateway *gateway, const BreakerCall *call, BreakerOutcome outcome,
					BreakerStop *stop)
{
	bool		freed;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	freed = breaker_done(&entry_of(gateway)->breaker, call, outcome, clock_steady_ms(),
						 guc_retry_base_ms, stop);
	LWLockRelease(shared->lock);
	if (freed)
		shmem_wake(MyDatabaseId);
}

void
gateway_share_return(const Gateway *gateway, const char *method, int priority)
{
	CallWish	wish = wish_for(gateway, method, priority);

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	limits_return(&entry_of(gateway)->limits, &wish);
	LWLockRelease(shared->lock);
}

void
gateway_share_done(const Gateway *gateway, const char *method, Verdict verdict, const char *class)
{
	int			next;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	next = limits_done(&entry_of(gateway)->limits, my_slot, clock_steady_ms());
	LWLockRelease(shared->lock);
	if (next >= 0)
		shmem_wake_slot(next);
}

void
gateway_share_ban(const Gateway *gateway, const char *method, int64 ban_ms)
{
	ShareEntry *entry;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = entry_of(gateway);
	if (entry->lifted_ms <= gateway->lifted_ms)
		limits_ban(&entry->limits, method, ban_ms, clock_steady_ms());
	LWLockRelease(shared->lock);
}

int
gateway_share_day(const Gateway *gateway, int64 *left_ms)
{
	int64		local_ms = clock_epoch_ms() + gateway->clock_offset_ms + SHANGHAI_MS;

	*left_ms = DAY_MS - local_ms % DAY_MS;
	return (int) (local_ms / DAY_MS);
}

void
gateway_share_add_block(const Gateway *gateway, int day, int64 from, int64 to)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	limits_add_block(&entry_of(gateway)->limits, day, from, to);
	LWLockRelease(shared->lock);
}

int64
gateway_share_per_day(const Gateway *gateway)
{
	int64		per_day;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	per_day = entry_of(gateway)->limits.set.per_day;
	LWLockRelease(shared->lock);
	return per_day;
}

int64
gateway_share_put_off_block(const Gateway *gateway)
{
	int64		wait_ms;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	wait_ms = limits_block_failed(&entry_of(gateway)->limits, clock_steady_ms());
	LWLockRelease(shared->lock);
	return wait_ms;
}

/* With the lock held; brought up to what the gateway's task knows. */
static ShareEntry *
entry_of(const Gateway *gateway)
{
	uint64		key = key_of(gateway);
	int64		now_ms = clock_steady_ms();
	ShareEntry *entry = NULL;

	for (int i = 0; i < MAX_ENTRIES && entry == NULL; i++)
	{
		if (entry_at(i)->key == key)
			entry = entry_at(i);
	}
	if (entry == NULL)
		entry = make_entry(gateway, key, now_ms);
	entry->used_ms = now_ms;
	follow(entry, gateway, now_ms);
	return entry;
}

/* Never 0. */
static uint64
key_of(const Gateway *gateway)
{
	uint64		key = hash_bytes_extended((const unsigned char *) gateway->name,
										  (int) strlen(gateway->name), MyDatabaseId);

	return hash_bytes_extended((const unsigned char *) gateway->app_key,
							   (int) strlen(gateway->app_key), key) | 1;
}

static ShareEntry *
make_entry(const Gateway *gateway, uint64 key, int64 now_ms)
{
	ShareEntry *entry = free_entry(now_ms);
	LimitSettings set = settings_of(gateway);

	if (entry == NULL)
		entry = own_entry(gateway, key);
	if (entry->key == key)
		return entry;
	entry->key = key;
	entry->version_us = gateway->version_us;
	entry->lifted_ms = gateway->lifted_ms;
	breaker_init(&entry->breaker);
	limits_init(&entry->limits, shared->nslots, &set, now_ms);
	return entry;
}

/* Or the one that is unused for longest. */
static ShareEntry *
free_entry(int64 now_ms)
{
	ShareEntry *oldest = NULL;

	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		ShareEntry *entry = entry_at(i);

		if (entry->key == 0)
			return entry;
		if (entry->limits.in_flight == 0 && (oldest == NULL || entry->used_ms < oldest->used_ms))
			oldest = entry;
	}
	return oldest != NULL && now_ms - oldest->used_ms > UNUSED_MS ? oldest : NULL;
}

/* In this process's memory, for as long as it lives. */
static ShareEntry *
own_entry(const Gateway *gateway, uint64 key)
{
	MemoryContext before;
	ShareEntry *entry;
	ListCell   *cell;

	foreach(cell, own_entries)
	{
		entry = lfirst(cell);
		if (entry->key == key)
			return entry;
	}
	if (own_entries == NIL)
		ereport(LOG,
				(errmsg("this server calls more than %d gateways: limits of gateway \"%s\" hold for each worker by itself",
						MAX_ENTRIES, gateway->name)));
	before = MemoryContextSwitchTo(TopMemoryContext);
	entry = palloc0(entry_size(shared->nslots));
	own_entries = lappend(own_entries, entry);
	MemoryContextSwitchTo(before);
	return entry;
}

/*
 * Settings of a later version: whether it answers is open again; bans and the
 * day's calls, which an administrator may have lifted.
 */
static void
follow(ShareEntry *entry, const Gateway *gateway, int64 now_ms)
{
	LimitSettings set = settings_of(gateway);

	if (gateway->version_us > entry->version_us || gateway->lifted_ms > entry->lifted_ms)
		breaker_init(&entry->breaker);
	if (gateway->version_us >= entry->version_us)
	{
		entry->version_us = gateway->version_us;
		limits_set(&entry->limits, &set, now_ms);
	}
	if (gateway->lifted_ms > entry->lifted_ms)
	{
		entry->lifted_ms = gateway->lifted_ms;
		limits_lift(&entry->limits);
	}
	for (int i = 0; i < gateway->nbanned && gateway->lifted_ms == entry->lifted_ms; i++)
	{
		int64		left_ms = gateway->banned[i].until_ms - clock_epoch_ms();

		/* a restart has forgotten it; otherwise the end that is known is the better one */
		if (left_ms > 0 && limits_banned_for(&entry->limits, gateway->banned[i].method, now_ms) == 0)
			limits_ban(&entry->limits, gateway->banned[i].method, left_ms, now_ms);
	}
}

static LimitSettings
settings_of(const Gateway *gateway)
{
	LimitSettings set = {
		.per_second = gateway->calls_per_second,
		.in_flight = gateway->calls_in_flight,
		.per_day = gateway->calls_per_day,
		.per_day_reserved = gateway->calls_per_day_reserved
	};

	return set;
}

static CallWish
wish_for(const Gateway *gateway, const char *method, int priority)
{
	CallWish	wish = {.slot = my_slot, .priority = priority, .method = method, .tokens = 1};

	wish.day = gateway_share_day(gateway, &wish.day_left_ms);
	for (int i = 0; i < gateway->nweights; i++)
	{
		if (strcmp(gateway->weights[i].method, method) == 0)
			wish.tokens = gateway->weights[i].tokens;
	}
	return wish;
}
