/*
 * Which tasks are next.
 *
 * By the priority of their runs: what somebody waits for (single orders, key
 * checks), incremental runs, comparisons, full runs.  Of two priorities all that
 * is due of the first is taken before anything of the second, within a shop and
 * between shops; so a full run goes on whenever nothing of a higher priority is due,
 * and gives way where a window ends.
 *
 * Within a priority fairly between shops: whoever has least in flight is first.
 * Shops are looked at in the order in which they are to be served, and no
 * further than needed.  Each run has a lot, drawn when it was made; a claim
 * begins at a lot of its own and goes round from there, so that of shops without
 * work in flight nobody's turn depends on its number, and a claim among ten
 * thousand active runs reads as few of them as one among fifty.
 *
 * Only so many shops may have tasks in flight (ordersync.max_active_shops).
 * Where a shop waits outside for want of that, the shops inside get nothing of a
 * lower priority than it waits with, and of the same priority one of them gives
 * way now and then: so none of them stays inside for as long as its work lasts.
 * A shop that waits for itself (back-off, a key, a pause) has nothing in flight,
 * and takes no room.
 *
 * Plans.  The same as settle's: generic, of statements that leave no choice.
 * What is looked up stands in LATERAL subqueries that cannot be flattened, each
 * by an index that has no rival: what is pending or active is in partial
 * indexes, which are smaller than any other and in the order that is asked for.
 * Where a row is found by its primary key, state is compared by LIKE.
 */
/* Inlined where it is called.  In this order the index of active runs has no rival. */
CREATE OR REPLACE FUNCTION ordersync.active_runs(p_shop bigint)
RETURNS TABLE (run_id bigint, kind text, priority integer, holds boolean)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT r.run_id, r.kind, r.priority, r.open_tasks > r.held_tasks
	FROM ordersync.sync_runs r
	WHERE r.shop_id = p_shop
		AND r.state IN ('pending', 'running')
	ORDER BY r.kind, r.run_id
	OFFSET 0
$function$;
COMMENT ON FUNCTION ordersync.active_runs(bigint) IS
	'the runs of a shop that have not ended; holds: held tasks still wait for others';

/* Inlined where it is called.  An index has them in this order. */
CREATE OR REPLACE FUNCTION ordersync.runs_in_turn(p_first integer, p_last integer, p_lot double precision)
RETURNS TABLE (run_id bigint, shop_id bigint, kind text, state text, priority integer, holds boolean)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT r.run_id, r.shop_id, r.kind, r.state, p.priority, r.holds
	FROM pg_catalog.generate_series(p_first, p_last) AS p (priority)
	CROSS JOIN LATERAL (
		(SELECT r.run_id, r.shop_id, r.kind, r.state, r.open_tasks > r.held_tasks AS holds
		FROM ordersync.sync_runs r
		WHERE r.priority = p.priority
			AND r.lot >= p_lot
		ORDER BY r.lot
		OFFSET 0)
		UNION ALL
		(SELECT r.run_id, r.shop_id, r.kind, r.state, r.open_tasks > r.held_tasks
		FROM ordersync.sync_runs r
		WHERE r.priority = p.priority
			AND r.lot < p_lot
		ORDER BY r.lot
		OFFSET 0)
	) r
	OFFSET 0
$function$;
COMMENT ON FUNCTION ordersync.runs_in_turn(integer, integer, double precision) IS
	'runs that have not ended, by priority, those of a priority from a lot on and round';

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
	p_full text[],
	p_now timestamptz,
	p_stop jsonb DEFAULT NULL)
