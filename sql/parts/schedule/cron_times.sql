/*
 * Times in the notation of cron, five fields: minute, hour, day of the month, month, day of the week.
 *
 * As in Vixie's cron, from which pg_cron has its parser: lists, ranges, steps; names of months and days; Sunday is 0
 * and 7; where both the day of the month and the day of the week are restricted, either of them is enough; a field
 * that begins with * restricts nothing in that sense.
 *
 * Daylight saving.  A wall time that the clock skips or shows twice is one instant, that which the zone's standard time
 * gives: "30 2" is due once a day.  Where the hour is * all that counts is what the clock shows: "0 * * * *" is due
 * every hour, none skipped, none for an hour that is not there.
 */
CREATE OR REPLACE FUNCTION ordersync.cron_field(p_text text, p_low integer, p_high integer, p_names text[])
RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_item text;
	v_part text[];
	v_from integer;
	v_to integer;
	v_step integer;
	v_values integer[] := '{}';
BEGIN
	FOREACH v_item IN ARRAY pg_catalog.string_to_array(pg_catalog.lower(COALESCE(p_text, '')), ',') LOOP
		v_part := pg_catalog.regexp_match(v_item, '^(\*|[0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?(?:/([0-9]{1,2}))?$');
		IF v_part IS NULL OR v_part[1] = '*' AND v_part[2] IS NOT NULL
			OR v_part[3] IS NOT NULL AND v_part[1] <> '*' AND v_part[2] IS NULL THEN
			RETURN NULL;
		END IF;
		IF v_part[1] = '*' THEN
			v_from := p_low;
			v_to := p_high;
		ELSE
			v_from := CASE WHEN v_part[1] ~ '^[0-9]' THEN v_part[1]::integer
				ELSE pg_catalog.array_position(p_names, v_part[1]) - 1 + p_low END;
			v_to := CASE
				WHEN v_part[2] IS NULL THEN v_from
				WHEN v_part[2] ~ '^[0-9]' THEN v_part[2]::integer
				WHEN v_part[2] = 'sun' AND p_high = 7 THEN 7	-- fri-sun
				ELSE pg_catalog.array_position(p_names, v_part[2]) - 1 + p_low
			END;
		END IF;
		v_step := COALESCE(v_part[3]::integer, 1);
		IF (v_from >= p_low AND v_from <= v_to AND v_to <= p_high AND v_step BETWEEN 1 AND p_high) IS NOT TRUE THEN
			RETURN NULL;
		END IF;
		v_values := v_values || ARRAY(SELECT pg_catalog.generate_series(v_from, v_to, v_step));
	END LOOP;
	RETURN (
		SELECT pg_catalog.array_agg(DISTINCT CASE WHEN p_high = 7 THEN v % 7 ELSE v END)
		FROM pg_catalog.unnest(v_values) v);
END
$function$;
COMMENT ON FUNCTION ordersync.cron_field(text, integer, integer, text[]) IS
	'the values of a field of a cron schedule, ascending; NULL if it is not one';

