/*
 * Planning: which ranges a run reads, and the windows that they are cut into.
 *
 * Set arithmetic on multiranges.  A window lies within one day of
 * Asia/Shanghai, in whole seconds; what is older than settle closes, what is
 * younger is fresh.  Now is the platform's clock throughout.
 */
CREATE FUNCTION ordersync.span(p_setting text)
RETURNS interval
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT
AS $function$
	-- '1d' as 24 hours: a day of the session's zone may have 23
	SELECT pg_catalog.make_interval(secs =>
		EXTRACT(epoch FROM ordersync.setting(p_setting)::interval)::double precision)
$function$;
COMMENT ON FUNCTION ordersync.span(text) IS
	'a setting that is a span of time, in hours and seconds, whatever the session''s zone';

CREATE FUNCTION ordersync.platform_now(p_shop bigint)
RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE STRICT
AS $function$
	SELECT pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() + g.clock_offset)
	FROM ordersync.shops s
	JOIN ordersync.gateways g ON g.name = s.gateway
	WHERE s.shop_id = p_shop
$function$;
COMMENT ON FUNCTION ordersync.platform_now(bigint) IS
	'now by the clock of the shop''s platform, in whole seconds';

CREATE FUNCTION @extschema@.ordersync_day(day date)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.timezone('Asia/Shanghai', day::timestamp)
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_day(date) IS
	'the first instant of a day in Asia/Shanghai';

CREATE FUNCTION ordersync.day_of(p_at timestamptz)
RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.timezone('Asia/Shanghai', p_at)::date
$function$;
COMMENT ON FUNCTION ordersync.day_of(timestamptz) IS
	'the day of an instant in Asia/Shanghai';

CREATE FUNCTION ordersync.show_instant(p_at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.to_char(pg_catalog.timezone('Asia/Shanghai', p_at), 'YYYY-MM-DD HH24:MI:SS')
$function$;
COMMENT ON FUNCTION ordersync.show_instant(timestamptz) IS
	'an instant as people in Asia/Shanghai write it';

CREATE FUNCTION ordersync.show_range(p_since timestamptz, p_until timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.show_instant(p_since) || ' to ' || ordersync.show_instant(p_until) || ' Asia/Shanghai'
$function$;
COMMENT ON FUNCTION ordersync.show_range(timestamptz, timestamptz) IS
	'a range as people in Asia/Shanghai write it';

CREATE FUNCTION ordersync.horizon(p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	-- in hours: 90 days of the session's zone may be an hour longer
	SELECT p_now - interval '2160 hours'
$function$;
COMMENT ON FUNCTION ordersync.horizon(timestamptz) IS
	'the oldest instant that the platform''s lists serve: three months, which are 90 days';

/*
 * What was asked, made definite: whole seconds, an end that the platform can
 * serve, a beginning where the kind has a default.  p_since stays NULL for an
 * incremental run over all that is not covered.
 */
CREATE FUNCTION ordersync.resolve_range(
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

	IF since < ordersync.horizon(p_now) OR until <= ordersync.horizon(p_now) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the platform does not serve that range',
			DETAIL = pg_catalog.format('Its lists reach back 90 days, to %s Asia/Shanghai.',
				ordersync.show_instant(ordersync.horizon(p_now))),
			HINT = pg_catalog.format('The earliest whole day is %s: since => ordersync_day(%L).',
				ordersync.day_of(ordersync.horizon(p_now)) + 1,
				(ordersync.day_of(ordersync.horizon(p_now)) + 1)::text);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.resolve_range(text, timestamptz, timestamptz, timestamptz) IS
	'makes a range that was asked for definite, or says why the platform cannot serve it; bound is up to where a run must reach to contain it';

CREATE FUNCTION ordersync.plan(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_now timestamptz)
RETURNS TABLE (stream text, basis text, ranges tstzmultirange, closes_until timestamptz, lost tstzmultirange)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
ROWS 2
AS $function$
DECLARE
	v_shop ordersync.shops;
	v_covered tstzmultirange;
	v_all tstzmultirange;
	v_reach tstzmultirange;
BEGIN
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;

	FOR stream IN
		SELECT n
		FROM pg_catalog.unnest(ARRAY['orders', 'after_sales']) n
		WHERE COALESCE(v_shop.options -> 'streams', '["orders", "after_sales"]') ? n
	LOOP
		basis := CASE WHEN p_kind = 'full' AND stream = 'orders' THEN 'created' ELSE 'modified' END;
		closes_until := pg_catalog.date_trunc('second',
			p_now - ordersync.span(CASE stream WHEN 'orders' THEN 'settle' ELSE 'settle_after_sales' END));
		lost := '{}';

		IF p_kind = 'full' AND stream = 'after_sales' THEN
			-- there is no list by creation: what was created then can have changed up to now
			ranges := tstzmultirange(tstzrange(p_since,
				pg_catalog.date_trunc('second', p_now - ordersync.span('lag'))));
		ELSIF p_since IS NOT NULL THEN
			ranges := tstzmultirange(tstzrange(p_since, p_until));
		ELSE
			SELECT COALESCE((
				SELECT c.ranges
				FROM ordersync.coverage c
				WHERE c.shop_id = p_shop
					AND c.stream = plan.stream
					AND c.basis = plan.basis), '{}')
			INTO v_covered;

			v_all := ordersync.range_to(ordersync.first_instant(
				stream, v_covered, v_shop.first_full_at, v_shop.first_incremental_at, p_now), p_until) - v_covered;
			-- an hour of grace: what is planned must still be served when its turn comes
			v_reach := tstzmultirange(tstzrange(ordersync.horizon(p_now) + interval '1 hour', NULL));
			ranges := v_all * v_reach;
			lost := (v_all - v_reach) - COALESCE((
				SELECT pg_catalog.range_agg(l)
				FROM ordersync.sync_runs r
				CROSS JOIN LATERAL pg_catalog.unnest(r.lost) l
				WHERE r.shop_id = p_shop
					AND r.lost IS NOT NULL), '{}');
		END IF;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.plan(bigint, text, timestamptz, timestamptz, timestamptz) IS
	'the ranges that a run would read, by stream; p_since NULL: all that is not covered';

CREATE FUNCTION ordersync.range_to(p_since timestamptz, p_until timestamptz)
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
CREATE FUNCTION ordersync.first_instant(
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
CREATE FUNCTION ordersync.cut_windows(
	p_ranges tstzmultirange,
	p_closes_until timestamptz,
	p_max_window interval)
RETURNS TABLE (since timestamptz, until timestamptz, fresh boolean)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 50
AS $function$
	SELECT w.since, LEAST(w.since + p_max_window, pg_catalog.upper(h.piece)), h.fresh
	FROM pg_catalog.unnest(p_ranges) r
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
		p_max_window) w (since)
	WHERE NOT pg_catalog.isempty(h.piece)
$function$;
COMMENT ON FUNCTION ordersync.cut_windows(tstzmultirange, timestamptz, interval) IS
	'cuts ranges into windows, none longer than given nor across a midnight of Asia/Shanghai; fresh ones are younger than what closes';
