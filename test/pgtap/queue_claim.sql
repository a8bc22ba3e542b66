-- Claiming, settling and failing as a worker does it, without worker or network: who may have which task.
BEGIN;
SELECT plan(64);
SET client_min_messages = error;

-- who is alive is for this test to say
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld',
	options => '{"calls_per_second": 7.5, "proxy": "http://proxy.example.com:3128"}');
SELECT ordersync_add_shop(n, '测试店铺' || n, 'session-' || n) FROM generate_series(1, 3) n;

-- a run of so many hours of windows, the newest ending now
CREATE FUNCTION pg_temp.run(shop bigint, windows integer, kind text DEFAULT 'full') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks)
	VALUES (shop, kind, now() - interval '1 hour' * windows, now(), windows) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until)
	SELECT r, shop, 'orders', 'created', date_trunc('hour', now()) - interval '1 hour' * n, date_trunc('hour', now()) - interval '1 hour' * (n - 1)
	FROM generate_series(1, windows) n;
	RETURN r;
END $$;
CREATE FUNCTION pg_temp.claim(n integer, owner text DEFAULT 'alive', shops integer DEFAULT 1000)
RETURNS TABLE (task_id bigint, run_id bigint, token bigint, shop_id bigint, attempt integer, key_check boolean)
LANGUAGE sql AS $$ SELECT task_id, run_id, token, shop_id, attempt, key_check FROM ordersync.claim(owner, n, shops) $$;
CREATE FUNCTION pg_temp.done(task bigint) RETURNS boolean LANGUAGE sql AS $$
	SELECT ordersync.settle(t.task_id, t.token, jsonb_build_object('state', 'succeeded', 'outcome', 'counted', 'reported', 1, 'seen', 1, 'passes', 1, 'closed_since', EXTRACT(epoch FROM t.since)::bigint, 'closed_until', EXTRACT(epoch FROM t.until)::bigint, 'page_new', 1))
	FROM ordersync.sync_tasks t WHERE t.task_id = task $$;

SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'nothing to do, nothing claimed');
SELECT is(ordersync.next_due(), NULL, 'and nothing due');

-- the key comes first
CREATE TEMP TABLE r AS SELECT pg_temp.run(1, 5) AS one, pg_temp.run(2, 5) AS two;
CREATE TEMP TABLE c AS SELECT * FROM pg_temp.claim(10);
SELECT is((SELECT array_agg(shop_id ORDER BY shop_id) FROM c), '{1,2}', 'of a shop whose key is unchecked one task is claimed');
SELECT is((SELECT bool_and(key_check) FROM c), true, 'to check it');
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'and no other while it is in flight');
SELECT is(ordersync.settle_key((SELECT task_id FROM c WHERE shop_id = 1), (SELECT token FROM c WHERE shop_id = 1), ordersync.data_key_seal(1), 'answered', 71, '测试店铺1', 0, NULL), 'ok', 'the key is the shop''s');
SELECT is((SELECT state FROM ordersync.sync_tasks WHERE task_id = (SELECT task_id FROM c WHERE shop_id = 1)), 'running', 'its task goes on');
SELECT is((SELECT count(*) FROM pg_temp.claim(10)), 4::bigint, 'then the shop''s other tasks are free');
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'the other shop''s are not');
SELECT is(ordersync.settle_key((SELECT task_id FROM c WHERE shop_id = 2), (SELECT token FROM c WHERE shop_id = 2), ordersync.data_key_seal(2), 'unverified', NULL, NULL, 0, NULL), 'unverified', 'a key that cannot be checked');
SELECT results_eq($$ SELECT DISTINCT key_check, require_seller, seller_nicks FROM ordersync.claim('alive', 2, 1000) $$,
	$$ VALUES (false, true, ARRAY['测试店铺2']) $$, 'makes every record name its seller');

