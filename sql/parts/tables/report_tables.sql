/*
 * The tables that the reports are made with: names of statuses, added fields.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_status_names()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.status_names (
		object text NOT NULL,
		platform text NOT NULL,
		status text NOT NULL,
		stage text NOT NULL,
		name_zh text NOT NULL,
		name_en text NOT NULL,
		PRIMARY KEY (object, platform, status)
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('status_names', NULL, 'unified stage and names of the statuses, filled from the mapping functions for the report views'),
		('status_names', 'object', 'order or refund'),
		('status_names', 'platform', 'platform of the status'),
		('status_names', 'status', 'the platform''s status, or a unified stage'),
		('status_names', 'stage', 'unified stage'),
		('status_names', 'name_zh', 'name in Chinese'),
		('status_names', 'name_en', 'name in English')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_status_names() IS
	'creates the table of the statuses'' names if it is missing; part of ordersync.set_up_data()';

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
	'creates the table of added fields if it is missing; part of ordersync.set_up()';
