/*
 * The words of a page in its languages, and what of them has a form.
 *
 * A language is a column; a word that it lacks is none of the page's.  Words stand
 * in the page as they are here, so none has a character that means something in
 * HTML.
 */
CREATE OR REPLACE FUNCTION ordersync.page_words(p_lang text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_lang IS NULL OR p_lang NOT IN ('en', 'zh') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized language "%s"', COALESCE(p_lang, 'NULL')),
			HINT = 'lang is en or zh.';
	END IF;
	RETURN (
		SELECT pg_catalog.jsonb_object_agg(w.name, CASE p_lang WHEN 'en' THEN w.en ELSE w.zh END)
		FROM (VALUES
			('html_lang', '"en"'::jsonb, '"zh-CN"'::jsonb),
			('units', '[[1, ""], [1000, "k"], [1000000, "M"], [1000000000, "B"]]', '[[1, ""], [10000, "万"], [100000000, "亿"]]'),
			('weekdays', '["M", "T", "W", "T", "F", "S", "S"]', '["一", "二", "三", "四", "五", "六", "日"]'),
			('minutes', '"%s min"', '"%s 分钟"'),
			('hours', '"%s h %s min"', '"%s 小时 %s 分"'),
			('days_hours', '"%s d %s h"', '"%s 天 %s 小时"'),
			('points', '"%s pp"', '"%s 个百分点"'),

			('title', '"Order report"', '"订单报表"'),
			('to', '"to"', '"至"'),
			('days', '"%s days"', '"%s 天"'),
			('day_1', '"1 day"', '"1 天"'),
			('compared', '"compared with %s"', '"对比 %s"'),
			('shops', '"Shops"', '"店铺"'),
			('no_shops', '"none"', '"无"'),
			('more_shops', '"and %s more"', '"及另外 %s 家"'),
			('made_at', '"As of %s, Asia/Shanghai; amounts in CNY (yuan)"', '"截至 %s（北京时间）；金额单位：元（CNY）"'),
			('so_far', '"The last day is not over: its figures are those so far."', '"最后一天尚未结束，仅为截至目前的数字。"'),

			('figures', '"Key figures"', '"关键指标"'),
			('before', '"before: %s"', '"此前：%s"'),
			('paid_amount', '"Paid amount"', '"支付金额"'),
			('net_sales', '"Net sales"', '"净销售额"'),
			('refunded_amount', '"Refunded amount"', '"退款金额"'),
			('refund_rate', '"Refund rate"', '"退款率"'),
			('orders', '"Orders placed"', '"下单数"'),
			('paid_orders', '"Orders paid"', '"支付订单数"'),
			('average_order', '"Average order"', '"客单价（按订单）"'),
			('items', '"Pieces sold"', '"售出件数"'),
			('gmv', '"GMV"', '"下单金额"'),

			('sales_by_1', '"Sales by day"', '"每日销售"'),
			('sales_by_7', '"Sales by week, mean of a day"', '"每周销售（日均）"'),
			('this_period', '"paid amount, CNY"', '"支付金额，元"'),
			('days_before', '"the same number of days before"', '"此前相同天数"'),
			('no_sales', '"Nothing was paid on these days."', '"该期间没有支付。"'),
			('sales_told', '"Paid amount from %s: %s CNY in sum, highest %s; in the days before %s CNY."', '"%s 的支付金额合计 %s 元，最高 %s；此前合计 %s 元。"'),
			('table', '"Figures as a table"', '"数据表"'),
			('day', '"Day"', '"日期"'),
			('week', '"Days from"', '"起始日"'),
			('paid_before', '"Paid before"', '"此前支付"'),

			('funnel', '"Stages of the orders placed"', '"下单订单的阶段"'),
			('funnel_1', '"Placed"', '"下单"'),
			('funnel_2', '"Paid"', '"付款"'),
			('funnel_3', '"Shipped"', '"发货"'),
			('funnel_4', '"Finished"', '"完成"'),
			('no_orders', '"No order was placed on these days."', '"该期间没有下单。"'),
			('stage', '"Stage"', '"阶段"'),
			('stage_none', '"no status"', '"无状态"'),
			('share', '"Share"', '"占比"'),
			('stays', '"did not go on:"', '"未进入下一步："'),

			('refunds_by_1', '"Refund rate by day of payment"', '"按支付日的退款率"'),
			('refunds_by_7', '"Refund rate by week of payment"', '"按支付周的退款率"'),
			('refunds_note', '"Of what was paid on a day, how much has gone back to date: young days still rise."', '"某日支付金额中至今已退款的比例；较近的日期仍会上升。"'),
			('refunds_told', '"%s CNY of %s CNY that lines were paid with have been refunded: %s."', '"支付的 %2$s 元中已退款 %1$s 元，即 %3$s。"'),
			('lines', '"Lines paid"', '"支付子订单"'),
			('refunded_lines', '"Lines refunded"', '"退款子订单"'),
			('lines_amount', '"Paid, lines"', '"子订单支付"'),

			('top_items', '"Top items"', '"热销商品"'),
			('top_refunds', '"Items with the most refunds"', '"退款最多的商品"'),
			('item', '"Item"', '"商品"'),
			('no_item', '"without an item"', '"未指明商品"'),
			('no_title', '"without a title"', '"无标题"'),
			('pieces', '"Pieces"', '"件数"'),
			('refunded', '"Refunded"', '"退款"'),
			('no_items', '"No item was sold on these days."', '"该期间没有售出商品。"'),
			('no_refunds', '"Nothing that was paid on these days has been refunded."', '"该期间支付的商品没有退款。"'),
			('items_of', '"The first %s of %s items; share of the paid amount of all lines."', '"共 %2$s 个商品，显示前 %1$s 个；占全部子订单支付金额的比例。"'),

			('calendar', '"Completeness"', '"数据完整性"'),
			('calendar_note', '"The verdict of each day, the worst of its shops and bases."', '"每天的结论，取各店铺与各时间基准中最差者。"'),
			('stream_orders', '"Orders"', '"订单"'),
			('stream_after_sales', '"After-sales"', '"售后"'),
			('proven', '"proven"', '"已证明"'),
			('counted', '"counted"', '"数量相符"'),
			('unproven', '"unproven"', '"未证明"'),
			('fresh', '"open"', '"未定"'),
			('short', '"short"', '"缺失"'),
			('unread', '"not read"', '"未读取"'),
			('not_whole', '"Days that are not whole"', '"不完整的日期"'),
			('verdict', '"Verdict"', '"结论"'),
			('shop', '"Shop"', '"店铺"'),
			('basis', '"By"', '"依据"'),
			('modified', '"time of change"', '"修改时间"'),
			('created', '"time of creation"', '"创建时间"'),
			('reason', '"Reason"', '"原因"'),
			('ranges_missing', '"a part of the day is not read"', '"当天有部分未读取"'),
			('more_days', '"and %s more"', '"另有 %s 条"'),
			('unread_shops', '"Read on none of these days: shop %s"', '"这些天均未读取的店铺：%s"'),
			('to_come', '"These days are still to come."', '"这些天尚未到来。"'),
			('not_asked', '"None of these shops is read for this."', '"这些店铺均不读取此项。"'),

			('freshness', '"Freshness"', '"新鲜度"'),
			('freshness_note', '"How much further each shop could be read by now; the mark is its target."', '"各店铺目前落后多少；竖线为目标。"'),
			('read_until', '"All read until"', '"全部已读至"'),
			('proven_until', '"Orders proven until"', '"订单已证明至"'),
			('behind_by', '"Behind by"', '"落后"'),
			('target', '"Target"', '"目标"'),
			('no_target', '"none"', '"无"'),
			('late', '"late"', '"超出目标"'),
			('never', '"not yet"', '"尚无"'),
			('not_set_up', '"not set up"', '"未设置"'),

			('sources', '"Paid amounts are those before refunds, of orders with postage, of items without; net sales are paid less refunded on the day. From the views daily_sales, item_sales, refund_rates, order_report, completeness and freshness of ordersync %s."', '"支付金额为退款前金额：订单含邮费，商品不含；净销售额为当日支付减当日退款。数据来自 ordersync %s 的视图 daily_sales、item_sales、refund_rates、order_report、completeness、freshness。"')
		) AS w (name, en, zh));
END
$function$;
COMMENT ON FUNCTION ordersync.page_words(text) IS
	'the words of a page in English (en) or Chinese (zh); an error for another language';
