/*
 * relay_reply.c
 *	  Protocol "relay": what a reply of the network comes to.
 *
 * The platform's answer is read as by protocol "top" (top_read()), bare or inside
 * an envelope of code, message and data.  In this order: did the network fail;
 * does the data hold an error of the platform, whose own code says more than a
 * relay's; is the relay's code one of success, and what does it mean otherwise;
 * is the HTTP status good; is the data an answer of the call.  A code that is not
 * listed is tried again: it costs an attempt, so that one that never ends fails.
 * Never throws for what was sent.  Pure.
 */
#include "compat.h"

#include "utils/memutils.h"

#include "json_scan.h"
#include "redact.h"
#include "relay_map.h"
#include "top_api.h"

#define MAX_WORDS 500

static TopReading read_data(const GatewayCall *call, const RelayMap *map, JsonText data,
							GatewayAnswer *answer, const char **fault);
static void set_paths(const GatewayCall *call, const RelayMap *map, TopPaths *paths);
static bool is_whole(const CallReply *reply);
static bool find_code(const RelayMap *map, const CallReply *reply, char **code);
static JsonText find_data(const char *path, const CallReply *reply);
static char *find_text(const char *path, const CallReply *reply);
static void forget_what_is_not_said(const RelayMap *map, GatewayAnswer *answer);
static void classify_code(const GatewayCall *call, const RelayMap *map, const char *code,
						  char *said, GatewayAnswer *answer);
static RelayMeaning meaning_of(const RelayMap *map, const char *code);
static void classify_status(const GatewayCall *call, const RelayMap *map, int http_status,
							GatewayAnswer *answer);
static bool good_status(const CallReply *reply);

/* See relay_map.h. */
void
relay_classify(const GatewayCall *call, const CallReply *reply, GatewayAnswer *answer)
{
	const RelayMap *map = call->task->gateway->map;
	const char *fault = NULL;
	char	   *code = NULL;
	bool		enveloped;		/* and whole: an envelope that is cut off says nothing */
	bool		has_code;
	JsonText	data;
	TopReading	reading;

	if (!top_begin_answer(call, reply, answer))
		return;
	if (map == NULL || relay_operation(call) == RELAY_OPERATIONS || top_api(call) == NULL)
	{
		top_fail(answer, VERDICT_REJECTED, "parameters",
				 pstrdup("the gateway's option \"relay\" has no path for this call"));
		return;
	}
	enveloped = map->enveloped && is_whole(reply);
	has_code = enveloped && find_code(map, reply, &code);
	data = find_data(enveloped ? map->data : NULL, reply);
	reading = read_data(call, map, data, answer, &fault);
	forget_what_is_not_said(map, answer);

	if (reading != TOP_ERROR && has_code && !relay_has_code(&map->ok, code))
		classify_code(call, map, code, find_text(map->message, reply), answer);
	else if (reading != TOP_ERROR && !has_code && !good_status(reply))
		classify_status(call, map, reply->http_status, answer);
	else if (reading != TOP_ERROR && !has_code && enveloped)
	{
		reading = TOP_UNREADABLE;
		fault = "the answer does not have its code where option relay.envelope.code says";
	}
	top_conclude(call, reply, reading, fault, answer);
	if (answer->request_id == NULL && enveloped)
	{
		answer->request_id = find_text(map->request_id, reply);
		redact_secrets(answer->request_id, call->task);
	}
}

/* The platform's answer in the data, which may be a text that contains it. */
static TopReading
read_data(const GatewayCall *call, const RelayMap *map, JsonText data, GatewayAnswer *answer,
		  const char **fault)
{
	TopPaths	paths = {0};

	if (data.len > 0 && *data.at == '"')
	{
		if (data.len > MaxAllocSize / 2)
		{
			*fault = "the answer's data is too large a text";
			return TOP_UNREADABLE;
		}
		data.at = json_text(data, data.len);
		data.len = strlen(data.at);
	}
	set_paths(call, map, &paths);
	return top_read(call, top_api(call), data.at, data.len, &paths, answer, fault);
}

