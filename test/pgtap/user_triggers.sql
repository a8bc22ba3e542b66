-- A user's trigger that refuses one shop's row: the schedule and the watch go on for the others.
BEGIN;
SELECT plan(7);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(k, 'shop ' || k, 'session-' || k) FROM generate_series(1, 5) k;
INSERT INTO ordersync.schedules (kind, schedule, timezone, requested_by) VALUES ('incremental', '0 1 * * *', 'Asia/Shanghai', 'me');
UPDATE ordersync.shops SET key_state = 'ok', key_state_reported = 'ok', next_incremental_at = now() - interval '1 hour', first_incremental_at = now() - interval '9 days', first_full_at = now() - interval '9 days', created_at = now() - interval '9 days';
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.shop_id = 3 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
GRANT USAGE ON SCHEMA public TO PUBLIC;
CREATE TRIGGER refuse BEFORE UPDATE ON ordersync.shops FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();

SELECT results_eq($$SELECT shop_id FROM ordersync_trigger_due('incremental') ORDER BY 1$$, 'VALUES (1::bigint), (2), (4), (5)', 'what is due is started for the others');
SELECT results_eq('SELECT shop_id FROM ordersync.shops WHERE next_incremental_at <= now()', 'VALUES (3::bigint)', 'of the refused one the run stays due');
SELECT is_empty($$SELECT shop_id FROM ordersync_trigger_due('incremental')$$, 'the others'' are not started again');

DELETE FROM ordersync.sync_tasks; DELETE FROM ordersync.sync_runs;
CREATE TEMP TABLE told (line text);
CREATE OR REPLACE FUNCTION ordersync.log_line(line text) RETURNS void LANGUAGE sql AS $$ INSERT INTO pg_temp.told VALUES (line) $$;
SELECT cmp_ok(ordersync.watch(), '>', 0, 'the watch ends');
SELECT results_eq('SELECT shop_id FROM ordersync.shops WHERE behind_since IS NOT NULL ORDER BY 1', 'VALUES (1::bigint), (2), (4), (5)', 'and notes the others');
SELECT ordersync.watch();
SELECT results_eq($$SELECT DISTINCT shop_id FROM ordersync.sync_runs WHERE requested_by = 'ordersync watchdog' ORDER BY 1$$, 'VALUES (1::bigint), (2), (4), (5)', 'whose runs it requests');
SELECT matches((SELECT string_agg(DISTINCT line, E'\n') FROM told WHERE line LIKE '%could not%'), '^shop 3: the watch could not note it, (full|incremental): not this one', 'the log says which one it could not');
SELECT finish();
ROLLBACK;
