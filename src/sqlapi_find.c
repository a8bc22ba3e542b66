/*
 * sqlapi_find.c
 *	  find_rows() of SQL: where rows of a shop stand, by one of their ids.
 *
 * Tables that have several indexes which begin with the shop leave the planner a
 * choice that it cannot make while they are empty, and a plan that is kept is wrong
 * for ever then; planning anew each time costs more than the lookup.  Here it is the
 * index of shop and id that is read, whatever the planner thinks of the tables.
 * What is found is what the statement's snapshot sees, so a join by ctid in the same
 * statement reads just that.  One that locks may wait for who writes a row, and then
 * the row stands elsewhere: whoever locks looks again.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_type_d.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "id_array.h"

ORDERSYNC_EXPORT Datum ordersync_find_rows(PG_FUNCTION_ARGS);

static Relation open_index(Relation table, const char *column);
static bool is_index_of(Relation index, AttrNumber shop, AttrNumber id);
static void find(Relation table, Relation index, int64 shop, const int64 *ids, int n,
				 ReturnSetInfo *result);

PG_FUNCTION_INFO_V1(ordersync_find_rows);
/* find_rows(table regclass, column name, shop bigint, ids bigint[]) → id, row_ctid */
Datum
ordersync_find_rows(PG_FUNCTION_ARGS)
{
	int			n;
	int64	   *ids = id_array_sorted(PG_GETARG_ARRAYTYPE_P(3), &n);
	Relation	table;
	Relation	index;

	compat_init_materialized_srf(fcinfo);
	if (n == 0)
		return (Datum) 0;
	table = table_open(PG_GETARG_OID(0), AccessShareLock);
	index = open_index(table, NameStr(*PG_GETARG_NAME(1)));
	find(table, index, PG_GETARG_INT64(2), ids, n, (ReturnSetInfo *) fcinfo->resultinfo);
	index_close(index, NoLock);
	table_close(table, NoLock);
	return (Datum) 0;
}

/* The index of shop and column, locked as for reading. */
static Relation
open_index(Relation table, const char *column)
{
	AttrNumber	shop = get_attnum(RelationGetRelid(table), "shop_id");
	AttrNumber	id = get_attnum(RelationGetRelid(table), column);
	List	   *indexes = RelationGetIndexList(table);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_index_of(index, shop, id))
		{
			list_free(indexes);
			return index;
		}
		index_close(index, AccessShareLock);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no index of shop_id and %s", RelationGetRelationName(table), column),
			 errdetail("Rows are looked up by it when records are stored."),
			 errhint("Create it again: SELECT ordersync.set_up(); "
					 "a primary key by ALTER TABLE %s ADD PRIMARY KEY (shop_id, %s);",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
												RelationGetRelationName(table)),
					 quote_identifier(column))));
}

/* Of all rows, in a state to be read, by these two columns first. */
static bool
is_index_of(Relation index, AttrNumber shop, AttrNumber id)
{
	Form_pg_index form = index->rd_index;

	/* an expression has no number, as a column that is not there */
	return id != InvalidAttrNumber && index->rd_rel->relam == BTREE_AM_OID &&
		form->indisvalid && form->indnkeyatts >= 2 &&
		form->indkey.values[0] == shop && form->indkey.values[1] == id &&
		RelationGetIndexPredicate(index) == NIL &&
		TupleDescAttr(RelationGetDescr(index), 0)->atttypid == INT8OID &&
		TupleDescAttr(RelationGetDescr(index), 1)->atttypid == INT8OID;
}

/* One lookup an id. */
static void
find(Relation table, Relation index, int64 shop, const int64 *ids, int n, ReturnSetInfo *result)
{
	TupleTableSlot *slot = table_slot_create(table, NULL);
	IndexScanDesc scan = compat_index_beginscan(table, index, GetActiveSnapshot(), 2);
	ScanKeyData keys[2];
	Datum		values[2];
	bool		nulls[2] = {false, false};

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(shop));
	for (int i = 0; i < n; i++)
	{
		ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(ids[i]));
		index_rescan(scan, keys, 2, NULL, 0);
		while (index_getnext_slot(scan, ForwardScanDirection, slot))
		{
			values[0] = Int64GetDatum(ids[i]);
			values[1] = PointerGetDatum(&slot->tts_tid);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}
