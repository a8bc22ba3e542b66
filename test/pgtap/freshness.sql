-- How far shops are behind their targets: the view freshness, its settings and options, and which full run counts.
BEGIN;
SELECT plan(42);
SET client_min_messages = error;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
UPDATE ordersync.shops SET created_at = now() - interval '3 hours';

CREATE FUNCTION pg_temp.ago(hours numeric) RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() - hours * interval '1 hour' $$;
CREATE FUNCTION pg_temp.cover(stream text, VARIADIC bounds numeric[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
	SELECT 1, cover.stream, 'modified', range_agg(tstzrange(pg_temp.ago(bounds[i]), pg_temp.ago(bounds[i + 1])))
	FROM generate_series(1, cardinality(bounds), 2) i
	ON CONFLICT (shop_id, stream, basis) DO UPDATE SET ranges = excluded.ranges $$;
-- to the minute, as hours:minutes
CREATE FUNCTION pg_temp.lag() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s:%s', m / 60, lpad((m % 60)::text, 2, '0'))
	FROM ordersync.freshness f, LATERAL round(EXTRACT(epoch FROM f.lag) / 60) r, LATERAL (SELECT r::integer) x (m) $$;
CREATE FUNCTION pg_temp.row() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s target %s, %s', pg_temp.lag(), COALESCE(f.target::text, 'none'), CASE WHEN f.behind THEN 'behind' ELSE 'fresh' END)
	FROM ordersync.freshness f $$;

-- a shop that was never read
SELECT is(pg_temp.row(), '3:00 target 26:00:00, fresh', 'a new shop is measured from when it was added');
SELECT is((SELECT covered_until FROM ordersync.freshness), NULL, 'and nothing of it is covered');
UPDATE ordersync.shops SET created_at = pg_temp.ago(27);
SELECT is(pg_temp.row(), '27:00 target 26:00:00, behind', 'for 26 hours');
UPDATE ordersync.shops SET first_full_at = pg_temp.ago(2), first_incremental_at = pg_temp.ago(1);
SELECT is(pg_temp.row(), '2:00 target 26:00:00, fresh', 'then from its first run on, until that has closed something');

-- orders close after ten minutes, after-sales after a day
SELECT pg_temp.cover('orders', 60, 30);
SELECT pg_temp.cover('after_sales', 60, 30);
SELECT is(pg_temp.row(), '29:50 target 26:00:00, behind', 'orders are behind by what is older than ten minutes');
SELECT is((SELECT covered_until FROM ordersync.freshness), pg_temp.ago(30), 'covered until then');
SELECT pg_temp.cover('orders', 60, 10);
SELECT is(pg_temp.row(), '9:50 target 26:00:00, fresh', 'after-sales of thirty hours ago are not');
SELECT is((SELECT covered_until FROM ordersync.freshness), pg_temp.ago(30), 'though covered_until says how far both are read');
SELECT pg_temp.cover('after_sales', 60, 48.5);
SELECT is(pg_temp.row(), '24:30 target 26:00:00, fresh', 'a day after a run they are behind by that day');
SELECT pg_temp.cover('after_sales', 60, 50.5);
SELECT is(pg_temp.row(), '26:30 target 26:00:00, behind', 'and the worse of the two counts');
SELECT pg_temp.cover('orders', 60, 0.1);
SELECT pg_temp.cover('after_sales', 60, 20);
SELECT is(pg_temp.row(), '0:00 target 26:00:00, fresh', 'nobody is behind by less than nothing');

-- holes
SELECT pg_temp.cover('orders', 200, 100, 90, 0.1);
SELECT is(pg_temp.lag(), '99:50', 'a hole counts from its beginning');
SELECT pg_temp.cover('orders', 4000, 3000, 2500, 0.1);
SELECT is(pg_temp.lag(), '0:00', 'a hole that the platform no longer serves does not: no run could read it');
SELECT pg_temp.cover('orders', 4000, 3000, 2000, 0.1);
SELECT is(pg_temp.lag(), '2158:50', 'of one that it serves in part, that part does');
SELECT pg_temp.cover('orders', 4000, 3000);
SELECT is(pg_temp.lag(), '2158:50', 'also when nothing was read since');
SELECT pg_temp.cover('orders', 60, 0.1);

-- streams
SELECT pg_temp.cover('after_sales', 200, 100);
SELECT ordersync_set_shop(1, '{"streams": ["orders"]}');
SELECT is(pg_temp.lag(), '0:00', 'a stream that the shop does not read counts for nothing');
SELECT ordersync_set_shop(1, '{"streams": ["after_sales"]}');
SELECT pg_temp.cover('orders', 200, 100);
SELECT is(pg_temp.lag(), '76:00', 'either of them');
SELECT ordersync_set_shop(1, '{"streams": null}');

-- the platform's clock
UPDATE ordersync.gateways SET clock_offset = '-90 hours';
SELECT is(pg_temp.lag(), '9:50', 'now is the platform''s');
UPDATE ordersync.gateways SET clock_offset = '0';
SELECT is((SELECT behind FROM ordersync.freshness), true, 'again behind');

-- targets
SELECT ordersync_set_shop(1, '{"freshness_target": "5 days"}');
SELECT is(pg_temp.row(), '99:50 target 5 days, fresh', 'a shop may have a target of its own');
SELECT ordersync_set_shop(1, '{"freshness_target": "90 minutes"}');
SELECT is(pg_temp.row(), '99:50 target 01:30:00, behind', 'also a shorter one');
SELECT ordersync_set_shop(1, '{"freshness_target": "off"}');
SELECT is(pg_temp.row(), '99:50 target none, fresh', 'or none');
SELECT ordersync_set_shop(1, '{"freshness_target": null, "incremental": "off"}');
SELECT is(pg_temp.row(), '99:50 target none, fresh', 'one without incremental runs has none');
SELECT ordersync_set_shop(1, '{"incremental": "10 0 * * *"}');
SELECT is(pg_temp.row(), '99:50 target 26:00:00, behind', 'one with times of its own has');
SELECT ordersync_pause_shop(1);
SELECT is(pg_temp.row(), '99:50 target none, fresh', 'a paused one has none');
SELECT is((SELECT full_target FROM ordersync.freshness), NULL, 'of no kind');
SELECT ordersync_resume_shop(1);
SELECT throws_ok($$ SELECT ordersync_set_shop(1, '{"freshness_target": "soon"}') $$, '22023', 'invalid value for option "freshness_target"', 'it is a time');
SELECT throws_ok($$ SELECT ordersync_set_shop(1, '{"full_run_target": "0 days"}') $$, '22023', 'invalid value for option "full_run_target"', 'above zero');
SELECT throws_ok($$ SELECT ordersync_set_shop(1, '{"full_run_target": 32}') $$, '22023', 'invalid value for option "full_run_target"', 'with its unit');

-- full runs
CREATE FUNCTION pg_temp.full_row() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s days target %s, %s', floor(EXTRACT(epoch FROM f.full_age + interval '1 minute') / 86400), COALESCE(f.full_target::text, 'none'),
		CASE WHEN f.full_behind THEN 'behind' ELSE 'fresh' END)
	FROM ordersync.freshness f $$;
CREATE FUNCTION pg_temp.full_run(since timestamptz, until timestamptz, state text DEFAULT 'succeeded', requested_at timestamptz DEFAULT now())
RETURNS text LANGUAGE plpgsql AS $$
DECLARE r bigint;
BEGIN
	UPDATE ordersync.shop_totals SET full_run_at = NULL;
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, open_tasks, requested_at)
	VALUES (1, 'full', since, until, 'running', 1, requested_at) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state)
	VALUES (r, 1, 'orders', 'created', since, until, full_run.state);
	PERFORM ordersync.count_tasks(r, -1);
	RETURN (SELECT CASE WHEN s.full_run_at = f.finished_at THEN 'counts' WHEN s.full_run_at IS NULL THEN 'does not' END
		FROM ordersync.sync_runs f LEFT JOIN ordersync.shop_totals s USING (shop_id) WHERE f.run_id = r);
