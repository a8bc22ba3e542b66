/*
 * sign.h
 *	  Canonical form and signature of a call's parameters.
 */
#ifndef ORDERSYNC_SIGN_H
#define ORDERSYNC_SIGN_H

#include "compat.h"

/* One text parameter, raw (not URL-encoded) UTF-8. */
typedef struct SignParam
{
	const char *name;
	const char *value;
} SignParam;

/*
 * The signature, upper-case hex, in the current context; or NULL and *error
 * says why.  Sorts params by name, bytewise; those with an empty name or value
 * and "sign" itself are left out, as the platform does.
 * method: md5, hmac (HMAC-MD5), hmac-sha256.
 */
extern char *sign_params(const char *method, const char *secret,
						 SignParam *params, int nparams, const char **error);

#endif							/* ORDERSYNC_SIGN_H */
