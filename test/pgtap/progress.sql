-- How far runs are: rates, time held back, time left, what a run waits for; all from rows made by hand. And what reading it costs among many runs.
BEGIN;
SELECT plan(52);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, 'n1', 'key');
UPDATE ordersync.shops SET key_state = 'ok';
-- no worker serves this database; a session of this name is taken for one
SET application_name = 'ordersync: made up';

CREATE TABLE pg_temp.r (id bigint);
CREATE FUNCTION pg_temp.run(kind text, state text, began interval) RETURNS bigint LANGUAGE sql AS $$
	WITH made AS (
		INSERT INTO ordersync.sync_runs (shop_id, kind, state, since, until, started_at)
		VALUES (1, kind, state, '2026-10-01 00:00+08', '2026-10-11 00:00+08', clock_timestamp() - began) RETURNING run_id)
	INSERT INTO pg_temp.r SELECT run_id FROM made RETURNING id $$;
CREATE FUNCTION pg_temp.run() RETURNS bigint LANGUAGE sql AS 'SELECT max(id) FROM pg_temp.r';
CREATE FUNCTION pg_temp.window(stream text, basis text, work text, state text, hours numeric, calls integer, ids bigint[] DEFAULT NULL, walk jsonb DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, state, since, until, calls, pages, ids, walk, details_of)
	SELECT pg_temp.run(), 1, stream, basis, work, state, '2026-10-01 00:00+08', '2026-10-01 00:00+08'::timestamptz + make_interval(secs => hours * 3600), calls, calls,
		ids, walk, CASE WHEN stream = 'details' THEN 'orders' END $$;
CREATE FUNCTION pg_temp.p() RETURNS ordersync.run_progress LANGUAGE sql AS 'SELECT p FROM ordersync.run_progress p WHERE p.run_id = pg_temp.run()';
-- seconds until the estimated end of a run that has begun a hundred seconds ago
CREATE FUNCTION pg_temp.left() RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
	UPDATE ordersync.sync_runs SET started_at = clock_timestamp() - interval '100 seconds' WHERE run_id = pg_temp.run();
	RETURN EXTRACT(epoch FROM (pg_temp.p()).eta - clock_timestamp());
END $$;
-- what passes while the test runs must not matter: so many seconds, or up to eight more or fewer
CREATE FUNCTION pg_temp.near(is_so numeric, expected numeric, name text) RETURNS text LANGUAGE sql AS $$
	SELECT ok(abs(is_so - expected) <= 8, format('%s (%s for %s)', name, round(is_so, 1), expected)) $$;
