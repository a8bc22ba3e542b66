/*
 * walker.h
 *	  What is walked through a world: the product's window, or the mutant that
 *	  reads by page number.  The functions are those of window.h.
 */
#ifndef ORDERSYNC_TEST_WALKER_H
#define ORDERSYNC_TEST_WALKER_H

#include "window.h"

typedef struct Walker Walker;

extern Walker *walker_open(bool by_number, const WindowPlan *plan, const char *saved);
extern Walker *walker_copy(const Walker *walker);
extern void walker_ask(const Walker *walker, PageAsk *ask);
extern WindowStep walker_take(Walker *walker, const WindowAnswer *answer);
extern bool walker_agrees(const Walker *walker, const WindowAnswer *answer);
extern char *walker_save(const Walker *walker);
extern void walker_counts(const Walker *walker, WindowCounts *counts);
extern int	walker_cuts(const Walker *walker, const int64 **cuts);
extern bool walker_shrink(Walker *walker);

#endif							/* ORDERSYNC_TEST_WALKER_H */
