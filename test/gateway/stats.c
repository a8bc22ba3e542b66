/*
 * stats.c
 *	  What was asked of the platform.
 *
 * `fewest` is how many calls a client could have managed with: for each shop
 * and list, over all that it asked for, the pages of the largest size, day by
 * day, one at least.  The last calls are kept in a ring for /control/log.
 */
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>

#include "answers.h"
#include "bodies.h"
#include "change.h"
#include "query.h"

#define LOG_SIZE 65536

typedef struct Logged
{
	int64_t		at_ms;
	int32_t		took_ms;
	int16_t		method;
	int16_t		shop;
	uint32_t	start;
	uint32_t	end;
	int32_t		page_no;
	int16_t		page_size;
	int16_t		records;
	int64_t		total;
	int8_t		has_next;
	int16_t		code;
	char		fault[16];
} Logged;

typedef struct Asked
{
	int64_t		start;			/* of all windows asked for; 0: none */
	int64_t		end;
} Asked;

static struct
{
	uint64_t	calls;
	uint64_t	errors;
	uint64_t	records;
	uint64_t	bytes;
	int64_t		first_ms;
	int64_t		last_ms;
}			by_method[M_COUNT + 1];

int			stats_in_flight;
int			stats_peak_in_flight;

static Logged *ring;
static uint64_t logged;
static Asked *asked;			/* [shop * M_COUNT + method] */

void
stats_arrived(void)
{
	if (++stats_in_flight > stats_peak_in_flight)
		stats_peak_in_flight = stats_in_flight;
}

void
stats_left(void)
{
	stats_in_flight--;
}

void
stats_answered(const Call *call, size_t bytes)
{
	int			m = call->method < 0 ? M_COUNT : call->method;
	Logged	   *l;

	if (by_method[m].calls++ == 0)
		by_method[m].first_ms = call->started_ms;
	by_method[m].last_ms = call->started_ms;
	by_method[m].errors += call->code != 0;
	by_method[m].records += (uint64_t) call->records;
	by_method[m].bytes += bytes;
	if (ring == NULL)
	{
		ring = must_alloc(NULL, LOG_SIZE * sizeof(Logged));
		asked = must_alloc(NULL, (size_t) world.nshops * M_COUNT * sizeof(Asked));
		memset(asked, 0, (size_t) world.nshops * M_COUNT * sizeof(Asked));
	}
	l = &ring[logged++ % LOG_SIZE];
	*l = (Logged) {
		.at_ms = call->started_ms, .took_ms = (int32_t) (real_ms() - call->started_ms),
		.method = (int16_t) m, .shop = (int16_t) (call->shop ? call->shop->no + 1 : 0),
		.start = (uint32_t) call->start, .end = (uint32_t) call->end, .page_no = call->page_no,
		.page_size = (int16_t) call->page_size, .records = (int16_t) call->records,
		.total = call->total, .has_next = (int8_t) call->has_next, .code = (int16_t) call->code,
	};
	snprintf(l->fault, sizeof(l->fault), "%.15s", call->fault);
	if (call->shop != NULL && call->method >= 0 && call->start != 0 && call->code == 0)
	{
		Asked	   *a = &asked[call->shop->no * M_COUNT + call->method];

		if (a->start == 0 || call->start < a->start)
			a->start = call->start;
		if (call->end > a->end)
			a->end = call->end;
	}
}

/* Pages of the largest size over all that was asked for, day by day. */
static int64_t
fewest(int shop, int method)
{
	const Asked *a = &asked[shop * M_COUNT + method];
	int64_t		pages = 0;
	int64_t		day;
	int			size = method == M_HISTORY ? 50 : 100;
	Query		q = {.types = ALL_TYPES, .count = true, .need = 1};

	if (a->start == 0)
		return 0;
	q.kind = method == M_INCREMENT ? LIST_MODIFIED : method == M_INCREMENTV ? LIST_ARRIVAL :
		method == M_REFUNDS ? LIST_REFUNDS : method == M_SPECIAL ? LIST_SPECIAL : LIST_CREATED;
	query_hidden = NULL;
	for (day = a->start; day < a->end; day = q.end)
	{
		const Hits *h;

		q.start = day;
		q.end = (day + 8 * 3600) / 86400 * 86400 + 86400 - 8 * 3600;
		if (q.end > a->end)
			q.end = a->end;
		q.open_end = true;
		h = query_run(&world.shops[shop], &q);
		pages += h->total <= size ? 1 : (h->total + size - 1) / size;
	}
	return pages;
}

