/*
 * The data's tables: orders, sub-orders, after-sales, their records as they
 * came, their changes, and what could not be stored.
 *
 * They stand in a function's body for the reason given in the queue's part.
 * Amounts are yuan; times are instants, their *_date columns the day in
 * Asia/Shanghai, stored so that a session in UTC groups by the right day
 * without an expression.  Rows are rewritten a few times in an order's life,
 * so pages keep room for HOT updates; no index stands on a column that every
 * update changes.
 */
CREATE FUNCTION ordersync.set_up_data()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.orders (
		shop_id bigint NOT NULL,
		tid bigint NOT NULL,
		platform text NOT NULL DEFAULT 'taobao',
		seller_nick text,
		type text,
		status text,
		step_trade_status text,
		trade_from text,
		trade_source text,
		created timestamptz,
		pay_time timestamptz,
		consign_time timestamptz,
		end_time timestamptz,
		modified timestamptz,
		async_modified timestamptz,
		paid_at timestamptz,
		created_date date GENERATED ALWAYS AS ((created AT TIME ZONE 'Asia/Shanghai')::date) STORED,
		paid_date date GENERATED ALWAYS AS ((paid_at AT TIME ZONE 'Asia/Shanghai')::date) STORED,
		end_date date GENERATED ALWAYS AS ((end_time AT TIME ZONE 'Asia/Shanghai')::date) STORED,
		total_fee numeric(18,2),
		discount_fee numeric(18,2),
		adjust_fee numeric(18,2),
		post_fee numeric(18,2),
		payment numeric(18,2),
		paid_amount numeric(18,2),
		received_payment numeric(18,2),
		available_confirm_fee numeric(18,2),
		step_paid_fee numeric(18,2),
		commission_fee numeric(18,2),
		credit_card_fee numeric(18,2),
		cod_fee numeric(18,2),
		order_tax_fee numeric(18,2),
		platform_subsidy_fee numeric(18,2),
		yfx_fee numeric(18,2),
		point_fee bigint,
		real_point_fee bigint,
		buyer_obtain_point_fee bigint,
		cod_status text,
		shipping_type text,
		is_part_consign boolean,
		logistics_company text,
		invoice_no text,
		package_count integer,
		line_count integer,
		item_num integer,
		buyer_nick text,
		buyer_open_uid text,
		oaid text,
		receiver_country text,
		receiver_state text,
		receiver_city text,
		receiver_district text,
		seller_flag smallint,
		seller_memo text,
		has_buyer_message boolean,
		alipay_no text,
		platform_state text,
		details_at timestamptz,
		first_seen_at timestamptz,
		synced_at timestamptz,
		paid_amount_frozen boolean NOT NULL DEFAULT false,
		PRIMARY KEY (shop_id, tid)
	) WITH (fillfactor = 85);
	CREATE INDEX IF NOT EXISTS orders_created_date_idx ON ordersync.orders (shop_id, created_date);
	CREATE INDEX IF NOT EXISTS orders_paid_date_idx ON ordersync.orders (shop_id, paid_date);
	CREATE INDEX IF NOT EXISTS orders_tid_idx ON ordersync.orders (tid);

	CREATE TABLE IF NOT EXISTS ordersync.sub_orders (
		shop_id bigint NOT NULL,
		oid bigint NOT NULL,
		tid bigint NOT NULL,
		platform text NOT NULL DEFAULT 'taobao',
		trade_status text,
		trade_type text,
		created timestamptz,
		pay_time timestamptz,
		paid_at timestamptz,
		modified timestamptz,
		created_date date GENERATED ALWAYS AS ((created AT TIME ZONE 'Asia/Shanghai')::date) STORED,
		paid_date date GENERATED ALWAYS AS ((paid_at AT TIME ZONE 'Asia/Shanghai')::date) STORED,
		buyer_open_uid text,
		receiver_state text,
		line_no smallint,
		status text,
		refund_status text,
		refund_id bigint,
		num_iid bigint,
		outer_iid text,
		sku_id bigint,
		outer_sku_id text,
		title text,
		sku_properties_name text,
		cid bigint,
		price numeric(18,2),
		num integer,
		total_fee numeric(18,2),
		discount_fee numeric(18,2),
		adjust_fee numeric(18,2),
		part_mjz_discount numeric(18,2),
		divide_order_fee numeric(18,2),
		payment numeric(18,2),
		paid_amount numeric(18,2),
		paid_amount_estimated boolean NOT NULL DEFAULT false,
		is_gift boolean,
		consign_time timestamptz,
		end_time timestamptz,
		shipping_type text,
		logistics_company text,
		invoice_no text,
		store_code text,
		item_meal_name text,
		first_seen_at timestamptz,
		synced_at timestamptz,
		paid_amount_frozen boolean NOT NULL DEFAULT false,
		PRIMARY KEY (shop_id, oid)
	) WITH (fillfactor = 85);
	CREATE INDEX IF NOT EXISTS sub_orders_tid_idx ON ordersync.sub_orders (shop_id, tid);
	CREATE INDEX IF NOT EXISTS sub_orders_paid_date_idx ON ordersync.sub_orders (shop_id, paid_date, num_iid);

	CREATE TABLE IF NOT EXISTS ordersync.after_sales (
		shop_id bigint NOT NULL,
		refund_id bigint NOT NULL,
		tid bigint,
		oid bigint,
		platform text NOT NULL DEFAULT 'taobao',
		status text,
		order_status text,
		dispute_type text,
		special_refund_type text,
		refund_phase text,
		good_status text,
		has_good_return boolean,
		cs_status integer,
		advance_status integer,
		operation_contraint text,
		created timestamptz,
		modified timestamptz,
		refunded_at timestamptz,
		closed_at timestamptz,
		good_return_time timestamptz,
		timeout timestamptz,
		created_date date GENERATED ALWAYS AS ((created AT TIME ZONE 'Asia/Shanghai')::date) STORED,
		refunded_date date GENERATED ALWAYS AS ((refunded_at AT TIME ZONE 'Asia/Shanghai')::date) STORED,
		total_fee numeric(18,2),
		refund_fee numeric(18,2),
		refunded_amount numeric(18,2),
		payment numeric(18,2),
		split_seller_fee numeric(18,2),
		split_taobao_fee numeric(18,2),
		reason text,
		description text,
		title text,
		num integer,
		price numeric(18,2),
		num_iid bigint,
		sku_id bigint,
		sku text,
		outer_id text,
		company_name text,
		sid text,
		buyer_nick text,
		buyer_open_uid text,
		refund_version bigint,
		first_seen_at timestamptz,
		synced_at timestamptz,
		PRIMARY KEY (shop_id, refund_id)
	) WITH (fillfactor = 85);
	CREATE INDEX IF NOT EXISTS after_sales_oid_idx ON ordersync.after_sales (shop_id, oid);
	CREATE INDEX IF NOT EXISTS after_sales_tid_idx ON ordersync.after_sales (shop_id, tid);
	CREATE INDEX IF NOT EXISTS after_sales_refunded_date_idx ON ordersync.after_sales (shop_id, refunded_date);

	CREATE TABLE IF NOT EXISTS ordersync.order_payloads (
		shop_id bigint NOT NULL,
		tid bigint NOT NULL,
		rank smallint NOT NULL,
		sources smallint NOT NULL,
		modified timestamptz NOT NULL,
		digest_history bytea,
		digest_increment bytea,
		digest_list bytea,
		digest_details bytea,
		payload jsonb,
		PRIMARY KEY (shop_id, tid)
	) WITH (fillfactor = 85);

	CREATE TABLE IF NOT EXISTS ordersync.after_sale_payloads (
		shop_id bigint NOT NULL,
		refund_id bigint NOT NULL,
		rank smallint NOT NULL,
		sources smallint NOT NULL,
		modified timestamptz NOT NULL,
		digest_special bytea,
		digest_list bytea,
		digest_details bytea,
		payload jsonb,
		PRIMARY KEY (shop_id, refund_id)
	) WITH (fillfactor = 85);

	IF EXISTS (
		SELECT
		FROM pg_catalog.pg_attribute a
		WHERE a.attrelid IN ('ordersync.order_payloads'::regclass, 'ordersync.after_sale_payloads'::regclass)
			AND a.attname = 'payload'
			AND a.attcompression = ''
	) THEN
		BEGIN
			-- a record is about 3 kB; pglz would take as long as parsing it
			ALTER TABLE ordersync.order_payloads ALTER COLUMN payload SET COMPRESSION lz4;
			ALTER TABLE ordersync.after_sale_payloads ALTER COLUMN payload SET COMPRESSION lz4;
		EXCEPTION
			WHEN feature_not_supported OR invalid_parameter_value THEN
				NULL;			-- a server built without lz4
		END;
	END IF;

	CREATE TABLE IF NOT EXISTS ordersync.order_changes (
		shop_id bigint NOT NULL,
		change_id bigint GENERATED ALWAYS AS IDENTITY,
		object text NOT NULL,
		id bigint NOT NULL,
		tid bigint,
		field text NOT NULL,
		old_value text,
		new_value text,
		platform_time timestamptz,
		recorded_at timestamptz NOT NULL DEFAULT now(),
		run_id bigint,
		task_id bigint,
		changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
		PRIMARY KEY (shop_id, change_id)
	);
	CREATE INDEX IF NOT EXISTS order_changes_tid_idx ON ordersync.order_changes (shop_id, tid);
	CREATE INDEX IF NOT EXISTS order_changes_changed_in_idx ON ordersync.order_changes (changed_in);

	CREATE TABLE IF NOT EXISTS ordersync.quarantine (
		quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		record_id bigint,
		reason text NOT NULL,
		column_name text,
		body bytea,
		value text,
		run_id bigint,
		task_id bigint,
		since timestamptz,
		until timestamptz,
		received_at timestamptz NOT NULL DEFAULT now(),
		resolved_at timestamptz,
		digest bytea NOT NULL
	);
	-- a window that is read again brings the same bad record again: once is enough
	CREATE UNIQUE INDEX IF NOT EXISTS quarantine_open_idx
		ON ordersync.quarantine (shop_id, stream, record_id, reason, column_name, digest)
		NULLS NOT DISTINCT
		WHERE resolved_at IS NULL;

	CREATE TABLE IF NOT EXISTS ordersync.status_names (
		object text NOT NULL,
		platform text NOT NULL,
		status text NOT NULL,
		stage text NOT NULL,
		name_zh text NOT NULL,
		name_en text NOT NULL,
		PRIMARY KEY (object, platform, status)
	);

	PERFORM ordersync.comment_data();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_data() IS
	'makes the data''s tables where they are missing and comments them';

