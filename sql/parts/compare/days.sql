/*
 * How far ordersync vouches for a day that an order of another program's table is of.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_days(p_kind text, p_since date, p_until date, p_shop bigint)
RETURNS TABLE (shop_id bigint, day date, verdict text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
SET enable_nestloop = on
AS $function$
BEGIN
	RETURN QUERY
	SELECT c.shop_id, c.day, c.verdict
	FROM ordersync.completeness c
	WHERE (c.shop_id = p_shop OR p_shop IS NULL)
		AND c.day BETWEEN p_since AND p_until
		AND (c.stream, c.basis) = (
			CASE p_kind WHEN 'after_sales' THEN 'after_sales' ELSE 'orders' END,
			CASE p_kind WHEN 'after_sales' THEN 'modified' ELSE 'created' END);
END
$function$;
COMMENT ON FUNCTION ordersync.compare_days(text, date, date, bigint) IS
	'verdicts of the days of a range, for ordersync_compare(); after-sales, which have no list by creation, by modified';
