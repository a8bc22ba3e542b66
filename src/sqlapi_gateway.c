/*
 * sqlapi_gateway.c
 *	  The protocols as SQL sees them: which there are, whether a gateway's options
 *	  are good for them, and what a gateway does not serve.
 *
 * SQL knows no protocol by its name: it plans by what gateway_unserved() says.
 */
#include "compat.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "datums.h"
#include "gateway.h"

#define MAX_UNSERVED 32

ORDERSYNC_EXPORT Datum ordersync_gateway_protocols(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_check_gateway_map(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_gateway_needs_secret(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_gateway_unserved(PG_FUNCTION_ARGS);

/* The calls of SQL's planning, and what each is named in ordersync.list_name(). */
typedef struct PlannedCall
{
	const char *name;
	CallKind	kind;
	Stream		stream;			/* of details: what the record is */
	Basis		basis;
	bool		history;
} PlannedCall;

static const PlannedCall planned[] = {
	{"whoami", CALL_WHOAMI, STREAM_ORDERS, BASIS_MODIFIED, false},
	{"arrival", CALL_LIST, STREAM_ORDERS, BASIS_ARRIVAL, false},
	{"history", CALL_LIST, STREAM_ORDERS, BASIS_CREATED, true},
	{"after_sales", CALL_LIST, STREAM_AFTER_SALES, BASIS_MODIFIED, false},
	{"special_refunds", CALL_LIST, STREAM_SPECIAL_REFUNDS, BASIS_MODIFIED, false},
	{"details of orders", CALL_DETAILS, STREAM_ORDERS, BASIS_MODIFIED, false},
	{"details of after_sales", CALL_DETAILS, STREAM_AFTER_SALES, BASIS_MODIFIED, false}
};

/* The lists that are counted, and may be asked for by kinds of orders. */
static const PlannedCall counted[] = {
	{"orders", CALL_LIST, STREAM_ORDERS, BASIS_CREATED, false},
	{"after_sales", CALL_LIST, STREAM_AFTER_SALES, BASIS_MODIFIED, false},
	{"special_refunds", CALL_LIST, STREAM_SPECIAL_REFUNDS, BASIS_MODIFIED, false}
};

static const char *const kinds[] = {"ext_type ershou", "ext_type service", "ext_type mark"};

static const GatewayProtocol *open_gateway(FunctionCallInfo fcinfo, Gateway *gateway,
										   GatewayFault *fault);
static const GatewayList *served(const GatewayProtocol *protocol, Gateway *gateway,
								 const PlannedCall *call);
static int	list_unserved(const GatewayProtocol *protocol, Gateway *gateway, const char **names);

PG_FUNCTION_INFO_V1(ordersync_gateway_protocols);
/* gateway_protocols(with_options boolean) → text[] */
Datum
ordersync_gateway_protocols(PG_FUNCTION_ARGS)
{
	const char *names[16];
	int			n = 0;

	for (int i = 0; i < lengthof(names) && gateway_protocol_at(i) != NULL; i++)
	{
		if (!PG_GETARG_BOOL(0) || gateway_protocol_at(i)->prepare != NULL)
			names[n++] = gateway_protocol_at(i)->name;
	}
	PG_RETURN_DATUM(datum_text_array(names, n));
}

PG_FUNCTION_INFO_V1(ordersync_check_gateway_map);
/* check_gateway_map(protocol text, options text) → text: a header whose value looks like a secret, or NULL */
Datum
ordersync_check_gateway_map(PG_FUNCTION_ARGS)
{
	Gateway		gateway = {0};
	GatewayFault fault;

	if (open_gateway(fcinfo, &gateway, &fault) == NULL && fault.option != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 fault.unknown ? errmsg("unrecognized option \"%s\"", fault.option) :
				 errmsg("invalid value for option \"%s\"", fault.option),
				 fault.detail != NULL ? errdetail("%s", fault.detail) : 0,
				 fault.hint != NULL ? errhint("%s", fault.hint) : 0));
	if (fault.warning == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(fault.warning));
}

/*
 * The gateway that the arguments describe, prepared by its protocol; NULL for an
 * unknown one, and, with a fault, for options that are not good.
 */
static const GatewayProtocol *
open_gateway(FunctionCallInfo fcinfo, Gateway *gateway, GatewayFault *fault)
{
	const GatewayProtocol *protocol;

	memset(fault, 0, sizeof(*fault));
	gateway->protocol = text_to_cstring(PG_GETARG_TEXT_PP(0));
	gateway->options = text_to_cstring(PG_GETARG_TEXT_PP(1));
	protocol = gateway_protocol(gateway->protocol);
	if (protocol != NULL && protocol->prepare != NULL && !protocol->prepare(gateway, fault))
		return NULL;
	return protocol;
}

PG_FUNCTION_INFO_V1(ordersync_gateway_needs_secret);
/* gateway_needs_secret(protocol text, options text) → boolean */
Datum
ordersync_gateway_needs_secret(PG_FUNCTION_ARGS)
{
	Gateway		gateway = {0};
	GatewayFault fault;
	const GatewayProtocol *protocol = open_gateway(fcinfo, &gateway, &fault);

	PG_RETURN_BOOL(protocol == NULL || protocol->needs_secret(&gateway));
}

PG_FUNCTION_INFO_V1(ordersync_gateway_unserved);
/* gateway_unserved(protocol text, options text) → text[] */
Datum
ordersync_gateway_unserved(PG_FUNCTION_ARGS)
{
	Gateway		gateway = {0};
	GatewayFault fault;
	const GatewayProtocol *protocol = open_gateway(fcinfo, &gateway, &fault);
	const char *names[MAX_UNSERVED];
	int			n = 0;

	if (protocol != NULL)
		n = list_unserved(protocol, &gateway, names);
	PG_RETURN_DATUM(datum_text_array(names, n));
}

static int
list_unserved(const GatewayProtocol *protocol, Gateway *gateway, const char **names)
{
	PlannedCall by_order = {NULL, CALL_REFUNDS_OF_ORDER, STREAM_AFTER_SALES, BASIS_MODIFIED, false};
	PlannedCall single = {NULL, CALL_DETAILS, STREAM_AFTER_SALES, BASIS_MODIFIED, false};
	int			n = 0;

	for (int i = 0; i < lengthof(planned); i++)
	{
		if (served(protocol, gateway, &planned[i]) == NULL)
			names[n++] = planned[i].name;
	}
	/* where each after-sale can be asked for nobody asks for those of an order */
	if (served(protocol, gateway, &single) == NULL && served(protocol, gateway, &by_order) == NULL)
		names[n++] = "details of refunds_of_orders";
	for (int i = 0; i < lengthof(counted); i++)
	{
		const GatewayList *list = served(protocol, gateway, &counted[i]);

		if (list == NULL || !list->totals)
			names[n++] = psprintf("count of %s", counted[i].name);
		if (list == NULL || !list->totals || !list->any_type)
			names[n++] = psprintf("%s of any type", counted[i].name);
	}
	for (int i = 0; i < lengthof(kinds); i++)
	{
		const GatewayList *list = served(protocol, gateway, &counted[0]);

		if (list == NULL || !list->ext_type)
			names[n++] = kinds[i];
	}
	Assert(n <= MAX_UNSERVED);
	return n;
}

static const GatewayList *
served(const GatewayProtocol *protocol, Gateway *gateway, const PlannedCall *planned_call)
{
	SyncTask   *task = palloc0(sizeof(SyncTask));
	GatewayCall *call = palloc0(sizeof(GatewayCall));

	task->gateway = gateway;
	task->stream = planned_call->stream;
	task->basis = planned_call->basis;
	task->history = planned_call->history;
	call->kind = planned_call->kind;
	call->task = task;
	call->details_of = planned_call->stream;
	return protocol->serves(call);
}
