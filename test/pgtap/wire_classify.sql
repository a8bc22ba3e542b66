-- Verdicts: every sample, every form of an empty list, every error, and what is no answer at all.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(191);
\ir ../fixtures/wire_samples.sql

CREATE TEMPORARY TABLE verdict AS
SELECT s.name, c.*
FROM wire_sample s, LATERAL ordersync_wire.classify(s.kind, s.stream, s.basis, 200, s.body) AS c;

SELECT is(v.verdict, 'ok', 'good: ' || v.name) FROM verdict v WHERE v.name NOT LIKE 'error%' ORDER BY v.name;
SELECT is(v.list, NULL, 'no list: ' || v.name) FROM verdict v WHERE v.name LIKE 'empty%' ORDER BY v.name;
SELECT is(
	(SELECT row(v.total, v.has_next, v.request_id, jsonb_typeof(convert_from(v.list, 'UTF8')::jsonb),
		CASE jsonb_typeof(convert_from(v.list, 'UTF8')::jsonb) WHEN 'array' THEN
			jsonb_array_length(convert_from(v.list, 'UTF8')::jsonb) END)::text),
	e.expected, 'what it says: ' || e.name)
FROM (VALUES
	('orders by creation, 2016', '(43,,118g8gffrwskl,array,1)'),
	('orders by creation, ids only', '(11,,s7ezljq8tz3j,array,3)'),
	('orders by creation, every documented field', '(100,t,,array,1)'),
	('refunds, 2016', '(608,,118g8ggcuahwt,array,2)'),
	('one whole order, 2014', '(,,,object,)'),
	('page with has_next', '(,t,derived5,array,1)'),
	('compact form', '(1,,derived6,array,1)'),
	('single object', '(1,,derived7,object,)'),
	('empty: no list, total', '(0,,derived1,,)'),
	('empty: no list, has_next', '(,f,derived2,,)'),
	('empty: count as text', '(0,,,,)'),
	('refund, one whole', '(,,own5,object,)')
) AS e (name, expected)
JOIN verdict v USING (name);
SELECT is(row(v.nick, v.user_id)::text, e.expected, v.name)
FROM (VALUES
	('whose key', '(测试旗舰店,2088100000001234567)'), ('whose key, a sub-account, compact', '(测试旗舰店:客服一,77)')
) AS e (name, expected)
JOIN verdict v USING (name);

-- the errors that were seen
SELECT is(row(v.verdict, v.class, v.code, v.ban_ms)::text, e.expected, v.name)
FROM (VALUES
	('error: code7 api limit', '(throttled,throttled,7,2000)'),
	('error: code7 app api limit as XML', '(throttled,throttled,7,3000)'),
	('error: code7 app daily limit', '(throttled,quota,7,31063000)'),
	('error: code11 permission', '(rejected,permission,11,0)'),
	('error: code15 isp timeout', '(retry,platform,15,0)'),
	('error: code15 isv business', '(throttled,throttled,15,0)'),
	('error: code15 numeric subcode', '(retry,platform,15,0)'),
	('error: code25 sign', '(rejected,signature,25,0)'),
	('error: code27 expired', '(unauthorized,session,27,0)'),
	('error: code27 invalid', '(unauthorized,session,27,0)'),
	('error: code530 isv missing', '(rejected,parameters,530,0)'),
	('error: compact form', '(unauthorized,session,27,0)')
) AS e (name, expected)
JOIN verdict v USING (name);
SELECT is(v.request_id, 'ze1z2cy8hpd1', 'an error''s request_id') FROM verdict v WHERE v.name = 'error: code27 expired';
SELECT is(v.sub_code, '2401', 'a sub code that is a number') FROM verdict v WHERE v.name = 'error: code15 numeric subcode';
SELECT is(v.message, 'Remote service error (code 15, 2401): 资源不存在', 'the message says it all')
FROM verdict v WHERE v.name = 'error: code15 numeric subcode';

-- the table of codes
CREATE FUNCTION pg_temp.error_of(code text, sub text, words text DEFAULT NULL)
RETURNS text
LANGUAGE sql AS $$
	SELECT c.verdict || ' ' || c.class || CASE WHEN c.shrink THEN ' shrink' ELSE '' END
	FROM ordersync_wire.classify('list', 'orders', 'modified', 200, convert_to(
		json_build_object('error_response', json_strip_nulls(json_build_object('code', code, 'msg', 'm', 'sub_code', sub,
			'sub_msg', words)))::text, 'UTF8')) AS c
