/*
 * ordersync_wire.c
 *	  The protocol and the pace of ordersync as SQL functions, for the tests:
 *	  signatures, requests, verdicts, excerpts, personal data, waits.
 *
 * The sources under test (src/, see the Makefile) are compiled into this
 * library, so that the product needs no entry points for its tests.  None of
 * them reads a table, a setting or a clock.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "breaker.h"
#include "datums.h"
#include "gateway.h"
#include "call_limits.h"
#include "pace.h"
#include "personal.h"
#include "record.h"
#include "shop_file.h"
#include "sign.h"

PG_MODULE_MAGIC;

#define CLASSIFY_COLUMNS 15

extern ORDERSYNC_EXPORT Datum ordersync_wire_sign(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_build_call(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_classify(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_excerpt(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_personal_fields(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_pace_waits(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_breaker_says(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_limits(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_ban_of(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_wire_shop_lines(PG_FUNCTION_ARGS);

static char *breaker_step(Breaker *breaker, const char *step, BreakerCall *calls, int *ncalls,
						  int64 first_ms);
static char *describe_stop(const BreakerStop *stop);
static const GatewayProtocol *open_gateway(Gateway *gateway, const text *name, const text *options);
static Datum header_lines(const Gateway *gateway);
static void read_reply(FunctionCallInfo fcinfo, SyncTask *task, GatewayCall *call,
					   CallReply *reply);
static void call_from_names(const char *kind, const char *stream, const char *basis,
							SyncTask *task, GatewayCall *call);

PG_FUNCTION_INFO_V1(ordersync_wire_sign);
/* sign(sign_method text, secret text, names text[], vals text[]) → text */
Datum
ordersync_wire_sign(PG_FUNCTION_ARGS)
{
	char	   *method = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *secret = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			nnames;
	int			nvals;
	char	  **names = text_array_elements(PG_GETARG_ARRAYTYPE_P(2), &nnames);
	char	  **vals = text_array_elements(PG_GETARG_ARRAYTYPE_P(3), &nvals);
	SignParam  *params = palloc(sizeof(SignParam) * Max(nnames, 1));
	const char *error;
	char	   *sign;

	if (nnames != nvals)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of values must equal the number of names"),
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

PG_FUNCTION_INFO_V1(ordersync_wire_build_call);
/*
 * build_call(protocol, base_url, app_key, app_secret, sign_method, session, kind, stream, basis,
 * since_s, until_s, page_no, page_size, use_has_next, id, now_ms, fields_add, fields_drop, options)
 * → (method, url, body, error, content_type, headers)
 */
Datum
ordersync_wire_build_call(PG_FUNCTION_ARGS)
{
	Gateway		gateway = {0};
	SyncTask	task = {0};
	GatewayCall call = {0};
	GatewayRequest request;
	const GatewayProtocol *protocol;
	TupleDesc	desc;
	Datum		values[6] = {0};
	bool		nulls[6] = {0};

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
	task.fields_add.names = text_array_elements(PG_GETARG_ARRAYTYPE_P(16), &task.fields_add.n);
	task.fields_drop.names = text_array_elements(PG_GETARG_ARRAYTYPE_P(17), &task.fields_drop.n);

	protocol = open_gateway(&gateway, PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(18));
	protocol->build(&call, PG_GETARG_INT64(15), &request);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = datum_text(request.method, &nulls[0]);
	values[1] = datum_text(request.url, &nulls[1]);
	values[2] = datum_text(request.body, &nulls[2]);
	values[3] = datum_text(request.error, &nulls[3]);
	values[4] = datum_text(request.content_type, &nulls[4]);
	values[5] = header_lines(&gateway);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* The protocol of that name, that has read these options of the gateway. */
static const GatewayProtocol *
open_gateway(Gateway *gateway, const text *name, const text *options)
{
	const GatewayProtocol *protocol;
	GatewayFault fault = {0};

	gateway->protocol = text_to_cstring(name);
	gateway->options = text_to_cstring(options);
	protocol = gateway_protocol(gateway->protocol);
	if (protocol == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized protocol \"%s\"", gateway->protocol)));
	if (protocol->prepare != NULL && !protocol->prepare(gateway, &fault))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid option \"%s\"", fault.option)));
	return protocol;
}

static Datum
header_lines(const Gateway *gateway)
{
	const char **lines = palloc(sizeof(char *) * (gateway->nheaders + 1));

	for (int i = 0; i < gateway->nheaders; i++)
		lines[i] = psprintf("%s: %s", gateway->headers[i].name, gateway->headers[i].value);
	return datum_text_array(lines, gateway->nheaders);
}