CREATE OR REPLACE FUNCTION ordersync.cron_fields(
	p_schedule text,
	OUT minutes integer[],
	OUT hours integer[],
	OUT days integer[],
	OUT months integer[],
	OUT weekdays integer[],
	OUT every_hour boolean,
	OUT either_day boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_field text[] := pg_catalog.regexp_split_to_array(pg_catalog.btrim(p_schedule, E' \t\n'), '\s+');
	v_wrong text;
BEGIN
	IF p_schedule IS NULL THEN
		RETURN;
	END IF;
	minutes := ordersync.cron_field(v_field[1], 0, 59, NULL);
	hours := ordersync.cron_field(v_field[2], 0, 23, NULL);
	days := ordersync.cron_field(v_field[3], 1, 31, NULL);
	months := ordersync.cron_field(v_field[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
	weekdays := ordersync.cron_field(v_field[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
	v_wrong := CASE
		WHEN pg_catalog.cardinality(v_field) IS DISTINCT FROM 5 THEN 'It must have five fields.'
		WHEN minutes IS NULL THEN pg_catalog.format('Minutes, 0 to 59, cannot be "%s".', v_field[1])
		WHEN hours IS NULL THEN pg_catalog.format('Hours, 0 to 23, cannot be "%s".', v_field[2])
		WHEN days IS NULL THEN pg_catalog.format('Days of the month, 1 to 31, cannot be "%s".', v_field[3])
		WHEN months IS NULL THEN pg_catalog.format('Months, 1 to 12 or jan to dec, cannot be "%s".', v_field[4])
		WHEN weekdays IS NULL THEN pg_catalog.format('Days of the week, 0 to 7 or sun to sat, cannot be "%s".', v_field[5])
	END;
	IF v_wrong IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('invalid schedule: "%s"', p_schedule),
			DETAIL = v_wrong,
			HINT = 'Write minute, hour, day of the month, month and day of the week as in cron, like "10 0 * * *", or "off".';
	END IF;
	every_hour := pg_catalog.left(v_field[2], 1) = '*';
	either_day := pg_catalog.left(v_field[3], 1) <> '*' AND pg_catalog.left(v_field[5], 1) <> '*';
END
$function$;
COMMENT ON FUNCTION ordersync.cron_fields(text) IS
	'the values of each field of a cron schedule; whether the hour is *; whether day of the month or day of the week is enough. An error for what is no schedule; NULL for NULL';

CREATE OR REPLACE FUNCTION ordersync.check_timezone(p_timezone text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	-- not all that the server understands: 'UTC+8' would be eight hours west of Greenwich
	PERFORM 1
	FROM pg_catalog.pg_timezone_names z
	WHERE z.name = p_timezone;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized time zone: "%s"', p_timezone),
			HINT = 'Names like Asia/Shanghai are listed by: SELECT name FROM pg_timezone_names ORDER BY name.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_timezone(text) IS
	'raises an error for a time zone that has no name of its own';

/* One instant, or where what the clock shows counts as many as show it: none, one or two. */
CREATE OR REPLACE FUNCTION ordersync.cron_instants(p_wall timestamp, p_timezone text, p_as_shown boolean)
RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT i.at
	FROM (
		SELECT pg_catalog.timezone(p_timezone, p_wall) AS standard
	) s
	CROSS JOIN LATERAL (VALUES
		(s.standard),
		(CASE WHEN p_as_shown THEN s.standard - interval '30 minutes' END),	-- Lord Howe
		(CASE WHEN p_as_shown THEN s.standard - interval '1 hour' END)
	) AS i (at)
	WHERE CASE WHEN p_as_shown THEN pg_catalog.timezone(p_timezone, i.at) = p_wall ELSE i.at IS NOT NULL END
$function$;
COMMENT ON FUNCTION ordersync.cron_instants(timestamp, text, boolean) IS
	'the instants at which a wall time of a schedule is due in a time zone';

/* Four are enough: from the third on all wall times are later, and before that a skipped one may be an instant of the next day. */
CREATE OR REPLACE FUNCTION ordersync.cron_days(p_schedule text, p_from date)
RETURNS date[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v record;
	v_day date := p_from;
	v_days date[] := '{}';
	v_in_month boolean;
	v_in_week boolean;
BEGIN
	SELECT * INTO v
	FROM ordersync.cron_fields(p_schedule);
	WHILE pg_catalog.cardinality(v_days) < 4 AND v_day <= p_from + interval '5 years' LOOP
		IF NOT EXTRACT(month FROM v_day)::integer = ANY (v.months) THEN
			v_day := pg_catalog.date_trunc('month', v_day::timestamp) + interval '1 month';
			CONTINUE;
		END IF;
		v_in_month := EXTRACT(day FROM v_day)::integer = ANY (v.days);
		v_in_week := EXTRACT(dow FROM v_day)::integer = ANY (v.weekdays);
		IF v_in_month AND v_in_week OR v.either_day AND (v_in_month OR v_in_week) THEN
			v_days := v_days || v_day;
		END IF;
		v_day := v_day + 1;
	END LOOP;
	RETURN v_days;
END
$function$;
COMMENT ON FUNCTION ordersync.cron_days(text, date) IS
	'the first four days from a day on that a cron schedule allows, of the next five years';

CREATE OR REPLACE FUNCTION ordersync.cron_next(schedule text, timezone text, after timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_next timestamptz;
BEGIN
	IF schedule IS NULL OR timezone IS NULL OR after IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT pg_catalog.min(i.at) INTO v_next
	FROM ordersync.cron_fields(schedule) f
	CROSS JOIN LATERAL pg_catalog.unnest(ordersync.cron_days(schedule, pg_catalog.timezone(timezone, after)::date - 1)) d
	CROSS JOIN LATERAL pg_catalog.unnest(f.hours) h
	CROSS JOIN LATERAL pg_catalog.unnest(f.minutes) m
	CROSS JOIN LATERAL ordersync.cron_instants(d + pg_catalog.make_interval(hours => h, mins => m), timezone, f.every_hour) i (at)
	WHERE i.at > after;

	IF v_next IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('schedule "%s" never comes', schedule),
			DETAIL = 'No day of the next five years matches it.',
			HINT = 'Months have 28 to 31 days: "0 2 1 * *" is the first of each month.';
	END IF;
	RETURN v_next;
END
$function$;
COMMENT ON FUNCTION ordersync.cron_next(text, text, timestamptz) IS
	'the first instant after the given one at which a cron schedule is due by the clock of a time zone; NULL for no schedule';

CREATE OR REPLACE FUNCTION ordersync.check_schedule(p_schedule text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_schedule <> 'off' THEN
		PERFORM ordersync.cron_next(p_schedule, 'UTC', pg_catalog.now());
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_schedule(text) IS
	'raises an error for what is neither "off" nor a cron schedule that comes';
