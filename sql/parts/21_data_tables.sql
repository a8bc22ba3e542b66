/*
 * The data's tables: orders, sub-orders, after-sales, their records as they
 * came, their changes, and what could not be stored.
 *
 * They stand in a function's body for the reason given in the queue's part.
 * The columns of the first three, and their comments, are in sql/dictionary.txt.
 * Amounts are yuan; times are instants, their *_date columns the day in
 * Asia/Shanghai, stored so that a session in UTC groups by the right day
 * without an expression.  Rows are rewritten a few times in an order's life,
 * so pages keep room for HOT updates; no index stands on a column that every
 * update changes, but one of after-sales, which are few and counted by it.
 *
 * The indexes by day include what the sales views add up, so that a month is
 * read from one place in the index and not from as many pages as it has orders.
 * What they include hardly changes but with the day that they are sorted by, so
 * it costs no HOT update (platform_state decides on an index already).  They
 * spare the tables only where a page is known to be all-visible: hence the
 * vacuums by a hundredth of the rows, which visit little but the pages written
 * since the last.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_data()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.orders (
		{{orders.table: # #definition}},
		PRIMARY KEY ({{orders.key}})
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);

	CREATE TABLE IF NOT EXISTS ordersync.sub_orders (
		{{sub_orders.table: # #definition}},
		PRIMARY KEY ({{sub_orders.key}})
	) WITH (
		fillfactor = 85,
		autovacuum_vacuum_scale_factor = 0.01,
		autovacuum_vacuum_insert_scale_factor = 0.01
	);

	CREATE TABLE IF NOT EXISTS ordersync.after_sales (
		{{after_sales.table: # #definition}},
		PRIMARY KEY ({{after_sales.key}})
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

	CREATE INDEX IF NOT EXISTS sub_orders_tid_idx ON ordersync.sub_orders (shop_id, tid);
	CREATE INDEX IF NOT EXISTS sub_orders_paid_date_idx ON ordersync.sub_orders (shop_id, paid_date, num_iid)
		INCLUDE (paid_amount, num);
	-- the link check: lines that name an after-sale, a few in a hundred
	CREATE INDEX IF NOT EXISTS sub_orders_refund_id_idx ON ordersync.sub_orders (shop_id, refund_id)
		WHERE refund_id IS NOT NULL;

	CREATE INDEX IF NOT EXISTS after_sales_oid_idx ON ordersync.after_sales (shop_id, oid);
	CREATE INDEX IF NOT EXISTS after_sales_tid_idx ON ordersync.after_sales (shop_id, tid);
	-- a day is counted by it: without, all of a shop's after-sales are read for each
	CREATE INDEX IF NOT EXISTS after_sales_modified_idx ON ordersync.after_sales (shop_id, modified);
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
