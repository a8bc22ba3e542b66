-- The change feed's functions: the form of a message, options, batches, acknowledgements, names, rights, transactions, what
-- is lost and what is removed. Not in one transaction: nobody is told of what is not committed.
\set QUIET on
SELECT plan(199);
SET client_min_messages = error;
SET TimeZone = 'America/New_York';
SELECT ordersync.set_up();

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld'), ordersync_add_shop(7, '测试店铺', 'session-7'), ordersync_add_shop(8, 'shop 8', 'session-8');

\ir lib/put.sql

-- an order of shop 7, or another one, changed at that time of the day
CREATE FUNCTION pg_temp.trade(p_tid bigint, p_at text, p_status text, p_shop bigint DEFAULT 7) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s', a.n_new, a.n_changed)
	FROM (SELECT jsonb_build_object('tid', p_tid, 'modified', '2026-03-01 ' || p_at || ':00', 'status', p_status, 'orders', jsonb_build_object('order',
			jsonb_build_array(jsonb_build_object('oid', p_tid * 10 + 1, 'title', 'line', 'total_fee', '10.00'))))::text AS r) r,
		ordersync.apply_orders(p_shop, 'increment', 1, 1, ARRAY[p_tid], ARRAY[ordersync.read_time(r::jsonb ->> 'modified')], ARRAY[substr(sha256(convert_to(r, 'UTF8')), 1, 16)], ARRAY[r]) a
$$;
-- what a read returns: kind, number, status
CREATE FUNCTION pg_temp.told(p_consumer text, p_batch integer DEFAULT 500) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(concat_ws(' ', nullif(kind, 'order'), coalesce(refund_id, tid), message ->> 'status'), ', ' ORDER BY position), 'nothing')
	FROM ordersync_changes_read(p_consumer, p_batch)
$$;
-- acknowledges all that was handed out
CREATE FUNCTION pg_temp.done(p_consumer text) RETURNS void LANGUAGE sql AS $$
	SELECT ordersync_changes_ack(c.consumer, c.handed_out) FROM ordersync.change_consumers c WHERE c.consumer = p_consumer
$$;
-- reads and acknowledges to the end
CREATE PROCEDURE pg_temp.drain(p_consumer text) LANGUAGE plpgsql AS $$
BEGIN
	LOOP
		PERFORM ordersync_changes_ack(p_consumer, max(r.position)) FROM ordersync_changes_read(p_consumer) r HAVING count(*) > 0;
		EXIT WHEN NOT FOUND;
		COMMIT;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.error_of(p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_message text; v_detail text; v_hint text;
BEGIN
	EXECUTE p_query;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || v_message, 'DETAIL ' || nullif(v_detail, ''), 'HINT ' || nullif(v_hint, ''));
END $$;

-- --- the form of a message ---

SELECT is(pg_temp.put('details', $${"tid":1347456243420006949,"type":"fixed","seller_nick":"测试店铺","status":"WAIT_SELLER_SEND_GOODS",
	"created":"2026-03-01 09:00:00","pay_time":"2026-03-01 09:30:00","modified":"2026-03-01 10:00:00","total_fee":"120","discount_fee":"1.5","adjust_fee":"0.00",
	"post_fee":"8.00","payment":"126.50","received_payment":"0.00","shipping_type":"express","buyer_nick":"秘密买家","buyer_message":"请快点","receiver_name":"张三",
	"receiver_mobile":"13800000000","receiver_address":"文一西路969号","receiver_state":"浙江省","alipay_no":"2026030122001","orders":{"order":[
		{"oid":1347456243420016949,"status":"WAIT_SELLER_SEND_GOODS","refund_status":"WAIT_SELLER_AGREE","refund_id":"98765432109876543","num_iid":3424234,"sku_id":"56388300261","outer_iid":"A-1","outer_sku_id":"A-1-W",
			"title":"杯子 <b>\"白\"</b>","sku_properties_name":"颜色:白","num":2,"price":"50.00","total_fee":"100.00","discount_fee":"0.00","adjust_fee":"0.00","part_mjz_discount":"1.50","divide_order_fee":"98.50","payment":"98.50"},
		{"oid":1347456243420026949,"status":"WAIT_SELLER_SEND_GOODS","refund_status":"NO_REFUND","num_iid":3424235,"title":"碟","num":1,"price":"20.00","total_fee":"20.00","discount_fee":"0.00","adjust_fee":"0.00","divide_order_fee":"20.00","payment":"20.00"}]}}$$),
	'1/0/0', 'an order is stored');
SELECT is(pg_temp.put_refund('list', $${"refund_id":"98765432109876543","tid":1347456243420006949,"oid":1347456243420016949,"status":"WAIT_SELLER_AGREE","dispute_type":"REFUND","refund_phase":"onsale",
	"created":"2026-03-01 11:00:00","modified":"2026-03-01 11:05:00","total_fee":"100.00","refund_fee":"49.25","payment":"49.25","reason":"拍错了","title":"杯子","num":1,"num_iid":3424234,
	"good_status":"BUYER_NOT_RECEIVED","order_status":"WAIT_SELLER_SEND_GOODS","has_good_return":false,"buyer_nick":"秘密买家","desc":"电话13800000000"}$$), '1/0/0', 'and its after-sale');

