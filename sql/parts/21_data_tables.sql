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
 *
 * The indexes by day include what the sales views add up, so that a month is
 * read from one place in the index and not from as many pages as it has orders.
 * What they include hardly changes but with the day that they are sorted by, so
 * it costs no HOT update (platform_state decides on an index already).  They
 * spare the tables only where a page is known to be all-visible: hence the
 * vacuums by a hundredth of the rows, which visit little but the pages written
 * since the last.
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
		gmv numeric(18,2),
		PRIMARY KEY (shop_id, tid)
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);
	CREATE INDEX IF NOT EXISTS orders_created_date_idx ON ordersync.orders (shop_id, created_date)
		INCLUDE (gmv);
	CREATE INDEX IF NOT EXISTS orders_paid_date_idx ON ordersync.orders (shop_id, paid_date)
		INCLUDE (paid_amount, post_fee, buyer_open_uid, platform_state);
	CREATE INDEX IF NOT EXISTS orders_tid_idx ON ordersync.orders (tid);
	-- open orders, a few in a hundred; end_time is set once in an order's life, status changes again and again
	CREATE INDEX IF NOT EXISTS orders_open_idx ON ordersync.orders (shop_id, created_date)
		WHERE end_time IS NULL;
	-- what is not in the lists, so that it is noted when it is again
	CREATE INDEX IF NOT EXISTS orders_unlisted_idx ON ordersync.orders (shop_id, tid)
		WHERE platform_state <> 'listed';

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
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);
	CREATE INDEX IF NOT EXISTS sub_orders_tid_idx ON ordersync.sub_orders (shop_id, tid);
	CREATE INDEX IF NOT EXISTS sub_orders_paid_date_idx ON ordersync.sub_orders (shop_id, paid_date, num_iid)
		INCLUDE (paid_amount, num);
	-- the link check: lines that name an after-sale, a few in a hundred
	CREATE INDEX IF NOT EXISTS sub_orders_refund_id_idx ON ordersync.sub_orders (shop_id, refund_id)
		WHERE refund_id IS NOT NULL;

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
		turned_at timestamptz,
		PRIMARY KEY (shop_id, refund_id)
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);
	CREATE INDEX IF NOT EXISTS after_sales_oid_idx ON ordersync.after_sales (shop_id, oid);
	CREATE INDEX IF NOT EXISTS after_sales_tid_idx ON ordersync.after_sales (shop_id, tid);
	CREATE INDEX IF NOT EXISTS after_sales_refunded_date_idx ON ordersync.after_sales (shop_id, refunded_date)
		INCLUDE (refunded_amount);

	CREATE TABLE IF NOT EXISTS ordersync.order_payloads (
		shop_id bigint NOT NULL,
		tid bigint NOT NULL,
		rank smallint NOT NULL,
		sources smallint NOT NULL,
		modified timestamptz NOT NULL,
		read_at timestamptz,
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
		read_at timestamptz,
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
		modified timestamptz,
		reason text NOT NULL,
		sqlstate text,
		message text,
		column_name text,
		body bytea,
		asked jsonb,
		value text,
		source text,
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
	-- claim: which shops have records that are not to be tried again
	CREATE INDEX IF NOT EXISTS quarantine_refused_idx
		ON ordersync.quarantine (shop_id, stream, record_id)
		WHERE reason = 'refused' AND resolved_at IS NULL;

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
