-- What a DBA is told: every refusal has a code, and a hint with what to type next; no secret is in any of it.
BEGIN;
SELECT plan(44);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
SELECT ordersync_trigger_full(1);
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (1, 'orders', 'modified', '{[2026-09-01 00:00+08,2026-09-02 00:00+08)}');

CREATE FUNCTION pg_temp.told(command text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE TEMP TABLE refused (n serial, command text, code text, hint text);
INSERT INTO refused (command, code, hint) VALUES
	('SELECT ordersync_trigger_full(9)', '42704', 'ordersync_add_shop'),
	('SELECT ordersync_set_data_key(9, ''session-9'')', '42704', 'ordersync_add_shop'),
	('SELECT ordersync_add_shop(1, ''别人'', ''session-1'')', '42710', 'ordersync_remove_shop'),
	('SELECT ordersync_add_shop(2, ''测试店铺2'', '''')', '22023', 'session key'),
	('SELECT ordersync_add_shop(2, '' '', ''session-2'')', '22023', 'seller_nick'),
	('SELECT ordersync_add_shop(2, ''测试店铺2'', ''session-2'', ''nowhere'')', '42704', 'ordersync_add_gateway'),
	('SELECT ordersync_add_shop(2, ''测试店铺2'', ''session-2'', options => ''{"x": 1}'')', '22023', 'details, fields_add'),
	('SELECT ordersync_set_shop(1, ''{"streams": []}'')', '22023', 'Use null to remove the option'),
	('SELECT ordersync_set_gateway(''taobao'', ''{"x": 1}'')', '22023', 'arrival_check, calls_in_flight, calls_per_day, calls_per_day_reserved, calls_per_second, max_window, method_weights, page_size, proxy'),
	('SELECT ordersync_add_gateway(''a'', ''https://gw.example.com/'', ''1'', '''')', '22023', 'AppKey'),
	('SELECT ordersync_add_gateway(''a'', ''h'', ''1'', ''helloworld'')', '22023', 'https://eco.taobao.com'),
	('SELECT ordersync_add_gateway(''a'', ''https://gw.example.com/'', ''1'', ''helloworld'', ''soap'')', '22023', 'top'),
	('SELECT ordersync_remove_gateway(''taobao'')', '2BP01', 'ordersync_remove_shop'),
	('SELECT ordersync_trigger_full(1, ''2026-09-02'', ''2026-09-01'')', '22023', 'ordersync_day'),
	('SELECT ordersync_trigger_full(1, ''2020-01-01'')', '22023', 'The earliest whole day'),
	('SELECT * FROM ordersync_trigger_all(''daily'')', '22023', 'full, incremental'),
	('SELECT * FROM ordersync_trigger_month(''2026-13'')', '22023', '2026-09'),
	('SELECT ordersync_wait(currval(''ordersync.sync_runs_run_id_seq''))', '55000', 'COMMIT'),
	('SELECT ordersync_wait(-1)', '42704', 'run_progress'),
	('SELECT ordersync_cancel(-1)', '42704', 'run_progress'),
	('SELECT ordersync_grant(''ordersync_nobody_of_that_name'', ''reader'')', '42704', 'CREATE ROLE');
SELECT is(t.code, r.code, r.command) FROM refused r, pg_temp.told(r.command) t ORDER BY r.n;
SELECT ok(t.hint LIKE '%' || r.hint || '%' AND t.message || t.detail || t.hint !~ 'session-[0-9]|helloworld', 'hint: ' || t.hint)
FROM refused r, pg_temp.told(r.command) t ORDER BY r.n;

-- depends on what this server allows
SELECT CASE ordersync.setting('allow_http')
	WHEN 'off' THEN (SELECT is(message, 'a gateway without TLS is not allowed', 'plain http is refused')
		FROM pg_temp.told('SELECT ordersync_add_gateway(''a'', ''http://gw.example.com/'', ''1'', ''helloworld'')'))
	ELSE skip('this server allows plain http')
END;
-- the line to type, in the WARNING and by the doctor
SELECT is(ordersync.command_to_list_database(' crm,"Other"'), format('ALTER SYSTEM SET ordersync.databases = %L;', 'crm,"Other", ' || quote_ident(current_database())), 'a database is added to those that are listed');

SELECT * FROM finish();
ROLLBACK;
