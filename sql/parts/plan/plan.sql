/*
 * Planning: which parts of a range a run reads.
 *
 * Set arithmetic on multiranges.  A window lies within one day of
 * Asia/Shanghai, in whole seconds; what is older than settle closes, what is
 * younger is fresh.  Now is the platform's clock throughout.
 */

/*
 * One row a list.  Orders are stored by their list and, in an incremental run,
 * checked by the list of arrivals once all else has ended; after-sales have two
 * lists.  A full run that reaches behind the horizon reads the rest from the
 * platform's history.
 */
CREATE OR REPLACE FUNCTION ordersync.plan(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_now timestamptz)
RETURNS TABLE (
	stream text,
	basis text,
	work text,
	held boolean,
	history boolean,
	ranges tstzmultirange,
	closes_until timestamptz,
	lost tstzmultirange)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
ROWS 4
AS $function$
DECLARE
	v_shop ordersync.shops;
	v_arrivals boolean;
	v_unserved jsonb := ordersync.unserved(p_shop);
	v_reach tstzmultirange := tstzmultirange(tstzrange(ordersync.horizon(p_now) + ordersync.horizon_margin(), NULL));
	v_end timestamptz := pg_catalog.date_trunc('second', p_now - ordersync.interval_setting('lag'));
BEGIN
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;

	SELECT COALESCE((g.options ->> 'arrival_check')::boolean, true) INTO v_arrivals
	FROM ordersync.gateways g
	WHERE g.name = v_shop.gateway;

	FOR stream, basis, work, held IN
		SELECT l.stream, l.basis, l.work, l.held
		FROM (VALUES
			('orders', CASE p_kind WHEN 'full' THEN 'created' ELSE 'modified' END, 'store', false, 'orders'),
			('orders', 'arrival', 'check', true, 'orders'),
			('orders', 'created', 'store', false, CASE WHEN p_kind = 'incremental' AND p_since IS NULL THEN 'orders' END),
			('after_sales', 'modified', 'store', false, 'after_sales'),
			('special_refunds', 'modified', 'store', false, 'after_sales')
		) l (stream, basis, work, held, option)
		WHERE ordersync.reads_stream(v_shop.options, l.option)
			AND (l.basis <> 'arrival' OR p_kind = 'incremental' AND v_arrivals)
			AND l.option IS NOT NULL
			AND ordersync.gateway_lists(v_unserved, l.stream)
			AND ordersync.is_served(v_unserved, ordersync.list_name(l.stream, l.basis, NULL, NULL), p_now)
	LOOP
		closes_until := ordersync.closes_until(stream, basis, p_now);
		lost := '{}';
		history := false;

		IF p_kind = 'full' AND stream <> 'orders' THEN
			-- there is no list by creation: what was created then can have changed up to now
			ranges := ordersync.range_to(p_since, v_end) * v_reach;
		ELSIF p_kind = 'full' THEN
			ranges := ordersync.range_to(p_since, p_until) - v_reach;
			IF ranges <> '{}' THEN
				history := true;
				RETURN NEXT;
				history := false;
			END IF;
			ranges := ordersync.range_to(p_since, p_until) * v_reach;
		ELSIF basis = 'created' THEN
			ranges := ordersync.unsettled_days(p_shop, p_now) * v_reach;
			CONTINUE WHEN ranges = '{}';
		ELSIF basis = 'arrival' AND p_since IS NOT NULL THEN
			-- what changed in the range can have been loaded after it
			ranges := ordersync.range_to(p_since, LEAST(p_until + ordersync.interval_setting('proof_delay'), v_end));
		ELSIF p_since IS NOT NULL THEN
			ranges := tstzmultirange(tstzrange(p_since, p_until));
		ELSE
			SELECT u.ranges * v_reach, u.ranges - v_reach
			INTO ranges, lost
			FROM ordersync.uncovered(p_shop, stream, basis, p_until, p_now) u (ranges);
			IF basis = 'arrival' THEN
				lost := '{}';	-- nothing that modified has not lost already
			END IF;
			IF v_shop.unserved ? ordersync.list_name(stream, basis, NULL, NULL) THEN
				-- refused so far: a day's window will tell, the rest when it is served
				ranges := ranges * tstzmultirange(tstzrange(p_until - interval '24 hours', NULL));
				lost := '{}';
			END IF;
			lost := lost - COALESCE((
				SELECT pg_catalog.range_agg(l)
				FROM (
					(SELECT r.lost
					FROM ordersync.sync_runs r
					WHERE r.shop_id = p_shop
						AND r.lost IS NOT NULL
					ORDER BY r.until	-- so that the index of lost ranges has no rival
					OFFSET 0)
					UNION ALL
					-- of runs that are not kept any more
					SELECT o.ranges
					FROM ordersync.lost_ranges o
					WHERE o.shop_id = p_shop
				) r
				CROSS JOIN LATERAL pg_catalog.unnest(r.lost) l), '{}');
		END IF;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.plan(bigint, text, timestamptz, timestamptz, timestamptz) IS
	'the ranges that a run would read, by list; p_since NULL: all that is not covered';

