/*
 * CALL ordersync_reproject: rows written again from the payloads they come from.
 *
 * After a release that has a new column, or reads one better, it fills that
 * column for the orders that are stored already, without a call.  Rows that do
 * not differ are not written, what rows remember (paid amounts, times of ours)
 * stays, and the lifecycle gets no entry: nothing has changed on the platform.
 * Orders whose payload is not kept are left as they are.  Rows that are gone are
 * written again from their payload, and a payload that is gone is made of the
 * columns, as far as these go.
 *
 * A procedure that commits batch by batch, so that it may be stopped and begun
 * again, and no lock is held for long.  For that it cannot be SECURITY DEFINER:
 * it reads by the caller's rights and has each batch written by a function that
 * is.  A batch excludes the shop's pages, hence needs no lock on payloads.
 */
CREATE OR REPLACE PROCEDURE @extschema@.ordersync_reproject(
	shop_ids bigint[] DEFAULT NULL,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL)
LANGUAGE plpgsql
AS $procedure$
DECLARE
	v_shop bigint;
	v record;
	v_stream text;
	v_read bigint;
	v_written bigint;
	v_part record;
	v_say_at timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 second';
BEGIN
	PERFORM ordersync.prevent_transaction_block('ordersync_reproject');
	COMMIT;						-- called by a function it fails here, before anything is written
	PERFORM ordersync.reproject_recorded(shop_ids, since, until);
	FOR v_shop IN
		SELECT r.id
		FROM ordersync.reproject_shops(shop_ids) AS r (id)
	LOOP
		FOREACH v_stream IN ARRAY ARRAY['orders', 'after_sales'] LOOP
			v_read := 0;
			v_written := 0;
			-- the loop's query is read to its end at the first commit
			FOR v IN
				SELECT b.ids, b.total
				FROM ordersync.reproject_batches(v_stream, v_shop, since, until) b
			LOOP
				v_read := v_read OPERATOR(pg_catalog.+) pg_catalog.cardinality(v.ids)::bigint;
				SELECT p.written, p.refused, p.message
				INTO v_part
				FROM ordersync.reproject_parts(v_stream, v_shop, v.ids) p;
				v_written := v_written OPERATOR(pg_catalog.+) v_part.written::bigint;
				COMMIT;
				IF v_part.refused IS NOT NULL THEN
					RAISE WARNING USING
						MESSAGE = pg_catalog.format('shop %s: the database refuses %s of %s %s, which stay as they are',
							v_shop, pg_catalog.cardinality(v_part.refused), pg_catalog.cardinality(v.ids), v_stream),
						DETAIL = pg_catalog.format('The first is %s: %s', v_part.refused[1], v_part.message),
						HINT = 'When that is fixed, call ordersync_reproject again.';
				END IF;
				IF pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>=) v_say_at THEN
					RAISE NOTICE USING
						MESSAGE = pg_catalog.format('shop %s: %s of %s %s read, %s rows written',
							v_shop, v_read, v.total, v_stream, v_written);
					v_say_at := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 second';
				END IF;
			END LOOP;
			RAISE NOTICE USING
				MESSAGE = pg_catalog.format('shop %s: all %s %s read, %s rows written', v_shop, v_read, v_stream, v_written);
		END LOOP;
	END LOOP;
END
$procedure$;
COMMENT ON PROCEDURE @extschema@.ordersync_reproject(bigint[], timestamptz, timestamptz) IS
	'writes the rows of these shops that were created in a range again from their payloads, in batches; not in a transaction block';

CREATE OR REPLACE FUNCTION ordersync.reproject_recorded(p_shops bigint[], p_since timestamptz, p_until timestamptz)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT ordersync.record_action('rows written again',
		CASE cardinality(p_shops) WHEN 1 THEN p_shops[1] END,
		p_details => jsonb_build_object('shops', p_shops, 'since', p_since, 'until', p_until))
$function$;
COMMENT ON FUNCTION ordersync.reproject_recorded(bigint[], timestamptz, timestamptz) IS
	'writes into ordersync.setup_history who had rows written again';

