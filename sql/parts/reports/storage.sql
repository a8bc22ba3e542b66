/*
 * What the tables take on disk, how long their rows are kept, and how they grow.
 *
 * Sizes are those of the files, partitions together with their table.  Rows are
 * the planner's estimate.  The growth is an estimate too: of the request log the
 * mean size of the last seven days' partitions, of the others how far the files
 * have grown since the first of the last thirty days whose size is known
 * (ordersync.storage_history).  Files do not shrink by what is removed from
 * them: the room is used again.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_storage()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.storage
	WITH (security_invoker = true) AS
	WITH leaves AS (
		SELECT COALESCE(p.relname, c.relname)::text COLLATE "default" AS table_name,
			p.relname IS NOT NULL AS is_partition,
			c.reltuples,
			COALESCE(pg_total_relation_size(c.oid), 0) AS bytes,
			COALESCE(pg_indexes_size(c.oid), 0) AS index_bytes,
			COALESCE(pg_total_relation_size(NULLIF(c.reltoastrelid, 0)), 0) AS toast_bytes,
			timezone('Asia/Shanghai', d.day::timestamp) AS since,
			timezone('Asia/Shanghai', d.day + interval '1 day') AS until
		FROM pg_namespace n
		JOIN pg_class c ON c.relnamespace = n.oid
			AND c.relkind = 'r'
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
			AND c.relispartition
		LEFT JOIN pg_class p ON p.oid = i.inhparent
		CROSS JOIN LATERAL (
			-- by the name: how a bound is written, and read, is the session's affair
			SELECT CASE WHEN p.relname = 'request_log' AND c.relname ~ '^request_log_[0-9]{8}$'
				THEN to_date(right(c.relname, 8), 'YYYYMMDD') END AS day
		) d
		WHERE n.nspname = 'ordersync'
	), tables AS (
		SELECT l.table_name,
			count(*) FILTER (WHERE l.is_partition)::integer AS partitions,
			sum(l.reltuples) FILTER (WHERE l.reltuples >= 0)::bigint AS rows,
			sum(l.bytes)::bigint AS bytes,
			sum(l.bytes - l.index_bytes - l.toast_bytes)::bigint AS heap_bytes,
			sum(l.index_bytes)::bigint AS index_bytes,
			sum(l.toast_bytes)::bigint AS toast_bytes,
			min(l.since) FILTER (WHERE l.bytes > l.index_bytes + l.toast_bytes) AS since,
			(avg(l.bytes) FILTER (WHERE l.until <= now() AND l.until > now() - interval '168 hours'))::bigint AS bytes_a_day
		FROM leaves l
		GROUP BY l.table_name
	)
	SELECT t.table_name,
		t.bytes,
		t.heap_bytes,
		t.index_bytes,
		t.toast_bytes,
		t.partitions,
		t.rows,
		CASE t.table_name
			WHEN 'request_log' THEN t.since
			WHEN 'sync_runs' THEN (SELECT r.requested_at FROM ordersync.sync_runs r ORDER BY r.run_id LIMIT 1)
			WHEN 'sync_tasks' THEN (SELECT k.made_at FROM ordersync.sync_tasks k ORDER BY k.task_id LIMIT 1)
			WHEN 'order_changes' THEN (SELECT c.recorded_at FROM ordersync.order_changes c ORDER BY c.changed_in LIMIT 1)
			WHEN 'change_feed' THEN (SELECT f.recorded_at FROM ordersync.change_feed f ORDER BY f.entry_id LIMIT 1)
			WHEN 'quarantine' THEN (SELECT q.received_at FROM ordersync.quarantine q ORDER BY q.quarantine_id LIMIT 1)
		END AS oldest,
		CASE t.table_name
			WHEN 'sync_runs' THEN (SELECT r.requested_at FROM ordersync.sync_runs r ORDER BY r.run_id DESC LIMIT 1)
			WHEN 'sync_tasks' THEN (SELECT k.made_at FROM ordersync.sync_tasks k ORDER BY k.task_id DESC LIMIT 1)
			WHEN 'order_changes' THEN (SELECT c.recorded_at FROM ordersync.order_changes c ORDER BY c.changed_in DESC LIMIT 1)
			WHEN 'change_feed' THEN (SELECT f.recorded_at FROM ordersync.change_feed f ORDER BY f.entry_id DESC LIMIT 1)
			WHEN 'quarantine' THEN (SELECT q.received_at FROM ordersync.quarantine q ORDER BY q.quarantine_id DESC LIMIT 1)
		END AS newest,
		k.setting,
		NULLIF(COALESCE(NULLIF(current_setting(k.setting, true), ''), k.default_value)::interval, '0') AS kept_for,
		COALESCE(t.bytes_a_day, (t.bytes - h.bytes) / (d.today - h.day)) AS growth_a_day
	FROM tables t
	CROSS JOIN (
		SELECT timezone('Asia/Shanghai', now())::date AS today
	) d
	LEFT JOIN (VALUES
		('request_log', 'ordersync.keep_log', '30d'),
		('sync_runs', 'ordersync.keep_runs', '90d'),
		('sync_tasks', 'ordersync.keep_runs', '90d'),
		('order_changes', 'ordersync.keep_changes', '0'),
		('change_feed', 'ordersync.keep_feed', '7d'),
		('quarantine', 'ordersync.keep_quarantine', '90d')
	) k (table_name, setting, default_value) ON k.table_name = t.table_name
	LEFT JOIN LATERAL (
		SELECT h.day, h.bytes
		FROM ordersync.storage_history h
		WHERE h.table_name = t.table_name
			AND h.shop_id = 0
			AND h.day >= d.today - 30
			AND h.day < d.today
		ORDER BY h.day
		LIMIT 1
	) h ON true;

	PERFORM ordersync.comment_on('VIEW', x.rel, x.col, x.words)
	FROM (VALUES
		('storage', NULL, 'what each table takes on disk, how long its rows are kept, and how it grows'),
		('storage', 'table_name', 'the table'),
		('storage', 'bytes', 'bytes on disk in all'),
		('storage', 'heap_bytes', 'of these, the rows'),
		('storage', 'index_bytes', 'the indexes'),
		('storage', 'toast_bytes', 'the long values, stored apart'),
		('storage', 'partitions', 'how many partitions it has'),
		('storage', 'rows', 'rows, as the planner estimates them; NULL before the first ANALYZE'),
		('storage', 'oldest', 'its oldest row, where that is known without reading the table; of the request log the begin of the oldest day'),
		('storage', 'newest', 'its newest row, likewise'),
		('storage', 'setting', 'the setting that limits it; NULL: none'),
		('storage', 'kept_for', 'how long rows are kept; NULL: for ever'),
		('storage', 'growth_a_day', 'bytes a day, an estimate: of the request log the mean of the last seven days, else the growth of the files over up to thirty days; NULL before a second day is known')
	) AS x (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_storage() IS
	'creates the view of what tables take on disk; part of ordersync.set_up()';
