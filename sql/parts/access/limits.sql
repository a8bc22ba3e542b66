/*
 * Roles that see some shops only: by policies on the tables, and by a check in
 * what runs with its owner's rights.  Both go by ordersync.grants
 * (tables/grant_table.sql).  The rights of several grants add up, as those of roles
 * do: who inherits two limited roles sees the shops of both.
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

/*
 * One policy a table, made with it: what it lets through is asked of
 * ordersync.own_shops, once a query, not once a row.  Restrictive, so that no other
 * policy widens it.  The first condition is written as it is so that the planner
 * expects it to be true: its estimates, and so its plans, are those of the owner.
 *
 * Row level security is not switched on before a role is limited: whoever reads
 * then pays for it, and a dump taken by neither owner nor superuser is refused by
 * the server.  With it comes a policy that leaves everybody else as before, but
 * for tables where somebody has switched it on already, whose policies decide.
 *
 * A consumer of the change feed is of the shops that it is told; whoever may read in its
 * name sees it, too.  One of all shops is nobody's who is limited: how much it reads
 * would tell of other shops, and so would its name.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_policies()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
DECLARE
	v record;
BEGIN
	FOR v IN
		SELECT t.name, t.own, c.oid, c.relrowsecurity AS is_on, (
				SELECT pg_catalog.bool_or(g.shops IS NOT NULL)
				FROM ordersync.grants g
			) AS wanted
		FROM (
			SELECT s.name, 'shop_id = ANY ((SELECT o.shops FROM ordersync.own_shops o)::bigint[])' AS own
			FROM ordersync.tables_by_shop() s (name)
			UNION ALL
			SELECT 'change_consumers', 'shops <@ (SELECT o.shops FROM ordersync.own_shops o) '
				'OR COALESCE(pg_catalog.pg_has_role(pg_catalog.to_regrole(pg_catalog.quote_ident(owner)), ''MEMBER''), false)'
		) t
		JOIN pg_catalog.pg_class c ON c.relname = t.name
			AND c.relnamespace = 'ordersync'::pg_catalog.regnamespace
			AND c.relowner = 'pg_database_owner'::pg_catalog.regrole
	LOOP
		IF NOT EXISTS (
			SELECT
			FROM pg_catalog.pg_policy p
			WHERE p.polrelid = v.oid
				AND p.polname = 'ordersync_shops')
		THEN
			PERFORM ordersync.drop_policies_of_roles(v.oid);
			EXECUTE pg_catalog.format('CREATE POLICY ordersync_shops ON ordersync.%I AS RESTRICTIVE USING ('
				'(SELECT true FROM ordersync.own_shops o WHERE o.all_shops) IS NOT NULL OR %s)', v.name, v.own);
		END IF;
		IF v.wanted AND NOT v.is_on THEN
			EXECUTE pg_catalog.format('ALTER TABLE ordersync.%I ENABLE ROW LEVEL SECURITY', v.name);
			IF NOT EXISTS (
				SELECT
				FROM pg_catalog.pg_policy p
				WHERE p.polrelid = v.oid
					AND p.polname = 'ordersync_others')
			THEN
				EXECUTE pg_catalog.format(
					'CREATE POLICY ordersync_others ON ordersync.%I USING (true) WITH CHECK (true)', v.name);
			END IF;
		END IF;
	END LOOP;
EXCEPTION
	WHEN lock_not_available OR deadlock_detected THEN
		PERFORM ordersync.raise_views_in_use(ARRAY[v.name]);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_policies() IS
	'creates the policies that limit roles to shops where they are missing, and switches row level security on once a role is limited; part of ordersync.set_up() and ordersync_grant()';

/* Those of before, which had the shops of one role in them. */
CREATE OR REPLACE FUNCTION ordersync.drop_policies_of_roles(p_table oid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_policy name;
BEGIN
	FOR v_policy IN
		SELECT p.polname
		FROM pg_catalog.pg_policy p
		WHERE p.polrelid = p_table
			AND NOT p.polpermissive
			AND p.polroles <> '{0}'
			AND pg_catalog.starts_with(p.polname::text, 'ordersync_')
			AND pg_catalog.pg_get_expr(p.polqual, p.polrelid) ~ '^[(]shop_id = ANY [(]''[{][0-9,]*[}]''::bigint[[][]][)][)]$'
	LOOP
		EXECUTE pg_catalog.format('DROP POLICY %I ON %s', v_policy, p_table::regclass);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.drop_policies_of_roles(oid) IS
	'drops the policies of an earlier version, one for each limited role; part of ordersync.set_up_policies()';

CREATE OR REPLACE FUNCTION ordersync.outer_user()
RETURNS oid
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_outer_user';
COMMENT ON FUNCTION ordersync.outer_user() IS
	'the role of the session as SET ROLE left it, also inside of a SECURITY DEFINER function';

/*
 * In a SECURITY DEFINER function current_user is the function's owner; whose grants
 * count is the role that the session has, as on the tables.  The rule is that of
 * ordersync.own_shops.
 */
CREATE OR REPLACE FUNCTION ordersync.outer_limits(p_kind text, p_levels text[], OUT shops bigint[], OUT all_shops boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	SELECT CASE
			WHEN pg_catalog.bool_or(g.exact) THEN
				pg_catalog.string_to_array(pg_catalog.string_agg(NULLIF(pg_catalog.array_to_string(g.shops, ','), ''), ',')
					FILTER (WHERE g.exact), ',')::bigint[]
			WHEN pg_catalog.min(g.shops) = pg_catalog.max(g.shops) THEN pg_catalog.min(g.shops)
		END,
		COALESCE(pg_catalog.bool_or(g.shops IS NULL) FILTER (WHERE g.exact), pg_catalog.bool_and(g.shops IS NULL))
	INTO shops, all_shops
	FROM (
		SELECT l.shops, pg_catalog.pg_get_userbyid(l.role_oid) = l.role AS exact
		FROM ordersync.grants l
		-- one that is not surely the role's counts whatever its level
		WHERE (l.level = ANY (p_levels) OR pg_catalog.pg_get_userbyid(l.role_oid) <> l.role)
			AND (pg_catalog.pg_has_role(ordersync.outer_user(), l.role_oid, p_kind)
				OR pg_catalog.pg_has_role(ordersync.outer_user(), pg_catalog.to_regrole(pg_catalog.quote_ident(l.role)), p_kind))
	) g;
END
$function$;
COMMENT ON FUNCTION ordersync.outer_limits(text, text[]) IS
	'the shops that grants of these levels limit the session''s role to; all_shops is true where they do not, NULL where it has none';

/*
 * A right to call that was given by hand, or by a dump to a role of that name, is
 * held to the shops that the role reads.
 */
CREATE OR REPLACE FUNCTION ordersync.allowed_shops()
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v record;
BEGIN
	IF pg_catalog.pg_has_role(ordersync.outer_user(), 'pg_database_owner', 'MEMBER') THEN
		RETURN NULL;
	END IF;
	SELECT l.* INTO v
	FROM ordersync.outer_limits('MEMBER', '{operator,admin}') l;
	IF v.all_shops IS NULL THEN
		SELECT l.* INTO v
		FROM ordersync.outer_limits('MEMBER', '{reader}') l;
	END IF;
	RETURN CASE WHEN NOT v.all_shops THEN COALESCE(v.shops, '{}') END;
END
$function$;
COMMENT ON FUNCTION ordersync.allowed_shops() IS
	'the shops that the caller may use, by its grants; NULL: all. Of many shops it is asked once';

CREATE OR REPLACE FUNCTION ordersync.is_allowed(p_shop bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT a.shops IS NULL OR COALESCE(p_shop = ANY (a.shops), false)
	FROM (SELECT ordersync.allowed_shops() AS shops) a
$function$;
COMMENT ON FUNCTION ordersync.is_allowed(bigint) IS
	'whether the caller''s grants, if it has any, include the shop';

/* Called by ordersync.worker_list() (src/sqlapi.c), whoever asks; also before there are tables. */
CREATE OR REPLACE FUNCTION ordersync.shown_shops()
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF to_regclass('ordersync.own_shops') IS NULL
		OR pg_has_role(ordersync.outer_user(), 'pg_database_owner', 'USAGE')
	THEN
		RETURN NULL;
	END IF;
	RETURN (
		SELECT CASE WHEN NOT l.all_shops THEN COALESCE(l.shops, '{}') END
		FROM ordersync.outer_limits('USAGE', '{reader,operator,admin}') l);
END
$function$;
COMMENT ON FUNCTION ordersync.shown_shops() IS
	'the shops that the session''s role is limited to; NULL: it sees all';

/* Readers may call it: what runs with their rights words its refusals by it, too. */
CREATE OR REPLACE FUNCTION ordersync.raise_other_shop(p_shop bigint, p_role name)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'insufficient_privilege',
		MESSAGE = pg_catalog.format('permission denied for shop %s', COALESCE(p_shop::text, 'NULL')),
		DETAIL = pg_catalog.format('The grant of "%s" is for other shops.', p_role),
		HINT = 'The database''s owner can widen it with ordersync_grant(role, level, shops).';
END
$function$;
COMMENT ON FUNCTION ordersync.raise_other_shop(bigint, name) IS
	'raises the error that a role''s grant does not include a shop';

CREATE OR REPLACE FUNCTION ordersync.check_allowed(p_shop bigint)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF NOT ordersync.is_allowed(p_shop) THEN
		PERFORM ordersync.raise_other_shop(p_shop, pg_catalog.pg_get_userbyid(ordersync.outer_user()));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_allowed(bigint) IS
	'raises an error for a shop that the caller''s grant does not include';
