/*
 * queue_json.c
 *	  JSON that the queue's verbs are given: objects put together member by member.
 *
 * What the platform said may be any bytes: it is made valid text.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/json.h"

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

/* A member; nothing for NULL. */
void
json_string(StringInfo json, const char *name, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(json, "%s\"%s\":", json->len > 1 ? "," : "", name);
	escape_json(json, json_clean(value));
}

void
json_number(StringInfo json, const char *name, int64 value)
{
	appendStringInfo(json, "%s\"%s\":" INT64_FORMAT, json->len > 1 ? "," : "", name, value);
}

void
json_boolean(StringInfo json, const char *name, bool value)
{
	appendStringInfo(json, "%s\"%s\":%s", json->len > 1 ? "," : "", name,
					 value ? "true" : "false");
}

/* A member that is JSON already; nothing for NULL. */
void
json_json(StringInfo json, const char *name, const char *value)
{
	if (value != NULL)
		appendStringInfo(json, "%s\"%s\":%s", json->len > 1 ? "," : "", name, value);
}

/* An array; nothing for NULL. */
void
json_numbers(StringInfo json, const char *name, const int64 *values, int n)
{
	if (values == NULL)
		return;
	appendStringInfo(json, "%s\"%s\":[", json->len > 1 ? "," : "", name);
	for (int i = 0; i < n; i++)
		appendStringInfo(json, "%s" INT64_FORMAT, i > 0 ? "," : "", values[i]);
	appendStringInfoChar(json, ']');
}

/* The same, or, when it is not valid text of this database, a copy with its odd bytes as "?". */
const char *
json_clean(const char *said)
{
	char	   *copy;

	if (said == NULL || pg_verifymbstr(said, (int) strlen(said), true))
		return said;
	copy = pstrdup(said);
	for (char *c = copy; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	}
	return copy;
}
