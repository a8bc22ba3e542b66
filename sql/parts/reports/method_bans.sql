/*
 * Bans of single methods, as rows, and the runs that limits hold back.
 *
 * They stand with their gateway (sql/parts/shops/bans.sql).  These views read
 * tables only, so that they stay when the extension goes.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_method_bans()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.method_bans
	WITH (security_invoker = true) AS
	SELECT g.name AS gateway,
		b.key AS method,
		(b.value ->> 'until')::timestamptz AS until,
		b.value ->> 'class' AS class,
		b.value ->> 'message' AS message,
		b.value ->> 'stream' AS stream,
		b.value ->> 'basis' AS basis,
		(b.value ->> 'history')::boolean AS history,
		b.value ->> 'details_of' AS details_of
	FROM ordersync.gateways g
	CROSS JOIN LATERAL jsonb_each(g.method_bans) AS b (key, value)
	WHERE g.method_bans <> '{}'
		AND (b.value ->> 'until')::timestamptz > clock_timestamp();

	CREATE OR REPLACE VIEW ordersync.throttled_runs
	WITH (security_invoker = true) AS
	SELECT r.run_id,
		GREATEST(l.until, b.until) AS until,
		COALESCE(l.waits_for, 'the platform, until ' || to_char(timezone('Asia/Shanghai', b.until), 'HH24:MI:SS')
			|| ' for ' || b.method || ': ' || left(b.message, 120)) AS waits_for
	FROM ordersync.sync_runs r
	JOIN ordersync.shops s ON s.shop_id = r.shop_id
	JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN LATERAL (
		SELECT w.until, w.waits_for
		FROM (VALUES
			(1, g.throttled_until, 'the platform, until ' || to_char(timezone('Asia/Shanghai', g.throttled_until), 'HH24:MI:SS')),
			(2, g.spent_until, 'tomorrow: calls_per_day of gateway "' || g.name || '" are spent'),
			(3, CASE WHEN r.kind NOT IN ('order', 'check') THEN g.reserved_until END,
				'tomorrow: what is left of calls_per_day of gateway "' || g.name || '" is reserved for single orders and key checks')
		) AS w (n, until, waits_for)
		WHERE w.until > clock_timestamp()
		ORDER BY w.n
		LIMIT 1
	) l ON true
	LEFT JOIN LATERAL (
		-- all that could be called for is called by such methods
		SELECT m.method, m.until, m.message
		FROM ordersync.method_bans m
		WHERE m.gateway = g.name
			AND CASE
				WHEN m.stream IS NULL THEN s.key_state IN ('unchecked', 'expired')
				ELSE (
					SELECT count(*) FILTER (WHERE x.method = m.method) > 0 AND count(*) = count(x.method)
					FROM ordersync.sync_tasks t
					LEFT JOIN ordersync.method_bans x ON x.gateway = g.name
						AND x.stream = t.stream
						AND (x.basis = t.basis OR t.stream = 'details')
						AND x.history = t.history
						AND x.details_of IS NOT DISTINCT FROM t.details_of
					WHERE t.run_id = r.run_id
						AND t.state IN ('pending', 'running')
						AND NOT (t.held AND r.open_tasks > r.held_tasks))
			END
		ORDER BY m.until
		LIMIT 1
	) b ON g.method_bans <> '{}'
	WHERE r.state IN ('pending', 'running')
		AND (l.until IS NOT NULL OR b.until IS NOT NULL);

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('method_bans', NULL, 'methods that the platform does not want to be called for a while; other methods of the gateway are called'),
		('method_bans', 'gateway', 'the gateway'),
		('method_bans', 'method', 'the platform''s name of the API'),
		('method_bans', 'until', 'end of the ban'),
		('method_bans', 'class', 'throttled or quota'),
		('method_bans', 'message', 'the platform''s words'),
		('method_bans', 'stream', 'what waits: the stream of the tasks that call it; NULL: checks of data keys'),
		('method_bans', 'basis', 'their basis'),
		('method_bans', 'history', 'whether they read the list of what is archived'),
		('method_bans', 'details_of', 'of single records: orders or after_sales'),

		('throttled_runs', NULL, 'runs whose calls are held back by their gateway''s limits: bans of the platform, calls_per_day; none whose windows are also read by methods that may be called'),
		('throttled_runs', 'run_id', 'the run'),
		('throttled_runs', 'until', 'until when'),
		('throttled_runs', 'waits_for', 'what it waits for, in words')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_method_bans() IS
	'creates the views of bans of single methods and of what waits for them; part of ordersync.set_up()';
