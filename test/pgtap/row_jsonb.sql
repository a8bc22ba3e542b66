-- ordersync.row_jsonb makes the very bytes that the server's to_jsonb makes of a row, and the feed's messages are those of
-- the views: with values that are hostile, missing, very long or very many.
BEGIN;
SELECT plan(69);
SET client_min_messages = error;
SET TimeZone = 'Asia/Shanghai';
SELECT ordersync.set_up();

-- A datum's own bytes: both types are varlena of one alignment.
CREATE CAST (jsonb AS bytea) WITHOUT FUNCTION;

-- rows with their text, by hand
CREATE TEMPORARY TABLE rows AS
SELECT ours, server, expected
FROM (
	SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"a": 1}' FROM (SELECT 1 AS a) r
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"a": null, "b": null, "c": null, "d": null, "e": null, "f": null, "g": null, "h": null}'
	FROM (SELECT NULL::bigint AS h, NULL::integer AS g, NULL::smallint AS f, NULL::boolean AS e, NULL::text AS d, NULL::timestamptz AS c, NULL::jsonb AS b, NULL::jsonb[] AS a) r
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"big": 9223372036854775807, "int": -2147483648, "low": -9223372036854775808, "nil": 0, "ten": 10000, "tiny": 32767, "hundred": 100000000}'
	FROM (SELECT 9223372036854775807::bigint AS big, (-9223372036854775808)::bigint AS low, (-2147483648)::integer AS int, 32767::smallint AS tiny, 0::bigint AS nil, 10000 AS ten, 100000000::bigint AS hundred) r
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"no": false, "yes": true}' FROM (SELECT true AS yes, false AS no) r
	-- texts
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"t": ' || e || '}'
	FROM (VALUES ('', '""'), (E'"\\/', '"\"\\/"'), (E'\b\f\n\r\t', '"\b\f\n\r\t"'), (E'\u0001\u001f\u007f', E'"\\u0001\\u001f\u007f"'), ('杯子 😀 é', '"杯子 😀 é"'), ('</script>''', '"</script>''"'),
		('null', '"null"'), ('{"a": 1}', '"{\"a\": 1}"'), ('\u0041', '"\\u0041"'), (repeat('长', 100000), '"' || repeat('长', 100000) || '"')) v (t, e), LATERAL (SELECT v.t) r
	-- amounts as messages have them
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"fee": ' || e || '}'
	FROM (VALUES (0::numeric(18,2), '"0.00"'), (-0.01, '"-0.01"'), (9999999999999999.99, '"9999999999999999.99"'), (-9999999999999999.99, '"-9999999999999999.99"'), (126.5, '"126.50"'), (NULL, 'null')) v (fee, e),
		LATERAL (SELECT v.fee::numeric(18,2)::text AS fee) r
	-- times
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"at": "' || e || '"}'
	FROM (VALUES ('2026-03-01 10:00:00+08'::timestamptz, '2026-03-01T10:00:00+08:00'), ('2026-03-01 10:00:00.120000+08', '2026-03-01T10:00:00.12+08:00'), ('infinity', 'infinity'), ('-infinity', '-infinity'),
		('1901-01-01 00:00:00+00', '1901-01-01T08:00:00+08:00'), ('0044-03-15 12:00:00+00 BC', '0044-03-15T20:05:43+08:05:43 BC'), ('1986-06-01 00:00:00+00', '1986-06-01T09:00:00+09:00')) v (at, e),
		LATERAL (SELECT v.at) r
	-- what is jsonb already
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"j": {"b": [1, {"c": 2.50}], "aa": null}, "n": 1}' FROM (SELECT '{"aa": null, "b": [1, {"c": 2.50}]}'::jsonb AS j, 1 AS n) r
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"j": ' || e || '}' FROM (VALUES ('{}'), ('[]'), ('1'), ('"x"'), ('null'), ('true')) v (e), LATERAL (SELECT v.e::jsonb AS j) r
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"x": 7, "list": ' || e || '}'
	FROM (VALUES ('{}'::jsonb[], '[]'), (ARRAY['{"oid": 1}', '{}', '[[]]']::jsonb[], '[{"oid": 1}, {}, [[]]]'), (ARRAY[NULL, '{"a": "b"}']::jsonb[], '[null, {"a": "b"}]'), (ARRAY['1', '"x"', 'null']::jsonb[], '[1, "x", null]'),
		(ARRAY[ARRAY['{"a": 1}'], ARRAY['{"b": 2}']]::jsonb[], '[[{"a": 1}], [{"b": 2}]]'), (NULL, 'null')) v (list, e), LATERAL (SELECT v.list, 7 AS x) r
	-- left to the server: other types, one name twice
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"d": "2026-03-01", "i": [1, 2], "n": 1.50, "q": {"a": 1}, "v": "x"}' FROM (SELECT 1.50 AS n, '2026-03-01'::date AS d, 'x'::varchar AS v, '{1,2}'::integer[] AS i, (SELECT q FROM (SELECT 1 AS a) q) AS q) r
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"a": 2, "b": 0}' FROM (SELECT 1 AS a, 0 AS b, 2 AS a) r
	-- names: shorter first, then by bytes
	UNION ALL SELECT ordersync.row_jsonb(r), to_jsonb(r), '{"a": 2, "b": 4, "ab": 3, "bb": 1, "名": 5, "receiver_address": 7, "receiver_country": 6}'
	FROM (SELECT 1 AS bb, 2 AS a, 3 AS ab, 4 AS b, 5 AS "名", 6 AS receiver_country, 7 AS receiver_address) r
) t (ours, server, expected);
SELECT is(ours::text, expected::jsonb::text, left(expected, 100)) FROM rows;
SELECT is((SELECT string_agg(left(expected, 100), ', ') FROM rows WHERE ours::bytea <> server::bytea), NULL, 'each of them is the server''s own, byte for byte');
SELECT is((SELECT string_agg(expected, ', ') FROM rows WHERE ours::text <> expected), NULL, 'and prints as it is written here');
SELECT is(ordersync.row_jsonb(NULL), NULL, 'no row');

