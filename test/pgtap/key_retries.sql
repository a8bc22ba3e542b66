-- What is refused for a while is tried again, ever more rarely; what was said of a state of before counts no more.
BEGIN;
SELECT plan(44);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
SELECT ordersync_add_shop(2, '测试店铺2', 'session-2');
UPDATE ordersync.shops SET key_state = 'ok';

-- a run of so many windows
CREATE FUNCTION pg_temp.run(shop bigint, windows integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks)
	VALUES (shop, 'full', now() - interval '1 hour' * windows, now(), windows) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until)
	SELECT r, shop, 'orders', 'created', date_trunc('hour', now()) - interval '1 hour' * n, date_trunc('hour', now()) - interval '1 hour' * (n - 1)
	FROM generate_series(1, windows) n;
	RETURN r;
END $$;
CREATE TEMP TABLE c (task_id bigint, token bigint, shop_id bigint, key_check boolean, lifted_ms bigint);
CREATE FUNCTION pg_temp.claim(n integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE c;
	INSERT INTO c SELECT k.task_id, k.token, k.shop_id, k.key_check, k.lifted_ms FROM ordersync.claim('alive', n, 1000) k;
	RETURN (SELECT count(*) FROM c);
END $$;
CREATE FUNCTION pg_temp.fail(task bigint, verdict text, class text, retry_ms bigint DEFAULT 0, started timestamptz DEFAULT clock_timestamp())
RETURNS text LANGUAGE sql AS $$ SELECT (ordersync.fail(task_id, token, jsonb_build_object('verdict', verdict, 'class', class, 'message', 'it said no', 'retry_ms', retry_ms, 'key_seal', ordersync.data_key_seal(shop_id), 'call', jsonb_build_object('method', 'm', 'verdict', verdict, 'started_at', (extract(epoch FROM started) * 1000)::bigint)))).state FROM c WHERE task_id = task $$;
CREATE FUNCTION pg_temp.refused() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', key_state, key_refusals, key_check_at - key_checked_at)
	FROM ordersync.shops WHERE shop_id = 1 $$;
-- time passes: what stands in the shop's row is that much older
CREATE FUNCTION pg_temp.pass(by interval) RETURNS void LANGUAGE sql AS $$ UPDATE ordersync.shops SET key_check_at = key_check_at - by,
	key_checked_at = key_checked_at - by $$;

-- --- a refused key ---
SELECT pg_temp.run(1, 6), pg_temp.run(2, 3);
SELECT is(pg_temp.claim(6), 6, 'two shops are worked on');
SELECT is(pg_temp.fail(task_id, 'unauthorized', 'session'), 'pending', 'a call of the first is refused') FROM c WHERE shop_id = 1 LIMIT 1;
SELECT is(pg_temp.refused(), 'expired 1 00:10:00', 'its key is checked again in ten minutes');
SELECT pg_temp.fail(task_id, 'unauthorized', 'session') FROM c WHERE shop_id = 1
	AND task_id IN (SELECT task_id FROM ordersync.sync_tasks WHERE state = 'running');
SELECT is(pg_temp.refused(), 'expired 1 00:10:00', 'calls that were in flight with it do not count again');
SELECT is(ordersync.next_due(), (SELECT key_check_at FROM ordersync.shops WHERE shop_id = 1), 'next_due says when');
SELECT pg_temp.claim(100);
SELECT is((SELECT count(*) FROM c WHERE shop_id = 1), 0::bigint, 'until then nothing of it is claimed');
SELECT pg_temp.pass('11 minutes');
SELECT is(pg_temp.claim(100), 1, 'then one task');
SELECT is((SELECT shop_id || ' ' || key_check FROM c), '1 true', 'which checks the key');
SELECT is(pg_temp.refused() LIKE 'expired 1%', true, 'the shop is still marked');
CREATE TEMP TABLE kept AS SELECT * FROM c;
SELECT is(pg_temp.claim(100), 0, 'no other task beside it');
INSERT INTO c SELECT * FROM kept;
SELECT pg_temp.fail(task_id, 'unauthorized', 'session') FROM c;
SELECT is(pg_temp.refused(), 'expired 2 01:00:00', 'refused again: in an hour');
SELECT pg_temp.pass('61 minutes');
SELECT pg_temp.claim(100);
SELECT pg_temp.fail(task_id, 'unauthorized', 'session') FROM c;
SELECT is(pg_temp.refused(), 'expired 3 1 day', 'then daily');
SELECT pg_temp.pass('25 hours');
SELECT pg_temp.claim(100);
SELECT pg_temp.fail(task_id, 'unauthorized', 'session') FROM c;
SELECT is(pg_temp.refused(), 'expired 4 1 day', 'and daily');
SELECT matches((SELECT waiting_for FROM ordersync.run_progress WHERE shop_id = 1), '^ordersync_set_session_key: the key is expired, checked again at ',
	'the run says what it waits for');
SELECT is((SELECT key_check_at FROM ordersync.shop_health WHERE shop_id = 1), (SELECT key_check_at FROM ordersync.shops WHERE shop_id = 1), 'and the shop');
SELECT pg_temp.pass('25 hours');
SELECT pg_temp.claim(100);
SELECT pg_temp.fail(task_id, 'retry', 'network', 1000) FROM c;
SELECT is(pg_temp.refused() LIKE 'expired 4%', true, 'a check that finds nobody there says nothing');
UPDATE ordersync.sync_tasks SET next_attempt_at = NULL;
SELECT is(pg_temp.claim(100), 1, 'and is made again');
SELECT is(ordersync.settle_key(task_id, token, ordersync.data_key_seal(shop_id), 'answered', 71, '测试店铺1', 0, NULL), 'ok', 'a key that is good again') FROM c;
SELECT is((SELECT key_check_at FROM ordersync.shops WHERE shop_id = 1), NULL, 'is not checked any more');
SELECT is(pg_temp.claim(100), 5, 'and the shop goes on');

-- whoami is answered, orders are refused: a check that was good a moment ago proves little
SELECT pg_temp.fail(task_id, 'unauthorized', 'session') FROM c LIMIT 1;
SELECT is(pg_temp.refused(), 'expired 5 1 day', 'what is refused right after a good check goes on counting');
UPDATE ordersync.shops SET key_state = 'ok', key_checked_at = clock_timestamp() - interval '1 day', key_check_at = NULL WHERE shop_id = 1;
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
SELECT pg_temp.claim(100);
SELECT pg_temp.fail(task_id, 'unauthorized', 'session') FROM c WHERE shop_id = 1 LIMIT 1;
SELECT is(pg_temp.refused(), 'expired 1 00:10:00', 'after a day of service it begins anew');
SELECT ordersync_set_data_key(1, 'session-3');
SELECT is(pg_temp.refused(), 'unchecked 0', 'a new key has not been refused');

-- --- a check that somebody asks for ---
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
UPDATE ordersync.shops SET key_state = 'ok';
CREATE TEMP TABLE k AS SELECT ordersync_check_shop(1) AS run;
SELECT is(pg_temp.refused(), 'unchecked 0', 'the key is to be checked');
SELECT results_eq($$ SELECT kind, state, open_tasks, since, until FROM ordersync.sync_runs WHERE run_id = (SELECT run FROM k) $$,
	$$ VALUES ('check', 'pending', 1, NULL::timestamptz, NULL::timestamptz) $$, 'by a run of its own');
SELECT is(ordersync_check_shop(1), (SELECT run FROM k), 'asked twice, it is one');
SELECT pg_temp.claim(100);
SELECT pg_temp.fail(task_id, 'unauthorized', 'session') FROM c WHERE shop_id = 1;
SELECT results_eq($$ SELECT r.state, t.state, t.error_class, t.error FROM ordersync.sync_runs r JOIN ordersync.sync_tasks t USING (run_id)
	WHERE run_id = (SELECT run FROM k) $$, $$ VALUES ('failed', 'failed', 'session', 'it said no') $$, 'a refusal ends it');
SELECT is((SELECT state FROM ordersync.sync_runs WHERE shop_id = 1 AND kind = 'full') IN ('pending', 'running'), true, 'and no other run');
SELECT throws_ok('SELECT ordersync_check_shop(9)', '42704', NULL, 'an unknown shop');
SELECT ordersync_add_shop(3, '测试店铺3', NULL);
SELECT throws_ok('SELECT ordersync_check_shop(3)', '55000', 'shop 3 has no data key', 'one without a key');

-- --- a ban and its end ---
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
UPDATE ordersync.shops SET key_state = 'ok', key_check_at = NULL WHERE shop_id < 3;
SELECT pg_temp.claim(4);
SELECT pg_temp.fail(task_id, 'throttled', 'quota', 30000000) FROM c LIMIT 1;
SELECT is((SELECT throttled_until > clock_timestamp() + interval '8 hours' FROM ordersync.gateways), true, 'a ban');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks WHERE next_attempt_at > now() + interval '1 hour'), 0::bigint, 'is the gateway''s, not each task''s');
SELECT ordersync_lift_ban('taobao');
SELECT is((SELECT throttled_until FROM ordersync.gateways), NULL, 'is lifted');
SELECT pg_temp.fail(task_id, 'throttled', 'quota', 30000000, clock_timestamp() - interval '1 second') FROM c
	WHERE task_id IN (SELECT task_id FROM ordersync.sync_tasks WHERE state = 'running') LIMIT 1;
