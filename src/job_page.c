/*
 * job_page.c
 *	  A window is read page by page: its records are stored, or compared with
 *	  what is stored; the answer is taken in by the walk, which decides what it
 *	  means; and the task is settled in the same commit.
 *
 * All that an answer lists is stored, or compared, whatever range was asked for;
 * what it proves the walk decides (window_outside.c).
 *
 * The walk counts what could not be stored, so it is told of an answer when
 * that is known.  An answer that contradicts itself comes to neither.  Where the
 * transaction fails the walk has gone too far: the job is over, and who claims
 * the task again begins where the last commit left it.
 */
#include "compat.h"

#include "utils/memutils.h"

#include "clock.h"
#include "guc.h"
#include "job_private.h"
#include "shmem.h"

static bool open_window(Job *job);
static bool take_page(Job *job);
static int	set_end_second_aside(Job *job);
static bool has_records_without_id(const RecordPage *page);
static int64 time_of(const Record *record, Basis basis);
static int64 key_of(const Record *record);
static void take_answer(Job *job);
static bool is_outside(const Job *job, int64 key);
static void plan_settlement(Job *job);
static void settle_page(Job *job);
static void settle_check(Job *job);
static JobStep page_settled(Job *job);

static const PageKind window_page = {
	.activity = "storing a page",
	.take = take_answer,
	.settle = settle_page,
	.settled = page_settled
};

static const PageKind checked_page = {
	.activity = "checking a page",
	.take = take_answer,
	.settle = settle_check,
	.settled = page_settled
};

