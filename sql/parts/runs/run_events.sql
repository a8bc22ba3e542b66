/*
 * What the server's log and listeners are told of a run.
 */
CREATE OR REPLACE FUNCTION ordersync.report_run_start(p_run record)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.log_line(pg_catalog.format('shop %s, run %s: started, %s, requested by %I',
		p_run.shop_id, p_run.run_id, ordersync.describe_run(p_run), p_run.requested_by));
END
$function$;
COMMENT ON FUNCTION ordersync.report_run_start(record) IS
	'writes to the server''s log that a run has started';

CREATE OR REPLACE FUNCTION ordersync.describe_run(p_run record)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN p_run.kind || CASE
		WHEN p_run.tid IS NOT NULL THEN ' ' || p_run.tid
		WHEN p_run.since < p_run.until THEN ', ' || ordersync.format_range(p_run.since, p_run.until)
		ELSE ''
	END;
END
$function$;
COMMENT ON FUNCTION ordersync.describe_run(record) IS
	'kind and range of a run, for a line of the log';

CREATE OR REPLACE FUNCTION ordersync.report_run_end(p_run record)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_windows bigint;
	v_records bigint;
BEGIN
	SELECT pg_catalog.count(*),
		COALESCE(pg_catalog.sum(t.records_new + t.records_changed + t.records_unchanged + t.records_quarantined), 0)
	INTO v_windows, v_records
	FROM ordersync.sync_tasks t
	WHERE t.run_id = p_run.run_id;

	PERFORM ordersync.log_line(pg_catalog.format('shop %s, run %s: %s, %s, %s windows, %s records, %s s, requested by %I',
		p_run.shop_id, p_run.run_id,
		p_run.state || CASE p_run.state WHEN 'cancelled' THEN pg_catalog.format(' by %I', session_user) ELSE '' END,
		ordersync.describe_run(p_run), v_windows, v_records,
		pg_catalog.round(EXTRACT(epoch FROM p_run.finished_at - COALESCE(p_run.started_at, p_run.finished_at)), 1),
		p_run.requested_by));
	PERFORM ordersync.notify('run_ended', pg_catalog.jsonb_build_object(
		'run_id', p_run.run_id, 'shop_id', p_run.shop_id, 'kind', p_run.kind, 'state', p_run.state));
END
$function$;
COMMENT ON FUNCTION ordersync.report_run_end(record) IS
	'tells the server''s log and the listeners of channel ordersync that a run has ended';
