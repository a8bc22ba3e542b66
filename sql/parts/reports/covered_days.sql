/*
 * Days that were read, as far as completeness.sql judges them.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_covered_days()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.covered_days
	WITH (security_invoker = true) AS
	SELECT l.shop_id,
		l.stream,
		l.basis,
		n.day::date AS day,
		b.starts_at,
		b.ends_at,
		upper(l.ranges) AS settled_until,
		l.platform_now,
		l.proven,
		l.read_ranges,
		l.types_add,
		a.asked,
		a.asked - l.ranges AS missing
	FROM (
		-- the second list of after-sales is taken together with the first
		SELECT c.shop_id,
			c.stream,
			c.basis,
			CASE
				WHEN c.stream = 'after_sales' AND NOT COALESCE(s.unserved ? 'special_refunds' OR g.unserved ? 'special_refunds', false) THEN
					c.ranges * COALESCE(z.ranges, '{}')
				ELSE c.ranges
			END AS ranges,
			c.ranges AS read_ranges,
			p.ranges AS proven,
			g.options -> 'types_add' AS types_add,
			COALESCE(clock_timestamp() + g.clock_offset, clock_timestamp()) AS platform_now
		FROM ordersync.coverage c
		LEFT JOIN ordersync.shops s ON s.shop_id = c.shop_id
		LEFT JOIN ordersync.gateways g ON g.name = s.gateway
		LEFT JOIN ordersync.coverage z ON c.stream = 'after_sales'
			AND z.shop_id = c.shop_id
			AND z.stream = 'special_refunds'
			AND z.basis = c.basis
		LEFT JOIN ordersync.proven_ranges p ON p.shop_id = c.shop_id
			AND p.stream = c.stream
		WHERE c.stream IN ('orders', 'after_sales')
			AND c.basis <> 'arrival'
	) l
	CROSS JOIN LATERAL generate_series(
		date_trunc('day', timezone('Asia/Shanghai', lower(l.read_ranges))),
		CASE l.basis
			WHEN 'created' THEN timezone('Asia/Shanghai', upper(l.read_ranges) - interval '1 second')
			ELSE timezone('Asia/Shanghai', l.platform_now)
		END,
		interval '1 day') n (day)
	CROSS JOIN LATERAL (
		SELECT timezone('Asia/Shanghai', n.day) AS starts_at,
			timezone('Asia/Shanghai', n.day + interval '1 day') AS ends_at
	) b
	CROSS JOIN LATERAL (
		SELECT tstzmultirange(
			tstzrange(b.starts_at, b.ends_at) * tstzrange(lower(l.read_ranges), l.platform_now)) AS asked
	) a
	WHERE l.read_ranges <> '{}';

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('covered_days', NULL, 'days that were read, in part or whole, by shop, stream and basis; a part of ordersync.completeness'),
		('covered_days', 'shop_id', 'the shop'),
		('covered_days', 'stream', 'orders or after_sales (both lists of them together)'),
		('covered_days', 'basis', 'the time by which a record belongs to the day: modified or created'),
		('covered_days', 'day', 'day of Asia/Shanghai'),
		('covered_days', 'starts_at', 'begin of the day'),
		('covered_days', 'ends_at', 'end of the day, exclusive'),
		('covered_days', 'settled_until', 'until when the shop is read by that basis'),
		('covered_days', 'platform_now', 'now by the platform''s clock'),
		('covered_days', 'proven', 'the shop''s proven ranges (ordersync.proven_ranges)'),
		('covered_days', 'read_ranges', 'what the shop was read of by that basis; of after-sales their first list alone'),
		('covered_days', 'types_add', 'types of orders that the gateway''s options add'),
		('covered_days', 'asked', 'what of the day is to be read: not before the shop''s first range, not after now'),
		('covered_days', 'missing', 'of which, what is not closed')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_covered_days() IS
	'creates the view of days that were read; part of ordersync.set_up()';
