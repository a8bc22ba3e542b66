-- find_rows(): rows of a shop by id, through the index of shop and id; and that what stores records reads few rows whatever
-- the tables were when its plans were made.
BEGIN;
SELECT plan(35);
SET LOCAL client_min_messages = error;
SELECT ordersync.set_up();

CREATE FUNCTION pg_temp.found(t regclass, c name, shop bigint, ids bigint[]) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(f.id::text, ' ' ORDER BY f.id), '') FROM ordersync.find_rows(t, c, shop, ids) f
$$;
-- the error of a lookup, all that it says
CREATE FUNCTION pg_temp.refused(t regclass, c name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM ordersync.find_rows(t, c, 7, '{1}');
	RETURN 'found';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', state, message, detail, hint);
END
$$;

-- --- which rows

SELECT is(pg_temp.found('ordersync.orders', 'tid', 7, '{1,2}'), '', 'an empty table');
INSERT INTO ordersync.orders (shop_id, tid, status) VALUES (7, 1, 'a'), (7, 2, 'b'), (7, 3, 'c'), (8, 2, 'other'), (8, 4, 'other'),
	(7, 9223372036854775807, 'max'), (7, -9223372036854775808, 'min'), (7, 0, 'zero');
INSERT INTO ordersync.sub_orders (shop_id, oid, tid) VALUES (7, 11, 1), (7, 12, 1), (7, 13, 2), (8, 14, 1);
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid) VALUES (7, 21, 1), (7, 22, NULL), (8, 23, 1);
SELECT is(pg_temp.found(t, c, shop, ids), e, format('%s by %s of shop %s: %s', t, c, shop, ids::text))
FROM (VALUES
	('ordersync.orders'::regclass, 'tid'::name, 7, '{1,2}'::bigint[], '1 2'), ('ordersync.orders', 'tid', 7, '{2,1,2,2}', '1 2'), ('ordersync.orders', 'tid', 7, '{NULL,3,NULL}', '3'),
	('ordersync.orders', 'tid', 7, '{NULL}', ''), ('ordersync.orders', 'tid', 7, '{}', ''), ('ordersync.orders', 'tid', 7, '{4,5,6}', ''), ('ordersync.orders', 'tid', 8, '{1,2,3,4}', '2 4'),
	('ordersync.orders', 'tid', 9, '{1,2,3,4}', ''), ('ordersync.orders', 'tid', 7, '{9223372036854775807,0,-9223372036854775808}', '-9223372036854775808 0 9223372036854775807'),
	('ordersync.orders', 'tid', 7, '{{1,2},{2,3}}', '1 2 3'),
	('ordersync.sub_orders', 'tid', 7, '{2,1}', '1 1 2'), ('ordersync.sub_orders', 'oid', 7, '{11,14}', '11'), ('ordersync.after_sales', 'tid', 7, '{1,NULL}', '1'),
	('ordersync.after_sales', 'refund_id', 7, '{22}', '22')
) AS t (t, c, shop, ids, e);
SELECT is((SELECT count(*) FROM ordersync.find_rows('ordersync.orders', 'tid', NULL, '{1}')), 0::bigint, 'no shop: nothing');

-- --- what the statement's snapshot sees

CREATE FUNCTION pg_temp.statuses(ids bigint[]) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(o.status, ' ' ORDER BY f.id)
	FROM ordersync.find_rows('ordersync.orders', 'tid', 7, ids) f, LATERAL (SELECT o.status FROM ordersync.orders o WHERE o.ctid = f.row_ctid OFFSET 0) o
$$;
SELECT is(pg_temp.statuses('{1,2,3}'), 'a b c', 'rows are those that stand there');
UPDATE ordersync.orders SET status = 'hot' WHERE shop_id = 7 AND tid = 1;
UPDATE ordersync.orders SET status = 'moved', created = '2026-05-05Z' WHERE shop_id = 7 AND tid = 2;	-- an indexed day: another entry in each index
DELETE FROM ordersync.orders WHERE shop_id = 7 AND tid = 3;
SELECT is(pg_temp.statuses('{1,2,3}'), 'hot moved', 'updated rows as they are now, once; deleted ones are not');
SAVEPOINT s;
INSERT INTO ordersync.orders (shop_id, tid, status) VALUES (7, 3, 'again');
UPDATE ordersync.orders SET status = 'undone' WHERE shop_id = 7 AND tid = 1;
SELECT is(pg_temp.statuses('{1,2,3}'), 'undone moved again', 'own changes are seen');
ROLLBACK TO s;
SELECT is(pg_temp.statuses('{1,2,3}'), 'hot moved', 'and those undone are not');
-- a statement that writes does not find what it writes itself
WITH w AS (INSERT INTO ordersync.orders (shop_id, tid) SELECT 7, 70 + i FROM generate_series(1, 3) AS i RETURNING tid)
SELECT is(concat((SELECT count(*) FROM w), ' ', (SELECT count(*) FROM ordersync.find_rows('ordersync.orders', 'tid', 7, '{71,72,73}'))), '3 0', 'of the statement''s own snapshot');
SELECT is(pg_temp.found('ordersync.orders', 'tid', 7, '{71,72,73}'), '71 72 73', 'the next one sees them');

