-- Old changes and old counts are removed: amounts, reports and completeness say the same as before, and so does what is stored later.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;
SET LOCAL TimeZone = 'UTC';
SELECT ordersync.set_up();
\ir lib/put.sql
INSERT INTO ordersync.gateways (name, base_url, app_key, protocol, sign_method, clock_offset) VALUES ('g', 'https://example.invalid', '1', 'top', 'md5', '0');
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES (7, 's', '{s}', 'g');

-- an order that was paid for and refunded in part; one that was first seen when its refund was through; one that is signed for
SELECT pg_temp.put('increment', '{"tid":1,"type":"fixed","status":"WAIT_BUYER_PAY","created":"2026-03-01 10:00:00","modified":"2026-03-01 10:00:00","payment":"30.00","seller_nick":"s","orders":{"order":[{"oid":11,"num_iid":5,"num":1,"total_fee":"10.00","divide_order_fee":"10.00","refund_status":"NO_REFUND"},{"oid":12,"num_iid":6,"num":2,"total_fee":"20.00","divide_order_fee":"20.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put('list', '{"tid":1,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","modified":"2026-03-01 11:00:00","payment":"29.00","seller_nick":"s","orders":{"order":[{"oid":11,"num_iid":5,"num":1,"total_fee":"10.00","divide_order_fee":"10.00","refund_status":"NO_REFUND"},{"oid":12,"num_iid":6,"num":2,"total_fee":"20.00","divide_order_fee":"19.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put('list', '{"tid":1,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","modified":"2026-03-02 11:00:00","payment":"19.00","seller_nick":"s","orders":{"order":[{"oid":11,"num_iid":5,"num":1,"total_fee":"10.00","divide_order_fee":"10.00","refund_status":"SUCCESS","refund_id":"101"},{"oid":12,"num_iid":6,"num":2,"total_fee":"20.00","divide_order_fee":"19.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put_refund('list', '{"refund_id":101,"tid":1,"oid":11,"created":"2026-03-02 10:00:00","modified":"2026-03-02 11:00:00","status":"SUCCESS","refund_fee":"10.00","dispute_type":"REFUND"}');
SELECT pg_temp.put_refund('list', '{"refund_id":101,"tid":1,"oid":11,"created":"2026-03-02 10:00:00","modified":"2026-03-05 11:00:00","status":"SUCCESS","refund_fee":"10.00","dispute_type":"REFUND","desc":"torn"}');
SELECT pg_temp.put('list', '{"tid":2,"type":"fixed","status":"WAIT_SELLER_SEND_GOODS","created":"2026-03-01 10:00:00","pay_time":"2026-03-01 11:00:00","modified":"2026-03-06 11:00:00","payment":"8.00","seller_nick":"s","orders":{"order":[{"oid":21,"num_iid":5,"num":1,"total_fee":"8.00","divide_order_fee":"8.00","refund_status":"NO_REFUND"},{"oid":22,"num_iid":6,"num":1,"total_fee":"0.00","divide_order_fee":"0.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put('increment', '{"tid":3,"type":"step","status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID","created":"2026-03-01 10:00:00","modified":"2026-03-01 10:30:00","payment":"50.00","seller_nick":"s","orders":{"order":[{"oid":31,"num_iid":5,"num":1,"total_fee":"50.00","divide_order_fee":"50.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put('increment', '{"tid":3,"type":"step","status":"PAY_PENDING","step_trade_status":"FRONT_PAID_FINAL_NOPAID","created":"2026-03-01 10:00:00","modified":"2026-03-02 10:00:00","payment":"50.00","seller_nick":"s","orders":{"order":[{"oid":31,"num_iid":5,"num":1,"total_fee":"50.00","divide_order_fee":"50.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put('increment', '{"tid":3,"type":"step","status":"WAIT_BUYER_CONFIRM_GOODS","step_trade_status":"FRONT_PAID_FINAL_PAID","created":"2026-03-01 10:00:00","pay_time":"2026-03-03 10:00:00","consign_time":"2026-03-03 18:00:00","modified":"2026-03-03 18:00:00","payment":"50.00","seller_nick":"s","orders":{"order":[{"oid":31,"num_iid":5,"num":1,"total_fee":"50.00","divide_order_fee":"50.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put('increment', '{"tid":3,"type":"step","status":"TRADE_BUYER_SIGNED","step_trade_status":"FRONT_PAID_FINAL_PAID","created":"2026-03-01 10:00:00","pay_time":"2026-03-03 10:00:00","consign_time":"2026-03-03 18:00:00","modified":"2026-03-04 10:00:00","payment":"50.00","seller_nick":"s","orders":{"order":[{"oid":31,"num_iid":5,"num":1,"total_fee":"50.00","divide_order_fee":"50.00","refund_status":"NO_REFUND"}]}}');
SELECT pg_temp.put('increment', '{"tid":3,"type":"step","status":"TRADE_FINISHED","step_trade_status":"FRONT_PAID_FINAL_PAID","created":"2026-03-01 10:00:00","pay_time":"2026-03-03 10:00:00","consign_time":"2026-03-03 18:00:00","end_time":"2026-03-05 10:00:00","modified":"2026-03-05 10:00:00","payment":"50.00","seller_nick":"s","orders":{"order":[{"oid":31,"num_iid":5,"num":1,"total_fee":"50.00","divide_order_fee":"50.00","refund_status":"NO_REFUND"}]}}');
UPDATE ordersync.order_changes SET recorded_at = '2026-03-06 04:00:00+00';

CREATE FUNCTION pg_temp.changes(p_before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_next bigint; v record; v_sum bigint := 0;
BEGIN
	LOOP
		SELECT * INTO v FROM ordersync.remove_old_changes(v_next, p_before);
		v_sum := v_sum + v.removed;
		v_next := v.p_next;
		EXIT WHEN v_next IS NULL;
	END LOOP;
	RETURN v_sum;
END $$;
CREATE FUNCTION pg_temp.cols(p_query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE r jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_agg(to_jsonb(t) - ''synced_at''::text - ''read_at''::text ORDER BY to_jsonb(t)) FROM (%s) t', p_query) INTO r;
	RETURN r;
END $$;
-- what a refund makes of an order that was first seen after it; and rows that somebody deleted, written again from their records
CREATE FUNCTION pg_temp.later() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE r jsonb;
BEGIN
	BEGIN
		PERFORM pg_temp.put_refund('list', '{"refund_id":201,"tid":2,"oid":21,"created":"2026-03-02 10:00:00","modified":"2026-03-02 11:00:00","status":"SUCCESS","refund_fee":"2.00","dispute_type":"REFUND"}');
		DELETE FROM ordersync.orders WHERE tid IN (1, 3);
		DELETE FROM ordersync.sub_orders WHERE tid IN (1, 3);
		DELETE FROM ordersync.after_sales WHERE tid IN (1, 3);
		PERFORM ordersync.reproject_batch('orders', 7, '{1,3}'), ordersync.reproject_batch('after_sales', 7, '{101}');
		SELECT jsonb_build_array(pg_temp.cols('SELECT * FROM ordersync.orders'), pg_temp.cols('SELECT * FROM ordersync.sub_orders'), pg_temp.cols('SELECT * FROM ordersync.after_sales')) INTO r;
		RAISE EXCEPTION USING MESSAGE = r::text;
	EXCEPTION
		WHEN raise_exception THEN
			RETURN SQLERRM::jsonb;
	END;
END $$;
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT pg_temp.cols('SELECT * FROM ordersync.stage_durations') AS stages, pg_temp.later() AS later;
SELECT is((SELECT x ->> 'paid_amount_estimated' FROM before, jsonb_array_elements(later -> 1) x WHERE x ->> 'oid' = '21'), 'true', 'an order first seen after its refund: its amount is an estimate');
SELECT is((SELECT x ->> 'paid_amount' FROM before, jsonb_array_elements(later -> 0) x WHERE x ->> 'tid' = '1'), '29.00', 'what was paid, restored');
SELECT cmp_ok((SELECT jsonb_array_length(stages) FROM before), '>=', 5, 'stages');

SELECT is(pg_temp.changes('2026-03-06 04:00:00+00'), 0::bigint, 'nothing is old enough');
DELETE FROM ordersync.clean_ups;
SELECT is(pg_temp.changes('2026-03-06 04:00:01+00'), 5::bigint, 'old changes are removed: three statuses, when it was sent, and a line''s refund');
SELECT is((SELECT count(*) FROM ordersync.order_changes WHERE object = 'sub_order' OR field = 'status' AND new_value IN ('WAIT_SELLER_SEND_GOODS', 'TRADE_FINISHED')), 0::bigint, 'those of lines, and of statuses that other columns tell');
SELECT is(pg_temp.cols('SELECT * FROM ordersync.stage_durations'), (SELECT stages FROM before), 'stage_durations is the same');
SELECT is(pg_temp.later(), (SELECT later FROM before), 'so are amounts of what is stored later, and rows that are restored');
SELECT is((SELECT next_id FROM ordersync.clean_ups WHERE name = 'changes of a shop' AND shop_id = 7), (SELECT max(change_id) FROM ordersync.order_changes), 'what was left is not looked at again');
INSERT INTO ordersync.order_changes (shop_id, object, id, tid, field, recorded_at) SELECT 7, 'sub_order', n, 1, 'refund_status', '2026-03-07 00:00+00' FROM generate_series(1, 6000) n;
INSERT INTO ordersync.order_changes (shop_id, object, id, tid, field, recorded_at) SELECT 8, 'sub_order', n, 1, 'refund_status', '2026-03-08 00:00+00' FROM generate_series(1, 10) n;
INSERT INTO ordersync.order_changes (shop_id, object, id, tid, field, recorded_at) SELECT 9, 'sub_order', n, 1, 'refund_status', '2026-03-07 00:00+00' FROM generate_series(1, 10) n;
SELECT is(pg_temp.changes('2026-03-08 00:00:00+00'), 6010::bigint, 'of several shops, in several steps');

/* --- counts --- */

-- shop 1: a day read hour by hour, all counted; one with a hole; one with a short hour; one with a quarantined record; the last week
CREATE FUNCTION pg_temp.hours(p_days integer, p_from integer, p_to integer, p_verdict text DEFAULT 'counted', p_quarantined bigint DEFAULT 0) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, quarantined, passes, verdict, run_id, began_at, closed_at)
	SELECT 1, 'orders', b, tstzrange(d.day + make_interval(hours => n), d.day + make_interval(hours => n + 1)), 10 + n, 10 + n, p_quarantined, 1, p_verdict, n,
		d.day + make_interval(hours => n + 2), d.day + make_interval(hours => n + 2, mins => 1)
	FROM (SELECT ordersync_day((now() AT TIME ZONE 'Asia/Shanghai')::date - p_days) AS day) d, generate_series(p_from, p_to) n, unnest('{modified,arrival}'::text[]) b $$;
INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES (1, 'o', '{o}', 'g');
SELECT pg_temp.hours(20, 0, 23);
SELECT pg_temp.hours(19, 0, 9), pg_temp.hours(19, 11, 23);
SELECT pg_temp.hours(18, 0, 9), pg_temp.hours(18, 10, 10, 'short'), pg_temp.hours(18, 11, 23);
SELECT pg_temp.hours(17, 0, 9), pg_temp.hours(17, 10, 10, 'counted', 2), pg_temp.hours(17, 11, 23);
SELECT pg_temp.hours(16, 0, 11, 'unproven'), pg_temp.hours(16, 12, 23);
SELECT pg_temp.hours(3, 0, 23);
-- a day that two readings overlap in, and one by creation
INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, verdict, closed_at)
SELECT 1, 'orders', b, tstzrange(d + make_interval(hours => f), d + make_interval(hours => t)), 5, 5, 'counted', now() - interval '15 days'
FROM (SELECT ordersync_day((now() AT TIME ZONE 'Asia/Shanghai')::date - 15) AS d) d, (VALUES ('modified', 0, 10), ('modified', 9, 12), ('modified', 12, 13), ('created', 0, 12), ('created', 12, 24)) v (b, f, t);
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT 1, 'orders', basis, range_agg(range) FILTER (WHERE verdict <> 'short') FROM ordersync.window_counts WHERE shop_id = 1 GROUP BY basis;
CREATE TEMP TABLE days ON COMMIT DROP AS SELECT pg_temp.cols('SELECT * FROM ordersync.completeness WHERE day < (now() AT TIME ZONE ''Asia/Shanghai'')::date') AS complete, pg_temp.cols('SELECT shop_id, stream, basis, day, reported, seen, quarantined, (short_windows > 0) AS short, (unproven_windows > 0) AS unproven, seen_least FROM ordersync.counted_days') AS counted;
SELECT cmp_ok((SELECT jsonb_array_length(complete) FROM days), '>=', 20, 'days of a shop');
SELECT is((ordersync.remove_old_counts(0)).removed, 2 * (23 + 21 + 21 + 21 + 22)::bigint, 'windows that follow one another become one');
SELECT is(pg_temp.cols('SELECT * FROM ordersync.completeness WHERE day < (now() AT TIME ZONE ''Asia/Shanghai'')::date'), (SELECT complete FROM days), 'completeness says the same');
SELECT is(pg_temp.cols('SELECT shop_id, stream, basis, day, reported, seen, quarantined, (short_windows > 0) AS short, (unproven_windows > 0) AS unproven, seen_least FROM ordersync.counted_days'), (SELECT counted FROM days), 'so do the counts of each day');
SELECT results_eq($$SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date - (lower(range) AT TIME ZONE 'Asia/Shanghai')::date, count(*) FROM ordersync.window_counts WHERE shop_id = 1 AND basis = 'modified' GROUP BY 1 ORDER BY 1 DESC$$,
	'VALUES (20, 1::bigint), (19, 2), (18, 3), (17, 3), (16, 2), (15, 3), (3, 24)', 'a hole, a short window, one with a record in quarantine, another verdict and overlaps divide a day; the last week stays as it is');
SELECT is((SELECT count(*) FROM ordersync.window_counts WHERE shop_id = 1 AND basis = 'created'), 2::bigint, 'windows by creation stay');
SELECT is((ordersync.remove_old_counts(0)).removed, 0::bigint, 'there is nothing more to merge');
-- the merged day is read again as any other
SELECT ordersync.close_window(1, 'orders', 'modified', tstzrange(d, d + interval '24 hours'), 'counted', 300, 300, 0, 1, 9, 9, now())
FROM (SELECT ordersync_day((now() AT TIME ZONE 'Asia/Shanghai')::date - 20) AS d) d;
SELECT is((SELECT reported FROM ordersync.counted_days WHERE shop_id = 1 AND basis = 'modified' AND day = (now() AT TIME ZONE 'Asia/Shanghai')::date - 20), 300::bigint, 'a newer reading of the day replaces it');

-- counts without types: what the lists do not reach and had nothing to say
INSERT INTO ordersync.type_counts (shop_id, stream, range, any_type, listed, found)
SELECT 1, 'orders', tstzrange(d + make_interval(hours => f), d + make_interval(hours => t)), a, l, '{}'
FROM (VALUES (120, 0, 24, 5, 5), (119, 0, 12, 5, 5), (119, 12, 24, 6, 5), (118, 0, 24, 5, 5), (99, 0, 24, 5, 5)) v (n, f, t, a, l), ordersync_day((now() AT TIME ZONE 'Asia/Shanghai')::date - n) d;
UPDATE days SET complete = pg_temp.cols('SELECT * FROM ordersync.completeness WHERE day < (now() AT TIME ZONE ''Asia/Shanghai'')::date');
SELECT is((ordersync.remove_old_counts(0)).removed, 2::bigint, 'two days had no other types');
SELECT is(pg_temp.cols('SELECT * FROM ordersync.completeness WHERE day < (now() AT TIME ZONE ''Asia/Shanghai'')::date'), (SELECT complete FROM days), 'and completeness says the same');
SELECT is((SELECT count(*) FROM ordersync.type_counts), 3::bigint, 'a day with a difference stays whole, a young one too');

SELECT * FROM finish();
ROLLBACK;
