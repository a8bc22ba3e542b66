/*
 * world.c
 *	  Shops, their orders and after-sales, and the platform's clock.
 *
 * An order keeps 32 bytes: how many steps of its plan have happened and where
 * the lists find it.  Everything else is drawn again from the seed when it is
 * asked for.  Only an order that left its plan (a forced change, a change that
 * became visible late) has its history written down.
 *
 * What is to come stands in a heap by the second at which it becomes visible.
 * A still world does not live while the clock runs: what it slept through
 * happens after the next advance, so that nothing ever changes behind a reader
 * that has already passed.
 *
 * One thread only touches the world: the server's.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "due.h"

World		world = {.nshops = 3, .days = 30};

static void add_order(Shop *shop, bool loading);
static void schedule(Shop *shop, uint32_t index, const Facts *f);
static void refresh(Shop *shop, uint32_t index, const Trade *t, bool loading);
static void live(Shop *shop, uint32_t index, uint32_t due, int64_t now);

int64_t
real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_ms(void)
{
	return real_ms() + world.offset_ms;
}

/* ---- building ---- */

void
world_build(void)
{
	world.time = clock_now();
	world.shops = must_alloc(NULL, (size_t) world.nshops * sizeof(Shop));
	memset(world.shops, 0, (size_t) world.nshops * sizeof(Shop));
	for (int i = 0; i < world.nshops; i++)
	{
		Shop	   *shop = &world.shops[i];

		shop->no = i;
		snprintf(shop->nick, sizeof(shop->nick), "测试店铺%d", i + 1);
		snprintf(shop->session, sizeof(shop->session), "session-%d", i + 1);
		shop->user_id = INT64_C(2200000000000) + 17 * (i + 1);
		shop->first = first_number_of_day(i, world.time - (int64_t) world.days * 86400);
		shop->next_created = order_created(i, shop->first);
		while (shop->next_created <= world.time)
			add_order(shop, true);
		index_sort(&shop->by_modified);
		index_sort(&shop->by_arrival);
		index_sort(&shop->refunds_by_modified);
		index_sort(&shop->special_by_modified);
	}
}

static void
add_order(Shop *shop, bool loading)
{
	uint32_t	index = shop->norders++;
	Order	   *o;
	Trade		t;

	if (shop->norders > shop->room)
	{
		shop->room = shop->room == 0 ? 1024 : shop->room + shop->room / 2;
		shop->orders = must_alloc(shop->orders, shop->room * sizeof(Order));
	}
	o = &shop->orders[index];
	memset(o, 0, sizeof(*o));
	shop->next_created = order_created(shop->no, shop->first + shop->norders);
	order_facts(shop->no, shop->first + index, &t.f);
	o->type = (uint8_t) t.f.type;
	order_plan(&t.f);
	if (loading)
	{
		while (o->applied < t.f.nsteps && t.f.steps[o->applied].arrival <= world.time)
			o->applied++;
		if (o->applied > 0)
		{
			order_fold(&t, t.f.steps, o->applied);
			refresh(shop, index, &t, true);
		}
	}
	schedule(shop, index, &t.f);
}

/* ---- living ---- */

static const Step *
last_step(const Order *o, const Facts *f)
{
	if (o->history != NULL)
		return &o->history->steps[o->history->count - 1];
	return o->applied > 0 ? &f->steps[o->applied - 1] : NULL;
}

/* The next step of the plan with the times at which it will really happen. */
static bool
next_step(const Order *o, const Facts *f, Step *s)
{
	const Step *last = last_step(o, f);
	uint64_t	h;

	if (o->applied >= f->nsteps)
		return false;
	*s = f->steps[o->applied];
	h = mix64(f->hash ^ s->at);
	if (s->at <= world.floor)
	{
		s->at = (uint32_t) (world.floor + 1 + (int64_t) (h % (uint64_t) world.floor_span));
		s->arrival = s->at;
	}
	if (last != NULL && s->at <= last->at)
		s->at = last->at + 1;
	if (s->arrival < s->at)
		s->arrival = s->at;
	if (world.late_permille > 0 && (int) (h >> 20) % 1000 < world.late_permille && s->arrival > world.time)
	{
		/* most are a matter of seconds, some take the whole of the time */
		uint32_t	most = (uint32_t) world.late_max;

		if ((h >> 50) % 4 != 0)
			most = most > 90 ? 90 : most;
		s->arrival += 1 + (uint32_t) (h >> 32) % (most > 0 ? most : 1);
	}
	if (last != NULL && s->arrival < last->arrival)
		s->arrival = last->arrival;
	return true;
}