-- a day after the last check
UPDATE ordersync.shops SET key_state = 'ok', key_verify_at = now() - interval '1 second' WHERE shop_id = 2;
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE shop_id = 2;
CREATE TEMP TABLE daily AS SELECT * FROM ordersync.claim('alive', 2, 1000);
SELECT results_eq('SELECT count(*), count(*) FILTER (WHERE key_check AND key_recheck) FROM daily', 'VALUES (2::bigint, 1::bigint)', 'one of a shop''s tasks checks its key, the others go on');
SELECT is((SELECT bool_or(key_check) FROM ordersync.claim('alive', 2, 1000)), false, 'and none of the next ones');
SELECT is(ordersync.settle_key(task_id, token, ordersync.data_key_seal(shop_id), 'unanswered', NULL, NULL, 0, NULL), 'ok', 'a check that fails for another reason') FROM daily WHERE key_check;
SELECT results_eq($$ SELECT t.state, s.key_verify_at > now() + interval '50 minutes' FROM ordersync.sync_tasks t JOIN ordersync.shops s USING (shop_id) JOIN daily USING (task_id) WHERE daily.key_check $$,
	$$ VALUES ('running', true) $$, 'stops nothing, and is made again in an hour');
UPDATE ordersync.shops SET key_state = 'expired' WHERE shop_id = 2;
SELECT is(ordersync.settle_key(task_id, token, ordersync.data_key_seal(shop_id), 'unanswered', NULL, NULL, 0, NULL), 'expired', 'unless another task has found the key refused') FROM daily WHERE key_check;
SELECT is((SELECT t.state FROM ordersync.sync_tasks t JOIN daily USING (task_id) WHERE daily.key_check), 'pending', 'then the task waits, too');

-- all that a worker needs
UPDATE ordersync.sync_tasks SET state = 'succeeded', owner = NULL, token = NULL WHERE state = 'running';
UPDATE ordersync.sync_runs SET state = 'succeeded', open_tasks = 0;
UPDATE ordersync.sync_tasks SET state = 'succeeded';
UPDATE ordersync.shops SET key_state = 'ok';
UPDATE ordersync.gateways SET clock_offset = '-2.5 seconds';
TRUNCATE r; INSERT INTO r SELECT pg_temp.run(1, 3);
UPDATE ordersync.sync_tasks SET page_size = 25 WHERE run_id = (SELECT one FROM r) AND until = (SELECT max(until) FROM ordersync.sync_tasks WHERE run_id = (SELECT one FROM r));
CREATE TEMP TABLE full_claim AS SELECT * FROM ordersync.claim('alive.1', 2, 1000);
SELECT results_eq($$ SELECT shop_id, stream, basis, until_s - since_s, fresh, may_cut, ids, attempt, walk, key_check, require_seller, seller_nicks,
		gateway, base_url, app_key, protocol, sign_method, proxy, page_size, calls_per_second, clock_offset_ms FROM full_claim ORDER BY until_s DESC $$,
	$$ VALUES (1::bigint, 'orders', 'created', 3600::bigint, false, true, NULL::bigint[], 1, NULL::jsonb, false, false, ARRAY['测试店铺1'],
		'taobao', 'https://gw.example.com/router/rest', '12345678', 'top', 'hmac-sha256', 'http://proxy.example.com:3128', 25, 7.5::double precision, -2500::bigint),
		(1::bigint, 'orders', 'created', 3600::bigint, false, true, NULL::bigint[], 1, NULL::jsonb, false, false, ARRAY['测试店铺1'],
		'taobao', 'https://gw.example.com/router/rest', '12345678', 'top', 'hmac-sha256', 'http://proxy.example.com:3128', 100, 7.5::double precision, -2500::bigint) $$,
	'a claim brings window, gateway and limits');
SELECT is((SELECT count(*) FROM full_claim WHERE sealed_data_key IS NULL OR sealed_app_secret IS NULL), 0::bigint, 'and the sealed secrets');
SELECT is((SELECT count(DISTINCT token) FROM full_claim), 2::bigint, 'each task has a token of its own');
SELECT results_eq($$ SELECT DISTINCT state, owner, claimed_at IS NOT NULL FROM ordersync.sync_tasks WHERE task_id IN (SELECT task_id FROM full_claim) $$,
	$$ VALUES ('running', 'alive.1', true) $$, 'a claimed task is its owner''s');
