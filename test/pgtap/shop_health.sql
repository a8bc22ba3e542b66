-- How shops and gateways are, in one word, and what to do: from rows made by hand.
BEGIN;
SELECT plan(109);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_gateway('relay', 'https://relay.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(n, 'n' || n, 'session-' || n, CASE n WHEN 20 THEN 'relay' ELSE 'taobao' END) FROM unnest('{7,9,12,20}'::integer[]) n;
CREATE FUNCTION pg_temp.whole(shop bigint, until timestamptz DEFAULT clock_timestamp() - interval '1 day') RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.coverage AS c (shop_id, stream, basis, ranges)
	SELECT shop, s, 'modified', tstzmultirange(tstzrange(clock_timestamp() - interval '20 days', until)) FROM unnest('{orders,after_sales}'::text[]) s
	ON CONFLICT (shop_id, stream, basis) DO UPDATE SET ranges = excluded.ranges $$;
-- everything as on a good day
CREATE FUNCTION pg_temp.good() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.shops SET key_state = 'ok', key_message = NULL, key_check_at = NULL, key_expires_at = NULL, enabled = true;
	INSERT INTO ordersync.shop_totals AS o (shop_id, full_run_at, successes)
	SELECT shop_id, clock_timestamp() - interval '1 day', jsonb_build_object('incremental', jsonb_build_object('run_id', 1, 'at', clock_timestamp() - interval '1 day'))
	FROM ordersync.shops
	ON CONFLICT (shop_id) DO UPDATE SET full_run_at = excluded.full_run_at, successes = excluded.successes;
	UPDATE ordersync.gateways SET throttled_until = NULL, failing_since = NULL, failing_shop = NULL, error_class = NULL, error = NULL, error_code = NULL, error_sub_code = NULL,
		error_at = NULL, lifted_at = NULL, secret_state = 'ok', secret_message = NULL;
	DELETE FROM ordersync.sync_tasks; DELETE FROM ordersync.sync_runs; DELETE FROM ordersync.window_counts;
	SELECT pg_temp.whole(shop_id) FROM ordersync.shops $$;
CREATE FUNCTION pg_temp.task(shop bigint DEFAULT 7, attempts integer DEFAULT 1, kind text DEFAULT 'incremental') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint; t bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
	VALUES (shop, kind, now() - interval '1 hour', now(), 1, 'running', now()) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, owner, token, attempt, claimed_at)
	VALUES (r, shop, 'orders', 'modified', now(), now() + interval '1 second', 'running', 'alive', 42, attempts, clock_timestamp()) RETURNING task_id INTO t;
	RETURN t;
END $$;
CREATE FUNCTION pg_temp.fail(task bigint, verdict text, class text, code bigint DEFAULT NULL, sub_code text DEFAULT NULL, ago interval DEFAULT '0') RETURNS text LANGUAGE sql AS $$
	SELECT (ordersync.fail(task, 42, jsonb_build_object('key_seal', (SELECT ordersync.data_key_seal(t.shop_id) FROM ordersync.sync_tasks t WHERE t.task_id = task), 'verdict', verdict, 'class', class, 'message', 'it said no', 'retry_ms', 60000,
		'call', jsonb_strip_nulls(jsonb_build_object('method', 'm', 'verdict', verdict, 'code', code, 'sub_code', sub_code,
			'started_at', (EXTRACT(epoch FROM clock_timestamp() - ago) * 1000)::bigint))))).state $$;
CREATE FUNCTION pg_temp.good_call(task bigint, ago interval DEFAULT '0', state text DEFAULT 'succeeded') RETURNS void LANGUAGE sql AS $$
	SELECT ordersync.settle(task, 42, jsonb_build_object('state', state, 'outcome', 'fresh', 'page_new', 1,
		'call', jsonb_build_object('method', 'm', 'verdict', 'ok', 'started_at', (EXTRACT(epoch FROM clock_timestamp() - ago) * 1000)::bigint + 1))) $$;
