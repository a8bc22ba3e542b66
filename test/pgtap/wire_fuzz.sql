-- Mutated answers: never a crash, never an error, nothing personal kept, nothing good that jsonb refuses.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(8);
\ir ../fixtures/wire_samples.sql
SELECT setseed(0.20261123);

-- every record that is called good becomes jsonb, without personal members; the count of good ones
CREATE FUNCTION pg_temp.look(list bytea, stream text, OUT good integer, OUT bad integer, OUT faults text)
LANGUAGE plpgsql AS $$
DECLARE
	r record;
	j jsonb;
	-- a quote that a mutation put into a key makes it another key
	personal constant text := '[^\\]"(' || array_to_string(ordersync_wire.personal_fields(), '|') || ')": ';
BEGIN
	good := 0;
	bad := 0;
	FOR r IN SELECT s.quarantine, s.body, s.id, s.modified FROM ordersync.split_records(list, stream) AS s LOOP
		IF r.quarantine IS NOT NULL THEN
			bad := bad + 1;
			CONTINUE;
		END IF;
		good := good + 1;
		BEGIN
			j := convert_from(r.body, 'UTF8')::jsonb;
			IF j::text ~ personal THEN
				faults := concat_ws(E'\n', faults, 'personal: ' || j::text);
			END IF;
			IF (j ->> CASE stream WHEN 'after_sales' THEN 'refund_id' ELSE 'tid' END)::bigint IS DISTINCT FROM r.id
				OR ordersync.read_time(j ->> 'modified') IS DISTINCT FROM r.modified THEN
				faults := concat_ws(E'\n', faults, 'another id or time: ' || j::text);
			END IF;
		EXCEPTION WHEN OTHERS THEN
			faults := concat_ws(E'\n', faults, SQLERRM || ': ' || encode(r.body, 'escape'));
		END;
	END LOOP;
END
$$;

-- one to four changes: a byte replaced, a piece cut out, doubled or moved, a nasty piece put in, the end cut off
CREATE FUNCTION pg_temp.mutate(body bytea)
RETURNS bytea
LANGUAGE plpgsql AS $$
DECLARE
	nasty constant bytea[] := ARRAY['\x00', '\xff', '\xe4b8', '\x22', '\x5c', '\x7b', '\x7d', '\x5b', '\x5d', '\x2c', '\x3a', '\x20',
		'"\\u0000"', '"\\ud800"', '\\u', '1e99999', '-', '{"tid":1}', 'null', '[[[[[[', '"receiver_name":"x",', ',"address":{', '\\u0022',
		'"modified":"2020-01-01 00:00:00"', '9223372036854775808', '\xefbfbd', '\xf09f9880', '\xeda080']::bytea[];
	n integer;
	at integer;
	len integer;
	piece bytea;
BEGIN
	FOR i IN 1 .. 1 + floor(random() * 4)::integer LOOP
		n := length(body);
		EXIT WHEN n = 0;
		at := floor(random() * n)::integer;
		len := least(floor(random() ^ 3 * 200)::integer, n - at);
		piece := substr(body, at + 1, len);
		body := CASE floor(random() * 6)::integer
			WHEN 0 THEN set_byte(body, at, floor(random() * 256)::integer)
			WHEN 1 THEN substr(body, 1, at) || substr(body, at + len + 1)
			WHEN 2 THEN substr(body, 1, at) || piece || piece || substr(body, at + len + 1)
			WHEN 3 THEN substr(body, 1, at) || nasty[1 + floor(random() * cardinality(nasty))::integer] || substr(body, at + 1)
			WHEN 4 THEN piece || substr(body, 1, at) || substr(body, at + len + 1)
			ELSE CASE WHEN random() < 0.2 THEN substr(body, 1, at) ELSE set_byte(body, at, ascii('"')) END
		END;
	END LOOP;
	RETURN body;
END
$$;

-- pages of ten mutated copies, so that a bad record has neighbours
CREATE TEMPORARY TABLE fuzzed AS
SELECT w.name, w.kind, w.stream, w.basis, pg_temp.mutate(w.body) AS body
FROM wire_sample w, generate_series(1, 300);
CREATE TEMPORARY TABLE fuzzed_answer AS
SELECT f.name, f.stream, f.kind, c.verdict, c.class, c.message, c.list, c.total, c.has_next, ordersync_wire.excerpt(f.body, 2000) AS excerpt
FROM fuzzed f, LATERAL ordersync_wire.classify(f.kind, f.stream, f.basis, 200, f.body) AS c;
SELECT is((SELECT count(*) FROM fuzzed_answer), (SELECT count(*) FROM wire_sample) * 300, 'every mutated answer got a verdict');
SELECT is((SELECT count(*) FROM fuzzed_answer WHERE (verdict = 'ok') <> (class IS NULL) OR (class IS NULL) <> (message IS NULL)), 0::bigint,
	'a class and a message unless ok');
SELECT cmp_ok((SELECT count(DISTINCT verdict) FROM fuzzed_answer), '>=', 5::bigint, 'verdicts of most kinds came up');
SELECT is((SELECT count(*) FROM fuzzed_answer WHERE verdict = 'ok' AND list IS NULL AND kind = 'list' AND has_next), 0::bigint,
	'nothing that announces another page passes for empty');
SELECT is((SELECT string_agg(l.faults, E'\n')
	FROM fuzzed_answer a, LATERAL pg_temp.look(a.list, CASE WHEN a.kind = 'details' THEN 'details' ELSE a.stream END) AS l
	WHERE a.list IS NOT NULL AND NOT (a.kind = 'details' AND a.stream = 'after_sales')), NULL, 'records of mutated answers');

-- records mutated one by one, among others that are not
CREATE TEMPORARY TABLE sample_list AS
SELECT w.stream, c.list
FROM wire_sample w, LATERAL ordersync_wire.classify(w.kind, w.stream, w.basis, 200, w.body) AS c
WHERE c.list IS NOT NULL AND get_byte(c.list, 0) = ascii('[') AND w.name <> 'orders by creation, ids only';
CREATE TEMPORARY TABLE looked AS
WITH page AS MATERIALIZED (
	SELECT s.stream, substr(s.list, 1, length(s.list) - 1) || ','::bytea
		|| pg_temp.mutate(substr(s.list, 2, length(s.list) - 2)) || ','::bytea || substr(s.list, 2) AS list
	FROM sample_list s, generate_series(1, 1000)
)
SELECT p.list, l.*
FROM page p, LATERAL pg_temp.look(p.list, p.stream) AS l;
SELECT is((SELECT string_agg(faults, E'\n') FROM looked), NULL, 'mutated records');
SELECT is((SELECT count(*) FROM looked WHERE good < 1), 0::bigint, 'the record before a bad one lives');
SELECT cmp_ok((SELECT count(DISTINCT list) FROM looked WHERE bad > 0), '>', (SELECT count(*) / 3 FROM looked), 'bad records came up');

SELECT * FROM finish();
ROLLBACK;
