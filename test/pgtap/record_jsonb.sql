-- ordersync.read_record makes the very bytes that the server's conversion of a text to jsonb makes, and its errors.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(370);
\ir ../fixtures/wire_samples.sql
\ir lib/json_text.sql
SELECT setseed(0.20261129);

-- the comparison itself: of a header, two entries, a name, its padding and a number come 24 bytes; another value is seen
SELECT is(length(pg_temp.converted(ours, '{"a":1}', NULL)), 2 + 2 * 24, 'bytes are compared') FROM (VALUES (true), (false)) AS t (ours);
SELECT isnt(pg_temp.converted(true, '{"a":1}', NULL), pg_temp.converted(false, '{"a":2}', NULL), 'a difference shows');

-- what it must come to, by hand, and the same bytes as the server's
SELECT unnest(ARRAY[is(ordersync.read_record(body)::text, e, 'value of ' || body),
	is(pg_temp.difference(body), NULL, 'bytes of ' || body)])
FROM (VALUES
	('{}', '{}'), (' { } ', '{}'), ('[]', '[]'), ('{"a":{}}', '{"a": {}}'), ('{"a":[]}', '{"a": []}'), ('[[],{},[{}],""]', '[[], {}, [{}], ""]'),
	-- lone scalars
	('1', '1'), (' true ', 'true'), ('false', 'false'), ('null', 'null'), ('"x"', '"x"'), ('""', '""'), ('-2.50', '-2.50'),
	-- members: the last of equal ones, shorter names first, then by bytes
	('{"a":1,"a":2}', '{"a": 2}'), ('{"a":1,"b":0,"a":[2],"a":3}', '{"a": 3, "b": 0}'), ('{"a":1,"\u0061":2}', '{"a": 2}'),
	('{"bb":1,"a":2,"ab":3,"":4}', '{"": 4, "a": 2, "ab": 3, "bb": 1}'),
	('{"receiver_country":1,"receiver_address":2}', '{"receiver_address": 2, "receiver_country": 1}'),
	('{"é":1,"zz":2}', '{"zz": 2, "é": 1}'), ('{"":{"":{"":""}}}', '{"": {"": {"": ""}}}'),
	('{"x":{"tid":1,"tid":2},"x":{"tid":3}}', '{"x": {"tid": 3}}'),
	-- numbers
	('[0,-0,0.0,-0.00,0.000]', '[0, 0, 0.0, 0.00, 0.000]'), ('[1e5,1E5,1.5e1,1e-3,0e0]', '[100000, 100000, 15, 0.001, 0]'),
	('[1.50,200.07,-12.30,10000,100000000]', '[1.50, 200.07, -12.30, 10000, 100000000]'),
	('[9223372036854775807,9223372036854775808]', '[9223372036854775807, 9223372036854775808]'),
	('[-9223372036854775808,-9223372036854775809]', '[-9223372036854775808, -9223372036854775809]'),
	('[999999999999999999,1000000000000000000,99999999999999999999999999]', '[999999999999999999, 1000000000000000000, 99999999999999999999999999]'),
	('1E400', '1' || repeat('0', 400)), (repeat('7', 600), repeat('7', 600)), ('-0.' || repeat('7', 600), '-0.' || repeat('7', 600)),
	('[' || repeat('7', 512) || ',' || repeat('7', 513) || ']', '[' || repeat('7', 512) || ', ' || repeat('7', 513) || ']'), ('{"tid":1347456243420006949,"num":-1}', '{"num": -1, "tid": 1347456243420006949}'),
	-- texts
	('"\u4e2d\u6587"', '"中文"'), ('"中\u6587"', '"中文"'), ('"\ud83d\ude00"', '"😀"'), ('"\uD83D\uDE00x"', '"😀x"'), ('"http:\/\/a\/b"', '"http://a/b"'),
	('"\b\f\n\r\t\"\\"', '"\b\f\n\r\t\"\\"'), ('"\u0001\u001f"', '"\u0001\u001f"'), ('"\u0022\u005c"', '"\"\\"'), ('"\uffff\ufffe"', E'"\uffff\ufffe"'),
	(E'"\u007f"', E'"\u007f"'), ('"12345678"', '"12345678"'), ('"1234567\u0038"', '"12345678"'), ('{"\u540d":"名"}', '{"名": "名"}'),
	-- white space
	(E' \t\r\n{ \n"a"\t:\r[ 1 , 2 ] , "b" : null }\n ', '{"a": [1, 2], "b": null}')
) AS t (body, e);
SELECT is(ordersync.read_record(NULL), NULL, 'no text');
SELECT is(ordersync.read_record(NULL, '{a}'), NULL, 'no text, something hidden');
SELECT is(ordersync.read_record('{"a":1}', NULL)::text, '{"a": 1}', 'nothing hidden');

