/*
 * window_second.c
 *	  A second that holds more than a page, read by page number.
 *
 * Time cannot divide it, and its order may differ between calls, so that no
 * walk through its pages need show every record.  Pages are read last to
 * first, round after round, and the ids united, for as long as every page
 * counts the same: the full second is whole when there are as many ids as
 * that.  A count that changes begins the union anew, but not the round:
 * records that leave one by one would otherwise use up the rounds at a page
 * each, all on the last page, and the others would never be read.
 *
 * A full second that has shrunk to a page is whole in one response or not at
 * all: ids of earlier pages that have left would stand in for one that is
 * withheld.
 *
 * Records that come twice push others beyond the last page of the count, so a
 * last page that is full is followed by one more in the next round.
 *
 * A page that is full does not end the full second, whatever the total: the
 * full second is whole once every page of a union was read, up to one that
 * has room left, or a total that is too low would hide the rest.  Where
 * totals change or turn out too low, pages may have stayed unread when the
 * full second is given up: it is then read first to last as without totals,
 * three rounds at most, for the sake of its records.  More than
 * MOST_IN_A_SECOND is not believed from the start, so that no page number is
 * asked for that the platform would refuse.
 *
 * Records from outside (window_response.c) may stand for what the total counts beyond
 * the union: then it takes one more round that brings no other id, and where both
 * together are more than it counts as many as where records came twice.  (Where
 * every call lists others of them and the order differs too, a record that is
 * listed may stay unseen; a window with any is not counted.)
 *
 * Without totals the pages are read first to last, and a round's own length is
 * the count: whole when two rounds in a row list as many as there are ids, or
 * when round after round of one length brings nothing new.
 *
 * Thirty rounds, then the full second is given up.  Not seen by any count:
 * one that leaves and one that arrives late between the same two pages.
 */
#include "compat.h"

#include "window_second.h"

#define MAX_ROUNDS	30
#define MAX_BARREN	8
#define MAX_OVER	3			/* unions larger than their total */
#define LAST_ROUNDS	3			/* without totals, after they have failed */
#define MOST_IN_A_SECOND 100000

static SecondStep take_counted(FullSecond *c, const Response *p, const KeySet *counted);
static int	highest_page(const FullSecond *c, int page_size);
static SecondStep take_listed(FullSecond *c, const Response *p, const KeySet *counted);
static bool has_all(const FullSecond *c);
static bool all_read(const FullSecond *c);
static SecondStep give_up(FullSecond *c);
static void begin_union(FullSecond *c);
static void unite(FullSecond *c, const Response *p, const KeySet *counted);

void
second_init(FullSecond *c)
{
	memset(c, 0, sizeof(*c));
	keys_init(&c->ids);
	keys_init(&c->shown);
	keys_init(&c->outside_ids);
}

/* Nothing of it is known yet. */
void
second_open(FullSecond *c, bool totals)
{
	c->totals = totals;
	c->total = -1;
	c->page = 1;
	c->last = 1;
	c->extra = 0;
	c->round = 1;
	c->left = 1;
	c->listed = 0;
	c->barren = 0;
	c->over = 0;
	c->surplus = false;
	c->unsteady = false;
	c->given_up = false;
	keys_clear(&c->shown);
	begin_union(c);
}

static void
begin_union(FullSecond *c)
{
	c->quarantined = 0;
	c->known = 0;
	c->same = 0;
	c->before = 0;
	c->started = false;
	c->ended = false;
	c->idle = 0;
	keys_clear(&c->ids);
	keys_clear(&c->outside_ids);
}

/* One page, of the number asked for; whole and given up come once. */
SecondStep
second_take(FullSecond *c, const Response *p, const KeySet *counted)
{
	return c->totals ? take_counted(c, p, counted) : take_listed(c, p, counted);
}

/* Last page to first, ids united while the total stays. */
static SecondStep
take_counted(FullSecond *c, const Response *p, const KeySet *counted)
{
	bool		first = c->total < 0;
	bool		fits = p->total <= p->ask.page_size && p->ask.page_no == 1 && !response_is_full(p);

	if (p->total > MOST_IN_A_SECOND)
	{
		c->unsteady = true;
		return give_up(c);
	}
	if (p->total != c->total)
	{
		begin_union(c);
		c->unsteady |= !first;
		c->total = p->total;
		c->last = (int) (p->total / p->ask.page_size) + 1 + c->extra;
		if (first)
			c->left = c->last;
	}
	if (fits)
		begin_union(c);			/* it fits a page by now: one response, no union */
	c->same++;
	unite(c, p, counted);
	c->started |= p->ask.page_no == 1;
	c->ended |= !response_is_full(p);
	c->surplus |= p->sent > p->total - (int64) (p->ask.page_no - 1) * p->ask.page_size;
	if (has_all(c) && (fits || all_read(c)))
		return SECOND_WHOLE;
	if (c->ids.n > c->total)
	{
		/* as many arrived as left; or the total is too low */
		begin_union(c);
		c->unsteady = true;
		if (++c->over >= MAX_OVER)
			return give_up(c);
	}
	if (p->ask.page_no >= c->last && response_is_full(p))
	{
		c->last++;
		c->extra++;
	}
	if (--c->left <= 0)
	{
		if (++c->round > MAX_ROUNDS)
			return give_up(c);
		c->left = highest_page(c, p->ask.page_size);
	}
	c->page = c->page > 1 ? c->page - 1 : highest_page(c, p->ask.page_size);
	return SECOND_MORE;
}

