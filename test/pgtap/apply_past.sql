-- What is past stays as it was sold: an order closed after its sale, a history that says less.
BEGIN;
SELECT plan(24);
SELECT ordersync.set_up();

\ir lib/put.sql
-- an order of the lines given, each of 100.00, on a day of March
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_day integer, p_oids bigint[], p_fields jsonb DEFAULT '{}', p_line jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('tid', p_tid, 'type', 'fixed', 'status', 'WAIT_SELLER_SEND_GOODS',
		'created', '2026-03-01 10:00:00', 'pay_time', '2026-03-01 10:00:01', 'modified', format('2026-03-%s 12:00:00', lpad(p_day::text, 2, '0')),
		'payment', '110.00', 'post_fee', '10.00', 'orders', jsonb_build_object('order', (
			SELECT jsonb_agg(jsonb_build_object('oid', o, 'price', '100.00', 'num', 1, 'total_fee', '100.00', 'divide_order_fee', '100.00',
				'payment', '100.00', 'refund_status', 'NO_REFUND', 'num_iid', o * 10) || p_line ORDER BY i)
			FROM unnest(p_oids) WITH ORDINALITY AS l (o, i)))) || p_fields)::text
$$;
CREATE FUNCTION pg_temp.sales() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s paid %s back %s', to_char(day, 'MM-DD'), paid_amount, refunded_amount) FROM ordersync.daily_sales WHERE shop_id = 7 AND (paid_orders > 0 OR refunds > 0) ORDER BY day
$$;

-- cash on delivery: its end is its payment, and after a refund it has none
SELECT is(pg_temp.put('list', pg_temp.trade(1, 5, '{11}', '{"type": "cod", "pay_time": null, "status": "TRADE_FINISHED", "end_time": "2026-03-05 12:00:00"}')), '1/0/0', 'an order paid at the door');
SELECT results_eq('SELECT pg_temp.sales()', ARRAY['03-05 paid 110.00 back 0'], 'is a sale of the day on which it ended');
SELECT is(pg_temp.put_refund('list', '{"refund_id": 1, "tid": 1, "oid": 11, "status": "SUCCESS", "refund_fee": "110.00", "created": "2026-03-05 13:00:00", "modified": "2026-03-06 12:00:00"}'), '1/0/0', 'its money goes back');
SELECT is(pg_temp.put('list', pg_temp.trade(1, 6, '{11}', '{"type": "cod", "pay_time": null, "status": "TRADE_CLOSED", "end_time": "2026-03-06 12:00:00", "payment": "0.00"}', '{"refund_status": "SUCCESS"}')), '0/1/0', 'and it is closed');
SELECT results_eq('SELECT pg_temp.sales()', ARRAY['03-05 paid 110.00 back 0', '03-06 paid 0 back 110.00'], 'the past day is as it was');
SELECT results_eq('SELECT paid_amount, paid_date, trade_status FROM ordersync.sub_orders WHERE oid = 11', $$VALUES (100.00, '2026-03-05'::date, 'TRADE_CLOSED')$$, 'so is its line''s');
SELECT is(pg_temp.put('list', pg_temp.trade(1, 7, '{11}', '{"type": "cod", "pay_time": null, "status": "TRADE_CLOSED", "end_time": "2026-03-06 12:00:00", "payment": "0.00"}', '{"refund_status": "SUCCESS"}')), '0/1/0', 'whatever else is said of it');
SELECT results_eq('SELECT pg_temp.sales()', ARRAY['03-05 paid 110.00 back 0', '03-06 paid 0 back 110.00'], 'afterwards');

-- the same when the closed order comes first, before anybody has heard of the refund
SELECT is(pg_temp.put('list', pg_temp.trade(2, 5, '{21}', '{"type": "cod", "pay_time": null, "status": "TRADE_FINISHED", "end_time": "2026-03-05 12:00:00"}')), '1/0/0', 'another');
SELECT is(pg_temp.put('list', pg_temp.trade(2, 6, '{21}', '{"type": "cod", "pay_time": null, "status": "TRADE_CLOSED", "end_time": "2026-03-06 12:00:00", "payment": "0.00"}', '{"divide_order_fee": "0.00", "refund_status": "SUCCESS"}')), '0/1/0', 'is closed and lowered');
SELECT results_eq('SELECT o.paid_amount, o.paid_date, o.paid_amount_frozen, s.paid_amount, s.paid_date, s.paid_amount_frozen, s.paid_amount_estimated FROM ordersync.orders o JOIN ordersync.sub_orders s USING (shop_id, tid) WHERE tid = 2',
	$$VALUES (110.00, '2026-03-05'::date, true, 100.00, '2026-03-05'::date, true, false)$$, 'but was sold for what it was');
SELECT is(pg_temp.put('list', pg_temp.trade(3, 5, '{31}', '{"type": "cod", "pay_time": null, "status": "TRADE_CLOSED", "end_time": "2026-03-05 12:00:00"}')), '1/0/0', 'one that is closed at once');
SELECT is((SELECT paid_at FROM ordersync.orders WHERE tid = 3), NULL, 'never was a sale');

-- a pre-sale is one by its stages
SELECT is(pg_temp.put('list', pg_temp.trade(4, 2, '{41}', '{"type": null, "status": "WAIT_BUYER_PAY", "step_trade_status": "FRONT_PAID_FINAL_NOPAID", "step_paid_fee": "20.00"}')), '1/0/0', 'a pre-sale that is not said to be one');
SELECT results_eq('SELECT stage, deposit_received, paid_amount, paid_at FROM ordersync.order_report WHERE tid = 4', $$VALUES ('deposit_paid', 20.00, NULL::numeric, NULL::timestamptz)$$, 'is a deposit and no sale');

-- the history says what is left, not what it fell for
SELECT is(pg_temp.put('list', pg_temp.trade(5, 2, '{51}')), '1/0/0', 'an order of the lists');
SELECT is(pg_temp.put('history', pg_temp.trade(5, 3, '{51}', '{"payment": "93.00"}', '{"divide_order_fee": "83.00"}')), '0/1/0', 'lowered in the history for its price''s protection');
SELECT results_eq('SELECT o.paid_amount, s.paid_amount, s.paid_amount_estimated, o.payment FROM ordersync.orders o JOIN ordersync.sub_orders s USING (shop_id, tid) WHERE tid = 5', $$VALUES (110.00, 100.00, false, 93.00)$$, 'was paid for as before');

-- lines
SELECT is(pg_temp.put('list', pg_temp.trade(6, 2, '{61,61}')), '1/0/0', 'a line said twice');
SELECT results_eq('SELECT line_count, item_num, gmv FROM ordersync.orders WHERE tid = 6', 'VALUES (1, 1, 100.00)', 'is one');

-- where the platform has it
SELECT is(pg_temp.put('history', pg_temp.trade(6, 2, '{61,61}')), '0/0/1', 'the same order read from the history');
SELECT is(pg_temp.put('list', pg_temp.trade(5, 4, '{51}', '{"payment": "93.00"}')), '0/1/0', 'another changes');
UPDATE ordersync.orders SET platform_state = 'missing' WHERE tid = 5;
SELECT is(pg_temp.put('list', pg_temp.trade(5, 4, '{51}', '{"payment": "93.00"}')), '0/0/1', 'is missing, and comes again as it was');
SELECT results_eq('SELECT tid, platform_state FROM ordersync.orders WHERE tid IN (5, 6) ORDER BY 1', $$VALUES (5::bigint, 'listed'), (6, 'archived')$$, 'is archived, and listed when a list has it, though nothing is new');

SELECT finish();
ROLLBACK;
