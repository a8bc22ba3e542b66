-- How shops and gateways are, from rows made by hand.
BEGIN;
SELECT plan(1);
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(n, 'n' || n, 'session-' || n) FROM generate_series(1, 3) n;
SELECT * FROM ordersync.shop_health;
SELECT * FROM ordersync.gateway_health;
SELECT * FROM ordersync.check_health_shops();
SELECT * FROM ordersync.check_health_gateways();
SELECT pass('x');
SELECT * FROM finish();
ROLLBACK;
