-- What takes the disk: sizes by table and by shop, how they grow, how long rows are kept; and what the doctor is told of it.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) SELECT n, 'n' || n, ARRAY['n' || n], 'taobao' FROM generate_series(1, 3) n;
CREATE FUNCTION pg_temp.day(p_days integer) RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date - p_days $$;

-- every table of the schema, with the size that the server says
SELECT results_eq('SELECT table_name FROM ordersync.storage ORDER BY 1',
	$$SELECT relname::text COLLATE "default" FROM pg_class WHERE relnamespace = 'ordersync'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1$$, 'every table, partitions with theirs');
SELECT is((SELECT sum(bytes) FROM ordersync.storage), (SELECT sum(pg_total_relation_size(oid))::numeric FROM pg_class WHERE relnamespace = 'ordersync'::regnamespace AND relkind = 'r'), 'all bytes are of some table');
SELECT is((SELECT count(*) FROM ordersync.storage WHERE bytes <> heap_bytes + index_bytes + toast_bytes), 0::bigint, 'rows, indexes and long values are all of it');
SELECT results_eq('SELECT table_name, setting, kept_for FROM ordersync.storage WHERE setting IS NOT NULL ORDER BY 1',
	$$VALUES ('change_feed', 'ordersync.keep_feed', '7 days'::interval), ('order_changes', 'ordersync.keep_changes', NULL::interval), ('quarantine', 'ordersync.keep_quarantine', '90 days'), ('request_log', 'ordersync.keep_log', '30 days'), ('sync_runs', 'ordersync.keep_runs', '90 days'), ('sync_tasks', 'ordersync.keep_runs', '90 days')$$,
	'how long what is kept');

-- the request log by its days
DO $$ BEGIN
	FOR n IN 1 .. 3 LOOP
		EXECUTE format('CREATE TABLE ordersync.request_log_%s PARTITION OF ordersync.request_log FOR VALUES FROM (%L) TO (%L)', to_char(pg_temp.day(n), 'YYYYMMDD'), ordersync_day(pg_temp.day(n)), ordersync_day(pg_temp.day(n - 1)));
	END LOOP;
END $$;
INSERT INTO ordersync.request_log (logged_at, shop_id, msg) SELECT ordersync_day(pg_temp.day(n)) + interval '1 hour', 1, repeat('x', 1000) FROM generate_series(1, 2) n, generate_series(1, 500);
SELECT results_eq($$SELECT partitions, oldest, growth_a_day > 300000 FROM ordersync.storage WHERE table_name = 'request_log'$$,
	$$SELECT 12, ordersync_day(pg_temp.day(2)), true$$, 'its partitions, the oldest day that has a row, and the mean of the days before today');
SELECT is((SELECT growth_a_day FROM ordersync.storage WHERE table_name = 'request_log'),
	(SELECT round(avg(pg_total_relation_size(('ordersync.request_log_' || to_char(pg_temp.day(n), 'YYYYMMDD'))::regclass)))::bigint FROM generate_series(1, 3) n), 'by the days that are over');

-- whatever a session writes times like: "CST" is read as a zone of America
DO $$ BEGIN EXECUTE (SELECT string_agg(format('DROP TABLE ordersync.%I', name), '; ') FROM ordersync.log_partitions() WHERE since > now()); END $$;
SET LOCAL TimeZone = 'Asia/Shanghai';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT ordersync.make_log_partitions();
CREATE TEMP TABLE days ON COMMIT DROP AS SELECT p.since, p.until, s.oldest FROM ordersync.log_partitions() p, ordersync.storage s WHERE s.table_name = 'request_log';
RESET DateStyle;
RESET TimeZone;
SELECT results_eq('SELECT since, until FROM days ORDER BY 1', 'SELECT ordersync_day(pg_temp.day(n)), ordersync_day(pg_temp.day(n - 1)) FROM generate_series(3, -7, -1) n', 'days are those of Asia/Shanghai');
SELECT results_eq('SELECT p.since FROM ordersync.log_partitions() p ORDER BY 1', 'SELECT since FROM days ORDER BY 1', 'also of the new partitions');
SELECT is((SELECT max(oldest) FROM days), ordersync_day(pg_temp.day(2)), 'and the oldest that has a row is known');
DO $$ BEGIN
	EXECUTE format('DROP TABLE ordersync.request_log_%s; DROP TABLE ordersync.request_log_%s', to_char(pg_temp.day(-6), 'YYYYMMDD'), to_char(pg_temp.day(-7), 'YYYYMMDD'));
	EXECUTE format('CREATE TABLE ordersync.request_log_mine PARTITION OF ordersync.request_log FOR VALUES FROM (%L) TO (%L)', ordersync_day(pg_temp.day(-6)), ordersync_day(pg_temp.day(-6)) + interval '1 hour');
