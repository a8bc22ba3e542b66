/*
 * job_fail.c
 *	  The failure transaction: what did not work out is noted in a transaction
 *	  of its own, with its verdict and its class.
 *
 * What a failure means to task, shop and gateway, whether it costs an attempt
 * and when the task is due again is decided in SQL (fail); here are the facts.
 * A note that meets a conflict is tried again; one that cannot be written at all
 * ends the worker: its tasks are free because their owner is dead.
 */
#include "compat.h"

#include "clock.h"
#include "guc.h"
#include "job_private.h"
#include "shmem.h"

/* How often it is tried when it meets a conflict. */
#define FAIL_TRIES 5

static void write_failure(Job *job);
static void fail(void *arg);

/* Notes what no call was made for. */
JobStep
job_fail_before_call(Job *job, Verdict verdict, const char *class, const char *message)
{
	memset(&job->failure, 0, sizeof(job->failure));
	job->failure.verdict = verdict;
	job->failure.class = class;
	job->failure.message = message;
	job->failure.walk = job->walk;
	write_failure(job);
	return JOB_OVER;
}

/*
 * Notes a secret that cannot be opened.  A key file that cannot be used says
 * nothing of the task, its shop or its gateway.
 */
JobStep
job_fail_secret(Job *job, const char *class, const char *message)
{
	job->events.key_file = strcmp(class, "key_file") == 0;
	return job_fail_before_call(job, job->events.key_file ? VERDICT_RETRY : VERDICT_UNAUTHORIZED,
								class, message);
}

/* Notes a call that did not end ok. */
JobStep
job_fail_call(Job *job)
{
	const GatewayAnswer *answer = job->answer;
	Failure    *failure = &job->failure;

	/* the platform found it too much: ask for half */
	if (answer->shrink && job->window != NULL && window_shrink(job->window))
	{
		job->page_size = Max(job->plan.page_size / 2, 1);
		job->shrunk = true;
	}

	memset(failure, 0, sizeof(*failure));
	failure->verdict = answer->verdict;
	failure->class = answer->class;
	failure->message = answer->message;
	if (answer->verdict == VERDICT_THROTTLED)
	{
		failure->banned = answer->ban_method ? "method" : "gateway";
		failure->method = job->request.method;
	}
	/* of the ban some has passed while the answer waited */
	if (failure->banned != NULL && answer->ban_ms > 0)
		failure->retry_ms = Max(answer->ban_ms - (clock_steady_ms() - job->received_ms), 1);
	failure->walk = job->walk;
	failure->page_size = job->shrunk ? job->page_size : 0;
	failure->clock = job->clock;
	failure->call = &job->log;
	failure->key_check = job->call.kind == CALL_WHOAMI;
	if (job->stop.stopped)
	{
		failure->stop = &job->stop;
		failure->method = job->request.method;
	}

	write_failure(job);
	if (answer->verdict == VERDICT_THROTTLED && answer->ban_ms == 0)
	{
		job->events.ban_ms = job->retry_ms;
		job->events.ban_method = answer->ban_method;
	}
	return JOB_OVER;
}

/* Notes an answer that was read as good and makes no sense all the same. */
JobStep
job_fail_malformed(Job *job, const char *message)
{
	int			records = job->page != NULL ? job->page->nrecords : 0;

	job->answer->verdict = VERDICT_MALFORMED;
	job->answer->class = "malformed";
	job->answer->message = pstrdup(message);
	job_write_log(job);
	job->log.records = records;
	job_judge(job, BREAKER_FAILED);
	return job_fail_call(job);
}

/* Notes that the page transaction was rolled back. */
JobStep
job_fail_in_database(Job *job, const ErrorData *error)
{
	Failure    *failure = &job->failure;

	memset(failure, 0, sizeof(*failure));
	failure->verdict = VERDICT_RETRY;
	failure->class = error->sqlerrcode == STORE_ALL_REFUSED ? "all_refused" : "database";
	failure->message = error->message;
	failure->conflict = job_is_conflict(error);
	failure->walk = job->walk;
	failure->page_size = job->shrunk ? job->page_size : 0;
	failure->clock = job->clock;
	failure->call = job->answer != NULL ? &job->log : NULL;
	write_failure(job);
	return JOB_OVER;
}

void
job_release(Job *job, CallTurn turn, const char *method, int64 retry_ms)
{
	bool		day = turn == CALL_DAY_SPENT || turn == CALL_DAY_RESERVED;
	Failure    *failure = &job->failure;

	MemoryContextSwitchTo(job->page_context);
	memset(failure, 0, sizeof(*failure));
	failure->verdict = VERDICT_THROTTLED;
	failure->class = day ? "quota" : "throttled";
	failure->message = turn == CALL_DAY_SPENT ? "the gateway's calls_per_day are spent" :
		turn == CALL_DAY_RESERVED ? "what is left of the gateway's calls_per_day is reserved for single orders and key checks" :
		"the platform imposed a pause between calls";
	failure->banned = turn == CALL_DAY_SPENT ? "day" : turn == CALL_DAY_RESERVED ? "reserved" :
		turn == CALL_METHOD_BANNED ? "method" : "gateway";
	failure->method = turn == CALL_METHOD_BANNED ? method : NULL;
	failure->key_check = job_checks_key(job);
	failure->retry_ms = retry_ms;
	failure->walk = job->walk;
	failure->page_size = job->shrunk ? job->page_size : 0;
	write_failure(job);
}

void
job_give_back(Job *job, const BreakerStop *stop, const char *method)
{
	Failure    *failure = &job->failure;

	MemoryContextSwitchTo(job->page_context);
	memset(failure, 0, sizeof(*failure));
	failure->verdict = VERDICT_RETRY;
	failure->stop = stop;
	failure->method = method;
	failure->key_check = job_checks_key(job);
	failure->walk = job->walk;
	failure->page_size = job->shrunk ? job->page_size : 0;
	write_failure(job);
}

/* It must not get lost: a conflict is tried again, anything else ends the worker. */
static void
write_failure(Job *job)
{
	ErrorData  *error = NULL;

	/* what is only given back has not failed */
	if (job->failure.class != NULL)
		shmem_failed(job->failure.class);
	/* for the gateway's pace, when the task is no longer ours to fail */
	job->retry_ms = job->failure.retry_ms > 0 ? job->failure.retry_ms : guc_retry_base_ms;
	for (int i = 0; i < FAIL_TRIES; i++)
	{
		if (job_write(job, "noting a failure", job->failure.class != NULL ? DB_DURABLE : DB_REPEATABLE,
					  fail, &error) != OUTCOME_FAILED)
			return;
		if (!job_is_conflict(error))
			break;
	}
	ReThrowError(error);
}

/* In a transaction. */
static void
fail(void *arg)
{
	Job		   *job = arg;

	if (job->failure.class == NULL)
		queue_give_back(job->task, &job->failure);
	else
		job->retry_ms = queue_fail(job->task, &job->failure);
}