SELECT is((SELECT state FROM ordersync.sync_runs WHERE run_id = (SELECT one FROM r)), 'running', 'its run is running');
SELECT is((SELECT started_at IS NOT NULL FROM ordersync.sync_runs WHERE run_id = (SELECT one FROM r)), true, 'since now');
SELECT is((SELECT min(until_s) FROM full_claim), EXTRACT(epoch FROM date_trunc('hour', now()) - interval '1 hour')::bigint, 'the newest windows come first');

-- owners
SELECT is((SELECT count(*) FROM pg_temp.claim(10, 'alive.2')), 1::bigint, 'another worker gets what is left, and nothing twice');
UPDATE ordersync.sync_tasks SET owner = 'dead.1' WHERE owner = 'alive.1';
CREATE TEMP TABLE again AS SELECT * FROM pg_temp.claim(10, 'alive.3');
SELECT is((SELECT array_agg(task_id ORDER BY task_id) FROM again), (SELECT array_agg(task_id ORDER BY task_id) FROM full_claim),
	'tasks of a worker that died are free at once');
SELECT is((SELECT bool_and(attempt = 2) FROM again), true, 'and remember that they were tried');
SELECT throws_ok($$ SELECT ordersync.settle(task_id, token, '{"state": "running", "walk": {"walk": "w"}, "reported": 1, "seen": 1, "passes": 1, "page_new": 1}') FROM full_claim LIMIT 1 $$,
	'OS001', NULL, 'its old owner cannot settle them any more');
SELECT throws_ok($$ SELECT (ordersync.fail(task_id, token, '{"verdict": "retry", "class": "network", "message": "x", "retry_ms": 1}')).state FROM full_claim LIMIT 1 $$,
	'OS001', NULL, 'nor fail them');
SELECT throws_ok($$ SELECT ordersync.settle_key(task_id, token, ordersync.data_key_seal(shop_id), 'answered', 71, '测试店铺1', 0, NULL) FROM full_claim LIMIT 1 $$,
	'OS001', NULL, 'nor check keys with them');
UPDATE ordersync.sync_tasks SET owner = 'dead.2', attempt = 8 WHERE owner = 'alive.3';
SELECT is_empty($$ SELECT * FROM pg_temp.claim(10) $$, 'a task that its workers never survive is not handed out for ever');
SELECT results_eq($$ SELECT state, error_class, count(*) FROM ordersync.sync_tasks WHERE run_id = (SELECT one FROM r) AND state = 'failed' GROUP BY 1, 2 $$,
	$$ VALUES ('failed', 'worker', 2::bigint) $$, 'it has failed');
SELECT is((SELECT open_tasks FROM ordersync.sync_runs WHERE run_id = (SELECT one FROM r)), 1, 'and its run counts that');
SELECT is(pg_temp.done((SELECT max(task_id) FROM ordersync.sync_tasks WHERE owner = 'alive.2')), true, 'the last task ends the run');
SELECT is((SELECT state FROM ordersync.sync_runs WHERE run_id = (SELECT one FROM r)), 'incomplete', 'which is incomplete');

