-- The extension owns the code, the user owns the rows: dropped, the tables and views stay; made again, it takes them up.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ordersync;
DROP ROLE IF EXISTS regress_ordersync_bi;
CREATE ROLE regress_ordersync_bi;
-- wherever the extension is: in schema public everybody may use it anyway
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO regress_ordersync_bi',
	(SELECT e.extnamespace::regnamespace FROM pg_extension e WHERE e.extname = 'ordersync')); END $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(51, '测试店铺51', 'session-51');
SELECT ordersync_grant('regress_ordersync_bi', 'operator', '{51}');
SELECT ordersync_trigger_full(51) AS run \gset
RESET client_min_messages;

-- its members are functions, the types of rows that they hand to each other, and the one view that reads no table (newer
-- servers list the view's row type, and arrays of types, beside them)
SELECT DISTINCT CASE d.classid WHEN 'pg_proc'::regclass THEN 'functions' ELSE pg_describe_object(d.classid, d.objid, 0) END AS member
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
LEFT JOIN pg_type element ON element.oid = t.typelem
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND element.oid IS NULL AND 'ordersync.workers'::regclass <> COALESCE(t.typrelid, 0)
ORDER BY member;

-- no table, index, default or view of ours depends on one
SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_depend d
JOIN pg_depend m ON m.classid = d.refclassid AND m.objid = d.refobjid AND m.deptype = 'e'
JOIN pg_extension e ON e.oid = m.refobjid AND e.extname = 'ordersync'
WHERE d.deptype IN ('n', 'a') AND NOT EXISTS (
	SELECT FROM pg_depend s
	WHERE s.deptype IN ('e', 'i') AND s.classid = d.classid AND s.objid = d.objid);

-- every table and column says what it is, every view of the queue too
SELECT c.relname, a.attname
FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
	AND (c.relname !~ '_report$' OR a.attnum IS NULL)
	AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
ORDER BY c.relname, a.attnum;
SELECT p.oid::regprocedure
FROM pg_proc p
JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
WHERE obj_description(p.oid, 'pg_proc') IS NULL;

DROP EXTENSION ordersync;
SELECT shop_id, seller_nick FROM ordersync.shops WHERE shop_id = 51;
SELECT kind, state, windows_done FROM ordersync.run_progress WHERE run_id = :run;
SELECT count(*) FROM ordersync.order_report WHERE shop_id = 51;
SELECT count(*) FROM ordersync.completeness WHERE shop_id = 51;
SELECT count(*) FROM ordersync.shop_health WHERE shop_id = 51;
SELECT count(*) FROM ordersync.failed_tasks WHERE run_id = :run;

CREATE EXTENSION ordersync;
SELECT has_function_privilege('regress_ordersync_bi', 'ordersync_cancel(bigint)', 'EXECUTE') AS before;
SELECT ordersync_trigger_full(51) = :run AS joined;
SELECT has_function_privilege('regress_ordersync_bi', 'ordersync_cancel(bigint)', 'EXECUTE') AS after;
SET SESSION AUTHORIZATION regress_ordersync_bi;
SELECT ordersync_cancel(:run) > 0 AS cancelled;
RESET SESSION AUTHORIZATION;

-- a schema of that name that is somebody else's is not taken
DROP EXTENSION ordersync;
CREATE ROLE regress_ordersync_other;
ALTER SCHEMA ordersync OWNER TO regress_ordersync_other;
CREATE EXTENSION ordersync;
ALTER SCHEMA ordersync OWNER TO pg_database_owner;
CREATE EXTENSION ordersync;
DROP ROLE regress_ordersync_other;

SELECT ordersync_revoke('regress_ordersync_bi');
SELECT ordersync_remove_shop(51);
DO $$ BEGIN EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM regress_ordersync_bi',
	(SELECT e.extnamespace::regnamespace FROM pg_extension e WHERE e.extname = 'ordersync')); END $$;
DROP ROLE regress_ordersync_bi;
