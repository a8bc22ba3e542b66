/*
 * worker.c
 *	  The loop of the process that makes the calls of one database.
 *
 * One iteration: process a configuration reload; do what is due by the clock
 * (upkeep.c); claim as many tasks as there is room for; submit the calls that their
 * gateways' pace allows; wait (http.c) for an answer, the latch or the next
 * moment that matters; hand a batch of answers, those that are there already
 * and can be stored together, to their jobs.  Nobody waits for more of them.
 * One batch an iteration, so that the next calls are on their way before the
 * next batch is stored.
 *
 * A worker with nothing to do sleeps on its latch.  wake() sets it when a
 * trigger commits; what becomes due by time is known from next_due(); and it
 * looks by itself once a minute.
 *
 * A claim costs a transaction.  So tasks that end one by one are not replaced
 * one by one: the next claim waits until a quarter of the room is free, or a
 * tenth of a second.  A wake-up by others claims at once, but in the moment in
 * which others are to take their part of a short run; what our own settling has
 * brought to the queue can wait as well.
 *
 * That a task was claimed must outlive a crash that it leads to, or it would be
 * claimed for ever.  So claims are flushed until this worker has once had
 * nothing left to do: after a crash all workers are new, and what led to it is
 * among the first that they claim.  From then on a claim waits for no disk, and
 * a crash can lose that one attempt.
 *
 * When the database is not ready for us (no extension, another version of it,
 * no tables) all jobs are dropped and the worker takes another owner's name:
 * what it had claimed is free for whoever comes first once it is ready again.
 * A terminate, a reload and barriers are served inside http_wait().  A worker
 * that fails exits; the launcher starts another.
 *
 * Memory: "worker" lives as long as the process and holds little; each job has
 * its own context; "loop" is reset at every iteration.
 */
#include "compat.h"

#include "lib/ilist.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "clock.h"
#include "db.h"
#include "gateway_share.h"
#include "guc.h"
#include "http.h"
#include "job.h"
#include "key_watch.h"
#include "places.h"
#include "queue.h"
#include "recall.h"
#include "shmem.h"
#include "upkeep.h"
#include "waiting.h"
#include "worker.h"
#include "worker_status.h"

#define LONGEST_SLEEP_MS (60 * 1000)
#define CLAIM_DELAY_MS 100		/* for a few free places only */
#define SHARE_DELAY_MS 250		/* in which the others take their part of a short run */
#define CLAIM_AGAIN_MS 1000		/* after an error, then twice as long each time ... */
#define CLAIM_LONGEST_MS (10 * 1000)	/* ... up to this; a conflict is nobody's fault */
#define MOST_PASSED 8			/* larger batches that the oldest answer waits for */
#define MOST_LOOKED 32			/* answers whose batch is looked at */
#define MAX_BATCH_BYTES (2 * 1024 * 1024)	/* answers that are stored together */
#define LARGE_WEIGHT (JOB_MAX_BATCH / 8)	/* of a page of records: eight together, at most */

static MemoryContext worker_context;
static MemoryContext loop_context;

static SlotTicket ticket;
static char owner[SHMEM_OWNER_SIZE];

static dlist_head waiting;		/* jobs whose next call is to be submitted, in turn (waiting.c) */
static dlist_head calling;		/* jobs whose call is in flight */
static dlist_head answered;		/* jobs whose call has ended, oldest first, still to be read */
static int	njobs = 0;
static int	nusual = 0;			/* of these, others than single orders and key checks */
static int	ncalling = 0;
static int	capacity;			/* calls that may be in flight */

/* all moments by the steady clock */
static int64 claim_at = 0;		/* look for tasks then, whatever is known */
static int64 claim_pause_ms = 0;	/* behind the last error of a claim; 0: it was none */
static bool claim_wanted = false;	/* there may be some before */
static int64 share_until = 0;	/* what others are to take is left to them until then */
static int64 room_since = 0;	/* since when one of those could be taken */
static bool lost_claims = false;	/* own tasks that nobody works on */
static bool drained = false;	/* there was nothing to do once, since we began */
static DbState database_state = DB_READY;