CREATE FUNCTION pg_temp.shop(shop bigint DEFAULT 7) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' | ', state, what_to_do) FROM ordersync.shop_health WHERE shop_id = shop $$;
CREATE FUNCTION pg_temp.gateway(name text DEFAULT 'taobao') RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' | ', state, what_to_do) FROM ordersync.gateway_health WHERE gateway = name $$;
CREATE FUNCTION pg_temp.red() RETURNS TABLE (check_name text, detail text, hint text) LANGUAGE sql AS $$
	SELECT c.check_name, c.detail, c.hint
	FROM (SELECT * FROM ordersync.check_health_gateways() UNION ALL SELECT * FROM ordersync.check_health_shops()) c WHERE NOT c.ok $$;
CREATE FUNCTION pg_temp.retry() RETURNS text LANGUAGE sql AS $$
	SELECT 'SELECT ordersync_retry(run_id) FROM ordersync.failed_tasks WHERE gateway = ''taobao'' AND state = ''failed'' AND NOT covered GROUP BY run_id' $$;

-- a new shop, and a good day
SELECT is(pg_temp.shop(), 'not read yet | SELECT ordersync_trigger_full(7)', 'a new shop');
SELECT is(pg_temp.gateway(), 'ok', 'a new gateway');
SELECT is_empty('SELECT * FROM pg_temp.red()', 'nothing is wrong with either');
SELECT pg_temp.good();
SELECT is(pg_temp.shop(), 'ok', 'a shop on a good day');
SELECT results_eq('SELECT check_name, ok, detail, hint FROM ordersync.check_health_gateways()',
	$$VALUES ('gateway "relay"', true, '1 shops', NULL::text), ('gateway "taobao"', true, '3 shops', NULL)$$, 'the checks of gateways, all well');
SELECT results_eq('SELECT check_name, ok, detail, hint FROM ordersync.check_health_shops()',
	$$VALUES ('data keys', true, 'all are accepted', NULL::text),
		('failing shops', true, 'none', NULL), ('freshness', true, 'all shops are within their targets', NULL), ('sellers', true, 'each has one shop', NULL)$$, 'and those of shops');

-- paused
SELECT ordersync_pause_shop(7);
SELECT is(pg_temp.shop(), 'paused | SELECT ordersync_resume_shop(7)', 'a paused shop');
SELECT is_empty('SELECT * FROM pg_temp.red()', 'that somebody wanted');
SELECT ordersync_resume_shop(7);
SELECT is(pg_temp.shop(), 'ok', 'its command ends that');

-- a key
UPDATE ordersync.shops SET key_state = s, key_message = 'why' FROM unnest('{expired}'::text[]) s WHERE shop_id = 7;
SELECT is(pg_temp.shop(), 'unauthorized | SELECT ordersync_set_session_key(7, session_key)', 'a refused key');
SELECT is(pg_temp.shop(9), 'ok', 'is that shop''s alone');
SELECT is(pg_temp.gateway(), 'ok', 'and not its gateway''s');
SELECT results_eq('SELECT * FROM pg_temp.red()', $$VALUES ('data keys', '1 shop waits for a data key: 7', 'the key is expired: why: SELECT ordersync_set_session_key(7, session_key);')$$, 'the check says which');
UPDATE ordersync.shops SET key_state = 'missing' WHERE shop_id = 12;
UPDATE ordersync.shops SET key_state = 'wrong_seller' WHERE shop_id = 20;
SELECT results_eq('SELECT * FROM pg_temp.red()', $$VALUES ('data keys', '3 shops wait for a data key: 7, 12, 20', 'shop 7: the key is expired: why: SELECT ordersync_set_session_key(7, session_key);')$$, 'several are one row');
SELECT ordersync_set_session_key(n, 'session-new') FROM unnest('{7,12,20}'::bigint[]) n;
SELECT is(pg_temp.shop(), 'ok', 'a new key, and it is well');
SELECT is_empty('SELECT * FROM pg_temp.red()', 'and the check, too');
SELECT pg_temp.good();
UPDATE ordersync.shops SET key_expires_at = clock_timestamp() + interval '5 days 1 hour' WHERE shop_id = 9;
SELECT results_eq('SELECT state, key_days_left, what_to_do FROM ordersync.shop_health WHERE shop_id = 9', $$VALUES ('ok', 5, 'SELECT ordersync_set_session_key(9, session_key, expires_at)')$$, 'a key that expires soon');
UPDATE ordersync.shops SET key_expires_at = clock_timestamp() + interval '20 days' WHERE shop_id = 9;
SELECT is(pg_temp.shop(9), 'ok', 'not yet in twenty days');
UPDATE ordersync.shops SET key_expires_at = clock_timestamp() + interval '5 days 1 hour' WHERE shop_id = 9;
SELECT ordersync_set_session_key(9, 'session-new', now() + interval '1 year');
SELECT is_empty('SELECT * FROM pg_temp.red()', 'a new one, and it does not');

