/*
 * What a consumer has not read, in portions.
 *
 * Numbers do not commit in order, nor do transaction IDs: who goes by "greater than
 * the last" skips what commits late.  So a consumer has a snapshot of which all is
 * acknowledged.  A portion is what a later snapshot shows and that one does not: it
 * can lack nothing and hold nothing that is not committed.  No transaction that stays
 * open, of whomever, keeps back those that commit.
 *
 * A portion is fixed: it is read, and read again after a crash, in the order of the
 * entries, which is right for each order: two transactions that write the same order
 * wait for each other, so the later one has the higher number, and where it is shown
 * the earlier one is too.  When all of a portion is acknowledged its snapshot takes
 * the place of the old one.
 *
 * A position counts the changes of one consumer, those that were passed over too.
 */

/*
 * What this transaction has written itself is not there before its commit; the
 * server's own function counts it neither as in progress nor as committed.
 */
CREATE OR REPLACE FUNCTION ordersync.committed_snapshot()
RETURNS pg_snapshot
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT CASE
		WHEN s.own IS NULL OR s.own >= pg_catalog.pg_snapshot_xmax(s.now) THEN s.now
		ELSE pg_catalog.format('%s:%s:%s', pg_catalog.pg_snapshot_xmin(s.now), pg_catalog.pg_snapshot_xmax(s.now), (
			SELECT pg_catalog.string_agg(x.xid::text, ',' ORDER BY x.xid)
			FROM (
				SELECT s.own AS xid
				UNION
				SELECT pg_catalog.pg_snapshot_xip(s.now)
			) x))::pg_catalog.pg_snapshot
	END
	FROM (
		SELECT pg_catalog.pg_current_snapshot() AS now, pg_catalog.pg_current_xact_id_if_assigned() AS own
	) s
$function$;
COMMENT ON FUNCTION ordersync.committed_snapshot() IS
	'what the statement sees, without what its own transaction has written';

/*
 * What a snapshot does not show, by the index: transactions that were open then, and
 * later ones.  Inlined where it is used.
 */
CREATE OR REPLACE FUNCTION ordersync.entries_behind(p_known pg_snapshot)
RETURNS TABLE (entry_id bigint, changed_in xid8)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT f.entry_id, f.changed_in
	FROM ordersync.change_feed f
	WHERE f.changed_in >= pg_catalog.pg_snapshot_xmax(p_known)
	UNION ALL
	SELECT f.entry_id, f.changed_in
	FROM ordersync.change_feed f
	WHERE f.changed_in = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip(p_known)))
$function$;
COMMENT ON FUNCTION ordersync.entries_behind(pg_snapshot) IS
	'the entries of the change feed that are to be seen now and that a snapshot does not show';

