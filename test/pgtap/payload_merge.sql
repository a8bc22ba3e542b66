-- What a merge asks in C: whether lines are plain, and whether a record covers a payload.
BEGIN;
SELECT plan(124);
SELECT setseed(0.20261129);

-- the form of an order's lines: by hand, and as jsonpath has it
SELECT unnest(ARRAY[is(ordersync.has_plain_lines(r), e, 'plain lines: ' || coalesce(r::text, 'NULL')),
	is(coalesce(jsonb_typeof(r #> '{orders,order}') = 'array' AND NOT r @? 'strict $.orders.order[*] ? (@.type() != "object")', false), e,
		'by jsonpath: ' || coalesce(r::text, 'NULL'))])
FROM (VALUES
	('{"orders":{"order":[{"oid":1}]}}'::jsonb, true), ('{"orders":{"order":[{},{"a":[1]}]}}', true), ('{"orders":{"order":[]}}', true),
	('{"tid":1,"orders":{"order":[{"oid":1}],"unreadable":[1]}}', true), ('{"orders":{"order":[{"oid":1},[]]}}', false),
	('{"orders":{"order":[{"oid":1},null]}}', false), ('{"orders":{"order":[1]}}', false), ('{"orders":{"order":["{}"]}}', false),
	('{"orders":{"order":{"oid":1}}}', false), ('{"orders":{"order":null}}', false), ('{"orders":{"order":"x"}}', false), ('{"orders":{}}', false),
	('{"orders":[{"oid":1}]}', false), ('{"orders":[{"order":[{}]}]}', false), ('{"orders":null}', false), ('{"orders":"order"}', false), ('{}', false),
	('[]', false), ('["orders"]', false), ('"orders"', false), ('1', false), ('null', false), (NULL, false),
	('{"order":[{}]}', false), ('{"Orders":{"order":[{}]}}', false)
) AS t (r, e);
SELECT is(ordersync.has_plain_lines(jsonb_build_object('orders', jsonb_build_object('order', (SELECT jsonb_agg(CASE i WHEN bad THEN '1' ELSE '{"a":1}'::jsonb END)
	FROM generate_series(1, 70) AS i)))), bad > 70, 'seventy lines, bad one ' || bad)
FROM unnest(ARRAY[1, 32, 33, 34, 65, 70, 71]) AS bad;

-- covered: by hand; a true answer is right only where the merge gives the record itself
SELECT unnest(ARRAY[is(ordersync.is_covered(o, n), e, format('%s covered by %s', o, n)),
	ok(NOT ordersync.is_covered(o, n) OR ordersync.merge_order(o, n, '{}', NULL, '{}', NULL) = n, format('%s and %s: as merged', o, n))])
FROM (VALUES
	('{}'::jsonb, '{}'::jsonb, true), ('{}', '{"a":1}', true), ('{"a":1}', '{}', false), ('{"a":1}', '{"a":2}', true), ('{"a":1,"c":1}', '{"a":2,"b":3,"c":4}', true),
	('{"a":1,"d":1}', '{"a":2,"b":3,"c":4}', false), ('{"b":1}', '{"a":1}', false), ('{"aa":1}', '{"b":1,"ab":2}', false), ('{"a":null}', '{"b":1}', false),
	('{"":1}', '{"a":1}', false), ('{"a":1}', '{"a":null}', true),
	('{"orders":{"order":[{"oid":1,"a":1}]}}', '{"orders":{"order":[{"oid":1,"a":2}]}}', true),
	('{"orders":{"order":[{"oid":1,"a":1}]}}', '{"orders":{"order":[{"oid":1,"a":2},{"oid":2}]}}', true),
	('{"orders":{"order":[{"oid":1,"a":1}]}}', '{"orders":{"order":[{"oid":2},{"oid":1,"a":2}]}}', false),
	('{"orders":{"order":[{"oid":1},{"oid":2}]}}', '{"orders":{"order":[{"oid":1}]}}', false),
	('{"orders":{"order":[{"oid":1,"a":1}]}}', '{"orders":{"order":[{"oid":1,"b":2}]}}', false),
	('{"orders":{"order":[{"oid":"1"}]}}', '{"orders":{"order":[{"oid":"1"}]}}', true),
	('{"orders":{"order":[{"oid":"1"}]}}', '{"orders":{"order":[{"oid":"2"}]}}', false),
	('{"orders":{"order":[{"oid":1}]}}', '{"orders":{"order":[{"oid":"1"}]}}', false),
	('{"orders":{"order":[{"a":1}]}}', '{"orders":{"order":[{"a":2}]}}', true), ('{"orders":{"order":[{"a":1}]}}', '{"orders":{"order":[{"a":2,"oid":1}]}}', false),
	('{"orders":{"order":[{"oid":1}]}}', '{"orders":{"order":[]}}', false), ('{"orders":{"order":[]}}', '{"orders":{"order":[{"oid":1}]}}', true),
	('{"tid":1}', '{"tid":1,"orders":{"order":[{"oid":1}]}}', true), ('{"orders":{}}', '{"orders":{"order":[{"oid":1}]}}', true),
	('{"orders":{"order":null}}', '{"orders":{"order":[{"oid":1}]}}', false), ('{"orders":{"order":[{"oid":1}]}}', '{"tid":1}', false),
	('{"orders":{"order":[{"oid":1}]}}', '{"orders":{}}', false), ('{"orders":{"order":[{"oid":1}],"unreadable":[1]}}', '{"orders":{"order":[{"oid":1}]}}', true)
) AS t (o, n, e);
SELECT is(ordersync.is_covered(NULL, '{}'), NULL, 'no payload');
SELECT is(ordersync.is_covered('{}', NULL), NULL, 'no record');
SELECT is(ordersync.is_covered(o, n), false, format('%s and %s are no records', o, n))
FROM (VALUES ('[]'::jsonb, '[]'::jsonb), ('{}', '[]'), ('[]', '{}'), ('1', '{}')) AS t (o, n);

-- names of two objects by chance, up to two hundred, half of the time none is missing: as the server's own merge has it
CREATE TEMPORARY TABLE chance AS
SELECT coalesce(jsonb_object_agg(k.name, i) FILTER (WHERE k.old), '{}') AS o,
	coalesce(jsonb_object_agg(k.name, -i) FILTER (WHERE k.new OR k.old AND c % 2 = 0), '{}') AS n
FROM generate_series(1, 2000) AS c, generate_series(1, 1 + c / 10) AS i,
	LATERAL (SELECT substr(md5(i::text), 1, i % 9), random() < 0.3, random() < 0.98) AS k (name, old, new)
GROUP BY c;
SELECT is(string_agg(format('%s %s', o, n), E'\n'), NULL, 'names by chance') FROM chance WHERE ordersync.is_covered(o, n) IS DISTINCT FROM (o || n = n);
SELECT cmp_ok(count(*), '>', 300::bigint, 'enough with the answer ' || a) FROM chance, LATERAL ordersync.is_covered(o, n) AS a GROUP BY a;

SELECT * FROM finish();
ROLLBACK;
