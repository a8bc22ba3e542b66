/*
 * job_fetch.c
 *	  Records by id, or all after-sales of an order: one call each, one commit each.
 *
 * The task's walk says how many of its ids are done.  A record that the
 * platform does not serve (archived, gone) is noted and is not a failure: the
 * next id is asked for.  Any other refusal fails the task at this id; SQL
 * parts the ids behind it from it.
 */
#include "compat.h"

#include "job_private.h"
#include "json_scan.h"
#include "shmem.h"
#include "window_saved.h"

#define MAX_WORDS 500

static int	ids_done(const Job *job);
static bool take_record(Job *job);
static bool take_records(Job *job);
static void note_record(Job *job);
static void settle_record(Job *job);
static JobStep record_settled(Job *job);

static const PageKind record_page = {
	.activity = "storing a record",
	.take = note_record,
	.settle = settle_record,
	.settled = record_settled
};

/* The next id; a task ends with its last one. */
bool
job_fetch_next(Job *job)
{
	int			done = ids_done(job);

	/* a task that has nothing to fetch must not pass for one that has fetched it */
	if (done >= job->task->nids)
		elog(ERROR, "task %lld has no id left to fetch", (long long) job->task->task_id);
	job->call.id = job->task->ids[done];
	job->call.details_of = job->task->details_of;
	return true;
}

static int
ids_done(const Job *job)
{
	int64		done = saved_read_one(job->walk, "ids", "done");

	return done < 0 || done > PG_INT32_MAX ? 0 : (int) done;
}

JobStep
job_fetch_answered(Job *job)
{
	const GatewayAnswer *answer = job->answer;
	Settlement *s = &job->settlement;
	int			done = ids_done(job) + 1;
	bool		over = done >= job->task->nids;
	JobStep		step;

	if (answer->verdict == VERDICT_OK &&
		!(job->call.kind == CALL_DETAILS ? take_record(job) : take_records(job)))
		return job_fail_malformed(job, job->call.kind == CALL_DETAILS ?
								  "the answer is not the record that was asked for" :
								  "the answer has not all after-sales of the order that was asked for");
	if (answer->verdict == VERDICT_OK && !job_key_seen(job, &step))
		return step;
	if (answer->verdict != VERDICT_OK &&
		(answer->verdict != VERDICT_REJECTED || answer->class == NULL ||
		 strcmp(answer->class, "not_found") != 0))
		return job_fail_call(job);

	memset(s, 0, sizeof(*s));
	s->state = over ? "succeeded" : "running";
	s->outcome = over ? "fetched" : NULL;
	s->walk = over ? NULL : saved_write_one("ids", "done", done);
	s->reported = job->task->nids;
	s->seen = done;
	s->clock = job->clock;
	s->call = &job->log;

	job->kind = &record_page;
	job->source = job->call.kind == CALL_DETAILS ? "details" : "list";
	return JOB_STORES;
}

/* The one record of the answer; false when it is another one, or none. */
static bool
take_record(Job *job)
{
	const SyncTask *task = job->task;

	job->page = record_split(job->answer->list, job->answer->list_len, task->details_of,
							 task->seller_nicks, task->nseller_nicks, task->require_seller);
	job->log.records = job->page->nrecords;
	return job->page->nrecords == 1 &&
		(job->page->records[0].id == job->call.id || job->page->records[0].id == 0);
}

/*
 * The after-sales of one order; false when there are more of them than came, or
 * ones of another order among them.
 */
static bool
take_records(Job *job)
{
	const SyncTask *task = job->task;
	const GatewayAnswer *answer = job->answer;

	job->page = record_split(answer->list, answer->list_len, STREAM_AFTER_SALES,
							 task->seller_nicks, task->nseller_nicks, task->require_seller);
	job->log.records = job->page->nrecords;
	for (int i = 0; i < job->page->nrecords; i++)
	{
		int64		order = job->page->records[i].order;

		if (order != 0 && order != job->call.id)
			return false;
	}
	return answer->has_next != 1 && answer->total <= job->page->nrecords;
}

/* In the page transaction, behind the record: what came of the id. */
static void
note_record(Job *job)
{
	const char *words = job->answer->message;

	if (job->page != NULL)
		store_note_fetched(job->task, job->call.id, job->counts.quarantined == 0,
						   job->counts.records_new + job->counts.changed > 0);
	else
		store_note_not_served(job->task, job->call.id,
							  words == NULL ? NULL : json_clean_text(words, strlen(words), MAX_WORDS));
}

/* The task's cursor and the log. */
static void
settle_record(Job *job)
{
	queue_settle(job->task, &job->settlement);
}

/* It is committed: count it, and go on with the next id. */
static JobStep
record_settled(Job *job)
{
	shmem_count(COUNTER_PAGES, 1);
	shmem_count(COUNTER_RECORDS, job->page != NULL ? job->page->nrecords : 0);
	shmem_count(COUNTER_RECORDS_WRITTEN, job->counts.records_new + job->counts.changed);
	if (job->settlement.walk != NULL)
		return job_continue(job, job->settlement.walk);
	shmem_count(COUNTER_TASKS, 1);
	return JOB_OVER;
}
