/*
 * From a platform's statuses to ours, and their names.
 *
 * Anyone may call these in any query, so they must cost nothing and trust
 * nobody's search_path: bodies in SQL-standard form are bound when they are
 * made, and neither STRICT nor SET stands in the way of inlining.  A status
 * that the platform invents tomorrow maps to unknown; it is never an error.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_order_status(
	status text,
	platform text DEFAULT 'taobao'
)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN status IS NULL THEN NULL
		WHEN platform IS DISTINCT FROM 'taobao' THEN 'unknown'
		ELSE
			CASE status
				WHEN 'TRADE_NO_CREATE_PAY' THEN 'created'
				WHEN 'WAIT_BUYER_PAY' THEN 'unpaid'
				WHEN 'PAY_PENDING' THEN 'paying'
				WHEN 'WAIT_PRE_AUTH_CONFIRM' THEN 'paying'
				WHEN 'WAIT_SELLER_SEND_GOODS' THEN 'paid'
				WHEN 'PAID_FORBID_CONSIGN' THEN 'paid'
				WHEN 'SELLER_CONSIGNED_PART' THEN 'partly_shipped'
				WHEN 'WAIT_BUYER_CONFIRM_GOODS' THEN 'shipped'
				WHEN 'TRADE_BUYER_SIGNED' THEN 'signed'
				WHEN 'TRADE_FINISHED' THEN 'finished'
				WHEN 'TRADE_CLOSED' THEN 'closed_refunded'
				WHEN 'TRADE_CLOSED_BY_TAOBAO' THEN 'closed_unpaid'
				ELSE 'unknown'
			END
	END;
COMMENT ON FUNCTION @extschema@.ordersync_order_status(text, text) IS
	'unified stage of an order or sub-order from the platform''s status; unknown when it is not known, NULL for NULL';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_order_status_name(
	status text,
	lang text DEFAULT 'zh',
	platform text DEFAULT 'taobao'
)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN status IS NULL THEN NULL
		WHEN platform IS DISTINCT FROM 'taobao' THEN
			CASE lang WHEN 'en' THEN 'unknown' ELSE '未知' END
		WHEN lang = 'en' THEN
			CASE status
				WHEN 'created' THEN 'created'
				WHEN 'TRADE_NO_CREATE_PAY' THEN 'created'
				WHEN 'unpaid' THEN 'awaiting payment'
				WHEN 'WAIT_BUYER_PAY' THEN 'awaiting payment'
				WHEN 'deposit_paid' THEN 'deposit paid'
				WHEN 'paying' THEN 'payment pending'
				WHEN 'PAY_PENDING' THEN 'payment pending'
				WHEN 'WAIT_PRE_AUTH_CONFIRM' THEN 'payment pending'
				WHEN 'paid' THEN 'paid'
				WHEN 'WAIT_SELLER_SEND_GOODS' THEN 'paid'
				WHEN 'PAID_FORBID_CONSIGN' THEN 'paid'
				WHEN 'partly_shipped' THEN 'partly shipped'
				WHEN 'SELLER_CONSIGNED_PART' THEN 'partly shipped'
				WHEN 'shipped' THEN 'shipped'
				WHEN 'WAIT_BUYER_CONFIRM_GOODS' THEN 'shipped'
				WHEN 'signed' THEN 'signed for'
				WHEN 'TRADE_BUYER_SIGNED' THEN 'signed for'
				WHEN 'finished' THEN 'finished'
				WHEN 'TRADE_FINISHED' THEN 'finished'
				WHEN 'closed_refunded' THEN 'closed after refund'
				WHEN 'TRADE_CLOSED' THEN 'closed after refund'
				WHEN 'closed_unpaid' THEN 'closed unpaid'
				WHEN 'TRADE_CLOSED_BY_TAOBAO' THEN 'closed unpaid'
				ELSE 'unknown'
			END
		ELSE
			CASE status
				WHEN 'created' THEN '已创建'
				WHEN 'TRADE_NO_CREATE_PAY' THEN '已创建'
				WHEN 'unpaid' THEN '待付款'
				WHEN 'WAIT_BUYER_PAY' THEN '待付款'
				WHEN 'deposit_paid' THEN '已付定金'
				WHEN 'paying' THEN '付款确认中'
				WHEN 'PAY_PENDING' THEN '付款确认中'
				WHEN 'WAIT_PRE_AUTH_CONFIRM' THEN '付款确认中'
				WHEN 'paid' THEN '已付款待发货'
				WHEN 'WAIT_SELLER_SEND_GOODS' THEN '已付款待发货'
				WHEN 'PAID_FORBID_CONSIGN' THEN '已付款待发货'
				WHEN 'partly_shipped' THEN '部分发货'
				WHEN 'SELLER_CONSIGNED_PART' THEN '部分发货'
				WHEN 'shipped' THEN '已发货'
				WHEN 'WAIT_BUYER_CONFIRM_GOODS' THEN '已发货'
				WHEN 'signed' THEN '已签收'
				WHEN 'TRADE_BUYER_SIGNED' THEN '已签收'
				WHEN 'finished' THEN '交易成功'
				WHEN 'TRADE_FINISHED' THEN '交易成功'
				WHEN 'closed_refunded' THEN '退款关闭'
				WHEN 'TRADE_CLOSED' THEN '退款关闭'
				WHEN 'closed_unpaid' THEN '未付款关闭'
				WHEN 'TRADE_CLOSED_BY_TAOBAO' THEN '未付款关闭'
				ELSE '未知'
			END
	END;
COMMENT ON FUNCTION @extschema@.ordersync_order_status_name(text, text, text) IS
	'name in Chinese (zh) or English (en) of an order''s status, the platform''s or the unified one';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_refund_status(
	status text,
	platform text DEFAULT 'taobao'
)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN status IS NULL THEN NULL
		WHEN platform IS DISTINCT FROM 'taobao' THEN 'unknown'
		ELSE
			CASE status
				WHEN 'NO_REFUND' THEN 'none'
				WHEN 'WAIT_SELLER_AGREE' THEN 'requested'
				WHEN 'WAIT_SELLER_CONFIRM_RETURN_ADDRESS' THEN 'requested'
				WHEN 'POST_FEE_DISPUTE_WAIT_ACTIVATE' THEN 'requested'
				WHEN 'WAIT_BUYER_RETURN_GOODS' THEN 'returning'
				WHEN 'WAIT_SELLER_CONFIRM_GOODS' THEN 'returned'
				WHEN 'SELLER_REFUSE_BUYER' THEN 'refused'
				WHEN 'SUCCESS' THEN 'refunded'
				WHEN 'CLOSED' THEN 'cancelled'
				-- the exchange is closed: what follows is a refund
				WHEN 'EXCHANGE_TRANSFORM_TO_REFUND' THEN 'cancelled'
				WHEN 'WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS' THEN 'exchanging'
				WHEN 'WAIT_SELLER_CONSIGN_GOODS' THEN 'exchanging'
				WHEN 'WAIT_SELLER_CONSIGN_GOOGDS' THEN 'exchanging'	-- spelled so by the platform
				WHEN 'EXCHANGE_WAIT_BUYER_CONFIRM_GOODS' THEN 'exchanging'
				-- of goods that are sent again
				WHEN 'WAIT_SELLER_SEND_GOODS' THEN 'exchanging'
				WHEN 'WAIT_BUYER_CONFIRM_REDO_SEND_GOODS' THEN 'exchanging'
				ELSE 'unknown'
			END
	END;
COMMENT ON FUNCTION @extschema@.ordersync_refund_status(text, text) IS
	'unified stage of a refund from the platform''s status; unknown when it is not known, NULL for NULL';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_refund_status_name(
	status text,
	lang text DEFAULT 'zh',
	platform text DEFAULT 'taobao'
)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN status IS NULL THEN NULL
		WHEN platform IS DISTINCT FROM 'taobao' THEN
			CASE lang WHEN 'en' THEN 'unknown' ELSE '未知' END
		WHEN lang = 'en' THEN
			CASE status
				WHEN 'none' THEN 'no refund'
				WHEN 'NO_REFUND' THEN 'no refund'
				WHEN 'requested' THEN 'requested'
				WHEN 'WAIT_SELLER_AGREE' THEN 'requested'
				WHEN 'WAIT_SELLER_CONFIRM_RETURN_ADDRESS' THEN 'requested'
				WHEN 'POST_FEE_DISPUTE_WAIT_ACTIVATE' THEN 'requested'
				WHEN 'returning' THEN 'goods to be returned'
				WHEN 'WAIT_BUYER_RETURN_GOODS' THEN 'goods to be returned'
				WHEN 'returned' THEN 'goods sent back'
				WHEN 'WAIT_SELLER_CONFIRM_GOODS' THEN 'goods sent back'
				WHEN 'refused' THEN 'refused by seller'
				WHEN 'SELLER_REFUSE_BUYER' THEN 'refused by seller'
				WHEN 'refunded' THEN 'refunded'
				WHEN 'SUCCESS' THEN 'refunded'
				WHEN 'cancelled' THEN 'cancelled'
				WHEN 'CLOSED' THEN 'cancelled'
				WHEN 'EXCHANGE_TRANSFORM_TO_REFUND' THEN 'cancelled'
				WHEN 'exchanging' THEN 'exchanging'
				WHEN 'WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS' THEN 'exchanging'
				WHEN 'WAIT_SELLER_CONSIGN_GOODS' THEN 'exchanging'
				WHEN 'WAIT_SELLER_CONSIGN_GOOGDS' THEN 'exchanging'
				WHEN 'EXCHANGE_WAIT_BUYER_CONFIRM_GOODS' THEN 'exchanging'
				WHEN 'WAIT_SELLER_SEND_GOODS' THEN 'exchanging'
				WHEN 'WAIT_BUYER_CONFIRM_REDO_SEND_GOODS' THEN 'exchanging'
				ELSE 'unknown'
			END
		ELSE
			CASE status
				WHEN 'none' THEN '无退款'
				WHEN 'NO_REFUND' THEN '无退款'
				WHEN 'requested' THEN '申请中'
				WHEN 'WAIT_SELLER_AGREE' THEN '申请中'
				WHEN 'WAIT_SELLER_CONFIRM_RETURN_ADDRESS' THEN '申请中'
				WHEN 'POST_FEE_DISPUTE_WAIT_ACTIVATE' THEN '申请中'
				WHEN 'returning' THEN '待买家退货'
				WHEN 'WAIT_BUYER_RETURN_GOODS' THEN '待买家退货'
				WHEN 'returned' THEN '买家已退货'
				WHEN 'WAIT_SELLER_CONFIRM_GOODS' THEN '买家已退货'
				WHEN 'refused' THEN '卖家已拒绝'
				WHEN 'SELLER_REFUSE_BUYER' THEN '卖家已拒绝'
				WHEN 'refunded' THEN '退款成功'
				WHEN 'SUCCESS' THEN '退款成功'
				WHEN 'cancelled' THEN '退款取消'
				WHEN 'CLOSED' THEN '退款取消'
				WHEN 'EXCHANGE_TRANSFORM_TO_REFUND' THEN '退款取消'
				WHEN 'exchanging' THEN '换货中'
				WHEN 'WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS' THEN '换货中'
				WHEN 'WAIT_SELLER_CONSIGN_GOODS' THEN '换货中'
				WHEN 'WAIT_SELLER_CONSIGN_GOOGDS' THEN '换货中'
				WHEN 'EXCHANGE_WAIT_BUYER_CONFIRM_GOODS' THEN '换货中'
				WHEN 'WAIT_SELLER_SEND_GOODS' THEN '换货中'
				WHEN 'WAIT_BUYER_CONFIRM_REDO_SEND_GOODS' THEN '换货中'
				ELSE '未知'
			END
	END;
COMMENT ON FUNCTION @extschema@.ordersync_refund_status_name(text, text, text) IS
	'name in Chinese (zh) or English (en) of a refund''s status, the platform''s or the unified one';
