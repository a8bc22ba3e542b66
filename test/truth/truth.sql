-- The judge: what the tables must hold, worked out from what the gateway says its truth is.
--
-- Shared by the demo, the whole runs and the benchmarks. It knows the wire's field names and the columns' meaning, and
-- calls nothing of the extension, so that a fault of the extension cannot hide behind itself.
--
-- A *reading* is what one run could see: all records of one object that the gateway holds for the range of that run, as
-- one of its APIs serves them, taken while the world stands still. Readings are numbered in the order of the runs. A
-- column is expected as the newest reading has it whose API serves the column; what has a history (the amount paid before
-- a refund, when a refund was first seen successful) is worked out over the readings in their order.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS truth CASCADE;
CREATE SCHEMA truth;
RESET client_min_messages;

CREATE UNLOGGED TABLE truth.incoming (body text);

CREATE UNLOGGED TABLE truth.readings (
	n integer,
	shop_id bigint,
	object text CHECK (object IN ('trades', 'refunds')),
	id bigint,
	modified timestamptz,
	columns jsonb,			-- what this reading says of the row
	oid bigint,				-- of a refund
	gives_money_back boolean,
	PRIMARY KEY (object, shop_id, id, n)
);

-- Tasks by id that a reading has taken in.
CREATE UNLOGGED TABLE truth.fetched (task_id bigint PRIMARY KEY);

-- The lines of all readings, one by one.
CREATE UNLOGGED TABLE truth.lines (
	n integer,
	shop_id bigint,
	tid bigint,
	oid bigint,
	modified timestamptz,
	columns jsonb,
	amount numeric,			-- paid for it, where it is paid
	refunded boolean,		-- by its own word
	evidence boolean,		-- by any word until this reading
	PRIMARY KEY (shop_id, oid, n)
);

