-- Option relay: what is refused, with the member's name; what a relay's gateway needs and serves, and what is planned for its shops.
BEGIN;
SELECT plan(83);
SET client_min_messages = error;
CREATE FUNCTION pg_temp.told(command text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;

-- a gateway without key and secret, whose shop can be read at once
SELECT lives_ok($$SELECT ordersync_add_gateway('r', 'https://gw.example.com/api', NULL, NULL, 'relay')$$, 'a relay needs neither key nor secret');
SELECT results_eq('SELECT protocol, app_key, secret_state, options FROM ordersync.gateways', $$VALUES ('relay', NULL, 'ok', '{}'::jsonb)$$, 'nothing is missing');
SELECT ordersync_add_shop(1, '测试店铺1', 'key-1', 'r');
SELECT is((SELECT count(*) FROM ordersync.secrets), 1::bigint, 'its only secret is the shop''s key');

-- each member that cannot be right is named
SELECT is((SELECT concat_ws(' ', t.code, t.message) FROM pg_temp.told(format('SELECT ordersync_set_gateway(''r'', %L)', jsonb_build_object('relay', e.relay::jsonb))) t),
	'22023 ' || CASE WHEN e.unknown THEN 'unrecognized option' ELSE 'invalid value for option' END || ' "' || e.option || '"', e.relay)
FROM (VALUES
	('3', false, 'relay'), ('[]', false, 'relay'), ('{"path": {}}', true, 'relay.path'), ('{"paths": "x"}', false, 'relay.paths'),
	('{"paths": {"orders": "/x"}}', true, 'relay.paths.orders'), ('{"paths": {"list": "x"}}', false, 'relay.paths.list'), ('{"paths": {"list": "/x?y=1"}}', false, 'relay.paths.list'),
	('{"paths": {"list": "/a/../b"}}', false, 'relay.paths.list'), ('{"paths": {"list": "//evil/x"}}', false, 'relay.paths.list'), ('{"paths": {"list": "/a b"}}', false, 'relay.paths.list'),
	('{"paths": {"list": 1}}', false, 'relay.paths.list'), ('{"paths": {"list": ""}}', false, 'relay.paths.list'),
	('{"paths": {"list": null}}', false, 'relay.paths.list'), ('{"paths": {"increment": null}}', false, 'relay.paths.increment'), ('{"paths": {"details": null}}', false, 'relay.paths.details'),
	('{"paths": {"refunds": null}}', false, 'relay.paths.refunds'), ('{"paths": {"refunds": null}, "after_sales": "order"}', false, 'relay.paths.refunds_of_order'),
	('{"parameters": {"session": "x"}}', true, 'relay.parameters.session'), ('{"parameters": {"credential": null}}', false, 'relay.parameters.credential'),
	('{"parameters": {"page_no": null}}', false, 'relay.parameters.page_no'), ('{"parameters": {"tid": null}}', false, 'relay.parameters.tid'),
	('{"parameters": {"start_modified": null}}', false, 'relay.parameters.start_modified'), ('{"parameters": {"page_no": {}}}', false, 'relay.parameters.page_no'),
	('{"parameters": {"page_no": "page_size"}}', false, 'relay.parameters'), ('{"constants": {"DataKey": "x"}}', false, 'relay.parameters'), ('{"signature": {"sign": "tid"}}', false, 'relay.parameters'),
	('{"parameters": {"details": {"page_no": "p"}}}', false, 'relay.parameters.details.page_no'), ('{"parameters": {"details": {"x": "p"}}}', true, 'relay.parameters.details.x'),
	('{"body": "xml"}', false, 'relay.body'), ('{"body": true}', false, 'relay.body'), ('{"times": "iso"}', false, 'relay.times'), ('{"after_sales": "never"}', false, 'relay.after_sales'),
	('{"totals": "yes"}', false, 'relay.totals'), ('{"totals": "true"}', false, 'relay.totals'), ('{"has_next": 1}', false, 'relay.has_next'),
	('{"headers": {"Host": "x"}}', false, 'relay.headers'), ('{"headers": {"content-type": "x"}}', false, 'relay.headers'), ('{"headers": {"X A": "x"}}', false, 'relay.headers'),
	('{"headers": {"X-A": "a\r\nX-B: b"}}', false, 'relay.headers'), ('{"headers": {"X-A": {}}}', false, 'relay.headers'), ('{"headers": {"X-A": null}}', false, 'relay.headers'), ('{"headers": {"": "x"}}', false, 'relay.headers'),
	('{"headers": {"X-A": "中"}}', false, 'relay.headers'), ('{"constants": {"a b": "x"}}', false, 'relay.constants'),
	('{"envelope": {"codes": "x"}}', true, 'relay.envelope.codes'), ('{"envelope": {"code": null}}', false, 'relay.envelope.code'), ('{"envelope": {"code": "a..b"}}', false, 'relay.envelope.code'),
	('{"envelope": {"ok": []}}', false, 'relay.envelope.ok'), ('{"envelope": {"ok": "0"}}', false, 'relay.envelope.ok'),
	('{"records": {"list": "x"}}', true, 'relay.records.list'), ('{"records": {"total_results": ""}}', false, 'relay.records.total_results'),
	('{"codes": {"banned": [1]}}', true, 'relay.codes.banned'), ('{"codes": {"retry": [[1]]}}', false, 'relay.codes.retry'), ('{"codes": {"retry": [1], "throttled": ["1"]}}', false, 'relay.codes.retry'),
	('{"envelope": {}, "codes": {"retry": [0]}}', false, 'relay.codes.retry'), ('{"signature": {"key": "x"}}', true, 'relay.signature.key'), ('{"signature": {"sign": null}}', false, 'relay.signature.sign')
) AS e (relay, unknown, option);
SELECT results_eq($$SELECT detail, hint FROM pg_temp.told('SELECT ordersync_set_gateway(''r'', ''{"relay": {"parameters": {"page_no": "page_size"}}}'')')$$,
	$$VALUES ('Operation increment would carry two parameters named "page_size".', 'Give each parameter, constant and part of the signature a name of its own, or null to leave it out.')$$, 'why, and what to do');
SELECT is((SELECT message FROM pg_temp.told('SELECT ordersync_set_gateway(''r'', ''{"relay": {"headers": {"Host": "secret-value"}}}'')')) || (SELECT concat(detail, hint) FROM pg_temp.told('SELECT ordersync_set_gateway(''r'', ''{"relay": {"headers": {"Host": "secret-value"}}}'')'))
	~ 'secret-value', false, 'no value of a header is told');
SELECT is((SELECT options FROM ordersync.gateways), '{}'::jsonb, 'nothing of it is stored');

-- a map takes the place of the one before; the history does not show what may be secret
SELECT ordersync_set_gateway('r', '{"page_size": 50, "relay": {"body": "json", "headers": {"X-App": "orders"}, "constants": {"k": "v"}}}');
SELECT ordersync_set_gateway('r', '{"relay": {"times": "epoch"}}');
SELECT is((SELECT options FROM ordersync.gateways), '{"page_size": 50, "relay": {"times": "epoch"}}'::jsonb, 'a map replaces the stored one whole');
SELECT is((SELECT h.details -> 'options' -> 'relay' -> 'old' FROM ordersync.setup_history h ORDER BY history_id DESC LIMIT 1), '{"body": "json", "headers": {"X-App": "***"}, "constants": {"k": "***"}}'::jsonb, 'the history has no values of headers');
SELECT is((SELECT message FROM pg_temp.told($$SELECT ordersync_add_gateway('t', 'https://gw.example.com/', '1', 'helloworld', options => '{"relay": {}}')$$)), 'option "relay" belongs to another protocol', 'not of protocol top');
SELECT is((SELECT ordersync.check_gateway_map('relay', '{"relay": {"headers": {"X-App": "a", "Authorization": "Bearer x"}}}')), 'Authorization', 'a header that looks like a secret is warned of');

-- signed calls need both; a call that sets a secret does not make it a gateway of protocol top
SELECT is((SELECT message FROM pg_temp.told('SELECT ordersync_set_gateway(''r'', ''{"relay": {"signature": {}}}'')')), 'gateway "r" has no application key to sign its calls with', 'without a key nothing is signed');
SELECT ordersync_add_gateway('r', NULL, '12345678', NULL, 'relay', 'md5', '{"relay": {"signature": {}}}');
SELECT results_eq('SELECT app_key, sign_method, secret_state FROM ordersync.gateways', $$VALUES ('12345678', 'md5', 'missing')$$, 'signed, it waits for its secret');
SELECT ordersync_add_gateway('r', NULL, NULL, 'helloworld');
SELECT results_eq('SELECT protocol, secret_state FROM ordersync.gateways', $$VALUES ('relay', 'ok')$$, 'which it gets by the usual call');
SELECT ordersync_set_gateway('r', '{"relay": null}');
SELECT is((SELECT options FROM ordersync.gateways), '{"page_size": 50}'::jsonb, 'null brings back the defaults');

-- what it serves, and what is planned
CREATE FUNCTION pg_temp.planned(kind text, since timestamptz DEFAULT now() - interval '5 days') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', p.stream, p.basis, CASE WHEN p.history THEN 'history' END), ', ' ORDER BY p.stream, p.basis, p.history)
	FROM ordersync.plan(1, kind, since, now() - interval '1 day', date_trunc('second', now())) p $$;
CREATE FUNCTION pg_temp.map(relay text) RETURNS void LANGUAGE sql AS $$ SELECT ordersync_set_gateway('r', jsonb_build_object('relay', relay::jsonb)) $$;
SELECT is(pg_temp.planned('incremental'), 'after_sales modified, orders modified', 'by default no arrivals, no second list');
SELECT is(pg_temp.planned('full'), 'after_sales modified, orders created', 'and of a full run');
SELECT pg_temp.map('{"paths": {"arrival": "/A", "special_refunds": "/S", "history": "/H"}}');
SELECT is(pg_temp.planned('incremental'), 'after_sales modified, orders arrival, orders modified, special_refunds modified', 'lists that the map has are read');
SELECT is(pg_temp.planned('full', now() - interval '100 days'), 'after_sales modified, orders created, orders created history, special_refunds modified', 'and the history');
SELECT pg_temp.map('{"after_sales": "order"}');
SELECT is(pg_temp.planned('incremental'), 'orders modified', 'by order nothing is listed');
SELECT is(ordersync.fetches_by_order(ordersync.unserved(1)), true, 'after-sales come by their orders');
SELECT pg_temp.map('{"after_sales": "none"}');
SELECT is(concat_ws(' ', pg_temp.planned('incremental'), ordersync.fetches_by_order(ordersync.unserved(1))), 'orders modified f', 'or not at all');
SELECT is((SELECT lag < interval '1 minute' FROM ordersync.freshness), true, 'nobody waits for them');
SELECT is((SELECT concat_ws(' ', code, hint) FROM pg_temp.told('SELECT ordersync_trigger_full(1, ordersync_day(ordersync_today() - 100))')) ~ '^22023 The earliest whole day is', true, 'a range before the lists is refused');
SELECT pg_temp.map('{"totals": false}');
SELECT is((SELECT concat_ws(' ', code, message) FROM pg_temp.told('SELECT ordersync_verify(1, ordersync_day(ordersync_today() - 3), ordersync_day(ordersync_today()))')), '0A000 gateway "r" does not count the orders of a range', 'without totals nothing is counted');
SELECT pg_temp.map('{"parameters": {"type": null, "ext_type": null}}');
SELECT ordersync_verify(1, ordersync_day(ordersync_today() - 3), ordersync_day(ordersync_today() - 2));
SELECT is((SELECT string_agg(DISTINCT concat_ws(' ', stream, work, ext_type), ', ' ORDER BY concat_ws(' ', stream, work, ext_type)) FROM ordersync.sync_tasks), 'after_sales count, orders count', 'without types only all of them are counted');
SELECT ordersync_set_gateway('r', '{"max_window": "2 hours"}');
SELECT ordersync_trigger_incremental(1, ordersync_day(ordersync_today() - 5), ordersync_day(ordersync_today() - 4));
SELECT results_eq($$SELECT stream, count(*), max(t.until - t.since) FROM ordersync.sync_tasks t JOIN ordersync.sync_runs r USING (run_id) WHERE r.kind = 'incremental' AND t.work = 'store' GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('after_sales', 12::bigint, interval '2 hours'), ('orders', 12, interval '2 hours')$$, 'no window is longer than max_window');

SELECT * FROM finish();
ROLLBACK;
