-- What a trigger, a claim and the views read: as much with ten thousand runs in history as with ten, and before and after ANALYZE.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state, first_incremental_at, first_full_at)
SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok', now() - interval '60 days', now() - interval '60 days' FROM generate_series(1, 14) n;
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT n, s.stream, s.basis, tstzmultirange(tstzrange(date_trunc('second', now()) - interval '60 days', date_trunc('second', now()) - interval '1 hour'))
FROM generate_series(1, 14) n, (VALUES ('orders', 'modified'), ('orders', 'arrival'), ('after_sales', 'modified'), ('special_refunds', 'modified'), ('after_sales', 'arrival')) s (stream, basis);

-- so many hourly runs of each shop, of ten windows, the last of which ended some hours ago; one in fifty has failed, and was put right
CREATE FUNCTION pg_temp.history(p_from integer, p_to integer) RETURNS void LANGUAGE sql AS $$
	WITH made AS (
		INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, requested_at, started_at, finished_at, lot, open_tasks)
		SELECT s, 'incremental', t - interval '1 hour', t, CASE WHEN h % 50 = 3 THEN 'incomplete' ELSE 'succeeded' END, t, t, t + interval '5 minutes', NULL, 0
		FROM generate_series(p_from, p_to) h, generate_series(1, 14) s, LATERAL (SELECT date_trunc('second', now()) - make_interval(hours => p_to - h + 3) AS t) t
		ORDER BY h, s
		RETURNING *
	)
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, outcome, error_class, made_at, claimed_at, finished_at)
	SELECT m.run_id, m.shop_id, 'orders', 'modified', m.since + n * interval '6 minutes', m.since + (n + 1) * interval '6 minutes',
		CASE WHEN m.state = 'incomplete' AND n = 0 THEN 'failed' ELSE 'succeeded' END, 'counted', CASE WHEN m.state = 'incomplete' AND n = 0 THEN 'timeout' END, m.requested_at, m.requested_at, m.finished_at
	FROM made m, generate_series(0, 9) n $$;

