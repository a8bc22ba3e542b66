/*
 * life.h
 *	  What is fixed about an order from its birth, and the plan of its life.
 *
 * Both are functions of the world's seed, the shop and the order's number:
 * nothing of them is kept in memory.
 */
#ifndef GATEWAY_LIFE_H
#define GATEWAY_LIFE_H

#include "out.h"

#define MAX_LINES	6
#define MAX_REFUNDS	8			/* of one order, price protection among them */
#define MAX_STEPS	64			/* of one order's life, planned and forced */
#define ALL_LINES	0xFF

typedef enum StepKind
{
	STEP_CREATE,
	STEP_REPRICE,				/* the seller changes the price before payment */
	STEP_CLOSE_LINE,			/* the seller closes one line before payment */
	STEP_PENDING,				/* card payment being confirmed */
	STEP_PREAUTH,				/* pre-authorised, not paid */
	STEP_DEPOSIT,				/* pre-sale: first part paid */
	STEP_BALANCE,				/* pre-sale: the rest paid */
	STEP_FORFEIT,				/* pre-sale: the rest never paid */
	STEP_PAY,
	STEP_FORBID,				/* paid, must not be shipped yet */
	STEP_RELEASE,
	STEP_SHIP,					/* line, or ALL_LINES that are left */
	STEP_SIGN,					/* cash on delivery: signed */
	STEP_REJECT,				/* cash on delivery: not taken */
	STEP_FINISH,
	STEP_CLOSE,					/* never paid */
	STEP_MEMO,					/* seller's flag and memo */
	STEP_RATE,
	STEP_REFUND_OPEN,			/* arg: RefundKind and flags */
	STEP_REFUND_NOTE,			/* touches the refund only, not the order */
	STEP_REFUND_AGREE,
	STEP_REFUND_RETURN,			/* goods on their way back */
	STEP_REFUND_REFUSE,
	STEP_REFUND_SUCCESS,
	STEP_REFUND_CANCEL,
	STEP_SPECIAL				/* price protection or cash-back; arg: which */
} StepKind;

typedef enum RefundKind
{
	KIND_REFUND,
	KIND_RETURN,
	KIND_TMALL_EXCHANGE,
	KIND_TAOBAO_EXCHANGE,
	KIND_REPAIR,
	KIND_RESHIP,
	KIND_OTHER
} RefundKind;

#define KIND_MASK		7
#define KIND_PARTIAL	8		/* less than the line's amount */
#define KIND_POSTAGE	16		/* the order's postage comes back too */
#define KIND_CASHBACK	32		/* special: cash-back, else price protection */

/* One thing that happens to an order. */
typedef struct Step
{
	uint32_t	at;				/* the `modified` that it brings */
	uint32_t	arrival;		/* when it gets into the read store */
	uint8_t		kind;
	uint8_t		line;
	uint8_t		refund;
	uint8_t		arg;
} Step;

typedef enum TradeType
{
	TYPE_FIXED, TYPE_AUCTION, TYPE_STEP, TYPE_COD, TYPE_AUTO_DELIVERY, TYPE_EC,
	TYPE_TMALL_I18N, TYPE_ETICKET, TYPE_NOPAID, TYPE_GAME, TYPE_INSTANT, TYPE_PRE_AUTH,
	TYPE_O2O, TYPE_NEW_KIND, TYPE_COUNT
} TradeType;

extern const char *const type_names[TYPE_COUNT];

typedef struct LineFacts
{
	uint64_t	hash;
	uint32_t	item;			/* in the shop's catalogue */
	int32_t		num;
	int64_t		price;			/* cents, as all money here */
	int64_t		discount;
	bool		gift;
} LineFacts;

typedef struct Facts
{
	int			shop;			/* from 0 */
	uint32_t	number;			/* the order's number in its shop */
	uint64_t	hash;
	int64_t		tid;
	uint32_t	created;
	TradeType	type;
	bool		team_buy;
	bool		card;			/* paid by a card that must be confirmed */
	bool		spread;			/* a trade-level discount is spread over the lines */
	int			spread_percent;
	int			nlines;
	LineFacts	lines[MAX_LINES];
	int64_t		post_fee;
	int64_t		service_fee;	/* 0: no service order */
	int64_t		reprice;		/* what a change of price brings, signed */
	int			nrefunds;		/* planned */
	int			nsteps;
	Step		steps[MAX_STEPS];	/* the plan, times ascending */
} Facts;

/* How a shop's orders are spread over time. */
typedef struct Spread
{
	uint32_t	per_day;		/* orders in a day */
	uint32_t	burst;			/* of these, created in one second of the evening */
} Spread;

typedef struct Pattern
{
	uint64_t	seed;
	Spread		first;			/* of the first shop, which may be a big one */
	Spread		others;
	uint32_t	new_kind;		/* one of so many orders is of a type that no client knows, 0: none */
} Pattern;

extern Pattern pattern;

extern const Spread *spread_of(int shop);
extern uint32_t order_created(int shop, uint32_t number);
extern uint32_t first_number_of_day(int shop, int64_t epoch);	/* day of +08 */
extern int64_t order_tid(int shop, uint32_t number);
extern bool tid_order(int64_t tid, int *shop, uint32_t *number);
extern int64_t refund_id_of(int64_t tid, int refund);
extern bool refund_id_order(int64_t refund_id, int *shop, uint32_t *number, int *refund);

/* Facts without the plan, or with it. */
extern void order_facts(int shop, uint32_t number, Facts *f);
extern void order_plan(Facts *f);

#endif							/* GATEWAY_LIFE_H */
