-- The shop options fields_add and fields_drop: what is asked for, what is refused, and what apply takes as served.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(84);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');
SELECT ordersync_add_shop(8, '测试店铺8', 'session-8');
SET LOCAL TimeZone = 'UTC';

-- what is refused
CREATE FUNCTION pg_temp.told(command text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE FUNCTION pg_temp.refused(p_options text, p_shop integer DEFAULT 7) RETURNS text LANGUAGE sql AS $$
	SELECT COALESCE(t.code || ' ' || t.message || ' | ' || t.detail || ' | ' || t.hint, 'taken')
	FROM pg_temp.told(format('SELECT ordersync_set_shop(%s, %L)', p_shop, p_options)) t
$$;
SELECT matches(pg_temp.refused(o.options), e, o.options || ' is refused')
FROM (VALUES
	('{"fields_drop": ["tid"]}', '^22023 tid cannot be dropped \| It is the key of its record'),
	('{"fields_drop": ["modified"]}', '^22023 modified .*which version'),
	('{"fields_drop": ["orders"]}', '^22023 orders .*lines'),
	('{"fields_drop": ["refunds.modified"]}', '^22023 refunds.modified .*which version'),
	('{"fields_drop": ["seller_nick"]}', '^22023 seller_nick .*belongs to the shop'),
	('{"fields_drop": ["title", "payment"]}', '^22023 payment .*paid_amount'),
	('{"fields_drop": ["orders.refund_status"]}', '^22023 orders.refund_status .*lifecycle'),
	('{"fields_drop": ["refunds.refund_fee"]}', '^22023 refunds.refund_fee .*refunded_amount'),
	('{"fields_drop": ["receiver_name"]}', '^22023 receiver_name .*oaid.*Put oaid into fields_drop'),
	('{"fields_drop": ["no_such_field"]}', '^22023 no_such_field .*not among the fields'),
	('{"fields_drop": ["promotion_details.discount_fee"]}', '^22023 promotion_details.discount_fee .*a field of a field'),
	('{"fields_drop": ["refunds.title.x"]}', '^22023 refunds.title.x .*a field of a field'),
	('{"fields_add": ["buyer_email"]}', '^22023 buyer_email is personal data \| It is dropped'),
	('{"fields_add": ["orders.car_taker_phone"]}', '^22023 orders.car_taker_phone is personal'),
	('{"fields_add": ["refunds.address"]}', '^22023 refunds.address is personal'),
	('{"fields_add": ["new_field", "buyer_nick"], "fields_drop": ["buyer_nick"]}', '^22023 buyer_nick is in both fields_add and fields_drop'),
	('{"fields_add": ["orders.title.x"], "fields_drop": ["orders.title"]}', '^22023 orders.title is in both fields_add and fields_drop'),
	('{"fields_add": ["orders."]}', '^22023 invalid value for option "fields_add"'),
	('{"fields_add": ["a..b"]}', '^22023 invalid value'),
	('{"fields_add": "new_field"}', '^22023 invalid value'),
	('{"fields_add": ["New"]}', '^22023 invalid value')
) AS o (options, e);
SELECT matches(pg_temp.refused(jsonb_build_object('fields_add', (SELECT jsonb_agg('f' || i) FROM generate_series(1, 201) i))::text), '^22023 invalid value .*up to 200', 'more than 200 names are too many');
SELECT is(pg_temp.refused(jsonb_build_object('fields_add', (SELECT jsonb_agg('f' || i) FROM generate_series(1, 200) i))::text, 8), 'taken', '200 are not');
SELECT matches((SELECT t.code || t.message FROM pg_temp.told($$SELECT ordersync_add_shop(9, '测试店铺9', 'session-9', options => '{"fields_drop": ["status"]}')$$) t), '^22023status cannot be dropped', 'ordersync_add_shop checks them too');
SELECT is(pg_temp.refused('{"fields_drop": ["buyer_nick"]}'), 'taken', 'buyer_nick can be dropped');
SELECT matches(pg_temp.refused('{"fields_add": ["buyer_nick"]}'), '^22023 buyer_nick is in both fields_add and fields_drop', 'the stored list counts');
SELECT is(pg_temp.refused('{"fields_add": ["buyer_nick"], "fields_drop": null}'), 'taken', 'unless it is taken out');
SELECT is(pg_temp.refused('{"fields_add": ["new_field", "orders.new_line_field", "refunds.new_field", "title"], "fields_drop": ["receiver_name", "oaid", "orders.cid"]}'), 'taken', 'a receiver''s field goes with oaid');
SELECT is((SELECT count(*) FROM ordersync.essential_fields() e WHERE regexp_replace(e.name, '^(orders|refunds)\.', '') <> ALL (
		ordersync.known_fields(CASE WHEN e.name LIKE 'orders.%' THEN 'order' WHEN e.name LIKE 'refunds.%' THEN 'refund' ELSE 'trade' END))),
	0::bigint, 'every field that may not be dropped is one that is asked for');

-- what a claimed task brings
SELECT ordersync_trigger_full(7);
UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = 7;
SELECT results_eq($$SELECT DISTINCT fields_add, fields_drop FROM ordersync.claim('alive', 2, 1000)$$,
	$$VALUES ('{new_field,orders.new_line_field,refunds.new_field,title}'::text[], '{receiver_name,oaid,orders.cid}'::text[])$$, 'a task comes with the lists of its shop');
SELECT ordersync_set_shop(7, '{"fields_add": null, "fields_drop": null}');
SELECT results_eq($$SELECT DISTINCT fields_add, fields_drop FROM ordersync.claim('alive', 2, 1000)$$, $$VALUES (NULL::text[], NULL::text[])$$, 'without the options with none');

-- requests
CREATE FUNCTION pg_temp.asked(p_kind text, p_stream text, p_basis text, p_add text[], p_drop text[]) RETURNS text[] LANGUAGE sql AS $$
	SELECT string_to_array(replace(substring(b.body FROM '(?:^|&)fields=([^&]*)'), '%2C', ','), ',')
	FROM ordersync_wire.build_call('top', 'https://eco.example/router/rest', '12345678', 'helloworld', 'hmac-sha256', 'session',
		p_kind, p_stream, p_basis, 1604473173, 1604476800, 1, 100, true, 1, 1604473173999, p_add, p_drop) b
$$;
SELECT is(ARRAY(SELECT f FROM unnest(pg_temp.asked(c.kind, c.stream, c.basis, '{new_field,orders.new_line_field,refunds.new_field,title,orders.title,new_field}', '{}')) f
		EXCEPT ALL SELECT f FROM unnest(pg_temp.asked(c.kind, c.stream, c.basis, '{}', '{}')) f ORDER BY 1), c.more::text[],
	format('added to %s of %s by %s: %s', c.kind, c.stream, c.basis, c.more))
FROM (VALUES
	('list', 'orders', 'modified', '{new_field,orders.new_line_field}'), ('list', 'orders', 'created', '{new_field,orders.new_line_field}'),
	('details', 'orders', 'modified', '{new_field,orders.new_line_field}'), ('list', 'after_sales', 'modified', '{new_field}'),
	('list', 'special_refunds', 'modified', '{new_field}'), ('details', 'after_sales', 'modified', '{new_field}'),
	('list', 'orders', 'arrival', '{}'), ('whoami', 'orders', 'modified', '{}')
) AS c (kind, stream, basis, more);
SELECT is(ARRAY(SELECT f FROM unnest(pg_temp.asked('list', 'orders', 'created', '{}', '{}')) f EXCEPT SELECT f FROM unnest(pg_temp.asked('list', 'orders', 'created', '{}', '{buyer_nick,refunds.title}')) f), '{buyer_nick}', 'a dropped field is not asked for, one of refunds is another');
SELECT is(ARRAY(SELECT f FROM unnest(pg_temp.asked('list', 'after_sales', 'modified', '{}', '{}')) f EXCEPT SELECT f FROM unnest(pg_temp.asked('list', 'after_sales', 'modified', '{}', '{buyer_nick,refunds.title}')) f), '{title}', 'and the other way round');
SELECT is(ARRAY(SELECT f FROM unnest(pg_temp.asked('details', 'orders', 'modified', '{}', '{orders.cid,orders.is_jzfx}')) f WHERE f LIKE 'orders%' ORDER BY f),
	ARRAY(SELECT 'orders.' || f FROM unnest(ordersync.served_fields('details', 'order')) f WHERE f NOT IN ('cid', 'is_jzfx') ORDER BY 1), 'a dropped field of lines: the others by their names');

-- apply
CREATE FUNCTION pg_temp.put(p_source text, p_add text[], p_drop text[], VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(7, p_source, 70, 700, p.ids, p.modified, p.digests, p_records, p_add, p_drop) a
$$;
CREATE FUNCTION pg_temp.put_refund(p_source text, p_add text[], p_drop text[], p_record text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM ordersync.apply_after_sales(7, p_source, 70, 700, ARRAY[(p_record::jsonb ->> 'refund_id')::bigint], ARRAY[ordersync.read_time(p_record::jsonb ->> 'modified')],
		ARRAY[substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)], ARRAY[p_record], p_add, p_drop) a
$$;
-- the added fields of an order and of its line, "-": no key
CREATE FUNCTION pg_temp.news(p_tid bigint) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', CASE WHEN payload ? 'x' THEN COALESCE(payload ->> 'x', 'null') ELSE '-' END,
		CASE WHEN payload #> '{orders,order,0}' ? 'y' THEN COALESCE(payload #>> '{orders,order,0,y}', 'null') ELSE '-' END)
	FROM ordersync.order_payloads WHERE shop_id = 7 AND tid = p_tid
$$;
CREATE FUNCTION pg_temp.record(p_tid bigint, p_hour integer, p_more text DEFAULT '', p_line text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT format('{"tid":%s,"modified":"2026-01-01 %s:00:00","status":"WAIT_BUYER_PAY"%s,"orders":{"order":[{"oid":%s1,"num":1%s}]}}', p_tid, lpad(p_hour::text, 2, '0'), p_more, p_tid, p_line)
$$;

-- columns of an order and its line; a statement of its own, which sees what was just put
CREATE FUNCTION pg_temp.cols(p_tid bigint, VARIADIC p_columns text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT string_agg(COALESCE((to_jsonb(s) || to_jsonb(o)) ->> c.name, to_jsonb(s) ->> c.name, 'NULL'), ' ' ORDER BY c.i)
	FROM ordersync.orders o JOIN ordersync.sub_orders s USING (shop_id, tid), unnest(p_columns) WITH ORDINALITY c (name, i)
	WHERE o.shop_id = 7 AND o.tid = p_tid
$$;

-- added: kept, cleared, and left alone by who did not ask
SELECT is(pg_temp.put('list', '{x,orders.y}', NULL, pg_temp.record(1, 10, ',"x":"a"', ',"y":"b"')) || ' ' || pg_temp.news(1), '1/0/0 a b', 'what was added and came is kept');
SELECT is(pg_temp.put('list', NULL, NULL, pg_temp.record(1, 11, ',"num":1')) || ' ' || pg_temp.news(1), '0/1/0 a b', 'a newer record asked for without them keeps them');
SELECT is(pg_temp.put('increment', '{x,orders.y}', NULL, pg_temp.record(1, 12)) || ' ' || pg_temp.news(1), '0/1/0 null null', 'one asked for with them that does not have them clears them');
SELECT is(pg_temp.put('list', '{x,orders.y}', NULL, pg_temp.record(2, 10)) || ' ' || pg_temp.news(2), '1/0/0 null null', 'in a new record what did not come is NULL');
SELECT is(pg_temp.put('list', NULL, NULL, pg_temp.record(3, 10)) || ' ' || pg_temp.news(3), '1/0/0 - -', 'and nothing at all when nothing was added');
SELECT is(pg_temp.put('list', '{x,orders.y}', NULL, pg_temp.record(3, 10, ',"x":"a"', ',"y":"b"')) || ' ' || pg_temp.news(3), '0/1/0 a b', 'the same record once more, with them: they come in');

-- added, at equal age
SELECT is(pg_temp.put('details', '{x,orders.y}', NULL, pg_temp.record(3, 10, ',"x":"c"')) || ' ' || pg_temp.news(3), '0/1/0 c null', 'a richer source writes, and clears');
SELECT is(pg_temp.put('list', '{x,orders.y}', NULL, pg_temp.record(3, 10, ',"x":"d"', ',"y":"d"')) || ' ' || pg_temp.news(3), '0/0/1 c null', 'a poorer one writes neither over a value nor over a NULL that was asked for');
SELECT is(pg_temp.put('list', NULL, NULL, pg_temp.record(4, 10)) || pg_temp.put('details', NULL, NULL, pg_temp.record(4, 10, ',"seller_memo":"m"')) || ' ' || pg_temp.news(4), '1/0/00/1/0 - -', 'list and details before anything was added');
SELECT is(pg_temp.put('list', '{x,orders.y}', NULL, pg_temp.record(4, 10, ',"x":"a","trade_from":"X"', ',"y":"b","num":5')) || ' ' || pg_temp.news(4), '0/1/0 a b', 'the list again, poorer, its turn over: brings what was added since');
SELECT is((SELECT concat_ws(' ', status, item_num, seller_memo, trade_from) FROM ordersync.orders WHERE shop_id = 7 AND tid = 4), 'WAIT_BUYER_PAY 1 m', 'and nothing else');
SELECT is(pg_temp.put('list', '{x,orders.y}', NULL, pg_temp.record(4, 10, ',"x":"a","trade_from":"X"', ',"y":"b","num":5')), '0/0/1', 'once');
SELECT is(pg_temp.put('list', '{x}', NULL, pg_temp.record(5, 10, ',"x":"a"')) || pg_temp.put('details', NULL, NULL, pg_temp.record(5, 10, ',"seller_memo":"m"')) || ' ' || pg_temp.news(5), '1/0/00/1/0 a -', 'a richer source that was not asked for it leaves it');

SELECT is(pg_temp.put('list', NULL, NULL, pg_temp.record(10, 10)) || ' ' || pg_temp.put('details', NULL, NULL, pg_temp.record(10, 10, ',"seller_memo":"m"')), '1/0/0 0/1/0', 'list and details');
SELECT is(pg_temp.put('increment', '{x}', NULL, '{"tid":10,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","no_shipping":true,"x":"a","orders":{"order":[{"oid":101,"num":1},{"oid":102,"num":1}]}}') || ' ' || pg_temp.news(10), '0/1/0 a -', 'a source for which they have left nothing brings what was added');
SELECT results_eq($$SELECT p.payload ? 'no_shipping', o.line_count, p.sources FROM ordersync.orders o JOIN ordersync.order_payloads p USING (shop_id, tid) WHERE o.shop_id = 7 AND o.tid = 10$$, $$VALUES (false, 1, 12::smallint)$$, 'nothing else, and does not count as one that has written');

-- a field that another source is known to serve
SELECT is(pg_temp.put('details', NULL, NULL, pg_temp.record(6, 10, ',"seller_memo":"m"')) || pg_temp.put('list', '{seller_memo}', NULL, pg_temp.record(6, 11)), '1/0/00/1/0', 'seller_memo is asked for of a list');
SELECT is((SELECT seller_memo FROM ordersync.orders WHERE shop_id = 7 AND tid = 6), 'm', 'which is not known to have it: its absence says nothing');
SELECT is(pg_temp.put('list', '{seller_memo}', NULL, pg_temp.record(6, 12, ',"seller_memo":"n"')) || ' ' || pg_temp.cols(6, 'seller_memo'), '0/1/0 n', 'a value does');

-- dropped: not served
SELECT is(pg_temp.put('list', NULL, NULL, pg_temp.record(11, 10, ',"buyer_nick":"b**","alipay_no":"1"', ',"cid":"5","title":"t"')), '1/0/0', 'an order');
SELECT is(pg_temp.put('list', NULL, '{buyer_nick,orders.cid}', pg_temp.record(11, 11)), '0/1/0', 'changed, and asked for without three fields');
SELECT is((SELECT concat_ws(' ', o.buyer_nick, o.alipay_no, s.cid, s.title) FROM ordersync.orders o JOIN ordersync.sub_orders s USING (shop_id, tid) WHERE o.shop_id = 7 AND o.tid = 11), 'b** 5', 'they keep their values, others that did not come are NULL');
SELECT ok(payload @> '{"buyer_nick": "b**"}' AND payload @> '{"orders": {"order": [{"cid": "5"}]}}' AND NOT payload ? 'alipay_no', 'in the payload too') FROM ordersync.order_payloads WHERE shop_id = 7 AND tid = 11;
SELECT is(pg_temp.put('details', NULL, '{buyer_nick,orders.cid}', pg_temp.record(11, 11, ',"seller_memo":"m"')) || ' ' || pg_temp.cols(11, 'buyer_nick', 'cid', 'seller_memo'), '0/1/0 b** 5 m', 'a richer source of equal age leaves them');
SELECT is(pg_temp.put('list', NULL, NULL, pg_temp.record(t, 9, ',"has_buyer_message":true,"tmall_delivery":true', ',"shp_info":"s"')) || ' ' || pg_temp.put('details', NULL, NULL, pg_temp.record(t, 10)), '1/0/0 0/1/0', 'a list, then details of a later age')
FROM unnest('{12,13}'::bigint[]) t;
SELECT is(pg_temp.put('increment', NULL, NULL, pg_temp.record(13, 10)), '0/1/0', 'one of them is in an increment of that age too');
-- of two sets of sources, one is worked out once a page, the other for its record
SELECT is(pg_temp.put('list', NULL, '{has_buyer_message,tmall_delivery,orders.shp_info}', VARIADIC ARRAY(SELECT pg_temp.record(t, 10, ',"async_modified":"2026-01-01 10:00:05"') FROM unnest('{12,13}'::bigint[]) t)), '0/2/0', 'the list of that age, poorer, asked for without two fields');
SELECT is(pg_temp.cols(12, 'async_modified', 'has_buyer_message'), '2026-01-01T02:00:05+00:00 true', 'writes what is left to it and leaves what it was not asked for');
SELECT is(pg_temp.cols(13, 'async_modified', 'has_buyer_message'), '2026-01-01T02:00:05+00:00 NULL', 'which the increment, asked for it, had cleared');
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 7 AND tid IN (12, 13) AND payload ? 'tmall_delivery'), 2::bigint, 'what neither of them is asked for stays');
SELECT is((SELECT string_agg(payload #>> '{orders,order,0,shp_info}', ' ') FROM ordersync.order_payloads WHERE shop_id = 7 AND tid IN (12, 13)), 's s', 'of lines too');
SELECT is(pg_temp.put('list', NULL, '{buyer_nick}', pg_temp.record(14, 10)) || ' ' || pg_temp.cols(14, 'buyer_nick'), '1/0/0 NULL', 'a new order has NULL');
SELECT is(pg_temp.put('list', NULL, '{buyer_nick}', pg_temp.record(14, 11, ',"buyer_nick":"c**"')) || ' ' || pg_temp.cols(14, 'buyer_nick'), '0/1/0 c**', 'what is sent all the same is stored');
SELECT is(pg_temp.put('list', NULL, NULL, pg_temp.record(14, 12)) || ' ' || pg_temp.cols(14, 'buyer_nick'), '0/1/0 NULL', 'once it is asked for again its absence clears it');

-- after-sales
CREATE FUNCTION pg_temp.refund(p_hour integer, p_more text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT format('{"refund_id":"9","tid":1,"oid":11,"modified":"2026-01-01 %s:00:00","status":"CLOSED"%s}', p_hour, p_more)
$$;
CREATE FUNCTION pg_temp.stored_refund() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', COALESCE(a.title, '-'), COALESCE(a.reason, '-'), CASE WHEN p.payload ? 'x' THEN COALESCE(p.payload ->> 'x', 'null') ELSE '-' END)
	FROM ordersync.after_sales a JOIN ordersync.after_sale_payloads p USING (shop_id, refund_id) WHERE a.shop_id = 7
$$;
SELECT is(pg_temp.put_refund('list', '{x,orders.x}', '{title,reason}', pg_temp.refund(10, ',"title":"t","reason":"r"')) || ' ' || pg_temp.stored_refund(), '1/0/0 t r -', 'names of orders are none of refunds');
SELECT is(pg_temp.put_refund('list', NULL, '{title,refunds.title}', pg_temp.refund(11)) || ' ' || pg_temp.stored_refund(), '0/1/0 t - -', 'a dropped field of a refund keeps its value');
SELECT is(pg_temp.put_refund('details', NULL, '{refunds.title}', pg_temp.refund(11, ',"price":"1.00"')) || ' ' || pg_temp.stored_refund(), '0/1/0 t - -', 'with details too');
SELECT is(pg_temp.put_refund('list', '{refunds.x}', '{refunds.title}', pg_temp.refund(11, ',"x":"a","reason":"r"')) || ' ' || pg_temp.stored_refund(), '0/1/0 t - a', 'an added one comes with a poorer source of equal age, alone');
SELECT is(pg_temp.put_refund('details', '{refunds.x}', '{refunds.title}', pg_temp.refund(11, ',"price":"2.00"')) || ' ' || pg_temp.stored_refund(), '0/1/0 t - null', 'and a richer one without it clears it');

SELECT is(pg_temp.put_refund('special', NULL, NULL, pg_temp.refund(12, ',"special_refund_type":"priceProtect"')) || ' ' || pg_temp.put_refund('details', NULL, NULL, pg_temp.refund(13)), '0/1/0 0/1/0', 'the second list, then details of a later age');
SELECT is(pg_temp.put_refund('special', NULL, '{refunds.special_refund_type}', pg_temp.refund(13)), '0/0/1', 'the second list of that age, asked for without what is left to it, changes nothing');

SELECT * FROM finish();
ROLLBACK;
