-- The views of sales: what is rare in a world, what readers may see, and that a filter reaches the indexes.
BEGIN;
SELECT plan(36);
SELECT ordersync.set_up();

CREATE FUNCTION pg_temp.put(p_shop bigint, p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids, array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests, array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p, ordersync.apply_orders(p_shop, 'list', 70, 700, p.ids, p.modified, p.digests, p.bodies) a
$$;
CREATE FUNCTION pg_temp.put_refund(p_shop bigint, p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'refund_id')::bigint) AS ids, array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests, array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p, ordersync.apply_after_sales(p_shop, 'list', 71, 710, p.ids, p.modified, p.digests, p.bodies) a
$$;
-- a paid order of 1 March: total_fee of its lines, postage, buyer
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_lines jsonb, p_fields jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('tid', p_tid, 'type', 'fixed', 'status', 'WAIT_SELLER_SEND_GOODS', 'created', '2026-02-28 23:59:59',
		'pay_time', '2026-03-01 00:00:00', 'modified', '2026-03-01 00:00:01', 'post_fee', '0.00', 'buyer_open_uid', 'A')
		|| p_fields || jsonb_build_object('orders', jsonb_build_object('order', (
			SELECT jsonb_agg(jsonb_build_object('oid', p_tid * 10 + i, 'num', 1, 'refund_status', 'NO_REFUND') || l) FROM jsonb_array_elements(p_lines) WITH ORDINALITY AS e (l, i)))))::text
$$;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	whole text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		whole := whole || line || chr(10);
	END LOOP;
	RETURN whole;
END
$$;

-- zero orders, gifts, buyers, lines without an amount
SELECT is(pg_temp.put(7, ARRAY[
	pg_temp.trade(1, '[{"price":"100.00","total_fee":"100.00","divide_order_fee":"90.00","part_mjz_discount":"10.00","num_iid":501,"title":"a"},
		{"price":"0.00","total_fee":"0.00","divide_order_fee":"0.00","num_iid":502,"num":2,"title":"b"}]', '{"payment":"95.00","post_fee":"5.00"}'),
	pg_temp.trade(2, '[{"price":"0.00","total_fee":"0.00","divide_order_fee":"0.00","num_iid":502,"title":"b"}]', '{"payment":"0.00"}'),
	pg_temp.trade(3, '[{"price":"50.00","total_fee":"50.00","divide_order_fee":"50.00","num_iid":501,"title":"a"}]', '{"payment":"62.00","post_fee":"5.00","buyer_open_uid":"B"}'),
	pg_temp.trade(4, '[{"price":"30.00","total_fee":"30.00","num_iid":501,"title":"a"}]', '{"payment":"30.00","status":"TRADE_CLOSED_BY_TAOBAO","pay_time":"","buyer_open_uid":"C"}'),
	pg_temp.trade(5, '[]', '{"payment":"1.00"}')]), '5/0/0', 'orders');
SELECT results_eq('SELECT day, orders, gmv, paid_orders, zero_orders, items, buyers, paid_amount, post_fee, unallocated, average_order, refunds, refunded_amount, net_sales FROM ordersync.daily_sales ORDER BY day',
	$$VALUES ('2026-02-28'::date, 5::bigint, 170.00, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::numeric, 0::numeric, 0::numeric, NULL::numeric, 0::bigint, 0::numeric, 0::numeric),
		('2026-03-01', 0, 0, 4, 1, 5, 2, 158.00, 10.00, 8.00, 52.67, 0, 0, 158.00)$$,
	'a day''s orders, and what was paid on the next; zero orders are counted and not averaged');
SELECT results_eq('SELECT num_iid_str, title, lines, items, gift_items, paid_amount, net_sales FROM ordersync.item_sales ORDER BY num_iid',
	$$VALUES ('501', 'a', 2::bigint, 2::bigint, 0::bigint, 140.00, 140.00), ('502', 'b', 2, 3, 3, 0.00, 0.00)$$, 'items, gifts among them');
