-- The link check looks at what was written, not at all that is stored: each way in which a pair becomes unlinked is found by a run
-- that walks nothing whole, and what it reads does not grow with the shop.
BEGIN;
SELECT plan(53);
SET client_min_messages = error;
\ir lib/put.sql
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS $$ SELECT owner LIKE 'alive%' $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');
UPDATE ordersync.shops SET key_state = 'ok';

-- what is noted: refunds, "all" for the whole shop
CREATE FUNCTION pg_temp.noted() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT COALESCE(r.id::text, 'all'), ' ')
	FROM ordersync.link_candidates c LEFT JOIN LATERAL unnest(c.refund_ids) r (id) ON true WHERE c.shop_id = 7 $$;
-- what the link check of a run fetches; the run is ended by hand
CREATE FUNCTION pg_temp.fetches(run bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.details_of || ' ' || i, ', ' ORDER BY t.details_of, i)
	FROM ordersync.sync_tasks t, unnest(t.ids) i WHERE t.run_id = run AND t.reason = 'link' $$;
CREATE FUNCTION pg_temp.checked(run bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE open integer;
BEGIN
	UPDATE ordersync.sync_tasks SET state = 'succeeded' WHERE run_id = run AND NOT held;
	SELECT r.open_tasks - r.held_tasks INTO open FROM ordersync.sync_runs r WHERE r.run_id = run;
	PERFORM ordersync.count_tasks(run, -open);
	PERFORM ordersync.cancel_run(run);
	RETURN pg_temp.fetches(run);
END $$;
CREATE FUNCTION pg_temp.incremental() RETURNS text LANGUAGE plpgsql AS $$
DECLARE run bigint;
BEGIN
	INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, started_at, open_tasks, links_due)
	VALUES (7, 'incremental', now() - interval '2 hours', now(), 'running', now(), 1, true) RETURNING run_id INTO run;
	RETURN pg_temp.checked(run);
END $$;
CREATE FUNCTION pg_temp.trade(tid bigint, at text, refund_id bigint, refund_status text, VARIADIC more text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('tid', tid, 'created', '2026-03-01 08:00:00', 'modified', '2026-03-01 ' || at || ':00', 'status', 'TRADE_FINISHED',
		'orders', jsonb_build_object('order', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('oid', tid * 10, 'num_iid', 5, 'refund_id', refund_id::text, 'refund_status', refund_status)))))
		|| jsonb_object(more))::text $$;
CREATE FUNCTION pg_temp.refund(refund_id bigint, tid bigint, at text, status text) RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('refund_id', refund_id, 'tid', tid, 'created', '2026-03-01 08:30:00', 'modified', '2026-03-01 ' || at || ':00', 'status', status)::text $$;

-- --- what is noted and what is left of it

SELECT is(pg_temp.put('list', pg_temp.trade(1, '09:00', NULL, 'NO_REFUND')), '1/0/0', 'an order without a refund');
SELECT is(pg_temp.noted(), NULL, 'is no candidate');
SELECT is(pg_temp.put('list', pg_temp.trade(2, '09:00', 21, 'SUCCESS'), pg_temp.trade(3, '09:00', 31, 'SUCCESS'), pg_temp.trade(4, '09:00', NULL, 'NO_REFUND')), '3/0/0', 'orders whose lines name refunds');
SELECT is(pg_temp.noted(), '21 31', 'are');
SELECT is((SELECT count(*) FROM ordersync.link_candidates), 1::bigint, 'in one row for all of them');
SELECT is(pg_temp.incremental(), 'after_sales 21, after_sales 31', 'a line before its after-sale: it is fetched');
SELECT is(pg_temp.noted(), '21 31', 'and noted until it is there');
SELECT is(pg_temp.put_refund('details', pg_temp.refund(21, 2, '09:00', 'SUCCESS')), '1/0/0', 'one comes');
SELECT is(pg_temp.incremental(), 'after_sales 31', 'the other one is left');
SELECT is(pg_temp.noted(), '31', 'by itself');
SELECT is(pg_temp.put_refund('list', pg_temp.refund(31, 3, '09:00', 'SUCCESS')), '1/0/0', 'it comes');
SELECT is(pg_temp.incremental(), NULL, 'nothing is left to fetch');
SELECT is((SELECT count(*) FROM ordersync.link_candidates), 0::bigint, 'nor noted');
SELECT is(pg_temp.put_refund('list', pg_temp.refund(51, 5, '09:00', 'SUCCESS')), '1/0/0', 'an after-sale before its order');
SELECT is(pg_temp.incremental(), 'orders 5', 'brings it');
SELECT is(pg_temp.put('details', pg_temp.trade(5, '09:00', 51, 'SUCCESS')), '1/0/0', 'which comes');
SELECT is(pg_temp.incremental(), NULL, 'both together are linked');
SELECT is(pg_temp.put('list', pg_temp.trade(2, '09:00', 21, 'SUCCESS')), '0/0/1', 'an order that has not changed');
SELECT is(pg_temp.noted(), NULL, 'is no candidate');

