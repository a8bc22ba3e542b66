-- ordersync_compare(): a puller's table with each fault planted by hand beside the truth. Each is named once, by its name, and
-- nothing else is; a copy without faults has no difference.
BEGIN;
SELECT plan(97);
SET LOCAL client_min_messages = warning;
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'UTC';
INSERT INTO ordersync.gateways (name, base_url, app_key, protocol, sign_method) VALUES ('g', 'https://example.invalid', '1', 'top', 'md5');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES (7, '店七', '{店七,旧店七}', 'g'), (8, '店八', '{店八}', 'g');

-- --- the truth: October, 31 days of ten orders of shop 7, three a day of shop 8, with one line each; an after-sale of every tenth

CREATE FUNCTION pg_temp.tid(i integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 1347456243421000949 + i * 10007 $$;
CREATE FUNCTION pg_temp.at(i integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT '2026-10-01 09:00:00+08'::timestamptz + i / 10 * interval '1 day' + i % 10 * interval '61 minutes 7 seconds'
$$;
INSERT INTO ordersync.orders (shop_id, tid, seller_nick, type, status, created, pay_time, paid_at, end_time, modified, payment, paid_amount, post_fee,
	total_fee, received_payment, line_count)
SELECT 7, pg_temp.tid(i), '店七', CASE WHEN i % 100 = 57 THEN 'tmall_i18n' WHEN i % 10 = 3 THEN 'step' ELSE 'fixed' END,
	CASE i % 10 WHEN 8 THEN 'TRADE_CLOSED_BY_TAOBAO' WHEN 9 THEN 'WAIT_BUYER_PAY' WHEN 7 THEN 'WAIT_SELLER_SEND_GOODS' ELSE 'TRADE_FINISHED' END,
	pg_temp.at(i), p.paid_at, p.paid_at, CASE WHEN i % 10 < 7 THEN pg_temp.at(i) + interval '9 days' END, pg_temp.at(i) + interval '9 days 1 hour',
	-- every tenth was refunded in part
	CASE WHEN i % 10 = 0 THEN 100.37 ELSE 152.37 END, CASE WHEN p.paid_at IS NOT NULL THEN 152.37 END, 12.00, 190.55, 77.10, 2
FROM generate_series(0, 309) i, LATERAL (SELECT CASE WHEN i % 10 < 8 THEN pg_temp.at(i) + interval '5 minutes' END) p (paid_at);
INSERT INTO ordersync.orders (shop_id, tid, seller_nick, type, status, created, pay_time, paid_at, modified, payment, paid_amount, post_fee, total_fee, line_count)
SELECT 8, pg_temp.tid(1000 + i), '店八', 'fixed', 'TRADE_FINISHED', pg_temp.at(i * 3), pg_temp.at(i * 3), pg_temp.at(i * 3), pg_temp.at(i * 3), 8.80, 8.80, 0, 8.80, 1
FROM generate_series(0, 99) i;
-- the day before and the day after are no matter of October
INSERT INTO ordersync.orders (shop_id, tid, type, status, created, modified, payment) VALUES
	(7, pg_temp.tid(2000), 'fixed', 'TRADE_FINISHED', '2026-09-30 23:59:59+08', '2026-09-30 23:59:59+08', 1), (7, pg_temp.tid(2001), 'fixed', 'TRADE_FINISHED', '2026-11-01 00:00:00+08', '2026-11-01 00:00:00+08', 1);
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, trade_type, trade_status, status, created, pay_time, paid_at, modified, payment, paid_amount, divide_order_fee, total_fee, price, num)
SELECT o.shop_id, o.tid + n, o.tid, o.type, o.status, o.status, o.created, o.pay_time, o.paid_at, o.modified, 70, 69.50, 69.50, 71, 71, 1
FROM ordersync.orders o, generate_series(1, o.line_count) n;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, dispute_type, special_refund_type, created, modified, refund_fee, refunded_amount, payment)
SELECT 7, o.tid + 5, o.tid, o.tid + 1, CASE WHEN i % 20 = 0 THEN 'SUCCESS' ELSE 'CLOSED' END, 'REFUND', CASE WHEN i = 100 THEN 'priceProtect' END, o.created + interval '1 hour', o.created + interval '2 hours',
	52, CASE WHEN i % 20 = 0 THEN 52 ELSE 0 END, 18
FROM ordersync.orders o JOIN generate_series(0, 309, 10) i ON o.tid = pg_temp.tid(i)
WHERE o.shop_id = 7;
-- read whole by creation, and after-sales by modification, up to the 25th
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT s, k, b, '{[2026-10-01 00:00+08,2026-10-26 00:00+08)}'
FROM unnest('{7,8}'::integer[]) s, (VALUES ('orders', 'created'), ('after_sales', 'modified'), ('special_refunds', 'modified'), ('after_sales', 'arrival')) c (k, b);
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, verdict, began_at)
SELECT o.shop_id, 'orders', 'created', tstzrange(ordersync_day(o.created_date), ordersync_day(o.created_date + 1)), count(*), count(*), 'counted', '2026-11-10'
FROM ordersync.orders o
WHERE o.created_date BETWEEN '2026-10-01' AND '2026-10-25'
GROUP BY o.shop_id, o.created_date;

