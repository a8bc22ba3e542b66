-- The mapping of statuses: complete, never an error, cheap in any query.
BEGIN;
SELECT plan(107);

CREATE TEMP TABLE expected (kind text, status text, stage text) ON COMMIT DROP;
INSERT INTO expected VALUES
	('order', 'TRADE_NO_CREATE_PAY', 'created'),
	('order', 'WAIT_BUYER_PAY', 'unpaid'),
	('order', 'PAY_PENDING', 'paying'),
	('order', 'WAIT_PRE_AUTH_CONFIRM', 'paying'),
	('order', 'WAIT_SELLER_SEND_GOODS', 'paid'),
	('order', 'PAID_FORBID_CONSIGN', 'paid'),
	('order', 'SELLER_CONSIGNED_PART', 'partly_shipped'),
	('order', 'WAIT_BUYER_CONFIRM_GOODS', 'shipped'),
	('order', 'TRADE_BUYER_SIGNED', 'signed'),
	('order', 'TRADE_FINISHED', 'finished'),
	('order', 'TRADE_CLOSED', 'closed_refunded'),
	('order', 'TRADE_CLOSED_BY_TAOBAO', 'closed_unpaid'),
	('order', 'A_STATUS_OF_TOMORROW', 'unknown'),
	('order', 'wait_buyer_pay', 'unknown'),
	('order', '', 'unknown'),
	('order', NULL, NULL),
	('refund', 'NO_REFUND', 'none'),
	('refund', 'WAIT_SELLER_AGREE', 'requested'),
	('refund', 'WAIT_SELLER_CONFIRM_RETURN_ADDRESS', 'requested'),
	('refund', 'POST_FEE_DISPUTE_WAIT_ACTIVATE', 'requested'),
	('refund', 'WAIT_BUYER_RETURN_GOODS', 'returning'),
	('refund', 'WAIT_SELLER_CONFIRM_GOODS', 'returned'),
	('refund', 'SELLER_REFUSE_BUYER', 'refused'),
	('refund', 'SUCCESS', 'refunded'),
	('refund', 'CLOSED', 'cancelled'),
	('refund', 'WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS', 'exchanging'),
	('refund', 'WAIT_SELLER_CONSIGN_GOODS', 'exchanging'),
	('refund', 'WAIT_SELLER_CONSIGN_GOOGDS', 'exchanging'),
	('refund', 'EXCHANGE_WAIT_BUYER_CONFIRM_GOODS', 'exchanging'),
	('refund', 'WAIT_SELLER_SEND_GOODS', 'exchanging'),
	('refund', 'WAIT_BUYER_CONFIRM_REDO_SEND_GOODS', 'exchanging'),
	('refund', 'EXCHANGE_TRANSFORM_TO_REFUND', 'cancelled'),
	('refund', 'A_STATUS_OF_TOMORROW', 'unknown'),
	('refund', NULL, NULL);

SELECT is(
	CASE kind WHEN 'order' THEN ordersync_order_status(status) ELSE ordersync_refund_status(status) END,
	stage, format('%s status %s', kind, COALESCE(quote_literal(status), 'NULL')))
FROM expected;

-- a platform's status and the stage that it maps to have the same name, in both languages
SELECT is(
	CASE kind WHEN 'order' THEN ordersync_order_status_name(status, lang)
		ELSE ordersync_refund_status_name(status, lang) END,
	CASE kind WHEN 'order' THEN ordersync_order_status_name(stage, lang)
		ELSE ordersync_refund_status_name(stage, lang) END,
	format('%s name in %s of %s', kind, lang, status))
FROM expected, (VALUES ('zh'), ('en')) AS l (lang)
WHERE stage <> 'unknown';

SELECT is(ordersync_order_status_name('WAIT_BUYER_PAY'), '待付款', 'Chinese is the default');
SELECT is(ordersync_order_status_name('unpaid', 'en'), 'awaiting payment', 'a unified status in English');
SELECT is(ordersync_order_status_name('deposit_paid', 'en'), 'deposit paid', 'the stage of the reports has a name');
SELECT is(ordersync_refund_status_name('SUCCESS', 'zh'), '退款成功', 'a refund in Chinese');
SELECT is(ordersync_order_status_name('NEW_ONE', 'en'), 'unknown', 'unknown in English');
SELECT is(ordersync_order_status_name('NEW_ONE'), '未知', 'unknown in Chinese');
SELECT is(ordersync_order_status_name(NULL), NULL, 'no name for NULL');
SELECT is(ordersync_refund_status_name(NULL, 'en'), NULL, 'no refund name for NULL');
SELECT is(ordersync_order_status('TRADE_FINISHED', 'elsewhere'), 'unknown', 'another platform''s status is unknown');
SELECT is(ordersync_refund_status('SUCCESS', 'elsewhere'), 'unknown', 'another platform''s refund is unknown');
SELECT is(ordersync_order_status_name('TRADE_FINISHED', platform => 'elsewhere', lang => 'en'), 'unknown',
	'another platform''s name is unknown');

SELECT is(count(*), 4::bigint, 'four functions, immutable, parallel safe, not strict, no SET, not definer')
FROM pg_proc p
WHERE p.proname IN ('ordersync_order_status', 'ordersync_order_status_name', 'ordersync_refund_status',
		'ordersync_refund_status_name')
	AND p.provolatile = 'i'
	AND p.proparallel = 's'
	AND NOT p.proisstrict
	AND NOT p.prosecdef
	AND p.proconfig IS NULL;

SELECT is(count(*), 4::bigint, 'PUBLIC may call them')
FROM pg_proc p
WHERE p.proname IN ('ordersync_order_status', 'ordersync_order_status_name', 'ordersync_refund_status',
		'ordersync_refund_status_name')
	AND (p.proacl IS NULL OR EXISTS (
		SELECT
		FROM aclexplode(p.proacl) a
		WHERE a.grantee = 0
			AND a.privilege_type = 'EXECUTE'));

-- inlined: the plan shows no call
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	whole text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		whole := whole || line;
	END LOOP;
	RETURN whole;
END
$$;
SELECT unalike(pg_temp.plan_of(format('SELECT %s(status) FROM expected', f)), '%ordersync%', f || ' is inlined')
FROM unnest(ARRAY['ordersync_order_status', 'ordersync_order_status_name', 'ordersync_refund_status',
	'ordersync_refund_status_name']) AS f;

SELECT * FROM finish();
ROLLBACK;
