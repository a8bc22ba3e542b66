-- The page of pictures: its numbers are the views' and those worked out by hand, no text becomes markup, whose shops it shows, and which
-- days it takes. A page is read as XML, which it would not be if anything of a title were markup.
BEGIN;
SELECT plan(93);
SET LOCAL client_min_messages = error;
SELECT ordersync.set_up();
INSERT INTO ordersync.gateways (name, base_url, app_key, protocol, sign_method) VALUES ('g', 'https://example.invalid', '1', 'top', 'md5');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES
	(7, '<b>"小店" & ''co''</b>', '{a}', 'g'), (8, U&'\202Eabc\0007', '{b}', 'g'), (9, 'nine', '{c}', 'g');

-- Shops 7 and 8: six orders from 1 to 3 March, one on 28 February; three went on, one was closed unpaid, one after a refund, one is new to us.
INSERT INTO ordersync.orders (shop_id, tid, platform, type, status, created, paid_at, paid_amount, post_fee, gmv, platform_state) VALUES
	(7, 1, 'taobao', 'fixed', 'TRADE_FINISHED', '2026-03-01 10:00+08', '2026-03-01 10:01+08', 1240, 5, 1235, 'listed'),
	(7, 2, 'taobao', 'fixed', 'WAIT_SELLER_SEND_GOODS', '2026-03-02 00:00+08', '2026-03-02 00:00+08', 100, 0, 100, 'listed'),
	(7, 3, 'taobao', 'fixed', 'TRADE_CLOSED_BY_TAOBAO', '2026-03-02 10:00+08', NULL, NULL, 0, 75.5, 'listed'),
	(7, 4, 'taobao', 'fixed', 'TRADE_CLOSED', '2026-03-03 10:00+08', '2026-03-03 23:59:59+08', 60, 0, 60, 'listed'),
	(7, 5, 'taobao', 'fixed', 'TRADE_FINISHED', '2026-02-28 23:59:59+08', '2026-02-28 23:59:59+08', 500, 0, 500, 'listed'),
	(7, 6, 'taobao', 'fixed', 'SOMETHING_NEW', '2026-03-03 10:00+08', NULL, NULL, 0, 1, 'listed'),
	(8, 7, 'taobao', 'fixed', 'WAIT_BUYER_CONFIRM_GOODS', '2026-03-02 10:00+08', '2026-03-02 10:00+08', 40, 0, 40, 'listed');
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, platform, paid_at, num_iid, title, num, paid_amount, is_gift) VALUES
	(7, 1, 1, 'taobao', '2026-03-01 10:01+08', 501, '<script>alert("1")</script>&amp;]]><!--', 2, 1235, false),
	(7, 2, 2, 'taobao', '2026-03-02 00:00+08', 502, U&'a\202Eb\0007c\200Dd' || chr(10) || ' e' || chr(133) || '中文 ' || chr(128512), 1, 100, false),
	(7, 4, 4, 'taobao', '2026-03-03 23:59:59+08', 503, repeat('长', 500), 1, 60, false),
	(7, 5, 5, 'taobao', '2026-02-28 23:59:59+08', 501, 'before', 1, 500, false),
	(8, 7, 7, 'taobao', '2026-03-02 10:00+08', 504, '" onmouseover=''alert(2)'' x="%s%n$s {{orders}} \1', 1, 40, false);
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, platform, status, refunded_at, refund_fee, refunded_amount, num_iid, title) VALUES
	(7, 11, 4, 4, 'taobao', 'SUCCESS', '2026-03-05 10:00+08', 60, 60, 503, 'x'),
	(7, 12, 5, 5, 'taobao', 'SUCCESS', '2026-03-02 10:00+08', 10, 10, 501, 'x');

