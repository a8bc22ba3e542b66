/*
 * database_watch.c
 *	  Tells the launcher of a database that was made, renamed or altered.
 *
 * The launcher has no database and reads no catalog: whether one of its list is
 * there, it learns from a worker that tries, and a try that fails is a FATAL in
 * the server's log.  So it tries ever more rarely, and is told here when it need
 * not wait.  The hook runs in any backend, inside the command, where the row is
 * not visible yet; its name is read before the commit and told after it.  Of
 * several in one transaction the last is told; the others wait their time.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"

#include "database_watch.h"
#include "shmem.h"

static object_access_hook_type prev_access_hook = NULL;
static Oid	seen = InvalidOid;	/* by this transaction */
static char database[NAMEDATALEN];	/* its name, once it is about to commit */

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
	seen = object_id;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (!OidIsValid(seen))
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			{
				char	   *name = get_database_name(seen);

				strlcpy(database, name ? name : "", NAMEDATALEN);
				break;
			}
		case XACT_EVENT_COMMIT:
			if (database[0] != '\0')
				shmem_request_worker(database);
			seen = InvalidOid;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			seen = InvalidOid;
			break;
		default:
			break;
	}
}
