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

#include "call_params.h"
#include "top_api.h"

static const GatewayList *top_serves(const GatewayCall *call);
static bool top_needs_secret(const Gateway *gateway);
static void top_build(const GatewayCall *call, int64 now_ms, GatewayRequest *request);
static void add_system_params(CallParams *params, const GatewayCall *call, const TopApi *api,
							  int64 now_ms);
static void add_list_params(CallParams *params, const GatewayCall *call, const TopApi *api);
static void add_types(CallParams *params, const GatewayCall *call, const TopApi *api);

const GatewayProtocol gateway_top = {
	.name = "top",
	.needs_secret = top_needs_secret,
	.serves = top_serves,
	.build = top_build,
	.classify = top_classify
};

static const GatewayList *
top_serves(const GatewayCall *call)
{
	const TopApi *api = top_api(call);

	return api == NULL || api->list.method == NULL ? NULL : &api->list;
}

static bool
top_needs_secret(const Gateway *gateway)
{
	return true;
}

/* Builds the complete request of a call, or request->error. */
static void
top_build(const GatewayCall *call, int64 now_ms, GatewayRequest *request)
{
	const TopApi *api = top_api(call);
	const Gateway *gateway = call->task->gateway;
	CallParams *params = palloc0(sizeof(CallParams));
	char	   *sign;

	memset(request, 0, sizeof(GatewayRequest));
	if (api == NULL || api->list.method == NULL)
	{
		request->error = "the platform has no list for this stream and basis";
		return;
	}
	request->method = api->list.method;
	request->url = pstrdup(gateway->base_url);
	if (!params_add_url(params, gateway->base_url))
	{
		request->error = "the gateway's base_url carries too many parameters";
		return;
	}
	add_system_params(params, call, api, now_ms);
	top_add_params(params, call, api);

	sign = params_sign(params, gateway->sign_method, gateway->app_secret, &request->error);
	if (sign == NULL)
		return;
	params_add(params, "sign", sign, PARAM_TEXT);
	params_form(params, request);
}

/* The parameters that every call carries. */
static void
add_system_params(CallParams *params, const GatewayCall *call, const TopApi *api, int64 now_ms)
{
	const Gateway *gateway = call->task->gateway;

	params_add(params, "method", api->list.method, PARAM_TEXT);
	params_add(params, "app_key", gateway->app_key, PARAM_TEXT);
	params_add(params, "session", call->task->data_key, PARAM_TEXT);
	params_add_time(params, "timestamp", now_ms / 1000);
	params_add(params, "format", "json", PARAM_TEXT);
	params_add(params, "v", "2.0", PARAM_TEXT);
	params_add(params, "sign_method", gateway->sign_method, PARAM_TEXT);
}

/* See top_api.h. */
void
top_add_params(CallParams *params, const GatewayCall *call, const TopApi *api)
{
	params_add(params, "fields", top_field_list(api, call), PARAM_TEXT);
	switch (call->kind)
	{
		case CALL_LIST:
			add_list_params(params, call, api);
			break;
		case CALL_DETAILS:
			params_add(params, api->id, psprintf(INT64_FORMAT, call->id), PARAM_TEXT);
			break;
		case CALL_REFUNDS_OF_ORDER:
			params_add(params, "tid", psprintf(INT64_FORMAT, call->id), PARAM_TEXT);
			params_add(params, "page_no", "1", PARAM_NUMBER);
			params_add(params, "page_size", psprintf("%d", api->list.max_page_size), PARAM_NUMBER);
			params_add(params, "use_has_next", "false", PARAM_BOOL);
			break;
		case CALL_WHOAMI:
			break;
	}
}

/* The parameters of one page of a window. */
static void
add_list_params(CallParams *params, const GatewayCall *call, const TopApi *api)
{
	const PageAsk *ask = &call->ask;

	params_add_time(params, api->start_param, ask->start);
	params_add_time(params, api->end_param, ask->end);
	params_add(params, "page_no", psprintf("%d", ask->page_no), PARAM_NUMBER);
	params_add(params, "page_size", psprintf("%d", Min(ask->page_size, api->list.max_page_size)),
			   PARAM_NUMBER);
	params_add(params, "use_has_next", ask->use_has_next ? "true" : "false", PARAM_BOOL);
	add_types(params, call, api);
}

/* Which orders: those of all types that are known, of one kind, or of whatever type. */
static void
add_types(CallParams *params, const GatewayCall *call, const TopApi *api)
{
	const SyncTask *task = call->task;
	const char *more = task->gateway->types_add;

	if (call->any_type)
		return;
	if (api->types != NULL)
		params_add(params, "type",
				   more == NULL ? api->types : psprintf("%s,%s", api->types, more), PARAM_TEXT);
	if (task->ext_type != NULL && strcmp(task->ext_type, TASK_ANY_TYPE) != 0)
		params_add(params, "ext_type", task->ext_type, PARAM_TEXT);
}
