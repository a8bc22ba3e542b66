-- Money: what counts as paid and when, what is remembered after a refund.
BEGIN;
SELECT plan(72);
SELECT ordersync.set_up();

CREATE FUNCTION pg_temp.put(VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(7, 'list', 70, 700, p.ids, p.modified, p.digests, p.bodies) a
$$;
CREATE FUNCTION pg_temp.put_refund(VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'refund_id')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_after_sales(7, 'list', 71, 710, p.ids, p.modified, p.digests, p.bodies) a
$$;
-- an order of two lines: paid 150.00 with 10.00 postage, 86.00 + 54.00 without, before refunds
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_minute integer, p_fields jsonb DEFAULT '{}', p_line1 jsonb DEFAULT '{}', p_line2 jsonb DEFAULT '{}')
RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('tid', p_tid, 'type', 'fixed', 'status', 'WAIT_SELLER_SEND_GOODS',
		'created', '2026-03-01 10:00:00', 'pay_time', '2026-03-01 23:59:59',
		'modified', to_char(timestamp '2026-03-02 00:00:00' + p_minute * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'),
		'payment', '150.00', 'post_fee', '10.00', 'total_fee', '160.00') || p_fields
		|| jsonb_build_object('orders', jsonb_build_object('order', jsonb_build_array(
			jsonb_build_object('oid', p_tid * 10 + 1, 'price', '50.00', 'num', 2, 'total_fee', '100.00', 'payment', '100.00',
				'part_mjz_discount', '14.00', 'divide_order_fee', '86.00', 'refund_status', 'NO_REFUND', 'num_iid', 501) || p_line1,
			jsonb_build_object('oid', p_tid * 10 + 2, 'price', '60.00', 'num', 1, 'total_fee', '60.00', 'payment', '60.00',
				'part_mjz_discount', '6.00', 'divide_order_fee', '54.00', 'refund_status', 'NO_REFUND', 'num_iid', 502) || p_line2))))::text
$$;
CREATE FUNCTION pg_temp.paid(p_tid bigint) RETURNS TABLE (amount numeric, frozen boolean, at_date date, line1 numeric, frozen1 boolean, estimated1 boolean, line2 numeric, frozen2 boolean)
LANGUAGE sql AS $$
	SELECT o.paid_amount, o.paid_amount_frozen, o.paid_date, a.paid_amount, a.paid_amount_frozen, a.paid_amount_estimated, b.paid_amount, b.paid_amount_frozen
	FROM ordersync.orders o
	JOIN ordersync.sub_orders a ON a.shop_id = 7 AND a.oid = o.tid * 10 + 1
	JOIN ordersync.sub_orders b ON b.shop_id = 7 AND b.oid = o.tid * 10 + 2
	WHERE o.shop_id = 7 AND o.tid = p_tid
$$;

