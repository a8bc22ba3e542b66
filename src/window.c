/*
 * window.c
 *	  The walk through a window of time: what to ask next, and when the window
 *	  is whole.
 *
 * A window is [since, until) in whole seconds.  Pages are not numbered, for a
 * record that changes leaves the window and every later one moves up; time is
 * the key.  An answer is one consistent snapshot of the range asked for, so a
 * second is done with once an answer shows it and something older.
 *
 * Nouns: the *top* is the upper bound of what remains: all in [top, until) is
 * counted, [since, top) is not yet.  A *response* is an answer with each
 * record once.  A *pass* is one walk from until down to since.  A *full
 * second* is a second that holds more than a page.
 *
 * Its steps, each with the phase that asks:
 *
 *	1 FIRST	[since, until] with its total.  All in one answer: whole.  Much
 *			more: cut (step 7).
 *	2 DOWN	[since, top), newest first, again and again until the list ends.
 *	3 CROWD	one second by page number, last to first, ids united over the pages
 *			while the total stays; both ways of walking come here.  Then
 *			PROBE, one question: is the end of a range inclusive here?
 *	4 PART	[part, top) with its total, about two thirds of a page: whole when
 *			one answer holds all that it counts.  Too many: halved.
 *	5		The list has ended.  Seen as many as FIRST counted: whole.  More:
 *			something arrived, another pass.  Fewer: something left or is
 *			withheld, and counts cannot tell which, so PART.
 *	6		After every answer the walk is saved; it can go on from there.
 *	7		A window that holds much is cut into parts of equal length, which
 *			become tasks of their own.
 *
 * Whether the platform's end is inclusive is not documented.  [x, y) is asked
 * as x..y, of which second y is not ours.  Where its records are in the way, and
 * below a full second, PROBE tells; where it is inclusive x..y-1 is asked from
 * then on.
 *
 * On failure nothing is lost: an answer that contradicts itself changes
 * nothing (WINDOW_MALFORMED), and what window_save() gave at any page is
 * enough to go on there.  Ids are in memory for the open full second only; a
 * full second that is interrupted is read anew, and so is a pass whose last
 * page had records without a time.  A saved walk that does not belong to the
 * plan, or cannot be read, begins anew, which is always safe.
 *
 * Where simulation showed the plain rules to leak, and what is done:
 * - A part or a full second that is given up does not end the walk.  It would
 *	 hide all that lies below it, in every run, for as long as the platform
 *	 withholds one record.  The rest is read, and the window is short at its
 *	 end.
 * - A record withheld alone in its part is a total above an empty list.  That
 *	 is not a malformed answer there: it is asked again like any part that shows
 *	 fewer than it counts, and never closes a window.  In FIRST and DOWN it is.
 * - A page that is full only because a record came twice hides another one: it
 *	 does not fit, whatever its total.
 * - A full second at the end of a range is in every range that ends there,
 *	 and no halving helps: the end is probed there, too.
 * - A record at the end does not show that it is inclusive: it may carry a later
 *	 time than it is listed under.  A second would be left out of every range.
 * What it showed of full seconds stands in window_second.c.
 *
 * A count is believed as far as answers bear it out.  Two things on one answer
 * do not: more distinct records than it counts; and a page with room left that
 * lacks as much as a page of what it counts, though it ends its list.  From then on
 * counts steer nothing: the rest is read as a list without totals is, by
 * has_next, and the window is short whatever was seen.  (Of a window's first
 * answers a page with room is only suspected: a gateway may send smaller pages
 * than it is asked for, and err once.  It is judged by the next count.)  A page that is full ends
 * nothing by its count alone, or a count that is too low would hide the rest.
 * Below that, one more or one less is what a record withheld or arriving looks
 * like; there the number of askings is bounded.  Above all stands the limit of
 * calls in window.h.
 *
 * A list that does not keep to its range: window_outside.c.  The oldest second
 * of an answer, its newest and its order are those of the records in the range;
 * a page of records from outside alone has none, and the rest is read by parts.
 *
 * Known limits, coincidences that no count can show: a record that is withheld
 * and one that becomes visible late below the top in the same pass, while
 * nothing leaves, look whole together.  By parts they do not: a caller to whom
 * that proof is worth half as many calls again opens the window as not sorted.
 *
 * Longer than other files: both ways of walking share one state and lead into
 * each other, so that a cut would run through the middle of both.
 */
