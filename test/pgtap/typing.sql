-- What people type and paste: white space around it is taken off and said, what cannot be meant is refused, and a slip
-- in the name of a shop that was never read is put right by typing it again.
BEGIN;
SELECT plan(95);
SET client_min_messages = error;
SELECT count(ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld')) AS made \gset

-- What a command said: the code, NULL when it was taken; the message of its error.
CREATE FUNCTION pg_temp.told(command text, OUT code text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;

-- blanks of every kind, taken off at both ends and nowhere else
SELECT is(ordersync.clean_typed('it', v, 20), 'a b', format('%L', v)) FROM (VALUES
	('a b'), (' a b'), (E'a b\r\n'), (E'\ta b\t'), (E'a b\u00A0'), (E'\u3000a b\u3000'), (E'\uFEFFa b'), (E'a b\u200B'), (E'\u2003 \r\na b\u2029')) t (v);
SELECT is(ordersync.clean_typed('it', NULL, 20), NULL, 'NULL stays');
SELECT is(ordersync.clean_typed('it', E' \r\n', 20), '', 'blanks alone are nothing');
SELECT throws_ok(format('SELECT ordersync.clean_typed(''it'', %L, 20)', v), '22023', NULL, format('refused: %L', v)) FROM (VALUES
	(E'a\nb'), (E'a\u200Bb'), (E'a\u0085b'), (E'a\x01b'), (repeat('a', 21)), (repeat('a', 100000)), (repeat(' ', 100000))) t (v);
SELECT is(ordersync.clean_typed('it', repeat(' ', 500) || repeat('店', 20), 20), repeat('店', 20), 'characters are counted, not bytes, and not what is taken off');

-- the gateway: name, URL, key, secret, proxy
SELECT lives_ok($$SELECT ordersync_add_gateway(E' relay\t', E' https://relay.example.com/x\r\n', E'23456789\n', E'\thelloworld2\r\n', options => '{"proxy": " http://proxy.example.com:3128 "}')$$, 'a gateway with blanks around everything');
SELECT results_eq($$SELECT name, base_url, app_key, options ->> 'proxy' FROM ordersync.gateways WHERE name ~ 'relay'$$,
	$$VALUES ('relay', 'https://relay.example.com/x', '23456789', 'http://proxy.example.com:3128')$$, 'is stored without them');
SELECT results_eq($$SELECT octet_length(sealed) FROM ordersync.secrets WHERE kind = 'app_secret' AND name = 'relay'$$,
	$$SELECT octet_length(sealed) + 1 FROM ordersync.secrets WHERE kind = 'app_secret' AND name = 'taobao'$$, 'its secret, too: it is one character longer than the other one');
SELECT lives_ok($$SELECT ordersync_set_gateway(' relay', '{"page_size": 50, "proxy": null}')$$, 'it is found by its name with a blank');
SELECT is(options, '{"page_size": 50}', 'and is the same gateway') FROM ordersync.gateways WHERE name = 'relay';
SELECT lives_ok($$SELECT ordersync_remove_gateway(E'relay\r\n')$$, 'and removed by it');

-- the shop: name, key, gateway
SELECT lives_ok($$SELECT ordersync_add_shop(12, '测试店铺8 ', E'session-12\r\n', 'taobao ')$$, 'a shop with blanks around everything');
SELECT lives_ok($$SELECT ordersync_add_shop(13, '测试店铺9', 'session-13')$$, 'and one without');
SELECT is(seller_nick || gateway, '测试店铺8taobao', 'is stored without them') FROM ordersync.shops WHERE shop_id = 12;
SELECT is((SELECT octet_length(sealed) FROM ordersync.secrets WHERE name = '12'), (SELECT octet_length(sealed) FROM ordersync.secrets WHERE name = '13'), 'its key, too');
SELECT lives_ok($$SELECT ordersync_set_data_key(12, E'\u3000session-12')$$, 'a new key with a blank of a Chinese keyboard');
SELECT is((SELECT octet_length(sealed) FROM ordersync.secrets WHERE name = '12'), (SELECT octet_length(sealed) FROM ordersync.secrets WHERE name = '13'), 'the same');

-- what no name and no key can be
SELECT is(t.code, '22023', 'refused: ' || left(c, 90)) FROM (VALUES
	($$SELECT ordersync_add_shop(14, E'测试\n店铺', 'session-14')$$),
	($$SELECT ordersync_add_shop(14, '测试店铺', 'session 14')$$),
	($$SELECT ordersync_add_shop(14, '测试店铺', E'session\r\n14')$$),
	($$SELECT ordersync_add_shop(14, E'\u3000', 'session-14')$$),
	($$SELECT ordersync_add_shop(14, '测试店铺', E'\r\n')$$),
	($$SELECT ordersync_add_shop(14, repeat('店', 65), 'session-14')$$),
	($$SELECT ordersync_add_shop(14, repeat('店', 100000), 'session-14')$$),
	($$SELECT ordersync_add_shop(14, '测试店铺', repeat('k', 100000))$$),
	($$SELECT ordersync_set_data_key(12, repeat('k', 1025))$$),
	($$SELECT ordersync_set_data_key(12, 'two words')$$),
	($$SELECT ordersync_add_gateway('b', 'https://gw.example.com/', '1', repeat('s', 100000))$$),
	($$SELECT ordersync_add_gateway('b', 'https://gw.example.com/', repeat('1', 100000), 's')$$),
	($$SELECT ordersync_add_gateway('b', 'https://gw.example.com/' || repeat('x', 2048), '1', 's')$$),
	($$SELECT ordersync_add_gateway('b', 'https://gw.exa mple.com/', '1', 's')$$),
	($$SELECT ordersync_add_gateway(repeat('b', 64), 'https://gw.example.com/', '1', 's')$$),
	($$SELECT ordersync_set_gateway('taobao', jsonb_build_object('proxy', 'http://proxy.example.com/' || repeat('x', 100000)))$$)) v (c), pg_temp.told(c) t;
SELECT lives_ok($$SELECT ordersync_add_shop(14, repeat('店', 64), repeat('k', 1024))$$, 'the longest that are taken');

-- a name may be put right until something was read
SELECT count(ordersync_trigger_full(13)) AS triggered \gset
UPDATE ordersync.shops SET key_state = 'wrong_seller', key_message = 'the data key belongs to "测试店铺10"' WHERE shop_id = 13;
SELECT lives_ok($$SELECT ordersync_add_shop(13, '测试店铺10', NULL)$$, 'a shop that was never read gets its right name, though a run waits');
SELECT results_eq('SELECT seller_nick, seller_nicks, user_id, key_state, key_message FROM ordersync.shops WHERE shop_id = 13',
	$$VALUES ('测试店铺10'::text, '{测试店铺10}'::text[], NULL::bigint, 'unchecked'::text, NULL::text)$$, 'and its key is checked against that');
SELECT is((SELECT count(*) FROM ordersync.secrets WHERE kind = 'data_key' AND name = '13'), 1::bigint, 'the key is still there');
UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = 13;
SELECT is(t.code, '55006', 'not while a run of a good key may begin under the old one') FROM pg_temp.told($$SELECT ordersync_add_shop(13, '测试店铺11', NULL)$$) t;
SELECT ok(t.hint ~ 'ordersync_cancel' AND t.hint !~ 'purge', 'which says how, and nothing of purge') FROM pg_temp.told($$SELECT ordersync_add_shop(13, '测试店铺11', NULL)$$) t;
SELECT count(ordersync_cancel(run_id)) AS cancelled FROM ordersync.sync_runs WHERE shop_id = 13 \gset
SELECT lives_ok($$SELECT ordersync_add_shop(13, '测试店铺11', NULL)$$, 'after that it may');
CREATE FUNCTION pg_temp.read_by(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_code text;
BEGIN
	EXECUTE command;
	SELECT t.code INTO v_code FROM pg_temp.told($c$SELECT ordersync_add_shop(13, '测试店铺12', NULL)$c$) t;
	RAISE EXCEPTION 'undo' USING DETAIL = v_code;
EXCEPTION WHEN raise_exception THEN
	GET STACKED DIAGNOSTICS v_code = PG_EXCEPTION_DETAIL;
	RETURN v_code;
END $$;
SELECT is(pg_temp.read_by(c), '42710', 'not any more after: ' || c) FROM (VALUES
	($$INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges) VALUES (13, 'orders', 'modified', '{[2026-09-01 00:00+08,2026-09-02 00:00+08)}')$$),
	($$INSERT INTO ordersync.quarantine (shop_id, stream, reason, body, digest) VALUES (13, 'orders', 'foreign_seller', '', '')$$)) v (c);

-- what a relay has escaped is the same seller
SELECT is(ordersync.main_nick(n), m, format('%s is %s''s', n, m)) FROM (VALUES
	('main', 'main'), ('main:sub', 'main'), ('main:sub:more', 'main'), (':sub', ''), ('H&amp;M:客服', 'H&M'), ('甲店&#58;客服', '甲店')) v (n, m);
SELECT is(ordersync.unescape(e), p, format('%s is %s', e, p)) FROM (VALUES
	('H&amp;M旗舰店', 'H&M旗舰店'), ('&lt;a&gt;', '<a>'), ('&quot;x&quot; &apos;y&apos;', '"x" ''y'''), ('&#27979;&#x8BD5;', '测试'),
	('a&#x1F600;b', U&'a\+01F600b'), ('H&M', 'H&M'), ('&amp;amp;', '&amp;'), ('&nbsp;&#;&#x;&#xD800;&#0;&#10;&#1114112;&#-5;&#38', '&nbsp;&#;&#x;&#xD800;&#0;&#10;&#1114112;&#-5;&#38')) v (e, p);
SELECT is(quarantine, want, format('records of "%s" at the shop of "%s"', said, stored)) FROM (VALUES
	('H&amp;M旗舰店', 'H&M旗舰店', NULL), ('H&M旗舰店', 'H&amp;M旗舰店', NULL), ('H&#38;M旗舰店:小二', 'H&M旗舰店', NULL),
	('H&amp;N旗舰店', 'H&M旗舰店', 'foreign_seller'), (repeat('&#x65D7;', 64), repeat('旗', 64), NULL)) v (said, stored, want),
	LATERAL (SELECT r.quarantine FROM ordersync.split_records(convert_to(json_build_array(json_build_object('tid', '1', 'modified', '2026-09-01 00:00:00', 'seller_nick', said))::text, 'UTF8'), 'orders', ARRAY[stored]) r) s;
SELECT lives_ok($$SELECT ordersync_add_shop(15, 'H&amp;M旗舰店', 'session-15')$$, 'a name copied from a page''s source');
SELECT is(seller_nick, 'H&M旗舰店', 'is the name') FROM ordersync.shops WHERE shop_id = 15;

SELECT count(ordersync_trigger_full(15)) AS triggered \gset
SELECT count(*) AS claimed FROM ordersync.claim('nobody', 10, 10) \gset
SELECT is(ordersync.settle_key(t.task_id, t.token, ordersync.data_key_seal(15), 'answered', 77, 'H&amp;M旗舰店:小二', NULL, NULL), 'ok', 'a data key of the seller as a relay names it') FROM ordersync.sync_tasks t WHERE t.shop_id = 15 AND t.state = 'running';
SELECT is(seller_nicks, '{H&M旗舰店}', 'is no other name') FROM ordersync.shops WHERE shop_id = 15;

-- added fields: names that everybody can type
SELECT is(t.code, c, format('"%s" as a column: %s', left(n, 30), COALESCE(c, 'taken'))) FROM (VALUES
	('Area', '42602'), ('my area', '42602'), ('1st', '42602'), ('a"b', '42602'), ('a-b', '42602'), ('', '42602'), (repeat('a', 64), '22023'),
	(E'a\u3000b', '42602'), (E'\u00A0', '42602'), ('select', '42939'), ('user', '42939'), ('values', '42939'),
	(' area ', NULL), ('地区', NULL), ('_a1', NULL)) v (n, c),
	LATERAL pg_temp.told(format('SELECT ordersync_add_field(''orders'', %L, ''buyer_area'', ''text'')', n)) t;
SELECT is((SELECT array_agg(name ORDER BY name COLLATE "C") FROM ordersync.added_fields), ARRAY['_a1', 'area', '地区'], 'those that were taken, as they are typed');

SELECT * FROM finish();
ROLLBACK;
