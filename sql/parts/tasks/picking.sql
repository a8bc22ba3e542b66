/*
 * Which tasks are next.
 *
 * Shops are looked at in the order in which they are to be served, and no
 * further than needed.  Each run has a lot, drawn when it was made; a claim
 * begins at a lot of its own and goes round from there, so that of shops without
 * work in flight nobody's turn depends on its number, and a claim among ten
 * thousand active runs reads as few of them as one among fifty.
 *
 * Plans.  The same as settle's: generic, of statements that leave no choice.
 * What is looked up stands in LATERAL subqueries that cannot be flattened, each
 * by an index that has no rival: what is pending or active is in partial
 * indexes, which are smaller than any other and in the order that is asked for.
 * Where a row is found by its primary key, state is compared by LIKE.
 */
/* Inlined where it is called.  In this order the index of active runs has no rival. */
CREATE OR REPLACE FUNCTION ordersync.active_runs(p_shop bigint)
RETURNS TABLE (run_id bigint, kind text, lot double precision, holds boolean)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT r.run_id, r.kind, r.lot, r.open_tasks > r.held_tasks
	FROM ordersync.sync_runs r
	WHERE r.shop_id = p_shop
		AND r.state IN ('pending', 'running')
	ORDER BY r.kind, r.run_id
	OFFSET 0
$function$;
COMMENT ON FUNCTION ordersync.active_runs(bigint) IS
	'the runs of a shop that have not ended; holds: held tasks still wait for others';

/*
 * Inlined where it is called.  No row for a run that has nothing due, whose shop
 * or gateway waits, or that is not the oldest of its shop and kind; single orders
 * and key checks never wait for one another.
 */
CREATE OR REPLACE FUNCTION ordersync.due_tasks(
	p_run bigint,
	p_shop bigint,
	p_kind text,
	p_holds boolean,
	p_each integer,
	p_now timestamptz)
RETURNS TABLE (unchecked boolean, tasks bigint[], untils timestamptz[])
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT s.unchecked, t.tasks, t.untils
	FROM (
		SELECT s.gateway, s.key_state IN ('unchecked', 'expired') AS unchecked
		FROM ordersync.shops s
		WHERE s.shop_id = p_shop
			AND s.enabled
			AND (s.key_state IN ('ok', 'unverified', 'unchecked')
				OR s.key_state = 'expired' AND s.key_check_at <= p_now)
			AND (p_kind IN ('order', 'check') OR NOT EXISTS (
				SELECT
				FROM ordersync.active_runs(p_shop) e
				WHERE e.kind = p_kind
					AND e.run_id < p_run))
		OFFSET 0
	) s
	CROSS JOIN LATERAL (
		SELECT
		FROM ordersync.gateways g
		WHERE g.name = s.gateway
			AND g.secret_state = 'ok'
			AND (g.throttled_until IS NULL OR g.throttled_until <= p_now)
		OFFSET 0
	) g
	CROSS JOIN LATERAL (
		SELECT pg_catalog.array_agg(w.task_id) AS tasks, pg_catalog.array_agg(w.until) AS untils
		FROM (
			SELECT w.task_id, w.until
			FROM ordersync.sync_tasks w
			WHERE w.run_id = p_run
				AND w.state = 'pending'
				AND NOT (w.held AND p_holds)
				AND (w.next_attempt_at IS NULL OR w.next_attempt_at <= p_now)
			ORDER BY w.until DESC
			LIMIT CASE WHEN s.unchecked THEN 1 ELSE p_each END
		) w
		HAVING pg_catalog.count(*) > 0
	) t
$function$;
COMMENT ON FUNCTION ordersync.due_tasks(bigint, bigint, text, boolean, integer, timestamptz) IS
	'the newest due tasks of an active run, at most p_each, and whether its shop''s key is to be checked by the first';