-- unpaid, then cheaper, then paid
SELECT is(pg_temp.put(pg_temp.trade(1, 0, '{"status":"WAIT_BUYER_PAY","pay_time":null}', '{"divide_order_fee":null}', '{"divide_order_fee":null}')), '1/0/0', 'an unpaid order');
SELECT results_eq('SELECT * FROM pg_temp.paid(1)', $$VALUES (NULL::numeric, false, NULL::date, NULL::numeric, false, false, NULL::numeric, false)$$, 'has a payment but no paid amount');
SELECT is(pg_temp.put(pg_temp.trade(1, 1, '{"payment":"140.00"}', '{"divide_order_fee":"76.00"}')), '0/1/0', 'is paid, cheaper');
SELECT results_eq('SELECT * FROM pg_temp.paid(1)', $$VALUES (140.00, false, '2026-03-01'::date, 76.00, false, false, 54.00, false)$$, 'paid amounts: with postage by order, without by line, on the day of Shanghai');
SELECT is(pg_temp.put(pg_temp.trade(1, 2, '{}', '{"divide_order_fee":"77.00"}')), '0/1/0', 'the platform corrects itself');
SELECT results_eq('SELECT amount, line1 FROM pg_temp.paid(1)', $$VALUES (150.00, 77.00)$$, 'which is followed while there is no refund');
SELECT is(pg_temp.put(pg_temp.trade(1, 3, '{"payment":"64.00"}', '{"refund_status":"WAIT_SELLER_AGREE","divide_order_fee":"77.00"}')), '0/1/0', 'a refund is asked for');
SELECT is((SELECT frozen FROM pg_temp.paid(1)), false, 'freezes nothing');
SELECT is(pg_temp.put(pg_temp.trade(1, 4, '{"payment":"150.00"}', '{"refund_status":"NO_REFUND","divide_order_fee":"77.00"}')), '0/1/0', 'and withdrawn');
SELECT is(pg_temp.put(pg_temp.trade(1, 5, '{"payment":"73.00"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00","payment":"14.00"}')), '0/1/0', 'a line is refunded, the platform lowers its figures');
SELECT results_eq('SELECT * FROM pg_temp.paid(1)', $$VALUES (150.00, true, '2026-03-01'::date, 77.00, true, false, 54.00, false)$$, 'ours stay as they were before');
SELECT is((SELECT payment FROM ordersync.orders WHERE tid = 1), 73.00, 'payment is as the platform says');
SELECT is(pg_temp.put(pg_temp.trade(1, 6, '{"payment":"0.00","status":"TRADE_CLOSED"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00"}')), '0/1/0', 'the other line too, the order closes');
SELECT results_eq('SELECT * FROM pg_temp.paid(1)', $$VALUES (150.00, true, '2026-03-01'::date, 77.00, true, false, 54.00, true)$$, 'a past day''s sales are the same');

-- first seen already refunded
SELECT is(pg_temp.put(pg_temp.trade(2, 0, '{"payment":"64.00"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00"}')), '1/0/0', 'an order first seen after a refund');
SELECT results_eq('SELECT * FROM pg_temp.paid(2)', $$VALUES (64.00, true, '2026-03-01'::date, 0.00, true, true, 54.00, false)$$, 'has an estimate for that line, and says so');

-- paid and refunded between two looks
SELECT is(pg_temp.put(pg_temp.trade(3, 0, '{"status":"WAIT_BUYER_PAY","pay_time":null}')), '1/0/0', 'an unpaid order');
SELECT is(pg_temp.put(pg_temp.trade(3, 1, '{}', '{"refund_status":"SUCCESS","divide_order_fee":"1.00"}')), '0/1/0', 'paid and refunded when we look again');
SELECT results_eq('SELECT line1, frozen1, estimated1 FROM pg_temp.paid(3)', $$VALUES (1.00, true, true)$$, 'is an estimate too');

-- an after-sale is evidence before the order shows it
SELECT is(pg_temp.put(pg_temp.trade(4, 0)), '1/0/0', 'a paid order');
SELECT is(pg_temp.put_refund('{"refund_id":41,"tid":4,"oid":41,"modified":"2026-03-03 10:00:00","status":"SUCCESS","refund_fee":"86.00","dispute_type":"REFUND"}'), '1/0/0', 'its refund comes first');
SELECT results_eq('SELECT * FROM pg_temp.paid(4)', $$VALUES (150.00, true, '2026-03-01'::date, 86.00, true, false, 54.00, false)$$, 'freezes line and order, lowers nothing');
SELECT is((SELECT num_iid FROM ordersync.after_sales WHERE refund_id = 41), 501::bigint, 'and finds its item');
SELECT is(pg_temp.put(pg_temp.trade(4, 5, '{"payment":"64.00"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00"}')), '0/1/0', 'the order shows it');
SELECT results_eq('SELECT amount, line1 FROM pg_temp.paid(4)', $$VALUES (150.00, 86.00)$$, 'nothing is lost');
SELECT is(pg_temp.put_refund('{"refund_id":42,"tid":4,"oid":42,"modified":"2026-03-03 10:00:00","status":"CLOSED","refund_fee":"54.00"}'), '1/0/0', 'a failed refund of the other line');
SELECT is((SELECT frozen2 FROM pg_temp.paid(4)), false, 'freezes nothing');
SELECT is(pg_temp.put_refund('{"refund_id":43,"tid":4,"oid":42,"modified":"2026-03-03 10:00:00","status":"SUCCESS","refund_fee":"4.00","dispute_type":"TMALL_EXCHANGE"}'), '1/0/0', 'an exchange of the other line');
SELECT is((SELECT frozen2 FROM pg_temp.paid(4)), false, 'freezes nothing either');
SELECT is((SELECT refunded_amount FROM ordersync.after_sales WHERE refund_id = 43), 0.00, 'and gives no money back');
SELECT isnt((SELECT refunded_at FROM ordersync.after_sales WHERE refund_id = 43), NULL, 'though it succeeded');

