/*
 * call_limits.h
 *	  Whether a call may be made now: the limits of one application at one
 *	  gateway, and what all workers have used of them.
 *
 * Time is an argument.  Who shares a CallLimits guards it.
 */
#ifndef ORDERSYNC_CALL_LIMITS_H
#define ORDERSYNC_CALL_LIMITS_H

#include "pace.h"

/* Methods whose bans are remembered one by one; with more of them the whole gateway is banned. */
#define LIMITS_BANS 16
#define LIMITS_METHOD_SIZE 64

/* As set by the gateway's options. */
typedef struct LimitSettings
{
	double		per_second;		/* 0: no limit, here and below */
	int			in_flight;
	int64		per_day;
	int64		per_day_reserved;	/* of these, for what a person asked for */
} LimitSettings;

typedef struct MethodBan
{
	char		method[LIMITS_METHOD_SIZE];
	int64		until_ms;
} MethodBan;

/* What one worker uses, and what its first call in turn waits for. */
typedef struct LimitSlot
{
	int			in_flight;
	int			priority;		/* of the call that waits */
	int64		since_ms;		/* it has waited since then; 0: none waits */
	int64		due_ms;			/* it was told to come again then */
} LimitSlot;

typedef struct CallLimits
{
	LimitSettings set;
	Pace		pace;			/* holds the ban of the whole gateway, too */
	MethodBan	bans[LIMITS_BANS];
	int			in_flight;		/* of all slots */

	/* the day's calls: reserved ahead in blocks, so that a crash forgets none */
	int			day;			/* that the three below are about; 0: nothing is known */
	int64		spent;
	int64		reserved;		/* calls may be made up to this count */
	int64		asked_until_ms; /* a worker reserves the next block, or did not come back from that */

	int			nslots;
	LimitSlot	slots[FLEXIBLE_ARRAY_MEMBER];
} CallLimits;

/* Who wants to make which call. */
typedef struct CallWish
{
	int			slot;
	int			priority;		/* of its run; 0: somebody waits for it */
	const char *method;
	double		tokens;			/* that it takes of the rate */
	int			day;			/* of the platform, counted from the Unix epoch */
	int64		day_left_ms;	/* until that day ends */
} CallWish;

typedef enum CallTurn
{
	CALL_MAY_GO,				/* counted as in flight from now on */
	CALL_WAITS,					/* for the rate, a place, or others who come first */
	CALL_WAITS_FOR_ANSWER,		/* of calls that are in flight; those of other lists and shops may go */
	CALL_STOPPED,				/* calls of the gateway, or of its list, or of its shop, fail */
	CALL_NEEDS_BLOCK,			/* more of the day's calls are to be reserved first, by who asked */
	CALL_METHOD_BANNED,			/* other methods may go */
	CALL_BANNED,				/* the platform wants no calls */
	CALL_DAY_RESERVED,			/* the rest of the day's calls is for what people ask for */
	CALL_DAY_SPENT				/* all of the day's calls were made */
} CallTurn;

/* Nothing is used yet; and other settings, from now on. */
extern void limits_init(CallLimits *limits, int nslots, const LimitSettings *set, int64 now_ms);
extern void limits_set(CallLimits *limits, const LimitSettings *set, int64 now_ms);

/* May it be made now?  *wait_ms: when to ask again; 0 with CALL_MAY_GO and CALL_NEEDS_BLOCK. */
extern CallTurn limits_take(CallLimits *limits, const CallWish *wish, int64 now_ms, int64 *wait_ms);

/* It was not made after all. */
extern void limits_return(CallLimits *limits, const CallWish *wish);

/* A call of the slot has ended: the slot whose turn it is now and that is to be woken; -1: none. */
extern int	limits_done(CallLimits *limits, int slot, int64 now_ms);

/* The slot's worker has ended, with all of its calls: the same. */
extern int	limits_drop_slot(CallLimits *limits, int slot, int64 now_ms);

/* No calls for so long: of the method, or with NULL at all.  Never shortens a ban. */
extern void limits_ban(CallLimits *limits, const char *method, int64 ban_ms, int64 now_ms);

/* How long that method, or with NULL the gateway, is still banned; 0: it is not. */
extern int64 limits_banned_for(const CallLimits *limits, const char *method, int64 now_ms);

/* Forgets bans and what is known of the day. */
extern void limits_lift(CallLimits *limits);

/* The answer to CALL_NEEDS_BLOCK: so many of that day's calls were reserved before, so many are now; or when to try again. */
extern void limits_add_block(CallLimits *limits, int day, int64 from, int64 to);
extern int64 limits_block_failed(CallLimits *limits, int64 now_ms);

#endif							/* ORDERSYNC_CALL_LIMITS_H */
