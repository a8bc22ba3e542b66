/*
 * Planning: which ranges a run reads, and the windows that they are cut into.
 *
 * Set arithmetic on multiranges.  A window lies within one day of
 * Asia/Shanghai, in whole seconds; what is older than settle closes, what is
 * younger is fresh.  Now is the platform's clock throughout.
 */
CREATE OR REPLACE FUNCTION ordersync.span(p_setting text)
RETURNS interval
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT
AS $function$
	-- '1d' as 24 hours: a day of the session's zone may have 23
	SELECT pg_catalog.make_interval(secs =>
		EXTRACT(epoch FROM ordersync.setting(p_setting)::interval)::double precision)
$function$;
COMMENT ON FUNCTION ordersync.span(text) IS
	'a setting that is a span of time, in hours and seconds, whatever the session''s zone';

CREATE OR REPLACE FUNCTION ordersync.span_ms(p_setting text)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT
RETURN (EXTRACT(epoch FROM ordersync.span(p_setting)) * 1000)::bigint;
COMMENT ON FUNCTION ordersync.span_ms(text) IS
	'a setting that is a span of time, in milliseconds';

CREATE OR REPLACE FUNCTION ordersync.clock_offset(p_shop bigint)
RETURNS interval
LANGUAGE plpgsql STABLE PARALLEL SAFE STRICT	-- a function in SQL would be planned at each call
AS $function$
BEGIN
	RETURN (
		SELECT g.clock_offset
		FROM ordersync.shops s
		JOIN ordersync.gateways g ON g.name = s.gateway
		WHERE s.shop_id = p_shop);
END
$function$;
COMMENT ON FUNCTION ordersync.clock_offset(bigint) IS
	'the clock of the shop''s platform minus ours';

CREATE OR REPLACE FUNCTION ordersync.platform_now(p_shop bigint)
RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE STRICT
AS $function$
	SELECT pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() + ordersync.clock_offset(p_shop))
$function$;
COMMENT ON FUNCTION ordersync.platform_now(bigint) IS
	'now by the clock of the shop''s platform, in whole seconds';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_day(day date)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.timezone('Asia/Shanghai', day::timestamp)
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_day(date) IS
	'the first instant of a day in Asia/Shanghai';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_today()
RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.timezone('Asia/Shanghai', pg_catalog.now())::date;
COMMENT ON FUNCTION @extschema@.ordersync_today() IS
	'the day it is in Asia/Shanghai; current_date is the session''s, which is another for hours a day elsewhere';

CREATE OR REPLACE FUNCTION ordersync.day_of(p_at timestamptz)
RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.timezone('Asia/Shanghai', p_at)::date
$function$;
COMMENT ON FUNCTION ordersync.day_of(timestamptz) IS
	'the day of an instant in Asia/Shanghai';

