/*
 * What ordersync_doctor() asks about the clean-up and what it is to keep small.
 */
CREATE OR REPLACE FUNCTION ordersync.log_blocker(p_name text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format('Process %s reads the request log. Wait for it, or end it: SELECT pg_terminate_backend(%s);',
		pg_catalog.min(l.pid), pg_catalog.min(l.pid))
	FROM pg_catalog.pg_locks l
	WHERE p_name = 'log'
		AND l.locktype = 'relation'
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
		AND l.relation = pg_catalog.to_regclass('ordersync.request_log')
		AND l.mode = 'AccessShareLock'
		AND l.granted
		AND l.pid <> pg_catalog.pg_backend_pid()
	HAVING pg_catalog.count(*) > 0
$function$;
COMMENT ON FUNCTION ordersync.log_blocker(text) IS
	'which session keeps the clean-up from dropping a day of the request log, and how to end it';

CREATE OR REPLACE FUNCTION ordersync.check_health_storage()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SECURITY DEFINER	-- no row of a shop is shown, and installation is nobody's to read
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.now();
	v_last timestamptz;
	v_message text;
	v_log interval := ordersync.interval_setting('keep_log');
	v_runs interval := ordersync.interval_setting('keep_runs');
	v_days bigint;
	v_old bigint;
	v_rest boolean;
BEGIN
	IF pg_catalog.to_regclass('ordersync.clean_ups') IS NULL THEN
		RETURN;
	END IF;
	-- the one that was done longest ago; the set-up counts as the first time
	SELECT GREATEST(i.set_up_at, CASE WHEN pg_catalog.count(c.done_at) = 8 THEN pg_catalog.min(c.done_at) END),
		pg_catalog.string_agg(c.name || ': ' || c.message, '; ' ORDER BY c.name)
	INTO v_last, v_message
	FROM ordersync.installation i
	LEFT JOIN ordersync.clean_ups c ON c.shop_id = 0
	GROUP BY i.set_up_at;
	check_name := 'clean-up';
	ok := v_last >= v_now - interval '48 hours' AND v_message IS NULL;
	detail := pg_catalog.concat_ws('; ',
		pg_catalog.format('all was done last, or set up, on %s', pg_catalog.to_char(pg_catalog.timezone('Asia/Shanghai', v_last), 'YYYY-MM-DD HH24:MI')),
		v_message);
	hint := CASE WHEN NOT ok THEN pg_catalog.concat_ws(' ',
		ordersync.log_blocker('log'), 'A worker does it daily; now: CALL ordersync_clean_up();') END;
	RETURN NEXT;

	SELECT pg_catalog.count(*) INTO v_days
	FROM ordersync.log_partitions() p
	WHERE v_log > interval '0'
		AND p.until <= v_now - v_log - interval '48 hours';
	v_rest := v_log > interval '0' AND EXISTS (
		SELECT
		FROM ordersync.request_log_rest r
		WHERE r.logged_at < v_now - v_log - interval '48 hours');
	check_name := 'request log';
	ok := v_days = 0 AND NOT v_rest;
	detail := CASE
		WHEN ok THEN pg_catalog.format('no day is older than ordersync.keep_log (%s)', ordersync.setting('keep_log'))
		ELSE pg_catalog.format('days older than ordersync.keep_log (%s): %s%s', ordersync.setting('keep_log'), v_days,
			CASE WHEN v_rest THEN ', and rows of ordersync.request_log_rest' END)
	END;
	hint := CASE WHEN NOT ok THEN pg_catalog.concat_ws(' ', ordersync.log_blocker('log'), 'CALL ordersync_clean_up();') END;
	RETURN NEXT;

	-- after a clean-up nothing is looked for: what another run has put right since is removed by the next one
	SELECT pg_catalog.count(*) INTO v_old
	FROM ordersync.removable_runs(0, v_now - v_runs - interval '48 hours', CASE WHEN EXISTS (
			SELECT
			FROM ordersync.clean_ups c
			WHERE c.name = 'runs'
				AND c.shop_id = 0
				AND c.done_at >= v_now - interval '48 hours'
				AND c.message IS NULL) THEN 0 ELSE 5000 END) r
	WHERE v_runs > interval '0'
		AND r.removable;
	check_name := 'ended runs';
	ok := v_old = 0;
	detail := CASE
		WHEN ok THEN pg_catalog.format('none is kept for longer than ordersync.keep_runs (%s) without a reason', ordersync.setting('keep_runs'))
		ELSE pg_catalog.format('runs older than ordersync.keep_runs (%s): %s', ordersync.setting('keep_runs'), v_old)
	END;
	hint := CASE WHEN NOT ok THEN 'CALL ordersync_clean_up();' END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_storage() IS
	'whether the daily clean-up runs, and nothing is kept longer than the settings say; a part of ordersync_doctor()';
