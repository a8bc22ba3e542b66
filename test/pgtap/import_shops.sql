-- A file of shops: which lines it has, what they say, what is wrong with them; and that no bytes whatever make the reader stray.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(35);
SELECT setseed(0.20261129);

-- all that is read of a file, values in <>, what is not given left out
CREATE FUNCTION pg_temp.lines(file bytea) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', l.line, l.shop_id, '<' || l.seller_nick || '>', 'key <' || l.data_key || '>', 'at <' || l.gateway || '>', 'with <' || l.options || '>',
		'until <' || l.expires_at || '>', l.problem), '; ' ORDER BY l.line)
	FROM ordersync_wire.shop_lines(file) l
$$;

SELECT is(pg_temp.lines(convert_to(file, 'UTF8')), want, what) FROM (VALUES
	(1, 'columns in any order', E'data_key,shop_id\nk,1\n', '2 1 key <k>'),
	(2, 'all of them', E'shop_id,seller_nick,session_key,gateway,options,expires_at\n1,n,k,g,o,e', '2 1 <n> key <k> at <g> with <o> until <e>'),
	(3, 'a byte order mark, CR LF, names written otherwise', E'\uFEFFShop_ID , SELLER_NICK\r\n 1 ,店铺\r\n', '2 1 <店铺>'),
	(4, 'CR alone', E'shop_id,seller_nick\r1,a\r2,b', '2 1 <a>; 3 2 <b>'),
	(5, 'quotes, commas and lines within quotes', E'shop_id,seller_nick,data_key\n1,"a ""b"", c\nd",k\n2,"",k', E'2 1 <a "b", c\nd> key <k>; 4 2 key <k>'),
	(6, 'empty lines', E'\n\nshop_id\n\n1\n\r\n\n2\n\n', '5 1; 8 2'),
	(7, 'blanks around a value stay, around a key they go', E'shop_id,seller_nick,data_key\n1, a , k ', '2 1 < a > key <k>'),
	(8, 'a key of blanks is none', E'shop_id,data_key\n1,"  "', '2 1'),
	(9, 'negative, large', E'shop_id\n-1\n9223372036854775807\n9223372036854775808\n1.0\n1e3\n0x1', '2 -1; 3 9223372036854775807; 4 shop_id is not a whole number; 5 shop_id is not a whole number; 6 shop_id is not a whole number; 7 shop_id is not a whole number'),
	(10, 'the number of cells', E'shop_id,seller_nick\n1\n1,a,b\n1,a,\n2,b', '2 it has fewer cells than the header; 3 it has more cells than the header; 4 it has more cells than the header; 5 2 <b>'),
	(11, 'a quote in the middle', E'shop_id,seller_nick\n1,a"b\n2,"a"b\n3,c', '2 a quote stands in a cell that does not begin with one; 3 after a closing quote there is neither a comma nor the line''s end; 4 3 <c>'),
	(12, 'a quote without an end costs its line', E'shop_id,seller_nick\n1,"a\n2,b\n3,c', '2 a quote is not closed; 3 2 <b>; 4 3 <c>'),
	(13, 'one that another line''s quote ends, too', E'shop_id,seller_nick\n1,"a\n2,b\n3,"c"\n4,d', '2 after a closing quote there is neither a comma nor the line''s end; 3 2 <b>; 4 3 <c>; 5 4 <d>'),
	(14, 'what ends a COPY is a line like others', E'shop_id\n1\n\\.\n2', '2 1; 3 shop_id is not a whole number; 4 2'),
	(15, 'keys', E'shop_id,data_key\n1,a b\n2,ключ\n3,k\u00A0\n4,~!@#$%^&*()_+=-', '2 1 the key contains white space or a character that is not ASCII; 3 2 the key contains white space or a character that is not ASCII; 4 3 the key contains white space or a character that is not ASCII; 5 4 key <~!@#$%^&*()_+=->'),
	(16, 'a key of 1024 and of 1025 characters', E'shop_id,data_key\n1,' || repeat('k', 1024) || E'\n2,' || repeat('k', 1025), '2 1 key <' || repeat('k', 1024) || '>; 3 2 the key is longer than 1024 characters'),
	(17, 'a value of 65,536 bytes and of one more', E'seller_nick,shop_id\n' || repeat('x', 65536) || E',1\n' || repeat('x', 65537) || ',2', '2 1 <' || repeat('x', 65536) || '>; 3 a value is longer than 65536 bytes'),
	(18, 'a header that is wrong', E'shop_id,secret\n1,k', '0 its header has an unknown column'),
	(19, 'a key twice', E'shop_id,data_key,session_key\n1,k,k', '0 its header has a column twice'),
	(20, 'no shop', E'data_key\nk', '0 its header has no column shop_id'),
	(21, 'too many columns', repeat(',', 40), '0 its header has too many columns'),
	(22, 'nothing', '', '0 it is empty'),
	(23, 'next to nothing', E'\uFEFF \r\n', '0 it is empty'),
	(24, 'a header alone', 'shop_id', NULL),
	(25, 'JSON lines', E'{"shop_id":1,"seller_nick":"a\\"\\u5e97","session_key":"k","options":{"a":[1,{"b":"}"}]}}\r\n\n { "shop_id" : "2" , "expires_at" : "e" , "gateway" : null } ',
		'1 1 <a"店> key <k> with <{"a":[1,{"b":"}"}]}>; 3 2 until <e>'),
	(26, 'which are wrong', E'{"shop_id":1\n{"shop_id":1,"x":1}\n{"shop_id":1,"shop_id":1}\n{}\n1\n{"shop_id":1}}\n{"shop_id":true}\n{"shop_id":1,"data_key":{}}\n{"shop_id":2}',
		'1 1 it is not an object of JSON; 2 1 it has an unknown member; 3 1 it has a member twice; 4 shop_id is missing; 5 it is not an object of JSON; 6 1 it is not an object of JSON; 7 shop_id is not a whole number; 8 1 a value that must be a string is none; 9 2'),
	(27, 'no string is changed on its way', E'{"shop_id":1,"data_key":"a\\u0000b"}\n{"shop_id":1,"seller_nick":"a\\tb"}\n{"shop_id":1,"seller_nick":"\\ud83d"}\n{"shop_id":1,"seller_nick":"what?"}\n{"shop_id":1,"seller_nick":"\\ud83d\\ude00"}',
		'1 1 a string has a control character, or an escape that stands for no character; 2 1 a string has a control character, or an escape that stands for no character; 3 1 a string has a control character, or an escape that stands for no character; 4 1 <what?>; 5 1 <😀>'),
	(28, 'an array', '[{"shop_id":1}]', '0 it is an array of JSON, not one object on each line')
) v (n, what, file, want) ORDER BY n;
SELECT is(pg_temp.lines(file), want, what) FROM (VALUES
	(2, 'bytes that are no text', '\x73686f705f69640a31ff0a32'::bytea, '2 it is not UTF-8; 3 2'),
	(3, 'UTF-16', '\xfffe730068006f007000'::bytea, '0 it contains a NUL byte'),
	(4, 'a NUL in a line', '\x73686f705f69640a3100320a33'::bytea, '2 it contains a NUL byte; 3 3')
) v (n, what, file, want) ORDER BY n;

