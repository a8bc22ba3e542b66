-- ordersync_doctor(): which checks there are, what each calls wrong, and what a reader sees. The hints' commands are typed in test/t/54_doctor.pl.
BEGIN;
SELECT plan(73);
SET client_min_messages = error;

CREATE FUNCTION pg_temp.says(p_check text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(COALESCE(ok::text, 'unknown') || COALESCE(': ' || detail, ''), ' / ') FROM ordersync_doctor() WHERE check_name = p_check $$;
CREATE FUNCTION pg_temp.is_ok(p_check text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(COALESCE(ok::text, 'unknown'), ' / ') FROM ordersync_doctor() WHERE check_name = p_check $$;
CREATE FUNCTION pg_temp.hint(p_check text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(hint, ' / ') FROM ordersync_doctor() WHERE check_name = p_check $$;

-- every check is asked
SELECT bag_eq($$SELECT substr(proname, length('check_health_') + 1) FROM pg_proc WHERE pronamespace = 'ordersync'::regnamespace AND proname LIKE 'check\_health\_%'$$,
	$$SELECT unnest(ordersync.health_checks())$$, 'each check is in the doctor''s list, once');

-- nothing is set up: the database is a copy of one that is
DO $$ DECLARE v regclass; BEGIN
	FOR v IN SELECT oid FROM pg_class WHERE relnamespace = 'ordersync'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
		EXECUTE format('DROP TABLE %s CASCADE', v);
	END LOOP; END $$;
SELECT is(pg_temp.says('tables'), 'false: there are no tables yet', 'before set-up: tables');
SELECT is(pg_temp.hint('tables'), 'As the database''s owner type: SELECT ordersync.set_up();', 'and the command');
SELECT is(pg_temp.says('set-up'), 'false: gateways: 0, shops: 0', 'no gateway');
SELECT is(pg_temp.says('holes'), 'unknown: cannot be known, see "tables": relation "ordersync.coverage" does not exist', 'what needs tables is unknown');
SELECT is(pg_temp.says('key file'), 'true: it is made when the first secret is set', 'a key file is not needed yet');
SELECT is(pg_temp.says('secrets'), 'true: none are stored', 'nor is one');
SELECT is(pg_temp.says('library version'), format('true: library and extension are %s', extversion), 'the library''s version') FROM pg_extension WHERE extname = 'ordersync';

SELECT ordersync.set_up();
SELECT is(pg_temp.is_ok('tables'), 'true', 'with tables');
SELECT is(pg_temp.says('clock'), 'unknown: no gateway has answered a call yet', 'no clock to compare with');
SELECT ok(pg_temp.hint('set-up') LIKE '%SELECT ordersync_add_gateway(''taobao'', %);', 'a gateway is to be added');
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ok(pg_temp.hint('set-up') LIKE '%SELECT ordersync_add_shop(1, %, ''taobao'');', 'then a shop');
SELECT ordersync_add_shop(n, 'seller ' || n, 'session-' || n) FROM generate_series(1, 3) n;
SELECT ordersync_pause_shop(3);
SELECT is(pg_temp.says('set-up'), 'true: gateways: 1, shops: 3, 1 of them paused', 'both');
SELECT is(pg_temp.says('key file'), 'true: it is there, and only the server''s user can read it', 'the key file was made');
SELECT is(pg_temp.says('secrets'), 'true: the key file opens them (4 of 4 were tried)', 'and opens the secrets');
UPDATE ordersync.secrets SET sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20)) WHERE kind = 'data_key' AND name = '2';
SELECT is(pg_temp.says('secrets'), 'false: of 4 that were tried, the key file does not open 1: they were sealed with another one', 'one that it does not open');

-- a table that is gone
SAVEPOINT dropped;
DROP TABLE ordersync.coverage CASCADE;
SELECT ok(pg_temp.says('tables') LIKE 'false: missing: %coverage%', 'a table is missing');
SELECT is(pg_temp.is_ok('holes'), 'unknown', 'what needs it is unknown');
SELECT ordersync.set_up();
SELECT is(pg_temp.is_ok('tables') || ' ' || pg_temp.is_ok('holes'), 'true true', 'set_up() makes it');
ROLLBACK TO dropped;
UPDATE ordersync.installation SET version = '0.0.9';
SELECT is(pg_temp.says('tables'), 'false: they were made by version 0.0.9, or by another extension or database', 'another version''s tables');
ROLLBACK TO dropped;

-- data keys
SELECT is(pg_temp.says('expiry of data keys'), 'true: none ends within 14 days, where that is known', 'keys without a date');
UPDATE ordersync.shops SET key_expires_at = date_trunc('day', now(), 'Asia/Shanghai') + interval '15 days 1 hour' WHERE shop_id = 1;
SELECT is(pg_temp.is_ok('expiry of data keys'), 'true', 'in fifteen days');
UPDATE ordersync.shops SET key_expires_at = key_expires_at - interval '2 days' WHERE shop_id = 1;
SELECT is(pg_temp.says('expiry of data keys'), 'false: ending: shops 1 on ' || to_char(timezone('Asia/Shanghai', now()) + interval '13 days', 'MM-DD'), 'in thirteen');
UPDATE ordersync.shops SET key_expires_at = now() - interval '1 hour' WHERE shop_id >= 2;
SELECT ok(pg_temp.says('expiry of data keys') LIKE 'false: expired: shops 2; ending: shops 1 on %', 'expired ones, but of paused shops');
SELECT ok(pg_temp.hint('expiry of data keys') LIKE '%: SELECT ordersync_set_session_key(2, ''session key'', ''%+08'');', 'the worst first');
UPDATE ordersync.shops SET key_state = 'ok', key_expires_at = NULL;

-- the clock
UPDATE ordersync.gateways SET clock_offset = '599 seconds';
SELECT is(pg_temp.says('clock'), 'true: at the last call the server''s clock was 599 s behind that of gateway "taobao"', 'within ten minutes');
UPDATE ordersync.gateways SET clock_offset = '-600 seconds';
SELECT is(pg_temp.says('clock'), 'false: at the last call the server''s clock was 600 s ahead of that of gateway "taobao"; the platform accepts ten minutes', 'ten minutes');
UPDATE ordersync.gateways SET clock_offset = '0';

-- holes
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT n, s, 'modified', tstzmultirange(tstzrange(now() - interval '9 days', now() - interval '1 day')) FROM generate_series(1, 3) n, unnest('{orders,after_sales,special_refunds}'::text[]) s;
SELECT is(pg_temp.is_ok('holes'), 'true', 'no hole');
CREATE FUNCTION pg_temp.hole(p_shop bigint, p_stream text, p_age interval) RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.coverage SET ranges = tstzmultirange(tstzrange(now() - p_age - interval '1 day', now() - p_age), tstzrange(now() - p_age + interval '2 hours', now()))
	WHERE shop_id = p_shop AND stream = p_stream AND basis = 'modified' $$;
SELECT pg_temp.hole(3, 'orders', '3 days'), pg_temp.hole(2, 'orders', '91 days');
SELECT is(pg_temp.is_ok('holes'), 'true', 'one of a paused shop, one that the platform no longer serves');
SELECT pg_temp.hole(1, 'special_refunds', '3 days');
UPDATE ordersync.shops SET unserved = '{"special_refunds": {}}' WHERE shop_id = 1;
SELECT is(pg_temp.is_ok('holes'), 'true', 'one of a list that the platform refuses');
UPDATE ordersync.shops SET unserved = '{}', options = '{"streams": ["orders"]}' WHERE shop_id = 1;
SELECT is(pg_temp.is_ok('holes'), 'true', 'or that the shop does not read');
UPDATE ordersync.shops SET options = '{}' WHERE shop_id = 1;
SELECT ok(pg_temp.says('holes') LIKE 'false: shops with holes: 1; shop 1, special_refunds from %', 'otherwise it is one');
SELECT pg_temp.hole(2, 'after_sales', '3 days');
SELECT is(pg_temp.hint('holes'), 'Read what is missing: SELECT * FROM ordersync_trigger_all(''incremental'', shop_ids => ''{1,2}'');', 'the command for both');
SAVEPOINT triggered;
SELECT * FROM ordersync_trigger_all('incremental', shop_ids => '{1,2}');
SELECT is(pg_temp.is_ok('holes'), 'true', 'while a run is active it waits for that');
ROLLBACK TO triggered;
UPDATE ordersync.coverage SET ranges = tstzmultirange(range_merge(ranges));

-- failed windows
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, finished_at, lot) VALUES
	(1, 'incremental', now() - interval '2 days', now(), 'incomplete', now(), NULL), (2, 'check', now(), now(), 'failed', now(), NULL), (2, 'full', now(), now(), 'cancelled', now(), NULL);
