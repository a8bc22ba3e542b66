/*
 * pace.c
 *	  How fast and how soon: a token bucket, and back-off with jitter.
 *
 * The bucket fills by per_second tokens a second up to burst: one call and a
 * tenth of a second's worth.  So an idle hour earns no flood, since the platform
 * counts calls by the second, and who comes up to a tenth of a second late for
 * its turn, because it was storing a page, loses nothing of the rate.  A call that
 * takes more tokens than the bucket can hold is made when it is full, and those
 * that follow wait the longer.  A ban empties it: when the ban ends calls start
 * again one by one.  Time and chance are arguments; a clock that jumps back earns
 * nothing and costs nothing.  Pure; no lock: who shares a Pace guards it.
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
	pace->burst = 1.0 + pace->per_second / 10;
	pace->tokens = pace->burst;
	pace->at_ms = now_ms;
	pace->banned_until_ms = 0;
}

void
pace_set_rate(Pace *pace, double per_second, int64 now_ms)
{
	Pace		next;

	pace_init(&next, per_second, now_ms);
	if (pace->per_second > 0)
	{
		pace_fill(pace, now_ms);
		next.tokens = Min(pace->tokens, next.burst);
		next.at_ms = pace->at_ms;
	}
	next.banned_until_ms = pace->banned_until_ms;
	*pace = next;
}

/* 0 and the tokens taken, or the milliseconds, at least 1, to wait before asking again. */
int64
pace_take(Pace *pace, double tokens, int64 now_ms)
{
	double		needed;

	if (now_ms < pace->banned_until_ms)
		return pace->banned_until_ms - now_ms;
	if (pace->per_second <= 0)
		return 0;
	pace_fill(pace, now_ms);
	needed = Min(tokens, pace->burst);
	if (pace->tokens >= needed)
	{
		pace->tokens -= tokens;
		return 0;
	}
	return Max((int64) 1,
			   (int64) ceil((needed - pace->tokens) * 1000.0 / pace->per_second));
}

void
pace_return(Pace *pace, double tokens)
{
	if (pace->per_second > 0)
		pace->tokens = Min(pace->tokens + tokens, pace->burst);
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
