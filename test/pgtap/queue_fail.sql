-- Failing and key checks as a worker does them, without worker or network.
BEGIN;
SELECT plan(74);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
UPDATE ordersync.shops SET key_state = 'ok';
CREATE FUNCTION pg_temp.task(attempts integer DEFAULT 1) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint; t bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
	VALUES (1, 'incremental', now() - interval '1 day', now(), 1, 'running', now()) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, owner, token, attempt, claimed_at, walk)
	VALUES (r, 1, 'orders', 'modified', now() - interval '1 day', now(), 'running', 'alive', 42, attempts, clock_timestamp(), '{"walk": "w"}') RETURNING task_id INTO t;
	RETURN t;
END $$;
CREATE FUNCTION pg_temp.fail(task bigint, verdict text, class text, retry_ms bigint DEFAULT 0, charge boolean DEFAULT true, walk jsonb DEFAULT NULL, key_seal text DEFAULT ordersync.data_key_seal(1))
RETURNS text LANGUAGE sql AS $$ SELECT (ordersync.fail(task, 42, jsonb_build_object('verdict', verdict, 'key_seal', key_seal, 'class', class, 'message', 'it said no', 'retry_ms', retry_ms, 'conflict', NOT charge, 'walk', walk, 'call', jsonb_build_object('method', 'm', 'verdict', verdict, 'started_at', 0, 'code', 7, 'answer', '{"error_response":{}}')))).state $$;
CREATE TEMP TABLE x (t bigint);
CREATE VIEW pg_temp.task AS SELECT k.*, r.state AS run_state, r.open_tasks FROM ordersync.sync_tasks k JOIN x ON t = task_id JOIN ordersync.sync_runs r USING (run_id);

-- again, later
INSERT INTO x SELECT pg_temp.task();
SELECT is((SELECT pg_temp.fail(t, 'retry', 'network', 5000) FROM x), 'pending', 'a network error is tried again');
SELECT results_eq($$ SELECT state, attempt, owner, token, walk, error_class, error, outcome, last_verdict, calls, run_state, open_tasks FROM pg_temp.task $$,
	$$ VALUES ('pending', 1, NULL, NULL::bigint, '{"walk": "w"}'::jsonb, 'network', 'it said no', NULL, 'retry', 1, 'running', 1) $$, 'nobody''s, with its attempt and walk kept');
SELECT is((SELECT next_attempt_at > clock_timestamp() + interval '4 seconds' FROM pg_temp.task), true, 'after the back-off');
SELECT results_eq($$ SELECT verdict, code, answer FROM ordersync.request_log WHERE task_id = (SELECT t FROM x) $$,
	$$ VALUES ('retry', 7::bigint, '{"error_response":{}}') $$, 'the call is in the log with what was answered');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT is((SELECT pg_temp.fail(t, 'malformed', 'malformed', 0, true, '{"walk": "w2"}') FROM x), 'pending', 'what is no answer is tried again');
SELECT is((SELECT walk FROM pg_temp.task), '{"walk": "w2"}'::jsonb, 'from where the walk stands');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(7);
SELECT is((SELECT pg_temp.fail(t, 'retry', 'timeout') FROM x), 'pending', 'the seventh attempt of eight');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(8);
SELECT is((SELECT pg_temp.fail(t, 'retry', 'timeout') FROM x), 'failed', 'the eighth');
SELECT results_eq($$ SELECT state, next_attempt_at, finished_at IS NOT NULL, run_state, open_tasks FROM pg_temp.task $$,
	$$ VALUES ('failed', NULL::timestamptz, true, 'failed', 0) $$, 'ends the task, and the run when it was the last');
