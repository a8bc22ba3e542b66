/*
 * One gateway: that it is there, its silence, the types of orders that it adds.
 */
CREATE OR REPLACE FUNCTION ordersync.refuse_gateway(p_name text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'undefined_object',
		MESSAGE = format('unknown gateway "%s"', p_name),
		DETAIL = COALESCE((SELECT 'Known gateways: ' || string_agg(g.name, ', ' ORDER BY g.name) || '.'
			FROM ordersync.gateways g), 'There is no gateway yet.'),
		HINT = 'Add it with SELECT ordersync_add_gateway(name, base_url, app_key, app_secret).';
END
$function$;
COMMENT ON FUNCTION ordersync.refuse_gateway(text) IS
	'raises the error for a gateway that is not there';

CREATE OR REPLACE FUNCTION ordersync.lift_ban(p_name text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET throttled_until = NULL,
		lifted_at = pg_catalog.clock_timestamp()
	WHERE g.name = p_name;
	RETURN FOUND;
END
$function$;
COMMENT ON FUNCTION ordersync.lift_ban(text) IS
	'ends the silence of a gateway; false when there is none of that name';

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
