/*
 * The server's settings, read by name: they exist only once the library is loaded,
 * which calling setting() does.
 */
CREATE OR REPLACE FUNCTION ordersync.setting(name text)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_setting';
COMMENT ON FUNCTION ordersync.setting(text) IS
	'value of the setting ordersync.<name> as SHOW gives it, with its unit; loads the library';

CREATE OR REPLACE FUNCTION ordersync.interval_setting(p_setting text)
RETURNS interval
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT
AS $function$
	-- '1d' as 24 hours: a day of the session's zone may have 23
	SELECT pg_catalog.make_interval(secs =>
		EXTRACT(epoch FROM ordersync.setting(p_setting)::interval)::double precision)
$function$;
COMMENT ON FUNCTION ordersync.interval_setting(text) IS
	'the interval value of a setting, in hours and seconds, independent of the session''s time zone';

CREATE OR REPLACE FUNCTION ordersync.interval_setting_ms(p_setting text)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT
RETURN (EXTRACT(epoch FROM ordersync.interval_setting(p_setting)) * 1000)::bigint;
COMMENT ON FUNCTION ordersync.interval_setting_ms(text) IS
	'the interval value of a setting, in milliseconds';

CREATE OR REPLACE FUNCTION ordersync.server_setting(name text)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_server_setting';
COMMENT ON FUNCTION ordersync.server_setting(text) IS
	'value of a setting of pg_cron, in its base unit, or of shared_preload_libraries; NULL if pg_cron is not loaded';
