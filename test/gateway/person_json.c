/*
 * person_json.c
 *	  The people of an order as JSON: buyer, addressee, seller.
 *
 * Personal data is there, masked as the platform masks it, so that a reader can
 * be held to dropping it.
 */
#include "render.h"

#include "text.h"

void
write_buyer_nick(Out *o, const Trade *t)
{
	static const char *const heads[] = {"t", "买", "小", "a", "tb", "爱", "老", "x"};
	uint64_t	buyer = mix64(t->f.hash) % 40000;

	out_text(o, heads[buyer % 8]);
	out_lit(o, "**");
	out_int(o, (int64_t) (buyer % 10));
}

void
write_open_uid(Out *o, const Trade *t)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	uint64_t	h = mix64(mix64(t->f.hash) % 40000 + 99);
	char		text[40];

	memcpy(text, "AAG", 3);
	for (int i = 3; i < 40; i++)
	{
		text[i] = letters[h % 64];
		h = h / 64 + h * 7919;
	}
	out_bytes(o, text, 40);
}

static void
put_masked_buyer(Out *o, const Field *f, const Trade *t)
{
	put_key(o, f);
	out_char(o, '"');
	write_buyer_nick(o, t);
	out_lit(o, "\",");
}

bool
put_person(Out *o, int id, const Trade *t, const Selection *sel)
{
	const Field *f = &object_fields[OBJECT_TRADE][id];
	const Region *r = &regions[t->f.hash / 7 % REGIONS];

	switch (id)
	{
		case TF_receiver_name:
			put_text(o, f, surnames.list[t->f.hash % surnames.count]);
			break;
		case TF_receiver_state:
			put_text(o, f, r->state);
			break;
		case TF_receiver_city:
			put_text(o, f, r->city);
			break;
		case TF_receiver_district:
			put_text(o, f, r->district);
			break;
		case TF_receiver_address:
			put_text(o, f, t->f.hash % 3 == 0 ? "测**街道**路**号" : "**镇**小区*栋*单元***");
			break;
		case TF_receiver_town:
			put_text(o, f, "*墎镇");
			break;
		case TF_receiver_zip:
			put_text(o, f, "000000");
			break;
		case TF_receiver_mobile:
			put_text(o, f, "*******1234");
			break;
		case TF_receiver_phone:
			if (t->f.hash % 5 == 0)
				put_text(o, f, "0571-****");
			break;
		case TF_receiver_country:
			if (t->f.hash % 2)
				put_text(o, f, "中国");
			break;
		case TF_buyer_nick:
			put_masked_buyer(o, f, t);
			break;
		case TF_buyer_open_uid:
			put_key(o, f);
			out_char(o, '"');
			write_open_uid(o, t);
			out_lit(o, "\",");
			break;
		case TF_oaid:
			if (sel->oaid)
			{
				put_key(o, f);
				out_lit(o, "\"1");
				out_hex(o, mix64(t->f.hash + 5), 16);
				out_hex(o, mix64(t->f.hash + 6), 16);
				out_hex(o, t->f.hash, 6);
				out_lit(o, "\",");
			}
			break;
		case TF_alipay_id:
			put_int(o, f, INT64_C(2088000000000000) + (int64_t) (t->f.hash % 999999999));
			break;
		case TF_buyer_alipay_no:
			put_text(o, f, "138********");
			break;
		case TF_buyer_email:
			put_text(o, f, t->f.hash % 3 ? "" : "b***@example.com");
			break;
		case TF_seller_alipay_no:
		case TF_seller_email:
			put_text(o, f, "seller@example.com");
			break;
		case TF_seller_mobile:
			put_text(o, f, "13800000000");
			break;
		case TF_seller_phone:
			put_text(o, f, "0571-00000000");
			break;
		case TF_seller_name:
			put_text(o, f, "测试商贸有限公司");
			break;
		case TF_has_buyer_message:
			put_flag(o, f, t->f.hash % 11 == 0);
			break;
		case TF_buyer_message:
			if (t->f.hash % 11 == 0)
				put_text(o, f, "请在周末送货，电话138****0000");
			break;
		case TF_buyer_memo:
		case TF_trade_memo:
			if (t->f.hash % 29 == 0)
				put_text(o, f, "送给妈妈的");
			break;
		case TF_hk_en_name:
			if (t->f.type == TYPE_TMALL_I18N)
				put_text(o, f, "ZHANG SAN");
			break;
		case TF_hk_china_name:
			if (t->f.type == TYPE_TMALL_I18N)
				put_text(o, f, "张三");
			break;
		case TF_hk_card_code:
			if (t->f.type == TYPE_TMALL_I18N)
				put_text(o, f, "C0000****");
			break;
		case TF_donee_nick:
			if (t->f.hash % 61 == 0)
				put_text(o, f, "收**礼");
			break;
		case TF_acookie_id:
			if (t->f.hash % 31 == 0)
				put_text(o, f, "ack0123456789");
			break;
		default:
			return false;
	}
	return true;
}
