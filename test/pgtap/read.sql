-- Reading by programs: pages of orders that neither double nor hide a row, what is found by what, one order whole, and whose rows a role sees.
BEGIN;
SELECT plan(87);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'America/New_York';

CREATE FUNCTION pg_temp.put(p_shop bigint, VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids, array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests, array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(p_shop, 'list', 70, 700, p.ids, p.modified, p.digests, p.bodies) a
$$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(s, 'shop', 'key') FROM generate_series(1, 5) s;

-- a big table: 300,000 orders of a month, eight of ten in shop 1
INSERT INTO ordersync.orders (shop_id, tid, type, status, created, modified, buyer_nick, buyer_open_uid, invoice_no, line_count)
SELECT CASE WHEN i % 10 < 8 THEN 1 ELSE 2 + i % 2 END, 1300000000000000000 + i, 'fixed', CASE WHEN i % 1000 = 0 THEN 'PAY_PENDING' ELSE 'TRADE_FINISHED' END,
	timestamptz '2026-10-01 00:00:00+08' + (i / 300000.0 * 2591999)::integer * interval '1 second', now(), 'b**' || i % 1000, 'AA' || i % 50000, 'YT' || i, 1
FROM generate_series(1, 300000) i;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, title, num, line_no)
SELECT o.shop_id, o.tid + 1000000000, o.tid, '商品 ' || o.tid % 997, 1 + o.tid % 2, 1 FROM ordersync.orders o;
ANALYZE ordersync.orders, ordersync.sub_orders, ordersync.status_names;

