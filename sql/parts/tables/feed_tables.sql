/*
 * The tables of the change feed: what was written of orders and after-sales, and
 * how far each consumer has read.
 *
 * An entry holds the ids of a batch, not a row for each: it is written in the
 * batch's transaction and must cost nothing that can be felt.  It is written
 * whether there is a consumer or not, so that one that is made beside a batch in
 * flight misses nothing and makes nobody wait.
 *
 * How a consumer reads: feed/portions.sql.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_feed()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.change_feed (
		entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		shop_id bigint NOT NULL,
		kind text NOT NULL,
		ids bigint[] NOT NULL,
		messages jsonb[],
		recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
	);
	PERFORM ordersync.add_index('change_feed_changed_in_idx', 'change_feed', '(changed_in)');
	PERFORM ordersync.compress_by_lz4('change_feed', 'messages');

	CREATE TABLE IF NOT EXISTS ordersync.change_consumers (
		consumer text PRIMARY KEY,
		owner name,
		compact boolean NOT NULL,
		shops bigint[],
		kinds text[],
		lease interval NOT NULL DEFAULT '10 minutes',
		created_at timestamptz NOT NULL DEFAULT now(),
		"position" bigint NOT NULL DEFAULT 0,
		handed_out bigint NOT NULL DEFAULT 0,
		walk_kind text,
		walk_shop bigint,
		walk_id bigint,
		walk_shops bigint[],
		walk_ids bigint[],
		acknowledged pg_snapshot NOT NULL,
		portion pg_snapshot,
		portion_end bigint,
		done_entry bigint NOT NULL DEFAULT 0,
		done_items integer NOT NULL DEFAULT 0,
		reader text,
		read_at timestamptz,
		acknowledged_at timestamptz,
		lost jsonb,
		lost_changes bigint NOT NULL DEFAULT 0,
		cluster bigint
	) WITH (fillfactor = 50);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('change_feed', NULL, 'which orders and after-sales were written, one row a batch; read by ordersync_changes_read, removed when all consumers have acknowledged it'),
		('change_feed', 'entry_id', 'running number; of two batches with the same order the later one has the higher number'),
		('change_feed', 'shop_id', 'the shop'),
		('change_feed', 'kind', 'order or after_sale'),
		('change_feed', 'ids', 'tids or refund_ids'),
		('change_feed', 'messages', 'what each was then, while a consumer reads each change; NULL: consumers are told what it is when they read'),
		('change_feed', 'recorded_at', 'when it was written, our clock'),
		('change_feed', 'changed_in', 'transaction that wrote it'),
		('change_consumers', NULL, 'who reads the change feed, and how far; for people there is the view consumers'),
		('change_consumers', 'consumer', 'its name'),
		('change_consumers', 'owner', 'role that made it: it and its members read and acknowledge; NULL: a part of the extension'),
		('change_consumers', 'compact', 'true: of several waiting changes of an order it is told the newest state; false: each change'),
		('change_consumers', 'shops', 'shops whose changes it is told; NULL: all'),
		('change_consumers', 'kinds', 'kinds that it is told: order, after_sale; NULL: both'),
		('change_consumers', 'lease', 'for how long what was handed out to a session is kept from other sessions, while the session lives'),
		('change_consumers', 'created_at', 'when it was made'),
		('change_consumers', 'position', 'changes acknowledged'),
		('change_consumers', 'handed_out', 'highest position handed out'),
		('change_consumers', 'walk_kind', 'of what is stored from before, what is being handed out: order, then after_sale; NULL: that is done'),
		('change_consumers', 'walk_shop', 'shop of the last of these that was acknowledged'),
		('change_consumers', 'walk_id', 'its tid or refund_id'),
		('change_consumers', 'walk_shops', 'shops of those handed out and not acknowledged, by position'),
		('change_consumers', 'walk_ids', 'their tids or refund_ids'),
		('change_consumers', 'acknowledged', 'transactions whose changes are all acknowledged'),
		('change_consumers', 'portion', 'transactions whose changes, but for those, are being read; NULL: none'),
		('change_consumers', 'portion_end', 'last entry of these'),
		('change_consumers', 'done_entry', 'entry of the last change of the portion that was acknowledged'),
		('change_consumers', 'done_items', 'how many of that entry''s changes are acknowledged'),
		('change_consumers', 'reader', 'session that was handed out what is not acknowledged'),
		('change_consumers', 'read_at', 'when that was'),
		('change_consumers', 'acknowledged_at', 'when it last acknowledged'),
		('change_consumers', 'lost', 'what it has yet to be told that it lost'),
		('change_consumers', 'lost_changes', 'changes that were removed before it had read them (ordersync.keep_feed)'),
		('change_consumers', 'cluster', 'cluster whose transactions these are; in another one, to which a dump came, all is read again')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_feed() IS
	'creates the tables of the change feed if they are missing; part of ordersync.set_up_data()';
