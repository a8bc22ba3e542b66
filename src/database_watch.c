/*
 * database_watch.c
 *	  Tells the launcher when a database is made, renamed or altered.
 *
 * The launcher has no database and reads no catalog: whether one of its list is
 * there, it learns from a worker that tries, and a try that fails is a FATAL in
 * the server's log.  So it tries ever more rarely, and is told here when there
 * may be news.  The hook runs in any backend, inside the command; what it saw
 * counts when the transaction commits.  Tries in vain cost one line each.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"

#include "database_watch.h"
#include "shmem.h"

static object_access_hook_type prev_access_hook = NULL;
static bool seen = false;		/* by this transaction */

static void on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
					  void *arg);
static void at_transaction_end(XactEvent event, void *arg);

void
database_watch_install(void)
{
	prev_access_hook = object_access_hook;
	object_access_hook = on_access;
}

static void
on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	static bool registered = false;

	if (prev_access_hook)
		prev_access_hook(access, class_id, object_id, sub_id, arg);
	if (class_id != DatabaseRelationId ||
		(access != OAT_POST_CREATE && access != OAT_POST_ALTER))
		return;
	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		registered = true;
	}
	seen = true;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (seen)
				shmem_note_databases();
			seen = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			seen = false;
			break;
		default:
			break;
	}
}
