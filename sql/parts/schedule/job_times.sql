/*
 * When a pg_cron job has to fire so that it misses no due time of a list of schedules.
 *
 * pg_cron 1.4 knows GMT only, later versions one time zone for all jobs.  A date of one zone may be two dates of the
 * other, and no schedule says "the last day of the month, if tomorrow is the first".  So the job fires every day, at
 * the minutes and hours at which one of the schedules can be due, and what it calls decides.  This also catches up
 * within a day on a moment at which the server was down, which pg_cron itself never does.
 *
 * Minutes and hours are written as lists and ranges, never as *: when the clock jumps, pg_cron fires for each minute
 * that was left out, but not for a schedule with * in minute or hour.
 */
CREATE OR REPLACE FUNCTION ordersync.zone_shifts(p_from text, p_to text)
RETURNS SETOF interval
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	-- a day at a time; days on which either clock is changed, a quarter of an hour at a time
	WITH day AS (
		SELECT w.wall,
			pg_catalog.timezone(p_to, pg_catalog.timezone(p_from, w.wall)) - w.wall AS shift,
			pg_catalog.timezone('UTC', pg_catalog.timezone(p_from, w.wall)) - w.wall AS offset_from
		FROM pg_catalog.generate_series(pg_catalog.date_trunc('day', pg_catalog.timezone('UTC', pg_catalog.now())),
			pg_catalog.timezone('UTC', pg_catalog.now()) + interval '5 years', interval '1 day') w (wall)
	),
	change AS (
		SELECT d.wall
		FROM (
			SELECT d.wall, (d.shift, d.offset_from) IS DISTINCT FROM pg_catalog.lag((d.shift, d.offset_from), 1, (d.shift, d.offset_from))
				OVER (ORDER BY d.wall) AS changed
			FROM day d
		) d
		WHERE d.changed
	)
	SELECT d.shift
	FROM day d
	UNION
	SELECT pg_catalog.timezone(p_to, pg_catalog.timezone(p_from, w.wall)) - w.wall
	FROM change c
	CROSS JOIN LATERAL pg_catalog.generate_series(c.wall - interval '1 day', c.wall, interval '15 minutes') w (wall)
$function$;
COMMENT ON FUNCTION ordersync.zone_shifts(text, text) IS
	'by how much the clock of one time zone is ahead of another''s at wall times of the latter in the next five years: each value once';

CREATE OR REPLACE FUNCTION ordersync.cron_list(p_values integer[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.string_agg(CASE
			WHEN r.low = r.high THEN r.low::text
			WHEN r.low + 1 = r.high THEN r.low || ',' || r.high
			ELSE r.low || '-' || r.high
		END, ',' ORDER BY r.low)
	FROM (
		SELECT pg_catalog.min(v.value) AS low, pg_catalog.max(v.value) AS high
		FROM (
			SELECT u.value, u.value - pg_catalog.row_number() OVER (ORDER BY u.value) AS island
			FROM (SELECT DISTINCT pg_catalog.unnest(p_values)) u (value)
		) v
		GROUP BY v.island
	) r
$function$;
COMMENT ON FUNCTION ordersync.cron_list(integer[]) IS
	'numbers as a field of a cron schedule: lists and ranges';

CREATE OR REPLACE FUNCTION ordersync.cron_cover(p_schedules text[], p_timezone text, p_job_timezone text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.cron_list(pg_catalog.array_agg(DISTINCT t.minute_of_day % 60))
		|| ' ' || ordersync.cron_list(pg_catalog.array_agg(DISTINCT t.minute_of_day / 60))
		|| ' * * *'
	FROM (
		SELECT (h * 60 + m + (EXTRACT(epoch FROM z.shift) / 60)::integer + 2880) % 1440 AS minute_of_day
		FROM ordersync.zone_shifts(p_timezone, p_job_timezone) z (shift)
		CROSS JOIN pg_catalog.unnest(p_schedules) s (schedule)
		CROSS JOIN LATERAL ordersync.cron_fields(s.schedule) f
		CROSS JOIN LATERAL pg_catalog.unnest(f.hours) h
		CROSS JOIN LATERAL pg_catalog.unnest(f.minutes) m
	) t
$function$;
COMMENT ON FUNCTION ordersync.cron_cover(text[], text, text) IS
	'the schedule of a pg_cron job that fires whenever one of the schedules may be due, by the clock of pg_cron; NULL for none';

CREATE OR REPLACE FUNCTION ordersync.cron_covers(p_job_schedule text, p_needed text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_has record;
	v_needs record;
BEGIN
	SELECT * INTO v_has
	FROM ordersync.cron_fields(p_job_schedule);
	SELECT * INTO v_needs
	FROM ordersync.cron_fields(p_needed);
	RETURN (v_has.minutes @> v_needs.minutes AND v_has.hours @> v_needs.hours AND v_has.days @> v_needs.days
		AND v_has.months @> v_needs.months AND v_has.weekdays @> v_needs.weekdays) IS TRUE;
EXCEPTION
	WHEN invalid_parameter_value THEN
		RETURN false;			-- somebody's "30 seconds"
END
$function$;
COMMENT ON FUNCTION ordersync.cron_covers(text, text) IS
	'whether a pg_cron job with the first schedule fires at all times of the second';
