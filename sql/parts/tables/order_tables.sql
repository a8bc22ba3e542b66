/*
 * The tables of orders, sub-orders, after-sales.
 *
 * Their columns, and the columns' comments, are in sql/dictionary.txt.
 * Each comment says what its column holds: unit, meaning, how fresh it is where
 * not every list of the platform serves it, and in brackets the field that it
 * comes from: of the platform's Trade, of its Order (an item line), of its Refund.
 * What has no field is derived, or ours.
 *
 * Amounts are yuan; times are instants, their *_date columns the day in
 * Asia/Shanghai, stored so that a session in UTC groups by the right day
 * without an expression.  Rows are rewritten a few times in an order's life,
 * so pages keep room for HOT updates; no index stands on a column that every
 * update changes, but one of after-sales, which are few and counted by it.
 *
 * The indexes by day include what the sales views add up, so that a month is
 * read from one place in the index and not from as many pages as it has orders.
 * What they include hardly changes but with the day that they are sorted by, so
 * it costs no HOT update (platform_state decides on an index already).  They
 * spare the tables only where a page is known to be all-visible: hence the
 * vacuums by a hundredth of the rows, which visit little but the pages written
 * since the last.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_order_tables()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.orders (
		{{orders.table: # #definition}},
		PRIMARY KEY ({{orders.key}})
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);

	CREATE TABLE IF NOT EXISTS ordersync.sub_orders (
		{{sub_orders.table: # #definition}},
		PRIMARY KEY ({{sub_orders.key}})
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);

	CREATE TABLE IF NOT EXISTS ordersync.after_sales (
		{{after_sales.table: # #definition}},
		PRIMARY KEY ({{after_sales.key}})
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);

	PERFORM ordersync.add_index('orders_created_date_idx', 'orders',
		'(shop_id, created_date) INCLUDE (gmv)');
	PERFORM ordersync.add_index('orders_paid_date_idx', 'orders',
		'(shop_id, paid_date) INCLUDE (paid_amount, post_fee, buyer_open_uid, platform_state)');
	PERFORM ordersync.add_index('orders_tid_idx', 'orders', '(tid)');
	-- open orders, a few in a hundred; end_time is set once in an order's life, status changes again and again
	PERFORM ordersync.add_index('orders_open_idx', 'orders',
		'(shop_id, created_date) WHERE end_time IS NULL');
	-- what is not in the lists, so that it is noted when it is again
	PERFORM ordersync.add_index('orders_unlisted_idx', 'orders',
		$$(shop_id, tid) WHERE platform_state <> 'listed'$$);

	PERFORM ordersync.add_index('sub_orders_tid_idx', 'sub_orders', '(shop_id, tid)');
	PERFORM ordersync.add_index('sub_orders_paid_date_idx', 'sub_orders',
		'(shop_id, paid_date, num_iid) INCLUDE (paid_amount, num, oid)');
	-- the link check: lines that name an after-sale, a few in a hundred
	PERFORM ordersync.add_index('sub_orders_refund_id_idx', 'sub_orders',
		'(shop_id, refund_id) WHERE refund_id IS NOT NULL');

	PERFORM ordersync.add_index('after_sales_oid_idx', 'after_sales', '(shop_id, oid)');
	PERFORM ordersync.add_index('after_sales_tid_idx', 'after_sales', '(shop_id, tid)');
	-- a day is counted by it: without, all of a shop's after-sales are read for each
	PERFORM ordersync.add_index('after_sales_modified_idx', 'after_sales', '(shop_id, modified)');
	PERFORM ordersync.add_index('after_sales_refunded_date_idx', 'after_sales',
		'(shop_id, refunded_date) INCLUDE (refunded_amount)');

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('orders', NULL, 'one row an order (trade), as the platform last described it; amounts in yuan, postage and fees once per order'),
		('sub_orders', NULL, 'one row an item line of an order, with its order''s facts beside its own; sum paid_amount, never payment'),
		('after_sales', NULL, 'one row a refund or other after-sale, linked to its order by tid and to its line by oid'),
		{{orders.table: ('orders', '#', #comment)}},
		{{sub_orders.table: ('sub_orders', '#', #comment)}},
		{{after_sales.table: ('after_sales', '#', #comment)}}
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_order_tables() IS
	'creates the tables of orders, sub-orders and after-sales if they are missing; part of ordersync.set_up_data()';
