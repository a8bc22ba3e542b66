/*
 * Sales by day.
 *
 * This view and those of items add up columns that apply has derived, so nothing
 * is decided here that a sum over the tables would decide otherwise.  Facts of
 * different days stand side by side (what was ordered, what was paid, what went back on that day):
 * one branch each, added by UNION ALL and GROUP BY.  A FULL JOIN of days would
 * keep a reader's filter on the day away from the tables.
 *
 * The indexes begin with the shop, and a reader may ask for a month of all
 * shops.  So every view goes from shop to shop: stored_shops finds them by one
 * index probe each, and a LATERAL subquery reads the days asked for, by indexes
 * that hold all that is summed.  For a shop more or less nothing else is read.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_daily_sales()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.daily_sales
	WITH (security_invoker = true) AS
	SELECT w.shop_id,
		d.day,
		d.orders,
		d.gmv,
		d.paid_orders,
		d.zero_orders,
		d.items,
		d.buyers,
		d.paid_amount,
		d.post_fee,
		d.paid_amount - d.post_fee - d.lines_paid AS unallocated,
		round(d.paid_amount / NULLIF(d.paid_orders - d.zero_orders, 0), 2) AS average_order,
		d.refunds,
		d.refunded_amount,
		d.paid_amount - d.refunded_amount AS net_sales
	FROM ordersync.stored_shops w,
		LATERAL (
			SELECT u.day,
				COALESCE(sum(u.orders), 0)::bigint AS orders,
				COALESCE(sum(u.gmv), 0) AS gmv,
				COALESCE(sum(u.paid_orders), 0)::bigint AS paid_orders,
				COALESCE(sum(u.zero_orders), 0)::bigint AS zero_orders,
				COALESCE(sum(u.items), 0)::bigint AS items,
				CASE WHEN sum(u.paid_orders) > 0 THEN sum(u.buyers) ELSE 0 END::bigint AS buyers,
				COALESCE(sum(u.paid_amount), 0) AS paid_amount,
				COALESCE(sum(u.post_fee), 0) AS post_fee,
				COALESCE(sum(u.lines_paid), 0) AS lines_paid,
				COALESCE(sum(u.refunds), 0)::bigint AS refunds,
				COALESCE(sum(u.refunded_amount), 0) AS refunded_amount
			FROM (
				SELECT o.created_date AS day,
					count(*) AS orders,
					sum(o.gmv) AS gmv,
					NULL::bigint AS paid_orders,
					NULL::bigint AS zero_orders,
					NULL::bigint AS items,
					NULL::bigint AS buyers,
					NULL::numeric AS paid_amount,
					NULL::numeric AS post_fee,
					NULL::numeric AS lines_paid,
					NULL::bigint AS refunds,
					NULL::numeric AS refunded_amount
				FROM ordersync.orders o
				WHERE o.shop_id = w.shop_id
					AND o.created_date IS NOT NULL
				GROUP BY o.created_date
				UNION ALL
				SELECT o.paid_date,
					NULL, NULL,
					count(*),
					count(*) FILTER (WHERE o.paid_amount = 0),
					NULL,
					-- the history does not serve buyers: none is known, not that there was none
					CASE
						WHEN count(o.buyer_open_uid) > 0
							AND count(*) FILTER (
								WHERE o.buyer_open_uid IS NULL AND o.platform_state = 'archived') = 0
							THEN count(DISTINCT o.buyer_open_uid COLLATE "C")
					END,
					sum(o.paid_amount),
					sum(o.post_fee),
					NULL, NULL, NULL
				FROM ordersync.orders o
				WHERE o.shop_id = w.shop_id
					AND o.paid_date IS NOT NULL
				GROUP BY o.paid_date
				UNION ALL
				-- pieces by line: one that was closed before its order was paid has no paid_date
				SELECT s.paid_date,
					NULL, NULL, NULL, NULL,
					sum(s.num),
					NULL, NULL, NULL,
					sum(s.paid_amount),
					NULL, NULL
				FROM ordersync.sub_orders s
				WHERE s.shop_id = w.shop_id
					AND s.paid_date IS NOT NULL
				GROUP BY s.paid_date
				UNION ALL
				SELECT a.refunded_date,
					NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
					count(*) FILTER (WHERE a.refunded_amount <> 0),
					sum(a.refunded_amount)
				FROM ordersync.after_sales a
				WHERE a.shop_id = w.shop_id
					AND a.refunded_date IS NOT NULL
				GROUP BY a.refunded_date
			) u
			GROUP BY u.day
		) d;
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_daily_sales() IS
	'creates the view of sales by day; part of ordersync.set_up()';
