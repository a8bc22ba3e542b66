/*
 * job.c
 *	  One claimed task's life.
 *
 *	job_open	secrets opened, protocol found; no transaction is open from here on
 *	job_submit	build and sign (protocol), submit (http)
 *	  ... the worker waits, many jobs in flight ...
 *	job_answered	classify; then one of
 *		T2		quarantine and apply the page, settle the task, one commit
 *		T3		fail: verdict, class, back-off
 *	and again, until the window's walk has ended, or a failure gives the task
 *	back to the queue: whoever claims it next goes on from its saved walk.
 *
 * A job holds nothing in the database while it waits: not a transaction, not
 * a lock.  That it still owns its task is checked by the token in T2 and T3;
 * one that was cancelled or taken over finds itself fenced and ends quietly,
 * its page rolled back.
 *
 * Failures of the other side are values (Verdict).  Refusals of the database
 * arrive in job_transact(), the only place in the house that catches.
 *
 * Memory: the job's context lives from claim to close; inside it "page" is
 * reset for every call (and takes the curl handle along), "walk" holds the
 * window and is renewed when the task is cut.
 */
#include "compat.h"

#include "utils/memutils.h"

#include "clock.h"
#include "guc.h"
#include "job_private.h"
#include "secret.h"
#include "shmem.h"

static bool next_call(Job *job);
static bool open_window(Job *job);
static JobStep settle_empty(Job *job);

static JobStep page_answered(Job *job);
static void take_page(Job *job);
static int64 time_of(const Record *record, Basis basis);
static int64 key_of(const Record *record);
static void plan_settlement(Job *job);
static void store_and_settle(void *arg);
static JobStep page_settled(Job *job);

Job *
job_open(const Claim *claim, void *holder)
{
	MemoryContext before = MemoryContextSwitchTo(claim->context);
	Job		   *job = palloc0(sizeof(Job));

	job->context = claim->context;
	job->page_context = AllocSetContextCreate(job->context, "ordersync page",
											  ALLOCSET_DEFAULT_SIZES);
	job->walk_context = AllocSetContextCreate(job->context, "ordersync walk",
											  ALLOCSET_SMALL_SIZES);
	job->holder = holder;
	job->task = claim->task;
	job->sealed_data_key = claim->sealed_data_key;
	job->sealed_app_secret = claim->sealed_app_secret;
	job->protocol = claim->task->gateway->protocol ?
		gateway_protocol(claim->task->gateway->protocol) : NULL;
	job->page_size = claim->task->gateway->page_size;
	job->walk = claim->task->walk;
	MemoryContextSwitchTo(before);
	return job;
}

void
job_close(Job *job)
{
	secret_wipe(job->task->data_key);
	secret_wipe(job->task->gateway->app_secret);
	MemoryContextDelete(job->context);
}

const Gateway *
job_gateway(const Job *job)
{
	return job->task->gateway;
}

const JobNews *
job_news(const Job *job)
{
	return &job->news;
}

JobStep
job_submit(Job *job)
{
	char	   *why;

	MemoryContextReset(job->page_context);
	MemoryContextSwitchTo(job->page_context);
	job->http = NULL;
	job->answer = NULL;
	job->page = NULL;
	memset(&job->news, 0, sizeof(job->news));

	if (job->task->data_key == NULL && !job_open_secrets(job, &why))
		return job_fail_before_call(job, VERDICT_UNAUTHORIZED, "key_unreadable", why);
	if (job->protocol == NULL)
		return job_fail_before_call(job, VERDICT_REJECTED, "parameters",
								"the gateway's protocol is not one that this version speaks");
	if (job->task->stream == STREAM_DETAILS)
		return job_fail_before_call(job, VERDICT_REJECTED, "parameters",
								"this version does not fetch records one by one");
	if (!next_call(job))
		return settle_empty(job);

	memset(&job->request, 0, sizeof(job->request));
	job->protocol->build(&job->call,
						 clock_epoch_ms() + job->task->gateway->clock_offset_ms,
						 &job->request);
	if (job->request.error != NULL)
		return job_fail_before_call(job, VERDICT_REJECTED, "parameters", job->request.error);
	why = http_refusal(job->request.url);
	if (why != NULL)
		return job_fail_before_call(job, VERDICT_REJECTED, "refused", why);

	job->http = http_submit(job->request.url, job->request.body, job->request.body_len,
							job->task->gateway->proxy, job->holder);
	shmem_called();
	return JOB_CALLS;
}

