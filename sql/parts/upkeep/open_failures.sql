/*
 * Runs that a failure of theirs keeps: what they tell was not put right since, and
 * no later run tells it as well.
 *
 *   a window         is not covered: the next plan reads it again
 *   ... of a verify  nobody has counted it since
 *   records by id    one of them was neither asked for nor brought since
 *
 * What is only looked at (counts without types, open orders in the history, keys)
 * is no promise that was broken: the next run looks again by itself.
 *
 * Where each run fails alike, the newest one is kept for all of them.  It is looked
 * for among the failures that came next; a window that failed alike in none of
 * those is kept.
 */
CREATE OR REPLACE FUNCTION ordersync.runs_with_open_failures(p_runs bigint[])
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $function$
BEGIN
	RETURN QUERY
	SELECT r.id
	FROM pg_catalog.unnest(p_runs) r (id)
	WHERE EXISTS (
		SELECT
		FROM (
			SELECT t.*
			FROM ordersync.sync_tasks t
			WHERE t.run_id = r.id
			OFFSET 0
		) t
		WHERE t.state IN ('failed', 'incomplete')
			AND t.work <> 'count'
			AND t.ext_type IS NULL
			AND t.reason IS DISTINCT FROM 'key'
			AND (t.reason IS DISTINCT FROM 'open' OR t.stream = 'details')
			AND CASE
				WHEN t.stream = 'details' THEN ordersync.has_unfetched(t.shop_id, t.details_of, t.reason, t.ids, t.made_at)
				WHEN t.reason = 'verify' AND ordersync.was_not_counted_since(t.shop_id, t.stream, t.run_id, tstzrange(t.since, t.until)) THEN true
				ELSE NOT ordersync.is_window_covered(t.shop_id, t.stream, t.basis, tstzrange(t.since, t.until))
			END
			AND NOT ordersync.fails_again(t));
END
$function$;
COMMENT ON FUNCTION ordersync.runs_with_open_failures(bigint[]) IS
	'those of the runs that have a failed or short window which is not read by now, or failed fetches of records that did not come since, and that no later run has as well';

CREATE OR REPLACE FUNCTION ordersync.is_window_covered(p_shop bigint, p_stream text, p_basis text, p_range tstzrange)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE((
		SELECT p_range <@ c.ranges
		FROM ordersync.coverage c
		WHERE c.shop_id = p_shop
			AND c.stream = p_stream
			AND c.basis = p_basis), false)
$function$;
COMMENT ON FUNCTION ordersync.is_window_covered(bigint, text, text, tstzrange) IS
	'whether a range is closed';

CREATE OR REPLACE FUNCTION ordersync.was_not_counted_since(p_shop bigint, p_stream text, p_run bigint, p_range tstzrange)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM ordersync.verified_counts c
		WHERE c.shop_id = p_shop
			AND c.stream = p_stream
			AND c.run_id = p_run
			AND c.range && p_range
			AND c.reported <> c.stored)
$function$;
COMMENT ON FUNCTION ordersync.was_not_counted_since(bigint, text, bigint, tstzrange) IS
	'whether a run''s count of a range that differed is still the last one';

CREATE OR REPLACE FUNCTION ordersync.has_unfetched(
	p_shop bigint,
	p_details_of text,
	p_reason text,
	p_ids bigint[],
	p_since timestamptz)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM pg_catalog.unnest(p_ids) i (id)
		WHERE NOT EXISTS (
				SELECT
				FROM ordersync.lookups l
				WHERE l.shop_id = p_shop
					AND l.stream = CASE p_reason WHEN 'open' THEN 'history' ELSE p_details_of END
					AND l.record_id = i.id
					AND l.asked_at >= p_since + ordersync.clock_offset(p_shop))
			AND NOT EXISTS (
				SELECT
				FROM ordersync.order_payloads p
				WHERE p_details_of = 'orders'
					AND p.shop_id = p_shop
					AND p.tid = i.id
					AND p.read_at >= p_since)
			AND NOT EXISTS (
				SELECT
				FROM ordersync.after_sale_payloads p
				WHERE p_details_of <> 'orders'
					AND p.shop_id = p_shop
					AND p.refund_id = i.id
					AND p.read_at >= p_since));
END
$function$;
COMMENT ON FUNCTION ordersync.has_unfetched(bigint, text, text, bigint[], timestamptz) IS
	'whether one of these records was not asked for since, and no list has brought a version of it';

CREATE OR REPLACE FUNCTION ordersync.fails_again(p_task record)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM (
			SELECT t.*
			FROM ordersync.sync_tasks t
			WHERE t.shop_id = p_task.shop_id
				AND t.state IN ('failed', 'incomplete')
				AND t.finished_at >= p_task.finished_at
			ORDER BY t.finished_at
			LIMIT 2000
		) n
		WHERE n.run_id > p_task.run_id
			AND n.stream = p_task.stream
			AND n.basis = p_task.basis
			AND n.work = p_task.work
			AND n.ext_type IS NULL
			AND n.reason IS NOT DISTINCT FROM p_task.reason
			AND n.details_of IS NOT DISTINCT FROM p_task.details_of
			AND CASE n.stream
				WHEN 'details' THEN n.ids @> p_task.ids
				ELSE n.since <= p_task.since AND n.until >= p_task.until
			END);
END
$function$;
COMMENT ON FUNCTION ordersync.fails_again(record) IS
	'whether a later run has failed to read the same window, or to fetch the same records';
