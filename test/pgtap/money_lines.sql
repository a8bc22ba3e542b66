-- Lines whose fate is not their order's: closed by the seller before the buyer paid for the rest, refused at the door, closed
-- after payment. And what a day says whose orders only the history told.
BEGIN;
SELECT plan(56);
SELECT ordersync.set_up();
\ir lib/put.sql

-- an order of a line an element: what p_fields and the elements say over a paid order of 1 March
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_minute integer, p_fields jsonb, p_lines jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('tid', p_tid, 'type', 'fixed', 'status', 'WAIT_SELLER_SEND_GOODS', 'created', '2026-03-01 10:00:00',
		'pay_time', '2026-03-01 11:00:00', 'post_fee', '0.00', 'buyer_open_uid', 'B' || p_tid,
		'modified', to_char(timestamp '2026-03-01 11:00:05' + p_minute * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'))
		|| p_fields || jsonb_build_object('orders', jsonb_build_object('order', (
			SELECT jsonb_agg(jsonb_build_object('oid', p_tid * 10 + i, 'status', 'WAIT_SELLER_SEND_GOODS', 'refund_status', 'NO_REFUND',
				'num_iid', 500 + i, 'num', 1) || l ORDER BY i) FROM jsonb_array_elements(p_lines) WITH ORDINALITY AS e (l, i)))))::text
$$;
CREATE FUNCTION pg_temp.lines(p_tid bigint) RETURNS TABLE (oid bigint, paid_date date, paid_amount numeric, frozen boolean) LANGUAGE sql AS $$
	SELECT s.oid, s.paid_date, s.paid_amount, s.paid_amount_frozen FROM ordersync.sub_orders s WHERE s.shop_id = 7 AND s.tid = p_tid ORDER BY s.oid
$$;

-- a seller closes one of two lines, the buyer pays for the other
SELECT is(pg_temp.put('list', '{"tid":9001,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","modified":"2026-03-01 11:00:05","payment":"60.00","post_fee":"0.00","total_fee":"60.00","orders":{"order":[{"oid":9002,"status":"WAIT_SELLER_SEND_GOODS","refund_status":"NO_REFUND","num_iid":501,"price":"60.00","num":1,"total_fee":"60.00","divide_order_fee":"60.00"},{"oid":9003,"status":"TRADE_CLOSED_BY_TAOBAO","refund_status":"NO_REFUND","num_iid":502,"price":"40.00","num":1,"total_fee":"40.00"}]}}'),
	'1/0/0', 'an order of which one line was closed before it was paid');
SELECT results_eq('SELECT oid, paid_at, paid_date, paid_amount, paid_amount_frozen, paid_amount_estimated FROM ordersync.sub_orders WHERE tid = 9001 ORDER BY oid',
	$$VALUES (9002::bigint, '2026-03-01 11:00:00+08'::timestamptz, '2026-03-01'::date, 60.00, false, false), (9003, NULL, NULL, NULL, false, false)$$,
	'one line is paid, the other never was');
SELECT results_eq('SELECT paid_amount, line_count, item_num, gmv FROM ordersync.orders WHERE tid = 9001', 'VALUES (60.00, 2, 1, 100.00)',
	'the order has two lines, one piece to ship, and both were ordered');
SELECT results_eq('SELECT orders, gmv, paid_orders, items, paid_amount, unallocated, net_sales FROM ordersync.daily_sales',
	'VALUES (1::bigint, 100.00, 1::bigint, 1::bigint, 60.00, 0.00, 60.00)', 'its day: one piece, nothing unallocated');
SELECT results_eq('SELECT num_iid, lines, items, paid_amount FROM ordersync.item_sales', 'VALUES (501::bigint, 1::bigint, 1::bigint, 60.00)', 'one item sold');
SELECT results_eq('SELECT num_iid, lines, refunded_lines, paid_amount FROM ordersync.refund_rates', 'VALUES (501::bigint, 1::bigint, 0::bigint, 60.00)', 'which could be refunded');
SELECT results_eq('SELECT oid, trade_stage, stage, stage_zh, gmv, paid_amount, net_amount FROM ordersync.sub_order_report ORDER BY oid',
	$$VALUES (9002::bigint, 'paid', 'paid', '已付款待发货', 60.00, 60.00, 60.00), (9003, 'paid', 'closed_unpaid', '未付款关闭', 40.00, NULL, NULL)$$,
	'each line is in its own stage, in its order''s beside it');
SELECT results_eq('SELECT unallocated, net_amount, item_num FROM ordersync.order_report', 'VALUES (0.00, 60.00, 1)', 'the order''s report');
SELECT is((SELECT pay_time FROM ordersync.sub_orders WHERE oid = 9003), '2026-03-01 11:00:00+08'::timestamptz, 'pay_time is the order''s on every line');
DELETE FROM ordersync.sub_orders;
DELETE FROM ordersync.orders;
DELETE FROM ordersync.order_payloads;

-- step by step: ordered, one line closed and the price changed, paid, shipped, the rest refunded
SELECT is(pg_temp.put('list', pg_temp.trade(1, 0, '{"status":"WAIT_BUYER_PAY","pay_time":null,"payment":"100.00"}',
	'[{"status":"WAIT_BUYER_PAY","price":"60.00","total_fee":"60.00"}, {"status":"WAIT_BUYER_PAY","price":"20.00","num":2,"total_fee":"40.00"}]')), '1/0/0', 'two lines, unpaid');
SELECT results_eq('SELECT line_count, item_num, gmv FROM ordersync.orders WHERE tid = 1', 'VALUES (2, 3, 100.00)', 'three pieces');
SELECT is(pg_temp.put('list', pg_temp.trade(1, 1, '{"status":"WAIT_BUYER_PAY","pay_time":null,"payment":"55.00"}',
	'[{"status":"WAIT_BUYER_PAY","price":"60.00","adjust_fee":"-5.00","total_fee":"55.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","price":"20.00","num":2,"total_fee":"40.00"}]')), '0/1/0', 'one is closed, the other is 5.00 cheaper');
SELECT results_eq('SELECT line_count, item_num, gmv FROM ordersync.orders WHERE tid = 1', 'VALUES (2, 1, 95.00)', 'one piece is left');
SELECT is(pg_temp.put('list', pg_temp.trade(1, 2, '{"payment":"55.00"}',
	'[{"price":"60.00","adjust_fee":"-5.00","total_fee":"55.00","divide_order_fee":"55.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","price":"20.00","num":2,"total_fee":"40.00","divide_order_fee":"0.00"}]')), '0/1/0', 'the rest is paid');
SELECT results_eq('SELECT * FROM pg_temp.lines(1)', $$VALUES (11::bigint, '2026-03-01'::date, 55.00, false), (12, NULL, NULL, false)$$, 'and counts');
SELECT is(pg_temp.put('list', pg_temp.trade(1, 3, '{"status":"TRADE_CLOSED","payment":"0.00"}',
	'[{"status":"TRADE_CLOSED","refund_status":"SUCCESS","price":"60.00","adjust_fee":"-5.00","total_fee":"55.00","divide_order_fee":"0.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","price":"20.00","num":2,"total_fee":"40.00"}]')), '0/1/0', 'it is refunded, the order closes');
SELECT results_eq('SELECT * FROM pg_temp.lines(1)', $$VALUES (11::bigint, '2026-03-01'::date, 55.00, true), (12, NULL, NULL, false)$$, 'what was sold stays sold, what was not stays unsold');
SELECT results_eq('SELECT paid_amount, paid_amount_frozen, item_num FROM ordersync.orders WHERE tid = 1', 'VALUES (55.00, true, 1)', 'the order too');
SELECT results_eq('SELECT items, paid_amount, unallocated FROM ordersync.daily_sales', 'VALUES (1::bigint, 55.00, 0.00)', 'and its day');

-- all lines closed but one of three, with postage, a gift among them
SELECT is(pg_temp.put('increment', pg_temp.trade(2, 0, '{"payment":"38.00","post_fee":"8.00"}',
	'[{"status":"TRADE_CLOSED_BY_TAOBAO","price":"10.00","total_fee":"10.00"}, {"price":"30.00","num":3,"total_fee":"90.00","part_mjz_discount":"60.00","divide_order_fee":"30.00"},
		{"status":"TRADE_CLOSED_BY_TAOBAO","price":"0.00","num":5,"total_fee":"0.00","divide_order_fee":"0.00"}]')), '1/0/0', 'two of three closed');
SELECT results_eq('SELECT * FROM pg_temp.lines(2)', $$VALUES (21::bigint, NULL::date, NULL::numeric, false), (22, '2026-03-01', 30.00, false), (23, NULL, NULL, false)$$, 'one was sold');
SELECT results_eq('SELECT line_count, item_num, gmv FROM ordersync.orders WHERE tid = 2', 'VALUES (3, 3, 40.00)', 'three pieces of it');
SELECT results_eq('SELECT items, paid_amount, post_fee, unallocated FROM ordersync.daily_sales', 'VALUES (4::bigint, 93.00, 8.00, 0.00)', 'the day has both orders');
SELECT results_eq('SELECT num_iid, lines, items, gift_items, paid_amount FROM ordersync.item_sales ORDER BY num_iid',
	'VALUES (501::bigint, 1::bigint, 1::bigint, 0::bigint, 55.00), (502, 1, 3, 0, 30.00)', 'and two items, no gift');

-- closed whole before payment: nothing is sold, all of it was ordered
SELECT is(pg_temp.put('list', pg_temp.trade(3, 0, '{"status":"TRADE_CLOSED_BY_TAOBAO","pay_time":null,"payment":"50.00","end_time":"2026-03-02 10:00:00"}',
	'[{"status":"TRADE_CLOSED_BY_TAOBAO","price":"10.00","num":2,"total_fee":"20.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","price":"30.00","total_fee":"30.00"}]')), '1/0/0', 'an order closed unpaid');
SELECT results_eq('SELECT paid_amount, line_count, item_num, gmv FROM ordersync.orders WHERE tid = 3', 'VALUES (NULL::numeric, 2, 3, 50.00)', 'tells what it was for');
SELECT is(pg_temp.put('list', pg_temp.trade(4, 0, '{"status":"TRADE_CLOSED_BY_TAOBAO","payment":"50.00","end_time":"2026-03-02 10:00:00"}',
	'[{"status":"TRADE_CLOSED_BY_TAOBAO","price":"50.00","total_fee":"50.00"}]')), '1/0/0', 'one that has a pay_time all the same');
SELECT results_eq('SELECT paid_at, paid_amount, pay_time FROM ordersync.orders WHERE tid = 4', $$VALUES (NULL::timestamptz, NULL::numeric, '2026-03-01 11:00:00+08'::timestamptz)$$, 'was not paid either');
SELECT results_eq('SELECT paid_orders, items, paid_amount FROM ordersync.daily_sales', 'VALUES (2::bigint, 4::bigint, 93.00)', 'no sale of the day');

-- what a program lists of an order is what is left of it
SELECT is(pg_temp.put('list', pg_temp.trade(7, 0, '{"payment":"60.00","created":"2026-02-01 10:00:00","pay_time":"2026-02-01 10:00:00"}', '[{"title":"tea","num":2,"total_fee":"60.00"}, {"title":"cup","status":"TRADE_CLOSED_BY_TAOBAO","total_fee":"40.00"}]'),
	pg_temp.trade(10, 0, '{"status":"TRADE_CLOSED_BY_TAOBAO","pay_time":null,"payment":"60.00","created":"2026-02-01 11:00:00"}', '[{"title":"tea","status":"TRADE_CLOSED_BY_TAOBAO","total_fee":"60.00"}, {"title":"cup","num":3,"status":"TRADE_CLOSED_BY_TAOBAO","total_fee":"40.00"}]')), '2/0/0', 'an order with a closed line, one that was closed');
SELECT results_eq($$SELECT tid, line_count, item_num, items FROM ordersync_orders('{7}', '2026-02-01', '2026-02-02') ORDER BY tid$$,
	$$VALUES (7::bigint, 2, 2, 'tea × 2'), (10, 2, 4, 'tea; cup × 3')$$, 'items are those to ship, of a closed order those that were ordered');
SELECT results_eq($$SELECT l ->> 'title', l ->> 'stage', l ->> 'paid_amount' FROM jsonb_array_elements(ordersync_order(7, 7) -> 'lines') AS l$$,
	$$VALUES ('tea', 'paid', '60.00'), ('cup', 'closed_unpaid', NULL)$$, 'an order''s own JSON has all lines, each with its stage');

-- a line that counted and is said to have been closed before payment never counted; a line of which money went back did
SELECT is(pg_temp.put('list', pg_temp.trade(5, 0, '{"payment":"30.00"}', '[{"total_fee":"10.00"}, {"total_fee":"10.00"}, {"total_fee":"10.00"}]')), '1/0/0', 'three lines, paid');
SELECT is(pg_temp.put_refund('list', '{"refund_id":51,"tid":5,"oid":53,"status":"SUCCESS","modified":"2026-03-03 10:00:00","refund_fee":"4.00"}'), '1/0/0', 'money of the third goes back');
SELECT is(pg_temp.put('list', pg_temp.trade(5, 1, '{"payment":"26.00"}', '[{"total_fee":"10.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","total_fee":"10.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","total_fee":"10.00","divide_order_fee":"6.00"}]')), '0/1/0', 'two of them closed before payment');
SELECT results_eq('SELECT * FROM pg_temp.lines(5)', $$VALUES (51::bigint, '2026-03-01'::date, 10.00, false), (52, NULL, NULL, false), (53, '2026-03-01', 10.00, true)$$, 'the status is believed where no refund speaks against it');
SELECT is(pg_temp.put('list', pg_temp.trade(6, 0, '{"type":"cod","status":"TRADE_FINISHED","pay_time":null,"payment":"20.00","end_time":"2026-03-05 10:00:00"}', '[{"total_fee":"10.00"}, {"total_fee":"10.00"}]')), '1/0/0', 'cash on delivery, finished');
SELECT is(pg_temp.put('list', pg_temp.trade(6, 1, '{"type":"cod","status":"TRADE_CLOSED","pay_time":null,"payment":"0.00","end_time":"2026-03-06 10:00:00"}',
	'[{"status":"TRADE_CLOSED","refund_status":"SUCCESS","total_fee":"10.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","total_fee":"10.00"}]')), '0/1/0', 'closed after that');
SELECT results_eq('SELECT * FROM pg_temp.lines(6)', $$VALUES (61::bigint, '2026-03-05'::date, 10.00, true), (62, NULL, NULL, false)$$, 'the sale stays, but no line that was closed before payment');
SELECT results_eq($$SELECT items, paid_amount FROM ordersync.daily_sales WHERE day = '2026-03-05'$$, 'VALUES (1::bigint, 20.00)', 'one piece on its day');

-- cash on delivery: what was refused at the door was never paid, what came back later was
SELECT is(pg_temp.put('list', pg_temp.trade(8, 0, '{"type":"cod","status":"TRADE_FINISHED","pay_time":null,"payment":"60.00","end_time":"2026-03-07 10:00:00"}',
	'[{"status":"TRADE_FINISHED","total_fee":"60.00"}, {"status":"TRADE_CLOSED","num":2,"total_fee":"40.00"}]')), '1/0/0', 'one line taken, the other refused');
SELECT results_eq('SELECT * FROM pg_temp.lines(8)', $$VALUES (81::bigint, '2026-03-07'::date, 60.00, false), (82, NULL, NULL, false)$$, 'one is paid');
SELECT results_eq($$SELECT items, paid_amount, unallocated FROM ordersync.daily_sales WHERE day = '2026-03-07'$$, 'VALUES (1::bigint, 60.00, 0.00)', 'nothing is unallocated');
SELECT is(pg_temp.put('list', pg_temp.trade(8, 1, '{"type":"cod","status":"TRADE_FINISHED","pay_time":null,"payment":"0.00","end_time":"2026-03-07 10:00:00"}',
	'[{"status":"TRADE_CLOSED","refund_status":"SUCCESS","total_fee":"60.00"}, {"status":"TRADE_CLOSED","num":2,"total_fee":"40.00"}]')), '0/1/0', 'then it is given back');
SELECT results_eq('SELECT * FROM pg_temp.lines(8)', $$VALUES (81::bigint, '2026-03-07'::date, 60.00, true), (82, NULL, NULL, false)$$, 'and was a sale');

-- an after-sale of a line that was never sold: its money is the day's, but no rate counts the line
SELECT is(pg_temp.put('list', pg_temp.trade(9, 0, '{"pay_time":"2026-03-10 11:00:00","payment":"60.00"}', '[{"total_fee":"60.00"}, {"status":"TRADE_CLOSED_BY_TAOBAO","total_fee":"40.00"}]')), '1/0/0', 'an order with a closed line');
SELECT is(pg_temp.put_refund('list', '{"refund_id":91,"tid":9,"oid":92,"status":"SUCCESS","modified":"2026-03-11 10:00:00","refund_fee":"1.00"}'), '1/0/0', 'of which money goes back');
SELECT results_eq('SELECT * FROM pg_temp.lines(9)', $$VALUES (91::bigint, '2026-03-10'::date, 60.00, false), (92, NULL, NULL, false)$$, 'the line is not sold by that');
SELECT results_eq($$SELECT num_iid, lines, refunded_lines, paid_amount, refunded_amount FROM ordersync.refund_rates WHERE day = '2026-03-10'$$, 'VALUES (501::bigint, 1::bigint, 0::bigint, 60.00, 0.00)', 'and is in no rate');

-- what the history does not serve: no day says 0 of it
SELECT is(pg_temp.put('history', pg_temp.trade(20, 0, '{"created":"2025-11-01 10:00:00","pay_time":"2025-11-01 11:00:00","payment":"10.00","buyer_open_uid":null}', '[{"total_fee":"10.00"}]'),
	pg_temp.trade(21, 0, '{"created":"2025-11-02 10:00:00","pay_time":"2025-11-02 11:00:00","payment":"10.00","buyer_open_uid":null}', '[{"total_fee":"10.00"}]'),
	pg_temp.trade(22, 0, '{"created":"2025-11-03 10:00:00","pay_time":null,"status":"TRADE_CLOSED_BY_TAOBAO","payment":"10.00","buyer_open_uid":null}', '[{"total_fee":"10.00"}]')), '3/0/0', 'orders of the history');
SELECT is(pg_temp.put('list', pg_temp.trade(23, 0, '{"created":"2025-11-02 10:00:00","pay_time":"2025-11-02 11:00:00","payment":"10.00"}', '[{"total_fee":"10.00"}]'),
	pg_temp.trade(24, 0, '{"created":"2025-11-04 10:00:00","pay_time":"2025-11-04 11:00:00","payment":"10.00"}', '[{"total_fee":"10.00"}]'),
	pg_temp.trade(25, 0, '{"created":"2025-11-05 10:00:00","pay_time":"2025-11-05 11:00:00","payment":"10.00","buyer_open_uid":null}', '[{"total_fee":"10.00"}]')), '3/0/0', 'orders of the list, one of a buyer without an id');
SELECT is(pg_temp.put('history', pg_temp.trade(24, 0, '{"created":"2025-11-04 10:00:00","pay_time":"2025-11-04 11:00:00","payment":"10.00","buyer_open_uid":null}', '[{"total_fee":"10.00"}]')), '0/0/1', 'one of them is in the history by now');
SELECT is((SELECT platform_state FROM ordersync.orders WHERE tid = 24), 'archived', 'and known to be');
SELECT results_eq($$SELECT day, orders, paid_orders, buyers, items, paid_amount, refunds, refunded_amount FROM ordersync.daily_sales WHERE day < '2026-01-01' ORDER BY day$$,
	$$VALUES ('2025-11-01'::date, 1::bigint, 1::bigint, NULL::bigint, 1::bigint, 10.00, 0::bigint, 0::numeric), ('2025-11-02', 2, 2, NULL, 2, 20.00, 0, 0), ('2025-11-03', 1, 0, 0, 0, 0, 0, 0),
		('2025-11-04', 1, 1, 1, 1, 10.00, 0, 0), ('2025-11-05', 1, 1, NULL, 1, 10.00, 0, 0)$$,
	'buyers are not known where the history had a paid order of the day, or nobody was named');
SELECT is(pg_temp.put('details', pg_temp.trade(20, 0, '{"created":"2025-11-01 10:00:00","pay_time":"2025-11-01 11:00:00","payment":"10.00"}', '[{"total_fee":"10.00"}]')), '0/1/0', 'a whole record tells it');
SELECT is((SELECT buyers FROM ordersync.daily_sales WHERE day = '2025-11-01'), 1::bigint, 'and the day is known');

SELECT * FROM finish();
ROLLBACK;
