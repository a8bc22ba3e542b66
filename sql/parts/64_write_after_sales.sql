/*
 * After-sales' payloads as rows of after_sales; see write_orders.
 */

/* After-sales from merged payloads, new (n_) and changed (c_). */
CREATE FUNCTION ordersync.write_after_sales(
	p_shop bigint,
	p_run bigint,
	p_task bigint,
	n_ids bigint[],
	n_modified timestamptz[],
	n_payloads jsonb[],
	c_ids bigint[],
	c_modified timestamptz[],
	c_payloads jsonb[],
	c_touches boolean[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_ids bigint[];
	v_modified timestamptz[];
	v_payloads jsonb[];
	v_tids bigint[];
	v_oids bigint[];
	v_items bigint[];
	v_refunded boolean[];
	v_suspects bigint[];
BEGIN
	SELECT pg_catalog.array_agg(w.refund_id), pg_catalog.array_agg(w.modified),
		pg_catalog.array_agg(w.payload),
		pg_catalog.array_agg(ordersync.read_bigint(w.payload ->> 'tid')),
		pg_catalog.array_agg(NULLIF(ordersync.read_bigint(w.payload ->> 'oid'), 0)),
		pg_catalog.array_agg(COALESCE(w.payload ->> 'status' = 'SUCCESS', false)
			AND (ordersync.moves_money(w.payload ->> 'dispute_type')
				OR ordersync.was_turned(p_shop, w.refund_id)))
	INTO v_ids, v_modified, v_payloads, v_tids, v_oids, v_refunded
	FROM (
		SELECT n.refund_id, n.modified, n.payload
		FROM ROWS FROM (
			pg_catalog.unnest(n_ids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
		) AS n (refund_id, modified, payload)
		UNION ALL
		SELECT c.refund_id, c.modified, c.payload
		FROM ROWS FROM (
			pg_catalog.unnest(c_ids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_payloads),
			pg_catalog.unnest(c_touches)
		) AS c (refund_id, modified, payload, touches)
		WHERE c.touches
		ORDER BY refund_id
	) w;
	IF v_ids IS NULL THEN
		RETURN;					-- only fields that have no column
	END IF;

	SELECT l.tids, l.oids, l.items
	INTO v_tids, v_oids, v_items
	FROM ordersync.lines_of(p_shop, v_tids, v_oids) l;

	PERFORM ordersync.freeze_paid_amounts(p_shop, v_tids, v_oids, v_modified, v_refunded);

	WITH p AS MATERIALIZED (
		SELECT w.refund_id, w.modified, w.refunded,
			w.found_tid, w.found_oid, w.found_item,
			ordersync.read_bigint(r.tid) AS tid, ordersync.read_bigint(r.oid) AS oid, r.status,
			r.order_status, r.dispute_type, r.special_refund_type, r.refund_phase,
			r.good_status, ordersync.read_boolean(r.has_good_return) AS has_good_return,
			ordersync.read_int(r.cs_status) AS cs_status,
			ordersync.read_int(r.advance_status) AS advance_status, r.operation_contraint,
			ordersync.read_time(r.created) AS created,
			ordersync.read_time(r.good_return_time) AS good_return_time,
			ordersync.read_money(r.total_fee) AS total_fee,
			ordersync.read_money(r.refund_fee) AS refund_fee,
			ordersync.read_money(r.payment) AS payment,
			ordersync.read_money(r.split_seller_fee) AS split_seller_fee,
			ordersync.read_money(r.split_taobao_fee) AS split_taobao_fee, r.reason, r."desc",
			r.title, ordersync.read_int(r.num) AS num, ordersync.read_money(r.price) AS price,
			ordersync.read_bigint(r.num_iid) AS num_iid, r.sku, r.outer_id, r.company_name,
			r.sid, r.buyer_nick, r.buyer_open_uid,
			ordersync.read_bigint(r.refund_version) AS refund_version,
			NULLIF(ordersync.read_bigint(pg_catalog.split_part(r.sku, '|', 1)), 0) AS sku_id,
			ordersync.read_time(r.refund_remind_timeout ->> 'timeout') AS timeout,
			pg_catalog.num_nonnulls(NULLIF(r.refund_remind_timeout ->> 'timeout', ''),
				NULLIF(r.tid, ''), NULLIF(r.oid, ''), NULLIF(r.has_good_return, ''),
				NULLIF(r.cs_status, ''), NULLIF(r.advance_status, ''), NULLIF(r.created, ''),
				NULLIF(r.good_return_time, ''), NULLIF(r.total_fee, ''),
				NULLIF(r.refund_fee, ''), NULLIF(r.payment, ''), NULLIF(r.split_seller_fee, ''),
				NULLIF(r.split_taobao_fee, ''), NULLIF(r.num, ''), NULLIF(r.price, ''),
				NULLIF(r.num_iid, ''), NULLIF(r.refund_version, '')
			) AS sent
		FROM ROWS FROM (
			pg_catalog.unnest(v_ids), pg_catalog.unnest(v_modified), pg_catalog.unnest(v_payloads),
			pg_catalog.unnest(v_refunded), pg_catalog.unnest(v_tids), pg_catalog.unnest(v_oids),
			pg_catalog.unnest(v_items)
		) AS w (refund_id, modified, payload, refunded, found_tid, found_oid, found_item),
			LATERAL pg_catalog.jsonb_to_record(w.payload) AS r (
				refund_remind_timeout jsonb,
				tid text, oid text, status text, order_status text, dispute_type text,
				special_refund_type text, refund_phase text, good_status text,
				has_good_return text, cs_status text, advance_status text,
				operation_contraint text, created text, good_return_time text, total_fee text,
				refund_fee text, payment text, split_seller_fee text, split_taobao_fee text,
				reason text, "desc" text, title text, num text, price text, num_iid text,
				sku text, outer_id text, company_name text, sid text, buyer_nick text,
				buyer_open_uid text, refund_version text
			)
	), ins AS (
		INSERT INTO ordersync.after_sales AS a (
			shop_id, refund_id, tid, oid, status, order_status, dispute_type,
			special_refund_type, refund_phase, good_status, has_good_return, cs_status,
			advance_status, operation_contraint, created, modified, refunded_at, closed_at,
			good_return_time, timeout, total_fee, refund_fee, refunded_amount, payment,
			split_seller_fee, split_taobao_fee, reason, description, title, num, price, num_iid,
			sku_id, sku, outer_id, company_name, sid, buyer_nick, buyer_open_uid,
			refund_version, first_seen_at, synced_at, turned_at)
		SELECT p_shop, p.refund_id, p.found_tid, p.found_oid, p.status, p.order_status, p.dispute_type,
			p.special_refund_type, p.refund_phase, p.good_status, p.has_good_return,
			p.cs_status, p.advance_status, NULLIF(p.operation_contraint, 'null'), p.created,
			p.modified, CASE WHEN p.status = 'SUCCESS' THEN p.modified END,
			CASE WHEN p.status IN ('CLOSED', 'EXCHANGE_TRANSFORM_TO_REFUND') THEN p.modified END,
			p.good_return_time, p.timeout,
			p.total_fee, p.refund_fee,
			CASE WHEN p.refunded THEN COALESCE(p.refund_fee, 0) ELSE 0 END, p.payment,
			p.split_seller_fee, p.split_taobao_fee, p.reason, p."desc", p.title, p.num, p.price,
			COALESCE(p.num_iid, p.found_item), p.sku_id, p.sku, p.outer_id, p.company_name,
			p.sid, p.buyer_nick, p.buyer_open_uid, p.refund_version, pg_catalog.now(),
			pg_catalog.now(),
			CASE WHEN p.status = 'EXCHANGE_TRANSFORM_TO_REFUND' THEN p.modified END
		FROM p
		ON CONFLICT (shop_id, refund_id) DO UPDATE
		SET (
				modified, status, order_status, dispute_type, special_refund_type, refund_phase,
				good_status, has_good_return, cs_status, advance_status, operation_contraint,
				created, good_return_time, timeout, total_fee, refund_fee, refunded_amount,
				payment, split_seller_fee, split_taobao_fee, reason, description, title, num,
				price, sku_id, sku, outer_id, company_name, sid, buyer_nick, buyer_open_uid,
				refund_version
			) = ROW (
				excluded.modified, excluded.status, excluded.order_status,
				excluded.dispute_type, excluded.special_refund_type, excluded.refund_phase,
				excluded.good_status, excluded.has_good_return, excluded.cs_status,
				excluded.advance_status, excluded.operation_contraint, excluded.created,
				excluded.good_return_time, excluded.timeout, excluded.total_fee,
				excluded.refund_fee, excluded.refunded_amount, excluded.payment,
				excluded.split_seller_fee, excluded.split_taobao_fee, excluded.reason,
				excluded.description, excluded.title, excluded.num, excluded.price,
				excluded.sku_id, excluded.sku, excluded.outer_id, excluded.company_name,
				excluded.sid, excluded.buyer_nick, excluded.buyer_open_uid,
				excluded.refund_version
			),
			-- what was found or was so first stays
			tid = COALESCE(excluded.tid, a.tid),
			oid = COALESCE(excluded.oid, a.oid),
			num_iid = COALESCE(excluded.num_iid, a.num_iid),
			refunded_at = COALESCE(a.refunded_at, excluded.refunded_at),
			closed_at = COALESCE(a.closed_at, excluded.closed_at),
			turned_at = COALESCE(a.turned_at, excluded.turned_at),
			synced_at = excluded.synced_at
		WHERE (
				a.modified, a.status, a.order_status, a.dispute_type, a.special_refund_type,
				a.refund_phase, a.good_status, a.has_good_return, a.cs_status, a.advance_status,
				a.operation_contraint, a.created, a.good_return_time, a.timeout, a.total_fee,
				a.refund_fee, a.refunded_amount, a.payment, a.split_seller_fee,
				a.split_taobao_fee, a.reason, a.description, a.title, a.num, a.price, a.sku_id,
				a.sku, a.outer_id, a.company_name, a.sid, a.buyer_nick, a.buyer_open_uid,
				a.refund_version,
				a.tid, a.oid, a.num_iid, a.refunded_at, a.closed_at, a.turned_at
			) IS DISTINCT FROM (
				excluded.modified, excluded.status, excluded.order_status,
				excluded.dispute_type, excluded.special_refund_type, excluded.refund_phase,
				excluded.good_status, excluded.has_good_return, excluded.cs_status,
				excluded.advance_status, excluded.operation_contraint, excluded.created,
				excluded.good_return_time, excluded.timeout, excluded.total_fee,
				excluded.refund_fee, excluded.refunded_amount, excluded.payment,
				excluded.split_seller_fee, excluded.split_taobao_fee, excluded.reason,
				excluded.description, excluded.title, excluded.num, excluded.price,
				excluded.sku_id, excluded.sku, excluded.outer_id, excluded.company_name,
				excluded.sid, excluded.buyer_nick, excluded.buyer_open_uid,
				excluded.refund_version,
				COALESCE(excluded.tid, a.tid), COALESCE(excluded.oid, a.oid),
				COALESCE(excluded.num_iid, a.num_iid),
				COALESCE(a.refunded_at, excluded.refunded_at),
				COALESCE(a.closed_at, excluded.closed_at),
				COALESCE(a.turned_at, excluded.turned_at)
			)
	)
	SELECT pg_catalog.array_agg(p.refund_id) FILTER (
		WHERE p.sent <> pg_catalog.num_nonnulls(p.timeout,
			p.tid, p.oid, p.has_good_return, p.cs_status, p.advance_status, p.created,
			p.good_return_time, p.total_fee, p.refund_fee, p.payment, p.split_seller_fee,
			p.split_taobao_fee, p.num, p.price, p.num_iid, p.refund_version
		))
	INTO v_suspects
	FROM p;

	PERFORM ordersync.note_values(p_shop, 'after_sales', p_run, p_task, v_ids, v_payloads,
		v_suspects);
END
$function$;
COMMENT ON FUNCTION ordersync.write_after_sales(bigint, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], boolean[]) IS
	'projects merged payloads into after_sales, each linked to its order and line where these are stored; only rows that differ are written';
