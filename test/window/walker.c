/*
 * walker.c
 *	  What is walked through a world: the product's window, or the mutant that
 *	  reads by page number.
 */
#include "compat.h"

#include "number.h"
#include "walker.h"
#include "window_response.h"

struct Walker
{
	Window	   *window;			/* NULL: the mutant */
	NumberWalk	number;
	WindowPlan	plan;
};

Walker *
walker_open(bool by_number, const WindowPlan *plan, const char *saved)
{
	Walker	   *walker = palloc0(sizeof(Walker));

	walker->plan = *plan;
	if (by_number)
		number_open(&walker->number, saved);
	else
		walker->window = window_open(plan, saved);
	return walker;
}

Walker *
walker_copy(const Walker *walker)
{
	Walker	   *copy = palloc(sizeof(Walker));

	*copy = *walker;
	if (walker->window != NULL)
		copy->window = window_copy(walker->window);
	return copy;
}

void
walker_ask(const Walker *walker, PageAsk *ask)
{
	if (walker->window != NULL)
		window_ask(walker->window, ask);
	else
		number_ask(&walker->number, &walker->plan, ask);
}

WindowStep
walker_take(Walker *walker, const WindowAnswer *answer)
{
	PageAsk		ask;
	Response		p;
	WindowStep	step;

	if (walker->window != NULL)
		return window_take(walker->window, answer);
	walker_ask(walker, &ask);
	if (!response_make(&p, &ask, answer))
		return WINDOW_MALFORMED;
	step = number_take(&walker->number, &walker->plan, &p);
	response_free(&p);
	return step;
}

bool
walker_agrees(const Walker *walker, const WindowAnswer *answer)
{
	PageAsk		ask;
	Response		p;

	if (walker->window != NULL)
		return window_agrees(walker->window, answer);
	walker_ask(walker, &ask);
	if (!response_make(&p, &ask, answer))
		return false;
	response_free(&p);
	return true;
}

char *
walker_save(const Walker *walker)
{
	return walker->window != NULL ? window_save(walker->window) : number_save(&walker->number);
}

void
walker_counts(const Walker *walker, WindowCounts *counts)
{
	memset(counts, 0, sizeof(*counts));
	if (walker->window != NULL)
		window_counts(walker->window, counts);
	else
		number_counts(&walker->number, &walker->plan, counts);
}

/* The mutant is never cut. */
int
walker_cuts(const Walker *walker, const int64 **cuts)
{
	return walker->window != NULL ? window_cuts(walker->window, cuts) : 0;
}

/* Nor are its pages halved: it could not go on at a number. */
bool
walker_shrink(Walker *walker)
{
	return walker->window != NULL && window_shrink(walker->window);
}
