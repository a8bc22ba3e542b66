/*
 * relay.h
 *	  A partner's service in front of the platform: the same world by other
 *	  names, paths and forms.
 *
 * A relay is a list of settings, name and value; docs/ordersync_relay.md has the
 * names, with dots between the members: paths.list, parameters.credential,
 * parameters.refunds.tid, envelope.code, codes.throttled ...  Beside these:
 *	  base			path of the relay, /relay
 *	  envelope		on: answers are enveloped; so they are when one of its members is set
 *	  signature		on: requests must be signed; so they must when one of its members is set
 *	  sign_method	by which they are signed, where the request does not say
 *	  errors		codes, status or platform: how errors are told
 *	  data			text: the data of an envelope is a string that contains JSON
 *	  code_as		text, number or flag (true for success)
 *	  simplify		on: lists are bare, and there is no root
 *	  max_window	seconds of the longest window
 */
#ifndef GATEWAY_RELAY_H
#define GATEWAY_RELAY_H

#include "protocol.h"

typedef struct Relay Relay;

/* A header of a request by its name, NULL: it has none. */
typedef const char *(*HeaderReader) (void *connection, const char *name);

/* A new relay, or another one at the same base; false: there are too many. */
extern bool relay_set(const Param *settings, int n);

/* The relay whose base a path begins with, NULL: none's. */
extern const Relay *relay_at(const char *path);

/*
 * Reads a request: call gets the platform's method and parameters, or the fault
 * that relay_check() tells.  body is changed in place and must last.
 */
extern void relay_read(Call *call, const char *path, const char *http_method, char *query,
					   Out *body, HeaderReader header, void *connection);

/* As protocol_check(). */
extern bool relay_check(Call *call, Out *o);

/* Puts an answer, or an error of the platform, into the relay's form. */
extern void relay_wrap(Call *call, Out *o);

/* How the relay calls a list, a record or a count, NULL: as the platform does, within its root. */
extern const char *relay_record_name(const Relay *relay, const char *name);

/* A value, NULL: null, or not set and without a default. */
extern const char *relay_setting(const Relay *relay, const char *name);
extern bool relay_is_on(const Relay *relay, const char *name);

/* A member of an object: path of names divided by dots, and its JSON. */
typedef struct Member
{
	const char *path;			/* NULL: left out */
	const char *json;
	size_t		len;
} Member;

/* The object that has these members. */
extern void write_members(Out *o, const Member *members, int n);

#endif							/* GATEWAY_RELAY_H */
