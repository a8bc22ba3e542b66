-- Rows for test/bench/reports and test/bench/readers: :orders orders of :shops shops (50) in :days days (730) from :first_day
-- on, the largest shop some fourteen times the smallest, or of :largest orders where that is given, 2.1 lines an order or as
-- many as :lines has, :refunds (0.087) of the paid orders with an after-sale. They lie in the tables as daily runs would have
-- left them, day by day and shop by shop. Every column that a platform mostly fills is filled, so that rows have their real
-- width.

\if :{?shops}
\else
	\set shops 50
\endif
\if :{?days}
\else
	\set days 730
\endif
\if :{?first_day}
\else
	\set first_day '2024-09-01'
\endif
\if :{?largest}
\else
	\set largest NULL
\endif
\if :{?lines}
\else
	\set lines '{1,1,1,1,1,1,1,1,1,2,2,2,2,2,3,3,3,4,5,6}'
\endif
\if :{?refunds}
\else
	\set refunds 0.087
\endif

SET synchronous_commit = off;
SET client_min_messages = warning;
SELECT setseed(0.25) \g /dev/null

-- The primary keys stay; the rest is made at the end, as after a restore.
SELECT format('DROP INDEX ordersync.%I', i.relname)
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE NOT x.indisprimary
	AND x.indrelid IN ('ordersync.orders'::regclass, 'ordersync.sub_orders'::regclass, 'ordersync.after_sales'::regclass)
\gexec

INSERT INTO ordersync.orders (
	shop_id, tid, seller_nick, type, status, trade_from, created, pay_time, consign_time, end_time, modified, async_modified,
	paid_at, total_fee, discount_fee, adjust_fee, post_fee, payment, paid_amount, received_payment, commission_fee,
	order_tax_fee, point_fee, real_point_fee, buyer_obtain_point_fee, cod_status, shipping_type, is_part_consign,
	logistics_company, invoice_no, package_count, line_count, item_num, gmv, buyer_nick, buyer_open_uid, oaid, receiver_country,
	receiver_state, receiver_city, receiver_district, seller_flag, has_buyer_message, alipay_no, platform_state,
	first_seen_at, synced_at)
SELECT shop, 3000000000000000000 + day * 10000000000 + shop * 100000000::bigint + i * 100, '测试店铺' || shop, 'fixed',
	CASE WHEN NOT paid THEN 'TRADE_CLOSED_BY_TAOBAO' WHEN ended THEN 'TRADE_FINISHED' ELSE 'WAIT_BUYER_CONFIRM_GOODS' END, 'WAP,WAP',
	created, CASE WHEN paid THEN pay END, CASE WHEN paid THEN pay + interval '1 day' END,
	CASE WHEN ended OR NOT paid THEN changed END, changed, changed,
	CASE WHEN paid THEN pay END, price * sums.units, 0, 0, postage, price * sums.units + postage,
	CASE WHEN paid THEN price * sums.units + postage END, price * sums.units + postage, 0,
	0, 0, 0, 0, 'NEW_CREATED', 'express', false,
	'中通快递', 'SF' || lpad((i * 7919 + day)::text, 13, '0'), 1, lines, sums.units, price * sums.units, '测**',
	'AAH' || md5((random() * 800000)::integer::text), md5(i::text || day), '中国', '浙江省', '杭州市', '余杭区', 0, false,
	'2026' || lpad((day * 100000 + i)::text, 24, '0'), 'listed', created, changed
