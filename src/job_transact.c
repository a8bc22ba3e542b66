/*
 * job_transact.c
 *	  The bracket around every transaction of a worker, and the only place that
 *	  catches errors.
 *
 * An error is copied into the caller's context, the transaction is aborted with
 * interrupts held, and the caller is told how it came out: done, not ready
 * (db.c), fenced (the task is no longer ours: nothing to tell), or failed.
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "job_private.h"
#include "shmem.h"
#include "value.h"

/* How the context of a job's error begins, and room for its call. */
#define TASK_CONTEXT "ordersync task "
#define CALL_SIZE 200

/* The jobs of a transaction, for its error context. */
typedef struct JobList
{
	Job		  **jobs;
	int			n;
} JobList;

static Outcome transact(const char *activity, DbDurability durability,
						void (*body) (void *), void *subject,
						DbState *state, ErrorData **error);
static char *task_context(const char *context);
static void job_error_callback(void *arg);
static void describe_call(const Job *job, char text[CALL_SIZE]);

/* A job's transaction. */
Outcome
job_write(Job *job, const char *activity, DbDurability durability,
		  void (*body) (void *), ErrorData **error)
{
	Outcome		outcome = job_attempt(&job, 1, activity, durability, body, job, error);

	if (outcome == OUTCOME_FAILED)
		job_log_error(activity, *error, job_is_conflict(*error) ? DEBUG1 : LOG);
	return outcome;
}

/* Errors say which tasks it was about, and lost tasks are known as such. */
Outcome
job_attempt(Job **jobs, int n, const char *activity, DbDurability durability,
			void (*body) (void *), void *subject, ErrorData **error)
{
	JobList		list = {jobs, n};
	ErrorContextCallback callback;
	Outcome		outcome;

	callback.callback = job_error_callback;
	callback.arg = &list;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	shmem_set_work(jobs[0]->task);
	outcome = transact(activity, durability, body, subject, NULL, error);
	error_context_stack = callback.previous;

	for (int i = 0; i < n && outcome == OUTCOME_NOT_READY; i++)
		jobs[i]->events.lost = true;
	return outcome;
}

Outcome
job_transact(const char *activity, DbDurability durability,
			 void (*body) (void *), void *subject,
			 DbState *state, ErrorData **error)
{
	Outcome		outcome = transact(activity, durability, body, subject, state, error);

	if (outcome == OUTCOME_FAILED)
		job_log_error(activity, *error, job_is_conflict(*error) ? DEBUG1 : LOG);
	return outcome;
}

static Outcome
transact(const char *activity, DbDurability durability,
		 void (*body) (void *), void *subject,
		 DbState *state, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Outcome outcome = OUTCOME_NOT_READY;

	*error = NULL;
	shmem_set_activity(activity);

	PG_TRY();
	{
		DbState		found = db_begin(activity, durability);

		if (state != NULL)
			*state = found;
		if (found == DB_READY)
		{
			body(subject);
			db_commit();
			outcome = OUTCOME_DONE;
		}
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		*error = CopyErrorData();
		HOLD_INTERRUPTS();
		FlushErrorState();
		db_abort();
		RESUME_INTERRUPTS();
		outcome = OUTCOME_FAILED;
	}
	PG_END_TRY();
	shmem_set_activity(NULL);

	if (outcome == OUTCOME_FAILED && (*error)->sqlerrcode == QUEUE_FENCED)
	{
		FreeErrorData(*error);
		*error = NULL;
		outcome = OUTCOME_FENCED;
	}

	MemoryContextSwitchTo(context);
	return outcome;
}

/*
 * One line for the log instead of pages of context, which quote every
 * statement on the way: of these only which tasks it was about.  DEBUG1 has
 * it all.
 */
void
job_log_error(const char *activity, const ErrorData *error, int level)
{
	char	   *tasks = task_context(error->context);

	ereport(level,
			(errcode(error->sqlerrcode),
			 errmsg_internal("ordersync failed while %s: %s", activity, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0,
			 tasks ? errcontext("%s", tasks) : 0));
	if (error->context != NULL)
		ereport(DEBUG1,
				(errmsg_internal("context of the ordersync failure: %s", error->context)));
}

/* The lines of job_error_callback() in an error's context; NULL: it was about no task. */
static char *
task_context(const char *context)
{
	StringInfoData found;

	if (context == NULL)
		return NULL;
	initStringInfo(&found);
	for (const char *line = context; *line != '\0';)
	{
		size_t		len = strcspn(line, "\n");

		if (strncmp(line, TASK_CONTEXT, strlen(TASK_CONTEXT)) == 0)
		{
			if (found.len > 0)
				appendStringInfoChar(&found, '\n');
			appendBinaryStringInfo(&found, line, len);
		}
		line += len;
		line += *line == '\n';
	}
	return found.len > 0 ? found.data : NULL;
}

/*
 * Errors that say nothing against what was tried: deadlock, serialization,
 * a cancel, a lock held too long by others, a full disk.
 */
bool
job_is_conflict(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
		error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_DISK_FULL;
}

/* Error context: which tasks it was about, and by which call each. */
static void
job_error_callback(void *arg)
{
	const JobList *list = arg;

	for (int i = 0; i < list->n; i++)
	{
		const SyncTask *task = list->jobs[i]->task;
		char		call[CALL_SIZE];

		describe_call(list->jobs[i], call);
		errcontext(TASK_CONTEXT INT64_FORMAT " of run " INT64_FORMAT
				   ", shop " INT64_FORMAT ", %s by %s%s",
				   task->task_id, task->run_id, task->shop_id,
				   stream_name(task->stream), basis_name(task->basis), call);
	}
}

/* The call in hand, in words that follow others; nothing while there is none. */
static void
describe_call(const Job *job, char text[CALL_SIZE])
{
	const GatewayCall *call = &job->call;
	char		start[VALUE_TIME_LEN + 1];
	char		end[VALUE_TIME_LEN + 1];
	int			n;

	text[0] = '\0';
	if (job->http == NULL)
		return;
	/* a relay's path may be longer */
	n = Min(snprintf(text, CALL_SIZE, ", method %s", job->request.method), CALL_SIZE - 1);
	if (call->kind == CALL_DETAILS)
		snprintf(text + n, CALL_SIZE - n, ", id " INT64_FORMAT, call->id);
	else if (call->kind == CALL_LIST)
	{
		value_write_time(call->ask.start, start);
		value_write_time(call->ask.end, end);
		snprintf(text + n, CALL_SIZE - n, ", page %d of %s to %s Asia/Shanghai",
				 call->ask.page_no, start, end);
	}
}

/* The rest of the task stands behind a page that is committed; attempts begin anew. */
JobStep
job_continue(Job *job, const char *walk)
{
	if (job->walk != NULL)
		pfree(job->walk);
	job->walk = MemoryContextStrdup(job->context, walk);
	job->task->failed_before = false;
	return JOB_WAITS;
}
