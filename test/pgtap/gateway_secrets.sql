-- The secrets of a gateway: sealed for it, its header, its destination; a gateway that signs nothing needs none.
BEGIN;
SELECT plan(38);
SET client_min_messages = error;
SELECT count(ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld',
		options => '{"proxy": "http://proxy.example.com:3128"}')) AS made,
	count(ordersync_add_gateway('taobao.2', 'https://gw.example.com/router/rest', '12345678', 'helloworld')) AS made2,
	count(ordersync_add_shop(1, 'seller', 'session-1')) AS added \gset
UPDATE ordersync.shops SET key_state = 'ok';

-- what is set
SELECT lives_ok($$SELECT ordersync_set_gateway_secret('taobao', 'proxy_password', 'user:proxy-password')$$, 'the proxy''s password');
SELECT is((SELECT key_state FROM ordersync.shops), 'ok', 'says nothing of the data keys');
SELECT lives_ok($$SELECT ordersync_set_gateway_secret('taobao', 'header:X-Relay-Token', ' Bearer token-1 ')$$, 'a header, with a blank inside');
SELECT is((SELECT key_state FROM ordersync.shops), 'unchecked', 'with which keys may be good that were not');
SELECT lives_ok($$SELECT ordersync_set_gateway_secret('taobao', 'header:x-relay-token', 'token-22')$$, 'the same header, spelled otherwise');
SELECT lives_ok($$SELECT ordersync_set_gateway_secret('taobao', 'app_secret', 'another')$$, 'the application secret');
SELECT results_eq($$SELECT kind, name, destination, octet_length(sealed) - 33 FROM ordersync.secrets ORDER BY kind COLLATE "C", name COLLATE "C"$$,
	$$VALUES ('app_secret', 'taobao', 'https://gw.example.com:443 via http://proxy.example.com:3128', 7),
		('app_secret', 'taobao.2', 'https://gw.example.com:443', 10),
		('data_key', '1', 'https://gw.example.com:443 via http://proxy.example.com:3128', 9),
		('header', 'taobao/X-Relay-Token', 'https://gw.example.com:443 via http://proxy.example.com:3128', 8),
		('proxy_password', 'taobao', 'https://gw.example.com:443 via http://proxy.example.com:3128', 19)$$,
	'each is sealed once, without white space around it');
SELECT results_eq($$SELECT gateway, details ->> 'secret' FROM ordersync.setup_history WHERE action = 'gateway secret set' ORDER BY history_id$$,
	$$VALUES ('taobao', 'proxy_password'), ('taobao', 'header:X-Relay-Token'), ('taobao', 'header:X-Relay-Token'), ('taobao', 'app_secret')$$,
	'the history says which, and no value');

-- what is refused, without a word of what was typed
SELECT throws_ok($$SELECT ordersync_set_gateway_secret('none', 'app_secret', 'x')$$, '42704', 'gateway "none" does not exist', 'no such gateway');
SELECT throws_ok($$SELECT ordersync_set_gateway_secret('taobao', 'token-3', 'x')$$, '22023', 'unrecognized secret of a gateway', 'no such secret');
SELECT throws_ok($$SELECT ordersync_set_gateway_secret('taobao', NULL, 'x')$$, '22023', 'unrecognized secret of a gateway', 'nor NULL');
SELECT throws_ok(format('SELECT ordersync_set_gateway_secret(''taobao'', %L, ''x'')', 'header:' || h), '22023', 'no header of that name can be set', 'no header "' || h || '"')
FROM unnest(ARRAY['', 'Host', 'Content-Length', 'proxy-authorization', E'X\nY', 'X Y']) h;
SELECT throws_ok($$SELECT ordersync_set_gateway_secret('taobao', 'header:X', '')$$, '22023', 'the secret must not be empty', 'an empty value');
SELECT throws_ok($$SELECT ordersync_set_gateway_secret('taobao', 'header:X', E'a\r\nHost: b')$$, '22023', 'the header''s value contains a line end or another invisible character', 'a line end');
SELECT throws_ok(format('SELECT ordersync_set_gateway_secret(''taobao'', ''header:X'', %L)', U&'a\00FC'), '22023', 'the header''s value contains a character that is not ASCII', 'what is not ASCII');
SELECT throws_ok($$SELECT ordersync_set_gateway_secret('taobao', 'proxy_password', 'password')$$, '22023', 'the proxy''s password is given together with its user', 'a password without its user');

-- bound to its row
SELECT ok(ordersync.can_open(sealed, kind, name, destination), kind || ' opens') FROM ordersync.secrets WHERE kind IN ('header', 'proxy_password');
SELECT ok(NOT ordersync.can_open(sealed, kind, 'taobao/X-Other', destination)
		AND NOT ordersync.can_open(sealed, kind, 'taobao.2/X-Relay-Token', destination)
		AND NOT ordersync.can_open(sealed, 'app_secret', 'taobao', destination)
		AND NOT ordersync.can_open(sealed, kind, name, 'https://gw.example.com:443'),
	'but for no other header, gateway, kind or destination') FROM ordersync.secrets WHERE kind = 'header';
