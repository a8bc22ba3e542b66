-- Checks, fetches by id, links, halving: what the worker's calls come to, without worker or network.
BEGIN;
SELECT plan(87);
SET client_min_messages = error;
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
UPDATE ordersync.shops SET key_state = 'ok';

-- a day that the lists still have
CREATE FUNCTION pg_temp.at(minute integer) RETURNS timestamptz LANGUAGE sql AS $$
	SELECT ordersync_day((now() AT TIME ZONE 'Asia/Shanghai')::date - 28) + interval '1 minute' * minute $$;
CREATE FUNCTION pg_temp.s(minute integer) RETURNS bigint LANGUAGE sql AS $$ SELECT EXTRACT(epoch FROM pg_temp.at(minute))::bigint $$;
-- a run with these tasks: stream, basis, work, held; the first is in hand
CREATE FUNCTION pg_temp.run(kind text, tasks text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint; k text; w text[];
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, started_at, open_tasks, held_tasks, links_due)
	VALUES (1, kind, pg_temp.at(0), pg_temp.at(60), 'running', now(), cardinality(tasks),
		(SELECT count(*) FROM unnest(tasks) x WHERE x LIKE '% held'), false) RETURNING run_id INTO r;
	FOREACH k IN ARRAY tasks LOOP
		w := string_to_array(k, ' ');
		INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, held, since, until, state, owner, token, attempt, claimed_at, began_at)
		VALUES (r, 1, w[1], w[2], w[3], k LIKE '% held', pg_temp.at(0), pg_temp.at(60), 'running', 'alive', 42, 1, clock_timestamp(), clock_timestamp());
	END LOOP;
	RETURN r;
END $$;
CREATE FUNCTION pg_temp.task(run bigint, n integer DEFAULT 1) RETURNS bigint LANGUAGE sql AS $$
	SELECT task_id FROM ordersync.sync_tasks WHERE run_id = run ORDER BY task_id OFFSET n - 1 LIMIT 1 $$;
CREATE FUNCTION pg_temp.close(task bigint, verdict text DEFAULT 'counted', more integer DEFAULT 0) RETURNS boolean LANGUAGE sql AS $$
	SELECT ordersync.settle(task, 42, jsonb_build_object('state', CASE verdict WHEN 'short' THEN 'incomplete' ELSE 'succeeded' END, 'outcome', verdict, 'reported', 10, 'seen', 10, 'passes', 1, 'closed_since', pg_temp.s(0), 'closed_until', pg_temp.s(60), 'call', '{"method": "m"}'::jsonb, 'more_tasks', more)) $$;
CREATE FUNCTION pg_temp.again(task bigint) RETURNS void LANGUAGE sql AS $$
	UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42, attempt = attempt + 1 WHERE task_id = task $$;
CREATE FUNCTION pg_temp.store(variadic tids bigint[]) RETURNS void LANGUAGE sql AS $$
	SELECT ordersync.apply_orders(1, 'list', NULL, NULL, tids, array_fill(pg_temp.at(10), ARRAY[cardinality(tids)]),
		(SELECT array_agg(sha256(i::text::bytea)) FROM unnest(tids) i),
		(SELECT array_agg(format('{"tid":%s,"created":"%s 00:05:00","modified":"%2$s 00:10:00","status":"TRADE_FINISHED"}', i,
			(pg_temp.at(0) AT TIME ZONE 'Asia/Shanghai')::date)) FROM unnest(tids) i)) $$;
CREATE TEMP TABLE x (r bigint);
CREATE FUNCTION pg_temp.run_is() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s, %s open, %s held', state, open_tasks, held_tasks) FROM ordersync.sync_runs JOIN x ON r = run_id $$;

-- held tasks wait for the others
INSERT INTO x SELECT pg_temp.run('incremental', ARRAY['orders modified store', 'orders arrival check held', 'orders arrival check held']);
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE held;
SELECT is((SELECT count(*) FROM ordersync.claim('alive.1', 10, 10)), 0::bigint, 'a held task is not claimed while another is open');
SELECT pg_temp.close(pg_temp.task(r, 1)) FROM x;
SELECT is(pg_temp.run_is(), 'running, 2 open, 2 held', 'only held ones are left');
SELECT is((SELECT count(*) FROM ordersync.claim('alive.1', 10, 10)), 2::bigint, 'and are claimed');
UPDATE ordersync.sync_tasks SET token = 42 WHERE held;

