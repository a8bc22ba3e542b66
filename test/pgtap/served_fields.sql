-- The fields that each API serves, as the platform's documents list them: of a trade, of its lines (order), of a refund.
BEGIN;
SELECT plan(3);

CREATE TEMP TABLE documented AS
SELECT d.object, a.api, f.field
FROM (VALUES
	('trade', 'increment arrival list history details', 'seller_nick pic_path payment seller_rate post_fee receiver_state consign_time received_payment tid num num_iid status title type price discount_fee
		total_fee created pay_time modified end_time seller_flag step_trade_status step_paid_fee shipping_type adjust_fee service_orders buyer_rate
		receiver_city orders'),
	('trade', 'increment arrival list details', 'receiver_name receiver_address receiver_zip receiver_mobile receiver_phone receiver_country receiver_town order_tax_fee buyer_nick credit_card_fee
		mark_desc buyer_open_uid receiver_district post_gate_declare cross_bonded_declare order_tax_promotion_fee oaid'),
	('trade', 'increment arrival list history', 'has_buyer_message'),
	('trade', 'increment list details', 'shop_pick rx_audit_status service_type'),
	('trade', 'increment list', 'is_o2o_passport'),
	('trade', 'increment', 'no_shipping aid'),
	('trade', 'arrival list history details', 'sid commission_fee buyer_area point_fee real_point_fee buyer_obtain_point_fee is_part_consign'),
	('trade', 'arrival list details', 'acookie_id alipay_no cod_fee cod_status is_lgtype is_brand_sale is_force_wlb is_daixiao is_wt'),
	('trade', 'arrival list history', 'async_modified'),
	('trade', 'arrival list', 'alipay_id nut_feature lg_aging_type lg_aging'),
	('trade', 'list history details', 'trade_from trade_source send_time seller_can_rate'),
	('trade', 'list details', 'has_yfx yfx_fee yfx_id yfx_type o2o o2o_guide_id o2o_guide_name o2o_shop_id o2o_shop_name o2o_delivery o2o_out_trade_id zero_purchase cutoff_minutes
		es_time delivery_time collect_time dispatch_time sign_time delivery_cps es_range es_date os_range os_date asdp_biz_type asdp_ads drug_register
		promise_sign_time scenario_group is_force_dc logistics_agreement logistics_infos'),
	('trade', 'list', 'tmall_delivery threepl_timing cn_service'),
	('trade', 'history', 'ouid'),
	('trade', 'details', 'buyer_memo seller_memo buyer_message buyer_cod_fee seller_cod_fee express_agency_fee buyer_alipay_no buyer_email seller_alipay_no seller_mobile
		seller_phone seller_name seller_email available_confirm_fee has_post_fee timeout_action_time snapshot_url trade_memo promotion is_3D buyer_flag
		eticket_ext can_rate arrive_interval arrive_cut_time consign_interval shop_code hk_en_name hk_flight_no hk_china_name hk_card_code hk_card_type
		hk_flight_date hk_gender hk_birthday hk_pickup hk_pickup_id est_con_time promotion_details service_tags alipay_point pcc_af trade_ext et_ser_time
		et_shop_name et_verified_shop_name et_plate_number o2o_snatch_status is_sh_ship eticket_service_addr et_type market obs et_shop_id paid_coupon_fee
		coupon_fee trade_attr top_hold omni_attr omni_param assembly forbid_consign identity team_buy_hold share_group_hold ofp_hold o2o_step_trade_detail
		o2o_step_order_id o2o_et_order_id o2o_voucher_price delay_create_delivery tid_str toptype o2o_service_mobile o2o_service_name o2o_service_state
		o2o_service_city o2o_service_district o2o_service_town o2o_service_address o2o_step_trade_detail_new o2o_xiaopiao o2o_contract recharge_fee
		retail_store_code retail_out_order_id platform_subsidy_fee nr_offline wtt_param nr_store_order_id nr_shop_id nr_shop_name nr_shop_guide_id
		nr_shop_guide_name sort_info sorted nr_no_handle biz_code cloud_store is_gift donee_nick donee_open_uid suning_shop_code suning_shop_valid
		allow_appkeys new_presell you_xiang retail_store_id is_istore ua linkedmall_ext_info pay_channel rt_omni_send_type rt_omni_store_id
		rt_omni_outer_store_id tcps_start tcps_code tcps_end m_tariff_fee timing_promise promise_service outer_partner_member_id root_cat gifting
		gifting_takeout oi_date oi_range hold_install app_name easy_home_city_type nr_deposit_order_id nr_store_code propoint zqs_order_tag txp_freezer_id
		txp_receive_method expandcard_info extend_info lm brand_light_shop_source brand_light_shop_store_id is_wmly omni_package ncz_ext_attr
		invoice_detail_pay invoice_detail_mid_refund invoice_detail_after_refund expand_card_basic_price expand_card_expand_price expand_card_basic_price_used
		expand_card_expand_price_used is_openmall v_logistics_create q_r_pay order_follow_id ob_tag general_new_presell step_pay_details agree_refund_checks
		address_details stage_address_type og_id tmall_coupon_fee delivery_plan omnichannel_param is_cycle_buy play_type combine_logistics_details
		identify_info logistics_consign_info logistics_modify_info priority_consign_time real_name_auth_status third_party_customs_declaration receipt_type
		receipt_rel_ids'),
	('order', 'increment arrival list history details', 'item_meal_name pic_path refund_status outer_iid buyer_rate seller_rate seller_type cid oid status title price num_iid item_meal_id sku_id num
		outer_sku_id total_fee payment discount_fee adjust_fee sku_properties_name refund_id end_time consign_time shipping_type logistics_company invoice_no
		divide_order_fee part_mjz_discount'),
	('order', 'increment arrival list details', 'sub_order_tax_fee sub_order_tax_rate bind_oid is_daixiao ticket_outer_id ticket_expdate_key store_code is_www zhengji_status
		sub_order_tax_promotion_fee tax_coupon_discount tax_free'),
	('order', 'increment arrival details', 'is_service_order'),
	('order', 'increment list history details', 'tmser_spu_code'),
	('order', 'increment list details', 'md_qualification md_fee special_refund_type is_devalue_fee is_idle'),
	('order', 'list details', 'promise_collect_time is_force_dc'),
	('order', 'list', 'shp_info'),
	('order', 'details', 'snapshot_url timeout_action_time item_memo is_oversold order_from et_ser_time et_shop_name et_verified_shop_name et_plate_number estimate_con_time
		bind_oids customization inv_type is_sh_ship shipper f_type f_status f_term combo_id order_attr assembly_rela assembly_price assembly_item down_payment
		down_payment_ratio month_payment tail_payment installment_num penalty service_fee car_taker car_taker_phone car_taker_id car_store_code car_store_name
		out_unique_id ws_bank_apply_no oid_str fqg_num is_fqg_s_fee nr_reduce_inv_fail nr_outer_iid bind_oids_all_status sort_info o2o_guide_id o2o_guide_name
		o2o_shop_id o2o_shop_name biz_code cloud_store hj_settle_no_commission order_taking cloud_store_token cloud_store_bind_pos retail_store_id out_item_id
		rt_omni_outer_sc_id rt_omni_sc_id modify_address ti_modify_address_time credit_buy s_tariff_fee timing_promise promise_service es_date es_range
		os_date os_range cutoff_minutes es_time delivery_time collect_time dispatch_time sign_time promise_end_time os_activity_id os_fg_item_id os_gift_count
		os_sort_num propoint is_kaola extend_info brand_light_shop_store_id brand_light_shop_source service_order_type service_outer_id
		expand_card_expand_price_used_suborder expand_card_basic_price_used_suborder lijian auto_flow trade_fulfillment_type distribute_status gift_mids
		is_free_gift has_gift b2b_daixiao ship_info combine_item_info need_return bundle_id bundle_out_name bundle_type one_yuan_reservation_orders is_jzfx
		jewcc_no'),
	('refund', 'list special details', 'refund_id tid oid total_fee seller_nick created modified order_status status good_status has_good_return refund_fee payment reason desc title num
		company_name sid refund_phase refund_version sku attribute outer_id operation_contraint ouid buyer_open_uid buyer_nick dispute_type'),
	('refund', 'details', 'address advance_status alipay_no cs_status good_return_time num_iid price refund_remind_timeout shipping_type split_seller_fee split_taobao_fee
		combine_item_info'),
	('refund', 'special', 'special_refund_type')
) AS d (object, apis, fields),
	regexp_split_to_table(d.apis, ' ') AS a (api),
	regexp_split_to_table(d.fields, '\s+') AS f (field);
CREATE TEMP VIEW served AS
SELECT o.object, a.api, f.field
FROM (VALUES
	('trade', 'increment arrival list history details'),
	('order', 'increment arrival list history details'),
	('refund', 'list details special')
) AS o (object, apis),
	regexp_split_to_table(o.apis, ' ') AS a (api),
	unnest(ordersync.served_fields(a.api, o.object)) AS f (field);

SELECT is_empty('SELECT * FROM documented EXCEPT SELECT * FROM served', 'all that the documents list is served');
SELECT is_empty('SELECT * FROM served EXCEPT SELECT * FROM documented', 'and nothing else');
SELECT is_empty('SELECT object, api, field FROM served GROUP BY 1, 2, 3 HAVING count(*) > 1', 'each field once');

SELECT * FROM finish();
ROLLBACK;
