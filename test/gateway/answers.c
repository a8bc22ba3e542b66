/*
 * answers.c
 *	  What the platform answers to a call.
 *
 * A list is one consistent picture of the moment in which it is made.
 * total_results is told only to who does not ask for has_next, and has_next
 * only to who does.
 */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "faults.h"
#include "query.h"
#include "render.h"

typedef struct ListInfo
{
	ListKind	kind;
	Api			api;
	const char *start;			/* names of the window's parameters */
	const char *end;
	bool		required;		/* the window must be given ... */
	int			max_span;		/* ... and may be so long, 0: any length */
	int			max_page;
	bool		total;			/* can tell one */
	const char *plural;
	const char *singular;
} ListInfo;

static const ListInfo lists[M_COUNT] = {
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

static void list(Call *call, Out *o);
static void single(Call *call, Out *o);
static void seller(Call *call, Out *o);
static bool read_list_request(Call *call, const ListInfo *info, Query *q, Out *o);
static void write_page(Call *call, const ListInfo *info, const Selection *sel, const Hits *hits,
					   const Query *q, Out *o);

void
answer(Call *call, Out *o)
{
	const Fault *f;

	if (!protocol_check(call, o) || fault_refuses(call, o))
		return;
	world_tick();
	f = fault_take(FAULT_WRONG_SELLER, call);
	if (f != NULL && f->value > 0 && f->value <= world.nshops)
		call->shop = &world.shops[f->value - 1];
	switch (call->method)
	{
		case M_FULLINFO:
		case M_TRADE:
		case M_REFUND:
			single(call, o);
			break;
		case M_SELLER:
			seller(call, o);
			break;
		case M_TIME:
			out_lit(o, "{\"time_get_response\":{\"time\":\"");
			out_time(o, clock_now());
			out_lit(o, "\"}}");
			break;
		default:
			list(call, o);
	}
}

static bool
missing(Call *call, Out *o, const char *name)
{
	char		sub_code[96];

	snprintf(sub_code, sizeof(sub_code), "isv.missing-parameter:%s", name);
	return protocol_error(call, o, 40, "Missing Required Arguments", sub_code, NULL);
}

static bool
invalid(Call *call, Out *o, const char *name, const char *why)
{
	char		sub_code[96];

	snprintf(sub_code, sizeof(sub_code), "isv.invalid-parameter:%s", name);
	return protocol_error(call, o, 41, "Invalid Arguments", sub_code, why);
}

static const Selection *
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

static void
list(Call *call, Out *o)
{
	const ListInfo *info = &lists[call->method];
	const Selection *sel;
	const Hits *hits;
	Query		q;

	if (!read_list_request(call, info, &q, o) ||
		(sel = read_fields(call, info->api, false, o)) == NULL)
		return;
	fault_hide(call);
	hits = query_run(call->shop, &q);
	write_page(call, info, sel, hits, &q, o);
	churn_after_page(call->shop, hits, info->kind);
}

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
		return true;
	q->types = 0;
	while (*v)
	{
		size_t		n = strcspn(v, ",");
		bool		known = n == 6 && memcmp(v, "nopaid", 6) == 0;

		for (int i = 0; i < TYPE_COUNT; i++)
			if (strlen(type_names[i]) == n && memcmp(v, type_names[i], n) == 0)
			{
				q->types |= 1u << i;
				known = true;
			}
		for (size_t i = 0; !known && i < sizeof(others) / sizeof(others[0]); i++)
			known = strlen(others[i]) == n && memcmp(v, others[i], n) == 0;
		if (!known)
			return invalid(call, o, "type", "unknown type");
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
	q->ext_type = param(call, "ext_type");
	if (q->ext_type != NULL && strcmp(q->ext_type, "ershou") != 0 &&
		strcmp(q->ext_type, "service") != 0 && strcmp(q->ext_type, "mark") != 0)
		return invalid(call, o, "ext_type", "ershou, service or mark, one of them");
	q->filtered = q->status || q->refund_status || q->buyer_nick || q->buyer_open_uid ||
		q->rate_status || q->ext_type;
	return true;
}

static bool
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
	q->need = (size_t) (page_no * page_size) + 1;
	if (churn.per_page > 0)
		q->need += 5 * (size_t) page_size;	/* records not yet read change too */
	q->salt = mix64(pattern.seed ^ ++calls);
	return true;
}

