/*
 * orders.h
 *	  The state of an order after the steps that have happened to it.
 */
#ifndef GATEWAY_ORDERS_H
#define GATEWAY_ORDERS_H

#include "life.h"

typedef enum TradeStatus
{
	TS_NO_CREATE_PAY, TS_WAIT_PAY, TS_PAY_PENDING, TS_PRE_AUTH, TS_WAIT_SEND, TS_FORBID,
	TS_PART, TS_WAIT_CONFIRM, TS_SIGNED, TS_FINISHED, TS_CLOSED, TS_CLOSED_UNPAID, TS_COUNT
} TradeStatus;

typedef enum RefundStatus
{
	RS_NONE, RS_WAIT_AGREE, RS_WAIT_RETURN, RS_WAIT_GOODS, RS_REFUSED, RS_SUCCESS, RS_CLOSED,
	RS_EXCHANGE_CONFIRM, RS_EXCHANGE_SEND, RS_COUNT
} RefundStatus;

typedef enum PresaleStatus
{
	PS_NONE, PS_NOTHING_PAID, PS_DEPOSIT_PAID, PS_ALL_PAID, PS_FORFEITED
} PresaleStatus;

extern const char *const trade_status_names[TS_COUNT];
extern const char *const refund_status_names[RS_COUNT];
extern const char *const presale_status_names[];

typedef struct Line
{
	int64_t		oid;
	TradeStatus status;
	RefundStatus refund_status;
	int			refund;			/* the latest, -1: none */
	uint32_t	consigned;
	uint32_t	ended;
	int			parcel;
	int64_t		adjust;
	int64_t		due;			/* price * num + adjust - discount */
	int64_t		part_mjz;		/* its share of the trade-level discount */
	int64_t		divided;		/* due less that share */
	int64_t		refunded;		/* money given back */
	bool		special;
	bool		closed;
	bool		unsold;			/* closed by the seller before payment, the order went on */
} Line;

typedef struct Refund
{
	bool		opened;
	bool		special;
	bool		cashback;
	RefundKind	kind;
	RefundStatus status;
	TradeStatus order_status;
	bool		aftersale;
	int			line;
	int64_t		concerned;		/* what the line was worth */
	int64_t		fee;
	uint32_t	created;
	uint32_t	modified;
	uint32_t	returned;
	int			notes;
	bool		returning;		/* the goods must come back */
	bool		was_shipped;
} Refund;

typedef struct Trade
{
	Facts		f;
	TradeStatus status;
	PresaleStatus presale;
	bool		paid;
	uint32_t	modified;
	uint32_t	arrival;
	uint32_t	pay_time;
	uint32_t	consigned;
	uint32_t	ended;
	int			flag;			/* seller's */
	int			memos;
	bool		rated;
	int			parcels;
	int64_t		list_fee;		/* sum of price * num */
	int64_t		adjust;			/* the seller's change of the price */
	int64_t		mjz;			/* trade-level discount */
	int64_t		payment;		/* as it stood before any refund */
	int64_t		deposit;
	int64_t		refunded;
	int64_t		received;
	Line		lines[MAX_LINES];
	int			nrefunds;		/* highest opened + 1 */
	Refund		refunds[MAX_REFUNDS];
} Trade;

/*
 * Brings t to the state after the given steps (in order, CREATE first); t->f
 * must hold the order's facts.
 */
extern void order_fold(Trade *t, const Step *steps, int nsteps);

#endif							/* GATEWAY_ORDERS_H */