SELECT is((SELECT gmv FROM ordersync.orders WHERE tid = 5), NULL, 'an order without lines has no gmv');

-- refunds: two of a line, one without a line, an exchange, one of an order that is not stored
SELECT is(pg_temp.put_refund(7, ARRAY[
	'{"refund_id":11,"tid":1,"oid":11,"status":"SUCCESS","created":"2026-03-02 10:00:00","modified":"2026-03-03 00:00:00","refund_fee":"60.00"}',
	'{"refund_id":12,"tid":1,"oid":11,"status":"SUCCESS","created":"2026-03-02 10:00:00","modified":"2026-03-04 12:00:00","refund_fee":"35.00"}',
	'{"refund_id":13,"tid":1,"oid":12,"status":"SUCCESS","modified":"2026-03-03 00:00:00","refund_fee":"9.00","dispute_type":"TAOBAO_EXCHANGE"}',
	'{"refund_id":14,"tid":1,"status":"SUCCESS","modified":"2026-03-03 00:00:00","refund_fee":"1.00"}',
	'{"refund_id":15,"tid":3,"oid":31,"status":"WAIT_SELLER_AGREE","modified":"2026-03-03 00:00:00","refund_fee":"50.00"}']), '5/0/0', 'after-sales');
SELECT results_eq($$SELECT day, paid_amount, refunds, refunded_amount, net_sales FROM ordersync.daily_sales WHERE day > '2026-02-28' ORDER BY day$$,
	$$VALUES ('2026-03-01'::date, 158.00, 0::bigint, 0::numeric, 158.00), ('2026-03-03', 0, 2, 61.00, -61.00), ('2026-03-04', 0, 1, 35.00, -35.00)$$,
	'money goes back on its own days and the day of payment stays');
SELECT results_eq($$SELECT day, num_iid, refunds, refunded_amount FROM ordersync.item_sales WHERE refunds > 0 ORDER BY day, num_iid$$,
	$$VALUES ('2026-03-03'::date, 501::bigint, 1::bigint, 60.00), ('2026-03-03', NULL, 1, 1.00), ('2026-03-04', 501, 1, 35.00)$$, 'by item; a refund that names no line has no item');
SELECT results_eq('SELECT num_iid, lines, refunded_lines, line_rate, paid_amount, refunded_amount, amount_rate, net_amount FROM ordersync.refund_rates ORDER BY num_iid',
	$$VALUES (501::bigint, 2::bigint, 1::bigint, 0.5000, 140.00, 95.00, 0.6786, 45.00), (502, 2, 0, 0.0000, 0.00, 0, NULL, 0.00)$$, 'rates: a line refunded twice is one line, nothing is counted twice');
SELECT results_eq('SELECT tid, hours_to_pay, paid_amount, refunded_amount, net_amount FROM ordersync.order_report WHERE tid IN (1, 4) ORDER BY tid',
	$$VALUES (1::bigint, 0.00, 95.00, 96.00, -1.00), (4, NULL, NULL, 0, NULL)$$, 'orders: hours, net');
SELECT is((SELECT hours_to_refund FROM ordersync.after_sale_report WHERE refund_id = 12), 50.00, 'hours to a refund');

