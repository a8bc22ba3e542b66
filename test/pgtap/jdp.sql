-- The push's shape: its columns, what jdp_response holds, how changes are stamped, by which index it is polled, who reads it, and
-- how it is enabled and disabled. Changes are stamped when they are committed, so this file commits.
SELECT plan(78);
SET client_min_messages = error;
SET TIME ZONE 'America/New_York';
\ir lib/put.sql
\ir ../fixtures/wire_samples.sql

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试旗舰店', 'session-7');
CREATE ROLE bi; CREATE ROLE one; CREATE ROLE nobody; CREATE ROLE stranger;
SELECT ordersync_grant('one', 'reader', '{7}');
CREATE FUNCTION pg_temp.as_role(p_role name, p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', p_role);
	BEGIN EXECUTE p_query INTO v; EXCEPTION WHEN OTHERS THEN v := SQLERRM; END;
	RESET ROLE;
	RETURN v;
END $$;
CREATE FUNCTION pg_temp.shanghai() RETURNS timestamp LANGUAGE sql AS $$ SELECT clock_timestamp() AT TIME ZONE 'Asia/Shanghai' $$;
CREATE FUNCTION pg_temp.stamp(p_tid bigint) RETURNS timestamp LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT j.jdp_modified FROM jdp.jdp_tb_trade j WHERE j.tid = p_tid); END $$;
CREATE FUNCTION pg_temp.sample(p_name text) RETURNS jsonb LANGUAGE sql AS $$ SELECT convert_from(s.body, 'UTF8')::jsonb FROM wire_sample s WHERE s.name = p_name $$;

-- --- enabled with orders that are there

