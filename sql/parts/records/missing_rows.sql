/*
 * Rows that are gone: a table lacks what another one says was stored.  Where it is
 * a payload, see missing_payloads.sql.
 *
 * A record is told from a new one by its row of order_payloads, and what reports
 * read are other tables.  Somebody may delete rows of any of them, or restore
 * one alone.  So whether a record is unchanged is asked with its rows present:
 * the order by its key, its lines by their number.
 *
 *   order or after-sale gone   written again from its payload
 *   lines gone                 so are these; which ones is asked only where the
 *                              number is too small
 *
 * What only a row remembers is taken from the order's changes where they have it;
 * a line's paid amount of before a refund is then estimated, as where it was never
 * seen.
 *
 * These statements look into tables with several indexes, so they are EXECUTEd:
 * planned for what the tables are at that moment.
 */
CREATE OR REPLACE FUNCTION ordersync.missing_orders(
	p_shop bigint,
	p_tids bigint[],
	OUT no_order bigint[],
	OUT no_lines bigint[])
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	EXECUTE
		'SELECT pg_catalog.array_agg(m.tid) FILTER (WHERE m.line_count IS NULL), '
			'pg_catalog.array_agg(m.tid) FILTER (WHERE m.line_count IS NOT NULL) '
		'FROM ( '
			'SELECT i.tid, o.line_count '
			'FROM (SELECT DISTINCT u.tid FROM pg_catalog.unnest($2) AS u (tid) ORDER BY u.tid) i '
			'LEFT JOIN LATERAL ( '
				'SELECT COALESCE(o.line_count, 0) AS line_count '
				'FROM ordersync.orders o '
				'WHERE o.shop_id = $1 '
					'AND o.tid = i.tid '
				'OFFSET 0 '
			') o ON true '
			'WHERE o.line_count IS NULL '
				'OR o.line_count > ( '
					'SELECT pg_catalog.count(*) '
					'FROM ordersync.sub_orders s '
					'WHERE s.shop_id = $1 '
						'AND s.tid = i.tid) '
			'OFFSET 0 '
		') m'
	INTO no_order, no_lines
	USING p_shop, p_tids;
END
$function$;
COMMENT ON FUNCTION ordersync.missing_orders(bigint, bigint[]) IS
	'which of these orders have no row of their own, and which have fewer lines than their row counts';

