-- The quick ways over the bytes of an answer: each special byte at each place of strings of each length, beside jsonb's own
-- parser; where values end, beside a walk byte by byte; names that are nearly personal; digests.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(18);
SET LOCAL timezone = 'UTC';
SELECT setseed(0.20261129);

-- what stands in a string, and what is stored for it; NULL where that is the same
CREATE TEMPORARY TABLE special (name text, bytes bytea, mended text);
INSERT INTO special VALUES
	('nothing', '', NULL), ('escaped quote', '\x5c22', NULL), ('escaped backslash', '\x5c5c', NULL), ('escaped slash', '\x5c2f', NULL),
	('escaped newline', '\x5c6e', NULL), ('escaped letter', '\x5c7530303431', NULL), ('escaped pair', '\x5c75643833645c7564653030', NULL),
	('bytes beside the limits', '\x20217f235b5d2f', NULL), ('brackets', '\x7b5b5d7d2c3a', NULL), ('two bytes', '\xc3a9', NULL),
	('three bytes', '\xe4b8ad', NULL), ('four bytes', '\xf09f9880', NULL), ('nine characters', '\xe4b8ade4b8ade4b8ade4b8ade4b8ade4b8ade4b8ade4b8ade4b8ad', NULL),
	('NUL', '\x00', '�'), ('control character 1', '\x01', E'\x01'), ('control character 31', '\x1f', E'\x1f'), ('tab', '\x09', E'\t'),
	('newline', '\x0a', E'\n'), ('byte 0x80', '\x80', '�'), ('byte 0xff', '\xff', '�'), ('part of a character', '\xe4b8', '�'),
	('overlong', '\xc0af', '�'), ('surrogate', '\xeda080', '�'), ('escaped NUL', '\x5c7530303030', '�'),
	('escaped half pair', '\x5c7564383364', '�'), ('no escape', '\x5c78', '\x');

-- one record with a string of a special piece, plain characters before it and behind it
CREATE FUNCTION pg_temp.with_string(tid integer, name text, string bytea)
RETURNS bytea
LANGUAGE sql AS $$
	SELECT convert_to(format('{"tid":%s,"modified":"2024-02-29 23:59:59","%s":"', tid, name), 'UTF8') || string || '\x227d'
$$;
CREATE FUNCTION pg_temp.jsonb_of(body bytea)
RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
	RETURN convert_from(body, 'UTF8')::jsonb;
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END
$$;
CREATE TEMPORARY TABLE string_case AS
SELECT row_number() OVER (ORDER BY s.name, len, at)::integer AS tid, s.name, s.bytes, s.mended, len, at, repeat('k', 1 + (len + 3 * at) % 8) AS member,
	convert_to(repeat('a', at), 'UTF8') || s.bytes || convert_to(repeat('c', len - at), 'UTF8') AS string
FROM special s, generate_series(0, 40) AS len, generate_series(0, len) AS at;
ALTER TABLE string_case ADD COLUMN record bytea;
UPDATE string_case SET record = pg_temp.with_string(tid, member, string);

-- each record alone, nothing behind it, then all of a special piece on a page
CREATE TEMPORARY TABLE told AS
SELECT c.tid, 'alone' AS how, s.quarantine, s.body, s.digest, s.id
FROM string_case c, LATERAL ordersync.split_records(c.record, 'orders') AS s
UNION ALL
SELECT p.first_tid + s.record_no - 1, 'on a page', s.quarantine, s.body, s.digest, s.id
FROM (SELECT min(tid) AS first_tid, '\x5b'::bytea || string_agg(record, '\x2c'::bytea ORDER BY tid) || '\x5d'::bytea AS list
	FROM string_case GROUP BY name) AS p,
	LATERAL ordersync.split_records(p.list, 'orders') AS s;
SELECT is(
	(SELECT array_agg(DISTINCT n) FROM (SELECT count(*) FILTER (WHERE how = 'alone') * 100 + count(*) AS n FROM told GROUP BY tid) AS t),
	ARRAY[102]::bigint[], 'every record is found, alone and on a page');
SELECT is((SELECT count(*) FROM told t WHERE t.id IS DISTINCT FROM t.tid), 0::bigint, 'under its own id');
SELECT is((SELECT string_agg(DISTINCT c.name || ', ' || t.quarantine, '; ') FROM string_case c JOIN told t USING (tid)
	WHERE t.quarantine IS NOT NULL), NULL, 'all of them are stored');
SELECT is((SELECT string_agg(DISTINCT c.name, ', ') FROM string_case c JOIN told t USING (tid)
	WHERE (t.body = c.record) IS DISTINCT FROM (pg_temp.jsonb_of(c.record) IS NOT NULL)), NULL,
	'a record is copied as it came when jsonb takes it, and only then');
