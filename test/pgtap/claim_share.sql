-- How many tasks a worker without any claims: its part of what is open, four at least; and the locks that settle several tasks at once takes.
BEGIN;
SELECT plan(12);
SELECT ordersync.set_up();

SELECT is(ordersync.claim_share(16, 2), 4, 'nothing is open: four, which find nothing');
INSERT INTO ordersync.sync_runs (shop_id, kind, state, open_tasks) VALUES (1, 'full', 'pending', 5);
SELECT is(ordersync.claim_share(16, 2), 4, 'five for two workers: four make one transaction');
UPDATE ordersync.sync_runs SET open_tasks = 17;
SELECT is(ordersync.claim_share(16, 2), 9, 'seventeen for two: half of them, and one more');
SELECT is(ordersync.claim_share(16, 4), 5, 'and for four');
SELECT is(ordersync.claim_share(16, 1), 16, 'a worker alone takes what it can carry');
UPDATE ordersync.sync_runs SET held_tasks = 6;
SELECT is(ordersync.claim_share(16, 2), 6, 'of them six that wait for the others: half of eleven');
UPDATE ordersync.sync_runs SET held_tasks = 17;
SELECT is(ordersync.claim_share(16, 2), 9, 'no others are left: these are due');
UPDATE ordersync.sync_runs SET state = 'running', held_tasks = 0;
INSERT INTO ordersync.sync_runs (shop_id, kind, state, open_tasks) VALUES (2, 'incremental', 'running', 3), (3, 'full', 'succeeded', 100);
SELECT is(ordersync.claim_share(16, 2), 10, 'of all runs that are active');
UPDATE ordersync.sync_runs SET open_tasks = 1000000 WHERE shop_id = 1;
SELECT is(ordersync.claim_share(16, 32), 16, 'never more than it can carry');

INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, owner, token)
SELECT r.run_id, 1, 'orders', 'modified', '2026-03-01 00:00+08', '2026-03-02 00:00+08', 'running', 'w', 70 + n
FROM ordersync.sync_runs r, generate_series(1, 2) n WHERE r.shop_id = 1;
CREATE TEMP TABLE x AS SELECT array_agg(task_id ORDER BY task_id DESC) AS tasks FROM ordersync.sync_tasks;
SELECT lives_ok('SELECT ordersync.lock_tasks(x.tasks, ''{72,71}'') FROM x', 'tasks that are held under their tokens');
SELECT throws_ok('SELECT ordersync.lock_tasks(x.tasks, ''{72,70}'') FROM x', 'OS001', NULL, 'another token fences them all');
UPDATE ordersync.sync_tasks SET state = 'cancelled' WHERE token = 72;
SELECT throws_ok('SELECT ordersync.lock_tasks(x.tasks, ''{72,71}'') FROM x', 'OS001', NULL, 'and so does one that was cancelled');
SELECT * FROM finish();
ROLLBACK;