/* Decides what is asked next; false when there is nothing to ask for (yet). */
static bool
next_call(Job *job)
{
	memset(&job->call, 0, sizeof(job->call));
	job->call.task = job->task;
	if (job->task->key_check)
	{
		job->call.kind = CALL_WHOAMI;
		return true;
	}
	if (job->window == NULL && !open_window(job))
		return false;
	job->call.kind = CALL_LIST;
	window_ask(job->window, &job->call.ask);
	return true;
}

/*
 * Nothing newer than the platform's now - lag is asked for; false when all of
 * the window is.  A list that the protocol lacks is found out by build.
 */
static bool
open_window(Job *job)
{
	SyncTask   *task = job->task;
	MemoryContext before;
	int64		platform_now = (clock_epoch_ms() + task->gateway->clock_offset_ms) / 1000;

	job->list = job->protocol->list(task->stream, task->basis);
	job->plan.since = task->since;
	job->plan.until = Min(task->until, platform_now - guc_lag_s);
	job->plan.page_size = job->list != NULL ?
		Min(job->page_size, job->list->max_page_size) : job->page_size;
	job->plan.sorted = job->list != NULL && job->list->sorted;
	job->plan.totals = job->list == NULL || job->list->totals;
	job->plan.fresh = task->fresh;
	job->plan.may_cut = task->may_cut && !task->fresh;
	if (job->plan.until <= job->plan.since)
		return false;

	MemoryContextReset(job->walk_context);
	before = MemoryContextSwitchTo(job->walk_context);
	job->window = window_open(&job->plan, job->walk);
	MemoryContextSwitchTo(before);
	return true;
}

/* A window that lies in the future: read without a call, closes nothing. */
static JobStep
settle_empty(Job *job)
{
	ErrorData  *error;

	memset(&job->settlement, 0, sizeof(job->settlement));
	job->settlement.state = "succeeded";
	job->settlement.verdict = "fresh";
	if (job_write(job, "settling a task", DB_REPEATABLE, store_and_settle,
				 &error) == OUTCOME_FAILED)
		return job_fail_in_database(job, error);
	return JOB_OVER;
}

JobStep
job_answered(Job *job)
{
	JobStep		step;

	MemoryContextSwitchTo(job->page_context);
	job_read_reply(job);
	if (job->call.kind == CALL_WHOAMI)
		step = job_key_answered(job);
	else if (job->answer->verdict == VERDICT_OK)
		step = page_answered(job);
	else
		step = job_fail_call(job);
	return step;
}

/* A page of the window: take it in, then store and settle it in one commit. */
static JobStep
page_answered(Job *job)
{
	ErrorData  *error;

	take_page(job);
	if (job->step == WINDOW_MALFORMED)
	{
		job->answer->verdict = VERDICT_MALFORMED;
		job->answer->class = "malformed";
		job->answer->message = "the answer contradicts itself";
		job_write_log(job);
		job->log.records = job->page->nrecords;
		return job_fail_call(job);
	}
	plan_settlement(job);

	switch (job_write(job, "storing a page", DB_REPEATABLE, store_and_settle, &error))
	{
		case OUTCOME_DONE:
			return page_settled(job);
		case OUTCOME_FAILED:
			return job_fail_in_database(job, error);
		default:
			return JOB_OVER;
	}
}

/* Splits the page and lets the window decide what it means. */
static void
take_page(Job *job)
{
	const SyncTask *task = job->task;
	WindowAnswer answer;
	WindowRecord *records;
	MemoryContext before;

	job->page = record_split(job->answer->list, job->answer->list_len, task->stream,
							 task->seller_nicks, task->nseller_nicks,
							 task->require_seller);
	job->log.records = job->page->nrecords;

	records = palloc(sizeof(WindowRecord) * Max(job->page->nrecords, 1));
	for (int i = 0; i < job->page->nrecords; i++)
	{
		const Record *record = &job->page->records[i];

		records[i].key = key_of(record);
		records[i].time = time_of(record, task->basis);
		records[i].quarantined = record->quarantine != NULL;
	}
	answer.total = job->answer->total;
	answer.has_next = job->answer->has_next;
	answer.nrecords = job->page->nrecords;
	answer.records = records;

	before = MemoryContextSwitchTo(job->walk_context);
	job->step = window_take(job->window, &answer);
	MemoryContextSwitchTo(before);
}