PG_FUNCTION_INFO_V1(ordersync_wire_classify);
/*
 * classify(kind, stream, basis, http_status, body, net_error, timed_out, too_large, session, untrusted,
 * protocol, options)
 * → one row
 */
Datum
ordersync_wire_classify(PG_FUNCTION_ARGS)
{
	Gateway		gateway = {0};
	SyncTask	task = {0};
	GatewayCall call = {0};
	CallReply	reply = {0};
	GatewayAnswer answer;
	TupleDesc	desc;
	Datum		values[CLASSIFY_COLUMNS] = {0};
	bool		nulls[CLASSIFY_COLUMNS] = {0};

	read_reply(fcinfo, &task, &call, &reply);
	task.gateway = &gateway;
	open_gateway(&gateway, PG_GETARG_TEXT_PP(10), PG_GETARG_TEXT_PP(11))->classify(&call, &reply, &answer);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(verdict_name(answer.verdict));
	values[1] = datum_text(answer.class, &nulls[1]);
	values[2] = datum_text(answer.message, &nulls[2]);
	values[3] = Int64GetDatum(answer.code);
	values[4] = datum_text(answer.msg, &nulls[4]);
	values[5] = datum_text(answer.sub_code, &nulls[5]);
	values[6] = datum_text(answer.sub_msg, &nulls[6]);
	values[7] = datum_text(answer.request_id, &nulls[7]);
	values[8] = Int64GetDatum(answer.ban_ms);
	values[9] = BoolGetDatum(answer.shrink);
	values[10] = Int64GetDatum(answer.total);
	nulls[10] = answer.total < 0;
	values[11] = BoolGetDatum(answer.has_next == 1);
	nulls[11] = answer.has_next < 0;
	nulls[12] = answer.list == NULL;
	if (answer.list != NULL)
		values[12] = datum_bytes(answer.list, answer.list_len);
	values[13] = datum_text(answer.nick, &nulls[13]);
	values[14] = Int64GetDatum(answer.user_id);
	nulls[14] = answer.user_id == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

PG_FUNCTION_INFO_V1(ordersync_wire_excerpt);
/* excerpt(body bytea, max integer) → text */
Datum
ordersync_wire_excerpt(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(record_excerpt(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body),
													Max(PG_GETARG_INT32(1), 0))));
}

PG_FUNCTION_INFO_V1(ordersync_wire_personal_fields);
/* personal_fields() → text[] */
Datum
ordersync_wire_personal_fields(PG_FUNCTION_ARGS)
{
	const char *names[200];
	int			n = 0;

	for (const PersonalDefault *d = personal_defaults(); d->field != NULL; d++)
	{
		if (d->rule == PERSONAL_DROP && strchr(d->field, '*') == NULL && n < lengthof(names))
			names[n++] = d->field;
	}
	PG_RETURN_DATUM(datum_text_array(names, n));
}

PG_FUNCTION_INFO_V1(ordersync_wire_pace_waits);
/*
 * pace_waits(per_second double precision, at_ms bigint[], ban_at integer, ban_ms bigint)
 * → bigint[]: what a bucket made at the first moment says at each; a ban is given before
 * element ban_at.
 */
