-- What failed, and what to do: rows made by hand, and failures as a worker writes them.
BEGIN;
SELECT plan(67);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, 'n7', 'session-7');
SELECT ordersync_add_shop(8, 'n8', 'session-8');
UPDATE ordersync.shops SET key_state = 'ok';

CREATE FUNCTION pg_temp.at(hour numeric) RETURNS timestamptz LANGUAGE sql AS $$ SELECT '2026-11-01 00:00+08'::timestamptz + hour * interval '1 hour' $$;
CREATE FUNCTION pg_temp.task(shop bigint DEFAULT 7, attempts integer DEFAULT 1, since numeric DEFAULT 8, until numeric DEFAULT 9) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint; t bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, open_tasks, state, started_at)
	VALUES (shop, 'incremental', pg_temp.at(since), pg_temp.at(until), 1, 'running', now()) RETURNING run_id INTO r;
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, owner, token, attempt, claimed_at)
	VALUES (r, shop, 'orders', 'modified', pg_temp.at(since), pg_temp.at(until), 'running', 'alive', 42, attempts, clock_timestamp()) RETURNING task_id INTO t;
	RETURN t;
END $$;
CREATE FUNCTION pg_temp.fail(task bigint, failure jsonb, call jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT (ordersync.fail(task, 42, '{"message": "it said no", "retry_ms": 60000}' || jsonb_build_object('key_seal', ordersync.data_key_seal(7)) || failure || CASE WHEN call IS NULL THEN '{}'
		ELSE jsonb_build_object('call', jsonb_build_object('method', 'm', 'verdict', failure ->> 'verdict',
			'started_at', (EXTRACT(epoch FROM clock_timestamp()) * 1000)::bigint) || call) END)).state $$;
CREATE TEMP TABLE x (t bigint);
CREATE VIEW pg_temp.failed AS SELECT f.* FROM ordersync.failed_tasks f JOIN x ON t = task_id;
CREATE FUNCTION pg_temp.clean() RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.shops SET key_state = 'ok', key_check_at = NULL, key_checked_at = NULL;
	UPDATE ordersync.gateways SET throttled_until = NULL, failing_since = NULL, error_class = NULL, secret_state = 'ok';
	DELETE FROM ordersync.sync_tasks; DELETE FROM ordersync.sync_runs; DELETE FROM x $$;

-- each finer class: the class, whether the task waits or has failed, and the command
CREATE TEMP TABLE known (verdict text, error_class text, call jsonb, state text, class text, command text);
INSERT INTO known VALUES
	('retry', 'network', '{}', 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('retry', 'timeout', '{}', 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('retry', 'http', '{"http_status": 500}', 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('retry', 'certificate', NULL, 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('retry', 'proxy', NULL, 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('retry', 'oversize', '{}', 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('retry', 'clock', '{"code": 31, "msg": "Invalid Timestamp"}', 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('retry', 'platform', '{"code": 10, "msg": "Service Currently Unavailable"}', 'failed', 'transient', 'SELECT ordersync_retry(RUN)'),
	('rejected', 'platform', '{"code": 15, "msg": "Remote service error", "sub_code": "isv.something"}', 'failed', 'rejected', 'SELECT ordersync_retry(RUN)'),
	('rejected', 'permission', '{"code": 11, "msg": "Insufficient ISV Permissions"}', 'failed', 'rejected', 'SELECT ordersync_retry(RUN)'),
	('rejected', 'parameters', '{"code": 40, "msg": "Missing Required Arguments"}', 'failed', 'rejected', 'SELECT ordersync_retry(RUN)'),
	('rejected', 'not_found', '{"code": 15, "sub_code": "isv.trade-not-exist"}', 'failed', 'rejected', 'SELECT ordersync_retry(RUN)'),
	('rejected', 'refused', NULL, 'failed', 'rejected', 'SELECT ordersync_retry(RUN)'),
	('rejected', 'signature', '{"code": 25, "msg": "Invalid Signature"}', 'failed', 'rejected',
		'SELECT ordersync_add_gateway(''taobao'', NULL, NULL, app_secret); SELECT ordersync_retry(RUN)'),
	('rejected', 'signature', '{"code": 29, "msg": "Invalid App Key"}', 'failed', 'rejected',
		'SELECT ordersync_add_gateway(''taobao'', NULL, app_key, app_secret); SELECT ordersync_retry(RUN)'),
	('unauthorized', 'session', '{"code": 27, "msg": "Invalid Session"}', 'pending', 'unauthorized', 'SELECT ordersync_set_session_key(7, session_key)'),
	('unauthorized', 'key_unreadable', NULL, 'pending', 'unauthorized', 'SELECT ordersync_set_session_key(7, session_key)'),
	('unauthorized', 'secret_unreadable', NULL, 'pending', 'unauthorized', 'SELECT ordersync_add_gateway(''taobao'', NULL, NULL, app_secret)'),
	('retry', 'key_file', NULL, 'pending', 'transient', NULL),
	('throttled', 'throttled', '{"code": 7, "msg": "App Call Limited"}', 'pending', 'throttled', NULL),
	('throttled', 'quota', '{"code": 7, "msg": "App Call Limited"}', 'pending', 'throttled', 'SELECT ordersync_lift_ban(''taobao'')'),
	('malformed', 'malformed', '{}', 'failed', 'malformed', 'SELECT ordersync_retry(RUN)'),
	('retry', 'database', '{}', 'failed', 'database', 'SELECT ordersync_retry(RUN)'),
	('retry', 'all_refused', '{}', 'failed', 'database', 'SELECT ordersync_retry(RUN)');
CREATE FUNCTION pg_temp.shows(k known) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v record;
BEGIN
	PERFORM pg_temp.clean();
	-- not halved: half of a window that failed before
	INSERT INTO x SELECT pg_temp.task(attempts => 8);
	UPDATE ordersync.sync_tasks SET until = since + interval '1 second';
	UPDATE ordersync.secrets SET sealed = '\x00' WHERE k.error_class = CASE kind WHEN 'data_key' THEN 'key_unreadable' ELSE 'secret_unreadable' END;
	PERFORM pg_temp.fail(t, jsonb_build_object('verdict', k.verdict, 'class', k.error_class), k.call) FROM x;
	SELECT * INTO v FROM pg_temp.failed;
	RETURN concat_ws(' | ', v.state, v.class, COALESCE(replace(v.what_to_do, '(' || v.run_id || ')', '(RUN)'), 'nothing'));
END $$;
SELECT is(pg_temp.shows(k), concat_ws(' | ', k.state, k.class, COALESCE(k.command, 'nothing')), concat_ws(' ', k.verdict, k.error_class, k.call ->> 'code')) FROM known k;
SELECT pg_temp.clean();

-- what the platform said
INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, '{"verdict": "rejected", "class": "permission"}',
	'{"code": 11, "sub_code": "isv.permission-api", "msg": "Insufficient ISV Permissions", "sub_msg": "ask for it", "request_id": "abc123"}') FROM x;
SELECT results_eq('SELECT code, sub_code, message, request_id, error FROM pg_temp.failed',
	$$VALUES (11::bigint, 'isv.permission-api', 'Insufficient ISV Permissions: ask for it', 'abc123', 'it said no')$$, 'code, sub code, words and number of the call are kept');
SELECT pg_temp.clean();
INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, '{"verdict": "retry", "class": "platform"}', '{"code": 10, "msg": "busy", "request_id": "r1"}') FROM x;
SELECT results_eq('SELECT state, class, code, message, request_id, attempt, next_attempt_at > clock_timestamp() + interval ''50 seconds'', what_to_do, covered FROM pg_temp.failed',
	$$VALUES ('pending', 'transient', 10::bigint, 'busy', 'r1', 1, true, NULL, false)$$, 'one that is tried again is there too, with when: nothing is to be done');
UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42, next_attempt_at = NULL;
SELECT is((SELECT state FROM pg_temp.failed), 'running', 'also while it is');
SELECT pg_temp.fail(t, '{"verdict": "retry", "class": "network"}') FROM x;
SELECT results_eq('SELECT error_class, code, sub_code, message, request_id FROM pg_temp.failed', $$VALUES ('network', NULL::bigint, NULL, NULL, NULL)$$,
	'of another failure without an answer nothing of the one before is left');
UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42, error_code = 10, error_sub_code = 's', error_message = 'busy', error_request_id = 'r1';
SELECT ordersync.settle(t, 42, '{"state": "running", "page_new": 1, "walk": {"walk": "w"}, "call": {"method": "m", "verdict": "ok"}}') FROM x;
SELECT is_empty('SELECT * FROM pg_temp.failed', 'a good page ends it');
SELECT results_eq('SELECT error_class, error, error_code, error_sub_code, error_message, error_request_id FROM ordersync.sync_tasks',
	$$VALUES (NULL::text, NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::text)$$, 'and nothing is left of it');
SELECT ordersync.settle(t, 42, '{"state": "incomplete", "outcome": "short", "reported": 5, "seen": 4, "call": {"method": "m", "verdict": "ok", "request_id": "r2"}}') FROM x;
SELECT results_eq('SELECT state, class, error_class, reported, seen, request_id FROM pg_temp.failed', $$VALUES ('incomplete', 'transient', 'short', 5::bigint, 4::bigint, 'r2')$$,
	'a short window is there, with the number of its last call');
SELECT pg_temp.clean();
INSERT INTO x SELECT pg_temp.task();
SELECT ordersync.settle(t, 42, '{"state": "incomplete", "class": "total", "outcome": "short", "reported": 5, "seen": 4, "call": {"method": "m", "verdict": "ok"}}') FROM x;
SELECT results_eq('SELECT class, error_class FROM pg_temp.failed', $$VALUES ('malformed', 'total')$$, 'a count that contradicts itself is a malformed answer');
SELECT pg_temp.clean();
INSERT INTO x SELECT pg_temp.task(attempts => 8);
UPDATE ordersync.sync_tasks SET owner = 'dead', error_code = 10, error_request_id = 'r1';
SELECT is(ordersync.reclaim_tasks(), 1, 'a task that ended its worker again and again');
SELECT results_eq('SELECT state, class, error_class, code, request_id FROM pg_temp.failed', $$VALUES ('failed', 'transient', 'worker', NULL::bigint, NULL)$$, 'fails without the platform''s words');
SELECT pg_temp.clean();

-- what is over: the remedy goes
INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, '{"verdict": "unauthorized", "class": "session"}', '{"code": 27}') FROM x;
SELECT is((SELECT next_attempt_at = key_check_at FROM pg_temp.failed, ordersync.shops s WHERE s.shop_id = 7), true, 'a refused key is checked again, and the task then');
SELECT ordersync_set_session_key(7, 'session-8');
SELECT results_eq('SELECT class, what_to_do FROM pg_temp.failed', $$VALUES ('unauthorized', NULL::text)$$, 'with another key nothing is left to be done');
SELECT pg_temp.clean();
INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, '{"verdict": "rejected", "class": "signature"}', '{"code": 25}') FROM x;
SELECT matches((SELECT hint FROM pg_temp.failed), '^gateway "taobao": it said no; see ordersync.gateway_health$', 'what is the gateway''s is referred to it');
SELECT ordersync_add_gateway('taobao', NULL, NULL, 'another');
SELECT is((SELECT what_to_do FROM pg_temp.failed), (SELECT format('SELECT ordersync_retry(%s)', run_id) FROM pg_temp.failed), 'with another secret only the retry is left');
SELECT doesnt_match((SELECT hint FROM pg_temp.failed), 'gateway_health', 'and the gateway is well');
SELECT pg_temp.clean();
INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, '{"verdict": "rejected", "class": "refused"}') FROM x;
SELECT is((SELECT count(*) FROM pg_temp.failed), 1::bigint, 'a failed window of a run');
SELECT ordersync.cancel_run(run_id) FROM ordersync.sync_runs;
UPDATE ordersync.sync_runs SET state = 'cancelled';
SELECT is_empty('SELECT * FROM pg_temp.failed', 'that is cancelled needs nobody any more');
SELECT pg_temp.clean();

-- covered: read since by another run, not before
CREATE FUNCTION pg_temp.close(since numeric, until numeric, closed interval, verdict text DEFAULT 'counted', stream text DEFAULT 'orders') RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, verdict, closed_at)
	VALUES (7, stream, 'modified', tstzrange(pg_temp.at(since), pg_temp.at(until)), verdict, clock_timestamp() + closed);
	INSERT INTO ordersync.coverage AS c (shop_id, stream, basis, ranges) VALUES (7, stream, 'modified', tstzmultirange(tstzrange(pg_temp.at(since), pg_temp.at(until))))
	ON CONFLICT (shop_id, stream, basis) DO UPDATE SET ranges = c.ranges + excluded.ranges $$;
CREATE FUNCTION pg_temp.open() RETURNS void LANGUAGE sql AS $$ DELETE FROM ordersync.window_counts; DELETE FROM ordersync.coverage $$;
INSERT INTO x SELECT pg_temp.task();
SELECT pg_temp.fail(t, '{"verdict": "rejected", "class": "parameters"}') FROM x;
SELECT is((SELECT covered FROM pg_temp.failed), false, 'a window that failed is a hole');
SELECT pg_temp.close(7, 10, '-1 minute');
SELECT is((SELECT covered FROM pg_temp.failed), false, 'what was read before does not cover it: somebody asked for it again');
SELECT pg_temp.open(); SELECT pg_temp.close(7, 10, '1 minute');
SELECT is((SELECT covered FROM pg_temp.failed), true, 'what was read since does');
SELECT pg_temp.open(); SELECT pg_temp.close(0, 8.5, '1 minute');
SELECT is((SELECT covered FROM pg_temp.failed), false, 'half of it is not enough');
SELECT pg_temp.close(8.5, 24, '1 minute');
SELECT is((SELECT covered FROM pg_temp.failed), true, 'two halves are: from the day''s begin to its end');
UPDATE ordersync.window_counts SET verdict = 'short';
SELECT is((SELECT covered FROM pg_temp.failed), false, 'a short one does not');
SELECT pg_temp.open(); SELECT pg_temp.close(7, 10, '1 minute', stream => 'after_sales');
SELECT is((SELECT covered FROM pg_temp.failed), false, 'nor another list');
SELECT pg_temp.open(); SELECT pg_temp.close(7, 10, '1 minute');
UPDATE ordersync.coverage SET ranges = ranges - tstzmultirange(tstzrange(pg_temp.at(8), pg_temp.at(8.1)));
SELECT is((SELECT covered FROM pg_temp.failed), false, 'nor what is no longer covered');
SELECT pg_temp.open();
UPDATE ordersync.sync_tasks SET stream = 'details', details_of = 'orders', ids = '{1}';
SELECT is((SELECT covered FROM pg_temp.failed), false, 'records by id that failed');
INSERT INTO ordersync.shop_totals (shop_id, successes) VALUES (7, jsonb_build_object('incremental', jsonb_build_object('run_id', 1, 'at', now() - interval '1 hour'))) ON CONFLICT (shop_id) DO UPDATE SET successes = excluded.successes;
SELECT is((SELECT covered FROM pg_temp.failed), false, 'are not covered by a run of before');
INSERT INTO ordersync.shop_totals (shop_id, successes) VALUES (7, jsonb_build_object('full', jsonb_build_object('run_id', 1, 'at', clock_timestamp()))) ON CONFLICT (shop_id) DO UPDATE SET successes = excluded.successes;
SELECT is((SELECT covered FROM pg_temp.failed), false, 'nor by one of another kind');
INSERT INTO ordersync.shop_totals (shop_id, successes) VALUES (7, jsonb_build_object('incremental', jsonb_build_object('run_id', 1, 'at', clock_timestamp()))) ON CONFLICT (shop_id) DO UPDATE SET successes = excluded.successes;
SELECT is((SELECT covered FROM pg_temp.failed), true, 'but by one of the same that succeeded since');
SELECT pg_temp.clean();

-- a check of a key
INSERT INTO x SELECT pg_temp.task();
UPDATE ordersync.sync_runs SET kind = 'check';
UPDATE ordersync.sync_tasks SET reason = 'key', state = 'pending', owner = NULL, token = NULL;
UPDATE ordersync.shops SET key_state = 'expired' WHERE shop_id = 7;
SELECT ordersync.fail_key_checks(7, 'session', 'Invalid session');
SELECT results_eq('SELECT state, class, what_to_do FROM pg_temp.failed', $$VALUES ('failed', 'unauthorized', 'SELECT ordersync_set_session_key(7, session_key)')$$, 'a check that failed asks for a key, not for a retry');
SELECT is((SELECT covered FROM pg_temp.failed), false, 'it stands');
UPDATE ordersync.sync_tasks SET error_class = 'network';
SELECT is((SELECT what_to_do FROM pg_temp.failed), 'SELECT ordersync_check_shop(7)', 'one that found no gateway asks for another check');
UPDATE ordersync.shops SET key_state = 'ok', key_checked_at = clock_timestamp() WHERE shop_id = 7;
SELECT is((SELECT covered FROM pg_temp.failed), true, 'until the key was accepted');
SELECT pg_temp.clean();

-- the platform finds a window too large: it is halved until it is a piece that is not
CREATE FUNCTION pg_temp.too_large() RETURNS TABLE (state text, splits integer, length interval) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.clean();
	INSERT INTO x SELECT pg_temp.task(attempts => 8, since => 0, until => 24);
	FOR i IN 1 .. 6 LOOP
		PERFORM pg_temp.fail(t, '{"verdict": "retry", "class": "platform"}', '{"code": 15, "sub_code": "isp.runtime-max-limit"}') FROM x;
		UPDATE ordersync.sync_tasks k SET state = 'running', owner = 'alive', token = 42, attempt = 8 FROM x WHERE k.task_id = t AND k.state = 'pending';
	END LOOP;
	-- the other halves are read
	RETURN QUERY SELECT k.state, k.splits, k.until - k.since FROM ordersync.sync_tasks k JOIN x ON t = task_id;
END $$;
SELECT results_eq('SELECT * FROM pg_temp.too_large()', $$VALUES ('running', 5, interval '45 minutes')$$, 'a window that is too large is halved five times, and then goes on until its other halves are read');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks), 6::bigint, 'which are tasks of their own');
UPDATE ordersync.sync_tasks k SET state = 'failed' WHERE task_id NOT IN (SELECT t FROM x);
SELECT pg_temp.fail(t, '{"verdict": "retry", "class": "platform"}', '{"code": 15, "sub_code": "isp.runtime-max-limit"}') FROM x;
SELECT results_eq('SELECT state, class, hint LIKE ''%max_window%'' FROM pg_temp.failed', $$VALUES ('failed', 'transient', true)$$, 'then it fails, and the hint names the option');
SELECT pg_temp.clean();