/* true: there is something to read. An empty portion is not written: a poll that finds nothing costs nothing. */
CREATE OR REPLACE FUNCTION ordersync.begin_portion(p_consumer text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $function$
DECLARE
	v_from pg_snapshot;
	v_to pg_snapshot;
	v_first bigint;
	v_last bigint;
BEGIN
	SELECT COALESCE(c.portion, c.acknowledged)
	INTO v_from
	FROM ordersync.change_consumers c
	WHERE c.consumer = p_consumer;

	-- one statement, so that what it finds is what its snapshot shows
	SELECT s.now, f.first_entry, f.last_entry
	INTO v_to, v_first, v_last
	FROM (SELECT ordersync.committed_snapshot() AS now) s
	CROSS JOIN LATERAL (
		SELECT pg_catalog.min(f.entry_id) AS first_entry, pg_catalog.max(f.entry_id) AS last_entry
		FROM ordersync.entries_behind(v_from) f
		WHERE pg_catalog.pg_visible_in_snapshot(f.changed_in, s.now)
	) f;

	UPDATE ordersync.change_consumers c
	SET acknowledged = v_from,
		portion = CASE WHEN v_first IS NOT NULL THEN v_to END,
		portion_end = v_last,
		done_entry = COALESCE(v_first, 0),
		done_items = 0
	WHERE c.consumer = p_consumer
		AND (v_first IS NOT NULL OR c.portion IS NOT NULL);
	RETURN v_first IS NOT NULL;
END
$function$;
COMMENT ON FUNCTION ordersync.begin_portion(text) IS
	'ends a consumer''s portion, all of which is acknowledged, and begins the next; false: nothing has been committed since';

/* Inlined where it is used, so that a loop that ends early has read no more than it needed. */
CREATE OR REPLACE FUNCTION ordersync.portion_entries(p_first bigint, p_last bigint, p_shown pg_snapshot, p_known pg_snapshot)
RETURNS TABLE (entry_id bigint, kind text, shop_id bigint, ids bigint[], messages jsonb[], recorded_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT f.entry_id, f.kind, f.shop_id, f.ids, f.messages, f.recorded_at
	FROM ordersync.change_feed f
	WHERE f.entry_id BETWEEN p_first AND p_last
		AND pg_catalog.pg_visible_in_snapshot(f.changed_in, p_shown)
		AND NOT pg_catalog.pg_visible_in_snapshot(f.changed_in, p_known)
	ORDER BY f.entry_id
$function$;
COMMENT ON FUNCTION ordersync.portion_entries(bigint, bigint, pg_snapshot, pg_snapshot) IS
	'the entries of a portion, in order';

CREATE OR REPLACE FUNCTION ordersync.portion_changes(p_consumer text, p_limit bigint)
RETURNS TABLE (
	n bigint,
	entry_id bigint,
	item integer,
	kind text,
	shop_id bigint,
	id bigint,
	recorded_at timestamptz,
	message jsonb
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
#variable_conflict use_column
DECLARE
	c ordersync.change_consumers;
	e record;
	v_n bigint := 0;
	v_done integer;
	v_rows bigint;
BEGIN
	SELECT k.* INTO c
	FROM ordersync.change_consumers k
	WHERE k.consumer = p_consumer;
	FOR e IN
		SELECT *
		FROM ordersync.portion_entries(c.done_entry, c.portion_end, c.portion, c.acknowledged)
	LOOP
		v_done := CASE WHEN e.entry_id = c.done_entry THEN c.done_items ELSE 0 END;
		IF c.compact THEN
			e.messages := NULL;
		END IF;
		RETURN QUERY
		SELECT v_n + u.item - v_done, e.entry_id, u.item::integer, e.kind, e.shop_id, u.id, e.recorded_at, u.message
		FROM ROWS FROM (pg_catalog.unnest(e.ids), pg_catalog.unnest(e.messages)) WITH ORDINALITY AS u (id, message, item)
		WHERE u.item > v_done
			AND v_n + u.item - v_done <= p_limit;
		GET DIAGNOSTICS v_rows = ROW_COUNT;
		v_n := v_n + v_rows;
		EXIT WHEN v_n >= p_limit;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.portion_changes(text, bigint) IS
	'the next changes of a consumer''s portion that are not acknowledged, in order, counted from 1; messages only for one that reads each change';

CREATE OR REPLACE FUNCTION ordersync.place_in_portion(p_consumer text, p_n bigint, OUT entry_id bigint, OUT items integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
	c ordersync.change_consumers;
	e record;
	v_n bigint := p_n;
BEGIN
	SELECT k.* INTO c
	FROM ordersync.change_consumers k
	WHERE k.consumer = p_consumer;
	FOR e IN
		SELECT p.entry_id, pg_catalog.cardinality(p.ids) AS items
		FROM ordersync.portion_entries(c.done_entry, c.portion_end, c.portion, c.acknowledged) p
	LOOP
		IF e.entry_id = c.done_entry THEN
			v_n := v_n + c.done_items;
		END IF;
		IF v_n <= e.items THEN
			entry_id := e.entry_id;
			items := v_n;
			RETURN;
		END IF;
		v_n := v_n - e.items;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.place_in_portion(text, bigint) IS
	'the entry of the n-th change of a consumer''s portion behind the last one acknowledged, and which of its changes that is; NULL: there are not so many';
