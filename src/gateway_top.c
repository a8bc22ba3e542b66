/*
 * gateway_top.c
 *	  Protocol "top": builds the platform's requests.
 *
 * A call is one POST to the base URL with every parameter in the form body: so
 * neither the data key nor the signature ever stands in a URL, which servers
 * and proxies log.  What the base URL itself carries as a query (a relay's
 * token) is sent there and signed with the rest, since the platform signs the
 * union of query and body.
 *
 * Verdicts on what comes back: top_reply.c, top_error.c.  Pure: the time is an
 * argument, and Asia/Shanghai is arithmetic, whatever the server's zone.
 */
#include "compat.h"

#include <ctype.h>

#include "lib/stringinfo.h"

#include "sign.h"
#include "top_api.h"
#include "value.h"

/* Parameters of one call, those of the base URL included. */
#define MAX_PARAMS 48

typedef struct ParamList
{
	int			n;
	int			nurl;			/* the first ones came with the base URL */
	SignParam	params[MAX_PARAMS];
} ParamList;

static const char *top_method(const GatewayCall *call);
static void top_build(const GatewayCall *call, int64 now_ms, GatewayRequest *request);
static bool add_url_params(ParamList *list, const char *url);
static char *decode(const char *text, size_t len);
static void add_system_params(ParamList *list, const GatewayCall *call, const TopApi *api,
							  int64 now_ms);
static void add_list_params(ParamList *list, const GatewayCall *call, const TopApi *api);
static void add_types(ParamList *list, const GatewayCall *call, const TopApi *api);
static void add(ParamList *list, const char *name, const char *value);
static void add_timestamp(ParamList *list, const char *name, int64 epoch_s);
static void encode_params(const ParamList *list, StringInfo body);
static void encode(StringInfo body, const char *text);

const GatewayProtocol gateway_top = {
	.name = "top",
	.list = top_list,
	.build = top_build,
	.classify = top_classify,
	.method = top_method
};

static const char *
top_method(const GatewayCall *call)
{
	const TopApi *api = top_api(call);

	return api != NULL ? api->list.method : NULL;
}

/* Builds the complete request of a call, or request->error. */
static void
top_build(const GatewayCall *call, int64 now_ms, GatewayRequest *request)
{
	const TopApi *api = top_api(call);
	const Gateway *gateway = call->task->gateway;
	ParamList  *list = palloc(sizeof(ParamList));
	SignParam	sorted[MAX_PARAMS];
	StringInfoData body;
	const char *error = NULL;
	char	   *sign;

	memset(request, 0, sizeof(GatewayRequest));
	memset(list, 0, sizeof(ParamList));
	if (api == NULL)
	{
		request->error = "the platform has no list for this stream and basis";
		return;
	}
	request->method = api->list.method;
	request->url = pstrdup(gateway->base_url);
	if (!add_url_params(list, gateway->base_url))
	{
		request->error = "the gateway's base_url carries too many parameters";
		return;
	}
	add_system_params(list, call, api, now_ms);
	add(list, "fields", top_field_list(api, call));
	if (call->kind == CALL_LIST)
		add_list_params(list, call, api);
	else if (call->kind == CALL_DETAILS)
		add(list, api->id, psprintf(INT64_FORMAT, call->id));

	memcpy(sorted, list->params, sizeof(sorted));
	sign = sign_params(gateway->sign_method, gateway->app_secret, sorted, list->n, &error);
	if (sign == NULL)
	{
		request->error = error;
		return;
	}
	add(list, "sign", sign);

	initStringInfo(&body);
	encode_params(list, &body);
	request->body = body.data;
	request->body_len = body.len;
}

/* The parameters of the URL's query, decoded; false when they are too many. */
static bool
add_url_params(ParamList *list, const char *url)
{
	const char *at = strchr(url, '?');

	while (at != NULL && at[1] != '\0' && at[1] != '#')
	{
		const char *name = at + 1;
		size_t		len = strcspn(name, "&#");
		const char *equals = memchr(name, '=', len);
		size_t		name_len = equals == NULL ? len : equals - name;

		if (list->n >= MAX_PARAMS / 2)
			return false;
		if (len > 0)
			add(list, decode(name, name_len),
				equals == NULL ? "" : decode(equals + 1, len - name_len - 1));
		at = name[len] == '&' ? name + len : NULL;
	}
	list->nurl = list->n;
	return true;
}

