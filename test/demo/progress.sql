-- One line for the progress bar, over the runs :ids: state, share in percent, windows done, windows, pages, records, calls a second, time left.
SELECT CASE
		WHEN bool_or(state IN ('pending', 'running')) THEN 'running'
		WHEN bool_and(state = 'succeeded') THEN 'succeeded'
		ELSE max(state) FILTER (WHERE state <> 'succeeded')
	END,
	coalesce(100 * sum(windows_done) / nullif(sum(windows_total), 0), 0)::integer,
	coalesce(sum(windows_done), 0),
	coalesce(sum(windows_total), 0),
	coalesce(sum(pages), 0),
	coalesce(sum(records_new + records_changed + records_unchanged), 0),
	coalesce(round(sum(calls_per_second)::numeric), 0),
	coalesce(to_char(greatest(max(eta) - clock_timestamp(), '0'), 'FMMI:SS'), '-')
FROM ordersync.run_progress
WHERE run_id IN (:ids);