CREATE OR REPLACE FUNCTION ordersync.reproject_shops(p_shops bigint[])
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_shop bigint;
BEGIN
	-- a removed shop's rows are written again too; any other number is a mistake
	FOR v_shop IN
		SELECT i.id
		FROM unnest(p_shops) AS i (id)
		WHERE NOT EXISTS (
			SELECT
			FROM ordersync.stored_shops s
			WHERE s.shop_id = i.id)
	LOOP
		PERFORM ordersync.check_shop(v_shop);
	END LOOP;

	RETURN QUERY
	SELECT s.shop_id
	FROM ordersync.stored_shops s
	WHERE p_shops IS NULL
		OR s.shop_id = ANY (p_shops)
	UNION
	-- all of its rows may be gone
	SELECT s.shop_id
	FROM ordersync.shops s
	WHERE p_shops IS NULL
		AND COALESCE(s.shop_id = ANY ((SELECT ordersync.allowed_shops())::bigint[]), true)
	UNION
	SELECT i.id
	FROM unnest(p_shops) AS i (id)
	ORDER BY 1;
END
$function$;
COMMENT ON FUNCTION ordersync.reproject_shops(bigint[]) IS
	'the shops whose rows are written again, all that are stored or those named; raises an error for one that does not exist';

CREATE OR REPLACE FUNCTION ordersync.reproject_batches(
	p_stream text,
	p_shop bigint,
	p_since timestamptz,
	p_until timestamptz)
RETURNS TABLE (ids bigint[], total bigint)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
	PERFORM ordersync.check_allowed(p_shop);
	IF p_stream = 'orders' THEN
		RETURN QUERY
		SELECT array_agg(n.tid ORDER BY n.tid), min(n.total)
		FROM (
			SELECT w.tid, row_number() OVER (ORDER BY w.created_date, w.tid) AS n, count(*) OVER () AS total
			FROM (
				SELECT o.tid, o.created_date
				FROM ordersync.orders o
				WHERE o.shop_id = p_shop
					AND (p_since IS NULL
						OR o.created_date >= (p_since AT TIME ZONE 'Asia/Shanghai')::date AND o.created >= p_since)
					AND (p_until IS NULL
						OR o.created_date <= (p_until AT TIME ZONE 'Asia/Shanghai')::date AND o.created < p_until)
				UNION ALL
				SELECT g.id, (g.created AT TIME ZONE 'Asia/Shanghai')::date
				FROM ordersync.records_without_rows('orders', p_shop) g
				WHERE (p_since IS NULL OR g.created >= p_since)
					AND (p_until IS NULL OR g.created < p_until)
			) w
		) n
		GROUP BY (n.n - 1) / 500
		ORDER BY (n.n - 1) / 500;
	ELSE
		RETURN QUERY
		SELECT array_agg(n.refund_id ORDER BY n.refund_id), min(n.total)
		FROM (
			SELECT w.refund_id, row_number() OVER (ORDER BY w.refund_id) AS n, count(*) OVER () AS total
			FROM (
				SELECT a.refund_id
				FROM ordersync.after_sales a
				WHERE a.shop_id = p_shop
					AND (p_since IS NULL OR a.created >= p_since)
					AND (p_until IS NULL OR a.created < p_until)
				UNION ALL
				SELECT g.id
				FROM ordersync.records_without_rows('after_sales', p_shop) g
				WHERE (p_since IS NULL OR g.created >= p_since)
					AND (p_until IS NULL OR g.created < p_until)
			) w
		) n
		GROUP BY (n.n - 1) / 500
		ORDER BY (n.n - 1) / 500;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.reproject_batches(text, bigint, timestamptz, timestamptz) IS
	'the orders or after-sales of a shop created in a range, in arrays of up to 500, each with the number of all';

