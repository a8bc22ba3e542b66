/*
 * trade_json.c
 *	  An order as JSON.
 *
 * The fields are written in the order of the platform's table, one case a
 * field; a field that has nothing to say is absent, never null.  Fields that
 * nobody reads get a plain value now and then, so that a payload has what a
 * real one has.
 */
#include "render.h"

#include "text.h"

const char *const blemish_names[BLEMISH_COUNT] = {
	"none", "nul", "raw_nul", "surrogate", "utf8", "no_id", "bad_id", "no_time", "bad_time",
	"money", "date", "deep", "shape", "null", "foreign", "number", "lines"
};

#define F(field) (&object_fields[OBJECT_TRADE][TF_##field])

static void put_field(Out *o, int id, const Shop *shop, const Trade *t, const Selection *sel,
					  const Wire *w);
static bool put_amount(Out *o, int id, const Trade *t);
static bool put_rare(Out *o, int id, const Shop *shop, const Trade *t, const Wire *w);

void
render_trade(Out *o, const Shop *shop, const Trade *t, const Selection *sel, const Wire *w)
{
	const Picked *p = &sel->picked[OBJECT_TRADE];

	if (w->blemish == BLEMISH_SHAPE || w->blemish == BLEMISH_NULL)
	{
		out_text(o, w->blemish == BLEMISH_NULL ? "null" : "\"not an order\"");
		return;
	}
	out_need(o, 12288);
	out_char(o, '{');
	for (int i = 0; i < p->count; i++)
		put_field(o, p->ids[i], shop, t, sel, w);
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
	/* one order in ten has nothing to say there */
	if (sel->novel[OBJECT_TRADE] && t->f.hash % 10 != 3)
		put_novel(o, 'N', t->f.tid);
	put_end(o, '}');
}

void
put_novel(Out *o, char kind, int64_t id)
{
	out_lit(o, "\"" NOVEL_FIELD "\":\"");
	out_char(o, kind);
	out_int(o, id);
	out_lit(o, "\",");
}

bool		render_hostile = false;

/* Whoever stores one of these has the word PLANTED, a number or an address. */
void
put_hostile(Out *o)
{
	out_need(o, 2048);
	out_lit(o, "\"receiver_town\":\"PLANTED1\",\"hk_card_code\":\"PLANTED2\",\"\\u0072eceiver_zip\":\"PLANTED3\","
			"\"buyerMobile\":\"PLANTED4\",\"new_part\":{\"list\":[{\"real_name\":\"PLANTED5\",\"login_ip\":[\"PLANTED6\"],\"kept\":\"kept1\"}]},"
			"\"address_details\":{\"address_detail\":[{\"city\":\"PLANTED7\",\"telephone\":{\"x\":\"PLANTED8\"}}]},"
			"\"extend_info\":\"{\\\"receiver_name\\\":\\\"PLANTED9\\\",\\\"kept\\\":\\\"kept2\\\",\\\"more\\\":\\\"{\\\\\\\"donee_nick\\\\\\\":\\\\\\\"PLANTED10\\\\\\\"}\\\"}\","
			"\"broken_info\":\"{\\\"buyer_email\\\":\\\"PLANTED11\\\",\\\"kept\\\":\\\"kept3\","
			"\"delivery_man_phone\":\"PLANTED12\",\"payer_name\":\"PLANTED13\",\"car_taker_phone\":\"PLANTED14\","
			"\"buyer_message\":\"call 13799990001, planted@planted.cn\",\"seller_memo\":{\"a\":[\"137 9999 0002\",13799990003]},"
			"\"desc\":\"id 137999900041234567\",");
}

const char *
seller_nick(const Shop *shop, const Trade *t)
{
	/* Orders from before a renaming keep the old name in one case of two. */
	return shop->old_nick[0] != '\0' && t->f.hash % 2 == 0 ? shop->old_nick : shop->nick;
}

void
put_picture(Out *o, const Field *f, const Shop *shop, uint32_t item)
{
	put_key(o, f);
	out_lit(o, "\"https:\\/\\/img.alicdn.com\\/bao\\/uploaded\\/i");
	out_int(o, item % 4 + 1);
	out_lit(o, "\\/");
	out_int(o, shop->user_id);
	out_lit(o, "\\/O1CN01");
	out_hex(o, mix64(item), 8);
	out_lit(o, "_!!");
	out_int(o, shop->user_id);
	out_lit(o, ".jpg\",");
}

