/*
 * Payloads made of columns, where none is kept.
 *
 * The columns are a projection of the payload, so they hold whatever a later
 * projection may ask of it, and a source that serves less takes nothing away.
 *
 * Known limits of a base made of columns.  A value that its column could not
 * take is not in it, so its entry in quarantine is closed by the next change.  A
 * line that has moved to another order is in its new order only.  A free line
 * whose price is zero counts as a gift by its price.  That a line names a special
 * refund is remembered by what it froze, not by name.
 */
/*
 * Bases of merges, of all of a page's records whose payload is NULL: an object
 * with a member for each, by its id.  As an uncorrelated subquery it is computed
 * once for a page, and only when it is needed.  STABLE: it sees what the
 * statement sees that reads the payloads' rows, hence the columns that belong to
 * these.  EXECUTEd, like all that looks into tables with several indexes.
 */
CREATE OR REPLACE FUNCTION ordersync.orders_of_columns(p_shop bigint, p_tids bigint[])
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_orders jsonb;
BEGIN
	EXECUTE
		'SELECT pg_catalog.jsonb_object_agg(o.tid, pg_catalog.jsonb_strip_nulls( '
			'(pg_catalog.to_jsonb(o) - $3) || pg_catalog.jsonb_build_object( '
				'''created'', ordersync.format_time(o.created), '
				'''pay_time'', ordersync.format_time(o.pay_time), '
				'''consign_time'', ordersync.format_time(o.consign_time), '
				'''end_time'', ordersync.format_time(o.end_time), '
				'''async_modified'', ordersync.format_time(o.async_modified), '
				'''orders'', pg_catalog.jsonb_build_object(''order'', COALESCE(l.lines, ''[]''))))) '
		'FROM pg_catalog.unnest($2) AS i (id) '
		'JOIN ordersync.order_payloads p ON p.shop_id = $1 AND p.tid = i.id AND p.payload IS NULL '
		'JOIN ordersync.orders o ON o.shop_id = $1 AND o.tid = i.id '
		'CROSS JOIN LATERAL ( '
			'SELECT pg_catalog.jsonb_agg((pg_catalog.to_jsonb(s) - $4) || pg_catalog.jsonb_build_object( '
				'''consign_time'', ordersync.format_time(s.consign_time), '
				'''end_time'', ordersync.format_time(s.end_time), '
				'''is_free_gift'', NULLIF(s.is_gift AND s.price IS DISTINCT FROM 0, false)) '
				'ORDER BY s.line_no, s.oid) AS lines '
			'FROM ordersync.sub_orders s '
			'WHERE s.shop_id = $1 '
				'AND s.tid = i.id '
		') l'
	INTO v_orders
	USING p_shop, p_tids, ordersync.columns_except('orders', ordersync.column_fields('trade')),
		ordersync.columns_except('sub_orders', ordersync.column_fields('order'));
	RETURN v_orders;
END
$function$;
COMMENT ON FUNCTION ordersync.orders_of_columns(bigint, bigint[]) IS
	'those of these orders whose payload is not kept, as records made of their columns and their lines'', for merges';

CREATE OR REPLACE FUNCTION ordersync.after_sales_of_columns(p_shop bigint, p_ids bigint[])
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_after_sales jsonb;
BEGIN
	EXECUTE
		'SELECT pg_catalog.jsonb_object_agg(a.refund_id, pg_catalog.jsonb_strip_nulls( '
			'(pg_catalog.to_jsonb(a) - $3) || pg_catalog.jsonb_build_object( '
				'''created'', ordersync.format_time(a.created), '
				'''good_return_time'', ordersync.format_time(a.good_return_time), '
				'''desc'', a.description, '
				'''refund_remind_timeout'', CASE WHEN a.timeout IS NOT NULL THEN '
					'pg_catalog.jsonb_build_object(''timeout'', ordersync.format_time(a.timeout)) END))) '
		'FROM pg_catalog.unnest($2) AS i (id) '
		'JOIN ordersync.after_sale_payloads p ON p.shop_id = $1 AND p.refund_id = i.id AND p.payload IS NULL '
		'JOIN ordersync.after_sales a ON a.shop_id = $1 AND a.refund_id = i.id'
	INTO v_after_sales
	USING p_shop, p_ids, ordersync.columns_except('after_sales', ordersync.column_fields('refund'));
	RETURN v_after_sales;
END
$function$;
COMMENT ON FUNCTION ordersync.after_sales_of_columns(bigint, bigint[]) IS
	'those of these after-sales whose payload is not kept, as records made of their columns, for merges';

CREATE OR REPLACE FUNCTION ordersync.columns_except(p_table text, p_fields text[])
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.array_agg(a.attname::text)
	FROM pg_catalog.pg_attribute a
	WHERE a.attrelid = pg_catalog.to_regclass('ordersync.' || p_table)
		AND a.attnum > 0
		AND NOT a.attisdropped
		AND a.attname <> ALL (p_fields)
$function$;
COMMENT ON FUNCTION ordersync.columns_except(text, text[]) IS
	'the columns of a table that do not come from a field of the record';
