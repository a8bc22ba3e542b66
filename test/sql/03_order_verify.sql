-- One order at once, and comparing counts: what is made of the call, and what is refused.
\set VERBOSITY terse
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS ordersync;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(41, '测试店铺41', 'session-41');
SELECT ordersync_add_shop(42, '测试店铺42', 'session-42', options => '{"streams": ["orders"]}');
RESET client_min_messages;

-- one order
SELECT ordersync_trigger_order(41, 1347456243421196949) AS run \gset
SELECT kind, state, since, until, tid, open_tasks FROM ordersync.sync_runs WHERE run_id = :run;
SELECT stream, details_of, ids, reason, state FROM ordersync.sync_tasks WHERE run_id = :run;
SELECT ordersync_trigger_order(41, 1347456243421196949) = :run AS joined;
SELECT ordersync_trigger_order(41, 1347456243421196950) <> :run AS another;
SELECT ordersync_trigger_order(41, 0);
SELECT ordersync_trigger_order(41, NULL);
SELECT ordersync_trigger_order(99, 1);

-- counts, day by day: two whole days and what is before and after them
SELECT ordersync_verify(41, ordersync_day(current_date - 10) - interval '1 hour', ordersync_day(current_date - 8) + interval '2 hours') AS run \gset
SELECT r.kind, r.state, r.open_tasks = (SELECT count(*) FROM ordersync.sync_tasks AS t WHERE t.run_id = r.run_id) AS all_open
FROM ordersync.sync_runs AS r WHERE run_id = :run;
SELECT stream, basis, work, ext_type, count(*), max(until - since) AS longest FROM ordersync.sync_tasks WHERE run_id = :run
GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4;
-- a shop without after-sales; lists that the platform refuses are not asked
UPDATE ordersync.shops SET unserved = jsonb_build_object('ext_type mark', jsonb_build_object('at', now()), 'ext_type ershou', jsonb_build_object('at', now() - interval '2 days')) WHERE shop_id = 42;
SELECT ordersync_verify(42, ordersync_day(current_date - 10), ordersync_day(current_date - 9)) AS run \gset
SELECT stream, basis, work, ext_type, count(*) FROM ordersync.sync_tasks WHERE run_id = :run GROUP BY 1, 2, 3, 4;
SELECT ordersync_verify(41, NULL, now());
SELECT ordersync_verify(41, now(), now() - interval '1 day');
SELECT ordersync_verify(41, now() - interval '2137 hours', now());
SELECT ordersync_verify(41, now() - interval '2135 hours', now()) > 0 AS within_89_days;

SET client_min_messages = error;
SELECT ordersync_remove_shop(41, purge => true), ordersync_remove_shop(42, purge => true);
