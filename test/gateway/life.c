/*
 * life.c
 *	  What is fixed about an order from its birth, and the plan of its life.
 *
 * Everything is drawn from a hash of seed, shop and number.  The draws are made
 * in a fixed order, so a new draw belongs at the end of its stream.
 */
#include "life.h"

#include <stdlib.h>

#define ZONE		(8 * 3600)
#define HOUR		3600
#define DAY			86400

const char *const type_names[TYPE_COUNT] = {
	"fixed", "auction", "step", "cod", "auto_delivery", "ec", "tmall_i18n", "eticket",
	"nopaid", "game_equipment", "instant_trade", "pre_auth_type", "o2o_offlinetrade",
	"new_kind"
};

/* ---- facts ---- */

static TradeType
draw_type(uint64_t *s)
{
	static const uint16_t weight[TYPE_COUNT] = {
		825, 15, 55, 30, 15, 5, 20, 10, 5, 5, 5, 4, 6
	};
	uint32_t	d = draw(s, 1000);

	for (int i = 0; i < TYPE_COUNT; i++)
	{
		if (d < weight[i])
			return (TradeType) i;
		d -= weight[i];
	}
	return TYPE_FIXED;
}

static void
draw_lines(Facts *f, uint64_t *s)
{
	static const uint16_t weight[MAX_LINES] = {415, 285, 155, 80, 40, 25};
	uint32_t	d = draw(s, 1000);
	int64_t		sum = 0;

	f->nlines = 1;
	for (int i = 0; i < MAX_LINES && d >= weight[i]; i++)
	{
		d -= weight[i];
		f->nlines = i + 2;
	}
	if (f->nlines > MAX_LINES)
		f->nlines = MAX_LINES;
	for (int i = 0; i < f->nlines; i++)
	{
		LineFacts  *l = &f->lines[i];
		uint32_t	u = draw(s, 500);

		l->hash = mix64(f->hash + (uint64_t) i + 1);
		l->item = u * u / 500;	/* a few items sell often */
		l->num = chance(s, 780) ? 1 : 1 + (int32_t) draw(s, 4);
		l->price = 190 + (int64_t) (mix64(l->item * 977 + (uint64_t) f->shop) % 2600) * 10 +
			(mix64(l->item) % 4 == 0 ? 9 : 0);
		l->gift = i > 0 && i == f->nlines - 1 && chance(s, 120);
		if (l->gift)
			l->price = chance(s, 700) ? 0 : 990;
		l->discount = chance(s, 300) ? l->price * l->num * (int64_t) draw(s, 30) / 100 : 0;
		if (l->gift)
			l->discount = l->price * l->num;
		sum += l->price * l->num - l->discount;
	}
	f->spread = chance(s, 260);
	f->spread_percent = 3 + (int) draw(s, 20);
	f->reprice = chance(s, 800) ? -(sum / (5 + draw(s, 20))) : (int64_t) draw(s, 800);
	if (f->nlines > 1 && -f->reprice > f->lines[0].price * f->lines[0].num - f->lines[0].discount)
		f->reprice = -(f->lines[0].price * f->lines[0].num - f->lines[0].discount) / 2;
}

void
order_facts(int shop, uint32_t number, Facts *f)
{
	uint64_t	s;

	f->shop = shop;
	f->number = number;
	f->hash = mix64(mix64(pattern.seed ^ (uint64_t) shop << 40) ^ number);
	f->tid = order_tid(shop, number);
	f->created = order_created(shop, number);
	f->nsteps = 0;
	f->nrefunds = 0;
	s = f->hash;
	f->type = draw_type(&s);
	if (pattern.new_kind > 0 && f->hash % pattern.new_kind == 0)
		f->type = TYPE_NEW_KIND;
	draw_lines(f, &s);
	f->team_buy = f->type == TYPE_FIXED && chance(&s, 20);
	f->card = f->type == TYPE_TMALL_I18N && chance(&s, 400);
	f->post_fee = chance(&s, 350) ? 500 + 100 * (int64_t) draw(&s, 15) : 0;
	if (f->type == TYPE_AUTO_DELIVERY || f->type == TYPE_EC || f->type == TYPE_ETICKET)
		f->post_fee = 0;
	f->service_fee = chance(&s, 30) ? 1000 * (1 + (int64_t) draw(&s, 9)) : 0;
}

