/*
 * The doctor's checks of shops: one row for each kind of trouble, with the shops
 * that have it and the command for the first of them.  What all shops of a
 * gateway have is told by the gateway's check alone.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_shops()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.shop_health') IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY
	WITH health AS MATERIALIZED (
		SELECT h.shop_id, h.state, h.hint, h.what_to_do
		FROM ordersync.shop_health h
		WHERE h.state <> 'ok'
	), trouble AS (
		SELECT h.shop_id, h.hint, h.what_to_do,
			CASE h.state
				WHEN 'waiting for key' THEN 'data keys'
				WHEN 'unauthorized' THEN 'data keys'
				WHEN 'failing' THEN 'failing shops'
				WHEN 'behind' THEN 'freshness'
			END AS kind
		FROM health h
		WHERE h.state IN ('waiting for key', 'unauthorized', 'failing')
			-- a run that is on its way needs no help
			OR h.state = 'behind' AND h.what_to_do IS NOT NULL
		UNION ALL
		-- every shop but the first of its seller
		SELECT s.shop_id, pg_catalog.format('"%s" is shop %s already, and its orders are stored twice; remove one of them', s.nick, s.first_shop),
			pg_catalog.format('SELECT ordersync_remove_shop(%s, purge => true)', s.shop_id),
			'sellers'
		FROM (
			SELECT o.shop_id, n.nick, pg_catalog.min(o.shop_id) OVER (PARTITION BY n.nick) AS first_shop
			FROM ordersync.shops o
			CROSS JOIN LATERAL pg_catalog.unnest(o.seller_nicks) n (nick)
		) s
		WHERE s.shop_id <> s.first_shop
	), counted AS (
		SELECT t.kind,
			pg_catalog.count(DISTINCT t.shop_id) AS shops,
			pg_catalog.min(t.shop_id) AS first_shop,
			pg_catalog.array_agg(DISTINCT t.shop_id ORDER BY t.shop_id)::text[] AS ids
		FROM trouble t
		GROUP BY t.kind
	)
	SELECT k.kind,
		c.shops IS NULL,
		CASE
			WHEN c.shops IS NULL THEN k.good
			ELSE pg_catalog.format('%s %s: %s', c.shops, CASE c.shops WHEN 1 THEN 'shop ' || k.one ELSE 'shops ' || k.several END,
				ordersync.health_names(c.ids))
		END,
		CASE WHEN c.shops IS NOT NULL THEN ordersync.hint_with_command(
			pg_catalog.concat_ws(': ', CASE WHEN c.shops > 1 THEN 'shop ' || c.first_shop END, t.hint), t.what_to_do) END
	FROM (VALUES
		(1, 'data keys', 'waits for a data key', 'wait for a data key', 'all are accepted'),
		(2, 'failing shops', 'is failing', 'are failing', 'none'),
		(3, 'freshness', 'is behind its target', 'are behind their targets', 'all shops are within their targets'),
		(4, 'sellers', 'has the seller of another shop', 'have the sellers of other shops', 'each has one shop')
	) AS k (place, kind, one, several, good)
	LEFT JOIN counted c ON c.kind = k.kind
	LEFT JOIN LATERAL (
		SELECT o.hint, o.what_to_do
		FROM trouble o
		WHERE o.kind = c.kind
			AND o.shop_id = c.first_shop
		LIMIT 1
	) t ON true
	ORDER BY k.place;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_shops() IS
	'checks the data keys, failures, freshness and sellers of shops, one row for each kind of trouble; part of ordersync_doctor()';