END $$;
SELECT lives_ok('SELECT ordersync.make_log_partitions()', 'a partition of somebody''s in the way');
SELECT is((SELECT string_agg(name, ' ' ORDER BY since) FROM ordersync.log_partitions() WHERE since >= ordersync_day(pg_temp.day(-6))), 'request_log_mine request_log_' || to_char(pg_temp.day(-7), 'YYYYMMDD'), 'the other days are made');
DROP TABLE ordersync.request_log_mine;

-- growth by what was recorded
SELECT is((SELECT count(*) FROM ordersync.storage WHERE growth_a_day IS NOT NULL AND table_name <> 'request_log'), 0::bigint, 'nobody knows the growth on the first day');
INSERT INTO ordersync.storage_history (table_name, day, bytes) SELECT 'orders', pg_temp.day(n), (SELECT bytes FROM ordersync.storage WHERE table_name = 'orders') - n * 1000 FROM unnest('{40,10,5}'::integer[]) n;
SELECT is((SELECT growth_a_day FROM ordersync.storage WHERE table_name = 'orders'), 1000::bigint, 'since the first of the last thirty days that is known');

-- oldest and newest rows where they are cheap
INSERT INTO ordersync.sync_runs (shop_id, kind, state, requested_at, finished_at) VALUES (1, 'full', 'succeeded', '2020-01-01 00:00+08', '2020-01-01 01:00+08'), (1, 'full', 'succeeded', '2020-02-01 00:00+08', '2020-02-01 01:00+08');
SELECT results_eq($$SELECT oldest, newest FROM ordersync.storage WHERE table_name = 'sync_runs'$$, $$VALUES ('2020-01-01 00:00+08'::timestamptz, '2020-02-01 00:00+08'::timestamptz)$$, 'the oldest run and the newest');

-- by shop: nobody knows before the tables are analysed
SELECT results_eq('SELECT shop_id, bytes FROM ordersync.storage_by_shop ORDER BY 1', 'VALUES (1::bigint, NULL::bigint), (2, NULL), (3, NULL)', 'without statistics');
INSERT INTO ordersync.orders (shop_id, tid, modified) SELECT CASE WHEN n <= 800 THEN 1 ELSE 2 END, n, now() FROM generate_series(1, 1000) n;
INSERT INTO ordersync.orders (shop_id, tid, modified) SELECT 9, n, now() FROM generate_series(1, 1000) n;
ANALYZE ordersync.orders;
SELECT results_eq('SELECT shop_id, seller_nick, orders, round(percent) FROM ordersync.storage_by_shop ORDER BY 1',
	$$VALUES (1::bigint, 'n1', 800::bigint, 40::numeric), (2, 'n2', 200, 10), (3, 'n3', 0, 0), (9, NULL, 1000, 50)$$, 'each shop by its share of the rows, a removed one as well');
SELECT cmp_ok(abs((SELECT sum(bytes) FROM ordersync.storage_by_shop) - pg_total_relation_size('ordersync.orders')), '<', 10::numeric, 'together they are all of the table');

-- a table that somebody put beside ours
CREATE TABLE ordersync.notes (shop_id text);
INSERT INTO ordersync.notes SELECT 'n' || n % 3 FROM generate_series(1, 30) n;
ANALYZE ordersync.notes;
SELECT lives_ok('SELECT * FROM ordersync.storage_by_shop', 'whose shop_id is no number');
DROP TABLE ordersync.notes;

