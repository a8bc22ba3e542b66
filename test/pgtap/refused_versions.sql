-- Refused versions: which stored version is an answer to one, which of several is stored when they are tried again, and what was mended in them.
BEGIN;
SELECT plan(40);
SET LOCAL client_min_messages = error;
SET LOCAL TimeZone = 'UTC';
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');
\ir lib/put.sql
-- A page that was refused in one piece, of one record.
CREATE FUNCTION pg_temp.put_parts(p_stream text, p_source text, p_record text, p_read_at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM ordersync.store_parts(p_stream, 7, p_source, NULL, NULL,
		ARRAY[(p_record::jsonb ->> CASE p_stream WHEN 'orders' THEN 'tid' ELSE 'refund_id' END)::bigint],
		ARRAY[ordersync.read_time(p_record::jsonb ->> 'modified')],
		ARRAY[substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)], ARRAY[p_record], NULL, NULL, p_read_at) a
$$;
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_status text, p_modified text, p_more text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT format('{"tid":%s,"status":"%s","created":"2026-03-01 10:00:00","modified":"%s","payment":"10.00"%s}', p_tid, p_status, p_modified, p_more)
$$;
CREATE FUNCTION pg_temp.status(p_tid bigint) RETURNS text LANGUAGE sql AS $$ SELECT status FROM ordersync.orders WHERE shop_id = 7 AND tid = p_tid $$;
CREATE FUNCTION pg_temp.open(p_id bigint) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM ordersync.quarantine WHERE record_id = p_id AND reason = 'refused' AND resolved_at IS NULL $$;
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE FUNCTION pg_temp.refusing(p_on boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF p_on THEN
		CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW WHEN (NEW.status LIKE 'TRADE_%') EXECUTE FUNCTION pg_temp.refuse();
		CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ordersync.after_sales FOR EACH ROW WHEN (NEW.status = 'SUCCESS') EXECUTE FUNCTION pg_temp.refuse();
	ELSE
		DROP TRIGGER refuse ON ordersync.orders;
		DROP TRIGGER refuse ON ordersync.after_sales;
	END IF;
END $$;

-- the version before, read again, is no answer to one of the same second
SELECT pg_temp.refusing(true);
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, quarantined, verdict)
VALUES (7, 'orders', 'modified', '[2026-03-01 00:00+08, 2026-03-02 00:00+08)', 1, 1, 1, 'counted');
SELECT is(pg_temp.put('increment', pg_temp.trade(1, 'WAIT_SELLER_SEND_GOODS', '2026-03-01 11:00:05')), '1/0/0', 'an order');
SELECT is(pg_temp.put_parts('orders', 'list', pg_temp.trade(1, 'TRADE_FINISHED', '2026-03-01 11:00:05')), '0/0/0', 'its next version, of the same second, is refused');
SELECT is(pg_temp.put('increment', pg_temp.trade(1, 'WAIT_SELLER_SEND_GOODS', '2026-03-01 11:00:05')), '0/0/1', 'the one before is read again');
SELECT is(pg_temp.open(1), 1::bigint, 'the refused one stays open');
SELECT is((SELECT quarantined FROM ordersync.window_counts)::integer, 1, 'and its window has it outside');
SELECT is(pg_temp.put('details', pg_temp.trade(1, 'WAIT_SELLER_SEND_GOODS', '2026-03-01 11:00:05', ',"buyer_rate":true')), '0/1/0', 'a richer reading of the one before');
SELECT is(pg_temp.open(1), 1::bigint, 'is none either');
SELECT is(pg_temp.put('increment', pg_temp.trade(1, 'WAIT_SELLER_SEND_GOODS', '2026-03-01 11:00:06')), '0/1/0', 'a later version');
SELECT is(pg_temp.open(1), 0::bigint, 'is one');
SELECT is((SELECT quarantined FROM ordersync.window_counts)::integer, 0, 'also for its window');
SELECT pg_temp.put('increment', pg_temp.trade(2, 'WAIT_SELLER_SEND_GOODS', '2026-03-02 11:00:05'));
SELECT pg_temp.put_parts('orders', 'increment', pg_temp.trade(2, 'TRADE_FINISHED', '2026-03-02 11:00:05'));
SELECT pg_temp.refusing(false);
SELECT is(pg_temp.put('increment', pg_temp.trade(2, 'TRADE_FINISHED', '2026-03-02 11:00:05')), '0/1/0', 'the very record, taken by now');
SELECT is(pg_temp.open(2), 0::bigint, 'is one');