static bool
is_card(const Trade *t)
{
	return t->f.card && t->paid;
}

static void
put_title(Out *o, const Field *f, const Shop *shop, const Wire *w)
{
	switch (w->blemish)
	{
		case BLEMISH_NUL:
			put_text(o, f, "half\\u0000name");
			break;
		case BLEMISH_SURROGATE:
			put_text(o, f, "half \\ud83d pair");
			break;
		case BLEMISH_UTF8:
			put_text(o, f, "broken \xc3\x28 \xff bytes");
			break;
		case BLEMISH_RAW_NUL:
			put_key(o, f);
			out_lit(o, "\"raw\0byte\",");
			break;
		default:
			put_text(o, f, shop->nick);
	}
}

static void
put_field(Out *o, int id, const Shop *shop, const Trade *t, const Selection *sel, const Wire *w)
{
	const Field *f = &object_fields[OBJECT_TRADE][id];
	bool		single = t->f.nlines == 1;

	switch (id)
	{
		case TF_seller_nick:
			put_text(o, f, w->blemish == BLEMISH_FOREIGN ? "别人的店铺" : seller_nick(shop, t));
			break;
		case TF_tid:
			if (w->blemish == BLEMISH_BAD_ID)
				put_text(o, f, "13x7");
			else if (w->blemish != BLEMISH_NO_ID)
				put_id(o, f, t->f.tid, w);
			break;
		case TF_num:
			if (w->blemish == BLEMISH_NUMBER)
			{
				put_key(o, f);
				out_lit(o, "99999999999999999999999,");
			}
			else
				put_int(o, f, single ? t->f.lines[0].num : 0);
			break;
		case TF_num_iid:
			put_id(o, f, item_id(t, 0), w);
			break;
		case TF_status:
			put_text(o, f, trade_status_names[t->status]);
			break;
		case TF_title:
			put_title(o, f, shop, w);
			break;
		case TF_type:
			put_text(o, f, type_names[t->f.type]);
			break;
		case TF_created:
			if (w->blemish == BLEMISH_DATE)
				put_text(o, f, "2026-13-45 99:00:00");
			else
				put_time(o, f, t->f.created);
			break;
		case TF_pay_time:
			put_time(o, f, t->pay_time);
			break;
		case TF_modified:
			if (w->blemish == BLEMISH_BAD_TIME)
				put_text(o, f, "yesterday");
			else if (w->blemish != BLEMISH_NO_TIME)
				put_time(o, f, t->modified);
			break;
		case TF_async_modified:
			put_time(o, f, t->arrival);
			break;
		case TF_consign_time:
			put_time(o, f, t->consigned);
			break;
		case TF_end_time:
			put_time(o, f, t->ended);
			break;
		case TF_step_trade_status:
			if (t->presale != PS_NONE)
				put_text(o, f, presale_status_names[t->presale]);
			break;
		case TF_seller_flag:
			put_int(o, f, t->flag);
			break;
		case TF_seller_memo:
			if (t->memos > 0)
				put_text(o, f, memos.list[(t->f.hash + (uint64_t) t->memos) % memos.count]);
			break;
		case TF_cod_status:
			put_text(o, f, t->f.type != TYPE_COD || t->consigned == 0 ? "NEW_CREATED" :
					 t->status == TS_FINISHED || t->status == TS_SIGNED ? "SIGN_IN" :
					 t->status == TS_CLOSED ? "REJECTED_BY_OTHER_SIDE" : "TAKEN_IN_SUCCESS");
			break;
		case TF_is_part_consign:
			put_flag(o, f, t->parcels > 1);
			break;
		case TF_orders:
			if (w->blemish == BLEMISH_LINES)
				put_text(o, f, "none");
			else
				render_lines(o, shop, t, sel, w);
			break;
		case TF_service_orders:
			render_services(o, shop, t, sel, w);
			break;
		case TF_promotion_details:
			render_promotions(o, t, sel, w);
			break;
		case TF_logistics_infos:
			render_logistics(o, t, sel, w);
			break;
		case TF_logistics_agreement:
			render_agreement(o, t, sel);
			break;
		default:
			if (w->blemish == BLEMISH_MONEY && id == TF_payment)
				put_text(o, f, "twelve");
			else if (!put_amount(o, id, t) && !put_person(o, id, t, sel) &&
					 !put_rare(o, id, shop, t, w))
				put_plain(o, f, field_draw(t->f.hash, id));
	}
}

