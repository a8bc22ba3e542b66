/*
 * What a page tells, from the views and in their words.
 *
 * All is read with the rights of whoever calls.  Each function reads one view, once, with
 * the shops and days in the form that reaches its indexes.
 */

/* Which shops: those given, that must be seen; or all that are. */
CREATE OR REPLACE FUNCTION ordersync.page_shops(p_shops bigint[])
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_seen bigint[] := ARRAY(
		SELECT s.shop_id FROM ordersync.shops s
		UNION
		SELECT s.shop_id FROM ordersync.stored_shops s
		ORDER BY 1);
	v_own record;
	v_shop bigint;
BEGIN
	IF p_shops IS NULL THEN
		RETURN v_seen;
	ELSIF p_shops = '{}' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'shop_ids is empty',
			HINT = 'NULL is all shops; shops are listed in ordersync.shops.';
	END IF;
	SELECT o.* INTO v_own FROM ordersync.own_shops o;
	FOREACH v_shop IN ARRAY p_shops LOOP
		IF NOT v_own.all_shops AND NOT COALESCE(v_shop = ANY (v_own.shops), false) THEN
			PERFORM ordersync.raise_other_shop(v_shop, current_user);
		ELSIF v_shop = ANY (v_seen) IS NOT TRUE THEN
			RAISE EXCEPTION USING
				ERRCODE = 'undefined_object',
				MESSAGE = format('shop %s does not exist', COALESCE(v_shop::text, 'NULL')),
				HINT = 'Shops are listed in ordersync.shops.';
		END IF;
	END LOOP;
	RETURN ARRAY(SELECT DISTINCT x.x FROM unnest(p_shops) AS x (x) ORDER BY 1);
END
$function$;
COMMENT ON FUNCTION ordersync.page_shops(bigint[]) IS
	'the shops of a page, in order: those given, or all that the caller sees; an error for one that is not there or not the caller''s';

CREATE OR REPLACE FUNCTION ordersync.page_sales(p_shops bigint[], p_since date, p_until date)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
	SELECT COALESCE(jsonb_agg(d), '[]')
	FROM (
		SELECT s.day, sum(s.orders) AS orders, sum(s.gmv) AS gmv, sum(s.paid_orders) AS paid_orders, sum(s.zero_orders) AS zero_orders,
			sum(s.items) AS items, sum(s.paid_amount) AS paid_amount, sum(s.refunded_amount) AS refunded_amount, sum(s.net_sales) AS net_sales
		FROM ordersync.daily_sales s
		WHERE s.shop_id = ANY (p_shops)
			AND s.day BETWEEN p_since AND p_until
		GROUP BY s.day
	) d
$function$;
COMMENT ON FUNCTION ordersync.page_sales(bigint[], date, date) IS
	'sales by day of all these shops together; a day without any has no row';

/* Sums of days or weeks from the first day on, beside those of as many days before. */
CREATE OR REPLACE FUNCTION ordersync.page_bins(p_sales jsonb, p_since date, p_days integer, p_bin integer)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.jsonb_agg(b ORDER BY b.at)
	FROM (
		SELECT n.at, LEAST(p_bin, p_days - n.at) AS days, p_since + n.at AS day,
			COALESCE(pg_catalog.sum(s.orders) FILTER (WHERE s.day >= p_since), 0) AS orders,
			COALESCE(pg_catalog.sum(s.gmv) FILTER (WHERE s.day >= p_since), 0) AS gmv,
			COALESCE(pg_catalog.sum(s.paid_orders) FILTER (WHERE s.day >= p_since), 0) AS paid_orders,
			COALESCE(pg_catalog.sum(s.paid_amount) FILTER (WHERE s.day >= p_since), 0) AS paid_amount,
			COALESCE(pg_catalog.sum(s.refunded_amount) FILTER (WHERE s.day >= p_since), 0) AS refunded_amount,
			COALESCE(pg_catalog.sum(s.net_sales) FILTER (WHERE s.day >= p_since), 0) AS net_sales,
			COALESCE(pg_catalog.sum(s.paid_amount) FILTER (WHERE s.day < p_since), 0) AS paid_before
		FROM pg_catalog.generate_series(0, p_days - 1, p_bin) AS n (at)
		LEFT JOIN (
			SELECT s.*, CASE WHEN s.day < p_since THEN s.day + p_days ELSE s.day END - p_since AS place
			FROM pg_catalog.jsonb_to_recordset(p_sales) AS s (day date, orders numeric, gmv numeric, paid_orders numeric,
				paid_amount numeric, refunded_amount numeric, net_sales numeric)
		) s ON s.place / p_bin = n.at / p_bin
		GROUP BY n.at
	) b
