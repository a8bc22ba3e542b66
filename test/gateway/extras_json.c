/*
 * extras_json.c
 *	  What an order has beside its lines, as JSON: services, promotions, logistics.
 */
#include "render.h"

void
render_services(Out *o, const Shop *shop, const Trade *t, const Selection *sel, const Wire *w)
{
	const Picked *p = &sel->picked[OBJECT_SERVICE];
	size_t		start;

	if (t->f.service_fee == 0)
		return;
	put_key(o, &object_fields[OBJECT_TRADE][TF_service_orders]);
	start = open_list(o, "service_order", w);
	out_char(o, '{');
	for (int k = 0; k < p->count; k++)
	{
		const Field *f = &object_fields[OBJECT_SERVICE][p->ids[k]];

		switch (p->ids[k])
		{
			case SF_oid:
				put_id(o, f, t->f.tid + 90, w);
				break;
			case SF_oid_str:
				put_int_text(o, f, t->f.tid + 90);
				break;
			case SF_item_oid:
				put_id(o, f, t->lines[0].oid, w);
				break;
			case SF_service_id:
				put_int(o, f, 8800);
				break;
			case SF_num:
				put_int(o, f, 1);
				break;
			case SF_price:
			case SF_payment:
			case SF_total_fee:
				put_money(o, f, t->f.service_fee);
				break;
			case SF_title:
				put_text(o, f, "上门安装服务");
				break;
			case SF_buyer_nick:
				put_key(o, f);
				out_char(o, '"');
				write_buyer_nick(o, t);
				out_lit(o, "\",");
				break;
			case SF_seller_nick:
				put_text(o, f, seller_nick(shop, t));
				break;
			case SF_apple_care_email:
				if (t->f.hash % 3 == 0)
					put_text(o, f, "a***@example.com");
				break;
			default:
				put_plain(o, f, field_draw(t->f.hash + 3, p->ids[k]));
		}
	}
	put_end(o, '}');
	out_char(o, ',');
	close_list(o, start, 1, w);
}

void
render_promotions(Out *o, const Trade *t, const Selection *sel, const Wire *w)
{
	const Picked *p = &sel->picked[OBJECT_PROMOTION];
	size_t		start;

	if (t->mjz == 0)
		return;
	put_key(o, &object_fields[OBJECT_TRADE][TF_promotion_details]);
	start = open_list(o, "promotion_detail", w);
	out_char(o, '{');
	for (int k = 0; k < p->count; k++)
	{
		const Field *f = &object_fields[OBJECT_PROMOTION][p->ids[k]];

		switch (p->ids[k])
		{
			case PF_id:
				put_id(o, f, t->f.tid, w);
				break;
			case PF_promotion_name:
				put_text(o, f, "店铺满减");
				break;
			case PF_discount_fee:
				put_money(o, f, t->mjz);
				break;
			case PF_promotion_desc:
				put_text(o, f, "店铺满减:省元");
				break;
			case PF_promotion_id:
				put_text(o, f, "shopbonus-12345_67890");
				break;
			default:
				break;
		}
	}
	put_end(o, '}');
	out_char(o, ',');
	close_list(o, start, 1, w);
}

void
render_logistics(Out *o, const Trade *t, const Selection *sel, const Wire *w)
{
	const Picked *p = &sel->picked[OBJECT_LOGISTICS];
	size_t		start;

	if (t->f.hash % 10 != 0)
		return;
	put_key(o, &object_fields[OBJECT_TRADE][TF_logistics_infos]);
	start = open_list(o, "logistics_info", w);
	for (int i = 0; i < t->f.nlines; i++)
	{
		out_char(o, '{');
		for (int k = 0; k < p->count; k++)
		{
			const Field *f = &object_fields[OBJECT_LOGISTICS][p->ids[k]];

			switch (p->ids[k])
			{
				case LF_biz_delivery_type:
					put_int(o, f, 1);
					break;
				case LF_trade_id:
					put_id(o, f, t->f.tid, w);
					break;
				case LF_sub_trade_id:
					put_id(o, f, t->lines[i].oid, w);
					break;
				case LF_promise_outbound_time:
				case LF_promise_collect_time:
					if (t->pay_time != 0)
						put_time(o, f, t->pay_time + 2 * 86400);
					break;
				default:
					break;
			}
		}
		put_end(o, '}');
		out_char(o, ',');
	}
	close_list(o, start, t->f.nlines, w);
}

void
render_agreement(Out *o, const Trade *t, const Selection *sel)
{
	const Picked *p = &sel->picked[OBJECT_AGREEMENT];

	if (t->f.hash % 14 != 0)
		return;
	put_key(o, &object_fields[OBJECT_TRADE][TF_logistics_agreement]);
	out_char(o, '{');
	for (int k = 0; k < p->count; k++)
		if (p->ids[k] == AF_logistics_service_msg)
			put_text(o, &object_fields[OBJECT_AGREEMENT][AF_logistics_service_msg], "送货上门");
		else if (p->ids[k] == AF_asdp_ads)
			put_text(o, &object_fields[OBJECT_AGREEMENT][AF_asdp_ads], "201,203");
	put_end(o, '}');
	out_char(o, ',');
}