CREATE FUNCTION pg_temp.texts(p_path text, p_page text) RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(regexp_replace(x.t, '\u00a0', ' ', 'g') ORDER BY x.n) FROM XMLTABLE(p_path PASSING (p_page::xml) COLUMNS n FOR ORDINALITY, t text PATH 'string(.)') x
$$;
-- the key figures of a page: name, value, change and before
CREATE FUNCTION pg_temp.tiles(p_page text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT array_to_string(pg_temp.texts(format('//dl/div[%s]/*', i), p_page), '|') FROM generate_series(1, 8) i
$$;
-- the rows of the n-th table, cells divided by |
CREATE FUNCTION pg_temp.rows(p_heading text, p_page text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT array_to_string(pg_temp.texts(format('//section[h2="%s"]//tbody/tr[%s]/*', p_heading, i), p_page), '|')
	FROM generate_series(1, COALESCE(cardinality(pg_temp.texts(format('//section[h2="%s"]//tbody/tr', p_heading), p_page)), 0)) i
$$;
CREATE TEMP TABLE page (name text PRIMARY KEY, html text);
INSERT INTO page VALUES
	('march', ordersync_report_html(NULL, '2026-03-01', '2026-03-03')),
	('zh', ordersync_report_html(NULL, '2026-03-01', '2026-03-03', 'zh')),
	('empty', ordersync_report_html('{7}', '2025-06-01', '2025-06-30')),
	('none', ordersync_report_html('{9}', '2026-03-01', '2026-03-31')),
	('day', ordersync_report_html('{7}', '2026-03-02', '2026-03-02')),
	('year', ordersync_report_html(NULL, '2025-04-01', '2026-03-31')),
	('titled', ordersync_report_html('{7}', '2026-03-01', '2026-03-03', title => U&'</title><script>1</script>\202E & ' || repeat('w', 200)));
CREATE FUNCTION pg_temp.page(p_name text) RETURNS text LANGUAGE sql AS $$ SELECT html FROM page WHERE name = p_name $$;

-- what it is
SELECT is_empty($$SELECT name FROM page WHERE html::xml IS NOT DOCUMENT$$, 'every page is well-formed');
SELECT is(pg_temp.texts('//meta[@http-equiv="Content-Security-Policy"]/@content', html), ARRAY[$$default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'$$], name || ': nothing may be loaded or run') FROM page WHERE name IN ('march', 'titled');
SELECT is_empty($$SELECT name, x.t FROM page, XMLTABLE('//script|//link|//img|//iframe|//object|//a|//use|//image|//style/@*|//@src|//@href|//@*[starts-with(name(), "on")]' PASSING (html::xml) COLUMNS t text PATH 'name(.)') x$$, 'nothing loads, leads away or runs');
SELECT is_empty($$SELECT name FROM page WHERE html ~* '(https?:|@import|url\()'$$, 'nor does the style');
SELECT is(pg_temp.texts('//meta[@name="viewport"]/@content', pg_temp.page('march')), ARRAY['width=device-width, initial-scale=1'], 'it fits a phone');
SELECT is(pg_temp.texts('/html/@lang', pg_temp.page('march')) || pg_temp.texts('/html/@lang', pg_temp.page('zh')), ARRAY['en', 'zh-CN'], 'and says its language');
SELECT ok(octet_length(html) < 60000, name || ': a small page') FROM page WHERE name IN ('march', 'empty');
SELECT is_empty($$SELECT p.name FROM page p, XMLTABLE('//svg[@role="img"]' PASSING (html::xml) COLUMNS t text PATH 'title', d text PATH 'desc', months boolean PATH '../@class = "months"') x WHERE COALESCE(x.t, '') = '' OR x.d IS NULL AND NOT x.months$$, 'each picture says what it shows');
SELECT is_empty($$SELECT p.name FROM page p, XMLTABLE('//svg[not(@role) and not(@aria-hidden)]' PASSING (html::xml) COLUMNS t text PATH 'title') x$$, 'or is for the eye alone');

SELECT is_empty($$SELECT name FROM page WHERE cardinality(pg_temp.texts('//section/h2', html)) <> 8$$, 'every page has all its sections');
SELECT is_empty($$SELECT DISTINCT u.word FROM pg_proc p, regexp_matches(p.prosrc, $r$(?:w|p_words) ->>? '(\w+)'$r$, 'g') m, LATERAL (SELECT m[1] AS word) u
	WHERE (p.proname LIKE 'page\_%' OR p.proname = 'ordersync_report_html') AND NOT ordersync.page_words('en') ? u.word$$, 'no word is lacking');

-- its numbers, by hand
SELECT results_eq($$SELECT pg_temp.tiles(pg_temp.page('march'))$$, $$VALUES
	('Paid amount|1,440.00|▲ +188.0% before: 500.00'),
	('Net sales|1,430.00|▲ +186.0% before: 500.00'),
	('Refunded amount|10.00| before: 0.00'),
	('Refund rate|4.2%|▲ +2.2 pp before: 2.0%'),
	('Orders placed|6|▲ +500.0% before: 1'),
	('Orders paid|4|▲ +300.0% before: 1'),
	('Average order|360.00|▼ -28.0% before: 500.00'),
	('Pieces sold|5|▲ +400.0% before: 1')$$, 'key figures against the three days before');
SELECT is((pg_temp.texts('//section[h2="Freshness"]//thead//th', pg_temp.page('march')))[1:3], '{Shop,All read until,Orders proven until}', 'what is proven is of orders, what is read of after-sales too');
SELECT is(pg_temp.texts('//dl/div/dd/span[@class!="soft"]/@class', pg_temp.page('march')), '{better,better,same,better,better,worse,better}', 'a smaller average is worse; the refund rate, to date, is not judged');
SELECT results_eq($$SELECT pg_temp.rows('Sales by day', pg_temp.page('march'))$$, $$VALUES
	('2026-03-01|1|1,235.00|1|1,240.00|0.00|0.00|1,240.00'),
	('2026-03-02|3|215.50|2|140.00|0.00|10.00|130.00'),
	('2026-03-03|2|61.00|1|60.00|500.00|0.00|60.00')$$, 'sales by day');
SELECT results_eq($$SELECT pg_temp.rows('Sales by day', pg_temp.page('march'))$$, $$
	SELECT concat_ws('|', d.day::text, sum(d.orders), to_char(sum(d.gmv), 'FM9,999,990.00'), sum(d.paid_orders), to_char(sum(d.paid_amount), 'FM9,999,990.00'),
		to_char(COALESCE((SELECT sum(b.paid_amount) FROM ordersync.daily_sales b WHERE b.day = d.day - 3), 0), 'FM9,999,990.00'),
		to_char(sum(d.refunded_amount), 'FM9,999,990.00'), to_char(sum(d.net_sales), 'FM9,999,990.00'))
	FROM ordersync.daily_sales d WHERE d.day BETWEEN '2026-03-01' AND '2026-03-03' GROUP BY d.day ORDER BY d.day$$, 'as the view has them');
SELECT results_eq($$SELECT pg_temp.rows('Stages of the orders placed', pg_temp.page('march'))$$, $$VALUES ('paid|1|16.7%'), ('shipped|1|16.7%'), ('finished|1|16.7%'), ('closed unpaid|1|16.7%'), ('closed after refund|1|16.7%'), ('unknown|1|16.7%')$$, 'stages');
SELECT results_eq($$SELECT split_part(r, '|', 1), split_part(r, '|', 2)::bigint FROM pg_temp.rows('Stages of the orders placed', pg_temp.page('march')) r ORDER BY 1$$,
	$$SELECT stage_en, count(*) FROM ordersync.order_report WHERE created_date BETWEEN '2026-03-01' AND '2026-03-03' GROUP BY 1 ORDER BY 1$$, 'as the report has them');
SELECT is(pg_temp.texts('//ol/li', pg_temp.page('march')), ARRAY['Placed6 100.0%did not go on: closed unpaid 1 · unknown 1', 'Paid4 66.7%did not go on: paid 1 · closed after refund 1', 'Shipped2 33.3%did not go on: shipped 1', 'Finished1 16.7%'],
	'a step is the one before it less what did not go on');
SELECT is(pg_temp.texts('//ol//rect[@class="main"]/@width', pg_temp.page('march')), '{100,66.67,33.33,16.67}', 'drawn so');
SELECT results_eq($$SELECT pg_temp.rows('Refund rate by day of payment', pg_temp.page('march'))$$, $$VALUES ('2026-03-01|1|0|1,235.00|0.00|0.0%'), ('2026-03-02|2|0|140.00|0.00|0.0%'), ('2026-03-03|1|1|60.00|60.00|100.0%')$$, 'refunds by the day of payment');
SELECT results_eq($$SELECT split_part(r, '|', 4)::text, split_part(r, '|', 5) FROM pg_temp.rows('Refund rate by day of payment', pg_temp.page('march')) r$$,
	$$SELECT to_char(sum(paid_amount), 'FM9,999,990.00'), to_char(sum(refunded_amount), 'FM9,999,990.00') FROM ordersync.refund_rates WHERE day BETWEEN '2026-03-01' AND '2026-03-03' GROUP BY day ORDER BY day$$, 'as the view has them');
SELECT is(ARRAY(SELECT split_part(r, '|', 2) || ' ' || split_part(r, '|', 3) || ' ' || split_part(r, '|', 4) FROM pg_temp.rows('Top items', pg_temp.page('march')) r),
	ARRAY['2 1,235.00 86.1%', '1 100.00 7.0%', '1 60.00 4.2%', '1 40.00 2.8%'], 'items by paid amount');
SELECT results_eq($$SELECT split_part(r, '|', 3) FROM pg_temp.rows('Top items', pg_temp.page('march')) r$$,
	$$SELECT to_char(sum(paid_amount), 'FM9,999,990.00') FROM ordersync.item_sales WHERE day BETWEEN '2026-03-01' AND '2026-03-03' AND lines > 0 GROUP BY num_iid ORDER BY sum(paid_amount) DESC$$, 'as the view has them');
SELECT is(ARRAY(SELECT split_part(r, '|', 2) || ' ' || split_part(r, '|', 3) || ' ' || split_part(r, '|', 4) FROM pg_temp.rows('Items with the most refunds', pg_temp.page('march')) r), ARRAY['1 / 1 60.00 100.0%'], 'refunded items');

-- the columns: the highest axis mark is 1,250, and 1,240, 140 and 60 of that are 99.2, 11.2 and 4.8 in a hundred; before, 500 are 40
SELECT is(pg_temp.texts('//div[@class="chart"][svg/title[@id="sales-t"]]/div[@class="y"]/span', pg_temp.page('march')), '{1.25k,1k,750,500,250,0}', 'marks of the axis');
SELECT is(pg_temp.texts('//svg[title[@id="sales-t"]]//rect/@height', pg_temp.page('march')), '{99.2,11.2,4.8}', 'columns');
SELECT is(pg_temp.texts('//svg[title[@id="sales-t"]]//rect/@y', pg_temp.page('march')), '{0.8,88.8,95.2}', 'stand on the axis');
SELECT is(pg_temp.texts('//svg[title[@id="sales-t"]]//rect/title', pg_temp.page('march')), ARRAY['2026-03-01 1,240.00', '2026-03-02 140.00', '2026-03-03 60.00'], 'and say what they are');
SELECT is(pg_temp.texts('//svg/path[@class="before"]/@d', pg_temp.page('march')), ARRAY['M0 6H18', 'M0 100 H10V100 H20V60 H30'], 'the line of the days before');
SELECT is(pg_temp.texts('//svg/desc[@id="sales-d"]', pg_temp.page('march')), ARRAY['Paid amount from 2026-03-01 to 2026-03-03: 1,440.00 CNY in sum, highest 1,240.00; in the days before 500.00 CNY.'], 'told in words');
SELECT is(pg_temp.texts('//svg[title[@id="refunds-t"]]//rect/@height', pg_temp.page('march')), '{100}', 'a rate of one is all of its axis');
SELECT is(ordersync.page_ticks(x.highest), x.ticks::numeric[], format('marks up to %s', x.highest))
FROM (VALUES (NULL::numeric, '{0,0.2}'), (0, '{0,0.2}'), (0.037, '{0,0.01,0.02,0.03,0.04}'), (1, '{0,0.2,0.4,0.6,0.8,1}'), (7, '{0,2,4,6,8}'), (229413.07, '{0,50000,100000,150000,200000,250000}')) AS x (highest, ticks);

-- texts: what is typed is shown, and is nothing else
SELECT is(pg_temp.texts('//section[h2="Top items"]//bdi', pg_temp.page('march')), ARRAY['<script>alert("1")</script>&amp;]]><!--', U&'a\FFFDb\FFFDc\200Dd e 中文 ' || chr(128512), repeat('长', 99) || '…', '" onmouseover=''alert(2)'' x="%s%n$s {{orders}} \1'],
	'titles are text, without what turns or controls it, cut to a hundred characters');
SELECT is(pg_temp.texts('//header/p[2]', pg_temp.page('march')), ARRAY[U&'Shops: <b>"小店" & ''co''</b> (7), \FFFDabc\FFFD (8), nine (9)'], 'names of shops are text');
SELECT is(pg_temp.texts('//title[not(ancestor::svg)]', pg_temp.page('titled')), ARRAY[U&'</title><script>1</script>\FFFD & ' || repeat('w', 89) || '…'], 'so is the heading');
SELECT is(ordersync.page_text(chr(1) || chr(31) || chr(127) || chr(8238) || chr(8297) || chr(65279) || chr(65535)), repeat(U&'\FFFD', 7), 'characters that are not seen');
SELECT is(ordersync.page_text('&<>"'''), '&amp;&lt;&gt;&quot;&#39;', 'characters that mean something');
SELECT is(ordersync.page_text(NULL), NULL, 'nothing stays nothing');

-- languages
SELECT is(ARRAY(SELECT pg_temp.tiles(pg_temp.page('zh')) LIMIT 1) || pg_temp.texts('//ol/li[1]', pg_temp.page('zh')), ARRAY['支付金额|1,440.00|▲ +188.0% 此前：500.00', '下单6 100.0%未进入下一步： 未付款关闭 1 · 未知 1'], 'the same in Chinese');
SELECT is_empty($$SELECT key FROM jsonb_each(ordersync.page_words('en')) e JOIN jsonb_each(ordersync.page_words('zh')) z USING (key) WHERE key <> 'html_lang'
	AND (e.value::text ~ '[<&]' OR z.value::text ~ '[<&]' OR (SELECT count(*) FROM regexp_matches(e.value::text, '%', 'g')) <> (SELECT count(*) FROM regexp_matches(z.value::text, '%', 'g')))$$, 'no word is markup, and both languages have the same places to fill');
SELECT is(ordersync.page_short(20000, ordersync.page_words('zh')) || ' ' || ordersync.page_short(1500000, ordersync.page_words('en')) || ' ' || ordersync.page_short(0.5, ordersync.page_words('en')), '2万 1.5M 0.5', 'short numbers');
SELECT is(ordersync.page_duration('47 hours 59 min 59 s', ordersync.page_words('en')) || ', ' || ordersync.page_duration('50 hours', ordersync.page_words('zh')) || ', ' || ordersync.page_duration('59 s', ordersync.page_words('en')), '47 h 59 min, 2 天 2 小时, 0 min', 'lengths of time');

-- days
SELECT is(ARRAY(SELECT pg_temp.tiles(pg_temp.page(n)) LIMIT 1) || pg_temp.texts('//div[@class="chart"]', pg_temp.page(n)), ARRAY['Paid amount|0.00| before: 0.00'], n || ': no figure is invented, nothing is drawn') FROM unnest(ARRAY['empty', 'none']) n;
SELECT is(cardinality(pg_temp.texts('//svg[@width="160"]//rect[@class="unread"]', pg_temp.page('none'))), 62, 'a month that was not read says so, of both');
SELECT is(pg_temp.texts('//svg[title[@id="sales-t"]]//rect/title', pg_temp.page('day')), ARRAY['2026-03-02 100.00'], 'one day is one column');
SELECT is(pg_temp.texts('//header/p[1]', pg_temp.page('day')), ARRAY['2026-03-02 · 1 day · compared with 2026-03-01'], 'beside the day before');
SELECT is(ARRAY(SELECT split_part(r, '|', 1) || ' ' || split_part(r, '|', 5) FROM pg_temp.rows('Sales by week, mean of a day', pg_temp.page('year')) r WHERE r !~ '\|0\|'), ARRAY['2026-02-24 1,880.00', '2026-03-03 60.00'], 'a year has weeks, with their sums');
SELECT is(pg_temp.texts('//svg[title[@id="sales-t"]]//rect/@height', pg_temp.page('year')), '{89.52,2.86}', 'drawn as the mean of a day: 1,880 / 7 of 300');
SELECT is(ARRAY(SELECT pg_temp.tiles(pg_temp.page('year')) LIMIT 1), ARRAY['Paid amount|1,940.00| before: 0.00'], 'and all of it');
SELECT is(pg_temp.texts('//header/p[1]', ordersync_report_html('{9}')), ARRAY[format('%s to %s · 30 days · compared with %s to %s', t - 30, t - 1, t - 60, t - 31)], 'by default the last thirty days that are over') FROM ordersync_today() t;
SELECT is(pg_temp.texts('//header/p[1]', ordersync_report_html('{9}', t - 6, t + 20)), ARRAY[format('%s to %s · 7 days · compared with %s to %s', t - 6, t, t - 13, t - 7)], 'days to come are left out') FROM ordersync_today() t;
SELECT is(pg_temp.texts('//header/p[4]', ordersync_report_html('{9}', since => ordersync_today())), ARRAY['The last day is not over: its figures are those so far.'], 'today is said to be so');
SELECT lives_ok($$SELECT ordersync_report_html('{9}', '2023-03-01', '2026-02-28')$$, 'three years');
SELECT throws_ok($$SELECT ordersync_report_html('{9}', '2023-02-28', '2026-02-28')$$, '22023', '1097 days are too many for a page', 'no more');
SELECT throws_ok($$SELECT ordersync_report_html('{9}', '2026-03-02', '2026-03-01')$$, '22023', 'since (2026-03-02) must not be after until (2026-03-01)', 'days the wrong way round');
SELECT throws_ok($$SELECT ordersync_report_html('{9}', '-infinity')$$, '22023', 'since and until must be days, not infinite', 'days without end');
SELECT throws_ok($$SELECT ordersync_report_html('{9}', lang => 'fr')$$, '22023', 'unrecognized language "fr"', 'a language that is none of its');
SELECT throws_ok($$SELECT ordersync_report_html('{}')$$, '22023', 'shop_ids is empty', 'no shop');
SELECT throws_ok($$SELECT ordersync_report_html('{7,99}')$$, '42704', 'shop 99 does not exist', 'a shop that is not there');
SELECT throws_ok($$SELECT ordersync_report_html(ARRAY[NULL::bigint])$$, '42704', 'shop NULL does not exist', 'a shop that is not said');

SELECT is(pg_temp.texts('//section[h2="Completeness"]//p[@class="note"]', pg_temp.page('none')), ARRAY['The verdict of each day, the worst of its shops and bases.'], 'where nothing is read no shop is named beside');

-- completeness: the first day proven, the second short, the third not read
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (7, 'orders', 'created', '{["2026-03-01 00:00+08","2026-03-02 12:00+08"),["2026-03-02 13:00+08","2026-03-03 00:00+08")}');
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, verdict, began_at, closed_at) VALUES (7, 'orders', 'created', '["2026-03-01 00:00+08","2026-03-02 00:00+08")', 1, 1, 'counted', '2026-03-05', '2026-03-05');
SELECT results_eq($$SELECT day, verdict FROM ordersync.completeness WHERE shop_id = 7 ORDER BY day$$, $$VALUES ('2026-03-01'::date, 'proven'), ('2026-03-02', 'short')$$, 'what the view says');
SELECT is(pg_temp.texts('(//section[h2="Completeness"]//div[@class="months"])[1]//rect/@class', ordersync_report_html('{7}', '2026-03-01', '2026-03-03')), '{proven,short,unread}', 'is what the calendar shows');
SELECT is(pg_temp.texts('(//section[h2="Completeness"]//div[@class="months"])[1]//g/title', ordersync_report_html('{7,8}', '2026-03-01', '2026-03-03')), ARRAY['2026-03-01: proven', '2026-03-02: short', '2026-03-03: not read'], 'one that was read on no day does not hide it');
SELECT is(pg_temp.texts('//section[h2="Completeness"]//div[@class="streams"]/div[1]/p[@class="note"]', ordersync_report_html(NULL, '2026-03-01', '2026-03-03')), ARRAY['Read on none of these days: shop 8, 9'], 'but is named');
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (8, 'orders', 'created', '{["2026-03-02 00:00+08","2026-03-03 00:00+08")}');
SELECT is(pg_temp.texts('(//section[h2="Completeness"]//div[@class="months"])[1]//g/title', ordersync_report_html('{7,8}', '2026-03-01', '2026-03-03')), ARRAY['2026-03-01: not read 1, proven 1', '2026-03-02: short 1, counted 1', '2026-03-03: not read 2'], 'of several shops the worst, and each');
DELETE FROM ordersync.coverage WHERE shop_id = 8;
SELECT results_eq($$SELECT pg_temp.rows('Completeness', ordersync_report_html('{7}', '2026-03-01', '2026-03-03'))$$, $$VALUES ('2026-03-02|7|Orders, time of creation|a part of the day is not read')$$, 'and why a day is not whole');
SELECT is(pg_temp.texts('//section[h2="Completeness"]//p[@class="empty"]', ordersync_report_html('{7}', ordersync_today() + 1, ordersync_today() + 2)), ARRAY['These days are still to come.', 'These days are still to come.'], 'days to come are not called unread');
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (7, 'orders', 'modified', '{["2026-03-02 00:00+08","2026-03-03 00:00+08")}');
SELECT results_eq($$SELECT basis, verdict FROM ordersync.completeness WHERE shop_id = 7 AND day = '2026-03-02' ORDER BY basis$$, $$VALUES ('created', 'short'), ('modified', 'counted')$$, 'a day that is read by both');
SELECT is(pg_temp.texts('(//div[@class="months"])[1]//g[starts-with(title, "2026-03-02")]/rect/@class', ordersync_report_html('{7}', '2026-03-03'::date - d + 1, '2026-03-03')), ARRAY[v], format('of %s days it is %s', d, v)) FROM (VALUES (92, 'short'), (93, 'counted')) x (d, v);
SELECT is(pg_temp.texts('(//div[@class="months"])[1]//g[starts-with(title, "2026-03-01")]/rect/@class', ordersync_report_html('{7}', '2025-03-04', '2026-03-03')), '{proven}', 'one before the changes that are read is judged by creation all the same');
DELETE FROM ordersync.coverage WHERE basis = 'modified';
UPDATE ordersync.shops SET options = '{"streams": ["orders"]}' WHERE shop_id = 7;
SELECT is(pg_temp.texts('//section[h2="Completeness"]//p[@class="empty"]', ordersync_report_html('{7}', '2026-03-01', '2026-03-03')), ARRAY['None of these shops is read for this.'], 'what no shop reads has no calendar');

-- its caller's rights, and nothing written
SELECT is_empty($$SELECT p.proname FROM pg_proc p WHERE (p.proname = 'ordersync_report_html' OR p.pronamespace = 'ordersync'::regnamespace AND p.proname LIKE 'page\_%') AND (p.prosecdef OR p.provolatile = 'v')$$, 'all of it runs as its caller, and writes nothing');
CREATE ROLE page_some; CREATE ROLE page_all;
SELECT ordersync_grant('page_some', 'reader', '{8}'), ordersync_grant('page_all', 'reader');
CREATE FUNCTION pg_temp.as_role(p_role text, p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', p_role);
	SET LOCAL transaction_read_only = on;
	BEGIN
		EXECUTE p_query INTO r;
	EXCEPTION WHEN OTHERS THEN
		r := SQLSTATE || ' ' || SQLERRM;
	END;
	RESET ROLE;
	RETURN r;
END $$;
SAVEPOINT read_only;
SELECT is(regexp_replace(pg_temp.as_role('page_all', $$SELECT ordersync_report_html(NULL, '2026-03-01', '2026-03-03')$$), '<section class="[^"]*"><h2>Completeness.*', ''),
	regexp_replace(ordersync_report_html(NULL, '2026-03-01', '2026-03-03'), '<section class="[^"]*"><h2>Completeness.*', ''), 'a reader gets the same page, in a transaction that can only read');
SELECT is(pg_temp.texts('//header/p[2]', h) || ARRAY(SELECT pg_temp.tiles(h) LIMIT 1), ARRAY[U&'Shops: \FFFDabc\FFFD (8)', 'Paid amount|40.00| before: 0.00'], 'who is limited to a shop gets a page of it')
FROM pg_temp.as_role('page_some', $$SELECT ordersync_report_html(NULL, '2026-03-01', '2026-03-03')$$) h;
SELECT is(pg_temp.as_role('page_some', format($$SELECT ordersync_report_html('{8,%s}')$$, s)), format('42501 permission denied for shop %s', s), format('and none of shop %s', s)) FROM unnest(ARRAY[7, 99]) s;
-- what it is told, and what a function that checks the session's grants tells it
CREATE FUNCTION pg_temp.refusal(p_role name, p_query text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', p_role);
	EXECUTE p_query;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN ARRAY[SQLERRM, d, h];
END $$;
GRANT EXECUTE ON FUNCTION ordersync_check_shop(bigint) TO page_some;
SELECT is(pg_temp.refusal('page_some', q), ARRAY['permission denied for shop 7', 'The grant of "page_some" is for other shops.', 'The database''s owner can widen it with ordersync_grant(role, level, shops).'], q)
FROM (VALUES ($$SELECT ordersync_report_html('{8,7}')$$), ($$SELECT ordersync_check_shop(7)$$)) v (q);
SELECT is(pg_temp.as_role('page_all', $$SELECT ordersync_report_html('{99}')$$), '42704 shop 99 does not exist', 'who is not limited is told what there is');
ROLLBACK TO read_only;

-- settings of the session
CREATE FUNCTION pg_temp.with_settings() RETURNS text LANGUAGE sql SET DateStyle = 'SQL, DMY' SET TimeZone = 'America/New_York' SET IntervalStyle = 'sql_standard' SET standard_conforming_strings = off SET search_path = pg_temp SET extra_float_digits = -15 AS $$ SELECT public.ordersync_report_html(NULL, '2026-01-03'::date + 57, '2026-03-03') $$;
SELECT is(regexp_replace(pg_temp.with_settings(), '<section class="[^"]*"><h2>Completeness.*', ''), regexp_replace(ordersync_report_html(NULL, '2026-03-01', '2026-03-03'), '<section class="[^"]*"><h2>Completeness.*', ''), 'change nothing');
SET LOCAL client_encoding = 'GB18030';
CREATE TEMP TABLE encoded AS SELECT ordersync_report_html(NULL, '2026-03-01', '2026-03-03', 'zh') AS html;
RESET client_encoding;
SELECT is(regexp_count_of.n, 0::bigint, 'to a client of another encoding a page is all ASCII') FROM (SELECT count(*) AS n FROM encoded WHERE html ~ '[^\u0001-\u007f]') regexp_count_of;
SELECT is(pg_temp.texts('//section[h2="热销商品"]//bdi', html), pg_temp.texts('//section[h2="Top items"]//bdi', pg_temp.page('march')), 'and says the same') FROM encoded;

SELECT * FROM finish();
ROLLBACK;
