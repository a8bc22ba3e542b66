/*
 * job.h
 *	  One claimed task's life, from its claim to its settlement.
 */
#ifndef ORDERSYNC_JOB_H
#define ORDERSYNC_JOB_H

#include "breaker.h"
#include "call_limits.h"
#include "db.h"
#include "queue.h"
#include "task.h"

typedef struct Job Job;

/* What a job wants after a step. */
typedef enum JobStep
{
	JOB_WAITS,					/* its next call is to be submitted */
	JOB_CALLS,					/* its call is in flight */
	JOB_STORES,					/* its page is to be stored, by job_store() */
	JOB_OVER					/* to be closed */
} JobStep;

/* How a transaction came out. */
typedef enum Outcome
{
	OUTCOME_DONE,
	OUTCOME_NOT_READY,			/* nothing done: no extension of ours here; see db.h */
	OUTCOME_FENCED,				/* rolled back: the task is no longer ours */
	OUTCOME_FAILED				/* rolled back: the database refused */
} Outcome;

/*
 * Runs work(subject) in a transaction of its own.  FAILED leaves the error in
 * *error, in the caller's memory context; everything else leaves NULL there.
 * The state of the database goes to *state unless that is NULL.
 */
extern Outcome job_transact(const char *activity, DbDurability durability,
							void (*body) (void *), void *subject,
							DbState *state, ErrorData **error);

/* Does the error say nothing against what was tried: deadlock, cancel, a lock held long? */
extern bool job_is_conflict(const ErrorData *error);

/* What the worker should know of a job's last step. */
typedef struct JobEvents
{
	int64		ban_ms;			/* how long no calls are made where the platform did not say for how long; 0:
								 * nothing is banned, or it said so (job_received()) */
	bool		ban_method;		/* only calls of the same method */
	bool		more_work;		/* there are tasks now that were not claimable before */
	bool		key_file;		/* the key file could not be used */
	bool		lost;			/* the task could be neither settled nor failed */
} JobEvents;

/* Takes a claim over; its context becomes the job's.  holder comes back from http_read(). */
extern Job *job_open(const Claim *claim, void *holder);

/* Builds, signs and submits the next call. */
extern JobStep job_submit(Job *job);

/* What a call that has ended came to. */
typedef struct CallEnd
{
	Verdict		verdict;
	const char *class;			/* NULL when ok */
	bool		banned;
	int64		ban_ms;			/* for how long; 0: not said */
	bool		ban_method;		/* only the call's method */
} CallEnd;

/* The job's call has ended: judges the answer at once, however long it then waits to be stored. */
extern void job_received(Job *job, CallEnd *end);

/* Then: settles or fails what brought no records. */
extern JobStep job_answered(Job *job);

/* So many answers go into one transaction at most. */
#define JOB_MAX_BATCH 16

/* Both calls have ended: may what they brought be stored in one transaction? */
extern bool job_can_join(const Job *job, const Job *other);

/* Has the call brought so little that its transaction is the most of what it costs? */
extern bool job_is_small(const Job *job);

/* Bytes of the answer to a call that has ended. */
extern size_t job_answer_bytes(const Job *job);

/*
 * Stores what the calls of jobs that go with each other brought and settles or
 * fails their tasks: together, or where that fails each by itself.  steps: of
 * each job.
 */
extern void job_store(Job **jobs, int n, JobStep *steps);

/* It may make no calls for longer than waiting is worth: back to the queue, uncharged. */
extern void job_release(Job *job, CallTurn turn, const char *method, int64 retry_ms);

/* Calls like its next one fail: back to the queue, untouched. */
extern void job_give_back(Job *job, const BreakerStop *stop, const char *method);

/* What the gateway's breaker is to know of its next call; filled in. */
extern BreakerCall *job_breaker_call(Job *job);

/* Tells it what that call says of the gateway; only the first time counts. */
extern void job_judge(Job *job, BreakerOutcome outcome);

/* Forgets it, whatever it was doing; a call in flight is broken off. */
extern void job_close(Job *job);

extern const Gateway *job_gateway(const Job *job);
extern const SyncTask *job_task(const Job *job);	/* lives as long as the job */

/* The method of its next call; "" when there will be none. */
extern const char *job_next_method(const Job *job);
extern void *job_holder(const Job *job);	/* as given to job_open() */
extern int64 job_run(const Job *job);
extern const JobEvents *job_events(const Job *job);

#endif							/* ORDERSYNC_JOB_H */
