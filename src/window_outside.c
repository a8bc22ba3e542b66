/*
 * window_outside.c
 *	  What records from outside the range mean to a walk: a list that does not
 *	  keep to its range.
 *
 * The rule.  A record from outside (window_response.c) is stored, and proves
 * nothing.  It is not seen.  Where the platform counts more than were seen, each
 * such record may be one of those that it counts, so that the window is not
 * called short for it; it may also stand where a record is withheld, so that the
 * window is not called counted either.  A window is counted when none of the
 * answers that were taken in had such a record; otherwise it is unproven where
 * they can make up for what is missing, and short where they cannot.
 *
 * Records that have moved on (a later time than the range's end, where times can
 * become later) are no exception.  Their ids would be what the count means, if
 * one could know that they were listed in the range by an older time; but a list
 * that puts a record from anywhere where another is withheld looks the same.  As
 * such a list is one that lags for a moment, its answer is asked for once more,
 * once a walk, before it is taken in: an answer that keeps to its range is as
 * good as if it had been the first.
 *
 * How far a walk follows.  A list that ignores the range, or a bound of it, has
 * pages of others before the first record of the range, or behind the last;
 * its parts do not become smaller.  A walk gives up, short, after five answers
 * of records from outside alone that brought it no further down, or twenty with
 * some; each that brings it further makes up for four.
 *
 * Their ids are known in memory only.  After an interruption those before it make
 * up for nothing any more, so that the window is read by parts where the count is
 * not reached; and those that are shown again are told of twice.
 */
#include "compat.h"

#include "window_outside.h"

#define ALONE		4			/* what an answer without a record of the range weighs, and one that brings the walk further */
#define MOST_WEIGHT	(5 * ALONE)

bool
outside_ask_again(Window *w, const Response *p)
{
	if (w->asked_again || w->outside > 0 || !w->plan.moves || w->plan.fresh ||
		p->noutside == 0 || p->nlater < p->noutside)
		return false;
	w->asked_again = true;
	return true;
}

void
outside_note(Window *w, const Response *p)
{
	w->outside += keys_unite(&w->outside_ids, p->outside_keys, p->noutside);
}

bool
outside_ends_walk(Window *w, const Response *p, int64 top)
{
	bool		alone = p->n == 0;

	if (w->top < top || (w->phase == PHASE_SECOND && !alone))
		w->outside_weight = Max(w->outside_weight - ALONE, 0);
	else if (p->noutside > 0)
		w->outside_weight += alone ? ALONE : 1;
	return w->outside_weight >= MOST_WEIGHT;
}

bool
outside_accounts_for(const Window *w, int64 seen)
{
	return seen <= w->total && w->total - seen <= w->outside_ids.n;
}