CREATE TEMP TABLE run AS SELECT max(run_id) FILTER (WHERE kind = 'incremental') AS incremental, max(run_id) FILTER (WHERE kind = 'check') AS checked, max(run_id) FILTER (WHERE kind = 'full') AS full_run FROM ordersync.sync_runs;
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, ids, state, error_class, error, finished_at)
SELECT incremental, 1, 'orders', 'modified', now() - interval '12 hours', now() - interval '6 hours', NULL::bigint[], 'failed', 'network', 'no route', now() FROM run
UNION ALL SELECT checked, 2, 'orders', 'modified', now(), now(), NULL, 'failed', 'session', 'refused', now() FROM run
UNION ALL SELECT full_run, 2, 'orders', 'modified', now() - interval '6 hours', now(), NULL, 'failed', 'timeout', 'slow', now() FROM run;
SELECT is(pg_temp.says('failed windows'), 'false: not read since: 1, of shops 1; the last: shop 1, network: no route', 'one; neither a check of a key nor what was cancelled');
SELECT is(pg_temp.hint('failed windows'), 'What to do for each is in ordersync.failed_tasks, column what_to_do; then: SELECT ordersync_retry(r) FROM unnest(''{' || incremental || '}''::bigint[]) r;', 'its run is tried again') FROM run;
SAVEPOINT failed;
SELECT ordersync_retry(incremental) FROM run;
SELECT is(pg_temp.is_ok('failed windows'), 'true', 'while it is tried again');
ROLLBACK TO failed;
UPDATE ordersync.coverage SET ranges = ranges + tstzmultirange(tstzrange(now() - interval '1 day', now())) WHERE shop_id = 1;
SELECT is(pg_temp.is_ok('failed windows'), 'false', 'that it was closed before does not count');
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, verdict, closed_at) VALUES (1, 'orders', 'modified', tstzrange(now() - interval '12 hours', now() - interval '6 hours'), 'counted', now() + interval '1 second');
SELECT is(pg_temp.is_ok('failed windows'), 'true', 'that it was read once more does');
UPDATE ordersync.sync_tasks SET stream = 'details', ids = '{1}' WHERE run_id = (SELECT incremental FROM run);
SELECT is(pg_temp.is_ok('failed windows'), 'false', 'but not for records that were to be fetched');
ROLLBACK TO failed;