-- a check: stored as listed, later, older, missing, in quarantine
SELECT pg_temp.store(101, 102, 103);
INSERT INTO ordersync.quarantine (shop_id, stream, record_id, reason, digest) VALUES (1, 'orders', 105, 'nul', ''), (1, 'orders', 106, 'value', '');
SELECT is((SELECT ordersync.check_records(1, pg_temp.task(r, 2), ARRAY[101, 102], ARRAY[pg_temp.at(10), pg_temp.at(9)]) FROM x), 0,
	'what is stored with that modified or a later one is not missed');
SELECT is((SELECT ordersync.check_records(1, pg_temp.task(r, 2), ARRAY[103, 104], ARRAY[pg_temp.at(11), pg_temp.at(12)]) FROM x), 2, 'what is older or not there is');
SELECT is((SELECT ordersync.check_records(1, pg_temp.task(r, 2), ARRAY[104, 105, 106], ARRAY[pg_temp.at(12), pg_temp.at(13), pg_temp.at(8)]) FROM x), 3, 'page by page');
SELECT results_eq($$ SELECT missed, missed_range FROM ordersync.sync_tasks, x WHERE task_id = pg_temp.task(r, 2) $$,
	$$ VALUES ('{103,104,105,106}'::bigint[], tstzrange(pg_temp.at(8), pg_temp.at(13), '[]')) $$, 'each once, with the span of their modified');
SELECT is((SELECT pg_temp.close(pg_temp.task(r, 2)) FROM x), false, 'a check that missed something does not end');
SELECT results_eq($$ SELECT state, checks, missed, walk, finished_at FROM ordersync.sync_tasks, x WHERE task_id = pg_temp.task(r, 2) $$,
	$$ VALUES ('pending', 1, NULL::bigint[], NULL::jsonb, NULL::timestamptz) $$, 'it is made again');
SELECT results_eq($$ SELECT stream, details_of, ids, reason, state, held FROM ordersync.sync_tasks, x WHERE run_id = r AND stream = 'details' $$,
	$$ VALUES ('details', 'orders', '{103,104,105,106}'::bigint[], 'arrival', 'pending', false) $$,
	'after a fetch of what is missing, in quarantine or not');
SELECT is(pg_temp.run_is(), 'running, 3 open, 2 held', 'the run waits for it');
SELECT is((SELECT count(*) FROM ordersync.coverage WHERE basis = 'arrival'), 0::bigint, 'and nothing is covered');
SELECT is((SELECT ordersync.check_records(1, pg_temp.task(r, 3), ARRAY[102], ARRAY[NULL::timestamptz]) FROM x), 1, 'one that is listed without its time is missed');
SELECT ordersync.note_lookup(1, 'orders', 102, true, NULL, r, clock_timestamp()) FROM x;
UPDATE ordersync.sync_tasks SET missed = NULL FROM x WHERE task_id = pg_temp.task(r, 3);
SELECT is((SELECT ordersync.check_records(1, pg_temp.task(r, 3), ARRAY[102], ARRAY[NULL::timestamptz]) FROM x), 0, 'until it was fetched');
SELECT is((SELECT string_agg(stream, ',') FROM ordersync.claim('alive.1', 10, 10)), 'details', 'the check comes after the fetch');
UPDATE ordersync.sync_tasks SET token = 42, state = 'succeeded' WHERE stream = 'details';
SELECT ordersync.count_tasks(r, -1) FROM x;
SELECT pg_temp.again(pg_temp.task(r, 2)) FROM x;
SELECT is((SELECT ordersync.check_records(1, pg_temp.task(r, 2), ARRAY[105], ARRAY[pg_temp.at(13)]) FROM x), 1, 'what is in quarantine is still not there');
SELECT is((SELECT pg_temp.close(pg_temp.task(r, 2)) FROM x), false, 'but was fetched, and a reading without another miss closes');
SELECT is((SELECT ranges FROM ordersync.coverage WHERE stream = 'orders' AND basis = 'arrival'), tstzmultirange(tstzrange(pg_temp.at(0), pg_temp.at(60))), 'the window of arrivals');
SELECT results_eq($$ SELECT state, held_tasks FROM ordersync.sync_runs JOIN x ON r = run_id $$, $$ VALUES ('running', 1) $$, 'the other one is left');

