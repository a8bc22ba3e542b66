/*
 * line_json.c
 *	  The lines of an order as JSON.
 */
#include "render.h"

#include <stdio.h>

#include "text.h"

static bool put_line_amount(Out *o, int id, const Trade *t, int i);
static bool put_line_rare(Out *o, int id, const Shop *shop, const Trade *t, int i, const Wire *w);

size_t
open_list(Out *o, const char *member, const Wire *w)
{
	if (!w->simplify)
	{
		out_lit(o, "{\"");
		out_text(o, member);
		out_lit(o, "\":");
	}
	out_char(o, '[');
	return o->len;
}

/* start: what open_list() gave; the members are separated by commas, one at the end. */
void
close_list(Out *o, size_t start, int count, const Wire *w)
{
	put_end(o, ']');
	if (count == 1 && w->bare_single && !w->simplify)
	{
		/* as a relay that made JSON of XML sends it */
		memmove(o->data + start - 1, o->data + start, o->len - start);
		o->len -= 2;
	}
	if (!w->simplify)
		out_char(o, '}');
	out_char(o, ',');
}

int64_t
item_id(const Trade *t, int line)
{
	return INT64_C(600000000000) + (int64_t) t->f.shop * 1000003 + t->f.lines[line].item * INT64_C(7919);
}

int64_t
sku_id(const Trade *t, int line)
{
	return INT64_C(4500000000000) + (int64_t) (mix64(t->f.lines[line].item + t->f.lines[line].hash % 5) % 99999999999);
}

void
write_item_title(Out *o, const Trade *t, int line)
{
	const LineFacts *l = &t->f.lines[line];

	if (l->hash % 24 == 0)
	{
		out_text(o, nasty_titles.list[l->hash / 24 % nasty_titles.count]);
		return;
	}
	out_text(o, item_titles.list[l->item % item_titles.count]);
	out_char(o, ' ');
	out_int(o, l->item);
}

void
write_sku_text(Out *o, const Trade *t, int line)
{
	static const char *const sizes[] = {"S", "M", "L", "XL", "均码", "500ml", "1.8m（6英尺）"};
	uint64_t	h = t->f.lines[line].hash;

	out_lit(o, "颜色分类:");
	out_text(o, colours.list[h % colours.count]);
	out_lit(o, ";尺码:");
	out_text(o, sizes[h % 7]);
}

/* Single lines: with postage, as the order; otherwise before trade-level discounts. */
int64_t
line_payment(const Trade *t, int line)
{
	const Line *l = &t->lines[line];
	int64_t		v = t->f.nlines == 1 ? l->divided + t->f.post_fee : l->due;

	v -= l->refunded;
	return v > 0 ? v : 0;
}

static bool
has_sku(const Trade *t, int i)
{
	return t->f.lines[i].hash % 6 != 0;
}

static void
put_line_field(Out *o, int id, const Shop *shop, const Trade *t, int i, const Wire *w)
{
	const Field *f = &object_fields[OBJECT_ORDER][id];
	const LineFacts *facts = &t->f.lines[i];
	const Line *l = &t->lines[i];

	switch (id)
	{
		case OF_oid:
			put_id(o, f, l->oid, w);
			break;
		case OF_oid_str:
			put_int_text(o, f, l->oid);
			break;
		case OF_status:
			put_text(o, f, trade_status_names[l->status]);
			break;
		case OF_refund_status:
			put_text(o, f, refund_status_names[l->refund_status]);
			break;
		case OF_refund_id:
			if (l->refund >= 0)
				put_int_text(o, f, refund_id_of(t->f.tid, l->refund));
			break;
		case OF_title:
			put_key(o, f);
			out_char(o, '"');
			write_item_title(o, t, i);
			out_lit(o, "\",");
			break;
		case OF_num_iid:
			put_id(o, f, item_id(t, i), w);
			break;
		case OF_num:
			put_int(o, f, facts->num);
			break;
		case OF_sku_id:
			if (has_sku(t, i))
				put_int_text(o, f, sku_id(t, i));
			else if (facts->hash % 12 == 0)
				put_text(o, f, facts->hash % 24 == 0 ? "" : "0");
			break;
		case OF_sku_properties_name:
			if (has_sku(t, i))
			{
				put_key(o, f);
				out_char(o, '"');
				write_sku_text(o, t, i);
				out_lit(o, "\",");
			}
			break;
		case OF_cid:
			put_int(o, f, 50000000 + facts->item % 40 * 137);
			break;
		case OF_outer_iid:
			if (facts->item % 4 != 0)
			{
				put_key(o, f);
				out_lit(o, "\"SPU-");
				out_digits(o, facts->item, 5);
				out_lit(o, "\",");
			}
			break;
		case OF_outer_sku_id:
			if (has_sku(t, i) && facts->item % 3 != 0)
			{
				put_key(o, f);
				out_lit(o, "\"SKU");
				out_digits(o, facts->item, 5);
				out_char(o, '-');
				out_digits(o, facts->hash % 20, 2);
				out_lit(o, "\",");
			}
			break;
		case OF_consign_time:
			put_time(o, f, l->consigned);
			break;
		case OF_end_time:
			put_time(o, f, l->ended);
			break;
		case OF_logistics_company:
			if (l->consigned != 0 && t->f.post_fee >= 0 && t->f.type != TYPE_AUTO_DELIVERY)
				put_text(o, f, carriers.list[(t->f.hash + (uint64_t) l->parcel) % carriers.count]);
			break;
		case OF_invoice_no:
			if (l->consigned != 0 && t->f.type != TYPE_AUTO_DELIVERY)
			{
				put_key(o, f);
				out_lit(o, "\"SF");
				out_digits(o, mix64(t->f.hash + (uint64_t) l->parcel), 13);
				out_lit(o, "\",");
			}
			break;
		case OF_shipping_type:
			put_text(o, f, t->f.type == TYPE_AUTO_DELIVERY || t->f.type == TYPE_ETICKET ? "virtual" :
					 t->f.post_fee == 0 ? "free" : "express");
			break;
		default:
			if (!put_line_amount(o, id, t, i) && !put_line_rare(o, id, shop, t, i, w))
				put_plain(o, f, field_draw(facts->hash, id));
	}
}

