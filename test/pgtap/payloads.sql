-- What is kept of records: whatever a shop keeps, its columns are the same; what is cut, and when; what strict privacy hides.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(93);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'America/New_York';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT setseed(0.4711);

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, 'shop', 'key');
SELECT ordersync_add_shop(2, 'shop', 'key', options => '{"payloads": "off"}');
SELECT ordersync_add_shop(3, 'shop', 'key', options => '{"payloads": "30 days"}');
SELECT ordersync_add_shop(4, 'shop', 'key', options => '{"privacy": "strict"}');

CREATE FUNCTION pg_temp.put(p_shop bigint, p_source text, VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(p_shop, p_source, 70, 700, p.ids, p.modified, p.digests, p.bodies) a
$$;
CREATE FUNCTION pg_temp.put_refund(p_shop bigint, p_source text, VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'refund_id')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_after_sales(p_shop, p_source, 71, 710, p.ids, p.modified, p.digests, p.bodies) a
$$;

/*
 * A world of chance: what an object's field is in one of its versions is a
 * function of the three; a source tells the fields that it serves, in its own
 * spelling.  Nothing, null, empty and unreadable values are among them.
 */
CREATE FUNCTION pg_temp.value_of(p_id bigint, p_version integer, p_field text, p_source text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	n integer := abs(hashtext(format('%s/%s/%s', p_id, p_version, p_field)));
	as_text boolean := hashtext(p_source || p_field) % 2 = 0;
	v text;
BEGIN
	IF p_field NOT IN ('status', 'type', 'created', 'pay_time', 'price') AND n % 11 < 4 THEN
		RETURN (ARRAY[NULL, 'null', '""', '"?"'])[n % 11 + 1]::jsonb;
	END IF;
	CASE
		WHEN p_field IN ('type') THEN
			RETURN to_jsonb((ARRAY['fixed', 'fixed', 'step', 'cod'])[p_id % 4 + 1]);
		WHEN p_field = 'step_trade_status' THEN
			RETURN to_jsonb((ARRAY['FRONT_PAID_FINAL_NOPAID', 'FRONT_PAID_FINAL_PAID'])[n % 2 + 1]);
		WHEN p_field = 'status' THEN
			RETURN to_jsonb((ARRAY['WAIT_BUYER_PAY', 'WAIT_SELLER_SEND_GOODS', 'TRADE_FINISHED', 'SUCCESS', 'CLOSED'])[n % 5 + 1]);
		WHEN p_field = 'refund_status' THEN
			RETURN to_jsonb((ARRAY['NO_REFUND', 'NO_REFUND', 'WAIT_SELLER_AGREE', 'SUCCESS'])[n % 4 + 1]);
		WHEN p_field = 'dispute_type' THEN
			RETURN to_jsonb((ARRAY['REFUND', 'TMALL_EXCHANGE'])[n % 2 + 1]);
		WHEN p_field ~ '^(created|pay_time|consign_time|end_time|async_modified|good_return_time)$' THEN
			RETURN to_jsonb(to_char(timestamp '2026-03-01 00:00:00' + n % 8000000 * interval '1 second', 'YYYY-MM-DD HH24:MI:SS'));
		WHEN p_field ~ '_fee$|^payment$|price|discount' THEN
			v := round((n % 100000 + 1) / 100.0, 2)::text;
			RETURN CASE WHEN as_text THEN to_jsonb(v) ELSE v::jsonb END;
		WHEN p_field ~ '^(num|num_iid|sku_id|cid|refund_id|refund_version|seller_flag|cs_status|advance_status)$' THEN
			v := (n % 6)::text;
			RETURN CASE WHEN as_text THEN to_jsonb(v) ELSE v::jsonb END;
		WHEN p_field ~ '^(is|has)_' THEN
			RETURN CASE WHEN as_text THEN to_jsonb((n % 2 = 0)::text) ELSE to_jsonb(n % 2 = 0) END;
		WHEN p_field = 'refund_remind_timeout' THEN
			RETURN jsonb_build_object('timeout', to_char(timestamp '2026-03-01 00:00:00' + n % 8000 * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'), 'remind_type', n % 3);
		ELSE
			RETURN to_jsonb(p_field || ' ' || n % 4);
	END CASE;
END
$$;
CREATE FUNCTION pg_temp.told(p_id bigint, p_version integer, p_object text, p_source text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT COALESCE(jsonb_object_agg(f, pg_temp.value_of(p_id, p_version, f, p_source)) FILTER (WHERE pg_temp.value_of(p_id, p_version, f, p_source) IS NOT NULL), '{}')
	FROM unnest(ordersync.served_fields(p_source, p_object)) f
	WHERE f NOT IN ('tid', 'oid', 'refund_id', 'orders', 'modified', 'seller_nick') AND NOT f = ANY (ordersync_wire.personal_fields())
		-- of a line it says that money went back, once, and stands in no column of its own
		AND NOT (p_object = 'order' AND f = 'special_refund_type')
$$;
CREATE FUNCTION pg_temp.moment(p_version integer) RETURNS text LANGUAGE sql AS $$
	SELECT to_char(timestamp '2026-06-01 00:00:00' + p_version * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS')
$$;
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_version integer, p_source text) RETURNS text LANGUAGE sql AS $$
	SELECT (pg_temp.told(p_tid, p_version, 'trade', p_source)
		|| jsonb_build_object('tid', p_tid, 'modified', pg_temp.moment(p_version), 'orders', jsonb_build_object('order', COALESCE((
			SELECT jsonb_agg(pg_temp.told(p_tid * 10 + i, p_version, 'order', p_source) || jsonb_build_object('oid', p_tid * 10 + i)
				ORDER BY hashtext(format('%s/%s', i, p_version)))
			FROM generate_series(1, 3) i
			WHERE (p_version + i + p_tid) % 4 > 0), '[]'))))::text
$$;
CREATE FUNCTION pg_temp.refund(p_id bigint, p_version integer, p_source text) RETURNS text LANGUAGE sql AS $$
	SELECT (pg_temp.told(p_id, p_version, 'refund', p_source) || jsonb_build_object('refund_id', p_id, 'modified', pg_temp.moment(p_version),
		'tid', p_id % 12 + 1) || CASE WHEN p_id % 3 > 0 THEN jsonb_build_object('oid', (p_id % 12 + 1) * 10 + p_id % 3) ELSE '{}' END)::text
$$;

-- the same pages for every shop, in an order of chance; what shop 3 has goes through the cut again and again
DO $$
DECLARE
	source text;
	pages text[];
	told text[];
BEGIN
	FOR page IN 1 .. 180 LOOP
		IF random() < 0.65 THEN
			source := (ARRAY['history', 'increment', 'list', 'details'])[1 + floor(random() * 4)::integer];
			SELECT array_agg(pg_temp.trade(t, (random() * 6)::integer, source)) INTO told
			FROM generate_series(1, 12) t WHERE random() < 0.3;
			CONTINUE WHEN told IS NULL;
			PERFORM pg_temp.put(s, source, VARIADIC told) FROM generate_series(1, 4) s;
		ELSE
			source := (ARRAY['special', 'list', 'details'])[1 + floor(random() * 3)::integer];
			SELECT array_agg(pg_temp.refund(r, (random() * 6)::integer, source)) INTO told
			FROM generate_series(1, 24) r WHERE random() < 0.2;
			CONTINUE WHEN told IS NULL;
			PERFORM pg_temp.put_refund(s, source, VARIADIC told) FROM generate_series(1, 4) s;
		END IF;
		UPDATE ordersync.order_payloads SET payload = NULL WHERE shop_id = 3 AND random() < 0.3;
		UPDATE ordersync.after_sale_payloads SET payload = NULL WHERE shop_id = 3 AND random() < 0.3;
	END LOOP;
END
$$;
CREATE FUNCTION pg_temp.rows_of(p_table text, p_shop bigint, VARIADIC p_but text[] DEFAULT '{}') RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT to_jsonb(t) - ''shop_id''::text - ''read_at''::text - $2 FROM ordersync.%I t WHERE shop_id = $1 ORDER BY 1', p_table) USING p_shop, p_but;
END
$$;
-- times that cannot be read are told in one shop and forgotten in the other
CREATE FUNCTION pg_temp.changes_of(p_shop bigint) RETURNS TABLE (object text, id bigint, tid bigint, field text, old_value text, new_value text, platform_time timestamptz) LANGUAGE sql AS $$
	SELECT c.object, c.id, c.tid, c.field,
		CASE c.field WHEN 'payment' THEN COALESCE(ordersync.read_money(c.old_value)::text, '') ELSE c.old_value END,
		CASE c.field WHEN 'payment' THEN COALESCE(ordersync.read_money(c.new_value)::text, '') ELSE c.new_value END, c.platform_time
	FROM ordersync.order_changes c
	WHERE c.shop_id = p_shop AND c.field NOT IN ('pay_time', 'consign_time', 'end_time')
	ORDER BY c.change_id
$$;

SELECT cmp_ok((SELECT count(*) FROM ordersync.order_changes WHERE shop_id = 1), '>', 200::bigint, 'a world in which much happens');
SELECT cmp_ok((SELECT count(*) FROM ordersync.orders WHERE shop_id = 1 AND paid_amount_frozen), '>', 2::bigint, 'with refunds');
SELECT cmp_ok((SELECT count(DISTINCT sources) FROM ordersync.order_payloads WHERE shop_id = 1), '>', 4::bigint, 'and many mixtures of sources');
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 1 AND payload IS NULL), 0::bigint, 'shop 1 keeps all payloads');
SELECT is((SELECT count(payload) FROM ordersync.order_payloads WHERE shop_id = 2), 0::bigint, 'shop 2 none');
SELECT is((SELECT count(payload) FROM ordersync.after_sale_payloads WHERE shop_id = 2), 0::bigint, 'of after-sales too');
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 2), (SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 1), 'but the rows are there');
SELECT bag_eq(format('SELECT pg_temp.rows_of(%L, %s)', t, s), format('SELECT pg_temp.rows_of(%L, 1)', t), format('%s: shop %s ends as shop 1', t, s))
FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales']) t, generate_series(2, 3) s;
SELECT results_eq(format('SELECT * FROM pg_temp.changes_of(%s)', s), 'SELECT * FROM pg_temp.changes_of(1)', format('the lifecycle of shop %s is that of shop 1', s))
FROM generate_series(2, 3) s;
SELECT bag_eq(format($$SELECT pg_temp.rows_of(%L, 2, 'payload')$$, t), format($$SELECT pg_temp.rows_of(%L, 1, 'payload')$$, t), t || ': digests, ranks and times of shop 2 are those of shop 1')
FROM unnest(ARRAY['order_payloads', 'after_sale_payloads']) t;

SELECT bag_eq(format('SELECT pg_temp.rows_of(%L, 4)', t), format('SELECT pg_temp.rows_of(%L, 1) || %L', t, hidden), t || ': shop 4 lacks what is hidden and nothing else')
FROM (VALUES ('orders', '{"seller_memo": null}'), ('sub_orders', '{}'), ('after_sales', '{"description": null}')) v (t, hidden);

-- strict privacy
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 4 AND payload::text ~ 'seller_memo'), 0::bigint, 'no memo is in a payload of shop 4');
SELECT cmp_ok((SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 1 AND payload::text ~ 'seller_memo'), '>', 0::bigint, 'which shop 1 has');
SELECT is((SELECT count(*) FROM ordersync.after_sale_payloads WHERE shop_id = 4 AND payload ? 'desc'), 0::bigint, 'no description of a refund either');
SELECT lives_ok(format($$SELECT ordersync.quarantine_records(%s, 'orders', 70, 700, ARRAY[0]::bigint[], ARRAY['syntax'], ARRAY['{"seller_memo":"x'::bytea])$$, s), format('shop %s has a record in quarantine', s))
FROM unnest(ARRAY[1, 4]) s;
SELECT results_eq($$SELECT shop_id, body FROM ordersync.quarantine WHERE reason = 'syntax' ORDER BY 1$$, $$VALUES (1::bigint, '{"seller_memo":"x'::bytea), (4, NULL)$$, 'its bytes are not kept where they may have a memo in them');
SELECT is(ordersync_wire.excerpt('{"seller_memo":"call me","desc":"too small","msg":"x"}', 100), '{"seller_memo":"*","desc":"*","msg":"x"}', 'and no log quotes one');
SELECT lives_ok($$SELECT ordersync_set_shop(1, '{"privacy": "strict"}')$$, 'shop 1 becomes strict');
SELECT bag_eq(format($$SELECT pg_temp.rows_of(%L, 1, 'synced_at')$$, t), format($$SELECT pg_temp.rows_of(%L, 4, 'synced_at')$$, t), t || ': and is as if it always had been')
FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales', 'order_payloads', 'after_sale_payloads']) t;
SELECT is((SELECT body FROM ordersync.quarantine WHERE shop_id = 1 AND reason = 'syntax'), NULL, 'in quarantine too');

