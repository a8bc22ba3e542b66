-- new_records(), have_plain_lines() and ids_of_records(): a batch's records as an array, made and taken apart by C.
BEGIN;
SELECT plan(27);
SET LOCAL client_min_messages = error;
SELECT ordersync.set_up();

CREATE TEMPORARY TABLE batch AS SELECT
	ARRAY['2026-03-01 08:00Z', '2026-03-01 09:00Z']::timestamptz[] AS read_at, ARRAY[1, 1, 2, 2] AS pages, ARRAY[11, 12, 13, 14]::bigint[] AS ids,
	ARRAY['2026-02-01Z', '2026-02-02Z', '2026-02-03Z', '2026-02-04Z']::timestamptz[] AS modified, ARRAY['\x0a', '\x0b', NULL, '\x0d']::bytea[] AS digests,
	ARRAY['{"tid": 11, "memo": "m", "orders": {"order": [{"oid": 1}]}}', '{"tid": 12}', '{"tid": 13, "s": "\u5355"}', NULL] AS bodies;
CREATE FUNCTION pg_temp.made(fresh integer[], hidden text[] DEFAULT '{}') RETURNS ordersync.applied[] LANGUAGE sql STABLE AS $$
	SELECT ordersync.new_records(fresh, b.read_at, b.pages, b.ids, b.modified, b.digests, b.bodies, 3::smallint, 4::smallint, hidden) FROM batch b
$$;
-- the same, typed by hand
CREATE TEMPORARY TABLE expected (n integer, record ordersync.applied);
INSERT INTO expected VALUES
	(1, ROW (11, '2026-02-01Z', 1, 3, 4, '\x0a', '2026-03-01 08:00Z', true, false, NULL, NULL, NULL, '{"tid": 11, "memo": "m", "orders": {"order": [{"oid": 1}]}}')),
	(2, ROW (12, '2026-02-02Z', 1, 3, 4, '\x0b', '2026-03-01 08:00Z', true, false, NULL, NULL, NULL, '{"tid": 12}')),
	(3, ROW (13, '2026-02-03Z', 2, 3, 4, NULL, '2026-03-01 09:00Z', true, false, NULL, NULL, NULL, '{"tid": 13, "s": "单"}')),
	(4, ROW (14, '2026-02-04Z', 2, 3, 4, '\x0d', '2026-03-01 09:00Z', true, false, NULL, NULL, NULL, NULL));
CREATE FUNCTION pg_temp.typed(places integer[]) RETURNS ordersync.applied[] LANGUAGE sql STABLE AS $$
	SELECT array_agg(e.record ORDER BY p.i) FROM unnest(places) WITH ORDINALITY AS p (n, i) JOIN expected e USING (n)
$$;

SELECT is(pg_temp.made('{1,2,3,4}')::text, pg_temp.typed('{1,2,3,4}')::text, 'records as they came');
SELECT is(pg_temp.made('{3}')::text, pg_temp.typed('{3}')::text, 'one of them');
SELECT is(pg_temp.made('{4,2,2}')::text, pg_temp.typed('{4,2,2}')::text, 'in the order that is asked for, one twice');
SELECT ok(pg_temp.made(NULL) IS NULL AND pg_temp.made('{}') IS NULL, 'none: NULL');
SELECT is((SELECT r.payload FROM unnest(pg_temp.made('{1}', '{memo,orders}')) AS r), '{"tid": 11}', 'without what is hidden');
SELECT throws_ok('SELECT pg_temp.made(''{5}'')', 'XX000', NULL, 'a place that the batch has not');
SELECT throws_ok('SELECT pg_temp.made(''{0}'')', 'XX000', NULL, 'places are counted from 1');
SELECT throws_ok($$SELECT ordersync.new_records('{2}', b.read_at, b.pages, b.ids, b.modified[1:1], b.digests, b.bodies, 3::smallint, 4::smallint, '{}') FROM batch b$$,
	'XX000', NULL, 'an array that is shorter than the others');
SELECT throws_ok($$SELECT ordersync.new_records('{1}', b.read_at, b.pages, b.ids, b.modified, b.digests, ARRAY['{"tid": '], 3::smallint, 4::smallint, '{}') FROM batch b$$,
	'22P02', NULL, 'what is no JSON is an error of the server''s');