/*
 * Three kinds of runs are looked at: those that somebody waits for (single
 * orders, key checks), whose lot is below zero; those of shops without work in
 * flight, from a lot on and round; those of the other shops.  A shop whose key
 * is to be checked gives one task only, and only while it has none in flight.
 */
CREATE OR REPLACE FUNCTION ordersync.pick_tasks(p_max integer, p_each integer, p_max_active_shops integer)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_lot double precision := pg_catalog.random();
	v_shops bigint[];			-- with tasks in flight, and how many
	v_tasks bigint[];
	v_new_shops integer;
	v_found bigint[];
	v_unchecked bigint[];
	v_checked bigint[];
BEGIN
	SELECT COALESCE(pg_catalog.array_agg(f.shop_id), '{}'), pg_catalog.array_agg(f.tasks)
	INTO v_shops, v_tasks
	FROM (
		SELECT t.shop_id, pg_catalog.count(*) AS tasks
		FROM ordersync.sync_tasks t
		WHERE t.state = 'running'
		GROUP BY t.shop_id
	) f;
	v_new_shops := GREATEST(p_max_active_shops - pg_catalog.cardinality(v_shops), 0);

	WITH due AS MATERIALIZED (
		(SELECT r.shop_id, r.kind, COALESCE(v_tasks[pg_catalog.array_position(v_shops, r.shop_id)], 0) AS in_flight, w.*
		FROM (
			SELECT r.run_id, r.shop_id, r.kind, r.state, r.open_tasks > r.held_tasks AS holds
			FROM ordersync.sync_runs r
			WHERE r.lot < 0
			ORDER BY r.lot
			OFFSET 0
		) r
		CROSS JOIN LATERAL ordersync.due_tasks(r.run_id, r.shop_id, r.kind, r.holds, p_each, v_now) w
		WHERE r.state LIKE ANY (ARRAY['pending', 'running'])
		LIMIT p_max * 2)
		UNION ALL
		(SELECT r.shop_id, r.kind, 0, w.*
		FROM (
			(SELECT r.run_id, r.shop_id, r.kind, r.state, r.open_tasks > r.held_tasks AS holds
			FROM ordersync.sync_runs r
			WHERE r.lot >= v_lot
			ORDER BY r.lot
			OFFSET 0)
			UNION ALL
			(SELECT r.run_id, r.shop_id, r.kind, r.state, r.open_tasks > r.held_tasks
			FROM ordersync.sync_runs r
			WHERE r.lot >= 0
				AND r.lot < v_lot
			ORDER BY r.lot
			OFFSET 0)
		) r
		CROSS JOIN LATERAL ordersync.due_tasks(r.run_id, r.shop_id, r.kind, r.holds, p_each, v_now) w
		WHERE r.state LIKE ANY (ARRAY['pending', 'running'])
			AND r.shop_id <> ALL (v_shops)
		LIMIT LEAST(p_max * 2, v_new_shops))
		UNION ALL
		(SELECT f.shop_id, r.kind, f.tasks, w.*
		FROM (
			SELECT f.shop_id, f.tasks
			FROM ROWS FROM (pg_catalog.unnest(v_shops), pg_catalog.unnest(v_tasks)) AS f (shop_id, tasks)
			ORDER BY f.tasks, pg_catalog.random()
			OFFSET 0
		) f
		CROSS JOIN LATERAL ordersync.active_runs(f.shop_id) r
		CROSS JOIN LATERAL ordersync.due_tasks(r.run_id, f.shop_id, r.kind, r.holds, p_each, v_now) w
		WHERE r.lot >= 0
			AND NOT w.unchecked
		LIMIT p_max * 2)
	), ranked AS (
		-- a shop's runs of several kinds share its turn, newest window first
		SELECT d.shop_id, d.kind IN ('order', 'check') AS urgent, d.in_flight, d.unchecked, k.task_id,
			pg_catalog.row_number() OVER (
				PARTITION BY d.shop_id
				ORDER BY d.kind IN ('order', 'check') DESC, k.until DESC NULLS FIRST, k.task_id) AS place
		FROM due d
		CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(d.tasks), pg_catalog.unnest(d.untils)) AS k (task_id, until)
		WHERE CASE
				WHEN d.in_flight > 0 THEN NOT d.unchecked
				ELSE d.shop_id = ANY (ARRAY(
					SELECT n.shop_id
					FROM due n
					WHERE n.in_flight = 0
					GROUP BY n.shop_id
					ORDER BY pg_catalog.bool_or(n.kind IN ('order', 'check')) DESC, pg_catalog.random()
					LIMIT v_new_shops))
			END
	)
	-- in the order of x: an aggregate with an order of its own, also by DISTINCT, would have it sorted anew from 16 on
	SELECT pg_catalog.array_agg(x.task_id), pg_catalog.array_agg(x.shop_id) FILTER (WHERE x.unchecked)
	INTO v_found, v_unchecked
	FROM (
		SELECT r.task_id, r.shop_id, r.unchecked
		FROM ranked r
		WHERE r.place <= CASE WHEN r.unchecked THEN 1 ELSE p_each END
			OR r.urgent AND NOT r.unchecked
		ORDER BY r.urgent DESC, r.in_flight + r.place, pg_catalog.random()
		LIMIT p_max * 2
	) x;
	IF v_found IS NULL THEN
		RETURN '{}';
	END IF;

	IF v_unchecked IS NOT NULL THEN
		v_checked := ordersync.lock_unchecked(v_unchecked);
	END IF;
	RETURN ARRAY(
		SELECT l.task_id
		FROM pg_catalog.unnest(v_found) f (task_id)
		CROSS JOIN LATERAL (
			SELECT t.task_id
			FROM ordersync.sync_tasks t
			WHERE t.task_id = f.task_id
				AND t.state LIKE 'pending'
				AND (v_unchecked IS NULL OR t.shop_id <> ALL (v_unchecked) OR t.shop_id = ANY (v_checked))
			FOR UPDATE SKIP LOCKED
		) l
		LIMIT p_max);
