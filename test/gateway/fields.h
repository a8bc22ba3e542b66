/*
 * fields.h
 *	  Which fields each API serves: the simulated platform's own table.
 *
 * Kept apart from the extension's table on purpose, so that a slip in one of
 * them shows as a difference.  A row is the name, the kind of its value and
 * the letters of the APIs that serve it:
 *	  I trades.sold.increment.get		V trades.sold.incrementv.get
 *	  S trades.sold.get					H trades.sold.history.get
 *	  F trade.fullinfo.get				G trade.get, refund.get
 *	  L refunds.receive.get				P special.refunds.receive.get
 * The order of the rows is the order of the fields on the wire.
 */
#ifndef GATEWAY_FIELDS_H
#define GATEWAY_FIELDS_H

#define TRADE_FIELDS(FIELD) \
	FIELD(seller_nick, TEXT, "IVSHFG") FIELD(pic_path, TEXT, "IVSHFG") \
	FIELD(payment, TEXT, "IVSHFG") FIELD(seller_rate, FLAG, "IVSHFG") \
	FIELD(post_fee, TEXT, "IVSHFG") FIELD(receiver_name, TEXT, "IVSF") \
	FIELD(receiver_state, TEXT, "IVSHF") FIELD(receiver_address, TEXT, "IVSF") \
	FIELD(receiver_zip, TEXT, "IVSF") FIELD(receiver_mobile, TEXT, "IVSF") \
	FIELD(receiver_phone, TEXT, "IVSF") FIELD(consign_time, TIME, "IVSHFG") \
	FIELD(received_payment, TEXT, "IVSHFG") FIELD(receiver_country, TEXT, "IVSF") \
	FIELD(receiver_town, TEXT, "IVSF") FIELD(order_tax_fee, TEXT, "IVSFG") \
	FIELD(tid, NUMBER, "IVSHFG") FIELD(num, NUMBER, "IVSHFG") FIELD(num_iid, NUMBER, "IVSHFG") \
	FIELD(status, TEXT, "IVSHFG") FIELD(title, TEXT, "IVSHFG") FIELD(type, TEXT, "IVSHFG") \
	FIELD(price, TEXT, "IVSHFG") FIELD(discount_fee, TEXT, "IVSHFG") \
	FIELD(total_fee, TEXT, "IVSHFG") FIELD(created, TIME, "IVSHFG") \
	FIELD(pay_time, TIME, "IVSHFG") FIELD(modified, TIME, "IVSHFG") \
	FIELD(end_time, TIME, "IVSHFG") FIELD(seller_flag, NUMBER, "IVSHF") \
	FIELD(buyer_nick, TEXT, "IVSFG") FIELD(has_buyer_message, FLAG, "IVSH") \
	FIELD(credit_card_fee, TEXT, "IVSF") FIELD(step_trade_status, TEXT, "IVSHF") \
	FIELD(step_paid_fee, TEXT, "IVSHF") FIELD(mark_desc, TEXT, "IVSF") \
	FIELD(buyer_open_uid, TEXT, "IVSFG") FIELD(shipping_type, TEXT, "IVSHFG") \
	FIELD(adjust_fee, TEXT, "IVSHFG") FIELD(service_orders, NEST, "IVSHF") \
	FIELD(buyer_rate, FLAG, "IVSHFG") FIELD(receiver_city, TEXT, "IVSHF") \
	FIELD(receiver_district, TEXT, "IVSF") FIELD(orders, NEST, "IVSHFG") \
	FIELD(shop_pick, TEXT, "ISF") FIELD(rx_audit_status, TEXT, "ISF") \
	FIELD(post_gate_declare, FLAG, "IVSF") FIELD(cross_bonded_declare, FLAG, "IVSF") \
	FIELD(order_tax_promotion_fee, TEXT, "IVSFG") FIELD(service_type, TEXT, "ISF") \
	FIELD(is_o2o_passport, FLAG, "IS") FIELD(oaid, TEXT, "IVSF") FIELD(no_shipping, FLAG, "I") \
	FIELD(aid, TEXT, "I") FIELD(sid, TEXT, "VSHFG") FIELD(acookie_id, TEXT, "VSF") \
	FIELD(async_modified, TIME, "VSH") FIELD(commission_fee, TEXT, "VSHFG") \
	FIELD(alipay_no, TEXT, "VSFG") FIELD(alipay_id, NUMBER, "VS") \
	FIELD(buyer_area, TEXT, "VSHF") FIELD(nut_feature, TEXT, "VS") FIELD(cod_fee, TEXT, "VSFG") \
	FIELD(cod_status, TEXT, "VSFG") FIELD(point_fee, NUMBER, "VSHFG") \
	FIELD(real_point_fee, NUMBER, "VSHFG") FIELD(buyer_obtain_point_fee, NUMBER, "VSHFG") \
	FIELD(is_lgtype, FLAG, "VSF") FIELD(lg_aging_type, TEXT, "VS") FIELD(lg_aging, TEXT, "VS") \
	FIELD(is_brand_sale, FLAG, "VSF") FIELD(is_force_wlb, FLAG, "VSF") \
	FIELD(is_part_consign, FLAG, "VSHF") FIELD(is_daixiao, FLAG, "VSFG") \
	FIELD(is_wt, FLAG, "VSFG") FIELD(trade_from, TEXT, "SHF") FIELD(has_yfx, FLAG, "SF") \
	FIELD(yfx_fee, TEXT, "SF") FIELD(yfx_id, TEXT, "SF") FIELD(yfx_type, TEXT, "SF") \
	FIELD(trade_source, TEXT, "SHF") FIELD(send_time, TEXT, "SHF") \
	FIELD(seller_can_rate, FLAG, "SHF") FIELD(o2o, TEXT, "SFG") FIELD(o2o_guide_id, TEXT, "SFG") \
	FIELD(o2o_guide_name, TEXT, "SFG") FIELD(o2o_shop_id, TEXT, "SFG") \
	FIELD(o2o_shop_name, TEXT, "SFG") FIELD(o2o_delivery, TEXT, "SFG") \
	FIELD(o2o_out_trade_id, TEXT, "SFG") FIELD(zero_purchase, FLAG, "SF") \
	FIELD(tmall_delivery, FLAG, "S") FIELD(threepl_timing, FLAG, "S") \
	FIELD(cn_service, TEXT, "S") FIELD(cutoff_minutes, TEXT, "SF") FIELD(es_time, TEXT, "SF") \
	FIELD(delivery_time, TEXT, "SF") FIELD(collect_time, TEXT, "SF") \
	FIELD(dispatch_time, TEXT, "SF") FIELD(sign_time, TEXT, "SF") \
	FIELD(delivery_cps, TEXT, "SF") FIELD(es_range, TEXT, "SF") FIELD(es_date, TEXT, "SF") \
	FIELD(os_range, TEXT, "SF") FIELD(os_date, TEXT, "SF") FIELD(asdp_biz_type, TEXT, "SF") \
	FIELD(asdp_ads, TEXT, "SF") FIELD(drug_register, TEXT, "SF") \
	FIELD(promise_sign_time, TEXT, "SF") FIELD(scenario_group, TEXT, "SF") \
	FIELD(is_force_dc, FLAG, "SF") FIELD(logistics_agreement, NEST, "SF") \
	FIELD(logistics_infos, NEST, "SF") FIELD(ouid, TEXT, "H") FIELD(buyer_memo, TEXT, "FG") \
	FIELD(seller_memo, TEXT, "FG") FIELD(buyer_message, TEXT, "FG") \
	FIELD(buyer_cod_fee, TEXT, "F") FIELD(seller_cod_fee, TEXT, "F") \
	FIELD(express_agency_fee, TEXT, "F") FIELD(buyer_alipay_no, TEXT, "F") \
	FIELD(buyer_email, TEXT, "F") FIELD(seller_alipay_no, TEXT, "F") \
	FIELD(seller_mobile, TEXT, "F") FIELD(seller_phone, TEXT, "F") FIELD(seller_name, TEXT, "F") \
	FIELD(seller_email, TEXT, "F") FIELD(available_confirm_fee, TEXT, "F") \
	FIELD(has_post_fee, FLAG, "F") FIELD(timeout_action_time, TIME, "F") \
	FIELD(snapshot_url, TEXT, "F") FIELD(trade_memo, TEXT, "F") FIELD(promotion, TEXT, "F") \
	FIELD(is_3D, FLAG, "F") FIELD(buyer_flag, NUMBER, "F") FIELD(eticket_ext, TEXT, "F") \
	FIELD(can_rate, FLAG, "F") FIELD(arrive_interval, NUMBER, "FG") \
	FIELD(arrive_cut_time, TEXT, "FG") FIELD(consign_interval, NUMBER, "FG") \
	FIELD(shop_code, TEXT, "F") FIELD(hk_en_name, TEXT, "F") FIELD(hk_flight_no, TEXT, "F") \
	FIELD(hk_china_name, TEXT, "F") FIELD(hk_card_code, TEXT, "F") \
	FIELD(hk_card_type, TEXT, "F") FIELD(hk_flight_date, TEXT, "F") FIELD(hk_gender, TEXT, "F") \
	FIELD(hk_birthday, TEXT, "F") FIELD(hk_pickup, TEXT, "F") FIELD(hk_pickup_id, TEXT, "F") \
	FIELD(est_con_time, TEXT, "F") FIELD(promotion_details, NEST, "F") \
	FIELD(service_tags, NEST, "FG") FIELD(alipay_point, NUMBER, "F") FIELD(pcc_af, NUMBER, "F") \
	FIELD(trade_ext, NEST, "F") FIELD(et_ser_time, TEXT, "FG") FIELD(et_shop_name, TEXT, "FG") \
	FIELD(et_verified_shop_name, TEXT, "FG") FIELD(et_plate_number, TEXT, "FG") \
	FIELD(o2o_snatch_status, TEXT, "F") FIELD(is_sh_ship, FLAG, "F") \
	FIELD(eticket_service_addr, TEXT, "FG") FIELD(et_type, TEXT, "F") FIELD(market, TEXT, "F") \
	FIELD(obs, TEXT, "F") FIELD(et_shop_id, NUMBER, "F") FIELD(paid_coupon_fee, TEXT, "F") \
	FIELD(coupon_fee, NUMBER, "F") FIELD(trade_attr, TEXT, "F") FIELD(top_hold, NUMBER, "F") \
	FIELD(omni_attr, TEXT, "F") FIELD(omni_param, TEXT, "F") FIELD(assembly, TEXT, "F") \
	FIELD(forbid_consign, NUMBER, "F") FIELD(identity, TEXT, "F") \
	FIELD(team_buy_hold, NUMBER, "F") FIELD(share_group_hold, NUMBER, "F") \
	FIELD(ofp_hold, NUMBER, "F") FIELD(o2o_step_trade_detail, TEXT, "F") \
	FIELD(o2o_step_order_id, TEXT, "F") FIELD(o2o_et_order_id, TEXT, "FG") \
	FIELD(o2o_voucher_price, TEXT, "F") FIELD(delay_create_delivery, NUMBER, "F") \
	FIELD(tid_str, TEXT, "F") FIELD(toptype, NUMBER, "F") FIELD(o2o_service_mobile, TEXT, "F") \
	FIELD(o2o_service_name, TEXT, "F") FIELD(o2o_service_state, TEXT, "F") \
	FIELD(o2o_service_city, TEXT, "F") FIELD(o2o_service_district, TEXT, "F") \
	FIELD(o2o_service_town, TEXT, "F") FIELD(o2o_service_address, TEXT, "F") \
	FIELD(o2o_step_trade_detail_new, TEXT, "F") FIELD(o2o_xiaopiao, TEXT, "F") \
	FIELD(o2o_contract, TEXT, "F") FIELD(recharge_fee, TEXT, "F") \
	FIELD(retail_store_code, TEXT, "F") FIELD(retail_out_order_id, TEXT, "F") \
	FIELD(platform_subsidy_fee, TEXT, "F") FIELD(nr_offline, TEXT, "F") \
	FIELD(wtt_param, TEXT, "F") FIELD(nr_store_order_id, TEXT, "F") FIELD(nr_shop_id, TEXT, "F") \
	FIELD(nr_shop_name, TEXT, "F") FIELD(nr_shop_guide_id, TEXT, "F") \
	FIELD(nr_shop_guide_name, TEXT, "F") FIELD(sort_info, NEST, "F") FIELD(sorted, NUMBER, "F") \
	FIELD(nr_no_handle, TEXT, "F") FIELD(biz_code, TEXT, "F") FIELD(cloud_store, TEXT, "F") \
	FIELD(is_gift, FLAG, "F") FIELD(donee_nick, TEXT, "F") FIELD(donee_open_uid, TEXT, "F") \
	FIELD(suning_shop_code, TEXT, "F") FIELD(suning_shop_valid, NUMBER, "F") \
	FIELD(allow_appkeys, TEXT, "F") FIELD(new_presell, FLAG, "F") FIELD(you_xiang, FLAG, "F") \
	FIELD(retail_store_id, TEXT, "F") FIELD(is_istore, FLAG, "F") FIELD(ua, TEXT, "F") \
	FIELD(linkedmall_ext_info, TEXT, "F") FIELD(pay_channel, TEXT, "F") \
	FIELD(rt_omni_send_type, TEXT, "F") FIELD(rt_omni_store_id, TEXT, "F") \
	FIELD(rt_omni_outer_store_id, TEXT, "F") FIELD(tcps_start, TEXT, "F") \
	FIELD(tcps_code, TEXT, "F") FIELD(tcps_end, TEXT, "F") FIELD(m_tariff_fee, TEXT, "F") \
	FIELD(timing_promise, TEXT, "F") FIELD(promise_service, TEXT, "F") \
	FIELD(outer_partner_member_id, TEXT, "F") FIELD(root_cat, TEXT, "F") \
	FIELD(gifting, TEXT, "F") FIELD(gifting_takeout, TEXT, "F") FIELD(oi_date, TEXT, "F") \
	FIELD(oi_range, TEXT, "F") FIELD(hold_install, TEXT, "F") FIELD(app_name, TEXT, "F") \
	FIELD(easy_home_city_type, TEXT, "F") FIELD(nr_deposit_order_id, TEXT, "F") \
	FIELD(nr_store_code, TEXT, "F") FIELD(propoint, TEXT, "F") FIELD(zqs_order_tag, TEXT, "F") \
	FIELD(txp_freezer_id, TEXT, "F") FIELD(txp_receive_method, TEXT, "F") \
	FIELD(expandcard_info, NEST, "F") FIELD(extend_info, TEXT, "F") FIELD(lm, TEXT, "F") \
	FIELD(brand_light_shop_source, TEXT, "F") FIELD(brand_light_shop_store_id, TEXT, "F") \
	FIELD(is_wmly, TEXT, "F") FIELD(omni_package, TEXT, "F") FIELD(ncz_ext_attr, TEXT, "F") \
	FIELD(invoice_detail_pay, TEXT, "F") FIELD(invoice_detail_mid_refund, TEXT, "F") \
	FIELD(invoice_detail_after_refund, TEXT, "F") FIELD(expand_card_basic_price, TEXT, "F") \
	FIELD(expand_card_expand_price, TEXT, "F") FIELD(expand_card_basic_price_used, TEXT, "F") \
	FIELD(expand_card_expand_price_used, TEXT, "F") FIELD(is_openmall, FLAG, "F") \
	FIELD(v_logistics_create, FLAG, "F") FIELD(q_r_pay, FLAG, "F") \
	FIELD(order_follow_id, TEXT, "F") FIELD(ob_tag, TEXT, "F") \
	FIELD(general_new_presell, FLAG, "F") FIELD(step_pay_details, NEST, "F") \
	FIELD(agree_refund_checks, NEST, "F") FIELD(address_details, NEST, "F") \
	FIELD(stage_address_type, TEXT, "F") FIELD(og_id, TEXT, "F") \
	FIELD(tmall_coupon_fee, NUMBER, "F") FIELD(delivery_plan, NEST, "F") \
	FIELD(omnichannel_param, TEXT, "F") FIELD(is_cycle_buy, FLAG, "F") \
	FIELD(play_type, TEXT, "F") FIELD(combine_logistics_details, NEST, "F") \
	FIELD(identify_info, NEST, "F") FIELD(logistics_consign_info, NEST, "F") \
	FIELD(logistics_modify_info, NEST, "F") FIELD(priority_consign_time, TEXT, "F") \
	FIELD(real_name_auth_status, TEXT, "F") FIELD(third_party_customs_declaration, TEXT, "F") \
	FIELD(receipt_type, TEXT, "F") FIELD(receipt_rel_ids, NEST, "F") FIELD(pmtp, TEXT, "G")