Datum
ordersync_wire_pace_waits(PG_FUNCTION_ARGS)
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
		waits[i] = Int64GetDatum(pace_take(&pace, 1, at_ms));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(waits, n, INT8OID, 8, FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(ordersync_wire_breaker_says);
/*
 * breaker_says(steps text[], first_ms bigint) → text[]: what a breaker says at each step:
 * "take MS TASK SHOP LIST" (and "again" for a task that has failed before) or
 * "good|failed|unreachable|nothing MS TASK", of the task's last call.
 */
Datum
ordersync_wire_breaker_says(PG_FUNCTION_ARGS)
{
	Datum	   *steps;
	Datum	   *said;
	int			n;
	Breaker		breaker;
	BreakerCall *calls;
	int			ncalls = 0;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &steps, NULL, &n);
	said = palloc(sizeof(Datum) * Max(n, 1));
	calls = palloc0(sizeof(BreakerCall) * Max(n, 1));
	breaker_init(&breaker);
	for (int i = 0; i < n; i++)
		said[i] = CStringGetTextDatum(breaker_step(&breaker, TextDatumGetCString(steps[i]),
												   calls, &ncalls, PG_GETARG_INT64(1)));
	PG_RETURN_ARRAYTYPE_P(construct_array(said, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* One step; calls: those that were begun, the last of a task counts. */
static char *
breaker_step(Breaker *breaker, const char *step, BreakerCall *calls, int *ncalls, int64 first_ms)
{
	static const char *const outcomes[] = {"good", "failed", "unreachable", "nothing"};
	BreakerCall call = {0};
	BreakerStop stop;
	char		word[16];
	char		again[16] = "";
	long long	at_ms;
	long long	task;
	long long	shop = 0;
	int64		wait = 0;

	if (sscanf(step, "%15s %lld %lld %lld %u %15s", word, &at_ms, &task, &shop, &call.list,
			   again) < 3)
		elog(ERROR, "no step of a breaker: %s", step);
	call.task_id = task;
	call.shop_id = shop;
	call.failed_before = strcmp(again, "again") == 0;
	if (strcmp(word, "take") == 0)
	{
		wait = breaker_ask(breaker, &call, at_ms, &stop);
		if (wait == 0)
		{
			breaker_begin(breaker, &call, at_ms);
			calls[(*ncalls)++] = call;
		}
		return stop.stopped ? describe_stop(&stop) :
			wait > 0 ? psprintf("wait " INT64_FORMAT, wait) : "go";
	}
	for (int i = *ncalls - 1; i >= 0; i--)
	{
		if (calls[i].task_id != task)
			continue;
		for (int o = 0; o < lengthof(outcomes); o++)
		{
			if (strcmp(word, outcomes[o]) == 0)
			{
				breaker_done(breaker, &calls[i], (BreakerOutcome) o, at_ms, first_ms, &stop);
				return describe_stop(&stop);
			}
		}
	}
	elog(ERROR, "no call is begun for: %s", step);
}

static char *
describe_stop(const BreakerStop *stop)
{
	if (!stop->stopped)
		return "-";
	return psprintf("stop %s%s%s%s " INT64_FORMAT, stop->of_list ? "list" : "gateway",
					stop->shop_id != 0 ? psprintf(" of shop " INT64_FORMAT, stop->shop_id) : "",
					stop->unanswered ? " unanswered" : "", stop->own ? " own" : "",
					stop->probe_ms);
}

/* One step of limits(); what it came to. */
static char *
take_step(CallLimits *limits, const char *step)
{
	static const char *const turns[] = {
		[CALL_MAY_GO] = "go",
		[CALL_WAITS] = "waits",
		[CALL_NEEDS_BLOCK] = "needs block",
		[CALL_METHOD_BANNED] = "method banned",
		[CALL_BANNED] = "banned",
		[CALL_DAY_RESERVED] = "day reserved",
		[CALL_DAY_SPENT] = "day spent"
	};
	CallWish	wish = {.day = 1, .day_left_ms = 1000, .tokens = 1};
	char		verb[16];
	char		method[LIMITS_METHOD_SIZE] = "m";
	long long	at_ms;
	long long	number = 0;
	long long	other = 0;
	int64		wait_ms;
	CallTurn	turn;

	if (sscanf(step, "%lld %15s %lld %lld %63s %lf", &at_ms, verb, &number, &other, method, &wish.tokens) < 2)
		elog(ERROR, "cannot read step \"%s\"", step);
	wish.slot = (int) number;
	wish.priority = (int) other;
	wish.method = method;
	if (strcmp(verb, "take") == 0)
	{
		turn = limits_take(limits, &wish, at_ms, &wait_ms);
		return wait_ms > 0 ? psprintf("%s %lld", turns[turn], (long long) wait_ms) : pstrdup(turns[turn]);
	}
	if (strcmp(verb, "return") == 0)
		limits_return(limits, &wish);
	else if (strcmp(verb, "done") == 0)
		return psprintf("%d", limits_done(limits, (int) number, at_ms));
	else if (strcmp(verb, "drop") == 0)
		return psprintf("%d", limits_drop_slot(limits, (int) number, at_ms));
	else if (strcmp(verb, "ban") == 0)
		limits_ban(limits, strcmp(method, "m") == 0 ? NULL : method, number, at_ms);
	else if (strcmp(verb, "lift") == 0)
		limits_lift(limits);
	else if (strcmp(verb, "block") == 0)
		limits_add_block(limits, 1, number, other);
	else if (strcmp(verb, "noblock") == 0)
		limits_block_failed(limits, at_ms);
	else if (strcmp(verb, "rate") == 0)
	{
		LimitSettings set = limits->set;

		set.per_second = (double) number;
		limits_set(limits, &set, at_ms);
	}
	else
		elog(ERROR, "unknown step \"%s\"", step);
	return pstrdup("");
}

PG_FUNCTION_INFO_V1(ordersync_wire_ban_of);
/* ban_of(http_status, body, retry_after_s) → text: what an answer of protocol top bans, and for how long */
Datum
ordersync_wire_ban_of(PG_FUNCTION_ARGS)
{
	SyncTask	task = {0};
	GatewayCall call = {0};
	bytea	   *body = PG_GETARG_BYTEA_PP(1);
	CallReply	reply = {
		.http_status = PG_GETARG_INT32(0), .body = VARDATA_ANY(body), .body_len = VARSIZE_ANY_EXHDR(body),
		.retry_after_s = PG_GETARG_INT64(2)
	};
	GatewayAnswer answer;

	call_from_names("list", "orders", "modified", &task, &call);
	gateway_top.classify(&call, &reply, &answer);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s %s%lld", verdict_name(answer.verdict),
											  answer.verdict != VERDICT_THROTTLED ? "" :
											  answer.ban_method ? "method " : "gateway ",
											  (long long) answer.ban_ms)));
}

