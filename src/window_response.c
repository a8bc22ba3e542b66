/*
 * window_response.c
 *	  An answer with each record once, and what it says by itself.
 *
 * A record that was sent twice is one, at the place where it came first.  What
 * no honest platform sends is refused here, before any walk has seen it: more
 * records than asked for, a page that says it has a next one and is empty, a
 * count that was asked for and is missing or negative.  Records without a time
 * are taken to be in the range.
 *
 * Records from outside.  A record with a time outside the range is stored by the job like
 * any other, for it is as sound as they are, but it is no proof of the window:
 * no walk sees it.  It may be one that has moved on (the list goes by an older
 * time than the one that the record carries: a cache), and then the count has
 * it; it may as well stand where another record is withheld.  Nothing in the
 * answer tells which.  So an answer with such records is whole when those in
 * the range are as many as it counts, or fewer by no more than there are from
 * outside; and a window with such answers is closed as unproven at best.
 * They say nothing of the list's order, nor where on the page it stands.
 *
 * A response lives while one answer is taken in.
 */
#include "compat.h"

#include "window_response.h"

#define MOST_OUTSIDE 100		/* beyond what was asked for; more are no answer to it */

static bool is_outside(const Response *p, const WindowRecord *record);
static bool is_known(const Response *p, int64 key);
static void gather(Response *p, const WindowAnswer *answer);
static bool contradicts(const Response *p);

bool
response_make(Response *p, const PageAsk *ask, const WindowAnswer *answer)
{
	p->ask = *ask;
	p->total = Min(answer->total, WINDOW_MOST_TOTAL);
	p->has_next = answer->has_next;
	p->sent = answer->nrecords;
	if (p->sent < 0 || p->sent > 2 * ask->page_size + MOST_OUTSIDE)
		return false;
	p->records = palloc(sizeof(WindowRecord) * (p->sent + 1));
	p->outside_keys = palloc(sizeof(int64) * (p->sent + 1));
	gather(p, answer);
	if (!contradicts(p))
		return true;
	response_free(p);
	return false;
}

void
response_free(Response *p)
{
	pfree(p->records);
	pfree(p->outside_keys);
}

static bool
is_outside(const Response *p, const WindowRecord *record)
{
	return record->time != NO_TIME && (record->time < p->ask.start || record->time > p->ask.end);
}

/* A page is small: no set is needed. */
static bool
is_known(const Response *p, int64 key)
{
	for (int i = 0; i < p->n; i++)
	{
		if (p->records[i].key == key)
			return true;
	}
	for (int i = 0; i < p->noutside; i++)
	{
		if (p->outside_keys[i] == key)
			return true;
	}
	return false;
}

/* Takes each record once. */
static void
gather(Response *p, const WindowAnswer *answer)
{
	int64		before = PG_INT64_MAX;

	p->n = 0;
	p->noutside = 0;
	p->nlater = 0;
	p->newest = PG_INT64_MIN;
	p->oldest = PG_INT64_MAX;
	p->at_end = 0;
	p->sorted = true;
	for (int i = 0; i < p->sent; i++)
	{
		const WindowRecord *record = &answer->records[i];

		if (is_known(p, record->key))
			continue;
		if (is_outside(p, record))
		{
			p->nlater += record->time > p->ask.end;
			p->outside_keys[p->noutside++] = record->key;
			continue;
		}
		p->records[p->n++] = *record;
		if (record->time == NO_TIME)
			continue;
		if (record->time > before)
			p->sorted = false;
		before = record->time;
		p->newest = Max(p->newest, record->time);
		p->oldest = Min(p->oldest, record->time);
		if (record->time == p->ask.end)
			p->at_end++;
	}
}

/* What no honest answer does, whatever was asked and why. */
static bool
contradicts(const Response *p)
{
	if (p->n > p->ask.page_size)
		return true;
	if (p->total < -1)
		return true;
	if (!p->ask.use_has_next && p->total < 0)
		return true;
	return p->sent == 0 && p->has_next == 1;
}

bool
response_is_whole(const Response *p)
{
	return p->n <= p->total && p->total - p->n <= p->noutside && !response_is_full(p);
}

/* Full by what was sent: a record that came twice takes another one's place. */
bool
response_is_full(const Response *p)
{
	return p->sent >= p->ask.page_size;
}

/*
 * By has_next; lists that do not send it tell by being full, or by their total,
 * which may say that there is more, but not that there is nothing behind a full
 * page.
 */
bool
response_has_more(const Response *p)
{
	if (p->has_next >= 0)
		return p->has_next == 1;
	return response_is_full(p) || p->total > p->n;
}

/*
 * More records than it counts are no honest answer, nor is a page with room left
 * that lacks as much as a page of what it counts; less may be withheld.  What
 * is in excess for records from outside disproves nothing: they need not be counted.
 */
bool
response_disproves_total(const Response *p)
{
	int64		expected = p->total - (int64) (p->ask.page_no - 1) * p->ask.page_size;

	return p->n > p->total || (!response_is_full(p) && expected - p->n - p->noutside >= p->ask.page_size);
}
