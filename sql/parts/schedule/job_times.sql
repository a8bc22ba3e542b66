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
RETURNS TABLE (shift interval, day timestamp)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH midnight AS (
		SELECT w.day,
			pg_catalog.timezone(p_to, pg_catalog.timezone(p_from, w.day)) - w.day AS shift,
			pg_catalog.timezone('UTC', pg_catalog.timezone(p_from, w.day)) - w.day AS behind_utc
		FROM pg_catalog.generate_series(pg_catalog.date_trunc('day', pg_catalog.timezone('UTC', pg_catalog.now())) - interval '1 day',
			pg_catalog.timezone('UTC', pg_catalog.now()) + interval '5 years', interval '1 day') w (day)
	),
	day AS (
		SELECT m.day, m.shift,
			m.shift = pg_catalog.lead(m.shift, 1, m.shift) OVER (ORDER BY m.day)
				AND m.behind_utc = pg_catalog.lead(m.behind_utc, 1, m.behind_utc) OVER (ORDER BY m.day) AS steady
		FROM midnight m
	)
	SELECT DISTINCT CASE WHEN d.steady THEN d.shift END, CASE WHEN NOT d.steady THEN d.day END
	FROM day d
$function$;
COMMENT ON FUNCTION ordersync.zone_shifts(text, text) IS
	'by how much the clock of one time zone is ahead of another''s in the next five years, each value once; and the days on which either clock is changed';

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
		SELECT EXTRACT(epoch FROM (COALESCE(
				timestamp '2000-01-01' + w.time_of_day + z.shift,
				pg_catalog.timezone(p_job_timezone, pg_catalog.timezone(p_timezone, z.day + w.time_of_day))))::time)::integer / 60 AS minute_of_day
		FROM ordersync.zone_shifts(p_timezone, p_job_timezone) z
		CROSS JOIN pg_catalog.unnest(p_schedules) s (schedule)
		CROSS JOIN LATERAL ordersync.cron_fields(s.schedule) f
		CROSS JOIN LATERAL pg_catalog.unnest(f.hours) h
		CROSS JOIN LATERAL pg_catalog.unnest(f.minutes) m
		CROSS JOIN LATERAL pg_catalog.make_interval(hours => h, mins => m) AS w (time_of_day)
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