SELECT is((SELECT what_to_do FROM ordersync.failed_tasks JOIN x ON t = task_id), 'SELECT ordersync_retry(' || (SELECT run_id FROM pg_temp.task) || ')', 'which says what to do');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(8);
SELECT is((SELECT pg_temp.fail(t, 'retry', 'database', 0, false) FROM x), 'pending', 'a conflict in the database is not charged');
SELECT is((SELECT attempt FROM pg_temp.task), 7, 'the attempt is given back');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(0);
SELECT is((SELECT pg_temp.fail(t, 'retry', 'database', 0, false) FROM x), 'pending', 'also right after a page');
SELECT is((SELECT attempt FROM pg_temp.task), 0, 'but never below none');

-- nobody asks again
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT is((SELECT pg_temp.fail(t, 'rejected', 'permission') FROM x), 'failed', 'a refusal is not tried again');
SELECT is((SELECT run_state FROM pg_temp.task), 'failed', 'a run of which all failed has failed');
SELECT throws_ok($$ SELECT pg_temp.fail(t, 'retry', 'network') FROM x $$, 'OS001', NULL, 'it fails once');

-- the platform asks for silence
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(8);
SELECT is((SELECT pg_temp.fail(t, 'throttled', 'throttled', 60000) FROM x), 'pending', 'a throttled task waits, whatever its attempts');
SELECT is((SELECT attempt FROM pg_temp.task), 7, 'uncharged');
SELECT is((SELECT throttled_until > clock_timestamp() + interval '59 seconds' FROM ordersync.gateways), true, 'and the whole gateway with it');
SELECT is_empty($$ SELECT * FROM ordersync.claim('alive', 100, 100) $$, 'nothing is claimed meanwhile');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, 'throttled', 'throttled', 1000) FROM x;
SELECT is((SELECT throttled_until > clock_timestamp() + interval '58 seconds' FROM ordersync.gateways), true, 'a shorter ban does not shorten a longer one');
UPDATE ordersync.gateways SET throttled_until = NULL;

-- the key is refused
TRUNCATE x; INSERT INTO x SELECT pg_temp.task(8);
SELECT is((SELECT pg_temp.fail(t, 'unauthorized', 'session') FROM x), 'pending', 'a task whose key was refused waits');
SELECT results_eq($$ SELECT attempt, next_attempt_at, run_state FROM pg_temp.task $$, $$ VALUES (7, NULL::timestamptz, 'running') $$, 'uncharged, without a time');
SELECT results_eq($$ SELECT key_state, key_message FROM ordersync.shops $$, $$ VALUES ('expired', 'it said no') $$, 'and its shop says why');
SELECT matches((SELECT waiting_for FROM ordersync.run_progress WHERE run_id = (SELECT run_id FROM pg_temp.task)), 'ordersync_set_session_key', 'progress names the call to type');
SELECT ordersync.data_key_seal(1) AS claimed \gset
SELECT ordersync_set_data_key(1, 'session-2');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, 'unauthorized', 'session', key_seal => :'claimed') FROM x;
SELECT is((SELECT key_state FROM ordersync.shops), 'unchecked', 'a refusal of the old key does not mark the new one');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, 'unauthorized', 'key_unreadable') FROM x;
SELECT is((SELECT key_state FROM ordersync.shops), 'unchecked', 'nor does its seal, where the new one opens');
UPDATE ordersync.secrets SET sealed = '\x00' WHERE kind = 'data_key';
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, 'unauthorized', 'key_unreadable') FROM x;
SELECT is((SELECT key_state FROM ordersync.shops), 'key_unreadable', 'a key that cannot be opened is a state of its own');
SELECT ordersync_set_data_key(1, 'session-2');