-- a payload without its row is no stored order
SELECT pg_temp.put('list', pg_temp.trade(3, 'TRADE_CLOSED', '2026-03-03 11:00:00'));
DELETE FROM ordersync.orders WHERE tid = 3;
SELECT pg_temp.refusing(true);
SELECT is(pg_temp.put_parts('orders', 'list', pg_temp.trade(3, 'TRADE_CLOSED', '2026-03-03 11:00:00')), '0/0/0', 'an order whose row is gone is refused');
SELECT ordersync.resolve_records(7, 'orders', '{3}', 'list', '{2026-03-03 03:00+00}', NULL);
SELECT is(pg_temp.open(3), 1::bigint, 'and stays so without its row, though its payload is that very record');
SELECT pg_temp.refusing(false);
SELECT is(pg_temp.put('list', pg_temp.trade(3, 'WAIT_BUYER_PAY', '2026-03-03 10:00:00')), '0/1/0', 'the row is written again from its payload');
SELECT is(pg_temp.status(3) || pg_temp.open(3), 'TRADE_CLOSED0', 'and that resolves it');
SELECT pg_temp.refusing(true);

-- after-sales alike
SELECT is(pg_temp.put_refund('list', '{"refund_id":4,"tid":40,"status":"WAIT_SELLER_AGREE","modified":"2026-03-04 11:00:00"}'), '1/0/0', 'an after-sale');
SELECT is(pg_temp.put_parts('after_sales', 'list', '{"refund_id":4,"tid":40,"status":"SUCCESS","modified":"2026-03-04 11:00:00"}', clock_timestamp()), '0/0/0', 'its next version, of the same second, is refused');
SELECT is(pg_temp.put_refund('list', '{"refund_id":4,"tid":40,"status":"WAIT_SELLER_AGREE","modified":"2026-03-04 11:00:00"}'), '0/0/1', 'the one before is read again');
SELECT is(pg_temp.open(4), 1::bigint, 'the refused one stays open');

-- tried again, the later reading counts of two versions of one second
SELECT pg_temp.put_parts('orders', 'list', pg_temp.trade(t, 'TRADE_CLOSED', '2026-03-05 11:00:00'), now() + '1 second') FROM generate_series(50, 57) t;
SELECT pg_temp.put('list', pg_temp.trade(6, 'WAIT_BUYER_PAY', '2026-03-05 11:00:00'));
UPDATE ordersync.order_payloads SET read_at = now() + '2 seconds' WHERE tid = 6;
SELECT pg_temp.put_parts('orders', 'list', pg_temp.trade(6, 'TRADE_CLOSED', '2026-03-05 11:00:00'), now() + '3 seconds');
SELECT pg_temp.put_parts('orders', 'list', pg_temp.trade(t, 'TRADE_FINISHED', '2026-03-05 11:00:00'), now() + '4 seconds') FROM generate_series(50, 57) t;
SELECT is((SELECT sum(pg_temp.open(t)) FROM generate_series(50, 57) t) + pg_temp.open(6), 17::numeric, 'two versions of some orders and one of another are refused');
SELECT pg_temp.refusing(false);
SELECT is(message, NULL, 'all are tried again') FROM ordersync.retry_refused(7, NULL);
SELECT is((SELECT array_agg(DISTINCT status) FROM ordersync.orders WHERE tid BETWEEN 50 AND 57), '{TRADE_FINISHED}', 'of two versions the one that was read later is stored');
SELECT is(pg_temp.status(6), 'TRADE_CLOSED', 'so is the other order''s, which was read later than what was stored');
SELECT is((SELECT status FROM ordersync.after_sales WHERE refund_id = 4), 'SUCCESS', 'the after-sale is stored');
SELECT is((SELECT count(*) FROM ordersync.quarantine WHERE resolved_at IS NULL), 0::bigint, 'and none is open');

-- what was mended is kept with the refused record, and noted when that is stored
CREATE FUNCTION pg_temp.keep(p_record text, p_mends jsonb) RETURNS void LANGUAGE sql AS $$
	SELECT ordersync.keep_mends(7, 'orders', array_agg((p_record::jsonb ->> 'tid')::bigint),
		array_agg(substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)), array_agg(m ->> 0), array_agg(m ->> 1), array_agg(convert_to(m ->> 2, 'UTF8')))
	FROM jsonb_array_elements(p_mends) AS m