CREATE OR REPLACE FUNCTION ordersync.missing_after_sales(p_shop bigint, p_ids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_ids bigint[];
BEGIN
	EXECUTE
		'SELECT pg_catalog.array_agg(i.id) '
		'FROM (SELECT DISTINCT u.id FROM pg_catalog.unnest($2) AS u (id) ORDER BY u.id) i '
		'LEFT JOIN LATERAL ( '
			'SELECT a.refund_id '
			'FROM ordersync.after_sales a '
			'WHERE a.shop_id = $1 '
				'AND a.refund_id = i.id '
			'OFFSET 0 '
		') a ON true '
		'WHERE a.refund_id IS NULL'
	INTO v_ids
	USING p_shop, p_ids;
	RETURN v_ids;
END
$function$;
COMMENT ON FUNCTION ordersync.missing_after_sales(bigint, bigint[]) IS
	'which of these after-sales have no row of their own';

/* Where what is asked for is there by now nothing is written. */
CREATE OR REPLACE FUNCTION ordersync.restore_orders(p_shop bigint, p_source text, p_tids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_tids bigint[];
	v_rows ordersync.applied[];
BEGIN
	EXECUTE
		'SELECT pg_catalog.array_agg(w.tid) '
		'FROM ( '
			'SELECT p.tid, p.payload, ( '
					'SELECT o.tid '
					'FROM ordersync.orders o '
					'WHERE o.shop_id = $1 '
						'AND o.tid = i.tid) IS NULL AS gone '
			'FROM (SELECT u.tid FROM pg_catalog.unnest($2) AS u (tid) ORDER BY u.tid) i, '
				'LATERAL ( '
					'SELECT p.tid, p.payload '
					'FROM ordersync.order_payloads p '
					'WHERE p.shop_id = $1 '
						'AND p.tid = i.tid '
						'AND p.payload IS NOT NULL '
					'OFFSET 0 '
				') p '
			'OFFSET 0 '
		') w '
		'WHERE w.gone '
			'OR EXISTS ( '
				'SELECT '
				'FROM pg_catalog.jsonb_to_recordset(w.payload -> ''orders'' -> ''order'') AS l (oid text) '
				'WHERE ordersync.read_bigint(l.oid) IS NOT NULL '
					'AND ( '
						'SELECT s.oid '
						'FROM ordersync.sub_orders s '
						'WHERE s.shop_id = $1 '
							'AND s.oid = ordersync.read_bigint(l.oid)) IS NULL)'
	INTO v_tids
	USING p_shop, p_tids;
	PERFORM ordersync.announce_records('order', p_shop, ordersync.count_lines(p_shop, ARRAY(
		SELECT u.tid
		FROM pg_catalog.unnest(p_tids) AS u (tid)
		WHERE u.tid <> ALL (COALESCE(v_tids, '{}')))));
	IF v_tids IS NULL THEN
		RETURN NULL;
	END IF;

	-- what the payloads hold once they are locked
	SELECT pg_catalog.array_agg(ordersync.stored_as(l.tid, l.modified, l.payload))
	INTO v_rows
	FROM (
		SELECT p.tid, p.modified, p.payload
		FROM pg_catalog.unnest(v_tids) AS i (tid),
			LATERAL (
				SELECT p.tid, p.modified, p.payload
				FROM ordersync.order_payloads p
				WHERE p.shop_id = p_shop
					AND p.tid = i.tid
				FOR NO KEY UPDATE
			) p
	) l;
	PERFORM ordersync.write_orders(p_shop, p_source, NULL, NULL, NULL, v_rows);

	RETURN v_tids;
END
$function$;
COMMENT ON FUNCTION ordersync.restore_orders(bigint, text, bigint[]) IS
	'restores the missing rows and lines of these orders from their payloads; returns the restored ids, NULL if there are none';

/*
 * What else is known of an order whose row was gone: where it is listed, and,
 * from its changes, when it was first seen and what it came to when it was paid,
 * where a refund has lowered that since.
 */
CREATE OR REPLACE FUNCTION ordersync.refill_orders(p_shop bigint, p_tids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF COALESCE(p_tids, '{}') = '{}' THEN
		RETURN;
	END IF;
	EXECUTE
		'UPDATE ordersync.orders o '
		'SET first_seen_at = COALESCE(c.first_seen_at, o.first_seen_at), '
			'platform_state = COALESCE(o.platform_state, CASE p.rank WHEN 1 THEN ''archived'' ELSE ''listed'' END), '
			'paid_amount = CASE WHEN o.paid_amount_frozen THEN COALESCE(m.paid_amount, o.paid_amount) ELSE o.paid_amount END '
		'FROM ordersync.order_payloads p '
		'CROSS JOIN LATERAL ( '
			'SELECT pg_catalog.min(c.recorded_at) FILTER (WHERE c.field = ''first_seen'') AS first_seen_at, '
				'COALESCE(pg_catalog.max(c.platform_time) FILTER (WHERE c.field = ''pay_time''), ''-infinity'') AS known_paid '
			'FROM ordersync.order_changes c '
			'WHERE c.shop_id = $1 '
				'AND c.tid = p.tid '
				'AND c.object = ''order'' '
		') c '
		'LEFT JOIN LATERAL ( '
			'SELECT l.old_value::numeric AS paid_amount '
			'FROM ordersync.order_changes l '
			'WHERE l.shop_id = $1 '
				'AND l.tid = p.tid '
				'AND l.object = ''order'' '
				'AND l.field = ''payment'' '
				'AND l.platform_time > c.known_paid '
			'ORDER BY l.change_id '
			'LIMIT 1 '
		') m ON true '
		'WHERE o.shop_id = $1 '
			'AND o.tid = ANY ($2) '
			'AND p.shop_id = $1 '
			'AND p.tid = o.tid'
	USING p_shop, p_tids;
END
$function$;
COMMENT ON FUNCTION ordersync.refill_orders(bigint, bigint[]) IS
	'restores the columns of restored orders that only order_changes still holds';

CREATE OR REPLACE FUNCTION ordersync.restore_after_sales(p_shop bigint, p_ids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_ids bigint[];
	v_rows ordersync.applied[];
BEGIN
	SELECT pg_catalog.array_agg(l.refund_id),
		pg_catalog.array_agg(ordersync.stored_as(l.refund_id, l.modified, l.payload))
	INTO v_ids, v_rows
	FROM (
		SELECT p.refund_id, p.modified, p.payload
		FROM pg_catalog.unnest(ordersync.missing_after_sales(p_shop, p_ids)) AS i (id),
			LATERAL (
				SELECT p.refund_id, p.modified, p.payload
				FROM ordersync.after_sale_payloads p
				WHERE p.shop_id = p_shop
					AND p.refund_id = i.id
					AND p.payload IS NOT NULL
				FOR NO KEY UPDATE
			) p
	) l;
	IF v_ids IS NULL THEN
		RETURN NULL;
	END IF;
	PERFORM ordersync.write_after_sales(p_shop, NULL, NULL, NULL, v_rows);
	RETURN v_ids;
END
$function$;
COMMENT ON FUNCTION ordersync.restore_after_sales(bigint, bigint[]) IS
	'restores the missing rows of these after-sales from their payloads; returns the restored ids, NULL if there are none';

CREATE OR REPLACE FUNCTION ordersync.refill_after_sales(p_shop bigint, p_ids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF COALESCE(p_ids, '{}') = '{}' THEN
		RETURN;
	END IF;
	EXECUTE
		'UPDATE ordersync.after_sales a '
		'SET first_seen_at = COALESCE(c.first_seen_at, a.first_seen_at), '
			'refunded_at = CASE WHEN a.refunded_at IS NOT NULL THEN COALESCE(c.refunded_at, a.refunded_at) END, '
			'closed_at = CASE WHEN a.closed_at IS NOT NULL THEN COALESCE(c.closed_at, a.closed_at) END '
		'FROM ( '
			'SELECT c.id, pg_catalog.min(c.recorded_at) FILTER (WHERE c.field = ''first_seen'') AS first_seen_at, '
				'pg_catalog.min(c.platform_time) FILTER (WHERE c.new_value = ''SUCCESS'') AS refunded_at, '
				'pg_catalog.min(c.platform_time) FILTER (WHERE c.new_value = ''CLOSED'') AS closed_at '
			'FROM ordersync.order_changes c '
			'WHERE c.shop_id = $1 '
				'AND c.object = ''after_sale'' '
				'AND c.id = ANY ($2) '
				'AND c.tid = ANY (ARRAY( '
					'SELECT a.tid '
					'FROM ordersync.after_sales a '
					'WHERE a.shop_id = $1 '
						'AND a.refund_id = ANY ($2))) '
			'GROUP BY c.id '
		') c '
		'WHERE a.shop_id = $1 '
			'AND a.refund_id = c.id'
	USING p_shop, p_ids;
END
$function$;
COMMENT ON FUNCTION ordersync.refill_after_sales(bigint, bigint[]) IS
	'restores the columns of restored after-sales that only order_changes still holds';

/* By both primary keys, hence without reading a record but those that are returned. */
CREATE OR REPLACE FUNCTION ordersync.records_without_rows(p_stream text, p_shop bigint)
RETURNS TABLE (id bigint, created timestamptz, modified timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
	IF p_stream = 'orders' THEN
		RETURN QUERY
		SELECT p.tid, ordersync.read_time(p.payload ->> 'created'), p.modified
		FROM ordersync.order_payloads p
		WHERE p.shop_id = p_shop
			AND NOT EXISTS (
				SELECT
				FROM ordersync.orders o
				WHERE o.shop_id = p_shop
					AND o.tid = p.tid)
			AND p.payload IS NOT NULL;
	ELSE
		RETURN QUERY
		SELECT p.refund_id, ordersync.read_time(p.payload ->> 'created'), p.modified
		FROM ordersync.after_sale_payloads p
		WHERE p.shop_id = p_shop
			AND NOT EXISTS (
				SELECT
				FROM ordersync.after_sales a
				WHERE a.shop_id = p_shop
					AND a.refund_id = p.refund_id)
			AND p.payload IS NOT NULL;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.records_without_rows(text, bigint) IS
	'orders or after-sales of a shop whose payload is kept and whose row is missing';

CREATE OR REPLACE FUNCTION ordersync.has_missing_rows(p_shop bigint, p_stream text, p_since timestamptz, p_until timestamptz)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
	IF p_stream <> 'orders' THEN
		RETURN EXISTS (
			SELECT
			FROM ordersync.after_sales a
			WHERE a.shop_id = p_shop
				AND a.modified >= p_since
				AND a.modified < p_until
				AND NOT EXISTS (
					SELECT
					FROM ordersync.after_sale_payloads p
					WHERE p.shop_id = p_shop
						AND p.refund_id = a.refund_id));
	END IF;
	RETURN EXISTS (
		SELECT
		FROM ordersync.orders o
		WHERE o.shop_id = p_shop
			AND o.created_date BETWEEN ordersync.day_of(p_since) AND ordersync.day_of(p_until)
			AND o.created >= p_since
			AND o.created < p_until
			AND (NOT EXISTS (
					SELECT
					FROM ordersync.order_payloads p
					WHERE p.shop_id = p_shop
						AND p.tid = o.tid)
				OR o.line_count > (
						SELECT pg_catalog.count(*)
						FROM ordersync.sub_orders s
						WHERE s.shop_id = p_shop
							AND s.tid = o.tid)
					-- but for one that has moved to another order
					AND EXISTS (
						SELECT
						FROM ordersync.order_payloads p
						WHERE p.shop_id = p_shop
							AND p.tid = o.tid
							AND (p.payload IS NULL OR EXISTS (
								SELECT
								FROM pg_catalog.jsonb_to_recordset(p.payload -> 'orders' -> 'order') AS l (oid text)
								WHERE ordersync.read_bigint(l.oid) IS NOT NULL
									AND (
										SELECT s.oid
										FROM ordersync.sub_orders s
										WHERE s.shop_id = p_shop
											AND s.oid = ordersync.read_bigint(l.oid)) IS NULL)))));
END
$function$;
COMMENT ON FUNCTION ordersync.has_missing_rows(bigint, text, timestamptz, timestamptz) IS
	'whether rows or lines of stored records are missing in a range (orders by created, after-sales by modified)';