RETURNS TABLE (gateway text, unchecked boolean, tasks bigint[], untils timestamptz[])
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT s.gateway, s.unchecked, t.tasks, t.untils
	FROM (
		SELECT s.gateway, s.key_state IN ('unchecked', 'expired') AS unchecked
		FROM ordersync.shops s
		WHERE s.shop_id = p_shop
			AND s.enabled
			AND (p_kind IN ('order', 'check') OR s.gateway <> ALL (p_full))
			AND (p_stop IS NULL
				OR s.gateway = p_stop ->> 'gateway'
					AND COALESCE((p_stop ->> 'shop')::bigint = p_shop, true)
					AND CASE
						WHEN p_stop ? 'key' THEN s.key_state IN ('unchecked', 'expired')
						ELSE true
					END)
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
		SELECT CASE WHEN g.method_bans <> '{}' THEN ordersync.active_bans(g.method_bans, p_now) END AS bans,
			CASE WHEN p_stop IS NULL AND g.stops <> '{}' THEN ordersync.stopped_lists(g.stops, p_shop) END AS stops
		FROM ordersync.gateways g
		WHERE g.name = s.gateway
			AND g.secret_state = 'ok'
			AND (g.throttled_until IS NULL OR g.throttled_until <= p_now)
			-- the first call of a shop whose key is unchecked asks for a list only where no call says whose it is
			AND (p_stop IS NULL OR NOT p_stop ? 'stream' OR NOT s.unchecked OR ordersync.gateway_lacks(g.unserved, 'whoami'))
			AND NOT (s.unchecked AND g.method_bans <> '{}' AND ordersync.bans_key_check(g.method_bans, p_now))
			AND (g.spent_until IS NULL OR g.spent_until <= p_now)
			AND (g.reserved_until IS NULL OR g.reserved_until <= p_now OR p_kind IN ('order', 'check'))
			AND (g.stops = '{}'
				OR NOT ordersync.is_stopped(g.stops - COALESCE(p_stop ->> 'name', '-'), p_shop, s.unchecked))
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
				AND (g.bans IS NULL OR NOT ordersync.is_banned(g.bans, w.stream, w.basis, w.history, w.details_of))
				AND (g.stops IS NULL OR NOT ordersync.is_banned(g.stops, w.stream, w.basis, w.history, w.details_of))
				AND (p_stop IS NULL OR NOT p_stop ? 'stream'
					OR ordersync.is_banned(pg_catalog.jsonb_build_array(p_stop), w.stream, w.basis, w.history, w.details_of))
			ORDER BY w.until DESC
			LIMIT CASE WHEN s.unchecked THEN 1 ELSE p_each END
		) w
		HAVING pg_catalog.count(*) > 0
	) t
$function$;
COMMENT ON FUNCTION ordersync.due_tasks(bigint, bigint, text, boolean, integer, text[], timestamptz, jsonb) IS
	'the newest due tasks of an active run, at most p_each, and whether its shop''s key is to be checked by the first; of gateways that have no place left single orders and key checks only; p_stop: of those that it stops, for a probe';

/*
 * Ten seconds without anybody, ten seconds in which one shop after the other gives
 * way.  The fewer shops may be active, the more of the calls that could be in flight
 * are missing while one of them waits for its last: so not all the time.
 */
CREATE OR REPLACE FUNCTION ordersync.shop_to_give_way(p_shops bigint[], p_now timestamptz)
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_turn bigint := pg_catalog.floor(EXTRACT(epoch FROM p_now) / 10);
BEGIN
	IF v_turn % 2 = 1 THEN
		RETURN NULL;
	END IF;
	RETURN (
		SELECT s.shop_id
		FROM pg_catalog.unnest(p_shops) AS s (shop_id)
		ORDER BY pg_catalog.hashint8extended(s.shop_id, v_turn)
		LIMIT 1);
END
$function$;
COMMENT ON FUNCTION ordersync.shop_to_give_way(bigint[], timestamptz) IS
	'which of the active shops gets no more tasks at this moment while others of the same priority wait outside ordersync.max_active_shops; the same for all workers; NULL: none';

/* Called by pick_tasks alone, which gives NULL in place of a gateway where it does not matter. */
CREATE OR REPLACE FUNCTION ordersync.fitting_tasks(p_tasks bigint[], p_gateways text[], p_places jsonb)
RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN ARRAY(
		SELECT k.task_id
		FROM (
			SELECT t.task_id, t.gateway, t.place,
				pg_catalog.row_number() OVER (PARTITION BY t.gateway ORDER BY t.place) AS nth
			FROM ROWS FROM (pg_catalog.unnest(p_tasks), pg_catalog.unnest(p_gateways))
				WITH ORDINALITY AS t (task_id, gateway, place)
		) k
		WHERE k.gateway IS NULL
			OR k.nth <= COALESCE((p_places -> 'left' ->> k.gateway)::integer, (p_places ->> 'each')::integer)
		ORDER BY k.place);