/* A field that nobody reads: mostly absent, flags mostly false. */
void
put_plain(Out *o, const Field *f, uint32_t d)
{
	switch (f->kind)
	{
		case KIND_FLAG:
			if (f->apis[0] != 'F' || d % 8 == 0)
				put_flag(o, f, d % 41 == 0);
			break;
		case KIND_TEXT:
			if (d % 24 == 0)
				put_int_text(o, f, d % 9973);
			break;
		case KIND_NUMBER:
			if (d % 12 == 0)
				put_int(o, f, d % 7);
			break;
		default:
			break;
	}
}

static bool
put_amount(Out *o, int id, const Trade *t)
{
	const Field *f = &object_fields[OBJECT_TRADE][id];
	bool		single = t->f.nlines == 1;
	int64_t		payment = t->payment - (single ? t->refunded : 0);

	switch (id)
	{
		case TF_payment:
			put_money(o, f, payment > 0 ? payment : 0);
			break;
		case TF_post_fee:
			put_money(o, f, t->f.post_fee);
			break;
		case TF_received_payment:
			put_money(o, f, t->received);
			break;
		case TF_available_confirm_fee:
			put_money(o, f, t->paid && t->ended == 0 ? payment - t->received : 0);
			break;
		case TF_price:
			put_money(o, f, t->f.lines[0].price);
			break;
		case TF_discount_fee:
			put_money(o, f, t->mjz);
			break;
		case TF_total_fee:
			put_money(o, f, t->list_fee);
			break;
		case TF_adjust_fee:
			put_money(o, f, single ? t->lines[0].adjust : 0);
			break;
		case TF_credit_card_fee:
			if (is_card(t))
				put_money(o, f, t->payment);
			break;
		case TF_step_paid_fee:
			if (t->presale != PS_NONE)
				put_money(o, f, t->presale == PS_NOTHING_PAID ? 0 :
						  t->presale == PS_ALL_PAID ? t->payment : t->deposit);
			break;
		case TF_commission_fee:
			put_money(o, f, t->status == TS_FINISHED ? t->received * 5 / 100 : 0);
			break;
		case TF_cod_fee:
		case TF_buyer_cod_fee:
		case TF_seller_cod_fee:
			put_money(o, f, t->f.type == TYPE_COD ? 300 : 0);
			break;
		case TF_order_tax_fee:
			if (t->f.type == TYPE_TMALL_I18N)
				put_money(o, f, t->payment * 91 / 1000);
			else
				put_text(o, f, "0");
			break;
		case TF_platform_subsidy_fee:
			if (t->f.hash % 20 == 3)
				put_money(o, f, 300);
			break;
		case TF_yfx_fee:
			if (t->f.hash % 9 == 3)
				put_money(o, f, 60);
			break;
		case TF_point_fee:
			put_int(o, f, t->f.hash % 13 == 0 ? 100 : 0);
			break;
		case TF_real_point_fee:
			put_int(o, f, t->f.hash % 13 == 0 && t->status == TS_FINISHED ? 100 : 0);
			break;
		case TF_buyer_obtain_point_fee:
			put_int(o, f, t->status == TS_FINISHED ? t->received / 200 : 0);
			break;
		case TF_alipay_point:
		case TF_coupon_fee:
			put_int(o, f, t->f.hash % 17 == 0 ? 500 : 0);
			break;
		default:
			return false;
	}
	return true;
}

