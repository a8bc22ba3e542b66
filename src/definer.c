/*
 * definer.c
 *	  Users' code that our SECURITY DEFINER functions set off has the rights of
 *	  their owner, and of nobody who calls them.
 *
 * Such a function becomes its owner by itself; three things are added.  It is a
 * security-restricted operation, as a worker's transactions are (db.c): it leaves no cursor WITH HOLD, prepared statement or temporary table
 * behind that the caller would run.  And constraints of our tables are no longer
 * deferred in this transaction: up to PostgreSQL 17 a deferred trigger runs at
 * COMMIT as the caller, who may be a superuser.  So it runs in the statement that
 * sets it off.  One that somebody defers all the same, on another table or by SET
 * CONSTRAINTS, the server refuses within a security-restricted operation.  And
 * what is SET inside is taken back at the end: a search_path that a trigger left
 * behind would decide what the caller's next statement means.
 *
 * Only constraints of our tables, since all others may have something pending that
 * is the caller's own, which must not run as our owner.
 *
 * Life of a call: the server tells us of its begin, and we put ourselves in the
 * place of the language's handler, which we call.  The restriction ends when the
 * server gives the caller its identity back, and in an abort.  A server that did
 * not preload the library has this from a session's first call of a C function of
 * ours on.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "executor/functions.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "definer.h"

#define EXTENSION "ordersync"
#define SCHEMA "ordersync"

static fmgr_hook_type previous_hook = NULL;
static PGFunction plpgsql_handler = NULL;

static void at_call(FmgrHookEventType event, FmgrInfo *function, Datum *arg);
static bool is_ours(Oid function);
static Datum call_sql(PG_FUNCTION_ARGS);
static Datum call_plpgsql(PG_FUNCTION_ARGS);
static Datum call_bracketed(PGFunction handler, FunctionCallInfo fcinfo);
static void restrict_call(void);
static List *deferrable_constraints(void);
static RangeVar *constraint_name(Oid constraint);

void
definer_install(void)
{
	previous_hook = fmgr_hook;
	fmgr_hook = at_call;
}

static void
at_call(FmgrHookEventType event, FmgrInfo *function, Datum *arg)
{
	if (previous_hook != NULL)
		previous_hook(event, function, arg);
	if (event != FHET_START || function->fn_addr == call_sql ||
		function->fn_addr == call_plpgsql || !is_ours(function->fn_oid))
		return;
	if (function->fn_addr == fmgr_sql)
		function->fn_addr = call_sql;
	else
	{
		plpgsql_handler = function->fn_addr;
		function->fn_addr = call_plpgsql;
	}
}

static Datum
call_sql(PG_FUNCTION_ARGS)
{
	return call_bracketed(fmgr_sql, fcinfo);
}

static Datum
call_plpgsql(PG_FUNCTION_ARGS)
{
	return call_bracketed(plpgsql_handler, fcinfo);
}

/* In the owner's identity, with the function's own settings. */
static Datum
call_bracketed(PGFunction handler, FunctionCallInfo fcinfo)
{
	int			nest_level;
	Datum		result;

	if (InSecurityRestrictedOperation())
		return handler(fcinfo);
	restrict_call();
	nest_level = NewGUCNestLevel();
	result = handler(fcinfo);
	AtEOXact_GUC(false, nest_level);
	return result;
}

/* A function of the extension, in SQL or PL/pgSQL, that writes with its owner's rights. */
static bool
is_ours(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool		candidate;
	Oid			extension;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	candidate = form->prosecdef && form->proowner == ROLE_PG_DATABASE_OWNER &&
		form->provolatile == PROVOLATILE_VOLATILE && form->prolang != ClanguageId;
	ReleaseSysCache(tuple);
	if (!candidate)
		return false;
	extension = getExtensionOfObject(ProcedureRelationId, function);
	return OidIsValid(extension) && extension == get_extension_oid(EXTENSION, true);
}

static void
restrict_call(void)
{
	List	   *constraints = deferrable_constraints();
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(user, context | SECURITY_RESTRICTED_OPERATION);
	if (constraints != NIL)
	{
		ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);

		statement->constraints = constraints;
		statement->deferred = false;
		AfterTriggerSetState(statement);
	}
}

/* Of all tables in our schema, by name. */
static List *
deferrable_constraints(void)
{
	List	   *result = NIL;
	Oid			schema = get_namespace_oid(SCHEMA, true);
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);
		RangeVar   *name;

		if (!trigger->tgdeferrable || get_rel_namespace(trigger->tgrelid) != schema)
			continue;
		name = constraint_name(trigger->tgconstraint);
		if (name != NULL)
			result = lappend(result, name);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

/* With its schema, which of a foreign key is that of the table that refers to ours. */
static RangeVar *
constraint_name(Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint form;
	RangeVar   *result;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	result = makeRangeVar(get_namespace_name(form->connamespace),
						  pstrdup(NameStr(form->conname)), -1);
	ReleaseSysCache(tuple);
	return result;
}