#include "compat.h"

#include "window.h"
#include "window_response.h"
#include "window_second.h"
#include "window_state.h"
#include "window_outside.h"

#define PAGES_BEFORE_CUT	10
#define MAX_CUTS			1000
#define MAX_PASSES			5	/* walks by time; then by parts */
#define MAX_ASKS			5	/* again, of a part that shows fewer than it counts */
#define MAX_ASKS_INCOMPLETE	1	/* where an earlier part has used up its askings */
#define MAX_DOUBTS			4	/* parts halved though their page had room */
#define MAX_CUTS_UNSUPPORTED 20 /* where the first page's density says less */

static bool resume(Window *w, const char *saved);
static bool trusts_totals(const Window *w);
static int64 last_second(const Window *w, int64 bound);
static bool check_count(Window *w, Response *p);
static WindowStep take_response(Window *w, const Response *p);
static bool out_of_calls(Window *w, const Response *p);
static WindowStep give_up(Window *w);
static bool end_in_the_way(Window *w, const Response *p);
static WindowStep take_first(Window *w, const Response *p);
static bool cut(Window *w, const Response *p);
static WindowStep take_newest(Window *w, const Response *p);
static WindowStep descend(Window *w, const Response *p, bool more);
static void count_above(Window *w, const Response *p, int64 floor);
static WindowStep finish_walk(Window *w);
static WindowStep close_window(const Window *w);
static WindowStep start_pass(Window *w);
static WindowStep start_parts(Window *w);
static WindowStep start_whole(Window *w);
static int64 even_width(const Window *w);
static void choose_part(Window *w, int64 width);
static WindowStep take_part(Window *w, const Response *p);
static WindowStep part_too_large(Window *w, const Response *p);
static WindowStep part_done(Window *w, const Response *p);
static WindowStep finish_parts(Window *w);
static WindowStep start_second(Window *w);
static WindowStep take_second(Window *w, const Response *p);
static WindowStep second_done(Window *w, bool whole);
static WindowStep take_probe(Window *w, const Response *p);
static WindowStep continue_below(Window *w);

/* A walk from its beginning, or from where window_save() left it. */
Window *
window_open(const WindowPlan *plan, const char *saved)
{
	Window	   *w = palloc0(sizeof(Window));

	Assert(plan->since < plan->until && plan->page_size > 0);
	w->plan = *plan;
	second_init(&w->full_second);
	keys_init(&w->untimed);
	keys_init(&w->outside_ids);
	w->cuts = palloc(sizeof(int64));
	if (saved == NULL || !resume(w, saved))
	{
		w->end = END_UNKNOWN;
		w->pass = 0;
		(void) start_pass(w);
	}
	return w;
}

/* Goes on from a saved walk; false when it is not one of this plan. */
static bool
resume(Window *w, const char *saved)
{
	bool		untimed;

	if (!state_read(w, saved, &untimed))
		return false;
	if (untimed && !w->by_parts)
	{
		/* which they were is forgotten, and one of them must not count twice */
		w->pass--;
		(void) start_pass(w);
	}
	else if (w->phase == PHASE_SECOND)
		(void) start_second(w);
	return true;
}

/* Whether counts steer the walk. */
static bool
trusts_totals(const Window *w)
{
	return w->plan.totals && !w->total_disproved;
}

/* The next call to make. */
void
window_ask(const Window *w, PageAsk *ask)
{
	ask->start = w->plan.since;
	ask->end = last_second(w, w->top);
	ask->page_no = 1;
	ask->page_size = w->plan.page_size;
	ask->use_has_next = !trusts_totals(w) || w->phase == PHASE_DOWN;
	if (w->phase == PHASE_PART)
		ask->start = w->part;
	else if (w->phase == PHASE_SECOND)
	{
		ask->start = w->top - 1;
		ask->page_no = w->full_second.page;
	}
	else if (w->phase == PHASE_PROBE)
	{
		ask->start = ask->end = w->top;
		if (!w->plan.fixed_pages)
			ask->page_size = 1;
	}
}

