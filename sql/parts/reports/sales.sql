/*
 * Sales by day: daily_sales, item_sales and refund_rates.
 *
 * Each adds up columns that apply has derived, so nothing is decided here that
 * a sum over the tables would decide otherwise.  Facts of different days stand
 * side by side (what was ordered, what was paid, what went back on that day):
 * one branch each, added by UNION ALL and GROUP BY.  A FULL JOIN of days would
 * keep a reader's filter on the day away from the tables.
 *
 * The indexes begin with the shop, and a reader may ask for a month of all
 * shops.  So every view goes from shop to shop: stored_shops finds them by one
 * index probe each, and a LATERAL subquery reads the days asked for, by indexes
 * that hold all that is summed.  For a shop more or less nothing else is read.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_sales()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.stored_shops
	WITH (security_invoker = true) AS
	WITH RECURSIVE s AS (
		SELECT LEAST(
			(SELECT min(o.shop_id) FROM ordersync.orders o),
			(SELECT min(a.shop_id) FROM ordersync.after_sales a)
		) AS shop_id
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
	WHERE s.shop_id >= (-9223372036854775808)::bigint;

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
COMMENT ON FUNCTION ordersync.set_up_sales() IS
	'makes the views of sales by day, by item and of refund rates';
