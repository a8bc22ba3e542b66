/*
 * Orders that lost a line to another order.
 *
 * Such a line is in the other order alone, but stays in the record of the first, whose
 * row counts it until that is noticed: where the line moves, where the record is stored
 * again, or where the order seems to lack a line.
 */
CREATE OR REPLACE FUNCTION ordersync.count_lines(p_shop bigint, p_tids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_tids bigint[];
BEGIN
	IF p_tids = '{}' THEN
		RETURN NULL;
	END IF;
	-- counted by another statement: of two that take lines of one order the second sees what the first took
	EXECUTE
		'SELECT '
		'FROM ordersync.orders o '
		'WHERE o.shop_id = $1 '
			'AND o.tid = ANY ($2) '
		'ORDER BY o.tid '
		'FOR NO KEY UPDATE'
	USING p_shop, p_tids;
	EXECUTE
		'WITH counted AS ( '
			'UPDATE ordersync.orders o '
			'SET synced_at = pg_catalog.now(), '
				'line_count = ( '
					'SELECT pg_catalog.count(*) '
					'FROM ordersync.sub_orders s '
					'WHERE s.shop_id = $1 '
						'AND s.tid = o.tid) '
			'FROM ordersync.order_payloads p '
			'WHERE o.shop_id = $1 '
				'AND o.tid = ANY ($2) '
				'AND p.shop_id = $1 '
				'AND p.tid = o.tid '
				'AND p.payload IS NOT NULL '
				'AND o.line_count > ( '
					'SELECT pg_catalog.count(*) '
					'FROM ordersync.sub_orders s '
					'WHERE s.shop_id = $1 '
						'AND s.tid = o.tid) '
			'RETURNING o.tid '
		') '
		'SELECT pg_catalog.array_agg(c.tid) '
		'FROM counted c'
	INTO v_tids
	USING p_shop, p_tids;
	RETURN v_tids;
END
$function$;
COMMENT ON FUNCTION ordersync.count_lines(bigint, bigint[]) IS
	'corrects line_count of these orders where it is too high though no line is missing; returns which, NULL for none';

/*
 * The orders of p_records are announced by who stores them.  The number of another one
 * is locked as for an after-sale, against pages of that order: one that is in flight
 * would announce it as it was, and perhaps last.  To wait for it behind rows is against
 * the order of locks: where that page waits for the line, because its record has it,
 * too, one of the two fails by the deadlock, and is stored again.
 */
CREATE OR REPLACE FUNCTION ordersync.note_lost_lines(p_shop bigint, p_records ordersync.applied[], p_losers bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_others constant bigint[] := ARRAY(
		SELECT DISTINCT u.tid
		FROM pg_catalog.unnest(p_losers) AS u (tid)
		WHERE u.tid NOT IN (
			SELECT r.id
			FROM ordersync.ids_of_records(p_records) AS r)
		ORDER BY u.tid);
BEGIN
	PERFORM ordersync.lock_orders(p_shop, v_others, true);
	PERFORM ordersync.count_lines(p_shop, p_losers);
	PERFORM ordersync.announce_records('order', p_shop, v_others);
END
$function$;
COMMENT ON FUNCTION ordersync.note_lost_lines(bigint, ordersync.applied[], bigint[]) IS
	'after lines were written: corrects the number of lines of orders that lost one to another order, and announces those that are not among the records';
