/*
 * top_reply.c
 *	  Protocol "top": what a reply of the network comes to.
 *
 * A reply is looked at from the outside in: did the network fail; does the body
 * hold an error of the platform (which comes with HTTP 200, and from relays
 * with other statuses too, as JSON or as XML); is the HTTP status good; is the
 * body an answer of the call that was made.  The answer stands under its root
 * "<method>_response", or, in the compact form, without it; its list in two
 * wrappers, or one, or as a single object where a relay made the JSON out of
 * XML; an empty list as nothing, null, {}, [] or an empty inner list.
 *
 * Anything else is malformed: it is asked again and at last fails, but is never
 * taken for an empty page.  So are answers that contradict themselves: records
 * counted, or more announced, and none sent.
 *
 * The body is walked once, without copying; the list is handed on as bytes
 * inside it.  Never throws for what was sent.  Pure.
 */
#include "compat.h"

#include "json_scan.h"
#include "redact.h"
#include "top_api.h"

/* The platform's words are for a log line. */
#define MAX_WORDS 500
#define MAX_NICK 256

typedef struct Reading
{
	const GatewayCall *call;
	const TopApi *api;
	const TopPaths *paths;
	GatewayAnswer *answer;
	JsonCursor	cursor;
	bool		has_error;		/* an error_response was there */
	bool		has_answer;		/* the root, or a member of the answer without it */
	bool		has_list;		/* the list's member was there, empty or not */
	const char *fault;			/* why it is malformed */
} Reading;

static bool network_failed(const GatewayCall *call, const CallReply *reply,
						   GatewayAnswer *answer);
static bool read_text(Reading *reading, const char *text, size_t len);
static void read_root(Reading *reading);
static void read_error(Reading *reading);
static void read_response(Reading *reading);
static bool read_member(Reading *reading, JsonText key);
static void read_paths(Reading *reading, const char *text, size_t len);
static bool find_path(Reading *reading, const char *text, size_t len, const char *path,
					  JsonText *value);
static void read_total(Reading *reading, JsonText value);
static void read_has_next(Reading *reading, JsonText value);
static bool read_count(JsonText value, int64 *count);
static void read_list(Reading *reading);
static void read_wrapper(Reading *reading);
static void take_list(Reading *reading, JsonText value);
static void read_user(Reading *reading);
static bool read_xml_error(Reading *reading, const char *body, size_t len);
static char *xml_element(const char *body, size_t len, const char *name);
static const char *find(const char *body, size_t len, const char *words);
static const char *find_contradiction(const GatewayCall *call, const GatewayAnswer *answer,
									  bool has_list);
static void classify_status(GatewayAnswer *answer, const CallReply *reply);
static void take_retry_after(GatewayAnswer *answer, const CallReply *reply);

/* See top_api.h. */
void
top_classify(const GatewayCall *call, const CallReply *reply, GatewayAnswer *answer)
{
	const TopApi *api = top_api(call);
	const char *fault = NULL;
	TopReading	reading;

	if (!top_begin_answer(call, reply, answer))
		return;
	if (api == NULL)
	{
		top_fail(answer, VERDICT_REJECTED, "parameters",
				 pstrdup("the platform has no list for this stream and basis"));
		return;
	}
	reading = top_read(call, api, reply->body, reply->body_len, NULL, answer, &fault);
	top_conclude(call, reply, reading, fault, answer);
}

/* See top_api.h. */
bool
top_begin_answer(const GatewayCall *call, const CallReply *reply, GatewayAnswer *answer)
{
	memset(answer, 0, sizeof(GatewayAnswer));
	answer->total = -1;
	answer->has_next = -1;
	return !network_failed(call, reply, answer);
}

