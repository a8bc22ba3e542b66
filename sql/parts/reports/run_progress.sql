/*
 * How far runs are.
 *
 * It reads tables only, so that it stays when the extension goes, and shows each
 * reader what its own rights show.
 */
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
		round(c.calls / NULLIF(EXTRACT(epoch FROM COALESCE(r.finished_at, clock_timestamp()) - r.started_at), 0), 1)
			AS calls_per_second,
		CASE
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
			WHEN e.run_id IS NOT NULL THEN 'run ' || e.run_id
			WHEN g.throttled_until > clock_timestamp()
				THEN 'the platform, until ' || to_char(timezone('Asia/Shanghai', g.throttled_until), 'HH24:MI:SS')
			WHEN c.windows_running > 0 THEN NULL
			WHEN c.due_at > clock_timestamp()
				THEN 'another attempt, at ' || to_char(timezone('Asia/Shanghai', c.due_at), 'HH24:MI:SS')
			ELSE 'a worker'
		END AS waiting_for,
		CASE
			WHEN r.state = 'running' AND c.windows_done > 0 THEN
				clock_timestamp() + (clock_timestamp() - r.started_at)
					* ((c.windows_total - c.windows_done)::double precision / c.windows_done)
		END AS eta,
		r.requested_by,
		r.requested_at,
		r.started_at,
		r.finished_at,
		r.message
	FROM ordersync.sync_runs r
	LEFT JOIN ordersync.shops s ON s.shop_id = r.shop_id
	LEFT JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN LATERAL (
		SELECT a.run_id
		FROM ordersync.sync_runs a
		WHERE a.shop_id = r.shop_id
			AND a.kind = r.kind
			AND a.kind NOT IN ('order', 'check')
			AND a.state IN ('pending', 'running')
			AND a.run_id < r.run_id
		ORDER BY a.run_id
		LIMIT 1
	) e ON true
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE t.state NOT IN ('pending', 'running')) AS windows_done,
			count(*) FILTER (WHERE t.state = 'running') AS windows_running,
			count(*) AS windows_total,
			min(t.next_attempt_at) FILTER (WHERE t.state = 'pending') AS due_at,
			COALESCE(sum(t.pages), 0) AS pages,
			COALESCE(sum(t.records_new), 0)::bigint AS records_new,
			COALESCE(sum(t.records_changed), 0)::bigint AS records_changed,
			COALESCE(sum(t.records_unchanged), 0)::bigint AS records_unchanged,
			COALESCE(sum(t.records_quarantined), 0)::bigint AS records_quarantined,
			COALESCE(sum(t.calls), 0) AS calls
		FROM ordersync.sync_tasks t
		WHERE t.run_id = r.run_id
	) c;

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
		('run_progress', 'calls_per_second', 'calls a second since the first'),
		('run_progress', 'waiting_for', 'what the run waits for; NULL while it is processed and when it has ended'),
		('run_progress', 'eta', 'when it will have ended at the pace of its windows so far'),
		('run_progress', 'requested_by', 'who triggered it'),
		('run_progress', 'requested_at', 'when'),
		('run_progress', 'started_at', 'when its first window was claimed'),
		('run_progress', 'finished_at', 'when its last window ended'),
		('run_progress', 'message', 'how it ended, in words')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_run_progress() IS
	'creates the view of the progress of runs; part of ordersync.set_up()';
