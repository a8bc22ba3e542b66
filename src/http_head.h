/*
 * http_head.h
 *	  The headers of an answer, as they come: what of them counts, and what they
 *	  may not say.
 */
#ifndef ORDERSYNC_HTTP_HEAD_H
#define ORDERSYNC_HTTP_HEAD_H

#include "compat.h"

typedef struct HttpHead
{
	int64		date_s;			/* the answer's Date, epoch seconds; 0: none */
	int64		retry_after_s;	/* Retry-After: from the answer on; 0: not said */
	int64		retry_at_s;		/* or when, epoch seconds; 0: not said */
	const char *trouble;		/* why the call is to be broken off, or NULL */
	size_t		bytes;
	int			encodings;		/* of the body */
} HttpHead;

/*
 * Takes one line, not terminated; false: the call is to be broken off.  Runs
 * within curl's frames: neither throws nor allocates.
 */
extern bool http_head_take(HttpHead *head, const char *line, size_t len);

#endif							/* ORDERSYNC_HTTP_HEAD_H */