-- stuck windows: held for long by a worker, orphaned, or due and not claimed
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner = 'alive' $$;
CREATE OR REPLACE FUNCTION ordersync.worker_state() RETURNS text LANGUAGE sql AS $$ SELECT 'ready' $$;
CREATE TEMP TABLE w AS SELECT * FROM ordersync.worker_list() WITH NO DATA;
ALTER TABLE w ALTER database SET DEFAULT current_database(), ALTER slot SET DEFAULT 1, ALTER pid SET DEFAULT 1, ALTER state SET DEFAULT 'idle', ALTER in_flight SET DEFAULT 0, ALTER started_at SET DEFAULT now();
GRANT SELECT ON w TO PUBLIC;
SELECT format('CREATE OR REPLACE FUNCTION ordersync.worker_list() RETURNS %s LANGUAGE sql AS $f$ SELECT * FROM %I.w $f$', pg_get_function_result('ordersync.worker_list'::regproc), (SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema())) AS make \gexec
SELECT is(pg_temp.is_ok('stuck windows'), 'true', 'no window');
SELECT ordersync_trigger_incremental(1, now() - interval '12 hours', now() - interval '11 hours');
CREATE TEMP TABLE stuck AS SELECT max(task_id) AS id FROM ordersync.sync_tasks WHERE stream = 'orders' AND state = 'pending';
UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', claimed_at = clock_timestamp() - interval '59 minutes' WHERE task_id = (SELECT id FROM stuck);
SELECT is(pg_temp.is_ok('stuck windows'), 'true', 'one that a worker has not had for an hour');
UPDATE ordersync.sync_tasks SET claimed_at = clock_timestamp() - interval '61 minutes' WHERE task_id = (SELECT id FROM stuck);
SELECT ok(pg_temp.says('stuck windows') LIKE 'false: held for long: 1, window ' || id || ' of shop 1 since %', 'one that it has had for more') FROM stuck;
UPDATE ordersync.sync_tasks SET owner = 'dead', claimed_at = clock_timestamp() - interval '9 minutes' WHERE task_id = (SELECT id FROM stuck);
SELECT is(pg_temp.is_ok('stuck windows'), 'true', 'one of a worker that has just died');
UPDATE ordersync.sync_tasks SET claimed_at = clock_timestamp() - interval '11 minutes' WHERE task_id = (SELECT id FROM stuck);
SELECT is(pg_temp.is_ok('stuck windows'), 'false', 'one that nobody has taken over');
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, made_at = clock_timestamp() - interval '11 minutes';
SELECT is((SELECT n FROM ordersync.health_waiting('10 minutes')), 1::bigint, 'due for eleven minutes');
SELECT is((SELECT n FROM ordersync.health_waiting('12 minutes')), 0::bigint, 'not for twelve');
INSERT INTO w (started_at) VALUES (now() - interval '1 hour');
SELECT ok(pg_temp.says('stuck windows') LIKE 'false: due and not claimed: 1, run % of shop 1', 'while the workers are idle');
UPDATE w SET last_call_at = clock_timestamp() - interval '9 minutes';
SELECT is(pg_temp.is_ok('stuck windows'), 'true', 'unless they have just made calls');
UPDATE ordersync.sync_tasks SET next_attempt_at = clock_timestamp() + interval '1 hour';
SELECT is((SELECT n FROM ordersync.health_waiting('10 minutes')), 0::bigint, 'a window that is to be tried later is not due');
UPDATE ordersync.sync_tasks SET next_attempt_at = NULL;
SELECT ordersync_pause_shop(1);
SELECT is((SELECT n FROM ordersync.health_waiting('10 minutes')), 0::bigint, 'nor is one of a paused shop');
SELECT ordersync_resume_shop(1);
UPDATE ordersync.gateways SET throttled_until = clock_timestamp() + interval '1 hour';
SELECT is((SELECT n FROM ordersync.health_waiting('10 minutes')), 0::bigint, 'nor one of a gateway that may not be called');
ROLLBACK TO failed;

