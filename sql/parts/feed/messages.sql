/*
 * The messages of the change feed: an order with its lines, an after-sale with the
 * order and line that it belongs to.
 *
 * What a message holds is written here once, and put together in two ways.  Views have
 * the server's to_jsonb, so that they read tables only and stay when the extension goes:
 * anybody can look at the message of any order.  The feed, which makes thousands a
 * second, has row_jsonb, which makes the same bytes.
 *
 * The form is fixed (docs/ordersync_downstream.md): all members are there, null where
 * there is no value.  New members may come; a member that goes or changes its
 * meaning makes a new version.  Ids stand as number and as text, for programs that
 * read numbers as doubles; amounts are text, as the platform sends them.  No
 * personal data: who needs them reads the tables, with the rights for it.
 */
CREATE OR REPLACE FUNCTION ordersync.row_jsonb("row" record)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'ordersync_row_jsonb'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.row_jsonb(record) IS
	'to_jsonb(row), the same bytes, several times as fast where its columns are bigint, integer, smallint, boolean, text, timestamptz, jsonb and jsonb[]';

-- of an order: o is its row, n its status
{{define order_members}}
			1 AS version,
			'order' AS kind,
			o.shop_id,
			o.seller_nick,
			o.platform,
			o.tid,
			o.tid::text AS tid_str,
			o.type,
			o.status,
			o.step_trade_status,
			COALESCE(n.stage, CASE WHEN o.status IS NOT NULL THEN 'unknown' END) AS stage,
			o.platform_state,
			o.created,
			o.paid_at,
			o.pay_time,
			o.consign_time,
			o.end_time,
			o.modified,
			o.total_fee::text AS total_fee,
			o.discount_fee::text AS discount_fee,
			o.adjust_fee::text AS adjust_fee,
			o.post_fee::text AS post_fee,
			o.payment::text AS payment,
			o.paid_amount::text AS paid_amount,
			o.received_payment::text AS received_payment,
			o.step_paid_fee::text AS step_paid_fee,
			o.gmv::text AS gmv,
			o.line_count,
			o.item_num,
			o.shipping_type,
			o.logistics_company,
			o.invoice_no,
			o.package_count,
			o.first_seen_at
{{enddefine}}
{{define order_rows}}
	FROM ordersync.orders o
	LEFT JOIN ordersync.status_names n
		ON n.object = 'order'
		AND n.platform = o.platform
		AND n.status = CASE
			WHEN o.status = 'WAIT_BUYER_PAY' AND o.step_trade_status = 'FRONT_PAID_FINAL_NOPAID'
				THEN 'deposit_paid'
			ELSE o.status
		END
{{enddefine}}

-- a line: s is its row, k its status, r that of its refund
{{define line}}
				(SELECT {{function}}(l) FROM (SELECT
					s.oid,
					s.oid::text AS oid_str,
					s.line_no,
					s.status,
					COALESCE(k.stage, CASE WHEN s.status IS NOT NULL THEN 'unknown' END) AS stage,
					s.refund_status,
					COALESCE(r.stage, CASE WHEN s.refund_status IS NOT NULL THEN 'unknown' END) AS refund_stage,
					s.refund_id,
					s.refund_id::text AS refund_id_str,
					s.num_iid,
					s.num_iid::text AS num_iid_str,
					s.outer_iid,
					s.sku_id,
					s.sku_id::text AS sku_id_str,
					s.outer_sku_id,
					s.title,
					s.sku_properties_name,
					s.is_gift,
					s.num,
					s.price::text AS price,
					s.total_fee::text AS total_fee,
					s.discount_fee::text AS discount_fee,
					s.adjust_fee::text AS adjust_fee,
					s.part_mjz_discount::text AS part_mjz_discount,
					s.divide_order_fee::text AS divide_order_fee,
					s.payment::text AS payment,
					s.paid_amount::text AS paid_amount,
					s.paid_at,
					s.consign_time,
					s.end_time,
					s.logistics_company,
					s.invoice_no
				) l)
{{enddefine}}
{{define line_rows}}
				FROM ordersync.sub_orders s
				LEFT JOIN ordersync.status_names k
					ON (k.object, k.platform, k.status) = ('order', s.platform, s.status)
				LEFT JOIN ordersync.status_names r
					ON (r.object, r.platform, r.status) = ('refund', s.platform, s.refund_status)
{{enddefine}}

