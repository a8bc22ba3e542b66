/*
 * pace.h
 *	  How fast and how soon: a token bucket, and back-off with jitter.  Time and
 *	  chance are arguments, so that tests can choose them.
 */
#ifndef ORDERSYNC_PACE_H
#define ORDERSYNC_PACE_H

#include "compat.h"

typedef struct Pace
{
	double		per_second;		/* 0: no limit */
	double		burst;
	double		tokens;
	int64		at_ms;			/* when tokens was true */
	int64		banned_until_ms;	/* the platform said wait; 0 none */
} Pace;

extern void pace_init(Pace *pace, double per_second, int64 now_ms);

/* Another rate, in force from now on; what the bucket holds stays, as far as there is room. */
extern void pace_set_rate(Pace *pace, double per_second, int64 now_ms);

/* 0 and the call's tokens taken, or the milliseconds to wait before asking again. */
extern int64 pace_take(Pace *pace, double tokens, int64 now_ms);

/* The call was not made: its tokens come back. */
extern void pace_return(Pace *pace, double tokens);
extern void pace_ban(Pace *pace, int64 ban_ms, int64 now_ms);

/*
 * Delay before attempt + 1: base * 2^(attempt - 1), at most cap, with full
 * jitter in its upper half.  chance is in [0, 1).
 */
extern int64 pace_backoff_ms(int attempt, int64 base_ms, int64 cap_ms, double chance);

#endif							/* ORDERSYNC_PACE_H */