END
$function$;
COMMENT ON FUNCTION ordersync.pick_tasks(integer, integer, integer) IS
	'due tasks, locked: at most p_each of a run, at most p_max in all, shops with least in flight first';

/*
 * A shop whose key is unchecked, or was refused and is to be tried again, gets
 * one task in flight, which checks it.  The row lock decides between two claims;
 * whether a task is in flight is asked by a later statement, whose snapshot sees
 * what the other one committed.
 */
CREATE OR REPLACE FUNCTION ordersync.lock_unchecked(p_shops bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_shops bigint[] := ARRAY(
		SELECT s.shop_id
		FROM ordersync.shops s
		WHERE s.shop_id = ANY (p_shops)
			AND (s.key_state LIKE 'unchecked'
				OR s.key_state LIKE 'expired' AND s.key_check_at <= pg_catalog.clock_timestamp())
		ORDER BY s.shop_id
		FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
	RETURN ARRAY(
		SELECT l.shop_id
		FROM pg_catalog.unnest(v_shops) l (shop_id)
		WHERE (
			SELECT pg_catalog.count(*)
			FROM ordersync.sync_tasks t
			WHERE t.shop_id = l.shop_id
				AND t.state = 'running') = 0);
END
$function$;
COMMENT ON FUNCTION ordersync.lock_unchecked(bigint[]) IS
	'those of the shops whose data key this claim may check, locked against other claims';

CREATE OR REPLACE FUNCTION ordersync.next_due()
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
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
		WHERE t.state LIKE 'pending'
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
				FROM ordersync.active_runs(s.shop_id))));
END
$function$;
COMMENT ON FUNCTION ordersync.next_due() IS
	'the earliest moment at which a claim could find what it cannot find now; NULL when nothing waits for a time';
