/*
 * The doctor's check of gateways: what is wrong with all shops of one.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_gateways()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.gateway_health') IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT pg_catalog.format('gateway "%s"', g.gateway),
		g.state = 'ok',
		CASE g.state
			WHEN 'ok' THEN pg_catalog.format('%s shops', g.shops)
			WHEN 'method banned' THEN pg_catalog.format('%s, for all of its %s shops: %s', g.state, g.shops, g.banned_methods)
			ELSE pg_catalog.format('%s, for all of its %s shops%s', g.state, g.shops, CASE
				WHEN g.state IN ('secret refused', 'application refused', 'unreachable', 'failing') THEN
					pg_catalog.format(', since %s: %s', ordersync.format_time(g.failing_since), g.last_error)
				WHEN g.state = 'partly failing' THEN
					pg_catalog.format(', since %s: %s', ordersync.format_time(g.failing_since), g.stopped_calls)
				WHEN g.state = 'banned' THEN ', until ' || ordersync.format_time(g.throttled_until)
				WHEN g.state = 'quota spent' THEN pg_catalog.format(', until %s: %s of %s calls', ordersync.format_time(GREATEST(g.spent_until, g.reserved_until)), g.calls_today, g.calls_per_day)
				WHEN g.secret_message IS NOT NULL THEN ': ' || g.secret_message
			END)
		END,
		CASE WHEN g.state <> 'ok' THEN ordersync.hint_with_command(g.hint, g.what_to_do) END
	FROM ordersync.gateway_health g
	-- one that nobody uses yet is nobody's trouble
	WHERE g.shops > 0
	ORDER BY g.gateway;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_gateways() IS
	'checks each gateway for what concerns all of its shops; part of ordersync_doctor()';

CREATE OR REPLACE FUNCTION ordersync.hint_with_command(p_hint text, p_command text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN CASE
		WHEN p_command IS NULL THEN p_hint
		ELSE pg_catalog.concat_ws(': ', p_hint, p_command || ';')
	END;
END
$function$;
COMMENT ON FUNCTION ordersync.hint_with_command(text, text) IS
	'what to check first and, behind it, the command to type';
