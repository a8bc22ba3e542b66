-- Somebody publishes all tables, for a replica or change capture: nothing that updates or deletes may fail for it.
BEGIN;
SELECT plan(14);
SET client_min_messages = error;
\ir lib/put.sql

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');
CREATE PUBLICATION everything FOR ALL TABLES;

SELECT isnt_empty($$ SELECT FROM pg_class WHERE oid::regclass::text LIKE 'ordersync.request\_log\_20%' $$, 'the log has a partition for today');
SELECT is_empty($$
	SELECT c.relname
	FROM pg_class c
	WHERE c.relnamespace = 'ordersync'::regnamespace
		AND c.relkind IN ('r', 'p')
		AND c.relreplident <> 'f'
		AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND c.relreplident = 'd') $$,
	'every table and partition has a primary key, or whole rows for its identity');

-- rows everywhere
SELECT is(pg_temp.put('list', '{"tid":1,"status":"TRADE_FINISHED","created":"2026-01-01 10:00:00","end_time":"2026-01-09 10:00:00","modified":"2026-01-09 10:00:00","payment":"x","orders":{"order":[{"oid":11,"refund_id":"21"}]}}'), '1/0/0', 'an order');
SELECT is(pg_temp.put('list', '{"tid":1,"status":"TRADE_CLOSED","created":"2026-01-01 10:00:00","end_time":"2026-01-09 10:00:00","modified":"2026-01-10 10:00:00","payment":"9.00","orders":{"order":[{"oid":12}]}}'), '0/1/0', 'that changes, and loses a line');
SELECT is(pg_temp.put_refund('list', '{"refund_id":21,"tid":1,"oid":11,"status":"SUCCESS","modified":"2026-01-10 10:00:00"}'), '1/0/0', 'an after-sale');
SELECT isnt(ordersync_trigger_incremental(7), NULL, 'a run');
INSERT INTO ordersync.request_log (logged_at, shop_id, method) SELECT now() + n * interval '1 day', 7, 'm' FROM generate_series(-400, 3) n;
INSERT INTO ordersync.lookups (shop_id, stream, record_id, served, asked_at) VALUES (7, 'orders', 1, true, now());

SELECT lives_ok($$ SELECT ordersync_set_shop(7, '{"payloads": "off"}'), ordersync.cut_payloads('10 seconds') $$, 'records are cut');
SELECT is((SELECT count(*) FROM ordersync.order_payloads WHERE payload IS NOT NULL), 0::bigint, 'as they are without a publication');
SELECT lives_ok($$ SELECT ordersync_cancel(max(run_id)) FROM ordersync.sync_runs $$, 'a run is cancelled');
SELECT lives_ok($$ UPDATE ordersync.request_log SET answer = NULL $$, 'somebody clears answers in the log');
SELECT lives_ok($$ SELECT ordersync_remove_shop(7, purge => true) $$, 'a shop is purged');
SELECT is((SELECT count(*) FROM ordersync.request_log), 0::bigint, 'its log too, old and new');
SELECT is_empty($$ SELECT FROM ordersync.orders $$, 'and its orders');
SELECT lives_ok($$ SELECT ordersync_remove_gateway('taobao') $$, 'the gateway goes');

SELECT * FROM finish();
ROLLBACK;
