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

	-- one statement: what it sees is what its snapshot says, but for what this transaction wrote itself
	SELECT s.now, f.first_entry, f.last_entry
	INTO v_to, v_first, v_last
	FROM (SELECT pg_catalog.pg_current_snapshot() AS now) s
	CROSS JOIN LATERAL (
		SELECT pg_catalog.min(f.entry_id) AS first_entry, pg_catalog.max(f.entry_id) AS last_entry
		FROM (
			SELECT f.entry_id, f.changed_in
			FROM ordersync.change_feed f
			WHERE f.changed_in >= pg_catalog.pg_snapshot_xmax(v_from)
			UNION ALL
			SELECT f.entry_id, f.changed_in
			FROM ordersync.change_feed f
			WHERE f.changed_in = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip(v_from)))
		) f
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
BEGIN
	SELECT k.* INTO c
	FROM ordersync.change_consumers k
	WHERE k.consumer = p_consumer;
	RETURN QUERY
	SELECT pg_catalog.row_number() OVER (), w.entry_id, w.item::integer, w.kind, w.shop_id, w.id, w.recorded_at, w.message
	FROM (
		SELECT f.entry_id, u.item, f.kind, f.shop_id, u.id, f.recorded_at, u.message
		FROM (
			SELECT f.entry_id, f.kind, f.shop_id, f.recorded_at, f.ids,
				CASE WHEN NOT c.compact THEN f.messages END AS messages
			FROM ordersync.change_feed f
			WHERE f.entry_id BETWEEN c.done_entry AND c.portion_end
				AND pg_catalog.pg_visible_in_snapshot(f.changed_in, c.portion)
				AND NOT pg_catalog.pg_visible_in_snapshot(f.changed_in, c.acknowledged)
			ORDER BY f.entry_id
		) f
		CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(f.ids), pg_catalog.unnest(f.messages)) WITH ORDINALITY AS u (id, message, item)
		WHERE f.entry_id > c.done_entry
			OR u.item > c.done_items
		ORDER BY f.entry_id, u.item
		LIMIT p_limit
	) w;
END
$function$;
COMMENT ON FUNCTION ordersync.portion_changes(text, bigint) IS
	'the next changes of a consumer''s portion that are not acknowledged, in order, counted from 1; messages only for one that reads each change';
