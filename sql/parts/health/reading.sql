/*
 * What is read, and what is not: data keys near their end, holes, windows that
 * are stuck or failed.
 *
 * Each check reads few rows of a shop, by batch queries: ten thousand shops are
 * looked at in a second.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_key_expiry()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_warning interval := COALESCE(NULLIF(current_setting('ordersync.key_warning', true), ''), '14d')::interval;
	v record;
BEGIN
	check_name := 'expiry of data keys';
	SELECT array_agg(k.shop_id::text ORDER BY k.at, k.shop_id) FILTER (WHERE k.ended) AS ended,
		array_agg(k.shop_id || ' on ' || to_char(timezone('Asia/Shanghai', k.at), 'MM-DD') ORDER BY k.at, k.shop_id)
			FILTER (WHERE NOT k.ended) AS ending,
		(array_agg(k.shop_id ORDER BY k.at, k.shop_id))[1] AS first
	INTO v
	FROM (
		SELECT s.shop_id, s.key_expires_at AS at,
			s.key_expires_at <= now() AS ended
		FROM ordersync.shops s
		WHERE s.enabled
			AND s.key_state <> 'expired'	-- which is for check_health_shops() to tell
			AND s.key_expires_at <= now() + v_warning
	) k;
	ok := v.first IS NULL;
	detail := CASE
		WHEN ok THEN format('none ends within %s, where that is known', v_warning)
		ELSE concat_ws('; ',
			'expired: shops ' || ordersync.health_names(v.ended),
			'ending: shops ' || ordersync.health_names(v.ending))
	END;
	hint := CASE WHEN NOT ok THEN
		format('Have the seller renew the authorisation, then: SELECT ordersync_set_session_key(%s, ''session key'', %L);',
			v.first, to_char(timezone('Asia/Shanghai', now() + interval '1 year'), 'YYYY-MM-DD+08')) END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_key_expiry() IS
	'which data keys have reached the expiry that was typed, or will soon? Part of ordersync_doctor()';

/*
 * A hole lies between ranges that were read by modified, or before the first.
 * While a run of the shop is active it may be about to be closed.  What the
 * platform no longer serves no run can close.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_holes()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_served tstzmultirange := tstzmultirange(tstzrange(now() - interval '2159 hours', NULL));
	v record;
BEGIN
	check_name := 'holes';
	SELECT count(*) AS n,
		array_agg(DISTINCT h.shop_id) AS shops,
		(array_agg(format('shop %s, %s from %s to %s', h.shop_id, h.stream,
			ordersync.format_time(lower(h.holes)),
			ordersync.format_time(upper(h.holes))) ORDER BY h.shop_id, h.stream))[1] AS first
	INTO v
	FROM (
		SELECT c.shop_id, c.stream, (tstzmultirange(range_merge(c.ranges)) - c.ranges) * v_served AS holes
		FROM ordersync.coverage c
		JOIN ordersync.shops s ON s.shop_id = c.shop_id
		LEFT JOIN ordersync.gateways g ON g.name = s.gateway
		WHERE c.basis = 'modified'
			AND s.enabled
			AND c.ranges <> tstzmultirange(range_merge(c.ranges))
			AND COALESCE(s.options -> 'streams' ? CASE c.stream WHEN 'orders' THEN 'orders' ELSE 'after_sales' END, true)
			-- refused to the shop: no run closes it
			AND NOT s.unserved ? c.stream
			AND NOT COALESCE(g.unserved ? c.stream, false)
			AND NOT EXISTS (
				SELECT
				FROM ordersync.sync_runs r
				WHERE r.shop_id = c.shop_id
					AND r.state IN ('pending', 'running'))
	) h
	WHERE h.holes <> '{}';
	ok := v.n = 0;
	detail := CASE
		WHEN ok THEN 'no hole in what was read, but where a run is about to close it'
		ELSE format('shops with holes: %s; %s', cardinality(v.shops), v.first)
	END;
	hint := CASE WHEN NOT ok THEN
		format('Read what is missing: SELECT * FROM ordersync_trigger_all(''incremental'', shop_ids => %L);', v.shops[1:20]) END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_holes() IS
	'are there holes in what was read? Part of ordersync_doctor()';

/*
 * A task is stuck when its worker has it for more than an hour and twenty times
 * the longest call, when its worker is dead and nobody has taken it over, or when
 * it could be claimed and the workers have been idle for ten minutes.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_stuck_windows()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_long interval := GREATEST(interval '1 hour',
		20 * COALESCE(NULLIF(current_setting('ordersync.request_timeout', true), ''), '30s')::interval);
	v_server record;
	v_held record;
	v_waiting record;
	v_idle boolean;
BEGIN
	check_name := 'stuck windows';
	SELECT * INTO v_server
	FROM ordersync.health_server();
	IF v_server.workers <> 'ready' THEN
		detail := 'no worker serves this database: its windows wait';
		RETURN NEXT;
		RETURN;
	END IF;
	SELECT count(*) AS n,
		(array_agg(format('window %s of shop %s since %s', t.task_id, t.shop_id, ordersync.format_time(t.claimed_at))
			ORDER BY t.claimed_at))[1] AS first
	INTO v_held
	FROM ordersync.sync_tasks t
	LEFT JOIN ordersync.health_running_tasks() o ON o.task_id = t.task_id
	WHERE t.state = 'running'
		AND (t.claimed_at < clock_timestamp() - v_long
			OR o.alive IS NOT TRUE AND t.claimed_at < clock_timestamp() - interval '10 minutes');

	SELECT bool_and(w.in_flight = 0 AND GREATEST(w.started_at, w.last_call_at) < clock_timestamp() - interval '10 minutes')
	INTO v_idle
	FROM ordersync.worker_list() w
	WHERE w.database = current_database();
	IF v_idle THEN
		SELECT * INTO v_waiting
		FROM ordersync.health_waiting(interval '10 minutes');
	ELSE
		SELECT 0::bigint AS n, NULL::text AS first INTO v_waiting;
	END IF;

	ok := v_held.n = 0 AND v_waiting.n = 0;
	detail := CASE
		WHEN ok THEN 'none'
		ELSE concat_ws('; ',
			CASE WHEN v_held.n > 0 THEN format('held for long: %s, %s', v_held.n, v_held.first) END,
			CASE WHEN v_waiting.n > 0 THEN format('due and not claimed: %s, %s', v_waiting.n, v_waiting.first) END)
	END;
	hint := CASE WHEN NOT ok THEN
		'Have the workers restarted, which loses nothing; as superuser: '
			|| 'SELECT pg_terminate_backend(pid) FROM ordersync.workers WHERE database = current_database();' END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_stuck_windows() IS
	'are there windows that no worker gets on with? Part of ordersync_doctor()';

CREATE OR REPLACE FUNCTION ordersync.health_waiting(p_for interval, OUT n bigint, OUT first text)
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT count(*),
		(array_agg(format('run %s of shop %s', r.run_id, r.shop_id) ORDER BY r.run_id))[1]
	FROM ordersync.sync_runs r
	JOIN ordersync.shops s ON s.shop_id = r.shop_id
	JOIN ordersync.gateways g ON g.name = s.gateway
	CROSS JOIN LATERAL (
		SELECT t.task_id
		FROM ordersync.sync_tasks t
		WHERE t.run_id = r.run_id
			AND t.state = 'pending'
			AND (NOT t.held OR r.open_tasks = r.held_tasks)
			AND GREATEST(t.made_at, t.next_attempt_at) < clock_timestamp() - p_for
		LIMIT 1
	) t
	WHERE r.state IN ('pending', 'running')
		AND s.enabled
		AND s.key_state IN ('unchecked', 'ok', 'unverified')
		AND g.secret_state = 'ok'
		AND (g.throttled_until IS NULL OR g.throttled_until < clock_timestamp() - p_for)
		-- behind another run of the shop and kind it has not its turn
		AND (r.kind IN ('order', 'check') OR NOT EXISTS (
			SELECT
			FROM ordersync.sync_runs e
			WHERE e.shop_id = r.shop_id
				AND e.kind = r.kind
				AND e.state IN ('pending', 'running')
				AND e.run_id < r.run_id))
$function$;
COMMENT ON FUNCTION ordersync.health_waiting(interval) IS
	'how many runs have a window that has been due for so long and that a worker could claim, and the first of them';

/* What failed and is not read since is decided by failed_tasks alone; the last ten thousand are counted. */
CREATE OR REPLACE FUNCTION ordersync.check_health_failed_windows()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
BEGIN
	check_name := 'failed windows';
	SELECT count(*) AS n,
		array_agg(DISTINCT f.shop_id) AS shops,
		array_agg(DISTINCT f.run_id) AS runs,
		(array_agg(format('the last: shop %s, %s: %s', f.shop_id, COALESCE(f.error_class, f.state), left(f.error, 120))
			ORDER BY f.finished_at DESC))[1] AS last
	INTO v
	FROM (
		SELECT t.shop_id, t.run_id, t.error_class, t.state, t.error, t.finished_at
		FROM ordersync.failed_tasks t
		JOIN ordersync.shops s ON s.shop_id = t.shop_id
		WHERE t.state IN ('failed', 'incomplete')
			AND NOT t.covered
			AND t.kind <> 'check'		-- data keys have their own line
			AND s.enabled
		ORDER BY t.finished_at DESC
		LIMIT 10000
	) f;
	ok := v.n = 0;
	detail := CASE
		WHEN ok THEN 'none that was not read since'
		ELSE concat_ws('; ', format('not read since: %s, of shops %s', v.n, ordersync.health_names(v.shops::text[])), v.last)
	END;
	hint := CASE WHEN NOT ok THEN
		'What to do for each is in ordersync.failed_tasks, column what_to_do; then: '
			|| format('SELECT ordersync_retry(r) FROM unnest(%L::bigint[]) r;', v.runs[1:10]) END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_failed_windows() IS
	'which windows failed and were not read since? Part of ordersync_doctor()';