-- rows that this transaction has read of a table so far, by whatever index or without
CREATE FUNCTION pg_temp.read(p_tables text[]) RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname = ANY (p_tables) $$;
CREATE TABLE cost (step text, what text, rows bigint);
CREATE FUNCTION pg_temp.measure(p_step text, p_what text, p_query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_before bigint := pg_temp.read('{sync_runs,sync_tasks}');
BEGIN
	EXECUTE p_query;
	INSERT INTO cost VALUES (p_step, p_what, pg_temp.read('{sync_runs,sync_tasks}') - v_before);
END $$;
CREATE FUNCTION pg_temp.measure_all(p_step text, p_shop bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_run bigint;
BEGIN
	PERFORM pg_temp.measure(p_step, 'a trigger', format('SELECT ordersync_trigger_incremental(%s)', p_shop));
	SELECT max(run_id) INTO v_run FROM ordersync.sync_runs;
	PERFORM pg_temp.measure(p_step, 'a trigger that joins', format('SELECT ordersync_trigger_incremental(%s, now() - interval ''50 minutes'', now() - interval ''40 minutes'')', p_shop));
	PERFORM pg_temp.measure(p_step, 'a trigger of one order', format('SELECT ordersync_trigger_order(%s, 4711)', p_shop));
	PERFORM pg_temp.measure(p_step, 'run_progress of an active run', format('SELECT * FROM ordersync.run_progress WHERE run_id = %s', v_run));
	PERFORM pg_temp.measure(p_step, 'run_progress of a shop''s active runs', format('SELECT * FROM ordersync.run_progress WHERE shop_id = %s AND state IN (''pending'', ''running'')', p_shop));
	PERFORM pg_temp.measure(p_step, 'shop_health of a shop', format('SELECT * FROM ordersync.shop_health WHERE shop_id = %s', p_shop));
	PERFORM pg_temp.measure(p_step, 'a claim', 'SELECT * FROM ordersync.claim(''alive'', 16, 1000)');
	PERFORM pg_temp.measure(p_step, 'completeness of a shop', format('SELECT * FROM ordersync.completeness WHERE shop_id = %s', p_shop));
	PERFORM pg_temp.measure(p_step, 'cancel', format('SELECT ordersync_cancel(%s)', v_run));
	UPDATE ordersync.sync_tasks SET state = 'cancelled', finished_at = now(), owner = NULL, token = NULL WHERE state IN ('pending', 'running');
	UPDATE ordersync.sync_runs SET state = 'cancelled', lot = NULL, finished_at = now() WHERE state IN ('pending', 'running');
END $$;

SELECT pg_temp.history(1, 1);
SELECT pg_temp.measure_all('few', 1);
SELECT pg_temp.history(2, 720);
SELECT is((SELECT count(*) / 1000 FROM ordersync.sync_runs), 10::bigint, 'ten thousand runs');
SELECT pg_temp.measure_all('many', 2);
ANALYZE ordersync.sync_runs, ordersync.sync_tasks, ordersync.coverage, ordersync.shops;
SELECT pg_temp.measure_all('analysed', 3);
SELECT cmp_ok(c.rows, '<=', f.rows + 60, format('%s, %s: %s rows are read, with few runs %s', c.what, c.step, c.rows, f.rows))
FROM cost c JOIN cost f ON f.what = c.what AND f.step = 'few'
WHERE c.step <> 'few'
ORDER BY c.what, c.step;

-- a shop whose last run was long ago, among the others' thousands
UPDATE ordersync.sync_runs SET finished_at = NULL, state = 'pending' WHERE shop_id = 14 AND requested_at > now() - interval '29 days 12 hours';
SELECT pg_temp.measure('analysed', 'shop_health of a paused shop', 'SELECT * FROM ordersync.shop_health WHERE shop_id = 14');
SELECT cmp_ok(rows, '<=', 800::bigint, format('shop_health of a shop with 700 runs that wait, and its last run a month ago: %s rows', rows)) FROM cost WHERE what = 'shop_health of a paused shop';
UPDATE ordersync.sync_runs SET finished_at = requested_at, state = 'succeeded' WHERE shop_id = 14 AND finished_at IS NULL;

-- what failed is looked at, and nothing else
SELECT pg_temp.measure('many', 'failed_tasks', 'SELECT * FROM ordersync.failed_tasks WHERE shop_id = 2');
SELECT cmp_ok(c.rows, '<=', 60::bigint, format('failed_tasks of a shop: %s rows for %s failures', c.rows, (SELECT count(*) FROM ordersync.failed_tasks WHERE shop_id = 2))) FROM cost c WHERE c.what = 'failed_tasks';

-- a step of the clean-up reads a bounded number of rows, and so does the next step behind many runs that stay
SELECT pg_temp.measure('many', 'a step', 'SELECT ordersync.remove_old_runs(0, now() - interval ''10 days'')');
SELECT cmp_ok(rows, '<', 20000::bigint, format('a step that removes two hundred runs with two thousand tasks reads %s rows', rows)) FROM cost WHERE what = 'a step';
SELECT pg_temp.measure('many', 'no step', format('SELECT ordersync.remove_old_runs(%s, now() - interval ''10 days'')', (SELECT min(run_id) FROM ordersync.sync_runs WHERE requested_at > now() - interval '10 days' AND run_id > 1000)));
SELECT cmp_ok(rows, '<=', 300::bigint, format('one that finds nothing reads %s', rows)) FROM cost WHERE what = 'no step';
-- completeness of one shop is computed for that one
CREATE FUNCTION pg_temp.days(p_query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_plan json; v_rows bigint;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, TIMING off) ' || p_query INTO v_plan;
	-- from 18 on with two decimals
	SELECT sum((n ->> 'Actual Rows')::numeric * (n ->> 'Actual Loops')::bigint)::bigint INTO v_rows
	FROM jsonb_path_query(v_plan::jsonb, 'strict $.** ? (@."Function Name" == "generate_series")') n;
	RETURN v_rows;
END $$;
SELECT cmp_ok(pg_temp.days('SELECT * FROM ordersync.completeness WHERE shop_id = 5'), '<=', 2 * 2 * 62::bigint, 'completeness of one shop looks at the days of that one');
SELECT * FROM finish();
ROLLBACK;
