-- Several pages in one call: what each brought, and a record that is in two of them.
BEGIN;
SELECT plan(19);
SELECT ordersync.set_up();

-- Pages of shop 7 as a worker has them in hand; a page is its records and the minute of 2026-03-01 12:00 at which it was read. What each brought.
CREATE FUNCTION pg_temp.put_pages(p_stream text, p_source text, p_minutes integer[], VARIADIC p_pages jsonb[]) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged), ' ' ORDER BY a.row)
	FROM (
		SELECT array_agg(p.n ORDER BY p.n, r.m) AS pages,
			array_agg((r.record ->> CASE p_stream WHEN 'orders' THEN 'tid' ELSE 'refund_id' END)::bigint ORDER BY p.n, r.m) AS ids,
			array_agg(ordersync.read_time(r.record ->> 'modified') ORDER BY p.n, r.m) AS modified,
			array_agg(substr(sha256(convert_to(r.record::text, 'UTF8')), 1, 16) ORDER BY p.n, r.m) AS digests,
			array_agg(r.record::text ORDER BY p.n, r.m) AS bodies
		FROM (SELECT t.page, t.n::integer FROM unnest(p_pages) WITH ORDINALITY AS t (page, n)) p,
			jsonb_array_elements(p.page) WITH ORDINALITY AS r (record, m)
	) p,
		LATERAL (
			SELECT b.*, row_number() OVER () AS row
			FROM ordersync.apply_pages(p_stream, 7, p_source,
				ARRAY(SELECT 70 FROM unnest(p_minutes)), ARRAY(SELECT 700 + i FROM generate_subscripts(p_minutes, 1) AS i),
				ARRAY(SELECT timestamptz '2026-03-01 12:00+08' + make_interval(mins => m) FROM unnest(p_minutes) AS m),
				p.pages, p.ids, p.modified, p.digests, p.bodies, NULL, NULL, NULL) b
		) a
