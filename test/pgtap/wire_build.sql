-- Requests: every parameter in the signed form body, times in Asia/Shanghai.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(39);

CREATE FUNCTION pg_temp.plain(encoded text)
RETURNS text
LANGUAGE sql AS $$
	SELECT convert_from(string_agg(
		CASE WHEN m[1] LIKE '\%%' THEN decode(substr(m[1], 2), 'hex') ELSE convert_to(m[1], 'UTF8') END, ''::bytea
		ORDER BY i), 'UTF8')
	FROM regexp_matches(encoded, '%[0-9A-F]{2}|[^%]+', 'g') WITH ORDINALITY AS t (m, i)
$$;
-- a form body as name and value
CREATE FUNCTION pg_temp.form(body text)
RETURNS TABLE (name text, value text)
LANGUAGE sql AS $$
	SELECT pg_temp.plain(split_part(p, '=', 1)), pg_temp.plain(split_part(p, '=', 2))
	FROM string_to_table(body, '&') AS p
$$;
CREATE TEMPORARY TABLE built AS
SELECT c.kind, c.stream, c.basis, b.*
FROM (VALUES
	('list', 'orders', 'modified'), ('list', 'orders', 'created'), ('list', 'orders', 'arrival'),
	('list', 'after_sales', 'modified'), ('details', 'orders', 'modified'), ('details', 'after_sales', 'modified'),
	('whoami', 'orders', 'modified')
) AS c (kind, stream, basis),
	LATERAL ordersync_wire.build_call('top', 'https://eco.example/router/rest', '12345678', 'helloworld', 'hmac-sha256',
		'session-密', c.kind, c.stream, c.basis, 1604473173, 1604476800, 3, 100, true, 1347456243420006949,
		1604473173999) AS b;
CREATE TEMPORARY TABLE param AS
SELECT b.kind, b.stream, b.basis, f.name, f.value FROM built b, LATERAL pg_temp.form(b.body) AS f;

SELECT is(b.method, e.method, format('method of %s %s %s', e.kind, e.stream, e.basis))
FROM built b
JOIN (VALUES
	('list', 'orders', 'modified', 'taobao.trades.sold.increment.get'),
	('list', 'orders', 'created', 'taobao.trades.sold.get'),
	('list', 'orders', 'arrival', 'taobao.trades.sold.incrementv.get'),
	('list', 'after_sales', 'modified', 'taobao.refunds.receive.get'),
	('details', 'orders', 'modified', 'taobao.trade.fullinfo.get'),
	('details', 'after_sales', 'modified', 'taobao.refund.get'),
	('whoami', 'orders', 'modified', 'taobao.user.seller.get')
) AS e (kind, stream, basis, method) USING (kind, stream, basis);

SELECT is(
	(SELECT value FROM param p WHERE p.name = e.name AND kind = 'list' AND stream = e.stream AND basis = e.basis),
	e.value, format('%s of %s by %s', e.name, e.stream, e.basis))
FROM (VALUES
	('orders', 'modified', 'start_modified', '2020-11-04 14:59:33'), ('orders', 'modified', 'end_modified', '2020-11-04 16:00:00'),
	('orders', 'created', 'start_created', '2020-11-04 14:59:33'), ('orders', 'created', 'end_created', '2020-11-04 16:00:00'),
	('orders', 'arrival', 'start_create', '2020-11-04 14:59:33'), ('orders', 'arrival', 'end_create', '2020-11-04 16:00:00'),
	('after_sales', 'modified', 'start_modified', '2020-11-04 14:59:33'),
	('orders', 'arrival', 'fields', 'tid,modified,async_modified'),
	('orders', 'modified', 'page_no', '3'), ('orders', 'modified', 'page_size', '100'), ('orders', 'modified', 'use_has_next', 'true'),
	('orders', 'modified', 'timestamp', '2020-11-04 14:59:33'), ('orders', 'modified', 'session', 'session-密'),
	('orders', 'modified', 'format', 'json'), ('orders', 'modified', 'v', '2.0'), ('orders', 'modified', 'app_key', '12345678'),
	('orders', 'modified', 'sign_method', 'hmac-sha256'), ('orders', 'modified', 'simplify', NULL)
) AS e (stream, basis, name, value);

SELECT is((SELECT value FROM param WHERE kind = 'details' AND stream = 'orders' AND name = 'tid'), '1347456243420006949',
	'a 19-digit id is written exactly');
SELECT is((SELECT value FROM param WHERE kind = 'details' AND stream = 'after_sales' AND name = 'refund_id'), '1347456243420006949',
	'a refund is asked for by its own id');