CREATE OR REPLACE FUNCTION ordersync.show_instant(p_at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.to_char(pg_catalog.timezone('Asia/Shanghai', p_at), 'YYYY-MM-DD HH24:MI:SS')
$function$;
COMMENT ON FUNCTION ordersync.show_instant(timestamptz) IS
	'an instant as people in Asia/Shanghai write it';

CREATE OR REPLACE FUNCTION ordersync.show_range(p_since timestamptz, p_until timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.show_instant(p_since) || ' to ' || ordersync.show_instant(p_until) || ' Asia/Shanghai'
$function$;
COMMENT ON FUNCTION ordersync.show_range(timestamptz, timestamptz) IS
	'a range as people in Asia/Shanghai write it';

CREATE OR REPLACE FUNCTION ordersync.horizon(p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	-- in hours: 90 days of the session's zone may be an hour longer
	SELECT p_now - interval '2160 hours'
$function$;
COMMENT ON FUNCTION ordersync.horizon(timestamptz) IS
	'the oldest instant that the platform''s lists serve: three months, which are 90 days';

CREATE OR REPLACE FUNCTION ordersync.history_horizon(p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT p_now - interval '17520 hours'
$function$;
COMMENT ON FUNCTION ordersync.history_horizon(timestamptz) IS
	'the oldest instant of creation that the platform''s history of orders serves: two years, which are 730 days';

CREATE OR REPLACE FUNCTION ordersync.grace()
RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT interval '1 hour'
$function$;
COMMENT ON FUNCTION ordersync.grace() IS
	'what is planned must still be served when its turn comes: no list is planned so close to its horizon';

/*
 * What was asked, made definite: whole seconds, an end that the platform can
 * serve, a beginning where the kind has a default.  p_since stays NULL for an
 * incremental run over all that is not covered.
 */
CREATE OR REPLACE FUNCTION ordersync.resolve_range(
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_now timestamptz,
	OUT since timestamptz,
	OUT until timestamptz,
	OUT shortened boolean,
	OUT bound timestamptz)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_end timestamptz := pg_catalog.date_trunc('second', p_now - ordersync.span('lag'));
	v_oldest timestamptz := CASE p_kind
		WHEN 'full' THEN ordersync.history_horizon(p_now)
		-- the last day that the lists still hold may be over before it is counted
		WHEN 'verify' THEN ordersync.horizon(p_now) + interval '24 hours'
		ELSE ordersync.horizon(p_now)
	END;
BEGIN
	IF p_since >= p_until THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'since must be before until',
			DETAIL = pg_catalog.format('The range asked for is %s.', ordersync.show_range(p_since, p_until)),
			HINT = 'A whole day is since => ordersync_day(''2026-09-01''), until => ordersync_day(''2026-09-02'').';
	END IF;
	IF NOT pg_catalog.isfinite(p_since) OR p_until = '-infinity' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'since and until must be instants',
			HINT = 'Leave them out for the default range.';
	END IF;

	-- inwards would leave out part of a second that was asked for
	since := pg_catalog.date_trunc('second', p_since);
	until := pg_catalog.date_trunc('second', p_until);
	IF until < p_until THEN
		until := until + interval '1 second';
	END IF;
	shortened := COALESCE(until > v_end, false);
	IF until IS NULL OR shortened THEN
		until := v_end;
	END IF;
	-- what is younger than settle is promised by no run, so nobody is asked to contain it
	bound := LEAST(until, v_end - ordersync.span('settle'));

	IF since IS NULL AND p_kind = 'full' THEN
		since := pg_catalog.timezone('Asia/Shanghai', ordersync.day_of(p_now) - interval '1 month');
		IF since >= until THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'since must be before until',
				DETAIL = pg_catalog.format('Without since a full run begins at %s Asia/Shanghai.', ordersync.show_instant(since)),
				HINT = 'Give since as well.';
		END IF;
	ELSIF since >= until THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the range has not begun yet',
			DETAIL = pg_catalog.format('It begins at %s; the platform is asked up to %s Asia/Shanghai.',
				ordersync.show_instant(since), ordersync.show_instant(v_end)),
			HINT = 'Nothing younger than ordersync.lag is asked for.';
	END IF;

	IF since < v_oldest OR until <= v_oldest THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the platform does not serve that range',
			DETAIL = pg_catalog.format(CASE p_kind
					WHEN 'full' THEN 'Its history of orders reaches back two years, to %s Asia/Shanghai.'
					WHEN 'verify' THEN 'Counts are compared within 89 days, from %s Asia/Shanghai on.'
					ELSE 'Its lists reach back 90 days, to %s Asia/Shanghai.'
				END, ordersync.show_instant(v_oldest)),
			HINT = pg_catalog.format('The earliest whole day is %s: since => ordersync_day(%L).',
				pg_catalog.to_char(ordersync.day_of(v_oldest) + 1, 'YYYY-MM-DD'),
				pg_catalog.to_char(ordersync.day_of(v_oldest) + 1, 'YYYY-MM-DD'));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.resolve_range(text, timestamptz, timestamptz, timestamptz) IS
	'makes a range that was asked for definite, or says why the platform cannot serve it; bound is up to where a run must reach to contain it';

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
	v_reach tstzmultirange := tstzmultirange(tstzrange(ordersync.horizon(p_now) + ordersync.grace(), NULL));
	v_end timestamptz := pg_catalog.date_trunc('second', p_now - ordersync.span('lag'));
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
		WHERE COALESCE(v_shop.options -> 'streams', '["orders", "after_sales"]') ? l.option
			AND (l.basis <> 'arrival' OR p_kind = 'incremental' AND v_arrivals)
			AND l.option IS NOT NULL
			AND ordersync.is_served(v_shop.unserved, ordersync.list_name(l.stream, l.basis, NULL, NULL), p_now)
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
			ranges := ordersync.range_to(p_since, LEAST(p_until + ordersync.span('proof_delay'), v_end));
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
					SELECT r.lost
					FROM ordersync.sync_runs r
					WHERE r.shop_id = p_shop
						AND r.lost IS NOT NULL
					ORDER BY r.until	-- so that the index of lost ranges has no rival
					OFFSET 0
				) r
				CROSS JOIN LATERAL pg_catalog.unnest(r.lost) l), '{}');
		END IF;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.plan(bigint, text, timestamptz, timestamptz, timestamptz) IS
	'the ranges that a run would read, by list; p_since NULL: all that is not covered';

CREATE OR REPLACE FUNCTION ordersync.closes_until(p_stream text, p_basis text, p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.date_trunc('second', p_now - CASE
		-- what was loaded stays loaded: nothing arrives in the past
		WHEN p_basis = 'arrival' THEN ordersync.span('lag')
		WHEN p_stream = 'orders' THEN ordersync.span('settle')
		ELSE ordersync.span('settle_after_sales')
	END)
$function$;
COMMENT ON FUNCTION ordersync.closes_until(text, text, timestamptz) IS
	'the instant up to which windows of a list close: what is younger may still become visible';

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
			ordersync.day_of(GREATEST(pg_catalog.lower(c.ranges), ordersync.horizon(p_now) + ordersync.grace() + interval '24 hours'))::timestamp,
			ordersync.day_of(pg_catalog.upper(c.ranges) - interval '1 second')::timestamp,
			interval '1 day') n (day)
	) d
	WHERE c.shop_id = p_shop
		AND c.stream = 'orders'
		AND c.basis = 'created'
		AND d.ends_at <= p_now - ordersync.span('lag') - ordersync.span('proof_delay')
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
						OR w.verdict = 'counted' AND w.began_at < pg_catalog.upper(w.range) + ordersync.span('proof_delay'))))
