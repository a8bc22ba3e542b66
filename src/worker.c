/*
 * worker.c
 *	  The loop of the process that makes the calls of one database.
 *
 * One turn: obey a reload; keep house when it is due; claim as many tasks as
 * there is room for; submit the calls that their gateways' pace allows; wait
 * (http.c) for an answer, the latch or the next moment that matters; hand a batch
 * of answers, those that are there already and can be stored together, to their
 * jobs.  Nobody waits for more of them.  One batch a turn, so that the next
 * calls are on their way before the next batch is stored.
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
 * no tables) all jobs are let go and the worker takes another owner's name:
 * what it had claimed is free for whoever comes first once it is ready again.
 * A terminate, a reload and barriers are served inside http_wait().  A worker
 * that fails exits; the launcher starts another.
 *
 * Memory: "worker" lives as long as the process and holds little; each job has
 * its own context; "turn" is reset at every turn.
 */
#include "compat.h"

#include "lib/ilist.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"

#include "clock.h"
#include "db.h"
#include "gateway_pace.h"
#include "guc.h"
#include "http.h"
#include "job.h"
#include "key_watch.h"
#include "queue.h"
#include "shmem.h"
#include "worker.h"

#define LONGEST_SLEEP_MS (60 * 1000)
#define HOUSE_EVERY_MS (24 * 3600 * 1000LL)
#define HOUSE_AGAIN_MS (10 * 60 * 1000)	/* after an error */
#define HOUSE_MORE_MS 1000		/* when it was not all done, to leave room for calls */
#define CLAIM_DELAY_MS 100		/* for a few free places only */
#define SHARE_DELAY_MS 250		/* in which the others take their part of a short run */
#define CLAIM_AGAIN_MS 1000		/* after an error, then twice as long each time ... */
#define CLAIM_LONGEST_MS (10 * 1000)	/* ... up to this; a conflict is nobody's fault */
#define LONGEST_PAUSE_MS (5 * 1000)	/* that a claimed task waits for its gateway */
#define MOST_PASSED 8			/* larger batches that the oldest answer waits for */
#define MOST_LOOKED 32			/* answers whose batch is looked at */
#define MAX_BATCH_BYTES (2 * 1024 * 1024)	/* answers that are stored together */
#define LARGE_WEIGHT (JOB_MAX_BATCH / 8)	/* of a page of records: eight together, at most */

/* A job and its place in one of the worker's three lists. */
typedef struct Work
{
	dlist_node	node;
	Job		   *job;
	int			passed;			/* batches that came before its answer, the oldest of all */
} Work;

static MemoryContext worker_context;
static MemoryContext turn_context;

static SlotTicket ticket;
static char owner[SHMEM_OWNER_SIZE];

static dlist_head waiting;		/* jobs whose next call is to be submitted */
static dlist_head calling;		/* jobs whose call is in flight */
static dlist_head answered;		/* jobs whose call has ended, oldest first, still to be read */
static int	njobs = 0;
static int	ncalling = 0;
static int	capacity;			/* calls that may be in flight */

/* all moments by the steady clock */
static int64 claim_at = 0;		/* look for tasks then, whatever is known */
static int64 claim_pause_ms = 0;	/* behind the last error of a claim; 0: it was none */
static bool claim_wanted = false;	/* there may be some before */
static int64 share_until = 0;	/* what others are to take is left to them until then */
static int64 room_since = 0;	/* since when one of those could be taken */
static int64 house_at = 0;
static bool lost_claims = false;	/* own tasks that nobody works on */
static bool drained = false;	/* there was nothing to do once, since we began */
static DbState database_state = DB_READY;

static void terminate(SIGNAL_ARGS);
static void start(void);
static void turn(void);
static void obey_reload(void);
static void keep_house(void);
static void do_keep_house(void *arg);
static void claim(void);
static int	room(void);
static int64 next_claim(void);
static int64 next_try(void);
static void do_claim(void *arg);
static void take_claims(const Claim *claims, int n);
static void want_claim(void);
static void not_ready(DbState state);
static void let_go_of_everything(void);
static int64 submit_waiting(void);
static int64 how_long(int64 pace_ms);
static void take_answers(void);
static void read_answers(void);
static int	next_batch(Work **batch);
static int	batch_of(Work *first, Work **batch);
static int	weight_of(const Job *job);
static bool goes_with_all(Work **batch, int n, const Job *job);
static void move_on(Work *work, JobStep step);
static void close_work(Work *work);
static void show(void);