-- what is signed is what is sent
SELECT is((SELECT count(*) FROM built b
	WHERE (SELECT value FROM pg_temp.form(b.body) WHERE name = 'sign') IS DISTINCT FROM
		(SELECT ordersync_wire.sign('hmac-sha256', 'helloworld', array_agg(name), array_agg(value))
		FROM pg_temp.form(b.body) WHERE name <> 'sign')),
	0::bigint, 'every signature holds over the parameters sent');
SELECT is((SELECT count(*) FROM built WHERE url <> 'https://eco.example/router/rest' OR error IS NOT NULL), 0::bigint,
	'nothing is added to the URL');

-- the default hides orders
SELECT is((SELECT count(*) FROM param WHERE name = 'type' AND kind = 'list'
	AND string_to_array(value, ',') @> ARRAY['fixed', 'auction', 'guarantee_trade', 'step', 'independent_simple_trade',
		'independent_shop_trade', 'auto_delivery', 'ec', 'cod', 'fenxiao', 'game_equipment', 'shopex_trade', 'netcn_trade',
		'external_trade', 'instant_trade', 'b2c_cod', 'hotel_trade', 'super_market_trade', 'super_market_cod_trade', 'taohua',
		'waimai', 'o2o_offlinetrade', 'nopaid', 'eticket', 'tmall_i18n', 'insurance_plus', 'finance', 'pre_auth_type', 'lazada']),
	4::bigint, 'every list names every type');
SELECT is(
	(SELECT array_agg(f ORDER BY f) FROM unnest(string_to_array(p.value, ',')) AS f WHERE f NOT LIKE '%.%'),
	(SELECT array_agg(f ORDER BY f) FROM unnest(ordersync.served_fields(e.source, e.object)) AS f
	WHERE f <> ALL (ARRAY['receiver_zip', 'receiver_town', 'acookie_id', 'alipay_id', 'buyer_alipay_no', 'buyer_email', 'seller_alipay_no', 'seller_mobile',
		'seller_phone', 'seller_name', 'seller_email', 'hk_en_name', 'hk_flight_no', 'hk_china_name', 'hk_card_code', 'hk_card_type', 'hk_flight_date',
		'hk_gender', 'hk_birthday', 'hk_pickup', 'hk_pickup_id', 'et_plate_number', 'eticket_service_addr', 'o2o_service_mobile', 'o2o_service_name',
		'o2o_service_town', 'o2o_service_address', 'o2o_guide_name', 'nr_shop_guide_name', 'donee_nick', 'donee_open_uid', 'address_details', 'address'])),
	'all that ' || e.source || ' serves of a ' || e.object || ' is asked for, but what is dropped and oaid does not need')
FROM (VALUES
	('list', 'orders', 'modified', 'increment', 'trade'), ('list', 'orders', 'created', 'list', 'trade'),
	('list', 'after_sales', 'modified', 'list', 'refund'), ('details', 'orders', 'modified', 'details', 'trade'),
	('details', 'after_sales', 'modified', 'details', 'refund')
) AS e (kind, stream, basis, source, object)
JOIN param p USING (kind, stream, basis)
WHERE p.name = 'fields';

-- a relay's base URL with parameters of its own
SELECT is(
	(SELECT value FROM pg_temp.form(b.body) WHERE name = 'sign'),
	(SELECT ordersync_wire.sign('md5', 'helloworld', array_agg(name) || ARRAY['token', 'to'], array_agg(value) || ARRAY['a b&c', '中'])
	FROM pg_temp.form(b.body) WHERE name <> 'sign'),
	'parameters of the base URL are signed with the rest')
FROM ordersync_wire.build_call('top', 'http://relay/rest?token=a+b%26c&to=%E4%B8%AD&empty=#x', '12345678', 'helloworld', 'md5', 'k',
	'whoami', 'orders', 'modified', 0, 0, 1, 1, false, 0, 0) AS b;
SELECT is(error, 'the platform has no list for this stream and basis', 'there is no list of after-sales by creation')
FROM ordersync_wire.build_call('top', 'http://x', 'a', 'b', 'md5', 'k', 'list', 'after_sales', 'created', 0, 0, 1, 1, false, 0, 0);
SELECT matches(error, 'unknown sign_method', 'a sign_method that is none')
FROM ordersync_wire.build_call('top', 'http://x', 'a', 'b', 'rot13', 'k', 'whoami', 'orders', 'modified', 0, 0, 1, 1, false, 0, 0);
SELECT is(
	(SELECT value FROM pg_temp.form(b.body) WHERE name = 'timestamp'), '2027-01-01 00:00:00', 'a year ends in Asia/Shanghai')
FROM ordersync_wire.build_call('top', 'http://x', 'a', 'b', 'md5', 'k', 'whoami', 'orders', 'modified', 0, 0, 1, 1, false, 0,
	1798732800000) AS b;

SELECT * FROM finish();
ROLLBACK;
