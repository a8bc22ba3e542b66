/*
 * call_params.h
 *	  The parameters of one call: collected, signed, written as a form or as JSON.
 */
#ifndef ORDERSYNC_CALL_PARAMS_H
#define ORDERSYNC_CALL_PARAMS_H

#include "gateway.h"

/* Parameters of one call, those of the base URL included. */
#define CALL_MAX_PARAMS 64

typedef enum ParamKind
{
	PARAM_TEXT,
	PARAM_NUMBER,				/* JSON: without quotes */
	PARAM_BOOL,					/* true or false; JSON: without quotes */
	PARAM_TIME					/* epoch_s is the moment */
} ParamKind;

typedef struct CallParam
{
	const char *name;
	const char *value;			/* raw UTF-8; of a moment as the platform writes it */
	ParamKind	kind;
	int64		epoch_s;
} CallParam;

typedef struct CallParams
{
	int			n;
	int			nurl;			/* the first ones came with the base URL */
	CallParam	params[CALL_MAX_PARAMS];
} CallParams;

/* Takes over the parameters of the URL's query, decoded; false when they are too many. */
extern bool params_add_url(CallParams *params, const char *url);

/* Adds one; what is empty is neither signed nor sent. */
extern void params_add(CallParams *params, const char *name, const char *value, ParamKind kind);
extern void params_add_time(CallParams *params, const char *name, int64 epoch_s);

/* The signature of all of them; NULL, and *error, when there is none. */
extern char *params_sign(const CallParams *params, const char *method, const char *secret,
						 const char **error);

/* The body and its type: every parameter that is not in the URL. */
extern void params_form(const CallParams *params, GatewayRequest *request);
extern void params_json(const CallParams *params, GatewayRequest *request);

#endif							/* ORDERSYNC_CALL_PARAMS_H */