#define ORDER_FIELDS(FIELD) \
	FIELD(item_meal_name, TEXT, "IVSHFG") FIELD(pic_path, TEXT, "IVSHFG") \
	FIELD(refund_status, TEXT, "IVSHFG") FIELD(outer_iid, TEXT, "IVSHFG") \
	FIELD(buyer_rate, FLAG, "IVSHFG") FIELD(seller_rate, FLAG, "IVSHFG") \
	FIELD(seller_type, TEXT, "IVSHFG") FIELD(cid, NUMBER, "IVSHF") \
	FIELD(sub_order_tax_fee, TEXT, "IVSFG") FIELD(sub_order_tax_rate, TEXT, "IVSFG") \
	FIELD(oid, NUMBER, "IVSHFG") FIELD(status, TEXT, "IVSHFG") FIELD(title, TEXT, "IVSHFG") \
	FIELD(price, TEXT, "IVSHFG") FIELD(num_iid, NUMBER, "IVSHFG") \
	FIELD(item_meal_id, NUMBER, "IVSHF") FIELD(sku_id, TEXT, "IVSHFG") \
	FIELD(num, NUMBER, "IVSHFG") FIELD(outer_sku_id, TEXT, "IVSHFG") \
	FIELD(total_fee, TEXT, "IVSHFG") FIELD(payment, TEXT, "IVSHFG") \
	FIELD(discount_fee, TEXT, "IVSHFG") FIELD(adjust_fee, TEXT, "IVSHFG") \
	FIELD(sku_properties_name, TEXT, "IVSHFG") FIELD(refund_id, TEXT, "IVSHF") \
	FIELD(is_service_order, FLAG, "IVF") FIELD(end_time, TIME, "IVSHF") \
	FIELD(consign_time, TEXT, "IVSHF") FIELD(shipping_type, TEXT, "IVSHF") \
	FIELD(bind_oid, NUMBER, "IVSF") FIELD(logistics_company, TEXT, "IVSHF") \
	FIELD(invoice_no, TEXT, "IVSHF") FIELD(is_daixiao, FLAG, "IVSFG") \
	FIELD(divide_order_fee, TEXT, "IVSHFG") FIELD(part_mjz_discount, TEXT, "IVSHFG") \
	FIELD(ticket_outer_id, TEXT, "IVSFG") FIELD(ticket_expdate_key, TEXT, "IVSFG") \
	FIELD(store_code, TEXT, "IVSFG") FIELD(is_www, FLAG, "IVSFG") \
	FIELD(tmser_spu_code, TEXT, "ISHFG") FIELD(zhengji_status, TEXT, "IVSFG") \
	FIELD(md_qualification, TEXT, "ISF") FIELD(md_fee, TEXT, "ISF") \
	FIELD(sub_order_tax_promotion_fee, TEXT, "IVSFG") FIELD(tax_coupon_discount, TEXT, "IVSFG") \
	FIELD(tax_free, FLAG, "IVSFG") FIELD(special_refund_type, TEXT, "ISFG") \
	FIELD(is_devalue_fee, FLAG, "ISFG") FIELD(is_idle, TEXT, "ISF") \
	FIELD(promise_collect_time, TEXT, "SF") FIELD(is_force_dc, FLAG, "SF") \
	FIELD(shp_info, NEST, "S") FIELD(snapshot_url, TEXT, "F") \
	FIELD(timeout_action_time, TIME, "F") FIELD(item_memo, TEXT, "F") \
	FIELD(is_oversold, FLAG, "F") FIELD(order_from, TEXT, "F") FIELD(et_ser_time, TEXT, "FG") \
	FIELD(et_shop_name, TEXT, "FG") FIELD(et_verified_shop_name, TEXT, "FG") \
	FIELD(et_plate_number, TEXT, "FG") FIELD(estimate_con_time, TEXT, "F") \
	FIELD(bind_oids, TEXT, "F") FIELD(customization, TEXT, "F") FIELD(inv_type, TEXT, "F") \
	FIELD(is_sh_ship, FLAG, "F") FIELD(shipper, TEXT, "F") FIELD(f_type, TEXT, "F") \
	FIELD(f_status, TEXT, "F") FIELD(f_term, TEXT, "F") FIELD(combo_id, TEXT, "F") \
	FIELD(order_attr, TEXT, "F") FIELD(assembly_rela, TEXT, "F") \
	FIELD(assembly_price, TEXT, "F") FIELD(assembly_item, TEXT, "F") \
	FIELD(down_payment, TEXT, "F") FIELD(down_payment_ratio, TEXT, "F") \
	FIELD(month_payment, TEXT, "F") FIELD(tail_payment, TEXT, "F") \
	FIELD(installment_num, TEXT, "F") FIELD(penalty, TEXT, "F") FIELD(service_fee, TEXT, "F") \
	FIELD(car_taker, TEXT, "F") FIELD(car_taker_phone, TEXT, "F") FIELD(car_taker_id, TEXT, "F") \
	FIELD(car_store_code, TEXT, "F") FIELD(car_store_name, TEXT, "F") \
	FIELD(out_unique_id, TEXT, "F") FIELD(ws_bank_apply_no, TEXT, "F") FIELD(oid_str, TEXT, "F") \
	FIELD(fqg_num, NUMBER, "F") FIELD(is_fqg_s_fee, FLAG, "F") \
	FIELD(nr_reduce_inv_fail, TEXT, "F") FIELD(nr_outer_iid, TEXT, "F") \
	FIELD(bind_oids_all_status, TEXT, "F") FIELD(sort_info, NEST, "F") \
	FIELD(o2o_guide_id, TEXT, "F") FIELD(o2o_guide_name, TEXT, "F") \
	FIELD(o2o_shop_id, TEXT, "F") FIELD(o2o_shop_name, TEXT, "F") FIELD(biz_code, TEXT, "F") \
	FIELD(cloud_store, TEXT, "F") FIELD(hj_settle_no_commission, TEXT, "F") \
	FIELD(order_taking, TEXT, "F") FIELD(cloud_store_token, TEXT, "F") \
	FIELD(cloud_store_bind_pos, TEXT, "F") FIELD(retail_store_id, TEXT, "F") \
	FIELD(out_item_id, TEXT, "F") FIELD(rt_omni_outer_sc_id, TEXT, "F") \
	FIELD(rt_omni_sc_id, TEXT, "F") FIELD(modify_address, TEXT, "F") \
	FIELD(ti_modify_address_time, TEXT, "F") FIELD(credit_buy, TEXT, "F") \
	FIELD(s_tariff_fee, TEXT, "F") FIELD(timing_promise, TEXT, "F") \
	FIELD(promise_service, TEXT, "F") FIELD(es_date, TEXT, "F") FIELD(es_range, TEXT, "F") \
	FIELD(os_date, TEXT, "F") FIELD(os_range, TEXT, "F") FIELD(cutoff_minutes, TEXT, "F") \
	FIELD(es_time, TEXT, "F") FIELD(delivery_time, TEXT, "F") FIELD(collect_time, TEXT, "F") \
	FIELD(dispatch_time, TEXT, "F") FIELD(sign_time, TEXT, "F") \
	FIELD(promise_end_time, TEXT, "F") FIELD(os_activity_id, TEXT, "F") \
	FIELD(os_fg_item_id, TEXT, "F") FIELD(os_gift_count, TEXT, "F") \
	FIELD(os_sort_num, TEXT, "F") FIELD(propoint, TEXT, "F") FIELD(is_kaola, FLAG, "F") \
	FIELD(extend_info, TEXT, "F") FIELD(brand_light_shop_store_id, TEXT, "F") \
	FIELD(brand_light_shop_source, TEXT, "F") FIELD(service_order_type, TEXT, "F") \
	FIELD(service_outer_id, TEXT, "F") FIELD(expand_card_expand_price_used_suborder, TEXT, "F") \
	FIELD(expand_card_basic_price_used_suborder, TEXT, "F") FIELD(lijian, TEXT, "F") \
	FIELD(auto_flow, TEXT, "F") FIELD(trade_fulfillment_type, NUMBER, "F") \
	FIELD(distribute_status, TEXT, "F") FIELD(gift_mids, TEXT, "F") \
	FIELD(is_free_gift, FLAG, "F") FIELD(has_gift, FLAG, "F") FIELD(b2b_daixiao, TEXT, "F") \
	FIELD(ship_info, NEST, "F") FIELD(combine_item_info, NEST, "F") \
	FIELD(need_return, FLAG, "F") FIELD(bundle_id, TEXT, "F") FIELD(bundle_out_name, TEXT, "F") \
	FIELD(bundle_type, NUMBER, "F") FIELD(one_yuan_reservation_orders, TEXT, "F") \
	FIELD(is_jzfx, FLAG, "F") FIELD(jewcc_no, TEXT, "F")