void
ordersync_worker_main(Datum arg)
{
	memcpy(&ticket, MyBgworkerEntry->bgw_extra, sizeof(ticket));

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, terminate);
	BackgroundWorkerUnblockSignals();

	/* the launcher that wanted us may have gone, and its plans with it */
	if (!shmem_attach(&ticket))
		proc_exit(0);

	BackgroundWorkerInitializeConnection(ticket.database, NULL, 0);
	shmem_connected(MyDatabaseId);
	start();
	for (;;)
		turn();
}

/* The launcher is to know that this was no failure. */
static void
terminate(SIGNAL_ARGS)
{
	shmem_terminated();
	die(postgres_signal_arg);
}

static void
start(void)
{
	worker_context = AllocSetContextCreate(TopMemoryContext, "ordersync worker",
										   ALLOCSET_DEFAULT_SIZES);
	turn_context = AllocSetContextCreate(worker_context, "ordersync turn",
										 ALLOCSET_DEFAULT_SIZES);
	dlist_init(&waiting);
	dlist_init(&calling);
	dlist_init(&answered);
	shmem_owner(ticket.slot, owner);
	db_settle_in();
	capacity = http_start(guc_max_in_flight);
	ereport(DEBUG1,
			(errmsg_internal("ordersync worker of database \"%s\" is %s",
							 ticket.database, owner)));
}

static void
turn(void)
{
	int64		pace_ms;
	uint32		woken;

	MemoryContextReset(turn_context);
	MemoryContextSwitchTo(turn_context);

	obey_reload();
	woken = shmem_woken();
	if (woken & WOKEN_BY_OTHERS)
	{
		claim_at = 0;
		if (database_state != DB_READY)
			house_at = 0;
	}
	if (woken & WOKEN_BY_ITSELF)
		want_claim();
	if (lost_claims)
		let_go_of_everything();
	keep_house();
	claim();
	pace_ms = submit_waiting();
	show();
	http_wait(how_long(pace_ms));
	take_answers();
	read_answers();
}

static void
obey_reload(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	capacity = http_resize(guc_max_in_flight);
	claim_at = 0;
}

/* At the start, daily, and when the extension came back. */
static void
keep_house(void)
{
	ErrorData  *error;
	DbState		state;
	int64		now = clock_steady_ms();
	bool		more = false;

	if (now < house_at)
		return;
	switch (job_transact("keeping house", DB_DURABLE, do_keep_house, &more, &state, &error))
	{
		case OUTCOME_DONE:
			house_at = now + (more ? HOUSE_MORE_MS : HOUSE_EVERY_MS);
			database_state = DB_READY;
			break;
		case OUTCOME_NOT_READY:
			not_ready(state);
			break;
		default:
			house_at = now + HOUSE_AGAIN_MS;
			break;
	}
}

static void
do_keep_house(void *arg)
{
	bool	   *more = arg;

	*more = queue_keep_house();
}

