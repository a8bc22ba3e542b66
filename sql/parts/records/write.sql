/*
 * Writing the rows that records come to, where they differ from what is there.
 *
 * Records that are stored for the first time have no row: theirs are inserted,
 * without a merge, a lock or a second look.  Should a row be there all the same (a
 * line that has moved from another order), they are written as changed ones are.
 * What rows of changed records remember is read from them locked; the rows are
 * written through ON CONFLICT, whose index is named.
 */

/* Without a source no record has come: rows are written again from what is stored. */
CREATE OR REPLACE FUNCTION ordersync.write_orders(
	p_shop bigint,
	p_source text,
	p_runs bigint[],
	p_tasks bigint[],
	p_stored ordersync.applied[],
	p_changed ordersync.applied[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_changed ordersync.applied[] := ordersync.with_changed_columns(p_changed);
	v_records ordersync.applied[] := ordersync.new_and_changed(p_stored, v_changed);
	v_suspects bigint[];
	v_refunds bigint[];			-- that lines name
	v_losers bigint[];			-- orders whose lines are another one's
	a pg_catalog.record;		-- what after-sales say of these orders
BEGIN
	IF v_records IS NULL THEN
		RETURN;					-- only fields that have no column
	END IF;
	SELECT f.*
	INTO a
	FROM (
		SELECT pg_catalog.array_agg(r.id) AS ids, pg_catalog.array_agg(r.modified) AS modified
		FROM ordersync.ids_of_records(v_records) AS r
	) r,
		LATERAL ordersync.after_sales_of(p_shop, r.ids, r.modified) f;

	IF p_stored IS NOT NULL THEN
		BEGIN
			SELECT i.suspects, i.refunds
			INTO v_suspects, v_refunds
			FROM ordersync.insert_orders(p_shop, p_source, p_runs, p_tasks, p_stored, a.refunded_tids,
				a.refunded_oids, a.lowered_oids) i;
		EXCEPTION
			WHEN unique_violation THEN
				PERFORM ordersync.record_first_seen(p_shop, p_runs, p_tasks, p_stored);
				v_changed := v_records;
		END;
	END IF;
	IF v_changed IS NOT NULL THEN
		v_suspects := v_suspects || ordersync.update_orders(p_shop, p_source, v_changed, a.refunded_tids);
		SELECT v_suspects || l.suspects, v_refunds || l.refunds, l.losers
		INTO v_suspects, v_refunds, v_losers
		FROM ordersync.update_lines(p_shop, p_source, v_changed, a.refunded_oids, a.lowered_oids) l;
	END IF;
	PERFORM ordersync.note_refunds(p_shop, v_refunds);
	IF v_losers IS NOT NULL THEN
		PERFORM ordersync.note_lost_lines(p_shop, v_records, v_losers);
	END IF;

	IF a.unlinked IS NOT NULL THEN
		PERFORM ordersync.link_after_sales(p_shop, a.unlinked);
	END IF;
	IF p_stored IS NOT NULL AND a.refund_ids IS NOT NULL THEN
		-- told without their orders until now
		PERFORM ordersync.announce_records('after_sale', p_shop, ARRAY(
			SELECT r.refund_id
			FROM ROWS FROM (pg_catalog.unnest(a.tids), pg_catalog.unnest(a.refund_ids)) AS r (tid, refund_id)
			WHERE r.tid IN (
				SELECT n.id
				FROM ordersync.ids_of_records(p_stored) AS n)));
	END IF;
	PERFORM ordersync.quarantine_values(p_shop, 'orders', p_runs, p_tasks, v_records, v_suspects);
END
$function$;
COMMENT ON FUNCTION ordersync.write_orders(bigint, text, bigint[], bigint[], ordersync.applied[], ordersync.applied[]) IS
	'writes the rows of orders and lines whose records were stored for the first time or changed; only rows that differ';

CREATE OR REPLACE FUNCTION ordersync.with_changed_columns(p_changed ordersync.applied[])
RETURNS ordersync.applied[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_rows ordersync.applied[];
BEGIN
	IF p_changed IS NOT NULL THEN
		SELECT pg_catalog.array_agg(r)
		INTO v_rows
		FROM pg_catalog.unnest(p_changed) AS r
		WHERE r.touches;
	END IF;
	RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION ordersync.with_changed_columns(ordersync.applied[]) IS
	'those of changed records whose columns may differ';

/* Mostly one of them is NULL, and the other need not be copied. */
CREATE OR REPLACE FUNCTION ordersync.new_and_changed(p_stored ordersync.applied[], p_changed ordersync.applied[])
RETURNS ordersync.applied[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_changed IS NULL THEN
		RETURN p_stored;
	ELSIF p_stored IS NULL THEN
		RETURN p_changed;
	END IF;
	RETURN p_stored || p_changed;
END
$function$;
COMMENT ON FUNCTION ordersync.new_and_changed(ordersync.applied[], ordersync.applied[]) IS
	'records that are stored for the first time and changed ones, together; NULL for none';

CREATE OR REPLACE FUNCTION ordersync.insert_orders(
	p_shop bigint,
	p_source text,
	p_runs bigint[],
	p_tasks bigint[],
	p_records ordersync.applied[],
	p_refunded_tids bigint[],
	p_refunded_oids bigint[],
	p_lowered_oids bigint[],
	OUT suspects bigint[],
	OUT refunds bigint[]
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_lines bigint[];
BEGIN
	WITH next AS MATERIALIZED (
		SELECT *
		FROM ordersync.next_orders(p_shop, p_source, p_records, NULL, p_refunded_tids)
	), ins AS (
		INSERT INTO ordersync.orders ({{orders.written}})
		SELECT {{orders.written n.#}}
		FROM next n
	), seen AS (
		INSERT INTO ordersync.order_changes (
			shop_id, object, id, tid, field, new_value, platform_time, run_id, task_id)
		SELECT n.shop_id, 'order', n.tid, n.tid, 'first_seen', NULLIF(n.status, ''), n.modified,
			p_runs[n.page], p_tasks[n.page]
		FROM next n
	)
	SELECT pg_catalog.array_agg(n.tid) FILTER (WHERE n.unreadable)
	INTO suspects
	FROM next n;

	WITH next AS MATERIALIZED (
		SELECT *
		FROM ordersync.next_lines(p_shop, p_source, p_records, NULL, p_refunded_oids, p_lowered_oids)
	), ins AS (
		INSERT INTO ordersync.sub_orders ({{sub_orders.written}})
		SELECT {{sub_orders.written n.#}}
		FROM next n
		WHERE n.oid IS NOT NULL
			AND NOT n.again
	)
	SELECT pg_catalog.array_agg(n.tid) FILTER (WHERE n.unreadable),
		pg_catalog.array_agg(n.refund_id) FILTER (WHERE n.refund_id > 0)
	INTO v_lines, refunds
	FROM next n;
	suspects := suspects || v_lines;
END
$function$;
COMMENT ON FUNCTION ordersync.insert_orders(bigint, text, bigint[], bigint[], ordersync.applied[], bigint[], bigint[], bigint[]) IS
	'inserts the rows of orders that are stored for the first time, of their lines, and the first of their lifecycle; returns which may hold what could not be read, and the refunds that the lines name';

CREATE OR REPLACE FUNCTION ordersync.update_orders(
	p_shop bigint,
	p_source text,
	p_records ordersync.applied[],
	p_refunded bigint[],
	OUT suspects bigint[]
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_was ordersync.remembered[] := ordersync.lock_order_rows(p_shop, p_records);
BEGIN
	WITH next AS MATERIALIZED (
		SELECT *
		FROM ordersync.next_orders(p_shop, p_source, p_records, v_was, p_refunded)
	), ins AS (
		INSERT INTO ordersync.orders AS o ({{orders.written}})
		SELECT {{orders.written n.#}}
		FROM next n
		ORDER BY n.tid
		ON CONFLICT (shop_id, tid) DO UPDATE
		SET (
				{{orders.updated}}
			) = ROW (
				{{orders.updated excluded.#}}
			)
		WHERE (
				{{orders.compared o.#}}
			) IS DISTINCT FROM (
				{{orders.compared excluded.#}}
			)
	)
	SELECT pg_catalog.array_agg(n.tid) FILTER (WHERE n.unreadable)
	INTO suspects
	FROM next n;
END
$function$;
COMMENT ON FUNCTION ordersync.update_orders(bigint, text, ordersync.applied[], bigint[]) IS
	'writes the rows of changed orders where they differ; returns which may hold what could not be read';

/*
 * A line that has moved to another order is not taken back by an older record of the
 * first.  The lock on a payload's row stands for its order, and not for a line that
 * another order names too: where that one's transaction has stored the line meanwhile,
 * what its row remembers is not known here.  Such a row is left alone, locked, and
 * written in another pass.
 */
CREATE OR REPLACE FUNCTION ordersync.update_lines(
	p_shop bigint,
	p_source text,
	p_records ordersync.applied[],
	p_refunded bigint[],
	p_lowered bigint[],
	OUT suspects bigint[],
	OUT refunds bigint[],
	OUT losers bigint[]
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_was ordersync.remembered[] := ordersync.lock_line_rows(p_shop, p_records);
	v_known bigint[];			-- lines whose rows are locked
	v_refunds bigint[];
	v_losers bigint[];
	v_lines integer;
BEGIN
	LOOP
		v_known := ARRAY(
			SELECT w.id
			FROM pg_catalog.unnest(v_was) AS w);
		WITH next AS MATERIALIZED (
			SELECT *
			FROM ordersync.next_lines(p_shop, p_source, p_records, v_was, p_refunded, p_lowered)
		), ins AS (
			INSERT INTO ordersync.sub_orders AS s ({{sub_orders.written}})
			SELECT {{sub_orders.written n.#}}
			FROM (
				-- the same line in several records: the newest of them
				SELECT DISTINCT ON (n.oid) n.*
				FROM next n
				WHERE n.oid IS NOT NULL
					AND NOT n.again
				ORDER BY n.oid, n.modified DESC, n.line_no
			) n
			ORDER BY n.oid
			ON CONFLICT (shop_id, oid) DO UPDATE
			SET (
					{{sub_orders.updated}}
				) = ROW (
					{{sub_orders.updated excluded.#}}
				)
			WHERE (s.tid = excluded.tid OR s.modified <= excluded.modified)
				AND (
					{{sub_orders.compared s.#}}
				) IS DISTINCT FROM (
					{{sub_orders.compared excluded.#}}
				)
				AND s.oid = ANY (v_known)
			RETURNING s.oid, s.tid, s.refund_id
		)
		SELECT pg_catalog.array_agg(n.tid) FILTER (WHERE n.unreadable), pg_catalog.count(DISTINCT n.oid), (
			SELECT pg_catalog.array_agg(i.refund_id)
			FROM ins i
			WHERE i.refund_id > 0),
			pg_catalog.array_agg(CASE
				WHEN (n.oid, n.tid) IN (
					SELECT i.oid, i.tid
					FROM ins i) THEN n.moved_from
				ELSE n.tid
			END) FILTER (WHERE n.moved_from IS NOT NULL
				-- or it is another record's of these
				OR n.oid IN (
					SELECT i.oid
					FROM ins i)
				AND (n.oid, n.tid) NOT IN (
					SELECT i.oid, i.tid
					FROM ins i))
		INTO suspects, v_lines, v_refunds, v_losers
		FROM next n;
		refunds := refunds || v_refunds;
		losers := losers || v_losers;
		EXIT WHEN v_lines = pg_catalog.cardinality(v_known);

		-- lines that had no row: have all been inserted?
		v_was := ordersync.lock_line_rows(p_shop, p_records);
		EXIT WHEN NOT EXISTS (
			SELECT
			FROM pg_catalog.unnest(v_was) AS w
			WHERE w.first_seen_at IS DISTINCT FROM pg_catalog.now()
				AND w.id <> ALL (v_known));
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.update_lines(bigint, text, ordersync.applied[], bigint[], bigint[]) IS
	'writes the rows of changed orders'' lines where they differ; returns which orders may hold lines that could not be read, the refunds that the written lines name, and which orders have fewer lines than their records';

/*
 * A row that somebody else writes meanwhile stands elsewhere when its lock is had: it
 * is sought again, by another statement, which sees where.  One that was deleted is
 * not found again.
 */
CREATE OR REPLACE FUNCTION ordersync.lock_order_rows(p_shop bigint, p_records ordersync.applied[])
RETURNS ordersync.remembered[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_was ordersync.remembered[];
	v_moved boolean;
BEGIN
	LOOP
		SELECT pg_catalog.array_agg(
			ROW (o.tid, o.paid_at, o.paid_amount, o.paid_amount_frozen, NULL, o.platform_state, o.details_at,
				o.first_seen_at, o.tid)::ordersync.remembered),
			pg_catalog.bool_or(o.tid IS NULL)
		INTO v_was, v_moved
		FROM (
			SELECT f.row_ctid
			FROM ordersync.find_rows('ordersync.orders', 'tid', p_shop, ARRAY(
				SELECT r.id
				FROM ordersync.ids_of_records(p_records) AS r)) f
			ORDER BY f.id
		) f
		LEFT JOIN LATERAL (
			SELECT o.*
			FROM ordersync.orders o
			WHERE o.ctid = f.row_ctid
			FOR NO KEY UPDATE
		) o ON true;
		EXIT WHEN v_moved IS NOT TRUE;
	END LOOP;
	RETURN v_was;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_order_rows(bigint, ordersync.applied[]) IS
	'locks the rows of orders, sorted by id, and returns what they remember';

CREATE OR REPLACE FUNCTION ordersync.lock_line_rows(p_shop bigint, p_records ordersync.applied[])
RETURNS ordersync.remembered[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_was ordersync.remembered[];
	v_moved boolean;
BEGIN
	LOOP
		SELECT pg_catalog.array_agg(
			ROW (s.oid, s.paid_at, s.paid_amount, s.paid_amount_frozen, s.paid_amount_estimated, NULL, NULL,
				s.first_seen_at, s.tid)::ordersync.remembered),
			pg_catalog.bool_or(s.oid IS NULL)
		INTO v_was, v_moved
		FROM (
			SELECT f.row_ctid
			FROM ordersync.find_rows('ordersync.sub_orders', 'oid', p_shop, ARRAY(
				SELECT l.oid
				FROM ordersync.read_lines(p_records) l)) f
			ORDER BY f.id
		) f
		LEFT JOIN LATERAL (
			SELECT s.*
			FROM ordersync.sub_orders s
			WHERE s.ctid = f.row_ctid
			FOR NO KEY UPDATE
		) s ON true;
		EXIT WHEN v_moved IS NOT TRUE;
	END LOOP;
	RETURN v_was;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_line_rows(bigint, ordersync.applied[]) IS
	'locks the rows of the lines that these orders'' records hold, sorted by id, and returns what they remember';

/*
 * That an order was read is news of where the platform has it, also when the
 * record itself is no news.  Few orders are elsewhere than in the lists, and
 * these have an index of their own.
 */
CREATE OR REPLACE FUNCTION ordersync.note_listed(p_shop bigint, p_source text, p_tids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_state constant text := CASE p_source WHEN 'history' THEN 'archived' ELSE 'listed' END;
	v_noted bigint[];
BEGIN
	IF p_tids IS NULL THEN
		RETURN;
	END IF;
	WITH noted AS (
		UPDATE ordersync.orders o
		SET platform_state = v_state,
			synced_at = pg_catalog.now()
		WHERE o.shop_id = p_shop
			AND o.tid = ANY (p_tids)
			AND o.platform_state <> v_state
		RETURNING o.tid
	)
	SELECT pg_catalog.array_agg(n.tid)
	INTO v_noted
	FROM noted n;
	PERFORM ordersync.announce_records('order', p_shop, v_noted);
END
$function$;
COMMENT ON FUNCTION ordersync.note_listed(bigint, text, bigint[]) IS
	'notes in which list orders have been read';

CREATE OR REPLACE FUNCTION ordersync.write_after_sales(
	p_shop bigint,
	p_runs bigint[],
	p_tasks bigint[],
	p_stored ordersync.applied[],
	p_changed ordersync.applied[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_changed ordersync.applied[] := ordersync.with_changed_columns(p_changed);
	v_records ordersync.applied[] := ordersync.new_and_changed(p_stored, v_changed);
	v_was ordersync.remembered_after_sale[];
	v_suspects bigint[];
	v_refunds bigint[];
	l pg_catalog.record;		-- the orders, lines and items that are stored
BEGIN
	IF v_records IS NULL THEN
		RETURN;					-- only fields that have no column
	END IF;
	v_was := ordersync.remembered_after_sales(p_shop, v_changed);
	SELECT f.*
	INTO l
	FROM (
		SELECT pg_catalog.array_agg(r.tid ORDER BY r.ord) AS tids, pg_catalog.array_agg(r.oid ORDER BY r.ord) AS oids
		FROM ordersync.read_after_sales(v_records) r
	) r,
		LATERAL ordersync.lines_of(p_shop, r.tids, r.oids) f;
	PERFORM ordersync.freeze_paid_amounts(p_shop, l.tids, l.oids,
		pg_catalog.array_agg(r.modified ORDER BY r.ord),
		pg_catalog.array_agg(ordersync.is_refunded(r.status, r.dispute_type, w.turned_at) ORDER BY r.ord))
	FROM ordersync.read_after_sales(v_records) r
	LEFT JOIN pg_catalog.unnest(v_was) w ON w.id = r.refund_id;

	WITH next AS MATERIALIZED (
		SELECT *
		FROM ordersync.next_after_sales(p_shop, v_records, v_was, l.tids, l.oids, l.items)
	), ins AS (
		INSERT INTO ordersync.after_sales AS a ({{after_sales.written}})
		SELECT {{after_sales.written n.#}}
		FROM next n
		ORDER BY n.refund_id
		ON CONFLICT (shop_id, refund_id) DO UPDATE
		SET (
				{{after_sales.updated}}
			) = ROW (
				{{after_sales.updated excluded.#}}
			)
		WHERE (
				{{after_sales.compared a.#}}
			) IS DISTINCT FROM (
				{{after_sales.compared excluded.#}}
			)
		RETURNING a.refund_id
	)
	SELECT pg_catalog.array_agg(n.refund_id) FILTER (WHERE n.unreadable), (
		SELECT pg_catalog.array_agg(i.refund_id)
		FROM ins i)
	INTO v_suspects, v_refunds
	FROM next n;
	PERFORM ordersync.note_refunds(p_shop, v_refunds);
	PERFORM ordersync.quarantine_values(p_shop, 'after_sales', p_runs, p_tasks, v_records, v_suspects);
END
$function$;
COMMENT ON FUNCTION ordersync.write_after_sales(bigint, bigint[], bigint[], ordersync.applied[], ordersync.applied[]) IS
	'writes the rows of after-sales whose records were stored for the first time or changed, each linked to its order and line where these are stored; only rows that differ';

/* Its payload's lock stands for an after-sale; what links it meanwhile is excluded by the lock of its order's number. */
CREATE OR REPLACE FUNCTION ordersync.remembered_after_sales(p_shop bigint, p_records ordersync.applied[])
RETURNS ordersync.remembered_after_sale[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_was ordersync.remembered_after_sale[];
BEGIN
	IF p_records IS NOT NULL THEN
		SELECT pg_catalog.array_agg(
			ROW (a.refund_id, a.tid, a.oid, a.num_iid, a.refunded_at, a.closed_at, a.turned_at,
				a.first_seen_at)::ordersync.remembered_after_sale)
		INTO v_was
		FROM ordersync.find_rows('ordersync.after_sales', 'refund_id', p_shop, ARRAY(
			SELECT r.id
			FROM ordersync.ids_of_records(p_records) AS r)) f
		CROSS JOIN LATERAL (
			SELECT a.*
			FROM ordersync.after_sales a
			WHERE a.ctid = f.row_ctid
			OFFSET 0
		) a;
	END IF;
	RETURN v_was;
END
$function$;
COMMENT ON FUNCTION ordersync.remembered_after_sales(bigint, ordersync.applied[]) IS
	'what the rows of these after-sales remember';
