/*
 * Whether schedules will be kept: what ordersync_doctor() says of them.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_schedule()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.schedules') IS NULL THEN
		RETURN;					-- nothing is set up yet
	END IF;
	RETURN QUERY
	SELECT 'schedule'::text,
		EXISTS (SELECT FROM ordersync.schedules),
		CASE WHEN EXISTS (SELECT FROM ordersync.schedules) THEN 'scheduled' ELSE 'no run is scheduled' END,
		CASE WHEN NOT EXISTS (SELECT FROM ordersync.schedules) THEN 'SELECT * FROM ordersync_schedule();' END;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_schedule() IS
	'whether scheduled runs will start: one row for each condition';
