-- The privacy policy: which fields go, which are kept, what is replaced; names that no list has; JSON in strings; the rules that
-- admins set; what is stored brought to them; buyers who are forgotten.
BEGIN;
SET client_min_messages = warning;
SELECT ordersync.set_up();
SELECT plan(102);

CREATE FUNCTION pg_temp.stored(p_members text, p_stream text DEFAULT 'orders') RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(s.quarantine || ' ', '') || regexp_replace(convert_from(s.body, 'UTF8'), '^\{"(tid|refund_id)":1,"modified":"2026-03-01 11:00:00",?', '{')
	FROM ordersync.split_records(convert_to(format('[{"%s":1,"modified":"2026-03-01 11:00:00",%s}]',
		CASE p_stream WHEN 'orders' THEN 'tid' ELSE 'refund_id' END, p_members), 'UTF8'), p_stream) AS s
$$;

-- every field that the platform documents has the rule that is written here
CREATE TEMPORARY TABLE documented AS
SELECT f FROM regexp_split_to_table(btrim($$
Boolean Date Number String acookie_id action actual_ship_time address address_detail address_details adjust_fee advance_status agree_refund_checks
aid alipay_bind alipay_id alipay_no alipay_point allow_appkeys amount app_name apple_care_email apple_care_mpn area arrive_cut_time arrive_interval
asdp_ads asdp_biz_type assembly assembly_item assembly_price assembly_rela async_modified attribute auto_flow auto_repost available_confirm_fee
avatar b2b_daixiao bar_code basic_price basic_price_used before_close_flag before_confirm_flag before_enable_flag before_modify_flag before_pay_flag
before_rate_flag before_refund_flag before_ship_flag bind_oid bind_oids bind_oids_all_status biz_code biz_delivery_code biz_delivery_type biz_sd_type
biz_store_code biz_type black_delivery_cps brand_light_shop_source brand_light_shop_store_id bundle_id bundle_out_name bundle_type buyer_alipay_no
buyer_area buyer_cod_fee buyer_email buyer_flag buyer_memo buyer_message buyer_nick buyer_obtain_point_fee buyer_open_uid buyer_rate can_rate
car_store_code car_store_name car_taker car_taker_id car_taker_phone cid city cloud_store cloud_store_bind_pos cloud_store_token cn_service cod_fee
cod_status collect_time comb_id combine_item combine_item_code combine_item_id combine_item_info combine_logistics_details combine_sub_item_fee
combine_sub_item_id combine_sub_item_sku_id combo_id comm_amount_unit commission_fee company_name consign_interval consign_status consign_time
consign_type consumer_protection contact_name content country coupon_fee created credit_buy credit_card_fee cross_bonded_declare cs_status curr_phase
customization cutoff_minutes day_sort_val delay_create_delivery delivery_cps delivery_end delivery_plan delivery_process delivery_start delivery_time
delivery_tips desc detail_order_id detailed_address discount_fee dispatch_time dispute_type distribute_status district divide_order_fee division_code
donee_nick donee_open_uid down_payment down_payment_ratio drug_register easy_home_city_type edu_original_fee end_time es_date es_range es_time
est_con_time estcon_time estimate_con_time et_plate_number et_ser_time et_shop_id et_shop_name et_type et_verified_shop_name eticket_ext
eticket_service_addr exist_timeout expand_card_basic_price expand_card_basic_price_used expand_card_basic_price_used_suborder
expand_card_expand_price expand_card_expand_price_used expand_card_expand_price_used_suborder expand_price expand_price_used expandcard_info
express_agency_fee ext_attributes ext_service_biz_id extend_info extra_data f_status f_term f_type forbid_consign fqg_num freight_payer
general_new_presell gift_item_id gift_item_name gift_item_num gift_mids gifting gifting_takeout good_num good_return_time good_status goods_details
goods_num has_buyer_message has_gift has_good_return has_more_pic has_post_fee has_shop has_sub_stock has_yfx hj_settle_no_commission hk_birthday
hk_card_code hk_card_type hk_china_name hk_en_name hk_flight_date hk_flight_no hk_gender hk_pickup hk_pickup_id hl_appkey hold_install hour_sort_val
id identify_info identify_logistics_infos identify_service_infos identity installment_num inv_type invoice_detail_after_refund
invoice_detail_mid_refund invoice_detail_pay invoice_no is_3D is_brand_sale is_cycle_buy is_daixiao is_devalue_fee is_force_dc is_force_wlb
is_fqg_s_fee is_free_gift is_gift is_golden_seller is_idle is_istore is_jzfx is_kaola is_lgtype is_lightning_consignment is_o2o_passport is_openmall
is_oversold is_part_consign is_service_order is_sh_ship is_split is_tjb_seller is_wmly is_wt is_www ismain item_code item_id item_img_num
item_img_size item_meal_id item_meal_name item_memo item_name item_oid item_ratio item_title jewcc_no kd_child_discount_fee kd_discount_fee level
lg_aging lg_aging_type liangpin lijian linkedmall_ext_info lm logistic_service_tag_list logistics_agreement logistics_company logistics_consign_info
logistics_infos logistics_modify_info logistics_service_msg m_tariff_fee magazine_subscribe mark_desc market matched md_fee md_qualification mobile
modified modify_address modify_reason modify_time month_payment name ncz_ext_attr need_consign_num need_return new_presell nick
no_detail_part_consign no_shipping nr_deposit_order_id nr_no_handle nr_offline nr_outer_iid nr_reduce_inv_fail nr_shop_guide_id nr_shop_guide_name
nr_shop_id nr_shop_name nr_store_code nr_store_order_id num num_iid nut_feature o2o o2o_contract o2o_delivery o2o_et_order_id o2o_guide_id
o2o_guide_name o2o_out_trade_id o2o_service_address o2o_service_city o2o_service_district o2o_service_mobile o2o_service_name o2o_service_state
o2o_service_town o2o_shop_id o2o_shop_name o2o_snatch_status o2o_step_order_id o2o_step_trade_detail o2o_step_trade_detail_new o2o_voucher_price
o2o_xiaopiao oaid ob_tag obs ofp_hold og_id oi_date oi_range oid oid_str omni_attr omni_package omni_param omnichannel_param
one_yuan_reservation_orders online_gaming openuid operation_contraint order_amounts order_attr order_code order_follow_id order_from order_id
order_status order_taking order_tax_fee order_tax_promotion_fee orders origin_consign_time origin_fee os_activity_id os_date os_fg_item_id
os_gift_count os_range os_sort_num ouid out_item_id out_logistics_id out_sid out_unique_id outer_id outer_iid outer_partner_member_id outer_sku_id
paid_coupon_fee part_mjz_discount pay_channel pay_status pay_time payment pcc_af penalty phone pic_path plan_id plan_refund_status plan_status
platform_subsidy_fee play_type pmtp point_fee post_fee post_gate_declare prepare_time_begin price priority_consign_time privacy_expire_time
privacy_num privacy_protection promise_collect_time promise_end_time promise_outbound_time promise_service promise_sign_time promoted_type promotion
promotion_desc promotion_details promotion_id promotion_name prop_img_num prop_img_size propoint prov pub_app_key pub_time push_time q_r_pay quantity
rds_id rds_name real_name_auth_status real_point_fee reason receipt_rel_ids receipt_type received_payment receiver_address receiver_city
receiver_country receiver_district receiver_mobile receiver_name receiver_phone receiver_state receiver_town receiver_zip recharge_fee refund
refund_fee refund_id refund_phase refund_remind_timeout refund_status refund_version related_id remind_type render_consign_time result
retail_out_order_id retail_store_code retail_store_id root_cat rt_omni_outer_sc_id rt_omni_outer_store_id rt_omni_sc_id rt_omni_send_type
rt_omni_store_id rx_audit_status s_tariff_fee scenario_group score secret_no_expire_time seller_alipay_no seller_can_rate seller_cod_fee
seller_confirm seller_credit seller_email seller_flag seller_memo seller_mobile seller_name seller_nick seller_phone seller_rate seller_type
send_city send_country send_district send_division_code send_goods_details send_state send_time send_town service_detail_url service_fee service_id
service_order_type service_orders service_outer_id service_tag service_tags service_type sex share_group_hold ship_info ship_time_begin shipper
shipping_type shop_code shop_pick shp_info sid sign_food_seller_promise sign_time sink_type sku sku_id sku_properties_name sku_title snapshot_url
sort_info sorted special_refund_type split_seller_fee split_taobao_fee stage_address_type stage_no state status status_desc status_time
step_actual_pay_fee step_channel_no step_instrument_code step_no step_paid_fee step_pay_details step_trade_status store_code sub_order_id
sub_order_tax_fee sub_order_tax_promotion_fee sub_order_tax_rate sub_tids sub_trade_id suning_shop_code suning_shop_valid tail_payment
tax_coupon_discount tax_free tcps_code tcps_end tcps_start team_buy_hold telephone third_party_customs_declaration third_party_status threepl_timing
ti_modify_address_time ticket_expdate_key ticket_outer_id tid tid_str timeout timeout_action_time timing_promise title tmall_coupon_fee
tmall_delivery tmser_spu_code top_hold topic toptype total_fee total_num town trace_list trade_attr trade_ext trade_from trade_fulfillment_type
trade_id trade_memo trade_source transport_type txp_freezer_id txp_receive_method type ua unit_id unused_delivery_error_msg
unused_warehouse_error_msg used_black_delivery_error_msg user_id user_nick v_logistics_create vertical_market vip_info white_delivery_cps
ws_bank_apply_no wtt_param yfx_fee yfx_id yfx_type you_xiang zero_purchase zhengji_status zqs_order_tag $$, E' \n'), '\s+') AS f;
SELECT is((SELECT string_agg(f, ' ' ORDER BY f COLLATE "C") FROM documented WHERE ordersync.privacy_rule(f) = 'drop'),
	'acookie_id address address_detail address_details alipay_id apple_care_email buyer_alipay_no buyer_email car_taker car_taker_id car_taker_phone '
	'contact_name detailed_address donee_nick donee_open_uid et_plate_number eticket_service_addr f_term hk_birthday hk_card_code hk_card_type '
	'hk_china_name hk_en_name hk_flight_date hk_flight_no hk_gender hk_pickup hk_pickup_id mobile nr_shop_guide_name o2o_guide_name '
	'o2o_service_address o2o_service_mobile o2o_service_name o2o_service_town phone privacy_num receiver_address receiver_mobile receiver_name '
	'receiver_phone receiver_town receiver_zip seller_alipay_no seller_email seller_mobile seller_name seller_phone sex telephone town',
	'dropped of what is documented');
