/*
 * Shapes of a page: columns over days, bars, days of a month.
 *
 * What is drawn by time is an SVG that is stretched to its room, in units of a tenth
 * of a day and a hundredth of the height; lines keep their width.  Texts would be
 * stretched with it: those of its axes are HTML around it, at the same shares of the
 * room, and have the same size on a phone.  Months are SVGs of a fixed size, with
 * their texts.
 */

/* 0 and up to six more, with steps of 1, 2, 2.5 or 5 times a power of ten; the last is not below the highest value. */
CREATE OR REPLACE FUNCTION ordersync.page_ticks(p_highest numeric)
RETURNS numeric[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.array_agg(pg_catalog.trim_scale(t.tick) ORDER BY t.tick)
	FROM (
		SELECT p.power * m.times AS step
		FROM (
			SELECT pg_catalog.power(10::numeric, pg_catalog.floor(pg_catalog.log(h.highest / 4))) AS power, h.highest
			FROM (SELECT CASE WHEN p_highest > 0 THEN p_highest ELSE 1 END AS highest) h
		) p
		CROSS JOIN (VALUES (1), (2), (2.5), (5), (10)) AS m (times)
		WHERE p.power * m.times * 5 >= p.highest
		ORDER BY 1
		LIMIT 1
	) s
	CROSS JOIN LATERAL pg_catalog.generate_series(0::numeric,
		s.step * GREATEST(1, pg_catalog.ceil(p_highest / s.step)), s.step) AS t (tick)
$function$;
COMMENT ON FUNCTION ordersync.page_ticks(numeric) IS
	'where the marks of an axis from zero stand';

CREATE OR REPLACE FUNCTION ordersync.page_bar(p_share numeric, p_class text DEFAULT 'main', p_mark numeric DEFAULT NULL)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10"/>'
		|| CASE
			WHEN p_share > 0 THEN pg_catalog.format('<rect class="%s" width="%s" height="10"/>', p_class,
				pg_catalog.trim_scale(pg_catalog.round(GREATEST(LEAST(100 * p_share, 100), 0.5), 2)))
			ELSE ''
		END
		|| CASE
			WHEN p_mark IS NOT NULL THEN pg_catalog.format('<rect class="mark" x="%s" width="0.7" height="10"/>',
				pg_catalog.trim_scale(pg_catalog.round(LEAST(100 * p_mark, 99.3), 2)))
			ELSE ''
		END
		|| '</svg>'
$function$;
COMMENT ON FUNCTION ordersync.page_bar(numeric, text, numeric) IS
	'a bar of a share of its room, with a mark at another';

/* Days of the axis: at most twelve or so; a phone shows four of them. */
CREATE OR REPLACE FUNCTION ordersync.page_day_axis(p_since date, p_days integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.string_agg(pg_catalog.format('<span%s style="left:%s%%">%s</span>',
			CASE WHEN (l.place - 1) % GREATEST(1, pg_catalog.ceil(l.labels / 4.0)::integer) = 0 THEN '' ELSE ' class="few"' END,
			pg_catalog.round(100 * l.at / p_days, 2),
			l.label), '' ORDER BY l.place)
	FROM (
		SELECT d.n + 0.5 AS at,
			pg_catalog.to_char((p_since + d.n)::timestamp, CASE WHEN p_days > 92 THEN 'YYYY-MM' ELSE 'MM-DD' END) AS label,
			pg_catalog.row_number() OVER (ORDER BY d.n) AS place,
			pg_catalog.count(*) OVER () AS labels
		FROM pg_catalog.generate_series(0, p_days - 1) AS d (n)
		WHERE CASE
				WHEN p_days > 92 THEN
					EXTRACT(day FROM p_since + d.n) = 1
					AND EXTRACT(month FROM p_since + d.n)::integer % CASE WHEN p_days > 750 THEN 6 WHEN p_days > 400 THEN 3 WHEN p_days > 200 THEN 2 ELSE 1 END = 1 % CASE WHEN p_days > 750 THEN 6 WHEN p_days > 400 THEN 3 WHEN p_days > 200 THEN 2 ELSE 1 END
				ELSE d.n % CASE WHEN p_days > 62 THEN 14 WHEN p_days > 31 THEN 7 WHEN p_days > 16 THEN 4 WHEN p_days > 8 THEN 2 ELSE 1 END = 0
			END
	) l
$function$;
COMMENT ON FUNCTION ordersync.page_day_axis(date, integer) IS
	'the marks of the axis of days';

/*
 * Columns over days, and a line of what was before.  Bins: at (days behind the first), days, value
 * and before (the height of a day), tip (a text that may stand in a page).
 */
CREATE OR REPLACE FUNCTION ordersync.page_columns(
	p_name text,
	p_bins jsonb,
	p_since date,
	p_days integer,
	p_class text,
	p_is_share boolean,
	p_title text,
	p_told text,
	p_words jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_ticks numeric[];
	v_top numeric;
	v_room numeric := LEAST(0.72, 0.14 * p_days);	-- of its days that a column fills: few do not become walls
	v_lines text;
	v_columns text;
	v_before text;
	v_labels text;
BEGIN
	SELECT ordersync.page_ticks(pg_catalog.max(GREATEST(b.value, b.before))) INTO v_ticks
	FROM pg_catalog.jsonb_to_recordset(p_bins) AS b (value numeric, before numeric);
	v_top := v_ticks[pg_catalog.cardinality(v_ticks)];

	SELECT pg_catalog.string_agg(pg_catalog.format('<line class="%s" x2="%s" y1="%s" y2="%3$s"/>',
			CASE WHEN t.tick = 0 THEN 'b' ELSE 'g' END, p_days * 10, pg_catalog.trim_scale(pg_catalog.round(100 - 100 * t.tick / v_top, 2))), '' ORDER BY t.tick),
		pg_catalog.string_agg(pg_catalog.format('<span>%s</span>', CASE
			WHEN p_is_share THEN pg_catalog.trim_scale(100 * t.tick) || '%'
			ELSE ordersync.page_short(t.tick, p_words) END), '' ORDER BY t.tick DESC)
	INTO v_lines, v_labels
	FROM pg_catalog.unnest(v_ticks) AS t (tick);

	SELECT pg_catalog.string_agg(pg_catalog.format('<rect x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>',
			pg_catalog.trim_scale(pg_catalog.round(b.at * 10 + b.days * 5 * (1 - v_room), 2)),
			pg_catalog.trim_scale(pg_catalog.round(100 - h.height, 2)),
			pg_catalog.trim_scale(pg_catalog.round(b.days * 10 * v_room, 2)),
			pg_catalog.trim_scale(pg_catalog.round(h.height, 2)),
			b.tip), '' ORDER BY b.at) FILTER (WHERE h.height > 0),
		'M0 ' || pg_catalog.string_agg(pg_catalog.format('%s H%s', h.before, (b.at + b.days) * 10), 'V' ORDER BY b.at)
			FILTER (WHERE h.before IS NOT NULL)
	INTO v_columns, v_before
	FROM pg_catalog.jsonb_to_recordset(p_bins) AS b (at integer, days integer, value numeric, before numeric, tip text)
	CROSS JOIN LATERAL (
		SELECT 100 * b.value / v_top AS height,
			pg_catalog.trim_scale(pg_catalog.round(100 - 100 * b.before / v_top, 2)) AS before
	) h;

	RETURN pg_catalog.format('<div class="chart"><div class="y" aria-hidden="true">%s</div>'
		'<svg viewBox="0 0 %s 100" preserveAspectRatio="none" role="img" aria-labelledby="%s-t %3$s-d">'
		'<title id="%3$s-t">%4$s</title><desc id="%3$s-d">%5$s</desc>%s<g class="%s">%s</g>%s</svg>'
		'<div class="x" aria-hidden="true">%s</div></div>',
		v_labels, p_days * 10, p_name, p_title, p_told, v_lines, p_class, v_columns,
		COALESCE('<path class="edge" d="' || v_before || '"/><path class="before" d="' || v_before || '"/>', ''), ordersync.page_day_axis(p_since, p_days));
END
$function$;
COMMENT ON FUNCTION ordersync.page_columns(text, jsonb, date, integer, text, boolean, text, text, jsonb) IS
	'columns over days with their axes, and a line of what was before where bins have it';

/* Days: day, verdict, tip; those of a month that are not listed are left out. */
CREATE OR REPLACE FUNCTION ordersync.page_months(p_days jsonb, p_words jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT '<div class="months">' || pg_catalog.string_agg(pg_catalog.format(
		'<svg width="160" height="%s" viewBox="0 0 160 %1$s" role="img"><title>%2$s</title><text class="m0" x="1" y="12">%2$s</text>%3$s%4$s</svg>',
		38 + 22 * m.weeks, m.month,
		(SELECT pg_catalog.string_agg(pg_catalog.format('<text class="w" x="%s" y="30">%s</text>', 23 * w.n - 12.5, w.name ->> 0), '' ORDER BY w.n)
			FROM pg_catalog.jsonb_array_elements(p_words -> 'weekdays') WITH ORDINALITY AS w (name, n)),
		m.cells), '' ORDER BY m.month) || '</div>'
	FROM (
		SELECT c.month, pg_catalog.max(c.week) + 1 AS weeks,
			pg_catalog.string_agg(pg_catalog.format(
				'<g><title>%s</title><rect class="%s" x="%s" y="%s" width="19" height="18" rx="2"/>%s<text class="t-%s" x="%s" y="%s">%s</text></g>',
				c.tip, c.verdict, c.x, c.y,
				CASE WHEN c.verdict = 'short' THEN pg_catalog.format('<path class="notch" d="M%s %sh6l-6 6z"/>', c.x, c.y) ELSE '' END,
				c.verdict, c.x + 9.5, c.y + 13, EXTRACT(day FROM c.day)), '' ORDER BY c.day) AS cells
		FROM (
			SELECT f.*,
				23 * EXTRACT(isodow FROM f.day)::integer - 22 AS x,
				38 + 22 * f.week AS y
			FROM (
				SELECT d.day, d.verdict, d.tip, pg_catalog.to_char(d.day::timestamp, 'YYYY-MM') AS month,
					-- of the month as far as it is listed
					pg_catalog.dense_rank() OVER (
						PARTITION BY pg_catalog.date_trunc('month', d.day::timestamp)
						ORDER BY pg_catalog.date_trunc('week', d.day::timestamp)) - 1 AS week
				FROM pg_catalog.jsonb_to_recordset(p_days) AS d (day date, verdict text, tip text)
			) f
		) c
		GROUP BY c.month
	) m
$function$;
COMMENT ON FUNCTION ordersync.page_months(jsonb, jsonb) IS
	'days in the calendars of their months, each by its verdict';
