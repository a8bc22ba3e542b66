/*
 * job_store.c
 *	  The page transaction: what calls brought is stored and their tasks are settled, in
 *	  one commit.
 *
 * Answers that are in hand together and go with each other (job_can_join) are
 * stored in one transaction, each task settled under its own token.  Where that
 * fails, for whatever reason, nothing is noted of it: the walks are put back to
 * where they stood, and each page is stored by itself, so that an error costs
 * the page that it is about and no other.
 *
 * They may be of several shops, where each has brought little: a call that brings
 * nothing costs a transaction and a claim, both of which serve sixteen as well.
 * Such a transaction holds what others take in another order (who cancels one run
 * after another, who triggers many), so it waits for no lock for long: in a
 * deadlock it is the one that fails, and goes on shop by shop.
 *
 * Records that the database refuses in one piece are stored once more, part by
 * part, so that those which are refused can be told from the others: a second
 * transaction, and no call.
 *
 * Locks, in one order for one page and for several: rows of records, shop by
 * shop; the tasks, by id; then for one shop after the other coverage; gateway and
 * shop; the run.  All tasks are locked before the first is settled, and those of a
 * shop that go on before those that end, since only these lock the run.
 */
#include "compat.h"

#include "job_private.h"
#include "refusal.h"

/* What is stored in one transaction. */
typedef struct Batch
{
	Job		  **jobs;
	int			n;
	bool		many_shops;
	bool		by_parts;		/* its only page was refused in one piece */
	bool		stored;			/* the database has taken the records, in this transaction */
} Batch;

/* An answer of about so many bytes, some eight orders, takes less than its transaction. */
#define SMALL_ANSWER (32 * 1024)

static bool stores_records(const Job *job);
static bool can_be_batched(const Job *job);
static bool same_list(const GatewayList *a, const GatewayList *b);
static bool same_names(const FieldNames *a, const FieldNames *b);
static bool store_together(Job **jobs, int n, JobStep *steps);
static int	compare_shops(const void *a, const void *b);
static JobStep store_alone(Job *job);
static void drop_end_second(Job *job);
static void store_and_settle(void *arg);
static void store_records(Batch *batch);
static int	store_shop(Job **jobs, int n, bool by_parts);
static void settle_tasks(Batch *batch);
static int	compare_settlements(const void *a, const void *b);

/*
 * Of one shop: the pages of one list, read with the same fields, of one run.  Of
 * two shops: what is small and nothing of which the database is known to refuse.
 */
bool
job_can_join(const Job *job, const Job *other)
{
	const SyncTask *a = job->task;
	const SyncTask *b = other->task;

	if (a->shop_id != b->shop_id)
		return job_is_small(job) && job_is_small(other) && !a->refusals && !b->refusals;
	return job->call.kind == other->call.kind && same_list(job->list, other->list) &&
		can_be_batched(job) &&
		a->work == b->work && a->run_id == b->run_id &&
		a->stream == b->stream && a->details_of == b->details_of &&
		a->basis == b->basis &&
		same_names(&a->fields_add, &b->fields_add) &&
		same_names(&a->fields_drop, &b->fields_drop);
}

/* Each job has read its gateway's options by itself, so one list may be there twice. */
static bool
same_list(const GatewayList *a, const GatewayList *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a->method, b->method) == 0 &&
					  strcmp(a->source, b->source) == 0);
}

bool
job_is_small(const Job *job)
{
	return can_be_batched(job) && http_body_bytes(job->http) <= SMALL_ANSWER;
}

/* Does a good answer to the call in hand bring records for the tables? */
static bool
stores_records(const Job *job)
{
	return job->call.kind == CALL_DETAILS || job->call.kind == CALL_REFUNDS_OF_ORDER ||
		(job->call.kind == CALL_LIST && job->task->work == WORK_STORE);
}

/* Or is it a page that is compared with what is stored? */
static bool
can_be_batched(const Job *job)
{
	return stores_records(job) ||
		(job->call.kind == CALL_LIST && job->task->work == WORK_CHECK);
}

static bool
same_names(const FieldNames *a, const FieldNames *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
	{
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	}
	return true;
}

void
job_store(Job **jobs, int n, JobStep *steps)
{
	Assert(n <= JOB_MAX_BATCH);
	if (n > 1 && store_together(jobs, n, steps))
		return;
	for (int i = 0; i < n; i++)
		steps[i] = store_alone(jobs[i]);
}

/* False when nothing came of it: the jobs are as they were. */
static bool
store_together(Job **jobs, int n, JobStep *steps)
{
	Job		   *in_order[JOB_MAX_BATCH];
	Window	   *walks[JOB_MAX_BATCH] = {NULL};
	Batch		batch = {.jobs = in_order, .n = n};
	ErrorData  *error;
	Outcome		outcome;

	Assert(n > 1);
	for (int i = 0; i < n; i++)
	{
		in_order[i] = jobs[i];
		MemoryContextSwitchTo(jobs[i]->page_context);
		if (jobs[i]->window != NULL)
			walks[i] = window_copy(jobs[i]->window);
	}
	/* rows of a shop before those of the next, and what belongs to an id in the order of ids */
	qsort(in_order, n, sizeof(Job *), compare_shops);
	batch.many_shops = in_order[0]->task->shop_id != in_order[n - 1]->task->shop_id;
	outcome = job_attempt(jobs, n, "storing pages", DB_REPEATABLE, store_and_settle, &batch,
						  &error);
	if (outcome == OUTCOME_FAILED)
	{
		job_log_error("storing pages", error, DEBUG1);
		FreeErrorData(error);
	}
	for (int i = 0; i < n; i++)
	{
		if (outcome == OUTCOME_DONE)
			steps[i] = jobs[i]->kind->settled(jobs[i]);
		else if (outcome == OUTCOME_NOT_READY)
			steps[i] = JOB_OVER;
		else if (walks[i] != NULL)
		{
			MemoryContextSwitchTo(jobs[i]->walk_context);
			jobs[i]->window = window_copy(walks[i]);
		}
	}
	return outcome == OUTCOME_DONE || outcome == OUTCOME_NOT_READY;
}

