/*
 * How far runs are.
 *
 * It reads tables, another view and the server's catalog only, so that it stays
 * when the extension goes, and shows each reader what its own rights show.
 *
 * Plan.  It is read every second by people who watch, and asked for a few runs
 * among many thousands.  So each run's tasks are counted by index, for those runs
 * only that the reader's condition leaves (LATERAL); the time is asked in a
 * subquery of its own, since a volatile function in the list of columns would
 * keep the planner from passing ORDER BY run_id DESC LIMIT 10 on to the runs; locks
 * are looked at once a query, and only where a run would have to be processed.
 */
/* Called by set_up_run_progress() alone. */
CREATE OR REPLACE FUNCTION ordersync.comment_run_progress()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('run_progress', NULL, 'progress of runs, from the counters that every page commits'),
		('run_progress', 'run_id', 'number of the run'),
		('run_progress', 'shop_id', 'the shop'),
		('run_progress', 'seller_nick', 'the shop''s seller'),
		('run_progress', 'kind', 'full, incremental, order, verify or check'),
		('run_progress', 'state', 'pending, running, succeeded, incomplete, failed or cancelled'),
		('run_progress', 'since', 'beginning of the range'),
		('run_progress', 'until', 'end of the range, exclusive'),
		('run_progress', 'windows_done', 'windows that have ended, well or not'),
		('run_progress', 'windows_total', 'windows; grows when large ones are cut'),
		('run_progress', 'pages', 'pages stored'),
		('run_progress', 'records_new', 'records stored for the first time'),
		('run_progress', 'records_changed', 'records that changed a stored row'),
		('run_progress', 'records_unchanged', 'records that changed nothing'),
		('run_progress', 'records_quarantined', 'records that could not be stored'),
		('run_progress', 'calls', 'calls made'),
		('run_progress', 'calls_per_second', 'calls a second since the run''s start, without the time for which the platform held them back; what a worker does at this moment is in ordersync.workers'),
		('run_progress', 'throttled_for', 'how long bans of the platform have held back the calls of its gateway since the run''s start'),
		('run_progress', 'waiting_for', 'what the run waits for; NULL while it is processed and when it has ended'),
		('run_progress', 'eta', 'when its known windows will have been read, if the rest of each list needs as many calls as what was read of it, made as fast as so far; NULL while nothing can be said'),
		('run_progress', 'requested_by', 'who triggered it'),
		('run_progress', 'requested_at', 'when'),
		('run_progress', 'started_at', 'when its first window was claimed'),
		('run_progress', 'finished_at', 'when its last window ended'),
		('run_progress', 'message', 'how it ended, in words')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.comment_run_progress() IS
	'comments on the view of the progress of runs; part of ordersync.set_up_run_progress()';