-- all keys of a gateway
SELECT pg_temp.good();
UPDATE ordersync.shops SET key_state = 'expired', key_message = 'Invalid session' WHERE gateway = 'taobao';
SELECT is(pg_temp.gateway(), $$all keys refused | SELECT ordersync_check_shop(shop_id) FROM ordersync.shops WHERE gateway = 'taobao' AND enabled AND key_state = 'expired'$$, 'all keys refused are the gateway''s');
SELECT is(pg_temp.shop(), $$waiting for gateway | SELECT state, hint, what_to_do FROM ordersync.gateway_health WHERE gateway = 'taobao'$$, 'its shops refer to it');
SELECT is((SELECT hint FROM ordersync.shop_health WHERE shop_id = 7), 'gateway "taobao": all keys refused; see ordersync.gateway_health', 'in words');
SELECT results_eq('SELECT check_name, detail FROM pg_temp.red()', $$VALUES ('gateway "taobao"', 'all keys refused, for all of its 3 shops')$$, 'the check says it once');
SELECT is(pg_temp.shop(20), 'ok', 'another gateway''s shop is well');
UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = 9;
SELECT is(pg_temp.gateway(), 'ok', 'one accepted key, and the others are their shops''');
UPDATE ordersync.shops SET key_state = 'expired', enabled = false WHERE shop_id = 9;
SELECT is(split_part(pg_temp.gateway(), ' | ', 1), 'all keys refused', 'paused shops do not count');
UPDATE ordersync.shops SET enabled = false WHERE shop_id = 12;
SELECT is(pg_temp.gateway(), 'ok', 'and one key alone is its shop''s');
SELECT pg_temp.good();
UPDATE ordersync.shops SET key_state = 'expired' WHERE gateway = 'taobao';
SELECT lives_ok((SELECT what_to_do FROM ordersync.gateway_health WHERE gateway = 'taobao'), 'the gateway''s command runs as it is');
SELECT is((SELECT count(*) FROM ordersync.sync_runs WHERE kind = 'check'), 3::bigint, 'and has all keys checked');
SELECT is(pg_temp.gateway(), 'ok', 'which are unknown until then');

-- the application secret
SELECT pg_temp.good();
UPDATE ordersync.gateways SET secret_state = s.state, secret_message = 'why' FROM (VALUES ('taobao', 'missing')) s (name, state) WHERE gateways.name = s.name;
SELECT is(pg_temp.gateway(), $$no secret | SELECT ordersync_add_gateway('taobao', NULL, NULL, app_secret)$$, 'no secret');
UPDATE ordersync.gateways SET secret_state = 'unreadable' WHERE name = 'taobao';
SELECT is(pg_temp.gateway(), $$secret unreadable | SELECT ordersync_add_gateway('taobao', NULL, NULL, app_secret)$$, 'one that cannot be opened');
SELECT results_eq('SELECT check_name, detail, hint FROM pg_temp.red()', $$VALUES ('gateway "taobao"', 'secret unreadable, for all of its 3 shops: why',
	'the application secret was sealed with another key file: put that file back, or set the secret again: SELECT ordersync_add_gateway(''taobao'', NULL, NULL, app_secret);')$$, 'the check says it once');
SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld');
SELECT is_empty('SELECT * FROM pg_temp.red()', 'its command makes it well');
UPDATE ordersync.gateways SET secret_state = 'key_file', secret_message = 'cannot read it';
SELECT is(pg_temp.gateway(), 'key file | SHOW ordersync.key_file', 'the key file');
SELECT is(split_part(pg_temp.shop(), ' | ', 1), 'waiting for gateway', 'all shops wait');

