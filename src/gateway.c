/*
 * gateway.c
 *	  The protocols by name.
 *
 * A gateway is where calls go; its protocol is how they are spelt.  A protocol
 * is pure: it builds a request from a call and makes an answer of a reply, and
 * neither waits, nor reads a clock, nor touches the database.
 *
 * Another protocol is files of its own beside these (gateway_*.c), a line in
 * src/order for each, and one in the array below.  Nothing else has to know of
 * it: what it can do it says itself (serves, needs_secret), for SQL too, where
 * ordersync.gateway_unserved() asks for all of that and planning obeys; how it is
 * set up is the option of the gateway that has its name, read and checked by
 * prepare.
 */
#include "compat.h"

#include "gateway.h"

static const GatewayProtocol *const protocols[] = {&gateway_top, &gateway_relay};

/* See gateway.h. */
const GatewayProtocol *
gateway_protocol(const char *name)
{
	for (int i = 0; i < lengthof(protocols); i++)
	{
		if (strcmp(protocols[i]->name, name) == 0)
			return protocols[i];
	}
	return NULL;
}

/* See gateway.h. */
const GatewayProtocol *
gateway_protocol_at(int i)
{
	return i < lengthof(protocols) ? protocols[i] : NULL;
}
