/*
 * queue.c
 *	  The queue's verbs, each one call of the SQL function of that name.
 *
 * Here a row becomes a SyncTask and an outcome becomes parameters, nothing
 * more: which tasks are free, what a failure leads to and when a run ends is
 * decided in SQL.  Every error travels on; a lost claim has its own SQLSTATE.
 *
 * What the platform said (messages, codes) may be any bytes: it is made valid
 * text (queue_json.c) before it becomes a parameter.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "db.h"
#include "guc.h"
#include "json_write.h"
#include "privacy.h"
#include "queue.h"
#include "queue_json.h"
#include "secret.h"

/* The columns of claim, in the order of its statement. */
typedef enum ClaimColumn
{
	CLAIM_TASK_ID,
	CLAIM_RUN_ID,
	CLAIM_TOKEN,
	CLAIM_SHOP_ID,
	CLAIM_STREAM,
	CLAIM_BASIS,
	CLAIM_SINCE,
	CLAIM_UNTIL,
	CLAIM_FRESH,
	CLAIM_MAY_CUT,
	CLAIM_WORK,
	CLAIM_HISTORY,
	CLAIM_EXT_TYPE,
	CLAIM_DETAILS_OF,
	CLAIM_FOLLOW_UP,
	CLAIM_IDS,
	CLAIM_WALK,
	CLAIM_KEY_CHECK,
	CLAIM_REQUIRE_SELLER,
	CLAIM_REFUSALS,
	CLAIM_SELLER_NICKS,
	CLAIM_FIELDS_ADD,
	CLAIM_FIELDS_DROP,
	CLAIM_SEALED_DATA_KEY,
	CLAIM_GATEWAY,
	CLAIM_BASE_URL,
	CLAIM_APP_KEY,
	CLAIM_SEALED_APP_SECRET,
	CLAIM_PROTOCOL,
	CLAIM_SIGN_METHOD,
	CLAIM_PROXY,
	CLAIM_TYPES_ADD,
	CLAIM_PAGE_SIZE,
	CLAIM_CALLS_PER_SECOND,
	CLAIM_CLOCK_OFFSET_MS,
	CLAIM_LIFTED_MS,
	CLAIM_KIND,
	CLAIM_SECRET_NAMES,
	CLAIM_SEALED_SECRETS,
	CLAIM_PRIORITY,
	CLAIM_CALLS_IN_FLIGHT,
	CLAIM_CALLS_PER_DAY,
	CLAIM_CALLS_PER_DAY_RESERVED,
	CLAIM_VERSION_US,
	CLAIM_METHOD_WEIGHTS,
	CLAIM_METHOD_BANS,
	CLAIM_GATEWAY_OPTIONS,
	CLAIM_KEY_RECHECK,
	CLAIM_FAILED_BEFORE
} ClaimColumn;

static DbStatement claim_statement = {
	.sql = "SELECT c.task_id, c.run_id, c.token, c.shop_id, c.stream, c.basis, c.since_s, c.until_s,"
	" c.fresh, c.may_cut, c.work, c.history, c.ext_type, c.details_of, c.follow_up, c.ids,"
	" c.walk::pg_catalog.text, c.key_check, c.require_seller, c.refusals,"
	" c.seller_nicks, c.fields_add, c.fields_drop, c.sealed_data_key, c.gateway, c.base_url, c.app_key,"
	" c.sealed_app_secret, c.protocol, c.sign_method, c.proxy, c.types_add, c.page_size,"
	" c.calls_per_second, c.clock_offset_ms, c.lifted_ms, c.kind,"
	" c.secret_names, c.sealed_secrets,"
	" c.priority, c.calls_in_flight, c.calls_per_day, c.calls_per_day_reserved, c.version_us,"
	" c.method_weights, c.method_bans, c.gateway_options::pg_catalog.text, c.key_recheck, c.failed_before"
	" FROM ordersync.claim($1, $2, $3, $4::pg_catalog.jsonb) AS c",
	.nparams = 4,
	.types = {TEXTOID, INT4OID, INT4OID, TEXTOID}
};

static DbStatement share_statement = {
	.sql = "SELECT ordersync.claim_share($1, $2)",
	.nparams = 2,
	.types = {INT4OID, INT4OID}
};

static DbStatement next_due_statement = {
	.sql = "SELECT ordersync.next_due()",
	.nparams = 0
};

static DbStatement hold_statement = {
	.sql = "SELECT ordersync.lock_tasks($1, $2)",
	.nparams = 2,
	.types = {INT8ARRAYOID, INT8ARRAYOID}
};