static void
write_record(Call *call, const Selection *sel, const Hit *hit, ListKind kind, const Wire *w, Out *o)
{
	static Trade t;
	const Shop *shop = call->shop;

	if (kind == LIST_REFUNDS || kind == LIST_SPECIAL)
	{
		const RefundRef *ref = &shop->refunds[hit->number];

		world_trade(shop, ref->order, &t);
		render_refund(o, shop, &t, ref->refund, sel, w);
	}
	else
	{
		world_trade(shop, hit->number, &t);
		render_trade(o, shop, &t, sel, w);
	}
	out_char(o, ',');
	call->records++;
}

static void
read_wire(Call *call, Wire *w)
{
	*w = (Wire) {.simplify = call->simplify,
		.ids_as_text = fault_look(FAULT_IDS_AS_TEXT, call) != NULL,
		.refund_id_as_number = fault_look(FAULT_REFUND_ID_AS_NUMBER, call) != NULL,
	.bare_single = fault_look(FAULT_BARE_SINGLE, call) != NULL};
}

/* The page's records, with what the faults do to them. */
static void
write_records(Call *call, const ListInfo *info, const Selection *sel, const Hits *hits,
			  size_t from, size_t to, Wire *w, Out *o)
{
	const Fault *blemish = fault_take(FAULT_BLEMISH, call);
	const Fault *twice = fault_take(FAULT_TWICE, call);
	size_t		bad = blemish ? (size_t) blemish->value % (to - from) : SIZE_MAX;
	size_t		start;

	put_key(o, &(Field) {.key = info->plural[0] == 't' ? "\"trades\":" : "\"refunds\":",
			.key_len = info->plural[0] == 't' ? 9 : 10});
	start = open_list(o, info->singular, w);
	for (size_t i = from; i < to; i++)
	{
		for (int b = 0; blemish != NULL && i - from == bad && b < BLEMISH_COUNT; b++)
			if (strcmp(blemish->kind, blemish_names[b]) == 0)
				w->blemish = (Blemish) b;
		write_record(call, sel, &hits->list[i], info->kind, w, o);
		w->blemish = BLEMISH_NONE;
		if (twice != NULL && i - from == (size_t) twice->value % (to - from))
			write_record(call, sel, &hits->list[i], info->kind, w, o);
	}
	close_list(o, start, call->records, w);
}

static void
write_empty(Call *call, const ListInfo *info, Out *o)
{
	const Fault *f = fault_take(FAULT_EMPTY_AS, call);

	if (f == NULL || strcmp(f->kind, "missing") == 0)
		return;
	out_printf(o, "\"%s\":", info->plural);
	if (strcmp(f->kind, "null") == 0)
		out_lit(o, "null,");
	else if (strcmp(f->kind, "object") == 0)
		out_lit(o, "{},");
	else if (strcmp(f->kind, "array") == 0)
		out_lit(o, "[],");
	else
		out_printf(o, "{\"%s\":[]},", info->singular);
}

static void
write_page(Call *call, const ListInfo *info, const Selection *sel, const Hits *hits,
		   const Query *q, Out *o)
{
	size_t		from = (size_t) (call->page_no - 1) * (size_t) call->page_size;
	size_t		to = from + (size_t) call->page_size;
	bool		more = hits->count > to;
	bool		has_next = call->use_has_next && !fault_take(FAULT_HAS_NEXT_IGNORED, call);
	const Fault *off = fault_take(FAULT_TOTAL, call);
	Wire		w;

	read_wire(call, &w);
	if (to > hits->count)
		to = hits->count;
	if (has_next && fault_take(FAULT_HAS_NEXT_EMPTY, call))
	{
		to = from;
		more = true;
	}
	if (call->simplify)
		out_char(o, '{');
	else
		out_printf(o, "{\"%s\":{", methods[call->method].root);
	if (has_next && !fault_take(FAULT_HAS_NEXT_MISSING, call))
	{
		call->has_next = more;
		out_printf(o, "\"has_next\":%s,", more ? "true" : "false");
	}
	if (!has_next && q->count && !fault_take(FAULT_TOTAL_MISSING, call))
	{
		call->total = hits->total + (off ? off->value : 0);
		out_printf(o, "\"total_results\":%lld,", (long long) call->total);
	}
	if (from >= to)
		write_empty(call, info, o);
	else if (!fault_take(FAULT_LIST_MISSING, call))
		write_records(call, info, sel, hits, from, to, &w, o);
	if (!fault_take(FAULT_NO_REQUEST_ID, call))
	{
		out_lit(o, "\"request_id\":\"");
		write_request_id(o);
		out_lit(o, "\",");
	}
	put_end(o, '}');
	if (!call->simplify)
		out_char(o, '}');
}

