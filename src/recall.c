/*
 * recall.c
 *	  Tasks that were taken away from this worker while it has calls in flight for them.
 *
 * Who cancels a run or pauses or removes a shop takes the tokens of tasks that are
 * being read, which fences them: no page of them is stored any more.  The call that
 * such a task waits for may take as long as ordersync.request_timeout, so these
 * commits also mark the workers of the database (shmem_recall).  A worker that finds
 * the mark asks once which of its tasks are no longer its own, and breaks off their
 * calls.  Other wake-ups ask nothing.
 *
 * A claim that committed at the same moment as a pause has tasks whose tokens are good,
 * of a shop that is paused: these are given back by the same question.
 *
 * The mark is taken before the question is asked, and a question that fails is asked
 * again in a second: what is cancelled while it is being answered marks the worker anew.
 */
#include "compat.h"

#include "clock.h"
#include "queue.h"
#include "recall.h"

#define ASK_AGAIN_MS 1000

/* What ask() is given, and what it brings. */
typedef struct Question
{
	const SyncTask **tasks;
	int			n;
	bool	   *lost;
} Question;

static int64 ask_at = PG_INT64_MAX; /* by the steady clock */

static void ask(void *arg);

bool *
recall_find(Job **jobs, int n)
{
	Question	question = {palloc(sizeof(SyncTask *) * (n + 1)), n, palloc(sizeof(bool) * (n + 1))};
	DbState		state;
	ErrorData  *error;

	ask_at = PG_INT64_MAX;
	if (n == 0)
		return NULL;
	for (int i = 0; i < n; i++)
		question.tasks[i] = job_task(jobs[i]);
	switch (job_transact("asking which tasks were recalled", DB_REPEATABLE, ask, &question,
						 &state, &error))
	{
		case OUTCOME_DONE:
			return question.lost;
		case OUTCOME_NOT_READY:
			return NULL;		/* each job will find that out for itself */
		default:
			ask_at = clock_steady_ms() + ASK_AGAIN_MS;
			return NULL;
	}
}

int64
recall_next(void)
{
	return ask_at;
}

/* In a transaction. */
static void
ask(void *arg)
{
	Question   *question = arg;

	queue_recall_tasks(question->tasks, question->n, question->lost);
}
