/*
 * gateway.c
 *	  The protocols by name.
 *
 * A gateway is where calls go; its protocol is how they are spelt.  A protocol
 * is pure: it builds a request from a call and makes an answer of a reply, and
 * neither waits, nor reads a clock, nor touches the database.
 */
#include "compat.h"

#include "gateway.h"

/* See gateway.h. */
const GatewayProtocol *
gateway_protocol(const char *name)
{
	static const GatewayProtocol *const protocols[] = {&gateway_top};

	for (int i = 0; i < lengthof(protocols); i++)
	{
		if (strcmp(protocols[i]->name, name) == 0)
			return protocols[i];
	}
	return NULL;
}
