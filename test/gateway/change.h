/*
 * change.h
 *	  Changes that are forced on orders: on request, or while a list is read.
 */
#ifndef GATEWAY_CHANGE_H
#define GATEWAY_CHANGE_H

#include "query.h"

typedef struct Changed
{
	uint32_t	orders;
	uint32_t	refunds;		/* after-sales opened or moved on */
	uint32_t	short_of;		/* asked for, but no order could take it */
} Changed;

/*
 * Changes up to n different orders of the shop, each with `modified` somewhere
 * in [from, to).  Each change is a step of the order's life: its next planned
 * one, a memo, a rating, an after-sale or its next state.  newest: `modified`
 * rises from order to order.
 */
extern Changed change_orders(Shop *shop, uint32_t n, int64_t from, int64_t to);

/*
 * Changes up to n orders whose last change lies in [from, to) once more, now,
 * and within the second of that change.
 */
extern Changed change_again(Shop *shop, uint32_t n, int64_t from, int64_t to);

/* /control/churn: so many orders of each page change right after it was served. */
typedef struct Churn
{
	int			per_page;
	int			shop;			/* from 1, 0: all */
	int64_t		left;			/* pages that still churn, -1: all */
	int			ago;			/* their `modified` is so many seconds before now */
	uint64_t	changed;
} Churn;

extern Churn churn;
extern void churn_after_page(Shop *shop, const Hits *hits, ListKind kind);

#endif							/* GATEWAY_CHANGE_H */
