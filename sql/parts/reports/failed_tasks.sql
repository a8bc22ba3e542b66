/*
 * What failed, and what to do.
 *
 * It reads tables only, so that it stays when the extension goes, and shows each
 * reader what its own rights show.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_failed_tasks()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
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
			WHEN 'total' THEN 'total_results contradicts the records of the same answer (see ordersync.request_log; all that was listed is stored): report it to the operator of the gateway, then: '
			WHEN 'session' THEN 'the data key is refused: renew the authorisation and set the key with ordersync_set_session_key, then: '
			WHEN 'permission' THEN 'the application or the seller lacks the permission for this API; when it is granted: '
			WHEN 'signature' THEN 'the application secret is wrong: correct it with ordersync_add_gateway, then: '
			WHEN 'parameters' THEN 'the platform refuses the call; compare the gateway''s options, then: '
			WHEN 'clock' THEN 'compare the server''s clock with the platform''s, then: '
			WHEN 'quota' THEN 'the application''s daily quota is used up; tomorrow: '
			WHEN 'oversize' THEN 'raise ordersync.max_response_size or lower the gateway''s page_size, then: '
			WHEN 'malformed' THEN 'the gateway''s answer does not conform to the protocol: look at the request log, then: '
			WHEN 'certificate' THEN 'install the system''s certificates (ca-certificates) or name a file of them in ordersync.ca_file and reload, then: '
			WHEN 'refused' THEN 'ordersync.allowed_hosts or ordersync.allow_http forbids the call: see the error, then: '
			WHEN 'network' THEN 'look at network, proxy and the gateway''s URL, then: '
			WHEN 'timeout' THEN 'the gateway is too slow: raise ordersync.request_timeout or lower page_size, then: '
			WHEN 'worker' THEN 'the server log says why the worker ended; then: '
			WHEN 'all_refused' THEN CASE
				WHEN t.error LIKE '%SQLSTATE 42501%'
					THEN 'workers act as pg_database_owner, which lacks a right that your trigger or policy needs, see the error: grant it, such as GRANT INSERT ON TABLE ... TO pg_database_owner; then: '
				ELSE 'a trigger, constraint or permission refuses all records alike, see the error; when it is fixed: '
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

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('failed_tasks', NULL, 'windows that failed or were short, and what to do'),
		('failed_tasks', 'run_id', 'the run'),
		('failed_tasks', 'task_id', 'the task'),
		('failed_tasks', 'shop_id', 'the shop'),
		('failed_tasks', 'seller_nick', 'the shop''s seller'),
		('failed_tasks', 'kind', 'kind of the run'),
		('failed_tasks', 'stream', 'orders, after_sales or details'),
		('failed_tasks', 'basis', 'what the window is about'),
		('failed_tasks', 'since', 'beginning of the window'),
		('failed_tasks', 'until', 'end of the window, exclusive'),
		('failed_tasks', 'state', 'failed, or incomplete when it was read but short'),
		('failed_tasks', 'error_class', 'class of the failure'),
		('failed_tasks', 'error', 'the failure'),
		('failed_tasks', 'reported', 'records as the platform counts'),
		('failed_tasks', 'seen', 'records seen'),
		('failed_tasks', 'what_to_do', 'what to check and the command to type'),
		('failed_tasks', 'calls', 'calls made for it'),
		('failed_tasks', 'finished_at', 'when it ended')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_failed_tasks() IS
	'creates the view of failed tasks; part of ordersync.set_up()';
