/*
 * Who may do what.
 *
 *   reader    reads data and all views; of the queue and the log what views show
 *   operator  reads all tables but the secrets; triggers, waits, cancels, tries again
 *   admin     operator, and sets up
 *
 * Views have their reader's rights.  So a reader is granted those columns of the
 * operators' tables that the views are made of, which the server knows; nothing
 * is listed twice, and what a view starts to show is granted by set_up().
 *
 * What was granted is remembered in ordersync.grants, because rights on
 * functions go with the extension; set_up() applies it again.  A grant is the
 * role's, not its name's: it is applied again to the role that has both the oid
 * and the name of then.  A role that was dropped and made again, or one of
 * another cluster that a dump came to, is told and must be granted anew.
 *
 * ordersync_grant, ordersync_revoke, ordersync_create_publication, ordersync_enable_jdp,
 * ordersync_disable_jdp, ordersync_keep_secrets, ordersync_rotate_key and
 * ordersync_forget_old_keys are in no level: a superuser and the database's owner can call
 * them, because pg_database_owner owns them; the last three then ask for a superuser
 * themselves.
 */

/* That of the role, whatever its name was; and those of roles of this name that are gone. */
CREATE OR REPLACE FUNCTION ordersync.delete_grant(p_role name)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	DELETE FROM ordersync.grants g
	WHERE g.role_oid = pg_catalog.to_regrole(pg_catalog.quote_ident(p_role))
		OR g.role = p_role AND NOT EXISTS (
			SELECT
			FROM pg_catalog.pg_roles r
			WHERE r.oid = g.role_oid);
	RETURN FOUND;
END
$function$;
COMMENT ON FUNCTION ordersync.delete_grant(name) IS
	'deletes the stored grant of a role; true if there was one';

CREATE OR REPLACE FUNCTION ordersync.check_role(p_role name)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	PERFORM 1
	FROM pg_catalog.pg_roles r
	WHERE r.rolname = p_role;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = pg_catalog.format('role "%s" does not exist', COALESCE(p_role, 'NULL')),
			HINT = 'Create it first: CREATE ROLE name LOGIN.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_role(name) IS
	'raises an error for a role that does not exist';

CREATE OR REPLACE FUNCTION ordersync.apply_grants()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
BEGIN
	FOR v IN
		SELECT g.*, r.rolname AS now_named, pg_catalog.to_regrole(pg_catalog.quote_ident(g.role)) AS of_that_name
		FROM ordersync.grants g
		LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.role_oid	-- a dump may come without its roles
		ORDER BY g.role, g.role_oid
	LOOP
		IF v.now_named = v.role THEN
			PERFORM ordersync.grant_level(v.role, v.level, v.shops);
		ELSE
			RAISE WARNING USING
				MESSAGE = pg_catalog.format('the grant of role "%s" was not applied again', v.role),
				DETAIL = CASE
					WHEN v.now_named IS NOT NULL THEN
						pg_catalog.format('The role with its OID is now named "%s", or belongs to another cluster.', v.now_named)
					WHEN v.of_that_name IS NOT NULL THEN
						'The role of this name is another one: it was made after the grant, or in another cluster.'
					ELSE 'There is no role of this name.'
				END,
				HINT = pg_catalog.format('To grant it again: SELECT ordersync_grant(%1$L, %2$L%3$s). To discard it: SELECT ordersync_revoke(%1$L).',
					COALESCE(v.now_named, v.role), v.level, ', ' || pg_catalog.quote_literal(v.shops::text));
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_grants() IS
	'grants again what ordersync.grants holds for roles that still exist, and warns of the others; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.grant_level(p_role name, p_level text, p_shops bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_thing text;
	v_columns text;
