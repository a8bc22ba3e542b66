/*
 * arguments.c
 *	  What a call asks for: fields, window, page, filters, checked as the
 *	  platform checks them.
 *
 * Everything that is out of the platform's bounds is an error, so that a client
 * that would fail there fails here.
 */
#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>

#include "answers.h"
#include "change.h"
#include "faults.h"

const ListInfo list_info[M_COUNT] = {
	[M_INCREMENT] = {LIST_MODIFIED, API_INCREMENT, "start_modified", "end_modified", true, 86400,
	100, true, "trades", "trade"},
	[M_INCREMENTV] = {LIST_ARRIVAL, API_INCREMENTV, "start_create", "end_create", true, 86400,
	100, true, "trades", "trade"},
	[M_SOLD] = {LIST_CREATED, API_SOLD, "start_created", "end_created", false, 0,
	100, true, "trades", "trade"},
	[M_HISTORY] = {LIST_CREATED, API_HISTORY, "start_created", "end_created", false, 0,
	50, false, "trades", "trade"},
	[M_REFUNDS] = {LIST_REFUNDS, API_REFUNDS, "start_modified", "end_modified", false, 0,
	100, true, "refunds", "refund"},
	[M_SPECIAL] = {LIST_SPECIAL, API_SPECIAL, "start_modified", "end_modified", false, 0,
	100, true, "refunds", "refund"},
};

int			horizon_days = 90;
bool		strict_fields;

static struct
{
	Api			api;
	char		name[64];
}			unknown_fields[32];
static int	nunknown_fields;

bool
missing(Call *call, Out *o, const char *name)
{
	char		sub_code[96];

	snprintf(sub_code, sizeof(sub_code), "isv.missing-parameter:%s", name);
	return protocol_error(call, o, 40, "Missing Required Arguments", sub_code, NULL);
}

bool
invalid(Call *call, Out *o, const char *name, const char *why)
{
	char		sub_code[96];

	snprintf(sub_code, sizeof(sub_code), "isv.invalid-parameter:%s", name);
	return protocol_error(call, o, 41, "Invalid Arguments", sub_code, why);
}

const Selection *
read_fields(Call *call, Api api, bool include_oaid, Out *o)
{
	const char *fields = param(call, "fields");
	const Selection *sel;

	if (fields == NULL)
	{
		missing(call, o, "fields");
		return NULL;
	}
	sel = select_fields(api, fields, include_oaid);
	if (sel->unknown > 0)
	{
		int			i = 0;

		while (i < nunknown_fields && (unknown_fields[i].api != api ||
									   strcmp(unknown_fields[i].name, sel->unknown_name) != 0))
			i++;
		if (i == nunknown_fields && i < 32)
		{
			unknown_fields[i].api = api;
			memcpy(unknown_fields[i].name, sel->unknown_name, 64);
			nunknown_fields++;
		}
		if (strict_fields)
		{
			invalid(call, o, "fields", sel->unknown_name);
			return NULL;
		}
	}
	return sel;
}

void
answers_unknown_fields(Out *o)
{
	out_char(o, '[');
	for (int i = 0; i < nunknown_fields; i++)
	{
		out_printf(o, "%s{\"api\":\"%c\",\"field\":", i ? "," : "", api_letters[unknown_fields[i].api]);
		out_json(o, unknown_fields[i].name);
		out_char(o, '}');
	}
	out_char(o, ']');
}

/* ---- lists ---- */

static bool
read_time_param(Call *call, const char *name, bool required, int64_t *t, Out *o)
{
	const char *v = param(call, name);

	if (v == NULL)
		return required ? missing(call, o, name) : true;
	return time_read(v, t) || invalid(call, o, name, "not a time");
}

static bool
read_number_param(Call *call, const char *name, int64_t low, int64_t high, int64_t *n, Out *o)
{
	const char *v = param(call, name);
	char	   *end;

	if (v == NULL)
		return true;
	*n = strtoll(v, &end, 10);
	return (*end == '\0' && *n >= low && *n <= high) || invalid(call, o, name, "out of range");
}

static bool
read_window(Call *call, const ListInfo *info, Query *q, Out *o)
{
	int64_t		now = clock_now();
	int64_t		oldest = now - (int64_t) horizon_days * 86400;

	q->start = call->method == M_HISTORY ? now - 730 * INT64_C(86400) : oldest;
	q->end = call->method == M_HISTORY ? oldest : now + 86400;
	if (!read_time_param(call, info->start, info->required, &q->start, o) ||
		!read_time_param(call, info->end, info->required, &q->end, o))
		return false;
	call->start = q->start;
	call->end = q->end;
	if (q->end < q->start)
		return invalid(call, o, info->end, "end before start");
	if (info->max_span > 0 && q->end - q->start > info->max_span)
		return invalid(call, o, info->end, "查询时间跨度不能超过一天");
	if (call->method == M_HISTORY)
	{
		if (q->start < now - 730 * INT64_C(86400))
			return invalid(call, o, info->start, "只能查询两年内的订单");
		/* what is younger than three months is not there yet */
		if (q->end >= oldest)
			q->end = oldest - 1;
		if (q->end < q->start)
			q->end = q->start = 0;
	}
	else if (q->start < oldest)
		return invalid(call, o, info->start, "只能查询三个月内的数据");
	q->open_end = fault_look(FAULT_EXCLUSIVE_END, call) != NULL;
	return true;
}

