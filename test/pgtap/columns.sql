-- Columns of the three tables that BI reads: each says its unit, its meaning and where it comes from.
BEGIN;
SELECT plan(11);
SELECT ordersync.set_up();

CREATE TEMP VIEW said AS
SELECT c.relname AS tab, a.attname AS col, a.atttypid::regtype::text AS type, a.attgenerated, a.attnotnull,
	col_description(a.attrelid, a.attnum) AS comment,
	(regexp_match(col_description(a.attrelid, a.attnum), '\[(\w+)\.([\w.]+)\]$'))[1] AS object,
	split_part((regexp_match(col_description(a.attrelid, a.attnum), '\[(\w+)\.([\w.]+)\]$'))[2], '.', 1) AS field
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attrelid IN ('ordersync.orders'::regclass, 'ordersync.sub_orders'::regclass, 'ordersync.after_sales'::regclass)
	AND a.attnum > 0
	AND NOT a.attisdropped;

SELECT bag_eq($$SELECT tab::text, type, string_agg(col, ' ' ORDER BY col COLLATE "C") FROM said GROUP BY 1, 2$$, $$VALUES
	('orders', 'bigint', 'buyer_obtain_point_fee point_fee real_point_fee shop_id tid'),
	('orders', 'text', 'alipay_no buyer_nick buyer_open_uid cod_status invoice_no logistics_company oaid platform platform_state receiver_city receiver_country receiver_district receiver_state seller_memo seller_nick shipping_type status step_trade_status trade_from trade_source type'),
	('orders', 'timestamp with time zone', 'async_modified consign_time created details_at end_time first_seen_at modified paid_at pay_time synced_at'),
	('orders', 'date', 'created_date end_date paid_date'),
	('orders', 'numeric', 'adjust_fee available_confirm_fee cod_fee commission_fee credit_card_fee discount_fee gmv order_tax_fee paid_amount payment platform_subsidy_fee post_fee received_payment step_paid_fee total_fee yfx_fee'),
	('orders', 'boolean', 'has_buyer_message is_part_consign paid_amount_frozen'),
	('orders', 'integer', 'item_num line_count package_count'),
	('orders', 'smallint', 'seller_flag'),
	('sub_orders', 'bigint', 'cid num_iid oid refund_id shop_id sku_id tid'),
	('sub_orders', 'text', 'buyer_open_uid invoice_no item_meal_name logistics_company outer_iid outer_sku_id platform receiver_state refund_status shipping_type sku_properties_name status store_code title trade_status trade_type'),
	('sub_orders', 'timestamp with time zone', 'consign_time created end_time first_seen_at modified paid_at pay_time synced_at'),
	('sub_orders', 'date', 'created_date paid_date'),
	('sub_orders', 'smallint', 'line_no'),
	('sub_orders', 'numeric', 'adjust_fee discount_fee divide_order_fee paid_amount part_mjz_discount payment price total_fee'),
	('sub_orders', 'integer', 'num'),
	('sub_orders', 'boolean', 'is_gift paid_amount_estimated paid_amount_frozen'),
	('after_sales', 'bigint', 'num_iid oid refund_id refund_version shop_id sku_id tid'),
	('after_sales', 'text', 'buyer_nick buyer_open_uid company_name description dispute_type good_status operation_contraint order_status outer_id platform reason refund_phase sid sku special_refund_type status title'),
	('after_sales', 'boolean', 'has_good_return'),
	('after_sales', 'integer', 'advance_status cs_status num'),
	('after_sales', 'timestamp with time zone', 'closed_at created first_seen_at good_return_time modified refunded_at synced_at timeout turned_at'),
	('after_sales', 'date', 'created_date refunded_date'),
	('after_sales', 'numeric', 'payment price refund_fee refunded_amount split_seller_fee split_taobao_fee total_fee')$$,
	'these are the columns, by type');
SELECT is_empty($$SELECT tab, col FROM said WHERE comment IS NULL$$, 'every column is commented');
SELECT is_empty($$SELECT tab, col FROM said WHERE object IS NULL AND comment !~ '^derived|our (clock|number)'$$,
	'and names its field, unless it is derived or ours');
SELECT is_empty($$SELECT tab, col FROM said WHERE object IS NOT NULL AND comment ~ '^derived'$$, 'what is derived is no field');
SELECT is_empty($$SELECT tab, col FROM said WHERE attgenerated <> '' AND comment !~ '^derived'$$, 'days are derived');
SELECT is_empty($$
	SELECT s.tab, s.col, s.object, s.field
	FROM said s
	WHERE s.object IS NOT NULL
		AND s.field <> ALL (
			SELECT f
			FROM unnest(CASE s.object WHEN 'Refund' THEN ARRAY['list', 'details', 'special'] ELSE ARRAY['increment', 'list', 'details'] END) AS source,
				unnest(ordersync.served_fields(source, CASE s.object WHEN 'Trade' THEN 'trade' WHEN 'Order' THEN 'order' ELSE 'refund' END)) AS f)$$,
	'the fields that are named are served by some list');
SELECT is_empty($$SELECT tab, col FROM said WHERE object IS NOT NULL AND object <> CASE tab WHEN 'orders' THEN 'Trade' WHEN 'after_sales' THEN 'Refund' ELSE object END$$,
	'orders'' are a trade''s, after-sales'' a refund''s');
SELECT is_empty($$SELECT tab, col, comment FROM said WHERE (type = 'numeric') <> (comment ~ '^(derived, )?yuan[;:]')$$,
	'amounts say that they are yuan, and nothing else does');
SELECT is_empty($$SELECT tab, col, format_type(a.atttypid, a.atttypmod) FROM said JOIN pg_attribute a ON a.attrelid = ('ordersync.' || tab)::regclass AND a.attname = col
	WHERE type = 'numeric' AND format_type(a.atttypid, a.atttypmod) <> 'numeric(18,2)'$$, 'amounts are exact to the cent');
SELECT is_empty($$SELECT tab, col FROM said WHERE col ~ '_date$' AND (type <> 'date' OR attgenerated <> 's')$$, 'days are stored dates');
SELECT is_empty($$SELECT tab, col FROM said WHERE type ~ 'timestamp' AND type <> 'timestamp with time zone'$$, 'times are instants');

SELECT * FROM finish();
ROLLBACK;
