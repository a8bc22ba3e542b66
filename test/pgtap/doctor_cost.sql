-- What the doctor's checks read: not more with thousands of runs and windows in history than with few.
BEGIN;
SELECT plan(9);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld', options => '{"calls_per_day": 1000}');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state) SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok' FROM generate_series(1, 1000) n;
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT n, s, 'modified', tstzmultirange(tstzrange(now() - interval '60 days', now() - interval '1 hour')) FROM generate_series(1, 1000) n, unnest('{orders,after_sales}'::text[]) s;
-- ten runs of each shop that have ended, of which one in a thousand has a failed window, and a run that waits
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, finished_at, lot)
SELECT n, 'incremental', now() - interval '1 day', now(), 'succeeded', now(), NULL FROM generate_series(1, 10) r, generate_series(1, 1000) n;
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, finished_at)
SELECT run_id, shop_id, 'orders', 'modified', since, until, CASE WHEN run_id % 1000 = 0 THEN 'failed' ELSE 'succeeded' END, now() FROM ordersync.sync_runs;
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks) VALUES (7, 'full', now() - interval '1 day', now(), 1);
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, made_at)
SELECT run_id, shop_id, 'orders', 'created', since, until, now() - interval '1 hour' FROM ordersync.sync_runs WHERE state = 'pending';
ANALYZE ordersync.sync_runs, ordersync.sync_tasks, ordersync.coverage, ordersync.shops;

CREATE FUNCTION pg_temp.read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(seq_tup_read + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname IN ('sync_runs', 'sync_tasks') $$;
CREATE FUNCTION pg_temp.read_by(p_check text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v_before bigint := pg_temp.read();
BEGIN
	EXECUTE 'SELECT count(*) FROM ' || p_check;
	RETURN pg_temp.read() - v_before;
END $$;

SELECT cmp_ok(pg_temp.read_by('ordersync.check_health_holes()'), '<', 20::bigint, 'holes: of runs the active ones');
SELECT cmp_ok(pg_temp.read_by('ordersync.check_health_calls_today()'), '<', 20::bigint, 'calls today: likewise');
SELECT cmp_ok(pg_temp.read_by('ordersync.health_running_tasks()'), '<', 20::bigint, 'stuck windows: of windows those that are read');
SELECT cmp_ok(pg_temp.read_by($$ordersync.health_waiting('10 minutes')$$), '<', 20::bigint, 'and one of each run that waits');
SELECT is((SELECT n FROM ordersync.health_waiting('10 minutes')), 1::bigint, 'which it finds');
SELECT cmp_ok(pg_temp.read_by('ordersync.check_health_failed_windows()'), '<', 300::bigint, 'failed windows: these, and later runs of their shops');
SELECT ok((SELECT detail LIKE 'not read since: %' FROM ordersync.check_health_failed_windows()), 'which it finds');
SELECT is(pg_temp.read_by('ordersync.health_tables()'), 0::bigint, 'tables: nothing of them');
SELECT is((SELECT string_agg(check_name, ', ') FROM ordersync_doctor() WHERE detail LIKE 'not known%'), NULL, 'every check answers');
SELECT * FROM finish();
ROLLBACK;
