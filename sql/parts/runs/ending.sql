/*
 * How a run comes to its end: the one place where its counter of open tasks moves.
 */
/*
 * The one place where open_tasks moves.  It is the last lock of a settle, and
 * the counter is read by the UPDATE that changes it: of two last tasks that
 * settle together the second finds zero and, looking after the first has
 * committed, sees how both came out.
 *
 * When only held tasks are left they may be claimed; before that the link check
 * is made, which may bring tasks of its own and is repeated until it brings none.
 */
CREATE OR REPLACE FUNCTION ordersync.count_tasks(p_run bigint, p_open integer, p_held integer DEFAULT 0)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_open integer;
	v_held integer;
	v_links_due boolean;
	v_now constant timestamptz := pg_catalog.clock_timestamp();
	v_run ordersync.sync_runs;
BEGIN
	UPDATE ordersync.sync_runs r
	SET open_tasks = r.open_tasks + p_open,
		held_tasks = r.held_tasks + p_held,
		-- what comes in late may refer to more
		links_due = r.links_due OR p_open > 0 AND r.kind <> 'check',
		state = CASE WHEN p_open < 0 THEN 'running' ELSE r.state END,
		started_at = CASE WHEN p_open < 0 THEN COALESCE(r.started_at, v_now) ELSE r.started_at END
	WHERE r.run_id = p_run
		AND r.state LIKE ANY (ARRAY['pending', 'running'])	-- by primary key: see settle
	RETURNING r.* INTO v_run;
	v_open := v_run.open_tasks;
	v_held := v_run.held_tasks;
	v_links_due := v_run.links_due;
	IF v_run.started_at = v_now THEN
		PERFORM ordersync.report_run_start(v_run);		-- no claim has come to that
	END IF;
	IF v_open IS NULL OR v_open > v_held THEN
		RETURN false;
	END IF;

	IF v_links_due THEN
		v_open := v_open + ordersync.check_links(p_run);
		UPDATE ordersync.sync_runs r
		SET open_tasks = v_open,
			links_due = v_open > v_held
		WHERE r.run_id = p_run;
	END IF;
	IF v_open > 0 THEN
		PERFORM ordersync.wake();	-- tasks that were not there, or held, until now
		RETURN false;
	END IF;
	PERFORM ordersync.end_run(p_run);
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.count_tasks(bigint, integer, integer) IS
	'adds to a run''s open and held tasks and ends the run at zero; true when it did';

/*
 * A month is the default range, or a calendar month: four weeks at least, and the
 * last one that could be asked for then.  A shop may have less: no order is known
 * from before the range.
 */
CREATE OR REPLACE FUNCTION ordersync.note_full_run(p_run record)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.shop_totals AS o (shop_id, full_run_at)
	SELECT p_run.shop_id, p_run.finished_at
	WHERE p_run.until + interval '744 hours'
			> ordersync.platform_now(p_run.shop_id) - (pg_catalog.clock_timestamp() - p_run.requested_at)
		AND (p_run.until + ordersync.interval_setting('lag') - p_run.since >= interval '672 hours'
			OR (
				SELECT pg_catalog.min(o.created_date)
				FROM ordersync.orders o
				WHERE o.shop_id = p_run.shop_id
			) >= ordersync.day_of(p_run.since))
	ON CONFLICT (shop_id) DO UPDATE
	SET full_run_at = excluded.full_run_at;
END
$function$;
COMMENT ON FUNCTION ordersync.note_full_run(record) IS
	'notes in shop_totals.full_run_at that a full run read all of its windows, if it covered a month or all that the shop has';

/* Single orders and key checks are not what a shop's freshness depends on. */
CREATE OR REPLACE FUNCTION ordersync.note_success(p_run record)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.shop_totals AS o (shop_id, successes)
	SELECT p_run.shop_id, pg_catalog.jsonb_build_object(p_run.kind,
		pg_catalog.jsonb_build_object('run_id', p_run.run_id, 'at', p_run.finished_at))
	WHERE p_run.kind IN ('incremental', 'full', 'verify')
	ON CONFLICT (shop_id) DO UPDATE
	SET successes = o.successes || excluded.successes;
END
$function$;
COMMENT ON FUNCTION ordersync.note_success(record) IS
	'notes in shop_totals.successes that a run read all of its windows';

