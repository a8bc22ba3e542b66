-- Orders of a type that no list asks for: when their days are counted again, and when these and later days are proven again.
BEGIN;
SELECT plan(18);
SET client_min_messages = error;
SET timezone = 'America/New_York';
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');

CREATE FUNCTION pg_temp.sh(text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT $1::timestamp AT TIME ZONE 'Asia/Shanghai' $$;
CREATE FUNCTION pg_temp.r(text, text) RETURNS tstzrange LANGUAGE sql AS $$ SELECT tstzrange(pg_temp.sh($1), pg_temp.sh($2)) $$;
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT 1, s, 'modified', tstzmultirange(pg_temp.r('2026-10-01', '2026-11-10 11:59:00')) FROM unnest(ARRAY['orders', 'after_sales', 'special_refunds']) s;

-- how many counts without types a run of that kind has, whose time is noon of November 10
CREATE FUNCTION pg_temp.counts(kind text, since timestamptz DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint := ordersync.make_run(1, kind, since, pg_temp.sh('2026-11-10 11:59:00'), pg_temp.sh('2026-11-10 12:00:00'));
BEGIN
	RETURN (SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id = r AND t.ext_type = 'any');
END $$;

-- six days of three lists that all differ: 18 counts
INSERT INTO ordersync.type_counts (shop_id, stream, range, any_type, listed, checked_at)
SELECT 1, s, tstzrange(ordersync_day(date '2026-11-04' + n), ordersync_day(date '2026-11-05' + n)), 9, 8, now() - interval '1 hour'
FROM unnest(ARRAY['orders', 'after_sales', 'special_refunds']) s, generate_series(0, 5) n;
SELECT is(pg_temp.counts('incremental'), 0::bigint, 'days that differ are not counted again by each incremental run');
SELECT is(pg_temp.counts('full', pg_temp.sh('2026-11-04')), 18::bigint, 'a full run counts them');
UPDATE ordersync.type_counts SET checked_at = now() - interval '25 hours';
SELECT is(pg_temp.counts('incremental'), 18::bigint, 'and an incremental run a day later');

-- a day in windows of six hours
DELETE FROM ordersync.type_counts;
SELECT ordersync_set_gateway('taobao', '{"max_window": "6 hours"}');
CREATE FUNCTION pg_temp.store(p_tid bigint, p_created timestamptz) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.orders (shop_id, tid, created, modified, status, type, line_count) VALUES (1, p_tid, p_created, p_created, 'TRADE_FINISHED', 'new_kind', 0);
	SELECT ordersync.record_unlisted_type(1, p_tid, NULL, NULL);
$$;
-- a count without types that finds what is stored
CREATE FUNCTION pg_temp.recount(since timestamptz, until timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE r bigint; t bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, started_at, open_tasks, links_due) VALUES (1, 'verify', since, until, 'running', now(), 2, false) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, ext_type, since, until, state, owner, token, attempt, claimed_at, began_at, is_part)
	VALUES (r, 1, 'orders', 'created', 'count', 'any', since, until, 'running', 'alive', 42, 1, clock_timestamp(), clock_timestamp(), true) RETURNING task_id INTO t;
	RETURN ordersync.settle_count(t, 42, (SELECT count(*) FROM ordersync.orders o WHERE o.created >= since AND o.created < until), NULL, NULL, NULL, '{"method": "m"}');
END $$;
CREATE FUNCTION pg_temp.noted() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(ordersync.format_range(lower(range), upper(range)) || ' ' || found::text, ', ' ORDER BY range) FROM ordersync.type_counts $$;
SELECT pg_temp.store(1, pg_temp.sh('2026-11-05 07:00:00'));
SELECT pg_temp.store(2, pg_temp.sh('2026-11-05 12:00:00'));
SELECT is(pg_temp.noted(), '2026-11-05 06:00:00 to 2026-11-05 12:00:00 Asia/Shanghai {new_kind}, 2026-11-05 12:00:00 to 2026-11-05 18:00:00 Asia/Shanghai {new_kind}',
	'a type is noted for the window that is counted');
SELECT pg_temp.recount(pg_temp.sh('2026-11-05 06:00:00'), pg_temp.sh('2026-11-05 12:00:00'));
SELECT is((SELECT string_agg(found::text, ' ' ORDER BY range) FROM ordersync.type_counts), '{new_kind} {new_kind}', 'a count does not take it back while no list asks for it');
SELECT ordersync_set_gateway('taobao', '{"types_add": ["new_kind"]}');
SELECT pg_temp.recount(pg_temp.sh('2026-11-05 06:00:00'), pg_temp.sh('2026-11-05 12:00:00'));
SELECT is((SELECT string_agg(found::text, ' ' ORDER BY range) FROM ordersync.type_counts), '{} {new_kind}', 'the next one does when the lists ask for it');

-- windows of another length
DELETE FROM ordersync.type_counts;
INSERT INTO ordersync.type_counts (shop_id, stream, range, any_type, listed, found, checked_at) VALUES
	(1, 'orders', pg_temp.r('2026-11-05', '2026-11-06'), 9, 8, '{new_kind}', now() - interval '1 hour'),
	(1, 'orders', pg_temp.r('2026-11-06', '2026-11-07'), 9, 8, '{new_kind}', now() - interval '1 hour'),
	(1, 'special_refunds', pg_temp.r('2026-11-05', '2026-11-06'), 9, 8, '{}', now() - interval '1 hour');
SELECT pg_temp.recount(pg_temp.sh('2026-11-05') + n * interval '6 hours', pg_temp.sh('2026-11-05') + (n + 1) * interval '6 hours') FROM generate_series(0, 2) n;
SELECT is((SELECT count(*) FROM ordersync.type_counts WHERE any_type > listed), 3::bigint, 'a day that was counted in part keeps its count');
SELECT pg_temp.recount(pg_temp.sh('2026-11-05 18:00:00'), pg_temp.sh('2026-11-06'));
SELECT results_eq($$ SELECT stream, ordersync.format_range(lower(range), upper(range)) FROM ordersync.type_counts WHERE any_type > listed OR found <> '{}' ORDER BY 1, 2 $$,
	$$ VALUES ('orders', '2026-11-06 00:00:00 to 2026-11-07 00:00:00 Asia/Shanghai'), ('special_refunds', '2026-11-05 00:00:00 to 2026-11-06 00:00:00 Asia/Shanghai') $$,
	'counted in all its parts it loses it, another day and list do not');
SELECT is((SELECT count(*) FROM ordersync.type_counts), 6::bigint, 'the parts stay');
SELECT pg_temp.recount(pg_temp.sh('2026-11-05'), pg_temp.sh('2026-11-06'));
SELECT is((SELECT string_agg(ordersync.format_range(lower(range), upper(range)), ' ') FROM ordersync.type_counts WHERE stream = 'orders' AND found = '{}'),
	'2026-11-05 00:00:00 to 2026-11-06 00:00:00 Asia/Shanghai', 'the whole day replaces its parts');

-- a day that the lists have let go of
DELETE FROM ordersync.type_counts;
DELETE FROM ordersync.orders;
SELECT ordersync_set_gateway('taobao', '{"types_add": null, "max_window": null}');
DELETE FROM ordersync.coverage;
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT 1, 'orders', b, tstzmultirange(tstzrange(ordersync_day(ordersync_today() - 99), now() + interval '1 hour')) FROM unnest(ARRAY['modified', 'arrival']) b;
CREATE FUNCTION pg_temp.proven(OUT own_day boolean, OUT later bigint) LANGUAGE sql AS $$
	SELECT bool_or(c.verdict = 'proven') FILTER (WHERE c.day = ordersync_today() - 95),
		count(*) FILTER (WHERE c.verdict = 'proven' AND c.day > ordersync_today() - 95)
	FROM ordersync.completeness c
	WHERE c.stream = 'orders'
		AND c.basis = 'modified'
		AND c.day < ordersync_today() $$;
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (true, 94::bigint)', '95 days of which nothing is said are proven');
SELECT pg_temp.store(3, ordersync_day(ordersync_today() - 95) + interval '7 hours');
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (false, 0::bigint)', 'an order of a type that no list asks for may have changed on any of them');
SELECT ordersync_set_gateway('taobao', '{"types_add": ["another_kind"]}');
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (false, 0::bigint)', 'another type does not help');
SELECT ordersync_set_gateway('taobao', '{"types_add": ["another_kind", "new_kind"]}');
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (false, 94::bigint)', 'with the type added the later days are proven, its own is not');
CREATE FUNCTION pg_temp.full_run(first_day integer, last_day integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state) VALUES (1, 'full', ordersync_day(ordersync_today() - first_day), ordersync_day(ordersync_today() - last_day), 'running')
	RETURNING run_id INTO r;
	PERFORM ordersync.end_run(r);
END $$;
SELECT pg_temp.full_run(94, 1);
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (false, 94::bigint)', 'a full run over other days says nothing of it');
SELECT pg_temp.full_run(95, 1);
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (true, 94::bigint)', 'one over its day does');
-- a day that the lists still have waits for its count
DELETE FROM ordersync.orders;
DELETE FROM ordersync.type_counts;
INSERT INTO ordersync.type_counts (shop_id, stream, range, any_type, listed, found)
SELECT 1, 'orders', tstzrange(ordersync_day(ordersync_today() - 80), ordersync_day(ordersync_today() - 79)), 9, 8, '{new_kind}';
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (true, 14::bigint)', 'a day that the lists still have is counted again first');
SELECT pg_temp.recount(ordersync_day(ordersync_today() - 80), ordersync_day(ordersync_today() - 79));
SELECT results_eq('SELECT * FROM pg_temp.proven()', 'VALUES (true, 94::bigint)', 'and then all days are proven');

SELECT * FROM finish();
ROLLBACK;