-- --- what is read, by plans made while the tables were empty

TRUNCATE ordersync.orders, ordersync.sub_orders, ordersync.after_sales, ordersync.order_payloads, ordersync.after_sale_payloads;
DISCARD PLANS;
-- rows and index entries that this transaction has read of the tables so far
CREATE FUNCTION pg_temp.read(OUT scanned bigint, OUT fetched bigint, OUT entries bigint) LANGUAGE sql AS $$
	SELECT sum(s.seq_tup_read), sum(coalesce(s.idx_tup_fetch, 0)), sum((SELECT sum(pg_stat_get_xact_tuples_returned(i.indexrelid)) FROM pg_index i WHERE i.indrelid = s.relid))
	FROM pg_stat_xact_user_tables s
	WHERE s.schemaname = 'ordersync' AND s.relname IN ('orders', 'sub_orders', 'after_sales', 'order_payloads', 'after_sale_payloads')
$$;
CREATE TEMPORARY TABLE call (n integer, what text, query text);
INSERT INTO call VALUES
	(1, 'filter of orders', $$SELECT count(*) FROM ordersync.filter_orders(7, 'list', ARRAY['2026-01-02Z'::timestamptz], array_fill(1, ARRAY[%1$s]),
		ARRAY(SELECT 1000 + i FROM generate_series(1, %1$s) i), array_fill('2026-01-01Z'::timestamptz, ARRAY[%1$s]), array_fill('\x00'::bytea, ARRAY[%1$s]))$$),
	(2, 'filter of after-sales', $$SELECT count(*) FROM ordersync.filter_after_sales(7, 'list', ARRAY['2026-01-02Z'::timestamptz], array_fill(1, ARRAY[%1$s]),
		ARRAY(SELECT 1000 + i FROM generate_series(1, %1$s) i), array_fill('2026-01-01Z'::timestamptz, ARRAY[%1$s]), array_fill('\x00'::bytea, ARRAY[%1$s]))$$),
	(3, 'after-sales of orders', $$SELECT cardinality(r.refunded_tids) FROM ordersync.after_sales_of(7, ARRAY(SELECT 1000 + i FROM generate_series(1, %1$s) i), array_fill('2026-01-01Z'::timestamptz, ARRAY[%1$s])) r$$),
	(4, 'lines of after-sales', $$SELECT array_length(array_remove(l.oids, NULL), 1) FROM ordersync.lines_of(7, ARRAY(SELECT 1000 + i FROM generate_series(1, %1$s) i),
		ARRAY(SELECT CASE WHEN i %% 2 = 0 THEN 1000 + i END FROM generate_series(1, %1$s) i)) l$$),
	(5, 'linking', $$SELECT count(*) FROM (SELECT ordersync.link_after_sales(7, ARRAY(SELECT 1000 + i FROM generate_series(1, %1$s) i))) x$$);
-- each of them so often that its plans are kept
CREATE FUNCTION pg_temp.answer(query text, size integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format(query, size) INTO result;
	RETURN result;
END
$$;
SELECT count(pg_temp.answer(query, 100)) FROM call, generate_series(1, 8) AS g \g /dev/null

INSERT INTO ordersync.orders (shop_id, tid, status, line_count) SELECT 7, i, 'TRADE_FINISHED', 1 FROM generate_series(1, 10000) i;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, num_iid) SELECT 7, i, i, 5 FROM generate_series(1, 10000) i;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, status) SELECT 7, i, i, 'SUCCESS' FROM generate_series(1, 10000) i;
INSERT INTO ordersync.order_payloads (shop_id, tid, rank, sources, modified, payload) SELECT 7, i, 3, 4, '2026-01-01Z', '{}' FROM generate_series(1, 10000) i;
INSERT INTO ordersync.after_sale_payloads (shop_id, refund_id, rank, sources, modified, payload) SELECT 7, i, 2, 2, '2026-01-01Z', '{}' FROM generate_series(1, 10000) i;