-- turns
TRUNCATE r; INSERT INTO r SELECT pg_temp.run(1, 2), pg_temp.run(1, 2);
SELECT is((SELECT array_agg(DISTINCT run_id) FROM pg_temp.claim(10)), (SELECT ARRAY[one] FROM r), 'runs of one shop and kind go one after another');
CREATE TEMP TABLE i AS SELECT pg_temp.run(1, 1, 'incremental') AS run;
SELECT is((SELECT array_agg(DISTINCT run_id) FROM pg_temp.claim(10)), (SELECT ARRAY[run] FROM i), 'different kinds at once');
SELECT ordersync.count_tasks((SELECT one FROM r), -1);
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'while one task is open the next run waits');
INSERT INTO i SELECT pg_temp.run(1, 1, 'order'); INSERT INTO i SELECT pg_temp.run(1, 1, 'order');
SELECT is((SELECT count(DISTINCT run_id) FROM pg_temp.claim(10)), 2::bigint, 'orders asked for one by one are never held back');
SELECT pg_temp.done(task_id) FROM ordersync.sync_tasks WHERE run_id = (SELECT one FROM r) AND state = 'running' LIMIT 1;
SELECT is((SELECT array_agg(DISTINCT run_id) FROM pg_temp.claim(10)), (SELECT ARRAY[two] FROM r), 'then it has its turn');

-- an unchecked key is checked once, however many orders are asked for
UPDATE ordersync.sync_tasks SET state = 'succeeded', owner = NULL, token = NULL WHERE state IN ('running', 'pending');
UPDATE ordersync.shops SET key_state = 'unchecked' WHERE shop_id = 1;
INSERT INTO i SELECT pg_temp.run(1, 1, 'order') FROM generate_series(1, 3);
SELECT is((SELECT count(*) FROM pg_temp.claim(10)), 1::bigint, 'urgent or not, an unchecked key is checked first');
UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = 1;

-- due or not
UPDATE ordersync.sync_tasks SET state = 'succeeded', owner = NULL, token = NULL WHERE state IN ('running', 'pending');
UPDATE ordersync.sync_runs SET state = 'succeeded', open_tasks = 0 WHERE state IN ('running', 'pending');
TRUNCATE r; INSERT INTO r SELECT pg_temp.run(1, 2);
UPDATE ordersync.sync_tasks SET next_attempt_at = clock_timestamp() + interval '1 hour' WHERE run_id = (SELECT one FROM r);
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'a task in back-off is not due');
SELECT is(ordersync.next_due(), (SELECT min(next_attempt_at) FROM ordersync.sync_tasks WHERE run_id = (SELECT one FROM r)), 'next_due says when');
UPDATE ordersync.sync_tasks SET next_attempt_at = now() WHERE run_id = (SELECT one FROM r);
UPDATE ordersync.gateways SET throttled_until = clock_timestamp() + interval '1 minute';
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'a throttled gateway''s tasks wait');
SELECT is(ordersync.next_due(), (SELECT throttled_until FROM ordersync.gateways), 'next_due says until when');
UPDATE ordersync.sync_tasks SET next_attempt_at = clock_timestamp() WHERE run_id = (SELECT one FROM r);
SELECT is(ordersync.next_due(), (SELECT min(next_attempt_at) FROM ordersync.sync_tasks WHERE run_id = (SELECT one FROM r)),
	'what became due since the transaction began may have been missed by its claim: at once');
UPDATE ordersync.gateways SET throttled_until = clock_timestamp();
UPDATE ordersync.shops SET enabled = false WHERE shop_id = 1;
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'a paused shop''s tasks wait');
UPDATE ordersync.shops SET enabled = true, key_state = 'expired' WHERE shop_id = 1;
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'those of one whose key is expired too');
UPDATE ordersync.shops SET key_state = 'wrong_seller' WHERE shop_id = 1;
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'of one whose key is another''s');
UPDATE ordersync.shops SET key_state = 'key_unreadable' WHERE shop_id = 1;
SELECT is_empty('SELECT * FROM pg_temp.claim(10)', 'of one whose key cannot be read');
SELECT ordersync_set_data_key(1, 'session-1');
SELECT is((SELECT count(*) FROM pg_temp.claim(10)), 1::bigint, 'with a new key they go on');