static void
schedule(Shop *shop, uint32_t index, const Facts *f)
{
	Step		s;

	if (next_step(&shop->orders[index], f, &s))
		due_push((Due) {s.arrival, index, (uint32_t) shop->no});
}

void
world_tick(void)
{
	int64_t		now = clock_now();

	if (world.still || now <= world.time)
		return;
	for (int i = 0; i < world.nshops; i++)
		while (world.shops[i].next_created <= now)
			add_order(&world.shops[i], false);
	while (due_next() <= now)
	{
		Due			d = due_pop();

		live(&world.shops[d.shop], d.order, d.at, now);
	}
	world.time = now;
}

/* Writes down what the plan says has happened, so that it can be departed from. */
static void
write_down(Order *o, const Step *steps, int nsteps)
{
	if (o->history == NULL)
	{
		o->history = must_alloc(NULL, sizeof(History) + (size_t) (nsteps + 3) * sizeof(Step));
		o->history->count = 0;
		o->history->room = (uint16_t) (nsteps + 3);
		for (int i = 0; i < nsteps; i++)
			o->history->steps[o->history->count++] = steps[i];
	}
	if (o->history->count == o->history->room)
	{
		o->history->room += 6;
		o->history = must_alloc(o->history,
								sizeof(History) + o->history->room * sizeof(Step));
	}
}

/* The order's next step of the plan, when it is really due. */
static void
live(Shop *shop, uint32_t index, uint32_t due, int64_t now)
{
	Order	   *o = &shop->orders[index];
	Step		steps[MAX_STEPS];
	Step		s;
	Trade		t;
	int			n;

	if (o->type == TYPE_COUNT)
		return;					/* never placed: its time was slept through */
	order_facts(shop->no, shop->first + index, &t.f);
	order_plan(&t.f);
	if (!next_step(o, &t.f, &s))
		return;
	if (s.arrival < due)
		s.arrival = due;		/* late, as it was decided when it was put into the heap */
	if (s.arrival > now)
	{
		due_push((Due) {s.arrival, index, (uint32_t) shop->no});
		return;
	}
	if (o->history != NULL || s.at != t.f.steps[o->applied].at ||
		s.arrival != t.f.steps[o->applied].arrival)
	{
		write_down(o, t.f.steps, o->applied);
		o->history->steps[o->history->count++] = s;
	}
	o->applied++;
	n = world_steps(shop, index, &t.f, steps);
	order_fold(&t, steps, n);
	refresh(shop, index, &t, false);
	world.changes++;
	/* world_steps() leaves the facts without a plan when there is a history */
	order_plan(&t.f);
	schedule(shop, index, &t.f);
}

void
world_advance(int64_t seconds)
{
	bool		still = world.still;

	if (still)
	{
		int64_t		now = clock_now();

		/* Orders of the time slept through are never placed. */
		for (int i = 0; i < world.nshops; i++)
			while (world.shops[i].next_created <= now)
			{
				Shop	   *shop = &world.shops[i];

				add_order(shop, false);
				shop->orders[shop->norders - 1].applied = 0;
				shop->orders[shop->norders - 1].type = TYPE_COUNT;
			}
		world.floor = now;
		world.floor_span = seconds > 1 ? seconds - 1 : 1;
		world.time = now;
		world.still = false;
	}
	world.offset_ms += seconds * 1000;
	world_tick();
	world.still = still;
}

void
world_set_still(bool still)
{
	if (world.still && !still)
	{
		world_advance(0);
		world.floor_span = 60;
	}
	world.still = still;
}

int
world_steps(const Shop *shop, uint32_t index, Facts *f, Step *steps)
{
	const Order *o = &shop->orders[index];

	order_facts(shop->no, shop->first + index, f);
	if (o->history != NULL)
	{
		memcpy(steps, o->history->steps, o->history->count * sizeof(Step));
		return o->history->count;
	}
	order_plan(f);
	memcpy(steps, f->steps, o->applied * sizeof(Step));
	return o->applied;
}

