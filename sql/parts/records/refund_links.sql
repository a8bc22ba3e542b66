/*
 * What orders and after-sales know of each other: a refund's order, line and
 * item, and that money went back.  Either may be stored first; whichever comes
 * second finds the other: see lock_orders.
 *
 * These statements look into tables with several indexes that begin with the
 * shop.  Rows are found by find_rows, locked where they stand, and then, by another
 * statement, written where they stand, for any other join would read all of a shop's
 * rows for a few.
 */

/* Refunds that are stored already: what they say of these orders, and which lack their line. */
CREATE OR REPLACE FUNCTION ordersync.after_sales_of(
	p_shop bigint,
	p_ids bigint[],
	p_modified timestamptz[],
	OUT refunded_tids bigint[],
	OUT refunded_oids bigint[],
	OUT lowered_oids bigint[],
	OUT unlinked bigint[],
	OUT tids bigint[],
	OUT refund_ids bigint[]
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	SELECT pg_catalog.array_agg(a.tid) FILTER (WHERE a.refunded),
		pg_catalog.array_agg(a.oid) FILTER (WHERE a.refunded AND a.oid IS NOT NULL),
		pg_catalog.array_agg(a.oid) FILTER (
			WHERE a.refunded AND a.oid IS NOT NULL AND a.refunded_at <= r.modified),
		pg_catalog.array_agg(DISTINCT a.tid) FILTER (WHERE a.oid IS NULL OR a.num_iid IS NULL),
		pg_catalog.array_agg(a.tid), pg_catalog.array_agg(a.refund_id)
	INTO refunded_tids, refunded_oids, lowered_oids, unlinked, tids, refund_ids
	FROM ordersync.find_rows('ordersync.after_sales', 'tid', p_shop, p_ids) f
	CROSS JOIN LATERAL (
		SELECT a.refund_id, a.tid, a.oid, a.num_iid, a.refunded_at,
			ordersync.is_refunded(a.status, a.dispute_type, a.turned_at) AS refunded
		FROM ordersync.after_sales a
		WHERE a.ctid = f.row_ctid
		OFFSET 0
	) a
	JOIN ROWS FROM (pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified)) AS r (id, modified) ON r.id = a.tid;
END
$function$;
COMMENT ON FUNCTION ordersync.after_sales_of(bigint, bigint[], timestamptz[]) IS
	'of these orders: which are refunded, which of their lines are, which were so before this modified, which have an after-sale without its line, and all their after-sales';

/*
 * One that is linked and gave money back freezes its line, as it does where it comes
 * second.  The rows are locked first, all that these orders have: see lock_order_rows
 * for why that is repeated.
 */