-- the after-sale is stored before its order
SELECT is(pg_temp.put_refund('{"refund_id":51,"tid":5,"oid":51,"modified":"2026-03-03 10:00:00","status":"SUCCESS","refund_fee":"3.00"}', '{"refund_id":61,"tid":6,"modified":"2026-03-03 10:00:00","status":"WAIT_SELLER_AGREE","refund_fee":"3.00"}'), '2/0/0', 'refunds whose orders are not stored');
SELECT results_eq('SELECT oid, num_iid FROM ordersync.after_sales WHERE refund_id IN (51, 61) ORDER BY refund_id', $$VALUES (51::bigint, NULL::bigint), (NULL, NULL)$$, 'have no item yet');
SELECT is(pg_temp.put(pg_temp.trade(5, 0), '{"tid":6,"modified":"2026-03-03 10:00:00","orders":{"order":[{"oid":6,"num_iid":77}]}}'), '2/0/0', 'the orders come');
SELECT results_eq('SELECT oid, num_iid FROM ordersync.after_sales WHERE refund_id IN (51, 61) ORDER BY refund_id', $$VALUES (51::bigint, 501::bigint), (6, 77)$$, 'and find them: by line, or as the only line of the order');
SELECT results_eq('SELECT amount, frozen, line1, frozen1, estimated1, frozen2 FROM pg_temp.paid(5)', $$VALUES (150.00, true, 86.00, true, false, false)$$, 'a record from before the refund has the right amount');

-- a first refund went through, a second is open: the line does not say SUCCESS, its figures have fallen
SELECT is(pg_temp.put(pg_temp.trade(40, 2880, '{"payment":"143.00"}', '{"refund_status":"WAIT_SELLER_AGREE","divide_order_fee":"79.00"}')), '1/0/0', 'first seen so, the order comes first');
SELECT is(pg_temp.put_refund('{"refund_id":401,"tid":40,"oid":401,"modified":"2026-03-03 10:00:00","status":"SUCCESS","refund_fee":"7.00"}', '{"refund_id":411,"tid":41,"oid":411,"modified":"2026-03-03 10:00:00","status":"SUCCESS","refund_fee":"7.00"}'), '2/0/0', 'then the refund, and another one');
SELECT is(pg_temp.put(pg_temp.trade(41, 2880, '{"payment":"143.00"}', '{"refund_status":"WAIT_SELLER_AGREE","divide_order_fee":"79.00"}')), '1/0/0', 'whose order comes second');
SELECT results_eq('SELECT * FROM pg_temp.paid(40)', 'SELECT * FROM pg_temp.paid(41)', 'both ways end the same');
SELECT results_eq('SELECT line1, frozen1, estimated1, frozen2 FROM pg_temp.paid(41)', $$VALUES (79.00, true, true, false)$$, 'with an estimate');
SELECT is(pg_temp.put(pg_temp.trade(42, 0)), '1/0/0', 'an order seen in time');
SELECT is(pg_temp.put(pg_temp.trade(42, 2880, '{"payment":"143.00"}', '{"refund_status":"WAIT_SELLER_AGREE","divide_order_fee":"79.00"}')), '0/1/0', 'then fallen while a refund is open');
SELECT results_eq('SELECT amount, frozen, line1, frozen1 FROM pg_temp.paid(42)', $$VALUES (150.00, false, 86.00, false)$$, 'is not followed down');
SELECT is(pg_temp.put_refund('{"refund_id":421,"tid":42,"oid":421,"modified":"2026-03-03 10:00:00","status":"SUCCESS","refund_fee":"7.00"}'), '1/0/0', 'the first refund is stored');
SELECT results_eq('SELECT amount, frozen, line1, frozen1, estimated1 FROM pg_temp.paid(42)', $$VALUES (150.00, true, 86.00, true, false)$$, 'and what was paid is exact');
SELECT is(pg_temp.put_refund('{"refund_id":62,"tid":6,"modified":"2026-03-03 10:00:00","status":"CLOSED"}', '{"refund_id":52,"oid":52,"modified":"2026-03-03 10:00:00","status":"CLOSED"}'), '2/0/0', 'refunds of stored orders that name one half');
SELECT results_eq('SELECT tid, oid, num_iid FROM ordersync.after_sales WHERE refund_id IN (52, 62) ORDER BY refund_id', $$VALUES (5::bigint, 52::bigint, 502::bigint), (6, 6, 77)$$, 'find the other');

