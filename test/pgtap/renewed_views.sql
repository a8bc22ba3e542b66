-- Views of an older version, with other columns, are made anew: with the rights that they gave, and no other view goes.
BEGIN;
SELECT plan(13);
SET client_min_messages = error;
SELECT ordersync.set_up();

SELECT bag_eq('SELECT unnest(ordersync.renewed_views())', $$SELECT relname::text FROM pg_class
	WHERE relnamespace = 'ordersync'::regnamespace AND relkind = 'v' AND relname NOT IN ('order_report', 'sub_order_report', 'after_sale_report', 'workers', 'own_shops')$$,
	'all views but the reports, the extension''s own and that of the policies are made anew');
SELECT is_empty($$SELECT v.name, o.name
	FROM unnest(ordersync.renewed_views()) WITH ORDINALITY v (name, n), unnest(ordersync.renewed_views()) WITH ORDINALITY o (name, n)
	WHERE o.n <= v.n AND EXISTS (SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND r.ev_class <> d.refobjid
		WHERE r.ev_class = ('ordersync.' || v.name)::regclass AND d.refobjid = ('ordersync.' || o.name)::regclass)$$,
	'each is locked before those that it stands on, as its readers do');

CREATE ROLE pgtap_bi;
CREATE ROLE pgtap_lead;
CREATE FUNCTION pg_temp.rights() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', r.relname, r.attname, x.grantee::regrole, x.privilege_type, x.is_grantable)
	FROM (SELECT c.relname, NULL AS attname, c.relacl AS acl FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace
		UNION ALL SELECT c.relname, a.attname, a.attacl FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'ordersync'::regnamespace) r,
		LATERAL aclexplode(r.acl) x
	WHERE x.grantee IN ('pgtap_bi'::regrole, 'pgtap_lead'::regrole) $$;
GRANT SELECT (shop_id, day, verdict) ON ordersync.completeness TO pgtap_bi;
GRANT SELECT (shop_id) ON ordersync.run_progress TO pgtap_lead WITH GRANT OPTION;
GRANT SELECT ON ordersync.run_progress TO pgtap_bi;
GRANT SELECT ON ordersync.shop_health TO pgtap_lead WITH GRANT OPTION;
CREATE VIEW ordersync.mine AS SELECT 1 AS one;
ALTER VIEW ordersync.mine OWNER TO pg_database_owner;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.rights() AS r (entry);

ALTER VIEW ordersync.run_progress RENAME COLUMN requested_by TO asked_by;
GRANT SELECT (asked_by) ON ordersync.run_progress TO pgtap_bi;
SELECT lives_ok('SELECT ordersync.set_up()', 'a view whose columns are others');
SELECT has_column('ordersync', 'run_progress', 'requested_by', 'has this version''s');
SELECT bag_eq('SELECT * FROM pg_temp.rights()', 'SELECT entry FROM before', 'rights on views and on their columns are kept, with the option to grant them');
SELECT has_view('ordersync', 'mine', 'a view of somebody else stays, even where it belongs to the same role');
SELECT view_owner_is('ordersync', 'run_progress', 'pg_database_owner', 'it belongs to whom it did');

ALTER VIEW ordersync.covered_days RENAME COLUMN asked TO wanted;
SELECT lives_ok('SELECT ordersync.set_up()', 'a view that another one stands on');
SELECT has_column('ordersync', 'covered_days', 'asked', 'has this version''s, too');

CREATE VIEW mine_too AS SELECT day, verdict FROM ordersync.completeness;
ALTER VIEW ordersync.run_progress RENAME COLUMN requested_by TO asked_by;
SELECT throws_ok('SELECT ordersync.set_up()', '2BP01', 'other views use views of ordersync, which have to be made anew', 'where a user''s view stands on one of them');
SELECT has_column('ordersync', 'run_progress', 'asked_by', 'nothing is changed');
DROP VIEW mine_too;
SELECT lives_ok('SELECT ordersync.set_up()', 'without it');
SELECT has_column('ordersync', 'run_progress', 'requested_by', 'it is');

SELECT * FROM finish();
ROLLBACK;
