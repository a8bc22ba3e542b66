-- Two versions of one second: modified has whole seconds, so the later reading counts, wherever it comes from.
BEGIN;
SELECT plan(45);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'UTC';
\ir lib/put.sql
-- The same with the moment at which the call began that brought it.
CREATE FUNCTION pg_temp.put_read(p_source text, p_read_at timestamptz, p_record text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM ordersync.apply_orders(7, p_source, 70, 700, ARRAY[(p_record::jsonb ->> 'tid')::bigint],
		ARRAY[ordersync.read_time(p_record::jsonb ->> 'modified')],
		ARRAY[substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)], ARRAY[p_record], p_read_at => p_read_at) a
$$;
CREATE FUNCTION pg_temp.put_refund_read(p_source text, p_read_at timestamptz, p_record text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM ordersync.apply_after_sales(7, p_source, 70, 700, ARRAY[(p_record::jsonb ->> 'refund_id')::bigint],
		ARRAY[ordersync.read_time(p_record::jsonb ->> 'modified')],
		ARRAY[substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)], ARRAY[p_record], p_read_at => p_read_at) a
$$;
CREATE FUNCTION pg_temp.col(p_tid bigint, p_column text) RETURNS text LANGUAGE sql AS $$
	SELECT to_jsonb(o) ->> p_column FROM ordersync.orders o WHERE shop_id = 7 AND tid = p_tid
$$;

-- a full run reads the order between two changes of one second, an incremental run after them
SELECT is(pg_temp.put('list', '{"tid":9101,"status":"WAIT_BUYER_PAY","created":"2026-03-01 10:00:00","modified":"2026-03-01 11:00:05","payment":"10.00","trade_from":"WAP","orders":{"order":[{"oid":91011,"status":"WAIT_BUYER_PAY","num":1,"total_fee":"10.00"}]}}'), '1/0/0', 'an order, read between two changes of one second');
SELECT is(pg_temp.put('increment', '{"tid":9101,"status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:05","modified":"2026-03-01 11:00:05","payment":"10.00","orders":{"order":[{"oid":91011,"status":"WAIT_SELLER_SEND_GOODS","num":1,"total_fee":"10.00"}]}}'), '0/1/0', 'read after them by the poorer list');
SELECT is(pg_temp.col(9101, 'status'), 'WAIT_SELLER_SEND_GOODS', 'the later reading stands');
SELECT is(pg_temp.col(9101, 'paid_amount'), '10.00', 'it is paid');
SELECT is(pg_temp.col(9101, 'trade_from'), 'WAP', 'what the poorer list does not serve is kept');
SELECT is((SELECT status FROM ordersync.sub_orders WHERE oid = 91011), 'WAIT_SELLER_SEND_GOODS', 'its line too');
SELECT results_eq($$SELECT rank::integer, sources::integer FROM ordersync.order_payloads WHERE tid = 9101$$, 'VALUES (2, 2)', 'of this version only that list has been read');
SELECT results_eq($$SELECT field, old_value, new_value FROM ordersync.order_changes WHERE tid = 9101 AND object = 'order' ORDER BY field$$,
	$$VALUES ('first_seen', NULL, 'WAIT_BUYER_PAY'), ('pay_time', NULL, '2026-03-01 11:00:05'), ('status', 'WAIT_BUYER_PAY', 'WAIT_SELLER_SEND_GOODS')$$, 'the lifecycle has the change');
SELECT is(pg_temp.put('increment', '{"tid":9101,"status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:05","modified":"2026-03-01 11:00:05","payment":"10.00","orders":{"order":[{"oid":91011,"status":"WAIT_SELLER_SEND_GOODS","num":1,"total_fee":"10.00"}]}}'), '0/0/1', 'the same again is unchanged');
SELECT is(pg_temp.put('list', '{"tid":9101,"status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:05","modified":"2026-03-01 11:00:05","payment":"10.00","trade_from":"WAP,JHS","orders":{"order":[{"oid":91011,"status":"WAIT_SELLER_SEND_GOODS","num":1,"total_fee":"10.00"}]}}'), '0/1/0', 'the richer list of the same version adds what it alone serves');
SELECT results_eq($$SELECT rank::integer, sources::integer FROM ordersync.order_payloads WHERE tid = 9101$$, 'VALUES (3, 6)', 'as before');

