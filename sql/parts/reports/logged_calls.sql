/*
 * The calls of the request log as dashboards show them: which call, when, how it
 * was answered and how fast; without what the platform said in words.
 *
 * One row a call, not sums by hour: a condition on logged_at leaves the other
 * days' partitions out.  Through this view a reader may read these columns of
 * the log, an operator reads the log itself.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_calls()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.calls
	WITH (security_invoker = true) AS
	SELECT l.logged_at,
		l.gateway,
		l.shop_id,
		l.run_id,
		l.method,
		l.verdict,
		l.http_status,
		l.code,
		l.sub_code,
		l.records,
		l.bytes,
		l.duration_ms
	FROM ordersync.request_log l;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('calls', NULL, 'every call of the request log, without the platform''s words; name a range of logged_at'),
		('calls', 'logged_at', 'when the call''s outcome was committed'),
		('calls', 'gateway', 'the gateway called'),
		('calls', 'shop_id', 'the shop'),
		('calls', 'run_id', 'the run'),
		('calls', 'method', 'API called'),
		('calls', 'verdict', 'ok, retry, throttled, unauthorized, rejected or malformed'),
		('calls', 'http_status', 'HTTP status of the answer'),
		('calls', 'code', 'platform''s error code'),
		('calls', 'sub_code', 'platform''s second code'),
		('calls', 'records', 'records in the answer'),
		('calls', 'bytes', 'size of the answer'),
		('calls', 'duration_ms', 'milliseconds until the answer was whole')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_calls() IS
	'creates the view of calls; part of ordersync.set_up()';
