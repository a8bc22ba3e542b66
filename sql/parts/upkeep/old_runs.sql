/*
 * Runs that ended long ago, with their tasks.
 *
 * Walked by number, from the first to those that are too young.  A run goes as a
 * whole, with all of its tasks, or stays as a whole, so that what is shown of it
 * stays true.  Kept whatever their age:
 *
 *   - what has not ended;
 *   - of each shop and kind the last run that ended, and the last that succeeded;
 *   - runs whose failures were not put right (open_failures.sql).
 *
 * What a run has found lost moves to ordersync.lost_ranges, where plans read it.
 * Nothing else that decides or proves reads a run, or a task, that has ended:
 * coverage, counts, repairs, lookups and quarantine hold what came of them, and
 * their run_id is for people.
 *
 * Nobody is waited for: ordersync_retry locks tasks, then the run.  What it has in
 * hand is looked at again the next day.
 */
CREATE OR REPLACE FUNCTION ordersync.removable_runs(p_after bigint, p_before timestamptz, p_max integer)
RETURNS TABLE (run_id bigint, removable boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
	v_runs bigint[];
	v_old bigint[];
	v_failed bigint[];
	v_open bigint[];
BEGIN
	-- a run is not older than its request
	SELECT pg_catalog.array_agg(r.run_id),
		pg_catalog.array_agg(r.run_id) FILTER (WHERE r.finished_at < p_before)
	INTO v_runs, v_old
	FROM (
		SELECT r.run_id, r.requested_at, r.finished_at
		FROM ordersync.sync_runs r
		WHERE r.run_id > p_after
		ORDER BY r.run_id
		LIMIT p_max
	) r
	WHERE r.requested_at < p_before;

	-- by the shop's runs that ended later: mostly the next one is of that kind
	SELECT pg_catalog.array_agg(r.run_id), pg_catalog.array_agg(r.run_id) FILTER (WHERE r.state <> 'succeeded')
	INTO v_old, v_failed
	FROM pg_catalog.unnest(v_old) o (run_id)
	CROSS JOIN LATERAL (
		SELECT r.*
		FROM ordersync.sync_runs r
		WHERE r.run_id = o.run_id
		OFFSET 0
	) r
	CROSS JOIN LATERAL (
		SELECT n.run_id
		FROM ordersync.sync_runs n
		WHERE n.shop_id = r.shop_id
			AND n.finished_at >= r.finished_at
			AND (n.finished_at, n.run_id) > (r.finished_at, r.run_id)
			AND n.kind = r.kind
			AND (r.state <> 'succeeded' OR n.state = 'succeeded')
		ORDER BY n.finished_at
		LIMIT 1
	) n
	WHERE r.finished_at IS NOT NULL;
	v_open := ARRAY(
		SELECT f.id
		FROM ordersync.runs_with_open_failures(v_failed) f (id));

	RETURN QUERY
	SELECT r.id, COALESCE(r.id = ANY (v_old) AND r.id <> ALL (v_open), false)
	FROM pg_catalog.unnest(v_runs) r (id);
END
$function$;
COMMENT ON FUNCTION ordersync.removable_runs(bigint, timestamptz, integer) IS
	'the next so many runs behind a number that were requested before a time, and which of them can be removed with their tasks';

CREATE OR REPLACE FUNCTION ordersync.remove_old_runs(INOUT p_next bigint, p_before timestamptz, OUT removed bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $function$
DECLARE
	v_last bigint;
	v_runs bigint[];
	v_tasks bigint[];
BEGIN
	SELECT pg_catalog.max(r.run_id), pg_catalog.array_agg(r.run_id) FILTER (WHERE r.removable)
	INTO v_last, v_runs
	FROM ordersync.removable_runs(COALESCE(p_next, 0), p_before, 200) r;
	removed := 0;
	p_next := v_last;			-- NULL: there are no more
	v_runs := ARRAY(
		SELECT r.run_id
		FROM ordersync.sync_runs r
		WHERE r.run_id = ANY (v_runs)
			AND r.finished_at < p_before	-- it may have been tried again meanwhile
		ORDER BY r.run_id
		FOR UPDATE SKIP LOCKED);
	IF v_runs = '{}' THEN
		RETURN;
	END IF;

	v_tasks := ARRAY(
		SELECT t.task_id
		FROM pg_catalog.unnest(v_runs) r (id)
		CROSS JOIN LATERAL (
			SELECT t.task_id
			FROM ordersync.sync_tasks t
			WHERE t.run_id = r.id
			FOR UPDATE SKIP LOCKED
		) t
		LIMIT 2000);
	DELETE FROM ordersync.sync_tasks t
	WHERE t.task_id = ANY (v_tasks);
	removed := pg_catalog.cardinality(v_tasks);
	IF removed = 2000 THEN
		p_next := v_runs[1] - 1;	-- there may be more of them
	END IF;
	removed := removed + ordersync.remove_empty_runs(v_runs);
END
$function$;
COMMENT ON FUNCTION ordersync.remove_old_runs(bigint, timestamptz) IS
	'removes up to two hundred runs that ended before a time, or two thousand of their tasks, behind a number; how many rows, and where it goes on, NULL at the end';

CREATE OR REPLACE FUNCTION ordersync.remove_empty_runs(p_runs bigint[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
	v_runs bigint[] := ARRAY(
		SELECT r.id
		FROM pg_catalog.unnest(p_runs) r (id)
		WHERE NOT EXISTS (
			SELECT
			FROM ordersync.sync_tasks t
			WHERE t.run_id = r.id));
BEGIN
	INSERT INTO ordersync.lost_ranges AS l (shop_id, ranges)
	SELECT r.shop_id, pg_catalog.range_agg(u.range)
	FROM ordersync.sync_runs r
	CROSS JOIN LATERAL pg_catalog.unnest(r.lost) u (range)
	WHERE r.run_id = ANY (v_runs)
	GROUP BY r.shop_id
	ORDER BY r.shop_id
	ON CONFLICT (shop_id) DO UPDATE
	SET ranges = l.ranges + excluded.ranges;

	DELETE FROM ordersync.sync_runs r
	WHERE r.run_id = ANY (v_runs);
	RETURN pg_catalog.cardinality(v_runs);
END
$function$;
COMMENT ON FUNCTION ordersync.remove_empty_runs(bigint[]) IS
	'removes those of the locked runs that have no task any more, and keeps what they have found lost; how many';
