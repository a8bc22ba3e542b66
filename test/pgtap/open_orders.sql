-- Open orders older than the lists reach: which are looked for, when, and by how many windows; and the mark of the reports.
BEGIN;
SELECT plan(25);
SET client_min_messages = error;
SET jit = off;	-- as in a run that is made
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');

-- noon of Shanghai of the day so many days ago, plus seconds; the middle of the day, so that a few seconds stay in it
CREATE FUNCTION pg_temp.old(days numeric, seconds integer DEFAULT 0) RETURNS timestamptz LANGUAGE sql AS $$
	SELECT ordersync_day(ordersync_today()) + interval '12 hours' - make_interval(hours => (24 * days)::integer) + make_interval(secs => seconds) $$;
CREATE FUNCTION pg_temp.noon(days numeric DEFAULT 0) RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_temp.old(-days) $$;
CREATE FUNCTION pg_temp.store(first bigint, n integer, days numeric, status text, ended boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.orders (shop_id, tid, created, status, end_time, platform_state)
	SELECT 1, first + i, pg_temp.old(days, i), status, CASE WHEN ended THEN pg_temp.old(days - 10) END, 'listed'
	FROM generate_series(0, n - 1) i $$;
-- the windows that a run at that moment would read
CREATE FUNCTION pg_temp.sought(at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_said text;
BEGIN
	DELETE FROM ordersync.sync_tasks;
	PERFORM ordersync.search_history(1, 1, at);
	SELECT string_agg(COALESCE('ids ' || t.ids::text, format('%s+%s', timezone('Asia/Shanghai', t.since)::date - timezone('Asia/Shanghai', at)::date, EXTRACT(epoch FROM t.until - t.since)::integer)), ', ' ORDER BY t.since)
	INTO v_said
	FROM ordersync.sync_tasks t;
	RETURN v_said;
END $$;

-- which
SELECT is(pg_temp.sought(pg_temp.noon()), NULL, 'nothing is stored, nothing is looked for');
SELECT pg_temp.store(1, 1, 89, 'WAIT_SELLER_SEND_GOODS'), pg_temp.store(2, 1, 90, 'WAIT_SELLER_SEND_GOODS');
SELECT is(pg_temp.sought(pg_temp.noon()), NULL, 'what the lists have, or have just let go of, neither');
SELECT pg_temp.store(3, 1, 95, 'TRADE_FINISHED', true), pg_temp.store(4, 1, 95, 'TRADE_CLOSED', true), pg_temp.store(5, 1, 95, 'TRADE_CLOSED_BY_TAOBAO', true), pg_temp.store(6, 1, 95, 'TRADE_FINISHED');
SELECT is(pg_temp.sought(pg_temp.noon()), NULL, 'nor what has ended, with a time of its end or without');
SELECT pg_temp.store(7, 1, 729.5, 'WAIT_BUYER_CONFIRM_GOODS'), pg_temp.store(8, 1, 731, 'WAIT_BUYER_CONFIRM_GOODS');
SELECT is(pg_temp.sought(pg_temp.noon()), NULL, 'nor what is leaving the history too');
SELECT pg_temp.store(9, 1, 91, 'WAIT_BUYER_CONFIRM_GOODS'), pg_temp.store(10, 1, 500, 'SELLER_CONSIGNED_PART');
SELECT is(pg_temp.sought(pg_temp.noon()), '-500+1, -91+1', 'a day after the lists let go of it an open order is, a second of the history each');
SELECT results_eq('SELECT DISTINCT stream, basis, work, history, fresh, reason FROM ordersync.sync_tasks',
	$$ VALUES ('orders', 'created', 'store', true, true, 'open') $$, 'by windows that store and close nothing');
UPDATE ordersync.shops SET options = '{"streams": ["after_sales"]}';
SELECT is(pg_temp.sought(pg_temp.noon()), NULL, 'not for a shop of which orders are not read');
UPDATE ordersync.shops SET options = '{}';
DELETE FROM ordersync.orders;

-- how many
SELECT pg_temp.store(100, 3, 100, 'WAIT_SELLER_SEND_GOODS'), pg_temp.store(200, 40, 100, 'TRADE_FINISHED', true);
SELECT is(pg_temp.sought(pg_temp.noon()), '-100+3', 'three of one day are one page');
SELECT pg_temp.store(1000, 1, 120, 'WAIT_SELLER_SEND_GOODS'), pg_temp.store(1001, 499, 120, 'TRADE_FINISHED', true), pg_temp.store(1500, 1, 120, 'WAIT_SELLER_SEND_GOODS');
UPDATE ordersync.orders SET created = pg_temp.old(120, 499) WHERE tid = 1500;
SELECT is(pg_temp.sought(pg_temp.noon()), '-120+1, -120+1, -100+3', 'two that have ten pages between them are a call each');
UPDATE ordersync.orders SET created = pg_temp.old(120) WHERE tid = 1500;
SELECT is(pg_temp.sought(pg_temp.noon()), '-120+1, -100+3', 'two of one second are one call');
UPDATE ordersync.gateways SET options = '{"max_window": "2 seconds"}';
SELECT is(pg_temp.sought(pg_temp.noon()), '-120+1, -100+2, -100+1', 'no window is longer than the gateway accepts');
UPDATE ordersync.gateways SET options = '{}';
DELETE FROM ordersync.orders;
SELECT pg_temp.store(1, 700, 100, 'WAIT_BUYER_PAY'), pg_temp.store(2001, 700, 101, 'WAIT_BUYER_PAY');
SELECT is(pg_temp.sought(pg_temp.noon()), '-101+300, -100+700', 'of many a run looks for a thousand, the youngest first');
DELETE FROM ordersync.orders;

-- when: after the window was read
SELECT pg_temp.store(1, 1, 91, 'WAIT_SELLER_SEND_GOODS'), pg_temp.store(2, 1, 91, 'TRADE_FINISHED', true);
CREATE FUNCTION pg_temp.read_at(days numeric) RETURNS void LANGUAGE sql AS $$
	SELECT ordersync.record_history_reads(1, pg_temp.old(91), pg_temp.old(91, 60), 1, pg_temp.noon(days)) $$;
SELECT pg_temp.read_at(0);
SELECT results_eq('SELECT record_id, asked_at FROM ordersync.lookups WHERE stream = ''history''', $$ VALUES (1::bigint, pg_temp.noon()) $$, 'what was read is remembered of the open order');
SELECT is((SELECT platform_state FROM ordersync.orders WHERE tid = 1), 'archived', 'which no list has any more');
SELECT is((SELECT platform_state FROM ordersync.orders WHERE tid = 2), 'listed', 'an ended one is left alone');
SELECT is(pg_temp.sought(pg_temp.noon(0.5)), NULL, 'half a day later it is not due');
SELECT isnt(pg_temp.sought(pg_temp.noon(1)), NULL, 'a day later it is');
SELECT pg_temp.read_at(3);
SELECT is(pg_temp.sought(pg_temp.noon(6)), NULL, 'read four days after the lists it waits for four');
SELECT isnt(pg_temp.sought(pg_temp.noon(7)), NULL, 'and is due then');
CREATE FUNCTION pg_temp.reads() RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE v_days integer[] := '{}';
BEGIN
	DELETE FROM ordersync.lookups;
	FOR d IN 0..650 LOOP
		-- the two days around each doubling; the platform's two years end at 638
		CONTINUE WHEN NOT EXISTS (SELECT FROM generate_series(0, 10) n WHERE d BETWEEN 2 ^ n - 3 AND 2 ^ n OR d = 637);
		IF pg_temp.sought(pg_temp.noon(d)) IS NOT NULL THEN
			v_days := v_days || d;
			PERFORM pg_temp.read_at(d);
		END IF;
	END LOOP;
	RETURN v_days;
END $$;
SELECT is(pg_temp.reads(), '{0,1,3,7,15,31,63,127,255,511}', 'with a run every day: ten times in two years, each wait twice as long');

-- without the history
UPDATE ordersync.shops SET unserved = jsonb_build_object('history', jsonb_build_object('at', pg_temp.noon(), 'message', 'no'));
DELETE FROM ordersync.lookups;
SELECT is(pg_temp.sought(pg_temp.noon()), 'ids {1}', 'a shop that may not read the history asks by number');
UPDATE ordersync.shops SET unserved = unserved || jsonb_build_object('details of orders', jsonb_build_object('at', pg_temp.noon(), 'message', 'no'));
SELECT is(pg_temp.sought(pg_temp.noon()), NULL, 'or not at all');
SELECT is(pg_temp.sought(pg_temp.noon(2)), '-93+1', 'until both may be served again');

-- the mark
DELETE FROM ordersync.orders;
SELECT pg_temp.store(1, 1, 30, 'WAIT_SELLER_SEND_GOODS'), pg_temp.store(2, 1, 95, 'WAIT_SELLER_SEND_GOODS'), pg_temp.store(3, 1, 95, 'TRADE_FINISHED', true),
	pg_temp.store(4, 1, 30, 'WAIT_SELLER_SEND_GOODS'), pg_temp.store(5, 1, 95, NULL);
UPDATE ordersync.orders SET platform_state = 'missing' WHERE tid = 4;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid) VALUES (1, 11, 1), (1, 12, 2);
SELECT results_eq('SELECT tid, end_unknown FROM ordersync.order_report ORDER BY 1', $$ VALUES (1::bigint, false), (2, true), (3, false), (4, true), (5, false) $$,
	'open orders are marked that the lists are too young for, or lack');
SELECT results_eq('SELECT oid, end_unknown FROM ordersync.sub_order_report ORDER BY 1', $$ VALUES (11::bigint, false), (12, true) $$, 'and their lines');

SELECT * FROM finish();
ROLLBACK;
