-- Records read into columns by SQL alone, as apply did before read_orders(), read_lines() and read_after_sales() of C: a text
-- for each field, a read_* function for each type, and a value that was sent and is NULL is one that could not be read.  The
-- columns stand here by hand, not from the dictionary: this is what the functions are compared with, value by value.
--
-- Its two inconsistencies are not kept: the list of several carriers or waybills also took those of lines that do not count
-- (without an id, or the same line again), though a single one did not; and a refund_status of null or one that is no text
-- was taken for a dispute, or not, against what the line's own row made of it.
--
-- Lines are an array of objects, as records are stored; see pg_temp.storable().

CREATE FUNCTION pg_temp.storable(payload jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN payload -> 'orders' IS NULL THEN payload
		WHEN jsonb_typeof(payload #> '{orders,order}') = 'array' AND NOT payload @? 'strict $.orders.order[*] ? (@.type() != "object")' THEN payload
		ELSE payload - 'orders'
	END
$$;

CREATE FUNCTION pg_temp.old_refunded(refund_status text, special_refund_type text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN COALESCE(refund_status = 'SUCCESS', false) OR COALESCE(special_refund_type <> '', false);

CREATE FUNCTION pg_temp.old_unsold(trade_type text, status text, refund_status text, special_refund_type text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN CASE status
	WHEN 'TRADE_CLOSED_BY_TAOBAO' THEN true
	WHEN 'TRADE_CLOSED' THEN COALESCE(trade_type IN ('cod', 'b2c_cod', 'super_market_cod_trade'), false)
		AND NOT pg_temp.old_refunded(refund_status, special_refund_type)
	ELSE false
END;

-- The lines of an order in its own row.
CREATE FUNCTION pg_temp.old_sum(lines jsonb, trade_type text)
RETURNS TABLE (line_count integer, item_num integer, gmv numeric, logistics_company text, invoice_no text, package_count integer, refunded boolean)
LANGUAGE sql IMMUTABLE AS $$
	SELECT count(*)::integer,
		GREATEST(LEAST(COALESCE(
				CASE WHEN bool_and(l.unsold) THEN sum(l.num) ELSE sum(l.num) FILTER (WHERE NOT l.unsold) END, 0),
			2147483647), -2147483648)::integer,
		CASE WHEN abs(sum(l.gmv)) < 1e16 THEN sum(l.gmv) END,
		string_agg(DISTINCT l.logistics_company, ','), string_agg(DISTINCT l.invoice_no, ','), count(DISTINCT l.invoice_no)::integer,
		COALESCE(bool_or(pg_temp.old_refunded(l.refund_status, l.special_refund_type)), false)
	FROM (
		SELECT DISTINCT ON (ordersync.read_bigint(r.oid))
			ordersync.read_int(r.num) AS num, pg_temp.old_unsold(trade_type, r.status, r.refund_status, r.special_refund_type) AS unsold,
			NULLIF(r.logistics_company, '') COLLATE "C" AS logistics_company, NULLIF(r.invoice_no, '') COLLATE "C" AS invoice_no,
			r.refund_status, r.special_refund_type,
			ordersync.read_money(r.total_fee) - COALESCE(ordersync.read_money(r.part_mjz_discount), 0) AS gmv
		FROM ROWS FROM (jsonb_to_recordset(lines) AS (
				oid text, status text, num text, logistics_company text, invoice_no text, refund_status text, special_refund_type text,
				total_fee text, part_mjz_discount text)
			) WITH ORDINALITY AS r
		WHERE ordersync.read_bigint(r.oid) IS NOT NULL
		ORDER BY ordersync.read_bigint(r.oid), r.ordinality
	) l
$$;

-- The members in which two rows differ.
CREATE FUNCTION pg_temp.differing(old jsonb, new jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(format('%s: old %s, new %s', key, left(o.value::text, 200), left(n.value::text, 200)), '; ' ORDER BY key)
	FROM jsonb_each(old) AS o FULL JOIN jsonb_each(new) AS n USING (key)
	WHERE o.value::text IS DISTINCT FROM n.value::text
$$;

CREATE FUNCTION pg_temp.compare_orders(records ordersync.applied[], OUT compared bigint, OUT differences text[]) LANGUAGE sql STABLE AS $$
	WITH t AS (
		SELECT w.ordinality::integer AS ord, w.page, w.id AS tid, w.modified,
			r.seller_nick, r.type, r.status, r.step_trade_status, r.trade_from, r.trade_source, ordersync.read_time(r.created) AS created,
			ordersync.read_time(r.pay_time) AS pay_time, ordersync.read_time(r.consign_time) AS consign_time,
			ordersync.read_time(r.end_time) AS end_time, ordersync.read_time(r.async_modified) AS async_modified,
			ordersync.read_money(r.total_fee) AS total_fee, ordersync.read_money(r.discount_fee) AS discount_fee,
			ordersync.read_money(r.adjust_fee) AS adjust_fee, ordersync.read_money(r.post_fee) AS post_fee,
			ordersync.read_money(r.payment) AS payment, ordersync.read_money(r.received_payment) AS received_payment,
			ordersync.read_money(r.available_confirm_fee) AS available_confirm_fee, ordersync.read_money(r.step_paid_fee) AS step_paid_fee,
			ordersync.read_money(r.commission_fee) AS commission_fee, ordersync.read_money(r.credit_card_fee) AS credit_card_fee,
			ordersync.read_money(r.cod_fee) AS cod_fee, ordersync.read_money(r.order_tax_fee) AS order_tax_fee,
			ordersync.read_money(r.platform_subsidy_fee) AS platform_subsidy_fee, ordersync.read_money(r.yfx_fee) AS yfx_fee,
			ordersync.read_bigint(r.point_fee) AS point_fee, ordersync.read_bigint(r.real_point_fee) AS real_point_fee,
			ordersync.read_bigint(r.buyer_obtain_point_fee) AS buyer_obtain_point_fee, r.cod_status, r.shipping_type,
			ordersync.read_boolean(r.is_part_consign) AS is_part_consign, r.buyer_nick, r.buyer_open_uid, r.oaid, r.receiver_country,
			r.receiver_state, r.receiver_city, r.receiver_district, ordersync.read_smallint(r.seller_flag) AS seller_flag, r.seller_memo,
			ordersync.read_boolean(r.has_buyer_message) AS has_buyer_message, r.alipay_no,
			num_nonnulls(
				NULLIF(r.created, ''), NULLIF(r.pay_time, ''), NULLIF(r.consign_time, ''), NULLIF(r.end_time, ''), NULLIF(r.async_modified, ''),
				NULLIF(r.total_fee, ''), NULLIF(r.discount_fee, ''), NULLIF(r.adjust_fee, ''), NULLIF(r.post_fee, ''), NULLIF(r.payment, ''),
				NULLIF(r.received_payment, ''), NULLIF(r.available_confirm_fee, ''), NULLIF(r.step_paid_fee, ''), NULLIF(r.commission_fee, ''),
				NULLIF(r.credit_card_fee, ''), NULLIF(r.cod_fee, ''), NULLIF(r.order_tax_fee, ''), NULLIF(r.platform_subsidy_fee, ''),
				NULLIF(r.yfx_fee, ''), NULLIF(r.point_fee, ''), NULLIF(r.real_point_fee, ''), NULLIF(r.buyer_obtain_point_fee, ''),
				NULLIF(r.is_part_consign, ''), NULLIF(r.seller_flag, ''), NULLIF(r.has_buyer_message, '')
			) + COALESCE((w.payload -> 'orders') ? 'unreadable', false)::integer AS sent,
			l.*, EXISTS (
				SELECT FROM jsonb_to_recordset(w.payload -> 'orders' -> 'order') AS d (refund_status text)
				WHERE d.refund_status NOT IN ('NO_REFUND', '')
			) AS disputed
		FROM unnest(records) WITH ORDINALITY AS w,
			LATERAL jsonb_to_record(w.payload) AS r (
				seller_nick text, type text, status text, step_trade_status text, trade_from text, trade_source text, created text, pay_time text,
				consign_time text, end_time text, async_modified text, total_fee text, discount_fee text, adjust_fee text, post_fee text,
				payment text, received_payment text, available_confirm_fee text, step_paid_fee text, commission_fee text, credit_card_fee text,
				cod_fee text, order_tax_fee text, platform_subsidy_fee text, yfx_fee text, point_fee text, real_point_fee text,
				buyer_obtain_point_fee text, cod_status text, shipping_type text, is_part_consign text, buyer_nick text, buyer_open_uid text,
				oaid text, receiver_country text, receiver_state text, receiver_city text, receiver_district text, seller_flag text, seller_memo text,
				has_buyer_message text, alipay_no text
			),
			LATERAL pg_temp.old_sum(w.payload -> 'orders' -> 'order', r.type) AS l
		OFFSET 0
	), o AS (
		SELECT t.ord, t.page, t.tid, t.modified,
		t.seller_nick, t.type, t.status, t.step_trade_status, t.trade_from, t.trade_source, t.created, t.pay_time, t.consign_time, t.end_time,
		t.async_modified, t.total_fee, t.discount_fee, t.adjust_fee, t.post_fee, t.payment, t.received_payment, t.available_confirm_fee,
		t.step_paid_fee, t.commission_fee, t.credit_card_fee, t.cod_fee, t.order_tax_fee, t.platform_subsidy_fee, t.yfx_fee, t.point_fee,
		t.real_point_fee, t.buyer_obtain_point_fee, t.cod_status, t.shipping_type, t.is_part_consign, t.buyer_nick, t.buyer_open_uid, t.oaid,
		t.receiver_country, t.receiver_state, t.receiver_city, t.receiver_district, t.seller_flag, t.seller_memo, t.has_buyer_message, t.alipay_no,
		t.line_count, t.item_num, t.gmv, t.logistics_company, t.invoice_no, t.package_count, t.refunded, t.disputed,
		t.sent <> num_nonnulls(
			t.created, t.pay_time, t.consign_time, t.end_time, t.async_modified, t.total_fee, t.discount_fee, t.adjust_fee, t.post_fee, t.payment,
			t.received_payment, t.available_confirm_fee, t.step_paid_fee, t.commission_fee, t.credit_card_fee, t.cod_fee, t.order_tax_fee,
			t.platform_subsidy_fee, t.yfx_fee, t.point_fee, t.real_point_fee, t.buyer_obtain_point_fee, t.is_part_consign, t.seller_flag,
			t.has_buyer_message) AS unreadable
		FROM t
	), n AS (
		SELECT ord, page, tid, modified,
		seller_nick, type, status, step_trade_status, trade_from, trade_source, created, pay_time, consign_time, end_time, async_modified, total_fee,
		discount_fee, adjust_fee, post_fee, payment, received_payment, available_confirm_fee, step_paid_fee, commission_fee, credit_card_fee, cod_fee,
		order_tax_fee, platform_subsidy_fee, yfx_fee, point_fee, real_point_fee, buyer_obtain_point_fee, cod_status, shipping_type, is_part_consign,
		buyer_nick, buyer_open_uid, oaid, receiver_country, receiver_state, receiver_city, receiver_district, seller_flag, seller_memo,
		has_buyer_message, alipay_no,
		line_count, item_num, gmv, logistics_company, invoice_no, package_count, refunded, disputed, unreadable
		FROM ordersync.read_orders(records)
	)
	SELECT count(*), (array_agg(format('%s: %s', ord, pg_temp.differing(to_jsonb(o), to_jsonb(n)))) FILTER (WHERE o::text IS DISTINCT FROM n::text))[1:10]
	FROM o FULL JOIN n USING (ord)
$$;

CREATE FUNCTION pg_temp.compare_lines(records ordersync.applied[], OUT compared bigint, OUT differences text[]) LANGUAGE sql STABLE AS $$
	WITH t AS (
		SELECT w.ordinality::integer AS ord, w.page, w.id AS of_tid, w.modified, LEAST(r.i, 32767)::smallint AS line_no, r.i,
			p.type AS trade_type, p.status AS trade_status, p.step_trade_status AS trade_step_status, ordersync.read_time(p.end_time) AS trade_end_time,
			ordersync.read_time(p.created) AS created, ordersync.read_time(p.pay_time) AS pay_time, p.buyer_open_uid, p.receiver_state,
			ordersync.read_bigint(r.oid) AS oid, r.status, r.refund_status, ordersync.read_bigint(r.refund_id) AS refund_id,
			ordersync.read_bigint(r.num_iid) AS num_iid, r.outer_iid, ordersync.read_bigint(r.sku_id) AS sku_id, r.outer_sku_id, r.title,
			r.sku_properties_name, ordersync.read_bigint(r.cid) AS cid, ordersync.read_money(r.price) AS price, ordersync.read_int(r.num) AS num,
			ordersync.read_money(r.total_fee) AS total_fee, ordersync.read_money(r.discount_fee) AS discount_fee,
			ordersync.read_money(r.adjust_fee) AS adjust_fee, ordersync.read_money(r.part_mjz_discount) AS part_mjz_discount,
			ordersync.read_money(r.divide_order_fee) AS divide_order_fee, ordersync.read_money(r.payment) AS payment,
			ordersync.read_boolean(r.is_free_gift) AS is_free_gift, r.special_refund_type, ordersync.read_time(r.consign_time) AS consign_time,
			ordersync.read_time(r.end_time) AS end_time, r.shipping_type, r.logistics_company, r.invoice_no, r.store_code, r.item_meal_name,
			num_nonnulls(
				NULLIF(r.refund_id, ''), NULLIF(r.num_iid, ''), NULLIF(r.sku_id, ''), NULLIF(r.cid, ''), NULLIF(r.price, ''), NULLIF(r.num, ''),
				NULLIF(r.total_fee, ''), NULLIF(r.discount_fee, ''), NULLIF(r.adjust_fee, ''), NULLIF(r.part_mjz_discount, ''),
				NULLIF(r.divide_order_fee, ''), NULLIF(r.payment, ''), NULLIF(r.is_free_gift, ''), NULLIF(r.consign_time, ''), NULLIF(r.end_time, '')
			) AS sent
		FROM unnest(records) WITH ORDINALITY AS w,
			LATERAL jsonb_to_record(w.payload) AS p (
				type text, status text, step_trade_status text, created text, pay_time text, end_time text, buyer_open_uid text, receiver_state text
			),
			LATERAL ROWS FROM (
				jsonb_to_recordset(w.payload -> 'orders' -> 'order') AS (
					oid text, status text, refund_status text, refund_id text, num_iid text, outer_iid text, sku_id text, outer_sku_id text,
					title text, sku_properties_name text, cid text, price text, num text, total_fee text, discount_fee text, adjust_fee text,
					part_mjz_discount text, divide_order_fee text, payment text, is_free_gift text, special_refund_type text, consign_time text,
					end_time text, shipping_type text, logistics_company text, invoice_no text, store_code text, item_meal_name text
				)
			) WITH ORDINALITY AS r (oid, status, refund_status, refund_id, num_iid, outer_iid, sku_id, outer_sku_id, title, sku_properties_name, cid, price, num, total_fee, discount_fee, adjust_fee, part_mjz_discount, divide_order_fee, payment, is_free_gift, special_refund_type, consign_time, end_time, shipping_type, logistics_company, invoice_no, store_code, item_meal_name, i)
		OFFSET 0
	), o AS (
		SELECT t.ord, t.i, t.page, t.of_tid AS tid, t.modified, t.line_no,
		t.oid IS NOT NULL AND row_number() OVER (PARTITION BY t.ord, t.oid ORDER BY t.i) > 1 AS again,
		t.trade_status, t.trade_type, t.trade_step_status, t.trade_end_time, t.created, t.pay_time, t.buyer_open_uid, t.receiver_state,
		t.oid, t.status, t.refund_status, NULLIF(t.refund_id, 0) AS refund_id, t.num_iid, t.outer_iid, NULLIF(t.sku_id, 0) AS sku_id, t.outer_sku_id,
		t.title, t.sku_properties_name, t.cid, t.price, t.num, t.total_fee, t.discount_fee, t.adjust_fee, t.part_mjz_discount, t.divide_order_fee,
		t.payment, t.is_free_gift, t.special_refund_type, t.consign_time, t.end_time, t.shipping_type, t.logistics_company, t.invoice_no,
		t.store_code, t.item_meal_name,
		t.oid IS NULL OR t.sent <> num_nonnulls(
			t.refund_id, t.num_iid, t.sku_id, t.cid, t.price, t.num, t.total_fee, t.discount_fee, t.adjust_fee, t.part_mjz_discount,
			t.divide_order_fee, t.payment, t.is_free_gift, t.consign_time, t.end_time) AS unreadable
		FROM t
	), n AS (
		SELECT ord, row_number() OVER (PARTITION BY ord) AS i, page, tid, modified, line_no, again,
		trade_status, trade_type, trade_step_status, trade_end_time, created, pay_time, buyer_open_uid, receiver_state,
		oid, status, refund_status, refund_id, num_iid, outer_iid, sku_id, outer_sku_id, title, sku_properties_name, cid, price, num, total_fee,
		discount_fee, adjust_fee, part_mjz_discount, divide_order_fee, payment, is_free_gift, special_refund_type, consign_time, end_time,
		shipping_type, logistics_company, invoice_no, store_code, item_meal_name,
		unreadable
		FROM ordersync.read_lines(records)
	)
	SELECT count(*), (array_agg(format('%s, line %s: %s', ord, i, pg_temp.differing(to_jsonb(o), to_jsonb(n)))) FILTER (WHERE o::text IS DISTINCT FROM n::text))[1:10]
	FROM o FULL JOIN n USING (ord, i)
$$;

CREATE FUNCTION pg_temp.compare_after_sales(records ordersync.applied[], OUT compared bigint, OUT differences text[]) LANGUAGE sql STABLE AS $$
	WITH t AS (
		SELECT w.ordinality::integer AS ord, w.page, w.id AS refund_id, w.modified, ordersync.read_time(r.refund_remind_timeout ->> 'timeout') AS timeout,
			NULLIF(ordersync.read_bigint(split_part(r.sku, '|', 1)), 0) AS sku_id,
			ordersync.read_bigint(r.tid) AS tid, ordersync.read_bigint(r.oid) AS oid, r.status, r.order_status, r.dispute_type, r.special_refund_type,
			r.refund_phase, r.good_status, ordersync.read_boolean(r.has_good_return) AS has_good_return, ordersync.read_int(r.cs_status) AS cs_status,
			ordersync.read_int(r.advance_status) AS advance_status, r.operation_contraint, ordersync.read_time(r.created) AS created,
			ordersync.read_time(r.good_return_time) AS good_return_time, ordersync.read_money(r.total_fee) AS total_fee,
			ordersync.read_money(r.refund_fee) AS refund_fee, ordersync.read_money(r.payment) AS payment,
			ordersync.read_money(r.split_seller_fee) AS split_seller_fee, ordersync.read_money(r.split_taobao_fee) AS split_taobao_fee, r.reason,
			r."desc", r.title, ordersync.read_int(r.num) AS num, ordersync.read_money(r.price) AS price, ordersync.read_bigint(r.num_iid) AS num_iid,
			r.sku, r.outer_id, r.company_name, r.sid, r.buyer_nick, r.buyer_open_uid, ordersync.read_bigint(r.refund_version) AS refund_version,
			num_nonnulls(
				NULLIF(r.refund_remind_timeout ->> 'timeout', ''), NULLIF(r.tid, ''), NULLIF(r.oid, ''), NULLIF(r.has_good_return, ''),
				NULLIF(r.cs_status, ''), NULLIF(r.advance_status, ''), NULLIF(r.created, ''), NULLIF(r.good_return_time, ''), NULLIF(r.total_fee, ''),
				NULLIF(r.refund_fee, ''), NULLIF(r.payment, ''), NULLIF(r.split_seller_fee, ''), NULLIF(r.split_taobao_fee, ''), NULLIF(r.num, ''),
				NULLIF(r.price, ''), NULLIF(r.num_iid, ''), NULLIF(r.refund_version, '')
			) AS sent
		FROM unnest(records) WITH ORDINALITY AS w,
			LATERAL jsonb_to_record(w.payload) AS r (
				refund_remind_timeout jsonb, tid text, oid text, status text, order_status text, dispute_type text, special_refund_type text,
				refund_phase text, good_status text, has_good_return text, cs_status text, advance_status text, operation_contraint text,
				created text, good_return_time text, total_fee text, refund_fee text, payment text, split_seller_fee text, split_taobao_fee text,
				reason text, "desc" text, title text, num text, price text, num_iid text, sku text, outer_id text, company_name text, sid text,
				buyer_nick text, buyer_open_uid text, refund_version text
			)
		OFFSET 0
	), o AS (
		SELECT t.ord, t.page, t.refund_id, t.modified, t.timeout, t.sku_id,
		t.tid, NULLIF(t.oid, 0) AS oid, t.status, t.order_status, t.dispute_type, t.special_refund_type, t.refund_phase, t.good_status, t.has_good_return, t.cs_status,
		t.advance_status, NULLIF(t.operation_contraint, 'null') AS operation_contraint, t.created, t.good_return_time, t.total_fee, t.refund_fee,
		t.payment, t.split_seller_fee, t.split_taobao_fee, t.reason, t."desc" AS description, t.title, t.num, t.price, t.num_iid, t.sku, t.outer_id,
		t.company_name, t.sid, t.buyer_nick, t.buyer_open_uid, t.refund_version,
		t.sent <> num_nonnulls(
			t.timeout, t.tid, t.oid, t.has_good_return, t.cs_status, t.advance_status, t.created, t.good_return_time, t.total_fee, t.refund_fee,
			t.payment, t.split_seller_fee, t.split_taobao_fee, t.num, t.price, t.num_iid, t.refund_version) AS unreadable
		FROM t
	), n AS (
		SELECT ord, page, refund_id, modified, timeout, sku_id,
		tid, oid, status, order_status, dispute_type, special_refund_type, refund_phase, good_status, has_good_return, cs_status, advance_status,
		operation_contraint, created, good_return_time, total_fee, refund_fee, payment, split_seller_fee, split_taobao_fee, reason, description,
		title, num, price, num_iid, sku, outer_id, company_name, sid, buyer_nick, buyer_open_uid, refund_version,
		unreadable
		FROM ordersync.read_after_sales(records)
	)
	SELECT count(*), (array_agg(format('%s: %s', ord, pg_temp.differing(to_jsonb(o), to_jsonb(n)))) FILTER (WHERE o::text IS DISTINCT FROM n::text))[1:10]
	FROM o FULL JOIN n USING (ord)
$$;

-- These payloads read as orders and lines, as after-sales, or as both (NULL): how many rows were compared, and what differs;
-- NULL: nothing.
CREATE FUNCTION pg_temp.compare(payloads jsonb[], kind text DEFAULT NULL, OUT compared bigint, OUT differences text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	records ordersync.applied[];
BEGIN
	SELECT array_agg(ROW(i, '2026-01-01Z', i % 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, pg_temp.storable(p))::ordersync.applied ORDER BY i)
	INTO records
	FROM unnest(payloads) WITH ORDINALITY AS t (p, i);
	SELECT sum(c.compared), string_agg(c.name || ' ' || array_to_string(c.differences, E'
'), E'
')
	INTO compared, differences
	FROM (
		SELECT 'order' AS name, * FROM pg_temp.compare_orders(CASE WHEN kind = 'after_sales' THEN '{}' ELSE records END)
		UNION ALL SELECT 'lines of', * FROM pg_temp.compare_lines(CASE WHEN kind = 'after_sales' THEN '{}' ELSE records END)
		UNION ALL SELECT 'after-sale', * FROM pg_temp.compare_after_sales(CASE WHEN kind = 'orders' THEN '{}' ELSE records END)
	) c;
END
$$;
CREATE FUNCTION pg_temp.differences(payloads jsonb[]) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT differences FROM pg_temp.compare(payloads)
$$;
