/*
 * window_outside.h
 *	  What records from outside the range mean to a walk.  For window.c; nobody
 *	  else includes it.
 */
#ifndef ORDERSYNC_WINDOW_OUTSIDE_H
#define ORDERSYNC_WINDOW_OUTSIDE_H

#include "window_response.h"
#include "window_state.h"

/*
 * Is the same to be asked once more, as if this answer had not come?  It is
 * noted, and is so once a walk.
 */
extern bool outside_ask_again(Window *w, const Response *p);

/* Notes the records from outside of an answer that is taken in. */
extern void outside_note(Window *w, const Response *p);

/* Behind an answer that was taken in, which began at top: is the walk to be given up? */
extern bool outside_ends_walk(Window *w, const Response *p, int64 top);

/* May the count of a walk by time be made up of so many seen, and records from outside? */
extern bool outside_accounts_for(const Window *w, int64 seen);

#endif							/* ORDERSYNC_WINDOW_OUTSIDE_H */
