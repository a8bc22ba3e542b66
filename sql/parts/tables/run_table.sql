/*
 * The table of runs.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_runs()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.sync_runs (
		run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		shop_id bigint NOT NULL,
		kind text NOT NULL,
		since timestamptz,
		until timestamptz,
		tid bigint,
		state text NOT NULL DEFAULT 'pending',
		requested_by name NOT NULL DEFAULT session_user,
		requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		requested_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
		started_at timestamptz,
		finished_at timestamptz,
		idle_for interval NOT NULL DEFAULT '0',
		throttled_before interval,
		throttled_for interval NOT NULL DEFAULT '0',
		open_tasks integer NOT NULL DEFAULT 0,
		held_tasks integer NOT NULL DEFAULT 0,
		links_due boolean NOT NULL DEFAULT false,
		lot double precision DEFAULT random(),
		priority integer GENERATED ALWAYS AS (CASE kind WHEN 'order' THEN 0 WHEN 'check' THEN 0 WHEN 'incremental' THEN 1 WHEN 'verify' THEN 2 ELSE 3 END) STORED,
		lost tstzmultirange,
		added_to_totals bigint[],
		message text
	) WITH (fillfactor = 70);
	-- which runs are active, in whose turn
	PERFORM ordersync.add_index('sync_runs_active_idx', 'sync_runs',
		$$(shop_id, kind, run_id) WHERE state IN ('pending', 'running')$$);
	-- claim: active runs of a priority in the order of their lots
	PERFORM ordersync.add_index('sync_runs_priority_idx', 'sync_runs',
		'(priority, lot) WHERE lot IS NOT NULL');
	-- plan: what a shop's runs have lost
	PERFORM ordersync.add_index('sync_runs_lost_idx', 'sync_runs',
		'(shop_id, until) WHERE lost IS NOT NULL');
	PERFORM ordersync.add_index('sync_runs_shop_idx', 'sync_runs', '(shop_id, run_id)');
	-- a shop's last run, and whether another ended later: in this order it has no rival, as the primary key is of the one above
	PERFORM ordersync.add_index('sync_runs_ended_idx', 'sync_runs',
		'(shop_id, finished_at) WHERE finished_at IS NOT NULL');

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('sync_runs', NULL, 'requests to sync: one row a trigger'),
		('sync_runs', 'run_id', 'number of the run'),
		('sync_runs', 'shop_id', 'the shop'),
		('sync_runs', 'kind', 'full, incremental, order, verify or check'),
		('sync_runs', 'since', 'beginning of what the run covers'),
		('sync_runs', 'until', 'end of what the run covers, exclusive'),
		('sync_runs', 'tid', 'the order of a run of kind order'),
		('sync_runs', 'state', 'pending, running, succeeded, incomplete, failed or cancelled'),
		('sync_runs', 'requested_by', 'who triggered it: a role, or ordersync watchdog'),
		('sync_runs', 'requested_at', 'when'),
		('sync_runs', 'requested_in', 'transaction of the trigger: the run cannot start before its commit'),
		('sync_runs', 'started_at', 'when its first task was claimed'),
		('sync_runs', 'finished_at', 'when its last task ended'),
		('sync_runs', 'idle_for', 'time between its ends and its retries'),
		('sync_runs', 'throttled_before', 'while it runs: how long bans had held back its shop''s gateway when it started'),
		('sync_runs', 'throttled_for', 'how long bans held back the shop''s gateway meanwhile, when it has ended'),
		('sync_runs', 'open_tasks', 'tasks that have not ended; zero ends the run'),
		('sync_runs', 'held_tasks', 'of these, how many wait for the others to end'),
		('sync_runs', 'links_due', 'the link check between lines and after-sales is still to be made'),
		('sync_runs', 'lot', 'random position among the active runs of its priority: each claim scans them in this order from a random start, wrapping around; NULL when the run has ended'),
		('sync_runs', 'priority', 'which due work is claimed first, by kind: 0 order and check, 1 incremental, 2 verify, 3 full'),
		('sync_runs', 'lost', 'ranges that were never read and that the platform no longer serves'),
		('sync_runs', 'added_to_totals', 'what shop_totals has of it: calls, pages, records new, changed, unchanged, quarantined'),
		('sync_runs', 'message', 'how it ended, in words')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_runs() IS
	'creates the table of runs if it is missing; part of ordersync.set_up_queue()';