static DbStatement recall_statement = {
	.sql = "SELECT u.place FROM pg_catalog.unnest(ordersync.recall_tasks($1, $2)) AS u (place)",
	.nparams = 2,
	.types = {INT8ARRAYOID, INT8ARRAYOID}
};

static DbStatement settle_statement = {
	.sql = "SELECT ordersync.settle($1, $2, $3::pg_catalog.jsonb)",
	.nparams = 3,
	.types = {INT8OID, INT8OID, TEXTOID}
};

static DbStatement settle_count_statement = {
	.sql = "SELECT ordersync.settle_count($1, $2, $3, $4, $5::pg_catalog.jsonb, $6, $7::pg_catalog.jsonb)",
	.nparams = 7,
	.types = {INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID, INT8OID, TEXTOID}
};

static DbStatement settle_key_statement = {
	.sql = "SELECT ordersync.settle_key($1, $2, $3, $4, $5, $6, $7, $8::pg_catalog.jsonb)",
	.nparams = 8,
	.types = {INT8OID, INT8OID, TEXTOID, TEXTOID, INT8OID, TEXTOID, INT8OID, TEXTOID}
};

static DbStatement fail_statement = {
	.sql = "SELECT f.retry_ms FROM ordersync.fail($1, $2, $3::pg_catalog.jsonb) AS f",
	.nparams = 3,
	.types = {INT8OID, INT8OID, TEXTOID}
};

static DbStatement give_back_statement = {
	.sql = "SELECT ordersync.give_back($1, $2, $3::pg_catalog.jsonb)",
	.nparams = 3,
	.types = {INT8OID, INT8OID, TEXTOID}
};

static DbStatement maintenance_statement = {.sql = "SELECT ordersync.maintenance()"};

static DbStatement watch_statement = {.sql = "SELECT ordersync.watch()"};

static DbStatement stamp_jdp_statement = {.sql = "SELECT ordersync.stamp_jdp()"};

static DbStatement reserve_calls_statement = {
	.sql = "SELECT r.reserved_before, r.reserved FROM ordersync.reserve_calls($1, $2, $3, $4) AS r",
	.nparams = 4,
	.types = {TEXTOID, TEXTOID, INT4OID, INT8OID}
};

static DbStatement note_key_file_statement = {
	.sql = "SELECT n.sealed, n.unreadable, n.outdated FROM ordersync.note_key_file($1) AS n",
	.nparams = 1,
	.types = {TEXTOID}
};

static void read_claim(uint64 row, Claim *claim);
static SyncTask *read_task(uint64 row, MemoryContext context);
static Gateway *read_gateway(uint64 row, MemoryContext context);
static void read_secrets(uint64 row, Claim *claim);
static void read_limits(uint64 row, Gateway *gateway);
static void read_ids(uint64 row, int column, SyncTask *task);
static void read_nicks(uint64 row, int column, SyncTask *task);
static void read_names(uint64 row, int column, FieldNames *fields);
static char **read_texts(uint64 row, int column, int room, int *n);
static bytea *read_bytes(uint64 row, int column);
static void add_tokens(DbParams *params, const SyncTask **tasks, int n);
static Datum int8_array(const int64 *values, int n);
static void run_for_task(DbStatement *statement, const SyncTask *task, const char *json);
static void add_clock(DbParams *params, const ClockReading *clock);
static void add_call(DbParams *params, const CallLog *call);

int
queue_claim_share(int max, int workers)
{
	DbParams	params = {0};

	db_add(&params, Int32GetDatum(max));
	db_add(&params, Int32GetDatum(workers));
	db_run(&share_statement, &params);
	return Min(Max(db_int4(0, 0), 1), max);
}

int
queue_claim(const char *owner, int max, const char *places, MemoryContext parent, Claim *claims)
{
	DbParams	params = {0};
	int			n;

	privacy_use();
	db_add_text(&params, owner);
	db_add(&params, Int32GetDatum(max));
	db_add(&params, Int32GetDatum(guc_max_active_shops));
	db_add_text(&params, places);
	n = (int) db_run(&claim_statement, &params);
	if (n > max)
		elog(ERROR, "claim returned %d tasks, at most %d were requested", n, max);

	for (int i = 0; i < n; i++)
	{
		claims[i].context = AllocSetContextCreate(parent, "ordersync job",
												  ALLOCSET_DEFAULT_SIZES);
		read_claim((uint64) i, &claims[i]);
	}
	return n;
}