$$;
CREATE FUNCTION pg_temp.notes(p_tid bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', modified::time, column_name, value, convert_from(body, 'UTF8'), source), ', ' ORDER BY column_name)
	FROM ordersync.quarantine WHERE record_id = p_tid AND reason = 'value' AND resolved_at IS NULL
$$;
CREATE FUNCTION pg_temp.bad(p_tid bigint) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.trade(p_tid, 'TRADE_FINISHED', '2026-03-06 11:00:00',
		',"title":"a�b","seller_memo":"m�","orders":{"order":[{"oid":' || p_tid || '1,"num":1,"price":"10.00","title":"x�"}]}')
$$;
SELECT pg_temp.refusing(true);
SELECT is(pg_temp.put_parts('orders', 'list', pg_temp.bad(t)), '0/0/0', 'a mended order is refused') FROM unnest('{7,8}'::bigint[]) t;
SELECT pg_temp.keep(pg_temp.bad(t), '[["title", "\"a�b\"", "a\\u0000b"], ["orders.order.title", "\"x�\"", "x\\ud83d"], ["seller_memo", "\"m�\"", "m\\u0000"], ["orders.order.y?", null, "y\\u0000"]]')
FROM unnest('{7,8}'::bigint[]) t;
SELECT pg_temp.keep(pg_temp.bad(7), '[["other", "\"other\"", "other"]]');
SELECT is((SELECT jsonb_array_length(asked -> 'mends') FROM ordersync.quarantine WHERE record_id = 7), 4, 'its mends are kept, once');
SELECT is(message, 'not this one', 'tried while all is as it was') FROM ordersync.retry_refused(7, NULL);
SELECT is(pg_temp.notes(7), NULL, 'nothing is noted');
SELECT pg_temp.refusing(false);
CREATE TRIGGER refuse BEFORE INSERT ON ordersync.orders FOR EACH ROW WHEN (NEW.tid = 8) EXECUTE FUNCTION pg_temp.refuse();
SELECT results_eq('SELECT tried, stored FROM ordersync.retry_refused(7, NULL)', 'VALUES (2, 1)', 'one of them is stored');
SELECT is(pg_temp.notes(7), '03:00:00 seller_memo m� m\u0000 list, 03:00:00 sub_orders.title x� x\ud83d list, 03:00:00 sub_orders.y? y\u0000 list, 03:00:00 title a�b a\u0000b list',
	'and what was mended is noted with the bytes that came');
SELECT is(pg_temp.notes(8), NULL, 'of the other nothing');
SELECT ordersync_set_shop(7, '{"privacy": "strict"}');
SELECT is((SELECT string_agg(m ->> 'path', ' ' ORDER BY m ->> 'path') FROM ordersync.quarantine, jsonb_array_elements(asked -> 'mends') AS m WHERE record_id = 8),
	'orders.order.title orders.order.y? title', 'what the shop does not want stored is kept of no mend');
DROP TRIGGER refuse ON ordersync.orders;
SELECT pg_temp.put('list', pg_temp.bad(9));
SELECT ordersync.note_mended(7, 'orders', 'list', 70, 700, '{9}', '{2026-03-06 03:00+00}', '{title}', '{"\"a�b\""}', ARRAY[convert_to('a\u0000b', 'UTF8')]);
SELECT is(pg_temp.notes(9), '03:00:00 title a�b a\u0000b list', 'a mended value of a stored order');
CREATE TRIGGER refuse BEFORE UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
SELECT is(pg_temp.put_parts('orders', 'list', replace(pg_temp.bad(9), '11:00:00', '11:00:01')), '0/0/0', 'whose next version is refused');
SELECT pg_temp.keep(replace(pg_temp.bad(9), '11:00:00', '11:00:01'), '[["title", "\"a�b\"", "a\\u0000b"]]');
DROP TRIGGER refuse ON ordersync.orders;
SELECT is(message, NULL, 'it is stored with the same value') FROM ordersync.retry_refused(7, NULL);
SELECT is(pg_temp.notes(9), '03:00:00 title a�b a\u0000b list', 'which stays noted');
SELECT is(pg_temp.notes(8), '03:00:00 sub_orders.title x� x\ud83d list, 03:00:00 sub_orders.y? y\u0000 list, 03:00:00 title a�b a\u0000b list', 'the other''s are noted by now, but for the hidden one');

SELECT * FROM finish();
ROLLBACK;
