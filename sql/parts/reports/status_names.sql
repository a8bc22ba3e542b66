/*
 * The names of statuses, for views that call nothing of ours.
 */
/*
 * The functions are called with all arguments and their very types: in a schema where
 * others may create, one that fits better would be called instead, with our rights.
 */
/* One row a status that the mapping knows, the platform's and the unified ones. */
CREATE OR REPLACE FUNCTION ordersync.fill_status_names()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.status_names AS n (object, platform, status, stage, name_zh, name_en)
	SELECT 'order', 'taobao', s.status,
		CASE
			WHEN s.status = pg_catalog.upper(s.status)
				THEN @extschema@.ordersync_order_status(s.status, 'taobao'::text)
			ELSE s.status
		END,
		@extschema@.ordersync_order_status_name(s.status, 'zh'::text, 'taobao'::text),
		@extschema@.ordersync_order_status_name(s.status, 'en'::text, 'taobao'::text)
	FROM pg_catalog.unnest(ARRAY[
		'TRADE_NO_CREATE_PAY', 'WAIT_BUYER_PAY', 'PAY_PENDING', 'WAIT_PRE_AUTH_CONFIRM',
		'WAIT_SELLER_SEND_GOODS', 'PAID_FORBID_CONSIGN', 'SELLER_CONSIGNED_PART',
		'WAIT_BUYER_CONFIRM_GOODS', 'TRADE_BUYER_SIGNED', 'TRADE_FINISHED', 'TRADE_CLOSED',
		'TRADE_CLOSED_BY_TAOBAO',
		'created', 'unpaid', 'deposit_paid', 'paying', 'paid', 'partly_shipped', 'shipped', 'signed',
		'finished', 'closed_refunded', 'closed_unpaid', 'unknown'
	]) AS s (status)
	UNION ALL
	SELECT 'refund', 'taobao', s.status,
		CASE
			WHEN s.status = pg_catalog.upper(s.status) THEN @extschema@.ordersync_refund_status(s.status, 'taobao'::text)
			ELSE s.status
		END,
		@extschema@.ordersync_refund_status_name(s.status, 'zh'::text, 'taobao'::text),
		@extschema@.ordersync_refund_status_name(s.status, 'en'::text, 'taobao'::text)
	FROM pg_catalog.unnest(ARRAY[
		'NO_REFUND', 'WAIT_SELLER_AGREE', 'WAIT_SELLER_CONFIRM_RETURN_ADDRESS',
		'POST_FEE_DISPUTE_WAIT_ACTIVATE', 'WAIT_BUYER_RETURN_GOODS', 'WAIT_SELLER_CONFIRM_GOODS',
		'SELLER_REFUSE_BUYER', 'SUCCESS', 'CLOSED', 'EXCHANGE_TRANSFORM_TO_REFUND',
		'WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS', 'WAIT_SELLER_CONSIGN_GOODS',
		'WAIT_SELLER_CONSIGN_GOOGDS', 'EXCHANGE_WAIT_BUYER_CONFIRM_GOODS',
		'WAIT_SELLER_SEND_GOODS', 'WAIT_BUYER_CONFIRM_REDO_SEND_GOODS',
		'none', 'requested', 'returning', 'returned', 'refused', 'refunded', 'cancelled',
		'exchanging', 'unknown'
	]) AS s (status)
	ON CONFLICT (object, platform, status) DO UPDATE
	SET stage = excluded.stage,
		name_zh = excluded.name_zh,
		name_en = excluded.name_en
	WHERE (n.stage, n.name_zh, n.name_en)
		IS DISTINCT FROM (excluded.stage, excluded.name_zh, excluded.name_en)
$function$;
COMMENT ON FUNCTION ordersync.fill_status_names() IS
	'writes ordersync.status_names from the mapping functions';
