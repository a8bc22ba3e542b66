-- Who sees what: levels, shops by policies that read the grants, what these cost a plan, and roles that a grant may not be meant for.
BEGIN;
SELECT plan(62);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(k, 'shop ' || k, 'session-' || k) FROM generate_series(1, 3) k;
INSERT INTO ordersync.orders (shop_id, tid, status, created, modified) SELECT k, k * 100, 'TRADE_FINISHED', now(), now() FROM generate_series(1, 3) k;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, created, modified) SELECT k, k * 1000, k * 100, k, 'SUCCESS', now(), now() FROM generate_series(1, 3) k;
SELECT ordersync_trigger_full(k) FROM generate_series(1, 3) k;
CREATE FUNCTION pg_temp.as_role(p_role name, p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', p_role);
	BEGIN EXECUTE p_query INTO v; EXCEPTION WHEN OTHERS THEN v := SQLERRM; END;
	RESET ROLE;
	RETURN v;
END $$;
CREATE FUNCTION pg_temp.sees(p_role name, p_table text DEFAULT 'orders') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.as_role(p_role, format('SELECT coalesce(string_agg(DISTINCT shop_id::text, '' '' ORDER BY shop_id::text), ''none'') FROM ordersync.%I', p_table))
$$;
CREATE ROLE bi; CREATE ROLE ops; CREATE ROLE boss; CREATE ROLE by_hand; CREATE ROLE one; CREATE ROLE two; CREATE ROLE sum_of; CREATE ROLE aside NOINHERIT;

-- levels
SELECT ordersync_grant('bi', 'reader'), ordersync_grant('ops', 'operator'), ordersync_grant('boss', 'admin');
SELECT is((SELECT string_agg(DISTINCT c.relname, ' ' ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_table_privilege('bi', c.oid, 'SELECT')),
	'added_fields after_sale_payloads after_sales coverage jdp_refunds jdp_trades order_changes order_payloads orders schedules shop_totals shops status_names sub_orders type_counts verified_counts window_counts', 'a reader reads these tables whole');
SELECT is((SELECT string_agg(c.relname || '.' || a.attname, ' ' ORDER BY c.relname, a.attname) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'ordersync'::regnamespace AND (c.relname, a.attname) IN (('sync_tasks', 'token'), ('sync_tasks', 'owner'), ('sync_tasks', 'walk'), ('sync_runs', 'requested_in'), ('gateways', 'app_key'), ('gateways', 'failing_shop'), ('gateways', 'failing_shops'),
		('request_log', 'answer'), ('request_log', 'msg'), ('request_log', 'sub_msg'), ('request_log', 'request_id'), ('quarantine', 'body'), ('quarantine', 'value'), ('quarantine', 'message'), ('setup_history', 'details'), ('secrets', 'sealed'), ('grants', 'role'), ('installation', 'version'))
		AND (has_column_privilege('bi', c.oid, a.attnum, 'SELECT'))), NULL, 'nothing of the queue''s internals, raw bytes, the log, secrets or grants');
SELECT is((SELECT string_agg(relname, ' ' ORDER BY relname) FROM (SELECT c.relname, pg_temp.as_role('bi', format('SELECT ''yes'' FROM (SELECT count(*) FROM (SELECT * FROM ordersync.%I LIMIT 5) x) y', c.relname)) AS said
	FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind = 'v') v WHERE said <> 'yes'), NULL, 'every view');
SELECT is((SELECT string_agg(DISTINCT c.relname, ' ' ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT has_table_privilege('ops', c.oid, 'SELECT')),
	'grants installation secrets', 'an operator reads all tables but these');
SELECT is((SELECT string_agg(DISTINCT c.relname, ' ' ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT has_table_privilege('boss', c.oid, 'SELECT')),
	'grants installation secrets', 'so does an admin');
SELECT is((SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relispartition AND (has_table_privilege('ops', c.oid, 'SELECT') OR has_any_column_privilege('bi', c.oid, 'SELECT'))), 0::bigint, 'none reads partitions past their table');
SELECT is(pg_temp.as_role('bi', $$SELECT n FROM ordersync.health_waiting('0')$$), '3', 'what the doctor asks besides views a reader may ask');
SELECT is(pg_temp.as_role('bi', $$SELECT count(*) FROM ordersync.sync_runs r JOIN ordersync.sync_tasks t USING (run_id) LEFT JOIN ordersync.health_running_tasks() o ON o.task_id = t.task_id WHERE t.claimed_at < now()$$), '0', 'also of windows that are stuck');
SELECT ordersync_revoke('bi');
SELECT is((SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relname <> 'own_shops' AND has_any_column_privilege('bi', c.oid, 'SELECT')), 0::bigint, 'revoked, no column is left');
SELECT ordersync_grant('bi', 'reader');

-- one policy a table, asleep until a role is limited
SELECT is((SELECT string_agg(t.name, ' ') FROM ordersync.tables_by_shop() t (name) WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = ('ordersync.' || t.name)::regclass AND p.polname = 'ordersync_shops' AND NOT p.polpermissive AND p.polroles = '{0}')), NULL, 'each table by shop has its policy');
SELECT is((SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relrowsecurity), 0::bigint, 'row level security is off while no role is limited');
SELECT is((SELECT string_agg(DISTINCT d.refclassid::regclass || ' ' || d.refobjid, ' ') FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid JOIN pg_depend m ON m.classid = d.refclassid AND m.objid = d.refobjid AND m.deptype = 'e'), NULL, 'no policy depends on the extension');
GRANT USAGE ON SCHEMA ordersync TO by_hand; GRANT SELECT ON ordersync.orders TO by_hand;
SELECT ordersync_grant('one', 'reader', '{1,1}'), ordersync_grant('two', 'operator', '{1,2}');
SELECT is(pg_temp.sees(r, t), s, format('%s sees of %s', r, t)) FROM (VALUES
	('bi'::name, 'orders', '1 2 3'), ('ops', 'orders', '1 2 3'), ('by_hand', 'orders', '1 2 3'), ('one', 'orders', '1'), ('two', 'orders', '1 2'), ('one', 'shops', '1'), ('one', 'order_report', '1'), ('one', 'daily_sales', '1'), ('one', 'run_progress', '1'), ('one', 'shop_health', '1'), ('two', 'sync_tasks', '1 2'),
	('two', 'request_log', 'none'), ('one', 'stored_shops', '1'), ('two', 'stored_shops', '1 2'), ('bi', 'stored_shops', '1 2 3'), ('one', 'sync_tasks', '1')) v (r, t, s);
SELECT is((SELECT pg_temp.as_role('one', 'SELECT orders::text FROM ordersync.daily_sales WHERE shop_id = 1 AND orders > 0')), '1', 'a shop that is named twice is counted once');
SELECT is((SELECT count(*) FROM pg_policy p WHERE p.polrelid = 'ordersync.orders'::regclass), 2::bigint, 'two policies, however many roles');
SELECT is(pg_temp.as_role('two', 'SELECT count(*) FROM ordersync.gateways WHERE failing_shops IS NULL'), 'permission denied for table gateways', 'which other shops fail a limited operator does not see');
SELECT is(pg_temp.as_role('ops', 'SELECT count(*) FROM ordersync.gateways WHERE failing_shops IS NULL'), '1', 'one of all shops does');

-- roles of roles: rights add up
GRANT one, two TO sum_of;
SELECT is(pg_temp.sees('sum_of'), '1 2', 'who inherits two limited roles sees the shops of both');
SELECT is((SELECT pg_temp.as_role('sum_of', 'SELECT sum(orders)::text FROM ordersync.daily_sales')), '2', 'each once');
GRANT bi TO sum_of;
SELECT is(pg_temp.sees('sum_of'), '1 2 3', 'who inherits one for all shops sees all');
REVOKE bi FROM sum_of;
GRANT one TO aside; GRANT USAGE ON SCHEMA ordersync TO aside; GRANT SELECT ON ordersync.orders TO aside;
SELECT is(pg_temp.sees('aside'), '1 2 3', 'who does not inherit the limited role sees what it was given by hand');
GRANT one TO by_hand;
SELECT is(pg_temp.sees('by_hand'), '1', 'who inherits it is limited');
REVOKE one FROM by_hand;
SELECT is(pg_temp.as_role('sum_of', 'SELECT ordersync_trigger_incremental(3)'), 'permission denied for shop 3', 'functions go by the same grants');
SELECT is(pg_temp.as_role('sum_of', 'SELECT ordersync_trigger_incremental(2) > 0'), 'true', 'within the operator''s shops');
GRANT EXECUTE ON FUNCTION ordersync_trigger_incremental(bigint, timestamptz, timestamptz) TO one;
SELECT is(pg_temp.as_role('one', 'SELECT ordersync_trigger_incremental(2)'), 'permission denied for shop 2', 'a right to call that was given by hand is held to the shops of the reader''s grant');

-- a user's own policies, row level security forced on the owner, and what a role writes
CREATE POLICY ordersync_mine ON ordersync.orders AS RESTRICTIVE TO bi USING (tid < 300);
SELECT ordersync.set_up();
SELECT is(pg_temp.sees('bi') || ', ' || pg_temp.sees('two'), '1 2, 1 2', 'a user''s policy stays and counts');
DROP POLICY ordersync_mine ON ordersync.orders;
ALTER TABLE ordersync.orders FORCE ROW LEVEL SECURITY;
SELECT is(pg_temp.sees('pg_database_owner'), '1 2 3', 'the owner sees all even so');
ALTER TABLE ordersync.orders NO FORCE ROW LEVEL SECURITY;
GRANT INSERT, UPDATE ON ordersync.orders TO one;
SELECT is(pg_temp.as_role('one', 'INSERT INTO ordersync.orders (shop_id, tid) VALUES (2, 7)'), 'new row violates row-level security policy "ordersync_shops" for table "orders"', 'a limited role writes no other shop''s row');
SELECT is(pg_temp.as_role('one', 'WITH u AS (UPDATE ordersync.orders SET tid = tid RETURNING 1) SELECT count(*) FROM u'), '1', 'nor changes one');

-- an installation of before, a new table
DROP POLICY ordersync_shops ON ordersync.orders;
CREATE POLICY ordersync_one ON ordersync.orders AS RESTRICTIVE TO one USING (shop_id = ANY ('{1}'::bigint[]));
CREATE TABLE ordersync.of_ours (shop_id bigint); ALTER TABLE ordersync.of_ours OWNER TO pg_database_owner;
INSERT INTO ordersync.of_ours VALUES (1), (2);
SELECT ordersync.set_up();
SELECT is((SELECT string_agg(p.polname, ' ' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = 'ordersync.orders'::regclass), 'ordersync_others ordersync_shops', 'policies of single roles are replaced');
SELECT is(pg_temp.sees('one') || pg_temp.sees('two', 'of_ours'), '11 2', 'a table that comes later has its policy by set_up()');
SELECT ordersync_grant('two', 'operator', '{1}');
SELECT is(pg_temp.sees('two', 'of_ours'), '1', 'another grant counts at once');

-- a grant whose role is not known for sure: another cluster's numbers, other names
UPDATE ordersync.grants SET role_oid = 4000000001 WHERE role = 'one';
SELECT is(pg_temp.sees('one'), '1', 'by its name it is limited as before');
UPDATE ordersync.grants SET role_oid = 'one'::regrole WHERE role = 'bi';
SELECT is(pg_temp.sees('one'), '1', 'also where its number was that of one for all shops');
UPDATE ordersync.grants SET role_oid = 4000000002 WHERE role = 'bi';
UPDATE ordersync.grants SET role_oid = 'one'::regrole WHERE role = 'ops';
SELECT is(pg_temp.as_role('one', 'SELECT ordersync_trigger_incremental(2)'), 'permission denied for shop 2', 'or that of an operator for all shops, in what it calls');
UPDATE ordersync.grants SET role_oid = 'ops'::regrole WHERE role = 'ops';
UPDATE ordersync.grants SET role_oid = 'one'::regrole, shops = '{3}' WHERE role = 'bi';
SELECT is(pg_temp.sees('one'), 'none', 'where two grants disagree, it sees none');
SELECT is(pg_temp.as_role('one', 'SELECT ordersync_trigger_incremental(1)'), 'permission denied for shop 1', 'nor may it call');
SELECT is(pg_temp.sees('by_hand'), '1 2 3', 'others see what they saw');
SELECT ordersync_grant('one', 'reader', '{1}'), ordersync_grant('bi', 'reader');
SELECT is(pg_temp.sees('one') || ', ' || pg_temp.sees('bi'), '1, 1 2 3', 'typed again, each has its own');
ALTER ROLE one RENAME TO one_before;
SELECT is(pg_temp.sees('one_before'), '1', 'a renamed role keeps its limit');
ALTER ROLE one_before RENAME TO one;

-- plans: indexes as for the owner, the grants asked once
CREATE FUNCTION pg_temp.plan(p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text; v_all text := '';
BEGIN FOR v IN EXECUTE 'EXPLAIN (COSTS off) ' || p_query LOOP v_all := v_all || v || E'\n'; END LOOP; RETURN v_all; END $$;
GRANT USAGE ON SCHEMA public TO one;
INSERT INTO ordersync.orders (shop_id, tid, status, created, modified) SELECT k % 50 + 1, 10000 + k, 'TRADE_FINISHED', now() - k * interval '1 hour', now() FROM generate_series(1, 20000) k;
ANALYZE ordersync.orders;
SET LOCAL ROLE one;
SELECT matches(pg_temp.plan(q), c, what) FROM (VALUES
	('SELECT * FROM ordersync.orders WHERE shop_id = 1', 'Index Cond: \(shop_id = 1\)', 'shop: an index''s condition'),
	('SELECT * FROM ordersync.orders WHERE shop_id = 1 AND tid = 100', 'Index Cond: \(\(shop_id = 1\) AND \(tid = 100\)\)|Index Cond: \(tid = 100\)', 'shop and number'),
	('SELECT * FROM ordersync.orders WHERE shop_id = 1 AND created_date = current_date', 'Index Cond: \(\(shop_id = 1\) AND \(created_date = ', 'shop and day'),
	('SELECT * FROM ordersync.order_report WHERE shop_id = 1 AND created_date >= current_date - 3', 'Index Cond: \(\(shop_id = 1\) AND \(created_date >= ', 'the same of a report'),
	('SELECT * FROM ordersync.orders', 'InitPlan 1 \(returns \$0\)|\(InitPlan 1\)\.col1', 'the grants are asked once a query')) v (q, c, what);
RESET ROLE;
SELECT unalike(pg_temp.plan('SELECT * FROM ordersync.orders'), '%grants%', 'the owner and superusers are not asked');

-- who may create in the schema acts as its owner, which the doctor says
GRANT CREATE ON SCHEMA ordersync TO two;
SELECT results_eq($$SELECT ok, hint FROM ordersync_doctor() WHERE check_name = 'schema owner'$$, $$VALUES (false, 'Type: REVOKE CREATE ON SCHEMA ordersync FROM two;')$$, 'that somebody may create in the schema is wrong');
SELECT finish();
ROLLBACK;
