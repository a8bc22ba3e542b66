/*
 * breaker.c
 *	  Which calls may be made of a gateway that does not answer.
 *
 * One Breaker for each gateway; in it one scope for all of its calls, and one
 * for each of its lists (what one API serves; the check of data keys counts as
 * one).  A scope is
 *
 *	closed		calls are made.  Where no good answer came in the last five
 *				seconds, at most four may be without an answer, and one more where
 *				all of these are of another shop: after a start, and after each
 *				pause, calls begin slowly.  What waits for that longer
 *				than two seconds goes back to the queue, and one call every ten
 *				seconds is made.
 *	open		calls are stopped, but for a probe: one call, first_ms after the
 *				failure, then twice as late after each that fails, every ten
 *				seconds at last.  A probe that hangs keeps the next one from
 *				nothing.  The first good answer to a call that was begun since
 *				closes it.
 *
 * It opens by failures without a good answer in between:
 *
 *	three calls that reached nobody; no window and no shop can cause that
 *	four tasks of which none had failed before
 *	five failures of two such tasks at least
 *	twelve, whichever they are
 *
 * The gateway's scope opens by calls of two lists at least: one list that fails
 * is stopped alone.  When it opens, what was known of its lists is forgotten.
 *
 * A window that cannot be read, and a shop that is never answered, must not
 * stop the others, and must come to their end.  So failures of one shop stop
 * only that shop's calls, until another one's fail as well.  Where the other one
 * is answered, or others are three times in between while nothing of the shop
 * is, the failures are the shop's own until it is answered itself: they stop
 * nothing.  Of a task that has failed before, and been charged, since when there
 * was a good answer, and of a part of a window that was halved, the failure is
 * its own.  What is its own is charged, also by a probe; whatever else fails while
 * calls are stopped is not.  Where a list alone is stopped for an hour, every
 * probe is: nothing tells windows that cannot be read from a list that cannot,
 * where there are no others.
 *
 * A probe is whichever call asks first when it is due; who hands out tasks takes
 * care that it is one that has not failed yet.
 *
 * Time is an argument.  Pure; no lock: who shares a Breaker guards it.
 */
#include "compat.h"

#include "breaker.h"

#define NEW_MS 5000				/* so long a good answer speaks for the gateway */
#define MOST_BEGUN 4			/* calls without an answer after that */
#define PATIENCE_MS 2000		/* that a task waits for one of these answers */
#define LONGEST_MS 10000		/* between two probes */
#define LEAST_UNREACHABLE 3
#define LEAST_REPEATED 5		/* failures of few tasks */
#define LEAST_STRIKES 3			/* of a shop, while others are answered */
#define LEAST_ANY 12			/* failures, also of those that are their own */
#define UNCHARGED_MS (3600 * 1000)	/* that a list may be stopped before its probes are charged */

static BreakerScope *scope_of(Breaker *breaker, uint32 list);
static int64 ask(const BreakerScope *scope, const BreakerCall *call, int64 now_ms,
				 BreakerStop *stop);
static void begin(BreakerScope *scope, const BreakerCall *call, int64 now_ms);
static bool covers(const BreakerScope *scope, const BreakerCall *call);
static bool good(BreakerScope *scope, const BreakerCall *call, int64 now_ms);
static void ended(BreakerScope *scope);
static void strike(BreakerScope *scope, int64 shop_id);
static bool failed(BreakerScope *scope, const BreakerCall *call, BreakerOutcome outcome,
				   bool own_shop);
static void move(BreakerScope *scope, const BreakerCall *call, bool opens, int64 now_ms,
				 int64 first_ms);
static bool fail_alike(const BreakerScope *scope);
static bool is_own_shop(const BreakerScope *scope, int64 shop_id);
static void set_own_shop(BreakerScope *scope, int64 shop_id);
static void forget_own_shop(BreakerScope *scope, int64 shop_id);
static void tell(const BreakerScope *scope, const BreakerCall *call, bool own, int64 now_ms,
				 BreakerStop *stop);

void
breaker_init(Breaker *breaker)
{
	memset(breaker, 0, sizeof(*breaker));
}

/* Whose they were is not known: none is waited for. */
void
breaker_lose_calls(Breaker *breaker)
{
	breaker->gateway.begun = 0;
	for (int i = 0; i < BREAKER_LISTS; i++)
		breaker->lists[i].begun = 0;
}

int64
breaker_ask(Breaker *breaker, const BreakerCall *call, int64 now_ms, BreakerStop *stop)
{
	const BreakerScope *gateway = &breaker->gateway;
	const BreakerScope *list = scope_of(breaker, call->list);
	int64		wait;

	memset(stop, 0, sizeof(*stop));
	wait = ask(gateway, call, now_ms, stop);
	/* a probe of the gateway is one of its list too, whatever that waits for */
	if (wait == 0 && list != NULL && !(gateway->open && covers(gateway, call)))
	{
		wait = ask(list, call, now_ms, stop);
		stop->of_list = stop->stopped;
	}
	return wait;
}

