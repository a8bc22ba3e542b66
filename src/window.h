/*
 * window.h
 *	  The walk through a window of time: what to ask next, and when the window
 *	  is whole.  No I/O, no clock: a simulation can drive it.
 */
#ifndef ORDERSYNC_WINDOW_H
#define ORDERSYNC_WINDOW_H

#include "task.h"

typedef struct Window Window;

/* What is to be walked and what is known of the list that serves it. */
typedef struct WindowPlan
{
	int64		since;			/* [since, until), epoch seconds, until already cut */
	int64		until;			/* at the platform's now - lag */
	int			page_size;
	bool		fixed_pages;	/* all pages have that size, whatever is asked for */
	bool		sorted;			/* documented as newest first by the window's basis */
	bool		totals;			/* the list can say total_results */
	bool		moves;			/* a record's time can become later: not the one of its creation */
	bool		fresh;			/* walked once, closes nothing */
	bool		may_cut;		/* may be cut into parts by the first total */
} WindowPlan;

typedef struct WindowRecord
{
	int64		key;			/* the id; for a record without one, its digest */
	int64		time;			/* of the window's basis, epoch seconds */
	bool		quarantined;
} WindowRecord;

typedef struct WindowAnswer
{
	int64		total;			/* -1: not sent */
	int			has_next;		/* 1, 0, or -1: not sent */
	int			nrecords;
	const WindowRecord *records;	/* as sent, in the order sent */
} WindowAnswer;

typedef enum WindowStep
{
	WINDOW_MORE,				/* settle the page and ask again */
	WINDOW_CUT,					/* settle the page; the window becomes parts */
	WINDOW_COUNTED,				/* closed: seen exactly what the platform counts */
	WINDOW_UNPROVEN,			/* closed by its end: no total, or records from outside its range */
	WINDOW_FRESH,				/* read once; closes nothing */
	WINDOW_SHORT,				/* given up: seen is not what the platform counts */
	WINDOW_MALFORMED			/* the answer contradicts itself; nothing taken in */
} WindowStep;

/* Over [since, until) itself, without the second at its end. */
typedef struct WindowCounts
{
	int64		reported;		/* what the platform counted; -1: not known */
	int64		seen;			/* distinct records seen */
	int64		quarantined;	/* of these, how many could not be stored */
	int			passes;
	bool		total_disproved;	/* answers have disproved what the platform counts */
	int64		outside;		/* records listed that lie outside the range asked for */
} WindowCounts;

/*
 * No walk takes in more answers than this for the records that it has seen,
 * in the pass that saw most; interrupted ones are asked for again.  A walk
 * that comes so far ends there, short.  Thirty rounds through a full second
 * are the most that an honest list makes necessary, and five passes before
 * it.
 */
#define WINDOW_MAX_CALLS(seen, page_size) (100 + 60 * ((seen) / (page_size) + 1))

/* A larger count is taken to be this one: no list is so long. */
#define WINDOW_MOST_TOTAL INT64CONST(1000000000)

/*
 * saved: what window_save() gave at the last settled page, or NULL to begin.
 * Everything lives in the memory context current at the call.
 */
extern Window *window_open(const WindowPlan *plan, const char *saved);
extern void window_ask(const Window *window, PageAsk *ask);
extern WindowStep window_take(Window *window, const WindowAnswer *answer);

/*
 * Can the answer be taken in?  False where window_take() would say MALFORMED,
 * so that nothing of an answer that contradicts itself is stored.
 */
extern bool window_agrees(const Window *window, const WindowAnswer *answer);
extern char *window_save(const Window *window);

/* The same walk once more, in the current context; neither touches the other. */
extern Window *window_copy(const Window *window);
extern void window_counts(const Window *window, WindowCounts *counts);

/*
 * After WINDOW_CUT: ascending bounds since = cuts[0] < ... < cuts[n] = until;
 * returns n, the number of parts.  The newest stays with this task.
 */
extern int	window_cuts(const Window *window, const int64 **cuts);

/*
 * The platform found the page too large or too slow.  Halves the page size;
 * false when it cannot become smaller (at 1, or while a second is being read
 * by page number, where the size must stay).
 */
extern bool window_shrink(Window *window);

#endif							/* ORDERSYNC_WINDOW_H */