CREATE TEMPORARY TABLE example AS SELECT '{"version": 1, "kind": "order", "shop_id": 7, "platform": "taobao", "seller_nick": "测试店铺", "tid": 1347456243420006949, "tid_str": "1347456243420006949", "type": "fixed",
	"status": "WAIT_SELLER_SEND_GOODS", "stage": "paid", "step_trade_status": null, "platform_state": "listed",
	"created": "2026-03-01T09:00:00+08:00", "pay_time": "2026-03-01T09:30:00+08:00", "paid_at": "2026-03-01T09:30:00+08:00", "consign_time": null, "end_time": null, "modified": "2026-03-01T10:00:00+08:00",
	"total_fee": "120.00", "discount_fee": "1.50", "adjust_fee": "0.00", "post_fee": "8.00", "payment": "126.50", "received_payment": "0.00", "paid_amount": "126.50", "step_paid_fee": null, "gmv": "118.50",
	"line_count": 2, "item_num": 3, "package_count": 0, "shipping_type": "express", "logistics_company": null, "invoice_no": null}'::jsonb AS the_order,
	'{"oid": 1347456243420016949, "oid_str": "1347456243420016949", "line_no": 1, "status": "WAIT_SELLER_SEND_GOODS", "stage": "paid",
		"refund_status": "WAIT_SELLER_AGREE", "refund_stage": "requested", "refund_id": 98765432109876543, "refund_id_str": "98765432109876543",
		"num_iid": 3424234, "num_iid_str": "3424234", "sku_id": 56388300261, "sku_id_str": "56388300261", "outer_iid": "A-1", "outer_sku_id": "A-1-W", "title": "杯子 <b>\"白\"</b>", "sku_properties_name": "颜色:白",
		"is_gift": false, "num": 2, "price": "50.00", "total_fee": "100.00", "discount_fee": "0.00", "adjust_fee": "0.00", "part_mjz_discount": "1.50", "divide_order_fee": "98.50", "payment": "98.50",
		"paid_amount": "98.50", "paid_at": "2026-03-01T09:30:00+08:00", "consign_time": null, "end_time": null, "logistics_company": null, "invoice_no": null}'::jsonb AS first_line,
	'{"oid": 1347456243420026949, "oid_str": "1347456243420026949", "line_no": 2, "status": "WAIT_SELLER_SEND_GOODS", "stage": "paid",
		"refund_status": "NO_REFUND", "refund_stage": "none", "refund_id": null, "refund_id_str": null,
		"num_iid": 3424235, "num_iid_str": "3424235", "sku_id": null, "sku_id_str": null, "outer_iid": null, "outer_sku_id": null, "title": "碟", "sku_properties_name": null,
		"is_gift": false, "num": 1, "price": "20.00", "total_fee": "20.00", "discount_fee": "0.00", "adjust_fee": "0.00", "part_mjz_discount": null, "divide_order_fee": "20.00", "payment": "20.00",
		"paid_amount": "20.00", "paid_at": "2026-03-01T09:30:00+08:00", "consign_time": null, "end_time": null, "logistics_company": null, "invoice_no": null}'::jsonb AS second_line,
	'{"version": 1, "kind": "after_sale", "shop_id": 7, "platform": "taobao", "refund_id": 98765432109876543, "refund_id_str": "98765432109876543", "tid": 1347456243420006949, "tid_str": "1347456243420006949",
		"oid": 1347456243420016949, "oid_str": "1347456243420016949", "status": "WAIT_SELLER_AGREE", "stage": "requested", "order_status": "WAIT_SELLER_SEND_GOODS", "dispute_type": "REFUND",
		"special_refund_type": null, "refund_phase": "onsale", "good_status": "BUYER_NOT_RECEIVED", "has_good_return": false, "created": "2026-03-01T11:00:00+08:00", "modified": "2026-03-01T11:05:00+08:00",
		"refunded_at": null, "closed_at": null, "total_fee": "100.00", "refund_fee": "49.25", "refunded_amount": "0.00", "payment": "49.25", "reason": "拍错了", "title": "杯子", "num": 1, "num_iid": 3424234,
		"num_iid_str": "3424234", "sku_id": null, "sku_id_str": null, "sku": null, "outer_id": null, "company_name": null, "sid": null}'::jsonb AS after_sale;
