/*
 * The table of changes: what was seen first of orders and after-sales, and what changed.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_changes()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
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
	PERFORM ordersync.add_index('order_changes_tid_idx', 'order_changes', '(shop_id, tid)');
	PERFORM ordersync.add_index('order_changes_changed_in_idx', 'order_changes', '(changed_in)');

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('order_changes', NULL, 'the lifecycle: one row when an order or after-sale is first stored, one for each change of status, payment, shipping and end'),
		('order_changes', 'shop_id', 'our number of the shop'),
		('order_changes', 'change_id', 'running number; numbers commit out of order, readers go by changed_in'),
		('order_changes', 'object', 'order, sub_order or after_sale'),
		('order_changes', 'id', 'tid, oid or refund_id'),
		('order_changes', 'tid', 'the order that it belongs to'),
		('order_changes', 'field', 'first_seen, or the column that changed: ' || pg_catalog.array_to_string(ARRAY[
			{{orders.changes '#'}}, {{sub_orders.changes '#'}}], ', ')),
		('order_changes', 'old_value', 'value before, as its column holds it, times in Asia/Shanghai; NULL: none'),
		('order_changes', 'new_value', 'value after the change, likewise; first_seen: the status'),
		('order_changes', 'platform_time', 'modified of the record that brought the change'),
		('order_changes', 'recorded_at', 'when it was stored, our clock'),
		('order_changes', 'run_id', 'run that brought it'),
		('order_changes', 'task_id', 'task that brought it'),
		('order_changes', 'changed_in', 'transaction that stored it; what is below pg_snapshot_xmin(pg_current_snapshot()) is complete')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_changes() IS
	'creates the table of changes if it is missing; part of ordersync.set_up_data()';
