-- Tables that an older version made: set-up adds the columns that they lack, and leaves those that are there as they are.
BEGIN;
SELECT plan(9);
SET client_min_messages = error;
SET LOCAL TimeZone = 'America/New_York';
SELECT ordersync.set_up();

INSERT INTO ordersync.orders (shop_id, tid, created, end_time) VALUES
	(7, 1, '2003-05-09 15:59:59+00', '2026-03-02 16:00:00+00'), (7, 2, '2003-05-09 16:00:00+00', '2026-03-02 15:59:59.999999+00'),
	(7, 3, '2026-06-30 23:59:59+08', 'infinity'), (7, 4, NULL, NULL);
SELECT results_eq('SELECT created_date FROM ordersync.orders ORDER BY tid', $$VALUES ('2003-05-09'::date), ('2003-05-10'), ('2026-06-30'), (NULL)$$,
	'days are those of Shanghai, whatever the session''s zone');
SELECT is_empty($$SELECT t FROM generate_series('1992-01-01 00:30+08'::timestamptz, '2060-01-01', '1 hour') t
	WHERE (t AT TIME ZONE INTERVAL '08:00')::date <> (t AT TIME ZONE 'Asia/Shanghai')::date$$, 'which have been eight hours ahead since 1992');

ALTER TABLE ordersync.orders DROP COLUMN end_date CASCADE, DROP COLUMN cod_fee, DROP COLUMN cod_status, ADD COLUMN cod_status varchar(20), DROP COLUMN paid_amount_frozen;
ALTER TABLE ordersync.sub_orders DROP COLUMN shipping_type;
ALTER TABLE ordersync.after_sales DROP COLUMN refund_version, DROP COLUMN operation_contraint;
SELECT lives_ok('SELECT ordersync.set_up()', 'set-up again');
SELECT bag_eq($$SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated::text
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace = 'ordersync'::regnamespace AND (c.relname, a.attname) IN (('orders', 'end_date'), ('orders', 'cod_fee'), ('orders', 'cod_status'), ('orders', 'paid_amount_frozen'),
		('sub_orders', 'shipping_type'), ('after_sales', 'refund_version'), ('after_sales', 'operation_contraint'))$$,
	$$VALUES ('orders', 'end_date', 'date', false, 's'), ('orders', 'cod_fee', 'numeric(18,2)', false, ''), ('orders', 'cod_status', 'character varying(20)', false, ''),
		('orders', 'paid_amount_frozen', 'boolean', true, ''), ('sub_orders', 'shipping_type', 'text', false, ''), ('after_sales', 'refund_version', 'bigint', false, ''),
		('after_sales', 'operation_contraint', 'text', false, '')$$, 'what was missing is there as it should be, what was there as it was');
SELECT is(col_description('ordersync.orders'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'ordersync.orders'::regclass AND attname = 'cod_fee')),
	'yuan; cash-on-delivery service fee; as fresh as the last list by creation or details record [Trade.cod_fee]', 'with its comment');
SELECT results_eq('SELECT end_date, paid_amount_frozen FROM ordersync.orders ORDER BY tid', $$VALUES ('2026-03-03'::date, false), ('2026-03-02', false), ('infinity', false), (NULL, false)$$,
	'stored rows have what is generated and what is by default');
SELECT results_eq('SELECT tid, end_date FROM ordersync.order_report ORDER BY tid LIMIT 1', $$VALUES (1::bigint, '2026-03-03'::date)$$, 'the report is there again');

-- a report of an older version, in another order and without a column
DROP VIEW ordersync.order_report CASCADE;
SELECT ordersync.create_report_view('orders', 'SELECT o.tid, o.shop_id, o.modified FROM ordersync.orders o');
CREATE VIEW mine AS SELECT tid, modified FROM ordersync.order_report;
SELECT ordersync.set_up_reports();
SELECT is((SELECT concat_ws(' ', (ordersync.columns_of('order_report'))[1:5], cardinality(ordersync.columns_of('order_report')) = (SELECT count(DISTINCT c) FROM unnest(ordersync.columns_of('order_report')) c))),
	'{tid,shop_id,modified,tid_str,platform} t', 'the report keeps its columns in their places, the others come behind them');
SELECT is((SELECT count(*) FROM mine), 4::bigint, 'and what was built on it goes on');

SELECT * FROM finish();
ROLLBACK;