/* ---- plan ---- */

static Step *
put(Facts *f, uint32_t at, StepKind kind, int line, int refund)
{
	Step	   *s;

	if (f->nsteps == MAX_STEPS)
		return &f->steps[MAX_STEPS - 1];
	s = &f->steps[f->nsteps++];
	memset(s, 0, sizeof(*s));
	s->at = at;
	s->kind = (uint8_t) kind;
	s->line = (uint8_t) line;
	s->refund = (uint8_t) refund;
	return s;
}

static uint32_t
between(uint64_t *s, uint32_t low, uint32_t high)
{
	return low + draw(s, high - low + 1);
}

/* Sellers ship in batches: many orders get one and the same second. */
static uint32_t
batch_second(const Facts *f, uint32_t after)
{
	int64_t		day = ((int64_t) after + ZONE - 16 * HOUR) / DAY + 1;
	const Spread *spread = spread_of(f->shop);
	uint32_t	size = spread->burst > 0 ? spread->burst : 1;
	uint32_t	seconds = spread->per_day * 6 / 10 / size + 1;

	return (uint32_t) (day * DAY - ZONE + 16 * HOUR + f->hash % seconds);
}

static int
line_worth(const Facts *f, uint64_t *s)
{
	int			line = (int) draw(s, (uint32_t) f->nlines);

	return f->lines[line].price > 0 && !f->lines[line].gift ? line : 0;
}

/*
 * An after-sale of one line, from t on.  Returns when it was over; *closes
 * says whether it closed the line (all its money back before the end).
 */
static uint32_t
plan_refund(Facts *f, uint64_t *s, uint32_t t, int line, bool shipped, bool *closes)
{
	int			r = f->nrefunds++;
	uint32_t	d = draw(s, 100);
	RefundKind	kind = !shipped || d < 52 ? KIND_REFUND : d < 83 ? KIND_RETURN :
		d < 87 ? KIND_TMALL_EXCHANGE : d < 90 ? KIND_TAOBAO_EXCHANGE :
		d < 92 ? KIND_REPAIR : d < 97 ? KIND_RESHIP : KIND_OTHER;
	bool		partial = chance(s, shipped ? 400 : 150);
	bool		postage = !partial && f->nlines == 1 && f->post_fee > 0 && chance(s, 600);
	uint32_t	outcome = draw(s, 100);

	put(f, t, STEP_REFUND_OPEN, line, r)->arg =
		(uint8_t) (kind | (partial ? KIND_PARTIAL : 0) | (postage ? KIND_POSTAGE : 0));
	if (chance(s, 250))
		put(f, t += between(s, 60, 4 * HOUR), STEP_REFUND_NOTE, line, r);
	*closes = false;
	if (outcome < 8)
		return t;				/* left open for good */
	if (outcome < 14)
		put(f, t += between(s, HOUR, DAY), STEP_REFUND_REFUSE, line, r);
	if (outcome < 26)
	{
		put(f, t += between(s, HOUR, 2 * DAY), STEP_REFUND_CANCEL, line, r);
		return t;
	}
	if (kind != KIND_REFUND && kind != KIND_OTHER)
	{
		put(f, t += between(s, 600, DAY), STEP_REFUND_AGREE, line, r);
		put(f, t += between(s, HOUR, 4 * DAY), STEP_REFUND_RETURN, line, r);
	}
	put(f, t += between(s, 300, 2 * DAY), STEP_REFUND_SUCCESS, line, r);
	*closes = !partial && (kind == KIND_REFUND || kind == KIND_RETURN || kind == KIND_OTHER);
	return t;
}

