/*
 * The jobs of pg_cron that call ordersync_trigger_due: one for each kind of run, named after the database.
 *
 * pg_cron has one database; jobs of others are made there.  A job belongs to the role that makes it, runs with its
 * rights, and is seen by nobody else but superusers.  So what deals with cron.job runs with the caller's rights, here
 * and in schedule_health.sql; what it must know beside that is told by the health_ functions, which run with ours.
 *
 * Two roles may each have made the job: then both fire, and each due time is served once.
 */
CREATE OR REPLACE FUNCTION ordersync.health_cron(
	OUT database text,
	OUT timezone text,
	OUT background boolean,
	OUT host text,
	OUT jobs_at_once integer,
	OUT launches boolean,
	OUT preload text)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT ordersync.server_setting('cron.database_name'),
		COALESCE(ordersync.server_setting('cron.timezone'), 'GMT'),		-- 1.4 has no other
		ordersync.server_setting('cron.use_background_workers')::boolean,
		ordersync.server_setting('cron.host'),
		ordersync.server_setting('cron.max_running_jobs')::integer,
		COALESCE(ordersync.server_setting('cron.launch_active_jobs')::boolean, true),
		CASE WHEN ordersync.server_setting('cron.database_name') IS NULL THEN (
			SELECT format('ALTER SYSTEM SET shared_preload_libraries = %s;', string_agg(quote_literal(l.library), ', '))
			FROM (
				SELECT 'pg_cron'
				UNION ALL
				SELECT btrim(u.library, ' "')
				FROM unnest(string_to_array(ordersync.server_setting('shared_preload_libraries'), ',')) u (library)
				WHERE btrim(u.library, ' "') NOT IN ('', 'pg_cron')
			) l (library)
		) END
$function$;
COMMENT ON FUNCTION ordersync.health_cron() IS
	'the settings of pg_cron: its database, NULL if it is not loaded; its time zone; how its jobs get their sessions; and the command that loads it where it is not loaded';

CREATE OR REPLACE FUNCTION ordersync.health_jobs()
RETURNS TABLE (kind text, job text, schedule text, command text, due text)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT k.kind,
		-- 1.4 keeps 63 bytes of it
		concat('ordersync ', k.kind, ' ', CASE WHEN octet_length(current_database()) <= 40 THEN current_database()::text ELSE md5(current_database()) END),
		ordersync.cron_cover(n.times, c.timezone, h.timezone),
		format('SELECT * FROM @extschema@.ordersync_trigger_due(%L)', k.kind),
		array_to_string(n.times, '; ') || ' ' || c.timezone
	FROM ordersync.health_cron() h
	CROSS JOIN (VALUES ('incremental'), ('full')) AS k (kind)
	LEFT JOIN ordersync.schedules c ON c.kind = k.kind
	LEFT JOIN LATERAL ordersync.needed_times(k.kind) AS n (times) ON true
	ORDER BY k.kind DESC
$function$;
COMMENT ON FUNCTION ordersync.health_jobs() IS
	'the pg_cron job for each kind of run: its name, when it must fire by the clock of pg_cron (NULL: no job is needed), its command, and when runs are due';

CREATE OR REPLACE FUNCTION ordersync.cron_hint()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format('Install the package postgresql-%s-cron; as superuser run %s write the lines cron.database_name = %L and cron.use_background_workers = on into postgresql.conf; restart the server and run: CREATE EXTENSION pg_cron;',
		pg_catalog.current_setting('server_version_num')::integer / 10000, h.preload, pg_catalog.current_database())
	FROM ordersync.health_cron() h
$function$;
COMMENT ON FUNCTION ordersync.cron_hint() IS
	'how pg_cron is installed';

