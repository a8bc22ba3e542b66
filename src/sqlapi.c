/*
 * sqlapi.c
 *	  The C functions that SQL sees: waking and watching workers,
 *	  reading settings, telling a transaction block and its own IDs.
 *
 * wake() only takes note; the latches are set when the transaction has
 * committed and released its locks, so that a worker that looks finds what it
 * was woken for.  (The commit callback would be too early: the messages that
 * make others forget what they cached of the catalogs go out after it, and a
 * worker that is quick would not see the tables that the first gateway made.)
 * A transaction that aborts or is prepared forgets it (what a prepared one
 * queued is found within a minute of its commit).  A rolled back subtransaction
 * at worst wakes a worker for nothing.  Where there is no worker yet, the
 * launcher is told: it may be waiting for this very database to be created.
 * recall() is the same call for those who took tasks away from workers.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "postmaster/bgworker.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "clock.h"
#include "guc.h"
#include "shmem.h"

#define WORKER_COLUMNS 28

static bool wake_at_commit = false;
static bool recall_at_commit = false;	/* only beside wake_at_commit */
static bool committed = false;	/* by a transaction that still holds its locks */
static char workerless[NAMEDATALEN];	/* this database, if there was nobody to wake */

static void want_wake(bool recall);
static void at_transaction_end(XactEvent event, void *arg);
static void at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
					   void *arg);
static bool shops_of_caller(int64 **shops, int *n);
static bool is_shown(const SlotView *view, const char *database, const int64 *shops, int n);
static void put_worker(ReturnSetInfo *result, const SlotView *view);
static const char *doing_now(const SlotView *view);
static int	put_work(const SlotWork *work, Datum *values, bool *nulls);
static Datum text_or_null(const char *said, bool *isnull);
static Datum timestamp_or_null(TimestampTz moment, bool *isnull);