/* By shop; then by the ids of records that were fetched by these, windows have none. */
static int
compare_shops(const void *a, const void *b)
{
	const Job  *x = *(Job *const *) a;
	const Job  *y = *(Job *const *) b;

	if (x->task->shop_id != y->task->shop_id)
		return x->task->shop_id > y->task->shop_id ? 1 : -1;
	return (x->call.id > y->call.id) - (x->call.id < y->call.id);
}

/*
 * One page: in one piece, and where the database refuses that without the records
 * that are the next window's, then by parts.
 */
static JobStep
store_alone(Job *job)
{
	Batch		batch = {.jobs = &job, .n = 1};
	const char *activity = job->kind->activity;
	ErrorData  *error;
	Outcome		outcome;

	MemoryContextSwitchTo(job->page_context);
	outcome = job_attempt(&job, 1, activity, DB_REPEATABLE, store_and_settle, &batch, &error);
	if (outcome == OUTCOME_FAILED && job->end_second > 0 && !batch.stored &&
		!job_is_conflict(error))
	{
		job_log_error(activity, error, DEBUG1);
		FreeErrorData(error);
		drop_end_second(job);
		outcome = job_attempt(&job, 1, activity, DB_REPEATABLE, store_and_settle, &batch, &error);
	}
	if (outcome == OUTCOME_FAILED && job->page != NULL && !batch.stored &&
		refusal_kind(error->sqlerrcode) != REFUSAL_NONE)
	{
		job_log_error(activity, error, DEBUG1);
		FreeErrorData(error);
		batch.by_parts = true;
		/* pages to come are looked through before they are tried */
		job->task->refusals = true;
		outcome = job_attempt(&job, 1, activity, DB_REPEATABLE, store_and_settle, &batch, &error);
	}
	switch (outcome)
	{
		case OUTCOME_DONE:
			return job->kind->settled(job);
		case OUTCOME_FAILED:
			job_log_error(activity, error, job_is_conflict(error) ? DEBUG1 : LOG);
			return job_fail_in_database(job, error);
		default:
			return JOB_OVER;
	}
}

/* They fail their own window, if they do. */
static void
drop_end_second(Job *job)
{
	job->page->nrecords -= job->end_second;
	job->end_second = 0;
}

/* The page transaction: the rows, each task's cursor, the coverage and the log; all or nothing. */
static void
store_and_settle(void *arg)
{
	Batch	   *batch = arg;

	if (batch->many_shops)
		db_limit_lock_waits();
	batch->stored = false;
	store_records(batch);
	batch->stored = true;
	settle_tasks(batch);
}

/* Those of a shop stand together, and are of one list. */
static void
store_records(Batch *batch)
{
	for (int i = 0; i < batch->n;)
		i += store_shop(batch->jobs + i, batch->n - i, batch->by_parts);
}

/* The records of the first job's shop; returns how many of the jobs are of it. */
static int
store_shop(Job **jobs, int n, bool by_parts)
{
	const Job  *first = jobs[0];
	StorePage	pages[JOB_MAX_BATCH];
	int			npages = 0;
	int			i;

	for (i = 0; i < n && jobs[i]->task->shop_id == first->task->shop_id; i++)
	{
		Job		   *job = jobs[i];

		memset(&job->counts, 0, sizeof(job->counts));
		if (job->page == NULL || !stores_records(job))
			continue;
		pages[npages].task = job->task;
		pages[npages].page = job->page;
		pages[npages].read_ms = job_call_began_ms(job);
		pages[npages].counts = &job->counts;
		npages++;
	}
	if (npages > 0)
		store_pages(pages, npages,
					stream_of_records(first->task->stream, first->task->details_of),
					first->source, by_parts);
	return i;
}

/* Behind the rows: what could not be stored is known only now. */
static void
settle_tasks(Batch *batch)
{
	const SyncTask *tasks[JOB_MAX_BATCH];

	for (int i = 0; i < batch->n; i++)
	{
		tasks[i] = batch->jobs[i]->task;
		batch->jobs[i]->kind->take(batch->jobs[i]);
	}
	if (batch->n > 1)
	{
		queue_lock_tasks(tasks, batch->n);
		qsort(batch->jobs, batch->n, sizeof(Job *), compare_settlements);
	}
	for (int i = 0; i < batch->n; i++)
	{
		Job		   *job = batch->jobs[i];

		job->settlement.page = job->counts;
		job->kind->settle(job);
	}
}

/*
 * By shop; of a shop tasks that go on first; then the call that began first, by
 * which a first full run knows from where changes must be read: the others change
 * nothing there.
 */
static int
compare_settlements(const void *a, const void *b)
{
	const Job  *x = *(Job *const *) a;
	const Job  *y = *(Job *const *) b;
	bool		x_ends = x->settlement.walk == NULL;
	bool		y_ends = y->settlement.walk == NULL;

	if (x->task->shop_id != y->task->shop_id)
		return x->task->shop_id > y->task->shop_id ? 1 : -1;
	if (x_ends != y_ends)
		return x_ends ? 1 : -1;
	return (x->log.started_ms > y->log.started_ms) - (x->log.started_ms < y->log.started_ms);
}
