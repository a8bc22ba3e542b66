/*
 * job_count.c
 *	  A window is counted: one call for its total, and one for the second at its
 *	  end where SQL finds that this matters.
 *
 * The platform's documentation does not say whether a range includes its end, so
 * [since, until) is asked as since..until, and what lies at until by itself.  In
 * between the task's walk holds the first total.
 *
 * A count of whatever type is asked without naming the types; where SQL finds
 * that more are counted than are stored, the second call is the same window with
 * the types that the lists name.
 */
#include "compat.h"

#include "job_private.h"
#include "shmem.h"
#include "window_saved.h"

static bool of_any_type(const SyncTask *task);
static int64 counted(const Job *job);
static void settle_count(void *arg);

/* The window, or, once that is counted, the second at its end, or the window by its types. */
bool
job_count_next(Job *job)
{
	job->call.only_total = true;
	job->call.any_type = of_any_type(job->task) && counted(job) < 0;
	job->call.ask.start = counted(job) < 0 || of_any_type(job->task) ?
		job->task->since : job->task->until;
	job->call.ask.end = job->task->until;
	job->call.ask.page_no = 1;
	job->call.ask.page_size = 1;
	job->call.ask.use_has_next = false;
	return true;
}

static bool
of_any_type(const SyncTask *task)
{
	return task->ext_type != NULL && strcmp(task->ext_type, TASK_ANY_TYPE) == 0;
}

/* The window's total, -1 before it was asked for. */
static int64
counted(const Job *job)
{
	return saved_read_one(job->walk, "count", "counted");
}

JobStep
job_count_answered(Job *job)
{
	ErrorData  *error;
	JobStep		step;

	if (job->answer->total < 0)
		return job_fail_malformed(job, "the answer has no total");
	if (!job_key_seen(job, &step))
		return step;
	switch (job_write(job, "settling a count", DB_REPEATABLE, settle_count, &error))
	{
		case OUTCOME_DONE:
			break;
		case OUTCOME_FAILED:
			return job_fail_in_database(job, error);
		default:
			return JOB_OVER;
	}
	shmem_count(COUNTER_PAGES, 1);
	if (job->count_continues)
		return job_continue(job, saved_write_one("count", "counted", job->answer->total));
	job->events.more_work = true;
	shmem_count(COUNTER_TASKS, 1);
	return JOB_OVER;
}

/* In a transaction. */
static void
settle_count(void *arg)
{
	Job		   *job = arg;
	int64		total = job->answer->total;

	if (counted(job) < 0)
		job->count_continues = queue_settle_count(job->task, total, -1,
												  saved_write_one("count", "counted", total),
												  &job->clock, &job->log);
	else
		job->count_continues = queue_settle_count(job->task, counted(job), total, NULL,
												  &job->clock, &job->log);
}
