-- What the clean-up removes, and what it must not: whatever decides or proves something is still there afterwards.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;
SET TIME ZONE 'UTC';
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state)
SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok' FROM generate_series(1, 9) n;

-- the settings: by the server's units, 0 for ever, nothing shorter than a day
SELECT is(current_setting('ordersync.keep_log') || ' ' || current_setting('ordersync.keep_runs') || ' ' || current_setting('ordersync.keep_changes') || ' ' || current_setting('ordersync.keep_quarantine'),
	'30d 90d 0 90d', 'the defaults');

-- everything is done, however long it takes
CREATE FUNCTION pg_temp.clean() RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text;
BEGIN
	UPDATE ordersync.clean_ups SET begun_at = now(), next_try_at = NULL WHERE shop_id = 0;
	FOR i IN 1 .. 1000 LOOP
		v := ordersync.clean_up();
		EXIT WHEN v <> 'more';
	END LOOP;
	RETURN v || COALESCE((SELECT string_agg(': ' || message, '') FROM ordersync.clean_ups), '');
END $$;
-- a run that was asked for so many days ago and took an hour, with tasks in these states
CREATE TABLE runs (name text, run_id bigint);
CREATE FUNCTION pg_temp.run(p_name text, p_shop bigint, p_kind text, p_days integer, p_state text, p_tasks text[], p_since timestamptz DEFAULT '2026-01-05 00:00+08')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE v bigint; t timestamptz := now() - make_interval(days => p_days); active boolean := p_state IN ('pending', 'running');
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, requested_at, started_at, finished_at, lot, open_tasks)
	VALUES (p_shop, p_kind, p_since, p_since + '1 day', p_state, t, t, CASE WHEN NOT active THEN t + '1 hour' END, CASE WHEN active THEN 0.5 END, active::integer)
	RETURNING run_id INTO v;
	INSERT INTO runs VALUES (p_name, v);
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, made_at, finished_at, error_class, error)
	SELECT v, p_shop, 'orders', 'modified', p_since + (n - 1) * interval '1 hour', p_since + n * interval '1 hour', s, t,
		CASE WHEN s NOT IN ('pending', 'running') THEN t + '1 hour' END, CASE WHEN s IN ('failed', 'incomplete') THEN 'timeout' END, 'too slow'
	FROM unnest(p_tasks) WITH ORDINALITY u (s, n);
END $$;
CREATE FUNCTION pg_temp.left_runs() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(name, ' ' ORDER BY r.run_id) FROM runs r JOIN ordersync.sync_runs s USING (run_id) $$;
CREATE FUNCTION pg_temp.tasks_of(p_name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM runs r JOIN ordersync.sync_tasks t USING (run_id) WHERE r.name = p_name $$;

-- shop 1: of each kind the last run that ended, and the last that succeeded, stay; what has not ended stays
SELECT pg_temp.run('old', 1, 'incremental', 200, 'succeeded', '{succeeded,succeeded}');
SELECT pg_temp.run('active', 1, 'full', 199, 'pending', '{pending}');
SELECT pg_temp.run('full', 1, 'full', 198, 'succeeded', '{succeeded}');
SELECT pg_temp.run('cancelled', 1, 'incremental', 197, 'cancelled', '{cancelled}');
SELECT pg_temp.run('good', 1, 'incremental', 196, 'succeeded', '{succeeded}');
SELECT pg_temp.run('cancelled2', 1, 'incremental', 195, 'cancelled', '{cancelled}');
SELECT pg_temp.run('cancelled3', 1, 'incremental', 194, 'cancelled', '{cancelled}');
-- shop 2: young ones stay
SELECT pg_temp.run('91', 2, 'incremental', 91, 'succeeded', '{succeeded}');
SELECT pg_temp.run('89', 2, 'incremental', 89, 'succeeded', '{succeeded}');
SELECT pg_temp.run('88', 2, 'incremental', 88, 'succeeded', '{succeeded}');
SELECT is(pg_temp.clean(), 'done', 'the clean-up comes to its end');
SELECT is(pg_temp.left_runs(), 'active full good cancelled3 89 88', 'the last run of a kind, the last that succeeded, what is young and what has not ended stay');
SELECT is(pg_temp.tasks_of('old'), 0::bigint, 'tasks go with their run');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks t WHERE NOT EXISTS (SELECT FROM ordersync.sync_runs r WHERE r.run_id = t.run_id)), 0::bigint, 'no task is left without one');
SELECT is((SELECT count(*) FROM ordersync.clean_ups WHERE done_at IS NOT NULL AND begun_at IS NULL), 8::bigint, 'all parts are done');
SELECT is(ordersync.clean_up(), 'done', 'again on the same day');
SELECT is((SELECT rows_removed FROM ordersync.clean_ups WHERE name = 'runs'), 9::bigint, 'nothing more: four runs and their five tasks were removed');

