/*
 * The request log's partitions: one a day, made ahead.
 */
CREATE OR REPLACE FUNCTION ordersync.make_log_partitions()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
SET datestyle = 'ISO'			-- bounds are written as text; in other styles "CST" would be read as a zone of America
SET timezone = 'Asia/Shanghai'
AS $function$
DECLARE
	v_day date;
	v_name text;
BEGIN
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('log_partitions'));

	FOR v_day IN
		SELECT (pg_catalog.now() AT TIME ZONE 'Asia/Shanghai')::date + n
		FROM pg_catalog.generate_series(0, 7) AS n
	LOOP
		v_name := 'request_log_' || pg_catalog.to_char(v_day, 'YYYYMMDD');
		CONTINUE WHEN pg_catalog.to_regclass('ordersync.' || v_name) IS NOT NULL;

		BEGIN
			/*
			 * Made apart and attached: that locks out neither readers nor
			 * writers of the log, as CREATE TABLE ... PARTITION OF would.
			 */
			EXECUTE pg_catalog.format(
				'CREATE TABLE ordersync.%I (LIKE ordersync.request_log INCLUDING DEFAULTS INCLUDING COMMENTS)',
				v_name);
			-- LIKE does not take it over
			EXECUTE pg_catalog.format('ALTER TABLE ordersync.%I REPLICA IDENTITY FULL', v_name);
			EXECUTE pg_catalog.format(
				'ALTER TABLE ordersync.request_log ATTACH PARTITION ordersync.%I FOR VALUES FROM (%L) TO (%L)',
				v_name,
				pg_catalog.timezone('Asia/Shanghai', v_day::timestamp),
				pg_catalog.timezone('Asia/Shanghai', (v_day + 1)::timestamp));
		EXCEPTION
			-- somebody reads the rest, or it holds rows of that day: it goes on taking them; or a partition of somebody's is in the way
			WHEN lock_not_available OR check_violation OR invalid_object_definition THEN
				NULL;
		END;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.make_log_partitions() IS
	'creates the request log''s partitions, one a day of Asia/Shanghai, for today and seven days ahead';
