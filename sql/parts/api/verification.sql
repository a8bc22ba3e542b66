/*
 * The comparison of counts with the platform's.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_verify(shop_id bigint, since timestamptz, until timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $function$
#variable_conflict use_variable
DECLARE
	v_now timestamptz;
	v record;
	v_run bigint;
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	IF since IS NULL OR until IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'since and until must be given',
			HINT = format('The last thirty days: SELECT ordersync_verify(%s, ordersync_day(ordersync_today() - 30), now()).', shop_id);
	END IF;
	PERFORM ordersync.check_countable(shop_id);
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.lock_shop(shop_id);
	v_now := ordersync.platform_now(shop_id);
	SELECT * INTO v
	FROM ordersync.resolve_range('verify', since, until, v_now);

	-- one that has begun may have counted before what is asked about
	SELECT r.run_id INTO v_run
	FROM ordersync.sync_runs r
	WHERE r.shop_id = ordersync_verify.shop_id
		AND r.kind = 'verify'
		AND r.state = 'pending'
		AND r.since <= v.since
		AND r.until >= v.until
	ORDER BY r.run_id
	LIMIT 1;
	IF FOUND THEN
		PERFORM ordersync.note_all_links(shop_id);
		PERFORM ordersync.announce_run(v_run, true, v.shortened);
		RETURN v_run;
	END IF;

	INSERT INTO ordersync.sync_runs AS r (shop_id, kind, since, until, links_due)
	VALUES (shop_id, 'verify', v.since, v.until, true)
	RETURNING r.run_id INTO v_run;
	PERFORM ordersync.note_all_links(shop_id);	-- somebody may have deleted rows

	-- the kinds are checked when the days are whole
	INSERT INTO ordersync.sync_tasks AS t (run_id, shop_id, stream, basis, work, held, ext_type, since, until, is_part)
	SELECT v_run, s.shop_id, l.stream, l.basis, l.work, l.work = 'check', l.ext_type, w.since, w.until, l.work = 'count'
	FROM ordersync.shops s
	CROSS JOIN ordersync.unserved(s.shop_id) u (lists)
	CROSS JOIN (VALUES
		('orders', 'created', 'count', NULL, 'orders'),
		-- orders of a special kind may be in no list but their own
		('orders', 'created', 'check', 'ershou', 'orders'),
		('orders', 'created', 'check', 'service', 'orders'),
		('orders', 'created', 'check', 'mark', 'orders'),
		('after_sales', 'modified', 'count', NULL, 'after_sales'),
		('special_refunds', 'modified', 'count', NULL, 'after_sales')
	) l (stream, basis, work, ext_type, option)
	CROSS JOIN LATERAL ordersync.cut_windows(
		ordersync.range_to(v.since, v.until), 'infinity', ordersync.max_window(s.shop_id)) w
	WHERE s.shop_id = ordersync_verify.shop_id
		AND ordersync.reads_stream(s.options, l.option)
		AND ordersync.gateway_lists(u.lists, l.stream)
		AND ordersync.is_served(u.lists, ordersync.list_name(l.stream, l.basis, l.ext_type, NULL), v_now);
	PERFORM ordersync.add_type_counts(v_run, shop_id, 'verify', v.since, v.until, v_now);
	PERFORM ordersync.add_windows_of_missing_rows(v_run, shop_id, v.since, v.until, v_now);
	PERFORM ordersync.count_tasks(v_run, t.open, t.held)
	FROM (
		SELECT count(*)::integer AS open,
			count(*) FILTER (WHERE t.held)::integer AS held
		FROM ordersync.sync_tasks t
		WHERE t.run_id = v_run
	) t;

	PERFORM ordersync.announce_run(v_run, false, v.shortened);
	PERFORM ordersync.wake();
	RETURN v_run;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_verify(bigint, timestamptz, timestamptz) IS
	'compares the platform''s counts with the stored ones, day by day, orders by creation and after-sales by modification, and reads days that differ again. Returns the run_id';

CREATE OR REPLACE FUNCTION ordersync.check_countable(p_shop bigint)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_gateway record;
BEGIN
	SELECT g.* INTO v_gateway
	FROM ordersync.gateway_without(p_shop, 'count of orders') g;
	IF v_gateway.name IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = pg_catalog.format('gateway "%s" does not count the orders of a range', v_gateway.name),
			DETAIL = pg_catalog.format('Its lists have no totals (option "%s").', v_gateway.protocol),
			HINT = pg_catalog.format('Read the range again instead: SELECT ordersync_trigger_full(%s, since, until).', p_shop);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_countable(bigint) IS
	'raises an error where the gateway of a shop has no totals, so that nothing can be verified';

/*
 * A count tells that rows are gone where nothing else makes up for them.  So the
 * windows of records that are kept and have no row are read first, and counted
 * when that is done.
 */
CREATE OR REPLACE FUNCTION ordersync.add_windows_of_missing_rows(
	p_run bigint,
	p_shop bigint,
	p_since timestamptz,
	p_until timestamptz,
	p_now timestamptz)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	WITH gone AS MATERIALIZED (
		SELECT 'orders' AS stream, g.created AS at
		FROM ordersync.records_without_rows('orders', p_shop) g
		WHERE g.created >= p_since
			AND g.created < p_until
		UNION ALL
		SELECT l.stream, g.modified
		FROM ordersync.records_without_rows('after_sales', p_shop) g
		CROSS JOIN (VALUES ('after_sales'), ('special_refunds')) AS l (stream)
		WHERE g.modified >= p_since
			AND g.modified < p_until
	), first AS (
		UPDATE ordersync.sync_tasks t
		SET held = true
		WHERE t.run_id = p_run
			AND t.work = 'count'
			AND t.ext_type IS NULL
			AND EXISTS (
				SELECT
				FROM gone g
				WHERE g.stream = t.stream
					AND g.at >= t.since
					AND g.at < t.until)
		RETURNING t.stream, t.basis, t.since, t.until
	)
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, fresh, reason)
	SELECT p_run, p_shop, f.stream, f.basis, w.since, w.until, w.fresh, 'verify'
	FROM first f
	CROSS JOIN LATERAL ordersync.cut_windows(tstzmultirange(tstzrange(f.since, f.until)),
		ordersync.closes_until(f.stream, f.basis, p_now), ordersync.max_window(p_shop)) w
$function$;
COMMENT ON FUNCTION ordersync.add_windows_of_missing_rows(bigint, bigint, timestamptz, timestamptz, timestamptz) IS
	'adds to a verify run the windows of records whose row is missing, to be read before they are counted';
