-- An after-sale whose record names no line says so with oid 0: the line is its order's only one.
BEGIN;
SELECT plan(4);
SELECT ordersync.set_up();
CREATE FUNCTION pg_temp.put(p_stream text, p_record jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM ordersync.apply_pages(p_stream, 7, 'list', '{1}', '{1}', '{2026-03-01 12:00+08}', '{1}',
		ARRAY[(p_record ->> CASE p_stream WHEN 'orders' THEN 'tid' ELSE 'refund_id' END)::bigint],
		ARRAY[ordersync.read_time(p_record ->> 'modified')], ARRAY[sha256(convert_to(p_record::text, 'UTF8'))],
		ARRAY[p_record::text], NULL, NULL, NULL) a $$;
CREATE FUNCTION pg_temp.trade(tid bigint) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('tid', tid, 'modified', '2026-03-01 10:00:00', 'created', '2026-03-01 08:00:00', 'pay_time', '2026-03-01 09:00:00',
		'type', 'fixed', 'payment', '10.00', 'status', 'WAIT_SELLER_SEND_GOODS',
		'orders', jsonb_build_object('order', jsonb_build_array(jsonb_build_object('oid', tid * 10 + 1, 'num_iid', 5, 'num', 1, 'total_fee', '10.00', 'divide_order_fee', '10.00')))) $$;
CREATE FUNCTION pg_temp.refund(refund_id bigint, tid bigint) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('refund_id', refund_id, 'tid', tid, 'oid', 0, 'modified', '2026-03-01 11:00:00', 'created', '2026-03-01 10:30:00',
		'status', 'SUCCESS', 'dispute_type', 'REFUND', 'refund_fee', '10.00') $$;
CREATE FUNCTION pg_temp.link(p_id bigint) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s %s', a.tid, a.oid, a.num_iid) FROM ordersync.after_sales a WHERE a.shop_id = 7 AND a.refund_id = p_id $$;
CREATE FUNCTION pg_temp.frozen(p_oid bigint) RETURNS boolean LANGUAGE sql AS $$
	SELECT s.paid_amount_frozen FROM ordersync.sub_orders s WHERE s.shop_id = 7 AND s.oid = p_oid $$;

SELECT pg_temp.put('orders', pg_temp.trade(1)), pg_temp.put('after_sales', pg_temp.refund(21, 1));
SELECT is(pg_temp.link(21), '1 11 5', 'the order first: the refund finds its line');
SELECT ok(pg_temp.frozen(11), 'and freezes it');
SELECT pg_temp.put('after_sales', pg_temp.refund(22, 2)), pg_temp.put('orders', pg_temp.trade(2));
SELECT is(pg_temp.link(22), '2 21 5', 'the refund first: the line finds it');
SELECT ok(pg_temp.frozen(21), 'and is frozen');
SELECT * FROM finish();
ROLLBACK;