CREATE FUNCTION pg_temp.near(is_so interval, expected numeric, name text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.near(EXTRACT(epoch FROM is_so), expected, name) $$;
CREATE FUNCTION pg_temp.next() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.sync_runs SET state = 'succeeded' WHERE state IN ('pending', 'running') $$;

-- calls a second
SELECT pg_temp.run('full', 'running', '100 seconds');
SELECT pg_temp.window('orders', 'created', 'store', 'succeeded', 24, 50);
SELECT is((pg_temp.p()).calls_per_second, 0.5, 'calls a second since the start');
UPDATE ordersync.gateways SET throttled_for = '1 hour 30 seconds';
UPDATE ordersync.sync_runs SET throttled_before = '1 hour 10 seconds' WHERE run_id = pg_temp.run();
SELECT pg_temp.near((pg_temp.p()).throttled_for, 20, 'held back since it started, not before');
SELECT is((pg_temp.p()).calls_per_second, 0.6, 'that time is not counted');
UPDATE ordersync.gateways SET throttled_for = '1 hour 90 seconds', throttled_until = clock_timestamp() + '60 seconds';
SELECT pg_temp.near((pg_temp.p()).throttled_for, 20, 'nor what a ban has still to run');
UPDATE ordersync.sync_runs SET idle_for = '50 seconds' WHERE run_id = pg_temp.run();
UPDATE ordersync.gateways SET throttled_until = NULL, throttled_for = '1 hour 10 seconds';
SELECT is((pg_temp.p()).calls_per_second, 1.0, 'nor the time between its end and a retry');
UPDATE ordersync.gateways SET throttled_for = '0';
SELECT pg_temp.near((pg_temp.p()).throttled_for, 0, 'a gateway that was made anew');
UPDATE ordersync.gateways SET throttled_for = '1 day';
SELECT is((pg_temp.p()).calls_per_second, NULL, 'a shop that has another gateway: never longer than the run');
SELECT pg_temp.near((pg_temp.p()).throttled_for, 50, 'as long as that');

-- the gateway's sum
UPDATE ordersync.gateways SET throttled_for = '0', throttled_until = NULL;
SELECT ordersync.ban_gateway(1, clock_timestamp() + '600 seconds', clock_timestamp());
SELECT pg_temp.near((SELECT throttled_for FROM ordersync.gateways), 600, 'a ban counts in full');
SELECT ordersync.ban_gateway(1, clock_timestamp() + '700 seconds', clock_timestamp());
SELECT pg_temp.near((SELECT throttled_for FROM ordersync.gateways), 700, 'a longer one by what it adds');
SELECT ordersync.ban_gateway(1, clock_timestamp() + '200 seconds', clock_timestamp());
SELECT pg_temp.near((SELECT throttled_for FROM ordersync.gateways), 700, 'a shorter one not at all');
SELECT pg_temp.near(ordersync.throttled_total(1), 0, 'of which nothing has passed');
SELECT ordersync_lift_ban('taobao');
SELECT pg_temp.near((SELECT throttled_for FROM ordersync.gateways), 0, 'one that is lifted held as long as it did');
UPDATE ordersync.gateways SET throttled_for = '10 seconds', throttled_until = clock_timestamp() - interval '1 hour', lifted_at = NULL;
SELECT ordersync.ban_gateway(1, clock_timestamp() + '30 seconds', clock_timestamp());
SELECT pg_temp.near((SELECT throttled_for FROM ordersync.gateways), 40, 'after one that is over');
SELECT ordersync_lift_ban('taobao');

-- a run from its first claim to a retry
SELECT pg_temp.next();
UPDATE ordersync.gateways SET throttled_for = '100 seconds';
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
SELECT pg_temp.run('full', 'pending', NULL);
SELECT pg_temp.window('orders', 'created', 'store', 'pending', 24, 0);
UPDATE ordersync.sync_runs SET open_tasks = 1 WHERE run_id = pg_temp.run();
SELECT is((SELECT kind FROM ordersync.claim('me', 1, 100)), 'full', 'a claim says of what kind its run is');
SELECT is((SELECT worker_pid FROM ordersync.sync_tasks WHERE run_id = pg_temp.run()), pg_backend_pid(), 'and leaves which process has it');
SELECT pg_temp.near((SELECT throttled_before FROM ordersync.sync_runs WHERE run_id = pg_temp.run()), 100, 'and how long the gateway was held back before');
UPDATE ordersync.gateways SET throttled_for = '170 seconds';
UPDATE ordersync.sync_runs SET started_at = started_at - interval '200 seconds' WHERE run_id = pg_temp.run();
SELECT ordersync.fail(task_id, token, '{"verdict": "rejected", "class": "permission", "message": "no"}') FROM ordersync.sync_tasks WHERE run_id = pg_temp.run();
SELECT is((SELECT state FROM ordersync.sync_runs WHERE run_id = pg_temp.run()), 'failed', 'it ends');
UPDATE ordersync.gateways SET throttled_for = '1 day';
SELECT pg_temp.near((pg_temp.p()).throttled_for, 70, 'what it was held back for stays');
UPDATE ordersync.sync_runs SET started_at = started_at - interval '1 hour', finished_at = finished_at - interval '1 hour' WHERE run_id = pg_temp.run();
SELECT ordersync_retry(pg_temp.run());
SELECT pg_temp.near((SELECT idle_for FROM ordersync.sync_runs WHERE run_id = pg_temp.run()), 3600, 'a retry an hour later: the hour is no work');
UPDATE ordersync.gateways SET throttled_for = throttled_for + interval '30 seconds';
SELECT pg_temp.near((pg_temp.p()).throttled_for, 100, 'bans go on counting, without those of the hour');
UPDATE ordersync.gateways SET throttled_for = '0';

-- when it will be done: nothing is known
SELECT pg_temp.next();
SELECT pg_temp.run('full', 'running', '100 seconds');
SELECT is((pg_temp.p()).eta, NULL, 'a run without calls');
SELECT pg_temp.window('orders', 'created', 'store', 'running', 24, 10);
SELECT is((pg_temp.p()).eta, NULL, 'no window has ended');
SELECT is((SELECT calls_left FROM ordersync.list_progress WHERE run_id = pg_temp.run()), NULL, 'nor is it known of the list');

-- by range: a day took 90 calls; of another 10 are made; a third has not begun. 80 and 90 calls by one call a second
SELECT pg_temp.window('orders', 'created', 'store', 'succeeded', 24, 90);
SELECT pg_temp.window('orders', 'created', 'store', 'pending', 24, 0);
SELECT pg_temp.near(pg_temp.left(), 170, 'what is left of the list is as dense as what was read');
SELECT results_eq('SELECT stream, basis, work, windows_done, windows_total, calls::integer, calls_left FROM ordersync.list_progress WHERE run_id = pg_temp.run()',
	$$ VALUES ('orders', 'created', 'store', 1::bigint, 3::bigint, 100, 170::bigint) $$, 'by list');
-- the third is cut into 96 parts: the same range
UPDATE ordersync.sync_tasks SET until = since + interval '15 minutes' WHERE run_id = pg_temp.run() AND state = 'pending';
SELECT pg_temp.window('orders', 'created', 'store', 'pending', 0.25, 0) FROM generate_series(1, 95);
SELECT is((pg_temp.p()).windows_total, 98::bigint, 'ninety-eight windows, one of them done');
SELECT pg_temp.near(pg_temp.left(), 170, 'and still as long');
-- a hundred windows of nothing: one call each
UPDATE ordersync.sync_tasks SET state = 'succeeded', calls = 1 WHERE run_id = pg_temp.run() AND state IN ('pending', 'running');
UPDATE ordersync.sync_tasks SET calls = 1, state = 'succeeded' WHERE run_id = pg_temp.run();
SELECT pg_temp.window('orders', 'created', 'store', 'running', 0.01, 0) FROM generate_series(1, 49);
SELECT pg_temp.near(pg_temp.left(), 50, 'windows with nothing in them need a call each: 49 by 98 in a hundred seconds');

-- lists of which none has ended, counts, records by id
UPDATE ordersync.sync_tasks SET state = 'succeeded', calls = 0 WHERE run_id = pg_temp.run();
UPDATE ordersync.sync_tasks SET calls = 100 WHERE task_id = (SELECT max(task_id) FROM ordersync.sync_tasks WHERE run_id = pg_temp.run());
DELETE FROM ordersync.sync_tasks WHERE run_id = pg_temp.run() AND calls = 0;
UPDATE ordersync.sync_tasks SET until = since + interval '24 hours' WHERE run_id = pg_temp.run();
SELECT pg_temp.window('orders', 'arrival', 'check', 'running', 12, 0);
SELECT pg_temp.near(pg_temp.left(), 50, 'the check that comes last is as dense as its stream''s list');
SELECT pg_temp.window('orders', 'created', 'count', 'pending', 24, 0) FROM generate_series(1, 30);
SELECT pg_temp.near(pg_temp.left(), 80, 'a count is one call');
SELECT pg_temp.window('details', 'modified', 'store', 'running', 24, 12, ARRAY(SELECT generate_series(1, 30)), '{"walk": "ids", "done": 10}');
SELECT is((SELECT calls_left FROM ordersync.list_progress WHERE run_id = pg_temp.run() AND stream = 'details'), 20::bigint, 'of thirty ids ten are fetched');
SELECT pg_temp.window('special_refunds', 'modified', 'store', 'pending', 24, 0);
SELECT is((pg_temp.p()).eta, NULL, 'of one list nothing is known, so of the whole nothing is said');
DELETE FROM ordersync.sync_tasks WHERE run_id = pg_temp.run() AND stream <> 'orders' OR work <> 'store';

-- what it waits for, and what that does to the estimate
SELECT pg_temp.window('orders', 'created', 'store', 'running', 24, 0);
UPDATE ordersync.sync_tasks SET worker_pid = pg_backend_pid() WHERE run_id = pg_temp.run();
SELECT is((pg_temp.p()).waiting_for, NULL, 'it is being processed');
SELECT pg_temp.near(pg_temp.left(), 100, 'a hundred calls');
UPDATE ordersync.gateways SET throttled_until = clock_timestamp() + interval '40 seconds';
SELECT matches((pg_temp.p()).waiting_for, '^the platform, until \d\d:\d\d:\d\d$', 'the platform');
SELECT pg_temp.near(pg_temp.left(), 140, 'behind the ban');
UPDATE ordersync.gateways SET throttled_until = NULL;
UPDATE ordersync.sync_tasks SET state = 'pending', next_attempt_at = clock_timestamp() + interval '500 seconds', error = 'the gateway said 502' WHERE run_id = pg_temp.run() AND state = 'running';
SELECT matches((pg_temp.p()).waiting_for, '^another attempt, at \d\d:\d\d:\d\d: the gateway said 502$', 'another attempt, and why');
SELECT pg_temp.near(pg_temp.left(), 500, 'not before the last attempt that is known');
UPDATE ordersync.sync_tasks SET next_attempt_at = NULL WHERE run_id = pg_temp.run();
SELECT is((pg_temp.p()).waiting_for, 'a worker', 'a worker: one is here, and has not taken it');
SELECT pg_temp.near(pg_temp.left(), 100, 'which serves others meanwhile, as before');
SET application_name = 'somebody';
SELECT pg_stat_clear_snapshot();
SELECT matches((pg_temp.p()).waiting_for, '^a worker, of which this database has none: SELECT .* FROM ordersync_doctor\(\)$', 'none is here');
SELECT is((pg_temp.p()).eta, NULL, 'nobody knows when one comes');
UPDATE ordersync.shops SET enabled = false;
SELECT is((pg_temp.p()).waiting_for, 'ordersync_resume_shop: the shop is paused', 'a person');
SELECT is((pg_temp.p()).eta, NULL, 'whom nobody can wait for by the clock');
UPDATE ordersync.shops SET enabled = true;
SELECT is_empty('SELECT FROM ordersync.lock_waits', 'nobody waits for a lock');

-- cost: three thousand runs of ten windows that have ended, one that has not
SELECT pg_temp.next();
WITH made AS (
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, started_at, finished_at, lot)
	SELECT 1, 'incremental', now(), now(), 'succeeded', now(), now(), NULL FROM generate_series(1, 3000) RETURNING run_id)
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, state, since, until, calls)
SELECT run_id, 1, 'orders', 'modified', 'succeeded', now(), now() + interval '1 hour', 1 FROM made, generate_series(1, 10);
SELECT pg_temp.run('incremental', 'running', '10 seconds');
SELECT pg_temp.window('orders', 'modified', 'store', CASE WHEN n < 4 THEN 'succeeded' ELSE 'running' END, 1, 1) FROM generate_series(1, 8) n;
CREATE FUNCTION pg_temp.read(name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname = name $$;
-- rows of runs and tasks that a query reads
CREATE FUNCTION pg_temp.cost(query text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	before bigint[] := ARRAY[pg_temp.read('sync_runs'), pg_temp.read('sync_tasks')];
BEGIN
	EXECUTE 'CREATE TEMP TABLE read ON COMMIT DROP AS ' || query;
	DROP TABLE read;
	RETURN ARRAY[pg_temp.read('sync_runs') - before[1], pg_temp.read('sync_tasks') - before[2]];
END $$;
CREATE TEMP TABLE cost AS
SELECT x.name, pg_temp.cost(x.query) AS rows FROM (VALUES
	('one', format('SELECT * FROM ordersync.run_progress WHERE run_id = %s', pg_temp.run())),
	('newest', 'SELECT * FROM ordersync.run_progress ORDER BY run_id DESC LIMIT 10'),
	('lists', format('SELECT * FROM ordersync.list_progress WHERE run_id = %s', pg_temp.run()))) AS x (name, query);
SELECT cmp_ok((SELECT rows[1] + rows[2] FROM cost WHERE name = 'one'), '<', 50::bigint, 'one run: its own rows');
SELECT cmp_ok((SELECT rows[1] + rows[2] FROM cost WHERE name = 'newest'), '<', 200::bigint, 'the newest ten: theirs');
SELECT cmp_ok((SELECT rows[1] + rows[2] FROM cost WHERE name = 'lists'), '<', 20::bigint, 'the lists of one');
-- the server has looked at the tables
ANALYZE ordersync.sync_runs, ordersync.sync_tasks;
INSERT INTO cost
SELECT x.name, pg_temp.cost(x.query) FROM (VALUES
	('active', 'SELECT * FROM ordersync.run_progress WHERE state IN (''pending'', ''running'') ORDER BY run_id'),
	('newest analyzed', 'SELECT * FROM ordersync.run_progress ORDER BY run_id DESC LIMIT 10'),
	('of a shop', 'SELECT * FROM ordersync.run_progress WHERE shop_id = 1 ORDER BY run_id DESC LIMIT 10')) AS x (name, query);
SELECT cmp_ok((SELECT rows[1] + rows[2] FROM cost WHERE name = 'active'), '<', 50::bigint, 'the active ones: theirs');
SELECT cmp_ok((SELECT rows[1] + rows[2] FROM cost WHERE name = 'newest analyzed'), '<', 200::bigint, 'the newest ten, once more');
SELECT cmp_ok((SELECT rows[1] + rows[2] FROM cost WHERE name = 'of a shop'), '<', 200::bigint, 'the newest ten of a shop');

SELECT * FROM finish();
ROLLBACK;