void
breaker_begin(Breaker *breaker, BreakerCall *call, int64 now_ms)
{
	BreakerScope *list = scope_of(breaker, call->list);

	call->begun_ms = now_ms;
	begin(&breaker->gateway, call, now_ms);
	if (list != NULL)
		begin(list, call, now_ms);
}

bool
breaker_done(Breaker *breaker, const BreakerCall *call, BreakerOutcome outcome, int64 now_ms,
			 int64 first_ms, BreakerStop *stop)
{
	BreakerScope *gateway = &breaker->gateway;
	BreakerScope *list = scope_of(breaker, call->list);
	bool		was_open = gateway->open;
	bool		own_shop = is_own_shop(gateway, call->shop_id) ||
		(list != NULL && is_own_shop(list, call->shop_id));
	bool		own;

	memset(stop, 0, sizeof(*stop));
	if (outcome == BREAKER_GOOD)
	{
		int64		other = list != NULL && list->open ? list->stopped_shop : 0;
		bool		freed = good(gateway, call, now_ms);

		if (list != NULL)
			freed |= good(list, call, now_ms);
		/* what is its own in one list does not count against all of them either */
		if (other != 0 && is_own_shop(list, other))
			set_own_shop(gateway, other);
		return freed;
	}
	ended(gateway);
	if (list != NULL)
		ended(list);
	if (outcome == BREAKER_NOTHING)
		return false;

	own = failed(gateway, call, outcome, own_shop);
	move(gateway, call,
		 fail_alike(gateway) && (gateway->failed_list == 0 ||
								 gateway->unreachable >= LEAST_UNREACHABLE),
		 now_ms, first_ms);
	if (gateway->open && !was_open)
		memset(breaker->lists, 0, sizeof(breaker->lists));
	else if (list != NULL && !was_open && outcome == BREAKER_FAILED)
	{
		bool		own_in_list = failed(list, call, outcome, own_shop);

		move(list, call, fail_alike(list), now_ms, first_ms);
		tell(list, call, own_in_list || now_ms - list->opened_ms >= UNCHARGED_MS, now_ms, stop);
		stop->of_list = stop->stopped;
	}
	if (!stop->stopped)
		tell(gateway, call, own, now_ms, stop);
	return false;
}

/* Made at its first use; NULL when there are too many, which are not looked at apart. */
static BreakerScope *
scope_of(Breaker *breaker, uint32 list)
{
	for (int i = 0; i < BREAKER_LISTS; i++)
	{
		BreakerScope *scope = &breaker->lists[i];

		if (scope->list == 0)
			scope->list = list;
		if (scope->list == list)
			return scope;
	}
	return NULL;
}

/* May the call be made?  0, or the milliseconds to wait. */
static int64
ask(const BreakerScope *scope, const BreakerCall *call, int64 now_ms, BreakerStop *stop)
{
	int64		waited = now_ms - scope->begun_ms;

	if (scope->open && covers(scope, call))
	{
		if (now_ms >= scope->probe_ms)
			return 0;
		tell(scope, call, false, now_ms, stop);
		return stop->probe_ms;
	}
	if (scope->begun < MOST_BEGUN ||
		(scope->good_ms != 0 && now_ms - scope->good_ms <= NEW_MS) ||
		(scope->begun_shop != 0 && scope->begun_shop != call->shop_id) ||
		waited >= LONGEST_MS || waited < 0)
		return 0;
	if (waited < PATIENCE_MS)
		return PATIENCE_MS - waited;
	stop->stopped = true;
	stop->unanswered = true;
	stop->shop_id = scope->begun_shop;
	stop->probe_ms = LONGEST_MS - waited;
	return stop->probe_ms;
}

/* The call is made. */
static void
begin(BreakerScope *scope, const BreakerCall *call, int64 now_ms)
{
	if (scope->open && covers(scope, call))
		scope->probe_ms = now_ms + LONGEST_MS;
	if (scope->good_ms != 0 && now_ms - scope->good_ms <= NEW_MS)
		return;
	scope->begun_shop = scope->begun == 0 || scope->begun_shop == call->shop_id ?
		call->shop_id : 0;
	scope->begun++;
	scope->begun_ms = now_ms;
}

static bool
covers(const BreakerScope *scope, const BreakerCall *call)
{
	return scope->stopped_shop == 0 || scope->stopped_shop == call->shop_id;
}

/*
 * A good answer: all is well, unless it is one to a call from before the stop.
 * True when calls have waited for it.
 */