/* How to ask for what is older than bound. */
static int64
last_second(const Window *w, int64 bound)
{
	return w->end == END_INCLUSIVE ? bound - 1 : bound;
}

/* Takes in the answer to what window_ask() gave. */
WindowStep
window_take(Window *w, const WindowAnswer *answer)
{
	PageAsk		ask;
	Response	p;
	int64		top = w->top;
	WindowStep	step = WINDOW_MORE;

	Assert(w->phase != PHASE_ENDED);
	window_ask(w, &ask);
	if (!response_make(&p, &ask, answer))
		return WINDOW_MALFORMED;
	if (!outside_ask_again(w, &p))
	{
		outside_note(w, &p);
		if (check_count(w, &p))
			step = take_response(w, &p);
		if (step == WINDOW_MORE && outside_ends_walk(w, &p, top))
			step = give_up(w);
	}
	if (step == WINDOW_MORE && out_of_calls(w, &p))
		step = give_up(w);
	response_free(&p);
	if (step != WINDOW_MORE)
		w->phase = PHASE_ENDED;
	return step;
}

bool
window_agrees(const Window *w, const WindowAnswer *answer)
{
	PageAsk		ask;
	Response	p;

	window_ask(w, &ask);
	if (!response_make(&p, &ask, answer))
		return false;
	response_free(&p);
	return true;
}

/*
 * Does the answer bear out its own count?  A count that was disproved once is
 * taken out of every later answer.  A gateway that sends smaller pages than it was
 * asked for looks as if it did: the walk goes on, and if it sees fewer asks once more.
 * False: a full second begins anew without counts,
 * and what this page is to it nobody knows.
 */
static bool
check_count(Window *w, Response *p)
{
	/* a list may be missing once: an empty one is asked for again */
	bool		again = p->sent == 0 && (w->phase == PHASE_FIRST || w->phase == PHASE_PART);

	if (trusts_totals(w) && w->phase != PHASE_PROBE && !again && p->total >= 0 && response_disproves_total(p))
	{
		if (w->total < 0)
			w->total = p->total;
		if (p->n <= p->total && (w->phase == PHASE_FIRST || w->phase == PHASE_DOWN))
		{
			w->suspected = true;
			return true;
		}
		w->total_disproved = true;
		if (w->phase == PHASE_SECOND)
		{
			second_open(&w->full_second, false);
			return false;
		}
	}
	if (w->total_disproved)
		p->total = -1;
	return true;
}

static WindowStep
take_response(Window *w, const Response *p)
{
	switch (w->phase)
	{
		case PHASE_FIRST:
			return take_first(w, p);
		case PHASE_DOWN:
			return take_newest(w, p);
		case PHASE_PART:
			return take_part(w, p);
		case PHASE_SECOND:
			return take_second(w, p);
		case PHASE_PROBE:
			return take_probe(w, p);
		case PHASE_ENDED:
			break;
	}
	return WINDOW_SHORT;
}

/* Counts the call; true when what was seen so far is not worth another one. */
static bool
out_of_calls(Window *w, const Response *p)
{
	int64		seen = w->seen + (w->phase == PHASE_SECOND ? w->full_second.shown.n : 0);

	w->calls++;
	w->most = Max(w->most, Max(seen, p->n));
	return w->calls >= WINDOW_MAX_CALLS(w->most, w->plan.page_size);
}

static WindowStep
give_up(Window *w)
{
	w->incomplete = true;
	return w->plan.fresh ? WINDOW_FRESH : WINDOW_SHORT;
}

/*
 * Are records of the second at the end in the way of others?  They show that the
 * end is inclusive, or that they have moved there: that second is asked for by
 * itself, and left out of all ranges if it is there.
 */
static bool
end_in_the_way(Window *w, const Response *p)
{
	if (w->end == END_INCLUSIVE || p->at_end == 0 || w->probed == w->top)
		return false;
	w->back_to = w->phase;
	w->phase = PHASE_PROBE;
	return true;
}

