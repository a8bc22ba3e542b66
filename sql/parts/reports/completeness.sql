/*
 * Is it whole?  By shop, stream, basis and day, from what windows counted, what
 * is covered, and what was checked.  Reads tables only.
 *
 * Proven is more than counted: what became visible after its `modified` was
 * looked for too.  Orders by modified: the list of arrivals was read up to
 * proof_delay behind the day.  Orders by created: the day was read when it was
 * older than that.  After-sales: lines and after-sales were found to agree; and
 * both their lists are read, unless the platform refuses the second one.
 *
 * What counts is in the tables that reports read: a day of which fewer orders, or
 * lines, are stored than were seen is short, and so is one of which records are
 * kept without their rows.  A day with orders of a type that no list asks for is
 * not proven.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_completeness()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.completeness
	WITH (security_invoker = true) AS
	WITH verified AS NOT MATERIALIZED (	-- whoever asks for one shop reads that one only
		SELECT c.shop_id, k.stream, c.basis, timezone('Asia/Shanghai', lower(c.range))::date AS day,
			sum(c.reported)::bigint AS reported,
			sum(c.stored)::bigint AS stored,
			max(c.checked_at) AS checked_at
		FROM ordersync.verified_counts c
		CROSS JOIN LATERAL (
			SELECT CASE c.stream WHEN 'special_refunds' THEN 'after_sales' ELSE c.stream END AS stream
		) k
		GROUP BY 1, 2, 3, 4
	), repaired AS (
		SELECT r.shop_id, r.stream, b.basis, timezone('Asia/Shanghai', b.at)::date AS day,
			count(DISTINCT r.record_id) AS repaired,
			array_agg(DISTINCT r.record_id) AS repaired_ids
		FROM ordersync.repairs r
		CROSS JOIN LATERAL (VALUES ('modified', r.modified), ('created', r.created)) b (basis, at)
		GROUP BY 1, 2, 3, 4
	), types AS (
		SELECT c.shop_id, k.stream, timezone('Asia/Shanghai', lower(c.range))::date AS day,
			sum(c.any_type)::bigint AS any_type,
			bool_or(c.any_type > c.listed OR c.found <> '{}') AS differ
		FROM ordersync.type_counts c
		CROSS JOIN LATERAL (
			SELECT CASE c.stream WHEN 'special_refunds' THEN 'after_sales' ELSE c.stream END AS stream
		) k
		GROUP BY 1, 2, 3
	)
	SELECT d.shop_id,
		d.stream,
		d.basis,
		d.day,
		COALESCE(CASE WHEN v.checked_at > w.checked_at THEN v.reported END, w.reported, v.reported) AS reported,
		COALESCE(o.stored, v.stored) AS stored,
		w.quarantined,
		CASE
			WHEN d.missing = '{}' AND w.seen IS NOT NULL THEN GREATEST(o.stored + w.quarantined - w.seen, 0)
			WHEN v.stored IS NOT NULL THEN GREATEST(v.stored - v.reported, 0)
		END AS surplus,
		COALESCE(r.repaired, 0) AS repaired,
		CASE
			WHEN w.short_windows > 0 OR e.rows_gone OR e.lines_gone THEN 'short'
			WHEN e.types_differ AND d.basis = 'created' AND o.stored + COALESCE(w.quarantined, 0) < t.any_type THEN 'short'
			-- never read by that time, and counted: the counts alone speak
			WHEN v.stored = v.reported AND NOT d.read_ranges && tstzrange(d.starts_at, d.ends_at) THEN 'unproven'
			WHEN d.asked = '{}' THEN CASE WHEN v.stored <> v.reported THEN 'short' ELSE 'unproven' END
			WHEN d.missing <> '{}' AND (
				NOT d.missing <@ tstzmultirange(tstzrange(d.settled_until, NULL))
				OR d.ends_at < d.platform_now - interval '24 hours') THEN 'short'
			WHEN d.missing <> '{}' THEN 'fresh'
			WHEN w.unproven_windows > 0 THEN 'unproven'
			WHEN q.open OR e.types_differ THEN 'counted'
			WHEN d.basis = 'created' THEN CASE WHEN w.early_windows = 0 THEN 'proven' ELSE 'counted' END
			WHEN d.asked <@ d.proven THEN 'proven'
			ELSE 'counted'
		END AS verdict,
		GREATEST(w.checked_at, v.checked_at) AS checked_at,
		w.seen,
		d.missing,
		r.repaired_ids,
		NULLIF(concat_ws('; ',
			CASE WHEN e.rows_gone THEN 'rows that were stored are gone' END,
			CASE WHEN e.lines_gone THEN 'lines that were stored are gone' END,
			CASE WHEN e.types_differ THEN 'there are orders of a type that no list asks for' END,
			CASE WHEN w.outside > 0 THEN 'the platform lists records outside the range that it is asked for' END), '') AS reason
	-- no WITH: what is asked of one shop is to be known in here, and a clock is in the way of that there
	FROM (
		SELECT d.*
		FROM ordersync.covered_days d
		UNION ALL
		-- counted by ordersync_verify and never read by that time
		SELECT v.shop_id, v.stream, v.basis, v.day,
			timezone('Asia/Shanghai', v.day::timestamp),
			timezone('Asia/Shanghai', v.day::timestamp + interval '1 day'),
			NULL, clock_timestamp(), NULL, '{}', NULL, '{}', '{}'
		FROM verified v
		LEFT JOIN ordersync.covered_days d ON d.shop_id = v.shop_id
			AND d.stream = v.stream
			AND d.basis = v.basis
			AND d.day = v.day
		WHERE d.day IS NULL
	) d
	LEFT JOIN ordersync.counted_days w USING (shop_id, stream, basis, day)
	LEFT JOIN verified v USING (shop_id, stream, basis, day)
	LEFT JOIN repaired r USING (shop_id, stream, basis, day)
	LEFT JOIN types t USING (shop_id, stream, day)
	LEFT JOIN ordersync.gone_days g ON d.basis = 'modified'
		AND g.shop_id = d.shop_id
		AND g.stream = d.stream
		AND g.day = d.day
	LEFT JOIN LATERAL (
		-- of a day that was read in part, in that part: else the counts could not agree
		SELECT count(*) AS stored,
			bool_or(o.line_count > (
				SELECT count(*)
				FROM ordersync.sub_orders s
				WHERE s.shop_id = o.shop_id
					AND s.tid = o.tid)) AS lines_gone
		FROM ordersync.orders o
		WHERE d.stream = 'orders'
			AND d.basis = 'created'
			AND o.shop_id = d.shop_id
			AND o.created_date = d.day
			AND (d.read_ranges = '{}'
				OR tstzrange(d.starts_at, d.ends_at) <@ d.read_ranges
				OR o.created <@ d.read_ranges)
		HAVING d.stream = 'orders' AND d.basis = 'created'
	) o ON true
	CROSS JOIN LATERAL (
		SELECT EXISTS (
			SELECT
			FROM ordersync.quarantine q
			WHERE q.shop_id = d.shop_id
				AND q.stream = d.stream
				AND q.resolved_at IS NULL
				AND q.reason NOT IN ('value', 'line')
				AND q.since < d.ends_at
				AND q.until > d.starts_at) AS open
	) q
	CROSS JOIN LATERAL (
		SELECT COALESCE(g.records > 0 OR d.missing = '{}' AND o.stored + w.quarantined < w.seen_least, false) AS rows_gone,
			COALESCE(o.lines_gone, false) AS lines_gone,
			COALESCE(t.differ, false) OR d.stream = 'orders' AND d.basis = 'modified' AND EXISTS (
				-- orders of that day may have changed on any day since; what the lists
				-- no longer return is not counted again: its types are asked for now, or not
				SELECT
				FROM ordersync.type_counts c
				WHERE c.shop_id = d.shop_id
					AND c.stream = 'orders'
					AND lower(c.range) < d.ends_at
					AND (c.any_type > c.listed OR c.found <> '{}')
					AND NOT (lower(c.range) < d.platform_now - interval '2160 hours'
						AND COALESCE(d.types_add ?& c.found, c.found = '{}'))) AS types_differ
	) e;

	PERFORM ordersync.comment_completeness();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_completeness() IS
	'creates the view of the completeness of days; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.comment_completeness()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('completeness', NULL, 'completeness of days, by shop, stream and basis'),
		('completeness', 'shop_id', 'the shop'),
		('completeness', 'stream', 'orders or after_sales (both lists of them together)'),
		('completeness', 'basis', 'the time by which a record belongs to the day: modified or created'),
		('completeness', 'day', 'day of Asia/Shanghai'),
		('completeness', 'reported', 'records as the platform counted them last'),
		('completeness', 'stored', 'orders stored with that day of creation, as far as the day was read by creation; for other bases what ordersync_verify found stored'),
		('completeness', 'quarantined', 'records that were seen and could not be stored'),
		('completeness', 'surplus', 'records stored in excess of those seen: the platform does not list them any more'),
		('completeness', 'repaired', 'records that a later check added or updated'),
		('completeness', 'verdict', 'proven: counted, and checked for late arrivals; counted: as many seen as the platform counts; unproven: no ids compared (a list without total, or counts alone), or a list that does not keep to the range asked for; fresh: too young to be settled; short: something is missing'),
		('completeness', 'checked_at', 'when the day was read or counted last'),
		('completeness', 'seen', 'distinct records seen'),
		('completeness', 'missing', 'ranges of the day that are not closed'),
		('completeness', 'reason', 'why a day that was read is not proven for what is stored: rows or lines that are gone, orders of a type that no list asks for, or lists that do not keep to the range asked for; NULL for none of these'),
		('completeness', 'repaired_ids', 'tids or refund_ids of the repaired records; ordersync.repairs has when and why')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.comment_completeness() IS
	'comments on the view of completeness; part of ordersync.set_up()';
