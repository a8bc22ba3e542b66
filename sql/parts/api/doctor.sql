/*
 * The doctor: what is wrong, and the next command to type.
 *
 * Each check is a function ordersync.check_health_<noun>() with rows of the same
 * columns; this is their list, in the order of the answer: what others depend on
 * comes first.  They run with the caller's rights.  What the caller may not see,
 * and what cannot be asked while a table is missing or locked, is unknown (NULL),
 * never an error: the others are still answered.
 */
CREATE OR REPLACE FUNCTION ordersync.health_checks()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
	'schema', 'library', 'tables', 'setup',
	'settings', 'workers', 'worker_slots',
	'key_file', 'hosts', 'certificates', 'clock', 'calls_today',
	'gateways', 'shops', 'key_expiry', 'schedule',
	'holes', 'stuck_windows', 'failed_windows', 'consumers', 'storage'];
COMMENT ON FUNCTION ordersync.health_checks() IS
	'the checks of ordersync_doctor(), in its order: of each ordersync.check_health_<name>() is called';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_doctor()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET lock_timeout = '1s'
ROWS 25
AS $function$
DECLARE
	v_check text;
BEGIN
	FOREACH v_check IN ARRAY ordersync.health_checks() LOOP
		BEGIN
			RETURN QUERY EXECUTE format('SELECT c.check_name, c.ok, c.detail, c.hint FROM ordersync.%I() c', 'check_health_' || v_check);
			CONTINUE;
		EXCEPTION
			WHEN insufficient_privilege THEN
				detail := format('may not be seen: %s', SQLERRM);
			WHEN undefined_table THEN
				detail := format('cannot be known, see "tables": %s', SQLERRM);
			WHEN lock_not_available THEN
				detail := 'not known now: somebody has locked a table, look again soon';
			WHEN OTHERS THEN
				detail := format('not known: %s', SQLERRM);
		END;
		check_name := replace(v_check, '_', ' ');
		ok := NULL;
		hint := NULL;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_doctor() IS
	'what is wrong, and the next command to type: one row a check; ok is NULL where it cannot be known';
