-- Exchanges and goods sent again: the platform's own list of their states, the exchange that is closed, and the refund it may turn into.
BEGIN;
SELECT plan(33);
SELECT ordersync.set_up();
\ir lib/put.sql

-- the states that the lists of after-sales and of disputes are documented with, beside those of refunds
CREATE TEMP TABLE expected (status text, stage text, zh text, en text) ON COMMIT DROP;
INSERT INTO expected VALUES
	('WAIT_SELLER_CONFIRM_RETURN_ADDRESS', 'requested', '申请中', 'requested'),
	('POST_FEE_DISPUTE_WAIT_ACTIVATE', 'requested', '申请中', 'requested'),
	('WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS', 'exchanging', '换货中', 'exchanging'),
	('WAIT_SELLER_CONSIGN_GOODS', 'exchanging', '换货中', 'exchanging'),
	('WAIT_SELLER_CONSIGN_GOOGDS', 'exchanging', '换货中', 'exchanging'),
	('EXCHANGE_WAIT_BUYER_CONFIRM_GOODS', 'exchanging', '换货中', 'exchanging'),
	('WAIT_SELLER_SEND_GOODS', 'exchanging', '换货中', 'exchanging'),
	('WAIT_BUYER_CONFIRM_REDO_SEND_GOODS', 'exchanging', '换货中', 'exchanging'),
	('EXCHANGE_TRANSFORM_TO_REFUND', 'cancelled', '退款取消', 'cancelled');
SELECT is(ordersync_refund_status(status), stage, status) FROM expected;
SELECT results_eq(
	$$ SELECT e.status, n.stage, n.name_zh, n.name_en FROM expected e LEFT JOIN ordersync.status_names n ON n.object = 'refund' AND n.platform = 'taobao' AND n.status = e.status ORDER BY 1 $$,
	$$ SELECT * FROM expected ORDER BY 1 $$, 'the views have names for all of them');
SELECT results_eq($$ SELECT ordersync_refund_status_name(status), ordersync_refund_status_name(status, 'en') FROM expected ORDER BY status $$,
	$$ SELECT zh, en FROM expected ORDER BY status $$, 'the functions have the same');
SELECT is(ordersync_order_status('WAIT_SELLER_SEND_GOODS'), 'paid', 'of an order the same word means something else');

CREATE FUNCTION pg_temp.money(p_id bigint) RETURNS TABLE (stage text, refunded numeric, refunded_day date, closed_day date) LANGUAGE sql AS $$
	SELECT r.stage, r.refunded_amount, r.refunded_date, timezone('Asia/Shanghai', r.closed_at)::date
	FROM ordersync.after_sale_report r
	WHERE r.shop_id = 7 AND r.refund_id = p_id
$$;
CREATE FUNCTION pg_temp.order_of(p_tid bigint) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"tid":%1$s,"type":"fixed","status":"WAIT_BUYER_CONFIRM_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","modified":"2026-03-01 11:00:05","payment":"86.00","post_fee":"0.00","total_fee":"86.00","orders":{"order":[{"oid":%1$s,"status":"WAIT_BUYER_CONFIRM_GOODS","refund_status":"NO_REFUND","num_iid":501,"price":"86.00","num":1,"total_fee":"86.00","divide_order_fee":"86.00"}]}}', p_tid)
$$;
CREATE FUNCTION pg_temp.case_of(p_id bigint, p_tid bigint, p_day integer, p_status text, p_type text) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"refund_id":%s,"tid":%s,"oid":%2$s,"created":"2026-03-02 10:00:00","modified":"2026-03-%s 10:00:00","status":"%s","refund_fee":"86.00","dispute_type":"%s"}',
		p_id, p_tid, lpad(p_day::text, 2, '0'), p_status, p_type)
$$;
SELECT is(pg_temp.put('list', pg_temp.order_of(1), pg_temp.order_of(2), pg_temp.order_of(3), pg_temp.order_of(4), pg_temp.order_of(5)), '5/0/0', 'five orders of one line, 86.00 each');

