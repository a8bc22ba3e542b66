/*
 * Texts and numbers of a page: what stands in it is made here.
 *
 * Titles, names and nicks are what strangers typed.  page_text() lets none of it
 * become markup: the five characters that mean something in HTML become
 * references, line ends a space, and what is not seen but acts (control characters,
 * marks that turn the direction of the text around them, characters that no
 * document may have) U+FFFD.  A page is well-formed XML as well, by which tests
 * read it.
 *
 * Forms of numbers do not depend on settings of the session.
 */
CREATE OR REPLACE FUNCTION ordersync.page_text(p_text text, p_length integer DEFAULT NULL)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
		pg_catalog.regexp_replace(t.clean, E'[\\u0001-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufdd0-\\ufdef\\ufeff\\ufff0-\\ufffb\\ufffe\\uffff]', '�', 'g'),
		'&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
	FROM (
		SELECT CASE
				WHEN pg_catalog.length(l.line) > p_length THEN pg_catalog.left(l.line, p_length - 1) || '…'
				ELSE l.line
			END AS clean
		FROM (
			SELECT pg_catalog.btrim(pg_catalog.regexp_replace(p_text, E'[ \\t\\n\\r\\u0085\\u00a0\\u2028\\u2029\\u3000]+', ' ', 'g')) AS line
		) l
	) t
$function$;
COMMENT ON FUNCTION ordersync.page_text(text, integer) IS
	'a text as it may stand in a page, in text or in quotes; cut to so many characters';

/*
 * psql writes in the client's encoding, and a page says UTF-8.  Where that is not so,
 * no character is left that could come out as another one.  A style has none.
 */
CREATE OR REPLACE FUNCTION ordersync.page_encoded(p_page text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_char text;
BEGIN
	IF pg_catalog.current_setting('client_encoding') NOT IN ('UTF8', 'SQL_ASCII') THEN
		FOR v_char IN
			SELECT DISTINCT c.c
			FROM pg_catalog.regexp_split_to_table(
				pg_catalog.regexp_replace(p_page, E'[\\u0001-\\u007f]+', '', 'g'), '') AS c (c)
			WHERE c.c <> ''
		LOOP
			p_page := pg_catalog.replace(p_page, v_char, '&#' || pg_catalog.ascii(v_char) || ';');
		END LOOP;
	END IF;
	RETURN p_page;
END
$function$;
COMMENT ON FUNCTION ordersync.page_encoded(text) IS
	'a page as the client''s encoding can carry it: as it is in UTF8, else with references for all that is not ASCII';

CREATE OR REPLACE FUNCTION ordersync.page_count(p_value numeric)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.to_char(p_value, 'FM999,999,999,999,999,999,999,990');
COMMENT ON FUNCTION ordersync.page_count(numeric) IS
	'a number of things, with separators';

CREATE OR REPLACE FUNCTION ordersync.page_amount(p_value numeric)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.to_char(pg_catalog.round(p_value, 2), 'FM999,999,999,999,999,999,999,990.00');
COMMENT ON FUNCTION ordersync.page_amount(numeric) IS
	'yuan, with separators and two places';

CREATE OR REPLACE FUNCTION ordersync.page_percent(p_share numeric)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.to_char(pg_catalog.round(100 * p_share, 1), 'FM999,999,999,999,990.0') || '%';
COMMENT ON FUNCTION ordersync.page_percent(numeric) IS
	'a share as percent with one place';

CREATE OR REPLACE FUNCTION ordersync.page_short(p_value numeric, p_words jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.trim_scale(pg_catalog.round(p_value / u.one, 3))::text || u.name
	FROM (
		SELECT (x.unit ->> 0)::numeric AS one, x.unit ->> 1 AS name
		FROM pg_catalog.jsonb_array_elements(p_words -> 'units') AS x (unit)
		WHERE (x.unit ->> 0)::numeric <= GREATEST(pg_catalog.abs(p_value), 1)
		ORDER BY one DESC
		LIMIT 1
	) u
$function$;
COMMENT ON FUNCTION ordersync.page_short(numeric, jsonb) IS
	'a number of an axis in the units of the language: 20k, 2万';

CREATE OR REPLACE FUNCTION ordersync.page_duration(p_length interval, p_words jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN s.minutes IS NULL THEN NULL
		WHEN s.minutes < 60 THEN pg_catalog.format(p_words ->> 'minutes', s.minutes)
		WHEN s.minutes < 2880 THEN pg_catalog.format(p_words ->> 'hours', s.minutes / 60, s.minutes % 60)
		ELSE pg_catalog.format(p_words ->> 'days_hours', s.minutes / 1440, s.minutes / 60 % 24)
	END
	FROM (
		SELECT pg_catalog.floor(EXTRACT(epoch FROM p_length) / 60)::bigint AS minutes
	) s
$function$;
COMMENT ON FUNCTION ordersync.page_duration(interval, jsonb) IS
	'a length of time in two units, rounded down';

CREATE OR REPLACE FUNCTION ordersync.page_minute(p_at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.to_char(pg_catalog.timezone('Asia/Shanghai', p_at), 'YYYY-MM-DD HH24:MI');
COMMENT ON FUNCTION ordersync.page_minute(timestamptz) IS
	'a time in Asia/Shanghai to the minute';

CREATE OR REPLACE FUNCTION ordersync.page_day(p_day date)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.to_char(p_day::timestamp, 'YYYY-MM-DD');
COMMENT ON FUNCTION ordersync.page_day(date) IS
	'a day, whatever DateStyle is';

CREATE OR REPLACE FUNCTION ordersync.page_days(p_since date, p_days integer, p_words jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ordersync.page_day(p_since) || CASE
	WHEN p_days > 1 THEN ' ' || (p_words ->> 'to') || ' ' || ordersync.page_day(p_since + p_days - 1)
	ELSE ''
END;
COMMENT ON FUNCTION ordersync.page_days(date, integer, jsonb) IS
	'so many days from one on, by the first and the last';

/* Change against before: better, worse or neither, by sign and colour; against nothing there is none. */
CREATE OR REPLACE FUNCTION ordersync.page_change(p_now numeric, p_before numeric, p_more_is text, p_is_share boolean, p_words jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN c.change IS NULL THEN ''
		ELSE pg_catalog.format('<span class="%s">%s&#160;%s</span>',
			CASE
				WHEN c.change = 0 OR p_more_is = 'neither' THEN 'same'
				WHEN (c.change > 0) = (p_more_is = 'better') THEN 'better'
				ELSE 'worse'
			END,
			CASE WHEN c.change > 0 THEN '▲' WHEN c.change < 0 THEN '▼' ELSE '=' END,
			CASE WHEN c.change > 0 AND (p_is_share OR c.change < 10) THEN '+' ELSE '' END || CASE
				WHEN p_is_share THEN pg_catalog.format(p_words ->> 'points', pg_catalog.to_char(100 * c.change, 'FM999,999,999,990.0'))
				WHEN c.change >= 10 THEN '×' || pg_catalog.to_char(c.change + 1, 'FM999,999,999,990')
				ELSE ordersync.page_percent(c.change)
			END)
	END
	FROM (
		SELECT CASE
			WHEN p_is_share THEN pg_catalog.round(p_now - p_before, 3)
			ELSE pg_catalog.round((p_now - p_before) / pg_catalog.abs(NULLIF(p_before, 0)), 3)
		END AS change
	) c
$function$;
COMMENT ON FUNCTION ordersync.page_change(numeric, numeric, text, boolean, jsonb) IS
	'how a figure has changed, in percent of before, of a share in points of percent; whether more is better, worse or neither decides the colour';
