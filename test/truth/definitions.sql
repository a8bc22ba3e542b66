-- The definitions of sales, refunds and durations in plain SQL over what the gateway says its truth is.
--
-- Independent of the extension on purpose: the records as the gateway tells them, times as the text that they are on the
-- wire (Shanghai's, so that a day is the first ten letters), no function, column or table of the extension's. It does not
-- go by the columns that the definitions were built from, but by whole records in the order in which they could be read: a
-- *reading* n is everything that the gateway held when run n was over.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS def CASCADE;
CREATE SCHEMA def;
RESET client_min_messages;

CREATE UNLOGGED TABLE def.incoming (body text);
-- object: trades, refunds, special, and history: every version of a trade that there has been
CREATE UNLOGGED TABLE def.said (n integer, shop_id bigint, object text, r jsonb);
-- each member that is looked up would unpack all of the record
ALTER TABLE def.said ALTER r SET STORAGE EXTERNAL;

CREATE FUNCTION def.take(p_n integer, p_shop bigint, p_object text) RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO def.said SELECT p_n, p_shop, p_object, body::jsonb FROM def.incoming WHERE body <> '';
	TRUNCATE def.incoming;
	SELECT count(*) FROM def.said WHERE n = p_n AND shop_id = p_shop AND object = p_object
$$;

-- When an order's money is there, as the wire's text; NULL: it is not.
CREATE FUNCTION def.paid_time(r jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT nullif(CASE
	WHEN r ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO' THEN ''
	WHEN r ->> 'type' = 'cod' THEN CASE r ->> 'status' WHEN 'TRADE_FINISHED' THEN r ->> 'end_time' END
	WHEN r ->> 'type' = 'step' OR coalesce(r ->> 'step_trade_status', '') <> '' THEN CASE r ->> 'step_trade_status' WHEN 'FRONT_PAID_FINAL_PAID' THEN r ->> 'pay_time' END
	ELSE r ->> 'pay_time'
END, '')
$$;

-- The same of a line of it: the seller may close one before the buyer pays for the rest, and it was never sold. With cash on delivery
-- there is no money at the door for what is refused there; what was given back later says so.
CREATE FUNCTION def.line_paid_time(type text, order_paid text, l jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
	WHEN l ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO' THEN NULL
	WHEN type = 'cod' AND l ->> 'status' = 'TRADE_CLOSED' AND l ->> 'refund_status' <> 'SUCCESS' AND l ->> 'special_refund_type' IS NULL THEN NULL
	ELSE order_paid
END
$$;

CREATE FUNCTION def.money_back(r jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT r ->> 'status' = 'SUCCESS'
	AND coalesce(r ->> 'dispute_type', '') NOT IN ('TMALL_EXCHANGE', 'TAOBAO_EXCHANGE', 'REPAIR', 'RESHIPPING')
$$;

CREATE FUNCTION def.day(wire text) RETURNS date LANGUAGE sql IMMUTABLE AS $$ SELECT left(wire, 10)::date $$;
CREATE FUNCTION def.hours(since text, until text) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT round(extract(epoch FROM nullif(until, '')::timestamp - nullif(since, '')::timestamp) / 3600, 2) $$;

-- Of each refund: what the last reading says, and the wire's time of the first reading in which it was through.
CREATE UNLOGGED TABLE def.refunds (shop_id bigint, refund_id bigint, tid bigint, oid bigint, special text, fee numeric,
	amount numeric, through text, first_n integer, created text, PRIMARY KEY (shop_id, refund_id));
CREATE INDEX ON def.refunds (shop_id, tid);
CREATE INDEX ON def.refunds (shop_id, oid);
CREATE UNLOGGED TABLE def.orders (shop_id bigint, tid bigint, r jsonb, lines jsonb, paid text, first_paid_n integer,
	paid_amount numeric, after_refund boolean, PRIMARY KEY (shop_id, tid));
ALTER TABLE def.orders ALTER r SET STORAGE EXTERNAL, ALTER lines SET STORAGE EXTERNAL;
CREATE UNLOGGED TABLE def.lines (shop_id bigint, tid bigint, oid bigint, l jsonb, paid text, paid_amount numeric, PRIMARY KEY (shop_id, oid));
CREATE INDEX ON def.lines (shop_id, tid);

-- Works out what can be known after reading p_n.
CREATE FUNCTION def.work_out(p_n integer) RETURNS void LANGUAGE plpgsql SET jit = off SET work_mem = '256MB' AS $$
BEGIN
	ANALYZE def.said;
	TRUNCATE def.refunds, def.orders, def.lines;

	INSERT INTO def.refunds
	SELECT shop_id, (r ->> 'refund_id')::bigint,
		(array_agg((r ->> 'tid')::bigint ORDER BY n DESC))[1],
		(array_agg((r ->> 'oid')::bigint ORDER BY n DESC))[1],
		(array_agg(r ->> 'special_refund_type' ORDER BY n DESC))[1],
		(array_agg((r ->> 'refund_fee')::numeric ORDER BY n DESC))[1],
		(array_agg(CASE WHEN def.money_back(r) THEN (r ->> 'refund_fee')::numeric ELSE 0 END ORDER BY n DESC))[1],
		(array_agg(r ->> 'modified' ORDER BY n) FILTER (WHERE r ->> 'status' = 'SUCCESS'))[1],
		min(n) FILTER (WHERE def.money_back(r)),
		min(r ->> 'created')
	FROM def.said
	WHERE object IN ('refunds', 'special') AND n <= p_n
	GROUP BY 1, 2;

	-- What was paid is told by records from before money went back, as far as there were readings before that.
	CREATE TEMP TABLE trades (n integer, shop_id bigint, tid bigint, r jsonb, lines jsonb, paid text) ON COMMIT DROP;
	ALTER TABLE trades ALTER r SET STORAGE EXTERNAL, ALTER lines SET STORAGE EXTERNAL;
	INSERT INTO trades
	SELECT s.n, s.shop_id, (s.r ->> 'tid')::bigint, s.r, s.r #> '{orders,order}', def.paid_time(s.r)
	FROM def.said AS s
	WHERE s.object = 'trades' AND s.n <= p_n;
	CREATE TEMP TABLE seen ON COMMIT DROP AS
	SELECT s.n, s.shop_id, s.tid, s.oid, s.l, s.line_paid,
		bool_or(coalesce(l ->> 'refund_status' = 'SUCCESS', false) OR coalesce(l ->> 'special_refund_type', '') <> ''
			OR EXISTS (SELECT FROM def.refunds AS f WHERE f.shop_id = s.shop_id AND f.oid = s.oid AND f.first_n <= s.n))
			OVER (PARTITION BY s.shop_id, s.oid ORDER BY s.n) AS back
	FROM (
		SELECT t.n, t.shop_id, t.tid, (l ->> 'oid')::bigint AS oid, l, def.line_paid_time(t.r ->> 'type', t.paid, l) AS line_paid
		FROM trades AS t
		CROSS JOIN jsonb_array_elements(t.lines) AS l
		OFFSET 0
	) AS s;
	ANALYZE trades, seen;

	INSERT INTO def.lines
	SELECT shop_id, tid, oid, (array_agg(l ORDER BY n DESC))[1], (array_agg(line_paid ORDER BY n DESC))[1],
		(array_agg(coalesce((l ->> 'divide_order_fee')::numeric,
			(l ->> 'total_fee')::numeric - coalesce((l ->> 'part_mjz_discount')::numeric, 0))
			ORDER BY back, CASE WHEN back THEN n ELSE - n END) FILTER (WHERE line_paid IS NOT NULL))[1]
	FROM seen
	GROUP BY 1, 2, 3;

	INSERT INTO def.orders
	SELECT shop_id, tid, (array_agg(r ORDER BY n DESC))[1], (array_agg(lines ORDER BY n DESC))[1],
		(array_agg(paid ORDER BY n DESC))[1],
		min(n) FILTER (WHERE paid IS NOT NULL),
		(array_agg((r ->> 'payment')::numeric ORDER BY back, CASE WHEN back THEN n ELSE - n END)
			FILTER (WHERE paid IS NOT NULL))[1],
		(array_agg(back ORDER BY n) FILTER (WHERE paid IS NOT NULL))[1]
	FROM trades
	JOIN (SELECT n, shop_id, tid, bool_or(back) AS back FROM seen GROUP BY 1, 2, 3) AS s USING (n, shop_id, tid)
	GROUP BY 1, 2;
	DROP TABLE seen, trades;
	ANALYZE def.refunds, def.orders, def.lines;
END $$;

CREATE VIEW def.daily_sales AS
WITH d AS (
	SELECT shop_id, def.day(r ->> 'created') AS day, 'ordered' AS what, r, lines, paid_amount, NULL::numeric AS amount, tid FROM def.orders
	UNION ALL
	SELECT shop_id, def.day(paid), 'paid', r, lines, paid_amount, NULL, tid FROM def.orders WHERE paid IS NOT NULL
	UNION ALL
	SELECT shop_id, def.day(through), 'back', NULL, NULL, NULL, amount, NULL FROM def.refunds WHERE through IS NOT NULL
), sums AS (
	SELECT shop_id, day,
		count(*) FILTER (WHERE what = 'ordered') AS orders,
		coalesce(sum((SELECT sum((l ->> 'total_fee')::numeric - coalesce((l ->> 'part_mjz_discount')::numeric, 0)) FROM jsonb_array_elements(lines) AS l))
			FILTER (WHERE what = 'ordered'), 0) AS gmv,
		count(*) FILTER (WHERE what = 'paid') AS paid_orders,
		count(*) FILTER (WHERE what = 'paid' AND paid_amount = 0) AS zero_orders,
		coalesce(sum((SELECT sum((l.l ->> 'num')::integer) FROM def.lines AS l WHERE l.shop_id = d.shop_id AND l.tid = d.tid AND l.paid IS NOT NULL))
			FILTER (WHERE what = 'paid'), 0) AS items,
		count(DISTINCT r ->> 'buyer_open_uid') FILTER (WHERE what = 'paid') AS buyers,
		coalesce(sum(paid_amount) FILTER (WHERE what = 'paid'), 0) AS paid_amount,
		coalesce(sum((r ->> 'post_fee')::numeric) FILTER (WHERE what = 'paid'), 0) AS post_fee,
		coalesce(sum((SELECT sum(l.paid_amount) FROM def.lines AS l WHERE l.shop_id = d.shop_id AND l.tid = d.tid)) FILTER (WHERE what = 'paid'), 0) AS lines_paid,
		count(*) FILTER (WHERE amount <> 0) AS refunds,
		coalesce(sum(amount), 0) AS refunded_amount
	FROM d
	GROUP BY 1, 2
)
SELECT shop_id, day, orders, gmv, paid_orders, zero_orders, items, buyers, paid_amount, post_fee,
	paid_amount - post_fee - lines_paid AS unallocated,
	round(paid_amount / nullif(paid_orders - zero_orders, 0), 2) AS average_order,
	refunds, refunded_amount, paid_amount - refunded_amount AS net_sales
FROM sums;

CREATE VIEW def.item_sales AS
SELECT shop_id, day, num_iid, count(*) FILTER (WHERE what = 'paid') AS lines,
	coalesce(sum(num), 0) AS items, coalesce(sum(num) FILTER (WHERE gift), 0) AS gift_items, coalesce(sum(paid_amount), 0) AS paid_amount,
	count(*) FILTER (WHERE what = 'back') AS refunds, coalesce(sum(amount), 0) AS refunded_amount,
	coalesce(sum(paid_amount), 0) - coalesce(sum(amount), 0) AS net_sales
FROM (
	SELECT l.shop_id, def.day(l.paid) AS day, 'paid' AS what, (l.l ->> 'num_iid')::bigint AS num_iid, (l.l ->> 'num')::integer AS num,
		coalesce((l.l ->> 'is_free_gift')::boolean, false) OR (l.l ->> 'price')::numeric = 0 AS gift, l.paid_amount, NULL::numeric AS amount
	FROM def.lines AS l
	WHERE l.paid IS NOT NULL
	UNION ALL
	SELECT f.shop_id, def.day(f.through), 'back', (l.l ->> 'num_iid')::bigint, NULL, NULL, NULL, f.amount
	FROM def.refunds AS f
	LEFT JOIN def.lines AS l USING (shop_id, oid)
	WHERE f.through IS NOT NULL AND f.amount <> 0
) AS d
GROUP BY 1, 2, 3;

CREATE VIEW def.refund_rates AS
SELECT shop_id, def.day(l.paid) AS day, (l.l ->> 'num_iid')::bigint AS num_iid, count(*) AS lines, count(b.amount) AS refunded_lines,
	round(count(b.amount)::numeric / count(*), 4) AS line_rate, sum(l.paid_amount) AS paid_amount, coalesce(sum(b.amount), 0) AS refunded_amount,
	round(coalesce(sum(b.amount), 0) / nullif(sum(l.paid_amount), 0), 4) AS amount_rate,
	sum(l.paid_amount) - coalesce(sum(b.amount), 0) AS net_amount
FROM def.lines AS l
LEFT JOIN (SELECT shop_id, oid, sum(amount) AS amount FROM def.refunds WHERE amount <> 0 GROUP BY 1, 2) AS b USING (shop_id, oid)
WHERE l.paid IS NOT NULL
GROUP BY 1, 2, 3;

CREATE FUNCTION def.stage(status text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE status WHEN 'TRADE_NO_CREATE_PAY' THEN 'created' WHEN 'WAIT_BUYER_PAY' THEN 'unpaid'
	WHEN 'PAY_PENDING' THEN 'paying' WHEN 'WAIT_PRE_AUTH_CONFIRM' THEN 'paying' WHEN 'WAIT_SELLER_SEND_GOODS' THEN 'paid'
	WHEN 'PAID_FORBID_CONSIGN' THEN 'paid' WHEN 'SELLER_CONSIGNED_PART' THEN 'partly_shipped'
	WHEN 'WAIT_BUYER_CONFIRM_GOODS' THEN 'shipped' WHEN 'TRADE_BUYER_SIGNED' THEN 'signed' WHEN 'TRADE_FINISHED' THEN 'finished'
	WHEN 'TRADE_CLOSED' THEN 'closed_refunded' WHEN 'TRADE_CLOSED_BY_TAOBAO' THEN 'closed_unpaid' END
$$;

-- One row an order, as order_report shows its amounts and times.
CREATE VIEW def.order_report AS
SELECT shop_id, tid, tid::text AS tid_str, def.day(r ->> 'created') AS created_date, def.day(paid) AS paid_date,
	(SELECT sum((x ->> 'total_fee')::numeric - coalesce((x ->> 'part_mjz_discount')::numeric, 0)) FROM jsonb_array_elements(lines) AS x) AS gmv,
	CASE WHEN paid IS NOT NULL THEN paid_amount END AS paid_amount,
	CASE WHEN r ->> 'step_trade_status' IN ('FRONT_PAID_FINAL_NOPAID', 'FRONT_PAID_FRONT_FORFEITED') THEN (r ->> 'step_paid_fee')::numeric END
		AS deposit_received,
	coalesce((SELECT sum(amount) FROM def.refunds AS f WHERE f.shop_id = o.shop_id AND f.tid = o.tid), 0) AS refunded_amount,
	CASE WHEN paid IS NOT NULL THEN paid_amount - (r ->> 'post_fee')::numeric
		- (SELECT sum(l.paid_amount) FROM def.lines AS l WHERE l.shop_id = o.shop_id AND l.tid = o.tid) END AS unallocated,
	(r ->> 'received_payment')::numeric AS received_payment,
	jsonb_array_length(lines) AS line_count,
	-- what there is to ship; of an order whose lines are all closed unpaid, what was ordered
	(SELECT coalesce(sum((x ->> 'num')::integer) FILTER (WHERE x ->> 'status' <> 'TRADE_CLOSED_BY_TAOBAO'), sum((x ->> 'num')::integer))
		FROM jsonb_array_elements(lines) AS x) AS item_num,
	CASE WHEN r ->> 'type' <> 'cod' THEN def.hours(r ->> 'created', paid) END AS hours_to_pay,
	def.hours(CASE WHEN r ->> 'type' = 'cod' THEN r ->> 'created' ELSE paid END, r ->> 'consign_time') AS hours_to_ship,
	def.hours(r ->> 'consign_time', r ->> 'end_time') AS hours_to_end,
	CASE
		WHEN r ->> 'status' = 'WAIT_BUYER_PAY' AND r ->> 'step_trade_status' = 'FRONT_PAID_FINAL_NOPAID' THEN 'deposit_paid'
		ELSE def.stage(r ->> 'status')
	END AS stage
FROM def.orders AS o;

-- One row a line, as sub_order_report shows its amounts.
CREATE VIEW def.sub_order_report AS
SELECT l.shop_id, l.oid, l.oid::text AS oid_str, l.tid::text AS tid_str, def.day(o.r ->> 'created') AS created_date, def.day(l.paid) AS paid_date,
	(l.l ->> 'price')::numeric * (l.l ->> 'num')::integer AS list_amount,
	(l.l ->> 'total_fee')::numeric - coalesce((l.l ->> 'part_mjz_discount')::numeric, 0) AS gmv,
	CASE WHEN l.paid IS NOT NULL THEN l.paid_amount END AS paid_amount,
	coalesce((SELECT sum(amount) FROM def.refunds AS f WHERE f.shop_id = l.shop_id AND f.oid = l.oid), 0) AS refunded_amount,
	CASE
		WHEN l.l ->> 'status' = 'WAIT_BUYER_PAY' AND o.r ->> 'step_trade_status' = 'FRONT_PAID_FINAL_NOPAID' THEN 'deposit_paid'
		ELSE def.stage(l.l ->> 'status')
	END AS stage
FROM def.lines AS l
JOIN def.orders AS o USING (shop_id, tid);

-- The stages of orders that are paid at once and leave in one parcel: for these the wire has every time.
CREATE VIEW def.stages AS
SELECT shop_id, tid, def.day(r ->> 'created') AS day, stage, at::timestamp AS entered_at,
	lead(at::timestamp) OVER life AS left_at, def.hours(at, lead(at) OVER life) AS hours
FROM def.orders
CROSS JOIN LATERAL (VALUES
	(1, 'unpaid', r ->> 'created'), (2, 'paid', r ->> 'pay_time'), (3, 'shipped', r ->> 'consign_time'),
	(4, CASE r ->> 'status' WHEN 'TRADE_FINISHED' THEN 'finished' WHEN 'TRADE_CLOSED' THEN 'closed_refunded' ELSE 'closed_unpaid' END, r ->> 'end_time')
) AS x (place, stage, at)
WHERE r ->> 'type' IN ('fixed', 'auction', 'ec', 'auto_delivery', 'eticket', 'game_equipment', 'instant_trade', 'o2o_offlinetrade')
	AND (SELECT count(DISTINCT l ->> 'consign_time') FROM jsonb_array_elements(lines) AS l) <= 1
	AND r ->> 'status' <> 'SELLER_CONSIGNED_PART'
	AND at <> ''
WINDOW life AS (PARTITION BY shop_id, tid ORDER BY at, place);
