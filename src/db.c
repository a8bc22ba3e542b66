/*
 * db.c
 *	  The worker's way to its database.
 *
 * A worker is connected as the bootstrap superuser.  No user's code (trigger,
 * rule, policy, default, function) may ever run as that, so each transaction
 * becomes the owner of schema ordersync between its start and its first
 * statement, in a security-restricted operation, and stays so until after the
 * commit: deferred work runs inside.  An abort gives the identity back by
 * itself.  When that owner is a superuser nothing is done at all.
 *
 * Life of a transaction: db_begin() looks for the extension, locks it (so that
 * DROP EXTENSION waits for the milliseconds that we take) and looks again,
 * compares its version with this library's, changes identity; db_run() any
 * number of times; db_commit().  On an error the caller copies it and calls
 * db_abort().
 *
 * Saved plans hold no object's oid that matters across DROP and CREATE
 * EXTENSION: the server plans them anew when what they name has changed.
 */
#include "compat.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "db.h"

/* What malloc may keep of the memory of a batch for the next one, in bytes. */
#define KEPT_MEMORY (16 * 1024 * 1024)

/* For a lock, in a transaction that holds what several may wait for. */
#define SHORT_WAIT "50ms"

#define EXTENSION "ordersync"
#define SCHEMA "ordersync"

/*
 * What the work must not inherit.  lock_timeout: somebody's long ALTER TABLE
 * shall stop the one page that needs it, not every call in flight; the page is
 * fetched again.
 */
static const char *const session_settings[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"session_replication_role", "origin"},
	{"lock_timeout", "10s"},
	{"statement_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"transaction_timeout", "0"},
	{"TimeZone", "UTC"},
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"standard_conforming_strings", "on"},
	{"row_security", "on"},

	/*
	 * As each statement and each function says: whatever a worker calls has this
	 * setting of its own, since plans that were made while the tables were empty
	 * would stay for ever.
	 */
	{"plan_cache_mode", "auto"},
	{"max_parallel_workers_per_gather", "0"},
	{"jit", "off"},
};

static MemoryContext caller_context;
static Oid	outer_user;
static int	outer_security;

static DbState check_installation(Oid *owner);
static Oid	find_extension(bool *version_matches);
static void switch_to_owner(Oid owner);
static void set_constraints_immediate(void);
static void set_durability(DbDurability durability);
static void set_local(const char *name, const char *value);
static void restore_caller_state(void);

/*
 * A source above the database's and the role's own settings: neither they nor
 * a later reload change it back.
 */
void
db_init_session(void)
{
#ifdef __GLIBC__
	/* pages are put together in pieces of some hundred kB: without these each is mapped and given back anew */
	mallopt(M_MMAP_THRESHOLD, KEPT_MEMORY);
	mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
#endif
	for (int i = 0; i < lengthof(session_settings); i++)
	{
		/* some exist in newer servers only */
		if (GetConfigOption(session_settings[i][0], true, false) != NULL)
			SetConfigOption(session_settings[i][0], session_settings[i][1],
							PGC_SUSET, PGC_S_OVERRIDE);
	}
}

DbState
db_begin(const char *activity, DbDurability durability)
{
	DbState		state;
	Oid			owner = InvalidOid;

	caller_context = CurrentMemoryContext;
	GetUserIdAndSecContext(&outer_user, &outer_security);

	pgstat_report_activity(STATE_RUNNING, activity);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	state = check_installation(&owner);
	if (state != DB_READY)
	{
		CommitTransactionCommand();
		restore_caller_state();
		return state;
	}

	switch_to_owner(owner);
	set_constraints_immediate();
	set_durability(durability);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetTransactionSnapshot());
	return DB_READY;
}

/* Looks for the extension in our version, with tables and an owner that we may switch to. */
static DbState
check_installation(Oid *owner)
{
	bool		version_matches;
	Oid			extension = find_extension(&version_matches);
	Oid			schema;
	HeapTuple	tuple;

	if (!OidIsValid(extension))
		return DB_NO_EXTENSION;
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	if (find_extension(&version_matches) != extension)
		return DB_NO_EXTENSION;
	if (!version_matches)
		return DB_OTHER_VERSION;

	schema = get_namespace_oid(SCHEMA, true);
	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid("sync_tasks", schema)))
		return DB_NO_TABLES;

	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		return DB_NO_TABLES;
	*owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return superuser_arg(*owner) ? DB_UNSAFE_OWNER : DB_READY;
}

