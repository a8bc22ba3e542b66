/*
 * The house: waking and watching workers, sealing secrets, reading settings.
 *
 * These are C functions because what they touch is no table: latches and slots
 * in shared memory, the key file, settings that exist only once the library is
 * loaded (which calling one of them does).  In a server that did not preload
 * the library nothing is shared: wake() does nothing, no owner is alive, and
 * ordersync.workers is empty.
 */
CREATE OR REPLACE FUNCTION ordersync.wake()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_wake';
COMMENT ON FUNCTION ordersync.wake() IS
	'wakes this database''s workers when the transaction has committed';

-- volatile: a worker may come or go at any moment
CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_worker_alive';
COMMENT ON FUNCTION ordersync.worker_alive(text) IS
	'whether the worker that a task names as its owner still works; false for NULL and for what is no owner''s name';

CREATE OR REPLACE FUNCTION ordersync.worker_state()
RETURNS text
LANGUAGE c VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_worker_state';
COMMENT ON FUNCTION ordersync.worker_state() IS
	'ready when this database has a worker; else why not: not_preloaded, disabled, not_listed or no_worker';

-- strict: no secret, nothing to seal
CREATE OR REPLACE FUNCTION ordersync.seal(secret text, kind text, name text, destination text)
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_seal';
COMMENT ON FUNCTION ordersync.seal(text, text, text, text) IS
	'seals a secret, whose it is and for which destination';

-- strict: nothing sealed, nothing to open
CREATE OR REPLACE FUNCTION ordersync.opens(sealed bytea, kind text, name text, destination text)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_opens';
COMMENT ON FUNCTION ordersync.opens(bytea, text, text, text) IS
	'whether the key in the key file opens what was sealed for that destination';

CREATE OR REPLACE FUNCTION ordersync.reseal(sealed bytea, kind text, name text, old_destination text, new_destination text)
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_reseal';
COMMENT ON FUNCTION ordersync.reseal(bytea, text, text, text, text) IS
	'seals a sealed secret for another destination; for superusers only';

CREATE OR REPLACE FUNCTION ordersync.key_file(OUT state text, OUT why text, OUT missed_elsewhere boolean)
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_key_file';
COMMENT ON FUNCTION ordersync.key_file() IS
	'how the key file is found: ready, missing or unusable, and why; and whether the worker of another database misses it';

CREATE OR REPLACE FUNCTION ordersync.make_key_file()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_make_key_file';
COMMENT ON FUNCTION ordersync.make_key_file() IS
	'makes the key file; one that is there is left as it is';

CREATE OR REPLACE FUNCTION ordersync.setting(name text)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_setting';
COMMENT ON FUNCTION ordersync.setting(text) IS
	'value of the setting ordersync.<name> as SHOW gives it, with its unit; loads the library';

CREATE OR REPLACE FUNCTION ordersync.in_block()
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_in_block';
COMMENT ON FUNCTION ordersync.in_block() IS
	'whether we are in a transaction block, also one that a driver opened';

CREATE OR REPLACE FUNCTION ordersync.is_own_xid(xmin xid)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_is_own_xid';
COMMENT ON FUNCTION ordersync.is_own_xid(xid) IS
	'whether it is the ID of this transaction, or of a part of it that could have been undone by itself';

/* Called by procedures that commit: with every caller's rights and search_path. */
CREATE OR REPLACE FUNCTION ordersync.refuse_block(p_procedure text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF ordersync.in_block() THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_transaction_termination',
			MESSAGE = 'invalid transaction termination',
			DETAIL = pg_catalog.format('%s commits as it goes on, which a transaction block does not allow.', p_procedure),
			HINT = 'Call it outside a transaction: in psql after \set AUTOCOMMIT on, in Python with conn.autocommit = True, in JDBC with setAutoCommit(true).';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.refuse_block(text) IS
	'raises an error in a transaction block, with what to do about it';

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
	owner text
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
	w.owner
FROM ordersync.worker_list() AS w;
COMMENT ON VIEW ordersync.workers IS
	'the workers of all databases of this server, live from shared memory; empty when the library is not preloaded';
COMMENT ON COLUMN ordersync.workers.database IS
	'database that the worker serves';
COMMENT ON COLUMN ordersync.workers.slot IS
	'its place among the workers';
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

-- an extension that comes back finds its tables, their tasks and an idle worker
DO $$
BEGIN
	PERFORM ordersync.wake();
END
$$;
