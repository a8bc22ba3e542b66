-- Settling as a worker does it, without worker or network: counters, cuts, coverage, counts, log, clock, the run's end.
BEGIN;
SELECT plan(57);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
UPDATE ordersync.shops SET key_state = 'ok';

-- one task in hand: hours of 2026-11-01 in Shanghai, [from, to)
CREATE FUNCTION pg_temp.at(hour integer) RETURNS timestamptz LANGUAGE sql AS $$
	SELECT '2026-11-01 00:00+08'::timestamptz + interval '1 hour' * hour $$;
CREATE FUNCTION pg_temp.s(hour integer) RETURNS bigint LANGUAGE sql AS $$ SELECT EXTRACT(epoch FROM pg_temp.at(hour))::bigint $$;
CREATE FUNCTION pg_temp.task(hour_from integer, hour_to integer, stream text DEFAULT 'orders', basis text DEFAULT 'modified', kind text DEFAULT 'incremental')
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint; t bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
	VALUES (1, kind, pg_temp.at(hour_from), pg_temp.at(hour_to), 1, 'running', now()) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, owner, token, attempt, claimed_at)
	VALUES (r, 1, stream, basis, pg_temp.at(hour_from), pg_temp.at(hour_to), 'running', 'alive', 42, 1, now()) RETURNING task_id INTO t;
	RETURN t;
END $$;
CREATE FUNCTION pg_temp.close(task bigint, verdict text, reported bigint, seen bigint, hour_from integer, hour_to integer, call jsonb DEFAULT NULL)
RETURNS boolean LANGUAGE sql AS $$
	SELECT ordersync.settle(task, 42, jsonb_build_object('state', CASE verdict WHEN 'short' THEN 'incomplete' ELSE 'succeeded' END, 'outcome', verdict, 'reported', reported, 'seen', seen, 'passes', 1, 'closed_since', CASE WHEN verdict <> 'fresh' THEN pg_temp.s(hour_from) END, 'closed_until', CASE WHEN verdict <> 'fresh' THEN pg_temp.s(hour_to) END, 'call', call)) $$;
CREATE FUNCTION pg_temp.covered(stream text DEFAULT 'orders', basis text DEFAULT 'modified') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s-%s', EXTRACT(epoch FROM lower(r) - pg_temp.at(0))::integer / 3600, EXTRACT(epoch FROM upper(r) - pg_temp.at(0))::integer / 3600), ' ' ORDER BY r)
	FROM ordersync.coverage c, unnest(c.ranges) r WHERE c.stream = covered.stream AND c.basis = covered.basis $$;
CREATE FUNCTION pg_temp.counts() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s-%s %s/%s %s', EXTRACT(epoch FROM lower(range) - pg_temp.at(0))::integer / 3600,
		EXTRACT(epoch FROM upper(range) - pg_temp.at(0))::integer / 3600, seen, reported, verdict), ', ' ORDER BY range)
	FROM ordersync.window_counts WHERE stream = 'orders' AND basis = 'modified' $$;
CREATE TEMP TABLE x (t bigint);

-- pages
INSERT INTO x SELECT pg_temp.task(0, 24);
SELECT is((SELECT ordersync.settle(t, 42, '{"state": "running", "walk": {"walk": "walk 1"}, "reported": 250, "seen": 100, "quarantined": 1, "passes": 1, "page_new": 90, "page_changed": 5, "page_unchanged": 4, "page_quarantined": 1, "call": {"method": "m"}}') FROM x), false, 'a page does not end the run');
SELECT results_eq($$ SELECT state, attempt, walk, calls, pages, records_new, records_changed, records_unchanged, records_quarantined, reported, seen, token
		FROM ordersync.sync_tasks JOIN x ON t = task_id $$,
	$$ VALUES ('running', 0, '{"walk": "walk 1"}'::jsonb, 1, 1, 90::bigint, 5::bigint, 4::bigint, 1::bigint, 250::bigint, 100::bigint, 42::bigint) $$,
	'it moves cursor and counters, and gives the attempts back');
