/*
 * A trigger wakes all workers of a database, and whoever claims first would take
 * all of a short run.  So a worker that has no task takes its part of what there
 * is; four tasks at least, since what they bring goes into one transaction.
 * Whoever has done its part goes on with what is left.
 */
CREATE OR REPLACE FUNCTION ordersync.claim_share(p_max integer, p_workers integer)
RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
BEGIN
	RETURN LEAST(p_max, GREATEST(4, (
		SELECT pg_catalog.ceil(pg_catalog.sum(o.tasks)::numeric / p_workers)
		FROM (
			-- held ones wait for the others
			SELECT LEAST(
				r.open_tasks - CASE WHEN r.held_tasks < r.open_tasks THEN r.held_tasks ELSE 0 END,
				p_max * p_workers) AS tasks
			FROM ordersync.sync_runs r
			WHERE r.state IN ('pending', 'running')
			LIMIT p_max * p_workers
		) o)));
END
$function$;
COMMENT ON FUNCTION ordersync.claim_share(integer, integer) IS
	'how many tasks one of so many workers claims when it has none: its part of those that are open, at least four';
