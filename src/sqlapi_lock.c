/*
 * sqlapi_lock.c
 *	  Locks of the numbers of orders: pages of orders and pages of after-sales
 *	  that are about the same order keep each other out, and nobody else.
 *
 * Advisory locks as pg_advisory_xact_lock() takes them, but in modes that SQL
 * cannot name: ShareLock for orders and RowExclusiveLock for after-sales.  Each
 * goes with itself and conflicts with the other.  They end with the transaction.
 */
#include "compat.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "id_array.h"

ORDERSYNC_EXPORT Datum ordersync_lock_orders(PG_FUNCTION_ARGS);

static void lock_order(int64 shop, int64 tid, LOCKMODE mode);

PG_FUNCTION_INFO_V1(ordersync_lock_orders);
/* lock_orders(shop, tids, after_sales) */
Datum
ordersync_lock_orders(PG_FUNCTION_ARGS)
{
	LOCKMODE	mode;
	int64	   *tids;
	int			n;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_VOID();
	mode = PG_GETARG_BOOL(2) ? RowExclusiveLock : ShareLock;
	/* all take them in one order */
	tids = id_array_sorted(PG_GETARG_ARRAYTYPE_P(1), &n);
	for (int i = 0; i < n; i++)
		lock_order(PG_GETARG_INT64(0), tids[i], mode);
	PG_RETURN_VOID();
}

/* As pg_advisory_xact_lock() does for a key of 64 bits. */
static void
lock_order(int64 shop, int64 tid, LOCKMODE mode)
{
	int64		pair[2] = {shop, tid};
	uint64		key = hash_bytes_extended((const unsigned char *) pair, sizeof(pair), 0);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key, 1);
	(void) LockAcquire(&tag, mode, false, false);
}
