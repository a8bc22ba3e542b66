/*
 * The workers: that they may run, that they run, and that the server has room for them.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_settings()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_server record;
BEGIN
	SELECT * INTO v_server
	FROM ordersync.health_server();

	check_name := 'workers enabled';
	ok := v_server.enabled;
	detail := 'ordersync.enabled is ' || CASE WHEN ok THEN 'on' ELSE 'off: no worker runs, in no database' END;
	hint := CASE WHEN NOT ok THEN 'As superuser type: ALTER SYSTEM SET ordersync.enabled = on; SELECT pg_reload_conf();' END;
	RETURN NEXT;

	check_name := 'database listed';
	ok := ordersync.is_listed(v_server.databases);
	detail := CASE
		WHEN ok THEN format('"%s" is in ordersync.databases', current_database())
		WHEN btrim(v_server.databases) = '' THEN 'ordersync.databases is empty: no database has workers'
		ELSE format('"%s" is not in ordersync.databases (%s): it has no worker', current_database(), v_server.databases)
	END;
	hint := CASE WHEN NOT ok THEN
		'As superuser type: ' || ordersync.command_to_list_database(v_server.databases) || ' SELECT pg_reload_conf();' END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_settings() IS
	'are workers enabled, and for this database? Part of ordersync_doctor()';

/*
 * What keeps workers from running is said by the checks of settings and library;
 * here it is only named.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_workers()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_server record;
	v_here record;
	v_others text;
BEGIN
	check_name := 'workers';
	SELECT * INTO v_server
	FROM ordersync.health_server();
	SELECT count(*) FILTER (WHERE w.pid IS NOT NULL) AS running,
		string_agg(DISTINCT w.state, ', ') AS states,
		max(w.started_at) AS started_at,
		(array_agg(w.last_error ORDER BY w.last_error_at DESC) FILTER (WHERE w.last_error IS NOT NULL))[1] AS error,
		max(w.last_error_at) AS error_at
	INTO v_here
	FROM ordersync.worker_list() w
	WHERE w.database = current_database();
	SELECT string_agg(format('%s in %s', o.n, o.database), ', ' ORDER BY o.database) INTO v_others
	FROM (
		SELECT w.database, count(*) AS n
		FROM ordersync.worker_list() w
		WHERE w.database <> current_database()
		GROUP BY w.database
	) o;

	IF pg_is_in_recovery() THEN
		detail := 'this server is a standby: workers start when it is promoted';
	ELSIF v_server.workers IN ('not_preloaded', 'disabled', 'not_listed') THEN
		detail := 'none in this database, see "' || CASE v_server.workers
			WHEN 'not_preloaded' THEN 'library preloaded'
			WHEN 'disabled' THEN 'workers enabled'
			ELSE 'database listed'
		END || '"';
	ELSE
		ok := v_here.running >= v_server.workers_wanted;
		detail := format('%s of %s in %s', v_here.running, v_server.workers_wanted, current_database());
		hint := CASE WHEN NOT ok THEN
			'Workers that end are started again within ten seconds; if "worker slots" is well and they are not, the server log says why they end. '
				|| 'To have the launcher look at once, as superuser: SELECT pg_reload_conf();' END;
	END IF;
	detail := concat_ws('; ', detail,
		v_here.states,
		'the youngest since ' || ordersync.format_time(v_here.started_at),
		'last error: ' || v_here.error || ' at ' || ordersync.format_time(v_here.error_at),
		'besides ' || v_others);
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_workers() IS
	'how many workers are alive, and in which database? Part of ordersync_doctor()';

CREATE OR REPLACE FUNCTION ordersync.check_health_worker_slots()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_server record;
	v_slots integer := current_setting('max_worker_processes')::integer;
	v_wanted bigint;
	v_others bigint;
	v_visible boolean;
BEGIN
	check_name := 'worker slots';
	SELECT * INTO v_server
	FROM ordersync.health_server();
	-- the launcher, and each listed database's workers
	SELECT 1 + count(*) * v_server.workers_wanted INTO v_wanted
	FROM pg_database d
	WHERE d.datname = ANY (ordersync.listed_databases(v_server.databases));
	-- what others may do is hidden from those who may not see it
	SELECT count(*) FILTER (WHERE a.backend_type NOT IN ('ordersync launcher', 'ordersync worker', 'parallel worker')),
		bool_and(a.backend_type IS NOT NULL)
	INTO v_others, v_visible
	FROM pg_stat_activity a
	WHERE a.backend_type IS NULL
		OR a.backend_type NOT IN ('client backend', 'autovacuum launcher', 'autovacuum worker', 'checkpointer',
			'background writer', 'walwriter', 'walsender', 'walreceiver', 'walsummarizer', 'startup', 'archiver', 'logger',
			'slotsync worker', 'io worker', 'standalone backend');

	IF v_server.workers = 'not_preloaded' THEN
		detail := 'none are taken, see "library preloaded"';
		RETURN NEXT;
		RETURN;
	END IF;
	ok := v_wanted + v_others <= v_slots;
	detail := format('max_worker_processes is %s; ordersync needs %s, others have %s', v_slots, v_wanted, v_others);
	IF ok THEN
		detail := detail || format(', %s are left', v_slots - v_wanted - v_others);
	ELSE
		hint := format('As superuser type this, then restart the server: ALTER SYSTEM SET max_worker_processes = %s;',
			v_wanted + v_others + 4);
	END IF;
	IF ok AND NOT v_visible THEN
		ok := NULL;
		detail := format('max_worker_processes is %s; ordersync needs %s, what others have only pg_read_all_stats sees', v_slots, v_wanted);
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_worker_slots() IS
	'has the server room for the workers of all listed databases? Part of ordersync_doctor()';
