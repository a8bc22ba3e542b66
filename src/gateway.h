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
	CALL_WHOAMI					/* whose data key is this? */
} CallKind;

/* What is to be called; task gives stream and basis, ask the page, id the record. */
typedef struct GatewayCall
{
	CallKind	kind;
	const SyncTask *task;
	PageAsk		ask;			/* CALL_LIST */
	int64		id;				/* CALL_DETAILS */
	Stream		details_of;		/* CALL_DETAILS: STREAM_ORDERS or STREAM_AFTER_SALES */
	bool		only_total;		/* CALL_LIST: nobody looks at the records */
	bool		any_type;		/* CALL_LIST: without naming the types of orders */
} GatewayCall;

typedef struct GatewayRequest
{
	const char *method;			/* API name, for the log */
	char	   *url;			/* complete */
	char	   *body;			/* application/x-www-form-urlencoded;charset=UTF-8 */
	size_t		body_len;
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

/* What the protocol's list for a task can do. */
typedef struct GatewayList
{
	const char *method;
	const char *source;			/* apply's word: increment, list, details, history */
	bool		sorted;			/* newest first by the basis, as documented */
	bool		totals;
	int			max_page_size;
} GatewayList;

/*
 * list: NULL when the protocol has none for the task's stream, basis and history.
 * method: the name of the call's API, as the request will have it, by kind, task and
 * details_of alone; NULL when there is none.  It lives as long as the task.
 * build: now_ms is the platform's clock (ours + clock_offset_ms).
 * build and classify allocate in the current context, need no transaction, and
 * never throw for what the other side sent.  classify's list points into the
 * reply's body.
 */
typedef struct GatewayProtocol
{
	const char *name;
	const GatewayList *(*list) (const SyncTask *task);
	void		(*build) (const GatewayCall *call, int64 now_ms, GatewayRequest *request);
	void		(*classify) (const GatewayCall *call, const CallReply *reply,
							 GatewayAnswer *answer);
	const char *(*method) (const GatewayCall *call);
} GatewayProtocol;

/* NULL when there is no protocol of that name. */
extern const GatewayProtocol *gateway_protocol(const char *name);

extern const GatewayProtocol gateway_top;

/*
 * The top-level field names that the API of a source serves for an object, NULL
 * when it serves none; *n says how many.  source: increment, list, history,
 * details, arrival, special; object: trade, order (a trade's line), refund.
 */
extern const char **gateway_served_fields(const char *source, const char *object, int *n);

/* The types of orders that the lists ask for by themselves, divided by commas. */
extern const char *gateway_listed_types(void);

#endif							/* ORDERSYNC_GATEWAY_H */