#define SERVICE_FIELDS(FIELD) \
	FIELD(oid, NUMBER, "IVSHF") FIELD(item_oid, NUMBER, "IVSHF") \
	FIELD(service_id, NUMBER, "IVSHF") FIELD(service_detail_url, TEXT, "IVSHF") \
	FIELD(num, NUMBER, "IVSHF") FIELD(price, TEXT, "IVSHF") FIELD(payment, TEXT, "IVSHF") \
	FIELD(title, TEXT, "IVSHF") FIELD(total_fee, TEXT, "IVSHF") FIELD(buyer_nick, TEXT, "IVSF") \
	FIELD(refund_id, TEXT, "IVSHF") FIELD(seller_nick, TEXT, "IVSHF") \
	FIELD(pic_path, TEXT, "IVSHF") FIELD(tmser_spu_code, TEXT, "ISHF") \
	FIELD(et_ser_time, TEXT, "F") FIELD(et_shop_name, TEXT, "F") \
	FIELD(et_verified_shop_name, TEXT, "F") FIELD(et_plate_number, TEXT, "F") \
	FIELD(oid_str, TEXT, "F") FIELD(apple_care_email, TEXT, "F") \
	FIELD(apple_care_mpn, TEXT, "F") FIELD(service_outer_id, TEXT, "F") \
	FIELD(service_order_type, TEXT, "F") FIELD(ext_service_biz_id, TEXT, "F") \
	FIELD(combine_sub_item_id, NUMBER, "F") FIELD(combine_sub_item_sku_id, NUMBER, "F") \
	FIELD(comm_amount_unit, TEXT, "F")

