-- Rows that are gone: unchanged is a record only with its rows present; what is gone is written again by whatever reads it.
BEGIN;
SELECT plan(75);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'UTC';
\ir lib/put.sql
INSERT INTO ordersync.gateways (name, base_url, app_key, protocol, sign_method) VALUES ('g', 'https://example.invalid', '1', 'top', 'md5');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES (7, 's', '{s}', 'g');

-- An order of two lines, a refund of one of them that lowered its payment, and the records of an hour later.
CREATE TEMP TABLE record (name text PRIMARY KEY, source text, body text) ON COMMIT DROP;
INSERT INTO record VALUES
	('unpaid', 'increment', '{"tid":1,"type":"fixed","status":"WAIT_BUYER_PAY","created":"2026-03-01 10:00:00","modified":"2026-03-01 10:00:00","payment":"30.00","seller_nick":"s","buyer_nick":"b","orders":{"order":[{"oid":11,"num_iid":5,"num":1,"total_fee":"10.00","divide_order_fee":"10.00","refund_status":"NO_REFUND"},{"oid":12,"num_iid":6,"num":2,"total_fee":"20.00","divide_order_fee":"20.00","refund_status":"NO_REFUND"}]}}'),
	('paid', 'list', '{"tid":1,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","modified":"2026-03-01 11:00:00","payment":"29.00","seller_nick":"s","buyer_nick":"b","trade_from":"WAP","orders":{"order":[{"oid":11,"num_iid":5,"num":1,"total_fee":"10.00","divide_order_fee":"10.00","refund_status":"NO_REFUND"},{"oid":12,"num_iid":6,"num":2,"total_fee":"20.00","divide_order_fee":"19.00","refund_status":"NO_REFUND"}]}}'),
	('refunded', 'list', '{"tid":1,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","modified":"2026-03-02 11:00:00","payment":"19.00","seller_nick":"s","buyer_nick":"b","trade_from":"WAP","orders":{"order":[{"oid":11,"num_iid":5,"num":1,"total_fee":"10.00","divide_order_fee":"10.00","refund_status":"SUCCESS","refund_id":"101"},{"oid":12,"num_iid":6,"num":2,"total_fee":"20.00","divide_order_fee":"19.00","refund_status":"NO_REFUND"}]}}'),
	('refund', 'refund', '{"refund_id":101,"tid":1,"oid":11,"created":"2026-03-02 10:00:00","modified":"2026-03-02 11:00:00","status":"SUCCESS","refund_fee":"10.00","dispute_type":"REFUND","desc":"torn"}'),
	('noted', 'refund', '{"refund_id":101,"tid":1,"oid":11,"created":"2026-03-02 10:00:00","modified":"2026-03-05 11:00:00","status":"SUCCESS","refund_fee":"10.00","dispute_type":"REFUND","desc":"torn apart"}');
