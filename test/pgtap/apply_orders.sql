-- Orders from a page to the tables: forms of the wire, exactness, quarantine.
BEGIN;
SELECT plan(73);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'America/New_York';
SET LOCAL DateStyle = 'SQL, DMY';

\ir lib/put.sql

-- the documentation's own sample record: an order whose line has no id
SELECT is(pg_temp.put('list', $${"seller_nick":"我在测试","pic_path":"http:\/\/img08.taobao.net\/a.jpg","payment":"200.07","seller_rate":true,"post_fee":"200.07","receiver_state":"浙江省","consign_time":"2000-01-01 00:00:00","received_payment":"200.07","receiver_country":"中国","order_tax_fee":"0","shop_pick":"1","tid":2231958349,"num":1,"num_iid":3424234,"status":"TRADE_NO_CREATE_PAY","title":"麦包包","type":"fixed(一口价)","price":"200.07","discount_fee":"200.07","total_fee":"200.07","created":"2000-01-01 00:00:00","pay_time":"2000-01-01 00:00:00","modified":"2000-01-01 00:00:00","end_time":"2000-01-01 00:00:00","seller_flag":1,"buyer_nick":"我在测试","has_buyer_message":true,"credit_card_fee":"30.5","step_trade_status":"FRONT_NOPAID_FINAL_NOPAID","step_paid_fee":"525.70","mark_desc":"该订单需要延长收货时间","shipping_type":"free","adjust_fee":"200.07","trade_from":"WAP,JHS","service_orders":{"service_order":[{}]},"buyer_rate":true,"receiver_city":"杭州市","receiver_district":"西湖区","orders":{"order":[{}]},"rx_audit_status":"0","post_gate_declare":true,"cross_bonded_declare":false,"order_tax_promotion_fee":"0"}$$),
	'1/0/0', 'the documentation''s sample is stored');
SELECT is(pg_temp.put('list', $${"adjust_fee":"0.00","buyer_nick":"sandbox_cilai_c","buyer_obtain_point_fee":0,"buyer_rate":false,"cod_fee":"0.00","cod_status":"NEW_CREATED","created":"2016-10-20 13:27:13","discount_fee":"0.00","modified":"2016-10-20 13:27:49","num":5,"num_iid":2100710399384,"orders":{"order":[{"adjust_fee":"0.00","buyer_rate":false,"discount_fee":"0.00","num":5,"num_iid":2100710399384,"oid":194145147111084,"payment":"510.00","pic_path":"http://img03.daily.taobao.net/a.jpg","price":"100.00","refund_status":"NO_REFUND","seller_rate":false,"seller_type":"C","status":"WAIT_SELLER_SEND_GOODS","title":"沙箱测试20150915001","total_fee":"500.00"}]},"pay_time":"2016-10-20 13:27:49","payment":"510.00","point_fee":0,"post_fee":"10.00","price":"100.00","real_point_fee":0,"received_payment":"0.00","receiver_city":"济宁市","receiver_district":"嘉祥县","receiver_state":"山东省","seller_nick":"sandbox_c_1","seller_rate":false,"shipping_type":"express","sid":"194145147111084","status":"WAIT_SELLER_SEND_GOODS","tid":194145147111084,"title":"d[s50339501]","total_fee":"500.00","type":"fixed"}$$),
	'1/0/0', 'a sandbox answer is stored');
SELECT is(pg_temp.put('details', $${"adjust_fee":"0.00","alipay_no":"2014011500000000000000005237","available_confirm_fee":"0.00","buyer_area":"未知","buyer_nick":"买家**","buyer_obtain_point_fee":0,"cod_fee":"0.00","cod_status":"NEW_CREATED","commission_fee":"0.00","consign_time":"2014-01-17 15:31:07","created":"2014-01-15 21:40:01","discount_fee":"0.00","end_time":"2014-01-27 15:32:23","has_post_fee":true,"is_part_consign":false,"modified":"2014-02-06 15:35:43","num":2,"num_iid":37000093369,"orders":{"order":[{"adjust_fee":"0.00","cid":50002816,"consign_time":"2014-01-17 15:31:07","discount_fee":"0.00","end_time":"2014-01-27 15:32:23","invoice_no":"550281130000","logistics_company":"顺丰速运","num":2,"num_iid":37000093369,"oid":518073710002548,"order_from":"TAOBAO","payment":"76.00","price":"38.00","refund_status":"NO_REFUND","shipping_type":"express","sku_id":"56388300261","sku_properties_name":"颜色分类:绿檀大圆把","status":"TRADE_FINISHED","store_code":"IC","title":"测试商品","total_fee":"76.00"}]},"pay_time":"2014-01-15 21:40:24","payment":"76.00","point_fee":0,"post_fee":"0.00","price":"38.00","real_point_fee":0,"received_payment":"76.00","receiver_city":"郑州市","receiver_district":"管城回族区","receiver_state":"河南省","seller_flag":0,"seller_nick":"测试旗舰店","shipping_type":"express","status":"TRADE_FINISHED","tid":518073710002548,"title":"测试旗舰店","total_fee":"76.00","trade_from":"TAOBAO","type":"fixed"}$$),
	'1/0/0', 'a whole record is stored');