-- writing again from the payloads: nothing differs
CREATE FUNCTION pg_temp.versions() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(v, ' ' ORDER BY v)) FROM (
		SELECT format('o %s %s %s', shop_id, tid, ctid) AS v FROM ordersync.orders
		UNION ALL SELECT format('s %s %s %s', shop_id, oid, ctid) FROM ordersync.sub_orders
		UNION ALL SELECT format('a %s %s %s', shop_id, refund_id, ctid) FROM ordersync.after_sales
		UNION ALL SELECT format('op %s %s %s', shop_id, tid, ctid) FROM ordersync.order_payloads
		UNION ALL SELECT format('ap %s %s %s', shop_id, refund_id, ctid) FROM ordersync.after_sale_payloads
		UNION ALL SELECT format('c %s %s', change_id, ctid) FROM ordersync.order_changes
	) x
$$;
CREATE FUNCTION pg_temp.reproject(p_stream text, p_shop bigint) RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(ordersync.reproject_batch(p_stream, p_shop, b.ids)) FROM ordersync.reproject_batches(p_stream, p_shop, NULL, NULL) b
$$;
UPDATE ordersync.orders SET synced_at = '2026-01-01', platform_state = 'missing';
UPDATE ordersync.sub_orders SET synced_at = '2026-01-01';
UPDATE ordersync.after_sales SET synced_at = '2026-01-01';
CREATE TEMP TABLE before AS SELECT pg_temp.versions() AS versions, count(*) AS changes FROM ordersync.order_changes;
SELECT is(pg_temp.reproject('orders', 4), 0::bigint, 'orders that do not differ from their payload are not written');
SELECT is(pg_temp.reproject('after_sales', 4), 0::bigint, 'nor are after-sales');
SELECT is(pg_temp.versions(), (SELECT versions FROM before), 'no row has another version');

