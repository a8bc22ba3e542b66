/*
 * gateway_pace.c
 *	  The paces of this worker's gateways.
 *
 * They live as long as the process; there are as many as gateways and
 * applications were called.
 */
#include "compat.h"

#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "clock.h"
#include "gateway_pace.h"
#include "guc.h"
#include "pace.h"

/* The pace of one application at one gateway in this process. */
typedef struct GatewayPace
{
	char	   *name;
	char	   *app_key;
	int64		lifted_ms;		/* when bans were lifted last, as far as is known */
	double		per_second;		/* as set; the pace has its part of it */
	int			workers;
	Pace		pace;
} GatewayPace;

static List *paces = NIL;

static GatewayPace *pace_of(const Gateway *gateway);
static void set_pace(GatewayPace *known, const Gateway *gateway);

int64
gateway_pace_take(const Gateway *gateway)
{
	return pace_take(&pace_of(gateway)->pace, clock_steady_ms());
}

void
gateway_pace_ban(const Gateway *gateway, int64 ban_ms)
{
	GatewayPace *known = pace_of(gateway);

	if (known->lifted_ms <= gateway->lifted_ms)
		pace_ban(&known->pace, ban_ms, clock_steady_ms());
}

/* Made at its first use, followed when its setting changes or a ban was lifted. */
static GatewayPace *
pace_of(const Gateway *gateway)
{
	GatewayPace *known = NULL;
	ListCell   *cell;
	MemoryContext before;

	foreach(cell, paces)
	{
		known = lfirst(cell);
		if (strcmp(known->name, gateway->name) == 0 &&
			strcmp(known->app_key, gateway->app_key) == 0)
		{
			if (known->lifted_ms < gateway->lifted_ms)
			{
				known->pace.banned_until_ms = 0;
				known->lifted_ms = gateway->lifted_ms;
			}
			if (known->per_second != gateway->calls_per_second ||
				known->workers != guc_workers)
				set_pace(known, gateway);
			return known;
		}
	}

	before = MemoryContextSwitchTo(TopMemoryContext);
	known = palloc0(sizeof(GatewayPace));
	known->name = pstrdup(gateway->name);
	known->app_key = pstrdup(gateway->app_key);
	known->lifted_ms = gateway->lifted_ms;
	set_pace(known, gateway);
	paces = lappend(paces, known);
	MemoryContextSwitchTo(before);
	return known;
}

/* The database's workers share the gateway's rate evenly; a ban outlives the change. */
static void
set_pace(GatewayPace *known, const Gateway *gateway)
{
	int64		ban = known->pace.banned_until_ms;

	known->per_second = gateway->calls_per_second;
	known->workers = guc_workers;
	pace_init(&known->pace, known->per_second / guc_workers, clock_steady_ms());
	known->pace.banned_until_ms = ban;
}
