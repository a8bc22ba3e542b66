-- The key file and kinds of secrets that came later: gateways without a secret of their own, the key that values are hashed with.
BEGIN;
SELECT plan(14);
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

-- the key of hashes is re-sealed with the others, and lost with them
SELECT ordersync_set_privacy('buyer_nick', 'hash'), (SELECT count(*) FROM ordersync_forget('uid-anna'));
SELECT is((SELECT count(*) FROM ordersync.secrets s WHERE ordersync.renew_seal(s.sealed, s.kind, s.name, s.destination) IS NULL AND ordersync.can_open(s.sealed, s.kind, s.name, s.destination)),
	4::bigint, 'all kinds are sealed with the newest key');
CREATE TEMPORARY TABLE before AS SELECT generation, ordersync.private_value('buyer_nick', 'anna') AS hash FROM ordersync.privacy_state;
SELECT matches(hash, '^h:.{22}$', 'a value is hashed') FROM before;
-- as if another key had sealed it
UPDATE ordersync.secrets s SET sealed = o.sealed FROM ordersync.secrets o WHERE s.kind = 'hash_key' AND o.kind = 'data_key' AND o.name = '1';
SELECT is(ordersync_forget_secrets(), 1, 'one that does not open is deleted');
SELECT isnt((SELECT generation FROM ordersync.privacy_state), (SELECT generation FROM before), 'processes that have it in memory learn of it');
SELECT is(ordersync.private_value('buyer_nick', 'anna'), NULL, 'and drop what they cannot hash');
SELECT is((SELECT details FROM ordersync.setup_history WHERE action = 'secrets forgotten'), '{"secrets": 1, "hash_key": true}', 'the history says that it was this one');
SELECT ordersync_set_privacy('buyer_nick', 'hash');
SELECT ok(ordersync.private_value('buyer_nick', 'anna') ~ '^h:.{22}$' AND ordersync.private_value('buyer_nick', 'anna') <> (SELECT hash FROM before), 'another key is made by setting the rule again');

-- a header and a data key that are lost: which they were is told
SELECT ordersync_set_gateway_secret('relay', 'header:X-Relay-Token', 'token-1');
UPDATE ordersync.secrets s SET sealed = o.sealed FROM ordersync.secrets o WHERE s.kind IN ('header', 'data_key') AND o.kind = 'app_secret' AND s.name IN ('relay/X-Relay-Token', '2');
SELECT is(ordersync_forget_secrets(), 2, 'both are deleted');
SELECT is((SELECT details FROM ordersync.setup_history WHERE action = 'secrets forgotten' ORDER BY history_id DESC LIMIT 1),
	'{"secrets": 2, "of_gateways": ["header relay/X-Relay-Token"]}', 'calls would go on without that header');

-- a relay that has moved: its header is its own, as an application secret is
SELECT ordersync_set_gateway_secret('relay', 'header:X-Relay-Token', 'token-1'), ordersync_set_data_key(2, 'session-2');
SELECT ordersync_set_gateway('relay', '{"proxy": "http://proxy.example.com:3128"}');
SELECT is((SELECT state FROM ordersync.gateway_health WHERE gateway = 'relay'), 'moved', 'what was given for another address keeps all shops waiting');
SELECT is((SELECT what_to_do FROM ordersync.gateway_health WHERE gateway = 'relay'), 'SELECT ordersync_set_gateway_secret(''relay'', ''header:X-Relay-Token'', value)', 'and is what is to be set again');
SELECT * FROM finish();
ROLLBACK;