$$;
SELECT is(pg_temp.error_of(e.code::text, NULL), e.expected, 'code ' || e.code)
FROM (VALUES
	(3, 'rejected platform'), (4, 'throttled throttled'), (5, 'throttled throttled'), (6, 'throttled throttled'),
	(7, 'throttled throttled'), (8, 'throttled throttled'), (9, 'rejected parameters'), (10, 'retry platform'),
	(11, 'rejected permission'), (12, 'rejected permission'), (13, 'rejected permission'), (15, 'retry platform'),
	(21, 'rejected parameters'), (22, 'rejected permission'), (23, 'rejected parameters'), (24, 'rejected signature'),
	(25, 'rejected signature'), (26, 'unauthorized session'), (27, 'unauthorized session'), (28, 'rejected signature'),
	(29, 'rejected signature'), (30, 'retry clock'), (31, 'retry clock'), (32, 'rejected parameters'),
	(33, 'rejected parameters'), (34, 'rejected parameters'), (40, 'rejected parameters'), (41, 'rejected parameters'),
	(42, 'rejected parameters'), (43, 'rejected parameters'), (44, 'unauthorized session'), (50, 'retry platform'),
	(520, 'retry platform'), (562, 'rejected not_found'), (999999, 'retry platform')
) AS e (code, expected);
SELECT is(pg_temp.error_of(e.code::text, e.sub, e.words), e.expected, format('code %s, %s %s', e.code, e.sub, e.words))
FROM (VALUES
	(15, 'isp.top-remote-service-unavailable', NULL, 'retry platform'),
	(50, 'isp.unknown-error', NULL, 'retry platform'),
	(520, 'isp.null-pointer-exception', NULL, 'retry platform'),
	(41, 'isp.system-busy', NULL, 'retry platform'),
	(15, 'isp.call-limited', NULL, 'retry platform'),
	(15, 'isp.remote-service-timeout', NULL, 'retry timeout shrink'),
	(15, 'isp.top-remote-connection-timeout-tmall', NULL, 'retry timeout shrink'),
	(15, 'isp.runtime-max-limit', NULL, 'retry platform shrink'),
	(15, 'isv.trade-not-exist', NULL, 'rejected not_found'),
	(50, 'isv.trade-not-exist:invalid-tid', NULL, 'rejected not_found'),
	(15, 'isv.permission-ip-whitelist-limit', NULL, 'rejected permission'),
	(15, 'isv.invalid-parameter:fields', NULL, 'rejected parameters'),
	(15, 'isv.some-business-rule', NULL, 'rejected platform'),
	(15, 'isv.some-business-rule', '系统繁忙，请稍后', 'retry platform'),
	(560, NULL, '系统错误，请稍后再试', 'retry platform'),
	(11, 'isv.permission-api-package-limit', '系统繁忙', 'rejected permission'),
	(15, 'session-expired', NULL, 'unauthorized session'),
	(15, 'session-not-exist', NULL, 'unauthorized session'),
	(15, 'sessionkey-not-generated-by-server:5', NULL, 'unauthorized session'),
	(530, 'isv.r2-security-authorize-invalid', NULL, 'unauthorized session'),
	(15, 'accesscontrol.limited-by-dynamic-access-count', 'This ban will last for 1 more seconds', 'throttled throttled'),
	(NULL, 'accesscontrol.limited-by-app-access-count', NULL, 'throttled quota'),
	(NULL, 'isp.x', NULL, 'retry platform'),
	(NULL, NULL, NULL, 'retry platform')
) AS e (code, sub, words, expected);
SELECT is(pg_temp.error_of('7', 'isp.call-limited'), 'throttled throttled', 'code 7 is a limit, whatever its sub code');
SELECT is(pg_temp.error_of('not a number', NULL), 'retry platform', 'a code that is no number');

CREATE FUNCTION pg_temp.answer(body text, kind text DEFAULT 'list', status integer DEFAULT 200)
RETURNS text
LANGUAGE sql AS $$
	SELECT concat_ws(' ', c.verdict, c.class)
	FROM ordersync_wire.classify(kind, 'orders', 'modified', status, convert_to(body, 'UTF8')) AS c
$$;
SELECT is(c.ban_ms, e.ban_ms, 'ban: ' || e.words)
FROM (VALUES
	('This ban will last for 0 more seconds', 1000::bigint), ('This ban will last for 60 more seconds', 61000),
	('This ban will last for 86400 more seconds', 86401000), ('This ban will last for 86401 more seconds', 601000),
	('This ban will last for 99999999999999999999 more seconds', 601000), ('This ban will last for ever', 0), ('', 0)
) AS e (words, ban_ms),
	LATERAL ordersync_wire.classify('list', 'orders', 'modified', 200,
		convert_to(json_build_object('error_response', json_build_object('code', 7, 'sub_msg', e.words))::text, 'UTF8')) AS c;

