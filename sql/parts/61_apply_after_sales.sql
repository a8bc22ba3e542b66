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
	c_olds jsonb[];
	c_payloads jsonb[];
	c_touches boolean[];
	v_masks smallint[];			-- beside v_known: sources of a richer record of equal age, else NULL
	v_drop text[];
	v_same boolean;
BEGIN
	IF v_rank IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unknown source of after-sales "%s"', p_source);
	END IF;

	SELECT pg_catalog.count(*),
		pg_catalog.array_agg(u.ord) FILTER (WHERE p.modified IS NULL),
		pg_catalog.array_agg(u.ord) FILTER (
			WHERE u.modified >= p.modified AND u.digest IS DISTINCT FROM p.digest),
		pg_catalog.array_agg(
			CASE WHEN u.modified = p.modified AND v_rank < p.rank THEN p.sources END) FILTER (
			WHERE u.modified >= p.modified AND u.digest IS DISTINCT FROM p.digest)
	INTO v_total, v_fresh, v_known, v_masks
	FROM (
		SELECT DISTINCT ON (r.id) r.id, r.modified, r.digest, r.ord::integer AS ord
		FROM ROWS FROM (
			pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified), pg_catalog.unnest(p_digests)
		) WITH ORDINALITY AS r (id, modified, digest, ord)
		ORDER BY r.id, r.modified DESC, r.ord
	) u
	LEFT JOIN LATERAL (
		SELECT p.modified, p.rank, p.sources,
			CASE v_rank
				WHEN 1 THEN p.digest_special
				WHEN 2 THEN p.digest_list
				ELSE p.digest_details
			END AS digest
		FROM ordersync.after_sale_payloads p
		WHERE p.shop_id = p_shop
			AND p.refund_id = u.id
		OFFSET 0
	) p ON true;

	-- a poorer record of equal age for which no column is left is not even parsed
	IF v_known IS NOT NULL THEN
		SELECT pg_catalog.array_agg(k.ord)
		INTO v_known
		FROM ROWS FROM (pg_catalog.unnest(v_known), pg_catalog.unnest(v_masks)) AS k (ord, mask)
		WHERE k.mask IS NULL
			OR k.mask <> ALL (ARRAY(
				SELECT d.mask
				FROM (
					SELECT DISTINCT m.mask
					FROM pg_catalog.unnest(v_masks) AS m (mask)
					WHERE m.mask IS NOT NULL
					OFFSET 0
				) d
				WHERE NOT ordersync.after_sale_columns_left(p_source, d.mask)
			));
	END IF;

	n_new := 0;
	n_changed := 0;
	n_unchanged := v_total;
	IF v_fresh IS NULL AND v_known IS NULL THEN
		RETURN;
	END IF;

	/*
	 * An order and its refund stored at once by two workers would each not see
	 * the other and stay unlinked; so these pages exclude pages of orders.
	 */
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop));

	IF v_fresh IS NOT NULL THEN
		WITH ins AS (
			INSERT INTO ordersync.after_sale_payloads (
				shop_id, refund_id, rank, sources, modified,
				digest_special, digest_list, digest_details, payload)
			SELECT p_shop, p_ids[f.ord], v_rank, v_bit, p_modified[f.ord],
				CASE v_rank WHEN 1 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 2 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 3 THEN p_digests[f.ord] END,
				p_bodies[f.ord]::jsonb
			FROM pg_catalog.unnest(v_fresh) AS f (ord)
			ON CONFLICT DO NOTHING
			RETURNING refund_id, modified, payload
		)
		SELECT pg_catalog.array_agg(ins.refund_id), pg_catalog.array_agg(ins.modified),
			pg_catalog.array_agg(ins.payload)
		INTO n_ids, n_modified, n_payloads
		FROM ins;

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
		v_drop := COALESCE(ordersync.served_fields(p_source, 'refund'), '{}');
	END IF;

	-- what would be stored differently; decided without a lock, again when a row moved
	WHILE v_known IS NOT NULL LOOP
		SELECT pg_catalog.array_agg(m.ord), pg_catalog.array_agg(m.refund_id),
			pg_catalog.array_agg(m.new_modified), pg_catalog.array_agg(m.new_rank),
			pg_catalog.array_agg(m.new_sources), pg_catalog.array_agg(m.row_ctid),
			pg_catalog.array_agg(m.row_xmin), pg_catalog.array_agg(m.payload),
			pg_catalog.array_agg(m.merged),
			pg_catalog.array_agg(m.new_modified > m.modified
				OR ordersync.after_sale_columns_differ(m.payload, m.merged))
		INTO c_ords, c_ids, c_modified, c_ranks, c_sources, c_ctids, c_xmins, c_olds, c_payloads,
			c_touches
		FROM (
			SELECT k.ord, p.*, n.new_modified,
				CASE WHEN n.new_modified > p.modified THEN v_rank ELSE GREATEST(p.rank, v_rank) END
					AS new_rank,
				CASE WHEN n.new_modified > p.modified THEN v_bit ELSE p.sources | v_bit END
					AS new_sources,
				CASE
					WHEN n.new_modified > p.modified OR v_rank >= p.rank THEN
						ordersync.merge_fields(p.payload, n.body, v_drop, NULL)
					ELSE
						ordersync.merge_fields(p.payload, n.body,
							ordersync.fields_left(p_source, p.sources, 'refund'),
							ordersync.fields_taken(p.sources, 'refund'))
				END AS merged
			FROM pg_catalog.unnest(v_known) AS k (ord),
				LATERAL (
					SELECT p.refund_id, p.rank, p.sources, p.modified,
						COALESCE(p.payload, '{}') AS payload, p.ctid AS row_ctid, p.xmin AS row_xmin
					FROM ordersync.after_sale_payloads p
					WHERE p.shop_id = p_shop
						AND p.refund_id = p_ids[k.ord]
						AND (p_modified[k.ord] > p.modified
							OR p_modified[k.ord] = p.modified
							AND (v_rank >= p.rank OR p.sources & v_bit = 0))
					OFFSET 0
				) p,
				LATERAL (
					SELECT p_modified[k.ord] AS new_modified, p_bodies[k.ord]::jsonb AS body
					OFFSET 0
				) n
			OFFSET 0
		) m
		WHERE m.new_modified > m.modified
			OR m.merged IS DISTINCT FROM m.payload
				AND (v_rank >= m.rank OR ordersync.after_sale_columns_differ(m.payload, m.merged));

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
			shop_id, refund_id, rank, sources, modified,
			digest_special, digest_list, digest_details, payload)
		SELECT p_shop, c.refund_id, c.rank, c.sources, c.modified,
			CASE v_rank WHEN 1 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 2 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 3 THEN p_digests[c.ord] END,
			c.payload
		FROM ROWS FROM (
			pg_catalog.unnest(c_ords), pg_catalog.unnest(c_ids), pg_catalog.unnest(c_ranks),
			pg_catalog.unnest(c_sources), pg_catalog.unnest(c_modified),
			pg_catalog.unnest(c_payloads)
		) AS c (ord, refund_id, rank, sources, modified, payload)
		ON CONFLICT (shop_id, refund_id) DO UPDATE
		SET rank = excluded.rank,
			sources = excluded.sources,
			modified = excluded.modified,
			digest_special = COALESCE(excluded.digest_special, p.digest_special),
			digest_list = COALESCE(excluded.digest_list, p.digest_list),
			digest_details = COALESCE(excluded.digest_details, p.digest_details),
			payload = excluded.payload;
	END IF;

	n_unchanged := v_total - n_new - n_changed;
	IF n_new > 0 OR n_changed > 0 THEN
		PERFORM ordersync.record_after_sale_changes(p_shop, p_run, p_task,
			n_ids, n_modified, n_payloads, c_ids, c_modified, c_olds, c_payloads);
		PERFORM ordersync.write_after_sales(p_shop, p_run, p_task,
			n_ids, n_modified, n_payloads, c_ids, c_modified, c_payloads, c_touches);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_after_sales(bigint, text, bigint, bigint, bigint[], timestamptz[], bytea[], text[]) IS
	'stores a page of after-sales by the upsert rules; writes and locks nothing for records that change nothing';

