-- A transaction that starts the runs of all shops, however many there are.
BEGIN;
SELECT plan(3);
SELECT ordersync.set_up();

SELECT is(count(*) FILTER (WHERE ordersync.lock_shop(i)), 5000::bigint, 'five thousand shops are kept for one transaction') FROM generate_series(1, 5000) i;
SELECT cmp_ok(count(*), '<=', 300::bigint, 'by few locks: the server has room for some thousands in all')
FROM pg_locks
WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT is(ordersync.lock_shop(4999), true, 'and once more');

SELECT * FROM finish();
ROLLBACK;
