-- What the database refuses: whose fault an error is, and pages that are stored by parts, without worker or network.
BEGIN;
SELECT plan(83);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');

-- by the manual's list of SQLSTATEs
SELECT is(ordersync.refusal_kind(k.code), k.kind, k.code || ' ' || k.name)
FROM (VALUES
	('23514', 'record', 'check_violation'), ('23505', 'record', 'unique_violation'), ('23503', 'record', 'foreign_key_violation'),
	('23502', 'record', 'not_null_violation'), ('23P01', 'record', 'exclusion_violation'), ('P0001', 'record', 'raise_exception'),
	('P0002', 'record', 'no_data_found'), ('P0003', 'record', 'too_many_rows'), ('P0004', 'record', 'assert_failure'),
	('22P02', 'record', 'invalid_text_representation'), ('22003', 'record', 'numeric_value_out_of_range'), ('22001', 'record', 'string_data_right_truncation'),
	('22012', 'record', 'division_by_zero'), ('20000', 'record', 'case_not_found'), ('21000', 'record', 'cardinality_violation'),
	('27000', 'record', 'triggered_data_change_violation'), ('09000', 'record', 'triggered_action_exception'),
	('38000', 'record', 'external_routine_exception'), ('39004', 'record', 'null_value_not_allowed'), ('44000', 'record', 'with_check_option_violation'),
	('54000', 'record', 'program_limit_exceeded'), ('U0042', 'record', 'of a user'), ('99999', 'record', 'of a user'),
	('42P01', 'object', 'undefined_table'), ('42703', 'object', 'undefined_column'), ('42883', 'object', 'undefined_function'),
	('42501', 'object', 'insufficient_privilege'), ('0A000', 'object', 'feature_not_supported'), ('3F000', 'object', 'invalid_schema_name'),
	('2D000', 'object', 'invalid_transaction_termination'), ('55000', 'object', 'object_not_in_prerequisite_state'),
	('HV000', 'object', 'fdw_error'), ('XX000', 'object', 'internal_error'),
	('40P01', NULL, 'deadlock_detected'), ('40001', NULL, 'serialization_failure'), ('55P03', NULL, 'lock_not_available'),
	('55006', NULL, 'object_in_use'), ('57014', NULL, 'query_canceled'), ('57P01', NULL, 'admin_shutdown'), ('53100', NULL, 'disk_full'),
	('53200', NULL, 'out_of_memory'), ('53300', NULL, 'too_many_connections'), ('58030', NULL, 'io_error'), ('25006', NULL, 'read_only_sql_transaction'),
	('08006', NULL, 'connection_failure'), ('72000', NULL, 'snapshot_too_old'), ('XX001', NULL, 'data_corrupted'), ('XX002', NULL, 'index_corrupted'),
	('OS001', NULL, 'a task that is another''s')
) AS k (code, kind, name);
SELECT throws_ok($$SELECT ordersync.refusal_kind('none')$$, '22023', 'invalid SQLSTATE: "none"', 'what is none');

-- a page of a run, in which some are refused
CREATE TABLE pg_temp.unwanted (tid bigint, state text);
GRANT SELECT ON pg_temp.unwanted TO pg_database_owner;
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_state text := (SELECT u.state FROM pg_temp.unwanted u WHERE u.tid = NEW.tid);
BEGIN
	IF v_state IS NOT NULL THEN
		RAISE EXCEPTION 'no % here', NEW.tid USING ERRCODE = v_state, DETAIL = 'a detail';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
INSERT INTO ordersync.sync_runs (run_id, shop_id, kind, state) OVERRIDING SYSTEM VALUE VALUES (70, 7, 'full', 'running');
INSERT INTO ordersync.sync_tasks (task_id, run_id, shop_id, stream, basis, since, until) OVERRIDING SYSTEM VALUE
VALUES (700, 70, 7, 'orders', 'created', '2026-03-01 00:00+08', '2026-03-02 00:00+08');
CREATE FUNCTION pg_temp.records(tids bigint[], minute integer DEFAULT 0, OUT ids bigint[], OUT modified timestamptz[], OUT digests bytea[], OUT bodies text[])
LANGUAGE sql AS $$
	SELECT array_agg(t), array_agg(m), array_agg(sha256(convert_to(b, 'UTF8'))), array_agg(b)
	FROM unnest(tids) t, LATERAL (SELECT '2026-03-01 10:00+08'::timestamptz + make_interval(mins => minute)) x (m),
		LATERAL (SELECT format('{"tid":%s,"status":"WAIT_BUYER_PAY","created":"2026-03-01 09:00:00","modified":"2026-03-01 10:%s:00","seller_memo":"m"}',
			t, lpad(minute::text, 2, '0'))) y (b)