/* What the walk asks for next; false when the window lies in the future. */
bool
job_page_next(Job *job)
{
	if (job->window == NULL && !open_window(job))
		return false;
	job->call.any_type = job->task->ext_type != NULL &&
		strcmp(job->task->ext_type, TASK_ANY_TYPE) == 0;
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

	job->list = job->protocol->serves(&job->call);
	job->plan.since = task->since;
	job->plan.until = Min(task->until, platform_now - guc_lag_s);
	job->plan.page_size = job->list != NULL ?
		Min(job->page_size, job->list->max_page_size) : job->page_size;
	job->plan.sorted = job->list != NULL && job->list->sorted;
	job->plan.fixed_pages = job->list != NULL && job->list->fixed_pages;
	job->plan.totals = job->list == NULL || job->list->totals;
	job->plan.moves = task->basis != BASIS_CREATED;
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

/* A page of the window, to be stored or to be compared with what is stored. */
JobStep
job_page_answered(Job *job)
{
	bool		checks = job->task->work == WORK_CHECK;
	JobStep		step;

	if (!take_page(job))
		return job_fail_malformed(job, "the answer contradicts itself");
	if (!job_key_seen(job, &step))
		return step;
	if (checks && has_records_without_id(job->page))
		return job_fail_malformed(job, "the answer lists an order without its number");
	job->kind = checks ? &checked_page : &window_page;
	job->source = job->list->source;
	return JOB_STORES;
}

/* Splits the page; false when the answer makes no sense in this window. */
static bool
take_page(Job *job)
{
	const SyncTask *task = job->task;
	WindowAnswer *answer = &job->list_answer;
	WindowRecord *records;

	if (task->work == WORK_CHECK)
		job->page = record_split(job->answer->list, job->answer->list_len, task->stream,
								 NULL, 0, false);
	else
		job->page = record_split(job->answer->list, job->answer->list_len,
								 stream_of_records(task->stream, task->details_of),
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
	answer->total = job->answer->total;
	answer->has_next = job->answer->has_next;
	answer->nrecords = job->page->nrecords;
	answer->records = records;
	if (!window_agrees(job->window, answer))
		return false;
	job->end_second = set_end_second_aside(job);
	return true;
}

/*
 * A range whose end is inclusive brings records of the second at until, which
 * are the next window's: one that cannot be stored must not fail two windows.
 * A good one may have moved there, where times move, and be listed by an older
 * time, in no other window: it is stored, where that works.  They come last;
 * returns how many.  A check leaves them to the next window: they are what changes
 * at this moment, and each reading would miss others.
 */
static int
set_end_second_aside(Job *job)
{
	RecordPage *page = job->page;
	Record	   *aside = palloc(sizeof(Record) * Max(page->nrecords, 1));
	int			naside = 0;
	int			kept = 0;

	for (int i = 0; i < page->nrecords; i++)
	{
		const Record *record = &page->records[i];

		if (time_of(record, job->task->basis) != job->plan.until)
			page->records[kept++] = *record;
		else if (record->quarantine == NULL && job->plan.moves && !job->task->refusals &&
				 job->task->work == WORK_STORE)
			aside[naside++] = *record;
	}
	memcpy(page->records + kept, aside, sizeof(Record) * naside);
	page->nrecords = kept + naside;
	return naside;
}

/* A record that nothing can be compared with, nor fetched. */
static bool
has_records_without_id(const RecordPage *page)
{
	for (int i = 0; i < page->nrecords; i++)
	{
		if (page->records[i].id == 0)
			return true;
	}
	return false;
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
	return NO_TIME;
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

/* In a transaction, behind the page's rows: lets the walk decide what the answer means. */
static void
take_answer(Job *job)
{
	MemoryContext before = MemoryContextSwitchTo(job->page_context);
	const WindowAnswer *answer = &job->list_answer;
	WindowAnswer told = *answer;
	WindowRecord *records = palloc(sizeof(WindowRecord) * Max(answer->nrecords, 1));

	for (int i = 0; i < answer->nrecords; i++)
	{
		records[i] = answer->records[i];
		records[i].quarantined |= is_outside(job, records[i].key);
	}
	told.records = records;

	MemoryContextSwitchTo(job->walk_context);
	job->step = window_take(job->window, &told);
	MemoryContextSwitchTo(job->page_context);
	plan_settlement(job);
	MemoryContextSwitchTo(before);
}

/* Does the database refuse the record? */
static bool
is_outside(const Job *job, int64 key)
{
	for (int i = 0; i < job->page->nrecords; i++)
	{
		const Record *record = &job->page->records[i];

		if (record->refused && record->id == key)
			return true;
	}
	return false;
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
	s->outside = counts.outside;
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
			s->outcome = "counted";
			s->closed = true;
			break;
		case WINDOW_UNPROVEN:
			s->state = counts.outside > 0 ? "incomplete" : "succeeded";
			s->outcome = "unproven";
			s->class = counts.outside > 0 ? "range" : NULL;
			s->closed = true;
			break;
		case WINDOW_FRESH:
			s->state = "succeeded";
			s->outcome = "fresh";
			break;
		case WINDOW_SHORT:
			s->state = "incomplete";
			s->outcome = "short";
			s->class = counts.total_disproved ? "total" : counts.outside > 0 ? "range" : "short";
			s->closed = true;
			break;
		case WINDOW_MALFORMED:
			elog(ERROR, "a malformed page is not settled");
	}
}

/* In the page transaction, behind the page's rows: the task's cursor, the coverage and the log. */
static void
settle_page(Job *job)
{
	if (job->task->follow_up)
		job->settlement.more_tasks = store_follow_up(job->task, job->page);
	queue_settle(job->task, &job->settlement);
}

/* In the transaction of a page that is only compared: what is missing is noted in the task. */
static void
settle_check(Job *job)
{
	job->settlement.page.unchanged = job->page->nrecords - store_check(job->task, job->page);
	queue_settle(job->task, &job->settlement);
}

/* It is committed: count it, and go on where it leaves us. */
static JobStep
page_settled(Job *job)
{
	shmem_count(COUNTER_PAGES, 1);
	shmem_count(COUNTER_RECORDS, job->page->nrecords);
	shmem_count(COUNTER_RECORDS_WRITTEN, job->counts.records_new + job->counts.changed);

	if (job->step == WINDOW_MORE)
		return job_continue(job, job->settlement.walk);
	if (job->step == WINDOW_CUT)
	{
		/* the newest part stays with us; the window is opened anew for it */
		int			n = job->settlement.ncuts;

		job->task->since = job->settlement.cuts[n - 2];
		job->task->until = job->settlement.cuts[n - 1];
		job->task->may_cut = false;
		job->walk = NULL;
		job->window = NULL;
		job->events.more_work = true;
		return JOB_WAITS;
	}
	shmem_count(COUNTER_TASKS, 1);
	return JOB_OVER;
}
