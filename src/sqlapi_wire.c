/*
 * sqlapi_wire.c
 *	  What the platform sends, as SQL reads it: values, records, names, and what
 *	  its lists serve.
 *
 * None of these functions reads a table, a setting or a clock, but for the one that
 * splits records, which reads the privacy policy; so all others are IMMUTABLE, and all
 * PARALLEL SAFE.  The ones that read a value are STRICT and
 * return NULL, never an error, for what cannot be read.
 */
#include "compat.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "clock.h"
#include "datums.h"
#include "gateway.h"
#include "nick.h"
#include "pace.h"
#include "privacy.h"
#include "record.h"
#include "refusal.h"
#include "value.h"

#define SPLIT_COLUMNS 11

ORDERSYNC_EXPORT Datum ordersync_read_bigint(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_int(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_smallint(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_money(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_time(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_boolean(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_split_records(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_main_nick(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_unescape(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_served_fields(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_listed_types(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_refusal_kind(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_backoff_ms(PG_FUNCTION_ARGS);

static bool read_integer(FunctionCallInfo fcinfo, int64 min, int64 max, int64 *result);
static Datum paths_of(const ScrubMends *mends);
static Datum timestamp_or_null(int64 epoch_s, bool *isnull);

PG_FUNCTION_INFO_V1(ordersync_read_bigint);
/* read_bigint(text) → bigint */
Datum
ordersync_read_bigint(PG_FUNCTION_ARGS)
{
	int64		value;

	if (!read_integer(fcinfo, PG_INT64_MIN, PG_INT64_MAX, &value))
		PG_RETURN_NULL();
	PG_RETURN_INT64(value);
}

PG_FUNCTION_INFO_V1(ordersync_read_int);
/* read_int(text) → integer */
Datum
ordersync_read_int(PG_FUNCTION_ARGS)
{
	int64		value;

	if (!read_integer(fcinfo, PG_INT32_MIN, PG_INT32_MAX, &value))
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) value);
}

PG_FUNCTION_INFO_V1(ordersync_read_smallint);
/* read_smallint(text) → smallint */
Datum
ordersync_read_smallint(PG_FUNCTION_ARGS)
{
	int64		value;

	if (!read_integer(fcinfo, PG_INT16_MIN, PG_INT16_MAX, &value))
		PG_RETURN_NULL();
	PG_RETURN_INT16((int16) value);
}

/* The first argument as an integer within [min, max]. */
static bool
read_integer(FunctionCallInfo fcinfo, int64 min, int64 max, int64 *result)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	return value_integer(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), min, max, result);
}

PG_FUNCTION_INFO_V1(ordersync_read_money);
/* read_money(text) → numeric, with two decimals */
Datum
ordersync_read_money(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	int64		cents;

	if (!value_money(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &cents))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(int64_div_fast_to_numeric(cents, 2));
}

PG_FUNCTION_INFO_V1(ordersync_read_time);
/* read_time(text) → timestamptz */
Datum
ordersync_read_time(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	int64		epoch_s;

	if (!value_time(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &epoch_s))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(clock_timestamp_of(epoch_s));
}

PG_FUNCTION_INFO_V1(ordersync_read_boolean);
/* read_boolean(text) → boolean */
Datum
ordersync_read_boolean(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	bool		result;

	if (!value_boolean(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &result))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(result);
}

PG_FUNCTION_INFO_V1(ordersync_split_records);
/* split_records(list bytea, stream text, seller_nicks text[], require boolean) → set of rows */
Datum
ordersync_split_records(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bytea	   *list = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_PP(0);
	char	  **nicks = NULL;
	int			nnicks = 0;
	Stream		stream;
	RecordPage *page;

	if (PG_ARGISNULL(1) || !stream_from_name(text_to_cstring(PG_GETARG_TEXT_PP(1)), &stream))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized stream")));
	privacy_use();
	if (!PG_ARGISNULL(2))
		nicks = text_array_elements(PG_GETARG_ARRAYTYPE_P(2), &nnicks);
	page = record_split(list == NULL ? NULL : VARDATA_ANY(list),
						list == NULL ? 0 : VARSIZE_ANY_EXHDR(list), stream, nicks, nnicks,
						!PG_ARGISNULL(3) && PG_GETARG_BOOL(3));

	compat_init_materialized_srf(fcinfo);
	for (int i = 0; i < page->nrecords; i++)
	{
		const Record *record = &page->records[i];
		Datum		values[SPLIT_COLUMNS] = {0};
		bool		nulls[SPLIT_COLUMNS] = {0};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Int64GetDatum(record->id);
		nulls[1] = record->id == 0;
		values[2] = timestamp_or_null(record->modified, &nulls[2]);
		values[3] = timestamp_or_null(record->created, &nulls[3]);
		values[4] = timestamp_or_null(record->arrival, &nulls[4]);
		values[5] = datum_text(record->seller_nick, &nulls[5]);
		values[6] = datum_bytes(record->digest, RECORD_DIGEST_SIZE);
		values[7] = datum_bytes(record->body, record->body_len);
		values[8] = datum_text(record->quarantine, &nulls[8]);
		nulls[9] = record->mends.n == 0;
		if (!nulls[9])
			values[9] = paths_of(&record->mends);
		nulls[10] = page->findings.n == 0;
		if (!nulls[10])
			values[10] = datum_text_array((const char **) page->findings.paths, page->findings.n);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ordersync_refusal_kind);
/* refusal_kind(sqlstate text) → text */
Datum
ordersync_refusal_kind(PG_FUNCTION_ARGS)
{
	char	   *code = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *name;

	if (strlen(code) != 5 || strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid SQLSTATE: \"%s\"", code)));
	name = refusal_name(refusal_kind(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4])));
	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

PG_FUNCTION_INFO_V1(ordersync_main_nick);
/* main_nick(nick) → text */
Datum
ordersync_main_nick(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(nick_main(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

PG_FUNCTION_INFO_V1(ordersync_unescape);
/* unescape(nick) → text */
Datum
ordersync_unescape(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(nick_unescape(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

PG_FUNCTION_INFO_V1(ordersync_served_fields);
/* served_fields(source text, object text) → text[] */
Datum
ordersync_served_fields(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *object = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			n;
	const char **names = gateway_served_fields(source, object, &n);

	/* a word misspelt must not read as "serves nothing", which would keep every column as it is */
	if (names == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" serves no object \"%s\"", source, object)));
	PG_RETURN_DATUM(datum_text_array(names, n));
}

PG_FUNCTION_INFO_V1(ordersync_listed_types);
/* listed_types() → text */
Datum
ordersync_listed_types(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(gateway_listed_types()));
}

PG_FUNCTION_INFO_V1(ordersync_backoff_ms);
/* backoff_ms(attempt integer, base_ms bigint, cap_ms bigint, chance double precision) → bigint */
Datum
ordersync_backoff_ms(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(pace_backoff_ms(PG_GETARG_INT32(0), PG_GETARG_INT64(1), PG_GETARG_INT64(2),
									PG_GETARG_FLOAT8(3)));
}

/* Where values were mended. */
static Datum
paths_of(const ScrubMends *mends)
{
	const char **paths = palloc(sizeof(char *) * mends->n);

	for (int i = 0; i < mends->n; i++)
		paths[i] = mends->mends[i].path;
	return datum_text_array(paths, mends->n);
}

/* A moment, or NULL for NO_TIME. */
static Datum
timestamp_or_null(int64 epoch_s, bool *isnull)
{
	*isnull = epoch_s == NO_TIME;
	return *isnull ? (Datum) 0 : TimestampTzGetDatum(clock_timestamp_of(epoch_s));
}