-- refused by the platform: the secret, the application
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(), 'rejected', 'signature', 25);
SELECT is(pg_temp.gateway(), $$secret refused | SELECT ordersync_add_gateway('taobao', NULL, NULL, app_secret); $$ || pg_temp.retry(), 'a wrong secret is known from one call');
SELECT results_eq($$SELECT failing_since IS NOT NULL, last_error_class, last_error, last_code, last_error_at IS NOT NULL FROM ordersync.gateway_health WHERE gateway = 'taobao'$$,
	$$VALUES (true, 'signature', 'it said no', 25::bigint, true)$$, 'with what the platform said');
SELECT is(split_part(pg_temp.shop(n), ' | ', 1), CASE n WHEN 20 THEN 'ok' ELSE 'waiting for gateway' END, 'shop ' || n) FROM unnest('{7,9,20}'::integer[]) n;
SELECT results_eq('SELECT check_name, detail ~ ''^secret refused, for all of its 3 shops, since .*: it said no$'' FROM pg_temp.red()', $$VALUES ('gateway "taobao"', true)$$, 'the check says it once');
CREATE TEMP TABLE before AS SELECT failing_since, error_at, xmin::text AS x FROM ordersync.gateways WHERE name = 'taobao';
SELECT pg_temp.fail(pg_temp.task(7), 'rejected', 'signature', 25);
SELECT results_eq($$SELECT failing_since, error_at FROM ordersync.gateways WHERE name = 'taobao'$$, 'SELECT failing_since, error_at FROM before', 'the same again writes nothing');
SELECT pg_temp.fail(pg_temp.task(9), 'rejected', 'signature', 25);
SELECT results_eq($$SELECT failing_since = (SELECT failing_since FROM before), failing_shop FROM ordersync.gateways WHERE name = 'taobao'$$, $$VALUES (true, NULL::bigint)$$, 'another shop is noted');
SELECT is((SELECT what_to_do FROM ordersync.gateway_health WHERE gateway = 'taobao'), split_part(pg_temp.gateway(), ' | ', 2), 'one command');
DO $$ BEGIN EXECUTE replace((SELECT what_to_do FROM ordersync.gateway_health WHERE gateway = 'taobao'), 'app_secret', '''right'''); END $$;
SELECT is(pg_temp.gateway(), 'ok', 'which makes it well');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'pending'), 3::bigint, 'and tries again what failed');
SELECT pg_temp.fail(pg_temp.task(), 'rejected', 'signature', 25, ago => '1 minute');
SELECT is(pg_temp.gateway(), 'ok', 'a call of before, with the old secret, says nothing of the new one');
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(), 'rejected', 'signature', 29);
SELECT is(pg_temp.gateway(), $$application refused | SELECT ordersync_add_gateway('taobao', NULL, app_key, app_secret); $$ || pg_temp.retry(), 'the application''s key');
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(), 'rejected', 'permission', 11, 'isv.permission-ip-whitelist-limit');
SELECT is(split_part(pg_temp.gateway(), ' | ', 1), 'application refused', 'an address that the application may not call from');
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(), 'rejected', 'permission', 11, 'isv.permission-api-seller');
SELECT is(pg_temp.gateway(), 'ok', 'another permission is the shop''s');

-- a ban
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(), 'throttled', 'quota', 7);
SELECT is(pg_temp.gateway(), $$banned | SELECT ordersync_lift_ban('taobao')$$, 'a ban');
SELECT is((SELECT throttled_for > '50 seconds' AND throttled_until > now() FROM ordersync.gateway_health WHERE gateway = 'taobao'), true, 'until when, and for how long');
SELECT is(pg_temp.shop(9), $$throttled | SELECT state, hint, what_to_do FROM ordersync.gateway_health WHERE gateway = 'taobao'$$, 'its shops wait');
SELECT is((SELECT count(*) FROM pg_temp.red() WHERE check_name = 'gateway "taobao"'), 1::bigint, 'the check says it once');
SELECT ordersync_lift_ban('taobao');
SELECT is(pg_temp.gateway(), 'ok', 'its command ends it');
SELECT is_empty('SELECT * FROM pg_temp.red()', 'and a task that was throttled is not failing');

