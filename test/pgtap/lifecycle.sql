-- The lifecycle: a row when an order or after-sale is first stored and one for each change of a watched column, none else.
BEGIN;
SELECT plan(42);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'UTC';

-- the lists of orders and of after-sales, as task p_task of run 70; new/changed/unchanged
CREATE FUNCTION pg_temp.put(p_task bigint, p_source text, VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(7, p_source, 70, p_task, p.ids, p.modified, p.digests, p.bodies) a
$$;
CREATE FUNCTION pg_temp.put_refund(p_task bigint, p_source text, VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'refund_id')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_after_sales(7, p_source, 70, p_task, p.ids, p.modified, p.digests, p.bodies) a
$$;
-- the changes that a task has brought
CREATE FUNCTION pg_temp.changes(p_task bigint) RETURNS TABLE (object text, id bigint, field text, old_value text, new_value text) LANGUAGE sql AS $$
	SELECT object, id, field, old_value, new_value FROM ordersync.order_changes WHERE task_id = p_task ORDER BY object, id, field
$$;

/* --- one order, step by step --- */

SELECT is(pg_temp.put(1, 'list', '{"tid":1,"modified":"2026-01-31 23:59:59","created":"2026-01-31 23:59:59","status":"WAIT_BUYER_PAY","type":"step","step_trade_status":"FRONT_NOPAID_FINAL_NOPAID","payment":"10.00","orders":{"order":[{"oid":11,"refund_status":"NO_REFUND","title":"t"},{"oid":12,"title":"t"}]}}'), '1/0/0', 'an order is placed');
SELECT results_eq('SELECT * FROM pg_temp.changes(1)', $$VALUES ('order', 1::bigint, 'first_seen', NULL::text, 'WAIT_BUYER_PAY')$$, 'first stored: one row, with its status; none for its lines');
SELECT is(pg_temp.put(2, 'list', '{"tid":1,"modified":"2026-02-01 00:00:00","created":"2026-01-31 23:59:59","status":"WAIT_SELLER_SEND_GOODS","type":"step","step_trade_status":"FRONT_PAID_FINAL_PAID","pay_time":"2026-02-01 00:00:00","payment":"9.90","orders":{"order":[{"oid":11,"refund_status":"NO_REFUND","title":"t"},{"oid":12,"title":"t"}]}}'), '0/1/0', 'paid');
SELECT results_eq('SELECT * FROM pg_temp.changes(2)', $$VALUES ('order', 1::bigint, 'pay_time', NULL::text, '2026-02-01 00:00:00'), ('order', 1, 'payment', '10.00', '9.90'),
	('order', 1, 'status', 'WAIT_BUYER_PAY', 'WAIT_SELLER_SEND_GOODS'), ('order', 1, 'step_trade_status', 'FRONT_NOPAID_FINAL_NOPAID', 'FRONT_PAID_FINAL_PAID')$$, 'a row for the status, the pre-sale''s state, the payment and its time');
SELECT is(pg_temp.put(3, 'list', '{"tid":1,"modified":"2026-02-01 00:00:01","created":"2026-01-31 23:59:59","status":"WAIT_SELLER_SEND_GOODS","type":"step","step_trade_status":"FRONT_PAID_FINAL_PAID","pay_time":"2026-02-01 00:00:00","payment":9.9,"seller_flag":1,"buyer_nick":"b","received_payment":"0.00","orders":{"order":[{"oid":11,"refund_status":"NO_REFUND","title":"u","num":3},{"oid":12,"refund_status":"","title":"u"}]}}'), '0/1/0', 'flagged; the same amount as a number, no refund as an empty text');
SELECT is_empty('SELECT * FROM pg_temp.changes(3)', 'no row for what is not watched, nor for another form of the same value');
SELECT is(pg_temp.put(4, 'increment', '{"tid":1,"modified":"2026-02-02 08:00:00","created":"2026-01-31 23:59:59","status":"WAIT_BUYER_CONFIRM_GOODS","type":"step","step_trade_status":"FRONT_PAID_FINAL_PAID","pay_time":"2026-02-01 00:00:00","consign_time":"2026-02-02 08:00:00","payment":"9.90","orders":{"order":[{"oid":11,"refund_status":"NO_REFUND"},{"oid":12,"refund_status":"NO_REFUND"}]}}'), '0/1/0', 'sent');
SELECT results_eq('SELECT * FROM pg_temp.changes(4)', $$VALUES ('order', 1::bigint, 'consign_time', NULL::text, '2026-02-02 08:00:00'), ('order', 1, 'status', 'WAIT_SELLER_SEND_GOODS', 'WAIT_BUYER_CONFIRM_GOODS'),
	('sub_order', 12, 'refund_status', NULL, 'NO_REFUND')$$, 'a row for the consignment; a line''s refund status is known now');
SELECT is(pg_temp.put(5, 'increment', '{"tid":1,"modified":"2026-02-03 08:00:00","created":"2026-01-31 23:59:59","status":"WAIT_BUYER_CONFIRM_GOODS","type":"step","step_trade_status":"FRONT_PAID_FINAL_PAID","pay_time":"2026-02-01 00:00:00","consign_time":"2026-02-02 08:00:00","payment":"9.90","orders":{"order":[{"oid":12,"refund_status":"WAIT_SELLER_AGREE"},{"oid":13,"refund_status":"WAIT_SELLER_AGREE"},{"oid":14,"refund_status":"NO_REFUND"},{"oid":15}]}}'), '0/1/0', 'a refund of one line; three lines that were not there, one in dispute; one line is left out');
SELECT results_eq('SELECT * FROM pg_temp.changes(5)', $$VALUES ('sub_order', 12::bigint, 'refund_status', 'NO_REFUND', 'WAIT_SELLER_AGREE'), ('sub_order', 13, 'refund_status', NULL, 'WAIT_SELLER_AGREE')$$, 'a row for each dispute, none for the others');
SELECT is(pg_temp.put(6, 'increment', '{"tid":1,"modified":"2026-02-04 08:00:00","created":"2026-01-31 23:59:59","status":"TRADE_CLOSED","type":"step","step_trade_status":"FRONT_PAID_FINAL_PAID","pay_time":"2026-02-01 00:00:00","consign_time":"2026-02-02 08:00:00","end_time":"2026-02-04 08:00:00","payment":"0.00","orders":{"order":[{"oid":11,"refund_status":"SUCCESS"},{"oid":12,"refund_status":"SUCCESS"},{"oid":13,"refund_status":"SUCCESS"},{"oid":14,"refund_status":"SUCCESS"},{"oid":15,"refund_status":"SUCCESS"}]}}'), '0/1/0', 'all refunded, the order closes');
SELECT results_eq('SELECT * FROM pg_temp.changes(6)', $$VALUES ('order', 1::bigint, 'end_time', NULL, '2026-02-04 08:00:00'), ('order', 1, 'payment', '9.90', '0.00'), ('order', 1, 'status', 'WAIT_BUYER_CONFIRM_GOODS', 'TRADE_CLOSED'),
	('sub_order', 11, 'refund_status', 'NO_REFUND', 'SUCCESS'), ('sub_order', 12, 'refund_status', 'WAIT_SELLER_AGREE', 'SUCCESS'), ('sub_order', 13, 'refund_status', 'WAIT_SELLER_AGREE', 'SUCCESS'),
	('sub_order', 14, 'refund_status', 'NO_REFUND', 'SUCCESS'), ('sub_order', 15, 'refund_status', NULL, 'SUCCESS')$$, 'a row for the end, and one a line, from what it was first seen with');
SELECT results_eq($$SELECT DISTINCT c.task_id, c.shop_id, c.tid, c.platform_time, c.recorded_at = now(), c.run_id, c.changed_in = pg_current_xact_id() FROM ordersync.order_changes c WHERE c.tid = 1 ORDER BY c.task_id$$,
	$$VALUES (1::bigint, 7::bigint, 1::bigint, '2026-01-31 15:59:59+00'::timestamptz, true, 70::bigint, true), (2, 7, 1, '2026-01-31 16:00:00+00', true, 70, true), (4, 7, 1, '2026-02-02 00:00:00+00', true, 70, true),
		(5, 7, 1, '2026-02-03 00:00:00+00', true, 70, true), (6, 7, 1, '2026-02-04 00:00:00+00', true, 70, true)$$,
	'each with its order, the platform''s time of change and ours, run, task and transaction');

-- what is the same, older or poorer brings no row
SELECT is(pg_temp.put(7, 'increment', '{"tid":1,"modified":"2026-02-04 08:00:00","created":"2026-01-31 23:59:59","status":"TRADE_CLOSED","type":"step","step_trade_status":"FRONT_PAID_FINAL_PAID","pay_time":"2026-02-01 00:00:00","consign_time":"2026-02-02 08:00:00","end_time":"2026-02-04 08:00:00","payment":"0.00","orders":{"order":[{"oid":11,"refund_status":"SUCCESS"},{"oid":12,"refund_status":"SUCCESS"},{"oid":13,"refund_status":"SUCCESS"},{"oid":14,"refund_status":"SUCCESS"},{"oid":15,"refund_status":"SUCCESS"}]}}'), '0/0/1', 'the same again');
SELECT is(pg_temp.put(7, 'details', '{"tid":1,"modified":"2026-02-04 08:00:00","created":"2026-01-31 23:59:59","status":"TRADE_CLOSED","type":"step","step_trade_status":"FRONT_PAID_FINAL_PAID","pay_time":"2026-02-01 00:00:00","consign_time":"2026-02-02 08:00:00","end_time":"2026-02-04 08:00:00","payment":0,"seller_memo":"m","orders":{"order":[{"oid":11,"refund_status":"SUCCESS"},{"oid":12,"refund_status":"SUCCESS"},{"oid":13,"refund_status":"SUCCESS"},{"oid":14,"refund_status":"SUCCESS"},{"oid":15,"refund_status":"SUCCESS"}]}}'), '0/1/0', 'the whole record of it');
SELECT is(pg_temp.put(7, 'list', '{"tid":1,"modified":"2026-02-04 07:59:59","status":"WAIT_BUYER_PAY","payment":"1.00"}', '{"tid":1,"modified":"2026-01-31 23:59:59","status":"WAIT_BUYER_PAY"}'), '0/0/1', 'older ones');
SELECT is(pg_temp.put(7, 'list', '{"tid":1,"modified":"2026-02-04 08:00:00","status":"TRADE_CLOSED","payment":"0.0","async_modified":"2026-02-04 08:00:02"}'), '0/1/0', 'a poorer one, which has one column to add');
SELECT is_empty('SELECT * FROM pg_temp.changes(7)', 'none of them is a change');
-- a richer source of the same age may know better, and a newer one may take back
SELECT is(pg_temp.put(8, 'details', '{"tid":1,"modified":"2026-02-04 08:00:00","status":"TRADE_CLOSED_BY_TAOBAO","pay_time":"soon","payment":"1,00"}'), '0/1/0', 'another whole record of that age; a time and an amount that cannot be read');
SELECT results_eq('SELECT * FROM pg_temp.changes(8)', $$VALUES ('order', 1::bigint, 'consign_time', '2026-02-02 08:00:00', NULL::text), ('order', 1, 'end_time', '2026-02-04 08:00:00', NULL), ('order', 1, 'pay_time', '2026-02-01 00:00:00', NULL),
	('order', 1, 'payment', '0.00', NULL), ('order', 1, 'status', 'TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO'), ('order', 1, 'step_trade_status', 'FRONT_PAID_FINAL_PAID', NULL)$$, 'what is no longer there, or cannot be read, goes to NULL as its column does');
SELECT is(pg_temp.put(9, 'details', '{"tid":1,"modified":"2026-02-04 08:00:01","status":"TRADE_CLOSED_BY_TAOBAO","pay_time":"2026-02-01 00:00:00","payment":"0.00"}'), '0/1/0', 'and comes back');
SELECT results_eq('SELECT * FROM pg_temp.changes(9)', $$VALUES ('order', 1::bigint, 'pay_time', NULL::text, '2026-02-01 00:00:00'), ('order', 1, 'payment', NULL, '0.00')$$, 'from NULL');

-- the same line twice in a record, the same order twice in a page
SELECT is(pg_temp.put(10, 'list', '{"tid":2,"modified":"2026-01-01 10:00:00","status":"","orders":{"order":[{"oid":21,"refund_status":"NO_REFUND"},{"oid":21,"refund_status":"NO_REFUND"}]}}'), '1/0/0', 'an order without a status and with one line, twice');
SELECT is(pg_temp.put(11, 'list', '{"tid":2,"modified":"2026-01-01 11:00:00","status":"WAIT_BUYER_PAY","orders":{"order":[{"oid":21,"refund_status":"CLOSED"},{"oid":21,"refund_status":"SUCCESS"}]}}', '{"tid":2,"modified":"2026-01-01 10:30:00","status":"PAY_PENDING","orders":{"order":[{"oid":21,"refund_status":"WAIT_SELLER_AGREE"}]}}'), '0/1/0', 'twice in a page, and its line twice with two states');
SELECT results_eq('SELECT * FROM pg_temp.changes(10) UNION ALL SELECT * FROM pg_temp.changes(11)', $$VALUES ('order', 2::bigint, 'first_seen', NULL::text, NULL::text), ('order', 2, 'status', NULL, 'WAIT_BUYER_PAY'), ('sub_order', 21, 'refund_status', 'NO_REFUND', 'CLOSED')$$,
	'one row each: the newer order, the first of the lines');
SELECT is((SELECT refund_status FROM ordersync.sub_orders WHERE oid = 21), 'CLOSED', 'as stored');

-- after-sales
SELECT is(pg_temp.put_refund(20, 'list', '{"refund_id":5,"tid":1,"oid":11,"modified":"2026-02-03 08:00:00","status":"WAIT_SELLER_AGREE","refund_fee":"1.00"}', '{"refund_id":6,"modified":"2026-02-03 08:00:00","status":""}'), '2/0/0', 'two refunds');
SELECT is(pg_temp.put_refund(21, 'list', '{"refund_id":5,"tid":1,"oid":11,"modified":"2026-02-03 09:00:00","status":"WAIT_BUYER_RETURN_GOODS","refund_fee":"2.00"}', '{"refund_id":6,"modified":"2026-02-03 09:00:00","reason":"r"}'), '0/2/0', 'one is agreed to, the other has a reason');
SELECT is(pg_temp.put_refund(21, 'details', '{"refund_id":5,"tid":1,"oid":11,"modified":"2026-02-03 09:00:00","status":"WAIT_BUYER_RETURN_GOODS","refund_fee":"2.00","cs_status":1}', '{"refund_id":6,"modified":"2026-02-03 08:59:59","status":"SUCCESS"}'), '0/1/1', 'its whole record, and an older one of the other');
SELECT is(pg_temp.put_refund(22, 'list', '{"refund_id":6,"tid":1,"modified":"2026-02-03 10:00:00","status":"CLOSED"}'), '0/1/0', 'the other is closed');
SELECT results_eq('SELECT object, id, field, old_value, new_value, tid, task_id, platform_time, run_id, changed_in = pg_current_xact_id() FROM ordersync.order_changes WHERE object = ''after_sale'' ORDER BY task_id, id',
	$$VALUES ('after_sale', 5::bigint, 'first_seen', NULL::text, 'WAIT_SELLER_AGREE', 1::bigint, 20::bigint, '2026-02-03 00:00:00+00'::timestamptz, 70::bigint, true), ('after_sale', 6, 'first_seen', NULL, NULL, NULL, 20, '2026-02-03 00:00:00+00', 70, true),
		('after_sale', 5, 'status', 'WAIT_SELLER_AGREE', 'WAIT_BUYER_RETURN_GOODS', 1, 21, '2026-02-03 01:00:00+00', 70, true), ('after_sale', 6, 'status', NULL, 'CLOSED', 1, 22, '2026-02-03 02:00:00+00', 70, true)$$,
	'a row when first stored, one a change of status');

/* --- whatever comes: the changes are what the columns went through, worked out by comparing the tables before and after --- */

-- the watched columns, as text
CREATE FUNCTION pg_temp.watched(p_shop bigint) RETURNS TABLE (object text, id bigint, tid bigint, field text, value text, modified timestamptz) LANGUAGE sql AS $$
	SELECT 'order', o.tid, o.tid, f.field, NULLIF(f.value, ''), o.modified
	FROM ordersync.orders o,
		LATERAL (VALUES ('status', o.status), ('step_trade_status', o.step_trade_status), ('payment', o.payment::text),
			('pay_time', to_char(o.pay_time AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')),
			('consign_time', to_char(o.consign_time AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')),
			('end_time', to_char(o.end_time AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS'))) AS f (field, value)
	WHERE o.shop_id = p_shop
	UNION ALL
	SELECT 'sub_order', s.oid, s.tid, 'refund_status', NULLIF(s.refund_status, ''), s.modified FROM ordersync.sub_orders s WHERE s.shop_id = p_shop
	UNION ALL
	SELECT 'after_sale', a.refund_id, a.tid, 'status', NULLIF(a.status, ''), a.modified FROM ordersync.after_sales a WHERE a.shop_id = p_shop
$$;
CREATE FUNCTION pg_temp.one_of(VARIADIC p_values text[]) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT p_values[1 + floor(random() * cardinality(p_values))]::jsonb
$$;
-- a record of an order as chance has it: some fields missing, some unreadable, some lines twice
CREATE FUNCTION pg_temp.any_order(p_tid bigint, p_minute integer) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT (jsonb_build_object('tid', p_tid,
		'modified', to_char(timestamp '2026-02-28 23:55:00' + p_minute * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'),
		'status', pg_temp.one_of('"WAIT_BUYER_PAY"', '"WAIT_SELLER_SEND_GOODS"', '"TRADE_FINISHED"', '"TRADE_CLOSED"', '""', 'null'),
		'payment', pg_temp.one_of('"9.00"', '9', '9.0', '"9.01"', '"0"', '"0.00"', '"nine"', 'null'),
		'pay_time', pg_temp.one_of('"2026-02-28 23:59:59"', '"2026-03-01 00:00:00"', '"2026-02-29 00:00:00"', '""'),
		'consign_time', pg_temp.one_of('"2026-02-28 23:59:59"', '"2026-03-01 00:00:00"', 'null'),
		'end_time', pg_temp.one_of('"2026-03-31 23:59:59"', '""'))
		- CASE WHEN random() < 0.3 THEN 'consign_time' ELSE '' END
		|| CASE WHEN random() < 0.5 THEN jsonb_build_object('step_trade_status', pg_temp.one_of('"FRONT_PAID_FINAL_PAID"', '"FRONT_PAID_FINAL_NOPAID"')) ELSE '{}' END
		|| jsonb_build_object('orders', jsonb_build_object('order', COALESCE((
			SELECT jsonb_agg(jsonb_build_object('oid', p_tid * 10 + (l + l % 2) / 2,
				'refund_status', pg_temp.one_of('"NO_REFUND"', '"NO_REFUND"', '"WAIT_SELLER_AGREE"', '"SUCCESS"', '""', 'null')))
			FROM generate_series(1, 6) AS l WHERE random() < 0.6), '[]'))))::text
$$;
CREATE FUNCTION pg_temp.any_refund(p_id bigint, p_minute integer) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_build_object('refund_id', p_id, 'tid', p_id,
		'modified', to_char(timestamp '2026-12-31 23:55:00' + p_minute * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'),
		'status', pg_temp.one_of('"WAIT_SELLER_AGREE"', '"SUCCESS"', '"CLOSED"', '""', 'null'))::text
$$;
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM pg_temp.watched(0);
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM pg_temp.watched(0);
-- One page of anything; the changes that it brought against those that it made: what is left over on either side.
CREATE FUNCTION pg_temp.step(p_shop bigint, p_task bigint) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	v_source text := (ARRAY['increment', 'list', 'details'])[1 + floor(random() * 3)];
	v_refunds boolean := random() < 0.3 AND v_source <> 'increment';
	v_bodies text[];
BEGIN
	TRUNCATE before, after;
	INSERT INTO before SELECT * FROM pg_temp.watched(p_shop);
	SELECT array_agg(CASE WHEN v_refunds THEN pg_temp.any_refund(id, m) ELSE pg_temp.any_order(id, m) END) INTO v_bodies
	FROM generate_series(1, 40) AS id, LATERAL (SELECT (p_task % 1000)::integer / 5 + floor(random() * 12)::integer AS m WHERE id > 0) x
	WHERE random() < 0.5;
	PERFORM CASE WHEN v_refunds
		THEN ordersync.apply_after_sales(p_shop, v_source, 80, p_task, array_agg((b::jsonb ->> 'refund_id')::bigint), array_agg(ordersync.read_time(b::jsonb ->> 'modified')), array_agg(sha256(b::bytea)), array_agg(b))
		ELSE ordersync.apply_orders(p_shop, v_source, 80, p_task, array_agg((b::jsonb ->> 'tid')::bigint), array_agg(ordersync.read_time(b::jsonb ->> 'modified')), array_agg(sha256(b::bytea)), array_agg(b)) END
	FROM unnest(v_bodies) AS b;
	INSERT INTO after SELECT * FROM pg_temp.watched(p_shop);

	RETURN QUERY
	WITH made AS (
		SELECT a.object, a.id, a.tid, a.field, b.value AS old_value, a.value AS new_value, a.modified
		FROM after a
		JOIN before b USING (object, id, field)
		WHERE a.value IS DISTINCT FROM b.value
		UNION ALL
		SELECT a.object, a.id, a.tid, 'first_seen', NULL, a.value, a.modified
		FROM after a
		WHERE a.field = 'status' AND NOT EXISTS (SELECT FROM before b WHERE b.object = a.object AND b.id = a.id)
		UNION ALL
		SELECT a.object, a.id, a.tid, a.field, NULL, a.value, a.modified
		FROM after a
		WHERE a.object = 'sub_order' AND a.value <> 'NO_REFUND' AND NOT EXISTS (SELECT FROM before b WHERE b.object = 'sub_order' AND b.id = a.id)
			AND EXISTS (SELECT FROM before b WHERE b.object = 'order' AND b.id = a.tid)
	), brought AS (
		SELECT c.object, c.id, c.tid, c.field, c.old_value, c.new_value, c.platform_time FROM ordersync.order_changes c WHERE c.task_id = p_task AND c.shop_id = p_shop
	)
	(SELECT format('task %s did not record %s', p_task, made) FROM made EXCEPT ALL SELECT format('task %s did not record %s', p_task, brought) FROM brought)
	UNION ALL
	(SELECT format('task %s recorded %s', p_task, brought) FROM brought EXCEPT ALL SELECT format('task %s recorded %s', p_task, made) FROM made);
END $$;
-- one shop keeps the records, the other only their columns
SELECT count(ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld')) AS gateways \gset
SELECT count(ordersync_add_shop(n, 'shop', 'key', options => CASE n WHEN 9 THEN '{"payloads": "off"}'::jsonb END)) AS shops FROM unnest(ARRAY[8, 9]) AS n \gset
SELECT is_empty(format('SELECT s FROM generate_series(1001, 1150) AS n, LATERAL pg_temp.step(%s, n) AS s LIMIT 5', shop),
	format('150 pages of 20 records as chance has them, records %s: each brings exactly the changes that its columns went through', kept))
FROM (SELECT setseed(0.42), 8, 'kept' UNION ALL SELECT setseed(0.42), 9, 'not kept') AS x (seeded, shop, kept);
SELECT cmp_ok(count(*), '>', 6000::bigint, 'which are many') FROM ordersync.order_changes WHERE shop_id IN (8, 9);
SELECT is(count(DISTINCT (object, field)), 10::bigint, 'and of every kind') FROM ordersync.order_changes WHERE shop_id IN (8, 9);
SELECT is_empty($$
	SELECT c::text FROM (
		SELECT c.*, lag(c.new_value) OVER w AS was, row_number() OVER w AS i
		FROM ordersync.order_changes c
		WINDOW w AS (PARTITION BY c.shop_id, c.object, c.id, CASE c.field WHEN 'first_seen' THEN 'status' ELSE c.field END ORDER BY c.change_id)
	) c
	WHERE c.i > 1 AND (c.old_value IS DISTINCT FROM c.was OR c.field = 'first_seen')
		OR c.i = 1 AND c.field = 'status'
	LIMIT 5$$, 'the changes of each field form a chain: each begins where the one before it ended');
SELECT results_eq($$SELECT object, count(*), count(DISTINCT id) FROM ordersync.order_changes WHERE shop_id = 8 AND field = 'first_seen' GROUP BY 1 ORDER BY 1$$,
	$$SELECT 'after_sale', count(*), count(*) FROM ordersync.after_sales WHERE shop_id = 8 UNION ALL SELECT 'order', count(*), count(*) FROM ordersync.orders WHERE shop_id = 8$$,
	'each order and each after-sale was first seen once');

/* --- a reader that goes by committed transactions --- */

SELECT is_empty('SELECT FROM ordersync.order_changes c WHERE c.changed_in < pg_snapshot_xmin(pg_current_snapshot())', 'it does not see what this transaction has not committed');
SELECT is(pg_get_expr(d.adbin, d.adrelid), 'pg_current_xact_id()', 'the transaction is taken by default, for every row')
FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.adrelid = 'ordersync.order_changes'::regclass AND a.attname = 'changed_in';
SAVEPOINT s;
SELECT is(pg_temp.put(30, 'list', '{"tid":3,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY"}'), '1/0/0', 'an order is stored in a subtransaction');
SELECT is((SELECT changed_in FROM ordersync.order_changes WHERE task_id = 30), pg_current_xact_id(), 'it is the whole transaction that is named');
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.plan_of(p_query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || p_query; END $$;
SELECT ok(string_agg(line, ' ') ~ 'order_changes_changed_in_idx', 'there is an index for it')
FROM pg_temp.plan_of($$SELECT * FROM ordersync.order_changes WHERE changed_in >= '1000' AND changed_in < pg_snapshot_xmin(pg_current_snapshot())$$) AS line;

SELECT * FROM finish();
ROLLBACK;