-- recorded by the clean-up, once a day
SELECT is(ordersync.clean_up('1 minute'), 'done', 'a clean-up');
SELECT is((SELECT count(*) FROM ordersync.storage_history WHERE day = pg_temp.day(0) AND table_name <> ''), (SELECT count(*) FROM ordersync.storage), 'records each table');
SELECT is((SELECT bytes FROM ordersync.storage_history WHERE day = pg_temp.day(0) AND table_name = '' AND shop_id = 1), (SELECT bytes FROM ordersync.storage_by_shop WHERE shop_id = 1), 'and each shop');
INSERT INTO ordersync.storage_history (table_name, shop_id, day, bytes) VALUES ('', 1, pg_temp.day(10), (SELECT bytes FROM ordersync.storage_by_shop WHERE shop_id = 1) - 50000), ('', 1, pg_temp.day(101), 1);
SELECT is((SELECT growth_a_day FROM ordersync.storage_by_shop WHERE shop_id = 1), 5000::bigint, 'the shop''s growth');
SELECT lives_ok('SELECT ordersync.record_sizes()', 'again on the same day');
SELECT is((SELECT count(*) FROM ordersync.storage_history WHERE day < pg_temp.day(100)), 0::bigint, 'a hundred days are kept');

-- the doctor: all is well
SELECT results_eq('SELECT check_name, ok, hint FROM ordersync.check_health_storage()', $$VALUES ('clean-up', true, NULL), ('request log', true, NULL), ('ended runs', true, NULL)$$, 'all is well');
-- nothing was done for two days
UPDATE ordersync.installation SET set_up_at = now() - interval '60 days';
UPDATE ordersync.clean_ups SET done_at = now() - interval '49 hours' WHERE name = 'runs';
SELECT results_eq('SELECT check_name, ok, hint FROM ordersync.check_health_storage()', $$VALUES ('clean-up', false, 'A worker does it daily; now: CALL ordersync_clean_up();'), ('request log', true, NULL), ('ended runs', true, NULL)$$, 'no clean-up for two days');
DELETE FROM ordersync.clean_ups;
SELECT is((SELECT ok FROM ordersync.check_health_storage() WHERE check_name = 'clean-up'), false, 'nor ever');
-- what is older than it may be
DO $$ BEGIN
	EXECUTE format('CREATE TABLE ordersync.request_log_%s PARTITION OF ordersync.request_log FOR VALUES FROM (%L) TO (%L)', to_char(pg_temp.day(34), 'YYYYMMDD'), ordersync_day(pg_temp.day(34)), ordersync_day(pg_temp.day(33)));
END $$;
INSERT INTO ordersync.request_log (logged_at, shop_id) VALUES (now() - interval '50 days', 1);
INSERT INTO ordersync.sync_runs (shop_id, kind, state, requested_at, finished_at) VALUES (1, 'full', 'succeeded', '2020-03-01 00:00+08', '2020-03-01 01:00+08');
SELECT results_eq('SELECT ok, detail, hint FROM ordersync.check_health_storage() WHERE check_name = ''request log''',
	$$VALUES (false, 'days older than ordersync.keep_log (30d): 1, and rows of ordersync.request_log_rest', 'CALL ordersync_clean_up();')$$, 'old days of the log');
SELECT results_eq('SELECT ok, detail, hint FROM ordersync.check_health_storage() WHERE check_name = ''ended runs''',
	$$VALUES (false, 'runs older than ordersync.keep_runs (90d): 1', 'CALL ordersync_clean_up();')$$, 'and an old run, which is not the last of its kind');
SELECT isnt(ordersync.clean_up_step(true), 'busy', 'what the hint''s command does');
DO $$ BEGIN FOR i IN 1 .. 100 LOOP EXIT WHEN ordersync.clean_up('1 minute') <> 'more'; END LOOP; END $$;
SELECT is(ordersync.clean_up(), 'done', 'to its end');
SELECT is((SELECT bool_and(ok) FROM ordersync.check_health_storage()), true, 'makes it well');

SELECT * FROM finish();
ROLLBACK;
