/*
 * Levels given to roles and taken from them.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_grant(role name, level text, shops bigint[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_old record;	-- not of the table's type: there is none before the first call
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.check_role(role);
	IF level IS NULL OR level NOT IN ('reader', 'operator', 'admin') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unrecognized level "%s"', COALESCE(level, 'NULL')),
			HINT = 'Levels: reader (reads), operator (triggers too), admin (sets up too).';
	END IF;
	IF level = 'admin' AND shops IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'level "admin" cannot be restricted to shops',
			HINT = 'Leave out shops, or grant reader or operator.';
	END IF;

	SELECT g.* INTO v_old
	FROM ordersync.grants g
	WHERE g.role_oid = to_regrole(quote_ident(ordersync_grant.role));
	PERFORM ordersync.revoke_level(role);
	PERFORM ordersync.delete_grant(role);
	INSERT INTO ordersync.grants (role_oid, role, level, shops)
	VALUES (to_regrole(quote_ident(role)), ordersync_grant.role, ordersync_grant.level, ordersync_grant.shops);
	PERFORM ordersync.set_up_policies();
	PERFORM ordersync.grant_level(role, level, shops);
	IF v_old.level IS DISTINCT FROM level OR v_old.shops IS DISTINCT FROM shops THEN
		PERFORM ordersync.record_action('level granted', p_details => jsonb_build_object(
			'role', role, 'level', level, 'shops', shops, 'old_level', v_old.level, 'old_shops', v_old.shops));
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_grant(name, text, bigint[]) IS
	'lets a role read (reader), trigger too (operator) or set up too (admin); a reader or operator for all shops or for those given';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_revoke(role name)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_found boolean;
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	v_found := ordersync.delete_grant(role);
	IF v_found THEN
		PERFORM ordersync.record_action('level revoked', p_details => jsonb_build_object('role', role));
	END IF;
	IF v_found AND to_regrole(quote_ident(role)) IS NULL THEN
		RAISE NOTICE USING MESSAGE = format('role "%s" does not exist any more, its grant was removed', role);
		RETURN;
	END IF;
	PERFORM ordersync.check_role(role);
	PERFORM ordersync.revoke_level(role);
	IF NOT v_found THEN
		RAISE NOTICE USING MESSAGE = format('role "%s" has no ordersync privileges', role);
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_revoke(name) IS
	'revokes all that ordersync_grant granted to a role; removes the grant of a role that does not exist any more';
