/*
 * Views for the one who runs it: how far runs are, what failed, how shops are.
 *
 * They read tables only, so that they stay when the extension goes, and show each
 * reader what its own rights show.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_progress()
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
			WHEN s.key_state = 'moved' THEN 'secrets for where the gateway leads now: ' || s.key_message
			WHEN s.key_state IN ('missing', 'wrong_seller', 'expired', 'key_unreadable')
				THEN 'ordersync_set_data_key: the key is ' || s.key_state
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

	CREATE OR REPLACE VIEW ordersync.failed_tasks
	WITH (security_invoker = true) AS
	SELECT t.run_id,
		t.task_id,
		t.shop_id,
		s.seller_nick,
		r.kind,
		t.stream,
		t.basis,
		t.since,
		t.until,
		t.state,
		t.error_class,
		t.error,
		t.reported,
		t.seen,
		CASE t.error_class
			WHEN 'short' THEN 'the platform counts more records than it lists; the next run reads the window again, or: '
			WHEN 'total' THEN 'total_results contradicts the records of the same answer (see ordersync.request_log; all that was listed is stored): have it mended by who runs the gateway, then: '
			WHEN 'session' THEN 'the data key is refused: renew the authorisation and give the key with ordersync_set_data_key, then: '
			WHEN 'permission' THEN 'the application or the seller lacks the permission for this API; when it is granted: '
			WHEN 'signature' THEN 'the application secret is wrong: correct it with ordersync_add_gateway, then: '
			WHEN 'parameters' THEN 'the platform refuses the call; compare the gateway''s options, then: '
			WHEN 'clock' THEN 'compare the server''s clock with the platform''s, then: '
			WHEN 'quota' THEN 'the application''s daily quota is used up; tomorrow: '
			WHEN 'oversize' THEN 'raise ordersync.max_response_size or lower the gateway''s page_size, then: '
			WHEN 'malformed' THEN 'the gateway answers what is no answer of this protocol: look at the request log, then: '
			WHEN 'certificate' THEN 'install the system''s certificates (ca-certificates) or name a file of them in ordersync.ca_file and reload, then: '
			WHEN 'refused' THEN 'ordersync.allowed_hosts or ordersync.allow_http forbids the call: see the error, then: '
			WHEN 'network' THEN 'look at network, proxy and the gateway''s URL, then: '
			WHEN 'timeout' THEN 'the gateway is too slow: raise ordersync.request_timeout or lower page_size, then: '
			WHEN 'worker' THEN 'the server log says why the worker ended; then: '
			WHEN 'all_refused' THEN CASE
				WHEN t.error LIKE '%SQLSTATE 42501%'
					THEN 'workers act as pg_database_owner, which lacks a right that your trigger or policy needs, see the error: grant it, such as GRANT INSERT ON TABLE ... TO pg_database_owner; then: '
				ELSE 'a trigger, constraint or permission refuses all records alike, see the error; when it is put right: '
			END
			WHEN 'database' THEN 'the database refused the rows: see the error, then: '
			ELSE 'look at ordersync.request_log, then: '
		END || 'SELECT ordersync_retry(' || t.run_id || ')' AS what_to_do,
		t.calls,
		t.finished_at
	FROM ordersync.sync_tasks t
	LEFT JOIN ordersync.sync_runs r ON r.run_id = t.run_id
	LEFT JOIN ordersync.shops s ON s.shop_id = t.shop_id
	WHERE t.state IN ('failed', 'incomplete');

	CREATE OR REPLACE VIEW ordersync.shop_health
	WITH (security_invoker = true) AS
	SELECT s.shop_id,
		s.seller_nick,
		s.gateway,
		s.enabled,
		s.key_state,
		s.key_message,
		s.key_expires_at,
		o.whole_until AS orders_until,
		a.whole_until AS after_sales_until,
		clock_timestamp() + g.clock_offset - o.whole_until AS lag,
		l.run_id AS last_run,
		l.kind AS last_kind,
		l.state AS last_state,
		l.finished_at AS last_finished_at,
		q.active AS active_runs,
		f.error AS last_error,
		f.error_class AS last_error_class,
		f.finished_at AS last_error_at,
		p.proven_until,
		s.unserved,
		s.key_check_at,
		g.secret_state,
		g.secret_message
	FROM ordersync.shops s
	LEFT JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN LATERAL (
		SELECT upper(r) AS whole_until
		FROM ordersync.coverage c
		CROSS JOIN LATERAL unnest(c.ranges) r
		WHERE c.shop_id = s.shop_id
			AND c.stream = 'orders'
			AND c.basis = 'modified'
		ORDER BY r
		LIMIT 1
	) o ON true
	LEFT JOIN LATERAL (
		SELECT upper(r) AS whole_until
		FROM ordersync.coverage c
		CROSS JOIN LATERAL unnest(c.ranges) r
		WHERE c.shop_id = s.shop_id
			AND c.stream = 'after_sales'
			AND c.basis = 'modified'
		ORDER BY r
		LIMIT 1
	) a ON true
	LEFT JOIN LATERAL (
		SELECT r.run_id, r.kind, r.state, r.finished_at
		FROM ordersync.sync_runs r
		WHERE r.shop_id = s.shop_id
			AND r.finished_at IS NOT NULL
		ORDER BY r.run_id DESC
		LIMIT 1
	) l ON true
	LEFT JOIN LATERAL (
		SELECT count(*) AS active
		FROM ordersync.sync_runs r
		WHERE r.shop_id = s.shop_id
			AND r.state IN ('pending', 'running')
	) q ON true
	LEFT JOIN LATERAL (
		SELECT t.error, t.error_class, t.finished_at
		FROM ordersync.sync_tasks t
		WHERE t.shop_id = s.shop_id
			AND t.state IN ('failed', 'incomplete')
		ORDER BY t.finished_at DESC
		LIMIT 1
	) f ON true
	LEFT JOIN LATERAL (
		SELECT upper(r) AS proven_until
		FROM ordersync.proven_ranges c
		CROSS JOIN LATERAL unnest(c.ranges) r
		WHERE c.shop_id = s.shop_id
			AND c.stream = 'orders'
		ORDER BY r
		LIMIT 1
	) p ON true;

	PERFORM ordersync.comment_progress();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_progress() IS
	'makes the views of progress and health; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.comment_progress()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('run_progress', NULL, 'how far runs are, from the counters that every page commits'),
		('run_progress', 'run_id', 'number of the run'),
		('run_progress', 'shop_id', 'the shop'),
		('run_progress', 'seller_nick', 'the shop''s seller'),
		('run_progress', 'kind', 'full, incremental, order, verify or check'),
		('run_progress', 'state', 'pending, running, succeeded, incomplete, failed or cancelled'),
		('run_progress', 'since', 'begin of the range'),
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
		('run_progress', 'waiting_for', 'what the run waits for; NULL when it is being served or has ended'),
		('run_progress', 'eta', 'when it will have ended at the pace of its windows so far'),
		('run_progress', 'requested_by', 'who triggered it'),
		('run_progress', 'requested_at', 'when'),
		('run_progress', 'started_at', 'when its first window was claimed'),
		('run_progress', 'finished_at', 'when its last window ended'),
		('run_progress', 'message', 'how it ended, for people'),

		('failed_tasks', NULL, 'windows that failed or came out short, and what to do'),
		('failed_tasks', 'run_id', 'the run'),
		('failed_tasks', 'task_id', 'the task'),
		('failed_tasks', 'shop_id', 'the shop'),
		('failed_tasks', 'seller_nick', 'the shop''s seller'),
		('failed_tasks', 'kind', 'kind of the run'),
		('failed_tasks', 'stream', 'orders, after_sales or details'),
		('failed_tasks', 'basis', 'what the window is about'),
		('failed_tasks', 'since', 'begin of the window'),
		('failed_tasks', 'until', 'end of the window, exclusive'),
		('failed_tasks', 'state', 'failed, or incomplete when it was read but short'),
		('failed_tasks', 'error_class', 'class of the failure'),
		('failed_tasks', 'error', 'the failure'),
		('failed_tasks', 'reported', 'records as the platform counts'),
		('failed_tasks', 'seen', 'records seen'),
		('failed_tasks', 'what_to_do', 'what to look at and the command to type'),
		('failed_tasks', 'calls', 'calls made for it'),
		('failed_tasks', 'finished_at', 'when it ended'),

		('shop_health', NULL, 'one row a shop: how far it is whole, its key, its last run and error'),
		('shop_health', 'shop_id', 'the shop'),
		('shop_health', 'seller_nick', 'its seller'),
		('shop_health', 'gateway', 'its gateway'),
		('shop_health', 'enabled', 'false: paused'),
		('shop_health', 'key_state', 'state of its data key'),
		('shop_health', 'key_message', 'what the last check or refusal said'),
		('shop_health', 'key_expires_at', 'when the data key expires, as typed'),
		('shop_health', 'orders_until', 'every change of an order until then was read, without a hole'),
		('shop_health', 'after_sales_until', 'every change of an after-sale until then was read, without a hole'),
		('shop_health', 'lag', 'how long ago orders_until is'),
		('shop_health', 'last_run', 'the last run that ended'),
		('shop_health', 'last_kind', 'its kind'),
		('shop_health', 'last_state', 'how it ended'),
		('shop_health', 'last_finished_at', 'when it ended'),
		('shop_health', 'active_runs', 'runs that have not ended'),
		('shop_health', 'last_error', 'the last failure'),
		('shop_health', 'last_error_class', 'its class'),
		('shop_health', 'last_error_at', 'when it was'),
		('shop_health', 'proven_until', 'every change of an order until then was read, and what became visible late was looked for'),
		('shop_health', 'unserved', 'lists that the platform refuses to the shop for want of permission'),
		('shop_health', 'key_check_at', 'when a refused data key is checked again'),
		('shop_health', 'secret_state', 'whether the application secret of its gateway can be opened: ok, missing, unreadable or key_file'),
		('shop_health', 'secret_message', 'why it cannot')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.comment_progress() IS
	'comments on the views of progress and health; part of ordersync.set_up()';
