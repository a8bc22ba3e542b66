/*
 * Refund rates by item and day, in the way of daily_sales.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_refund_rates()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.refund_rates
	WITH (security_invoker = true) AS
	SELECT w.shop_id,
		d.day,
		d.num_iid,
		d.num_iid::text AS num_iid_str,
		d.title,
		d.lines,
		d.refunded_lines,
		round(d.refunded_lines::numeric / NULLIF(d.lines, 0), 4) AS line_rate,
		d.paid_amount,
		d.refunded_amount,
		round(d.refunded_amount / NULLIF(d.paid_amount, 0), 4) AS amount_rate,
		d.paid_amount - d.refunded_amount AS net_amount
	FROM ordersync.stored_shops w,
		LATERAL (
			SELECT u.day,
				u.num_iid,
				max(u.title) COLLATE "default" AS title,
				COALESCE(sum(u.lines), 0)::bigint AS lines,
				COALESCE(sum(u.refunded_lines), 0)::bigint AS refunded_lines,
				COALESCE(sum(u.paid_amount), 0) AS paid_amount,
				COALESCE(sum(u.refunded_amount), 0) AS refunded_amount
			FROM (
				SELECT s.paid_date AS day,
					s.num_iid,
					max(s.title COLLATE "C") AS title,
					count(*) AS lines,
					NULL::bigint AS refunded_lines,
					sum(s.paid_amount) AS paid_amount,
					NULL::numeric AS refunded_amount
				FROM ordersync.sub_orders s
				WHERE s.shop_id = w.shop_id
					AND s.paid_date IS NOT NULL
				GROUP BY s.paid_date, s.num_iid
				UNION ALL
				SELECT s.paid_date,
					s.num_iid,
					NULL,
					NULL,
					count(DISTINCT a.oid),
					NULL,
					sum(a.refunded_amount)
				FROM ordersync.after_sales a
				JOIN ordersync.sub_orders s
					ON s.shop_id = a.shop_id
					AND s.oid = a.oid
				WHERE a.shop_id = w.shop_id
					AND a.refunded_amount <> 0
					AND s.paid_date IS NOT NULL
				GROUP BY s.paid_date, s.num_iid
			) u
			GROUP BY u.day, u.num_iid
		) d;
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_refund_rates() IS
	'creates the view of refund rates by item; part of ordersync.set_up()';