$function$;
COMMENT ON FUNCTION ordersync.unsettled_days(bigint, timestamptz) IS
	'days to be read by creation once more, since they were read in part, short, or before all of them could be seen';

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
 * Lists that need a permission of their own.  A refusal is remembered for a
 * day: a shop without the permission costs one call a day, and one that is
 * given it is read without anybody's doing.
 */
CREATE OR REPLACE FUNCTION ordersync.list_name(
	p_stream text,
	p_basis text,
	p_ext_type text,
	p_details_of text,
	p_reason text DEFAULT NULL)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_ext_type = 'any' THEN p_stream || ' of any type'
		WHEN p_ext_type IS NOT NULL THEN 'ext_type ' || p_ext_type
		WHEN p_stream = 'details' THEN 'details of ' || p_details_of
		-- a range of it that somebody asked for is another matter
		WHEN p_reason = 'open' THEN 'history'
		WHEN p_stream = 'special_refunds' THEN 'special_refunds'
		WHEN p_basis = 'arrival' THEN 'arrival'
	END
$function$;
COMMENT ON FUNCTION ordersync.list_name(text, text, text, text, text) IS
	'the name under which shops.unserved remembers a list that a shop can do without; NULL for one that it cannot';

CREATE OR REPLACE FUNCTION ordersync.is_served(p_unserved jsonb, p_list text, p_now timestamptz)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE((p_unserved -> p_list ->> 'at')::timestamptz < p_now - interval '24 hours', true)
$function$;
COMMENT ON FUNCTION ordersync.is_served(jsonb, text, timestamptz) IS
	'whether a list (list_name) is to be asked: the platform has not refused it to the shop within a day';