/* What do_claim() is asked for, and what it brings. */
typedef struct ClaimOrder
{
	int			max;
	int			workers;		/* that share what there is; 1: take all */
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

	order.max = room();
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
	/* without work all begin at once: of few tasks each is to have its part */
	order.workers = njobs == 0 ? guc_workers : 1;

	switch (job_transact("claiming tasks", drained ? DB_REPEATABLE : DB_DURABLE, do_claim,
						 &order, &state, &error))
	{
		case OUTCOME_DONE:
			break;
		case OUTCOME_NOT_READY:
			not_ready(state);
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
	take_claims(order.claims, order.n);
	claim_wanted = order.n == order.max;
	claim_at = now + LONGEST_SLEEP_MS;
	if (order.due_ms >= 0)
		claim_at = Min(claim_at, now + Max(order.due_ms - clock_epoch_ms(), 1));
	/* there may be more than one of us can carry; what is left of a short run is for the others first */
	if (claim_wanted && shmem_wake_idle(MyDatabaseId) > 0 && room() > 0)
		share_until = now + SHARE_DELAY_MS;
}

static int
room(void)
{
	return capacity - njobs;
}

/* When to claim next, given room: 0 for at once. */
static int64
next_claim(void)
{
	int64		earliest = njobs == 0 ? 0 : share_until;

	if (!claim_wanted)
		return Max(claim_at, earliest);
	if (njobs == 0 || room() * 4 >= capacity)
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
		order->max = queue_share(order->max, order->workers);
	order->n = queue_claim(owner, order->max, worker_context, order->claims);
	order->due_ms = order->n < order->max ? queue_next_due() : -1;
}

static void
take_claims(const Claim *claims, int n)
{
	for (int i = 0; i < n; i++)
	{
		Work	   *work = MemoryContextAllocZero(claims[i].context, sizeof(Work));

		work->job = job_open(&claims[i], work);
		dlist_push_tail(&waiting, &work->node);
		njobs++;
	}
}

/* Something may be claimable that was not before. */
static void
want_claim(void)
{
	if (!claim_wanted)
		room_since = clock_steady_ms();
	claim_wanted = true;
}

/* Says so once, lets go of everything, and looks again when woken or in a minute. */
static void
not_ready(DbState state)
{
	claim_wanted = false;
	claim_at = clock_steady_ms() + LONGEST_SLEEP_MS;
	house_at = claim_at;
	if (njobs > 0)
		let_go_of_everything();
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
						 "database belong to a role that is no superuser.")));
}

/* Nobody could settle these jobs; under a new name we own none of their tasks. */
static void
let_go_of_everything(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &waiting)
		close_work(dlist_container(Work, node, iter.cur));
	dlist_foreach_modify(iter, &calling)
	{
		ncalling--;
		close_work(dlist_container(Work, node, iter.cur));
	}
	dlist_foreach_modify(iter, &answered)
		close_work(dlist_container(Work, node, iter.cur));
	shmem_renew_owner();
	shmem_owner(ticket.slot, owner);
	lost_claims = false;
}

/*
 * Submits what may be submitted; returns the milliseconds until more may be,
 * -1 when nothing waits.  A job whose gateway is silent for long goes back.
 */
static int64
submit_waiting(void)
{
	int64		soonest = -1;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &waiting)
	{
		Work	   *work = dlist_container(Work, node, iter.cur);
		int64		wait_ms = gateway_pace_take(job_gateway(work->job));

		if (wait_ms > LONGEST_PAUSE_MS)
		{
			job_give_back(work->job, wait_ms);
			move_on(work, JOB_OVER);
		}
		else if (wait_ms > 0)
			soonest = soonest < 0 ? wait_ms : Min(soonest, wait_ms);
		else
			move_on(work, job_submit(work->job));
	}
	return soonest;
}

/* Milliseconds that http_wait() may sleep. */
static int64
how_long(int64 pace_ms)
{
	int64		now = clock_steady_ms();
	int64		wait = LONGEST_SLEEP_MS;

	if (!dlist_is_empty(&answered))
		return 0;
	if (pace_ms >= 0)
		wait = Min(wait, pace_ms);
	if (room() > 0)
		wait = Min(wait, next_try() - now);
	wait = Min(wait, house_at - now);
	if (wait > 1000)
		db_report();
	return Max(wait, 0);
}

/* Calls that have ended. */
static void
take_answers(void)
{
	Work	   *work;

	while ((work = http_read()) != NULL)
	{
		ncalling--;
		dlist_delete(&work->node);
		dlist_push_tail(&answered, &work->node);
		work->passed = 0;
	}
}

/* Reads the next batch, if there is one, and stores what it brought. */
static void
read_answers(void)
{
	Work	   *batch[JOB_MAX_BATCH];
	Job		   *jobs[JOB_MAX_BATCH];
	JobStep		steps[JOB_MAX_BATCH];
	int			n = next_batch(batch);
	int			nstored = 0;

	for (int i = 0; i < n; i++)
	{
		JobStep		step = job_answered(batch[i]->job);

		if (step != JOB_STORES)
		{
			move_on(batch[i], step);
			continue;
		}
		jobs[nstored] = batch[i]->job;
		batch[nstored++] = batch[i];
	}
	if (nstored > 0)
		job_store(jobs, nstored, steps);
	for (int i = 0; i < nstored; i++)
		move_on(batch[i], steps[i]);
}

