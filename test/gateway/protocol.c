/*
 * protocol.c
 *	  A request of the platform's protocol: its parameters, its signature, and
 *	  what is wrong with it.
 *
 * Parameters of query and body are one set.  The checks come in a fixed order:
 * method, application, signature, time, session; so a wrong secret is told
 * before a wrong session.  Errors are answers like any other: HTTP 200.
 */
#include "protocol.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE_MS	(10 * 60 * 1000)

const MethodInfo methods[M_COUNT] = {
	{"taobao.trades.sold.increment.get", "trades_sold_increment_get_response", true},
	{"taobao.trades.sold.incrementv.get", "trades_sold_incrementv_get_response", true},
	{"taobao.trades.sold.get", "trades_sold_get_response", true},
	{"taobao.trades.sold.history.get", "trades_sold_history_get_response", true},
	{"taobao.trade.fullinfo.get", "trade_fullinfo_get_response", true},
	{"taobao.trade.get", "trade_get_response", true},
	{"taobao.refunds.receive.get", "refunds_receive_get_response", true},
	{"taobao.refund.get", "refund_get_response", true},
	{"taobao.special.refunds.receive.get", "special_refunds_receive_get_response", true},
	{"taobao.user.seller.get", "user_seller_get_response", true},
	{"taobao.time.get", "time_get_response", false},
	{"refunds of one order", "refunds_receive_get_response", true},
};

static bool wrong_signature(Call *call, Out *o);
static bool wrong_time(Call *call, Out *o);

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void
decode(char *s)
{
	char	   *to = s;

	for (; *s; s++)
	{
		if (*s == '+')
			*to++ = ' ';
		else if (*s == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0)
		{
			*to++ = (char) (hex_digit(s[1]) * 16 + hex_digit(s[2]));
			s += 2;
		}
		else
			*to++ = *s;
	}
	*to = '\0';
}

void
protocol_params(Call *call, char *text)
{
	while (text != NULL && *text)
	{
		char	   *next = strchr(text, '&');
		char	   *equals;

		if (next != NULL)
			*next++ = '\0';
		equals = strchr(text, '=');
		if (equals != NULL)
			*equals++ = '\0';
		decode(text);
		if (equals != NULL)
			decode(equals);
		if (call->nparams < MAX_PARAMS)
			call->params[call->nparams++] = (Param) {text, equals ? equals : ""};
		else
			call->overflow = true;
		text = next;
	}
}

const char *
param(const Call *call, const char *name)
{
	for (int i = 0; i < call->nparams; i++)
		if (strcmp(call->params[i].name, name) == 0 && call->params[i].value[0] != '\0')
			return call->params[i].value;
	return NULL;
}

void
protocol_recognise(Call *call)
{
	const char *session = param(call, "session");
	const char *simplify = param(call, "simplify");

	call->total = -1;
	call->has_next = -1;
	call->method_name = param(call, "method");
	call->method = -1;
	for (int i = 0; call->method_name != NULL && i < M_ORDER_REFUNDS; i++)
		if (strcmp(call->method_name, methods[i].name) == 0)
			call->method = i;
	if (session != NULL)
		call->shop = shop_by_session(session, &call->sub_account);
	call->xml = param(call, "format") == NULL || strcmp(param(call, "format"), "xml") == 0;
	call->simplify = simplify != NULL && strcmp(simplify, "true") == 0;
}

void
write_request_id(Out *o)
{
	static uint64_t n;

	out_printf(o, "%013llx", (unsigned long long) (mix64(++n ^ (uint64_t) real_ms()) >> 12));
}

bool
protocol_error(Call *call, Out *o, int code, const char *msg, const char *sub_code,
			   const char *sub_msg)
{
	call->code = code;
	snprintf(call->words, sizeof(call->words), "%s %s %s", msg, sub_code ? sub_code : "",
			 sub_msg ? sub_msg : "");
	o->len = 0;
	if (call->xml)
	{
		/* Of XML, the platform's default, only errors are spoken here. */
		out_printf(o, "<?xml version=\"1.0\" encoding=\"utf-8\" ?><error_response><code>%d</code><msg>%s</msg>",
				   code, msg);
		if (sub_code != NULL)
			out_printf(o, "<sub_code>%s</sub_code>", sub_code);
		if (sub_msg != NULL)
			out_printf(o, "<sub_msg>%s</sub_msg>", sub_msg);
		out_lit(o, "</error_response>");
		return false;
	}
	out_printf(o, "{\"error_response\":{\"code\":%d,\"msg\":", code);
	out_json(o, msg);
	if (sub_code != NULL)
	{
		out_lit(o, ",\"sub_code\":");
		out_json(o, sub_code);
	}
	if (sub_msg != NULL)
	{
		out_lit(o, ",\"sub_msg\":");
		out_json(o, sub_msg);
	}
	out_lit(o, ",\"request_id\":\"");
	write_request_id(o);
	out_lit(o, "\"}}");
	return false;
}