CREATE TEMPORARY TABLE cost (n integer, what text, answer bigint, scanned bigint, fetched bigint, entries bigint);
DO $$
DECLARE
	c record;
	b record;
	e record;
	a bigint;
BEGIN
	FOR c IN SELECT * FROM call ORDER BY n LOOP
		SELECT * INTO b FROM pg_temp.read();
		a := pg_temp.answer(c.query, 100);
		SELECT * INTO e FROM pg_temp.read();
		INSERT INTO cost VALUES (c.n, c.what, a, e.scanned - b.scanned, e.fetched - b.fetched, e.entries - b.entries);
	END LOOP;
END
$$;
SELECT is(string_agg(concat_ws(' ', what, answer), ', ' ORDER BY n),
	'filter of orders 1, filter of after-sales 1, after-sales of orders 100, lines of after-sales 100, linking 1', 'a hundred of ten thousand are found') FROM cost;
SELECT is(sum(scanned), 0::numeric, 'no table is read from end to end') FROM cost;
SELECT is(string_agg(format('%s: %s rows, %s entries', what, fetched, entries), E'\n' ORDER BY n), NULL, 'at most five rows and five index entries an id')
FROM cost WHERE fetched > 500 OR entries > 500;
SELECT is((SELECT count(*) FROM ordersync.after_sales WHERE oid = tid), 100::bigint, 'linking linked those and no other');

-- --- by which index

DELETE FROM ordersync.orders;
INSERT INTO ordersync.orders (shop_id, tid) VALUES (7, 1), (7, 2), (7, 5);
INSERT INTO ordersync.sub_orders (shop_id, oid, tid) VALUES (7, 20011, 20001), (7, 20012, 20001), (7, 20013, 20002), (8, 20014, 20001);
ALTER INDEX ordersync.sub_orders_tid_idx RENAME TO renamed;
SELECT is(pg_temp.found('ordersync.sub_orders', 'tid', 7, '{20001}'), '20001 20001', 'an index of another name');
DROP INDEX ordersync.renamed;
SELECT is(pg_temp.refused('ordersync.sub_orders', 'tid'), '42704 | table "sub_orders" has no index of shop_id and tid | Rows are looked up by it when records are stored. | '
	'Create it again: SELECT ordersync.set_up(); a primary key by ALTER TABLE ordersync.sub_orders ADD PRIMARY KEY (shop_id, tid);', 'without its index');
CREATE INDEX wrong_order ON ordersync.sub_orders (tid, shop_id);
CREATE INDEX part ON ordersync.sub_orders (shop_id, tid) WHERE status = 'x';
CREATE INDEX computed ON ordersync.sub_orders (shop_id, (tid + 1));
CREATE INDEX beside ON ordersync.sub_orders (shop_id) INCLUDE (tid);
CREATE INDEX brin ON ordersync.sub_orders USING brin (shop_id, tid);
SELECT matches(pg_temp.refused('ordersync.sub_orders', 'tid'), '^42704', 'columns in another order, a part of the rows, an expression, columns beside: none of them');
SELECT matches(pg_temp.refused('ordersync.sub_orders', 'no_column'), '^42704', 'no such column');
CREATE INDEX longer ON ordersync.sub_orders (shop_id DESC, tid DESC NULLS LAST, line_no);
SELECT is(pg_temp.found('ordersync.sub_orders', 'tid', 7, '{20001,20002}'), '20001 20001 20002', 'another order of values, and a column more');
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ordersync.longer'::regclass;
SELECT matches(pg_temp.refused('ordersync.sub_orders', 'tid'), '^42704', 'one that was not built to its end');
SELECT ordersync.set_up();
SELECT is(pg_temp.found('ordersync.sub_orders', 'tid', 7, '{20001,20002}'), '20001 20001 20002', 'made again as the hint says');
ALTER TABLE ordersync.orders DROP CONSTRAINT orders_pkey;
SELECT matches(pg_temp.refused('ordersync.orders', 'tid'), 'a primary key by ALTER TABLE ordersync.orders ADD PRIMARY KEY \(shop_id, tid\);$', 'without the primary key, beside an index of unlisted orders alone');
ALTER TABLE ordersync.orders ADD PRIMARY KEY (shop_id, tid);
SELECT is(pg_temp.found('ordersync.orders', 'tid', 7, '{1,2}'), '1 2', 'made again as the hint says');

SELECT * FROM finish();
ROLLBACK;
