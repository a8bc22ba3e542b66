/*
 * top_error.c
 *	  Protocol "top": what the platform's error codes come to.
 *
 * The platform answers errors with HTTP 200, a number and often a sub code.
 * Its number says who speaks (the gateway below 100, an old business service
 * from 500 on; 15 and 50 pass another service's error through), its sub code
 * whose fault it is: isp.* the platform's, to be tried again; isv.* ours, which
 * repeating does not mend; accesscontrol.* a call limit.
 *
 *	code	words							verdict
 *	4-8		call limits						throttled, for the ban and a second: the method where
 *											the sub code says so, otherwise all calls
 *	10		service unavailable				retry
 *	11-13	permissions						rejected	permission
 *	15, 50	a service behind the gateway	by sub code
 *	21-23	method, format					rejected	parameters (22, no such call here: permission)
 *	24, 25	signature						rejected	signature
 *	26, 27, 44	session, token				unauthorized
 *	28, 29	app key							rejected	signature
 *	30, 31	timestamp						retry		clock
 *	32-34	version							rejected	parameters
 *	40-43	arguments						rejected	parameters
 *	others	business services				by sub code; without one that says more, retry
 *
 * What is retried is charged, so an error that never ends fails its task after
 * as many attempts as the settings allow.  Pure.
 */
#include "compat.h"

#include "json_scan.h"
#include "scrub_text.h"
#include "top_api.h"


#define UNBELIEVED_BAN_S (10 * 60)

typedef struct ErrorRow
{
	int			first;
	int			last;
	Verdict		verdict;
	const char *class;
} ErrorRow;

static const ErrorRow rows[] = {
	{3, 3, VERDICT_REJECTED, "platform"},
	{9, 9, VERDICT_REJECTED, "parameters"},
	{10, 10, VERDICT_RETRY, "platform"},
	{11, 13, VERDICT_REJECTED, "permission"},
	{21, 21, VERDICT_REJECTED, "parameters"},
	{22, 22, VERDICT_REJECTED, "permission"},
	{23, 23, VERDICT_REJECTED, "parameters"},
	{24, 25, VERDICT_REJECTED, "signature"},
	{26, 27, VERDICT_UNAUTHORIZED, "session"},
	{28, 29, VERDICT_REJECTED, "signature"},
	{30, 31, VERDICT_RETRY, "clock"},
	{32, 34, VERDICT_REJECTED, "parameters"},
	{40, 43, VERDICT_REJECTED, "parameters"},
	{44, 44, VERDICT_UNAUTHORIZED, "session"}
};

static void decide(GatewayAnswer *answer);
static bool is_limit(GatewayAnswer *answer);
static bool limits_method(const char *sub);
static int64 ban_of(const char *text);
static bool is_session(const char *sub);
static void decide_by_sub(GatewayAnswer *answer);
static bool says_busy(const char *text);
static bool begins(const char *text, const char *prefix);
static void set(GatewayAnswer *answer, Verdict verdict, const char *class);

/* See top_api.h. */
void
top_classify_error(const GatewayCall *call, GatewayAnswer *answer)
{
	decide(answer);
	answer->shrink = answer->shrink && call->kind == CALL_LIST;
	top_scrub_words(answer->msg);
	top_scrub_words(answer->sub_msg);
	answer->message = psprintf("%s (code " INT64_FORMAT "%s%s)%s%s",
							   answer->msg != NULL ? answer->msg : "the platform gives no words",
							   answer->code,
							   answer->sub_code != NULL ? ", " : "",
							   answer->sub_code != NULL ? answer->sub_code : "",
							   answer->sub_msg != NULL ? ": " : "",
							   answer->sub_msg != NULL ? answer->sub_msg : "");
}

/* See top_api.h. */
void
top_scrub_words(char *words)
{
	if (words != NULL)
		words[scrub_text(words, strlen(words))] = '\0';
}

/* Verdict and class.  What the sub code says of itself goes before the code. */
static void
decide(GatewayAnswer *answer)
{
	const char *sub = answer->sub_code != NULL ? answer->sub_code : "";

	if (is_limit(answer))
		return;
	if (begins(sub, "isp."))
	{
		set(answer, VERDICT_RETRY, strstr(sub, "timeout") != NULL ? "timeout" : "platform");
		answer->shrink = strstr(sub, "timeout") != NULL || begins(sub, "isp.runtime-max-limit");
		return;
	}
	if (is_session(sub))
	{
		set(answer, VERDICT_UNAUTHORIZED, "session");
		return;
	}
	for (int i = 0; i < lengthof(rows); i++)
	{
		if (answer->code >= rows[i].first && answer->code <= rows[i].last)
		{
			set(answer, rows[i].verdict, rows[i].class);
			return;
		}
	}
	decide_by_sub(answer);
}