static void
write_ms(Out *o, const char *name, int64_t ms)
{
	out_printf(o, ",\"%s\":%lld.%03d", name, (long long) (ms / 1000), (int) (ms % 1000));
}

void
stats_write(Out *o)
{
	uint64_t	calls = 0,
				records = 0,
				errors = 0;
	int64_t		least = 0;

	for (int m = 0; m <= M_COUNT; m++)
	{
		calls += by_method[m].calls;
		records += by_method[m].records;
		errors += by_method[m].errors;
	}
	out_printf(o, "{\"calls\":%llu,\"errors\":%llu,\"records\":%llu,\"in_flight\":%d,\"peak_in_flight\":%d,\"waiting\":%d",
			   (unsigned long long) calls, (unsigned long long) errors, (unsigned long long) records,
			   stats_in_flight, stats_peak_in_flight, waiting_count());
	out_lit(o, ",\"methods\":{");
	for (int m = 0, any = 0; m <= M_COUNT; m++)
	{
		int64_t		few = 0;

		if (by_method[m].calls == 0)
			continue;
		for (int s = 0; m <= M_SPECIAL && s < world.nshops; s++)
			few += fewest(s, m);
		least += few;
		out_printf(o, "%s\"%s\":{\"calls\":%llu,\"errors\":%llu,\"records\":%llu,\"bytes\":%llu,\"fewest\":%lld",
				   any++ ? "," : "", m < M_COUNT ? methods[m].name : "unknown",
				   (unsigned long long) by_method[m].calls, (unsigned long long) by_method[m].errors,
				   (unsigned long long) by_method[m].records, (unsigned long long) by_method[m].bytes,
				   (long long) few);
		write_ms(o, "first_at", by_method[m].first_ms);
		write_ms(o, "last_at", by_method[m].last_ms);
		out_char(o, '}');
	}
	out_printf(o, "},\"fewest\":%lld,\"changes\":%llu,\"churned\":%llu,\"unknown_fields\":",
			   (long long) least, (unsigned long long) world.changes, (unsigned long long) churn.changed);
	answers_unknown_fields(o);
	out_lit(o, "}\n");
}

void
stats_log(const Call *control, Out *o)
{
	uint64_t	n = param(control, "n") ? strtoull(param(control, "n"), NULL, 10) : 100;
	uint64_t	from;

	if (n > LOG_SIZE)
		n = LOG_SIZE;
	from = logged > n ? logged - n : 0;
	for (uint64_t i = from; i < logged; i++)
	{
		const Logged *l = &ring[i % LOG_SIZE];

		out_printf(o, "{\"n\":%llu", (unsigned long long) i);
		write_ms(o, "at", l->at_ms);
		out_printf(o, ",\"took_ms\":%d,\"method\":\"%s\",\"shop\":%d", l->took_ms,
				   l->method < M_COUNT ? methods[l->method].name : "unknown", l->shop);
		if (l->start != 0)
		{
			out_lit(o, ",\"start\":\"");
			out_time(o, l->start);
			out_lit(o, "\",\"end\":\"");
			out_time(o, l->end);
			out_printf(o, "\",\"page_no\":%d,\"page_size\":%d", l->page_no, l->page_size);
		}
		out_printf(o, ",\"records\":%d,\"code\":%d", l->records, l->code);
		if (l->total >= 0)
			out_printf(o, ",\"total_results\":%lld", (long long) l->total);
		if (l->has_next >= 0)
			out_printf(o, ",\"has_next\":%s", l->has_next ? "true" : "false");
		if (l->fault[0])
			out_printf(o, ",\"fault\":\"%s\"", l->fault);
		out_lit(o, "}\n");
	}
}

void
stats_reset(void)
{
	memset(by_method, 0, sizeof(by_method));
	if (asked != NULL)
		memset(asked, 0, (size_t) world.nshops * M_COUNT * sizeof(Asked));
	stats_peak_in_flight = stats_in_flight;
	logged = 0;
}