-- an exchange that goes well
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(11, 1, 3, 'EXCHANGE_WAIT_BUYER_CONFIRM_GOODS', 'TMALL_EXCHANGE')), '1/0/0', 'the new goods are on their way');
SELECT results_eq('SELECT * FROM pg_temp.money(11)', $$ VALUES ('exchanging', 0.00, NULL::date, NULL::date) $$, 'it is exchanging');
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(11, 1, 4, 'SUCCESS', 'TMALL_EXCHANGE')), '0/1/0', 'the buyer has them');
SELECT is((SELECT refunded FROM pg_temp.money(11)), 0.00, 'no money went back');
SELECT is((SELECT paid_amount_frozen FROM ordersync.sub_orders WHERE shop_id = 7 AND oid = 1), false, 'and the line''s amount is not frozen');

-- closed: an end
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(12, 2, 3, 'EXCHANGE_TRANSFORM_TO_REFUND', 'TMALL_EXCHANGE')), '1/0/0', 'an exchange that is turned into a refund');
SELECT results_eq('SELECT * FROM pg_temp.money(12)', $$ VALUES ('cancelled', 0.00, NULL::date, '2026-03-03'::date) $$, 'is closed, that day, without money');
-- the refund as an after-sale of its own: counted once, by its own type
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(13, 2, 5, 'SUCCESS', 'REFUND_AND_RETURN')), '1/0/0', 'the refund is through under another number');
SELECT is((SELECT sum(refunded_amount) FROM ordersync.after_sales WHERE shop_id = 7 AND tid = 2), 86.00, 'its money went back once');

-- the refund under the exchange's number, whatever type it says
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(14, 3, 3, 'EXCHANGE_TRANSFORM_TO_REFUND', 'TMALL_EXCHANGE'), pg_temp.case_of(15, 4, 3, 'EXCHANGE_TRANSFORM_TO_REFUND', 'TAOBAO_EXCHANGE')), '2/0/0', 'two more');
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(14, 3, 5, 'SUCCESS', 'REFUND_AND_RETURN'), pg_temp.case_of(15, 4, 4, 'WAIT_BUYER_RETURN_GOODS', 'TAOBAO_EXCHANGE')), '0/2/0', 'go on under their numbers');
SELECT results_eq('SELECT * FROM pg_temp.money(14)', $$ VALUES ('refunded', 86.00, '2026-03-05'::date, '2026-03-03'::date) $$, 'a type that changed counts as what it says');
SELECT is((SELECT refunded FROM pg_temp.money(15)), 0.00, 'one that is not through does not count');
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(15, 4, 6, 'SUCCESS', 'TAOBAO_EXCHANGE')), '0/1/0', 'until it is');
SELECT results_eq('SELECT * FROM pg_temp.money(15)', $$ VALUES ('refunded', 86.00, '2026-03-06'::date, '2026-03-03'::date) $$, 'a closed exchange cannot succeed: its money went back');
SELECT is((SELECT paid_amount_frozen FROM ordersync.sub_orders WHERE shop_id = 7 AND oid = 4), true, 'the line keeps what was paid');
SELECT is(pg_temp.put_refund('list', pg_temp.case_of(15, 4, 7, 'SUCCESS', 'TAOBAO_EXCHANGE')), '0/1/0', 'a later change');
SELECT is((SELECT refunded FROM pg_temp.money(15)), 86.00, 'does not undo that');
SELECT is(pg_temp.put('list', replace(pg_temp.order_of(4), '"2026-03-01 11:00:05"', '"2026-03-08 10:00:00"')), '0/1/0', 'nor does the order''s next record');
SELECT results_eq('SELECT refunded_amount, net_sales FROM ordersync.daily_sales WHERE shop_id = 7 AND day = ''2026-03-06''', $$ VALUES (86.00, -86.00) $$, 'the day''s sales have it');

SELECT * FROM finish();
ROLLBACK;
