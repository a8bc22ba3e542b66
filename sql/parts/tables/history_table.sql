/*
 * The table of what people changed.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_history()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.setup_history (
		history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		done_by name NOT NULL DEFAULT session_user,
		action text NOT NULL,
		shop_id bigint,
		gateway text,
		run_id bigint,
		details jsonb NOT NULL DEFAULT '{}'
	);
	PERFORM ordersync.add_index('setup_history_shop_idx', 'setup_history', '(shop_id, history_id)');
	PERFORM ordersync.add_index('setup_history_done_idx', 'setup_history', '(done_at)');

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('setup_history', NULL, 'what was changed by a function of set-up or control, by whom and when; without secrets. Who triggered a run is in sync_runs.requested_by'),
		('setup_history', 'history_id', 'number of the entry'),
		('setup_history', 'done_at', 'when it was done'),
		('setup_history', 'done_by', 'role that had logged in to the session (session_user)'),
		('setup_history', 'action', 'what was done, as "shop changed"'),
		('setup_history', 'shop_id', 'the shop, where it was one'),
		('setup_history', 'gateway', 'the gateway, where it was one'),
		('setup_history', 'run_id', 'the run, where it was one'),
		('setup_history', 'details', 'what changed, each with its old and new value; of secrets only that they were set; "process" where no client did it')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_history() IS
	'creates the table of what people changed if it is missing; part of ordersync.set_up_queue()';
