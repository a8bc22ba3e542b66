-- What test/bench/run measured, as tables. psql variables carry what only the outside could see.

CREATE TEMPORARY TABLE runs AS
SELECT
	run_id,
	extract(epoch FROM finished_at - started_at) AS seconds
FROM ordersync.sync_runs
WHERE run_id IN (:full, :replay);

CREATE TEMPORARY TABLE calls AS
SELECT
	run_id,
	count(*) AS calls,
	count(*) FILTER (WHERE verdict <> 'ok') AS failed,
	sum(bytes) AS bytes,
	sum(records) FILTER (WHERE method = 'taobao.trades.sold.get') AS orders
FROM ordersync.request_log
WHERE run_id IN (:full, :replay)
GROUP BY run_id;

CREATE TEMPORARY TABLE delays AS
SELECT 1000 * extract(epoch FROM min(l.started_at) - min(pg_xact_commit_timestamp(r.requested_in::xid))) AS ms
FROM ordersync.sync_runs AS r
JOIN ordersync.request_log AS l USING (run_id)
WHERE r.run_id IN (:runs)
GROUP BY r.run_id;

\echo
\echo '== one full run of one shop'
SELECT *
FROM (
	SELECT
		1 AS n,
		'orders stored' AS figure,
		count(*)::text AS value
	FROM ordersync.orders
	UNION ALL
	SELECT 2, 'sub-orders, after-sales', (SELECT count(*) FROM ordersync.sub_orders) || ', ' || (SELECT count(*) FROM ordersync.after_sales)
	UNION ALL
	SELECT 3, 'seconds', round(seconds, 1)::text FROM runs WHERE run_id = :full
	UNION ALL
	SELECT 4, 'orders a second', round((SELECT count(*) FROM ordersync.orders) / seconds)::text FROM runs WHERE run_id = :full
	UNION ALL
	SELECT 5, 'MB of JSON received', round(bytes / 1e6)::text FROM calls WHERE run_id = :full
	UNION ALL
	SELECT 6, 'CPU seconds: worker, simulated gateway (' || :cores || ' cores)', :worker_cpu || ', ' || :gateway_cpu
	UNION ALL
	SELECT
		7,
		'calls: made, fewest possible, ratio',
		format('%s, %s, %s', s ->> 'calls', s ->> 'fewest', round((s ->> 'calls')::numeric / (s ->> 'fewest')::numeric, 3))
	FROM (SELECT :'stats'::jsonb) AS x (s)
	UNION ALL
	SELECT 8, 'calls that failed', failed::text FROM calls WHERE run_id = :full
	UNION ALL
	SELECT 9, 'worker''s peak memory, MiB (VmHWM, shared buffers that it touched included)', :'peak'
	UNION ALL
	SELECT 10, 'of it its own at the end of the run, MiB (RssAnon)', :'own'
) AS f
ORDER BY n \g (format=aligned tuples_only=on)

\echo '== its calls by method'
SELECT
	m.key AS method,
	m.value ->> 'calls' AS calls,
	m.value ->> 'fewest' AS "fewest possible",
	m.value ->> 'records' AS records
FROM jsonb_each(:'stats'::jsonb -> 'methods') AS m
ORDER BY 1;

\echo '== orders a second, tenth by tenth of the full run (never analysed, autovacuum off)'
WITH page AS (
	SELECT
		logged_at,
		records,
		sum(records) OVER (ORDER BY logged_at, started_at, window_since) AS sofar,
		sum(records) OVER () AS total,
		lag(logged_at) OVER (ORDER BY logged_at, started_at, window_since) AS before
	FROM ordersync.request_log
	WHERE run_id = :full AND method = 'taobao.trades.sold.get'
), tenth AS (
	SELECT
		least((sofar * 10 - 1) / total, 9)::integer AS part,
		records,
		logged_at,
		before
	FROM page
)
SELECT
	part + 1 AS tenth,
	sum(records) AS orders,
	round(sum(records) / extract(epoch FROM max(logged_at) - min(coalesce(before, logged_at)))) AS "orders a second"
FROM tenth
GROUP BY part
ORDER BY part;

\echo '== the same run again, nothing changed'
SELECT
	round(r.seconds, 1) AS seconds,
	round(c.orders / r.seconds) AS "orders a second",
	:'rewritten' AS "rows written",
	round(:wal / c.orders, 1) AS "bytes of WAL an order"
FROM runs AS r
JOIN calls AS c USING (run_id)
WHERE run_id = :replay;

\echo '== first call after the commit of a trigger, ms'
SELECT
	count(*) AS runs,
	round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 1) AS median,
	round(min(ms), 1) AS least,
	round(max(ms), 1) AS most
FROM delays;
