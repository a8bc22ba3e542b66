-- A window is counted by what lies in it, however many orders and after-sales its shop has, in tables that were never analysed.
BEGIN;
SELECT plan(8);
SET client_min_messages = error;
SELECT ordersync.set_up();

CREATE FUNCTION pg_temp.read(name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname = name $$;
CREATE TEMP TABLE r (name text, before bigint);
CREATE FUNCTION pg_temp.begin_reading() RETURNS void LANGUAGE sql AS $$
	DELETE FROM r;
	INSERT INTO r SELECT n, pg_temp.read(n) FROM unnest('{orders,after_sales}'::text[]) n $$;
CREATE FUNCTION pg_temp.was_read(name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT pg_temp.read(name) - before FROM r WHERE r.name = was_read.name $$;

-- 50 orders and 50 after-sales a day, every tenth of these a special refund, in 200 days
INSERT INTO ordersync.orders (shop_id, tid, created, modified)
SELECT 1, n, t, t FROM (SELECT n, '2026-01-01 00:00+08'::timestamptz + n * interval '24 hours' / 50 AS t FROM generate_series(0, 9999) n) x;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, created, modified, special_refund_type)
SELECT 1, n, n, t, t, CASE WHEN n % 10 = 0 THEN 1 END FROM (SELECT n, '2026-01-01 00:00+08'::timestamptz + n * interval '24 hours' / 50 AS t FROM generate_series(0, 9999) n) x;

SELECT pg_temp.begin_reading();
SELECT is((SELECT c.within FROM ordersync.count_stored(1, 'orders', '2026-03-01 00:00+08', '2026-03-02 00:00+08') c), 50::bigint, 'the orders of a day');
SELECT cmp_ok(pg_temp.was_read('orders'), '<', 250::bigint, 'are counted among those of few days');
SELECT pg_temp.begin_reading();
SELECT is((SELECT c.within FROM ordersync.count_stored(1, 'after_sales', '2026-03-01 00:00+08', '2026-03-02 00:00+08') c), 45::bigint, 'the after-sales of a day');
SELECT is((SELECT c.at_until FROM ordersync.count_stored(1, 'after_sales', '2026-03-01 00:00+08', '2026-03-02 00:00+08') c), 0::bigint, 'and of the second at its end');
SELECT is((SELECT c.within FROM ordersync.count_stored(1, 'special_refunds', '2026-03-01 00:00+08', '2026-03-02 00:00+08') c), 5::bigint, 'its special refunds');
SELECT is((SELECT c.at_until FROM ordersync.count_stored(1, 'special_refunds', '2026-03-01 00:00+08', '2026-03-02 00:00+08') c), 1::bigint, 'and that of the second at its end');
SELECT cmp_ok(pg_temp.was_read('after_sales'), '<', 500::bigint, 'are counted among those of few days');
SELECT is((SELECT c.within FROM ordersync.count_stored(2, 'after_sales', '2026-03-01 00:00+08', '2026-03-02 00:00+08') c), 0::bigint, 'another shop has none');
SELECT * FROM finish();
ROLLBACK;
