-- What is told of consumers of the change feed that do not read it: by the doctor and in the metrics.
BEGIN;
SELECT plan(12);
SET client_min_messages = error;
SELECT ordersync.set_up();
CREATE FUNCTION pg_temp.says(p_column text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text;
BEGIN
	EXECUTE format('SELECT %I::text FROM ordersync_doctor() WHERE check_name = ''change feed''', p_column) INTO v;
	RETURN v;
END $$;
CREATE FUNCTION pg_temp.m(p_name text, p_consumer text) RETURNS double precision LANGUAGE sql AS $$
	SELECT value FROM ordersync.metrics WHERE name = 'ordersync_consumer_' || p_name AND labels = jsonb_build_object('consumer', p_consumer) $$;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试店铺7', 'session-7');

SELECT is(pg_temp.says('ok') || ': ' || pg_temp.says('detail'), 'true: nobody reads it', 'no consumer');
SELECT is_empty($$SELECT FROM ordersync.metrics WHERE labels ? 'consumer'$$, 'nor a figure of one');

SELECT ordersync_changes_create('erp', '{"start": "now"}'), ordersync_changes_create('it''s old', '{"start": "now"}');
SELECT is(pg_temp.says('ok') || ': ' || pg_temp.says('detail'), 'true: consumers: 2, of which more than a day behind or without all changes: 0', 'two that lack nothing');
-- committed behind their beginning, 25 hours ago
INSERT INTO ordersync.change_feed (shop_id, kind, ids, recorded_at, changed_in)
VALUES (7, 'order', '{1,2,3}', clock_timestamp() - interval '25 hours', pg_snapshot_xmax(pg_current_snapshot()));
UPDATE ordersync.change_consumers SET shops = '{8}' WHERE consumer = 'erp';
SELECT is(pg_temp.says('ok'), 'false', 'one has not read for a day');
SELECT is(pg_temp.says('detail'), 'consumers: 2, of which more than a day behind or without all changes: 1; the last is "it''s old", by 1 day 01:00:00', 'which, and since when');
SELECT ok(pg_temp.says('hint') LIKE '%: SELECT ordersync_changes_drop(''it''''s old'');', 'and what to do');
SELECT is(pg_temp.m('lag_messages', 'it''s old'), 3::double precision, 'its figures: changes');
SELECT ok(pg_temp.m('lag_seconds', 'it''s old') BETWEEN 90000 AND 90600, 'their age');
SELECT is(pg_temp.m('lag_seconds', 'erp'), 0::double precision, 'and those of the one whose shop did not change');

DELETE FROM ordersync.change_feed;
UPDATE ordersync.change_consumers SET lost = '{"kind": "lost"}', lost_changes = 3 WHERE consumer = 'it''s old';
SELECT is(pg_temp.says('detail'), 'consumers: 2, of which more than a day behind or without all changes: 1; the last is "it''s old", by 00:00:00; lost changes that they had not read: "it''s old"', 'it lost them');
SELECT is(pg_temp.m('lost_changes_total', 'it''s old'), 3::double precision, 'how many');
SELECT is_empty($$SELECT check_name, hint FROM ordersync_doctor() WHERE hint !~ '(;|restart|chmod 0600 \S+|install -m 0600 \S+ \S+)$'$$, 'the hint ends with a command');
SELECT * FROM finish();
ROLLBACK;
