/*
 * The report of item lines: one row a line.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_sub_order_report()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.create_report_view('sub_orders', $query$
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
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_sub_order_report() IS
	'creates the report of item lines, its added fields with it; part of ordersync.set_up_reports()';
