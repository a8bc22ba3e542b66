/*
 * What an added field is: a path into a record, read as a type.
 *
 * A column that is not selected costs nothing: the payload is joined by its
 * primary key, a join that the planner leaves out when nobody looks at it, and
 * a line is found in its order's payload where its value is computed.
 *
 * Conversions are built-in ones, each behind a test that lets nothing pass that
 * it would refuse: views call nothing of ours, and no value that the platform
 * may send makes a report fail.  What cannot be read is NULL.
 */
CREATE OR REPLACE FUNCTION ordersync.path_steps(p_path text)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_path IS NULL OR p_path !~ '^(\$\.)?[A-Za-z_][A-Za-z0-9_]*(\[[0-9]{1,4}\]|\.[A-Za-z_][A-Za-z0-9_]*)*$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('invalid field path: "%s"', COALESCE(p_path, 'NULL')),
			HINT = 'Separate names with dots; list positions begin at 0: promotion_details.promotion_detail[0].promotion_name.';
	END IF;
	RETURN pg_catalog.string_to_array(
		pg_catalog.regexp_replace(pg_catalog.ltrim(p_path, '$.'), '\[([0-9]+)\]', '.\1', 'g'), '.');
END
$function$;
COMMENT ON FUNCTION ordersync.path_steps(text) IS
	'an added field''s path in the form that #> takes';

/* A path's value as a column: SQL over the view's r, a row of its query, and p, its payload's row. */
CREATE OR REPLACE FUNCTION ordersync.field_expression(p_target text, p_path text, p_type text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_type = 'text' THEN pg_catalog.format('%s #>> %L::text[]', s.record, s.steps)
		WHEN p_type = 'jsonb' THEN pg_catalog.format('%s #> %L::text[]', s.record, s.steps)
		-- looked up once, however often it is tested
		ELSE pg_catalog.format('(SELECT %s FROM (SELECT %s #>> %L::text[] AS v OFFSET 0) f)',
			CASE p_type
				WHEN 'bigint' THEN
					$$CASE WHEN f.v ~ '^-?[0-9]{1,30}$' THEN
						CASE WHEN f.v::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN f.v::bigint END
					END$$
				WHEN 'numeric' THEN
					$$CASE WHEN f.v ~ '^-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][-+]?[0-9]{1,2})?$' THEN f.v::numeric END$$
				WHEN 'boolean' THEN
					$$CASE lower(f.v) WHEN 'true' THEN true WHEN 'false' THEN false END$$
				-- the server's own reading of a date, which as jsonpath answers nothing instead of failing;
				-- it takes a zero for left out
				WHEN 'timestamptz' THEN
					$$CASE WHEN f.v ~ '^(?!0000)[0-9]{4}-(?!00)[0-9]{2}-(?!00)[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$' THEN
						(jsonb_path_query_first(to_jsonb(f.v), '$.datetime("YYYY-MM-DD HH24:MI:SS")', '{}', true)
							#>> '{}')::timestamp AT TIME ZONE interval '8 hours'
					END$$
				WHEN 'date' THEN
					$$CASE WHEN f.v ~ '^(?!0000)[0-9]{4}-(?!00)[0-9]{2}-(?!00)[0-9]{2}( |$)' THEN
						(jsonb_path_query_first(to_jsonb(left(f.v, 10)), '$.datetime("YYYY-MM-DD")', '{}', true)
							#>> '{}')::date
					END$$
			END, s.record, s.steps)
	END
	FROM (
		SELECT CASE p_target
				WHEN 'sub_orders' THEN
					$$jsonb_path_query_first(p.payload, '$.orders.order[*] ? (@.oid == $oid || @.oid == $oid_str)',
						jsonb_build_object('oid', r.oid, 'oid_str', r.oid_str))$$
				ELSE 'p.payload'
			END AS record,
			ordersync.path_steps(p_path) AS steps
	) s
$function$;
COMMENT ON FUNCTION ordersync.field_expression(text, text, text) IS
	'SQL of an added field''s column, built-in functions only, which no value makes fail';

CREATE OR REPLACE FUNCTION ordersync.check_field_type(p_type text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_type IS NULL OR p_type NOT IN ('text', 'bigint', 'numeric', 'boolean', 'timestamptz', 'date', 'jsonb') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized type "%s"', COALESCE(p_type, 'NULL')),
			HINT = 'Types: text, bigint, numeric, boolean, timestamptz, date, jsonb.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_field_type(text) IS
	'raises an error for a type that an added field cannot have';

/* A name typed wrong is not an error: the platform leaves out what is empty. */
CREATE OR REPLACE FUNCTION ordersync.notice_empty_field(p_view text, p_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_key text := CASE p_view
		WHEN 'order_report' THEN 'tid'
		WHEN 'sub_order_report' THEN 'oid'
		ELSE 'refund_id'
	END;
	v_rows bigint;
	v_values bigint;
BEGIN
	EXECUTE pg_catalog.format(
		'SELECT pg_catalog.count(*), pg_catalog.count(r.%1$I) '
		'FROM (SELECT v.%1$I FROM ordersync.%2$I v ORDER BY v.shop_id DESC, v.%3$I DESC LIMIT 1000) r',
		p_name, p_view, v_key)
	INTO v_rows, v_values;
	IF v_rows > 0 AND v_values = 0 THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('"%s" is NULL in the newest %s rows of ordersync.%s', p_name, v_rows, p_view),
			HINT = pg_catalog.format('What a record holds: SELECT jsonb_pretty(payload) FROM ordersync.%s ORDER BY %s DESC LIMIT 1.',
				CASE p_view WHEN 'after_sale_report' THEN 'after_sale_payloads' ELSE 'order_payloads' END,
				CASE p_view WHEN 'after_sale_report' THEN 'refund_id' ELSE 'tid' END);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.notice_empty_field(text, text) IS
	'raises a NOTICE if an added field has no value in the newest rows';