SELECT is((SELECT ordersync.settle(t, 42, '{"state": "running", "walk": {"walk": "walk 2"}, "reported": 250, "seen": 200, "quarantined": 1, "passes": 1, "page_new": 100, "page_size": 50, "call": {"method": "m"}}') FROM x), false, 'the next page');
SELECT results_eq($$ SELECT walk, calls, pages, records_new, records_changed, page_size FROM ordersync.sync_tasks JOIN x ON t = task_id $$,
	$$ VALUES ('{"walk": "walk 2"}'::jsonb, 2, 2, 190::bigint, 5::bigint, 50) $$, 'adds up, and keeps a page size that shrank');
UPDATE ordersync.sync_tasks SET attempt = 3 WHERE task_id = (SELECT t FROM x);
SELECT ordersync.settle(t, 42, '{"state": "running", "walk": {"walk": "walk 2"}, "reported": 250, "seen": 200, "quarantined": 1, "passes": 1, "call": {"method": "m"}}') FROM x;
SELECT is((SELECT attempt FROM ordersync.sync_tasks JOIN x ON t = task_id), 3, 'a page that moves the walk nowhere gives no attempts back');
SELECT is(pg_temp.covered(), NULL, 'nothing is covered before the end');
SELECT throws_ok($$ SELECT ordersync.settle(t, 43, '{"state": "running", "walk": {"walk": "w"}, "reported": 1, "seen": 1, "passes": 1, "page_new": 1}') FROM x $$, 'OS001', NULL, 'another token settles nothing');
SELECT throws_ok($$ SELECT ordersync.settle(t, NULL, '{"state": "running", "walk": {"walk": "w"}, "reported": 1, "seen": 1, "passes": 1, "page_new": 1}') FROM x $$, 'OS001', NULL, 'nor none');
SELECT throws_ok($$ SELECT ordersync.settle(t, 42, '{"state": "failed", "walk": {"walk": "w"}, "reported": 1, "seen": 1, "passes": 1, "page_new": 1}') FROM x $$, 'P0001', NULL, 'a page is no failure');

-- the end
SELECT is((SELECT pg_temp.close(t, 'counted', 250, 250, 0, 24, '{"method": "m"}') FROM x), true, 'the last task ends the run');
SELECT results_eq($$ SELECT state, outcome, walk, owner, token, finished_at IS NOT NULL, reported, seen FROM ordersync.sync_tasks JOIN x ON t = task_id $$,
	$$ VALUES ('succeeded', 'counted', NULL::jsonb, NULL, NULL::bigint, true, 250::bigint, 250::bigint) $$, 'an ended task belongs to nobody');
SELECT results_eq($$ SELECT r.state, r.open_tasks, r.finished_at IS NOT NULL, r.message FROM ordersync.sync_runs r JOIN ordersync.sync_tasks USING (run_id) JOIN x ON t = task_id $$,
	$$ VALUES ('succeeded', 0, true, NULL) $$, 'the run has succeeded');
SELECT is(pg_temp.covered(), '0-24', 'the window is covered');
SELECT is(pg_temp.counts(), '0-24 250/250 counted', 'and its counts are kept');
SELECT throws_ok($$ SELECT pg_temp.close(t, 'counted', 250, 250, 0, 24) FROM x $$, 'OS001', NULL, 'it cannot be settled twice');

