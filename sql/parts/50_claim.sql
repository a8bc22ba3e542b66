/*
 * Claiming: which tasks a worker may run now.
 *
 * The unit of fairness is the shop, the unit of turn is the run: of each shop
 * and kind only the oldest active run is served.  A task whose owner is not
 * alive any more is free at once.  Tasks are looked for without locks, then
 * locked one by one with SKIP LOCKED and looked at again under the lock, so
 * that no task has two owners however many claim.
 */
CREATE FUNCTION ordersync.claim(p_owner text, p_max integer, p_max_active_shops integer)
RETURNS TABLE (
	task_id bigint,
	run_id bigint,
	token bigint,
	shop_id bigint,
	stream text,
	basis text,
	since_s bigint,
	until_s bigint,
	fresh boolean,
	may_cut boolean,
	work text,
	history boolean,
	ext_type text,
	details_of text,
	follow_up boolean,
	ids bigint[],
	attempt integer,
	walk text,
	key_check boolean,
	require_seller boolean,
	refusals boolean,
	seller_nicks text[],
	fields_add text[],
	fields_drop text[],
	sealed_data_key bytea,
	gateway text,
	base_url text,
	app_key text,
	sealed_app_secret bytea,
	protocol text,
	sign_method text,
	proxy text,
	types_add text,
	page_size integer,
	calls_per_second double precision,
	clock_offset_ms bigint,
	lifted_ms bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
-- a plan saved while the queue was empty would scan it for ever, one made before
-- the first ANALYZE would sort a run's tasks instead of reading them in order
SET plan_cache_mode = force_custom_plan
SET enable_bitmapscan = off
SET enable_seqscan = off
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
	v_claimed bigint[] := '{}';
	v_some bigint[];
	v_unchecked bigint[];
	v_rounds integer[];
	v_each integer;
BEGIN
	PERFORM ordersync.free_tasks();
	v_unchecked := ordersync.lock_unchecked(p_max);

	/*
	 * Evenness is exact as long as looking at p_max tasks of each run is cheap.
	 * With many shops one task of each fills the worker; only where that does
	 * not, all are asked for more.
	 */
	SELECT CASE WHEN pg_catalog.count(*) * p_max <= 4096 THEN ARRAY[p_max] ELSE ARRAY[1, p_max] END
	INTO v_rounds
	FROM (
		SELECT
		FROM ordersync.sync_runs r
		WHERE r.state IN ('pending', 'running')
		LIMIT 4096
	) r;
	FOREACH v_each IN ARRAY v_rounds LOOP
		v_some := ordersync.pick_tasks(p_max - pg_catalog.cardinality(v_claimed), v_each,
			COALESCE(NULLIF(p_max_active_shops, 0), 2147483647), v_unchecked);
		v_claimed := v_claimed || v_some;
		UPDATE ordersync.sync_tasks t
		SET state = 'running',
			owner = p_owner,
			token = ordersync.new_token(),
			attempt = t.attempt + 1,
			next_attempt_at = NULL,
			began_at = CASE WHEN t.walk IS NULL THEN pg_catalog.clock_timestamp() ELSE t.began_at END,
			claimed_at = pg_catalog.clock_timestamp()
		WHERE t.task_id = ANY (v_some);
		EXIT WHEN pg_catalog.cardinality(v_claimed) >= p_max;
	END LOOP;

	UPDATE ordersync.sync_runs r
	SET state = 'running',
		started_at = COALESCE(r.started_at, pg_catalog.clock_timestamp())
	FROM (
		SELECT l.run_id
		FROM ordersync.sync_runs l
		WHERE l.run_id IN (
				SELECT t.run_id
				FROM ordersync.sync_tasks t
				WHERE t.task_id = ANY (v_claimed))
			AND l.state = 'pending'
		-- who holds it is another claim that starts it, or a settle that counts it
		FOR NO KEY UPDATE SKIP LOCKED
	) l
	WHERE r.run_id = l.run_id;

	RETURN QUERY
	SELECT t.task_id, t.run_id, t.token, t.shop_id, t.stream, t.basis,
		EXTRACT(epoch FROM t.since)::bigint,
		EXTRACT(epoch FROM t.until)::bigint,
		t.fresh, NOT t.is_part, t.work, t.history, t.ext_type, t.details_of,
		t.work = 'store' AND t.stream <> 'details'
			AND (COALESCE(t.reason IN ('arrival', 'verify'), false)
				-- what is archived is served by its list alone
				OR COALESCE(s.options ->> 'details' = 'changed', false) AND NOT t.history),
		t.ids, t.attempt, t.walk,
		s.key_state IN ('unchecked', 'expired'), s.key_state = 'unverified',
		EXISTS (
			SELECT
			FROM ordersync.quarantine q
			WHERE q.shop_id = t.shop_id
				AND q.reason = 'refused'
				AND q.resolved_at IS NULL),
		s.seller_nicks,
		CASE WHEN s.options ? 'fields_add' THEN ordersync.option_names(s.options -> 'fields_add') END,
		CASE WHEN s.options ? 'fields_drop' THEN ordersync.option_names(s.options -> 'fields_drop') END,
		k.sealed,
		g.name, g.base_url, g.app_key, a.sealed, g.protocol, g.sign_method,
		g.options ->> 'proxy',
		ordersync.types_added(g.options),
		COALESCE(t.page_size, (g.options ->> 'page_size')::integer, ordersync.setting('page_size')::integer),
		COALESCE((g.options ->> 'calls_per_second')::double precision, 0),
		(EXTRACT(epoch FROM g.clock_offset) * 1000)::bigint,
		COALESCE((EXTRACT(epoch FROM g.lifted_at) * 1000)::bigint, 0)
	FROM pg_catalog.unnest(v_claimed) WITH ORDINALITY c (task_id, n)
	JOIN ordersync.sync_tasks t ON t.task_id = c.task_id
	JOIN ordersync.shops s ON s.shop_id = t.shop_id
	JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN ordersync.secrets k ON k.kind = 'data_key' AND k.name = s.shop_id::text
	LEFT JOIN ordersync.secrets a ON a.kind = 'app_secret' AND a.name = g.name
	ORDER BY c.n;
END
$function$;
COMMENT ON FUNCTION ordersync.claim(text, integer, integer) IS
	'takes up to so many due tasks for a worker, fair between shops, and returns all that it needs to run them';

/*
 * Tasks of owners that are gone become pending again.  The attempt stays
 * counted: what kills its worker each time must come to an end.
 */
CREATE FUNCTION ordersync.free_tasks()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_tasks integer := 0;
BEGIN
	FOR v IN
		SELECT t.*
		FROM ordersync.sync_tasks t
		WHERE t.state = 'running'
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
				finished_at = pg_catalog.clock_timestamp()
			WHERE t.task_id = v.task_id;
			PERFORM ordersync.count_tasks(v.run_id, -1, - v.held::integer);
		END IF;
		v_tasks := v_tasks + 1;
	END LOOP;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.free_tasks() IS
	'gives back the tasks of workers that are gone; fails those that were given back too often';

/*
 * A shop whose key is unchecked, or was refused and is to be tried again, gets
 * one task in flight, which checks it.  The row lock decides between two claims;
 * whether a task is in flight is asked by a later statement, whose snapshot sees
 * what the other one committed.
 */
CREATE FUNCTION ordersync.lock_unchecked(p_max integer)
RETURNS bigint[]
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(l.shop_id), '{}')
	FROM (
		SELECT s.shop_id
		FROM ordersync.shops s
		JOIN ordersync.gateways g ON g.name = s.gateway
		WHERE s.enabled
			AND g.secret_state = 'ok'
			AND (g.throttled_until IS NULL OR g.throttled_until <= pg_catalog.clock_timestamp())
			AND (s.key_state = 'unchecked'
				OR s.key_state = 'expired' AND s.key_check_at <= pg_catalog.clock_timestamp())
			AND EXISTS (
				SELECT
				FROM ordersync.sync_runs r
				WHERE r.shop_id = s.shop_id
					AND r.state IN ('pending', 'running'))
			AND NOT EXISTS (
				SELECT
				FROM ordersync.sync_tasks t
				WHERE t.shop_id = s.shop_id
					AND t.state = 'running')
		ORDER BY pg_catalog.random()	-- shops whose tasks are not due yet keep no other one out
		LIMIT p_max
		FOR NO KEY UPDATE OF s SKIP LOCKED
	) l