/* Everything of the row, copied into the claim's own context. */
static void
read_claim(uint64 row, Claim *claim)
{
	MemoryContext before = MemoryContextSwitchTo(claim->context);
	SyncTask   *task = read_task(row, claim->context);

	read_ids(row, CLAIM_IDS, task);
	read_nicks(row, CLAIM_SELLER_NICKS, task);
	read_names(row, CLAIM_FIELDS_ADD, &task->fields_add);
	read_names(row, CLAIM_FIELDS_DROP, &task->fields_drop);
	task->gateway = read_gateway(row, claim->context);
	claim->task = task;
	claim->sealed_data_key = read_bytes(row, CLAIM_SEALED_DATA_KEY);
	task->key_seal = secret_seal_id(claim->sealed_data_key);
	claim->sealed_app_secret = read_bytes(row, CLAIM_SEALED_APP_SECRET);
	read_secrets(row, claim);
	MemoryContextSwitchTo(before);
}

static SyncTask *
read_task(uint64 row, MemoryContext context)
{
	SyncTask   *task = palloc0(sizeof(SyncTask));
	char	   *details_of = db_text(row, CLAIM_DETAILS_OF, context);

	/* the one kind of fetch whose ids are not those of its records */
	task->by_order = details_of != NULL && strcmp(details_of, "refunds_of_orders") == 0;
	if (task->by_order)
		details_of = pstrdup("after_sales");
	task->task_id = db_int8(row, CLAIM_TASK_ID);
	task->run_id = db_int8(row, CLAIM_RUN_ID);
	task->token = db_int8(row, CLAIM_TOKEN);
	task->shop_id = db_int8(row, CLAIM_SHOP_ID);
	task->kind = db_text(row, CLAIM_KIND, context);
	task->failed_before = db_bool(row, CLAIM_FAILED_BEFORE);
	task->priority = db_int4(row, CLAIM_PRIORITY);
	if (!stream_from_name(db_text(row, CLAIM_STREAM, context), &task->stream) ||
		!basis_from_name(db_text(row, CLAIM_BASIS, context), &task->basis) ||
		!work_from_name(db_text(row, CLAIM_WORK, context), &task->work) ||
		(details_of != NULL && !stream_from_name(details_of, &task->details_of)))
		elog(ERROR, "task %lld has a stream, basis or work that is not known",
			 (long long) task->task_id);
	task->since = db_int8(row, CLAIM_SINCE);
	task->until = db_int8(row, CLAIM_UNTIL);
	task->fresh = db_bool(row, CLAIM_FRESH);
	task->may_cut = db_bool(row, CLAIM_MAY_CUT);
	task->history = db_bool(row, CLAIM_HISTORY);
	task->ext_type = db_text(row, CLAIM_EXT_TYPE, context);
	task->follow_up = db_bool(row, CLAIM_FOLLOW_UP);
	task->walk = db_text(row, CLAIM_WALK, context);
	task->key_check = db_bool(row, CLAIM_KEY_CHECK);
	task->key_recheck = db_bool(row, CLAIM_KEY_RECHECK);
	task->require_seller = db_bool(row, CLAIM_REQUIRE_SELLER);
	task->refusals = db_bool(row, CLAIM_REFUSALS);
	return task;
}

static Gateway *
read_gateway(uint64 row, MemoryContext context)
{
	Gateway    *gateway = palloc0(sizeof(Gateway));
	bool		isnull;
	Datum		rate;

	gateway->name = db_text(row, CLAIM_GATEWAY, context);
	gateway->base_url = db_text(row, CLAIM_BASE_URL, context);
	gateway->app_key = db_text(row, CLAIM_APP_KEY, context);
	if (gateway->app_key == NULL)
		gateway->app_key = pstrdup("");
	gateway->protocol = db_text(row, CLAIM_PROTOCOL, context);
	gateway->sign_method = db_text(row, CLAIM_SIGN_METHOD, context);
	gateway->proxy = db_text(row, CLAIM_PROXY, context);
	gateway->types_add = db_text(row, CLAIM_TYPES_ADD, context);
	gateway->page_size = db_int4(row, CLAIM_PAGE_SIZE);
	rate = db_value(row, CLAIM_CALLS_PER_SECOND, &isnull);
	gateway->calls_per_second = isnull ? 0 : DatumGetFloat8(rate);
	gateway->clock_offset_ms = db_int8(row, CLAIM_CLOCK_OFFSET_MS);
	gateway->lifted_ms = db_int8(row, CLAIM_LIFTED_MS);
	read_limits(row, gateway);
	gateway->options = db_text(row, CLAIM_GATEWAY_OPTIONS, context);
	return gateway;
}

