/*
 * pages.c
 *	  One page of a list, with what the faults do to it.
 *
 * total_results is told only to who does not ask for has_next, and has_next
 * only to who does.  An empty list has no key at all.
 */
#include "pages.h"

#include <stdio.h>

#include "faults.h"
#include "relay.h"

static void write_platform(Call *call, const ListInfo *info, const Selection *sel,
						   const Hits *hits, size_t from, size_t to, Wire *w, Out *o);
static void write_renamed(Call *call, const ListInfo *info, const Selection *sel,
						  const Hits *hits, size_t from, size_t to, Wire *w, Out *o);

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

void
read_wire(Call *call, Wire *w)
{
	*w = (Wire) {.simplify = call->simplify,
		.ids_as_text = fault_look(FAULT_IDS_AS_TEXT, call) != NULL,
		.refund_id_as_number = fault_look(FAULT_REFUND_ID_AS_NUMBER, call) != NULL,
	.bare_single = fault_look(FAULT_BARE_SINGLE, call) != NULL};
}

/* The page's records, with what the faults do to them; bare: without a wrapper. */
static void
write_records(Call *call, const ListInfo *info, const Selection *sel, const Hits *hits,
			  size_t from, size_t to, Wire *w, bool bare, Out *o)
{
	const Fault *blemish = fault_take(FAULT_BLEMISH, call);
	const Fault *twice = fault_take(FAULT_TWICE, call);
	size_t		bad = blemish ? (size_t) blemish->value % (to - from) : SIZE_MAX;
	Wire		list = *w;
	size_t		start;

	list.simplify = bare || w->simplify;
	start = open_list(o, info->singular, &list);
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
	close_list(o, start, call->records, &list);
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

void
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
	if (has_next || call->tells_both)
		call->has_next = call->no_has_next || fault_take(FAULT_HAS_NEXT_MISSING, call) ? -1 : more;
	if (!has_next && q->count && !call->no_total && !fault_take(FAULT_TOTAL_MISSING, call))
		call->total = hits->total + (off ? off->value : 0);
	if (relay_record_name(call->relay, info->plural) != NULL)
		write_renamed(call, info, sel, hits, from, to, &w, o);
	else
		write_platform(call, info, sel, hits, from, to, &w, o);
}

/* As the platform writes it. */
static void
write_platform(Call *call, const ListInfo *info, const Selection *sel, const Hits *hits,
			   size_t from, size_t to, Wire *w, Out *o)
{
	if (call->simplify)
		out_char(o, '{');
	else
		out_printf(o, "{\"%s\":{", methods[call->method].root);
	if (call->has_next >= 0)
		out_printf(o, "\"has_next\":%s,", call->has_next ? "true" : "false");
	if (call->total >= 0)
		out_printf(o, "\"total_results\":%lld,", (long long) call->total);
	if (from >= to)
		write_empty(call, info, o);
	else if (!fault_take(FAULT_LIST_MISSING, call))
	{
		out_printf(o, "\"%s\":", info->plural);
		write_records(call, info, sel, hits, from, to, w, false, o);
	}
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

/* By a relay's names: a bare list, here or there in the data, or all of it. */
static void
write_renamed(Call *call, const ListInfo *info, const Selection *sel, const Hits *hits,
			  size_t from, size_t to, Wire *w, Out *o)
{
	const char *name = relay_record_name(call->relay, info->plural);
	const char *total_name = relay_record_name(call->relay, "total_results");
	const char *has_next_name = relay_record_name(call->relay, "has_next");
	Out			list = {0};
	char		total[32];
	Member		members[3];

	if (from >= to)
		out_lit(&list, "[]");
	else
		write_records(call, info, sel, hits, from, to, w, true, &list);
	while (list.len > 0 && list.data[list.len - 1] == ',')
		list.len--;
	snprintf(total, sizeof(total), "%lld", (long long) call->total);
	members[0] = (Member) {name, list.data, list.len};
	members[1] = (Member) {call->total < 0 ? NULL : total_name ? total_name : "total_results",
	total, strlen(total)};
	members[2] = (Member) {call->has_next < 0 ? NULL : has_next_name ? has_next_name : "has_next",
	call->has_next > 0 ? "true" : "false", call->has_next > 0 ? 4 : 5};
	if (*name == '\0')
		out_bytes(o, list.data, list.len);
	else
		write_members(o, members, 3);
	out_free(&list);
}
