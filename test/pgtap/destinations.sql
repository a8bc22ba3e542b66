-- Where a gateway leads: what is another destination and what is the same one written otherwise, and what a change of it does
-- to shops, to answers that are still to come, and to secrets.
BEGIN;
SELECT plan(68);
SET client_min_messages = error;
SELECT count(ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld')) AS made,
	count(ordersync_add_shop(1, '测试店铺1', 'session-1')) AS added, count(ordersync_trigger_full(1)) AS triggered \gset

-- the same, written otherwise
SELECT is(ordersync.destination(u, p), want, format('%s via %s', u, COALESCE(p, 'nothing'))) FROM (VALUES
	('https://gw.example.com/router/rest', NULL, 'https://gw.example.com:443'), ('https://gw.example.com', NULL, 'https://gw.example.com:443'),
	('HTTPS://GW.Example.COM:443/x', NULL, 'https://gw.example.com:443'), ('https://gw.example.com./', NULL, 'https://gw.example.com:443'),
	('http://gw.example.com/', NULL, 'http://gw.example.com:80'), ('http://gw.example.com:8080/', NULL, 'http://gw.example.com:8080'),
	('https://[2001:DB8:0:0::1]/', NULL, 'https://[2001:db8::1]:443'), ('http://127.1:81/', NULL, 'http://127.0.0.1:81'),
	('https://gw.example.com/', 'http://Proxy.example.com', 'https://gw.example.com:443 via http://proxy.example.com:1080'),
	('https://gw.example.com/', 'http://proxy.example.com:1080/', 'https://gw.example.com:443 via http://proxy.example.com:1080'),
	('https://gw.example.com/', 'https://proxy.example.com', 'https://gw.example.com:443 via https://proxy.example.com:443'),
	('gw.example.com', NULL, NULL), ('ftp://gw.example.com/', NULL, NULL), ('socks5://gw.example.com/', NULL, NULL), ('https:///gw.example.com/', NULL, NULL), ('', NULL, NULL), (NULL, NULL, NULL),
	('https://gw.example.com/', 'ftp://proxy.example.com', NULL), ('https://gw.example.com/', 'proxy.example.com:3128', NULL),
	('https://gw.example.com/', 'socks5h://proxy.example.com:9', NULL)) v (u, p, want);

-- what no gateway and no proxy can be
CREATE FUNCTION pg_temp.told(command text, OUT code text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
SELECT is(t.code || ' ' || t.message, '22023 ' || m, format('no gateway: %s', u)) FROM (VALUES
	('https://me@gw.example.com/', 'this is not the URL of a gateway'), ('https://gw.example.com/?x=1', 'this is not the URL of a gateway'), ('https://gw.example.com/#x', 'this is not the URL of a gateway'),
	('https://gw.example.com\@127.0.0.1/', 'this is not the URL of a gateway'), ('https://gw.exämple.com/', 'this is not the URL of a gateway'), ('https://gw.example.com:99999/', 'this is not the URL of a gateway'),
	('https://eco.taobao.com/', 'host "eco.taobao.com" is not in ordersync.allowed_hosts'), ('https://example.com/', 'host "example.com" is not in ordersync.allowed_hosts'),
	('https://gw.example.com.evil.org/', 'host "gw.example.com.evil.org" is not in ordersync.allowed_hosts'), ('https://127.0.0.1/', 'host "127.0.0.1" is not in ordersync.allowed_hosts'),
	('http://gw.example.com/', 'a gateway without TLS is not allowed')) v (u, m),
	LATERAL pg_temp.told(format('SELECT ordersync_add_gateway(''new'', %L, ''1'', ''secret'')', u)) t;
SELECT is(t.hint, 'As superuser type: ALTER SYSTEM SET ordersync.allowed_hosts = ''.example.com,eco.taobao.com''; SELECT pg_reload_conf();', 'the hint can be typed')
FROM pg_temp.told('SELECT ordersync_add_gateway(''new'', ''https://ECO.taobao.com/'', ''1'', ''secret'')') t;
SELECT is(t.code || ' ' || t.message, '22023 ' || m, format('no proxy: %s', p)) FROM (VALUES
	('socks5://proxy.example.com:1080', 'this is not the URL of a proxy'), ('socks5h://proxy.example.com:1080', 'this is not the URL of a proxy'), ('file:///etc/passwd', 'this is not the URL of a proxy'),
	('http://me:pass@proxy.example.com', 'this is not the URL of a proxy'), ('http://proxy.example.com/path', 'this is not the URL of a proxy'), ('http://127.0.0.1:3128', 'host "127.0.0.1" is not in ordersync.allowed_hosts')) v (p, m),
	LATERAL pg_temp.told(format('SELECT ordersync_set_gateway(''taobao'', %L)', jsonb_build_object('proxy', p))) t;

-- what is sealed for one is of no use for another
SELECT is(destination, 'https://gw.example.com:443', kind || ' is of its destination') FROM ordersync.secrets ORDER BY kind;
CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE sql AS 'SELECT key_state FROM ordersync.shops WHERE shop_id = 1';
SELECT count(*) AS claimed FROM ordersync.claim('nobody', 1, 1) \gset
SELECT task_id AS task, token AS token FROM ordersync.sync_tasks WHERE state = 'running' \gset
SELECT count(ordersync_add_gateway('taobao', 'https://other.example.com/', NULL, NULL)) AS moved \gset
SELECT is(pg_temp.state(), 'moved', 'another host: the shop waits');
SELECT is(ordersync.settle_key(:task, :token, ordersync.data_key_seal(1), 'answered', 7, '测试店铺1', NULL, NULL), 'moved', 'an answer from where it led before does not change that');
SELECT is((SELECT state FROM ordersync.sync_tasks WHERE task_id = :task), 'pending', 'its task is pending again');
SELECT is((SELECT count(*) FROM ordersync.claim('nobody', 10, 10)), 0::bigint, 'and no task is claimed');
SELECT count(ordersync.mark_key_refused(1, ordersync.data_key_seal(1), clock_timestamp(), 'session', 'Invalid session')) AS refused \gset
SELECT is(pg_temp.state(), 'moved', 'nor does a refusal from there');
SELECT count(ordersync_set_data_key(1, 'session-1')) AS typed \gset
SELECT is(pg_temp.state(), 'moved', 'a data key alone is not enough');
SELECT matches(key_message, '^the application secret was set for https://gw\.example\.com:443, but gateway "taobao" points to https://other\.example\.com:443$', 'because of the other secret') FROM ordersync.shops;
SELECT count(ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')) AS typed \gset
SELECT results_eq('SELECT key_state, key_message FROM ordersync.shops', $$VALUES ('unchecked'::text, NULL::text)$$, 'both typed: it goes on');
SELECT count(ordersync_add_gateway('taobao', 'https://gw.example.com/', NULL, NULL)) AS back \gset
SELECT is(pg_temp.state(), 'moved', 'back to where it was is another destination for what was typed since');
SELECT is(ordersync_keep_secrets('taobao', 'https://gw.example.com/whatever'), 2, 'a superuser keeps them, named by any URL of the destination');
SELECT is(pg_temp.state(), 'unchecked', 'and the shop goes on');
SELECT is(t.code, '42704', 'of a gateway that is not there nothing is kept') FROM pg_temp.told($$SELECT ordersync_keep_secrets('nowhere', 'https://gw.example.com')$$) t;
SELECT count(ordersync_set_gateway('taobao', '{"proxy": "http://a.example.com:3128"}')) AS proxied, count(ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')) AS typed, count(ordersync_set_data_key(1, 'session-1')) AS keyed \gset
SELECT is(pg_temp.state(), 'unchecked', 'typed for a proxy');
SELECT count(ordersync_set_gateway('taobao', '{"proxy": "http://b.example.com:3128"}')) AS proxied \gset
SELECT is(pg_temp.state(), 'moved', 'from one proxy to another is a change');
SELECT is(ordersync_keep_secrets('taobao', 'https://gw.example.com:443 via http://b.example.com:3128'), 2, 'which a superuser can approve');
SELECT count(ordersync_set_gateway('taobao', '{"page_size": 50}')) AS changed \gset
SELECT is(pg_temp.state(), 'unchecked', 'another option is none');

-- the key is not checked where it was not given for
SELECT count(ordersync_set_gateway('taobao', '{"proxy": "http://c.example.com:3128"}')) AS proxied, max(run_id) AS newest FROM ordersync.sync_runs \gset
SELECT is(t.code || ' ' || t.message, '55000 the secrets of shop 1 were set for another destination', 'a moved key is not checked')
FROM pg_temp.told('SELECT ordersync_check_shop(1)') t;
SELECT is(t.hint, 'Set them again: SELECT ordersync_add_gateway(''taobao'', NULL, NULL, app_secret); SELECT ordersync_set_session_key(1, session_key). Or keep them, as a superuser: '
	'SELECT ordersync_keep_secrets(''taobao'', ''https://gw.example.com:443 via http://c.example.com:3128'').', 'the hint says what to type')
FROM pg_temp.told('SELECT ordersync_check_shop(1)') t;
SELECT is((SELECT count(*) FROM ordersync.sync_runs WHERE kind = 'check'), 0::bigint, 'and no run of it waits');

-- a worker met the secrets where they do not open: a table was changed, which no function was told of
SELECT is(ordersync_keep_secrets('taobao', 'https://gw.example.com:443 via http://c.example.com:3128'), 2, 'kept for the proxy');
UPDATE ordersync.gateways SET base_url = 'https://third.example.com/', secret_state = 'unreadable', secret_message = 'it does not open';
UPDATE ordersync.shops SET key_state = 'key_unreadable', key_message = 'it does not open';
SELECT is(ordersync_keep_secrets('taobao', 'https://third.example.com:443 via http://c.example.com:3128'), 2, 'what was found shut is kept');
SELECT results_eq('SELECT secret_state, secret_message FROM ordersync.gateways', $$VALUES ('ok'::text, NULL::text)$$, 'its gateway is in use');
SELECT results_eq('SELECT key_state, key_message FROM ordersync.shops', $$VALUES ('unchecked'::text, NULL::text)$$, 'and so is the shop');
SELECT is((SELECT count(*) FROM ordersync.claim('nobody', 1, 1)), 1::bigint, 'whose tasks are claimed');

UPDATE ordersync.gateways SET base_url = 'https://fourth.example.com/', secret_state = 'unreadable', secret_message = 'it does not open';
UPDATE ordersync.shops SET key_state = 'key_unreadable', key_message = 'it does not open';
SELECT count(ordersync_add_gateway('taobao', 'https://third.example.com/', NULL, NULL)) AS back \gset
SELECT is((SELECT secret_state FROM ordersync.gateways), 'ok', 'a gateway that leads back is in use, too');
SELECT is(pg_temp.state(), 'unchecked', 'with its shop');

-- the gateway is moved between the superuser's check and the sealing
UPDATE ordersync.gateways SET base_url = 'https://gw.example.com/';
ALTER FUNCTION ordersync.check_destination(text, text) RENAME TO check_destination_of_before;
CREATE FUNCTION ordersync.check_destination(text, text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ordersync.check_destination_of_before($1, $2);
	UPDATE ordersync.gateways SET base_url = 'https://evil.example.com/';
END $$;
SELECT is(ordersync_keep_secrets('taobao', 'https://gw.example.com:443 via http://c.example.com:3128'), 2, 'a gateway that moves while secrets are kept');
SELECT is((SELECT string_agg(DISTINCT destination, ', ') FROM ordersync.secrets), 'https://gw.example.com:443 via http://c.example.com:3128',
	'has them for the destination that the superuser named');

SELECT * FROM finish();
ROLLBACK;