static bool
put_rare(Out *o, int id, const Shop *shop, const Trade *t, const Wire *w)
{
	const Field *f = &object_fields[OBJECT_TRADE][id];

	switch (id)
	{
		case TF_pic_path:
			put_picture(o, f, shop, t->f.lines[0].item);
			break;
		case TF_shipping_type:
			put_text(o, f, t->f.type == TYPE_AUTO_DELIVERY || t->f.type == TYPE_ETICKET ? "virtual" :
					 t->f.post_fee == 0 ? "free" : "express");
			break;
		case TF_seller_rate:
		case TF_buyer_rate:
			put_flag(o, f, t->rated);
			break;
		case TF_seller_can_rate:
		case TF_can_rate:
			put_flag(o, f, t->status == TS_FINISHED && !t->rated);
			break;
		case TF_has_post_fee:
			put_flag(o, f, t->f.post_fee > 0);
			break;
		case TF_sid:
		case TF_tid_str:
			put_int_text(o, f, t->f.tid);
			break;
		case TF_alipay_no:
			if (t->paid && t->f.type != TYPE_COD && t->f.type != TYPE_NOPAID)
			{
				put_key(o, f);
				out_lit(o, "\"2026");
				out_digits(o, t->pay_time, 10);
				out_lit(o, "2200");
				out_digits(o, t->f.hash, 10);
				out_lit(o, "\",");
			}
			break;
		case TF_trade_from:
			put_text(o, f, t->f.hash % 5 == 0 ? "TAOBAO" : t->f.hash % 5 == 1 ? "WAP,JHS" : "WAP,WAP");
			break;
		case TF_buyer_area:
			put_text(o, f, regions[t->f.hash / 7 % REGIONS].state);
			break;
		case TF_trade_source:
			if (t->f.hash % 23 == 0)
				put_text(o, f, "ownshop");
			break;
		case TF_mark_desc:
			if (t->f.hash % 97 == 0)
				put_text(o, f, "该订单需要延长收货时间");
			break;
		case TF_has_yfx:
			put_flag(o, f, t->f.hash % 9 == 3);
			break;
		case TF_timeout_action_time:
			if (t->status == TS_WAIT_CONFIRM)
				put_time(o, f, t->consigned + 10 * 86400);
			break;
		case TF_delivery_time:
		case TF_promise_sign_time:
			if (t->pay_time != 0)
				put_time(o, f, t->pay_time + (id == TF_delivery_time ? 2 : 6) * 86400);
			break;
		case TF_is_gift:
			put_flag(o, f, t->f.hash % 61 == 0);
			break;
		case TF_service_tags:
			put_key(o, f);
			if (w->simplify)
				out_printf(o, "[{\"order_id\":\"%lld\",\"logistic_service_tag_list\":[{\"service_tag\":\"origAreaId=330106\",\"service_type\":\"FAST\"}]}],",
						   (long long) t->f.tid);
			else
				out_printf(o, "{\"logistics_tag\":[{\"order_id\":\"%lld\",\"logistic_service_tag_list\":{\"logistic_service_tag\":[{\"service_tag\":\"origAreaId=330106\",\"service_type\":\"FAST\"}]}}]},",
						   (long long) t->f.tid);
			break;
		case TF_trade_attr:
			if (t->f.hash % 19 == 0)
				put_text(o, f, "{\\\"payCurrency\\\":\\\"HKD\\\",\\\"erpHold\\\":\\\"0\\\"}");
			break;
		case TF_address_details:
			if (t->f.hash % 83 == 0)
			{
				put_key(o, f);
				out_lit(o, "{\"address_detail\":[{\"detailed_address\":\"**路**号\",\"telephone\":\"138****0000\",\"contact_name\":\"张**\",\"city\":\"杭州市\",\"prov\":\"浙江省\"}]},");
			}
			break;
		case TF_identify_info:
			if (t->f.hash % 89 == 0)
			{
				put_key(o, f);
				out_printf(o, "{\"identify_service_infos\":{\"identify_service_info\":[{\"detail_order_id\":%lld,\"unit_id\":\"u1\",\"service_id\":\"s1\"}]}},",
						   (long long) t->lines[0].oid);
			}
			break;
		case TF_receipt_rel_ids:
			if (t->f.hash % 101 == 0)
			{
				put_key(o, f);
				out_printf(o, w->simplify ? "[\"%lld\"]," : "{\"string\":[\"%lld\"]},", (long long) t->f.tid);
			}
			break;
		default:
			return false;
	}
	return true;
}