-- shop 3: a hole. Its run stays whole, until the window is covered
SELECT pg_temp.run('hole', 3, 'incremental', 200, 'incomplete', '{succeeded,failed,succeeded}');
SELECT pg_temp.run('after', 3, 'incremental', 100, 'succeeded', '{succeeded}', '2026-01-09 00:00+08');
SELECT pg_temp.run('last', 3, 'incremental', 99, 'succeeded', '{succeeded}', '2026-01-10 00:00+08');
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
VALUES (3, 'orders', 'modified', '{[2026-01-05 00:00+08,2026-01-05 01:00+08),[2026-01-05 02:00+08,2026-01-11 00:00+08)}');
SELECT pg_temp.clean();
SELECT is(pg_temp.tasks_of('hole') || ' ' || pg_temp.tasks_of('after'), '3 0', 'the run of a hole stays with all of its tasks');
SELECT results_eq($$SELECT since FROM ordersync.failed_tasks WHERE shop_id = 3$$, $$VALUES ('2026-01-05 01:00+08'::timestamptz)$$, 'failed_tasks shows it');
SELECT results_eq($$SELECT windows_done, windows_total FROM ordersync.run_progress WHERE run_id = (SELECT run_id FROM runs WHERE name = 'hole')$$, $$VALUES (3::bigint, 3::bigint)$$, 'and run_progress all of it');
SELECT is(ordersync_retry(run_id), 1, 'it can be tried again') FROM runs WHERE name = 'hole';
SELECT pg_temp.clean();
SELECT is(pg_temp.tasks_of('hole'), 3::bigint, 'while it is tried it stays');
UPDATE ordersync.sync_tasks SET state = 'failed', finished_at = now() - interval '120 days' WHERE run_id = (SELECT run_id FROM runs WHERE name = 'hole') AND state = 'pending';
UPDATE ordersync.sync_runs SET state = 'incomplete', finished_at = now() - interval '120 days', lot = NULL, open_tasks = 0 WHERE run_id = (SELECT run_id FROM runs WHERE name = 'hole');
UPDATE ordersync.coverage SET ranges = '{[2026-01-05 00:00+08,2026-01-11 00:00+08)}' WHERE shop_id = 3;
SELECT pg_temp.clean();
SELECT is(pg_temp.left_runs(), 'active full good cancelled3 89 88 last', 'when a later run has read it, its run goes');

-- shop 4: a hole that each run meets again: the last one tells it for all
SELECT pg_temp.run('fails' || n, 4, 'incremental', 200 - n, 'failed', '{failed,failed}') FROM generate_series(1, 30) n;
SELECT pg_temp.run('passes', 4, 'incremental', 120, 'succeeded', '{succeeded}', '2026-01-09 00:00+08');
SELECT pg_temp.run('passes too', 4, 'incremental', 119, 'succeeded', '{succeeded}', '2026-01-09 00:00+08');
SELECT pg_temp.clean();
SELECT is((SELECT string_agg(name, ' ') FROM runs r JOIN ordersync.sync_runs s USING (run_id) WHERE s.shop_id = 4), 'fails30 passes too', 'of thirty runs that failed alike the last is kept');
SELECT is((SELECT count(*) FROM ordersync.failed_tasks WHERE shop_id = 4), 2::bigint, 'with its two holes');

-- shop 5: records that were to be fetched
SELECT pg_temp.run('fetch', 5, 'order', 200, 'failed', '{failed}');
SELECT pg_temp.run('fetch later', 5, 'order', 150, 'succeeded', '{succeeded}');
SELECT pg_temp.run('fetch last', 5, 'order', 149, 'succeeded', '{succeeded}');
UPDATE ordersync.sync_tasks SET stream = 'details', details_of = 'orders', ids = '{71,72}', reason = 'order' WHERE run_id = (SELECT run_id FROM runs WHERE name = 'fetch');
SELECT pg_temp.clean();
SELECT is(pg_temp.tasks_of('fetch'), 1::bigint, 'an order that was asked for and never came: its run stays');
INSERT INTO ordersync.lookups (shop_id, stream, record_id, served, asked_at) VALUES (5, 'orders', 71, true, now() - interval '100 days'), (5, 'orders', 72, true, now() - interval '201 days');
SELECT pg_temp.clean();
SELECT is(pg_temp.tasks_of('fetch'), 1::bigint, 'while one of them was not asked for since');
UPDATE ordersync.lookups SET asked_at = now() - interval '100 days' WHERE shop_id = 5 AND record_id = 72;
SELECT pg_temp.clean();
SELECT is(pg_temp.tasks_of('fetch'), 0::bigint, 'and goes when both came by another way');

