/*
 * gateway.h
 *	  A protocol: task and page to request; reply to verdict.  Pure.
 */
#ifndef ORDERSYNC_GATEWAY_H
#define ORDERSYNC_GATEWAY_H

#include "task.h"

typedef enum CallKind
{
	CALL_LIST,					/* one page of a window */
	CALL_DETAILS,				/* one record by id */
	CALL_REFUNDS_OF_ORDER,		/* the after-sales of one order, by its tid */
	CALL_WHOAMI					/* whose data key is this? */
} CallKind;

/* What is to be called; task gives stream and basis, ask the page, id the record. */
typedef struct GatewayCall
{
	CallKind	kind;
	const SyncTask *task;
	PageAsk		ask;			/* CALL_LIST */
	int64		id;				/* CALL_DETAILS, CALL_REFUNDS_OF_ORDER */
	Stream		details_of;		/* CALL_DETAILS: STREAM_ORDERS or STREAM_AFTER_SALES */
	bool		only_total;		/* CALL_LIST: nobody looks at the records */
	bool		any_type;		/* CALL_LIST: without naming the types of orders */
} GatewayCall;

typedef struct GatewayRequest
{
	const char *method;			/* API name, for the log */
	char	   *url;			/* complete */
	char	   *body;
	size_t		body_len;
	const char *content_type;
	const char *error;			/* NULL, or why it cannot be sent (an unknown sign_method, MD5 where FIPS forbids it,
								 * no such list): rejected */
} GatewayRequest;

typedef struct GatewayAnswer
{
	Verdict		verdict;
	const char *class;			/* NULL when ok; else one word for failed_tasks: network, timeout, http, throttled,
								 * quota, session, permission, signature, clock, parameters, platform, not_found,
								 * malformed, oversize, refused */
	char	   *message;		/* NULL when ok; one line for people, no secret in it */
	int64		code;			/* platform's error code, 0 when none */
	char	   *msg;			/* platform's words, each NULL when absent */
	char	   *sub_code;
	char	   *sub_msg;
	char	   *request_id;
	int64		ban_ms;			/* throttled: how long the ban lasts, 0 unknown */
	bool		ban_method;		/* it is about this call's method, others may be called */
	bool		shrink;			/* too much data or too slow: ask for less */
	int64		total;			/* -1: not sent */
	int			has_next;		/* 1, 0, -1: not sent */
	const char *list;			/* bytes of the list inside the body; NULL: empty */
	size_t		list_len;
	char	   *nick;			/* CALL_WHOAMI */
	int64		user_id;		/* CALL_WHOAMI, 0 when not sent */
} GatewayAnswer;

/* What the protocol's answer to a call can do. */
typedef struct GatewayList
{
	const char *method;			/* its name in the log; NULL: there is no such call */
	const char *source;			/* apply's word: increment, list, details, history */
	bool		sorted;			/* newest first by the basis, as documented */
	bool		totals;
	int			max_page_size;
	bool		any_type;		/* can be asked for orders of whatever type */
	bool		ext_type;		/* can be asked for orders of one kind */
	bool		fixed_pages;	/* a page's size cannot be asked for: it is the gateway's option page_size */
} GatewayList;

/* What is wrong with a gateway's options. */
typedef struct GatewayFault
{
	char	   *option;			/* the member, by its names divided by dots; NULL: nothing is wrong */
	bool		unknown;		/* there is no member of that name */
	const char *detail;			/* NULL: hint says it all */
	const char *hint;			/* what is expected, a sentence */
	const char *warning;		/* a header whose value is accepted, and looks like a secret; NULL: none */
} GatewayFault;

/*
 * prepare: reads what of gateway->options is the protocol's into gateway->map,
 * adds to gateway->headers, all of it in the current context; false, and fault,
 * when that cannot be.  NULL: the protocol has no options.
 * needs_secret: are calls signed, so that an application secret is needed?
 * serves: NULL when the protocol has no such call.
 * build: now_ms is the platform's clock (ours + clock_offset_ms).
 * build and classify allocate in the current context, need no transaction, and
 * never throw for what the other side sent.  classify's list points into the
 * reply's body, or lies in the current context.
 */
typedef struct GatewayProtocol
{
	const char *name;
	bool		(*prepare) (Gateway *gateway, GatewayFault *fault);
	bool		(*needs_secret) (const Gateway *gateway);
	const GatewayList *(*serves) (const GatewayCall *call);
	void		(*build) (const GatewayCall *call, int64 now_ms, GatewayRequest *request);
	void		(*classify) (const GatewayCall *call, const CallReply *reply,
							 GatewayAnswer *answer);
	const char *(*method) (const GatewayCall *call);
} GatewayProtocol;

/* NULL when there is no protocol of that name. */
extern const GatewayProtocol *gateway_protocol(const char *name);

/* The protocols one after another; NULL past the last. */
extern const GatewayProtocol *gateway_protocol_at(int i);

extern const GatewayProtocol gateway_top;
extern const GatewayProtocol gateway_relay;

/*
 * The top-level field names that the API of a source serves for an object, NULL
 * when it serves none; *n says how many.  source: increment, list, history,
 * details, arrival, special; object: trade, order (a trade's line), refund.
 */
extern const char **gateway_served_fields(const char *source, const char *object, int *n);

/* The types of orders that the lists ask for by themselves, divided by commas. */
extern const char *gateway_listed_types(void);

#endif							/* ORDERSYNC_GATEWAY_H */
