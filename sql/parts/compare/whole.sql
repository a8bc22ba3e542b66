/*
 * The whole query of a comparison, and what must be true before it runs.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_parts(p_theirs regclass, p_kind text, p_columns jsonb, p_values boolean)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.compare_their_rows(p_theirs, p_columns)
		|| ordersync.compare_sides(p_kind, p_columns)
		|| ordersync.compare_pairs(p_kind, p_columns, p_values)
		|| ordersync.compare_lost()
		|| ordersync.compare_found(p_kind)
		|| 'a (shop_id, id, order_id, day, theirs, ours, said) AS ('
		|| ordersync.compare_pair_rows()
		|| ' UNION ALL ' || ordersync.compare_lost_rows(p_kind, p_columns, p_values)
		|| ' UNION ALL ' || ordersync.compare_found_rows(p_kind, p_columns, p_values)
		|| ' UNION ALL ' || ordersync.compare_id_rows(p_kind, p_columns)
		|| ') '
$function$;
COMMENT ON FUNCTION ordersync.compare_parts(regclass, text, jsonb, boolean) IS
	'the parts of a comparison; p_values: with the values of both';

/* The command for a row of a comparison: of ids that theirs has twice, or that are none, it looks there. */
CREATE OR REPLACE FUNCTION ordersync.compare_row_command(p_theirs regclass, p_kind text, p_columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.format('CASE a.difference '
			'WHEN ''id_duplicate'' THEN %L || a.id || '';'' '
			'WHEN ''id_unreadable'' THEN %L || quote_nullable(a.theirs ->> %L) || '';'' '
			'ELSE ordersync.compare_command(a.difference, %L, a.shop_id, a.id, a.order_id, a.day) END',
		pg_catalog.format('SELECT x.* FROM %s x WHERE %s = ', p_theirs, c ->> 'expression'),
		pg_catalog.format('SELECT x.* FROM %s x WHERE left(x.%I::text, 100) IS NOT DISTINCT FROM ', p_theirs, c ->> 'name'),
		c ->> 'col', p_kind)
	FROM pg_catalog.jsonb_array_elements(p_columns) c
	WHERE c ->> 'role' = 'id'
$function$;
COMMENT ON FUNCTION ordersync.compare_row_command(regclass, text, jsonb) IS
	'SQL that makes the next command for a row a of a comparison';

CREATE OR REPLACE FUNCTION ordersync.compare_query(p_theirs regclass, p_kind text, p_columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.compare_parts(p_theirs, p_kind, c.columns, true)
		|| 'SELECT a.difference, a.shop_id, a.id, a.order_id, a.theirs, a.ours, '
			'concat_ws('': '', a.meaning, NULLIF(substr(a.said, strpos(a.said, '' '') + 1), '''')), '
		|| ordersync.compare_row_command(p_theirs, p_kind, c.columns)
		|| ' FROM (SELECT a.*, m.* FROM a JOIN ordersync.compare_meanings() m ON m.difference = split_part(a.said, '' '', 1)) a'
	FROM (
		SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c)) AS columns
		FROM ordersync.compare_theirs(p_theirs, p_kind, p_columns) c
	) c
$function$;
COMMENT ON FUNCTION ordersync.compare_query(regclass, text, jsonb) IS
	'the query of ordersync_compare() for another program''s table';

CREATE OR REPLACE FUNCTION ordersync.compare_summary_query(p_theirs regclass, p_kind text, p_columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.compare_parts(p_theirs, p_kind, c.columns, false)
		|| pg_catalog.format($query$
			, numbered AS (
				SELECT d.*,
					count(*) OVER p AS records,
					CASE WHEN min(d.shop_id) OVER p = max(d.shop_id) OVER p THEN min(d.shop_id) OVER p END AS only_shop,
					row_number() OVER (PARTITION BY d.difference ORDER BY d.id) AS n
				FROM (
					SELECT split_part(a.said, ' ', 1) AS difference, a.shop_id, a.id, a.order_id, a.day, a.theirs
					FROM a
				) d
				WINDOW p AS (PARTITION BY d.difference)
			)
			SELECT a.difference, a.records, (
					SELECT COALESCE(array_agg(e.id ORDER BY e.n), '{}')
					FROM numbered e
					WHERE e.difference = a.difference
						AND e.n <= 3
						AND e.id IS NOT NULL
				), m.meaning,
				COALESCE(CASE WHEN a.records > 1 THEN ordersync.compare_command_for_all(a.difference, a.only_shop, $1, $2) END, %s)
			FROM numbered a
			JOIN ordersync.compare_meanings() m ON m.difference = a.difference
			WHERE a.n = 1
			ORDER BY a.records DESC, a.difference
		$query$, ordersync.compare_row_command(p_theirs, p_kind, c.columns))
	FROM (
		SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c)) AS columns
		FROM ordersync.compare_theirs(p_theirs, p_kind, p_columns) c
	) c
$function$;
COMMENT ON FUNCTION ordersync.compare_summary_query(regclass, text, jsonb) IS
	'the query of ordersync_compare_summary() for another program''s table';

CREATE OR REPLACE FUNCTION ordersync.compare_check_range(p_since date, p_until date)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_since IS NULL OR p_until IS NULL OR p_since >= p_until
		OR NOT pg_catalog.isfinite(p_since) OR NOT pg_catalog.isfinite(p_until)
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('no days to compare: since is %s, until is %s', COALESCE(p_since::text, 'NULL'), COALESCE(p_until::text, 'NULL')),
			HINT = 'until is the day after the last one: ''2026-10-01'', ''2026-11-01'' is October.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.compare_check_range(date, date) IS
	'raises an error for a range that ordersync_compare() cannot use';

CREATE OR REPLACE FUNCTION ordersync.compare_check_shop(p_shop bigint, p_shops bigint[])
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_shop <> ALL (p_shops) AND NOT EXISTS (SELECT FROM ordersync.shops s WHERE s.shop_id = p_shop) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = pg_catalog.format('shop %s does not exist', p_shop),
			HINT = 'SELECT shop_id, seller_nick FROM ordersync.shops shows the shops.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.compare_check_shop(bigint, bigint[]) IS
	'raises an error for a shop that is neither set up nor stored';

/* In a function of its own: what looks for shops joins few rows, by loops. */
CREATE OR REPLACE FUNCTION ordersync.compare_begin(p_since date, p_until date, p_shop bigint)
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET enable_nestloop = on
AS $function$
DECLARE
	v_shops bigint[];
BEGIN
	PERFORM ordersync.compare_check_range(p_since, p_until);
	v_shops := ARRAY(SELECT s.shop_id FROM ordersync.stored_shops s);
	PERFORM ordersync.compare_check_shop(p_shop, v_shops);
	RETURN v_shops;
END
$function$;
COMMENT ON FUNCTION ordersync.compare_begin(date, date, bigint) IS
	'checks the arguments of a comparison; the shops that have rows';
