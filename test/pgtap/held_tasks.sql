-- Held tasks wait for the others of their run: the two counts of the run say when they may be claimed, whatever becomes of the tasks.
BEGIN;
SELECT plan(13);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
UPDATE ordersync.shops SET key_state = 'ok';

-- a run that has counts without types left, all held
CREATE FUNCTION pg_temp.run(windows integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, state, since, until, open_tasks, held_tasks)
	VALUES (1, 'full', 'running', now() - interval '1 day' * windows, now(), windows, windows) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, held, ext_type, since, until, is_part)
	SELECT r, 1, 'orders', 'created', 'count', true, 'any', date_trunc('hour', now()) - interval '1 day' * n,
		date_trunc('hour', now()) - interval '1 day' * (n - 1), true
	FROM generate_series(1, windows) n;
	RETURN r;
END $$;
CREATE TEMP TABLE c (task_id bigint, token bigint, shop_id bigint);
CREATE FUNCTION pg_temp.claim(n integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE c;
	INSERT INTO c SELECT k.task_id, k.token, k.shop_id FROM ordersync.claim('alive', n, 1000) k;
	RETURN (SELECT count(*) FROM c);
END $$;
CREATE FUNCTION pg_temp.counts(run bigint) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', state, open_tasks, held_tasks) FROM ordersync.sync_runs WHERE run_id = run $$;

-- --- a held task that ends and brings one that is not held ---
SELECT pg_temp.run(2) AS run \gset
SELECT is(pg_temp.claim(1), 1, 'with nothing else open a held task is claimed');
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, ext_type, since, until)
SELECT :run, 1, 'orders', 'created', 'check', 'any', t.since, t.until FROM ordersync.sync_tasks t JOIN c USING (task_id);
SELECT ordersync.settle(task_id, token, '{"state": "succeeded", "outcome": "differs", "reported": 3, "seen": 2, "passes": 1, "more_tasks": 1}') FROM c;
SELECT is(pg_temp.counts(:run), 'running 2 1', 'one is open that is not held, and one that is');
SELECT is(pg_temp.claim(4), 1, 'the held one waits for it');
SELECT is((SELECT work FROM ordersync.sync_tasks JOIN c USING (task_id)), 'check', 'which is claimed');
SELECT ordersync.settle(task_id, token, '{"state": "succeeded", "outcome": "counted", "reported": 2, "seen": 2, "passes": 1}') FROM c;
SELECT is(pg_temp.counts(:run), 'running 1 1', 'behind it only the held one is open');
SELECT is(pg_temp.claim(4), 1, 'and it is claimed');
SELECT ordersync.settle(task_id, token, '{"state": "succeeded", "outcome": "equal", "reported": 2, "seen": 2, "passes": 1}') FROM c;
SELECT is(pg_temp.counts(:run), 'succeeded 0 0', 'which ends the run');

-- --- a list that is refused takes its waiting windows along, held or not ---
SELECT pg_temp.run(4) AS run \gset
SELECT pg_temp.claim(1);
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, ext_type, since, until)
SELECT :run, 1, 'orders', 'created', 'check', 'any', t.since, t.until FROM ordersync.sync_tasks t JOIN c USING (task_id);
SELECT ordersync.settle(task_id, token, '{"state": "succeeded", "outcome": "differs", "reported": 3, "seen": 2, "passes": 1, "more_tasks": 1}') FROM c;
UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 7 WHERE task_id = (
	SELECT min(task_id) FROM ordersync.sync_tasks WHERE run_id = :run AND held AND state = 'pending');
SELECT is((SELECT (ordersync.fail(task_id, 7, '{"verdict": "rejected", "class": "parameters", "message": "it said no", "retry_ms": 1}')).state
	FROM ordersync.sync_tasks WHERE run_id = :run AND state = 'running'), 'succeeded', 'a count without types that is refused is no failure');
SELECT is(pg_temp.counts(:run), 'succeeded 0 0', 'and ends with all of its list, and the run with them');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = :run AND state <> 'succeeded'), 0::bigint, 'no task is left');

-- --- shops that wait for their gateway's secret keep no other one out ---
UPDATE ordersync.shops SET key_state = 'ok';
SELECT ordersync_add_gateway('second', 'https://gw.example.com/router/rest', '87654321', NULL);
SELECT ordersync_add_shop(n, 'seller ' || n, 'session-' || n, 'second') FROM generate_series(100, 140) n;
SELECT ordersync_add_shop(99, 'seller 99', 'session-99');
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks)
SELECT shop_id, 'full', now() - interval '1 hour', now(), 1 FROM ordersync.shops WHERE shop_id >= 99;
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until)
SELECT run_id, shop_id, 'orders', 'created', since, until FROM ordersync.sync_runs WHERE shop_id >= 99;
SELECT is((SELECT secret_state FROM ordersync.gateways WHERE name = 'second'), 'missing', 'a gateway without its secret');
SELECT is(pg_temp.claim(4), 1, 'of forty-two unchecked shops one can be called for');
SELECT is((SELECT shop_id FROM c), 99::bigint, 'and is, however many wait');

SELECT * FROM finish();
ROLLBACK;
