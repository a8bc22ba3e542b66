/*
 * After-sales on their way from a page to the tables.
 *
 * The same road as orders take, see there for the sieves, the merge, the plans
 * and the locks.  An after-sale finds its order and its line among those that
 * are stored, or is found by them when they come later; one that gave money
 * back freezes what its order and its line count as paid.
 */
CREATE FUNCTION ordersync.apply_after_sales(
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
	v_rank smallint := pg_catalog.array_position(ARRAY['special', 'list', 'details'], p_source);
	v_bit smallint := 1 << (v_rank - 1);
	v_total integer;
	v_fresh integer[];			-- positions of records whose after-sale is not stored
	v_known integer[];			-- positions of records that may change a stored one
	n_ids bigint[];
	n_modified timestamptz[];
	n_payloads jsonb[];
	c_ords integer[];
	c_ids bigint[];
	c_modified timestamptz[];
	c_ranks smallint[];
	c_sources smallint[];
	c_ctids tid[];
	c_xmins xid[];
	c_cuts boolean[];			-- whether the stored one's payload is cut
	c_olds jsonb[];
	c_payloads jsonb[];
	c_touches boolean[];
	v_no_row bigint[];			-- records that have no row of after_sales
	v_gone boolean;				-- rows are gone of records that were stored
	v_restored bigint[];
	v_read_at timestamptz := COALESCE(p_read_at,
		pg_catalog.clock_timestamp() + COALESCE(ordersync.clock_offset(p_shop), '0'));
	v_keeps text;				-- the shop's option payloads: keep, off or an age
	v_hidden text[];			-- fields that the shop does not want stored
	v_drop text[];
	v_nulls jsonb;				-- added fields
	v_fills boolean := false;	-- there are some
	v_unserved text[];			-- dropped ones
	v_same boolean;
BEGIN
	IF v_rank IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unknown source of after-sales "%s"', p_source);
	END IF;

	IF p_add IS NOT NULL THEN
		v_nulls := ordersync.added_nulls(p_add, 'refund');
		v_fills := v_nulls IS NOT NULL;
	END IF;
	IF p_drop IS NOT NULL THEN
		v_unserved := ordersync.option_fields(p_drop, 'refund');
	END IF;

	SELECT v.total, v.fresh, v.known
	INTO v_total, v_fresh, v_known
	FROM ordersync.sieve_after_sales(p_shop, v_rank, p_ids, p_modified, p_digests) v;
	v_no_row := ordersync.missing_after_sales(p_shop, p_ids);
	v_gone := v_no_row IS DISTINCT FROM (
		SELECT pg_catalog.array_agg(p_ids[f.ord])
		FROM pg_catalog.unnest(v_fresh) AS f (ord));

	n_new := 0;
	n_changed := 0;
	n_unchanged := v_total;
	IF v_fresh IS NULL AND v_known IS NULL AND NOT v_gone THEN
		PERFORM ordersync.resolve_records(p_shop, 'after_sales', p_ids, p_source, p_modified, p_mended);
		RETURN;
	END IF;

	IF v_gone THEN
		PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop));
	ELSE
		PERFORM pg_catalog.pg_advisory_xact_lock_shared(ordersync.apply_lock_key(p_shop));
	END IF;
	SELECT r.keeps, r.hidden
	INTO v_keeps, v_hidden
	FROM ordersync.payload_rules(p_shop) r;
	IF v_gone THEN
		v_restored := ordersync.add_after_sale_payloads(p_shop, ARRAY(
			SELECT p_ids[f.ord]
			FROM pg_catalog.unnest(v_fresh) AS f (ord)
			WHERE p_ids[f.ord] <> ALL (COALESCE(v_no_row, '{}'))));
		-- of one whose payload is cut nothing is left: it is new
		DELETE FROM ordersync.after_sale_payloads p
		WHERE p.shop_id = p_shop
			AND p.refund_id = ANY (v_no_row)
			AND p.payload IS NULL;
		SELECT v.total, v.fresh, v.known
		INTO v_total, v_fresh, v_known
		FROM ordersync.sieve_after_sales(p_shop, v_rank, p_ids, p_modified, p_digests) v;
	END IF;
	IF v_fills THEN
		SELECT pg_catalog.array_agg(
			CASE WHEN b.ord = ANY (v_fresh || v_known)
				THEN ordersync.mark_added(b.body::jsonb, v_nulls, NULL)::text END
			ORDER BY b.ord)
		INTO p_bodies
		FROM pg_catalog.unnest(p_bodies) WITH ORDINALITY AS b (body, ord);
	END IF;

	IF v_fresh IS NOT NULL THEN
		WITH ins AS (
			INSERT INTO ordersync.after_sale_payloads (
				shop_id, refund_id, rank, sources, modified, read_at,
				digest_special, digest_list, digest_details, payload)
			SELECT p_shop, p_ids[f.ord], v_rank, v_bit, p_modified[f.ord], v_read_at,
				CASE v_rank WHEN 1 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 2 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 3 THEN p_digests[f.ord] END,
				CASE WHEN v_keeps <> 'off' THEN p_bodies[f.ord]::jsonb - v_hidden END
			FROM pg_catalog.unnest(v_fresh) AS f (ord)
			ON CONFLICT DO NOTHING
			RETURNING refund_id, modified, payload
		)
		SELECT pg_catalog.array_agg(ins.refund_id), pg_catalog.array_agg(ins.modified),
			pg_catalog.array_agg(ins.payload)
		INTO n_ids, n_modified, n_payloads
		FROM ins;

		IF v_keeps = 'off' THEN
			-- what was not stored was not returned either
			SELECT pg_catalog.array_agg(p_bodies[f.ord]::jsonb - v_hidden)
			INTO n_payloads
			FROM pg_catalog.unnest(v_fresh) AS f (ord)
			WHERE p_ids[f.ord] = ANY (n_ids);
		END IF;

		n_new := COALESCE(pg_catalog.cardinality(n_ids), 0);
		IF n_new < pg_catalog.cardinality(v_fresh) THEN
			-- somebody else stored them meanwhile: they are known now
			SELECT pg_catalog.array_agg(k.ord ORDER BY p_ids[k.ord])
			INTO v_known
			FROM pg_catalog.unnest(v_fresh || v_known) AS k (ord)
			WHERE n_ids IS NULL OR p_ids[k.ord] <> ALL (n_ids);
		END IF;
	END IF;

	IF v_known IS NOT NULL THEN
		v_drop := ordersync.fields_but(ordersync.served_fields(p_source, 'refund'), v_unserved);
	END IF;

	-- what would be stored differently; decided without a lock, again when a row moved
	WHILE v_known IS NOT NULL LOOP
		SELECT pg_catalog.array_agg(m.ord), pg_catalog.array_agg(m.refund_id),
			pg_catalog.array_agg(m.new_modified), pg_catalog.array_agg(m.new_rank),
			pg_catalog.array_agg(m.new_sources), pg_catalog.array_agg(m.row_ctid),
			pg_catalog.array_agg(m.row_xmin), pg_catalog.array_agg(m.row_cut),
			pg_catalog.array_agg(m.payload), pg_catalog.array_agg(m.merged),
			pg_catalog.array_agg(m.replaces
				OR ordersync.after_sale_columns_differ(m.payload, m.merged))
		INTO c_ords, c_ids, c_modified, c_ranks, c_sources, c_ctids, c_xmins, c_cuts, c_olds,
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
						ordersync.merge_fields(p.payload, n.body, v_drop, NULL)
					WHEN p.only_fills THEN
						ordersync.fill_added(p.payload, n.body, v_nulls, NULL)
					WHEN p.none_left THEN
						p.payload
					ELSE
						ordersync.merge_fields(p.payload, n.body,
							ordersync.fields_left(p_source, p.sources, 'refund', v_unserved),
							ordersync.fields_taken(p.sources, 'refund'))
				END AS merged
			FROM pg_catalog.unnest(v_known) AS k (ord),
				LATERAL (
					SELECT p.refund_id, p.rank, p.sources, p.modified, p.read_at,
						COALESCE(p.payload,
							(SELECT ordersync.after_sales_of_columns(p_shop, p_ids)) -> p.refund_id::text,
							'{}') AS payload,
						p.payload IS NULL AS row_cut, p.ctid AS row_ctid, p.xmin AS row_xmin,
						r.none_left, r.none_left AND v_fills AND p.payload IS NOT NULL AS only_fills
					FROM ordersync.after_sale_payloads p,
						LATERAL (
							SELECT p_modified[k.ord] = p.modified AND v_rank < p.rank
								AND NOT ordersync.after_sale_columns_left(p_source, p.sources) AS none_left
							OFFSET 0
						) r
					WHERE p.shop_id = p_shop
						AND p.refund_id = p_ids[k.ord]
						AND p_modified[k.ord] >= p.modified
					OFFSET 0
				) p,
				LATERAL (
					SELECT p_modified[k.ord] AS new_modified, p_bodies[k.ord]::jsonb - v_hidden AS body
					OFFSET 0
				) n,
				LATERAL (
					SELECT n.new_modified = p.modified
						AND ordersync.is_another_version_of_refund(p.payload, n.body) AS same_second
					OFFSET 0
				) s,
				LATERAL (SELECT n.new_modified > p.modified OR s.same_second AS replaces OFFSET 0) a
			WHERE NOT (s.same_second AND COALESCE(v_read_at < p.read_at, false))
			OFFSET 0
		) m
		WHERE m.replaces
			OR m.merged IS DISTINCT FROM m.payload
				AND (v_rank >= m.rank OR v_fills AND NOT m.row_cut
					OR ordersync.after_sale_columns_differ(m.payload, m.merged));

		EXIT WHEN c_ords IS NULL;

		SELECT pg_catalog.bool_and(p.ctid = c.row_ctid AND p.xmin = c.row_xmin)
		INTO v_same
		FROM ROWS FROM (
			pg_catalog.unnest(c_ids), pg_catalog.unnest(c_ctids), pg_catalog.unnest(c_xmins)
		) AS c (refund_id, row_ctid, row_xmin),
			LATERAL (
				SELECT p.ctid, p.xmin
				FROM ordersync.after_sale_payloads p
				WHERE p.shop_id = p_shop
					AND p.refund_id = c.refund_id
				FOR NO KEY UPDATE
			) p;

		EXIT WHEN v_same;
		v_known := c_ords;
	END LOOP;

	IF c_ords IS NOT NULL THEN
		n_changed := pg_catalog.cardinality(c_ords);
		INSERT INTO ordersync.after_sale_payloads AS p (
			shop_id, refund_id, rank, sources, modified, read_at,
			digest_special, digest_list, digest_details, payload)
		SELECT p_shop, c.refund_id, c.rank, c.sources, c.modified, v_read_at,
			CASE v_rank WHEN 1 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 2 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 3 THEN p_digests[c.ord] END,
			CASE WHEN ordersync.is_kept(v_keeps, c.cut) THEN c.payload END
		FROM ROWS FROM (
			pg_catalog.unnest(c_ords), pg_catalog.unnest(c_ids), pg_catalog.unnest(c_ranks),
			pg_catalog.unnest(c_sources), pg_catalog.unnest(c_modified),
			pg_catalog.unnest(c_payloads), pg_catalog.unnest(c_cuts)
		) AS c (ord, refund_id, rank, sources, modified, payload, cut)
		ON CONFLICT (shop_id, refund_id) DO UPDATE
		SET rank = excluded.rank,
			sources = excluded.sources,
			modified = excluded.modified,
			read_at = CASE excluded.sources WHEN v_bit THEN excluded.read_at ELSE GREATEST(p.read_at, excluded.read_at) END,
			digest_special = CASE WHEN v_rank = 1 THEN excluded.digest_special WHEN excluded.sources <> v_bit OR excluded.modified > p.modified THEN p.digest_special END,
			digest_list = CASE WHEN v_rank = 2 THEN excluded.digest_list WHEN excluded.sources <> v_bit OR excluded.modified > p.modified THEN p.digest_list END,
			digest_details = CASE WHEN v_rank = 3 THEN excluded.digest_details WHEN excluded.sources <> v_bit OR excluded.modified > p.modified THEN p.digest_details END,
			payload = excluded.payload;
	END IF;

	/*
	 * An order and its refund stored at once by two workers would each not see
	 * the other and stay unlinked.
	 */
	PERFORM ordersync.lock_orders(p_shop, ARRAY(
		SELECT ordersync.read_bigint(r.payload ->> 'tid')
		FROM pg_catalog.unnest(n_payloads || c_olds || c_payloads) AS r (payload)), true);
	IF n_new > 0 OR n_changed > 0 THEN
		PERFORM ordersync.record_after_sale_changes(p_shop, p_run, p_task,
			n_ids, n_modified, n_payloads, c_ids, c_modified, c_olds, c_payloads);
		PERFORM ordersync.write_after_sales(p_shop, p_run, p_task,
			n_ids, n_modified, n_payloads, c_ids, c_modified, c_payloads, c_touches);
	END IF;
	IF v_gone THEN
		v_restored := v_restored || ordersync.restore_after_sales(p_shop, p_run, p_task, v_no_row);
		PERFORM ordersync.recall_after_sales(p_shop, ARRAY(
			SELECT a.id
			FROM pg_catalog.unnest(v_no_row) AS a (id)
			WHERE a.id <> ALL (COALESCE(n_ids, '{}'))));
		n_changed := n_changed + (
			SELECT pg_catalog.count(DISTINCT r.id)
			FROM pg_catalog.unnest(v_restored) AS r (id)
			WHERE r.id <> ALL (COALESCE(n_ids || c_ids, '{}')));
	END IF;
	n_unchanged := v_total - n_new - n_changed;
	PERFORM ordersync.resolve_records(p_shop, 'after_sales', p_ids, p_source, p_modified, p_mended);