CREATE OR REPLACE FUNCTION ordersync.set_up_run_progress()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.run_progress
	WITH (security_invoker = true) AS
	SELECT r.run_id,
		r.shop_id,
		s.seller_nick,
		r.kind,
		r.state,
		r.since,
		r.until,
		c.windows_done,
		c.windows_total,
		c.pages,
		c.records_new,
		c.records_changed,
		c.records_unchanged,
		c.records_quarantined,
		c.calls,
		round(c.calls / NULLIF(EXTRACT(epoch FROM p.busy_for - p.throttled_for), 0), 1) AS calls_per_second,
		date_trunc('second', p.throttled_for) AS throttled_for,
		w.waiting_for,
		-- nothing can be said of a run that waits for a person, another run or a lock
		CASE WHEN r.state = 'running' AND p.stopped_by IS NULL AND (w.waiting_for IS NULL OR w.waiting_for = 'a worker' OR p.resumes) THEN (
			SELECT GREATEST(GREATEST(n.now, h.until) + p.busy_for * (sum(l.calls_left)::double precision / NULLIF(c.calls, 0)),
				c.last_due_at)
			FROM ordersync.list_progress l
			WHERE l.run_id = r.run_id
			HAVING count(*) = count(l.calls_left)
				AND c.calls > 0)
		END AS eta,
		r.requested_by, r.requested_at, r.started_at, r.finished_at,
		r.message
	FROM ordersync.sync_runs r
	CROSS JOIN (SELECT clock_timestamp() AS now) n
	LEFT JOIN ordersync.shops s ON s.shop_id = r.shop_id
	LEFT JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN LATERAL (
		SELECT a.run_id
		FROM ordersync.sync_runs a
		WHERE a.shop_id = r.shop_id AND a.kind = r.kind AND a.run_id < r.run_id
			AND a.kind NOT IN ('order', 'check')
			AND a.state IN ('pending', 'running')
		ORDER BY a.run_id
		LIMIT 1
	) e ON r.state IN ('pending', 'running')
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE t.state NOT IN ('pending', 'running')) AS windows_done,
			count(*) FILTER (WHERE t.state = 'running') AS windows_running,
			count(*) AS windows_total,
			array_agg(t.worker_pid) FILTER (WHERE t.state = 'running') AS worker_pids,
			min(t.next_attempt_at) FILTER (WHERE t.state = 'pending') AS due_at, max(t.next_attempt_at) FILTER (WHERE t.state = 'pending') AS last_due_at,
			COALESCE(sum(t.pages), 0) AS pages,
			COALESCE(sum(t.records_new), 0)::bigint AS records_new, COALESCE(sum(t.records_changed), 0)::bigint AS records_changed,
			COALESCE(sum(t.records_unchanged), 0)::bigint AS records_unchanged, COALESCE(sum(t.records_quarantined), 0)::bigint AS records_quarantined,
			COALESCE(sum(t.calls), 0) AS calls
		FROM ordersync.sync_tasks t
		WHERE t.run_id = r.run_id
	) c
	LEFT JOIN LATERAL (
		SELECT h.until, h.waits_for
		FROM ordersync.throttled_runs h
		WHERE h.run_id = r.run_id
			AND r.state IN ('pending', 'running')
		OFFSET 0
	) h ON true
	CROSS JOIN LATERAL (
		SELECT CASE
				WHEN r.state NOT IN ('pending', 'running') THEN NULL
				WHEN s.shop_id IS NULL THEN 'its shop, which was removed'
				WHEN NOT s.enabled THEN 'ordersync_resume_shop: the shop is paused'
				WHEN g.secret_state = 'key_file' THEN 'the key file: ' || g.secret_message
				WHEN g.secret_state <> 'ok'
					THEN 'ordersync_add_gateway: the application secret of "' || g.name || '" is ' || g.secret_state
				WHEN s.key_state = 'moved' THEN 'secrets for the gateway''s present destination: ' || s.key_message
				WHEN s.key_state IN ('missing', 'wrong_seller', 'expired', 'key_unreadable')
					THEN 'ordersync_set_session_key: the key is ' || s.key_state
						|| COALESCE(', checked again at ' || to_char(timezone('Asia/Shanghai', s.key_check_at), 'MM-DD HH24:MI:SS'), '')
				ELSE 'run ' || e.run_id
			END AS stopped_by,
			(SELECT w.words
				FROM ordersync.stopped_calls w
				WHERE w.gateway = g.name AND COALESCE(w.shop_id = r.shop_id, true)
					AND (NOT w.list ? 'key' OR s.key_state IN ('unchecked', 'expired'))
					AND (w.method IS NULL OR c.windows_running = 0 AND EXISTS (
						SELECT
						FROM ordersync.sync_tasks t
						WHERE t.run_id = r.run_id AND t.state = 'pending'
							-- column by column: a reader does not see all of them
							AND jsonb_build_object('stream', t.stream, 'basis', t.basis, 'history', t.history, 'details_of', t.details_of) @> (w.list - 'key')))
				ORDER BY w.method NULLS FIRST
				LIMIT 1) AS unanswered,
			h.until IS NOT NULL OR COALESCE(c.windows_running = 0 AND c.due_at > n.now, false) AS resumes,
			COALESCE(r.finished_at, n.now) - r.started_at - r.idle_for AS busy_for,
			LEAST(COALESCE(r.finished_at, n.now) - r.started_at - r.idle_for, r.throttled_for
				+ GREATEST(g.throttled_for - GREATEST(GREATEST(g.throttled_until, g.spent_until, g.reserved_until) - n.now, '0')
					- r.throttled_before, '0')) AS throttled_for
	) p
	CROSS JOIN LATERAL (
		SELECT CASE
			WHEN r.state NOT IN ('pending', 'running') THEN NULL
			WHEN p.stopped_by IS NOT NULL THEN p.stopped_by
			WHEN p.unanswered IS NOT NULL THEN p.unanswered
			WHEN h.waits_for IS NOT NULL THEN h.waits_for
			WHEN c.windows_running = 0 AND c.due_at > n.now
				THEN 'another attempt, at ' || to_char(timezone('Asia/Shanghai', c.due_at),
						CASE WHEN c.due_at < n.now + interval '12 hours' THEN 'HH24:MI:SS' ELSE 'MM-DD HH24:MI' END)
					|| COALESCE(': ' || (
						SELECT left(t.error, 120)
						FROM ordersync.sync_tasks t
						WHERE t.run_id = r.run_id
							AND t.state = 'pending'
							AND t.next_attempt_at = c.due_at
						LIMIT 1), '')
			ELSE (
				-- each made once a query, whatever the number of runs
				WITH waits AS MATERIALIZED (
					SELECT l.worker_pid, l.waits_for, l.transaction_start, l.pid
					FROM ordersync.lock_waits l
				), workers AS MATERIALIZED (
					SELECT count(*) AS n
					FROM pg_catalog.pg_stat_activity a
					WHERE a.datname = current_database()
						AND a.usesysid = 10
						AND a.application_name LIKE 'ordersync: %'
				)
				SELECT CASE
					WHEN c.windows_running = 0 AND h.n = 0
						THEN 'a worker, of which this database has none: SELECT * FROM ordersync_doctor()'
					WHEN c.windows_running = 0 AND h.n > (SELECT count(DISTINCT l.worker_pid) FROM waits l)
						THEN 'a worker'
					ELSE (
						SELECT l.waits_for
						FROM waits l
						WHERE c.windows_running = 0
							OR l.worker_pid = ANY (c.worker_pids)
						ORDER BY l.transaction_start, l.pid
						LIMIT 1)
					END
				FROM workers h)
		END AS waiting_for
		OFFSET 0
	) w;

	PERFORM ordersync.comment_run_progress();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_run_progress() IS
	'creates the view of the progress of runs; part of ordersync.set_up()';