CREATE OR REPLACE FUNCTION ordersync.max_window(p_shop bigint)
RETURNS interval
LANGUAGE plpgsql STABLE PARALLEL SAFE STRICT
AS $function$
BEGIN
	RETURN (
		SELECT COALESCE((g.options ->> 'max_window')::interval, interval '1 day')
		FROM ordersync.shops s
		JOIN ordersync.gateways g ON g.name = s.gateway
		WHERE s.shop_id = p_shop);
END
$function$;
COMMENT ON FUNCTION ordersync.max_window(bigint) IS
	'the longest window that the shop''s gateway accepts';

CREATE OR REPLACE FUNCTION ordersync.range_to(p_since timestamptz, p_until timestamptz)
RETURNS tstzmultirange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_since < p_until THEN tstzmultirange(tstzrange(p_since, p_until))
		ELSE '{}'::tstzmultirange
	END
$function$;
COMMENT ON FUNCTION ordersync.range_to(timestamptz, timestamptz) IS
	'[since, until), empty where since is not before until';

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
		p_first_full - ordersync.span(CASE p_stream WHEN 'orders' THEN 'proof_delay' ELSE 'settle_after_sales' END),
		pg_catalog.timezone('Asia/Shanghai', ordersync.day_of(COALESCE(p_first_incremental, p_now))::timestamp)))
$function$;
COMMENT ON FUNCTION ordersync.first_instant(text, tstzmultirange, timestamptz, timestamptz, timestamptz) IS
	'where incremental reading of a stream begins';

/*
 * Days first, then the settle line, then the gateway's longest window: every
 * cut is a whole second, so that the parts add up to the ranges exactly.
 */
CREATE OR REPLACE FUNCTION ordersync.cut_windows(
	p_ranges tstzmultirange,
	p_closes_until timestamptz,
	p_max_window interval)
RETURNS TABLE (since timestamptz, until timestamptz, fresh boolean)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 50
AS $function$
	SELECT w.since, LEAST(w.since + longest.step, pg_catalog.upper(h.piece)), h.fresh
	FROM pg_catalog.unnest(p_ranges) r
	CROSS JOIN LATERAL (
		-- '1 day' as 24 hours: a day of the session's zone may have 23
		SELECT pg_catalog.make_interval(secs =>
			EXTRACT(epoch FROM p_max_window)::double precision) AS step
	) longest
	CROSS JOIN LATERAL pg_catalog.generate_series(
		ordersync.day_of(pg_catalog.lower(r))::timestamp,
		ordersync.day_of(pg_catalog.upper(r) - interval '1 second')::timestamp,
		interval '1 day') d
	CROSS JOIN LATERAL (
		SELECT r * tstzrange(
			pg_catalog.timezone('Asia/Shanghai', d),
			pg_catalog.timezone('Asia/Shanghai', d + interval '1 day')) AS range
	) day
	CROSS JOIN LATERAL (VALUES
		(false, day.range * tstzrange(NULL, p_closes_until)),
		(true, day.range * tstzrange(p_closes_until, NULL))
	) h (fresh, piece)
	CROSS JOIN LATERAL pg_catalog.generate_series(
		pg_catalog.lower(h.piece),
		pg_catalog.upper(h.piece) - interval '1 second',
		longest.step) w (since)
	WHERE NOT pg_catalog.isempty(h.piece)
$function$;
COMMENT ON FUNCTION ordersync.cut_windows(tstzmultirange, timestamptz, interval) IS
	'cuts ranges into windows, none longer than given nor across a midnight of Asia/Shanghai; fresh ones are younger than what closes';