CREATE FUNCTION ordersync.comment_data()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_table text;
	v_column text;
	v_text text;
BEGIN
	COMMENT ON TABLE ordersync.orders IS
		'one row an order (trade), as the platform last described it; amounts in yuan, postage and fees once per order';
	COMMENT ON TABLE ordersync.sub_orders IS
		'one row an item line of an order, with its order''s facts beside its own; sum paid_amount, never payment';
	COMMENT ON TABLE ordersync.after_sales IS
		'one row a refund or other after-sale, linked to its order by tid and to its line by oid';
	COMMENT ON TABLE ordersync.order_payloads IS
		'the whole record of each order without personal data, merged over the sources; apply''s memory: delete an order''s row here too when deleting the order';
	COMMENT ON TABLE ordersync.after_sale_payloads IS
		'the whole record of each after-sale without personal data, merged over the sources; apply''s memory: delete an after-sale''s row here too when deleting it';
	COMMENT ON TABLE ordersync.order_changes IS
		'the lifecycle: one row when an order or after-sale is first stored, one for each change of status, payment, shipping and end';
	COMMENT ON TABLE ordersync.quarantine IS
		'records and values that could not be stored, as received without personal data, with the reason';
	COMMENT ON TABLE ordersync.status_names IS
		'unified stage and names of the statuses, filled from the mapping functions for the report views';

	FOR v_table, v_column, v_text IN
		SELECT c.tab, c.col, c.txt
		FROM (VALUES
			('orders', 'shop_id', 'our number of the shop'),
			('orders', 'tid', 'order id; 19 digits, see tid_str in the report views for tools that round'),
			('orders', 'platform', 'platform whose status values these are'),
			('orders', 'seller_nick', 'seller as on the record'),
			('orders', 'type', 'trade type: fixed, step (pre-sale), cod, ...'),
			('orders', 'status', 'platform''s status; unified stage: order_report.stage'),
			('orders', 'step_trade_status', 'pre-sale state: deposit and balance paid or not'),
			('orders', 'trade_from', 'platform-internal sources, comma list (WAP, TAOBAO, JHS); as fresh as the last list by creation or details record'),
			('orders', 'trade_source', 'source outside the platform; as fresh as the last list by creation or details record'),
			('orders', 'created', 'order placed; never changes'),
			('orders', 'pay_time', 'payment time as sent; paid_at decides what counts as paid'),
			('orders', 'consign_time', 'shipped, order level; parts: sub_orders.consign_time'),
			('orders', 'end_time', 'finished or closed'),
			('orders', 'modified', 'last change on the platform'),
			('orders', 'async_modified', 'when the last change was loaded into the platform''s read store; as fresh as the last list by creation'),
			('orders', 'paid_at', 'derived: counted as paid. pay_time; pre-sale: not before the balance is paid; cash on delivery: end_time of a finished order'),
			('orders', 'created_date', 'derived: day of created in Asia/Shanghai'),
			('orders', 'paid_date', 'derived: day of paid_at in Asia/Shanghai'),
			('orders', 'end_date', 'derived: day of end_time in Asia/Shanghai'),
			('orders', 'total_fee', 'yuan; sum of price x num of the lines, before every discount (the lines'' total_fee means something else)'),
			('orders', 'discount_fee', 'yuan; trade-level system discount'),
			('orders', 'adjust_fee', 'yuan; manual change by the seller, meaningful on single-line orders only'),
			('orders', 'post_fee', 'yuan; postage, per order: do not join to lines and sum'),
			('orders', 'payment', 'yuan; payable or paid as the platform says now; positive on orders never paid, falls after refunds: use paid_amount'),
			('orders', 'paid_amount', 'derived, yuan: payment with postage where paid_at is set, kept as it was before the first refund'),
			('orders', 'received_payment', 'yuan; settled to the seller so far; ends as paid minus refunded'),
			('orders', 'available_confirm_fee', 'yuan; still to be confirmed; details only'),
			('orders', 'step_paid_fee', 'yuan; paid so far on a pre-sale'),
			('orders', 'commission_fee', 'yuan; platform''s commission; as fresh as the last list by creation or details record'),
			('orders', 'credit_card_fee', 'yuan; paid by credit card'),
			('orders', 'cod_fee', 'yuan; cash-on-delivery service fee; as fresh as the last list by creation or details record'),
			('orders', 'order_tax_fee', 'yuan; import tax (Tmall Global)'),
			('orders', 'platform_subsidy_fee', 'yuan; the platform''s part; details only'),
			('orders', 'yfx_fee', 'yuan; freight insurance; as fresh as the last list by creation or details record'),
			('orders', 'point_fee', 'points used at order time; as fresh as the last list by creation or details record'),
			('orders', 'real_point_fee', 'points really used, known when the order ends; as fresh as the last list by creation or details record'),
			('orders', 'buyer_obtain_point_fee', 'points earned; as fresh as the last list by creation or details record'),
			('orders', 'cod_status', 'cash-on-delivery logistics state; as fresh as the last list by creation or details record'),
			('orders', 'shipping_type', 'way of shipping chosen at creation; never changes'),
			('orders', 'is_part_consign', 'shipped in parts; as fresh as the last list by creation or details record'),
			('orders', 'logistics_company', 'derived: distinct carriers of the lines, comma list'),
			('orders', 'invoice_no', 'derived: distinct waybill numbers of the lines, comma list'),
			('orders', 'package_count', 'derived: number of distinct waybills of the lines'),
			('orders', 'line_count', 'derived: number of lines'),
			('orders', 'item_num', 'derived: sum of num over the lines'),
			('orders', 'buyer_nick', 'buyer''s nick as masked by the platform; count buyers by buyer_open_uid'),
			('orders', 'buyer_open_uid', 'buyer, the platform''s pseudonym; stable within one application key'),
			('orders', 'oaid', 'addressee id, for printing and merging through the platform'),
			('orders', 'receiver_country', 'receiver''s country'),
			('orders', 'receiver_state', 'receiver''s province'),
			('orders', 'receiver_city', 'receiver''s city'),
			('orders', 'receiver_district', 'receiver''s district'),
			('orders', 'seller_flag', 'flag of the seller''s memo: 0 none, 1 red, 2 yellow, 3 green, 4 blue, 5 purple, ...'),
			('orders', 'seller_memo', 'seller''s memo; details only'),
			('orders', 'has_buyer_message', 'the buyer left a message; lists only'),
			('orders', 'alipay_no', 'payment number, for finance; as fresh as the last list by creation or details record'),
			('orders', 'platform_state', 'derived: where the platform has it: listed, archived, missing'),
			('orders', 'details_at', 'derived: when the last whole record (details) was merged'),
			('orders', 'first_seen_at', 'when this row was first stored, our clock'),
			('orders', 'synced_at', 'when this row was last written, our clock'),
			('orders', 'paid_amount_frozen', 'derived: a refund was seen, paid_amount no longer follows payment'),
			('sub_orders', 'shop_id', 'our number of the shop'),
			('sub_orders', 'oid', 'line id; equals tid on single-line orders'),
			('sub_orders', 'tid', 'its order'),
			('sub_orders', 'platform', 'platform whose status values these are'),
			('sub_orders', 'trade_status', 'its order''s status'),
			('sub_orders', 'trade_type', 'its order''s type'),
			('sub_orders', 'created', 'its order''s created'),
			('sub_orders', 'pay_time', 'its order''s pay_time'),
			('sub_orders', 'paid_at', 'derived: its order''s paid_at, counted as paid'),
			('sub_orders', 'modified', 'its order''s last change on the platform'),
			('sub_orders', 'created_date', 'derived: day of created in Asia/Shanghai'),
			('sub_orders', 'paid_date', 'derived: day of paid_at in Asia/Shanghai'),
			('sub_orders', 'buyer_open_uid', 'its order''s buyer, the platform''s pseudonym'),
			('sub_orders', 'receiver_state', 'its order''s province'),
			('sub_orders', 'line_no', 'derived: position in the order, from 1'),
			('sub_orders', 'status', 'line''s own status'),
			('sub_orders', 'refund_status', 'line''s refund state; NO_REFUND when none'),
			('sub_orders', 'refund_id', 'line''s latest refund only; all of them: after_sales by oid'),
			('sub_orders', 'num_iid', 'item id'),
			('sub_orders', 'outer_iid', 'merchant''s code of the item'),
			('sub_orders', 'sku_id', 'SKU id; NULL when the item has none'),
			('sub_orders', 'outer_sku_id', 'merchant''s code of the SKU'),
			('sub_orders', 'title', 'item title'),
			('sub_orders', 'sku_properties_name', 'SKU in words'),
			('sub_orders', 'cid', 'leaf category'),
			('sub_orders', 'price', 'yuan; unit price'),
			('sub_orders', 'num', 'quantity'),
			('sub_orders', 'total_fee', 'yuan; price x num + adjust_fee - discount_fee (the order''s total_fee means something else)'),
			('sub_orders', 'discount_fee', 'yuan; line''s own discount'),
			('sub_orders', 'adjust_fee', 'yuan; manual change, signed'),
			('sub_orders', 'part_mjz_discount', 'yuan; line''s share of the trade-level discount'),
			('sub_orders', 'divide_order_fee', 'yuan; line''s share of the paid amount, without postage; absent until paid, falls after refunds'),
			('sub_orders', 'payment', 'yuan, as sent; with postage on single-line orders, before trade-level discounts on others: never sum it, use paid_amount'),
			('sub_orders', 'paid_amount', 'derived, yuan: line''s share of what was paid, without postage, kept as it was before its first refund'),
			('sub_orders', 'paid_amount_estimated', 'derived: the line was first seen paid when it was already refunded, paid_amount may be too low'),
			('sub_orders', 'is_gift', 'derived: free gift or price 0'),
			('sub_orders', 'consign_time', 'line shipped'),
			('sub_orders', 'end_time', 'line finished or closed'),
			('sub_orders', 'shipping_type', 'line''s way of shipping'),
			('sub_orders', 'logistics_company', 'carrier'),
			('sub_orders', 'invoice_no', 'waybill number'),
			('sub_orders', 'store_code', 'warehouse'),
			('sub_orders', 'item_meal_name', 'bundle in words'),
			('sub_orders', 'first_seen_at', 'when this row was first stored, our clock'),
			('sub_orders', 'synced_at', 'when this row was last written, our clock'),
			('sub_orders', 'paid_amount_frozen', 'derived: a refund was seen, paid_amount no longer follows the platform'),
			('after_sales', 'shop_id', 'our number of the shop'),
			('after_sales', 'refund_id', 'refund id'),
			('after_sales', 'tid', 'its order'),
			('after_sales', 'oid', 'its line; where the record names none, that of a single-line order'),
			('after_sales', 'platform', 'platform whose status values these are'),
			('after_sales', 'status', 'platform''s refund status; unified stage: after_sale_report.stage'),
			('after_sales', 'order_status', 'order''s status at the refund'),
			('after_sales', 'dispute_type', 'REFUND, REFUND_AND_RETURN, exchange, repair, ...'),
			('after_sales', 'special_refund_type', 'priceProtect or cashBack; NULL on ordinary refunds'),
			('after_sales', 'refund_phase', 'onsale or aftersale'),
			('after_sales', 'good_status', 'where the goods are'),
			('after_sales', 'has_good_return', 'the goods must come back'),
			('after_sales', 'cs_status', 'customer-service intervention, code; details only'),
			('after_sales', 'advance_status', 'advance payment, code; details only'),
			('after_sales', 'operation_contraint', 'cannot_refuse or refund_onweb (spelt so by the platform)'),
			('after_sales', 'created', 'applied for'),
			('after_sales', 'modified', 'last change on the platform'),
			('after_sales', 'refunded_at', 'derived: modified of the first record seen with SUCCESS; as exact as we read often'),
			('after_sales', 'closed_at', 'derived: modified of the first record seen with CLOSED; as exact as we read often'),
			('after_sales', 'good_return_time', 'goods sent back; details only'),
			('after_sales', 'timeout', 'next time-out of the case; details only'),
			('after_sales', 'created_date', 'derived: day of created in Asia/Shanghai'),
			('after_sales', 'refunded_date', 'derived: day of refunded_at in Asia/Shanghai'),
			('after_sales', 'total_fee', 'yuan; order amount concerned'),
			('after_sales', 'refund_fee', 'yuan; asked for or given back, may include postage'),
			('after_sales', 'refunded_amount', 'derived, yuan: money given back: refund_fee where SUCCESS and not an exchange, repair or reshipment; else 0'),
			('after_sales', 'payment', 'yuan; stays with the seller'),
			('after_sales', 'split_seller_fee', 'yuan; given to the seller; details only'),
			('after_sales', 'split_taobao_fee', 'yuan; given to the platform; details only'),
			('after_sales', 'reason', 'reason in words'),
			('after_sales', 'description', 'buyer''s explanation (the platform''s field desc)'),
			('after_sales', 'title', 'item title'),
			('after_sales', 'num', 'quantity'),
			('after_sales', 'price', 'yuan; unit price; details only'),
			('after_sales', 'num_iid', 'item id; from details or from the line'),
			('after_sales', 'sku_id', 'SKU id, the part of sku before the bar'),
			('after_sales', 'sku', 'SKU id and text as sent'),
			('after_sales', 'outer_id', 'merchant''s code'),
			('after_sales', 'company_name', 'carrier of the return'),
			('after_sales', 'sid', 'waybill number of the return'),
			('after_sales', 'buyer_nick', 'buyer''s nick as masked by the platform'),
			('after_sales', 'buyer_open_uid', 'buyer, the platform''s pseudonym'),
			('after_sales', 'refund_version', 'version of the case, epoch milliseconds'),
			('after_sales', 'first_seen_at', 'when this row was first stored, our clock'),
			('after_sales', 'synced_at', 'when this row was last written, our clock'),
			('order_payloads', 'shop_id', 'our number of the shop'),
			('order_payloads', 'tid', 'order'),
			('order_payloads', 'rank', 'richest source that has written at modified: 1 history, 2 increment, 3 list, 4 details'),
			('order_payloads', 'sources', 'sources that have written at modified, a bit each: 1 history, 2 increment, 4 list, 8 details'),
			('order_payloads', 'modified', 'the record''s last change on the platform'),
			('order_payloads', 'digest_history', 'digest of the last record taken from the list of archived orders'),
			('order_payloads', 'digest_increment', 'digest of the last record taken from the list by modification'),
			('order_payloads', 'digest_list', 'digest of the last record taken from the list by creation'),
			('order_payloads', 'digest_details', 'digest of the last whole record taken'),
			('order_payloads', 'payload', 'the record without personal data, fields and lines merged over the sources'),
			('after_sale_payloads', 'shop_id', 'our number of the shop'),
			('after_sale_payloads', 'refund_id', 'refund'),
			('after_sale_payloads', 'rank', 'richest source that has written at modified: 1 special, 2 list, 3 details'),
			('after_sale_payloads', 'sources', 'sources that have written at modified, a bit each: 1 special, 2 list, 4 details'),
			('after_sale_payloads', 'modified', 'the record''s last change on the platform'),
			('after_sale_payloads', 'digest_special', 'digest of the last record taken from the list of special refunds'),
			('after_sale_payloads', 'digest_list', 'digest of the last record taken from the list'),
			('after_sale_payloads', 'digest_details', 'digest of the last whole record taken'),
			('after_sale_payloads', 'payload', 'the record without personal data, merged over the sources'),
			('order_changes', 'shop_id', 'our number of the shop'),
			('order_changes', 'change_id', 'running number; numbers commit out of order, readers go by changed_in'),
			('order_changes', 'object', 'order, sub_order or after_sale'),
			('order_changes', 'id', 'tid, oid or refund_id'),
			('order_changes', 'tid', 'the order that it belongs to'),
			('order_changes', 'field', 'first_seen, or the column that changed: status, step_trade_status, pay_time, payment, consign_time, end_time, refund_status'),
			('order_changes', 'old_value', 'value before, as the platform sent it; NULL: none'),
			('order_changes', 'new_value', 'value now, as the platform sent it; first_seen: the status'),
			('order_changes', 'platform_time', 'modified of the record that brought the change'),
			('order_changes', 'recorded_at', 'when it was stored, our clock'),
			('order_changes', 'run_id', 'run that brought it'),
			('order_changes', 'task_id', 'task that brought it'),
			('order_changes', 'changed_in', 'transaction that stored it; what is below pg_snapshot_xmin(pg_current_snapshot()) is complete'),
			('quarantine', 'quarantine_id', 'running number'),
			('quarantine', 'shop_id', 'our number of the shop'),
			('quarantine', 'stream', 'orders or after_sales'),
			('quarantine', 'record_id', 'tid or refund_id; NULL when the record has none that can be read'),
			('quarantine', 'reason', 'value: one value was unreadable, the record is stored without it; line: an item line without an id; else why the record is not stored'),
			('quarantine', 'column_name', 'column that stayed empty (reason value)'),
			('quarantine', 'body', 'the record or line as received, without personal data'),
			('quarantine', 'value', 'the unreadable value (reason value)'),
			('quarantine', 'run_id', 'run that met it'),
			('quarantine', 'task_id', 'task that met it'),
			('quarantine', 'since', 'start of that task''s window'),
			('quarantine', 'until', 'end of that task''s window, exclusive'),
			('quarantine', 'received_at', 'when it was first met, our clock'),
			('quarantine', 'resolved_at', 'when a good record of the same id was stored'),
			('quarantine', 'digest', 'SHA-256 of body or value, to know it again'),
			('status_names', 'object', 'order or refund'),
			('status_names', 'platform', 'platform of the status'),
			('status_names', 'status', 'the platform''s status, or a unified stage'),
			('status_names', 'stage', 'unified stage'),
			('status_names', 'name_zh', 'name in Chinese'),
			('status_names', 'name_en', 'name in English')
		) AS c (tab, col, txt)
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN ordersync.%I.%I IS %L', v_table, v_column, v_text);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.comment_data() IS
	'comments the data''s tables and columns';
