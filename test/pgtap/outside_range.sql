-- A window whose list had records from outside its range: covered, unproven, told, and proven by a later reading; without worker or network.
BEGIN;
SELECT plan(24);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
UPDATE ordersync.shops SET key_state = 'ok';

-- hours of a day of Shanghai that has settled
CREATE FUNCTION pg_temp.at(hour integer) RETURNS timestamptz LANGUAGE sql AS $$ SELECT ordersync_day(ordersync_today() - 10) + interval '1 hour' * hour $$;
CREATE FUNCTION pg_temp.s(hour integer) RETURNS bigint LANGUAGE sql AS $$ SELECT EXTRACT(epoch FROM pg_temp.at(hour))::bigint $$;
CREATE FUNCTION pg_temp.hours(r tstzmultirange) RETURNS text LANGUAGE sql AS $$
	SELECT COALESCE(string_agg(format('%s-%s', EXTRACT(epoch FROM lower(x) - pg_temp.at(0))::integer / 3600, EXTRACT(epoch FROM upper(x) - pg_temp.at(0))::integer / 3600), ' ' ORDER BY x), '')
	FROM unnest(r) x $$;
-- reads hours of a list in a run of its own; returns the run
CREATE FUNCTION pg_temp.read(hour_from integer, hour_to integer, settlement jsonb, basis text DEFAULT 'modified', kind text DEFAULT 'incremental')
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint; t bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
	VALUES (1, kind, pg_temp.at(hour_from), pg_temp.at(hour_to), 1, 'running', clock_timestamp()) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, since, until, state, owner, token, attempt, claimed_at, began_at)
	VALUES (r, 1, 'orders', basis, CASE basis WHEN 'arrival' THEN 'check' ELSE 'store' END, pg_temp.at(hour_from), pg_temp.at(hour_to), 'running', 'alive', 42, 1,
		clock_timestamp(), clock_timestamp()) RETURNING task_id INTO t;
	PERFORM ordersync.settle(t, 42, '{"passes": 1, "quarantined": 0, "call": {"method": "m"}}' || settlement
		|| jsonb_build_object('closed_since', pg_temp.s(hour_from), 'closed_until', pg_temp.s(hour_to)));
	RETURN r;
END $$;
CREATE FUNCTION pg_temp.sound(n integer) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('state', 'succeeded', 'outcome', 'counted', 'reported', n, 'seen', n) $$;
CREATE FUNCTION pg_temp.unproven(n integer, outside integer) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('state', 'incomplete', 'outcome', 'unproven', 'class', 'range', 'reported', n + outside, 'seen', n, 'outside', outside) $$;
CREATE TEMP TABLE runs (name text, run bigint);

INSERT INTO runs VALUES ('dirty', pg_temp.read(0, 12, pg_temp.unproven(7, 2))), ('clean', pg_temp.read(12, 24, pg_temp.sound(5))), ('arrivals', pg_temp.read(0, 26, pg_temp.sound(12), 'arrival'));
SELECT results_eq($$ SELECT state, outcome, error_class, error FROM ordersync.sync_tasks JOIN runs ON run = run_id WHERE name = 'dirty' $$,
	$$ VALUES ('incomplete', 'unproven', 'range', 'the platform lists records (2) outside the range that it was asked for; in the range 7 were seen, it counts 9') $$, 'the task says what was listed');
SELECT results_eq($$ SELECT state, message FROM ordersync.sync_runs JOIN runs ON run = run_id WHERE name = 'dirty' $$,
	$$ VALUES ('incomplete', '1 of 1 windows are unproven: the lists do not keep to their range') $$, 'so does the run');
SELECT is((SELECT successes -> 'incremental' ->> 'run_id' FROM ordersync.shop_totals), (SELECT max(run)::text FROM runs), 'all of the windows were read: the shop is not behind');
SELECT is((SELECT pg_temp.hours(ranges) || ', unproven ' || pg_temp.hours(unproven) FROM ordersync.coverage WHERE basis = 'modified'), '0-24, unproven 0-12', 'it is covered, and unproven');
SELECT results_eq($$ SELECT reported, seen, outside, verdict FROM ordersync.window_counts WHERE basis = 'modified' ORDER BY range $$,
	$$ VALUES (9::bigint, 7::bigint, 2::bigint, 'unproven'), (5, 5, 0, 'counted') $$, 'the counts of its window have the records from outside');
SELECT is((SELECT pg_temp.hours(ranges) FROM ordersync.proven_ranges), '12-24', 'no proven range has it');
SELECT results_eq($$ SELECT verdict, reported, seen, reason FROM ordersync.completeness WHERE basis = 'modified' AND day = ordersync_today() - 10 $$,
	$$ VALUES ('unproven', 14::bigint, 12::bigint, 'the platform lists records outside the range that it is asked for') $$, 'nor is its day proven');