/* See top_api.h. */
TopReading
top_read(const GatewayCall *call, const TopApi *api, const char *text, size_t len,
		 const TopPaths *paths, GatewayAnswer *answer, const char **fault)
{
	static const TopPaths none = {0};
	Reading		reading = {0};
	bool		readable;

	reading.call = call;
	reading.api = api;
	reading.paths = paths == NULL ? &none : paths;
	reading.answer = answer;
	readable = read_text(&reading, text == NULL ? "" : text, text == NULL ? 0 : len);
	redact_secrets(answer->msg, call->task);
	redact_secrets(answer->sub_code, call->task);
	redact_secrets(answer->sub_msg, call->task);
	redact_secrets(answer->request_id, call->task);
	if (readable && reading.has_error)
		return TOP_ERROR;
	*fault = readable ? find_contradiction(call, answer, reading.has_list) : reading.fault;
	return *fault == NULL ? TOP_ANSWER : TOP_UNREADABLE;
}

/* See top_api.h. */
void
top_conclude(const GatewayCall *call, const CallReply *reply, TopReading reading, const char *fault,
			 GatewayAnswer *answer)
{
	if (answer->verdict == VERDICT_OK && reading == TOP_ERROR)
		top_classify_error(call, answer);
	else if (answer->verdict == VERDICT_OK && (reply->http_status < 200 || reply->http_status > 299))
		classify_status(answer, reply);
	else if (answer->verdict == VERDICT_OK && reading == TOP_UNREADABLE)
		top_fail(answer, VERDICT_MALFORMED, "malformed", pstrdup(fault));
	take_retry_after(answer, reply);
	if (answer->verdict != VERDICT_OK)
		answer->list = NULL;
	if (answer->list == NULL)
		answer->list_len = 0;
}

/* No reply, or none that is complete. */
static bool
network_failed(const GatewayCall *call, const CallReply *reply, GatewayAnswer *answer)
{
	const char *words = reply->net_message != NULL && reply->net_message[0] != '\0' ?
		reply->net_message : "no answer";

	if (reply->too_large)
		top_fail(answer, VERDICT_RETRY, "oversize",
			 pstrdup("the answer is larger than ordersync.max_response_size"));
	else if (reply->refused)
		top_fail(answer, VERDICT_REJECTED, "refused", pstrdup(words));
	else if (reply->timed_out)
		top_fail(answer, VERDICT_RETRY, "timeout", json_clean_text(words, strlen(words), MAX_WORDS));
	else if (reply->proxy_status != 0)
		top_fail(answer, VERDICT_RETRY, "proxy", pstrdup(words));
	else if (reply->untrusted)
		top_fail(answer, VERDICT_RETRY, "certificate", json_clean_text(words, strlen(words), MAX_WORDS));
	else if (reply->net_error != 0 || reply->http_status == 0)
		top_fail(answer, VERDICT_RETRY, "network", json_clean_text(words, strlen(words), MAX_WORDS));
	else
		return false;
	redact_secrets(answer->message, call->task);
	/* only a list can be asked for in smaller pieces */
	answer->shrink = (reply->too_large || reply->timed_out) && call->kind == CALL_LIST;
	return true;
}

/* Reads the text; false, and reading->fault, when it is not an answer of this protocol. */
static bool
read_text(Reading *reading, const char *text, size_t len)
{
	JsonCursor *cursor = &reading->cursor;
	bool		is_list = reading->paths->list != NULL && reading->paths->list[0] == '\0';
	JsonText	skipped;

	json_begin(cursor, text, len);
	switch (json_peek(cursor))
	{
		case '{':
			read_root(reading);
			break;
		case '<':
			if (read_xml_error(reading, cursor->at, cursor->end - cursor->at))
				return true;
			reading->fault = "the answer is XML or HTML, not JSON";
			break;
		default:
			if (is_list && cursor->at < cursor->end)
				json_value(cursor, &skipped);
			else
				reading->fault = cursor->at == cursor->end ? "the answer is empty" :
					"the answer is not a JSON object";
	}
	if (reading->fault == NULL && (cursor->failed || !json_at_end(cursor)))
		reading->fault = cursor->failed ? "the answer is cut off or broken" :
			"something follows the answer";
	if (reading->fault == NULL && !reading->has_error)
		read_paths(reading, text, len);
	if (reading->fault == NULL && !reading->has_error && !reading->has_answer)
		reading->fault = "the answer is not one of the call that was made";
	return reading->fault == NULL;
}