/*
 * Where a round begins.  A union that a whole round did not complete says that
 * the order differs between calls; then a page brings new ids by its size, and
 * one less than half full is worth its call in every third round only.
 */
static int
highest_page(const FullSecond *c, int page_size)
{
	int64		on_last = c->total - (int64) (c->last - 1) * page_size;

	if (c->same >= c->last && c->round % 3 != 0 && c->last > 1 && on_last * 2 < page_size)
		return c->last - 1;
	return c->last;
}

/* As many ids as are counted, or fewer by no more than there are from outside. */
static bool
has_all(const FullSecond *c)
{
	return c->ids.n <= c->total && c->total - c->ids.n <= c->outside_ids.n;
}

/*
 * Is a union of so many ids as the total whole?  Rows beyond the total are
 * records that came twice, or the total is too low; then it takes some rounds
 * that bring no other id.  One round where records from outside stand for some.
 */
static bool
all_read(const FullSecond *c)
{
	int			rounds = c->surplus || c->ids.n + c->outside_ids.n > c->total ? MAX_BARREN : c->outside_ids.n > 0;

	return c->over == 0 && c->started && c->ended && c->same >= c->last && c->idle >= rounds * c->last;
}

/* It is not going to be whole, but all that is listed of it is to be read. */
static SecondStep
give_up(FullSecond *c)
{
	if (!c->unsteady)
		return SECOND_GIVEN_UP;
	c->totals = false;
	c->given_up = true;
	c->total = -1;
	c->page = 1;
	c->round = MAX_ROUNDS - LAST_ROUNDS + 1;
	c->listed = 0;
	c->barren = 0;
	begin_union(c);
	return SECOND_MORE;
}

/* First page to last, by how many the round lists. */
static SecondStep
take_listed(FullSecond *c, const Response *p, const KeySet *counted)
{
	unite(c, p, counted);
	c->listed += p->sent;
	if (c->given_up ? response_is_full(p) : response_has_more(p))
	{
		/* a list that goes on for ever with what it showed before */
		if (++c->page > 20 + 4 * (c->ids.n / p->ask.page_size + 1))
			return SECOND_GIVEN_UP;
		return SECOND_MORE;
	}
	if (p->ask.page_no == 1)
		return c->given_up ? SECOND_GIVEN_UP : SECOND_WHOLE;	/* one response */
	c->barren = c->listed == c->total && c->ids.n == c->before ? c->barren + 1 : 0;
	if (c->barren >= (c->ids.n == c->listed ? 1 : MAX_BARREN))
		return c->given_up ? SECOND_GIVEN_UP : SECOND_WHOLE;
	if (++c->round > MAX_ROUNDS)
		return SECOND_GIVEN_UP;
	if (c->total >= 0 && c->listed != c->total)
		begin_union(c);
	c->total = c->listed;
	c->listed = 0;
	c->before = c->ids.n;
	c->page = 1;
	return SECOND_MORE;
}

/* Adds the page's ids to the union, and to all that was shown. */
static void
unite(FullSecond *c, const Response *p, const KeySet *counted)
{
	int64	   *fresh = palloc(sizeof(int64) * (p->n + 1));
	int			nfresh = 0;

	(void) keys_unite(&c->outside_ids, p->outside_keys, p->noutside);
	for (int i = 0; i < p->n; i++)
	{
		const WindowRecord *record = &p->records[i];

		if (keys_have(&c->ids, record->key))
			continue;
		fresh[nfresh++] = record->key;
		if (record->time == NO_TIME && keys_have(counted, record->key))
			c->known++;
		else
			c->quarantined += record->quarantined;
	}
	keys_add(&c->ids, fresh, nfresh);
	c->idle = nfresh > 0 ? 0 : c->idle + 1;
	nfresh = 0;
	for (int i = 0; i < p->n; i++)
	{
		if (!keys_have(&c->shown, p->records[i].key))
			fresh[nfresh++] = p->records[i].key;
	}
	keys_add(&c->shown, fresh, nfresh);
	pfree(fresh);
}