-- shop 6: a verify that found a difference, which nobody has counted since; its window is covered from before
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (6, 'orders', 'created', '{[2026-01-01 00:00+08,2026-02-01 00:00+08)}'), (6, 'orders', 'modified', '{[2026-01-01 00:00+08,2026-02-01 00:00+08)}');
SELECT pg_temp.run('verify', 6, 'verify', 200, 'failed', '{failed}');
SELECT pg_temp.run('verify later', 6, 'verify', 150, 'succeeded', '{succeeded}', '2026-01-20 00:00+08');
SELECT pg_temp.run('verify last', 6, 'verify', 149, 'succeeded', '{succeeded}', '2026-01-20 00:00+08');
UPDATE ordersync.sync_tasks SET basis = 'created', reason = 'verify' WHERE run_id = (SELECT run_id FROM runs WHERE name = 'verify');
INSERT INTO ordersync.verified_counts (shop_id, stream, basis, range, reported, stored, run_id)
SELECT 6, 'orders', 'created', '[2026-01-05 00:00+08,2026-01-06 00:00+08)', 7, 5, run_id FROM runs WHERE name = 'verify';
SELECT pg_temp.clean();
SELECT is(pg_temp.tasks_of('verify'), 1::bigint, 'a verify whose repair failed stays');
UPDATE ordersync.verified_counts SET stored = 7, run_id = (SELECT run_id FROM runs WHERE name = 'verify last') WHERE shop_id = 6;
SELECT pg_temp.clean();
SELECT is(pg_temp.tasks_of('verify'), 0::bigint, 'until the day was counted again');

-- shop 7: what a run found lost is not found lost again when the run is gone
UPDATE ordersync.gateways SET clock_offset = '0';
SELECT pg_temp.run('lost', 7, 'incremental', 200, 'incomplete', '{succeeded}');
UPDATE ordersync.sync_runs SET lost = tstzmultirange(tstzrange(date_trunc('day', now()) - interval '400 days', date_trunc('day', now()) - interval '300 days')) WHERE run_id = (SELECT run_id FROM runs WHERE name = 'lost');
SELECT pg_temp.run('lost2', 7, 'incremental', 199, 'incomplete', '{succeeded}');
UPDATE ordersync.sync_runs SET lost = tstzmultirange(tstzrange(date_trunc('day', now()) - interval '300 days', date_trunc('day', now()) - interval '200 days')) WHERE run_id = (SELECT run_id FROM runs WHERE name = 'lost2');
SELECT pg_temp.run('found', 7, 'incremental', 150, 'succeeded', '{succeeded}');
UPDATE ordersync.shops SET first_incremental_at = now() - interval '400 days' WHERE shop_id = 7;
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT 7, s, 'modified', tstzmultirange(tstzrange(date_trunc('day', now()) - interval '200 days', now() - interval '1 hour'))
	+ tstzmultirange(tstzrange(date_trunc('day', now()) - interval '410 days', date_trunc('day', now()) - interval '400 days'))
FROM unnest('{orders,after_sales,special_refunds}'::text[]) s;
CREATE FUNCTION pg_temp.lost_again() RETURNS tstzmultirange LANGUAGE sql AS $$
	SELECT range_agg(l) FROM ordersync.plan(7, 'incremental', NULL, now(), now()) p, unnest(p.lost) l $$;
SELECT is(pg_temp.lost_again(), NULL, 'what was lost is known');
SELECT pg_temp.clean();
SELECT is((SELECT count(*) FROM ordersync.sync_runs WHERE shop_id = 7), 1::bigint, 'the runs that found it are gone');
SELECT is((SELECT ranges = tstzmultirange(tstzrange(date_trunc('day', now()) - interval '400 days', date_trunc('day', now()) - interval '200 days')) FROM ordersync.lost_ranges WHERE shop_id = 7), true, 'and what they found is kept');
SELECT is(pg_temp.lost_again(), NULL, 'so no later run finds it lost again');