-- more than two pages: the range of modified is read again; the second time by id; after three it is short
SELECT ordersync.check_records(1, pg_temp.task(r, 3), (SELECT array_agg(i::bigint) FROM generate_series(1001, 1201) i), (SELECT array_agg(pg_temp.at(20 + i % 10)) FROM generate_series(1001, 1201) i)) FROM x;
SELECT pg_temp.close(pg_temp.task(r, 3)) FROM x;
SELECT results_eq($$ SELECT stream, basis, work, since, until, reason FROM ordersync.sync_tasks, x WHERE run_id = r AND reason = 'arrival' AND stream <> 'details' $$,
	$$ VALUES ('orders', 'modified', 'store', pg_temp.at(20), pg_temp.at(29) + interval '1 second', 'arrival') $$, 'more than two pages of misses: the range is read again');
UPDATE ordersync.sync_tasks SET state = 'succeeded' WHERE reason = 'arrival';
SELECT ordersync.count_tasks(r, -1) FROM x;
SELECT pg_temp.again(pg_temp.task(r, 3)) FROM x;
SELECT ordersync.check_records(1, pg_temp.task(r, 3), (SELECT array_agg(i::bigint) FROM generate_series(1001, 1201) i), (SELECT array_agg(pg_temp.at(20)) FROM generate_series(1001, 1201) i)) FROM x;
SELECT pg_temp.close(pg_temp.task(r, 3)) FROM x;
SELECT is((SELECT count(*) FROM ordersync.sync_tasks, x WHERE run_id = r AND stream = 'details' AND state = 'pending'), 9::bigint, 'what that did not bring is fetched by id, many ids a task');
SELECT is((SELECT max(cardinality(ids)) FROM ordersync.sync_tasks WHERE stream = 'details'), 25, 'twenty-five at most');
UPDATE ordersync.sync_tasks SET state = 'succeeded' WHERE stream = 'details' AND state = 'pending';
SELECT ordersync.count_tasks(r, -9) FROM x;
SELECT pg_temp.again(pg_temp.task(r, 3)) FROM x;
SELECT ordersync.check_records(1, pg_temp.task(r, 3), ARRAY[1001::bigint], ARRAY[pg_temp.at(20)]) FROM x;
SELECT pg_temp.close(pg_temp.task(r, 3)) FROM x;
UPDATE ordersync.sync_tasks SET state = 'succeeded' WHERE stream = 'details' AND state = 'pending';
SELECT ordersync.count_tasks(r, -1) FROM x;
SELECT pg_temp.again(pg_temp.task(r, 3)) FROM x;
SELECT ordersync.check_records(1, pg_temp.task(r, 3), ARRAY[1001::bigint], ARRAY[pg_temp.at(20)]) FROM x;
SELECT is((SELECT pg_temp.close(pg_temp.task(r, 3)) FROM x), true, 'what is missing after three repairs');
SELECT results_eq($$ SELECT k.state, k.outcome, k.error_class, k.error, r.state FROM ordersync.sync_tasks k JOIN ordersync.sync_runs r USING (run_id), x WHERE task_id = pg_temp.task(x.r, 3) $$,
	$$ VALUES ('incomplete', 'short', 'short', 'the platform lists 1 orders that it does not serve as listed, 1001 for one', 'incomplete') $$, 'leaves the window short and the run incomplete');
SELECT is((SELECT count(*) FROM ordersync.coverage WHERE basis = 'arrival' AND ranges <> '{}'), 0::bigint, 'and uncovers it');
SELECT is((SELECT ordersync_retry(r) FROM x), 1, 'a retry');
SELECT is(pg_temp.run_is(), 'running, 1 open, 1 held', 'counts a held task as held');
SELECT is((SELECT checks FROM ordersync.sync_tasks, x WHERE task_id = pg_temp.task(r, 3)), 0, 'and begins anew');
SELECT is((SELECT ordersync_cancel(r) FROM x), 1, 'cancelled');

