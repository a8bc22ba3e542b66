/*
 * Workers: waking them, and what they are doing.
 *
 * In C: latches and slots in shared memory are not table.  In a server that did
 * not preload the library nothing is shared: wake() does nothing, no owner is
 * alive, and ordersync.workers is empty.
 */
CREATE OR REPLACE FUNCTION ordersync.wake()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_wake';
COMMENT ON FUNCTION ordersync.wake() IS
	'wakes this database''s workers when the transaction has committed';

CREATE OR REPLACE FUNCTION ordersync.recall()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_recall';
COMMENT ON FUNCTION ordersync.recall() IS
	'as ordersync.wake(); the workers then also drop the calls of tasks that this transaction took away from them';

-- volatile: a worker may come or go at any moment
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_worker_alive';
COMMENT ON FUNCTION ordersync.worker_alive(text) IS
	'whether the worker that owns a task is alive; false for NULL and for an invalid owner name';

CREATE OR REPLACE FUNCTION ordersync.worker_state()
RETURNS text
LANGUAGE c VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_worker_state';
COMMENT ON FUNCTION ordersync.worker_state() IS
	'ready if this database has a worker; otherwise the reason: not_preloaded, disabled, not_listed or no_worker';

CREATE OR REPLACE FUNCTION ordersync.worker_list()
RETURNS TABLE (
	database text,
	slot integer,
	pid integer,
	state text,
	in_flight integer,
	calls bigint,
	errors bigint,
	tasks bigint,
	pages bigint,
	records bigint,
	records_written bigint,
	bytes bigint,
	started_at timestamptz,
	last_call_at timestamptz,
	last_error text,
	last_error_at timestamptz,
	owner text,
	claimed integer,
	calls_per_second double precision,
	doing text,
	shop_id bigint,
	run_id bigint,
	task_id bigint,
	kind text,
	stream text,
	basis text,
	since timestamptz,
	until timestamptz
)
LANGUAGE c VOLATILE PARALLEL RESTRICTED
ROWS 8
AS 'MODULE_PATHNAME', 'ordersync_worker_list';
COMMENT ON FUNCTION ordersync.worker_list() IS
	'the rows of the view ordersync.workers';

CREATE OR REPLACE VIEW ordersync.workers
WITH (security_invoker = true)
AS
SELECT
	w.database,
	w.slot,
	w.pid,
	w.state,
	w.in_flight,
	w.calls,
	w.errors,
	w.tasks,
	w.pages,
	w.records,
	w.records_written,
	w.bytes,
	w.started_at,
	w.last_call_at,
	w.last_error,
	w.last_error_at,
	w.owner,
	w.claimed,
	pg_catalog.round(w.calls_per_second::numeric, 1) AS calls_per_second,
	w.doing,
	NULLIF(pg_catalog.pg_blocking_pids(w.pid), '{}') AS blocked_by,
	w.shop_id,
	w.run_id,
	w.task_id,
	w.kind,
	w.stream,
	w.basis,
	w.since,
	w.until
FROM ordersync.worker_list() AS w;
COMMENT ON VIEW ordersync.workers IS
	'the workers of all databases of this server, live from shared memory; empty when the library is not preloaded';
COMMENT ON COLUMN ordersync.workers.database IS
	'database that the worker serves';
COMMENT ON COLUMN ordersync.workers.slot IS
	'number of its slot in shared memory';
COMMENT ON COLUMN ordersync.workers.pid IS
	'process, as in pg_stat_activity; NULL while it is starting';
COMMENT ON COLUMN ordersync.workers.state IS
	'starting, working, idle, or why it waits: no key (the key file cannot be used), no extension, other version, no gateway yet, unsafe owner';
COMMENT ON COLUMN ordersync.workers.in_flight IS
	'calls in flight now';
COMMENT ON COLUMN ordersync.workers.calls IS
	'calls made since the worker started';
COMMENT ON COLUMN ordersync.workers.errors IS
	'calls and pages that failed since then';
COMMENT ON COLUMN ordersync.workers.tasks IS
	'tasks ended since then, short ones included, failed ones not';
COMMENT ON COLUMN ordersync.workers.pages IS
	'pages stored since then';
COMMENT ON COLUMN ordersync.workers.records IS
	'records in these pages';
COMMENT ON COLUMN ordersync.workers.records_written IS
	'of these, how many were new or changed something';
COMMENT ON COLUMN ordersync.workers.bytes IS
	'bytes of answers, after decompression';
COMMENT ON COLUMN ordersync.workers.started_at IS
	'when the worker was started';
COMMENT ON COLUMN ordersync.workers.last_call_at IS
	'when its last call went out';
COMMENT ON COLUMN ordersync.workers.last_error IS
	'class of its last failure';
COMMENT ON COLUMN ordersync.workers.last_error_at IS
	'when that was';
COMMENT ON COLUMN ordersync.workers.owner IS
	'name under which it owns tasks (ordersync.sync_tasks.owner)';
COMMENT ON COLUMN ordersync.workers.claimed IS
	'tasks that it has claimed and not yet ended: those whose calls are in flight, and those that wait for one';
COMMENT ON COLUMN ordersync.workers.calls_per_second IS
	'calls a second in the last five to ten seconds; it falls while the worker makes none';
COMMENT ON COLUMN ordersync.workers.doing IS
	'the transaction that it is in (storing a page, claiming tasks, noting a failure or another), else what its tasks wait for; NULL when it has none';
COMMENT ON COLUMN ordersync.workers.blocked_by IS
	'sessions whose locks it waits for; ordersync.lock_waits says which locks';
COMMENT ON COLUMN ordersync.workers.shop_id IS
	'shop of the task whose page it stored last, or whose call is the oldest in flight; it may have others, see claimed. NULL, as all that follows, for a role that does not see the shop';
COMMENT ON COLUMN ordersync.workers.run_id IS
	'that task''s run';
COMMENT ON COLUMN ordersync.workers.task_id IS
	'that task';
COMMENT ON COLUMN ordersync.workers.kind IS
	'its run''s kind';
COMMENT ON COLUMN ordersync.workers.stream IS
	'what it reads: orders, after_sales, special_refunds or details';
COMMENT ON COLUMN ordersync.workers.basis IS
	'what its window is about: modified, created or arrival';
COMMENT ON COLUMN ordersync.workers.since IS
	'beginning of its window';
COMMENT ON COLUMN ordersync.workers.until IS
	'end of its window, exclusive';

-- an extension that comes back finds its tables, their tasks and an idle worker
DO $$
BEGIN
	PERFORM ordersync.wake();
END
$$;
