/*
 * What orders and after-sales know of each other: a refund's order, line and
 * item, and that money went back.  Either may be stored first; whichever comes
 * second finds the other: see lock_orders.
 *
 * These statements join tables with several indexes that begin with the shop,
 * so they are EXECUTEd: planned for what the tables are at that moment.
 */
CREATE FUNCTION ordersync.apply_lock_key(p_shop bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.hashtextextended('ordersync/apply/' || p_shop::text, 0);
COMMENT ON FUNCTION ordersync.apply_lock_key(bigint) IS
	'advisory lock of a shop: shared by its pages, exclusive to what must not meet any of them';

CREATE FUNCTION ordersync.moves_money(p_dispute_type text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(
	p_dispute_type NOT IN ('TMALL_EXCHANGE', 'TAOBAO_EXCHANGE', 'REPAIR', 'RESHIPPING'), true);
COMMENT ON FUNCTION ordersync.moves_money(text) IS
	'an after-sale of this kind gives money back; exchange, repair and reshipment do not';

/*
 * An exchange that was closed to go on as a refund.  No public text says whether
 * the refund keeps the number and the dispute_type of the exchange.  If it does,
 * its SUCCESS is the refund's, since an exchange that is closed cannot succeed;
 * if it is an after-sale of its own, it counts by its own type, once.
 */
CREATE FUNCTION ordersync.was_turned(p_shop bigint, p_refund_id bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM ordersync.after_sales a
		WHERE a.shop_id = p_shop
			AND a.refund_id = p_refund_id
			AND a.turned_at IS NOT NULL)
$function$;
COMMENT ON FUNCTION ordersync.was_turned(bigint, bigint) IS
	'an after-sale that was seen as an exchange turned into a refund';

/* Refunds that are stored already: what they say of these orders, and which lack their line. */
CREATE FUNCTION ordersync.after_sales_of(
	p_shop bigint,
	p_tids bigint[],
	p_modified timestamptz[],
	OUT refunded_tids bigint[],
	OUT refunded_oids bigint[],
	OUT lowered_oids bigint[],
	OUT unlinked bigint[]
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	EXECUTE
		'SELECT pg_catalog.array_agg(a.tid) FILTER (WHERE a.refunded), '
			'pg_catalog.array_agg(a.oid) FILTER (WHERE a.refunded AND a.oid IS NOT NULL), '
			'pg_catalog.array_agg(a.oid) FILTER ( '
				'WHERE a.refunded AND a.oid IS NOT NULL AND a.refunded_at <= t.modified), '
			'pg_catalog.array_agg(DISTINCT a.tid) FILTER (WHERE a.oid IS NULL OR a.num_iid IS NULL) '
		'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS t (tid, modified), '
			'LATERAL ( '
				'SELECT a.tid, a.oid, a.num_iid, a.refunded_at, '
					'a.status = ''SUCCESS'' AND (ordersync.moves_money(a.dispute_type) OR a.turned_at IS NOT NULL) AS refunded '
				'FROM ordersync.after_sales a '
				'WHERE a.shop_id = $1 '
					'AND a.tid = t.tid '
				'OFFSET 0 '
			') a'
	INTO refunded_tids, refunded_oids, lowered_oids, unlinked
	USING p_shop, p_tids, p_modified;
END
$function$;
COMMENT ON FUNCTION ordersync.after_sales_of(bigint, bigint[], timestamptz[]) IS
	'of these orders: which are refunded, which of their lines are, which were so before this modified, and which have an after-sale without its line';

/* One that is linked and gave money back freezes its line, as it does where it comes second. */
CREATE FUNCTION ordersync.link_after_sales(p_shop bigint, p_tids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_tids bigint[];
	v_oids bigint[];
	v_refunded_at timestamptz[];
	v_refunded boolean[];
BEGIN
	EXECUTE
		'WITH linked AS ( '
			'UPDATE ordersync.after_sales a '
			'SET oid = COALESCE(a.oid, l.oid), '
				'num_iid = COALESCE(a.num_iid, l.num_iid), '
				'synced_at = pg_catalog.now() '
			'FROM pg_catalog.unnest($2) AS t (tid), '
				'LATERAL ( '
					'SELECT s.oid, s.num_iid, pg_catalog.count(*) OVER () = 1 AS alone '
					'FROM ordersync.sub_orders s '
					'WHERE s.shop_id = $1 '
						'AND s.tid = t.tid '
				') l '
			'WHERE a.shop_id = $1 '
				'AND a.tid = t.tid '
				'AND (a.oid = l.oid OR a.oid IS NULL AND l.alone) '
				'AND (a.oid IS NULL OR a.num_iid IS NULL AND l.num_iid IS NOT NULL) '
			'RETURNING a.tid, a.oid, a.refunded_at, '
				'a.status = ''SUCCESS'' AND (ordersync.moves_money(a.dispute_type) OR a.turned_at IS NOT NULL) AS refunded '
		') '
		'SELECT pg_catalog.array_agg(k.tid), pg_catalog.array_agg(k.oid), '
			'pg_catalog.array_agg(k.refunded_at), pg_catalog.array_agg(COALESCE(k.refunded, false)) '
		'FROM linked k'
	INTO v_tids, v_oids, v_refunded_at, v_refunded
	USING p_shop, p_tids;

	IF v_tids IS NOT NULL THEN
		PERFORM ordersync.freeze_paid_amounts(p_shop, v_tids, v_oids, v_refunded_at, v_refunded);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.link_after_sales(bigint, bigint[]) IS
	'gives the after-sales of these orders their line and item where they lack them';

/* Position by position; a line is found by its oid or, without one, as its order's only one. */
CREATE FUNCTION ordersync.lines_of(
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
	EXECUTE
		'SELECT pg_catalog.array_agg(COALESCE(w.tid, l.tid) ORDER BY w.i), '
			'pg_catalog.array_agg(COALESCE(w.oid, l.oid) ORDER BY w.i), '
			'pg_catalog.array_agg(l.num_iid ORDER BY w.i) '
		'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY AS w (tid, oid, i) '
		'LEFT JOIN LATERAL ( '
			'SELECT s.tid, s.oid, s.num_iid '
			'FROM ordersync.sub_orders s '
			'WHERE s.shop_id = $1 '
				'AND s.oid = w.oid '
			'UNION ALL '
			'SELECT pg_catalog.min(s.tid), pg_catalog.min(s.oid), pg_catalog.min(s.num_iid) '
			'FROM ordersync.sub_orders s '
			'WHERE s.shop_id = $1 '
				'AND s.tid = w.tid '
				'AND w.oid IS NULL '
			'HAVING pg_catalog.count(*) = 1 '
			'OFFSET 0 '
		') l ON true'
	INTO tids, oids, items
	USING p_shop, p_tids, p_oids;
END
$function$;
COMMENT ON FUNCTION ordersync.lines_of(bigint, bigint[], bigint[]) IS
	'order, line and item of after-sales as far as they are stored';

/* A refund that gave money back: from now on the platform lowers its figures, ours stay. */
CREATE FUNCTION ordersync.freeze_paid_amounts(
	p_shop bigint,
	p_tids bigint[],
	p_oids bigint[],
	p_modified timestamptz[],
	p_refunded boolean[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF true <> ALL (p_refunded) THEN
		RETURN;
	END IF;

	EXECUTE
		'UPDATE ordersync.orders o '
		'SET paid_amount_frozen = true, '
			'synced_at = pg_catalog.now() '
		'FROM ( '
			'SELECT DISTINCT w.tid '
			'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS w (tid, refunded) '
			'WHERE w.refunded '
			'ORDER BY w.tid '
		') w '
		'WHERE o.shop_id = $1 '
			'AND o.tid = w.tid '
			'AND NOT o.paid_amount_frozen '
			'AND o.paid_amount IS NOT NULL'
	USING p_shop, p_tids, p_refunded;

	-- a line that was first seen paid when this refund was through has figures from after it
	EXECUTE
		'UPDATE ordersync.sub_orders s '
		'SET paid_amount_frozen = true, '
			'paid_amount_estimated = s.paid_amount_estimated OR COALESCE(( '
				'SELECT pg_catalog.max(c.platform_time) >= w.modified '
				'FROM ordersync.order_changes c '
				'WHERE c.shop_id = $1 '
					'AND c.tid = s.tid '
					'AND c.object = ''order'' '
					'AND (c.field IN (''first_seen'', ''pay_time'', ''step_trade_status'') '
						'OR c.field = ''end_time'' '
							'AND s.trade_type IN (''cod'', ''b2c_cod'', ''super_market_cod_trade'')) '
			'), false), '
			'synced_at = pg_catalog.now() '
		'FROM ( '
			'SELECT w.oid, pg_catalog.min(w.modified) AS modified '
			'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) '
				'AS w (oid, refunded, modified) '
			'WHERE w.refunded '
			'GROUP BY w.oid '
			'ORDER BY w.oid '
		') w '
		'WHERE s.shop_id = $1 '
			'AND s.oid = w.oid '
			'AND NOT s.paid_amount_frozen '
			'AND s.paid_amount IS NOT NULL'
	USING p_shop, p_oids, p_refunded, p_modified;
END
$function$;
COMMENT ON FUNCTION ordersync.freeze_paid_amounts(bigint, bigint[], bigint[], timestamptz[], boolean[]) IS
	'orders and lines of these after-sales keep their paid amounts where money went back';