-- details behind a page, counted with it
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('incremental', ARRAY['orders modified store']);
SELECT ordersync_set_shop(1, '{"details": "changed"}');
SELECT is((SELECT ordersync.queue_follow_ups(pg_temp.task(r), ARRAY[101, 102]) FROM x), 1, 'orders whose details are not merged are to be fetched');
SELECT is((SELECT pg_temp.close(pg_temp.task(r), 'counted', 1) FROM x), false, 'the run goes on for them');
SELECT is(pg_temp.run_is(), 'running, 1 open, 0 held', 'and counts them');
UPDATE ordersync.order_payloads SET sources = sources | 8 WHERE tid IN (101, 102);
SELECT is((SELECT ordersync.queue_follow_ups(pg_temp.task(r), ARRAY[101, 102]) FROM x), 0, 'with details merged there is nothing to fetch');
SELECT ordersync_set_shop(1, '{"details": null}');
SELECT is((SELECT ordersync.queue_follow_ups(pg_temp.task(r), ARRAY[103]) FROM x), 0, 'nor without the option');

-- links
CREATE FUNCTION pg_temp.links() RETURNS text LANGUAGE sql AS $$ SELECT format('%s | %s', array_agg(id ORDER BY id) FILTER (WHERE details_of = 'after_sales'), array_agg(id ORDER BY id) FILTER (WHERE details_of = 'orders'))
	FROM ordersync.unlinked(1, NULL, NULL, false) $$;
DELETE FROM ordersync.sub_orders; DELETE FROM ordersync.after_sales;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, refund_id, refund_status, modified) VALUES
	(1, 1, 101, 11, 'SUCCESS', pg_temp.at(10)), (1, 2, 101, 12, 'SUCCESS', pg_temp.at(10)), (1, 3, 102, 13, 'SUCCESS', pg_temp.at(10)),
	(1, 4, 102, 14, 'NO_REFUND', pg_temp.at(10)), (1, 5, 102, NULL, 'NO_REFUND', pg_temp.at(10));
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, status, modified) VALUES
	(1, 12, 101, 'WAIT_SELLER_AGREE', pg_temp.at(9)), (1, 13, 102, 'WAIT_SELLER_AGREE', pg_temp.at(10)), (1, 14, 102, 'CLOSED', pg_temp.at(9)),
	(1, 15, 999, 'SUCCESS', pg_temp.at(9));
SELECT is(pg_temp.links(), '{11,12} | {999}', 'a line''s after-sale that is not stored or older than it says, an after-sale''s order');
SELECT ordersync.note_lookup(1, 'after_sales', 11, false, 'gone', NULL, pg_temp.at(11)), ordersync.note_lookup(1, 'after_sales', 12, true, NULL, NULL, pg_temp.at(11)),
	ordersync.note_lookup(1, 'orders', 999, false, 'gone', NULL, pg_temp.at(11));
SELECT is(pg_temp.links(), ' | ', 'what was asked for since is not asked for again');
UPDATE ordersync.sub_orders SET modified = pg_temp.at(12) WHERE oid IN (1, 2);
UPDATE ordersync.after_sales SET modified = pg_temp.at(12) WHERE refund_id = 15;
SELECT is(pg_temp.links(), '{11,12} | {999}', 'until it changes');
SELECT is((SELECT array_agg(id ORDER BY id) FROM ordersync.unlinked(1, 101, NULL, false)), '{11,12}'::bigint[], 'of one order all that are known');

-- the run of a shop with both streams
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('incremental', ARRAY['orders modified store']);
UPDATE ordersync.sync_runs SET links_due = true FROM x WHERE run_id = r;
SELECT ordersync.note_all_links(1);	-- rows that this file has inserted
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (1, 'after_sales', 'modified', tstzmultirange(tstzrange(pg_temp.at(-60), pg_temp.at(60))));
SELECT is((SELECT pg_temp.close(pg_temp.task(r)) FROM x), false, 'a run whose windows have ended checks the links');
SELECT is(pg_temp.run_is(), 'running, 2 open, 0 held', 'and fetches what they lack');
SELECT is((SELECT count(*) FROM ordersync.coverage WHERE stream = 'after_sales' AND basis = 'arrival'), 0::bigint, 'until then nothing is checked');
UPDATE ordersync.sync_tasks SET state = 'failed' FROM x WHERE run_id = r AND reason = 'link' AND details_of = 'orders';
UPDATE ordersync.sync_tasks SET state = 'succeeded' FROM x WHERE run_id = r AND reason = 'link' AND details_of <> 'orders';
SELECT is((SELECT ordersync.count_tasks(r, -2) FROM x), true, 'it asks for each once');
SELECT is((SELECT count(*) FROM ordersync.coverage WHERE stream = 'after_sales' AND basis = 'arrival'), 0::bigint, 'after a fetch that failed nothing is checked either');
UPDATE ordersync.sync_tasks SET state = 'succeeded' FROM x WHERE run_id = r;
UPDATE ordersync.sync_runs SET state = 'running', links_due = true, open_tasks = 1 FROM x WHERE run_id = r;
SELECT is((SELECT ordersync.count_tasks(r, -1) FROM x), true, 'with all of it there');
SELECT is((SELECT ranges FROM ordersync.coverage WHERE stream = 'after_sales' AND basis = 'arrival'), tstzmultirange(tstzrange(pg_temp.at(0), pg_temp.at(60))),
	'what is covered of after-sales is checked, where lines are known');
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (1, 'orders', 'created', tstzmultirange(tstzrange(pg_temp.at(-30), pg_temp.at(0))));
UPDATE ordersync.shops SET first_full_at = pg_temp.at(-10);
SELECT ordersync.close_links(r, 1) FROM x;
SELECT is((SELECT ranges FROM ordersync.coverage WHERE stream = 'after_sales' AND basis = 'arrival'),
	tstzmultirange(tstzrange(pg_temp.at(-30), pg_temp.at(-10)), tstzrange(pg_temp.at(0), pg_temp.at(60))), 'a full run knows them up to its begin');