-- unreachable: when several shops' calls fail, or those of the only one
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(7), 'retry', 'network');
SELECT is(pg_temp.gateway(), 'ok', 'what one shop of several sees is not the gateway''s yet');
SELECT is(pg_temp.shop(7), 'ok', 'nor the shop''s after one attempt');
SELECT pg_temp.fail(pg_temp.task(9), 'retry', 'timeout');
SELECT is(pg_temp.gateway(), 'unreachable | ' || pg_temp.retry(), 'what two see is');
SELECT is(split_part(pg_temp.shop(n), ' | ', 1), 'waiting for gateway', 'shop ' || n) FROM unnest('{7,9,12}'::integer[]) n;
SELECT is((SELECT count(*) FROM pg_temp.red()), 1::bigint, 'the check says it once');
SELECT pg_temp.good_call(pg_temp.task(12), ago => '1 minute');
SELECT is(split_part(pg_temp.gateway(), ' | ', 1), 'unreachable', 'a call that was sent before and ends well changes nothing');
SELECT pg_temp.good_call(pg_temp.task(12));
SELECT is(pg_temp.gateway(), 'ok', 'one that was sent since ends it');
SELECT is((SELECT last_error FROM ordersync.gateway_health WHERE gateway = 'taobao'), 'it said no', 'the last failure is still told');
SELECT pg_temp.fail(pg_temp.task(20), 'retry', 'http');
SELECT is(split_part(pg_temp.gateway('relay'), ' | ', 1), 'unreachable', 'the only shop of a gateway speaks for it');
SELECT pg_temp.fail(pg_temp.task(20), 'unauthorized', 'session', 27);
SELECT is(pg_temp.gateway('relay'), 'ok', 'a key that is refused is an answer, too');
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(n), 'malformed', 'malformed') FROM unnest('{7,9}'::bigint[]) n;
SELECT is(pg_temp.gateway(), 'failing | ' || pg_temp.retry(), 'answers that make no sense');
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(n), 'retry', 'platform', 15, 'isp.remote-service-error') FROM unnest('{7,9}'::bigint[]) n;
SELECT is(split_part(pg_temp.gateway(), ' | ', 1), 'failing', 'a service that is down');
SELECT pg_temp.fail(pg_temp.task(12), 'rejected', 'platform', 15, 'isv.something');
SELECT is(pg_temp.gateway(), 'ok', 'is up when it answers, whatever it says of the call');
SELECT pg_temp.fail(pg_temp.task(n), 'retry', 'platform', 15, 'isp.runtime-max-limit') FROM unnest('{7,9}'::bigint[]) n;
SELECT is(pg_temp.gateway(), 'ok', 'a window that is too large is no gateway''s');
SELECT pg_temp.good();
SELECT pg_temp.fail(pg_temp.task(n), 'retry', 'database') FROM unnest('{7,9}'::bigint[]) n;
SELECT is(pg_temp.gateway(), 'ok', 'what the database refuses is no gateway''s');

-- failing
SELECT pg_temp.good();
CREATE TEMP TABLE x (t bigint); INSERT INTO x SELECT pg_temp.task(7, 8);
SELECT pg_temp.fail(t, 'retry', 'http') FROM x;
SELECT is(pg_temp.shop(), (SELECT format('failing | SELECT ordersync_retry(%s)', run_id) FROM ordersync.sync_tasks), 'a window that failed');
SELECT results_eq('SELECT last_error, last_error_class, last_class, last_state, last_error_at IS NOT NULL FROM ordersync.shop_health WHERE shop_id = 7', $$VALUES ('it said no', 'http', 'transient', 'failed', true)$$, 'with its classes');
SELECT results_eq('SELECT check_name, detail, hint FROM pg_temp.red()', $$SELECT 'failing shops', '1 shop is failing: 7',
	format('the gateway, or a proxy before it, answers with an error: SELECT ordersync_retry(%s);', run_id) FROM ordersync.sync_tasks$$, 'the check names the command');
