-- A gateway's limits: options, bans of gateway and methods and who is claimed meanwhile, the calls of a day. No worker, no network.
BEGIN;
SELECT plan(54);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_gateway('other', 'https://gw.example.com/router/rest', '87654321', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1'), ordersync_add_shop(2, '测试店铺2', 'session-2', 'other');
UPDATE ordersync.shops SET key_state = 'ok';

-- options
CREATE FUNCTION pg_temp.refused(options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text;
	h text;
BEGIN
	PERFORM ordersync_set_gateway('taobao', options::jsonb);
	RETURN 'taken';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT;
	RETURN m || '; ' || h;
END $$;
SELECT is(pg_temp.refused(o), e, o) FROM (VALUES
	('{"calls_in_flight": 0}', 'invalid value for option "calls_in_flight"; It must be a whole number from 1 to 99999. Use null to remove the option.'),
	('{"calls_in_flight": "3"}', 'invalid value for option "calls_in_flight"; It must be a whole number from 1 to 99999. Use null to remove the option.'),
	('{"calls_per_day_reserved": 5}', 'option "calls_per_day_reserved" needs option "calls_per_day"; Set calls_per_day as well, or calls_per_day_reserved to null.'),
	('{"calls_per_day": 100, "calls_per_day_reserved": 100}', 'invalid value for option "calls_per_day_reserved"; It must be less than calls_per_day. Use null to remove the option.'),
	('{"calls_per_day_reserved": -1}', 'invalid value for option "calls_per_day_reserved"; It must be a whole number of calls from 0 on, less than calls_per_day. Use null to remove the option.'),
	('{"method_weights": 2}', 'invalid value for option "method_weights"; It must be an object of methods and the tokens that a call of each takes, from 0.01 to 1000, as {"taobao.trade.fullinfo.get": 2}. Use null to remove the option.'),
	('{"method_weights": {"m": 0}}', 'invalid value for option "method_weights"; It must be an object of methods and the tokens that a call of each takes, from 0.01 to 1000, as {"taobao.trade.fullinfo.get": 2}. Use null to remove the option.'),
	('{"method_weights": {"m": "2"}}', 'invalid value for option "method_weights"; It must be an object of methods and the tokens that a call of each takes, from 0.01 to 1000, as {"taobao.trade.fullinfo.get": 2}. Use null to remove the option.'),
	('{"calls_per_second": 20, "calls_in_flight": 8, "calls_per_day": 1000, "method_weights": {"b": 2, "a": 0.5}}', 'taken')
) AS t (o, e);

-- what a claim is told
CREATE TEMP TABLE c AS SELECT * FROM ordersync.claim('alive', 1, 100);
CREATE FUNCTION pg_temp.run(shop bigint, kind text, n integer DEFAULT 1, stream text DEFAULT 'orders', basis text DEFAULT 'modified', details_of text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	WITH made AS (
		INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks)
		VALUES (shop, kind, '2026-11-01 08:00+08', '2026-11-01 09:00+08', n) RETURNING run_id
	), tasks AS (
		INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, details_of, ids, since, until)
		SELECT run_id, shop, stream, basis, details_of, CASE WHEN stream = 'details' THEN ARRAY[5] END, '2026-11-01 08:00+08', '2026-11-01 09:00+08' FROM made, generate_series(1, n)
	)
	SELECT run_id FROM made $$;
CREATE FUNCTION pg_temp.claimed(n integer DEFAULT 10, places jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(x, ', ' ORDER BY x) FROM (
		SELECT concat_ws(' ', k.gateway, k.kind, k.stream, count(*)) AS x FROM ordersync.claim('alive', n, 100, places) k GROUP BY k.gateway, k.kind, k.stream) x $$;
CREATE FUNCTION pg_temp.anew() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.sync_runs SET state = 'cancelled', lot = NULL;
	UPDATE ordersync.sync_tasks SET state = 'cancelled', owner = NULL, token = NULL;
	UPDATE ordersync.gateways SET throttled_until = NULL, spent_until = NULL, reserved_until = NULL, method_bans = '{}', lifted_at = NULL $$;
SELECT pg_temp.run(1, 'full');
TRUNCATE c; INSERT INTO c SELECT * FROM ordersync.claim('alive', 1, 100);
SELECT results_eq('SELECT priority, calls_per_second, calls_in_flight, calls_per_day, calls_per_day_reserved, method_weights, method_bans FROM c',
	$$ VALUES (3, 20::double precision, 8, 1000::bigint, 100::bigint, '{a,0.5,b,2}'::text[], NULL::text[]) $$, 'what the options say; a tenth of the day is reserved');
SELECT ok((SELECT version_us FROM c) = (SELECT (extract(epoch FROM updated_at) * 1000000)::bigint FROM ordersync.gateways WHERE name = 'taobao'), 'and which version they are');

-- a ban of a method: what reads by it waits, other lists and gateways do not
CREATE FUNCTION pg_temp.settings(gateway text, OUT version_us bigint, OUT lifted_ms bigint) LANGUAGE sql AS $$
	SELECT EXTRACT(epoch FROM updated_at) * 1000000, COALESCE(EXTRACT(epoch FROM lifted_at) * 1000, 0) FROM ordersync.gateways WHERE name = gateway $$;
CREATE FUNCTION pg_temp.ban(banned text, ms bigint, method text DEFAULT NULL, called boolean DEFAULT true) RETURNS text LANGUAGE sql AS $$
	SELECT (ordersync.fail(t.task_id, t.token, jsonb_strip_nulls(jsonb_build_object('verdict', 'throttled', 'class', 'throttled', 'message', 'it said no', 'retry_ms', ms, 'banned', banned, 'version_us', c.version_us, 'lifted_ms', c.lifted_ms, 'method', method, 'key', nullif(method = 'taobao.user.seller.get', false),
		'call', CASE WHEN called THEN jsonb_build_object('method', method, 'started_at', (extract(epoch FROM clock_timestamp()) * 1000)::bigint) END)))).state
	FROM ordersync.sync_tasks t JOIN ordersync.shops s USING (shop_id) CROSS JOIN pg_temp.settings(s.gateway) c WHERE t.state = 'running' ORDER BY t.task_id DESC LIMIT 1 $$;
SELECT is(pg_temp.ban('method', 60000, 'taobao.trades.sold.increment.get'), 'pending', 'a task whose method is banned waits');
SELECT is((SELECT attempt FROM ordersync.sync_tasks WHERE state = 'pending'), 0, 'uncharged');
SELECT results_eq('SELECT gateway, method, until > clock_timestamp() + interval ''59 seconds'', class, message, stream, basis, history, details_of FROM ordersync.method_bans',
	$$ VALUES ('taobao', 'taobao.trades.sold.increment.get', true, 'throttled', 'it said no', 'orders', 'modified', false, NULL) $$, 'the ban is there to see');
SELECT is((SELECT throttled_until FROM ordersync.gateways WHERE name = 'taobao'), NULL, 'it is not the gateway''s');
SELECT is(pg_temp.claimed(), NULL, 'nothing of that list is claimed');
SELECT matches((SELECT waiting_for FROM ordersync.run_progress WHERE state IN ('pending', 'running')), '^the platform, until \d\d:\d\d:\d\d for taobao.trades.sold.increment.get: it said no$', 'its run says what it waits for');
SELECT is((SELECT state FROM ordersync.gateway_health WHERE gateway = 'taobao'), 'method banned', 'its gateway, too');
SELECT ok(ordersync.next_due() BETWEEN clock_timestamp() + interval '58 seconds' AND clock_timestamp() + interval '1 minute', 'a worker looks again when it is over');
SELECT pg_temp.run(1, 'incremental', 1, 'after_sales'), pg_temp.run(1, 'order', 1, 'details', 'created', 'orders'), pg_temp.run(2, 'full');
SELECT is(pg_temp.claimed(), 'other full orders 1, taobao incremental after_sales 1, taobao order details 1', 'other lists, single orders, other gateways are');
SELECT is((SELECT method_bans[1] FROM ordersync.sync_tasks t, LATERAL ordersync.method_values((SELECT method_bans FROM ordersync.gateways WHERE name = 'taobao')) AS method_bans LIMIT 1),
	'taobao.trades.sold.increment.get', 'claims bring the ban, for a server that was started anew');
SELECT ordersync_lift_ban('taobao');
SELECT is((SELECT count(*) FROM ordersync.method_bans), 0::bigint, 'lifted');
SELECT is(pg_temp.claimed(), 'taobao full orders 1', 'the list is read again');
-- of two tasks the one that only gave up waiting may be noted first: it knows no reason, and its end is a little later
SELECT pg_temp.anew();
SELECT pg_temp.run(1, 'full', 2);
SELECT is(pg_temp.claimed(), 'taobao full orders 2', 'two tasks of a list');
CREATE FUNCTION pg_temp.noted(ms integer, words text, called boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v ordersync.sync_tasks;
BEGIN
	SELECT t.* INTO v FROM ordersync.sync_tasks t WHERE t.state = 'running' ORDER BY t.task_id LIMIT 1;
	PERFORM ordersync.note_ban(v, 'method', 'taobao.trades.sold.get', '2099-01-01 00:00+08'::timestamptz + ms * interval '1 millisecond', 'throttled', words,
		CASE WHEN called THEN jsonb_build_object('started_at', (extract(epoch FROM clock_timestamp()) * 1000)::bigint) END, false);
END $$;
SELECT pg_temp.noted(20, 'a pause', false), pg_temp.noted(0, 'App Call Limited', true);
SELECT results_eq('SELECT message, until FROM ordersync.method_bans', $$ VALUES ('App Call Limited', '2099-01-01 00:00:00.02+08'::timestamptz) $$, 'the platform''s reason is kept, and the later end');
SELECT pg_temp.noted(500, 'a pause', false);
SELECT is((SELECT message FROM ordersync.method_bans), 'App Call Limited', 'also where the other comes last');
SELECT pg_temp.anew();
SELECT pg_temp.run(1, 'full');
SELECT pg_temp.claimed();

-- a ban of a method by the call for one record holds back these, and nothing that is held by it alone
SELECT pg_temp.anew(), pg_temp.run(1, 'order', 1, 'details', 'created', 'orders');
SELECT is(pg_temp.claimed(), 'taobao order details 1', 'a single order');
SELECT pg_temp.ban('method', 60000, 'taobao.trade.fullinfo.get');
SELECT pg_temp.run(1, 'order', 1, 'details', 'created', 'after_sales');
SELECT is(pg_temp.claimed(), 'taobao order details 1', 'records of the other kind are fetched');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'pending' AND details_of = 'orders'), 1::bigint, 'those are not');

-- of the check of keys: shops whose key is good go on
SELECT pg_temp.anew(), pg_temp.run(1, 'full', 2);
UPDATE ordersync.shops SET key_state = 'unchecked' WHERE shop_id = 1;
SELECT is(pg_temp.claimed(), 'taobao full orders 1', 'an unchecked shop gives one task');
SELECT pg_temp.ban('method', 60000, 'taobao.user.seller.get');
SELECT is(pg_temp.claimed(), NULL, 'none while whose key it is may not be asked');
SELECT matches((SELECT waiting_for FROM ordersync.run_progress WHERE state IN ('pending', 'running')), ' for taobao.user.seller.get: it said no$', 'its run says so');
UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = 1;
SELECT is(pg_temp.claimed(), 'taobao full orders 2', 'one that is checked goes on');

-- who only gave up waiting does not move the end of a ban
SELECT pg_temp.anew(), pg_temp.run(1, 'full', 2);
SELECT pg_temp.claimed();
SELECT pg_temp.ban('gateway', 60000);
CREATE TEMP TABLE until AS SELECT throttled_until FROM ordersync.gateways WHERE name = 'taobao';
SELECT pg_temp.ban('gateway', 60500, NULL, false);
SELECT is((SELECT throttled_until FROM ordersync.gateways WHERE name = 'taobao'), (SELECT throttled_until FROM until), 'the end is that which the platform said');

-- the day's calls: what is reserved is for single orders and key checks
SELECT pg_temp.anew(), pg_temp.run(1, 'full', 2);
SELECT pg_temp.claimed();
SELECT pg_temp.ban('reserved', 3600000, NULL, false);
SELECT is((SELECT spent_until IS NULL AND reserved_until > clock_timestamp() + interval '59 minutes' FROM ordersync.gateways WHERE name = 'taobao'), true, 'the rest of the day is reserved');
SELECT pg_temp.ban('reserved', 3600000, NULL, false);
SELECT pg_temp.run(1, 'incremental'), pg_temp.run(1, 'order', 1, 'details', 'created', 'orders'), pg_temp.run(1, 'check'), pg_temp.run(2, 'full');
SELECT is(pg_temp.claimed(), 'other full orders 1, taobao check orders 1, taobao order details 1', 'full and incremental runs wait, others go on');
SELECT matches((SELECT waiting_for FROM ordersync.run_progress WHERE kind = 'incremental' AND state = 'pending'), '^tomorrow: what is left of calls_per_day of gateway "taobao" is reserved', 'they say so');
SELECT is((SELECT state FROM ordersync.gateway_health WHERE gateway = 'taobao'), 'quota spent', 'and their gateway');
SELECT pg_temp.ban('day', 3600000, NULL, false) FROM (SELECT 1) x;
SELECT pg_temp.run(1, 'order', 1, 'details', 'created', 'orders');
SELECT is((SELECT spent_until > clock_timestamp() FROM ordersync.gateways WHERE name = (SELECT s.gateway FROM ordersync.sync_tasks t JOIN ordersync.shops s USING (shop_id) WHERE t.last_verdict = 'throttled' ORDER BY t.task_id DESC LIMIT 1)), true, 'all are spent');
SELECT ordersync_set_gateway('taobao', '{"calls_per_day": 2000}'), ordersync_set_gateway('other', '{"calls_per_day": 2000}');
SELECT is((SELECT count(*) FROM ordersync.gateways WHERE spent_until IS NOT NULL OR reserved_until IS NOT NULL), 0::bigint, 'another limit, and they go on');

-- blocks
SELECT is(ordersync.reserve_calls('taobao', '12345678', 20000, 1000)::text, '(0,10)', 'a block is a hundredth');
SELECT is(ordersync.reserve_calls('taobao', '12345678', 20000, 1000)::text, '(10,20)', 'behind the one before');
SELECT is(ordersync.reserve_calls('taobao', '99999999', 20000, 1000)::text, '(0,10)', 'another application has its own');
SELECT is(ordersync.reserve_calls('taobao', '12345678', 20001, 50)::text, '(0,1)', 'another day begins anew; one call at least');
UPDATE ordersync.gateway_calls SET reserved = 49 WHERE day = '1970-01-01'::date + 20001;
SELECT is(ordersync.reserve_calls('taobao', '12345678', 20001, 1000000)::text, '(49,1049)', 'a thousand at most');
SELECT is(ordersync.reserve_calls('taobao', '12345678', 20001, 1050)::text, '(1049,1050)', 'no more than there are');
SELECT is(ordersync.reserve_calls('taobao', '12345678', 20001, 1050)::text, '(1050,1050)', 'none when they are spent');
SELECT is(ordersync.reserve_calls('taobao', '12345678', 20010, 1050)::text, '(0,10)', 'and days that are long over');
SELECT is((SELECT count(*) FROM ordersync.gateway_calls WHERE gateway = 'taobao'), 1::bigint, 'are not kept');
INSERT INTO ordersync.request_log (logged_at, shop_id, gateway, verdict)
SELECT now(), 2, 'other', 'ok' FROM generate_series(1, 7);
UPDATE ordersync.gateways SET lifted_at = NULL;
SELECT is(ordersync.reserve_calls('other', '87654321', timezone('Asia/Shanghai', now())::date - '1970-01-01'::date, 1000)::text, '(7,17)', 'a limit that is set during the day counts what was called before');

-- places: so many others than single orders, so many of one gateway
SELECT pg_temp.anew(), pg_temp.run(1, 'full', 9), pg_temp.run(1, 'order', 3, 'details', 'created', 'orders'), pg_temp.run(2, 'full', 2);
SELECT is(pg_temp.claimed(8, '{"most": 0}'), 'taobao order details 3', 'places that are kept for single orders');
SELECT is(pg_temp.claimed(6, '{"most": 6, "each": 4, "left": {}}'), 'other full orders 2, taobao full orders 4', 'one gateway does not take all of them');
SELECT is(pg_temp.claimed(6, '{"most": 6, "each": 4, "left": {"taobao": 0}}'), NULL, 'one that has as many as it may gets none');
UPDATE ordersync.shops SET enabled = false WHERE shop_id = 2;
SELECT is(pg_temp.claimed(3, '{"most": 3, "each": 1, "left": {"taobao": 0}}'), 'taobao full orders 3', 'but where there is no other');

SELECT * FROM finish();
ROLLBACK;