-- back within the second: a digest of the version before does not hide it
SELECT is(pg_temp.put('details', '{"tid":9102,"status":"WAIT_BUYER_PAY","modified":"2026-03-01 12:00:00","payment":"10.00","orders":{"order":[{"oid":91021}]}}'), '1/0/0', 'another one');
SELECT is(pg_temp.put('list', '{"tid":9102,"status":"WAIT_BUYER_PAY","modified":"2026-03-01 12:00:00","payment":"9.00","orders":{"order":[{"oid":91021}]}}'), '0/1/0', 'its price was changed within the second');
SELECT is(pg_temp.col(9102, 'payment'), '9.00', 'it has the later price');
SELECT is(pg_temp.put('details', '{"tid":9102,"status":"WAIT_BUYER_PAY","modified":"2026-03-01 12:00:00","payment":"10.00","orders":{"order":[{"oid":91021}]}}'), '0/1/0', 'and back');
SELECT is(pg_temp.col(9102, 'payment'), '10.00', 'it has the first one again');

-- a line's state alone
SELECT is(pg_temp.put('details', '{"tid":9103,"status":"TRADE_FINISHED","modified":"2026-03-02 12:00:00","payment":"10.00","orders":{"order":[{"oid":91031,"refund_status":"WAIT_SELLER_AGREE"},{"oid":91032,"refund_status":"NO_REFUND"}]}}'), '1/0/0', 'an order with a refund');
SELECT is(pg_temp.put('increment', '{"tid":9103,"status":"TRADE_FINISHED","modified":"2026-03-02 12:00:00","payment":"10.00","orders":{"order":[{"oid":91031,"refund_status":"SUCCESS"},{"oid":91032,"refund_status":"NO_REFUND"}]}}'), '0/1/0', 'agreed to within the second');
SELECT is((SELECT refund_status FROM ordersync.sub_orders WHERE oid = 91031), 'SUCCESS', 'the line has the later state');

-- forms of one version are none
SELECT is(pg_temp.put('details', '{"tid":9104,"status":"WAIT_BUYER_PAY","modified":"2026-03-02 12:00:00","payment":"10.00","trade_from":"WAP,JHS","orders":{"order":[{"oid":91041,"num":1}]}}'), '1/0/0', 'a whole record');
SELECT is(pg_temp.put('list', '{"tid":9104,"status":"WAIT_BUYER_PAY","modified":"2026-03-02 12:00:00","payment":10,"trade_from":"WAP","orders":{"order":[{"oid":91041,"num":1}]}}'), '0/0/1', 'a poorer one that writes the amount and the rest in its own way is no other version');
SELECT is(pg_temp.col(9104, 'trade_from'), 'WAP,JHS', 'and thins nothing');
SELECT is(pg_temp.put('increment', '{"tid":9104,"modified":"2026-03-02 12:00:00"}'), '0/0/1', 'nor is one that does not say');

-- calls that overtake each other: what counts is when they began
SELECT is(pg_temp.put_read('increment', '2026-03-03 04:00:02+00', '{"tid":9105,"status":"WAIT_SELLER_SEND_GOODS","pay_time":"2026-03-03 12:00:00","modified":"2026-03-03 12:00:00","payment":"10.00","orders":{"order":[{"oid":91051}]}}'), '1/0/0', 'an order, read late and stored first');
SELECT is(pg_temp.put_read('details', '2026-03-03 04:00:01+00', '{"tid":9105,"status":"WAIT_BUYER_PAY","modified":"2026-03-03 12:00:00","payment":"10.00","orders":{"order":[{"oid":91051}]}}'), '0/0/1', 'a reading that began before it changes nothing, however rich');
SELECT is(pg_temp.col(9105, 'status'), 'WAIT_SELLER_SEND_GOODS', 'it stays paid');
SELECT is(pg_temp.put_read('history', '2026-03-03 04:00:03+00', '{"tid":9105,"status":"TRADE_FINISHED","pay_time":"2026-03-03 12:00:00","modified":"2026-03-03 12:00:00","payment":"10.00","orders":{"order":[{"oid":91051}]}}'), '0/1/0', 'one that began after it does, however poor');
SELECT is(pg_temp.col(9105, 'status'), 'TRADE_FINISHED', 'it is finished');
SELECT is((SELECT read_at FROM ordersync.order_payloads WHERE tid = 9105), '2026-03-03 04:00:03+00', 'when it was read is kept');

