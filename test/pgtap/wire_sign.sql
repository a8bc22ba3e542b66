-- Signatures: the platform's own vector, and what the canonical form leaves out.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(14);

-- the documentation's example; the two HMAC forms were computed with two independent tools
CREATE TEMPORARY TABLE vector (names text[], vals text[]);
INSERT INTO vector VALUES (
	ARRAY['app_key', 'fields', 'format', 'method', 'num_iid', 'session', 'timestamp', 'v', 'sign_method'],
	ARRAY['12345678', 'num_iid,title,nick,price,num', 'json', 'taobao.item.seller.get', '11223344', 'test', '2016-01-01 12:00:00', '2.0']
);

SELECT is(ordersync_wire.sign(m.name, 'helloworld', v.names, v.vals || m.name), m.expected, 'known answer: ' || m.name)
FROM vector v,
	(VALUES
		('md5', '66987CB115214E59E6EC978214934FB8'),
		('hmac', 'D56D7858309C31B6251083A874D48273'),
		('hmac-sha256', '04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8')
	) AS m (name, expected);

SELECT is(ordersync_wire.sign(m, 'helloworld', v.names || ARRAY['sign', 'empty', ''], v.vals || ARRAY[m, 'X', '', 'Y']),
	ordersync_wire.sign(m, 'helloworld', v.names, v.vals || m),
	m || ': sign itself, empty values and empty names are left out')
FROM vector v, unnest(ARRAY['md5', 'hmac', 'hmac-sha256']) AS m;

SELECT is(ordersync_wire.sign('hmac-sha256', 's', ARRAY['a', 'b', 'ab'], ARRAY['1', '2', '3']),
	ordersync_wire.sign('hmac-sha256', 's', ARRAY['b', 'ab', 'a'], ARRAY['2', '3', '1']),
	'the order of the parameters does not matter');
-- PostgreSQL computes the same from the canonical text
SELECT is(ordersync_wire.sign('md5', 's', ARRAY['b', 'a_b', 'aB', 'a'], ARRAY['2', '4', '3', '中文 &=']),
	upper(md5('s' || 'a中文 &=' || 'aB3' || 'a_b4' || 'b2' || 's')), 'byte order, raw UTF-8, nothing encoded');
SELECT is(ordersync_wire.sign('md5', 's', '{}', '{}'), upper(md5('ss')), 'no parameters at all');
SELECT is(length(ordersync_wire.sign('hmac-sha256', 's', '{}', '{}')), 64, 'hmac-sha256 has 64 digits');

SELECT throws_ok($$SELECT ordersync_wire.sign('md4', 's', '{a}', '{b}')$$, '22023', 'could not sign', 'an unknown sign_method');
SELECT throws_ok($$SELECT ordersync_wire.sign('', 's', '{a}', '{b}')$$, '22023', 'could not sign', 'an empty sign_method');
SELECT throws_ok($$SELECT ordersync_wire.sign('md5', 's', '{a,b}', '{b}')$$, '22023', NULL, 'names and values must pair');
SELECT throws_ok($$SELECT ordersync_wire.sign('md5', 's', '{a,NULL}', '{b,c}')$$, '22004', NULL, 'a name must not be NULL');

SELECT * FROM finish();
ROLLBACK;
