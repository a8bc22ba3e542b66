-- Who changed what: one entry for each call of set-up or control that changed something, none for one that did not, no secret.
BEGIN;
SELECT plan(58);
SET client_min_messages = error;
SET TIME ZONE 'UTC';

CREATE TEMP TABLE seen (history_id bigint) ON COMMIT DROP;
INSERT INTO seen VALUES (0);
-- the entries since it was last asked
CREATE FUNCTION pg_temp.entries(OUT said text) LANGUAGE plpgsql AS $$
BEGIN
	SELECT string_agg(concat_ws(' ', h.action, 'shop ' || h.shop_id, 'gateway ' || h.gateway, 'run ' || h.run_id, NULLIF(h.details, '{}')), E'\n' ORDER BY h.history_id)
	INTO said FROM ordersync.setup_history h WHERE h.history_id > (SELECT max(s.history_id) FROM seen s);
	INSERT INTO seen SELECT max(h.history_id) FROM ordersync.setup_history h;
END $$;
CREATE FUNCTION pg_temp.does(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN pg_temp.entries();
EXCEPTION WHEN OTHERS THEN
	RETURN 'ERROR ' || SQLERRM || ' ' || COALESCE(pg_temp.entries(), '');
END $$;

SELECT is(pg_temp.does(command), want, command) FROM (VALUES
	(1, $$SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld')$$,
		'gateway added gateway taobao {"app_key": {"new": "12345678"}, "base_url": {"new": "https://gw.example.com/router/rest"}, "protocol": {"new": "top"}, "app_secret": "set", "sign_method": {"new": "hmac-sha256"}}'),
	(2, $$SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', NULL)$$, NULL),
	(3, $$SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')$$, 'gateway changed gateway taobao {"app_secret": "set"}'),
	(4, $$SELECT ordersync_set_gateway('taobao', '{"calls_per_second": 20, "proxy": "http://proxy.example.com:3128"}')$$,
		'gateway changed gateway taobao {"options": {"proxy": {"new": "http://proxy.example.com:3128"}, "calls_per_second": {"new": 20}}}'),
	(5, $$SELECT ordersync_set_gateway('taobao', '{"calls_per_second": 20}')$$, NULL),
	(6, $$SELECT ordersync_set_gateway('taobao', '{"calls_per_second": 30, "proxy": null}')$$,
		'gateway changed gateway taobao {"options": {"proxy": {"old": "http://proxy.example.com:3128"}, "calls_per_second": {"new": 30, "old": 20}}}'),
	(7, $$SELECT ordersync_add_shop(1, 'seller 1', 'session-1')$$,
		'shop added shop 1 {"gateway": {"new": "taobao"}, "data_key": "set", "seller_nick": {"new": "seller 1"}}'),
	(8, $$SELECT ordersync_add_shop(2, 'seller 2', NULL, options => '{"payloads": "off"}')$$,
		'shop added shop 2 {"gateway": {"new": "taobao"}, "options": {"payloads": {"new": "off"}}, "seller_nick": {"new": "seller 2"}}'),
	(9, $$SELECT ordersync_add_shop(2, 'seller 2', NULL, options => '{"payloads": "off"}')$$, NULL),
	(10, $$SELECT ordersync_add_shop(2, 'seller two', NULL)$$, 'shop changed shop 2 {"seller_nick": {"new": "seller two", "old": "seller 2"}}'),
	(11, $$SELECT ordersync_set_shop(2, '{"payloads": "keep", "privacy": "strict"}')$$,
		'shop changed shop 2 {"options": {"privacy": {"new": "strict"}, "payloads": {"new": "keep", "old": "off"}}}'),
	(12, $$SELECT ordersync_set_shop(2, '{"payloads": "keep"}')$$, NULL),
	(13, $$SELECT ordersync_set_shop(2, '{"nothing": 1}')$$, 'ERROR unrecognized option "nothing" '),
	(14, $$SELECT ordersync_set_session_key(2, 'session-2')$$, 'data key set shop 2'),
	(15, $$SELECT ordersync_set_data_key(2, 'session-2', '2100-01-01')$$, 'data key set shop 2 {"expires_at": "2100-01-01T00:00:00+00:00"}'),
	(16, $$SELECT ordersync_set_data_key(2, 'session-2', '2000-01-01')$$, 'ERROR the data key has already expired '),
	(17, $$SELECT ordersync_pause_shop(2)$$, 'shop paused shop 2'),
	(18, $$SELECT ordersync_pause_shop(2)$$, NULL),
	(19, $$SELECT ordersync_resume_shop(2)$$, 'shop resumed shop 2'),
	(20, $$SELECT ordersync_resume_shop(2)$$, NULL),
	(21, $$SELECT ordersync_lift_ban('taobao')$$, NULL),
	(22, $$UPDATE ordersync.gateways SET throttled_until = '2100-01-01'; SELECT ordersync_lift_ban('taobao')$$,
		'ban lifted gateway taobao {"until": "2100-01-01T00:00:00+00:00"}'),
	(23, $$SELECT ordersync_trigger_full(1, '2026-09-01', '2026-09-02')$$, NULL),
	(24, $$SELECT ordersync_forget_secrets()$$, NULL),
	(25, $$SELECT ordersync_add_field('orders', 'area', 'buyer_area', 'text')$$,
		'field added {"name": "area", "path": "buyer_area", "type": "text", "target": "orders"}'),
	(26, $$SELECT ordersync_add_field('orders', 'area', 'buyer_area', 'text')$$, NULL),
	(27, $$SELECT ordersync_drop_field('orders', 'area')$$, 'field dropped {"name": "area", "target": "orders"}'),
	(28, $$CREATE ROLE history_bi; SELECT ordersync_grant('history_bi', 'reader', '{1}')$$, 'level granted {"role": "history_bi", "level": "reader", "shops": [1]}'),
	(29, $$SELECT ordersync_grant('history_bi', 'reader', '{1}')$$, NULL),
	(30, $$SELECT ordersync_grant('history_bi', 'operator')$$,
		'level granted {"role": "history_bi", "level": "operator", "old_level": "reader", "old_shops": [1]}'),
	(31, $$SELECT ordersync_revoke('history_bi')$$, 'level revoked {"role": "history_bi"}'),
	(32, $$SELECT ordersync_revoke('history_bi')$$, NULL),
	(33, $$SELECT ordersync_remove_shop(2, purge => true)$$, 'shop removed shop 2 {"purge": true, "seller_nick": "seller two"}'),
	(34, $$SELECT ordersync_add_gateway('other', 'https://gw.example.com/', '1', NULL)$$,
		'gateway added gateway other {"app_key": {"new": "1"}, "base_url": {"new": "https://gw.example.com/"}, "protocol": {"new": "top"}, "sign_method": {"new": "hmac-sha256"}}'),
	(35, $$SELECT ordersync_remove_gateway('other')$$, 'gateway removed gateway other')
) v (n, command, want) ORDER BY n;

-- none of today's options is a secret, as a whole: what it was and is can be read
CREATE FUNCTION pg_temp.options_of(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE known text;
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS known = PG_EXCEPTION_HINT;
	RETURN QUERY SELECT regexp_split_to_table(rtrim(replace(known, 'Known options: ', ''), '.'), ', ');
END $$;
SELECT is(string_agg(o || CASE WHEN ordersync.shown_value(o, '"x"') = '"***"' THEN ' ***' ELSE '' END, ', ' ORDER BY o),
	'arrival_check, calls_in_flight, calls_per_day, calls_per_day_reserved, calls_per_second, details, fields_add, fields_drop, freshness_target, full_run, full_run_target, incremental, max_window, method_weights, page_size, payloads, privacy, proxy, relay, streams, types_add',
	'the values of all options are shown')
FROM (
	SELECT pg_temp.options_of($$SELECT ordersync_set_gateway('taobao', '{"nothing": 1}')$$)
	UNION
	SELECT pg_temp.options_of($$SELECT ordersync_set_shop(1, '{"nothing": 1}')$$)
) AS t (o);

SELECT run_id AS run FROM ordersync.sync_runs WHERE shop_id = 1 \gset
SELECT is(pg_temp.does(format('SELECT ordersync_cancel(%s)', :run)),
	format('run cancelled shop 1 run %s {"kind": "full", "windows": %s}', :run, (SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = :run)), 'a run that is cancelled');
SELECT is(pg_temp.does(format('SELECT ordersync_cancel(%s)', :run)), NULL, 'once');
UPDATE ordersync.sync_tasks SET state = 'failed' WHERE run_id = :run;
UPDATE ordersync.sync_runs SET state = 'failed' WHERE run_id = :run;
SELECT is(pg_temp.does(format('SELECT ordersync_retry(%s)', :run)),
	format('run retried shop 1 run %s {"windows": %s}', :run, (SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = :run)), 'a run that is tried again');

SELECT is((SELECT count(*) FROM ordersync.setup_history h WHERE h.shop_id = 2), 8::bigint, 'the entries of a shop that was purged stay');
SELECT is((SELECT count(*) FROM ordersync.setup_history h WHERE h.done_by <> session_user OR h.done_at NOT BETWEEN now() AND clock_timestamp()), 0::bigint, 'by whom and when');
SELECT is((SELECT count(*) FROM ordersync.setup_history h WHERE h::text ~ 'session-|helloworld'), 0::bigint, 'no secret');

-- sealed secrets
SELECT ordersync_add_gateway('taobao', 'https://other.example.com/', NULL, NULL) AS moved \gset
SELECT pg_temp.entries() AS entries \gset
SELECT is(pg_temp.does($$SELECT ordersync_keep_secrets('taobao', 'https://other.example.com')$$),
	'secrets kept gateway taobao {"secrets": 2, "destination": "https://other.example.com:443"}', 'secrets kept for another destination');
UPDATE ordersync.secrets SET sealed = '\x00' WHERE kind = 'data_key';
SELECT is(pg_temp.does('SELECT ordersync_forget_secrets()'), 'secrets forgotten {"secrets": 1}', 'secrets that cannot be opened');
SELECT is(pg_temp.does($$SELECT ordersync_set_gateway_secret('taobao', 'header:X-Token', 'helloworld')$$), 'gateway secret set gateway taobao {"secret": "header:X-Token"}', 'a header');
SELECT is(pg_temp.does($$SELECT ordersync_set_gateway_secret('taobao', 'header:x-token', NULL)$$), 'gateway secret deleted gateway taobao {"secret": "header:X-Token"}', 'that is deleted');
SELECT is(pg_temp.does($$SELECT ordersync_set_gateway_secret('taobao', 'header:x-token', NULL)$$), NULL, 'once');
SELECT is(pg_temp.does('SELECT ordersync_rotate_key()'), 'secrets sealed anew {"new_key": true, "secrets": 1}', 'another key');
SELECT is(pg_temp.does('SELECT ordersync_forget_old_keys()'), 'old keys forgotten {"keys": 1}', 'and the one of before');
SELECT is(pg_temp.does('SELECT ordersync_forget_old_keys()'), NULL, 'once');

-- who sees it
SELECT ordersync_grant('history_bi', 'operator', '{1}') AS granted \gset
SET LOCAL ROLE history_bi;
SELECT is((SELECT string_agg(DISTINCT COALESCE(h.shop_id::text, 'none'), ' ') FROM ordersync.setup_history h), '1', 'who is limited to shops sees what was done to these');
RESET ROLE;
SELECT is(has_table_privilege('history_bi', 'ordersync.setup_history', 'INSERT, UPDATE, DELETE'), false, 'and changes nothing of it');

-- what no client did
SELECT is(ordersync.process_type(), NULL, 'a client''s session');
SET LOCAL application_name = 'pg_cron';
SELECT is(pg_temp.does('SELECT ordersync_pause_shop(1)'), 'level granted {"role": "history_bi", "level": "operator", "shops": [1]}' || E'\nshop paused shop 1 {"process": "pg_cron"}', 'a job of pg_cron');
RESET application_name;

-- before an update's set_up() the table is not there
DROP TABLE ordersync.setup_history;
UPDATE ordersync.installation SET version = 'older';
SELECT ordersync_resume_shop(1) AS resumed \gset
SELECT is((SELECT string_agg(h.action, ' ') FROM ordersync.setup_history h), 'shop resumed', 'the first call after an update makes it');

-- what may be shown of a value
SELECT is((SELECT string_agg(COALESCE(ordersync.shown_value(n, to_jsonb(x)) #>> '{}', 'NULL'), ' ' ORDER BY i) FROM (VALUES
	(1, 'proxy', 'http://me:pass@proxy.example.com:3128'), (2, 'proxy', 'me:p@ss@proxy.example.com'), (3, 'base_url', 'https://gw.example.com/x?token=1'),
	(4, 'headers', 'Authorization: x'), (5, 'payloads', 'keep'), (6, 'base_url', NULL)) v (i, n, x)),
	'http://***@proxy.example.com:3128 ***@proxy.example.com https://gw.example.com/x?*** *** keep NULL', 'what may hold a secret is masked');
SELECT is(ordersync.changes('{"headers": "a", "payloads": "keep"}', '{"headers": "b", "payloads": "keep"}', NULL),
	'{"headers": {"old": "***", "new": "***"}}', 'that it changed is said');

-- each function for admins and operators records what it does, or starts a run, which has requested_by
WITH RECURSIVE reaches (name) AS (
	VALUES ('record_action'::name)
	UNION
	SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e', reaches r
	WHERE p.prosrc ~ ('ordersync[.]' || r.name || '[(]')
)
SELECT is(string_agg(p.proname, ' ' ORDER BY p.proname),
	'ordersync_check_shop ordersync_sync ordersync_trigger_all ordersync_trigger_due ordersync_trigger_full ordersync_trigger_incremental ordersync_trigger_month ordersync_trigger_order ordersync_verify ordersync_wait',
	'functions that leave no entry')
FROM ordersync.functions_by_level() f JOIN pg_proc p ON p.oid = f.routine::regprocedure
WHERE p.proname ~ '^ordersync_' AND f.level IN ('operator', 'admin')
	AND p.proname NOT IN (SELECT name FROM reaches);
SELECT * FROM finish();
ROLLBACK;
