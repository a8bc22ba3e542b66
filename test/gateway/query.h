/*
 * query.h
 *	  What a list request finds.
 */
#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

#include "world.h"

typedef enum ListKind
{
	LIST_MODIFIED,				/* orders by their last change */
	LIST_CREATED,
	LIST_ARRIVAL,				/* orders by load time */
	LIST_REFUNDS,
	LIST_SPECIAL
} ListKind;

#define ALL_TYPES ((1u << TYPE_COUNT) - 1)

/* What `ext_type` tells orders by. */
typedef enum ExtType
{
	EXT_NONE, EXT_ERSHOU, EXT_SERVICE, EXT_MARK, EXT_COUNT
} ExtType;

/* By its name, EXT_NONE: it is none. */
extern ExtType ext_type_named(const char *name);
extern bool has_ext_type(const Trade *t, ExtType ext_type);

typedef struct Query
{
	ListKind	kind;
	int64_t		start;
	int64_t		end;
	bool		open_end;		/* the second at end does not belong to it */
	uint32_t	types;
	bool		filtered;		/* one of the following is set */
	const char *status;
	const char *refund_status;
	const char *buyer_nick;
	const char *buyer_open_uid;
	ExtType		ext_type;
	unsigned	ext_hidden;		/* bits of ext types whose orders are left out */
	const char *rate_status;
	bool		count;			/* the total is wanted */
	bool		unsorted;		/* in no order of time */
	int64_t		moved_on;		/* some records are listed under a time so many seconds older than theirs */
	bool		all_moved_on;
	int			outside;		/* records from outside the range that stand at the front */
	bool		outside_newest;	/* the newest ones there are, not the oldest */
	bool		outside_alone;	/* and nothing else */
	bool		outside_uncounted;
	size_t		need;			/* hits from the front */
	uint64_t	salt;			/* differs between calls: order within a second */
} Query;

/* number: of the order, or of the after-sale among the shop's. */
typedef struct Hit
{
	uint32_t	time;
	uint32_t	number;
} Hit;

typedef struct Hits
{
	Hit		   *list;
	size_t		count;
	size_t		room;
	int64_t		total;			/* counted only when asked for */
} Hits;

/* Returns hits that are reused by the next call. */
extern const Hits *query_run(const Shop *shop, const Query *q);

typedef enum Visibility
{
	VISIBLE,
	WITHHELD,					/* counted, in no list */
	ABSENT						/* not even counted */
} Visibility;

/* The record's own word on being listed; set by the faults. */
typedef Visibility (*HiddenTest) (const Shop *shop, ListKind kind, uint32_t number);
extern HiddenTest query_hidden;	/* NULL: nothing is withheld */

#endif							/* GATEWAY_QUERY_H */
