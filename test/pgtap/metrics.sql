-- ordersync.metrics: which figures there are, what they say, that counters count each run once, and that history is not read.
BEGIN;
SELECT plan(33);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld', options => '{"calls_per_day": 5000}'),
	ordersync_add_shop(1, 'seller 1', 'session-1'), ordersync_add_shop(2, 'seller 2', 'session-2');

CREATE FUNCTION pg_temp.m(p_name text, p_labels jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(round(value::numeric, 3)::float::text, ' ') FROM ordersync.metrics WHERE name = 'ordersync_' || p_name AND labels = p_labels $$;

SELECT set_eq('SELECT DISTINCT substr(name, 11) FROM ordersync.metrics', ARRAY[
	'shop_lag_seconds', 'shop_behind', 'shop_full_run_behind', 'shop_enabled', 'shop_key_usable', 'shop_active_runs', 'shop_open_windows', 'shop_calls_total',
	'shop_records_total', 'shop_runs_total', 'shop_failed_windows_total', 'gateway_throttled_seconds', 'gateway_secret_usable',
	'gateway_clock_offset_seconds', 'gateway_calls_per_day', 'queue_windows', 'queue_oldest_run_seconds', 'quarantine_open', 'table_bytes',
	'request_log_partitions', 'table_rows_total'], 'the figures of shops that nothing was read of');
SELECT is_empty($$SELECT name FROM ordersync.metrics WHERE name !~ '^ordersync_[a-z]+(_[a-z]+)*$'$$, 'named as Prometheus wants it');
SELECT is_empty('SELECT name, labels FROM ordersync.metrics GROUP BY 1, 2 HAVING count(*) > 1', 'each once');
SELECT is_empty('SELECT FROM ordersync.metrics WHERE value IS NULL', 'each with a value');

-- shops
UPDATE ordersync.shops SET key_expires_at = now() + interval '36 hours', key_state = 'expired', enabled = false WHERE shop_id = 2;
SELECT is(pg_temp.m('shop_key_days_left', '{"shop": "2"}'), '1.5', 'days of a key');
SELECT is(pg_temp.m('shop_key_days_left', '{"shop": "1"}'), NULL, 'where they are known');
SELECT is(pg_temp.m('shop_key_usable', '{"shop": "1"}') || pg_temp.m('shop_key_usable', '{"shop": "2"}'), '10', 'a key that is refused');
SELECT is(pg_temp.m('shop_enabled', '{"shop": "1"}') || pg_temp.m('shop_enabled', '{"shop": "2"}'), '10', 'a shop that is paused');
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT 1, s, 'modified', tstzmultirange(tstzrange(now() - interval '60 days', now() - interval '2 days')) FROM unnest('{orders,after_sales}'::text[]) s;
SELECT is(pg_temp.m('shop_covered_until_timestamp_seconds', '{"shop": "1"}'), round(EXTRACT(epoch FROM now() - interval '2 days')::numeric, 3)::float::text, 'until when a shop was read');
SELECT ok(pg_temp.m('shop_lag_seconds', '{"shop": "1"}')::float - 171600 BETWEEN 0 AND 900, 'how far it is behind: 48 hours but for the 10 minutes after which orders settle, less than 15 minutes ago');
SELECT is(pg_temp.m('shop_behind', '{"shop": "1"}'), '1', 'which is more than 26 hours');

-- the gateway
UPDATE ordersync.gateways SET throttled_until = now() + interval '90 seconds', clock_offset = '-1.5 seconds';
SELECT is(pg_temp.m('gateway_throttled_seconds', '{"gateway": "taobao"}'), '90', 'a pause that the platform asked for');
SELECT is(pg_temp.m('gateway_clock_offset_seconds', '{"gateway": "taobao"}'), '-1.5', 'its clock');
SELECT is(pg_temp.m('gateway_calls_per_day', '{"gateway": "taobao"}'), '5000', 'its calls a day');
UPDATE ordersync.gateways SET throttled_until = now() - interval '90 seconds';
SELECT is(pg_temp.m('gateway_throttled_seconds', '{"gateway": "taobao"}'), '0', 'a pause that is over');

-- a run: three windows, of which one fails
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, open_tasks, requested_at) VALUES (1, 'incremental', now() - interval '1 day', now(), 'running', 3, now() - interval '1 minute');
CREATE TEMP TABLE run AS SELECT max(run_id) AS id FROM ordersync.sync_runs;
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, calls, pages, records_new, records_changed, records_unchanged, records_quarantined, error_class)
SELECT id, 1, 'orders', 'modified', now() - interval '1 day', now(), t.* FROM run, (VALUES
	('succeeded', 5, 4, 300, 20, 50, 1, NULL), ('failed', 3, 0, 0, 0, 0, 0, 'network'), ('running', 1, 1, 7, 0, 0, 0, NULL)) t;