FROM (
	SELECT day, shop, i,
		(:'first_day' || ' 00:00+08')::timestamptz + day * interval '1 day' + random() * interval '1 day' AS created,
		random() < 0.92 AS paid,
		CASE WHEN random() < 0.35 THEN 5 + trunc(random() * 16) ELSE 0 END::numeric AS postage,
		(1.9 + trunc(random() * 2600) / 10)::numeric(18, 2) AS price,
		(:'lines'::integer[])[1 + trunc(random() * cardinality(:'lines'::integer[]))::integer] AS lines
	FROM generate_series(0, :days - 1) AS day
	CROSS JOIN (
		SELECT shop, CASE
				WHEN :largest IS NULL THEN :orders * power(shop, -0.68) / sum(power(shop, -0.68)) OVER ()
				WHEN shop = 1 THEN :largest
				ELSE (:orders - :largest) * power(shop, -0.68) / sum(power(shop, -0.68)) FILTER (WHERE shop > 1) OVER ()
			END AS orders
		FROM generate_series(1, :shops) AS shop
	) AS s
	CROSS JOIN LATERAL generate_series(1, greatest(1, round(s.orders / :days))::integer) AS i
	OFFSET 0
) AS drawn
CROSS JOIN LATERAL (SELECT created + random() * interval '20 minutes' AS pay OFFSET 0) AS p
-- what is young has not ended
CROSS JOIN LATERAL (SELECT created + interval '10 days' < now() AS ended, least(created + interval '10 days', now()) AS changed) AS e
CROSS JOIN LATERAL (SELECT lines + lines / 3 AS units) AS sums;

-- Every third line is of two pieces.
INSERT INTO ordersync.sub_orders (
	shop_id, oid, tid, trade_status, trade_type, created, pay_time, paid_at, modified, buyer_open_uid, receiver_state, line_no,
	status, refund_status, num_iid, outer_iid, sku_id, outer_sku_id, title, sku_properties_name, cid, price, num, total_fee,
	discount_fee, adjust_fee, part_mjz_discount, divide_order_fee, payment, paid_amount, is_gift, consign_time, end_time,
	shipping_type, logistics_company, invoice_no, store_code, first_seen_at, synced_at)
SELECT o.shop_id, o.tid + n, o.tid, o.status, o.type, o.created, o.pay_time, o.paid_at, o.modified, o.buyer_open_uid,
	o.receiver_state, n, o.status, 'NO_REFUND', 600000000000 + item, 'SPU-' || item, 4500000000000 + item, 'SKU' || item,
	'夏季新款纯棉宽松短袖女装圆领百搭上衣 ' || item, '颜色分类:白色;尺码:M', 50000000 + item % 40, price, num, price * num,
	0, 0, NULL, CASE WHEN o.paid_at IS NOT NULL THEN price * num END, price * num,
	CASE WHEN o.paid_at IS NOT NULL THEN price * num END, false, o.consign_time, o.end_time,
	'express', o.logistics_company, o.invoice_no, 'IC', o.first_seen_at, o.synced_at
FROM (
	SELECT o.*, (o.total_fee / o.item_num)::numeric(18, 2) AS price
	FROM ordersync.orders AS o
	OFFSET 0
) AS o
CROSS JOIN LATERAL generate_series(1, o.line_count) AS n
CROSS JOIN LATERAL (SELECT (random() * random() * 500)::integer AS item, CASE WHEN n % 3 = 0 THEN 2 ELSE 1 END AS num OFFSET 0) AS x;

INSERT INTO ordersync.after_sales (
	shop_id, refund_id, tid, oid, status, order_status, dispute_type, refund_phase, good_status, has_good_return, created,
	modified, refunded_at, closed_at, total_fee, refund_fee, refunded_amount, payment, reason, title, num, num_iid, sku_id,
	buyer_open_uid, first_seen_at, synced_at)
SELECT s.shop_id, s.oid + 50, s.tid, s.oid, CASE WHEN done THEN 'SUCCESS' ELSE 'CLOSED' END, s.status, 'REFUND', 'aftersale',
	'BUYER_RECEIVED', false, at, at + interval '1 day', CASE WHEN done THEN at + interval '1 day' END,
	CASE WHEN NOT done THEN at + interval '1 day' END, s.total_fee, s.total_fee, CASE WHEN done THEN s.total_fee ELSE 0 END, 0,
	'不喜欢/不想要', s.title, s.num, s.num_iid, s.sku_id, s.buyer_open_uid, s.first_seen_at, s.synced_at
FROM (
	SELECT s.*, s.paid_at + random() * interval '14 days' AS at, random() < 0.8 AS done
	FROM ordersync.sub_orders AS s
	WHERE s.line_no = 1 AND s.paid_at IS NOT NULL
	OFFSET 0
) AS s
WHERE random() < :refunds;

SELECT ordersync.set_up() \g /dev/null
VACUUM ANALYZE ordersync.orders, ordersync.sub_orders, ordersync.after_sales;
