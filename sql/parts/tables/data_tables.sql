/*
 * The data's tables: orders, sub-orders, after-sales, their records as they
 * came, their changes, and what could not be stored.
 *
 * They stand in a function's body for the reason given in queue_tables.sql.
 * The columns of the first three, and their comments, are in sql/dictionary.txt.
 * Each comment says what its column holds: unit, meaning, how fresh it is where
 * not every list of the platform serves it, and in brackets the field that it
 * comes from: of the platform's Trade, of its Order (an item line), of its Refund.
 * What has no field is derived, or ours.
 *
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

	PERFORM ordersync.add_missing_columns();

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

/*
 * Tables that another version made, or that came with a dump, lack what was
 * added since.  Where nothing is missing no lock is taken.  A column that is
 * there is left as it is, also where it was defined otherwise.  Waiting for a
 * reader of a table would make all others wait behind: that is given up soon, as
 * for the views.
 */
CREATE OR REPLACE FUNCTION ordersync.add_missing_columns()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
DECLARE
	v_table text;
	v_columns text;
BEGIN
	FOR v_table, v_columns IN
		SELECT c.tab,
			pg_catalog.string_agg(pg_catalog.format('ADD COLUMN %I %s', c.col, c.definition), ', ' ORDER BY c.i)
		FROM (
			SELECT v.tab, v.col, v.definition, pg_catalog.row_number() OVER () AS i
			FROM (VALUES
				{{orders.table: ('orders', '#', $$#definition$$)}},
				{{sub_orders.table: ('sub_orders', '#', $$#definition$$)}},
				{{after_sales.table: ('after_sales', '#', $$#definition$$)}}
			) AS v (tab, col, definition)
		) c
		WHERE NOT EXISTS (
			SELECT
			FROM pg_catalog.pg_attribute a
			WHERE a.attrelid = pg_catalog.format('ordersync.%I', c.tab)::pg_catalog.regclass
				AND a.attname = c.col
				AND NOT a.attisdropped)
		GROUP BY c.tab
		ORDER BY pg_catalog.min(c.i)	-- as apply locks them
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE ordersync.%I %s', v_table, v_columns);
	END LOOP;
EXCEPTION
	WHEN lock_not_available OR deadlock_detected THEN
		PERFORM ordersync.refuse_views_in_use(ARRAY[v_table]);
END
$function$;
COMMENT ON FUNCTION ordersync.add_missing_columns() IS
	'adds the columns that the tables of orders, sub-orders and after-sales lack, or gives up after two seconds of waiting for who reads one; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.set_up_payload_cuts()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.payload_cuts (
		shop_id bigint PRIMARY KEY,
		keeps text NOT NULL,
		next_day date NOT NULL,
		next_refund bigint,
		whole_on date NOT NULL,
		done_on date
	);
	COMMENT ON TABLE ordersync.payload_cuts IS
		'how far the payloads of shops that do not keep them are cut';
	COMMENT ON COLUMN ordersync.payload_cuts.shop_id IS
		'our number of the shop';
	COMMENT ON COLUMN ordersync.payload_cuts.keeps IS
		'the shop''s option payloads at that time; another one begins anew';
	COMMENT ON COLUMN ordersync.payload_cuts.next_day IS
		'created_date of the orders that are looked at next; infinity: orders are done, after-sales are looked at';
	COMMENT ON COLUMN ordersync.payload_cuts.next_refund IS
		'after-sales with higher numbers are looked at next; NULL: all of them';
	COMMENT ON COLUMN ordersync.payload_cuts.whole_on IS
		'day on which a walk over orders of all ages last began';
	COMMENT ON COLUMN ordersync.payload_cuts.done_on IS
		'day on which the walk last came to its end; NULL while it goes on';
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_payload_cuts() IS
	'makes the table of payload cuts where it is missing; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.set_up_added_fields()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.added_fields (
		field_id bigint GENERATED ALWAYS AS IDENTITY,
		target text NOT NULL,
		name text NOT NULL,
		path text NOT NULL,
		type text NOT NULL,
		added_by name NOT NULL DEFAULT session_user,
		added_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (target, name)
	);
	COMMENT ON TABLE ordersync.added_fields IS
		'columns that ordersync_add_field gave the report views';
	COMMENT ON COLUMN ordersync.added_fields.field_id IS
		'in the order in which they were added';
	COMMENT ON COLUMN ordersync.added_fields.target IS
		'whose report has it: orders, sub_orders or after_sales';
	COMMENT ON COLUMN ordersync.added_fields.name IS
		'the column''s name';
	COMMENT ON COLUMN ordersync.added_fields.path IS
		'where the value stands in the record; for sub_orders in the line';
	COMMENT ON COLUMN ordersync.added_fields.type IS
		'text, bigint, numeric, boolean, timestamptz, date or jsonb';
	COMMENT ON COLUMN ordersync.added_fields.added_by IS
		'who added it';
	COMMENT ON COLUMN ordersync.added_fields.added_at IS
		'when';
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_added_fields() IS
	'makes the table of added fields where it is missing; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.comment_data()
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
			{{orders.table: ('orders', '#', #comment)}},
			{{sub_orders.table: ('sub_orders', '#', #comment)}},
			{{after_sales.table: ('after_sales', '#', #comment)}},
			('order_payloads', 'shop_id', 'our number of the shop'),
			('order_payloads', 'tid', 'order'),
			('order_payloads', 'rank', 'richest source that has written at modified: 1 history, 2 increment, 3 list, 4 details'),
			('order_payloads', 'sources', 'sources that have written at modified, a bit each: 1 history, 2 increment, 4 list, 8 details'),
			('order_payloads', 'modified', 'the record''s last change on the platform'),
			('order_payloads', 'read_at', 'when the call began that brought it as it is, by the platform''s clock; of two versions of one second the later one counts'),
			('order_payloads', 'digest_history', 'digest of the last record taken from the list of archived orders'),
			('order_payloads', 'digest_increment', 'digest of the last record taken from the list by modification'),
			('order_payloads', 'digest_list', 'digest of the last record taken from the list by creation'),
			('order_payloads', 'digest_details', 'digest of the last whole record taken'),
			('order_payloads', 'payload', 'the record without personal data, fields and lines merged over the sources; NULL where the shop''s option payloads does not keep it'),
			('after_sale_payloads', 'shop_id', 'our number of the shop'),
			('after_sale_payloads', 'refund_id', 'refund'),
			('after_sale_payloads', 'rank', 'richest source that has written at modified: 1 special, 2 list, 3 details'),
			('after_sale_payloads', 'sources', 'sources that have written at modified, a bit each: 1 special, 2 list, 4 details'),
			('after_sale_payloads', 'modified', 'the record''s last change on the platform'),
			('after_sale_payloads', 'read_at', 'when the call began that brought it as it is, by the platform''s clock; of two versions of one second the later one counts'),
			('after_sale_payloads', 'digest_special', 'digest of the last record taken from the list of special refunds'),
			('after_sale_payloads', 'digest_list', 'digest of the last record taken from the list'),
			('after_sale_payloads', 'digest_details', 'digest of the last whole record taken'),
			('after_sale_payloads', 'payload', 'the record without personal data, merged over the sources; NULL where the shop''s option payloads does not keep it'),
			('order_changes', 'shop_id', 'our number of the shop'),
			('order_changes', 'change_id', 'running number; numbers commit out of order, readers go by changed_in'),
			('order_changes', 'object', 'order, sub_order or after_sale'),
			('order_changes', 'id', 'tid, oid or refund_id'),
			('order_changes', 'tid', 'the order that it belongs to'),
			('order_changes', 'field', 'first_seen, or the column that changed: ' || pg_catalog.array_to_string(ARRAY[
				{{orders.changes '#'}}, {{sub_orders.changes '#'}}], ', ')),
			('order_changes', 'old_value', 'value before, as its column holds it, times in Asia/Shanghai; NULL: none'),
			('order_changes', 'new_value', 'value now, likewise; first_seen: the status'),
			('order_changes', 'platform_time', 'modified of the record that brought the change'),
			('order_changes', 'recorded_at', 'when it was stored, our clock'),
			('order_changes', 'run_id', 'run that brought it'),
			('order_changes', 'task_id', 'task that brought it'),
			('order_changes', 'changed_in', 'transaction that stored it; what is below pg_snapshot_xmin(pg_current_snapshot()) is complete'),
			('quarantine', 'quarantine_id', 'running number'),
			('quarantine', 'shop_id', 'our number of the shop'),
			('quarantine', 'stream', 'orders or after_sales'),
			('quarantine', 'record_id', 'tid or refund_id; NULL when the record has none that can be read'),
			('quarantine', 'modified', 'the record''s time of change where it can be read (reasons but value and line): it takes a version of that age or newer to resolve it'),
			('quarantine', 'reason', 'value: one value was unreadable or held what is no text, the record is stored with its column empty or with the value mended; line: an item line without an id; refused: the database refuses the record (a trigger, a constraint); else why the record is not stored'),
			('quarantine', 'sqlstate', 'SQLSTATE of the database''s error (reason refused)'),
			('quarantine', 'message', 'the database''s message, without its detail (reason refused)'),
			('quarantine', 'column_name', 'column that stayed empty, or path of the field that was mended (reason value)'),
			('quarantine', 'body', 'the record, line or mended value as received, without personal data'),
			('quarantine', 'asked', 'the source that the record came by, when its call began, the fields that were added and dropped, and the values that were mended (bytes as base64), to try it again (reason refused)'),
			('quarantine', 'value', 'the unreadable value, or what is stored in the place of a mended one; NULL of a member that was left out since its name is no text (reason value)'),
			('quarantine', 'source', 'of a mended value: the list that it came by; else NULL'),
			('quarantine', 'run_id', 'run that met it'),
			('quarantine', 'task_id', 'task that met it'),
			('quarantine', 'since', 'start of that task''s window'),
			('quarantine', 'until', 'end of that task''s window, exclusive'),
			('quarantine', 'received_at', 'when it was first met, our clock'),
			('quarantine', 'resolved_at', 'when the value was read, or a record of that id and age or newer was stored'),
			('quarantine', 'digest', 'what it is known by when it comes again: SHA-256 of body or value; of a refused record the digest of its source'),
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
