/*
 * Consumers of the change feed: what each has not read, and how far each is behind.
 *
 * What a consumer has not read is said in unread_entries alone: a view, since views may
 * call nothing of ours.  Acknowledged is what its snapshot shows, and of the portion that
 * it reads the entries before done_entry, and done_items of that one's changes.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_unread_entries()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.unread_entries
	WITH (security_invoker = true) AS
	SELECT c.consumer,
		f.entry_id,
		f.shop_id,
		f.kind,
		f.recorded_at,
		cardinality(f.ids) - CASE WHEN f.entry_id = c.done_entry AND f.in_portion THEN c.done_items ELSE 0 END AS changes,
		f.in_portion,
		(c.shops IS NULL OR f.shop_id = ANY (c.shops)) AND (c.kinds IS NULL OR f.kind = ANY (c.kinds)) AS is_wanted
	FROM ordersync.change_consumers c
	CROSS JOIN LATERAL (
		SELECT f.*, c.portion IS NOT NULL AND pg_visible_in_snapshot(f.changed_in, c.portion) AS in_portion
		FROM ordersync.change_feed f
		WHERE f.changed_in >= pg_snapshot_xmin(c.acknowledged)
			AND NOT pg_visible_in_snapshot(f.changed_in, c.acknowledged)
	) f
	WHERE NOT f.in_portion
		OR f.entry_id > c.done_entry
		OR f.entry_id = c.done_entry AND c.done_items < cardinality(f.ids);

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('unread_entries', NULL, 'entries of the change feed that a consumer has not acknowledged, for each consumer'),
		('unread_entries', 'consumer', 'the consumer'),
		('unread_entries', 'entry_id', 'the entry of change_feed'),
		('unread_entries', 'shop_id', 'its shop'),
		('unread_entries', 'kind', 'order or after_sale'),
		('unread_entries', 'recorded_at', 'when it was written, our clock'),
		('unread_entries', 'changes', 'how many of its changes are not acknowledged'),
		('unread_entries', 'in_portion', 'true: it is being read; its changes are counted by position'),
		('unread_entries', 'is_wanted', 'false: of a shop or a kind that the consumer is not told')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_unread_entries() IS
	'creates the view of what consumers of the change feed have not read; part of ordersync.set_up_views()';

CREATE OR REPLACE FUNCTION ordersync.set_up_consumers()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.consumers
	WITH (security_invoker = true) AS
	SELECT c.consumer,
		c.owner,
		c.compact,
		c.shops,
		c.kinds,
		CASE
			WHEN c.lost IS NOT NULL THEN 'lost'
			WHEN c.walk_kind IS NOT NULL THEN 'stored'
			ELSE 'changes'
		END AS reads,
		w.messages + CASE
			WHEN c.walk_kind = 'order' AND 'order' = ANY (COALESCE(c.kinds, '{order}')) THEN (
				SELECT count(*)
				FROM ordersync.orders o
				WHERE (c.walk_shop IS NULL OR (o.shop_id, o.tid) > (c.walk_shop, c.walk_id))
					AND (c.shops IS NULL OR o.shop_id = ANY (c.shops)))
			ELSE 0
		END + CASE
			WHEN c.walk_kind IS NOT NULL AND 'after_sale' = ANY (COALESCE(c.kinds, '{after_sale}')) THEN (
				SELECT count(*)
				FROM ordersync.after_sales a
				WHERE (c.walk_kind = 'order' OR c.walk_shop IS NULL OR (a.shop_id, a.refund_id) > (c.walk_shop, c.walk_id))
					AND (c.shops IS NULL OR a.shop_id = ANY (c.shops)))
			ELSE 0
		END AS lag_messages,
		COALESCE(round(EXTRACT(epoch FROM clock_timestamp() - CASE
				WHEN c.walk_kind IS NOT NULL THEN LEAST(c.created_at, w.oldest)
				ELSE w.oldest
			END), 1), 0) AS lag_seconds,
		w.oldest AS oldest_waiting,
		c."position" AS acknowledged,
		c.handed_out,
		c.read_at,
		c.acknowledged_at,
		c.lost_changes,
		c.created_at
	FROM ordersync.change_consumers c
	CROSS JOIN LATERAL (
		SELECT COALESCE(sum(e.changes), 0)::bigint AS messages, min(e.recorded_at) AS oldest
		FROM ordersync.unread_entries e
		WHERE e.consumer = c.consumer
			AND e.is_wanted
	) w;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('consumers', NULL, 'who reads the change feed with ordersync_changes_read, and how far each is behind'),
		('consumers', 'consumer', 'its name'),
		('consumers', 'owner', 'role that made it; NULL: a part of ordersync'),
		('consumers', 'compact', 'true: of several waiting changes of an order it is told the newest state; false: each change'),
		('consumers', 'shops', 'shops whose changes it is told; NULL: all that its reader may see'),
		('consumers', 'kinds', 'kinds that it is told; NULL: order and after_sale'),
		('consumers', 'reads', 'stored: it is still told what was stored when it was made; changes: what is written since; lost: it has yet to be told that it lost changes'),
		('consumers', 'lag_messages', 'changes that it has not acknowledged; with compact it is told fewer'),
		('consumers', 'lag_seconds', 'age of the oldest of these'),
		('consumers', 'oldest_waiting', 'when that was written; NULL: none waits'),
		('consumers', 'acknowledged', 'position up to which it has acknowledged'),
		('consumers', 'handed_out', 'highest position that it was handed out'),
		('consumers', 'read_at', 'when it was handed out something last'),
		('consumers', 'acknowledged_at', 'when it acknowledged last'),
		('consumers', 'lost_changes', 'changes that were removed before it had read them: see ordersync.keep_feed'),
		('consumers', 'created_at', 'when it was made')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_consumers() IS
	'creates the view of consumers of the change feed; part of ordersync.set_up_views()';
