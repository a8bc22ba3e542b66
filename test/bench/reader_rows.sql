-- What test/bench/readers needs beside report_rows.sql: the shops of these orders, their payloads (small ones), what is covered
-- and counted, and a month of hourly runs with 200,000 calls of the last day. As full runs of all days and then hourly runs,
-- for ninety days, would have left it; totals are added by the project's own function.

SET synchronous_commit = off;
SET client_min_messages = warning;

SELECT ordersync_add_gateway('taobao', 'https://eco.taobao.com/router/rest', '12345678', 'helloworld', options => '{"calls_per_day": 1000000}') \g /dev/null
SELECT ordersync_add_shop(s.shop_id, '测试店铺' || s.shop_id, 'session-' || s.shop_id) FROM ordersync.stored_shops AS s \g /dev/null
UPDATE ordersync.shops SET key_state = 'ok', key_expires_at = now() + interval '90 days';

INSERT INTO ordersync.order_payloads (shop_id, tid, rank, sources, modified, read_at, digest_increment, digest_list, payload)
SELECT o.shop_id, o.tid, 3, 4, o.modified, o.synced_at, decode(md5(o.tid::text), 'hex'), decode(md5(o.tid || 'list'), 'hex'),
	jsonb_build_object('tid', o.tid, 'status', o.status, 'payment', o.payment::text)
FROM ordersync.orders AS o;
INSERT INTO ordersync.after_sale_payloads (shop_id, refund_id, rank, sources, modified, read_at, digest_list, payload)
SELECT a.shop_id, a.refund_id, 2, 2, a.modified, a.synced_at, decode(md5(a.refund_id::text), 'hex'),
	jsonb_build_object('refund_id', a.refund_id, 'status', a.status)
FROM ordersync.after_sales AS a;

-- Read by creation until ninety days ago, by modification since, and by arrival.
CREATE TEMP TABLE spans AS
SELECT s.shop_id, l.stream, l.basis,
	CASE l.basis WHEN 'created' THEN (SELECT min(o.created_date) FROM ordersync.orders AS o WHERE o.shop_id = s.shop_id) ELSE ordersync_today() - 90 END AS first_day,
	CASE l.basis WHEN 'created' THEN ordersync_today() - 90 ELSE ordersync_today() END AS end_day
FROM ordersync.stored_shops AS s
CROSS JOIN (VALUES ('orders', 'created'), ('orders', 'modified'), ('orders', 'arrival'), ('after_sales', 'modified'),
	('after_sales', 'arrival'), ('special_refunds', 'modified')) AS l (stream, basis);
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT shop_id, stream, basis, tstzmultirange(tstzrange(ordersync_day(first_day), ordersync_day(end_day))) FROM spans;

-- Windows of a day by creation; by modification hourly ones of the last eight days, merged to days before.
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, passes, verdict, began_at, closed_at)
SELECT s.shop_id, s.stream, s.basis, tstzrange(ordersync_day(n.day::date), ordersync_day(n.day::date + 1)), o.orders, o.orders, 1, 'counted',
	ordersync_day(ordersync_today() - 90), ordersync_day(ordersync_today() - 90)
FROM spans AS s
CROSS JOIN LATERAL generate_series(s.first_day::timestamp, s.end_day - interval '1 day', interval '1 day') AS n (day)
CROSS JOIN LATERAL (SELECT count(*) AS orders FROM ordersync.orders AS o WHERE o.shop_id = s.shop_id AND o.created_date = n.day::date) AS o
WHERE s.basis = 'created';
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, passes, verdict, began_at, closed_at)
SELECT s.shop_id, s.stream, s.basis, tstzrange(n.at, n.at + n.step), 50, 50, 1, 'counted', n.at + n.step + interval '2 hours', n.at + n.step + interval '2 hours'
FROM spans AS s
CROSS JOIN LATERAL (
	SELECT ordersync_day(d.day::date) AS at, interval '1 day' AS step
	FROM generate_series(s.first_day::timestamp, s.end_day - interval '9 days', interval '1 day') AS d (day)
	UNION ALL
	SELECT h.at, interval '1 hour'
	FROM generate_series(ordersync_day(s.end_day - 8), ordersync_day(s.end_day) - interval '1 hour', interval '1 hour') AS h (at)
) AS n
WHERE s.basis <> 'created';

-- Hourly runs of thirty days, with a window of each list.
WITH made AS (
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, requested_at, started_at, finished_at, lot, open_tasks)
	SELECT s.shop_id, 'incremental', t.at - interval '1 hour', t.at, 'succeeded', t.at, t.at, t.at + interval '1 minute', NULL, 0
	FROM generate_series(ordersync_day(ordersync_today() - 30), ordersync_day(ordersync_today()), interval '1 hour') AS t (at), ordersync.stored_shops AS s
	ORDER BY t.at, s.shop_id
	RETURNING run_id, shop_id, since, until, finished_at
)
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, outcome, calls, pages, records_new, records_changed, records_unchanged,
	reported, seen, made_at, began_at, claimed_at, finished_at)
SELECT m.run_id, m.shop_id, l.stream, l.basis, m.since, m.until, 'succeeded', 'counted', 2, 1, 20, 20, 10, 50, 50, m.until, m.until, m.until, m.finished_at
FROM made AS m
CROSS JOIN (VALUES ('orders', 'modified'), ('orders', 'arrival'), ('after_sales', 'modified'), ('special_refunds', 'modified')) AS l (stream, basis);
SELECT count(ordersync.add_to_totals(r.run_id)) FROM ordersync.sync_runs AS r \g /dev/null
UPDATE ordersync.shop_totals AS t SET full_run_at = ordersync_day(ordersync_today() - 90),
	successes = jsonb_build_object('incremental', (SELECT jsonb_build_object('run_id', max(r.run_id), 'at', max(r.finished_at)) FROM ordersync.sync_runs AS r WHERE r.shop_id = t.shop_id));
-- no worker serves it
SET client_min_messages = error;
SELECT ordersync_trigger_incremental(s.shop_id) FROM ordersync.stored_shops AS s \g /dev/null
SET client_min_messages = warning;

INSERT INTO ordersync.request_log (logged_at, shop_id, gateway, method, verdict, http_status, code, sub_code, records, bytes, duration_ms, started_at)
SELECT t.at, 1 + n % 20, 'taobao', 'taobao.trades.sold.increment.get', CASE WHEN n % 50 = 0 THEN 'throttled' ELSE 'ok' END, 200,
	CASE WHEN n % 50 = 0 THEN 7 END, CASE WHEN n % 50 = 0 THEN 'accesscontrol.limited-by-app-access-count' END, 50, 60000, 80 + n % 300, t.at
FROM generate_series(1, 200000) AS n
CROSS JOIN LATERAL (SELECT now() - n * interval '1 day' / 200000 AS at) AS t;
INSERT INTO ordersync.storage_history (table_name, shop_id, day, bytes)
SELECT t.name, 0, ordersync_today() - d, (100 - d) * 10000000::bigint
FROM unnest('{orders,sub_orders,after_sales,order_payloads,after_sale_payloads}'::text[]) AS t (name), generate_series(1, 60) AS d;

VACUUM ANALYZE;