static void handle_sigterm(SIGNAL_ARGS);
static void start(void);
static void worker_iteration(void);
static void process_config_reload(void);
static void run_upkeep(void);
static void claim(void);
static int	free_capacity(void);
static int	usual_room(void);
static int64 next_claim(void);
static int64 next_try(void);
static void do_claim(void *arg);
static void add_jobs(const Claim *claims, int n);
static void request_claim(void);
static void handle_not_ready(DbState state);
static void drop_all_jobs(void);
static Job **all_jobs(void);
static void drop_recalled(void);
static int64 wait_timeout_ms(int64 pace_ms, int64 status_ms);
static void collect_answers(void);
static void process_answers(void);
static int	next_batch(JobEntry **batch);
static int	build_batch(JobEntry *first, JobEntry **batch);
static int	weight_of(const Job *job);
static bool fits_batch(JobEntry **batch, int n, const Job *job);
static void dispatch_job(JobEntry *entry, JobStep step);
static void obey_ban(const JobEntry *entry, const CallEnd *end);
static void close_entry(JobEntry *entry);
static int64 report_status(void);

void
ordersync_worker_main(Datum arg)
{
	memcpy(&ticket, MyBgworkerEntry->bgw_extra, sizeof(ticket));

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_sigterm);
	BackgroundWorkerUnblockSignals();

	/* the launcher that wanted us may have gone, and its plans with it */
	if (!shmem_attach(&ticket))
		proc_exit(0);

	BackgroundWorkerInitializeConnection(ticket.database, NULL, 0);
	shmem_connected(MyDatabaseId);
	gateway_share_attach(ticket.slot);
	worker_status_start();
	start();
	for (;;)
		worker_iteration();
}

/* Tells the launcher that this is not a failure. */
static void
handle_sigterm(SIGNAL_ARGS)
{
	shmem_terminated();
	die(postgres_signal_arg);
}

static void
start(void)
{
	worker_context = AllocSetContextCreate(TopMemoryContext, "ordersync worker",
										   ALLOCSET_DEFAULT_SIZES);
	loop_context = AllocSetContextCreate(worker_context, "ordersync worker loop",
										 ALLOCSET_DEFAULT_SIZES);
	dlist_init(&waiting);
	dlist_init(&calling);
	dlist_init(&answered);
	shmem_owner(ticket.slot, owner);
	db_init_session();
	capacity = http_start(guc_max_in_flight);
	ereport(DEBUG1,
			(errmsg_internal("ordersync worker of database \"%s\" is %s",
							 ticket.database, owner)));
}

static void
worker_iteration(void)
{
	int64		pace_ms;
	int64		status_ms;
	uint32		woken;

	MemoryContextReset(loop_context);
	MemoryContextSwitchTo(loop_context);

	process_config_reload();
	woken = shmem_woken();
	if (woken & WOKEN_BY_OTHERS)
	{
		claim_at = 0;
		upkeep_woken();
		if (database_state != DB_READY)
			upkeep_at(0);
	}
	if (woken & WOKEN_BY_ITSELF)
		request_claim();
	if (lost_claims)
		drop_all_jobs();
	if (woken & WOKEN_TO_RECALL)
		key_watch_renewed();
	if ((woken & WOKEN_TO_RECALL) || recall_next() <= clock_steady_ms())
		drop_recalled();
	run_upkeep();
	claim();
	pace_ms = waiting_submit(&waiting, dispatch_job);
	status_ms = report_status();
	http_wait(wait_timeout_ms(pace_ms, status_ms));
	collect_answers();
	process_answers();
}

static void
process_config_reload(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	capacity = http_resize(guc_max_in_flight);
	claim_at = 0;
	upkeep_at(0);
}

/* What is due by the clock shows how the database is. */
static void
run_upkeep(void)
{
	DbState		state;

	if (!upkeep(&state))
		return;
	if (state == DB_READY)
		database_state = DB_READY;
	else
		handle_not_ready(state);
}

/* What do_claim() is asked for, and what it brings. */
typedef struct ClaimOrder
{
	int			max;
	int			workers;		/* that share what there is; 1: take all */
	const char *places;			/* what of that is for which work */
	Claim	   *claims;
	int			n;
	int64		due_ms;			/* epoch; -1: none known */
} ClaimOrder;

