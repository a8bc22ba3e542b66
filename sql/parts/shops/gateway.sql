/*
 * One gateway: that it is there, what holds its calls back, the types of orders that it adds.
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

/* Bans of single methods hold back what they concern, and that is counted nowhere. */
CREATE OR REPLACE FUNCTION ordersync.held_until(p_gateway record)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN GREATEST(p_gateway.throttled_until, p_gateway.spent_until, p_gateway.reserved_until);
END
$function$;
COMMENT ON FUNCTION ordersync.held_until(record) IS
	'until when a gateway''s calls, or those that no person asked for, are held back: by the platform or by calls_per_day; NULL: they never were';

CREATE OR REPLACE FUNCTION ordersync.lift_ban(p_name text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET throttled_until = NULL,
		spent_until = NULL,
		reserved_until = NULL,
		method_bans = '{}',
		failing_since = NULL,
		throttled_for = g.throttled_for - GREATEST(ordersync.held_until(g) - pg_catalog.clock_timestamp(), '0'),
		lifted_at = pg_catalog.clock_timestamp()
	WHERE g.name = p_name;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM ordersync.lift_stops(p_name);
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.lift_ban(text) IS
	'ends the call bans of a gateway, and what is known of its failures and of its calls today; false if the gateway does not exist';

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

/* Of a ban that still holds only what has passed of it. */
CREATE OR REPLACE FUNCTION ordersync.throttled_total(p_shop bigint)
RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT g.throttled_for - GREATEST(ordersync.held_until(g) - pg_catalog.clock_timestamp(), '0')
	FROM ordersync.shops s
	JOIN ordersync.gateways g ON g.name = s.gateway
	WHERE s.shop_id = p_shop
$function$;
COMMENT ON FUNCTION ordersync.throttled_total(bigint) IS
	'how long bans have held back the gateway of a shop up to now; NULL where there is no shop';
