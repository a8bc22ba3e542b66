/*
 * Counts of days that are over: fewer rows that say the same.
 *
 * An hourly run leaves 24 windows a day and list.  Windows that follow one another
 * without a gap, that came out alike and of which nothing is in quarantine become
 * one, at most a day, once they are eight days old; completeness sums them up by
 * day in any case.  Windows by creation stay: there are few, and each was read at a
 * time of its own, which decides whether it is proven.
 *
 * Of counts without types, what is older than the lists reach (it is not counted
 * again) and had nothing that no list asks for is removed.
 *
 * Locks as the closing of a window does: coverage, then counts; of a list whose
 * coverage somebody has in hand the counts stay until the next day.
 */
CREATE OR REPLACE FUNCTION ordersync.merge_old_windows(p_shop bigint, p_before timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $function$
DECLARE
	v record;
	v_from timestamptz := p_before - interval '2400 hours';
	v_some bigint;
	v_removed bigint := 0;
BEGIN
	FOR v IN
		SELECT c.stream, c.basis
		FROM ordersync.coverage c
		WHERE c.shop_id = p_shop
			AND c.basis <> 'created'
		ORDER BY c.stream, c.basis
		FOR NO KEY UPDATE SKIP LOCKED
	LOOP
		WITH windows AS (
			SELECT w.*, pg_catalog.timezone('Asia/Shanghai', pg_catalog.lower(w.range))::date AS day,
				COALESCE(pg_catalog.lower(w.range) < pg_catalog.max(pg_catalog.upper(w.range)) OVER (
					ORDER BY w.range
					ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS overlaps
			FROM ordersync.window_counts w
			WHERE w.shop_id = p_shop
				AND w.stream = v.stream
				AND w.basis = v.basis
				AND w.range >= tstzrange(v_from, v_from, '[]')
				AND w.range < tstzrange(p_before, p_before, '[]')
		), begins AS (
			SELECT w.*,
				pg_catalog.bool_or(w.overlaps) OVER (PARTITION BY w.day) AS unclear,
				(w.quarantined = 0
					AND pg_catalog.lag(w.quarantined) OVER d = 0
					AND pg_catalog.lag(pg_catalog.upper(w.range)) OVER d = pg_catalog.lower(w.range)
					AND pg_catalog.lag(w.verdict) OVER d = w.verdict
					AND (pg_catalog.lag(w.reported) OVER d IS NULL) = (w.reported IS NULL)
					AND w.verdict IN ('counted', 'unproven')) IS NOT TRUE AS begins
			FROM windows w
			WINDOW d AS (PARTITION BY w.day ORDER BY w.range)
		), groups AS (
			SELECT b.*, pg_catalog.count(*) FILTER (WHERE b.begins) OVER (PARTITION BY b.day ORDER BY b.range) AS n
			FROM begins b
			WHERE NOT b.unclear
		), merged AS (
			SELECT pg_catalog.array_agg(g.range) AS ranges,
				tstzrange(pg_catalog.min(pg_catalog.lower(g.range)), pg_catalog.max(pg_catalog.upper(g.range))) AS range,
				pg_catalog.sum(g.reported)::bigint AS reported,
				pg_catalog.sum(g.seen)::bigint AS seen,
				pg_catalog.sum(g.outside)::bigint AS outside,
				pg_catalog.max(g.passes) AS passes,
				pg_catalog.min(g.verdict) AS verdict,
				(pg_catalog.array_agg(g.run_id ORDER BY g.closed_at DESC))[1] AS run_id,
				(pg_catalog.array_agg(g.task_id ORDER BY g.closed_at DESC))[1] AS task_id,
				pg_catalog.min(g.began_at) AS began_at,
				pg_catalog.max(g.closed_at) AS closed_at
			FROM groups g
			GROUP BY g.day, g.n
			HAVING pg_catalog.count(*) > 1
		), gone AS (
			DELETE FROM ordersync.window_counts w
			USING (
				SELECT pg_catalog.unnest(m.ranges) AS range
				FROM merged m
			) o
			WHERE w.shop_id = p_shop
				AND w.stream = v.stream
				AND w.basis = v.basis
				AND w.range = o.range
			RETURNING w.range
		), made AS (
			INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, quarantined, outside, passes, verdict,
				run_id, task_id, began_at, closed_at)
			SELECT p_shop, v.stream, v.basis, m.range, m.reported, m.seen, 0, m.outside, m.passes, m.verdict,
				m.run_id, m.task_id, m.began_at, m.closed_at
			FROM merged m
			RETURNING range
		)
		SELECT (SELECT pg_catalog.count(*) FROM gone) - (SELECT pg_catalog.count(*) FROM made)
		INTO v_some;
		v_removed := v_removed + v_some;
	END LOOP;
	RETURN v_removed;
END
$function$;
COMMENT ON FUNCTION ordersync.merge_old_windows(bigint, timestamptz) IS
	'makes one row of a day''s windows that follow one another and came out alike, of days that were over before a time; how many rows fewer there are';

CREATE OR REPLACE FUNCTION ordersync.remove_old_counts(INOUT p_next bigint, OUT removed bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $function$
DECLARE
	v_today timestamptz := pg_catalog.timezone('Asia/Shanghai',
		pg_catalog.date_trunc('day', pg_catalog.timezone('Asia/Shanghai', pg_catalog.now())));
	v_reach timestamptz := v_today - interval '2400 hours';		-- the lists reach back 90 days
	v_types bigint;
BEGIN
	SELECT pg_catalog.min(c.shop_id) INTO p_next
	FROM ordersync.window_counts c
	WHERE c.shop_id > COALESCE(p_next, (-9223372036854775808)::bigint);
	removed := 0;
	IF p_next IS NULL THEN
		RETURN;
	END IF;

	removed := ordersync.merge_old_windows(p_next, v_today - interval '192 hours');
	DELETE FROM ordersync.type_counts c
	WHERE c.shop_id = p_next
		AND pg_catalog.upper(c.range) <= v_reach
		AND NOT EXISTS (
			-- its day is judged by the sum of its windows
			SELECT
			FROM ordersync.type_counts d
			WHERE d.shop_id = c.shop_id
				AND d.stream = c.stream
				AND (d.any_type > d.listed OR d.found <> '{}')
				AND d.range && tstzrange(pg_catalog.upper(c.range) - interval '24 hours', pg_catalog.lower(c.range) + interval '24 hours'));
	GET DIAGNOSTICS v_types = ROW_COUNT;
	removed := removed + v_types;
END
$function$;
COMMENT ON FUNCTION ordersync.remove_old_counts(bigint) IS
	'merges the old windows of the next shop and removes its counts without types that nothing asks for any more; how many rows, and the shop behind which it goes on, NULL at the end';
