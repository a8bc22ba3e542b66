/*
 * Orders whose end was not seen: fetched before the lists stop returning them, and
 * sought afterwards.
 */
CREATE OR REPLACE FUNCTION ordersync.is_final_status(p_status text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_status IN ('TRADE_FINISHED', 'TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO');
COMMENT ON FUNCTION ordersync.is_final_status(text) IS
	'whether an order of this status has ended; NULL for NULL';

/*
 * Orders that are not finished shortly before the lists stop returning them: whatever
 * happens to them later is in no list by creation any more.
 */
CREATE OR REPLACE FUNCTION ordersync.fetch_aging_orders(p_run bigint, p_shop bigint, p_now timestamptz)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_bitmapscan = on
AS $function$
DECLARE
	v_ids bigint[];
	v_range tstzrange;
BEGIN
	SELECT pg_catalog.array_agg(o.tid ORDER BY o.tid), tstzrange(pg_catalog.min(o.modified), pg_catalog.max(o.modified), '[]')
	INTO v_ids, v_range
	FROM ordersync.orders o
	WHERE o.shop_id = p_shop
		AND o.created_date BETWEEN ordersync.day_of(p_now) - 89 AND ordersync.day_of(p_now) - 80
		AND o.created > ordersync.horizon(p_now) + ordersync.horizon_margin()
		AND o.created <= p_now - interval '1920 hours'
		AND o.end_time IS NULL
		AND NOT ordersync.is_final_status(o.status)
		AND o.platform_state = 'listed'
		AND (o.details_at IS NULL OR o.details_at < o.created + interval '1920 hours')
		-- one that had not changed when it was asked for keeps its details_at
		AND NOT EXISTS (
			SELECT
			FROM ordersync.lookups l
			WHERE l.shop_id = o.shop_id
				AND l.stream = 'orders'
				AND l.record_id = o.tid
				AND l.asked_at >= o.created + interval '1920 hours')
		AND EXISTS (
			SELECT
			FROM ordersync.shops s
			WHERE s.shop_id = p_shop
				AND ordersync.is_served(ordersync.unserved(p_shop), 'details of orders', p_now));
	IF v_ids IS NULL THEN
		RETURN 0;
	END IF;
	RETURN ordersync.add_fetches(p_run, p_shop, 'orders', v_ids, v_range, 'aging');
END
$function$;
COMMENT ON FUNCTION ordersync.fetch_aging_orders(bigint, bigint, timestamptz) IS
	'creates tasks that fetch the shop''s unfinished orders of 80 to 90 days once more';

/*
 * Orders that the lists stopped returning before their end was seen.  From a day
 * after that on the history has them: it is read for a second of creation each,
 * or from the day's first to its last of them where that takes fewer calls.  One
 * that is still open then, or not there, is looked for again when it has waited
 * twice as long: ten times in the two years that the history reaches back.
 *
 * The windows close nothing: what the lists once counted of such a day is worth
 * more than a list without totals.  A shop whose application may not read the
 * history has the order asked for by its number, by the same calendar.
 */
CREATE OR REPLACE FUNCTION ordersync.search_history(p_run bigint, p_shop bigint, p_now timestamptz)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_bitmapscan = on
SET enable_seqscan = off
AS $function$
DECLARE
	v_shop ordersync.shops;
	v_tids bigint[];
	v_created timestamptz[];
	v_tasks integer;
	v_unserved jsonb := ordersync.unserved(p_shop);
BEGIN
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
	IF NOT ordersync.reads_stream(v_shop.options, 'orders') THEN
		RETURN 0;
	END IF;

	SELECT pg_catalog.array_agg(d.tid ORDER BY d.created), pg_catalog.array_agg(d.created ORDER BY d.created)
	INTO v_tids, v_created
	FROM (
		SELECT o.tid, o.created
		FROM ordersync.orders o
		LEFT JOIN LATERAL (
			SELECT l.asked_at
			FROM ordersync.lookups l
			WHERE l.shop_id = o.shop_id
				AND l.stream = 'history'
				AND l.record_id = o.tid
			OFFSET 0
		) l ON true
		WHERE o.shop_id = p_shop
			AND o.end_time IS NULL
			AND o.created_date BETWEEN ordersync.day_of(ordersync.history_horizon(p_now)) AND ordersync.day_of(ordersync.horizon(p_now))
			AND o.created > ordersync.history_horizon(p_now) + interval '24 hours'
			AND o.created <= ordersync.horizon(p_now) - interval '24 hours'
			AND NOT ordersync.is_final_status(o.status)
			AND (l.asked_at IS NULL
				OR p_now - l.asked_at >= GREATEST(interval '24 hours', ordersync.horizon(l.asked_at) - o.created))
		-- the rest is for the next runs: who brings two years of orders is not to wait for these
		ORDER BY l.asked_at NULLS FIRST, o.created DESC
		LIMIT 1000
	) d;
	IF v_tids IS NULL THEN
		RETURN 0;
	END IF;

	IF NOT ordersync.is_served(v_unserved, 'history', p_now) THEN
		IF NOT ordersync.is_served(v_unserved, 'details of orders', p_now) THEN
			RETURN 0;
		END IF;
		RETURN ordersync.add_fetches(p_run, p_shop, 'orders', v_tids,
			tstzrange(v_created[1], v_created[pg_catalog.cardinality(v_created)], '[]'), 'open');
	END IF;

	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, history, since, until, fresh, reason)
	SELECT p_run, p_shop, 'orders', 'created', true, w.since, w.until, true, 'open'
	FROM (
		SELECT pg_catalog.array_agg(DISTINCT c.created) AS instants, pg_catalog.min(c.created) AS since,
			pg_catalog.max(c.created) AS until
		FROM pg_catalog.unnest(v_created) c (created)
		GROUP BY ordersync.day_of(c.created)
	) d
	CROSS JOIN LATERAL (
		-- pages of fifty
		SELECT pg_catalog.count(*) / 50 + 1 <= pg_catalog.cardinality(d.instants) AS at_once
		FROM ordersync.orders o
		WHERE o.shop_id = p_shop
			AND o.created_date = ordersync.day_of(d.since)
			AND o.created BETWEEN d.since AND d.until
	) n
	CROSS JOIN LATERAL (
		SELECT d.since AS first, d.until AS last
		WHERE n.at_once
		UNION ALL
		SELECT i.instant, i.instant
		FROM pg_catalog.unnest(d.instants) i (instant)
		WHERE NOT n.at_once
	) r
	CROSS JOIN LATERAL ordersync.cut_windows(
		tstzmultirange(tstzrange(r.first, r.last + interval '1 second')), 'infinity', ordersync.max_window(p_shop)) w;
	GET DIAGNOSTICS v_tasks = ROW_COUNT;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.search_history(bigint, bigint, timestamptz) IS
	'creates tasks that search the history for the end of open orders that the lists no longer return; returns how many, which the caller counts';

