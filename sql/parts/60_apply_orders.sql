/*
 * Orders on their way from a page to the tables.
 *
 * A page's bodies arrive as text.  Three sieves stand before anything is
 * locked or written: the digest of the same source, the age of the record, and
 * the record as it would be stored.  What passes is merged into the order's
 * payload, and every column is a projection of the merged payload: one query
 * for new and changed orders alike, so that sources of different field sets
 * never undo one another and a new column can be filled without a call.
 *
 * Rules of the merge.  A newer record writes all that its source serves; at
 * equal age so does an equal or richer source (history < increment < list <
 * details), while a poorer one writes, once, only what no source has written
 * at this age.  A served field that is not there becomes NULL.  Lines merge by
 * oid; a line that a record leaves out stays, nothing that was stored is lost.
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
 * Locks: payload rows by key, then orders, sub-orders, after-sales.  The lock
 * on a payload row stands for its order; what refunds and orders derive from
 * each other is kept whole by one advisory lock a shop, shared by pages of
 * orders and exclusive to pages of after-sales.
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
	c_olds jsonb[];
	c_payloads jsonb[];
	c_touches boolean[];
	v_drop text[];
	v_line_drop text[];
	v_masks smallint[];			-- beside v_known: sources of a richer record of equal age, else NULL
	v_mask smallint;			-- one of those, mostly the only one in a page
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

	/*
	 * The sieves that need no jsonb: digest and age.  The same id twice is one
	 * record.  From here on every set keeps the order of the ids: aggregates
	 * take their rows as the sorted subquery below them hands them out.
	 */
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

	-- a poorer record of equal age for which no column is left is not even parsed
	IF v_known IS NOT NULL THEN
		SELECT pg_catalog.array_agg(k.ord), pg_catalog.max(k.mask)
		INTO v_known, v_mask
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
				WHERE NOT ordersync.order_columns_left(p_source, d.mask)
			));
	END IF;

	n_new := 0;
	n_changed := 0;
	n_unchanged := v_total;
	IF v_fresh IS NULL AND v_known IS NULL THEN
		RETURN;
	END IF;

	PERFORM pg_catalog.pg_advisory_xact_lock_shared(ordersync.apply_lock_key(p_shop));

	IF v_fresh IS NOT NULL THEN
		WITH ins AS (
			INSERT INTO ordersync.order_payloads (
				shop_id, tid, rank, sources, modified,
				digest_history, digest_increment, digest_list, digest_details, payload)
			SELECT p_shop, p_ids[f.ord], v_rank, v_bit, p_modified[f.ord],
				CASE v_rank WHEN 1 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 2 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 3 THEN p_digests[f.ord] END,
				CASE v_rank WHEN 4 THEN p_digests[f.ord] END,
				CASE
					WHEN ordersync.has_plain_lines(b.body) THEN b.body
					ELSE ordersync.plain_lines(b.body)
				END
			FROM pg_catalog.unnest(v_fresh) AS f (ord),
				LATERAL (SELECT p_bodies[f.ord]::jsonb AS body OFFSET 0) b
			ON CONFLICT DO NOTHING
			RETURNING tid, modified, payload
		)
		SELECT pg_catalog.array_agg(ins.tid), pg_catalog.array_agg(ins.modified),
			pg_catalog.array_agg(ins.payload)
		INTO n_tids, n_modified, n_payloads
		FROM ins;

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
		v_drop := COALESCE(ordersync.served_fields(p_source, 'trade'), '{}');
		v_line_drop := COALESCE(ordersync.served_fields(p_source, 'order'), '{}');
	END IF;
	IF v_mask IS NOT NULL THEN
		v_left := ordersync.fields_left(p_source, v_mask, 'trade');
		v_taken := ordersync.fields_taken(v_mask, 'trade');
		v_line_left := ordersync.fields_left(p_source, v_mask, 'order');
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
			pg_catalog.array_agg(m.payload),
			pg_catalog.array_agg(m.merged),
			pg_catalog.array_agg(
				v_rank = 4 OR m.new_modified > m.modified
					OR ordersync.order_columns_differ(m.payload, m.merged))
		INTO c_ords, c_tids, c_modified, c_ranks, c_sources, c_ctids, c_xmins, c_olds, c_payloads,
			c_touches
		FROM (
			SELECT k.ord, p.*, n.new_modified,
				CASE WHEN n.new_modified > p.modified THEN v_rank ELSE GREATEST(p.rank, v_rank) END
					AS new_rank,
				CASE WHEN n.new_modified > p.modified THEN v_bit ELSE p.sources | v_bit END
					AS new_sources,
				CASE
					WHEN n.new_modified > p.modified OR v_rank >= p.rank THEN
						ordersync.merge_order(p.payload, n.body, v_drop, NULL, v_line_drop, NULL)
					ELSE
						ordersync.merge_order(p.payload, n.body, l.left_fields, l.taken_fields,
							l.left_line_fields, l.taken_line_fields)
				END AS merged
			FROM pg_catalog.unnest(v_known) AS k (ord),
				LATERAL (
					SELECT p.tid, p.rank, p.sources, p.modified, COALESCE(p.payload, '{}') AS payload,
						p.ctid AS row_ctid, p.xmin AS row_xmin
					FROM ordersync.order_payloads p
					WHERE p.shop_id = p_shop
						AND p.tid = p_ids[k.ord]
						AND (p_modified[k.ord] > p.modified
							OR p_modified[k.ord] = p.modified
							AND (v_rank >= p.rank OR p.sources & v_bit = 0))
					OFFSET 0
				) p,
				LATERAL (
					-- a poorer source leaves alone what the sources of this age have written
					SELECT
						CASE p.sources WHEN v_mask THEN v_left ELSE
							ordersync.fields_left(p_source, p.sources, 'trade') END AS left_fields,
						CASE p.sources WHEN v_mask THEN v_taken ELSE
							ordersync.fields_taken(p.sources, 'trade') END AS taken_fields,
						CASE p.sources WHEN v_mask THEN v_line_left ELSE
							ordersync.fields_left(p_source, p.sources, 'order') END AS left_line_fields,
						CASE p.sources WHEN v_mask THEN v_line_taken ELSE
							ordersync.fields_taken(p.sources, 'order') END AS taken_line_fields
				) l,
				LATERAL (SELECT p_bodies[k.ord]::jsonb AS raw OFFSET 0) b,
				LATERAL (
					SELECT p_modified[k.ord] AS new_modified,
						CASE
							WHEN ordersync.has_plain_lines(b.raw) THEN b.raw
							ELSE ordersync.plain_lines(b.raw)
						END AS body
					OFFSET 0
				) n
			OFFSET 0
		) m
		WHERE m.new_modified > m.modified
			OR m.merged IS DISTINCT FROM m.payload
				AND (v_rank >= m.rank OR ordersync.order_columns_differ(m.payload, m.merged));

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
			shop_id, tid, rank, sources, modified,
			digest_history, digest_increment, digest_list, digest_details, payload)
		SELECT p_shop, c.tid, c.rank, c.sources, c.modified,
			CASE v_rank WHEN 1 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 2 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 3 THEN p_digests[c.ord] END,
			CASE v_rank WHEN 4 THEN p_digests[c.ord] END,
			c.payload
		FROM ROWS FROM (
			pg_catalog.unnest(c_ords), pg_catalog.unnest(c_tids), pg_catalog.unnest(c_ranks),
			pg_catalog.unnest(c_sources), pg_catalog.unnest(c_modified),
			pg_catalog.unnest(c_payloads)
		) AS c (ord, tid, rank, sources, modified, payload)
		ON CONFLICT (shop_id, tid) DO UPDATE
		SET rank = excluded.rank,
			sources = excluded.sources,
			modified = excluded.modified,
			digest_history = COALESCE(excluded.digest_history, p.digest_history),
			digest_increment = COALESCE(excluded.digest_increment, p.digest_increment),
			digest_list = COALESCE(excluded.digest_list, p.digest_list),
			digest_details = COALESCE(excluded.digest_details, p.digest_details),
			payload = excluded.payload;
	END IF;

	n_unchanged := v_total - n_new - n_changed;
	IF n_new > 0 OR n_changed > 0 THEN
		PERFORM ordersync.record_order_changes(p_shop, p_run, p_task,
			n_tids, n_modified, n_payloads, c_tids, c_modified, c_olds, c_payloads);
		PERFORM ordersync.write_orders(p_shop, p_source, p_run, p_task,
			n_tids, n_modified, n_payloads, c_tids, c_modified, c_payloads, c_touches);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_orders(bigint, text, bigint, bigint, bigint[], timestamptz[], bytea[], text[]) IS
	'stores a page of orders by the upsert rules; writes and locks nothing for records that change nothing';

