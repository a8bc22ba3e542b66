/*
 * How shops are: how far they are whole, their keys, their last runs and error,
 * in one word, and what to do.
 *
 * It reads tables only, so that it stays when the extension goes, and shows each
 * reader what its own rights show.  Of a shop with thousands of runs each part is
 * found by an index.  The last success stands in the shop's row, because runs do
 * not stay for ever.
 *
 * A shop is failing while the newest of its failures is neither over nor read
 * since by another run.  What is wrong with its gateway is told there only.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_shop_health()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.shop_health
	WITH (security_invoker = true) AS
	SELECT s.shop_id,
		s.seller_nick,
		s.gateway,
		s.enabled,
		x.state,
		s.key_state,
		s.key_message,
		s.key_expires_at,
		floor(EXTRACT(epoch FROM s.key_expires_at - clock_timestamp()) / 86400)::integer AS key_days_left,
		u.orders_until,
		u.after_sales_until,
		h.covered_until,
		h.lag,
		h.target AS lag_target, h.behind,
		h.full_run_at,
		h.full_behind,
		l.run_id AS last_run, l.kind AS last_kind, l.state AS last_state, l.finished_at AS last_finished_at,
		w.run_id AS last_success_run, w.kind AS last_success_kind, w.at AS last_success_at,
		(o.successes -> 'incremental' ->> 'at')::timestamptz AS last_incremental_success_at,
		(o.successes -> 'full' ->> 'at')::timestamptz AS last_full_success_at,
		q.active AS active_runs,
		s.next_incremental_at, s.next_full_at,
		e.error AS last_error,
		e.error_class AS last_error_class,
		f.class AS last_class,
		e.at AS last_error_at,
		u.proven_until,
		s.unserved,
		s.key_check_at,
		g.secret_state,
		g.secret_message,
		CASE
			WHEN x.state = 'paused' THEN 'the shop is paused'
			WHEN x.state IN ('waiting for gateway', 'throttled') THEN 'gateway "' || g.gateway || '": ' || g.state || '; see ordersync.gateway_health'
			WHEN x.state = 'failing' AND u.stopped IS NOT NULL THEN u.stopped || '; no other shop''s calls fail: look at ordersync.request_log; tried at once by'
			WHEN x.state IN ('waiting for key', 'unauthorized') THEN 'the key is ' || s.key_state || COALESCE(': ' || s.key_message, '')
			WHEN x.state = 'failing' THEN f.hint
			WHEN x.state = 'behind' AND q.active > 0 THEN 'a run is on its way, see ordersync.run_progress'
			WHEN x.state = 'behind' THEN 'it was read later than its target allows, and nothing is running'
			WHEN x.state = 'not read yet' THEN 'no run has succeeded yet'
			WHEN x.key_is_ending THEN 'the data key expires soon: renew the authorisation'
			WHEN x.is_renamed THEN split_part(s.key_message, ': SELECT', 1)
		END AS hint,
		CASE
			WHEN x.state = 'paused' THEN 'SELECT ordersync_resume_shop(' || s.shop_id || ')'
			WHEN x.state IN ('waiting for gateway', 'throttled')
				THEN 'SELECT state, hint, what_to_do FROM ordersync.gateway_health WHERE gateway = ' || quote_literal(s.gateway)
			WHEN x.state IN ('waiting for key', 'unauthorized') THEN 'SELECT ordersync_set_session_key(' || s.shop_id || ', session_key)'
			WHEN x.state = 'failing' AND u.stopped IS NOT NULL THEN 'SELECT ordersync_lift_ban(' || quote_literal(s.gateway) || ')'
			WHEN x.state = 'failing' THEN f.what_to_do
			WHEN x.state = 'behind' AND q.active > 0 THEN NULL
			WHEN x.state = 'behind' AND h.behind THEN 'SELECT ordersync_trigger_incremental(' || s.shop_id || ')'
			WHEN x.state = 'behind' OR x.state = 'not read yet' AND q.active = 0 THEN 'SELECT ordersync_trigger_full(' || s.shop_id || ')'
			WHEN x.key_is_ending THEN 'SELECT ordersync_set_session_key(' || s.shop_id || ', session_key, expires_at)'
			WHEN x.is_renamed THEN 'SELECT ordersync_add_shop(' || s.shop_id || ', ' || quote_literal(s.seller_nicks[cardinality(s.seller_nicks)]) || ', NULL, NULL)'
		END AS what_to_do
	FROM ordersync.shops s
	LEFT JOIN ordersync.gateway_health g ON g.gateway = s.gateway
	LEFT JOIN ordersync.freshness h ON h.shop_id = s.shop_id
	LEFT JOIN ordersync.shop_totals o ON o.shop_id = s.shop_id
	CROSS JOIN LATERAL (
		SELECT (SELECT upper(r)
				FROM ordersync.coverage c, unnest(c.ranges) r
				WHERE (c.shop_id, c.stream, c.basis) = (s.shop_id, 'orders', 'modified')
				LIMIT 1) AS orders_until,
			(SELECT upper(r)
				FROM ordersync.coverage c, unnest(c.ranges) r
				WHERE (c.shop_id, c.stream, c.basis) = (s.shop_id, 'after_sales', 'modified')
				LIMIT 1) AS after_sales_until,
			(SELECT upper(r)
				FROM ordersync.proven_ranges c, unnest(c.ranges) r
				WHERE (c.shop_id, c.stream) = (s.shop_id, 'orders')
				LIMIT 1) AS proven_until,
			(SELECT min(w.words) FROM ordersync.stopped_calls w WHERE w.gateway = s.gateway AND w.shop_id = s.shop_id AND w.error_class <> 'unanswered') AS stopped
	) u
	LEFT JOIN LATERAL (
		SELECT r.run_id, r.kind, r.state, r.finished_at
		FROM ordersync.sync_runs r
		WHERE r.shop_id = s.shop_id
			AND r.finished_at IS NOT NULL
		ORDER BY r.finished_at DESC
		LIMIT 1
	) l ON true
	LEFT JOIN LATERAL (
		SELECT k.key AS kind, (k.value ->> 'run_id')::bigint AS run_id, (k.value ->> 'at')::timestamptz AS at
		FROM jsonb_each(o.successes) k
		ORDER BY (k.value ->> 'at')::timestamptz DESC
		LIMIT 1
	) w ON true
	LEFT JOIN LATERAL (
		SELECT count(*) AS active
		FROM ordersync.sync_runs r
		WHERE r.shop_id = s.shop_id
			AND r.state IN ('pending', 'running')
	) q ON true
	LEFT JOIN LATERAL (
		SELECT n.task_id, n.error, n.error_class, n.at
		FROM (
			(SELECT t.task_id, t.error, t.error_class, t.finished_at AS at
			FROM ordersync.sync_tasks t
			WHERE t.shop_id = s.shop_id
				AND t.state IN ('failed', 'incomplete')
			ORDER BY t.finished_at DESC
			LIMIT 1)
			UNION ALL
			(SELECT t.task_id, t.error, t.error_class, t.claimed_at
			FROM ordersync.sync_tasks t
			WHERE t.shop_id = s.shop_id
				AND t.state IN ('pending', 'running')
				AND t.error_class IS NOT NULL
			ORDER BY t.claimed_at DESC
			LIMIT 1)
		) n
		ORDER BY n.at DESC
		LIMIT 1
	) e ON true
	LEFT JOIN LATERAL (
		SELECT t.class, t.kind, t.state, t.attempt, t.covered, t.hint, t.what_to_do
		FROM ordersync.failed_tasks t
		WHERE t.task_id = e.task_id
		OFFSET 0
	) f ON true
	CROSS JOIN LATERAL (
		SELECT CASE
				WHEN NOT s.enabled THEN 'paused'
				WHEN g.state NOT IN ('ok', 'banned', 'quota spent', 'method banned') THEN 'waiting for gateway'
				WHEN s.key_state IN ('wrong_seller', 'expired') THEN 'unauthorized'
				WHEN s.key_state IN ('missing', 'key_unreadable', 'moved') THEN 'waiting for key'
				WHEN g.state IN ('banned', 'quota spent') THEN 'throttled'
				WHEN u.stopped IS NOT NULL THEN 'failing'
				WHEN f.kind IN ('incremental', 'full') AND f.class <> 'throttled' AND NOT f.covered
					AND (f.state IN ('failed', 'incomplete') OR f.attempt > 1) THEN 'failing'
				WHEN h.behind OR h.full_behind THEN 'behind'
				WHEN COALESCE(o.successes, '{}') = '{}' THEN 'not read yet'
				ELSE 'ok'
			END AS state,
			s.key_expires_at < clock_timestamp() + COALESCE(NULLIF(current_setting('ordersync.key_warning', true), ''), '14d')::interval AS key_is_ending,
			s.key_state = 'ok' AND s.key_message LIKE '%: SELECT ordersync_add_shop(%' AS is_renamed
		OFFSET 0
	) x;
	PERFORM ordersync.comment_shop_health();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_shop_health() IS
	'creates the view of the health of shops; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION ordersync.comment_shop_health()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('shop_health', NULL, 'one row per shop: how it is in one word, until when it is complete, its key, its last runs and error, and what to do'),
		('shop_health', 'shop_id', 'the shop'),
		('shop_health', 'seller_nick', 'its seller'),
		('shop_health', 'gateway', 'its gateway'),
		('shop_health', 'enabled', 'false: paused'),
		('shop_health', 'state', 'ok; paused; waiting for gateway (see ordersync.gateway_health); unauthorized (the data key was refused, or belongs to another seller); waiting for key; throttled; failing; behind (beyond its targets); not read yet'),
		('shop_health', 'key_state', 'state of its data key'),
		('shop_health', 'key_message', 'what the last check or refusal said'),
		('shop_health', 'key_expires_at', 'when the data key expires, as typed'),
		('shop_health', 'key_days_left', 'whole days until then'),
		('shop_health', 'orders_until', 'every change of an order until then was read, without a hole'),
		('shop_health', 'after_sales_until', 'every change of an after-sale until then was read, without a hole'),
		('shop_health', 'covered_until', 'all was read until then: every change of orders and after-sales, without a hole that the platform still serves'),
		('shop_health', 'lag', 'how much further it could be read now, see ordersync.freshness'),
		('shop_health', 'lag_target', 'the longest lag that is accepted; NULL: none'),
		('shop_health', 'behind', 'lag is beyond the target'),
		('shop_health', 'full_run_at', 'when the last full run over a month or more ended well'),
		('shop_health', 'full_behind', 'that is longer ago than the target for full runs'),
		('shop_health', 'last_run', 'the last run that ended'),
		('shop_health', 'last_kind', 'its kind'),
		('shop_health', 'last_state', 'how it ended'),
		('shop_health', 'last_finished_at', 'when it ended'),
		('shop_health', 'last_success_run', 'the last run that succeeded (incremental, full or verify)'),
		('shop_health', 'last_success_kind', 'its kind'),
		('shop_health', 'last_success_at', 'when it ended'),
		('shop_health', 'last_incremental_success_at', 'when the last incremental run succeeded'),
		('shop_health', 'last_full_success_at', 'when the last full run succeeded, whatever its range'),
		('shop_health', 'active_runs', 'runs that have not ended'),
		('shop_health', 'next_incremental_at', 'when its next scheduled incremental run is due'),
		('shop_health', 'next_full_at', 'when its next scheduled full run is due'),
		('shop_health', 'last_error', 'the last failure'),
		('shop_health', 'last_error_class', 'its finer class'),
		('shop_health', 'last_class', 'its class, as in ordersync.failed_tasks'),
		('shop_health', 'last_error_at', 'when it was'),
		('shop_health', 'proven_until', 'orders are proven until then: every change of an order was read, and late arrivals were checked'),
		('shop_health', 'unserved', 'lists that the platform refuses to the shop for want of permission'),
		('shop_health', 'key_check_at', 'when a refused data key is checked again'),
		('shop_health', 'secret_state', 'whether the application secret of its gateway can be opened: ok, missing, unreadable or key_file'),
		('shop_health', 'secret_message', 'reason why it cannot be opened'),
		('shop_health', 'hint', 'what state means here, and what to check or correct first'),
		('shop_health', 'what_to_do', 'the command to type then; NULL where nothing is to be done')
	) AS t (rel, col, words)
$function$;
COMMENT ON FUNCTION ordersync.comment_shop_health() IS
	'comments on the view of the health of shops and its columns; part of ordersync.set_up()';