/* The outermost object: an error, the answer's root, or the compact form. */
static void
read_root(Reading *reading)
{
	JsonCursor *cursor = &reading->cursor;
	JsonText	key;
	JsonText	skipped;

	json_enter(cursor, '{');
	while (json_member(cursor, &key))
	{
		if (json_key_is(key, "error_response"))
			read_error(reading);
		else if (json_key_is(key, reading->api->envelope))
			read_response(reading);
		else if (!read_member(reading, key))
			json_value(cursor, &skipped);
	}
}

/* error_response: the codes, each of which may be missing, a number or a string. */
static void
read_error(Reading *reading)
{
	GatewayAnswer *answer = reading->answer;
	JsonCursor *cursor = &reading->cursor;
	JsonText	key;
	JsonText	value;

	reading->has_error = json_enter(cursor, '{');
	while (!cursor->failed && json_member(cursor, &key) && json_value(cursor, &value))
	{
		if (json_key_is(key, "code"))
		{
			if (!json_int64(value, &answer->code))
				answer->code = 0;
		}
		else if (json_key_is(key, "msg"))
			answer->msg = json_text(value, MAX_WORDS);
		else if (json_key_is(key, "sub_code"))
			answer->sub_code = json_text(value, MAX_WORDS);
		else if (json_key_is(key, "sub_msg"))
			answer->sub_msg = json_text(value, MAX_WORDS);
		else if (json_key_is(key, "request_id"))
			answer->request_id = json_text(value, MAX_WORDS);
	}
}

/* The object under the root. */
static void
read_response(Reading *reading)
{
	JsonCursor *cursor = &reading->cursor;
	JsonText	key;
	JsonText	skipped;

	if (!json_enter(cursor, '{'))
	{
		reading->fault = "the answer's root is not an object";
		return;
	}
	reading->has_answer = true;
	while (json_member(cursor, &key))
	{
		if (!read_member(reading, key))
			json_value(cursor, &skipped);
	}
}

/* A member of the answer, under its root or without; false, and nothing consumed, when unknown. */
static bool
read_member(Reading *reading, JsonText key)
{
	GatewayAnswer *answer = reading->answer;
	bool		listed = reading->call->kind == CALL_LIST ||
		reading->call->kind == CALL_REFUNDS_OF_ORDER;
	JsonText	value;

	if (json_key_is(key, "request_id"))
	{
		if (json_value(&reading->cursor, &value))
			answer->request_id = json_text(value, MAX_WORDS);
		return true;
	}
	if (json_key_is(key, reading->api->plural) && reading->paths->list == NULL)
	{
		reading->has_answer = true;
		if (reading->call->kind == CALL_WHOAMI)
			read_user(reading);
		else
			read_list(reading);
		return true;
	}
	if (json_key_is(key, "total_results") && listed && reading->paths->total == NULL)
	{
		if (json_value(&reading->cursor, &value))
			read_total(reading, value);
		return true;
	}
	if (json_key_is(key, "has_next") && listed && reading->paths->has_next == NULL)
	{
		if (json_value(&reading->cursor, &value))
			read_has_next(reading, value);
		return true;
	}
	return false;
}

/* What stands elsewhere than the platform has it. */
static void
read_paths(Reading *reading, const char *text, size_t len)
{
	JsonText	value;

	if (find_path(reading, text, len, reading->paths->total, &value))
		read_total(reading, value);
	if (find_path(reading, text, len, reading->paths->has_next, &value))
		read_has_next(reading, value);
	if (find_path(reading, text, len, reading->paths->list, &value))
	{
		reading->has_answer = true;
		reading->cursor.at = value.at;
		reading->cursor.end = value.at + value.len;
		read_list(reading);
	}
}