/*
 * The largest batch that begins at an answer of the run whose answer is the oldest;
 * at the oldest itself when it was passed over often enough.  Few pages a transaction are dear,
 * those of after-sales above all: they and their orders wait for each other.
 */
static int
next_batch(Work **batch)
{
	Work	   *oldest = NULL;
	Work	   *found[JOB_MAX_BATCH];
	int			largest = 0;
	int			looked = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &answered)
	{
		Work	   *work = dlist_container(Work, node, iter.cur);
		int			n;

		if (oldest == NULL)
			oldest = work;
		else if (job_run(work->job) != job_run(oldest->job))
			continue;
		n = batch_of(work, found);
		if (n > largest)
		{
			memcpy(batch, found, sizeof(Work *) * n);
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
batch_of(Work *first, Work **batch)
{
	size_t		bytes = job_answer_bytes(first->job);
	int			weight = weight_of(first->job);
	int			n = 1;
	dlist_iter	iter;

	batch[0] = first;
	dlist_foreach(iter, &answered)
	{
		Work	   *work = dlist_container(Work, node, iter.cur);

		if (weight >= JOB_MAX_BATCH)
			break;
		if (work == first ||
			weight + weight_of(work->job) > JOB_MAX_BATCH ||
			bytes + job_answer_bytes(work->job) > MAX_BATCH_BYTES ||
			!goes_with_all(batch, n, work->job))
			continue;
		bytes += job_answer_bytes(work->job);
		weight += weight_of(work->job);
		batch[n++] = work;
	}
	return n;
}

static int
weight_of(const Job *job)
{
	return job_is_small(job) ? 1 : LARGE_WEIGHT;
}

static bool
goes_with_all(Work **batch, int n, const Job *job)
{
	for (int i = 0; i < n; i++)
	{
		if (!job_goes_with(batch[i]->job, job))
			return false;
	}
	return true;
}

/* Puts a job where its last step leaves it. */
static void
move_on(Work *work, JobStep step)
{
	const JobNews *news = job_news(work->job);

	/* the job left us in a context of its own, which may go */
	MemoryContextSwitchTo(turn_context);
	if (news->ban_ms > 0)
		gateway_pace_ban(job_gateway(work->job), news->ban_ms);
	if (news->key_file)
		key_watch_doubt();
	if (news->lost)
		lost_claims = true;
	if (news->more_work)
		want_claim();

	switch (step)
	{
		case JOB_WAITS:
			dlist_delete(&work->node);
			dlist_push_tail(&waiting, &work->node);
			break;
		case JOB_CALLS:
			dlist_delete(&work->node);
			dlist_push_tail(&calling, &work->node);
			ncalling++;
			break;
		case JOB_STORES:		/* never left so */
		case JOB_OVER:
			close_work(work);
			want_claim();
			break;
	}
}

/* The work itself lies in the job's context, and goes with it. */
static void
close_work(Work *work)
{
	dlist_delete(&work->node);
	if (room() <= 0)
		room_since = clock_steady_ms();
	njobs--;
	job_close(work->job);
}

/* What ps, pg_stat_activity and ordersync.workers show. */
static void
show(void)
{
	static int	shown_calls = -1;
	static int	shown_jobs = -1;
	char		title[64];

	shmem_tell(database_state != DB_READY ? db_state_name(database_state) :
			   njobs > 0 ? "working" : key_watch_blocks() ? "no key" : "idle");
	if (shown_calls == ncalling && shown_jobs == njobs)
		return;
	shown_calls = ncalling;
	shown_jobs = njobs;
	shmem_set(COUNTER_IN_FLIGHT, ncalling);
	snprintf(title, sizeof(title), "ordersync worker: %d tasks, %d calls in flight",
			 njobs, ncalling);
	pgstat_report_appname(title);
	snprintf(title, sizeof(title), "%d tasks, %d calls in flight", njobs, ncalling);
	set_ps_display(title);
}
