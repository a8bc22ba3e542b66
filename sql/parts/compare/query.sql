/*
 * The query of ordersync_compare(): one statement, made for the columns that the
 * other table has.  $1 and $2: the first day and the day after the last one; $3: the
 * shop, NULL for all; $4: the shops that have rows.
 *
 *   r          their rows, values read
 *   ours       our rows created in the range
 *   s          of their rows those that are ours or of the range
 *   c          ids that they have more than once
 *   t          s again, with the number of each copy of a row (n), the newest first
 *   d          pairs that differ, with what differs
 *   lost       ours without theirs
 *   found      theirs without ours; one that is stored here with another day of creation belongs to that day's comparison
 *   rounded    of these, ids that are ours with digits lost
 *   newest     the time of creation that theirs has come to
 *   kept       what theirs has of each shop and type of orders, to tell what it leaves out from what it has lost
 *
 * The parts are joined by hashes: ordersync_compare() forbids the other joins, because
 * the planner knows nothing of how many rows a part has.  What is looked up for
 * single rows is a subquery for that reason.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_ours(p_kind text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE p_kind
		WHEN 'orders' THEN
			'SELECT o.shop_id, o.tid AS id, o.tid AS order_id, o.created, o.modified, o.status, o.type, o.pay_time, '
				'o.consign_time, o.end_time, o.payment, o.paid_amount, o.post_fee, o.total_fee, o.received_payment, o.line_count, '
				'false AS special, o.paid_at IS NULL AND o.status = ANY (ARRAY[''TRADE_NO_CREATE_PAY'', ''WAIT_BUYER_PAY'', '
					'''PAY_PENDING'', ''WAIT_PRE_AUTH_CONFIRM'', ''TRADE_CLOSED_BY_TAOBAO'']) AS never_paid '
			'FROM ordersync.orders o '
		WHEN 'sub_orders' THEN
			'SELECT o.shop_id, o.oid AS id, o.tid AS order_id, o.tid, o.created, o.modified, o.status, o.trade_type AS type, '
				'o.pay_time, o.consign_time, o.end_time, o.payment, o.paid_amount, o.divide_order_fee, o.total_fee, o.price, '
				'false AS special, o.paid_at IS NULL AND o.status = ANY (ARRAY[''TRADE_NO_CREATE_PAY'', ''WAIT_BUYER_PAY'', '
					'''PAY_PENDING'', ''WAIT_PRE_AUTH_CONFIRM'', ''TRADE_CLOSED_BY_TAOBAO'']) AS never_paid '
			'FROM ordersync.sub_orders o '
		ELSE
			'SELECT o.shop_id, o.refund_id AS id, o.tid AS order_id, o.tid, o.oid, o.created, o.modified, o.status, ( '
					'SELECT s.type '
					'FROM ordersync.orders s '
					'WHERE s.shop_id = o.shop_id AND s.tid = o.tid '
				') AS type, o.refund_fee, o.refunded_amount, o.payment, o.total_fee, '
				'COALESCE(o.special_refund_type <> '''', false) AS special, false AS never_paid '
			'FROM ordersync.after_sales o '
	END
	|| 'WHERE o.created_date >= $1 AND o.created_date < $2 AND ($3 IS NULL OR o.shop_id = $3) '
$function$;
COMMENT ON FUNCTION ordersync.compare_ours(text) IS
	'the query of our side of a comparison';

/* Their rows: values read; of text, and of the id, also what stands there. */
CREATE OR REPLACE FUNCTION ordersync.compare_their_rows(p_theirs regclass, p_columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH c AS (
		SELECT *
		FROM pg_catalog.jsonb_to_recordset(p_columns) AS c (col text, role text, name text, type text, expression text)
	)
	-- a seller who was set up as two shops is the one that is asked for
	SELECT 'WITH nicks AS (SELECT n.nick, COALESCE(max(s.shop_id) FILTER (WHERE s.shop_id = $3), min(s.shop_id)) AS shop_id '
			'FROM ordersync.shops s, unnest(s.seller_nick || s.seller_nicks) n (nick) GROUP BY n.nick), '
		'r AS NOT MATERIALIZED (SELECT '
		|| pg_catalog.string_agg(c.expression || ' AS ' || CASE c.role WHEN 'id' THEN 'id' ELSE c.col END, ', ')
		|| pg_catalog.string_agg(pg_catalog.format(', CASE WHEN %s IS NULL THEN left(x.%I::text, 100) END AS raw_id', c.expression, c.name), '')
			FILTER (WHERE c.role = 'id')
		|| COALESCE(pg_catalog.string_agg(pg_catalog.format(', left(x.%I::text, 100) AS raw_%s', c.name, c.col), '')
			FILTER (WHERE c.type = 'text' AND c.role NOT IN ('id', 'status', 'seller')), '')
		|| CASE WHEN pg_catalog.bool_or(c.role = 'modified') THEN '' ELSE ', NULL::timestamptz AS modified' END
		|| CASE WHEN pg_catalog.bool_or(c.role = 'seller') THEN '' ELSE ', NULL::text AS seller_nick' END
		|| (SELECT pg_catalog.format(' FROM %I.%I x), ', n.nspname, k.relname)
			FROM pg_catalog.pg_class k
			JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
			WHERE k.oid = p_theirs)
	FROM c
$function$;
COMMENT ON FUNCTION ordersync.compare_their_rows(regclass, jsonb) IS
	'the query of the other side of a comparison, as the beginning of the whole';

/* For each column the conditions by which it differs, as SQL. */
CREATE OR REPLACE FUNCTION ordersync.compare_tests(p_columns jsonb)
RETURNS TABLE (col text, role text, ours text, differs text, shifted text, missing text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT c.col, c.role, o.ours,
		CASE
			WHEN c.role IN ('amount', 'count') THEN pg_catalog.format('COALESCE(t.%s, 0) <> COALESCE(%s, 0)', c.col, o.ours)
			WHEN c.role = 'link' THEN pg_catalog.format('NULLIF(t.%s, 0) IS DISTINCT FROM %s', c.col, o.ours)
			WHEN c.role = 'status' THEN
				't.status IS DISTINCT FROM o.status AND (t.status IS NULL OR (t.status NOT IN (n.stage, n.name_zh, n.name_en)) IS NOT FALSE)'
			WHEN c.role = 'seller' THEN 't.seller_shop <> o.shop_id'
			ELSE pg_catalog.format('t.%s IS DISTINCT FROM %s', c.col, o.ours)
		END,
		CASE
			-- a day has no hours to be off by
			WHEN c.type = 'date' THEN 'false'
			WHEN c.role IN ('created', 'modified', 'time') THEN
				pg_catalog.format('(t.%1$s <> %2$s AND t.%1$s - %2$s IN (s.shift, interval ''8 hours'', interval ''-8 hours''))', c.col, o.ours)
		END,
		pg_catalog.format('(t.%1$s IS NULL AND %2$s AND (t.unreadable ? %1$L) IS NOT TRUE)', c.col,
			CASE WHEN c.role IN ('amount', 'count') THEN o.ours || ' <> 0' ELSE o.ours || ' IS NOT NULL' END)
	FROM pg_catalog.jsonb_to_recordset(p_columns) AS c (col text, role text, name text, type text, expression text)
	CROSS JOIN LATERAL (
		SELECT CASE
			WHEN c.type = 'date' AND c.role IN ('created', 'modified', 'time') THEN
				pg_catalog.format('timezone(''Asia/Shanghai'', date_trunc(''day'', timezone(''Asia/Shanghai'', o.%s)))', c.col)
			ELSE 'o.' || c.col
		END AS ours
	) o
	WHERE c.role <> 'id'
$function$;
COMMENT ON FUNCTION ordersync.compare_tests(jsonb) IS
	'the conditions by which each column of a comparison differs, is hours off or is missing, as SQL';

/* The columns that are compared, as JSON for people: ids as text, times as in Asia/Shanghai. */
CREATE OR REPLACE FUNCTION ordersync.compare_json(p_columns jsonb, p_alias text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT 'jsonb_build_object('
		|| pg_catalog.string_agg(pg_catalog.format('%L, ', c.col) || CASE
			WHEN c.role = 'id' THEN pg_catalog.format('%s.id::text', p_alias)
			WHEN c.role = 'link' THEN pg_catalog.format('%s.%s::text', p_alias, c.col)
			WHEN c.role IN ('created', 'modified', 'time') THEN pg_catalog.format('ordersync.format_time(%s.%s)', p_alias, c.col)
			ELSE p_alias || '.' || c.col
		END, ', ')
		|| ')'
		|| CASE WHEN p_alias = 't' THEN ' || COALESCE(t.unreadable, ''{}'')' ELSE '' END
	FROM pg_catalog.jsonb_to_recordset(p_columns) AS c (col text, role text)
	WHERE p_alias = 't'
		OR c.role <> 'seller'
$function$;
COMMENT ON FUNCTION ordersync.compare_json(jsonb, text) IS
	'SQL that makes JSON of the columns that are compared, of theirs (t) or ours (o)';

/* Both sides. */
CREATE OR REPLACE FUNCTION ordersync.compare_sides(p_kind text, p_columns jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT 'ours AS MATERIALIZED (' || ordersync.compare_ours(p_kind) || '), '
		's AS MATERIALIZED (SELECT r.*, k.shop_id AS seller_shop, '
		|| COALESCE('NULLIF(' || pg_catalog.string_agg(pg_catalog.format(
				'CASE WHEN r.%1$s IS NULL AND r.raw_%1$s !~* ''^\s*(0000-00-00.*|null)?\s*$'' THEN jsonb_build_object(%1$L, r.raw_%1$s) ELSE ''{}'' END',
				c.col), ' || ')
			FILTER (WHERE c.type = 'text' AND c.role NOT IN ('id', 'status', 'seller')) || ', ''{}'')', 'NULL::jsonb')
		|| ' AS unreadable '
		'FROM r '
		'LEFT JOIN nicks k ON k.nick = r.seller_nick '
		'LEFT JOIN (SELECT DISTINCT id FROM ours) o ON o.id = r.id '
		'WHERE o.id IS NOT NULL '
			'OR (r.created IS NULL OR r.created >= timezone(''Asia/Shanghai'', $1::timestamp) AND r.created < timezone(''Asia/Shanghai'', $2::timestamp)) '
				-- of another shop, as theirs says itself: no matter of this one
				|| 'AND ($3 IS NULL OR r.seller_nick IS NULL OR k.shop_id = $3)), '
		'c AS MATERIALIZED (SELECT s.id, count(*) AS copies FROM s WHERE s.id IS NOT NULL GROUP BY s.id HAVING count(*) > 1), '
		't AS MATERIALIZED ( '
			'SELECT s.*, 1 AS copies, 1 AS n '
			'FROM s LEFT JOIN c ON c.id = s.id '
			'WHERE c.id IS NULL '
			'UNION ALL '
			'SELECT s.*, c.copies, row_number() OVER (PARTITION BY s.id ORDER BY s.modified DESC NULLS LAST, s.created DESC NULLS LAST) '
			'FROM s JOIN c ON c.id = s.id), '
	FROM pg_catalog.jsonb_to_recordset(p_columns) AS c (col text, role text, name text, type text, expression text)
$function$;
COMMENT ON FUNCTION ordersync.compare_sides(text, jsonb) IS
	'the parts of a comparison that hold both sides';

CREATE OR REPLACE FUNCTION ordersync.compare_our_amounts(p_kind text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT 'jsonb_build_object(' || pg_catalog.string_agg(pg_catalog.format('%1$L, o.%1$s', c.col), ', ') || ')'
	FROM ordersync.compare_columns(p_kind) c
	WHERE c.role = 'amount'
$function$;
COMMENT ON FUNCTION ordersync.compare_our_amounts(text) IS
	'SQL that makes JSON of all amounts of ours that are compared, also of those that theirs has not';

/* An array of the columns for which a condition is true. */
CREATE OR REPLACE FUNCTION ordersync.compare_list(p_conditions text[], p_words text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT 'array_remove(ARRAY['
		|| COALESCE(pg_catalog.string_agg('CASE WHEN ' || c.condition || ' THEN ' || c.word || ' END', ', '), 'NULL')
		|| ']::text[], NULL)'
	FROM ROWS FROM (pg_catalog.unnest(p_conditions), pg_catalog.unnest(p_words)) AS c (condition, word)
$function$;
COMMENT ON FUNCTION ordersync.compare_list(text[], text[]) IS
	'SQL that makes an array of those words whose conditions are true';

/* Pairs that differ; each with lists of columns by the way in which they do. */
CREATE OR REPLACE FUNCTION ordersync.compare_pairs(p_kind text, p_columns jsonb, p_values boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT 'd AS (SELECT o.shop_id, o.id, o.order_id, '
			|| CASE WHEN p_values THEN ordersync.compare_json(p_columns, 't') ELSE 'NULL::jsonb' END || ' AS theirs, '
			|| CASE WHEN p_values THEN ordersync.compare_json(p_columns, 'o') ELSE 'NULL::jsonb' END || ' AS ours, '
			't.unreadable, s.shift, t.seller_shop <> o.shop_id AS wrong_shop, o.status AS our_status, '
			't.modified AS their_modified, o.modified AS our_modified, '
		|| COALESCE(pg_catalog.string_agg(pg_catalog.format(
				'CASE WHEN t.modified = %1$s OR %2$s THEN 0 ELSE sign(date_part(''epoch'', t.modified - COALESCE(s.shift, ''0'') - %1$s)) END',
				c.ours, c.shifted), '') FILTER (WHERE c.role = 'modified'), 'NULL::integer') || ' AS age, '
		|| COALESCE(pg_catalog.string_agg('CASE WHEN ' || c.differs || ' THEN t.status END', '') FILTER (WHERE c.role = 'status'), 'NULL::text')
			|| ' AS other_status, '
		|| ordersync.compare_list(
				pg_catalog.array_agg(c.shifted) FILTER (WHERE c.shifted IS NOT NULL),
				pg_catalog.array_agg(pg_catalog.quote_literal(c.col)) FILTER (WHERE c.shifted IS NOT NULL)) || ' AS shifted, '
		|| ordersync.compare_list(
				pg_catalog.array_agg(pg_catalog.format('t.%1$s IS NOT NULL AND %2$s AND %3$s IS NOT TRUE', c.col, c.differs, c.shifted))
					FILTER (WHERE c.role IN ('created', 'time')),
				pg_catalog.array_agg(pg_catalog.quote_literal(c.col)) FILTER (WHERE c.role IN ('created', 'time'))) || ' AS times, '
		|| ordersync.compare_list(
				pg_catalog.array_agg(c.missing) FILTER (WHERE c.role <> 'seller'),
				pg_catalog.array_agg(pg_catalog.quote_literal(c.col)) FILTER (WHERE c.role <> 'seller')) || ' AS missing, '
		|| ordersync.compare_list(
				pg_catalog.array_agg(pg_catalog.format('t.%s <> 0 AND %s', c.col, c.differs)) FILTER (WHERE c.role = 'link'),
				pg_catalog.array_agg(pg_catalog.quote_literal(c.col)) FILTER (WHERE c.role = 'link')) || ' AS links, '
		|| ordersync.compare_list(
				pg_catalog.array_agg(pg_catalog.format('t.%s IS NOT NULL AND %s', c.col, c.differs)) FILTER (WHERE c.role = 'amount'),
				pg_catalog.array_agg(pg_catalog.format('ordersync.compare_amount(%1$L, t.%1$s, o.%1$s, %2$s) || '' %1$s''',
					c.col, ordersync.compare_our_amounts(p_kind))) FILTER (WHERE c.role = 'amount')) || ' AS amounts, '
		|| COALESCE(pg_catalog.string_agg(pg_catalog.format('t.%1$s - COALESCE(o.%1$s, 0)', c.col), '')
			FILTER (WHERE c.role = 'count'), 'NULL::bigint') || ' AS more_lines '
		|| 'FROM ours o '
		'JOIN t ON t.id = o.id AND t.n = 1 '
		'LEFT JOIN ordersync.status_names n ON n.status = o.status AND n.platform = ''taobao'' '
			|| pg_catalog.format('AND n.object = %L ', CASE p_kind WHEN 'after_sales' THEN 'refund' ELSE 'order' END)
		-- by how much theirs is off, where that is whole hours: the time of creation never changes
		|| 'CROSS JOIN LATERAL (SELECT CASE WHEN t.created <> o.created AND date_part(''epoch'', t.created - o.created)::bigint % 3600 = 0 '
			'AND abs(date_part(''epoch'', t.created - o.created)) <= 14 * 3600 THEN t.created - o.created END AS shift OFFSET 0) s '
		'WHERE t.unreadable IS NOT NULL OR (' || pg_catalog.string_agg(c.differs, ') OR (') || ')), '
	FROM ordersync.compare_tests(p_columns) c
$function$;
COMMENT ON FUNCTION ordersync.compare_pairs(text, jsonb, boolean) IS
	'the part of a comparison that holds the pairs that differ; p_values: with the values of both';

/*
 * What differs in a pair, by name.  An older version differs in much else: that is
 * told once, except for faults that no age explains.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_pair_rows()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT $query$
		SELECT d.shop_id, d.id, d.order_id, NULL::date, d.theirs, d.ours, unnest(array_remove(ARRAY[
			CASE WHEN d.wrong_shop THEN 'wrong_shop ' END,
			CASE WHEN d.unreadable IS NOT NULL THEN
				'value_unreadable ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(d.unreadable) k) END,
			CASE WHEN d.shifted <> '{}' THEN 'time_zone ' || array_to_string(d.shifted, ', ')
				|| COALESCE(' by ' || date_part('epoch', d.shift)::integer / 3600, ' by 8') || ' hours' END,
			CASE WHEN d.age <> 0 THEN CASE WHEN d.age < 0 THEN 'stale_in_theirs ' ELSE 'older_in_ours ' END || concat_ws('; ',
				'modified ' || ordersync.format_time(d.their_modified) || ', here ' || ordersync.format_time(d.our_modified),
				'status ' || d.other_status || ', here ' || COALESCE(d.our_status, 'NULL'),
				NULLIF(array_to_string(d.times || d.missing, ', '), '')) END,
			CASE WHEN COALESCE(d.age, 0) = 0 THEN 'status ' || d.other_status || ', here ' || COALESCE(d.our_status, 'NULL') END,
			CASE WHEN d.times <> '{}' AND (COALESCE(d.age, 0) = 0 OR 'created' = ANY (d.times)) THEN
				'time ' || array_to_string(d.times, ', ') END,
			CASE WHEN d.missing <> '{}' AND COALESCE(d.age, 0) = 0 THEN 'value_missing ' || array_to_string(d.missing, ', ') END,
			CASE WHEN d.links <> '{}' THEN 'wrong_order ' || array_to_string(d.links, ', ') END,
			CASE WHEN d.more_lines < 0 THEN 'lines_missing ' || -d.more_lines
				WHEN d.more_lines > 0 THEN 'lines_surplus ' || d.more_lines END] || CASE WHEN d.amounts <> '{}' THEN ARRAY(
				SELECT split_part(a, ' ', 1) || ' ' || string_agg(split_part(a, ' ', 2), ', ')
				FROM unnest(d.amounts) a
				WHERE COALESCE(d.age, 0) = 0
					OR a ~ '^amount_(in_cents|rounded|imprecise) '
				GROUP BY split_part(a, ' ', 1)
			) END, NULL))
		FROM d
	$query$
$function$;
COMMENT ON FUNCTION ordersync.compare_pair_rows() IS
	'the query of what differs in pairs: its name, a blank, and the columns or values';