static bool
find_path(Reading *reading, const char *text, size_t len, const char *path, JsonText *value)
{
	return reading->fault == NULL && path != NULL && json_find(text, len, path, value);
}

static void
read_total(Reading *reading, JsonText value)
{
	reading->has_answer = true;
	if (!read_count(value, &reading->answer->total))
		reading->fault = "total_results is not a count";
}

static void
read_has_next(Reading *reading, JsonText value)
{
	bool		more;

	reading->has_answer = true;
	if (!json_bool(value, &more))
		reading->fault = "has_next is neither true nor false";
	reading->answer->has_next = more ? 1 : 0;
}

/* A count, as a number or a string of digits; one beyond int64 is the largest. */
static bool
read_count(JsonText value, int64 *count)
{
	if (value.len >= 2 && *value.at == '"')
	{
		value.at++;
		value.len -= 2;
	}
	if (json_int64(value, count))
		return *count >= 0;
	*count = PG_INT64_MAX;
	for (size_t i = 0; i < value.len; i++)
	{
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
	}
	return value.len > 0;
}

/* The list, or the one record of a details call, in any of its forms. */
static void
read_list(Reading *reading)
{
	JsonCursor *cursor = &reading->cursor;
	JsonText	value;

	reading->has_list = true;
	switch (json_peek(cursor))
	{
		case '{':
			if (reading->api->singular != NULL)
			{
				read_wrapper(reading);
				return;
			}
			/* FALLTHROUGH */
		case '[':
		case 'n':
			if (json_value(cursor, &value))
				take_list(reading, value);
			return;
		default:
			reading->fault = "the list is neither an array nor an object";
			json_value(cursor, &value);
	}
}

/* {"trade":…} around the list; or nothing, {}; or one record bare. */
static void
read_wrapper(Reading *reading)
{
	JsonCursor *cursor = &reading->cursor;
	const char *start = cursor->at;
	bool		found = false;
	bool		empty = true;
	bool		bare = false;
	JsonText	key;
	JsonText	value;

	json_enter(cursor, '{');
	while (json_member(cursor, &key) && json_value(cursor, &value))
	{
		empty = false;
		if (json_key_is(key, reading->api->singular))
		{
			found = true;
			take_list(reading, value);
		}
		else if (json_key_is(key, reading->api->id))
			bare = true;
	}
	if (cursor->failed || found || empty)
		return;
	value.at = start;
	value.len = cursor->at - start;
	if (bare)
		take_list(reading, value);
	else
		reading->fault = "the list is not where it should be";
}

/* An array, one object, or null for none. */
static void
take_list(Reading *reading, JsonText value)
{
	GatewayAnswer *answer = reading->answer;
	const char *first = json_skip_space(value.at + 1, value.at + value.len);
	bool		array = *value.at == '[';

	answer->list = NULL;
	if ((array || *value.at == '{') && value.len >= 2)
	{
		/* [ ] has no record; {} is one of a details call only by name */
		if (first < value.at + value.len - 1)
		{
			answer->list = value.at;
			answer->list_len = value.len;
		}
	}
	else if (value.len != 4 || memcmp(value.at, "null", 4) != 0)
		reading->fault = "the list is neither an array nor an object";
}

/* user.seller.get: whose data key it is. */
static void
read_user(Reading *reading)
{
	GatewayAnswer *answer = reading->answer;
	JsonCursor *cursor = &reading->cursor;
	JsonText	key;
	JsonText	value;

	if (json_peek(cursor) != '{')
	{
		json_value(cursor, &value);
		return;
	}
	json_enter(cursor, '{');
	while (json_member(cursor, &key) && json_value(cursor, &value))
	{
		if (json_key_is(key, "nick"))
			answer->nick = json_text(value, MAX_NICK);
		else if (json_key_is(key, "user_id") && !json_int64(value, &answer->user_id))
			answer->user_id = 0;
	}
}

