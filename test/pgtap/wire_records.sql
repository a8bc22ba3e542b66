-- Records: exact ids and times, personal data gone, the bad ones apart with their reason.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(173);
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
\ir ../fixtures/wire_samples.sql

CREATE FUNCTION pg_temp.split(list text, stream text DEFAULT 'orders', nicks text[] DEFAULT NULL, require boolean DEFAULT false)
RETURNS TABLE (record_no integer, id bigint, modified timestamptz, created timestamptz, arrival timestamptz,
	seller_nick text, digest bytea, body text, quarantine text)
LANGUAGE sql AS $$
	SELECT s.record_no, s.id, s.modified, s.created, s.arrival, s.seller_nick, s.digest,
		CASE WHEN s.quarantine IS NULL THEN convert_from(s.body, 'UTF8') ELSE encode(s.body, 'escape') END, s.quarantine
	FROM ordersync.split_records(convert_to(list, 'UTF8'), stream, nicks, require) AS s
$$;
CREATE FUNCTION pg_temp.reason(record text, stream text DEFAULT 'orders')
RETURNS text
LANGUAGE sql AS $$
	SELECT string_agg(coalesce(s.quarantine, 'good'), ' ' ORDER BY s.record_no) FROM pg_temp.split(record, stream) AS s
$$;

-- the samples
CREATE TEMPORARY TABLE sample_record AS
SELECT w.name, s.*
FROM wire_sample w,
	LATERAL ordersync_wire.classify(w.kind, w.stream, w.basis, 200, w.body) AS c,
	LATERAL ordersync.split_records(c.list, CASE w.kind WHEN 'details' THEN 'details' ELSE w.stream END) AS s;
SELECT is(
	(SELECT array_agg(row(s.id, s.modified, s.quarantine)::text ORDER BY s.record_no) FROM sample_record s WHERE s.name = e.name),
	e.expected::text[], e.name)
FROM (VALUES
	('orders by creation, 2016', ARRAY['(194145147111084,"2016-10-20 05:27:49+00",)']),
	('orders by creation, ids only', ARRAY['(3028689418006124,,no_time)', '(3047218903404972,,no_time)', '(3041367089806472,,no_time)']),
	('orders by creation, every documented field', ARRAY['(2231958349,"1999-12-31 16:00:00+00",)']),
	('refunds, 2016', ARRAY['(40594600198410,"2016-08-03 03:52:22+00",)', '(146535512261065,"2016-06-01 07:09:40+00",)']),
	('one whole order, 2014', ARRAY['(518073710002548,"2014-02-06 07:35:43+00",)']),
	('page with has_next', ARRAY['(1347456243420006949,"2020-11-04 06:59:33+00",)']),
	('compact form', ARRAY['(1347456243420006949,"2020-11-04 06:59:33+00",)']),
	('single object', ARRAY['(1347456243420006949,"2020-11-04 06:59:33+00",)']),
	('refund, one whole', ARRAY['(40594600198410,"2016-08-04 01:00:01+00",)'])
) AS e (name, expected);
SELECT is((SELECT count(*) FROM sample_record s, unnest(ordersync_wire.personal_fields()) AS f
	WHERE convert_from(s.body, 'UTF8') LIKE '%"' || f || '"%'), 0::bigint, 'no personal member in any sample''s records');
