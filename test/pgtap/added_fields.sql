-- Added fields: columns of the reports from the payloads, of every type, that no value can make fail and that cost nothing unread.
BEGIN;
SELECT plan(94);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'America/New_York';
SET LOCAL DateStyle = 'SQL, DMY';

CREATE FUNCTION pg_temp.put(VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids, array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests, array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(7, 'details', 70, 700, p.ids, p.modified, p.digests, p.bodies) a
$$;
SELECT is(pg_temp.put(
	'{"tid":1347456243420006949,"modified":"2026-03-03 10:00:00","buyer_area":"浙江","est_con_time":"2026-03-04 08:00:00","alipay_point":12,"has_post_fee":true,"coupon_fee":"3.50","promotion_details":{"promotion_detail":[{"promotion_name":"满减","discount_fee":"5.00"},{"promotion_name":"店铺券"}]},"orders":{"order":[{"oid":1347456243420016949,"promise_end_time":"2026-03-06 23:59:59","order_from":"WAP"},{"oid":"1347456243420026949","order_from":"JHS","bind_oids":[1347456243420016949]}]}}',
	'{"tid":2,"modified":"2026-03-03 10:00:00","orders":{"order":[{"oid":2}]}}'), '2/0/0', 'orders are stored');
SELECT lives_ok($$SELECT ordersync.apply_after_sales(7, 'list', 71, 710, '{9}', ARRAY[ordersync.read_time('2026-03-05 10:00:00')], '{x}', ARRAY['{"refund_id":9,"tid":2,"oid":2,"status":"SUCCESS","modified":"2026-03-05 10:00:00","attribute":";bizCode:tmall;"}'])$$, 'and a refund');
CREATE TEMP TABLE fixed AS SELECT v, ordersync.columns_of(v) AS columns FROM unnest(ARRAY['order_report', 'sub_order_report', 'after_sale_report']) v;

-- every type, from every target
SELECT lives_ok(format('SELECT ordersync_add_field(%L, %L, %L, %L)', t, n, p, y), format('%s.%s %s from %s', t, n, y, p)) FROM (VALUES
	('orders', 'area', 'buyer_area', 'text'), ('orders', 'est', 'est_con_time', 'timestamptz'), ('orders', 'est_day', '$.est_con_time', 'date'),
	('orders', 'points', 'alipay_point', 'bigint'), ('orders', '已付邮费', 'has_post_fee', 'boolean'), ('orders', 'coupon', 'coupon_fee', 'numeric'),
	('orders', 'promotion_1', 'promotion_details.promotion_detail[0].promotion_name', 'text'), ('orders', 'promotions', 'promotion_details.promotion_detail', 'jsonb'),
	('orders', 'second_line', 'orders.order[1].order_from', 'text'),
	('sub_orders', 'promised', 'promise_end_time', 'timestamptz'), ('sub_orders', 'origin', 'order_from', 'text'), ('sub_orders', 'bound', 'bind_oids[0]', 'bigint'),
	('after_sales', 'attribute', 'attribute', 'text')) v (t, n, p, y);
SELECT results_eq($$SELECT area, est, est_day, points, "已付邮费", coupon, promotion_1, promotions -> 1 ->> 'promotion_name', second_line FROM ordersync.order_report ORDER BY tid DESC$$,
	$$VALUES ('浙江', '2026-03-04 00:00:00+00'::timestamptz, '2026-03-04'::date, 12::bigint, true, 3.50, '满减', '店铺券', 'JHS'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)$$, 'orders have them');
SELECT results_eq($$SELECT promised, origin, bound FROM ordersync.sub_order_report ORDER BY oid$$,
	$$VALUES (NULL::timestamptz, NULL, NULL::bigint), ('2026-03-06 15:59:59+00', 'WAP', NULL), (NULL, 'JHS', 1347456243420016949)$$, 'lines theirs, by number, whether it came as number or text');
SELECT is((SELECT attribute FROM ordersync.after_sale_report), ';bizCode:tmall;', 'after-sales too');
SELECT is(ordersync.columns_of(f.v), f.columns || ARRAY(SELECT a.name FROM ordersync.added_fields a WHERE ordersync.report_of(a.target) = f.v ORDER BY a.field_id), f.v || ': added columns stand at the end, in their order') FROM fixed f;
SELECT is(col_description('ordersync.order_report'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'ordersync.order_report'::regclass AND attname = 'area')), 'added field: buyer_area of the record; NULL where its payload is not kept', 'and say what they are');
SELECT is(col_description('ordersync.order_report'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'ordersync.order_report'::regclass AND attname = 'gmv')) IS NULL, false, 'as the report''s own do');

