/*
 * sqlapi_wire.c
 *	  The pure rooms of the wire as SQL sees them: values, signatures, requests,
 *	  verdicts, records.
 *
 * apply reads values through these functions, and tests drive every pure room
 * with them, without a network.  None of them reads a table, a setting or a
 * clock, so all are IMMUTABLE and PARALLEL SAFE.  The ones that read a value
 * are STRICT and answer NULL, never an error, to what cannot be read.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "gateway.h"
#include "nick.h"
#include "pace.h"
#include "personal.h"
#include "record.h"
#include "refusal.h"
#include "sign.h"
#include "value.h"

/* Between the Unix epoch and PostgreSQL's, in seconds. */
#define EPOCH_SHIFT_S \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

#define CLASSIFY_COLUMNS 15
#define SPLIT_COLUMNS 10

ORDERSYNC_EXPORT Datum ordersync_read_bigint(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_int(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_smallint(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_money(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_time(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_boolean(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_sign(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_build_call(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_classify(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_split_records(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_main_nick(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_unescape(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_excerpt(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_served_fields(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_listed_types(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_personal_fields(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_refusal_kind(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_backoff_ms(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_pace_waits(PG_FUNCTION_ARGS);

static bool read_integer(FunctionCallInfo fcinfo, int64 min, int64 max, int64 *result);
static char **text_array(ArrayType *array, int *n);
static Datum text_array_of(const char *const *names, int n);
static Datum paths_of(const ScrubMends *mends);
static void read_reply(FunctionCallInfo fcinfo, SyncTask *task, GatewayCall *call,
					   CallReply *reply);
static void call_from_names(const char *kind, const char *stream, const char *basis,
							SyncTask *task, GatewayCall *call);
static Datum text_or_null(const char *text, bool *isnull);
static Datum moment_or_null(int64 epoch_s, bool *isnull);
static Datum bytes_datum(const void *bytes, size_t len);

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
	PG_RETURN_TIMESTAMPTZ((epoch_s - EPOCH_SHIFT_S) * USECS_PER_SEC);
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

PG_FUNCTION_INFO_V1(ordersync_sign);
/* sign(sign_method text, secret text, names text[], vals text[]) → text */
Datum
ordersync_sign(PG_FUNCTION_ARGS)
{
	char	   *method = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *secret = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			nnames;
	int			nvals;
	char	  **names = text_array(PG_GETARG_ARRAYTYPE_P(2), &nnames);
	char	  **vals = text_array(PG_GETARG_ARRAYTYPE_P(3), &nvals);
	SignParam  *params = palloc(sizeof(SignParam) * Max(nnames, 1));
	const char *error;
	char	   *sign;

	if (nnames != nvals)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be as many values as names"),
				 errdetail("There are %d names and %d values.", nnames, nvals)));
	for (int i = 0; i < nnames; i++)
	{
		params[i].name = names[i];
		params[i].value = vals[i];
	}
	sign = sign_params(method, secret, params, nnames, &error);
	if (sign == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("could not sign"),
				 errdetail("Reason: %s.", error)));
	PG_RETURN_TEXT_P(cstring_to_text(sign));
}

PG_FUNCTION_INFO_V1(ordersync_build_call);
/*
 * build_call(protocol, base_url, app_key, app_secret, sign_method, session, kind, stream, basis,
 * since_s, until_s, page_no, page_size, use_has_next, id, now_ms, fields_add, fields_drop)
 * → (method, url, body, error)
 */
Datum
ordersync_build_call(PG_FUNCTION_ARGS)
{
	Gateway		gateway = {0};
	SyncTask	task = {0};
	GatewayCall call = {0};
	GatewayRequest request;
	const GatewayProtocol *protocol;
	TupleDesc	desc;
	Datum		values[4] = {0};
	bool		nulls[4] = {0};

	gateway.protocol = text_to_cstring(PG_GETARG_TEXT_PP(0));
	gateway.base_url = text_to_cstring(PG_GETARG_TEXT_PP(1));
	gateway.app_key = text_to_cstring(PG_GETARG_TEXT_PP(2));
	gateway.app_secret = text_to_cstring(PG_GETARG_TEXT_PP(3));
	gateway.sign_method = text_to_cstring(PG_GETARG_TEXT_PP(4));
	task.data_key = text_to_cstring(PG_GETARG_TEXT_PP(5));
	task.gateway = &gateway;
	call_from_names(text_to_cstring(PG_GETARG_TEXT_PP(6)), text_to_cstring(PG_GETARG_TEXT_PP(7)),
					text_to_cstring(PG_GETARG_TEXT_PP(8)), &task, &call);
	call.ask.start = PG_GETARG_INT64(9);
	call.ask.end = PG_GETARG_INT64(10);
	call.ask.page_no = PG_GETARG_INT32(11);
	call.ask.page_size = PG_GETARG_INT32(12);
	call.ask.use_has_next = PG_GETARG_BOOL(13);
	call.id = PG_GETARG_INT64(14);
	task.fields_add.names = text_array(PG_GETARG_ARRAYTYPE_P(16), &task.fields_add.n);
	task.fields_drop.names = text_array(PG_GETARG_ARRAYTYPE_P(17), &task.fields_drop.n);

	protocol = gateway_protocol(gateway.protocol);
	if (protocol == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown protocol \"%s\"", gateway.protocol)));
	protocol->build(&call, PG_GETARG_INT64(15), &request);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = text_or_null(request.method, &nulls[0]);
	values[1] = text_or_null(request.url, &nulls[1]);
	values[2] = text_or_null(request.body, &nulls[2]);
	values[3] = text_or_null(request.error, &nulls[3]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

PG_FUNCTION_INFO_V1(ordersync_classify);
/*
 * classify(kind, stream, basis, http_status, body, net_error, timed_out, too_large, session, untrusted)
 * → one row
 */
Datum
ordersync_classify(PG_FUNCTION_ARGS)
{
	SyncTask	task = {0};
	GatewayCall call = {0};
	CallReply reply = {0};
	GatewayAnswer answer;
	TupleDesc	desc;
	Datum		values[CLASSIFY_COLUMNS] = {0};
	bool		nulls[CLASSIFY_COLUMNS] = {0};

	read_reply(fcinfo, &task, &call, &reply);
	gateway_top.classify(&call, &reply, &answer);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(verdict_name(answer.verdict));
	values[1] = text_or_null(answer.class, &nulls[1]);
	values[2] = text_or_null(answer.message, &nulls[2]);
	values[3] = Int64GetDatum(answer.code);
	values[4] = text_or_null(answer.msg, &nulls[4]);
	values[5] = text_or_null(answer.sub_code, &nulls[5]);
	values[6] = text_or_null(answer.sub_msg, &nulls[6]);
	values[7] = text_or_null(answer.request_id, &nulls[7]);
	values[8] = Int64GetDatum(answer.ban_ms);
	values[9] = BoolGetDatum(answer.shrink);
	values[10] = Int64GetDatum(answer.total);
	nulls[10] = answer.total < 0;
	values[11] = BoolGetDatum(answer.has_next == 1);
	nulls[11] = answer.has_next < 0;
	nulls[12] = answer.list == NULL;
	if (answer.list != NULL)
		values[12] = bytes_datum(answer.list, answer.list_len);
	values[13] = text_or_null(answer.nick, &nulls[13]);
	values[14] = Int64GetDatum(answer.user_id);
	nulls[14] = answer.user_id == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* The call and the reply that the arguments of classify() describe. */
static void
read_reply(FunctionCallInfo fcinfo, SyncTask *task, GatewayCall *call, CallReply *reply)
{
	for (int i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("kind, stream, basis and HTTP status must be given")));
	}
	call_from_names(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
					text_to_cstring(PG_GETARG_TEXT_PP(2)), task, call);
	reply->http_status = PG_GETARG_INT32(3);
	if (!PG_ARGISNULL(4))
	{
		bytea	   *body = PG_GETARG_BYTEA_PP(4);

		reply->body = VARDATA_ANY(body);
		reply->body_len = VARSIZE_ANY_EXHDR(body);
	}
	if (!PG_ARGISNULL(5))
	{
		reply->net_error = 1;
		reply->net_message = text_to_cstring(PG_GETARG_TEXT_PP(5));
	}
	reply->timed_out = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6);
	reply->too_large = !PG_ARGISNULL(7) && PG_GETARG_BOOL(7);
	if (!PG_ARGISNULL(8))
		task->data_key = text_to_cstring(PG_GETARG_TEXT_PP(8));
	reply->untrusted = !PG_ARGISNULL(9) && PG_GETARG_BOOL(9);
}

/* The call that the words say; the task gets its stream and basis. */
static void
call_from_names(const char *kind, const char *stream, const char *basis,
				SyncTask *task, GatewayCall *call)
{
	call->task = task;
	if (!stream_from_name(stream, &task->stream) || !basis_from_name(basis, &task->basis))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown stream \"%s\" or basis \"%s\"", stream, basis)));
	call->details_of = task->stream;
	if (strcmp(kind, "list") == 0)
		call->kind = CALL_LIST;
	else if (strcmp(kind, "details") == 0)
		call->kind = CALL_DETAILS;
	else if (strcmp(kind, "whoami") == 0)
		call->kind = CALL_WHOAMI;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of call \"%s\"", kind),
				 errhint("Kinds are list, details and whoami.")));
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
				 errmsg("unknown stream")));
	if (!PG_ARGISNULL(2))
		nicks = text_array(PG_GETARG_ARRAYTYPE_P(2), &nnicks);
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
		values[2] = moment_or_null(record->modified, &nulls[2]);
		values[3] = moment_or_null(record->created, &nulls[3]);
		values[4] = moment_or_null(record->arrival, &nulls[4]);
		values[5] = text_or_null(record->seller_nick, &nulls[5]);
		values[6] = bytes_datum(record->digest, RECORD_DIGEST_SIZE);
		values[7] = bytes_datum(record->body, record->body_len);
		values[8] = text_or_null(record->quarantine, &nulls[8]);
		nulls[9] = record->mends.n == 0;
		if (!nulls[9])
			values[9] = paths_of(&record->mends);
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
				 errmsg("\"%s\" is no SQLSTATE", code)));
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

PG_FUNCTION_INFO_V1(ordersync_excerpt);
/* excerpt(body bytea, max integer) → text */
Datum
ordersync_excerpt(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(record_excerpt(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body),
													Max(PG_GETARG_INT32(1), 0))));
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
	PG_RETURN_DATUM(text_array_of(names, n));
}

PG_FUNCTION_INFO_V1(ordersync_listed_types);
/* listed_types() → text */
Datum
ordersync_listed_types(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(gateway_listed_types()));
}

PG_FUNCTION_INFO_V1(ordersync_personal_fields);
/* personal_fields() → text[] */
Datum
ordersync_personal_fields(PG_FUNCTION_ARGS)
{
	const char *const *names = personal_names();
	int			n = 0;

	while (names[n] != NULL)
		n++;
	PG_RETURN_DATUM(text_array_of(names, n));
}

PG_FUNCTION_INFO_V1(ordersync_backoff_ms);
/* backoff_ms(attempt integer, base_ms bigint, cap_ms bigint, chance double precision) → bigint */
Datum
ordersync_backoff_ms(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(pace_backoff_ms(PG_GETARG_INT32(0), PG_GETARG_INT64(1), PG_GETARG_INT64(2),
									PG_GETARG_FLOAT8(3)));
}

PG_FUNCTION_INFO_V1(ordersync_pace_waits);
/*
 * pace_waits(per_second double precision, at_ms bigint[], ban_at integer, ban_ms bigint)
 * → bigint[]: what a bucket made at the first moment says at each; a ban is given before
 * element ban_at.
 */
Datum
ordersync_pace_waits(PG_FUNCTION_ARGS)
{
	Datum	   *moments;
	Datum	   *waits;
	int			n;
	Pace		pace;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &moments, NULL, &n);
	waits = palloc(sizeof(Datum) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		int64		at_ms = DatumGetInt64(moments[i]);

		if (i == 0)
			pace_init(&pace, PG_GETARG_FLOAT8(0), at_ms);
		if (i + 1 == PG_GETARG_INT32(2))
			pace_ban(&pace, PG_GETARG_INT64(3), at_ms);
		waits[i] = Int64GetDatum(pace_take(&pace, at_ms));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(waits, n, INT8OID, 8, FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

/* The elements of a text array, none of which may be NULL. */
static char **
text_array(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the array must not contain NULL")));
		texts[i] = TextDatumGetCString(elements[i]);
	}
	return texts;
}

/* A text array of names. */
static Datum
text_array_of(const char *const *names, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(names[i]);
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Where values were mended. */
static Datum
paths_of(const ScrubMends *mends)
{
	const char **paths = palloc(sizeof(char *) * mends->n);

	for (int i = 0; i < mends->n; i++)
		paths[i] = mends->mends[i].path;
	return text_array_of(paths, mends->n);
}

/* A text, or NULL for none. */
static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* A moment, or NULL for NO_TIME. */
static Datum
moment_or_null(int64 epoch_s, bool *isnull)
{
	*isnull = epoch_s == NO_TIME;
	return *isnull ? (Datum) 0 : TimestampTzGetDatum((epoch_s - EPOCH_SHIFT_S) * USECS_PER_SEC);
}

/* A bytea. */
static Datum
bytes_datum(const void *bytes, size_t len)
{
	bytea	   *result = palloc(len + VARHDRSZ);

	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), bytes, len);
	return PointerGetDatum(result);
}
