/*
 * The messages of the change feed: an order with its lines, an after-sale with the
 * order and line that it belongs to.
 *
 * Views, so that anybody can look at the message of any order, and a statement
 * that reads a few hundred looks each up by its key.  They read tables only, so that
 * they stay when the extension goes.
 *
 * The form is fixed (docs/ordersync_downstream.md): all members are there, null where
 * there is no value.  New members may come; a member that goes or changes its
 * meaning makes a new version.  Ids stand as number and as text, for programs that
 * read numbers as doubles; amounts are text, as the platform sends them.  No
 * personal data: who needs them reads the tables, with the rights for it.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_order_messages()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.order_messages
	WITH (security_invoker = true) AS
	SELECT o.shop_id,
		o.tid,
		o.modified,
		jsonb_build_object(
			'version', 1,
			'kind', 'order',
			'shop_id', o.shop_id,
			'seller_nick', o.seller_nick,
			'platform', o.platform,
			'tid', o.tid,
			'tid_str', o.tid::text,
			'type', o.type,
			'status', o.status,
			'step_trade_status', o.step_trade_status,
			'stage', COALESCE(n.stage, CASE WHEN o.status IS NOT NULL THEN 'unknown' END),
			'platform_state', o.platform_state,
			'created', o.created,
			'paid_at', o.paid_at,
			'pay_time', o.pay_time,
			'consign_time', o.consign_time,
			'end_time', o.end_time,
			'modified', o.modified,
			'total_fee', o.total_fee::text,
			'discount_fee', o.discount_fee::text,
			'adjust_fee', o.adjust_fee::text,
			'post_fee', o.post_fee::text,
			'payment', o.payment::text,
			'paid_amount', o.paid_amount::text,
			'received_payment', o.received_payment::text,
			'step_paid_fee', o.step_paid_fee::text,
			'gmv', o.gmv::text,
			'line_count', o.line_count,
			'item_num', o.item_num,
			'shipping_type', o.shipping_type,
			'logistics_company', o.logistics_company,
			'invoice_no', o.invoice_no,
			'package_count', o.package_count,
			'first_seen_at', o.first_seen_at,
			'synced_at', o.synced_at,
			'sub_orders', COALESCE((
				SELECT jsonb_agg(jsonb_build_object(
						'oid', s.oid,
						'oid_str', s.oid::text,
						'line_no', s.line_no,
						'status', s.status,
						'stage', COALESCE(l.stage, CASE WHEN s.status IS NOT NULL THEN 'unknown' END),
						'refund_status', s.refund_status,
						'refund_stage', COALESCE(r.stage, CASE WHEN s.refund_status IS NOT NULL THEN 'unknown' END),
						'refund_id', s.refund_id,
						'refund_id_str', s.refund_id::text,
						'num_iid', s.num_iid,
						'num_iid_str', s.num_iid::text,
						'outer_iid', s.outer_iid,
						'sku_id', s.sku_id,
						'sku_id_str', s.sku_id::text,
						'outer_sku_id', s.outer_sku_id,
						'title', s.title,
						'sku_properties_name', s.sku_properties_name,
						'is_gift', s.is_gift,
						'num', s.num,
						'price', s.price::text,
						'total_fee', s.total_fee::text,
						'discount_fee', s.discount_fee::text,
						'adjust_fee', s.adjust_fee::text,
						'part_mjz_discount', s.part_mjz_discount::text,
						'divide_order_fee', s.divide_order_fee::text,
						'payment', s.payment::text,
						'paid_amount', s.paid_amount::text,
						'paid_at', s.paid_at,
						'consign_time', s.consign_time,
						'end_time', s.end_time,
						'logistics_company', s.logistics_company,
						'invoice_no', s.invoice_no
					) ORDER BY s.line_no, s.oid)
				FROM ordersync.sub_orders s
				LEFT JOIN ordersync.status_names l
					ON (l.object, l.platform, l.status) = ('order', s.platform, s.status)
				LEFT JOIN ordersync.status_names r
					ON (r.object, r.platform, r.status) = ('refund', s.platform, s.refund_status)
				WHERE s.shop_id = o.shop_id
					AND s.tid = o.tid
			), '[]')
		) AS message
	FROM ordersync.orders o
	LEFT JOIN ordersync.status_names n
		ON n.object = 'order'
		AND n.platform = o.platform
		AND n.status = CASE
			WHEN o.status = 'WAIT_BUYER_PAY' AND o.step_trade_status = 'FRONT_PAID_FINAL_NOPAID'
				THEN 'deposit_paid'
			ELSE o.status
		END;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('order_messages', NULL, 'the message of each order in the change feed: the order with its lines; look it up by shop_id and tid'),
		('order_messages', 'shop_id', 'the shop'),
		('order_messages', 'tid', 'the order'),
		('order_messages', 'modified', 'last change on the platform'),
		('order_messages', 'message', 'the message, version 1; times in the session''s time zone, which is Asia/Shanghai in what ordersync_changes_read returns')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_order_messages() IS
	'creates the view of orders as messages; part of ordersync.set_up_views()';

CREATE OR REPLACE FUNCTION ordersync.set_up_after_sale_messages()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.after_sale_messages
	WITH (security_invoker = true) AS
	SELECT a.shop_id,
		a.refund_id,
		a.tid,
		a.modified,
		jsonb_build_object(
			'version', 1,
			'kind', 'after_sale',
			'shop_id', a.shop_id,
			'platform', a.platform,
			'refund_id', a.refund_id,
			'refund_id_str', a.refund_id::text,
			'tid', a.tid,
			'tid_str', a.tid::text,
			'oid', a.oid,
			'oid_str', a.oid::text,
			'status', a.status,
			'stage', COALESCE(n.stage, CASE WHEN a.status IS NOT NULL THEN 'unknown' END),
			'order_status', a.order_status,
			'dispute_type', a.dispute_type,
			'special_refund_type', a.special_refund_type,
			'refund_phase', a.refund_phase,
			'good_status', a.good_status,
			'has_good_return', a.has_good_return,
			'created', a.created,
			'modified', a.modified,
			'refunded_at', a.refunded_at,
			'closed_at', a.closed_at,
			'total_fee', a.total_fee::text,
			'refund_fee', a.refund_fee::text,
			'refunded_amount', a.refunded_amount::text,
			'payment', a.payment::text,
			'reason', a.reason,
			'title', a.title,
			'num', a.num,
			'num_iid', a.num_iid,
			'num_iid_str', a.num_iid::text,
			'sku_id', a.sku_id,
			'sku_id_str', a.sku_id::text,
			'sku', a.sku,
			'outer_id', a.outer_id,
			'company_name', a.company_name,
			'sid', a.sid,
			'first_seen_at', a.first_seen_at,
			'synced_at', a.synced_at,
			'order', m.message - 'sub_orders',
			'sub_order', (
				SELECT l.line
				FROM jsonb_array_elements(m.message -> 'sub_orders') AS l (line)
				WHERE (l.line ->> 'oid')::bigint = a.oid
				LIMIT 1
			)
		) AS message
	FROM ordersync.after_sales a
	LEFT JOIN ordersync.status_names n
		ON (n.object, n.platform, n.status) = ('refund', a.platform, a.status)
	LEFT JOIN ordersync.order_messages m
		ON m.shop_id = a.shop_id
		AND m.tid = a.tid;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('after_sale_messages', NULL, 'the message of each after-sale in the change feed: with the order and line that it belongs to; look it up by shop_id and refund_id'),
		('after_sale_messages', 'shop_id', 'the shop'),
		('after_sale_messages', 'refund_id', 'the after-sale'),
		('after_sale_messages', 'tid', 'its order'),
		('after_sale_messages', 'modified', 'last change on the platform'),
		('after_sale_messages', 'message', 'the message, version 1; times as in order_messages; order and sub_order are null where they are not stored')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_after_sale_messages() IS
	'creates the view of after-sales as messages; part of ordersync.set_up_views()';