-- what an id came to
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('order', ARRAY['details modified store']);
UPDATE ordersync.sync_tasks SET details_of = 'orders', reason = 'link', ids = '{101}' FROM x WHERE run_id = r;
SELECT ordersync.note_fetched(pg_temp.task(r), 101, true, true) FROM x;
SELECT results_eq($$ SELECT stream, record_id, reason, modified, created FROM ordersync.repairs $$,
	$$ VALUES ('orders', 101::bigint, 'link', pg_temp.at(10), pg_temp.at(5)) $$, 'a fetch that changed something is a repair');
SELECT ordersync.note_fetched(pg_temp.task(r), 102, true, false) FROM x;
SELECT is((SELECT count(*) FROM ordersync.repairs), 1::bigint, 'one that did not is none');
UPDATE ordersync.orders SET created = now() - interval '100 days' WHERE tid = 102;
SELECT ordersync.note_not_served(pg_temp.task(r), i, 'gone') FROM x, unnest(ARRAY[102, 103, 104]::bigint[]) i;
SELECT results_eq($$ SELECT tid, platform_state FROM ordersync.orders ORDER BY tid $$,
	$$ VALUES (101::bigint, 'listed'), (102, 'archived'), (103, 'missing') $$, 'what is not served by id is archived, or missing where it ought to be listed');
SELECT is((SELECT count(*) FROM ordersync.lookups WHERE NOT served AND record_id IN (102, 103, 104)), 3::bigint, 'and remembered');

-- unfinished orders, before the lists let go of them
DELETE FROM ordersync.sync_tasks; DELETE FROM ordersync.orders;
INSERT INTO ordersync.orders (shop_id, tid, created, status, platform_state, details_at)
SELECT 1, n, now() - make_interval(hours => (24 * d)::integer), s, 'listed', now() - make_interval(days => at)
FROM (VALUES (1, 85.0, 'WAIT_SELLER_SEND_GOODS', NULL::integer), (2, 79.5, 'WAIT_SELLER_SEND_GOODS', NULL), (3, 85.0, 'TRADE_FINISHED', NULL), (4, 85.0, 'WAIT_BUYER_PAY', 1),
	(5, 85.0, 'WAIT_BUYER_PAY', 30), (6, 92.0, 'WAIT_BUYER_PAY', NULL)) v (n, d, s, at);
SELECT is((SELECT ordersync.fetch_aging_orders(1, 1, now())), 1, 'orders of eighty days');
SELECT is((SELECT ids FROM ordersync.sync_tasks WHERE reason = 'aging'), '{1,5}'::bigint[], 'are fetched once more when they are unfinished, and not again');

-- a window whose failure is its own
CREATE FUNCTION pg_temp.fail(task bigint, verdict text, class text, attempts integer DEFAULT 8) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE ordersync.sync_tasks SET state = 'running', owner = 'alive', token = 42, attempt = attempts WHERE task_id = task;
	RETURN (ordersync.fail(task, 42, jsonb_build_object('verdict', verdict, 'class', class, 'message', 'it said no', 'retry_ms', 0))).state;
