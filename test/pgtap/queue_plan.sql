-- Planning: which ranges a run reads and how they are cut. Set arithmetic, no worker, no network.
BEGIN;
SELECT plan(55);
SET client_min_messages = error;
SET timezone = 'America/New_York';

CREATE FUNCTION pg_temp.sh(text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT $1::timestamp AT TIME ZONE 'Asia/Shanghai' $$;
CREATE FUNCTION pg_temp.r(text, text) RETURNS tstzmultirange LANGUAGE sql AS $$
	SELECT tstzmultirange(tstzrange(pg_temp.sh($1), pg_temp.sh($2))) $$;

-- cutting: days, the settle line, the longest window
SELECT results_eq(
	$$ SELECT ordersync.format_range(since, until), fresh
		FROM ordersync.cut_windows(pg_temp.r('2026-09-01 10:00:00', '2026-09-03 02:00:00'), pg_temp.sh('2026-09-03 01:30:00'), '1 day')
		ORDER BY since $$,
	$$ VALUES ('2026-09-01 10:00:00 to 2026-09-02 00:00:00 Asia/Shanghai', false),
		('2026-09-02 00:00:00 to 2026-09-03 00:00:00 Asia/Shanghai', false),
		('2026-09-03 00:00:00 to 2026-09-03 01:30:00 Asia/Shanghai', false),
		('2026-09-03 01:30:00 to 2026-09-03 02:00:00 Asia/Shanghai', true) $$,
	'windows end at midnight in Shanghai and at the settle line');
SELECT results_eq(
	$$ SELECT ordersync.format_range(since, until), fresh
		FROM ordersync.cut_windows(pg_temp.r('2026-09-01 12:00:00', '2026-09-02 11:59:00'), pg_temp.sh('2026-09-01 11:00:00'), '1 day')
		ORDER BY since $$,
	$$ VALUES ('2026-09-01 12:00:00 to 2026-09-02 00:00:00 Asia/Shanghai', true),
		('2026-09-02 00:00:00 to 2026-09-02 11:59:00 Asia/Shanghai', true) $$,
	'a fresh window does not cross midnight either');
SELECT is((SELECT count(*) FROM ordersync.cut_windows(pg_temp.r('2026-09-01', '2026-09-02'), 'infinity', '30 minutes')), 48::bigint,
	'no window is longer than the gateway allows');
SELECT results_eq(
	$$ SELECT ordersync.format_range(since, until)
		FROM ordersync.cut_windows(pg_temp.r('2026-09-01 00:00:00', '2026-09-01 01:10:00'), 'infinity', '30 minutes') ORDER BY since $$,
	$$ VALUES ('2026-09-01 00:00:00 to 2026-09-01 00:30:00 Asia/Shanghai'), ('2026-09-01 00:30:00 to 2026-09-01 01:00:00 Asia/Shanghai'),
		('2026-09-01 01:00:00 to 2026-09-01 01:10:00 Asia/Shanghai') $$,
	'the last part of a range is as long as what is left');
SELECT is((SELECT count(*) FROM ordersync.cut_windows('{}', now(), '1 day')), 0::bigint, 'nothing cut is nothing');
SELECT is((SELECT count(*) FROM ordersync.cut_windows(pg_temp.r('2026-03-08', '2026-03-09'), 'infinity', '1 day')), 1::bigint,
	'a day is one window, also where the session''s day has 23 hours');
SELECT is(
	(SELECT range_agg(tstzrange(since, until)) FROM ordersync.cut_windows(
		pg_temp.r('2026-08-30 13:07:01', '2026-09-03 02:00:59') + pg_temp.r('2026-09-10', '2026-09-12 00:00:01'), pg_temp.sh('2026-09-11 05:00'), '7 hours')),
	pg_temp.r('2026-08-30 13:07:01', '2026-09-03 02:00:59') + pg_temp.r('2026-09-10', '2026-09-12 00:00:01'),
	'the parts add up to the ranges exactly');
SELECT is((SELECT count(*) FROM ordersync.cut_windows(
		pg_temp.r('2026-08-30 13:07:01', '2026-09-03 02:00:59') + pg_temp.r('2026-09-10', '2026-09-12 00:00:01'), pg_temp.sh('2026-09-11 05:00'), '7 hours') a,
	ordersync.cut_windows(
		pg_temp.r('2026-08-30 13:07:01', '2026-09-03 02:00:59') + pg_temp.r('2026-09-10', '2026-09-12 00:00:01'), pg_temp.sh('2026-09-11 05:00'), '7 hours') b
	WHERE a.since < b.since AND tstzrange(a.since, a.until) && tstzrange(b.since, b.until)), 0::bigint, 'and do not overlap');

-- what was asked, made definite; now is 2026-11-23 12:00:00, lag a minute, settle ten
CREATE FUNCTION pg_temp.asked(kind text, since timestamptz, until timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' | ', ordersync.format_time(r.since), ordersync.format_time(r.until), r.shortened, ordersync.format_time(r.bound))
	FROM ordersync.resolve_range(kind, since, until, pg_temp.sh('2026-11-23 12:00:00')) r $$;
SELECT is(pg_temp.asked('full', NULL, NULL), '2026-10-23 00:00:00 | 2026-11-23 11:59:00 | f | 2026-11-23 11:49:00',
	'a full run begins on the same day a month ago');
SELECT is(pg_temp.asked('incremental', NULL, NULL), '2026-11-23 11:59:00 | f | 2026-11-23 11:49:00',
	'an incremental run begins where coverage says');
SELECT is(pg_temp.asked('full', pg_temp.sh('2026-09-01'), pg_temp.sh('2026-10-01')), '2026-09-01 00:00:00 | 2026-10-01 00:00:00 | f | 2026-10-01 00:00:00',
	'a typed range stays as it is');
SELECT is(pg_temp.asked('full', pg_temp.sh('2026-11-01 00:00:00.7'), pg_temp.sh('2026-11-02 00:00:00.2')),
	'2026-11-01 00:00:00 | 2026-11-02 00:00:01 | f | 2026-11-02 00:00:01', 'part of a second is the whole second');
SELECT is(pg_temp.asked('full', pg_temp.sh('2026-11-01'), pg_temp.sh('2026-12-01')), '2026-11-01 00:00:00 | 2026-11-23 11:59:00 | t | 2026-11-23 11:49:00',
	'an end in the future is shortened to now - lag');
SELECT is(pg_temp.asked('full', pg_temp.sh('2026-11-01'), 'infinity'), '2026-11-01 00:00:00 | 2026-11-23 11:59:00 | t | 2026-11-23 11:49:00',
	'for ever too');
SELECT is((SELECT ordersync.format_time(since) FROM ordersync.resolve_range('full', NULL, NULL, pg_temp.sh('2026-10-31 12:00:00'))),
	'2026-09-30 00:00:00', 'a month before the 31st is the last day of a shorter month');
SELECT throws_ok($$ SELECT pg_temp.asked('full', pg_temp.sh('2026-10-01'), pg_temp.sh('2026-10-01')) $$, '22023', 'since must be before until');
SELECT throws_ok($$ SELECT pg_temp.asked('full', NULL, pg_temp.sh('2026-10-01')) $$, '22023', 'since must be before until');
SELECT throws_ok($$ SELECT pg_temp.asked('full', pg_temp.sh('2026-11-23 11:59:30'), NULL) $$, '22023', 'the range is in the future');
SELECT throws_ok($$ SELECT pg_temp.asked('incremental', pg_temp.sh('2026-08-25 11:59:59'), NULL) $$, '22023', 'the platform does not serve that range');
SELECT lives_ok($$ SELECT pg_temp.asked('incremental', pg_temp.sh('2026-08-25 12:00:00'), NULL) $$, 'ninety days are served, whatever the session''s zone');
SELECT throws_ok($$ SELECT pg_temp.asked('incremental', NULL, pg_temp.sh('2026-08-01')) $$, '22023', 'the platform does not serve that range');

-- plans
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
CREATE FUNCTION pg_temp.planned(kind text, since timestamptz, until timestamptz, at timestamptz DEFAULT pg_temp.sh('2026-11-23 12:00:00'))
RETURNS TABLE (stream text, basis text, work text, history boolean, held boolean, ranges text, closes text, lost text) LANGUAGE sql AS $$
	SELECT p.stream, p.basis, p.work, p.history, p.held, ordersync.format_ranges(p.ranges), ordersync.format_time(p.closes_until), ordersync.format_ranges(p.lost)
	FROM ordersync.plan(1, kind, since, COALESCE(until, at - interval '1 minute'), at) p $$;

SELECT results_eq($$ SELECT * FROM pg_temp.planned('full', pg_temp.sh('2026-09-01'), pg_temp.sh('2026-10-01')) $$,
	$$ VALUES ('orders', 'created', 'store', false, false, '2026-09-01 00:00:00 to 2026-10-01 00:00:00 Asia/Shanghai', '2026-11-23 11:50:00', NULL),
		('after_sales', 'modified', 'store', false, false, '2026-09-01 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai', '2026-11-22 12:00:00', NULL),
		('special_refunds', 'modified', 'store', false, false, '2026-09-01 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai', '2026-11-22 12:00:00', NULL) $$,
	'a full run: orders by creation, both lists of after-sales changed since, up to now');
SELECT results_eq($$ SELECT stream, basis, work, held, ranges, closes FROM pg_temp.planned('incremental', pg_temp.sh('2026-11-01'), pg_temp.sh('2026-11-02')) $$,
	$$ VALUES ('orders', 'modified', 'store', false, '2026-11-01 00:00:00 to 2026-11-02 00:00:00 Asia/Shanghai', '2026-11-23 11:50:00'),
		('orders', 'arrival', 'check', true, '2026-11-01 00:00:00 to 2026-11-02 01:00:00 Asia/Shanghai', '2026-11-23 11:59:00'),
		('after_sales', 'modified', 'store', false, '2026-11-01 00:00:00 to 2026-11-02 00:00:00 Asia/Shanghai', '2026-11-22 12:00:00'),
		('special_refunds', 'modified', 'store', false, '2026-11-01 00:00:00 to 2026-11-02 00:00:00 Asia/Shanghai', '2026-11-22 12:00:00') $$,
	'a typed incremental run: by modification, then what arrived up to an hour after the range');
SELECT results_eq($$ SELECT stream, basis, ranges FROM pg_temp.planned('incremental', NULL, NULL) $$,
	$$ VALUES ('orders', 'modified', '2026-11-23 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai'),
		('orders', 'arrival', '2026-11-23 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai'),
		('after_sales', 'modified', '2026-11-23 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai'),
		('special_refunds', 'modified', '2026-11-23 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai') $$,
	'with nothing known it begins with the day of the first incremental run');

-- what a shop or a gateway does without
SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}');
SELECT set_eq($$ SELECT stream || ' ' || basis FROM pg_temp.planned('incremental', NULL, NULL) $$,
	ARRAY['orders modified', 'after_sales modified', 'special_refunds modified'], 'a gateway without a list of arrivals');