bool
protocol_check(Call *call, Out *o)
{
	const char *format = param(call, "format");
	const char *version = param(call, "v");
	const char *app_key = param(call, "app_key");

	if (call->overflow)
		return protocol_error(call, o, 41, "Invalid Arguments", NULL, "too many parameters");
	if (call->method_name == NULL)
		return protocol_error(call, o, 21, "Missing Method", NULL, NULL);
	if (call->method < 0)
		return protocol_error(call, o, 22, "Invalid Method", NULL, NULL);
	if (format == NULL || strcmp(format, "json") != 0)
		return protocol_error(call, o, 23, "Invalid Format", NULL, "format is json here");
	if (app_key == NULL)
		return protocol_error(call, o, 28, "Missing App Key", NULL, NULL);
	if (strcmp(app_key, APP_KEY) != 0)
		return protocol_error(call, o, 29, "Invalid App Key", "isv.appkey-not-exists", NULL);
	if (version == NULL)
		return protocol_error(call, o, 32, "Missing Version", NULL, NULL);
	if (strcmp(version, "2.0") != 0)
		return protocol_error(call, o, 33, "Invalid Version", NULL, NULL);
	if (wrong_signature(call, o) || wrong_time(call, o))
		return false;
	if (methods[call->method].session)
	{
		if (param(call, "session") == NULL)
			return protocol_error(call, o, 26, "Missing Session", NULL, NULL);
		if (call->shop == NULL)
			return protocol_error(call, o, 27, "Invalid session", "invalid-sessionkey", "SessionKey非法");
	}
	return true;
}

/* The two say true when something was wrong and o holds the error. */
static bool
wrong_signature(Call *call, Out *o)
{
	const char *sign = param(call, "sign");
	const char *sign_method = param(call, "sign_method");
	char		hex[EVP_MAX_MD_SIZE * 2 + 1];

	if (sign == NULL)
		return !protocol_error(call, o, 24, "Missing Signature", NULL, NULL);
	for (int i = 0; i < call->nparams; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(call->params[i].name, call->params[j].name) == 0)
				return !protocol_error(call, o, 41, "Invalid Arguments", NULL, "parameter sent twice");
	if (sign_method == NULL ||
		!protocol_sign(sign_method, APP_SECRET, call->params, call->nparams, hex) ||
		strcmp(hex, sign) != 0)
		return !protocol_error(call, o, 25, "Invalid signature", NULL, NULL);
	return false;
}

static bool
wrong_time(Call *call, Out *o)
{
	const char *timestamp = param(call, "timestamp");
	int64_t		t;
	int64_t		off;

	if (timestamp == NULL)
		return !protocol_error(call, o, 30, "Missing Timestamp", NULL, NULL);
	if (!time_read(timestamp, &t))
		return !protocol_error(call, o, 31, "Invalid Timestamp", NULL, "非法的时间戳参数");
	off = t * 1000 - clock_ms();
	if (off > TOLERANCE_MS || off < -TOLERANCE_MS)
		return !protocol_error(call, o, 31, "Invalid Timestamp", NULL, "时间戳误差超过10分钟");
	return false;
}

/* ---- signature ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const Param *) a)->name, ((const Param *) b)->name);
}

bool
protocol_sign(const char *sign_method, const char *secret, const Param *params, int nparams,
			  char *hex)
{
	static Out	text;
	Param		sorted[MAX_PARAMS];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned	len = 0;
	int			n = 0;
	bool		plain = strcmp(sign_method, "md5") == 0;

	for (int i = 0; i < nparams; i++)
		if (params[i].name[0] && params[i].value[0] && strcmp(params[i].name, "sign") != 0)
			sorted[n++] = params[i];
	qsort(sorted, (size_t) n, sizeof(Param), by_name);
	text.len = 0;
	if (plain)
		out_text(&text, secret);
	for (int i = 0; i < n; i++)
	{
		out_text(&text, sorted[i].name);
		out_text(&text, sorted[i].value);
	}
	if (plain)
	{
		out_text(&text, secret);
		EVP_Digest(text.data, text.len, digest, &len, EVP_md5(), NULL);
	}
	else if (strcmp(sign_method, "hmac") == 0 || strcmp(sign_method, "hmac-sha256") == 0)
		HMAC(sign_method[4] == '\0' ? EVP_md5() : EVP_sha256(), secret, (int) strlen(secret),
			 (unsigned char *) text.data, text.len, digest, &len);
	else
		return false;
	for (unsigned i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02X", digest[i]);
	return true;
}