static bool
put_line_amount(Out *o, int id, const Trade *t, int i)
{
	const Field *f = &object_fields[OBJECT_ORDER][id];
	const LineFacts *facts = &t->f.lines[i];
	const Line *l = &t->lines[i];

	switch (id)
	{
		case OF_price:
			put_money(o, f, facts->price);
			break;
		case OF_total_fee:
			put_money(o, f, l->due);
			break;
		case OF_payment:
			put_money(o, f, line_payment(t, i));
			break;
		case OF_discount_fee:
			put_money(o, f, facts->discount);
			break;
		case OF_adjust_fee:
			put_money(o, f, l->adjust);
			break;
		case OF_part_mjz_discount:
			if (l->part_mjz > 0)
				put_money(o, f, l->part_mjz);
			break;
		case OF_divide_order_fee:
			if (t->paid && t->f.type != TYPE_NOPAID && !l->unsold)
				put_money(o, f, l->divided);
			break;
		case OF_sub_order_tax_fee:
			if (t->f.type == TYPE_TMALL_I18N)
				put_money(o, f, l->divided * 91 / 1000);
			break;
		case OF_is_free_gift:
			if (facts->gift)
				put_flag(o, f, true);
			break;
		case OF_special_refund_type:
			if (l->special)
				put_text(o, f, t->f.hash % 2 ? "priceProtect" : "cashBack");
			break;
		default:
			return false;
	}
	return true;
}

static bool
put_line_rare(Out *o, int id, const Shop *shop, const Trade *t, int i, const Wire *w)
{
	const Field *f = &object_fields[OBJECT_ORDER][id];
	const LineFacts *facts = &t->f.lines[i];

	switch (id)
	{
		case OF_pic_path:
			put_picture(o, f, shop, facts->item);
			break;
		case OF_seller_type:
			put_text(o, f, shop->no % 2 == 0 ? "B" : "C");
			break;
		case OF_buyer_rate:
		case OF_seller_rate:
			put_flag(o, f, t->rated);
			break;
		case OF_store_code:
			put_text(o, f, facts->hash % 3 == 0 ? "IC" : "HZ-01");
			break;
		case OF_item_meal_name:
			if (facts->hash % 37 == 0)
				put_text(o, f, "M8原装电池:便携支架:M8专用座充:莫凡保护袋");
			break;
		case OF_snapshot_url:
			put_key(o, f);
			out_lit(o, "\"f:");
			out_int(o, t->lines[i].oid);
			out_lit(o, "_1\",");
			break;
		case OF_order_from:
			put_text(o, f, "WAP,WAP");
			break;
		case OF_car_taker_phone:
			if (facts->hash % 71 == 0)
				put_text(o, f, "138****0000");
			break;
		case OF_shp_info:
		case OF_ship_info:
			if (facts->hash % 43 == 0)
			{
				put_key(o, f);
				out_text(o, w->simplify ? "[{\"transport_type\":\"sea\"}]," :
						 "{\"ship_info\":[{\"transport_type\":\"sea\"}]},");
			}
			break;
		default:
			return false;
	}
	return true;
}

void
render_lines(Out *o, const Shop *shop, const Trade *t, const Selection *sel, const Wire *w)
{
	const Picked *p = &sel->picked[OBJECT_ORDER];
	size_t		start;

	put_key(o, &object_fields[OBJECT_TRADE][TF_orders]);
	start = open_list(o, "order", w);
	for (int i = 0; i < t->f.nlines; i++)
	{
		out_need(o, 4096);
		out_char(o, '{');
		for (int k = 0; k < p->count; k++)
			put_line_field(o, p->ids[k], shop, t, i, w);
		if (render_hostile)
			put_hostile(o);
		if (sel->novel[OBJECT_ORDER])
			put_novel(o, 'L', t->lines[i].oid);
		put_end(o, '}');
		out_char(o, ',');
	}
	close_list(o, start, t->f.nlines, w);
}
