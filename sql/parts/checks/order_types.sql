/*
 * Orders of a type that no list asks for.
 *
 * The lists name every type of orders that is known, and the platform leaves all
 * others out.  So a day that is over is counted once without naming them; where
 * more are counted than are stored, once more with them, and what is counted
 * beyond that is of a type that no list asks for.  Such orders are fetched by
 * their ids, as far as the platform lists them without the parameter, but their
 * later changes are in no list: the day is not proven before the type is in the
 * gateway's option types_add and the day was read with it.
 *
 * What the platform shows without the parameter is its own choice; its
 * documentation names a few types.  An order of an unknown type that comes by
 * another way (an after-sale that names it, its number) is noted as well.
 */
CREATE OR REPLACE FUNCTION ordersync.unlisted_types(p_shop bigint, p_stream text, p_since timestamptz, p_until timestamptz)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_listed text[];			-- looked up once, not once an order
BEGIN
	IF p_stream <> 'orders' THEN
		RETURN '{}';
	END IF;
	v_listed := ordersync.types_listed(p_shop);
	RETURN COALESCE((
		SELECT pg_catalog.array_agg(DISTINCT o.type ORDER BY o.type)
		FROM ordersync.orders o
		WHERE o.shop_id = p_shop
			AND o.created_date BETWEEN ordersync.day_of(p_since) AND ordersync.day_of(p_until)
			AND o.created >= p_since
			AND o.created < p_until
			AND o.type <> ''
			AND o.type <> ALL (v_listed)
			AND NOT ordersync.was_listed(p_shop, o.tid)), '{}');
END
$function$;
COMMENT ON FUNCTION ordersync.unlisted_types(bigint, text, timestamptz, timestamptz) IS
	'types of a shop''s stored orders of a range that its lists do not ask for';

CREATE OR REPLACE FUNCTION ordersync.types_listed(p_shop bigint)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN pg_catalog.string_to_array(ordersync.listed_types(), ',') || ARRAY(
		SELECT t.type
		FROM ordersync.shops s
		JOIN ordersync.gateways g ON g.name = s.gateway
		CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(g.options -> 'types_add') t (type)
		WHERE s.shop_id = p_shop);
END
$function$;
COMMENT ON FUNCTION ordersync.types_listed(bigint) IS
	'the types of orders that the lists of a shop ask for';

CREATE OR REPLACE FUNCTION ordersync.is_listed_type(p_shop bigint, p_type text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN COALESCE(p_type, '') = '' OR p_type = ANY (ordersync.types_listed(p_shop));
END
$function$;
COMMENT ON FUNCTION ordersync.is_listed_type(bigint, text) IS
	'whether the lists of a shop ask for orders of this type';

CREATE OR REPLACE FUNCTION ordersync.was_listed(p_shop bigint, p_tid bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM ordersync.order_payloads p
		WHERE p.shop_id = p_shop
			AND p.tid = p_tid
			AND pg_catalog.num_nonnulls(p.digest_history, p.digest_increment, p.digest_list) > 0)
$function$;
COMMENT ON FUNCTION ordersync.was_listed(bigint, bigint) IS
	'whether an order has come by one of the lists, whatever its type is called there';

/* Each day once, when it is over and nothing of it becomes visible any more; again, once a day, while it has what no list asks for. */
CREATE OR REPLACE FUNCTION ordersync.add_type_counts(
	p_run bigint,
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_now timestamptz)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, held, ext_type, since, until, is_part)
	SELECT p_run, p_shop, l.stream, l.basis, 'count', true, 'any', w.since, w.until, true
	FROM ordersync.shops s
	CROSS JOIN ordersync.unserved(p_shop) u (lists)
	CROSS JOIN (VALUES
		('orders', 'created', 'orders'),
		('after_sales', 'modified', 'after_sales'),
		('special_refunds', 'modified', 'after_sales')
	) l (stream, basis, option)
	CROSS JOIN LATERAL (
		SELECT GREATEST(ordersync.horizon(p_now) + ordersync.horizon_margin() + interval '24 hours', CASE
				WHEN p_kind <> 'incremental' THEN p_since
				ELSE GREATEST(p_now - interval '168 hours', (
					SELECT pg_catalog.lower(c.ranges)
					FROM ordersync.coverage c
					WHERE c.shop_id = p_shop
						AND c.stream = l.stream
						AND c.basis = 'modified'
						AND c.ranges <> '{}'))
			END) AS since,
			LEAST(CASE WHEN p_kind = 'verify' OR l.stream = 'orders' THEN p_until ELSE p_now END,
				p_now - ordersync.interval_setting('lag') - ordersync.interval_setting('proof_delay')) AS until
	) r
	CROSS JOIN LATERAL (
		SELECT COALESCE(pg_catalog.range_agg(d.day), '{}') AS days
		FROM pg_catalog.generate_series(ordersync.day_of(r.since)::timestamp, ordersync.day_of(r.until)::timestamp, interval '1 day') n (day)
		CROSS JOIN LATERAL (
			SELECT tstzrange(pg_catalog.timezone('Asia/Shanghai', n.day),
				pg_catalog.timezone('Asia/Shanghai', n.day + interval '1 day')) AS day
		) d
		WHERE d.day <@ tstzrange(r.since, r.until)
			AND (p_kind = 'verify' OR NOT COALESCE(d.day <@ (
				SELECT pg_catalog.range_agg(c.range)
				FROM ordersync.type_counts c
				WHERE c.shop_id = p_shop
					AND c.stream = l.stream
					AND c.range >= tstzrange(pg_catalog.lower(d.day), pg_catalog.lower(d.day), '[]')
					AND c.range < tstzrange(pg_catalog.upper(d.day), pg_catalog.upper(d.day), '[]')
					AND (c.any_type <= c.listed AND c.found = '{}'
						-- a difference that lasts is counted again once a day
						OR p_kind = 'incremental' AND c.checked_at > pg_catalog.clock_timestamp() - interval '24 hours')), false))
	) n
	CROSS JOIN LATERAL ordersync.cut_windows(n.days, 'infinity', ordersync.max_window(p_shop)) w
	WHERE s.shop_id = p_shop
		AND r.since < r.until
		AND (p_kind <> 'incremental' OR EXISTS (
			SELECT
			FROM ordersync.coverage c
			WHERE c.shop_id = p_shop
				AND c.stream = l.stream
				AND c.basis = 'modified'
				AND c.ranges <> '{}'))
		AND ordersync.reads_stream(s.options, l.option)
		AND ordersync.gateway_lists(u.lists, l.stream)
		AND ordersync.is_served(u.lists, ordersync.list_name(l.stream, l.basis, NULL, NULL), p_now)
		AND ordersync.is_served(u.lists, ordersync.list_name(l.stream, l.basis, 'any', NULL), p_now)
