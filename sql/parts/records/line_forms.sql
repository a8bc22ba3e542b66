/*
 * Records in the one form that payloads have.
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
	'the record with its lines in the wrapped form; elements that are not lines are moved to "unreadable"';

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
 * Called where a record is stored or may change one, and only there: this is where
 * it becomes jsonb.  Nearly all come in the form in which they are stored.
 */
CREATE OR REPLACE FUNCTION ordersync.normalize_order(p_record jsonb, p_rules ordersync.record_rules)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_rules.fills THEN
			ordersync.mark_added(
				CASE
					WHEN ordersync.has_plain_lines(p_record) THEN p_record
					ELSE ordersync.plain_lines(p_record)
				END, p_rules.nulls, p_rules.line_nulls)
		WHEN ordersync.has_plain_lines(p_record) THEN p_record
		ELSE ordersync.plain_lines(p_record)
	END
$function$;
COMMENT ON FUNCTION ordersync.normalize_order(jsonb, ordersync.record_rules) IS
	'an order''s record as it is stored: its lines in one form, with nulls for added fields that it lacks';

CREATE OR REPLACE FUNCTION ordersync.normalize_after_sale(p_record jsonb, p_rules ordersync.record_rules)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_rules.fills THEN ordersync.mark_added(p_record, p_rules.nulls, NULL)
		ELSE p_record
	END
$function$;
COMMENT ON FUNCTION ordersync.normalize_after_sale(jsonb, ordersync.record_rules) IS
	'an after-sale''s record as it is stored: with nulls for added fields that it lacks';

CREATE OR REPLACE FUNCTION ordersync.detoasted(payload jsonb)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'ordersync_detoasted'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.detoasted(jsonb) IS
	'a stored payload, detoasted once for all expressions that read it';
