-- One bad character costs no order: what is stored in its place, what is noted, and when that is resolved.
BEGIN;
SELECT plan(78);
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = warning;
SELECT ordersync.set_up();
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES (7, 'shop', '{shop}', 'g'), (8, 'strict', '{strict}', 'g'), (9, 'off', '{off}', 'g');
UPDATE ordersync.shops SET options = '{"privacy": "strict"}' WHERE shop_id = 8;
UPDATE ordersync.shops SET options = '{"payloads": "off"}' WHERE shop_id = 9;

-- --- what stands in the place of a bad character ---

-- the title's bytes between its quotes, and what is stored for it
CREATE TEMPORARY TABLE sample (why text, came bytea, stored text);
INSERT INTO sample VALUES
	('an escaped NUL', 'a\\u0000b', 'a�b'),
	('a raw NUL', 'a\000b', 'a�b'),
	('nothing but a NUL', '\\u0000', '�'),
	('two of them', '\\u0000\\u0000', '��'),
	('the first half of a pair', '\\ud83d**', '�**'),
	('the second half', 'x\\ude00', 'x�'),
	('halves the wrong way round', '\\ude00\\ud83d', '��'),
	('a half before a pair', '\\ud83d\\ud83d\\ude00', '�😀'),
	('a half before another character', '\\ud83d\\u0041', '�A'),
	('a half before an escape', '\\ud83d\\n', E'�\n'),
	('a half in large letters', '\\uD83D', '�'),
	('a raw tab', E'a\tb', E'a\tb'),
	('a raw line feed', E'a\nb', E'a\nb'),
	('a raw carriage return', E'a\r\nb', E'a\r\nb'),
	('a raw bell', 'a\007b', E'a\u0007b'),
	('the last control character', 'a\037b', E'a\u001fb'),
	('a lone byte', '\377', '�'),
	('a lone second byte', 'a\200b', 'a�b'),
	('a character that is cut off', '\344\270**', '�**'),
	('one that is cut off at the end', 'x\344\270', 'x�'),
	('one of four bytes that is cut off', '\360\237\230', '�'),
	('an overlong NUL', '\300\200', '�'),
	('an overlong slash', '\340\200\257', '�'),
	('half a pair as bytes', '\355\240\275**', '�**'),
	('a pair as bytes', '\355\240\275\355\270\200', '��'),
	('beyond the last character', '\364\220\200\200', '�'),
	('a good character beside a bad one', '\344\270\255\377\344\270\255', '中�中'),
	('GBK', '\326\320', '��'),
	('an escape that is none', 'a\\x41', 'a\x41'),
	('an escape that is too short', '\\u12', '\u12'),
	('a backslash before a raw tab', E'a\\\\\tb', E'a\\\tb');

