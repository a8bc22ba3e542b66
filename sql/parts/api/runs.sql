/*
 * A run after its trigger: waiting for it, cancelling it, trying again what failed.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_wait(run_id bigint, timeout interval DEFAULT '10 minutes')
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_run ordersync.sync_runs;
	v_deadline timestamptz;
	v_pause double precision := 0.01;
	v_warned boolean := false;
BEGIN
	PERFORM ordersync.check_run(run_id);
	IF timeout IS NULL OR timeout < '0' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'timeout must not be NULL or negative',
			HINT = format('For example: SELECT ordersync_wait(%s, ''1 hour'').', run_id);
	END IF;
	v_deadline := clock_timestamp() + timeout;

	LOOP
		SELECT r.* INTO v_run
		FROM ordersync.sync_runs r
		WHERE r.run_id = ordersync_wait.run_id;
		IF NOT FOUND OR v_run.state NOT IN ('pending', 'running') THEN
			RETURN v_run.state;
		END IF;

		PERFORM ordersync.check_waitable(v_run.run_id, v_run.requested_in);
		IF NOT v_warned AND ordersync.worker_state() <> 'ready' THEN
			v_warned := true;
			PERFORM ordersync.warn_no_worker(ordersync.worker_state(), NULL);
		END IF;
		IF clock_timestamp() >= v_deadline THEN
			RAISE EXCEPTION USING
				ERRCODE = 'OS002',
				MESSAGE = format('run %s has not ended within %s', run_id, timeout),
				DETAIL = concat_ws(' ', format('It is %s with %s open windows.', v_run.state, v_run.open_tasks), (
					SELECT format('It waits for %s.', p.waiting_for)
					FROM ordersync.run_progress p
					WHERE p.run_id = ordersync_wait.run_id
						AND p.waiting_for IS NOT NULL)),
				HINT = format('The run continues. Watch it with SELECT * FROM ordersync.run_progress WHERE run_id = %s, or wait longer.', run_id);
		END IF;

		PERFORM pg_sleep(LEAST(v_pause, EXTRACT(epoch FROM v_deadline - clock_timestamp())));
		v_pause := LEAST(v_pause * 1.5, 0.5);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_wait(bigint, interval) IS
	'waits until a run has ended and returns its state; an error on timeout';

CREATE OR REPLACE FUNCTION ordersync.check_waitable(p_run bigint, p_requested_in xid8)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_requested_in = pg_catalog.pg_current_xact_id_if_assigned() THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = pg_catalog.format('run %s was created by this transaction and cannot start before it commits', p_run),
			HINT = pg_catalog.format('COMMIT first, then SELECT ordersync_wait(%s); or use CALL ordersync_sync(shop_id).', p_run);
	END IF;
	IF pg_catalog.current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = pg_catalog.format('cannot wait for run %s in a transaction that does not see later commits', p_run),
			DETAIL = pg_catalog.format('The isolation level is %s.', pg_catalog.current_setting('transaction_isolation')),
			HINT = 'Use isolation level read committed.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_waitable(bigint, xid8) IS
	'raises an error if waiting for the run could never end';

CREATE OR REPLACE FUNCTION ordersync.check_run(p_run bigint)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_shop bigint;
BEGIN
	IF pg_catalog.to_regclass('ordersync.sync_runs') IS NOT NULL THEN
		SELECT r.shop_id INTO v_shop
		FROM ordersync.sync_runs r
		WHERE r.run_id = p_run;
	END IF;
	IF v_shop IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = pg_catalog.format('run %s does not exist', COALESCE(p_run::text, 'NULL')),
			HINT = 'Runs are listed in ordersync.run_progress; those that have ended are kept for ordersync.keep_runs.';
	END IF;
	PERFORM ordersync.check_allowed(v_shop);
END
$function$;
COMMENT ON FUNCTION ordersync.check_run(bigint) IS
	'raises an error for a run that does not exist or whose shop the caller may not use';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_cancel(run_id bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_tasks integer;
BEGIN
	PERFORM ordersync.check_run(run_id);
	v_tasks := ordersync.cancel_run(run_id);
	IF v_tasks IS NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('run %s has already ended: %s', run_id,
				(SELECT r.state FROM ordersync.sync_runs r WHERE r.run_id = ordersync_cancel.run_id));
	ELSE
		PERFORM ordersync.record_action('run cancelled', r.shop_id, NULL, r.run_id,
			jsonb_build_object('kind', r.kind, 'windows', v_tasks))
		FROM ordersync.sync_runs r
		WHERE r.run_id = ordersync_cancel.run_id;
	END IF;
	RETURN COALESCE(v_tasks, 0);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_cancel(bigint) IS
	'cancels a run and returns how many of its tasks had not ended; stored records stay';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_retry(run_id bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_state text;
	v_shop bigint;
	v_refused record;
	v_tasks integer;
	v_held integer;
BEGIN
	PERFORM ordersync.check_run(run_id);

	SELECT r.state, r.shop_id INTO v_state, v_shop
	FROM ordersync.sync_runs r
	WHERE r.run_id = ordersync_retry.run_id;
	-- rows before tasks, as a page locks them
	SELECT t.* INTO v_refused
	FROM ordersync.retry_refused(v_shop, run_id) t;
	IF v_refused.tried > 0 THEN
		RAISE NOTICE USING
			MESSAGE = concat_ws('; ',
				format('shop %s: %s of %s refused records are stored now', v_shop, v_refused.stored, v_refused.tried),
				'the first error is still: ' || v_refused.message);
	END IF;
	IF v_state = 'cancelled' THEN
		IF v_refused.tried > 0 THEN
			PERFORM ordersync.record_action('run retried', v_shop, NULL, run_id, jsonb_build_object('records', v_refused.tried));
			RETURN v_refused.tried;
		END IF;
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('run %s was cancelled', run_id),
			HINT = 'Trigger a new run over the same range.';
	END IF;

	-- a failed window goes on where it stood; one that came out short is read anew, and so is a check, which must not forget
	WITH again AS (
		UPDATE ordersync.sync_tasks t
		SET state = 'pending',
			attempt = 0,
			next_attempt_at = NULL,
			walk = CASE WHEN t.state = 'failed' AND t.work <> 'check' THEN t.walk END,
			missed = NULL,
			missed_range = NULL,
			checks = 0,
			splits = 0,
			made_at = pg_catalog.clock_timestamp(),
			outcome = NULL,
			last_verdict = NULL,
			finished_at = NULL
		FROM (
			SELECT l.task_id
			FROM ordersync.sync_tasks l
			WHERE l.run_id = ordersync_retry.run_id
				AND l.state IN ('failed', 'incomplete')
			ORDER BY l.task_id
			FOR UPDATE
		) l
		WHERE t.task_id = l.task_id
		RETURNING t.held
	)
	SELECT count(*), count(*) FILTER (WHERE a.held)
	INTO v_tasks, v_held
	FROM again a;

	IF v_tasks = 0 THEN
		IF v_refused.tried = 0 THEN
			RAISE NOTICE USING MESSAGE = format('run %s has no failed or short windows', run_id);
		ELSE
			PERFORM ordersync.record_action('run retried', v_shop, NULL, run_id, jsonb_build_object('records', v_refused.tried));
		END IF;
		RETURN v_refused.tried;
	END IF;

	UPDATE ordersync.sync_runs r
	SET state = CASE WHEN r.started_at IS NULL THEN 'pending' ELSE 'running' END,
		open_tasks = r.open_tasks + v_tasks,
		held_tasks = r.held_tasks + v_held,
		links_due = true,
		lot = pg_catalog.random(),
		idle_for = r.idle_for + COALESCE(clock_timestamp() - r.finished_at, '0'),
		throttled_before = CASE WHEN r.started_at IS NOT NULL THEN COALESCE(r.throttled_before, ordersync.throttled_total(r.shop_id)) END,
		finished_at = NULL,
		message = NULL
	WHERE r.run_id = ordersync_retry.run_id;

	PERFORM ordersync.log_line(format('shop %s, run %s: %s windows queued again, requested by %I', v_shop, run_id, v_tasks, session_user));
	PERFORM ordersync.record_action('run retried', v_shop, NULL, run_id,
		jsonb_build_object('windows', v_tasks, 'records', NULLIF(v_refused.tried, 0)));
	PERFORM ordersync.announce(concat_ws(', ',
		format('run %s tries %s windows again', run_id, v_tasks),
		ordersync.starts_at_commit()), NULL);
	PERFORM ordersync.wake();
	RETURN v_tasks + v_refused.tried;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_retry(bigint) IS
	'queues a run''s failed and short windows again and retries the records of its shop that the database refused; returns how many windows and records';