CREATE OR REPLACE FUNCTION ordersync.link_after_sales(p_shop bigint, p_tids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
DECLARE
	v_moved boolean;
	v_rows tid[];
	v_items bigint[];
	v_ids bigint[];
	v_tids bigint[];
	v_oids bigint[];
	v_refunded_at timestamptz[];
	v_refunded boolean[];
BEGIN
	LOOP
		SELECT pg_catalog.array_agg(x.row_ctid), pg_catalog.array_agg(x.tid), pg_catalog.array_agg(x.oid),
			pg_catalog.bool_or(x.row_ctid IS NULL)
		INTO v_rows, v_tids, v_oids, v_moved
		FROM (
			SELECT f.row_ctid
			FROM ordersync.find_rows('ordersync.after_sales', 'tid', p_shop, p_tids) f
			ORDER BY f.id, f.row_ctid
		) f
		LEFT JOIN LATERAL (
			SELECT a.ctid AS row_ctid, a.tid, a.oid
			FROM ordersync.after_sales a
			WHERE a.ctid = f.row_ctid
			FOR NO KEY UPDATE
		) x ON true;
		EXIT WHEN v_moved IS NOT TRUE;
	END LOOP;

	WITH lines AS MATERIALIZED (
		SELECT s.tid, s.oid, s.num_iid, pg_catalog.count(*) OVER (PARTITION BY s.tid) = 1 AS alone
		FROM ordersync.find_rows('ordersync.sub_orders', 'tid', p_shop, p_tids) f
		CROSS JOIN LATERAL (
			SELECT s.tid, s.oid, s.num_iid
			FROM ordersync.sub_orders s
			WHERE s.ctid = f.row_ctid
			OFFSET 0
		) s
	)
	SELECT pg_catalog.array_agg(x.row_ctid), pg_catalog.array_agg(l.oid), pg_catalog.array_agg(l.num_iid)
	INTO v_rows, v_oids, v_items
	FROM ROWS FROM (
		pg_catalog.unnest(v_rows), pg_catalog.unnest(v_tids), pg_catalog.unnest(v_oids)
	) AS x (row_ctid, tid, oid)
	JOIN lines l ON l.tid = x.tid
	WHERE (x.oid = l.oid OR x.oid IS NULL AND l.alone)
		AND (x.oid IS NULL OR l.num_iid IS NOT NULL);
	IF v_rows IS NULL THEN
		RETURN;
	END IF;

	WITH linked AS (
		UPDATE ordersync.after_sales a
		SET oid = COALESCE(a.oid, k.oid),
			num_iid = COALESCE(a.num_iid, k.num_iid),
			synced_at = pg_catalog.now()
		FROM ROWS FROM (
			pg_catalog.unnest(v_rows), pg_catalog.unnest(v_oids), pg_catalog.unnest(v_items)
		) AS k (row_ctid, oid, num_iid)
		WHERE a.ctid = k.row_ctid
			AND (a.oid IS NULL OR a.num_iid IS NULL)
		RETURNING a.refund_id, a.tid, a.oid, a.refunded_at,
			ordersync.is_refunded(a.status, a.dispute_type, a.turned_at) AS refunded
	)
	SELECT pg_catalog.array_agg(k.refund_id), pg_catalog.array_agg(k.tid), pg_catalog.array_agg(k.oid),
		pg_catalog.array_agg(k.refunded_at), pg_catalog.array_agg(k.refunded)
	INTO v_ids, v_tids, v_oids, v_refunded_at, v_refunded
	FROM linked k;
	PERFORM ordersync.announce_records('after_sale', p_shop, v_ids);
	PERFORM ordersync.freeze_paid_amounts(p_shop, v_tids, v_oids, v_refunded_at, v_refunded);
END
$function$;
COMMENT ON FUNCTION ordersync.link_after_sales(bigint, bigint[]) IS
	'fills the missing line and item of the after-sales of these orders';

/* Position by position; a line is found by its oid or, without one, as its order's only one. */
CREATE OR REPLACE FUNCTION ordersync.lines_of(
	p_shop bigint,
	p_tids bigint[],
	p_oids bigint[],
	OUT tids bigint[],
	OUT oids bigint[],
	OUT items bigint[]
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	SELECT pg_catalog.array_agg(COALESCE(w.tid, l.tid) ORDER BY w.i),
		pg_catalog.array_agg(COALESCE(w.oid, o.oid) ORDER BY w.i),
		pg_catalog.array_agg(COALESCE(l.num_iid, o.num_iid) ORDER BY w.i)
	INTO tids, oids, items
	FROM ROWS FROM (pg_catalog.unnest(p_tids), pg_catalog.unnest(p_oids)) WITH ORDINALITY AS w (tid, oid, i)
	LEFT JOIN (
		SELECT s.tid, s.oid, s.num_iid
		FROM ordersync.find_rows('ordersync.sub_orders', 'oid', p_shop, p_oids) f
		CROSS JOIN LATERAL (
			SELECT s.tid, s.oid, s.num_iid
			FROM ordersync.sub_orders s
			WHERE s.ctid = f.row_ctid
			OFFSET 0
		) s
	) l ON l.oid = w.oid
	LEFT JOIN (
		SELECT f.id AS tid, pg_catalog.min(s.oid) AS oid, pg_catalog.min(s.num_iid) AS num_iid
		FROM ordersync.find_rows('ordersync.sub_orders', 'tid', p_shop, ARRAY(
			SELECT n.tid
			FROM ROWS FROM (pg_catalog.unnest(p_tids), pg_catalog.unnest(p_oids)) AS n (tid, oid)
			WHERE n.oid IS NULL)) f
		CROSS JOIN LATERAL (
			SELECT s.oid, s.num_iid
			FROM ordersync.sub_orders s
			WHERE s.ctid = f.row_ctid
			OFFSET 0
		) s
		GROUP BY f.id
		HAVING pg_catalog.count(*) = 1
	) o ON o.tid = w.tid AND w.oid IS NULL;
END
$function$;
COMMENT ON FUNCTION ordersync.lines_of(bigint, bigint[], bigint[]) IS
	'order, line and item of after-sales as far as they are stored';

/* A refund that gave money back: from now on the platform lowers its figures, ours stay. */
CREATE OR REPLACE FUNCTION ordersync.freeze_paid_amounts(
	p_shop bigint,
	p_tids bigint[],
	p_oids bigint[],
	p_modified timestamptz[],
	p_refunded boolean[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
DECLARE
	v_moved boolean;
	v_rows tid[];
	v_oids bigint[];
	v_modified timestamptz[];
BEGIN
	IF true <> ALL (p_refunded) THEN
		RETURN;
	END IF;

	LOOP
		SELECT pg_catalog.array_agg(r.row_ctid) FILTER (WHERE r.may_freeze), pg_catalog.bool_or(r.row_ctid IS NULL)
		INTO v_rows, v_moved
		FROM (
			SELECT f.row_ctid
			FROM ordersync.find_rows('ordersync.orders', 'tid', p_shop, ARRAY(
				SELECT w.tid
				FROM ROWS FROM (pg_catalog.unnest(p_tids), pg_catalog.unnest(p_refunded)) AS w (tid, refunded)
				WHERE w.refunded)) f
			ORDER BY f.id
		) f
		LEFT JOIN LATERAL (
			SELECT o.ctid AS row_ctid, NOT o.paid_amount_frozen AND o.paid_amount IS NOT NULL AS may_freeze
			FROM ordersync.orders o
			WHERE o.ctid = f.row_ctid
			FOR NO KEY UPDATE
		) r ON true;
		EXIT WHEN v_moved IS NOT TRUE;
	END LOOP;
	IF v_rows IS NOT NULL THEN
		UPDATE ordersync.orders o
		SET paid_amount_frozen = true,
			synced_at = pg_catalog.now()
		WHERE o.ctid = ANY (v_rows);
	END IF;

	LOOP
		SELECT pg_catalog.array_agg(r.row_ctid) FILTER (WHERE r.may_freeze),
			pg_catalog.array_agg(r.oid) FILTER (WHERE r.may_freeze), pg_catalog.bool_or(r.row_ctid IS NULL)
		INTO v_rows, v_oids, v_moved
		FROM (
			SELECT f.row_ctid
			FROM ordersync.find_rows('ordersync.sub_orders', 'oid', p_shop, ARRAY(
				SELECT w.oid
				FROM ROWS FROM (pg_catalog.unnest(p_oids), pg_catalog.unnest(p_refunded)) AS w (oid, refunded)
				WHERE w.refunded)) f
			ORDER BY f.id
		) f
		LEFT JOIN LATERAL (
			SELECT s.ctid AS row_ctid, s.oid, NOT s.paid_amount_frozen AND s.paid_amount IS NOT NULL AS may_freeze
			FROM ordersync.sub_orders s
			WHERE s.ctid = f.row_ctid
			FOR NO KEY UPDATE
		) r ON true;
		EXIT WHEN v_moved IS NOT TRUE;
	END LOOP;
	SELECT pg_catalog.array_agg(w.modified ORDER BY k.i)
	INTO v_modified
	FROM pg_catalog.unnest(v_oids) WITH ORDINALITY AS k (oid, i)
	JOIN (
		SELECT w.oid, pg_catalog.min(w.modified) AS modified
		FROM ROWS FROM (
			pg_catalog.unnest(p_oids), pg_catalog.unnest(p_refunded), pg_catalog.unnest(p_modified)
		) AS w (oid, refunded, modified)
		WHERE w.refunded
		GROUP BY w.oid
	) w ON w.oid = k.oid;
	IF v_rows IS NOT NULL THEN
		-- a line that was first seen paid when this refund was through has figures from after it
		UPDATE ordersync.sub_orders s
		SET paid_amount_frozen = true,
			paid_amount_estimated = s.paid_amount_estimated OR COALESCE((
				SELECT pg_catalog.max(c.platform_time) >= k.modified
				FROM ordersync.find_rows('ordersync.order_changes', 'tid', p_shop, ARRAY[s.tid]) f
				CROSS JOIN LATERAL (
					SELECT c.object, c.field, c.platform_time
					FROM ordersync.order_changes c
					WHERE c.ctid = f.row_ctid
					OFFSET 0
				) c
				WHERE c.object = 'order'
					AND (c.field IN ('first_seen', 'pay_time', 'step_trade_status')
						OR c.field = 'end_time' AND ordersync.is_cash_on_delivery(s.trade_type))
			), false),
			synced_at = pg_catalog.now()
		FROM ROWS FROM (pg_catalog.unnest(v_rows), pg_catalog.unnest(v_modified)) AS k (row_ctid, modified)
		WHERE s.ctid = k.row_ctid;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.freeze_paid_amounts(bigint, bigint[], bigint[], timestamptz[], boolean[]) IS
	'freezes the paid amounts of the orders and lines of these after-sales if money was returned';