END
$function$;
COMMENT ON FUNCTION ordersync.apply_after_sales(bigint, text, bigint, bigint, bigint[], timestamptz[], bytea[], text[], text[], text[], timestamptz, bigint[]) IS
	'stores a page of after-sales by the upsert rules; writes and locks nothing for records that change nothing';

CREATE FUNCTION ordersync.sieve_after_sales(
	p_shop bigint,
	p_rank smallint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	OUT total integer,
	OUT fresh integer[],
	OUT known integer[])
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	SELECT pg_catalog.count(*),
		pg_catalog.array_agg(u.ord) FILTER (WHERE p.modified IS NULL),
		pg_catalog.array_agg(u.ord) FILTER (
			WHERE u.modified >= p.modified AND u.digest IS DISTINCT FROM p.digest)
	INTO total, fresh, known
	FROM (
		SELECT DISTINCT ON (r.id) r.id, r.modified, r.digest, r.ord::integer AS ord
		FROM ROWS FROM (
			pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified), pg_catalog.unnest(p_digests)
		) WITH ORDINALITY AS r (id, modified, digest, ord)
		ORDER BY r.id, r.modified DESC, r.ord
	) u
	LEFT JOIN LATERAL (
		SELECT p.modified,
			CASE p_rank
				WHEN 1 THEN p.digest_special
				WHEN 2 THEN p.digest_list
				ELSE p.digest_details
			END AS digest
		FROM ordersync.after_sale_payloads p
		WHERE p.shop_id = p_shop
			AND p.refund_id = u.id
		OFFSET 0
	) p ON true;
END
$function$;
COMMENT ON FUNCTION ordersync.sieve_after_sales(bigint, smallint, bigint[], timestamptz[], bytea[]) IS
	'how many after-sales these are, and the positions of those that are not stored and of those that may change a stored one, by digest and age';
