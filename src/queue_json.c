/*
 * queue_json.c
 *	  JSON that the queue's verbs are given.
 */
#include "compat.h"

#include "json_write.h"
#include "queue_json.h"

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
