/*
 * Orders' payloads as rows of orders and sub_orders.
 *
 * Both are projections of the payload: jsonb_to_record() takes the fields that
 * have a column as text, read_*() gives them their type, what counts as paid is
 * derived, and the row is written where it differs.  What a row must remember
 * from before (paid_amount, first_seen_at, details_at) is in the ON CONFLICT
 * clauses and nowhere else.
 */

/*
 * Orders and sub-orders from merged payloads, new (n_) and changed (c_).  Without
 * a source no record has come: where the order is listed is as it was.
 */
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
		WHERE p_source = 'history'
			OR c.payload @? '$.orders.order[*].refund_status ? (@ != "NO_REFUND" && @ != "")';

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
				LATERAL ordersync.roll_up_lines(w.payload -> 'orders' -> 'order', r.type) AS l
			OFFSET 0
		) t,
			LATERAL (
				SELECT CASE
					-- closed before it was paid, whatever time it has
					WHEN t.status = 'TRADE_CLOSED_BY_TAOBAO' THEN NULL
					-- a pre-sale by its stages, whatever type it is said to have
					WHEN t.step_trade_status <> '' THEN
						CASE WHEN t.step_trade_status = 'FRONT_PAID_FINAL_PAID' THEN t.pay_time END
					WHEN t.type = 'step' THEN
						CASE
							WHEN t.status IN ('WAIT_SELLER_SEND_GOODS', 'PAID_FORBID_CONSIGN',
									'SELLER_CONSIGNED_PART', 'WAIT_BUYER_CONFIRM_GOODS',
									'TRADE_BUYER_SIGNED', 'TRADE_FINISHED', 'TRADE_CLOSED') THEN t.pay_time
						END
					WHEN ordersync.is_cash_on_delivery(t.type) THEN
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
			logistics_company, invoice_no, package_count, line_count, item_num, gmv, buyer_nick,
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
			p.logistics_company, p.invoice_no, p.package_count, p.line_count, p.item_num, p.gmv,
			p.buyer_nick, p.buyer_open_uid, p.oaid, p.receiver_country, p.receiver_state,
			p.receiver_city, p.receiver_district, p.seller_flag, p.seller_memo,
			p.has_buyer_message, p.alipay_no,
			CASE WHEN p_source = 'history' THEN 'archived' WHEN p_source IS NOT NULL THEN 'listed' END,
			CASE p_source WHEN 'details' THEN pg_catalog.now() END,
			pg_catalog.now(), pg_catalog.now(), p.paid_amount_frozen
		FROM p
		ON CONFLICT (shop_id, tid) DO UPDATE
		SET (
				modified, seller_nick, type, status, step_trade_status, trade_from,
				trade_source, created, pay_time, consign_time, end_time, async_modified,
				total_fee, discount_fee, adjust_fee, post_fee, payment,
				received_payment, available_confirm_fee, step_paid_fee, commission_fee,
				credit_card_fee, cod_fee, order_tax_fee, platform_subsidy_fee, yfx_fee,
				point_fee, real_point_fee, buyer_obtain_point_fee, cod_status, shipping_type,
				is_part_consign, logistics_company, invoice_no, package_count, line_count,
				item_num, gmv, buyer_nick, buyer_open_uid, oaid, receiver_country, receiver_state,
				receiver_city, receiver_district, seller_flag, seller_memo, has_buyer_message,
				alipay_no, platform_state
			) = ROW (
				excluded.modified, excluded.seller_nick, excluded.type, excluded.status,
				excluded.step_trade_status, excluded.trade_from, excluded.trade_source,
				excluded.created, excluded.pay_time, excluded.consign_time, excluded.end_time,
				excluded.async_modified, excluded.total_fee,
				excluded.discount_fee, excluded.adjust_fee, excluded.post_fee, excluded.payment,
				excluded.received_payment, excluded.available_confirm_fee,
				excluded.step_paid_fee, excluded.commission_fee, excluded.credit_card_fee,
				excluded.cod_fee, excluded.order_tax_fee, excluded.platform_subsidy_fee,
				excluded.yfx_fee, excluded.point_fee, excluded.real_point_fee,
				excluded.buyer_obtain_point_fee, excluded.cod_status, excluded.shipping_type,
				excluded.is_part_consign, excluded.logistics_company, excluded.invoice_no,
				excluded.package_count, excluded.line_count, excluded.item_num, excluded.gmv,
				excluded.buyer_nick, excluded.buyer_open_uid, excluded.oaid,
				excluded.receiver_country, excluded.receiver_state, excluded.receiver_city,
				excluded.receiver_district, excluded.seller_flag, excluded.seller_memo,
				excluded.has_buyer_message, excluded.alipay_no,
				COALESCE(excluded.platform_state, o.platform_state)
			),
			/*
			 * What was paid is remembered from before the first refund.  While a
			 * line is in dispute the figures may have fallen for a refund that
			 * has another after it and is not stored yet, and the history does not
			 * say what they fell for: they are not followed down.  What was sold
			 * and then closed was sold on its day, also where only its end tells
			 * the payment (cash on delivery).
			 */
			paid_at = CASE
				WHEN ordersync.stays_paid(excluded.paid_at, excluded.status, o.paid_at, o.paid_amount_frozen)
					THEN o.paid_at
				ELSE excluded.paid_at
			END,
			paid_amount = ordersync.kept_amount(o.paid_amount, excluded.paid_amount, excluded.paid_at,
				o.paid_amount_frozen OR excluded.paid_amount_frozen OR ordersync.stays_paid(
					excluded.paid_at, excluded.status, o.paid_at, o.paid_amount_frozen),
				excluded.tid = ANY (v_disputed_tids)),
			paid_amount_frozen = o.paid_amount_frozen OR excluded.paid_amount_frozen
				OR ordersync.stays_paid(excluded.paid_at, excluded.status, o.paid_at, o.paid_amount_frozen),
			details_at = COALESCE(excluded.details_at, o.details_at),
			synced_at = excluded.synced_at
		WHERE excluded.details_at IS NOT NULL
			OR NOT o.paid_amount_frozen AND (excluded.paid_amount_frozen
				OR ordersync.stays_paid(excluded.paid_at, excluded.status, o.paid_at, o.paid_amount_frozen))
			OR o.paid_at IS DISTINCT FROM excluded.paid_at
				AND NOT ordersync.stays_paid(excluded.paid_at, excluded.status, o.paid_at, o.paid_amount_frozen)
			OR o.paid_amount IS DISTINCT FROM ordersync.kept_amount(
				o.paid_amount, excluded.paid_amount, excluded.paid_at,
				o.paid_amount_frozen OR excluded.paid_amount_frozen OR ordersync.stays_paid(
					excluded.paid_at, excluded.status, o.paid_at, o.paid_amount_frozen),
				excluded.tid = ANY (v_disputed_tids))
			OR (
				o.modified, o.seller_nick, o.type, o.status, o.step_trade_status, o.trade_from,
				o.trade_source, o.created, o.pay_time, o.consign_time, o.end_time,
				o.async_modified, o.total_fee, o.discount_fee, o.adjust_fee,
				o.post_fee, o.payment, o.received_payment, o.available_confirm_fee,
				o.step_paid_fee, o.commission_fee, o.credit_card_fee, o.cod_fee,
				o.order_tax_fee, o.platform_subsidy_fee, o.yfx_fee, o.point_fee,
				o.real_point_fee, o.buyer_obtain_point_fee, o.cod_status, o.shipping_type,
				o.is_part_consign, o.logistics_company, o.invoice_no, o.package_count,
				o.line_count, o.item_num, o.gmv, o.buyer_nick, o.buyer_open_uid, o.oaid,
				o.receiver_country, o.receiver_state, o.receiver_city, o.receiver_district,
				o.seller_flag, o.seller_memo, o.has_buyer_message, o.alipay_no, o.platform_state
			) IS DISTINCT FROM (
				excluded.modified, excluded.seller_nick, excluded.type, excluded.status,
				excluded.step_trade_status, excluded.trade_from, excluded.trade_source,
				excluded.created, excluded.pay_time, excluded.consign_time, excluded.end_time,
				excluded.async_modified, excluded.total_fee,
				excluded.discount_fee, excluded.adjust_fee, excluded.post_fee, excluded.payment,
				excluded.received_payment, excluded.available_confirm_fee,
				excluded.step_paid_fee, excluded.commission_fee, excluded.credit_card_fee,
				excluded.cod_fee, excluded.order_tax_fee, excluded.platform_subsidy_fee,
				excluded.yfx_fee, excluded.point_fee, excluded.real_point_fee,
				excluded.buyer_obtain_point_fee, excluded.cod_status, excluded.shipping_type,
				excluded.is_part_consign, excluded.logistics_company, excluded.invoice_no,
				excluded.package_count, excluded.line_count, excluded.item_num, excluded.gmv,
				excluded.buyer_nick, excluded.buyer_open_uid, excluded.oaid,
				excluded.receiver_country, excluded.receiver_state, excluded.receiver_city,
				excluded.receiver_district, excluded.seller_flag, excluded.seller_memo,
				excluded.has_buyer_message, excluded.alipay_no,
				COALESCE(excluded.platform_state, o.platform_state)
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
			d.amount IS NOT NULL
				AND (t.line_refunded OR COALESCE(t.oid = ANY (v_refunded_oids), false)) AS refunded,
			-- this very record's figures are from after a refund
			d.amount IS NOT NULL
				AND (t.line_refunded OR COALESCE(t.oid = ANY (v_lowered_oids), false)) AS lowered
		FROM (
			SELECT w.tid, w.modified, w.trade_status, w.trade_type, w.created, w.pay_time,
				-- its order's, but not of a line that was not paid with it
				CASE
					WHEN NOT ordersync.line_unsold(w.trade_type, r.status, r.refund_status, r.special_refund_type)
						THEN w.paid_at
				END AS paid_at,
				w.buyer_open_uid, w.receiver_state,
				LEAST(r.ordinality, 32767)::smallint AS line_no,
				ordersync.read_bigint(r.oid) AS oid, r.status, r.refund_status,
				ordersync.line_refunded(r.refund_status, r.special_refund_type) AS line_refunded,
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
						item_meal_name text, special_refund_type text
					)
				) WITH ORDINALITY AS r
			OFFSET 0
		) t,
			LATERAL (
				SELECT CASE
					WHEN t.paid_at IS NOT NULL
						THEN COALESCE(t.divide_order_fee, CASE
							-- two amounts that fit may differ by one that does not
							WHEN pg_catalog.abs(t.total_fee - COALESCE(t.part_mjz_discount, 0)) < 1e16
								THEN t.total_fee - COALESCE(t.part_mjz_discount, 0)
						END)
				END AS amount
				OFFSET 0
			) d
		-- the same line twice in a record: the first of them
		ORDER BY t.oid, t.modified DESC, t.line_no
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
				modified, tid, trade_status, trade_type, created, pay_time,
				buyer_open_uid, receiver_state, line_no, status, refund_status, refund_id,
				num_iid, outer_iid, sku_id, outer_sku_id, title, sku_properties_name, cid,
				price, num, total_fee, discount_fee, adjust_fee, part_mjz_discount,
				divide_order_fee, payment, is_gift, consign_time, end_time, shipping_type,
				logistics_company, invoice_no, store_code, item_meal_name
			) = ROW (
				excluded.modified, excluded.tid, excluded.trade_status, excluded.trade_type,
				excluded.created, excluded.pay_time, excluded.buyer_open_uid,
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
			paid_at = CASE
				WHEN ordersync.stays_paid(excluded.paid_at,
						ordersync.line_end(excluded.trade_status, excluded.status), s.paid_at, s.paid_amount_frozen)
					THEN s.paid_at
				ELSE excluded.paid_at
			END,
			paid_amount = ordersync.kept_amount(s.paid_amount, excluded.paid_amount, excluded.paid_at,
				s.paid_amount_frozen OR excluded.paid_amount_frozen OR ordersync.stays_paid(excluded.paid_at,
					ordersync.line_end(excluded.trade_status, excluded.status), s.paid_at, s.paid_amount_frozen),
				COALESCE(excluded.refund_status, '') NOT IN ('NO_REFUND', '')
					OR COALESCE(p_source = 'history', false)),
			paid_amount_estimated = CASE
				WHEN s.paid_amount_frozen THEN s.paid_amount_estimated
				WHEN s.paid_amount IS NOT NULL THEN false
				ELSE excluded.paid_amount_estimated
			END,
			paid_amount_frozen = s.paid_amount_frozen OR excluded.paid_amount_frozen
				OR ordersync.stays_paid(excluded.paid_at,
					ordersync.line_end(excluded.trade_status, excluded.status), s.paid_at, s.paid_amount_frozen),
			synced_at = excluded.synced_at
		WHERE (s.tid = excluded.tid OR s.modified <= excluded.modified)
			AND (NOT s.paid_amount_frozen AND (excluded.paid_amount_frozen
					OR ordersync.stays_paid(excluded.paid_at,
						ordersync.line_end(excluded.trade_status, excluded.status), s.paid_at, s.paid_amount_frozen))
				OR s.paid_at IS DISTINCT FROM excluded.paid_at
					AND NOT ordersync.stays_paid(excluded.paid_at,
						ordersync.line_end(excluded.trade_status, excluded.status), s.paid_at, s.paid_amount_frozen)
				OR s.paid_amount IS DISTINCT FROM ordersync.kept_amount(
					s.paid_amount, excluded.paid_amount, excluded.paid_at,
					s.paid_amount_frozen OR excluded.paid_amount_frozen OR ordersync.stays_paid(excluded.paid_at,
						ordersync.line_end(excluded.trade_status, excluded.status), s.paid_at, s.paid_amount_frozen),
					COALESCE(excluded.refund_status, '') NOT IN ('NO_REFUND', '')
						OR COALESCE(p_source = 'history', false))
				OR (
					s.modified, s.tid, s.trade_status, s.trade_type, s.created, s.pay_time,
					s.buyer_open_uid, s.receiver_state, s.line_no, s.status,
					s.refund_status, s.refund_id, s.num_iid, s.outer_iid, s.sku_id,
					s.outer_sku_id, s.title, s.sku_properties_name, s.cid, s.price, s.num,
					s.total_fee, s.discount_fee, s.adjust_fee, s.part_mjz_discount,
					s.divide_order_fee, s.payment, s.is_gift, s.consign_time, s.end_time,
					s.shipping_type, s.logistics_company, s.invoice_no, s.store_code,
					s.item_meal_name
				) IS DISTINCT FROM (
					excluded.modified, excluded.tid, excluded.trade_status, excluded.trade_type,
					excluded.created, excluded.pay_time, excluded.buyer_open_uid, excluded.receiver_state, excluded.line_no,
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
 * A line's own word that money went back.  Price protection and cash-back leave
 * refund_status alone and are a list of their own, which may be read later than
 * the order whose figures they lowered.
 */
CREATE FUNCTION ordersync.line_refunded(p_refund_status text, p_special_refund_type text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(p_refund_status = 'SUCCESS', false) OR COALESCE(p_special_refund_type <> '', false);
COMMENT ON FUNCTION ordersync.line_refunded(text, text) IS
	'whether an item line''s record says that money went back';

CREATE FUNCTION ordersync.is_cash_on_delivery(p_trade_type text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_trade_type IN ('cod', 'b2c_cod', 'super_market_cod_trade');
COMMENT ON FUNCTION ordersync.is_cash_on_delivery(text) IS
	'orders of this type are paid when they arrive; NULL: not known';

/*
 * A line may end apart from its order, without ever having been paid for: the
 * seller closes one of several before the buyer pays for the rest, or one is
 * refused at the door of an order that is paid there, which closes it although
 * no money went back.
 */
CREATE FUNCTION ordersync.line_unsold(
	p_trade_type text,
	p_status text,
	p_refund_status text,
	p_special_refund_type text
)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE p_status
	WHEN 'TRADE_CLOSED_BY_TAOBAO' THEN true
	WHEN 'TRADE_CLOSED' THEN
		COALESCE(ordersync.is_cash_on_delivery(p_trade_type), false)
			AND NOT ordersync.line_refunded(p_refund_status, p_special_refund_type)
	ELSE false
END;
COMMENT ON FUNCTION ordersync.line_unsold(text, text, text, text) IS
	'whether an item line was closed without having been paid, whatever its order was';

/* An order that ends ends its lines; a line that ended before it ended its own way. */
CREATE FUNCTION ordersync.line_end(p_trade_status text, p_status text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_status IN ('TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO') THEN p_status ELSE p_trade_status END;
COMMENT ON FUNCTION ordersync.line_end(text, text) IS
	'the status that tells how an item line was closed: its own, or else its order''s';

/*
 * That an order was read is news of where the platform has it, also when the
 * record itself is no news.  Few orders are elsewhere than in the lists, and
 * these have an index of their own.
 */
CREATE FUNCTION ordersync.note_listed(p_shop bigint, p_source text, p_tids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_source = 'history' THEN
		UPDATE ordersync.orders o
		SET platform_state = 'archived',
			synced_at = pg_catalog.now()
		WHERE o.shop_id = p_shop
			AND o.tid = ANY (p_tids)
			AND o.platform_state <> 'archived';
	ELSE
		UPDATE ordersync.orders o
		SET platform_state = 'listed',
			synced_at = pg_catalog.now()
		WHERE o.shop_id = p_shop
			AND o.tid = ANY (p_tids)
			AND o.platform_state <> 'listed';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_listed(bigint, text, bigint[]) IS
	'notes in which list orders have been read';

/*
 * Once sold, what is closed later was sold all the same: the day of its payment
 * is not taken from the sales of a day that is past.  TRADE_CLOSED_BY_TAOBAO says
 * that it was closed before it was paid, so it was no sale, whatever was thought
 * of it; but what money went back for (the amount is frozen) was.
 */
CREATE FUNCTION ordersync.stays_paid(
	p_paid_at timestamptz,
	p_status text,
	p_was_paid_at timestamptz,
	p_was_frozen boolean
)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_paid_at IS NULL AND p_was_paid_at IS NOT NULL
	AND COALESCE(p_status = 'TRADE_CLOSED' OR p_status = 'TRADE_CLOSED_BY_TAOBAO' AND p_was_frozen, false);
COMMENT ON FUNCTION ordersync.stays_paid(timestamptz, text, timestamptz, boolean) IS
	'whether an order or line that counted as paid still does though its record no longer says so: it was closed after its sale';

/* Fixed: what was paid is known from before.  Disputed: the record's figure may have fallen. */
CREATE FUNCTION ordersync.kept_amount(
	p_was numeric,
	p_now numeric,
	p_paid_at timestamptz,
	p_fixed boolean,
	p_disputed boolean
)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN p_fixed THEN COALESCE(p_was, p_now)
	WHEN p_disputed THEN GREATEST(p_now, CASE WHEN p_paid_at IS NOT NULL THEN p_was END)
	ELSE p_now
END;
COMMENT ON FUNCTION ordersync.kept_amount(numeric, numeric, timestamptz, boolean, boolean) IS
	'paid_amount of a stored order or line after a record of it: as it was, the higher one, or as the record says';

CREATE FUNCTION ordersync.roll_up_lines(p_lines jsonb, p_trade_type text)
RETURNS TABLE (
	line_count integer,
	item_num integer,
	gmv numeric,
	logistics_company text,
	invoice_no text,
	package_count integer,
	line_refunded boolean
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT pg_catalog.count(*)::integer,
		GREATEST(LEAST(COALESCE(
				CASE
					WHEN pg_catalog.bool_and(l.unsold) THEN pg_catalog.sum(l.num)
					ELSE pg_catalog.sum(l.num) FILTER (WHERE NOT l.unsold)
				END, 0),
			2147483647), -2147483648)::integer,
		-- amounts that fit may have a sum that does not
		CASE WHEN pg_catalog.abs(pg_catalog.sum(l.gmv)) < 1e16 THEN pg_catalog.sum(l.gmv) END,
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
		COALESCE(pg_catalog.bool_or(ordersync.line_refunded(l.refund_status, l.special_refund_type)), false)
	FROM (
		SELECT DISTINCT ON (ordersync.read_bigint(r.oid))	-- the same line twice: the first of them
			ordersync.read_int(r.num) AS num,
			ordersync.line_unsold(p_trade_type, r.status, r.refund_status, r.special_refund_type) AS unsold,
			NULLIF(r.logistics_company, '') COLLATE "C" AS logistics_company,
			NULLIF(r.invoice_no, '') COLLATE "C" AS invoice_no, r.refund_status,
			r.special_refund_type,
			ordersync.read_money(r.total_fee) - COALESCE(ordersync.read_money(r.part_mjz_discount), 0)
				AS gmv
		FROM ROWS FROM (pg_catalog.jsonb_to_recordset(p_lines) AS (
				oid text, status text, num text, logistics_company text, invoice_no text,
				refund_status text, special_refund_type text, total_fee text,
				part_mjz_discount text)
			) WITH ORDINALITY AS r
		WHERE ordersync.read_bigint(r.oid) IS NOT NULL
		ORDER BY ordersync.read_bigint(r.oid), r.ordinality
	) l;
END;
COMMENT ON FUNCTION ordersync.roll_up_lines(jsonb, text) IS
	'what an order of this type tells of its lines in its own row';