static bool
good(BreakerScope *scope, const BreakerCall *call, int64 now_ms)
{
	int64		other = scope->open ? scope->stopped_shop : 0;
	bool		freed = scope->open || scope->begun >= MOST_BEGUN;

	if (scope->open && call->begun_ms < scope->opened_ms)
	{
		ended(scope);
		return false;
	}
	forget_own_shop(scope, call->shop_id);
	if (other != 0 && other != call->shop_id)
		set_own_shop(scope, other);
	else if (scope->failures > 0 && scope->failed_shop != 0 && scope->failed_shop != call->shop_id)
		strike(scope, scope->failed_shop);
	if (scope->suspect == call->shop_id)
		scope->suspect = 0;
	scope->good_ms = now_ms;
	scope->begun = 0;
	scope->failures = 0;
	scope->unreachable = 0;
	scope->ntasks = 0;
	scope->open = false;
	scope->distance_ms = 0;
	return freed;
}

/* Its calls alone have failed, and another's is answered. */
static void
strike(BreakerScope *scope, int64 shop_id)
{
	scope->strikes = scope->suspect == shop_id ? scope->strikes + 1 : 1;
	scope->suspect = shop_id;
	if (scope->strikes >= LEAST_STRIKES)
		set_own_shop(scope, shop_id);
}

/* A call has ended, not well: it is no longer without an answer. */
static void
ended(BreakerScope *scope)
{
	if (scope->begun > 0)
		scope->begun--;
}

/* Notes a failure; true when it is the task's, or the shop's, own. */
static bool
failed(BreakerScope *scope, const BreakerCall *call, BreakerOutcome outcome, bool own_shop)
{
	bool		known = false;
	bool		own;

	if (own_shop && outcome == BREAKER_FAILED)
		return true;
	for (int i = 0; i < scope->ntasks; i++)
		known |= scope->tasks[i] == call->task_id;
	own = outcome == BREAKER_FAILED && call->failed_before && !known;

	if (scope->failures == 0)
	{
		scope->failed_shop = call->shop_id;
		scope->failed_list = call->list;
	}
	if (scope->failed_shop != call->shop_id)
		scope->failed_shop = 0;
	if (scope->failed_list != call->list)
		scope->failed_list = 0;
	scope->failures = Min(scope->failures + 1, LEAST_ANY);
	scope->unreachable = Min(scope->unreachable + (outcome == BREAKER_UNREACHABLE),
							 LEAST_UNREACHABLE);
	if (!own && !known && scope->ntasks < BREAKER_TASKS)
		scope->tasks[scope->ntasks++] = call->task_id;
	return own;
}

/* Opens it, or, when a probe has failed, makes the next one wait longer. */
static void
move(BreakerScope *scope, const BreakerCall *call, bool opens, int64 now_ms, int64 first_ms)
{
	if (!scope->open && opens)
	{
		scope->open = true;
		scope->opened_ms = now_ms;
		scope->stopped_shop = scope->unreachable >= LEAST_UNREACHABLE ? 0 : scope->failed_shop;
		scope->distance_ms = Min(Max(first_ms, (int64) 1), (int64) LONGEST_MS);
		scope->probe_ms = now_ms + scope->distance_ms;
		return;
	}
	if (!scope->open)
		return;
	if (!covers(scope, call))
		scope->stopped_shop = 0;
	else if (call->begun_ms >= scope->opened_ms)
	{
		scope->distance_ms = Min(scope->distance_ms * 2, (int64) LONGEST_MS);
		scope->probe_ms = now_ms + scope->distance_ms;
	}
}

/* Are there failures enough? */
static bool
fail_alike(const BreakerScope *scope)
{
	return scope->unreachable >= LEAST_UNREACHABLE ||
		scope->ntasks >= BREAKER_TASKS ||
		(scope->ntasks >= 2 && scope->failures >= LEAST_REPEATED) ||
		scope->failures >= LEAST_ANY;
}

static bool
is_own_shop(const BreakerScope *scope, int64 shop_id)
{
	for (int i = 0; i < BREAKER_SHOPS; i++)
	{
		if (scope->own_shops[i] == shop_id)
			return true;
	}
	return false;
}

/* The oldest of too many is forgotten. */
static void
set_own_shop(BreakerScope *scope, int64 shop_id)
{
	forget_own_shop(scope, shop_id);
	memmove(&scope->own_shops[1], &scope->own_shops[0],
			sizeof(int64) * (BREAKER_SHOPS - 1));
	scope->own_shops[0] = shop_id;
}

static void
forget_own_shop(BreakerScope *scope, int64 shop_id)
{
	for (int i = 0; i < BREAKER_SHOPS; i++)
	{
		if (scope->own_shops[i] == shop_id)
			scope->own_shops[i] = 0;
	}
}

/* That calls like this one are stopped, if they are. */
static void
tell(const BreakerScope *scope, const BreakerCall *call, bool own, int64 now_ms,
	 BreakerStop *stop)
{
	if (!scope->open || !covers(scope, call))
		return;
	stop->stopped = true;
	stop->own = own && call->begun_ms >= scope->opened_ms;
	stop->shop_id = scope->stopped_shop;
	stop->probe_ms = Max(scope->probe_ms - now_ms, (int64) 1);
}