$$;
CREATE FUNCTION pg_temp.put(tids bigint[], minute integer DEFAULT 0) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM pg_temp.records(tids, minute) p, ordersync.store_parts('orders', 7, 'list', 70, 700, p.ids, p.modified, p.digests, p.bodies, NULL, NULL) a
$$;
CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(tid::text, ',' ORDER BY tid) FROM ordersync.orders WHERE shop_id = 7 $$;
CREATE FUNCTION pg_temp.open() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', record_id, sqlstate, message), ',' ORDER BY record_id, quarantine_id) FROM ordersync.quarantine WHERE resolved_at IS NULL $$;

INSERT INTO pg_temp.unwanted VALUES (3, 'P0001'), (6, '42P01');
SELECT is(pg_temp.put('{1,2,3,4,5,6,7}'), '5/0/0', 'a page of which two are refused');
SELECT is(pg_temp.stored(), '1,2,4,5,7', 'the others are stored');
SELECT is(pg_temp.open(), '3 P0001 no 3 here,6 42P01 no 6 here', 'these are in quarantine, without the error''s detail');
SELECT results_eq($$SELECT reason, modified, run_id, task_id, since, asked, convert_from(body, 'UTF8')::jsonb ->> 'tid' FROM ordersync.quarantine WHERE record_id = 3$$,
	$$VALUES ('refused', '2026-03-01 10:00+08'::timestamptz, 70::bigint, 700::bigint, '2026-03-01 00:00+08'::timestamptz, '{"source": "list"}'::jsonb, '3')$$, 'with all that is needed to try again');
SELECT set_eq($$SELECT k FROM pg_temp.records('{1,3,6,7}') p, ordersync.known_refusals(7, 'orders', p.ids, p.digests) k$$, '{2,3}'::integer[], 'they are known as they are');
SELECT is_empty($$SELECT k FROM pg_temp.records('{3,6}', 1) p, ordersync.known_refusals(7, 'orders', p.ids, p.digests) k$$, 'not as they become');

-- alone in its page: one record's fault or everybody's
SELECT throws_ok($$SELECT pg_temp.put('{6}', 1)$$, 'OS003', 'the database rejected every record to be written, the first with SQLSTATE 42P01: no 6 here',
	'an object''s error without a record that is stored beside it');
SELECT is(pg_temp.put('{3}', 1), '0/0/0', 'a record''s error is taken for its own');
INSERT INTO pg_temp.unwanted SELECT t, '23514' FROM generate_series(101, 150) t;
SELECT throws_ok($$SELECT pg_temp.put(ARRAY(SELECT generate_series(101, 118)))$$, 'OS003', NULL, 'but for twenty, in pages of which nothing is stored');
SELECT is(pg_temp.put(ARRAY(SELECT generate_series(100, 150))), '1/0/0', 'where one is stored each is its own');
SELECT is((SELECT count(*) FROM ordersync.quarantine WHERE record_id > 100), 50::bigint, 'and in quarantine');
UPDATE ordersync.sync_tasks SET records_new = 1000 WHERE task_id = 700;
INSERT INTO pg_temp.unwanted SELECT t, '23514' FROM generate_series(201, 230) t;
SELECT is(pg_temp.put(ARRAY(SELECT generate_series(201, 230))), '0/0/0', 'a run takes as many as it has stored');
DELETE FROM ordersync.quarantine WHERE record_id > 100;

-- in doubt a record of each tenth of the rest is tried
SELECT is(ordersync.sampled_parts(22, 41, 10), '{41,41,39,39,37,37,35,35,33,33,31,31,29,29,27,27,25,25,23,23,40,40,38,38,36,36,34,34,32,32,30,30,28,28,26,26,24,24,22,22}'::integer[],
	'first each first one');
