/*
 * What failed, what is tried again or waits because its last call failed, and
 * what to do.
 *
 * It reads tables only, so that it stays when the extension goes, and shows each
 * reader what its own rights show.  class says who has to act: error_class is
 * finer.  Where calls of a gateway fail for all its shops, hint says so and
 * refers to ordersync.gateway_health, which has the remedy once.
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
		s.gateway,
		r.kind,
		t.stream,
		t.basis,
		t.since,
		t.until,
		t.state,
		CASE
			WHEN t.error_class IN ('database', 'all_refused') THEN 'database'
			WHEN t.error_class IN ('malformed', 'total', 'range') THEN 'malformed'
			WHEN t.error_class IN ('throttled', 'quota') THEN 'throttled'
			WHEN t.error_class IN ('session', 'key_unreadable', 'secret_unreadable') THEN 'unauthorized'
			WHEN t.error_class IN ('permission', 'signature', 'parameters', 'refused', 'not_found')
				OR t.error_class = 'platform' AND t.last_verdict = 'rejected' THEN 'rejected'
			ELSE 'transient'
		END AS class,
		t.error_class,
		t.error,
		t.error_code AS code,
		t.error_sub_code AS sub_code,
		t.error_message AS message,
		t.error_request_id AS request_id,
		t.attempt,
		CASE WHEN t.state = 'pending' THEN COALESCE(t.next_attempt_at,
			CASE WHEN s.key_state = 'expired' THEN s.key_check_at END,
			CASE WHEN g.throttled_until > clock_timestamp() THEN g.throttled_until END)
		END AS next_attempt_at,
		t.state IN ('failed', 'incomplete') AND CASE
			WHEN t.reason = 'key' THEN s.key_checked_at > t.finished_at AND s.key_state IN ('ok', 'unverified')
			-- what closes no window of its own: another run of the kind has done all of it since
			WHEN t.stream = 'details' OR t.work = 'count' OR t.ext_type IS NOT NULL
				THEN (o.successes -> r.kind ->> 'at')::timestamptz > t.finished_at
			ELSE EXISTS (
				SELECT
				FROM ordersync.coverage c
				WHERE c.shop_id = t.shop_id
					AND c.stream = t.stream
					AND c.basis = t.basis
					AND c.ranges @> tstzrange(t.since, t.until)
			) AND (
				-- read since, not before; a window lies within a day of Asia/Shanghai, so the primary key finds its day
				SELECT range_agg(w.range)
				FROM ordersync.window_counts w
				WHERE w.shop_id = t.shop_id
					AND w.stream = t.stream
					AND w.basis = t.basis
					AND w.range >= tstzrange(date_trunc('day', t.since, 'Asia/Shanghai'),
						date_trunc('day', t.since, 'Asia/Shanghai'), '[]')
					AND w.range < tstzrange(t.until, t.until, '[]')
					AND w.verdict <> 'short'
					AND w.closed_at > t.finished_at
					AND w.task_id IS DISTINCT FROM t.task_id	-- which is covered, and unproven, by itself
			) @> tstzrange(t.since, t.until)
		END IS TRUE AS covered,
		t.reported,
		t.seen,
		CASE
			WHEN t.error_class IS NULL THEN NULL
			WHEN g.failing_since IS NOT NULL AND t.error_class = g.error_class
				AND (NOT g.one_shop_fails OR t.error_class = 'signature')
				THEN 'gateway "' || g.name || '": ' || g.error || '; see ordersync.gateway_health'
			ELSE CASE t.error_class
				WHEN 'short' THEN 'the platform counts more records than it lists; the next run reads the window again'
				WHEN 'total' THEN 'total_results contradicts the records of the same answer (all that was listed is stored): report it to the operator of the gateway'
				WHEN 'range' THEN 'the list contains records outside the range that it is asked for (all that was listed is stored'
					|| CASE WHEN t.outcome = 'unproven' THEN ', nothing is known to be missing' ELSE '' END
					|| '): compare the gateway''s options with what the platform calls its time parameters, or report it to the operator of the gateway; retry when it is mended'
				WHEN 'session' THEN 'the data key is refused: renew the authorisation, and set the key'
				WHEN 'key_unreadable' THEN 'the data key was sealed with another key file: put that file back, or set the key again'
				WHEN 'secret_unreadable' THEN 'the application secret was sealed with another key file: put that file back, or set the secret again'
				WHEN 'key_file' THEN 'the key file cannot be used: see the error; calls go on when it can'
				WHEN 'permission' THEN 'the application or the seller lacks the permission for this API; retry when it is granted'
				WHEN 'signature' THEN 'the platform refuses the application key or the signature, which the application secret makes; correct it'
				WHEN 'parameters' THEN 'the platform refuses the call: compare the options of shop and gateway'
				WHEN 'not_found' THEN 'the platform does not serve the record: archived, or not this seller''s'
				WHEN 'platform' THEN CASE
					WHEN t.error_sub_code ILIKE 'isp.runtime-max-limit%'
						THEN 'the platform finds the window too large, also halved; for runs with shorter ones set the gateway''s option max_window'
					ELSE 'a service of the platform failed; if it goes on, report the request_id'
				END
				WHEN 'clock' THEN 'compare the server''s clock with the platform''s'
				WHEN 'throttled' THEN 'the platform asked for a pause; calls go on afterwards'
				WHEN 'quota' THEN 'the application''s daily quota is used up; calls go on afterwards, or at once when it was reset in the platform''s console'
				WHEN 'oversize' THEN 'raise ordersync.max_response_size or lower the gateway''s page_size'
				WHEN 'malformed' THEN 'the gateway''s answer does not conform to the protocol: look at ordersync.request_log'
				WHEN 'certificate' THEN 'install the system''s certificates (ca-certificates) or name a file of them in ordersync.ca_file and reload'
				WHEN 'proxy' THEN 'the proxy refuses the call: set its user and password with ordersync_set_gateway_secret, or let it connect to the gateway''s host'
				WHEN 'refused' THEN 'ordersync.allowed_hosts or ordersync.allow_http forbids the call: see the error'
				WHEN 'network' THEN 'look at network, proxy and the gateway''s URL'
				WHEN 'http' THEN 'the gateway, or a proxy before it, answers with an error'
				WHEN 'timeout' THEN 'the gateway is too slow: raise ordersync.request_timeout or lower page_size'
				WHEN 'worker' THEN 'the server log says why the worker ended'
				WHEN 'all_refused' THEN CASE
					WHEN t.error LIKE '%SQLSTATE 42501%'
						THEN 'workers act as pg_database_owner, which lacks a right that your trigger or policy needs, see the error: grant it, such as GRANT INSERT ON TABLE ... TO pg_database_owner'
					ELSE 'a trigger, constraint or permission refuses all records alike: see the error'
				END
				WHEN 'database' THEN 'the database refused the rows: see the error'
				ELSE 'look at ordersync.request_log'
			END
		END AS hint,
		NULLIF(concat_ws('; ',
			CASE
				WHEN t.error_class = 'signature' AND g.failing_since IS NOT NULL THEN 'SELECT ordersync_add_gateway('
					|| quote_literal(g.name) || ', NULL, ' || CASE WHEN t.error_code IN (28, 29) THEN 'app_key' ELSE 'NULL' END || ', app_secret)'
				WHEN t.error_class = 'secret_unreadable' AND g.secret_state <> 'ok'
					THEN 'SELECT ordersync_add_gateway(' || quote_literal(g.name) || ', NULL, NULL, app_secret)'
				WHEN t.error_class IN ('session', 'key_unreadable') AND s.key_state NOT IN ('ok', 'unverified', 'unchecked', 'moved')
					THEN 'SELECT ordersync_set_session_key(' || t.shop_id || ', session_key)'
				WHEN t.error_class = 'quota' AND g.throttled_until > clock_timestamp()
					THEN 'SELECT ordersync_lift_ban(' || quote_literal(g.name) || ')'
			END,
			CASE
				WHEN t.state NOT IN ('failed', 'incomplete') THEN NULL
				WHEN t.reason IS DISTINCT FROM 'key' THEN 'SELECT ordersync_retry(' || t.run_id || ')'
				WHEN t.error_class <> 'session' THEN 'SELECT ordersync_check_shop(' || t.shop_id || ')'
			END), '') AS what_to_do,
		t.calls,
		t.finished_at
	FROM ordersync.sync_tasks t
	LEFT JOIN ordersync.sync_runs r ON r.run_id = t.run_id
	LEFT JOIN ordersync.shops s ON s.shop_id = t.shop_id
	LEFT JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN ordersync.shop_totals o ON o.shop_id = t.shop_id
	WHERE (t.state IN ('failed', 'incomplete')
			OR t.state IN ('pending', 'running') AND t.error_class IS NOT NULL)
		-- who cancels a run wants nothing more of it
		AND r.state IS DISTINCT FROM 'cancelled';
	PERFORM ordersync.comment_failed_tasks();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_failed_tasks() IS
	'creates the view of failed tasks; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.comment_failed_tasks()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('failed_tasks', NULL, 'windows that failed, were short or are unproven for what was listed beside them, or whose last call failed, and what to do'),
		('failed_tasks', 'run_id', 'the run'),
		('failed_tasks', 'task_id', 'the task'),
		('failed_tasks', 'shop_id', 'the shop'),
		('failed_tasks', 'seller_nick', 'the shop''s seller'),
		('failed_tasks', 'gateway', 'the shop''s gateway'),
		('failed_tasks', 'kind', 'kind of the run'),
		('failed_tasks', 'stream', 'orders, after_sales or details'),
		('failed_tasks', 'basis', 'what the window is about'),
		('failed_tasks', 'since', 'beginning of the window'),
		('failed_tasks', 'until', 'end of the window, exclusive'),
		('failed_tasks', 'state', 'failed; incomplete when it was read but is short or unproven; pending or running: its last call failed, and it is tried again or waits'),
		('failed_tasks', 'class', 'transient (may pass by itself), throttled, unauthorized (a key or secret), rejected (another call gets the same answer), malformed or database'),
		('failed_tasks', 'error_class', 'finer class of the failure'),
		('failed_tasks', 'error', 'the failure'),
		('failed_tasks', 'code', 'platform''s error code'),
		('failed_tasks', 'sub_code', 'platform''s second code'),
		('failed_tasks', 'message', 'platform''s own words'),
		('failed_tasks', 'request_id', 'platform''s number of the call; its support asks for it'),
		('failed_tasks', 'attempt', 'attempts since the last page that was stored'),
		('failed_tasks', 'next_attempt_at', 'when it is tried again, where that is known'),
		('failed_tasks', 'covered', 'true: the window was read since by another run, nothing is to be done'),
		('failed_tasks', 'reported', 'records as the platform counts'),
		('failed_tasks', 'seen', 'records seen'),
		('failed_tasks', 'hint', 'what it means, and what to check or correct first'),
		('failed_tasks', 'what_to_do', 'the command to type then; NULL where it goes on by itself'),
		('failed_tasks', 'calls', 'calls made for it'),
		('failed_tasks', 'finished_at', 'when it ended')
	) AS t (rel, col, words)
$function$;
COMMENT ON FUNCTION ordersync.comment_failed_tasks() IS
	'comments on the view of failed tasks and its columns; part of ordersync.set_up()';