-- shops: found wherever they have rows, shown only to whom they belong
SELECT is(pg_temp.put(-3, ARRAY[pg_temp.trade(6, '[{"total_fee":"1.00","price":"1.00"}]', '{"payment":"1.00"}')]), '1/0/0', 'a shop with an odd number');
SELECT is(pg_temp.put_refund(9, ARRAY['{"refund_id":91,"tid":99,"oid":99,"status":"SUCCESS","modified":"2026-03-03 00:00:00","refund_fee":"2.50"}']), '1/0/0', 'a shop with nothing but a refund');
SELECT results_eq('SELECT shop_id FROM ordersync.stored_shops ORDER BY shop_id', 'VALUES (-3::bigint), (7), (9)', 'all are found');
SELECT results_eq('SELECT day, refunded_amount FROM ordersync.daily_sales WHERE shop_id = 9', $$VALUES ('2026-03-03'::date, 2.50)$$, 'each has its days');
SELECT is((SELECT sum(refunded_amount) FROM ordersync.item_sales), (SELECT sum(refunded_amount) FROM ordersync.daily_sales), 'refunds by item are all refunds');
CREATE ROLE sales_some;
SELECT ordersync_grant('sales_some', 'reader', ARRAY[9]);
SET LOCAL ROLE sales_some;
SELECT results_eq('SELECT DISTINCT shop_id FROM ordersync.daily_sales', 'VALUES (9::bigint)', 'a reader of one shop sees its sales only');
SELECT is((SELECT count(*) FROM ordersync.stage_durations), 0::bigint, 'and no stages of others');
RESET ROLE;

