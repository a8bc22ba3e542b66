/*
 * Entries of the change feed that nobody reads any more.
 */

/*
 * What all consumers have acknowledged, once a minute.  By the lowest transaction
 * that one of their snapshots does not surely show: what is older they all know.  A
 * consumer that is being made is not seen here, so its maker holds this lock, too.
 */
CREATE OR REPLACE FUNCTION ordersync.remove_read_entries()
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
AS $function$
DECLARE
	v_before xid8;
	v_removed bigint;
BEGIN
	IF NOT pg_catalog.pg_try_advisory_xact_lock(ordersync.lock_key('change feed'))
		OR EXISTS (
			SELECT
			FROM ordersync.change_consumers c
			WHERE c.cluster IS DISTINCT FROM ordersync.cluster_id())
	THEN
		RETURN 0;
	END IF;
	SELECT x.xmin
	INTO v_before
	FROM (
		SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) AS xmin
		UNION ALL
		SELECT pg_catalog.pg_snapshot_xmin(c.acknowledged)
		FROM ordersync.change_consumers c
	) x
	ORDER BY x.xmin
	LIMIT 1;
	DELETE FROM ordersync.change_feed f
	WHERE f.entry_id = ANY (ARRAY(
		SELECT o.entry_id
		FROM ordersync.change_feed o
		WHERE o.changed_in < v_before
		ORDER BY o.changed_in
		LIMIT 10000));
	GET DIAGNOSTICS v_removed = ROW_COUNT;
	RETURN v_removed;
END
$function$;
COMMENT ON FUNCTION ordersync.remove_read_entries() IS
	'removes up to ten thousand entries of the change feed that all consumers have acknowledged; how many';

/*
 * What a consumer has not read for longer than ordersync.keep_feed.  It is told so,
 * in its next read.  While one is being read, or made, in an open transaction, it is tried
 * again later.
 */
CREATE OR REPLACE FUNCTION ordersync.remove_old_entries(INOUT p_next bigint, p_before timestamptz, OUT removed bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
AS $function$
DECLARE
	v_due bigint[];
	v_consumers text[];
	v_consumer text;
	v_last bigint;
BEGIN
	removed := 0;
	IF NOT pg_catalog.pg_try_advisory_xact_lock(ordersync.lock_key('change feed')) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'lock_not_available',
			MESSAGE = 'a consumer of the change feed is being made';
	END IF;
	SELECT pg_catalog.array_agg(f.entry_id) FILTER (WHERE f.recorded_at < p_before), pg_catalog.max(f.entry_id)
	INTO v_due, v_last
	FROM (
		SELECT f.entry_id, f.recorded_at
		FROM ordersync.change_feed f
		WHERE f.entry_id > COALESCE(p_next, 0)
		ORDER BY f.entry_id
		LIMIT 5000
	) f;
	IF v_due IS NULL THEN
		p_next := NULL;
		RETURN;
	END IF;
	-- all of them first: nobody is told of a loss that does not come
	v_consumers := ARRAY(
		SELECT c.consumer
		FROM ordersync.change_consumers c
		ORDER BY c.consumer
		FOR NO KEY UPDATE SKIP LOCKED);
	SELECT c.consumer INTO v_consumer
	FROM ordersync.change_consumers c
	WHERE c.consumer <> ALL (v_consumers)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'lock_not_available',
			MESSAGE = pg_catalog.format('consumer "%s" of the change feed is being read', v_consumer);
	END IF;
	FOREACH v_consumer IN ARRAY v_consumers LOOP
		PERFORM ordersync.note_lost(v_consumer, v_due);
	END LOOP;
	DELETE FROM ordersync.change_feed f
	WHERE f.entry_id = ANY (v_due);
	GET DIAGNOSTICS removed = ROW_COUNT;
	p_next := v_last;
END
$function$;
COMMENT ON FUNCTION ordersync.remove_old_entries(bigint, timestamptz) IS
	'removes of the next five thousand entries of the change feed those written before a time, and notes which consumers lose them; where it goes on, NULL at the end';

/*
 * Positions count what a portion has, also what is not for this consumer: where an
 * entry of it goes, those that were handed out stand for other changes from now on,
 * so they are handed out to nobody any more.
 */
CREATE OR REPLACE FUNCTION ordersync.note_lost(p_consumer text, p_entries bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_counted boolean;
	v_changes bigint;
	v_from timestamptz;
	v_until timestamptz;
	v_shops bigint[];
BEGIN
	SELECT pg_catalog.bool_or(e.in_portion), pg_catalog.sum(e.changes) FILTER (WHERE e.is_wanted),
		pg_catalog.min(e.recorded_at) FILTER (WHERE e.is_wanted), pg_catalog.max(e.recorded_at) FILTER (WHERE e.is_wanted),
		pg_catalog.array_agg(DISTINCT e.shop_id) FILTER (WHERE e.is_wanted)
	INTO v_counted, v_changes, v_from, v_until, v_shops
	FROM ordersync.unread_entries e
	WHERE e.consumer = p_consumer
		AND e.entry_id = ANY (p_entries);
	IF v_counted OR v_changes IS NOT NULL THEN
		UPDATE ordersync.change_consumers c
		SET handed_out = c."position",
			walk_shops = NULL,
			walk_ids = NULL,
			reader = NULL
		WHERE c.consumer = p_consumer;
	END IF;
	IF v_changes IS NULL THEN
		RETURN;
	END IF;
	UPDATE ordersync.change_consumers c
	SET lost = pg_catalog.jsonb_build_object('version', 1, 'kind', 'lost',
			'changes', v_changes + COALESCE((c.lost ->> 'changes')::bigint, 0),
			'from', LEAST(v_from, (c.lost ->> 'from')::timestamptz),
			'until', GREATEST(v_until, (c.lost ->> 'until')::timestamptz),
			'shops', (
				SELECT pg_catalog.jsonb_agg(DISTINCT s.shop)
				FROM (
					SELECT u.shop
					FROM pg_catalog.unnest(v_shops) AS u (shop)
					UNION ALL
					SELECT e.value::bigint
					FROM pg_catalog.jsonb_array_elements_text(COALESCE(c.lost -> 'shops', '[]')) AS e
				) s),
			'hint', pg_catalog.format('To be told of all that is stored: SELECT ordersync_changes_drop(%1$L); and read again.', c.consumer)),
		lost_changes = c.lost_changes + v_changes
	WHERE c.consumer = p_consumer;
	PERFORM ordersync.log_line(pg_catalog.format('consumer "%s" of the change feed lost %s changes of %s to %s, which it had not read for longer than ordersync.keep_feed',
		p_consumer, v_changes, v_from, v_until));
END
$function$;
COMMENT ON FUNCTION ordersync.note_lost(text, bigint[]) IS
	'notes which changes a consumer loses with these entries';