/*
 * Days that full runs have read by creation in part, or too early to say that
 * nothing of them became visible later: read once more when they are old
 * enough.  So the last day of a full run is whole, and proven, by itself.
 */
CREATE OR REPLACE FUNCTION ordersync.unsettled_days(p_shop bigint, p_now timestamptz)
RETURNS tstzmultirange
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT COALESCE(pg_catalog.range_agg(tstzrange(GREATEST(d.starts_at, pg_catalog.lower(c.ranges)), d.ends_at)), '{}')
	FROM ordersync.coverage c
	CROSS JOIN LATERAL (
		SELECT pg_catalog.timezone('Asia/Shanghai', n.day) AS starts_at,
			pg_catalog.timezone('Asia/Shanghai', n.day + interval '1 day') AS ends_at
		FROM pg_catalog.generate_series(
			ordersync.day_of(GREATEST(pg_catalog.lower(c.ranges), ordersync.horizon(p_now) + ordersync.horizon_margin() + interval '24 hours'))::timestamp,
			ordersync.day_of(pg_catalog.upper(c.ranges) - interval '1 second')::timestamp,
			interval '1 day') n (day)
	) d
	WHERE c.shop_id = p_shop
		AND c.stream = 'orders'
		AND c.basis = 'created'
		AND d.ends_at <= p_now - ordersync.interval_setting('lag') - ordersync.interval_setting('proof_delay')
		AND (c.ranges && tstzrange(d.starts_at, d.ends_at)
				AND NOT c.ranges @> tstzrange(GREATEST(d.starts_at, pg_catalog.lower(c.ranges)), d.ends_at)
			OR EXISTS (
				SELECT
				FROM ordersync.window_counts w
				WHERE w.shop_id = p_shop
					AND w.stream = 'orders'
					AND w.basis = 'created'
					AND w.range >= tstzrange(d.starts_at, d.starts_at, '[]')
					AND w.range < tstzrange(d.ends_at, d.ends_at, '[]')
					AND (w.verdict = 'short'
						OR w.verdict = 'counted' AND w.began_at < pg_catalog.upper(w.range) + ordersync.interval_setting('proof_delay'))))
$function$;
COMMENT ON FUNCTION ordersync.unsettled_days(bigint, timestamptz) IS
	'days to be read by creation again because they were read in part, were short, or were read before all of their records were visible';

CREATE OR REPLACE FUNCTION ordersync.uncovered(
	p_shop bigint,
	p_stream text,
	p_basis text,
	p_until timestamptz,
	p_now timestamptz)
RETURNS tstzmultirange
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT ordersync.range_to(LEAST(
			ordersync.first_instant(p_stream, c.ranges, s.first_full_at, s.first_incremental_at, p_now),
			-- the second list of after-sales reaches as far back as the first
			CASE WHEN p_stream = 'special_refunds' THEN (
				SELECT pg_catalog.lower(m.ranges)
				FROM ordersync.coverage m
				WHERE m.shop_id = p_shop
					AND m.stream = 'after_sales'
					AND m.basis = p_basis) END),
		p_until) - c.ranges
	FROM ordersync.shops s
	CROSS JOIN LATERAL (
		SELECT COALESCE((
			SELECT c.ranges
			FROM ordersync.coverage c
			WHERE c.shop_id = p_shop
				AND c.stream = p_stream
				AND c.basis = p_basis), '{}') AS ranges
	) c
	WHERE s.shop_id = p_shop
$function$;
COMMENT ON FUNCTION ordersync.uncovered(bigint, text, text, timestamptz, timestamptz) IS
	'what incremental reading of a list has not closed yet, up to p_until';

/*
 * Where incremental reading of a stream begins.  The earliest of all that is
 * known: a range that somebody typed before the first plain run must not hide
 * what changed between the first full run and that range.
 */
CREATE OR REPLACE FUNCTION ordersync.first_instant(
	p_stream text,
	p_covered tstzmultirange,
	p_first_full timestamptz,
	p_first_incremental timestamptz,
	p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.date_trunc('second', LEAST(
		pg_catalog.lower(p_covered),
		p_first_full - ordersync.interval_setting(CASE p_stream WHEN 'orders' THEN 'proof_delay' ELSE 'settle_after_sales' END),
		pg_catalog.timezone('Asia/Shanghai', ordersync.day_of(COALESCE(p_first_incremental, p_now))::timestamp)))
$function$;
COMMENT ON FUNCTION ordersync.first_instant(text, tstzmultirange, timestamptz, timestamptz, timestamptz) IS
	'where incremental reading of a stream begins';
