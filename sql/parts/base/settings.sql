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

CREATE OR REPLACE FUNCTION ordersync.span(p_setting text)
RETURNS interval
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT
AS $function$
	-- '1d' as 24 hours: a day of the session's zone may have 23
	SELECT pg_catalog.make_interval(secs =>
		EXTRACT(epoch FROM ordersync.setting(p_setting)::interval)::double precision)
$function$;
COMMENT ON FUNCTION ordersync.span(text) IS
	'a setting that is a span of time, in hours and seconds, whatever the session''s zone';

CREATE OR REPLACE FUNCTION ordersync.span_ms(p_setting text)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT
RETURN (EXTRACT(epoch FROM ordersync.span(p_setting)) * 1000)::bigint;
COMMENT ON FUNCTION ordersync.span_ms(text) IS
	'a setting that is a span of time, in milliseconds';