SELECT is((SELECT string_agg(f, ' ' ORDER BY f COLLATE "C") FROM documented WHERE ordersync.privacy_rule(f) IN ('scrub', 'hash')),
	'buyer_memo buyer_message desc seller_memo trade_memo', 'scrubbed');
SELECT cmp_ok((SELECT count(*) FROM documented WHERE ordersync.privacy_rule(f) = 'keep'), '>', 550::bigint, 'all else is kept');
SELECT set_eq('SELECT field, rule, source FROM ordersync.privacy', 'SELECT field, rule, ''default'' FROM ordersync.privacy_defaults()', 'the table begins with the defaults');

-- names that no list has, by their words
SELECT is((SELECT string_agg(f, ' ') FROM regexp_split_to_table('buyer_mobile mobile2 userPhone contactTel fax wechat_id buyer_qq home_address addr_line zip_code '
	'idCard id_no cert_no certificate_number passport_no birthday gender_type buyer_sex real_name firstName consignee linkman contact_person car_plate clientIP ip '
	'ipv6 login_ip imei bank_account alipay_account account_name owner_name user_name courier_name rider_mobile delivery_man_name taxpayer_no invoice_title '
	'invoiceTitle receiverName RECEIVER_MOBILE receiver-address hkNewField donee_address payer_bank lng latitude IPAddress emailAddress', ' ') AS f
	WHERE ordersync.privacy_rule(f) <> 'drop'), NULL, 'names of persons, phones, places, documents, accounts go');