CREATE TEMP TABLE truth AS
SELECT o.tid, o.seller_nick, o.status, o.payment, o.paid_amount, o.post_fee, o.created, o.modified, o.pay_time, o.end_time, o.line_count
FROM ordersync.orders o;
CREATE TEMP TABLE theirs AS SELECT * FROM truth;
CREATE FUNCTION pg_temp.i(id bigint) RETURNS integer LANGUAGE sql AS $$ SELECT ((id - 1347456243421000949) / 10007)::integer $$;
CREATE FUNCTION pg_temp.found(shop bigint DEFAULT 7) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', difference, pg_temp.i(id)) FROM ordersync_compare('theirs', '2026-10-01', '2026-11-01', shop)
$$;
-- one at a time: what it does, and the name by which each of these orders must be found, and no other
CREATE FUNCTION pg_temp.plants(name text, orders integer[], sql text, also text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text[];
	right_ones text[] := ARRAY(SELECT e FROM (SELECT name || ' ' || i AS e FROM unnest(orders) i UNION ALL SELECT unnest(also)) e ORDER BY e COLLATE "C");
BEGIN
	EXECUTE sql USING orders;
	said := ARRAY(SELECT f FROM pg_temp.found() f ORDER BY f COLLATE "C");
	TRUNCATE theirs;
	INSERT INTO theirs SELECT * FROM truth;
	RETURN is(said, right_ones, concat_ws(', with ', name, nullif(array_to_string(also, ' '), '')));
END $$;

SELECT is_empty('SELECT * FROM pg_temp.found()', 'a copy without faults');
SELECT is_empty('SELECT * FROM pg_temp.found(NULL)', 'of all shops');

-- --- one fault at a time

CREATE FUNCTION pg_temp.p(a integer[]) RETURNS bigint[] LANGUAGE sql AS $$ SELECT array_agg(pg_temp.tid(i)) FROM unnest(a) i $$;
SELECT pg_temp.plants(n, o, s, a) FROM (VALUES
	('only_ours', '{1,2,14,120}'::integer[], 'DELETE FROM theirs WHERE tid = ANY (pg_temp.p($1))', '{}'::text[]),
	('only_ours_never_paid', '{8,19,208}', 'DELETE FROM theirs WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('only_ours_type', '{57,157,257}', 'DELETE FROM theirs WHERE tid = ANY (pg_temp.p($1))', '{}'),
	-- one of a type that theirs has is lost, not left out
	('only_ours', '{57,157}', 'DELETE FROM theirs WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('only_ours_newer', '{298,299,300,301,302,303,304,305,306,307,308,309}', 'DELETE FROM theirs WHERE created >= pg_temp.at(298)', '{}'),
	('only_ours_late', '{33,34}', $$INSERT INTO ordersync.repairs (shop_id, stream, record_id, reason) SELECT 7, 'orders', unnest(pg_temp.p($1 || 36)), 'arrival'; DELETE FROM theirs WHERE tid = ANY (pg_temp.p('{33,34}'))$$, '{}'),
	('only_theirs', '{5001,5002}', $$INSERT INTO theirs SELECT pg_temp.tid(i), '店七', 'TRADE_FINISHED', 1, 1, 0, '2026-10-05 12:00+08', '2026-10-05 12:00+08' FROM unnest($1) i$$, '{}'),
	('only_theirs_day_not_proven', '{5003,5004}', $$INSERT INTO theirs SELECT pg_temp.tid(i), '店七', 'TRADE_FINISHED', 1, 1, 0, '2026-10-27 12:00+08', '2026-10-27 12:00+08' FROM unnest($1) i$$, '{}'),
	('only_theirs_other_shop', '{1001,1002}', $$UPDATE theirs SET seller_nick = '店七' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('only_theirs_quarantined', '{5005}', $$INSERT INTO ordersync.quarantine (shop_id, stream, record_id, reason, digest) SELECT 7, 'orders', pg_temp.tid(5005), 'nul', '\x00';
		INSERT INTO theirs SELECT pg_temp.tid(i), '店七', 'TRADE_FINISHED', 1, 1, 0, '2026-10-05 12:00+08', '2026-10-05 12:00+08' FROM unnest('{5005}'::integer[]) i$$, '{}'),
	('only_theirs_deleted_here', '{5006}', $$INSERT INTO ordersync.order_payloads (shop_id, tid, rank, sources, modified) SELECT 7, pg_temp.tid(5006), 1, 1, now();
		INSERT INTO theirs SELECT pg_temp.tid(i), '店七', 'TRADE_FINISHED', 1, 1, 0, '2026-10-05 12:00+08', '2026-10-05 12:00+08' FROM unnest('{5006}'::integer[]) i$$, '{}'),
	-- as a double has it, as JavaScript prints that, as a spreadsheet keeps it
	('id_rounded', '{11,12,113}', 'UPDATE theirs SET tid = tid::float8::bigint WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('id_rounded', '{11,12,113}', 'UPDATE theirs SET tid = tid::float8::text::numeric::bigint WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('id_rounded', '{21,222}', 'UPDATE theirs SET tid = tid / 10000 * 10000 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('id_rounded', '{31}', 'INSERT INTO theirs SELECT tid::float8::bigint, seller_nick, status, payment, paid_amount, post_fee, created, modified FROM theirs WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('id_duplicate', '{41,42}', 'INSERT INTO theirs SELECT * FROM theirs WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('id_duplicate', '{43,44}', $$INSERT INTO theirs SELECT t.* FROM theirs t, generate_series(1, 2) WHERE tid = ANY (pg_temp.p($1)); UPDATE theirs SET modified = modified - interval '1 hour', status = 'WAIT_BUYER_PAY'
		WHERE ctid IN (SELECT max(ctid) FROM theirs WHERE tid = ANY (pg_temp.p('{43,44}')) GROUP BY tid)$$, '{}'),
	('id_unreadable', '{}', $$INSERT INTO theirs (created) VALUES ('2026-10-03')$$, '{id_unreadable}'),
	('stale_in_theirs', '{51,52,58}', $$UPDATE theirs SET modified = modified - interval '3 hours 20 minutes', status = 'WAIT_SELLER_SEND_GOODS', end_time = NULL, payment = payment + 7 WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('stale_in_theirs', '{53}', $$UPDATE theirs SET modified = modified - interval '1 second' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('older_in_ours', '{54,59}', $$UPDATE theirs SET modified = modified + interval '1 second', status = 'TRADE_CLOSED' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('status', '{55,56}', $$UPDATE theirs SET status = 'TRADE_CLOSED' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('status', '{61}', $$UPDATE theirs SET status = '完结' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('time_zone', '{71,72,79}', $$UPDATE theirs SET created = created - interval '8 hours', modified = modified - interval '8 hours', pay_time = pay_time - interval '8 hours', end_time = end_time - interval '8 hours' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('time_zone', '{73,74}', $$UPDATE theirs SET pay_time = pay_time + interval '8 hours' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('time_zone', '{75}', $$UPDATE theirs SET created = created + interval '5 hours' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	-- on the last evening it is November there, on the first day September
	('time_zone', '{0,309}', $$UPDATE theirs SET created = created + interval '8 hours' * CASE WHEN tid = pg_temp.tid(0) THEN -1 ELSE 1 END WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('time', '{76,77}', $$UPDATE theirs SET pay_time = pay_time + interval '3 minutes' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('time', '{78}', $$UPDATE theirs SET created = created + interval '1 second' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	('amount_before_refunds', '{10,20,110}', 'UPDATE theirs SET payment = paid_amount WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_after_refunds', '{10,20,110}', 'UPDATE theirs SET paid_amount = payment WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_not_paid', '{8,9,108}', 'UPDATE theirs SET paid_amount = payment WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_in_cents', '{81,82}', 'UPDATE theirs SET payment = payment * 100, post_fee = post_fee * 100 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_rounded', '{83}', 'UPDATE theirs SET payment = 152.36 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_rounded', '{84,85}', 'UPDATE theirs SET payment = trunc(payment) WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_rounded', '{86}', 'UPDATE theirs SET payment = 152.4 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_other_column', '{87}', 'UPDATE theirs SET payment = 190.55 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount_other_column', '{91,92}', 'UPDATE theirs SET payment = payment - post_fee WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('amount', '{93,94}', 'UPDATE theirs SET payment = payment + 3, paid_amount = paid_amount + 3 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('value_missing', '{95,96}', 'UPDATE theirs SET payment = NULL, pay_time = NULL WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('lines_missing', '{101,102}', 'UPDATE theirs SET line_count = 1 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('lines_surplus', '{103}', 'UPDATE theirs SET line_count = 3 WHERE tid = ANY (pg_temp.p($1))', '{}'),
	('wrong_shop', '{104,105}', $$UPDATE theirs SET seller_nick = '店八' WHERE tid = ANY (pg_temp.p($1))$$, '{}'),
	-- several at once
	('time_zone', '{121,122}', $$UPDATE theirs SET created = created - interval '8 hours', modified = modified - interval '9 hours', status = 'WAIT_BUYER_PAY' WHERE tid = ANY (pg_temp.p($1))$$, '{stale_in_theirs 121,stale_in_theirs 122}'),
	('time_zone', '{123}', $$UPDATE theirs SET created = created - interval '8 hours', modified = modified - interval '8 hours', payment = payment * 100, line_count = 1 WHERE tid = ANY (pg_temp.p($1))$$, '{amount_in_cents 123,lines_missing 123}'),
	('id_duplicate', '{124}', $$UPDATE theirs SET modified = modified - interval '2 hours', end_time = NULL WHERE tid = ANY (pg_temp.p($1)); INSERT INTO theirs SELECT * FROM theirs WHERE tid = pg_temp.tid(124)$$, '{stale_in_theirs 124}'),
	('amount_in_cents', '{125}', $$UPDATE theirs SET payment = payment * 100, post_fee = 12.01, status = 'TRADE_CLOSED' WHERE tid = ANY (pg_temp.p($1))$$, '{amount_rounded 125,status 125}'),
	('only_ours', '{1,2}', $$DELETE FROM theirs WHERE tid = ANY (pg_temp.p($1)); UPDATE theirs SET tid = tid::float8::bigint WHERE tid = pg_temp.tid(4); UPDATE theirs SET status = 'paid' WHERE tid = pg_temp.tid(7); UPDATE theirs SET status = 'shipped' WHERE tid = pg_temp.tid(17)$$, '{id_rounded 4,status 17}')
) AS t (n, o, s, a);

-- --- what a row says

UPDATE theirs SET created = created - interval '8 hours', modified = modified - interval '9 hours', status = 'WAIT_BUYER_PAY', payment = payment * 100 WHERE tid = pg_temp.tid(120);
DELETE FROM theirs WHERE tid IN (pg_temp.tid(121), pg_temp.tid(303));
INSERT INTO theirs SELECT pg_temp.tid(5010), '店七', 'TRADE_FINISHED', 1, 1, 0, '2026-10-27 12:00+08', '2026-10-27 12:00+08';
INSERT INTO theirs SELECT * FROM theirs WHERE tid = pg_temp.tid(130);
SELECT results_eq($$SELECT difference, shop, tid, explanation, command FROM ordersync_compare('theirs', '2026-10-01', '2026-11-01', 7) ORDER BY tid, difference$$, $$VALUES
	('amount_in_cents', 7::bigint, 1347456243422201789, 'theirs has cents, ours yuan: payment', 'SELECT jsonb_pretty(ordersync_order(7, 1347456243422201789));'),
	('stale_in_theirs', 7, 1347456243422201789, 'theirs has an older version: modified 2026-10-22 01:00:00, here 2026-10-22 10:00:00; status WAIT_BUYER_PAY, here TRADE_FINISHED', 'SELECT jsonb_pretty(ordersync_order(7, 1347456243422201789));'),
	('time_zone', 7, 1347456243422201789, 'times of theirs are whole hours off: they were taken for another zone''s: created by -8 hours', 'SELECT jsonb_pretty(ordersync_order(7, 1347456243422201789));'),
	('only_ours', 7, 1347456243422211796, 'theirs has lost it', 'SELECT ordersync_trigger_order(7, 1347456243422211796);'),
	('only_ours', 7, 1347456243424033070, 'theirs has lost it', 'SELECT ordersync_trigger_order(7, 1347456243424033070);'),
	('only_theirs_day_not_proven', 7, 1347456243471136019, 'its day was not read whole here: 2026-10-27 is not read', 'SELECT ordersync_trigger_full(7, ordersync_day(''2026-10-27''), ordersync_day(''2026-10-28''));'),
	('id_duplicate', NULL, NULL, 'theirs has it more than once; the newest is compared: 2 rows', 'SELECT x.* FROM theirs x WHERE x.tid::bigint = 1347456243422301859;')$$,
	'why, and what to type next');
SELECT results_eq($$SELECT their_values - '{seller_nick,paid_amount,post_fee,line_count}'::text[], our_values - '{paid_amount,post_fee,line_count}'::text[] FROM ordersync_compare('theirs', '2026-10-01', '2026-11-01', 7) WHERE difference = 'time_zone'$$,
	$$VALUES ('{"tid": "1347456243422201789", "created": "2026-10-13 01:00:00", "modified": "2026-10-22 01:00:00", "pay_time": "2026-10-13 09:05:00", "end_time": "2026-10-22 09:00:00", "status": "WAIT_BUYER_PAY", "payment": 10037.00}'::jsonb,
	'{"tid": "1347456243422201789", "created": "2026-10-13 09:00:00", "modified": "2026-10-22 10:00:00", "pay_time": "2026-10-13 09:05:00", "end_time": "2026-10-22 09:00:00", "status": "TRADE_FINISHED", "payment": 100.37}'::jsonb)$$,
	'the values of both: ids as text, times as in Asia/Shanghai');
SELECT results_eq($$SELECT difference, records, examples, explanation, command FROM ordersync_compare_summary('theirs', '2026-10-01', '2026-11-01', 7)$$, $$VALUES
	('only_ours', 2::bigint, '{1347456243422211796,1347456243424033070}'::bigint[], 'theirs has lost it', 'SELECT ordersync_trigger_order(7, 1347456243422211796);'),
	('amount_in_cents', 1, '{1347456243422201789}', 'theirs has cents, ours yuan', 'SELECT jsonb_pretty(ordersync_order(7, 1347456243422201789));'),
	('id_duplicate', 1, '{1347456243422301859}', 'theirs has it more than once; the newest is compared', 'SELECT x.* FROM theirs x WHERE x.tid::bigint = 1347456243422301859;'),
	('only_theirs_day_not_proven', 1, '{1347456243471136019}', 'its day was not read whole here', 'SELECT ordersync_trigger_full(7, ordersync_day(''2026-10-27''), ordersync_day(''2026-10-28''));'),
	('stale_in_theirs', 1, '{1347456243422201789}', 'theirs has an older version', 'SELECT jsonb_pretty(ordersync_order(7, 1347456243422201789));'),
	('time_zone', 1, '{1347456243422201789}', 'times of theirs are whole hours off: they were taken for another zone''s', 'SELECT jsonb_pretty(ordersync_order(7, 1347456243422201789));')$$,
	'the summary');
TRUNCATE theirs;
INSERT INTO theirs SELECT * FROM truth;
UPDATE theirs SET modified = modified + interval '1 hour' WHERE tid IN (pg_temp.tid(1), pg_temp.tid(2));
SELECT is((SELECT command FROM ordersync_compare_summary('theirs', '2026-10-01', '2026-11-01', 7)), $$CALL ordersync_sync(7, 'incremental');$$, 'one command for many');
SELECT is_empty($$SELECT m.difference FROM ordersync.compare_meanings() m GROUP BY m.difference HAVING count(*) > 1$$, 'each name has one meaning');

-- --- a shop that theirs has not

DELETE FROM theirs WHERE seller_nick = '店八' OR modified = created;
UPDATE theirs SET modified = modified - interval '1 hour' WHERE tid IN (pg_temp.tid(1), pg_temp.tid(2));
SELECT results_eq($$SELECT difference, count(*), min(shop), max(shop) FROM ordersync_compare('theirs', '2026-10-01', '2026-11-01') GROUP BY 1$$,
	$$VALUES ('only_ours_shop', 100::bigint, 8::bigint, 8::bigint)$$, 'a shop that theirs has nothing of');
-- without the seller's name
CREATE TEMP VIEW nameless AS SELECT tid, created FROM truth;
SELECT is_empty($$SELECT * FROM ordersync_compare('nameless', '2026-10-01', '2026-11-01')$$, 'all shops, without the seller');
SELECT is_empty($$SELECT * FROM ordersync_compare('nameless', '2026-10-01', '2026-11-01', 7)$$, 'what is stored of another shop is no matter of this one');
INSERT INTO theirs (tid, seller_nick, created, modified) VALUES (77, '店九', '2026-10-05 12:00+08', '2026-10-05 12:00+08');
SELECT results_eq($$SELECT difference, id, explanation FROM ordersync_compare('theirs', '2026-10-01', '2026-11-01') WHERE shop IS NULL$$,
	$$VALUES ('only_theirs_unknown_shop', 77::bigint, 'its seller is no shop here: 店九')$$, 'a seller who is no shop here');
SELECT is_empty($$SELECT * FROM ordersync_compare('theirs', '2026-10-01', '2026-11-01', 7) WHERE id = 77$$, 'nor is another seller''s');
DELETE FROM theirs WHERE tid = 77;

-- --- as pullers store it

CREATE TEMP TABLE texts AS
SELECT tid::text AS order_no, CASE status WHEN 'TRADE_FINISHED' THEN '交易成功' ELSE ordersync_order_status(status) END AS state, payment::float8 AS amount, extract(epoch FROM created)::bigint AS ts,
	to_char(modified AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') AS changed, pay_time AT TIME ZONE 'Asia/Shanghai' AS paid, to_char(end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.000"Z"') AS ended
FROM truth;
PREPARE texts AS SELECT difference, pg_temp.i(id), their_values FROM ordersync_compare('texts', '2026-10-01', '2026-11-01', NULL,
	'{"tid": "order_no", "status": "state", "payment": "amount", "created": "ts", "modified": "changed", "pay_time": "paid", "end_time": "ended"}') ORDER BY 2, 1;
SELECT is_empty('texts', 'text, double, seconds, no zone, names of stages: the same');
UPDATE texts SET changed = '0000-00-00 00:00:00', ended = '' WHERE order_no = pg_temp.tid(28)::text;
UPDATE texts SET changed = '03/10/2026', amount = 'NaN' WHERE order_no = pg_temp.tid(29)::text;
UPDATE texts SET order_no = order_no::float8::text, amount = amount + 1e-7 WHERE order_no = pg_temp.tid(30)::text;
UPDATE texts SET amount = amount + 1e-7 WHERE order_no = pg_temp.tid(31)::text;
UPDATE texts SET order_no = 'T-1' WHERE order_no = pg_temp.tid(32)::text;
UPDATE texts SET changed = to_char(changed::timestamp - interval '8 hours', 'YYYY-MM-DD HH24:MI:SS') WHERE order_no = pg_temp.tid(34)::text;
CREATE TEMP TABLE said AS SELECT difference, pg_temp.i(id) AS i, their_values FROM ordersync_compare('texts', '2026-10-01', '2026-11-01', 7,
	'{"tid": "order_no", "status": "state", "payment": "amount", "created": "ts", "modified": "changed", "pay_time": "paid", "end_time": "ended"}');
SELECT results_eq('SELECT difference, i FROM said ORDER BY i, difference', $$VALUES ('value_missing', 28), ('amount', 29), ('value_unreadable', 29),
	('id_rounded', 30), ('amount_imprecise', 31), ('only_ours', 32), ('time_zone', 34), ('id_unreadable', NULL)$$, 'what cannot be read is told, and ends nothing');
SELECT is((SELECT their_values ->> 'modified' FROM said WHERE difference = 'value_unreadable'), '03/10/2026', 'with what stands there');
SELECT is((SELECT their_values ->> 'tid' FROM said WHERE difference = 'id_unreadable'), 'T-1', 'also of an id');
CREATE TEMP TABLE days AS SELECT tid, (created AT TIME ZONE 'Asia/Shanghai')::date AS created, payment::real AS payment, (extract(epoch FROM modified) * 1000)::bigint AS modified FROM truth;
SELECT is_empty($$SELECT * FROM ordersync_compare('days', '2026-10-01', '2026-11-01')$$, 'days, milliseconds and single precision: the same');
-- times without an end, and of a year that no order is of
CREATE TEMP TABLE endless AS SELECT tid, created, modified, pay_time AT TIME ZONE 'Asia/Shanghai' AS pay_time, (end_time AT TIME ZONE 'Asia/Shanghai')::date AS end_time FROM truth;
UPDATE endless SET created = 'infinity' WHERE tid = pg_temp.tid(1);
UPDATE endless SET modified = '-infinity' WHERE tid = pg_temp.tid(2);
UPDATE endless SET pay_time = 'infinity' WHERE tid = pg_temp.tid(3);
UPDATE endless SET pay_time = '4713-01-01 BC' WHERE tid = pg_temp.tid(4);
UPDATE endless SET end_time = '5874897-12-31' WHERE tid = pg_temp.tid(5);
SELECT results_eq($$SELECT difference, pg_temp.i(id), explanation ~ (ARRAY['created', 'modified', 'pay_time', 'pay_time', 'end_time'])[pg_temp.i(id)] FROM ordersync_compare('endless', '2026-10-01', '2026-11-01', 7) ORDER BY 2$$,
	$$SELECT 'value_missing', i, true FROM generate_series(1, 5) i$$, 'infinite times are no times');
SELECT results_eq($$SELECT difference, records FROM ordersync_compare_summary('endless', '2026-10-01', '2026-11-01', 7)$$, $$VALUES ('value_missing', 5::bigint)$$, 'nor in the summary');
SELECT is(ordersync.compare_read_time(v), t, v) FROM (VALUES ('2026-10-01 10:00:00', '2026-10-01 10:00+08'::timestamptz), ('2026/10/01T10:00:00.123', '2026-10-01 10:00+08'), ('2026-10-01 10:00:00+0530', '2026-10-01 10:00+05:30'),
	('2026-10-01 10:00:00-08', '2026-10-01 10:00-08'), ('2026-10-01 10:00:00Z', '2026-10-01 10:00Z'), ('2026-10-01', '2026-10-01 00:00+08'), ('2026-02-30 10:00:00', NULL), ('2026-10-01 10:00:00+99', NULL), ('yesterday', NULL)) x (v, t);

-- --- lines and after-sales

CREATE TEMP TABLE lines AS SELECT oid, tid, created, modified, status, payment, paid_amount FROM ordersync.sub_orders;
SELECT is_empty($$SELECT * FROM ordersync_compare('lines', '2026-10-01', '2026-11-01', 7, kind => 'sub_orders')$$, 'lines: the same');
DELETE FROM lines WHERE oid IN (pg_temp.tid(1) + 1, pg_temp.tid(2) + 1, pg_temp.tid(2) + 2);
UPDATE lines SET payment = 69.50 WHERE oid = pg_temp.tid(3) + 1;
UPDATE lines SET tid = tid + 1 WHERE oid = pg_temp.tid(4) + 2;
UPDATE lines SET oid = oid::float8::bigint WHERE oid = pg_temp.tid(5) + 1;
INSERT INTO lines (oid, tid, created) VALUES (99, pg_temp.tid(6), '2026-10-05'), (98, pg_temp.tid(6), '2026-10-28');
SELECT results_eq($$SELECT difference, id, tid FROM ordersync_compare('lines', '2026-10-01', '2026-11-01', 7, kind => 'sub_orders') ORDER BY id$$, $$VALUES
	('only_theirs_day_not_proven', 98::bigint, 1347456243421060991), ('only_theirs', 99, 1347456243421060991),
	('only_ours', 1347456243421010957, 1347456243421010956), ('only_ours', 1347456243421020964, 1347456243421020963), ('only_ours', 1347456243421020965, 1347456243421020963),
	('amount_before_refunds', 1347456243421030971, 1347456243421030970), ('wrong_order', 1347456243421040979, 1347456243421040977), ('id_rounded', 1347456243421050985, 1347456243421050984)$$, 'lines that differ');
CREATE TEMP TABLE refunds AS SELECT refund_id, tid, created, modified, status, refund_fee, refunded_amount FROM ordersync.after_sales;
SELECT is_empty($$SELECT * FROM ordersync_compare('refunds', '2026-10-01', '2026-11-01', 7, kind => 'after_sales')$$, 'after-sales: the same');
DELETE FROM refunds WHERE refund_id IN (pg_temp.tid(50) + 5, pg_temp.tid(60) + 5, pg_temp.tid(100) + 5);
UPDATE refunds SET status = 'WAIT_SELLER_AGREE', modified = modified - interval '40 minutes' WHERE refund_id = pg_temp.tid(70) + 5;
UPDATE refunds SET refunded_amount = refund_fee WHERE refund_id = pg_temp.tid(90) + 5;
INSERT INTO refunds (refund_id, tid, created, modified) VALUES (97, pg_temp.tid(10), '2026-10-03', '2026-10-04'), (96, pg_temp.tid(10), '2026-10-03', '2026-10-28');
SELECT results_eq($$SELECT difference, id FROM ordersync_compare('refunds', '2026-10-01', '2026-11-01', 7, kind => 'after_sales') ORDER BY id$$, $$VALUES
	('only_theirs_day_not_proven', 96::bigint), ('only_theirs', 97), ('only_ours', pg_temp.tid(50) + 5), ('only_ours', pg_temp.tid(60) + 5),
	('stale_in_theirs', pg_temp.tid(70) + 5), ('amount_not_paid', pg_temp.tid(90) + 5), ('only_ours_special', pg_temp.tid(100) + 5)$$, 'after-sales that differ');

-- --- names, types, rights

CREATE FUNCTION pg_temp.refused(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE sql;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;
CREATE TEMP TABLE "Their ""Orders" ("No '%s %I $1"";--" text, "创建" timestamptz, blob bytea);
INSERT INTO "Their ""Orders" SELECT tid, created FROM truth WHERE tid <> pg_temp.tid(1);
INSERT INTO "Their ""Orders" SELECT * FROM "Their ""Orders" WHERE "创建" = pg_temp.at(2);
INSERT INTO "Their ""Orders" VALUES ('it''s %s $1', '2026-10-05 12:00+08'), ('123', NULL);
CREATE TEMP TABLE nasty AS SELECT * FROM ordersync_compare('"Their ""Orders"', '2026-10-01', '2026-11-01', 7, '{"tid": "No ''%s %I $1\";--", "created": "创建"}');
SELECT results_eq('SELECT difference, CASE WHEN id > 1000 THEN pg_temp.i(id) END, their_values ->> ''tid'' FROM nasty ORDER BY 1', $$VALUES ('id_duplicate', 2, '1347456243421020963'), ('id_unreadable', NULL, 'it''s %s $1'),
	('only_ours', 1, NULL), ('only_theirs_day_not_proven', NULL, '123')$$, 'names and values that need quotes');
CREATE FUNCTION pg_temp.rows_of(command text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE command;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
SELECT results_eq('SELECT difference, pg_temp.rows_of(command) FROM nasty WHERE difference LIKE ''id%'' ORDER BY 1', $$VALUES ('id_duplicate', 2::bigint), ('id_unreadable', 1)$$, 'and the commands that show them');
SELECT is((SELECT explanation || ' ' || command FROM nasty WHERE id = 123), 'its day was not read whole here: theirs has no time of it SELECT ordersync_trigger_order(7, 123);', 'an order without a time');
SELECT is(pg_temp.refused(sql), e, e) FROM (VALUES
	($$SELECT ordersync_compare('"Their ""Orders"', '2026-10-01', '2026-11-01')$$, '42703 | "Their ""Orders" has no column tid | Its columns: No ''%s %I $1";--, 创建, blob. | Say which column it is: columns => ''{"tid": "name of the column"}''.'),
	($$SELECT ordersync_compare('theirs', '2026-10-01', '2026-11-01', columns => '{"payment": "amount"}')$$,
		'42703 | theirs has no column amount | Its columns: tid, seller_nick, status, payment, paid_amount, post_fee, created, modified, pay_time, end_time, line_count. | Say which column it is: columns => ''{"payment": "name of the column"}''.'),
	($$SELECT ordersync_compare('"Their ""Orders"', '2026-10-01', '2026-11-01', 8, '{"tid": "No ''%s %I $1\";--", "created": "创建", "payment": "blob"}')$$,
		'42804 | column blob of "Their ""Orders" has type bytea, which cannot be compared with payment | Cast it in a view, or leave it out: columns => ''{"payment": null}''.'),
	($$SELECT ordersync_compare('theirs', '2026-10-01', '2026-11-01', columns => '{"buyer": "x"}')$$,
		'22023 | columns: "buyer" is not a column to compare with the name of one of theirs | Columns of orders: tid, created, modified, seller_nick, status, pay_time, consign_time, end_time, payment, paid_amount, post_fee, total_fee, received_payment, line_count.'),
	($$SELECT ordersync_compare('theirs', '2026-10-01', '2026-11-01', columns => '["tid"]')$$, '22023 | columns must be a JSON object | For example {"tid": "order_no", "payment": "amount", "end_time": null}: our name of a column, and theirs.'),
	($$SELECT ordersync_compare('theirs', '2026-10-01', '2026-10-01')$$, '22023 | no days to compare: since is 2026-10-01, until is 2026-10-01 | until is the day after the last one: ''2026-10-01'', ''2026-11-01'' is October.'),
	($$SELECT ordersync_compare('theirs', '2026-10-01', '2026-11-01', kind => 'refunds')$$, '22023 | unrecognized kind "refunds" | kind is orders, sub_orders or after_sales.'),
	($$SELECT ordersync_compare(NULL, '2026-10-01', '2026-11-01')$$, '22004 | theirs is NULL | It is the name of a table or view, such as ''puller.trades''.'),
	($$SELECT ordersync_compare('theirs', '2026-10-01', '2026-11-01', 6)$$, '42704 | shop 6 does not exist | SELECT shop_id, seller_nick FROM ordersync.shops shows the shops.')) x (sql, e);
SELECT is_empty($$SELECT * FROM ordersync_compare('theirs', '2026-10-01', '2026-11-01', 7, '{"end_time": null, "seller_nick": null}')$$, 'a column that is left out');

CREATE ROLE regress_reader;
CREATE ROLE regress_of_seven;
SELECT ordersync_grant('regress_reader', 'reader');
SELECT ordersync_grant('regress_of_seven', 'reader', '{7}');
CREATE SCHEMA puller;
CREATE TABLE puller.orders AS SELECT tid, created, status, modified FROM truth;
INSERT INTO puller.orders SELECT pg_temp.tid(5020), '2026-10-05 12:00+08', 'TRADE_FINISHED', '2026-10-05 12:00+08';
DELETE FROM puller.orders WHERE tid IN (pg_temp.tid(3), pg_temp.tid(1003));
SET LOCAL ROLE regress_reader;
SELECT alike(pg_temp.refused($$SELECT * FROM ordersync_compare('puller.orders', '2026-10-01', '2026-11-01')$$), '42501 | permission denied for schema puller%', 'with the caller''s rights: theirs');
RESET ROLE;
GRANT USAGE ON SCHEMA puller TO regress_reader, regress_of_seven;
GRANT SELECT ON puller.orders TO regress_reader, regress_of_seven;
SET LOCAL ROLE regress_reader;
SELECT results_eq($$SELECT difference, shop FROM ordersync_compare('puller.orders', '2026-10-01', '2026-11-01') ORDER BY tid$$, $$VALUES ('only_ours', 7::bigint), ('only_ours', 8), ('only_theirs', NULL)$$, 'a reader compares');
SELECT is((SELECT sum(records) FROM ordersync_compare_summary('puller.orders', '2026-10-01', '2026-11-01')), 3::numeric, 'and has the summary');
RESET ROLE;
SET LOCAL ROLE regress_of_seven;
SELECT is((SELECT string_agg(DISTINCT shop::text, ' ') FROM ordersync_compare('puller.orders', '2026-10-01', '2026-11-01')), '7', 'and ours: a role that is limited sees its shops only');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
