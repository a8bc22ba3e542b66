-- Protocol relay: requests in each form that an option can ask for, and what each answer comes to.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(86);

-- 2020-11-04 14:59:33 to 16:00:00 Asia/Shanghai, page 3 of 100
CREATE FUNCTION pg_temp.built(relay text, kind text, stream text, basis text, base_url text DEFAULT 'https://relay.example/api', sign_method text DEFAULT 'md5')
RETURNS TABLE (method text, url text, body text, error text, content_type text, headers text[])
LANGUAGE sql AS $$
	SELECT b.method, b.url, b.body, b.error, b.content_type, b.headers
	FROM ordersync_wire.build_call('relay', base_url, '12345678', 'helloworld', sign_method, 'key-密', kind, stream, basis,
		1604473173, 1604476800, 3, 100, true, 1347456243420006949, 1604473173999, '{}', '{}', relay) b
$$;
-- without fields and types, which are protocol top's own and long
CREATE FUNCTION pg_temp.short(options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('relay', options || jsonb_build_object('parameters',
		'{"fields": null, "type": null}'::jsonb || COALESCE(options -> 'parameters', '{}')))::text
$$;

-- each operation has its path; the rest is the platform's, but for the key
SELECT is((SELECT concat_ws(' ', b.method, b.url) FROM pg_temp.built('{}', e.kind, e.stream, e.basis) b), e.path || ' https://relay.example/api' || e.path, e.path)
FROM (VALUES ('list', 'orders', 'modified', '/OrderIncrement'), ('list', 'orders', 'created', '/GetOrder1'),
	('details', 'orders', 'modified', '/GetOrderInfo'), ('list', 'after_sales', 'modified', '/OrderRefundsGet')) AS e (kind, stream, basis, path);
SELECT is((SELECT b.body FROM pg_temp.built(pg_temp.short(), e.kind, e.stream, e.basis) b), 'DataKey=key-%E5%AF%86&' || e.body, format('%s of %s by %s', e.kind, e.stream, e.basis))
FROM (VALUES
	('list', 'orders', 'modified', 'start_modified=2020-11-04%2014%3A59%3A33&end_modified=2020-11-04%2016%3A00%3A00&page_no=3&page_size=100&use_has_next=true'),
	('list', 'orders', 'created', 'start_created=2020-11-04%2014%3A59%3A33&end_created=2020-11-04%2016%3A00%3A00&page_no=3&page_size=100&use_has_next=true'),
	('list', 'after_sales', 'modified', 'start_modified=2020-11-04%2014%3A59%3A33&end_modified=2020-11-04%2016%3A00%3A00&page_no=3&page_size=100&use_has_next=true'),
	('details', 'orders', 'modified', 'tid=1347456243420006949')
) AS e (kind, stream, basis, body);
SELECT matches((SELECT body FROM pg_temp.built('{}', 'list', 'orders', 'modified')), '&fields=tid%2C.*&type=fixed%2C', 'fields and types are asked for as by top');
SELECT is((SELECT row(content_type, headers)::text FROM pg_temp.built('{}', 'list', 'orders', 'modified')), '(application/x-www-form-urlencoded;charset=UTF-8,{})', 'a form');
SELECT is((SELECT error FROM pg_temp.built('{}', e.kind, e.stream, e.basis)), 'the gateway''s option "relay" has no path for this call', format('no path: %s of %s by %s', e.kind, e.stream, e.basis))
FROM (VALUES ('whoami', 'orders', 'modified'), ('list', 'orders', 'arrival'), ('list', 'special_refunds', 'modified'), ('details', 'after_sales', 'modified'),
	('refunds_of_order', 'after_sales', 'modified'), ('list', 'after_sales', 'created')) AS e (kind, stream, basis);

-- names, constants, headers, forms of values
SELECT is((SELECT body FROM pg_temp.built(pg_temp.short('{"parameters": {"credential": "session", "start_modified": "StartTime", "end_modified": "EndTime", "page_no": "PageIndex", "page_size": null, "use_has_next": null}, "constants": {"v": "1 0"}}'), 'list', 'orders', 'modified')),
	'session=key-%E5%AF%86&v=1%200&StartTime=2020-11-04%2014%3A59%3A33&EndTime=2020-11-04%2016%3A00%3A00&PageIndex=3', 'names of the relay''s own, some not sent, one more');
SELECT is((SELECT body FROM pg_temp.built(pg_temp.short('{"parameters": {"start_modified": "a", "refunds": {"start_modified": "b", "end_modified": "c"}}}'), 'list', e.stream, 'modified')),
	'DataKey=key-%E5%AF%86&' || e.names || '&page_no=3&page_size=100&use_has_next=true', 'names of one operation: ' || e.stream)
FROM (VALUES ('orders', 'a=2020-11-04%2014%3A59%3A33&end_modified=2020-11-04%2016%3A00%3A00'), ('after_sales', 'b=2020-11-04%2014%3A59%3A33&c=2020-11-04%2016%3A00%3A00')) AS e (stream, names);
SELECT is((SELECT row(body, content_type)::text FROM pg_temp.built(pg_temp.short('{"body": "json"}'), 'list', 'orders', 'modified')),
	row('{"DataKey":"key-密","start_modified":"2020-11-04 14:59:33","end_modified":"2020-11-04 16:00:00","page_no":3,"page_size":100,"use_has_next":true}', 'application/json;charset=UTF-8')::text, 'JSON');
SELECT is((SELECT body FROM pg_temp.built(pg_temp.short('{"body": "json"}'), 'details', 'orders', 'modified')), '{"DataKey":"key-密","tid":"1347456243420006949"}', 'an id is a string');
SELECT is((SELECT body FROM pg_temp.built(pg_temp.short(jsonb_build_object('body', 'json', 'times', e.times)), 'list', 'orders', 'created')),
	format('{"DataKey":"key-密","start_created":%s,"end_created":%s,"page_no":3,"page_size":100,"use_has_next":true}', e.since, e.until), 'times: ' || e.times)
FROM (VALUES ('epoch', '1604473173', '1604476800'), ('epoch_ms', '1604473173000', '1604476800000')) AS e (times, since, until);
SELECT is((SELECT headers FROM pg_temp.built('{"relay": {"headers": {"X-App": "orders", "X-Note": "say \"a\\b\""}}}', 'list', 'orders', 'modified')), '{"X-App: orders","X-Note: say \"a\\b\""}'::text[], 'headers');
SELECT is((SELECT url FROM pg_temp.built('{"relay": {"paths": {"list": "/v2/orders"}}}', 'list', 'orders', 'created', e.base)), e.url, 'behind ' || e.base)
FROM (VALUES ('http://relay:8080', 'http://relay:8080/v2/orders'), ('http://relay/api/', 'http://relay/api/v2/orders'), ('http://relay/api?token=a%20b', 'http://relay/api/v2/orders?token=a%20b')) AS e (base, url);

-- one order's after-sales, and what else a map may have
SELECT is((SELECT row(method, body)::text FROM pg_temp.built(pg_temp.short('{"after_sales": "order"}'), 'refunds_of_order', 'after_sales', 'modified')),
	row('/OrderRefundsGet', 'DataKey=key-%E5%AF%86&tid=1347456243420006949&page_no=1&page_size=100&use_has_next=false')::text, 'the after-sales of an order');
SELECT is((SELECT error IS NULL FROM pg_temp.built('{"relay": {"after_sales": "order"}}', 'list', 'after_sales', 'modified')), false, 'by order there is no list of them');
SELECT is((SELECT row(method, body)::text FROM pg_temp.built(pg_temp.short('{"paths": {"refund": "/R", "arrival": "/A"}}'), 'details', 'after_sales', 'modified')),
	row('/R', 'DataKey=key-%E5%AF%86&refund_id=1347456243420006949')::text, 'one after-sale');
SELECT is((SELECT body FROM pg_temp.built(pg_temp.short('{"paths": {"refund": "/R", "arrival": "/A"}}'), 'list', 'orders', 'arrival')),
	'DataKey=key-%E5%AF%86&start_create=2020-11-04%2014%3A59%3A33&end_create=2020-11-04%2016%3A00%3A00&page_no=3&page_size=100&use_has_next=true', 'the list of arrivals');

-- signed: the canonical form by hand, the digest by the server's own md5
SELECT is((SELECT body FROM pg_temp.built(pg_temp.short('{"signature": {}, "constants": {"v": "2"}, "times": "epoch"}'), 'details', 'orders', 'modified')),
	'DataKey=key-%E5%AF%86&v=2&tid=1347456243420006949&app_key=12345678&timestamp=2020-11-04%2014%3A59%3A33&sign_method=md5&sign='
	|| upper(md5('helloworld' || 'DataKeykey-密' || 'app_key12345678' || 'sign_methodmd5' || 'tid1347456243420006949' || 'timestamp2020-11-04 14:59:33' || 'v2' || 'helloworld')),
	'signed as by top, over all parameters');
SELECT is((SELECT body FROM pg_temp.built(pg_temp.short('{"body": "json", "signature": {"app_key": "appid", "timestamp": null, "sign_method": null, "sign": "s"}}'), 'details', 'orders', 'modified', 'http://relay/?t=1')),
	'{"DataKey":"key-密","tid":"1347456243420006949","appid":"12345678","s":"'
	|| upper(md5('helloworld' || 'DataKeykey-密' || 'appid12345678' || 't1' || 'tid1347456243420006949' || 'helloworld')) || '"}', 'with names of its own, in JSON, with what the URL carries');
SELECT is((SELECT error FROM pg_temp.built(pg_temp.short('{"signature": {}}'), 'details', 'orders', 'modified', 'http://relay', 'rot13')), 'unknown sign_method; known are md5, hmac and hmac-sha256', 'an unknown method');

-- answers
CREATE FUNCTION pg_temp.answer(options jsonb, body text, kind text DEFAULT 'list', stream text DEFAULT 'orders', status integer DEFAULT 200)
RETURNS text LANGUAGE sql AS $$
	SELECT c.verdict || CASE c.verdict WHEN 'ok' THEN concat_ws(' ', '', 'total ' || c.total, CASE c.has_next WHEN true THEN 'more' WHEN false THEN 'no more' END, convert_from(c.list, 'UTF8')) ELSE ' ' || c.class END
	FROM ordersync_wire.classify(kind, stream, 'modified', status, convert_to(body, 'UTF8'), protocol => 'relay', options => jsonb_build_object('relay', options)::text) c
$$;
CREATE FUNCTION pg_temp.message(options jsonb, body text, status integer DEFAULT 200, session text DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' | ', c.message, c.code, c.msg, c.ban_ms)
	FROM ordersync_wire.classify('list', 'orders', 'modified', status, convert_to(body, 'UTF8'), session => session, protocol => 'relay', options => jsonb_build_object('relay', options)::text) c
$$;
-- bare, in the platform's forms
SELECT is(pg_temp.answer('{}', e.body), e.expected, 'bare: ' || e.body)
FROM (VALUES
	('{"trades_sold_increment_get_response":{"total_results":2,"trades":{"trade":[{"tid":1},{"tid":2}]}}}', 'ok total 2 [{"tid":1},{"tid":2}]'),
	('{"total_results":1,"has_next":false,"trades":[{"tid":1}]}', 'ok total 1 no more [{"tid":1}]'),
	('{"total_results":0}', 'ok total 0'),
	('{"error_response":{"code":27,"msg":"Invalid session","sub_code":"invalid-sessionkey"}}', 'unauthorized session'),
	('{"code":0,"data":[]}', 'malformed malformed'),
	('', 'malformed malformed'), ('<html>', 'malformed malformed')
) AS e (body, expected);
-- enveloped
SELECT is(pg_temp.answer('{"envelope": {}}', e.body), e.expected, 'enveloped: ' || e.body)
FROM (VALUES
	('{"code":0,"message":"","data":{"trades_sold_increment_get_response":{"total_results":1,"trades":{"trade":[{"tid":1}]}}}}', 'ok total 1 [{"tid":1}]'),
	('{"code":"200","data":{"total_results":1,"trades":[{"tid":1}]}}', 'ok total 1 [{"tid":1}]'),
	('{"code":0,"data":"{\"total_results\":1,\"trades\":[{\"tid\":1,\"title\":\"\\u4e2d \\\"x\\\"\"}]}"}', 'ok total 1 [{"tid":1,"title":"\u4e2d \"x\""}]'),
	('{"code":0,"data":{"error_response":{"code":7,"sub_msg":"This ban will last for 5 more seconds"}}}', 'throttled throttled'),
	('{"code":500,"data":{"error_response":{"code":27,"sub_code":"invalid-sessionkey"}}}', 'unauthorized session'),
	('{"code":500,"message":"busy"}', 'retry platform'),
	('{"code":0,"data":null}', 'malformed malformed'), ('{"code":0,"data":{"shops":[]}}', 'malformed malformed'),
	('{"data":{"total_results":1,"trades":[{"tid":1}]}}', 'malformed malformed'),
	('{"error_response":{"code":11,"msg":"Insufficient permissions"}}', 'rejected permission'), ('{"code":0', 'malformed malformed')
) AS e (body, expected);
SELECT is(pg_temp.answer('{"envelope": {"code": "result.status", "message": "result.text", "data": null, "ok": [true]}}', '{"result":{"status":' || e.status || ',"text":"t"},"total_results":1,"trades":[{"tid":1}]}'), e.expected, 'code in depth, data beside it: ' || e.status)
FROM (VALUES ('true', 'ok total 1 [{"tid":1}]'), ('"true"', 'ok total 1 [{"tid":1}]'), ('false', 'retry platform')) AS e (status, expected);
-- codes
SELECT is(pg_temp.answer('{"envelope": {}, "codes": {"throttled": [429], "unauthorized": ["E401"], "retry": [1], "not_found": [404], "permission": ["no"]}}', format('{"code":%s,"message":"m"}', e.code)), e.expected, 'code ' || e.code)
FROM (VALUES ('429', 'throttled throttled'), ('"429"', 'throttled throttled'), ('"E401"', 'unauthorized session'), ('1', 'retry platform'), ('404', 'rejected not_found'), ('"no"', 'rejected permission'), ('2', 'retry platform')) AS e (code, expected);
SELECT is(pg_temp.answer('{"codes": {"unauthorized": [401], "retry": [500]}}', '', status => e.status), e.expected, 'HTTP status ' || e.status)
FROM (VALUES (401, 'unauthorized session'), (503, 'retry http'), (500, 'retry http'), (429, 'throttled throttled')) AS e (status, expected);
SELECT is(pg_temp.answer('{"envelope": {}}', '<html>', status => 502), 'retry http', 'a status without an envelope');
SELECT is(pg_temp.message('{"envelope": {}, "codes": {"throttled": [9]}}', '{"code":9,"message":"wait: ban will last for 4 more seconds"}'),
	'wait: ban will last for 4 more seconds (the gateway''s code 9) | 9 | wait: ban will last for 4 more seconds | 5000', 'the words say for how long');
SELECT is(pg_temp.message('{"envelope": {}}', '{"code":"x","message":"bad key abcdef"}', session => 'abcdef'), 'bad key ****** (the gateway''s code x) | 0 | bad key ****** | 0', 'no key in any words');
SELECT is(pg_temp.message('{"headers": {"X-T": "header-value"}, "envelope": {}}', '{"code":1,"message":"you sent header-value"}'), 'you sent ************ (the gateway''s code 1) | 1 | you sent ************ | 0', 'nor a header''s value');
-- places of its own
SELECT is(pg_temp.answer('{"envelope": {}, "records": {"trades": "list", "refunds": "", "trade": "order", "total_results": "page.total", "has_next": "page.more"}}', format('{"code":0,"data":%s}', e.data), e.kind, e.stream), e.expected, format('%s of %s: %s', e.kind, e.stream, e.data))
FROM (VALUES
	('list', 'orders', '{"list":[{"tid":1}],"page":{"total":7,"more":true}}', 'ok total 7 more [{"tid":1}]'),
	('list', 'orders', '{"list":[],"page":{"total":"0","more":"false"}}', 'ok total 0 no more'),
	('list', 'orders', '{"trades":[{"tid":1}],"total_results":1}', 'malformed malformed'),
	('list', 'orders', '{"list":3}', 'malformed malformed'),
	('list', 'after_sales', '[{"refund_id":1}]', 'ok [{"refund_id":1}]'),
	('list', 'after_sales', '[]', 'ok'), ('list', 'after_sales', 'null', 'ok'),
	('details', 'orders', '{"order":{"tid":1}}', 'ok {"tid":1}'),
	('details', 'orders', '{"order":null}', 'malformed malformed'),
	('refunds_of_order', 'after_sales', '[{"refund_id":1},{"refund_id":2}]', 'ok [{"refund_id":1},{"refund_id":2}]')
) AS e (kind, stream, data, expected);
SELECT is(pg_temp.answer('{"totals": false, "has_next": false}', '{"total_results":3,"has_next":true,"trades":[{"tid":1}]}'), 'ok [{"tid":1}]', 'what the map says is not given is not believed');
SELECT is((SELECT row(verdict, class)::text FROM ordersync_wire.classify('list', 'orders', 'modified', 0, NULL, net_error => 'refused', protocol => 'relay')), '(retry,network)', 'no answer at all');

-- cut off anywhere, it is no answer; with a byte put in anywhere nothing breaks
CREATE TEMP TABLE whole (form text, options text, body bytea);
INSERT INTO whole VALUES
	('an object', '{"relay": {"envelope": {}}}', convert_to('{"code":0,"message":"ok","data":{"total_results":1,"trades":{"trade":[{"tid":1}]}}}', 'UTF8')),
	('a text', '{"relay": {"envelope": {}, "records": {"trades": "a.b", "total_results": "n"}}}', convert_to('{"data":"{\"a\":{\"b\":[{\"tid\":1}]},\"n\":1}","code":"200"}', 'UTF8'));
SELECT is((SELECT string_agg(DISTINCT c.verdict, ' ') FROM generate_series(0, length(w.body) - 1) n,
	ordersync_wire.classify('list', 'orders', 'modified', 200, substr(w.body, 1, n), protocol => 'relay', options => w.options) c), 'malformed', 'cut off: ' || w.form) FROM whole w;
SELECT is((SELECT count(c.verdict) FROM generate_series(0, length(w.body) - 1) n, unnest('{\\x00,\\x22,\\x5c,\\x7b,\\x7d,\\xff}'::bytea[]) b (x),
	ordersync_wire.classify('list', 'orders', 'modified', 200, overlay(w.body PLACING b.x FROM n + 1), protocol => 'relay', options => w.options) c), 6 * length(w.body)::bigint, 'broken: ' || w.form) FROM whole w;

SELECT * FROM finish();
ROLLBACK;