SELECT ordersync_set_gateway('taobao', '{"arrival_check": null}');
UPDATE ordersync.shops SET unserved = jsonb_build_object('special_refunds', jsonb_build_object('at', pg_temp.sh('2026-11-22 12:00:01')),
	'arrival', jsonb_build_object('at', pg_temp.sh('2026-11-22 11:59:59')));
SELECT set_eq($$ SELECT stream || ' ' || basis FROM pg_temp.planned('incremental', NULL, NULL) $$,
	ARRAY['orders modified', 'orders arrival', 'after_sales modified'], 'a list that was refused within a day is left out, one refused before is asked again');
UPDATE ordersync.shops SET unserved = '{}';

-- history: what the lists do not reach, and what is about to leave them
SELECT results_eq($$ SELECT stream, history, ranges FROM pg_temp.planned('full', pg_temp.sh('2026-08-01'), pg_temp.sh('2026-09-01')) $$,
	$$ VALUES ('orders', true, '2026-08-01 00:00:00 to 2026-08-25 13:00:00 Asia/Shanghai'),
		('orders', false, '2026-08-25 13:00:00 to 2026-09-01 00:00:00 Asia/Shanghai'),
		('after_sales', false, '2026-08-25 13:00:00 to 2026-11-23 11:59:00 Asia/Shanghai'),
		('special_refunds', false, '2026-08-25 13:00:00 to 2026-11-23 11:59:00 Asia/Shanghai') $$,
	'a full run across the horizon reads what lies behind it from the history');