CREATE FUNCTION ordersync.apply_lock_key(p_shop bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.hashtextextended('ordersync/apply/' || p_shop::text, 0);
COMMENT ON FUNCTION ordersync.apply_lock_key(bigint) IS
	'advisory lock of a shop: shared by pages of orders, exclusive to pages of after-sales';

/* Orders and sub-orders from merged payloads, new (n_) and changed (c_). */
CREATE FUNCTION ordersync.write_orders(
	p_shop bigint,
	p_source text,
	p_run bigint,
	p_task bigint,
	n_tids bigint[],
	n_modified timestamptz[],
	n_payloads jsonb[],
	c_tids bigint[],
	c_modified timestamptz[],
	c_payloads jsonb[],
	c_touches boolean[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_tids bigint[];
	v_modified timestamptz[];
	v_payloads jsonb[];
	v_statuses text[];
	v_types text[];
	v_created timestamptz[];
	v_pay_times timestamptz[];
	v_paid_at timestamptz[];
	v_buyers text[];
	v_states text[];
	v_refunded_tids bigint[];
	v_refunded_oids bigint[];
	v_lowered_oids bigint[];
	v_disputed_tids bigint[];
	v_unlinked bigint[];
	v_suspects bigint[];
	v_line_suspects bigint[];
BEGIN
	IF c_tids IS NULL THEN
		v_tids := n_tids;
		v_modified := n_modified;
		v_payloads := n_payloads;
	ELSE
		SELECT pg_catalog.array_agg(w.tid), pg_catalog.array_agg(w.modified),
			pg_catalog.array_agg(w.payload)
		INTO v_tids, v_modified, v_payloads
		FROM (
			SELECT n.tid, n.modified, n.payload
			FROM ROWS FROM (
				pg_catalog.unnest(n_tids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
			) AS n (tid, modified, payload)
			UNION ALL
			SELECT c.tid, c.modified, c.payload
			FROM ROWS FROM (
				pg_catalog.unnest(c_tids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_payloads),
				pg_catalog.unnest(c_touches)
			) AS c (tid, modified, payload, touches)
			WHERE c.touches
			ORDER BY tid
		) w;

		SELECT pg_catalog.array_agg(c.tid)
		INTO v_disputed_tids
		FROM ROWS FROM (pg_catalog.unnest(c_tids), pg_catalog.unnest(c_payloads)) AS c (tid, payload)
		WHERE c.payload @? '$.orders.order[*].refund_status ? (@ != "NO_REFUND" && @ != "")';

		IF v_tids IS NULL THEN
			RETURN;				-- only fields that have no column
		END IF;
	END IF;

	SELECT r.refunded_tids, r.refunded_oids, r.lowered_oids, r.unlinked
	INTO v_refunded_tids, v_refunded_oids, v_lowered_oids, v_unlinked
	FROM ordersync.after_sales_of(p_shop, v_tids, v_modified) r;

	WITH p AS MATERIALIZED (
		SELECT t.*, d.paid_at,
			CASE WHEN d.paid_at IS NOT NULL THEN t.payment END AS paid_amount,
			d.paid_at IS NOT NULL AND t.payment IS NOT NULL
				AND (t.line_refunded OR COALESCE(t.tid = ANY (v_refunded_tids), false))
				AS paid_amount_frozen
		FROM (
			SELECT w.tid, w.modified, w.i,
				r.seller_nick, r.type, r.status, r.step_trade_status, r.trade_from,
				r.trade_source, ordersync.read_time(r.created) AS created,
				ordersync.read_time(r.pay_time) AS pay_time,
				ordersync.read_time(r.consign_time) AS consign_time,
				ordersync.read_time(r.end_time) AS end_time,
				ordersync.read_time(r.async_modified) AS async_modified,
				ordersync.read_money(r.total_fee) AS total_fee,
				ordersync.read_money(r.discount_fee) AS discount_fee,
				ordersync.read_money(r.adjust_fee) AS adjust_fee,
				ordersync.read_money(r.post_fee) AS post_fee,
				ordersync.read_money(r.payment) AS payment,
				ordersync.read_money(r.received_payment) AS received_payment,
				ordersync.read_money(r.available_confirm_fee) AS available_confirm_fee,
				ordersync.read_money(r.step_paid_fee) AS step_paid_fee,
				ordersync.read_money(r.commission_fee) AS commission_fee,
				ordersync.read_money(r.credit_card_fee) AS credit_card_fee,
				ordersync.read_money(r.cod_fee) AS cod_fee,
				ordersync.read_money(r.order_tax_fee) AS order_tax_fee,
				ordersync.read_money(r.platform_subsidy_fee) AS platform_subsidy_fee,
				ordersync.read_money(r.yfx_fee) AS yfx_fee,
				ordersync.read_bigint(r.point_fee) AS point_fee,
				ordersync.read_bigint(r.real_point_fee) AS real_point_fee,
				ordersync.read_bigint(r.buyer_obtain_point_fee) AS buyer_obtain_point_fee,
				r.cod_status, r.shipping_type,
				ordersync.read_boolean(r.is_part_consign) AS is_part_consign, r.buyer_nick,
				r.buyer_open_uid, r.oaid, r.receiver_country, r.receiver_state, r.receiver_city,
				r.receiver_district, ordersync.read_smallint(r.seller_flag) AS seller_flag,
				r.seller_memo, ordersync.read_boolean(r.has_buyer_message) AS has_buyer_message,
				r.alipay_no,
				pg_catalog.num_nonnulls(
					NULLIF(r.created, ''), NULLIF(r.pay_time, ''), NULLIF(r.consign_time, ''),
					NULLIF(r.end_time, ''), NULLIF(r.async_modified, ''),
					NULLIF(r.total_fee, ''), NULLIF(r.discount_fee, ''),
					NULLIF(r.adjust_fee, ''), NULLIF(r.post_fee, ''), NULLIF(r.payment, ''),
					NULLIF(r.received_payment, ''), NULLIF(r.available_confirm_fee, ''),
					NULLIF(r.step_paid_fee, ''), NULLIF(r.commission_fee, ''),
					NULLIF(r.credit_card_fee, ''), NULLIF(r.cod_fee, ''),
					NULLIF(r.order_tax_fee, ''), NULLIF(r.platform_subsidy_fee, ''),
					NULLIF(r.yfx_fee, ''), NULLIF(r.point_fee, ''),
					NULLIF(r.real_point_fee, ''), NULLIF(r.buyer_obtain_point_fee, ''),
					NULLIF(r.is_part_consign, ''), NULLIF(r.seller_flag, ''),
					NULLIF(r.has_buyer_message, '')
				) + (COALESCE((w.payload -> 'orders') ? 'unreadable', false))::integer AS sent,
				l.*
			FROM ROWS FROM (
				pg_catalog.unnest(v_tids), pg_catalog.unnest(v_modified), pg_catalog.unnest(v_payloads)
			) WITH ORDINALITY AS w (tid, modified, payload, i),
				LATERAL pg_catalog.jsonb_to_record(w.payload) AS r (
					seller_nick text, type text, status text, step_trade_status text,
					trade_from text, trade_source text, created text, pay_time text,
					consign_time text, end_time text, async_modified text, total_fee text,
					discount_fee text, adjust_fee text, post_fee text, payment text,
					received_payment text, available_confirm_fee text, step_paid_fee text,
					commission_fee text, credit_card_fee text, cod_fee text, order_tax_fee text,
					platform_subsidy_fee text, yfx_fee text, point_fee text,
					real_point_fee text, buyer_obtain_point_fee text, cod_status text,
					shipping_type text, is_part_consign text, buyer_nick text,
					buyer_open_uid text, oaid text, receiver_country text, receiver_state text,
					receiver_city text, receiver_district text, seller_flag text,
					seller_memo text, has_buyer_message text, alipay_no text
				),
				LATERAL ordersync.roll_up_lines(w.payload -> 'orders' -> 'order') AS l
			OFFSET 0
		) t,
			LATERAL (
				SELECT CASE
					WHEN t.type = 'step' THEN
						CASE
							WHEN t.step_trade_status = 'FRONT_PAID_FINAL_PAID' THEN t.pay_time
							WHEN COALESCE(t.step_trade_status, '') = ''
								AND t.status IN ('WAIT_SELLER_SEND_GOODS', 'PAID_FORBID_CONSIGN',
									'SELLER_CONSIGNED_PART', 'WAIT_BUYER_CONFIRM_GOODS',
									'TRADE_BUYER_SIGNED', 'TRADE_FINISHED', 'TRADE_CLOSED') THEN t.pay_time
						END
					WHEN t.type IN ('cod', 'b2c_cod', 'super_market_cod_trade') THEN
						CASE WHEN t.status = 'TRADE_FINISHED' THEN t.end_time END
					ELSE t.pay_time
				END AS paid_at
				OFFSET 0
			) d
	), ins AS (
		INSERT INTO ordersync.orders AS o (
			shop_id, tid, seller_nick, type, status, step_trade_status, trade_from,
			trade_source, created, pay_time, consign_time, end_time, modified, async_modified,
			paid_at, total_fee, discount_fee, adjust_fee, post_fee, payment, paid_amount,
			received_payment, available_confirm_fee, step_paid_fee, commission_fee,
			credit_card_fee, cod_fee, order_tax_fee, platform_subsidy_fee, yfx_fee, point_fee,
			real_point_fee, buyer_obtain_point_fee, cod_status, shipping_type, is_part_consign,
			logistics_company, invoice_no, package_count, line_count, item_num, buyer_nick,
			buyer_open_uid, oaid, receiver_country, receiver_state, receiver_city,
			receiver_district, seller_flag, seller_memo, has_buyer_message, alipay_no,
			platform_state, details_at, first_seen_at, synced_at, paid_amount_frozen)
		SELECT p_shop, p.tid,
			p.seller_nick, p.type, p.status, p.step_trade_status, p.trade_from, p.trade_source,
			p.created, p.pay_time, p.consign_time, p.end_time, p.modified, p.async_modified,
			p.paid_at, p.total_fee, p.discount_fee, p.adjust_fee, p.post_fee, p.payment,
			p.paid_amount, p.received_payment, p.available_confirm_fee, p.step_paid_fee,
			p.commission_fee, p.credit_card_fee, p.cod_fee, p.order_tax_fee,
			p.platform_subsidy_fee, p.yfx_fee, p.point_fee, p.real_point_fee,
			p.buyer_obtain_point_fee, p.cod_status, p.shipping_type, p.is_part_consign,
			p.logistics_company, p.invoice_no, p.package_count, p.line_count, p.item_num,
			p.buyer_nick, p.buyer_open_uid, p.oaid, p.receiver_country, p.receiver_state,
			p.receiver_city, p.receiver_district, p.seller_flag, p.seller_memo,
			p.has_buyer_message, p.alipay_no,
			CASE p_source WHEN 'history' THEN 'archived' ELSE 'listed' END,
			CASE p_source WHEN 'details' THEN pg_catalog.now() END,
			pg_catalog.now(), pg_catalog.now(), p.paid_amount_frozen
		FROM p
		ON CONFLICT (shop_id, tid) DO UPDATE
		SET (
				modified, seller_nick, type, status, step_trade_status, trade_from,
				trade_source, created, pay_time, consign_time, end_time, async_modified,
				paid_at, total_fee, discount_fee, adjust_fee, post_fee, payment,
				received_payment, available_confirm_fee, step_paid_fee, commission_fee,
				credit_card_fee, cod_fee, order_tax_fee, platform_subsidy_fee, yfx_fee,
				point_fee, real_point_fee, buyer_obtain_point_fee, cod_status, shipping_type,
				is_part_consign, logistics_company, invoice_no, package_count, line_count,
				item_num, buyer_nick, buyer_open_uid, oaid, receiver_country, receiver_state,
				receiver_city, receiver_district, seller_flag, seller_memo, has_buyer_message,
				alipay_no, platform_state
			) = ROW (
				excluded.modified, excluded.seller_nick, excluded.type, excluded.status,
				excluded.step_trade_status, excluded.trade_from, excluded.trade_source,
				excluded.created, excluded.pay_time, excluded.consign_time, excluded.end_time,
				excluded.async_modified, excluded.paid_at, excluded.total_fee,
				excluded.discount_fee, excluded.adjust_fee, excluded.post_fee, excluded.payment,
				excluded.received_payment, excluded.available_confirm_fee,
				excluded.step_paid_fee, excluded.commission_fee, excluded.credit_card_fee,
				excluded.cod_fee, excluded.order_tax_fee, excluded.platform_subsidy_fee,
				excluded.yfx_fee, excluded.point_fee, excluded.real_point_fee,
				excluded.buyer_obtain_point_fee, excluded.cod_status, excluded.shipping_type,
				excluded.is_part_consign, excluded.logistics_company, excluded.invoice_no,
				excluded.package_count, excluded.line_count, excluded.item_num,
				excluded.buyer_nick, excluded.buyer_open_uid, excluded.oaid,
				excluded.receiver_country, excluded.receiver_state, excluded.receiver_city,
				excluded.receiver_district, excluded.seller_flag, excluded.seller_memo,
				excluded.has_buyer_message, excluded.alipay_no, excluded.platform_state
			),
			/*
			 * What was paid is remembered from before the first refund.  While a
			 * line is in dispute the figures may have fallen for a refund that
			 * has another after it and is not stored yet: they are not followed down.
			 */
			paid_amount = CASE
				WHEN o.paid_amount_frozen OR excluded.paid_amount_frozen
					THEN COALESCE(o.paid_amount, excluded.paid_amount)
				WHEN excluded.tid = ANY (v_disputed_tids)
					THEN GREATEST(excluded.paid_amount,
						CASE WHEN excluded.paid_at IS NOT NULL THEN o.paid_amount END)
				ELSE excluded.paid_amount
			END,
			paid_amount_frozen = o.paid_amount_frozen OR excluded.paid_amount_frozen,
			details_at = COALESCE(excluded.details_at, o.details_at),
			synced_at = excluded.synced_at
		WHERE excluded.details_at IS NOT NULL
			OR (o.paid_amount IS DISTINCT FROM excluded.paid_amount OR excluded.paid_amount_frozen)
				AND NOT o.paid_amount_frozen
			OR (
				o.modified, o.seller_nick, o.type, o.status, o.step_trade_status, o.trade_from,
				o.trade_source, o.created, o.pay_time, o.consign_time, o.end_time,
				o.async_modified, o.paid_at, o.total_fee, o.discount_fee, o.adjust_fee,
				o.post_fee, o.payment, o.received_payment, o.available_confirm_fee,
				o.step_paid_fee, o.commission_fee, o.credit_card_fee, o.cod_fee,
				o.order_tax_fee, o.platform_subsidy_fee, o.yfx_fee, o.point_fee,
				o.real_point_fee, o.buyer_obtain_point_fee, o.cod_status, o.shipping_type,
				o.is_part_consign, o.logistics_company, o.invoice_no, o.package_count,
				o.line_count, o.item_num, o.buyer_nick, o.buyer_open_uid, o.oaid,
				o.receiver_country, o.receiver_state, o.receiver_city, o.receiver_district,
				o.seller_flag, o.seller_memo, o.has_buyer_message, o.alipay_no, o.platform_state
			) IS DISTINCT FROM (
				excluded.modified, excluded.seller_nick, excluded.type, excluded.status,
				excluded.step_trade_status, excluded.trade_from, excluded.trade_source,
				excluded.created, excluded.pay_time, excluded.consign_time, excluded.end_time,
				excluded.async_modified, excluded.paid_at, excluded.total_fee,
				excluded.discount_fee, excluded.adjust_fee, excluded.post_fee, excluded.payment,
				excluded.received_payment, excluded.available_confirm_fee,
				excluded.step_paid_fee, excluded.commission_fee, excluded.credit_card_fee,
				excluded.cod_fee, excluded.order_tax_fee, excluded.platform_subsidy_fee,
				excluded.yfx_fee, excluded.point_fee, excluded.real_point_fee,
				excluded.buyer_obtain_point_fee, excluded.cod_status, excluded.shipping_type,
				excluded.is_part_consign, excluded.logistics_company, excluded.invoice_no,
				excluded.package_count, excluded.line_count, excluded.item_num,
				excluded.buyer_nick, excluded.buyer_open_uid, excluded.oaid,
				excluded.receiver_country, excluded.receiver_state, excluded.receiver_city,
				excluded.receiver_district, excluded.seller_flag, excluded.seller_memo,
				excluded.has_buyer_message, excluded.alipay_no, excluded.platform_state
			)
	)
	SELECT pg_catalog.array_agg(p.status), pg_catalog.array_agg(p.type),
		pg_catalog.array_agg(p.created), pg_catalog.array_agg(p.pay_time),
		pg_catalog.array_agg(p.paid_at),
		pg_catalog.array_agg(p.buyer_open_uid),
		pg_catalog.array_agg(p.receiver_state),
		pg_catalog.array_agg(p.tid) FILTER (
			WHERE p.sent <> pg_catalog.num_nonnulls(
				p.created, p.pay_time, p.consign_time, p.end_time, p.async_modified,
				p.total_fee, p.discount_fee, p.adjust_fee, p.post_fee, p.payment,
				p.received_payment, p.available_confirm_fee, p.step_paid_fee, p.commission_fee,
				p.credit_card_fee, p.cod_fee, p.order_tax_fee, p.platform_subsidy_fee,
				p.yfx_fee, p.point_fee, p.real_point_fee, p.buyer_obtain_point_fee,
				p.is_part_consign, p.seller_flag, p.has_buyer_message
			))
	INTO v_statuses, v_types, v_created, v_pay_times, v_paid_at, v_buyers, v_states, v_suspects
	FROM p;

	WITH p AS MATERIALIZED (
		SELECT DISTINCT ON (t.oid) t.*, d.amount,
			t.amount_known AND d.amount IS NOT NULL
				AND (COALESCE(t.refund_status = 'SUCCESS', false)
					OR COALESCE(t.oid = ANY (v_refunded_oids), false)) AS refunded,
			-- this very record's figures are from after a refund
			t.amount_known AND d.amount IS NOT NULL
				AND (COALESCE(t.refund_status = 'SUCCESS', false)
					OR COALESCE(t.oid = ANY (v_lowered_oids), false)) AS lowered
		FROM (
			SELECT w.tid, w.modified, w.trade_status, w.trade_type, w.created, w.pay_time, w.paid_at,
				w.buyer_open_uid, w.receiver_state,
				LEAST(r.ordinality, 32767)::smallint AS line_no,
				w.paid_at IS NOT NULL AS amount_known,
				ordersync.read_bigint(r.oid) AS oid, r.status, r.refund_status,
				ordersync.read_bigint(r.refund_id) AS refund_id,
				ordersync.read_bigint(r.num_iid) AS num_iid, r.outer_iid,
				ordersync.read_bigint(r.sku_id) AS sku_id, r.outer_sku_id, r.title,
				r.sku_properties_name, ordersync.read_bigint(r.cid) AS cid,
				ordersync.read_money(r.price) AS price, ordersync.read_int(r.num) AS num,
				ordersync.read_money(r.total_fee) AS total_fee,
				ordersync.read_money(r.discount_fee) AS discount_fee,
				ordersync.read_money(r.adjust_fee) AS adjust_fee,
				ordersync.read_money(r.part_mjz_discount) AS part_mjz_discount,
				ordersync.read_money(r.divide_order_fee) AS divide_order_fee,
				ordersync.read_money(r.payment) AS payment,
				ordersync.read_boolean(r.is_free_gift) AS is_free_gift,
				ordersync.read_time(r.consign_time) AS consign_time,
				ordersync.read_time(r.end_time) AS end_time, r.shipping_type,
				r.logistics_company, r.invoice_no, r.store_code, r.item_meal_name,
				pg_catalog.num_nonnulls(
					NULLIF(r.refund_id, ''), NULLIF(r.num_iid, ''), NULLIF(r.sku_id, ''),
					NULLIF(r.cid, ''), NULLIF(r.price, ''), NULLIF(r.num, ''),
					NULLIF(r.total_fee, ''), NULLIF(r.discount_fee, ''),
					NULLIF(r.adjust_fee, ''), NULLIF(r.part_mjz_discount, ''),
					NULLIF(r.divide_order_fee, ''), NULLIF(r.payment, ''),
					NULLIF(r.is_free_gift, ''), NULLIF(r.consign_time, ''),
					NULLIF(r.end_time, '')
				) AS sent
			FROM ROWS FROM (
				pg_catalog.unnest(v_tids), pg_catalog.unnest(v_modified), pg_catalog.unnest(v_payloads),
				pg_catalog.unnest(v_statuses), pg_catalog.unnest(v_types), pg_catalog.unnest(v_created),
				pg_catalog.unnest(v_pay_times), pg_catalog.unnest(v_paid_at),
				pg_catalog.unnest(v_buyers), pg_catalog.unnest(v_states)
			) AS w (tid, modified, payload, trade_status, trade_type, created, pay_time, paid_at,
				buyer_open_uid, receiver_state),
				ROWS FROM (
					pg_catalog.jsonb_to_recordset(w.payload -> 'orders' -> 'order') AS (
						oid text, status text, refund_status text, refund_id text, num_iid text,
						outer_iid text, sku_id text, outer_sku_id text, title text,
						sku_properties_name text, cid text, price text, num text,
						total_fee text, discount_fee text, adjust_fee text,
						part_mjz_discount text, divide_order_fee text, payment text,
						is_free_gift text, consign_time text, end_time text, shipping_type text,
						logistics_company text, invoice_no text, store_code text,
						item_meal_name text
					)
				) WITH ORDINALITY AS r
			OFFSET 0
		) t,
			LATERAL (
				SELECT CASE
					WHEN t.amount_known
						THEN COALESCE(t.divide_order_fee, CASE
							-- two amounts that fit may differ by one that does not
							WHEN pg_catalog.abs(t.total_fee - COALESCE(t.part_mjz_discount, 0)) < 1e16
								THEN t.total_fee - COALESCE(t.part_mjz_discount, 0)
						END)
				END AS amount
				OFFSET 0
			) d
		ORDER BY t.oid, t.modified DESC
	), ins AS (
		INSERT INTO ordersync.sub_orders AS s (
			shop_id, oid, tid, trade_status, trade_type, created, pay_time, paid_at, modified,
			buyer_open_uid, receiver_state, line_no, status, refund_status, refund_id, num_iid,
			outer_iid, sku_id, outer_sku_id, title, sku_properties_name, cid, price, num,
			total_fee, discount_fee, adjust_fee, part_mjz_discount, divide_order_fee, payment,
			paid_amount, paid_amount_estimated, is_gift, consign_time, end_time, shipping_type,
			logistics_company, invoice_no, store_code, item_meal_name, first_seen_at, synced_at,
			paid_amount_frozen)
		SELECT p_shop, p.oid, p.tid, p.trade_status, p.trade_type, p.created, p.pay_time, p.paid_at,
			p.modified, p.buyer_open_uid, p.receiver_state, p.line_no, p.status,
			p.refund_status, NULLIF(p.refund_id, 0), p.num_iid, p.outer_iid,
			NULLIF(p.sku_id, 0), p.outer_sku_id, p.title, p.sku_properties_name, p.cid, p.price,
			p.num, p.total_fee, p.discount_fee, p.adjust_fee, p.part_mjz_discount,
			p.divide_order_fee, p.payment, p.amount, p.lowered,
			COALESCE(p.is_free_gift, false) OR COALESCE(p.price = 0, false), p.consign_time,
			p.end_time, p.shipping_type, p.logistics_company, p.invoice_no, p.store_code,
			p.item_meal_name, pg_catalog.now(), pg_catalog.now(), p.refunded
		FROM p
		WHERE p.oid IS NOT NULL
		ON CONFLICT (shop_id, oid) DO UPDATE
		SET (
				modified, tid, trade_status, trade_type, created, pay_time, paid_at,
				buyer_open_uid, receiver_state, line_no, status, refund_status, refund_id,
				num_iid, outer_iid, sku_id, outer_sku_id, title, sku_properties_name, cid,
				price, num, total_fee, discount_fee, adjust_fee, part_mjz_discount,
				divide_order_fee, payment, is_gift, consign_time, end_time, shipping_type,
				logistics_company, invoice_no, store_code, item_meal_name
			) = ROW (
				excluded.modified, excluded.tid, excluded.trade_status, excluded.trade_type,
				excluded.created, excluded.pay_time, excluded.paid_at, excluded.buyer_open_uid,
				excluded.receiver_state, excluded.line_no, excluded.status,
				excluded.refund_status, excluded.refund_id, excluded.num_iid,
				excluded.outer_iid, excluded.sku_id, excluded.outer_sku_id, excluded.title,
				excluded.sku_properties_name, excluded.cid, excluded.price, excluded.num,
				excluded.total_fee, excluded.discount_fee, excluded.adjust_fee,
				excluded.part_mjz_discount, excluded.divide_order_fee, excluded.payment,
				excluded.is_gift, excluded.consign_time, excluded.end_time,
				excluded.shipping_type, excluded.logistics_company, excluded.invoice_no,
				excluded.store_code, excluded.item_meal_name
			),
			paid_amount = CASE
				WHEN s.paid_amount_frozen OR excluded.paid_amount_frozen
					THEN COALESCE(s.paid_amount, excluded.paid_amount)
				WHEN COALESCE(excluded.refund_status, '') NOT IN ('NO_REFUND', '')
					THEN GREATEST(excluded.paid_amount,
						CASE WHEN excluded.paid_at IS NOT NULL THEN s.paid_amount END)
				ELSE excluded.paid_amount
			END,
			paid_amount_estimated = CASE
				WHEN s.paid_amount_frozen THEN s.paid_amount_estimated
				WHEN s.paid_amount IS NOT NULL THEN false
				ELSE excluded.paid_amount_estimated
			END,
			paid_amount_frozen = s.paid_amount_frozen OR excluded.paid_amount_frozen,
			synced_at = excluded.synced_at
		WHERE (s.tid = excluded.tid OR s.modified <= excluded.modified)
			AND ((s.paid_amount IS DISTINCT FROM excluded.paid_amount OR excluded.paid_amount_frozen)
					AND NOT s.paid_amount_frozen
				OR (
					s.modified, s.tid, s.trade_status, s.trade_type, s.created, s.pay_time,
					s.paid_at, s.buyer_open_uid, s.receiver_state, s.line_no, s.status,
					s.refund_status, s.refund_id, s.num_iid, s.outer_iid, s.sku_id,
					s.outer_sku_id, s.title, s.sku_properties_name, s.cid, s.price, s.num,
					s.total_fee, s.discount_fee, s.adjust_fee, s.part_mjz_discount,
					s.divide_order_fee, s.payment, s.is_gift, s.consign_time, s.end_time,
					s.shipping_type, s.logistics_company, s.invoice_no, s.store_code,
					s.item_meal_name
				) IS DISTINCT FROM (
					excluded.modified, excluded.tid, excluded.trade_status, excluded.trade_type,
					excluded.created, excluded.pay_time, excluded.paid_at,
					excluded.buyer_open_uid, excluded.receiver_state, excluded.line_no,
					excluded.status, excluded.refund_status, excluded.refund_id,
					excluded.num_iid, excluded.outer_iid, excluded.sku_id,
					excluded.outer_sku_id, excluded.title, excluded.sku_properties_name,
					excluded.cid, excluded.price, excluded.num, excluded.total_fee,
					excluded.discount_fee, excluded.adjust_fee, excluded.part_mjz_discount,
					excluded.divide_order_fee, excluded.payment, excluded.is_gift,
					excluded.consign_time, excluded.end_time, excluded.shipping_type,
					excluded.logistics_company, excluded.invoice_no, excluded.store_code,
					excluded.item_meal_name
				))
	)
	SELECT pg_catalog.array_agg(p.tid) FILTER (
		WHERE p.oid IS NULL
			OR p.sent <> pg_catalog.num_nonnulls(
				p.refund_id, p.num_iid, p.sku_id, p.cid, p.price, p.num, p.total_fee,
				p.discount_fee, p.adjust_fee, p.part_mjz_discount, p.divide_order_fee,
				p.payment, p.is_free_gift, p.consign_time, p.end_time
			))
	INTO v_line_suspects
	FROM p;

	IF v_unlinked IS NOT NULL THEN
		PERFORM ordersync.link_after_sales(p_shop, v_unlinked);
	END IF;
	PERFORM ordersync.note_values(p_shop, 'orders', p_run, p_task, v_tids, v_payloads,
		v_suspects || v_line_suspects);
END
$function$;
COMMENT ON FUNCTION ordersync.write_orders(bigint, text, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], boolean[]) IS
	'projects merged payloads into orders and sub_orders; only rows that differ are written';

/*
 * The wire has several forms for an order's lines: wrapped, bare (simplify), a
 * single object (relays), empty in five ways.  Payloads have one, the wrapped.
 */
CREATE FUNCTION ordersync.has_plain_lines(p_record jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(
	pg_catalog.jsonb_typeof(p_record #> '{orders,order}') = 'array'
		AND NOT p_record @? 'strict $.orders.order[*] ? (@.type() != "object")',
	false);
COMMENT ON FUNCTION ordersync.has_plain_lines(jsonb) IS
	'the record''s lines are a wrapped array of objects';

CREATE FUNCTION ordersync.plain_lines(p_record jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_orders jsonb := p_record -> 'orders';
	v_list jsonb;
	v_lines jsonb;
	v_rest jsonb;
BEGIN
	v_list := CASE pg_catalog.jsonb_typeof(v_orders)
		WHEN 'array' THEN v_orders
		WHEN 'object' THEN
			CASE
				WHEN pg_catalog.jsonb_typeof(v_orders -> 'order') = 'array' THEN v_orders -> 'order'
				WHEN v_orders ? 'order' THEN pg_catalog.jsonb_build_array(v_orders -> 'order')
				WHEN v_orders <> '{}' THEN pg_catalog.jsonb_build_array(v_orders)
			END
		ELSE pg_catalog.jsonb_build_array(v_orders)
	END;

	SELECT pg_catalog.jsonb_agg(e.line ORDER BY e.i) FILTER (
			WHERE pg_catalog.jsonb_typeof(e.line) = 'object'),
		pg_catalog.jsonb_agg(e.line ORDER BY e.i) FILTER (
			WHERE pg_catalog.jsonb_typeof(e.line) NOT IN ('object', 'null'))
	INTO v_lines, v_rest
	FROM pg_catalog.jsonb_array_elements(v_list) WITH ORDINALITY AS e (line, i);

	RETURN (p_record - 'orders')
		|| CASE
			WHEN v_rest IS NOT NULL THEN
				pg_catalog.jsonb_build_object('orders', pg_catalog.jsonb_build_object(
					'order', COALESCE(v_lines, '[]'), 'unreadable', v_rest))
			WHEN v_lines IS NOT NULL THEN
				pg_catalog.jsonb_build_object('orders', pg_catalog.jsonb_build_object('order', v_lines))
			ELSE '{}'
		END;
END
$function$;
COMMENT ON FUNCTION ordersync.plain_lines(jsonb) IS
	'the record with its lines in the wrapped form; what is no line goes under "unreadable"';

CREATE FUNCTION ordersync.roll_up_lines(p_lines jsonb)
RETURNS TABLE (
	line_count integer,
	item_num integer,
	logistics_company text,
	invoice_no text,
	package_count integer,
	line_refunded boolean
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT pg_catalog.count(*)::integer,
		LEAST(COALESCE(pg_catalog.sum(ordersync.read_int(l.num)), 0), 2147483647)::integer,
		CASE
			WHEN pg_catalog.min(l.logistics_company) = pg_catalog.max(l.logistics_company)
				THEN pg_catalog.min(l.logistics_company)
			WHEN pg_catalog.count(l.logistics_company) > 0 THEN (
				SELECT pg_catalog.string_agg(DISTINCT d.logistics_company COLLATE "C", ',')
				FROM pg_catalog.jsonb_to_recordset(p_lines) AS d (logistics_company text)
				WHERE d.logistics_company <> '')
		END,
		CASE
			WHEN pg_catalog.min(l.invoice_no) = pg_catalog.max(l.invoice_no)
				THEN pg_catalog.min(l.invoice_no)
			WHEN pg_catalog.count(l.invoice_no) > 0 THEN (
				SELECT pg_catalog.string_agg(DISTINCT d.invoice_no COLLATE "C", ',')
				FROM pg_catalog.jsonb_to_recordset(p_lines) AS d (invoice_no text)
				WHERE d.invoice_no <> '')
		END,
		CASE
			WHEN pg_catalog.count(l.invoice_no) = 0 THEN 0
			WHEN pg_catalog.min(l.invoice_no) = pg_catalog.max(l.invoice_no) THEN 1
			ELSE (
				SELECT pg_catalog.count(DISTINCT d.invoice_no)::integer
				FROM pg_catalog.jsonb_to_recordset(p_lines) AS d (invoice_no text)
				WHERE d.invoice_no <> '')
		END,
		COALESCE(pg_catalog.bool_or(l.refund_status = 'SUCCESS'), false)
	FROM (
		SELECT r.num, NULLIF(r.logistics_company, '') COLLATE "C" AS logistics_company,
			NULLIF(r.invoice_no, '') COLLATE "C" AS invoice_no, r.refund_status
		FROM pg_catalog.jsonb_to_recordset(p_lines) AS r (
			oid text, num text, logistics_company text, invoice_no text, refund_status text)
		WHERE ordersync.read_bigint(r.oid) IS NOT NULL
	) l;
END;
COMMENT ON FUNCTION ordersync.roll_up_lines(jsonb) IS
	'what an order''s row tells of its lines';

/* p_old gives up p_drop and keeps p_keep whatever p_new says (NULL: nothing). */
CREATE FUNCTION ordersync.merge_fields(p_old jsonb, p_new jsonb, p_drop text[], p_keep text[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN p_keep IS NULL THEN
			(p_old - p_drop) || p_new
		ELSE
			(p_new - p_keep) || (p_old - p_drop)
	END;
COMMENT ON FUNCTION ordersync.merge_fields(jsonb, jsonb, text[], text[]) IS
	'one level of a merge: p_old without p_drop under p_new; with p_keep, p_new without p_keep under p_old without p_drop';

CREATE FUNCTION ordersync.merge_lines(p_old jsonb, p_new jsonb, p_drop text[], p_keep text[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_old jsonb;
	v_new jsonb;
	v_covered boolean := p_keep IS NULL;
BEGIN
	IF p_new IS NULL OR p_new = '[]' THEN
		RETURN p_old;
	ELSIF p_old IS NULL OR p_old = '[]' THEN
		RETURN p_new;
	END IF;

	-- mostly the new lines are the old ones in the old order and hold all that these hold
	FOR i IN 0 .. pg_catalog.jsonb_array_length(p_old) - 1 LOOP
		EXIT WHEN NOT v_covered;
		v_old := p_old -> i;
		v_new := p_new -> i;
		v_covered := v_new IS NOT NULL
			AND v_old ->> 'oid' IS NOT DISTINCT FROM v_new ->> 'oid'
			AND v_old || v_new = v_new;
	END LOOP;
	IF v_covered THEN
		RETURN p_new;
	END IF;

	-- a poorer source does not set the lines' order either
	RETURN (
		SELECT pg_catalog.jsonb_agg(m.line ORDER BY
			CASE WHEN p_keep IS NULL THEN m.new_i ELSE m.old_i END NULLS LAST, m.new_i, m.old_i)
		FROM (
			SELECT n.i AS new_i, o.i AS old_i,
				CASE
					WHEN o.line IS NULL THEN n.line
					ELSE ordersync.merge_fields(o.line, n.line, p_drop, p_keep)
				END AS line
			FROM pg_catalog.jsonb_array_elements(p_new) WITH ORDINALITY AS n (line, i)
			LEFT JOIN LATERAL (
				SELECT o.line, o.i
				FROM pg_catalog.jsonb_array_elements(p_old) WITH ORDINALITY AS o (line, i)
				WHERE o.line ->> 'oid' = n.line ->> 'oid'
				LIMIT 1
			) o ON true
			UNION ALL
			SELECT NULL, o.i, o.line
			FROM pg_catalog.jsonb_array_elements(p_old) WITH ORDINALITY AS o (line, i)
			WHERE o.line ? 'oid'
				AND NOT EXISTS (
					SELECT
					FROM pg_catalog.jsonb_array_elements(p_new) AS n (line)
					WHERE n.line ->> 'oid' = o.line ->> 'oid'
				)
		) m
	);
END
$function$;
COMMENT ON FUNCTION ordersync.merge_lines(jsonb, jsonb, text[], text[]) IS
	'an order''s lines merged by oid; a line that only p_old has stays';

CREATE FUNCTION ordersync.merge_order(
	p_old jsonb,
	p_new jsonb,
	p_drop text[],
	p_keep text[],
	p_line_drop text[],
	p_line_keep text[]
)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_new_lines jsonb := p_new #> '{orders,order}';
	v_lines jsonb := ordersync.merge_lines(p_old #> '{orders,order}', v_new_lines,
		p_line_drop, p_line_keep);
	v_fields jsonb;
BEGIN
	-- mostly the new record holds every field that the old one holds: it is the merged one
	IF p_keep IS NULL AND v_lines = v_new_lines AND p_old || p_new = p_new THEN
		RETURN p_new;
	END IF;

	v_fields := ordersync.merge_fields(p_old, p_new, p_drop, p_keep) - 'orders';
	IF v_lines IS NULL THEN
		RETURN v_fields;
	END IF;
	RETURN v_fields || pg_catalog.jsonb_build_object('orders',
		COALESCE(p_new -> 'orders', '{}') || pg_catalog.jsonb_build_object('order', v_lines));
END
$function$;
COMMENT ON FUNCTION ordersync.merge_order(jsonb, jsonb, text[], text[], text[], text[]) IS
	'an order''s payload merged on two levels: its fields, and its lines by oid';

CREATE FUNCTION ordersync.fields_taken(p_sources smallint, p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(DISTINCT f.field), '{}')
	FROM (
		VALUES
			(1, 'history', ARRAY['trade', 'order']),
			(2, 'increment', ARRAY['trade', 'order']),
			(4, 'list', ARRAY['trade', 'order']),
			(8, 'details', ARRAY['trade', 'order']),
			(1, 'special', ARRAY['refund']),
			(2, 'list', ARRAY['refund']),
			(4, 'details', ARRAY['refund'])
	) AS s (bit, source, objects),
		LATERAL pg_catalog.unnest(ordersync.served_fields(s.source, p_object)) AS f (field)
	WHERE p_sources & s.bit > 0
		AND p_object = ANY (s.objects)
$function$;
COMMENT ON FUNCTION ordersync.fields_taken(smallint, text) IS
	'fields that a set of sources (as in a payload''s row) serves';

CREATE FUNCTION ordersync.fields_left(p_source text, p_sources smallint, p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(f.field), '{}')
	FROM (
		SELECT pg_catalog.unnest(ordersync.served_fields(p_source, p_object))
		EXCEPT
		SELECT pg_catalog.unnest(ordersync.fields_taken(p_sources, p_object))
	) AS f (field)
$function$;
COMMENT ON FUNCTION ordersync.fields_left(text, smallint, text) IS
	'fields that a source serves and none of a set of sources does';

/* Fields of a record, and of its lines, that have a column. */
CREATE FUNCTION ordersync.order_fields(p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE p_object
		WHEN 'trade' THEN ARRAY[
			'orders',
			'seller_nick', 'type', 'status', 'step_trade_status', 'trade_from', 'trade_source',
			'created', 'pay_time', 'consign_time', 'end_time', 'async_modified', 'total_fee',
			'discount_fee', 'adjust_fee', 'post_fee', 'payment', 'received_payment',
			'available_confirm_fee', 'step_paid_fee', 'commission_fee', 'credit_card_fee',
			'cod_fee', 'order_tax_fee', 'platform_subsidy_fee', 'yfx_fee', 'point_fee',
			'real_point_fee', 'buyer_obtain_point_fee', 'cod_status', 'shipping_type',
			'is_part_consign', 'buyer_nick', 'buyer_open_uid', 'oaid', 'receiver_country',
			'receiver_state', 'receiver_city', 'receiver_district', 'seller_flag',
			'seller_memo', 'has_buyer_message', 'alipay_no'
		]
		WHEN 'order' THEN ARRAY[
			'oid', 'status', 'refund_status', 'refund_id', 'num_iid', 'outer_iid', 'sku_id',
			'outer_sku_id', 'title', 'sku_properties_name', 'cid', 'price', 'num', 'total_fee',
			'discount_fee', 'adjust_fee', 'part_mjz_discount', 'divide_order_fee', 'payment',
			'is_free_gift', 'consign_time', 'end_time', 'shipping_type', 'logistics_company',
			'invoice_no', 'store_code', 'item_meal_name'
		]
	END;
COMMENT ON FUNCTION ordersync.order_fields(text) IS
	'fields of a trade or of its lines (order) that have a column';

CREATE FUNCTION ordersync.order_columns_left(p_source text, p_sources smallint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_sources & (1 << (pg_catalog.array_position(
			ARRAY['history', 'increment', 'list', 'details'], p_source) - 1)) = 0
	AND (ordersync.fields_left(p_source, p_sources, 'trade') && ordersync.order_fields('trade')
		OR ordersync.fields_left(p_source, p_sources, 'order') && ordersync.order_fields('order'));
COMMENT ON FUNCTION ordersync.order_columns_left(text, smallint) IS
	'the source serves a column that no richer source of a set has written';

/* Asked only for records of equal age; a newer one changes modified, hence every row. */
CREATE FUNCTION ordersync.order_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.order_fields('trade')) AS f (field)
		WHERE f.field <> 'orders'
			AND p_old -> f.field IS DISTINCT FROM p_new -> f.field
	) OR (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_old -> 'orders' -> 'order') AS r (
			oid text, status text, refund_status text, refund_id text, num_iid text,
			outer_iid text, sku_id text, outer_sku_id text, title text,
			sku_properties_name text, cid text, price text, num text, total_fee text,
			discount_fee text, adjust_fee text, part_mjz_discount text, divide_order_fee text,
			payment text, is_free_gift text, consign_time text, end_time text,
			shipping_type text, logistics_company text, invoice_no text, store_code text,
			item_meal_name text
		)
	) IS DISTINCT FROM (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_new -> 'orders' -> 'order') AS r (
			oid text, status text, refund_status text, refund_id text, num_iid text,
			outer_iid text, sku_id text, outer_sku_id text, title text,
			sku_properties_name text, cid text, price text, num text, total_fee text,
			discount_fee text, adjust_fee text, part_mjz_discount text, divide_order_fee text,
			payment text, is_free_gift text, consign_time text, end_time text,
			shipping_type text, logistics_company text, invoice_no text, store_code text,
			item_meal_name text
		)
	)
$function$;
COMMENT ON FUNCTION ordersync.order_columns_differ(jsonb, jsonb) IS
	'the payloads differ in a field that has a column';

/* Refunds that are stored already: what they say of these orders, and which still lack their line. */
CREATE FUNCTION ordersync.after_sales_of(
	p_shop bigint,
	p_tids bigint[],
	p_modified timestamptz[],
	OUT refunded_tids bigint[],
	OUT refunded_oids bigint[],
	OUT lowered_oids bigint[],
	OUT unlinked bigint[]
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	-- planned each time: after_sales has several indexes that begin with the shop
	EXECUTE
		'SELECT pg_catalog.array_agg(a.tid) FILTER (WHERE a.refunded), '
			'pg_catalog.array_agg(a.oid) FILTER (WHERE a.refunded AND a.oid IS NOT NULL), '
			'pg_catalog.array_agg(a.oid) FILTER ( '
				'WHERE a.refunded AND a.oid IS NOT NULL AND a.refunded_at <= t.modified), '
			'pg_catalog.array_agg(DISTINCT a.tid) FILTER (WHERE a.oid IS NULL OR a.num_iid IS NULL) '
		'FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS t (tid, modified), '
			'LATERAL ( '
				'SELECT a.tid, a.oid, a.num_iid, a.refunded_at, '
					'a.status = ''SUCCESS'' AND ordersync.moves_money(a.dispute_type) AS refunded '
				'FROM ordersync.after_sales a '
				'WHERE a.shop_id = $1 '
					'AND a.tid = t.tid '
				'OFFSET 0 '
			') a'
	INTO refunded_tids, refunded_oids, lowered_oids, unlinked
	USING p_shop, p_tids, p_modified;
END
$function$;
COMMENT ON FUNCTION ordersync.after_sales_of(bigint, bigint[], timestamptz[]) IS
	'of these orders: which are refunded, which of their lines are, which were so before this modified, and which have an after-sale without its line';

CREATE FUNCTION ordersync.moves_money(p_dispute_type text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(
	p_dispute_type NOT IN ('TMALL_EXCHANGE', 'TAOBAO_EXCHANGE', 'REPAIR', 'RESHIPPING'), true);
COMMENT ON FUNCTION ordersync.moves_money(text) IS
	'an after-sale of this kind gives money back; exchange, repair and reshipment do not';

CREATE FUNCTION ordersync.link_after_sales(p_shop bigint, p_tids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	EXECUTE
		'UPDATE ordersync.after_sales a '
		'SET oid = COALESCE(a.oid, l.oid), '
			'num_iid = COALESCE(a.num_iid, l.num_iid), '
			'synced_at = pg_catalog.now() '
		'FROM pg_catalog.unnest($2) AS t (tid), '
			'LATERAL ( '
				'SELECT s.oid, s.num_iid, pg_catalog.count(*) OVER () = 1 AS alone '
				'FROM ordersync.sub_orders s '
				'WHERE s.shop_id = $1 '
					'AND s.tid = t.tid '
			') l '
		'WHERE a.shop_id = $1 '
			'AND a.tid = t.tid '
			'AND (a.oid = l.oid OR a.oid IS NULL AND l.alone) '
			'AND (a.oid IS NULL OR a.num_iid IS NULL AND l.num_iid IS NOT NULL)'
	USING p_shop, p_tids;
END
$function$;
COMMENT ON FUNCTION ordersync.link_after_sales(bigint, bigint[]) IS
	'gives the after-sales of these orders their line and item where they lack them';

/* Reads the payloads that the locked rows held, never an earlier view of them. */
CREATE FUNCTION ordersync.record_order_changes(
	p_shop bigint,
	p_run bigint,
	p_task bigint,
	n_tids bigint[],
	n_modified timestamptz[],
	n_payloads jsonb[],
	c_tids bigint[],
	c_modified timestamptz[],
	c_olds jsonb[],
	c_payloads jsonb[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF n_tids IS NOT NULL THEN
		INSERT INTO ordersync.order_changes (
			shop_id, object, id, tid, field, new_value, platform_time, run_id, task_id)
		SELECT p_shop, 'order', n.tid, n.tid, 'first_seen', n.payload ->> 'status', n.modified,
			p_run, p_task
		FROM ROWS FROM (
			pg_catalog.unnest(n_tids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
		) AS n (tid, modified, payload);
	END IF;

	IF c_tids IS NOT NULL THEN
		INSERT INTO ordersync.order_changes (
			shop_id, object, id, tid, field, old_value, new_value, platform_time, run_id, task_id)
		SELECT p_shop, d.object, d.id, c.tid, d.field, d.old_value, d.new_value, c.modified,
			p_run, p_task
		FROM ROWS FROM (
			pg_catalog.unnest(c_tids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_olds),
			pg_catalog.unnest(c_payloads)
		) AS c (tid, modified, old, payload),
			LATERAL (
				SELECT 'order' AS object, c.tid AS id, f.field,
					NULLIF(c.old ->> f.field, '') AS old_value,
					NULLIF(c.payload ->> f.field, '') AS new_value
				FROM pg_catalog.unnest(ARRAY['status', 'step_trade_status', 'pay_time', 'payment',
					'consign_time', 'end_time']) AS f (field)
				UNION ALL
				SELECT 'sub_order', ordersync.read_bigint(n.oid), 'refund_status',
					NULLIF(o.refund_status, ''), NULLIF(n.refund_status, '')
				FROM pg_catalog.jsonb_to_recordset(c.payload -> 'orders' -> 'order')
						AS n (oid text, refund_status text)
				JOIN pg_catalog.jsonb_to_recordset(c.old -> 'orders' -> 'order')
						AS o (oid text, refund_status text)
					ON o.oid = n.oid
			) d
		WHERE d.old_value IS DISTINCT FROM d.new_value
			AND d.id IS NOT NULL;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.record_order_changes(bigint, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], jsonb[]) IS
	'the lifecycle''s rows for orders stored for the first time (n_) and changed (c_)';
