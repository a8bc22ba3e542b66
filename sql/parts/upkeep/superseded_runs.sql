/*
 * Incremental runs that wait, and that a later one contains.
 *
 * A shop whose key has expired is triggered by its schedule all the same, and each
 * run plans all that is not covered: after three months of hourly runs, two million
 * windows.  One that has waited for a day without beginning is given up for the
 * last one that waits, if that reads all of its windows (but for what the platform
 * does not list any more, which that one says is lost).  It becomes cancelled, and
 * its windows, in which nothing happened, are removed.
 */
CREATE OR REPLACE FUNCTION ordersync.remove_superseded_runs(INOUT p_next bigint, OUT removed bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $function$
DECLARE
	v_last bigint;
	v_run bigint;
BEGIN
	removed := 0;
	SELECT w.shop_id, w.last_run INTO p_next, v_last
	FROM (
		SELECT r.shop_id, pg_catalog.max(r.run_id) AS last_run
		FROM ordersync.sync_runs r
		WHERE r.state IN ('pending', 'running')
			AND r.kind = 'incremental'
			AND r.started_at IS NULL
			AND r.shop_id > COALESCE(p_next, (-9223372036854775808)::bigint)
		GROUP BY r.shop_id
		HAVING pg_catalog.count(*) > 1
		ORDER BY r.shop_id
		LIMIT 1
	) w;
	IF NOT FOUND THEN
		p_next := NULL;
		RETURN;
	END IF;
	FOR v_run IN
		SELECT r.run_id
		FROM ordersync.sync_runs r
		WHERE r.shop_id = p_next
			AND r.state IN ('pending', 'running')
			AND r.kind = 'incremental'
			AND r.started_at IS NULL
			AND r.run_id < v_last
			AND r.requested_at < pg_catalog.now() - interval '24 hours'
		ORDER BY r.run_id
		LIMIT 30
	LOOP
		removed := removed + ordersync.give_up_run(v_run, v_last);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.remove_superseded_runs(bigint) IS
	'cancels incremental runs of the next shop that have waited for a day and that its last one contains; how many windows were removed, and the shop behind which it goes on, NULL at the end';

CREATE OR REPLACE FUNCTION ordersync.give_up_run(p_run bigint, p_for bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
AS $function$
DECLARE
	v_run ordersync.sync_runs;
	-- tasks before the run, as everybody locks them; nobody is waited for
	v_tasks bigint[] := ARRAY(
		SELECT t.task_id
		FROM ordersync.sync_tasks t
		WHERE t.run_id = p_run
			AND t.state = 'pending'
		ORDER BY t.task_id
		FOR UPDATE SKIP LOCKED);
BEGIN
	SELECT r.* INTO v_run
	FROM ordersync.sync_runs r
	WHERE r.run_id = p_run
		AND r.state LIKE 'pending'
		AND r.started_at IS NULL
		AND r.open_tasks = pg_catalog.cardinality(v_tasks)
	FOR UPDATE SKIP LOCKED;
	IF NOT FOUND OR EXISTS (
		SELECT
		FROM ordersync.sync_tasks t
		WHERE t.run_id = p_run
			AND t.reason IS NULL
			AND t.ext_type IS NULL
		GROUP BY t.stream, t.basis, t.work
		HAVING NOT pg_catalog.range_agg(tstzrange(t.since, t.until)) <@ (
			tstzmultirange(tstzrange(NULL, ordersync.horizon(ordersync.platform_now(v_run.shop_id)) + ordersync.horizon_margin()))
			+ COALESCE((
				SELECT pg_catalog.range_agg(tstzrange(l.since, l.until))
				FROM ordersync.sync_tasks l
				WHERE l.run_id = p_for
					AND l.stream = t.stream
					AND l.basis = t.basis
					AND l.work = t.work
					AND l.reason IS NULL
					AND l.ext_type IS NULL
					AND l.state = 'pending'), '{}'))
	) THEN
		RETURN 0;
	END IF;

	DELETE FROM ordersync.sync_tasks t
	WHERE t.task_id = ANY (v_tasks);
	UPDATE ordersync.sync_runs r
	SET state = 'cancelled',
		open_tasks = 0,
		held_tasks = 0,
		lot = NULL,
		finished_at = pg_catalog.clock_timestamp(),
		message = pg_catalog.format('it had not begun in a day, and run %s reads all of it', p_for)
	WHERE r.run_id = p_run
	RETURNING r.* INTO v_run;
	PERFORM ordersync.add_to_totals(p_run);
	PERFORM ordersync.report_run_end(v_run);
	RETURN pg_catalog.cardinality(v_tasks);
END
$function$;
COMMENT ON FUNCTION ordersync.give_up_run(bigint, bigint) IS
	'cancels a run that has not begun and removes its windows if another one that has not begun either reads all of them; how many windows';
