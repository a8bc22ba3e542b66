/*
 * refund_json.c
 *	  An after-sale as JSON.
 */
#include "render.h"

#include "text.h"

static const char *const kind_names[] = {
	"REFUND", "REFUND_AND_RETURN", "TMALL_EXCHANGE", "TAOBAO_EXCHANGE", "REPAIR", "RESHIPPING",
	"OTHERS"
};

static void put_refund_field(Out *o, int id, const Shop *shop, const Trade *t, int no,
							 const Wire *w);
static void put_remind(Out *o, const Refund *r);

void
render_refund(Out *o, const Shop *shop, const Trade *t, int refund, const Selection *sel,
			  const Wire *w)
{
	const Picked *p = &sel->picked[OBJECT_REFUND];

	if (w->blemish == BLEMISH_SHAPE || w->blemish == BLEMISH_NULL)
	{
		out_text(o, w->blemish == BLEMISH_NULL ? "null" : "\"not a refund\"");
		return;
	}
	out_need(o, 4096);
	out_char(o, '{');
	for (int i = 0; i < p->count; i++)
		put_refund_field(o, p->ids[i], shop, t, refund, w);
	if (w->blemish == BLEMISH_DEEP)
	{
		out_lit(o, "\"extend_deep\":");
		for (int i = 0; i < 20000; i++)
			out_char(o, '[');
		for (int i = 0; i < 20000; i++)
			out_char(o, ']');
		out_char(o, ',');
	}
	if (render_hostile)
		put_hostile(o);
	if (sel->novel[OBJECT_REFUND])
		put_novel(o, 'R', refund_id_of(t->f.tid, refund));
	put_end(o, '}');
}

static bool
put_state(Out *o, int id, const Shop *shop, const Trade *t, const Refund *r, const Wire *w)
{
	const Field *f = &object_fields[OBJECT_REFUND][id];

	switch (id)
	{
		case RF_seller_nick:
			put_text(o, f, w->blemish == BLEMISH_FOREIGN ? "别人的店铺" : seller_nick(shop, t));
			break;
		case RF_created:
			if (w->blemish == BLEMISH_DATE)
				put_text(o, f, "2026-13-45 99:00:00");
			else
				put_time(o, f, r->created);
			break;
		case RF_modified:
			if (w->blemish == BLEMISH_BAD_TIME)
				put_text(o, f, "yesterday");
			else if (w->blemish != BLEMISH_NO_TIME)
				put_time(o, f, r->modified);
			break;
		case RF_order_status:
			put_text(o, f, trade_status_names[r->order_status]);
			break;
		case RF_status:
			put_text(o, f, refund_status_names[r->status]);
			break;
		case RF_good_status:
			put_text(o, f, !r->was_shipped ? "BUYER_NOT_RECEIVED" :
					 r->returned != 0 ? "BUYER_RETURNED_GOODS" : "BUYER_RECEIVED");
			break;
		case RF_has_good_return:
			put_flag(o, f, r->returning);
			break;
		case RF_refund_phase:
			put_text(o, f, r->aftersale ? "aftersale" : "onsale");
			break;
		case RF_refund_version:
			put_int(o, f, (int64_t) r->modified * 1000 + t->f.hash % 1000);
			break;
		case RF_dispute_type:
			if (!r->special)
				put_text(o, f, kind_names[r->kind]);
			break;
		case RF_special_refund_type:
			if (r->special)
				put_text(o, f, r->cashback ? "cashBack" : "priceProtect");
			break;
		case RF_operation_contraint:
			put_text(o, f, r->status == RS_WAIT_GOODS ? "cannot_refuse" : "null");
			break;
		default:
			return false;
	}
	return true;
}

