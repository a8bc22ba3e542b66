-- Where bans, stopped calls and key checks meet, as a worker says it, without worker or network.
BEGIN;
SELECT plan(21);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_gateway('partner', 'https://gw2.example.com/api', NULL, NULL, 'relay');
SELECT ordersync_add_shop(1, 'a', 'session-1'), ordersync_add_shop(2, 'b', 'session-2'),
	ordersync_add_shop(3, 'c', 'session-3', 'partner'), ordersync_add_shop(4, 'd', 'session-4', 'partner');
UPDATE ordersync.shops SET key_state = 'ok', key_verify_at = now() + interval '1 day';
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
SELECT n, 'full', now() - interval '3 days', now(), 3, 'running', now() FROM generate_series(1, 4) n;
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until)
SELECT run_id, shop_id, 'orders', 'modified', until - make_interval(days => d), until - make_interval(days => d - 1)
FROM ordersync.sync_runs, generate_series(1, 3) d;

-- A worker has one task of the shop.
CREATE FUNCTION pg_temp.take(shop bigint) RETURNS bigint LANGUAGE sql AS $$
	UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42, attempt = 1, claimed_at = clock_timestamp(), next_attempt_at = NULL
	WHERE task_id = (SELECT max(task_id) FROM ordersync.sync_tasks WHERE shop_id = shop AND state = 'pending') RETURNING task_id $$;
CREATE FUNCTION pg_temp.give_back(shop bigint, failure jsonb) RETURNS void LANGUAGE sql AS $$ SELECT ordersync.give_back(pg_temp.take(shop), 42, failure) $$;
CREATE FUNCTION pg_temp.fail(shop bigint, failure jsonb) RETURNS text LANGUAGE sql AS $$ SELECT state FROM ordersync.fail(pg_temp.take(shop), 42, failure) $$;
CREATE FUNCTION pg_temp.claims() RETURNS text LANGUAGE plpgsql AS $$
DECLARE c text;
BEGIN
	SELECT string_agg(shop_id || ': ' || n, ', ' ORDER BY shop_id) INTO c FROM (SELECT shop_id, count(*) AS n FROM ordersync.claim('alive2', 100, 100) GROUP BY 1) c;
	UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL, attempt = 0 WHERE owner = 'alive2';
	RETURN c;
END $$;
CREATE FUNCTION pg_temp.clean() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.gateways SET stops = '{}', stopped_since = NULL, next_probe_at = NULL, method_bans = '{}', throttled_until = NULL;
	UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL, next_attempt_at = NULL $$;
CREATE FUNCTION pg_temp.due() RETURNS void LANGUAGE sql AS $$
	SELECT ordersync.set_stops(g.name, (SELECT jsonb_object_agg(s.key, s.value || jsonb_build_object('probe_at', clock_timestamp())) FROM jsonb_each(g.stops) s))
	FROM ordersync.gateways g WHERE stops <> '{}' $$;
SELECT is(pg_temp.claims(), '1: 3, 2: 3, 3: 3, 4: 3', 'all is claimed');

-- the daily check of a key that is good: the call is not one of the list that its task reads afterwards
SELECT pg_temp.give_back(1, '{"method": "taobao.user.seller.get", "key": true, "stop": {"probe_ms": 60000, "method": "taobao.user.seller.get"}}');
SELECT is(pg_temp.claims(), '1: 3, 2: 3, 3: 3, 4: 3', 'where the check of keys is stopped, the lists of shops whose keys are good are read');
UPDATE ordersync.shops SET key_state = 'unchecked' WHERE shop_id = 2;
SELECT is(pg_temp.claims(), '1: 3, 3: 3, 4: 3', 'but no key is checked');
SELECT pg_temp.due();
SELECT is(pg_temp.claims(), '1: 3, 2: 1, 3: 3, 4: 3', 'until the probe is due');
SELECT pg_temp.clean();
SELECT pg_temp.fail(1, jsonb_build_object('verdict', 'throttled', 'class', 'throttled', 'message', 'm', 'banned', 'method', 'method', 'taobao.user.seller.get', 'key', true,
	'retry_ms', 60000, 'call', jsonb_build_object('method', 'taobao.user.seller.get', 'verdict', 'throttled', 'started_at', floor(extract(epoch FROM clock_timestamp()) * 1000))));
SELECT is(pg_temp.claims(), '1: 3, 3: 3, 4: 3', 'so it is where the platform bans it');

-- a shop that waits for its key's check, and a list of another one
SELECT pg_temp.clean();
SELECT pg_temp.fail(1, '{"verdict": "retry", "class": "http", "message": "m", "stop": {"probe_ms": 60000, "method": "m"}}');
SELECT pg_temp.due();
SELECT is(pg_temp.claims(), '1: 1, 3: 3, 4: 3', 'the probe of a list is no check of a key');