$function$;
COMMENT ON FUNCTION ordersync.page_bins(jsonb, date, integer, integer) IS
	'sales of each so many days, beside the paid amount of as many days before';

/*
 * What was paid by lines and how much of it went back: in sum now and before, by day, and of the items
 * that sold best and of which most went back.  Pieces and titles are asked for of these few items only:
 * without the titles all of it is in indexes.
 */
CREATE OR REPLACE FUNCTION ordersync.page_lines(p_shops bigint[], p_before date, p_since date, p_until date)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_lines jsonb;
BEGIN
	WITH g AS MATERIALIZED (
		SELECT grouping(r.day) = 0 AS by_day, grouping(r.num_iid) = 0 AS by_item, r.day >= p_since AS is_now, r.day, r.num_iid,
			max(r.day) FILTER (WHERE r.lines > 0) AS last_day, sum(r.lines) AS lines, sum(r.refunded_lines) AS refunded_lines,
			sum(r.paid_amount) AS paid_amount, sum(r.refunded_amount) AS refunded_amount
		FROM ordersync.refund_rates r
		WHERE r.shop_id = ANY (p_shops)
			AND r.day BETWEEN p_before AND p_until
		GROUP BY GROUPING SETS ((r.day >= p_since), (r.day >= p_since, r.day), (r.day >= p_since, r.num_iid))
	), i AS (
		SELECT g.num_iid, g.last_day, g.lines, g.refunded_lines, g.paid_amount, g.refunded_amount,
			row_number() OVER (ORDER BY g.paid_amount DESC, g.num_iid) AS place_by_sales,
			row_number() OVER (ORDER BY g.refunded_amount DESC, g.num_iid) AS place_by_refunds
		FROM g
		WHERE g.by_item
			AND g.is_now
			AND g.lines > 0
	)
	SELECT jsonb_build_object(
		'now', (SELECT to_jsonb(g) FROM g WHERE NOT g.by_day AND NOT g.by_item AND g.is_now),
		'before', (SELECT to_jsonb(g) FROM g WHERE NOT g.by_day AND NOT g.by_item AND NOT g.is_now),
		'days', (SELECT COALESCE(jsonb_agg(to_jsonb(g)), '[]') FROM g WHERE g.by_day AND g.is_now),
		'items', (SELECT count(*) FROM i),
		'first', (SELECT COALESCE(jsonb_agg(to_jsonb(i)), '[]') FROM i WHERE LEAST(i.place_by_sales, i.place_by_refunds) <= 10))
	INTO v_lines;
	RETURN v_lines || jsonb_build_object('first', ordersync.page_titles(v_lines -> 'first', p_shops, p_since, p_until));
END
$function$;
COMMENT ON FUNCTION ordersync.page_lines(bigint[], date, date, date) IS
	'what was paid by lines and how much of it went back: in sum, before, by day, and of the first items by either';

CREATE OR REPLACE FUNCTION ordersync.page_titles(p_items jsonb, p_shops bigint[], p_since date, p_until date)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	-- no subqueries in the conditions: with them all items would be summed before
	v_items bigint[] := ARRAY(SELECT (i.i ->> 'num_iid')::bigint FROM jsonb_array_elements(p_items) AS i (i));
	v_has_others boolean := array_position(v_items, NULL) IS NOT NULL;
	v_pieces jsonb := (
		SELECT jsonb_object_agg(COALESCE(n.num_iid::text, ''), n.pieces)
		FROM (
			SELECT s.num_iid, sum(s.items) AS pieces
			FROM ordersync.item_sales s
			WHERE s.shop_id = ANY (p_shops)
				AND s.day BETWEEN p_since AND p_until
				AND (s.num_iid = ANY (v_items) OR v_has_others AND s.num_iid IS NULL)
			GROUP BY s.num_iid
		) n);
	v_item jsonb;
	v_result jsonb := '[]';
