-- The key file and kinds of secrets that came later: gateways without a secret of their own, the key that values are hashed with.
BEGIN;
SELECT plan(3);
SET client_min_messages = error;
SELECT count(ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld')) AS made,
	count(ordersync_add_gateway('relay', 'https://gw.example.com/relay', NULL, NULL, 'relay')) AS relay,
	count(ordersync_add_gateway('unused', 'https://gw.example.com/relay', NULL, NULL, 'relay')) AS unused,
	count(ordersync_add_shop(1, 'seller 1', 'session-1', 'taobao')) AS one,
	count(ordersync_add_shop(2, 'seller 2', 'session-2', 'relay')) AS two \gset

-- a relay that signs nothing
SELECT ordersync.note_key_file('the key file is gone');
SELECT results_eq('SELECT gateway, state FROM ordersync.gateway_health ORDER BY gateway',
	$$VALUES ('relay', 'key file'), ('taobao', 'key file'), ('unused', 'ok')$$, 'a key file that is gone is told of each gateway that has secrets, be it data keys alone');
SELECT results_eq('SELECT shop_id, state FROM ordersync.shop_health ORDER BY shop_id',
	$$VALUES (1::bigint, 'waiting for gateway'), (2, 'waiting for gateway')$$, 'and of their shops');
SELECT ordersync.note_key_file(NULL);
SELECT results_eq('SELECT name, secret_state, secret_message FROM ordersync.gateways ORDER BY name',
	$$VALUES ('relay', 'ok', NULL), ('taobao', 'ok', NULL), ('unused', 'ok', NULL)$$, 'when it is back all is well');
SELECT * FROM finish();
ROLLBACK;
