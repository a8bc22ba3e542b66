/*
 * queue_json.c
 *	  JSON that the queue's verbs are given.
 */
#include "compat.h"

#include "json_write.h"
#include "queue_json.h"

static char *stop_as_json(const BreakerStop *stop, const char *method);
static char *json_end(StringInfo json, const char *walk, int page_size,
					  const ClockReading *clock, const CallLog *call);

char *
call_as_json(const CallLog *call)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_string(&json, "method", call->method);
	json_string(&json, "verdict", verdict_name(call->verdict));
	if (call->paged)
	{
		json_number(&json, "window_since", call->window_since);
		json_number(&json, "window_until", call->window_until);
		json_number(&json, "page_no", call->page_no);
		json_number(&json, "page_size", call->page_size);
		json_boolean(&json, "use_has_next", call->use_has_next);
	}
	if (call->http_status != 0)
		json_number(&json, "http_status", call->http_status);
	if (call->code != 0)
		json_number(&json, "code", call->code);
	json_string(&json, "msg", call->msg);
	json_string(&json, "sub_code", call->sub_code);
	json_string(&json, "sub_msg", call->sub_msg);
	json_string(&json, "request_id", call->request_id);
	if (call->total >= 0)
		json_number(&json, "total_results", call->total);
	if (call->has_next >= 0)
		json_boolean(&json, "has_next", call->has_next > 0);
	json_number(&json, "records", call->records);
	json_number(&json, "bytes", call->bytes);
	json_number(&json, "started_at", call->started_ms);
	json_number(&json, "duration_ms", call->duration_ms);
	json_string(&json, "answer", call->answer);
	appendStringInfoChar(&json, '}');
	return json.data;
}

char *
settlement_as_json(const Settlement *s)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_string(&json, "state", s->state);
	json_string(&json, "outcome", s->outcome);
	json_string(&json, "class", s->class);
	if (s->reported >= 0)
		json_number(&json, "reported", s->reported);
	json_number(&json, "seen", s->seen);
	json_number(&json, "quarantined", s->quarantined);
	json_number(&json, "passes", s->passes);
	if (s->outside > 0)
		json_number(&json, "outside", s->outside);
	if (s->closed)
	{
		json_number(&json, "closed_since", s->closed_since);
		json_number(&json, "closed_until", s->closed_until);
	}
	json_number(&json, "page_new", s->page.records_new);
	json_number(&json, "page_changed", s->page.changed);
	json_number(&json, "page_unchanged", s->page.unchanged);
	json_number(&json, "page_quarantined", s->page.quarantined);
	json_numbers(&json, "cuts", s->cuts, s->ncuts);
	json_number(&json, "more_tasks", s->more_tasks);
	return json_end(&json, s->walk, s->page_size, &s->clock, s->call);
}

char *
failure_as_json(const SyncTask *task, const Failure *f)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_string(&json, "verdict", verdict_name(f->verdict));
	json_string(&json, "class", f->class);
	json_string(&json, "message", f->message);
	if (f->conflict)
		json_boolean(&json, "conflict", true);
	if (f->retry_ms > 0)
		json_number(&json, "retry_ms", f->retry_ms);
	json_string(&json, "banned", f->banned);
	if (f->verdict == VERDICT_THROTTLED)
	{
		json_number(&json, "version_us", task->gateway->version_us);
		json_number(&json, "lifted_ms", task->gateway->lifted_ms);
	}
	json_string(&json, "method", f->method);
	if (f->verdict == VERDICT_UNAUTHORIZED)
		json_string(&json, "key_seal", task->key_seal);
	if (f->key_check)
		json_boolean(&json, "key", true);
	if (f->stop != NULL)
		json_json(&json, "stop", stop_as_json(f->stop, f->method));
	return json_end(&json, f->walk, f->page_size, &f->clock, f->call);
}

/* That calls are stopped, as ordersync.note_stop() reads it; method: of the call. */
static char *
stop_as_json(const BreakerStop *stop, const char *method)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_number(&json, "probe_ms", stop->probe_ms);
	if (stop->shop_id != 0)
		json_number(&json, "shop", stop->shop_id);
	if (stop->of_list)
		json_string(&json, "method", method);
	if (stop->unanswered)
		json_boolean(&json, "unanswered", true);
	if (stop->own)
		json_boolean(&json, "own", true);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* What a page and a failure have in common, and the closing brace. */
static char *
json_end(StringInfo json, const char *walk, int page_size, const ClockReading *clock,
		 const CallLog *call)
{
	json_json(json, "walk", walk);
	if (page_size > 0)
		json_number(json, "page_size", page_size);
	if (clock->moved)
		json_number(json, "clock_offset_ms", clock->offset_ms);
	if (call != NULL)
		json_json(json, "call", call_as_json(call));
	appendStringInfoChar(json, '}');
	return json->data;
}
