-- Which due work is claimed first: by kind, then fairly between shops, and what a full ordersync.max_active_shops does to that.
BEGIN;
SELECT plan(42);
SET client_min_messages = error;

CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state)
SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok' FROM generate_series(1, 200) n;

-- a run of so many hours of windows, the newest so many hours ago
CREATE FUNCTION pg_temp.run(shop bigint, kind text, windows integer, ago integer DEFAULT 0) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks)
	VALUES (shop, kind, now() - interval '1 hour' * (ago + windows), now() - interval '1 hour' * ago, windows) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until)
	SELECT r, shop, 'orders', 'created', now() - interval '1 hour' * (ago + n), now() - interval '1 hour' * (ago + n - 1) FROM generate_series(1, windows) n;
	RETURN r;
END $$;
-- what a claim takes, as "kind of shop: tasks"
CREATE FUNCTION pg_temp.claim(n integer, cap integer DEFAULT 1000) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.kind || ' of ' || t.shop_id || ': ' || t.tasks, ', ' ORDER BY t.kind, t.shop_id)
	FROM (
		SELECT r.kind, r.shop_id, count(*) AS tasks
		FROM ordersync.claim('alive', n, cap) c JOIN ordersync.sync_runs r USING (run_id)
		GROUP BY 1, 2
	) t $$;
-- and by kind alone
CREATE FUNCTION pg_temp.kinds(n integer, cap integer DEFAULT 1000) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.kind || ': ' || t.tasks, ', ' ORDER BY t.kind)
	FROM (
		SELECT r.kind, count(*) AS tasks FROM ordersync.claim('alive', n, cap) c JOIN ordersync.sync_runs r USING (run_id) GROUP BY 1
	) t $$;
