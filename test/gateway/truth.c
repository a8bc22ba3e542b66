/*
 * truth.c
 *	  The world as it really is, record by record.
 *
 * One line of JSON a record, with all the fields that the named API serves,
 * whatever lists would hide.  It can tell the state as of a moment and every
 * version that a record has had, so that a test can look up what a source
 * served at a given `modified`.  A change that is not visible yet is not told:
 * once it is, it stands in its place.
 */
#include "truth.h"

#include <stdlib.h>

#include "query.h"
#include "render.h"

typedef enum TruthObject
{
	TRUTH_TRADES, TRUTH_REFUNDS, TRUTH_SPECIAL
} TruthObject;

struct Truth
{
	const Shop *shop;
	TruthObject object;
	Api			api;
	bool		by_created;
	int64_t		since;
	int64_t		until;
	int64_t		as_of;			/* 0: as it is now */
	bool		versions;
	int64_t		id;				/* 0: all */
	bool		slim;			/* ids and times only */
	ExtType		ext_type;		/* only orders of this one, EXT_NONE: all */
	uint32_t	next;
	uint32_t	end;
};

static void one_order(Truth *t, uint32_t index, Out *o);
static void one_refund(Truth *t, uint32_t number, Out *o);

static bool
choose_api(Truth *t, const char *api)
{
	int			named = api ? api_named(api) : API_FULLINFO;

	if (t->object != TRUTH_TRADES)
	{
		t->api = t->object == TRUTH_SPECIAL ? API_SPECIAL :
			api != NULL && (strcmp(api, "full") == 0 || strcmp(api, "get") == 0) ? API_REFUND : API_REFUNDS;
		return true;
	}
	t->api = (Api) named;
	return named >= 0 && named < API_REFUNDS;
}

static bool
moment(const Call *control, const char *name, int64_t *t)
{
	const char *v = param(control, name);

	return v == NULL || time_read_loose(v, t);
}

Truth *
truth_open(const Call *control, Out *o)
{
	Truth	   *t = must_alloc(NULL, sizeof(Truth));
	const char *shop = param(control, "shop");
	const char *object = param(control, "object");
	const char *basis = param(control, "basis");
	const char *ext_type = param(control, "ext_type");
	int			no = shop ? atoi(shop) : 1;

	memset(t, 0, sizeof(*t));
	t->until = INT64_MAX;
	t->versions = param(control, "versions") != NULL;
	t->slim = param(control, "slim") != NULL;
	t->by_created = basis != NULL && strcmp(basis, "created") == 0;
	if (param(control, "tid") || param(control, "id") || param(control, "refund_id"))
		t->id = atoll(param(control, "tid") ? param(control, "tid") :
					  param(control, "id") ? param(control, "id") : param(control, "refund_id"));
	if (ext_type != NULL && (t->ext_type = ext_type_named(ext_type)) == EXT_NONE)
		no = 0;
	if (object == NULL || strcmp(object, "trades") == 0)
		t->object = TRUTH_TRADES;
	else if (strcmp(object, "refunds") == 0)
		t->object = TRUTH_REFUNDS;
	else if (strcmp(object, "special") == 0)
		t->object = TRUTH_SPECIAL;
	else
		no = 0;
	if (no < 1 || no > world.nshops || !choose_api(t, param(control, "api")) ||
		!moment(control, "since", &t->since) || !moment(control, "until", &t->until) ||
		!moment(control, "as_of", &t->as_of))
	{
		out_lit(o, "{\"error\":\"shop, object, api, since, until, as_of or ext_type makes no sense\"}\n");
		free(t);
		return NULL;
	}
	t->shop = &world.shops[no - 1];
	t->end = t->object == TRUTH_TRADES ? t->shop->norders : t->shop->nrefunds;
	if (t->object == TRUTH_TRADES && t->id != 0)
	{
		uint32_t	index;

		t->end = 0;
		if (world_find(t->shop, t->id, &index))
		{
			t->next = index;
			t->end = index + 1;
		}
	}
	return t;
}