-- a right that is missing
INSERT INTO x SELECT pg_temp.task(attempts => 8);
UPDATE ordersync.sync_tasks SET until = since + interval '1 second';
SELECT pg_temp.fail(t, '{"verdict": "retry", "class": "all_refused", "message": "no record is taken (SQLSTATE 42501: permission denied)"}') FROM x;
SELECT matches((SELECT hint FROM pg_temp.failed), 'GRANT INSERT ON TABLE .* TO pg_database_owner', 'a right that workers lack is named');
SELECT pg_temp.clean();

-- shops' own rows only
SELECT pg_temp.task(8);
UPDATE ordersync.sync_tasks SET state = 'failed', error_class = 'http', finished_at = now();
SELECT pg_temp.task(7);
UPDATE ordersync.sync_tasks SET state = 'failed', error_class = 'http', finished_at = now();
CREATE ROLE pgtap_store; SELECT ordersync_grant('pgtap_store', 'reader', '{7}');
GRANT USAGE ON SCHEMA public TO pgtap_store;
SET LOCAL ROLE pgtap_store;
SELECT results_eq('SELECT shop_id FROM ordersync.failed_tasks', $$VALUES (7::bigint)$$, 'a reader of one shop sees what failed of it');
RESET ROLE;
SELECT results_eq('SELECT shop_id FROM ordersync.failed_tasks ORDER BY 1', $$VALUES (7::bigint), (8)$$, 'others see all');