BEGIN
	FOR v_item IN SELECT i.i FROM jsonb_array_elements(p_items) AS i (i) LOOP
		v_result := v_result || jsonb_build_array(v_item || jsonb_build_object(
			'pieces', v_pieces -> COALESCE(v_item ->> 'num_iid', ''),
			'title', (
				SELECT max(s.title)
				FROM ordersync.item_sales s
				WHERE s.shop_id = ANY (p_shops)
					AND s.day = (v_item ->> 'last_day')::date
					AND s.num_iid = (v_item ->> 'num_iid')::bigint)));
	END LOOP;
	RETURN v_result;
END
$function$;
COMMENT ON FUNCTION ordersync.page_titles(jsonb, bigint[], date, date) IS
	'items with the pieces that were sold of each, and the title of its last day';

CREATE OR REPLACE FUNCTION ordersync.page_stages(p_shops bigint[], p_since date, p_until date)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
	SELECT COALESCE(jsonb_object_agg(COALESCE(r.stage, ''), r.orders), '{}')
	FROM (
		SELECT o.stage, count(*) AS orders
		FROM ordersync.order_report o
		WHERE o.shop_id = ANY (p_shops)
			AND o.created_date BETWEEN p_since AND p_until
		GROUP BY o.stage
	) r
$function$;
COMMENT ON FUNCTION ordersync.page_stages(bigint[], date, date) IS
	'how many of the orders placed are in which stage; those without a status under an empty name';

/*
 * By stream, the verdict of each day that has begun.  A shop that does not read a stream has no say in
 * it, nor one that was read on none of these days, unless all were not; one that has no row for the day
 * has not read it.
 *
 * By creation the orders of each day, and their lines, are counted.  Of months that is soon done; of more,
 * days whose changes are read are judged by these alone.
 */
CREATE OR REPLACE FUNCTION ordersync.page_verdicts(p_shops bigint[], p_since date, p_until date)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	-- not a subquery in the condition: that would be asked when all has been counted
	v_changes_from jsonb := (
		SELECT jsonb_object_agg(c.shop_id, timezone('Asia/Shanghai', lower(c.ranges))::date)
		FROM ordersync.coverage c
		WHERE c.shop_id = ANY (p_shops)
			AND c.stream = 'orders'
			AND c.basis = 'modified'
			AND c.ranges <> '{}'
			AND p_until - p_since >= 92);
	v_verdicts jsonb;