-- whose key is it
CREATE FUNCTION pg_temp.check_key(outcome text, user_id bigint, nick text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE ordersync.shops SET key_state = 'unchecked';
	TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
	RETURN ordersync.settle_key((SELECT t FROM x), 42, ordersync.data_key_seal(1), outcome, user_id, nick, 0, '{"method": "taobao.user.seller.get", "verdict": "ok", "started_at": 0, "duration_ms": 1}');
END $$;
SELECT is(pg_temp.check_key('answered', 71, '别人'), 'wrong_seller', 'another seller''s key');
SELECT results_eq($$ SELECT state, attempt, owner, token FROM pg_temp.task $$, $$ VALUES ('pending', 0, NULL, NULL::bigint) $$, 'puts the task back');
SELECT results_eq($$ SELECT key_state, key_message, user_id FROM ordersync.shops $$,
	$$ VALUES ('wrong_seller', 'the data key belongs to "别人", the shop is "测试店铺1"', NULL::bigint) $$, 'and stops the shop');
SELECT is_empty($$ SELECT * FROM ordersync.claim('alive', 100, 100) $$, 'not one order is asked for');
SELECT is(pg_temp.check_key('answered', 71, '别人:客服'), 'wrong_seller', 'another seller''s sub-account');
SELECT is(pg_temp.check_key('answered', 99, '测试店铺1:客服'), 'ok', 'the seller''s own sub-account');
SELECT is((SELECT user_id FROM ordersync.shops), NULL, 'whose number is not the seller''s');
SELECT is(pg_temp.check_key('answered', 71, '测试店铺1'), 'ok', 'the seller''s key');
SELECT results_eq($$ SELECT key_state, key_message, user_id, seller_nicks FROM ordersync.shops $$, $$ VALUES ('ok', NULL, 71::bigint, ARRAY['测试店铺1']) $$,
	'the platform''s number of the seller is remembered');
SELECT results_eq($$ SELECT state, token, calls, pages FROM pg_temp.task $$, $$ VALUES ('running', 42::bigint, 1, 0) $$, 'and the task goes on');
SELECT is(pg_temp.check_key('answered', 71, '新名字'), 'ok', 'a renamed seller is known by its number');
SELECT results_eq($$ SELECT key_message, seller_nick, seller_nicks FROM ordersync.shops $$,
	$$ VALUES ('the seller "测试店铺1" is now named "新名字": SELECT ordersync_add_shop(1, ''新名字'', NULL, NULL)', '测试店铺1', ARRAY['测试店铺1', '新名字']) $$, 'both names are the shop''s');
SELECT is(pg_temp.check_key('answered', 71, '新名字'), 'ok', 'from then on, too');
SELECT lives_ok($$ SELECT ordersync_add_shop(1, '新名字', NULL, NULL) $$, 'the name is taken over by the command that it says');
SELECT results_eq($$ SELECT key_message, seller_nick, seller_nicks, key_state FROM ordersync.shops $$,
	$$ VALUES (NULL, '新名字', ARRAY['测试店铺1', '新名字'], 'ok') $$, 'and nothing else is changed');
SELECT is(pg_temp.check_key('answered', 71, '新名字'), 'ok', 'from then on without a word');
SELECT is((SELECT key_message FROM ordersync.shops), NULL, 'about it');
SELECT is(pg_temp.check_key('answered', 72, '测试店铺1'), 'wrong_seller', 'who took over the old name is somebody else');
SELECT is(pg_temp.check_key('unverified', NULL, NULL), 'unverified', 'a platform that does not say');
UPDATE ordersync.sync_runs SET state = 'cancelled' WHERE run_id < (SELECT run_id FROM pg_temp.task);
UPDATE ordersync.sync_tasks SET owner = 'dead' WHERE task_id = (SELECT t FROM x);
SELECT is((SELECT require_seller FROM ordersync.claim('alive', 1, 100)), true, 'has every record name its seller');
SELECT is(pg_temp.check_key('answered', NULL, NULL), 'unverified', 'an answer without a name says nothing either');
SELECT is((SELECT state FROM pg_temp.task), 'running', 'the task goes on');
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT ordersync.data_key_seal(1) AS claimed \gset
SELECT ordersync_set_data_key(1, 'session-3');
SELECT is((SELECT ordersync.settle_key(t, 42, :'claimed', 'answered', 71, '测试店铺1', 0, NULL) FROM x), 'unchecked', 'an answer about the old key says nothing of the new one');
SELECT is((SELECT state FROM pg_temp.task), 'pending', 'its task is claimed anew, with the new key');
UPDATE ordersync.shops SET key_state = 'ok', key_message = 'known';
TRUNCATE x; INSERT INTO x SELECT pg_temp.task();
SELECT is((SELECT ordersync.settle_key(t, 42, :'claimed', 'answered', 72, '别人', 0, NULL) FROM x), 'unchecked', 'nor once the new one is known');
SELECT results_eq('SELECT key_state, key_message FROM ordersync.shops', $$VALUES ('ok', 'known')$$, 'which stays so');
SELECT is((SELECT count(*) > 0 FROM ordersync.request_log WHERE method = 'taobao.user.seller.get'), true, 'key checks are in the log');
SELECT is((SELECT first_full_at FROM ordersync.shops), NULL, 'and begin no full run');

-- nothing of a secret in what was written
SELECT is((SELECT count(*) FROM ordersync.request_log l WHERE l::text ~ 'session-|helloworld'), 0::bigint, 'no secret in the log');
SELECT is((SELECT count(*) FROM ordersync.shops s, ordersync.gateways g WHERE s::text || g::text ~ 'session-|helloworld'), 0::bigint, 'nor in the set-up''s tables');

-- which failures cost an attempt, and after how long the next one is made, is decided here: the worker says what it met
CREATE FUNCTION pg_temp.cost(failure jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE t bigint := pg_temp.task(3);
BEGIN
	PERFORM ordersync.fail(t, 42, '{"message": "it said no"}' || failure);
	RETURN (SELECT attempt - 2 FROM ordersync.sync_tasks WHERE task_id = t);
END $$;
SELECT is(pg_temp.cost(f::jsonb), c, 'attempts that it costs: ' || f) FROM (VALUES
	('{"verdict": "retry", "class": "network"}', 1),
	('{"verdict": "malformed", "class": "malformed"}', 1),
	('{"verdict": "retry", "class": "database"}', 1),
	('{"verdict": "retry", "class": "database", "conflict": true}', 0),
	('{"verdict": "retry", "class": "key_file"}', 0),
	('{"verdict": "throttled", "class": "quota"}', 0),
	('{"verdict": "unauthorized", "class": "session"}', 0)) v (f, c);
UPDATE ordersync.shops SET key_state = 'ok';
CREATE FUNCTION pg_temp.again_after(attempts integer, failure jsonb) RETURNS bigint LANGUAGE sql AS $$
	SELECT (ordersync.fail(pg_temp.task(attempts), 42, '{"verdict": "retry", "class": "network", "message": "it said no"}' || failure)).retry_ms $$;
SELECT is(pg_temp.again_after(1, '{}') BETWEEN 500 AND 1000, true, 'a second at most before the second attempt');
SELECT is(pg_temp.again_after(4, '{}') BETWEEN 4000 AND 8000, true, 'twice as long each time');
SELECT is(pg_temp.again_after(7, '{}') BETWEEN 32000 AND 64000, true, 'and again');
SELECT is(pg_temp.again_after(20, '{}') BETWEEN 150000 AND 300000, true, 'up to five minutes');
SELECT is(pg_temp.again_after(4, '{"retry_ms": 77}'), 77::bigint, 'unless the platform says how long');
SELECT is(pg_temp.again_after(4, '{"class": "clock", "clock_offset_ms": 90000}'), 1::bigint, 'at once when it was our clock, and that is known now');
SELECT is(pg_temp.again_after(4, '{"class": "clock"}') > 1, true, 'not while it is not');
SELECT is(pg_temp.again_after(1, '{"verdict": "throttled", "class": "quota"}') BETWEEN 500 AND 1000, true, 'a throttled gateway that does not say how long waits as long as the task would');

SELECT * FROM finish();
ROLLBACK;