/* The claim transaction, when there is room and it is time. */
static void
claim(void)
{
	int64		now = clock_steady_ms();
	ClaimOrder	order = {0};
	ErrorData  *error;
	DbState		state = DB_READY;

	order.max = free_capacity();
	if (order.max <= 0)
		return;
	if (database_state == DB_READY && !key_watch_ready(ticket.database))
	{
		claim_wanted = false;
		claim_at = key_watch_next();	/* as soon as secrets can be opened */
		return;
	}
	if (now < next_claim())
		return;
	order.claims = palloc(sizeof(Claim) * order.max);
	order.places = places_for_claim(all_jobs(), njobs, capacity, order.max);
	/* without work all begin at once: of few tasks each is to have its part */
	order.workers = njobs == 0 ? guc_workers : 1;

	switch (job_transact("claiming tasks", drained ? DB_REPEATABLE : DB_DURABLE, do_claim,
						 &order, &state, &error))
	{
		case OUTCOME_DONE:
			break;
		case OUTCOME_NOT_READY:
			handle_not_ready(state);
			return;
		default:
			claim_wanted = false;
			claim_pause_ms = claim_pause_ms == 0 || (error != NULL && job_is_conflict(error)) ?
				CLAIM_AGAIN_MS : Min(claim_pause_ms * 2, CLAIM_LONGEST_MS);
			claim_at = now + claim_pause_ms;
			return;
	}

	claim_pause_ms = 0;
	if (order.n == 0 && njobs == 0)
		drained = true;
	add_jobs(order.claims, order.n);
	/* as many as there were places for: there may be more, or of another gateway */
	claim_wanted = order.n > 0 && (order.n == order.max || usual_room() == 0 ||
								   places_gateway_full(all_jobs(), njobs, capacity));
	claim_at = now + LONGEST_SLEEP_MS;
	if (order.due_ms >= 0)
		claim_at = Min(claim_at, now + Max(order.due_ms - clock_epoch_ms(), 1));
	/* there may be more than one of us can carry; what is left of a short run is for the others first */
	if (claim_wanted && shmem_wake_idle(MyDatabaseId) > 0 && usual_room() > 0)
		share_until = now + SHARE_DELAY_MS;
}

static int
free_capacity(void)
{
	return capacity - njobs;
}

/* The same without the places for single orders and key checks (places.c). */
static int
usual_room(void)
{
	return places_left(nusual, njobs, capacity);
}

/* When to claim next, given free capacity; 0: at once. */
static int64
next_claim(void)
{
	int64		earliest = njobs == 0 ? 0 : share_until;

	if (!claim_wanted || usual_room() == 0)
		return Max(claim_at, earliest);
	if (njobs == 0 || usual_room() * 4 >= capacity)
		return earliest;
	return Max(Min(claim_at, room_since + CLAIM_DELAY_MS), earliest);
}

/* The same, or when the key file is looked at again. */
static int64
next_try(void)
{
	if (database_state != DB_READY)
		return next_claim();
	return Min(next_claim(), key_watch_next());
}

/* In a transaction; what it allocates for us must outlive it. */
static void
do_claim(void *arg)
{
	ClaimOrder *order = arg;

	if (order->workers > 1)
		order->max = queue_claim_share(order->max, order->workers);
	order->n = queue_claim(owner, order->max, order->places, worker_context, order->claims);
	order->due_ms = order->n < order->max ? queue_next_due() : -1;
}

static void
add_jobs(const Claim *claims, int n)
{
	for (int i = 0; i < n; i++)
	{
		JobEntry   *entry = MemoryContextAllocZero(claims[i].context, sizeof(JobEntry));

		entry->job = job_open(&claims[i], entry);
		waiting_add(&waiting, entry);
		njobs++;
		nusual += claims[i].task->priority > 0;
	}
}

/* Something may be claimable that was not before. */
static void
request_claim(void)
{
	if (!claim_wanted)
		room_since = clock_steady_ms();
	claim_wanted = true;
}

/* Logs it once, drops all jobs, and checks again when woken or in a minute. */
static void
handle_not_ready(DbState state)
{
	claim_wanted = false;
	claim_at = clock_steady_ms() + LONGEST_SLEEP_MS;
	upkeep_at(claim_at);
	if (njobs > 0)
		drop_all_jobs();
	if (state == database_state)
		return;
	database_state = state;
	if (state == DB_OTHER_VERSION)
		ereport(LOG,
				(errmsg("ordersync in database \"%s\" is not of version %s: its worker waits",
						ticket.database, ORDERSYNC_VERSION),
				 errhint("Run ALTER EXTENSION ordersync UPDATE, or restart the server "
						 "when the library is the older one.")));
	else if (state == DB_UNSAFE_OWNER)
		ereport(LOG,
				(errmsg("schema \"ordersync\" in database \"%s\" belongs to a superuser: its worker waits",
						ticket.database),
				 errhint("Run ALTER SCHEMA ordersync OWNER TO pg_database_owner, and let the "
						 "database belong to a role that is not a superuser.")));
}

