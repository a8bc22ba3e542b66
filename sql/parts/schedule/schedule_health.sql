/*
 * Whether scheduled runs will start: what ordersync_doctor() says of it.
 *
 * With the caller's rights, see jobs.sql.  What the caller may not see is left out; whether the job's calls come, in
 * time, is seen by every reader in ordersync.schedules, and is the one thing that can be seen of a pg_cron in another
 * database.
 */
CREATE OR REPLACE FUNCTION ordersync.health_cron_trouble(OUT trouble text, OUT remedy text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_cron record;
BEGIN
	SELECT m.message, m.remedy INTO trouble, remedy
	FROM ordersync.health_cron_missing() m;
	IF trouble IS NOT NULL THEN
		RETURN;
	END IF;
	SELECT * INTO v_cron
	FROM ordersync.health_cron();
	IF NOT v_cron.launches THEN
		trouble := 'cron.launch_active_jobs is off, no job is started.';
		remedy := 'ALTER SYSTEM SET cron.launch_active_jobs = on; SELECT pg_reload_conf();';
	ELSIF v_cron.jobs_at_once < 1 THEN
		trouble := 'cron.max_running_jobs is 0, no job is started.';
		remedy := 'Run this and restart the server: ALTER SYSTEM SET cron.max_running_jobs = 5;';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.health_cron_trouble() IS
	'why pg_cron starts no job at all, and what to do; NULL if it does';

/* Sessions over TCP: in doubt until the first call has come. */
CREATE OR REPLACE FUNCTION ordersync.health_cron_sessions()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT 'pg_cron sessions',
		s.good,
		CASE
			WHEN h.background THEN 'background workers'
			ELSE pg_catalog.format('Jobs connect to host "%s" as their role, which needs no password there or has it in the password file of the operating system''s user.', h.host)
		END,
		CASE WHEN NOT s.good THEN
			'Let jobs run in background workers; run this and restart the server: ALTER SYSTEM SET cron.use_background_workers = on;' END
	FROM ordersync.health_cron() h
	CROSS JOIN LATERAL (
		SELECT h.background OR NOT EXISTS (
			SELECT
			FROM ordersync.schedules c
			WHERE c.job_schedule IS NOT NULL
				AND (c.last_called_at >= c.job_requested_at) IS NOT TRUE) AS good
	) s
$function$;
COMMENT ON FUNCTION ordersync.health_cron_sessions() IS
	'whether pg_cron''s jobs get their sessions';

CREATE OR REPLACE FUNCTION ordersync.health_cron_jobs()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
	v_job record;
	v_cron record;
BEGIN
	SELECT * INTO v_cron
	FROM ordersync.health_cron();
	FOR v IN
		SELECT j.*, c.job_timezone
		FROM ordersync.health_jobs() j
		JOIN ordersync.schedules c USING (kind)
		WHERE j.schedule IS NOT NULL
	LOOP
		SELECT j.schedule, j.command, j.database, j.username, j.active,
			ordersync.cron_covers(j.schedule, v.schedule) AS covers
		INTO v_job
		FROM cron.job j
		WHERE j.jobname = v.job
		ORDER BY j.active AND j.command = v.command AND j.database = pg_catalog.current_database()
			AND ordersync.cron_covers(j.schedule, v.schedule) AND ordersync.cron_may_call(j.username) DESC
		LIMIT 1;
		-- another role's jobs are hidden
		CONTINUE WHEN NOT FOUND AND pg_catalog.row_security_active('cron.job');

		check_name := 'pg_cron job ' || v.kind;
		detail := CASE
			WHEN NOT FOUND THEN pg_catalog.format('There is no job "%s".', v.job)
			WHEN NOT v_job.active THEN pg_catalog.format('Job "%s" is not active.', v.job)
			WHEN v_job.database <> pg_catalog.current_database() THEN pg_catalog.format('Job "%s" runs in database "%s".', v.job, v_job.database)
			WHEN v_job.command <> v.command THEN pg_catalog.format('The command of job "%s" is: %s', v.job, v_job.command)
			WHEN NOT ordersync.cron_may_call(v_job.username) THEN
				pg_catalog.format('Job "%s" belongs to "%s", which may not log in or not call ordersync_trigger_due.', v.job, v_job.username)
			WHEN NOT v_job.covers THEN pg_catalog.format('Job "%s" fires by "%s", it must by "%s": runs are due by %s, the clock of pg_cron is that of %s%s.',
				v.job, v_job.schedule, v.schedule, v.due, v_cron.timezone,
				CASE WHEN v.job_timezone <> v_cron.timezone THEN ' and was that of ' || v.job_timezone ELSE '' END)
		END;
		ok := detail IS NULL;
		detail := COALESCE(detail, pg_catalog.format('fires by "%s" %s, runs are due by %s', v_job.schedule, v_cron.timezone, v.due));
		hint := CASE WHEN NOT ok THEN 'As superuser run: SELECT * FROM ordersync_schedule(NULL, NULL, NULL);' END;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.health_cron_jobs() IS
	'whether the jobs that this database needs are there as they must be; those that the caller may see';

CREATE OR REPLACE FUNCTION ordersync.health_cron_failures()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT 'pg_cron runs of ' || j.kind,
		f.remedy IS NULL,
		CASE WHEN f.remedy IS NULL THEN COALESCE('last: ' || d.status, 'none yet')
			ELSE pg_catalog.format('The last one failed: %s', pg_catalog.btrim(d.return_message)) END,
		f.remedy
	FROM ordersync.health_jobs() j
	JOIN ordersync.schedules c USING (kind)
	CROSS JOIN ordersync.health_cron() h
	JOIN LATERAL (
		SELECT b.jobid
		FROM cron.job b
		WHERE b.jobname = j.job
	) b ON true
	LEFT JOIN LATERAL (
		SELECT r.status, r.return_message, COALESCE(r.end_time, r.start_time) AS at
		FROM cron.job_run_details r
		WHERE r.jobid = b.jobid
			AND r.runid > (SELECT pg_catalog.max(m.runid) - 100000 FROM cron.job_run_details m)	-- others may run each second
		ORDER BY r.runid DESC
		LIMIT 1
	) d ON true
	CROSS JOIN LATERAL (
		SELECT CASE
			WHEN d.status IS DISTINCT FROM 'failed' THEN NULL
			WHEN d.return_message ~ 'connection (failed|lost)' THEN
				CASE WHEN NOT h.background THEN
					'Let jobs run in background workers; run this and restart the server: ALTER SYSTEM SET cron.use_background_workers = on;' END
			WHEN d.at > c.last_called_at OR c.last_called_at IS NULL THEN
				pg_catalog.format('To see what is wrong, and to start now what is due: SELECT * FROM ordersync_trigger_due(%L);', j.kind)
		END AS remedy
	) f
	WHERE j.schedule IS NOT NULL
$function$;
COMMENT ON FUNCTION ordersync.health_cron_failures() IS
	'how the last run of each job of this database ended, by cron.job_run_details; of the jobs that the caller may see';

CREATE OR REPLACE FUNCTION ordersync.health_cron_calls()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
	v_cron record;
	v_here boolean;
	v_next timestamptz;
BEGIN
	SELECT * INTO v_cron
	FROM ordersync.health_cron();
	v_here := v_cron.database = pg_catalog.current_database();
	FOR v IN
		SELECT c.*, j.job, j.schedule AS needed, j.command
		FROM ordersync.schedules c
		JOIN ordersync.health_jobs() j USING (kind)
		WHERE j.schedule IS NOT NULL
		ORDER BY c.kind DESC
	LOOP
		check_name := 'scheduled calls of ' || v.kind;
		v_next := ordersync.cron_next(v.job_schedule, v.job_timezone, GREATEST(v.last_called_at, v.job_requested_at));
		detail := NULL;
		hint := NULL;
		IF NOT v_here AND (ordersync.cron_covers(v.job_schedule, v.needed) AND v.job_timezone = v_cron.timezone) IS NOT TRUE THEN
			detail := pg_catalog.format('The job in database "%s" was to fire by "%s" %s, and must by "%s" %s.',
				v_cron.database, v.job_schedule, v.job_timezone, v.needed, v_cron.timezone);
			hint := 'Run the statements that this returns: SELECT * FROM ordersync_schedule(NULL, NULL, NULL);';
		ELSIF NOT v_here AND (v.last_called_at >= v.job_requested_at) IS NOT TRUE THEN
			detail := pg_catalog.format('Job "%s" has not called yet; it will at %s if it was made in database "%s".', v.job, v_next, v_cron.database);
			hint := pg_catalog.format('If it was not, run in database "%s": %s', v_cron.database,
				ordersync.cron_statement(v.job, v.job_schedule, v.command, v.requested_by));
		ELSIF v_next + interval '10 minutes' < pg_catalog.clock_timestamp() THEN
			detail := pg_catalog.format('Job "%s" was to call at %s and did not.', v.job, v_next);
			hint := pg_catalog.format('In database "%s" SELECT * FROM cron.job_run_details ORDER BY runid DESC LIMIT 10; shows why. To start now what is due: SELECT * FROM ordersync_trigger_due(%L);',
				v_cron.database, v.kind);
		END IF;
		ok := detail IS NULL;
		detail := COALESCE(detail, pg_catalog.format('last %s, next %s', COALESCE(v.last_called_at::text, 'none yet'), v_next));
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.health_cron_calls() IS
	'whether the jobs call ordersync_trigger_due when they are to';

CREATE OR REPLACE FUNCTION ordersync.check_health_schedule()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_cron record;
	v_here boolean;
BEGIN
	IF pg_catalog.to_regclass('ordersync.schedules') IS NULL THEN
		RETURN;					-- nothing is set up yet
	END IF;
	check_name := 'schedule';
	IF NOT EXISTS (SELECT FROM ordersync.schedules c WHERE c.schedule IS NOT NULL) THEN
		SELECT 'Runs are not scheduled since ' || pg_catalog.max(c.requested_at) || ', by ' || pg_catalog.max(c.requested_by) || '.' INTO detail
		FROM ordersync.schedules c;
		ok := detail IS NOT NULL OR NOT EXISTS (SELECT FROM ordersync.shops s WHERE s.enabled);
		detail := COALESCE(detail, 'No run is scheduled.');
		hint := CASE WHEN NOT ok THEN 'To have an incremental run each day and a full run each month: SELECT * FROM ordersync_schedule();' END;
		RETURN NEXT;
		RETURN;
	END IF;
	ok := true;
	SELECT pg_catalog.string_agg(c.kind || ': ' || c.schedule || ' ' || c.timezone, ', ' ORDER BY c.kind DESC) INTO detail
	FROM ordersync.schedules c;
	RETURN NEXT;

	SELECT * INTO v_cron
	FROM ordersync.health_cron();
	v_here := v_cron.database = pg_catalog.current_database();
	check_name := 'pg_cron';
	SELECT t.trouble, t.remedy INTO detail, hint
	FROM ordersync.health_cron_trouble() t;
	ok := detail IS NULL;
	IF NOT ok THEN
		RETURN NEXT;
		RETURN;					-- all that follows from it
	END IF;
	detail := pg_catalog.format('jobs are kept in database "%s", by the clock of %s', v_cron.database, v_cron.timezone);
	RETURN NEXT;

	IF pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') THEN
		check_name := 'pg_cron launcher';
		ok := EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.backend_type = 'pg_cron launcher')
			OR CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE false END;
		detail := CASE
			WHEN ok THEN 'running'
			WHEN ok IS NULL THEN 'this server is a standby: it starts when the server is promoted'
			ELSE 'The process "pg_cron launcher" is gone, no job is started.'
		END;
		hint := CASE WHEN NOT ok THEN 'The server log says why. Restart the server: sudo systemctl restart postgresql' END;
		RETURN NEXT;
	END IF;
	RETURN QUERY
	SELECT h.*
	FROM ordersync.health_cron_sessions() h;
	IF v_here AND pg_catalog.has_schema_privilege('cron', 'USAGE') THEN
		RETURN QUERY
		SELECT h.*
		FROM ordersync.health_cron_jobs() h;
		RETURN QUERY
		SELECT h.*
		FROM ordersync.health_cron_failures() h;
	END IF;
	RETURN QUERY
	SELECT h.*
	FROM ordersync.health_cron_calls() h;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_schedule() IS
	'whether scheduled runs will start: one row for each condition';