SELECT results_eq($$ SELECT stream, history, ranges FROM pg_temp.planned('full', pg_temp.sh('2025-01-01'), pg_temp.sh('2025-02-01')) WHERE stream = 'orders' $$,
	$$ VALUES ('orders', true, '2025-01-01 00:00:00 to 2025-02-01 00:00:00 Asia/Shanghai'), ('orders', false, NULL) $$, 'one behind it nothing else');
SELECT lives_ok($$ SELECT pg_temp.asked('full', pg_temp.sh('2024-11-23 12:00:00'), pg_temp.sh('2024-12-01')) $$, 'two years are served');
SELECT throws_like($$ SELECT pg_temp.asked('full', pg_temp.sh('2024-11-23 11:59:59'), pg_temp.sh('2024-12-01')) $$, 'the platform does not serve that range', 'not more');
SELECT throws_ok($$ SELECT pg_temp.asked('verify', pg_temp.sh('2026-08-26 11:59:59'), NULL) $$, '22023', 'the platform does not serve that range');
SELECT lives_ok($$ SELECT pg_temp.asked('verify', pg_temp.sh('2026-08-26 12:00:00'), NULL) $$, 'counts are compared within 89 days');
CREATE TEMP TABLE across AS SELECT ordersync.make_run(1, 'full', pg_temp.sh('2026-08-25'), pg_temp.sh('2026-08-26'), pg_temp.sh('2026-11-23 12:00:00')) AS id;
SELECT results_eq($$ SELECT ordersync.format_range(t.since, t.until), t.history, t.fresh, t.next_attempt_at IS NOT NULL,
		t.next_attempt_at BETWEEN clock_timestamp() + interval '1 hour' AND clock_timestamp() + interval '61 minutes'
	FROM ordersync.sync_tasks t JOIN across a ON a.id = t.run_id WHERE t.stream = 'orders' ORDER BY t.since $$,
	$$ VALUES ('2026-08-25 00:00:00 to 2026-08-25 12:00:00 Asia/Shanghai', true, false, false, NULL),
		('2026-08-25 12:00:00 to 2026-08-25 13:00:00 Asia/Shanghai', true, false, true, true),
		('2026-08-25 13:00:00 to 2026-08-26 00:00:00 Asia/Shanghai', false, false, false, NULL) $$,
	'what is about to leave the lists is read from the history when it has');
