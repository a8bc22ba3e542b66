/*
 * Making and changing the tables: set_up() brings everything to this version.
 *
 * It runs as pg_database_owner, so that whoever calls it, what it makes belongs
 * to the role that is there in every cluster and is not a superuser.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET client_min_messages = warning
AS $function$
BEGIN
	-- two first calls at once would both find nothing and both make it
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('set_up'));

	PERFORM ordersync.add_missing_columns();
	PERFORM ordersync.set_up_queue();
	PERFORM ordersync.set_up_data();
	PERFORM ordersync.set_up_payload_cuts();
	PERFORM ordersync.set_up_added_fields();
	PERFORM ordersync.renew_views();
	PERFORM ordersync.make_log_partitions();
	PERFORM ordersync.set_up_policies();
	PERFORM ordersync.apply_grants();
	PERFORM ordersync.adopt_tasks();
	PERFORM ordersync.set_gateway_abilities(NULL);

	INSERT INTO ordersync.installation AS i (version, extension, database)
	SELECT e.extversion, e.oid, d.oid
	FROM pg_catalog.pg_extension e
	CROSS JOIN pg_catalog.pg_database d
	WHERE e.extname = 'ordersync'
		AND d.datname = pg_catalog.current_database()
	ON CONFLICT (one) DO UPDATE
	SET version = excluded.version,
		extension = excluded.extension,
		database = excluded.database,
		set_up_at = now();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up() IS
	'creates missing tables and views, adopts those restored from a dump, brings older ones up to date, applies grants again';

CREATE OR REPLACE FUNCTION ordersync.adopt_tasks()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	/*
	 * From a dump that was taken while its workers were busy: they may well be
	 * alive, beside us on this server, but they will never settle these rows.
	 */
	UPDATE ordersync.sync_tasks t
	SET state = 'pending',
		owner = NULL,
		token = NULL
	FROM ordersync.installation i, pg_catalog.pg_database d, pg_catalog.pg_extension e
	WHERE t.state = 'running'
		AND d.datname = pg_catalog.current_database()
		AND e.extname = 'ordersync'
		AND (i.database IS DISTINCT FROM d.oid OR i.extension IS DISTINCT FROM e.oid)
$function$;
COMMENT ON FUNCTION ordersync.adopt_tasks() IS
	'frees the tasks that were running when a dump was taken; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.is_outdated()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE		-- volatile: it must see what was committed while a lock was waited for
AS $function$
DECLARE
	v_current boolean;
BEGIN
	IF pg_catalog.to_regclass('ordersync.installation') IS NULL THEN
		RETURN true;
	END IF;
	-- an extension made anew has lost its grants, though the tables are there
	SELECT i.version = e.extversion AND i.extension = e.oid AND i.database = d.oid
	INTO v_current
	FROM ordersync.installation i, pg_catalog.pg_extension e, pg_catalog.pg_database d
	WHERE e.extname = 'ordersync'
		AND d.datname = pg_catalog.current_database();
	RETURN v_current IS NOT TRUE;
END
$function$;
COMMENT ON FUNCTION ordersync.is_outdated() IS
	'are the tables missing, or made by another version, extension or database?';

CREATE OR REPLACE FUNCTION ordersync.set_up_if_outdated()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF NOT ordersync.is_outdated() THEN
		RETURN false;
	END IF;
	-- of two that find it so, the second waits here, and has nothing left to do
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('set_up'));
	IF NOT ordersync.is_outdated() THEN
		RETURN false;
	END IF;
	PERFORM ordersync.set_up();
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_if_outdated() IS
	'calls ordersync.set_up() where the tables are missing or another version made them; true when it did';