UPDATE ordersync.sync_tasks SET since = date_trunc('hour', now()) - interval '5 days', until = date_trunc('hour', now()) - interval '5 days' + interval '1 second';
SELECT is(pg_temp.shop(), (SELECT format('failing | SELECT ordersync_retry(%s)', run_id) FROM ordersync.sync_tasks), 'that was read before');
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, verdict, closed_at)
SELECT 7, 'orders', 'modified', tstzrange(since, until), 'counted', clock_timestamp() FROM ordersync.sync_tasks;
SELECT is(pg_temp.shop(), 'ok', 'that was read since is over');
SELECT is((SELECT last_error FROM ordersync.shop_health WHERE shop_id = 7), 'it said no', 'and still told');
SELECT pg_temp.good();
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(7, 3);
SELECT pg_temp.fail(t, 'retry', 'http') FROM x;
SELECT is(pg_temp.shop(), 'failing', 'what fails again and again is told while it is tried');
SELECT is((SELECT hint FROM ordersync.shop_health WHERE shop_id = 7), 'the gateway, or a proxy before it, answers with an error', 'in words');
UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42;
SELECT pg_temp.good_call(t) FROM x;
SELECT is(pg_temp.shop(), 'ok', 'a page that is stored ends it');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(7, 8, 'order');
SELECT pg_temp.fail(t, 'retry', 'http') FROM x;
SELECT is(pg_temp.shop(), 'ok', 'a single order that somebody asked for is not the shop''s health');

-- behind
SELECT pg_temp.good();
SELECT pg_temp.whole(7, clock_timestamp() - interval '3 days');
SELECT is(pg_temp.shop(), 'behind | SELECT ordersync_trigger_incremental(7)', 'a shop that is behind');
SELECT results_eq('SELECT lag_target, behind, lag > lag_target FROM ordersync.shop_health WHERE shop_id = 7', $$VALUES ('26 hours'::interval, true, true)$$, 'by what');
SELECT results_eq('SELECT check_name, detail, hint FROM pg_temp.red()', $$VALUES ('freshness', '1 shop is behind its target: 7',
	'it was read later than its target allows, and nothing is running: SELECT ordersync_trigger_incremental(7);')$$, 'the check says so');
SELECT ordersync_trigger_incremental(7);
SELECT is(pg_temp.shop(), 'behind', 'a run on its way needs no command');
SELECT is_empty('SELECT * FROM pg_temp.red()', 'and no check');
SELECT pg_temp.good();
UPDATE ordersync.shop_totals SET full_run_at = now() - interval '40 days' WHERE shop_id = 7;
SELECT is(pg_temp.shop(), 'behind | SELECT ordersync_trigger_full(7)', 'a full run that is due');

-- one seller as two shops
SELECT pg_temp.good();
SELECT ordersync_add_shop(13, 'n7', 'session-7');
SELECT results_eq('SELECT check_name, detail, hint FROM pg_temp.red()', $$VALUES ('sellers', '1 shop has the seller of another shop: 13',
	'"n7" is shop 7 already, and its orders are stored twice; remove one of them: SELECT ordersync_remove_shop(13, purge => true);')$$, 'a seller who is two shops');
SELECT ordersync_remove_shop(13, purge => true);
SELECT is_empty('SELECT * FROM pg_temp.red()', 'its command ends that');

-- the last success outlives its run
SELECT pg_temp.good();
UPDATE ordersync.shop_totals SET successes = '{}' WHERE shop_id = 7;
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(7);
SELECT pg_temp.good_call(t) FROM x;
CREATE TEMP TABLE run AS SELECT run_id, finished_at FROM ordersync.sync_runs WHERE shop_id = 7;
SELECT results_eq('SELECT last_success_run, last_success_kind, last_success_at, last_incremental_success_at, last_full_success_at FROM ordersync.shop_health WHERE shop_id = 7',
	$$SELECT run_id, 'incremental', finished_at, finished_at, NULL::timestamptz FROM run$$, 'the last success');
DELETE FROM ordersync.sync_runs;
SELECT is((SELECT last_success_run FROM ordersync.shop_health WHERE shop_id = 7), (SELECT run_id FROM run), 'stays when runs are deleted');
INSERT INTO x SELECT pg_temp.task(7, kind => 'full');
SELECT pg_temp.good_call(t) FROM x WHERE t = (SELECT max(t) FROM x);
SELECT results_eq('SELECT last_success_kind, last_full_success_at IS NOT NULL, last_incremental_success_at = finished_at FROM ordersync.shop_health, run WHERE shop_id = 7',
	$$VALUES ('full', true, true)$$, 'the newest of all kinds, and each kind''s');
INSERT INTO x SELECT pg_temp.task(7, kind => 'order');
SELECT pg_temp.good_call(t) FROM x WHERE t = (SELECT max(t) FROM x);
SELECT is((SELECT last_success_kind FROM ordersync.shop_health WHERE shop_id = 7), 'full', 'a single order is none');

