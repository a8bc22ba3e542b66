/*
 * task.c
 *	  The words for the values that rooms hand to each other, as SQL, the log
 *	  and the documentation spell them.  Pure.
 */
#include "compat.h"

#include "task.h"

/* The word for a stream, as in ordersync.sync_tasks.stream. */
const char *
stream_name(Stream stream)
{
	switch (stream)
	{
		case STREAM_ORDERS:
			return "orders";
		case STREAM_AFTER_SALES:
			return "after_sales";
		case STREAM_SPECIAL_REFUNDS:
			return "special_refunds";
		case STREAM_DETAILS:
			return "details";
	}
	return "unknown";
}

/* The stream of that word; false when there is none. */
bool
stream_from_name(const char *name, Stream *stream)
{
	for (int i = STREAM_ORDERS; name != NULL && i <= STREAM_DETAILS; i++)
	{
		if (strcmp(name, stream_name((Stream) i)) == 0)
		{
			*stream = (Stream) i;
			return true;
		}
	}
	return false;
}

/* See task.h. */
Stream
stream_of_records(Stream stream, Stream details_of)
{
	switch (stream)
	{
		case STREAM_SPECIAL_REFUNDS:
			return STREAM_AFTER_SALES;
		case STREAM_DETAILS:
			return details_of;
		default:
			return stream;
	}
}

/* The work of that word, as in ordersync.sync_tasks.work; false when there is none. */
bool
work_from_name(const char *name, TaskWork *work)
{
	static const char *const names[] = {"store", "check", "count"};

	for (int i = WORK_STORE; name != NULL && i <= WORK_COUNT; i++)
	{
		if (strcmp(name, names[i]) == 0)
		{
			*work = (TaskWork) i;
			return true;
		}
	}
	return false;
}

/* The word for a basis, as in ordersync.sync_tasks.basis. */
const char *
basis_name(Basis basis)
{
	switch (basis)
	{
		case BASIS_MODIFIED:
			return "modified";
		case BASIS_CREATED:
			return "created";
		case BASIS_ARRIVAL:
			return "arrival";
	}
	return "unknown";
}

/* The basis of that word; false when there is none. */
bool
basis_from_name(const char *name, Basis *basis)
{
	for (int i = BASIS_MODIFIED; name != NULL && i <= BASIS_ARRIVAL; i++)
	{
		if (strcmp(name, basis_name((Basis) i)) == 0)
		{
			*basis = (Basis) i;
			return true;
		}
	}
	return false;
}

/* The word for a verdict, as in ordersync.request_log.verdict. */
const char *
verdict_name(Verdict verdict)
{
	switch (verdict)
	{
		case VERDICT_OK:
			return "ok";
		case VERDICT_RETRY:
			return "retry";
		case VERDICT_THROTTLED:
			return "throttled";
		case VERDICT_UNAUTHORIZED:
			return "unauthorized";
		case VERDICT_REJECTED:
			return "rejected";
		case VERDICT_MALFORMED:
			return "malformed";
	}
	return "unknown";
}
