/*
 * query.c
 *	  What a list request finds.
 *
 * A list is read from its newest second down.  Records of one second come in
 * an order that is drawn anew for each call, as on the platform, where nothing
 * but the time is sorted.  After-sales come in no order of time at all, but in
 * the same one from call to call.
 *
 * Faults make lists that do not keep to their range: with records that are listed
 * under an older time than they carry, or from anywhere.
 */
#include "query.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

HiddenTest	query_hidden;

static Hits hits;

static bool matches(const Shop *shop, const Query *q, uint32_t number);
static uint32_t listed_time(const Query *q, const Entry *e);
static void add_outside(const Shop *shop, const Query *q);
static int	by_time(const void *a, const void *b);
static void shuffle_seconds(uint64_t salt);
static int	by_chance(const void *a, const void *b);

static void
push(uint32_t time, uint32_t number)
{
	if (hits.count == hits.room)
	{
		hits.room = hits.room == 0 ? 1024 : hits.room * 2;
		hits.list = must_alloc(hits.list, hits.room * sizeof(Hit));
	}
	hits.list[hits.count++] = (Hit) {time, number};
}

/* Takes a record in; false when the rest need not be looked at. */
static inline bool
take(const Shop *shop, const Query *q, uint32_t time, uint32_t number, int type)
{
	if (!(q->types >> type & 1))
		return true;
	if (hits.count >= q->need && time != hits.list[hits.count - 1].time && !q->count)
		return false;
	if (q->filtered && !matches(shop, q, number))
		return true;
	if (query_hidden != NULL)
	{
		Visibility	v = query_hidden(shop, q->kind, number);

		hits.total += v != ABSENT;
		if (v != VISIBLE)
			return true;
	}
	else
		hits.total++;
	if (hits.count < q->need || time == hits.list[hits.count - 1].time)
		push(time, number);
	return true;
}

static void
by_index(const Shop *shop, const Query *q, const Index *ix)
{
	int64_t		last_hour = (int64_t) ix->first_hour + ix->nbuckets - 1;
	int64_t		from = q->start / 3600,
				to = (q->end + q->moved_on) / 3600;

	if (ix->nbuckets == 0)
		return;
	for (int64_t hour = to < last_hour ? to : last_hour; hour >= from && hour >= ix->first_hour; hour--)
	{
		const Bucket *b = index_bucket(ix, (uint32_t) hour);

		for (uint32_t i = b->count; i-- > 0;)
		{
			const Entry *e = &b->entries[i];
			uint32_t	time = listed_time(q, e);

			if (time > q->end || (q->open_end && time == q->end))
				continue;
			if (time < q->start)
			{
				if (q->moved_on > 0)
					continue;
				break;
			}
			if (!take(shop, q, time, ENTRY_NUMBER(e->tag), ENTRY_TYPE(e->tag)))
				return;
		}
	}
}

/* One of three, or all, are listed as if they had not changed since. */
static uint32_t
listed_time(const Query *q, const Entry *e)
{
	bool		moved = q->moved_on > 0 && (q->all_moved_on || mix64(ENTRY_NUMBER(e->tag)) % 3 == 0);

	return moved ? e->time - (uint32_t) q->moved_on : e->time;
}

static void
by_creation(const Shop *shop, const Query *q)
{
	uint32_t	from = first_created_from(shop, q->start);
	uint32_t	to = first_created_from(shop, q->open_end ? q->end : q->end + 1);
	bool		full = false;

	for (uint32_t i = to; i-- > from;)
	{
		const Order *o = &shop->orders[i];

		if (o->applied == 0)
			continue;
		/* once the page is full only the count matters, not the time */
		if (full && !q->filtered && query_hidden == NULL)
		{
			hits.total += q->types >> o->type & 1;
			continue;
		}
		if (!take(shop, q, created_of(shop, i), i, o->type))
			return;
		full = hits.count > q->need && q->count &&
			hits.list[hits.count - 1].time != hits.list[q->need].time;
	}
}

const Hits *
query_run(const Shop *shop, const Query *query)
{
	Query		q = *query;

	hits.count = 0;
	hits.total = 0;
	if (q.unsorted || q.moved_on > 0)
		q.need = SIZE_MAX;
	switch (q.kind)
	{
		case LIST_MODIFIED:
			by_index(shop, &q, &shop->by_modified);
			break;
		case LIST_ARRIVAL:
			by_index(shop, &q, &shop->by_arrival);
			break;
		case LIST_CREATED:
			by_creation(shop, &q);
			break;
		case LIST_REFUNDS:
			by_index(shop, &q, &shop->refunds_by_modified);
			break;
		case LIST_SPECIAL:
			by_index(shop, &q, &shop->special_by_modified);
			break;
	}
	if (q.moved_on > 0)
		qsort(hits.list, hits.count, sizeof(Hit), by_time);
	if (q.unsorted)
		qsort(hits.list, hits.count, sizeof(Hit), by_chance);
	else
		shuffle_seconds(q.salt);
	if (q.outside > 0)
		add_outside(shop, &q);
	return &hits;
}

static int
by_time(const void *a, const void *b)
{
	uint32_t	x = ((const Hit *) a)->time,
				y = ((const Hit *) b)->time;

	return x > y ? -1 : x < y;
}

