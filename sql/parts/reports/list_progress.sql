/*
 * How far each list of a run is, and how many calls it still needs.
 *
 * Windows differ in size by orders of magnitude, so they are not counted: a
 * full run's days are cut into parts where there is much.  What is left of a list
 * is taken to need as many calls a second of its range as the windows that
 * have ended, at least as many as it has windows.  A list of which no window has ended yet, as
 * the check of arrivals that comes last, is taken as its stream's other lists.
 * Records by id need a call each, a count needs one.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_list_progress()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.list_progress
	WITH (security_invoker = true) AS
	SELECT l.run_id,
		l.shop_id,
		l.stream,
		l.basis,
		l.work,
		l.history,
		l.windows_done,
		l.windows_total,
		l.calls,
		CASE
			WHEN l.windows_done = l.windows_total THEN 0
			WHEN l.open_span = 0 THEN l.least
			WHEN COALESCE(l.density, l.stream_density) IS NOT NULL
				THEN GREATEST(ceil(round(l.open_span * COALESCE(l.density, l.stream_density) - l.open_calls, 3)), l.least)
		END::bigint AS calls_left
	FROM (
		SELECT u.run_id,
			u.shop_id,
			u.stream,
			u.basis,
			u.work,
			u.history,
			count(*) FILTER (WHERE NOT u.open) AS windows_done,
			count(*) AS windows_total,
			sum(u.calls) AS calls,
			COALESCE(sum(u.calls) FILTER (WHERE u.open), 0) AS open_calls,
			COALESCE(sum(u.span) FILTER (WHERE u.open), 0) AS open_span,
			sum(u.least) FILTER (WHERE u.open) AS least,
			sum(u.calls) FILTER (WHERE u.read) / sum(u.span) FILTER (WHERE u.read) AS density,
			sum(sum(u.calls) FILTER (WHERE u.read)) OVER (PARTITION BY u.run_id, u.stream)
				/ sum(sum(u.span) FILTER (WHERE u.read)) OVER (PARTITION BY u.run_id, u.stream) AS stream_density
		FROM (
			SELECT t.run_id,
				t.shop_id,
				t.stream,
				t.basis,
				t.work,
				t.history,
				t.calls,
				t.state IN ('pending', 'running') AS open,
				x.span,
				x.span > 0 AND t.state IN ('succeeded', 'incomplete') AS read,
				CASE t.stream
					WHEN 'details' THEN GREATEST(1, cardinality(t.ids) - COALESCE(t.ids_done, 0))
					ELSE 1
				END AS least
			FROM ordersync.sync_tasks t
			CROSS JOIN LATERAL (
				SELECT CASE
					WHEN t.stream <> 'details' AND t.work <> 'count' THEN EXTRACT(epoch FROM t.until - t.since)
				END AS span
			) x
		) u
		GROUP BY u.run_id, u.shop_id, u.stream, u.basis, u.work, u.history
	) l;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('list_progress', NULL, 'how far each list of a run is, and how many calls it still needs; name a run_id'),
		('list_progress', 'run_id', 'number of the run'),
		('list_progress', 'shop_id', 'the shop'),
		('list_progress', 'stream', 'orders, after_sales, special_refunds (their second list) or details'),
		('list_progress', 'basis', 'what the windows are about: modified, created or arrival'),
		('list_progress', 'work', 'store: list and store; check: list and compare with what is stored; count: ask for the total only'),
		('list_progress', 'history', 'from the platform''s list of orders older than three months'),
		('list_progress', 'windows_done', 'windows that have ended, well or not'),
		('list_progress', 'windows_total', 'windows; grows when large ones are cut'),
		('list_progress', 'calls', 'calls made'),
		('list_progress', 'calls_left', 'calls still to be made, if the rest of the list needs as many as what was read of it; NULL while nothing can be said')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_list_progress() IS
	'creates the view of the progress of a run''s lists; part of ordersync.set_up()';