CREATE FUNCTION pg_temp.record_of(came bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT '[{"tid":1,"modified":"2026-03-01 11:00:00","title":"'::bytea || came || '","payment":"60.00"}]'::bytea
$$;
SELECT is((convert_from(r.body, 'UTF8')::jsonb ->> 'title') || ' ' || (convert_from(r.body, 'UTF8')::jsonb ->> 'payment')
		|| ' ' || coalesce(r.quarantine, 'stored') || ' ' || r.mended::text,
	s.stored || ' 60.00 stored {title}', s.why)
FROM sample s, LATERAL ordersync.split_records(pg_temp.record_of(s.came), 'orders') AS r;
SELECT is(array_agg(DISTINCT a.digest = b.digest), '{t}', 'the same bad record has the same digest each time')
FROM sample s, LATERAL ordersync.split_records(pg_temp.record_of(s.came), 'orders') AS a,
	LATERAL ordersync.split_records(pg_temp.record_of(s.came), 'orders') AS b;

-- where it stands
SELECT is(r.mended::text || ' ' || convert_from(r.body, 'UTF8'), e.expected, e.why)
FROM (VALUES
	('in a line', '"orders":{"order":[{"oid":2,"title":"\u0000"}]}', '{orders.order.title} {"tid":1,"modified":"2026-03-01 11:00:00","orders":{"order":[{"oid":2,"title":"�"}]}}'),
	('deep inside', '"a":[[{"b":{"c":["x","\ud800"]}}]]', '{a.b.c} {"tid":1,"modified":"2026-03-01 11:00:00","a":[[{"b":{"c":["x","�"]}}]]}'),
	('in two values', '"a":"\u0000","b":"good","c":"\u0000"', '{a,c} {"tid":1,"modified":"2026-03-01 11:00:00","a":"�","b":"good","c":"�"}'),
	('behind a member that is dropped', '"receiver_zip":"\u0000","a":"\u0000"', '{a} {"tid":1,"modified":"2026-03-01 11:00:00","a":"�"}'),
	('before a member that is dropped', '"a":"\u0000","receiver_zip":"\u0000"', '{a} {"tid":1,"modified":"2026-03-01 11:00:00","a":"�"}'),
	('in a name: its member is left out', '"a":1,"receiver\u0000_name":"person","b":2', '{receiver?_name} {"tid":1,"modified":"2026-03-01 11:00:00","a":1,"b":2}'),
	('in the only name of an object', '"a":{"x\ud800":{"y":"person"}}', '{a.x?} {"tid":1,"modified":"2026-03-01 11:00:00","a":{}}'),
	('in what speaks of persons', '"x":"\u0000","identify_info":{"name\u0000":"person","unit_id":"u"}',
		'{x} {"tid":1,"modified":"2026-03-01 11:00:00","x":"�","identify_info":{"unit_id":"u"}}')
) AS e (why, members, expected),
	LATERAL ordersync.split_records(convert_to('[{"tid":1,"modified":"2026-03-01 11:00:00",' || e.members || '}]', 'UTF8'), 'orders') AS r;
SELECT is(r.mended, NULL, 'a bad character in a personal value is nobody''s business')
FROM ordersync.split_records(convert_to('[{"tid":1,"modified":"2026-03-01 11:00:00","receiver_name":"\u0000","buyer_email":{"a\u0000":1}}]', 'UTF8'), 'orders') AS r;
SELECT is(cardinality(r.mended), 100, 'of one record a hundred are noted, and all are mended')
FROM ordersync.split_records(convert_to('[{"tid":1,"modified":"2026-03-01 11:00:00","a":[' || repeat('"\u0000",', 150) || '""]}]', 'UTF8'), 'orders') AS r;

-- what stays outside
SELECT is(r.quarantine, e.reason, 'outside: ' || e.why)
FROM (VALUES
	('the id has one', '{"tid":"1\u00002","modified":"2026-03-01 11:00:00"}', 'no_id'),
	('the name of the id has one', '{"t\u0000id":1,"modified":"2026-03-01 11:00:00"}', 'no_id'),
	('the time of change has one', '{"tid":1,"modified":"2026-03-01 11:00:00\u0000"}', 'no_time'),
	('the seller has one', '{"tid":1,"modified":"2026-03-01 11:00:00","seller_nick":"shop\u0000"}', 'foreign_seller'),
	('another fault beside it', '{"tid":1,"modified":"2026-03-01 11:00:00","a":"\u0000","b":tru}', 'syntax'),
	('a string without an end', '{"tid":1,"modified":"2026-03-01 11:00:00","a":"\u0000', 'syntax'),
	('a NUL outside strings', '{"tid":1,"modified":"2026-03-01 11:00:00","a":1 X}', 'syntax')
) AS e (why, record, reason),
	LATERAL ordersync.split_records(convert_to(e.record, 'UTF8'), 'orders', ARRAY['shop']) AS r;

-- --- what is noted, and when that is resolved ---

-- a page as the worker stores it: apply, then the notes
CREATE FUNCTION pg_temp.put(p_shop bigint, p_stream text, p_source text, p_list text, p_notes jsonb DEFAULT '[]') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_counts text;
BEGIN
	EXECUTE format($q$
		SELECT format('%%s/%%s/%%s', a.n_new, a.n_changed, a.n_unchanged)
		FROM (
			SELECT array_agg(r.id) AS ids, array_agg(r.modified) AS modified, array_agg(r.digest) AS digests,
				array_agg(convert_from(r.body, 'UTF8')) AS bodies, array_agg(r.id) FILTER (WHERE r.mended IS NOT NULL) AS mended
			FROM ordersync.split_records(convert_to($3, 'UTF8'), $4) AS r
			WHERE r.quarantine IS NULL
		) p, ordersync.%I($1, $2, 70, 700, p.ids, p.modified, p.digests, p.bodies, p_mended => p.mended) a$q$, 'apply_' || p_stream)
	INTO v_counts
	USING p_shop, p_source, p_list, p_stream;
	IF p_notes <> '[]' THEN
		PERFORM ordersync.note_mended(p_shop, p_stream, p_source, 70, 700,
			array_agg((n ->> 0)::bigint), array_agg(ordersync.read_time(n ->> 1)), array_agg(n ->> 2), array_agg(n ->> 3),
			array_agg(convert_to(n ->> 4, 'UTF8')))
		FROM jsonb_array_elements(p_notes) n;
	END IF;
	RETURN v_counts;
END
$$;
CREATE FUNCTION pg_temp.open_notes(p_shop bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', q.stream, q.record_id, q.reason, q.column_name, q.value, convert_from(q.body, 'UTF8'), q.source), ', '
		ORDER BY q.quarantine_id)
	FROM ordersync.quarantine q
	WHERE q.shop_id = p_shop AND q.resolved_at IS NULL
$$;
CREATE FUNCTION pg_temp.bad(p_modified text) RETURNS text LANGUAGE sql AS $$
	SELECT '{"tid":11,"status":"WAIT_SELLER_SEND_GOODS","type":"fixed","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 10:30:00","modified":"' || p_modified
		|| '","payment":"60.00","orders":{"order":[{"oid":12,"num_iid":5,"num":1,"price":"60.00","total_fee":"60.00","divide_order_fee":"60.00","title":"a\u0000b"}]}}'
$$;
CREATE FUNCTION pg_temp.note(p_modified text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_array(jsonb_build_array(11, p_modified, 'orders.order.title', '"a�b"', 'a\u0000b'))
$$;
SELECT is(pg_temp.put(7, 'orders', 'increment', pg_temp.bad('2026-03-01 11:00:00'), pg_temp.note('2026-03-01 11:00:00')), '1/0/0', 'an order with a NUL in a title');
SELECT is((SELECT paid_amount::text FROM ordersync.orders WHERE tid = 11), '60.00', 'is stored with its amount');
SELECT is((SELECT title || paid_amount FROM ordersync.sub_orders WHERE oid = 12), 'a�b60.00', 'and its line');
SELECT is(pg_temp.open_notes(7), 'orders 11 value sub_orders.title a�b a\u0000b increment', 'the value is noted with what came');
CREATE TEMPORARY TABLE first_note AS SELECT q.*, q.ctid AS place FROM ordersync.quarantine q;
SELECT is(pg_temp.put(7, 'orders', 'increment', pg_temp.bad('2026-03-01 11:00:00'), pg_temp.note('2026-03-01 11:00:00')), '0/0/1', 'read again it is unchanged');
SELECT is((SELECT count(*) FROM ordersync.quarantine q JOIN first_note f ON f.quarantine_id = q.quarantine_id AND f.place = q.ctid), 1::bigint, 'and nothing is written');
SELECT is((SELECT count(*) FROM ordersync.quarantine), 1::bigint, 'nor noted again');
SELECT is(pg_temp.put(7, 'orders', 'increment', pg_temp.bad('2026-03-01 12:00:00'), pg_temp.note('2026-03-01 12:00:00')), '0/1/0', 'a newer version with the same value');
SELECT is((SELECT count(*) FROM ordersync.quarantine), 1::bigint, 'is the same trouble');
SELECT is(pg_temp.put(7, 'orders', 'increment', replace(pg_temp.bad('2026-03-01 10:59:00'), 'a\u0000b', 'good')), '0/0/1', 'an older good version');
SELECT is(pg_temp.open_notes(7), 'orders 11 value sub_orders.title a�b a\u0000b increment', 'is no answer');
SELECT is(pg_temp.put(7, 'orders', 'increment', replace(pg_temp.bad('2026-03-01 13:00:00'), 'a\u0000b', 'x\ud83d'),
	'[[11, "2026-03-01 13:00:00", "orders.order.title", "\"x�\"", "x\\ud83d"]]'), '0/1/0', 'another bad value');
SELECT is(pg_temp.open_notes(7), 'orders 11 value sub_orders.title x� x\ud83d increment', 'takes its place');
SELECT is(pg_temp.put(7, 'orders', 'list', replace(pg_temp.bad('2026-03-01 14:00:00'), 'a\u0000b', 'good')), '0/1/0', 'a good version by another list');
SELECT is(pg_temp.open_notes(7), NULL, 'resolves it');
-- what is stored is the same text, but now it came as such
SELECT is(pg_temp.put(7, 'orders', 'list', replace(pg_temp.bad('2026-03-01 15:00:00'), 'a\u0000b', E'a\tb'),
	'[[11, "2026-03-01 15:00:00", "orders.order.title", "\"a\\tb\"", "a b"]]'), '0/1/0', 'a raw tab');
SELECT is(pg_temp.open_notes(7), E'orders 11 value sub_orders.title a\tb a b list', 'is noted');
SELECT is(pg_temp.put(7, 'orders', 'list', replace(pg_temp.bad('2026-03-01 15:00:00'), 'a\u0000b', 'a\tb')), '0/0/1', 'the same tab, escaped');
SELECT is(pg_temp.open_notes(7), NULL, 'is good, though nothing changed');
SELECT is((SELECT count(*) FROM ordersync.quarantine WHERE source IS NOT NULL AND resolved_at IS NULL), 0::bigint, 'none is open');

SELECT is(pg_temp.put(8, 'orders', 'details', replace(pg_temp.bad('2026-03-01 11:00:00'), '"payment"', '"seller_memo":"m\u0000","payment"'),
	'[[11, "2026-03-01 11:00:00", "seller_memo", "\"m�\"", "m\\u0000"], [11, "2026-03-01 11:00:00", "orders.order.title", "\"a�b\"", "a\\u0000b"]]'), '1/0/0',
	'a shop whose privacy is strict');
SELECT is(pg_temp.open_notes(8), 'orders 11 value sub_orders.title a�b a\u0000b details', 'keeps no memo in its notes');
SELECT is(pg_temp.put(9, 'orders', 'list', pg_temp.bad('2026-03-01 11:00:00'), pg_temp.note('2026-03-01 11:00:00')), '1/0/0', 'a shop without payloads');
SELECT is(pg_temp.open_notes(9), 'orders 11 value sub_orders.title a�b a\u0000b list', 'has it noted');
SELECT is(pg_temp.put(9, 'orders', 'list', replace(pg_temp.bad('2026-03-01 12:00:00'), 'a\u0000b', 'good')), '0/1/0', 'a good version by the same list');
SELECT is(pg_temp.open_notes(9), NULL, 'resolves it');
SELECT is(pg_temp.put(7, 'after_sales', 'list', '{"refund_id":5,"tid":11,"oid":12,"status":"SUCCESS","modified":"2026-03-02 11:00:00","refund_fee":"9.00","reason":"\ud83d"}',
	'[[5, "2026-03-02 11:00:00", "reason", "\"�\"", "\\ud83d"]]'), '1/0/0', 'an after-sale');
SELECT is((SELECT reason || refunded_amount FROM ordersync.after_sales WHERE refund_id = 5), '�9.00', 'is stored with its amount');
SELECT is(pg_temp.open_notes(7), 'after_sales 5 value reason � \ud83d list', 'and noted');

SELECT * FROM finish();
ROLLBACK;
