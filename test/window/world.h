/*
 * world.h
 *	  A platform made of a seed: records that leave, arrive late, come twice,
 *	  are withheld or carry no time, and the list that serves them, which may
 *	  list what was not asked for.
 *
 * Time stands still between calls and moves at each one: an answer is one
 * consistent response, as on the platform.
 */
#ifndef ORDERSYNC_TEST_WORLD_H
#define ORDERSYNC_TEST_WORLD_H

#include "window.h"

/* What the list says of what lies beyond a page asked for with use_has_next. */
typedef enum Saying
{
	SAYS_HAS_NEXT,
	SAYS_TOTAL,					/* ignores use_has_next */
	SAYS_NOTHING
} Saying;

typedef enum Order
{
	ORDER_SORTED,
	ORDER_MIXED,				/* by nothing, the same in each call */
	ORDER_RANDOM				/* by nothing, another in each call */
} Order;

/* What the list's total says instead of the truth. */
typedef enum Lie
{
	LIE_NONE,
	LIE_LESS,					/* one less */
	LIE_MORE,					/* one more */
	LIE_HALF,
	LIE_DOUBLE,
	LIE_PAGE_LESS,				/* a page less */
	LIE_PAGE_MORE,				/* a page more */
	LIE_NOTHING,				/* always 0 */
	LIE_HUGE,					/* always 999,999,999 */
	LIE_INT32,					/* the largest one, more or less one */
	LIE_INT64,
	LIE_ONE_PAGE,				/* always a page's worth; from here on by chance the truth */
	LIE_RANDOM,					/* another one in each answer, around the truth */
	LIE_WILD,					/* likewise, of any size */
	LIE_ONCE,					/* 999,999,999 in one answer, the truth in all others */
	NLIES
} Lie;

/* How a list does not keep to the range that it is asked for. */
typedef enum OutsideMode
{
	OUTSIDE_NONE,
	OUTSIDE_MOVED,				/* some records carry a later time than they are listed under */
	OUTSIDE_FIXED,				/* every answer has the same record from outside, also one that is full */
	OUTSIDE_ANY,				/* now and then some, from anywhere */
	OUTSIDE_INSTEAD,				/* one in the place of each record withheld */
	OUTSIDE_ONCE,				/* in one answer only */
	OUTSIDE_ONLY,				/* nothing else, pages of them */
	OUTSIDE_NO_START,			/* the beginning of the range is ignored */
	OUTSIDE_NO_END,				/* its end is */
	NOUTSIDE_MODES
} OutsideMode;

/* What of the platform is not as it should be. */
typedef enum WorldKind
{
	WORLD_HONEST,
	WORLD_LYING,				/* its totals are untrue, and nothing is withheld */
	WORLD_OUTSIDE				/* its lists do not keep to their range */
} WorldKind;

typedef struct WorldRecord
{
	int64		id;
	int64		time;			/* by which it is listed */
	int64		moved;			/* it carries a time so much later */
	uint64		rank;			/* order among those of one second */
	bool		untimed;		/* its time cannot be read */
	bool		quarantined;
	bool		withheld;		/* counted, in no list */
	bool		twice;			/* sent twice, counted once */
	bool		stays;			/* there throughout, at this time */
	bool		gone;
	bool		received;		/* settled, as the walk's caller sees it */
	int			walk;			/* the last one that received it */
} WorldRecord;

typedef struct World
{
	uint64		seed;
	uint64		random;			/* of the world */
	uint64		chance;			/* of the walk's caller: crashes and the like */

	/* the list */
	int64		since;
	int64		until;
	bool		inclusive;
	bool		shuffled;		/* order within a second differs between calls */
	Order		order;
	Saying		saying;
	bool		totals;
	Lie			lie;
	int			lie_call;		/* of LIE_ONCE */
	OutsideMode	outside_mode;
	bool		outside_counted;	/* in the total, too */
	int			outside_call;		/* of OUTSIDE_ONCE */
	int			outside_place;	/* of OUTSIDE_FIXED: 0 first, 1 last, 2 anywhere */
	int64		fixed;			/* of OUTSIDE_FIXED: the id of that record */

	/* what happens at each call */
	double		leave_rate;		/* records that leave */
	int			leave_calls;	/* for so many calls */
	int			leave_where;	/* 0 anywhere, 1 the largest second, 2 the newest, 3 the oldest */
	double		arrive_rate;	/* records that become visible late */
	double		move_rate;		/* records that change inside the window */
	int			arrive_most;	/* so many at most, with those that move */
	bool		arrive_in_full_second;	/* they arrive in the largest second */

	/* how it is walked */
	WindowPlan	plan;
	double		crash_rate;
	int			crashes;		/* at most; a full second that is always interrupted never ends */
	double		shrink_rate;
	double		garble_rate;

	int64		full_second;	/* the largest one */
	int			second_size;
	int			withheld;		/* in the window */
	int			untimed;
	int			stay;			/* in the window, with the withheld ones */
	bool		drifts;			/* something leaves, moves or arrives */

	int			calls;
	int			lies;			/* totals that were not true */
	int			walk;
	int			shown;			/* distinct records received in this walk */
	int64		next_id;
	int			arrived;		/* so far, inside the window */
	int			left;
	int			moved;

	/* newest first */
	WorldRecord *records;
	int			n;
	int			room;

	int			outside_sent;		/* in the last answer */

	/* of the last answer, for the caller */
	WindowRecord *sent;
	int			sent_room;
	int		   *positions;
} World;

extern void world_make(World *world, uint64 seed, WorldKind kind);

/* Another walk begins. */
extern void world_begin_walk(World *world);
extern void world_free(World *world);

/* One call: the world moves, then answers.  The rows live until the next call. */
extern void world_answer(World *world, const PageAsk *ask, WindowAnswer *answer);

/* The caller has stored the rows of the last answer. */
extern void world_settled(World *world, const WindowAnswer *answer);

extern int	world_in_window(const World *world, const WorldRecord *record);

extern uint64 random_next(uint64 *state);
extern int64 random_below(uint64 *state, int64 n);
extern double random_unit(uint64 *state);
extern bool random_chance(uint64 *state, double p);

#endif							/* ORDERSYNC_TEST_WORLD_H */
