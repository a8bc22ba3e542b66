/*
 * Making and keeping the tables: set_up() brings everything to this version,
 * keep_house() is what the worker calls at its start and once a day.
 *
 * set_up() runs as pg_database_owner, so that whoever calls it, what it makes
 * belongs to the role that is there in every cluster and is no superuser.
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
	PERFORM ordersync.apply_grants();
	PERFORM ordersync.adopt_tasks();

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
	'makes missing tables and views, adopts those restored from a dump, brings older ones up to date, applies grants again';

/*
 * A view is replaced when nobody has it in an open transaction.  Waiting for
 * one would make all its readers wait, so it is not waited for: the worker tries
 * again at its next round, everybody else is told whom to wait for.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_views()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
BEGIN
	PERFORM ordersync.set_up_reports();
	PERFORM ordersync.set_up_sales();
	PERFORM ordersync.set_up_stages();
	PERFORM ordersync.comment_reports();
	PERFORM ordersync.set_up_completeness();
	PERFORM ordersync.set_up_progress();
EXCEPTION
	WHEN lock_not_available THEN
		PERFORM ordersync.refuse_views_in_use(ARRAY(
			SELECT c.relname::text
			FROM pg_catalog.pg_class c
			WHERE c.relnamespace = 'ordersync'::pg_catalog.regnamespace
				AND c.relkind = 'v'));
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_views() IS
	'makes or replaces the views, or gives up after two seconds of waiting for who reads one; part of ordersync.set_up()';

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

CREATE OR REPLACE FUNCTION ordersync.set_up_when_older()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_version text;
	v_extension oid;
	v_database oid;
	v_current boolean;
BEGIN
	SELECT e.extversion, e.oid, d.oid
	INTO v_version, v_extension, v_database
	FROM pg_catalog.pg_extension e
	CROSS JOIN pg_catalog.pg_database d
	WHERE e.extname = 'ordersync'
		AND d.datname = pg_catalog.current_database();

	IF pg_catalog.to_regclass('ordersync.installation') IS NOT NULL THEN
		-- an extension made anew has lost its grants, though the tables are there
		SELECT i.version = v_version AND i.extension = v_extension AND i.database = v_database
		INTO v_current
		FROM ordersync.installation i;
	END IF;

	IF v_current IS TRUE THEN
		RETURN false;
	END IF;

	PERFORM ordersync.set_up();
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_when_older() IS
	'calls ordersync.set_up() where the tables are missing or another version made them; true when it did';

CREATE OR REPLACE FUNCTION ordersync.keep_house()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_message text;
	v_detail text;
BEGIN
	IF pg_catalog.to_regclass('ordersync.installation') IS NULL THEN
		RETURN false;			-- nothing is set up yet: the first gateway does it
	END IF;
	BEGIN
		IF ordersync.set_up_when_older() THEN
			RETURN true;			-- made the partitions on its way, and took its time
		END IF;
	EXCEPTION
		WHEN lock_not_available THEN
			GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL;
			-- the worker itself keeps quiet about locks
			RAISE LOG USING
				MESSAGE = pg_catalog.format('ordersync tries again later: %s', v_message),
				DETAIL = v_detail;
			RAISE;
	END;
	PERFORM ordersync.make_log_partitions();
	RETURN ordersync.cut_payloads();
END
$function$;
COMMENT ON FUNCTION ordersync.keep_house() IS
	'brings tables to the installed version, makes the request log''s partitions for today and seven days, cuts payloads; true when there is more to do soon. Called by the worker at its start and daily';

CREATE OR REPLACE FUNCTION ordersync.make_log_partitions()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
DECLARE
	v_day date;
	v_name text;
BEGIN
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('log_partitions'));

	FOR v_day IN
		SELECT (pg_catalog.now() AT TIME ZONE 'Asia/Shanghai')::date + n
		FROM pg_catalog.generate_series(0, 7) AS n
	LOOP
		v_name := 'request_log_' || pg_catalog.to_char(v_day, 'YYYYMMDD');
		CONTINUE WHEN pg_catalog.to_regclass('ordersync.' || v_name) IS NOT NULL;

		BEGIN
			/*
			 * Made apart and attached: that locks out neither readers nor
			 * writers of the log, as CREATE TABLE ... PARTITION OF would.
			 */
			EXECUTE pg_catalog.format(
				'CREATE TABLE ordersync.%I (LIKE ordersync.request_log INCLUDING DEFAULTS INCLUDING COMMENTS)',
				v_name);
			-- LIKE does not take it over
			EXECUTE pg_catalog.format('ALTER TABLE ordersync.%I REPLICA IDENTITY FULL', v_name);
			EXECUTE pg_catalog.format(
				'ALTER TABLE ordersync.request_log ATTACH PARTITION ordersync.%I FOR VALUES FROM (%L) TO (%L)',
				v_name,
				pg_catalog.timezone('Asia/Shanghai', v_day::timestamp),
				pg_catalog.timezone('Asia/Shanghai', (v_day + 1)::timestamp));
		EXCEPTION
			-- somebody reads the rest, or it holds rows of that day: it goes on taking them
			WHEN lock_not_available OR check_violation THEN
				NULL;
		END;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.make_log_partitions() IS
	'makes the request log''s partitions, one a day of Asia/Shanghai, for today and seven days ahead';

CREATE OR REPLACE FUNCTION ordersync.lock_key(p_name text)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $function$
	SELECT pg_catalog.hashtextextended('ordersync/' || p_name, 0)
$function$;
COMMENT ON FUNCTION ordersync.lock_key(text) IS
	'the advisory lock of that name';
