/*
 * Advisory locks by name.
 */
CREATE OR REPLACE FUNCTION ordersync.lock_key(p_name text)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $function$
	SELECT pg_catalog.hashtextextended('ordersync/' || p_name, 0)
$function$;
COMMENT ON FUNCTION ordersync.lock_key(text) IS
	'the advisory lock of that name';
