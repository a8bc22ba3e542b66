/*
 * The request log.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_request_log()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.request_log (
		logged_at timestamptz NOT NULL DEFAULT now(),
		shop_id bigint NOT NULL,
		run_id bigint,
		task_id bigint,
		gateway text,
		method text,
		window_since timestamptz,
		window_until timestamptz,
		page_no integer,
		page_size integer,
		use_has_next boolean,
		verdict text,
		http_status integer,
		code bigint,
		msg text,
		sub_code text,
		sub_msg text,
		request_id text,
		total_results bigint,
		has_next boolean,
		records integer,
		bytes bigint,
		started_at timestamptz,
		duration_ms integer,
		answer text
	) PARTITION BY RANGE (logged_at);
	PERFORM ordersync.add_index('request_log_shop_idx', 'request_log', '(shop_id, logged_at)');
	-- a call's row must find a place even when maintenance has not run for a week
	CREATE TABLE IF NOT EXISTS ordersync.request_log_rest
		PARTITION OF ordersync.request_log DEFAULT;
	-- a row has no key; under a publication of all tables only whole rows can be deleted
	IF EXISTS (
		SELECT
		FROM pg_catalog.pg_class c
		WHERE c.oid IN ('ordersync.request_log'::pg_catalog.regclass, 'ordersync.request_log_rest'::pg_catalog.regclass)
			AND c.relreplident <> 'f'
	) THEN
		ALTER TABLE ordersync.request_log REPLICA IDENTITY FULL;
		ALTER TABLE ordersync.request_log_rest REPLICA IDENTITY FULL;
	END IF;

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('request_log', NULL, 'every call, one partition a day of Asia/Shanghai; no secret and no personal data in it'),
		('request_log', 'logged_at', 'when the call''s outcome was committed'),
		('request_log', 'shop_id', 'the shop'),
		('request_log', 'run_id', 'the run'),
		('request_log', 'task_id', 'the task'),
		('request_log', 'gateway', 'the gateway called'),
		('request_log', 'method', 'API called'),
		('request_log', 'window_since', 'beginning of the range asked for'),
		('request_log', 'window_until', 'end of the range asked for'),
		('request_log', 'page_no', 'page number asked for'),
		('request_log', 'page_size', 'page size asked for'),
		('request_log', 'use_has_next', 'true: asked for has_next instead of a total'),
		('request_log', 'verdict', 'ok, retry, throttled, unauthorized, rejected or malformed'),
		('request_log', 'http_status', 'HTTP status of the answer'),
		('request_log', 'code', 'platform''s error code'),
		('request_log', 'msg', 'platform''s message'),
		('request_log', 'sub_code', 'platform''s second code'),
		('request_log', 'sub_msg', 'platform''s second message'),
		('request_log', 'request_id', 'platform''s number of the call; its support asks for it'),
		('request_log', 'total_results', 'total of the answer'),
		('request_log', 'has_next', 'whether the answer said that more follows'),
		('request_log', 'records', 'records in the answer'),
		('request_log', 'bytes', 'size of the answer'),
		('request_log', 'started_at', 'when the call was sent'),
		('request_log', 'duration_ms', 'milliseconds until the answer was whole'),
		('request_log', 'answer', 'beginning of an answer that was not ok, without personal data'),

		('request_log_rest', NULL, 'calls of days that have no partition yet')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_request_log() IS
	'creates the request log if it is missing; part of ordersync.set_up_queue()';