SELECT is((SELECT string_agg(f, ' ') FROM regexp_split_to_table('trip ship_time shipping_type description template title shop_title invoice_no invoice_type telling '
	'receiver_city receiver_state address_type contact_count phone_state is_gift identity identity_type zipper recipe hotel_id sexy unplated '
	'mail_no logistics_company buyer_rate buyer_area delivery_time card_type account_period name item_name shop_name store_name promotion_name idle_no grid_no '
	'descriptor equipment_id tip manip', ' ') AS f
	WHERE ordersync.privacy_rule(f) <> 'keep'), NULL, 'by whole words: what only looks like them stays');

-- where they stand
SELECT is(pg_temp.stored(e.members), e.expected, 'JSON in strings, ' || e.why)
FROM (VALUES
	('in one', '"trade_attr":"{\"receiver_name\":\"张三\",\"a\":1}"', '{"trade_attr":"{\"a\":1}"}'),
	('an array', '"x":"[{\"mobile\":1},{\"b\":2}]"', '{"x":"[{},{\"b\":2}]"}'),
	('in one in one', '"x":"{\"y\":\"{\\\"buyer_email\\\":\\\"a\\\",\\\"b\\\":1}\"}"', '{"x":"{\"y\":\"{\\\"b\\\":1}\"}"}'),
	('a string of a string', '"x":"\"{\\\"phone\\\":1,\\\"b\\\":1}\""', '{"x":"\"{\\\"b\\\":1}\""}'),
	('with blanks around', '"x":"  {\"phone\":1,\"b\":2} "', '{"x":"{\"b\":2}"}'),
	('quotes as escapes', '"x":"{\u0022phone\u0022:1,\u0022b\u0022:2}"', '{"x":"{\"b\":2}"}'),
	('a bracket as escape', '"x":"\u007b\"phone\":1,\"b\":2}"', '{"x":"{\"b\":2}"}'),
	('a name with escapes', '"x":"{\"\\u0072eceiver_name\":\"a\",\"b\":2}"', '{"x":"{\"b\":2}"}'),
	('an unknown name', '"x":"{\"buyerPhone\":1,\"b\":2}"', '{"x":"{\"b\":2}"}'),
	('that is broken', '"x":"{\"receiver_name\":\"张三\",\"a\":tru"', '{"x":"{\"a\":tru"}'),
	('behind other text', '"x":"data: {\"receiver_name\":\"张三\",\"a\":1}"', '{"x":"data: {\"a\":1}"}'),
	('of an array''s elements', '"x":["{\"phone\":1}",{"y":["{\"phone\":1,\"b\":2}"]}]', '{"x":["{}",{"y":["{\"b\":2}"]}]}'),
	('a memo', '"x":"{\"seller_memo\":\"call 13800138000\",\"a\":1}"', '{"x":"{\"seller_memo\":\"call ***\",\"a\":1}"}'),
	('that holds nothing', '"x":"{\"b\" : [1, \"c\"] }","y":"a \"quoted\" word","z":"http:\/\/a\/b","u":"\u4e2d\"\u6587"',
		'{"x":"{\"b\" : [1, \"c\"] }","y":"a \"quoted\" word","z":"http:\/\/a\/b","u":"\u4e2d\"\u6587"}')
) AS e (why, members, expected);
SELECT ok(pg_temp.stored('"x":' || j.text) !~ '张三', 'JSON in eight strings within each other')
FROM (WITH RECURSIVE nested (n, text) AS (
		SELECT 0, '{"receiver_name":"张三","a":1}'
		UNION ALL SELECT n + 1, to_json('{"x":' || text || '}')::text FROM nested WHERE n < 8)
	SELECT text FROM nested WHERE n = 8) j;
