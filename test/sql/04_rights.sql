-- Who may do what, as a DBA types it: three levels, all shops or some, and nothing to PUBLIC.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ordersync;
DROP ROLE IF EXISTS regress_ordersync_nobody;
DROP ROLE IF EXISTS regress_ordersync_bi;
DROP ROLE IF EXISTS regress_ordersync_ops;
DROP ROLE IF EXISTS regress_ordersync_boss;
CREATE ROLE regress_ordersync_nobody;
CREATE ROLE regress_ordersync_bi;
CREATE ROLE regress_ordersync_ops;
CREATE ROLE regress_ordersync_boss;
-- wherever the extension is: in schema public everybody may use it anyway
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO regress_ordersync_nobody, regress_ordersync_bi, regress_ordersync_ops, regress_ordersync_boss',
	(SELECT e.extnamespace::regnamespace FROM pg_extension e WHERE e.extname = 'ordersync')); END $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(41, '测试店铺41', 'session-41');
SELECT ordersync_add_shop(42, '测试店铺42', 'session-42');
UPDATE ordersync.shops SET first_incremental_at = now() - interval '2 days' WHERE shop_id IN (41, 42);
SELECT setval('ordersync.sync_runs_run_id_seq', 4100);
RESET client_min_messages;

SELECT ordersync_grant('regress_ordersync_who', 'reader');
SELECT ordersync_grant('regress_ordersync_bi', 'owner');
SELECT ordersync_grant('regress_ordersync_boss', 'admin', '{41}');
SELECT ordersync_grant('regress_ordersync_bi', 'reader');
SELECT ordersync_grant('regress_ordersync_ops', 'operator', '{41}');
SELECT ordersync_grant('regress_ordersync_boss', 'admin');
SELECT role, level, shops FROM ordersync.grants WHERE role ~ '^regress_' ORDER BY role;

SET SESSION AUTHORIZATION regress_ordersync_nobody;
SELECT ordersync_order_status('TRADE_FINISHED');
SELECT count(*) FROM ordersync.orders;
SELECT ordersync_trigger_full(41);
SELECT ordersync_grant('regress_ordersync_nobody', 'admin');

SET SESSION AUTHORIZATION regress_ordersync_bi;
SELECT count(*) FROM ordersync.orders;
SELECT count(*) FROM ordersync.shops WHERE shop_id IN (41, 42);
SELECT count(*) FROM ordersync.run_progress WHERE run_id > 4100;
SELECT count(*) FROM ordersync.workers WHERE database = 'nowhere';
SELECT ordersync_day('2026-09-01') = '2026-09-01 00:00+08';
SELECT count(*) FROM ordersync.secrets;
DELETE FROM ordersync.orders;
SELECT ordersync_trigger_full(41);
SELECT ordersync_add_shop(43, 'x', 'y');

SET SESSION AUTHORIZATION regress_ordersync_ops;
SELECT ordersync_trigger_full(41);
SELECT ordersync_trigger_full(42);
SELECT shop_id FROM ordersync_trigger_all('incremental') WHERE shop_id IN (41, 42);
SELECT shop_id FROM ordersync.shops WHERE shop_id IN (41, 42);
SELECT DISTINCT shop_id FROM ordersync.run_progress WHERE run_id > 4100;
SELECT ordersync_cancel(4101) > 0 AS cancelled;
SELECT ordersync_set_data_key(41, 'mine');
SELECT count(*) FROM ordersync.secrets;
SELECT count(*) FROM ordersync.grants;

SET SESSION AUTHORIZATION regress_ordersync_boss;
SELECT ordersync_set_data_key(42, 'session-42');
SELECT shop_id FROM ordersync.shops WHERE shop_id IN (41, 42) ORDER BY shop_id;
SELECT count(*) FROM ordersync.secrets;
SELECT ordersync_grant('regress_ordersync_boss', 'admin');
SELECT ordersync_revoke('regress_ordersync_ops');
RESET SESSION AUTHORIZATION;

-- another level replaces the old one; revoked, nothing is left
SELECT ordersync_grant('regress_ordersync_ops', 'reader');
SET SESSION AUTHORIZATION regress_ordersync_ops;
SELECT shop_id FROM ordersync.shops WHERE shop_id IN (41, 42) ORDER BY shop_id;
SELECT ordersync_trigger_full(41);
RESET SESSION AUTHORIZATION;
SELECT ordersync_revoke('regress_ordersync_ops');
SELECT ordersync_revoke('regress_ordersync_ops');
SET SESSION AUTHORIZATION regress_ordersync_ops;
SELECT count(*) FROM ordersync.shops;
RESET SESSION AUTHORIZATION;

-- PUBLIC
SELECT p.proname
FROM pg_proc p
JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
WHERE has_function_privilege('regress_ordersync_nobody', p.oid, 'EXECUTE')
ORDER BY p.proname COLLATE "C";
-- policies ask it, as whoever reads a table; nobody but those with a level, or USAGE of the schema, can name it
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
	AND has_table_privilege('regress_ordersync_nobody', c.oid, 'SELECT, INSERT, UPDATE, DELETE');
SELECT DISTINCT pg_get_userbyid(p.proowner)
FROM pg_proc p
JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync';

-- what runs as its owner has its search_path pinned
SELECT p.oid::regprocedure
FROM pg_proc p
JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
WHERE p.prosecdef AND NOT COALESCE(p.proconfig @> ARRAY['search_path=pg_catalog, ordersync, pg_temp'], false);

SELECT ordersync_remove_shop(41);
SELECT ordersync_remove_shop(42);
SELECT ordersync_revoke('regress_ordersync_bi');
SELECT ordersync_revoke('regress_ordersync_boss');
DO $$ BEGIN EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM regress_ordersync_nobody, regress_ordersync_bi, regress_ordersync_ops, regress_ordersync_boss',
	(SELECT e.extnamespace::regnamespace FROM pg_extension e WHERE e.extname = 'ordersync')); END $$;
DROP ROLE regress_ordersync_nobody;
DROP ROLE regress_ordersync_bi;
DROP ROLE regress_ordersync_ops;
DROP ROLE regress_ordersync_boss;