/* Two arrays of the same length. */
static void
read_secrets(uint64 row, Claim *claim)
{
	bool		isnull;
	Datum		sealed = db_value(row, CLAIM_SEALED_SECRETS, &isnull);
	Datum	   *values;
	char	  **names;
	int			n;

	claim->nsecrets = 0;
	claim->secrets = NULL;
	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(sealed), BYTEAOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
	claim->secrets = palloc(sizeof(SealedSecret) * n);
	names = read_texts(row, CLAIM_SECRET_NAMES, 0, &claim->nsecrets);
	for (int i = 0; i < claim->nsecrets; i++)
		claim->secrets[i] = (SealedSecret) {names[i], DatumGetByteaPCopy(values[i])};
}

/* What its workers share. */
static void
read_limits(uint64 row, Gateway *gateway)
{
	char	  **values;
	int			n;

	gateway->calls_in_flight = db_int4(row, CLAIM_CALLS_IN_FLIGHT);
	gateway->calls_per_day = db_int8(row, CLAIM_CALLS_PER_DAY);
	gateway->calls_per_day_reserved = db_int8(row, CLAIM_CALLS_PER_DAY_RESERVED);
	gateway->version_us = db_int8(row, CLAIM_VERSION_US);

	/* a method and its value in turn */
	values = read_texts(row, CLAIM_METHOD_WEIGHTS, 0, &n);
	gateway->nweights = n / 2;
	gateway->weights = palloc(sizeof(MethodWeight) * (n / 2 + 1));
	for (int i = 0; i < n / 2; i++)
		gateway->weights[i] = (MethodWeight) {values[2 * i], strtod(values[2 * i + 1], NULL)};

	values = read_texts(row, CLAIM_METHOD_BANS, 0, &n);
	gateway->nbanned = n / 2;
	gateway->banned = palloc(sizeof(BannedMethod) * (n / 2 + 1));
	for (int i = 0; i < n / 2; i++)
		gateway->banned[i] = (BannedMethod) {values[2 * i], strtoll(values[2 * i + 1], NULL, 10)};
}

static void
read_ids(uint64 row, int column, SyncTask *task)
{
	bool		isnull;
	Datum		value = db_value(row, column, &isnull);
	Datum	   *ids;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), INT8OID, 8, FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &ids, NULL, &task->nids);
	task->ids = palloc(sizeof(int64) * Max(task->nids, 1));
	for (int i = 0; i < task->nids; i++)
		task->ids[i] = DatumGetInt64(ids[i]);
}

/* Room for one more: a key check may bring a name that is not known yet. */
static void
read_nicks(uint64 row, int column, SyncTask *task)
{
	task->seller_nicks = read_texts(row, column, 1, &task->nseller_nicks);
}

static void
read_names(uint64 row, int column, FieldNames *fields)
{
	fields->names = read_texts(row, column, 0, &fields->n);
}

/* The texts of an array without its NULLs, with room for so many more. */
static char **
read_texts(uint64 row, int column, int room, int *n)
{
	bool		isnull;
	Datum		value = db_value(row, column, &isnull);
	Datum	   *elements = NULL;
	bool	   *nulls = NULL;
	int			nelements = 0;
	char	  **texts;

	*n = 0;
	if (isnull && room == 0)
		return NULL;
	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
						  &elements, &nulls, &nelements);
	texts = palloc(sizeof(char *) * (nelements + room + 1));
	for (int i = 0; i < nelements; i++)
	{
		if (!nulls[i])
			texts[(*n)++] = TextDatumGetCString(elements[i]);
	}
	return texts;
}

static bytea *
read_bytes(uint64 row, int column)
{
	bool		isnull;
	Datum		value = db_value(row, column, &isnull);

	return isnull ? NULL : DatumGetByteaPCopy(value);
}

int64
queue_next_due(void)
{
	DbParams	params = {0};
	bool		isnull = true;
	Datum		due = (Datum) 0;

	if (db_run(&next_due_statement, &params) > 0)
		due = db_value(0, 0, &isnull);
	if (isnull || TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(due)))
		return -1;
	return Max(clock_ms_of(DatumGetTimestampTz(due)), 0);
}

void
queue_lock_tasks(const SyncTask **tasks, int n)
{
	DbParams	params = {0};

	add_tokens(&params, tasks, n);
	db_run(&hold_statement, &params);
}

