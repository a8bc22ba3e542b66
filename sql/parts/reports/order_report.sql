/*
 * The report of orders: one row an order.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_order_report()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.create_report_view('orders', $query$
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
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_order_report() IS
	'creates the report of orders, its added fields with it; part of ordersync.set_up_reports()';
