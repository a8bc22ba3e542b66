/*
 * Roles that see some shops only: by policies on the tables, and by a check in
 * what runs with its owner's rights.
 */
CREATE OR REPLACE FUNCTION ordersync.tables_by_shop()
RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT c.relname::text
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'ordersync'::pg_catalog.regnamespace
		AND c.relkind IN ('r', 'p')
		AND NOT c.relispartition
		AND a.attname = 'shop_id'
		AND NOT a.attisdropped
	ORDER BY c.relname
$function$;
COMMENT ON FUNCTION ordersync.tables_by_shop() IS
	'the tables whose rows belong to a shop';

/* By the role itself: the one that had a name before may still have a policy of that name. */
CREATE OR REPLACE FUNCTION ordersync.shop_policies(p_role name)
RETURNS TABLE (policy name, relation regclass)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT p.polname, p.polrelid::regclass
	FROM pg_catalog.pg_policy p
	JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
	JOIN pg_catalog.pg_roles r ON p.polroles = ARRAY[r.oid]
	WHERE r.rolname = p_role
		AND NOT p.polpermissive
		AND pg_catalog.starts_with(p.polname::text, 'ordersync_')
		AND c.relnamespace = 'ordersync'::pg_catalog.regnamespace
$function$;
COMMENT ON FUNCTION ordersync.shop_policies(name) IS
	'the policies that limit a role to its shops';

CREATE OR REPLACE FUNCTION ordersync.policy_name(p_role name, p_table text)
RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN pg_catalog.octet_length(p_role::text) > 52 OR EXISTS (
				SELECT
				FROM pg_catalog.pg_policy p
				WHERE p.polname = 'ordersync_' || p_role
					AND p.polrelid = pg_catalog.format('ordersync.%I', p_table)::pg_catalog.regclass) THEN
			'ordersync_' || pg_catalog.md5(p_role::text || r.oid::text)
		ELSE 'ordersync_' || p_role
	END::name
	FROM pg_catalog.pg_roles r
	WHERE r.rolname = p_role
$function$;
COMMENT ON FUNCTION ordersync.policy_name(name, text) IS
	'a name for the policy that limits a role to its shops, which no other policy of the table has';

/*
 * Row level security for a role that sees some shops only.  Restrictive, so
 * that another grant does not widen it; and where we are the ones to switch it
 * on, a policy that leaves everybody else as before.
 */
CREATE OR REPLACE FUNCTION ordersync.limit_to_shops(p_role name, p_shops bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_table record;
BEGIN
	FOR v_table IN
		SELECT t.name, c.relrowsecurity
		FROM ordersync.tables_by_shop() t (name)
		JOIN pg_catalog.pg_class c ON c.relname = t.name
			AND c.relnamespace = 'ordersync'::pg_catalog.regnamespace
			AND c.relowner = 'pg_database_owner'::pg_catalog.regrole
	LOOP
		IF NOT v_table.relrowsecurity THEN
			EXECUTE pg_catalog.format('ALTER TABLE ordersync.%I ENABLE ROW LEVEL SECURITY', v_table.name);
			EXECUTE pg_catalog.format(
				'CREATE POLICY ordersync_others ON ordersync.%I USING (true) WITH CHECK (true)', v_table.name);
		END IF;
		PERFORM 1
		FROM ordersync.shop_policies(p_role) t
		WHERE t.relation = pg_catalog.format('ordersync.%I', v_table.name)::pg_catalog.regclass;
		CONTINUE WHEN FOUND;	-- from a dump, or from before the extension was made anew
		EXECUTE pg_catalog.format(
			'CREATE POLICY %I ON ordersync.%I AS RESTRICTIVE TO %I USING (shop_id = ANY (%L::bigint[]))',
			ordersync.policy_name(p_role, v_table.name), v_table.name, p_role, p_shops);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.limit_to_shops(name, bigint[]) IS
	'restricts a role to the rows of some shops, by policies';

/*
 * Of a SECURITY DEFINER function's caller only session_user is left to see: who
 * logged in decides, whatever SET ROLE it did since.
 *
 * A dump gives rights on functions to roles by their names, which may be other
 * roles here.  So a role without a row of its own is held by one of its name.
 */
CREATE OR REPLACE FUNCTION ordersync.is_allowed(p_shop bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.pg_has_role(session_user, 'pg_database_owner', 'MEMBER')
		OR COALESCE(pg_catalog.bool_or(g.shops IS NULL OR p_shop = ANY (g.shops)), true)
	FROM ordersync.grants g
	JOIN pg_catalog.pg_roles r ON r.oid = g.role_oid
		OR r.rolname = g.role AND NOT EXISTS (
			SELECT
			FROM ordersync.grants o
			WHERE o.role_oid = r.oid)
	WHERE g.level IN ('operator', 'admin')
		AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
$function$;
COMMENT ON FUNCTION ordersync.is_allowed(bigint) IS
	'whether the caller''s grants, if it has any, include the shop';

CREATE OR REPLACE FUNCTION ordersync.check_allowed(p_shop bigint)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF NOT ordersync.is_allowed(p_shop) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = pg_catalog.format('permission denied for shop %s', p_shop),
			DETAIL = pg_catalog.format('The grant of "%s" is for other shops.', session_user),
			HINT = 'The database''s owner can widen it with ordersync_grant(role, level, shops).';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_allowed(bigint) IS
	'raises an error for a shop that the caller''s grant does not include';
