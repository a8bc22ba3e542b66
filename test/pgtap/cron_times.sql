-- Times in the notation of cron: when a schedule is due next, by hand from calendars and the zones' rules.
BEGIN;
SELECT plan(72);
SET LOCAL TimeZone = 'America/New_York';
SET LOCAL DateStyle = 'German, DMY';

-- the next n times after an instant, as the zone's clock shows them
CREATE FUNCTION pg_temp.times(p_schedule text, p_zone text, p_after timestamptz, n integer DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v timestamptz := p_after;
	v_times text[];
BEGIN
	FOR i IN 1 .. n LOOP
		v := ordersync.cron_next(p_schedule, p_zone, v);
		v_times := v_times || to_char(timezone(p_zone, v), 'YYYY-MM-DD HH24:MI');
	END LOOP;
	RETURN array_to_string(v_times, ', ');
END $$;
CREATE FUNCTION pg_temp.utc(p_schedule text, p_zone text, p_after timestamptz, n integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v timestamptz := p_after;
	v_times text[];
BEGIN
	FOR i IN 1 .. n LOOP
		v := ordersync.cron_next(p_schedule, p_zone, v);
		v_times := v_times || to_char(timezone('UTC', v), 'DD HH24:MI');
	END LOOP;
	RETURN array_to_string(v_times, ', ');
END $$;

-- plain times
SELECT is(pg_temp.times('10 0 * * *', 'Asia/Shanghai', '2026-11-29 00:09:59+08'), '2026-11-29 00:10', 'a second before');
SELECT is(pg_temp.times('10 0 * * *', 'Asia/Shanghai', '2026-11-29 00:10:00+08'), '2026-11-30 00:10', 'at the time itself: the next one');
SELECT is(pg_temp.times('10 0 * * *', 'Asia/Shanghai', '2026-12-31 20:00:00+08'), '2027-01-01 00:10', 'over the end of the year');
SELECT is(pg_temp.times('0 2 1 * *', 'Asia/Shanghai', '2026-12-01 02:00:00+08', 3), '2027-01-01 02:00, 2027-02-01 02:00, 2027-03-01 02:00', 'the first of each month');
SELECT is(pg_temp.times('0 2 31 * *', 'Asia/Shanghai', '2027-01-31 02:00:00+08', 3), '2027-03-31 02:00, 2027-05-31 02:00, 2027-07-31 02:00', 'months without a 31st have none');
SELECT is(pg_temp.times('0 0 29 2 *', 'Asia/Shanghai', '2026-11-29 00:00:00+08', 2), '2028-02-29 00:00, 2032-02-29 00:00', 'leap days');
SELECT is(pg_temp.times('0 0 29 2 *', 'Asia/Shanghai', '2024-03-01 00:00:00+08'), '2028-02-29 00:00', 'nearly four years ahead');
SELECT is(pg_temp.times('15,45 8-10/2 * * *', 'Asia/Shanghai', '2026-11-29 08:20:00+08', 4),
	'2026-11-29 08:45, 2026-11-29 10:15, 2026-11-29 10:45, 2026-11-30 08:15', 'lists, ranges, steps');
SELECT is(pg_temp.times('*/20 23 * * *', 'Asia/Shanghai', '2026-11-29 23:30:00+08', 3), '2026-11-29 23:40, 2026-11-30 23:00, 2026-11-30 23:20', 'a step of all');
SELECT is(pg_temp.times('* * * * *', 'Asia/Shanghai', '2026-11-29 23:59:30+08', 2), '2026-11-30 00:00, 2026-11-30 00:01', 'every minute');
SELECT is(pg_temp.times(E'  5\t4  * *   * ', 'Asia/Shanghai', '2026-11-29 00:00:00+08'), '2026-11-29 04:05', 'white space');

-- names; 2026-11-29 is a Sunday
SELECT is(pg_temp.times('0 3 * * ' || d, 'Asia/Shanghai', '2026-11-29 12:00:00+08'), '2026-12-06 03:00', 'Sunday: ' || d) FROM unnest('{0,7,sun,Sun,SUN}'::text[]) d;
SELECT is(pg_temp.times('0 3 * * fri-sun', 'Asia/Shanghai', '2026-11-29 12:00:00+08', 4), '2026-12-04 03:00, 2026-12-05 03:00, 2026-12-06 03:00, 2026-12-11 03:00', 'to Sunday by name');
SELECT is(pg_temp.times('0 3 * * 5-7', 'Asia/Shanghai', '2026-11-29 12:00:00+08', 4), '2026-12-04 03:00, 2026-12-05 03:00, 2026-12-06 03:00, 2026-12-11 03:00', 'and by number');
SELECT is(pg_temp.times('0 3 1 Jan,jul *', 'Asia/Shanghai', '2026-11-29 12:00:00+08', 3), '2027-01-01 03:00, 2027-07-01 03:00, 2028-01-01 03:00', 'months by name');
SELECT is(pg_temp.times('0 3 1 mar-may *', 'Asia/Shanghai', '2026-11-29 12:00:00+08', 3), '2027-03-01 03:00, 2027-04-01 03:00, 2027-05-01 03:00', 'a range of them');

-- day of the month or day of the week; 2027-01-01 is a Friday
SELECT is(pg_temp.times('0 3 1 * 1', 'Asia/Shanghai', '2026-12-28 12:00:00+08', 4), '2027-01-01 03:00, 2027-01-04 03:00, 2027-01-11 03:00, 2027-01-18 03:00', 'either is enough');
SELECT is(pg_temp.times('0 3 */10 * 5', 'Asia/Shanghai', '2026-12-28 12:00:00+08', 2), '2027-01-01 03:00, 2027-05-21 03:00', 'both where one begins with *');
SELECT is(pg_temp.times('0 3 1-7 * */5', 'Asia/Shanghai', '2026-12-28 12:00:00+08', 3), '2027-01-01 03:00, 2027-01-03 03:00, 2027-02-05 03:00', 'and where the other one does');

-- zones: the same instants whatever the session's zone is
SELECT is(pg_temp.utc('10 0 * * *', 'Asia/Shanghai', '2026-11-29 12:00:00+00', 2), '29 16:10, 30 16:10', 'Shanghai');
SELECT is(pg_temp.utc('10 0 * * *', 'Asia/Kolkata', '2026-11-29 12:00:00+00', 2), '29 18:40, 30 18:40', 'Kolkata, half an hour aside');
SELECT is(pg_temp.utc('10 0 * * *', 'UTC', '2026-11-29 12:00:00+00', 1), '30 00:10', 'UTC');

-- New York: 2027-03-14 02:00 EST is 03:00 EDT (07:00 UTC), 2027-11-07 02:00 EDT is 01:00 EST (06:00 UTC)
SELECT is(pg_temp.utc('30 2 * * *', 'America/New_York', '2027-03-13 00:00:00+00', 3), '13 07:30, 14 07:30, 15 06:30', 'a time that is skipped is due once');
SELECT is(pg_temp.utc('30 1 * * *', 'America/New_York', '2027-11-06 00:00:00+00', 3), '06 05:30, 07 06:30, 08 06:30', 'a time that is shown twice is due once');
SELECT is(pg_temp.utc('0,30 2,3 * * *', 'America/New_York', '2027-03-14 00:00:00+00', 3), '14 07:00, 14 07:30, 15 06:00', 'skipped ones and those after are not due twice');
SELECT is(pg_temp.utc('0 * * * *', 'America/New_York', '2027-11-07 03:30:00+00', 4), '07 04:00, 07 05:00, 07 06:00, 07 07:00', 'every hour is every hour, also when one is shown twice');
SELECT is(pg_temp.utc('0 * * * *', 'America/New_York', '2027-03-14 05:30:00+00', 3), '14 06:00, 14 07:00, 14 08:00', 'or skipped');
SELECT is(pg_temp.utc('15 */3 * * *', 'America/New_York', '2027-03-14 04:30:00+00', 3), '14 05:15, 14 07:15, 14 10:15', 'the hours of a step are those of the clock');
-- Nuuk: 2027-03-27 23:00 is 2027-03-28 00:00 (01:00 UTC): what is skipped is an instant of the next day
SELECT is(pg_temp.utc('0,30 0,23 * * *', 'America/Nuuk', '2027-03-28 00:30:00+00', 3), '28 01:00, 28 01:30, 29 00:00', 'over midnight');
-- Lord Howe puts its clock on by half an hour: 2027-10-03 02:00 is 02:30 (2027-10-02 15:30 UTC)
SELECT is(pg_temp.utc('15 2 * * *', 'Australia/Lord_Howe', '2027-10-01 00:00:00+00', 3), '01 15:45, 02 15:45, 03 15:15', 'half an hour is skipped');
SELECT is(pg_temp.utc('45 * * * *', 'Australia/Lord_Howe', '2027-04-03 13:30:00+00', 3), '03 13:45, 03 14:45, 03 15:15', 'or shown twice');

-- what is no schedule
CREATE FUNCTION pg_temp.refused(p_schedule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v text;
BEGIN
	PERFORM ordersync.cron_next(p_schedule, 'Asia/Shanghai', '2026-11-29 00:00:00+08');
	RETURN 'accepted';
EXCEPTION
	WHEN invalid_parameter_value THEN
		GET STACKED DIAGNOSTICS v = PG_EXCEPTION_DETAIL;
		RETURN v;
END $$;
SELECT is(pg_temp.refused(s), d, COALESCE(s, 'NULL'))
FROM (VALUES
	('', 'It must have five fields.'),
	('10 0 * *', 'It must have five fields.'),
	('10 0 * * * *', 'It must have five fields.'),
	('@daily', 'It must have five fields.'),
	('60 0 * * *', 'Minutes, 0 to 59, cannot be "60".'),
	('5/10 0 * * *', 'Minutes, 0 to 59, cannot be "5/10".'),
	('*/0 0 * * *', 'Minutes, 0 to 59, cannot be "*/0".'),
	('1, 0 * * *', 'Minutes, 0 to 59, cannot be "1,".'),
	('-5 0 * * *', 'Minutes, 0 to 59, cannot be "-5".'),
	('*-5 0 * * *', 'Minutes, 0 to 59, cannot be "*-5".'),
	('0 24 * * *', 'Hours, 0 to 23, cannot be "24".'),
	('0 9-8 * * *', 'Hours, 0 to 23, cannot be "9-8".'),
	('0 mon * * *', 'Hours, 0 to 23, cannot be "mon".'),
	('0 0 0 * *', 'Days of the month, 1 to 31, cannot be "0".'),
	('0 0 32 * *', 'Days of the month, 1 to 31, cannot be "32".'),
	('0 0 * 13 *', 'Months, 1 to 12 or jan to dec, cannot be "13".'),
	('0 0 * sun *', 'Months, 1 to 12 or jan to dec, cannot be "sun".'),
	('0 0 * * 8', 'Days of the week, 0 to 7 or sun to sat, cannot be "8".'),
	('0 0 * * foo', 'Days of the week, 0 to 7 or sun to sat, cannot be "foo".'),
	('0 0 30 2 *', 'No day of the next five years matches it.'),
	('0 0 31 4,jun,9-9,11 *', 'No day of the next five years matches it.')
) AS t (s, d);
SELECT throws_ok($$SELECT ordersync.cron_next('0 0 30 2 *', 'Asia/Shanghai', now())$$, '22023', 'schedule "0 0 30 2 *" never comes', 'what never comes is an error');
SELECT is(ordersync.cron_next('0 0 * * *', 'Asia/Shanghai', NULL), NULL, 'after nothing comes nothing');
SELECT is(ordersync.cron_next(NULL, 'Asia/Shanghai', now()), NULL, 'no schedule never comes');

-- beside what looks at every minute, for schedules and instants by chance
SELECT is(ordersync.cron_next(s.schedule, z.zone, s.after), (
	SELECT min(t)
	FROM ordersync.cron_fields(s.schedule) f
	CROSS JOIN generate_series(date_trunc('minute', s.after) + interval '1 minute', s.after + interval '8 days', interval '1 minute') t
	CROSS JOIN timezone(z.zone, t) AS w (shown)
	WHERE EXTRACT(minute FROM shown) = ANY (f.minutes) AND EXTRACT(hour FROM shown) = ANY (f.hours) AND EXTRACT(dow FROM shown) = ANY (f.weekdays)), s.schedule || ' ' || z.zone || ' after ' || s.after)
FROM unnest('{Asia/Shanghai,Asia/Kolkata,America/New_York}'::text[]) AS z (zone)
CROSS JOIN LATERAL (
	SELECT format('%s * * * %s', (i * 17) % 60, CASE WHEN i % 2 = 0 THEN '*' ELSE (i % 7)::text END) AS schedule,
		timestamptz '2027-03-11 00:00:00+00' + i * interval '13 hours 7 minutes' AS after
	FROM generate_series(1, 4) i
) s;

-- fast
CREATE FUNCTION pg_temp.slowest() RETURNS interval LANGUAGE plpgsql AS $$
DECLARE
	v_since timestamptz;
	v_worst interval := '0';
	v text;
BEGIN
	FOREACH v IN ARRAY '{* * * * *,10 0 * * *,0 0 29 2 *}'::text[] LOOP
		v_since := clock_timestamp();
		PERFORM ordersync.cron_next(v, 'America/New_York', '2024-03-01');
		v_worst := greatest(v_worst, clock_timestamp() - v_since);
	END LOOP;
	RETURN v_worst;
END $$;
SELECT diag('measured: ' || pg_temp.slowest());
SELECT cmp_ok((SELECT min(pg_temp.slowest()) FROM generate_series(1, 3)), '<', interval '1 s', 'no time takes long to find');

SELECT * FROM finish();
ROLLBACK;