-- nobody has many tasks that failed, and all of them are found by an index
INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, finished_at, lot)
SELECT n % 100, 'incremental', pg_temp.at(n), pg_temp.at(n + 1), 'succeeded', now(), NULL FROM generate_series(1, 10000) n;
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, finished_at)
SELECT run_id, shop_id, 'orders', 'modified', since, until, 'succeeded', now() FROM ordersync.sync_runs WHERE state = 'succeeded';
ANALYZE ordersync.sync_tasks; ANALYZE ordersync.sync_runs;
CREATE FUNCTION pg_temp.read(name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname = name $$;
CREATE TEMP TABLE r AS SELECT pg_temp.read('sync_tasks') AS before;
SELECT is((SELECT count(*) FROM ordersync.failed_tasks WHERE shop_id = 7), 1::bigint, 'of a shop among ten thousand runs');
SELECT cmp_ok(pg_temp.read('sync_tasks') - before, '<', 10::bigint, 'few tasks are read') FROM r;
UPDATE r SET before = pg_temp.read('sync_tasks');
SELECT is((SELECT count(*) FROM ordersync.failed_tasks), 2::bigint, 'all of them');
SELECT cmp_ok(pg_temp.read('sync_tasks') - before, '<', 10::bigint, 'by an index, too') FROM r;

SELECT * FROM finish();
ROLLBACK;
