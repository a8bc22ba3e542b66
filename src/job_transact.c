/*
 * job_transact.c
 *	  The bracket around every transaction of a worker, and the only place in
 *	  the house that catches.
 *
 * An error is copied into the caller's context, the transaction is aborted with
 * interrupts held, and the caller is told how it came out: done, not ready
 * (db.c), fenced (the task is no longer ours: nothing to tell), or failed.
 *
 * Records that the database refuses in one piece are stored once more, part by
 * part, so that those which are refused can be told from the others: a second
 * transaction, and no call.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "job_private.h"
#include "refusal.h"

static Outcome write_quietly(Job *job, const char *activity, DbDurability durability,
							 void (*work) (void *), ErrorData **error);
static Outcome transact(const char *activity, DbDurability durability,
						void (*work) (void *), void *subject,
						DbState *state, ErrorData **error);
static void tell_error(const char *activity, const ErrorData *error, int level);
static void tell_task(void *arg);

/* T2 of a page: in one piece, and where the database refuses that, by parts. */
Outcome
job_store(Job *job, const char *activity, void (*work) (void *), ErrorData **error)
{
	Outcome		outcome;

	job->by_parts = false;
	job->stored = false;
	outcome = write_quietly(job, activity, DB_REPEATABLE, work, error);
	if (outcome == OUTCOME_FAILED && job->page != NULL && !job->stored &&
		refusal_kind((*error)->sqlerrcode) != REFUSAL_NONE)
	{
		tell_error(activity, *error, DEBUG1);
		FreeErrorData(*error);
		job->by_parts = true;
		/* pages to come are looked through before they are tried */
		job->task->refusals = true;
		outcome = write_quietly(job, activity, DB_REPEATABLE, work, error);
	}
	if (outcome == OUTCOME_FAILED)
		tell_error(activity, *error, job_is_conflict(*error) ? DEBUG1 : LOG);
	return outcome;
}

/* A job's transaction: errors say which task it was, and a lost task is known as such. */
Outcome
job_write(Job *job, const char *activity, DbDurability durability,
		  void (*work) (void *), ErrorData **error)
{
	Outcome		outcome = write_quietly(job, activity, durability, work, error);

	if (outcome == OUTCOME_FAILED)
		tell_error(activity, *error, job_is_conflict(*error) ? DEBUG1 : LOG);
	return outcome;
}

static Outcome
write_quietly(Job *job, const char *activity, DbDurability durability,
			  void (*work) (void *), ErrorData **error)
{
	ErrorContextCallback callback;
	Outcome		outcome;

	callback.callback = tell_task;
	callback.arg = job;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	outcome = transact(activity, durability, work, job, NULL, error);
	error_context_stack = callback.previous;

	if (outcome == OUTCOME_NOT_READY)
		job->news.lost = true;
	return outcome;
}

Outcome
job_transact(const char *activity, DbDurability durability,
			 void (*work) (void *), void *subject,
			 DbState *state, ErrorData **error)
{
	Outcome		outcome = transact(activity, durability, work, subject, state, error);

	if (outcome == OUTCOME_FAILED)
		tell_error(activity, *error, job_is_conflict(*error) ? DEBUG1 : LOG);
	return outcome;
}

static Outcome
transact(const char *activity, DbDurability durability,
		 void (*work) (void *), void *subject,
		 DbState *state, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Outcome outcome = OUTCOME_NOT_READY;

	*error = NULL;

	PG_TRY();
	{
		DbState		found = db_begin(activity, durability);

		if (state != NULL)
			*state = found;
		if (found == DB_READY)
		{
			work(subject);
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
 * statement on the way; DEBUG1 has it all.
 */
static void
tell_error(const char *activity, const ErrorData *error, int level)
{
	ereport(level,
			(errcode(error->sqlerrcode),
			 errmsg_internal("ordersync failed while %s: %s", activity, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
	if (error->context != NULL)
		ereport(DEBUG1,
				(errmsg_internal("ordersync failed there: %s", error->context)));
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

/* Error context: which task it was. */
static void
tell_task(void *arg)
{
	const Job  *job = arg;

	errcontext("ordersync task " INT64_FORMAT " of run " INT64_FORMAT
			   ", shop " INT64_FORMAT ", %s by %s",
			   job->task->task_id, job->task->run_id, job->task->shop_id,
			   stream_name(job->task->stream), basis_name(job->task->basis));
}
