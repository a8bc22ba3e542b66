/*
 * Is it whole?  By shop, stream, basis and day, from what windows counted, what
 * is covered, and what was checked.  Reads tables only.
 *
 * Proven is more than counted: what became visible after its `modified` was
 * looked for too.  Orders by modified: the list of arrivals was read up to
 * proof_delay behind the day.  Orders by created: the day was read when it was
 * older than that, or lies where everything since is proven by modified (an
 * order is not modified before it is created), as the last day of a full run
 * does once incremental runs have gone on from it.  After-sales: lines and after-sales were found to agree; and
 * both their lists are read, unless the platform refuses the second one.
 */
CREATE FUNCTION ordersync.set_up_completeness()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.proven_ranges
	WITH (security_invoker = true) AS
	SELECT m.shop_id,
		m.stream,
		m.ranges * COALESCE(CASE m.stream
			WHEN 'orders' THEN (
				SELECT range_agg(tstzrange(lower(r), upper(r) - d.proof_delay))
				FROM unnest(a.ranges) r
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

	/*
	 * What is read of each stream and basis, the second list of after-sales
	 * taken together with the first.
	 */
	CREATE OR REPLACE VIEW ordersync.completeness
	WITH (security_invoker = true) AS
	WITH setting AS (
		SELECT make_interval(secs => EXTRACT(epoch FROM
			COALESCE(current_setting('ordersync.proof_delay', true), '1 hour')::interval)::double precision) AS proof_delay
	), lists AS (
		SELECT c.shop_id,
			c.stream,
			c.basis,
			CASE
				WHEN c.stream = 'after_sales' AND NOT s.unserved ? 'special_refunds' THEN
					c.ranges * COALESCE(z.ranges, c.ranges)
				WHEN c.basis = 'created' THEN c.ranges + COALESCE(tstzmultirange(l.tail), '{}')
				ELSE c.ranges
			END AS ranges,
			c.ranges AS read_ranges,
			p.ranges AS proven,
			l.tail,
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
		LEFT JOIN LATERAL (
			-- proven without a hole up to where it ends
			SELECT r AS tail
			FROM unnest(p.ranges) r
			ORDER BY r DESC
			LIMIT 1
		) l ON c.stream = 'orders'
		WHERE c.stream IN ('orders', 'after_sales')
			AND c.basis <> 'arrival'
	), covered_days AS (
		SELECT l.shop_id,
			l.stream,
			l.basis,
			n.day::date AS day,
			b.starts_at,
			b.ends_at,
			upper(l.ranges) AS settled_until,
			l.platform_now,
			l.proven,
			l.tail,
			l.read_ranges,
			tstzmultirange(
				tstzrange(b.starts_at, b.ends_at) * tstzrange(lower(l.read_ranges), l.platform_now)) AS asked,
			tstzmultirange(
				tstzrange(b.starts_at, b.ends_at) * tstzrange(lower(l.read_ranges), l.platform_now)) - l.ranges AS missing
		FROM lists l
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
		WHERE l.read_ranges <> '{}'
	), days AS (
		SELECT d.*
		FROM covered_days d
		UNION ALL
		-- counted by ordersync_verify and never read by that time
		SELECT v.shop_id, v.stream, v.basis, v.day,
			timezone('Asia/Shanghai', v.day::timestamp),
			timezone('Asia/Shanghai', v.day::timestamp + interval '1 day'),
			NULL, clock_timestamp(), NULL, NULL, NULL, '{}', '{}'
		FROM (
			SELECT DISTINCT c.shop_id, c.stream, c.basis, timezone('Asia/Shanghai', lower(c.range))::date AS day
			FROM ordersync.verified_counts c
			WHERE c.stream IN ('orders', 'after_sales')
		) v
		WHERE NOT EXISTS (
			SELECT
			FROM covered_days d
			WHERE d.shop_id = v.shop_id
				AND d.stream = v.stream
				AND d.basis = v.basis
				AND d.day = v.day)
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
			WHEN w.short_windows > 0 THEN 'short'
			WHEN d.missing <> '{}' AND (
				NOT d.missing <@ tstzmultirange(tstzrange(d.settled_until, NULL))
				OR d.ends_at < d.platform_now - interval '24 hours') THEN 'short'
			WHEN d.missing <> '{}' THEN 'fresh'
			WHEN d.asked = '{}' THEN CASE WHEN v.stored = v.reported THEN 'unproven' ELSE 'short' END
			WHEN w.unproven_windows > 0 THEN 'unproven'
			WHEN q.open THEN 'counted'
			WHEN d.basis = 'created' THEN CASE WHEN w.early_windows = 0 THEN 'proven' ELSE 'counted' END
			WHEN d.asked <@ d.proven THEN 'proven'
			ELSE 'counted'
		END AS verdict,
		GREATEST(w.checked_at, v.checked_at) AS checked_at,
		w.seen,
		d.missing,
		r.repaired_ids
	FROM days d
	LEFT JOIN LATERAL (
		SELECT sum(w.reported)::bigint AS reported,
			sum(w.seen)::bigint AS seen,
			sum(w.quarantined)::bigint AS quarantined,
			count(*) FILTER (WHERE w.verdict = 'short') AS short_windows,
			count(*) FILTER (WHERE w.verdict = 'unproven') AS unproven_windows,
			-- read before all of it could be seen, and not made up for by modified
			count(*) FILTER (WHERE w.began_at IS NULL
				OR w.began_at - s.proof_delay < upper(w.range)
					AND NOT COALESCE(tstzrange(GREATEST(lower(w.range), w.began_at - s.proof_delay), upper(w.range))
						<@ d.tail, false)) AS early_windows,
			max(w.closed_at) AS checked_at
		FROM ordersync.window_counts w
		CROSS JOIN setting s
		WHERE w.shop_id = d.shop_id
			AND (w.stream = d.stream OR d.stream = 'after_sales' AND w.stream = 'special_refunds')
			AND w.basis = d.basis
			AND w.range >= tstzrange(d.starts_at, d.starts_at, '[]')
			AND w.range < tstzrange(d.ends_at, d.ends_at, '[]')
			-- a part of a day that is being read again does not count beside the older whole
			AND (w.verdict = 'short' OR NOT EXISTS (
				SELECT
				FROM ordersync.window_counts a
				WHERE a.shop_id = w.shop_id
					AND a.stream = w.stream
					AND a.basis = w.basis
					AND a.range >= tstzrange(d.starts_at, d.starts_at, '[]')
					AND a.range < tstzrange(d.ends_at, d.ends_at, '[]')
					AND a.range @> w.range
					AND a.range <> w.range))
	) w ON true
	LEFT JOIN LATERAL (
		-- of a day that was read in part, in that part: else the counts could not agree
		SELECT count(*) AS stored
		FROM ordersync.orders o
		WHERE d.stream = 'orders'
			AND d.basis = 'created'
			AND o.shop_id = d.shop_id
			AND o.created_date = d.day
			AND (tstzrange(d.starts_at, d.ends_at) <@ d.read_ranges
				OR o.created <@ COALESCE(d.read_ranges, tstzmultirange(tstzrange(d.starts_at, d.ends_at))))
		HAVING d.stream = 'orders' AND d.basis = 'created'
	) o ON true
	LEFT JOIN LATERAL (
		SELECT sum(c.reported)::bigint AS reported,
			sum(c.stored)::bigint AS stored,
			max(c.checked_at) AS checked_at
		FROM ordersync.verified_counts c
		WHERE c.shop_id = d.shop_id
			AND (c.stream = d.stream OR d.stream = 'after_sales' AND c.stream = 'special_refunds')
			AND c.basis = d.basis
			AND c.range = tstzrange(d.starts_at, d.ends_at)
		HAVING count(*) > 0
	) v ON true
	LEFT JOIN LATERAL (
		SELECT count(DISTINCT r.record_id) AS repaired,
			array_agg(DISTINCT r.record_id) AS repaired_ids
		FROM ordersync.repairs r
		WHERE r.shop_id = d.shop_id
			AND r.stream = d.stream
			AND CASE d.basis WHEN 'created' THEN r.created ELSE r.modified END >= d.starts_at
			AND CASE d.basis WHEN 'created' THEN r.created ELSE r.modified END < d.ends_at
	) r ON true
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
	) q;

	PERFORM ordersync.comment_completeness();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_completeness() IS
	'makes the views that say whether days are whole; part of ordersync.set_up()';

CREATE FUNCTION ordersync.comment_completeness()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('proven_ranges', NULL, 'by modified: what is covered, and of which what became visible late was looked for'),
		('proven_ranges', 'shop_id', 'the shop'),
		('proven_ranges', 'stream', 'orders or after_sales'),
		('proven_ranges', 'ranges', 'the proven ranges'),

		('completeness', NULL, 'whether days are whole, by shop, stream and basis'),
		('completeness', 'shop_id', 'the shop'),
		('completeness', 'stream', 'orders or after_sales (both lists of them together)'),
		('completeness', 'basis', 'the time that puts a record into the day: modified or created'),
		('completeness', 'day', 'day of Asia/Shanghai'),
		('completeness', 'reported', 'records as the platform counted them last'),
		('completeness', 'stored', 'orders stored with that day of creation, as far as the day was read by creation; for other bases what ordersync_verify found stored'),
		('completeness', 'quarantined', 'records that were seen and could not be stored'),
		('completeness', 'surplus', 'stored beyond what was seen: the platform does not list them any more'),
		('completeness', 'repaired', 'records that a later check brought in or brought up to date'),
		('completeness', 'verdict', 'proven: counted, and what became visible late was looked for; counted: as many seen as the platform counts; unproven: no ids compared (a list without total, or counts alone); fresh: too young to be settled; short: something is missing'),
		('completeness', 'checked_at', 'when the day was read or counted last'),
		('completeness', 'seen', 'distinct records seen'),
		('completeness', 'missing', 'ranges of the day that are not closed'),
		('completeness', 'repaired_ids', 'tids or refund_ids of the repaired records; ordersync.repairs has when and why')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.comment_completeness() IS
	'comments on the views of completeness; part of ordersync.set_up()';
