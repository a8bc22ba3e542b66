-- What the views read of large tables: keys and days from indexes alone, where that is all they need.
BEGIN;
SELECT plan(4);
SELECT ordersync.set_up();

INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) SELECT k, 'orders', 'modified', '{[2026-01-01,2026-04-01)}' FROM generate_series(1, 20) k;
INSERT INTO ordersync.orders (shop_id, tid, created, modified, paid_at) SELECT 1 + n % 20, n, t, t, t
FROM generate_series(1, 3000) n, LATERAL (SELECT timestamptz '2026-01-01 00:00+08' + n * interval '40 minutes' AS t) t
ORDER BY 1, 2;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, paid_at, num_iid, num, paid_amount) SELECT shop_id, tid, tid, paid_at, tid % 50, 1, 10 FROM ordersync.orders;
INSERT INTO ordersync.order_payloads (shop_id, tid, rank, sources, modified) SELECT shop_id, tid, 3, 4, modified FROM ordersync.orders;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, modified, refunded_at, refunded_amount) SELECT shop_id, tid, tid, tid, modified, modified, 10 FROM ordersync.orders WHERE tid % 10 = 0;
INSERT INTO ordersync.after_sale_payloads (shop_id, refund_id, rank, sources, modified) SELECT shop_id, refund_id, 2, 2, modified FROM ordersync.after_sales;
ANALYZE ordersync.coverage, ordersync.orders, ordersync.sub_orders, ordersync.order_payloads, ordersync.after_sales, ordersync.after_sale_payloads;

-- The tables are so small, and their pages so new, that other ways would be as cheap.
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_nestloop = off;
-- how a table is scanned
CREATE FUNCTION pg_temp.scans(p_query text, p_table text, p_alias text DEFAULT '%') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || p_query INTO v_plan;
	RETURN (
		SELECT string_agg(DISTINCT format('%s by %s', n ->> 'Node Type', n ->> 'Index Name'), ', ')
		FROM jsonb_path_query(v_plan, 'strict $.**') AS n
		WHERE jsonb_typeof(n) = 'object'
			AND n ->> 'Relation Name' = p_table
			AND n ->> 'Alias' LIKE p_alias);
END $$;
SELECT is(pg_temp.scans('SELECT * FROM ordersync.gone_days', 'order_payloads', 'k%'), 'Index Only Scan by order_payloads_pkey', 'of records that may have lost their row only the keys are read');
SELECT is(pg_temp.scans('SELECT * FROM ordersync.gone_days', 'orders'), 'Index Only Scan by orders_pkey', 'and of rows');
SELECT is(pg_temp.scans($$SELECT day, sum(refunded_amount) FROM (SELECT * FROM ordersync.refund_rates WHERE shop_id = 1 AND day BETWEEN '2026-02-01' AND '2026-02-28') x GROUP BY day$$, 'sub_orders'),
	'Index Only Scan by sub_orders_paid_date_idx', 'lines and what went back of them: from the index by day');

DELETE FROM ordersync.orders WHERE (shop_id, tid) IN ((1, 1000), (1, 1020), (2, 1001));
DELETE FROM ordersync.after_sales WHERE refund_id = 1000;
SELECT results_eq('SELECT shop_id, stream, sum(records)::bigint FROM ordersync.gone_days GROUP BY 1, 2 ORDER BY 1, 2', $$VALUES (1::bigint, 'after_sales', 1::bigint), (1, 'orders', 2), (2, 'orders', 1)$$, 'what is gone is found, by shop');

SELECT * FROM finish();
ROLLBACK;
