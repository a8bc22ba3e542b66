/*
 * job_call.c
 *	  One call of a job: the secrets that it is signed with, and what it
 *	  brought: reply, verdict, clock, the line for the log.
 *
 * Everything but the secrets lies in the job's page context.  Nothing here
 * touches the database.
 */
#include "compat.h"

#include "clock.h"
#include "job_private.h"
#include "redact.h"
#include "secret.h"
#include "shmem.h"

/* Bytes of an answer that are kept for people when it was not ok. */
#define EXCERPT_SIZE 2048

static char *open_secret(const bytea *sealed, const char *kind, const char *name,
						 const char *destination, MemoryContext context,
						 SecretTrouble *trouble);
static void read_clock(Job *job);
static char *excerpt(Job *job);

/*
 * The secrets that calls need into the job's context; NULL, or the class of why one cannot
 * be opened with a line for people: key_file (nothing opens now),
 * secret_unreadable (the gateway's), key_unreadable (the shop's).
 */
const char *
job_open_secrets(Job *job, char **why)
{
	SyncTask   *task = job->task;
	const char *destination = http_destination(task->gateway->base_url, task->gateway->proxy);
	SecretTrouble trouble = {0};
	char		shop[32];

	if (destination == NULL)
	{
		*why = "the gateway's URL or proxy cannot be read";
		return "secret_unreadable";
	}
	snprintf(shop, sizeof(shop), INT64_FORMAT, task->shop_id);
	if (job->needs_secret)
	{
		task->gateway->app_secret = open_secret(job->sealed_app_secret, "app_secret",
												task->gateway->name, destination, job->context, &trouble);
		*why = trouble.why;
		if (task->gateway->app_secret == NULL)
			return trouble.key_file ? "key_file" : "secret_unreadable";
	}
	task->data_key = open_secret(job->sealed_data_key, "data_key", shop, destination,
								 job->context, &trouble);
	*why = trouble.why;
	if (task->data_key == NULL)
		return trouble.key_file ? "key_file" : "key_unreadable";
	return NULL;
}

static char *
open_secret(const bytea *sealed, const char *kind, const char *name,
			const char *destination, MemoryContext context, SecretTrouble *trouble)
{
	MemoryContext before;
	char	   *plain;

	if (sealed == NULL)
	{
		trouble->key_file = false;
		trouble->why = psprintf("no %s of %s is stored", kind, name);
		return NULL;
	}
	before = MemoryContextSwitchTo(context);
	plain = secret_open(sealed, secret_purpose(kind, name, destination), trouble);
	MemoryContextSwitchTo(before);
	if (plain == NULL && !trouble->key_file)
		trouble->why = psprintf("the %s of %s cannot be opened: %s", kind, name, trouble->why);
	return plain;
}

/* What came back, judged; with the platform's clock and the line for the log. */
void
job_read_reply(Job *job)
{
	http_reply(job->http, &job->reply);
	job->answer = palloc0(sizeof(GatewayAnswer));
	job->protocol->classify(&job->call, &job->reply, job->answer);
	shmem_count(COUNTER_BYTES, (int64) job->reply.body_len);
	read_clock(job);
	job_write_log(job);
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
	return text;
}

int64
job_call_began_ms(const Job *job)
{
	return job->log.started_ms +
		(job->clock.moved ? job->clock.offset_ms : job->task->gateway->clock_offset_ms);
}
