-- How fast it went, by kind of run: from the first start to the last end of the shops' runs.
SELECT kind, count(*) AS runs, sum(w.windows) AS windows, sum(w.calls) AS calls,
	sum(w.records) AS records,
	round(extract(epoch FROM max(finished_at) - min(started_at))::numeric, 1) AS seconds,
	round((sum(w.records) / greatest(extract(epoch FROM max(finished_at) - min(started_at)), 0.001))::numeric) AS "records a second"
FROM ordersync.sync_runs AS r
JOIN LATERAL (
	SELECT count(*) AS windows, sum(calls) AS calls, sum(records_new + records_changed + records_unchanged) AS records
	FROM ordersync.sync_tasks AS t
	WHERE t.run_id = r.run_id
) AS w ON true
GROUP BY kind
ORDER BY min(r.run_id);