DELETE FROM ordersync.sync_tasks; DELETE FROM ordersync.sync_runs; UPDATE ordersync.shops SET first_incremental_at = NULL;

UPDATE ordersync.shops SET first_incremental_at = pg_temp.sh('2026-11-21 13:00:00');
SELECT is((SELECT ranges FROM pg_temp.planned('incremental', NULL, NULL) WHERE stream = 'orders' AND work = 'store'),
	'2026-11-21 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai', 'also when that was days ago');
UPDATE ordersync.shops SET first_full_at = pg_temp.sh('2026-11-10 10:00:00');
SELECT results_eq($$ SELECT stream, ranges FROM pg_temp.planned('incremental', NULL, NULL) $$,
	$$ VALUES ('orders', '2026-11-10 09:00:00 to 2026-11-23 11:59:00 Asia/Shanghai'),
		('orders', '2026-11-10 09:00:00 to 2026-11-23 11:59:00 Asia/Shanghai'),
		('after_sales', '2026-11-09 10:00:00 to 2026-11-23 11:59:00 Asia/Shanghai'),
		('special_refunds', '2026-11-09 10:00:00 to 2026-11-23 11:59:00 Asia/Shanghai') $$,
	'after a full run it begins where that began, less what may become visible late');
UPDATE ordersync.shops SET first_full_at = pg_temp.sh('2026-11-22 10:00:00');
SELECT is((SELECT ranges FROM pg_temp.planned('incremental', NULL, NULL) WHERE stream = 'orders' AND work = 'store'),
	'2026-11-21 00:00:00 to 2026-11-23 11:59:00 Asia/Shanghai', 'the earlier of the two');

INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES
	(1, 'orders', 'modified', pg_temp.r('2026-11-22 09:00:00', '2026-11-23 11:00:00')),
	(1, 'orders', 'created', pg_temp.r('2026-10-01', '2026-11-23 11:00:00'));
SELECT is((SELECT ranges FROM pg_temp.planned('incremental', NULL, NULL) WHERE stream = 'orders' AND work = 'store'),
	'2026-11-21 00:00:00 to 2026-11-22 09:00:00 Asia/Shanghai, 2026-11-23 11:00:00 to 2026-11-23 11:59:00 Asia/Shanghai',
	'what is covered is left out; a range typed before the first plain run hides nothing; by creation is another matter');
UPDATE ordersync.coverage SET ranges = pg_temp.r('2026-11-01', '2026-11-20 06:00:00') + pg_temp.r('2026-11-20 07:30:00', '2026-11-23 11:00:00')
WHERE basis = 'modified';
SELECT is((SELECT ranges FROM pg_temp.planned('incremental', NULL, NULL) WHERE stream = 'orders' AND work = 'store'),
	'2026-11-20 06:00:00 to 2026-11-20 07:30:00 Asia/Shanghai, 2026-11-23 11:00:00 to 2026-11-23 11:59:00 Asia/Shanghai',
	'a hole is planned anew');
SELECT is((SELECT ranges FROM pg_temp.planned('incremental', NULL, pg_temp.sh('2026-11-20 07:00:00')) WHERE stream = 'orders' AND work = 'store'),
	'2026-11-20 06:00:00 to 2026-11-20 07:00:00 Asia/Shanghai', 'with an end typed, up to there');
SELECT is((SELECT ranges FROM pg_temp.planned('incremental', pg_temp.sh('2026-11-10'), pg_temp.sh('2026-11-11')) WHERE stream = 'orders' AND work = 'store'),
	'2026-11-10 00:00:00 to 2026-11-11 00:00:00 Asia/Shanghai', 'a typed range is read whole, covered or not');
UPDATE ordersync.coverage SET ranges = pg_temp.r('2026-11-01', '2026-11-23 11:59:00') WHERE basis = 'modified';
SELECT is((SELECT ranges FROM pg_temp.planned('incremental', NULL, NULL) WHERE stream = 'orders' AND work = 'store'), NULL, 'all covered: nothing to read');

-- beyond the platform's three months
UPDATE ordersync.coverage SET ranges = pg_temp.r('2026-11-01', '2026-11-20 06:00:00') + pg_temp.r('2026-11-20 07:30:00', '2026-11-23 11:00:00')
WHERE basis = 'modified';
SELECT results_eq($$ SELECT ranges, lost FROM pg_temp.planned('incremental', NULL, NULL, pg_temp.sh('2027-06-01 12:00:00')) WHERE stream = 'orders' AND work = 'store' $$,
	$$ VALUES ('2027-03-03 13:00:00 to 2027-06-01 11:59:00 Asia/Shanghai',
		'2026-11-20 06:00:00 to 2026-11-20 07:30:00 Asia/Shanghai, 2026-11-23 11:00:00 to 2027-03-03 13:00:00 Asia/Shanghai') $$,
	'what is served no longer is named as lost, the rest is planned');
INSERT INTO ordersync.sync_runs (shop_id, kind, state, lost)
SELECT 1, 'incremental', 'incomplete', range_agg(l)
FROM ordersync.plan(1, 'incremental', NULL, pg_temp.sh('2027-06-01 11:59:00'), pg_temp.sh('2027-06-01 12:00:00')) p, unnest(p.lost) l;
SELECT is((SELECT lost FROM pg_temp.planned('incremental', NULL, NULL, pg_temp.sh('2027-06-01 12:00:00')) WHERE stream = 'orders' AND work = 'store'), NULL,
	'but only once');

-- streams of a shop
SELECT ordersync_set_shop(1, '{"streams": ["after_sales"]}');
SELECT results_eq($$ SELECT stream FROM pg_temp.planned('full', pg_temp.sh('2026-09-01'), pg_temp.sh('2026-10-01')) $$,
	$$ VALUES ('after_sales'), ('special_refunds') $$, 'a shop can leave out a stream');
SELECT ordersync_set_shop(1, '{"streams": null}');

