/*
 * due.h
 *	  What is still to happen, by the second at which it becomes visible.
 */
#ifndef GATEWAY_DUE_H
#define GATEWAY_DUE_H

#include "out.h"

/* An order's next step. */
typedef struct Due
{
	uint32_t	at;
	uint32_t	order;
	uint32_t	shop;
} Due;

extern void due_push(Due d);

/* The second of the first, INT64_MAX when nothing is to come. */
extern int64_t due_next(void);
extern Due	due_pop(void);

#endif							/* GATEWAY_DUE_H */