-- one call, rows of several types in turn; a table's rows, with a column that was added or dropped
CREATE FUNCTION pg_temp.row_of(n integer) RETURNS record LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	IF n % 2 = 0 THEN
		SELECT n AS a, 'x' AS b INTO r;
	ELSE
		SELECT true AS c INTO r;
	END IF;
	RETURN r;
END $$;
SELECT is((SELECT string_agg(ordersync.row_jsonb(pg_temp.row_of(n))::text, ' ' ORDER BY n) FROM generate_series(1, 4) n), '{"c": true} {"a": 2, "b": "x"} {"c": true} {"a": 4, "b": "x"}', 'rows of several types');
CREATE TEMPORARY TABLE changed (a bigint, b text, c text);
INSERT INTO changed VALUES (1, 'x', 'y');
ALTER TABLE changed ADD d integer DEFAULT 5;
SELECT is((SELECT ordersync.row_jsonb(t)::text FROM changed t), '{"a": 1, "b": "x", "c": "y", "d": 5}', 'a column that was added');
CREATE FUNCTION pg_temp.old_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.c := ordersync.row_jsonb(OLD); RETURN NEW; END $$;
CREATE TRIGGER old_row BEFORE UPDATE ON changed FOR EACH ROW EXECUTE FUNCTION pg_temp.old_row();
UPDATE changed SET a = 2;
SELECT is((SELECT c FROM changed), '{"a": 1, "b": "x", "c": "y", "d": 5}', 'a row that is older than a column, as it is stored');
DROP TRIGGER old_row ON changed;
UPDATE changed SET a = 1, c = 'y';
ALTER TABLE changed DROP b;
SELECT is((SELECT ordersync.row_jsonb(t)::text FROM changed t), '{"a": 1, "c": "y", "d": 5}', 'and one that was dropped');
-- a type that is altered while the call's statement runs
CREATE TYPE pg_temp.altered AS (a bigint, b bigint);
CREATE FUNCTION pg_temp.altered_row(n integer) RETURNS pg_temp.altered LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	IF n = 2 THEN
		ALTER TYPE pg_temp.altered ALTER ATTRIBUTE b TYPE text;
	END IF;
	EXECUTE CASE n WHEN 1 THEN 'SELECT 1::bigint, 2::bigint' ELSE 'SELECT 1::bigint, ''x''::text' END INTO r;
	RETURN r;