void
world_trade(const Shop *shop, uint32_t index, Trade *t)
{
	const Order *o = &shop->orders[index];

	order_facts(shop->no, shop->first + index, &t->f);
	if (o->history != NULL)
		order_fold(t, o->history->steps, o->history->count);
	else
	{
		order_plan(&t->f);
		order_fold(t, t->f.steps, o->applied);
	}
}

void
world_force(Shop *shop, uint32_t index, Step step, bool planned)
{
	Order	   *o = &shop->orders[index];
	Step		steps[MAX_STEPS];
	Trade		t;
	int			n = world_steps(shop, index, &t.f, steps);

	if (n >= MAX_STEPS - 1)
		return;
	write_down(o, steps, n);
	o->history->steps[o->history->count++] = step;
	if (planned)
		o->applied++;
	order_fold(&t, o->history->steps, o->history->count);
	refresh(shop, index, &t, false);
	world.changes++;
}

/* Puts the order and its after-sales where the lists must find them now. */
static void
refresh(Shop *shop, uint32_t index, const Trade *t, bool loading)
{
	Order	   *o = &shop->orders[index];
	uint32_t	tag = ENTRY_TAG(index, o->type);
	void		(*add) (Index *, uint32_t, uint32_t) = loading ? index_append : index_add;

	if (o->modified != t->modified || o->arrival != t->arrival)
	{
		if (o->modified != 0)
		{
			index_remove(&shop->by_modified, o->modified, tag);
			index_remove(&shop->by_arrival, o->arrival, tag);
		}
		add(&shop->by_modified, t->modified, tag);
		add(&shop->by_arrival, t->arrival, tag);
		o->modified = t->modified;
		o->arrival = t->arrival;
	}
	for (int r = 0; r < t->nrefunds; r++)
	{
		const Refund *from = &t->refunds[r];
		RefundRef  *ref = NULL;
		Index	   *ix = from->special ? &shop->special_by_modified : &shop->refunds_by_modified;

		if (!from->opened)
			continue;
		if (!(o->opened & 1 << r))
		{
			if (shop->nrefunds == shop->refund_room)
			{
				shop->refund_room = shop->refund_room == 0 ? 256 : shop->refund_room * 3 / 2;
				shop->refunds = must_alloc(shop->refunds,
										   shop->refund_room * sizeof(RefundRef));
			}
			ref = &shop->refunds[shop->nrefunds++];
			*ref = (RefundRef) {.order = index, .next = o->refunds, .refund = (uint8_t) r,
				.special = from->special, .type = o->type};
			o->refunds = shop->nrefunds;
			o->opened |= (uint8_t) (1 << r);
		}
		for (uint32_t i = o->refunds; ref == NULL && i != 0; i = shop->refunds[i - 1].next)
			if (shop->refunds[i - 1].refund == r)
				ref = &shop->refunds[i - 1];
		if (ref == NULL || ref->modified == from->modified)
			continue;
		tag = ENTRY_TAG((uint32_t) (ref - shop->refunds), o->type);
		if (ref->modified != 0)
			index_remove(ix, ref->modified, tag);
		add(ix, from->modified, tag);
		ref->modified = from->modified;
	}
}

/* ---- finding ---- */

bool
world_find(const Shop *shop, int64_t tid, uint32_t *index)
{
	int			no;
	uint32_t	number;

	if (!tid_order(tid, &no, &number) || no != shop->no || number < shop->first ||
		number - shop->first >= shop->norders)
		return false;
	*index = number - shop->first;
	return shop->orders[*index].applied > 0;
}

Shop *
shop_by_session(const char *session, bool *sub_account)
{
	for (int i = 0; i < world.nshops; i++)
	{
		size_t		n = strlen(world.shops[i].session);

		*sub_account = false;
		if (strncmp(session, world.shops[i].session, n) != 0)
			continue;
		if (session[n] == '\0')
			return &world.shops[i];
		*sub_account = true;
		if (strcmp(session + n, "-sub") == 0)
			return &world.shops[i];
	}
	return NULL;
}

uint32_t
first_created_from(const Shop *shop, int64_t t)
{
	uint32_t	low = 0,
				high = shop->norders;

	while (low < high)
	{
		uint32_t	mid = low + (high - low) / 2;

		if (created_of(shop, mid) < t)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
