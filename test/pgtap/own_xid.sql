-- What this transaction has written it knows again, also what a part of it wrote that could have been undone by itself.
BEGIN;
SELECT plan(7);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');

SELECT is(ordersync.is_own_xid(pg_current_xact_id()::xid), true, 'the transaction''s own ID');
SELECT is(ordersync.is_own_xid(c.xmin), false, 'not that of another transaction')
FROM pg_class c
WHERE c.oid = 'pg_class'::regclass;
SELECT is(ordersync.is_own_xid(NULL), NULL, 'NULL for none');

CREATE FUNCTION pg_temp.store(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO ordersync.orders (shop_id, tid, status) SELECT 1, unnest(ids), 'WAIT_BUYER_PAY';
END $$;
SELECT pg_temp.store('{11}');
DO $$
BEGIN
	PERFORM pg_temp.store('{12}');
EXCEPTION WHEN unique_violation THEN
	RAISE;
END $$;
SAVEPOINT s;
SELECT pg_temp.store('{13}');
RELEASE s;
SAVEPOINT s;
SELECT pg_temp.store('{14}');
ROLLBACK TO s;
SELECT is(count(DISTINCT o.xmin::text), 3::bigint, 'three parts have written, each with an ID of its own') FROM ordersync.orders o WHERE o.shop_id = 1;
SELECT is((SELECT array_agg(i ORDER BY i) FROM unnest(ordersync.changed_in_this_xact(1, 'orders', '{11,12,13,14,15}')) i), '{11,12,13}'::bigint[], 'all that is there was written here');
SELECT is(ordersync.changed_in_this_xact(1, 'orders', '{15}'), NULL, 'NULL for none');
SELECT is(ordersync.changed_in_this_xact(1, 'after_sales', '{11}'), NULL, 'nor of another stream');

SELECT * FROM finish();
ROLLBACK;
