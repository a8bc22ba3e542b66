/*
 * protocol.h
 *	  A request of the platform's protocol: its parameters, its signature, and
 *	  what is wrong with it.
 */
#ifndef GATEWAY_PROTOCOL_H
#define GATEWAY_PROTOCOL_H

#include "world.h"

#define APP_KEY		"12345678"
#define APP_SECRET	"helloworld"
#define MAX_PARAMS	128

typedef enum Method
{
	M_INCREMENT, M_INCREMENTV, M_SOLD, M_HISTORY, M_FULLINFO, M_TRADE, M_REFUNDS, M_REFUND,
	M_SPECIAL, M_SELLER, M_TIME,
	M_ORDER_REFUNDS,			/* of one order: relays only */
	M_COUNT
} Method;

typedef struct MethodInfo
{
	const char *name;
	const char *root;			/* of its answer */
	bool		session;
} MethodInfo;

extern const MethodInfo methods[M_COUNT];

typedef struct Param
{
	const char *name;
	const char *value;
} Param;

typedef struct Call
{
	int			nparams;
	Param		params[MAX_PARAMS];
	bool		overflow;
	const char *method_name;	/* as sent, NULL: not */
	int			method;			/* Method, -1: unknown */
	Shop	   *shop;			/* whose session it is, NULL: nobody's */
	bool		sub_account;
	bool		simplify;
	bool		xml;			/* the format asked for, or left out */
	const Out  *body;			/* bytes sent to a control that wants them, NULL: none */
	/* of a relay's */
	const struct Relay *relay;	/* NULL: the platform was called */
	const char *refused_as;		/* unauthorized, other ...: why the relay passes nothing on ... */
	char		refused[160];	/* ... in words, empty: it does */
	bool		no_total;
	bool		no_has_next;
	bool		tells_both;		/* nobody says which of them is wanted */
	int64_t		started_ms;		/* real time */
	/* how it went, for the statistics */
	int			code;			/* 0: ok */
	char		words[200];		/* of an error: msg, sub_code, sub_msg */
	bool		replied;		/* by the test's own bytes */
	int			status;			/* of HTTP, 0: 200 */
	int64_t		id;				/* record asked for, 0: none */
	int64_t		start;			/* window asked for, 0: none */
	int64_t		end;
	int			page_no;
	int			page_size;
	bool		use_has_next;
	int64_t		total;			/* -1: not told */
	int			has_next;		/* -1: not told */
	int			records;
	char		fault[32];		/* what was done to it */
} Call;

/* Adds the parameters of a query or a form; text is changed in place and must last. */
extern void protocol_params(Call *call, char *text);

/* After all parameters are there: method, shop, simplify. */
extern void protocol_recognise(Call *call);

/* NULL when it was not sent. */
extern const char *param(const Call *call, const char *name);

/* Checks all that is common to all methods.  False: o holds the error's body. */
extern bool protocol_check(Call *call, Out *o);

/* An error's body; sub_code and sub_msg may be NULL.  Returns false. */
extern bool protocol_error(Call *call, Out *o, int code, const char *msg, const char *sub_code,
						   const char *sub_msg);

/* Upper-case hex; false when the method is none of the three. */
extern bool protocol_sign(const char *sign_method, const char *secret, const Param *params,
						  int nparams, char *hex);

extern void write_request_id(Out *o);

#endif							/* GATEWAY_PROTOCOL_H */
