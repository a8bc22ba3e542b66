/*
 * sqlapi_session.c
 *	  Which session this is, and whether another one is still connected.
 *
 * A process number alone may be another session's by now, so the time at which the
 * session began belongs to it.
 */
#include "compat.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"

extern ORDERSYNC_EXPORT Datum ordersync_session_id(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_session_is_alive(PG_FUNCTION_ARGS);

static char *session_text(int pid, TimestampTz began);

PG_FUNCTION_INFO_V1(ordersync_session_id);
PG_FUNCTION_INFO_V1(ordersync_session_is_alive);

Datum
ordersync_session_id(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(session_text(MyProcPid, MyStartTimestamp)));
}

/* What cannot be a session's id is of none. */
Datum
ordersync_session_is_alive(PG_FUNCTION_ARGS)
{
	char	   *session = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			n;

	/* the list is copied once a transaction, and who waits in one wants to see the end */
	pgstat_clear_backend_activity_snapshot();
	n = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= n; i++)
	{
		LocalPgBackendStatus *local = compat_backend_status(i);

		if (local == NULL || local->backendStatus.st_procpid == 0)
			continue;
		if (strcmp(session, session_text(local->backendStatus.st_procpid,
										 local->backendStatus.st_proc_start_timestamp)) == 0)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

static char *
session_text(int pid, TimestampTz began)
{
	return psprintf("%d." INT64_FORMAT, pid, (int64) began);
}
