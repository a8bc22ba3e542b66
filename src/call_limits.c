/*
 * call_limits.c
 *	  Whether a call may be made now.
 *
 * Asked in this order: is gateway or method banned; are calls of the day left, for
 * this kind of work; is there a place in flight; whose turn is it; has the rate's
 * bucket its tokens (pace.c).
 *
 * Turns.  A worker asks for its calls in the order in which they are to be made.
 * Where it is refused, its slot keeps the priority of the call, since when it
 * waits, and when it was told to come again.  Others give way to a slot that waits
 * with a better priority, or longer with the same, until GRACE_MS behind that
 * moment: a worker that is busy then, or has nothing to ask for any more, keeps
 * nobody waiting for longer.  So what one worker does not use goes to the others,
 * and a full run gets what more urgent work leaves, whichever workers they are in.
 *
 * Days.  Calls are counted here and reserved elsewhere: when the count reaches
 * what is reserved, one asker is told to reserve the next block.
 *
 * Pure; no lock: who shares a CallLimits guards it.
 */
#include "compat.h"

#include "call_limits.h"

#define GRACE_MS 20				/* that the turn of a worker lasts */
#define LONGEST_WAIT_MS 1000	/* for a place; a worker that is woken comes sooner */
#define BLOCK_WAIT_MS 5			/* for another worker's reservation */
#define BLOCK_LOST_MS 10000		/* a reservation that nobody came back from */
#define BLOCK_FAILED_MS 1000	/* until the next try */

static CallTurn check_bans(const CallLimits *limits, const CallWish *wish, int64 now_ms,
						   int64 *wait_ms);
static CallTurn check_day(CallLimits *limits, const CallWish *wish, int64 now_ms, int64 *wait_ms);
static int64 wait_for_turn(CallLimits *limits, const CallWish *wish, int64 now_ms);
static int64 wait_for_others(const CallLimits *limits, const CallWish *wish, int64 now_ms);
static void note_waiting(LimitSlot *slot, const CallWish *wish, int64 now_ms, int64 wait_ms);
static int	next_in_turn(CallLimits *limits, int slot, int64 now_ms);
static MethodBan *room_for_ban(CallLimits *limits, const char *method, int64 now_ms);

void
limits_init(CallLimits *limits, int nslots, const LimitSettings *set, int64 now_ms)
{
	memset(limits, 0, offsetof(CallLimits, slots) + sizeof(LimitSlot) * nslots);
	limits->nslots = nslots;
	limits->set = *set;
	pace_init(&limits->pace, set->per_second, now_ms);
}

void
limits_set(CallLimits *limits, const LimitSettings *set, int64 now_ms)
{
	if (set->per_second != limits->set.per_second)
		pace_set_rate(&limits->pace, set->per_second, now_ms);
	limits->set = *set;
}

CallTurn
limits_take(CallLimits *limits, const CallWish *wish, int64 now_ms, int64 *wait_ms)
{
	LimitSlot  *slot = &limits->slots[wish->slot];
	CallTurn	turn = check_bans(limits, wish, now_ms, wait_ms);

	if (turn == CALL_MAY_GO)
		turn = check_day(limits, wish, now_ms, wait_ms);
	if (turn != CALL_MAY_GO)
		return turn;
	*wait_ms = wait_for_turn(limits, wish, now_ms);
	if (*wait_ms > 0)
	{
		note_waiting(slot, wish, now_ms, *wait_ms);
		return CALL_WAITS;
	}
	slot->since_ms = 0;
	slot->in_flight++;
	limits->in_flight++;
	limits->spent++;
	return CALL_MAY_GO;
}

static CallTurn
check_bans(const CallLimits *limits, const CallWish *wish, int64 now_ms, int64 *wait_ms)
{
	*wait_ms = limits_banned_for(limits, NULL, now_ms);
	if (*wait_ms > 0)
		return CALL_BANNED;
	*wait_ms = limits_banned_for(limits, wish->method, now_ms);
	return *wait_ms > 0 ? CALL_METHOD_BANNED : CALL_MAY_GO;
}

/* Nothing is counted where there is no limit: when one is set, the day begins with what the log has. */
static CallTurn
check_day(CallLimits *limits, const CallWish *wish, int64 now_ms, int64 *wait_ms)
{
	const LimitSettings *set = &limits->set;

	if (set->per_day <= 0)
	{
		limits->day = 0;
		return CALL_MAY_GO;
	}
	/* who still has yesterday's date does not bring that day back */
	if (limits->day == wish->day || limits->day == wish->day + 1)
	{
		*wait_ms = wish->day_left_ms;
		if (limits->spent >= set->per_day)
			return CALL_DAY_SPENT;
		if (wish->priority > 0 && limits->spent >= set->per_day - set->per_day_reserved)
			return CALL_DAY_RESERVED;
		*wait_ms = 0;
		if (limits->spent < limits->reserved)
			return CALL_MAY_GO;
	}
	if (now_ms < limits->asked_until_ms)
	{
		*wait_ms = BLOCK_WAIT_MS;
		return CALL_WAITS;
	}
	limits->asked_until_ms = now_ms + BLOCK_LOST_MS;
	return CALL_NEEDS_BLOCK;
}

/* 0: its tokens are taken. */
static int64
wait_for_turn(CallLimits *limits, const CallWish *wish, int64 now_ms)
{
	int64		wait_ms = wait_for_others(limits, wish, now_ms);

	if (limits->set.in_flight > 0 && limits->in_flight >= limits->set.in_flight)
		return LONGEST_WAIT_MS;
	return wait_ms > 0 ? wait_ms : pace_take(&limits->pace, wish->tokens, now_ms);
}