-- what goes is personal, and nothing else goes
SELECT is(
	convert_from(s.body, 'UTF8')::jsonb,
	(convert_from(w.body, 'UTF8')::jsonb #> '{trade_fullinfo_get_response,trade}') - ordersync_wire.personal_fields(),
	'the rest of a record stays as it was')
FROM sample_record s JOIN wire_sample w USING (name) WHERE s.name = 'one whole order, 2014';
SELECT is((SELECT count(*) FROM ordersync.split_records(NULL, 'orders')), 0::bigint, 'no list, no records');
SELECT is((SELECT count(*) FROM ordersync.split_records(''::bytea, 'orders')), 0::bigint, 'an empty list, no records');

-- ids
SELECT is((SELECT row(s.id, s.quarantine)::text FROM pg_temp.split(format('[{"tid":%s,"modified":"2020-11-04 14:59:33"}]', e.id)) AS s),
	e.expected, 'tid ' || e.id)
FROM (VALUES
	('1347456243420006949', '(1347456243420006949,)'), ('"1347456243420006949"', '(1347456243420006949,)'),
	('9223372036854775807', '(9223372036854775807,)'), ('9223372036854775808', '(,no_id)'), ('"9223372036854775808"', '(,no_id)'),
	('0', '(,no_id)'), ('-5', '(,no_id)'), ('""', '(,no_id)'), ('null', '(,no_id)'), ('1.0', '(,no_id)'), ('1e5', '(,no_id)'),
	('"12a"', '(,no_id)'), ('[1]', '(,no_id)'), ('{}', '(,no_id)'), ('true', '(,no_id)')
) AS e (id, expected);
SELECT is(pg_temp.reason('[{"modified":"2020-11-04 14:59:33"}]'), 'no_id', 'no tid at all');
SELECT is(pg_temp.reason('[{"refund_id":5,"modified":"2020-11-04 14:59:33"}]'), 'no_id', 'a refund is no order');
SELECT is(pg_temp.reason('[{"tid":5,"modified":"2020-11-04 14:59:33"}]', 'after_sales'), 'no_id', 'an order is no refund');
SELECT is((SELECT s.id FROM pg_temp.split('[{"tid":5,"refund_id":"6","modified":"2020-11-04 14:59:33"}]', 'details') AS s), 6::bigint,
	'a refund among details has its own id');
SELECT is((SELECT s.id FROM pg_temp.split('[{"tid":5,"t\u0069d":6,"x":{"tid":7},"modified":"2020-11-04 14:59:33"}]') AS s), 6::bigint,
	'the last of several counts, as in jsonb, and only the record''s own');

-- times
SELECT is((SELECT row(s.modified, s.created, s.arrival, s.quarantine)::text FROM pg_temp.split(
	'[{"tid":1,"modified":"2024-02-29 23:59:59","created":"2024-01-01 00:00:00","async_modified":"2024-03-01 00:00:01"}]') AS s),
	'("2024-02-29 15:59:59+00","2023-12-31 16:00:00+00","2024-02-29 16:00:01+00",)', 'three times');
SELECT is(pg_temp.reason(format('[{"tid":1,"modified":%s}]', m)), 'no_time', 'modified ' || m)
FROM unnest(ARRAY['""', 'null', '"2024-02-30 00:00:00"', '1604473173', '"2024-02-28"', '"2024-02-28T00:00:00"', '{}']) AS m;
SELECT is(pg_temp.reason('[{"tid":1,"modified":"2024-02-29 23:59:59","created":"?","async_modified":""}]'), 'good',
	'another time that cannot be read is no reason');

-- sellers
SELECT is((SELECT coalesce(s.quarantine, 'good') FROM pg_temp.split(
	format('[{"tid":1,"modified":"2024-02-29 23:59:59"%s}]', e.seller), 'orders', e.nicks, e.require) AS s),
	e.expected, format('seller %s of %s, %s', e.seller, e.nicks, e.require))
FROM (VALUES
	(',"seller_nick":"甲店"', ARRAY['甲店'], false, 'good'), (',"seller_nick":"甲店"', ARRAY['乙店', '甲店'], true, 'good'),
	(',"seller_nick":"\u7532\u5e97"', ARRAY['甲店'], false, 'good'), (',"seller_nick":"甲店:客服"', ARRAY['甲店'], false, 'good'),
	(',"seller_nick":"甲店"', ARRAY['甲店:客服'], false, 'good'), (',"seller_nick":"乙店"', ARRAY['甲店'], false, 'foreign_seller'),
	(',"seller_nick":"甲店2"', ARRAY['甲店'], false, 'foreign_seller'), (',"seller_nick":"甲"', ARRAY['甲店'], false, 'foreign_seller'),
	(',"seller_nick":":甲店"', ARRAY['甲店'], false, 'foreign_seller'), (',"seller_nick":"甲店"', '{}', false, 'foreign_seller'),
	(',"seller_nick":{}', ARRAY['甲店'], false, 'foreign_seller'), (',"seller_nick":17', ARRAY['甲店'], false, 'foreign_seller'),
	('', ARRAY['甲店'], false, 'good'), ('', ARRAY['甲店'], true, 'foreign_seller'),
	(',"seller_nick":null', ARRAY['甲店'], true, 'foreign_seller'), (',"seller_nick":""', ARRAY['甲店'], true, 'foreign_seller'),
	(',"seller_nick":"乙店"', NULL, false, 'good'), (',"x":{"seller_nick":"乙店"}', ARRAY['甲店'], false, 'good')
) AS e (seller, nicks, require, expected);
SELECT is((SELECT array_agg(coalesce(s.quarantine, s.seller_nick) ORDER BY s.record_no) FROM pg_temp.split(
	'[{"tid":1,"seller_nick":"a","modified":"2024-02-29 23:59:59"},{"tid":2,"seller_nick":"b","modified":"2024-02-29 23:59:59"},'
	'{"tid":3,"seller_nick":"a","modified":"2024-02-29 23:59:59"}]', 'orders', ARRAY['a']) AS s),
	ARRAY['a', 'foreign_seller', 'a'], 'each record of a page for itself');

-- what jsonb would refuse: told beforehand, with its reason, and the rest of the page lives
SELECT is(pg_temp.reason(format('[{"tid":1,"modified":"2024-02-29 23:59:59"},{"tid":2,"modified":"2024-02-29 23:59:59","x":%s},'
	'{"tid":3,"modified":"2024-02-29 23:59:59"}]', e.value)), format('good %s good', e.expected), 'value ' || left(quote_nullable(translate(e.value, E'\n\t', '  ')), 40))
FROM (VALUES
	('"\u0000"', 'good'), ('"a\u0000b"', 'good'), ('"\ud83d"', 'good'), ('"\ude00"', 'good'), ('"\ud83dx"', 'good'),
	('"\ud83d\ud83d"', 'good'), ('"\ud83d\u0041"', 'good'), ('"\ud83d\ude00"', 'good'), ('"\u4e2d\n\t\"\\\/\b\f\r"', 'good'),
	('"\x"', 'good'), ('"\u12g4"', 'good'), ('"\u12"', 'good'), (E'"a\tb"', 'good'), (E'"a\nb"', 'good'),
	(E'"a\u007fb"', 'good'), ('"😀 \u200f\u200e"', 'good'), ('tru', 'syntax'), ('TRUE', 'syntax'), ('nul', 'syntax'), ('NaN', 'syntax'),
	('Infinity', 'syntax'), ('01', 'syntax'), ('-', 'syntax'), ('1.', 'syntax'), ('.5', 'syntax'), ('1e', 'syntax'), ('+1', 'syntax'),
	('0x1f', 'syntax'), ('-0.5e-3', 'good'), ('1E+5', 'good'), ('12345678901234567890123456789.5', 'good'),
	('1e131071', 'good'), ('1e131072', 'number'), ('1e-16383', 'good'), ('1e-16384', 'number'), ('1e999999999999999999999', 'number'),
	('-1e-999999999999999999999', 'number'), ('[1,]', 'syntax'), ('{"a":1,}', 'syntax'), ('{"a" 1}', 'syntax'), ('{a:1}', 'syntax'),
	('[1 2]', 'syntax'), ('{"a":1 "b":2}', 'syntax'), ('[1}', 'syntax'), ('{}', 'good'), ('[]', 'good'), ('[[],{},[{}]]', 'good'),
	(repeat('[', 99) || repeat(']', 99), 'good'), (repeat('[', 100) || repeat(']', 100), 'nesting'),
	(repeat('{"a":', 5000) || '1' || repeat('}', 5000), 'nesting'), (repeat('9', 131072), 'good'), (repeat('9', 131073), 'number')
) AS e (value, expected)
-- mixed brackets leave the page without an end
WHERE e.value <> '[1}';
SELECT is(pg_temp.reason('[{"tid":1,"modified":"2024-02-29 23:59:59","x":[1}}, {"tid":2,"modified":"2024-02-29 23:59:59"}]'), 'syntax good',
	'brackets of two kinds');
SELECT is(pg_temp.reason('[1,"a",null,[2],{"tid":1,"modified":"2024-02-29 23:59:59"},true]'), 'shape shape shape shape good shape',
	'what is no object');
SELECT is(pg_temp.reason('{"tid":1,"modified":"2024-02-29 23:59:59"}'), 'good', 'one object without a list');
SELECT is(pg_temp.reason('[{"tid":1,"modified":"2024-02-29 23:59:59"},{"tid":2,"modi'), 'good syntax', 'a list that is cut off');
SELECT is(pg_temp.reason('[{"tid":1,"modified":"2024-02-29 23:59:59"}] x'), 'good shape', 'bytes after the list');
SELECT is(pg_temp.reason('[{"tid":1,"modified":"2024-02-29 23:59:59"}{"tid":2,"modified":"2024-02-29 23:59:59"}]'), 'good good',
	'a missing comma between records costs none of them');
SELECT is((SELECT row(s.id, s.modified, s.quarantine)::text FROM pg_temp.split('[{"tid":77,"modified":"2024-02-29 23:59:59","x":tru}]') AS s),
	'(77,"2024-02-29 15:59:59+00",syntax)', 'a bad record keeps its id and time');
SELECT is(encode(s.body, 'escape'), '{"modified":"2024-02-29 23:59:59","title":"a\000b"}', 'a raw NUL of a record that is not stored stays as received')
FROM ordersync.split_records(convert_to('[{"modified":"2024-02-29 23:59:59","title":"a', 'UTF8') || '\x00'::bytea ||
	convert_to('b","receiver_name":"张三"}]', 'UTF8'), 'orders') AS s;
-- a fuzzer found that such a name was compared past its end
SELECT is(count(*), count(*) FILTER (WHERE s.quarantine = 'no_time'), 'NULs inside every personal name')
FROM unnest(ordersync_wire.personal_fields()) AS f, generate_series(1, 40) AS n,
	LATERAL ordersync.split_records(convert_to('[{"tid":1,"' || f, 'UTF8') || decode(repeat('00', n), 'hex') ||
		convert_to(repeat('x', 60 - length(f)) || '":"x"}]', 'UTF8'), 'orders') AS s;
SELECT is(convert_from(s.body, 'UTF8'), '{"tid":1,"modified":"2024-02-29 23:59:59","title":"' || e.stored || '"}', 'bytes that are no UTF-8: ' || e.bytes::text)
FROM (VALUES ('\xff'::bytea, '�'), ('\xc080', '�'), ('\xe4b8', '�'), ('\xeda080', '�'), ('\xf4908080', '�'), ('\xb8', '�'), ('\xf0808080', '�'),
	('\xe08080', '�'), ('\xd6d0cec4', '����'), ('\xe4b8612a2a', '�a**'), ('\xfefeff', '���')) AS e (bytes, stored),
	LATERAL ordersync.split_records(convert_to('[{"tid":1,"modified":"2024-02-29 23:59:59","title":"', 'UTF8') || e.bytes ||
		convert_to('"}]', 'UTF8'), 'orders') AS s;

-- personal data, by name, at any depth
SELECT is((SELECT s.body FROM pg_temp.split(e.record) AS s), e.expected, 'dropped: ' || e.why)
FROM (VALUES
	('first', '[{"receiver_name":"x","tid":1,"modified":"2024-02-29 23:59:59"}]', '{"tid":1,"modified":"2024-02-29 23:59:59"}'),
	('last', '[{"tid":1,"modified":"2024-02-29 23:59:59", "receiver_name" : "x" }]', '{"tid":1,"modified":"2024-02-29 23:59:59" }'),
	('several', '[{"hk_card_code":1,"receiver_zip":null,"tid":1,"buyer_email":[1,{"a":2}],"seller_mobile":{"x":"}"},"modified":"2024-02-29 23:59:59"}]',
		'{"tid":1,"modified":"2024-02-29 23:59:59"}'),
	('nested', '[{"tid":1,"modified":"2024-02-29 23:59:59","a":[{"b":{"receiver_phone":"1","c":1}},{"car_taker_phone":"2"}]}]',
		'{"tid":1,"modified":"2024-02-29 23:59:59","a":[{"b":{"c":1}},{}]}'),
	('written with escapes', '[{"tid":1,"modified":"2024-02-29 23:59:59","receiver\u005fname":"x","\u0072eceiver_zip":1}]',
		'{"tid":1,"modified":"2024-02-29 23:59:59"}'),
	('with a value that could not be stored', '[{"tid":1,"modified":"2024-02-29 23:59:59","receiver_town":"\u0000","buyer_email":"\ud800"}]',
		'{"tid":1,"modified":"2024-02-29 23:59:59"}'),
	('the persons of identify_info', '[{"tid":1,"modified":"2024-02-29 23:59:59","identify_info":{"real_name":"x","id_no":"1","identify_service_infos":'
		'{"identify_service_info":[{"unit_id":"u","person":"y","service_id":"s"}]},"refund":false}}]',
		'{"tid":1,"modified":"2024-02-29 23:59:59","identify_info":{"identify_service_infos":{"identify_service_info":[{"unit_id":"u","service_id":"s"}]},"refund":false}}'),
	('identify_info as text', '[{"tid":1,"modified":"2024-02-29 23:59:59","identify_info":"{\"name\":\"x\"}"}]', '{"tid":1,"modified":"2024-02-29 23:59:59"}')
) AS e (why, record, expected);
SELECT is((SELECT s.body FROM pg_temp.split(
	'[{"tid":1,"modified":"2024-02-29 23:59:59","buyer_nick":"买**","buyer_open_uid":"AAE","oaid":"1q","alipay_no":"2014","receiver_country":"中国",'
	'"receiver_state":"浙江","receiver_city":"杭州","receiver_district":"西湖","seller_memo":"m","desc":"d","title":"receiver_name"}]') AS s),
	'{"tid":1,"modified":"2024-02-29 23:59:59","buyer_nick":"买**","buyer_open_uid":"AAE","oaid":"1q","alipay_no":"2014","receiver_country":"中国",'
	'"receiver_state":"浙江","receiver_city":"杭州","receiver_district":"西湖","seller_memo":"m","desc":"d","title":"receiver_name"}',
	'pseudonyms, numbers and places down to the district stay');
SELECT ok(s.quarantine IS NOT NULL AND s.body NOT LIKE '%张三%' AND s.body NOT LIKE '%138%', 'from a bad record too: ' || e.why)
FROM (VALUES
	('not JSON', '[{"tid":1,"receiver_name":"张三","x":tru,"receiver_mobile":"138"}]'),
	('quotes out of step', '[{"tid":1,"title":"a"b","receiver_name":"张三","x":1,"receiver_mobile":"138"}]'),
	('cut off in the value', '[{"tid":1,"receiver_name":"张三'),
	('cut off after it', '[{"tid":1,"buyer_message":{"a":["张三","138"'),
	('foreign', '[{"tid":1,"seller_nick":"nobody","modified":"2024-02-29 23:59:59","receiver_name":"张三"}]'),
	('no id', '[{"receiver_name":"张三","address":"138"}]'),
	('a text', '["{\"receiver_name\":\"张三\",\"tid\":1,\"address\" : {\"a\":[\"138\"]}}"]'),
	('a text in a text', '["{\"a\":\"{\\\"receiver_mobile\\\":138,\\\"buyer_memo\\\":\\\"张三\\\"}\"}"]'),
	('a text that is cut off', '["{\"receiver_name\":\"张三')
) AS e (why, list), LATERAL pg_temp.split(e.list, 'orders', ARRAY['a']) AS s;
SELECT is((SELECT s.body FROM pg_temp.split('["{\"receiver_name\":\"a\\\"b\",\"tid\":1,\"receiver_zip\":null}"]') AS s), '"{\\"tid\\":1}"',
	'the rest of a text stays');

-- digests
SELECT is((SELECT count(DISTINCT s.digest) FROM pg_temp.split(
	'[{"tid":1,"modified":"2024-02-29 23:59:59","receiver_name":"a"},{"tid":1,"modified":"2024-02-29 23:59:59","receiver_name":"b"}]') AS s),
	1::bigint, 'the digest does not see personal data');
SELECT is((SELECT count(DISTINCT s.digest) FROM pg_temp.split(
	'[{"tid":1,"modified":"2024-02-29 23:59:59","title":"a"},{"tid":1,"modified":"2024-02-29 23:59:59","title":"b"},'
	'{"tid":1,"modified":"2024-02-29 23:59:58","title":"a"}]') AS s), 3::bigint, 'and sees all the rest');
SELECT is((SELECT array_agg(DISTINCT s.digest) FROM pg_temp.split('[{"tid":1,"modified":"2024-02-29 23:59:59","receiver_town":1}]') AS s),
	ARRAY[substr(sha256('\x01'::bytea || convert_to('{"tid":1,"modified":"2024-02-29 23:59:59"}', 'UTF8')), 1, 16)],
	'version and body, SHA-256 cut to 16 bytes');

-- a page of garbage costs no more memory than it has bytes
SELECT is((SELECT row(count(*), max(s.quarantine) FILTER (WHERE s.record_no = 10001))::text
	FROM ordersync.split_records(convert_to('[' || repeat('1,', 50000) || '1]', 'UTF8'), 'orders') AS s), '(10001,shape)',
	'no page has more than 10,000 records; the rest counts as one');

-- what each source serves
SELECT is(cardinality(ordersync.served_fields(e.source, e.object)), e.n, format('%s serves %s fields of a %s', e.source, e.n, e.object))
FROM (VALUES
	('increment', 'trade', 54), ('arrival', 'trade', 69), ('list', 'trade', 111), ('history', 'trade', 44), ('details', 'trade', 277),
	('increment', 'order', 49), ('arrival', 'order', 43), ('list', 'order', 51), ('history', 'order', 31), ('details', 'order', 156),
	('list', 'refund', 29), ('special', 'refund', 30), ('details', 'refund', 41)
) AS e (source, object, n);
SELECT ok(ordersync.served_fields('list', 'trade') @> ARRAY['tid', 'alipay_no', 'commission_fee', 'async_modified', 'orders', 'oaid'], 'list serves what increment lacks');
SELECT ok(NOT ordersync.served_fields('increment', 'trade') && ARRAY['alipay_no', 'commission_fee', 'async_modified', 'cod_status', 'trade_from', 'point_fee'],
	'increment does not');
SELECT ok(NOT ordersync.served_fields('list', 'trade') && ARRAY['seller_memo', 'promotion_details', 'buyer_message'], 'memos come with details only');
SELECT throws_ok($$SELECT ordersync.served_fields('lists', 'trade')$$, '22023', NULL, 'a word misspelt is an error');
SELECT throws_ok($$SELECT ordersync.served_fields('list', 'trades')$$, '22023', NULL, 'so is an object');

SELECT * FROM finish();
ROLLBACK;