/* Resolves %XX and '+'. */
static char *
decode(const char *text, size_t len)
{
	char	   *out = palloc(len + 1);
	size_t		used = 0;

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i] == '+' ? ' ' : text[i];

		if (c == '%' && i + 2 < len && isxdigit((unsigned char) text[i + 1]) &&
			isxdigit((unsigned char) text[i + 2]))
		{
			char		hex[3] = {text[i + 1], text[i + 2], '\0'};

			c = (char) strtol(hex, NULL, 16);
			i += 2;
		}
		out[used++] = c;
	}
	out[used] = '\0';
	return out;
}

/* The parameters that every call carries. */
static void
add_system_params(ParamList *list, const GatewayCall *call, const TopApi *api, int64 now_ms)
{
	const Gateway *gateway = call->task->gateway;

	add(list, "method", api->list.method);
	add(list, "app_key", gateway->app_key);
	add(list, "session", call->task->data_key);
	add_timestamp(list, "timestamp", now_ms / 1000);
	add(list, "format", "json");
	add(list, "v", "2.0");
	add(list, "sign_method", gateway->sign_method);
}

/* The parameters of one page of a window. */
static void
add_list_params(ParamList *list, const GatewayCall *call, const TopApi *api)
{
	const PageAsk *ask = &call->ask;

	add_timestamp(list, api->start_param, ask->start);
	add_timestamp(list, api->end_param, ask->end);
	add(list, "page_no", psprintf("%d", ask->page_no));
	add(list, "page_size", psprintf("%d", Min(ask->page_size, api->list.max_page_size)));
	add(list, "use_has_next", ask->use_has_next ? "true" : "false");
	add_types(list, call, api);
}

/* Which orders: those of all types that are known, of one kind, or of whatever type. */
static void
add_types(ParamList *list, const GatewayCall *call, const TopApi *api)
{
	const SyncTask *task = call->task;
	const char *more = task->gateway->types_add;

	if (call->any_type)
		return;
	if (api->types != NULL)
		add(list, "type", more == NULL ? api->types : psprintf("%s,%s", api->types, more));
	if (task->ext_type != NULL && strcmp(task->ext_type, TASK_ANY_TYPE) != 0)
		add(list, "ext_type", task->ext_type);
}

/* Adds one parameter; what is empty is neither signed nor sent. */
static void
add(ParamList *list, const char *name, const char *value)
{
	if (name == NULL || name[0] == '\0' || value == NULL || value[0] == '\0')
		return;
	if (list->n >= MAX_PARAMS)
		elog(ERROR, "too many parameters for one call");
	list->params[list->n].name = name;
	list->params[list->n].value = value;
	list->n++;
}

/* Adds a moment as the platform writes it. */
static void
add_timestamp(ParamList *list, const char *name, int64 epoch_s)
{
	char	   *text = palloc(VALUE_TIME_LEN + 1);

	value_write_time(epoch_s, text);
	add(list, name, text);
}

/* The form body: every parameter that is not in the URL. */
static void
encode_params(const ParamList *list, StringInfo body)
{
	for (int i = list->nurl; i < list->n; i++)
	{
		if (i > list->nurl)
			appendStringInfoChar(body, '&');
		encode(body, list->params[i].name);
		appendStringInfoChar(body, '=');
		encode(body, list->params[i].value);
	}
}

/* Percent-encodes all but the unreserved characters. */
static void
encode(StringInfo body, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text != '\0'; text++)
	{
		unsigned char c = *text;

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			c == '-' || c == '_' || c == '.' || c == '~')
			appendStringInfoChar(body, c);
		else
		{
			appendStringInfoChar(body, '%');
			appendStringInfoChar(body, digits[c >> 4]);
			appendStringInfoChar(body, digits[c & 15]);
		}
	}
}