extern ORDERSYNC_EXPORT Datum ordersync_wake(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_recall(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_worker_alive(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_worker_state(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_worker_list(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_setting(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_server_setting(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_in_transaction_block(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_is_own_xid(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_process_type(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_outer_user(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(ordersync_wake);
PG_FUNCTION_INFO_V1(ordersync_recall);
PG_FUNCTION_INFO_V1(ordersync_worker_alive);
PG_FUNCTION_INFO_V1(ordersync_worker_state);
PG_FUNCTION_INFO_V1(ordersync_worker_list);
PG_FUNCTION_INFO_V1(ordersync_setting);
PG_FUNCTION_INFO_V1(ordersync_server_setting);
PG_FUNCTION_INFO_V1(ordersync_in_transaction_block);
PG_FUNCTION_INFO_V1(ordersync_is_own_xid);
PG_FUNCTION_INFO_V1(ordersync_process_type);
PG_FUNCTION_INFO_V1(ordersync_outer_user);

/* ordersync.wake() */
Datum
ordersync_wake(PG_FUNCTION_ARGS)
{
	want_wake(false);
	PG_RETURN_VOID();
}

/* ordersync.recall() */
Datum
ordersync_recall(PG_FUNCTION_ARGS)
{
	want_wake(true);
	PG_RETURN_VOID();
}

static void
want_wake(bool recall)
{
	static bool registered = false;
	const char *database = shmem_has_worker(MyDatabaseId) ? NULL :
		get_database_name(MyDatabaseId);

	strlcpy(workerless, database ? database : "", NAMEDATALEN);
	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterResourceReleaseCallback(at_release, NULL);
		registered = true;
	}
	wake_at_commit = true;
	recall_at_commit |= recall;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			committed = wake_at_commit;
			wake_at_commit = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			wake_at_commit = false;
			recall_at_commit = false;
			committed = false;
			break;
		default:
			break;
	}
}

/* Called for every resource owner and phase: the first of the last phase is ours. */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void *arg)
{
	if (!committed || phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level)
		return;
	committed = false;
	if (recall_at_commit)
		shmem_recall(MyDatabaseId);
	else
		shmem_wake(MyDatabaseId);
	recall_at_commit = false;
	if (workerless[0] != '\0')
		shmem_request_worker(workerless);
}

/* ordersync.worker_alive(owner); no owner is not alive. */
Datum
ordersync_worker_alive(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(shmem_owner_alive(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* ordersync.worker_state(): will anybody serve this database, and if not, why? */
Datum
ordersync_worker_state(PG_FUNCTION_ARGS)
{
	const char *database = get_database_name(MyDatabaseId);
	const char *state;

	if (!shmem_available())
		state = "not_preloaded";
	else if (!guc_enabled)
		state = "disabled";
	else if (database == NULL || !guc_database_listed(database))
		state = "not_listed";
	else if (!shmem_has_worker(MyDatabaseId))
		state = "no_worker";
	else
		state = "ready";
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/* Rows of the view ordersync.workers; none where nothing is shared. */
Datum
ordersync_worker_list(PG_FUNCTION_ARGS)
{
	char	   *database = get_database_name(MyDatabaseId);
	int64	   *shops = NULL;
	int			n = 0;
	bool		limited = shops_of_caller(&shops, &n);

	compat_init_materialized_srf(fcinfo);
	for (int i = 0; i < shmem_slot_count(); i++)
	{
		SlotView	view;

		shmem_view(i, &view);
		if (view.state == SLOT_FREE)
			continue;
		if (limited && !is_shown(&view, database, shops, n))
			view.work.task_id = 0;
		put_worker((ReturnSetInfo *) fcinfo->resultinfo, &view);
	}
	return (Datum) 0;
}

/*
 * The shops that the caller is limited to; false where it sees all.  What decides
 * stands in tables that the caller may not read, and that may not be there yet:
 * ordersync.shown_shops() asks them, with its owner's rights.
 */
static bool
shops_of_caller(int64 **shops, int *n)
{
	LOCAL_FCINFO(call, 0);
	FmgrInfo	function;
	Datum		answer;
	ArrayType  *array;

	fmgr_info(LookupFuncName(list_make2(makeString("ordersync"), makeString("shown_shops")),
							 0, NULL, false), &function);
	InitFunctionCallInfoData(*call, &function, 0, InvalidOid, NULL, NULL);
	answer = FunctionCallInvoke(call);
	if (call->isnull)
		return false;
	array = DatumGetArrayTypeP(answer);
	if (ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT8OID)
		elog(ERROR, "ordersync.shown_shops() returned something else than shops");
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	*shops = (int64 *) ARR_DATA_PTR(array);
	return true;
}

/* Another database's shops are none of the caller's. */
static bool
is_shown(const SlotView *view, const char *database, const int64 *shops, int n)
{
	if (database == NULL || strcmp(view->ticket.database, database) != 0)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (shops[i] == view->work.shop_id)
			return true;
	}
	return false;
}

/* ordersync.outer_user(): as current_user was before any SECURITY DEFINER function. */
Datum
ordersync_outer_user(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(GetOuterUserId());
}

static void
put_worker(ReturnSetInfo *result, const SlotView *view)
{
	Datum		values[WORKER_COLUMNS];
	bool		nulls[WORKER_COLUMNS] = {0};
	char		owner[SHMEM_OWNER_SIZE];
	int			n = 0;

	shmem_owner(view->ticket.slot, owner);
	values[n++] = CStringGetTextDatum(view->ticket.database);
	values[n++] = Int32GetDatum(view->ticket.slot);
	nulls[n] = view->pid == 0;
	values[n++] = Int32GetDatum(view->pid);
	values[n++] = CStringGetTextDatum(view->state == SLOT_STARTING ||
									  view->state_now[0] == '\0' ?
									  "starting" : view->state_now);
	values[n++] = Int32GetDatum((int32) view->counters[COUNTER_IN_FLIGHT]);
	values[n++] = Int64GetDatum(view->counters[COUNTER_CALLS]);
	values[n++] = Int64GetDatum(view->counters[COUNTER_ERRORS]);
	values[n++] = Int64GetDatum(view->counters[COUNTER_TASKS]);
	values[n++] = Int64GetDatum(view->counters[COUNTER_PAGES]);
	values[n++] = Int64GetDatum(view->counters[COUNTER_RECORDS]);
	values[n++] = Int64GetDatum(view->counters[COUNTER_RECORDS_WRITTEN]);
	values[n++] = Int64GetDatum(view->counters[COUNTER_BYTES]);
	values[n] = timestamp_or_null(view->started_at, &nulls[n]);
	n++;
	values[n] = timestamp_or_null(view->last_call_at, &nulls[n]);
	n++;
	values[n] = text_or_null(view->last_error, &nulls[n]);
	n++;
	values[n] = timestamp_or_null(view->last_error_at, &nulls[n]);
	n++;
	values[n++] = CStringGetTextDatum(owner);
	values[n++] = Int32GetDatum((int32) view->counters[COUNTER_CLAIMED]);
	values[n++] = Float8GetDatum(view->calls_per_second);
	values[n] = text_or_null(doing_now(view), &nulls[n]);
	n++;
	n += put_work(&view->work, values + n, nulls + n);
	if (n != WORKER_COLUMNS)
		elog(ERROR, "a worker has %d columns, not %d", n, WORKER_COLUMNS);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The transaction that it is in; otherwise what its tasks wait for. */
static const char *
doing_now(const SlotView *view)
{
	if (view->doing[0] != '\0')
		return view->doing;
	if (view->counters[COUNTER_IN_FLIGHT] > 0)
		return "waiting for answers";
	return view->counters[COUNTER_CLAIMED] > 0 ? "waiting for its gateway's pace" : "";
}

/* The columns of what it works on; returns how many. */
static int
put_work(const SlotWork *work, Datum *values, bool *nulls)
{
	bool		none = work->task_id == 0;
	int			n = 0;

	values[n++] = Int64GetDatum(work->shop_id);
	values[n++] = Int64GetDatum(work->run_id);
	values[n++] = Int64GetDatum(work->task_id);
	values[n++] = CStringGetTextDatum(work->kind);
	values[n++] = CStringGetTextDatum(stream_name(work->stream));
	values[n++] = CStringGetTextDatum(basis_name(work->basis));
	for (int i = 0; i < n; i++)
		nulls[i] = none;
	nulls[n] = none || work->until == 0;
	values[n++] = TimestampTzGetDatum(clock_timestamp_of(work->since));
	nulls[n] = none || work->until == 0;
	values[n++] = TimestampTzGetDatum(clock_timestamp_of(work->until));
	return n;
}

static Datum
text_or_null(const char *said, bool *isnull)
{
	*isnull = said[0] == '\0';
	return *isnull ? (Datum) 0 : CStringGetTextDatum(said);
}

static Datum
timestamp_or_null(TimestampTz moment, bool *isnull)
{
	*isnull = moment == 0;
	return TimestampTzGetDatum(moment);
}

/* ordersync.setting(name): as SHOW gives it.  The call itself loads the library. */
Datum
ordersync_setting(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(GetConfigOptionByName(psprintf("ordersync.%s", name),
														   NULL, false)));
}

/*
 * ordersync.server_setting(name): a setting of pg_cron, or shared_preload_libraries,
 * whoever asks, which SQL shows to few; NULL where there is none.  A line of
 * postgresql.conf for a library that is not loaded makes no setting.  No other
 * setting: primary_conninfo, for one, may hold a password.
 */
Datum
ordersync_server_setting(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *value;

	if (strncmp(name, "cron.", strlen("cron.")) != 0 && strcmp(name, "shared_preload_libraries") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("setting \"%s\" is not shown by this function", name),
				 errhint("Type: SHOW %s;", name)));
	value = GetConfigOption(name, true, false);
	if (value == NULL || (GetConfigOptionFlags(name, true) & GUC_CUSTOM_PLACEHOLDER) != 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(value));
}

/*
 * ordersync.in_transaction_block(): whether a COMMIT in a procedure would
 * fail for want of a transaction of its own.  Nothing in SQL tells, and the
 * error of the COMMIT itself cannot be caught: in a block that catches,
 * COMMIT always fails.
 */
Datum
ordersync_in_transaction_block(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(IsTransactionBlock());
}

/*
 * ordersync.is_own_xid(xid): whether a row's xmin is of this transaction.  Rows that
 * are written in a block that catches errors bear the number of a subtransaction,
 * which pg_current_xact_id() does not tell.
 */
Datum
ordersync_is_own_xid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TransactionIdIsCurrentTransactionId(PG_GETARG_TRANSACTIONID(0)));
}

/* process_type() → text; NULL for a client's backend */
Datum
ordersync_process_type(PG_FUNCTION_ARGS)
{
	if (MyBackendType == B_BACKEND)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(MyBgworkerEntry != NULL ? MyBgworkerEntry->bgw_type :
									 GetBackendTypeDesc(MyBackendType)));
}