-- a cut payload is compared by its columns
SELECT is(pg_temp.put('list', '{"tid":9106,"status":"WAIT_BUYER_PAY","modified":"2026-03-03 12:00:00","payment":"10.00","orders":{"order":[{"oid":91061}]}}'), '1/0/0', 'an order');
UPDATE ordersync.order_payloads SET payload = NULL WHERE tid = 9106;
SELECT is(pg_temp.put('increment', '{"tid":9106,"status":"WAIT_BUYER_PAY","modified":"2026-03-03 12:00:00","payment":"10.00","orders":{"order":[{"oid":91061}]}}'), '0/0/1', 'without its record, the same state changes nothing');
SELECT is(pg_temp.put('increment', '{"tid":9106,"status":"TRADE_CLOSED_BY_TAOBAO","modified":"2026-03-03 12:00:00","payment":"10.00","orders":{"order":[{"oid":91061}]}}'), '0/1/0', 'another state does');
SELECT is(pg_temp.col(9106, 'status'), 'TRADE_CLOSED_BY_TAOBAO', 'it is closed');

-- after-sales
SELECT is(pg_temp.put_refund('details', '{"refund_id":501,"tid":9103,"oid":91031,"modified":"2026-03-02 12:00:00","status":"WAIT_SELLER_AGREE","refund_fee":"5.00","cs_status":1}'), '1/0/0', 'a refund');
SELECT is(pg_temp.put_refund('list', '{"refund_id":501,"tid":9103,"oid":91031,"modified":"2026-03-02 12:00:00","status":"SUCCESS","refund_fee":"5.00"}'), '0/1/0', 'agreed to within the second');
SELECT results_eq($$SELECT status, refunded_amount, cs_status FROM ordersync.after_sales WHERE refund_id = 501$$, $$VALUES ('SUCCESS', 5.00, 1)$$, 'the later reading stands, what it does not serve is kept');
SELECT is(pg_temp.put_refund('list', '{"refund_id":501,"tid":9103,"oid":91031,"modified":"2026-03-02 12:00:00","status":"SUCCESS","refund_fee":"5.00"}'), '0/0/1', 'the same again');
SELECT is(pg_temp.put_refund_read('details', '2026-03-02 04:00:00+00', '{"refund_id":501,"tid":9103,"oid":91031,"modified":"2026-03-02 12:00:00","status":"WAIT_SELLER_AGREE","refund_fee":"5.00","cs_status":1}'), '0/0/1', 'a reading that began earlier changes nothing');

-- the list of arrivals sees what was loaded after the stored reading
INSERT INTO ordersync.gateways (name, base_url, app_key, protocol, sign_method) VALUES ('g', 'https://example.invalid', '1', 'top', 'md5');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES (7, 's', '{s}', 'g');
INSERT INTO ordersync.sync_runs (shop_id, kind) VALUES (7, 'incremental');
INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work) SELECT run_id, 7, 'orders', 'arrival', 'check' FROM ordersync.sync_runs;
CREATE FUNCTION pg_temp.missing(p_arrival timestamptz) RETURNS integer LANGUAGE sql AS $$
	SELECT ordersync.check_records(7, (SELECT task_id FROM ordersync.sync_tasks), '{9105}', ARRAY['2026-03-03 04:00:00+00'::timestamptz], ARRAY[p_arrival])
$$;
SELECT is(pg_temp.missing('2026-03-03 04:00:02+00'), 0, 'one that was loaded before it was read is there');
SELECT is(pg_temp.missing('2026-03-03 04:00:09+00'), 1, 'one that was loaded after it was read is to be fetched');
SELECT is((SELECT missed FROM ordersync.sync_tasks), '{9105}', 'it is noted in the task');
SELECT is(pg_temp.missing(NULL), 0, 'without a time of loading modified decides alone');
INSERT INTO ordersync.lookups (shop_id, stream, record_id, served, asked_at) VALUES (7, 'orders', 9105, true, '2026-03-03 04:01:00+00');
SELECT is(pg_temp.missing('2026-03-03 04:00:09+00'), 0, 'fetched since, it is there whatever it said');
UPDATE ordersync.gateways SET clock_offset = '1 day';
SELECT is(pg_temp.put('list', '{"tid":9107,"status":"WAIT_BUYER_PAY","modified":"2026-03-03 12:00:00","payment":"10.00","orders":{"order":[{"oid":91071}]}}'), '1/0/0', 'an order of a platform whose clock is a day ahead');
SELECT cmp_ok((SELECT read_at - clock_timestamp() FROM ordersync.order_payloads WHERE tid = 9107), '>', interval '23 hours', 'when it was read is told by that clock');

SELECT * FROM finish();
ROLLBACK;
