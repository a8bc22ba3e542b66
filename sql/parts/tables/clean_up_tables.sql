/*
 * The tables of the clean-up: how far it is, and how large tables were.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_clean_ups()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.clean_ups (
		name text NOT NULL,
		shop_id bigint NOT NULL DEFAULT 0,
		keeps text,
		next_id bigint,
		rows_removed bigint NOT NULL DEFAULT 0,
		begun_at timestamptz,
		done_at timestamptz,
		tries integer NOT NULL DEFAULT 0,
		next_try_at timestamptz,
		message text,
		PRIMARY KEY (name, shop_id)
	);

	CREATE TABLE IF NOT EXISTS ordersync.storage_history (
		table_name text NOT NULL,
		shop_id bigint NOT NULL DEFAULT 0,
		day date NOT NULL,
		rows bigint,
		bytes bigint NOT NULL,
		PRIMARY KEY (table_name, shop_id, day)
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('clean_ups', NULL, 'what the daily clean-up removes, and how far it is'),
		('clean_ups', 'name', 'what is removed: log, queue (runs that wait), runs, quarantine, changes, counts; changes of a shop: where its walk goes on; sizes: the daily row of storage_history'),
		('clean_ups', 'shop_id', 'the shop; 0: all'),
		('clean_ups', 'keeps', 'the setting that it went by'),
		('clean_ups', 'next_id', 'where it goes on: behind this number of a run, entry, change or shop'),
		('clean_ups', 'rows_removed', 'rows removed so far; of dropped partitions as many as were estimated'),
		('clean_ups', 'begun_at', 'when the one that is not done yet began; NULL: it is done'),
		('clean_ups', 'done_at', 'when it was done last'),
		('clean_ups', 'tries', 'how often it has waited for a lock since then'),
		('clean_ups', 'next_try_at', 'when it is tried again behind a lock that was not to be had'),
		('clean_ups', 'message', 'why it was not done the last time'),

		('storage_history', NULL, 'how large tables and shops were, one row a day, for a hundred days; what ordersync.storage tells the growth from'),
		('storage_history', 'table_name', 'the table, of all shops; empty: the shop, in all tables'),
		('storage_history', 'shop_id', 'the shop; 0: all'),
		('storage_history', 'day', 'the day of Asia/Shanghai'),
		('storage_history', 'rows', 'rows, as the planner estimates them; of a shop its orders'),
		('storage_history', 'bytes', 'bytes with indexes and TOAST; of a shop its share by the planner''s statistics')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_clean_ups() IS
	'creates the tables of the clean-up and of sizes if they are missing; part of ordersync.set_up_queue()';
