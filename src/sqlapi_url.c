/*
 * sqlapi_url.c
 *	  Where calls and secrets may go, as SQL sees it: URLs and proxies checked,
 *	  destinations, sealing for a destination.
 *
 * The rules are http_url.c's, the worker's own; here they become errors with
 * detail and hint.  No function gives a secret back in the clear.
 */
#include "compat.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "http_url.h"
#include "secret.h"

ORDERSYNC_EXPORT Datum ordersync_check_url(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_check_proxy(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_destination(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_seal(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_reseal(PG_FUNCTION_ARGS);

static void refuse(const HttpRefusal *why);

PG_FUNCTION_INFO_V1(ordersync_check_url);
/* check_url(url) */
Datum
ordersync_check_url(PG_FUNCTION_ARGS)
{
	const char *url = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	HttpRoute	route;
	HttpRefusal why;

	if (!http_route(url, NULL, &route, &why))
		refuse(&why);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ordersync_check_proxy);
/* check_proxy(proxy) */
Datum
ordersync_check_proxy(PG_FUNCTION_ARGS)
{
	HttpRefusal why;

	if (!http_proxy_allowed(text_to_cstring(PG_GETARG_TEXT_PP(0)), &why))
		refuse(&why);
	PG_RETURN_VOID();
}

static void
refuse(const HttpRefusal *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", why->message),
			 why->detail != NULL ? errdetail("%s", why->detail) : 0,
			 why->hint != NULL ? errhint("%s", why->hint) : 0));
}

PG_FUNCTION_INFO_V1(ordersync_destination);
/* destination(base_url, proxy) → text, NULL for what is no URL */
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

PG_FUNCTION_INFO_V1(ordersync_seal);
/* seal(secret, kind, name, destination) → bytea */
Datum
ordersync_seal(PG_FUNCTION_ARGS)
{
	text	   *secret = PG_GETARG_TEXT_PP(0);
	char	   *purpose = secret_purpose(text_to_cstring(PG_GETARG_TEXT_PP(1)),
										 text_to_cstring(PG_GETARG_TEXT_PP(2)),
										 text_to_cstring(PG_GETARG_TEXT_PP(3)));

	PG_RETURN_BYTEA_P(secret_seal(VARDATA_ANY(secret), VARSIZE_ANY_EXHDR(secret), purpose));
}

PG_FUNCTION_INFO_V1(ordersync_reseal);
/*
 * reseal(sealed, kind, name, old destination, new destination) → bytea
 *
 * Only a superuser may take a secret to another place, and only by its own
 * hand: not whoever is called by one, as the owner's triggers are by workers.
 */
Datum
ordersync_reseal(PG_FUNCTION_ARGS)
{
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char	   *why;
	char	   *plain;
	bytea	   *sealed;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser can keep secrets for another destination"),
				 errhint("Type them again, which needs no superuser.")));
	plain = secret_open(PG_GETARG_BYTEA_PP(0),
						secret_purpose(kind, name, text_to_cstring(PG_GETARG_TEXT_PP(3))), &why);
	if (plain == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the %s of %s cannot be opened", kind, name),
				 errdetail("%s.", why),
				 errhint("Type it again.")));
	sealed = secret_seal(plain, strlen(plain),
						 secret_purpose(kind, name, text_to_cstring(PG_GETARG_TEXT_PP(4))));
	secret_wipe(plain);
	PG_RETURN_BYTEA_P(sealed);
}