$function$;
COMMENT ON FUNCTION ordersync.add_type_counts(bigint, bigint, text, timestamptz, timestamptz, timestamptz) IS
	'adds to a run the counts, without naming types of orders, of the days that are over and were not counted so; they come last';

CREATE OR REPLACE FUNCTION ordersync.record_unlisted_type(p_shop bigint, p_tid bigint, p_run bigint, p_task bigint)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.type_counts AS c (shop_id, stream, range, any_type, listed, found, run_id, task_id, checked_at)
	SELECT p_shop, 'orders', tstzrange(w.since, w.until), 0, 0, ARRAY[o.type], p_run, p_task, pg_catalog.clock_timestamp()
	FROM ordersync.orders o
	CROSS JOIN LATERAL ordersync.cut_windows(
		tstzmultirange(tstzrange(@extschema@.ordersync_day(o.created_date), @extschema@.ordersync_day(o.created_date + 1))),
		'infinity', ordersync.max_window(p_shop)) w
	WHERE o.shop_id = p_shop
		AND o.tid = p_tid
		AND o.created >= w.since
		AND o.created < w.until
		AND NOT ordersync.is_listed_type(p_shop, o.type)
		AND NOT ordersync.was_listed(p_shop, p_tid)
	ON CONFLICT (shop_id, stream, range) DO UPDATE
	SET found = ARRAY(
			SELECT DISTINCT f.type
			FROM pg_catalog.unnest(c.found || excluded.found) AS f (type)
			ORDER BY f.type)
	WHERE NOT excluded.found <@ c.found
$function$;
COMMENT ON FUNCTION ordersync.record_unlisted_type(bigint, bigint, bigint, bigint) IS
	'notes for the window in which an order that was fetched by its number is counted that no list asks for its type, where this is so';

/*
 * A day that the lists no longer return is not counted any more: what was found in
 * it is looked for again when a full run has read it.
 */
CREATE OR REPLACE FUNCTION ordersync.recheck_unlisted_types(p_run bigint)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.type_counts c
	SET found = f.types
	FROM ordersync.sync_runs r
	CROSS JOIN LATERAL (
		SELECT ordersync.horizon(ordersync.platform_now(r.shop_id)) AS horizon
	) h
	CROSS JOIN LATERAL (
		SELECT t.range, ordersync.unlisted_types(t.shop_id, t.stream, pg_catalog.lower(t.range), pg_catalog.upper(t.range)) AS types
		FROM ordersync.type_counts t
		WHERE t.shop_id = r.shop_id
			AND t.stream = 'orders'
			AND t.found <> '{}'
			AND t.range <@ tstzrange(r.since, r.until)
			AND pg_catalog.lower(t.range) < h.horizon + ordersync.horizon_margin() + interval '24 hours'
	) f
	WHERE r.run_id = p_run
		AND r.kind = 'full'
		AND r.state = 'succeeded'
		AND c.shop_id = r.shop_id
		AND c.stream = 'orders'
		AND c.range = f.range
		AND c.found <> f.types
$function$;
COMMENT ON FUNCTION ordersync.recheck_unlisted_types(bigint) IS
	'after a full run: which types no list asks for in the days that it read and that are not counted any more';
