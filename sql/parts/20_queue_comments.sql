/*
 * What the queue's tables and columns mean, for \d+ and for BI tools that show it.
 */
CREATE FUNCTION ordersync.comment_queue()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
BEGIN
	FOR v IN
		SELECT t.* FROM (VALUES
		('installation', NULL, 'which version of the extension made or checked the tables'),
		('installation', 'one', 'always true: there is one row'),
		('installation', 'version', 'version of the extension that ran ordersync.set_up() last'),
		('installation', 'extension', 'oid of that extension; another oid means that it was created anew'),
		('installation', 'database', 'oid of the database; another oid means that the tables came with a dump'),
		('installation', 'set_up_at', 'when ordersync.set_up() ran last'),

		('gateways', NULL, 'where calls go, without secrets'),
		('gateways', 'name', 'name of the gateway; shops use "taobao" by default'),
		('gateways', 'base_url', 'URL that calls are posted to'),
		('gateways', 'app_key', 'key of the application on the platform'),
		('gateways', 'protocol', 'what is spoken there: top'),
		('gateways', 'sign_method', 'how calls are signed: md5, hmac or hmac-sha256'),
		('gateways', 'options', 'calls_per_second, page_size, max_window, arrival_check, proxy'),
		('gateways', 'clock_offset', 'platform''s clock minus ours, from its answers'),
		('gateways', 'throttled_until', 'the platform asked for silence until then, by our clock'),
		('gateways', 'created_at', 'when it was added'),
		('gateways', 'updated_at', 'when its set-up was changed last'),

		('shops', NULL, 'seller accounts, without secrets'),
		('shops', 'shop_id', 'the DBA''s own number of the shop'),
		('shops', 'seller_nick', 'the seller''s name as typed'),
		('shops', 'seller_nicks', 'every name under which the shop''s records may come: the typed one and those that key checks returned'),
		('shops', 'user_id', 'the platform''s number of the seller, from the first key check'),
		('shops', 'gateway', 'name of the gateway'),
		('shops', 'options', 'streams, details, payloads, privacy, incremental, full_run, fields_add, fields_drop'),
		('shops', 'enabled', 'false: paused, its tasks wait'),
		('shops', 'key_state', 'unchecked, ok, unverified, wrong_seller, expired or key_unreadable'),
		('shops', 'key_message', 'what the last key check or refusal said'),
		('shops', 'key_checked_at', 'when the data key was last checked'),
		('shops', 'key_expires_at', 'when the data key expires, as typed'),
		('shops', 'first_full_at', 'platform''s instant of the first call of the shop''s first full run; incremental runs begin there'),
		('shops', 'first_incremental_at', 'platform''s instant at which the first incremental run was asked for'),
		('shops', 'created_at', 'when it was added'),
		('shops', 'updated_at', 'when its set-up was changed last'),

		('secrets', NULL, 'application secrets and data keys, sealed; nobody but the owner reads it'),
		('secrets', 'kind', 'app_secret or data_key'),
		('secrets', 'name', 'name of the gateway, or shop_id'),
		('secrets', 'sealed', 'AES-256-GCM under the key in the server''s key file'),
		('secrets', 'updated_at', 'when it was set'),

		('grants', NULL, 'levels given by ordersync_grant, applied again whenever the extension or its tables are made anew'),
		('grants', 'role', 'the role'),
		('grants', 'level', 'reader, operator or admin'),
		('grants', 'shops', 'the only shops that the role sees; NULL: all'),
		('grants', 'granted_by', 'who granted it'),
		('grants', 'granted_at', 'when'),

		('sync_runs', NULL, 'requests to sync: one row a trigger'),
		('sync_runs', 'run_id', 'number of the run'),
		('sync_runs', 'shop_id', 'the shop'),
		('sync_runs', 'kind', 'full, incremental, order or verify'),
		('sync_runs', 'since', 'begin of what the run covers'),
		('sync_runs', 'until', 'end of what the run covers, exclusive'),
		('sync_runs', 'tid', 'the order of a run of kind order'),
		('sync_runs', 'state', 'pending, running, succeeded, incomplete, failed or cancelled'),
		('sync_runs', 'requested_by', 'who triggered it'),
		('sync_runs', 'requested_at', 'when'),
		('sync_runs', 'requested_in', 'transaction of the trigger: the run cannot start before its commit'),
		('sync_runs', 'started_at', 'when its first task was claimed'),
		('sync_runs', 'finished_at', 'when its last task ended'),
		('sync_runs', 'open_tasks', 'tasks that have not ended; zero ends the run'),
		('sync_runs', 'lost', 'ranges that were never read and that the platform serves no longer'),
		('sync_runs', 'message', 'how it ended, for people'),

		('sync_tasks', NULL, 'windows of runs: the unit of claiming, retry and failure'),
		('sync_tasks', 'task_id', 'number of the task'),
		('sync_tasks', 'run_id', 'its run'),
		('sync_tasks', 'shop_id', 'the shop'),
		('sync_tasks', 'stream', 'orders, after_sales or details'),
		('sync_tasks', 'basis', 'what the window is about: modified, created or arrival'),
		('sync_tasks', 'since', 'begin of the window'),
		('sync_tasks', 'until', 'end of the window, exclusive'),
		('sync_tasks', 'fresh', 'younger than settle: read once, closes nothing'),
		('sync_tasks', 'ids', 'records to fetch one by one (stream details)'),
		('sync_tasks', 'is_part', 'made by cutting a window; is not cut again'),
		('sync_tasks', 'state', 'pending, running, succeeded, incomplete, failed or cancelled'),
		('sync_tasks', 'attempt', 'claims since the last page that was stored'),
		('sync_tasks', 'next_attempt_at', 'not before then; NULL: at once'),
		('sync_tasks', 'owner', 'the worker that runs it: boot id, slot, generation'),
		('sync_tasks', 'token', 'random number of the claim; a settle must present it'),
		('sync_tasks', 'walk', 'where the walk through the window stands'),
		('sync_tasks', 'page_size', 'records a call when smaller than the gateway''s'),
		('sync_tasks', 'calls', 'calls made'),
		('sync_tasks', 'pages', 'pages stored'),
		('sync_tasks', 'records_new', 'records stored for the first time'),
		('sync_tasks', 'records_changed', 'records that changed a stored row'),
		('sync_tasks', 'records_unchanged', 'records that changed nothing'),
		('sync_tasks', 'records_quarantined', 'records that could not be stored'),
		('sync_tasks', 'reported', 'records in the window as the platform counts'),
		('sync_tasks', 'seen', 'distinct records of the window that were seen'),
		('sync_tasks', 'passes', 'walks through the window'),
		('sync_tasks', 'verdict', 'counted, short, unproven or fresh once the window is read; else what the last call came to'),
		('sync_tasks', 'error_class', 'class of the last failure'),
		('sync_tasks', 'error', 'the last failure, for people'),
		('sync_tasks', 'claimed_at', 'when it was claimed last'),
		('sync_tasks', 'finished_at', 'when it ended'),

		('coverage', NULL, 'what is closed: every record in these ranges was seen'),
		('coverage', 'shop_id', 'the shop'),
		('coverage', 'stream', 'orders or after_sales'),
		('coverage', 'basis', 'the time that the ranges are about: modified, created or arrival'),
		('coverage', 'ranges', 'the closed ranges'),
		('coverage', 'updated_at', 'when they grew last'),

		('window_counts', NULL, 'what the platform counted and what was seen, by window; a newer reading replaces the older'),
		('window_counts', 'shop_id', 'the shop'),
		('window_counts', 'stream', 'orders or after_sales'),
		('window_counts', 'basis', 'the time that the range is about'),
		('window_counts', 'range', 'the window as it was read'),
		('window_counts', 'reported', 'records as the platform counts; NULL: the list has no total'),
		('window_counts', 'seen', 'distinct records seen, quarantined ones included'),
		('window_counts', 'quarantined', 'of these, how many could not be stored'),
		('window_counts', 'passes', 'walks through the window'),
		('window_counts', 'verdict', 'counted, short or unproven'),
		('window_counts', 'run_id', 'the run that read it'),
		('window_counts', 'task_id', 'the task that read it'),
		('window_counts', 'closed_at', 'when'),

		('request_log', NULL, 'every call, one partition a day of Asia/Shanghai; no secret and no personal data in it'),
		('request_log', 'logged_at', 'when the call''s outcome was committed'),
		('request_log', 'shop_id', 'the shop'),
		('request_log', 'run_id', 'the run'),
		('request_log', 'task_id', 'the task'),
		('request_log', 'gateway', 'the gateway called'),
		('request_log', 'method', 'API called'),
		('request_log', 'window_since', 'begin of the range asked for'),
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
		('request_log', 'answer', 'begin of an answer that was not ok, without personal data'),
		('request_log_rest', NULL, 'calls of days that have no partition yet')
		) AS t (rel, col, words)
	LOOP
		IF v.col IS NULL THEN
			EXECUTE pg_catalog.format('COMMENT ON TABLE ordersync.%I IS %L', v.rel, v.words);
		ELSE
			EXECUTE pg_catalog.format('COMMENT ON COLUMN ordersync.%I.%I IS %L', v.rel, v.col, v.words);
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.comment_queue() IS
	'comments on the queue''s tables and columns; part of ordersync.set_up()';