-- typed again, and changed
CREATE TEMP TABLE known AS SELECT ctid AS place, * FROM ordersync.added_fields;
SELECT lives_ok($$SELECT ordersync_add_field('orders', 'area', 'buyer_area', 'text')$$, 'the same call again');
SELECT results_eq('SELECT ctid, name FROM ordersync.added_fields ORDER BY field_id', 'SELECT place, name FROM known ORDER BY field_id', 'changes nothing');
SELECT lives_ok($$SELECT ordersync_add_field('orders', 'area', 'promotion_details.promotion_detail[1].promotion_name', 'text')$$, 'another path');
SELECT is((SELECT area FROM ordersync.order_report WHERE tid > 2), '店铺券', 'is followed in place');
SELECT lives_ok($$SELECT ordersync_add_field('orders', 'area', 'buyer_area', 'text')$$, 'and back');

-- no value makes a report fail, and a type reads what apply would read
CREATE TEMP TABLE samples AS
SELECT 1000 + row_number() OVER () AS tid, s.v
FROM unnest(ARRAY['1', '-1', '"1"', '"-7"', '"007"', '1.5', '"1.50"', '"-0.01"', '1e3', '"1e3"', '1e400', '"1e400"', '"1e99999"', '9223372036854775807', '9223372036854775808', '"9223372036854775807"', '"-9223372036854775808"',
	'"9223372036854775808"', '"99999999999999999999999999999999999999999"', '""', '" "', '"x"', 'null', 'true', 'false', '"true"', '"false"', '"TRUE"', '"t"', '"yes"', '{}', '[]', '{"a":1}', '[1,2]', '"2024-02-29 23:59:59"', '"2023-02-29 00:00:00"',
	'"2026-03-04"', '"2026-03-04 10:00:00"', '"2026-3-4 1:2:3"', '"2026-13-01 00:00:00"', '"2026-00-10 00:00:00"', '"2026-04-31 00:00:00"', '"2026-01-01 24:00:00"', '"2026-01-01 23:60:00"', '"2026-01-01 23:59:60"', '"0000-01-01 00:00:00"',
	'"0001-01-01 00:00:00"', '"9999-12-31 23:59:59"', '"99999-12-31 23:59:59"', '"2026-03-04T10:00:00"', '"2026-03-04 10:00:00.5"', '"2026-03-04 10:00:00+08"', '"-infinity"', '"infinity"', '"now"', '"NaN"', '"Infinity"', '"+5"', '"5."', '".5"', '"1,000"', '"１"', '"\n1"', '"1\n"', '"2026-03-04 10:00:00\n"', '"2026-03-04x"', '1772589600000', '"1772589600000"']) s (v);