#define PROMOTION_FIELDS(FIELD) \
	FIELD(id, NUMBER, "F") FIELD(promotion_name, TEXT, "F") FIELD(discount_fee, TEXT, "F") \
	FIELD(gift_item_name, TEXT, "F") FIELD(gift_item_id, TEXT, "F") \
	FIELD(gift_item_num, TEXT, "F") FIELD(promotion_desc, TEXT, "F") \
	FIELD(promotion_id, TEXT, "F") FIELD(kd_discount_fee, TEXT, "F") \
	FIELD(kd_child_discount_fee, TEXT, "F")

#define LOGISTICS_FIELDS(FIELD) \
	FIELD(biz_delivery_type, NUMBER, "SF") FIELD(unused_warehouse_error_msg, TEXT, "SF") \
	FIELD(unused_delivery_error_msg, TEXT, "SF") \
	FIELD(used_black_delivery_error_msg, TEXT, "SF") FIELD(promise_outbound_time, TEXT, "SF") \
	FIELD(trade_id, NUMBER, "SF") FIELD(sub_trade_id, NUMBER, "SF") \
	FIELD(promise_collect_time, TEXT, "SF") FIELD(item_id, TEXT, "F") \
	FIELD(item_code, TEXT, "F") FIELD(need_consign_num, NUMBER, "F") \
	FIELD(store_code, TEXT, "F") FIELD(type, TEXT, "F") FIELD(sku_id, TEXT, "F") \
	FIELD(num_iid, NUMBER, "F") FIELD(consign_type, TEXT, "F") FIELD(combine_item_id, TEXT, "F") \
	FIELD(combine_item_code, TEXT, "F") FIELD(item_ratio, NUMBER, "F") \
	FIELD(bar_code, TEXT, "F") FIELD(delivery_cps, TEXT, "F") \
	FIELD(biz_delivery_code, TEXT, "F") FIELD(biz_store_code, TEXT, "F") \
	FIELD(biz_sd_type, TEXT, "F") FIELD(send_country, TEXT, "F") FIELD(send_state, TEXT, "F") \
	FIELD(send_city, TEXT, "F") FIELD(send_district, TEXT, "F") FIELD(send_town, TEXT, "F") \
	FIELD(send_division_code, TEXT, "F") FIELD(black_delivery_cps, TEXT, "F") \
	FIELD(white_delivery_cps, TEXT, "F")

