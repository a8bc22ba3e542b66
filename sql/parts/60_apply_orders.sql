/*
 * Orders on their way from a page to the tables.
 *
 * A page's bodies arrive as text.  Three sieves stand before anything is
 * locked or written: the digest of the same source, the age of the record, and
 * the record as it would be stored.  Unchanged is only what is there: the part on
 * missing rows.  What passes is merged into the order's
 * payload, and every column is a projection of the merged payload: one query
 * for new and changed orders alike, so that sources of different field sets
 * never undo one another and a new column can be filled without a call.
 *
 * Rules of the merge.  A newer record writes all that its source serves; at
 * equal age so does an equal or richer source (history < increment < list <
 * details).  A poorer one writes only where a column is left to it, one that no
 * source has written at this age, and only once.  But a second has room for two
 * versions of a record, and modified does not tell them apart: one of equal age
 * whose state is another one (status, payment, times, the state of a line) is
 * another version, and the one that was read later counts as the newer.  A served
 * field that is not there becomes NULL.  Lines merge by oid; a line that a record leaves out
 * stays: nothing that was stored is lost.
 *
 * Plans.  These statements run for every page, most of them wide, against
 * tables that may never have been analysed: planning each time would cost more
 * than running them, a plan kept from empty tables may scan a whole shop.  So
 * the plans are generic and their shape leaves no choice: payload tables, which
 * have one index, are looked up in LATERAL subqueries that cannot be flattened,
 * all else is written through ON CONFLICT, whose index is named.  The few
 * statements that join tables with several indexes are EXECUTEd, hence planned
 * anew for what the tables are at that time.
 *
 * Locks: payload rows by key, the numbers of the orders, then orders, sub-orders,
 * after-sales.  The lock on a payload row stands for its order; what refunds and
 * orders derive from each other is kept whole by the locks of the numbers: see
 * lock_orders.
 */