/* The extension's oid, InvalidOid when it is not there, and whether it is of our version. */
static Oid
find_extension(bool *version_matches)
{
	Oid			result = InvalidOid;
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	*version_matches = false;
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(EXTENSION));
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
										   RelationGetDescr(catalog), &isnull);

		result = ((Form_pg_extension) GETSTRUCT(tuple))->oid;
		*version_matches = !isnull &&
			strcmp(TextDatumGetCString(version), ORDERSYNC_VERSION) == 0;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

static void
switch_to_owner(Oid owner)
{
	SetUserIdAndSecContext(owner, outer_security |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
}

/* SET CONSTRAINTS ALL IMMEDIATE: a user's deferred foreign key is checked in its statement. */
static void
set_constraints_immediate(void)
{
	ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);

	statement->constraints = NIL;
	statement->deferred = false;
	AfterTriggerSetState(statement);
}

/* Until the end of this transaction.  A dead standby must not hold the worker: local. */
static void
set_durability(DbDurability durability)
{
	set_local("synchronous_commit", durability == DB_DURABLE ? "local" : "off");
}

static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
							 true, 0, false);
}

/*
 * Shorter than deadlock_timeout may sensibly be: of a deadlock we are the one
 * that fails, before the server looks for it.
 */
void
db_limit_lock_waits(void)
{
	set_local("lock_timeout", SHORT_WAIT);
}

void
db_commit(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not finish SPI");
	PopActiveSnapshot();
	CommitTransactionCommand();
	restore_caller_state();
}

void
db_abort(void)
{
	AbortCurrentTransaction();
	restore_caller_state();
}

/* The server leaves us in one context or another, by version: go back to the caller's. */
static void
restore_caller_state(void)
{
	SetUserIdAndSecContext(outer_user, outer_security);
	MemoryContextSwitchTo(caller_context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

void
db_report(void)
{
	pgstat_report_stat(true);
}

uint64
db_run(DbStatement *statement, const DbParams *params)
{
	int			code;

	if (params->n != statement->nparams)
		elog(ERROR, "%d parameters for %s", params->n, statement->sql);
	if (statement->plan == NULL)
	{
		/* a custom plan would take whole pages into itself as constants, and copy them at every step of planning */
		SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql, statement->nparams,
											  statement->types, CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare %s: %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		statement->plan = plan;
	}
	code = SPI_execute_plan(statement->plan, (Datum *) params->values, params->nulls,
							false, 0);
	if (code < 0)
		elog(ERROR, "could not execute %s: %s", statement->sql,
			 SPI_result_code_string(code));
	return SPI_processed;
}

Datum
db_value(uint64 row, int column, bool *isnull)
{
	if (SPI_tuptable == NULL || row >= SPI_tuptable->numvals ||
		column >= SPI_tuptable->tupdesc->natts)
		elog(ERROR, "no row %llu or column %d in the result",
			 (unsigned long long) row, column);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column + 1, isnull);
}

int64
db_int8(uint64 row, int column)
{
	bool		isnull;
	Datum		value = db_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

int32
db_int4(uint64 row, int column)
{
	bool		isnull;
	Datum		value = db_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

bool
db_bool(uint64 row, int column)
{
	bool		isnull;
	Datum		value = db_value(row, column, &isnull);

	return isnull ? false : DatumGetBool(value);
}

char *
db_text(uint64 row, int column, MemoryContext context)
{
	bool		isnull;
	Datum		value = db_value(row, column, &isnull);
	MemoryContext before;
	char	   *result;

	if (isnull)
		return NULL;
	before = MemoryContextSwitchTo(context);
	result = TextDatumGetCString(value);
	MemoryContextSwitchTo(before);
	return result;
}

const char *
db_state_name(DbState state)
{
	switch (state)
	{
		case DB_READY:
			return "ready";
		case DB_NO_EXTENSION:
			return "no extension";
		case DB_OTHER_VERSION:
			return "other version";
		case DB_NO_TABLES:
			return "no gateway yet";
		case DB_UNSAFE_OWNER:
			return "unsafe owner";
	}
	return "unknown";
}
