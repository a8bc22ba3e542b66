/*
 * sqlapi_key_file.c
 *	  The key file, as SQL sees it: how it is found, making it, adding a key and
 *	  dropping old ones.
 *
 * The file is the server's, so who changes its keys must be a superuser, and by
 * his own hand: not whoever is called by one, as the owner's triggers are by
 * workers.  Of two databases only one changes it at a time: they take a lock
 * that is no database's, to the end of their transaction.
 */
#include "compat.h"

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "catalog/pg_database.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "secret.h"
#include "shmem.h"

ORDERSYNC_EXPORT Datum ordersync_key_file(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_make_key_file(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_lock_key_file(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_add_key(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_drop_old_keys(PG_FUNCTION_ARGS);

static void check_superuser(void);
static XLogRecPtr last_record_end(void);

PG_FUNCTION_INFO_V1(ordersync_key_file);
/* key_file() → ready, missing or unusable; why; is it missed by another database?; how many keys */
Datum
ordersync_key_file(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {
		[KEY_FILE_READY] = "ready",
		[KEY_FILE_MISSING] = "missing",
		[KEY_FILE_UNUSABLE] = "unusable"
	};
	KeyFile		found;
	TupleDesc	columns;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	secret_look(&found);
	values[0] = CStringGetTextDatum(names[found.state]);
	nulls[1] = found.why == NULL;
	if (!nulls[1])
		values[1] = CStringGetTextDatum(found.why);
	values[2] = BoolGetDatum(shmem_key_missing_elsewhere(MyDatabaseId));
	values[3] = Int32GetDatum(found.keys);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}

PG_FUNCTION_INFO_V1(ordersync_make_key_file);
/* make_key_file() */
Datum
ordersync_make_key_file(PG_FUNCTION_ARGS)
{
	key_file_make();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ordersync_lock_key_file);
/* lock_key_file() */
Datum
ordersync_lock_key_file(PG_FUNCTION_ARGS)
{
	/* an object of no class that has one of this number */
	LockSharedObject(DatabaseRelationId, InvalidOid, 1, AccessExclusiveLock);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ordersync_add_key);
/* add_key(); after lock_key_file() */
Datum
ordersync_add_key(PG_FUNCTION_ARGS)
{
	check_superuser();
	key_file_add();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ordersync_drop_old_keys);
/*
 * drop_old_keys() → how many; after lock_key_file().  The databases, whose workers
 * may still have secrets that were sealed with one, are told as an error.
 *
 * What this database has sealed anew must not be lost in a crash, when the old
 * keys are: commits that were not waited for are flushed first.
 */
Datum
ordersync_drop_old_keys(PG_FUNCTION_ARGS)
{
	KeyFile		found;
	char	   *databases;

	check_superuser();
	secret_look(&found);
	databases = shmem_databases_behind(MyDatabaseId, found.newest);
	if (databases != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another database may use an old key"),
				 errdetail("Databases whose workers have not reported that all is sealed with the newest key: %s.", databases),
				 errhint("Type SELECT ordersync_rotate_key() there, then try again in a minute; "
						 "take a database that does not use ordersync from ordersync.databases.")));
	XLogFlush(last_record_end());
	PG_RETURN_INT32(key_file_drop_old());
}

/*
 * Where the next record will begin is behind the header of a page that does not exist
 * yet, when the last record has filled its page; the server refuses to flush up to there.
 */
static XLogRecPtr
last_record_end(void)
{
	XLogRecPtr	next = GetXLogInsertRecPtr();

	if (XLogSegmentOffset(next, wal_segment_size) == SizeOfXLogLongPHD)
		return next - SizeOfXLogLongPHD;
	if (next % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return next - SizeOfXLogShortPHD;
	return next;
}

static void
check_superuser(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser can change the keys in the key file"),
				 errdetail("The file is the server's: other databases use it, too."),
				 errhint("Ask a superuser to type it.")));
}
