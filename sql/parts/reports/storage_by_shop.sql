/*
 * Which shop fills the disk: an estimate from the planner's statistics, without
 * reading a table.
 *
 * ANALYZE keeps the most common shops of each table with their shares; a shop's
 * share of the rows is taken for its share of the bytes.  What is left of a table
 * is divided evenly between the shops that are not among its common ones.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_storage_by_shop()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.storage_by_shop
	WITH (security_invoker = true) AS
	WITH leaves AS MATERIALIZED (
		SELECT c.oid,
			c.relname = 'orders' AS has_orders,
			GREATEST(c.reltuples, 0) AS rows,
			COALESCE(pg_total_relation_size(c.oid), 0) AS bytes,
			s.most_common_vals::text::bigint[] AS shops,
			s.most_common_freqs AS shares
		FROM pg_stats s
		JOIN pg_namespace n ON n.nspname = s.schemaname
		JOIN pg_class c ON c.relnamespace = n.oid
			AND c.relname = s.tablename
			AND c.relkind = 'r'
		JOIN pg_attribute a ON a.attrelid = c.oid
			AND a.attname = s.attname
			AND a.atttypid = 'bigint'::regtype
		WHERE s.schemaname = 'ordersync'
			AND s.attname = 'shop_id'
			AND s.tablename <> ALL ('{clean_ups,storage_history}')
			AND NOT s.inherited
	), common AS MATERIALIZED (
		SELECT l.oid, l.has_orders, l.rows, l.bytes, k.shop_id, k.share
		FROM leaves l
		CROSS JOIN LATERAL unnest(l.shops, l.shares) AS k (shop_id, share)
	), known AS MATERIALIZED (
		SELECT s.shop_id
		FROM ordersync.shops s
		UNION
		SELECT c.shop_id
		FROM common c
	), rest AS MATERIALIZED (
		-- of each table what one shop has that is not among its common ones
		SELECT l.oid, l.has_orders, l.rows, l.bytes,
			COALESCE(GREATEST(1 - COALESCE(c.share, 0), 0) / NULLIF(k.shops - COALESCE(c.shops, 0), 0), 0) AS share
		FROM leaves l
		CROSS JOIN (
			SELECT count(*) AS shops
			FROM known
		) k
		LEFT JOIN (
			SELECT c.oid, sum(c.share) AS share, count(*) AS shops
			FROM common c
			GROUP BY c.oid
		) c ON c.oid = l.oid
	), sizes AS (
		SELECT k.shop_id,
			-- NULL where nothing was analysed
			round(CASE WHEN r.bytes IS NOT NULL THEN GREATEST(r.bytes + COALESCE(c.bytes, 0), 0) END)::bigint AS bytes,
			round(CASE WHEN r.bytes IS NOT NULL THEN GREATEST(r.orders + COALESCE(c.orders, 0), 0) END)::bigint AS orders
		FROM known k
		CROSS JOIN (
			SELECT sum(r.bytes * r.share) AS bytes,
				COALESCE(sum(r.rows * r.share) FILTER (WHERE r.has_orders), 0) AS orders
			FROM rest r
		) r
		LEFT JOIN (
			SELECT c.shop_id,
				sum(c.bytes * (c.share - r.share)) AS bytes,
				sum(c.rows * (c.share - r.share)) FILTER (WHERE c.has_orders) AS orders
			FROM common c
			JOIN rest r ON r.oid = c.oid
			GROUP BY c.shop_id
		) c ON c.shop_id = k.shop_id
	)
	SELECT z.shop_id,
		s.seller_nick,
		z.bytes,
		round(100 * z.bytes / NULLIF(sum(z.bytes) OVER (), 0), 1) AS percent,
		z.orders,
		(z.bytes - h.bytes) / (d.today - h.day) AS growth_a_day
	FROM sizes z
	CROSS JOIN (
		SELECT timezone('Asia/Shanghai', now())::date AS today
	) d
	LEFT JOIN ordersync.shops s ON s.shop_id = z.shop_id
	LEFT JOIN LATERAL (
		SELECT h.day, h.bytes
		FROM ordersync.storage_history h
		WHERE h.table_name = ''
			AND h.shop_id = z.shop_id
			AND h.day >= d.today - 30
			AND h.day < d.today
		ORDER BY h.day
		LIMIT 1
	) h ON true;

	PERFORM ordersync.comment_on('VIEW', x.rel, x.col, x.words)
	FROM (VALUES
		('storage_by_shop', NULL, 'what each shop takes on disk, in all tables together: an estimate from the planner''s statistics'),
		('storage_by_shop', 'shop_id', 'the shop'),
		('storage_by_shop', 'seller_nick', 'its seller; NULL: the shop was removed'),
		('storage_by_shop', 'bytes', 'its share of the bytes, as of its rows; NULL before the first ANALYZE. Of a table only its most common shops, a hundred by default, are known one by one, the others share the rest evenly'),
		('storage_by_shop', 'percent', 'of all shops'' bytes'),
		('storage_by_shop', 'orders', 'its stored orders, as the planner estimates them'),
		('storage_by_shop', 'growth_a_day', 'bytes a day over up to thirty days; NULL before a second day is known')
	) AS x (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_storage_by_shop() IS
	'creates the view of what shops take on disk; part of ordersync.set_up()';
