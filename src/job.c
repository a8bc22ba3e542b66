/*
 * job.c
 *	  One claimed task's life.
 *
 *	job_open	secrets opened, protocol found; no transaction is open from here on
 *	job_submit	build and sign (protocol), submit (http)
 *	  ... the worker waits, many jobs in flight ...
 *	job_answered	classify; then one of
 *		T2		quarantine and apply the page, settle the task, one commit
 *		T3		fail: verdict, class, back-off
 *	and again, until the window's walk has ended, or a failure gives the task
 *	back to the queue: whoever claims it next goes on from its saved walk.
 *
 * A job holds nothing in the database while it waits: not a transaction, not
 * a lock.  That it still owns its task is checked by the token in T2 and T3;
 * one that was cancelled or taken over finds itself fenced and ends quietly,
 * its page rolled back.
 *
 * Failures of the other side are values (Verdict).  Refusals of the database
 * arrive in job_transact(), the only place in the house that catches.  What
 * fails in T3 again and again is not for us to judge: it ends the worker, and
 * its tasks are free because their owner is dead.
 *
 * Memory: the job's context lives from claim to close; inside it "page" is
 * reset for every call (and takes the curl handle along), "walk" holds the
 * window and is renewed when the task is cut.
 */
#include "compat.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "clock.h"
#include "gateway.h"
#include "guc.h"
#include "http.h"
#include "job.h"
#include "pace.h"
#include "record.h"
#include "secret.h"
#include "shmem.h"
#include "store.h"
#include "window.h"

/* How often T3 is tried when it meets a conflict. */
#define FAIL_TRIES 5

/* Bytes of an answer that are kept for people when it was not ok. */
#define EXCERPT_SIZE 2048

struct Job
{
	MemoryContext context;
	MemoryContext page_context;
	MemoryContext walk_context;
	SyncTask   *task;
	const bytea *sealed_data_key;
	const bytea *sealed_app_secret;
	const GatewayProtocol *protocol;
	const GatewayList *list;

	/* the walk; window is NULL until the key was checked, and after a cut */
	Window	   *window;
	WindowPlan	plan;
	int			page_size;		/* shrinks; handed back with the task */
	bool		shrunk;
	char	   *walk;			/* as the last settled page left it */

	JobNews		news;			/* of the last step */
	void	   *holder;

	/* the call in hand, all of it in page_context */
	GatewayCall call;
	GatewayRequest request;
	HttpRequest *http;
	HttpReply	reply;
	GatewayAnswer *answer;
	ClockReading clock;
	CallLog		log;
	RecordPage *page;
	WindowStep	step;

	/* what T2 or T3 is to write, and what came of it */
	Settlement	settlement;
	Failure		failure;
	const char *key_outcome;
	bool		key_good;
	StoreCounts counts;
};

static bool open_secrets(Job *job, char **why);
static char *open_one(const bytea *sealed, const char *kind, const char *name,
					  MemoryContext context, char **why);
static JobStep fail_before_call(Job *job, Verdict verdict, const char *class,
								const char *message);
static bool next_call(Job *job);
static bool open_window(Job *job);
static JobStep settle_empty(Job *job);

static void read_reply(Job *job);
static void read_clock(Job *job);
static void write_log(Job *job);
static char *excerpt(Job *job);
static void redact(char *said, const SyncTask *task);

static JobStep key_answered(Job *job);
static bool key_cannot_be_checked(const GatewayAnswer *answer);
static void key_checked(Job *job);
static void settle_key(void *arg);

static JobStep page_answered(Job *job);
static void take_page(Job *job);
static int64 time_of(const Record *record, Basis basis);
static int64 key_of(const Record *record);
static void plan_settlement(Job *job);
static void store_and_settle(void *arg);
static JobStep page_settled(Job *job);

