-- Setting up, as a DBA types it: what is refused, what is kept when a call is typed again.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ordersync;
RESET client_min_messages;

-- before there is a gateway
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');
SELECT ordersync_trigger_full(1);
SELECT * FROM ordersync_trigger_all('full');

-- gateways
SELECT ordersync_add_gateway('taobao', 'https://user:password@gw.example.com/', '12345678', 'helloworld');
SELECT ordersync_add_gateway('taobao', 'ftp://gw.example.com/', '12345678', 'helloworld');
SELECT ordersync_add_gateway('taobao', NULL, '12345678', 'helloworld');
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '', 'helloworld');
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', '');
SELECT ordersync_add_gateway('tao bao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld', 'soap');
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld', sign_method => 'rot13');
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld', options => '{"pagesize": 50}');
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld', options => '{"page_size": 500}');
SELECT count(*) FROM ordersync.gateways;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld', options => '{"page_size": 50}');
SELECT name, base_url, app_key, protocol, sign_method, options FROM ordersync.gateways;

-- typed again: NULL keeps, options merge, null removes one
SELECT ordersync_add_gateway('taobao', NULL, NULL, NULL, options => '{"calls_per_second": 10}');
SELECT ordersync_set_gateway('taobao', '{"page_size": null, "max_window": "6 hours", "arrival_check": false}');
SELECT name, base_url, app_key, protocol, sign_method, options FROM ordersync.gateways;
SELECT ordersync_set_gateway('taobao', '{"max_window": "2 days"}');
SELECT ordersync_set_gateway('taobao', '{"proxy": "http://me:secret@proxy:3128"}');
SELECT ordersync_set_gateway('taobao', '["page_size"]');
SELECT ordersync_set_gateway('nowhere', '{}');
SELECT ordersync_set_gateway('taobao', '{"calls_per_second": null, "max_window": null, "arrival_check": null}');

-- shops
SELECT ordersync_add_shop(NULL, '测试店铺1', 'session-1');
SELECT ordersync_add_shop(1, '', 'session-1');
SELECT ordersync_add_shop(1, '测试店铺1', ' ');
SELECT ordersync_add_shop(1, '测试店铺1', '');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1', 'nowhere');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1', options => '{"stream": ["orders"]}');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1', options => '{"streams": ["refunds"]}');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1', options => '{"streams": ["orders"]}');
SELECT ordersync_add_shop(2, '测试店铺2', 'session-2');
SELECT shop_id, seller_nick, seller_nicks, gateway, options, enabled, key_state FROM ordersync.shops ORDER BY shop_id;

-- the same shop, which was read, with another seller; the same again
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (1, 'orders', 'modified', '{[2026-09-01 00:00+08,2026-09-02 00:00+08)}');
SELECT ordersync_add_shop(1, '测试店铺2', 'session-2');
SELECT ordersync_add_shop(1, '测试店铺1', NULL);
SELECT ordersync_set_shop(1, '{"details": "changed", "streams": null}');
SELECT ordersync_set_shop(1, '{"details": "always"}');
SELECT ordersync_set_shop(1, '{"fields_add": ["title; DROP TABLE"]}');
SELECT ordersync_set_shop(1, '{"full_run": "monthly"}');
SELECT ordersync_set_shop(9, '{}');
SELECT shop_id, options FROM ordersync.shops ORDER BY shop_id;
SELECT ordersync_set_shop(1, '{"details": null}');

-- a renewed key is checked anew; no key is shown, here or in the tables
UPDATE ordersync.shops SET key_state = 'expired', key_message = 'Invalid session' WHERE shop_id = 1;
SELECT ordersync_set_data_key(1, '');
SELECT ordersync_set_data_key(1, 'session-1', now() - interval '1 day');
SELECT ordersync_set_data_key(9, 'session-9');
SELECT ordersync_set_data_key(1, 'session-1', '2099-01-01 00:00+08');
SELECT shop_id, key_state, key_message, key_expires_at = '2099-01-01 00:00+08' AS expires FROM ordersync.shops WHERE shop_id = 1;
SELECT kind, name, length(sealed) > 16 AS sealed,
	position('session' IN encode(sealed, 'escape')) + position('hello' IN encode(sealed, 'escape')) = 0 AS unreadable
FROM ordersync.secrets ORDER BY kind, name;

-- another way to the platform: every key is checked anew
UPDATE ordersync.shops SET key_state = 'ok';
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', NULL, NULL);
SELECT DISTINCT key_state FROM ordersync.shops;
SELECT ordersync_add_gateway('taobao', 'https://other.example.com/router/rest', NULL, NULL);
SELECT DISTINCT key_state FROM ordersync.shops;

-- white space around what was pasted is taken off, and said; a shop that was never read may change its name
SELECT ordersync_add_shop(3, '测试店铺3 ', E'session-3\r\n');
SELECT ordersync_set_data_key(3, E'session-3\n');
SELECT ordersync_add_shop(3, '测试店铺4', NULL);
SELECT ordersync_remove_shop(3);

-- pausing, removing
SELECT ordersync_pause_shop(2);
SELECT shop_id, enabled FROM ordersync.shops ORDER BY shop_id;
SELECT ordersync_resume_shop(2);
SELECT ordersync_remove_gateway('taobao');
SELECT ordersync_add_gateway('relay', 'https://relay.example.com/', '1', 's');
SELECT ordersync_add_shop(2, NULL, NULL, 'relay');
SELECT ordersync_remove_shop(2);
SELECT ordersync_remove_shop(2);
SELECT ordersync_remove_gateway('relay');
SELECT ordersync_remove_gateway('relay');
SELECT kind, name FROM ordersync.secrets ORDER BY kind, name;