SELECT results_eq(
	$$SELECT tid, status, payment, post_fee, seller_flag, has_buyer_message, line_count, item_num, package_count, credit_card_fee FROM ordersync.orders WHERE tid = 2231958349$$,
	$$VALUES (2231958349::bigint, 'TRADE_NO_CREATE_PAY', 200.07, 200.07, 1::smallint, true, 0, 0, 0, 30.50)$$,
	'the sample''s columns; a line without an id is no line');
SELECT is(count(*), 0::bigint, 'an empty line is nothing to note') FROM ordersync.quarantine;
SELECT results_eq(
	$$SELECT created, pay_time, created_date, paid_date, paid_at, paid_amount, line_count, item_num, details_at IS NULL, platform, platform_state FROM ordersync.orders WHERE tid = 194145147111084$$,
	$$VALUES ('2016-10-20 05:27:13+00'::timestamptz, '2016-10-20 05:27:49+00'::timestamptz, '2016-10-20'::date, '2016-10-20'::date, '2016-10-20 05:27:49+00'::timestamptz, 510.00, 1, 5, true, 'taobao', 'listed')$$,
	'times are Asia/Shanghai whatever the session says');
SELECT results_eq(
	$$SELECT tid, trade_status, trade_type, paid_at, receiver_state, line_no, status, refund_status, num_iid, price, num, total_fee, payment, paid_amount, paid_amount_estimated, is_gift, sku_id FROM ordersync.sub_orders WHERE oid = 194145147111084$$,
	$$VALUES (194145147111084::bigint, 'WAIT_SELLER_SEND_GOODS', 'fixed', '2016-10-20 05:27:49+00'::timestamptz, '山东省', 1::smallint, 'WAIT_SELLER_SEND_GOODS', 'NO_REFUND', 2100710399384, 100.00, 5, 500.00, 510.00, 500.00, false, false, NULL::bigint)$$,
	'a line carries its order''s facts; its paid amount has no postage in it');
SELECT results_eq(
	$$SELECT details_at IS NOT NULL, logistics_company, invoice_no, package_count, end_date, alipay_no, available_confirm_fee, trade_from FROM ordersync.orders WHERE tid = 518073710002548$$,
	$$VALUES (true, '顺丰速运', '550281130000', 1, '2014-01-27'::date, '2014011500000000000000005237', 0.00, 'TAOBAO')$$,
	'a whole record fills what only it has');
SELECT is((SELECT sku_id FROM ordersync.sub_orders WHERE oid = 518073710002548), 56388300261, 'a SKU id that is text becomes a number');

-- ids: 19 digits, as numbers and as strings
SELECT is(pg_temp.put('increment',
	$${"tid":1347456243420006949,"modified":"2020-11-04 14:59:33","orders":{"order":[{"oid":1347456243420016949,"num":1}]}}$$,
	$${"tid":"1347456243420006950","modified":"2020-11-04 14:59:33","orders":{"order":[{"oid":"1347456243420016950","num":"1","refund_id":"9223372036854775807","sku_id":"","num_iid":"12"}]}}$$),
	'2/0/0', 'ids as numbers and as strings');
SELECT bag_eq(
	$$SELECT tid, oid, num, refund_id, sku_id, num_iid FROM ordersync.sub_orders WHERE tid BETWEEN 1347456243420006949 AND 1347456243420006950$$,
	$$VALUES (1347456243420006949, 1347456243420016949, 1, NULL::bigint, NULL::bigint, NULL::bigint), (1347456243420006950, 1347456243420016950, 1, 9223372036854775807, NULL, 12)$$,
	'every digit of every id is kept');