static JobStep fail_call(Job *job);
static JobStep fail_in_database(Job *job, const ErrorData *error);
static void write_failure(Job *job);
static void fail(void *arg);
static void tell_error(const char *activity, const ErrorData *error);
static bool is_conflict(const ErrorData *error);
static int64 backoff_ms(const Job *job);
static void tell_task(void *arg);
static Outcome transact(Job *job, const char *activity, DbDurability durability,
						void (*work) (void *), ErrorData **error);

Job *
job_open(const Claim *claim, void *holder)
{
	MemoryContext before = MemoryContextSwitchTo(claim->context);
	Job		   *job = palloc0(sizeof(Job));

	job->context = claim->context;
	job->page_context = AllocSetContextCreate(job->context, "ordersync page",
											  ALLOCSET_DEFAULT_SIZES);
	job->walk_context = AllocSetContextCreate(job->context, "ordersync walk",
											  ALLOCSET_SMALL_SIZES);
	job->holder = holder;
	job->task = claim->task;
	job->sealed_data_key = claim->sealed_data_key;
	job->sealed_app_secret = claim->sealed_app_secret;
	job->protocol = claim->task->gateway->protocol ?
		gateway_protocol(claim->task->gateway->protocol) : NULL;
	job->page_size = claim->task->gateway->page_size;
	job->walk = claim->task->walk;
	MemoryContextSwitchTo(before);
	return job;
}

void
job_close(Job *job)
{
	secret_wipe(job->task->data_key);
	secret_wipe(job->task->gateway->app_secret);
	MemoryContextDelete(job->context);
}

const Gateway *
job_gateway(const Job *job)
{
	return job->task->gateway;
}

const JobNews *
job_news(const Job *job)
{
	return &job->news;
}

JobStep
job_submit(Job *job)
{
	char	   *why;

	MemoryContextReset(job->page_context);
	MemoryContextSwitchTo(job->page_context);
	job->http = NULL;
	job->answer = NULL;
	job->page = NULL;
	memset(&job->news, 0, sizeof(job->news));

	if (job->task->data_key == NULL && !open_secrets(job, &why))
		return fail_before_call(job, VERDICT_UNAUTHORIZED, "key_unreadable", why);
	if (job->protocol == NULL)
		return fail_before_call(job, VERDICT_REJECTED, "parameters",
								"the gateway's protocol is not one that this version speaks");
	if (job->task->stream == STREAM_DETAILS)
		return fail_before_call(job, VERDICT_REJECTED, "parameters",
								"this version does not fetch records one by one");
	if (!next_call(job))
		return settle_empty(job);

	memset(&job->request, 0, sizeof(job->request));
	job->protocol->build(&job->call,
						 clock_epoch_ms() + job->task->gateway->clock_offset_ms,
						 &job->request);
	if (job->request.error != NULL)
		return fail_before_call(job, VERDICT_REJECTED, "parameters", job->request.error);
	why = http_refusal(job->request.url);
	if (why != NULL)
		return fail_before_call(job, VERDICT_REJECTED, "refused", why);

	job->http = http_submit(job->request.url, job->request.body, job->request.body_len,
							job->task->gateway->proxy, job->holder);
	shmem_called();
	return JOB_CALLS;
}

/* Both secrets into the job's context; false with a line for people when one stays shut. */
static bool
open_secrets(Job *job, char **why)
{
	SyncTask   *task = job->task;
	char		shop[32];

	snprintf(shop, sizeof(shop), INT64_FORMAT, task->shop_id);
	task->gateway->app_secret = open_one(job->sealed_app_secret, "app_secret",
										 task->gateway->name, job->context, why);
	if (task->gateway->app_secret == NULL)
		return false;
	task->data_key = open_one(job->sealed_data_key, "data_key", shop, job->context, why);
	return task->data_key != NULL;
}

static char *
open_one(const bytea *sealed, const char *kind, const char *name,
		 MemoryContext context, char **why)
{
	MemoryContext before;
	char	   *plain;

	if (sealed == NULL)
	{
		*why = psprintf("no %s of %s is stored", kind, name);
		return NULL;
	}
	before = MemoryContextSwitchTo(context);
	plain = secret_open(sealed, psprintf("%s/%s", kind, name), why);
	MemoryContextSwitchTo(before);
	if (plain == NULL)
		*why = psprintf("the %s of %s cannot be opened: %s", kind, name, *why);
	return plain;
}

