/*
 * Windows: the parts of a range that are read by one walk through a list's pages.
 */
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