UPDATE ordersync.secrets SET sealed = (SELECT sealed FROM ordersync.secrets WHERE kind = 'app_secret' AND name = 'taobao') WHERE kind = 'proxy_password';
SELECT is((ordersync.note_key_file(NULL)).unreadable, 1, 'one that was put into another row');
SELECT results_eq($$SELECT name, secret_state, secret_message FROM ordersync.gateways ORDER BY name$$,
	$$VALUES ('taobao', 'unreadable', 'of the proxy''s password: it was sealed with another key than the one in ordersync.key_file'), ('taobao.2', 'ok', NULL)$$,
	'stops its gateway');
SELECT lives_ok($$SELECT ordersync_set_gateway_secret('taobao', 'proxy_password', NULL)$$, 'it is deleted');
SELECT is((SELECT secret_state FROM ordersync.gateways WHERE name = 'taobao'), 'ok', 'and the gateway goes on');

SELECT count(ordersync_add_shop(2, 'seller 2', 'session-1')) AS added2 \gset
UPDATE ordersync.secrets s SET sealed = o.sealed FROM ordersync.secrets o WHERE (s.kind, s.name, o.kind, o.name) = ('data_key', '2', 'data_key', '1');
SELECT ordersync.note_secrets(NULL);
SELECT results_eq('SELECT shop_id, key_state FROM ordersync.shops ORDER BY 1', $$VALUES (1::bigint, 'unchecked'), (2, 'key_unreadable')$$, 'one shop''s key does not open as another''s');
UPDATE ordersync.secrets s SET sealed = o.sealed FROM ordersync.secrets o WHERE (s.kind, s.name, o.kind, o.name) = ('data_key', '2', 'app_secret', 'taobao');
SELECT ok(NOT ordersync.can_open(sealed, kind, name, destination), 'nor the application secret as a key') FROM ordersync.secrets WHERE name = '2';
SELECT count(ordersync_remove_shop(2)) AS removed \gset

-- another destination
SELECT count(ordersync_set_gateway('taobao', '{"proxy": null}')) AS moved \gset
SELECT is((SELECT key_state || ': ' || key_message FROM ordersync.shops), 'moved: the application secret was set for https://gw.example.com:443 via http://proxy.example.com:3128, but gateway "taobao" points to https://gw.example.com:443; '
	'the header X-Relay-Token was set for https://gw.example.com:443 via http://proxy.example.com:3128, but gateway "taobao" points to https://gw.example.com:443; '
	'the data key was set for https://gw.example.com:443 via http://proxy.example.com:3128, but gateway "taobao" points to https://gw.example.com:443', 'all are for the one of before');
SELECT is(ordersync_keep_secrets('taobao', 'https://gw.example.com:443'), 3, 'a superuser keeps them');

-- what a worker gets
SELECT count(ordersync_trigger_incremental(1, now() - interval '1 hour', now())) AS triggered \gset
SELECT results_eq($$SELECT secret_names,
		ordersync.can_open(sealed_secrets[1], 'header', 'taobao/X-Relay-Token', 'https://gw.example.com:443') FROM ordersync.claim('me.1', 1, 9)$$,
	$$VALUES ('{header/taobao/X-Relay-Token}'::text[], true)$$, 'a claim has them');

-- a gateway that signs nothing
SELECT is(array(SELECT ordersync.gateway_needs_secret(p, o) FROM (VALUES ('top', '{}'), ('relay', '{}'), ('relay', '{"relay": {"signature": null}}'), ('relay', '{"relay": {"signature": {}}}')) AS v (p, o)),
	'{t,f,f,t}', 'who needs an application secret');
UPDATE ordersync.gateways SET protocol = 'relay';
SELECT lives_ok($$SELECT ordersync_set_gateway_secret('taobao', 'app_secret', NULL)$$, 'it is deleted');
SELECT is((SELECT secret_state FROM ordersync.gateways WHERE name = 'taobao'), 'ok', 'and not missed');

-- whoever takes a secret keeps it out of the log
SELECT is((SELECT string_agg(p.proname::text, ' ' ORDER BY p.proname) FROM pg_proc p WHERE p.proname ~ '^ordersync_' AND p.prosrc ~ 'hide_statement' AND p.proname <> 'ordersync_hide_statement'),
	'ordersync_add_gateway ordersync_add_shop ordersync_set_data_key ordersync_set_gateway_secret ordersync_set_session_key', 'the functions that take a secret hide it');
SELECT is((SELECT string_agg(p.proname::text, ' ') FROM pg_proc p WHERE p.proname ~ '^ordersync_' AND p.proargnames && '{app_secret,data_key,session_key,value,secret_value}'
	AND p.prosrc !~ 'hide_statement' AND p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')), NULL, 'all of them');
SELECT * FROM finish();
ROLLBACK;
