/*
 * change.c
 *	  Changes that are forced on orders: on request, or while a list is read.
 *
 * A forced change is a step like those of the plan, only earlier or beside it.
 * Which order and which step is drawn from the seed and a counter, so the same
 * requests in the same order make the same world.
 */
#include "change.h"

#include <stdlib.h>

Churn		churn;

static uint64_t dice = 0xC0FFEE;

/* A line that can have an after-sale, -1 when none. */
static int
line_for_refund(const Trade *t)
{
	if (!t->paid || t->f.type == TYPE_NOPAID || t->f.type == TYPE_COD || t->nrefunds >= MAX_REFUNDS)
		return -1;
	for (int i = 0; i < t->f.nlines; i++)
	{
		const Line *l = &t->lines[i];

		if (!l->closed && l->divided > l->refunded && (l->refund_status == RS_NONE ||
													   l->refund_status == RS_CLOSED))
			return i;
	}
	return -1;
}

static int
open_refund(const Trade *t)
{
	for (int r = 0; r < t->nrefunds; r++)
		if (t->refunds[r].opened && t->refunds[r].status != RS_SUCCESS &&
			t->refunds[r].status != RS_CLOSED)
			return r;
	return -1;
}

/* After-sales of the plan that have not been opened have their numbers reserved. */
static int
free_refund(const Trade *t)
{
	for (int r = t->f.nrefunds; r < MAX_REFUNDS; r++)
		if (!t->refunds[r].opened)
			return r;
	return -1;
}

static StepKind
dispatch_job(const Refund *r, uint32_t d)
{
	bool		goods = r->returning;

	if (d % 10 == 0)
		return STEP_REFUND_CANCEL;
	if (goods && r->status == RS_WAIT_AGREE)
		return STEP_REFUND_AGREE;
	if (goods && (r->status == RS_WAIT_RETURN || r->status == RS_EXCHANGE_CONFIRM))
		return STEP_REFUND_RETURN;
	return STEP_REFUND_SUCCESS;
}

/* What happens to an order at a moment; true when it is the plan's next step. */
static bool
choose(const Order *o, const Trade *t, Step *s)
{
	uint32_t	d = draw(&dice, 100);
	int			r = open_refund(t);
	int			line = line_for_refund(t);

	s->line = ALL_LINES;
	s->refund = 0;
	s->arg = 0;
	if (d < 55 && o->applied >= t->f.nsteps)
		d = 45 + draw(&dice, 55);	/* its plan is over */
	if (d < 55 && o->applied < t->f.nsteps)
	{
		const Step *next = &t->f.steps[o->applied];

		s->kind = next->kind;
		s->line = next->line;
		s->refund = next->refund;
		s->arg = next->arg;
		return true;
	}
	if (d < 70 && r >= 0)
	{
		s->kind = (uint8_t) dispatch_job(&t->refunds[r], draw(&dice, 100));
		s->line = (uint8_t) t->refunds[r].line;
		s->refund = (uint8_t) r;
	}
	else if (d < 82 && line >= 0 && free_refund(t) >= 0)
	{
		s->kind = STEP_REFUND_OPEN;
		s->line = (uint8_t) line;
		s->refund = (uint8_t) free_refund(t);
		s->arg = (uint8_t) (draw(&dice, 3) == 0 ? KIND_PARTIAL :
							t->lines[line].consigned != 0 ? draw(&dice, 6) : 0);
	}
	else if (d < 88 && t->status == TS_FINISHED && !t->rated)
		s->kind = STEP_RATE;
	else
		s->kind = STEP_MEMO;
	return false;
}

static bool
is_refund_step(int kind)
{
	return kind >= STEP_REFUND_OPEN && kind <= STEP_SPECIAL;
}

