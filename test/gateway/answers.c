/*
 * answers.c
 *	  What the platform answers to a call.
 *
 * A list is one consistent picture of the moment in which it is made.
 */
#include "answers.h"

#include <stdlib.h>

#include "arguments.h"
#include "change.h"
#include "faults.h"
#include "pages.h"
#include "relay.h"
#include "render.h"

static void list(Call *call, Out *o);
static void single(Call *call, Out *o);
static void refunds_of_order(Call *call, Out *o);
static void write_single(Call *call, const char *name, const Out *record, Out *o);
static void seller(Call *call, Out *o);

void
answer(Call *call, Out *o)
{
	const Fault *f;

	if (!(call->relay != NULL ? relay_check(call, o) : protocol_check(call, o)) ||
		fault_refuses(call, o))
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
		case M_ORDER_REFUNDS:
			refunds_of_order(call, o);
			break;
		case M_SELLER:
			seller(call, o);
			break;
		case M_TIME:
			if (fault_replies(call, o))
				return;
			out_lit(o, "{\"time_get_response\":{\"time\":\"");
			out_time(o, clock_now());
			out_lit(o, "\"}}");
			break;
		default:
			list(call, o);
	}
}

/* ---- lists ---- */

static void
list(Call *call, Out *o)
{
	const ListInfo *info = &list_info[call->method];
	const Selection *sel;
	const Hits *hits;
	Query		q;

	if (!read_list_request(call, info, &q, o) ||
		(sel = read_fields(call, info->api, false, o)) == NULL ||
		fault_replies(call, o))
		return;
	fault_hide(call);
	hits = query_run(call->shop, &q);
	write_page(call, info, sel, hits, &q, o);
	churn_after_page(call->shop, hits, info->kind);
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
	char	   *end;
	uint32_t	index,
				number;
	int			no = 0,
				r = 0;
	bool		found;
	static Trade t;
	Out			record = {0};
	Wire		w;

	if (id_text == NULL)
	{
		missing(call, o, id_name);
		return;
	}
	call->id = strtoll(id_text, &end, 10);
	if (*end != '\0' || call->id <= 0)
	{
		invalid(call, o, id_name, "not a number");
		return;
	}
	sel = read_fields(call, refund ? API_REFUND : call->method == M_TRADE ? API_TRADE : API_FULLINFO,
					  oaid != NULL && strcmp(oaid, "true") == 0, o);
	if (sel == NULL || fault_replies(call, o))
		return;
	found = !refund ? true : refund_id_order(call->id, &no, &number, &r);
	found = found && world_find(call->shop, refund ? order_tid(no, number) : call->id, &index);
	if (found)
	{
		world_trade(call->shop, index, &t);
		found = refund ? t.refunds[r].opened :
			created_of(call->shop, index) >= clock_now() - horizon_days * INT64_C(86400);
		found = found && !fault_withholds(call, refund ? t.refunds[r].modified : t.modified);
	}
	if (!found)
	{
		protocol_error(call, o, 15, "Remote service error",
					   refund ? "isv.refund-not-exist" : "isv.trade-not-exist",
					   refund ? "退款不存在" : "交易不存在");
		return;
	}
	read_wire(call, &w);
	{
		const Fault *f = fault_take(FAULT_BLEMISH, call);

		for (int b = 0; f != NULL && b < BLEMISH_COUNT; b++)
			if (strcmp(f->kind, blemish_names[b]) == 0)
				w.blemish = (Blemish) b;
	}
	if (refund)
		render_refund(&record, call->shop, &t, r, sel, &w);
	else
		render_trade(&record, call->shop, &t, sel, &w);
	call->records = 1;
	write_single(call, refund ? "refund" : "trade", &record, o);
	out_free(&record);
}

/* One record in the form that was asked for. */
static void
write_single(Call *call, const char *name, const Out *record, Out *o)
{
	const char *own = relay_record_name(call->relay, name);

	if (own != NULL && *own == '\0')
	{
		out_bytes(o, record->data, record->len);
		return;
	}
	if (own != NULL)
	{
		write_members(o, &(Member) {own, record->data, record->len}, 1);
		return;
	}
	if (call->simplify)
		out_char(o, '{');
	else
		out_printf(o, "{\"%s\":{", methods[call->method].root);
	out_printf(o, "\"%s\":", name);
	out_bytes(o, record->data, record->len);
	out_lit(o, ",\"request_id\":\"");
	write_request_id(o);
	out_lit(o, "\"}");
	if (!call->simplify)
		out_char(o, '}');
}

/* The after-sales of one order, all of them. */
static void
refunds_of_order(Call *call, Out *o)
{
	static Hit	found[16];
	const char *tid = param(call, "tid");
	const Selection *sel;
	Hits		hits = {.list = found, .room = 16};
	Query		q = {.kind = LIST_REFUNDS, .count = true};
	uint32_t	index;

	if (tid == NULL)
	{
		missing(call, o, "tid");
		return;
	}
	call->id = strtoll(tid, NULL, 10);
	sel = read_fields(call, API_REFUNDS, false, o);
	if (sel == NULL || fault_replies(call, o))
		return;
	if (!world_find(call->shop, call->id, &index))
	{
		protocol_error(call, o, 15, "Remote service error", "isv.trade-not-exist", "交易不存在");
		return;
	}
	fault_hide(call);
	for (uint32_t next = call->shop->orders[index].refunds; next > 0 && hits.count < hits.room;
		 next = call->shop->refunds[next - 1].next)
	{
		const RefundRef *ref = &call->shop->refunds[next - 1];

		if (!ref->special &&
			(query_hidden == NULL || query_hidden(call->shop, LIST_REFUNDS, next - 1) == VISIBLE))
			found[hits.count++] = (Hit) {ref->modified, next - 1};
	}
	hits.total = (int64_t) hits.count;
	call->page_no = 1;
	call->page_size = 100;
	write_page(call, &list_info[M_REFUNDS], sel, &hits, &q, o);
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
	if (fault_replies(call, o))
		return;
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
