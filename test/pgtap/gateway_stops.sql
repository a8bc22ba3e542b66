-- Calls of a gateway that are stopped, as a worker says it, without worker or network.
BEGIN;
SELECT plan(42);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_gateway('other', 'https://gw2.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, 'a', 'session-1'), ordersync_add_shop(2, 'b', 'session-2'), ordersync_add_shop(3, 'c', 'session-3', 'other');
UPDATE ordersync.shops SET key_state = 'ok';

-- A run with so many tasks of a list, the newest owned by "alive" with token 42 where its attempt is given.
CREATE FUNCTION pg_temp.run(shop bigint, stream text, tasks integer, attempts integer DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
	VALUES (shop, 'full', now() - interval '20 days', now(), tasks, 'running', now()) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until)
	SELECT r, shop, stream, 'modified', now() - make_interval(days => n), now() - make_interval(days => n - 1) FROM generate_series(1, tasks) n;
	IF attempts IS NOT NULL THEN
		UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42, attempt = attempts, claimed_at = clock_timestamp()
		WHERE run_id = r AND until = now();
	END IF;
	RETURN r;
END $$;
CREATE FUNCTION pg_temp.fail(run bigint, stop jsonb, class text DEFAULT 'http') RETURNS text LANGUAGE sql AS $$
	SELECT (ordersync.fail(t.task_id, 42, jsonb_build_object('verdict', 'retry', 'class', class, 'message', 'HTTP status 503', 'stop', stop, 'key', stop -> 'key',
		'call', jsonb_build_object('method', 'm', 'verdict', 'retry', 'started_at', floor(extract(epoch FROM clock_timestamp()) * 1000))))).state
	FROM ordersync.sync_tasks t WHERE t.run_id = run AND t.token = 42 $$;
CREATE FUNCTION pg_temp.again(run bigint, attempts integer DEFAULT 1) RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42, attempt = attempts, claimed_at = clock_timestamp()
	WHERE task_id = (SELECT max(task_id) FROM ordersync.sync_tasks WHERE run_id = run AND state = 'pending') $$;
CREATE FUNCTION pg_temp.claims() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(shop_id || ' ' || stream || ' ' || n, ', ' ORDER BY shop_id, stream)
	FROM (SELECT shop_id, stream, count(*) AS n FROM ordersync.claim('alive2', 100, 100) GROUP BY 1, 2) c $$;
-- Gives back what was claimed.
CREATE FUNCTION pg_temp.unclaim() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL, attempt = 0 WHERE owner = 'alive2' $$;
CREATE FUNCTION pg_temp.due() RETURNS void LANGUAGE sql AS $$
	SELECT ordersync.set_stops(g.name, (SELECT jsonb_object_agg(s.key, s.value || jsonb_build_object('probe_at', clock_timestamp())) FROM jsonb_each(g.stops) s))
	FROM ordersync.gateways g WHERE stops <> '{}' $$;
CREATE TEMP TABLE r AS SELECT pg_temp.run(1, 'orders', 5, 8) AS a, pg_temp.run(2, 'after_sales', 5) AS b, pg_temp.run(3, 'orders', 2) AS c;

-- all calls
SELECT is((SELECT pg_temp.fail(a, '{"probe_ms": 60000}') FROM r), 'pending', 'a failure of the gateway fails no task at its last attempt');
SELECT results_eq($$ SELECT attempt, next_attempt_at, error_class FROM ordersync.sync_tasks JOIN r ON run_id = a WHERE error IS NOT NULL $$,
	$$ VALUES (7, NULL::timestamptz, 'http') $$, 'it costs none, and the task is due when the gateway is');
SELECT results_eq($$ SELECT stopped_since <= clock_timestamp(), next_probe_at > clock_timestamp() + interval '58 seconds' FROM ordersync.gateways WHERE name = 'taobao' $$,
	$$ VALUES (true, true) $$, 'the gateway''s row says since when, and when it is tried');
SELECT results_eq($$ SELECT gateway, method, shop_id, error_class, error FROM ordersync.stopped_calls $$,
	$$ VALUES ('taobao', NULL::text, NULL::bigint, 'http', 'HTTP status 503') $$, 'so does the view');
SELECT is(pg_temp.claims(), '3 orders 2', 'only another gateway''s tasks are claimed');
UPDATE ordersync.sync_tasks SET owner = 'alive3' WHERE owner = 'alive2';
SELECT is(ordersync.next_due() > clock_timestamp() + interval '58 seconds', true, 'the next claim is worth while when a probe is due');
SELECT alike(waiting_for, 'gateway "taobao": it does not answer since % (http), next probe at %', 'its runs say so') FROM ordersync.run_progress JOIN r ON run_id = b;
SELECT results_eq($$ SELECT state, stopped_calls, what_to_do FROM ordersync.gateway_health WHERE gateway = 'taobao' $$,
	$$ VALUES ('unreachable', 'all: HTTP status 503', 'SELECT ordersync_lift_ban(''taobao'')') $$, 'the gateway says so');
SELECT is(array_agg(state ORDER BY shop_id), '{waiting for gateway,waiting for gateway}', 'its shops refer to it') FROM ordersync.shop_health WHERE gateway = 'taobao';
SELECT alike(detail, 'unreachable, for all of its 2 shops, since %: HTTP status 503', 'the doctor has it once')
FROM ordersync.check_health_gateways() WHERE check_name = 'gateway "taobao"';
SELECT is((SELECT hint FROM ordersync.failed_tasks JOIN r ON run_id = a), 'gateway "taobao": HTTP status 503; see ordersync.gateway_health', 'a task refers to it');

-- a probe
SELECT pg_temp.due();
SELECT is((SELECT count(*) FROM ordersync.claim('alive2', 100, 100)), 1::bigint, 'when it is due, one task is claimed');
SELECT is(pg_temp.claims(), NULL, 'and no other');
SELECT is((SELECT next_probe_at BETWEEN clock_timestamp() + interval '8 seconds' AND clock_timestamp() + interval '10 seconds' FROM ordersync.gateways WHERE name = 'taobao'),
	true, 'whatever becomes of it, the next one is ten seconds later');
SELECT pg_temp.unclaim();
UPDATE ordersync.sync_tasks SET error_class = 'http' WHERE run_id = (SELECT a FROM r) AND since < now() - interval '3 days';
SELECT is((SELECT bool_and(ordersync.probe_task('{"gateway": "taobao", "name": "", "shop": 1}', clock_timestamp()) IN (
	SELECT task_id FROM ordersync.sync_tasks JOIN r ON run_id = a WHERE error_class IS NULL)) FROM generate_series(1, 20)), true, 'one that has not failed yet, where there is one');
SELECT pg_temp.again(b, 1) FROM r;
SELECT is((SELECT pg_temp.fail(b, '{"probe_ms": 4000}') FROM r), 'pending', 'a probe that fails');
SELECT is((SELECT max(attempt) FROM ordersync.sync_tasks JOIN r ON run_id = b), 0, 'costs no attempt');
SELECT is((SELECT next_probe_at < clock_timestamp() + interval '4 seconds' FROM ordersync.gateways WHERE name = 'taobao'), true, 'and says when the next one is due');
SELECT pg_temp.again(b, 3) FROM r;
SELECT pg_temp.fail(b, '{"probe_ms": 4000, "own": true}') FROM r;
SELECT is((SELECT max(attempt) FROM ordersync.sync_tasks JOIN r ON run_id = b), 3, 'what is the task''s own costs one all the same');

-- after a restart workers know nothing of it
SELECT pg_temp.again(b, 5) FROM r;
SELECT pg_temp.fail(b, NULL) FROM r;
SELECT is((SELECT max(attempt) FROM ordersync.sync_tasks JOIN r ON run_id = b), 4, 'a failure that its worker does not know to be the gateway''s costs none while it is stopped');
SELECT is((SELECT next_probe_at > clock_timestamp() + interval '9 seconds' FROM ordersync.gateways WHERE name = 'taobao'), true, 'and it is tried again in ten seconds');

-- a task that is given back
SELECT pg_temp.again(b, 5) FROM r;
SELECT ordersync.give_back(task_id, 42, '{"stop": {"probe_ms": 9000}, "walk": {"walk": "w"}}') FROM ordersync.sync_tasks WHERE token = 42;
SELECT results_eq($$ SELECT state, attempt, walk, error_class, calls FROM ordersync.sync_tasks WHERE walk IS NOT NULL $$,
	$$ VALUES ('pending', 4, '{"walk": "w"}'::jsonb, 'http', 3) $$, 'a task that is given back is as it was, at the place where it stood');
SELECT throws_ok($$ SELECT ordersync.give_back(task_id, 42, '{"stop": {"probe_ms": 9000}}') FROM ordersync.sync_tasks WHERE walk IS NOT NULL $$, 'OS001', NULL, 'by its owner only');

-- the end
SELECT ordersync.end_stops('taobao', 'm', clock_timestamp() - interval '1 hour');
SELECT is((SELECT stops = '{}' FROM ordersync.gateways WHERE name = 'taobao'), false, 'an answer to a call of before ends nothing');
SELECT ordersync.end_stops('taobao', 'm', clock_timestamp());
SELECT results_eq($$ SELECT stops, stopped_since, next_probe_at FROM ordersync.gateways WHERE name = 'taobao' $$,
	$$ VALUES ('{}'::jsonb, NULL::timestamptz, NULL::timestamptz) $$, 'a good answer does');
UPDATE ordersync.sync_tasks SET next_attempt_at = NULL;
SELECT is(pg_temp.claims(), '1 orders 5, 2 after_sales 5', 'all is claimed at once');
SELECT pg_temp.unclaim();

-- one method, one shop
UPDATE ordersync.gateways SET failing_since = NULL;
SELECT pg_temp.again(a) FROM r;
SELECT pg_temp.fail(a, '{"probe_ms": 60000, "method": "m", "shop": 1}') FROM r;
SELECT is((SELECT stopped_since FROM ordersync.gateways WHERE name = 'taobao'), NULL, 'one method of one shop: the gateway is not stopped');
SELECT results_eq($$ SELECT g.state, s.state, s.what_to_do FROM ordersync.gateway_health g, ordersync.shop_health s WHERE g.gateway = 'taobao' AND s.shop_id = 1 $$,
	$$ VALUES ('ok', 'failing', 'SELECT ordersync_lift_ban(''taobao'')') $$, 'it is well, its shop is not');
SELECT pg_temp.run(1, 'after_sales', 1);
UPDATE ordersync.sync_runs SET kind = 'incremental' WHERE run_id = (SELECT max(run_id) FROM ordersync.sync_runs);
SELECT is(pg_temp.claims(), '1 after_sales 1, 2 after_sales 5', 'the shop''s other lists are claimed, and other shops''');
SELECT pg_temp.unclaim();
SELECT is(waiting_for, 'a worker, of which this database has none: SELECT * FROM ordersync_doctor()', 'they wait for nothing else') FROM ordersync.run_progress JOIN r ON run_id = b;
SELECT pg_temp.again(b) FROM r;
SELECT pg_temp.fail(b, '{"probe_ms": 60000, "method": "n"}', 'malformed') FROM r;
SELECT is((SELECT state || ': ' || stopped_calls FROM ordersync.gateway_health WHERE gateway = 'taobao'), 'partly failing: n: HTTP status 503', 'one method of all shops is told of the gateway');
SELECT is(pg_temp.claims(), NULL, 'its list waits in all shops');
SELECT pg_temp.due();
SELECT is((SELECT string_agg(stream, ',' ORDER BY stream) FROM ordersync.claim('alive2', 100, 100)), 'after_sales,orders', 'a probe of each');
SELECT pg_temp.unclaim();
SELECT ordersync.end_stops('taobao', 'm', clock_timestamp());
SELECT is((SELECT string_agg(method, ',') FROM ordersync.stopped_calls), 'n', 'an answer of a method ends its own stop only');

-- the check of keys
SELECT ordersync.lift_stops('taobao');
UPDATE ordersync.shops SET key_state = 'unchecked' WHERE shop_id = 1;
SELECT pg_temp.again(a) FROM r;
SELECT pg_temp.fail(a, '{"probe_ms": 60000, "method": "user.get", "key": true}') FROM r;
SELECT is(pg_temp.claims(), '2 after_sales 5', 'where key checks fail, a shop with a key that is checked goes on');
SELECT pg_temp.unclaim();

-- so many calls without an answer that no more are made
UPDATE ordersync.gateways SET failing_since = NULL;
SELECT ordersync.lift_stops('taobao');
UPDATE ordersync.shops SET key_state = 'ok';
SELECT pg_temp.again(b) FROM r;
SELECT ordersync.give_back(task_id, 42, '{"stop": {"probe_ms": 8000, "unanswered": true}}') FROM ordersync.sync_tasks WHERE token = 42;
SELECT results_eq($$ SELECT g.state, s.error_class, stopped_calls FROM ordersync.gateway_health g JOIN ordersync.stopped_calls s USING (gateway) WHERE gateway = 'taobao' $$,
	$$ VALUES ('ok', 'unanswered', NULL::text) $$, 'nothing is said of a gateway that has not answered yet, but of its run');
SELECT alike(waiting_for, 'gateway "taobao": it has not answered yet, calls wait since %, next probe at %', 'that waits') FROM ordersync.run_progress JOIN r ON run_id = b;
-- these calls fail; whoever gives back a task knows that calls are stopped, not why, and may be written before them
SELECT pg_temp.again(b) FROM r;
SELECT ordersync.give_back(task_id, 42, '{"stop": {"probe_ms": 1000}}') FROM ordersync.sync_tasks WHERE token = 42;
SELECT results_eq('SELECT error_class, error, next_probe_at < clock_timestamp() + interval ''2 seconds'' FROM ordersync.stopped_calls', $$ VALUES ('unanswered', 'no answer yet', true) $$, 'before they are noted nobody says why');
SELECT pg_temp.again(b) FROM r;
SELECT pg_temp.fail(b, NULL, 'timeout') FROM r;
SELECT pg_temp.again(b) FROM r;
SELECT ordersync.give_back(task_id, 42, '{"stop": {"probe_ms": 8000}}') FROM ordersync.sync_tasks WHERE token = 42;
SELECT results_eq('SELECT error_class, error FROM ordersync.stopped_calls', $$ VALUES ('timeout', 'HTTP status 503') $$, 'the calls that failed before say why');

-- somebody has it tried
SELECT pg_temp.again(b) FROM r;
SELECT pg_temp.fail(b, '{"probe_ms": 60000}') FROM r;
SELECT ordersync_lift_ban('taobao');
SELECT results_eq($$ SELECT action, details ? 'stopped_since' FROM ordersync.setup_history ORDER BY history_id DESC LIMIT 1 $$, $$ VALUES ('ban lifted', true) $$, 'ordersync_lift_ban is recorded');
SELECT is((SELECT stops FROM ordersync.gateways WHERE name = 'taobao'), '{}', 'and has calls made at once');
SELECT pg_temp.again(b) FROM r;
UPDATE ordersync.sync_tasks SET claimed_at = now() - interval '1 hour' WHERE token = 42;
SELECT ordersync.give_back(task_id, 42, '{"stop": {"probe_ms": 8000}}') FROM ordersync.sync_tasks WHERE token = 42;
SELECT is((SELECT stops FROM ordersync.gateways WHERE name = 'taobao'), '{}', 'what a worker knew before does not come back');
SELECT * FROM finish();
ROLLBACK;
