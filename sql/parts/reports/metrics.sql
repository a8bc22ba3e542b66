/*
 * Figures for Prometheus and the like: one row a sample.
 *
 * It reads tables only, so that it stays when the extension goes, and shows each
 * reader what its own rights show.  Of history it reads nothing: of runs the
 * active ones, of tasks those that run or failed, by their partial indexes; what
 * runs have done stands in shop_totals.  Names that end with _total only grow.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_metrics()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.metrics
	WITH (security_invoker = true) AS
	SELECT m.name, m.labels, m.value
	FROM ordersync.shops s
	LEFT JOIN ordersync.freshness f ON f.shop_id = s.shop_id
	LEFT JOIN ordersync.shop_totals o ON o.shop_id = s.shop_id
	LEFT JOIN (
		SELECT r.shop_id, count(*) AS runs, sum(r.open_tasks) AS windows
		FROM ordersync.sync_runs r
		WHERE r.state IN ('pending', 'running')
		GROUP BY r.shop_id
	) q ON q.shop_id = s.shop_id
	CROSS JOIN LATERAL (
		SELECT jsonb_build_object('shop', s.shop_id::text) AS shop
		OFFSET 0
	) l
	CROSS JOIN LATERAL (VALUES
		('ordersync_shop_lag_seconds', l.shop, EXTRACT(epoch FROM f.lag)::double precision),
		('ordersync_shop_covered_until_timestamp_seconds', l.shop, EXTRACT(epoch FROM f.covered_until)::double precision),
		('ordersync_shop_behind', l.shop, f.behind::integer),
		('ordersync_shop_full_run_behind', l.shop, f.full_behind::integer),
		('ordersync_shop_enabled', l.shop, s.enabled::integer),
		('ordersync_shop_key_usable', l.shop, (s.key_state IN ('unchecked', 'ok', 'unverified'))::integer),
		('ordersync_shop_key_days_left', l.shop, EXTRACT(epoch FROM s.key_expires_at - now())::double precision / 86400),
		('ordersync_shop_active_runs', l.shop, COALESCE(q.runs, 0)),
		('ordersync_shop_open_windows', l.shop, COALESCE(q.windows, 0)),
		('ordersync_shop_calls_total', l.shop, COALESCE(o.calls, 0)),
		('ordersync_shop_records_total', l.shop || '{"change": "new"}', COALESCE(o.records_new, 0)),
		('ordersync_shop_records_total', l.shop || '{"change": "changed"}', COALESCE(o.records_changed, 0)),
		('ordersync_shop_records_total', l.shop || '{"change": "unchanged"}', COALESCE(o.records_unchanged, 0)),
		('ordersync_shop_records_total', l.shop || '{"change": "quarantined"}', COALESCE(o.records_quarantined, 0)),
		('ordersync_shop_runs_total', l.shop || '{"state": "succeeded"}', COALESCE(o.runs_succeeded, 0)),
		('ordersync_shop_runs_total', l.shop || '{"state": "incomplete"}', COALESCE(o.runs_incomplete, 0)),
		('ordersync_shop_runs_total', l.shop || '{"state": "failed"}', COALESCE(o.runs_failed, 0)),
		('ordersync_shop_runs_total', l.shop || '{"state": "cancelled"}', COALESCE(o.runs_cancelled, 0)),
		('ordersync_shop_failed_windows_total', l.shop, COALESCE(o.windows_failed, 0))
	) AS m (name, labels, value)
	WHERE m.value IS NOT NULL
	UNION ALL
	SELECT m.name, jsonb_build_object('gateway', g.name), m.value
	FROM ordersync.gateways g
	CROSS JOIN LATERAL (VALUES
		('ordersync_gateway_throttled_seconds', GREATEST(EXTRACT(epoch FROM GREATEST(g.throttled_until, g.spent_until, g.reserved_until) - now()), 0)::double precision),
		('ordersync_gateway_secret_usable', (g.secret_state = 'ok')::integer),
		('ordersync_gateway_clock_offset_seconds', EXTRACT(epoch FROM g.clock_offset)::double precision),
		('ordersync_gateway_calls_per_day', (g.options ->> 'calls_per_day')::double precision),
		('ordersync_gateway_calls_today', (
			SELECT d.reserved::double precision
			FROM ordersync.gateway_calls d
			WHERE d.gateway = g.name
				AND d.day = timezone('Asia/Shanghai', clock_timestamp() + g.clock_offset)::date
			ORDER BY d.reserved_at DESC
			LIMIT 1))
	) AS m (name, value)
	WHERE m.value IS NOT NULL
	UNION ALL
	SELECT m.name, m.labels, m.value
	FROM (
		SELECT COALESCE(sum(r.open_tasks), 0) AS open, min(r.requested_at) AS oldest
		FROM ordersync.sync_runs r
		WHERE r.state IN ('pending', 'running')
	) r
	CROSS JOIN (
		SELECT count(*) AS running
		FROM ordersync.sync_tasks t
		WHERE t.state = 'running'
	) t
	CROSS JOIN LATERAL (VALUES
		('ordersync_queue_windows', jsonb_build_object('state', 'pending'), GREATEST(r.open - t.running, 0)::double precision),
		('ordersync_queue_windows', jsonb_build_object('state', 'running'), t.running),
		('ordersync_queue_oldest_run_seconds', '{}', COALESCE(EXTRACT(epoch FROM clock_timestamp() - r.oldest), 0)::double precision)
	) AS m (name, labels, value)
	UNION ALL
	SELECT 'ordersync_failed_windows', jsonb_build_object('class', COALESCE(t.error_class, t.state)), count(*)
	FROM ordersync.sync_tasks t
	WHERE t.state IN ('failed', 'incomplete')
	GROUP BY COALESCE(t.error_class, t.state)
	UNION ALL
	SELECT m.name, jsonb_build_object('consumer', c.consumer), m.value
	FROM ordersync.consumers c
	CROSS JOIN LATERAL (VALUES
		('ordersync_consumer_lag_seconds', c.lag_seconds::double precision),
		('ordersync_consumer_lag_messages', c.lag_messages),
		('ordersync_consumer_lost_changes_total', c.lost_changes)
	) AS m (name, value)
	UNION ALL
	SELECT 'ordersync_quarantine_open', '{}', count(*)
	FROM ordersync.quarantine u
	WHERE u.resolved_at IS NULL
	UNION ALL
	-- of the request log its partitions together
	SELECT 'ordersync_table_bytes', jsonb_build_object('table', t.name), sum(pg_total_relation_size(t.oid))
	FROM (
		SELECT c.oid, COALESCE(p.relname, c.relname) AS name
		FROM pg_class c
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
		LEFT JOIN pg_class p ON p.oid = i.inhparent
		WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'ordersync')
			AND c.relkind = 'r'
	) t
	GROUP BY t.name
	UNION ALL
	SELECT 'ordersync_request_log_partitions', '{}', count(*)
	FROM pg_inherits i
	WHERE i.inhparent = to_regclass('ordersync.request_log')
	UNION ALL
	-- as the server counts; they begin anew when its statistics are reset
	SELECT 'ordersync_table_rows_total', jsonb_build_object('table', c.relname, 'write', w.write), w.rows
	FROM pg_class c
	CROSS JOIN LATERAL (VALUES
		('insert', pg_stat_get_tuples_inserted(c.oid)),
		('update', pg_stat_get_tuples_updated(c.oid)),
		('delete', pg_stat_get_tuples_deleted(c.oid))
	) AS w (write, rows)
	WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'ordersync')
		AND c.relname IN ('orders', 'sub_orders', 'after_sales', 'order_changes');

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('metrics', NULL, 'figures for Prometheus, Grafana and the like: one row a sample'),
		('metrics', 'name', 'name of the metric; one that ends with _total only grows'),
		('metrics', 'labels', 'what it is of: shop, gateway, consumer, state, change, class, table or write'),
		('metrics', 'value', 'its value now; metrics without one have no row')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_metrics() IS
	'creates the view of metrics; part of ordersync.set_up()';