-- cuts
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(24, 48);
SELECT is((SELECT ordersync.settle(t, 42, jsonb_build_object('state', 'running', 'walk', '{"walk": "w"}'::jsonb, 'reported', 4000, 'seen', 100, 'passes', 1, 'page_new', 100, 'cuts', ARRAY[pg_temp.s(24), pg_temp.s(30), pg_temp.s(36), pg_temp.s(48)], 'call', '{"method": "m"}'::jsonb)) FROM x), false, 'a cut does not end the run');
SELECT results_eq($$ SELECT EXTRACT(epoch FROM since - pg_temp.at(0))::integer / 3600, EXTRACT(epoch FROM until - pg_temp.at(0))::integer / 3600, state, is_part, walk, reported, token
		FROM ordersync.sync_tasks WHERE run_id = (SELECT run_id FROM ordersync.sync_tasks JOIN x ON t = task_id) ORDER BY since $$,
	$$ VALUES (24, 30, 'pending', true, NULL::jsonb, NULL::bigint, NULL::bigint), (30, 36, 'pending', true, NULL, NULL, NULL), (36, 48, 'running', true, NULL, NULL, 42) $$,
	'the older parts are new tasks, the newest stays');
SELECT is((SELECT open_tasks FROM ordersync.sync_runs WHERE run_id = (SELECT run_id FROM ordersync.sync_tasks JOIN x ON t = task_id)), 3, 'the run counts them');
SELECT is((SELECT count(*) FROM ordersync.claim('alive', 10, 10) WHERE may_cut), 0::bigint, 'a part is not cut again');
SELECT is((SELECT pg_temp.close(t, 'counted', 10, 10, 36, 48) FROM x), false, 'one of three');
SELECT is(pg_temp.covered(), '0-24 36-48', 'only what was read is covered');
UPDATE ordersync.sync_tasks SET token = 42 WHERE state = 'running';
SELECT is((SELECT pg_temp.close(task_id, 'counted', 10, 10, 30, 36) FROM ordersync.sync_tasks WHERE since = pg_temp.at(30)), false, 'two of three');
SELECT is((SELECT pg_temp.close(task_id, 'unproven', NULL, 10, 24, 30) FROM ordersync.sync_tasks WHERE since = pg_temp.at(24)), true, 'three of three end the run');
SELECT is(pg_temp.covered(), '0-48', 'the parts add up; an unproven one is covered too');

-- other outcomes
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(48, 50);
SELECT is((SELECT pg_temp.close(t, 'fresh', 5, 5, 48, 50) FROM x), true, 'a fresh window is read once');
SELECT is(pg_temp.covered(), '0-48', 'and closes nothing');
SELECT is((SELECT r.state FROM ordersync.sync_runs r JOIN ordersync.sync_tasks USING (run_id) JOIN x ON t = task_id), 'succeeded', 'its run has succeeded');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(6, 12);
SELECT is((SELECT pg_temp.close(t, 'short', 60, 59, 6, 12) FROM x), true, 'a short window ends its task');
SELECT results_eq($$ SELECT k.state, k.error_class, k.error, r.state, r.message FROM ordersync.sync_tasks k JOIN x ON t = task_id JOIN ordersync.sync_runs r USING (run_id) $$,
	$$ VALUES ('incomplete', 'short', 'the platform counts 60 records, 59 were seen', 'incomplete', '1 of 1 windows are short') $$, 'as incomplete, and the run with it');
SELECT is(pg_temp.covered(), '0-6 12-48', 'what is known to be short is not covered any more');
SELECT is(ordersync.format_ranges((SELECT ranges FROM ordersync.plan(1, 'incremental', NULL, pg_temp.at(48), pg_temp.at(49)) WHERE stream = 'orders' AND work = 'store')),
	'2026-11-01 06:00:00 to 2026-11-01 12:00:00 Asia/Shanghai', 'so that the next run reads it anew');