-- calls of today
SELECT is(pg_temp.says('calls today'), 'true: no gateway has a limit (option calls_per_day)', 'no limit');
SELECT throws_ok($$SELECT ordersync_set_gateway('taobao', '{"calls_per_day": 0}')$$, '22023', 'invalid value for option "calls_per_day"', 'a limit of nothing is refused');
SELECT throws_ok($$SELECT ordersync_set_gateway('taobao', '{"calls_per_day": "many"}')$$, '22023', 'invalid value for option "calls_per_day"', 'and what is no number');
SELECT ordersync_set_gateway('taobao', '{"calls_per_day": 10}');
INSERT INTO ordersync.request_log (logged_at, shop_id, gateway, verdict)
SELECT timezone('Asia/Shanghai', timezone('Asia/Shanghai', now())::date::timestamp) + make_interval(secs => n), 1, 'taobao', 'ok' FROM generate_series(-3, 6) n;
SELECT is(pg_temp.says('calls today'), 'true: gateway "taobao": 7 made of 10, about 0 planned', 'calls since midnight in Shanghai');
SELECT ordersync_trigger_order(1, 5);
SELECT is(pg_temp.says('calls today'), 'true: gateway "taobao": 7 made of 10, about 1 planned', 'and one that waits');
ALTER TABLE ordersync.shops ADD COLUMN IF NOT EXISTS next_incremental_at timestamptz, ADD COLUMN IF NOT EXISTS next_full_at timestamptz;
UPDATE ordersync.shops SET next_incremental_at = now();
SELECT is(pg_temp.says('calls today'), 'false: gateway "taobao": 7 made of 10, about 9 planned', 'and four for each of the two shops that are due today');
SELECT ok(pg_temp.hint('calls today') LIKE '%: SELECT ordersync_set_gateway(''taobao'', ''{"calls_per_day": 116}'');', 'with a limit that is enough');
SELECT ordersync_set_gateway('taobao', '{"calls_per_day": null}');

