/*
 * The table of tasks.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_tasks()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.sync_tasks (
		task_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		run_id bigint NOT NULL,
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		work text NOT NULL DEFAULT 'store',
		since timestamptz,
		until timestamptz,
		fresh boolean NOT NULL DEFAULT false,
		history boolean NOT NULL DEFAULT false,
		ext_type text,
		details_of text,
		ids bigint[],
		reason text,
		is_part boolean NOT NULL DEFAULT false,
		splits integer NOT NULL DEFAULT 0,
		held boolean NOT NULL DEFAULT false,
		state text NOT NULL DEFAULT 'pending',
		attempt integer NOT NULL DEFAULT 0,
		next_attempt_at timestamptz,
		owner text,
		token bigint,
		worker_pid integer,
		walk jsonb,
		ids_done integer GENERATED ALWAYS AS (CASE WHEN walk ->> 'done' ~ '^[0-9]{1,9}$' THEN (walk ->> 'done')::integer END) STORED,
		page_size integer,
		calls integer NOT NULL DEFAULT 0,
		pages integer NOT NULL DEFAULT 0,
		records_new bigint NOT NULL DEFAULT 0,
		records_changed bigint NOT NULL DEFAULT 0,
		records_unchanged bigint NOT NULL DEFAULT 0,
		records_quarantined bigint NOT NULL DEFAULT 0,
		reported bigint,
		seen bigint,
		passes integer,
		missed bigint[],
		missed_range tstzrange,
		checks integer NOT NULL DEFAULT 0,
		outcome text,
		last_verdict text,
		error_class text,
		error text,
		error_code bigint,
		error_sub_code text,
		error_message text,
		error_request_id text,
		made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		began_at timestamptz,
		claimed_at timestamptz,
		finished_at timestamptz
	) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
	-- claim: a run's waiting tasks, newest window first; no column of it changes with a page
	PERFORM ordersync.add_index('sync_tasks_waiting_idx', 'sync_tasks',
		$$(run_id, until DESC) WHERE state = 'pending'$$);
	-- claim: what is in flight, and whose owner has died
	PERFORM ordersync.add_index('sync_tasks_running_idx', 'sync_tasks',
		$$(shop_id) WHERE state = 'running'$$);
	-- next_due: tasks in back-off
	PERFORM ordersync.add_index('sync_tasks_due_idx', 'sync_tasks',
		'(next_attempt_at) WHERE next_attempt_at IS NOT NULL');
	PERFORM ordersync.add_index('sync_tasks_run_idx', 'sync_tasks', '(run_id)');
	-- failed_tasks, shop_health
	PERFORM ordersync.add_index('sync_tasks_failed_idx', 'sync_tasks',
		$$(shop_id, finished_at) WHERE state IN ('failed', 'incomplete')$$);
	-- the same views: what failed and is tried again; no page enters or leaves it but the one after a failure
	PERFORM ordersync.add_index('sync_tasks_retried_idx', 'sync_tasks',
		$$(shop_id) WHERE state IN ('pending', 'running') AND error_class IS NOT NULL$$);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('sync_tasks', NULL, 'windows of runs: the unit of claiming, retry and failure'),
		('sync_tasks', 'task_id', 'number of the task'),
		('sync_tasks', 'run_id', 'its run'),
		('sync_tasks', 'shop_id', 'the shop'),
		('sync_tasks', 'stream', 'orders, after_sales, special_refunds (their second list) or details'),
		('sync_tasks', 'basis', 'what the window is about: modified, created or arrival'),
		('sync_tasks', 'work', 'store: list and store; check: list and compare with what is stored; count: ask for the total only'),
		('sync_tasks', 'since', 'beginning of the window'),
		('sync_tasks', 'until', 'end of the window, exclusive'),
		('sync_tasks', 'fresh', 'read once, closes nothing: younger than settle, or read for single orders of it'),
		('sync_tasks', 'history', 'read from the platform''s list of orders older than three months'),
		('sync_tasks', 'ext_type', 'the list is asked for orders of this kind only; any: the list without its parameter type, to see orders of types that no list asks for'),
		('sync_tasks', 'details_of', 'what the ids are: orders or after_sales; or refunds_of_orders: orders whose after-sales are fetched (stream details)'),
		('sync_tasks', 'ids', 'records to fetch one by one (stream details)'),
		('sync_tasks', 'reason', 'why records are read beside their list''s windows: details, order, arrival, link, aging or open; key: the check of a data key, without a window'),
		('sync_tasks', 'is_part', 'made by cutting a window; is not cut again'),
		('sync_tasks', 'splits', 'how often the window was halved to part what cannot be read from what can'),
		('sync_tasks', 'held', 'the task waits until the other tasks of the run have ended'),
		('sync_tasks', 'state', 'pending, running, succeeded, incomplete, failed or cancelled'),
		('sync_tasks', 'attempt', 'claims since the last page that was stored'),
		('sync_tasks', 'next_attempt_at', 'not before then; NULL: at once'),
		('sync_tasks', 'owner', 'the worker that runs it: boot id, slot, generation'),
		('sync_tasks', 'token', 'random number of the claim (fencing token); only a matching token can settle the task'),
		('sync_tasks', 'worker_pid', 'process of the worker that claimed it last'),
		('sync_tasks', 'walk', 'where the walk through the window stands: under walk its phase, ids or count, beside it numbers; one that cannot be read begins anew'),
		('sync_tasks', 'ids_done', 'how many of ids the walk has done'),
		('sync_tasks', 'page_size', 'records a call when smaller than the gateway''s'),
		('sync_tasks', 'calls', 'calls made'),
		('sync_tasks', 'pages', 'pages stored'),
		('sync_tasks', 'records_new', 'records stored for the first time'),
		('sync_tasks', 'records_changed', 'records that changed a stored row'),
		('sync_tasks', 'records_unchanged', 'records that changed nothing'),
		('sync_tasks', 'records_quarantined', 'records that could not be stored'),
		('sync_tasks', 'reported', 'records in the window as the platform counts'),
		('sync_tasks', 'seen', 'distinct records of the window that were seen'),
		('sync_tasks', 'passes', 'walks through the window'),
		('sync_tasks', 'missed', 'check: records that were listed and are not stored as listed'),
		('sync_tasks', 'missed_range', 'check: the span of their modified'),
		('sync_tasks', 'checks', 'check: readings after which something had to be repaired'),
		('sync_tasks', 'outcome', 'what its window came to: counted, short, unproven or fresh; fetched, for records by id; equal or differs, for a count; unserved, where the platform refuses the list; NULL while it is not read'),
		('sync_tasks', 'last_verdict', 'what the last call came to: ok, retry, throttled, unauthorized, rejected or malformed'),
		('sync_tasks', 'error_class', 'class of the last failure; NULL again when a page was stored since'),
		('sync_tasks', 'error', 'message of the last failure'),
		('sync_tasks', 'error_code', 'platform''s error code of the last failure'),
		('sync_tasks', 'error_sub_code', 'platform''s second code of the last failure'),
		('sync_tasks', 'error_message', 'platform''s own words of the last failure'),
		('sync_tasks', 'error_request_id', 'platform''s number of the call that failed; its support asks for it'),
		('sync_tasks', 'made_at', 'when the task was made'),
		('sync_tasks', 'began_at', 'when the walk through the window began'),
		('sync_tasks', 'claimed_at', 'when it was claimed last'),
		('sync_tasks', 'finished_at', 'when it ended')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_tasks() IS
	'creates the table of tasks if it is missing; part of ordersync.set_up_queue()';
