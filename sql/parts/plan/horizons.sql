/*
 * How far back the platform's lists reach, and from when on a day is settled.
 */
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

CREATE OR REPLACE FUNCTION ordersync.horizon_margin()
RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT interval '1 hour'
$function$;
COMMENT ON FUNCTION ordersync.horizon_margin() IS
	'safety margin before a list''s horizon: a planned window must still be served when its task runs';

CREATE OR REPLACE FUNCTION ordersync.closes_until(p_stream text, p_basis text, p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.date_trunc('second', p_now - CASE
		-- what was loaded stays loaded: nothing arrives in the past
		WHEN p_basis = 'arrival' THEN ordersync.interval_setting('lag')
		WHEN p_stream = 'orders' THEN ordersync.interval_setting('settle')
		ELSE ordersync.interval_setting('settle_after_sales')
	END)
$function$;
COMMENT ON FUNCTION ordersync.closes_until(text, text, timestamptz) IS
	'the time up to which windows of a list close: younger records may still become visible';