SELECT is(pg_temp.stored(e.members), e.expected, e.why)
FROM (VALUES
	('an escape in a name', '"\u0072eceiver_name":"x","b":1', '{"b":1}'),
	('an object under a dropped name', '"address_details":{"address_detail":[{"city":"杭州","telephone":"1"}]},"b":1', '{"b":1}'),
	('deep in arrays', '"a":[[{"hk_new":1,"c":[{"donee_x":{}},2]}]]', '{"a":[[{"c":[{},2]}]]}'),
	('a name of a hundred characters', '"' || repeat('a_', 50) || 'mobile":1,"b":1', '{"b":1}'),
	('a name that is empty', '"":1,"b":1', '{"":1,"b":1}'),
	('names beyond what is remembered', (SELECT string_agg(format('"n%s":%s', n, n), ',') || ',"buyer_phone":1' FROM generate_series(1, 3000) n),
		'{' || (SELECT string_agg(format('"n%s":%s', n, n), ',') || '}' FROM generate_series(1, 3000) n))
) AS e (why, members, expected);

-- what people wrote
SELECT is(pg_temp.stored('"seller_memo":' || e.value), '{"seller_memo":' || e.expected || '}', 'a memo: ' || e.why)
FROM (VALUES
	('a phone', '"call 13800138000 today"', '"call *** today"'),
	('seven digits', '"1234567"', '"***"'), ('six', '"123456 and 2026-11-30 12:00"', '"123456 and 2026-11-30 12:00"'),
	('in groups', '"138 0013 8000 or 138-0013-8000"', '"*** or ***"'), ('full width', '"电话１３８００１３８０００。"', '"电话***。"'),
	('an e-mail', '"to li.si+a@mail.example.com, please"', '"to ***, please"'), ('no e-mail', '"a@b @c 5@d"', '"a@b @c 5@d"'),
	('as escapes', '"\u0031\u0033\u0038\u0030\u0030\u0031\u0033\u0038\u0030\u0030\u0030\n"', '"***\n"'),
	('a number', '13800138000', '"***"'), ('a short number', '42', '42'), ('null', 'null', 'null'), ('empty', '""', '""'),
	('an object', '{"a":"13800138000","b":[1,"x@y.cn",true]}', '{"a":"***","b":[1,"***",true]}'),
	('JSON', '"{\"receiver_name\":\"a\",\"n\":13800138000}"', '"{\"n\":***}"'),
	('already replaced', '"*** and ***"', '"*** and ***"'), ('quotes', '"say \"1234567\" \\ "', '"say \"***\" \\ "')
) AS e (why, value, expected);
SELECT is(pg_temp.stored('"desc":"12345678","title":"12345678"', 'after_sales'), '{"desc":"***","title":"12345678"}', 'a refund''s description, and what is not');
SELECT is(pg_temp.stored('"buyer_message":"a13800138000' || chr(1) || 'b","buyer_memo":"x"'), '{"buyer_message":"a***\u0001b","buyer_memo":"x"}', 'in a value that had to be mended');
SELECT is((SELECT s.mended FROM ordersync.split_records(convert_to('[{"tid":1,"modified":"2026-03-01 11:00:00","seller_memo":"1' || chr(1) || '380"}]', 'UTF8'), 'orders') s),
	NULL, 'of which the bytes are not kept');