END $$;
SELECT is((SELECT string_agg(ordersync.row_jsonb(pg_temp.altered_row(n))::text, ' ' ORDER BY n) FROM generate_series(1, 2) n), '{"a": 1, "b": 2} {"a": 1, "b": "x"}', 'a type that is altered meanwhile');

-- sizes around JB_OFFSET_STRIDE, with what is aligned at each place
SELECT is((SELECT count(*) FROM generate_series(0, 100) n, LATERAL (SELECT n AS id, repeat('v', n) AS t, (SELECT array_agg(jsonb_build_object('k', repeat('w', i % 7), 'n', i)) FROM generate_series(1, n) i) AS list, repeat('u', n % 5) AS z, n::bigint AS zz) r
	WHERE ordersync.row_jsonb(r)::bytea <> to_jsonb(r)::bytea), 0::bigint, 'arrays of 0 to 100, behind texts of each length');
SELECT format('SELECT is(ordersync.row_jsonb(r)::bytea, to_jsonb(r)::bytea, ''a row of 300 columns'') FROM (SELECT %s) r', string_agg((CASE n % 5
		WHEN 0 THEN n::text WHEN 1 THEN quote_literal(repeat('v', n % 7)) || '::text' WHEN 2 THEN n || '000000000::bigint' WHEN 3 THEN quote_literal('[' || n || ']') || '::jsonb' ELSE 'NULL::text' END)
	|| ' AS c' || n, ', ' ORDER BY n)) FROM generate_series(1, 300) n \gexec

-- --- messages ---

INSERT INTO ordersync.orders (shop_id, tid, seller_nick, type, status, step_trade_status, created, modified, total_fee, discount_fee, adjust_fee, post_fee, paid_amount, line_count, first_seen_at, synced_at, platform_state, logistics_company)
VALUES (7, 9223372036854775807, E'"测试\\店铺" 😀\n', 'fixed', E'NEW "STATUS"\t', NULL, '2026-03-01 10:00:00+08', '2026-03-01 10:00:00.5+08', 0, 9999999999999999.99, -0.01, 8, 126.5, 2, '2026-03-02 00:00:00+08', '2026-03-02 00:00:00+08', 'listed', repeat('运', 3)),
	(7, 1, NULL, 'step', 'WAIT_BUYER_PAY', 'FRONT_PAID_FINAL_NOPAID', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-03-02 00:00:00+08', '2026-03-02 00:00:00+08', NULL, '');
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, line_no, status, refund_status, refund_id, num_iid, sku_id, title, is_gift, num, price, total_fee, paid_at)
VALUES (7, 22, 9223372036854775807, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(7, 21, 9223372036854775807, 1, 'TRADE_FINISHED', 'SUCCESS', 98765432109876543, 0, -1, E'<b>\u0001"x"</b>', true, 0, 0, 0.1, '2026-03-01 12:00:00+08');
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, reason, refund_fee, first_seen_at, synced_at)
VALUES (7, 5, 9223372036854775807, 21, 'SUCCESS', E'"拍错"\\', 0, '2026-03-02 00:00:00+08', '2026-03-02 00:00:00+08'),
	(7, 6, 9223372036854775807, 1, NULL, NULL, NULL, '2026-03-02 00:00:00+08', '2026-03-02 00:00:00+08'),
	(7, 7, 1234, 21, NULL, NULL, NULL, '2026-03-02 00:00:00+08', '2026-03-02 00:00:00+08'),
	(7, 8, NULL, NULL, NULL, NULL, NULL, '2026-03-02 00:00:00+08', '2026-03-02 00:00:00+08');
CREATE TEMPORARY TABLE told AS
SELECT * FROM ordersync.with_messages(NULL, '{order,order,after_sale,after_sale,after_sale,after_sale}', '{7,7,7,7,7,7}', '{9223372036854775807,1,5,6,7,8}');