END $$;
CREATE FUNCTION pg_temp.windows() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s-%s %s', EXTRACT(epoch FROM since - pg_temp.at(0)) / 60, EXTRACT(epoch FROM until - pg_temp.at(0)) / 60, state), ', ' ORDER BY since)
	FROM ordersync.sync_tasks, x WHERE run_id = r $$;
DELETE FROM ordersync.sync_tasks;
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('full', ARRAY['orders created store']);
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'retry', 'network') FROM x), 'failed', 'a network that is down fails a window whole');
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('full', ARRAY['orders created store']);
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'malformed', 'malformed') FROM x), 'pending', 'an answer that is none has its window halved');
SELECT matches(pg_temp.windows(), '^0\.0*-30\.0* pending, 30\.0*-60\.0* pending$', 'into two');
SELECT is(pg_temp.run_is(), 'running, 2 open, 0 held', 'that the run counts');
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'malformed', 'malformed', 2) FROM x), 'pending', 'a half waits for the other one to tell');
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'malformed', 'malformed', 100) FROM x), 'pending', 'however often it fails until then');
SELECT is((SELECT count(*) FROM ordersync.sync_tasks, x WHERE run_id = r), 2::bigint, 'before it is halved again');
UPDATE ordersync.sync_tasks SET state = 'succeeded', finished_at = clock_timestamp() FROM x WHERE task_id = pg_temp.task(r, 2);
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'malformed', 'malformed', 2) FROM x), 'pending', 'when that was read');
SELECT matches(pg_temp.windows(), '^0\.0*-30\.0* succeeded, 30\.0*-45\.0* pending, 45\.0*-60\.0* pending$', 'it is');
UPDATE ordersync.sync_tasks SET state = 'failed' FROM x WHERE task_id = pg_temp.task(r, 3);
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'malformed', 'malformed', 8) FROM x), 'failed', 'two halves that both fail say that it is everything');
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('full', ARRAY['orders created store', 'orders created store']);
UPDATE ordersync.sync_tasks SET until = since + interval '1 second', splits = 12 FROM x WHERE task_id = pg_temp.task(r);
UPDATE ordersync.sync_tasks SET state = 'succeeded', finished_at = clock_timestamp() FROM x WHERE task_id = pg_temp.task(r, 2);
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'malformed', 'malformed', 8) FROM x), 'failed', 'a second is not halved');
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('full', ARRAY['orders created store', 'orders created store']);
UPDATE ordersync.sync_tasks SET state = 'succeeded', finished_at = clock_timestamp() + interval '1 second' FROM x WHERE task_id = pg_temp.task(r, 2);
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'rejected', 'permission', 1) FROM x), 'failed', 'a permission is not missing for half a window');

-- ids: the only one, the first, the last; a retry asks for the one that failed
CREATE FUNCTION pg_temp.ids() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', ids, state, walk), ', ' ORDER BY task_id) FROM ordersync.sync_tasks, x WHERE run_id = r $$;
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('incremental', ARRAY['details modified store']);
UPDATE ordersync.sync_tasks SET details_of = 'orders', reason = 'details', ids = '{1,2,3}' FROM x WHERE run_id = r;
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'rejected', 'platform', 1) FROM x), 'failed', 'the first of three ids is refused');
SELECT is(pg_temp.ids(), '{1} failed, {2,3} pending', 'and stands alone, whatever else the run has done');
SELECT is((SELECT pg_temp.fail(pg_temp.task(r, 2), 'rejected', 'permission', 1) FROM x), 'succeeded', 'no permission for single records is no failure');
SELECT is((SELECT unserved ? 'details of orders' FROM ordersync.shops), true, 'the shop keeps it');
SELECT ordersync.mark_list_served(1, 'details of orders');
SELECT is((SELECT unserved FROM ordersync.shops), '{}'::jsonb, 'until it is served again');
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('incremental', ARRAY['details modified store']);
UPDATE ordersync.sync_tasks SET details_of = 'orders', reason = 'details', ids = '{1,2,3}', walk = '{"walk": "ids", "done": 2}', pages = 2 FROM x WHERE run_id = r;
SELECT is((SELECT (ordersync.fail(pg_temp.task(r), 42, '{"verdict": "rejected", "class": "platform", "message": "no", "retry_ms": 0, "walk": {"walk": "ids", "done": 2}}')).state FROM x), 'failed', 'the last of three');
SELECT is(pg_temp.ids(), '{3} failed', 'stands alone too');
SELECT is((SELECT ordersync_retry(r) FROM x), 1, 'a retry');
SELECT is(pg_temp.ids(), '{3} pending', 'asks for it from the begin');
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('incremental', ARRAY['details modified store']);
UPDATE ordersync.sync_tasks SET details_of = 'orders', reason = 'details', ids = '{1,2,3}', walk = '{"walk": "ids", "done": "x"}', pages = 2 FROM x WHERE run_id = r;
SELECT is((SELECT (ordersync.fail(pg_temp.task(r), 42, '{"verdict": "rejected", "class": "platform", "message": "no"}')).state FROM x), 'failed', 'where a walk cannot be read');
SELECT is(pg_temp.ids(), '{1} failed, {2,3} pending', 'it had begun anew, and no id is left out');