/* T3 for what no call was made for. */
static JobStep
fail_before_call(Job *job, Verdict verdict, const char *class, const char *message)
{
	memset(&job->failure, 0, sizeof(job->failure));
	job->failure.verdict = verdict;
	job->failure.class = class;
	job->failure.message = message;
	job->failure.retry_ms = backoff_ms(job);
	job->failure.charge = verdict == VERDICT_REJECTED;
	job->failure.walk = job->walk;
	write_failure(job);
	return JOB_OVER;
}

/* Decides what is asked next; false when there is nothing to ask for (yet). */
static bool
next_call(Job *job)
{
	memset(&job->call, 0, sizeof(job->call));
	job->call.task = job->task;
	if (job->task->key_check)
	{
		job->call.kind = CALL_WHOAMI;
		return true;
	}
	if (job->window == NULL && !open_window(job))
		return false;
	job->call.kind = CALL_LIST;
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

	job->list = job->protocol->list(task->stream, task->basis);
	job->plan.since = task->since;
	job->plan.until = Min(task->until, platform_now - guc_lag_s);
	job->plan.page_size = job->list != NULL ?
		Min(job->page_size, job->list->max_page_size) : job->page_size;
	job->plan.sorted = job->list != NULL && job->list->sorted;
	job->plan.totals = job->list == NULL || job->list->totals;
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

/* A window that lies in the future: read without a call, closes nothing. */
static JobStep
settle_empty(Job *job)
{
	ErrorData  *error;

	memset(&job->settlement, 0, sizeof(job->settlement));
	job->settlement.state = "succeeded";
	job->settlement.verdict = "fresh";
	if (transact(job, "settling a task", DB_REPEATABLE, store_and_settle,
				 &error) == OUTCOME_FAILED)
		return fail_in_database(job, error);
	return JOB_OVER;
}

JobStep
job_answered(Job *job)
{
	JobStep		step;

	MemoryContextSwitchTo(job->page_context);
	read_reply(job);
	if (job->call.kind == CALL_WHOAMI)
		step = key_answered(job);
	else if (job->answer->verdict == VERDICT_OK)
		step = page_answered(job);
	else
		step = fail_call(job);
	return step;
}

/* What came back, judged; with the platform's clock and the line for the log. */
static void
read_reply(Job *job)
{
	GatewayReply reply = {0};

	http_reply(job->http, &job->reply);
	reply.net_error = job->reply.net_error;
	reply.net_message = job->reply.net_message;
	reply.timed_out = job->reply.timed_out;
	reply.too_large = job->reply.too_large;
	reply.http_status = job->reply.http_status;
	reply.body = job->reply.body;
	reply.body_len = job->reply.body_len;

	job->answer = palloc0(sizeof(GatewayAnswer));
	job->protocol->classify(&job->call, &reply, job->answer);
	redact(job->answer->message, job->task);
	redact(job->answer->msg, job->task);
	redact(job->answer->sub_msg, job->task);
	shmem_count(COUNTER_BYTES, (int64) job->reply.body_len);
	read_clock(job);
	write_log(job);
}

/*
 * The Date of the answer is a whole second that was true at some moment of the
 * call.  Only when no moment of it agrees with the offset that we know has the
 * platform's clock moved: then the middle is the best guess.
 */
static void
read_clock(Job *job)
{
	Gateway    *gateway = job->task->gateway;
	int64		date_ms = job->reply.date_s * 1000;
	int64		lowest = date_ms - (job->reply.started_ms + job->reply.duration_ms);
	int64		highest = date_ms + 1000 - job->reply.started_ms;

	memset(&job->clock, 0, sizeof(job->clock));
	if (job->reply.date_s == 0 ||
		(gateway->clock_offset_ms >= lowest - 1000 &&
		 gateway->clock_offset_ms <= highest + 1000))
		return;
	gateway->clock_offset_ms = lowest + (highest - lowest) / 2;
	job->clock.moved = true;
	job->clock.offset_ms = gateway->clock_offset_ms;
}

static void
write_log(Job *job)
{
	const GatewayAnswer *answer = job->answer;
	const GatewayCall *call = &job->call;
	CallLog    *log = &job->log;

	memset(log, 0, sizeof(*log));
	log->method = job->request.method;
	log->paged = call->kind == CALL_LIST;
	log->window_since = call->ask.start;
	log->window_until = call->ask.end;
	log->page_no = call->ask.page_no;
	log->page_size = call->ask.page_size;
	log->use_has_next = call->ask.use_has_next;
	log->verdict = answer->verdict;
	log->http_status = job->reply.http_status;
	log->code = answer->code;
	log->msg = answer->msg;
	log->sub_code = answer->sub_code;
	log->sub_msg = answer->sub_msg;
	log->request_id = answer->request_id;
	log->total = answer->total;
	log->has_next = answer->has_next;
	log->bytes = (int64) job->reply.body_len;
	log->started_ms = job->reply.started_ms;
	log->duration_ms = job->reply.duration_ms;
	log->answer = answer->verdict == VERDICT_OK ? NULL : excerpt(job);
}

/* The beginning of an answer, without personal data and without our keys. */
static char *
excerpt(Job *job)
{
	char	   *text;

	if (job->reply.body_len == 0)
		return NULL;
	text = record_excerpt(job->reply.body, job->reply.body_len, EXCERPT_SIZE);
	redact(text, job->task);
	return text;
}

/* Platforms like to quote the key that they refuse. */
static void
redact(char *said, const SyncTask *task)
{
	if (said != NULL)
		gateway_redact(said, task);
}

/* Whose data key is it?  A shop's first call; no order is asked for before. */
static JobStep
key_answered(Job *job)
{
	ErrorData  *error;

	if (job->answer->verdict == VERDICT_OK)
		job->key_outcome = "answered";
	else if (key_cannot_be_checked(job->answer))
		job->key_outcome = "unverified";
	else
		return fail_call(job);

	switch (transact(job, "settling a key check", DB_DURABLE, settle_key, &error))
	{
		case OUTCOME_DONE:
			break;
		case OUTCOME_FAILED:
			return fail_in_database(job, error);
		default:
			return JOB_OVER;
	}
	if (!job->key_good)
		return JOB_OVER;
	job->news.more_work = true;
	key_checked(job);
	return JOB_WAITS;
}

/* The application may not ask, or the platform has no such call: not the key's fault. */
static bool
key_cannot_be_checked(const GatewayAnswer *answer)
{
	return answer->verdict == VERDICT_REJECTED && answer->class != NULL &&
		(strcmp(answer->class, "permission") == 0 ||
		 strcmp(answer->class, "not_found") == 0 ||
		 answer->code == 22);
}

/* In a transaction. */
static void
settle_key(void *arg)
{
	Job		   *job = arg;
	char	   *state = queue_settle_key(job->task, job->key_outcome, job->answer->user_id,
										 job->answer->nick, &job->clock, &job->log);

	job->key_good = state != NULL &&
		(strcmp(state, "ok") == 0 || strcmp(state, "unverified") == 0);
}

/* The rest of the task goes on with what the check brought. */
static void
key_checked(Job *job)
{
	SyncTask   *task = job->task;

	task->key_check = false;
	if (strcmp(job->key_outcome, "unverified") == 0)
		task->require_seller = true;
	else if (job->answer->nick != NULL)
	{
		char	   *nick = MemoryContextStrdup(job->context, job->answer->nick);
		char	   *colon = strchr(nick, ':');

		/* a sub-account's "main:sub" is main's; claim left room for one more */
		if (colon != NULL)
			*colon = '\0';
		task->seller_nicks[task->nseller_nicks++] = nick;
	}
}

/* A page of the window: take it in, then store and settle it in one commit. */
static JobStep
page_answered(Job *job)
{
	ErrorData  *error;

	take_page(job);
	if (job->step == WINDOW_MALFORMED)
	{
		job->answer->verdict = VERDICT_MALFORMED;
		job->answer->class = "malformed";
		job->answer->message = "the answer contradicts itself";
		write_log(job);
		job->log.records = job->page->nrecords;
		return fail_call(job);
	}
	plan_settlement(job);

	switch (transact(job, "storing a page", DB_REPEATABLE, store_and_settle, &error))
	{
		case OUTCOME_DONE:
			return page_settled(job);
		case OUTCOME_FAILED:
			return fail_in_database(job, error);
		default:
			return JOB_OVER;
	}
}

/* Splits the page and lets the window decide what it means. */
static void
take_page(Job *job)
{
	const SyncTask *task = job->task;
	WindowAnswer answer;
	WindowRecord *records;
	MemoryContext before;

	job->page = record_split(job->answer->list, job->answer->list_len, task->stream,
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
	answer.total = job->answer->total;
	answer.has_next = job->answer->has_next;
	answer.nrecords = job->page->nrecords;
	answer.records = records;

	before = MemoryContextSwitchTo(job->walk_context);
	job->step = window_take(job->window, &answer);
	MemoryContextSwitchTo(before);
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
	return WINDOW_NO_TIME;
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
			s->verdict = "counted";
			s->closed = true;
			break;
		case WINDOW_UNPROVEN:
			s->state = "succeeded";
			s->verdict = "unproven";
			s->closed = true;
			break;
		case WINDOW_FRESH:
			s->state = "succeeded";
			s->verdict = "fresh";
			break;
		case WINDOW_SHORT:
			s->state = "incomplete";
			s->verdict = "short";
			s->closed = true;
			break;
		case WINDOW_MALFORMED:
			elog(ERROR, "a malformed page is not settled");
	}
}

/* T2: the rows, the task's cursor, the coverage and the log; all or nothing. */
static void
store_and_settle(void *arg)
{
	Job		   *job = arg;
	Settlement *s = &job->settlement;

	memset(&job->counts, 0, sizeof(job->counts));
	if (job->page != NULL && job->page->nrecords > 0)
		store_page(job->task, job->task->stream, job->list->source, job->page,
				   &job->counts);
	s->page_new = job->counts.records_new;
	s->page_changed = job->counts.changed;
	s->page_unchanged = job->counts.unchanged;
	s->page_quarantined = job->counts.quarantined;
	queue_settle(job->task, s);
}

/* It is committed: count it, and go on where it leaves us. */
static JobStep
page_settled(Job *job)
{
	shmem_count(COUNTER_PAGES, 1);
	shmem_count(COUNTER_RECORDS, job->page->nrecords);
	shmem_count(COUNTER_RECORDS_WRITTEN, job->counts.records_new + job->counts.changed);

	if (job->step == WINDOW_MORE)
	{
		/* as settle does: no progress, no new attempts */
		if (job->walk == NULL || strcmp(job->walk, job->settlement.walk) != 0)
			job->task->attempt = 0;
		if (job->walk != NULL)
			pfree(job->walk);
		job->walk = MemoryContextStrdup(job->context, job->settlement.walk);
		return JOB_WAITS;
	}
	if (job->step == WINDOW_CUT)
	{
		/* the newest part stays with us; the window is opened anew for it */
		int			n = job->settlement.ncuts;

		job->task->attempt = 0;
		job->task->since = job->settlement.cuts[n - 2];
		job->task->until = job->settlement.cuts[n - 1];
		job->task->may_cut = false;
		job->walk = NULL;
		job->window = NULL;
		job->news.more_work = true;
		return JOB_WAITS;
	}
	shmem_count(COUNTER_TASKS, 1);
	return JOB_OVER;
}

/* T3 for a call that did not end ok. */
static JobStep
fail_call(Job *job)
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
	failure->charge = answer->verdict != VERDICT_THROTTLED &&
		answer->verdict != VERDICT_UNAUTHORIZED;
	failure->retry_ms = backoff_ms(job);
	failure->walk = job->walk;
	failure->page_size = job->shrunk ? job->page_size : 0;
	failure->clock = job->clock;
	failure->call = &job->log;

	if (answer->verdict == VERDICT_THROTTLED)
	{
		if (answer->ban_ms > 0)
			failure->retry_ms = answer->ban_ms;
		job->news.ban_ms = failure->retry_ms;
	}
	/* it was our clock, and now we know better */
	if (job->clock.moved && answer->class != NULL && strcmp(answer->class, "clock") == 0)
		failure->retry_ms = 1;

	write_failure(job);
	return JOB_OVER;
}

