/*
 * What is proven: ranges by modified that are covered, and of which what became
 * visible late was looked for.  What is covered and unproven counts for neither.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_proven_ranges()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.proven_ranges
	WITH (security_invoker = true) AS
	SELECT m.shop_id,
		m.stream,
		(m.ranges - m.unproven) * COALESCE(CASE m.stream
			WHEN 'orders' THEN (
				SELECT range_agg(tstzrange(lower(r), upper(r) - d.proof_delay))
				FROM unnest(a.ranges - a.unproven) r
				WHERE lower(r) < upper(r) - d.proof_delay)
			ELSE a.ranges
		END, '{}') AS ranges
	FROM ordersync.coverage m
	LEFT JOIN ordersync.coverage a ON a.shop_id = m.shop_id
		AND a.stream = m.stream
		AND a.basis = 'arrival'
	CROSS JOIN (
		-- the server's own view of a setting, since a view calls no function of the extension
		SELECT make_interval(secs => EXTRACT(epoch FROM
			COALESCE(current_setting('ordersync.proof_delay', true), '1 hour')::interval)::double precision) AS proof_delay
	) d
	WHERE m.stream IN ('orders', 'after_sales')
		AND m.basis = 'modified';

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('proven_ranges', NULL, 'ranges by modified that are covered and were checked for late arrivals'),
		('proven_ranges', 'shop_id', 'the shop'),
		('proven_ranges', 'stream', 'orders or after_sales'),
		('proven_ranges', 'ranges', 'the proven ranges')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_proven_ranges() IS
	'creates the view of proven ranges; part of ordersync.set_up()';
