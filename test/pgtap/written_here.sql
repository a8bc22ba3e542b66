-- What this very transaction has stored or changed, in whatever block it was written.
BEGIN;
SELECT plan(6);
SELECT ordersync.set_up();
\ir lib/put.sql

SELECT is(pg_temp.put('list', '{"tid":1,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","orders":{"order":[{"oid":11}]}}',
	'{"tid":2,"modified":"2026-01-01 10:00:00","status":"WAIT_BUYER_PAY","orders":{"order":[{"oid":21}]}}'), '2/0/0', 'two new orders');
SELECT is((SELECT array_agg(u.id ORDER BY u.id) FROM unnest(ordersync.written_here(7, 'orders', '{1,2,3}')) AS u (id)), '{1,2}'::bigint[], 'both were written here');
SELECT is(ordersync.written_here(8, 'orders', '{1,2}'), NULL, 'and none of another shop');
SELECT is(pg_temp.put_refund('list', '{"refund_id":5,"tid":1,"oid":11,"modified":"2026-01-02 10:00:00","status":"WAIT_SELLER_AGREE"}'), '1/0/0', 'a new after-sale');
SELECT is(ordersync.written_here(7, 'after_sales', '{5,6}'), '{5}'::bigint[], 'it was written here');
SELECT is(ordersync.is_own_xid('3'), false, 'a row of long ago was not');

SELECT * FROM finish();
ROLLBACK;