/* None of these jobs could be settled.  Under a new owner name we own none of their tasks. */
static void
drop_all_jobs(void)
{
	Job		  **jobs = all_jobs();

	for (int i = njobs - 1; i >= 0; i--)
		close_entry(job_holder(jobs[i]));
	ncalling = 0;
	shmem_renew_owner();
	shmem_owner(ticket.slot, owner);
	lost_claims = false;
}

/* Those whose call is in flight first. */
static Job **
all_jobs(void)
{
	dlist_head *const lists[] = {&calling, &waiting, &answered};
	Job		  **jobs = palloc(sizeof(Job *) * (njobs + 1));
	int			n = 0;
	dlist_iter	iter;

	for (int i = 0; i < lengthof(lists); i++)
		dlist_foreach(iter, lists[i])
			jobs[n++] = dlist_container(JobEntry, node, iter.cur)->job;
	return jobs;
}

/* Their tasks were cancelled, or their shop was paused or removed. */
static void
drop_recalled(void)
{
	Job		  **jobs = all_jobs();
	int			n = njobs;
	bool	   *lost = recall_find(jobs, n);

	while (lost != NULL && n-- > 0)
		if (lost[n])
		{
			ncalling -= n < ncalling;	/* those with calls are the last */
			close_entry(job_holder(jobs[n]));
		}
}

/* Milliseconds that http_wait() may sleep. */
static int64
wait_timeout_ms(int64 pace_ms, int64 status_ms)
{
	int64		now = clock_steady_ms();
	int64		wait = LONGEST_SLEEP_MS;

	if (!dlist_is_empty(&answered))
		return 0;
	if (pace_ms >= 0)
		wait = Min(wait, pace_ms);
	if (status_ms >= 0)
		wait = Min(wait, status_ms);
	if (free_capacity() > 0)
		wait = Min(wait, next_try() - now);
	wait = Min(wait, upkeep_next() - now);
	wait = Min(wait, recall_next() - now);
	if (wait > 1000)
		db_report();
	return Max(wait, 0);
}

/* Calls that have ended: a ban is obeyed from here on, however long the answer waits. */
static void
collect_answers(void)
{
	JobEntry   *entry;

	while ((entry = http_read()) != NULL)
	{
		CallEnd		end;

		ncalling--;
		dlist_delete(&entry->node);
		dlist_push_tail(&answered, &entry->node);
		entry->passed = 0;
		job_received(entry->job, &end);
		if (end.banned)
			obey_ban(entry, &end);
		gateway_share_done(job_gateway(entry->job), entry->method, end.verdict, end.class);
		entry->counted = false;
	}
}

/* One that does not say for how long is followed by the back-off that the failure brings. */
static void
obey_ban(const JobEntry *entry, const CallEnd *end)
{
	gateway_share_ban(job_gateway(entry->job), end->ban_method ? entry->method : NULL,
					  end->ban_ms > 0 ? end->ban_ms : guc_retry_base_ms);
}

/* Reads the next batch, if there is one, and stores what it brought. */
static void
process_answers(void)
{
	JobEntry   *batch[JOB_MAX_BATCH];
	Job		   *jobs[JOB_MAX_BATCH];
	JobStep		steps[JOB_MAX_BATCH];
	int			n = next_batch(batch);
	int			nstored = 0;

	for (int i = 0; i < n; i++)
	{
		JobStep		step = job_answered(batch[i]->job);

		if (step != JOB_STORES)
		{
			dispatch_job(batch[i], step);
			continue;
		}
		jobs[nstored] = batch[i]->job;
		batch[nstored++] = batch[i];
	}
	if (nstored > 0)
		job_store(jobs, nstored, steps);
	for (int i = 0; i < nstored; i++)
		dispatch_job(batch[i], steps[i]);
}

/*
 * The largest batch that begins at an answer of the run whose answer is the oldest;
 * at the oldest itself when it was passed over often enough.  Few pages a transaction are dear,
 * those of after-sales above all: they and their orders wait for each other.
 */
