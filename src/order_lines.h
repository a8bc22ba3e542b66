/*
 * order_lines.h
 *	  What an order's lines say of it: facts of a line, and their sum.
 */
#ifndef ORDERSYNC_ORDER_LINES_H
#define ORDERSYNC_ORDER_LINES_H

#include "compat.h"

#include "utils/jsonb.h"

/* Bytes of a text value; at NULL: there is none. */
typedef struct TextValue
{
	const char *at;
	int			len;
} TextValue;

/* Orders of this type are paid when they arrive.  False when it is not known. */
extern bool trade_is_cash_on_delivery(TextValue trade_type);

/*
 * A line's own word that money went back.  Price protection and cash-back leave
 * refund_status alone and are a list of their own, which may be read later than
 * the order whose figures they lowered.
 */
extern bool line_is_refunded(TextValue refund_status, TextValue special_refund_type);

/*
 * A line may end apart from its order, without ever having been paid for: the
 * seller closes one of several before the buyer pays for the rest, or one is
 * refused at the door of an order that is paid there, which closes it although
 * no money went back.
 */
extern bool line_is_unsold(TextValue trade_type, TextValue status, TextValue refund_status,
						   TextValue special_refund_type);

typedef struct LinesSum
{
	int			nlines;			/* one that stands twice counts once, one without an id not at all */
	int32		item_num;		/* pieces of the lines that were not unsold; of all where there is no other */
	bool		has_gmv;
	int64		gmv_cents;		/* of all lines; within numeric(18,2) */
	char	   *carriers;		/* different ones, sorted by bytes, divided by commas; NULL: none */
	char	   *waybills;
	int			nwaybills;
	bool		refunded;		/* a line says that money went back */
	bool		disputed;		/* or may come to say so: its refund_status is another one than NO_REFUND */
} LinesSum;

/* Sums up the lines of an order's record; texts are in the current context. */
extern void lines_sum(JsonbContainer *record, LinesSum *sum);

#endif							/* ORDERSYNC_ORDER_LINES_H */