/* Forces one step on an order; false when it has moved too lately for that: after at, or at it but for again. */
static bool
change_one(Shop *shop, uint32_t index, int64_t at, bool again, Changed *done)
{
	Order	   *o = &shop->orders[index];
	static Trade t;
	Step		last[MAX_STEPS];
	Step		s;
	int			n;
	bool		planned;

	if (o->applied == 0 || o->modified >= at + again)
		return false;
	n = world_steps(shop, index, &t.f, last);
	if (n >= MAX_STEPS - 2 || last[n - 1].at >= at + again)
		return false;
	order_plan(&t.f);
	order_fold(&t, last, n);
	memset(&s, 0, sizeof(s));
	planned = choose(o, &t, &s);
	s.at = (uint32_t) at;
	s.arrival = (uint32_t) clock_now();
	if (s.arrival < s.at)
		s.arrival = s.at;
	if (s.arrival < last[n - 1].arrival)
		s.arrival = last[n - 1].arrival;
	if (s.kind == STEP_REFUND_NOTE)
	{
		/* a change of the order was asked for */
		s.kind = STEP_MEMO;
		planned = false;
	}
	world_force(shop, index, s, planned);
	done->orders++;
	done->refunds += is_refund_step(s.kind);
	return true;
}

Changed
change_orders(Shop *shop, uint32_t n, int64_t from, int64_t to)
{
	Changed		done = {0};
	/* what is older than the platform shows need not change */
	uint32_t	first = first_created_from(shop, clock_now() - 88 * 86400);
	uint32_t	last = first_created_from(shop, from);
	uint32_t	span = last - first;
	uint32_t	step,
				at;

	if (to <= from)
		to = from + 1;
	if (span == 0)
	{
		done.short_of = n;
		return done;
	}
	/* a stride prime to the span visits each order once, in no order */
	step = draw(&dice, span) | 1;
	for (uint32_t a = step, b = span; b != 0;)
	{
		uint32_t	r = a % b;

		a = b;
		b = r;
		if (b == 0 && a != 1)
		{
			a = step = step > 1 ? step - 1 : 1;
			b = span;
		}
	}
	at = draw(&dice, span);
	for (uint32_t tried = 0; tried < span && done.orders < n; tried++)
	{
		change_one(shop, first + at,
				   from + (int64_t) draw(&dice, (uint32_t) (to - from)), false, &done);
		at = (uint32_t) (((uint64_t) at + step) % span);
	}
	done.short_of = n - done.orders;
	return done;
}

Changed
change_again(Shop *shop, uint32_t n, int64_t from, int64_t to)
{
	Changed		done = {0};
	uint32_t	span = shop->norders;
	uint32_t	at = span > 0 ? draw(&dice, span) : 0;

	for (uint32_t tried = 0; tried < span && done.orders < n; tried++)
	{
		uint32_t	index = (at + tried) % span;
		int64_t		modified = shop->orders[index].modified;

		if (modified >= from && modified < to)
			change_one(shop, index, modified, true, &done);
	}
	done.short_of = n - done.orders;
	return done;
}

/* Moves an after-sale without its order: a message of the buyer's. */
static bool
touch_refund(Shop *shop, uint32_t number, int64_t at, Changed *done)
{
	const RefundRef *ref = &shop->refunds[number];
	Step		steps[MAX_STEPS];
	Facts		f;
	int			n = world_steps(shop, ref->order, &f, steps);
	Step		s = {.at = (uint32_t) at, .arrival = (uint32_t) at, .kind = STEP_REFUND_NOTE,
	.refund = ref->refund};

	if (n >= MAX_STEPS - 2 || steps[n - 1].at >= at)
		return false;
	if (s.arrival < steps[n - 1].arrival)
		s.arrival = steps[n - 1].arrival;
	world_force(shop, ref->order, s, false);
	done->orders++;
	return true;
}

void
churn_after_page(Shop *shop, const Hits *hits, ListKind kind)
{
	Changed		done = {0};
	size_t		have = hits->count;
	bool		refunds = kind == LIST_REFUNDS || kind == LIST_SPECIAL;

	if (churn.per_page <= 0 || churn.left == 0 || have == 0 ||
		(churn.shop != 0 && churn.shop != shop->no + 1))
		return;
	if (churn.left > 0)
		churn.left--;
	for (int i = 0, tries = 0; i < churn.per_page && tries < 4 * churn.per_page + 20; tries++)
	{
		uint32_t	number = hits->list[draw(&dice, (uint32_t) have)].number;
		int64_t		at = clock_now() - churn.ago;

		i += refunds ? touch_refund(shop, number, at, &done) : change_one(shop, number, at, false, &done);
	}
	churn.changed += done.orders;
}
