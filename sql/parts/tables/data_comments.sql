/*
 * What every column of the data's tables holds: unit, meaning, how fresh it is
 * where not every list of the platform serves it, and in brackets the field
 * that it comes from: of the platform's Trade, of its Order (an item line), of its
 * Refund.  What has no field is derived, or ours.  Those of orders, sub_orders and
 * after_sales are in sql/dictionary.txt.
 */
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
