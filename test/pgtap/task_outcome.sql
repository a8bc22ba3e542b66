-- What a task's window came to (outcome) and what its last call came to (last_verdict) are two columns.
BEGIN;
SELECT plan(9);
SELECT ordersync.set_up();

SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner = 'alive' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
UPDATE ordersync.shops SET key_state = 'ok';

-- a running task of its own run
CREATE FUNCTION pg_temp.task(p_stream text DEFAULT 'orders') RETURNS bigint LANGUAGE sql AS $$
	WITH r AS (
		INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
		VALUES (1, 'incremental', now() - interval '1 day', now(), 1, 'running', now()) RETURNING run_id
	)
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, owner, token, attempt, claimed_at)
	SELECT run_id, 1, p_stream, 'modified', now() - interval '1 day', now(), 'running', 'alive', 42, 1, clock_timestamp() FROM r RETURNING task_id $$;
CREATE TEMP TABLE x AS SELECT pg_temp.task() AS t;
CREATE FUNCTION pg_temp.both() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s', COALESCE(outcome, '-'), COALESCE(last_verdict, '-')) FROM ordersync.sync_tasks JOIN x ON t = task_id $$;
CREATE FUNCTION pg_temp.mine() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42 FROM x WHERE t = task_id $$;

SELECT is(pg_temp.both(), '- -', 'neither is known before the first call');
SELECT ordersync.fail(t, 42, '{"verdict": "retry", "class": "network", "message": "gone"}') FROM x;
SELECT is(pg_temp.both(), '- retry', 'a call that failed says nothing of the window');
SELECT pg_temp.mine();
SELECT ordersync.settle(t, 42, '{"state": "running", "walk": {"walk": "down"}, "call": {"method": "m", "verdict": "ok", "started_at": 1}}') FROM x;
SELECT is(pg_temp.both(), '- ok', 'nor does a page of it');
SELECT ordersync.fail(t, 42, '{"verdict": "throttled", "class": "throttled", "message": "wait"}') FROM x;
SELECT is(pg_temp.both(), '- throttled', 'the last call is the one that counts');
SELECT pg_temp.mine();
SELECT ordersync.settle(t, 42, '{"state": "incomplete", "outcome": "short", "class": "short", "reported": 2, "seen": 1, "call": {"method": "m", "verdict": "ok", "started_at": 1}}') FROM x;
SELECT is(pg_temp.both(), 'short ok', 'the window is short, though every call was good');
SELECT ordersync_retry(run_id) FROM ordersync.sync_tasks JOIN x ON t = task_id;
SELECT is(pg_temp.both(), '- -', 'another try begins without either');

TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT ordersync.settle(t, 42, '{"state": "succeeded", "outcome": "fresh"}') FROM x;
SELECT is(pg_temp.both(), 'fresh -', 'a window that lies in the future has an outcome without a call');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task('special_refunds');
SELECT ordersync.fail(t, 42, '{"verdict": "rejected", "class": "permission", "message": "not yours"}') FROM x;
SELECT is(pg_temp.both(), 'unserved rejected', 'a list that is refused: the task is unserved, its call was rejected');

SELECT is((SELECT count(*)::integer FROM (VALUES ('outcome'), ('last_verdict')) AS c (name)
	WHERE col_description('ordersync.sync_tasks'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'ordersync.sync_tasks'::regclass AND attname = c.name)) IS NOT NULL),
	2, 'both columns are described');

SELECT * FROM finish();
ROLLBACK;
