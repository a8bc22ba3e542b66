-- A gateway whose after-sales come by order, and whose keys nobody vouches for: what the worker's calls come to, without one.
BEGIN;
SELECT plan(33);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('r', 'https://gw.example.com/api', NULL, NULL, 'relay', options => '{"relay": {"after_sales": "order", "headers": {"X-App": "a"}}}');
SELECT ordersync_add_shop(1, '测试店铺1', 'key-1', 'r');

-- a claim has what the protocol needs
SELECT ordersync_trigger_incremental(1);
CREATE TEMP TABLE c AS SELECT * FROM ordersync.claim('alive.1', 9, 9);
SELECT results_eq('SELECT count(*), min(protocol), min(app_key), bool_and(key_check), bool_and(require_seller), min(gateway_options::text)::jsonb FROM c',
	$$VALUES (1::bigint, 'relay', NULL, true, false, '{"relay": {"headers": {"X-App": "a"}, "after_sales": "order"}}'::jsonb)$$, 'of an unchecked shop one task, with the map');
SELECT is((SELECT ordersync.settle_key(task_id, token, ordersync.data_key_seal(1), 'by_records', NULL, NULL, NULL, NULL) FROM c), 'unverified', 'a key that was accepted');
SELECT results_eq('SELECT key_state, key_message, key_checked_at IS NOT NULL FROM ordersync.shops', $$VALUES ('unverified', NULL, true)$$, 'lets work begin');
SELECT is((SELECT count(*) FROM ordersync.request_log), 0::bigint, 'its call is logged with its page');
SELECT is((SELECT ordersync.settle_key(task_id, token, ordersync.data_key_seal(1), 'answered', NULL, '别的店', NULL, '{"method": "/OrderIncrement", "verdict": "ok", "records": 1, "bytes": 1, "started_at": 1, "duration_ms": 1}') FROM c), 'wrong_seller', 'a page of another seller');
SELECT results_eq('SELECT s.key_state, s.key_message, t.state, t.attempt FROM ordersync.shops s, ordersync.sync_tasks t JOIN c USING (task_id)',
	$$VALUES ('wrong_seller', 'the data key belongs to "别的店", the shop is "测试店铺1"', 'pending', 0)$$, 'stops the shop, its task waits');
UPDATE ordersync.shops SET key_state = 'unverified', key_message = NULL;
SELECT ordersync_cancel(run_id) FROM ordersync.sync_runs;
SELECT is((SELECT string_agg(DISTINCT concat_ws(' ', stream, basis), ', ') FROM ordersync.sync_tasks), 'orders modified', 'only orders are listed');
SELECT ordersync_check_shop(1);
SELECT results_eq($$SELECT t.stream, t.fresh, t.until - t.since FROM ordersync.sync_tasks t JOIN ordersync.sync_runs r USING (run_id) WHERE r.kind = 'check'$$, $$VALUES ('orders', true, interval '1 minute')$$, 'a key is checked by a call for a minute''s orders');
SELECT ordersync_cancel(run_id) FROM ordersync.sync_runs WHERE kind = 'check';

-- links: each order whose lines show a refund is asked for its after-sales
CREATE FUNCTION pg_temp.at(minute integer) RETURNS timestamptz LANGUAGE sql AS $$ SELECT ordersync_day(ordersync_today() - 3) + interval '1 minute' * minute $$;
CREATE FUNCTION pg_temp.run(kind text, tid bigint DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO ordersync.sync_runs (shop_id, kind, tid, since, until, state, started_at, open_tasks, links_due) VALUES (1, kind, tid, pg_temp.at(0), pg_temp.at(60), 'running', now(), 1, true) RETURNING run_id $$;
CREATE FUNCTION pg_temp.asked(run bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(details_of || ' ' || ids::text || ' ' || reason, ', ' ORDER BY task_id) FROM ordersync.sync_tasks WHERE run_id = run $$;
-- what a worker does with the tasks: it notes each id in the transaction that stores its records
CREATE FUNCTION pg_temp.fetched(run bigint) RETURNS boolean LANGUAGE sql AS $$
	UPDATE ordersync.sync_tasks SET began_at = clock_timestamp() WHERE run_id = run AND state = 'pending';
	SELECT ordersync.note_fetched(task_id, i, true, true) FROM ordersync.sync_tasks, unnest(ids) i WHERE run_id = run AND state = 'pending';
	UPDATE ordersync.sync_tasks SET state = 'succeeded', outcome = 'fetched' WHERE run_id = run AND state = 'pending';
	SELECT ordersync.count_tasks(run, -(SELECT open_tasks FROM ordersync.sync_runs WHERE run_id = run)) $$;
INSERT INTO ordersync.orders (shop_id, tid, modified) VALUES (1, 101, pg_temp.at(10)), (1, 102, pg_temp.at(10)), (1, 103, pg_temp.at(10));
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, refund_id, refund_status, modified) VALUES
	(1, 1, 101, 11, 'WAIT_SELLER_AGREE', pg_temp.at(10)), (1, 2, 101, 12, 'SUCCESS', pg_temp.at(10)), (1, 3, 102, 13, 'SUCCESS', pg_temp.at(10)), (1, 4, 103, NULL, 'NO_REFUND', pg_temp.at(10));
SELECT ordersync.note_refunds(1, '{11,12,13}');
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (1, 'orders', 'modified', tstzmultirange(tstzrange(pg_temp.at(0), pg_temp.at(60))));
SELECT pg_temp.run('incremental') AS run \gset
SELECT is(ordersync.count_tasks(:run, -1), false, 'the run goes on');
SELECT is(pg_temp.asked(:run), 'refunds_of_orders {101,102} link', 'for the orders, each once');
SELECT is((SELECT count(*) FROM ordersync.coverage WHERE stream = 'after_sales'), 0::bigint, 'until then nothing is covered');
SELECT results_eq($$SELECT details_of, ids, by.stream FROM ordersync.claim('alive.1', 9, 9), (VALUES ('details')) by (stream)$$, $$VALUES ('refunds_of_orders', '{101,102}'::bigint[], 'details')$$, 'a worker is told what the ids are');
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, status, modified) VALUES (1, 11, 101, 'WAIT_SELLER_AGREE', pg_temp.at(9)), (1, 12, 101, 'SUCCESS', pg_temp.at(9));
SELECT is(pg_temp.fetched(:run), true, 'that done it ends');
SELECT results_eq('SELECT stream, record_id, served, message FROM ordersync.lookups ORDER BY 1, 2', $$VALUES ('after_sales', 11::bigint, true, NULL), ('after_sales', 12, true, NULL),
	('after_sales', 13, false, 'it is not among the after-sales of its order'), ('refunds_of_orders', 101, true, NULL), ('refunds_of_orders', 102, true, NULL)$$, 'that all were asked for is remembered');