-- stages: a pre-sale seen in each state, parcels, cash on delivery
CREATE FUNCTION pg_temp.step(p_tid bigint, p_fields jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.put(8, ARRAY[pg_temp.trade(p_tid, '[{"total_fee":"100.00"}]', '{"type":"step","created":"2026-03-01 10:00:00","pay_time":"","payment":"100.00"}' || p_fields)])
$$;
SELECT is(pg_temp.step(21, '{"status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_NOPAID_FINAL_NOPAID","modified":"2026-03-01 10:00:00"}'), '1/0/0', 'a pre-sale');
SELECT is(pg_temp.step(21, '{"status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID","modified":"2026-03-01 10:30:00","pay_time":"2026-03-01 10:30:00"}'), '0/1/0', 'its deposit');
SELECT is((SELECT stage FROM ordersync.order_report WHERE tid = 21), 'deposit_paid', 'is its stage');
SELECT is(pg_temp.step(21, '{"status":"WAIT_SELLER_SEND_GOODS","step_trade_status":"FRONT_PAID_FINAL_PAID","modified":"2026-03-04 12:00:00","pay_time":"2026-03-01 10:30:00"}'), '0/1/0', 'its balance');
SELECT is(pg_temp.step(21, '{"status":"WAIT_BUYER_CONFIRM_GOODS","step_trade_status":"FRONT_PAID_FINAL_PAID","modified":"2026-03-05 00:00:00","pay_time":"2026-03-01 10:30:00","consign_time":"2026-03-04 18:00:00"}'), '0/1/0', 'its parcel');
SELECT results_eq('SELECT stage, stage_zh, hours, next_stage, exact FROM ordersync.stage_durations WHERE tid = 21 ORDER BY entered_at',
	$$VALUES ('unpaid', '待付款', 0.50, 'deposit_paid', false), ('deposit_paid', '已付定金', 73.50, 'paid', false), ('paid', '已付款待发货', 6.00, 'shipped', false), ('shipped', '已发货', NULL::numeric, NULL, true)$$,
	'unpaid, deposit, balance, parcel');
SELECT is(pg_temp.step(22, '{"status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID","modified":"2026-03-02 10:30:00"}'), '1/0/0', 'a pre-sale first seen with its deposit');
SELECT is(pg_temp.step(22, '{"status":"WAIT_SELLER_SEND_GOODS","step_trade_status":"FRONT_PAID_FINAL_PAID","modified":"2026-03-04 12:00:00","pay_time":"2026-03-03 12:00:00","consign_time":"2026-03-03 13:00:00"}'), '0/1/0', 'seen again when it is shipped');
SELECT results_eq('SELECT stage, hours FROM ordersync.stage_durations WHERE tid = 22 ORDER BY entered_at, left_at',
	$$VALUES ('unpaid', 24.50), ('deposit_paid', 26.50), ('paid', 0.00), ('shipped', NULL::numeric)$$, 'the balance was not later than the parcel');
SELECT is(pg_temp.put(8, ARRAY[
	pg_temp.trade(23, '[{"total_fee":"1.00","consign_time":"2026-03-02 00:00:00","invoice_no":"X1"},{"total_fee":"1.00","consign_time":"2026-03-03 12:00:00","invoice_no":"X2"}]',
		'{"status":"TRADE_FINISHED","consign_time":"2026-03-02 00:00:00","end_time":"2026-03-05 00:00:00"}'),
	pg_temp.trade(24, '[{"total_fee":"1.00"}]', '{"type":"cod","status":"TRADE_BUYER_SIGNED","pay_time":"","modified":"2026-03-04 00:00:00","consign_time":"2026-03-01 23:59:59"}')]), '2/0/0', 'two parcels; cash on delivery');
SELECT results_eq('SELECT tid, stage, hours, exact FROM ordersync.stage_durations WHERE tid IN (23, 24) ORDER BY tid, entered_at',
	$$VALUES (23::bigint, 'unpaid', 0.00, true), (23, 'paid', 24.00, true), (23, 'partly_shipped', 36.00, true), (23, 'shipped', 36.00, true), (23, 'finished', NULL::numeric, true),
		(24, 'paid', 24.00, true), (24, 'shipped', 48.00, false), (24, 'signed', NULL, false)$$, 'the last parcel ends partly_shipped; cash on delivery begins with shipping to come');

-- a filter on shop and day reaches the indexes, and what is not asked for is not read
SELECT matches(pg_temp.plan_of('SELECT * FROM ordersync.' || v || $$ WHERE shop_id = 7 AND day >= '2026-03-01' AND day < '2026-04-01'$$),
	'Cond: \(\(shop_id = s\.shop_id\) AND \(\w+_date IS NOT NULL\) AND \(\w+_date >= ''2026-03-01''::date\)', v || ': shop and day are an index''s condition')
FROM unnest(ARRAY['daily_sales', 'item_sales', 'refund_rates']) AS v;
SELECT unalike(pg_temp.plan_of('SELECT day, paid_amount, refunded_amount FROM ordersync.daily_sales WHERE shop_id = 7'), '%Seq Scan on orders%', 'no table is read whole');

-- every view: its caller's rights, independent of the extension, commented
CREATE TEMP VIEW views AS
SELECT c.oid, c.relname, c.reloptions
FROM pg_class c
WHERE c.relnamespace = 'ordersync'::regnamespace
	AND c.relkind = 'v'
	AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e');
SELECT is_empty($$SELECT relname FROM views WHERE NOT COALESCE(reloptions @> '{security_invoker=true}', false) AND relname NOT IN ('own_shops', 'stopped_calls')$$, 'every view runs with its caller''s rights, but the one that policies ask, and one that asks it');
SELECT is_empty($$
	SELECT v.relname
	FROM views v
	JOIN pg_rewrite w ON w.ev_class = v.oid
	JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
	JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'$$, 'none depends on a member of the extension');
SELECT is_empty($$
	SELECT v.relname, a.attname
	FROM views v
	JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
	WHERE v.relname ~ '_report$|_sales$|_rates$|_durations$|^stored_shops$'
		AND (col_description(v.oid, a.attnum) IS NULL OR obj_description(v.oid, 'pg_class') IS NULL)$$, 'the views for reading say what each column holds');
SELECT is_empty($$
	SELECT v.relname, a.attname
	FROM views v
	JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
	WHERE v.relname ~ '_report$|_sales$|_rates$|_durations$'
		AND (a.attname ~ '(amount|gmv|_fee|_discount|payment|net_sales|average_order|unallocated|deposit_received|^price)$') <> (col_description(v.oid, a.attnum) ~ '^(derived, )?yuan[;:]')
		AND NOT (a.attname ~ 'point_fee$')$$, 'amounts say that they are yuan');

SELECT * FROM finish();
ROLLBACK;
