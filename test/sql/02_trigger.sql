-- Triggering, as a DBA types it. No worker serves this database, whether the server preloads the library or not: the
-- triggers say so in one constant WARNING, and what they stored is looked at in the tables.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ordersync;
RESET client_min_messages;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(21, '测试店铺21', 'session-21');
SELECT ordersync_add_shop(22, '测试店铺22', 'session-22', options => '{"streams": ["orders"], "incremental": "off"}');

-- just after midnight there would be nothing to read yet
UPDATE ordersync.shops SET first_incremental_at = now() - interval '2 days' WHERE shop_id IN (21, 22);

-- a day of Shanghai, whatever the session's zone
SET timezone = 'America/New_York';
SELECT ordersync_day('2026-03-08') = '2026-03-07 16:00:00+00';
SELECT ordersync_day(NULL);
-- today is Shanghai's day; of these two zones at any hour at least one has another
SET TimeZone = 'Pacific/Kiritimati';
SELECT ordersync_today() = timezone('Asia/Shanghai', now())::date AS today;
SET TimeZone = 'Pacific/Pago_Pago';
SELECT ordersync_today() = timezone('Asia/Shanghai', now())::date AS today;
SET TimeZone = 'America/New_York';
CREATE VIEW last_run AS
	SELECT r.shop_id, r.kind, r.state, r.open_tasks = d.windows AS all_open, d.lists BETWEEN 110 AND 117 AS by_day, d.streams,
		r.since = ordersync_day(current_day - 40) AS since_40, r.until = ordersync_day(current_day - 10) AS until_10
	FROM ordersync.sync_runs r
	CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date AS current_day) c
	CROSS JOIN LATERAL (
		SELECT count(*) AS windows, count(*) FILTER (WHERE t.ext_type IS NULL) AS lists, string_agg(DISTINCT t.stream || ' by ' || t.basis, ', ') AS streams
		FROM ordersync.sync_tasks t WHERE t.run_id = r.run_id) d
	ORDER BY r.run_id DESC LIMIT 1;
SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date AS today \gset

-- what is refused
SELECT ordersync_trigger_full(99);
SELECT ordersync_trigger_full(NULL);
SELECT ordersync_trigger_full(21, '2026-09-02 00:00+08', '2026-09-01 00:00+08');
SELECT ordersync_trigger_full(21, ordersync_day('2020-01-01'), ordersync_day('2020-02-01'));
SELECT ordersync_trigger_full(21, now() - interval '731 days');
SELECT ordersync_trigger_incremental(21, now() - interval '91 days', now());
SELECT ordersync_trigger_full(21, now() + interval '1 day');
SELECT ordersync_trigger_full(21, '-infinity');
SELECT * FROM ordersync_trigger_all('sometimes');
SELECT * FROM ordersync_trigger_all(NULL);
SELECT * FROM ordersync_trigger_all('full', shop_ids => '{21,99}');
SELECT * FROM ordersync_trigger_month('September');
SELECT count(*) FROM ordersync.sync_runs WHERE shop_id IN (21, 22);

-- a month: days, and what is young in windows that close nothing
SELECT ordersync_trigger_full(21, ordersync_day(:'today'::date - 40), ordersync_day(:'today'::date - 10)) AS run \gset
SELECT * FROM last_run;
SELECT stream, basis, count(*) FILTER (WHERE NOT fresh) >= 30 AS closing,
	bool_or(fresh) AS fresh,
	bool_and((since AT TIME ZONE 'Asia/Shanghai')::date = ((until - interval '1 second') AT TIME ZONE 'Asia/Shanghai')::date) AS within_a_day,
	min(since) = ordersync_day(:'today'::date - 40) AS from_since,
	max(until) > now() - interval '5 minutes' AS to_now
FROM ordersync.sync_tasks WHERE run_id = :run
GROUP BY stream, basis ORDER BY stream;

-- the same again joins it, a part of it too; more than it does not, another kind does not
SELECT ordersync_trigger_full(21, ordersync_day(:'today'::date - 40), ordersync_day(:'today'::date - 10)) - :run AS same;
SELECT ordersync_trigger_full(21, ordersync_day(:'today'::date - 30), ordersync_day(:'today'::date - 20)) - :run AS part;
SELECT ordersync_trigger_full(21, ordersync_day(:'today'::date - 41), ordersync_day(:'today'::date - 10)) - :run AS earlier;
SELECT ordersync_trigger_full(21) - :run AS month;
SELECT ordersync_trigger_incremental(21) - :run AS incremental;
SELECT ordersync_trigger_incremental(21) - :run AS incremental_again;
SELECT run_id - :run AS run, kind, state, waiting_for = 'run ' || :run AS waits_for_first
FROM ordersync.run_progress WHERE shop_id = 21 ORDER BY run_id;

-- all shops: one whose schedule is off only when it is named
SELECT shop_id, run_id > :run AS has_run FROM ordersync_trigger_all('incremental') WHERE shop_id IN (21, 22);
SELECT shop_id, run_id > :run AS has_run FROM ordersync_trigger_all('incremental', shop_ids => '{22}');
SELECT streams FROM last_run;
SELECT shop_id, run_id > :run AS has_run FROM ordersync_trigger_month(shop_ids => '{21,22}');
SELECT streams FROM last_run;

-- what a shop waits for
SELECT ordersync_pause_shop(22);
SELECT ordersync_trigger_full(22) > 0 AS triggered;
SELECT ordersync_resume_shop(22);
UPDATE ordersync.shops SET key_state = 'expired', key_message = 'Invalid session' WHERE shop_id = 22;
SELECT ordersync_trigger_full(22) > 0 AS triggered;

DROP VIEW last_run;
SELECT ordersync_remove_shop(21);
SELECT ordersync_remove_shop(22);