/* ---- single records ---- */

static void
single(Call *call, Out *o)
{
	bool		refund = call->method == M_REFUND;
	const char *id_name = refund ? "refund_id" : "tid";
	const char *id_text = param(call, id_name);
	const char *oaid = param(call, "include_oaid");
	const Selection *sel;
	int64_t		id;
	char	   *end;
	uint32_t	index,
				number;
	int			no = 0,
				r = 0;
	bool		found;
	static Trade t;
	Wire		w;

	if (id_text == NULL)
	{
		missing(call, o, id_name);
		return;
	}
	id = strtoll(id_text, &end, 10);
	if (*end != '\0' || id <= 0)
	{
		invalid(call, o, id_name, "not a number");
		return;
	}
	sel = read_fields(call, refund ? API_REFUND : call->method == M_TRADE ? API_TRADE : API_FULLINFO,
					  oaid != NULL && strcmp(oaid, "true") == 0, o);
	if (sel == NULL)
		return;
	found = !refund ? true : refund_id_order(id, &no, &number, &r);
	found = found && world_find(call->shop, refund ? order_tid(no, number) : id, &index);
	if (found)
	{
		world_trade(call->shop, index, &t);
		found = refund ? t.refunds[r].opened :
			created_of(call->shop, index) >= clock_now() - horizon_days * INT64_C(86400);
	}
	if (!found)
	{
		protocol_error(call, o, 15, "Remote service error",
					   refund ? "isv.refund-not-exist" : "isv.trade-not-exist",
					   refund ? "退款不存在" : "交易不存在");
		return;
	}
	read_wire(call, &w);
	if (call->simplify)
		out_char(o, '{');
	else
		out_printf(o, "{\"%s\":{", methods[call->method].root);
	out_text(o, refund ? "\"refund\":" : "\"trade\":");
	{
		const Fault *f = fault_take(FAULT_BLEMISH, call);

		for (int b = 0; f != NULL && b < BLEMISH_COUNT; b++)
			if (strcmp(f->kind, blemish_names[b]) == 0)
				w.blemish = (Blemish) b;
	}
	if (refund)
		render_refund(o, call->shop, &t, r, sel, &w);
	else
		render_trade(o, call->shop, &t, sel, &w);
	call->records = 1;
	out_lit(o, ",\"request_id\":\"");
	write_request_id(o);
	out_lit(o, "\"}");
	if (!call->simplify)
		out_char(o, '}');
}

static void
seller(Call *call, Out *o)
{
	const char *fields = param(call, "fields");
	bool		nick,
				user_id;

	if (fields == NULL)
	{
		missing(call, o, "fields");
		return;
	}
	nick = strstr(fields, "nick") != NULL;
	user_id = strstr(fields, "user_id") != NULL;
	out_text(o, call->simplify ? "{\"user\":{" : "{\"user_seller_get_response\":{\"user\":{");
	if (user_id)
		out_printf(o, "\"user_id\":%lld,", (long long) call->shop->user_id);
	if (nick)
	{
		out_lit(o, "\"nick\":\"");
		out_text(o, call->shop->nick);
		out_text(o, call->sub_account ? ":客服01\"," : "\",");
	}
	if (strstr(fields, "type") != NULL)
		out_printf(o, "\"type\":\"%s\",", call->shop->no % 2 == 0 ? "B" : "C");
	if (strstr(fields, "status") != NULL)
		out_lit(o, "\"status\":\"normal\",");
	if (strstr(fields, "has_shop") != NULL)
		out_lit(o, "\"has_shop\":true,");
	put_end(o, '}');
	out_lit(o, ",\"request_id\":\"");
	write_request_id(o);
	out_text(o, call->simplify ? "\"}" : "\"}}");
}