CREATE OR REPLACE FUNCTION ordersync.end_run(p_run bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_tasks bigint;
	v_failed bigint;
	v_short bigint;
	v_unproven bigint;
	v_run ordersync.sync_runs;
BEGIN
	SELECT pg_catalog.count(*),
		pg_catalog.count(*) FILTER (WHERE t.state = 'failed'),
		pg_catalog.count(*) FILTER (WHERE t.state = 'incomplete' AND t.outcome IS DISTINCT FROM 'unproven'),
		pg_catalog.count(*) FILTER (WHERE t.state = 'incomplete' AND t.outcome = 'unproven')
	INTO v_tasks, v_failed, v_short, v_unproven
	FROM ordersync.sync_tasks t
	WHERE t.run_id = p_run;

	UPDATE ordersync.sync_runs r
	SET state = CASE
			WHEN v_failed > 0 AND v_failed = v_tasks THEN 'failed'
			WHEN v_failed > 0 OR v_short > 0 OR v_unproven > 0 OR r.lost IS NOT NULL THEN 'incomplete'
			ELSE 'succeeded'
		END,
		lot = NULL,
		finished_at = pg_catalog.clock_timestamp(),
		throttled_for = r.throttled_for + GREATEST(ordersync.throttled_total(r.shop_id) - r.throttled_before, '0'),
		throttled_before = NULL,
		message = NULLIF(pg_catalog.concat_ws('; ',
			CASE WHEN v_failed > 0 THEN pg_catalog.format('%s of %s windows failed', v_failed, v_tasks) END,
			CASE WHEN v_short > 0 THEN pg_catalog.format('%s of %s windows are short', v_short, v_tasks) END,
			CASE WHEN v_unproven > 0 THEN pg_catalog.format('%s of %s windows are unproven: the lists do not keep to their range', v_unproven, v_tasks) END,
			CASE WHEN r.lost IS NOT NULL THEN
				'no longer served by the platform, and lost: ' || ordersync.format_ranges(r.lost) END,
			CASE WHEN r.tid IS NOT NULL THEN ordersync.not_served_message(r.run_id, r.shop_id, r.tid) END), '')
	WHERE r.run_id = p_run
	RETURNING r.* INTO v_run;
	IF v_run.kind = 'full' AND v_run.state = 'succeeded' THEN
		PERFORM ordersync.recheck_unlisted_types(p_run);
	END IF;

	-- a list that proves nothing was read to its end all the same: reading it again at once brings no more
	IF v_failed = 0 AND v_short = 0 AND v_run.lost IS NULL THEN
		IF v_run.kind = 'full' THEN
			PERFORM ordersync.note_full_run(v_run);
		END IF;
		PERFORM ordersync.note_success(v_run);
	END IF;

	PERFORM ordersync.add_to_totals(p_run);
	PERFORM ordersync.report_run_end(v_run);
	PERFORM ordersync.wake();	-- the next run of the shop and kind has its turn
END
$function$;
COMMENT ON FUNCTION ordersync.end_run(bigint) IS
	'gives a run without open tasks its final state, by how its tasks came out';

CREATE OR REPLACE FUNCTION ordersync.cancel_run(p_run bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_some integer;
	v_tasks integer := 0;
	v_run ordersync.sync_runs;
BEGIN
	/*
	 * Tasks before the run, as a settle locks them.  A settle that we waited
	 * for may have cut its window and left siblings that our snapshot lacked:
	 * again, until there is nothing left to cancel.  Without its token a task
	 * that is being read is fenced: no page of it is stored any more, and its
	 * worker drops the call that is in flight for it.
	 */
	LOOP
		UPDATE ordersync.sync_tasks t
		SET state = 'cancelled',
			owner = NULL,
			token = NULL,
			next_attempt_at = NULL,
			finished_at = pg_catalog.clock_timestamp()
		FROM (
			SELECT l.task_id
			FROM ordersync.sync_tasks l
			WHERE l.run_id = p_run
				AND l.state IN ('pending', 'running')
			ORDER BY l.task_id
			FOR UPDATE
		) l
		WHERE t.task_id = l.task_id;
		GET DIAGNOSTICS v_some = ROW_COUNT;
		EXIT WHEN v_some = 0;
		v_tasks := v_tasks + v_some;
	END LOOP;

	UPDATE ordersync.sync_runs r
	SET state = 'cancelled',
		open_tasks = 0,
		held_tasks = 0,
		lot = NULL,
		finished_at = pg_catalog.clock_timestamp(),
		throttled_for = r.throttled_for + GREATEST(ordersync.throttled_total(r.shop_id) - r.throttled_before, '0'),
		throttled_before = NULL,
		message = pg_catalog.format('cancelled by %s', session_user)
	WHERE r.run_id = p_run
		AND r.state IN ('pending', 'running')
	RETURNING r.* INTO v_run;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;

	PERFORM ordersync.add_to_totals(p_run);
	PERFORM ordersync.report_run_end(v_run);
	PERFORM ordersync.recall();	-- and the next run of the shop and kind has its turn
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.cancel_run(bigint) IS
	'cancels a run''s tasks and the run; NULL when it had ended already';
