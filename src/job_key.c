/*
 * job_key.c
 *	  Whose data key is it?  A shop's first call, before any order is asked for;
 *	  and once a day while it is good, by one task, for which no other one waits.
 *
 * The seller that the platform names is compared in SQL (settle_key); here the
 * rest of the task goes on with what that brought, or ends.
 */
#include "compat.h"

#include "job_private.h"
#include "nick.h"

static const char *foreign_seller(const RecordPage *page);
static JobStep settle_check(Job *job);
static bool key_check_unavailable(const GatewayAnswer *answer);
static void settle_key(void *arg);
static void key_checked(Job *job);

JobStep
job_key_answered(Job *job)
{
	if (job->answer->verdict == VERDICT_OK)
		job->key_outcome = "answered";
	else if (key_check_unavailable(job->answer))
		job->key_outcome = "unverified";
	else if (job->task->key_recheck && job->answer->verdict != VERDICT_UNAUTHORIZED &&
			 job->answer->verdict != VERDICT_THROTTLED)
		job->key_outcome = "unanswered";	/* the task's own calls will say what is the matter */
	else
		return job_fail_call(job);
	return settle_check(job);
}

/*
 * A key that was not verified is good once it was accepted for a call, unless
 * all that came is another seller's: nothing of that is stored, not even in quarantine.
 */
bool
job_key_seen(Job *job, JobStep *step)
{
	const char *foreign = job->page == NULL ? NULL : foreign_seller(job->page);

	if (!job->key_by_records || (!job->task->key_check && foreign == NULL))
		return true;
	job->key_outcome = foreign == NULL ? "by_records" : "answered";
	job->answer->nick = foreign == NULL ? NULL : pstrdup(foreign);
	*step = settle_check(job);
	return *step == JOB_WAITS;
}

/* The seller of a page that has none but another seller's records; NULL for any other page. */
static const char *
foreign_seller(const RecordPage *page)
{
	for (int i = 0; i < page->nrecords; i++)
	{
		const Record *record = &page->records[i];

		if (record->quarantine == NULL || record->seller_nick == NULL ||
			strcmp(record->quarantine, "foreign_seller") != 0)
			return NULL;
	}
	return page->nrecords > 0 ? page->records[0].seller_nick : NULL;
}

static JobStep
settle_check(Job *job)
{
	ErrorData  *error;

	switch (job_write(job, "settling a key check", DB_DURABLE, settle_key, &error))
	{
		case OUTCOME_DONE:
			break;
		case OUTCOME_FAILED:
			return job_fail_in_database(job, error);
		default:
			return JOB_OVER;
	}
	if (!job->key_good)
		return JOB_OVER;
	job->events.more_work = true;
	key_checked(job);
	return JOB_WAITS;
}

/* The application may not ask, or the platform has no such call: not the key's fault. */
static bool
key_check_unavailable(const GatewayAnswer *answer)
{
	return answer->verdict == VERDICT_REJECTED && answer->class != NULL &&
		(strcmp(answer->class, "permission") == 0 ||
		 strcmp(answer->class, "not_found") == 0);
}

/* In a transaction. */
static void
settle_key(void *arg)
{
	Job		   *job = arg;
	/* a call that goes on to bring its records is logged with them */
	bool		logged = strcmp(job->key_outcome, "by_records") != 0;
	char	   *state = queue_settle_key(job->task, job->key_outcome, job->answer->user_id,
										 job->answer->nick, &job->clock,
										 logged ? &job->log : NULL);

	job->key_good = state != NULL &&
		(strcmp(state, "ok") == 0 || strcmp(state, "unverified") == 0);
}

/* The rest of the task goes on with what the check brought. */
static void
key_checked(Job *job)
{
	SyncTask   *task = job->task;

	task->key_check = false;
	if (strcmp(job->key_outcome, "unanswered") == 0)
		return;					/* what was known of the key is known still */
	if (strcmp(job->key_outcome, "answered") != 0)
		task->require_seller = true;
	else if (job->answer->nick != NULL)
		/* claim left room for one more */
		task->seller_nicks[task->nseller_nicks++] =
			MemoryContextStrdup(job->context, nick_main(job->answer->nick));
}
