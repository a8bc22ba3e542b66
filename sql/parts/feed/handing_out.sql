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

/*
 * What a consumer is told next, by position: of a loss, of what was stored before it
 * was made, of changes.  Times, messages and entries only where they are known already.
 */
CREATE OR REPLACE FUNCTION ordersync.hand_out(
	p_consumer text,
	p_batch integer,
	p_allowed bigint[],
	OUT positions bigint[],
	OUT kinds text[],
	OUT shops bigint[],
	OUT ids bigint[],
	OUT times timestamptz[],
	OUT messages jsonb[],
	OUT entries bigint[]
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	c ordersync.change_consumers;
	v_lost jsonb;
BEGIN
	LOOP
		SELECT k.* INTO c
		FROM ordersync.change_consumers k
		WHERE k.consumer = p_consumer;
		IF c.lost IS NOT NULL THEN
			v_lost := CASE WHEN p_allowed IS NULL THEN c.lost ELSE ordersync.lost_of_shops(c.lost, p_allowed) END;
			UPDATE ordersync.change_consumers k
			SET lost = CASE WHEN v_lost IS NOT NULL THEN k.lost END,
				handed_out = k."position" + (v_lost IS NOT NULL)::integer
			WHERE k.consumer = p_consumer;
			CONTINUE WHEN v_lost IS NULL;
			positions := ARRAY[c."position" + 1];
			kinds := '{lost}';
			times := ARRAY[(v_lost ->> 'until')::timestamptz];
			messages := ARRAY[v_lost];
			RETURN;
		ELSIF c.walk_kind IS NOT NULL THEN
			SELECT pg_catalog.array_agg(p."position"), pg_catalog.array_agg(p.kind), pg_catalog.array_agg(p.shop_id),
				pg_catalog.array_agg(p.id)
			INTO positions, kinds, shops, ids
			FROM ordersync.pick_stored(p_consumer, p_batch, p_allowed) p;
			IF positions IS NOT NULL THEN
				RETURN;
			END IF;
			UPDATE ordersync.change_consumers k
			SET walk_kind = CASE c.walk_kind WHEN 'order' THEN 'after_sale' END,
				walk_shop = NULL,
				walk_id = NULL
			WHERE k.consumer = p_consumer;
		ELSE
			SELECT pg_catalog.array_agg(p."position"), pg_catalog.array_agg(p.kind), pg_catalog.array_agg(p.shop_id),
				pg_catalog.array_agg(p.id), pg_catalog.array_agg(p.recorded_at),
				pg_catalog.array_agg(p.message) FILTER (WHERE NOT c.compact),
				pg_catalog.array_agg(p.entry_id) FILTER (WHERE NOT c.compact)
			INTO positions, kinds, shops, ids, times, messages, entries
			FROM ordersync.pick_changes(p_consumer, p_batch, p_allowed) p;
			RETURN;
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.hand_out(text, integer, bigint[]) IS
	'picks what a locked consumer is told next, and notes that it is handed out; NULL: nothing';
