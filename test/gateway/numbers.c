/*
 * numbers.c
 *	  An order's number, and what follows from it alone: its ids and its second.
 *
 * number = day * per_day + k, where day counts from 2020-01-01 at +08.  So the
 * world at a moment does not depend on when the program was started, and a
 * shop's orders stand sorted by creation.
 *
 * Shop and number go through a bijection of 50 bits and come out as a tid of 19
 * digits; the way back finds the order without a table.
 */
#include "life.h"

#define EPOCH_DAY	INT64_C(18262)	/* 2020-01-01 in days since 1970 */
#define ZONE		(8 * 3600)
#define HOUR		3600
#define DAY			86400
#define BURST_AT	(20 * 3600)	/* second of the day at which the burst comes */
#define TID_BASE	INT64_C(1300000000000000000)
#define REFUND_BASE	INT64_C(100000000000000000)
#define MASK25		((UINT64_C(1) << 25) - 1)

Pattern		pattern = {.seed = 1};

/* Of 1000 orders, how many fall into each hour. */
static const uint16_t hour_weight[24] = {
	22, 10, 5, 3, 3, 5, 12, 25, 38, 52, 62, 60, 55, 55, 56, 56, 54, 48, 48, 62, 85, 92, 62, 30
};

#define WEIGHT_BEFORE_BURST 731	/* of the hours until BURST_AT */

/* ---- ids ---- */

static uint64_t
feistel(uint64_t v, bool back)
{
	uint64_t	l = v >> 25,
				r = v & MASK25;

	for (int i = 0; i < 4; i++)
	{
		uint64_t	round = (uint64_t) (back ? 3 - i : i);
		uint64_t	t;

		if (back)
		{
			t = l;
			l = r ^ (mix64(l * 4 + round) & MASK25);
			r = t;
		}
		else
		{
			t = r;
			r = l ^ (mix64(r * 4 + round) & MASK25);
			l = t;
		}
	}
	return l << 25 | r;
}

int64_t
order_tid(int shop, uint32_t number)
{
	uint64_t	v = feistel((uint64_t) shop << 32 | number, false);

	return TID_BASE + (int64_t) (v * 1000 + mix64(v) % 900);
}

bool
tid_order(int64_t tid, int *shop, uint32_t *number)
{
	uint64_t	v,
				code;

	if (tid < TID_BASE)
		return false;
	v = (uint64_t) (tid - TID_BASE) / 1000;
	if (v >> 50 != 0 || (uint64_t) (tid - TID_BASE) % 1000 != mix64(v) % 900)
		return false;
	code = feistel(v, true);
	*shop = (int) (code >> 32);
	*number = (uint32_t) code;
	return true;
}

int64_t
refund_id_of(int64_t tid, int refund)
{
	return REFUND_BASE + (tid - TID_BASE) / 1000 * 100 + 10 + refund;
}

bool
refund_id_order(int64_t refund_id, int *shop, uint32_t *number, int *refund)
{
	uint64_t	v = (uint64_t) (refund_id - REFUND_BASE) / 100;
	int64_t		r = (refund_id - REFUND_BASE) % 100 - 10;
	uint64_t	code;

	if (refund_id < REFUND_BASE || v >> 50 != 0 || r < 0 || r >= MAX_REFUNDS)
		return false;
	code = feistel(v, true);
	*shop = (int) (code >> 32);
	*number = (uint32_t) code;
	*refund = (int) r;
	return true;
}

/* ---- when ---- */

const Spread *
spread_of(int shop)
{
	return shop == 0 ? &pattern.first : &pattern.others;
}

uint32_t
first_number_of_day(int shop, int64_t epoch)
{
	return (uint32_t) ((epoch + ZONE) / DAY - EPOCH_DAY) * spread_of(shop)->per_day;
}

/* Second of the day at which share p / whole of the day's orders have come. */
static uint32_t
second_of_share(uint64_t p, uint64_t whole)
{
	uint64_t	target = p * 1000 * HOUR / whole;	/* weight * seconds */
	uint32_t	hour = 0;

	while (hour < 23 && target >= (uint64_t) hour_weight[hour] * HOUR)
		target -= (uint64_t) hour_weight[hour++] * HOUR;
	target /= hour_weight[hour];
	return hour * HOUR + (uint32_t) (target < HOUR ? target : HOUR - 1);
}

/* Ascending with the number, so that a shop's orders stand sorted by creation. */
uint32_t
order_created(int shop, uint32_t number)
{
	const Spread *spread = spread_of(shop);
	uint32_t	k,
				plain,
				before;			/* orders that come before the burst */
	int64_t		midnight;
	uint64_t	jitter;

	if (spread->per_day == 0)
		return UINT32_MAX;		/* never */
	k = number % spread->per_day;
	midnight = (EPOCH_DAY + number / spread->per_day) * DAY - ZONE;
	plain = spread->per_day - spread->burst;
	jitter = mix64(((uint64_t) shop << 32 | number) ^ pattern.seed) % 1000;
	before = (uint32_t) (WEIGHT_BEFORE_BURST * (uint64_t) plain / 1000);
	if (k >= before && k < before + spread->burst)
		return (uint32_t) (midnight + BURST_AT);
	if (k < before)
	{
		uint32_t	s = second_of_share(k * UINT64_C(1000) + jitter, plain * UINT64_C(1000));

		return (uint32_t) (midnight + (s < BURST_AT ? s : BURST_AT));
	}
	k -= spread->burst;
	{
		uint32_t	s = second_of_share(k * UINT64_C(1000) + jitter, plain * UINT64_C(1000));

		return (uint32_t) (midnight + (s > BURST_AT ? s : BURST_AT));
	}
}
