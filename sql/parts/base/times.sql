/*
 * Times: instants, days of Asia/Shanghai, ranges.
 */
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
	'the present day in Asia/Shanghai; current_date depends on the session''s time zone';

CREATE OR REPLACE FUNCTION ordersync.day_of(p_at timestamptz)
RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.timezone('Asia/Shanghai', p_at)::date
$function$;
COMMENT ON FUNCTION ordersync.day_of(timestamptz) IS
	'the day of an instant in Asia/Shanghai';

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

CREATE OR REPLACE FUNCTION ordersync.format_time(p_at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.to_char(pg_catalog.timezone('Asia/Shanghai', p_at), 'YYYY-MM-DD HH24:MI:SS')
$function$;
COMMENT ON FUNCTION ordersync.format_time(timestamptz) IS
	'a time in Asia/Shanghai, as text';

CREATE OR REPLACE FUNCTION ordersync.format_range(p_since timestamptz, p_until timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.format_time(p_since) || ' to ' || ordersync.format_time(p_until) || ' Asia/Shanghai'
$function$;
COMMENT ON FUNCTION ordersync.format_range(timestamptz, timestamptz) IS
	'a range in Asia/Shanghai, as text for messages';

CREATE OR REPLACE FUNCTION ordersync.format_ranges(p_ranges tstzmultirange)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.string_agg(ordersync.format_range(pg_catalog.lower(r), pg_catalog.upper(r)), ', ' ORDER BY r)
	FROM pg_catalog.unnest(p_ranges) r
$function$;
COMMENT ON FUNCTION ordersync.format_ranges(tstzmultirange) IS
	'ranges in Asia/Shanghai, as text for messages; NULL if there are none';