-- where certificates are
CREATE OR REPLACE FUNCTION ordersync.health_certificates(OUT file text, OUT file_trouble text, OUT system text, OUT system_trouble text) LANGUAGE sql AS $$ SELECT NULL, NULL, '/etc/ssl/some', NULL $$;
SELECT is(pg_temp.says('certificates'), 'true: gateways are verified with the system''s, "/etc/ssl/some"', 'the system''s');
CREATE OR REPLACE FUNCTION ordersync.health_certificates(OUT file text, OUT file_trouble text, OUT system text, OUT system_trouble text) LANGUAGE sql AS $$ SELECT NULL, NULL, '/etc/ssl/some', 'does not exist' $$;
SELECT is(pg_temp.says('certificates'), 'false: gateways are verified with the system''s, "/etc/ssl/some" which does not exist', 'which there may be none of');
SELECT ok(pg_temp.hint('certificates') LIKE 'Install the package ca-certificates, %', 'then they are to be installed');
CREATE OR REPLACE FUNCTION ordersync.health_certificates(OUT file text, OUT file_trouble text, OUT system text, OUT system_trouble text) LANGUAGE sql AS $$ SELECT '/x', 'has no certificate', '/etc/ssl/some', NULL $$;
SELECT ok(pg_temp.hint('certificates') LIKE '%: ALTER SYSTEM RESET ordersync.ca_file; SELECT pg_reload_conf();', 'a file of one''s own that is bad');

-- what is wrong has a hint that ends with a command, what is well has none
SELECT is_empty($$SELECT check_name, ok, hint FROM ordersync_doctor() WHERE ok AND hint IS NOT NULL OR NOT ok AND hint IS NULL$$, 'hints where something is wrong');
SELECT is_empty($$SELECT check_name, hint FROM ordersync_doctor() WHERE hint !~ '(;|restart|chmod 0600 \S+|install -m 0600 \S+ \S+)$'$$, 'and the command stands at their end');

-- a reader, one of some shops, and nobody
CREATE ROLE bi; CREATE ROLE store; CREATE ROLE nobody;
SELECT ordersync_grant('bi', 'reader'), ordersync_grant('store', 'reader', '{2}');
GRANT USAGE ON SCHEMA public TO nobody;
UPDATE ordersync.shops SET key_state = 'expired' WHERE shop_id = 2;
SET ROLE bi;
SELECT is_empty($$SELECT check_name, detail FROM ordersync_doctor() WHERE detail LIKE 'may not be seen%' OR detail LIKE 'not known%'$$, 'a reader is answered all');
SELECT ok(pg_temp.says('worker slots') LIKE 'unknown: %only pg_read_all_stats sees', 'but for other processes');
SELECT is(pg_temp.says('data keys'), 'false: 1 shop waits for a data key: 2', 'shops');
SELECT throws_ok($$SELECT ordersync.server_setting('cron.database_name')$$, '42501', 'permission denied for function server_setting', 'settings of the server are read by the checks only');
RESET ROLE;
SELECT throws_ok($$SELECT ordersync.server_setting('primary_conninfo')$$, '42501', 'setting "primary_conninfo" is not shown by this function', 'and of these none that may hold a password');
SET ROLE store;
SELECT is(pg_temp.says('data keys'), 'false: 1 shop waits for a data key: 2', 'who sees one shop is told of that');
RESET ROLE;
SET ROLE nobody;
SELECT throws_ok('SELECT * FROM ordersync_doctor()', '42501', NULL, 'who was granted nothing may not ask');
RESET ROLE;
REVOKE SELECT ON ordersync.coverage FROM bi;
SET ROLE bi;
SELECT is(pg_temp.says('holes'), 'unknown: may not be seen: permission denied for table coverage', 'what was revoked is unknown');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