PG_FUNCTION_INFO_V1(ordersync_wire_limits);
/*
 * limits(per_second double precision, in_flight integer, per_day bigint, per_day_reserved bigint,
 * steps text[]) → text[]: what three workers are told, step by step, of limits made at 1000 ms.
 */
Datum
ordersync_wire_limits(PG_FUNCTION_ARGS)
{
	LimitSettings set = {PG_GETARG_FLOAT8(0), PG_GETARG_INT32(1), PG_GETARG_INT64(2), PG_GETARG_INT64(3)};
	CallLimits *limits = palloc(offsetof(CallLimits, slots) + 3 * sizeof(LimitSlot));
	Datum	   *steps;
	Datum	   *said;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), TEXTOID, -1, false, TYPALIGN_INT, &steps, NULL, &n);
	said = palloc(sizeof(Datum) * Max(n, 1));
	limits_init(limits, 3, &set, 1000);
	for (int i = 0; i < n; i++)
		said[i] = CStringGetTextDatum(take_step(limits, TextDatumGetCString(steps[i])));
	PG_RETURN_ARRAYTYPE_P(construct_array(said, n, TEXTOID, -1, false, TYPALIGN_INT));
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
				 errmsg("unrecognized stream \"%s\" or basis \"%s\"", stream, basis)));
	call->details_of = task->stream;
	if (strcmp(kind, "list") == 0)
		call->kind = CALL_LIST;
	else if (strcmp(kind, "details") == 0)
		call->kind = CALL_DETAILS;
	else if (strcmp(kind, "whoami") == 0)
		call->kind = CALL_WHOAMI;
	else if (strcmp(kind, "refunds_of_order") == 0)
		call->kind = CALL_REFUNDS_OF_ORDER;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized kind of call \"%s\"", kind),
				 errhint("Kinds are list, details, refunds_of_order and whoami.")));
}

PG_FUNCTION_INFO_V1(ordersync_wire_shop_lines);
/* shop_lines(file bytea) → line, shop_id, seller_nick, data_key, gateway, options, expires_at, problem */
Datum
ordersync_wire_shop_lines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bytea	   *given = PG_GETARG_BYTEA_PP(0);
	size_t		len = VARSIZE_ANY_EXHDR(given);
	char	   *bytes = palloc(len + 1);
	ShopFile	file;
	ShopLine	line = {0};

	memcpy(bytes, VARDATA_ANY(given), len);
	bytes[len] = '\0';
	compat_init_materialized_srf(fcinfo);
	line.problem = shop_file_begin(&file, bytes, len);
	while (line.problem != NULL ? line.line == 0 || shop_file_next(&file, &line) : shop_file_next(&file, &line))
	{
		Datum		values[SHOP_COLUMNS + 2] = {0};
		bool		nulls[SHOP_COLUMNS + 2];
		bool		refused = line.line == 0;

		values[0] = Int64GetDatum(line.line);
		nulls[0] = false;
		values[1] = Int64GetDatum(line.shop_id);
		nulls[1] = !line.has_id;
		for (int i = SHOP_NICK; i < SHOP_COLUMNS; i++)
		{
			nulls[i + 1] = line.values[i] == NULL || line.problem != NULL;
			if (!nulls[i + 1])
				values[i + 1] = CStringGetTextDatum(line.values[i]);
		}
		nulls[SHOP_COLUMNS + 1] = line.problem == NULL;
		if (line.problem != NULL)
			values[SHOP_COLUMNS + 1] = CStringGetTextDatum(line.problem);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		if (refused)
			break;
	}
	return (Datum) 0;
}
