/*
 * What only one of the two sides of a comparison has, and why.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_lost()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT 'lost AS MATERIALIZED (SELECT o.* FROM ours o LEFT JOIN t ON t.id = o.id WHERE t.id IS NULL), '
		'kept AS MATERIALIZED ( '
			'SELECT o.shop_id, o.type, count(*) AS records, count(*) FILTER (WHERE o.never_paid) AS never_paid '
			'FROM ours o JOIN t ON t.id = o.id AND t.n = 1 '
			'GROUP BY o.shop_id, o.type), '
		'newest AS MATERIALIZED (SELECT max(r.created) AS created FROM r), '
$function$;
COMMENT ON FUNCTION ordersync.compare_lost() IS
	'the parts of a comparison that hold what only ours has, what theirs keeps at all, and how far it has come';

/*
 * Stored all the same, with another day of creation or under another shop: looked up
 * by key, one by one.  The latter counts where theirs says that it is this shop's.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_found(p_kind text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format('found AS MATERIALIZED (SELECT f.* '
			'FROM (SELECT t.*, ( '
					'SELECT array_agg(x.shop_id ORDER BY x.shop_id) '
					'FROM ordersync.%1$s x '
					'WHERE x.shop_id = ANY ($4) AND x.%2$s = t.id '
				') AS stored '
				'FROM t LEFT JOIN ours o ON o.id = t.id '
				'WHERE o.id IS NULL AND t.n = 1 AND t.id IS NOT NULL '
				-- not looked up before it is known to be without ours
				'OFFSET 0) f '
			'WHERE f.stored IS NULL OR $3 <> ALL (f.stored) AND f.seller_shop = $3), '
		'rounded AS MATERIALIZED ( '
			'SELECT DISTINCT ON (c.shop_id, c.id) c.* '
			'FROM (SELECT c.*, bool_or(c.is_lost) OVER (PARTITION BY c.their_id) AS some_lost '
				'FROM ( '
					'SELECT o.shop_id, o.id, o.order_id, f.id AS their_id, abs(extract(epoch FROM f.created - o.created)) AS apart, l.id IS NOT NULL AS is_lost '
					'FROM found f '
					'JOIN ours o ON o.id::float8 = f.id::float8 '
					'LEFT JOIN lost l ON l.shop_id = o.shop_id AND l.id = o.id '
					-- a double's own value, or the shortest number that stands for it
					'WHERE f.stored IS NULL AND (f.id = CASE WHEN f.id < 9223372036854774784 THEN f.id::float8::bigint END OR f.id = f.id::float8::text::numeric) '
					'UNION ALL '
					'SELECT o.shop_id, o.id, o.order_id, f.id, abs(extract(epoch FROM f.created - o.created)), l.id IS NOT NULL '
					'FROM found f '
					'JOIN ours o ON length(o.id::text) = length(f.id::text) AND left(o.id::text, 15) = left(f.id::text, 15) '
					'LEFT JOIN lost l ON l.shop_id = o.shop_id AND l.id = o.id '
					'WHERE f.stored IS NULL AND f.id::text ~ ''^.{15}0+$'' '
				') c) c '
			'WHERE c.is_lost OR NOT c.some_lost '
			'ORDER BY c.shop_id, c.id, c.apart), ', p_kind, (
				SELECT c.col
				FROM ordersync.compare_columns(p_kind) c
				WHERE c.role = 'id'))
$function$;
COMMENT ON FUNCTION ordersync.compare_found(text) IS
	'the parts of a comparison that hold what only theirs has';

/* Why theirs may lack it: the surest reason first. */
CREATE OR REPLACE FUNCTION ordersync.compare_lost_rows(p_kind text, p_columns jsonb, p_values boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format($query$
		SELECT o.shop_id, o.id, o.order_id, NULL::date, NULL::jsonb, %1$s, CASE
			WHEN s.records IS NULL THEN 'only_ours_shop '
			WHEN o.created > (SELECT n.created FROM newest n) THEN
				'only_ours_newer its newest is of ' || ordersync.format_time((SELECT n.created FROM newest n))
			WHEN o.special THEN 'only_ours_special '
			WHEN k.type IS NULL AND o.type <> '' THEN 'only_ours_type ' || o.type
			WHEN o.never_paid THEN 'only_ours_never_paid ' || o.status || '; theirs has ' || s.never_paid || ' such of ' || s.records
			WHEN p.record_id IS NOT NULL THEN 'only_ours_late '
			ELSE 'only_ours '
		END
		FROM lost o
		LEFT JOIN (
			SELECT k.shop_id, sum(k.records) AS records, sum(k.never_paid) AS never_paid
			FROM kept k
			GROUP BY k.shop_id
		) s ON s.shop_id = o.shop_id
		LEFT JOIN kept k ON k.shop_id = o.shop_id AND k.type = o.type
		LEFT JOIN (
			SELECT DISTINCT p.shop_id, p.record_id
			FROM ordersync.repairs p
			WHERE p.stream = %2$L
		) p ON p.shop_id = o.shop_id AND p.record_id = %3$s
		LEFT JOIN rounded g ON g.shop_id = o.shop_id AND g.id = o.id
		WHERE g.id IS NULL
	$query$, CASE WHEN p_values THEN ordersync.compare_json(p_columns, 'o') ELSE 'NULL::jsonb' END, CASE p_kind WHEN 'after_sales' THEN p_kind ELSE 'orders' END,
		CASE p_kind WHEN 'sub_orders' THEN 'o.order_id' ELSE 'o.id' END)
$function$;
COMMENT ON FUNCTION ordersync.compare_lost_rows(text, jsonb, boolean) IS
	'the query of what only ours has: its name, a blank, and what is known beside it';

/* Of a seller that is not known the worst verdict of all shops counts. */
CREATE OR REPLACE FUNCTION ordersync.compare_found_rows(p_kind text, p_columns jsonb, p_values boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format($query$
		SELECT COALESCE(t.stored[1], w.shop_id), t.id, %1$s, w.day, %2$s, NULL::jsonb, CASE
			WHEN t.stored IS NOT NULL THEN 'only_theirs_other_shop ' || t.stored[1]
			WHEN t.seller_nick IS NOT NULL AND t.seller_shop IS NULL THEN 'only_theirs_unknown_shop ' || t.seller_nick
			WHEN EXISTS (
				SELECT
				FROM ordersync.quarantine q
				WHERE q.shop_id = ANY ($4) AND q.stream = %3$L AND q.resolved_at IS NULL AND q.record_id = %4$s
				OFFSET 0
			) THEN 'only_theirs_quarantined '
			WHEN (
				SELECT true
				FROM ordersync.%5$s y
				WHERE y.shop_id = ANY ($4) AND y.%6$s = %9$s
				LIMIT 1
			) THEN 'only_theirs_deleted_here '
			WHEN v.whole THEN 'only_theirs ' || w.day || ' is ' || v.verdict
			ELSE 'only_theirs_day_not_proven ' || COALESCE(w.day || ' is ' || COALESCE(v.verdict, 'not read'), 'theirs has no time of it')
		END
		FROM found t
		CROSS JOIN LATERAL (
			SELECT COALESCE(t.seller_shop, $3, CASE WHEN cardinality($4) = 1 THEN $4[1] END) AS shop_id,
				timezone('Asia/Shanghai', %7$s)::date AS day
		) w
		LEFT JOIN (
			SELECT c.day, c.shop_id, bool_and(c.whole) AS whole, COALESCE(max(c.verdict) FILTER (WHERE NOT c.whole), max(c.verdict)) AS verdict
			FROM (
				SELECT c.*, c.verdict = ANY (ARRAY['proven', 'counted']) AS whole
				FROM ordersync.compare_days(%8$L, (SELECT min(%7$s)::date - 1 FROM found t), (SELECT max(%7$s)::date + 1 FROM found t), $3) c
			) c
			GROUP BY GROUPING SETS ((c.day, c.shop_id), (c.day))
		) v ON v.day = w.day AND v.shop_id IS NOT DISTINCT FROM w.shop_id
		LEFT JOIN (SELECT DISTINCT g.their_id FROM rounded g) g ON g.their_id = t.id
		WHERE g.their_id IS NULL
	$query$, CASE
			WHEN p_kind = 'orders' THEN 't.id'
			WHEN p_columns @> '[{"col": "tid"}]' THEN 't.tid'
			ELSE 'NULL::bigint'
		END,
		CASE WHEN p_values THEN ordersync.compare_json(p_columns, 't') ELSE 'NULL::jsonb' END,
		CASE p_kind WHEN 'after_sales' THEN p_kind ELSE 'orders' END,
		-- a line comes with its order
		CASE WHEN p_kind <> 'sub_orders' THEN 't.id' WHEN p_columns @> '[{"col": "tid"}]' THEN 't.tid' ELSE 'NULL' END,
		CASE p_kind WHEN 'after_sales' THEN 'after_sale_payloads' ELSE 'order_payloads' END,
		CASE p_kind WHEN 'after_sales' THEN 'refund_id' ELSE 'tid' END,
		CASE p_kind WHEN 'after_sales' THEN 'COALESCE(t.modified, t.created)' ELSE 't.created' END,
		p_kind, CASE p_kind WHEN 'sub_orders' THEN 'NULL' ELSE 't.id' END)
$function$;
COMMENT ON FUNCTION ordersync.compare_found_rows(text, jsonb, boolean) IS
	'the query of what only theirs has: its name, a blank, and what is known beside it';

/* Ids that lost digits, that stand there more than once, and that are none. */
CREATE OR REPLACE FUNCTION ordersync.compare_id_rows(p_kind text, p_columns jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT 'SELECT g.shop_id, g.id, g.order_id, NULL::date, jsonb_build_object(' || v.id || ', g.their_id::text), '
			'jsonb_build_object(' || v.id || ', g.id::text), ''id_rounded '' || g.their_id || '' for '' || g.id '
		'FROM rounded g '
		'UNION ALL '
		'SELECT NULL, t.id, NULL, NULL, ' || ordersync.compare_json(p_columns, 't') || ', NULL, ''id_duplicate '' || t.copies || '' rows'' '
		'FROM t '
		'WHERE t.copies > 1 AND t.n = 1 AND t.id IS NOT NULL '
		'UNION ALL '
		'SELECT NULL, NULL, NULL, NULL, ' || ordersync.compare_json(p_columns, 't') || ' || jsonb_build_object(' || v.id || ', t.raw_id), '
			'NULL, ''id_unreadable '' || COALESCE(t.raw_id, ''NULL'') '
		'FROM t '
		'WHERE t.id IS NULL '
	FROM (
		SELECT pg_catalog.quote_literal(c.col) AS id
		FROM ordersync.compare_columns(p_kind) c
		WHERE c.role = 'id'
	) v
$function$;
COMMENT ON FUNCTION ordersync.compare_id_rows(text, jsonb) IS
	'the query of ids of theirs that are not as ours';