-- --- the other ways

SELECT pg_temp.put('list', pg_temp.trade(2, '10:00', 21, 'CLOSED'));
SELECT is(pg_temp.incremental(), 'after_sales 21', 'a line contradicts its after-sale by a later change');
SELECT pg_temp.put_refund('list', pg_temp.refund(21, 2, '10:00', 'CLOSED'));
SELECT is(pg_temp.incremental(), NULL, 'until it has changed as well');
SELECT pg_temp.put('list', pg_temp.trade(3, '12:00', 31, 'SUCCESS'));
SELECT is(pg_temp.incremental(), NULL, 'a line that agrees');
SELECT pg_temp.put_refund('list', pg_temp.refund(31, 3, '11:00', 'WAIT_SELLER_AGREE'));
SELECT is(pg_temp.incremental(), 'after_sales 31', 'an after-sale comes to contradict its line that was there before');
SELECT ordersync.note_lookup(7, 'after_sales', 31, true, NULL, NULL, '2026-03-01 12:30+08');
SELECT is(pg_temp.incremental(), NULL, 'what was asked for since is not asked for again');
SELECT is(pg_temp.noted(), NULL, 'and noted no longer');
SELECT pg_temp.put('list', pg_temp.trade(3, '13:00', 31, 'CLOSED'));
SELECT is(pg_temp.incremental(), 'after_sales 31', 'until what speaks of it changes');
SELECT pg_temp.put_refund('list', pg_temp.refund(31, 3, '13:00', 'CLOSED'));
SELECT pg_temp.incremental();
SELECT pg_temp.put('increment', pg_temp.trade(1, '14:00', 11, 'SUCCESS'));
SELECT is(pg_temp.incremental(), 'after_sales 11', 'a stored order gets a refund');
SELECT ordersync.note_lookup(7, 'after_sales', 11, false, 'gone', NULL, '2026-03-01 15:00+08');
SELECT pg_temp.incremental();
DELETE FROM ordersync.lookups;
UPDATE ordersync.sub_orders SET refund_status = 'CLOSED' WHERE oid = 10;
SELECT ordersync.reproject_batch('orders', 7, '{1,2,3}');
SELECT is(pg_temp.noted(), '11', 'rows that are written again from their payload are noted, and those that do not differ are not');
SELECT is(pg_temp.incremental(), 'after_sales 11', 'and looked at');
SELECT ordersync.note_lookup(7, 'after_sales', 11, false, 'gone', NULL, '2026-03-01 15:00+08');
SELECT pg_temp.incremental();
DELETE FROM ordersync.lookups;
DELETE FROM ordersync.sub_orders WHERE oid = 10;
SELECT pg_temp.put('increment', pg_temp.trade(1, '14:00', 11, 'SUCCESS'));
SELECT is(pg_temp.incremental(), 'after_sales 11', 'so are lines that were gone, when their record is read');
SELECT ordersync.note_lookup(7, 'after_sales', 11, false, 'gone', NULL, '2026-03-01 15:00+08');

-- a record that the database refuses at first
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON ordersync.orders FOR EACH ROW WHEN (NEW.tid = 6) EXECUTE FUNCTION pg_temp.refuse();
INSERT INTO ordersync.sync_runs (run_id, shop_id, kind, state) OVERRIDING SYSTEM VALUE VALUES (70, 7, 'full', 'cancelled');
INSERT INTO ordersync.sync_tasks (task_id, run_id, shop_id, stream, basis) OVERRIDING SYSTEM VALUE VALUES (700, 70, 7, 'orders', 'created');
SELECT a.* FROM (SELECT pg_temp.trade(6, '09:00', 61, 'SUCCESS')) r (b),
	ordersync.store_parts('orders', 7, 'list', 70, 700, ARRAY[6], ARRAY['2026-03-01 09:00+08'::timestamptz], ARRAY[sha256(convert_to(b, 'UTF8'))], ARRAY[b], NULL, NULL) a;
SELECT is(pg_temp.incremental(), NULL, 'one that is refused speaks of nothing');
DROP TRIGGER refuse ON ordersync.orders;
SELECT ordersync.retry_refused(7, NULL);
SELECT is(pg_temp.incremental(), 'after_sales 61', 'when it is stored at last it does');
UPDATE ordersync.shops SET unserved = jsonb_build_object('details of after_sales', jsonb_build_object('at', now()));
SELECT is(pg_temp.incremental(), NULL, 'what may not be asked for');
SELECT is(pg_temp.noted(), '61', 'stays noted');
UPDATE ordersync.shops SET unserved = '{}';
SELECT pg_temp.put_refund('list', pg_temp.refund(61, 6, '09:00', 'SUCCESS'));
SELECT pg_temp.incremental();

-- --- rows that somebody deletes, and tables from before