-- by hand
CREATE TEMPORARY TABLE expected AS SELECT
	$${"version": 1, "kind": "order", "shop_id": 7, "platform": "taobao", "seller_nick": "\"测试\\店铺\" 😀\n", "tid": 9223372036854775807, "tid_str": "9223372036854775807", "type": "fixed",
	"status": "NEW \"STATUS\"\t", "stage": "unknown", "step_trade_status": null, "platform_state": "listed", "created": "2026-03-01T10:00:00+08:00", "pay_time": null, "paid_at": null, "consign_time": null,
	"end_time": null, "modified": "2026-03-01T10:00:00.5+08:00", "total_fee": "0.00", "discount_fee": "9999999999999999.99", "adjust_fee": "-0.01", "post_fee": "8.00", "payment": null, "received_payment": null,
	"paid_amount": "126.50", "step_paid_fee": null, "gmv": null, "line_count": 2, "item_num": null, "package_count": null, "shipping_type": null, "logistics_company": "运运运", "invoice_no": null,
	"first_seen_at": "2026-03-02T00:00:00+08:00"}$$::jsonb AS an_order,
	$${"version": 1, "kind": "order", "shop_id": 7, "platform": "taobao", "seller_nick": null, "tid": 1, "tid_str": "1", "type": "step", "status": "WAIT_BUYER_PAY", "stage": "deposit_paid",
	"step_trade_status": "FRONT_PAID_FINAL_NOPAID", "platform_state": null, "created": null, "pay_time": null, "paid_at": null, "consign_time": null, "end_time": null, "modified": null, "total_fee": null,
	"discount_fee": null, "adjust_fee": null, "post_fee": null, "payment": null, "received_payment": null, "paid_amount": null, "step_paid_fee": null, "gmv": null, "line_count": 0, "item_num": null,
	"package_count": null, "shipping_type": null, "logistics_company": "", "invoice_no": null, "first_seen_at": "2026-03-02T00:00:00+08:00", "sub_orders": []}$$::jsonb AS no_lines,
	$${"oid": 21, "oid_str": "21", "line_no": 1, "status": "TRADE_FINISHED", "stage": "finished", "refund_status": "SUCCESS", "refund_stage": "refunded", "refund_id": 98765432109876543,
	"refund_id_str": "98765432109876543", "num_iid": 0, "num_iid_str": "0", "outer_iid": null, "sku_id": -1, "sku_id_str": "-1", "outer_sku_id": null, "title": "<b>\u0001\"x\"</b>", "sku_properties_name": null,
	"is_gift": true, "num": 0, "price": "0.00", "total_fee": "0.10", "discount_fee": null, "adjust_fee": null, "part_mjz_discount": null, "divide_order_fee": null, "payment": null, "paid_amount": null,
	"paid_at": "2026-03-01T12:00:00+08:00", "consign_time": null, "end_time": null, "logistics_company": null, "invoice_no": null}$$::jsonb AS line,
	$${"oid": 22, "oid_str": "22", "line_no": 2, "status": null, "stage": null, "refund_status": null, "refund_stage": null, "refund_id": null, "refund_id_str": null, "num_iid": null, "num_iid_str": null,
	"outer_iid": null, "sku_id": null, "sku_id_str": null, "outer_sku_id": null, "title": null, "sku_properties_name": null, "is_gift": null, "num": null, "price": null, "total_fee": null, "discount_fee": null,
	"adjust_fee": null, "part_mjz_discount": null, "divide_order_fee": null, "payment": null, "paid_amount": null, "paid_at": null, "consign_time": null, "end_time": null, "logistics_company": null,
	"invoice_no": null}$$::jsonb AS bare_line,
	$${"version": 1, "kind": "after_sale", "shop_id": 7, "platform": "taobao", "refund_id": 5, "refund_id_str": "5", "tid": 9223372036854775807, "tid_str": "9223372036854775807", "oid": 21, "oid_str": "21",
	"status": "SUCCESS", "stage": "refunded", "order_status": null, "dispute_type": null, "special_refund_type": null, "refund_phase": null, "good_status": null, "has_good_return": null, "created": null,
	"modified": null, "refunded_at": null, "closed_at": null, "total_fee": null, "refund_fee": "0.00", "refunded_amount": null, "payment": null, "reason": "\"拍错\"\\", "title": null, "num": null,
	"num_iid": null, "num_iid_str": null, "sku_id": null, "sku_id_str": null, "sku": null, "outer_id": null, "company_name": null, "sid": null, "first_seen_at": "2026-03-02T00:00:00+08:00"}$$::jsonb AS after_sale;