{{define order_messages}}
	SELECT o.shop_id,
		o.tid,
		o.modified,
		o.synced_at,
		(SELECT {{function}}(m) FROM (SELECT
{{use order_members}},
			COALESCE((
				SELECT array_agg(
{{use line}} ORDER BY s.line_no, s.oid)
{{use line_rows}}
				WHERE s.shop_id = o.shop_id
					AND s.tid = o.tid
			), '{}') AS sub_orders
		) m) AS message
{{use order_rows}}
{{enddefine}}

{{define after_sale_messages}}
	SELECT a.shop_id,
		a.refund_id,
		a.tid,
		a.modified,
		a.synced_at,
		(SELECT {{function}}(m) FROM (SELECT
			1 AS version,
			'after_sale' AS kind,
			a.shop_id,
			a.platform,
			a.refund_id,
			a.refund_id::text AS refund_id_str,
			a.tid,
			a.tid::text AS tid_str,
			a.oid,
			a.oid::text AS oid_str,
			a.status,
			COALESCE(n.stage, CASE WHEN a.status IS NOT NULL THEN 'unknown' END) AS stage,
			a.order_status,
			a.dispute_type,
			a.special_refund_type,
			a.refund_phase,
			a.good_status,
			a.has_good_return,
			a.created,
			a.modified,
			a.refunded_at,
			a.closed_at,
			a.total_fee::text AS total_fee,
			a.refund_fee::text AS refund_fee,
			a.refunded_amount::text AS refunded_amount,
			a.payment::text AS payment,
			a.reason,
			a.title,
			a.num,
			a.num_iid,
			a.num_iid::text AS num_iid_str,
			a.sku_id,
			a.sku_id::text AS sku_id_str,
			a.sku,
			a.outer_id,
			a.company_name,
			a.sid,
			a.first_seen_at,
			(
				SELECT (SELECT {{function}}(w) FROM (SELECT
{{use order_members}}
				) w)
{{use order_rows}}
				WHERE o.shop_id = a.shop_id
					AND o.tid = a.tid
			) AS "order",
			(
				SELECT
{{use line}}
{{use line_rows}}
				WHERE s.shop_id = a.shop_id
					AND s.oid = a.oid
					AND s.tid = a.tid
			) AS sub_order
		) m) AS message
	FROM ordersync.after_sales a
	LEFT JOIN ordersync.status_names n
		ON (n.object, n.platform, n.status) = ('refund', a.platform, a.status)
{{enddefine}}

CREATE OR REPLACE FUNCTION ordersync.set_up_order_messages()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.order_messages
	WITH (security_invoker = true) AS
{{use order_messages pg_catalog.to_jsonb}};

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('order_messages', NULL, 'the message of each order in the change feed: the order with its lines; look it up by shop_id and tid'),
		('order_messages', 'shop_id', 'the shop'),
		('order_messages', 'tid', 'the order'),
		('order_messages', 'modified', 'last change on the platform'),
		('order_messages', 'synced_at', 'when its row was last written, our clock'),
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
{{use after_sale_messages pg_catalog.to_jsonb}};

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('after_sale_messages', NULL, 'the message of each after-sale in the change feed: with the order and line that it belongs to; look it up by shop_id and refund_id'),
		('after_sale_messages', 'shop_id', 'the shop'),
		('after_sale_messages', 'refund_id', 'the after-sale'),
		('after_sale_messages', 'tid', 'its order'),
		('after_sale_messages', 'modified', 'last change on the platform'),
		('after_sale_messages', 'synced_at', 'when its row was last written, our clock'),
		('after_sale_messages', 'message', 'the message, version 1; times as in order_messages; order and sub_order are null where they are not stored')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_after_sale_messages() IS
	'creates the view of after-sales as messages; part of ordersync.set_up_views()';
