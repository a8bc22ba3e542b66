/*
 * relay_words.c
 *	  What a relay's operations and parameters are named in the option, and which
 *	  operation takes which parameter.
 */
#include "compat.h"

#include "relay_words.h"

const char *const relay_operation_names[] = {
	"increment", "list", "details", "refunds", "refunds_of_order", "refund", "arrival", "history",
	"special_refunds"
};

const char *const relay_parameter_names[] = {
	"credential", "fields", "type", "ext_type", "start_modified", "end_modified", "start_created",
	"end_created", "start_create", "end_create", "page_no", "page_size", "use_has_next", "tid",
	"refund_id"
};

const char *const relay_meaning_names[] = {
	"throttled", "unauthorized", "retry", "not_found", "permission"
};

#define OF_ALL (RELAY_BIT(RELAY_CREDENTIAL) | RELAY_BIT(RELAY_FIELDS))
#define OF_PAGES (OF_ALL | RELAY_BIT(RELAY_PAGE_NO) | RELAY_BIT(RELAY_PAGE_SIZE) | RELAY_BIT(RELAY_USE_HAS_NEXT))
#define OF_LISTS (OF_PAGES | RELAY_BIT(RELAY_TYPE) | RELAY_BIT(RELAY_EXT_TYPE))
#define OF_MODIFIED (OF_LISTS | RELAY_BIT(RELAY_START_MODIFIED) | RELAY_BIT(RELAY_END_MODIFIED))
#define OF_CREATED (OF_LISTS | RELAY_BIT(RELAY_START_CREATED) | RELAY_BIT(RELAY_END_CREATED))
#define OF_ARRIVAL (OF_LISTS | RELAY_BIT(RELAY_START_CREATE) | RELAY_BIT(RELAY_END_CREATE))

/* What each operation takes. */
const int relay_taken[RELAY_OPERATIONS] = {
	[RELAY_INCREMENT] = OF_MODIFIED,
	[RELAY_LIST] = OF_CREATED,
	[RELAY_DETAILS] = OF_ALL | RELAY_BIT(RELAY_TID),
	[RELAY_REFUNDS] = OF_MODIFIED,
	[RELAY_REFUNDS_OF_ORDER] = OF_PAGES | RELAY_BIT(RELAY_TID),
	[RELAY_REFUND] = OF_ALL | RELAY_BIT(RELAY_REFUND_ID),
	[RELAY_ARRIVAL] = OF_ARRIVAL,
	[RELAY_HISTORY] = OF_CREATED,
	[RELAY_SPECIAL_REFUNDS] = OF_MODIFIED
};

/* See relay_map.h. */
RelayOperation
relay_operation(const GatewayCall *call)
{
	const SyncTask *task = call->task;

	switch (call->kind)
	{
		case CALL_DETAILS:
			return call->details_of == STREAM_ORDERS ? RELAY_DETAILS : RELAY_REFUND;
		case CALL_REFUNDS_OF_ORDER:
			return RELAY_REFUNDS_OF_ORDER;
		case CALL_WHOAMI:
			return RELAY_OPERATIONS;
		case CALL_LIST:
			break;
	}
	if (task->stream == STREAM_ORDERS && !task->history)
		return task->basis == BASIS_MODIFIED ? RELAY_INCREMENT :
			task->basis == BASIS_CREATED ? RELAY_LIST : RELAY_ARRIVAL;
	if (task->stream == STREAM_ORDERS)
		return task->basis == BASIS_CREATED ? RELAY_HISTORY : RELAY_OPERATIONS;
	if (task->basis != BASIS_MODIFIED || task->history)
		return RELAY_OPERATIONS;
	return task->stream == STREAM_AFTER_SALES ? RELAY_REFUNDS :
		task->stream == STREAM_SPECIAL_REFUNDS ? RELAY_SPECIAL_REFUNDS : RELAY_OPERATIONS;
}

/* See relay_map.h. */
RelayParameter
relay_parameter(const char *name)
{
	int			p = 0;

	while (p < RELAY_PARAMETERS && strcmp(relay_parameter_names[p], name) != 0)
		p++;
	return (RelayParameter) p;
}
