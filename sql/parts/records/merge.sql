/*
 * Merging a record into the payload that is stored: fields and lines of several
 * sources.  Pure.
 */

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
