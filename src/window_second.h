/*
 * window_second.h
 *	  A second that holds more than a page, read by page number.  A room inside
 *	  window: nobody else includes it.
 */
#ifndef ORDERSYNC_WINDOW_SECOND_H
#define ORDERSYNC_WINDOW_SECOND_H

#include "window_keys.h"
#include "window_response.h"

typedef struct FullSecond
{
	bool		totals;			/* the list says how many there are */
	int64		total;			/* on every page of this union; -1: not known */
	int			page;			/* to ask for next */
	int			last;			/* page of the round */
	int			extra;			/* pages that are full beyond the total */
	int			round;			/* from 1 */
	int			left;			/* pages left of the round */
	int			same;			/* pages of this union */
	int			over;			/* unions that became larger than their total */
	bool		unsteady;		/* totals changed or were too low: pages may have stayed unread */
	bool		surplus;		/* a page held more rows than its total leaves for it */
	bool		started;		/* the first page is in this union */
	bool		ended;			/* so is one that had room left */
	int			idle;			/* pages since one brought a new id to it */
	KeySet		ids;			/* the union */
	KeySet		shown;			/* all ids of all unions */
	KeySet		outside_ids;		/* on the union's pages, of other seconds */
	int64		quarantined;	/* of the union */
	int64		known;			/* of the union, counted before the full second was open */

	/* without totals, or once they have been given up */
	bool		given_up;
	int64		listed;			/* records on the round's pages so far */
	int			before;			/* size of the union when the round began */
	int			barren;			/* rounds in a row that brought no new id */
} FullSecond;

typedef enum SecondStep
{
	SECOND_MORE,
	SECOND_WHOLE,
	SECOND_GIVEN_UP
} SecondStep;

/* The full second's memory stays in the context current at second_init(). */
extern void second_init(FullSecond *c);
extern void second_open(FullSecond *c, bool totals);

/* counted: records without a time that the walk has counted already. */
extern SecondStep second_take(FullSecond *c, const Response *p, const KeySet *counted);

#endif							/* ORDERSYNC_WINDOW_SECOND_H */