-- a shop that cannot be read, and is triggered all the same: what has waited for a day goes for the last run, if that reads all of it
SELECT pg_temp.run('waits' || n, 8, 'incremental', 3 - n, 'pending', array_fill('pending'::text, ARRAY[5 + n])) FROM generate_series(0, 3) n;
SELECT pg_temp.run('elsewhere', 8, 'incremental', 2, 'pending', '{pending,pending}', '2026-01-04 23:00+08');
SELECT pg_temp.run('last to wait', 8, 'incremental', 0, 'pending', array_fill('pending'::text, ARRAY[12]));
UPDATE ordersync.sync_tasks t SET since = t.since + d, until = t.until + d FROM (SELECT date_trunc('hour', now()) - interval '10 days' - '2026-01-05 00:00+08'::timestamptz AS d) d WHERE t.shop_id = 8;
UPDATE ordersync.sync_runs r SET started_at = NULL, open_tasks = (SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id = r.run_id) WHERE r.shop_id = 8;
SELECT pg_temp.clean();
SELECT results_eq($$SELECT name, state, open_tasks, (SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id = r.run_id), lot IS NULL FROM ordersync.sync_runs r JOIN runs USING (run_id) WHERE shop_id = 8 ORDER BY run_id$$,
	$$VALUES ('waits0', 'cancelled', 0, 0::bigint, true), ('waits1', 'cancelled', 0, 0, true), ('waits2', 'pending', 7, 7, false), ('waits3', 'pending', 8, 8, false), ('elsewhere', 'pending', 2, 2, false), ('last to wait', 'pending', 12, 12, false)$$,
	'those of the last day stay, and one with a window that the last does not read');
SELECT matches((SELECT message FROM ordersync.sync_runs JOIN runs USING (run_id) WHERE name = 'waits0'), '^it had not begun in a day, and run [0-9]+ reads all of it$', 'it says why');
SELECT is((SELECT runs_cancelled FROM ordersync.shop_totals WHERE shop_id = 8), 2::bigint, 'they count as cancelled, as any other');
UPDATE ordersync.sync_runs SET started_at = now() WHERE shop_id = 8 AND state = 'pending';
DELETE FROM ordersync.sync_tasks WHERE shop_id = 8;
DELETE FROM ordersync.sync_runs WHERE shop_id = 8;

-- many tasks: a little at a time, and the run last
SELECT pg_temp.run('large', 8, 'full', 200, 'succeeded', array_fill('succeeded'::text, ARRAY[5000]));
SELECT pg_temp.run('small', 8, 'full', 150, 'succeeded', '{succeeded}');
SELECT is((ordersync.remove_old_runs((SELECT run_id - 1 FROM runs WHERE name = 'large'), now() - interval '90 days')).removed, 2000::bigint, 'two thousand tasks at once');
SELECT is(pg_temp.tasks_of('large'), 3000::bigint, 'the others after that');
SELECT is((SELECT count(*) FROM ordersync.sync_runs JOIN runs USING (run_id) WHERE name = 'large'), 1::bigint, 'while the run is there');
SELECT pg_temp.clean();
SELECT is((SELECT string_agg(name, ' ') FROM ordersync.sync_runs JOIN runs USING (run_id) WHERE shop_id = 8), 'small', 'all of it');

-- what is looked at only keeps no run
SELECT pg_temp.run('look' || n, 9, 'incremental', 200 - n, 'incomplete', '{failed}') FROM generate_series(1, 4) n;
SELECT pg_temp.run('looked', 9, 'incremental', 100, 'succeeded', '{succeeded}');
UPDATE ordersync.sync_tasks SET ext_type = 'any', work = 'count' WHERE run_id = (SELECT run_id FROM runs WHERE name = 'look1');
UPDATE ordersync.sync_tasks SET work = 'count' WHERE run_id = (SELECT run_id FROM runs WHERE name = 'look2');
UPDATE ordersync.sync_tasks SET reason = 'open', history = true, basis = 'created', fresh = true WHERE run_id = (SELECT run_id FROM runs WHERE name = 'look3');
UPDATE ordersync.sync_tasks SET reason = 'key', until = since WHERE run_id = (SELECT run_id FROM runs WHERE name = 'look4');
SELECT pg_temp.clean();
SELECT is((SELECT string_agg(name, ' ') FROM ordersync.sync_runs JOIN runs USING (run_id) WHERE shop_id = 9), 'looked', 'counts, searches of the history and key checks');

-- the views of shops read nothing that was removed
SELECT results_eq($$SELECT shop_id, last_kind, last_state, last_error_class FROM ordersync.shop_health WHERE shop_id IN (1, 4) ORDER BY 1$$,
	$$VALUES (1::bigint, 'incremental', 'cancelled', NULL), (4, 'incremental', 'succeeded', 'timeout')$$, 'the last run and the last error');