/* Payment, or what stands for it.  Returns 0 when the order is never paid. */
static uint32_t
plan_payment(Facts *f, uint64_t *s)
{
	uint32_t	t = f->created;

	if (f->type == TYPE_COD || f->type == TYPE_NOPAID)
		return t;
	if (f->type == TYPE_STEP)
	{
		if (chance(s, 120))
		{
			put(f, t + DAY + between(s, 0, 60), STEP_CLOSE, ALL_LINES, 0);
			return 0;
		}
		put(f, t += between(s, 20, HOUR), STEP_DEPOSIT, ALL_LINES, 0);
		t += between(s, 3 * DAY, 10 * DAY);
		put(f, t, chance(s, 850) ? STEP_BALANCE : STEP_FORFEIT, ALL_LINES, 0);
		return f->steps[f->nsteps - 1].kind == STEP_BALANCE ? t : 0;
	}
	if (chance(s, 40))
		put(f, t += between(s, 30, 900), STEP_REPRICE, 0, 0);
	if (f->type != TYPE_INSTANT && chance(s, 85))
	{
		t += chance(s, 500) ? DAY + between(s, 0, 30) : between(s, 60, 20 * HOUR);
		put(f, t, STEP_CLOSE, ALL_LINES, 0);
		return 0;
	}
	if (f->type == TYPE_PRE_AUTH)
		put(f, t += between(s, 30, 600), STEP_PREAUTH, ALL_LINES, 0);
	if (f->card)
		put(f, t += between(s, 30, 600), STEP_PENDING, ALL_LINES, 0);
	t += chance(s, 850) ? between(s, 6, 900) : between(s, 900, 12 * HOUR);
	put(f, t, STEP_PAY, ALL_LINES, 0);
	if (f->team_buy)
	{
		put(f, t += 2, STEP_FORBID, ALL_LINES, 0);
		put(f, t += between(s, HOUR, 20 * HOUR), STEP_RELEASE, ALL_LINES, 0);
	}
	return t;
}

/*
 * The seller closes lines of an order that is not paid yet: one, all but one, or
 * all where nobody pays; then often gives the rest for another price.  Drawn from
 * a stream of its own, so that no other draw is moved.
 */
static void
plan_closed_lines(Facts *f)
{
	uint64_t	s = mix64(f->hash ^ UINT64_C(0xC105ED11));
	const Step *until = NULL;
	uint32_t	t,
				how;
	int			keep,
				first;

	if (f->nlines == 1 || f->card || !chance(&s, f->type == TYPE_STEP ? 300 : 150) ||
		(f->type != TYPE_FIXED && f->type != TYPE_AUCTION && f->type != TYPE_TMALL_I18N && f->type != TYPE_STEP))
		return;
	for (int i = 0; i < f->nsteps && until == NULL; i++)
		if (f->steps[i].kind == STEP_PAY || f->steps[i].kind == STEP_DEPOSIT || f->steps[i].kind == STEP_CLOSE)
			until = &f->steps[i];
	how = draw(&s, until->kind == STEP_CLOSE ? 3 : 2);
	keep = line_worth(f, &s);
	first = (keep + 1 + (int) draw(&s, (uint32_t) f->nlines - 1)) % f->nlines;
	t = between(&s, f->created + 1, until->at - 1);
	put(f, t, STEP_CLOSE_LINE, first, 0);
	for (int i = 0; i < f->nlines && how > 0; i++)
		if (i != first && (i != keep || how == 2))
			put(f, t, STEP_CLOSE_LINE, i, 0);
	if (how < 2 && chance(&s, 500))
		put(f, t + 1, STEP_REPRICE, 0, 0);
}

/* Shipping; returns the last parcel's time. */
static uint32_t
plan_shipping(Facts *f, uint64_t *s, uint32_t t)
{
	if (f->type == TYPE_AUTO_DELIVERY || f->type == TYPE_EC || f->type == TYPE_ETICKET ||
		f->type == TYPE_INSTANT || f->type == TYPE_GAME)
		t += between(s, 3, 30);
	else
		t = chance(s, 600) ? batch_second(f, t + 600) : t + between(s, HOUR, 2 * DAY);
	if (f->nlines > 1 && chance(s, 80))
	{
		put(f, t, STEP_SHIP, (int) draw(s, (uint32_t) f->nlines), 0);
		t += between(s, HOUR, 2 * DAY);
	}
	put(f, t, STEP_SHIP, ALL_LINES, 0);
	return t;
}

