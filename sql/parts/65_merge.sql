/*
 * Merging a record into the payload that is stored: forms of lines, fields and
 * lines of several sources, and whether a column is touched.  Pure.
 */

/*
 * The wire has several forms for an order's lines: wrapped, bare (simplify), a
 * single object (relays), empty in five ways.  Payloads have one, the wrapped.
 */
CREATE FUNCTION ordersync.plain_lines(p_record jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_orders jsonb := p_record -> 'orders';
	v_list jsonb;
	v_lines jsonb;
	v_rest jsonb;
BEGIN
	v_list := CASE pg_catalog.jsonb_typeof(v_orders)
		WHEN 'array' THEN v_orders
		WHEN 'object' THEN
			CASE
				WHEN pg_catalog.jsonb_typeof(v_orders -> 'order') = 'array' THEN v_orders -> 'order'
				WHEN v_orders ? 'order' THEN pg_catalog.jsonb_build_array(v_orders -> 'order')
				WHEN v_orders <> '{}' THEN pg_catalog.jsonb_build_array(v_orders)
			END
		ELSE pg_catalog.jsonb_build_array(v_orders)
	END;

	SELECT pg_catalog.jsonb_agg(e.line ORDER BY e.i) FILTER (
			WHERE pg_catalog.jsonb_typeof(e.line) = 'object'),
		pg_catalog.jsonb_agg(e.line ORDER BY e.i) FILTER (
			WHERE pg_catalog.jsonb_typeof(e.line) NOT IN ('object', 'null'))
	INTO v_lines, v_rest
	FROM pg_catalog.jsonb_array_elements(v_list) WITH ORDINALITY AS e (line, i);

	RETURN (p_record - 'orders')
		|| CASE
			WHEN v_rest IS NOT NULL THEN
				pg_catalog.jsonb_build_object('orders', pg_catalog.jsonb_build_object(
					'order', COALESCE(v_lines, '[]'), 'unreadable', v_rest))
			WHEN v_lines IS NOT NULL THEN
				pg_catalog.jsonb_build_object('orders', pg_catalog.jsonb_build_object('order', v_lines))
			ELSE '{}'
		END;
END
$function$;
COMMENT ON FUNCTION ordersync.plain_lines(jsonb) IS
	'the record with its lines in the wrapped form; what is no line goes under "unreadable"';

/* p_old gives up p_drop and keeps p_keep whatever p_new says (NULL: nothing). */
CREATE FUNCTION ordersync.merge_fields(p_old jsonb, p_new jsonb, p_drop text[], p_keep text[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN p_keep IS NULL THEN
			(p_old - p_drop) || p_new
		ELSE
			(p_new - p_keep) || (p_old - p_drop)
	END;
COMMENT ON FUNCTION ordersync.merge_fields(jsonb, jsonb, text[], text[]) IS
	'one level of a merge: p_old without p_drop under p_new; with p_keep, p_new without p_keep under p_old without p_drop';

CREATE FUNCTION ordersync.merge_lines(p_old jsonb, p_new jsonb, p_drop text[], p_keep text[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_old jsonb;
	v_new jsonb;
	v_covered boolean := p_keep IS NULL;
BEGIN
	IF p_new IS NULL OR p_new = '[]' THEN
		RETURN p_old;
	ELSIF p_old IS NULL OR p_old = '[]' THEN
		RETURN p_new;
	END IF;

	-- mostly the new lines are the old ones in the old order and hold all that these hold
	FOR i IN 0 .. pg_catalog.jsonb_array_length(p_old) - 1 LOOP
		EXIT WHEN NOT v_covered;
		v_old := p_old -> i;
		v_new := p_new -> i;
		v_covered := v_new IS NOT NULL
			AND v_old ->> 'oid' IS NOT DISTINCT FROM v_new ->> 'oid'
			AND v_old || v_new = v_new;
	END LOOP;
	IF v_covered THEN
		RETURN p_new;
	END IF;

	-- a poorer source does not set the lines' order either
	RETURN (
		SELECT pg_catalog.jsonb_agg(m.line ORDER BY
			CASE WHEN p_keep IS NULL THEN m.new_i ELSE m.old_i END NULLS LAST, m.new_i, m.old_i)
		FROM (
			SELECT n.i AS new_i, o.i AS old_i,
				CASE
					WHEN o.line IS NULL THEN n.line
					ELSE ordersync.merge_fields(o.line, n.line, p_drop, p_keep)
				END AS line
			FROM pg_catalog.jsonb_array_elements(p_new) WITH ORDINALITY AS n (line, i)
			LEFT JOIN LATERAL (
				SELECT o.line, o.i
				FROM pg_catalog.jsonb_array_elements(p_old) WITH ORDINALITY AS o (line, i)
				WHERE o.line ->> 'oid' = n.line ->> 'oid'
				LIMIT 1
			) o ON true
			UNION ALL
			SELECT NULL, o.i, o.line
			FROM pg_catalog.jsonb_array_elements(p_old) WITH ORDINALITY AS o (line, i)
			WHERE o.line ? 'oid'
				AND NOT EXISTS (
					SELECT
					FROM pg_catalog.jsonb_array_elements(p_new) AS n (line)
					WHERE n.line ->> 'oid' = o.line ->> 'oid'
				)
		) m
	);
END
$function$;
COMMENT ON FUNCTION ordersync.merge_lines(jsonb, jsonb, text[], text[]) IS
	'an order''s lines merged by oid; a line that only p_old has stays';

CREATE FUNCTION ordersync.merge_order(
	p_old jsonb,
	p_new jsonb,
	p_drop text[],
	p_keep text[],
	p_line_drop text[],
	p_line_keep text[]
)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_new_lines jsonb := p_new #> '{orders,order}';
	v_lines jsonb := ordersync.merge_lines(p_old #> '{orders,order}', v_new_lines,
		p_line_drop, p_line_keep);
	v_fields jsonb;
BEGIN
	-- mostly the new record holds every field that the old one holds: it is the merged one
	IF p_keep IS NULL AND v_lines = v_new_lines AND p_old || p_new = p_new THEN
		RETURN p_new;
	END IF;

	v_fields := ordersync.merge_fields(p_old, p_new, p_drop, p_keep) - 'orders';
	IF v_lines IS NULL THEN
		RETURN v_fields;
	END IF;
	RETURN v_fields || pg_catalog.jsonb_build_object('orders',
		COALESCE(p_new -> 'orders', '{}') || pg_catalog.jsonb_build_object('order', v_lines));
END
$function$;
COMMENT ON FUNCTION ordersync.merge_order(jsonb, jsonb, text[], text[], text[], text[]) IS
	'an order''s payload merged on two levels: its fields, and its lines by oid';

/* What was added and asked for, and did not come, is a null from here on: it is served. */
CREATE FUNCTION ordersync.mark_added(p_record jsonb, p_nulls jsonb, p_line_nulls jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_record jsonb := COALESCE(p_nulls, '{}') || p_record;
BEGIN
	IF p_line_nulls IS NULL THEN
		RETURN v_record;
	END IF;
	IF NOT ordersync.has_plain_lines(v_record) THEN
		v_record := ordersync.plain_lines(v_record);
	END IF;
	RETURN COALESCE(
		pg_catalog.jsonb_set(v_record, '{orders,order}', (
			SELECT pg_catalog.jsonb_agg(p_line_nulls || l.line ORDER BY l.i)
			FROM pg_catalog.jsonb_array_elements(v_record #> '{orders,order}') WITH ORDINALITY AS l (line, i)
		), false),
		v_record);
END
$function$;
COMMENT ON FUNCTION ordersync.mark_added(jsonb, jsonb, jsonb) IS
	'the record, and its lines, with the nulls for which it has no value';

/*
 * A poorer record of equal age whose source has had its turn, or has nothing of
 * its own to say, still brings fields that were added since: those that no
 * source has been asked for, whose key is not there yet.
 */
CREATE FUNCTION ordersync.fill_added(p_old jsonb, p_new jsonb, p_nulls jsonb, p_line_nulls jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_fields jsonb := ordersync.only_fields(p_new, p_nulls) || p_old;
BEGIN
	IF p_line_nulls IS NULL THEN
		RETURN v_fields;
	END IF;
	RETURN COALESCE(
		pg_catalog.jsonb_set(v_fields, '{orders,order}', (
			SELECT pg_catalog.jsonb_agg(COALESCE(ordersync.only_fields(n.line, p_line_nulls), '{}') || o.line ORDER BY o.i)
			FROM pg_catalog.jsonb_array_elements(v_fields #> '{orders,order}') WITH ORDINALITY AS o (line, i)
			LEFT JOIN LATERAL (
				SELECT n.line
				FROM pg_catalog.jsonb_array_elements(p_new #> '{orders,order}') AS n (line)
				WHERE n.line ->> 'oid' = o.line ->> 'oid'
				LIMIT 1
			) n ON true
		), false),
		v_fields);
END
$function$;
COMMENT ON FUNCTION ordersync.fill_added(jsonb, jsonb, jsonb, jsonb) IS
	'a payload with the added fields of a record, and of its lines, that it does not have';

CREATE FUNCTION ordersync.only_fields(p_record jsonb, p_fields jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
	SELECT COALESCE(pg_catalog.jsonb_object_agg(e.key, e.value), '{}')
	FROM pg_catalog.jsonb_each(p_record) AS e
	WHERE p_fields ? e.key
);
COMMENT ON FUNCTION ordersync.only_fields(jsonb, jsonb) IS
	'of a record''s fields those that another object has';

CREATE FUNCTION ordersync.fields_taken(p_sources smallint, p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(DISTINCT f.field), '{}')
	FROM (
		VALUES
			(1, 'history', ARRAY['trade', 'order']),
			(2, 'increment', ARRAY['trade', 'order']),
			(4, 'list', ARRAY['trade', 'order']),
			(8, 'details', ARRAY['trade', 'order']),
			(1, 'special', ARRAY['refund']),
			(2, 'list', ARRAY['refund']),
			(4, 'details', ARRAY['refund'])
	) AS s (bit, source, objects),
		LATERAL pg_catalog.unnest(ordersync.served_fields(s.source, p_object)) AS f (field)
	WHERE p_sources & s.bit > 0
		AND p_object = ANY (s.objects)
$function$;
COMMENT ON FUNCTION ordersync.fields_taken(smallint, text) IS
	'fields that a set of sources (as in a payload''s row) serves';

CREATE FUNCTION ordersync.fields_left(
	p_source text,
	p_sources smallint,
	p_object text,
	p_unserved text[] DEFAULT NULL)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(f.field), '{}')
	FROM (
		SELECT pg_catalog.unnest(ordersync.served_fields(p_source, p_object))
		EXCEPT
		SELECT pg_catalog.unnest(ordersync.fields_taken(p_sources, p_object))
		EXCEPT
		SELECT pg_catalog.unnest(p_unserved)
	) AS f (field)
$function$;
COMMENT ON FUNCTION ordersync.fields_left(text, smallint, text, text[]) IS
	'fields that a source serves, but for those that were not asked for, and none of a set of sources does';

/* Fields of a record, and of its lines, that have a column. */
CREATE FUNCTION ordersync.order_fields(p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE p_object
		WHEN 'trade' THEN ARRAY[
			'orders',
			'seller_nick', 'type', 'status', 'step_trade_status', 'trade_from', 'trade_source',
			'created', 'pay_time', 'consign_time', 'end_time', 'async_modified', 'total_fee',
			'discount_fee', 'adjust_fee', 'post_fee', 'payment', 'received_payment',
			'available_confirm_fee', 'step_paid_fee', 'commission_fee', 'credit_card_fee',
			'cod_fee', 'order_tax_fee', 'platform_subsidy_fee', 'yfx_fee', 'point_fee',
			'real_point_fee', 'buyer_obtain_point_fee', 'cod_status', 'shipping_type',
			'is_part_consign', 'buyer_nick', 'buyer_open_uid', 'oaid', 'receiver_country',
			'receiver_state', 'receiver_city', 'receiver_district', 'seller_flag',
			'seller_memo', 'has_buyer_message', 'alipay_no'
		]
		WHEN 'order' THEN ARRAY[
			'oid', 'status', 'refund_status', 'refund_id', 'num_iid', 'outer_iid', 'sku_id',
			'outer_sku_id', 'title', 'sku_properties_name', 'cid', 'price', 'num', 'total_fee',
			'discount_fee', 'adjust_fee', 'part_mjz_discount', 'divide_order_fee', 'payment',
			'is_free_gift', 'consign_time', 'end_time', 'shipping_type', 'logistics_company',
			'invoice_no', 'store_code', 'item_meal_name'
		]
	END;
COMMENT ON FUNCTION ordersync.order_fields(text) IS
	'fields of a trade or of its lines (order) that have a column';

CREATE FUNCTION ordersync.order_columns_left(p_source text, p_sources smallint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_sources & (1 << (pg_catalog.array_position(
			ARRAY['history', 'increment', 'list', 'details'], p_source) - 1)) = 0
	AND (ordersync.fields_left(p_source, p_sources, 'trade') && ordersync.order_fields('trade')
		OR ordersync.fields_left(p_source, p_sources, 'order') && ordersync.order_fields('order'));
COMMENT ON FUNCTION ordersync.order_columns_left(text, smallint) IS
	'the source serves a column that no richer source of a set has written';

/* Asked only for records of equal age; a newer one changes modified, hence every row. */
CREATE FUNCTION ordersync.order_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.order_fields('trade')) AS f (field)
		WHERE f.field <> 'orders'
			AND p_old -> f.field IS DISTINCT FROM p_new -> f.field
	) OR (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_old -> 'orders' -> 'order') AS r (
			oid text, status text, refund_status text, refund_id text, num_iid text,
			outer_iid text, sku_id text, outer_sku_id text, title text,
			sku_properties_name text, cid text, price text, num text, total_fee text,
			discount_fee text, adjust_fee text, part_mjz_discount text, divide_order_fee text,
			payment text, is_free_gift text, consign_time text, end_time text,
			shipping_type text, logistics_company text, invoice_no text, store_code text,
			item_meal_name text
		)
	) IS DISTINCT FROM (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_new -> 'orders' -> 'order') AS r (
			oid text, status text, refund_status text, refund_id text, num_iid text,
			outer_iid text, sku_id text, outer_sku_id text, title text,
			sku_properties_name text, cid text, price text, num text, total_fee text,
			discount_fee text, adjust_fee text, part_mjz_discount text, divide_order_fee text,
			payment text, is_free_gift text, consign_time text, end_time text,
			shipping_type text, logistics_company text, invoice_no text, store_code text,
			item_meal_name text
		)
	)
$function$;
COMMENT ON FUNCTION ordersync.order_columns_differ(jsonb, jsonb) IS
	'the payloads differ in a field that has a column';

CREATE FUNCTION ordersync.after_sale_fields()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
	'refund_remind_timeout',
	'tid', 'oid', 'status', 'order_status', 'dispute_type', 'special_refund_type',
	'refund_phase', 'good_status', 'has_good_return', 'cs_status', 'advance_status',
	'operation_contraint', 'created', 'good_return_time', 'total_fee', 'refund_fee', 'payment',
	'split_seller_fee', 'split_taobao_fee', 'reason', 'desc', 'title', 'num', 'price',
	'num_iid', 'sku', 'outer_id', 'company_name', 'sid', 'buyer_nick', 'buyer_open_uid',
	'refund_version'
];
COMMENT ON FUNCTION ordersync.after_sale_fields() IS
	'fields of a refund that have a column';

CREATE FUNCTION ordersync.after_sale_columns_left(p_source text, p_sources smallint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_sources & (1 << (pg_catalog.array_position(
			ARRAY['special', 'list', 'details'], p_source) - 1)) = 0
	AND ordersync.fields_left(p_source, p_sources, 'refund') && ordersync.after_sale_fields();
COMMENT ON FUNCTION ordersync.after_sale_columns_left(text, smallint) IS
	'the source serves a column that no richer source of a set has written';

/* Asked only for records of equal age; a newer one changes modified, hence the row. */
CREATE FUNCTION ordersync.after_sale_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.after_sale_fields()) AS f (field)
		WHERE p_old -> f.field IS DISTINCT FROM p_new -> f.field
	)
$function$;
COMMENT ON FUNCTION ordersync.after_sale_columns_differ(jsonb, jsonb) IS
	'the payloads differ in a field that has a column';

/*
 * Two records of one modified.  What sources of one version may write in
 * different forms is left out; what the platform counts as an order's state is
 * the same in all of them.  A field that the new record does not have says
 * nothing.
 */
CREATE FUNCTION ordersync.is_another_version(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ARRAY['status', 'step_trade_status', 'pay_time', 'payment',
			'consign_time', 'end_time']) AS f (field)
		WHERE ordersync.value_of_change(f.field, p_new ->> f.field)
			<> COALESCE(ordersync.value_of_change(f.field, p_old ->> f.field), '')
	) OR EXISTS (
		SELECT
		FROM pg_catalog.jsonb_to_recordset(p_new -> 'orders' -> 'order') AS n (oid text, status text, refund_status text)
		JOIN pg_catalog.jsonb_to_recordset(p_old -> 'orders' -> 'order') AS o (oid text, status text, refund_status text)
			ON o.oid = n.oid
		WHERE NULLIF(n.status, '') <> COALESCE(o.status, '')
			OR NULLIF(n.refund_status, '') <> COALESCE(o.refund_status, '')
	)
$function$;
COMMENT ON FUNCTION ordersync.is_another_version(jsonb, jsonb) IS
	'whether of an order''s two records of equal age the second tells another state than the first';

CREATE FUNCTION ordersync.is_another_version_of_refund(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(
	NULLIF(p_new ->> 'status', '') <> COALESCE(p_old ->> 'status', '')
		OR ordersync.read_money(p_new ->> 'refund_fee') <> ordersync.read_money(p_old ->> 'refund_fee')
		OR NULLIF(p_new ->> 'dispute_type', '') <> COALESCE(p_old ->> 'dispute_type', '')
		OR NULLIF(p_new ->> 'good_status', '') <> COALESCE(p_old ->> 'good_status', ''),
	false);
COMMENT ON FUNCTION ordersync.is_another_version_of_refund(jsonb, jsonb) IS
	'whether of an after-sale''s two records of equal age the second tells another state than the first';
