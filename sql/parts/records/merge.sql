/*
 * Merging a record into the payload that is stored: forms of lines, fields and
 * lines of several sources, and whether a column is touched.  Pure.
 */

/*
 * The wire has several forms for an order's lines: wrapped, bare (simplify), a
 * single object (relays), empty in five ways.  Payloads have one, the wrapped.
 */
CREATE OR REPLACE FUNCTION ordersync.plain_lines(p_record jsonb)
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
CREATE OR REPLACE FUNCTION ordersync.merge_fields(p_old jsonb, p_new jsonb, p_drop text[], p_keep text[])
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

CREATE OR REPLACE FUNCTION ordersync.merge_lines(p_old jsonb, p_new jsonb, p_drop text[], p_keep text[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_new IS NULL OR p_new = '[]' THEN
		RETURN p_old;
	ELSIF p_old IS NULL OR p_old = '[]' THEN
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

CREATE OR REPLACE FUNCTION ordersync.merge_order(
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
	v_lines jsonb := ordersync.merge_lines(p_old #> '{orders,order}', p_new #> '{orders,order}',
		p_line_drop, p_line_keep);
	v_fields jsonb;
BEGIN
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
CREATE OR REPLACE FUNCTION ordersync.mark_added(p_record jsonb, p_nulls jsonb, p_line_nulls jsonb)
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
CREATE OR REPLACE FUNCTION ordersync.fill_added(p_old jsonb, p_new jsonb, p_nulls jsonb, p_line_nulls jsonb)
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

CREATE OR REPLACE FUNCTION ordersync.only_fields(p_record jsonb, p_fields jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
	SELECT COALESCE(pg_catalog.jsonb_object_agg(e.key, e.value), '{}')
	FROM pg_catalog.jsonb_each(p_record) AS e
	WHERE p_fields ? e.key
);
COMMENT ON FUNCTION ordersync.only_fields(jsonb, jsonb) IS
	'of a record''s fields those that another object has';

/* What a source serves and was asked for: what is not in its record becomes NULL. */
CREATE OR REPLACE FUNCTION ordersync.served_by(
	p_stream text,
	p_source text,
	p_rules ordersync.record_rules,
	OUT fields text[],
	OUT line_fields text[]
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_stream = 'orders' THEN
		fields := ordersync.fields_but(ordersync.served_fields(p_source, 'trade'), p_rules.unserved);
		line_fields := ordersync.fields_but(ordersync.served_fields(p_source, 'order'), p_rules.line_unserved);
	ELSE
		fields := ordersync.fields_but(ordersync.served_fields(p_source, 'refund'), p_rules.unserved);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.served_by(text, text, ordersync.record_rules) IS
	'the fields of a record, and of its lines, that a source serves and was asked for';

/* A poorer source leaves alone what the sources of this age have written. */
CREATE OR REPLACE FUNCTION ordersync.left_to(
	p_stream text,
	p_source text,
	p_sources smallint,
	p_rules ordersync.record_rules,
	OUT is_none boolean,
	OUT fields text[],
	OUT taken text[],
	OUT line_fields text[],
	OUT line_taken text[]
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	is_none := NOT ordersync.columns_left(p_stream, p_source, p_sources);
	IF p_stream = 'orders' THEN
		fields := ordersync.fields_left(p_stream, p_source, p_sources, 'trade', p_rules.unserved);
		taken := ordersync.fields_taken(p_stream, p_sources, 'trade');
		line_fields := ordersync.fields_left(p_stream, p_source, p_sources, 'order', p_rules.line_unserved);
		line_taken := ordersync.fields_taken(p_stream, p_sources, 'order');
	ELSE
		fields := ordersync.fields_left(p_stream, p_source, p_sources, 'refund', p_rules.unserved);
		taken := ordersync.fields_taken(p_stream, p_sources, 'refund');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.left_to(text, text, smallint, ordersync.record_rules) IS
	'what is left to a source where richer ones have said something of the same version: the fields that none of them serves, those that they do, of the record and of its lines, and whether no column is left';

CREATE OR REPLACE FUNCTION ordersync.fields_taken(p_stream text, p_sources smallint, p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(DISTINCT f.field), '{}')
	FROM pg_catalog.unnest(ordersync.sources_of(p_stream)) AS s (source),
		LATERAL pg_catalog.unnest(ordersync.served_fields(s.source, p_object)) AS f (field)
	WHERE p_sources & ordersync.source_bit(p_stream, s.source) > 0
$function$;
COMMENT ON FUNCTION ordersync.fields_taken(text, smallint, text) IS
	'fields that a set of sources (as in a payload''s row) serves';

CREATE OR REPLACE FUNCTION ordersync.fields_left(
	p_stream text,
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
		SELECT pg_catalog.unnest(ordersync.fields_taken(p_stream, p_sources, p_object))
		EXCEPT
		SELECT pg_catalog.unnest(p_unserved)
	) AS f (field)
$function$;
COMMENT ON FUNCTION ordersync.fields_left(text, text, smallint, text, text[]) IS
	'fields that a source serves, but for those that were not asked for, and none of a set of sources does';

CREATE OR REPLACE FUNCTION ordersync.columns_left(p_stream text, p_source text, p_sources smallint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT p_sources & ordersync.source_bit(p_stream, p_source) = 0
		AND CASE p_stream
			WHEN 'orders' THEN
				ordersync.fields_left(p_stream, p_source, p_sources, 'trade') && ordersync.column_fields('trade')
					OR ordersync.fields_left(p_stream, p_source, p_sources, 'order') && ordersync.column_fields('order')
			ELSE ordersync.fields_left(p_stream, p_source, p_sources, 'refund') && ordersync.column_fields('refund')
		END
$function$;
COMMENT ON FUNCTION ordersync.columns_left(text, text, smallint) IS
	'the source serves a column that no richer source of a set has written';

CREATE OR REPLACE FUNCTION ordersync.column_fields(p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE p_object
		WHEN 'trade' THEN ARRAY[
			'orders',
			{{orders.fields '#field'}}
		]
		WHEN 'order' THEN ARRAY[
			{{sub_orders.fields '#field'}}
		]
		WHEN 'refund' THEN ARRAY[
			{{after_sales.fields '#field'}}
		]
	END;
COMMENT ON FUNCTION ordersync.column_fields(text) IS
	'the fields of a trade, of its lines (order) or of a refund that a column is read from';

/* Asked only for records of equal age; a newer one changes modified, hence every row. */
CREATE OR REPLACE FUNCTION ordersync.order_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.column_fields('trade')) AS f (field)
		WHERE f.field <> 'orders'
			AND p_old -> f.field IS DISTINCT FROM p_new -> f.field
	) OR (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_old -> 'orders' -> 'order') AS r (
			{{sub_orders.fields #field text}}
		)
	) IS DISTINCT FROM (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_new -> 'orders' -> 'order') AS r (
			{{sub_orders.fields #field text}}
		)
	)
$function$;
COMMENT ON FUNCTION ordersync.order_columns_differ(jsonb, jsonb) IS
	'the payloads differ in a field that has a column';

/* Asked only for records of equal age; a newer one changes modified, hence the row. */
CREATE OR REPLACE FUNCTION ordersync.after_sale_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.column_fields('refund')) AS f (field)
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
CREATE OR REPLACE FUNCTION ordersync.is_another_order(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM (
			VALUES
				{{orders.changes ('#field', '#read')}}
		) AS f (field, kind)
		WHERE ordersync.value_of_change(f.kind, p_new ->> f.field)
			<> COALESCE(ordersync.value_of_change(f.kind, p_old ->> f.field), '')
	) OR EXISTS (
		SELECT
		FROM pg_catalog.jsonb_to_recordset(p_new -> 'orders' -> 'order') AS n (oid text, status text, refund_status text)
		JOIN pg_catalog.jsonb_to_recordset(p_old -> 'orders' -> 'order') AS o (oid text, status text, refund_status text)
			ON o.oid = n.oid
		WHERE NULLIF(n.status, '') <> COALESCE(o.status, '')
			OR NULLIF(n.refund_status, '') <> COALESCE(o.refund_status, '')
	)
$function$;
COMMENT ON FUNCTION ordersync.is_another_order(jsonb, jsonb) IS
	'whether of an order''s two records of equal age the second tells another state than the first';

CREATE OR REPLACE FUNCTION ordersync.is_another_after_sale(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(
	NULLIF(p_new ->> 'status', '') <> COALESCE(p_old ->> 'status', '')
		OR ordersync.read_money(p_new ->> 'refund_fee') <> ordersync.read_money(p_old ->> 'refund_fee')
		OR NULLIF(p_new ->> 'dispute_type', '') <> COALESCE(p_old ->> 'dispute_type', '')
		OR NULLIF(p_new ->> 'good_status', '') <> COALESCE(p_old ->> 'good_status', ''),
	false);
COMMENT ON FUNCTION ordersync.is_another_after_sale(jsonb, jsonb) IS
	'whether of an after-sale''s two records of equal age the second tells another state than the first';