-- without a share of the paid amount
SELECT is(pg_temp.put(pg_temp.trade(7, 0, '{}', '{"divide_order_fee":null}', '{"divide_order_fee":"","part_mjz_discount":null}')), '1/0/0', 'lines without divide_order_fee');
SELECT results_eq('SELECT line1, line2 FROM pg_temp.paid(7)', $$VALUES (86.00, 60.00)$$, 'count total_fee less their share of the discount');

-- a single line has the postage in its payment, not in its paid amount
SELECT is(pg_temp.put('{"tid":8,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","modified":"2026-03-03 10:00:00","pay_time":"2026-03-03 10:00:00","payment":"510.00","post_fee":"10.00","orders":{"order":[{"oid":8,"price":"100.00","num":5,"total_fee":"500.00","payment":"510.00"}]}}'), '1/0/0', 'a single-line order');
SELECT results_eq('SELECT o.paid_amount, s.payment, s.paid_amount FROM ordersync.orders o JOIN ordersync.sub_orders s USING (shop_id, tid) WHERE tid = 8', $$VALUES (510.00, 510.00, 500.00)$$, 'postage is in the order''s paid amount only');

-- pre-sale in its states
SELECT is(pg_temp.put(pg_temp.trade(10, 0, '{"type":"step","status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_NOPAID_FINAL_NOPAID","pay_time":null}'),
	pg_temp.trade(11, 0, '{"type":"step","status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID","step_paid_fee":"20.00"}'),
	pg_temp.trade(12, 0, '{"type":"step","status":"WAIT_SELLER_SEND_GOODS","step_trade_status":"FRONT_PAID_FINAL_PAID","step_paid_fee":"150.00"}'),
	pg_temp.trade(13, 0, '{"type":"step","status":"TRADE_CLOSED_BY_TAOBAO","step_trade_status":"FRONT_PAID_FRONT_FORFEITED","step_paid_fee":"20.00"}'),
	pg_temp.trade(14, 0, '{"type":"step","status":"WAIT_BUYER_CONFIRM_GOODS"}'),
	pg_temp.trade(15, 0, '{"type":"step","status":"WAIT_BUYER_PAY"}')), '6/0/0', 'pre-sales');
SELECT results_eq('SELECT tid, paid_at IS NOT NULL, paid_amount FROM ordersync.orders WHERE tid BETWEEN 10 AND 15 ORDER BY tid',
	$$VALUES (10::bigint, false, NULL::numeric), (11, false, NULL), (12, true, 150.00), (13, false, NULL), (14, true, 150.00), (15, false, NULL)$$, 'are paid when the balance is paid');
