-- What a BI tool reads: three tables by shop and unified status, with names in both languages, and sales by day.
\pset pager off
\pset footer off
\pset null '-'

\echo orders by shop and status
SELECT shop_id AS shop, stage, 订单状态, "order status", orders, payment
FROM (
	SELECT shop_id, ordersync_order_status(status) AS stage, ordersync_order_status_name(status) AS 订单状态,
		ordersync_order_status_name(status, 'en') AS "order status", count(*) AS orders, sum(payment) AS payment
	FROM ordersync.orders
	GROUP BY shop_id, 2, 3, 4
) AS s
ORDER BY shop_id, orders DESC;

\echo sub-orders by shop and status
SELECT shop_id AS shop, ordersync_order_status(status) AS stage, ordersync_order_status_name(status) AS 子订单状态,
	ordersync_order_status_name(status, 'en') AS "sub-order status", count(*) AS sub_orders, sum(num) AS items,
	sum(paid_amount) AS paid
FROM ordersync.sub_orders
GROUP BY 1, 2, 3, 4
ORDER BY 1, sub_orders DESC;

\echo after-sales by shop and status
SELECT shop_id AS shop, ordersync_refund_status(status) AS stage, ordersync_refund_status_name(status) AS 售后状态,
	ordersync_refund_status_name(status, 'en') AS "after-sale status", count(*) AS after_sales, sum(refund_fee) AS asked,
	sum(refunded_amount) AS refunded
FROM ordersync.after_sales
GROUP BY 1, 2, 3, 4
ORDER BY 1, after_sales DESC;

\echo sales by day (paid amount of the lines, Asia/Shanghai)
SELECT paid_date AS day, count(DISTINCT tid) AS orders, sum(paid_amount) AS paid,
	repeat('#', greatest(1, round(40 * sum(paid_amount) / max(sum(paid_amount)) OVER ())::integer)) AS chart
FROM ordersync.sub_orders
WHERE paid_at IS NOT NULL
GROUP BY 1
ORDER BY 1;