SELECT is(pg_temp.m('shop_active_runs', '{"shop": "1"}') || ' ' || pg_temp.m('shop_open_windows', '{"shop": "1"}'), '1 3', 'while it runs');
SELECT is(pg_temp.m('queue_windows', '{"state": "pending"}') || ' ' || pg_temp.m('queue_windows', '{"state": "running"}'), '2 1', 'the queue');
SELECT ok(pg_temp.m('queue_oldest_run_seconds')::float BETWEEN 60 AND 900, 'and how long it has waited');
SELECT is(pg_temp.m('failed_windows', '{"class": "network"}'), '1', 'failed windows by class');
SELECT is(pg_temp.m('shop_calls_total', '{"shop": "1"}'), '0', 'it counts when it ends');
UPDATE ordersync.sync_tasks SET state = 'succeeded' WHERE state = 'running';
SELECT ordersync.count_tasks((SELECT id FROM run), -3);
CREATE FUNCTION pg_temp.totals() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', pg_temp.m('shop_calls_total', '{"shop": "1"}'), '|', pg_temp.m('shop_records_total', '{"shop": "1", "change": "new"}'), pg_temp.m('shop_records_total', '{"shop": "1", "change": "changed"}'),
		pg_temp.m('shop_records_total', '{"shop": "1", "change": "unchanged"}'), pg_temp.m('shop_records_total', '{"shop": "1", "change": "quarantined"}'), '|',
		pg_temp.m('shop_runs_total', '{"shop": "1", "state": "succeeded"}'), pg_temp.m('shop_runs_total', '{"shop": "1", "state": "incomplete"}'),
		pg_temp.m('shop_runs_total', '{"shop": "1", "state": "failed"}'), pg_temp.m('shop_runs_total', '{"shop": "1", "state": "cancelled"}'), '|', pg_temp.m('shop_failed_windows_total', '{"shop": "1"}')) $$;
SELECT is(pg_temp.totals(), '9 | 307 20 50 1 | 0 1 0 0 | 1', 'calls, records, runs by state, failed windows');

-- tried again, it fails again, then it is cancelled: what was counted is not counted twice
SELECT ordersync_retry((SELECT id FROM run));
UPDATE ordersync.sync_tasks SET state = 'failed', calls = calls + 2, finished_at = now() WHERE state = 'pending';
SELECT ordersync.count_tasks((SELECT id FROM run), -1);
SELECT is(pg_temp.totals(), '11 | 307 20 50 1 | 0 2 0 0 | 2', 'its end after a retry adds two calls, a run that ended, a window that failed');
SELECT ordersync_retry((SELECT id FROM run));
SELECT ordersync_cancel((SELECT id FROM run));
SELECT is(pg_temp.totals(), '11 | 307 20 50 1 | 0 2 0 1 | 2', 'cancelled, it adds nothing but that');
DELETE FROM ordersync.sync_tasks; DELETE FROM ordersync.sync_runs;
SELECT is(pg_temp.totals(), '11 | 307 20 50 1 | 0 2 0 1 | 2', 'what is cut from history stays counted');

-- tables
SELECT is(pg_temp.m('table_bytes', '{"table": "orders"}'), pg_total_relation_size('ordersync.orders')::text, 'bytes of a table');
SELECT is(pg_temp.m('table_bytes', '{"table": "request_log"}'), (SELECT sum(pg_total_relation_size(inhrelid))::text FROM pg_inherits WHERE inhparent = 'ordersync.request_log'::regclass), 'of the request log those of its partitions');
SELECT is(pg_temp.m('request_log_partitions'), '9', 'today''s, seven of the days to come, the rest');
SELECT set_eq($$SELECT labels ->> 'table' FROM ordersync.metrics WHERE name = 'ordersync_table_rows_total'$$, '{orders,sub_orders,after_sales,order_changes}'::text[], 'writes by table');

-- who sees one shop
CREATE ROLE store; SELECT ordersync_grant('store', 'reader', '{2}');
SET ROLE store;
SELECT set_eq($$SELECT labels ->> 'shop' FROM ordersync.metrics WHERE labels ? 'shop'$$, '{2}'::text[], 'a reader of one shop sees its figures');
RESET ROLE;

-- history: neither runs nor tasks that have ended are read
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, finished_at, lot) SELECT 1, 'incremental', now(), now(), 'succeeded', now(), NULL FROM generate_series(1, 5000);
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state) SELECT run_id, 1, 'orders', 'modified', now(), now(), 'succeeded' FROM ordersync.sync_runs;
ANALYZE ordersync.sync_runs, ordersync.sync_tasks;
CREATE FUNCTION pg_temp.read(p_name text) RETURNS bigint LANGUAGE sql AS $$ SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname = p_name $$;
CREATE TEMP TABLE before AS SELECT pg_temp.read('sync_runs') AS runs, pg_temp.read('sync_tasks') AS tasks;
SELECT ok((SELECT count(*) FROM ordersync.metrics) > 50, 'a scrape with five thousand runs in history');
SELECT cmp_ok(pg_temp.read('sync_runs') - runs, '<', 10::bigint, 'reads none of them') FROM before;
SELECT cmp_ok(pg_temp.read('sync_tasks') - tasks, '<', 10::bigint, 'nor their tasks') FROM before;

-- it stays without the extension
DROP EXTENSION ordersync;
SELECT ok((SELECT count(*) FROM ordersync.metrics) > 50, 'it is there when the extension is not');
SELECT * FROM finish();
ROLLBACK;