SELECT is(ordersync.sampled_parts(5, 7, 3), '{7,7,6,6,5,5}'::integer[], 'of few all');
SELECT is(ordersync.sampled_parts(5, 4, 0), '{}'::integer[], 'of none none');
UPDATE ordersync.sync_tasks SET records_new = 0 WHERE task_id = 700;
SELECT is(pg_temp.put(ARRAY(SELECT generate_series(101, 230))), '50/0/0', 'some that are stored are found behind many that are not');
SELECT is((SELECT count(*) FROM ordersync.quarantine WHERE record_id > 100), 80::bigint, 'and all others are refused');
DELETE FROM ordersync.quarantine WHERE record_id > 100;
DELETE FROM pg_temp.unwanted WHERE tid > 100;

-- what may pass by itself is none
INSERT INTO pg_temp.unwanted VALUES (1152, '40001');
SELECT throws_ok($$SELECT pg_temp.put('{1151,1152,1153}', 2)$$, '40001', 'no 1152 here', 'a serialization failure is nobody''s fault');
SELECT is((SELECT count(*) FROM ordersync.orders WHERE tid > 1000), 0::bigint, 'its page is read again');
DELETE FROM pg_temp.unwanted WHERE tid = 1152;

-- tried again
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, quarantined, verdict)
VALUES (7, 'orders', 'created', '[2026-03-01 00:00+08, 2026-03-02 00:00+08)', 7, 7, 2, 'counted'),
	(7, 'orders', 'modified', '[2026-03-01 00:00+08, 2026-03-02 00:00+08)', 7, 7, 2, 'counted'),
	(7, 'orders', 'modified', '[2026-03-02 00:00+08, 2026-03-03 00:00+08)', 1, 1, 1, 'counted');
CREATE FUNCTION pg_temp.outside() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(quarantined::text, ' ' ORDER BY basis, range) FROM ordersync.window_counts WHERE shop_id = 7 $$;
SELECT results_eq($$SELECT * FROM ordersync.retry_refused(7, 70)$$, $$VALUES (2, 0, 'no 3 here')$$, 'while all is as it was none is stored');
DELETE FROM pg_temp.unwanted WHERE tid = 3;
UPDATE pg_temp.unwanted SET state = 'P0001' WHERE tid = 6;
SELECT results_eq($$SELECT * FROM ordersync.retry_refused(7, 70)$$, $$VALUES (2, 1, 'no 6 here')$$, 'one that is taken now');
SELECT results_eq($$SELECT modified, seller_memo FROM ordersync.orders WHERE tid = 3$$, $$VALUES ('2026-03-01 10:01+08'::timestamptz, 'm')$$, 'is stored in its newest version');
SELECT is(pg_temp.open(), '6 P0001 no 6 here', 'the other has its new reason');
SELECT is(pg_temp.outside(), '1 1 1', 'and the windows that saw it have one outside less');
DELETE FROM pg_temp.unwanted;
SELECT lives_ok($$SELECT p.* FROM pg_temp.records('{6}', 5) r, ordersync.apply_orders(7, 'list', 70, 700, r.ids, r.modified, r.digests, r.bodies) p$$, 'a version that is taken');
SELECT is(pg_temp.open(), NULL, 'resolves the one before');
SELECT is(pg_temp.outside(), '0 0 1', 'and counts for its windows');
SELECT results_eq($$SELECT * FROM ordersync.retry_refused(7, 70)$$, $$VALUES (0, 0, NULL::text)$$, 'nothing is left');

-- a shop that does not want all of it stored keeps what it may, and tries that again
INSERT INTO pg_temp.unwanted VALUES (8, 'P0001');
SELECT is(pg_temp.put('{8}'), '0/0/0', 'refused');
SELECT ordersync_set_shop(7, '{"privacy": "strict"}');
SELECT is((SELECT convert_from(body, 'UTF8')::jsonb - 'status' FROM ordersync.quarantine WHERE record_id = 8),
	'{"tid": 8, "created": "2026-03-01 09:00:00", "modified": "2026-03-01 10:00:00"}', 'what is kept of it has no memo any more');
DELETE FROM pg_temp.unwanted;
SELECT results_eq($$SELECT * FROM ordersync.retry_refused(7, 70)$$, $$VALUES (1, 1, NULL::text)$$, 'and is stored');
SELECT is_empty($$SELECT k FROM pg_temp.records('{8}') p, ordersync.known_refusals(7, 'orders', p.ids, p.digests) k$$, 'it is refused no more');
SELECT is((SELECT p.digest_list FROM ordersync.order_payloads p WHERE p.tid = 8), (SELECT p.digests[1] FROM pg_temp.records('{8}') p), 'and known as it was read');

SELECT * FROM finish();
ROLLBACK;