$$;
CREATE FUNCTION pg_temp.trade(tid bigint, at text, status text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('tid', tid, 'modified', '2026-03-01 ' || at, 'created', '2026-03-01 08:00:00', 'status', status,
		'orders', jsonb_build_object('order', jsonb_build_array(jsonb_build_object('oid', tid * 10 + 1, 'title', 'a line', 'num', 1)))) $$;
CREATE FUNCTION pg_temp.refund(refund_id bigint, tid bigint, at text, status text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('refund_id', refund_id, 'tid', tid, 'modified', '2026-03-01 ' || at, 'created', '2026-03-01 08:00:00', 'status', status, 'refund_fee', '10.00') $$;
CREATE FUNCTION pg_temp.page(VARIADIC p_records jsonb[]) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(p_records) $$;
-- what is stored of an order
CREATE FUNCTION pg_temp.is_now(p_tid bigint) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s', o.status, to_char(timezone('Asia/Shanghai', o.modified), 'HH24:MI')) FROM ordersync.orders o WHERE o.shop_id = 7 AND o.tid = p_tid $$;

-- one page
SELECT is(pg_temp.put_pages('orders', 'list', '{0}', pg_temp.page(pg_temp.trade(1, '10:00:00', 'A'), pg_temp.trade(2, '10:00:00', 'A'))), '2/0/0', 'a page alone');
SELECT is(pg_temp.put_pages('orders', 'list', '{1}', pg_temp.page(pg_temp.trade(1, '10:00:00', 'A'), pg_temp.trade(2, '11:00:00', 'B'))), '0/1/1', 'the same, one of them changed');

-- several, with all kinds of records in each; counts page by page
SELECT is(pg_temp.put_pages('orders', 'list', '{2,2,2,2}',
	pg_temp.page(pg_temp.trade(3, '10:00:00', 'A'), pg_temp.trade(1, '12:00:00', 'C')),
	pg_temp.page(pg_temp.trade(4, '10:00:00', 'A'), pg_temp.trade(5, '10:00:00', 'A')),
	pg_temp.page(pg_temp.trade(2, '11:00:00', 'B')),
	pg_temp.page(pg_temp.trade(2, '09:00:00', 'Z'))), '1/1/0 2/0/0 0/0/1 0/0/1', 'four pages: each has its own counts');
SELECT is(pg_temp.is_now(1), 'C 12:00', 'what changed is stored');
SELECT is(pg_temp.is_now(2), 'B 11:00', 'what is older is not');
SELECT is((SELECT string_agg(c.tid || ' ' || c.task_id, ', ' ORDER BY c.tid) FROM ordersync.order_changes c
	WHERE c.shop_id = 7 AND c.tid BETWEEN 3 AND 5 AND c.field = 'first_seen' AND c.object = 'order'), '3 701, 4 702, 5 702', 'each record says by which task it came');

-- a page of which nothing is left to store
SELECT is((SELECT string_agg(format('%s %s/%s/%s', a.page, a.n_new, a.n_changed, a.n_unchanged), ', ') FROM ordersync.apply_pages('orders', 7, 'list', '{70,70}', '{701,702}', '{2026-03-01 12:00+08,2026-03-01 12:00+08}',
	'{2}', '{6}', '{2026-03-01 10:00+08}', ARRAY['\x01'::bytea], ARRAY[pg_temp.trade(6, '10:00:00', 'A')::text], NULL, NULL, NULL) a), '1 0/0/0, 2 1/0/0', 'a page without records has its row');

-- the same record in two of them: the newest version, wherever it stands
SELECT is(pg_temp.put_pages('orders', 'list', '{3,3}', pg_temp.page(pg_temp.trade(10, '10:00:00', 'OLD')), pg_temp.page(pg_temp.trade(10, '11:00:00', 'NEW'))) IS NOT NULL, true, 'the newer one in the later page');
SELECT is(pg_temp.is_now(10), 'NEW 11:00', 'counts');
SELECT is(pg_temp.put_pages('orders', 'list', '{3,3}', pg_temp.page(pg_temp.trade(11, '11:00:00', 'NEW')), pg_temp.page(pg_temp.trade(11, '10:00:00', 'OLD'))) IS NOT NULL, true, 'the newer one in the earlier page');
SELECT is(pg_temp.is_now(11), 'NEW 11:00', 'counts as well');
-- of one second: the one that was read later, wherever it stands
SELECT is(pg_temp.put_pages('orders', 'list', '{4,5}', pg_temp.page(pg_temp.trade(12, '10:00:00', 'FIRST')), pg_temp.page(pg_temp.trade(12, '10:00:00', 'SECOND'))) IS NOT NULL, true, 'two versions of one second');
SELECT is(pg_temp.is_now(12), 'SECOND 10:00', 'the one that was read later counts');
SELECT is(pg_temp.put_pages('orders', 'list', '{7,6}', pg_temp.page(pg_temp.trade(13, '10:00:00', 'SECOND')), pg_temp.page(pg_temp.trade(13, '10:00:00', 'FIRST'))) IS NOT NULL, true, 'the same the other way about');
SELECT is(pg_temp.is_now(13), 'SECOND 10:00', 'the one that was read later counts, wherever it stands');
SELECT is((SELECT count(*) FROM ordersync.orders WHERE shop_id = 7), 10::bigint, 'each order is one row');

-- after-sales
SELECT is(pg_temp.put_pages('after_sales', 'list', '{8,8}', pg_temp.page(pg_temp.refund(21, 1, '13:00:00', 'WAIT')), pg_temp.page(pg_temp.refund(22, 2, '13:00:00', 'SUCCESS'), pg_temp.refund(23, 99, '13:00:00', 'WAIT'))),
	'1/0/0 2/0/0', 'after-sales go the same way');
SELECT is((SELECT string_agg(format('%s %s %s', a.refund_id, a.oid, a.status), ', ' ORDER BY a.refund_id) FROM ordersync.after_sales a WHERE a.shop_id = 7), '21 11 WAIT, 22 21 SUCCESS, 23  WAIT', 'and find their orders');

SELECT throws_like($$SELECT ordersync.apply_pages('orders', 7, 'nowhere', '{1}', '{1}', '{2026-03-01 12:00+08}', '{1}', '{1}', '{2026-03-01 12:00+08}', '{"\\x01"}', '{"{}"}', NULL, NULL, NULL)$$, '%unrecognized source%', 'a source that there is not');
SELECT * FROM finish();
ROLLBACK;
