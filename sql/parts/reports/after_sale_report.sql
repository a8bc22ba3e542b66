/*
 * The report of after-sales: one row a refund, return, exchange or repair.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_after_sale_report()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.create_report_view('after_sales', $query$
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
COMMENT ON FUNCTION ordersync.set_up_after_sale_report() IS
	'creates the report of after-sales, its added fields with it; part of ordersync.set_up_reports()';
