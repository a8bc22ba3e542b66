/*
 * bodies.h
 *	  Bodies on their way out, and answers that have to wait.
 */
#ifndef GATEWAY_BODIES_H
#define GATEWAY_BODIES_H

#include <microhttpd.h>

#include "truth.h"

typedef struct Body
{
	int			status;
	const char *type;
	bool		packed;			/* is gzip already */
	size_t		cut;			/* bytes before the line breaks, SIZE_MAX: none */
	size_t		drip;			/* bytes in each tenth of a second, 0: all at once */
	const char *retry_after;	/* seconds, or "date N": the time in N seconds; NULL or empty: not said */
} Body;

/* Sends data, which is taken over and left empty. */
extern enum MHD_Result send_body(struct MHD_Connection *connection, const Body *how, Out *data);
extern enum MHD_Result send_truth(struct MHD_Connection *connection, Truth *truth);

extern void compress_body(Out *data);

/* Suspends a connection for so long; its handler is called again then. */
extern void wait_for(struct MHD_Connection *connection, int64_t ms);
extern int	waiting_release(void);
extern int	waiting_count(void);	/* those whose time has not come */
extern void waiting_start(void);

#endif							/* GATEWAY_BODIES_H */