/* A call limit: how long, and whether it is the day's quota. */
static bool
is_limit(GatewayAnswer *answer)
{
	const char *sub = answer->sub_code != NULL ? answer->sub_code : "";

	if (!begins(sub, "accesscontrol.") && !begins(sub, "isv.business_limit_control") &&
		(answer->code < 4 || answer->code > 8))
		return false;
	set(answer, VERDICT_THROTTLED,
		pg_strcasecmp(sub, "accesscontrol.limited-by-app-access-count") == 0 ?
		"quota" : "throttled");
	answer->ban_method = limits_method(sub);
	answer->ban_ms = top_ban_ms(answer->sub_msg);
	if (answer->ban_ms == 0)
		answer->ban_ms = top_ban_ms(answer->msg);
	return true;
}

/* By API, of this application or of all: other APIs may be called. */
static bool
limits_method(const char *sub)
{
	return pg_strcasecmp(sub, "accesscontrol.limited-by-api-access-count") == 0 ||
		pg_strcasecmp(sub, "accesscontrol.limited-by-app-api-access-count") == 0;
}

/* See top_api.h.  A second more: the platform counts from its own clock, in whole seconds. */
int64
top_ban_ms(const char *words)
{
	int64		ban_s = ban_of(words);

	return ban_s < 0 ? 0 : (ban_s + 1) * 1000;
}

/* The N of "This ban will last for N more seconds", -1 when it is not said. */
static int64
ban_of(const char *text)
{
	static const char words[] = "ban will last for ";
	const char *at = text == NULL ? NULL : strstr(text, words);
	int64		seconds = 0;

	if (at == NULL)
		return -1;
	at += strlen(words);
	if (*at < '0' || *at > '9')
		return -1;
	for (; *at >= '0' && *at <= '9'; at++)
		seconds = Min(seconds * 10 + (*at - '0'), TOP_MAX_BAN_S + 1);
	return top_believed_ban(seconds);
}

/* See top_api.h. */
int64
top_believed_ban(int64 seconds)
{
	return seconds <= TOP_MAX_BAN_S ? seconds : UNBELIEVED_BAN_S;
}

/* The data key is not, or no longer, valid. */
static bool
is_session(const char *sub)
{
	return begins(sub, "session-expired") || begins(sub, "session-not-exist") ||
		begins(sub, "invalid-sessionkey") || begins(sub, "isv.invalid-sessionkey") ||
		begins(sub, "sessionkey-not-generated-by-server") ||
		begins(sub, "isv.r2-security-authorize-invalid");
}

/* An error of a service behind the gateway. */
static void
decide_by_sub(GatewayAnswer *answer)
{
	const char *sub = answer->sub_code != NULL ? answer->sub_code : "";

	if (begins(sub, "isv.trade-not-exist") || begins(sub, "isv.refund-not-exist") ||
		answer->code == 562)
		set(answer, VERDICT_REJECTED, "not_found");
	else if (begins(sub, "isv.permission"))
		set(answer, VERDICT_REJECTED, "permission");
	else if (says_busy(answer->sub_msg) || says_busy(answer->msg))
		set(answer, VERDICT_RETRY, "platform");
	else if (begins(sub, "isv.invalid") || begins(sub, "isv.missing"))
		set(answer, VERDICT_REJECTED, "parameters");
	else if (begins(sub, "isv."))
		set(answer, VERDICT_REJECTED, "platform");
	else
		set(answer, VERDICT_RETRY, "platform");
}

/* The words with which a service says that it is only busy, whatever its sub code. */
static bool
says_busy(const char *text)
{
	return text != NULL &&
		(strstr(text, "系统错误，请稍后再试") != NULL || strstr(text, "系统繁忙") != NULL);
}

/* Sub codes come in more than one case. */
static bool
begins(const char *text, const char *prefix)
{
	return pg_strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* The verdict and its class. */
static void
set(GatewayAnswer *answer, Verdict verdict, const char *class)
{
	answer->verdict = verdict;
	answer->class = class;
}