-- findings
SELECT is((SELECT s.findings::text FROM ordersync.split_records(convert_to('[{"tid":1,"modified":"2026-03-01 11:00:00","buyer_ip2":1,"a":[{"b":{"contactTel":"x"}}],"receiver_name":"x",'
	'"j":"{\"k\":{\"qq\":1}}"}]', 'UTF8'), 'orders') s), '{buyer_ip2,a.b.contactTel,j.k.qq}', 'what no list has is told by its path');
SELECT is((SELECT s.findings::text FROM ordersync.split_records('[{"tid":1,"modified":"2026-03-01 11:00:00","13800138000":{"phone_of":1}}]', 'orders') s), '{***.phone_of}', 'without a value that is a name');
SELECT ordersync.note_privacy_findings(1, '{a.qq,b.tel}', '{1,2}');
SELECT ordersync.note_privacy_findings(1, '{a.qq}', '{5}');
SELECT results_eq('SELECT path, records, done FROM ordersync.privacy_findings ORDER BY path', $$VALUES ('a.qq', 6::bigint, 'dropped'), ('b.tel', 2, 'dropped')$$, 'they are counted');

-- rules that are set
SELECT throws_ok(format('SELECT ordersync_set_privacy(%L, %L)', e.field, e.rule), '22023', e.message, 'refused: ' || e.message)
FROM (VALUES
	(NULL, 'drop', 'NULL is not the name of a field'), ('a.b', 'drop', '''a.b'' is not the name of a field'), ('Buyer', 'drop', '''Buyer'' is not the name of a field'),
	('*', 'drop', '''*'' is not the name of a field'), ('buyer_nick', 'blur', 'unrecognized rule "blur"'), ('tid', 'hash', 'field "tid" cannot have a rule'),
	('modified', 'drop', 'field "modified" cannot have a rule'), ('payment', 'scrub', 'field "payment" cannot have a rule'), ('*_fee', 'drop', 'field "*_fee" cannot have a rule'),
	('ref*', 'drop', 'field "ref*" cannot have a rule'), ('orders', 'drop', 'field "orders" cannot have a rule')
) AS e (field, rule, message);
SELECT ordersync_set_privacy('buyer_nick', 'hash'), ordersync_set_privacy('title', 'drop'), ordersync_set_privacy('*_remark', 'scrub'),
	ordersync_set_privacy('buyer_phone', 'keep'), ordersync_set_privacy('receiver_name', 'keep'), ordersync_set_privacy('item_meal_name', 'hash');
SELECT matches(pg_temp.stored('"buyer_nick":"a**","title":"t","item_remark":"13800138000","buyer_phone":"1","receiver_name":"r","item_meal_name":{"a":1}'),
	'^\{"buyer_nick":"h:[A-Za-z0-9_-]{22}","item_remark":"[*]{3}","buyer_phone":"1","receiver_name":"r"\}$', 'hash, drop, a pattern, keep; what is no scalar is not hashed');
SELECT is(pg_temp.stored('"a":{"buyer_nick":"7"},"buyer_nick":7'), pg_temp.stored('"a":{"buyer_nick":7},"buyer_nick":"\u0037"'), 'a value has one hash, as number and as text');
SELECT is(pg_temp.stored('"buyer_nick":null,"b":{"buyer_nick":""}'), '{"buyer_nick":null,"b":{"buyer_nick":""}}', 'nothing has none');
SELECT is(pg_temp.stored(substr(s, 2, length(s) - 2)), s, 'a hash is its own') FROM pg_temp.stored('"buyer_nick":"x"') s;
SELECT is(length(pg_temp.stored('"x":[' || repeat('{"buyer_nick":1},', 500) || '1]')), 9 + 500 * 42, 'hashes are longer than what they stand for');
SELECT matches(pg_temp.stored('"j":"{\"buyer_nick\":1}"'), '^\{"j":"\{\\"buyer_nick\\":\\"h:.{22}\\"\}"\}$', 'in a string, too');
-- mutated: never a crash, never a good record that jsonb refuses, nothing that the record before or behind it suffers from
SELECT setseed(0.20261130);
CREATE TEMPORARY TABLE mutated AS
SELECT set_byte(overlay(r.bytes PLACING p.piece FROM r.at FOR p.len), floor(random() * 330)::integer, floor(random() * 256)::integer) AS record
FROM (SELECT convert_to($json$"buyer_nick":1,"j":"{\"buyer_nick\":7,\"receiver_name\":\"x\",\"k\":\"[{\\\"buyer_nick\\\":\\\"a\\\",\\\"phone\\\":1}]\"}","seller_memo":{"a":[13800138000,"x@y.cn"]},
		"item_remark":"\u0031\u00331234567 \"q\" \/ 中文","address_details":[{"x":{}}],"new_phone":"\ud83d\ude00","buyer_nick":"\u4e2d","orders":{"order":[{"oid":1,"buyer_nick":"b","hk_x":null}]}$json$, 'UTF8') AS bytes,
		1 + floor(random() * 340)::integer AS at FROM generate_series(1, 4000)) r,
	LATERAL (SELECT (ARRAY['\x5c', '\x22', '\x5c22', '\x5c5c22', '\x7b', '\x7d', '\x00', '\xff', '\x01', '\x5c7530303030', '\x2c', '\x3a', '\x']::bytea[])[1 + floor(random() * 13 + r.at * 0)::integer] AS piece,
		floor(random() * 4 + r.at * 0)::integer AS len) p;
CREATE FUNCTION pg_temp.fault(p_record bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v record;
	n integer := 0;
BEGIN
	FOR v IN SELECT s.quarantine, s.body, s.id FROM ordersync.split_records('[{"tid":1,"modified":"2026-03-01 11:00:00"},{"tid":2,"modified":"2026-03-01 11:00:00",'::bytea || p_record || '}]'::bytea, 'orders') s LOOP
		n := n + 1;
		IF n = 1 AND v.id IS DISTINCT FROM 1 THEN
			RETURN 'the record before it';
		ELSIF v.quarantine IS NULL THEN
			PERFORM convert_from(v.body, 'UTF8')::jsonb;
		END IF;
	END LOOP;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
SELECT is((SELECT string_agg(DISTINCT f, E'\n') FROM mutated m, pg_temp.fault(m.record) f), NULL, 'mutated records');
SELECT is((SELECT count(*) FROM ordersync.secrets WHERE kind = 'hash_key' AND octet_length(sealed) > 64), 1::bigint, 'the key is sealed');
SELECT is((SELECT array_agg(details ->> 'field' ORDER BY details ->> 'field' COLLATE "C")::text FROM ordersync.setup_history WHERE action = 'privacy changed'),
	'{*_remark,buyer_nick,buyer_phone,item_meal_name,receiver_name,title}', 'who changed what is recorded');
SELECT ordersync_set_privacy('buyer_phone', 'keep');
SELECT is((SELECT count(*) FROM ordersync.setup_history WHERE action = 'privacy changed'), 6::bigint, 'but not what changes nothing');
SELECT ordersync_set_privacy(f) FROM unnest('{buyer_nick,title,*_remark,buyer_phone,receiver_name,item_meal_name}'::text[]) f;
SELECT is(pg_temp.stored('"buyer_nick":"a**","title":"t","item_remark":"13800138000","buyer_phone":"1","receiver_name":"r"'),
	'{"buyer_nick":"a**","title":"t","item_remark":"13800138000"}', 'the defaults again');
SELECT set_eq('SELECT field, rule, source FROM ordersync.privacy', 'SELECT field, rule, ''default'' FROM ordersync.privacy_defaults()', 'and no other rows');

-- what is stored
CREATE FUNCTION pg_temp.put(p_records text, p_source text DEFAULT 'list') RETURNS text LANGUAGE sql AS $$
	SELECT (SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged) FROM ordersync.apply_orders(1, p_source, 1, 1, s.ids, s.modified, s.digests, s.bodies) a)
	FROM (SELECT array_agg(r.id ORDER BY r.id) AS ids, array_agg(r.modified ORDER BY r.id) AS modified, array_agg(r.digest ORDER BY r.id) AS digests,
			array_agg(convert_from(r.body, 'UTF8') ORDER BY r.id) AS bodies
		FROM ordersync.split_records(convert_to(p_records, 'UTF8'), 'orders') r) s
$$;
CREATE FUNCTION pg_temp.put_refund(p_record text) RETURNS text LANGUAGE sql AS $$
	SELECT (SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged) FROM ordersync.apply_after_sales(1, 'list', 1, 1, ARRAY[r.id], ARRAY[r.modified], ARRAY[r.digest],
		ARRAY[convert_from(r.body, 'UTF8')]) a)
	FROM ordersync.split_records(convert_to('[' || p_record || ']', 'UTF8'), 'after_sales') r
$$;
CREATE FUNCTION pg_temp.apply_policy() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v record;
	n bigint := 0;
BEGIN
	PERFORM ordersync.apply_privacy_begin();
	LOOP
		SELECT * INTO v FROM ordersync.apply_privacy_batch();
		n := n + v.written;
		EXIT WHEN v.done;
	END LOOP;
	RETURN n;
END
$$;
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES (1, 's', '{s}', 'taobao');
CREATE FUNCTION pg_temp.sent(p_tid bigint, p_buyer text) RETURNS text LANGUAGE sql AS $$
	SELECT replace(replace($json$[{"tid":TID,"modified":"2026-03-01 11:00:00","created":"2026-03-01 10:00:00","status":"TRADE_FINISHED","payment":"10.00",
		"buyer_nick":"nick-WHO","buyer_open_uid":"uid-WHO","oaid":"oaid-WHO","alipay_no":"2014TID","receiver_state":"浙江","receiver_city":"杭州","receiver_district":"西湖",
		"buyer_area":"area-WHO","trade_from":"WAP","orders":{"order":[{"oid":TID,"num":1,"price":"10.00","title":"t","customization":"for uid-WHO"}]}}]$json$,
		'TID', p_tid::text), 'WHO', p_buyer)
$$;
SELECT is(pg_temp.put(pg_temp.sent(n, CASE WHEN n % 3 = 0 THEN 'anna' ELSE 'ben' END)), '1/0/0', 'stored') FROM generate_series(1, 6) n;
SELECT is(pg_temp.put_refund('{"refund_id":9,"tid":3,"oid":3,"modified":"2026-03-02 11:00:00","status":"SUCCESS","refund_fee":"1.00","buyer_nick":"nick-anna","buyer_open_uid":"uid-anna","desc":"bad"}'),
	'1/0/0', 'an after-sale');
INSERT INTO ordersync.quarantine (shop_id, stream, record_id, reason, body, digest) VALUES
	(1, 'orders', 77, 'no_time', '{"tid":77,"buyer_nick":"nick-anna","buyer_open_uid":"uid-anna"}', '\x01'), (1, 'orders', NULL, 'syntax', '{"buyer_nick":"nick-ben"', '\x02');
SELECT is(pg_temp.apply_policy(), 0::bigint, 'what was stored by the policy is as it says');
SELECT ordersync_set_privacy('buyer_nick', 'hash'), ordersync_set_privacy('customization', 'drop'), ordersync_set_privacy('oaid', 'drop');
SELECT is(pg_temp.apply_policy(), 6 + 1 + 6 + 1 + 2::bigint, 'payloads, rows and quarantine are brought to it');
SELECT is((SELECT count(*) FROM ordersync.orders WHERE buyer_nick ~ '^h:.{22}$' AND oaid IS NULL AND buyer_open_uid ~ 'uid'), 6::bigint, 'in the rows');
SELECT is((SELECT count(DISTINCT buyer_nick) FROM (SELECT buyer_nick FROM ordersync.orders UNION ALL SELECT buyer_nick FROM ordersync.after_sales) n), 2::bigint, 'one hash a buyer');
SELECT is((SELECT count(*) FROM ordersync.order_payloads p WHERE p.payload::text ~ 'nick-|oaid|customization'), 0::bigint, 'in the records');
SELECT is((SELECT string_agg(convert_from(body, 'UTF8'), ' ' ORDER BY quarantine_id) ~ 'nick-' FROM ordersync.quarantine), false, 'in quarantine');
SELECT is(pg_temp.apply_policy(), 0::bigint, 'once');
SELECT is(pg_temp.put(pg_temp.sent(1, 'ben')), '0/0/1', 'a record that comes again has not changed');
SELECT ok((SELECT applied_generation = generation AND apply_generation IS NULL FROM ordersync.privacy_state), 'which is noted');

-- a shop that is stricter
UPDATE ordersync.shops SET options = '{"privacy": "strict"}' WHERE shop_id = 1;
SELECT is(pg_temp.put('[{"tid":50,"modified":"2026-03-01 11:00:00","status":"TRADE_FINISHED","seller_memo":"a","buyer_memo":"b","buyer_message":"c","trade_memo":"d","title":"t"}]', 'details'), '1/0/0', 'strict');
SELECT is((SELECT payload::text FROM ordersync.order_payloads WHERE tid = 50), '{"tid": 50, "title": "t", "status": "TRADE_FINISHED", "modified": "2026-03-01 11:00:00"}', 'stores nothing that people wrote');
UPDATE ordersync.shops SET options = '{}' WHERE shop_id = 1;

-- forgotten
SELECT throws_ok($$SELECT ordersync_forget('')$$, '22023', 'no buyer was given', 'nobody is no buyer');
SELECT results_eq($$SELECT relation, rows FROM ordersync_forget('uid-anna')$$,
	$$VALUES ('orders', 2::bigint), ('sub_orders', 2), ('after_sales', 1), ('order_payloads', 2), ('after_sale_payloads', 1), ('quarantine', 1), ('order_changes', 0), ('request_log', 0)$$,
	'a buyer is forgotten');
CREATE TEMPORARY TABLE anna AS SELECT ordersync.hash_value('nick-anna') AS buyer_nick;
CREATE FUNCTION pg_temp.traces() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.content, E'\n') FROM (
		SELECT o::text FROM ordersync.orders o UNION ALL SELECT s::text FROM ordersync.sub_orders s UNION ALL SELECT a::text FROM ordersync.after_sales a
		UNION ALL SELECT p::text FROM ordersync.order_payloads p UNION ALL SELECT p::text FROM ordersync.after_sale_payloads p
		UNION ALL SELECT convert_from(q.body, 'UTF8') FROM ordersync.quarantine q UNION ALL SELECT h::text FROM ordersync.setup_history h
		UNION ALL SELECT f::text FROM ordersync.forgotten f UNION ALL SELECT c::text FROM ordersync.order_changes c) t (content)
	WHERE t.content ~ 'anna' OR t.content ~ (SELECT buyer_nick FROM anna)
$$;
SELECT is(pg_temp.traces(), NULL, 'nothing tells her');
SELECT results_eq('SELECT tid, payment, receiver_state, receiver_city, item_num, trade_from FROM ordersync.orders WHERE tid IN (3, 6) ORDER BY tid',
	$$VALUES (3::bigint, 10.00, '浙江', NULL, 1, 'WAP'), (6, 10.00, '浙江', NULL, 1, 'WAP')$$, 'her orders stay');
SELECT is((SELECT count(*) FROM ordersync.orders WHERE buyer_open_uid = 'uid-ben'), 4::bigint, 'and so do others''');
SELECT is(pg_temp.put(pg_temp.sent(n, CASE WHEN n % 3 = 0 THEN 'anna' ELSE 'ben' END)), '0/0/1', 'read again, nothing has changed') FROM generate_series(3, 4) n;
SELECT is(pg_temp.put('[{"tid":6,"modified":"2026-03-05 11:00:00","status":"TRADE_FINISHED","receiver_city":"anna","ouid":"anna"}]', 'history'), '0/1/0', 'a list that names no buyer');
SELECT is(pg_temp.put(pg_temp.sent(12, 'anna')), '1/0/0', 'a new order');
SELECT is(pg_temp.put_refund('{"refund_id":10,"tid":6,"modified":"2026-03-02 11:00:00","status":"SUCCESS","buyer_nick":"nick-anna","desc":"anna"}'), '1/0/0', 'and an after-sale of hers');
SELECT is(pg_temp.traces(), NULL, 'bring nothing back');
SELECT is((SELECT sum(rows) FROM ordersync_forget('uid-anna')), 0::numeric, 'a second time there is nothing');

SELECT * FROM finish();
ROLLBACK;
