/*
 * world.h
 *	  Shops, their orders and after-sales, and the platform's clock.
 */
#ifndef GATEWAY_WORLD_H
#define GATEWAY_WORLD_H

#include "index.h"
#include "orders.h"

/* What has happened to an order that did not keep to its plan. */
typedef struct History
{
	uint16_t	count;
	uint16_t	room;
	Step		steps[];
} History;

typedef struct Order
{
	History    *history;		/* NULL: the first `applied` steps of its plan */
	uint32_t	modified;
	uint32_t	arrival;
	uint32_t	refunds;		/* its newest after-sale + 1, 0: none */
	uint16_t	applied;		/* steps of the plan that have happened; 0: not visible */
	uint8_t		type;
	uint8_t		opened;			/* bit r: after-sale r is there */
} Order;

/* An after-sale as the lists find it. */
typedef struct RefundRef
{
	uint32_t	order;			/* index in the shop's orders */
	uint32_t	modified;
	uint32_t	next;			/* the order's one before + 1 */
	uint8_t		refund;
	uint8_t		special;
	uint8_t		type;
} RefundRef;

typedef struct Shop
{
	int			no;				/* from 0; shop 1 for the outside */
	char		nick[64];		/* now */
	char		old_nick[64];	/* before it was renamed, else empty */
	char		session[64];
	int64_t		user_id;
	uint32_t	first;			/* number of orders[0] */
	uint32_t	norders;
	uint32_t	room;
	Order	   *orders;			/* ascending by creation */
	uint32_t	next_created;	/* of the order that comes next */
	uint32_t	nrefunds;
	uint32_t	refund_room;
	RefundRef  *refunds;
	Index		by_modified;
	Index		by_arrival;
	Index		refunds_by_modified;
	Index		special_by_modified;
} Shop;

typedef struct World
{
	int			nshops;
	Shop	   *shops;
	int			days;			/* how far back the world reaches */
	bool		still;			/* lives only when the clock is advanced */
	int64_t		time;			/* up to here everything has happened, epoch seconds */
	int64_t		floor;			/* steps of the plan before it were slept through ... */
	int64_t		floor_span;		/* ... and happen within so many seconds after it */
	int64_t		offset_ms;		/* platform's clock minus the machine's */
	int			late_permille;	/* changes that become visible late ... */
	int			late_max;		/* ... up to so many seconds */
	uint64_t	changes;		/* forced and lived, since the start */
} World;

extern World world;

extern int64_t real_ms(void);
extern int64_t clock_ms(void);	/* the platform's, epoch milliseconds */

static inline int64_t
clock_now(void)
{
	return clock_ms() / 1000;
}

/* Builds shops and their past; needs pattern, nshops, days and offset_ms. */
extern void world_build(void);

/* Lets happen what is due. */
extern void world_tick(void);

/* Moves the platform's clock and lives through the time between. */
extern void world_advance(int64_t seconds);
extern void world_set_still(bool still);

/* The steps that have happened to an order, all or until a moment; f gets its facts. */
extern int	world_steps(const Shop *shop, uint32_t index, Facts *f, Step *steps);

/* The order as it is. */
extern void world_trade(const Shop *shop, uint32_t index, Trade *t);

/*
 * Makes a step happen now with `modified` at; planned: it is the order's next
 * step of the plan.  at must be later than all that has happened to it.
 */
extern void world_force(Shop *shop, uint32_t index, Step step, bool planned);

extern bool world_find(const Shop *shop, int64_t tid, uint32_t *index);
extern Shop *shop_by_session(const char *session, bool *sub_account);

/* First order created at or after t; norders when none. */
extern uint32_t first_created_from(const Shop *shop, int64_t t);

static inline uint32_t
created_of(const Shop *shop, uint32_t index)
{
	return order_created(shop->no, shop->first + index);
}

#endif							/* GATEWAY_WORLD_H */
