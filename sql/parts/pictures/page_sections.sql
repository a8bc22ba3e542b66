/*
 * Sections of a page, each from its facts.  One of class long may be cut between two pages of paper.
 *
 * Each picture says in words what it shows (title and desc), and has its figures
 * beside it or as a table below.  Tables keep texts that may be long in one column, cut to two
 * lines; columns of class few are left out on a phone.
 */
CREATE OR REPLACE FUNCTION ordersync.page_card(p_class text, p_heading text, p_body text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<section class="card ' || p_class || '"><h2>' || p_heading || '</h2>' || p_body || E'</section>\n';
COMMENT ON FUNCTION ordersync.page_card(text, text, text) IS
	'a section with its heading';

/* A name that somebody typed, on two lines at most, whatever its direction; its number below it. */
CREATE OR REPLACE FUNCTION ordersync.page_name(p_name text, p_number text, p_otherwise text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<th scope="row" class="l name"><bdi>' || COALESCE(NULLIF(ordersync.page_text(p_name, 100), ''), p_otherwise) || '</bdi>'
	|| COALESCE('<span class="soft">' || p_number || '</span>', '') || '</th>';
COMMENT ON FUNCTION ordersync.page_name(text, text, text) IS
	'the head of a row: a name and a number';

/* A refund rate to date is lower for younger days as a rule: that is neither better nor worse. */
CREATE OR REPLACE FUNCTION ordersync.page_figures(p_sales jsonb, p_lines jsonb, p_since date, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH s AS (
		SELECT x.day >= p_since AS is_now, pg_catalog.sum(x.paid_amount) AS paid_amount, pg_catalog.sum(x.net_sales) AS net_sales,
			pg_catalog.sum(x.refunded_amount) AS refunded_amount, pg_catalog.sum(x.orders) AS orders, pg_catalog.sum(x.paid_orders) AS paid_orders,
			pg_catalog.sum(x.paid_amount) / NULLIF(pg_catalog.sum(x.paid_orders - x.zero_orders), 0) AS average_order,
			pg_catalog.sum(x.items) AS items
		FROM pg_catalog.jsonb_to_recordset(p_sales) AS x (day date, orders numeric, paid_orders numeric, zero_orders numeric, items numeric,
			paid_amount numeric, refunded_amount numeric, net_sales numeric)
		GROUP BY 1
	), r AS (
		SELECT x.is_now, x.refunded_amount / NULLIF(x.paid_amount, 0) AS refund_rate
		FROM (VALUES (true, p_lines -> 'now'), (false, p_lines -> 'before')) AS j (is_now, facts)
		CROSS JOIN LATERAL pg_catalog.jsonb_to_record(NULLIF(j.facts, 'null')) AS x (is_now boolean, paid_amount numeric, refunded_amount numeric)
	)
	SELECT ordersync.page_card('wide', w ->> 'figures', '<dl class="tiles">' || pg_catalog.string_agg(pg_catalog.format(
		'<div><dt>%s</dt><dd class="value">%s</dd><dd>%s <span class="soft">%s</span></dd></div>',
		w ->> t.name, COALESCE(f.now_text, '–'), ordersync.page_change(t.now, t.before, t.more_is, t.form = 'share', w),
		pg_catalog.format(w ->> 'before', COALESCE(f.before_text, '–'))), '' ORDER BY t.place) || '</dl>')
	FROM (
		VALUES
			(1, 'paid_amount', 'amount', 'better', COALESCE((SELECT s.paid_amount FROM s WHERE s.is_now), 0), COALESCE((SELECT s.paid_amount FROM s WHERE NOT s.is_now), 0)),
			(2, 'net_sales', 'amount', 'better', COALESCE((SELECT s.net_sales FROM s WHERE s.is_now), 0), COALESCE((SELECT s.net_sales FROM s WHERE NOT s.is_now), 0)),
			(3, 'refunded_amount', 'amount', 'worse', COALESCE((SELECT s.refunded_amount FROM s WHERE s.is_now), 0), COALESCE((SELECT s.refunded_amount FROM s WHERE NOT s.is_now), 0)),
			(4, 'refund_rate', 'share', 'neither', (SELECT r.refund_rate FROM r WHERE r.is_now), (SELECT r.refund_rate FROM r WHERE NOT r.is_now)),
			(5, 'orders', 'count', 'better', COALESCE((SELECT s.orders FROM s WHERE s.is_now), 0), COALESCE((SELECT s.orders FROM s WHERE NOT s.is_now), 0)),
			(6, 'paid_orders', 'count', 'better', COALESCE((SELECT s.paid_orders FROM s WHERE s.is_now), 0), COALESCE((SELECT s.paid_orders FROM s WHERE NOT s.is_now), 0)),
			(7, 'average_order', 'amount', 'better', (SELECT s.average_order FROM s WHERE s.is_now), (SELECT s.average_order FROM s WHERE NOT s.is_now)),
			(8, 'items', 'count', 'better', COALESCE((SELECT s.items FROM s WHERE s.is_now), 0), COALESCE((SELECT s.items FROM s WHERE NOT s.is_now), 0))
	) AS t (place, name, form, more_is, now, before)
	CROSS JOIN LATERAL (
		SELECT CASE t.form WHEN 'amount' THEN ordersync.page_amount(t.now) WHEN 'share' THEN ordersync.page_percent(t.now) ELSE ordersync.page_count(t.now) END AS now_text,
			CASE t.form WHEN 'amount' THEN ordersync.page_amount(t.before) WHEN 'share' THEN ordersync.page_percent(t.before) ELSE ordersync.page_count(t.before) END AS before_text
	) f
$function$;
COMMENT ON FUNCTION ordersync.page_figures(jsonb, jsonb, date, jsonb) IS
	'the section of key figures, with their change';

CREATE OR REPLACE FUNCTION ordersync.page_sales_section(p_sales jsonb, p_since date, p_days integer, p_bin integer, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.page_card('wide', w ->> ('sales_by_' || p_bin), CASE
		WHEN COALESCE(t.paid, 0) = 0 AND COALESCE(t.paid_before, 0) = 0 THEN '<p class="empty">' || (w ->> 'no_sales') || '</p>'
		ELSE '<ul class="legend"><li><svg width="12" height="12" aria-hidden="true"><rect class="main" width="12" height="12"/></svg>' || (w ->> 'this_period')
			|| '</li><li><svg width="18" height="12" aria-hidden="true"><path class="before" d="M0 6H18"/></svg>' || (w ->> 'days_before') || '</li></ul>'
			|| ordersync.page_columns('sales', t.bins, p_since, p_days, 'main', false, w ->> ('sales_by_' || p_bin),
				pg_catalog.format(w ->> 'sales_told', ordersync.page_days(p_since, p_days, w),
					ordersync.page_amount(t.paid), ordersync.page_amount(t.highest), ordersync.page_amount(t.paid_before)), w)
		END
		|| '<details><summary>' || (w ->> 'table') || '</summary><div><table><thead><tr>' || (
			SELECT pg_catalog.string_agg(pg_catalog.format('<th scope="col"%s>%s</th>', CASE WHEN h.place = 1 THEN ' class="l"' ELSE '' END, w ->> h.name), '' ORDER BY h.place)
			FROM pg_catalog.unnest(ARRAY[CASE p_bin WHEN 1 THEN 'day' ELSE 'week' END, 'orders', 'gmv', 'paid_orders', 'paid_amount', 'paid_before', 'refunded_amount', 'net_sales'])
				WITH ORDINALITY AS h (name, place))
		|| '</tr></thead><tbody>' || t.rows || '</tbody></table></div></details>')
	FROM (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('at', b.at, 'days', b.days, 'value', b.paid_amount / b.days, 'before', b.paid_before / b.days,
				'tip', ordersync.page_day(b.day) || ' ' || ordersync.page_amount(b.paid_amount))) AS bins,
			pg_catalog.sum(b.paid_amount) AS paid,
			pg_catalog.max(b.paid_amount) AS highest,
			pg_catalog.sum(b.paid_before) AS paid_before,
			pg_catalog.string_agg(pg_catalog.format('<tr><th scope="row" class="l">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
				ordersync.page_day(b.day), ordersync.page_count(b.orders), ordersync.page_amount(b.gmv), ordersync.page_count(b.paid_orders),
				ordersync.page_amount(b.paid_amount), ordersync.page_amount(b.paid_before), ordersync.page_amount(b.refunded_amount),
				ordersync.page_amount(b.net_sales)), '' ORDER BY b.at) AS rows
		FROM pg_catalog.jsonb_to_recordset(ordersync.page_bins(p_sales, p_since, p_days, p_bin)) AS b (at integer, days integer, day date, orders numeric,
			gmv numeric, paid_orders numeric, paid_amount numeric, refunded_amount numeric, net_sales numeric, paid_before numeric)
	) t
$function$;
COMMENT ON FUNCTION ordersync.page_sales_section(jsonb, date, integer, integer, jsonb) IS
	'the section of sales by day or week, beside those of before';

/*
 * What reached each step.  An order that was closed before payment has not reached the
 * second, one closed after a refund not the third: so each step is the one before it
 * less what did not go on, and all of it adds up.
 */
CREATE OR REPLACE FUNCTION ordersync.page_funnel(p_stages jsonb, w jsonb, p_lang text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH s AS (
		SELECT j.key AS stage, j.value::numeric AS orders,
			CASE
				WHEN j.key = 'finished' THEN 4
				WHEN j.key IN ('partly_shipped', 'shipped', 'signed') THEN 3
				WHEN j.key IN ('paid', 'closed_refunded') THEN 2
				ELSE 1
			END AS step,
			CASE j.key
				WHEN '' THEN w ->> 'stage_none'
				ELSE ordersync.page_text(n.name)
			END AS name,
			pg_catalog.array_position(ARRAY['created', 'unpaid', 'deposit_paid', 'paying', 'paid', 'partly_shipped', 'shipped', 'signed', 'finished',
				'closed_unpaid', 'closed_refunded', 'unknown', ''], j.key) AS place
		FROM pg_catalog.jsonb_each_text(p_stages) AS j
		LEFT JOIN LATERAL (
			SELECT CASE p_lang WHEN 'en' THEN x.name_en ELSE x.name_zh END AS name
			FROM ordersync.status_names x
			WHERE (x.object, x.platform, x.status) = ('order', 'taobao', j.key)
		) n ON true
	), a AS (
		SELECT COALESCE(pg_catalog.sum(s.orders), 0) AS orders
		FROM s
	)
	SELECT ordersync.page_card('half', w ->> 'funnel', CASE a.orders
		WHEN 0 THEN '<p class="empty">' || (w ->> 'no_orders') || '</p>'
		ELSE '<ol class="steps">' || (
				SELECT pg_catalog.string_agg(pg_catalog.format('<li><div class="head"><span>%s</span><span>%s <span class="soft">%s</span></span></div>%s%s</li>',
					w ->> ('funnel_' || f.step), ordersync.page_count(f.orders), ordersync.page_percent(f.orders / a.orders),
					ordersync.page_bar(f.orders / a.orders), COALESCE('<div class="stay">' || CASE WHEN f.step < 4 THEN (w ->> 'stays') || ' ' || f.stays END || '</div>', '')),
					'' ORDER BY f.step)
				FROM (
					SELECT k.step, COALESCE(pg_catalog.sum(s.orders), 0) AS orders,
						pg_catalog.string_agg(s.name || '&#160;' || ordersync.page_count(s.orders), ' &#183; ' ORDER BY s.place) FILTER (WHERE s.step = k.step) AS stays
					FROM pg_catalog.generate_series(1, 4) AS k (step)
					LEFT JOIN s ON s.step >= k.step
					GROUP BY k.step
				) f)
			|| '</ol><details><summary>' || (w ->> 'table') || '</summary><div><table><thead><tr><th scope="col" class="l">' || (w ->> 'stage')
			|| '</th><th scope="col">' || (w ->> 'orders') || '</th><th scope="col">' || (w ->> 'share') || '</th></tr></thead><tbody>' || (
				SELECT pg_catalog.string_agg(pg_catalog.format('<tr><th scope="row" class="l">%s</th><td>%s</td><td>%s</td></tr>',
					COALESCE(s.name, ordersync.page_text(s.stage)), ordersync.page_count(s.orders), ordersync.page_percent(s.orders / a.orders)), '' ORDER BY s.place)
				FROM s)
			|| '</tbody></table></div></details>'
		END)
	FROM a
$function$;
COMMENT ON FUNCTION ordersync.page_funnel(jsonb, jsonb, text) IS
	'the section of stages: how many orders reached each step, and where the others are';

CREATE OR REPLACE FUNCTION ordersync.page_refund_section(p_lines jsonb, p_since date, p_days integer, p_bin integer, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.page_card('half', w ->> ('refunds_by_' || p_bin), CASE
		WHEN COALESCE(t.refunded, 0) = 0 THEN '<p class="empty">' || (w ->> 'no_refunds') || '</p>'
		ELSE '<p class="note">' || (w ->> 'refunds_note') || '</p>'
			|| ordersync.page_columns('refunds', t.bins, p_since, p_days, 'other', true, w ->> ('refunds_by_' || p_bin),
				pg_catalog.format(w ->> 'refunds_told', ordersync.page_amount(t.refunded), ordersync.page_amount(t.paid),
					COALESCE(ordersync.page_percent(t.refunded / NULLIF(t.paid, 0)), '–')), w)
			|| '<details><summary>' || (w ->> 'table') || '</summary><div><table><thead><tr>' || (
				SELECT pg_catalog.string_agg(pg_catalog.format('<th scope="col"%s>%s</th>', CASE WHEN h.place = 1 THEN ' class="l"' ELSE '' END, w ->> h.name), '' ORDER BY h.place)
				FROM pg_catalog.unnest(ARRAY[CASE p_bin WHEN 1 THEN 'day' ELSE 'week' END, 'lines', 'refunded_lines', 'lines_amount', 'refunded_amount', 'refund_rate'])
					WITH ORDINALITY AS h (name, place))
			|| '</tr></thead><tbody>' || t.rows || '</tbody></table></div></details>'
		END)
	FROM (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('at', b.at, 'days', b.days, 'value', b.rate,
				'tip', ordersync.page_day(p_since + b.at) || ' ' || COALESCE(ordersync.page_percent(b.rate), ''))) AS bins,
			pg_catalog.sum(b.paid_amount) AS paid,
			pg_catalog.sum(b.refunded_amount) AS refunded,
			pg_catalog.string_agg(pg_catalog.format('<tr><th scope="row" class="l">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
				ordersync.page_day(p_since + b.at), ordersync.page_count(b.lines), ordersync.page_count(b.refunded_lines),
				ordersync.page_amount(b.paid_amount), ordersync.page_amount(b.refunded_amount), COALESCE(ordersync.page_percent(b.rate), '–')), '' ORDER BY b.at) AS rows
		FROM (
			SELECT n.at, LEAST(p_bin, p_days - n.at) AS days, COALESCE(pg_catalog.sum(d.lines), 0) AS lines,
				COALESCE(pg_catalog.sum(d.refunded_lines), 0) AS refunded_lines, COALESCE(pg_catalog.sum(d.paid_amount), 0) AS paid_amount,
				COALESCE(pg_catalog.sum(d.refunded_amount), 0) AS refunded_amount,
				pg_catalog.sum(d.refunded_amount) / NULLIF(pg_catalog.sum(d.paid_amount), 0) AS rate
			FROM pg_catalog.generate_series(0, p_days - 1, p_bin) AS n (at)
			LEFT JOIN pg_catalog.jsonb_to_recordset(p_lines -> 'days') AS d (day date, lines numeric, refunded_lines numeric, paid_amount numeric, refunded_amount numeric)
				ON (d.day - p_since) / p_bin = n.at / p_bin
			GROUP BY n.at
		) b
	) t
$function$;
COMMENT ON FUNCTION ordersync.page_refund_section(jsonb, date, integer, integer, jsonb) IS
	'the section of refund rates by day or week of payment';

CREATE OR REPLACE FUNCTION ordersync.page_item_section(p_lines jsonb, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.page_card('items', w ->> 'top_items', CASE
		WHEN t.rows IS NULL THEN '<p class="empty">' || (w ->> 'no_items') || '</p>'
		ELSE '<table><caption>' || pg_catalog.format(w ->> 'items_of', t.shown, ordersync.page_count((p_lines ->> 'items')::numeric))
			|| '</caption><thead><tr><th scope="col" class="l">' || (w ->> 'item') || '</th><th scope="col" class="few">' || (w ->> 'pieces')
			|| '</th><th scope="col">' || (w ->> 'paid_amount') || '</th><th scope="col" class="barred">' || (w ->> 'share') || '</th></tr></thead><tbody>' || t.rows || '</tbody></table>'
		END)
	FROM (
		SELECT pg_catalog.count(*) AS shown,
			pg_catalog.string_agg(pg_catalog.format('<tr>%s<td class="few">%s</td><td>%s</td><td class="barred">%s%s</td></tr>',
				ordersync.page_name(i.title, i.num_iid::text, w ->> CASE WHEN i.num_iid IS NULL THEN 'no_item' ELSE 'no_title' END),
				ordersync.page_count(i.pieces), ordersync.page_amount(i.paid_amount), COALESCE(ordersync.page_percent(s.share), '–'),
				ordersync.page_bar(i.paid_amount / NULLIF(m.highest, 0))), '' ORDER BY i.place_by_sales) AS rows
		FROM pg_catalog.jsonb_to_recordset(p_lines -> 'first') AS i (place_by_sales bigint, num_iid bigint, title text, pieces numeric, paid_amount numeric)
		CROSS JOIN (
			SELECT pg_catalog.max((x.x ->> 'paid_amount')::numeric) AS highest
			FROM pg_catalog.jsonb_array_elements(p_lines -> 'first') AS x (x)
		) m
		CROSS JOIN LATERAL (
			SELECT i.paid_amount / NULLIF((p_lines -> 'now' ->> 'paid_amount')::numeric, 0) AS share
		) s
		WHERE i.place_by_sales <= 10
	) t
$function$;
COMMENT ON FUNCTION ordersync.page_item_section(jsonb, jsonb) IS
	'the section of the items that sold best';

CREATE OR REPLACE FUNCTION ordersync.page_refunded_items(p_lines jsonb, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.page_card('items', w ->> 'top_refunds', CASE
		WHEN t.rows IS NULL THEN '<p class="empty">' || (w ->> 'no_refunds') || '</p>'
		ELSE '<table><caption>' || (w ->> 'refunds_note')
			|| '</caption><thead><tr><th scope="col" class="l">' || (w ->> 'item') || '</th><th scope="col" class="few">' || (w ->> 'refunded_lines')
			|| '</th><th scope="col">' || (w ->> 'refunded') || '</th><th scope="col" class="barred">' || (w ->> 'refund_rate') || '</th></tr></thead><tbody>' || t.rows || '</tbody></table>'
		END)
	FROM (
		SELECT pg_catalog.string_agg(pg_catalog.format('<tr>%s<td class="few">%s / %s</td><td>%s</td><td class="barred">%s%s</td></tr>',
				ordersync.page_name(i.title, i.num_iid::text, w ->> CASE WHEN i.num_iid IS NULL THEN 'no_item' ELSE 'no_title' END),
				ordersync.page_count(i.refunded_lines), ordersync.page_count(i.lines), ordersync.page_amount(i.refunded_amount),
				COALESCE(ordersync.page_percent(s.rate), '–'), ordersync.page_bar(s.rate / NULLIF(m.highest, 0), 'other')), '' ORDER BY i.place_by_refunds) AS rows
		FROM pg_catalog.jsonb_to_recordset(p_lines -> 'first') AS i (place_by_refunds bigint, num_iid bigint, title text, lines numeric, refunded_lines numeric,
			paid_amount numeric, refunded_amount numeric)
		CROSS JOIN (
			SELECT pg_catalog.max(x.refunded_amount / NULLIF(x.paid_amount, 0)) AS highest
			FROM pg_catalog.jsonb_to_recordset(p_lines -> 'first') AS x (place_by_refunds bigint, paid_amount numeric, refunded_amount numeric)
			WHERE x.place_by_refunds <= 10
		) m
		CROSS JOIN LATERAL (
			SELECT i.refunded_amount / NULLIF(i.paid_amount, 0) AS rate
		) s
		WHERE i.place_by_refunds <= 10
			AND i.refunded_amount > 0
	) t
$function$;
COMMENT ON FUNCTION ordersync.page_refunded_items(jsonb, jsonb) IS
	'the section of the items with the most refunds';

CREATE OR REPLACE FUNCTION ordersync.page_calendar(p_verdicts jsonb, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH v AS (
		SELECT x.stream, x.day, x.verdict, x.shops, o.place
		FROM pg_catalog.jsonb_to_recordset(p_verdicts -> 'days') AS x (stream text, day date, verdict text, shops bigint)
		JOIN pg_catalog.unnest(ARRAY['short', 'unread', 'unproven', 'counted', 'fresh', 'proven']) WITH ORDINALITY AS o (verdict, place)
			ON o.verdict = x.verdict
	), d AS (
		SELECT v.stream, v.day, (pg_catalog.array_agg(v.verdict ORDER BY v.place))[1] AS verdict,
			ordersync.page_day(v.day) || ': ' || CASE pg_catalog.sum(v.shops)
				WHEN 1 THEN pg_catalog.min(w ->> v.verdict)
				ELSE pg_catalog.string_agg((w ->> v.verdict) || ' ' || v.shops, ', ' ORDER BY v.place)
			END AS tip
		FROM v
		GROUP BY v.stream, v.day
	)
	SELECT ordersync.page_card(CASE WHEN pg_catalog.jsonb_array_length(p_verdicts -> 'days') > 150 THEN 'wide long' ELSE 'wide' END, w ->> 'calendar', '<p class="note">' || (w ->> 'calendar_note') || '</p>'
		|| '<div class="streams">' || pg_catalog.string_agg('<div><h3>' || (w ->> ('stream_' || t.stream)) || '</h3>' || COALESCE(
			'<ul class="legend">' || (
				SELECT pg_catalog.string_agg(pg_catalog.format('<li><svg width="14" height="14" aria-hidden="true"><rect class="%s" x="1" y="1" width="12" height="12" rx="2"/>%s</svg>%s %s</li>',
					k.verdict, CASE k.verdict WHEN 'short' THEN '<path class="notch" d="M1 1h5l-5 5z"/>' ELSE '' END,
					w ->> k.verdict, k.days), '' ORDER BY k.place DESC)
				FROM (
					SELECT o.verdict, o.place, pg_catalog.count(*) AS days
					FROM d
					JOIN pg_catalog.unnest(ARRAY['short', 'unread', 'unproven', 'counted', 'fresh', 'proven']) WITH ORDINALITY AS o (verdict, place)
						ON o.verdict = d.verdict
					WHERE d.stream = t.stream
					GROUP BY 1, 2
				) k) || '</ul>'
			|| ordersync.page_months((SELECT pg_catalog.jsonb_agg(d) FROM d WHERE d.stream = t.stream), w),
			'<p class="empty">' || CASE WHEN p_verdicts -> 'asked' ? t.stream THEN w ->> 'to_come' ELSE w ->> 'not_asked' END || '</p>')
			|| CASE
				WHEN p_verdicts -> 'unread' ? t.stream THEN '<p class="note">' || pg_catalog.format(w ->> 'unread_shops', (
					SELECT pg_catalog.string_agg(x.u, ', ' ORDER BY x.place) FILTER (WHERE x.place <= 20)
						|| CASE WHEN pg_catalog.count(*) > 20 THEN ' …' ELSE '' END
					FROM pg_catalog.jsonb_array_elements_text(p_verdicts -> 'unread' -> t.stream) WITH ORDINALITY AS x (u, place))) || '</p>'
				ELSE ''
			END || '</div>', '' ORDER BY t.place) || '</div>'
		|| COALESCE('<h3>' || (w ->> 'not_whole') || '</h3><table><thead><tr><th scope="col" class="l">' || (w ->> 'day') || '</th><th scope="col" class="l">' || (w ->> 'shop')
			|| '</th><th scope="col" class="l">' || (w ->> 'basis') || '</th><th scope="col" class="l">' || (w ->> 'reason') || '</th></tr></thead><tbody>' || (
				SELECT pg_catalog.string_agg(pg_catalog.format('<tr><th scope="row" class="l">%s</th><td class="l">%s</td><td class="l">%s</td><td class="l">%s</td></tr>',
					ordersync.page_day(r.day), r.shop_id, (w ->> ('stream_' || r.stream)) || ', ' || (w ->> r.basis),
					COALESCE(ordersync.page_text(r.reason, 160), CASE WHEN r.has_missing THEN w ->> 'ranges_missing' END, w ->> 'short')), ''
					ORDER BY r.day DESC, r.shop_id, r.stream DESC, r.basis)
				FROM pg_catalog.jsonb_to_recordset(p_verdicts -> 'rows') AS r (day date, shop_id bigint, stream text, basis text, reason text, has_missing boolean))
			|| '</tbody></table>' || CASE
				WHEN (p_verdicts ->> 'short')::bigint > pg_catalog.jsonb_array_length(p_verdicts -> 'rows') THEN
					'<p class="empty">' || pg_catalog.format(w ->> 'more_days', ordersync.page_count((p_verdicts ->> 'short')::numeric - pg_catalog.jsonb_array_length(p_verdicts -> 'rows'))) || '</p>'
				ELSE ''
			END, ''))
	FROM (VALUES (1, 'orders'), (2, 'after_sales')) AS t (place, stream)
$function$;
COMMENT ON FUNCTION ordersync.page_calendar(jsonb, jsonb) IS
	'the section of completeness: calendars of the verdicts, and what is short';

CREATE OR REPLACE FUNCTION ordersync.page_freshness_section(p_freshness jsonb, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.page_card(CASE WHEN t.shops > 15 THEN 'wide long' ELSE 'wide' END, w ->> 'freshness', CASE
		WHEN t.rows IS NULL THEN '<p class="empty">' || (w ->> 'shops') || ': ' || (w ->> 'no_shops') || '</p>'
		ELSE '<table><caption>' || (w ->> 'freshness_note') || '</caption><thead><tr><th scope="col" class="l">' || (w ->> 'shop') || '</th><th scope="col" class="few">' || (w ->> 'read_until')
			|| '</th><th scope="col">' || (w ->> 'proven_until') || '</th><th scope="col" class="few">' || (w ->> 'target') || '</th><th scope="col">' || (w ->> 'behind_by')
			|| '</th><th scope="col" class="few barred">&#160;</th></tr></thead><tbody>' || t.rows || '</tbody></table>' || CASE
				WHEN t.shops > 50 THEN '<p class="empty">' || pg_catalog.format(w ->> 'more_shops', ordersync.page_count(t.shops - 50)) || '</p>'
				ELSE ''
			END
		END)
	FROM (
		SELECT pg_catalog.max(f.place) AS shops,
			pg_catalog.string_agg(pg_catalog.format('<tr>%s<td class="few">%s</td><td>%s</td><td class="few">%s</td><td>%s</td><td class="few barred">%s</td></tr>',
				ordersync.page_name(f.seller_nick, f.shop_id::text, CASE WHEN f.is_set_up THEN f.shop_id::text ELSE w ->> 'not_set_up' END),
				COALESCE(ordersync.page_minute(f.covered_until), w ->> 'never'), COALESCE(ordersync.page_minute(f.proven_until), w ->> 'never'),
				COALESCE(ordersync.page_duration(f.target, w), w ->> 'no_target'),
				COALESCE(ordersync.page_duration(f.lag, w), '–') || CASE WHEN f.behind THEN '<br /><span class="worse">' || (w ->> 'late') || '</span>' ELSE '' END,
				ordersync.page_bar(EXTRACT(epoch FROM f.lag) / m.longest, CASE WHEN f.behind THEN 'other' ELSE 'main' END, EXTRACT(epoch FROM f.target) / m.longest)), ''
				ORDER BY f.place) FILTER (WHERE f.place <= 50) AS rows
		FROM (
			SELECT x.value ->> 'seller_nick' AS seller_nick, (x.value ->> 'shop_id')::bigint AS shop_id, (x.value ->> 'is_set_up')::boolean AS is_set_up,
				(x.value ->> 'covered_until')::timestamptz AS covered_until, (x.value ->> 'proven_until')::timestamptz AS proven_until,
				(x.value ->> 'lag')::interval AS lag, (x.value ->> 'target')::interval AS target, (x.value ->> 'behind')::boolean AS behind, x.place
			FROM pg_catalog.jsonb_array_elements(p_freshness) WITH ORDINALITY AS x (value, place)
		) f
		CROSS JOIN (
			SELECT NULLIF(1.05 * pg_catalog.max(GREATEST(EXTRACT(epoch FROM LEAST((x.value ->> 'lag')::interval, 3 * (x.value ->> 'target')::interval)), EXTRACT(epoch FROM (x.value ->> 'target')::interval))), 0) AS longest
			FROM pg_catalog.jsonb_array_elements(p_freshness) AS x (value)
		) m
	) t
$function$;
COMMENT ON FUNCTION ordersync.page_freshness_section(jsonb, jsonb) IS
	'the section of freshness: how far each shop is behind';