-- windows in flight end
CREATE FUNCTION pg_temp.done(shop bigint, n integer DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(ordersync.settle(t.task_id, t.token, jsonb_build_object('state', 'succeeded', 'outcome', 'fresh', 'reported', 1, 'seen', 1, 'passes', 1, 'page_new', 1)))
	FROM (SELECT * FROM ordersync.sync_tasks WHERE state = 'running' AND (shop IS NULL OR shop_id = shop) ORDER BY task_id LIMIT n) t $$;
CREATE FUNCTION pg_temp.clear() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.sync_tasks SET state = 'succeeded', owner = NULL, token = NULL WHERE state IN ('running', 'pending');
	UPDATE ordersync.sync_runs SET state = 'succeeded', open_tasks = 0, lot = NULL WHERE state IN ('running', 'pending') $$;

-- within a shop; windows of the full run are the newest
SELECT pg_temp.run(1, 'full', 20), pg_temp.run(1, 'verify', 2, 100), pg_temp.run(1, 'incremental', 2, 200), pg_temp.run(1, 'order', 1, 300);
SELECT is(pg_temp.claim(3), 'incremental of 1: 2, order of 1: 1', 'of one shop the order that somebody waits for and what is new go first');
SELECT is(pg_temp.claim(3), 'full of 1: 1, verify of 1: 2', 'then a comparison, and a full run when nothing better is due');
SELECT is(pg_temp.claim(4), 'full of 1: 4', 'which goes on');
SELECT pg_temp.run(1, 'incremental', 3, 200);
SELECT is(pg_temp.done(1, 3), 3::bigint, 'three of its windows end, or of those before');
SELECT is(pg_temp.claim(3), 'full of 1: 3', 'the second incremental run waits for the first, whose windows are not all read: that is no reason to wait');
SELECT pg_temp.done(1);
SELECT is(pg_temp.claim(4), 'full of 1: 1, incremental of 1: 3', 'then it goes first, and the full run has what is left');

-- between shops
SELECT pg_temp.clear();
SELECT pg_temp.run(n, 'full', 5) FROM generate_series(1, 10) n;
SELECT pg_temp.run(20, 'incremental', 20);
SELECT is(pg_temp.claim(16), 'incremental of 20: 16', 'of several shops the one with new orders, as much as it has');
SELECT is(pg_temp.kinds(16), 'full: 12, incremental: 4', 'then the others');
SELECT pg_temp.run(21, 'incremental', 5), pg_temp.run(22, 'verify', 5), pg_temp.run(23, 'check', 1);
SELECT is(pg_temp.claim(8), 'check of 23: 1, incremental of 21: 5, verify of 22: 2', 'each kind after the better one, whoever has it');

-- the same among many runs, where one window of each is looked at first
SELECT pg_temp.clear();
SELECT pg_temp.run(n, 'full', 5), pg_temp.run(n, 'verify', 1) FROM generate_series(101, 200) n;
SELECT pg_temp.run(20, 'incremental', 20), pg_temp.run(21, 'incremental', 1);
SELECT is(pg_temp.claim(16), 'incremental of 20: 15, incremental of 21: 1', 'among two hundred runs as well');
SELECT is(pg_temp.kinds(16), 'incremental: 5, verify: 11', 'and the next kind');
SELECT is(pg_temp.kinds(100), 'full: 11, verify: 89', 'and the next');
SELECT is((SELECT count(DISTINCT shop_id) FROM ordersync.sync_tasks WHERE state = 'running'), 102::bigint, 'nobody is left out');

-- a big shop and small ones, all of one kind
SELECT pg_temp.clear();
SELECT pg_temp.run(1, 'full', 500);
SELECT pg_temp.run(n, 'full', 3) FROM generate_series(101, 130) n;
CREATE FUNCTION pg_temp.small_ones_end() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE c integer := 0;
BEGIN
	WHILE EXISTS (SELECT FROM ordersync.sync_runs WHERE shop_id > 100 AND state IN ('pending', 'running')) LOOP
		PERFORM pg_temp.claim(8), pg_temp.done(NULL);
		c := c + 1;
		EXIT WHEN c = 100;
	END LOOP;
	RETURN c;
END $$;
SELECT cmp_ok(pg_temp.small_ones_end(), '<=', 20, 'thirty shops with three windows end in the time of their windows, eight at once');
SELECT cmp_ok((SELECT count(*) FROM ordersync.sync_tasks WHERE shop_id = 1 AND state = 'succeeded' AND finished_at IS NOT NULL AND run_id = (SELECT max(run_id) FROM ordersync.sync_runs WHERE shop_id = 1)), '<=', 60::bigint,
	'beside one with five hundred, which got what they left');

-- who gives way: for ten seconds nobody, for ten seconds one of those who are active
SELECT is(count(DISTINCT ordersync.shop_to_give_way(ARRAY[1, 2, 3], to_timestamp(1764000000 + s))), 1::bigint, 'for ten seconds it is the same one') FROM generate_series(0, 9) s;
SELECT is(count(ordersync.shop_to_give_way(ARRAY[1, 2, 3], to_timestamp(1764000010 + s))), 0::bigint, 'for the next ten nobody is') FROM generate_series(0, 9) s;
SELECT set_eq($$ SELECT ordersync.shop_to_give_way(ARRAY[1, 2, 3], to_timestamp(1764000000 + 20 * n)) FROM generate_series(1, 60) n $$, 'VALUES (1), (2), (3)', 'in the course of time everybody is');
SELECT is(ordersync.shop_to_give_way('{}', to_timestamp(1764000000)), NULL, 'where there is one');

-- no more shops than may be active: what waits outside
CREATE TEMP TABLE who (shop bigint);
CREATE OR REPLACE FUNCTION ordersync.shop_to_give_way(p_shops bigint[], p_now timestamptz) RETURNS bigint LANGUAGE sql AS $$ SELECT shop FROM who $$;
SELECT pg_temp.clear();
SELECT pg_temp.run(n, 'full', 50) FROM generate_series(1, 2) n;
SELECT is(pg_temp.claim(8, 2), 'full of 1: 4, full of 2: 4', 'two shops are active, and there may be two');
SELECT pg_temp.run(3, 'incremental', 3, 200);
SELECT is(pg_temp.claim(8, 2), NULL, 'new orders of a third wait outside: nothing less is begun');
SELECT is(ordersync.next_due(), NULL, 'as long as the setting allows more shops, nothing is known to be held back');
CREATE OR REPLACE FUNCTION ordersync.setting(name text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT CASE name WHEN 'max_active_shops' THEN '2' ELSE current_setting('ordersync.' || name) END $$;
SELECT cmp_ok(ordersync.next_due(), '<=', clock_timestamp() + interval '1 second', 'who has nothing to do looks again in a second');
SELECT pg_temp.done(1, 3);
SELECT is(pg_temp.claim(8, 2), NULL, 'nor when windows end');
SELECT pg_temp.run(2, 'incremental', 2, 200);
SELECT is(pg_temp.claim(8, 2), 'incremental of 2: 2', 'what is as good is');
SELECT pg_temp.done(1);
SELECT is(pg_temp.claim(8, 2), 'full of 2: 5, incremental of 3: 3', 'the first that has none left makes room, and the other goes on');
SELECT pg_temp.run(4, 'order', 1);
SELECT is(pg_temp.claim(8, 2), NULL, 'an order that somebody waits for, of a fourth: what is new waits too');
SELECT pg_temp.done(3);
SELECT is(pg_temp.claim(1, 2), 'order of 4: 1', 'until it has its place');
SELECT pg_temp.done(4);
SELECT is((SELECT count(DISTINCT shop_id) FROM ordersync.sync_tasks WHERE state = 'running'), 1::bigint, 'one shop is active');

-- equal ones outside: now and then one inside gives way
SELECT pg_temp.clear();
SELECT pg_temp.run(n, 'full', 50) FROM generate_series(1, 2) n;
SELECT is(pg_temp.claim(8, 2), 'full of 1: 4, full of 2: 4', 'two shops');
SELECT pg_temp.run(3, 'full', 50);
SELECT is(pg_temp.claim(2, 2), 'full of 1: 1, full of 2: 1', 'and an equal one outside: they go on');
INSERT INTO who VALUES (2);
SELECT is(pg_temp.claim(2, 2), 'full of 1: 2', 'one of them gives way');
SELECT pg_temp.done(2);
SELECT ok(bool_and(c IN ('full of 2: 3', 'full of 3: 3')), 'somebody else has its place') FROM pg_temp.claim(3, 2) c;
DELETE FROM who;
SELECT is((SELECT count(DISTINCT shop_id) FROM ordersync.sync_tasks WHERE state = 'running'), 2::bigint, 'two shops, still');

-- who waits for itself takes no place
SELECT pg_temp.clear();
SELECT pg_temp.run(n, 'incremental', 2) FROM generate_series(1, 6) n;
UPDATE ordersync.sync_tasks SET next_attempt_at = now() + interval '1 hour', attempt = 3 WHERE shop_id = 1 AND state = 'pending';
UPDATE ordersync.shops SET key_state = 'expired', key_check_at = now() + interval '1 hour' WHERE shop_id = 2;
UPDATE ordersync.shops SET key_state = 'wrong_seller' WHERE shop_id = 3;
SELECT ordersync_pause_shop(4);
SELECT ordersync_add_gateway('slow', 'https://gw2.example.com/router/rest', '12345678', 'helloworld');
UPDATE ordersync.gateways SET throttled_until = now() + interval '1 hour' WHERE name = 'slow';
UPDATE ordersync.shops SET gateway = 'slow' WHERE shop_id = 5;
SELECT is(pg_temp.claim(8, 1), 'incremental of 6: 2', 'one that is in back-off, without a key, with a wrong one, paused or banned leaves the only place to another');
SELECT pg_temp.done(6);
SELECT pg_temp.run(6, 'full', 2);
SELECT is(pg_temp.claim(8, 1), 'full of 6: 2', 'also for less than what those wait with');
SELECT pg_temp.clear();

-- a run that is tried again has its kind's priority
SELECT pg_temp.run(7, 'order', 1), pg_temp.run(8, 'full', 1), pg_temp.run(9, 'incremental', 1);
UPDATE ordersync.sync_tasks SET state = 'failed' WHERE shop_id IN (7, 9) AND state = 'pending';
UPDATE ordersync.sync_runs SET state = 'failed', open_tasks = 0, lot = NULL WHERE shop_id IN (7, 9) AND state = 'pending';
SELECT is(pg_temp.claim(8), 'full of 8: 1', 'two runs have failed');
SELECT is((SELECT sum(ordersync_retry(run_id)) FROM ordersync.sync_runs WHERE state = 'failed'), 2::bigint, 'and are tried again');
SELECT pg_temp.run(10, 'verify', 9);
SELECT is(pg_temp.claim(3), 'incremental of 9: 1, order of 7: 1, verify of 10: 1', 'where they were');
SELECT pg_temp.clear();

-- a comparison that has not begun is joined by what it contains
CREATE TEMP TABLE v AS SELECT ordersync_verify(200, ordersync_day(ordersync_today() - 9), ordersync_day(ordersync_today() - 2)) AS run;
SELECT is(ordersync_verify(200, ordersync_day(ordersync_today() - 8), ordersync_day(ordersync_today() - 3)), run, 'a comparison joins the one that waits and has all of it') FROM v;
SELECT isnt(ordersync_verify(200, ordersync_day(ordersync_today() - 12), ordersync_day(ordersync_today() - 3)), run, 'not one that lacks some of it') FROM v;
UPDATE ordersync.sync_runs SET state = 'running' WHERE run_id = (SELECT run FROM v);
SELECT isnt(ordersync_verify(200, ordersync_day(ordersync_today() - 8), ordersync_day(ordersync_today() - 3)), run, 'nor one that has begun to count') FROM v;

SELECT * FROM finish();
ROLLBACK;
