/*
 * One gateway: that it is there, its silence, the types of orders that it adds.
 */
CREATE OR REPLACE FUNCTION ordersync.raise_unknown_gateway(p_name text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'undefined_object',
		MESSAGE = format('gateway "%s" does not exist', p_name),
		DETAIL = COALESCE((SELECT 'Known gateways: ' || string_agg(g.name, ', ' ORDER BY g.name) || '.'
			FROM ordersync.gateways g), 'No gateway has been set up.'),
		HINT = 'Add it with SELECT ordersync_add_gateway(name, base_url, app_key, app_secret).';
END
$function$;
COMMENT ON FUNCTION ordersync.raise_unknown_gateway(text) IS
	'raises the error for a gateway that does not exist';

CREATE OR REPLACE FUNCTION ordersync.lift_ban(p_name text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET throttled_until = NULL,
		failing_since = NULL,
		throttled_for = g.throttled_for - GREATEST(g.throttled_until - pg_catalog.clock_timestamp(), '0'),
		lifted_at = pg_catalog.clock_timestamp()
	WHERE g.name = p_name;
	RETURN FOUND;
END
$function$;
COMMENT ON FUNCTION ordersync.lift_ban(text) IS
	'ends the call ban of a gateway, and what is known of its failures; false if the gateway does not exist';

CREATE OR REPLACE FUNCTION ordersync.types_added(p_options jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.string_agg(DISTINCT t.type, ',')
	FROM pg_catalog.jsonb_array_elements_text(p_options -> 'types_add') AS t (type)
	WHERE t.type <> ALL (pg_catalog.string_to_array(ordersync.listed_types(), ','))
$function$;
COMMENT ON FUNCTION ordersync.types_added(jsonb) IS
	'types of orders that a gateway''s options add to those that the lists ask for, divided by commas; NULL for none';

CREATE OR REPLACE FUNCTION ordersync.silence_gateway(p_shop bigint, p_until timestamptz, p_called_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET throttled_until = p_until,
		throttled_for = g.throttled_for + GREATEST(p_until - GREATEST(g.throttled_until, pg_catalog.clock_timestamp()), '0')
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
		AND g.name = s.gateway
		AND (g.throttled_until IS NULL OR g.throttled_until < p_until)
		-- not what was said to a call of before
		AND (g.lifted_at IS NULL OR g.lifted_at <= p_called_at);
END
$function$;
COMMENT ON FUNCTION ordersync.silence_gateway(bigint, timestamptz, timestamptz) IS
	'bans calls through a shop''s gateway until then, unless the ban was lifted after the refused call; part of ordersync.fail()';

/* Of a ban that still holds only what has passed of it. */
CREATE OR REPLACE FUNCTION ordersync.throttled_total(p_shop bigint)
RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT g.throttled_for - GREATEST(g.throttled_until - pg_catalog.clock_timestamp(), '0')
	FROM ordersync.shops s
	JOIN ordersync.gateways g ON g.name = s.gateway
	WHERE s.shop_id = p_shop
$function$;
COMMENT ON FUNCTION ordersync.throttled_total(bigint) IS
	'how long bans have held back the gateway of a shop up to now; NULL where there is no shop';