/* How long the turns of those last that come first; at most as long as their calls need at the rate. */
static int64
wait_for_others(const CallLimits *limits, const CallWish *wish, int64 now_ms)
{
	const LimitSlot *own = &limits->slots[wish->slot];
	int64		since_ms = own->since_ms > 0 && own->priority <= wish->priority ? own->since_ms : now_ms;
	int64		until_ms = 0;
	int			ahead = 0;

	for (int i = 0; i < limits->nslots; i++)
	{
		const LimitSlot *other = &limits->slots[i];

		if (i == wish->slot || other->since_ms == 0 || now_ms >= other->due_ms + GRACE_MS ||
			other->priority > wish->priority ||
			(other->priority == wish->priority && other->since_ms >= since_ms))
			continue;
		ahead++;
		until_ms = Max(until_ms, other->due_ms + GRACE_MS);
	}
	if (ahead == 0)
		return 0;
	if (limits->pace.per_second > 0)
		until_ms = Min(until_ms, now_ms + (int64) (ahead * 1000.0 / limits->pace.per_second));
	return Max(until_ms - now_ms, 1);
}

/* A better call of the same worker that waits goes on waiting. */
static void
note_waiting(LimitSlot *slot, const CallWish *wish, int64 now_ms, int64 wait_ms)
{
	if (slot->since_ms > 0 && slot->priority < wish->priority && now_ms < slot->due_ms + GRACE_MS)
		return;
	if (slot->since_ms == 0 || slot->priority != wish->priority)
		slot->since_ms = now_ms;
	slot->priority = wish->priority;
	slot->due_ms = now_ms + wait_ms;
}

void
limits_return(CallLimits *limits, const CallWish *wish)
{
	LimitSlot  *slot = &limits->slots[wish->slot];

	if (slot->in_flight == 0)
		return;
	slot->in_flight--;
	limits->in_flight--;
	pace_return(&limits->pace, wish->tokens);
	if (limits->day == wish->day && limits->spent > 0)
		limits->spent--;
}

int
limits_done(CallLimits *limits, int slot, int64 now_ms)
{
	if (limits->slots[slot].in_flight == 0)
		return -1;
	limits->slots[slot].in_flight--;
	limits->in_flight--;
	return next_in_turn(limits, slot, now_ms);
}

int
limits_drop_slot(CallLimits *limits, int slot, int64 now_ms)
{
	limits->in_flight -= limits->slots[slot].in_flight;
	memset(&limits->slots[slot], 0, sizeof(LimitSlot));
	return next_in_turn(limits, slot, now_ms);
}

/*
 * Of those that wait for a place the first; none when it is the slot's own turn.
 * Who did not come when it was told to has nothing to ask for any more, or asks by
 * itself as soon as it can.
 */
static int
next_in_turn(CallLimits *limits, int slot, int64 now_ms)
{
	int			first = -1;

	if (limits->set.in_flight <= 0)
		return -1;
	for (int i = 0; i < limits->nslots; i++)
	{
		const LimitSlot *s = &limits->slots[i];

		if (s->since_ms > 0 && now_ms < s->due_ms + GRACE_MS &&
			(first < 0 || s->priority < limits->slots[first].priority ||
			 (s->priority == limits->slots[first].priority &&
			  s->since_ms < limits->slots[first].since_ms)))
			first = i;
	}
	if (first < 0)
		return -1;
	limits->slots[first].due_ms = now_ms;
	return first == slot ? -1 : first;
}

void
limits_ban(CallLimits *limits, const char *method, int64 ban_ms, int64 now_ms)
{
	MethodBan  *ban = method != NULL ? room_for_ban(limits, method, now_ms) : NULL;

	if (ban == NULL)
		pace_ban(&limits->pace, ban_ms, now_ms);
	else
		ban->until_ms = Max(ban->until_ms, now_ms + Max(ban_ms, 0));
}

/* Its own, one that is over, or NULL. */
static MethodBan *
room_for_ban(CallLimits *limits, const char *method, int64 now_ms)
{
	MethodBan  *room = NULL;

	if (strlen(method) >= LIMITS_METHOD_SIZE)
		return NULL;
	for (int i = 0; i < LIMITS_BANS; i++)
	{
		if (strcmp(limits->bans[i].method, method) == 0)
			return &limits->bans[i];
		if (room == NULL && limits->bans[i].until_ms <= now_ms)
			room = &limits->bans[i];
	}
	if (room != NULL)
	{
		strlcpy(room->method, method, LIMITS_METHOD_SIZE);
		room->until_ms = 0;
	}
	return room;
}

int64
limits_banned_for(const CallLimits *limits, const char *method, int64 now_ms)
{
	if (method == NULL)
		return Max(limits->pace.banned_until_ms - now_ms, 0);
	for (int i = 0; i < LIMITS_BANS; i++)
	{
		if (limits->bans[i].until_ms > now_ms && strcmp(limits->bans[i].method, method) == 0)
			return limits->bans[i].until_ms - now_ms;
	}
	return 0;
}

void
limits_lift(CallLimits *limits)
{
	limits->pace.banned_until_ms = 0;
	memset(limits->bans, 0, sizeof(limits->bans));
	limits->day = 0;
	limits->asked_until_ms = 0;
}

void
limits_add_block(CallLimits *limits, int day, int64 from, int64 to)
{
	limits->asked_until_ms = 0;
	limits->day = day;
	limits->spent = from;
	limits->reserved = Max(from, to);
}

int64
limits_block_failed(CallLimits *limits, int64 now_ms)
{
	limits->asked_until_ms = now_ms + BLOCK_FAILED_MS;
	return BLOCK_FAILED_MS;
}