BEGIN
	WITH c AS MATERIALIZED (
		SELECT c.shop_id, c.stream, c.basis, c.day, c.verdict, c.reason, c.missing <> '{}' AS has_missing
		FROM ordersync.completeness c
		WHERE c.shop_id = ANY (p_shops)
			AND c.day BETWEEN p_since AND p_until
			AND (c.basis = 'modified' OR c.day >= (v_changes_from ->> c.shop_id::text)::date IS NOT TRUE)
	), asked AS (
		SELECT s.shop_id, t.stream, EXISTS (
				SELECT
				FROM c
				WHERE c.shop_id = s.shop_id
					AND c.stream = t.stream) AS is_read
		FROM unnest(p_shops) AS s (shop_id)
		CROSS JOIN (VALUES ('orders'), ('after_sales')) AS t (stream)
		LEFT JOIN ordersync.shops h ON h.shop_id = s.shop_id
		LEFT JOIN ordersync.gateways g ON g.name = h.gateway
		WHERE COALESCE(h.options -> 'streams' ? t.stream, true)
			AND NOT (t.stream = 'after_sales' AND COALESCE(g.unserved ?& ARRAY['after_sales', 'details of refunds_of_orders'], false))
	), d AS (
		SELECT a.stream, n.day::date AS day, COALESCE((
				-- the worst of its bases
				SELECT v.verdict
				FROM unnest(ARRAY['short', 'unproven', 'counted', 'fresh', 'proven']) WITH ORDINALITY AS v (verdict, place)
				WHERE v.verdict = ANY (b.verdicts)
				ORDER BY v.place
				LIMIT 1), 'unread') AS verdict
		FROM (
			SELECT k.*, bool_or(k.is_read) OVER (PARTITION BY k.stream) AS others_are
			FROM asked k
		) a
		CROSS JOIN generate_series(p_since::timestamp, LEAST(p_until, timezone('Asia/Shanghai', clock_timestamp())::date)::timestamp, interval '1 day') AS n (day)
		LEFT JOIN (
			SELECT c.shop_id, c.stream, c.day, array_agg(c.verdict) AS verdicts
			FROM c
			GROUP BY 1, 2, 3
		) b ON b.shop_id = a.shop_id
			AND b.stream = a.stream
			AND b.day = n.day
		-- one that was read on none of the days is named, and does not hide how the others are
		WHERE a.is_read OR NOT a.others_are
	)
	SELECT jsonb_build_object(
		'days', COALESCE((
			SELECT jsonb_agg(x)
			FROM (
				SELECT d.stream, d.day, d.verdict, count(*) AS shops
				FROM d
				GROUP BY 1, 2, 3
			) x), '[]'),
		'asked', (SELECT COALESCE(jsonb_agg(DISTINCT a.stream), '[]') FROM asked a),
		'unread', COALESCE((
			SELECT jsonb_object_agg(u.stream, u.shops)
			FROM (
				SELECT a.stream, jsonb_agg(a.shop_id ORDER BY a.shop_id) AS shops
				FROM asked a
				WHERE NOT a.is_read
					AND EXISTS (
						SELECT
						FROM asked k
						WHERE k.stream = a.stream
							AND k.is_read)
				GROUP BY a.stream
			) u), '{}'),
		'short', (SELECT count(*) FROM c WHERE c.verdict = 'short'),
		'rows', COALESCE((
			SELECT jsonb_agg(to_jsonb(r) ORDER BY r.day DESC, r.shop_id, r.stream DESC, r.basis)
			FROM (
				SELECT c.*
				FROM c
				WHERE c.verdict = 'short'
				ORDER BY c.day DESC, c.shop_id, c.stream DESC, c.basis
				LIMIT 12
			) r), '[]'))
	INTO v_verdicts;
	RETURN v_verdicts;
END
$function$;
COMMENT ON FUNCTION ordersync.page_verdicts(bigint[], date, date) IS
	'of each stream and day how many shops have which verdict, the worst of their bases; the rows that are short, and the shops that were read on none of the days';

CREATE OR REPLACE FUNCTION ordersync.page_freshness(p_shops bigint[])
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
	SELECT COALESCE(jsonb_agg(to_jsonb(f) ORDER BY f.behind DESC NULLS LAST, f.lag DESC NULLS LAST, f.shop_id), '[]')
	FROM (
		SELECT u.shop_id, s.seller_nick, s.shop_id IS NOT NULL AS is_set_up, f.covered_until, f.lag, f.target, f.behind, (
				-- as in shop_health
				SELECT upper(r)
				FROM ordersync.proven_ranges p, unnest(p.ranges) r
				WHERE p.shop_id = u.shop_id
					AND p.stream = 'orders'
				LIMIT 1) AS proven_until
		FROM unnest(p_shops) AS u (shop_id)
		LEFT JOIN ordersync.shops s ON s.shop_id = u.shop_id
		LEFT JOIN ordersync.freshness f ON f.shop_id = u.shop_id
	) f
$function$;
COMMENT ON FUNCTION ordersync.page_freshness(bigint[]) IS
	'how far each shop is read and proven, and how far it is behind; late ones first';