-- It is an array as any other.
SELECT is(cardinality(pg_temp.made('{1,2}')), 2, 'its length');
SELECT is(array_lower(pg_temp.made('{1,2}'), 1) || ' ' || array_upper(pg_temp.made('{1,2}'), 1), '1 2', 'its bounds');
SELECT is((pg_temp.made('{1,2}'))[2].id, 12::bigint, 'an element');
SELECT is((pg_temp.made('{1,2}') || pg_temp.made('{3}'))::text, pg_temp.typed('{1,2,3}')::text, 'joined to another');
SELECT is((pg_temp.made('{1,2,3}'))[2:3]::text, pg_temp.typed('{2,3}')::text, 'a slice');
CREATE TEMPORARY TABLE kept AS SELECT pg_temp.made('{1,2,3,4}') AS records;
SELECT is((SELECT records::text FROM kept), pg_temp.typed('{1,2,3,4}')::text, 'stored and read again');
CREATE FUNCTION pg_temp.changed() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	t batch;
	a ordersync.applied[];
	b ordersync.applied[];
BEGIN
	SELECT * INTO t FROM batch;
	a := ordersync.new_records('{1,2}', t.read_at, t.pages, t.ids, t.modified, t.digests, t.bodies, 3::smallint, 4::smallint, '{}');
	b := a;
	a[1] := a[2];
	a[1] := (pg_temp.typed('{3}'))[1];
	a := array_append(a, b[1]);
	RETURN a::text || b::text;
END
$$;
SELECT is(pg_temp.changed(), pg_temp.typed('{3,2,1}')::text || pg_temp.typed('{1,2}')::text, 'changed in a variable; its copy is not');
-- as PL/pgSQL hands its variables over
CREATE FUNCTION pg_temp.of_variables(fresh integer[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	b batch;
	v ordersync.applied[];
	n bigint := 0;
BEGIN
	SELECT * INTO b FROM batch;
	FOR i IN 1 .. 3 LOOP
		v := ordersync.new_records(fresh, b.read_at, b.pages, b.ids, b.modified, b.digests, b.bodies, 3::smallint, 4::smallint, NULL);
		n := n + (SELECT sum(r.id) FROM ordersync.ids_of_records(v) r);
	END LOOP;
	RETURN n || ' ' || v::text;
END
$$;
SELECT is(pg_temp.of_variables('{1,4}'), '75 ' || pg_temp.typed('{1,4}')::text, 'from variables, again and again');

-- ids
SELECT is((SELECT string_agg(concat_ws(' ', r.page, r.id, r.modified AT TIME ZONE 'UTC'), ', ') FROM ordersync.ids_of_records(pg_temp.typed('{2,1,3}')) r),
	'1 12 2026-02-02 00:00:00, 1 11 2026-02-01 00:00:00, 2 13 2026-02-03 00:00:00', 'what records are called by, in their order');
SELECT is((SELECT count(*) FROM kept, ordersync.ids_of_records(kept.records)), 4::bigint, 'of an array that is stored');
SELECT is((SELECT count(*) FROM ordersync.ids_of_records('{}')), 0::bigint, 'of none');
SELECT is((SELECT count(*) FROM ordersync.ids_of_records(NULL)), 0::bigint, 'of NULL');
SELECT throws_ok('SELECT * FROM ordersync.ids_of_records(ARRAY[NULL]::ordersync.applied[])', 'XX000', NULL, 'a record that is NULL');

-- lines
CREATE FUNCTION pg_temp.plain(VARIADIC bodies text[]) RETURNS boolean LANGUAGE sql AS $$
	SELECT ordersync.have_plain_lines(array_agg(ROW (1, NULL, 1, 1, 1, NULL, NULL, true, false, NULL, NULL, NULL, b.body::jsonb)::ordersync.applied)) FROM unnest(bodies) AS b (body)
$$;
SELECT is(pg_temp.plain('{"orders": {"order": [{"oid": 1}, {"oid": 2}]}}', '{"orders": {"order": []}}'), true, 'arrays of lines');
SELECT is(pg_temp.plain('{"orders": {"order": [{"oid": 1}]}}', '{"orders": {"order": {"oid": 2}}}'), false, 'one line that stands without an array');
SELECT is(pg_temp.plain('{"orders": {"order": [1]}}'), false, 'what is no line');
SELECT is(pg_temp.plain('{"tid": 1}'), false, 'no lines');
SELECT is(pg_temp.plain(NULL::text), false, 'no record');
SELECT * FROM finish();
ROLLBACK;
