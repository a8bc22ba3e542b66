-- The watchdog's rules: for which shops it requests a run, how often, and what is told to listeners and the log.
BEGIN;
SELECT plan(53);
SET client_min_messages = error;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
SELECT ordersync_add_shop(2, '测试店铺2', 'session-2');
UPDATE ordersync.shops SET key_state = 'ok', key_state_reported = 'ok';
SELECT ordersync_set_shop(2, '{"freshness_target": "off", "full_run_target": "off"}');

-- what would be told at the commit
CREATE TEMP TABLE told (n serial, what text);
GRANT ALL ON told, told_n_seq TO PUBLIC;
CREATE OR REPLACE FUNCTION ordersync.log_line(line text) RETURNS void LANGUAGE sql AS $$ INSERT INTO pg_temp.told (what) VALUES ('log ' || line) $$;
CREATE OR REPLACE FUNCTION ordersync.notify(p_event text, p_more jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO pg_temp.told (what) VALUES ('notify ' || p_event || ' ' || p_more) $$;
CREATE FUNCTION pg_temp.told() RETURNS text LANGUAGE sql AS $$
	WITH t AS (DELETE FROM told RETURNING n, what) SELECT string_agg(what, E'\n' ORDER BY n) FROM t $$;
CREATE FUNCTION pg_temp.ago(hours numeric) RETURNS timestamptz LANGUAGE sql AS $$ SELECT clock_timestamp() - hours * interval '1 hour' $$;
-- orders and after-sales are read as far as a run that many hours ago could
CREATE FUNCTION pg_temp.read_until(shop bigint, hours numeric) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
	SELECT shop, v.stream, 'modified', tstzmultirange(tstzrange(pg_temp.ago(hours + 100), pg_temp.ago(hours) - v.settle))
	FROM (VALUES ('orders', interval '10 minutes'), ('after_sales', '24 hours')) v (stream, settle)
	ON CONFLICT (shop_id, stream, basis) DO UPDATE SET ranges = excluded.ranges $$;
CREATE FUNCTION pg_temp.runs() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s %s by %s', shop_id, kind, state, requested_by), ', ' ORDER BY run_id) FROM ordersync.sync_runs $$;
CREATE FUNCTION pg_temp.end_runs(how text, hours_ago numeric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE ordersync.sync_tasks SET state = 'failed';
	UPDATE ordersync.sync_runs SET state = how, lot = NULL, open_tasks = 0, held_tasks = 0, finished_at = pg_temp.ago(hours_ago) WHERE state IN ('pending', 'running');
END $$;
CREATE FUNCTION pg_temp.forget_runs() RETURNS void LANGUAGE sql AS $$
	DELETE FROM ordersync.sync_runs; DELETE FROM ordersync.sync_tasks; UPDATE ordersync.shops SET watchdog_runs = 0, watchdog_run_at = NULL $$;

-- nobody is behind
SELECT pg_temp.read_until(1, 25);
SELECT is(ordersync.watch(), 60000, 'one that was read a day ago');
SELECT is(pg_temp.runs(), NULL, 'is left alone');
SELECT is(pg_temp.told(), NULL, 'nothing is said');

-- one is
SELECT pg_temp.read_until(1, 27);
SELECT is(ordersync.watch(), 60000, 'after 26 hours');
SELECT is(pg_temp.runs(), '1 incremental pending by ordersync watchdog', 'it gets a run, which says who asked for it');
SELECT is((SELECT string_agg(DISTINCT stream, ' ' ORDER BY stream) FROM ordersync.sync_tasks), 'after_sales orders special_refunds', 'an ordinary one');
SELECT is((SELECT min(since) < pg_temp.ago(27) FROM ordersync.sync_tasks WHERE stream = 'orders' AND basis = 'modified'), true, 'from where the shop was read to');
SELECT is(pg_temp.told(), format(E'log shop 1: behind its target, incremental, lag 27.0 h, target 26.0 h\n'
	'notify behind_target {"kind": "incremental", "lag_s": 97200, "shop_id": 1, "target_s": 93600}\n'
	'log shop 1, run %s: requested by the watchdog, incremental', (SELECT run_id FROM ordersync.sync_runs)), 'and log and listeners are told');
SELECT is(ordersync.watch(), 60000, 'while that run waits or runs');
SELECT is(pg_temp.runs(), '1 incremental pending by ordersync watchdog', 'it gets no other');
SELECT is(pg_temp.told(), NULL, 'and nothing is said again');

-- it fails again and again
SELECT pg_temp.end_runs('failed', 0);
SELECT is(ordersync.watch(), 60000, 'one whose run has just failed');
SELECT is(pg_temp.runs(), '1 incremental failed by ordersync watchdog', 'waits');
SELECT set_eq($$ SELECT t.n, ordersync.watchdog_delay('26 hours', t.n) FROM generate_series(0, 5) t (n) $$,
	$$ VALUES (0, interval '1 hour'), (1, '1 hour'), (2, '2 hours'), (3, '4 hours'), (4, '6 hours 30 minutes'), (5, '6 hours 30 minutes') $$, 'an hour first, then longer');
SELECT set_eq($$ SELECT t.n, ordersync.watchdog_delay('32 days', t.n) FROM generate_series(1, 5) t (n) $$,
	$$ VALUES (1, interval '1 day'), (2, '2 days'), (3, '4 days'), (4, '8 days'), (5, '8 days') $$, 'a full run from a day to eight');
SELECT is(ordersync.watchdog_delay('1 hour', 7), interval '15 minutes', 'a short target is tried four times at least');
UPDATE ordersync.sync_runs SET finished_at = pg_temp.ago(1.1);
UPDATE ordersync.shops SET watchdog_run_at = pg_temp.ago(1.2) WHERE shop_id = 1;
SELECT ordersync.watch();
SELECT is(pg_temp.runs(), '1 incremental failed by ordersync watchdog, 1 incremental pending by ordersync watchdog', 'after the hour it gets another');
SELECT pg_temp.end_runs('failed', 1.1);
UPDATE ordersync.shops SET watchdog_run_at = pg_temp.ago(1.2) WHERE shop_id = 1;
SELECT ordersync.watch();
SELECT is((SELECT count(*) FROM ordersync.sync_runs), 2::bigint, 'the next one not after an hour');
UPDATE ordersync.sync_runs SET finished_at = pg_temp.ago(2.1);
UPDATE ordersync.shops SET watchdog_run_at = pg_temp.ago(2.2) WHERE shop_id = 1;
SELECT ordersync.watch();
SELECT is((SELECT count(*) FROM ordersync.sync_runs), 3::bigint, 'but after two');
SELECT pg_temp.end_runs('succeeded', 0);
SELECT is(pg_temp.told() ~ 'behind', false, 'that it is behind is not said again');

-- it is back
SELECT pg_temp.read_until(1, 0);
SELECT ordersync.watch();
SELECT is(pg_temp.told(), E'log shop 1: within its target again, incremental, lag 0.0 h, target 26.0 h\n'
	'notify within_target {"kind": "incremental", "lag_s": 0, "shop_id": 1, "target_s": 93600}', 'that it is back is');
SELECT results_eq('SELECT behind_since, watchdog_runs, watchdog_run_at FROM ordersync.shops WHERE shop_id = 1', 'VALUES (NULL::timestamptz, 0, NULL::timestamptz)', 'and its tries are forgotten');
SELECT ordersync.watch();
SELECT is(pg_temp.told(), NULL, 'once');

-- who else has tried
SELECT pg_temp.forget_runs();
INSERT INTO ordersync.sync_runs (shop_id, kind, state, lot, finished_at) VALUES (1, 'incremental', 'failed', NULL, pg_temp.ago(0.5));
SELECT pg_temp.read_until(1, 30);
SELECT ordersync.watch();
SELECT is((SELECT count(*) FROM ordersync.sync_runs), 1::bigint, 'a run that somebody else has just seen fail counts as a try');
SELECT pg_temp.forget_runs();
INSERT INTO ordersync.sync_runs (shop_id, kind, state, open_tasks) VALUES (1, 'incremental', 'running', 1);
SELECT ordersync.watch();
SELECT is((SELECT count(*) FROM ordersync.sync_runs), 1::bigint, 'one of somebody else''s that is active is enough');
UPDATE ordersync.sync_runs SET kind = 'full';
SELECT ordersync.watch();
SELECT is((SELECT count(*) FROM ordersync.sync_runs), 2::bigint, 'but not one of another kind');

-- nothing is requested that could only wait
CREATE FUNCTION pg_temp.asked(change text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	PERFORM pg_temp.forget_runs();
	EXECUTE change;
	PERFORM ordersync.watch();
	SELECT count(*) INTO n FROM ordersync.sync_runs WHERE shop_id = 1 AND kind = 'incremental';
	RAISE EXCEPTION 'undone' USING ERRCODE = 'OS999', DETAIL = n;
EXCEPTION WHEN SQLSTATE 'OS999' THEN
	RETURN n;
END $$;
SELECT is(pg_temp.asked('SELECT 1'), 1::bigint, 'one that is ready');
SELECT is(pg_temp.asked('SELECT ordersync_pause_shop(1)'), 0::bigint, 'not a paused one');
SELECT is(pg_temp.asked(format('UPDATE ordersync.shops SET key_state = %L', k)), 0::bigint, 'not one whose key is ' || k)
FROM unnest(ARRAY['missing', 'wrong_seller', 'key_unreadable', 'moved', 'expired']) k;
SELECT is(pg_temp.asked(format('UPDATE ordersync.shops SET key_state = %L', k)), 1::bigint, 'one whose key is ' || k)
FROM unnest(ARRAY['unchecked', 'unverified']) k;
SELECT is(pg_temp.asked($$ UPDATE ordersync.shops SET key_state = 'expired', key_check_at = now() + interval '1 hour' $$), 0::bigint, 'a refused one not before its check');
SELECT is(pg_temp.asked($$ UPDATE ordersync.shops SET key_state = 'expired', key_check_at = now() - interval '1 hour' $$), 1::bigint, 'but then');
SELECT is(pg_temp.asked($$ UPDATE ordersync.gateways SET secret_state = 'unreadable' $$), 0::bigint, 'not without the application secret');
SELECT is(pg_temp.asked($$ UPDATE ordersync.gateways SET throttled_until = now() + interval '1 hour' $$), 0::bigint, 'not during a ban');
SELECT is(pg_temp.asked($$ SELECT ordersync_set_shop(1, '{"incremental": "off"}') $$), 0::bigint, 'not where incremental runs are switched off');

-- full runs
SELECT pg_temp.forget_runs();
SELECT pg_temp.told();
SELECT pg_temp.read_until(1, 0);
UPDATE ordersync.shops SET created_at = pg_temp.ago(33 * 24);
SELECT ordersync.watch();
SELECT is(pg_temp.runs(), '1 full pending by ordersync watchdog', 'after a month without a full run it gets that');
SELECT is((SELECT max(t.until) - min(t.since) >= interval '28 days' FROM ordersync.sync_tasks t WHERE t.basis = 'created'), true, 'over a month');
SELECT is(pg_temp.told() ~ 'notify behind_target \{"kind": "full", "lag_s": 2851200, "shop_id": 1, "target_s": 2764800\}', true, 'which is told as well');

-- keys that expire
SELECT pg_temp.told();
UPDATE ordersync.shops SET key_expires_at = '2099-01-01 00:00+08' WHERE shop_id = 1;
SELECT ordersync.watch();
SELECT is(pg_temp.told(), NULL, 'a key that is good for long is not told of');
UPDATE ordersync.shops SET key_expires_at = now() + interval '13 days 5 hours' WHERE shop_id = 1;
SELECT ordersync.watch();
SELECT is(pg_temp.told() ~ 'days left: 13\nnotify key_expires \{"shop_id": 1, "days_left": 13, "expires_at": "', true, 'one that expires within 14 days is');
SELECT ordersync.watch();
SELECT is(pg_temp.told(), NULL, 'once');
UPDATE ordersync.shops SET key_expires_at = now() + interval '3 days 5 hours' WHERE shop_id = 1;
SELECT ordersync.watch();
SELECT is(pg_temp.told() ~ '"days_left": 3,', true, 'and again for another expiry');

-- many at once
SELECT ordersync_add_shop(i, '测试店铺' || i, 'session-' || i) FROM generate_series(101, 170) i;
UPDATE ordersync.shops SET key_state = 'ok', key_state_reported = 'ok', created_at = pg_temp.ago(27) WHERE shop_id > 100;
SELECT is(ordersync.watch(), 500, 'many are requested in batches');
SELECT cmp_ok((SELECT count(*) FROM ordersync.sync_runs WHERE shop_id > 100), '<=', 50::bigint, 'of fifty at most');
DO $$ BEGIN FOR i IN 1 .. 120 LOOP EXIT WHEN ordersync.watch() = 60000; END LOOP; END $$;
SELECT is((SELECT count(*) FROM ordersync.sync_runs WHERE shop_id > 100), 70::bigint, 'until all have theirs');

-- who triggers a shop while a long transaction removes it makes a run that nobody will ever claim
SELECT ordersync_add_shop(301, '测试店铺301', 'session-301');
CREATE TEMP TABLE orphan AS SELECT ordersync_trigger_full(301) AS run_id;
DELETE FROM ordersync.shops WHERE shop_id = 301;
SELECT pg_temp.told();
SELECT ordersync.watch();
SELECT results_eq('SELECT r.state, r.open_tasks, r.message FROM ordersync.sync_runs r JOIN orphan USING (run_id)', $$VALUES ('cancelled', 0, 'its shop was removed')$$, 'a run whose shop is gone is cancelled');
SELECT is((SELECT string_agg(DISTINCT t.state, ' ') FROM ordersync.sync_tasks t JOIN orphan USING (run_id)), 'cancelled', 'with its tasks');
SELECT is(pg_temp.told() ~ '"run_ended"|run_ended', true, 'which is told');

SELECT * FROM finish();
ROLLBACK;