END
$function$;
COMMENT ON FUNCTION ordersync.fitting_tasks(bigint[], text[], jsonb) IS
	'of tasks, in their order, as many of each gateway as its places allow';

/*
 * Three kinds of runs are looked at: those that somebody waits for, of any shop;
 * the others of shops without work in flight, one more of them than there may be;
 * those of the other shops.  A shop whose key is to be checked gives one task
 * only, and only while it has none in flight.
 */
CREATE OR REPLACE FUNCTION ordersync.pick_tasks(
	p_max integer,
	p_each integer,
	p_max_active_shops integer,
	p_last_priority integer,
	p_best_only boolean,
	p_places jsonb,
	OUT tasks bigint[],
	OUT priority integer)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
#variable_conflict use_column
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_lot double precision := pg_catalog.random();
	v_shops bigint[];			-- with tasks in flight, and how many
	v_tasks bigint[];
	v_new_shops integer;
	v_giving_way bigint;
	v_full text[] := ARRAY(
		SELECT p.key
		FROM pg_catalog.jsonb_each_text(p_places -> 'left') p
		WHERE p.value::integer <= 0);
	v_found bigint[];
	v_gateways text[];			-- of those
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
	IF v_new_shops = 0 THEN
		v_giving_way := ordersync.shop_to_give_way(v_shops, v_now);
	END IF;

	WITH due AS MATERIALIZED (
		(SELECT r.shop_id, r.priority, COALESCE(v_tasks[pg_catalog.array_position(v_shops, r.shop_id)], 0) AS in_flight, w.*
		FROM ordersync.runs_in_turn(0, 0, v_lot) r
		CROSS JOIN LATERAL ordersync.due_tasks(r.run_id, r.shop_id, r.kind, r.holds, p_each, v_full, v_now) w
		WHERE r.state LIKE ANY (ARRAY['pending', 'running'])
		LIMIT p_max * 2)
		UNION ALL
		(SELECT r.shop_id, r.priority, 0, w.*
		FROM ordersync.runs_in_turn(1, p_last_priority, v_lot) r
		CROSS JOIN LATERAL ordersync.due_tasks(r.run_id, r.shop_id, r.kind, r.holds, p_each, v_full, v_now) w
		WHERE r.state LIKE ANY (ARRAY['pending', 'running'])
			AND r.shop_id <> ALL (v_shops)
		LIMIT LEAST(p_max * 2 - 1, v_new_shops) + 1)
		UNION ALL
		(SELECT f.shop_id, f.priority, f.tasks, w.*
		FROM (
			SELECT f.shop_id, f.tasks, r.run_id, r.kind, r.priority, r.holds
			FROM ROWS FROM (pg_catalog.unnest(v_shops), pg_catalog.unnest(v_tasks)) AS f (shop_id, tasks)
			CROSS JOIN LATERAL ordersync.active_runs(f.shop_id) r
			WHERE r.priority BETWEEN 1 AND p_last_priority
			ORDER BY r.priority, f.tasks, pg_catalog.random()
			OFFSET 0
		) f
		CROSS JOIN LATERAL ordersync.due_tasks(f.run_id, f.shop_id, f.kind, f.holds, p_each, v_full, v_now) w
		WHERE NOT w.unchecked
		LIMIT p_max * 2)
	), entering AS MATERIALIZED (
		SELECT n.shop_id, n.priority,
			pg_catalog.row_number() OVER (ORDER BY n.priority, pg_catalog.random()) <= v_new_shops AS enters
		FROM (
			SELECT d.shop_id, pg_catalog.min(d.priority) AS priority
			FROM due d
			WHERE d.in_flight = 0
			GROUP BY d.shop_id
		) n
	), outside AS MATERIALIZED (
		SELECT pg_catalog.min(n.priority) AS priority
		FROM entering n
		WHERE NOT n.enters
	), ranked AS MATERIALIZED (
		SELECT d.shop_id, d.gateway, d.priority, d.in_flight, d.unchecked, k.task_id,
			pg_catalog.row_number() OVER (
				PARTITION BY d.shop_id
				ORDER BY d.priority, k.until DESC NULLS FIRST, k.task_id) AS place
		FROM due d
		CROSS JOIN outside o
		CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(d.tasks), pg_catalog.unnest(d.untils)) AS k (task_id, until)
		WHERE CASE
				WHEN d.in_flight > 0 THEN NOT d.unchecked
					AND (o.priority IS NULL OR d.priority < o.priority
						OR d.priority = o.priority AND d.shop_id IS DISTINCT FROM v_giving_way)
				ELSE d.shop_id IN (
					SELECT n.shop_id
					FROM entering n
					WHERE n.enters)
					AND (o.priority IS NULL OR d.priority <= o.priority)
			END
	)
	-- in the order of x: an aggregate with an order of its own, also by DISTINCT, would have it sorted anew from 16 on
	SELECT pg_catalog.array_agg(x.task_id), pg_catalog.max(x.priority),
		pg_catalog.array_agg(x.shop_id) FILTER (WHERE x.unchecked),
		CASE WHEN p_places ? 'each' THEN pg_catalog.array_agg(CASE WHEN x.priority > 0 THEN x.gateway END) END
	INTO v_found, priority, v_unchecked, v_gateways
	FROM (
		SELECT r.task_id, r.shop_id, r.gateway, r.priority, r.unchecked
		FROM ranked r
		WHERE (r.place <= CASE WHEN r.unchecked THEN 1 ELSE p_each END
				OR r.priority = 0 AND NOT r.unchecked)
			AND (NOT p_best_only OR r.priority = (SELECT pg_catalog.min(b.priority) FROM ranked b))
		ORDER BY r.priority, r.in_flight + r.place, pg_catalog.random()
		LIMIT p_max * 2
	) x;
	tasks := '{}';
	IF v_found IS NULL THEN
		RETURN;
	END IF;

	IF v_gateways IS NOT NULL THEN
		v_found := ordersync.fitting_tasks(v_found, v_gateways, p_places);
	END IF;
	IF v_unchecked IS NOT NULL THEN
		v_checked := ordersync.lock_unchecked(v_unchecked);
	END IF;
	tasks := ARRAY(
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
COMMENT ON FUNCTION ordersync.pick_tasks(integer, integer, integer, integer, boolean, jsonb) IS
	'due tasks, locked: by priority, up to the given one or of the best alone; at most p_each of a run, at most p_max in all, of a gateway as many as p_places has room for; of a priority shops with least in flight first';

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
		(SELECT pg_catalog.min(u.until)
		FROM ordersync.gateways g
		CROSS JOIN LATERAL (
			VALUES (g.throttled_until), (g.spent_until), (g.reserved_until),
				-- where no task could be had for one that is due, somebody may have had the gateway's row
				(CASE WHEN ordersync.is_probe_due(g.next_probe_at, pg_catalog.now()) THEN pg_catalog.now() + interval '10 seconds' ELSE g.next_probe_at END)
			UNION ALL
			SELECT (b.value ->> 'until')::timestamptz
			FROM pg_catalog.jsonb_each(g.method_bans) b
		) u (until)
		WHERE u.until > pg_catalog.now()
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
				FROM ordersync.active_runs(s.shop_id))),
		-- what was left to shops that wait outside is claimed by whoever looks when they are in
		(SELECT pg_catalog.clock_timestamp() + interval '1 second'
		FROM (
			SELECT DISTINCT t.shop_id
			FROM ordersync.sync_tasks t
			WHERE t.state = 'running'
		) a
		HAVING pg_catalog.count(*) >= ordersync.setting('max_active_shops')::integer));
END
$function$;
COMMENT ON FUNCTION ordersync.next_due() IS
	'the earliest moment at which a claim could find what it cannot find now; NULL when nothing waits for a time';