SELECT is(pg_temp.put(VARIADIC (SELECT array_agg(format('{"tid":%s,"modified":"2026-03-03 10:00:00","lm":%s,"orders":{"order":[{"oid":%s,"lm":%s}]}}', tid, v, tid, v)) FROM samples)), (SELECT count(*) FROM samples) || '/0/0', 'values of all sorts');
SELECT lives_ok(format('SELECT ordersync_add_field(%L, %L, %L, %L)', t, 'as_' || y, 'lm', y), format('as %s of %s', y, t))
FROM unnest(ARRAY['orders', 'sub_orders']) t, unnest(ARRAY['text', 'bigint', 'numeric', 'boolean', 'timestamptz', 'date', 'jsonb']) y;
SELECT results_eq($$SELECT s.tid, r.as_text, r.as_bigint, r.as_boolean, r.as_timestamptz, r.as_jsonb FROM samples s JOIN ordersync.order_report r USING (tid) ORDER BY 1$$,
	$$SELECT s.tid, s.v::jsonb #>> '{}', ordersync.read_bigint(s.v::jsonb #>> '{}'), ordersync.read_boolean(s.v::jsonb #>> '{}'), ordersync.read_time(s.v::jsonb #>> '{}'), s.v::jsonb FROM samples s ORDER BY 1$$, 'what is read is what the tables'' own columns would be');
SELECT results_eq($$SELECT s.v, r.as_numeric FROM samples s JOIN ordersync.order_report r USING (tid) WHERE r.as_numeric IS NOT NULL AND r.as_bigint IS NULL ORDER BY s.tid$$,
	$$VALUES ('1.5', 1.5), ('"1.50"', 1.50), ('"-0.01"', -0.01), ('"1e3"', 1000), ('9223372036854775808', 9223372036854775808), ('"9223372036854775808"', 9223372036854775808), ('"99999999999999999999999999999999999999999"', 99999999999999999999999999999999999999999)$$, 'numbers beyond integers');
SELECT results_eq($$SELECT s.v, r.as_date FROM samples s JOIN ordersync.order_report r USING (tid) WHERE r.as_date IS NOT NULL ORDER BY s.tid$$,
	$$VALUES ('"2024-02-29 23:59:59"', '2024-02-29'::date), ('"2026-03-04"', '2026-03-04'), ('"2026-03-04 10:00:00"', '2026-03-04'), ('"2026-01-01 24:00:00"', '2026-01-01'), ('"2026-01-01 23:60:00"', '2026-01-01'), ('"2026-01-01 23:59:60"', '2026-01-01'), ('"0001-01-01 00:00:00"', '0001-01-01'), ('"9999-12-31 23:59:59"', '9999-12-31'),
		('"2026-03-04 10:00:00.5"', '2026-03-04'), ('"2026-03-04 10:00:00+08"', '2026-03-04'), ('"2026-03-04 10:00:00\n"', '2026-03-04')$$, 'days, of a time too');
SELECT results_eq($$SELECT oid, as_text, as_bigint, as_numeric, as_boolean, as_timestamptz, as_date, as_jsonb FROM ordersync.sub_order_report WHERE tid > 1000 AND tid < 2000 ORDER BY 1$$,
	$$SELECT tid, as_text, as_bigint, as_numeric, as_boolean, as_timestamptz, as_date, as_jsonb FROM ordersync.order_report WHERE tid > 1000 AND tid < 2000 ORDER BY 1$$, 'lines read alike');

-- what is not selected is not read
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
SELECT unalike(pg_temp.plan_of('SELECT ' || array_to_string(f.columns, ', ') || ' FROM ordersync.' || f.v), '%payloads%', f.v || ': its own columns do without the payload') FROM fixed f;
SELECT unalike(pg_temp.plan_of('SELECT count(*) FROM ordersync.order_report WHERE created_date = current_date'), '%payloads%', 'so does counting');
SELECT alike(pg_temp.plan_of('SELECT area FROM ordersync.order_report WHERE shop_id = 7 AND tid = 2'), '%order_payloads_pkey%', 'an added one finds it by its key');
SELECT alike(pg_temp.plan_of('SELECT origin FROM ordersync.sub_order_report WHERE shop_id = 7 AND oid = 2'), '%order_payloads_pkey%', 'a line''s too');

-- the views need nothing of ours
SELECT is(count(*), 0::bigint, 'no report depends on a member of the extension')
FROM pg_depend d
JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'ordersync'
WHERE w.ev_class IN ('ordersync.order_report'::regclass, 'ordersync.sub_order_report'::regclass, 'ordersync.after_sale_report'::regclass);
SELECT is(c.reloptions @> '{security_invoker=true}', true, c.relname || ' runs with its caller''s rights') FROM pg_class c JOIN fixed f ON c.oid = format('ordersync.%I', f.v)::regclass;

-- set-up again, and a release that has a column of the same name
CREATE VIEW pg_temp.mine AS SELECT tid, area, points, gmv FROM ordersync.order_report;
CREATE TEMP TABLE before AS SELECT ordersync.columns_of('order_report') AS columns;
SELECT lives_ok('SELECT ordersync.set_up()', 'set-up again, with a view of ours upon the report');
SELECT is(ordersync.columns_of('order_report'), (SELECT columns FROM before), 'nothing has moved');
SELECT lives_ok($$SELECT ordersync.create_report_view('orders', (SELECT format('SELECT %s, %L::text AS newest, 7 AS points FROM ordersync.orders o', string_agg(format('NULL::%s AS %I', format_type(a.atttypid, a.atttypmod), a.attname), ', '), 'x')
	FROM (SELECT * FROM pg_attribute WHERE attrelid = 'ordersync.order_report'::regclass AND attname = ANY (SELECT unnest(columns) FROM fixed WHERE v = 'order_report') ORDER BY attnum) a))$$, 'a release with columns newest and points');
SELECT is(ordersync.columns_of('order_report'), (SELECT array_replace(columns, 'points', 'points_' || (SELECT field_id FROM ordersync.added_fields WHERE name ~ '^points_')) || '{newest,points}' FROM before), 'the added one of that name gives way, new ones come last');
SELECT is((SELECT count(*) FROM pg_temp.mine), (SELECT count(*) FROM ordersync.orders), 'the view upon it goes on');
SELECT is((SELECT path FROM ordersync.added_fields WHERE name ~ '^points_'), 'alipay_point', 'under its new name it is known');

-- out again
SELECT throws_like($$SELECT ordersync_drop_field('orders', 'area')$$, 'cannot re-create ordersync.order_report because other views depend on it%', 'not while a view needs it');
DROP VIEW pg_temp.mine;
CREATE ROLE pgtap_analyst;
GRANT SELECT ON ordersync.order_report TO pgtap_analyst;
CREATE ROLE pgtap_viewer;
CREATE ROLE pgtap_lead;
GRANT SELECT (shop_id, stage, area), UPDATE (stage) ON ordersync.order_report TO pgtap_viewer;
GRANT SELECT (gmv) ON ordersync.order_report TO pgtap_lead WITH GRANT OPTION;
GRANT SELECT ON ordersync.order_report TO pgtap_lead WITH GRANT OPTION;
CREATE FUNCTION pg_temp.rights() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT DISTINCT concat_ws(' ', x.attname, a.grantee::regrole, a.privilege_type, a.is_grantable)
	FROM (
		SELECT NULL AS attname, c.relacl AS acl FROM pg_class c WHERE c.oid = 'ordersync.order_report'::regclass
		UNION ALL
		SELECT t.attname::text, t.attacl FROM pg_attribute t WHERE t.attrelid = 'ordersync.order_report'::regclass AND t.attnum > 0 AND t.attname <> 'area'
	) x, aclexplode(x.acl) a
$$;
CREATE TEMP TABLE rights AS SELECT pg_temp.rights() AS r;
COMMENT ON COLUMN ordersync.order_report.buyer_nick IS 'what an analyst noted';
CREATE FUNCTION pg_temp.comments() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(': ', a.attname, d.description) FROM pg_description d LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND a.attnum > 0
	WHERE d.objoid = 'ordersync.order_report'::regclass AND d.classoid = 'pg_class'::regclass AND a.attname IS DISTINCT FROM 'area'
$$;
CREATE TEMP TABLE comments AS SELECT pg_temp.comments() AS c;
SELECT lives_ok($$SELECT ordersync_drop_field('orders', 'area')$$, 'a field is dropped');
SELECT is('area' = ANY (ordersync.columns_of('order_report')), false, 'its column is gone');
SELECT bag_eq('SELECT pg_temp.comments()', 'SELECT c FROM comments', 'what its columns are said to be stays');
SELECT is(has_table_privilege('pgtap_analyst', 'ordersync.order_report', 'SELECT'), true, 'who could read the report still can');
SELECT is((SELECT count(*) FROM rights WHERE r ~ 'pgtap_(viewer|lead)'), 5::bigint, 'rights on columns, and rights to pass on');
SELECT bag_eq('SELECT pg_temp.rights()', 'SELECT r FROM rights', 'stay as they were');
SELECT lives_ok('SELECT ordersync_drop_field(target, name) FROM ordersync.added_fields', 'all of them');
SELECT is(ordersync.columns_of(f.v), f.columns, f.v || ' is as it was') FROM fixed f;

-- refused, with the reason
SELECT throws_ok(format('SELECT ordersync_add_field(%s)', a), code, m, m) FROM (VALUES
	('NULL, ''a'', ''x'', ''text''', '22023', 'unrecognized target "NULL"'), ('''shops'', ''a'', ''x'', ''text''', '22023', 'unrecognized target "shops"'),
	('''orders'', ''a'', ''x'', ''int''', '22023', 'unrecognized type "int"'), ('''orders'', ''a'', ''x'', ''text; DROP TABLE x''', '22023', 'unrecognized type "text; DROP TABLE x"'),
	('''orders'', ''a'', ''x.'', ''text''', '22023', 'invalid field path: "x."'), ('''orders'', ''a'', ''x[*]'', ''text''', '22023', 'invalid field path: "x[*]"'), ('''orders'', ''a'', ''x[0'', ''text''', '22023', 'invalid field path: "x[0"'),
	('''orders'', ''a'', ''x''''y'', ''text''', '22023', 'invalid field path: "x''y"'), ('''orders'', ''a'', '''', ''text''', '22023', 'invalid field path: ""'), ('''orders'', '''', ''x'', ''text''', '42602', 'the name of an added field must not need quotes'),
	('''orders'', repeat(''名'', 22), ''x'', ''text''', '42602', 'the name of an added field must not need quotes'),
	('''orders'', ''stage'', ''x'', ''text''', '42701', 'ordersync.order_report already has a column "stage"'),
	('''orders'', ''a'', ''receiver_name'', ''text''', '22023', 'receiver_name is personal data'), ('''orders'', ''a'', ''x.y[3].buyer_email'', ''text''', '22023', 'x.y[3].buyer_email is personal data'),
	('''orders'', ''a'', ''identify_info.name'', ''text''', '22023', 'identify_info.name is personal data'), ('''sub_orders'', ''a'', ''car_taker'', ''text''', '22023', 'car_taker is personal data'), ('''after_sales'', ''a'', ''address'', ''text''', '22023', 'address is personal data')) v (a, code, m);
SELECT lives_ok($$SELECT ordersync_add_field('orders', 'a', 'x', 'text')$$, 'a field that no record has');
SELECT throws_ok($$SELECT ordersync_add_field('orders', 'a', 'x', 'bigint')$$, '42710', 'added field "a" already exists with another type', 'another type: drop it first');
SELECT throws_ok($$SELECT ordersync_drop_field('orders', 'b')$$, '42704', 'added field "b" of orders does not exist', 'what is not there cannot be dropped');

SELECT * FROM finish();
ROLLBACK;
