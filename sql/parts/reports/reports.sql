/*
 * The data for people: names, unified stages, ids as text beside the numbers.
 *
 * Views outlive the extension as the tables do, so they take their names from
 * ordersync.status_names, filled here from the mapping functions, and call
 * nothing of ours.  All run with the caller's rights: row level security on
 * the tables holds behind them too.
 *
 * What a view takes over from its table under the same name (flag r in
 * sql/dictionary.txt) stands behind ids and stages, before what is worked out.
 * A view is replaced in place: in one that is there, new columns come last.  Sums
 * over other tables are subqueries in the list of columns: a reader that does
 * not ask for them does not pay for them.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_reports()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	PERFORM ordersync.fill_status_names();

	PERFORM ordersync.make_report('orders', $query$
	SELECT o.shop_id,
		o.tid,
		o.tid::text AS tid_str,
		o.platform,
		o.status,
		COALESCE(n.stage, CASE WHEN o.status IS NOT NULL THEN 'unknown' END) AS stage,
		COALESCE(n.name_zh, CASE WHEN o.status IS NOT NULL THEN '未知' END) AS stage_zh,
		COALESCE(n.name_en, CASE WHEN o.status IS NOT NULL THEN 'unknown' END) AS stage_en,
		{{orders.report: o.#}},
		CASE
			WHEN o.step_trade_status IN ('FRONT_PAID_FINAL_NOPAID', 'FRONT_PAID_FRONT_FORFEITED')
				THEN o.step_paid_fee
		END AS deposit_received,
		COALESCE((
			SELECT sum(a.refunded_amount)
			FROM ordersync.after_sales a
			WHERE a.shop_id = o.shop_id
				AND a.tid = o.tid
		), 0) AS refunded_amount,
		o.paid_amount - COALESCE((
			SELECT sum(a.refunded_amount)
			FROM ordersync.after_sales a
			WHERE a.shop_id = o.shop_id
				AND a.tid = o.tid
		), 0) AS net_amount,
		o.paid_amount - COALESCE(o.post_fee, 0) - COALESCE((
			SELECT sum(s.paid_amount)
			FROM ordersync.sub_orders s
			WHERE s.shop_id = o.shop_id
				AND s.tid = o.tid
		), 0) AS unallocated,
		CASE
			WHEN o.type IN ({{words cash_on_delivery}}) THEN NULL
			ELSE round(EXTRACT(epoch FROM o.paid_at - o.created) / 3600, 2)
		END AS hours_to_pay,
		CASE
			WHEN o.type IN ({{words cash_on_delivery}})
				THEN round(EXTRACT(epoch FROM o.consign_time - o.created) / 3600, 2)
			ELSE round(EXTRACT(epoch FROM o.consign_time - o.paid_at) / 3600, 2)
		END AS hours_to_ship,
		round(EXTRACT(epoch FROM o.end_time - o.consign_time) / 3600, 2) AS hours_to_end,
		COALESCE(o.status NOT IN ('TRADE_FINISHED', 'TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO')
			AND (o.platform_state <> 'listed' OR o.created < now() - interval '2160 hours'), false)
			AS end_unknown
	FROM ordersync.orders o
	LEFT JOIN ordersync.status_names n
		ON n.object = 'order'
		AND n.platform = o.platform
		AND n.status = CASE
			WHEN o.status = 'WAIT_BUYER_PAY' AND o.step_trade_status = 'FRONT_PAID_FINAL_NOPAID'
				THEN 'deposit_paid'
			ELSE o.status
		END
	$query$);

	PERFORM ordersync.make_report('sub_orders', $query$
	SELECT s.shop_id,
		s.oid,
		s.oid::text AS oid_str,
		s.tid,
		s.tid::text AS tid_str,
		s.platform,
		s.line_no,
		s.trade_type,
		s.trade_status,
		COALESCE(t.stage, CASE WHEN s.trade_status IS NOT NULL THEN 'unknown' END) AS trade_stage,
		COALESCE(t.name_zh, CASE WHEN s.trade_status IS NOT NULL THEN '未知' END) AS trade_stage_zh,
		COALESCE(t.name_en, CASE WHEN s.trade_status IS NOT NULL THEN 'unknown' END) AS trade_stage_en,
		s.status,
		COALESCE(n.stage, CASE WHEN s.status IS NOT NULL THEN 'unknown' END) AS stage,
		COALESCE(n.name_zh, CASE WHEN s.status IS NOT NULL THEN '未知' END) AS stage_zh,
		COALESCE(n.name_en, CASE WHEN s.status IS NOT NULL THEN 'unknown' END) AS stage_en,
		s.refund_status,
		COALESCE(r.stage, CASE WHEN s.refund_status IS NOT NULL THEN 'unknown' END) AS refund_stage,
		COALESCE(r.name_zh, CASE WHEN s.refund_status IS NOT NULL THEN '未知' END) AS refund_stage_zh,
		COALESCE(r.name_en, CASE WHEN s.refund_status IS NOT NULL THEN 'unknown' END) AS refund_stage_en,
		s.refund_id,
		s.refund_id::text AS refund_id_str,
		s.num_iid,
		s.num_iid::text AS num_iid_str,
		{{sub_orders.report: s.#}},
		s.price * s.num AS list_amount,
		s.total_fee - COALESCE(s.part_mjz_discount, 0) AS gmv,
		COALESCE((
			SELECT sum(a.refunded_amount)
			FROM ordersync.after_sales a
			WHERE a.shop_id = s.shop_id
				AND a.oid = s.oid
		), 0) AS refunded_amount,
		s.paid_amount - COALESCE((
			SELECT sum(a.refunded_amount)
			FROM ordersync.after_sales a
			WHERE a.shop_id = s.shop_id
				AND a.oid = s.oid
		), 0) AS net_amount,
		COALESCE(o.status NOT IN ('TRADE_FINISHED', 'TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO')
			AND (o.platform_state <> 'listed' OR o.created < now() - interval '2160 hours'), false)
			AS end_unknown
	FROM ordersync.sub_orders s
	LEFT JOIN ordersync.orders o
		ON o.shop_id = s.shop_id
		AND o.tid = s.tid
	LEFT JOIN ordersync.status_names t
		ON t.object = 'order'
		AND t.platform = s.platform
		AND t.status = CASE
			WHEN s.trade_status = 'WAIT_BUYER_PAY' AND o.step_trade_status = 'FRONT_PAID_FINAL_NOPAID'
				THEN 'deposit_paid'
			ELSE s.trade_status
		END
	LEFT JOIN ordersync.status_names n
		ON n.object = 'order'
		AND n.platform = s.platform
		AND n.status = CASE
			WHEN s.status = 'WAIT_BUYER_PAY' AND o.step_trade_status = 'FRONT_PAID_FINAL_NOPAID'
				THEN 'deposit_paid'
			ELSE s.status
		END
	LEFT JOIN ordersync.status_names r
		ON r.object = 'refund'
		AND r.platform = s.platform
		AND r.status = s.refund_status
	$query$);

	PERFORM ordersync.make_report('after_sales', $query$
	SELECT a.shop_id,
		a.refund_id,
		a.refund_id::text AS refund_id_str,
		a.tid,
		a.tid::text AS tid_str,
		a.oid,
		a.oid::text AS oid_str,
		a.platform,
		a.status,
		COALESCE(n.stage, CASE WHEN a.status IS NOT NULL THEN 'unknown' END) AS stage,
		COALESCE(n.name_zh, CASE WHEN a.status IS NOT NULL THEN '未知' END) AS stage_zh,
		COALESCE(n.name_en, CASE WHEN a.status IS NOT NULL THEN 'unknown' END) AS stage_en,
		a.order_status,
		COALESCE(t.stage, CASE WHEN a.order_status IS NOT NULL THEN 'unknown' END) AS order_stage,
		COALESCE(t.name_zh, CASE WHEN a.order_status IS NOT NULL THEN '未知' END) AS order_stage_zh,
		COALESCE(t.name_en, CASE WHEN a.order_status IS NOT NULL THEN 'unknown' END) AS order_stage_en,
		a.num_iid,
		a.num_iid::text AS num_iid_str,
		{{after_sales.report: a.#}},
		round(EXTRACT(epoch FROM a.refunded_at - a.created) / 3600, 2) AS hours_to_refund
	FROM ordersync.after_sales a
	LEFT JOIN ordersync.status_names n
		ON n.object = 'refund'
		AND n.platform = a.platform
		AND n.status = a.status
	LEFT JOIN ordersync.status_names t
		ON t.object = 'order'
		AND t.platform = a.platform
		AND t.status = a.order_status
	$query$);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_reports() IS
	'fills the names of the statuses and makes the report views';