-- no answer, and answers that contradict themselves, are never taken for an empty page
SELECT is(pg_temp.answer(e.body), 'malformed malformed', 'malformed: ' || e.why)
FROM (VALUES
	('empty body', ''), ('white space', E' \n'), ('a number', '1'), ('an array', '[]'), ('a word', 'null'), ('plain words', 'OK'),
	('an empty object', '{}'), ('another call''s root', '{"trades_sold_get_response":{"total_results":0}}'),
	('a root that is no object', '{"trades_sold_increment_get_response":null}'),
	('neither list nor count', '{"trades_sold_increment_get_response":{"request_id":"x"}}'),
	('more announced, no list', '{"trades_sold_increment_get_response":{"has_next":true}}'),
	('more announced, empty object', '{"trades_sold_increment_get_response":{"has_next":true,"trades":{}}}'),
	('a negative count', '{"trades_sold_increment_get_response":{"total_results":-1}}'),
	('a count that is none', '{"trades_sold_increment_get_response":{"total_results":"many","trades":{"trade":[{"tid":1}]}}}'),
	('has_next that is none', '{"trades_sold_increment_get_response":{"has_next":"perhaps","trades":{"trade":[{"tid":1}]}}}'),
	('a list of text', '{"trades_sold_increment_get_response":{"total_results":0,"trades":"none"}}'),
	('an inner list of text', '{"trades_sold_increment_get_response":{"total_results":0,"trades":{"trade":"none"}}}'),
	('an unknown wrapper', '{"trades_sold_increment_get_response":{"total_results":1,"trades":{"items":[{"tid":1}]}}}'),
	('cut off in the list', '{"trades_sold_increment_get_response":{"total_results":2,"trades":{"trade":[{"tid":1},{"ti'),
	('cut off after the list', '{"trades_sold_increment_get_response":{"total_results":1,"trades":{"trade":[{"tid":1}]}'),
	('something after the end', '{"trades_sold_increment_get_response":{"total_results":0}}{"x":1}'),
	('a proxy''s page', '<html><head><title>Welcome</title></head><body>login</body></html>'),
	('XML that is no error', '<?xml version="1.0"?><trades_sold_increment_get_response><total_results>0</total_results></trades_sold_increment_get_response>'),
	('an error cut off', '{"error_response":{"code":7,"msg":"App Call Lim')
) AS e (why, body);
-- a count alone is no contradiction: the walk asks again, and never takes it for whole
SELECT is(row(c.verdict, c.total, c.list)::text, format('(ok,%s,)', e.total), 'a count above no record: ' || e.why)
FROM (VALUES
	('no list', '{"trades_sold_increment_get_response":{"total_results":3,"request_id":"x"}}', '3'),
	('empty list', '{"trades_sold_increment_get_response":{"total_results":"3","trades":{"trade":[]}}}', '3'),
	('compact', '{"total_results":3,"trades":[]}', '3'),
	('beyond all counts', '{"total_results":99999999999999999999,"trades":[]}', '9223372036854775807'),
	('beyond all counts, as text', '{"total_results":"99999999999999999999","trades":[]}', '9223372036854775807')
) AS e (why, body, total), LATERAL ordersync_wire.classify('list', 'orders', 'modified', 200, convert_to(e.body, 'UTF8')) AS c;
SELECT is(pg_temp.answer('{"trade_fullinfo_get_response":{"request_id":"x"}}', 'details'), 'malformed malformed', 'details without a record');
SELECT is(pg_temp.answer('{"trade_fullinfo_get_response":{"trade":{}}}', 'details'), 'malformed malformed', 'details with an empty record');
SELECT is(pg_temp.answer('{"user_seller_get_response":{"user":{"user_id":1}}}', 'whoami'), 'malformed malformed', 'a user without a nick');
SELECT is(pg_temp.answer('{"user_seller_get_response":{"user":"x"}}', 'whoami'), 'malformed malformed', 'a user that is text');

-- the network and HTTP
SELECT is(pg_temp.answer('{"total_results":0}', 'list', s), e, 'HTTP ' || s)
FROM (VALUES (500, 'retry http'), (502, 'retry http'), (404, 'retry http'), (302, 'retry http'), (429, 'throttled throttled'),
	(0, 'retry network'), (200, 'ok'), (201, 'ok')) AS t (s, e);
SELECT is(pg_temp.answer('{"error_response":{"code":27,"msg":"Invalid session"}}', 'list', 403), 'unauthorized session',
	'an error of the platform counts whatever the HTTP status');