/* As a page is stored: in one piece, and where the database refuses that, by parts. */
CREATE OR REPLACE FUNCTION ordersync.reproject_parts(
	p_stream text,
	p_shop bigint,
	p_ids bigint[],
	OUT written integer,
	OUT refused bigint[],
	OUT message text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_parts integer[] := ARRAY[1, cardinality(p_ids)];	-- to be written: from, to, the next one last
	v_from integer;
	v_to integer;
	v_state text;
	v_message text;
BEGIN
	PERFORM ordersync.check_allowed(p_shop);
	written := 0;
	WHILE cardinality(v_parts) > 0 LOOP
		v_from := v_parts[cardinality(v_parts) - 1];
		v_to := v_parts[cardinality(v_parts)];
		v_parts := v_parts[: cardinality(v_parts) - 2];
		BEGIN
			written := written + ordersync.reproject_batch(p_stream, p_shop, p_ids[v_from : v_to]);
		EXCEPTION
			WHEN assert_failure OR OTHERS THEN
				GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
				IF ordersync.refusal_kind(v_state) IS NULL THEN
					RAISE;
				END IF;
				IF v_from = v_to THEN
					refused := refused || p_ids[v_from];
					message := COALESCE(message, v_message);
				ELSE
					v_parts := v_parts || ARRAY[(v_from + v_to) / 2 + 1, v_to, v_from, (v_from + v_to) / 2];
				END IF;
		END;
	END LOOP;

	-- no matter of one record
	IF cardinality(refused) = cardinality(p_ids) AND (cardinality(p_ids) > 20 OR ordersync.refusal_kind(v_state) = 'object') THEN
		RAISE EXCEPTION USING
			ERRCODE = v_state,
			MESSAGE = v_message,
			HINT = format('The database refuses all %s %s that were to be written. What was written before stays; when that is fixed, call ordersync_reproject again.',
				cardinality(p_ids), p_stream);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.reproject_parts(text, bigint, bigint[]) IS
	'writes these orders or after-sales of a shop again as far as the database takes them; how many rows differed, and those that it refuses with the first message';

CREATE OR REPLACE FUNCTION ordersync.reproject_batch(p_stream text, p_shop bigint, p_ids bigint[])
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
DECLARE
	v_ids bigint[];
	v_rows ordersync.applied[];
	v_written integer;
	v_gone bigint[];			-- those that have no row
BEGIN
	PERFORM ordersync.check_allowed(p_shop);
	PERFORM pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop));

	-- ids come sorted, and so they go on
	IF p_stream = 'orders' THEN
		PERFORM ordersync.add_order_payloads(p_shop, p_ids);
		v_gone := (ordersync.missing_orders(p_shop, p_ids)).no_order;
		PERFORM ordersync.restore_orders(p_shop, NULL, v_gone);
		PERFORM ordersync.refill_orders(p_shop, v_gone);
		SELECT array_agg(p.tid), array_agg(ordersync.stored_as(p.tid, p.modified, p.payload))
		INTO v_ids, v_rows
		FROM unnest(p_ids) AS i (id),
			LATERAL (
				SELECT p.tid, p.modified, p.payload
				FROM ordersync.order_payloads p
				WHERE p.shop_id = p_shop
					AND p.tid = i.id
					AND p.payload IS NOT NULL
				OFFSET 0
			) p;
		IF v_ids IS NULL THEN
			RETURN 0;
		END IF;
		PERFORM ordersync.write_orders(p_shop, NULL, NULL, NULL, NULL, v_rows);
		PERFORM ordersync.count_lines(p_shop, COALESCE((ordersync.missing_orders(p_shop, v_ids)).no_lines, '{}'));
		EXECUTE
			'SELECT count(*), array_agg(DISTINCT w.tid) FROM ( '
				'SELECT o.tid FROM ordersync.orders o '
				'WHERE o.shop_id = $1 AND o.tid = ANY ($2) AND o.synced_at = now() '
				'UNION ALL '
				'SELECT s.tid FROM ordersync.sub_orders s '
				'WHERE s.shop_id = $1 AND s.tid = ANY ($2) AND s.synced_at = now()) w'
		INTO v_written, v_ids
		USING p_shop, v_ids;
		PERFORM ordersync.announce_records('order', p_shop, v_ids);
	ELSE
		PERFORM ordersync.add_after_sale_payloads(p_shop, p_ids);
		v_gone := ordersync.missing_after_sales(p_shop, p_ids);
		PERFORM ordersync.restore_after_sales(p_shop, v_gone);
		PERFORM ordersync.refill_after_sales(p_shop, v_gone);
		SELECT array_agg(p.refund_id), array_agg(ordersync.stored_as(p.refund_id, p.modified, p.payload))
		INTO v_ids, v_rows
		FROM unnest(p_ids) AS i (id),
			LATERAL (
				SELECT p.refund_id, p.modified, p.payload
				FROM ordersync.after_sale_payloads p
				WHERE p.shop_id = p_shop
					AND p.refund_id = i.id
					AND p.payload IS NOT NULL
				OFFSET 0
			) p;
		IF v_ids IS NULL THEN
			RETURN 0;
		END IF;
		PERFORM ordersync.write_after_sales(p_shop, NULL, NULL, NULL, v_rows);
		EXECUTE
			'SELECT count(*), array_agg(a.refund_id) FROM ordersync.after_sales a '
			'WHERE a.shop_id = $1 AND a.refund_id = ANY ($2) AND a.synced_at = now()'
		INTO v_written, v_ids
		USING p_shop, v_ids;
		PERFORM ordersync.announce_records('after_sale', p_shop, v_ids);
	END IF;
	RETURN v_written;
END
$function$;
COMMENT ON FUNCTION ordersync.reproject_batch(text, bigint, bigint[]) IS
	'writes these orders, with their lines, or after-sales of a shop again from their payloads; returns how many rows differed';
