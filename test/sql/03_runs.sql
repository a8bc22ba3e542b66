-- Waiting, cancelling, trying again, as a DBA types it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ordersync;
RESET client_min_messages;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(31, '测试店铺31', 'session-31');
UPDATE ordersync.shops SET first_incremental_at = now() - interval '2 days' WHERE shop_id = 31;
SELECT setval('ordersync.sync_runs_run_id_seq', 3100);

-- waiting
SELECT ordersync_wait(99);
SELECT ordersync_wait(NULL);
SELECT ordersync_trigger_full(31);
SELECT ordersync_wait(3101, '-1 second');
SELECT ordersync_wait(3101, NULL);
SELECT ordersync_wait(3101, '0.1 second');
BEGIN;
SELECT ordersync_trigger_incremental(31);
SELECT ordersync_wait(3102);
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT ordersync_trigger_incremental(31);
RELEASE s;
SELECT ordersync_wait(3103);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT ordersync_wait(3101);
ROLLBACK;

-- cancelling
SELECT ordersync_cancel(99);
SELECT ordersync_cancel(3101) = count(*) AS all_of_it FROM ordersync.sync_tasks WHERE run_id = 3101;
SELECT ordersync_cancel(3101);
SELECT ordersync_wait(3101);
SELECT state, open_tasks, message = 'cancelled by ' || session_user AS message FROM ordersync.sync_runs WHERE run_id = 3101;
SELECT DISTINCT state, owner, token FROM ordersync.sync_tasks WHERE run_id = 3101;
SELECT ordersync_retry(3101);

-- trying again: what failed, and what was short
SELECT ordersync_trigger_full(31);
UPDATE ordersync.sync_tasks SET state = 'succeeded', finished_at = now() WHERE run_id = 3104;
UPDATE ordersync.sync_runs SET state = 'succeeded', open_tasks = 0 WHERE run_id = 3104;
SELECT ordersync_retry(3104);
UPDATE ordersync.sync_tasks SET state = 'failed', attempt = 8, walk = '{"walk": "w"}', error_class = 'network', error = 'gone'
WHERE task_id = (SELECT min(task_id) FROM ordersync.sync_tasks WHERE run_id = 3104);
UPDATE ordersync.sync_tasks SET state = 'incomplete', outcome = 'short', walk = '{"walk": "w"}', error_class = 'short'
WHERE task_id = (SELECT max(task_id) FROM ordersync.sync_tasks WHERE run_id = 3104);
UPDATE ordersync.sync_runs SET state = 'incomplete', message = '2 windows' WHERE run_id = 3104;
SELECT error_class, what_to_do FROM ordersync.failed_tasks WHERE run_id = 3104 ORDER BY task_id;
SELECT ordersync_retry(3104);
SELECT state, open_tasks, message FROM ordersync.sync_runs WHERE run_id = 3104;
SELECT state, attempt, walk, outcome FROM ordersync.sync_tasks WHERE run_id = 3104 AND state = 'pending' ORDER BY task_id;

-- the procedure: not in a transaction, not for what is unknown
BEGIN;
CALL ordersync_sync(31);
ROLLBACK;
CALL ordersync_sync(99);
CALL ordersync_sync(31, 'sometimes');
SELECT count(*) FROM ordersync.sync_runs WHERE run_id > 3104;

-- removing cancels; the rows stay until they are purged
SELECT ordersync_remove_shop(31);
SELECT run_id, state FROM ordersync.sync_runs WHERE shop_id = 31 ORDER BY run_id;
SELECT ordersync_add_shop(31, '测试店铺31', 'session-31');
SET client_min_messages = warning;	-- a NOTICE counts what goes
SELECT ordersync_remove_shop(31, purge => true);
SELECT count(*) FROM ordersync.sync_runs WHERE shop_id = 31;
