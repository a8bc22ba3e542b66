/*
 * The tables of what checks brought in and asked for.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_checks()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.repairs (
		shop_id bigint NOT NULL,
		repair_id bigint GENERATED ALWAYS AS IDENTITY,
		stream text NOT NULL,
		record_id bigint NOT NULL,
		reason text NOT NULL,
		modified timestamptz,
		created timestamptz,
		run_id bigint,
		task_id bigint,
		repaired_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, repair_id)
	);

	CREATE TABLE IF NOT EXISTS ordersync.lookups (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		record_id bigint NOT NULL,
		served boolean NOT NULL,
		message text,
		asked_at timestamptz NOT NULL,
		run_id bigint,
		PRIMARY KEY (shop_id, stream, record_id)
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('repairs', NULL, 'records that a later check brought in or brought up to date, one row each time'),
		('repairs', 'shop_id', 'the shop'),
		('repairs', 'repair_id', 'number of the repair'),
		('repairs', 'stream', 'orders or after_sales'),
		('repairs', 'record_id', 'tid or refund_id'),
		('repairs', 'reason', 'arrival: became visible after its modified; link: a line or an after-sale spoke of it; verify: the counts differed'),
		('repairs', 'modified', 'its modified as repaired'),
		('repairs', 'created', 'its created'),
		('repairs', 'run_id', 'the run'),
		('repairs', 'task_id', 'the task'),
		('repairs', 'repaired_at', 'when'),

		('lookups', NULL, 'records that were asked for by id because another record speaks of them, or that the platform does not serve by id; and open orders that were looked for in the history'),
		('lookups', 'shop_id', 'the shop'),
		('lookups', 'stream', 'orders or after_sales: asked for by id; history: an open order older than the lists reach, looked for in the history or by its number'),
		('lookups', 'record_id', 'tid or refund_id'),
		('lookups', 'served', 'false: the platform does not serve it by id (archived, or gone); true for a window of the history that was read'),
		('lookups', 'message', 'what the platform said'),
		('lookups', 'asked_at', 'when, by the platform''s clock; a later change of what speaks of it has it asked again'),
		('lookups', 'run_id', 'the run')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_checks() IS
	'makes the tables of repairs and lookups where they are missing; part of ordersync.set_up_queue()';