SELECT is((SELECT paid_amount FROM ordersync.sub_orders WHERE oid = 111), NULL, 'so are their lines');
SELECT is(pg_temp.put(pg_temp.trade(11, 9, '{"type":"step","status":"WAIT_SELLER_SEND_GOODS","step_trade_status":"FRONT_PAID_FINAL_PAID","step_paid_fee":"150.00","pay_time":"2026-03-09 01:00:00"}')), '0/1/0', 'the balance of one comes in');
SELECT results_eq('SELECT amount, at_date, line1 FROM pg_temp.paid(11)', $$VALUES (150.00, '2026-03-09'::date, 86.00)$$, 'it is paid on that day');

-- cash on delivery
SELECT is(pg_temp.put(pg_temp.trade(20, 0, '{"type":"cod","status":"WAIT_BUYER_CONFIRM_GOODS","pay_time":"2026-03-01 10:00:00"}')), '1/0/0', 'cash on delivery, on its way');
SELECT is((SELECT amount FROM pg_temp.paid(20)), NULL, 'is not paid');
SELECT is(pg_temp.put(pg_temp.trade(20, 1, '{"type":"cod","status":"TRADE_FINISHED","pay_time":"2026-03-01 10:00:00","end_time":"2026-03-05 10:00:00"}')), '0/1/0', 'finished');
SELECT results_eq('SELECT amount, at_date FROM pg_temp.paid(20)', $$VALUES (150.00, '2026-03-05'::date)$$, 'is paid when it ended');
SELECT is(pg_temp.put(pg_temp.trade(21, 1, '{"type":"cod","status":"TRADE_CLOSED","pay_time":"2026-03-01 10:00:00","end_time":"2026-03-05 10:00:00"}')), '1/0/0', 'one that was refused at the door');
SELECT is((SELECT amount FROM pg_temp.paid(21)), NULL, 'is never paid');

-- gifts
SELECT is(pg_temp.put(pg_temp.trade(30, 0, '{}', '{"price":"0.00"}', '{"is_free_gift":true}')), '1/0/0', 'an order with gifts');
SELECT results_eq('SELECT oid, is_gift FROM ordersync.sub_orders WHERE tid = 30 ORDER BY oid', $$VALUES (301::bigint, true), (302, true)$$, 'free, or marked so');
SELECT is((SELECT is_gift FROM ordersync.sub_orders WHERE oid = 11), false, 'others are none');

-- closed without having been paid
SELECT is(pg_temp.put(pg_temp.trade(31, 0, '{"status":"TRADE_CLOSED_BY_TAOBAO","pay_time":null,"end_time":"2026-03-05 10:00:00"}')), '1/0/0', 'closed unpaid with a payment above 0');
SELECT is((SELECT amount FROM pg_temp.paid(31)), NULL, 'was never paid');

-- a replay in any order: nothing moves
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT tid, ctid AS c, xmax::text AS x FROM ordersync.orders;
CREATE TEMP TABLE before_lines ON COMMIT DROP AS SELECT oid, ctid AS c, xmax::text AS x FROM ordersync.sub_orders;
SELECT is(pg_temp.put(pg_temp.trade(1, 5, '{"payment":"73.00"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00","payment":"14.00"}'), pg_temp.trade(1, 6, '{"payment":"0.00","status":"TRADE_CLOSED"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00"}', '{"refund_status":"SUCCESS","divide_order_fee":"0.00"}'), pg_temp.trade(4, 0), pg_temp.trade(20, 0, '{"type":"cod"}')), '0/0/3', 'old and present records again');
SELECT is(pg_temp.put_refund('{"refund_id":41,"tid":4,"oid":41,"modified":"2026-03-03 10:00:00","status":"SUCCESS","refund_fee":"86.00","dispute_type":"REFUND"}'), '0/0/1', 'and a refund');
SELECT is_empty('SELECT tid FROM ordersync.orders o JOIN before b USING (tid) WHERE o.ctid <> b.c OR o.xmax::text <> b.x', 'no order is written or locked');
SELECT is_empty('SELECT oid FROM ordersync.sub_orders s JOIN before_lines b USING (oid) WHERE s.ctid <> b.c OR s.xmax::text <> b.x', 'no line either');

SELECT * FROM finish();
ROLLBACK;