SELECT is((SELECT string_agg(DISTINCT c.name, ', ') FROM string_case c WHERE (pg_temp.jsonb_of(c.record) IS NULL) IS DISTINCT FROM (c.mended IS NOT NULL)),
	NULL, 'jsonb takes what the list of this test says');
SELECT is((SELECT string_agg(DISTINCT c.name, ', ') FROM string_case c JOIN told t USING (tid)
	WHERE c.mended IS NOT NULL AND pg_temp.jsonb_of(t.body) ->> c.member IS DISTINCT FROM repeat('a', c.at) || c.mended || repeat('c', c.len - c.at)),
	NULL, 'what is mended is mended in its place');
SELECT is((SELECT count(*) FROM told t WHERE t.digest IS DISTINCT FROM substr(sha256('\x01'::bytea || t.body), 1, 16)), 0::bigint,
	'the digest is that of version and body, in each of many');
SELECT is((SELECT s.digest FROM ordersync.split_records('{"tid":1,"modified":"2024-02-29 23:59:59"}', 'orders') AS s),
	substr(sha256('\x017b22746964223a312c226d6f646966696564223a22323032342d30322d32392032333a35393a3539227d'), 1, 16), 'the digest of a record written out');
-- a quote ends the string wherever it stands
SELECT is((SELECT array_agg(DISTINCT s.quarantine)
	FROM generate_series(0, 40) AS len, generate_series(0, len) AS at,
		LATERAL ordersync.split_records(pg_temp.with_string(1, 'k', convert_to(repeat('a', at) || '"' || repeat('c', len - at), 'UTF8')), 'orders') AS s),
	ARRAY['syntax'], 'a bare quote is a fault');
SELECT is((SELECT array_agg(DISTINCT s.quarantine)
	FROM generate_series(0, 40) AS len,
		LATERAL ordersync.split_records(rtrim(encode(pg_temp.with_string(1, 'k', convert_to(repeat('a', len), 'UTF8')), 'escape'), '"}')::bytea, 'orders') AS s),
	ARRAY['syntax'], 'a string without an end is a fault');

-- where a value ends: a quarantined record keeps the bytes that were taken for it
CREATE FUNCTION pg_temp.end_of(list text)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	depth integer := 0;
	inside boolean := false;
	i integer := 1;
	c text;
BEGIN
	WHILE i <= length(list) LOOP
		c := substr(list, i, 1);
		IF inside AND c = '\' THEN
			i := i + 1;
		ELSIF c = '"' THEN
			inside := NOT inside;
		ELSIF NOT inside AND c IN ('{', '[') THEN
			depth := depth + 1;
		ELSIF NOT inside AND c IN ('}', ']') THEN
			depth := depth - 1;
			IF depth = 0 THEN
				RETURN i;
			END IF;
		END IF;
		i := i + 1;
	END LOOP;
	RETURN length(list);