static int
next_batch(JobEntry **batch)
{
	JobEntry   *oldest = NULL;
	JobEntry   *found[JOB_MAX_BATCH];
	int			largest = 0;
	int			looked = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &answered)
	{
		JobEntry   *entry = dlist_container(JobEntry, node, iter.cur);
		int			n;

		if (oldest == NULL)
			oldest = entry;
		else if (job_run(entry->job) != job_run(oldest->job))
			continue;
		n = build_batch(entry, found);
		if (n > largest)
		{
			memcpy(batch, found, sizeof(JobEntry *) * n);
			largest = n;
		}
		if (largest == JOB_MAX_BATCH || oldest->passed >= MOST_PASSED ||
			++looked == MOST_LOOKED)
			break;
	}
	if (oldest != NULL)
		oldest->passed++;
	return largest;
}

/* An answer and the others that go with it; as many as memory allows. */
static int
build_batch(JobEntry *first, JobEntry **batch)
{
	size_t		bytes = job_answer_bytes(first->job);
	int			weight = weight_of(first->job);
	int			n = 1;
	dlist_iter	iter;

	batch[0] = first;
	dlist_foreach(iter, &answered)
	{
		JobEntry   *entry = dlist_container(JobEntry, node, iter.cur);

		if (weight >= JOB_MAX_BATCH)
			break;
		if (entry == first ||
			weight + weight_of(entry->job) > JOB_MAX_BATCH ||
			bytes + job_answer_bytes(entry->job) > MAX_BATCH_BYTES ||
			!fits_batch(batch, n, entry->job))
			continue;
		bytes += job_answer_bytes(entry->job);
		weight += weight_of(entry->job);
		batch[n++] = entry;
	}
	return n;
}

static int
weight_of(const Job *job)
{
	return job_is_small(job) ? 1 : LARGE_WEIGHT;
}

static bool
fits_batch(JobEntry **batch, int n, const Job *job)
{
	for (int i = 0; i < n; i++)
	{
		if (!job_can_join(batch[i]->job, job))
			return false;
	}
	return true;
}

/* Moves a job to the list that its last step asks for, or closes it. */
static void
dispatch_job(JobEntry *entry, JobStep step)
{
	const JobEvents *events = job_events(entry->job);

	/* the job left us in a context of its own, which may go */
	MemoryContextSwitchTo(loop_context);
	if (events->ban_ms > 0)
		gateway_share_ban(job_gateway(entry->job), events->ban_method ? entry->method : NULL, events->ban_ms);
	if (events->key_file)
		key_watch_recheck();
	if (events->lost)
		lost_claims = true;
	if (events->more_work)
	{
		request_claim();
		if (job_task(entry->job)->priority == 0)
			claim_at = 0;		/* for these there may be a place */
	}

	switch (step)
	{
		case JOB_WAITS:
			dlist_delete(&entry->node);
			waiting_add(&waiting, entry);
			break;
		case JOB_CALLS:
			dlist_delete(&entry->node);
			dlist_push_tail(&calling, &entry->node);
			ncalling++;
			break;
		case JOB_STORES:		/* never left so */
		case JOB_OVER:
			close_entry(entry);
			request_claim();
			break;
	}
}

/* The entry itself lies in the job's context, and goes with it. */
static void
close_entry(JobEntry *entry)
{
	dlist_delete(&entry->node);
	if (usual_room() == 0)
		room_since = clock_steady_ms();
	njobs--;
	nusual -= job_task(entry->job)->priority > 0;
	if (entry->counted)
		gateway_share_done(job_gateway(entry->job), entry->method, VERDICT_RETRY, NULL);
	job_close(entry->job);
}

/* Tells what the worker has in hand; the milliseconds until that is to be told anew, -1: it is told. */
static int64
report_status(void)
{
	dlist_head *lists[] = {&calling, &answered, &waiting};
	WorkerStatus status = {.tasks = njobs, .calls = ncalling};

	status.state = database_state != DB_READY ? db_state_name(database_state) :
		njobs > 0 ? "working" : key_watch_blocks() ? "no key" : "idle";
	for (int i = 0; i < lengthof(lists) && status.oldest == NULL; i++)
	{
		if (!dlist_is_empty(lists[i]))
			status.oldest = job_task(dlist_container(JobEntry, node, dlist_head_node(lists[i]))->job);
	}
	return worker_status_show(&status);
}
