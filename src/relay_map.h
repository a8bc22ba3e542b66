/*
 * relay_map.h
 *	  How a relay spells the platform's calls: the gateway's option "relay", read.
 */
#ifndef ORDERSYNC_RELAY_MAP_H
#define ORDERSYNC_RELAY_MAP_H

#include "gateway.h"

typedef enum RelayOperation
{
	RELAY_INCREMENT,
	RELAY_LIST,
	RELAY_DETAILS,
	RELAY_REFUNDS,
	RELAY_REFUNDS_OF_ORDER,
	RELAY_REFUND,
	RELAY_ARRIVAL,
	RELAY_HISTORY,
	RELAY_SPECIAL_REFUNDS,
	RELAY_OPERATIONS			/* how many there are */
} RelayOperation;

typedef enum RelayParameter
{
	RELAY_CREDENTIAL,
	RELAY_FIELDS,
	RELAY_TYPE,
	RELAY_EXT_TYPE,
	RELAY_START_MODIFIED,
	RELAY_END_MODIFIED,
	RELAY_START_CREATED,
	RELAY_END_CREATED,
	RELAY_START_CREATE,
	RELAY_END_CREATE,
	RELAY_PAGE_NO,
	RELAY_PAGE_SIZE,
	RELAY_USE_HAS_NEXT,
	RELAY_TID,
	RELAY_REFUND_ID,
	RELAY_PARAMETERS
} RelayParameter;

typedef enum RelayMeaning
{
	RELAY_THROTTLED,
	RELAY_UNAUTHORIZED,
	RELAY_RETRY,
	RELAY_NOT_FOUND,
	RELAY_PERMISSION,
	RELAY_MEANINGS
} RelayMeaning;

typedef enum RelayRecord
{
	RELAY_TRADES,
	RELAY_REFUND_LIST,
	RELAY_TRADE,
	RELAY_ONE_REFUND,
	RELAY_TOTAL,
	RELAY_HAS_NEXT,
	RELAY_RECORDS
} RelayRecord;

typedef enum RelayTimes
{
	RELAY_TIMES_TEXT,
	RELAY_TIMES_EPOCH,
	RELAY_TIMES_EPOCH_MS
} RelayTimes;

typedef enum RelayAfterSales
{
	RELAY_BY_TIME,
	RELAY_BY_ORDER,
	RELAY_NO_AFTER_SALES
} RelayAfterSales;

#define RELAY_MAX_CONSTANTS 16
#define RELAY_MAX_HEADERS 16
#define RELAY_MAX_CODES 32

typedef struct RelayCodes
{
	int			n;
	const char *codes[RELAY_MAX_CODES];
} RelayCodes;

/* Of names and paths NULL is: there is none, or it is not sent. */
typedef struct RelayMap
{
	const char *paths[RELAY_OPERATIONS];
	GatewayList lists[RELAY_OPERATIONS];	/* as asked for: see relay_serves() */
	const char *names[RELAY_OPERATIONS][RELAY_PARAMETERS];	/* NULL for what the operation does not take */
	int			nconstants;
	HttpHeader	constants[RELAY_MAX_CONSTANTS];
	int			nheaders;
	HttpHeader	headers[RELAY_MAX_HEADERS];
	bool		json;
	RelayTimes	times;
	bool		enveloped;		/* the five below mean something */
	const char *code;
	const char *message;
	const char *data;
	const char *request_id;
	RelayCodes	ok;
	const char *records[RELAY_RECORDS];
	bool		totals;
	bool		has_next;
	RelayCodes	codes[RELAY_MEANINGS];
	RelayAfterSales after_sales;
	bool		sign;			/* the four below mean something */
	const char *app_key;
	const char *timestamp;
	const char *sign_method;
	const char *signature;
} RelayMap;

/*
 * The map that the gateway's options say, in the current context; NULL, and
 * fault, when they say what cannot be.  fault may be a warning beside a map.
 */
extern RelayMap *relay_map_read(const char *options, GatewayFault *fault);

/* Whether what is given and what is not go together; decides which operations are used. */
extern void relay_map_check(RelayMap *map, GatewayFault *fault);

/* Notes a fault of an option; the first one counts. */
extern void relay_map_fault(GatewayFault *fault, const char *option, const char *detail,
							const char *hint);

/* The operation of a call, RELAY_OPERATIONS when there is none. */
extern RelayOperation relay_operation(const GatewayCall *call);

/* Verdict on a reply: see GatewayProtocol. */
extern void relay_classify(const GatewayCall *call, const CallReply *reply,
						   GatewayAnswer *answer);

/* Is the code one of these? */
extern bool relay_has_code(const RelayCodes *codes, const char *code);

/* The parameter of the platform's name, RELAY_PARAMETERS when a relay's calls know none. */
extern RelayParameter relay_parameter(const char *name);

#endif							/* ORDERSYNC_RELAY_MAP_H */
