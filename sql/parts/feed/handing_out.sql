/*
 * Reading and acknowledging.
 *
 * What is picked here is keys: messages are looked up by a statement of their own,
 * which begins later and so sees no less than the portion holds.
 */

/* Compact: of what waits in the portion, as far as five batches reach, each order once, where its last change stands. */
CREATE OR REPLACE FUNCTION ordersync.pick_changes(p_consumer text, p_batch integer, p_allowed bigint[] DEFAULT NULL)
RETURNS TABLE ("position" bigint, kind text, shop_id bigint, id bigint, recorded_at timestamptz, message jsonb, entry_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
#variable_conflict use_column
DECLARE
	c ordersync.change_consumers;
	v_window bigint;
	w record;
BEGIN
	LOOP
		SELECT k.* INTO c
		FROM ordersync.change_consumers k
		WHERE k.consumer = p_consumer;
		v_window := CASE WHEN c.compact THEN GREATEST(5 * p_batch::bigint, 2000) ELSE p_batch END;

		WITH next AS MATERIALIZED (
			SELECT *
			FROM ordersync.portion_changes(p_consumer, CASE WHEN c.portion IS NULL THEN 0 ELSE v_window END)
		), wanted AS (
			-- of one that reads each change every row is a group of its own
			SELECT pg_catalog.max(n.n) AS n, n.kind, n.shop_id, n.id, pg_catalog.max(n.entry_id) AS entry_id,
				pg_catalog.max(n.recorded_at) AS recorded_at,
				(pg_catalog.array_agg(n.message) FILTER (WHERE NOT c.compact))[1] AS message
			FROM next n
			WHERE (c.shops IS NULL OR n.shop_id = ANY (c.shops))
				AND (p_allowed IS NULL OR n.shop_id = ANY (p_allowed))
				AND (c.kinds IS NULL OR n.kind = ANY (c.kinds))
			GROUP BY n.kind, n.shop_id, n.id, CASE WHEN NOT c.compact THEN n.n END
		), picked AS (
			SELECT p.*
			FROM wanted p
			ORDER BY p.n
			LIMIT p_batch
		)
		SELECT p.n_picked, p.positions, p.kinds, p.shops, p.ids, p.times, p.messages, p.entries, l.n AS n_next, l.entry_id, l.item
		INTO w
		FROM (
			SELECT pg_catalog.count(*) AS n_picked,
				pg_catalog.array_agg(c."position" + p.n ORDER BY p.n) AS positions,
				pg_catalog.array_agg(p.kind ORDER BY p.n) AS kinds,
				pg_catalog.array_agg(p.shop_id ORDER BY p.n) AS shops,
				pg_catalog.array_agg(p.id ORDER BY p.n) AS ids,
				pg_catalog.array_agg(p.recorded_at ORDER BY p.n) AS times,
				pg_catalog.array_agg(p.message ORDER BY p.n) AS messages,
				pg_catalog.array_agg(p.entry_id ORDER BY p.n) AS entries
			FROM picked p
		) p
		LEFT JOIN (
			SELECT n.n, n.entry_id, n.item
			FROM next n
			ORDER BY n.n DESC
			LIMIT 1
		) l ON true;

		IF w.n_picked > 0 THEN
			UPDATE ordersync.change_consumers k
			SET handed_out = GREATEST(k.handed_out, w.positions[w.n_picked])
			WHERE k.consumer = p_consumer;
			RETURN QUERY
			SELECT *
			FROM ROWS FROM (pg_catalog.unnest(w.positions), pg_catalog.unnest(w.kinds), pg_catalog.unnest(w.shops), pg_catalog.unnest(w.ids), pg_catalog.unnest(w.times), pg_catalog.unnest(w.messages), pg_catalog.unnest(w.entries));
			RETURN;
		ELSIF w.n_next IS NOT NULL THEN
			-- nothing here is for this consumer
			UPDATE ordersync.change_consumers k
			SET "position" = k."position" + w.n_next,
				handed_out = GREATEST(k.handed_out, k."position" + w.n_next),
				done_entry = w.entry_id,
				done_items = w.item
			WHERE k.consumer = p_consumer;
		ELSIF NOT ordersync.begin_portion(p_consumer) THEN
			RETURN;
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.pick_changes(text, integer, bigint[]) IS
	'the next changes for a consumer, and notes that they are handed out; messages only those that were stored';

/* What was stored when the consumer was made, in the order of keys: what comes or changes meanwhile is in the feed as well. */
CREATE OR REPLACE FUNCTION ordersync.pick_stored(p_consumer text, p_batch integer, p_allowed bigint[])
RETURNS TABLE ("position" bigint, kind text, shop_id bigint, id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
#variable_conflict use_column
DECLARE
	c ordersync.change_consumers;
	v_shop bigint;
	v_after bigint;
	v_some bigint[];
	v_shops bigint[] := '{}';
	v_ids bigint[] := '{}';
BEGIN
	SELECT k.* INTO c
	FROM ordersync.change_consumers k
	WHERE k.consumer = p_consumer;
	v_shop := c.walk_shop;
	v_after := c.walk_id;
	LOOP
		IF v_shop IS NOT NULL THEN
			v_some := CASE
				WHEN NOT COALESCE((c.shops IS NULL OR v_shop = ANY (c.shops)) AND (p_allowed IS NULL OR v_shop = ANY (p_allowed))
					AND (c.kinds IS NULL OR c.walk_kind = ANY (c.kinds)), false) THEN '{}'
				WHEN c.walk_kind = 'order' THEN ARRAY(
					SELECT o.tid
					FROM ordersync.orders o
					WHERE o.shop_id = v_shop
						AND o.tid > v_after
					ORDER BY o.tid
					LIMIT p_batch - pg_catalog.cardinality(v_ids))
				ELSE ARRAY(
					SELECT a.refund_id
					FROM ordersync.after_sales a
					WHERE a.shop_id = v_shop
						AND a.refund_id > v_after
					ORDER BY a.refund_id
					LIMIT p_batch - pg_catalog.cardinality(v_ids))
			END;
			v_ids := v_ids || v_some;
			v_shops := v_shops || pg_catalog.array_fill(v_shop, ARRAY[pg_catalog.cardinality(v_some)]);
			EXIT WHEN pg_catalog.cardinality(v_ids) = p_batch;
		END IF;
		v_shop := CASE c.walk_kind
			WHEN 'order' THEN (
				SELECT pg_catalog.min(o.shop_id)
				FROM ordersync.orders o
				WHERE o.shop_id > COALESCE(v_shop, (-9223372036854775808)::bigint))
			ELSE (
				SELECT pg_catalog.min(a.shop_id)
				FROM ordersync.after_sales a
				WHERE a.shop_id > COALESCE(v_shop, (-9223372036854775808)::bigint))
		END;
		EXIT WHEN v_shop IS NULL;
		v_after := (-9223372036854775808)::bigint;
	END LOOP;

	UPDATE ordersync.change_consumers k
	SET handed_out = GREATEST(k.handed_out, k."position" + pg_catalog.cardinality(v_ids)),
		walk_shops = v_shops,
		walk_ids = v_ids
	WHERE k.consumer = p_consumer
		AND v_ids <> '{}';
	RETURN QUERY
	SELECT c."position" + i.n, c.walk_kind, i.shop_id, i.id
	FROM ROWS FROM (pg_catalog.unnest(v_shops), pg_catalog.unnest(v_ids)) WITH ORDINALITY AS i (shop_id, id, n);
END
$function$;
COMMENT ON FUNCTION ordersync.pick_stored(text, integer, bigint[]) IS
	'the next orders or after-sales of those that were stored when the consumer was made, and notes that they are handed out';

CREATE OR REPLACE FUNCTION ordersync.acknowledge(p_consumer text, p_position bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	c ordersync.change_consumers;
	n bigint;
BEGIN
	SELECT k.* INTO c
	FROM ordersync.change_consumers k
	WHERE k.consumer = p_consumer;
	n := p_position - c."position";
	IF n <= 0 THEN
		RETURN;
	END IF;
	IF p_position > c.handed_out THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('position %s was not handed out to consumer "%s"', p_position, p_consumer),
			DETAIL = pg_catalog.format('Acknowledged is up to %s, handed out up to %s.', c."position", c.handed_out),
			HINT = pg_catalog.format('Read first: SELECT * FROM ordersync_changes_read(%L).', p_consumer);
	END IF;

	IF c.lost IS NOT NULL THEN
		c.lost := NULL;
	ELSIF c.walk_kind IS NOT NULL THEN
		c.walk_shop := c.walk_shops[n];
		c.walk_id := c.walk_ids[n];
		c.walk_shops := c.walk_shops[n + 1:];
		c.walk_ids := c.walk_ids[n + 1:];
	ELSE
		SELECT p.entry_id, p.items
		INTO c.done_entry, c.done_items
		FROM ordersync.place_in_portion(p_consumer, n) p;
		IF c.done_entry IS NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'data_corrupted',
				MESSAGE = pg_catalog.format('entries of the change feed that consumer "%s" has not acknowledged are gone', p_consumer),
				HINT = pg_catalog.format('Read again: SELECT * FROM ordersync_changes_read(%L).', p_consumer);
		END IF;
	END IF;
	UPDATE ordersync.change_consumers k
	SET "position" = p_position,
		reader = CASE WHEN p_position < k.handed_out THEN k.reader END,
		acknowledged_at = pg_catalog.clock_timestamp(),
		lost = c.lost,
		walk_shop = c.walk_shop,
		walk_id = c.walk_id,
		walk_shops = c.walk_shops,
		walk_ids = c.walk_ids,
		done_entry = c.done_entry,
		done_items = c.done_items
	WHERE k.consumer = p_consumer;
END
$function$;
COMMENT ON FUNCTION ordersync.acknowledge(text, bigint) IS
	'notes that a consumer is done with all up to that position; the consumer is locked';

/* For steps of a worker: who is not the first to lock it comes later. */
CREATE OR REPLACE FUNCTION ordersync.take_changes(p_consumer text, p_batch integer)
RETURNS TABLE ("position" bigint, kind text, shop_id bigint, id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
#variable_conflict use_column
BEGIN
	PERFORM
	FROM ordersync.change_consumers c
	WHERE c.consumer = p_consumer
	FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF (SELECT c.cluster FROM ordersync.change_consumers c WHERE c.consumer = p_consumer) IS DISTINCT FROM ordersync.cluster_id() THEN
		PERFORM ordersync.adopt_consumers();
	END IF;
	RETURN QUERY
	SELECT p."position", p.kind, p.shop_id, p.id
	FROM ordersync.pick_changes(p_consumer, p_batch) p;
END
$function$;
COMMENT ON FUNCTION ordersync.take_changes(text, integer) IS
	'the next changes for a part of the extension, without messages; locks the consumer until the transaction''s end, nothing where another has locked it';

/* With the messages, each looked up by its key. */
CREATE OR REPLACE FUNCTION ordersync.read_stored(p_consumer text, p_batch integer, p_allowed bigint[])
RETURNS TABLE ("position" bigint, kind text, shop_id bigint, tid bigint, refund_id bigint, changed_at timestamptz, message jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
#variable_conflict use_column
DECLARE
	v record;
BEGIN
	SELECT pg_catalog.array_agg(p."position") AS positions, pg_catalog.array_agg(p.kind) AS kinds,
		pg_catalog.array_agg(p.shop_id) AS shops, pg_catalog.array_agg(p.id) AS ids
	INTO v
	FROM ordersync.pick_stored(p_consumer, p_batch, p_allowed) p;
	RETURN QUERY
	SELECT m."position", m.kind, m.shop_id, m.tid, m.refund_id, m.synced_at, m.message
	FROM ordersync.with_messages(v.positions, v.kinds, v.shops, v.ids) m
	ORDER BY m."position";
END
$function$;
COMMENT ON FUNCTION ordersync.read_stored(text, integer, bigint[]) IS
	'the next messages of what was stored when the consumer was made';

/*
 * For a consumer of each change the message was stored with the entry.  Where it was
 * not, because the writer had begun before the consumer was made, the newest state is
 * the change's own if no later entry of the order is to be seen; else that will
 * be told, and this one is passed over.
 */
CREATE OR REPLACE FUNCTION ordersync.read_changes(p_consumer text, p_batch integer, p_allowed bigint[])
RETURNS TABLE ("position" bigint, kind text, shop_id bigint, tid bigint, refund_id bigint, changed_at timestamptz, message jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
#variable_conflict use_column
DECLARE
	v_compact boolean := (SELECT c.compact FROM ordersync.change_consumers c WHERE c.consumer = p_consumer);
	v record;
BEGIN
	LOOP
		-- a statement of its own, before that which looks the messages up: see the head
		SELECT pg_catalog.array_agg(p."position") AS positions, pg_catalog.array_agg(p.kind) AS kinds,
			pg_catalog.array_agg(p.shop_id) AS shops, pg_catalog.array_agg(p.id) AS ids,
			pg_catalog.array_agg(p.recorded_at) AS times, pg_catalog.array_agg(p.message) AS messages,
			pg_catalog.array_agg(p.entry_id) AS entries
		INTO v
		FROM ordersync.pick_changes(p_consumer, p_batch, p_allowed) p;
		IF v.positions IS NULL THEN
			RETURN;
		ELSIF v_compact THEN
			RETURN QUERY
			SELECT m."position", m.kind, m.shop_id, m.tid, m.refund_id, v.times[m.n], m.message
			FROM ordersync.with_messages(v.positions, v.kinds, v.shops, v.ids) m
			ORDER BY m.n;
			RETURN;
		END IF;

		RETURN QUERY
		SELECT m."position", m.kind, m.shop_id,
			CASE m.kind WHEN 'order' THEN m.id ELSE (m.message ->> 'tid')::bigint END,
			CASE m.kind WHEN 'after_sale' THEN m.id END, m.recorded_at, m.message
		FROM (
			SELECT p.*, COALESCE(p.stored, (
					SELECT w.message
					FROM ordersync.with_messages(NULL, ARRAY[p.kind], ARRAY[p.shop_id], ARRAY[p.id]) w)) AS message
			FROM ROWS FROM (pg_catalog.unnest(v.positions), pg_catalog.unnest(v.kinds), pg_catalog.unnest(v.shops), pg_catalog.unnest(v.ids), pg_catalog.unnest(v.times), pg_catalog.unnest(v.messages), pg_catalog.unnest(v.entries))
				AS p ("position", kind, shop_id, id, recorded_at, stored, entry_id)
			WHERE p.stored IS NOT NULL
				OR NOT EXISTS (
					SELECT
					FROM ordersync.change_feed f
					WHERE f.entry_id > p.entry_id
						AND f.kind = p.kind
						AND f.shop_id = p.shop_id
						AND p.id = ANY (f.ids))
		) m
		ORDER BY m."position";
		IF FOUND THEN
			RETURN;
		END IF;
		PERFORM ordersync.acknowledge(p_consumer, v.positions[pg_catalog.cardinality(v.positions)]);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.read_changes(text, integer, bigint[]) IS
	'the next messages of changes for a consumer';
