/*
 * The calls of a day: reserved before they are made, and reserved for whom.
 *
 * A worker that has used up what was reserved reserves the next block, in a
 * transaction of its own that is on disk before the first of these calls is made.
 * So a restart, and a crash, forget none; of the block that a crash has cut short
 * the rest counts as made.
 */
CREATE OR REPLACE FUNCTION ordersync.reserve_calls(
	p_gateway text,
	p_app_key text,
	p_day integer,
	p_calls_per_day bigint,
	OUT reserved_before bigint,
	OUT reserved bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
	v_day date := DATE '1970-01-01' + p_day;
BEGIN
	SELECT c.reserved INTO reserved_before
	FROM ordersync.gateway_calls c
	WHERE c.gateway = p_gateway
		AND c.app_key = p_app_key
		AND c.day = v_day
	FOR UPDATE;
	IF NOT FOUND THEN
		INSERT INTO ordersync.gateway_calls AS c (gateway, app_key, day, reserved)
		VALUES (p_gateway, p_app_key, v_day, ordersync.logged_calls(p_gateway, p_app_key, v_day))
		ON CONFLICT ON CONSTRAINT gateway_calls_pkey DO UPDATE
		SET reserved = c.reserved
		RETURNING c.reserved INTO reserved_before;
		DELETE FROM ordersync.gateway_calls c
		WHERE c.gateway = p_gateway
			AND c.day < v_day - 7;
	END IF;
	-- a hundredth each time: at the full rate of a day's calls that is one statement in a quarter of an hour
	reserved := GREATEST(reserved_before, LEAST(p_calls_per_day,
		reserved_before + LEAST(GREATEST(p_calls_per_day / 100, 1), 1000)));
	UPDATE ordersync.gateway_calls c
	SET reserved = reserve_calls.reserved,
		reserved_at = pg_catalog.clock_timestamp()
	WHERE c.gateway = p_gateway
		AND c.app_key = p_app_key
		AND c.day = v_day;
END
$function$;
COMMENT ON FUNCTION ordersync.reserve_calls(text, text, integer, bigint) IS
	'reserves the next block of a gateway''s calls of a day (days since 1970-01-01); returns how many were reserved before, and how many are now';

/* Where the limit was set during the day: what was called before. */
CREATE OR REPLACE FUNCTION ordersync.logged_calls(p_gateway text, p_app_key text, p_day date)
RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_since timestamptz := pg_catalog.timezone('Asia/Shanghai', p_day::timestamp);
BEGIN
	-- calls of another application count for that one; and the log does not say whose they were
	IF EXISTS (
		SELECT
		FROM ordersync.gateway_calls c
		WHERE c.gateway = p_gateway
			AND c.app_key <> p_app_key
			AND c.day = p_day) THEN
		RETURN 0;
	END IF;
	RETURN (
		SELECT pg_catalog.count(*)
		FROM ordersync.request_log r
		WHERE r.gateway = p_gateway
			AND r.logged_at >= GREATEST(v_since, (
				SELECT g.lifted_at
				FROM ordersync.gateways g
				WHERE g.name = p_gateway))
			AND r.logged_at < v_since + interval '1 day');
END
$function$;
COMMENT ON FUNCTION ordersync.logged_calls(text, text, date) IS
	'calls of a day that the request log has of a gateway since its bans were lifted last; part of ordersync.reserve_calls()';

CREATE OR REPLACE FUNCTION ordersync.reserved_calls(p_options jsonb)
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN COALESCE((p_options ->> 'calls_per_day_reserved')::bigint, (p_options ->> 'calls_per_day')::bigint / 10);
END
$function$;
COMMENT ON FUNCTION ordersync.reserved_calls(jsonb) IS
	'of a gateway''s calls a day, how many are reserved for single orders and key checks: as its options say, or a tenth';
