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

/* One row a status that the mapping knows, the platform's and the unified ones. */
CREATE OR REPLACE FUNCTION ordersync.fill_status_names()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.status_names AS n (object, platform, status, stage, name_zh, name_en)
	SELECT 'order', 'taobao', s.status,
		CASE
			WHEN s.status = pg_catalog.upper(s.status)
				THEN @extschema@.ordersync_order_status(s.status)
			ELSE s.status
		END,
		@extschema@.ordersync_order_status_name(s.status, 'zh'),
		@extschema@.ordersync_order_status_name(s.status, 'en')
	FROM pg_catalog.unnest(ARRAY[
		'TRADE_NO_CREATE_PAY', 'WAIT_BUYER_PAY', 'PAY_PENDING', 'WAIT_PRE_AUTH_CONFIRM',
		'WAIT_SELLER_SEND_GOODS', 'PAID_FORBID_CONSIGN', 'SELLER_CONSIGNED_PART',
		'WAIT_BUYER_CONFIRM_GOODS', 'TRADE_BUYER_SIGNED', 'TRADE_FINISHED', 'TRADE_CLOSED',
		'TRADE_CLOSED_BY_TAOBAO',
		'created', 'unpaid', 'deposit_paid', 'paying', 'paid', 'partly_shipped', 'shipped', 'signed',
		'finished', 'closed_refunded', 'closed_unpaid', 'unknown'
	]) AS s (status)
	UNION ALL
	SELECT 'refund', 'taobao', s.status,
		CASE
			WHEN s.status = pg_catalog.upper(s.status) THEN @extschema@.ordersync_refund_status(s.status)
			ELSE s.status
		END,
		@extschema@.ordersync_refund_status_name(s.status, 'zh'),
		@extschema@.ordersync_refund_status_name(s.status, 'en')
	FROM pg_catalog.unnest(ARRAY[
		'NO_REFUND', 'WAIT_SELLER_AGREE', 'WAIT_SELLER_CONFIRM_RETURN_ADDRESS',
		'POST_FEE_DISPUTE_WAIT_ACTIVATE', 'WAIT_BUYER_RETURN_GOODS', 'WAIT_SELLER_CONFIRM_GOODS',
		'SELLER_REFUSE_BUYER', 'SUCCESS', 'CLOSED', 'EXCHANGE_TRANSFORM_TO_REFUND',
		'WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS', 'WAIT_SELLER_CONSIGN_GOODS',
		'WAIT_SELLER_CONSIGN_GOOGDS', 'EXCHANGE_WAIT_BUYER_CONFIRM_GOODS',
		'WAIT_SELLER_SEND_GOODS', 'WAIT_BUYER_CONFIRM_REDO_SEND_GOODS',
		'none', 'requested', 'returning', 'returned', 'refused', 'refunded', 'cancelled',
		'exchanging', 'unknown'
	]) AS s (status)
	ON CONFLICT (object, platform, status) DO UPDATE
	SET stage = excluded.stage,
		name_zh = excluded.name_zh,
		name_en = excluded.name_en
	WHERE (n.stage, n.name_zh, n.name_en)
		IS DISTINCT FROM (excluded.stage, excluded.name_zh, excluded.name_en)
$function$;
COMMENT ON FUNCTION ordersync.fill_status_names() IS
	'writes ordersync.status_names from the mapping functions';
