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

CREATE OR REPLACE FUNCTION ordersync.listed_databases(p_databases text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.array_remove(pg_catalog.regexp_split_to_array(
		pg_catalog.btrim(pg_catalog.replace(p_databases, '"', '')), '\s*,\s*'), '')
$function$;
COMMENT ON FUNCTION ordersync.listed_databases(text) IS
	'the names in a value of ordersync.databases';

CREATE OR REPLACE FUNCTION ordersync.is_listed(p_databases text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.current_database() = ANY (ordersync.listed_databases(p_databases))
$function$;
COMMENT ON FUNCTION ordersync.is_listed(text) IS
	'whether this database is in a value of ordersync.databases';

CREATE OR REPLACE FUNCTION ordersync.command_to_list_database(p_databases text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format('ALTER SYSTEM SET ordersync.databases = %L;', CASE
		WHEN ordersync.is_listed(p_databases) THEN p_databases
		ELSE pg_catalog.concat_ws(', ', NULLIF(pg_catalog.btrim(p_databases), ''),
			pg_catalog.quote_ident(pg_catalog.current_database()))
	END)
$function$;
COMMENT ON FUNCTION ordersync.command_to_list_database(text) IS
	'the command that gives this database workers, beside those that have some: ordersync.databases with its name added';

CREATE OR REPLACE FUNCTION ordersync.server_setting(name text)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_server_setting';
COMMENT ON FUNCTION ordersync.server_setting(text) IS
	'value of a setting of pg_cron, or of shared_preload_libraries, in its base unit, whoever asks; NULL if pg_cron is not loaded. Other settings, which may hold a password, are refused';
