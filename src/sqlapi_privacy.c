/*
 * sqlapi_privacy.c
 *	  The privacy policy as SQL uses it: the built-in list, and what the policy in
 *	  force makes of what is stored.
 *
 * All but the built-in list read the policy from the tables first, where it has
 * changed.  None returns the key, and a hash is returned only for a value that the
 * caller has.
 */
#include "compat.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "datums.h"
#include "personal.h"
#include "privacy.h"
#include "record.h"
#include "record_jsonb.h"
#include "scrub.h"
#include "scrub_text.h"
#include "secret.h"

#define MAX_EXCERPT 8192

ORDERSYNC_EXPORT Datum ordersync_privacy_defaults(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_is_protected_field(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_privacy_rule(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_private_record(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_private_body(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_private_value(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_private_excerpt(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_hash_value(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_new_hash_key(PG_FUNCTION_ARGS);

static size_t clean_body(const char *body, size_t len, bool forget, char *out);

PG_FUNCTION_INFO_V1(ordersync_privacy_defaults);
/* privacy_defaults() → field, rule, why */
Datum
ordersync_privacy_defaults(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	compat_init_materialized_srf(fcinfo);
	for (const PersonalDefault *d = personal_defaults(); d->field != NULL; d++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(d->field);
		values[1] = CStringGetTextDatum(personal_rule_name(d->rule));
		values[2] = CStringGetTextDatum(d->why);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ordersync_is_protected_field);
/* is_protected_field(field text) → boolean */
Datum
ordersync_is_protected_field(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(personal_protected(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

PG_FUNCTION_INFO_V1(ordersync_privacy_rule);
/* privacy_rule(field text) → text: what is done with a member of this name */
Datum
ordersync_privacy_rule(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);

	privacy_use();
	PG_RETURN_TEXT_P(cstring_to_text(personal_rule_name(personal_rule(
		personal_look(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))))));
}

PG_FUNCTION_INFO_V1(ordersync_private_record);
/* private_record(record jsonb, forget boolean) → jsonb; strict */
Datum
ordersync_private_record(PG_FUNCTION_ARGS)
{
	Jsonb	   *record = PG_GETARG_JSONB_P(0);
	ScrubMode	mode = {.forget = PG_GETARG_BOOL(1)};
	char	   *json;
	char	   *out;
	size_t		len;
	size_t		outlen;
	const char *reason;

	privacy_use();
	json = JsonbToCString(NULL, &record->root, VARSIZE(record));
	len = strlen(json);
	out = MemoryContextAllocHuge(CurrentMemoryContext, scrub_size(len) + 1);
	reason = scrub_strict(json, len, NULL, 0, &mode, out, &outlen);
	if (reason != NULL)
		elog(ERROR, "a stored record cannot be read: %s", reason);
	if (outlen == len && memcmp(out, json, len) == 0)
		PG_RETURN_JSONB_P(record);
	PG_RETURN_JSONB_P(record_jsonb(out, outlen));
}

PG_FUNCTION_INFO_V1(ordersync_private_body);
/* private_body(body bytea, forget boolean) → bytea; strict */
Datum
ordersync_private_body(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(0);
	size_t		len = VARSIZE_ANY_EXHDR(body);
	bytea	   *result;

	privacy_use();
	result = palloc(VARHDRSZ + scrub_size(len) + 1);
	SET_VARSIZE(result, VARHDRSZ + clean_body(VARDATA_ANY(body), len, PG_GETARG_BOOL(1),
											  VARDATA(result)));
	PG_RETURN_BYTEA_P(result);
}

/* A whole record the strict way, anything else the loose one; returns the length. */
static size_t
clean_body(const char *body, size_t len, bool forget, char *out)
{
	ScrubMode	mode = {.forget = forget};
	size_t		outlen;

	if (scrub_strict(body, len, NULL, 0, &mode, out, &outlen) == NULL)
		return outlen;
	return forget ? 0 : scrub_loose(body, len, out);
}

PG_FUNCTION_INFO_V1(ordersync_private_value);
/* private_value(field text, value text) → text; strict */
Datum
ordersync_private_value(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char		hash[PERSONAL_HASH_LEN + 1];
	size_t		len = strlen(value);

	privacy_use();
	switch (personal_rule(personal_look(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))))
	{
		case PERSONAL_KEEP:
			break;
		case PERSONAL_SCRUB:
			len = scrub_text(value, len);
			break;
		case PERSONAL_HASH:
			if (len == 0)
				break;
			if (!personal_hash(value, len, hash))
				PG_RETURN_NULL();
			PG_RETURN_TEXT_P(cstring_to_text(hash));
		case PERSONAL_DROP:
			PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(value, (int) len));
}

PG_FUNCTION_INFO_V1(ordersync_private_excerpt);
/* private_excerpt(answer text) → text; strict */
Datum
ordersync_private_excerpt(PG_FUNCTION_ARGS)
{
	text	   *answer = PG_GETARG_TEXT_PP(0);
	char	   *excerpt;

	privacy_use();
	excerpt = record_excerpt(VARDATA_ANY(answer), VARSIZE_ANY_EXHDR(answer), MAX_EXCERPT);
	scrub_words(excerpt);
	PG_RETURN_TEXT_P(cstring_to_text(excerpt));
}

PG_FUNCTION_INFO_V1(ordersync_hash_value);
/* hash_value(value text) → text, NULL without the key; strict */
Datum
ordersync_hash_value(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	char		hash[PERSONAL_HASH_LEN + 1];

	privacy_use();
	if (!personal_hash(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), hash))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(hash));
}

PG_FUNCTION_INFO_V1(ordersync_new_hash_key);
/* new_hash_key() → kind, name, destination, sealed: a key that nobody has seen */
Datum
ordersync_new_hash_key(PG_FUNCTION_ARGS)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char key[PERSONAL_KEY_SIZE];
	char		plain[2 * PERSONAL_KEY_SIZE];
	TupleDesc	columns;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!pg_strong_random(key, sizeof(key)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	for (int i = 0; i < PERSONAL_KEY_SIZE; i++)
	{
		plain[2 * i] = hex[key[i] >> 4];
		plain[2 * i + 1] = hex[key[i] & 15];
	}
	values[0] = CStringGetTextDatum(PRIVACY_KEY_KIND);
	values[1] = CStringGetTextDatum(PRIVACY_KEY_NAME);
	values[2] = CStringGetTextDatum(PRIVACY_KEY_DESTINATION);
	values[3] = PointerGetDatum(secret_seal(plain, sizeof(plain),
											secret_purpose(PRIVACY_KEY_KIND, PRIVACY_KEY_NAME,
														   PRIVACY_KEY_DESTINATION)));
	explicit_bzero(key, sizeof(key));
	explicit_bzero(plain, sizeof(plain));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}
