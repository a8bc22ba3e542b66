/*
 * The table of totals: what runs have done, by shop.
 *
 * Its counters only grow, whatever is cut from the history of runs and tasks.
 *
 * When runs last ended well stands here, too, and not in shops: whoever ends a run must not wait for those who keep the
 * rows of shops locked, which ordersync_trigger_due does until it has made the runs of all.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_totals()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.shop_totals (
		shop_id bigint PRIMARY KEY,
		runs_succeeded bigint NOT NULL DEFAULT 0,
		runs_incomplete bigint NOT NULL DEFAULT 0,
		runs_failed bigint NOT NULL DEFAULT 0,
		runs_cancelled bigint NOT NULL DEFAULT 0,
		windows_failed bigint NOT NULL DEFAULT 0,
		calls bigint NOT NULL DEFAULT 0,
		pages bigint NOT NULL DEFAULT 0,
		records_new bigint NOT NULL DEFAULT 0,
		records_changed bigint NOT NULL DEFAULT 0,
		records_unchanged bigint NOT NULL DEFAULT 0,
		records_quarantined bigint NOT NULL DEFAULT 0,
		full_run_at timestamptz,
		successes jsonb NOT NULL DEFAULT '{}',
		since timestamptz NOT NULL DEFAULT now()
	) WITH (fillfactor = 70);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('shop_totals', NULL, 'what runs have done, by shop; added when a run ends, and kept when its rows are cut'),
		('shop_totals', 'shop_id', 'the shop'),
		('shop_totals', 'runs_succeeded', 'runs that succeeded'),
		('shop_totals', 'runs_incomplete', 'runs that ended as incomplete'),
		('shop_totals', 'runs_failed', 'runs that failed'),
		('shop_totals', 'runs_cancelled', 'runs that were cancelled'),
		('shop_totals', 'windows_failed', 'windows that had failed when their run ended'),
		('shop_totals', 'calls', 'calls made'),
		('shop_totals', 'pages', 'pages stored'),
		('shop_totals', 'records_new', 'records stored for the first time'),
		('shop_totals', 'records_changed', 'records that changed a stored row'),
		('shop_totals', 'records_unchanged', 'records that changed nothing'),
		('shop_totals', 'records_quarantined', 'records that could not be stored'),
		('shop_totals', 'full_run_at', 'when the last full run that covered a month, or all that the shop has, ended well'),
		('shop_totals', 'successes', 'by kind (incremental, full, verify) the last run that succeeded: its run_id, and at: when it ended; kept when runs are deleted'),
		('shop_totals', 'since', 'when counting began')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_totals() IS
	'creates the table of totals if it is missing; part of ordersync.set_up_queue()';