$function$;
COMMENT ON FUNCTION ordersync.lock_unchecked(integer) IS
	'shops whose data key is to be checked, locked against other claims';

/*
 * Shops are looked at in the order in which they are to be served, and no
 * further than needed: with a thousand shops waiting, a claim that fills a
 * worker looks at a few dozen.  Which of those without work in flight come
 * first is decided by lot, so that nobody's turn depends on its number.
 */
CREATE FUNCTION ordersync.pick_tasks(
	p_max integer,
	p_each integer,
	p_max_active_shops integer,
	p_unchecked bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_found bigint[];
BEGIN
	WITH in_flight AS MATERIALIZED (
		SELECT t.shop_id, pg_catalog.count(*) AS tasks
		FROM ordersync.sync_tasks t
		WHERE t.state = 'running'
		GROUP BY t.shop_id
	), ready AS MATERIALIZED (
		SELECT r.run_id, r.shop_id, r.kind IN ('order', 'check') AS urgent, COALESCE(f.tasks, 0) AS in_flight,
			s.key_state IN ('unchecked', 'expired') AS unchecked, r.open_tasks > r.held_tasks AS holds,
			CASE WHEN s.key_state IN ('unchecked', 'expired') THEN 1 ELSE p_each END AS each
		FROM ordersync.sync_runs r
		JOIN ordersync.shops s ON s.shop_id = r.shop_id
		JOIN ordersync.gateways g ON g.name = s.gateway
		LEFT JOIN in_flight f ON f.shop_id = r.shop_id
		WHERE r.state IN ('pending', 'running')
			AND s.enabled
			AND g.secret_state = 'ok'
			AND (g.throttled_until IS NULL OR g.throttled_until <= v_now)
			AND (s.key_state IN ('ok', 'unverified')
				OR s.key_state IN ('unchecked', 'expired') AND s.shop_id = ANY (p_unchecked) AND f.tasks IS NULL)
			-- the oldest active run of each shop and kind; single orders and key checks never wait
			AND (r.kind IN ('order', 'check') OR NOT EXISTS (
				SELECT
				FROM ordersync.sync_runs e
				WHERE e.shop_id = r.shop_id
					AND e.kind = r.kind
					AND e.state IN ('pending', 'running')
					AND e.run_id < r.run_id))
	), found AS (
		(SELECT y.shop_id, y.urgent, y.in_flight, y.unchecked, y.each, t.tasks
		FROM (
			SELECT q.*
			FROM ready q
			WHERE q.in_flight = 0
			ORDER BY q.urgent DESC, pg_catalog.random()
		) y
		CROSS JOIN LATERAL (
			SELECT pg_catalog.array_agg(w.task_id) AS tasks
			FROM (
				SELECT w.task_id
				FROM ordersync.sync_tasks w
				WHERE w.run_id = y.run_id
					AND w.state = 'pending'
					AND NOT (w.held AND y.holds)
					AND (w.next_attempt_at IS NULL OR w.next_attempt_at <= v_now)
				ORDER BY w.until DESC
				LIMIT y.each
			) w
			HAVING pg_catalog.count(*) > 0
		) t
		LIMIT LEAST(p_max * 2, GREATEST(p_max_active_shops - (SELECT pg_catalog.count(*) FROM in_flight), 0)))
		UNION ALL
		(SELECT y.shop_id, y.urgent, y.in_flight, y.unchecked, y.each, t.tasks
		FROM (
			SELECT q.*
			FROM ready q
			WHERE q.in_flight > 0
			ORDER BY q.urgent DESC, q.in_flight, pg_catalog.random()
		) y
		CROSS JOIN LATERAL (
			SELECT pg_catalog.array_agg(w.task_id) AS tasks
			FROM (
				SELECT w.task_id
				FROM ordersync.sync_tasks w
				WHERE w.run_id = y.run_id
					AND w.state = 'pending'
					AND NOT (w.held AND y.holds)
					AND (w.next_attempt_at IS NULL OR w.next_attempt_at <= v_now)
				ORDER BY w.until DESC
				LIMIT y.each
			) w
			HAVING pg_catalog.count(*) > 0
		) t
		LIMIT p_max * 2)
	), ranked AS (
		-- a shop's runs of several kinds share its turn, newest window first
		SELECT f.shop_id, f.urgent, f.in_flight, f.unchecked, f.each, t.task_id, pg_catalog.row_number() OVER (
			PARTITION BY f.shop_id
			ORDER BY f.urgent DESC, k.until DESC NULLS FIRST, t.task_id) AS place
		FROM found f
		CROSS JOIN LATERAL pg_catalog.unnest(f.tasks) t (task_id)
		JOIN ordersync.sync_tasks k ON k.task_id = t.task_id
	)
	SELECT pg_catalog.array_agg(x.task_id)
	INTO v_found
	FROM (
		SELECT r.task_id
		FROM ranked r
		WHERE r.place <= r.each
			OR r.urgent AND NOT r.unchecked
		ORDER BY r.urgent DESC, r.in_flight + r.place, pg_catalog.random()
		LIMIT p_max * 2
	) x;

	RETURN COALESCE((
		SELECT pg_catalog.array_agg(l.task_id)
		FROM (
			SELECT t.task_id
			FROM pg_catalog.unnest(v_found) WITH ORDINALITY f (task_id, n)
			JOIN ordersync.sync_tasks t ON t.task_id = f.task_id
			WHERE t.state = 'pending'
			ORDER BY f.n
			LIMIT p_max
			FOR UPDATE OF t SKIP LOCKED
		) l), '{}');
END
$function$;
COMMENT ON FUNCTION ordersync.pick_tasks(integer, integer, integer, bigint[]) IS
	'due tasks, locked: at most p_each of a run, at most p_max in all, shops with least in flight first';

CREATE FUNCTION ordersync.new_token()
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.hashtextextended(pg_catalog.gen_random_uuid()::text, 0)
$function$;
COMMENT ON FUNCTION ordersync.new_token() IS
	'a random number that fences a claim';

CREATE FUNCTION ordersync.next_due()
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.sync_tasks') IS NULL THEN
		RETURN NULL;
	END IF;
	/*
	 * All else that frees a task is somebody's commit, and wakes the workers.
	 * Later than the transaction's begin, not than this moment: what became due
	 * after the claim of this transaction had looked would be nobody's.
	 */
	RETURN LEAST(
		(SELECT pg_catalog.min(t.next_attempt_at)
		FROM ordersync.sync_tasks t
		WHERE t.state = 'pending'
			AND t.next_attempt_at > pg_catalog.now()),
		(SELECT pg_catalog.min(g.throttled_until)
		FROM ordersync.gateways g
		WHERE g.throttled_until > pg_catalog.now()
			AND EXISTS (
				SELECT
				FROM ordersync.sync_runs r
				WHERE r.state IN ('pending', 'running'))),
		(SELECT pg_catalog.min(s.key_check_at)
		FROM ordersync.shops s
		WHERE s.key_check_at > pg_catalog.now()
			AND s.key_state = 'expired'
			AND s.enabled
			AND EXISTS (
				SELECT
				FROM ordersync.sync_runs r
				WHERE r.shop_id = s.shop_id
					AND r.state IN ('pending', 'running'))));
END
$function$;
COMMENT ON FUNCTION ordersync.next_due() IS
	'the earliest moment at which a claim could find what it cannot find now; NULL when nothing waits for a time';