CREATE OR REPLACE FUNCTION ordersync.record_history_reads(
	p_shop bigint,
	p_since timestamptz,
	p_until timestamptz,
	p_run bigint,
	p_began_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_bitmapscan = on
SET enable_seqscan = off
AS $function$
DECLARE
	v_tids bigint[] := ARRAY(
		SELECT o.tid
		FROM ordersync.orders o
		WHERE o.shop_id = p_shop
			AND o.end_time IS NULL
			AND o.created_date = ordersync.day_of(p_since)
			AND o.created >= p_since
			AND o.created < p_until
			AND NOT ordersync.is_final_status(o.status));
BEGIN
	PERFORM ordersync.note_lookup(p_shop, 'history', t.tid, true, NULL, p_run, p_began_at)
	FROM pg_catalog.unnest(v_tids) t (tid);

	/*
	 * Whether they were there or not: no list has them any more.  The task is
	 * locked by now and orders come before tasks, so nobody is waited for here:
	 * one that is being written is noted the next time.
	 */
	WITH archived AS (
		UPDATE ordersync.orders o
		SET platform_state = 'archived',
			synced_at = pg_catalog.now()
		FROM (
			SELECT w.tid
			FROM ordersync.orders w
			WHERE w.shop_id = p_shop
				AND w.tid = ANY (v_tids)
				AND w.platform_state IS DISTINCT FROM 'archived'
			FOR NO KEY UPDATE SKIP LOCKED
		) w
		WHERE o.shop_id = p_shop
			AND o.tid = w.tid
		RETURNING o.tid
	)
	SELECT pg_catalog.array_agg(a.tid)
	INTO v_tids
	FROM archived a;
	PERFORM ordersync.announce_records('order', p_shop, v_tids);
END
$function$;
COMMENT ON FUNCTION ordersync.record_history_reads(bigint, timestamptz, timestamptz, bigint, timestamptz) IS
	'records for which open orders the history was read, so that it is not read for them again too soon';
