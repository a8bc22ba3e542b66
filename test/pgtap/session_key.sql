-- ordersync_set_session_key and ordersync_set_data_key are two names of one call.
BEGIN;
SELECT plan(9);
SET client_min_messages = error;
SELECT count(ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld')) AS made,
	count(ordersync_add_shop(1, 'seller', NULL)) AS added \gset

SELECT lives_ok($$SELECT ordersync_set_session_key(1, ' session-1 ', '2099-01-01 00:00+08')$$, 'a session key');
SELECT results_eq('SELECT key_state, key_expires_at FROM ordersync.shops', $$VALUES ('unchecked', timestamptz '2099-01-01 00:00+08')$$, 'is stored, to be checked');
SELECT is((SELECT octet_length(sealed) FROM ordersync.secrets WHERE kind = 'data_key' AND name = '1'),
	(SELECT octet_length(ordersync.seal('session-1', 'data_key', '1', 'https://gw.example.com'))), 'under the one name that a shop''s credential has');
SELECT lives_ok($$SELECT ordersync_set_data_key(1, 'session-22')$$, 'the other name');
SELECT is((SELECT octet_length(sealed) FROM ordersync.secrets WHERE kind = 'data_key' AND name = '1'),
	(SELECT octet_length(ordersync.seal('session-22', 'data_key', '1', 'https://gw.example.com'))), 'takes its place');
SELECT throws_ok($$SELECT ordersync_set_session_key(9, 'session-9')$$, '42704', NULL, 'a shop that does not exist');
SELECT throws_ok($$SELECT ordersync_set_session_key(1, '')$$, '22023', 'data key must not be empty', 'an empty key');
SELECT throws_ok($$SELECT ordersync_set_session_key(1, 'session-1', now() - interval '1 day')$$, '22023', 'the data key has already expired', 'one that has expired');
SELECT is((SELECT level FROM ordersync.functions_by_level() WHERE routine ~ 'ordersync_set_session_key'), 'admin', 'is for an admin');
SELECT * FROM finish();
ROLLBACK;