CREATE FUNCTION pg_temp.read(p_name text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE source WHEN 'refund' THEN pg_temp.put_refund('list', body) ELSE pg_temp.put(source, body) END FROM record WHERE name = p_name
$$;
CREATE FUNCTION pg_temp.cols(p_table text, VARIADIC p_but text[] DEFAULT '{}') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE r jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_agg(to_jsonb(t) - ''synced_at''::text - ''read_at''::text - $1 ORDER BY to_jsonb(t) ->> 1, t) FROM ordersync.%I t', p_table) INTO r USING p_but;
	RETURN r;
END $$;
SELECT is(pg_temp.read('unpaid'), '1/0/0', 'an order');
SELECT is(pg_temp.read('paid'), '0/1/0', 'paid, for less');
SELECT is(pg_temp.read('refunded'), '0/1/0', 'refunded in part');
SELECT is(pg_temp.read('refund'), '1/0/0', 'its refund');
SELECT is(pg_temp.read('noted'), '0/1/0', 'which changes once more');
UPDATE ordersync.orders SET first_seen_at = '2026-03-01 02:01:00+00';
UPDATE ordersync.order_changes SET recorded_at = '2026-03-01 02:01:00+00' WHERE object = 'order' AND field = 'first_seen';
UPDATE ordersync.after_sales SET first_seen_at = '2026-03-02 02:01:00+00';
UPDATE ordersync.order_changes SET recorded_at = '2026-03-02 02:01:00+00' WHERE object = 'after_sale' AND field = 'first_seen';
CREATE TEMP TABLE whole ON COMMIT DROP AS
SELECT t.name, pg_temp.cols(t.name) AS rows, (SELECT count(*) FROM ordersync.order_changes) AS changes
FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales', 'order_payloads', 'after_sale_payloads']) AS t (name);
SELECT results_eq('SELECT paid_amount, payment, paid_amount_frozen FROM ordersync.orders', 'VALUES (29.00, 19.00, true)', 'what was paid is remembered from before the refund');
SELECT is((SELECT refunded_at FROM ordersync.after_sales), '2026-03-02 03:00:00+00'::timestamptz, 'when it was refunded from before its next change');

-- each table alone, then together; read again by the very record that is stored
CREATE FUNCTION pg_temp.without(p_sql text, p_text text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE p_sql;
	RETURN NEXT is(pg_temp.read('refunded') || ' ' || pg_temp.read('noted'), '0/' || (p_text !~ 'after_sale')::integer || '/' || (p_text ~ 'after_sale')::integer
		|| ' 0/' || (p_text ~ 'after_sale|both')::integer || '/' || (p_text !~ 'after_sale|both')::integer, p_text || ': gone counts as changed');
	RETURN NEXT is(pg_temp.cols('orders', 'details_at'), (SELECT (SELECT jsonb_agg(e - 'details_at') FROM jsonb_array_elements(rows) e) FROM whole WHERE name = 'orders'), p_text || ': the order is as it was');
	RETURN NEXT is(pg_temp.cols('sub_orders', 'first_seen_at', 'paid_amount_estimated'),
		(SELECT (SELECT jsonb_agg(e - '{first_seen_at,paid_amount_estimated}'::text[]) FROM jsonb_array_elements(rows) e) FROM whole WHERE name = 'sub_orders'), p_text || ': so are its lines');
	RETURN NEXT is(pg_temp.cols('after_sales'), (SELECT rows FROM whole WHERE name = 'after_sales'), p_text || ': so is its refund');
	RETURN NEXT is((SELECT count(*) FROM ordersync.order_changes), (SELECT max(changes) FROM whole), p_text || ': the lifecycle has no entry');
	RETURN NEXT is(pg_temp.read('refunded') || ' ' || pg_temp.read('noted'), '0/0/1 0/0/1', p_text || ': the next reading changes nothing');
END $$;
SELECT pg_temp.without('DELETE FROM ordersync.orders', 'orders');
SELECT pg_temp.without('DELETE FROM ordersync.sub_orders', 'sub_orders');
SELECT pg_temp.without('DELETE FROM ordersync.sub_orders WHERE oid = 12', 'one of sub_orders');
SELECT pg_temp.without('DELETE FROM ordersync.after_sales', 'after_sales');
SELECT pg_temp.without('DELETE FROM ordersync.order_payloads', 'order_payloads');
SELECT pg_temp.without('DELETE FROM ordersync.after_sale_payloads', 'after_sale_payloads');
SELECT pg_temp.without('DELETE FROM ordersync.orders; DELETE FROM ordersync.sub_orders; DELETE FROM ordersync.after_sales', 'both streams'' rows');
SELECT is((SELECT payload ->> 'trade_from' FROM ordersync.order_payloads), 'WAP', 'a payload made of columns has their values');

-- an older record brings the row as it was, not as it says
DELETE FROM ordersync.orders;
SELECT is(pg_temp.read('unpaid'), '0/1/0', 'read by an older record');
SELECT is(pg_temp.cols('orders', 'details_at'), (SELECT (SELECT jsonb_agg(e - 'details_at') FROM jsonb_array_elements(rows) e) FROM whole WHERE name = 'orders'), 'the order is as it was');
-- a newer one brings what it says
DELETE FROM ordersync.orders;
SELECT is(pg_temp.put('increment', '{"tid":1,"type":"fixed","status":"TRADE_FINISHED","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","end_time":"2026-03-09 11:00:00","modified":"2026-03-09 11:00:00","payment":"19.00","orders":{"order":[{"oid":11,"refund_status":"SUCCESS"},{"oid":12,"refund_status":"NO_REFUND"}]}}'), '0/1/0', 'read by a newer record');
SELECT is((SELECT status || ' ' || trade_from FROM ordersync.orders), 'TRADE_FINISHED WAP', 'the order is as it says, and what it does not serve as it was');
SELECT results_eq('SELECT first_seen_at, paid_amount FROM ordersync.orders', $$VALUES ('2026-03-01 02:01:00+00'::timestamptz, 29.00)$$, 'with what its changes remember');

-- an older record than the row whose payload is gone thins nothing
DELETE FROM ordersync.order_payloads;
SELECT is(pg_temp.read('paid'), '0/1/0', 'the payload is gone, an older record is read');
SELECT is((SELECT status FROM ordersync.orders), 'TRADE_FINISHED', 'the row stays');
SELECT results_eq('SELECT modified, sources::integer FROM ordersync.order_payloads', $$VALUES ('2026-03-09 03:00:00+00'::timestamptz, 0)$$, 'the payload is of the row''s age');

-- a line that has moved to another order is not gone
SELECT is(pg_temp.put('list', '{"tid":2,"status":"WAIT_BUYER_PAY","modified":"2026-03-09 12:00:00","orders":{"order":[{"oid":21},{"oid":22}]}}'), '1/0/0', 'an order of two lines');
SELECT is(pg_temp.put('list', '{"tid":3,"status":"WAIT_BUYER_PAY","modified":"2026-03-09 13:00:00","orders":{"order":[{"oid":22}]}}'), '1/0/0', 'one of them is another order''s now');
SELECT is(pg_temp.put('list', '{"tid":2,"status":"WAIT_BUYER_PAY","modified":"2026-03-09 12:00:00","orders":{"order":[{"oid":21},{"oid":22}]}}'), '0/0/1', 'the first one again is unchanged');
SELECT results_eq('SELECT oid, tid FROM ordersync.sub_orders WHERE oid > 20 ORDER BY 1', 'VALUES (21::bigint, 2::bigint), (22, 3)', 'the line stays where it is');
SELECT is((SELECT line_count FROM ordersync.orders WHERE tid = 2), 1, 'and is no longer counted');
SELECT ok(NOT ordersync.has_missing_rows(7, 'orders', '2026-03-01', '2026-04-01'), 'nor does a count find it gone');

-- without payloads
UPDATE ordersync.shops SET options = '{"payloads": "off"}';
SELECT is(pg_temp.put('list', '{"tid":4,"status":"WAIT_BUYER_PAY","created":"2026-03-09 12:00:00","modified":"2026-03-09 12:00:00","trade_from":"WAP","orders":{"order":[{"oid":41,"num":1},{"oid":42,"num":1}]}}'), '1/0/0', 'an order of a shop that keeps no records');
DELETE FROM ordersync.sub_orders WHERE oid = 42;
SELECT ok(ordersync.has_missing_rows(7, 'orders', '2026-03-09', '2026-03-10'), 'a line is gone');
SELECT is(pg_temp.put('list', '{"tid":4,"status":"WAIT_BUYER_PAY","created":"2026-03-09 12:00:00","modified":"2026-03-09 12:00:00","trade_from":"WAP","orders":{"order":[{"oid":41,"num":1},{"oid":42,"num":1}]}}'), '0/1/0', 'the same record');
SELECT is((SELECT count(*) FROM ordersync.sub_orders WHERE tid = 4), 2::bigint, 'brings it back');
DELETE FROM ordersync.orders WHERE tid = 4;
SELECT is(pg_temp.put('list', '{"tid":4,"status":"WAIT_BUYER_PAY","created":"2026-03-09 12:00:00","modified":"2026-03-09 12:00:00","trade_from":"WAP","orders":{"order":[{"oid":41,"num":1},{"oid":42,"num":1}]}}'), '1/0/0', 'an order that is gone is new: nothing is left of it');
SELECT is((SELECT trade_from || ' ' || line_count FROM ordersync.orders WHERE tid = 4), 'WAP 2', 'and there');
SELECT is(pg_temp.put('list', '{"tid":4,"status":"WAIT_BUYER_PAY","created":"2026-03-09 12:00:00","modified":"2026-03-09 12:00:00","trade_from":"WAP","orders":{"order":[{"oid":41,"num":1},{"oid":42,"num":1}]}}'), '0/0/1', 'then unchanged');
DELETE FROM ordersync.order_payloads WHERE tid = 4;
SELECT is(pg_temp.put('list', '{"tid":4,"status":"WAIT_BUYER_PAY","created":"2026-03-09 12:00:00","modified":"2026-03-09 12:00:00","trade_from":"WAP","orders":{"order":[{"oid":41,"num":1},{"oid":42,"num":1}]}}'), '0/1/0', 'its digests are gone');
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE tid = 4 AND payload IS NULL AND digest_list IS NOT NULL), 1::bigint, 'and back, without the record');
UPDATE ordersync.shops SET options = '{}';

-- another shop's rows are not ours
DELETE FROM ordersync.orders WHERE tid = 2;
INSERT INTO ordersync.orders (shop_id, tid, line_count) VALUES (8, 2, 0);
SELECT is(pg_temp.put('list', '{"tid":2,"status":"WAIT_BUYER_PAY","modified":"2026-03-09 12:00:00","orders":{"order":[{"oid":21},{"oid":22}]}}'), '0/1/0', 'the order is gone here, and there in another shop');
SELECT is((SELECT count(*) FROM ordersync.orders WHERE tid = 2 AND shop_id = 7), 1::bigint, 'it is back');

SELECT * FROM finish();
ROLLBACK;