/* Trade types asked for; the default leaves many out. */
static bool
read_types(Call *call, const ListInfo *info, Query *q, Out *o)
{
	/* known to the platform, none of them in this world */
	static const char *const others[] = {
		"independent_simple_trade", "independent_shop_trade", "fenxiao", "shopex_trade", "netcn_trade",
		"external_trade", "b2c_cod", "hotel_trade", "super_market_trade", "super_market_cod_trade",
		"taohua", "waimai", "insurance_plus", "finance", "lazada", "guarantee_trade"
	};
	const char *v = param(call, "type");
	const uint32_t guarantee = 1u << TYPE_FIXED | 1u << TYPE_AUCTION;

	q->types = guarantee | 1u << TYPE_AUTO_DELIVERY;
	if (info->plural[0] == 't')
		q->types |= 1u << TYPE_EC | 1u << TYPE_COD | 1u << TYPE_STEP;
	if (v == NULL)
	{
		const Fault *f = fault_look(FAULT_UNTYPED, call);

		if (f != NULL && strcmp(f->kind, "refused") == 0)
			return invalid(call, o, "type", "the parameter is required");
		if (f != NULL)
			q->types = ALL_TYPES;
		return true;
	}
	q->types = 0;
	while (*v)
	{
		size_t		n = strcspn(v, ",");
		bool		known = n == 6 && memcmp(v, "nopaid", 6) == 0;

		for (int i = 0; i < TYPE_COUNT; i++)
			if (strlen(type_names[i]) == n && memcmp(v, type_names[i], n) == 0 &&
				(i != TYPE_NEW_KIND || pattern.new_kind > 0))
			{
				q->types |= 1u << i;
				known = true;
			}
		for (size_t i = 0; !known && i < sizeof(others) / sizeof(others[0]); i++)
			known = strlen(others[i]) == n && memcmp(v, others[i], n) == 0;
		if (!known)
			return invalid(call, o, "type", "unrecognized type");
		if (n == 15 && memcmp(v, "guarantee_trade", n) == 0)
			q->types |= guarantee;
		v += n + (v[n] == ',');
	}
	return true;
}

static bool
read_filters(Call *call, const ListInfo *info, Query *q, Out *o)
{
	const char *status = param(call, "status");
	const char *ext_type = param(call, "ext_type");
	bool		known = status == NULL;

	if (info->plural[0] == 't')
	{
		for (int i = 0; !known && i < TS_COUNT; i++)
			known = strcmp(status, trade_status_names[i]) == 0;
		known = known || strcmp(status, "ALL_WAIT_PAY") == 0 || strcmp(status, "ALL_CLOSED") == 0;
		q->status = status;
	}
	else
	{
		for (int i = 0; !known && i < RS_COUNT; i++)
			known = strcmp(status, refund_status_names[i]) == 0 ||
				strcmp(status, "EXCHANGE_TRANSFORM_TO_REFUND") == 0;
		q->refund_status = status;
	}
	if (!known)
		return invalid(call, o, "status", "unknown status");
	q->buyer_nick = param(call, "buyer_nick");
	q->buyer_open_uid = param(call, call->method == M_SOLD ? "buyer_open_id" : "buyer_open_uid");
	q->rate_status = call->method == M_SOLD ? param(call, "rate_status") : NULL;
	q->ext_type = ext_type != NULL ? ext_type_named(ext_type) : EXT_NONE;
	if (ext_type != NULL && q->ext_type == EXT_NONE)
		return invalid(call, o, "ext_type", "ershou, service or mark, one of them");
	if (info->plural[0] == 't')
		q->ext_hidden = fault_ext_hidden(call) & ~(1u << q->ext_type);
	q->filtered = q->status || q->refund_status || q->buyer_nick || q->buyer_open_uid ||
		q->rate_status || q->ext_type != EXT_NONE || q->ext_hidden != 0;
	return true;
}

bool
read_list_request(Call *call, const ListInfo *info, Query *q, Out *o)
{
	static uint64_t calls;
	const char *use_has_next = param(call, "use_has_next");
	int64_t		page_no = 1;
	int64_t		page_size = 40;

	memset(q, 0, sizeof(*q));
	if (!read_number_param(call, "page_no", 1, 1000000, &page_no, o) ||
		!read_number_param(call, "page_size", 1, info->max_page, &page_size, o))
		return false;
	if (use_has_next != NULL && strcmp(use_has_next, "true") != 0 && strcmp(use_has_next, "false") != 0)
		return invalid(call, o, "use_has_next", "true or false");
	call->page_no = (int) page_no;
	call->page_size = (int) page_size;
	call->use_has_next = use_has_next != NULL && *use_has_next == 't';
	q->kind = info->kind;
	if (!read_window(call, info, q, o) || !read_types(call, info, q, o) ||
		!read_filters(call, info, q, o))
		return false;
	q->count = info->total && (!call->use_has_next || fault_look(FAULT_HAS_NEXT_IGNORED, call));
	q->unsorted = info->plural[0] == 'r' || fault_look(FAULT_UNSORTED, call);
	fault_outside(call, q);
	q->need = (size_t) (page_no * page_size) + 1;
	if (churn.per_page > 0)
		q->need += 5 * (size_t) page_size;	/* records not yet read change too */
	q->salt = mix64(pattern.seed ^ ++calls);
	return true;
}
