/*
 * window_strangers.h
 *	  What records from outside the range mean to a walk.  For window.c; nobody
 *	  else includes it.
 */
#ifndef ORDERSYNC_WINDOW_STRANGERS_H
#define ORDERSYNC_WINDOW_STRANGERS_H

#include "window_response.h"
#include "window_state.h"

/*
 * Is the same to be asked once more, as if this answer had not come?  It is
 * noted, and is so once a walk.
 */
extern bool strangers_ask_again(Window *w, const Response *p);

/* Notes the strangers of an answer that is taken in. */
extern void strangers_note(Window *w, const Response *p);

/* Behind an answer that was taken in, which began at top: is the walk to be given up? */
extern bool strangers_lead_astray(Window *w, const Response *p, int64 top);

/* May the count of a walk by time be made up of so many seen, and strangers? */
extern bool strangers_account_for(const Window *w, int64 seen);

#endif							/* ORDERSYNC_WINDOW_STRANGERS_H */
