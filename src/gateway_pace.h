/*
 * gateway_pace.h
 *	  How soon a call to a gateway may be made by this worker.
 *
 * One pace for each gateway and application, whose quota it is; the workers of
 * a database share the gateway's rate evenly.  It is made at its first use and
 * follows the gateway's settings.
 */
#ifndef ORDERSYNC_GATEWAY_PACE_H
#define ORDERSYNC_GATEWAY_PACE_H

#include "task.h"

/* 0: call now; otherwise the milliseconds to wait before asking again. */
extern int64 gateway_pace_take(const Gateway *gateway);

/*
 * The platform wants no calls for so long.  Ignored where it said so to a call
 * that was made before an administrator lifted the bans.
 */
extern void gateway_pace_ban(const Gateway *gateway, int64 ban_ms);

#endif							/* ORDERSYNC_GATEWAY_PACE_H */
