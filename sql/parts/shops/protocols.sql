/*
 * Protocols: which there are, and what a gateway of each serves.  In C, pure.
 *
 * No part of this script knows a protocol by its name.  What a gateway does not
 * serve is worked out when it is set up and stands in gateways.unserved, in the
 * form of shops.unserved, where it is never asked for again; all planning asks
 * ordersync.unserved().
 */
CREATE OR REPLACE FUNCTION ordersync.gateway_protocols(with_options boolean)
RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_gateway_protocols';
COMMENT ON FUNCTION ordersync.gateway_protocols(boolean) IS
	'names of the known protocols, or of those that have an option of their name only';

CREATE OR REPLACE FUNCTION ordersync.check_gateway_map(protocol text, options text)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_check_gateway_map';
COMMENT ON FUNCTION ordersync.check_gateway_map(text, text) IS
	'raises an error for what is invalid in the protocol''s own option; returns a header whose value looks like a secret, NULL for none';

CREATE OR REPLACE FUNCTION ordersync.gateway_needs_secret(protocol text, options text)
RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_gateway_needs_secret';
COMMENT ON FUNCTION ordersync.gateway_needs_secret(text, text) IS
	'whether calls through a gateway with these options are signed with the application secret';

CREATE OR REPLACE FUNCTION ordersync.gateway_unserved(protocol text, options text)
RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_gateway_unserved';
COMMENT ON FUNCTION ordersync.gateway_unserved(text, text) IS
	'calls and lists that a gateway with these options does not have, by the names of ordersync.list_name()';

CREATE OR REPLACE FUNCTION ordersync.set_gateway_abilities(p_gateway text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET unserved = u.unserved
	FROM (
		SELECT o.name, COALESCE((
			SELECT pg_catalog.jsonb_object_agg(n.name, '{"at": "infinity"}'::jsonb)
			FROM pg_catalog.unnest(ordersync.gateway_unserved(o.protocol, o.options::text)) n (name)), '{}') AS unserved
		FROM ordersync.gateways o
		WHERE p_gateway IS NULL OR o.name = p_gateway
	) u
	WHERE g.name = u.name
		AND g.unserved <> u.unserved;
END
$function$;
COMMENT ON FUNCTION ordersync.set_gateway_abilities(text) IS
	'records what a gateway (NULL: each) does not serve, by its protocol and options';

CREATE OR REPLACE FUNCTION ordersync.unserved(p_shop bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE	-- a function in SQL would be planned at each call
AS $function$
BEGIN
	RETURN (
		SELECT s.unserved || COALESCE(g.unserved, '{}')
		FROM ordersync.shops s
		LEFT JOIN ordersync.gateways g ON g.name = s.gateway
		WHERE s.shop_id = p_shop);
END
$function$;
COMMENT ON FUNCTION ordersync.unserved(bigint) IS
	'lists that the platform refuses to a shop, and calls and lists that its gateway does not have: see ordersync.is_served()';

CREATE OR REPLACE FUNCTION ordersync.gateway_lacks(p_unserved jsonb, p_list text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(p_unserved -> p_list ->> 'at' = 'infinity', false)
$function$;
COMMENT ON FUNCTION ordersync.gateway_lacks(jsonb, text) IS
	'whether the gateway does not have a call or list; what the platform refuses is asked for again';

CREATE OR REPLACE FUNCTION ordersync.gateway_without(p_shop bigint, p_list text, OUT name text, OUT protocol text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	SELECT g.name, g.protocol INTO gateway_without.name, gateway_without.protocol
	FROM ordersync.shops s
	JOIN ordersync.gateways g ON g.name = s.gateway
	WHERE s.shop_id = p_shop
		AND ordersync.gateway_lacks(g.unserved, p_list);
END
$function$;
COMMENT ON FUNCTION ordersync.gateway_without(bigint, text) IS
	'the gateway of a shop, if it does not have that call or list';

/* Lists without which a run is planned all the same. */
CREATE OR REPLACE FUNCTION ordersync.gateway_lists(p_unserved jsonb, p_stream text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT NOT ordersync.gateway_lacks(p_unserved, p_stream)
$function$;
COMMENT ON FUNCTION ordersync.gateway_lists(jsonb, text) IS
	'whether the records of a stream are listed by time: after-sales may come by order instead, or not at all';

CREATE OR REPLACE FUNCTION ordersync.fetches_by_order(p_unserved jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT (ordersync.gateway_lacks(p_unserved, 'after_sales') OR ordersync.gateway_lacks(p_unserved, 'details of after_sales'))
		AND NOT ordersync.gateway_lacks(p_unserved, 'details of refunds_of_orders')
$function$;
COMMENT ON FUNCTION ordersync.fetches_by_order(jsonb) IS
	'whether after-sales are fetched by their orders, all of an order at once';