-- The platform's times have no zone: they are Shanghai's. Whatever is empty on the wire is NULL.
CREATE FUNCTION truth.at(v text) RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT nullif(v, '')::timestamp AT TIME ZONE 'Asia/Shanghai' $$;
CREATE FUNCTION truth.money(v text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(v, '')::numeric(18, 2) $$;
CREATE FUNCTION truth.whole(v text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(v, '')::bigint $$;
CREATE FUNCTION truth.day(v timestamptz) RETURNS date LANGUAGE sql STABLE AS $$ SELECT (v AT TIME ZONE 'Asia/Shanghai')::date $$;

-- A later object wins key by key.
CREATE AGGREGATE truth.merge(jsonb) (SFUNC = pg_catalog.jsonb_concat, STYPE = jsonb, INITCOND = '{}');

-- When an order counts as paid: not at its deposit, cash on delivery at its end, and never if it was closed before.
CREATE FUNCTION truth.paid_at(r jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT CASE
	WHEN r ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO' THEN NULL
	WHEN r ->> 'type' IN ('cod', 'b2c_cod', 'super_market_cod_trade')
		THEN CASE WHEN r ->> 'status' = 'TRADE_FINISHED' THEN truth.at(r ->> 'end_time') END
	WHEN coalesce(r ->> 'step_trade_status', '') <> ''
		THEN CASE WHEN r ->> 'step_trade_status' = 'FRONT_PAID_FINAL_PAID' THEN truth.at(r ->> 'pay_time') END
	WHEN r ->> 'type' = 'step'
		THEN CASE WHEN r ->> 'status' IN ('WAIT_SELLER_SEND_GOODS', 'PAID_FORBID_CONSIGN', 'SELLER_CONSIGNED_PART',
			'WAIT_BUYER_CONFIRM_GOODS', 'TRADE_BUYER_SIGNED', 'TRADE_FINISHED', 'TRADE_CLOSED') THEN truth.at(r ->> 'pay_time') END
	ELSE truth.at(r ->> 'pay_time')
END $$;

-- A line that ended without having been paid for, whatever became of its order: closed before payment, or refused at the door.
CREATE FUNCTION truth.never_sold(r jsonb, line jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(line ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO', false)
	OR coalesce(r ->> 'type' IN ('cod', 'b2c_cod', 'super_market_cod_trade') AND line ->> 'status' = 'TRADE_CLOSED', false)
		AND coalesce(line ->> 'refund_status', '') <> 'SUCCESS' AND coalesce(line ->> 'special_refund_type', '') = ''
$$;
CREATE FUNCTION truth.line_paid_at(r jsonb, line jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN NOT truth.never_sold(r, line) THEN truth.paid_at(r) END $$;

-- Money that went back: a successful case that is no exchange, repair or reshipping.
CREATE FUNCTION truth.gives_money_back(r jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT r ->> 'status' = 'SUCCESS'
	AND coalesce(r ->> 'dispute_type', '') NOT IN ('TMALL_EXCHANGE', 'TAOBAO_EXCHANGE', 'REPAIR', 'RESHIPPING')
$$;

-- What one reading says of an order: all that its API serves. Names on the right are the wire's.
CREATE FUNCTION truth.order_columns(r jsonb, api text) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
	'platform', 'taobao', 'platform_state', 'listed',
	'seller_nick', r ->> 'seller_nick', 'type', r ->> 'type', 'status', r ->> 'status',
	'step_trade_status', r ->> 'step_trade_status',
	'created', truth.at(r ->> 'created'), 'pay_time', truth.at(r ->> 'pay_time'),
	'consign_time', truth.at(r ->> 'consign_time'), 'end_time', truth.at(r ->> 'end_time'),
	'modified', truth.at(r ->> 'modified'),
	'paid_at', truth.paid_at(r), 'created_date', truth.day(truth.at(r ->> 'created')),
	'paid_date', truth.day(truth.paid_at(r)), 'end_date', truth.day(truth.at(r ->> 'end_time')),
	'total_fee', truth.money(r ->> 'total_fee'), 'discount_fee', truth.money(r ->> 'discount_fee'),
	'adjust_fee', truth.money(r ->> 'adjust_fee'), 'post_fee', truth.money(r ->> 'post_fee'),
	'payment', truth.money(r ->> 'payment'), 'received_payment', truth.money(r ->> 'received_payment'),
	'step_paid_fee', truth.money(r ->> 'step_paid_fee'), 'credit_card_fee', truth.money(r ->> 'credit_card_fee'),
	'order_tax_fee', truth.money(r ->> 'order_tax_fee'), 'shipping_type', r ->> 'shipping_type',
	'buyer_nick', r ->> 'buyer_nick', 'buyer_open_uid', r ->> 'buyer_open_uid', 'oaid', r ->> 'oaid'
) || jsonb_build_object(
	'receiver_country', r ->> 'receiver_country', 'receiver_state', r ->> 'receiver_state',
	'receiver_city', r ->> 'receiver_city', 'receiver_district', r ->> 'receiver_district',
	'seller_flag', truth.whole(r ->> 'seller_flag'),
	'logistics_company', (SELECT string_agg(DISTINCT l ->> 'logistics_company', ',' ORDER BY l ->> 'logistics_company')
		FROM jsonb_array_elements(r #> '{orders,order}') AS l WHERE l ->> 'logistics_company' <> ''),
	'invoice_no', (SELECT string_agg(DISTINCT l ->> 'invoice_no', ',' ORDER BY l ->> 'invoice_no')
		FROM jsonb_array_elements(r #> '{orders,order}') AS l WHERE l ->> 'invoice_no' <> ''),
	'package_count', (SELECT count(DISTINCT l ->> 'invoice_no')
		FROM jsonb_array_elements(r #> '{orders,order}') AS l WHERE l ->> 'invoice_no' <> ''),
	'line_count', jsonb_array_length(r #> '{orders,order}'),
	-- of an order of which nothing is left: what was ordered
	'item_num', (SELECT coalesce(sum((l ->> 'num')::bigint) FILTER (WHERE NOT truth.never_sold(r, l)), sum((l ->> 'num')::bigint))
		FROM jsonb_array_elements(r #> '{orders,order}') AS l),
	'gmv', (SELECT sum(truth.money(l ->> 'total_fee') - coalesce(truth.money(l ->> 'part_mjz_discount'), 0))
		FROM jsonb_array_elements(r #> '{orders,order}') AS l)
) || CASE WHEN api IN ('list', 'full') THEN jsonb_build_object(
	'trade_from', r ->> 'trade_from', 'trade_source', r ->> 'trade_source',
	'commission_fee', truth.money(r ->> 'commission_fee'), 'cod_fee', truth.money(r ->> 'cod_fee'),
	'yfx_fee', truth.money(r ->> 'yfx_fee'), 'point_fee', truth.whole(r ->> 'point_fee'),
	'real_point_fee', truth.whole(r ->> 'real_point_fee'),
	'buyer_obtain_point_fee', truth.whole(r ->> 'buyer_obtain_point_fee'),
	'cod_status', r ->> 'cod_status', 'is_part_consign', (r ->> 'is_part_consign')::boolean,
	'alipay_no', r ->> 'alipay_no'
) ELSE '{}' END || CASE WHEN api = 'list' THEN jsonb_build_object(
	'async_modified', truth.at(r ->> 'async_modified')
) ELSE '{}' END || CASE WHEN api <> 'full' THEN jsonb_build_object(
	'has_buyer_message', (r ->> 'has_buyer_message')::boolean
) ELSE '{}' END || CASE WHEN api = 'full' THEN jsonb_build_object(
	'details_at', true, 'available_confirm_fee', truth.money(r ->> 'available_confirm_fee'),
	'platform_subsidy_fee', truth.money(r ->> 'platform_subsidy_fee'), 'seller_memo', r ->> 'seller_memo'
) ELSE '{}' END
$$;

-- Columns that only some APIs serve, as they stand when none of those has read the record.
CREATE FUNCTION truth.unread_order() RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_object_agg(name, NULL) FROM unnest(ARRAY['trade_from', 'trade_source', 'commission_fee', 'cod_fee', 'yfx_fee',
	'point_fee', 'real_point_fee', 'buyer_obtain_point_fee', 'cod_status', 'is_part_consign', 'alipay_no', 'async_modified',
	'available_confirm_fee', 'platform_subsidy_fee', 'seller_memo', 'has_buyer_message', 'paid_amount', 'paid_amount_frozen']) AS name
$$;

-- Of what is fetched by id it is only told whether it ever was.
CREATE FUNCTION truth.with_details(columns jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT columns || jsonb_build_object('details_at', columns -> 'details_at' IS NOT NULL AND columns -> 'details_at' <> 'null')
$$;

CREATE FUNCTION truth.line_columns(trade jsonb, line jsonb, line_no smallint) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
	'tid', (trade ->> 'tid')::bigint, 'platform', 'taobao',
	'trade_status', trade ->> 'status', 'trade_type', trade ->> 'type',
	'created', truth.at(trade ->> 'created'), 'pay_time', truth.at(trade ->> 'pay_time'),
	'paid_at', truth.line_paid_at(trade, line), 'modified', truth.at(trade ->> 'modified'),
	'created_date', truth.day(truth.at(trade ->> 'created')), 'paid_date', truth.day(truth.line_paid_at(trade, line)),
	'buyer_open_uid', trade ->> 'buyer_open_uid', 'receiver_state', trade ->> 'receiver_state',
	'line_no', line_no, 'status', line ->> 'status', 'refund_status', line ->> 'refund_status',
	'refund_id', nullif(truth.whole(line ->> 'refund_id'), 0), 'num_iid', truth.whole(line ->> 'num_iid'),
	'outer_iid', line ->> 'outer_iid', 'sku_id', nullif(truth.whole(line ->> 'sku_id'), 0),
	'outer_sku_id', line ->> 'outer_sku_id', 'title', line ->> 'title',
	'sku_properties_name', line ->> 'sku_properties_name', 'cid', truth.whole(line ->> 'cid')
) || jsonb_build_object(
	'price', truth.money(line ->> 'price'), 'num', truth.whole(line ->> 'num'),
	'total_fee', truth.money(line ->> 'total_fee'), 'discount_fee', truth.money(line ->> 'discount_fee'),
	'adjust_fee', truth.money(line ->> 'adjust_fee'), 'part_mjz_discount', truth.money(line ->> 'part_mjz_discount'),
	'divide_order_fee', truth.money(line ->> 'divide_order_fee'), 'payment', truth.money(line ->> 'payment'),
	'is_gift', coalesce((line ->> 'is_free_gift')::boolean, false) OR coalesce(truth.money(line ->> 'price') = 0, false),
	'consign_time', truth.at(line ->> 'consign_time'), 'end_time', truth.at(line ->> 'end_time'),
	'shipping_type', line ->> 'shipping_type', 'logistics_company', line ->> 'logistics_company',
	'invoice_no', line ->> 'invoice_no', 'store_code', line ->> 'store_code', 'item_meal_name', line ->> 'item_meal_name'
)
$$;

CREATE FUNCTION truth.refund_columns(r jsonb, api text) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
	'tid', truth.whole(r ->> 'tid'), 'oid', truth.whole(r ->> 'oid'), 'platform', 'taobao',
	'status', r ->> 'status', 'order_status', r ->> 'order_status', 'dispute_type', r ->> 'dispute_type',
	'refund_phase', r ->> 'refund_phase', 'good_status', r ->> 'good_status',
	'has_good_return', (r ->> 'has_good_return')::boolean,
	'operation_contraint', nullif(r ->> 'operation_contraint', 'null'),
	'created', truth.at(r ->> 'created'), 'modified', truth.at(r ->> 'modified'),
	'created_date', truth.day(truth.at(r ->> 'created')),
	'total_fee', truth.money(r ->> 'total_fee'), 'refund_fee', truth.money(r ->> 'refund_fee'),
	'refunded_amount', CASE WHEN truth.gives_money_back(r) THEN truth.money(r ->> 'refund_fee') ELSE 0 END,
	'payment', truth.money(r ->> 'payment'), 'reason', r ->> 'reason', 'description', r ->> 'desc', 'title', r ->> 'title',
	'num', truth.whole(r ->> 'num'), 'sku_id', nullif(truth.whole(substring(r ->> 'sku' FROM '^(\d+)')), 0),
	'sku', r ->> 'sku', 'outer_id', r ->> 'outer_id', 'company_name', r ->> 'company_name', 'sid', r ->> 'sid',
	'buyer_nick', r ->> 'buyer_nick', 'buyer_open_uid', r ->> 'buyer_open_uid',
	'refund_version', truth.whole(r ->> 'refund_version')
) || CASE WHEN api = 'full' THEN jsonb_build_object(
	'cs_status', truth.whole(r ->> 'cs_status'), 'advance_status', truth.whole(r ->> 'advance_status'),
	'good_return_time', truth.at(r ->> 'good_return_time'), 'timeout', truth.at(r #>> '{refund_remind_timeout,timeout}'),
	'split_seller_fee', truth.money(r ->> 'split_seller_fee'), 'split_taobao_fee', truth.money(r ->> 'split_taobao_fee'),
	'price', truth.money(r ->> 'price'), 'num_iid', truth.whole(r ->> 'num_iid')
) ELSE '{}' END || CASE WHEN api = 'special' THEN jsonb_build_object(
	'special_refund_type', r ->> 'special_refund_type'
) ELSE '{}' END
$$;

CREATE FUNCTION truth.unread_refund() RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_object_agg(name, NULL) FROM unnest(ARRAY['cs_status', 'advance_status', 'good_return_time', 'timeout',
	'split_seller_fee', 'split_taobao_fee', 'price', 'special_refund_type', 'refunded_at', 'refunded_date', 'closed_at', 'turned_at']) AS name
$$;

CREATE UNLOGGED TABLE truth.expected (tab text, shop_id bigint, id bigint, columns jsonb, PRIMARY KEY (tab, shop_id, id));

-- Takes what was copied into truth.incoming as reading p_n; a record said twice is a fault of the gateway, and an error here.
CREATE FUNCTION truth.take(p_n integer, p_shop bigint, p_object text, p_api text) RETURNS bigint LANGUAGE plpgsql SET jit = off AS $$
DECLARE
	taken bigint;
BEGIN
	IF p_object = 'trades' THEN
		INSERT INTO truth.readings
		SELECT p_n, p_shop, p_object, (r ->> 'tid')::bigint, truth.at(r ->> 'modified'), truth.order_columns(r, p_api)
		FROM (SELECT body::jsonb AS r FROM truth.incoming WHERE body <> '' OFFSET 0) AS said;
	ELSE
		INSERT INTO truth.readings
		SELECT p_n, p_shop, 'refunds', (r ->> 'refund_id')::bigint, truth.at(r ->> 'modified'),
			truth.refund_columns(r, CASE p_object WHEN 'special' THEN 'special' ELSE p_api END),
			(r ->> 'oid')::bigint, truth.gives_money_back(r)
		FROM (SELECT body::jsonb AS r FROM truth.incoming WHERE body <> '' OFFSET 0) AS said;
	END IF;
	GET DIAGNOSTICS taken = ROW_COUNT;

	INSERT INTO truth.lines
	SELECT p_n, p_shop, (r ->> 'tid')::bigint, (line ->> 'oid')::bigint, truth.at(r ->> 'modified'),
		truth.line_columns(r, line, line_no::smallint),
		CASE WHEN truth.line_paid_at(r, line) IS NOT NULL
			THEN coalesce(truth.money(line ->> 'divide_order_fee'),
				truth.money(line ->> 'total_fee') - coalesce(truth.money(line ->> 'part_mjz_discount'), 0)) END,
		coalesce(line ->> 'refund_status' = 'SUCCESS', false) OR coalesce(line ->> 'special_refund_type', '') <> ''
	FROM (SELECT body::jsonb AS r FROM truth.incoming WHERE body <> '' AND p_object = 'trades' OFFSET 0) AS said
	CROSS JOIN jsonb_array_elements(r #> '{orders,order}') WITH ORDINALITY AS l (line, line_no);

	TRUNCATE truth.incoming;
	RETURN taken;
END $$;

-- Works the expected rows out of all readings taken so far.
CREATE FUNCTION truth.work_out() RETURNS void LANGUAGE plpgsql SET jit = off SET work_mem = '256MB' AS $$
BEGIN
	TRUNCATE truth.expected;
	ANALYZE truth.readings, truth.lines;

	-- By which reading a line had given money back: the first evidence freezes what was paid for it.
	WITH refunded AS (
		SELECT shop_id, oid, min(n) AS n
		FROM truth.readings
		WHERE object = 'refunds' AND gives_money_back
		GROUP BY 1, 2
	), evidence AS (
		SELECT l.shop_id, l.oid, l.n, bool_or(l.refunded OR coalesce(r.n <= l.n, false)) OVER (PARTITION BY l.shop_id, l.oid ORDER BY l.n) AS e
		FROM truth.lines AS l
		LEFT JOIN refunded AS r USING (shop_id, oid)
	)
	UPDATE truth.lines AS l
	SET evidence = v.e
	FROM evidence AS v
	WHERE v.shop_id = l.shop_id AND v.oid = l.oid AND v.n = l.n;

	-- Of a paid amount: the newest reading before the first evidence, or else the first reading with it.
	INSERT INTO truth.expected
	SELECT 'orders', o.shop_id, o.id,
		truth.unread_order()
			|| truth.with_details(truth.merge(o.columns ORDER BY o.modified, o.n))
			|| jsonb_build_object('shop_id', o.shop_id, 'tid', o.id, 'paid_amount',
				(array_agg(o.columns -> 'payment' ORDER BY h.evidence, CASE WHEN h.evidence THEN o.n ELSE - o.n END)
					FILTER (WHERE o.columns ->> 'paid_at' IS NOT NULL))[1],
				'paid_amount_frozen', bool_or(h.evidence AND o.columns ->> 'paid_at' IS NOT NULL))
	FROM truth.readings AS o
	JOIN (SELECT n, shop_id, tid, bool_or(evidence) AS evidence FROM truth.lines GROUP BY 1, 2, 3) AS h
		ON h.n = o.n AND h.shop_id = o.shop_id AND h.tid = o.id
	WHERE o.object = 'trades'
	GROUP BY o.shop_id, o.id;

	INSERT INTO truth.expected
	SELECT 'sub_orders', shop_id, oid,
		truth.merge(columns ORDER BY modified, n)
			|| jsonb_build_object('shop_id', shop_id, 'oid', oid, 'paid_amount',
				(array_agg(amount ORDER BY evidence, CASE WHEN evidence THEN n ELSE - n END) FILTER (WHERE amount IS NOT NULL))[1],
				'paid_amount_estimated',
				coalesce((array_agg(evidence ORDER BY evidence) FILTER (WHERE amount IS NOT NULL))[1], false),
				'paid_amount_frozen', bool_or(evidence AND amount IS NOT NULL))
	FROM truth.lines
	GROUP BY shop_id, oid;

	INSERT INTO truth.expected
	SELECT 'after_sales', shop_id, id,
		truth.unread_refund()
			|| truth.merge(columns ORDER BY modified, n)
			|| jsonb_build_object('shop_id', shop_id, 'refund_id', id,
				'refunded_at', (array_agg(modified ORDER BY n) FILTER (WHERE columns ->> 'status' = 'SUCCESS'))[1],
				'refunded_date', truth.day((array_agg(modified ORDER BY n) FILTER (WHERE columns ->> 'status' = 'SUCCESS'))[1]),
				'closed_at', (array_agg(modified ORDER BY n) FILTER (WHERE columns ->> 'status' IN ('CLOSED', 'EXCHANGE_TRANSFORM_TO_REFUND')))[1])
	FROM truth.readings
	WHERE object = 'refunds'
	GROUP BY shop_id, id;
	ANALYZE truth.expected;

	-- An after-sale's item is its line's, which the list does not send.
	UPDATE truth.expected AS a
	SET columns = a.columns || jsonb_build_object('num_iid', coalesce(a.columns -> 'num_iid', (
		SELECT l.columns -> 'num_iid'
		FROM truth.expected AS l
		WHERE l.tab = 'sub_orders' AND l.shop_id = a.shop_id AND l.id = (a.columns ->> 'oid')::bigint), 'null'))
	WHERE a.tab = 'after_sales';
END $$;

-- The carriers' and waybills' order is nobody's promise.
CREATE FUNCTION truth.sorted(list text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT string_agg(e, ',' ORDER BY e) FROM unnest(string_to_array(list, ',')) AS e $$;

CREATE VIEW truth.stored AS
SELECT 'orders' AS tab, o.shop_id, o.tid AS id, truth.with_details(to_jsonb(o)) - ARRAY['first_seen_at', 'synced_at'] || jsonb_build_object(
	'logistics_company', truth.sorted(o.logistics_company), 'invoice_no', truth.sorted(o.invoice_no)) AS columns
FROM ordersync.orders AS o
UNION ALL
SELECT 'sub_orders', s.shop_id, s.oid, to_jsonb(s) - ARRAY['first_seen_at', 'synced_at'] FROM ordersync.sub_orders AS s
UNION ALL
SELECT 'after_sales', a.shop_id, a.refund_id, to_jsonb(a) - ARRAY['first_seen_at', 'synced_at'] FROM ordersync.after_sales AS a;

-- Every difference: a row that is missing or not expected, or a column of a row. Columns of the table that the judge does
-- not know and columns that the table lacks are differences too.
CREATE FUNCTION truth.differences(p_but text[] DEFAULT '{}')
	RETURNS TABLE (tab text, shop_id bigint, id bigint, "column" text, expected text, stored text) LANGUAGE sql STABLE AS $$
WITH both_sides AS MATERIALIZED (
	SELECT tab, shop_id, id, e.columns - p_but AS e, s.columns - p_but AS s
	FROM truth.expected AS e
	FULL JOIN (SELECT * FROM truth.stored OFFSET 0) AS s USING (tab, shop_id, id)
	WHERE e.columns IS DISTINCT FROM s.columns
)
SELECT b.tab, b.shop_id, b.id, k.name,
	CASE WHEN b.e IS NULL THEN 'no such row' WHEN b.s IS NULL THEN 'a row' ELSE coalesce(b.e -> k.name, '"no such column"')::text END,
	CASE WHEN b.s IS NULL THEN 'no row' WHEN b.e IS NULL THEN 'a row' ELSE coalesce(b.s -> k.name, '"no such column"')::text END
FROM both_sides AS b
CROSS JOIN LATERAL (
	SELECT DISTINCT name
	FROM jsonb_object_keys(coalesce(b.e, '{}') || coalesce(b.s, '{}')) AS name
	WHERE b.e IS NOT NULL AND b.s IS NOT NULL AND b.e -> name IS DISTINCT FROM b.s -> name
	UNION ALL
	SELECT '(row)' WHERE b.e IS NULL OR b.s IS NULL
) AS k
$$;

-- What there is to compare, one line a table.
CREATE VIEW truth.sizes AS
SELECT w.tab, w.place,
	(SELECT count(*) FROM truth.expected AS e WHERE e.tab = w.tab) AS rows_of_truth,
	w.stored AS rows_stored,
	(SELECT count(*) FROM (SELECT columns FROM truth.expected AS e WHERE e.tab = w.tab LIMIT 1) AS e, jsonb_object_keys(e.columns))
		AS columns_compared
FROM (
	SELECT 'orders' AS tab, 1 AS place, count(*) AS stored FROM ordersync.orders
	UNION ALL SELECT 'sub_orders', 2, count(*) FROM ordersync.sub_orders
	UNION ALL SELECT 'after_sales', 3, count(*) FROM ordersync.after_sales
) AS w;