/* The time that the window is about. */
static int64
time_of(const Record *record, Basis basis)
{
	switch (basis)
	{
		case BASIS_MODIFIED:
			return record->modified;
		case BASIS_CREATED:
			return record->created;
		case BASIS_ARRIVAL:
			return record->arrival;
	}
	return WINDOW_NO_TIME;
}

/* A record without an id is told from others by its digest, below all ids. */
static int64
key_of(const Record *record)
{
	uint64		key;

	if (record->id != 0)
		return record->id;
	memcpy(&key, record->digest, sizeof(key));
	return (int64) (key | (UINT64CONST(1) << 63));
}

/* What the window's step means to the task. */
static void
plan_settlement(Job *job)
{
	Settlement *s = &job->settlement;
	WindowCounts counts;

	memset(s, 0, sizeof(*s));
	window_counts(job->window, &counts);
	s->reported = counts.reported;
	s->seen = counts.seen;
	s->quarantined = counts.quarantined;
	s->passes = counts.passes;
	s->page_size = job->shrunk ? job->page_size : 0;
	s->clock = job->clock;
	s->call = &job->log;
	s->closed_since = job->plan.since;
	s->closed_until = job->plan.until;

	switch (job->step)
	{
		case WINDOW_MORE:
			s->state = "running";
			s->walk = window_save(job->window);
			break;
		case WINDOW_CUT:
			s->state = "running";
			s->ncuts = window_cuts(job->window, &s->cuts) + 1;
			break;
		case WINDOW_COUNTED:
			s->state = "succeeded";
			s->verdict = "counted";
			s->closed = true;
			break;
		case WINDOW_UNPROVEN:
			s->state = "succeeded";
			s->verdict = "unproven";
			s->closed = true;
			break;
		case WINDOW_FRESH:
			s->state = "succeeded";
			s->verdict = "fresh";
			break;
		case WINDOW_SHORT:
			s->state = "incomplete";
			s->verdict = "short";
			s->closed = true;
			break;
		case WINDOW_MALFORMED:
			elog(ERROR, "a malformed page is not settled");
	}
}

/* T2: the rows, the task's cursor, the coverage and the log; all or nothing. */
static void
store_and_settle(void *arg)
{
	Job		   *job = arg;
	Settlement *s = &job->settlement;

	memset(&job->counts, 0, sizeof(job->counts));
	if (job->page != NULL && job->page->nrecords > 0)
		store_page(job->task, job->task->stream, job->list->source, job->page,
				   &job->counts);
	s->page_new = job->counts.records_new;
	s->page_changed = job->counts.changed;
	s->page_unchanged = job->counts.unchanged;
	s->page_quarantined = job->counts.quarantined;
	queue_settle(job->task, s);
}

/* It is committed: count it, and go on where it leaves us. */
static JobStep
page_settled(Job *job)
{
	shmem_count(COUNTER_PAGES, 1);
	shmem_count(COUNTER_RECORDS, job->page->nrecords);
	shmem_count(COUNTER_RECORDS_WRITTEN, job->counts.records_new + job->counts.changed);

	if (job->step == WINDOW_MORE)
	{
		/* as settle does: no progress, no new attempts */
		if (job->walk == NULL || strcmp(job->walk, job->settlement.walk) != 0)
			job->task->attempt = 0;
		if (job->walk != NULL)
			pfree(job->walk);
		job->walk = MemoryContextStrdup(job->context, job->settlement.walk);
		return JOB_WAITS;
	}
	if (job->step == WINDOW_CUT)
	{
		/* the newest part stays with us; the window is opened anew for it */
		int			n = job->settlement.ncuts;

		job->task->attempt = 0;
		job->task->since = job->settlement.cuts[n - 2];
		job->task->until = job->settlement.cuts[n - 1];
		job->task->may_cut = false;
		job->walk = NULL;
		job->window = NULL;
		job->news.more_work = true;
		return JOB_WAITS;
	}
	shmem_count(COUNTER_TASKS, 1);
	return JOB_OVER;
}