/* The time by which a list has a record; 0: it has it not. */
static uint32_t
time_in_list(const Shop *shop, ListKind kind, uint32_t number)
{
	switch (kind)
	{
		case LIST_MODIFIED:
			return shop->orders[number].applied ? shop->orders[number].modified : 0;
		case LIST_ARRIVAL:
			return shop->orders[number].applied ? shop->orders[number].arrival : 0;
		case LIST_CREATED:
			return shop->orders[number].applied ? created_of(shop, number) : 0;
		case LIST_REFUNDS:
			return shop->refunds[number].modified;
		case LIST_SPECIAL:
			return shop->refunds[number].special ? shop->refunds[number].modified : 0;
	}
	return 0;
}

static void
add_outside(const Shop *shop, const Query *q)
{
	bool		refunds = q->kind == LIST_REFUNDS || q->kind == LIST_SPECIAL;
	uint32_t	n = refunds ? shop->nrefunds : shop->norders;
	int			left = q->outside;

	if (q->outside_alone)
		hits.count = (size_t) (hits.total = 0);
	for (uint32_t i = 0; i < n && left > 0; i++)
	{
		uint32_t	number = q->outside_newest ? n - 1 - i : i;
		uint32_t	time = time_in_list(shop, q->kind, number);

		if (time == 0 || (time >= q->start && time <= q->end))
			continue;
		push(time, number);
		memmove(hits.list + 1, hits.list, (hits.count - 1) * sizeof(Hit));
		hits.list[0] = (Hit) {time, number};
		hits.total += !q->outside_uncounted;
		left--;
	}
}

static int
by_chance(const void *a, const void *b)
{
	uint64_t	x = mix64(((const Hit *) a)->number + 17),
				y = mix64(((const Hit *) b)->number + 17);

	return x < y ? -1 : x > y;
}

static void
shuffle_seconds(uint64_t salt)
{
	size_t		end;

	for (size_t start = 0; start < hits.count; start = end)
	{
		for (end = start + 1; end < hits.count && hits.list[end].time == hits.list[start].time; end++)
			;
		for (size_t i = end - start; i > 1; i--)
		{
			size_t		j = start + draw(&salt, (uint32_t) i);
			Hit			h = hits.list[j];

			hits.list[j] = hits.list[start + i - 1];
			hits.list[start + i - 1] = h;
		}
	}
}

/* ---- filters that need the whole record ---- */

static bool
same_text(void (*write) (Out *, const Trade *), const Trade *t, const char *wanted)
{
	static Out	o;

	o.len = 0;
	write(&o, t);
	return o.len == strlen(wanted) && memcmp(o.data, wanted, o.len) == 0;
}

static bool
status_matches(const char *wanted, TradeStatus status)
{
	if (strcmp(wanted, "ALL_WAIT_PAY") == 0)
		return status == TS_WAIT_PAY || status == TS_NO_CREATE_PAY;
	if (strcmp(wanted, "ALL_CLOSED") == 0)
		return status == TS_CLOSED || status == TS_CLOSED_UNPAID;
	return strcmp(wanted, trade_status_names[status]) == 0;
}

ExtType
ext_type_named(const char *name)
{
	static const char *const names[EXT_COUNT] = {"", "ershou", "service", "mark"};

	for (int i = EXT_NONE + 1; i < EXT_COUNT; i++)
		if (strcmp(name, names[i]) == 0)
			return (ExtType) i;
	return EXT_NONE;
}

bool
has_ext_type(const Trade *t, ExtType ext_type)
{
	if (ext_type == EXT_SERVICE)
		return t->f.service_fee > 0;
	if (ext_type == EXT_MARK)
		return t->f.hash % 97 == 0;
	return ext_type == EXT_ERSHOU && t->f.hash % 211 == 0;
}

static bool
is_left_out(const Query *q, const Trade *t)
{
	for (int i = EXT_NONE + 1; q->ext_hidden != 0 && i < EXT_COUNT; i++)
		if (q->ext_hidden >> i & 1 && has_ext_type(t, (ExtType) i))
			return true;
	return false;
}

static bool
rate_matches(const char *wanted, const Trade *t)
{
	return (strcmp(wanted, "RATE_UNBUYER") == 0 || strcmp(wanted, "RATE_UNSELLER") == 0 ||
			strcmp(wanted, "RATE_BUYER_UNSELLER") == 0) != t->rated;
}

static bool
matches(const Shop *shop, const Query *q, uint32_t number)
{
	bool		refunds = q->kind == LIST_REFUNDS || q->kind == LIST_SPECIAL;
	Trade		t;

	world_trade(shop, refunds ? shop->refunds[number].order : number, &t);
	if (q->refund_status != NULL && refunds &&
		strcmp(q->refund_status, refund_status_names[t.refunds[shop->refunds[number].refund].status]) != 0)
		return false;
	return (q->status == NULL || status_matches(q->status, t.status)) &&
		(q->buyer_nick == NULL || same_text(write_buyer_nick, &t, q->buyer_nick)) &&
		(q->buyer_open_uid == NULL || same_text(write_open_uid, &t, q->buyer_open_uid)) &&
		(q->ext_type == EXT_NONE || has_ext_type(&t, q->ext_type)) &&
		!is_left_out(q, &t) &&
		(q->rate_status == NULL || rate_matches(q->rate_status, &t));
}