-- quarantine: resolved entries go, open ones stay; what is refused can still be tried again
INSERT INTO ordersync.quarantine (shop_id, stream, record_id, reason, digest, received_at, resolved_at, modified) VALUES
	(1, 'orders', 1, 'value', '\x01', now() - interval '300 days', now() - interval '91 days', now()),
	(1, 'orders', 2, 'value', '\x02', now() - interval '300 days', now() - interval '89 days', now()),
	(1, 'orders', 3, 'refused', '\x03', now() - interval '300 days', NULL, now());
SELECT pg_temp.clean();
SELECT results_eq('SELECT record_id FROM ordersync.quarantine ORDER BY 1', 'VALUES (2::bigint), (3)', 'entries that were resolved ninety days ago are removed, open ones never');
SELECT is(ordersync.is_refused(1, 'orders', 3, '-infinity'), true, 'what is refused is known');

-- the request log: whole days; and rows that came without a partition
SELECT is((SELECT count(*) FROM ordersync.log_partitions()), 8::bigint, 'a week ahead');
CREATE FUNCTION pg_temp.day_of_log(p_days integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE d date := (now() AT TIME ZONE 'Asia/Shanghai')::date - p_days;
BEGIN
	EXECUTE format('CREATE TABLE ordersync.request_log_%s PARTITION OF ordersync.request_log FOR VALUES FROM (%L) TO (%L)', to_char(d, 'YYYYMMDD'), ordersync_day(d), ordersync_day(d + 1));
	EXECUTE format('ALTER TABLE ordersync.request_log_%s OWNER TO pg_database_owner', to_char(d, 'YYYYMMDD'));
	INSERT INTO ordersync.request_log (logged_at, shop_id) VALUES (ordersync_day(d) + interval '12 hours', 1);
END $$;
SELECT pg_temp.day_of_log(n) FROM unnest('{40,32,31,30,29,1}'::integer[]) n;
INSERT INTO ordersync.request_log (logged_at, shop_id) SELECT now() - make_interval(days => n), 1 FROM unnest('{50,50,20}'::integer[]) n;
SELECT is((SELECT count(*) FROM ordersync.request_log_rest), 3::bigint, 'three rows have no day');
UPDATE ordersync.clean_ups SET begun_at = now();
SELECT is(ordersync.clean_up('1 minute'), 'more', 'first what has no day, which needs no lock');
SELECT is(ordersync.clean_up('1 minute'), 'more', 'a call that has dropped a day is over: the log is free again');
SELECT is((SELECT count(*) FROM ordersync.log_partitions()), 13::bigint, 'one day was dropped');
SELECT is(pg_temp.clean(), 'done', 'cleaned up');
SELECT results_eq($$SELECT (logged_at AT TIME ZONE 'Asia/Shanghai')::date - (now() AT TIME ZONE 'Asia/Shanghai')::date FROM ordersync.request_log ORDER BY 1$$,
	'VALUES (-30), (-29), (-20), (-1)', 'days that were over thirty days ago are gone, and rows of the rest as old as that');
SELECT is((SELECT count(*) FROM ordersync.log_partitions()), 11::bigint, 'with their partitions');
SELECT is((SELECT relreplident FROM pg_class WHERE oid = 'ordersync.request_log_rest'::regclass), 'f', 'under a publication rows of the rest can be deleted');

-- a view of somebody's on a day: the other days go, and it is told
INSERT INTO ordersync.request_log (logged_at, shop_id) VALUES (now() - interval '50 days', 1);
SELECT pg_temp.day_of_log(45), pg_temp.day_of_log(44);
DO $$ BEGIN EXECUTE format('CREATE VIEW mine AS SELECT * FROM ordersync.request_log_%s', to_char((now() AT TIME ZONE 'Asia/Shanghai')::date - 45, 'YYYYMMDD')); END $$;
SELECT matches(pg_temp.clean(), '^done: cannot drop table .* because other objects depend on it$', 'what cannot be dropped is told');
SELECT is((SELECT count(*) FROM ordersync.log_partitions()), 12::bigint, 'and the other day is gone');
SELECT is((SELECT count(*) FROM ordersync.request_log_rest WHERE logged_at < now() - interval '40 days'), 0::bigint, 'and rows that have no day');
SELECT matches((SELECT detail FROM ordersync.check_health_storage() WHERE check_name = 'clean-up' AND NOT ok), 'log: cannot drop table', 'the doctor says so');
DROP VIEW mine;
SELECT is(pg_temp.clean(), 'done', 'without it');

-- by 0 everything is kept
SELECT is(ordersync.clean_up_once(n, '0'), false, n || ': kept for ever') FROM unnest('{log,runs,quarantine,changes}'::text[]) n;

SELECT * FROM finish();
ROLLBACK;
