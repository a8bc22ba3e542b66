/*
 * The platform's clock, by which ranges are meant.
 */
CREATE OR REPLACE FUNCTION ordersync.clock_offset(p_shop bigint)
RETURNS interval
LANGUAGE plpgsql STABLE PARALLEL SAFE STRICT	-- a function in SQL would be planned at each call
AS $function$
BEGIN
	RETURN (
		SELECT g.clock_offset
		FROM ordersync.shops s
		JOIN ordersync.gateways g ON g.name = s.gateway
		WHERE s.shop_id = p_shop);
END
$function$;
COMMENT ON FUNCTION ordersync.clock_offset(bigint) IS
	'the clock of the shop''s platform minus ours';

CREATE OR REPLACE FUNCTION ordersync.platform_now(p_shop bigint)
RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE STRICT
AS $function$
	SELECT pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() + ordersync.clock_offset(p_shop))
$function$;
COMMENT ON FUNCTION ordersync.platform_now(bigint) IS
	'now by the clock of the shop''s platform, in whole seconds';
