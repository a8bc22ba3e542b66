/*
 * waiting.c
 *	  A worker's calls that wait for their gateways, and their turns.
 *
 * By the priority of their runs, and of one priority in turn between shops: a
 * call's turn is the one behind that which was served last, or behind its shop's
 * last that waits.  So a shop with one call does not wait for the hundred of
 * another.  Between workers the same is held by the gateway's share (call_limits.c),
 * which is asked in this order.
 *
 * What waits for its turn by a low rate stays, however long that takes: to be given
 * back, with a ban, is for what the platform does not want.
 *
 * A gateway's calls of a day are reserved in blocks, each in a transaction of its
 * own that is on disk before the first of them is made: a crash forgets none.
 */
#include "compat.h"

#include "nodes/pg_list.h"

#include "gateway_share.h"
#include "queue.h"
#include "waiting.h"

#define LONGEST_PAUSE_MS (5 * 1000) /* that a claimed task waits for the end of a ban or of the day */
#define PRIORITIES 4
#define BLOCK_TRIES 3			/* to make a call of what was reserved for it */

static int64 served[PRIORITIES];	/* the turn that was served last */

static int	priority_of(const JobEntry *entry);
static bool is_behind(const JobEntry *entry, const JobEntry *other);
static bool is_closed(List *closed, const Gateway *gateway);
static CallTurn ask(JobEntry *entry, int64 *wait_ms, BreakerStop *stop);
static JobStep submit(JobEntry *entry);

/* What reserve_block() wants, and what it brings. */
typedef struct BlockOrder
{
	const Gateway *gateway;
	int			day;
	int64		per_day;
	int64		from;
	int64		to;
} BlockOrder;

static void reserve_block(const Gateway *gateway);
static void do_reserve(void *arg);

void
waiting_add(dlist_head *waiting, JobEntry *entry)
{
	int			priority = priority_of(entry);
	int64		shop = job_task(entry->job)->shop_id;
	dlist_iter	iter;

	entry->method = job_next_method(entry->job);
	entry->turn = served[priority] + 1;
	dlist_foreach(iter, waiting)
	{
		const JobEntry *other = dlist_container(JobEntry, node, iter.cur);

		if (priority_of(other) == priority && job_task(other->job)->shop_id == shop)
			entry->turn = Max(entry->turn, other->turn + 1);
	}
	dlist_reverse_foreach(iter, waiting)
	{
		if (is_behind(entry, dlist_container(JobEntry, node, iter.cur)))
		{
			dlist_insert_after(iter.cur, &entry->node);
			return;
		}
	}
	dlist_push_head(waiting, &entry->node);
}

static int
priority_of(const JobEntry *entry)
{
	return Max(Min(job_task(entry->job)->priority, PRIORITIES - 1), 0);
}

/* Who waits for longer is first where the turns are the same. */
static bool
is_behind(const JobEntry *entry, const JobEntry *other)
{
	int			priority = priority_of(entry);

	return priority > priority_of(other) ||
		(priority == priority_of(other) && entry->turn >= other->turn);
}

int64
waiting_submit(dlist_head *waiting, void (*dispatch) (JobEntry *, JobStep))
{
	int64		soonest = -1;
	List	   *closed = NIL;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, waiting)
	{
		JobEntry   *entry = dlist_container(JobEntry, node, iter.cur);
		const Gateway *gateway = job_gateway(entry->job);
		int64		wait_ms;
		BreakerStop stop;
		CallTurn	turn;

		if (is_closed(closed, gateway))
			continue;
		turn = ask(entry, &wait_ms, &stop);
		if (turn == CALL_MAY_GO)
			dispatch(entry, submit(entry));
		else if (turn == CALL_STOPPED)
		{
			/* its place is for what can be called */
			job_give_back(entry->job, &stop, entry->method);
			dispatch(entry, JOB_OVER);
		}
		else if (wait_ms > LONGEST_PAUSE_MS && turn != CALL_WAITS)
		{
			job_release(entry->job, turn, entry->method, wait_ms);
			dispatch(entry, JOB_OVER);
		}
		else
		{
			soonest = soonest < 0 ? wait_ms : Min(soonest, wait_ms);
			/* whoever is behind it at this gateway waits as well, but for other methods */
			if (turn != CALL_METHOD_BANNED && turn != CALL_WAITS_FOR_ANSWER)
				closed = lappend(closed, (void *) gateway);
		}
	}
	return soonest;
}

static bool
is_closed(List *closed, const Gateway *gateway)
{
	ListCell   *cell;

	foreach(cell, closed)
	{
		const Gateway *other = lfirst(cell);

		if (strcmp(other->name, gateway->name) == 0 && strcmp(other->app_key, gateway->app_key) == 0)
			return true;
	}
	return false;
}

/* May its call be made?  Never CALL_NEEDS_BLOCK. */
static CallTurn
ask(JobEntry *entry, int64 *wait_ms, BreakerStop *stop)
{
	const Gateway *gateway = job_gateway(entry->job);
	BreakerCall *call = job_breaker_call(entry->job);
	CallTurn	turn = gateway_share_take(gateway, entry->method, priority_of(entry), call,
										  wait_ms, stop);

	/* others may have used the block up before */
	for (int i = 0; turn == CALL_NEEDS_BLOCK && i < BLOCK_TRIES; i++)
	{
		reserve_block(gateway);
		turn = gateway_share_take(gateway, entry->method, priority_of(entry), call, wait_ms,
								  stop);
	}
	if (turn == CALL_NEEDS_BLOCK)
	{
		/* for everybody: who was asked has given up */
		*wait_ms = gateway_share_put_off_block(gateway);
		turn = CALL_WAITS;
	}
	return turn;
}

/* It may turn out that no call is to be made, or that it cannot be. */
static JobStep
submit(JobEntry *entry)
{
	int			priority = priority_of(entry);
	JobStep		step;

	served[priority] = Max(served[priority], entry->turn);
	entry->counted = true;
	step = job_submit(entry->job);
	if (step != JOB_CALLS)
	{
		gateway_share_return(job_gateway(entry->job), entry->method, priority);
		job_judge(entry->job, BREAKER_NOTHING);
		entry->counted = false;
	}
	return step;
}

static void
reserve_block(const Gateway *gateway)
{
	int64		left_ms;
	BlockOrder	order = {.gateway = gateway, .day = gateway_share_day(gateway, &left_ms)};
	DbState		state;
	ErrorData  *error;

	order.per_day = gateway_share_per_day(gateway);
	if (job_transact("reserving calls", DB_DURABLE, do_reserve, &order, &state, &error) != OUTCOME_DONE)
		gateway_share_put_off_block(gateway);
	else
		gateway_share_add_block(gateway, order.day, order.from, order.to);
}

/* In a transaction. */
static void
do_reserve(void *arg)
{
	BlockOrder *order = arg;

	queue_reserve_calls(order->gateway, order->day, order->per_day, &order->from, &order->to);
}
