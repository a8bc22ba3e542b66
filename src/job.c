/*
 * job.c
 *	  One claimed task's life, whatever it is: windows are read by job_page.c,
 *	  records by id by job_fetch.c, counts by job_count.c.
 *
 *	job_open	secrets opened, protocol found; no transaction is open from here on
 *	job_submit	build and sign (protocol), submit (http)
 *	  ... the worker waits, many jobs in flight ...
 *	job_received	classify
 *	  ... it may wait for answers that came before ...
 *	job_answered	one of
 *		page transaction	what came is compared or counted, the task settled,
 *							one commit
 *		failure transaction	verdict, class, back-off
 *		job_store			the page transaction of records, those of other jobs
 *							with it where they fit
 *	and again, until nothing is left to ask for, or a failure gives the task
 *	back to the queue: whoever claims it next goes on from its saved walk.
 *
 * A job holds nothing in the database while it waits: not a transaction, not
 * a lock.  That it still owns its task is checked by the token in both
 * transactions; one that was cancelled or taken over finds itself fenced and ends quietly,
 * its page rolled back.
 *
 * Failures of the other side are values (Verdict).  Refusals of the database
 * arrive in job_transact(), the only place that catches errors.
 *
 * Memory: the job's context lives from claim to close; inside it "page" is
 * reset for every call (and takes the curl handle along), "walk" holds the
 * window and is renewed when the task is cut.
 */
#include "compat.h"

#include "utils/memutils.h"

#include "clock.h"
#include "job_private.h"
#include "shmem.h"

static bool goes_to_gateway(const Job *job);
static void prepare_gateway(Job *job);
static void post_of(const Job *job, const HttpRoute *route, HttpPost *post);
static CallKind next_kind(const Job *job);
static bool next_call(Job *job);
static JobStep settle_empty(Job *job);
static JobStep read_answer(Job *job);
static void settle_nothing(void *arg);

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
	job->claim = *claim;
	job->protocol = claim->task->gateway->protocol ?
		gateway_protocol(claim->task->gateway->protocol) : NULL;
	job->page_size = claim->task->gateway->page_size;
	job->walk = claim->task->walk;
	if (job->protocol != NULL)
		prepare_gateway(job);
	MemoryContextSwitchTo(before);
	return job;
}

/* What the protocol needs to know of the gateway, in the job's context. */
static void
prepare_gateway(Job *job)
{
	Gateway    *gateway = job->task->gateway;
	GatewayCall whoami = {.kind = CALL_WHOAMI, .task = job->task};

	if (job->protocol->prepare != NULL && !job->protocol->prepare(gateway, &job->gateway_fault))
		return;
	job->needs_secret = job->protocol->needs_secret(gateway);
	/* where nobody says whose the data key is, each record must say whose it is */
	job->key_by_records = job->protocol->serves(&whoami) == NULL;
	job->task->require_seller |= job->key_by_records;
}

void
job_close(Job *job)
{
	job_judge(job, BREAKER_NOTHING);
	job_wipe_secrets(job);
	MemoryContextDelete(job->context);
}

const Gateway *
job_gateway(const Job *job)
{
	return job->task->gateway;
}

const SyncTask *
job_task(const Job *job)
{
	return job->task;
}

void *
job_holder(const Job *job)
{
	return job->holder;
}

int64
job_run(const Job *job)
{
	return job->task->run_id;
}

size_t
job_answer_bytes(const Job *job)
{
	return http_body_bytes(job->http);
}

const JobEvents *
job_events(const Job *job)
{
	return &job->events;
}

JobStep
job_submit(Job *job)
{
	HttpRoute	route;
	HttpRefusal refusal;
	HttpPost	post;
	const char *class;
	char	   *why;

	MemoryContextReset(job->page_context);
	MemoryContextSwitchTo(job->page_context);
	job->http = NULL;
	job->answer = NULL;
	job->page = NULL;
	job->end_second = 0;
	memset(&job->events, 0, sizeof(job->events));

	if (job->protocol == NULL)
		return job_fail_before_call(job, VERDICT_REJECTED, "parameters",
									"the gateway's protocol is not supported by this version");
	if (job->gateway_fault.option != NULL)
		return job_fail_before_call(job, VERDICT_REJECTED, "parameters",
									psprintf("the gateway's option \"%s\" is not valid", job->gateway_fault.option));
	if (job->task->data_key == NULL && (class = job_open_secrets(job, &why)) != NULL)
		return job_fail_secret(job, class, why);
	if (!next_call(job))
		return settle_empty(job);

	memset(&job->request, 0, sizeof(job->request));
	job->protocol->build(&job->call,
						 clock_epoch_ms() + job->task->gateway->clock_offset_ms,
						 &job->request);
	if (job->request.error != NULL)
		return job_fail_before_call(job, VERDICT_REJECTED, "parameters", job->request.error);
	if (!http_route(job->request.url, job->task->gateway->proxy, &route, &refusal))
		return job_fail_before_call(job, VERDICT_REJECTED, "refused", refusal.message);
	if (!goes_to_gateway(job))
		return job_fail_before_call(job, VERDICT_REJECTED, "refused",
									"the call would not go to the host and port of the gateway's base_url");

	post_of(job, &route, &post);
	job->http = http_submit(&post, job->holder);
	shmem_called();
	return JOB_CALLS;
}

