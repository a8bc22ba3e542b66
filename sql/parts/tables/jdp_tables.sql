/*
 * The tables behind the views of the push's shape: when each row was made, and when it changed.
 *
 * Empty until ordersync_enable_jdp(), which fills and indexes them.  What a consumer
 * polls by stands here: the seller's name too, so that an index hands its rows out
 * in the order of the poll.  All else is joined from the tables of data.  Consumers look
 * up single orders without naming a shop: hence the order of the primary keys.
 *
 * jdp_created and jdp_modified are what the push's datetime is: whole seconds, by the
 * clock of Asia/Shanghai, without a zone.  So a literal and a parameter of any client
 * are compared with the index as they are, whatever the session's time zone is.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_jdp_tables()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.jdp_state (
		one boolean PRIMARY KEY DEFAULT true CHECK (one),
		margin interval NOT NULL,
		lead interval NOT NULL,
		stamped_until timestamp NOT NULL,
		confirmed boolean NOT NULL,
		taken_at timestamptz NOT NULL,
		enabled_at timestamptz NOT NULL DEFAULT now()
	);

	CREATE TABLE IF NOT EXISTS ordersync.jdp_trades (
		shop_id bigint NOT NULL,
		tid bigint NOT NULL,
		seller_nick text NOT NULL,
		jdp_created timestamp NOT NULL,
		jdp_modified timestamp NOT NULL,
		PRIMARY KEY (tid, shop_id)
	) WITH (autovacuum_vacuum_scale_factor = 0.02);

	CREATE TABLE IF NOT EXISTS ordersync.jdp_refunds (
		shop_id bigint NOT NULL,
		refund_id bigint NOT NULL,
		tid bigint,
		seller_nick text NOT NULL,
		jdp_created timestamp NOT NULL,
		jdp_modified timestamp NOT NULL,
		PRIMARY KEY (refund_id, shop_id)
	) WITH (autovacuum_vacuum_scale_factor = 0.02);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('jdp_state', NULL, 'one row while the tables in the push''s shape are enabled (ordersync_enable_jdp); no row: they are not'),
		('jdp_state', 'one', 'always true: there is one row'),
		('jdp_state', 'margin', 'how far in the future a change is stamped; of it a third is left when it can be read, or it is stamped again'),
		('jdp_state', 'lead', 'the same now: margin, and twice as much each time that a stamp was past when it could be read'),
		('jdp_state', 'stamped_until', 'the newest jdp_modified that was given, Asia/Shanghai; the next one is later'),
		('jdp_state', 'confirmed', 'the rows of stamped_until could be read before it was past; false: it is not known yet'),
		('jdp_state', 'taken_at', 'when changes were last taken from the change feed'),
		('jdp_state', 'enabled_at', 'when the tables were enabled'),
		('jdp_trades', NULL, 'when orders were stamped for pollers: the columns of jdp.jdp_tb_trade that the push made'),
		('jdp_trades', 'shop_id', 'our number of the shop'),
		('jdp_trades', 'tid', 'order'),
		('jdp_trades', 'seller_nick', 'the shop''s seller'),
		('jdp_trades', 'jdp_created', 'first jdp_modified of the row, Asia/Shanghai'),
		('jdp_trades', 'jdp_modified', 'when its last change can be polled, whole seconds, Asia/Shanghai; of an order that was stored before the tables were enabled: modified'),
		('jdp_refunds', NULL, 'when after-sales were stamped for pollers: the columns of jdp.jdp_tb_refund that the push made'),
		('jdp_refunds', 'shop_id', 'our number of the shop'),
		('jdp_refunds', 'refund_id', 'refund'),
		('jdp_refunds', 'tid', 'its order'),
		('jdp_refunds', 'seller_nick', 'the shop''s seller'),
		('jdp_refunds', 'jdp_created', 'first jdp_modified of the row, Asia/Shanghai'),
		('jdp_refunds', 'jdp_modified', 'when its last change can be polled, whole seconds, Asia/Shanghai; of an after-sale that was stored before the tables were enabled: modified')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_jdp_tables() IS
	'creates the tables behind the views of the push''s shape if they are missing; part of ordersync.set_up_data()';
