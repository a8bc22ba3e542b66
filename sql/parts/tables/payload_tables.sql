/*
 * The tables of payloads: records as they came, merged.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_payloads()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
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

	PERFORM ordersync.compress_by_lz4('order_payloads', 'payload');
	PERFORM ordersync.compress_by_lz4('after_sale_payloads', 'payload');

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('order_payloads', NULL, 'the whole record of each order without personal data, merged over the sources; used to detect changes: when deleting an order, delete its row here, too'),
		('after_sale_payloads', NULL, 'the whole record of each after-sale without personal data, merged over the sources; used to detect changes: when deleting an after-sale, delete its row here, too'),
		('order_payloads', 'shop_id', 'our number of the shop'),
		('order_payloads', 'tid', 'order'),
		('order_payloads', 'rank', 'richest source that has written at modified: 1 history, 2 increment, 3 list, 4 details'),
		('order_payloads', 'sources', 'sources that have written at modified, a bit each: 1 history, 2 increment, 4 list, 8 details'),
		('order_payloads', 'modified', 'the record''s last change on the platform'),
		('order_payloads', 'read_at', 'when the call that returned this version began, by the platform''s clock; of two versions with the same modified the later one is kept'),
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
		('after_sale_payloads', 'read_at', 'when the call that returned this version began, by the platform''s clock; of two versions with the same modified the later one is kept'),
		('after_sale_payloads', 'digest_special', 'digest of the last record taken from the list of special refunds'),
		('after_sale_payloads', 'digest_list', 'digest of the last record taken from the list'),
		('after_sale_payloads', 'digest_details', 'digest of the last whole record taken'),
		('after_sale_payloads', 'payload', 'the record without personal data, merged over the sources; NULL where the shop''s option payloads does not keep it')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_payloads() IS
	'creates the tables of payloads if they are missing; part of ordersync.set_up_data()';

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
	'creates the table of payload cuts if it is missing; part of ordersync.set_up()';
