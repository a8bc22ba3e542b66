/*
 * The whole query of a comparison, and what must be true before it runs.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_query(p_theirs regclass, p_kind text, p_columns jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_columns jsonb := (
		SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c))
		FROM ordersync.compare_theirs(p_theirs, p_kind, p_columns) c);
BEGIN
	RETURN ordersync.compare_their_rows(p_theirs, v_columns)
		|| ordersync.compare_sides(p_kind, v_columns)
		|| ordersync.compare_pairs(p_kind, v_columns)
		|| ordersync.compare_lost()
		|| ordersync.compare_found(p_kind)
		|| 'a (shop_id, id, order_id, day, theirs, ours, said) AS ('
		|| ordersync.compare_pair_rows()
		|| ' UNION ALL ' || ordersync.compare_lost_rows(p_kind, v_columns)
		|| ' UNION ALL ' || ordersync.compare_found_rows(p_kind, v_columns)
		|| ' UNION ALL ' || ordersync.compare_id_rows(p_kind, v_columns)
		|| ') SELECT m.difference, a.shop_id, a.id, a.order_id, a.theirs, a.ours, '
			'concat_ws('': '', m.meaning, NULLIF(substr(a.said, strpos(a.said, '' '') + 1), '''')), '
			'CASE m.difference '
		|| (
			SELECT pg_catalog.format('WHEN ''id_duplicate'' THEN %L || a.id || '';'' '
				'WHEN ''id_unreadable'' THEN %L || quote_nullable(a.theirs ->> %L) || '';'' ',
				pg_catalog.format('SELECT x.* FROM %s x WHERE %s = ', p_theirs, c ->> 'expression'),
				pg_catalog.format('SELECT x.* FROM %s x WHERE left(x.%I::text, 100) IS NOT DISTINCT FROM ', p_theirs, c ->> 'name'),
				c ->> 'col')
			FROM pg_catalog.jsonb_array_elements(v_columns) c
			WHERE c ->> 'role' = 'id'
		)
		|| 'ELSE ordersync.compare_command(m.difference, '
		|| pg_catalog.quote_literal(p_kind) || ', a.shop_id, a.id, a.order_id, a.day) END '
			'FROM a '
			'JOIN ordersync.compare_meanings() m ON m.difference = split_part(a.said, '' '', 1)';
END
$function$;
COMMENT ON FUNCTION ordersync.compare_query(regclass, text, jsonb) IS
	'the query of ordersync_compare() for another program''s table';

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