/* An error that comes as XML although JSON was asked for: call limits do. */
static bool
read_xml_error(Reading *reading, const char *body, size_t len)
{
	GatewayAnswer *answer = reading->answer;
	const char *start = find(body, len, "<error_response");
	char	   *code;
	JsonText	number;

	if (start == NULL || find(body, len, "</error_response>") == NULL)
		return false;
	len -= start - body;
	body = start;
	code = xml_element(body, len, "code");
	answer->msg = xml_element(body, len, "msg");
	answer->sub_code = xml_element(body, len, "sub_code");
	answer->sub_msg = xml_element(body, len, "sub_msg");
	answer->request_id = xml_element(body, len, "request_id");
	if (code != NULL)
	{
		number.at = code;
		number.len = strlen(code);
		if (!json_int64(number, &answer->code))
			answer->code = 0;
	}
	reading->has_error = true;
	return true;
}

/* The text between <name> and </name>, entities as they stand; NULL when there is none. */
static char *
xml_element(const char *body, size_t len, const char *name)
{
	const char *end = body + len;
	char		tag[32];
	const char *start;
	const char *close;

	snprintf(tag, sizeof(tag), "<%s>", name);
	start = find(body, len, tag);
	if (start == NULL)
		return NULL;
	start += strlen(tag);
	snprintf(tag, sizeof(tag), "</%s>", name);
	close = find(start, end - start, tag);
	return close == NULL ? NULL : json_clean_text(start, close - start, MAX_WORDS);
}

/* Where words first stand in bytes that may hold NULs, or NULL. */
static const char *
find(const char *body, size_t len, const char *words)
{
	const char *end = body + len;
	size_t		n = strlen(words);

	while (end - body >= n && (body = memchr(body, words[0], end - body - n + 1)) != NULL)
	{
		if (memcmp(body, words, n) == 0)
			return body;
		body++;
	}
	return NULL;
}

/* Why an answer that could be read cannot be true, or NULL. */
static const char *
find_contradiction(const GatewayCall *call, const GatewayAnswer *answer, bool has_list)
{
	switch (call->kind)
	{
		case CALL_WHOAMI:
			return answer->nick == NULL || answer->nick[0] == '\0' ?
				"the answer does not name the seller" : NULL;
		case CALL_DETAILS:
			return answer->list == NULL ? "the answer has no record" : NULL;
		case CALL_LIST:
		case CALL_REFUNDS_OF_ORDER:
			if (answer->list != NULL)
				return NULL;
			if (answer->has_next == 1)
				return "has_next announces more, and there is no list";
			if (answer->total < 0 && answer->has_next < 0 && !has_list)
				return "the answer has neither a list nor a count";
			return NULL;
	}
	return NULL;
}

/* A status other than success, without an error of the platform in the body. */
static void
classify_status(GatewayAnswer *answer, const CallReply *reply)
{
	char	   *message = psprintf("HTTP status %d", reply->http_status);

	/* 429: too many requests, from a proxy or relay before the platform; 503: it may say for how long */
	if (reply->http_status == 429 || (reply->http_status == 503 && reply->retry_after_s > 0))
		top_fail(answer, VERDICT_THROTTLED, "throttled", message);
	else
		top_fail(answer, VERDICT_RETRY, "http", message);
}

/* Retry-After, where the platform's own words do not say how long the ban lasts. */
static void
take_retry_after(GatewayAnswer *answer, const CallReply *reply)
{
	if (answer->verdict == VERDICT_THROTTLED && answer->ban_ms == 0)
		answer->ban_ms = top_believed_ban(reply->retry_after_s) * 1000;
}

/* See top_api.h. */
void
top_fail(GatewayAnswer *answer, Verdict verdict, const char *class, char *message)
{
	answer->verdict = verdict;
	answer->class = class;
	answer->message = message;
}