-- one to five changes: a byte replaced, a piece cut out or doubled, a nasty piece put in
CREATE FUNCTION pg_temp.mutate(body bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	nasty constant bytea[] := ARRAY['\x00', '\xff', '\xe4b8', '\x22', '\x2222', '\x2c', '\x0a', '\x0d', '\x0d0a', '\x7b', '\x7d', '\x5b', '\x5c', '\x5c75', '\xefbbbf', '\x5c7530303030']::bytea[];
	at integer;
	len integer;
BEGIN
	FOR i IN 1 .. 1 + floor(random() * 5)::integer LOOP
		at := floor(random() * length(body))::integer;
		len := least(floor(random() ^ 3 * 60)::integer, length(body) - at);
		body := CASE floor(random() * 4)::integer
			WHEN 0 THEN set_byte(body, at, floor(random() * 256)::integer)
			WHEN 1 THEN substr(body, 1, at) || substr(body, at + len + 1)
			WHEN 2 THEN substr(body, 1, at + len) || substr(body, at + 1)
			ELSE substr(body, 1, at) || nasty[1 + floor(random() * cardinality(nasty))::integer] || substr(body, at + 1)
		END;
		EXIT WHEN length(body) = 0;
	END LOOP;
	RETURN body;
END $$;
CREATE TEMP TABLE mutants ON COMMIT DROP AS
	SELECT m.i, m.body, l.*
	FROM (
		SELECT i, pg_temp.mutate(convert_to(CASE i % 2
			WHEN 0 THEN E'shop_id,seller_nick,data_key,options\n1,seller,key-1,"{""payloads"": ""off""}"\r\n2,"a\nb",key-2,\n3,"c",key-3,{}\n'
			ELSE E'{"shop_id": 1, "seller_nick": "seller", "data_key": "key-1", "options": {"payloads": "off"}}\n{"shop_id": 2, "data_key": null}\n{"shop_id": 3, "gateway": "\\u5e97"}\n' END, 'UTF8')) AS body
		FROM generate_series(1, 20000) i
		OFFSET 0
	) m, LATERAL ordersync_wire.shop_lines(m.body) l;
SELECT cmp_ok((SELECT count(*) FROM mutants WHERE problem IS NULL), '>', 5000::bigint, 'mutated files have good lines');
SELECT cmp_ok((SELECT count(DISTINCT problem) FROM mutants), '>', 12::bigint, 'and lines that are wrong in many ways');
SELECT is((SELECT count(*) FROM mutants WHERE problem ~ 'key-'), 0::bigint, 'which quote nothing');
SELECT is((SELECT count(*) FROM mutants WHERE data_key !~ '^[!-~]+$' OR problem IS NULL AND shop_id IS NULL), 0::bigint, 'and no line is good that is not');
SELECT * FROM finish();
ROLLBACK;