CREATE TEMPORARY TABLE got AS SELECT * FROM ordersync_changes_read('form');
SELECT pg_temp.done('form');
INSERT INTO got SELECT * FROM ordersync_changes_read('form');
SELECT pg_temp.done('form');
SELECT is((SELECT string_agg(concat_ws(' ', kind, shop_id, tid, refund_id), ', ' ORDER BY position) FROM got), 'order 7 1347456243420006949, after_sale 7 1347456243420006949 98765432109876543', 'what is stored: orders, then after-sales');
SELECT is((SELECT message - '{first_seen_at,synced_at}'::text[] FROM got WHERE kind = 'order'), (SELECT the_order || jsonb_build_object('sub_orders', jsonb_build_array(first_line, second_line)) FROM example), 'the order, member by member');
SELECT is((SELECT message - '{first_seen_at,synced_at}'::text[] #- '{order,first_seen_at}' #- '{order,synced_at}' FROM got WHERE kind = 'after_sale'), (SELECT after_sale || jsonb_build_object('order', the_order, 'sub_order', first_line) FROM example), 'the after-sale with its order and line');
SELECT is((SELECT bool_and((m ->> f)::timestamptz BETWEEN now() - interval '1 hour' AND now() AND m ->> f LIKE '%+08:00') FROM got, (VALUES ('first_seen_at'), ('synced_at')) t (f), LATERAL (VALUES (message), (message -> 'order')) o (m) WHERE m IS NOT NULL), true, 'when it was stored, in the zone of the platform too');
SELECT is((SELECT count(*) FROM got WHERE message::text ~ '秘密|请快点|张三|13800000000|文一西路'), 0::bigint, 'nothing personal');
SELECT is((SELECT changed_at BETWEEN now() - interval '1 hour' AND now() FROM got WHERE kind = 'order'), true, 'and when it was written');
CALL pg_temp.drain('form');

-- a change, to one who reads each: the same form, as it is written
SELECT lives_ok($$SELECT ordersync_changes_create('each', '{"compact": false}')$$, 'a consumer of each change');
SELECT is(pg_temp.put('details', $${"tid":1347456243420006949,"type":"fixed","seller_nick":"测试店铺","status":"WAIT_BUYER_CONFIRM_GOODS","created":"2026-03-01 09:00:00","pay_time":"2026-03-01 09:30:00","consign_time":"2026-03-02 08:00:00",
	"modified":"2026-03-02 08:00:00","total_fee":"120","discount_fee":"1.5","payment":"126.50","receiver_name":"张三","orders":{"order":[{"oid":1347456243420016949,"status":"WAIT_BUYER_CONFIRM_GOODS","title":"杯子"}]}}$$), '0/1/0', 'the order is sent');
SELECT is((SELECT array_agg(ARRAY[message ->> 'status', message ->> 'consign_time', message ->> 'version', message ->> 'stage', (message #> '{sub_orders,0,oid_str}')::text]) FROM ordersync_changes_read('each')),
	ARRAY[ARRAY['WAIT_BUYER_CONFIRM_GOODS', '2026-03-02T08:00:00+08:00', '1', 'shipped', '"1347456243420016949"']], 'its message was made in the zone of the platform');
SELECT is((SELECT m.message FROM ordersync_changes_read('form') m), (SELECT m.message FROM ordersync_changes_read('each') m), 'and is the one of who reads the newest');
SELECT is((SELECT count(*) FROM (SELECT message FROM ordersync_changes_read('form')) a, LATERAL jsonb_object_keys(message) k), (SELECT count(*) FROM got, LATERAL jsonb_object_keys(message) k WHERE kind = 'order'), 'with all members');
CALL pg_temp.drain('form'); CALL pg_temp.drain('each');

-- what has no order, no value, no known status
SELECT is(pg_temp.put_refund('list', '{"refund_id":"5","tid":99,"oid":991,"status":"BRAND_NEW","modified":"2026-03-01 11:05:00"}'), '1/0/0', 'an after-sale comes before its order');
SELECT is((SELECT array_agg(concat_ws(' ', refund_id, tid, message ->> 'stage', message -> 'order', message -> 'sub_order', message -> 'refund_fee')) FROM ordersync_changes_read('form')), ARRAY['5 99 unknown null null null'], 'null where there is none');
CALL pg_temp.drain('form'); CALL pg_temp.drain('each');
SELECT is(pg_temp.trade(99, '10:00', 'BRAND_NEW'), '1/0', 'its order comes');
SELECT is((SELECT string_agg(concat_ws(' ', kind, coalesce(refund_id, tid), message #>> '{order,tid_str}', message #>> '{sub_order,oid_str}'), ', ' ORDER BY kind) FROM ordersync_changes_read('form')), 'after_sale 5 99 991, order 99', 'both are told');
CALL pg_temp.drain('form'); CALL pg_temp.drain('each');
SELECT is(pg_temp.trade(99, '10:00', 'BRAND_NEW'), '0/0', 'the same record again');
SELECT is(pg_temp.told('form') || pg_temp.told('each'), 'nothingnothing', 'is no change');

-- an order that is gone
SELECT is(pg_temp.trade(97, '10:00', 'paid'), '1/0', 'an order');
DELETE FROM ordersync.sub_orders WHERE tid = 97; DELETE FROM ordersync.orders WHERE tid = 97;
SELECT is((SELECT array_agg(message) FROM ordersync_changes_read('form')), ARRAY['{"version": 1, "kind": "order", "shop_id": 7, "tid": 97, "tid_str": "97", "deleted": true}'::jsonb], 'that was deleted before it was read');
CALL pg_temp.drain('form'); CALL pg_temp.drain('each');
SELECT ordersync_changes_drop('form'), ordersync_changes_drop('each');

-- --- options ---

SELECT is(pg_temp.error_of(format('SELECT ordersync_changes_create(''x'', %L)', o)), format(E'22023 invalid value for option "%s"\nHINT It must be %s. Use null to remove the option.', k, m), o)
FROM (VALUES ('compact', 'true or false', '{"compact": "yes"}'), ('compact', 'true or false', '{"compact": 1}'), ('start', '"stored" or "now"', '{"start": "here"}')) v (k, m, o)
UNION ALL SELECT is(pg_temp.error_of(format('SELECT ordersync_changes_create(''x'', %L)', o)), E'22023 invalid value for option "shops"\nHINT It must be an array of shop ids, such as [1, 2]. Use null to remove the option.', o)
FROM (VALUES ('{"shops": 7}'), ('{"shops": []}'), ('{"shops": ["7"]}'), ('{"shops": [7.5]}'), ('{"shops": [null]}'), ('{"shops": [1e30]}'), ('{"shops": [[7]]}')) v (o)
UNION ALL SELECT is(pg_temp.error_of(format('SELECT ordersync_changes_create(''x'', %L)', o)), E'22023 invalid value for option "kinds"\nHINT It must be an array of "order" and "after_sale". Use null to remove the option.', o)
FROM (VALUES ('{"kinds": []}'), ('{"kinds": ["orders"]}'), ('{"kinds": "order"}')) v (o)
UNION ALL SELECT is(pg_temp.error_of(format('SELECT ordersync_changes_create(''x'', %L)', o)), E'22023 invalid value for option "lease"\nHINT It must be an interval from 1 second to 1 day, such as "10 minutes". Use null to remove the option.', o)
FROM (VALUES ('{"lease": 600}'), ('{"lease": "soon"}'), ('{"lease": "0"}'), ('{"lease": "2 days"}'), ('{"lease": "-5 minutes"}'), ('{"lease": "1 mon"}')) v (o);
SELECT is(pg_temp.error_of($$SELECT ordersync_changes_create('x', '{"compct": true}')$$), E'22023 unrecognized option "compct"\nHINT Known options: compact, start, shops, kinds, lease.', 'an option that is not known');
SELECT alike(pg_temp.error_of($$SELECT ordersync_changes_create('x', '{"compact": false, "start": "stored"}')$$), E'22023 a consumer of each change cannot start with what is stored\n%HINT Leave out "start", and read what is stored from ordersync.order_messages%', 'each change cannot start with what is stored');
SELECT matches(pg_temp.error_of($$SELECT ordersync_changes_create('x', '[]')$$), '^(22023|22P02|2203.) ', 'options that are no object');
SELECT is(count(*), 0::bigint, 'none of them was made') FROM ordersync.change_consumers;
SELECT is(pg_temp.error_of(format('SELECT ordersync_changes_create(%L, %L)', n, o)), 'none', 'options ' || coalesce(o, 'NULL'))
FROM (VALUES ('a', NULL), ('b', '{}'), ('c', '{"shops": [7, 8], "kinds": ["after_sale", "order"], "lease": "1 day", "start": "now", "compact": true}'), ('d', '{"compact": null, "start": null, "shops": null}')) v (n, o);
SELECT is(pg_temp.error_of(format('SELECT ordersync_changes_create(''e'', %L)', o)) ~ '^(none|22023 invalid value for option "shops"\n)', true, o) FROM (VALUES ('{"shops": [7.0]}'), ('{"shops": [1e1]}')) v (o);
SELECT is((SELECT string_agg(format('%s %s %s %s %s', consumer, compact, shops, kinds, lease), ', ' ORDER BY consumer) FROM ordersync.change_consumers WHERE consumer < 'e'), 'a t   00:10:00, b t   00:10:00, c t {7,8} {after_sale,order} 1 day, d t   00:10:00', 'as they were given; null is the default');
SELECT is(pg_temp.error_of($$SELECT ordersync_changes_create('a')$$), E'42710 consumer "a" already exists\nHINT To begin anew: SELECT ordersync_changes_drop(''a'');', 'twice');
SELECT ordersync_changes_drop(consumer) FROM ordersync.change_consumers;

-- --- names ---

SELECT is(pg_temp.error_of(format(f, 'NULL')), E'22023 consumer must not be NULL\nDETAIL A name has up to 63 bytes.\nHINT Name it after who reads, for example SELECT * FROM ordersync_changes_read(''erp'').', f)
FROM (VALUES ('SELECT ordersync_changes_create(%s)'), ('SELECT ordersync_changes_read(%s)'), ('SELECT ordersync_changes_ack(%s, 1)'), ('SELECT ordersync_changes_drop(%s)')) v (f);
SELECT is((regexp_match(pg_temp.error_of(format('SELECT ordersync_changes_read(%L)', n)), '^[^\n]*'))[1], e, left(n, 12) || ': ' || length(n))
FROM (VALUES ('', '22023 consumer must not be empty'), (' ', '22023 consumer must not be empty'), (repeat('x', 64), '22023 the consumer''s name is too long'), (repeat('单', 22), '22023 the consumer''s name is too long'),
	(repeat('x', 63), 'none'), (repeat('单', 21), 'none'), ('ERP', 'none'), ('erp', 'none'), ('it''s "a" %I', 'none')) v (n, e);
SELECT is((SELECT count(*) FROM ordersync.change_consumers), 5::bigint, 'upper and lower case are two names');
SELECT is(pg_temp.error_of($$SELECT ordersync_changes_ack('nobody', 1)$$), E'42704 consumer "nobody" does not exist\nHINT Which there are: SELECT * FROM ordersync.consumers;', 'nobody acknowledges');
SELECT matches(pg_temp.error_of($$SELECT ordersync_changes_drop('nobody')$$), '^42704 consumer "nobody" does not exist\nHINT ', 'nobody is dropped');
SELECT lives_ok($$SELECT ordersync_changes_drop(consumer) FROM ordersync.change_consumers$$, 'all are dropped');

-- --- batches, acknowledgements ---

SELECT ordersync_changes_create('erp', '{"start": "now"}'), ordersync_changes_create('log', '{"compact": false}');
SELECT is(pg_temp.error_of(format('SELECT ordersync_changes_read(''erp'', %s)', b)), format(E'22023 batch must be between 1 and 100000, not %s', b), 'a batch of ' || b) FROM (VALUES ('0'), ('-1'), ('100001'), ('NULL')) v (b);
SELECT is(pg_temp.told('erp', 100000), 'nothing', 'the largest batch');
SELECT lives_ok($$SELECT ordersync_changes_ack('erp', 0)$$, 'nothing is acknowledged');
SELECT is(pg_temp.error_of($$SELECT ordersync_changes_ack('erp', NULL)$$), E'22004 position must not be NULL\nHINT Of a read that returned no row there is nothing to acknowledge.', 'NULL');
SELECT matches(pg_temp.error_of($$SELECT ordersync_changes_ack('erp', 1)$$), '^22023 position 1 was not handed out to consumer "erp"\nDETAIL .*\nHINT Read first: ', 'what was not handed out');
SELECT is(pg_temp.trade(t, '10:00', 'unpaid'), '1/0', 'order ' || t) FROM generate_series(1, 3) t;
SELECT is(pg_temp.told('erp', 2), '1 unpaid, 2 unpaid', 'two of them');
SELECT matches(pg_temp.error_of($$SELECT ordersync_changes_ack('erp', 3)$$), '^22023 position 3 was not handed out', 'not the third');
SELECT is(pg_temp.told('erp', 2), '1 unpaid, 2 unpaid', 'the same again');
SELECT lives_ok($$SELECT ordersync_changes_ack('erp', 1)$$, 'the first');
SELECT is(pg_temp.told('erp', 1), '2 unpaid', 'the second');
SELECT is(pg_temp.told('erp'), '2 unpaid, 3 unpaid', 'a larger batch has more');
SELECT lives_ok($$SELECT ordersync_changes_ack('erp', 3), ordersync_changes_ack('erp', 3), ordersync_changes_ack('erp', 1), ordersync_changes_ack('erp', -5)$$, 'again, and older ones');
SELECT is(pg_temp.told('erp'), 'nothing', 'stay acknowledged');
SELECT is((SELECT format('%s %s', acknowledged, handed_out) FROM ordersync.consumers WHERE consumer = 'erp'), '3 3', 'the highest counts');
SELECT pg_temp.trade(1, '11:00', 'paid'), pg_temp.trade(2, '11:00', 'paid'), pg_temp.trade(1, '12:00', 'sent');
SELECT is(pg_temp.told('erp'), '2 paid, 1 sent', 'the newest state alone, where its last change stands');
SELECT is((SELECT array_agg(position) FROM ordersync_changes_read('erp')), '{5,6}', 'what was passed over is counted');
SELECT is(pg_temp.told('log'), '1 unpaid, 2 unpaid, 3 unpaid, 1 paid, 2 paid, 1 sent', 'each change in order');
SELECT is(pg_temp.told('log', 4), '1 unpaid, 2 unpaid, 3 unpaid, 1 paid', 'in batches');
SELECT pg_temp.trade(2, '13:00', 'sent');
SELECT is(pg_temp.told('erp'), '2 sent, 1 sent', 'what changes meanwhile is told in its newest state');
SELECT pg_temp.done('erp');
SELECT is(pg_temp.told('erp'), '2 sent', 'and once more as a change of its own');
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');

-- --- transactions ---

SELECT pg_temp.trade(4, '10:00', 'unpaid');
BEGIN;
SELECT is(pg_temp.told('erp'), '4 unpaid', 'read in a transaction');
SELECT pg_temp.done('erp');
SELECT is(pg_temp.told('erp'), 'nothing', 'and acknowledged');
ROLLBACK;
SELECT matches(pg_temp.error_of($$SELECT ordersync_changes_ack('erp', 8)$$), '^22023 position 8 was not handed out', 'which was undone');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(pg_temp.told('erp'), '4 unpaid', 'REPEATABLE READ');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT is(pg_temp.told('erp'), '4 unpaid', 'SERIALIZABLE');
SAVEPOINT s;
SELECT pg_temp.done('erp');
ROLLBACK TO s;
SELECT is(pg_temp.told('erp'), '4 unpaid', 'a savepoint undoes an acknowledgement');
SELECT pg_temp.done('erp');
COMMIT;
SELECT is(pg_temp.told('erp'), 'nothing', 'that one holds');
BEGIN READ ONLY;
SELECT matches(pg_temp.error_of(f), '^25006 the change feed cannot be (read|changed) in a read-only transaction\n.*HINT ', 'read only: ' || f)
FROM (VALUES ('SELECT ordersync_changes_read(''erp'')'), ('SELECT ordersync_changes_ack(''erp'', 1)'), ('SELECT ordersync_changes_create(''x'')'), ('SELECT ordersync_changes_drop(''erp'')')) v (f);
SELECT is((SELECT string_agg(consumer, ' ' ORDER BY consumer) FROM ordersync.consumers), 'erp log', 'the view can be read');
COMMIT;
BEGIN;
SELECT pg_temp.trade(5, '10:00', 'unpaid');
SAVEPOINT s;
SELECT pg_temp.trade(6, '10:00', 'unpaid');
ROLLBACK TO s;
SELECT is(pg_temp.told('erp'), 'nothing', 'what is not committed is told nobody, not the writer itself');
COMMIT;
SELECT is(pg_temp.told('erp') || ', ' || pg_temp.told('log'), '5 unpaid, 4 unpaid, 5 unpaid', 'without the part that was undone');
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
BEGIN;
SELECT pg_temp.trade(7, '10:00', 'unpaid');
SELECT ordersync_changes_create('inside', '{"start": "now"}');
SELECT pg_temp.trade(8, '10:00', 'unpaid');
COMMIT;
SELECT is(pg_temp.told('inside'), '7 unpaid, 8 unpaid', 'made in the writer''s own transaction: it is told all of that');
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log'); SELECT ordersync_changes_drop('inside');

-- --- a line that moves to another order ---

CREATE FUNCTION pg_temp.with_lines(p_tid bigint, p_at text, VARIADIC p_oids bigint[]) RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('tid', p_tid, 'modified', '2026-03-02 ' || p_at || ':00', 'status', p_at, 'orders', jsonb_build_object('order',
		(SELECT jsonb_agg(jsonb_build_object('oid', o, 'title', 'line', 'total_fee', '10.00')) FROM unnest(p_oids) o)))::text
$$;
-- what a read returns: order, how many lines it counts, which it has
CREATE FUNCTION pg_temp.lines_told(p_consumer text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s: %s of %s', tid, jsonb_path_query_array(message, '$.sub_orders[*].oid'), message -> 'line_count'), ', ' ORDER BY tid, position), 'nothing')
	FROM ordersync_changes_read(p_consumer)
$$;
SELECT is(pg_temp.put('list', pg_temp.with_lines(12, '10:00', 121, 122), pg_temp.with_lines(13, '10:00', 131)), '2/0/0', 'two orders');
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
SELECT is(pg_temp.put('list', pg_temp.with_lines(13, '11:00', 131, 122)), '0/1/0', 'a line of the first has moved to the second');
SELECT is(pg_temp.lines_told(c), '12: [121] of 1, 13: [131, 122] of 2', c || ' is told of the order that lost it, too') FROM (VALUES ('erp'), ('log')) v (c);
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
SELECT is(pg_temp.put('list', pg_temp.with_lines(12, '10:00', 121, 122), pg_temp.with_lines(13, '11:00', 131, 122)), '0/0/2', 'the same records again');
SELECT is(pg_temp.lines_told('erp') || pg_temp.lines_told('log'), 'nothingnothing', 'are no change');
SELECT is(pg_temp.put('list', pg_temp.with_lines(12, '10:30', 121, 122)), '0/1/0', 'the first changes; its record still has the line');
SELECT is(pg_temp.lines_told(c), '12: [121] of 1', c || ': it does not count it') FROM (VALUES ('erp'), ('log')) v (c);
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
SELECT is(pg_temp.put('list', pg_temp.with_lines(13, '12:00', 131), pg_temp.with_lines(12, '12:01', 121, 122)), '0/2/0', 'it moves back, and both records come together');
SELECT is(pg_temp.lines_told(c), '12: [121, 122] of 2, 13: [131] of 1', c || ' is told of each once') FROM (VALUES ('erp'), ('log')) v (c);
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
SELECT is(pg_temp.put('list', pg_temp.with_lines(14, '13:00', 121)), '1/0/0', 'a line moves to an order that is new');
SELECT is(pg_temp.lines_told(c), '12: [122] of 1, 14: [121] of 1', c || ' is told of both') FROM (VALUES ('erp'), ('log')) v (c);
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
SELECT is(pg_temp.put('list', pg_temp.with_lines(15, '13:00', 151, 152), pg_temp.with_lines(16, '13:01', 161, 152)), '2/0/0', 'two orders that are new, with a line that both name');
SELECT is(pg_temp.lines_told(c), '15: [151] of 1, 16: [161, 152] of 2', c || ': it is the newer one''s') FROM (VALUES ('erp'), ('log')) v (c);
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
SELECT is(pg_temp.put('list', pg_temp.with_lines(15, '14:00', 151, 153), pg_temp.with_lines(16, '14:01', 161, 152, 153)), '0/2/0', 'both have a line more, the same');
SELECT is(pg_temp.lines_told(c), '15: [151] of 1, 16: [161, 152, 153] of 3', c || ': it is the newer one''s, too') FROM (VALUES ('erp'), ('log')) v (c);
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');
-- the row counts a line that is another order's, as rows from older versions do
UPDATE ordersync.orders SET line_count = 2 WHERE tid = 12;
SELECT is(pg_temp.put('list', pg_temp.with_lines(12, '12:01', 121, 122)), '0/0/1', 'the same record again');
SELECT is(pg_temp.lines_told(c), '12: [122] of 1', c || ': what is counted anew is told') FROM (VALUES ('erp'), ('log')) v (c);
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log');

-- --- shops and kinds ---

SELECT ordersync_changes_create('shop 8', '{"start": "now", "shops": [8]}'), ordersync_changes_create('refunds', '{"start": "now", "kinds": ["after_sale"], "compact": true}');
SELECT pg_temp.trade(10, '10:00', 'paid'), pg_temp.trade(10, '10:00', 'paid', 8), pg_temp.trade(11, '10:00', 'paid'), pg_temp.trade(11, '10:00', 'paid', 8);
SELECT pg_temp.put_refund('list', '{"refund_id":"6","tid":10,"status":"SUCCESS","modified":"2026-03-01 11:05:00"}');
SELECT is((SELECT string_agg(concat_ws(' ', shop_id, tid), ', ' ORDER BY position) FROM ordersync_changes_read('shop 8', 1)), '8 10', 'of one shop, one at a time');
SELECT pg_temp.done('shop 8');
SELECT is((SELECT string_agg(concat_ws(' ', shop_id, tid), ', ' ORDER BY position) FROM ordersync_changes_read('shop 8')), '8 11', 'and the next');
SELECT is(pg_temp.told('refunds'), 'after_sale 6 SUCCESS', 'of one kind');
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log'); CALL pg_temp.drain('shop 8'); CALL pg_temp.drain('refunds');
SELECT is((SELECT string_agg(lag_messages::text, ' ') FROM ordersync.consumers), '0 0 0 0', 'nobody is behind');

-- --- how far each is behind ---

SELECT pg_temp.trade(10, '11:00', 'sent'), pg_temp.trade(11, '11:00', 'sent'), pg_temp.trade(10, '11:00', 'sent', 8);
UPDATE ordersync.change_feed SET recorded_at = recorded_at - interval '1 hour' WHERE shop_id = 7;
SELECT is((SELECT string_agg(format('%s: %s %s', consumer, lag_messages, CASE WHEN lag_seconds BETWEEN 3600 AND 3900 THEN 'an hour' WHEN lag_seconds < 300 THEN 'soon' ELSE lag_seconds::text END), ', ' ORDER BY consumer) FROM ordersync.consumers),
	'erp: 3 an hour, log: 3 an hour, refunds: 0 soon, shop 8: 1 soon', 'in messages and seconds');
SELECT count(*) FROM ordersync_changes_read('log', 1);
SELECT pg_temp.done('log');
SELECT is((SELECT format('%s %s', lag_messages, acknowledged < handed_out) FROM ordersync.consumers WHERE consumer = 'log'), '2 f', 'one less');
SELECT is((SELECT string_agg(format('%s %s of shop %s%s%s', e.changes, e.kind, e.shop_id, CASE WHEN e.in_portion THEN ' being read' END, CASE WHEN NOT e.is_wanted THEN ' not wanted' END), ', ' ORDER BY e.consumer DESC, e.entry_id)
	FROM ordersync.unread_entries e WHERE e.consumer IN ('log', 'shop 8')), '1 order of shop 7 not wanted, 1 order of shop 7 not wanted, 1 order of shop 8, 1 order of shop 7 being read, 1 order of shop 8 being read', 'entry by entry');
SELECT is((SELECT format('%s %s', reads, lag_messages > 10) FROM (SELECT ordersync_changes_create('all')) a, ordersync.consumers WHERE consumer = 'all'), NULL, 'one that is made is seen by the next statement');
SELECT is((SELECT format('%s %s', reads, lag_messages = (SELECT count(*) FROM ordersync.orders) + (SELECT count(*) FROM ordersync.after_sales)) FROM ordersync.consumers WHERE consumer = 'all'), 'stored t', 'and has all that is stored before it');

-- --- what is removed ---

SELECT is(ordersync.remove_read_entries() > 0, true, 'what all have acknowledged is removed');
SELECT is((SELECT count(*) FROM ordersync.change_feed), 3::bigint, 'what they have not stays');
CALL pg_temp.drain('erp'); CALL pg_temp.drain('shop 8'); CALL pg_temp.drain('refunds');
SELECT is(ordersync.remove_read_entries() + (SELECT count(*) FROM ordersync.change_feed), 3::bigint, 'as long as one of them has not');
CALL pg_temp.drain('log');
SELECT is(ordersync.remove_read_entries(), 3::bigint, 'who is told all that is stored needs none from before');
SELECT ordersync_changes_drop('all');

-- --- what is lost ---

SELECT pg_temp.put('increment', VARIADIC ARRAY(SELECT format('{"tid": %s, "modified": "2026-03-01 12:00:00", "status": "signed"}', t) FROM generate_series(21, 23) t));
SELECT pg_temp.trade(t, '12:00', 'signed', 8) FROM generate_series(31, 35) t;
SELECT is(pg_temp.told('erp', 4), '21 signed, 22 signed, 23 signed, 31 signed', 'four are handed out');
SELECT is(pg_temp.told('shop 8', 1), '31 signed', 'and one, behind three of another shop');
SELECT handed_out AS held_8 FROM ordersync.change_consumers WHERE consumer = 'shop 8' \gset
SELECT handed_out AS held_erp FROM ordersync.change_consumers WHERE consumer = 'erp' \gset
UPDATE ordersync.change_feed SET recorded_at = '2026-03-02 00:00+08' WHERE entry_id = (SELECT min(entry_id) FROM ordersync.change_feed);
SELECT is((SELECT removed FROM ordersync.remove_old_entries(NULL, now() - interval '7 days')), 1::bigint, 'the oldest is removed, which nobody has acknowledged');
SELECT matches(pg_temp.error_of(format('SELECT ordersync_changes_ack(%L, %s)', 'erp', :held_erp)), '^22023 position \d+ was not handed out', 'what was handed out before is not acknowledged');
SELECT is((SELECT array_agg(concat_ws(' ', kind, shop_id, tid, refund_id)) FROM ordersync_changes_read('erp')), '{lost}', 'it is told first that it lost something');
SELECT is((SELECT message FROM ordersync_changes_read('erp')), '{"version": 1, "kind": "lost", "changes": 3, "shops": [7], "from": "2026-03-01T16:00:00+00:00", "until": "2026-03-01T16:00:00+00:00", "hint": "To be told of all that is stored: SELECT ordersync_changes_drop(''erp''); and read again."}'::jsonb
	|| (SELECT jsonb_build_object('from', m.message -> 'from', 'until', m.message -> 'until') FROM ordersync_changes_read('erp') m), 'how much, of which shops');
SELECT is((SELECT array_agg((message ->> k)::timestamptz) FROM ordersync_changes_read('erp'), (VALUES ('from'), ('until')) t (k)), ARRAY['2026-03-02 00:00+08', '2026-03-02 00:00+08']::timestamptz[], 'and of when');
SELECT pg_temp.done('erp');
SELECT is(pg_temp.told('erp'), '31 signed, 32 signed, 33 signed, 34 signed, 35 signed', 'then what is left');
SELECT is((SELECT string_agg(format('%s %s', consumer, lost_changes), ', ' ORDER BY consumer) FROM ordersync.consumers), 'erp 3, log 3, refunds 0, shop 8 0', 'who lost what');
SELECT matches(pg_temp.error_of(format('SELECT ordersync_changes_ack(%L, %s)', 'shop 8', :held_8)), '^(22023 position \d+ was not handed out|none)', 'one that lost nothing acknowledges, or has to read again');
SELECT is(regexp_replace(pg_temp.told('shop 8'), '^31 signed, ', ''), '32 signed, 33 signed, 34 signed, 35 signed', 'and is told what it was not told');
SELECT is((SELECT message ->> 'changes' FROM ordersync_changes_read('log')), '3', 'the one of each change is told too');
CALL pg_temp.drain('erp'); CALL pg_temp.drain('log'); CALL pg_temp.drain('shop 8'); CALL pg_temp.drain('refunds');
SELECT ordersync.remove_read_entries();
SELECT is((SELECT count(*) FROM ordersync.change_feed), 0::bigint, 'nothing is left');

-- --- rights ---

CREATE ROLE feed_one; CREATE ROLE feed_all; CREATE ROLE feed_none; CREATE ROLE feed_member;
SELECT ordersync_grant('feed_one', 'reader', '{7}'), ordersync_grant('feed_all', 'reader');
GRANT feed_all TO feed_member;
CREATE FUNCTION pg_temp.as_role(p_role name, p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', p_role);
	BEGIN EXECUTE p_query INTO v; EXCEPTION WHEN OTHERS THEN v := SQLSTATE || ' ' || SQLERRM; END;
	RESET ROLE;
	RETURN v;
END $$;
SELECT is(pg_temp.as_role('feed_none', $$SELECT count(*)::text FROM ordersync_changes_read('none')$$), '42501 permission denied for function ordersync_changes_read', 'who was granted nothing');
SELECT is(pg_temp.as_role('feed_one', $$SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync_changes_read('one')$$), '7', 'a reader of one shop is told what is stored of that one');
SELECT is(pg_temp.as_role('feed_all', $$SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync_changes_read('two')$$), '7 8', 'a reader of all, of all');
SELECT is(pg_temp.as_role('feed_one', $$SELECT ordersync_changes_drop('one')::text || ordersync_changes_create('one', '{"start": "now"}')::text$$), '', 'it drops and makes its own');
SELECT pg_temp.trade(10, '13:00', 'finished'), pg_temp.trade(10, '13:00', 'finished', 8);
SELECT is(pg_temp.as_role('feed_one', $$SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync_changes_read('one')$$), '7', 'likewise of changes');
SELECT is(pg_temp.as_role('feed_one', q), '42501 permission denied for consumer "two"', q)
FROM (VALUES ($$SELECT count(*)::text FROM ordersync_changes_read('two')$$), ($$SELECT ordersync_changes_ack('two', 1)::text$$), ($$SELECT ordersync_changes_drop('two')::text$$)) v (q);
SELECT is(pg_temp.as_role('feed_member', $$SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync_changes_read('two')$$), '7 8', 'a member of the role that made it reads it');
SELECT is(pg_temp.as_role('feed_one', $$SELECT count(*)::text FROM ordersync_changes_create('mine of 8', '{"shops": [8], "start": "now"}')$$) ~ '^(42501|1)', true, 'who asks for a shop that it may not see');
SELECT is((SELECT count(*) FROM (SELECT pg_temp.trade(11, '13:00', 'finished', 8)) t, LATERAL (SELECT pg_temp.as_role('feed_one', $$SELECT shop_id::text FROM ordersync_changes_read('mine of 8')$$) AS s) r WHERE s IS NOT NULL AND s NOT LIKE '42501%'), 0::bigint, 'is told nothing of it');
UPDATE ordersync.change_feed SET recorded_at = '2026-03-02 00:00+08';
SELECT count(*) FROM ordersync.remove_old_entries(NULL, now() - interval '7 days');
SELECT is(pg_temp.as_role('feed_one', $$SELECT message ->> 'shops' FROM ordersync_changes_read('one')$$), '[7]', 'nor of what was lost of it');
SELECT pg_temp.trade(10, '14:00', 'rated'), pg_temp.trade(10, '14:00', 'rated', 8), pg_temp.trade(11, '14:00', 'rated', 8);
SELECT is(pg_temp.as_role('feed_all', $$SELECT lag_messages::text FROM ordersync.consumers WHERE consumer = 'erp'$$), '3', 'the view counts');
SELECT is(pg_temp.as_role('feed_one', $$SELECT lag_messages::text FROM ordersync.consumers WHERE consumer = 'one'$$), '1', 'changes of the shops that its reader may see');

-- whose consumers a reader of some shops sees: its own, and those of shops that are all its own
CREATE ROLE feed_mate; CREATE ROLE feed_two; CREATE ROLE feed_gone;
GRANT feed_one TO feed_mate;
SELECT ordersync_grant('feed_two', 'reader', '{7, 8}'), ordersync_changes_create('of 7', '{"start": "now", "shops": [7]}'), ordersync_changes_create('of 7 and 8', '{"start": "now", "shops": [7, 8]}'),
	ordersync_changes_create('left', '{"start": "now"}');
UPDATE ordersync.change_consumers SET owner = 'feed_gone' WHERE consumer = 'left';
DROP ROLE feed_gone;
CREATE FUNCTION pg_temp.consumers_of(p_role name, p_query text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role(p_role, format('SELECT string_agg(DISTINCT consumer, '', '' ORDER BY consumer) FROM %s', p_query)) $$;
SELECT is(pg_temp.consumers_of(r, q), e, r || ': ' || q)
FROM (VALUES ('feed_one', 'mine of 8, of 7, one'), ('feed_mate', 'mine of 8, of 7, one'), ('feed_two', 'mine of 8, of 7, of 7 and 8, shop 8'),
		('feed_all', 'erp, left, log, mine of 8, of 7, of 7 and 8, one, refunds, shop 8, two')) v (r, e),
	(VALUES ('ordersync.consumers'), ('ordersync.change_consumers'), ($$(SELECT labels ->> 'consumer' AS consumer FROM ordersync.metrics WHERE labels ? 'consumer') m$$)) w (q);
SELECT is(pg_temp.as_role('feed_one', $$SELECT split_part(detail, ',', 1) FROM ordersync_doctor() WHERE check_name = 'change feed'$$), 'consumers: 3', 'the doctor counts these');
SELECT ordersync_revoke('feed_two'), ordersync_changes_drop('of 7'), ordersync_changes_drop('of 7 and 8'), ordersync_changes_drop('left');
SELECT is(pg_temp.as_role('feed_one', $$SELECT string_agg(DISTINCT shop_id::text, ' ') FROM ordersync.change_feed$$) ~ '^(7|42501 .*)$', true, 'so does who reads the entries themselves');
SELECT is(pg_temp.as_role('feed_one', q) ~ '^42501', true, q) FROM (VALUES ('SELECT walk_ids::text FROM ordersync.change_consumers'), ('UPDATE ordersync.change_consumers SET position = 0 RETURNING 1'), ('DELETE FROM ordersync.change_feed RETURNING 1')) v (q);

-- all workers store messages for a consumer of each change
CREATE ROLE feed_operator; CREATE ROLE feed_owner; GRANT feed_all TO feed_owner;
SELECT ordersync_grant('feed_operator', 'operator', '{7}');
SELECT is(pg_temp.as_role(r, format('SELECT ordersync_changes_create(%L, ''{"compact": false}'')::text', 'each of ' || r)), e, 'each change: ' || r)
FROM (VALUES ('feed_all', '42501 a consumer of each change may be made by operators only'), ('feed_one', '42501 a consumer of each change may be made by operators only'),
	('feed_owner', '42501 a consumer of each change may be made by operators only'), ('feed_operator', '')) v (r, e);
SELECT format('ALTER DATABASE %I OWNER TO feed_owner', current_database()) \gexec
SELECT is(pg_temp.as_role('feed_owner', $$SELECT ordersync_changes_create('each of feed_owner', '{"compact": false}')::text$$), '', 'each change: the database''s owner');
SELECT format('ALTER DATABASE %I OWNER TO %I', current_database(), current_user) \gexec
SELECT is((SELECT string_agg(format('%s %s', consumer, owner), ', ' ORDER BY consumer) FROM ordersync.change_consumers WHERE consumer LIKE 'each of %'), 'each of feed_operator feed_operator, each of feed_owner feed_owner', 'both are theirs');
SELECT ordersync_changes_drop('each of feed_operator'), ordersync_changes_drop('each of feed_owner');

-- --- what people did ---

SELECT is((SELECT string_agg(DISTINCT action, ', ' ORDER BY action) FROM ordersync.setup_history WHERE details ->> 'consumer' IS NOT NULL), 'consumer created, consumer dropped', 'is in the history');
SELECT is((SELECT details - 'consumer' FROM ordersync.setup_history WHERE details ->> 'consumer' = 'shop 8'), '{"start": "now", "shops": [8]}'::jsonb, 'with its options');
SELECT * FROM finish();
