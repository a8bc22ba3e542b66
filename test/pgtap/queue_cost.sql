-- What the queue reads for a claim and a settle: as much with thousands of runs and windows as with few, by plans made while all tables were empty.
BEGIN;
SELECT plan(13);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');

-- rows that this transaction has read of a table so far, by whatever index or without
CREATE FUNCTION pg_temp.read(name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname = name $$;
CREATE TEMP TABLE r (name text, before bigint);
CREATE FUNCTION pg_temp.begin_reading() RETURNS void LANGUAGE sql AS $$
	DELETE FROM r;
	INSERT INTO r SELECT n, pg_temp.read(n) FROM unnest('{sync_runs,sync_tasks,shops,gateways,window_counts,coverage,sub_orders,after_sales}'::text[]) n $$;
CREATE FUNCTION pg_temp.was_read(name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT pg_temp.read(name) - before FROM r WHERE r.name = was_read.name $$;

-- runs of one window each, for shops of these numbers
CREATE FUNCTION pg_temp.runs(first integer, last integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state)
	SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok' FROM generate_series(first, last) n;
	WITH made AS (
		INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks)
		SELECT n, 'incremental', '2026-11-01 08:00+08', '2026-11-01 09:00+08', 1 FROM generate_series(first, last) n
		RETURNING run_id, shop_id
	)
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until)
	SELECT run_id, shop_id, 'orders', 'modified', '2026-11-01 08:00+08', '2026-11-01 09:00+08' FROM made $$;
CREATE FUNCTION pg_temp.close(task bigint) RETURNS boolean LANGUAGE sql AS $$
	SELECT ordersync.settle(t.task_id, t.token, jsonb_build_object('state', 'succeeded', 'outcome', 'counted', 'reported', 1, 'seen', 1, 'passes', 1, 'closed_since', EXTRACT(epoch FROM t.since)::bigint, 'closed_until', EXTRACT(epoch FROM t.until)::bigint, 'page_new', 1, 'call', '{"method": "m"}'::jsonb))
	FROM ordersync.sync_tasks t WHERE t.task_id = task $$;

-- every plan is made now
SELECT is_empty('SELECT FROM ordersync.claim(''alive'', 16, 1000)', 'nothing to claim');
SELECT is(ordersync.next_due(), NULL, 'nothing due');
SELECT pg_temp.runs(1, 1);
CREATE TEMP TABLE c AS SELECT * FROM ordersync.claim('alive', 16, 1000);
SELECT is((SELECT pg_temp.close(task_id) FROM c), true, 'one window');

-- three thousand runs wait
SELECT pg_temp.runs(1001, 4000);
SELECT pg_temp.begin_reading();
TRUNCATE c; INSERT INTO c SELECT * FROM ordersync.claim('alive', 16, 1000);
SELECT is((SELECT count(*) FROM c), 16::bigint, 'a claim among three thousand runs');
SELECT cmp_ok(pg_temp.was_read('sync_runs'), '<', 300::bigint, 'reads few runs');
SELECT cmp_ok(pg_temp.was_read('sync_tasks'), '<', 300::bigint, 'few tasks');
SELECT cmp_ok(pg_temp.was_read('shops'), '<', 300::bigint, 'few shops');
SELECT pg_temp.begin_reading();
SELECT is(ordersync.next_due(), NULL, 'nothing becomes due by time');
SELECT cmp_ok(pg_temp.was_read('sync_runs') + pg_temp.was_read('sync_tasks') + pg_temp.was_read('shops'), '<', 50::bigint, 'which is known without reading them');

-- a shop with windows of many days, twenty on the day that another one is closed
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, verdict, closed_at)
SELECT (SELECT min(shop_id) FROM c), 'orders', 'modified', tstzrange(t, t + interval '10 minutes'), 'counted', '2026-11-01 09:00+08'
FROM generate_series('2026-08-01 00:00+08'::timestamptz, '2026-11-01 03:10+08', '10 minutes') t;
SELECT pg_temp.begin_reading();
SELECT is((SELECT pg_temp.close(task_id) FROM c ORDER BY shop_id LIMIT 1), true, 'a window is closed where twelve thousand are');
SELECT cmp_ok(pg_temp.was_read('window_counts'), '<', 60::bigint, 'and those of its day are read, once');
SELECT cmp_ok(pg_temp.was_read('sync_tasks'), '<', 20::bigint, 'its own task');
SELECT cmp_ok(pg_temp.was_read('sync_runs'), '<', 20::bigint, 'and its own run');

SELECT * FROM finish();
ROLLBACK;
