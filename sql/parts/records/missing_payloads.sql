/*
 * Payloads that are gone, or cut, of records whose rows are there.
 *
 *   payload gone               made of the columns, with no source and no digest,
 *                              so that the record that is read fills it
 *   order gone, payload cut    nothing is left of it: forgotten, hence new
 *   lines gone, payload cut    the record that is read writes all that it serves
 */
/* With the least rank and no source, so that any record of that age or later writes what it serves. */
CREATE OR REPLACE FUNCTION ordersync.add_order_payloads(p_shop bigint, p_tids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_added bigint[];
BEGIN
	IF p_tids IS NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE
		'WITH ins AS ( '
			'INSERT INTO ordersync.order_payloads (shop_id, tid, rank, sources, modified) '
			'SELECT o.shop_id, o.tid, 1, 0, COALESCE(o.modified, ''-infinity'') '
			'FROM ordersync.orders o '
			'WHERE o.shop_id = $1 '
				'AND o.tid = ANY ($2) '
			'ORDER BY o.tid '
			'ON CONFLICT DO NOTHING '
			'RETURNING tid '
		') '
		'SELECT pg_catalog.array_agg(ins.tid) FROM ins'
	INTO v_added
	USING p_shop, p_tids;

	IF v_added IS NOT NULL AND (SELECT r.keeps FROM ordersync.payload_rules(p_shop) r) <> 'off' THEN
		EXECUTE
			'UPDATE ordersync.order_payloads p '
			'SET payload = b.bases -> p.tid::text '
			'FROM (SELECT ordersync.orders_of_columns($1, $2) AS bases) b '
			'WHERE p.shop_id = $1 '
				'AND p.tid = ANY ($2)'
		USING p_shop, v_added;
	END IF;
	RETURN v_added;
END
$function$;
COMMENT ON FUNCTION ordersync.add_order_payloads(bigint, bigint[]) IS
	'payloads made of their columns for those of these orders that have none; returns which, NULL for none';

CREATE OR REPLACE FUNCTION ordersync.add_after_sale_payloads(p_shop bigint, p_ids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_added bigint[];
BEGIN
	IF p_ids IS NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE
		'WITH ins AS ( '
			'INSERT INTO ordersync.after_sale_payloads (shop_id, refund_id, rank, sources, modified) '
			'SELECT a.shop_id, a.refund_id, 1, 0, COALESCE(a.modified, ''-infinity'') '
			'FROM ordersync.after_sales a '
			'WHERE a.shop_id = $1 '
				'AND a.refund_id = ANY ($2) '
			'ORDER BY a.refund_id '
			'ON CONFLICT DO NOTHING '
			'RETURNING refund_id '
		') '
		'SELECT pg_catalog.array_agg(ins.refund_id) FROM ins'
	INTO v_added
	USING p_shop, p_ids;

	IF v_added IS NOT NULL AND (SELECT r.keeps FROM ordersync.payload_rules(p_shop) r) <> 'off' THEN
		EXECUTE
			'UPDATE ordersync.after_sale_payloads p '
			'SET payload = b.bases -> p.refund_id::text '
			'FROM (SELECT ordersync.after_sales_of_columns($1, $2) AS bases) b '
			'WHERE p.shop_id = $1 '
				'AND p.refund_id = ANY ($2)'
		USING p_shop, v_added;
	END IF;
	RETURN v_added;
END
$function$;
COMMENT ON FUNCTION ordersync.add_after_sale_payloads(bigint, bigint[]) IS
	'payloads made of their columns for those of these after-sales that have none; returns which, NULL for none';

CREATE OR REPLACE FUNCTION ordersync.reset_cut_orders(p_shop bigint, p_no_order bigint[], p_no_lines bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	DELETE FROM ordersync.order_payloads p
	WHERE p.shop_id = p_shop
		AND p.tid = ANY (p_no_order)
		AND p.payload IS NULL;
	UPDATE ordersync.order_payloads p
	SET rank = 1,
		sources = 0,
		digest_history = NULL,
		digest_increment = NULL,
		digest_list = NULL,
		digest_details = NULL
	WHERE p.shop_id = p_shop
		AND p.tid = ANY (p_no_lines)
		AND p.payload IS NULL
		AND p.sources <> 0;
END
$function$;
COMMENT ON FUNCTION ordersync.reset_cut_orders(bigint, bigint[], bigint[]) IS
	'makes orders whose payload is cut be stored as new ones if their row is missing, and again if lines are missing';

/* Of one whose payload is cut nothing is left: it is new. */
CREATE OR REPLACE FUNCTION ordersync.reset_cut_after_sales(p_shop bigint, p_no_row bigint[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	DELETE FROM ordersync.after_sale_payloads p
	WHERE p.shop_id = p_shop
		AND p.refund_id = ANY (p_no_row)
		AND p.payload IS NULL
$function$;
COMMENT ON FUNCTION ordersync.reset_cut_after_sales(bigint, bigint[]) IS
	'makes after-sales whose payload is cut and whose row is missing be stored as new ones';
