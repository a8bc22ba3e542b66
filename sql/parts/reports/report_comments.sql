/*
 * What the reports and the views of sales hold.  A view's column that is a
 * table's column under the same name says what that one says.
 */
CREATE OR REPLACE FUNCTION ordersync.comment_reports()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_view text;
	v_column text;
	v_text text;
BEGIN
	COMMENT ON VIEW ordersync.order_report IS
		'orders for reports: unified stage, names, ids as text, amounts by definition; one row an order';
	COMMENT ON VIEW ordersync.sub_order_report IS
		'item lines for reports: unified stages of order, line and refund, names, ids as text, amounts by definition; one row a line';
	COMMENT ON VIEW ordersync.after_sale_report IS
		'after-sales for reports: unified stage, names, ids as text; one row a refund, return, exchange or repair';
	COMMENT ON VIEW ordersync.stored_shops IS
		'the shops that have orders or after-sales stored, whether set up or not';
	COMMENT ON VIEW ordersync.daily_sales IS
		'sales by shop and day of Asia/Shanghai: what was ordered, what was paid and what went back on that day; a day without any of these has no row';
	COMMENT ON VIEW ordersync.item_sales IS
		'sales by shop, day of Asia/Shanghai and item: what was paid and what went back on that day, without postage';
	COMMENT ON VIEW ordersync.refund_rates IS
		'of the lines paid on a day of Asia/Shanghai, by shop and item: how much of them has gone back to date; changes for weeks after the day. Sum lines and amounts first, then divide: rates cannot be summed or averaged';
	COMMENT ON VIEW ordersync.stage_durations IS
		'how long orders stayed in which stage: one row an order and stage that it went through; the present stage has no left_at';

	FOR v_view, v_column, v_text IN
		SELECT v.relname, a.attname, COALESCE(t.txt, pg_catalog.col_description(b.attrelid, b.attnum))
		FROM (VALUES
			('order_report', 'orders'),
			('sub_order_report', 'sub_orders'),
			('after_sale_report', 'after_sales'),
			('stored_shops', 'orders'),
			('daily_sales', 'orders'),
			('item_sales', 'sub_orders'),
			('refund_rates', 'sub_orders'),
			('stage_durations', 'orders')
		) AS v (relname, base)
		JOIN pg_catalog.pg_attribute a ON a.attrelid = ('ordersync.' || v.relname)::pg_catalog.regclass
			AND a.attnum > 0
			AND NOT a.attisdropped
		LEFT JOIN pg_catalog.pg_attribute b ON b.attrelid = ('ordersync.' || v.base)::pg_catalog.regclass
			AND b.attname = a.attname
			AND b.attnum > 0
		LEFT JOIN (VALUES
			('order_report', 'tid_str', 'tid as text, for tools that round 19 digits'),
			('order_report', 'stage', 'unified stage of status; deposit_paid: a pre-sale of which the deposit is paid and the balance is not'),
			('order_report', 'stage_zh', 'name of the stage in Chinese'),
			('order_report', 'stage_en', 'name of the stage in English'),
			('order_report', 'paid_amount', 'yuan; paid amount 支付金额: payment with postage where paid_at is set, as it was before the first refund; by paid_date'),
			('order_report', 'deposit_received', 'yuan; deposit 定金 of a pre-sale whose balance is unpaid or forfeited: money held, not sales'),
			('order_report', 'refunded_amount', 'yuan; refunded amount 退款金额: sum of refunded_amount of its after-sales to date'),
			('order_report', 'net_amount', 'yuan; paid_amount - refunded_amount, net by cohort: falls for weeks after paid_date'),
			('order_report', 'unallocated', 'yuan; paid_amount - post_fee - the lines'' paid_amount: service orders, freight insurance, points, red packets, fees'),
			('order_report', 'received_payment', 'yuan; received 实收: settled to the seller so far, weeks after payment; for finance'),
			('order_report', 'hours_to_pay', 'hours from created to paid_at; NULL while unpaid and for cash on delivery'),
			('order_report', 'hours_to_ship', 'hours from paid_at (cash on delivery: created) to consign_time; of a pre-sale that depends on which payment pay_time tells of: see stage_durations'),
			('order_report', 'hours_to_end', 'hours from consign_time to end_time'),
			('order_report', 'end_unknown', 'true: the platform stopped listing the order (three months after created, or it is not served any more) before its end was seen; stage is the last one that was read. Its end is searched for in the history'),
			('sub_order_report', 'oid_str', 'oid as text, for tools that round 19 digits'),
			('sub_order_report', 'tid_str', 'tid as text, for tools that round 19 digits'),
			('sub_order_report', 'trade_stage', 'its order''s unified stage; deposit_paid: a pre-sale of which the deposit is paid and the balance is not'),
			('sub_order_report', 'trade_stage_zh', 'name of trade_stage in Chinese'),
			('sub_order_report', 'trade_stage_en', 'name of trade_stage in English'),
			('sub_order_report', 'stage', 'unified stage of the line itself; closed_unpaid in an order that was paid: the seller closed the line before, it was never sold'),
			('sub_order_report', 'stage_zh', 'name of the stage in Chinese'),
			('sub_order_report', 'stage_en', 'name of the stage in English'),
			('sub_order_report', 'refund_stage', 'unified stage of the line''s latest refund'),
			('sub_order_report', 'refund_stage_zh', 'name of refund_stage in Chinese'),
			('sub_order_report', 'refund_stage_en', 'name of refund_stage in English'),
			('sub_order_report', 'refund_id_str', 'refund_id as text, for tools that round 19 digits'),
			('sub_order_report', 'num_iid_str', 'num_iid as text'),
			('sub_order_report', 'list_amount', 'yuan; list amount 商品原价: price x num; by created_date'),
			('sub_order_report', 'gmv', 'yuan; GMV 下单金额: total_fee - part_mjz_discount, every stage, unpaid and closed too, without postage; by created_date'),
			('sub_order_report', 'paid_amount', 'yuan; paid amount 支付金额: the line''s share of what was paid, without postage, as it was before its first refund; NULL for a line closed before payment; by paid_date'),
			('sub_order_report', 'refunded_amount', 'yuan; refunded amount 退款金额: sum of refunded_amount of its after-sales to date'),
			('sub_order_report', 'net_amount', 'yuan; paid_amount - refunded_amount, net by cohort; may be below zero, as refunds can include postage'),
			('sub_order_report', 'end_unknown', 'true: the platform stopped listing its order before the end was seen; trade_stage and stage are the last ones that were read'),
			('after_sale_report', 'refund_id_str', 'refund_id as text, for tools that round 19 digits'),
			('after_sale_report', 'tid_str', 'tid as text, for tools that round 19 digits'),
			('after_sale_report', 'oid_str', 'oid as text, for tools that round 19 digits'),
			('after_sale_report', 'stage', 'unified stage of the after-sale'),
			('after_sale_report', 'stage_zh', 'name of the stage in Chinese'),
			('after_sale_report', 'stage_en', 'name of the stage in English'),
			('after_sale_report', 'order_stage', 'unified stage of the order at the time of the refund'),
			('after_sale_report', 'order_stage_zh', 'name of order_stage in Chinese'),
			('after_sale_report', 'order_stage_en', 'name of order_stage in English'),
			('after_sale_report', 'num_iid_str', 'num_iid as text'),
			('after_sale_report', 'refunded_amount', 'yuan; refunded amount 退款金额: money given back, 0 until then and for exchange, repair and reshipment; by refunded_date'),
			('after_sale_report', 'hours_to_refund', 'hours from created to refunded_at; exact to the time between two readings'),
			('daily_sales', 'day', 'day in Asia/Shanghai'),
			('daily_sales', 'orders', 'orders placed on the day, every stage, unpaid and closed too'),
			('daily_sales', 'gmv', 'yuan; GMV 下单金额: total_fee - part_mjz_discount of the lines ordered on the day, every stage, unpaid and closed too, without postage'),
			('daily_sales', 'paid_orders', 'orders paid on the day (paid_date), those of zero among them'),
			('daily_sales', 'zero_orders', 'of paid_orders, those of which paid_amount is zero: gifts and the like; not in average_order'),
			('daily_sales', 'items', 'pieces of the lines paid on the day, gifts among them; none of lines closed before payment'),
			('daily_sales', 'buyers', 'different buyers of the orders paid on the day, by buyer_open_uid; days do not add up. NULL: not known, since one of these orders was read from the history alone, which has no buyers, or none of them names its buyer'),
			('daily_sales', 'paid_amount', 'yuan; paid amount 支付金额: of the orders paid on the day, with postage, as it was before refunds: does not change when orders are refunded'),
			('daily_sales', 'post_fee', 'yuan; postage in paid_amount'),
			('daily_sales', 'unallocated', 'yuan; paid_amount - post_fee - the lines'' paid_amount: service orders, freight insurance, points, red packets, fees'),
			('daily_sales', 'average_order', 'yuan; paid_amount of an order paid on the day, orders of zero left out; of several days: sum of paid_amount by sum of paid_orders - zero_orders'),
			('daily_sales', 'refunds', 'after-sales that gave money back on the day (refunded_date), of orders of whatever day'),
			('daily_sales', 'refunded_amount', 'yuan; refunded amount 退款金额: money given back on the day, price protection and cash-back among it; no exchanges and repairs'),
			('daily_sales', 'net_sales', 'yuan; net sales 净销售额 by event: paid_amount - refunded_amount of the day; ties to cash but for deposits, which are no sale when they come but a refund when they go; may be below zero'),
			('item_sales', 'day', 'day in Asia/Shanghai'),
			('item_sales', 'num_iid', 'item id; NULL: refunds that name no line'),
			('item_sales', 'num_iid_str', 'num_iid as text'),
			('item_sales', 'title', 'item title, one of those that it had on the day'),
			('item_sales', 'lines', 'lines paid on the day (paid_date); none that was closed before payment'),
			('item_sales', 'items', 'pieces paid on the day, gifts among them'),
			('item_sales', 'gift_items', 'of items, those that were gifts'),
			('item_sales', 'paid_amount', 'yuan; paid amount 支付金额 of the lines paid on the day, without postage, as it was before refunds'),
			('item_sales', 'refunds', 'after-sales of the item that gave money back on the day (refunded_date)'),
			('item_sales', 'refunded_amount', 'yuan; refunded amount 退款金额 of the item on the day; may include postage'),
			('item_sales', 'net_sales', 'yuan; net sales 净销售额 by event: paid_amount - refunded_amount of the day; may be below zero'),
			('refund_rates', 'day', 'day in Asia/Shanghai on which the lines were paid (paid_date), whenever they were refunded'),
			('refund_rates', 'num_iid_str', 'num_iid as text'),
			('refund_rates', 'title', 'item title, one of those that it had on the day'),
			('refund_rates', 'lines', 'lines paid on the day; none that was closed before payment'),
			('refund_rates', 'refunded_lines', 'of lines, those of which money went back to date, wholly or in part'),
			('refund_rates', 'line_rate', 'refunded_lines / lines'),
			('refund_rates', 'paid_amount', 'yuan; paid amount 支付金额 of the lines, without postage, as it was before refunds'),
			('refund_rates', 'refunded_amount', 'yuan; refunded amount 退款金额 of the lines to date; may include postage'),
			('refund_rates', 'amount_rate', 'refunded_amount / paid_amount; may exceed 1, as refunds can include postage'),
			('refund_rates', 'net_amount', 'yuan; net sales by cohort: paid_amount - refunded_amount to date; falls for weeks after the day'),
			('stage_durations', 'tid_str', 'tid as text, for tools that round 19 digits'),
			('stage_durations', 'day', 'day in Asia/Shanghai on which the order was placed (created_date)'),
			('stage_durations', 'stage', 'unified stage: unpaid, paying, deposit_paid, paid, partly_shipped, shipped, signed, and the one in which it ended'),
			('stage_durations', 'stage_zh', 'name of the stage in Chinese'),
			('stage_durations', 'stage_en', 'name of the stage in English'),
			('stage_durations', 'entered_at', 'when the order came into the stage'),
			('stage_durations', 'left_at', 'when it went on to next_stage; NULL: it is there, as far as was read (order_report.end_unknown)'),
			('stage_durations', 'hours', 'hours in the stage; NULL while it is there'),
			('stage_durations', 'next_stage', 'the stage that came next'),
			('stage_durations', 'exact', 'both ends are times of the platform''s own; false: one is modified of the first record that showed it, late by up to the time between two readings')
		) AS t (relname, col, txt) ON t.relname = v.relname
			AND t.col = a.attname
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN ordersync.%I.%I IS %L', v_view, v_column, v_text);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.comment_reports() IS
	'comments on the report views and the sales views with their columns';
