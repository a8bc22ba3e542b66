/*
 * Another program's table, to be compared with ours: which columns are compared,
 * where they stand in that table, and how their values are read.
 *
 * A column is found by our name for it, or by the name that the caller gives.  Its
 * value may have any type in which pullers store it: ids as text or double, times as
 * text, without a zone (then of Asia/Shanghai) or as seconds since 1970, amounts as
 * text or double.  What cannot be read is NULL and told; it is never an error, since
 * one bad value of half a million must not end the comparison.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_columns(p_kind text)
RETURNS TABLE (col text, role text, required boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT c.col, c.role, c.role IN ('id', 'created')
	FROM (VALUES
		('orders', 'tid', 'id'),
		('orders', 'created', 'created'),
		('orders', 'modified', 'modified'),
		('orders', 'seller_nick', 'seller'),
		('orders', 'status', 'status'),
		('orders', 'pay_time', 'time'),
		('orders', 'consign_time', 'time'),
		('orders', 'end_time', 'time'),
		('orders', 'payment', 'amount'),
		('orders', 'paid_amount', 'amount'),
		('orders', 'post_fee', 'amount'),
		('orders', 'total_fee', 'amount'),
		('orders', 'received_payment', 'amount'),
		('orders', 'line_count', 'count'),

		('sub_orders', 'oid', 'id'),
		('sub_orders', 'created', 'created'),
		('sub_orders', 'modified', 'modified'),
		('sub_orders', 'tid', 'link'),
		('sub_orders', 'status', 'status'),
		('sub_orders', 'pay_time', 'time'),
		('sub_orders', 'consign_time', 'time'),
		('sub_orders', 'end_time', 'time'),
		('sub_orders', 'payment', 'amount'),
		('sub_orders', 'paid_amount', 'amount'),
		('sub_orders', 'divide_order_fee', 'amount'),
		('sub_orders', 'total_fee', 'amount'),
		('sub_orders', 'price', 'amount'),

		('after_sales', 'refund_id', 'id'),
		('after_sales', 'created', 'created'),
		('after_sales', 'modified', 'modified'),
		('after_sales', 'tid', 'link'),
		('after_sales', 'oid', 'link'),
		('after_sales', 'status', 'status'),
		('after_sales', 'refund_fee', 'amount'),
		('after_sales', 'refunded_amount', 'amount'),
		('after_sales', 'payment', 'amount'),
		('after_sales', 'total_fee', 'amount')
	) AS c (kind, col, role)
	WHERE c.kind = p_kind
$function$;
COMMENT ON FUNCTION ordersync.compare_columns(text) IS
	'the columns of a kind of records that ordersync_compare() compares, and what each is';

/* By the type that a domain is made of. */
CREATE OR REPLACE FUNCTION ordersync.compare_type(p_type oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH RECURSIVE base (oid) AS (
		SELECT p_type
		UNION ALL
		SELECT t.typbasetype
		FROM base b
		JOIN pg_catalog.pg_type t ON t.oid = b.oid
			AND t.typtype = 'd'
	)
	SELECT CASE
		WHEN pg_catalog.bool_or(t.typcategory IN ('S', 'E')) THEN 'text'
		ELSE pg_catalog.max(pg_catalog.format_type(t.oid, NULL))
	END
	FROM base b
	JOIN pg_catalog.pg_type t ON t.oid = b.oid
		AND t.typtype <> 'd'
$function$;
COMMENT ON FUNCTION ordersync.compare_type(oid) IS
	'the type of a column to compare: text for all types of text and enums, else the type''s name, of a domain its base type''s';

CREATE OR REPLACE FUNCTION ordersync.compare_read_id(p_value text)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_value ~ '^([0-9]{1,18}|[1-8][0-9]{18})$' THEN p_value::bigint
		WHEN p_value !~ '^\s*[0-9]{1,19}(\.0*)?\s*$' AND p_value !~ '^\s*[0-9](\.[0-9]{1,18})?[eE]\+?(0?[0-9]|1[0-8])\s*$' THEN NULL
		WHEN p_value::numeric <= 9223372036854775807 AND p_value::numeric = pg_catalog.trunc(p_value::numeric)
			THEN p_value::numeric::bigint
	END
$function$;
COMMENT ON FUNCTION ordersync.compare_read_id(text) IS
	'reads an id that another program stored as text, also in the form 1.3474562434211969e18; NULL if it is none';

CREATE OR REPLACE FUNCTION ordersync.compare_read_time(p_value text)
RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_parts text[] := pg_catalog.regexp_match(p_value,
		'^\s*([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})(?:[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?\s*(Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?)?\s*$');
	v_time timestamptz;
BEGIN
	v_time := ordersync.read_time(pg_catalog.concat(v_parts[1], '-', v_parts[2], '-', v_parts[3], ' ', COALESCE(v_parts[4], '00:00:00')));
	IF v_parts[5] IS NULL THEN
		RETURN v_time;
	END IF;
	-- the same clock in UTC, and from there by its zone
	v_time := pg_catalog.timezone('UTC', pg_catalog.timezone('Asia/Shanghai', v_time));
	IF v_parts[5] = 'Z' THEN
		RETURN v_time;
	END IF;
	RETURN v_time - (pg_catalog.left(v_parts[5], 1) || '1')::integer * (pg_catalog.substr(v_parts[5], 2, 2) || ':'
		|| COALESCE(NULLIF(pg_catalog.right(pg_catalog.substr(v_parts[5], 4), 2), ''), '00'))::interval;
END
$function$;
COMMENT ON FUNCTION ordersync.compare_read_time(text) IS
	'reads a time that another program stored as text, to the second; without a zone it is of Asia/Shanghai; NULL if it is none';

CREATE OR REPLACE FUNCTION ordersync.compare_read_amount(p_value text)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_value ~ '^\s*[+-]?[0-9]{1,18}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?\s*$' OR p_value IN ('NaN', 'Infinity', '-Infinity')
			THEN p_value::numeric
	END
$function$;
COMMENT ON FUNCTION ordersync.compare_read_amount(text) IS
	'reads an amount that another program stored as text or floating point, with all its decimals; NULL if it is none';

/* p_name is quoted already.  NULL: a column of this type cannot be read as that. */
CREATE OR REPLACE FUNCTION ordersync.compare_expression(p_role text, p_type text, p_name text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format(CASE
		WHEN p_role IN ('id', 'link', 'count') THEN CASE
			WHEN p_type IN ('smallint', 'integer', 'bigint') THEN '%1$s::bigint'
			WHEN p_type IN ('real', 'double precision') THEN 'CASE WHEN %1$s >= 0 AND %1$s < 9.2e18 THEN %1$s::bigint END'
			WHEN p_type = 'numeric' THEN 'CASE WHEN %1$s BETWEEN 0 AND 9223372036854775807 AND %1$s = trunc(%1$s) THEN %1$s::bigint END'
			WHEN p_type = 'text' THEN 'ordersync.compare_read_id(%1$s::text)'
		END
		WHEN p_role IN ('created', 'modified', 'time') THEN CASE
			-- with infinite ones nothing can be calculated
			WHEN p_type = 'timestamp with time zone' THEN
				'CASE WHEN %1$s BETWEEN ''0001-01-01'' AND ''9999-12-31'' THEN date_trunc(''second'', %1$s) END'
			WHEN p_type = 'timestamp without time zone' THEN
				'CASE WHEN %1$s BETWEEN ''0001-01-01'' AND ''9999-12-31'' THEN timezone(''Asia/Shanghai'', date_trunc(''second'', %1$s)) END'
			WHEN p_type = 'date' THEN
				'CASE WHEN %1$s BETWEEN ''0001-01-01'' AND ''9999-12-31'' THEN timezone(''Asia/Shanghai'', %1$s::timestamp) END'
			-- seconds, or milliseconds, since 1970
			WHEN p_type IN ('integer', 'bigint', 'numeric', 'double precision') THEN
				'to_timestamp(trunc(CASE WHEN %1$s BETWEEN 1 AND 99999999999 THEN %1$s WHEN %1$s BETWEEN 99999999999 AND 99999999999999 THEN %1$s / 1000 END))'
			WHEN p_type = 'text' THEN 'ordersync.compare_read_time(%1$s::text)'
		END
		WHEN p_role = 'amount' THEN CASE
			WHEN p_type IN ('smallint', 'integer', 'bigint', 'numeric', 'money') THEN '%1$s::numeric'
			WHEN p_type IN ('real', 'double precision', 'text') THEN 'ordersync.compare_read_amount(%1$s::text)'
		END
		WHEN p_type IN ('text', 'smallint', 'integer', 'bigint') THEN 'NULLIF(btrim(%1$s::text), '''')'
	END, p_name)
$function$;
COMMENT ON FUNCTION ordersync.compare_expression(text, text, text) IS
	'the SQL expression that reads a column of another program''s table as what it is compared with';

CREATE OR REPLACE FUNCTION ordersync.compare_check_columns(p_kind text, p_columns jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_key text;
BEGIN
	IF p_kind IS NULL OR NOT EXISTS (SELECT FROM ordersync.compare_columns(p_kind)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized kind "%s"', COALESCE(p_kind, 'NULL')),
			HINT = 'kind is orders, sub_orders or after_sales.';
	END IF;
	IF pg_catalog.jsonb_typeof(p_columns) <> 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'columns must be a JSON object',
			HINT = 'For example {"tid": "order_no", "payment": "amount", "end_time": null}: our name of a column, and theirs.';
	END IF;
	SELECT k.key INTO v_key
	FROM pg_catalog.jsonb_each(p_columns) k
	WHERE pg_catalog.jsonb_typeof(k.value) NOT IN ('string', 'null')
		OR NOT EXISTS (SELECT FROM ordersync.compare_columns(p_kind) c WHERE c.col = k.key)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('columns: "%s" is not a column to compare with the name of one of theirs', v_key),
			HINT = (SELECT pg_catalog.format('Columns of %s: %s.', p_kind, pg_catalog.string_agg(c.col, ', '))
				FROM ordersync.compare_columns(p_kind) c);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.compare_check_columns(text, jsonb) IS
	'raises an error for a kind or a mapping of columns that ordersync_compare() cannot use';

/*
 * Those of p_columns, else those of our names.  day: it holds days, so that ours is
 * compared as a day too.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_theirs(p_theirs regclass, p_kind text, p_columns jsonb)
RETURNS TABLE (col text, role text, name text, type text, expression text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v record;
BEGIN
	IF p_theirs IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'theirs is NULL',
			HINT = 'It is the name of a table or view, such as ''puller.trades''.';
	END IF;
	PERFORM ordersync.compare_check_columns(p_kind, p_columns);
	FOR v IN
		SELECT c.*, n.name, p_columns -> c.col IS NOT NULL AND n.name IS NOT NULL AS was_named,
			a.attname, ordersync.compare_type(a.atttypid) AS type
		FROM ordersync.compare_columns(p_kind) c
		CROSS JOIN LATERAL (
			SELECT CASE WHEN p_columns ? c.col THEN p_columns ->> c.col ELSE c.col END AS name
		) n
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = p_theirs
			AND a.attname = n.name
			AND a.attnum > 0
			AND NOT a.attisdropped
	LOOP
		IF v.attname IS NULL THEN
			CONTINUE WHEN NOT v.required AND NOT v.was_named;
			RAISE EXCEPTION USING
				ERRCODE = 'undefined_column',
				MESSAGE = pg_catalog.format('%s has no column %s', p_theirs,
					COALESCE(pg_catalog.quote_ident(v.name), 'for ' || v.col)),
				DETAIL = (SELECT pg_catalog.format('Its columns: %s.', pg_catalog.string_agg(a.attname, ', ' ORDER BY a.attnum))
					FROM pg_catalog.pg_attribute a
					WHERE a.attrelid = p_theirs
						AND a.attnum > 0
						AND NOT a.attisdropped),
				HINT = pg_catalog.format('Say which column it is: columns => ''{"%s": "name of the column"}''.', v.col);
		END IF;
		col := v.col;
		role := v.role;
		name := v.name;
		type := v.type;
		expression := ordersync.compare_expression(v.role, v.type, 'x.' || pg_catalog.quote_ident(v.attname));
		IF expression IS NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'datatype_mismatch',
				MESSAGE = pg_catalog.format('column %I of %s has type %s, which cannot be compared with %s', v.attname, p_theirs, v.type, v.col),
				HINT = pg_catalog.format('Cast it in a view, or leave it out: columns => ''{"%s": null}''.', v.col);
		END IF;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.compare_theirs(regclass, text, jsonb) IS
	'which columns of another program''s table are compared with which of ours, and how they are read';