-- a check that failed half-way is read anew: what it had missed must not be forgotten
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('incremental', ARRAY['orders arrival check held']);
UPDATE ordersync.sync_tasks SET state = 'failed', walk = '{"walk": "w"}', missed = '{777}' FROM x WHERE run_id = r;
UPDATE ordersync.sync_runs SET state = 'incomplete', open_tasks = 0, held_tasks = 0 FROM x WHERE run_id = r;
SELECT is((SELECT ordersync_retry(r) FROM x), 1, 'a check that failed half-way');
SELECT is((SELECT walk FROM ordersync.sync_tasks, x WHERE run_id = r), NULL, 'begins anew');

-- counts that differ: the young part of the window closes nothing
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('verify', ARRAY['after_sales modified count']);
UPDATE ordersync.sync_tasks SET since = date_trunc('second', now() - interval '30 hours'), until = date_trunc('second', now() - interval '20 hours') FROM x WHERE run_id = r;
SELECT is((SELECT ordersync.settle_count(pg_temp.task(r), 42, 5, NULL, NULL, NULL, '{"method": "m"}') FROM x), false, 'a count that differs');
SELECT is((SELECT bool_or(fresh) AND max(until) FILTER (WHERE NOT fresh) <= clock_timestamp() - interval '24 hours' FROM ordersync.sync_tasks, x WHERE run_id = r AND reason = 'verify'), true,
	'has the window read, what is younger than settle without closing it');

-- one id of several
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('order', ARRAY['details modified store']);
UPDATE ordersync.sync_tasks SET details_of = 'orders', reason = 'details', ids = '{1,2,3,4}', walk = '{"walk": "ids", "done": 1}', pages = 1 FROM x WHERE run_id = r;
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'rejected', 'platform', 1) FROM x), 'failed', 'an id that is refused');
SELECT results_eq($$ SELECT ids, state FROM ordersync.sync_tasks, x WHERE run_id = r ORDER BY task_id $$, $$ VALUES ('{2}'::bigint[], 'failed'), ('{3,4}', 'pending') $$,
	'stands alone, and those behind it go on');

-- a list that the shop can do without
TRUNCATE x; INSERT INTO x SELECT pg_temp.run('full', ARRAY['special_refunds modified store', 'special_refunds modified store', 'after_sales modified store']);
UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL FROM x WHERE task_id = pg_temp.task(r, 2);
SELECT is((SELECT pg_temp.fail(pg_temp.task(r), 'rejected', 'permission', 1) FROM x), 'succeeded', 'a list that is refused for want of permission is no failure');
SELECT results_eq($$ SELECT state, outcome FROM ordersync.sync_tasks, x WHERE run_id = r ORDER BY task_id $$,
	$$ VALUES ('succeeded', 'unserved'), ('succeeded', 'unserved'), ('running', NULL) $$, 'nor are its other windows');
SELECT is(pg_temp.run_is(), 'running, 1 open, 0 held', 'which the run counts as ended');
SELECT is((SELECT unserved -> 'special_refunds' ->> 'message' FROM ordersync.shops), 'it said no', 'the shop keeps the reason');
SELECT is((SELECT pg_temp.fail(pg_temp.task(r, 3), 'rejected', 'permission', 1) FROM x), 'failed', 'the main list is another matter');
SELECT ordersync_set_data_key(1, 'session-2');
SELECT is((SELECT unserved FROM ordersync.shops), '{}'::jsonb, 'a new key has it asked for again');

SELECT * FROM finish();
ROLLBACK;
