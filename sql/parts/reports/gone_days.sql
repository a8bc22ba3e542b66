/*
 * Records that are kept and have no row, by day.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_gone_days()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.gone_days
	WITH (security_invoker = true) AS
	-- by the last known modified of records whose row is gone
	SELECT p.shop_id, 'orders' AS stream, timezone('Asia/Shanghai', p.modified)::date AS day, count(*) AS records
	FROM ordersync.order_payloads p
	WHERE NOT EXISTS (
		SELECT
		FROM ordersync.orders o
		WHERE o.shop_id = p.shop_id
			AND o.tid = p.tid)
	GROUP BY 1, 2, 3
	UNION ALL
	SELECT p.shop_id, 'after_sales', timezone('Asia/Shanghai', p.modified)::date, count(*)
	FROM ordersync.after_sale_payloads p
	WHERE NOT EXISTS (
		SELECT
		FROM ordersync.after_sales a
		WHERE a.shop_id = p.shop_id
			AND a.refund_id = p.refund_id)
	GROUP BY 1, 2, 3;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('gone_days', NULL, 'records that are kept and have no row, by the day of their last known modified; a part of ordersync.completeness'),
		('gone_days', 'shop_id', 'the shop'),
		('gone_days', 'stream', 'orders or after_sales'),
		('gone_days', 'day', 'day of Asia/Shanghai'),
		('gone_days', 'records', 'how many')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_gone_days() IS
	'creates the view of records without a row by day; part of ordersync.set_up()';
