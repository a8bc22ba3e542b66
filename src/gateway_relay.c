/*
 * gateway_relay.c
 *	  Protocol "relay": a partner's HTTP service in front of the platform.
 *
 * Each of the platform's calls is an operation with a path of its own behind
 * the base URL.  What a call says is what protocol "top" says (top_add_params());
 * here it gets the relay's names and the relay's form, and the data key as one
 * parameter in place of session and signature.  All that can differ stands in
 * the gateway's option "relay" (relay_map.c); what comes back is read in
 * relay_reply.c.  Pure.
 */
#include "compat.h"

#include "call_params.h"
#include "relay_map.h"
#include "top_api.h"

static bool relay_prepare(Gateway *gateway, GatewayFault *fault);
static bool relay_needs_secret(const Gateway *gateway);
static const GatewayList *relay_serves(const GatewayCall *call);
static void relay_build(const GatewayCall *call, int64 now_ms, GatewayRequest *request);
static char *operation_url(const char *base_url, const char *path);
static void add_renamed(CallParams *params, const RelayMap *map, RelayOperation operation,
						const CallParam *param);
static void add_time(CallParams *params, const RelayMap *map, const char *name, int64 epoch_s);
static bool sign(CallParams *params, const RelayMap *map, const Gateway *gateway, int64 now_ms,
				 GatewayRequest *request);

const GatewayProtocol gateway_relay = {
	.name = "relay",
	.prepare = relay_prepare,
	.needs_secret = relay_needs_secret,
	.serves = relay_serves,
	.build = relay_build,
	.classify = relay_classify
};

static bool
relay_prepare(Gateway *gateway, GatewayFault *fault)
{
	RelayMap   *map = relay_map_read(gateway->options, fault);
	HttpHeader *headers;

	gateway->map = map;
	if (map == NULL)
		return false;
	headers = palloc0(sizeof(HttpHeader) * (gateway->nheaders + map->nheaders + 1));
	if (gateway->nheaders > 0)
		memcpy(headers, gateway->headers, sizeof(HttpHeader) * gateway->nheaders);
	memcpy(headers + gateway->nheaders, map->headers, sizeof(HttpHeader) * map->nheaders);
	gateway->headers = headers;
	gateway->nheaders += map->nheaders;
	return true;
}

static bool
relay_needs_secret(const Gateway *gateway)
{
	const RelayMap *map = gateway->map;

	return map != NULL && map->sign;
}

static const GatewayList *
relay_serves(const GatewayCall *call)
{
	RelayMap   *map = call->task->gateway->map;
	RelayOperation operation = relay_operation(call);
	const TopApi *api = top_api(call);
	GatewayList *list;

	if (map == NULL || api == NULL || operation == RELAY_OPERATIONS || map->paths[operation] == NULL)
		return NULL;
	list = &map->lists[operation];
	*list = api->list;
	list->method = map->paths[operation];
	list->totals = list->totals && map->totals;
	list->any_type = map->names[operation][RELAY_TYPE] != NULL;
	list->ext_type = map->names[operation][RELAY_EXT_TYPE] != NULL;
	list->fixed_pages = map->names[operation][RELAY_PAGE_SIZE] == NULL;
	return list;
}

/* Builds the complete request of a call, or request->error. */
static void
relay_build(const GatewayCall *call, int64 now_ms, GatewayRequest *request)
{
	const Gateway *gateway = call->task->gateway;
	const RelayMap *map = gateway->map;
	RelayOperation operation = relay_operation(call);
	CallParams *params = palloc0(sizeof(CallParams));
	CallParams *ours = palloc0(sizeof(CallParams));

	memset(request, 0, sizeof(GatewayRequest));
	if (relay_serves(call) == NULL)
	{
		request->error = "the gateway's option \"relay\" has no path for this call";
		return;
	}
	request->method = map->paths[operation];
	request->url = operation_url(gateway->base_url, map->paths[operation]);
	if (!params_add_url(params, gateway->base_url))
	{
		request->error = "the gateway's base_url carries too many parameters";
		return;
	}
	params_add(params, map->names[operation][RELAY_CREDENTIAL], call->task->data_key, PARAM_TEXT);
	for (int i = 0; i < map->nconstants; i++)
		params_add(params, map->constants[i].name, map->constants[i].value, PARAM_TEXT);
	top_add_params(ours, call, top_api(call));
	for (int i = 0; i < ours->n; i++)
		add_renamed(params, map, operation, &ours->params[i]);
	if (map->sign && !sign(params, map, gateway, now_ms, request))
		return;
	if (map->json)
		params_json(params, request);
	else
		params_form(params, request);
}

/* The path behind the base URL's own; what that has as a query stays behind it. */
static char *
operation_url(const char *base_url, const char *path)
{
	size_t		len = strcspn(base_url, "?#");
	const char *rest = base_url + len;

	while (len > 0 && base_url[len - 1] == '/')
		len--;
	return psprintf("%.*s%s%s", (int) len, base_url, path, rest);
}

/* One of the platform's parameters, by the relay's name; a name that it has not leaves it out. */
static void
add_renamed(CallParams *params, const RelayMap *map, RelayOperation operation,
			const CallParam *param)
{
	RelayParameter parameter = relay_parameter(param->name);
	const char *name = parameter == RELAY_PARAMETERS ? NULL : map->names[operation][parameter];

	if (param->kind == PARAM_TIME)
		add_time(params, map, name, param->epoch_s);
	else
		params_add(params, name, param->value, param->kind);
}

static void
add_time(CallParams *params, const RelayMap *map, const char *name, int64 epoch_s)
{
	switch (map->times)
	{
		case RELAY_TIMES_TEXT:
			params_add_time(params, name, epoch_s);
			break;
		case RELAY_TIMES_EPOCH:
			params_add(params, name, psprintf(INT64_FORMAT, epoch_s), PARAM_NUMBER);
			break;
		case RELAY_TIMES_EPOCH_MS:
			params_add(params, name, psprintf(INT64_FORMAT "000", epoch_s), PARAM_NUMBER);
			break;
	}
}

/* As the platform signs, with the relay's names; false, and request->error, when it cannot be. */
static bool
sign(CallParams *params, const RelayMap *map, const Gateway *gateway, int64 now_ms,
	 GatewayRequest *request)
{
	char	   *signature;

	if (gateway->app_secret == NULL)
	{
		request->error = "the gateway's calls are signed, and it has no application secret";
		return false;
	}
	params_add(params, map->app_key, gateway->app_key, PARAM_TEXT);
	params_add_time(params, map->timestamp, now_ms / 1000);
	params_add(params, map->sign_method, gateway->sign_method, PARAM_TEXT);
	signature = params_sign(params, gateway->sign_method, gateway->app_secret, &request->error);
	if (signature == NULL)
		return false;
	params_add(params, map->signature, signature, PARAM_TEXT);
	return true;
}
