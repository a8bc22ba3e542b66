/*
 * Claiming: a worker takes tasks that it may run now.
 *
 * Which comes first is picking's.  The unit of fairness is the shop, the unit of
 * turn is the run: of each shop and kind only the oldest active run is served.  A
 * task whose owner is not alive any more is free at once.  Tasks are looked for
 * without locks, then locked one by one with SKIP LOCKED and looked at again under
 * the lock, so that no task has two owners however many claim.
 */
CREATE OR REPLACE FUNCTION ordersync.assign_tasks(p_owner text, p_tasks bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_tasks = '{}' THEN
		RETURN;
	END IF;
	UPDATE ordersync.sync_tasks t
	SET state = 'running',
		owner = p_owner,
		worker_pid = pg_catalog.pg_backend_pid(),
		token = ordersync.new_token(),
		attempt = t.attempt + 1,
		next_attempt_at = NULL,
		began_at = CASE WHEN t.walk IS NULL THEN pg_catalog.clock_timestamp() ELSE t.began_at END,
		claimed_at = pg_catalog.clock_timestamp()
	WHERE t.task_id = ANY (p_tasks);
END
$function$;
COMMENT ON FUNCTION ordersync.assign_tasks(text, bigint[]) IS
	'makes a worker the owner of tasks that are locked; part of ordersync.claim()';

CREATE OR REPLACE FUNCTION ordersync.assign_due_tasks(p_owner text, p_max integer, p_max_active_shops integer, p_places jsonb)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_claimed bigint[];
	v_some record;
	v_exact boolean;
	v_each integer;
	v_last integer := 3;
	-- the other places are for what somebody waits for
	v_max integer := LEAST(p_max, COALESCE((p_places ->> 'most')::integer, p_max));
	v_places jsonb := p_places;
BEGIN
	v_claimed := ordersync.probe_tasks(p_max);
	PERFORM ordersync.assign_tasks(p_owner, v_claimed);
	IF p_places IS NOT NULL AND (
			SELECT pg_catalog.count(*) < 2
			FROM ordersync.gateways g
			CROSS JOIN LATERAL (
				SELECT
				FROM ordersync.shops s
				WHERE s.gateway = g.name
					AND s.enabled
				LIMIT 1
			) s) THEN
		v_places := NULL;			-- there is nobody to keep a place for
	END IF;
	/*
	 * Evenness is exact as long as looking at p_max tasks of each run is cheap.
	 * With many runs one task of each fills the worker; only where that does not,
	 * all that have its priority are asked for more, before the next priority is.
	 */
	SELECT pg_catalog.count(*) * p_max <= 1024
	INTO v_exact
	FROM (
		SELECT
		FROM ordersync.sync_runs r
		WHERE r.state IN ('pending', 'running')
		LIMIT 1024 / p_max + 1
	) r;
	v_each := CASE WHEN v_exact THEN p_max ELSE 1 END;
	WHILE pg_catalog.cardinality(v_claimed) < v_max LOOP
		v_some := ordersync.pick_tasks(v_max - pg_catalog.cardinality(v_claimed), v_each,
			COALESCE(NULLIF(p_max_active_shops, 0), 2147483647), v_last, v_each < p_max, v_places);
		PERFORM ordersync.assign_tasks(p_owner, v_some.tasks);
		v_claimed := v_claimed || v_some.tasks;
		EXIT WHEN v_exact
			OR v_each = 1 AND v_some.tasks = '{}';
		v_last := CASE WHEN v_each = 1 THEN v_some.priority ELSE 3 END;
		v_each := CASE WHEN v_each = 1 THEN p_max ELSE 1 END;
	END LOOP;
	IF v_max < p_max AND pg_catalog.cardinality(v_claimed) < p_max AND EXISTS (
			SELECT
			FROM ordersync.sync_runs r
			WHERE r.priority = 0
				AND r.lot IS NOT NULL) THEN
		v_some := ordersync.pick_tasks(p_max - pg_catalog.cardinality(v_claimed), p_max,
			COALESCE(NULLIF(p_max_active_shops, 0), 2147483647), 0, false, NULL);
		PERFORM ordersync.assign_tasks(p_owner, v_some.tasks);
		v_claimed := v_claimed || v_some.tasks;
	END IF;
	RETURN v_claimed;
END
$function$;
COMMENT ON FUNCTION ordersync.assign_due_tasks(text, integer, integer, jsonb) IS
	'assigns due tasks to a worker, at most so many, by priority and fairly between shops, and returns them. Called by claim, with whose settings its statements are planned';

CREATE OR REPLACE FUNCTION ordersync.claim(p_owner text, p_max integer, p_max_active_shops integer, p_places jsonb DEFAULT NULL)
RETURNS TABLE (
	task_id bigint,
	run_id bigint,
	token bigint,
	shop_id bigint,
	stream text,
	basis text,
	since_s bigint, until_s bigint,
	fresh boolean,
	may_cut boolean,
	work text,
	history boolean, ext_type text, details_of text,
	follow_up boolean,
	ids bigint[],
	attempt integer, failed_before boolean,
	walk jsonb,
	key_check boolean, require_seller boolean, refusals boolean,
	seller_nicks text[],
	fields_add text[], fields_drop text[],
	sealed_data_key bytea,
	gateway text,
	base_url text, app_key text, sealed_app_secret bytea,
	protocol text, sign_method text,
	proxy text,
	types_add text,
	page_size integer,
	calls_per_second double precision,
	clock_offset_ms bigint, lifted_ms bigint,
	kind text,
	secret_names text[],		-- of the gateway's other secrets, behind their kinds
	sealed_secrets bytea[],
	priority integer,
	calls_in_flight integer, calls_per_day bigint, calls_per_day_reserved bigint,
	version_us bigint,
	method_weights text[], method_bans text[],
	gateway_options jsonb,
	key_recheck boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
	v_claimed bigint[];
	v_rechecks bigint[];
BEGIN
	PERFORM ordersync.reclaim_tasks();
	v_claimed := ordersync.assign_due_tasks(p_owner, p_max, p_max_active_shops, p_places);
	IF v_claimed = '{}' THEN
		RETURN;
	END IF;

	PERFORM ordersync.start_runs(v_claimed);
	v_rechecks := ordersync.key_rechecks(v_claimed);
	RETURN QUERY
	SELECT t.task_id, t.run_id, t.token, t.shop_id, t.stream, t.basis,
		EXTRACT(epoch FROM t.since)::bigint,
		EXTRACT(epoch FROM t.until)::bigint,
		t.fresh, NOT t.is_part, t.work, t.history, t.ext_type, t.details_of,
		t.work = 'store' AND t.stream <> 'details'
			AND (COALESCE(t.reason IN ('arrival', 'verify'), false)
				-- what is archived is served by its list alone
				OR COALESCE(s.options ->> 'details' = 'changed', false) AND NOT t.history),
		t.ids, t.attempt, t.attempt > 1 OR t.splits > 0, t.walk,
		s.key_state IN ('unchecked', 'expired') OR t.task_id = ANY (v_rechecks), s.key_state = 'unverified',
		COALESCE(q.refused, false),
		s.seller_nicks,
		CASE WHEN s.options ? 'fields_add' THEN ordersync.option_names(s.options -> 'fields_add') END,
		CASE WHEN s.options ? 'fields_drop' THEN ordersync.option_names(s.options -> 'fields_drop') END,
		k.sealed,
		g.name, g.base_url, g.app_key, a.sealed, g.protocol, g.sign_method,
		g.options ->> 'proxy',
		CASE WHEN g.options ? 'types_add' THEN ordersync.types_added(g.options) END,
		COALESCE(t.page_size, (g.options ->> 'page_size')::integer, ordersync.setting('page_size')::integer),
		COALESCE((g.options ->> 'calls_per_second')::double precision, 0),
		(EXTRACT(epoch FROM g.clock_offset) * 1000)::bigint,
		COALESCE((EXTRACT(epoch FROM g.lifted_at) * 1000)::bigint, 0),
		COALESCE(r.kind, ''),
		o.names, o.sealed,
		COALESCE(r.priority, 3),
		(g.options ->> 'calls_in_flight')::integer,
		(g.options ->> 'calls_per_day')::bigint,
		CASE WHEN g.options ? 'calls_per_day' THEN ordersync.reserved_calls(g.options) END,
		(EXTRACT(epoch FROM g.updated_at) * 1000000)::bigint,
		CASE WHEN g.options ? 'method_weights' THEN ordersync.method_values(g.options -> 'method_weights') END,
		CASE WHEN g.method_bans <> '{}' THEN ordersync.method_values(g.method_bans) END,
		CASE WHEN g.options ? g.protocol THEN pg_catalog.jsonb_build_object(g.protocol, g.options -> g.protocol) END,
		t.task_id = ANY (v_rechecks)
	FROM pg_catalog.unnest(v_claimed) c (task_id)
	CROSS JOIN LATERAL (
		SELECT t.*
		FROM ordersync.sync_tasks t
		WHERE t.task_id = c.task_id
		OFFSET 0
	) t
	LEFT JOIN LATERAL (
		SELECT r.kind, r.priority
		FROM ordersync.sync_runs r
		WHERE r.run_id = t.run_id
		OFFSET 0
	) r ON true
	CROSS JOIN LATERAL (
		SELECT s.shop_id, s.gateway, s.options, s.key_state, s.seller_nicks
		FROM ordersync.shops s
		WHERE s.shop_id = t.shop_id
		OFFSET 0
	) s
	CROSS JOIN LATERAL (
		SELECT g.*
		FROM ordersync.gateways g
		WHERE g.name = s.gateway
		OFFSET 0
	) g
	LEFT JOIN LATERAL (
		SELECT k.sealed
		FROM ordersync.secrets k
		WHERE k.kind = 'data_key'
			AND k.name = s.shop_id::text
		OFFSET 0
	) k ON true
	LEFT JOIN LATERAL (
		SELECT a.sealed
		FROM ordersync.secrets a
		WHERE a.kind = 'app_secret'
			AND a.name = g.name
		OFFSET 0
	) a ON true
	CROSS JOIN LATERAL (
		SELECT pg_catalog.array_agg(o.kind || '/' || o.name) AS names, pg_catalog.array_agg(o.sealed) AS sealed
		FROM ordersync.secrets o
		WHERE o.kind = ANY (ARRAY['header', 'proxy_password'])
			AND pg_catalog.split_part(o.name, '/', 1) = g.name
		OFFSET 0
	) o
	LEFT JOIN LATERAL (
		SELECT true AS refused
		FROM ordersync.quarantine q
		WHERE q.shop_id = t.shop_id
			AND q.reason = 'refused'
			AND q.resolved_at IS NULL
		LIMIT 1
	) q ON true;
END
$function$;
COMMENT ON FUNCTION ordersync.claim(text, integer, integer, jsonb) IS
	'claims due tasks for a worker, at most so many, by priority and fairly between shops, and returns all that is needed to run them. p_places: most, how many of them may be others than single orders and key checks; each, how many of one gateway, where there are several; left, the same for gateways of which the worker has some';

/*
 * A good key is checked again once a day, by the call of one task, while the others
 * go on.  Who claims marks the shop for an hour; the answer, for a day and up to two
 * hours, so that what was set up together is not checked together.
 */
CREATE OR REPLACE FUNCTION ordersync.key_rechecks(p_tasks bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_tasks bigint[];
	v_shops bigint[];
BEGIN
	SELECT pg_catalog.array_agg(c.task_id), pg_catalog.array_agg(s.shop_id)
	INTO v_tasks, v_shops
	FROM (
		SELECT t.shop_id, pg_catalog.min(t.task_id) AS task_id
		FROM pg_catalog.unnest(p_tasks) p (task_id)
		CROSS JOIN LATERAL (
			SELECT t.task_id, t.shop_id
			FROM ordersync.sync_tasks t
			WHERE t.task_id = p.task_id
			OFFSET 0
		) t
		GROUP BY t.shop_id
	) c
	CROSS JOIN LATERAL (
		SELECT s.shop_id
		FROM ordersync.shops s
		WHERE s.shop_id = c.shop_id
			AND s.key_state IN ('ok', 'unverified')
			AND COALESCE(s.key_verify_at <= pg_catalog.clock_timestamp(), true)
		FOR NO KEY UPDATE SKIP LOCKED
	) s;
	IF v_shops IS NOT NULL THEN
		UPDATE ordersync.shops s
		SET key_verify_at = pg_catalog.clock_timestamp() + interval '1 hour'
		WHERE s.shop_id = ANY (v_shops);
	END IF;
	RETURN COALESCE(v_tasks, '{}');
END
$function$;
COMMENT ON FUNCTION ordersync.key_rechecks(bigint[]) IS
	'those of the claimed tasks, one of a shop, that are to check its data key again because a day has passed';

CREATE OR REPLACE FUNCTION ordersync.start_runs(p_tasks bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_runs bigint[] := ARRAY(
		SELECT DISTINCT t.run_id
		FROM ordersync.sync_tasks t
		WHERE t.task_id = ANY (p_tasks));
	v_run ordersync.sync_runs;
BEGIN
	-- who holds one is another claim that starts it, or a settle that counts it
	v_runs := ARRAY(
		SELECT l.run_id
		FROM ordersync.sync_runs l
		WHERE l.run_id = ANY (v_runs)
			AND l.state LIKE 'pending'
		FOR NO KEY UPDATE SKIP LOCKED);
	IF v_runs = '{}' THEN
		RETURN;
	END IF;
	FOR v_run IN
		UPDATE ordersync.sync_runs r
		SET state = 'running',
			started_at = COALESCE(r.started_at, pg_catalog.clock_timestamp()),
			throttled_before = COALESCE(r.throttled_before, ordersync.throttled_total(r.shop_id))
		WHERE r.run_id = ANY (v_runs)
		RETURNING r.*
	LOOP
		PERFORM ordersync.report_run_start(v_run);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.start_runs(bigint[]) IS
	'the pending ones among the runs of these tasks are running';

/*
 * Tasks of owners that are gone become pending again.  The attempt stays
 * counted: what kills its worker each time must come to an end.
 */
CREATE OR REPLACE FUNCTION ordersync.reclaim_tasks()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_free bigint[];
	v_tasks integer := 0;
BEGIN
	SELECT pg_catalog.array_agg(t.task_id)
	INTO v_free
	FROM ordersync.sync_tasks t
	WHERE t.state = 'running'
		AND NOT ordersync.worker_alive(t.owner);
	IF v_free IS NULL THEN
		RETURN 0;
	END IF;

	FOR v IN
		SELECT t.*
		FROM ordersync.sync_tasks t
		WHERE t.task_id = ANY (v_free)
			AND t.state LIKE 'running'
			AND NOT ordersync.worker_alive(t.owner)
		ORDER BY t.task_id
		FOR UPDATE SKIP LOCKED
	LOOP
		IF v.attempt < ordersync.setting('max_attempts')::integer THEN
			UPDATE ordersync.sync_tasks t
			SET state = 'pending',
				owner = NULL,
				token = NULL
			WHERE t.task_id = v.task_id;
		ELSE
			UPDATE ordersync.sync_tasks t
			SET state = 'failed',
				owner = NULL,
				token = NULL,
				error_class = 'worker',
				error = pg_catalog.format('its worker ended while it ran, %s times', v.attempt),
				error_code = NULL,
				error_sub_code = NULL,
				error_message = NULL,
				error_request_id = NULL,
				finished_at = pg_catalog.clock_timestamp()
			WHERE t.task_id = v.task_id;
			PERFORM ordersync.count_tasks(v.run_id, -1, - v.held::integer);
		END IF;
		v_tasks := v_tasks + 1;
	END LOOP;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.reclaim_tasks() IS
	'releases the tasks of workers that no longer exist; fails those that were released too often';

/*
 * A trigger wakes all workers of a database, and whoever claims first would take
 * all of a short run.  So a worker that has no task takes its part of what there
 * is; four tasks at least, since what they bring goes into one transaction.
 * Whoever has done its part goes on with what is left.
 */
CREATE OR REPLACE FUNCTION ordersync.claim_share(p_max integer, p_workers integer)
RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
BEGIN
	RETURN LEAST(p_max, GREATEST(4, (
		SELECT pg_catalog.ceil(pg_catalog.sum(o.tasks)::numeric / p_workers)
		FROM (
			-- held ones wait for the others
			SELECT LEAST(
				r.open_tasks - CASE WHEN r.held_tasks < r.open_tasks THEN r.held_tasks ELSE 0 END,
				p_max * p_workers) AS tasks
			FROM ordersync.sync_runs r
			WHERE r.state IN ('pending', 'running')
			LIMIT p_max * p_workers
		) o)));
END
$function$;
COMMENT ON FUNCTION ordersync.claim_share(integer, integer) IS
	'how many tasks one of so many workers claims when it has none: its part of those that are open, at least four';