BEGIN
	FOR v_thing IN
		SELECT s.name
		FROM ordersync.readable_schemas() s (name)
	LOOP
		EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %s TO %I', v_thing, p_role);
	END LOOP;
	FOR v_thing, v_columns IN
		SELECT t.relation,
			CASE WHEN t.level = 'operator' AND (p_level = 'reader' OR t.relation = 'ordersync.gateways' AND p_shops IS NOT NULL) THEN
				'(' || pg_catalog.array_to_string(t.reader_columns, ', ') || ')' END
		FROM ordersync.readable_relations() t
		WHERE t.level = 'reader'
			OR p_level <> 'reader'
			OR t.reader_columns <> '{}'
	LOOP
		EXECUTE pg_catalog.format('GRANT SELECT %s ON TABLE %s TO %I', v_columns, v_thing, p_role);
	END LOOP;
	FOR v_thing IN
		SELECT f.routine
		FROM ordersync.functions_by_level() f
		WHERE f.level = 'reader'
			OR f.level = 'operator' AND p_level IN ('operator', 'admin')
			OR f.level = 'admin' AND p_level = 'admin'
	LOOP
		EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %I', v_thing, p_role);
	END LOOP;

	IF NOT pg_catalog.has_schema_privilege(p_role, '@extschema@', 'USAGE') THEN
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('role "%s" lacks USAGE on the schema of the extension''s functions', p_role),
			HINT = pg_catalog.format('The schema''s owner can run: GRANT USAGE ON SCHEMA %I TO %I;', '@extschema@', p_role);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.grant_level(name, text, bigint[]) IS
	'grants the privileges of a level to a role';

CREATE OR REPLACE FUNCTION ordersync.revoke_level(p_role name)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_thing text;
BEGIN
	-- with the table's right its columns' go
	FOR v_thing IN
		SELECT t.relation
		FROM ordersync.readable_relations() t
	LOOP
		EXECUTE pg_catalog.format('REVOKE SELECT ON TABLE %s FROM %I', v_thing, p_role);
	END LOOP;
	FOR v_thing IN
		SELECT f.routine
		FROM ordersync.functions_by_level() f
		WHERE f.level IS NOT NULL
	LOOP
		EXECUTE pg_catalog.format('REVOKE EXECUTE ON ROUTINE %s FROM %I', v_thing, p_role);
	END LOOP;
	FOR v_thing IN
		SELECT s.name
		FROM ordersync.readable_schemas() s (name)
	LOOP
		EXECUTE pg_catalog.format('REVOKE USAGE ON SCHEMA %s FROM %I', v_thing, p_role);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.revoke_level(name) IS
	'revokes the privileges of all levels from a role';

CREATE OR REPLACE FUNCTION ordersync.readable_relations()
RETURNS TABLE (relation text, level text, reader_columns text[])
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
		CASE
			WHEN c.relkind = 'v' THEN 'reader'
			WHEN c.relname IN ('orders', 'sub_orders', 'after_sales', 'order_payloads', 'after_sale_payloads', 'order_changes',
				'status_names', 'added_fields', 'shops', 'schedules', 'shop_totals', 'coverage', 'window_counts', 'verified_counts', 'type_counts',
				'jdp_trades', 'jdp_refunds')
				THEN 'reader'
			ELSE 'operator'
		END,
		ARRAY(
			SELECT pg_catalog.quote_ident(a.attname)
			FROM pg_catalog.pg_attribute a
			WHERE a.attrelid = c.oid
				AND a.attnum > 0
				AND NOT a.attisdropped
				AND (EXISTS (
						SELECT
						FROM ordersync.columns_of_views() w
						WHERE w.relation = c.oid
							AND w.attnum = a.attnum)
					OR EXISTS (
						SELECT
						FROM ordersync.columns_of_checks() k
						WHERE (k.relation, k.col) = (c.relname, a.attname)))
			ORDER BY a.attnum)
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE (n.nspname = 'ordersync' AND c.relkind IN ('r', 'p', 'v')
			OR n.nspname = 'jdp' AND c.relkind = 'v' AND c.relname IN ('jdp_tb_trade', 'jdp_tb_refund'))
		AND NOT c.relispartition
		-- a table that somebody put beside ours is not ours to give
		AND c.relowner = 'pg_database_owner'::pg_catalog.regrole
		AND c.relname NOT IN ('secrets', 'grants', 'installation', 'own_shops')
	ORDER BY c.relname
