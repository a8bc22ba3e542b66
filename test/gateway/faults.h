/*
 * faults.h
 *	  What the platform does wrong when it is told to.
 */
#ifndef GATEWAY_FAULTS_H
#define GATEWAY_FAULTS_H

#include "protocol.h"
#include "query.h"
#include "render.h"

typedef enum FaultName
{
	FAULT_HANG,					/* value: ms before anything happens */
	FAULT_STATUS,				/* value: HTTP status */
	FAULT_CLOSE,				/* connection closed without an answer */
	FAULT_RESET,
	FAULT_CUT,					/* value: bytes of the body that still come */
	FAULT_DRIP,					/* value: bytes of the body in each tenth of a second */
	FAULT_THROTTLE,				/* value: seconds of the ban */
	FAULT_QUOTA,				/* value: calls that are left today */
	FAULT_ERROR,				/* value: code; sub_code, msg, sub_msg */
	FAULT_SESSION_EXPIRED,
	FAULT_PERMISSION,
	FAULT_WRONG_SELLER,			/* the session belongs to another shop (value) */
	FAULT_BAD_JSON,				/* the body ends in its middle, though its length is right */
	FAULT_HTML,
	FAULT_EMPTY_BODY,
	FAULT_TOTAL_MISSING,
	FAULT_TOTAL,				/* value: added to every total */
	FAULT_HAS_NEXT_MISSING,
	FAULT_HAS_NEXT_EMPTY,		/* has_next = true with an empty list */
	FAULT_HAS_NEXT_IGNORED,		/* a list that does not know use_has_next */
	FAULT_LIST_MISSING,			/* a total, but no list */
	FAULT_EXCLUSIVE_END,
	FAULT_UNSORTED,
	FAULT_OUTSIDE,				/* value: records of other ranges in each list; kind: of
								 * oldest, newest, alone, uncounted */
	FAULT_MOVED_ON,				/* value: seconds by which one of three records, with kind
								 * all all, is listed too old */
	FAULT_OVERSIZE,				/* value: bytes added to the body */
	FAULT_BLEMISH,				/* kind: what is wrong with one record of a page */
	FAULT_TWICE,				/* one record of a page twice */
	FAULT_WITHHOLD,				/* id: counted, in no list; or value: one of so many;
								 * kind uncounted: not even counted; with a method: of
								 * the single records too */
	FAULT_EXT_HIDDEN,			/* kind: listed only to who asks for that ext_type */
	FAULT_UNTYPED,				/* a list without its parameter type; kind all: has every
								 * type, refused: is an error */
	FAULT_REPLY,				/* the test's own bytes; value: HTTP status */
	FAULT_EMPTY_AS,				/* kind: missing, null, object, array, list */
	FAULT_IDS_AS_TEXT,
	FAULT_REFUND_ID_AS_NUMBER,
	FAULT_BARE_SINGLE,
	FAULT_NO_REQUEST_ID,
	FAULT_GZIP,
	FAULT_COUNT
} FaultName;

typedef struct Fault
{
	FaultName	name;
	int			serial;
	bool		has_value;
	int64_t		value;
	int64_t		count;			/* how often still, -1: until cleared */
	int			skip;			/* calls that it lets pass first */
	int			shop;			/* from 1, 0: any */
	int			percent;		/* of the calls that it would hit */
	char		method[64];		/* part of a method's name, empty: any */
	char		kind[32];
	char		sub_code[96];
	char		msg[96];
	char		sub_msg[96];
	int64_t		id;				/* tid or refund_id, 0: none */
	int			age;			/* withhold: only what is younger in seconds, 0: all */
	int64_t		since;			/* reply: to windows within, 0: any */
	int64_t		until;
	char	   *body;			/* reply */
	size_t		body_len;
	int64_t		until_ms;		/* a ban that runs */
	uint64_t	hits;
} Fault;

extern const char *const fault_names[FAULT_COUNT];

/* The fault that is due for this call, used up by one; NULL when none. */
extern const Fault *fault_take(FaultName name, Call *call);

/* Whether one stands for this call, without using it up. */
extern const Fault *fault_look(FaultName name, const Call *call);

/* Errors that come before the platform looks at the request's sense. */
extern bool fault_refuses(Call *call, Out *o);

/* The records withheld from this call's list, and whether the one it asks for is. */
extern void fault_hide(const Call *call);
extern bool fault_withholds(const Call *call, uint32_t modified);

/* Bits of the ext types whose orders stand in no list that does not ask for them. */
extern unsigned fault_ext_hidden(const Call *call);

/* How the call's list does not keep to its range. */
extern void fault_outside(const Call *call, Query *q);

/* The answer that a test has given for this call. */
extern bool fault_replies(Call *call, Out *o);

/* /control/fault, /control/reply, /control/faults, /control/faults/clear */
extern bool faults_add(const Call *control, Out *o);
extern bool faults_add_reply(const Call *control, Out *o);
extern void faults_list(Out *o);
extern void faults_clear(const char *name);

/* /control/limit: calls a second, and the ban for more. */
extern void faults_limit(double per_second, int ban_seconds);

#endif							/* GATEWAY_FAULTS_H */