-- every form in which lines come, or do not
SELECT is(pg_temp.put('increment', format('{"tid":%s,"modified":"2020-11-04 14:59:33","status":"WAIT_BUYER_PAY"%s}', tid, form)), '1/0/0', 'stored: ' || label)
FROM (VALUES
	(100, '', 'lines missing'),
	(101, ',"orders":null', 'lines null'),
	(102, ',"orders":{}', 'lines {}'),
	(103, ',"orders":[]', 'lines []'),
	(104, ',"orders":{"order":[]}', 'lines {"order":[]}'),
	(105, ',"orders":{"order":null}', 'lines {"order":null}'),
	(106, ',"orders":{"order":{}}', 'lines {"order":{}}'),
	(107, ',"orders":{"order":[null]}', 'a line that is null'),
	(110, ',"orders":{"order":[{"oid":1101,"num":2},{"oid":1102,"num":3}]}', 'wrapped'),
	(111, ',"orders":[{"oid":1111,"num":2},{"oid":1112,"num":3}]', 'bare (simplify)'),
	(112, ',"orders":{"order":{"oid":1121,"num":5}}', 'a single object (relay)'),
	(113, ',"orders":{"oid":1131,"num":5}', 'a bare single object'),
	(114, ',"orders":{"order":[{"oid":1141,"num":5},{"oid":1141,"num":5}]}', 'the same line twice'),
	(115, ',"orders":{"order":[{"oid":1151,"num":5},{"num":5},7,"x"]}', 'a line without an id, and what is no line'),
	(116, ',"orders":"none"', 'lines that are a text'),
	(117, ',"orders":{"order":[[{"oid":1171}],[]],"unreadable":5}', 'lists for lines')
) AS f (tid, form, label);
SELECT results_eq(
	$$SELECT o.tid, o.line_count, o.item_num, (SELECT count(*) FROM ordersync.sub_orders s WHERE s.shop_id = 7 AND s.tid = o.tid) FROM ordersync.orders o WHERE o.tid BETWEEN 100 AND 117 AND o.tid <> 114 ORDER BY 1$$,
	$$VALUES (100::bigint, 0, 0, 0::bigint), (101, 0, 0, 0), (102, 0, 0, 0), (103, 0, 0, 0), (104, 0, 0, 0), (105, 0, 0, 0), (106, 0, 0, 0), (107, 0, 0, 0),
		(110, 2, 5, 2), (111, 2, 5, 2), (112, 1, 5, 1), (113, 1, 5, 1), (115, 1, 5, 1), (116, 0, 0, 0), (117, 0, 0, 0)$$,
	'every form of lines comes to its lines');