END
$$;
CREATE TEMPORARY TABLE value_case AS
SELECT v.i, v.opening || string_agg((ARRAY['"', '"', '\', '\\', '\"', '{', '}', '[', ']', ' ', repeat('x', floor(random() * 70)::integer)])
	[1 + floor(random() * 11)::integer], '' ORDER BY n) || '"' || repeat('}', 3) || ',{"tid":1,"modified":"2024-02-29 23:59:59"}]' AS list
FROM (SELECT i, (ARRAY['{', '[', '{"a":"', '[{"', '{"\'])[1 + i % 5] || repeat('x', i % 131) AS opening, 1 + i % 40 AS pieces
	FROM generate_series(1, 4000) AS i) AS v, generate_series(1, v.pieces) AS n
GROUP BY v.i, v.opening;
CREATE TEMPORARY TABLE value_end AS
SELECT v.list, pg_temp.end_of(v.list) AS expected, length(s.body) AS found
FROM value_case v, LATERAL ordersync.split_records(convert_to('[' || v.list, 'UTF8'), 'orders') AS s WHERE s.record_no = 1;
SELECT is((SELECT string_agg(format('%s instead of %s: %s', found, expected, list), E'\n') FROM value_end WHERE found <> expected), NULL,
	'a value ends where its brackets are balanced');
SELECT ok((SELECT count(*) FILTER (WHERE expected > 64) > 300 AND count(*) FILTER (WHERE expected < 64) > 300 AND count(DISTINCT expected) > 200
	FROM value_end), 'values of many lengths came up');

-- the list of an answer, whatever its strings hold at whatever place
SELECT is((SELECT count(*) FROM generate_series(0, 140) AS at, unnest(ARRAY['}]{[', '\"}]}', '\\\"}}]', '\\', '{"a":[{"b":"', '\u0022}', '中}]"'']'])
		WITH ORDINALITY AS p (piece, no),
	LATERAL (SELECT format('[{"tid":%s,"x":"%s%s"}]', p.no, repeat('x', at), CASE WHEN p.no IN (5, 7) THEN replace(piece, '"', '\"') ELSE piece END)) AS l (list),
	LATERAL ordersync_wire.classify('list', 'orders', 'created', 200, convert_to(
		format('{"trades_sold_get_response":{"trades":{"trade":%s},"total_results":%s,"has_next":false}}', l.list, at), 'UTF8')) AS c
	WHERE c.verdict <> 'ok' OR c.list IS DISTINCT FROM convert_to(l.list, 'UTF8') OR c.total IS DISTINCT FROM at OR c.has_next IS DISTINCT FROM false),
	0::bigint, 'the list is found whole, and what follows it');

-- names: the personal ones go, however they are written; those that look alike stay
CREATE TEMPORARY TABLE looked_up AS
SELECT n.name, n.personal, convert_from(s.body, 'UTF8')::jsonb ? n.name AS kept, convert_from(e.body, 'UTF8')::jsonb ? n.name AS kept_escaped
FROM (SELECT v.name, true AS personal
	FROM unnest(ordersync_wire.personal_fields() || 'identify_info'::text) AS f,
		LATERAL (VALUES (f), (CASE WHEN f <> 'identify_info' THEN upper(f) END), (CASE WHEN f <> 'identify_info' THEN replace(f, '_', '-') END)) AS v (name)
	WHERE v.name IS NOT NULL
	UNION
	SELECT n, false
	-- other words, though these names are as long and begin and end alike
	FROM unnest(string_to_array('receiver_names receiver_nam xreceiver_name eceiver_name receiver_zips receiver_zin receiver_tows receiverxname_ '
		'alipay_ie alipay_ids xlipay_id privacy_nun privacy_nums car_taken car_takers f_terms f_tern x_term towm towns ipp qip zips zin fhone addresss '
		'seller_names seller_nama xseller_name buyer_ipp acookie_ie identify_inf identify_infos cert_noo cerz_no id_cards passporz invoice_titles invoice_namez '
		'eman_reviecer eciohp hkx_name hk donee doneex_nick payerx_name courierx_phonex', ' ')) AS n) AS n,
	LATERAL ordersync.split_records(convert_to(format('[{"tid":1,"modified":"2024-02-29 23:59:59","%s":"x"}]', n.name), 'UTF8'), 'orders') AS s,
	LATERAL ordersync.split_records(convert_to(format('[{"tid":1,"modified":"2024-02-29 23:59:59","\u%s%s":"x"}]',
		lpad(to_hex(ascii(n.name)), 4, '0'), substr(n.name, 2)), 'UTF8'), 'orders') AS e;
SELECT is((SELECT string_agg(name, ', ') FROM looked_up WHERE kept = personal), NULL, 'personal names go, others stay');
SELECT is((SELECT string_agg(name, ', ') FROM looked_up WHERE kept_escaped = personal), NULL, 'so they do with an escape');
SELECT ok((SELECT count(*) FILTER (WHERE personal) > 2 * cardinality(ordersync_wire.personal_fields()) AND count(*) FILTER (WHERE NOT personal) > 40
	FROM looked_up), 'names of both kinds were looked up');

-- a personal value that is no JSON: the record ends where its brackets are balanced, as any other
SELECT is((SELECT string_agg(coalesce(s.quarantine, 'good'), ' ' ORDER BY s.record_no) FROM ordersync.split_records(
	'[{"tid":1,"modified":"2024-02-29 23:59:59","receiver_zip":a{b},{"tid":2,"modified":"2024-02-29 23:59:59"},{"tid":3,"modified":"2024-02-29 23:59:59"}]',
	'orders') AS s), 'syntax', 'a bracket inside a personal word counts');
SELECT is((SELECT string_agg(coalesce(s.quarantine, 'good') || ' ' || s.id, ' ' ORDER BY s.record_no) FROM ordersync.split_records(
	'[{"tid":1,"modified":"2024-02-29 23:59:59","receiver_zip":ab},{"tid":2,"modified":"2024-02-29 23:59:59","receiver_zip":[1}},{"tid":3,"modified":"2024-02-29 23:59:59","receiver_zip":{"a":[}]} ]',
	'orders') AS s), 'good 1 good 2 good 3', 'brackets of two kinds inside a personal value count by their number');

SELECT * FROM finish();
ROLLBACK;
