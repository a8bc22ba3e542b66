/*
 * places.c
 *	  Which work the places of a worker are for.
 *
 * A call that hangs keeps its place for as long as ordersync.request_timeout.  So
 * that a gateway or shop whose calls all hang does not keep everybody waiting for
 * that long: of 16 places or more two, of four or more one, are only for single
 * orders and key checks; and where shops of several gateways are enabled, the
 * calls of one take three quarters of the places at most.
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "places.h"

/* How many places the jobs of one gateway have. */
typedef struct GatewayPlaces
{
	const char *name;
	int			used;
} GatewayPlaces;

static int	places_kept(int capacity);
static int	places_each(int capacity);
static List *count_gateways(Job **jobs, int n);

int
places_left(int usual, int n, int capacity)
{
	return Max(Min(capacity - places_kept(capacity) - usual, capacity - n), 0);
}

static int
places_kept(int capacity)
{
	return capacity >= 16 ? 2 : capacity >= 4 ? 1 : 0;
}

char *
places_for_claim(Job **jobs, int n, int capacity, int max)
{
	int			each = places_each(capacity);
	int			usual = 0;
	StringInfoData json;
	ListCell   *cell;
	const char *divider = "";

	for (int i = 0; i < n; i++)
		usual += job_task(jobs[i])->priority > 0;
	initStringInfo(&json);
	appendStringInfo(&json, "{\"most\": %d", Min(places_left(usual, n, capacity), max));
	if (each < capacity)
	{
		appendStringInfo(&json, ", \"each\": %d, \"left\": {", each);
		foreach(cell, count_gateways(jobs, n))
		{
			const GatewayPlaces *places = lfirst(cell);

			/* a name needs no escapes: ordersync.store_gateway() */
			appendStringInfo(&json, "%s\"%s\": %d", divider, places->name, Max(each - places->used, 0));
			divider = ", ";
		}
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

static int
places_each(int capacity)
{
	return capacity - capacity / 4;
}

bool
places_gateway_full(Job **jobs, int n, int capacity)
{
	ListCell   *cell;

	foreach(cell, count_gateways(jobs, n))
	{
		if (((const GatewayPlaces *) lfirst(cell))->used >= places_each(capacity))
			return true;
	}
	return false;
}

/* Single orders and key checks take no part in this. */
static List *
count_gateways(Job **jobs, int n)
{
	List	   *counted = NIL;

	for (int i = 0; i < n; i++)
	{
		const SyncTask *task = job_task(jobs[i]);
		GatewayPlaces *places = NULL;
		ListCell   *cell;

		if (task->priority == 0)
			continue;
		foreach(cell, counted)
		{
			places = lfirst(cell);
			if (strcmp(places->name, task->gateway->name) == 0)
				break;
			places = NULL;
		}
		if (places == NULL)
		{
			places = palloc0(sizeof(GatewayPlaces));
			places->name = task->gateway->name;
			counted = lappend(counted, places);
		}
		places->used++;
	}
	return counted;
}