SELECT is((SELECT count(*) FROM ordersync.sub_orders WHERE tid = 114), 1::bigint, 'the same line twice is one line');
SELECT is(
	(SELECT count(*) FROM ordersync.order_payloads WHERE tid IN (111, 112, 113) AND jsonb_typeof(payload #> '{orders,order}') = 'array'),
	3::bigint, 'payloads have one form of lines');
SELECT results_eq(
	$$SELECT record_id, reason, convert_from(body, 'UTF8')::jsonb FROM ordersync.quarantine WHERE record_id IN (115, 116) ORDER BY 1, convert_from(body, 'UTF8') COLLATE "C"$$,
	$$VALUES (115::bigint, 'line', '"x"'::jsonb), (115, 'line', '7'), (115, 'line', '{"num": 5}'), (116, 'line', '"none"')$$,
	'what is no line is noted with its bytes');
SELECT is(pg_temp.put('increment', '{"tid":115,"modified":"2020-11-04 15:59:33","orders":{"order":[{"oid":1151,"num":5}]}}'), '0/1/0', 'the order comes again, whole');
SELECT is(
	(SELECT count(*) FROM ordersync.quarantine WHERE record_id = 115 AND resolved_at IS NULL), 0::bigint,
	'and what was noted is resolved');

-- values that cannot be read cost the value, not the order
SELECT is(pg_temp.put('increment', $${"tid":200,"modified":"2020-11-04 14:59:33","status":"WAIT_BUYER_PAY","payment":"12,50","created":"yesterday","pay_time":"","has_buyer_message":"perhaps","seller_flag":99999,"post_fee":null,"total_fee":{"a":1},"discount_fee":"100000000000000000.00","num":[1],"type":["fixed"],"step_paid_fee":true,"orders":{"order":[{"oid":2001,"num":3000000000,"price":"free","num_iid":"1e3","consign_time":"2020-02-30 00:00:00","sku_id":"0","refund_id":0}]}}$$),
	'1/0/0', 'an order with unreadable values is stored');
SELECT results_eq(
	$$SELECT status, payment, created, pay_time, has_buyer_message, seller_flag, post_fee, total_fee, discount_fee, step_paid_fee, created_date, item_num FROM ordersync.orders WHERE tid = 200$$,
	$$VALUES ('WAIT_BUYER_PAY', NULL::numeric, NULL::timestamptz, NULL::timestamptz, NULL::boolean, NULL::smallint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::date, 0)$$,
	'they are NULL in their columns');
SELECT results_eq(
	$$SELECT column_name, value, reason FROM ordersync.quarantine WHERE record_id = 200 ORDER BY column_name COLLATE "C"$$,
	$$VALUES ('created', 'yesterday', 'value'), ('discount_fee', '100000000000000000.00', 'value'), ('has_buyer_message', 'perhaps', 'value'), ('payment', '12,50', 'value'),
		('seller_flag', '99999', 'value'), ('step_paid_fee', 'true', 'value'), ('sub_orders.consign_time', '2020-02-30 00:00:00', 'value'), ('sub_orders.num', '3000000000', 'value'),
		('sub_orders.num_iid', '1e3', 'value'), ('sub_orders.price', 'free', 'value'), ('total_fee', '{"a": 1}', 'value')$$,
	'each is noted in quarantine, an empty or missing one is not');
SELECT results_eq($$SELECT sku_id, refund_id FROM ordersync.sub_orders WHERE oid = 2001$$, $$VALUES (NULL::bigint, NULL::bigint)$$, 'ids that are 0 are none');
SELECT is(pg_temp.put('increment', $${"tid":200,"modified":"2020-11-04 15:59:33","status":"WAIT_BUYER_PAY","payment":"12.50","created":"yesterday","orders":{"order":[{"oid":2001,"num":3,"price":"1.00"}]}}$$),
	'0/1/0', 'most values are right in its next version');
SELECT results_eq(
	$$SELECT column_name FROM ordersync.quarantine WHERE record_id = 200 AND resolved_at IS NULL$$, $$VALUES ('created')$$,
	'what it cured is resolved, what it did not stays open, once');
SELECT is((SELECT payment FROM ordersync.orders WHERE tid = 200), 12.50, 'and the column is filled');

-- amounts at the edge of their columns; the difference of two that fit
SELECT is(pg_temp.put('increment', $${"tid":210,"modified":"2020-11-04 14:59:33","type":"fixed","pay_time":"2020-11-04 14:59:33","payment":"9999999999999999.99","orders":{"order":[{"oid":2101,"num":2147483647,"total_fee":"9999999999999999.99","part_mjz_discount":"-9999999999999999.99"},{"oid":2102,"num":2147483647}]}}$$),
	'1/0/0', 'the largest amounts are stored');
SELECT results_eq($$SELECT payment, item_num FROM ordersync.orders WHERE tid = 210$$, $$VALUES (9999999999999999.99, 2147483647)$$, 'to the cent, counts capped');
SELECT is((SELECT paid_amount FROM ordersync.sub_orders WHERE oid = 2101), NULL, 'an amount that fits no column is none');

-- text survives byte for byte
SELECT is(pg_temp.put('details', jsonb_build_object('tid', 220, 'modified', '2020-11-04 14:59:33', 'seller_memo', E'\U0001F600 "q" \\ \u200F''; DROP TABLE orders; --')::text), '1/0/0', 'a memo with all that hurts');
SELECT is((SELECT seller_memo FROM ordersync.orders WHERE tid = 220), E'\U0001F600 "q" \\ \u200F''; DROP TABLE orders; --', 'comes back byte for byte');

-- the same id twice in a page
SELECT is(pg_temp.put('increment', '{"tid":230,"modified":"2020-11-04 14:59:33","status":"WAIT_BUYER_PAY"}', '{"tid":230,"modified":"2020-11-04 14:59:34","status":"TRADE_CLOSED_BY_TAOBAO"}', '{"tid":230,"modified":"2020-11-04 14:59:33","status":"WAIT_BUYER_PAY"}'),
	'1/0/0', 'the same id three times in a page is one record');
SELECT is((SELECT status FROM ordersync.orders WHERE tid = 230), 'TRADE_CLOSED_BY_TAOBAO', 'the newest of them');

-- a line that moves to another order, or is in two at once
SELECT is(pg_temp.put('increment', '{"tid":240,"modified":"2020-11-04 14:59:35","orders":{"order":[{"oid":2401,"num":1}]}}', '{"tid":241,"modified":"2020-11-04 14:59:34","orders":{"order":[{"oid":2401,"num":9}]}}'),
	'2/0/0', 'two orders that name the same line');
SELECT results_eq($$SELECT tid, num FROM ordersync.sub_orders WHERE oid = 2401$$, $$VALUES (240::bigint, 1)$$, 'the newer order has it');

-- many carriers and waybills
SELECT is(pg_temp.put('increment', '{"tid":250,"modified":"2020-11-04 14:59:35","orders":{"order":[{"oid":2501,"num":1,"logistics_company":"圆通","invoice_no":"B2"},{"oid":2502,"num":1,"logistics_company":"中通","invoice_no":"A1"},{"oid":2503,"num":1,"logistics_company":"圆通","invoice_no":"B2"},{"oid":2504,"num":1,"logistics_company":"","invoice_no":""}]}}'),
	'1/0/0', 'an order in parcels');
SELECT results_eq($$SELECT logistics_company, invoice_no, package_count, line_count, item_num FROM ordersync.orders WHERE tid = 250$$, $$VALUES ('中通,圆通', 'A1,B2', 2, 4, 4)$$, 'distinct carriers and waybills');

-- days at midnight of Asia/Shanghai
SELECT is(pg_temp.put('increment', '{"tid":260,"modified":"2021-01-01 00:00:00","created":"2020-12-31 23:59:59","pay_time":"2021-01-01 00:00:00","end_time":"2024-02-29 00:00:00","type":"fixed","payment":"1.00"}'), '1/0/0', 'an order over the end of a year');
SELECT results_eq($$SELECT created_date, paid_date, end_date FROM ordersync.orders WHERE tid = 260$$, $$VALUES ('2020-12-31'::date, '2021-01-01'::date, '2024-02-29'::date)$$, 'its days are Shanghai''s');

-- records that cannot be stored at all
SELECT lives_ok($$SELECT ordersync.quarantine_records(7, 'orders', 70, 700, ARRAY[300, 0, NULL]::bigint[], ARRAY['no_time', 'no_id', 'nul'], ARRAY['{"tid":300}', '{"x":1}', '\x7b00ff7d']::bytea[])$$, 'records go to quarantine as bytes');
SELECT lives_ok($$SELECT ordersync.quarantine_records(7, 'orders', 71, 701, ARRAY[300, 0, NULL]::bigint[], ARRAY['no_time', 'no_id', 'nul'], ARRAY['{"tid":300}', '{"x":1}', '\x7b00ff7d']::bytea[])$$, 'and come again');
SELECT results_eq($$SELECT record_id, reason, body, run_id FROM ordersync.quarantine WHERE reason IN ('no_time', 'no_id', 'nul') ORDER BY reason$$,
	$$VALUES (NULL::bigint, 'no_id', '{"x":1}'::bytea, 70::bigint), (300, 'no_time', '{"tid":300}', 70), (NULL, 'nul', '\x7b00ff7d', 70)$$, 'each is kept once');
SELECT is(pg_temp.put('increment', '{"tid":300,"modified":"2021-01-01 00:00:00"}'), '1/0/0', 'one of them comes whole');
SELECT isnt((SELECT resolved_at FROM ordersync.quarantine WHERE record_id = 300), NULL, 'which resolves it');
-- of a shop that keeps no bytes of them, too, an older version is no answer
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(7, '测试旗舰店', 'key', options => '{"privacy": "strict"}');
SELECT is(pg_temp.put('increment', '{"tid":301,"modified":"2021-01-01 00:00:00"}'), '1/0/0', 'an order');
SELECT lives_ok($$SELECT ordersync.quarantine_records(7, 'orders', 72, 702, ARRAY[301], ARRAY['shape'], ARRAY['{"tid":301,"modified":"2021-01-02 00:00:00","orders":{"order":[}']::bytea[])$$, 'its next version cannot be stored');
SELECT results_eq($$SELECT body, modified FROM ordersync.quarantine WHERE record_id = 301$$, $$VALUES (NULL::bytea, ordersync.read_time('2021-01-02 00:00:00'))$$, 'its age is noted, not its bytes');
SELECT is(pg_temp.put('increment', '{"tid":301,"modified":"2021-01-01 00:00:00"}'), '0/0/1', 'the one that is stored comes again');
SELECT is((SELECT resolved_at FROM ordersync.quarantine WHERE record_id = 301), NULL, 'and resolves nothing');
SELECT is(pg_temp.put('increment', '{"tid":301,"modified":"2021-01-02 00:00:00"}'), '0/1/0', 'the next one comes whole');
SELECT isnt((SELECT resolved_at FROM ordersync.quarantine WHERE record_id = 301), NULL, 'which resolves it');

-- unknown fields and values are kept
SELECT is(pg_temp.put('increment', '{"tid":310,"modified":"2021-01-01 00:00:00","status":"SOMETHING_NEW","a_new_field":{"x":[1,2]}}'), '1/0/0', 'an order of tomorrow');
SELECT is((SELECT payload -> 'a_new_field' FROM ordersync.order_payloads WHERE tid = 310), '{"x": [1, 2]}', 'an unknown field stays in the payload');
SELECT is((SELECT status FROM ordersync.orders WHERE tid = 310), 'SOMETHING_NEW', 'an unknown status is stored');

-- the empty page, and words that apply does not know
SELECT results_eq($$SELECT * FROM ordersync.apply_orders(7, 'list', 1, 1, '{}', '{}', '{}', '{}')$$, $$VALUES (0, 0, 0)$$, 'an empty page is nothing');
SELECT throws_ok($$SELECT * FROM ordersync.apply_orders(7, 'guess', 1, 1, '{}', '{}', '{}', '{}')$$, '22023', 'unrecognized source of orders "guess"', 'an unknown source is an error');

-- what must never exist
SELECT is(count(*), 0::bigint, 'no column for persons')
FROM information_schema.columns c
WHERE c.table_schema = 'ordersync'
	AND c.table_name IN ('orders', 'sub_orders', 'after_sales', 'order_report', 'sub_order_report', 'after_sale_report')
	AND c.column_name ~ '(receiver_(name|mobile|phone|address|town|zip)|email|buyer_alipay_no|alipay_id|buyer_memo|buyer_message$|trade_memo|seller_(name|mobile|phone)|identity|^address$)'
	AND c.column_name <> 'has_buyer_message';
SELECT is((SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'ordersync.orders'::regclass AND attnum > 0 AND NOT attisdropped),
	'{shop_id,tid,platform,seller_nick,type,status,step_trade_status,trade_from,trade_source,created,pay_time,consign_time,end_time,modified,async_modified,paid_at,created_date,paid_date,end_date,total_fee,discount_fee,adjust_fee,post_fee,payment,paid_amount,received_payment,available_confirm_fee,step_paid_fee,commission_fee,credit_card_fee,cod_fee,order_tax_fee,platform_subsidy_fee,yfx_fee,point_fee,real_point_fee,buyer_obtain_point_fee,cod_status,shipping_type,is_part_consign,logistics_company,invoice_no,package_count,line_count,item_num,buyer_nick,buyer_open_uid,oaid,receiver_country,receiver_state,receiver_city,receiver_district,seller_flag,seller_memo,has_buyer_message,alipay_no,platform_state,details_at,first_seen_at,synced_at,paid_amount_frozen,gmv}'::name[],
	'the columns of orders, in order');
SELECT is(count(*), 0::bigint, 'every column of every table and view has a comment')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'ordersync'::regnamespace
	AND c.relkind IN ('r', 'p', 'v')
	AND NOT c.relispartition
	AND a.attnum > 0
	AND NOT a.attisdropped
	AND col_description(c.oid, a.attnum) IS NULL;

SELECT * FROM finish();
ROLLBACK;