void
queue_recall_tasks(const SyncTask **tasks, int n, bool *lost)
{
	DbParams	params = {0};
	uint64		nlost;

	add_tokens(&params, tasks, n);
	nlost = db_run(&recall_statement, &params);
	memset(lost, 0, sizeof(bool) * n);
	for (uint64 row = 0; row < nlost; row++)
	{
		int64		place = db_int8(row, 0);

		if (place >= 1 && place <= n)
			lost[place - 1] = true;
	}
}

/* Ids and tokens, an array each. */
static void
add_tokens(DbParams *params, const SyncTask **tasks, int n)
{
	int64	   *ids = palloc(sizeof(int64) * n);
	int64	   *tokens = palloc(sizeof(int64) * n);

	for (int i = 0; i < n; i++)
	{
		ids[i] = tasks[i]->task_id;
		tokens[i] = tasks[i]->token;
	}
	db_add(params, int8_array(ids, n));
	db_add(params, int8_array(tokens, n));
}

static Datum
int8_array(const int64 *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, INT8OID, 8, FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

bool
queue_settle(const SyncTask *task, const Settlement *settlement)
{
	run_for_task(&settle_statement, task, settlement_as_json(settlement));
	return db_bool(0, 0);
}

static void
run_for_task(DbStatement *statement, const SyncTask *task, const char *json)
{
	DbParams	params = {0};

	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, Int64GetDatum(task->token));
	db_add_text(&params, json);
	db_run(statement, &params);
}

bool
queue_settle_count(const SyncTask *task, int64 total, int64 at_until, const char *walk,
				   const ClockReading *clock, const CallLog *call)
{
	DbParams	params = {0};

	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, Int64GetDatum(task->token));
	db_add(&params, Int64GetDatum(total));
	if (at_until >= 0)
		db_add(&params, Int64GetDatum(at_until));
	else
		db_add_null(&params);
	db_add_text(&params, walk);
	add_clock(&params, clock);
	add_call(&params, call);
	db_run(&settle_count_statement, &params);
	return db_bool(0, 0);
}

char *
queue_settle_key(const SyncTask *task, const char *outcome, int64 user_id,
				 const char *nick, const ClockReading *clock, const CallLog *call)
{
	DbParams	params = {0};

	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, Int64GetDatum(task->token));
	db_add_text(&params, task->key_seal);
	db_add_text(&params, outcome);
	if (user_id != 0)
		db_add(&params, Int64GetDatum(user_id));
	else
		db_add_null(&params);
	db_add_text(&params, valid_text(nick));
	add_clock(&params, clock);
	add_call(&params, call);
	db_run(&settle_key_statement, &params);
	return db_text(0, 0, CurrentMemoryContext);
}

int64
queue_fail(const SyncTask *task, const Failure *failure)
{
	run_for_task(&fail_statement, task, failure_as_json(task, failure));
	return db_int8(0, 0);
}

void
queue_give_back(const SyncTask *task, const Failure *failure)
{
	run_for_task(&give_back_statement, task, failure_as_json(task, failure));
}

bool
queue_maintenance(void)
{
	DbParams	params = {0};

	db_run(&maintenance_statement, &params);
	return db_bool(0, 0);
}

int
queue_watch(void)
{
	DbParams	params = {0};

	db_run(&watch_statement, &params);
	return db_int4(0, 0);
}

int
queue_stamp_jdp(void)
{
	DbParams	params = {0};

	db_run(&stamp_jdp_statement, &params);
	return db_int4(0, 0);
}

void
queue_note_key_file(const char *trouble, KeyFileNote *result)
{
	DbParams	params = {0};

	db_add_text(&params, trouble);
	db_run(&note_key_file_statement, &params);
	result->sealed = db_int4(0, 0);
	result->unreadable = db_int4(0, 1);
	result->outdated = db_int4(0, 2);
}

void
queue_reserve_calls(const Gateway *gateway, int day, int64 per_day, int64 *from, int64 *to)
{
	DbParams	params = {0};

	db_add_text(&params, gateway->name);
	db_add_text(&params, gateway->app_key);
	db_add(&params, Int32GetDatum(day));
	db_add(&params, Int64GetDatum(per_day));
	db_run(&reserve_calls_statement, &params);
	*from = db_int8(0, 0);
	*to = db_int8(0, 1);
}

static void
add_clock(DbParams *params, const ClockReading *clock)
{
	if (clock->moved)
		db_add(params, Int64GetDatum(clock->offset_ms));
	else
		db_add_null(params);
}

/* Whether it leaves a row is decided in SQL: a call is counted either way. */
static void
add_call(DbParams *params, const CallLog *call)
{
	db_add_text(params, call != NULL ? call_as_json(call) : NULL);
}
