/*
 * number.h
 *	  A window read by page number: the mutant that the simulation must catch.
 */
#ifndef ORDERSYNC_TEST_NUMBER_H
#define ORDERSYNC_TEST_NUMBER_H

#include "window.h"
#include "window_response.h"

typedef struct NumberWalk
{
	int			page;			/* to ask for next */
	int64		seen;			/* rows on the pages so far, but those at until */
	int64		quarantined;	/* of these */
} NumberWalk;

/* saved: what number_save() gave, or NULL to begin. */
extern void number_open(NumberWalk *walk, const char *saved);
extern void number_ask(const NumberWalk *walk, const WindowPlan *plan, PageAsk *ask);
extern WindowStep number_take(NumberWalk *walk, const WindowPlan *plan, const Response *p);
extern char *number_save(const NumberWalk *walk);
extern void number_counts(const NumberWalk *walk, const WindowPlan *plan, WindowCounts *counts);

#endif							/* ORDERSYNC_TEST_NUMBER_H */