CREATE OR REPLACE FUNCTION ordersync.health_cron_missing(OUT message text, OUT remedy text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_home text;
	v_version text;
BEGIN
	SELECT h.database INTO v_home
	FROM ordersync.health_cron() h;
	SELECT e.extversion INTO v_version
	FROM pg_catalog.pg_extension e
	WHERE e.extname = 'pg_cron';
	IF v_home IS NULL THEN
		message := 'pg_cron is not loaded';
		remedy := ordersync.cron_hint();
	ELSIF v_home <> pg_catalog.current_database() THEN
		RETURN;					-- there it cannot be seen from here
	ELSIF v_version IS NULL THEN
		message := 'extension pg_cron has not been created in this database';
		remedy := 'As superuser run: CREATE EXTENSION pg_cron;';
	ELSIF pg_catalog.string_to_array(pg_catalog.split_part(v_version, '-', 1), '.')::integer[] < '{1,4}' THEN
		message := pg_catalog.format('pg_cron %s is too old, ordersync needs 1.4', v_version);
		remedy := 'Install a newer package, restart the server, and run: ALTER EXTENSION pg_cron UPDATE;';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.health_cron_missing() IS
	'what lacks of pg_cron, and what to do; NULL if nothing does';

CREATE OR REPLACE FUNCTION ordersync.cron_may_call(p_role text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.pg_roles r
		WHERE r.rolname = p_role
			AND r.rolcanlogin
			AND pg_catalog.has_function_privilege(r.oid, pg_catalog.to_regprocedure('@extschema@.ordersync_trigger_due(text)'), 'EXECUTE'))
$function$;
COMMENT ON FUNCTION ordersync.cron_may_call(text) IS
	'whether a job of that role can call ordersync_trigger_due';

CREATE OR REPLACE FUNCTION ordersync.schedule_require_cron()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_message text;
	v_hint text;
BEGIN
	SELECT m.message, m.remedy INTO v_message, v_hint
	FROM ordersync.health_cron_missing() m;
	IF v_message IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = v_message,
			HINT = v_hint;
	END IF;
	IF NOT (SELECT r.rolcanlogin FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) THEN
		v_message := pg_catalog.format('role "%s" cannot log in, so pg_cron cannot run its jobs', current_user);
		v_hint := 'Call it as a role that can log in: RESET ROLE;';
	ELSIF (SELECT h.database FROM ordersync.health_cron() h) <> pg_catalog.current_database() THEN
		RETURN;					-- what is to be typed there is returned
	ELSIF NOT pg_catalog.has_schema_privilege('cron', 'USAGE') THEN
		v_message := pg_catalog.format('role "%s" may not use pg_cron', current_user);
		v_hint := pg_catalog.format('As superuser run: GRANT USAGE ON SCHEMA cron TO %I;', current_user);
	ELSIF NOT pg_catalog.has_function_privilege('cron.schedule(text, text, text)', 'EXECUTE') THEN
		v_message := pg_catalog.format('role "%s" may not schedule jobs', current_user);
		v_hint := pg_catalog.format('As superuser run: GRANT EXECUTE ON FUNCTION cron.schedule(text, text, text) TO %I;', current_user);
	END IF;
	IF v_message IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = v_message,
			HINT = v_hint;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.schedule_require_cron() IS
	'raises an error where the caller cannot have jobs of pg_cron, with what to do';

CREATE OR REPLACE FUNCTION ordersync.schedule_store(p_incremental text, p_full text, p_timezone text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_given record;
	v_old record;
	v_schedule text;
	v_timezone text;
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	FOR v_given IN
		SELECT g.*
		FROM (VALUES ('incremental', p_incremental, '10 0 * * *'), ('full', p_full, '0 2 1 * *')) AS g (kind, schedule, usual)
	LOOP
		SELECT c.schedule, c.timezone INTO v_old
		FROM ordersync.schedules c
		WHERE c.kind = v_given.kind
		FOR UPDATE;
		v_schedule := COALESCE(NULLIF(btrim(v_given.schedule), ''), v_old.schedule, v_given.usual);
		v_timezone := COALESCE(NULLIF(btrim(p_timezone), ''), v_old.timezone, 'Asia/Shanghai');
		PERFORM ordersync.check_schedule(v_schedule);
		PERFORM ordersync.check_timezone(v_timezone);
		INSERT INTO ordersync.schedules AS c (kind, schedule, timezone)
		VALUES (v_given.kind, v_schedule, v_timezone)
		ON CONFLICT (kind) DO UPDATE
		SET schedule = excluded.schedule,
			timezone = excluded.timezone,
			requested_by = session_user,
			requested_at = now();
		IF (v_schedule, v_timezone) IS DISTINCT FROM (v_old.schedule, v_old.timezone) THEN
			PERFORM ordersync.record_action('schedule set', p_details => jsonb_build_object(
				'kind', v_given.kind, 'schedule', v_schedule, 'was', v_old.schedule, 'timezone', v_timezone));
		END IF;
		IF v_old.schedule IS NULL OR v_timezone <> v_old.timezone THEN
			PERFORM ordersync.set_next_due(v_given.kind, NULL);
		ELSIF v_schedule <> v_old.schedule THEN
			PERFORM ordersync.set_next_due(v_given.kind, ARRAY(
				SELECT s.shop_id
				FROM ordersync.shops s
				WHERE ordersync.own_times(s.options, v_given.kind) IS NULL));
		END IF;
	END LOOP;

	UPDATE ordersync.schedules c
	SET job_schedule = j.schedule,
		job_timezone = h.timezone,
		job_requested_at = now()
	FROM ordersync.health_jobs() j
	CROSS JOIN ordersync.health_cron() h
	WHERE c.kind = j.kind
		AND (c.job_schedule IS DISTINCT FROM j.schedule OR c.job_timezone IS DISTINCT FROM h.timezone);
END
$function$;
COMMENT ON FUNCTION ordersync.schedule_store(text, text, text) IS
	'checks and stores when runs are due; NULL keeps what is stored. What is due already stays due where its schedule did not change';

CREATE OR REPLACE FUNCTION ordersync.schedule_forget()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF to_regclass('ordersync.schedules') IS NULL THEN
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM ordersync.schedules c WHERE c.schedule IS NOT NULL) THEN
		PERFORM ordersync.record_action('schedule removed');
	END IF;
	UPDATE ordersync.schedules c
	SET schedule = NULL,
		job_schedule = NULL,
		requested_by = session_user,
		requested_at = now();
	PERFORM ordersync.set_next_due(k.kind, NULL)
	FROM (VALUES ('incremental'), ('full')) AS k (kind);
END
$function$;
COMMENT ON FUNCTION ordersync.schedule_forget() IS
	'no run is due any more';

/* Of the jobs of that name that the caller sees one is kept, whoever it belongs to: its role has the rights that it had. */
CREATE OR REPLACE FUNCTION ordersync.schedule_job(p_job text, p_schedule text, p_command text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
	v_kept record;
	v_found boolean := false;
BEGIN
	FOR v IN
		SELECT j.jobid, j.schedule, j.command, j.database, j.username, j.active
		FROM cron.job j
		WHERE j.jobname = p_job
		ORDER BY j.jobid
	LOOP
		IF p_schedule IS NULL OR v_found OR NOT ordersync.cron_may_call(v.username) THEN
			PERFORM cron.unschedule(v.jobid);
		ELSE
			v_kept := v;
			v_found := true;
		END IF;
	END LOOP;

	IF p_schedule IS NULL THEN
		RETURN 'off';
	ELSIF NOT v_found THEN
		PERFORM cron.schedule(p_job, p_schedule, p_command);
		RETURN 'scheduled';
	ELSIF (v_kept.schedule, v_kept.command, v_kept.database, v_kept.active)
		= (p_schedule, p_command, pg_catalog.current_database()::text, true) THEN
		RETURN 'unchanged';
	ELSIF v_kept.username <> current_user THEN
		PERFORM cron.alter_job(v_kept.jobid, p_schedule, p_command, pg_catalog.current_database()::text, NULL, true);
		RETURN pg_catalog.format('changed, it belongs to "%s"', v_kept.username);
	END IF;
	IF NOT v_kept.active OR v_kept.database <> pg_catalog.current_database() THEN
		PERFORM cron.unschedule(v_kept.jobid);		-- what cron.schedule() finds it leaves inactive
	END IF;
	PERFORM cron.schedule(p_job, p_schedule, p_command);
	RETURN 'changed';
END
$function$;
COMMENT ON FUNCTION ordersync.schedule_job(text, text, text) IS
	'makes the pg_cron job of that name, changes the one that is there, or takes it away (p_schedule NULL)';

CREATE OR REPLACE FUNCTION ordersync.cron_statement(p_job text, p_schedule text, p_command text, p_role name)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_schedule IS NULL THEN pg_catalog.format('SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L;', p_job)
		ELSE pg_catalog.format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);',
			p_job, p_schedule, p_command, pg_catalog.current_database(), p_role)
	END
$function$;
COMMENT ON FUNCTION ordersync.cron_statement(text, text, text, name) IS
	'what a superuser types in the database of pg_cron to have the job, with a role''s rights, or to be rid of it';

CREATE OR REPLACE FUNCTION ordersync.schedule_jobs()
RETURNS TABLE (job text, schedule text, command text, status text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
	v_home text;
BEGIN
	SELECT h.database INTO v_home
	FROM ordersync.health_cron() h;
	FOR v IN
		SELECT j.*
		FROM ordersync.health_jobs() j
	LOOP
		job := v.job;
		schedule := v.schedule;
		IF v_home = pg_catalog.current_database() THEN
			command := v.command;
			status := ordersync.schedule_job(v.job, v.schedule, v.command)
				|| COALESCE('; runs are due: ' || v.due, '');
		ELSE
			command := ordersync.cron_statement(v.job, v.schedule, v.command, current_user);
			status := pg_catalog.format('run this statement in database "%s"', v_home)
				|| COALESCE('; runs are due: ' || v.due, ', if it was scheduled');
		END IF;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.schedule_jobs() IS
	'makes, changes or takes away the jobs of this database where that can be done from here; what was done or is to be done';
