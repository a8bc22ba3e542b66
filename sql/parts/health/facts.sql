/*
 * What the doctor's checks ask beyond tables: of the library, of the key file, of
 * tables that no level reads.
 *
 * The checks run with their caller's rights, so that each sees what it may see.
 * What every reader may know, and nobody may read where it stands, is told by
 * the health_ functions, which belong to level reader (functions_by_level).
 */
CREATE OR REPLACE FUNCTION ordersync.library_version()
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_library_version';
COMMENT ON FUNCTION ordersync.library_version() IS
	'version of the library that is loaded';

CREATE OR REPLACE FUNCTION ordersync.health_certificates(
	OUT file text,
	OUT file_trouble text,
	OUT system text,
	OUT system_trouble text)
LANGUAGE c VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_certificates';
COMMENT ON FUNCTION ordersync.health_certificates() IS
	'where the certificates are that gateways are verified with, and why they cannot be read: the file that ordersync.ca_file names, and the one that libcurl uses by itself';

CREATE OR REPLACE FUNCTION ordersync.health_server(
	OUT library text,
	OUT workers text,
	OUT enabled boolean,
	OUT databases text,
	OUT workers_wanted integer)
LANGUAGE sql STABLE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT ordersync.library_version(),
		ordersync.worker_state(),
		ordersync.setting('enabled')::boolean,
		ordersync.setting('databases'),
		ordersync.setting('workers')::integer
$function$;
COMMENT ON FUNCTION ordersync.health_server() IS
	'version of the library, state of the workers (see ordersync.worker_state), and the settings that say which workers there should be';

CREATE OR REPLACE FUNCTION ordersync.health_tables(OUT version text, OUT outdated boolean, OUT missing text[])
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF to_regclass('ordersync.installation') IS NULL THEN
		RETURN;
	END IF;
	SELECT i.version INTO version
	FROM ordersync.installation i;
	outdated := ordersync.is_outdated();
	missing := ARRAY(
		SELECT t.name
		FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales', 'order_report', 'sub_order_report', 'after_sale_report',
			{{tables}},
			{{views}}]) t (name)
		WHERE to_regclass('ordersync.' || t.name) IS NULL
		GROUP BY t.name
		ORDER BY t.name);
END
$function$;
COMMENT ON FUNCTION ordersync.health_tables() IS
	'which version made the tables, whether they are of another than the extension, and which tables and views are missing; NULL before any is made';

/* Of many data keys a few are tried: a wrong key file opens none. */
CREATE OR REPLACE FUNCTION ordersync.health_key_file(
	OUT state text,
	OUT why text,
	OUT missed_elsewhere boolean,
	OUT keys integer,
	OUT sealed bigint,
	OUT outdated bigint,
	OUT tried bigint,
	OUT unopened bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	SELECT k.state, k.why, k.missed_elsewhere, k.keys
	INTO state, why, missed_elsewhere, keys
	FROM ordersync.key_file() k;
	IF to_regclass('ordersync.secrets') IS NULL THEN
		RETURN;
	END IF;
	SELECT count(*) INTO sealed
	FROM ordersync.secrets s;
	IF state = 'ready' THEN
		outdated := ordersync.outdated_secrets();
		SELECT count(*), count(*) FILTER (WHERE NOT ordersync.can_open(s.sealed, s.kind, s.name, s.destination))
		INTO tried, unopened
		FROM (
			(SELECT * FROM ordersync.secrets a WHERE a.kind <> 'data_key' ORDER BY a.updated_at DESC LIMIT 50)
			UNION ALL
			(SELECT * FROM ordersync.secrets d WHERE d.kind = 'data_key' ORDER BY d.updated_at LIMIT 50)
			UNION ALL
			-- what a worker could not open
			(SELECT d.* FROM ordersync.secrets d
			JOIN ordersync.shops p ON d.kind = 'data_key' AND d.name = p.shop_id::text
			WHERE p.key_state = 'key_unreadable' LIMIT 50)
		) s;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.health_key_file() IS
	'state of the key file (see ordersync.key_file), how many secrets are sealed, how many of them not with its newest key, how many were tried, and how many of these it does not open';

CREATE OR REPLACE FUNCTION ordersync.health_refusal(p_url text, p_proxy text, OUT message text, OUT hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_url(p_url);
	PERFORM ordersync.check_proxy(p_proxy);
EXCEPTION
	WHEN invalid_parameter_value THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END
$function$;
COMMENT ON FUNCTION ordersync.health_refusal(text, text) IS
	'why a gateway of that URL and proxy may not be called, and what allows it; NULL when it may';

/* The tasks that workers have, by worker: a few rows, however many shops. */
/* Whose they are, readers do not see. */
CREATE OR REPLACE FUNCTION ordersync.health_running_tasks()
RETURNS TABLE (task_id bigint, alive boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	WITH owners AS MATERIALIZED (
		SELECT o.owner, ordersync.worker_alive(o.owner) AS alive
		FROM (
			SELECT DISTINCT t.owner
			FROM ordersync.sync_tasks t
			WHERE t.state = 'running'
		) o
	)
	SELECT t.task_id, o.alive
	FROM ordersync.sync_tasks t
	JOIN owners o ON o.owner = t.owner
	WHERE t.state = 'running'
$function$;
COMMENT ON FUNCTION ordersync.health_running_tasks() IS
	'the tasks that a worker has, and whether it is alive';

/* Names as a person reads them: the first few, and how many more. */
CREATE OR REPLACE FUNCTION ordersync.health_names(p_names text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.array_to_string(p_names[1:5], ', ')
		|| CASE WHEN pg_catalog.cardinality(p_names) > 5 THEN
			pg_catalog.format(' and %s more', pg_catalog.cardinality(p_names) - 5)
		ELSE '' END
$function$;
COMMENT ON FUNCTION ordersync.health_names(text[]) IS
	'a list of names for a message: five of them, and how many more there are';

/* The setting is superusers' and pg_read_all_settings'; NULL for others. */
CREATE OR REPLACE FUNCTION ordersync.health_visible_setting(p_name text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT s.setting
	FROM pg_catalog.pg_settings s
	WHERE s.name = p_name
$function$;
COMMENT ON FUNCTION ordersync.health_visible_setting(text) IS
	'value of a setting of the server, NULL where the caller may not see it';
