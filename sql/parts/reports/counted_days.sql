/*
 * What the windows of a day counted, as far as completeness.sql judges it.
 *
 * Counts are summed up by day before they are joined: a fleet of shops has many
 * thousand windows.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_counted_days()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.counted_days
	WITH (security_invoker = true) AS
	SELECT w.shop_id, k.stream, w.basis, timezone('Asia/Shanghai', lower(w.range))::date AS day,
		sum(w.reported)::bigint AS reported,
		sum(w.seen)::bigint AS seen,
		sum(w.quarantined)::bigint AS quarantined,
		count(*) FILTER (WHERE w.verdict = 'short') AS short_windows,
		count(*) FILTER (WHERE w.verdict = 'unproven') AS unproven_windows,
		sum(w.outside)::bigint AS outside,
		-- read before all of it could be seen
		count(*) FILTER (WHERE w.began_at IS NULL OR w.began_at < upper(w.range) + s.proof_delay) AS early_windows,
		max(w.closed_at) AS checked_at,
		-- of windows that overlap only the largest is known to be distinct from itself
		CASE WHEN bool_or(w.overlaps) THEN max(w.seen) ELSE sum(w.seen) END::bigint AS seen_least
	FROM (
		SELECT w.*,
			COALESCE(lower(w.range) < max(upper(w.range)) OVER (
				PARTITION BY w.shop_id, w.stream, w.basis
				ORDER BY lower(w.range), upper(w.range) DESC
				ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS overlaps,
			-- of windows in the order of their begin the one that holds another comes before it
			COALESCE(upper(w.range) <= max(upper(w.range)) OVER (
				PARTITION BY w.shop_id, w.stream, w.basis
				ORDER BY lower(w.range), upper(w.range) DESC
				ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS is_part
		FROM ordersync.window_counts w
	) w
	CROSS JOIN (
		SELECT make_interval(secs => EXTRACT(epoch FROM
			COALESCE(current_setting('ordersync.proof_delay', true), '1 hour')::interval)::double precision) AS proof_delay
	) s
	CROSS JOIN LATERAL (
		SELECT CASE w.stream WHEN 'special_refunds' THEN 'after_sales' ELSE w.stream END AS stream
	) k
	-- a part of a day that is being read again does not count beside the older whole
	WHERE w.verdict = 'short' OR NOT w.is_part
	GROUP BY 1, 2, 3, 4;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('counted_days', NULL, 'what the windows of a day counted, summed up by shop, stream and basis; a part of ordersync.completeness'),
		('counted_days', 'shop_id', 'the shop'),
		('counted_days', 'stream', 'orders or after_sales (both lists of them together)'),
		('counted_days', 'basis', 'the time by which a record belongs to the day: modified or created'),
		('counted_days', 'day', 'day of Asia/Shanghai'),
		('counted_days', 'reported', 'records as the platform counted them'),
		('counted_days', 'seen', 'records seen, distinct within a window'),
		('counted_days', 'quarantined', 'records that were seen and could not be stored'),
		('counted_days', 'short_windows', 'windows in which something is missing'),
		('counted_days', 'unproven_windows', 'windows of which no ids were compared, or whose lists did not keep to their range'),
		('counted_days', 'outside', 'records listed that lie outside the range that was asked for'),
		('counted_days', 'early_windows', 'windows that were read before all of them could be seen'),
		('counted_days', 'checked_at', 'when the last of them was read'),
		('counted_days', 'seen_least', 'distinct records seen at least: of windows that overlap the largest alone counts')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_counted_days() IS
	'creates the view of what windows counted by day; part of ordersync.set_up()';