SELECT is((SELECT message FROM told WHERE n = 1), (SELECT an_order || jsonb_build_object('sub_orders', jsonb_build_array(line, bare_line)) FROM expected), 'an order');
SELECT is((SELECT message FROM told WHERE n = 2), (SELECT no_lines FROM expected), 'an order without lines');
SELECT is((SELECT message FROM told WHERE n = 3), (SELECT after_sale || jsonb_build_object('order', an_order, 'sub_order', line) FROM expected), 'an after-sale');
SELECT is((SELECT array_agg(ARRAY[message -> 'order' = an_order OR message -> 'order' = 'null', message -> 'sub_order' = 'null', message -> 'stage' = 'null'] ORDER BY n) FROM told, expected WHERE n > 3),
	'{{t,t,t},{t,t,t},{t,t,t}}'::boolean[], 'after-sales without a line, of another order or of none');
SELECT is((SELECT string_agg(jsonb_typeof(message -> 'order'), ' ' ORDER BY n) FROM told WHERE n > 3), 'object null null', 'and without an order');
SELECT is((SELECT array_agg(t.message::bytea = m.message::bytea AND (t.shop_id, t.tid, t.changed_at) IS NOT DISTINCT FROM (m.shop_id, m.tid, m.synced_at) ORDER BY n) FROM told t JOIN ordersync.order_messages m USING (shop_id, tid) WHERE kind = 'order'),
	'{t,t}'::boolean[], 'the view of orders has the same, byte for byte');
SELECT is((SELECT array_agg(t.message::bytea = m.message::bytea AND (t.tid, t.changed_at) IS NOT DISTINCT FROM (m.tid, m.synced_at) ORDER BY n) FROM told t JOIN ordersync.after_sale_messages m USING (shop_id, refund_id)),
	'{t,t,t,t}'::boolean[], 'and that of after-sales');
SELECT is((SELECT message::bytea FROM ordersync.with_messages(NULL, '{order}', '{7}', '{9223372036854775807}')), (SELECT message::bytea FROM told WHERE n = 1), 'orders alone are told as among after-sales');

-- plans: anew while a table is small, kept then
SELECT is(ordersync.plan_mode_for('{ordersync.orders, ordersync.sub_orders}'), 'force_custom_plan', 'small tables');
CREATE TEMPORARY TABLE large AS SELECT repeat('x', 1900) AS x FROM generate_series(1, 1100);
SELECT is(ordersync.plan_mode_for('{large}'), 'force_generic_plan', 'a large one');
SELECT is(ordersync.plan_mode_for('{large, ordersync.orders}'), 'force_custom_plan', 'a large one and a small one');
ANALYZE large;
SELECT is(ordersync.plan_mode_for('{large}'), 'force_generic_plan', 'a large one whose rows were counted');
DELETE FROM large; ANALYZE large;
SELECT is(ordersync.plan_mode_for('{large}'), 'force_custom_plan', 'a large one that the planner takes for empty');
SELECT is(current_setting('plan_cache_mode'), 'auto', 'the session''s own plans are made as before');

-- while nobody has counted the rows, an after-sale's message reads no table more than once
DELETE FROM ordersync.orders; DELETE FROM ordersync.sub_orders; DELETE FROM ordersync.after_sales;
INSERT INTO ordersync.orders (shop_id, tid, status) SELECT 7, i, 'TRADE_FINISHED' FROM generate_series(1, 600) i;
INSERT INTO ordersync.sub_orders (shop_id, tid, oid, status, line_no) SELECT 7, i, i * 10 + j, 'TRADE_FINISHED', j FROM generate_series(1, 600) i, generate_series(1, 2) j;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status) SELECT 7, i, i, i * 10 + 1, 'SUCCESS' FROM generate_series(1, 600) i;
CREATE FUNCTION pg_temp.rows_read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname IN ('orders', 'sub_orders', 'after_sales')
$$;
SELECT pg_temp.rows_read() AS before \gset
SELECT is((SELECT count(message -> 'sub_order' ->> 'oid') FROM ordersync.with_messages(NULL, array_fill('after_sale'::text, '{10}'), array_fill(7::bigint, '{10}'), '{1,2,3,4,5,6,7,8,9,10}')), 10::bigint, 'ten after-sales among 600');
SELECT cmp_ok(pg_temp.rows_read() - :before, '<=', 10 * (600 + 1200 + 600)::bigint, 'read no table more than once for each');

SELECT * FROM finish();
ROLLBACK;
