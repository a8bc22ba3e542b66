/*
 * The tables of what checks brought in, asked for, and have to look at.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_checks()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_unnoted boolean := pg_catalog.to_regclass('ordersync.link_candidates') IS NULL;
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

	CREATE TABLE IF NOT EXISTS ordersync.link_candidates (
		shop_id bigint NOT NULL,
		batch_id bigint GENERATED ALWAYS AS IDENTITY,
		refund_ids bigint[],
		PRIMARY KEY (shop_id, batch_id)
	);
	IF v_unnoted THEN
		-- what is stored already was noted by nobody: all of it is to be looked at
		INSERT INTO ordersync.link_candidates (shop_id, refund_ids)
		SELECT s.shop_id, NULL
		FROM ordersync.shops s;
	END IF;

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('repairs', NULL, 'records that a later check added or updated, one row each time'),
		('repairs', 'shop_id', 'the shop'),
		('repairs', 'repair_id', 'number of the repair'),
		('repairs', 'stream', 'orders or after_sales'),
		('repairs', 'record_id', 'tid or refund_id'),
		('repairs', 'reason', 'arrival: became visible after its modified; link: a line or an after-sale refers to it; verify: the counts differed'),
		('repairs', 'modified', 'its modified as repaired'),
		('repairs', 'created', 'its created'),
		('repairs', 'run_id', 'the run'),
		('repairs', 'task_id', 'the task'),
		('repairs', 'repaired_at', 'when'),

		('lookups', NULL, 'records that were fetched by id because another record refers to them, or that the platform does not serve by id; and open orders that were searched for in the history'),
		('lookups', 'shop_id', 'the shop'),
		('lookups', 'stream', 'orders or after_sales: asked for by id; refunds_of_orders: its after-sales were asked for by its tid; history: an open order older than the lists reach, looked for in the history or by its number'),
		('lookups', 'record_id', 'tid or refund_id'),
		('lookups', 'served', 'false: the platform does not serve it by id (archived, or gone); true for a window of the history that was read'),
		('lookups', 'message', 'message of the platform'),
		('lookups', 'asked_at', 'when, by the platform''s clock; it is fetched again when a record that refers to it changes later'),
		('lookups', 'run_id', 'the run'),

		('link_candidates', NULL, 'refunds whose after-sale or line was written since the link check of a run looked at them last, one row a batch of records; what was found unlinked stays until it is linked or was asked for'),
		('link_candidates', 'shop_id', 'the shop'),
		('link_candidates', 'batch_id', 'number of the row'),
		('link_candidates', 'refund_ids', 'refund_ids of after-sales and of lines; NULL: all of the shop, which the next run to end looks at whole')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_checks() IS
	'creates the tables of repairs, lookups and candidates of the link check if they are missing; part of ordersync.set_up_queue()';
