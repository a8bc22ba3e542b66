-- The views for people: stages, names, ids as text, money by the definitions.
BEGIN;
SELECT plan(25);
SELECT ordersync.set_up();
SELECT lives_ok('SELECT ordersync.set_up_data(), ordersync.set_up_reports()', 'set-up can be repeated');

CREATE FUNCTION pg_temp.put(VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(7, 'list', 70, 700, p.ids, p.modified, p.digests, p.bodies) a
$$;
CREATE FUNCTION pg_temp.put_refund(VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'refund_id')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_after_sales(7, 'list', 71, 710, p.ids, p.modified, p.digests, p.bodies) a
$$;

SELECT is(pg_temp.put(
	'{"tid":1347456243420006949,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","modified":"2026-03-03 10:00:00","created":"2026-03-02 23:59:59","pay_time":"2026-03-03 00:00:00","payment":"152.00","post_fee":"10.00","orders":{"order":[{"oid":1347456243420016949,"status":"WAIT_SELLER_SEND_GOODS","refund_status":"NO_REFUND","price":"50.00","num":2,"total_fee":"100.00","part_mjz_discount":"14.00","divide_order_fee":"86.00"},{"oid":1347456243420026949,"status":"WAIT_SELLER_SEND_GOODS","refund_status":"WAIT_SELLER_AGREE","price":"60.00","num":1,"total_fee":"60.00","part_mjz_discount":"6.00","divide_order_fee":"54.00"}]}}',
	'{"tid":2,"type":"step","status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID","step_paid_fee":"20.00","modified":"2026-03-03 10:00:00","created":"2026-03-03 10:00:00","pay_time":"2026-03-03 10:00:00","payment":"100.00","orders":{"order":[{"oid":2,"status":"WAIT_BUYER_PAY","total_fee":"100.00"}]}}',
	'{"tid":3,"type":"step","status":"TRADE_CLOSED_BY_TAOBAO","step_trade_status":"FRONT_PAID_FRONT_FORFEITED","step_paid_fee":"20.00","modified":"2026-03-03 10:00:00"}',
	'{"tid":4,"status":"SOMETHING_NEW","modified":"2026-03-03 10:00:00"}',
	'{"tid":5,"modified":"2026-03-03 10:00:00"}'), '5/0/0', 'orders are stored');
SELECT is(pg_temp.put_refund(
	'{"refund_id":1347456243420036949,"tid":1347456243420006949,"oid":1347456243420016949,"status":"SUCCESS","order_status":"WAIT_SELLER_SEND_GOODS","modified":"2026-03-04 00:00:00","refund_fee":"100.00"}',
	'{"refund_id":12,"tid":1347456243420006949,"oid":1347456243420016949,"status":"SUCCESS","modified":"2026-03-04 00:00:00","refund_fee":"5.00","dispute_type":"REPAIR"}',
	'{"refund_id":13,"tid":1347456243420006949,"oid":1347456243420026949,"status":"WAIT_SELLER_AGREE","modified":"2026-03-04 00:00:00","refund_fee":"54.00"}'), '3/0/0', 'refunds are stored');

SELECT results_eq($$SELECT tid_str, stage, stage_zh, stage_en FROM ordersync.order_report ORDER BY tid$$,
	$$VALUES ('2', 'deposit_paid', '已付定金', 'deposit paid'), ('3', 'closed_unpaid', '未付款关闭', 'closed unpaid'), ('4', 'unknown', '未知', 'unknown'), ('5', NULL, NULL, NULL), ('1347456243420006949', 'paid', '已付款待发货', 'paid')$$,
	'orders: unified stage, names, id as text');
SELECT results_eq($$SELECT created_date, paid_date, total_fee, gmv, paid_amount, refunded_amount, net_amount, unallocated, deposit_received FROM ordersync.order_report WHERE tid = 1347456243420006949$$,
	$$VALUES ('2026-03-02'::date, '2026-03-03'::date, NULL::numeric, 140.00, 152.00, 100.00, 52.00, 2.00, NULL::numeric)$$, 'orders: money by the definitions, days of Shanghai');
SELECT results_eq($$SELECT tid, deposit_received, paid_amount, gmv FROM ordersync.order_report WHERE tid IN (2, 3) ORDER BY tid$$,
	$$VALUES (2::bigint, 20.00, NULL::numeric, 100.00), (3, 20.00, NULL, NULL)$$, 'deposits are no sales');
SELECT results_eq($$SELECT oid_str, tid_str, trade_stage, stage, refund_stage, refund_stage_en, list_amount, gmv, paid_amount, refunded_amount, net_amount FROM ordersync.sub_order_report ORDER BY oid$$,
	$$VALUES ('2', '2', 'deposit_paid', 'deposit_paid', NULL, NULL, NULL::numeric, 100.00, NULL::numeric, 0::numeric, NULL::numeric),
		('1347456243420016949', '1347456243420006949', 'paid', 'paid', 'none', 'no refund', 100.00, 86.00, 86.00, 100.00, -14.00),
		('1347456243420026949', '1347456243420006949', 'paid', 'paid', 'requested', 'requested', 60.00, 54.00, 54.00, 0, 54.00)$$,
	'lines: stages, names, ids as text, money; net can be below zero');
SELECT results_eq($$SELECT refund_id_str, oid_str, stage, stage_zh, order_stage, refunded_amount, refunded_date FROM ordersync.after_sale_report ORDER BY refund_id$$,
	$$VALUES ('12', '1347456243420016949', 'refunded', '退款成功', NULL, 0.00, '2026-03-04'::date), ('13', '1347456243420026949', 'requested', '申请中', NULL, 0.00, NULL), ('1347456243420036949', '1347456243420016949', 'refunded', '退款成功', 'paid', 100.00, '2026-03-04')$$,
	'after-sales: stage, names, ids as text');

-- sums that a BI user would write
SELECT is((SELECT sum(paid_amount) FROM ordersync.orders WHERE paid_date = '2026-03-03'), (SELECT sum(paid_amount) + 10.00 + 2.00 FROM ordersync.sub_orders WHERE paid_date = '2026-03-03'),
	'orders'' paid amounts are the lines'', the postage and what is unallocated');
SET LOCAL TimeZone = 'America/New_York';
SELECT is((SELECT sum(paid_amount) FROM ordersync.orders WHERE paid_date = '2026-03-03'), 152.00, 'the day is the same for a session elsewhere');

-- names come from the mapping functions, all of them
SELECT is_empty($$SELECT status FROM ordersync.status_names WHERE object = 'order' AND status = upper(status) AND (stage, name_zh, name_en)
	IS DISTINCT FROM (ordersync_order_status(status), ordersync_order_status_name(status), ordersync_order_status_name(status, 'en'))$$, 'names of orders are the functions''');
SELECT is_empty($$SELECT status FROM ordersync.status_names WHERE object = 'refund' AND status = upper(status) AND (stage, name_zh, name_en)
	IS DISTINCT FROM (ordersync_refund_status(status), ordersync_refund_status_name(status), ordersync_refund_status_name(status, 'en'))$$, 'names of refunds are the functions''');
SELECT is((SELECT count(*) FROM ordersync.status_names WHERE stage = 'unknown' AND status <> 'unknown'), 0::bigint, 'no known status maps to unknown');
SELECT is((SELECT count(*) FROM ordersync.status_names WHERE object = 'order' AND status = upper(status)), 12::bigint, 'all of an order''s statuses');
SELECT is((SELECT count(*) FROM ordersync.status_names WHERE object = 'refund' AND status = upper(status)), 16::bigint, 'all of a refund''s');

-- views that outlive the extension and hide nothing from policies
SELECT is(c.reloptions @> '{security_invoker=true}', true, c.relname || ' runs with its caller''s rights')
FROM pg_class c
WHERE c.relnamespace = 'ordersync'::regnamespace
	AND c.relname IN ('order_report', 'sub_order_report', 'after_sale_report');
SELECT is((
	SELECT count(*)
	FROM pg_depend d
	JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
	JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
	WHERE w.ev_class = c.oid
	), 0::bigint, c.relname || ' depends on no member of the extension')
FROM pg_class c
WHERE c.relnamespace = 'ordersync'::regnamespace
	AND c.relname IN ('order_report', 'sub_order_report', 'after_sale_report');
SELECT is(count(*), 0::bigint, 'no default, generated column, constraint or index of the data calls a function of the extension')
FROM pg_depend d
JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'ordersync'
WHERE d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass)
	AND d.deptype <> 'i';	-- the row type of a composite type, itself a member
SELECT is(count(*), 0::bigint, 'and no table of the data is a member')
FROM pg_depend e
JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'ordersync'
WHERE e.deptype = 'e'
	AND e.classid = 'pg_class'::regclass
	AND e.objid IN (SELECT c.oid FROM pg_class c WHERE c.relkind = 'r');

-- the optional numbers cost nothing when they are not asked for
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	whole text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		whole := whole || line;
	END LOOP;
	RETURN whole;
END
$$;
SELECT unalike(pg_temp.plan_of('SELECT tid, stage, paid_amount FROM ordersync.order_report'), '%sub_orders%', 'an order''s sums are computed only when selected');
SELECT unalike(pg_temp.plan_of('SELECT oid, paid_amount FROM ordersync.sub_order_report'), '%after_sales%', 'a line''s too');

SELECT * FROM finish();
ROLLBACK;
