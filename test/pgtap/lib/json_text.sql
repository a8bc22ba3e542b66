-- Texts to convert, and the server's conversion against ours, byte by byte.

-- A datum's own bytes: both types are varlena of one alignment.
CREATE CAST (jsonb AS bytea) WITHOUT FUNCTION;

-- What a conversion comes to: the datum's bytes, or all that its error says.
CREATE FUNCTION pg_temp.converted(ours boolean, body text, hidden text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea;
	state text;
	message text;
	detail text;
	hint text;
	context text;
BEGIN
	bytes := CASE
		WHEN ours THEN ordersync.read_record(body, hidden)
		WHEN hidden IS NULL THEN body::jsonb
		ELSE body::jsonb - hidden
	END::bytea;
	RETURN CASE WHEN octet_length(bytes) > 65536 THEN sha256(bytes)::text ELSE bytes::text END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	RETURN format('%s %s (%s) (%s) (%s)', state, message, detail, hint, substring(context FROM '^JSON data[^\n]*'));
END
$$;
-- NULL when both are the same.
CREATE FUNCTION pg_temp.difference(body text, hidden text[] DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT format(E'%s without %s\n  ours:   %s\n  server: %s', left(body, 2000), hidden, left(o, 2000), left(s, 2000))
	FROM (SELECT pg_temp.converted(true, body, hidden) AS o, pg_temp.converted(false, body, hidden) AS s) c
	WHERE o IS DISTINCT FROM s
$$;

-- In PL/pgSQL, which keeps its plans: an SQL function is planned anew in each query that calls it.
CREATE FUNCTION pg_temp.one_of(VARIADIC list text[]) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN list[1 + floor(random() * cardinality(list))::integer];
END
$$;
CREATE FUNCTION pg_temp.random_space() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN CASE WHEN random() < 0.8 THEN '' ELSE pg_temp.one_of(' ', E'\n', E'\t', E'\r\n  ', '         ') END;
END
$$;
CREATE FUNCTION pg_temp.random_string() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN (
		SELECT '"' || coalesce(string_agg(pg_temp.one_of('a', 'b', 'Z', '0', ' ', '~', E'\u007f', '中', 'é', '😀', 'abcdefgh', ',', ':', '}', ']',
		'\n', '\t', '\b', '\f', '\r', '\/', '\"', '\\', '\u0041', '\u00e9', '\u4E2d', '\uffff', '\u001f', '\ud83d\ude00', '\uDBFF\uDFFF'), ''), '') || '"'
		FROM generate_series(1, floor(random() ^ 4 * 60)::integer)
	);
END
$$;
-- Few names, so that members repeat; several of one length and beginning; some spelt in two ways.
CREATE FUNCTION pg_temp.random_key() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN CASE
		WHEN random() < 0.1 THEN pg_temp.random_string()
		WHEN random() < 0.5 THEN '"' || substr(md5(floor(random() * 400)::text), 1, floor(random() * 12)::integer) || '"'
		ELSE pg_temp.one_of('""', '"a"', '"\u0061"', '"b"', '"tid"', '"orders"', '"order"', '"modified"', '"created"', '"receiver_city"',
			'"receiver_name"', '"receiver_address"', '"receiver_country"', '"receiver_countrx"', '"recei"', '"名"', '"\u540d"', '"名字"', '"a\/b"',
			'"' || repeat('x', 254) || '"', '"' || repeat('x', 255) || '"', '"' || repeat('x', 299) || 'y"', '"' || repeat('x', 300) || '"')
	END;
END
$$;
CREATE FUNCTION pg_temp.random_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN CASE
		WHEN random() < 0.2 THEN pg_temp.one_of('0', '-0', '0.0', '-0.00', '1', '10', '9999', '10000', '10001', '100000000', '-1', '1.50', '1e5', '1E-7',
			'0e0', '123e400', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '1e-400', '1.5e+3')
		ELSE pg_temp.one_of('', '', '-') || pg_temp.one_of('0', '7', (1 + floor(random() * 1e9))::bigint::text, (1 + floor(random() * 1e15))::bigint::text,
				(1 + floor(random() * 9e15))::bigint || lpad(floor(random() * 1e12)::bigint::text, 12, '0'), '1' || repeat('0', floor(random() * 30)::integer))
			|| CASE WHEN random() < 0.3 THEN '.' || lpad(floor(random() * 1e6)::bigint::text, 1 + floor(random() * 12)::integer, '0') ELSE '' END
			|| CASE WHEN random() < 0.02 THEN pg_temp.one_of('e', 'E') || pg_temp.one_of('', '+', '-') || floor(random() * 30) ELSE '' END
	END;
END
$$;
CREATE FUNCTION pg_temp.random_json(depth integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	kind double precision := random();
	n integer := CASE WHEN random() < 0.03 THEN floor(random() * 140) ELSE floor(random() * 6) END;
BEGIN
	IF depth > 0 AND kind < 0.4 THEN
		RETURN (SELECT '{' || coalesce(string_agg(pg_temp.random_space() || pg_temp.random_key() || pg_temp.random_space() || ':'
				|| pg_temp.random_space() || pg_temp.random_json(depth - 1 - (n > 6)::integer) || pg_temp.random_space(), ','), '') || '}'
			FROM generate_series(1, n));
	ELSIF depth > 0 AND kind < 0.6 THEN
		RETURN (SELECT '[' || coalesce(string_agg(pg_temp.random_space() || pg_temp.random_json(depth - 1 - (n > 6)::integer) || pg_temp.random_space(), ','), '')
				|| ']'
			FROM generate_series(1, n));
	ELSIF kind < 0.75 THEN
		RETURN pg_temp.random_string();
	ELSIF kind < 0.9 THEN
		RETURN pg_temp.random_number();
	END IF;
	RETURN pg_temp.one_of('true', 'false', 'null', '{}', '[]', '{ }', E'[\n]');
END
$$;
CREATE FUNCTION pg_temp.random_hidden() RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN CASE WHEN random() < 0.6 THEN NULL ELSE (SELECT coalesce(array_agg(pg_temp.one_of('', 'a', 'b', 'tid', 'orders', 'receiver_address', '名', 'a/b',
		repeat('x', 300), NULL)), '{}') FROM generate_series(1, floor(random() * 4)::integer)) END;
END
$$;
-- One to three changes: a character replaced, a piece cut out, doubled or moved, a nasty piece put in, the end cut off.
CREATE FUNCTION pg_temp.mutated(body text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	at integer;
	len integer;
	nasty text;
BEGIN
	FOR i IN 1 .. 1 + floor(random() * 3)::integer LOOP
		at := floor(random() * length(body))::integer;
		len := least(floor(random() ^ 3 * 40)::integer, length(body) - at);
		nasty := pg_temp.one_of('"', '\', '\u', '\u0000', '\ud800', '\udc00', '\x', '{', '}', '[', ']', ',', ':', ' ', E'\n', E'\u0001', E'\u001f', '-', '+', '0',
			'01', '1.', '.5', '1e', 'e', 'E9', '1e999999', 'tru', 'nullx', 'true', 'NaN', '中', '"\u00', ',,', '""', '{}', '[]', '//', '''', E'\f', '_');
		body := CASE floor(random() * 6)::integer
			WHEN 0 THEN overlay(body PLACING nasty FROM at + 1 FOR 1)
			WHEN 1 THEN overlay(body PLACING '' FROM at + 1 FOR len)
			WHEN 2 THEN overlay(body PLACING substr(body, at + 1, len) FROM at + 1 FOR 0)
			WHEN 3 THEN overlay(body PLACING nasty FROM at + 1 FOR 0)
			WHEN 4 THEN substr(body, at + 1, len) || overlay(body PLACING '' FROM at + 1 FOR len)
			ELSE left(body, at)
		END;
	END LOOP;
	RETURN body;
END
$$;