SELECT is((SELECT throttled_until FROM ordersync.gateways), NULL, 'what is said to a call of before does not bring it back');
SELECT (ordersync.fail(task_id, token, '{"verdict": "throttled", "class": "throttled", "message": "silence", "retry_ms": 30000000}')).state FROM c
	WHERE task_id IN (SELECT task_id FROM ordersync.sync_tasks WHERE state = 'running') LIMIT 1;
SELECT is((SELECT throttled_until FROM ordersync.gateways), NULL, 'nor a task that was claimed before and gave up waiting');
SELECT pg_temp.claim(4);
SELECT is((SELECT bool_and(lifted_ms > 0) FROM c), true, 'workers are told by what they claim');
SELECT pg_temp.fail(task_id, 'throttled', 'quota', 30000000) FROM c LIMIT 1;
SELECT isnt((SELECT throttled_until FROM ordersync.gateways), NULL, 'a ban that is told now counts');
SELECT ordersync_add_gateway('taobao', NULL, '87654321', NULL);
SELECT is((SELECT throttled_until FROM ordersync.gateways), NULL, 'another application has another quota');

-- --- an application secret that does not open ---
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id < 3;
SELECT pg_temp.claim(4);
UPDATE ordersync.secrets SET sealed = '\x00' WHERE kind = 'app_secret';
SELECT is(pg_temp.fail(task_id, 'unauthorized', 'secret_unreadable'), 'pending', 'an application secret that does not open') FROM c LIMIT 1;
SELECT results_eq($$ SELECT secret_state, (SELECT string_agg(key_state, ' ' ORDER BY shop_id) FROM ordersync.shops) FROM ordersync.gateways $$,
	$$ VALUES ('unreadable', 'ok ok missing') $$, 'is the gateway''s trouble, not its shops''');
SELECT is(pg_temp.claim(100), 0, 'nothing is claimed meanwhile');
SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld');
SELECT is((SELECT secret_state FROM ordersync.gateways), 'ok', 'typed anew it is good');

-- --- a key file that cannot be used, found out between claim and call ---
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL, attempt = 0 WHERE state IN ('running', 'pending');
SELECT pg_temp.claim(1);
SELECT is((SELECT pg_temp.fail(task_id, 'retry', 'key_file', 1000) FROM c), 'pending', 'a task that finds the key file unusable');
SELECT results_eq($$ SELECT t.attempt, t.error_class, s.key_state, g.secret_state FROM ordersync.sync_tasks t JOIN c USING (task_id)
	JOIN ordersync.shops s ON s.shop_id = t.shop_id JOIN ordersync.gateways g ON g.name = s.gateway $$,
	$$ VALUES (0, 'key_file', 'unchecked', 'ok') $$, 'is not charged, and marks nobody');

SELECT * FROM finish();
ROLLBACK;