-- fairness
UPDATE ordersync.sync_tasks SET state = 'succeeded', owner = NULL, token = NULL WHERE state IN ('running', 'pending');
UPDATE ordersync.sync_runs SET state = 'succeeded', open_tasks = 0 WHERE state IN ('running', 'pending');
UPDATE ordersync.shops SET key_state = 'ok';
TRUNCATE r; INSERT INTO r SELECT pg_temp.run(1, 100), pg_temp.run(2, 100);
INSERT INTO i SELECT pg_temp.run(3, 2);
CREATE TEMP TABLE f AS SELECT * FROM pg_temp.claim(12);
SELECT results_eq('SELECT shop_id, count(*) FROM f GROUP BY 1 ORDER BY 1', 'VALUES (1::bigint, 5::bigint), (2, 5), (3, 2)', 'shops share a worker evenly, small ones are not kept waiting');
SELECT pg_temp.done(task_id) FROM f WHERE shop_id = 1;
SELECT is((SELECT array_agg(DISTINCT shop_id) FROM pg_temp.claim(4)), '{1}', 'what is free goes to the shop with least in flight');
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
SELECT is((SELECT count(DISTINCT shop_id) FROM pg_temp.claim(12, 'alive', 1)), 1::bigint, 'no more shops at a time than allowed');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running') BETWEEN 2 AND 12, true, 'which get what there is of them');
SELECT is((SELECT count(DISTINCT shop_id) FROM ordersync.sync_tasks WHERE state = 'running'), 1::bigint, 'also with the next claim');
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE state = 'running';
SELECT is((SELECT count(*) FROM pg_temp.claim(1000)), 197::bigint, 'who asks for everything gets everything');

-- many shops: one look is enough, and it is not always the same ones
UPDATE ordersync.sync_tasks SET state = 'succeeded', owner = NULL, token = NULL WHERE state IN ('running', 'pending');
UPDATE ordersync.sync_runs SET state = 'succeeded', open_tasks = 0 WHERE state IN ('running', 'pending');
SELECT ordersync.store_shop(n, 'n' || n, 'k', 'taobao', NULL) FROM generate_series(101, 300) n;
UPDATE ordersync.shops SET key_state = 'ok';
SELECT pg_temp.run(n, 5) FROM generate_series(101, 300) n;
CREATE TEMP TABLE many AS SELECT * FROM pg_temp.claim(16);
SELECT results_eq('SELECT count(*), count(DISTINCT shop_id) FROM many', 'VALUES (16::bigint, 16::bigint)', 'of many shops each gives one');
SELECT is((SELECT count(DISTINCT shop_id) FROM pg_temp.claim(16)), 16::bigint, 'the next claim');
SELECT is((SELECT count(DISTINCT shop_id) FROM ordersync.sync_tasks WHERE state = 'running'), 32::bigint, 'takes others');
SELECT isnt((SELECT max(shop_id) FROM ordersync.sync_tasks WHERE state = 'running'), 132::bigint, 'not in the order of their numbers');
SELECT is((SELECT count(*) FROM pg_temp.claim(512)), 512::bigint, 'more than there are shops: several of each');

-- a pause and a resume may both be over before a worker asks what was recalled: then it has the task twice
SELECT pg_temp.run(1, 2);
CREATE TEMP TABLE first_claim AS SELECT * FROM pg_temp.claim(512) WHERE shop_id = 1 ORDER BY task_id LIMIT 1;
UPDATE ordersync.shops SET enabled = shop_id = 1;
SELECT ordersync.release_tasks(1);
CREATE TEMP TABLE second_claim AS SELECT * FROM pg_temp.claim(512);
SELECT is(ordersync.recall_tasks(ARRAY[s.task_id, f.task_id], ARRAY[s.token, f.token]), ARRAY[2::bigint], 'of two claims of a task the first is lost, the second is not')
FROM first_claim f JOIN second_claim s USING (task_id);
SELECT is((SELECT t.token FROM ordersync.sync_tasks t WHERE t.task_id = f.task_id AND t.state = 'running'), s.token, 'which still has it')
FROM first_claim f JOIN second_claim s USING (task_id);

SELECT * FROM finish();
ROLLBACK;
