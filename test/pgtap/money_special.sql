-- Price protection and cash-back: the line says so before their own list is read, or they are stored first.
BEGIN;
SELECT plan(16);
SELECT ordersync.set_up();

CREATE FUNCTION pg_temp.put(p_source text, p_record text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM ordersync.apply_orders(7, p_source, 70, 700, ARRAY[(p_record::jsonb ->> 'tid')::bigint], ARRAY[ordersync.read_time(p_record::jsonb ->> 'modified')],
		ARRAY[substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)], ARRAY[p_record]) a
$$;
CREATE FUNCTION pg_temp.put_special(p_record text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM ordersync.apply_after_sales(7, 'special', 71, 710, ARRAY[(p_record::jsonb ->> 'refund_id')::bigint], ARRAY[ordersync.read_time(p_record::jsonb ->> 'modified')],
		ARRAY[substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)], ARRAY[p_record]) a
$$;
-- an order of one line, paid 110.00 with 10.00 postage
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_minute integer, p_payment text, p_line jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('tid', p_tid, 'type', 'fixed', 'status', 'TRADE_FINISHED', 'created', '2026-03-01 10:00:00', 'pay_time', '2026-03-01 23:59:59',
		'modified', to_char(timestamp '2026-03-02 00:00:00' + p_minute * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'), 'payment', p_payment, 'post_fee', '10.00',
		'orders', jsonb_build_object('order', jsonb_build_array(jsonb_build_object('oid', p_tid, 'price', '100.00', 'num', 1, 'total_fee', '100.00',
			'divide_order_fee', '100.00', 'refund_status', 'NO_REFUND', 'num_iid', 501) || p_line))))::text
$$;
CREATE FUNCTION pg_temp.special(p_id bigint, p_tid bigint, p_fee text, p_status text DEFAULT 'SUCCESS', p_type text DEFAULT 'priceProtect') RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('refund_id', p_id, 'tid', p_tid, 'oid', p_tid, 'modified', '2026-03-05 00:00:00', 'created', '2026-03-05 00:00:00',
		'status', p_status, 'refund_fee', p_fee, 'special_refund_type', p_type)::text
$$;
CREATE FUNCTION pg_temp.paid(p_tid bigint) RETURNS TABLE (amount numeric, frozen boolean, line numeric, line_frozen boolean, estimated boolean) LANGUAGE sql AS $$
	SELECT o.paid_amount, o.paid_amount_frozen, s.paid_amount, s.paid_amount_frozen, s.paid_amount_estimated
	FROM ordersync.orders o
	JOIN ordersync.sub_orders s USING (shop_id, tid)
	WHERE o.tid = p_tid
$$;

-- the order is read first, its figures lowered, the special refund later
SELECT is(pg_temp.put('list', pg_temp.trade(1, 0, '110.00')), '1/0/0', 'a paid order');
SELECT is(pg_temp.put('increment', pg_temp.trade(1, 1, '93.00', '{"special_refund_type":"priceProtect","divide_order_fee":"83.00"}')), '0/1/0', 'its price is protected');
SELECT results_eq('SELECT * FROM pg_temp.paid(1)', $$VALUES (110.00, true, 100.00, true, false)$$, 'paid amounts stay as they were before');
SELECT is(pg_temp.put_special(pg_temp.special(11, 1, '17.00')), '1/0/0', 'the special refund comes');
SELECT results_eq($$SELECT refunded_amount, refunded_date, num_iid, special_refund_type FROM ordersync.after_sales WHERE refund_id = 11$$,
	$$VALUES (17.00, '2026-03-05'::date, 501::bigint, 'priceProtect')$$, 'counts as refunded, and knows its item');
SELECT results_eq($$SELECT day, paid_amount, refunded_amount, net_sales, unallocated FROM ordersync.daily_sales ORDER BY day$$,
	$$VALUES ('2026-03-01'::date, 110.00, 0.00, 110.00, 0.00), ('2026-03-05', 0, 17.00, -17.00, 0)$$, 'on the day of its own');

-- the special refund is stored first
SELECT is(pg_temp.put('list', pg_temp.trade(2, 0, '110.00')), '1/0/0', 'another');
SELECT is(pg_temp.put_special(pg_temp.special(21, 2, '8.00', 'SUCCESS', 'cashBack')), '1/0/0', 'cash back first');
SELECT is(pg_temp.put('increment', pg_temp.trade(2, 1, '102.00', '{"special_refund_type":"cashBack","divide_order_fee":"92.00"}')), '0/1/0', 'then its order');
SELECT results_eq('SELECT * FROM pg_temp.paid(2)', $$VALUES (110.00, true, 100.00, true, false)$$, 'the same');

-- first seen afterwards
SELECT is(pg_temp.put('list', pg_temp.trade(3, 0, '93.00', '{"special_refund_type":"priceProtect","divide_order_fee":"83.00"}')), '1/0/0', 'first seen protected');
SELECT results_eq('SELECT * FROM pg_temp.paid(3)', $$VALUES (93.00, true, 83.00, true, true)$$, 'is an estimate, and says so');

-- not through
SELECT is(pg_temp.put('list', pg_temp.trade(4, 0, '110.00', '{"special_refund_type":""}')), '1/0/0', 'a line without one');
SELECT is(pg_temp.put_special(pg_temp.special(41, 4, '5.00', 'CLOSED')), '1/0/0', 'a special refund that failed');
SELECT results_eq('SELECT * FROM pg_temp.paid(4)', $$VALUES (110.00, false, 100.00, false, false)$$, 'freezes nothing');
SELECT is((SELECT refunded_amount FROM ordersync.after_sales WHERE refund_id = 41), 0.00, 'and gives nothing back');

SELECT * FROM finish();
ROLLBACK;
