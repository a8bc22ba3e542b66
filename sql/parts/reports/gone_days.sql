/*
 * Records that are kept and have no row, by day, of shops that were read.
 *
 * All records of a shop are compared with its rows, in both primary keys alone: records are
 * large, and only those that are found are read.  Shop by shop, and in the order of
 * the keys, so that they are merged: many of them would be hashed on disk.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_gone_days()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.gone_days
	WITH (security_invoker = true) AS
	-- by the last known modified of records whose row is gone
	SELECT w.shop_id, 'orders' AS stream, d.day, d.records
	FROM (
		SELECT DISTINCT c.shop_id
		FROM ordersync.coverage c
	) w
	CROSS JOIN LATERAL (
		SELECT timezone('Asia/Shanghai', p.modified)::date AS day, count(*) AS records
		FROM (
			SELECT k.tid
			FROM ordersync.order_payloads k
			WHERE k.shop_id = w.shop_id
			ORDER BY k.tid
			OFFSET 0
		) k
		LEFT JOIN (
			SELECT o.tid
			FROM ordersync.orders o
			WHERE o.shop_id = w.shop_id
			ORDER BY o.tid
			OFFSET 0
		) o ON o.tid = k.tid
		CROSS JOIN LATERAL (
			SELECT p.modified
			FROM ordersync.order_payloads p
			WHERE p.shop_id = w.shop_id
				AND p.tid = k.tid
			OFFSET 0
		) p
		WHERE o.tid IS NULL
		GROUP BY 1
	) d
	UNION ALL
	SELECT w.shop_id, 'after_sales', d.day, d.records
	FROM (
		SELECT DISTINCT c.shop_id
		FROM ordersync.coverage c
	) w
	CROSS JOIN LATERAL (
		SELECT timezone('Asia/Shanghai', p.modified)::date AS day, count(*) AS records
		FROM (
			SELECT k.refund_id
			FROM ordersync.after_sale_payloads k
			WHERE k.shop_id = w.shop_id
			ORDER BY k.refund_id
			OFFSET 0
		) k
		LEFT JOIN (
			SELECT a.refund_id
			FROM ordersync.after_sales a
			WHERE a.shop_id = w.shop_id
			ORDER BY a.refund_id
			OFFSET 0
		) a ON a.refund_id = k.refund_id
		CROSS JOIN LATERAL (
			SELECT p.modified
			FROM ordersync.after_sale_payloads p
			WHERE p.shop_id = w.shop_id
				AND p.refund_id = k.refund_id
			OFFSET 0
		) p
		WHERE a.refund_id IS NULL
		GROUP BY 1
	) d;

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
