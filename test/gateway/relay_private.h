/*
 * relay_private.h
 *	  What the files of a relay share.
 */
#ifndef GATEWAY_RELAY_PRIVATE_H
#define GATEWAY_RELAY_PRIVATE_H

#include "relay.h"

struct Relay
{
	int			n;
	Param		settings[MAX_PARAMS];	/* names and values are its own */
};

#endif							/* GATEWAY_RELAY_PRIVATE_H */