static void
put_refund_field(Out *o, int id, const Shop *shop, const Trade *t, int no, const Wire *w)
{
	const Field *f = &object_fields[OBJECT_REFUND][id];
	const Refund *r = &t->refunds[no];
	int64_t		refund_id = refund_id_of(t->f.tid, no);
	uint64_t	h = mix64((uint64_t) refund_id);

	if (put_state(o, id, shop, t, r, w))
		return;
	switch (id)
	{
		case RF_refund_id:
			if (w->blemish == BLEMISH_BAD_ID)
				put_text(o, f, "13x7");
			else if (w->blemish != BLEMISH_NO_ID)
			{
				if (w->refund_id_as_number)
					put_int(o, f, refund_id);
				else
					put_int_text(o, f, refund_id);
			}
			break;
		case RF_tid:
			put_id(o, f, t->f.tid, w);
			break;
		case RF_oid:
			put_id(o, f, t->lines[r->line].oid, w);
			break;
		case RF_total_fee:
			put_money(o, f, r->concerned);
			break;
		case RF_refund_fee:
			if (w->blemish == BLEMISH_MONEY)
				put_text(o, f, "twelve");
			else
				put_money(o, f, r->fee);
			break;
		case RF_payment:
			put_money(o, f, r->concerned > r->fee ? r->concerned - r->fee : 0);
			break;
		case RF_reason:
			put_text(o, f, r->special ? "价格保护" : refund_reasons.list[h % refund_reasons.count]);
			break;
		case RF_desc:
			if (h % 3 != 0 || r->notes > 0)
			{
				put_key(o, f);
				out_char(o, '"');
				out_text(o, refund_notes.list[(h + (uint64_t) r->notes) % refund_notes.count]);
				out_lit(o, "\",");
			}
			break;
		case RF_title:
			put_key(o, f);
			out_char(o, '"');
			if (w->blemish == BLEMISH_NUL)
				out_lit(o, "half\\u0000name");
			else if (w->blemish == BLEMISH_SURROGATE)
				out_lit(o, "half \\ud83d pair");
			else if (w->blemish == BLEMISH_UTF8)
				out_lit(o, "broken \xc3\x28 \xff bytes");
			else if (w->blemish == BLEMISH_RAW_NUL)
				out_lit(o, "raw\0byte");
			else
				write_item_title(o, t, r->line);
			out_lit(o, "\",");
			break;
		case RF_num:
			if (w->blemish == BLEMISH_NUMBER)
			{
				put_key(o, f);
				out_lit(o, "99999999999999999999999,");
			}
			else
				put_int(o, f, t->f.lines[r->line].num);
			break;
		case RF_company_name:
			if (r->returned != 0)
				put_text(o, f, carriers.list[h % carriers.count]);
			break;
		case RF_sid:
			if (r->returned != 0)
			{
				put_key(o, f);
				out_printf(o, "\"YT%012llu\",", (unsigned long long) (h % UINT64_C(1000000000000)));
			}
			break;
		case RF_sku:
			put_key(o, f);
			out_char(o, '"');
			out_int(o, sku_id(t, r->line));
			out_char(o, '|');
			write_sku_text(o, t, r->line);
			out_lit(o, "\",");
			break;
		case RF_attribute:
			put_text(o, f, ";gaia:2;reason:a#3Bb;ol_tf:100;");
			break;
		case RF_outer_id:
			put_key(o, f);
			out_printf(o, "\"SPU-%05u\",", t->f.lines[r->line].item);
			break;
		case RF_buyer_nick:
			put_key(o, f);
			out_char(o, '"');
			write_buyer_nick(o, t);
			out_lit(o, "\",");
			break;
		case RF_buyer_open_uid:
			put_key(o, f);
			out_char(o, '"');
			write_open_uid(o, t);
			out_lit(o, "\",");
			break;
		case RF_address:
			put_text(o, f, "张**， 138****0000， 浙江省杭州市**区**街道**号");
			break;
		case RF_advance_status:
			put_int(o, f, 0);
			break;
		case RF_cs_status:
			put_int(o, f, r->status == RS_REFUSED ? 2 : 1);
			break;
		case RF_alipay_no:
			put_key(o, f);
			out_printf(o, "\"2026%010u2200%010llu\",", t->pay_time,
					   (unsigned long long) (t->f.hash % UINT64_C(10000000000)));
			break;
		case RF_good_return_time:
			put_time(o, f, r->returned);
			break;
		case RF_num_iid:
			put_id(o, f, item_id(t, r->line), w);
			break;
		case RF_price:
			put_money(o, f, t->f.lines[r->line].price);
			break;
		case RF_shipping_type:
			put_text(o, f, t->f.post_fee == 0 ? "free" : "express");
			break;
		case RF_split_seller_fee:
			put_money(o, f, r->status == RS_SUCCESS ? r->concerned - (r->fee < r->concerned ? r->fee : r->concerned) : 0);
			break;
		case RF_split_taobao_fee:
			put_money(o, f, 0);
			break;
		case RF_refund_remind_timeout:
			put_remind(o, r);
			break;
		default:
			break;
	}
}

static void
put_remind(Out *o, const Refund *r)
{
	bool		waits = r->status != RS_SUCCESS && r->status != RS_CLOSED;

	put_key(o, &object_fields[OBJECT_REFUND][RF_refund_remind_timeout]);
	out_printf(o, "{\"exist_timeout\":%s,\"remind_type\":%d", waits ? "true" : "false", waits ? 1 : 0);
	if (waits)
	{
		out_lit(o, ",\"timeout\":\"");
		out_time(o, (int64_t) r->modified + 5 * 86400);
		out_char(o, '"');
	}
	out_lit(o, "},");
}
