/*
 * pace.c
 *	  How fast and how soon: a token bucket, and back-off with jitter.
 *
 * The bucket fills by per_second tokens a second up to burst, a tenth of a
 * second's worth but at least one, so that an idle hour earns no flood: the
 * platform counts calls by the second.  A ban empties it: when the ban ends
 * calls start again one by one.  Time and chance are arguments; a clock that
 * jumps back earns nothing and costs nothing.  Pure; no lock: who shares a
 * Pace guards it.
 */
#include "compat.h"

#include <math.h>

#include "pace.h"

static void pace_fill(Pace *pace, int64 now_ms);

/* A bucket that is full at now_ms; per_second of 0 or less means no limit. */
void
pace_init(Pace *pace, double per_second, int64 now_ms)
{
	/* a setting that is not a number must not become a limit that never opens */
	pace->per_second = per_second > 0 ? per_second : 0;
	pace->burst = Max(1.0, pace->per_second / 10);
	pace->tokens = pace->burst;
	pace->at_ms = now_ms;
	pace->banned_until_ms = 0;
}

/* 0 and one token taken, or the milliseconds, at least 1, to wait before asking again. */
int64
pace_take(Pace *pace, int64 now_ms)
{
	if (now_ms < pace->banned_until_ms)
		return pace->banned_until_ms - now_ms;
	if (pace->per_second <= 0)
		return 0;
	pace_fill(pace, now_ms);
	if (pace->tokens >= 1.0)
	{
		pace->tokens -= 1.0;
		return 0;
	}
	return Max((int64) 1,
			   (int64) ceil((1.0 - pace->tokens) * 1000.0 / pace->per_second));
}

/* Adds what the time since the last look has earned. */
static void
pace_fill(Pace *pace, int64 now_ms)
{
	if (now_ms > pace->at_ms)
		pace->tokens = Min(pace->burst,
						   pace->tokens + (now_ms - pace->at_ms) / 1000.0 * pace->per_second);
	pace->at_ms = now_ms;
}

/* The platform said wait: nothing for ban_ms, then one call at a time.  Never shortens a ban. */
void
pace_ban(Pace *pace, int64 ban_ms, int64 now_ms)
{
	int64		until = now_ms + Max(ban_ms, (int64) 0);

	if (until <= pace->banned_until_ms)
		return;
	pace->banned_until_ms = until;
	pace->tokens = Min(1.0, pace->burst);
	pace->at_ms = until;
}

/* base * 2^(attempt - 1), at most cap, its upper half by chance; never below 1 ms. */
int64
pace_backoff_ms(int attempt, int64 base_ms, int64 cap_ms, double chance)
{
	int64		delay = Max(base_ms, (int64) 1);
	int64		half;

	cap_ms = Max(cap_ms, (int64) 1);
	for (int i = 1; i < attempt && delay < cap_ms; i++)
		delay = delay > cap_ms / 2 ? cap_ms : delay * 2;
	delay = Min(delay, cap_ms);
	if (!(chance >= 0))
		chance = 0;
	half = delay / 2;
	return Max((int64) 1, delay - half + (int64) (half * Min(chance, 1.0)));
}