DELETE FROM ordersync.after_sales WHERE refund_id = 21;
DELETE FROM ordersync.orders WHERE tid = 5;
SELECT is(pg_temp.incremental(), NULL, 'what was written does not speak of rows that somebody deleted');
SELECT is(pg_temp.checked(ordersync_trigger_full(7, ordersync_day(ordersync_today() - 2), ordersync_day(ordersync_today() - 1))), NULL, 'a full run over a range looks at what was written');
SELECT is(pg_temp.checked(ordersync_verify(7, ordersync_day(ordersync_today() - 2), ordersync_day(ordersync_today() - 1))), 'after_sales 21, orders 5', 'ordersync_verify at all');
SELECT is(pg_temp.noted(), '21 51', 'and what it found is noted');
SELECT pg_temp.put_refund('details', pg_temp.refund(21, 2, '11:00', 'CLOSED'));
SELECT pg_temp.put('details', pg_temp.trade(5, '11:00', 51, 'SUCCESS'));
SELECT pg_temp.incremental();
SELECT is((SELECT count(*) FROM ordersync.link_candidates), 0::bigint, 'until it is there');
DELETE FROM ordersync.after_sales WHERE refund_id = 21;
SELECT is(pg_temp.checked(ordersync_trigger_full(7)), 'after_sales 21', 'so does a full run without a range');
SELECT pg_temp.put_refund('details', pg_temp.refund(21, 2, '12:00', 'CLOSED'));
SELECT pg_temp.incremental();

SELECT ordersync_set_shop(7, '{"streams": ["orders"]}');
SELECT pg_temp.put('list', pg_temp.trade(8, '09:00', 81, 'SUCCESS'));
SELECT pg_temp.incremental();
SELECT pg_temp.put('list', pg_temp.trade(9, '09:00', 91, 'SUCCESS'));
SELECT is(pg_temp.incremental(), NULL, 'a shop of one stream has nothing to link');
SELECT is((SELECT count(*) || ' ' || pg_temp.noted() FROM ordersync.link_candidates), '1 all', 'and its notes do not pile up');
SELECT ordersync_set_shop(7, '{"streams": null}');
SELECT is(pg_temp.incremental(), 'after_sales 81, after_sales 91', 'with both streams all of it is looked at');

DROP TABLE ordersync.link_candidates;
SELECT ordersync.set_up();
SELECT is(pg_temp.noted(), 'all', 'set-up of tables from before notes each shop whole');
SELECT ordersync.set_up();
SELECT is((SELECT count(*) FROM ordersync.link_candidates), 1::bigint, 'once');
SELECT is(pg_temp.incremental(), 'after_sales 81, after_sales 91', 'and the next run walks it');
SELECT ordersync_remove_shop(7);
DELETE FROM ordersync.link_candidates;
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');
SELECT is(pg_temp.noted(), 'all', 'a shop whose rows are there before it is noted whole');
SELECT ordersync_remove_shop(7, purge => true);
SELECT is(pg_temp.noted(), NULL, 'purged with the shop');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');
SELECT is(pg_temp.noted(), NULL, 'a shop without rows is not noted');

-- --- what it reads, in tables that were never analysed

CREATE FUNCTION pg_temp.read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
	WHERE schemaname = 'ordersync' AND relname IN ('orders', 'sub_orders', 'after_sales', 'lookups', 'link_candidates') $$;
CREATE FUNCTION pg_temp.looked_up() RETURNS bigint LANGUAGE sql AS $$
	SELECT COALESCE(idx_scan, 0) + COALESCE(seq_scan, 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'ordersync' AND relname = 'lookups' $$;
CREATE TEMP TABLE before (n bigint);
INSERT INTO ordersync.orders (shop_id, tid, modified) SELECT 7, n, now() FROM generate_series(1, 20000) n;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, refund_id, refund_status, modified) SELECT 7, n, n, n, 'SUCCESS', now() FROM generate_series(1, 20000) n;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, modified) SELECT 7, n, n, n, 'SUCCESS', now() FROM generate_series(1, 20000) n;
SELECT pg_temp.put('list', pg_temp.trade(30001, '09:00', 30001, 'SUCCESS'), pg_temp.trade(30002, '09:00', 30002, 'SUCCESS'));
SELECT pg_temp.put_refund('list', pg_temp.refund(30002, 30002, '09:00', 'SUCCESS'), pg_temp.refund(30003, 30003, '09:00', 'SUCCESS'));
INSERT INTO before SELECT pg_temp.read();
SELECT is(pg_temp.incremental(), 'after_sales 30001, orders 30003', 'among twenty thousand');
SELECT cmp_ok((SELECT pg_temp.read() - n FROM before), '<', 40::bigint, 'two are found by reading few rows');
SELECT ordersync.note_all_links(7);
UPDATE before SET n = pg_temp.looked_up();
SELECT is(pg_temp.incremental(), 'after_sales 30001, orders 30003', 'a whole walk finds the same');
SELECT cmp_ok((SELECT pg_temp.looked_up() - n FROM before), '<', 10::bigint, 'and asks only of those whether they were asked for');

SELECT * FROM finish();
ROLLBACK;
