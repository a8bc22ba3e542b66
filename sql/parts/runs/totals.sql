/*
 * A run that ends is added to its shop's totals.
 *
 * A run that is tried again ends again: sync_runs.added_to_totals has what was added of it
 * before, so that nothing counts twice.  Its failed windows are all tried again,
 * so that each that is failed at the end has failed once more.
 *
 * The row of totals is locked after the run's, as the last of all.
 */
CREATE OR REPLACE FUNCTION ordersync.add_to_totals(p_run bigint)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	WITH done AS (
		SELECT r.shop_id, r.state, r.added_to_totals, t.failed,
			ARRAY[t.calls, t.pages, t.records_new, t.records_changed, t.records_unchanged, t.records_quarantined] AS counts
		FROM ordersync.sync_runs r
		CROSS JOIN LATERAL (
			SELECT pg_catalog.count(*) FILTER (WHERE t.state = 'failed') AS failed,
				COALESCE(pg_catalog.sum(t.calls), 0)::bigint AS calls,
				COALESCE(pg_catalog.sum(t.pages), 0)::bigint AS pages,
				COALESCE(pg_catalog.sum(t.records_new), 0)::bigint AS records_new,
				COALESCE(pg_catalog.sum(t.records_changed), 0)::bigint AS records_changed,
				COALESCE(pg_catalog.sum(t.records_unchanged), 0)::bigint AS records_unchanged,
				COALESCE(pg_catalog.sum(t.records_quarantined), 0)::bigint AS records_quarantined
			FROM ordersync.sync_tasks t
			WHERE t.run_id = r.run_id
		) t
		WHERE r.run_id = p_run
	), noted AS (
		UPDATE ordersync.sync_runs r
		SET added_to_totals = d.counts
		FROM done d
		WHERE r.run_id = p_run
	)
	INSERT INTO ordersync.shop_totals AS o (shop_id, runs_succeeded, runs_incomplete, runs_failed, runs_cancelled, windows_failed,
		calls, pages, records_new, records_changed, records_unchanged, records_quarantined)
	SELECT d.shop_id,
		(d.state = 'succeeded')::integer, (d.state = 'incomplete')::integer, (d.state = 'failed')::integer, (d.state = 'cancelled')::integer,
		d.failed,
		GREATEST(d.counts[1] - COALESCE(d.added_to_totals[1], 0), 0), GREATEST(d.counts[2] - COALESCE(d.added_to_totals[2], 0), 0),
		GREATEST(d.counts[3] - COALESCE(d.added_to_totals[3], 0), 0), GREATEST(d.counts[4] - COALESCE(d.added_to_totals[4], 0), 0),
		GREATEST(d.counts[5] - COALESCE(d.added_to_totals[5], 0), 0), GREATEST(d.counts[6] - COALESCE(d.added_to_totals[6], 0), 0)
	FROM done d
	ON CONFLICT (shop_id) DO UPDATE
	SET runs_succeeded = o.runs_succeeded + excluded.runs_succeeded,
		runs_incomplete = o.runs_incomplete + excluded.runs_incomplete,
		runs_failed = o.runs_failed + excluded.runs_failed,
		runs_cancelled = o.runs_cancelled + excluded.runs_cancelled,
		windows_failed = o.windows_failed + excluded.windows_failed,
		calls = o.calls + excluded.calls,
		pages = o.pages + excluded.pages,
		records_new = o.records_new + excluded.records_new,
		records_changed = o.records_changed + excluded.records_changed,
		records_unchanged = o.records_unchanged + excluded.records_unchanged,
		records_quarantined = o.records_quarantined + excluded.records_quarantined
$function$;
COMMENT ON FUNCTION ordersync.add_to_totals(bigint) IS
	'adds what a run that has just ended did to the totals of its shop';