-- a relay, where no call says whose a key is: the first call of a shop is one of a list
SELECT pg_temp.clean();
UPDATE ordersync.shops SET key_state = 'ok', enabled = shop_id > 2;
UPDATE ordersync.shops SET key_state = 'unchecked' WHERE shop_id = 3;
SELECT is(pg_temp.claims(), '3: 1, 4: 3', 'a key that is unchecked: one task');
SELECT pg_temp.fail(3, '{"verdict": "retry", "class": "http", "message": "m", "stop": {"probe_ms": 60000, "method": "/OrderIncrement"}}');
SELECT is(pg_temp.claims(), NULL, 'the list of the first call of a shop is stopped for all');
SELECT pg_temp.due();
SELECT matches(pg_temp.claims(), '^[34]: 1$', 'its probe is a task of either');
UPDATE ordersync.shops SET key_state = 'unchecked' WHERE shop_id = 4;
SELECT pg_temp.due();
SELECT matches(pg_temp.claims(), '^[34]: 1$', 'also where each shop waits for its first call');

-- what is given back, and is not held by what is written
SELECT pg_temp.clean();
UPDATE ordersync.shops SET key_state = 'ok';
SELECT pg_temp.give_back(3, '{"method": "m", "stop": {"probe_ms": 9000, "shop": 3}}');
SELECT is(count(next_attempt_at), 0::bigint, 'a task that is given back is due as soon as its calls are made again') FROM ordersync.sync_tasks;
SELECT pg_temp.clean();
UPDATE ordersync.gateways SET stops = jsonb_build_object('', jsonb_build_object('class', 'http', 'since', now(), 'shop', 4, 'probe_at', clock_timestamp() + interval '9 seconds'));
SELECT pg_temp.take(3);
UPDATE ordersync.sync_tasks SET claimed_at = now() - interval '1 hour' WHERE token = 42;
SELECT ordersync.give_back(task_id, 42, '{"method": "m", "stop": {"probe_ms": 9000}}') FROM ordersync.sync_tasks WHERE token = 42;
SELECT is((SELECT count(*) FROM ordersync.sync_tasks WHERE next_attempt_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 second'), 1::bigint,
	'one that would be claimed again at once waits for a second');

-- the clock is set back
SELECT pg_temp.clean();
SELECT pg_temp.fail(3, '{"verdict": "retry", "class": "http", "message": "m", "stop": {"probe_ms": 10000}}');
SELECT is(pg_temp.claims(), NULL, 'calls are stopped');
SELECT ordersync.set_stops('partner', jsonb_set(stops, '{"",probe_at}', to_jsonb(clock_timestamp() + interval '1 hour'))) FROM ordersync.gateways WHERE name = 'partner';
SELECT matches(pg_temp.claims(), '^[34]: 1$', 'the probe is made at once where it would be due in an hour');

-- the one shop whose calls are stopped goes elsewhere
SELECT pg_temp.clean();
SELECT pg_temp.fail(3, '{"verdict": "retry", "class": "http", "message": "m", "stop": {"probe_ms": 10, "shop": 3}}');
SELECT ordersync_pause_shop(3);
SELECT pg_temp.due();
SELECT pg_temp.claims();
SELECT is((SELECT stops #>> '{"",shop}' FROM ordersync.gateways WHERE name = 'partner'), '3', 'calls of a shop that is paused are still stopped');
SELECT ordersync_resume_shop(3);
UPDATE ordersync.shops SET gateway = 'taobao' WHERE shop_id = 3;
SELECT pg_temp.claims();
SELECT is((SELECT stops FROM ordersync.gateways WHERE name = 'partner'), '{}', 'those of one that has another gateway are not');
UPDATE ordersync.shops SET gateway = 'partner', key_state = 'ok' WHERE shop_id = 3;
UPDATE ordersync.gateways SET stops = '{}', lifted_at = NULL;

-- a relay whose codes are words
SELECT pg_temp.clean();
SELECT pg_temp.fail(3, '{"verdict": "retry", "class": "http", "message": "m", "stop": {"probe_ms": 60000}}');
SELECT pg_temp.fail(4, jsonb_build_object('verdict', 'retry', 'class', 'platform', 'message', 'busy (the gateway''s code AGAIN)',
	'call', jsonb_build_object('method', '/OrderIncrement', 'verdict', 'retry', 'msg', 'busy', 'started_at', floor(extract(epoch FROM clock_timestamp()) * 1000) + 1)));
SELECT results_eq($$ SELECT g.stops, max(t.attempt) FROM ordersync.gateways g, ordersync.sync_tasks t WHERE g.name = 'partner' AND t.shop_id = 4 GROUP BY g.name $$,
	$$ VALUES ('{}'::jsonb, 1) $$, 'one that refuses a call with such a code answers: calls are made again, and it is the task''s failure');

-- a probe that nobody could make
SELECT pg_temp.clean();
UPDATE ordersync.sync_tasks SET state = 'cancelled';
SELECT is(ordersync.next_due(), NULL, 'nothing is due');
UPDATE ordersync.gateways SET next_probe_at = now() - interval '1 minute' WHERE name = 'partner';
SELECT is(ordersync.next_due() - now(), interval '10 seconds', 'a probe that is due and could not be made is looked for again');
UPDATE ordersync.gateways SET next_probe_at = now() + interval '3 seconds' WHERE name = 'partner';
SELECT is(ordersync.next_due() - now(), interval '3 seconds', 'one that will be due, then');
UPDATE ordersync.sync_runs SET state = 'cancelled';
SELECT is(ordersync.next_due(), NULL, 'where no run waits for it, never');
SELECT * FROM finish();
ROLLBACK;
