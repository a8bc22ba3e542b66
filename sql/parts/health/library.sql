/*
 * The library, the extension and the tables: one version, and loaded at the start.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_library()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_server record;
	v_installed text := (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'ordersync');
	v_preloaded text := ordersync.health_visible_setting('shared_preload_libraries');
	v_updates boolean;
BEGIN
	SELECT * INTO v_server
	FROM ordersync.health_server();

	check_name := 'library preloaded';
	ok := v_server.workers <> 'not_preloaded';
	IF ok THEN
		detail := 'ordersync is in shared_preload_libraries';
	ELSE
		detail := 'the server was started without ordersync in shared_preload_libraries: there are no workers';
		hint := CASE
			WHEN (SELECT s.pending_restart FROM pg_settings s WHERE s.name = 'shared_preload_libraries') THEN
				'It has been added. Restart the server: pg_ctl restart'
			-- the list would be taken from others' libraries
			WHEN v_preloaded IS NULL THEN
				'Who is no superuser does not see which libraries are there beside it; as superuser type: SELECT * FROM ordersync_doctor();'
			ELSE format('As superuser type this, then restart the server: ALTER SYSTEM SET shared_preload_libraries = %s;', (
				SELECT string_agg(quote_literal(btrim(l.name, ' "')), ', ' ORDER BY l.i)
				FROM unnest(array_append(string_to_array(NULLIF(v_preloaded, ''), ','), 'ordersync')) WITH ORDINALITY l (name, i)))
		END;
	END IF;
	RETURN NEXT;

	check_name := 'library version';
	ok := v_server.library = v_installed;
	hint := NULL;
	IF ok THEN
		detail := format('library and extension are %s', v_installed);
	ELSE
		detail := format('the library is %s, the extension %s: workers wait', v_server.library, v_installed);
		SELECT bool_or(u.path IS NOT NULL) INTO v_updates
		FROM pg_extension_update_paths('ordersync') u
		WHERE u.source = v_installed
			AND u.target = v_server.library;
		hint := CASE
			WHEN v_updates THEN
				format('As the extension''s owner type: ALTER EXTENSION ordersync UPDATE TO %L;', v_server.library)
			ELSE 'The server was started with another library than the one that is installed. Restart it: pg_ctl restart'
		END;
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_library() IS
	'is the library preloaded, and of the extension''s version? Part of ordersync_doctor()';

/* Alone: what runs as the owner of our functions fails in a schema that is another's. */
CREATE OR REPLACE FUNCTION ordersync.check_health_schema()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_owner name;
	v_super boolean;
	v_creators text;
BEGIN
	check_name := 'schema owner';
	SELECT r.rolname, r.rolsuper
	INTO v_owner, v_super
	FROM pg_namespace n
	JOIN pg_roles r ON r.oid = n.nspowner
	WHERE n.nspname = 'ordersync';
	ok := NOT v_super;
	detail := format('schema ordersync belongs to %s', v_owner);
	IF v_super THEN
		detail := detail || ', a superuser, as whom no worker may act: workers wait';
		hint := 'Type: ALTER SCHEMA ordersync OWNER TO pg_database_owner;';
	ELSE
		-- what is created in it may be called by our functions, as their owner
		SELECT string_agg(CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END, ', ')
		INTO v_creators
		FROM pg_namespace n
		CROSS JOIN LATERAL aclexplode(n.nspacl) x
		WHERE n.nspname = 'ordersync'
			AND x.privilege_type = 'CREATE'
			AND x.grantee <> n.nspowner;
		IF v_creators IS NOT NULL THEN
			ok := false;
			detail := detail || format('; %s may create in it, and so act as its owner', v_creators);
			hint := format('Type: REVOKE CREATE ON SCHEMA ordersync FROM %s;', v_creators);
		END IF;
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_schema() IS
	'does schema ordersync belong to a role as whom workers may act? Part of ordersync_doctor()';

CREATE OR REPLACE FUNCTION ordersync.check_health_tables()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_tables record;
BEGIN
	check_name := 'tables';
	SELECT * INTO v_tables
	FROM ordersync.health_tables();
	ok := NOT v_tables.outdated AND v_tables.missing = '{}';
	IF ok THEN
		detail := format('tables and views are of version %s', v_tables.version);
	ELSE
		ok := false;
		detail := CASE
			WHEN v_tables.version IS NULL THEN 'there are no tables yet'
			WHEN v_tables.missing <> '{}' THEN format('missing: %s', ordersync.health_names(v_tables.missing))
			ELSE format('they were made by version %s, or by another extension or database', v_tables.version)
		END;
		hint := 'The next trigger and the workers do it by themselves; at once, as the database''s owner: SELECT ordersync.set_up();';
		IF v_tables.missing <> '{}' OR v_tables.version IS NULL THEN
			hint := 'As the database''s owner type: SELECT ordersync.set_up();';
		END IF;
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_tables() IS
	'are all tables there, and of the extension''s version? Part of ordersync_doctor()';

CREATE OR REPLACE FUNCTION ordersync.check_health_setup()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_gateways bigint := 0;
	v_shops bigint := 0;
	v_enabled bigint := 0;
	v_gateway text;
BEGIN
	check_name := 'set-up';
	IF to_regclass('ordersync.gateways') IS NOT NULL AND to_regclass('ordersync.shops') IS NOT NULL THEN
		SELECT count(*), min(g.name)
		INTO v_gateways, v_gateway
		FROM ordersync.gateways g;
		SELECT count(*), count(*) FILTER (WHERE s.enabled)
		INTO v_shops, v_enabled
		FROM ordersync.shops s;
	END IF;
	ok := v_gateways > 0 AND v_shops > 0;
	detail := concat_ws(', ', format('gateways: %s', v_gateways), format('shops: %s', v_shops),
		CASE WHEN v_enabled < v_shops THEN format('%s of them paused', v_shops - v_enabled) END);
	hint := CASE
		WHEN v_gateways = 0 THEN
			'Add the way to the platform: SELECT ordersync_add_gateway(''taobao'', ''https://eco.taobao.com/router/rest'', ''app key'', ''app secret'');'
		WHEN v_shops = 0 THEN
			format('Add a shop: SELECT ordersync_add_shop(1, ''seller_nick'', ''session key'', %L);', v_gateway)
	END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_setup() IS
	'is there a gateway and a shop? Part of ordersync_doctor()';