$function$;
COMMENT ON FUNCTION ordersync.readable_relations() IS
	'the tables and views, the lowest level that reads all of each, and the columns that readers read of an operator''s table';

CREATE OR REPLACE FUNCTION ordersync.readable_schemas()
RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT DISTINCT pg_catalog.split_part(r.relation, '.', 1)
	FROM ordersync.readable_relations() r
$function$;
COMMENT ON FUNCTION ordersync.readable_schemas() IS
	'the schemas of what readers read: ordersync, and jdp where it is enabled';

/* Of our own views with their reader's rights: a user's beside them gives nobody anything. */
CREATE OR REPLACE FUNCTION ordersync.columns_of_views()
RETURNS TABLE (relation oid, attnum integer)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT DISTINCT d.refobjid, d.refobjsubid
	FROM pg_catalog.pg_class v
	JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.oid
	JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
		AND d.objid = r.oid
		AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
		AND d.refobjsubid > 0
		AND d.refobjid <> v.oid
	WHERE v.relnamespace = 'ordersync'::pg_catalog.regnamespace
		AND v.relkind = 'v'
		AND v.reloptions @> ARRAY['security_invoker=true']
		AND v.relname = ANY (ARRAY[{{views}}, 'order_report', 'sub_order_report', 'after_sale_report'])
$function$;
COMMENT ON FUNCTION ordersync.columns_of_views() IS
	'the columns that the views are made of';

/* What ordersync_doctor() and ordersync_compare() read besides views, as their caller. */
CREATE OR REPLACE FUNCTION ordersync.columns_of_checks()
RETURNS TABLE (relation name, col name)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	VALUES
		('gateways'::name, 'base_url'::name),
		('quarantine', 'record_id'),
		('repairs', 'record_id'),
		('request_log', 'gateway'),
		('request_log', 'logged_at'),
		('sync_runs', 'held_tasks'),
		('sync_tasks', 'held')
$function$;
COMMENT ON FUNCTION ordersync.columns_of_checks() IS
	'the columns of operators'' tables that ordersync_doctor() and ordersync_compare() read besides those of views';

/*
 * The level that a function needs, by its name: a new trigger or set-up call
 * has its level without being entered anywhere.  NULL: in no level.
 */
CREATE OR REPLACE FUNCTION ordersync.functions_by_level()
RETURNS TABLE (routine text, level text)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT p.oid::pg_catalog.regprocedure::text,
		CASE
			-- what views and invokers' functions call as their reader or caller
			WHEN p.proname ~ '^(worker_list|list_.*|page_.*|raise_other_shop|in_transaction_block|prevent_transaction_block)$' THEN 'reader'
			WHEN p.proname ~ '^(check_health_.*|health_.*|compare_.*|read_time|format_.*|is_listed|(interval_)?setting|listed_databases|command_to_list_database|hint_with_command|cron_.*)$' THEN 'reader'
			WHEN p.proname ~ '^((reproject|clean_up|import|schedule)_|apply_privacy_(begin|batch)$)' THEN 'admin'
			WHEN p.proname !~ '^ordersync_' THEN NULL
			WHEN p.proname ~ '^ordersync_(grant|revoke|create_publication|enable_jdp|disable_jdp|keep_secrets|rotate_key|forget_old_keys)$' THEN NULL
			WHEN p.proname ~ '^ordersync_(order|refund)_status(_name)?$' THEN NULL
			WHEN p.proname ~ '^ordersync_(trigger|verify|check|sync$|wait$|cancel$|retry$)' THEN 'operator'
			WHEN p.proname ~ '^ordersync_(add|apply|clean|drop|set|remove|import|lift|forget|pause|resume|schedule|unschedule|reproject)(_|$)' THEN 'admin'
			ELSE 'reader'
		END
	FROM pg_catalog.pg_extension e
	JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
		AND d.refobjid = e.oid
		AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
		AND d.deptype = 'e'
	JOIN pg_catalog.pg_proc p ON p.oid = d.objid
	WHERE e.extname = 'ordersync'
$function$;
COMMENT ON FUNCTION ordersync.functions_by_level() IS
	'the extension''s functions and the level that may call each';
