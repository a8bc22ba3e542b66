-- The candidates of a full load, in a table that the planner takes for as good as empty, which it is most of the time.
BEGIN;
SELECT plan(15);
SET client_min_messages = error;
SET TimeZone = 'Asia/Shanghai';
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');
CREATE FUNCTION pg_temp.found() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', cardinality(u.ids), (SELECT min(i) FROM unnest(u.ids) i), (SELECT max(i) FROM unnest(u.ids) i)) FROM ordersync.unlinked_candidates(7) u $$;
CREATE FUNCTION pg_temp.noted() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', count(DISTINCT i), min(i), max(i), max(cardinality(refund_ids)) <= 1000) FROM ordersync.link_candidates, unnest(refund_ids) i $$;

-- the few that stay of many, as autovacuum sees them
INSERT INTO ordersync.link_candidates (shop_id, refund_ids) SELECT 7, ARRAY[n] FROM generate_series(1, 8000) n;
DELETE FROM ordersync.link_candidates WHERE refund_ids[1] > 1;
ANALYZE ordersync.link_candidates;
INSERT INTO ordersync.orders (shop_id, tid, modified) SELECT 7, n, now() FROM generate_series(1, 16000) n;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, refund_id, refund_status, modified) SELECT 7, n, n, n, 'SUCCESS', now() FROM generate_series(1, 16000) n;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, modified) SELECT 7, n, n, n, 'SUCCESS', now() FROM generate_series(1, 8000) n;
INSERT INTO ordersync.link_candidates (shop_id, refund_ids) SELECT 7, array_agg(n) FROM generate_series(1, 16000) n GROUP BY n % 8000;

-- what reads each row for each row takes minutes
SET LOCAL statement_timeout = '15s';
-- as where a claim ends a run, since a worker was gone once too often; the plans stay
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT is(pg_temp.found(), '8000 8001 16000', 'of 8000 rows, each with one that is linked and one that is not');
SELECT is(pg_temp.noted(), '8000 8001 16000 t', 'the unlinked ones stay, in rows that are soon written anew');
CREATE TEMP TABLE before AS SELECT ctid AS c, xmin::text AS n, xmax::text AS x, refund_ids FROM ordersync.link_candidates;
SELECT is(pg_temp.found(), '8000 8001 16000', 'where nothing has changed');
SELECT bag_eq('SELECT ctid AS c, xmin::text AS n, xmax::text AS x, refund_ids FROM ordersync.link_candidates', 'SELECT * FROM before', 'no row is written, nor locked');
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, modified) SELECT 7, n, n, n, 'SUCCESS', now() FROM generate_series(8001, 8001) n;
INSERT INTO ordersync.link_candidates (shop_id, refund_ids) VALUES (7, '{8001}');
SELECT is(pg_temp.found(), '7999 8002 16000', 'one is linked');
SELECT is(pg_temp.noted(), '7999 8002 16000 t', 'and noted no longer');
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, modified) SELECT 7, n, n, n, 'SUCCESS', now() FROM generate_series(8002, 15999) n;
SELECT is(pg_temp.found(), '1 16000 16000', 'all but one are');
SELECT is(pg_temp.noted(), '1 16000 16000 t', 'that one stays noted');
SELECT ordersync.note_all_links(7);
SELECT is(pg_temp.found(), '1 16000 16000', 'a walk through all finds the same');
SELECT is(pg_temp.noted(), '1 16000 16000 t', 'and notes it once');
RESET statement_timeout;
RESET enable_hashjoin;
RESET enable_mergejoin;

-- runs of single orders note refunds and take none
INSERT INTO ordersync.link_candidates (shop_id, refund_ids) SELECT 7, ARRAY[n] FROM generate_series(1, 9999) n;
INSERT INTO ordersync.link_candidates (shop_id, refund_ids) SELECT 8, ARRAY[n] FROM generate_series(1, 10001) n;
SELECT ordersync.maintenance();
SELECT results_eq('SELECT shop_id, count(*), bool_or(refund_ids IS NULL) FROM ordersync.link_candidates GROUP BY 1 ORDER BY 1', $$VALUES (7::bigint, 10000::bigint, false), (8, 1, true)$$,
	'of a shop that has more than ten thousand rows all is to be looked at, instead');
DELETE FROM ordersync.link_candidates WHERE shop_id = 8;
SELECT lives_ok('SELECT pg_temp.found()', 'of the other one they are looked at');
SELECT is(pg_temp.noted(), '1 16000 16000 t', 'as ever');

-- what a later version may add to the table
ALTER TABLE ordersync.link_candidates DROP COLUMN refund_ids;
SELECT ordersync.set_up();
SELECT has_column('ordersync', 'link_candidates', 'refund_ids', 'a column that is missing is made');
SELECT is((SELECT count(*) FROM ordersync.link_candidates), 1::bigint, 'and the shop is not noted again');

SELECT * FROM finish();
ROLLBACK;
