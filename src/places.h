/*
 * places.h
 *	  Which work the places of a worker are for.
 */
#ifndef ORDERSYNC_PLACES_H
#define ORDERSYNC_PLACES_H

#include "job.h"

/* How many more of a worker's jobs may be others than single orders and key checks; usual: how many of n are. */
extern int	places_left(int usual, int n, int capacity);

/* Has a gateway as many of them as it may where there are several? */
extern bool places_gateway_full(Job **jobs, int n, int capacity);

/* What a claim of up to max tasks is told of places, as JSON in the current context. */
extern char *places_for_claim(Job **jobs, int n, int capacity, int max);

#endif							/* ORDERSYNC_PLACES_H */
