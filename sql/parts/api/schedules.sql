/*
 * Schedules: when runs are due, and the pg_cron jobs that look.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_schedule(
	incremental text DEFAULT '10 0 * * *',
	full_run text DEFAULT '0 2 1 * *',
	timezone text DEFAULT 'Asia/Shanghai')
RETURNS TABLE (job text, schedule text, command text, status text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.schedule_require_cron();
	PERFORM ordersync.schedule_store(incremental, full_run, timezone);
	RETURN QUERY
	SELECT j.*
	FROM ordersync.schedule_jobs() j;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_schedule(text, text, text) IS
	'starts runs by times in cron notation, by the clock of a time zone: makes or changes two pg_cron jobs, or returns the statements to run in the database of pg_cron. off: only shops with times of their own; NULL keeps what is stored';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_unschedule()
RETURNS TABLE (job text, schedule text, command text, status text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_there boolean;			-- if pg_cron is gone, so are its jobs
BEGIN
	SELECT m.message IS NULL INTO v_there
	FROM ordersync.health_cron_missing() m;
	IF v_there THEN
		PERFORM ordersync.schedule_require_cron();
	END IF;
	PERFORM ordersync.schedule_forget();
	IF v_there THEN
		RETURN QUERY
		SELECT j.*
		FROM ordersync.schedule_jobs() j;
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_unschedule() IS
	'starts no more runs by time: takes the two pg_cron jobs away, or returns the statements to run in the database of pg_cron';