-- what a query has read: scans of whole tables, rows by index
CREATE FUNCTION pg_temp.reads() RETURNS TABLE (whole bigint, by_index bigint) LANGUAGE sql VOLATILE AS $$
	SELECT sum(seq_scan)::bigint, sum(idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname IN ('orders', 'sub_orders')
$$;
CREATE FUNCTION pg_temp.cost_of(p_query text) RETURNS TABLE (whole bigint, by_index bigint, n bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	a record;
	b record;
BEGIN
	SELECT * INTO a FROM pg_temp.reads();
	EXECUTE 'SELECT count(*) FROM (' || p_query || ') q' INTO n;
	SELECT * INTO b FROM pg_temp.reads();
	whole := b.whole - a.whole;
	by_index := b.by_index - a.by_index;
	RETURN NEXT;
END
$$;
SELECT is(c.whole, 0::bigint, 'no table is scanned: ' || q) FROM unnest(ARRAY[
	$$SELECT * FROM ordersync_orders('{1}', NULL, NULL)$$,
	$$SELECT * FROM ordersync_orders('{1, 2, 3}', '2026-10-01', '2026-11-01', page => 1000)$$,
	$$SELECT * FROM ordersync_orders('{1, 2, 3}', NULL, NULL, after => '1791000000000000/2/1')$$,
	$$SELECT * FROM ordersync_orders(NULL, NULL, NULL, search => '1300000000000000299')$$,
	$$SELECT * FROM ordersync_orders(NULL, NULL, NULL, search => '1300000001000000299')$$,
	$$SELECT ordersync_order(1, 1300000000000000001)$$]) q, pg_temp.cost_of(q) c;
SELECT cmp_ok(c.by_index, '<', 22000::bigint, 'a page reads two days of a shop at most, of thirty: ' || c.by_index || ' rows') FROM pg_temp.cost_of($$SELECT * FROM ordersync_orders('{1}', NULL, NULL)$$) c;
SELECT cmp_ok(c.by_index, '<', 22000::bigint, 'the last page as little as the first: ' || c.by_index || ' rows') FROM pg_temp.cost_of($$SELECT * FROM ordersync_orders('{1}', NULL, NULL, after => '1790800000000000/1/1')$$) c;
SELECT cmp_ok(c.by_index, '<', 30::bigint, 'a number is found by its key: ' || c.by_index || ' rows') FROM pg_temp.cost_of($$SELECT * FROM ordersync_orders(NULL, NULL, NULL, search => '1300000001000000299')$$) c;

-- every order once, in one order, whatever the size of the page; many share a second
INSERT INTO ordersync.orders (shop_id, tid, status, created)
SELECT 4 + i % 2, i, 'TRADE_FINISHED', timestamptz '2026-09-01 00:00:00+08' + i / 40 * interval '1 minute'
FROM generate_series(1, 2000) i;
CREATE FUNCTION pg_temp.turn(p_shops bigint[], p_page integer, p_disturb boolean DEFAULT false) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	o record;
	last text;
	n integer;
BEGIN
	LOOP
		n := 0;
		FOR o IN SELECT * FROM ordersync_orders(p_shops, '2026-09-01 00:00:00+08', '2026-09-03 00:00:00+08', after => last, page => p_page) LOOP
			RETURN NEXT o.shop_id || '/' || o.tid;
			last := o.cursor;
			n := n + 1;
		END LOOP;
		EXIT WHEN n < p_page;
		IF p_disturb THEN
			INSERT INTO ordersync.orders (shop_id, tid, status, created) VALUES (4, (SELECT max(tid) + 1 FROM ordersync.orders), 'TRADE_FINISHED', '2026-09-02 23:00:00+08');
		END IF;
	END LOOP;
END
$$;
CREATE TEMP TABLE expected AS
SELECT row_number() OVER (ORDER BY created DESC, shop_id DESC, tid DESC) AS n, shop_id || '/' || tid AS o FROM ordersync.orders WHERE shop_id IN (4, 5);
SELECT results_eq(format('SELECT * FROM pg_temp.turn(%L, %s)', '{4, 5}', p), 'SELECT o FROM expected ORDER BY n', format('pages of %s: all orders once, newest first', p))
FROM unnest(ARRAY[7, 100, 1000]) p;
SELECT results_eq($$SELECT * FROM pg_temp.turn('{5, 4, 5}', 100, true)$$, 'SELECT o FROM expected ORDER BY n', 'while new orders come, and with a shop named twice');
SELECT results_eq($$SELECT tid FROM ordersync_orders('{4}', '2026-09-01 00:00:00+08', '2026-09-01 00:01:00+08') ORDER BY 1$$, $$SELECT generate_series(2, 38, 2)::bigint$$, 'since is in the range, until is not');
SELECT is((SELECT count(*) FROM ordersync_orders('{}', NULL, NULL)), 0::bigint, 'no shop, no order');
SELECT is((SELECT count(*) FROM ordersync_orders('{99}', NULL, NULL)), 0::bigint, 'nor of a shop that is not there');
SELECT is((SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync_orders(NULL, NULL, '2026-09-02', page => 1000)), '4 5', 'NULL: every shop');

-- the largest and smallest numbers: their cursors are taken as they were given
INSERT INTO ordersync.orders (shop_id, tid, status, created)
SELECT s.id, t.id, 'TRADE_FINISHED', '2026-08-20 00:00:00+08'
FROM (VALUES (9223372036854775807), (-9223372036854775808)) s (id), (VALUES (9223372036854775807), (9223372036854775806)) t (id);
CREATE FUNCTION pg_temp.turn_all(p_shops bigint[], p_page integer, p_since timestamptz DEFAULT NULL, p_until timestamptz DEFAULT NULL, p_search text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	o record;
	last text;
	n integer;
BEGIN
	FOR turn IN 1 .. 2000 LOOP
		n := 0;
		FOR o IN SELECT * FROM ordersync_orders(p_shops, p_since, p_until, search => p_search, after => last, page => p_page) LOOP
			RETURN NEXT o.shop_id || '/' || o.tid;
			last := o.cursor;
			n := n + 1;
		END LOOP;
		EXIT WHEN n < p_page;
	END LOOP;
END
$$;
SELECT results_eq($$SELECT * FROM pg_temp.turn_all('{9223372036854775807, -9223372036854775808}', 1)$$,
	$$VALUES ('9223372036854775807/9223372036854775807'), ('9223372036854775807/9223372036854775806'), ('-9223372036854775808/9223372036854775807'), ('-9223372036854775808/9223372036854775806')$$, 'every number that a shop or an order can have turns the page');
SELECT throws_ok(format('SELECT ordersync_orders(NULL, NULL, NULL, after => %L)', c), '22023', format('invalid cursor: "%s"', c), c)
FROM unnest(ARRAY['1/9223372036854775808/1', '1/-9223372036854775809/1', '1/1/9223372036854775808', '9223372036854775808/1/1', '-9223372036854775808/1/1', '1/1', '-/1', '1//1', '--/1/1', '1/1/-', '1e3/1/1']) c;

-- orders whose time of creation could not be read stand behind all others
INSERT INTO ordersync.orders (shop_id, tid, status, created)
SELECT 6 + i % 2, 7000 + i, CASE i WHEN 3 THEN 'WAIT_BUYER_PAY' ELSE 'TRADE_FINISHED' END, CASE WHEN i > 40 THEN timestamptz '2026-08-21 00:00:00+08' + i % 7 * interval '1 hour' END
FROM generate_series(1, 100) i;
CREATE TEMP TABLE undated AS
SELECT row_number() OVER (ORDER BY created DESC NULLS LAST, shop_id DESC, tid DESC) AS n, shop_id || '/' || tid AS o, created FROM ordersync.orders WHERE shop_id IN (6, 7);
SELECT results_eq(format('SELECT * FROM pg_temp.turn_all(%L, %s)', '{6, 7}', p), 'SELECT o FROM undated ORDER BY n', format('pages of %s: those without a time too, once and last', p))
FROM unnest(ARRAY[1, 7, 60, 100, 1000]) p;
SELECT is((SELECT count(*) FROM ordersync_orders('{6, 7}', '2026-08-01', NULL, page => 1000)), 60::bigint, 'they are in no range that begins');
SELECT is((SELECT count(*) FROM ordersync_orders('{6, 7}', NULL, '2026-09-01', page => 1000)), 60::bigint, 'nor in one that ends');
SELECT is((SELECT string_agg(concat(tid, created), ' ') FROM ordersync_orders(NULL, NULL, NULL, search => '7003')), '7003', 'one of them is found by its number');
SELECT is((SELECT string_agg(tid_str, ' ') FROM ordersync_orders('{6, 7}', NULL, NULL, '{unpaid}')), '7003', 'and by its stage');
SELECT is((SELECT string_agg(o.cursor, ' ') FROM ordersync_orders('{7}', NULL, NULL, search => '7003') o), '-/7/7003', 'its cursor says that it has no time');
SELECT is((SELECT count(*) FROM ordersync_orders('{6, 7}', NULL, NULL, after => '-/6/-9223372036854775808')), 0::bigint, 'behind the last there is nothing');
INSERT INTO ordersync.orders (shop_id, tid, status) SELECT 1, 500 + i, 'TRADE_FINISHED' FROM generate_series(1, 50) i;
SELECT is(c.whole || ' ' || (c.by_index < 22000), '0 true', 'the pages with the big shop''s are read from the index: ' || c.by_index || ' rows, ' || q) FROM unnest(ARRAY[
	$$SELECT * FROM ordersync_orders('{1}', NULL, NULL)$$, $$SELECT * FROM ordersync_orders(NULL, NULL, NULL)$$,
	$$SELECT * FROM ordersync_orders('{1}', NULL, NULL, after => '1790784010000000/1/1')$$, $$SELECT * FROM ordersync_orders('{1}', NULL, NULL, after => '-/1/530')$$]) q, pg_temp.cost_of(q) c;
SELECT results_eq($$SELECT tid FROM ordersync_orders('{1}', NULL, NULL, after => '-/1/530')$$, $$SELECT generate_series(529, 501, -1)::bigint$$, 'as far as they go');

-- one order with everything
SELECT is(pg_temp.put(3, '{"tid":1347456243420006949,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","modified":"2026-08-03 10:00:00","created":"2026-08-02 23:59:59","pay_time":"2026-08-03 00:00:00","payment":"152.00","post_fee":"10.00","buyer_nick":"t**7","buyer_open_uid":"AAxyz","buyer_area":"浙江","orders":{"order":[{"oid":1347456243420016949,"title":"棉T恤 白","outer_iid":"SPU-1","outer_sku_id":"SKU-1","sku_id":"4611686018427387905","num":2,"status":"WAIT_SELLER_SEND_GOODS","refund_status":"NO_REFUND","total_fee":"100.00","divide_order_fee":"86.00"},{"oid":1347456243420026949,"title":"Socks 100%","num":1,"status":"WAIT_SELLER_SEND_GOODS","total_fee":"60.00","divide_order_fee":"54.00"}]}}',
	'{"tid":8,"type":"step","status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID","modified":"2026-08-03 10:00:00","created":"2026-08-03 10:00:00"}'), '2/0/0', 'two orders');
SELECT is(pg_temp.put(3, '{"tid":1347456243420006949,"type":"fixed","status":"WAIT_BUYER_CONFIRM_GOODS","modified":"2026-08-04 10:00:00","created":"2026-08-02 23:59:59","pay_time":"2026-08-03 00:00:00","payment":"152.00","post_fee":"10.00","buyer_nick":"t**7","buyer_open_uid":"AAxyz","buyer_area":"浙江","orders":{"order":[{"oid":1347456243420016949,"title":"棉T恤 白","outer_iid":"SPU-1","outer_sku_id":"SKU-1","sku_id":"4611686018427387905","num":2,"status":"WAIT_BUYER_CONFIRM_GOODS","refund_status":"NO_REFUND","total_fee":"100.00","divide_order_fee":"86.00","invoice_no":"SF1001"},{"oid":1347456243420026949,"title":"Socks 100%","num":1,"status":"WAIT_BUYER_CONFIRM_GOODS","total_fee":"60.00","divide_order_fee":"54.00","invoice_no":"SF1002"}]}}'), '0/1/0', 'one is shipped in two parcels');
SELECT lives_ok($$SELECT ordersync.apply_after_sales(3, 'list', 71, 710, '{1347456243420036949}', ARRAY[ordersync.read_time('2026-08-05 10:00:00')], '{x}', ARRAY['{"refund_id":1347456243420036949,"tid":1347456243420006949,"oid":1347456243420016949,"status":"SUCCESS","modified":"2026-08-05 10:00:00","created":"2026-08-05 09:00:00","refund_fee":"20.00"}'])$$, 'and a refund');
SELECT results_eq($$SELECT tid_str, status, stage, stage_zh, stage_en, created, paid_amount, refunded_amount, invoice_no, line_count, item_num, items FROM ordersync_orders('{3}', NULL, '2026-09-01') ORDER BY tid DESC$$,
	$$VALUES ('1347456243420006949', 'WAIT_BUYER_CONFIRM_GOODS', 'shipped', '已发货', 'shipped', '2026-08-02 15:59:59+00'::timestamptz, 152.00, 20.00, 'SF1001,SF1002', 2, 3, '棉T恤 白 × 2; Socks 100%'), ('8', 'WAIT_BUYER_PAY', 'deposit_paid', '已付定金', 'deposit paid', '2026-08-03 02:00:00+00', NULL::numeric, 0.00, NULL, 0, 0, NULL)$$,
	'a list tells what a list needs');
SELECT is((SELECT string_agg(tid::text, ' ') FROM ordersync_orders('{3}', NULL, NULL, search => s)), '1347456243420006949', 'found by ' || why)
FROM (VALUES ('1347456243420006949', 'its number'), ('1347456243420026949', 'a line''s number'), ('SF1002', 'one of its waybills'), ('t**7', 'its buyer'), ('AAxyz', 'its buyer''s id'), (' t恤 ', 'a part of a title, whatever its case'), ('100%', 'a sign that means something elsewhere'), ('SKU-1', 'the merchant''s code')) v (s, why);
SELECT is((SELECT count(*) FROM ordersync_orders('{3}', NULL, NULL, search => s)), 0::bigint, 'not found by ' || s) FROM unnest(ARRAY['SF100', 't**', '_', '1347456243420036949', '99999999999999999999']) s;
SELECT is((SELECT count(*) FROM ordersync_orders('{1, 2}', NULL, NULL, search => '1347456243420006949')), 0::bigint, 'nor in a shop that was not asked for');
SELECT is((SELECT count(*) FROM ordersync_orders('{3}', '2026-09-01', NULL, search => '1347456243420006949')), 0::bigint, 'nor out of the range');
SELECT is((SELECT string_agg(tid_str, ' ') FROM ordersync_orders('{3}', NULL, '2026-09-01', '{deposit_paid}')), '8', 'by stage');
SELECT is((SELECT count(*) FROM ordersync_orders(NULL, NULL, NULL, '{paying, deposit_paid}', page => 1000)), 301::bigint, 'by stages');
SELECT is((SELECT count(*) FROM ordersync_orders('{3}', NULL, NULL, '{unpaid}')), 0::bigint, 'a deposit is not unpaid');

CREATE TEMP TABLE story AS SELECT ordersync_order(3, 1347456243420006949) AS o;
SELECT results_eq($$SELECT o ->> 'tid', o ->> 'tid_str', o ->> 'stage', (o ->> 'paid_amount')::numeric, jsonb_array_length(o -> 'lines'), jsonb_array_length(o -> 'after_sales') FROM story$$,
	$$VALUES ('1347456243420006949', '1347456243420006949', 'shipped', 152.00, 2, 1)$$, 'an order, its lines, its refund');
SELECT results_eq($$SELECT l ->> 'oid_str', l ->> 'sku_id_str', (l ->> 'paid_amount')::numeric FROM story, jsonb_array_elements(o -> 'lines') l$$,
	$$VALUES ('1347456243420016949', '4611686018427387905', 86.00), ('1347456243420026949', NULL, 54.00)$$, 'lines in their order, ids as text beside the numbers');
SELECT results_eq($$SELECT a ->> 'refund_id_str', a ->> 'oid_str', a ->> 'stage' FROM story, jsonb_array_elements(o -> 'after_sales') a$$,
	$$VALUES ('1347456243420036949', '1347456243420016949', 'refunded')$$, 'the refund too');
SELECT results_eq($$SELECT e ->> 'object', e ->> 'id_str', e ->> 'field', e ->> 'old_value', e ->> 'new_value', (e ->> 'platform_time')::timestamptz FROM story, jsonb_array_elements(o -> 'lifecycle') e$$,
	$$VALUES ('order', '1347456243420006949', 'first_seen', NULL, 'WAIT_SELLER_SEND_GOODS', '2026-08-03 02:00:00+00'::timestamptz), ('order', '1347456243420006949', 'status', 'WAIT_SELLER_SEND_GOODS', 'WAIT_BUYER_CONFIRM_GOODS', '2026-08-04 02:00:00+00'), ('after_sale', '1347456243420036949', 'first_seen', NULL, 'SUCCESS', '2026-08-05 02:00:00+00')$$, 'and its life');
CREATE FUNCTION pg_temp.refusal(p_target text, p_name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ordersync_add_field(p_target, p_name, 'x', 'text');
	RETURN 'taken';
EXCEPTION
	WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT results_eq($$SELECT t, k, pg_temp.refusal(t, k) FROM (
		SELECT DISTINCT 'orders', jsonb_object_keys(o) FROM story
		UNION SELECT 'sub_orders', jsonb_object_keys(l) FROM story, jsonb_array_elements(o -> 'lines') l
		UNION SELECT 'after_sales', jsonb_object_keys(a) FROM story, jsonb_array_elements(o -> 'after_sales') a) x (t, k)
	WHERE k <> ALL (ordersync.columns_of(ordersync.report_of(t))) ORDER BY 1, 2$$,
	$$VALUES ('after_sales', 'sku_id_str', '42939 the name "sku_id_str" is reserved for ordersync_order'), ('orders', 'after_sales', '42939 the name "after_sales" is reserved for ordersync_order'), ('orders', 'lifecycle', '42939 the name "lifecycle" is reserved for ordersync_order'),
		('orders', 'lines', '42939 the name "lines" is reserved for ordersync_order'), ('sub_orders', 'sku_id_str', '42939 the name "sku_id_str" is reserved for ordersync_order')$$, 'no added field can have a name that it sets beside the reports'' columns');
SELECT is(ordersync_order(3, 8) -> 'after_sales', '[]', 'an order without refunds has a list of none');
SELECT throws_like(q, m, m) FROM (VALUES
	('SELECT ordersync_order(3, 999)', 'shop 3 has no order 999'), ('SELECT ordersync_order(NULL, 999)', 'shop NULL has no order 999'),
	($$SELECT ordersync_orders('{1}', NULL, NULL, page => 0)$$, 'page must be between 1 and 1000, not 0'), ($$SELECT ordersync_orders('{1}', NULL, NULL, page => 1001)$$, 'page must be between 1 and 1000, not 1001'),
	($$SELECT ordersync_orders('{1}', NULL, NULL, page => NULL)$$, 'page must be between 1 and 1000, not NULL'), ($$SELECT ordersync_orders('{1}', NULL, NULL, '{paid, sent}')$$, 'unrecognized stage "sent"'),
	($$SELECT ordersync_orders('{1}', NULL, NULL, after => '12')$$, 'invalid cursor: "12"'), ($$SELECT ordersync_orders('{1}', NULL, NULL, after => '1/1/99999999999999999999')$$, 'invalid cursor: %')) v (q, m);

-- a role that sees one shop sees its orders only, by every way
CREATE ROLE pgtap_reader;
CREATE ROLE pgtap_nobody;
SELECT ordersync_grant('pgtap_reader', 'reader', '{4}');
SET LOCAL ROLE pgtap_reader;
SELECT is((SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync_orders(NULL, NULL, NULL, page => 1000)), '4', 'all shops are those that it sees');
SELECT is((SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync_orders('{1, 3, 4}', NULL, NULL, page => 1000)), '4', 'of those that it names too');
SELECT is((SELECT count(*) FROM ordersync_orders('{3, 4}', NULL, NULL, search => '1347456243420006949')), 0::bigint, 'a number of another shop is not found');
SELECT throws_like('SELECT ordersync_order(3, 1347456243420006949)', 'shop 3 has no order %', 'nor read');
SELECT is(ordersync_order(4, 10) ->> 'tid_str', '10', 'its own order is');
RESET ROLE;
SET LOCAL ROLE pgtap_nobody;
SELECT throws_ok($$SELECT ordersync_orders('{4}', NULL, NULL)$$, '42501', NULL, 'who was granted nothing may not ask');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