-- refused texts: the SQLSTATE by hand, and all else as the server says it
SELECT unnest(ARRAY[is(left(pg_temp.converted(true, body, NULL), 5), e, 'error of ' || quote_literal(body)),
	is(pg_temp.difference(body), NULL, 'the server''s error of ' || quote_literal(body))])
FROM (VALUES
	('', '22P02'), (' ', '22P02'), ('{', '22P02'), ('}', '22P02'), ('[', '22P02'), (']', '22P02'), ('[}', '22P02'), ('{]', '22P02'), ('{"a":1]', '22P02'),
	('[1,]', '22P02'), ('[,1]', '22P02'), ('[1,,2]', '22P02'), ('{"a":1,}', '22P02'), ('{,}', '22P02'), ('{"a"}', '22P02'), ('{"a":}', '22P02'),
	('{"a" 1}', '22P02'), ('{a:1}', '22P02'), ('{1:1}', '22P02'), ('[1 2]', '22P02'), ('["a""b"]', '22P02'), ('[1:2]', '22P02'), ('{"a":1 "b":2}', '22P02'),
	('1 2', '22P02'), ('{} x', '22P02'), ('{}{}', '22P02'), ('{},', '22P02'), ('[1]]', '22P02'), ('{"a":{"b":1}', '22P02'), ('[[1]', '22P02'),
	('tru', '22P02'), ('truex', '22P02'), ('True', '22P02'), ('nul', '22P02'), ('null1', '22P02'), ('falsee', '22P02'), ('[true"a"]', '22P02'), ('中', '22P02'),
	('-', '22P02'), ('+1', '22P02'), ('01', '22P02'), ('-01', '22P02'), ('1.', '22P02'), ('.5', '22P02'), ('1e', '22P02'), ('1e+', '22P02'), ('1.e1', '22P02'),
	('1a', '22P02'), ('0x10', '22P02'), ('1_000', '22P02'), ('NaN', '22P02'), ('Infinity', '22P02'), ('-Infinity', '22P02'), ('1中', '22P02'), ('[1"a"]', '22P02'),
	('"', '22P02'), ('"a', '22P02'), ('"\', '22P02'), ('"\"', '22P02'), ('"\x"', '22P02'), ('"\u12"', '22P02'), ('"\u12g4"', '22P02'), ('"\U0041"', '22P02'),
	(E'"\n"', '22P02'), (E'"\u0001"', '22P02'), (E'"12345678\t"', '22P02'), (E'"a\u0001b"', '22P02'), (E'"a\nb"', '22P02'), (E'{"a\u001f":1}', '22P02'), ('''a''', '22P02'), ('//', '22P02'), (E'\uFEFF{}', '22P02'),
	(E'[\f1]', '22P02'), ('"\ud800"', '22P02'), ('"\udc00"', '22P02'), ('"\ud800\ud800"', '22P02'), ('"\ud800x\udc00"', '22P02'), ('"\ud800\n"', '22P02'),
	('"\u0000"', '22P05'), ('{"\u0000":1}', '22P05'), ('{"a":"\u0000","a":1}', '22P05'), ('{"a":1e1000000,"a":1}', '22003'), ('[1e200000]', '22003'),
	('["\u0000", 1e1000000]', '22P05'), ('[1e1000000, "\u0000"]', '22003'), ('[1e1000000', '22003'), ('1e1000000.5', '22P02'), ('[1e1000000 x', '22P02'), ('[1e1000000,', '22003')
) AS t (body, e);

-- entries with an offset: sizes around JB_OFFSET_STRIDE, of objects and arrays, with numbers and containers that are aligned
SELECT is(string_agg(pg_temp.difference(body), E'\n'), NULL, 'sizes of ' || what)
FROM generate_series(0, 140) AS n, LATERAL (
	SELECT 'arrays', '[' || coalesce(string_agg(CASE i % 5 WHEN 0 THEN '"' || repeat('v', i % 7) || '"' WHEN 1 THEN i::text WHEN 2 THEN '[' || i || ']' WHEN 3 THEN
		'{"k":"v"}' ELSE 'true' END, ','), '') || ']'
	FROM generate_series(1, n) AS i
	UNION ALL
	SELECT 'objects', '{' || coalesce(string_agg(format('"%s":%s', substr(md5(i::text), 1, 3 + i % 5), CASE i % 4 WHEN 0 THEN '"' || repeat('v', i % 7) || '"' WHEN 1 THEN
		i::text WHEN 2 THEN '[' || i || ']' ELSE 'null' END), ','), '') || '}'
	FROM generate_series(1, n) AS i
) AS b (what, body)
GROUP BY what;
SELECT is(ordersync.read_record(body) -> 'k97', '97', 'a member found among a hundred')
FROM (SELECT '{' || string_agg(format('"k%s":%s', i, i), ',') || '}' FROM generate_series(1, 100) AS i) AS b (body);

-- names of one length, few and many, and of many lengths, in the three orders, some of them twice
SELECT is(string_agg(pg_temp.difference(body), E'\n'), NULL, 'names ' || what)
FROM (SELECT 'of length ' || len, '{' || string_agg(format('"%s":%s', right(repeat('p', len) || translate(i::text, '0123456789', 'qdzbkyaxcm'), len), i), ','
		ORDER BY CASE turn WHEN 0 THEN i WHEN 1 THEN -i ELSE i * 7919 % 101 END) || '}'
	FROM unnest(ARRAY[3, 64]) AS len, unnest(ARRAY[2, 23, 24, 25, 26, 60]) AS n, generate_series(0, 2) AS turn, generate_series(1, n) AS i
	GROUP BY len, n, turn
	UNION ALL
	SELECT 'of many lengths', '{' || string_agg(format('"%s":"%s"', substr(repeat(chr(97 + i * 17 % 26), 80), 1, i * 31 % n), repeat('v', i % 41)), ','
		ORDER BY CASE turn WHEN 0 THEN i WHEN 1 THEN -i ELSE i * 7919 % 101 END) || '}'
	FROM generate_series(1, 70, 3) AS n, generate_series(0, 2) AS turn, generate_series(0, 90) AS i
	GROUP BY n, turn) AS b (what, body)
GROUP BY what;

-- names of one byte's lengths and beyond: the length counts before the bytes
SELECT is(string_agg(pg_temp.difference(format('{"%s%s":1,"%s%s":2,"%s%s":3}', a, repeat('x', n), b, repeat('x', m), a, repeat('x', m))), E'\n'), NULL, 'names of ' || n)
FROM unnest(ARRAY[253, 254, 255, 256, 300]) AS n, generate_series(252, 258) AS m, (VALUES ('a', 'b'), ('b', 'a'), ('aaaaaaaa', 'b')) AS k (a, b)
GROUP BY n;

-- strings of each length, plain and escaped, at each place of the eight bytes that are read at once
SELECT is(string_agg(pg_temp.difference(body), E'\n'), NULL, 'lengths of strings')
FROM generate_series(0, 70) AS n, LATERAL unnest(ARRAY[
	'["' || repeat('x', n) || '"]', '["' || repeat('x', n) || '\n"]', '["' || repeat('x', n) || '中"]', '{"' || repeat('x', n) || '":"' || repeat('y', n) || '"}',
	'["' || repeat('x', n) || E'\u0001"]', '["' || repeat('x', n), '"' || repeat('\u4e2d', n) || '"', '["' || repeat('x', n) || '\']) AS body;
SELECT is(pg_temp.difference('{"a":"' || repeat('长', 100000) || '","b":"' || repeat('\"', 100000) || '"}'), NULL, 'long strings');

-- depth: as deep as it goes in one pass, deeper, and deeper than the server goes
SELECT unnest(ARRAY[is(pg_temp.difference(repeat('[', n) || repeat(']', n)), NULL, n || ' arrays'),
	is(pg_temp.difference(repeat('{"a":', n) || '1' || repeat('}', n)), NULL, n || ' objects'),
	is(pg_temp.difference(repeat('[1,"x",', n) || '{"a":1}' || repeat(',2]', n)), NULL, n || ' arrays with neighbours'),
	is(pg_temp.difference(repeat('[', n) || repeat(']', n - 1)), NULL, n || ' arrays, one not closed')])
FROM unnest(ARRAY[1, 2, 63, 64, 65, 66, 500]) AS n;
SELECT is(left(pg_temp.converted(true, repeat('[', 100000) || repeat(']', 100000), NULL), 5), '54001', 'deeper than the stack');
SELECT is(pg_temp.difference(repeat('[', 100000) || repeat(']', 100000)), NULL, 'deeper than the stack: as the server says');

-- many values, up to the longest text that is read in one pass and beyond; the memory is given back
SELECT unnest(ARRAY[is(pg_temp.difference('[' || repeat('1,', n) || '1]'), NULL, n || ' numbers'),
	is(pg_temp.difference('[' || repeat('"\u0041",', n / 4) || '1]'), NULL, n / 4 || ' escaped strings')])
FROM unnest(ARRAY[3000, 500000, 550000]) AS n;
SELECT is(pg_temp.difference((SELECT '{' || string_agg(format('"%s\n":[%s]', i, i), ',') || '}' FROM generate_series(1, n) AS i)), NULL, n || ' members')
FROM unnest(ARRAY[500, 3000, 15000]) AS n;
SELECT cmp_ok((SELECT total_bytes FROM pg_backend_memory_contexts WHERE name = 'ordersync jsonb'), '<=', 512 * 1024::bigint, 'memory of long texts is given back');

-- hidden members, at the top only
SELECT unnest(ARRAY[is(ordersync.read_record(body, hidden)::text, e, format('%s without %s', body, hidden)),
	is(pg_temp.difference(body, hidden), NULL, format('bytes of %s without %s', body, hidden))])
FROM (VALUES
	('{"a":1,"b":{"a":2},"c":[{"a":3}]}', '{a}'::text[], '{"b": {"a": 2}, "c": [{"a": 3}]}'), ('{"a":1,"b":2}', '{a,b}', '{}'), ('{"a":1}', '{}', '{"a": 1}'),
	('{"a":1}', '{b,NULL,""}', '{"a": 1}'), ('{"a":1,"":2}', '{NULL,""}', '{"a": 1}'), ('{"\u0061":1,"b":2}', '{a}', '{"b": 2}'),
	('{"a":1,"a":2,"b":3}', '{a,a}', '{"b": 3}'), ('{"seller_memo":"x","tid":1}', '{seller_memo}', '{"tid": 1}'), ('{}', '{a}', '{}'),
	-- of an array the strings, as the operator does
	('["a","b",1,["a"]]', '{a}', '["b", 1, ["a"]]'), ('[]', '{a}', '[]')
) AS t (body, hidden, e);
SELECT unnest(ARRAY[is(left(pg_temp.converted(true, body, hidden), 5), e, format('error of %s without %s', body, hidden)),
	is(pg_temp.difference(body, hidden), NULL, format('the server''s error of %s without %s', body, hidden))])
FROM (VALUES
	('"a"', '{a}'::text[], '22023'), ('1', '{}', '22023'), ('{"a":1}', '{{a},{b}}', '2202E'), ('{"a":', '{{a},{b}}', '22P02'), ('{"a":', '{a}', '22P02')
) AS t (body, hidden, e);
SELECT is(string_agg(pg_temp.difference(body, hidden), E'\n'), NULL, 'members hidden among up to a hundred')
FROM generate_series(0, 100) AS n,
	LATERAL (SELECT '{' || coalesce(string_agg(format('"%s":[%s]', i, i), ','), '') || '}', array_agg(i::text) FILTER (WHERE i % 3 = 0) FROM generate_series(1, n) AS i)
	AS b (body, hidden);

-- after an error in the middle the next text is read as ever
SELECT is(left(pg_temp.converted(true, '{"a":["\u0041",{"b":1e1000000}]}', NULL), 5) || ordersync.read_record('{"a":"\u0041"}'), '22003{"a": "A"}', 'after an error');

-- answers as they came, and their records
SELECT is(string_agg(pg_temp.difference(convert_from(body, 'UTF8'), hidden), E'\n'), NULL, 'answers')
FROM wire_sample, (VALUES (NULL::text[]), ('{request_id}')) AS h (hidden);
SELECT unnest(ARRAY[is(string_agg(pg_temp.difference(convert_from(r.body, 'UTF8'), hidden), E'\n'), NULL, 'records'), is(count(*), 18::bigint, 'each of nine records, twice')])
FROM wire_sample AS w, ordersync_wire.classify(w.kind, w.stream, w.basis, 200, w.body) AS c, ordersync.split_records(c.list, w.stream) AS r,
	(VALUES (NULL::text[]), ('{title,orders}')) AS h (hidden)
WHERE c.list IS NOT NULL AND r.quarantine IS NULL;

-- texts by chance, and the same with something broken in them
CREATE TEMPORARY TABLE fuzzed AS
SELECT pg_temp.random_json(4) AS body, pg_temp.random_hidden() AS hidden
FROM generate_series(1, 600);
SELECT unnest(ARRAY[is(string_agg(pg_temp.difference(body, hidden), E'\n'), NULL, 'texts by chance'),
	cmp_ok(count(*) FILTER (WHERE body LIKE '{_%' OR body LIKE '[_%'), '>', 150::bigint, 'enough of them objects and arrays')])
FROM fuzzed;
SELECT unnest(ARRAY[is(string_agg(pg_temp.difference(m.body, hidden), E'\n'), NULL, 'texts by chance, broken'),
	cmp_ok(count(*) FILTER (WHERE pg_temp.converted(true, m.body, NULL) LIKE '22P0%'), '>', count(*) / 4, 'enough of them refused')])
FROM fuzzed AS f, LATERAL (SELECT pg_temp.mutated(f.body) AS body OFFSET 0) AS m;

SELECT * FROM finish();
ROLLBACK;