SELECT is(pg_temp.answer('<html>bad gateway</html>', 'list', 502), 'retry http', 'a proxy''s error page');
SELECT is(row(c.verdict, c.class, c.shrink, c.message)::text, e.expected, e.why)
FROM (VALUES
	('refused', 'connection refused', false, false, 'list', '(retry,network,f,"connection refused")'),
	('timed out', 'timed out', true, false, 'list', '(retry,timeout,t,"timed out")'),
	('timed out, nothing to shrink', 'timed out', true, false, 'details', '(retry,timeout,f,"timed out")'),
	('too large', 'aborted', false, true, 'list', '(retry,oversize,t,"the answer is larger than ordersync.max_response_size")')
) AS e (why, net, timed_out, too_large, kind, expected),
	LATERAL ordersync_wire.classify(e.kind, 'orders', 'modified', 0, NULL, e.net, e.timed_out, e.too_large) AS c;

-- tolerance: a byte order mark, white space, escaped keys, members in any order, what nobody knows
SELECT is((SELECT row(c.verdict, c.total, convert_from(c.list, 'UTF8'))::text
	FROM ordersync_wire.classify('list', 'orders', 'modified', 200, '\xefbbbf'::bytea || convert_to(
	E' { "x" : [ {"trades":1} ] ,\n"trades_sold_increment_get_response" : { "trades" : { "z":{}, "tr\\u0061de" : [ {"tid":1} ] } , "total\\u005fresults" : 1, "more":"}" } } \r\n',
	'UTF8')) AS c), '(ok,1,"[ {""tid"":1} ]")', 'a tolerant reader');

-- secrets quoted back do not reach a log
SELECT unalike(row(c.*)::text, '%s3cr3t-session%', 'the data key is starred out of the platform''s words')
FROM ordersync_wire.classify('list', 'orders', 'modified', 200,
	'{"error_response":{"code":27,"msg":"Invalid session:s3cr3t-session","sub_msg":"s3cr3t-session","request_id":"s3cr3t-session"}}',
	session => 's3cr3t-session') AS c;

-- excerpts for the log
SELECT is(ordersync_wire.excerpt(convert_to(e.body, 'UTF8'), e.n), e.expected, 'excerpt: ' || e.why)
FROM (VALUES
	('personal values', '{"tid":1,"receiver_name":"张三","x":{"buyer_email" : "a@b"},"title":"t"}', 2000,
		'{"tid":1,"receiver_name":"*","x":{"buyer_email" : "*"},"title":"t"}'),
	('credentials', '{"session":"abc","sign":"ABC"}', 2000, '{"session":"*","sign":"*"}'),
	('cut inside a value', '{"receiver_mobile":"1380000', 2000, '{"receiver_mobile":"*"'),
	('XML', '<a><receiver_name>张三</receiver_name><b>1</b></a>', 2000, '<a><receiver_name>*</receiver_name><b>1</b></a>'),
	('not in the middle of a character', 'ab张三', 4, 'ab'),
	('one line', E'a\nb\tc', 2000, 'a b c'),
	('nothing', '', 2000, '')
) AS e (why, body, n, expected);
SELECT is(ordersync_wire.excerpt('\x610062ff63'::bytea, 100), 'a b?c', 'excerpt: no text at all');

-- what the platform says of a person
SELECT is(row(v.message, v.msg, v.sub_msg)::text, '("call *** (code 50, isv.x): *** of *** is 123456","call ***","*** of *** is 123456")', 'words have no long numbers and no e-mail addresses')
FROM ordersync_wire.classify('list', 'orders', 'modified', 200,
	'{"error_response":{"code":50,"msg":"call 13800138000","sub_code":"isv.x","sub_msg":"li.si@example.com of 139-1234-5678 is 123456"}}'::bytea) v;
SELECT is(ordersync.private_excerpt(e.answer), e.expected, 'nor has the log: ' || e.why)
FROM (VALUES
	('JSON', '{"error_response":{"code":50,"msg":"call 13800138000 {or} \"13900139000\"","sub_msg" : "a@b.cn","request_id":"12345678901"}}',
		'{"error_response":{"code":50,"msg":"call *** {or} \"***\"","sub_msg" : "***","request_id":"12345678901"}}'),
	('XML', '<error_response><msg>call 13800138000</msg><request_id>12345678901</request_id></error_response>',
		'<error_response><msg>call ***</msg><request_id>12345678901</request_id></error_response>'),
	('a relay''s text', '{"code":9,"errMsg":13800138000,"data":"{\"sub_msg\":\"call 13800138000\",\"tid\":12345678901}","type":"msg","tid":12345678901}',
		'{"code":9,"errMsg":***,"data":"{\"sub_msg\":\"call ***\",\"tid\":12345678901}","type":"msg","tid":12345678901}'),
	('a name within', '{"message":"{\"receiver_name\":\"x\",\"tid\":1}"}', '{"message":"{\"receiver_name\":"*",\"tid\":1}"}'),
	('cut off', '{"message":"call 1380013', '{"message":"call ***')
) AS e (why, answer, expected);
SELECT * FROM finish();
ROLLBACK;
