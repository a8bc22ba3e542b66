/*
 * job_call.c
 *	  What a call of a job brought: reply, verdict, clock, the line for the log.
 *
 * All of it lies in the job's page context.  Nothing here touches the database.
 */
#include "compat.h"

#include "clock.h"
#include "gateway_share.h"
#include "job_private.h"
#include "redact.h"
#include "scrub.h"
#include "shmem.h"

/* Bytes of an answer that are kept for people when it was not ok. */
#define EXCERPT_SIZE 2048

static void redact_answer(const Job *job);
static void read_clock(Job *job);
static char *excerpt(Job *job);

/* What came back, judged; with the platform's clock and the line for the log. */
void
job_read_reply(Job *job)
{
	http_reply(job->http, &job->reply);
	job->answer = palloc0(sizeof(GatewayAnswer));
	job->protocol->classify(&job->call, &job->reply, job->answer);
	redact_answer(job);
	shmem_count(COUNTER_BYTES, (int64) job->reply.body_len);
	read_clock(job);
	job_write_log(job);
}

/* Whatever the protocol has taken from the reply: it may quote what it was sent. */
static void
redact_answer(const Job *job)
{
	GatewayAnswer *answer = job->answer;

	redact_secrets(answer->message, job->task);
	redact_secrets(answer->msg, job->task);
	redact_secrets(answer->sub_code, job->task);
	redact_secrets(answer->sub_msg, job->task);
	redact_secrets(answer->request_id, job->task);
	redact_secrets(answer->nick, job->task);
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

void
job_write_log(Job *job)
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

/*
 * The beginning of an answer, without personal data and without our keys.  Only
 * of hosts that are listed now: of others it might be what its reader may not see.
 */
static char *
excerpt(Job *job)
{
	HttpRoute	route;
	HttpRefusal refusal;
	char	   *text;

	if (job->reply.body_len == 0 ||
		!http_route(job->request.url, job->task->gateway->proxy, &route, &refusal) ||
		!route.quotable)
		return NULL;
	text = record_excerpt(job->reply.body, job->reply.body_len, EXCERPT_SIZE);
	redact_secrets(text, job->task);
	scrub_words(text);
	return text;
}

BreakerCall *
job_breaker_call(Job *job)
{
	BreakerCall *call = &job->breaker_call;

	memset(call, 0, sizeof(*call));
	call->task_id = job->task->task_id;
	call->shop_id = job->task->shop_id;
	call->failed_before = job->task->failed_before;
	memset(&job->stop, 0, sizeof(job->stop));
	job->begun = true;
	return call;
}

/* A refusal with a code is an answer all the same: gateway, application and signature are well. */
BreakerOutcome
job_outcome(const Job *job)
{
	const GatewayAnswer *answer = job->answer;

	if (answer->code != 0 || answer->sub_code != NULL || answer->msg != NULL)
		return BREAKER_GOOD;
	/* what we refuse ourselves; a limit, which is obeyed otherwise */
	if (answer->verdict == VERDICT_REJECTED || answer->verdict == VERDICT_THROTTLED)
		return BREAKER_NOTHING;
	return job->reply.unconnected ? BREAKER_UNREACHABLE : BREAKER_FAILED;
}

void
job_judge(Job *job, BreakerOutcome outcome)
{
	if (!job->begun || job->breaker_call.begun_ms == 0)
		return;
	job->begun = false;
	gateway_share_judge(job->task->gateway, &job->breaker_call, outcome, &job->stop);
}

int64
job_call_began_ms(const Job *job)
{
	return job->log.started_ms +
		(job->clock.moved ? job->clock.offset_ms : job->task->gateway->clock_offset_ms);
}
