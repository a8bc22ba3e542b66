-- ordersync_create_publication(): the tables of data and no other, of all shops or of some; again, it brings the publication to what it says.
BEGIN;
SELECT plan(26);
SET client_min_messages = error;

CREATE FUNCTION pg_temp.published(p name) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.tablename || COALESCE(' ' || t.rowfilter, ''), ', ' ORDER BY t.schemaname, t.tablename COLLATE "C")
	FROM pg_publication_tables t WHERE t.pubname = p $$;

SELECT lives_ok('SELECT ordersync_create_publication()', 'the first call of an installation makes the tables');
SELECT is(pg_temp.published('ordersync'), 'after_sales, order_changes, orders, sub_orders', 'what is published by default');
SELECT is((SELECT format('%s %s %s %s', pubinsert, pubupdate, pubdelete, pubtruncate) FROM pg_publication WHERE pubname = 'ordersync'), 't t t t', 'whatever happens to rows');
SELECT is((SELECT count(*) FROM pg_publication_rel WHERE prattrs IS NOT NULL), 0::bigint, 'all columns, also those to come');
SELECT is((SELECT pg_get_userbyid(pubowner) FROM pg_publication WHERE pubname = 'ordersync'), current_user, 'the publication is the caller''s');
SELECT is((SELECT string_agg(h.action || ' ' || (h.details - 'process'), '; ') FROM ordersync.setup_history h),
	'publication set {"name": "ordersync", "tables": ["orders", "sub_orders", "after_sales", "order_changes"]}', 'the history has it');
SELECT is((SELECT bool_and(i.indkey[0] = a.attnum) FROM pg_publication_tables t JOIN pg_index i ON i.indrelid = format('%I.%I', t.schemaname, t.tablename)::regclass AND i.indisprimary
	JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = 'shop_id' WHERE t.pubname = 'ordersync'), true, 'each key begins with shop_id');

-- again
SELECT ordersync_create_publication() AS again \gset
SELECT is((SELECT count(*) FROM ordersync.setup_history), 1::bigint, 'the same again changes nothing');
SELECT ordersync_create_publication(shops => '{1,2}') AS filtered \gset
SELECT is(pg_temp.published('ordersync'), 'after_sales (shop_id = ANY (''{1,2}''::bigint[])), order_changes (shop_id = ANY (''{1,2}''::bigint[])), orders (shop_id = ANY (''{1,2}''::bigint[])), sub_orders (shop_id = ANY (''{1,2}''::bigint[]))', 'of two shops');
SELECT ordersync_create_publication(shops => '{1,2}') AS filtered \gset
SELECT is((SELECT count(*) FROM ordersync.setup_history), 2::bigint, 'once');
SELECT lives_ok('UPDATE ordersync.orders SET status = status; DELETE FROM ordersync.after_sales', 'rows with a filter are updated and deleted');
SELECT ordersync_create_publication(tables => '{orders,order_payloads,orders}') AS fewer \gset
SELECT is(pg_temp.published('ordersync'), 'order_payloads, orders', 'other tables, all shops');

-- beside what others have put there
CREATE TABLE public.heartbeat (id integer PRIMARY KEY);
ALTER PUBLICATION ordersync ADD TABLE public.heartbeat;
ALTER PUBLICATION ordersync ADD TABLE ordersync.secrets;
SELECT ordersync_create_publication() AS mended \gset
SELECT is(pg_temp.published('ordersync'), 'after_sales, order_changes, orders, sub_orders, heartbeat', 'a table of another schema stays, one of ours that is not for publishing goes');
ALTER PUBLICATION ordersync SET TABLE public.heartbeat;
SELECT ordersync_create_publication() AS mended \gset
SELECT is(pg_temp.published('ordersync'), 'after_sales, order_changes, orders, sub_orders, heartbeat', 'none of ours was left');
ALTER PUBLICATION ordersync SET TABLE ordersync.orders (shop_id, tid), ordersync.sub_orders, ordersync.after_sales, ordersync.order_changes;
SELECT ordersync_create_publication() AS mended \gset
SELECT is((SELECT count(*) FROM pg_publication_rel WHERE prattrs IS NOT NULL), 0::bigint, 'a list of columns goes');

CREATE PUBLICATION everything FOR ALL TABLES;
SELECT throws_ok($$SELECT ordersync_create_publication('everything')$$, '55000', 'publication "everything" publishes all tables', 'one of all tables is not taken');
CREATE PUBLICATION whole FOR TABLES IN SCHEMA ordersync;
SELECT throws_ok($$SELECT ordersync_create_publication('whole')$$, '55000', 'publication "whole" publishes all tables', 'nor one of the schema');
SELECT lives_ok($$SELECT ordersync_create_publication('Für "Kafka"', '{7}')$$, 'any name');

-- what is no answer
SELECT throws_ok(format('SELECT ordersync_create_publication(%s)', arguments), '22023', message, arguments) FROM (VALUES
	($$tables => '{orders,secrets}'$$, 'table "secrets" is not for publishing'),
	($$tables => '{orders,NULL}'$$, 'table "NULL" is not for publishing'),
	($$tables => '{}'$$, 'no table was given'),
	($$tables => NULL$$, 'no table was given'),
	($$shops => '{}'$$, 'the list of shops is empty, or holds NULL'),
	($$shops => '{1,NULL}'$$, 'the list of shops is empty, or holds NULL')) v (arguments, message);

-- whose it is
CREATE ROLE publication_admin;
SELECT ordersync_grant('publication_admin', 'admin') AS granted \gset
SELECT is(has_function_privilege('publication_admin', 'ordersync_create_publication(name, bigint[], text[])', 'EXECUTE'), false, 'an admin does not publish');
SELECT has_function_privilege(datdba, 'ordersync_create_publication(name, bigint[], text[])', 'EXECUTE') AS may FROM pg_database WHERE datname = current_database() \gset
SELECT is(:'may'::text, 't', 'the database''s owner does');

SELECT * FROM finish();
ROLLBACK;
