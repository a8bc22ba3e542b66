-- The upsert rules: age, rank of sources, what each serves, replays, changes.
BEGIN;
SELECT plan(86);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'UTC';

\ir lib/put.sql
-- every row version there is, and whether anybody locked it
CREATE FUNCTION pg_temp.versions() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(v, ' ' ORDER BY v) FROM (
		SELECT format('o %s %s %s %s', tid, ctid, xmin, xmax) AS v FROM ordersync.orders
		UNION ALL SELECT format('s %s %s %s %s', oid, ctid, xmin, xmax) FROM ordersync.sub_orders
		UNION ALL SELECT format('a %s %s %s %s', refund_id, ctid, xmin, xmax) FROM ordersync.after_sales
		UNION ALL SELECT format('op %s %s %s %s', tid, ctid, xmin, xmax) FROM ordersync.order_payloads
		UNION ALL SELECT format('ap %s %s %s %s', refund_id, ctid, xmin, xmax) FROM ordersync.after_sale_payloads
		UNION ALL SELECT format('c %s %s %s', change_id, ctid, xmax) FROM ordersync.order_changes
		UNION ALL SELECT format('q %s %s %s', quarantine_id, ctid, xmax) FROM ordersync.quarantine
	) x
$$;
CREATE TEMP TABLE seen (versions text) ON COMMIT DROP;
CREATE FUNCTION pg_temp.mark() RETURNS void LANGUAGE sql AS $$ TRUNCATE seen; INSERT INTO seen SELECT pg_temp.versions() $$;
CREATE FUNCTION pg_temp.untouched(p_text text) RETURNS text LANGUAGE sql AS $$
	SELECT is(pg_temp.versions(), (SELECT versions FROM seen), p_text || ': no row written, none locked')
$$;
CREATE FUNCTION pg_temp.col(p_tid bigint, p_column text) RETURNS text LANGUAGE sql AS $$
	SELECT to_jsonb(o) ->> p_column FROM ordersync.orders o WHERE shop_id = 7 AND tid = p_tid
$$;
CREATE FUNCTION pg_temp.pay(p_tid bigint) RETURNS jsonb LANGUAGE sql AS $$
	SELECT payload FROM ordersync.order_payloads WHERE shop_id = 7 AND tid = p_tid
$$;

/* what this test takes for granted of the sources */
SELECT ok('no_shipping' = ANY (ordersync.served_fields('increment', 'trade')) AND 'no_shipping' <> ALL (ordersync.served_fields('list', 'trade')), 'increment alone serves no_shipping');
SELECT ok('trade_from' = ANY (ordersync.served_fields('list', 'trade')) AND 'trade_from' <> ALL (ordersync.served_fields('increment', 'trade')), 'increment does not serve trade_from');
SELECT ok('has_buyer_message' = ANY (ordersync.served_fields('list', 'trade')) AND 'has_buyer_message' <> ALL (ordersync.served_fields('details', 'trade')), 'details does not serve has_buyer_message');
SELECT ok('seller_memo' = ANY (ordersync.served_fields('details', 'trade')) AND 'seller_memo' <> ALL (ordersync.served_fields('list', 'trade')), 'details alone serves seller_memo');
SELECT ok('order_from' = ANY (ordersync.served_fields('details', 'order')) AND 'order_from' <> ALL (ordersync.served_fields('list', 'order')), 'details alone serves a line''s order_from');
SELECT ok('orders' = ANY (ordersync.served_fields('list', 'trade')), 'lines are a served field');