-- a run of it
DELETE FROM ordersync.coverage; DELETE FROM ordersync.sync_runs;
UPDATE ordersync.shops SET first_full_at = NULL, first_incremental_at = NULL;
UPDATE ordersync.gateways SET clock_offset = '-1 hour';
SELECT cmp_ok(ordersync.platform_now(1), '<', clock_timestamp() - interval '59 minutes', 'now is the platform''s');
SELECT is(date_trunc('second', ordersync.platform_now(1)), ordersync.platform_now(1), 'in whole seconds');
SELECT ordersync_set_gateway('taobao', '{"max_window": "12 hours"}');
CREATE TEMP TABLE run AS SELECT ordersync.make_run(1, 'full', pg_temp.sh('2026-11-01'), pg_temp.sh('2026-11-03'), pg_temp.sh('2026-11-10 12:00:00')) AS id;
SELECT is((SELECT count(*) FROM ordersync.sync_tasks t JOIN run ON run.id = t.run_id WHERE t.stream = 'orders' AND t.work = 'store'), 4::bigint,
	'the gateway''s longest window cuts a run''s days');
SELECT results_eq($$ SELECT r.state, r.open_tasks::bigint, r.kind, ordersync.format_range(r.since, r.until) FROM ordersync.sync_runs r JOIN run ON run.id = r.run_id $$,
	$$ SELECT 'pending', count(*), 'full', '2026-11-01 00:00:00 to 2026-11-03 00:00:00 Asia/Shanghai' FROM ordersync.sync_tasks t JOIN run ON run.id = t.run_id $$,
	'the run counts its tasks');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks t JOIN run ON run.id = t.run_id
	WHERE t.since <> date_trunc('second', t.since) OR t.until <> date_trunc('second', t.until) OR t.until <= t.since), 0::bigint,
	'windows are whole seconds');
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT 1, s, 'modified', tstzmultirange(tstzrange(pg_temp.sh('2026-10-01'), pg_temp.sh('2026-11-10 11:59:00'))) FROM unnest(ARRAY['orders', 'after_sales', 'special_refunds']) s;
INSERT INTO ordersync.coverage SELECT 1, 'orders', 'arrival', ranges FROM ordersync.coverage WHERE stream = 'orders';
INSERT INTO ordersync.type_counts (shop_id, stream, range, any_type, listed)
SELECT 1, s, tstzrange(pg_temp.sh('2026-11-03') + n * interval '1 day', pg_temp.sh('2026-11-03') + (n + 1) * interval '1 day'), 9, 9
FROM unnest(ARRAY['orders', 'after_sales', 'special_refunds']) s, generate_series(0, 6) n;
SELECT is((SELECT r.state FROM ordersync.sync_runs r
	WHERE r.run_id = ordersync.make_run(1, 'incremental', NULL, pg_temp.sh('2026-11-10 11:59:00'), pg_temp.sh('2026-11-10 12:00:00'))), NULL,
	'a run is not seen by the statement that makes it');
SELECT results_eq($$ SELECT state, open_tasks, finished_at IS NOT NULL FROM ordersync.sync_runs ORDER BY run_id DESC LIMIT 1 $$,
	$$ VALUES ('succeeded', 0, true) $$, 'a run with nothing to read has succeeded');
SELECT is((SELECT ordersync.format_time(first_incremental_at) FROM ordersync.shops WHERE shop_id = 1), '2026-11-10 12:00:00',
	'the first incremental run is remembered');
SELECT is(ordersync.make_run(1, 'incremental', NULL, pg_temp.sh('2027-06-01 11:59:00'), pg_temp.sh('2027-06-01 12:00:00')) IS NOT NULL, true, 'a run after half a year');
SELECT matches((SELECT ordersync.format_ranges(lost) FROM ordersync.sync_runs ORDER BY run_id DESC LIMIT 1),
	'^2026-11-10 11:59:00 to 2027-03-03 13:00:00', 'names what it lost');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id = (SELECT max(run_id) FROM ordersync.sync_runs) AND t.since < pg_temp.sh('2027-03-03 13:00:00')),
	0::bigint, 'and does not ask for it');

SELECT * FROM finish();
ROLLBACK;
