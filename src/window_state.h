/*
 * window_state.h
 *	  Where a walk through a window stands.  For window.c and window_state.c;
 *	  nobody else includes it.
 */
#ifndef ORDERSYNC_WINDOW_STATE_H
#define ORDERSYNC_WINDOW_STATE_H

#include "window.h"
#include "window_keys.h"
#include "window_second.h"

typedef enum Phase
{
	PHASE_FIRST,
	PHASE_DOWN,
	PHASE_PART,
	PHASE_SECOND,
	PHASE_PROBE,
	PHASE_ENDED
} Phase;

/* What is known of the end of a range on this platform. */
typedef enum End
{
	END_UNKNOWN,
	END_INCLUSIVE,
	END_EXCLUSIVE				/* as far as a probe can tell */
} End;

struct Window
{
	WindowPlan	plan;			/* page_size shrinks */
	Phase		phase;
	Phase		back_to;		/* of a probe: what is asked then; ENDED: what is below the full second */
	End			end;
	bool		by_parts;
	bool		incomplete;		/* a part or full second was given up in this pass */
	bool		total_disproved;	/* an answer has disproved its own count */
	bool		suspected;		/* or so it seems; the next count will tell */
	int			doubts;			/* parts halved though their page had room */
	int			pass;			/* from 1 */
	int			calls;			/* answers taken in */
	int64		most;			/* distinct records seen, of the pass that saw most */
	int64		outside;		/* records from outside, of all answers taken in; what was shown again after an interruption counts twice */
	bool		asked_again;	/* an answer that had records that moved on was asked for once more */
	int64		total;			/* of FIRST in this pass; -1 not known */
	int64		top;			/* [since, top) remains */

	/* counted in this pass, without the second at until */
	int64		reported;		/* by parts: sum of their totals */
	int64		seen;
	int64		quarantined;
	int64		at_until;		/* of FIRST's response: records at second until */

	/* by parts */
	int64		part;			/* [part, top) is asked */
	int			asks;			/* times that it showed fewer than it counts */

	/* in memory only: [many_from, top) holds so many, too many for an answer */
	int64		many_from;		/* below since: nothing is known */
	int64		many;

	/* in memory only: second top - 1, while it is read by page number */
	FullSecond	full_second;
	int			calls_before;	/* calls and most, as they were when it was begun */
	int64		most_before;

	/* in memory only: of the last response, records that have no time */
	KeySet		untimed;

	/* in memory only: the end that was probed last */
	int64		probed;

	/* in memory only: records from outside so far, and how much they are in the way */
	KeySet		outside_ids;
	int			outside_weight;
	int			calls_pass;		/* calls when this pass was begun */

	int64	   *cuts;
	int			ncuts;
};

/*
 * Reads a saved walk into w, whose plan is set; false, with nothing changed,
 * when it is not one of this plan.  *untimed: its last page had records
 * without a time, which are not saved.
 */
extern bool state_read(Window *w, const char *saved, bool *untimed);

#endif							/* ORDERSYNC_WINDOW_STATE_H */