-- age
SELECT is(pg_temp.put('increment', '{"tid":1,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","payment":"10.00","orders":{"order":[{"oid":11,"status":"WAIT_BUYER_PAY","refund_status":"NO_REFUND","num":1}]}}'), '1/0/0', 'first seen');
SELECT pg_temp.mark();
SELECT is(pg_temp.put('increment', '{"tid":1,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","payment":"10.00","orders":{"order":[{"oid":11,"status":"WAIT_BUYER_PAY","refund_status":"NO_REFUND","num":1}]}}'), '0/0/1', 'the same again is unchanged by its digest');
SELECT pg_temp.untouched('the same again');
SELECT is(pg_temp.put('increment', '{"payment":"10.00","modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","orders":[{"num":1,"oid":11,"status":"WAIT_BUYER_PAY","refund_status":"NO_REFUND"}],"tid":1}'), '0/0/1', 'the same in another form is unchanged by its content');
SELECT pg_temp.untouched('another form');
SELECT is(pg_temp.put('list', '{"tid":1,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","payment":"10.00","orders":{"order":[{"oid":11,"status":"WAIT_BUYER_PAY","refund_status":"NO_REFUND","num":1}]}}'), '0/0/1', 'a richer source with the same content changes nothing');
SELECT pg_temp.untouched('a richer source with nothing to add');
SELECT is(pg_temp.put('increment', '{"tid":1,"modified":"2026-01-01 11:00:00","status":"WAIT_SELLER_SEND_GOODS","pay_time":"2026-01-01 10:59:59","payment":"10.00","type":"fixed","orders":{"order":[{"oid":11,"status":"WAIT_SELLER_SEND_GOODS","refund_status":"NO_REFUND","num":1}]}}'), '0/1/0', 'a newer record writes');
SELECT pg_temp.mark();
SELECT is(pg_temp.put('details', '{"tid":1,"modified":"2026-01-01 10:30:00","status":"WAIT_BUYER_PAY","seller_memo":"old","orders":{"order":[{"oid":11,"num":9}]}}'), '0/0/1', 'an older one of the richest source does not');
SELECT is(pg_temp.put('increment', '{"tid":1,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","payment":"10.00","orders":{"order":[{"oid":11,"status":"WAIT_BUYER_PAY","refund_status":"NO_REFUND","num":1}]}}'), '0/0/1', 'nor the first one again');
SELECT pg_temp.untouched('older records');
SELECT is(pg_temp.col(1, 'status'), 'WAIT_SELLER_SEND_GOODS', 'the newer status stands');
SELECT is((SELECT modified FROM ordersync.sub_orders WHERE oid = 11), '2026-01-01 03:00:00+00'::timestamptz, 'lines carry their order''s time of change');