-- columns that are lost come back
CREATE TEMP TABLE rows_before AS
SELECT t, r FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales']) t, pg_temp.rows_of(t, 4, 'synced_at') r;
UPDATE ordersync.orders SET receiver_city = NULL, step_paid_fee = NULL, item_num = NULL, seller_nick = 'x' WHERE shop_id = 4;
UPDATE ordersync.sub_orders SET title = NULL, num = NULL WHERE shop_id = 4;
UPDATE ordersync.after_sales SET reason = NULL, timeout = NULL WHERE shop_id = 4;
SELECT cmp_ok(pg_temp.reproject('orders', 4), '>', 12::bigint, 'rows with other columns than their payload says are written');
SELECT cmp_ok(pg_temp.reproject('after_sales', 4), '>', 12::bigint, 'after-sales too');
SELECT bag_eq($$SELECT t, r FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales']) t, pg_temp.rows_of(t, 4, 'synced_at') r$$, 'SELECT * FROM rows_before', 'and are as before');
SELECT is((SELECT count(*) FROM ordersync.order_changes), (SELECT changes FROM before), 'the lifecycle has no new entry');
SELECT is(pg_temp.reproject('orders', 2), 0::bigint, 'orders whose payload is not kept are left alone');

-- a record that is not kept is known all the same
CREATE FUNCTION pg_temp.at(p_ago interval) RETURNS text LANGUAGE sql AS $$
	SELECT to_char((now() - p_ago) AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')
$$;
CREATE FUNCTION pg_temp.order_of(p_tid bigint, p_created interval, p_status text, p_ended interval DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('tid', p_tid, 'status', p_status, 'created', pg_temp.at(p_created), 'modified', pg_temp.at(COALESCE(p_ended, p_created)),
		'end_time', pg_temp.at(p_ended), 'buyer_area', 'x', 'orders', jsonb_build_object('order', jsonb_build_array(jsonb_build_object('oid', p_tid, 'order_from', 'y'))))::text
$$;
SELECT is(pg_temp.put(2, 'list', pg_temp.order_of(501, '1 day', 'WAIT_BUYER_PAY')), '1/0/0', 'an order of a shop that keeps nothing');
UPDATE before SET versions = pg_temp.versions();
SELECT is(pg_temp.put(2, 'list', pg_temp.order_of(501, '1 day', 'WAIT_BUYER_PAY')), '0/0/1', 'is unchanged when it comes again');
SELECT is(pg_temp.versions(), (SELECT versions FROM before), 'and nothing is written');
SELECT lives_ok($$SELECT ordersync_set_shop(2, '{"payloads": "keep"}')$$, 'the shop keeps payloads again');
SELECT is(pg_temp.put(2, 'increment', pg_temp.order_of(501, '1 hour', 'WAIT_SELLER_SEND_GOODS')), '0/1/0', 'the order changes');
SELECT results_eq($$SELECT payload ->> 'status', payload ? 'orders' FROM ordersync.order_payloads WHERE shop_id = 2 AND tid = 501$$, $$VALUES ('WAIT_SELLER_SEND_GOODS', true)$$, 'and is whole again');

-- cutting by age: what ended longer ago, and never what is open
SELECT ordersync_add_shop(5, 'shop', 'key', options => '{"payloads": "90 days"}');
SELECT ordersync_add_shop(6, 'shop', 'key');
SELECT is(pg_temp.put(s, 'list', pg_temp.order_of(601, '120 days', 'TRADE_FINISHED', '91 days'), pg_temp.order_of(602, '120 days', 'TRADE_FINISHED', '89 days'),
	pg_temp.order_of(603, '120 days', 'WAIT_SELLER_SEND_GOODS'), pg_temp.order_of(604, '100 days', 'TRADE_CLOSED_BY_TAOBAO', '99 days'),
	pg_temp.order_of(605, '5 days', 'TRADE_CLOSED', '4 days'), pg_temp.order_of(606, '400 days', 'TRADE_FINISHED', '390 days')), '6/0/0', format('shop %s has orders of all ages', s))
FROM generate_series(5, 6) s;
SELECT is(pg_temp.put_refund(s, 'list', format('{"refund_id":71,"tid":601,"status":"SUCCESS","modified":"%s"}', pg_temp.at('95 days')), format('{"refund_id":72,"tid":601,"status":"SUCCESS","modified":"%s"}', pg_temp.at('5 days')),
	format('{"refund_id":73,"tid":601,"status":"WAIT_SELLER_AGREE","modified":"%s"}', pg_temp.at('95 days'))), '3/0/0', 'and refunds') FROM generate_series(5, 6) s;
-- calls it until it says that it is done; how often
CREATE FUNCTION pg_temp.cut() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	calls integer := 1;
BEGIN
	WHILE ordersync.cut_payloads('0') LOOP
		calls := calls + 1;
		EXIT WHEN calls = 100;
	END LOOP;
	RETURN calls;
END
$$;
CREATE FUNCTION pg_temp.kept(p_shop bigint) RETURNS text LANGUAGE sql AS $$
	SELECT concat((SELECT string_agg(tid::text, ' ' ORDER BY tid) FROM ordersync.order_payloads WHERE shop_id = p_shop AND payload IS NOT NULL), ' / ',
		(SELECT string_agg(refund_id::text, ' ' ORDER BY refund_id) FROM ordersync.after_sale_payloads WHERE shop_id = p_shop AND payload IS NOT NULL))
$$;
UPDATE ordersync.shops SET options = '{}' WHERE shop_id = 3;
SELECT is(pg_temp.cut() BETWEEN 3 AND 10, true, 'a walk in several calls, as the time for each runs out');
SELECT is(pg_temp.kept(5), '602 603 605 / 72 73', 'what ended longer ago than the age is cut');
SELECT is(pg_temp.kept(6), '601 602 603 604 605 606 / 71 72 73', 'of that shop only');
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 5 AND digest_list IS NOT NULL AND modified IS NOT NULL), 6::bigint, 'digests and times stay');
UPDATE ordersync.orders SET status = 'TRADE_FINISHED', end_time = now() - interval '91 days' WHERE shop_id = 5 AND tid = 603;
SELECT is(pg_temp.cut(), 1, 'on the same day it has nothing to do');
SELECT is(pg_temp.kept(5), '602 603 605 / 72 73', 'and does nothing');
UPDATE ordersync.payload_cuts SET done_on = done_on - 1;
SELECT is(pg_temp.cut() > 1, true, 'on the next day it walks again');
SELECT is(pg_temp.kept(5), '602 605 / 72 73', 'over what it has seen, for what has ended since');
SELECT is(pg_temp.put(5, 'list', pg_temp.order_of(601, '120 days', 'TRADE_CLOSED', '1 day')), '0/1/0', 'a cut order changes');
SELECT is(pg_temp.kept(5), '602 605 / 72 73', 'and stays cut');
SELECT lives_ok($$SELECT ordersync_set_shop(5, '{"payloads": "off"}'), ordersync_set_shop(6, '{"payloads": "2 months"}')$$, 'other options');
SELECT is(pg_temp.cut() > 1, true, 'are obeyed at once');
SELECT is(pg_temp.kept(5), ' / ', 'off: everything is cut');
SELECT is(pg_temp.kept(6), '603 605 / 72 73', 'an age: what is older');
SELECT lives_ok($$SELECT ordersync_set_shop(5, '{"payloads": null}'), ordersync.maintenance()$$, 'the option goes');
SELECT is((SELECT string_agg(shop_id::text, ' ') FROM ordersync.payload_cuts), '6', 'and the walk is forgotten');

-- nothing is out of the walk's way: no time of creation, no order, a late end, an option that came back
SELECT ordersync_add_shop(7, 'shop', 'key', options => '{"payloads": "90 days"}');
SELECT is(pg_temp.put(7, 'list', replace(pg_temp.order_of(701, '120 days', 'TRADE_FINISHED', '91 days'), pg_temp.at('120 days'), '0000-00-00 00:00:00'),
	replace(pg_temp.order_of(702, '120 days', 'TRADE_FINISHED', '89 days'), pg_temp.at('120 days'), '0000-00-00 00:00:00'), pg_temp.order_of(703, '300 days', 'WAIT_SELLER_SEND_GOODS')), '3/0/0', 'orders without a time of creation, and an old one that is open');
SELECT is((SELECT string_agg(tid::text, ' ' ORDER BY tid) FROM ordersync.orders WHERE shop_id = 7 AND created IS NULL), '701 702', 'two have none');
SELECT is(pg_temp.put_refund(7, 'list', format('{"refund_id":81,"tid":9999,"status":"SUCCESS","modified":"%s"}', pg_temp.at('95 days')), format('{"refund_id":82,"tid":9999,"status":"SUCCESS","modified":"%s"}', pg_temp.at('5 days')),
	format('{"refund_id":83,"status":"CLOSED","modified":"%s"}', pg_temp.at('95 days'))), '3/0/0', 'refunds of orders that are not stored');
SELECT is(pg_temp.cut() > 1, true, 'the walk');
SELECT is(pg_temp.kept(7), '702 703 / 82', 'reaches them all');
UPDATE ordersync.orders SET status = 'TRADE_FINISHED', end_time = now() - interval '91 days' WHERE shop_id = 7 AND tid = 703;
UPDATE ordersync.payload_cuts SET done_on = done_on - 1;
SELECT is(pg_temp.cut() > 1, true, 'an order ends half a year and more after its creation');
SELECT is(pg_temp.kept(7), '702 703 / 82', 'the daily walk does not go back so far');
UPDATE ordersync.payload_cuts SET done_on = done_on - 1, whole_on = whole_on - 30;
SELECT is(pg_temp.cut() > 1, true, 'after a month');
SELECT is(pg_temp.kept(7), '702 / 82', 'it does');
SELECT is((SELECT count(*) FROM ordersync.payload_cuts WHERE whole_on = done_on), (SELECT count(*) FROM ordersync.payload_cuts), 'and says so');
INSERT INTO ordersync.after_sales (shop_id, refund_id, status, modified) SELECT 7, 9000 + i, 'SUCCESS', now() - interval '1 year' FROM generate_series(1, 2500) i;
INSERT INTO ordersync.after_sale_payloads (shop_id, refund_id, rank, sources, modified, payload) SELECT 7, 9000 + i, 1, 1, now(), '{}' FROM generate_series(1, 2500) i;
UPDATE ordersync.payload_cuts SET done_on = done_on - 1;
SELECT is(pg_temp.cut() > 3, true, 'a thousand after-sales at a time');
SELECT is(pg_temp.kept(7), '702 / 82', 'to the last');
SELECT ordersync_add_shop(8, 'shop', 'key', options => '{"payloads": "off"}');
SELECT is(pg_temp.cut() > 0, true, 'a shop that keeps nothing is walked');
SELECT lives_ok($$SELECT ordersync_set_shop(8, '{"payloads": "keep"}')$$, 'it keeps payloads for an hour');
SELECT is(pg_temp.put(8, 'list', pg_temp.order_of(801, '400 days', 'TRADE_FINISHED', '390 days'), pg_temp.order_of(802, '1 day', 'WAIT_BUYER_PAY')), '2/0/0', 'orders come');
SELECT is(pg_temp.kept(8), '801 802 / ', 'and are kept');
SELECT lives_ok($$SELECT ordersync_add_shop(8, 'shop', NULL, options => '{"payloads": "off"}')$$, 'it keeps nothing again');
SELECT is(pg_temp.cut() > 1, true, 'it is walked again on that day');
SELECT is(pg_temp.kept(8), ' / ', 'and nothing is left');

SELECT throws_ok(format($$SELECT ordersync_set_shop(5, '{"payloads": "%s"}')$$, v), '22023', NULL, 'no option: ' || v)
FROM unnest(ARRAY['on', '90', '-1 days', '1 day; DROP', '9 weeks', '9999 years']) v;

SELECT * FROM finish();
ROLLBACK;