SELECT results_eq($$SELECT ranges FROM ordersync.coverage WHERE stream = 'after_sales'$$, $$SELECT tstzmultirange(tstzrange(pg_temp.at(0), pg_temp.at(60)))$$, 'after-sales are covered as far as orders are');
SELECT results_eq($$SELECT verdict, seen, reported FROM ordersync.window_counts WHERE stream = 'after_sales'$$, $$VALUES ('unproven', 2::bigint, NULL::bigint)$$, 'nobody has counted them');
SELECT is((SELECT string_agg(DISTINCT verdict, ' ') FROM ordersync.completeness WHERE stream = 'after_sales' AND day = ordersync_today() - 3 AND missing = '{}'), NULL, 'a day that is covered in part');
UPDATE ordersync.coverage SET ranges = tstzmultirange(tstzrange(pg_temp.at(0), pg_temp.at(1440))) WHERE stream = 'orders';
SELECT ordersync.close_after_sales_by_order(:run, 1);
SELECT is((SELECT verdict FROM ordersync.completeness WHERE stream = 'after_sales' AND day = ordersync_today() - 3), 'unproven', 'a day that is covered whole is unproven');
SELECT is((SELECT ranges FROM ordersync.proven_ranges WHERE stream = 'after_sales'), '{}'::tstzmultirange, 'nothing is proven');

-- whatever changes at a line may have changed at its refund
SELECT ordersync.note_refunds(1, '{11,12,13}');
SELECT pg_temp.run('incremental') AS run \gset
SELECT is(ordersync.count_tasks(:run, -1), true, 'what was asked for since is not asked for again');
UPDATE ordersync.sub_orders SET modified = now() + interval '1 minute' WHERE oid = 3;
SELECT ordersync.note_refunds(1, '{13}');
SELECT pg_temp.run('incremental') AS run \gset
SELECT is(ordersync.count_tasks(:run, -1), false, 'a line that changed');
SELECT is(pg_temp.asked(:run), 'refunds_of_orders {102} link', 'has its order asked again, though its status says nothing new');
UPDATE ordersync.sync_tasks SET state = 'failed' WHERE run_id = :run;
UPDATE ordersync.coverage SET ranges = '{}' WHERE stream = 'after_sales';
SELECT is(ordersync.count_tasks(:run, -1), true, 'one that failed');
SELECT is((SELECT ranges FROM ordersync.coverage WHERE stream = 'after_sales'), '{}'::tstzmultirange, 'leaves nothing covered');
SELECT pg_temp.run('incremental') AS run \gset
SELECT is(ordersync.count_tasks(:run, -1), false, 'and is asked for by the next run');

SELECT ordersync_cancel(:run);
UPDATE ordersync.shops SET unserved = jsonb_build_object('details of refunds_of_orders', jsonb_build_object('at', now(), 'message', 'not allowed'));
SELECT pg_temp.run('incremental') AS run \gset
SELECT is(ordersync.count_tasks(:run, -1), true, 'where the relay refuses that call nobody is asked');
SELECT is((SELECT ranges FROM ordersync.coverage WHERE stream = 'after_sales'), '{}'::tstzmultirange, 'and nothing is covered');
UPDATE ordersync.shops SET unserved = '{}';

-- one order
SELECT pg_temp.run('order', 103) AS run \gset
SELECT is(ordersync.count_tasks(:run, -1), false, 'one order');
SELECT is(pg_temp.asked(:run), 'refunds_of_orders {103} link', 'is asked for its after-sales, whether a line shows one or not');
SELECT is(pg_temp.fetched(:run), true, 'once');

-- by time, and no single after-sale: a link that is missing is sought by its order, where that is served
SELECT ordersync_set_gateway('r', '{"relay": {}}');
SELECT is(ordersync.fetches_by_order(ordersync.unserved(1)), false, 'without such a path nothing is fetched');
SELECT pg_temp.run('order', 101) AS run \gset
SELECT is(ordersync.count_tasks(:run, -1), true, 'not for one order either');
SELECT ordersync_set_gateway('r', '{"relay": {"paths": {"refunds_of_order": "/O"}}}');
SELECT is(ordersync.fetches_by_order(ordersync.unserved(1)), true, 'with it by order');

SELECT * FROM finish();
ROLLBACK;
