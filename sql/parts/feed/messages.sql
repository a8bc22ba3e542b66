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
	'to_jsonb(row), the same bytes, several times as fast for the row of a query whose columns are bigint, integer, smallint, boolean, text, timestamptz, jsonb and jsonb[]';

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
				SELECT pg_catalog.array_agg(
{{use line}} ORDER BY s.line_no, s.oid)
{{use line_rows}}
				WHERE s.shop_id = o.shop_id
					AND s.tid = o.tid
			), '{}') AS sub_orders
		) m) AS message
{{use order_rows}}
{{enddefine}}

-- Order and line are looked up in the after-sale's row: joined, they might be made of all orders of the shop first.
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

CREATE OR REPLACE FUNCTION ordersync.message_of_deleted(p_kind text, p_shop bigint, p_id bigint)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.jsonb_build_object('version', 1, 'kind', p_kind, 'shop_id', p_shop, 'deleted', true)
	|| CASE p_kind
		WHEN 'order' THEN pg_catalog.jsonb_build_object('tid', p_id, 'tid_str', p_id::text)
		ELSE pg_catalog.jsonb_build_object('refund_id', p_id, 'refund_id_str', p_id::text)
	END;
COMMENT ON FUNCTION ordersync.message_of_deleted(text, bigint, bigint) IS
	'the message of an order or after-sale that was deleted here';

/*
 * A plan that was made while a table was empty would read all rows of a shop for each
 * order, since to the planner one index that begins with the shop is as good as the
 * other.  So it is planned anew each time until each table has 256 pages, and the
 * planner does not take them for empty: then the index of shop and id is the best, and
 * the plan is kept.
 */
CREATE OR REPLACE FUNCTION ordersync.plan_mode_for(p_tables regclass[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN (
		SELECT pg_catalog.bool_and(pg_catalog.pg_relation_size(c.oid) >= 256 * pg_catalog.current_setting('block_size')::integer
			AND (c.reltuples < 0 OR c.reltuples >= 1000))
		FROM pg_catalog.pg_class c
		WHERE c.oid = ANY (p_tables::oid[]))
	THEN 'force_generic_plan'
	ELSE 'force_custom_plan'
END;
COMMENT ON FUNCTION ordersync.plan_mode_for(regclass[]) IS
	'plan_cache_mode for a statement that looks up rows of these tables by shop and id: a plan is kept once none of them is small';

-- what was asked for with the orders' messages, of those whose message is not given; a has those of after-sales
{{define given_and_orders}}
		SELECT p.n::integer, p."position", p.kind, p.shop_id,
			CASE p.kind WHEN 'order' THEN p.id ELSE COALESCE(a.tid, (p.message ->> 'tid')::bigint) END,
			CASE p.kind WHEN 'after_sale' THEN p.id END,
			COALESCE(p.changed_at, m.synced_at, a.synced_at),
			COALESCE(p.message, m.message, a.message, ordersync.message_of_deleted(p.kind, p.shop_id, p.id))
		FROM ROWS FROM (
			pg_catalog.unnest(p_positions), pg_catalog.unnest(p_kinds), pg_catalog.unnest(p_shops), pg_catalog.unnest(p_ids),
			pg_catalog.unnest(p_times), pg_catalog.unnest(p_messages), pg_catalog.unnest(p_entries)
		) WITH ORDINALITY AS p ("position", kind, shop_id, id, changed_at, message, entry_id, n)
		LEFT JOIN LATERAL (
{{use order_messages}}
			WHERE p.kind = 'order'
				AND p.message IS NULL
				AND o.shop_id = p.shop_id
				AND o.tid = p.id
			OFFSET 0
		) m ON true
{{enddefine}}
{{define not_told_later}}
		WHERE p.entry_id IS NULL
			OR p.message IS NOT NULL
			OR NOT EXISTS (
				SELECT
				FROM ordersync.change_feed f
				WHERE f.entry_id > p.entry_id
					AND f.kind = p.kind
					AND f.shop_id = p.shop_id
					AND p.id = ANY (f.ids))
		ORDER BY p.n
{{enddefine}}

/*
 * In the zone of the platform, whatever that of the session is.
 *
 * For a consumer of each change, of which entries are given, the message was stored
 * with the entry.  Where it was not, because the writer had begun before the consumer
 * was made, the newest state is the change's own if no later entry of the order is
 * to be seen; else that will be told, and this one is passed over.
 *
 * Without after-sales their tables are left out, small as they may be.
 */
CREATE OR REPLACE FUNCTION ordersync.with_messages(
	p_positions bigint[],
	p_kinds text[],
	p_shops bigint[],
	p_ids bigint[],
	p_times timestamptz[] DEFAULT NULL,
	p_messages jsonb[] DEFAULT NULL,
	p_entries bigint[] DEFAULT NULL
)
RETURNS TABLE (n integer, "position" bigint, kind text, shop_id bigint, tid bigint, refund_id bigint, changed_at timestamptz, message jsonb)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET timezone = 'Asia/Shanghai'
AS $function$
#variable_conflict use_column
BEGIN
	IF 'after_sale' = ANY (p_kinds) THEN
		PERFORM pg_catalog.set_config('plan_cache_mode',
			ordersync.plan_mode_for('{ordersync.orders, ordersync.sub_orders, ordersync.after_sales}'), true);
		RETURN QUERY
{{use given_and_orders ordersync.row_jsonb}}
		LEFT JOIN LATERAL (
{{use after_sale_messages ordersync.row_jsonb}}
			WHERE p.kind = 'after_sale'
				AND p.message IS NULL
				AND a.shop_id = p.shop_id
				AND a.refund_id = p.id
			OFFSET 0
		) a ON true
{{use not_told_later}};
	ELSE
		PERFORM pg_catalog.set_config('plan_cache_mode',
			ordersync.plan_mode_for('{ordersync.orders, ordersync.sub_orders}'), true);
		RETURN QUERY
{{use given_and_orders ordersync.row_jsonb}}
		CROSS JOIN (
			SELECT NULL::bigint AS tid, NULL::timestamptz AS synced_at, NULL::jsonb AS message
		) a
{{use not_told_later}};
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.with_messages(bigint[], text[], bigint[], bigint[], timestamptz[], jsonb[], bigint[]) IS
	'these orders and after-sales with their messages, in this order: those given, else as they are now';
