/*
 * The range that was asked for.
 */
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
	v_end timestamptz := pg_catalog.date_trunc('second', p_now - ordersync.interval_setting('lag'));
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
			DETAIL = pg_catalog.format('The requested range is %s.', ordersync.format_range(p_since, p_until)),
			HINT = 'A whole day is since => ordersync_day(''2026-09-01''), until => ordersync_day(''2026-09-02'').';
	END IF;
	IF NOT pg_catalog.isfinite(p_since) OR p_until = '-infinity' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'since and until must be finite',
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
	bound := LEAST(until, v_end - ordersync.interval_setting('settle'));

	IF since IS NULL AND p_kind = 'full' THEN
		since := pg_catalog.timezone('Asia/Shanghai', ordersync.day_of(p_now) - interval '1 month');
		IF since >= until THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'since must be before until',
				DETAIL = pg_catalog.format('Without since a full run begins at %s Asia/Shanghai.', ordersync.format_time(since)),
				HINT = 'Give since as well.';
		END IF;
	ELSIF since >= until THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the range is in the future',
			DETAIL = pg_catalog.format('It begins at %s; the platform is asked up to %s Asia/Shanghai.',
				ordersync.format_time(since), ordersync.format_time(v_end)),
			HINT = 'Records younger than ordersync.lag are not requested.';
	END IF;

	IF since < v_oldest OR until <= v_oldest THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the platform does not serve that range',
			DETAIL = pg_catalog.format(CASE p_kind
					WHEN 'full' THEN 'Its history of orders reaches back two years, to %s Asia/Shanghai.'
					WHEN 'verify' THEN 'Counts are compared within 89 days, from %s Asia/Shanghai on.'
					ELSE 'Its lists reach back 90 days, to %s Asia/Shanghai.'
				END, ordersync.format_time(v_oldest)),
			HINT = pg_catalog.format('The earliest whole day is %s: since => ordersync_day(%L).',
				pg_catalog.to_char(ordersync.day_of(v_oldest) + 1, 'YYYY-MM-DD'),
				pg_catalog.to_char(ordersync.day_of(v_oldest) + 1, 'YYYY-MM-DD'));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.resolve_range(text, timestamptz, timestamptz, timestamptz) IS
	'resolves the defaults of a requested range and raises an error if the platform cannot serve it; bound: the time up to which a run must read to contain it';