SELECT is((SELECT verdict FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified' AND day = '2026-11-01'), 'short', 'and the day is short');

-- counts: a newer reading takes the place of what it contains
SELECT is(pg_temp.counts(), '0-24 250/250 counted, 6-12 59/60 short, 24-30 10/ unproven, 30-36 10/10 counted, 36-48 10/10 counted',
	'a part read anew stands beside the older whole');
SELECT pg_temp.close(pg_temp.task(6, 12), 'counted', 60, 60, 6, 12);
SELECT pg_temp.close(pg_temp.task(0, 6), 'counted', 40, 40, 0, 6);
SELECT is((SELECT seen FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified' AND day = '2026-11-01'), 250::bigint,
	'and is not counted twice');
SELECT pg_temp.close(pg_temp.task(12, 24), 'counted', 151, 151, 12, 24);
SELECT is(pg_temp.counts(), '0-6 40/40 counted, 6-12 60/60 counted, 12-24 151/151 counted, 24-30 10/ unproven, 30-36 10/10 counted, 36-48 10/10 counted',
	'parts that together contain it replace it');
SELECT pg_temp.close(pg_temp.task(0, 24), 'counted', 252, 252, 0, 24);
SELECT is(pg_temp.counts(), '0-24 252/252 counted, 24-30 10/ unproven, 30-36 10/10 counted, 36-48 10/10 counted', 'a whole replaces its parts');
SELECT results_eq($$ SELECT day, reported, seen, verdict, missing FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified' AND day <= '2026-11-03' ORDER BY day $$,
	$$ VALUES ('2026-11-01'::date, 252::bigint, 252::bigint, 'counted', '{}'::tstzmultirange), ('2026-11-02', 20, 30, 'unproven', '{}'),
		('2026-11-03', NULL, NULL, 'short', tstzmultirange(tstzrange(pg_temp.at(48), pg_temp.at(72)))) $$,
	'completeness by day');
SELECT is((SELECT orders_until FROM ordersync.shop_health), pg_temp.at(48), 'the shop is whole until the first hole');

-- streams and bases are apart
SELECT pg_temp.close(pg_temp.task(0, 24, 'after_sales'), 'counted', 3, 3, 0, 24);
SELECT pg_temp.close(pg_temp.task(0, 12, 'orders', 'created', 'full'), 'counted', 3, 3, 0, 12);
SELECT is(pg_temp.covered('after_sales'), '0-24', 'after-sales have coverage of their own');
SELECT is(pg_temp.covered('orders', 'created'), '0-12', 'creation too');
SELECT is(pg_temp.covered(), '0-48', 'modification is as it was');
SELECT pg_temp.close(pg_temp.task(3, 5), 'counted', 3, 3, 3, 3);
SELECT is(pg_temp.covered(), '0-48', 'an empty range closes nothing');

-- several tasks, some of which fail
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(60, 61);
UPDATE ordersync.sync_runs SET open_tasks = 2 WHERE run_id = (SELECT run_id FROM ordersync.sync_tasks JOIN x ON t = task_id);
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, owner, token)
SELECT run_id, 1, stream, basis, until, pg_temp.at(62), 'running', 'alive', 42 FROM ordersync.sync_tasks JOIN x ON t = task_id;
SELECT is((SELECT (ordersync.fail(max(task_id), 42, '{"verdict": "rejected", "class": "permission", "message": "no", "retry_ms": 0}')).state FROM ordersync.sync_tasks), 'failed', 'one fails');
SELECT is((SELECT pg_temp.close(t, 'counted', 1, 1, 60, 61) FROM x), true, 'the other ends the run');
SELECT results_eq($$ SELECT r.state, r.message FROM ordersync.sync_runs r JOIN ordersync.sync_tasks k USING (run_id) JOIN x ON t = k.task_id $$,
	$$ VALUES ('incomplete', '1 of 2 windows failed') $$, 'which is incomplete');

-- log, clock, the moment at which incremental runs begin
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(62, 63, 'orders', 'created', 'full');
UPDATE ordersync.shops SET first_full_at = NULL;
SELECT ordersync.settle(t, 42, jsonb_build_object('state', 'running', 'walk', '{"walk": "w"}'::jsonb, 'reported', 1, 'seen', 1, 'passes', 1, 'page_new', 1, 'clock_offset_ms', 1500, 'call', jsonb_build_object('method', 'taobao.trades.sold.get', 'window_since', pg_temp.s(62), 'window_until', pg_temp.s(63), 'page_no', 1, 'page_size', 100,
		'use_has_next', false, 'verdict', 'ok', 'http_status', 200, 'code', 0, 'request_id', 'abc', 'total_results', 1, 'has_next', NULL, 'records', 1, 'bytes', 12345,
		'started_at', pg_temp.s(64) * 1000 + 250, 'duration_ms', 17))) FROM x;
SELECT results_eq($$ SELECT shop_id, gateway, method, window_since, window_until, page_no, page_size, use_has_next, verdict, http_status, request_id, total_results, has_next,
		records, bytes, started_at, duration_ms, answer FROM ordersync.request_log WHERE task_id = (SELECT t FROM x) $$,
	$$ VALUES (1::bigint, 'taobao', 'taobao.trades.sold.get', pg_temp.at(62), pg_temp.at(63), 1, 100, false, 'ok', 200, 'abc', 1::bigint, NULL::boolean,
		1, 12345::bigint, pg_temp.at(64) + interval '0.25 seconds', 17, NULL) $$, 'a call leaves its row in the log');
SELECT is((SELECT clock_offset FROM ordersync.gateways), interval '1.5 seconds', 'the platform''s clock is kept');
SELECT is((SELECT first_full_at FROM ordersync.shops), pg_temp.at(64) + interval '1 second', 'the first call of a full run is where changes begin, by that clock');
SELECT ordersync.settle(t, 42, jsonb_build_object('state', 'running', 'walk', '{"walk": "w2"}'::jsonb, 'reported', 1, 'seen', 1, 'passes', 1, 'page_new', 1, 'clock_offset_ms', 2000, 'call', jsonb_build_object('method', 'm', 'window_since', 1, 'verdict', 'ok', 'started_at', pg_temp.s(65) * 1000))) FROM x;
SELECT is((SELECT clock_offset FROM ordersync.gateways), interval '1.5 seconds', 'not rewritten for less than a second');
SELECT is((SELECT first_full_at FROM ordersync.shops), pg_temp.at(64) + interval '1 second', 'later calls do not move it');
SELECT (ordersync.fail(t, 42, jsonb_build_object('verdict', 'retry', 'class', 'network', 'message', 'gone', 'retry_ms', 0, 'call', jsonb_build_object('method', 'm', 'window_since', 1, 'verdict', 'retry', 'started_at', pg_temp.s(63) * 1000)))).state FROM x;
SELECT is((SELECT first_full_at FROM ordersync.shops), pg_temp.at(63) + interval '1 second', 'an earlier one that comes home later does, even when it failed');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(63, 64);
SELECT ordersync.settle(t, 42, jsonb_build_object('state', 'running', 'walk', '{"walk": "w"}'::jsonb, 'reported', 1, 'seen', 1, 'passes', 1, 'page_new', 1, 'call', jsonb_build_object('method', 'm', 'window_since', 1, 'verdict', 'ok', 'started_at', pg_temp.s(1) * 1000))) FROM x;
SELECT is((SELECT first_full_at FROM ordersync.shops), pg_temp.at(63) + interval '1 second', 'calls of incremental runs say nothing about it');
SELECT is((SELECT count(*) FROM ordersync.request_log WHERE method = 'm'), (SELECT sum(calls) - 1 FROM ordersync.sync_tasks), 'every call counted is in the log');
SELECT is((SELECT ordersync.settle(t, 42, '{"state": "succeeded", "outcome": "fresh", "reported": 0, "seen": 0, "passes": 0}') FROM x), true, 'a window in the future is settled without a call');
SELECT results_eq($$ SELECT calls, pages FROM ordersync.sync_tasks JOIN x ON t = task_id $$, $$ VALUES (1, 1) $$, 'which counts as none');

-- a cancelled run
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(63, 64);
SELECT is((SELECT ordersync_cancel(run_id) FROM ordersync.sync_tasks JOIN x ON t = task_id), 1, 'a run is cancelled while a page is under way');
SELECT throws_ok($$ SELECT pg_temp.close(t, 'counted', 1, 1, 63, 64) FROM x $$, 'OS001', NULL, 'the page is not stored');

SELECT * FROM finish();
ROLLBACK;
