/*
 * sqlapi_secret.c
 *	  Secrets, as SQL sees them: sealing for a destination, whether what is
 *	  sealed opens.
 *
 * No function gives a secret back in the clear.
 */
#include "compat.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "secret.h"
#include "secret_log.h"

ORDERSYNC_EXPORT Datum ordersync_hide_statement(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_seal(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_can_open(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_reseal(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_renew_seal(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_newest_head(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_seal_id(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(ordersync_hide_statement);
/* hide_statement(): what takes a secret calls it first, whatever then fails */
Datum
ordersync_hide_statement(PG_FUNCTION_ARGS)
{
	secret_log_hide_statement();
	PG_RETURN_VOID();
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
	SecretTrouble trouble;
	char	   *plain;
	bytea	   *sealed;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser can keep secrets for another destination"),
				 errhint("Set them again; that does not require superuser privileges.")));
	plain = secret_open(PG_GETARG_BYTEA_PP(0),
						secret_purpose(kind, name, text_to_cstring(PG_GETARG_TEXT_PP(3))), &trouble);
	if (plain == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the %s of %s cannot be opened", kind, name),
				 errdetail("%s.", trouble.why),
				 errhint("Set it again.")));
	sealed = secret_seal(plain, strlen(plain),
						 secret_purpose(kind, name, text_to_cstring(PG_GETARG_TEXT_PP(4))));
	secret_wipe(plain);
	PG_RETURN_BYTEA_P(sealed);
}

PG_FUNCTION_INFO_V1(ordersync_can_open);
/* can_open(sealed, kind, name, destination) → boolean */
Datum
ordersync_can_open(PG_FUNCTION_ARGS)
{
	char	   *purpose = secret_purpose(text_to_cstring(PG_GETARG_TEXT_PP(1)),
										 text_to_cstring(PG_GETARG_TEXT_PP(2)),
										 text_to_cstring(PG_GETARG_TEXT_PP(3)));
	SecretTrouble trouble;
	char	   *plain = secret_open(PG_GETARG_BYTEA_PP(0), purpose, &trouble);

	if (plain == NULL)
		PG_RETURN_BOOL(false);
	secret_wipe(plain);
	pfree(plain);
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(ordersync_renew_seal);
/* renew_seal(sealed, kind, name, destination) → bytea; NULL: the newest key has sealed it, or none opens it */
Datum
ordersync_renew_seal(PG_FUNCTION_ARGS)
{
	char	   *purpose = secret_purpose(text_to_cstring(PG_GETARG_TEXT_PP(1)),
										 text_to_cstring(PG_GETARG_TEXT_PP(2)),
										 text_to_cstring(PG_GETARG_TEXT_PP(3)));
	bytea	   *renewed = secret_renew(PG_GETARG_BYTEA_PP(0), purpose);

	if (renewed == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(renewed);
}

PG_FUNCTION_INFO_V1(ordersync_newest_head);
/* newest_head() → bytea; NULL: the key file cannot be used */
Datum
ordersync_newest_head(PG_FUNCTION_ARGS)
{
	bytea	   *head = secret_newest_head();

	if (head == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(head);
}

PG_FUNCTION_INFO_V1(ordersync_seal_id);
/* seal_id(sealed) → text; NULL: not sealed in a form that is known */
Datum
ordersync_seal_id(PG_FUNCTION_ARGS)
{
	char	   *id = secret_seal_id(PG_GETARG_BYTEA_PP(0));

	if (id == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}