/* After-sales from merged payloads, new (n_) and changed (c_). */
CREATE FUNCTION ordersync.write_after_sales(
	p_shop bigint,
	p_run bigint,
	p_task bigint,
	n_ids bigint[],
	n_modified timestamptz[],
	n_payloads jsonb[],
	c_ids bigint[],
	c_modified timestamptz[],
	c_payloads jsonb[],
	c_touches boolean[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_ids bigint[];
	v_modified timestamptz[];
	v_payloads jsonb[];
	v_tids bigint[];
	v_oids bigint[];
	v_items bigint[];
	v_refunded boolean[];
	v_suspects bigint[];
BEGIN
	SELECT pg_catalog.array_agg(w.refund_id), pg_catalog.array_agg(w.modified),
		pg_catalog.array_agg(w.payload),
		pg_catalog.array_agg(ordersync.read_bigint(w.payload ->> 'tid')),
		pg_catalog.array_agg(NULLIF(ordersync.read_bigint(w.payload ->> 'oid'), 0)),
		pg_catalog.array_agg(COALESCE(w.payload ->> 'status' = 'SUCCESS', false)
			AND ordersync.moves_money(w.payload ->> 'dispute_type'))
	INTO v_ids, v_modified, v_payloads, v_tids, v_oids, v_refunded
	FROM (
		SELECT n.refund_id, n.modified, n.payload
		FROM ROWS FROM (
			pg_catalog.unnest(n_ids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
		) AS n (refund_id, modified, payload)
		UNION ALL
		SELECT c.refund_id, c.modified, c.payload
		FROM ROWS FROM (
			pg_catalog.unnest(c_ids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_payloads),
			pg_catalog.unnest(c_touches)
		) AS c (refund_id, modified, payload, touches)
		WHERE c.touches
		ORDER BY refund_id
	) w;
	IF v_ids IS NULL THEN
		RETURN;					-- only fields that have no column
	END IF;

	SELECT l.tids, l.oids, l.items
	INTO v_tids, v_oids, v_items
	FROM ordersync.lines_of(p_shop, v_tids, v_oids) l;

	PERFORM ordersync.freeze_paid_amounts(p_shop, v_tids, v_oids, v_modified, v_refunded);

	WITH p AS MATERIALIZED (
		SELECT w.refund_id, w.modified, w.refunded,
			w.found_tid, w.found_oid, w.found_item,
			ordersync.read_bigint(r.tid) AS tid, ordersync.read_bigint(r.oid) AS oid, r.status,
			r.order_status, r.dispute_type, r.special_refund_type, r.refund_phase,
			r.good_status, ordersync.read_boolean(r.has_good_return) AS has_good_return,
			ordersync.read_int(r.cs_status) AS cs_status,
			ordersync.read_int(r.advance_status) AS advance_status, r.operation_contraint,
			ordersync.read_time(r.created) AS created,
			ordersync.read_time(r.good_return_time) AS good_return_time,
			ordersync.read_money(r.total_fee) AS total_fee,
			ordersync.read_money(r.refund_fee) AS refund_fee,
			ordersync.read_money(r.payment) AS payment,
			ordersync.read_money(r.split_seller_fee) AS split_seller_fee,
			ordersync.read_money(r.split_taobao_fee) AS split_taobao_fee, r.reason, r."desc",
			r.title, ordersync.read_int(r.num) AS num, ordersync.read_money(r.price) AS price,
			ordersync.read_bigint(r.num_iid) AS num_iid, r.sku, r.outer_id, r.company_name,
			r.sid, r.buyer_nick, r.buyer_open_uid,
			ordersync.read_bigint(r.refund_version) AS refund_version,
			NULLIF(ordersync.read_bigint(pg_catalog.split_part(r.sku, '|', 1)), 0) AS sku_id,
			ordersync.read_time(r.refund_remind_timeout ->> 'timeout') AS timeout,
			pg_catalog.num_nonnulls(NULLIF(r.refund_remind_timeout ->> 'timeout', ''),
				NULLIF(r.tid, ''), NULLIF(r.oid, ''), NULLIF(r.has_good_return, ''),
				NULLIF(r.cs_status, ''), NULLIF(r.advance_status, ''), NULLIF(r.created, ''),
				NULLIF(r.good_return_time, ''), NULLIF(r.total_fee, ''),
				NULLIF(r.refund_fee, ''), NULLIF(r.payment, ''), NULLIF(r.split_seller_fee, ''),
				NULLIF(r.split_taobao_fee, ''), NULLIF(r.num, ''), NULLIF(r.price, ''),
				NULLIF(r.num_iid, ''), NULLIF(r.refund_version, '')
			) AS sent
		FROM ROWS FROM (
			pg_catalog.unnest(v_ids), pg_catalog.unnest(v_modified), pg_catalog.unnest(v_payloads),
			pg_catalog.unnest(v_refunded), pg_catalog.unnest(v_tids), pg_catalog.unnest(v_oids),
			pg_catalog.unnest(v_items)
		) AS w (refund_id, modified, payload, refunded, found_tid, found_oid, found_item),
			LATERAL pg_catalog.jsonb_to_record(w.payload) AS r (
				refund_remind_timeout jsonb,
				tid text, oid text, status text, order_status text, dispute_type text,
				special_refund_type text, refund_phase text, good_status text,
				has_good_return text, cs_status text, advance_status text,
				operation_contraint text, created text, good_return_time text, total_fee text,
				refund_fee text, payment text, split_seller_fee text, split_taobao_fee text,
				reason text, "desc" text, title text, num text, price text, num_iid text,
				sku text, outer_id text, company_name text, sid text, buyer_nick text,
				buyer_open_uid text, refund_version text
			)
	), ins AS (
		INSERT INTO ordersync.after_sales AS a (
			shop_id, refund_id, tid, oid, status, order_status, dispute_type,
			special_refund_type, refund_phase, good_status, has_good_return, cs_status,
			advance_status, operation_contraint, created, modified, refunded_at, closed_at,
			good_return_time, timeout, total_fee, refund_fee, refunded_amount, payment,
			split_seller_fee, split_taobao_fee, reason, description, title, num, price, num_iid,
			sku_id, sku, outer_id, company_name, sid, buyer_nick, buyer_open_uid,
			refund_version, first_seen_at, synced_at)
		SELECT p_shop, p.refund_id, p.found_tid, p.found_oid, p.status, p.order_status, p.dispute_type,
			p.special_refund_type, p.refund_phase, p.good_status, p.has_good_return,
			p.cs_status, p.advance_status, NULLIF(p.operation_contraint, 'null'), p.created,
			p.modified, CASE WHEN p.status = 'SUCCESS' THEN p.modified END,
			CASE WHEN p.status = 'CLOSED' THEN p.modified END, p.good_return_time, p.timeout,
			p.total_fee, p.refund_fee,
			CASE WHEN p.refunded THEN COALESCE(p.refund_fee, 0) ELSE 0 END, p.payment,
			p.split_seller_fee, p.split_taobao_fee, p.reason, p."desc", p.title, p.num, p.price,
			COALESCE(p.num_iid, p.found_item), p.sku_id, p.sku, p.outer_id, p.company_name,
			p.sid, p.buyer_nick, p.buyer_open_uid, p.refund_version, pg_catalog.now(),
			pg_catalog.now()
		FROM p
		ON CONFLICT (shop_id, refund_id) DO UPDATE
		SET (
				modified, status, order_status, dispute_type, special_refund_type, refund_phase,
				good_status, has_good_return, cs_status, advance_status, operation_contraint,
				created, good_return_time, timeout, total_fee, refund_fee, refunded_amount,
				payment, split_seller_fee, split_taobao_fee, reason, description, title, num,
				price, sku_id, sku, outer_id, company_name, sid, buyer_nick, buyer_open_uid,
				refund_version
			) = ROW (
				excluded.modified, excluded.status, excluded.order_status,
				excluded.dispute_type, excluded.special_refund_type, excluded.refund_phase,
				excluded.good_status, excluded.has_good_return, excluded.cs_status,
				excluded.advance_status, excluded.operation_contraint, excluded.created,
				excluded.good_return_time, excluded.timeout, excluded.total_fee,
				excluded.refund_fee, excluded.refunded_amount, excluded.payment,
				excluded.split_seller_fee, excluded.split_taobao_fee, excluded.reason,
				excluded.description, excluded.title, excluded.num, excluded.price,
				excluded.sku_id, excluded.sku, excluded.outer_id, excluded.company_name,
				excluded.sid, excluded.buyer_nick, excluded.buyer_open_uid,
				excluded.refund_version
			),
			-- what was found or was so first stays
			tid = COALESCE(excluded.tid, a.tid),
			oid = COALESCE(excluded.oid, a.oid),
			num_iid = COALESCE(excluded.num_iid, a.num_iid),
			refunded_at = COALESCE(a.refunded_at, excluded.refunded_at),
			closed_at = COALESCE(a.closed_at, excluded.closed_at),
			synced_at = excluded.synced_at
		WHERE (
				a.modified, a.status, a.order_status, a.dispute_type, a.special_refund_type,
				a.refund_phase, a.good_status, a.has_good_return, a.cs_status, a.advance_status,
				a.operation_contraint, a.created, a.good_return_time, a.timeout, a.total_fee,
				a.refund_fee, a.refunded_amount, a.payment, a.split_seller_fee,
				a.split_taobao_fee, a.reason, a.description, a.title, a.num, a.price, a.sku_id,
				a.sku, a.outer_id, a.company_name, a.sid, a.buyer_nick, a.buyer_open_uid,
				a.refund_version,
				a.tid, a.oid, a.num_iid, a.refunded_at, a.closed_at
			) IS DISTINCT FROM (
				excluded.modified, excluded.status, excluded.order_status,
				excluded.dispute_type, excluded.special_refund_type, excluded.refund_phase,
				excluded.good_status, excluded.has_good_return, excluded.cs_status,
				excluded.advance_status, excluded.operation_contraint, excluded.created,
				excluded.good_return_time, excluded.timeout, excluded.total_fee,
				excluded.refund_fee, excluded.refunded_amount, excluded.payment,
				excluded.split_seller_fee, excluded.split_taobao_fee, excluded.reason,
				excluded.description, excluded.title, excluded.num, excluded.price,
				excluded.sku_id, excluded.sku, excluded.outer_id, excluded.company_name,
				excluded.sid, excluded.buyer_nick, excluded.buyer_open_uid,
				excluded.refund_version,
				COALESCE(excluded.tid, a.tid), COALESCE(excluded.oid, a.oid),
				COALESCE(excluded.num_iid, a.num_iid),
				COALESCE(a.refunded_at, excluded.refunded_at),
				COALESCE(a.closed_at, excluded.closed_at)
			)
	)
	SELECT pg_catalog.array_agg(p.refund_id) FILTER (
		WHERE p.sent <> pg_catalog.num_nonnulls(p.timeout,
			p.tid, p.oid, p.has_good_return, p.cs_status, p.advance_status, p.created,
			p.good_return_time, p.total_fee, p.refund_fee, p.payment, p.split_seller_fee,
			p.split_taobao_fee, p.num, p.price, p.num_iid, p.refund_version
		))
	INTO v_suspects
	FROM p;

	PERFORM ordersync.note_values(p_shop, 'after_sales', p_run, p_task, v_ids, v_payloads,
		v_suspects);
END
$function$;
COMMENT ON FUNCTION ordersync.write_after_sales(bigint, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], boolean[]) IS
	'projects merged payloads into after_sales, each linked to its order and line where these are stored; only rows that differ are written';

/* Position by position; a line is found by its oid or, without one, as the only line of its order. */
CREATE FUNCTION ordersync.lines_of(
	p_shop bigint,
	p_tids bigint[],
	p_oids bigint[],
	OUT tids bigint[],
	OUT oids bigint[],
	OUT items bigint[]
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	-- planned each time: sub_orders has several indexes that begin with the shop
	EXECUTE
		'SELECT pg_catalog.array_agg(COALESCE(w.tid, l.tid) ORDER BY w.i), '
			'pg_catalog.array_agg(COALESCE(w.oid, l.oid) ORDER BY w.i), '
			'pg_catalog.array_agg(l.num_iid ORDER BY w.i) '
		'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY AS w (tid, oid, i) '
		'LEFT JOIN LATERAL ( '
			'SELECT s.tid, s.oid, s.num_iid '
			'FROM ordersync.sub_orders s '
			'WHERE s.shop_id = $1 '
				'AND s.oid = w.oid '
			'UNION ALL '
			'SELECT pg_catalog.min(s.tid), pg_catalog.min(s.oid), pg_catalog.min(s.num_iid) '
			'FROM ordersync.sub_orders s '
			'WHERE s.shop_id = $1 '
				'AND s.tid = w.tid '
				'AND w.oid IS NULL '
			'HAVING pg_catalog.count(*) = 1 '
			'OFFSET 0 '
		') l ON true'
	INTO tids, oids, items
	USING p_shop, p_tids, p_oids;
END
$function$;
COMMENT ON FUNCTION ordersync.lines_of(bigint, bigint[], bigint[]) IS
	'order, line and item of after-sales as far as they are stored';

/* A refund that gave money back: from now on the platform lowers its figures, ours stay. */
CREATE FUNCTION ordersync.freeze_paid_amounts(
	p_shop bigint,
	p_tids bigint[],
	p_oids bigint[],
	p_modified timestamptz[],
	p_refunded boolean[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF true <> ALL (p_refunded) THEN
		RETURN;
	END IF;

	EXECUTE
		'UPDATE ordersync.orders o '
		'SET paid_amount_frozen = true, '
			'synced_at = pg_catalog.now() '
		'FROM ( '
			'SELECT DISTINCT w.tid '
			'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS w (tid, refunded) '
			'WHERE w.refunded '
			'ORDER BY w.tid '
		') w '
		'WHERE o.shop_id = $1 '
			'AND o.tid = w.tid '
			'AND NOT o.paid_amount_frozen '
			'AND o.paid_amount IS NOT NULL'
	USING p_shop, p_tids, p_refunded;

	-- a line that was first seen paid when this refund was through has figures from after it
	EXECUTE
		'UPDATE ordersync.sub_orders s '
		'SET paid_amount_frozen = true, '
			'paid_amount_estimated = s.paid_amount_estimated OR COALESCE(( '
				'SELECT pg_catalog.max(c.platform_time) >= w.modified '
				'FROM ordersync.order_changes c '
				'WHERE c.shop_id = $1 '
					'AND c.tid = s.tid '
					'AND c.object = ''order'' '
					'AND (c.field IN (''first_seen'', ''pay_time'', ''step_trade_status'') '
						'OR c.field = ''end_time'' '
							'AND s.trade_type IN (''cod'', ''b2c_cod'', ''super_market_cod_trade'')) '
			'), false), '
			'synced_at = pg_catalog.now() '
		'FROM ( '
			'SELECT w.oid, pg_catalog.min(w.modified) AS modified '
			'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) '
				'AS w (oid, refunded, modified) '
			'WHERE w.refunded '
			'GROUP BY w.oid '
			'ORDER BY w.oid '
		') w '
		'WHERE s.shop_id = $1 '
			'AND s.oid = w.oid '
			'AND NOT s.paid_amount_frozen '
			'AND s.paid_amount IS NOT NULL'
	USING p_shop, p_oids, p_refunded, p_modified;
END
$function$;
COMMENT ON FUNCTION ordersync.freeze_paid_amounts(bigint, bigint[], bigint[], timestamptz[], boolean[]) IS
	'orders and lines of these after-sales keep their paid amounts where money went back';

CREATE FUNCTION ordersync.after_sale_fields()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
	'refund_remind_timeout',
	'tid', 'oid', 'status', 'order_status', 'dispute_type', 'special_refund_type',
	'refund_phase', 'good_status', 'has_good_return', 'cs_status', 'advance_status',
	'operation_contraint', 'created', 'good_return_time', 'total_fee', 'refund_fee', 'payment',
	'split_seller_fee', 'split_taobao_fee', 'reason', 'desc', 'title', 'num', 'price',
	'num_iid', 'sku', 'outer_id', 'company_name', 'sid', 'buyer_nick', 'buyer_open_uid',
	'refund_version'
];
COMMENT ON FUNCTION ordersync.after_sale_fields() IS
	'fields of a refund that have a column';

CREATE FUNCTION ordersync.after_sale_columns_left(p_source text, p_sources smallint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_sources & (1 << (pg_catalog.array_position(
			ARRAY['special', 'list', 'details'], p_source) - 1)) = 0
	AND ordersync.fields_left(p_source, p_sources, 'refund') && ordersync.after_sale_fields();
COMMENT ON FUNCTION ordersync.after_sale_columns_left(text, smallint) IS
	'the source serves a column that no richer source of a set has written';

/* Asked only for records of equal age; a newer one changes modified, hence the row. */
CREATE FUNCTION ordersync.after_sale_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.after_sale_fields()) AS f (field)
		WHERE p_old -> f.field IS DISTINCT FROM p_new -> f.field
	)
$function$;
COMMENT ON FUNCTION ordersync.after_sale_columns_differ(jsonb, jsonb) IS
	'the payloads differ in a field that has a column';

/* Reads the payloads that the locked rows held, never an earlier view of them. */
CREATE FUNCTION ordersync.record_after_sale_changes(
	p_shop bigint,
	p_run bigint,
	p_task bigint,
	n_ids bigint[],
	n_modified timestamptz[],
	n_payloads jsonb[],
	c_ids bigint[],
	c_modified timestamptz[],
	c_olds jsonb[],
	c_payloads jsonb[]
)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.order_changes (
		shop_id, object, id, tid, field, old_value, new_value, platform_time, run_id, task_id)
	SELECT p_shop, 'after_sale', n.refund_id, ordersync.read_bigint(n.payload ->> 'tid'),
		'first_seen', NULL, n.payload ->> 'status', n.modified, p_run, p_task
	FROM ROWS FROM (
		pg_catalog.unnest(n_ids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
	) AS n (refund_id, modified, payload)
	UNION ALL
	SELECT p_shop, 'after_sale', c.refund_id, ordersync.read_bigint(c.payload ->> 'tid'),
		'status', c.old ->> 'status', c.payload ->> 'status', c.modified, p_run, p_task
	FROM ROWS FROM (
		pg_catalog.unnest(c_ids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_olds),
		pg_catalog.unnest(c_payloads)
	) AS c (refund_id, modified, old, payload)
	WHERE NULLIF(c.old ->> 'status', '') IS DISTINCT FROM NULLIF(c.payload ->> 'status', '')
$function$;
COMMENT ON FUNCTION ordersync.record_after_sale_changes(bigint, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], jsonb[]) IS
	'the lifecycle''s rows for after-sales stored for the first time (n_) and changed (c_)';
