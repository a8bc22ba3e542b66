/*
 * job_private.h
 *	  What the files of the room "job" share; nobody else includes it.
 *
 * job.c is the story; job_page.c reads a window, job_fetch.c records by id,
 * job_count.c a count; job_secrets.c the secrets that calls carry; job_call.c is what a call brought; job_store.c stores the
 * records of pages; job_key.c the check of a data key; job_fail.c what did not
 * work out; job_transact.c the bracket that catches.
 */
#ifndef ORDERSYNC_JOB_PRIVATE_H
#define ORDERSYNC_JOB_PRIVATE_H

#include "compat.h"
#include "gateway.h"
#include "http.h"
#include "http_url.h"
#include "job.h"
#include "record.h"
#include "store.h"
#include "window.h"

/* What a page of records is settled by: a window's page, a record by its id. */
typedef struct PageKind
{
	const char *activity;
	void		(*take) (Job *job); /* in the page transaction, behind its rows: what they mean to the task */
	void		(*settle) (Job *job);	/* in it, last */
	JobStep		(*settled) (Job *job);	/* it is committed */
} PageKind;

struct Job
{
	MemoryContext context;
	MemoryContext page_context;
	MemoryContext walk_context;
	SyncTask   *task;
	Claim		claim;			/* with the sealed secrets */
	const GatewayProtocol *protocol;
	GatewayFault gateway_fault; /* of the gateway's options; option is NULL: none */
	bool		needs_secret;	/* calls are signed with the application secret */
	bool		key_by_records; /* no call says whose the data key is: the records do */
	const GatewayList *list;

	/* the walk; window is NULL until the key was checked, and after a cut */
	Window	   *window;
	WindowPlan	plan;
	int			page_size;		/* shrinks; handed back with the task */
	bool		shrunk;
	char	   *walk;			/* as the last settled page left it */

	JobEvents	events;			/* of the last step */
	void	   *holder;

	/* the call in hand, all of it in page_context */
	GatewayCall call;
	GatewayRequest request;
	HttpRequest *http;
	CallReply	reply;
	int64		received_ms;	/* steady clock */
	BreakerCall breaker_call;
	bool		begun;			/* the breaker waits to be told of it */
	BreakerStop stop;			/* what it has said then */
	GatewayAnswer *answer;
	ClockReading clock;
	CallLog		log;
	RecordPage *page;			/* NULL: the answer has no records */
	const PageKind *kind;
	const char *source;			/* apply's word for the list that the page is of */
	WindowAnswer list_answer;	/* what the walk is to be told of the page */
	int			end_second;		/* the page's last records: the next window's, see job_page.c */
	WindowStep	step;

	/* what the page or failure transaction is to write, and what came of it */
	Settlement	settlement;
	Failure		failure;
	int64		retry_ms;		/* as fail() decided */
	const char *key_outcome;
	bool		key_good;
	bool		count_continues;
	PageCounts	counts;
};

/* Is its next call the one that asks whose the data key is? */
static inline bool
job_checks_key(const Job *job)
{
	return job->task->key_check && !job->key_by_records;
}

/* What to call for next, false for nothing; and what a good answer means. */
extern bool job_page_next(Job *job);
extern JobStep job_page_answered(Job *job);
extern bool job_fetch_next(Job *job);
extern JobStep job_fetch_answered(Job *job);	/* also one that was invalid */
extern bool job_count_next(Job *job);
extern JobStep job_count_answered(Job *job);

/* job_secrets.c: all secrets into the job's context; NULL, or a class and a line for people. */
extern const char *job_open_secrets(Job *job, char **why);
extern void job_wipe_secrets(Job *job);

/* job_call.c: what came back, judged, with the platform's clock and the log's line. */
extern void job_read_reply(Job *job);
extern void job_write_log(Job *job);

/* job_call.c: what an answer that is not ok says of the gateway. */
extern BreakerOutcome job_outcome(const Job *job);

/* job_call.c: when the call in hand began, by the platform's clock, epoch milliseconds. */
extern int64 job_call_began_ms(const Job *job);

/* job_key.c: the answer to "whose data key is this?". */
extern JobStep job_key_answered(Job *job);

/*
 * job_key.c: a good answer of a gateway that does not say whose a data key is,
 * its records split.  False: the job is over, or *step says what else it is.
 */
extern bool job_key_seen(Job *job, JobStep *step);

/* job_fail.c: for no call, for a call that was not ok, for a page that was rolled back. */
extern JobStep job_fail_before_call(Job *job, Verdict verdict, const char *class,
									const char *message);
extern JobStep job_fail_secret(Job *job, const char *class, const char *message);
extern JobStep job_fail_call(Job *job);
extern JobStep job_fail_malformed(Job *job, const char *message);
extern JobStep job_fail_in_database(Job *job, const ErrorData *error);

/* job_transact.c: a transaction of one job, or of several; only the first logs its error. */
extern Outcome job_write(Job *job, const char *activity, DbDurability durability,
						 void (*body) (void *), ErrorData **error);
extern Outcome job_attempt(Job **jobs, int n, const char *activity, DbDurability durability,
						   void (*body) (void *), void *subject, ErrorData **error);
extern void job_log_error(const char *activity, const ErrorData *error, int level);

/* job_transact.c: a page is committed and left its task at walk; the next call waits. */
extern JobStep job_continue(Job *job, const char *walk);

#endif							/* ORDERSYNC_JOB_PRIVATE_H */
