/*
 * What a trigger says: a NOTICE with run, shop and range; or, when no worker
 * will serve it, a WARNING that is the same for every reason, so that output
 * can be compared, with the reason and the command to type beneath it.
 */
CREATE OR REPLACE FUNCTION ordersync.announce_run(p_run bigint, p_joined boolean, p_shortened boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_run ordersync.sync_runs;
	v_shop ordersync.shops;
	v_before bigint;
	v_tasks bigint;
BEGIN
	SELECT r.* INTO v_run
	FROM ordersync.sync_runs r
	WHERE r.run_id = p_run;
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = v_run.shop_id;
	SELECT pg_catalog.max(r.run_id) INTO v_before
	FROM ordersync.sync_runs r
	WHERE r.shop_id = v_run.shop_id
		AND r.kind = v_run.kind
		AND r.state IN ('pending', 'running')
		AND r.run_id < p_run;
	SELECT pg_catalog.count(*) INTO v_tasks
	FROM ordersync.sync_tasks t
	WHERE t.run_id = p_run;

	PERFORM ordersync.announce(
		pg_catalog.concat_ws(', ',
			pg_catalog.format(
				CASE WHEN p_joined
					THEN 'joined run %s, which covers what is asked: %s sync of shop %s (%s)'
					ELSE 'run %s: %s sync of shop %s (%s)'
				END, p_run, v_run.kind, v_run.shop_id, v_shop.seller_nick),
			COALESCE('order ' || v_run.tid,
				CASE WHEN v_run.kind <> 'check' THEN ordersync.format_range(v_run.since, v_run.until) END),
			CASE WHEN p_shortened AND NOT p_joined
				THEN 'shortened to the platform''s now - ' || ordersync.setting('lag') END,
			CASE WHEN NOT p_joined THEN ordersync.starts_at_commit() END),
		NULLIF(pg_catalog.concat_ws(' ',
			CASE WHEN v_run.tid IS NULL AND v_run.kind <> 'check' THEN pg_catalog.format('It has %s windows.', v_tasks) END,
			CASE WHEN v_run.kind NOT IN ('order', 'check') THEN
				'It waits for run ' || v_before || ', which is of the same shop and kind.'
			END,
			'No longer served by the platform, and lost: ' || ordersync.format_ranges(v_run.lost) || '.'), ''));

	IF NOT v_shop.enabled THEN
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('shop %s is paused', v_shop.shop_id),
			HINT = pg_catalog.format('To resume it: SELECT ordersync_resume_shop(%s).', v_shop.shop_id);
	END IF;
	PERFORM ordersync.warn_keys(ARRAY[v_run.shop_id]);
END
$function$;
COMMENT ON FUNCTION ordersync.announce_run(bigint, boolean, boolean) IS
	'reports to the caller of a trigger which run serves it';

CREATE OR REPLACE FUNCTION ordersync.announce(p_message text, p_detail text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_state text := ordersync.worker_state();
BEGIN
	IF v_state = 'ready' THEN
		IF p_detail IS NULL THEN
			RAISE NOTICE USING MESSAGE = p_message;
		ELSE
			RAISE NOTICE USING MESSAGE = p_message, DETAIL = p_detail;
		END IF;
	ELSE
		PERFORM ordersync.warn_no_worker(v_state,
			pg_catalog.concat_ws(' ', 'Stored: ' || p_message || '.', p_detail));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.announce(text, text) IS
	'raises a NOTICE if a worker will serve what was stored, otherwise the WARNING that none will';

CREATE OR REPLACE FUNCTION ordersync.warn_no_worker(p_state text, p_stored text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_line text := ordersync.command_to_list_database(COALESCE(ordersync.setting('databases'), ''));
BEGIN
	RAISE WARNING USING
		MESSAGE = 'no worker serves this database, runs wait',
		DETAIL = pg_catalog.concat_ws(' ', p_stored, CASE p_state
			WHEN 'not_preloaded' THEN 'The server was started without ordersync in shared_preload_libraries.'
			WHEN 'not_listed' THEN pg_catalog.format('Database "%s" is not in ordersync.databases.', pg_catalog.current_database())
			WHEN 'disabled' THEN 'The setting ordersync.enabled is off.'
			WHEN 'no_worker' THEN 'No worker is running.'
			ELSE pg_catalog.format('The workers'' state is %s.', p_state)
		END),
		HINT = CASE p_state
			WHEN 'not_preloaded' THEN 'As superuser add ordersync to shared_preload_libraries, type '
				|| v_line || ' and restart the server.'
			WHEN 'not_listed' THEN 'As superuser type: ' || v_line || ' SELECT pg_reload_conf();'
			WHEN 'disabled' THEN 'As superuser type: ALTER SYSTEM SET ordersync.enabled = on; SELECT pg_reload_conf();'
			ELSE 'The server log says why; max_worker_processes may be too low.'
		END;
END
$function$;
COMMENT ON FUNCTION ordersync.warn_no_worker(text, text) IS
	'raises the WARNING that no worker will serve a run, with the reason and the command to type';