static uint32_t
plan_end(Facts *f, uint64_t *s, uint32_t t)
{
	if (f->type == TYPE_COD || f->type == TYPE_NOPAID)
	{
		t += between(s, DAY, 5 * DAY);
		if (chance(s, 100))
		{
			put(f, t, STEP_REJECT, ALL_LINES, 0);
			return 0;
		}
		put(f, t, STEP_SIGN, ALL_LINES, 0);
		put(f, t += between(s, HOUR, 2 * DAY), STEP_FINISH, ALL_LINES, 0);
		return t;
	}
	if (f->type == TYPE_AUTO_DELIVERY || f->type == TYPE_EC || f->type == TYPE_INSTANT)
		t += between(s, 5, 2 * HOUR);
	else
		t += chance(s, 400) ? 10 * DAY : between(s, 2 * DAY, 9 * DAY);
	put(f, t, STEP_FINISH, ALL_LINES, 0);
	return t;
}

/* What follows the end: after-sales, special refunds, ratings. */
static void
plan_afterwards(Facts *f, uint64_t *s, uint32_t t)
{
	bool		ignored;

	if (chance(s, 300))
		put(f, t + between(s, 60, 10 * DAY), STEP_RATE, ALL_LINES, 0);
	if (f->type != TYPE_COD && chance(s, 15))
		put(f, t + between(s, HOUR, 3 * DAY), STEP_SPECIAL, line_worth(f, s), f->nrefunds++)->arg =
			chance(s, 500) ? KIND_CASHBACK : 0;
	if (f->type != TYPE_NOPAID && chance(s, 45))
	{
		int			line = line_worth(f, s);

		t = plan_refund(f, s, t + between(s, HOUR, 6 * DAY), line, true, &ignored);
		if (chance(s, 150) && f->steps[f->nsteps - 1].kind != STEP_REFUND_OPEN &&
			f->steps[f->nsteps - 1].kind != STEP_REFUND_NOTE)
			plan_refund(f, s, t + between(s, HOUR, 2 * DAY), line, true, &ignored);
	}
}

static int
by_time(const void *a, const void *b)
{
	const Step *x = a,
			   *y = b;

	return x->at < y->at ? -1 : x->at > y->at ? 1 : (int) x->kind - (int) y->kind;
}

/* Sorted, and no two steps of one order in one second. */
static void
put_in_order(Facts *f)
{
	qsort(f->steps, (size_t) f->nsteps, sizeof(Step), by_time);
	for (int i = 0; i < f->nsteps; i++)
	{
		if (i > 0 && f->steps[i].at <= f->steps[i - 1].at)
			f->steps[i].at = f->steps[i - 1].at + 1;
		f->steps[i].arrival = f->steps[i].at + (uint32_t) (mix64(f->hash + f->steps[i].at) % 3);
		if (i > 0 && f->steps[i].arrival < f->steps[i - 1].arrival)
			f->steps[i].arrival = f->steps[i - 1].arrival;
	}
}

void
order_plan(Facts *f)
{
	uint64_t	s = mix64(f->hash ^ UINT64_C(0x5DEECE66D));
	uint32_t	t;
	bool		closed = false;

	f->nsteps = 0;
	f->nrefunds = 0;
	put(f, f->created, STEP_CREATE, ALL_LINES, 0);
	if (chance(&s, 100))
		put(f, f->created + between(&s, 5, 3 * DAY), STEP_MEMO, ALL_LINES, 0);
	t = plan_payment(f, &s);
	if (t != 0 && f->type != TYPE_COD && f->type != TYPE_NOPAID && chance(&s, 35))
	{
		int			line = line_worth(f, &s);

		t = plan_refund(f, &s, t + between(&s, 300, 12 * HOUR), line, false, &closed);
		if (closed && f->nlines == 1)
			t = 0;
	}
	if (t != 0)
	{
		t = plan_shipping(f, &s, t);
		if (!closed && f->type != TYPE_COD && f->type != TYPE_NOPAID && chance(&s, 35))
		{
			int			line = line_worth(f, &s);

			t = plan_refund(f, &s, t + between(&s, HOUR, 4 * DAY), line, true, &closed);
			if (closed && f->nlines == 1)
				t = 0;
		}
		if (t != 0 && (t = plan_end(f, &s, t)) != 0)
			plan_afterwards(f, &s, t);
	}
	plan_closed_lines(f);
	put_in_order(f);
}
