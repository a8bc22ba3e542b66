/*
 * Which workers wait for somebody's lock, and for whose.
 *
 * A worker is known by what everybody may see of it: the bootstrap superuser's
 * session (usesysid 10) under a name that begins with "ordersync: " (src/worker_status.c).
 * What a session does, and since when, the server shows to its own role and to
 * members of pg_read_all_stats only; to others it is NULL.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_lock_waits()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.lock_waits
	WITH (security_invoker = true) AS
	WITH RECURSIVE locks AS MATERIALIZED (
		SELECT l.pid, l.locktype, l.relation, l.mode, l.granted, l.waitstart
		FROM pg_catalog.pg_locks l
		JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
		WHERE a.datname = current_database()
			AND a.usesysid = 10
			AND a.application_name LIKE 'ordersync: %'
	), waits AS MATERIALIZED (
		SELECT l.pid, l.locktype, l.mode, l.waitstart, h.pid AS holder,
			-- who waits for a row's last writer has locked the row against those behind
			COALESCE(l.relation, t.relation) AS relation
		FROM locks l
		LEFT JOIN locks t ON t.pid = l.pid AND t.locktype = 'tuple' AND t.granted AND l.locktype = 'transactionid'
		CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS h (pid)
		WHERE NOT l.granted
	), chain AS (
		SELECT w.pid, w.locktype, w.mode, w.waitstart, w.holder, w.relation
		FROM waits w
		UNION
		-- a worker that itself waits is not who must move
		SELECT c.pid, w.locktype, w.mode, c.waitstart, w.holder, w.relation
		FROM chain c
		JOIN waits w ON w.pid = c.holder
	)
	SELECT c.pid AS worker_pid,
		c.waitstart AS waiting_since,
		o.what AS locked,
		c.mode,
		c.holder AS pid,
		a.usename AS user_name,
		a.application_name,
		a.xact_start AS transaction_start,
		a.state,
		a.query,
		CASE WHEN c.holder = 0 THEN 'a prepared transaction' ELSE 'pid ' || c.holder END
			|| ', which holds a lock on ' || o.what
			|| COALESCE(' (' || NULLIF(concat_ws(', ',
				'user ' || a.usename,
				NULLIF(a.application_name, ''),
				'since ' || to_char(timezone('Asia/Shanghai', a.xact_start),
					CASE WHEN a.xact_start > clock_timestamp() - interval '12 hours' THEN 'HH24:MI:SS' ELSE 'MM-DD HH24:MI' END)), '') || ')', '')
			AS waits_for
	FROM chain c
	LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = c.holder
	LEFT JOIN pg_catalog.pg_class t ON t.oid = c.relation
	LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
	CROSS JOIN LATERAL (
		SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname) AS name
	) r
	CROSS JOIN LATERAL (
		SELECT CASE c.locktype
				WHEN 'relation' THEN COALESCE(r.name, 'a table')
				WHEN 'transactionid' THEN concat_ws(' of ', 'a row', r.name)
				WHEN 'tuple' THEN concat_ws(' of ', 'a row', r.name)
				WHEN 'advisory' THEN 'the shop''s records, or on the set-up (advisory)'
				WHEN 'object' THEN 'the extension'
				ELSE c.locktype
			END AS what
	) o
	-- workers wait for each other for milliseconds
	WHERE NOT EXISTS (
			SELECT
			FROM locks l
			WHERE l.pid = c.holder);

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('lock_waits', NULL, 'workers of this database that wait for a lock of another session, one row for each such session; empty when none waits'),
		('lock_waits', 'worker_pid', 'process of the worker, as in ordersync.workers'),
		('lock_waits', 'waiting_since', 'since when it waits; it gives up after ten seconds and tries again later'),
		('lock_waits', 'locked', 'the table, or what else is locked'),
		('lock_waits', 'mode', 'the lock that it wants'),
		('lock_waits', 'pid', 'the session that holds the lock: SELECT pg_terminate_backend(pid) ends it; 0: a prepared transaction'),
		('lock_waits', 'user_name', 'that session''s user'),
		('lock_waits', 'application_name', 'its application'),
		('lock_waits', 'transaction_start', 'since when its transaction is open; NULL without pg_read_all_stats'),
		('lock_waits', 'state', 'active, idle in transaction or another state of the session; NULL without pg_read_all_stats'),
		('lock_waits', 'query', 'its last statement, where the caller may see it'),
		('lock_waits', 'waits_for', 'all of it in one line, as in waiting_for of ordersync.run_progress')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_lock_waits() IS
	'creates the view of workers that wait for a lock; part of ordersync.set_up()';
