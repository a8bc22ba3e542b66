-- read_orders(), read_lines() and read_after_sales(): values by hand, and value by value what SQL alone reads of records as they
-- come, of odd ones, and of ones made by chance.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(201);
SET LOCAL timezone = 'UTC';
SET LOCAL jit = off;
\ir ../fixtures/wire_samples.sql
\ir lib/json_text.sql
\ir lib/old_reading.sql
SELECT setseed(0.20261129);

CREATE FUNCTION pg_temp.records(VARIADIC payloads jsonb[]) RETURNS ordersync.applied[] LANGUAGE sql AS $$
	SELECT array_agg(ROW(500 + i, '2026-01-01Z', 7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, p)::ordersync.applied ORDER BY i)
	FROM unnest(payloads) WITH ORDINALITY AS t (p, i)
$$;
CREATE FUNCTION pg_temp.order_of(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(r) FROM ordersync.read_orders(pg_temp.records(payload)) r $$;
CREATE FUNCTION pg_temp.after_sale_of(payload jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(r) FROM ordersync.read_after_sales(pg_temp.records(payload)) r $$;
CREATE FUNCTION pg_temp.with_lines(payload jsonb, lines jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT payload || jsonb_build_object('orders', jsonb_build_object('order', lines)) $$;
CREATE FUNCTION pg_temp.line_of(line jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT to_jsonb(r) FROM ordersync.read_lines(pg_temp.records(pg_temp.with_lines('{}', jsonb_build_array(line)))) r
$$;

-- --- the comparison itself

SELECT is(pg_temp.differing('{"a": 1.5, "b": null, "c": ""}', '{"a": 1.50, "b": "", "c": ""}'), 'a: old 1.5, new 1.50; b: old null, new ""', 'differences show, also of scale and of NULL');
SELECT is(pg_temp.storable(p::jsonb)::text, e, 'as it is stored: ' || p)
FROM (VALUES ('{"tid": 1}', '{"tid": 1}'), ('{"orders": {"order": [{}]}}', '{"orders": {"order": [{}]}}'), ('{"orders": {"order": [{}, 1]}}', '{}'),
	('{"orders": {"order": {}}}', '{}'), ('{"orders": null}', '{}'), ('{"orders": {}}', '{}')) AS t (p, e);

-- --- values by hand: of each way to read, in each kind of record

SELECT unnest(ARRAY[
	is(r ->> c, e, format('%s of %s', c, v)),
	is((r ->> 'unreadable')::boolean, u, format('%s of %s: readable or not', c, v))])
FROM (
	SELECT c, v, e, u, pg_temp.order_of(jsonb_build_object(c, v::jsonb)) AS r
	FROM (VALUES
		('total_fee', '"12.30"', '12.30', false), ('total_fee', '12.3', '12.30', false), ('total_fee', '12', '12.00', false), ('total_fee', '"-0.01"', '-0.01', false),
		('total_fee', '"1.230"', '1.23', false), ('total_fee', '1e2', '100.00', false), ('total_fee', '"9999999999999999.99"', '9999999999999999.99', false),
		('total_fee', '""', NULL, false), ('total_fee', 'null', NULL, false), ('total_fee', '"1.234"', NULL, true), ('total_fee', '"1e2"', NULL, true),
		('total_fee', '"10000000000000000"', NULL, true), ('total_fee', 'true', NULL, true), ('total_fee', '{}', NULL, true), ('total_fee', '[1]', NULL, true),
		('total_fee', '" 1"', NULL, true), ('total_fee', '"+1"', NULL, true), ('total_fee', '".5"', NULL, true), ('total_fee', '"null"', NULL, true),
		('point_fee', '0', '0', false), ('point_fee', '"9223372036854775807"', '9223372036854775807', false), ('point_fee', '-9223372036854775808', '-9223372036854775808', false),
		('point_fee', '9223372036854775808', NULL, true), ('point_fee', '1.0', NULL, true), ('point_fee', '"12a"', NULL, true),
		('seller_flag', '"32767"', '32767', false), ('seller_flag', '32768', NULL, true), ('is_part_consign', 'true', 'true', false), ('is_part_consign', '"FALSE"', 'false', false),
		('is_part_consign', '1', NULL, true), ('is_part_consign', '"yes"', NULL, true), ('is_part_consign', '""', NULL, false),
		('pay_time', '"2028-02-29 23:59:59"', '2028-02-29T15:59:59+00:00', false), ('pay_time', '"2026-02-29 00:00:00"', NULL, true), ('pay_time', '"2026-01-01"', NULL, true),
		('pay_time', '"0000-00-00 00:00:00"', NULL, true), ('pay_time', '"2026-01-01 24:00:00"', NULL, true), ('pay_time', '20260101', NULL, true), ('pay_time', '""', NULL, false),
		('status', '5', '5', false), ('status', '1.50', '1.50', false), ('status', '{"b": 1, "a": [null]}', '{"a": [null], "b": 1}', false), ('status', '[1, "x"]', '[1, "x"]', false),
		('status', 'true', 'true', false), ('status', '""', '', false), ('status', '"null"', 'null', false), ('status', 'null', NULL, false), ('status', '"中é😀 \n"', E'中é😀 \n', false)
	) AS t (c, v, e, u)
	UNION ALL
	SELECT c, v, e, u, pg_temp.line_of('{"oid": 9}' || jsonb_build_object(c, v::jsonb))
	FROM (VALUES
		('refund_id', '0', NULL, false), ('refund_id', '"0"', NULL, false), ('refund_id', '"1347456243420006949"', '1347456243420006949', false), ('refund_id', '"x"', NULL, true),
		('num_iid', '0', '0', false), ('num', '2147483647', '2147483647', false), ('num', '2147483648', NULL, true), ('oid', '0', '0', false), ('oid', '""', NULL, true),
		('oid', 'null', NULL, true), ('oid', '9223372036854775808', NULL, true)
	) AS t (c, v, e, u)
	UNION ALL
	SELECT c, v, e, u, pg_temp.after_sale_of(jsonb_build_object(f, v::jsonb))
	FROM (VALUES
		('oid', 'oid', '0', NULL, false), ('sku_id', 'sku', '"123|red:large"', '123', false), ('sku_id', 'sku', '"123"', '123', false), ('sku_id', 'sku', '45', '45', false),
		('sku', 'sku', '45', '45', false), ('sku_id', 'sku', '"0|x"', NULL, false), ('sku_id', 'sku', '"x|1"', NULL, false), ('sku_id', 'sku', '"|"', NULL, false),
		('sku_id', 'sku', '"9223372036854775808|"', NULL, false), ('timeout', 'refund_remind_timeout', '{"timeout": "2026-01-01 00:00:00"}', '2025-12-31T16:00:00+00:00', false),
		('timeout', 'refund_remind_timeout', '{"exist_timeout": true}', NULL, false), ('timeout', 'refund_remind_timeout', '{"timeout": ""}', NULL, false),
		('timeout', 'refund_remind_timeout', '{"timeout": 5}', NULL, true), ('timeout', 'refund_remind_timeout', '[{"timeout": "2026-01-01 00:00:00"}]', NULL, false),
		('timeout', 'refund_remind_timeout', '"2026-01-01 00:00:00"', NULL, false), ('operation_contraint', 'operation_contraint', '"null"', NULL, false),
		('operation_contraint', 'operation_contraint', '"cannot_refuse"', 'cannot_refuse', false), ('description', 'desc', '"x"', 'x', false)
	) AS t (c, f, v, e, u)
) AS t;

-- --- what the lines add up to, by hand

SELECT is(concat_ws(' | ', r ->> 'line_count', r ->> 'item_num', coalesce(r ->> 'gmv', '-'), coalesce(r ->> 'logistics_company', '-'), coalesce(r ->> 'invoice_no', '-'),
	r ->> 'package_count', CASE WHEN (r ->> 'refunded')::boolean THEN 'refunded' END, CASE WHEN (r ->> 'disputed')::boolean THEN 'disputed' END), e, what)
FROM (VALUES
	('no lines', 'fixed', '[]', '0 | 0 | - | - | - | 0'),
	('one', 'fixed', '[{"oid": 1, "num": 2, "total_fee": "10.00", "part_mjz_discount": "0.50"}]', '1 | 2 | 9.50 | - | - | 0'),
	('a line twice: the first', 'fixed', '[{"oid": 1, "num": 2, "total_fee": 1, "invoice_no": "a"}, {"oid": "1", "num": 5, "total_fee": 7, "invoice_no": "b"}]', '1 | 2 | 1.00 | - | a | 1'),
	('without an id', 'fixed', '[{"num": 2, "total_fee": 1, "invoice_no": "a"}, {"oid": "x", "num": 2}, {"oid": 3, "num": 4, "invoice_no": "c"}]', '1 | 4 | - | - | c | 1'),
	('carriers and waybills', 'fixed', '[{"oid": 1, "logistics_company": "圆通", "invoice_no": "b"}, {"oid": 2, "logistics_company": "ZTO", "invoice_no": "a"},
		{"oid": 3, "logistics_company": "ZTO", "invoice_no": ""}, {"oid": 4, "logistics_company": null, "invoice_no": "b"}]', '4 | 0 | - | ZTO,圆通 | a,b | 2'),
	('closed before payment', 'fixed', '[{"oid": 1, "num": 2, "total_fee": 3, "status": "TRADE_CLOSED_BY_TAOBAO"}, {"oid": 2, "num": 5, "total_fee": 4}]', '2 | 5 | 7.00 | - | - | 0'),
	('nothing else', 'fixed', '[{"oid": 1, "num": 2, "status": "TRADE_CLOSED_BY_TAOBAO"}, {"oid": 2, "num": 5, "status": "TRADE_CLOSED_BY_TAOBAO"}]', '2 | 7 | - | - | - | 0'),
	('refused at the door', 'cod', '[{"oid": 1, "num": 2, "status": "TRADE_CLOSED"}, {"oid": 2, "num": 5}]', '2 | 5 | - | - | - | 0'),
	('refused, another type', 'super_market_cod_trade', '[{"oid": 1, "num": 2, "status": "TRADE_CLOSED"}, {"oid": 2, "num": 5}]', '2 | 5 | - | - | - | 0'),
	('closed, refunded', 'b2c_cod', '[{"oid": 1, "num": 2, "status": "TRADE_CLOSED", "refund_status": "SUCCESS"}, {"oid": 2, "num": 5}]', '2 | 7 | - | - | - | 0 | refunded | disputed'),
	('closed, paid before', 'fixed', '[{"oid": 1, "num": 2, "status": "TRADE_CLOSED"}, {"oid": 2, "num": 5}]', '2 | 7 | - | - | - | 0'),
	('price protection', 'fixed', '[{"oid": 1, "special_refund_type": "priceProtect", "refund_status": "NO_REFUND"}]', '1 | 0 | - | - | - | 0 | refunded'),
	('a dispute', 'fixed', '[{"oid": 1, "refund_status": "WAIT_SELLER_AGREE"}, {"oid": 2, "refund_status": ""}]', '2 | 0 | - | - | - | 0 | disputed'),
	('a dispute of a line twice', 'fixed', '[{"oid": 1}, {"oid": 1, "refund_status": "SUCCESS"}]', '1 | 0 | - | - | - | 0 | disputed'),
	('null is no dispute', 'fixed', '[{"oid": 1, "refund_status": null}]', '1 | 0 | - | - | - | 0'),
	('pieces beyond integer', 'fixed', '[{"oid": 1, "num": 2147483647}, {"oid": 2, "num": 1}]', '2 | 2147483647 | - | - | - | 0'),
	('pieces below', 'fixed', '[{"oid": 1, "num": -2147483648}, {"oid": 2, "num": -1}]', '2 | -2147483648 | - | - | - | 0'),
	('the largest amount', 'fixed', '[{"oid": 1, "total_fee": "9999999999999999.98"}, {"oid": 2, "total_fee": "0.01"}]', '2 | 0 | 9999999999999999.99 | - | - | 0'),
	('a cent more', 'fixed', '[{"oid": 1, "total_fee": "9999999999999999.99"}, {"oid": 2, "total_fee": "0.01"}]', '2 | 0 | - | - | - | 0'),
	('and back', 'fixed', '[{"oid": 1, "total_fee": "9999999999999999.99"}, {"oid": 2, "total_fee": "0.01", "part_mjz_discount": "0.02"}]', '2 | 0 | 9999999999999999.98 | - | - | 0'),
	('below', 'fixed', '[{"oid": 1, "total_fee": "-9999999999999999.99", "part_mjz_discount": "0.01"}]', '1 | 0 | - | - | - | 0'),
	('amounts that cannot be read', 'fixed', '[{"oid": 1, "total_fee": "x", "part_mjz_discount": "1.00"}, {"oid": 2, "total_fee": "5.00", "part_mjz_discount": "y"}]', '2 | 0 | 5.00 | - | - | 0')
) AS t (what, type, lines, e), LATERAL (SELECT pg_temp.order_of(pg_temp.with_lines(jsonb_build_object('type', type), lines::jsonb))) AS o (r);
-- far beyond numeric(18,2) on the way, and to the cent at the end
SELECT is(pg_temp.order_of(pg_temp.with_lines('{}', jsonb_agg(jsonb_build_object('oid', i, 'total_fee', CASE WHEN i = 41 THEN '0.01' WHEN i > 41 THEN '-9999999999999999.99' ELSE '9999999999999999.99' END)
	ORDER BY i))) ->> 'gmv', '0.01', 'a sum is exact whatever it was on the way')
FROM generate_series(1, 81) AS i;

-- --- records, lines and their places

SELECT is(string_agg(concat_ws('/', ord, page, tid, modified, line_no, oid, again, trade_status, created, trade_end_time, unreadable), ' ' ORDER BY ord, line_no),
	'1/7/501/2026-01-01 00:00:00+00/1/5/f/S/2025-12-31 16:00:00+00/f 1/7/501/2026-01-01 00:00:00+00/2/5/t/S/2025-12-31 16:00:00+00/f '
	|| '1/7/501/2026-01-01 00:00:00+00/3/f/S/2025-12-31 16:00:00+00/t 3/7/503/2026-01-01 00:00:00+00/1/5/f/f', 'lines: of which record, in which order, which again')
FROM ordersync.read_lines(pg_temp.records('{"status": "S", "created": "2026-01-01 00:00:00", "end_time": "x", "orders": {"order": [{"oid": 5}, {"oid": "5"}, {"oid": null}]}}', '{}',
	'{"orders": {"order": [{"oid": 5}]}}'));
SELECT is((SELECT count(*) FROM ordersync.read_orders('{}')) + (SELECT count(*) FROM ordersync.read_lines('{}')) + (SELECT count(*) FROM ordersync.read_after_sales('{}')), 0::bigint, 'no records');
SELECT is(concat_ws(' ', r ->> 'line_count', r ->> 'unreadable', (SELECT count(*) FROM ordersync.read_lines(pg_temp.records(p::jsonb)))), e, 'lines of ' || p)
FROM (VALUES ('{"orders": null}', '0 false 0'), ('{"orders": "x"}', '0 false 0'), ('{"orders": [{"order": []}]}', '0 false 0'), ('{"orders": {}}', '0 false 0'),
	('{"orders": {"order": {"oid": 1}}}', '0 false 0'), ('{"orders": {"order": [], "unreadable": ["x"]}}', '0 true 0'),
	('{"orders": {"order": [{"oid": 1}], "unreadable": [5]}}', '1 true 1')) AS t (p, e), LATERAL (SELECT pg_temp.order_of(p::jsonb)) AS o (r);
SELECT is(array_agg(r.line_no::text || r.again || coalesce(r.num, 0) ORDER BY r.oid), ARRAY['1false0', '32766false0', '32767false0', '32767false0', '32767false1'], 'more lines than a smallint counts')
FROM (SELECT pg_temp.with_lines('{}', jsonb_agg(jsonb_build_object('oid', i, 'num', (i = 33000)::integer) ORDER BY i)) FROM generate_series(1, 33000) AS i) AS l (p),
	ordersync.read_lines(pg_temp.records(l.p)) AS r
WHERE r.oid IN (1, 32766, 32767, 32768, 33000);

-- --- the same as SQL reads: records as they came

CREATE FUNCTION pg_temp.if_json(body text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN body::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;
END
$$;
CREATE TEMPORARY TABLE came AS
SELECT convert_from(s.body, 'UTF8') AS body
FROM wire_sample w, ordersync_wire.classify(w.kind, w.stream, w.basis, 200, w.body) AS c,
	ordersync.split_records(c.list, CASE w.kind WHEN 'details' THEN 'details' ELSE w.stream END) AS s
WHERE s.quarantine IS NULL;
SELECT is(count(*), 9::bigint, 'records that apply takes') FROM came;
-- and each object of each answer, a record or not: lines, errors, what is around them
INSERT INTO came
SELECT o::text
FROM wire_sample w, jsonb_path_query(pg_temp.if_json(convert_from(w.body, 'UTF8')), '$.** ? (@.type() == "object")') AS o;
SELECT cmp_ok(count(*), '>', 100::bigint, 'objects as they came') FROM came;
SELECT is(pg_temp.differences(array_agg(body::jsonb)), NULL, 'objects as they came: no difference') FROM came;

-- --- cut and damaged, as long as they are JSON

CREATE TEMPORARY TABLE damaged AS
SELECT d.payload
FROM came, generate_series(1, 12), LATERAL (SELECT pg_temp.if_json(pg_temp.mutated(body)) AS payload OFFSET 0) AS d
WHERE jsonb_typeof(d.payload) = 'object';
SELECT cmp_ok(count(*), '>', 200::bigint, 'damaged objects that are JSON') FROM damaged;
SELECT is(pg_temp.differences(array_agg(payload)), NULL, 'damaged objects: no difference') FROM damaged;

-- --- by chance: each column any value

CREATE FUNCTION pg_temp.random_member() RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN CASE
		WHEN random() < 0.3 THEN to_jsonb(round((random() * 1e5)::numeric, floor(random() * 4)::integer)::text)
		WHEN random() < 0.2 THEN to_jsonb(floor(random() * 1e9)::bigint)
		WHEN random() < 0.2 THEN to_jsonb(to_char('2026-01-01'::timestamp + random() * interval '400 days', 'YYYY-MM-DD HH24:MI:SS'))
		ELSE pg_temp.one_of('""', 'null', '"null"', 'true', 'false', '"True"', '0', '"0"', '-1', '1.0', '1.005', '"1.10"', '1e3', '1e-3', '"1e3"', '"9999999999999999.99"', '"-9999999999999999.99"',
			'10000000000000000', '"123456789012345.678"', '32767', '32768', '"-32769"', '2147483648', '"9223372036854775807"', '9223372036854775808', '1e30', '"2026-02-30 00:00:00"',
			'"2026-01-01 00:00:60"', '"2026-1-1 00:00:00"', '"2026-01-01 00:00:00 "', '{}', '[]', '{"timeout": "2026-05-05 05:05:05"}', '{"timeout": "x"}', '{"timeout": {"timeout": 1}}', '[1, {"a": "中"}]',
			'"cod"', '"b2c_cod"', '"fixed"', '"TRADE_CLOSED"', '"TRADE_CLOSED_BY_TAOBAO"', '"TRADE_FINISHED"', '"SUCCESS"', '"NO_REFUND"', '"priceProtect"', '"中通,圆通"', '"ZTO"', '"YTO"',
			'"12|颜色:红"', '"0|x"', '"|"', '"😀"', '" "', '"\t"')::jsonb
	END;
END
$$;
CREATE FUNCTION pg_temp.random_object(names text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(jsonb_object_agg(name, pg_temp.random_member()), '{}') FROM regexp_split_to_table(names, '\s+') AS name WHERE random() < 0.8
$$;
-- few ids, so that lines stand twice
CREATE FUNCTION pg_temp.random_lines() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(jsonb_agg(pg_temp.random_object('status refund_status refund_id num_iid outer_iid sku_id outer_sku_id title sku_properties_name cid price num total_fee discount_fee adjust_fee
		part_mjz_discount divide_order_fee payment is_free_gift special_refund_type consign_time end_time shipping_type logistics_company invoice_no store_code item_meal_name type created pay_time')
		|| CASE WHEN random() < 0.9 THEN jsonb_build_object('oid', floor(random() * 6)) ELSE pg_temp.random_object('oid') END), '[]')
	FROM generate_series(1, floor(random() * 6)::integer)
$$;
CREATE TEMPORARY TABLE chance AS
SELECT pg_temp.random_object('seller_nick type status step_trade_status trade_from trade_source created pay_time consign_time end_time async_modified total_fee discount_fee adjust_fee post_fee payment
	received_payment available_confirm_fee step_paid_fee commission_fee credit_card_fee cod_fee order_tax_fee platform_subsidy_fee yfx_fee point_fee real_point_fee buyer_obtain_point_fee cod_status
	shipping_type is_part_consign buyer_nick buyer_open_uid oaid receiver_country receiver_state receiver_city receiver_district seller_flag seller_memo has_buyer_message alipay_no tid oid order_status
	dispute_type special_refund_type refund_phase good_status has_good_return cs_status advance_status operation_contraint good_return_time refund_remind_timeout refund_fee split_seller_fee
	split_taobao_fee reason desc title num price num_iid sku outer_id company_name sid refund_version new_field a ' || repeat('x', 300))
	|| CASE
		WHEN random() < 0.05 THEN pg_temp.random_object('orders')
		WHEN random() < 0.1 THEN '{}'
		ELSE jsonb_build_object('orders', jsonb_build_object('order', pg_temp.random_lines()) || CASE WHEN random() < 0.1 THEN '{"unreadable": [1]}'::jsonb ELSE '{}' END)
	END AS payload
FROM generate_series(1, 3000);
SELECT is(pg_temp.differences(array_agg(payload)), NULL, 'by chance: no difference') FROM chance;
-- what it is made of meets each column readable, unreadable and without a value
SELECT is(string_agg(name, ' '), NULL, 'by chance: each typed column was met with a value and without')
FROM (SELECT array_agg(payload) FROM chance) AS c (payloads), LATERAL (
	SELECT key FROM ordersync.read_orders(pg_temp.records(VARIADIC c.payloads)) AS r, jsonb_each_text(to_jsonb(r)) GROUP BY key HAVING count(value) IN (0, count(*))
		AND key NOT IN ('ord', 'tid', 'page', 'modified', 'line_count', 'item_num', 'package_count', 'refunded', 'disputed', 'unreadable')
	UNION ALL
	SELECT key FROM ordersync.read_lines(pg_temp.records(VARIADIC c.payloads)) AS r, jsonb_each_text(to_jsonb(r)) GROUP BY key HAVING count(value) IN (0, count(*))
		AND key NOT IN ('ord', 'tid', 'page', 'modified', 'line_no', 'again', 'unreadable')
	UNION ALL
	SELECT key FROM ordersync.read_after_sales(pg_temp.records(VARIADIC c.payloads)) AS r, jsonb_each_text(to_jsonb(r)) GROUP BY key HAVING count(value) IN (0, count(*))
		AND key NOT IN ('ord', 'refund_id', 'page', 'modified', 'unreadable')) AS t (name);

SELECT * FROM finish();
ROLLBACK;