/* Step 1: the whole window's total, and its newest page. */
static WindowStep
take_first(Window *w, const Response *p)
{
	w->at_until = p->ask.end == w->plan.until ? p->at_end : 0;
	/* of a count that is not believed the next answer tells whether the list goes on */
	if (!trusts_totals(w))
		return descend(w, p, w->total_disproved || response_has_more(p));
	w->total = p->total;
	if (p->total > 0 && (p->sent == 0 || (w->suspected && !w->plan.sorted)))
		return start_whole(w);
	if (response_is_whole(p))
		return descend(w, p, false);
	if (w->plan.may_cut && w->pass == 1 && cut(w, p))
		return WINDOW_CUT;
	return descend(w, p, true);
}

/*
 * Step 7: equal parts of whole seconds, about ten pages each.  A page that is
 * not full says more of its list than the count does, and one that is full says
 * how dense the list is at its newest end: many more parts than follow from
 * that are not made on the word of a count alone.
 */
static bool
cut(Window *w, const Response *p)
{
	int64		span = w->plan.until - w->plan.since;
	int64		most = (int64) w->plan.page_size * PAGES_BEFORE_CUT;
	int64		dense = p->oldest == PG_INT64_MAX ? 0 :
		p->n * span / Max(w->plan.until - p->oldest, 1) * 4 / most;
	int64		n = (p->total + most - 1) / most;

	n = Min(Min(n, span), Min(Max(dense, MAX_CUTS_UNSUPPORTED), MAX_CUTS));
	if (n < 2 || !response_is_full(p) || p->n < p->noutside)
		return false;
	w->cuts = repalloc(w->cuts, sizeof(int64) * (n + 1));
	w->ncuts = (int) n;
	for (int64 i = 0; i <= n; i++)
		w->cuts[i] = w->plan.since + span * i / n;
	return true;
}

/* The parts after WINDOW_CUT. */
int
window_cuts(const Window *w, const int64 **cuts)
{
	*cuts = w->cuts;
	return w->ncuts;
}

/* Step 2: the newest page of what remains. */
static WindowStep
take_newest(Window *w, const Response *p)
{
	/* a count above an empty list lists nothing more all the same */
	return descend(w, p, p->sent > 0 && response_has_more(p));
}

/*
 * Goes down by the newest page of what remains: all that is newer than its
 * oldest second is in hand, and with the last page all.
 */
static WindowStep
descend(Window *w, const Response *p, bool more)
{
	if (more && (!w->plan.sorted || !p->sorted || p->oldest == PG_INT64_MAX))
		return start_parts(w);
	if (more && p->oldest >= w->top - 1)
	{
		if (end_in_the_way(w, p))
			return WINDOW_MORE;
		if (response_is_full(p) || p->has_next == 1)
			return start_second(w);
		more = false;			/* a page with room left ends its list */
	}
	count_above(w, p, more ? p->oldest : w->plan.since - 1);
	if (!more)
		return finish_walk(w);
	w->top = p->oldest + 1;
	w->phase = PHASE_DOWN;

	/* a page of one second shows no older one when asked for again */
	if (response_is_full(p) && p->newest == p->oldest)
		return start_second(w);
	return WINDOW_MORE;
}

/*
 * Counts what the response shows between floor and the top.  A record without
 * time stands anywhere: the next response shows it again or never.
 */
static void
count_above(Window *w, const Response *p, int64 floor)
{
	int64	   *untimed = palloc(sizeof(int64) * (p->n + 1));
	int			nuntimed = 0;

	for (int i = 0; i < p->n; i++)
	{
		const WindowRecord *record = &p->records[i];

		if (record->time == NO_TIME)
		{
			untimed[nuntimed++] = record->key;
			if (keys_have(&w->untimed, record->key))
				continue;
		}
		else if (record->time <= floor || record->time >= w->top)
			continue;
		w->seen++;
		w->quarantined += record->quarantined;
	}
	keys_clear(&w->untimed);
	keys_add(&w->untimed, untimed, nuntimed);
	pfree(untimed);
}

/* Step 5: the list has ended; was all of it seen? */
static WindowStep
finish_walk(Window *w)
{
	int64		seen = w->seen + w->at_until;

	if (w->plan.fresh)
		return WINDOW_FRESH;
	if (w->incomplete || w->total_disproved)
		return WINDOW_SHORT;
	if (!w->plan.totals)
		return WINDOW_UNPROVEN;
	if (outside_accounts_for(w, seen))
		return close_window(w);
	if (w->suspected && seen < w->total)
		return start_whole(w);
	return seen > w->total && w->pass < MAX_PASSES ? start_pass(w) : start_parts(w);
}