SELECT is(pg_temp.put('details', pg_temp.sample('one whole order, 2014') #>> '{trade_fullinfo_get_response,trade}'), '1/0/0', 'an order as the push of 2014 had it');
SELECT is(pg_temp.put_refund('details', pg_temp.sample('refund, one whole') #>> '{refund_get_response,refund}'), '1/0/0', 'an after-sale');
SELECT lives_ok('SELECT ordersync_enable_jdp()', 'the push''s shape is enabled');
SELECT lives_ok('SELECT ordersync_enable_jdp()', 'twice is no error');

SELECT bag_eq($$SELECT c.relname::text, string_agg(a.attname || ' ' || a.atttypid::regtype, ', ' ORDER BY a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'jdp'::regnamespace GROUP BY 1$$, $$VALUES
	('jdp_tb_refund', 'refund_id bigint, seller_nick text, buyer_nick text, status text, created timestamp without time zone, tid bigint, oid bigint, modified timestamp without time zone, jdp_hashcode text, jdp_response text, jdp_created timestamp without time zone, jdp_modified timestamp without time zone'),
	('jdp_tb_trade', 'tid bigint, status text, type text, seller_nick text, buyer_nick text, created timestamp without time zone, modified timestamp without time zone, jdp_hashcode text, jdp_response text, jdp_created timestamp without time zone, jdp_modified timestamp without time zone')$$,
	'its columns, in its order');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('jdp.jdp_tb_trade'::regclass, 'jdp.jdp_tb_refund'::regclass) AND attnum > 0 AND col_description(attrelid, attnum) IS NULL$$, 'each has a comment');
SELECT is_empty($$SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'jdp'::regnamespace AND (c.relowner <> 'pg_database_owner'::regrole OR obj_description(c.oid, 'pg_class') IS NULL)$$, 'the views are the database owner''s, and say what they are');
SELECT is_empty($$SELECT m.objid FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class AND c.relnamespace = 'jdp'::regnamespace JOIN pg_depend m ON m.classid = d.refclassid AND m.objid = d.refobjid AND m.deptype = 'e'$$, 'nothing of them depends on the extension');

SELECT results_eq('SELECT tid, status, type, seller_nick, buyer_nick, created, modified, jdp_created, jdp_modified FROM jdp.jdp_tb_trade',
	$$VALUES (518073710002548, 'TRADE_FINISHED', 'fixed', '测试旗舰店', '买家**', timestamp '2014-01-15 21:40:01', timestamp '2014-02-06 15:35:43', timestamp '2014-02-06 15:35:43', timestamp '2014-02-06 15:35:43')$$,
	'an order''s row, by the clock of Asia/Shanghai; what was stored before has its modified for a stamp');
SELECT is((SELECT jdp_response::jsonb FROM jdp.jdp_tb_trade), pg_temp.sample('one whole order, 2014'), 'jdp_response is the call''s whole answer');
SELECT is((SELECT jdp_response::jsonb #> '{trade_fullinfo_get_response,trade}' FROM jdp.jdp_tb_trade), (SELECT payload FROM ordersync.order_payloads), 'that is the stored record');
SELECT results_eq('SELECT refund_id, seller_nick, status, created, tid, oid, modified, jdp_created = modified, jdp_modified = modified FROM jdp.jdp_tb_refund',
	$$SELECT a.refund_id, '测试旗舰店', a.status, a.created AT TIME ZONE 'Asia/Shanghai', a.tid, a.oid, a.modified AT TIME ZONE 'Asia/Shanghai', true, true FROM ordersync.after_sales a$$, 'an after-sale''s row');
SELECT is((SELECT jdp_response::jsonb FROM jdp.jdp_tb_refund), pg_temp.sample('refund, one whole') #- '{refund_get_response,request_id}', 'its answer, without request_id');
SELECT matches((SELECT jdp_hashcode FROM jdp.jdp_tb_trade), '^-?[0-9]{1,10}$', 'jdp_hashcode is a decimal number');
CREATE TEMP TABLE before AS SELECT jdp_hashcode AS trade, (SELECT jdp_hashcode FROM jdp.jdp_tb_refund) AS refund FROM jdp.jdp_tb_trade;

-- --- stamps

SELECT is(ordersync.stamp_jdp(), 1000, 'nothing has changed: a second later it is looked again');
BEGIN;
SELECT ordersync.stamp_jdp();
SELECT is(pg_current_xact_id_if_assigned(), NULL, 'which writes nothing');
ROLLBACK;

SELECT pg_temp.put('list', '{"tid":1,"status":"WAIT_SELLER_SEND_GOODS","type":"fixed","created":"2026-01-01 10:00:00","modified":"2026-01-02 10:00:00"}');
SELECT pg_temp.put_refund('list', '{"refund_id":21,"tid":1,"oid":1,"status":"WAIT_SELLER_AGREE","created":"2026-01-03 10:00:00","modified":"2026-01-03 10:00:00"}');
SELECT is((SELECT count(*) FROM jdp.jdp_tb_trade WHERE tid = 1), 0::bigint, 'a new order has no row before it is stamped');
SELECT is(ordersync.stamp_jdp(), 0, 'changes: it wants to be called again at once');
SELECT ok(pg_temp.stamp(1) > pg_temp.shanghai() + interval '1 second' AND pg_temp.stamp(1) < pg_temp.shanghai() + interval '10 seconds', 'the stamp lies in the future');
SELECT is(pg_temp.stamp(1), date_trunc('second', pg_temp.stamp(1)), 'in whole seconds');
SELECT ok((SELECT jdp_created = jdp_modified AND jdp_modified = pg_temp.stamp(1) FROM jdp.jdp_tb_refund WHERE refund_id = 21), 'the after-sale''s is the same: they were stamped together');
SELECT is((SELECT jdp_modified FROM jdp.jdp_tb_trade WHERE tid = 518073710002548), timestamp '2014-02-06 15:35:43', 'what did not change keeps its own');
SELECT is((SELECT confirmed FROM ordersync.jdp_state), false, 'whether it was readable in time is not known yet');
SELECT is(ordersync.stamp_jdp(), 1000, 'it was');
SELECT is((SELECT confirmed FROM ordersync.jdp_state), true, 'and that is noted');

CREATE TEMP TABLE first AS SELECT pg_temp.stamp(1) AS stamp;
SELECT pg_temp.put('list', '{"tid":1,"status":"WAIT_BUYER_CONFIRM_GOODS","type":"fixed","created":"2026-01-01 10:00:00","modified":"2026-01-04 10:00:00"}');
SELECT ordersync.stamp_jdp();
SELECT ok(pg_temp.stamp(1) > first.stamp, 'the next change has a later stamp, however soon it comes') FROM first;
SELECT is((SELECT jdp_created FROM jdp.jdp_tb_trade WHERE tid = 1), first.stamp, 'jdp_created stays') FROM first;
SELECT is((SELECT status FROM jdp.jdp_tb_trade WHERE tid = 1), 'WAIT_BUYER_CONFIRM_GOODS', 'with what it is now');

-- a line moves to another order: the one that lost it is a change, too
SELECT pg_temp.put('list', '{"tid":31,"status":"WAIT_SELLER_SEND_GOODS","modified":"2026-01-02 10:00:00","orders":{"order":[{"oid":311},{"oid":312}]}}');
SELECT ordersync.stamp_jdp();
CREATE TEMP TABLE unmoved AS SELECT pg_temp.stamp(31) AS stamp;
SELECT pg_temp.put('list', '{"tid":32,"status":"WAIT_SELLER_SEND_GOODS","modified":"2026-01-02 11:00:00","orders":{"order":[{"oid":312}]}}');
SELECT ordersync.stamp_jdp();
SELECT ok(pg_temp.stamp(31) > unmoved.stamp AND pg_temp.stamp(32) = pg_temp.stamp(31), 'an order that lost a line to another one is stamped with it') FROM unmoved;
DELETE FROM ordersync.sub_orders WHERE tid IN (31, 32); DELETE FROM ordersync.orders WHERE tid IN (31, 32); DELETE FROM ordersync.order_payloads WHERE tid IN (31, 32); DELETE FROM ordersync.jdp_trades WHERE tid IN (31, 32);

-- its commit came late, or the stamper died before it looked: as if the stamp were past
UPDATE ordersync.jdp_trades SET jdp_modified = timestamp '2026-01-04 12:00:00', jdp_created = timestamp '2026-01-04 12:00:00' WHERE tid = 1;
UPDATE ordersync.jdp_state SET stamped_until = timestamp '2026-01-04 12:00:00';
SELECT is(ordersync.stamp_jdp(), 0, 'a stamp that was readable too late is seen');
SELECT ok(pg_temp.stamp(1) > pg_temp.shanghai() + interval '4 seconds', 'its rows are stamped again, twice as far ahead');
SELECT is((SELECT jdp_created FROM jdp.jdp_tb_trade WHERE tid = 1), pg_temp.stamp(1), 'the making of the row too');
SELECT is((SELECT jdp_modified FROM jdp.jdp_tb_trade WHERE tid = 518073710002548), timestamp '2014-02-06 15:35:43', 'others are not');
SELECT is((SELECT lead::text FROM ordersync.jdp_state), '00:00:06', 'the distance is kept until one is in time');
SELECT ordersync.stamp_jdp();
SELECT is((SELECT lead::text FROM ordersync.jdp_state), '00:00:03', 'and is as before then');
-- the clock was set back, or was an hour ahead for a while
UPDATE ordersync.jdp_state SET stamped_until = pg_temp.shanghai() + interval '1 hour';
CREATE TEMP TABLE far AS SELECT stamped_until AS stamp FROM ordersync.jdp_state;
SELECT pg_temp.put('list', '{"tid":2,"status":"WAIT_BUYER_PAY","created":"2026-01-01 10:00:00","modified":"2026-01-02 10:00:00"}');
SELECT is(ordersync.stamp_jdp(), 1000, 'stamps that are far ahead of the clock are given once a second, so they run no further ahead');
SELECT is((SELECT jdp_modified FROM jdp.jdp_tb_trade WHERE tid = 2), far.stamp + interval '1 second', 'and do not wait for it: who asks for more than the highest stamp misses nothing') FROM far;
UPDATE ordersync.jdp_state SET stamped_until = pg_temp.shanghai(), confirmed = true;
UPDATE ordersync.jdp_trades SET jdp_modified = pg_temp.shanghai() WHERE tid = 2;

-- changes that the feed does not have: lost for the feed's limit, or with the consumer
SELECT pg_temp.put('list', '{"tid":1,"status":"TRADE_FINISHED","type":"fixed","created":"2026-01-01 10:00:00","modified":"2026-01-05 10:00:00"}');
DELETE FROM ordersync.change_feed;
UPDATE ordersync.change_consumers SET lost = '{}' WHERE consumer = 'jdp_stamps';
SELECT ordersync.stamp_jdp() FROM generate_series(1, 3);
SELECT ok(pg_temp.stamp(1) > pg_temp.shanghai(), 'what the feed has lost is stamped by when it was written');
UPDATE ordersync.jdp_trades SET jdp_modified = '2026-01-01' WHERE tid = 1;
SELECT ordersync_changes_drop('jdp_stamps');
UPDATE ordersync.jdp_state SET stamped_until = pg_temp.shanghai();
SELECT ordersync.stamp_jdp() FROM generate_series(1, 2);
SELECT ok(pg_temp.stamp(1) > pg_temp.shanghai(), 'also where the consumer was dropped');
SELECT pg_temp.put('list', '{"tid":4,"status":"WAIT_BUYER_PAY","created":"2026-01-01 10:00:00","modified":"2026-01-02 10:00:00"}');
SELECT ordersync.stamp_jdp() FROM generate_series(1, 2);
SELECT is((SELECT count(*) FROM jdp.jdp_tb_trade WHERE tid = 4), 1::bigint, 'which is there again');
SELECT is((SELECT stamped_until FROM ordersync.jdp_state) >= (SELECT max(jdp_modified) FROM jdp.jdp_tb_trade), true, 'no stamp is later than the newest that was given');

-- --- payloads that are not kept

SELECT ordersync_set_shop(7, '{"payloads": "off"}');
SELECT ordersync.cut_payloads('10 seconds');
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE payload IS NOT NULL) + (SELECT count(*) FROM ordersync.after_sale_payloads WHERE payload IS NOT NULL), 0::bigint, 'no payload is kept');
-- in it is what has a column: nothing that the answer does not have, and spelt as there
SELECT is_empty($$
	SELECT m.key, m.value, w.value
	FROM jdp.jdp_tb_trade j, jsonb_each(j.jdp_response::jsonb #> '{trade_fullinfo_get_response,trade}') m
	LEFT JOIN jsonb_each(pg_temp.sample('one whole order, 2014') #> '{trade_fullinfo_get_response,trade}') w ON w.key = m.key
	WHERE j.tid = 518073710002548 AND m.key <> 'orders' AND m.value IS DISTINCT FROM w.value$$, 'the record of an order is made of its columns, as the platform writes them');
SELECT is_empty($$
	SELECT m.key, m.value, w.value
	FROM jdp.jdp_tb_trade j, jsonb_each(j.jdp_response::jsonb #> '{trade_fullinfo_get_response,trade,orders,order,0}') m
	LEFT JOIN jsonb_each(pg_temp.sample('one whole order, 2014') #> '{trade_fullinfo_get_response,trade,orders,order,0}') w ON w.key = m.key
	WHERE j.tid = 518073710002548 AND m.value IS DISTINCT FROM w.value$$, 'its line too');
SELECT results_eq($$SELECT jsonb_array_length(r #> '{orders,order}'), r -> 'tid', r ->> 'payment', r #>> '{orders,order,0,sku_id}', jsonb_typeof(r #> '{orders,order,0,sku_id}'), r ->> 'pay_time', (SELECT count(*) FROM jsonb_object_keys(r)) > 20
	FROM (SELECT jdp_response::jsonb #> '{trade_fullinfo_get_response,trade}' AS r FROM jdp.jdp_tb_trade WHERE tid = 518073710002548) j$$,
	$$VALUES (1, '518073710002548'::jsonb, '76.00', '56388300261', 'string', '2014-01-15 21:40:24', true)$$, 'with line, numbers, amounts and times');
SELECT is((SELECT jdp_response::jsonb #> '{trade_fullinfo_get_response,trade,orders}' FROM jdp.jdp_tb_trade WHERE tid = 2), '{"order": []}', 'an order without lines has an empty list');
SELECT is_empty($$
	SELECT m.key, m.value, w.value		-- ids as numbers, which that answer has as text
	FROM jdp.jdp_tb_refund j, jsonb_each(j.jdp_response::jsonb #> '{refund_get_response,refund}') m
	LEFT JOIN jsonb_each(pg_temp.sample('refund, one whole') #> '{refund_get_response,refund}') w ON w.key = m.key
	WHERE j.refund_id <> 21 AND m.key NOT IN ('seller_nick', 'refund_remind_timeout') AND m.value #>> '{}' IS DISTINCT FROM w.value #>> '{}'$$, 'and that of an after-sale');
SELECT ok(j.jdp_hashcode <> before.trade, 'another record has another jdp_hashcode') FROM jdp.jdp_tb_trade j, before WHERE j.tid = 518073710002548;
SELECT ordersync_set_shop(7, '{"payloads": null}');

-- --- who reads it

SELECT ordersync_add_shop(8, 'shop 8', 'session-8');
INSERT INTO ordersync.orders (shop_id, tid, status, created, modified) VALUES (8, 800, 'TRADE_FINISHED', now(), now());
SELECT ordersync_disable_jdp();
SELECT is((SELECT count(*) FROM pg_namespace WHERE nspname = 'jdp'), 0::bigint, 'disabled, the schema is gone');
SELECT is((SELECT count(*) FROM ordersync.jdp_trades) + (SELECT count(*) FROM ordersync.jdp_refunds) + (SELECT count(*) FROM ordersync.jdp_state), 0::bigint, 'and nothing is left in the tables behind it');
SELECT is(ordersync.stamp_jdp(), 60000, 'nothing is stamped');
SELECT lives_ok('SELECT ordersync_disable_jdp()', 'twice is no error');
SELECT lives_ok($$SELECT ordersync_enable_jdp('30 seconds')$$, 'enabled again, further ahead');
SELECT ordersync_grant('bi', 'reader');
SELECT is(pg_temp.as_role(r, q), s, format('%s sees', r)) FROM (VALUES
	('bi'::name, '5'), ('one', '4'), ('nobody', 'permission denied for schema jdp')) v (r, s), (VALUES ('SELECT count(jdp_response) FROM jdp.jdp_tb_trade')) w (q);
SELECT is(pg_temp.as_role('one', $$SELECT count(*) FROM jdp.jdp_tb_trade WHERE seller_nick = 'shop 8'$$), '0', 'no other shop''s, by its name neither');
SELECT is(pg_temp.as_role(r, 'SELECT ordersync_disable_jdp()'), 'permission denied for function ordersync_disable_jdp', format('%s may not disable it', r)) FROM (VALUES ('bi'::name)) v (r);
SELECT ordersync_revoke('bi');
SELECT is(pg_temp.as_role('bi', 'SELECT count(*) FROM jdp.jdp_tb_trade'), 'permission denied for schema jdp', 'revoked, nothing is left');

-- a view of a version that had other columns
DROP VIEW jdp.jdp_tb_trade;
CREATE VIEW jdp.jdp_tb_trade AS SELECT 1 AS other;
ALTER VIEW jdp.jdp_tb_trade OWNER TO pg_database_owner;
SELECT ordersync.set_up();
SELECT is(pg_temp.as_role('one', 'SELECT count(jdp_response) FROM jdp.jdp_tb_trade'), '4', 'set_up() brings the views up to date, with the rights');

DROP SCHEMA jdp CASCADE;
SELECT ordersync_enable_jdp();
SELECT is(pg_temp.as_role('one', 'SELECT count(jdp_response) FROM jdp.jdp_tb_trade'), '4', 'views that somebody dropped are made again');

-- --- the extension goes and comes back

DROP EXTENSION ordersync;
SELECT is(pg_temp.as_role('one', 'SELECT count(jdp_response) FROM jdp.jdp_tb_trade'), '4', 'without the extension the views are read as before');
CREATE EXTENSION ordersync;
SELECT ordersync.set_up();
SELECT pg_temp.put('list', '{"tid":3,"status":"WAIT_BUYER_PAY","created":"2026-01-01 10:00:00","modified":"2026-01-02 10:00:00"}');
SELECT ordersync.stamp_jdp() FROM generate_series(1, 2);
SELECT is((SELECT count(*) FROM jdp.jdp_tb_trade WHERE tid = 3), 1::bigint, 'with it again, changes are stamped');

-- --- names, shops that go

SELECT is((SELECT seller_nick FROM jdp.jdp_tb_trade WHERE tid = 800), 'shop 8', 'a row has its shop''s seller');
SELECT ordersync_remove_shop(8);
SELECT is((SELECT count(*) FROM jdp.jdp_tb_trade WHERE tid = 800), 0::bigint, 'a removed shop''s rows are not shown');
SELECT ordersync_add_shop(8, 'shop eight', 'session-8');
SELECT is((SELECT seller_nick FROM jdp.jdp_tb_trade WHERE tid = 800), 'shop eight', 'added again under another name, they are, under that one');
SELECT ordersync_remove_shop(8, purge => true);
SELECT is((SELECT count(*) FROM ordersync.jdp_trades WHERE shop_id = 8), 0::bigint, 'purged, they are gone');

-- --- the poll is an index scan

INSERT INTO ordersync.orders (shop_id, tid, status, modified) SELECT 7, n, CASE WHEN n % 10 = 0 THEN 'WAIT_SELLER_SEND_GOODS' ELSE 'TRADE_FINISHED' END, now() FROM generate_series(1000, 20999) n;
INSERT INTO ordersync.jdp_trades (shop_id, tid, seller_nick, jdp_created, jdp_modified)
	SELECT o.shop_id, o.tid, '测试旗舰店', s, s FROM ordersync.orders o, LATERAL (SELECT timestamp '2026-11-01 00:00:00' + o.tid * interval '1 minute') c (s) WHERE o.tid BETWEEN 1000 AND 20999;
INSERT INTO ordersync.order_payloads (shop_id, tid, rank, sources, modified, payload) SELECT o.shop_id, o.tid, 3, 4, o.modified, jsonb_build_object('tid', o.tid) FROM ordersync.orders o WHERE o.tid BETWEEN 1000 AND 20999;
ANALYZE ordersync.orders; ANALYZE ordersync.order_payloads; ANALYZE ordersync.jdp_trades;
CREATE FUNCTION pg_temp.plan(p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text; v_all text := '';
BEGIN FOR v IN EXECUTE 'EXPLAIN (COSTS off) ' || p_query LOOP v_all := v_all || v || E'\n'; END LOOP; RETURN v_all; END $$;
SELECT is(CASE WHEN plan ~ c AND plan !~ 'Seq Scan on (jdp_trades|orders|order_payloads)' AND plan !~ no THEN 'good' ELSE plan END, 'good', what) FROM (VALUES
	($$SELECT * FROM jdp.jdp_tb_trade WHERE seller_nick = '测试旗舰店' AND jdp_modified >= '2026-11-10 12:00:00' AND jdp_modified < '2026-11-10 12:10:00' ORDER BY jdp_modified, tid$$,
		'jdp_trades_seller_nick_idx.*\n.*Index Cond: \(\(seller_nick = .*jdp_modified >= .*jdp_modified < ', ' x ', 'a seller''s, of ten minutes'),
	($$SELECT * FROM jdp.jdp_tb_trade WHERE seller_nick = '测试旗舰店' AND jdp_modified > '2026-11-02 12:00:00' ORDER BY jdp_modified, tid LIMIT 20$$,
		'Index Scan using jdp_trades_(seller_nick|jdp_modified)_idx.*\n.*Index Cond: .*jdp_modified > ', 'Sort Key: j\.', 'a seller''s first twenty since a moment: in the order of the index'),
	($$SELECT tid, jdp_response FROM jdp.jdp_tb_trade WHERE jdp_modified >= '2026-11-10 12:00:00' AND jdp_modified < '2026-11-10 12:10:00' AND status = 'WAIT_SELLER_SEND_GOODS' ORDER BY jdp_modified, tid$$,
		'jdp_trades_jdp_modified_idx.*\n.*Index Cond: \(\(jdp_modified >= .*jdp_modified < ', ' x ', 'all sellers'', of a status'),
	($$SELECT * FROM jdp.jdp_tb_trade WHERE tid = 1000$$, '(jdp_trades_pkey|orders_tid_idx)', ' x ', 'one order')) v (q, c, no, what), LATERAL pg_temp.plan(q) AS plan;
SET ROLE one;
SELECT is(CASE WHEN plan ~ 'jdp_trades_seller_nick_idx.*\n.*Index Cond: \(\(seller_nick = .*jdp_modified >= ' THEN 'good' ELSE plan END, 'good', 'a role that is limited to shops polls by the index too')
FROM pg_temp.plan($$SELECT * FROM jdp.jdp_tb_trade WHERE seller_nick = '测试旗舰店' AND jdp_modified >= '2026-11-10 12:00:00' AND jdp_modified < '2026-11-10 12:10:00' ORDER BY jdp_modified, tid$$) AS plan;
RESET ROLE;

-- --- names that are taken, and the history

SELECT ordersync_disable_jdp();
CREATE SCHEMA jdp AUTHORIZATION stranger;
SELECT throws_ok('SELECT ordersync_enable_jdp()', '3F000', 'schema "jdp" exists and belongs to another role', 'another''s schema is left alone');
ALTER SCHEMA jdp OWNER TO pg_database_owner;
CREATE TABLE jdp.jdp_tb_trade (tid bigint);
SELECT throws_ok('SELECT ordersync_enable_jdp()', '42P07', 'relation "jdp.jdp_tb_trade" exists and is not of ordersync', 'so is a table of the push''s name');
SELECT throws_ok($$SELECT ordersync_enable_jdp('0')$$, '22023', 'margin must be between 1 second and 1 hour, not 00:00:00', 'there is no stamp without a margin');
DROP TABLE jdp.jdp_tb_trade;
CREATE TABLE jdp.mine (a integer);
SELECT ordersync_enable_jdp();
CREATE VIEW jdp.of_mine AS SELECT tid FROM jdp.jdp_tb_trade;
SELECT throws_ok('SELECT ordersync_disable_jdp()', '2BP01', 'other objects use jdp.jdp_tb_trade or jdp.jdp_tb_refund', 'a view that uses them is not dropped with them');
DROP VIEW jdp.of_mine;
SELECT ordersync_disable_jdp();
SELECT is((SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'jdp'::regnamespace), 'mine', 'nor is anything else in the schema');
SELECT is((SELECT string_agg(action || COALESCE(' ' || (details ->> 'margin'), ''), ', ' ORDER BY history_id) FROM ordersync.setup_history WHERE action LIKE 'jdp%'),
	'jdp enabled 00:00:03, jdp disabled, jdp enabled 00:00:30, jdp disabled, jdp enabled 00:00:03, jdp disabled', 'each is in the history, once');

SELECT finish();
