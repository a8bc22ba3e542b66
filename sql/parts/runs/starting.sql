/*
 * How a run begins: made with its tasks, or joined to an active one that reads all
 * that is asked for.
 */
CREATE OR REPLACE FUNCTION ordersync.start_run(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_requested_by name DEFAULT session_user,
	OUT run_id bigint,
	OUT joined boolean,
	OUT shortened boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
-- ten thousand shops are triggered by one session: see settle; what looks at orders plans by itself
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
-- the planner takes every unnest and generate_series for thousands of rows
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
	v_now timestamptz;
	v_range record;
BEGIN
	-- held until commit, so that two triggers at once see each other's run and join
	PERFORM ordersync.lock_shop(p_shop);

	v_now := ordersync.platform_now(p_shop);
	SELECT * INTO v_range
	FROM ordersync.resolve_range(p_kind, p_since, p_until, v_now);
	shortened := v_range.shortened;
	IF p_kind = 'full' THEN
		PERFORM ordersync.check_history(p_shop, v_range.since, v_now);
	END IF;

	run_id := ordersync.find_run(p_shop, p_kind, v_range.since, v_range.until, v_range.bound, v_now);
	joined := run_id IS NOT NULL;
	IF p_kind = 'full' AND p_since IS NULL AND p_until IS NULL THEN
		PERFORM ordersync.note_all_links(p_shop);	-- somebody may have deleted rows
	END IF;
	IF NOT joined THEN
		run_id := ordersync.make_run(p_shop, p_kind, v_range.since, v_range.until, v_now, p_requested_by);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.start_run(bigint, text, timestamptz, timestamptz, name) IS
	'joins an active run that reads all that is asked for, or makes a new one';

CREATE OR REPLACE FUNCTION ordersync.check_history(p_shop bigint, p_since timestamptz, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_gateway record;
	v_oldest timestamptz := ordersync.horizon(p_now) + ordersync.horizon_margin();
BEGIN
	IF p_since >= v_oldest THEN
		RETURN;
	END IF;
	SELECT g.* INTO v_gateway
	FROM ordersync.gateway_without(p_shop, 'history') g;
	IF v_gateway.name IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('gateway "%s" does not serve that range', v_gateway.name),
			DETAIL = pg_catalog.format('It has no list of the platform''s history (option "%s": a path for it); the other lists reach back to %s Asia/Shanghai.',
				v_gateway.protocol, ordersync.format_time(v_oldest)),
			HINT = pg_catalog.format('The earliest whole day is %s: since => ordersync_day(%L).',
				pg_catalog.to_char(ordersync.day_of(v_oldest) + 1, 'YYYY-MM-DD'),
				pg_catalog.to_char(ordersync.day_of(v_oldest) + 1, 'YYYY-MM-DD'));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_history(bigint, timestamptz, timestamptz) IS
	'raises an error where a range begins before the lists of the shop''s gateway do';

/*
 * The active run that reads all that a new one would read, or NULL.  What a
 * run reads is what its tasks say, cut or not, failed ones left out: a plain
 * incremental run whose range spans a September that was covered before does
 * not read September.
 */
CREATE OR REPLACE FUNCTION ordersync.find_run(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_bound timestamptz,
	p_now timestamptz)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT r.run_id
	FROM ordersync.sync_runs r
	WHERE r.shop_id = p_shop
		AND r.kind = p_kind
		AND r.state IN ('pending', 'running')
		AND r.until >= p_bound
		AND NOT EXISTS (
			SELECT
			FROM ordersync.plan(p_shop, p_kind, p_since, p_until, p_now) p
			WHERE NOT p.ranges * tstzmultirange(tstzrange(NULL, p_bound)) <@ COALESCE((
				SELECT pg_catalog.range_agg(tstzrange(t.since, t.until))
				FROM ordersync.sync_tasks t
				WHERE t.run_id = r.run_id
					AND t.stream = p.stream
					AND t.basis = p.basis
					AND t.work = p.work
					AND t.state IN ('pending', 'running', 'succeeded')), '{}')
		)
	ORDER BY r.run_id
	LIMIT 1
$function$;
COMMENT ON FUNCTION ordersync.find_run(bigint, text, timestamptz, timestamptz, timestamptz, timestamptz) IS
	'the active run that reads all that is asked for';

CREATE OR REPLACE FUNCTION ordersync.make_run(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_now timestamptz,
	p_requested_by name DEFAULT session_user)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_run bigint;
	v_since timestamptz;
	v_lost tstzmultirange;
BEGIN
	SELECT LEAST(p_since, pg_catalog.min(pg_catalog.lower(p.ranges))),
		NULLIF(pg_catalog.range_agg(l), '{}')
	INTO v_since, v_lost
	FROM ordersync.plan(p_shop, p_kind, p_since, p_until, p_now) p
	LEFT JOIN LATERAL pg_catalog.unnest(p.lost) l ON true;

	INSERT INTO ordersync.sync_runs AS r (shop_id, kind, since, until, requested_by, lost, links_due)
	VALUES (p_shop, p_kind, COALESCE(v_since, p_until), p_until, p_requested_by, v_lost, true)
	RETURNING r.run_id INTO v_run;

	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, held, history, since, until, fresh, next_attempt_at)
	SELECT v_run, p_shop, p.stream, p.basis, p.work, p.held, p.history, w.since, w.until, w.fresh AND NOT p.history,
		-- what is about to pass from the lists into the history is nowhere for sure before it has
		CASE WHEN p.history AND w.until > ordersync.horizon(p_now) THEN
			pg_catalog.clock_timestamp() + (w.until - ordersync.horizon(p_now)) + ordersync.interval_setting('lag')
		END
	FROM ordersync.plan(p_shop, p_kind, p_since, p_until, p_now) p
	CROSS JOIN LATERAL ordersync.cut_windows(
		p.ranges, CASE WHEN p.history THEN ordersync.horizon(p_now) ELSE p.closes_until END,
		ordersync.max_window(p_shop)) w;

	IF p_kind = 'incremental' THEN
		UPDATE ordersync.shops s
		SET first_incremental_at = p_now
		WHERE s.shop_id = p_shop
			AND s.first_incremental_at IS NULL;
	END IF;
	IF p_kind = 'incremental' AND p_since IS NULL THEN
		PERFORM ordersync.fetch_aging_orders(v_run, p_shop, p_now);
		PERFORM ordersync.search_history(v_run, p_shop, p_now);
	END IF;
	IF p_kind = 'full' OR p_since IS NULL THEN
		PERFORM ordersync.add_type_counts(v_run, p_shop, p_kind, p_since, p_until, p_now);
	END IF;

	-- nothing to read is a run that has ended
	PERFORM ordersync.count_tasks(v_run, t.open, t.held)
	FROM (
		SELECT pg_catalog.count(*)::integer AS open,
			pg_catalog.count(*) FILTER (WHERE t.held)::integer AS held
		FROM ordersync.sync_tasks t
		WHERE t.run_id = v_run
	) t;
	RETURN v_run;
END
$function$;
COMMENT ON FUNCTION ordersync.make_run(bigint, text, timestamptz, timestamptz, timestamptz, name) IS
	'stores a run and its tasks';