/* All that the platform counts was seen, or may be among the records from outside. */
static WindowStep
close_window(const Window *w)
{
	return w->outside > 0 ? WINDOW_UNPROVEN : WINDOW_COUNTED;
}

/* A walk by time, from the window's newest second. */
static WindowStep
start_pass(Window *w)
{
	w->pass++;
	w->phase = PHASE_FIRST;
	w->by_parts = false;
	w->incomplete = false;
	w->calls_pass = w->calls;
	w->total = w->total_disproved ? w->total : -1;
	w->top = w->plan.until;
	w->reported = w->seen = w->quarantined = w->at_until = 0;
	w->part = w->plan.since;
	w->asks = 0;
	w->many_from = w->plan.since - 1;
	keys_clear(&w->untimed);
	return WINDOW_MORE;
}

/* Step 4: the same window by parts, whose size goes by the last total. */
static WindowStep
start_parts(Window *w)
{
	int64		total = w->total;

	/* a list found unsorted by its first page has but begun this pass */
	if (w->phase == PHASE_FIRST)
		w->pass--;
	(void) start_pass(w);
	w->total = total;
	w->by_parts = true;
	choose_part(w, even_width(w));
	return WINDOW_MORE;
}

/* By parts, of which the first is all: its size does not go by a total that is in doubt. */
static WindowStep
start_whole(Window *w)
{
	(void) start_parts(w);
	choose_part(w, w->top - w->plan.since);
	return WINDOW_MORE;
}

/* Of a part of two thirds of a page, were the rest spread evenly. */
static int64
even_width(const Window *w)
{
	int64		rest = w->top - w->plan.since;
	int64		left = w->total - w->reported;

	if (w->total < 0 || w->total_disproved)
		return (rest + 1) / 2;
	return rest * w->plan.page_size * 2 / 3 / Max(left, 1);
}

/* The next part below the top, of about so many seconds. */
static void
choose_part(Window *w, int64 width)
{
	int64		rest = w->top - w->plan.since;

	/* what is known to be too large is not asked whole again */
	if (trusts_totals(w) && w->many_from >= w->plan.since && w->many_from < w->top &&
		w->many > w->plan.page_size && w->top - width <= w->many_from)
		width = (w->top - w->many_from) / 2;
	w->part = w->top - Min(Max(width, 1), rest);
	w->asks = 0;
	w->phase = PHASE_PART;
}

/* Step 4: one part, one response, no race. */
static WindowStep
take_part(Window *w, const Response *p)
{
	bool		full = response_is_full(p);
	bool		whole = trusts_totals(w) ? response_is_whole(p) : !response_has_more(p);

	if (!whole)
	{
		if (end_in_the_way(w, p))
			return WINDOW_MORE;
		if (full || !trusts_totals(w) ||
			(p->sent > 0 && p->total > p->ask.page_size && w->top - w->part > 1 && w->doubts++ < MAX_DOUBTS))
			return part_too_large(w, p);
		if (!w->plan.fresh && w->asks < (w->incomplete ? MAX_ASKS_INCOMPLETE : MAX_ASKS))
		{
			w->asks++;
			return WINDOW_MORE;
		}
		w->incomplete = true;
		w->total_disproved |= trusts_totals(w) && response_disproves_total(p);
	}
	return part_done(w, p);
}

/* Halves the part, down to a second, which is then read by page number. */
static WindowStep
part_too_large(Window *w, const Response *p)
{
	int64		width = w->top - w->part;

	if (width == 1)
		return start_second(w);
	w->many_from = w->part;
	w->many = response_is_full(p) ? Max(p->total, p->sent + 1) : p->total;
	choose_part(w, width / 2);
	return WINDOW_MORE;
}