bool
truth_next(Truth *t, Out *o, size_t most)
{
	size_t		start = o->len;

	while (t->next < t->end && o->len - start < most)
	{
		if (t->object == TRUTH_TRADES)
			one_order(t, t->next++, o);
		else
			one_refund(t, t->next++, o);
	}
	return t->next < t->end;
}

void
truth_close(Truth *t)
{
	free(t);
}

static bool
wanted(const Truth *t, uint32_t created, uint32_t modified)
{
	uint32_t	v = t->by_created ? created : modified;

	return v >= t->since && v < t->until;
}

/* The steps that count: all, or those until as_of. */
static int
true_steps(const Truth *t, uint32_t index, Facts *f, Step *steps)
{
	int			n = world_steps(t->shop, index, f, steps);

	while (t->as_of != 0 && n > 0 && steps[n - 1].at > t->as_of)
		n--;
	return n;
}

static void
write_trade(Truth *t, const Trade *trade, Out *o)
{
	static const Wire plain;

	if (t->slim)
	{
		out_printf(o, "{\"tid\":%lld,\"created\":\"", (long long) trade->f.tid);
		out_time(o, trade->f.created);
		out_lit(o, "\",\"modified\":\"");
		out_time(o, trade->modified);
		out_lit(o, "\",\"async_modified\":\"");
		out_time(o, trade->arrival);
		out_printf(o, "\",\"type\":\"%s\",\"status\":\"%s\"}", type_names[trade->f.type],
				   trade_status_names[trade->status]);
	}
	else
		render_trade(o, t->shop, trade, select_all(t->api), &plain);
	out_char(o, '\n');
}

static void
one_order(Truth *t, uint32_t index, Out *o)
{
	static Trade trade;
	Step		steps[MAX_STEPS];
	int			n;

	if (t->shop->orders[index].applied == 0)
		return;
	n = true_steps(t, index, &trade.f, steps);
	if (n == 0 || (t->ext_type != EXT_NONE && !has_ext_type(&trade, t->ext_type)))
		return;
	for (int i = t->versions ? 1 : n; i <= n; i++)
	{
		if (t->versions && steps[i - 1].kind == STEP_REFUND_NOTE)
			continue;
		order_fold(&trade, steps, i);
		if (wanted(t, trade.f.created, trade.modified))
			write_trade(t, &trade, o);
	}
}

static void
write_refund(Truth *t, const Trade *trade, int r, Out *o)
{
	static const Wire plain;

	if (t->slim)
	{
		const Refund *refund = &trade->refunds[r];

		out_printf(o, "{\"refund_id\":\"%lld\",\"tid\":%lld,\"modified\":\"",
				   (long long) refund_id_of(trade->f.tid, r), (long long) trade->f.tid);
		out_time(o, refund->modified);
		out_printf(o, "\",\"type\":\"%s\",\"status\":\"%s\"}", type_names[trade->f.type],
				   refund_status_names[refund->status]);
	}
	else
		render_refund(o, t->shop, trade, r, select_all(t->api), &plain);
	out_char(o, '\n');
}

static void
one_refund(Truth *t, uint32_t number, Out *o)
{
	static Trade trade;
	const RefundRef *ref = &t->shop->refunds[number];
	Step		steps[MAX_STEPS];
	int			n;

	if (ref->special != (t->object == TRUTH_SPECIAL))
		return;
	if (t->id != 0 && t->id != refund_id_of(order_tid(t->shop->no, t->shop->first + ref->order), ref->refund))
		return;
	n = true_steps(t, ref->order, &trade.f, steps);
	for (int i = t->versions ? 1 : n; i <= n && i > 0; i++)
	{
		const Refund *r = &trade.refunds[ref->refund];

		if (t->versions && (steps[i - 1].kind < STEP_REFUND_OPEN || steps[i - 1].refund != ref->refund))
			continue;
		order_fold(&trade, steps, i);
		if (r->opened && wanted(t, r->created, r->modified))
			write_refund(t, &trade, ref->refund, o);
	}
}
