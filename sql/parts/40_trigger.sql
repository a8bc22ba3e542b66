/*
 * Triggers: a request to sync becomes a run and its tasks, or joins an active
 * run that reads all that is asked for.
 *
 * Runs of one shop and kind go one after another, which claim sees to; a
 * trigger only stores.  It wakes the workers at its commit.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_full(
	shop_id bigint,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	RETURN ordersync.trigger_one(shop_id, 'full', since, until);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_full(bigint, timestamptz, timestamptz) IS
	'syncs a shop''s orders by creation and its after-sales changed since; default: from the same day a month ago to now. Returns the run_id';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_incremental(
	shop_id bigint,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	RETURN ordersync.trigger_one(shop_id, 'incremental', since, until);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_incremental(bigint, timestamptz, timestamptz) IS
	'syncs what changed at a shop; default: all that is not covered yet. Returns the run_id';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_all(
	kind text,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL,
	shop_ids bigint[] DEFAULT NULL)
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_kind(kind);
	RETURN QUERY
	SELECT t.shop_id, t.run_id
	FROM ordersync.trigger_many(kind, since, until, shop_ids) t;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_all(text, timestamptz, timestamptz, bigint[]) IS
	'triggers a run of that kind for every enabled shop, or for the enabled ones among those given';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_month(
	month text DEFAULT NULL,
	shop_ids bigint[] DEFAULT NULL)
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_first timestamp;
BEGIN
	IF month IS NULL THEN
		v_first := date_trunc('month', timezone('Asia/Shanghai', now())) - interval '1 month';
	ELSIF month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$' THEN
		v_first := (month || '-01')::timestamp;
	ELSE
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" is not a month', month),
			HINT = 'Write year and month: SELECT * FROM ordersync_trigger_month(''2026-09'').';
	END IF;

	RETURN QUERY
	SELECT t.shop_id, t.run_id
	FROM ordersync.trigger_many('full',
		timezone('Asia/Shanghai', v_first),
		timezone('Asia/Shanghai', v_first + interval '1 month'),
		shop_ids) t;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_month(text, bigint[]) IS
	'full runs over a calendar month of Asia/Shanghai, ''2026-09''; default: the month before';

CREATE OR REPLACE FUNCTION ordersync.check_kind(p_kind text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_kind IS NULL OR p_kind NOT IN ('full', 'incremental') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unknown kind of run "%s"', COALESCE(p_kind, 'NULL')),
			HINT = 'Kinds: full, incremental.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_kind(text) IS
	'raises an error for a kind of run that nobody can trigger over a range';

CREATE OR REPLACE FUNCTION ordersync.trigger_one(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
BEGIN
	PERFORM ordersync.check_shop(p_shop);
	PERFORM ordersync.set_up_when_older();
	SELECT * INTO v
	FROM ordersync.start_run(p_shop, p_kind, p_since, p_until);
	PERFORM ordersync.announce_run(v.run_id, v.joined, v.shortened);
	PERFORM ordersync.wake();
	RETURN v.run_id;
END
$function$;
COMMENT ON FUNCTION ordersync.trigger_one(bigint, text, timestamptz, timestamptz) IS
	'triggers one run and says so';

CREATE OR REPLACE FUNCTION ordersync.trigger_many(
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_shops bigint[])
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
#variable_conflict use_column
DECLARE
	v_shop bigint;
	v record;
	v_joined integer := 0;
	v_new integer := 0;
	v_first bigint;
	v_last bigint;
	v_shops bigint[] := '{}';
BEGIN
	IF pg_catalog.to_regclass('ordersync.shops') IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'there is no shop yet',
			HINT = 'Begin with SELECT ordersync_add_gateway(''taobao'', base_url, app_key, app_secret), then ordersync_add_shop.';
	END IF;
	PERFORM ordersync.set_up_when_older();
	FOREACH v_shop IN ARRAY COALESCE(p_shops, '{}') LOOP
		PERFORM ordersync.check_shop(v_shop);
	END LOOP;

	FOR v_shop IN
		SELECT s.shop_id
		FROM ordersync.shops s
		WHERE s.enabled
			AND CASE
				WHEN p_shops IS NULL THEN
					-- "off" is the shop's word against the schedule, not against who names it
					s.options ->> (CASE p_kind WHEN 'full' THEN 'full_run' ELSE p_kind END) IS DISTINCT FROM 'off'
					AND ordersync.is_allowed(s.shop_id)
				ELSE s.shop_id = ANY (p_shops)
			END
		ORDER BY s.shop_id
	LOOP
		SELECT * INTO v
		FROM ordersync.start_run(v_shop, p_kind, p_since, p_until);
		IF v.joined THEN
			v_joined := v_joined + 1;
		ELSE
			v_new := v_new + 1;
			v_first := LEAST(v_first, v.run_id);
			v_last := GREATEST(v_last, v.run_id);
		END IF;
		shop_id := v_shop;
		run_id := v.run_id;
		v_shops := v_shops || v_shop;
		RETURN NEXT;
	END LOOP;

	PERFORM ordersync.announce(pg_catalog.concat_ws(', ',
		pg_catalog.format('%s new %s runs', v_new, p_kind)
			|| CASE WHEN v_new > 0 THEN pg_catalog.format(' (%s to %s)', v_first, v_last) ELSE '' END,
		CASE WHEN v_joined > 0 THEN pg_catalog.format('%s shops join active ones', v_joined) END,
		ordersync.starts_at_commit()), NULL);
	PERFORM ordersync.warn_keys(v_shops);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.trigger_many(text, timestamptz, timestamptz, bigint[]) IS
	'triggers a run for each enabled shop and says so once';

CREATE OR REPLACE FUNCTION ordersync.start_run(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
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

	run_id := ordersync.find_run(p_shop, p_kind, v_range.since, v_range.until, v_range.bound, v_now);
	joined := run_id IS NOT NULL;
	IF p_kind = 'full' AND p_since IS NULL AND p_until IS NULL THEN
		PERFORM ordersync.note_all_links(p_shop);	-- somebody may have deleted rows
	END IF;
	IF NOT joined THEN
		run_id := ordersync.make_run(p_shop, p_kind, v_range.since, v_range.until, v_now);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.start_run(bigint, text, timestamptz, timestamptz) IS
	'joins an active run that reads all that is asked for, or makes a new one';

CREATE OR REPLACE FUNCTION ordersync.lock_shop(p_shop bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
BEGIN
	-- shops share a few locks: one transaction may start the runs of thousands, and the server has room for so many
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('shop/' || p_shop % 256));
	RETURN true;
EXCEPTION
	/*
	 * Somebody left a transaction with a trigger open, or two that trigger
	 * many shops wait for each other.  The night's run must not hang on that:
	 * it goes on without joining, which reads more, not less.
	 */
	WHEN lock_not_available OR deadlock_detected THEN
		RETURN false;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_shop(bigint) IS
	'keeps other triggers of the shop waiting until commit; false when one keeps us waiting for more than two seconds';

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
	p_now timestamptz)
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

	INSERT INTO ordersync.sync_runs AS r (shop_id, kind, since, until, lost, links_due)
	VALUES (p_shop, p_kind, COALESCE(v_since, p_until), p_until, v_lost, true)
	RETURNING r.run_id INTO v_run;

	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, held, history, since, until, fresh, next_attempt_at)
	SELECT v_run, p_shop, p.stream, p.basis, p.work, p.held, p.history, w.since, w.until, w.fresh AND NOT p.history,
		-- what is about to pass from the lists into the history is nowhere for sure before it has
		CASE WHEN p.history AND w.until > ordersync.horizon(p_now) THEN
			pg_catalog.clock_timestamp() + (w.until - ordersync.horizon(p_now)) + ordersync.span('lag')
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
		PERFORM ordersync.fetch_aging(v_run, p_shop, p_now);
		PERFORM ordersync.seek_ends(v_run, p_shop, p_now);
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
COMMENT ON FUNCTION ordersync.make_run(bigint, text, timestamptz, timestamptz, timestamptz) IS
	'stores a run and its tasks';