#define AGREEMENT_FIELDS(FIELD) \
	FIELD(logistics_service_msg, TEXT, "SF") FIELD(asdp_biz_type, TEXT, "SF") \
	FIELD(asdp_ads, TEXT, "SF") FIELD(sign_time, TEXT, "SF") \
	FIELD(promise_sign_time, TEXT, "SF") FIELD(push_time, TEXT, "F") \
	FIELD(no_detail_part_consign, TEXT, "F") FIELD(sink_type, TEXT, "F")

#define REFUND_FIELDS(FIELD) \
	FIELD(refund_id, TEXT, "LGP") FIELD(tid, NUMBER, "LGP") FIELD(oid, NUMBER, "LGP") \
	FIELD(total_fee, TEXT, "LGP") FIELD(seller_nick, TEXT, "LGP") FIELD(created, TIME, "LGP") \
	FIELD(modified, TIME, "LGP") FIELD(order_status, TEXT, "LGP") FIELD(status, TEXT, "LGP") \
	FIELD(good_status, TEXT, "LGP") FIELD(has_good_return, FLAG, "LGP") \
	FIELD(refund_fee, TEXT, "LGP") FIELD(payment, TEXT, "LGP") FIELD(reason, TEXT, "LGP") \
	FIELD(desc, TEXT, "LGP") FIELD(title, TEXT, "LGP") FIELD(num, NUMBER, "LGP") \
	FIELD(company_name, TEXT, "LGP") FIELD(sid, TEXT, "LGP") FIELD(refund_phase, TEXT, "LGP") \
	FIELD(refund_version, NUMBER, "LGP") FIELD(sku, TEXT, "LGP") FIELD(attribute, TEXT, "LGP") \
	FIELD(outer_id, TEXT, "LGP") FIELD(operation_contraint, TEXT, "LGP") \
	FIELD(ouid, TEXT, "LGP") FIELD(buyer_open_uid, TEXT, "LGP") FIELD(buyer_nick, TEXT, "LGP") \
	FIELD(dispute_type, TEXT, "LGP") FIELD(address, TEXT, "G") \
	FIELD(advance_status, NUMBER, "G") FIELD(alipay_no, TEXT, "G") FIELD(cs_status, NUMBER, "G") \
	FIELD(good_return_time, TIME, "G") FIELD(num_iid, NUMBER, "G") FIELD(price, TEXT, "G") \
	FIELD(refund_remind_timeout, NEST, "G") FIELD(shipping_type, TEXT, "G") \
	FIELD(split_seller_fee, TEXT, "G") FIELD(split_taobao_fee, TEXT, "G") \
	FIELD(combine_item_info, NEST, "G") FIELD(special_refund_type, TEXT, "P")

#endif							/* GATEWAY_FIELDS_H */