END $$;
UPDATE ordersync.shops SET created_at = pg_temp.ago(31 * 24);
SELECT is(pg_temp.full_row(), '31 days target 32 days, fresh', 'full runs: a shop without one is measured from when it was added');
UPDATE ordersync.shops SET created_at = pg_temp.ago(33 * 24);
SELECT is(pg_temp.full_row(), '33 days target 32 days, behind', 'for 32 days');
SELECT is(pg_temp.full_run(timezone('Asia/Shanghai', date_trunc('day', timezone('Asia/Shanghai', now())) - interval '1 month'), now() - interval '1 minute'),
	'counts', 'one over the default range');
SELECT is(pg_temp.full_row(), '0 days target 32 days, fresh', 'from when it ended');
SELECT is(pg_temp.full_run('2027-02-01 00:00+08', '2027-02-28 23:59:20+08', requested_at => '2027-03-01 00:00:20+08'), 'counts', 'in its shortest month');
SELECT is(pg_temp.full_run(pg_temp.ago(45 * 24), pg_temp.ago(15 * 24)), 'counts', 'or over the last month that has ended');
SELECT is(pg_temp.full_run(pg_temp.ago(75 * 24), pg_temp.ago(45 * 24)), 'does not', 'but not an earlier one');
SELECT is(pg_temp.full_run(pg_temp.ago(20 * 24), now()), 'does not', 'nor a part of a month');
INSERT INTO ordersync.orders (shop_id, tid, created, modified) VALUES (1, 1, pg_temp.ago(19 * 24), now());
SELECT is(pg_temp.full_run(pg_temp.ago(20 * 24), now()), 'counts', 'unless the shop has no older order');
INSERT INTO ordersync.orders (shop_id, tid, created, modified) VALUES (1, 2, pg_temp.ago(22 * 24), now());
SELECT is(pg_temp.full_run(pg_temp.ago(20 * 24), now()), 'does not', 'it has');
SELECT is(pg_temp.full_run(pg_temp.ago(31 * 24), now(), 'incomplete'), 'does not', 'nor does one that did not end well');
SELECT ordersync_set_shop(1, '{"full_run_target": "40 days"}');
SELECT is(pg_temp.full_row(), '33 days target 40 days, fresh', 'a shop may have a target of its own');
SELECT ordersync_set_shop(1, '{"full_run_target": null, "full_run": "off"}');
SELECT is(pg_temp.full_row(), '33 days target none, fresh', 'or no full runs');

SELECT * FROM finish();
ROLLBACK;
