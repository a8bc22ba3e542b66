/*
 * A page of pictures: sales, stages, refunds, items, completeness and freshness of
 * shops in some days, as one HTML document that needs nothing else.
 *
 * It runs with its caller's rights and writes nothing, so that a reader that is
 * limited to shops gets a page of these, also from a standby.  Its content policy
 * lets nothing be loaded or run, whatever a title may hold.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_report_html(
	shop_ids bigint[] DEFAULT NULL,
	since date DEFAULT NULL,
	until date DEFAULT NULL,
	lang text DEFAULT 'en',
	title text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET jit = off
AS $function$
DECLARE
	w jsonb := ordersync.page_words(lang);
	v_range daterange := ordersync.page_range(since, until);
	v_since date := lower(v_range);
	v_days integer := upper(v_range) - lower(v_range);
	v_bin integer := CASE WHEN v_days > 92 THEN 7 ELSE 1 END;
	v_shops bigint[];
	v_sales jsonb;
	v_lines jsonb;
	v_freshness jsonb;
	v_title text;
BEGIN
	PERFORM ordersync.list_check_set_up();
	v_shops := ordersync.page_shops(shop_ids);
	v_sales := ordersync.page_sales(v_shops, v_since - v_days, v_since + v_days - 1);
	v_lines := ordersync.page_lines(v_shops, v_since - v_days, v_since, v_since + v_days - 1);
	v_freshness := ordersync.page_freshness(v_shops);
	v_title := COALESCE(NULLIF(ordersync.page_text(title, 120), ''), w ->> 'title');

	RETURN ordersync.page_encoded(concat(
		format(E'<!DOCTYPE html>\n<html lang="%s"><head><meta charset="utf-8"/>\n'
			'<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''; base-uri ''none''; form-action ''none''"/>\n'
			'<meta name="viewport" content="width=device-width, initial-scale=1"/><meta name="referrer" content="no-referrer"/>\n'
			'<meta name="generator" content="ordersync {{version}}"/>\n<title>%s</title>\n<style>%s</style></head>\n<body><main>\n',
			w ->> 'html_lang', v_title, ordersync.page_style()),
		ordersync.page_head(v_title, v_since, v_days, v_freshness, w),
		ordersync.page_figures(v_sales, v_lines, v_since, w),
		ordersync.page_sales_section(v_sales, v_since, v_days, v_bin, w),
		ordersync.page_funnel(ordersync.page_stages(v_shops, v_since, v_since + v_days - 1), w, lang),
		ordersync.page_refund_section(v_lines, v_since, v_days, v_bin, w),
		ordersync.page_item_section(v_lines, w),
		ordersync.page_refunded_items(v_lines, w),
		ordersync.page_calendar(ordersync.page_verdicts(v_shops, v_since, v_since + v_days - 1), w),
		ordersync.page_freshness_section(v_freshness, w),
		'<footer>', format(w ->> 'sources', '{{version}}'), E'</footer>\n</main></body></html>'));
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_report_html(bigint[], date, date, text, text) IS
	'a page of pictures of shops (NULL: all that the caller sees) from one day of Asia/Shanghai to another, both included (by default the last thirty that are over), in English (en) or Chinese (zh), under a title: one HTML document that loads and runs nothing';

/* Both days are included.  What has not come yet is no part of it, so that as many days are compared with each other. */
CREATE OR REPLACE FUNCTION ordersync.page_range(p_since date, p_until date)
RETURNS daterange
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_today date := pg_catalog.timezone('Asia/Shanghai', pg_catalog.now())::date;
	v_until date := COALESCE(p_until, GREATEST(v_today - 1, p_since));
	v_since date := COALESCE(p_since, CASE WHEN pg_catalog.isfinite(v_until) THEN v_until - 29 ELSE v_until END);
BEGIN
	IF NOT pg_catalog.isfinite(v_since) OR NOT pg_catalog.isfinite(v_until) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'since and until must be days, not infinite',
			HINT = 'Without them the page is of the last thirty days that are over.';
	ELSIF v_since > v_until THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('since (%s) must not be after until (%s)', ordersync.page_day(v_since), ordersync.page_day(v_until)),
			HINT = 'Both days are included: for one day give it twice.';
	END IF;
	IF v_since <= v_today THEN
		v_until := LEAST(v_until, v_today);
	END IF;
	IF v_until - v_since >= 1096 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s days are too many for a page', v_until - v_since + 1),
			DETAIL = 'A page has at most 1096 days, which are three years.',
			HINT = 'For longer ranges sum ordersync.daily_sales by month.';
	END IF;
	RETURN pg_catalog.daterange(v_since, v_until, '[]');
END
$function$;
COMMENT ON FUNCTION ordersync.page_range(date, date) IS
	'the days of a page: those given, none after today unless all are, or the last thirty that are over';

CREATE OR REPLACE FUNCTION ordersync.page_head(p_title text, p_since date, p_days integer, p_freshness jsonb, w jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT '<header><h1><bdi>' || p_title || '</bdi></h1><p>' || ordersync.page_days(p_since, p_days, w)
		|| ' &#183; ' || CASE p_days WHEN 1 THEN w ->> 'day_1' ELSE pg_catalog.format(w ->> 'days', p_days) END
		|| ' &#183; ' || pg_catalog.format(w ->> 'compared', ordersync.page_days(p_since - p_days, p_days, w)) || '</p><p>'
		|| (w ->> 'shops') || ': ' || COALESCE((
			SELECT pg_catalog.string_agg('<bdi>' || COALESCE(NULLIF(ordersync.page_text(x.value ->> 'seller_nick', 40), ''), w ->> 'shop') || '</bdi>&#160;('
				|| (x.value ->> 'shop_id') || ')', ', ' ORDER BY (x.value ->> 'shop_id')::bigint)
			FROM (
				SELECT y.value
				FROM pg_catalog.jsonb_array_elements(p_freshness) AS y (value)
				ORDER BY (y.value ->> 'shop_id')::bigint
				LIMIT 8
			) x), w ->> 'no_shops')
		|| CASE
			WHEN pg_catalog.jsonb_array_length(p_freshness) > 8 THEN
				' ' || pg_catalog.format(w ->> 'more_shops', ordersync.page_count(pg_catalog.jsonb_array_length(p_freshness) - 8))
			ELSE ''
		END
		|| '</p><p class="soft">' || pg_catalog.format(w ->> 'made_at', ordersync.page_minute(pg_catalog.now())) || '</p>'
		|| CASE WHEN p_since + p_days - 1 = pg_catalog.timezone('Asia/Shanghai', pg_catalog.now())::date THEN '<p class="soft">' || (w ->> 'so_far') || '</p>' ELSE '' END
		|| E'</header>\n'
$function$;
COMMENT ON FUNCTION ordersync.page_head(text, date, integer, jsonb, jsonb) IS
	'the head of a page: title, days, shops, and when it was made';
