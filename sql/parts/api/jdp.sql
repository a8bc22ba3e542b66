/*
 * Orders and after-sales in the shape of the platform's data push, for consumers that poll it.
 *
 * In no level: they make and drop a schema, which is for the database's owner or a
 * superuser.  That alone is done as the caller; all else, as pg_database_owner.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_enable_jdp(margin interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_owner name;
BEGIN
	IF margin < interval '1 second' OR margin > interval '1 hour' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('margin must be between 1 second and 1 hour, not %s', margin),
			HINT = 'It is how far ahead changes are stamped, 3 seconds by default: more where consumers'' clocks are ahead, or where they poll a standby that is behind.';
	END IF;
	PERFORM ordersync.set_up_if_outdated();
	SELECT pg_get_userbyid(n.nspowner) INTO v_owner
	FROM pg_namespace n
	WHERE n.nspname = 'jdp';
	IF NOT FOUND THEN
		CREATE SCHEMA jdp AUTHORIZATION pg_database_owner;
		COMMENT ON SCHEMA jdp IS
			'orders and after-sales in the shape of the platform''s data push, made by ordersync_enable_jdp()';
	ELSIF v_owner <> 'pg_database_owner' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_schema_name',
			MESSAGE = 'schema "jdp" exists and belongs to another role',
			DETAIL = format('Its owner is "%s".', v_owner),
			HINT = 'Rename it: ALTER SCHEMA jdp RENAME TO jdp_old. Or give it away: ALTER SCHEMA jdp OWNER TO pg_database_owner.';
	END IF;
	PERFORM ordersync.enable_jdp(margin);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_enable_jdp(interval) IS
	'makes jdp.jdp_tb_trade and jdp.jdp_tb_refund, in the shape of the platform''s data push, to be polled by jdp_modified; changes are stamped so far ahead (default 3 seconds). For a superuser or the database''s owner';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_disable_jdp()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.disable_jdp();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_disable_jdp() IS
	'drops jdp.jdp_tb_trade and jdp.jdp_tb_refund; what is stored stays. For a superuser or the database''s owner';