/*
 * T3 after T2 was rolled back.  A conflict or a cancel says nothing against
 * the task: soon again, uncharged.
 */
static JobStep
fail_in_database(Job *job, const ErrorData *error)
{
	Failure    *failure = &job->failure;

	memset(failure, 0, sizeof(*failure));
	failure->verdict = VERDICT_RETRY;
	failure->class = "database";
	failure->message = error->message;
	failure->retry_ms = backoff_ms(job);
	failure->charge = !is_conflict(error);
	failure->walk = job->walk;
	failure->page_size = job->shrunk ? job->page_size : 0;
	failure->clock = job->clock;
	failure->call = job->answer != NULL ? &job->log : NULL;
	write_failure(job);
	return JOB_OVER;
}

void
job_give_back(Job *job, int64 retry_ms)
{
	Failure    *failure = &job->failure;

	MemoryContextSwitchTo(job->page_context);
	memset(failure, 0, sizeof(*failure));
	failure->verdict = VERDICT_THROTTLED;
	failure->class = "throttled";
	failure->message = "the platform asked for no calls for a while";
	failure->retry_ms = retry_ms;
	failure->walk = job->walk;
	failure->page_size = job->shrunk ? job->page_size : 0;
	write_failure(job);
}

/* T3.  It must not get lost: a conflict is tried again, anything else ends the worker. */
static void
write_failure(Job *job)
{
	ErrorData  *error = NULL;

	shmem_failed(job->failure.class ? job->failure.class : "unknown");
	for (int i = 0; i < FAIL_TRIES; i++)
	{
		if (transact(job, "noting a failure", DB_DURABLE, fail, &error) != OUTCOME_FAILED)
			return;
		if (!is_conflict(error))
			break;
	}
	ReThrowError(error);
}

