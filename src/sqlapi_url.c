/*
 * sqlapi_url.c
 *	  Where calls may go, as SQL sees it: URLs and proxies checked, destinations.
 *
 * The rules are http_url.c's, the worker's own; here they become errors with
 * detail and hint.
 */
#include "compat.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "http_url.h"

ORDERSYNC_EXPORT Datum ordersync_check_url(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_check_proxy(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_destination(PG_FUNCTION_ARGS);

static void report_refusal(const HttpRefusal *why);

PG_FUNCTION_INFO_V1(ordersync_check_url);
/* check_url(url) */
Datum
ordersync_check_url(PG_FUNCTION_ARGS)
{
	const char *url = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	HttpRoute	route;
	HttpRefusal why;

	if (!http_route(url, NULL, &route, &why))
		report_refusal(&why);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ordersync_check_proxy);
/* check_proxy(proxy) */
Datum
ordersync_check_proxy(PG_FUNCTION_ARGS)
{
	HttpRefusal why;

	if (!http_proxy_allowed(text_to_cstring(PG_GETARG_TEXT_PP(0)), &why))
		report_refusal(&why);
	PG_RETURN_VOID();
}

static void
report_refusal(const HttpRefusal *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", why->message),
			 why->detail != NULL ? errdetail("%s", why->detail) : 0,
			 why->hint != NULL ? errhint("%s", why->hint) : 0));
}

PG_FUNCTION_INFO_V1(ordersync_destination);
/* destination(base_url, proxy) → text, NULL for what is not a URL */
Datum
ordersync_destination(PG_FUNCTION_ARGS)
{
	char	   *destination = NULL;

	if (!PG_ARGISNULL(0))
		destination = http_destination(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									   PG_ARGISNULL(1) ? NULL :
									   text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (destination == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(destination));
}
