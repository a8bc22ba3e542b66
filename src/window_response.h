/*
 * window_response.h
 *	  An answer with each record once, and what it says by itself.  A room
 *	  inside window: nobody else includes it.
 */
#ifndef ORDERSYNC_WINDOW_RESPONSE_H
#define ORDERSYNC_WINDOW_RESPONSE_H

#include "window.h"

typedef struct Response
{
	PageAsk		ask;			/* what it answers */
	int64		total;			/* -1: not sent */
	int			has_next;		/* 1, 0, -1: not sent */
	int			sent;			/* records as sent */
	int			n;				/* distinct ones in the range asked for */
	WindowRecord *records;
	int			noutside;		/* distinct ones outside of it, and their keys */
	int			nlater;			/* of these, with a later time */
	int64	   *outside_keys;
	int64		newest;			/* of those in the range that have a time */
	int64		oldest;			/* PG_INT64_MAX: none has one */
	int			at_end;			/* records at second ask.end */
	bool		sorted;			/* newest first */
} Response;

/* False, with nothing allocated, when the answer contradicts itself. */
extern bool response_make(Response *p, const PageAsk *ask, const WindowAnswer *answer);
extern void response_free(Response *p);

/* Is all that it counts on this page?  What is counted may be from outside. */
extern bool response_is_whole(const Response *p);

/* Is the page as full as it may be? */
extern bool response_is_full(const Response *p);

/* Is there more of the range than this page? */
extern bool response_has_more(const Response *p);

/* Does the answer show that its own total is untrue?  It has one. */
extern bool response_disproves_total(const Response *p);

#endif							/* ORDERSYNC_WINDOW_RESPONSE_H */