/* In a transaction. */
static void
fail(void *arg)
{
	Job		   *job = arg;

	queue_fail(job->task, &job->failure);
}

/* A job's transaction: errors say which task it was, and a lost task is known as such. */
static Outcome
transact(Job *job, const char *activity, DbDurability durability,
		 void (*work) (void *), ErrorData **error)
{
	ErrorContextCallback callback;
	Outcome		outcome;

	callback.callback = tell_task;
	callback.arg = job;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	outcome = job_transact(activity, durability, work, job, NULL, error);
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
	if (outcome == OUTCOME_FAILED)
		tell_error(activity, *error);

	MemoryContextSwitchTo(context);
	return outcome;
}

/*
 * One line for the log instead of pages of context, which quote every
 * statement on the way; DEBUG1 has it all.
 */
static void
tell_error(const char *activity, const ErrorData *error)
{
	ereport(is_conflict(error) ? DEBUG1 : LOG,
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
static bool
is_conflict(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
		error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_DISK_FULL;
}

/* Before the next attempt. */
static int64
backoff_ms(const Job *job)
{
	return pace_backoff_ms(Max(job->task->attempt, 1), guc_retry_base_ms,
						   Max(guc_retry_cap_ms, guc_retry_base_ms),
						   pg_prng_double(&pg_global_prng_state));
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