const char *
job_next_method(const Job *job)
{
	GatewayCall call = {.kind = next_kind(job), .task = job->task, .details_of = job->task->details_of};
	const GatewayList *list = job->protocol != NULL ? job->protocol->serves(&call) : NULL;

	return list != NULL ? list->method : "";
}

static CallKind
next_kind(const Job *job)
{
	const SyncTask *task = job->task;

	if (job_checks_key(job))
		return CALL_WHOAMI;
	if (task->stream == STREAM_DETAILS)
		return task->by_order ? CALL_REFUNDS_OF_ORDER : CALL_DETAILS;
	return CALL_LIST;
}

/* The secrets are for where base_url leads, whatever a protocol made of it. */
static bool
goes_to_gateway(const Job *job)
{
	const Gateway *gateway = job->task->gateway;
	char	   *to;
	char	   *meant;

	if (strcmp(job->request.url, gateway->base_url) == 0)
		return true;
	to = http_destination(job->request.url, NULL);
	meant = http_destination(gateway->base_url, NULL);
	return to != NULL && meant != NULL && strcmp(to, meant) == 0;
}

static void
post_of(const Job *job, const HttpRoute *route, HttpPost *post)
{
	post->url = job->request.url;
	post->body = job->request.body;
	post->body_len = job->request.body_len;
	post->content_type = job->request.content_type;
	post->nheaders = job->task->gateway->nheaders;
	post->headers = job->task->gateway->headers;
	post->proxy = job->task->gateway->proxy;
	post->proxy_password = job->task->gateway->proxy_password;
	post->any_address = route->any_address;
}

/* Decides what is asked next; false when there is nothing to ask for (yet). */
static bool
next_call(Job *job)
{
	memset(&job->call, 0, sizeof(job->call));
	job->call.task = job->task;
	job->call.kind = next_kind(job);
	if (job->call.kind == CALL_WHOAMI)
		return true;
	if (job->task->stream == STREAM_DETAILS)
		return job_fetch_next(job);
	if (job->task->work == WORK_COUNT)
		return job_count_next(job);
	return job_page_next(job);
}

/* There was nothing to ask for, a window that lies in the future: closes nothing. */
static JobStep
settle_empty(Job *job)
{
	ErrorData  *error;

	memset(&job->settlement, 0, sizeof(job->settlement));
	job->settlement.state = "succeeded";
	job->settlement.outcome = "fresh";
	if (job_write(job, "settling a task", DB_REPEATABLE, settle_nothing,
				  &error) == OUTCOME_FAILED)
		return job_fail_in_database(job, error);
	return JOB_OVER;
}

/* In a transaction. */
static void
settle_nothing(void *arg)
{
	Job		   *job = arg;

	queue_settle(job->task, &job->settlement);
}

void
job_received(Job *job, CallEnd *end)
{
	MemoryContext before = MemoryContextSwitchTo(job->page_context);

	job->received_ms = clock_steady_ms();
	job_read_reply(job);
	end->verdict = job->answer->verdict;
	end->class = job->answer->class;
	end->banned = job->answer->verdict == VERDICT_THROTTLED;
	end->ban_ms = job->answer->ban_ms;
	end->ban_method = job->answer->ban_method;
	if (job->answer->verdict != VERDICT_OK)
		job_judge(job, job_outcome(job));
	MemoryContextSwitchTo(before);
}

JobStep
job_answered(Job *job)
{
	JobStep		step = read_answer(job);

	/* unless it made no sense */
	job_judge(job, BREAKER_GOOD);
	return step;
}

static JobStep
read_answer(Job *job)
{
	MemoryContextSwitchTo(job->page_context);
	if (job->call.kind == CALL_WHOAMI)
		return job_key_answered(job);
	if (job->call.kind == CALL_DETAILS || job->call.kind == CALL_REFUNDS_OF_ORDER)
		return job_fetch_answered(job);
	if (job->answer->verdict != VERDICT_OK)
		return job_fail_call(job);
	if (job->task->work == WORK_COUNT)
		return job_count_answered(job);
	return job_page_answered(job);
}
