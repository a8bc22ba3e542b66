/*
 * Shops that have anything stored, whether they are set up or not.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_stored_shops()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.stored_shops
	WITH (security_invoker = true) AS
	WITH RECURSIVE s AS (
		SELECT LEAST(
			(SELECT min(o.shop_id) FROM ordersync.orders o),
			(SELECT min(a.shop_id) FROM ordersync.after_sales a)
		) AS shop_id
		WHERE (SELECT w.all_shops FROM ordersync.own_shops w)
		UNION ALL
		SELECT LEAST(
			(SELECT min(o.shop_id) FROM ordersync.orders o WHERE o.shop_id > s.shop_id),
			(SELECT min(a.shop_id) FROM ordersync.after_sales a WHERE a.shop_id > s.shop_id)
		)
		FROM s
		WHERE s.shop_id IS NOT NULL
	)
	SELECT s.shop_id
	FROM s
	/*
	 * Not the NULL at the end.  IS NOT NULL would say the same, but lets the
	 * planner expect as many shops as it expects rows of any recursion, a
	 * hundred; here it expects a third of them, and compiles nothing (JIT takes
	 * longer than a month's sales) for what it takes for expensive.
	 */
	WHERE s.shop_id >= (-9223372036854775808)::bigint
	UNION ALL
	-- of a role that is limited: from one shop to the next it would pass all rows of the others
	SELECT u.shop_id
	FROM ordersync.own_shops w
	CROSS JOIN LATERAL (SELECT DISTINCT x.shop_id FROM unnest(w.shops) x (shop_id)) u
	WHERE NOT w.all_shops
		-- LIMIT 1, not EXISTS: of that the planner may hash all rows
		AND ((SELECT true FROM ordersync.orders o WHERE o.shop_id = u.shop_id LIMIT 1)
			OR (SELECT true FROM ordersync.after_sales a WHERE a.shop_id = u.shop_id LIMIT 1));
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_stored_shops() IS
	'creates the view of the shops that have anything stored; part of ordersync.set_up()';