SELECT results_eq($$ SELECT class, error_class, covered, hint ~ 'nothing is known to be missing', what_to_do FROM ordersync.failed_tasks $$,
	$$ SELECT 'malformed', 'range', false, true, format('SELECT ordersync_retry(%s)', run) FROM runs WHERE name = 'dirty' $$, 'failed tasks say what to do');
SELECT is((SELECT last_error_class FROM ordersync.shop_health), 'range', 'shop_health has the class');
SELECT is((SELECT pg_temp.hours(u.ranges * tstzmultirange(tstzrange(pg_temp.at(0), pg_temp.at(24)))) FROM ordersync.uncovered(1, 'orders', 'modified', pg_temp.at(24), now()) u (ranges)), '', 'no plan reads it again');
SELECT is((SELECT count(*) FROM ordersync.runs_with_open_failures(ARRAY(SELECT run FROM runs))), 0::bigint, 'nor does it keep its run for ever');

-- read again, and unproven again: the newer task tells it
INSERT INTO runs VALUES ('again', pg_temp.read(0, 12, pg_temp.unproven(7, 1)));
SELECT results_eq($$ SELECT name, covered FROM ordersync.failed_tasks JOIN runs ON run = run_id ORDER BY run $$, $$ VALUES ('dirty', true), ('again', false) $$, 'of two readings the newer one is not put right');

-- a part of it is proven, then all
SELECT pg_temp.read(0, 6, pg_temp.sound(3));
SELECT is((SELECT pg_temp.hours(unproven) FROM ordersync.coverage WHERE basis = 'modified'), '6-12', 'a part that counts is proven');
SELECT is((SELECT pg_temp.hours(ranges) FROM ordersync.proven_ranges), '0-6 12-24', 'by itself');
SELECT pg_temp.read(0, 12, pg_temp.sound(7));
SELECT is((SELECT pg_temp.hours(unproven) FROM ordersync.coverage WHERE basis = 'modified'), '', 'a reading that counts proves all of it');
SELECT is((SELECT pg_temp.hours(ranges) FROM ordersync.proven_ranges), '0-24', 'as before');
SELECT is((SELECT verdict || COALESCE(reason, '') FROM ordersync.completeness WHERE basis = 'modified' AND day = ordersync_today() - 10), 'proven', 'its day, too');
SELECT is((SELECT count(*) FROM ordersync.failed_tasks WHERE NOT covered), 0::bigint, 'nothing is left to do');

-- a list of arrivals that does not keep to its range proves nothing either, up to proof_delay before it
SELECT pg_temp.read(10, 14, pg_temp.unproven(0, 1), 'arrival');
SELECT is((SELECT pg_temp.hours(ranges) FROM ordersync.proven_ranges), '0-9 14-24', 'arrivals that are unproven prove no range');
SELECT is((SELECT verdict FROM ordersync.completeness WHERE basis = 'modified' AND day = ordersync_today() - 10), 'counted', 'the day is counted');

-- short beside records from outside
INSERT INTO runs VALUES ('short', pg_temp.read(0, 12, '{"state": "incomplete", "outcome": "short", "class": "range", "reported": 9, "seen": 6, "outside": 1}'));
SELECT is((SELECT pg_temp.hours(ranges) || ', unproven ' || pg_temp.hours(unproven) FROM ordersync.coverage WHERE basis = 'modified'), '12-24, unproven ', 'where more is missing than they account for, it is not covered');
SELECT results_eq($$ SELECT error_class, hint ~ 'nothing is known to be missing' FROM ordersync.failed_tasks JOIN runs ON run = run_id WHERE name = 'short' $$, $$ VALUES ('range', false) $$, 'and something is known to be missing');

-- full runs, and days of hourly windows that become one
SELECT pg_temp.read(0, 24, pg_temp.unproven(4, 1), 'created', 'full');
SELECT is((SELECT count(*) FROM ordersync.unsettled_days(1, now()) u (days), unnest(u.days)), 0::bigint, 'a day that a full run found unproven is not read again by an incremental one');
SELECT pg_temp.read(h, h + 1, pg_temp.unproven(1, 2)) FROM generate_series(0, 23) h;
SELECT ordersync.merge_old_windows(1, pg_temp.at(24));
SELECT results_eq($$ SELECT verdict, seen, outside FROM ordersync.window_counts WHERE basis = 'modified' $$, $$ VALUES ('unproven', 24::bigint, 48::bigint) $$,
	'old windows that become one keep the number of records from outside');

SELECT * FROM finish();
ROLLBACK;
