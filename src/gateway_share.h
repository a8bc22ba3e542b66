/*
 * gateway_share.h
 *	  What the workers of a database share of a gateway: its limits, what was
 *	  used of them, its bans, and whether it answers.
 *
 * One for each database, gateway and application, whose quota it is; made at its
 * first use, it follows the gateway's options as tasks bring them.
 */
#ifndef ORDERSYNC_GATEWAY_SHARE_H
#define ORDERSYNC_GATEWAY_SHARE_H

#include "breaker.h"
#include "call_limits.h"
#include "task.h"

/* Installs the hooks; only while the library is being preloaded. */
extern void gateway_share_install(void);

/* Worker: enters its slot; what it uses is free again when it ends. */
extern void gateway_share_attach(int slot);

/*
 * May a call be made now?  With CALL_MAY_GO it counts as in flight until
 * gateway_share_done() or gateway_share_return(), of the same gateway, method and
 * worker, and as without an answer until gateway_share_judge().  *wait_ms: when to
 * ask again.  *stop: with CALL_STOPPED.
 */
extern CallTurn gateway_share_take(const Gateway *gateway, const char *method, int priority,
								   BreakerCall *call, int64 *wait_ms, BreakerStop *stop);

/*
 * Does it say that the gateway answers?  *stop: whether calls like it are stopped
 * now.
 */
extern void gateway_share_judge(const Gateway *gateway, const BreakerCall *call,
								BreakerOutcome outcome, BreakerStop *stop);

/* It was not made after all. */
extern void gateway_share_return(const Gateway *gateway, const char *method, int priority);

/*
 * It has ended: what its answer came to, or class NULL where it was broken off
 * and says nothing.
 */
extern void gateway_share_done(const Gateway *gateway, const char *method, Verdict verdict,
							   const char *class);

/*
 * The platform wants no calls for so long: of the method, or with NULL none at
 * all.  Ignored where it said so to a call that was made before an administrator
 * lifted the bans.
 */
extern void gateway_share_ban(const Gateway *gateway, const char *method, int64 ban_ms);

/*
 * The answer to CALL_NEEDS_BLOCK: of that day (gateway_share_day()), and of the
 * limit that holds now, whatever the task knows of it, so many calls were reserved
 * before, so many are now.  Or they could not be: how long until somebody tries again.
 */
extern int	gateway_share_day(const Gateway *gateway, int64 *left_ms);
extern int64 gateway_share_per_day(const Gateway *gateway);
extern void gateway_share_add_block(const Gateway *gateway, int day, int64 from, int64 to);
extern int64 gateway_share_put_off_block(const Gateway *gateway);

#endif							/* ORDERSYNC_GATEWAY_SHARE_H */