CREATE FUNCTION ordersync.apply_orders(
	p_shop bigint,
	p_source text,
	p_run bigint,
	p_task bigint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_add text[] DEFAULT NULL,
	p_drop text[] DEFAULT NULL,
	p_read_at timestamptz DEFAULT NULL,
	p_mended bigint[] DEFAULT NULL,
	OUT n_new integer,
	OUT n_changed integer,
	OUT n_unchanged integer
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
DECLARE
	v_rank smallint := pg_catalog.array_position(
		ARRAY['history', 'increment', 'list', 'details'], p_source);
	v_bit smallint := 1 << (v_rank - 1);
	v_total integer;
	v_fresh integer[];			-- positions of records whose order is not stored
	v_known integer[];			-- positions of records that may change a stored one
	n_tids bigint[];
	n_modified timestamptz[];
	n_payloads jsonb[];
	c_ords integer[];
	c_tids bigint[];
	c_modified timestamptz[];
	c_ranks smallint[];
	c_sources smallint[];
	c_ctids tid[];
	c_xmins xid[];
	c_cuts boolean[];			-- whether the stored one's payload is cut
	c_olds jsonb[];
	c_payloads jsonb[];
	c_touches boolean[];
	v_keeps text;				-- the shop's option payloads: keep, off or an age
	v_hidden text[];			-- fields that the shop does not want stored
	v_drop text[];
	v_line_drop text[];
	v_mask smallint;			-- sources of richer records of equal age, mostly the same in all of a page
	v_none_left boolean;		-- they have written all columns that this one serves
	v_no_order bigint[];		-- records that have no row of orders
	v_no_lines bigint[];		-- records that lack lines
	v_gone boolean;				-- rows are gone of records that were stored
	v_restored bigint[];
	v_read_at timestamptz := COALESCE(p_read_at,
		pg_catalog.clock_timestamp() + COALESCE(ordersync.clock_offset(p_shop), '0'));
	v_nulls jsonb;				-- added fields, of the order and of its lines
	v_line_nulls jsonb;
	v_fills boolean := false;	-- there are some
	v_unserved text[];			-- dropped ones
	v_line_unserved text[];
	v_left text[];
	v_taken text[];
	v_line_left text[];
	v_line_taken text[];
	v_same boolean;
BEGIN
	IF v_rank IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unknown source of orders "%s"', p_source);
	END IF;

	IF p_add IS NOT NULL THEN
		v_nulls := ordersync.added_nulls(p_add, 'trade');
		v_line_nulls := ordersync.added_nulls(p_add, 'order');
		v_fills := v_nulls IS NOT NULL OR v_line_nulls IS NOT NULL;
	END IF;
	IF p_drop IS NOT NULL THEN
		v_unserved := ordersync.option_fields(p_drop, 'trade');
		v_line_unserved := ordersync.option_fields(p_drop, 'order');
	END IF;

	/*
	 * The sieves that need no jsonb: digest and age.  The same id twice is one
	 * record.  From here on every set keeps the order of the ids: aggregates
	 * take their rows as the sorted subquery below them hands them out.
	 */
	SELECT v.total, v.fresh, v.known, v.mask
	INTO v_total, v_fresh, v_known, v_mask
	FROM ordersync.sieve_orders(p_shop, v_rank, p_ids, p_modified, p_digests) v;
	SELECT m.no_order, m.no_lines
	INTO v_no_order, v_no_lines
	FROM ordersync.missing_orders(p_shop, p_ids) m;
	v_gone := v_no_lines IS NOT NULL
		OR v_no_order IS DISTINCT FROM (
			SELECT pg_catalog.array_agg(p_ids[f.ord])
			FROM pg_catalog.unnest(v_fresh) AS f (ord));

	PERFORM ordersync.note_listed(p_shop, p_source, p_ids);

	n_new := 0;
	n_changed := 0;
	n_unchanged := v_total;
	IF v_fresh IS NULL AND v_known IS NULL AND NOT v_gone THEN
		PERFORM ordersync.resolve_records(p_shop, 'orders', p_ids, p_source, p_modified, p_mended);
		RETURN;
	END IF;

	PERFORM pg_catalog.pg_advisory_xact_lock_shared(ordersync.apply_lock_key(p_shop));
	SELECT r.keeps, r.hidden
	INTO v_keeps, v_hidden
	FROM ordersync.payload_rules(p_shop) r;
	IF v_gone THEN
		v_restored := ordersync.add_order_payloads(p_shop, ARRAY(
			SELECT p_ids[f.ord]
			FROM pg_catalog.unnest(v_fresh) AS f (ord)
			WHERE p_ids[f.ord] <> ALL (COALESCE(v_no_order, '{}'))));
		PERFORM ordersync.forget_cut_orders(p_shop, v_no_order, v_no_lines);
		SELECT v.fresh, v.known, v.mask
		INTO v_fresh, v_known, v_mask
		FROM ordersync.sieve_orders(p_shop, v_rank, p_ids, p_modified, p_digests) v;
	END IF;
	IF v_fills THEN
		SELECT pg_catalog.array_agg(
			CASE WHEN b.ord = ANY (v_fresh || v_known)
				THEN ordersync.mark_added(b.body::jsonb, v_nulls, v_line_nulls)::text END
			ORDER BY b.ord)
		INTO p_bodies
		FROM pg_catalog.unnest(p_bodies) WITH ORDINALITY AS b (body, ord);
	END IF;

	IF v_fresh IS NOT NULL THEN
		WITH ins AS (
			INSERT INTO ordersync.order_payloads (
				shop_id, tid, rank, sources, modified, read_at,
				digest_history, digest_increment, digest_list, digest_details, payload)
			SELECT p_shop, p_ids[f.ord], v_rank, v_bit, p_modified[f.ord], v_read_at,
				CASE v_rank WHEN 1 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 2 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 3 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 4 THEN p_digests[f.ord] END,
				CASE
					WHEN v_keeps = 'off' THEN NULL
					WHEN ordersync.has_plain_lines(b.body) THEN b.body
					ELSE ordersync.plain_lines(b.body)
				END
			FROM pg_catalog.unnest(v_fresh) AS f (ord),
				LATERAL (SELECT p_bodies[f.ord]::jsonb - v_hidden AS body OFFSET 0) b
			ON CONFLICT DO NOTHING
			RETURNING tid, modified, payload
		)
		SELECT pg_catalog.array_agg(ins.tid), pg_catalog.array_agg(ins.modified),
			pg_catalog.array_agg(ins.payload)
		INTO n_tids, n_modified, n_payloads
		FROM ins;

		IF v_keeps = 'off' THEN
			-- what was not stored was not returned either
			SELECT pg_catalog.array_agg(
				CASE
					WHEN ordersync.has_plain_lines(b.body) THEN b.body
					ELSE ordersync.plain_lines(b.body)
				END)
			INTO n_payloads
			FROM pg_catalog.unnest(v_fresh) AS f (ord),
				LATERAL (SELECT p_bodies[f.ord]::jsonb - v_hidden AS body OFFSET 0) b
			WHERE p_ids[f.ord] = ANY (n_tids);
		END IF;

		n_new := COALESCE(pg_catalog.cardinality(n_tids), 0);
		IF n_new < pg_catalog.cardinality(v_fresh) THEN
			-- somebody else stored them meanwhile: they are known now
			SELECT pg_catalog.array_agg(k.ord ORDER BY p_ids[k.ord])
			INTO v_known
			FROM pg_catalog.unnest(v_fresh || v_known) AS k (ord)
			WHERE n_tids IS NULL OR p_ids[k.ord] <> ALL (n_tids);
		END IF;
	END IF;

	IF v_known IS NOT NULL THEN
		v_drop := ordersync.fields_but(ordersync.served_fields(p_source, 'trade'), v_unserved);
		v_line_drop := ordersync.fields_but(ordersync.served_fields(p_source, 'order'), v_line_unserved);
	END IF;
	IF v_mask IS NOT NULL THEN
		v_none_left := NOT ordersync.order_columns_left(p_source, v_mask);
		v_left := ordersync.fields_left(p_source, v_mask, 'trade', v_unserved);
		v_taken := ordersync.fields_taken(v_mask, 'trade');
		v_line_left := ordersync.fields_left(p_source, v_mask, 'order', v_line_unserved);
		v_line_taken := ordersync.fields_taken(v_mask, 'order');
	END IF;

	-- what would be stored differently; decided without a lock, again when a row moved
	WHILE v_known IS NOT NULL LOOP
		SELECT pg_catalog.array_agg(m.ord), pg_catalog.array_agg(m.tid),
			pg_catalog.array_agg(m.new_modified),
			pg_catalog.array_agg(m.new_rank),
			pg_catalog.array_agg(m.new_sources),
			pg_catalog.array_agg(m.row_ctid),
			pg_catalog.array_agg(m.row_xmin),
			pg_catalog.array_agg(m.row_cut),
			pg_catalog.array_agg(m.payload),
			pg_catalog.array_agg(m.merged),
			pg_catalog.array_agg(
				v_rank = 4 OR m.replaces
					OR ordersync.order_columns_differ(m.payload, m.merged))
		INTO c_ords, c_tids, c_modified, c_ranks, c_sources, c_ctids, c_xmins, c_cuts, c_olds,
			c_payloads, c_touches
		FROM (
			SELECT k.ord, p.*, n.new_modified, a.replaces,
				CASE WHEN a.replaces THEN v_rank ELSE GREATEST(p.rank, v_rank) END AS new_rank,
				CASE
					WHEN a.replaces THEN v_bit
					WHEN p.only_fills THEN p.sources
					ELSE p.sources | v_bit
				END AS new_sources,
				CASE
					WHEN a.replaces OR v_rank >= p.rank THEN
						ordersync.merge_order(p.payload, n.body, v_drop, NULL, v_line_drop, NULL)
					WHEN p.only_fills THEN
						ordersync.fill_added(p.payload, n.body, v_nulls, v_line_nulls)
					WHEN p.none_left THEN
						p.payload
					ELSE
						ordersync.merge_order(p.payload, n.body, l.left_fields, l.taken_fields,
							l.left_line_fields, l.taken_line_fields)
				END AS merged
			FROM pg_catalog.unnest(v_known) AS k (ord),
				LATERAL (
					SELECT p.tid, p.rank, p.sources, p.modified, p.read_at,
						COALESCE(p.payload,
							(SELECT ordersync.orders_of_columns(p_shop, p_ids)) -> p.tid::text, '{}') AS payload,
						p.payload IS NULL AS row_cut, p.ctid AS row_ctid, p.xmin AS row_xmin,
						r.none_left,
						-- nothing is left to it but what was added since
						r.none_left AND v_fills AND p.payload IS NOT NULL AS only_fills
					FROM ordersync.order_payloads p,
						LATERAL (
							SELECT p_modified[k.ord] = p.modified AND v_rank < p.rank AND CASE p.sources
								WHEN v_mask THEN v_none_left
								ELSE NOT ordersync.order_columns_left(p_source, p.sources)
							END AS none_left
							OFFSET 0
						) r
					WHERE p.shop_id = p_shop
						AND p.tid = p_ids[k.ord]
						AND p_modified[k.ord] >= p.modified
					OFFSET 0
				) p,
				LATERAL (
					-- a poorer source leaves alone what the sources of this age have written
					SELECT
						CASE p.sources WHEN v_mask THEN v_left ELSE
							ordersync.fields_left(p_source, p.sources, 'trade', v_unserved) END AS left_fields,
						CASE p.sources WHEN v_mask THEN v_taken ELSE
							ordersync.fields_taken(p.sources, 'trade') END AS taken_fields,
						CASE p.sources WHEN v_mask THEN v_line_left ELSE
							ordersync.fields_left(p_source, p.sources, 'order', v_line_unserved) END AS left_line_fields,
						CASE p.sources WHEN v_mask THEN v_line_taken ELSE
							ordersync.fields_taken(p.sources, 'order') END AS taken_line_fields
				) l,
				LATERAL (SELECT p_bodies[k.ord]::jsonb - v_hidden AS raw OFFSET 0) b,
				LATERAL (
					SELECT p_modified[k.ord] AS new_modified,
						CASE
							WHEN ordersync.has_plain_lines(b.raw) THEN b.raw
							ELSE ordersync.plain_lines(b.raw)
						END AS body
					OFFSET 0
				) n,
				LATERAL (
					SELECT n.new_modified = p.modified AND ordersync.is_another_version(p.payload, n.body) AS same_second
					OFFSET 0
				) s,
				LATERAL (SELECT n.new_modified > p.modified OR s.same_second AS replaces OFFSET 0) a
			-- of two versions of one second the later reading counts
			WHERE NOT (s.same_second AND COALESCE(v_read_at < p.read_at, false))
			OFFSET 0
		) m
		WHERE m.replaces
			OR m.merged IS DISTINCT FROM m.payload
				AND (v_rank >= m.rank OR v_fills AND NOT m.row_cut
					OR ordersync.order_columns_differ(m.payload, m.merged));

		EXIT WHEN c_ords IS NULL;

		SELECT pg_catalog.bool_and(p.ctid = c.row_ctid AND p.xmin = c.row_xmin)
		INTO v_same
		FROM ROWS FROM (
			pg_catalog.unnest(c_tids), pg_catalog.unnest(c_ctids), pg_catalog.unnest(c_xmins)
		) AS c (tid, row_ctid, row_xmin),
			LATERAL (
				SELECT p.ctid, p.xmin
				FROM ordersync.order_payloads p
				WHERE p.shop_id = p_shop
					AND p.tid = c.tid
				FOR NO KEY UPDATE
			) p;

		EXIT WHEN v_same;
		v_known := c_ords;
	END LOOP;

	IF c_ords IS NOT NULL THEN
		n_changed := pg_catalog.cardinality(c_ords);
		INSERT INTO ordersync.order_payloads AS p (
			shop_id, tid, rank, sources, modified, read_at,
			digest_history, digest_increment, digest_list, digest_details, payload)
		SELECT p_shop, c.tid, c.rank, c.sources, c.modified, v_read_at,
			CASE v_rank WHEN 1 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 2 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 3 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 4 THEN p_digests[c.ord] END,
			CASE WHEN ordersync.is_kept(v_keeps, c.cut) THEN c.payload END
		FROM ROWS FROM (
			pg_catalog.unnest(c_ords), pg_catalog.unnest(c_tids), pg_catalog.unnest(c_ranks),
			pg_catalog.unnest(c_sources), pg_catalog.unnest(c_modified),
			pg_catalog.unnest(c_payloads), pg_catalog.unnest(c_cuts)
		) AS c (ord, tid, rank, sources, modified, payload, cut)
		ON CONFLICT (shop_id, tid) DO UPDATE
		SET rank = excluded.rank,
			sources = excluded.sources,
			modified = excluded.modified,
			-- another version of that second: what other sources said of the one before is no news of it
			read_at = CASE excluded.sources WHEN v_bit THEN excluded.read_at ELSE GREATEST(p.read_at, excluded.read_at) END,
			digest_history = CASE WHEN v_rank = 1 THEN excluded.digest_history WHEN excluded.sources <> v_bit OR excluded.modified > p.modified THEN p.digest_history END,
			digest_increment = CASE WHEN v_rank = 2 THEN excluded.digest_increment WHEN excluded.sources <> v_bit OR excluded.modified > p.modified THEN p.digest_increment END,
			digest_list = CASE WHEN v_rank = 3 THEN excluded.digest_list WHEN excluded.sources <> v_bit OR excluded.modified > p.modified THEN p.digest_list END,
			digest_details = CASE WHEN v_rank = 4 THEN excluded.digest_details WHEN excluded.sources <> v_bit OR excluded.modified > p.modified THEN p.digest_details END,
			payload = excluded.payload;
	END IF;

	PERFORM ordersync.lock_orders(p_shop, n_tids || c_tids || v_no_order || v_no_lines, false);
	IF n_new > 0 OR n_changed > 0 THEN
		PERFORM ordersync.record_order_changes(p_shop, p_run, p_task,
			n_tids, n_modified, n_payloads, c_tids, c_modified, c_olds, c_payloads);
		PERFORM ordersync.write_orders(p_shop, p_source, p_run, p_task,
			n_tids, n_modified, n_payloads, c_tids, c_modified, c_payloads, c_touches);
	END IF;
	IF v_gone THEN
		v_restored := v_restored || ordersync.restore_orders(p_shop, p_source, p_run, p_task, v_no_order || v_no_lines);
		PERFORM ordersync.recall_orders(p_shop, ARRAY(
			SELECT o.tid
			FROM pg_catalog.unnest(v_no_order) AS o (tid)
			WHERE o.tid <> ALL (COALESCE(n_tids, '{}'))));
		n_changed := n_changed + (
			SELECT pg_catalog.count(DISTINCT r.tid)
			FROM pg_catalog.unnest(v_restored) AS r (tid)
			WHERE r.tid <> ALL (COALESCE(n_tids || c_tids, '{}')));
	END IF;
	n_unchanged := v_total - n_new - n_changed;
	PERFORM ordersync.resolve_records(p_shop, 'orders', p_ids, p_source, p_modified, p_mended);
END
$function$;
COMMENT ON FUNCTION ordersync.apply_orders(bigint, text, bigint, bigint, bigint[], timestamptz[], bytea[], text[], text[], text[], timestamptz, bigint[]) IS
	'stores a page of orders by the upsert rules; writes and locks nothing for records that change nothing';

CREATE FUNCTION ordersync.sieve_orders(
	p_shop bigint,
	p_rank smallint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	OUT total integer,
	OUT fresh integer[],
	OUT known integer[],
	OUT mask smallint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	SELECT pg_catalog.count(*),
		pg_catalog.array_agg(u.ord) FILTER (WHERE p.modified IS NULL),
		pg_catalog.array_agg(u.ord) FILTER (
			WHERE u.modified >= p.modified AND u.digest IS DISTINCT FROM p.digest),
		pg_catalog.max(p.sources) FILTER (
			WHERE u.modified = p.modified AND p_rank < p.rank AND u.digest IS DISTINCT FROM p.digest)
	INTO total, fresh, known, mask
	FROM (
		SELECT DISTINCT ON (r.id) r.id, r.modified, r.digest, r.ord::integer AS ord
		FROM ROWS FROM (
			pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified), pg_catalog.unnest(p_digests)
		) WITH ORDINALITY AS r (id, modified, digest, ord)
		ORDER BY r.id, r.modified DESC, r.ord
	) u
	LEFT JOIN LATERAL (
		SELECT p.modified, p.rank, p.sources,
			CASE p_rank
				WHEN 1 THEN p.digest_history
				WHEN 2 THEN p.digest_increment
				WHEN 3 THEN p.digest_list
				ELSE p.digest_details
			END AS digest
		FROM ordersync.order_payloads p
		WHERE p.shop_id = p_shop
			AND p.tid = u.id
		OFFSET 0
	) p ON true;
END
$function$;
COMMENT ON FUNCTION ordersync.sieve_orders(bigint, smallint, bigint[], timestamptz[], bytea[]) IS
	'how many orders these are; the positions of those that are not stored, and of those that may change a stored one, by digest and age; and the sources of richer ones of equal age';