-- served and not served, over time
SELECT is(pg_temp.put('list', '{"tid":2,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","trade_from":"WAP","buyer_nick":"b**","has_buyer_message":true,"orders":{"order":[{"oid":21,"num":1,"title":"t"},{"oid":22,"num":2},{"oid":23,"num":1}]}}'), '1/0/0', 'a list record');
SELECT is(pg_temp.put('details', '{"tid":2,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","trade_from":"WAP,JHS","buyer_nick":"b**","seller_memo":"call first","orders":{"order":[{"oid":21,"num":1,"title":"t","order_from":"WAP"},{"oid":22,"num":2,"order_from":"JHS"}]}}'), '0/1/0', 'the whole record of the same age adds to it');
SELECT is(pg_temp.col(2, 'has_buyer_message'), 'true', 'what details does not serve keeps its value');
SELECT is(pg_temp.col(2, 'trade_from'), 'WAP,JHS', 'what it serves it writes');
SELECT isnt(pg_temp.col(2, 'details_at'), NULL, 'details_at is set');
SELECT pg_temp.mark();
SELECT is(pg_temp.put('list', '{"tid":2,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","trade_from":"WAP","buyer_nick":"b**","has_buyer_message":true,"orders":{"order":[{"oid":21,"num":1,"title":"t"},{"oid":22,"num":2},{"oid":23,"num":1}]}}'), '0/0/1', 'the list record again');
SELECT is(pg_temp.put('list', '{"tid":2,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","trade_from":"X","orders":{"order":[{"oid":21,"num":7}]}}'), '0/0/1', 'a poorer record of the same age that differs writes nothing: its source has written before');
SELECT pg_temp.untouched('poorer records');
SELECT is(pg_temp.put('increment', '{"tid":2,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","no_shipping":true,"orders":{"order":[{"oid":21,"num":7,"is_service_order":false},{"oid":29,"num":1}]}}'), '0/0/1', 'nor one of a source that has not: it serves no column that they do not');
SELECT pg_temp.untouched('a poorer source with no column of its own');
SELECT is(pg_temp.put('details', '{"tid":3,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","trade_from":"WAP","orders":{"order":[{"oid":31,"num":1}]}}'), '1/0/0', 'a whole record comes first');
SELECT is(pg_temp.put('list', '{"tid":3,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","trade_from":"X","has_buyer_message":true,"async_modified":"2026-01-01 10:00:05","orders":{"order":[{"oid":31,"num":7}]}}'), '0/1/0', 'a poorer source writes the columns that it alone serves');
SELECT is(pg_temp.col(3, 'has_buyer_message'), 'true', 'that one');
SELECT is(pg_temp.col(3, 'async_modified'), '2026-01-01T02:00:05+00:00', 'and that one');
SELECT is(pg_temp.col(3, 'status') || pg_temp.col(3, 'trade_from') || pg_temp.col(3, 'item_num'), 'WAIT_BUYER_PAYWAP1', 'but nothing that the richer one serves');
SELECT is(pg_temp.put('list', '{"tid":3,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","has_buyer_message":false,"orders":{"order":[{"oid":31,"num":7}]}}'), '0/0/1', 'once');
SELECT is(pg_temp.put('increment', '{"tid":2,"modified":"2026-01-01 12:00:00","status":"WAIT_SELLER_SEND_GOODS","orders":{"order":[{"oid":22,"num":2},{"oid":21,"num":1}]}}'), '0/1/0', 'a newer increment');
SELECT is(pg_temp.col(2, 'buyer_nick'), NULL, 'a served field that is not there is NULL');
SELECT ok(NOT pg_temp.pay(2) ? 'buyer_nick', 'in the payload too');
SELECT is(pg_temp.col(2, 'trade_from'), 'WAP,JHS', 'one that it does not serve keeps its value');
SELECT is(pg_temp.col(2, 'seller_memo'), 'call first', 'so does the memo of the whole record');
SELECT is(pg_temp.pay(2) #>> '{orders,order,1,order_from}', 'WAP', 'and what only the whole record knew of a line');
SELECT is((SELECT title FROM ordersync.sub_orders WHERE oid = 21), NULL, 'a line''s served field that is not there is NULL');
SELECT is((SELECT array_agg(s.oid ORDER BY s.line_no) FROM ordersync.sub_orders s WHERE s.tid = 2), '{22,21,23}', 'lines are in the new record''s order, one that it leaves out stays');
SELECT results_eq($$SELECT line_count, item_num FROM ordersync.orders WHERE tid = 2$$, $$VALUES (3, 4)$$, 'and counts');
SELECT is(pg_temp.put('details', '{"tid":2,"modified":"2026-01-01 13:00:00","status":"WAIT_SELLER_SEND_GOODS","orders":{"order":[{"oid":22,"num":2}]}}'), '0/1/0', 'a whole record without the memo');
SELECT is(pg_temp.col(2, 'seller_memo'), NULL, 'clears it');
SELECT is(pg_temp.put('increment', '{"tid":2,"modified":"2026-01-01 14:00:00","status":"WAIT_SELLER_SEND_GOODS"}'), '0/1/0', 'a newer record without any line');
SELECT is((SELECT count(*) FROM ordersync.sub_orders WHERE tid = 2), 3::bigint, 'takes no line away');

-- any order of arrival ends the same
CREATE TEMP TABLE record (source text, body text) ON COMMIT DROP;
INSERT INTO record VALUES
	('increment', '{"tid":%s,"modified":"2026-01-02 10:00:00","status":"WAIT_BUYER_PAY","no_shipping":true,"orders":{"order":[{"oid":%s1,"num":1}]}}'),
	('list', '{"tid":%s,"modified":"2026-01-02 11:00:00","status":"WAIT_SELLER_SEND_GOODS","trade_from":"WAP","has_buyer_message":false,"orders":{"order":[{"oid":%s1,"num":1,"title":"t"}]}}'),
	('details', '{"tid":%s,"modified":"2026-01-02 11:00:00","status":"WAIT_SELLER_SEND_GOODS","trade_from":"WAP","seller_memo":"m","orders":{"order":[{"oid":%s1,"num":1,"title":"t","order_from":"WAP"}]}}');
CREATE TEMP TABLE arrival ON COMMIT DROP AS
SELECT pg_temp.put(r.source, format(r.body, p.tid, p.tid))
FROM (VALUES (31, 1, 'increment'), (31, 2, 'list'), (31, 3, 'details'), (32, 1, 'details'), (32, 2, 'list'), (32, 3, 'increment'), (33, 1, 'list'), (33, 2, 'increment'), (33, 3, 'details'), (34, 1, 'details'), (34, 2, 'increment'), (34, 3, 'list')) AS p (tid, step, source)
JOIN record r ON r.source = p.source
ORDER BY p.tid, p.step;
SELECT is((SELECT count(DISTINCT (status, trade_from, seller_memo, has_buyer_message, modified, line_count)) FROM ordersync.orders WHERE tid BETWEEN 31 AND 34), 1::bigint, 'columns do not depend on the order of arrival');
SELECT pg_temp.mark();
SELECT is(pg_temp.put(r.source, format(r.body, t, t)), '0/0/1', format('replay of %s on %s', r.source, t))
FROM record r, generate_series(31, 34) AS t;
SELECT pg_temp.untouched('a replay of everything');

-- the lifecycle
SELECT is(pg_temp.put('increment', '{"tid":41,"modified":"2026-01-03 10:00:00","status":"WAIT_BUYER_PAY","payment":"10.00","orders":{"order":[{"oid":411,"refund_status":"NO_REFUND"},{"oid":412,"refund_status":"NO_REFUND"}]}}'), '1/0/0', 'an order is placed');
SELECT is(pg_temp.put('increment', '{"tid":41,"modified":"2026-01-03 11:00:00","status":"WAIT_SELLER_SEND_GOODS","pay_time":"2026-01-03 10:59:00","payment":"9.00","orders":{"order":[{"oid":411,"refund_status":"NO_REFUND"},{"oid":412,"refund_status":"NO_REFUND"}]}}'), '0/1/0', 'paid');
SELECT is(pg_temp.put('increment', '{"tid":41,"modified":"2026-01-03 12:00:00","status":"TRADE_FINISHED","pay_time":"2026-01-03 10:59:00","consign_time":"2026-01-03 11:30:00","end_time":"2026-01-03 12:00:00","payment":"9.00","orders":{"order":[{"oid":411,"refund_status":"NO_REFUND"},{"oid":412,"refund_status":"WAIT_SELLER_AGREE"}]}}'), '0/1/0', 'sent and finished between two looks, a refund asked for');
SELECT is(pg_temp.put('increment', '{"tid":41,"modified":"2026-01-03 12:00:01","status":"TRADE_FINISHED","pay_time":"2026-01-03 10:59:00","consign_time":"2026-01-03 11:30:00","end_time":"2026-01-03 12:00:00","payment":"9.00","buyer_rate":true,"orders":{"order":[{"oid":411,"refund_status":"NO_REFUND"},{"oid":412,"refund_status":"WAIT_SELLER_AGREE"}]}}'), '0/1/0', 'rated');
SELECT results_eq(
	$$SELECT object, id, field, old_value, new_value, platform_time FROM ordersync.order_changes WHERE tid = 41 ORDER BY platform_time, object, field$$,
	$$VALUES ('order', 41::bigint, 'first_seen', NULL, 'WAIT_BUYER_PAY', '2026-01-03 02:00:00+00'::timestamptz),
		('order', 41, 'pay_time', NULL, '2026-01-03 10:59:00', '2026-01-03 03:00:00+00'),
		('order', 41, 'payment', '10.00', '9.00', '2026-01-03 03:00:00+00'),
		('order', 41, 'status', 'WAIT_BUYER_PAY', 'WAIT_SELLER_SEND_GOODS', '2026-01-03 03:00:00+00'),
		('order', 41, 'consign_time', NULL, '2026-01-03 11:30:00', '2026-01-03 04:00:00+00'),
		('order', 41, 'end_time', NULL, '2026-01-03 12:00:00', '2026-01-03 04:00:00+00'),
		('order', 41, 'status', 'WAIT_SELLER_SEND_GOODS', 'TRADE_FINISHED', '2026-01-03 04:00:00+00'),
		('sub_order', 412, 'refund_status', 'NO_REFUND', 'WAIT_SELLER_AGREE', '2026-01-03 04:00:00+00')$$,
	'one row when first seen and one a change');
SELECT results_eq($$SELECT DISTINCT run_id, task_id, changed_in = pg_current_xact_id() FROM ordersync.order_changes WHERE tid = 41$$, $$VALUES (70::bigint, 700::bigint, true)$$, 'with run, task and transaction');

-- after-sales by the same rules
SELECT is(pg_temp.put_refund('list', '{"refund_id":"51","tid":41,"oid":412,"modified":"2026-01-03 12:00:00","created":"2026-01-03 12:00:00","status":"WAIT_SELLER_AGREE","refund_fee":"5.00","reason":"r","desc":"d","sku":"123|red","operation_contraint":"null","refund_version":1767412800000}'), '1/0/0', 'a refund with its id as text');
SELECT results_eq($$SELECT tid, oid, status, refund_fee, refunded_amount, refunded_at, description, sku_id, operation_contraint, created_date, refund_version FROM ordersync.after_sales WHERE refund_id = 51$$,
	$$VALUES (41::bigint, 412::bigint, 'WAIT_SELLER_AGREE', 5.00, 0.00, NULL::timestamptz, 'd', 123::bigint, NULL, '2026-01-03'::date, 1767412800000)$$, 'its columns');
SELECT is(pg_temp.put_refund('details', '{"refund_id":51,"tid":41,"oid":412,"modified":"2026-01-03 12:00:00","created":"2026-01-03 12:00:00","status":"WAIT_SELLER_AGREE","refund_fee":"5.00","reason":"r","desc":"d","sku":"123|red","operation_contraint":"null","refund_version":1767412800000,"cs_status":1,"num_iid":77,"price":"5.00","refund_remind_timeout":{"exist_timeout":true,"timeout":"2026-01-05 12:00:00"}}'), '0/1/0', 'its whole record');
SELECT results_eq($$SELECT cs_status, num_iid, price, timeout FROM ordersync.after_sales WHERE refund_id = 51$$, $$VALUES (1, 77::bigint, 5.00, '2026-01-05 04:00:00+00'::timestamptz)$$, 'adds to it');
SELECT pg_temp.mark();
SELECT is(pg_temp.put_refund('list', '{"refund_id":51,"tid":41,"oid":412,"modified":"2026-01-03 12:00:00","created":"2026-01-03 12:00:00","status":"WAIT_SELLER_AGREE","refund_fee":"5.00"}'), '0/0/1', 'a poorer record of the same age does not thin it');
SELECT is(pg_temp.put_refund('details', '{"refund_id":51,"modified":"2026-01-03 11:00:00","status":"CLOSED"}'), '0/0/1', 'an older one neither');
SELECT pg_temp.untouched('poorer and older refunds');
SELECT is(pg_temp.put_refund('list', '{"refund_id":51,"tid":41,"oid":412,"modified":"2026-01-04 12:00:00","created":"2026-01-03 12:00:00","status":"SUCCESS","refund_fee":"5.00"}'), '0/1/0', 'refunded');
SELECT is(pg_temp.put_refund('list', '{"refund_id":51,"tid":41,"oid":412,"modified":"2026-01-06 12:00:00","created":"2026-01-03 12:00:00","status":"SUCCESS","refund_fee":"5.00","reason":"x"}'), '0/1/0', 'and changed once more');
SELECT results_eq($$SELECT refunded_at, refunded_date, refunded_amount, reason, description, cs_status, num_iid FROM ordersync.after_sales WHERE refund_id = 51$$,
	$$VALUES ('2026-01-04 04:00:00+00'::timestamptz, '2026-01-04'::date, 5.00, 'x', NULL, 1, 77::bigint)$$, 'refunded when first seen so; what the list does not serve is kept');
SELECT results_eq($$SELECT object, id, tid, field, old_value, new_value FROM ordersync.order_changes WHERE object = 'after_sale' ORDER BY change_id$$,
	$$VALUES ('after_sale', 51::bigint, 41::bigint, 'first_seen', NULL, 'WAIT_SELLER_AGREE'), ('after_sale', 51, 41, 'status', 'WAIT_SELLER_AGREE', 'SUCCESS')$$, 'its lifecycle');
SELECT is(pg_temp.put_refund('special', '{"refund_id":52,"tid":41,"oid":411,"modified":"2026-01-04 12:00:00","status":"SUCCESS","refund_fee":"1.00","special_refund_type":"priceProtect"}'), '1/0/0', 'price protection comes from a list of its own');
SELECT is((SELECT refunded_amount FROM ordersync.after_sales WHERE refund_id = 52), 1.00, 'and is money given back');
SELECT is(pg_temp.put_refund('list', '{"refund_id":53,"tid":41,"oid":412,"modified":"2026-01-04 12:00:00","status":"CLOSED","refund_fee":"ten","num":"x","refund_remind_timeout":{"timeout":"soon"},"tid_str":1}'), '1/0/0', 'a refund with unreadable values is stored');
SELECT bag_eq($$SELECT stream, column_name, value FROM ordersync.quarantine WHERE record_id = 53$$, $$VALUES ('after_sales', 'refund_fee', 'ten'), ('after_sales', 'num', 'x'), ('after_sales', 'timeout', 'soon')$$, 'they are noted');
SELECT results_eq($$SELECT closed_at, refunded_at, refunded_amount FROM ordersync.after_sales WHERE refund_id = 53$$, $$VALUES ('2026-01-04 04:00:00+00'::timestamptz, NULL::timestamptz, 0.00)$$, 'closed when first seen so');
SELECT results_eq($$SELECT * FROM ordersync.apply_after_sales(7, 'list', 1, 1, '{}', '{}', '{}', '{}')$$, $$VALUES (0, 0, 0)$$, 'an empty page of refunds is nothing');
SELECT throws_ok($$SELECT * FROM ordersync.apply_after_sales(7, 'guess', 1, 1, '{}', '{}', '{}', '{}')$$, '22023', 'unrecognized source of after-sales "guess"', 'an unknown source is an error');

SELECT * FROM finish();
ROLLBACK;