/* Counts the part and goes below it; the next is as wide as its count advises. */
static WindowStep
part_done(Window *w, const Response *p)
{
	int64		width = w->top - w->part;
	int64		wanted = Max(w->plan.page_size * 2 / 3, 1);
	int64		beyond = 0;
	int64		shown;
	int64		load;			/* what counts for its size */

	for (int i = 0; i < p->n; i++)
	{
		if (p->records[i].time >= w->top)
			beyond++;
		else
			w->quarantined += p->records[i].quarantined;
	}
	shown = p->n - beyond;
	load = shown + p->noutside;
	w->reported += trusts_totals(w) ? p->total - beyond : shown;
	w->seen += shown;
	w->many -= load;
	w->top = w->part;
	if (w->top == w->plan.since)
		return finish_parts(w);
	if (trusts_totals(w) && !w->incomplete && w->total >= 0 && w->total - w->reported <= wanted)
		width = w->top - w->plan.since;
	else if (load * 2 <= wanted)
		width *= 2;
	else
		width = width * wanted / load;
	choose_part(w, width);
	return WINDOW_MORE;
}

/* Every part was whole in its own response, or the window is short. */
static WindowStep
finish_parts(Window *w)
{
	if (w->plan.fresh)
		return WINDOW_FRESH;
	if (w->incomplete || w->total_disproved)
		return WINDOW_SHORT;
	return w->plan.totals ? close_window(w) : WINDOW_UNPROVEN;
}

/* Step 3: second top - 1 by page number. */
static WindowStep
start_second(Window *w)
{
	w->phase = PHASE_SECOND;
	w->calls_before = w->calls;
	w->most_before = w->most;
	second_open(&w->full_second, trusts_totals(w));
	return WINDOW_MORE;
}

static WindowStep
take_second(Window *w, const Response *p)
{
	if (end_in_the_way(w, p))
		return WINDOW_MORE;
	switch (second_take(&w->full_second, p, &w->untimed))
	{
		case SECOND_WHOLE:
			return second_done(w, true);
		case SECOND_GIVEN_UP:
			return second_done(w, false);
		case SECOND_MORE:
			break;
	}
	return WINDOW_MORE;
}

/* The full second is counted, or given up: either way the walk goes below it. */
static WindowStep
second_done(Window *w, bool whole)
{
	int64		seen = w->full_second.ids.n - w->full_second.known;
	int64		count = w->full_second.totals ? w->full_second.total : seen;

	w->seen += seen;
	w->quarantined += w->full_second.quarantined;
	w->reported += count;
	w->many -= seen;
	w->incomplete |= !whole;
	w->top--;
	if (w->top == w->plan.since)
		return w->by_parts ? finish_parts(w) : finish_walk(w);
	if (w->end != END_UNKNOWN)
		return continue_below(w);
	w->back_to = PHASE_ENDED;
	w->phase = PHASE_PROBE;
	return WINDOW_MORE;
}

/* Does a range that ends at the second at the top show it? */
static WindowStep
take_probe(Window *w, const Response *p)
{
	/* a count alone is not believed: a second would be left out of every range */
	w->end = p->n > 0 ? END_INCLUSIVE : END_EXCLUSIVE;
	w->probed = w->top;
	w->phase = w->back_to;
	w->back_to = PHASE_ENDED;
	if (w->phase == PHASE_ENDED)
		return continue_below(w);
	return w->phase == PHASE_SECOND ? start_second(w) : WINDOW_MORE;
}

/* Below a full second. */
static WindowStep
continue_below(Window *w)
{
	if (w->by_parts)
		choose_part(w, even_width(w));
	else
		w->phase = PHASE_DOWN;
	return WINDOW_MORE;
}

/* What is known so far of [since, until). */
void
window_counts(const Window *w, WindowCounts *counts)
{
	counts->passes = w->pass;
	counts->seen = w->seen;
	counts->quarantined = w->quarantined;
	counts->total_disproved = w->total_disproved;
	counts->outside = w->outside;
	if (!w->plan.totals || w->total < 0)
		counts->reported = -1;
	else
		counts->reported = w->by_parts && !w->total_disproved ? w->reported : w->total - w->at_until;
}

/* Asks for half as many from now on. */
bool
window_shrink(Window *w)
{
	if (w->plan.page_size <= 1 || w->plan.fixed_pages || w->phase == PHASE_SECOND || w->phase == PHASE_PROBE)
		return false;
	w->plan.page_size /= 2;
	return true;
}
