-- The doctor on whatever server this is, preloaded or not: it answers, and fails for nobody.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ordersync;
SELECT ordersync.set_up();
SELECT check_name, ok, hint FROM ordersync_doctor() WHERE check_name IN ('schema owner', 'library version', 'tables');
SELECT ok = ('ordersync' = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))) AS told,
	ok = (hint IS NULL) AS with_hint
FROM ordersync_doctor() WHERE check_name = 'library preloaded';
SELECT count(*) > 15 AS many, count(detail) = count(*) AS explained, count(*) FILTER (WHERE ok AND hint IS NOT NULL OR NOT ok AND hint IS NULL) AS wrong FROM ordersync_doctor();

CREATE ROLE regress_ordersync_bi;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO regress_ordersync_bi',
	(SELECT e.extnamespace::regnamespace FROM pg_extension e WHERE e.extname = 'ordersync')); END $$;
SELECT ordersync_grant('regress_ordersync_bi', 'reader');
SET SESSION AUTHORIZATION regress_ordersync_bi;
SELECT count(*) > 15 AS many, count(*) FILTER (WHERE detail LIKE 'may not be seen%' OR detail LIKE 'not known%') AS failed FROM ordersync_doctor();
SELECT count(*) > 30 AS many FROM ordersync.metrics;
RESET SESSION AUTHORIZATION;
SELECT ordersync_revoke('regress_ordersync_bi');
DO $$ BEGIN EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM regress_ordersync_bi',
	(SELECT e.extnamespace::regnamespace FROM pg_extension e WHERE e.extname = 'ordersync')); END $$;
DROP ROLE regress_ordersync_bi;