-- readers of some shops
SELECT pg_temp.good();
UPDATE ordersync.shops SET key_state = 'expired' WHERE gateway = 'taobao';
CREATE ROLE pgtap_store; SELECT ordersync_grant('pgtap_store', 'reader', '{9,20}');
SET LOCAL ROLE pgtap_store;
SELECT results_eq('SELECT shop_id, state FROM ordersync.shop_health ORDER BY 1', $$VALUES (9::bigint, 'unauthorized'), (20, 'ok')$$, 'a reader of some shops sees these');
SELECT results_eq('SELECT gateway, shops, keys_refused FROM ordersync.gateway_health ORDER BY 1', $$VALUES ('relay', 1::bigint, 1::bigint - 1), ('taobao', 1, 1)$$, 'and has these counted');
RESET ROLE;

-- many shops, many runs: each part by an index
SELECT pg_temp.good();
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state)
SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok' FROM generate_series(1001, 1500) n;
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, finished_at, lot)
SELECT 1001 + n % 500, 'incremental', now(), now(), CASE n % 10 WHEN 0 THEN 'failed' ELSE 'succeeded' END, now(), NULL FROM generate_series(1, 10000) n;
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, finished_at)
SELECT run_id, shop_id, 'orders', 'modified', since, until, state, now() FROM ordersync.sync_runs;
ANALYZE ordersync.shops; ANALYZE ordersync.sync_runs; ANALYZE ordersync.sync_tasks; ANALYZE ordersync.coverage;
CREATE FUNCTION pg_temp.read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname IN ('sync_runs', 'sync_tasks') $$;
CREATE TEMP TABLE r AS SELECT pg_temp.read() AS before;
SELECT is((SELECT count(*) FROM ordersync.shop_health WHERE shop_id = 1010), 1::bigint, 'one shop among ten thousand runs');
SELECT cmp_ok(pg_temp.read() - before, '<', 20::bigint, 'reads few runs and tasks') FROM r;
UPDATE r SET before = pg_temp.read();
SELECT is((SELECT count(*) FROM ordersync.shop_health WHERE last_run IS NOT NULL), 500::bigint, 'all shops');
SELECT cmp_ok(pg_temp.read() - before, '<', 504 * 5::bigint, 'a few for each') FROM r;

-- of many shops a few that cannot be read, and are tried again when the others' work is done, do not speak for the gateway
DELETE FROM ordersync.shops WHERE shop_id > 20;
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state)
SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok' FROM generate_series(100, 147) n;
SELECT pg_temp.good();
UPDATE ordersync.shops SET enabled = false WHERE shop_id = 147;
SELECT pg_temp.fail(pg_temp.task(n), 'retry', 'http') FROM unnest('{7,9,7,9,100,101}'::bigint[]) n;
SELECT is(pg_temp.gateway(), 'ok', 'what four of fifty see is theirs');
SELECT is(pg_temp.shop(102), 'ok', 'and no other''s');
SELECT is((SELECT hint FROM ordersync.failed_tasks WHERE shop_id = 9 LIMIT 1), 'the gateway, or a proxy before it, answers with an error', 'their tasks say it');
SELECT pg_temp.good_call(pg_temp.task(102));
SELECT pg_temp.fail(pg_temp.task(n), 'retry', 'http') FROM unnest('{103,104,105,106}'::bigint[]) n;
SELECT is(pg_temp.gateway(), 'ok', 'who failed before a good call is not counted');
SELECT pg_temp.fail(pg_temp.task(n), 'retry', 'http') FROM unnest('{107}'::bigint[]) n;
SELECT is(split_part(pg_temp.gateway(), ' | ', 1), 'unreachable', 'what a tenth of them sees is the gateway''s');
SELECT pg_temp.good_call(pg_temp.task(102));
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state)
SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok' FROM generate_series(200, 1200) n;
SELECT pg_temp.fail(pg_temp.task(n), 'retry', 'http') FROM generate_series(200, 218) n;
SELECT is(pg_temp.gateway(), 'ok', 'of a thousand');
SELECT pg_temp.fail(pg_temp.task(219), 'retry', 'http');
SELECT is(split_part(pg_temp.gateway(), ' | ', 1), 'unreachable', 'twenty are enough');

SELECT * FROM finish();
ROLLBACK;