static void
set_paths(const GatewayCall *call, const RelayMap *map, TopPaths *paths)
{
	bool		one = call->kind == CALL_DETAILS;
	bool		refunds = one ? call->details_of != STREAM_ORDERS :
		call->kind == CALL_REFUNDS_OF_ORDER || call->task->stream != STREAM_ORDERS;

	paths->list = map->records[one ? (refunds ? RELAY_ONE_REFUND : RELAY_TRADE) :
							   (refunds ? RELAY_REFUND_LIST : RELAY_TRADES)];
	paths->total = map->records[RELAY_TOTAL];
	paths->has_next = map->records[RELAY_HAS_NEXT];
}

/* Is it one value, that ends? */
static bool
is_whole(const CallReply *reply)
{
	JsonCursor	cursor;
	JsonText	value;

	json_begin(&cursor, reply->body == NULL ? "" : reply->body, reply->body == NULL ? 0 : reply->body_len);
	return json_value(&cursor, &value) && json_at_end(&cursor);
}

/* The envelope's code; false when there is none. */
static bool
find_code(const RelayMap *map, const CallReply *reply, char **code)
{
	*code = find_text(map->code, reply);
	return *code != NULL && (*code)[0] != '\0';
}

/* All of the answer, or what its envelope holds; an answer without its envelope may be the platform's. */
static JsonText
find_data(const char *path, const CallReply *reply)
{
	JsonText	whole = {reply->body == NULL ? "" : reply->body, reply->body == NULL ? 0 : reply->body_len};
	JsonText	data;

	if (path != NULL && json_find(whole.at, whole.len, path, &data))
		return data;
	return whole;
}

/* The words at a path, NULL for none. */
static char *
find_text(const char *path, const CallReply *reply)
{
	JsonText	value;

	if (path == NULL || reply->body == NULL || !json_find(reply->body, reply->body_len, path, &value))
		return NULL;
	return json_text(value, MAX_WORDS);
}

/* What the map says is not given is not believed where it stands all the same. */
static void
forget_what_is_not_said(const RelayMap *map, GatewayAnswer *answer)
{
	if (!map->totals)
		answer->total = -1;
	if (!map->has_next)
		answer->has_next = -1;
}

/* What a code that is not one of success means; one that is not listed is tried again. */
static void
classify_code(const GatewayCall *call, const RelayMap *map, const char *code, char *said,
			  GatewayAnswer *answer)
{
	static const struct
	{
		Verdict		verdict;
		const char *class;
	}			meanings[RELAY_MEANINGS + 1] = {
		[RELAY_THROTTLED] = {VERDICT_THROTTLED, "throttled"},
		[RELAY_UNAUTHORIZED] = {VERDICT_UNAUTHORIZED, "session"},
		[RELAY_RETRY] = {VERDICT_RETRY, "platform"},
		[RELAY_NOT_FOUND] = {VERDICT_REJECTED, "not_found"},
		[RELAY_PERMISSION] = {VERDICT_REJECTED, "permission"},
		[RELAY_MEANINGS] = {VERDICT_RETRY, "platform"}
	};
	RelayMeaning meaning = meaning_of(map, code);
	JsonText	number = {code, strlen(code)};
	int64		ban_ms = top_ban_ms(said);

	answer->msg = said;
	redact_secrets(answer->msg, call->task);
	top_scrub_words(answer->msg);
	if (!json_int64(number, &answer->code))
		answer->code = 0;
	top_fail(answer, meanings[meaning].verdict, meanings[meaning].class,
			 psprintf("%s (the gateway's code %s)",
					  said == NULL ? "the gateway gives no words" : said, code));
	redact_secrets(answer->message, call->task);
	if (answer->verdict == VERDICT_THROTTLED)
		answer->ban_ms = ban_ms;
}

static RelayMeaning
meaning_of(const RelayMap *map, const char *code)
{
	int			m = 0;

	while (m < RELAY_MEANINGS && !relay_has_code(&map->codes[m], code))
		m++;
	return (RelayMeaning) m;
}

/* A status other than success, of an answer without a code; one that is not listed is judged as any. */
static void
classify_status(const GatewayCall *call, const RelayMap *map, int http_status,
				GatewayAnswer *answer)
{
	char	   *status = psprintf("%d", http_status);
	RelayMeaning meaning = meaning_of(map, status);

	/* to be tried again is what it means anyway, and that it is no answer */
	if (meaning != RELAY_MEANINGS && meaning != RELAY_RETRY)
		classify_code(call, map, status, pstrdup("HTTP status"), answer);
}

static bool
good_status(const CallReply *reply)
{
	return reply->http_status >= 200 && reply->http_status <= 299;
}
