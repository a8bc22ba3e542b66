/*
 * Sales by item and day, in the way of daily_sales.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_item_sales()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.item_sales
	WITH (security_invoker = true) AS
	SELECT w.shop_id,
		d.day,
		d.num_iid,
		d.num_iid::text AS num_iid_str,
		d.title,
		d.lines,
		d.items,
		d.gift_items,
		d.paid_amount,
		d.refunds,
		d.refunded_amount,
		d.paid_amount - d.refunded_amount AS net_sales
	FROM ordersync.stored_shops w,
		LATERAL (
			SELECT u.day,
				u.num_iid,
				max(u.title) COLLATE "default" AS title,
				COALESCE(sum(u.lines), 0)::bigint AS lines,
				COALESCE(sum(u.items), 0)::bigint AS items,
				COALESCE(sum(u.gift_items), 0)::bigint AS gift_items,
				COALESCE(sum(u.paid_amount), 0) AS paid_amount,
				COALESCE(sum(u.refunds), 0)::bigint AS refunds,
				COALESCE(sum(u.refunded_amount), 0) AS refunded_amount
			FROM (
				SELECT s.paid_date AS day,
					s.num_iid,
					max(s.title COLLATE "C") AS title,
					count(*) AS lines,
					sum(s.num) AS items,
					sum(s.num) FILTER (WHERE s.is_gift) AS gift_items,
					sum(s.paid_amount) AS paid_amount,
					NULL::bigint AS refunds,
					NULL::numeric AS refunded_amount
				FROM ordersync.sub_orders s
				WHERE s.shop_id = w.shop_id
					AND s.paid_date IS NOT NULL
				GROUP BY s.paid_date, s.num_iid
				UNION ALL
				SELECT a.refunded_date,
					a.num_iid,
					max(a.title COLLATE "C"),
					NULL, NULL, NULL, NULL,
					count(*),
					sum(a.refunded_amount)
				FROM ordersync.after_sales a
				WHERE a.shop_id = w.shop_id
					AND a.refunded_date IS NOT NULL
					AND a.refunded_amount <> 0
				GROUP BY a.refunded_date, a.num_iid
			) u
			GROUP BY u.day, u.num_iid
		) d;
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_item_sales() IS
	'creates the view of sales by item; part of ordersync.set_up()';
