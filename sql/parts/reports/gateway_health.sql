/*
 * How gateways are, and what is wrong with all shops of one: told once here,
 * where ordersync.shop_health only refers to it.
 *
 * It reads tables only, so that it stays when the extension goes, and shows each
 * reader what its own rights show: who sees some shops only has these counted.
 * What calls say of a gateway stands in its row (ordersync.note_gateway_failure,
 * ordersync.note_stop);
 * the failures of one shop, or of a few of many, are not the gateway's, unless the
 * signature is refused or the gateway has no other shop.
 */
CREATE OR REPLACE FUNCTION ordersync.comment_gateway_health()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('gateway_health', NULL, 'one row per gateway: what is wrong with all of its shops, and what to do'),
		('gateway_health', 'gateway', 'the gateway'),
		('gateway_health', 'shops', 'shops that use it'),
		('gateway_health', 'state', 'ok; no secret; secret unreadable; key file; moved (the secret was given for another address); secret refused; application refused; all keys refused; banned (the platform asked for a pause); quota spent (calls_per_day are, but for those that are reserved); unreachable; failing (no usable answers); partly failing (no usable answers to calls of some methods); method banned (the platform asked for a pause for some methods)'),
		('gateway_health', 'secret_state', 'whether the application secret can be opened: ok, missing, unreadable or key_file'),
		('gateway_health', 'secret_message', 'reason why it cannot be opened'),
		('gateway_health', 'throttled_until', 'end of the call ban that the platform imposed'),
		('gateway_health', 'throttled_for', 'how long that is from now'),
		('gateway_health', 'clock_offset', 'platform''s clock minus ours'),
		('gateway_health', 'keys_refused', 'shops whose data key the platform refuses'),
		('gateway_health', 'failing_since', 'since when calls of several shops, or of its only one, fail and none has succeeded'),
		('gateway_health', 'stopped_calls', 'calls that are stopped for all shops because they fail, by method or all, and the error'),
		('gateway_health', 'next_probe_at', 'when one of them is made to see whether it is answered'),
		('gateway_health', 'last_error_class', 'class of the last failure that was no shop''s'),
		('gateway_health', 'last_error', 'the last failure that was no shop''s'),
		('gateway_health', 'last_code', 'platform''s error code of it'),
		('gateway_health', 'last_sub_code', 'platform''s second code of it'),
		('gateway_health', 'last_error_at', 'when it was'),
		('gateway_health', 'hint', 'what it means, and what to check or correct first'),
		('gateway_health', 'what_to_do', 'the command to type then; NULL when nothing is wrong'),
		('gateway_health', 'spent_until', 'until when no call is made because calls_per_day are spent'),
		('gateway_health', 'reserved_until', 'until when only single orders and key checks are called for, because the rest of calls_per_day is reserved for them'),
		('gateway_health', 'banned_methods', 'methods that the platform does not want to be called, and until when; others are called'),
		('gateway_health', 'calls_today', 'calls of the platform''s day that were made or are reserved; NULL without calls_per_day'),
		('gateway_health', 'calls_per_day', 'how many the gateway may make')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.comment_gateway_health() IS
	'comments the view of the health of gateways; part of ordersync.set_up_gateway_health()';

CREATE OR REPLACE FUNCTION ordersync.set_up_gateway_health()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.gateway_health
	WITH (security_invoker = true) AS
	SELECT g.name AS gateway,
		COALESCE(c.shops, 0) AS shops,
		x.state,
		g.secret_state,
		g.secret_message,
		CASE WHEN g.throttled_until > clock_timestamp() THEN g.throttled_until END AS throttled_until,
		CASE WHEN g.throttled_until > clock_timestamp() THEN g.throttled_until - clock_timestamp() END AS throttled_for,
		g.clock_offset,
		COALESCE(c.keys_refused, 0) AS keys_refused,
		CASE
			WHEN x.is_failing THEN LEAST(g.failing_since, x.stopped_since)
			WHEN x.state = 'partly failing' THEN x.stopped_since
		END AS failing_since,
		x.stopped_calls,
		CASE WHEN x.stopped_calls IS NOT NULL THEN g.next_probe_at END AS next_probe_at,
		g.error_class AS last_error_class,
		g.error AS last_error,
		g.error_code AS last_code,
		g.error_sub_code AS last_sub_code,
		g.error_at AS last_error_at,
		CASE
			WHEN x.state = 'no secret' THEN 'the application secret was not set yet'
			WHEN x.state IN ('secret unreadable', 'moved') AND x.secret IS NOT NULL THEN
				CASE x.state WHEN 'moved' THEN 'secrets were given for another address: set them again, and the data keys; or let a superuser keep them with ordersync_keep_secrets; first '
					ELSE 'secrets were sealed with another key file: put that file back, or set them again, first ' END || x.secret
			WHEN x.state = 'secret unreadable' THEN 'the application secret was sealed with another key file: put that file back, or set the secret again'
			WHEN x.state = 'key file' THEN 'secrets cannot be opened, all shops wait: ' || g.secret_message
			WHEN x.state = 'moved' THEN 'the application secret was given for another address: set it again, and the data keys; or let a superuser keep them with ordersync_keep_secrets'
			WHEN x.state = 'secret refused' THEN 'the platform refuses the signature of calls: the application secret is wrong'
			WHEN x.state = 'application refused' THEN 'the platform refuses the application: its key is wrong, or it is suspended or lacks a right, see the platform''s console; where nothing but that was mended, ordersync_retry alone is enough'
			WHEN x.state = 'all keys refused' THEN 'all data keys are refused: were they given for this application key, is the application in order? Then check them again, or set new ones with ordersync_set_session_key'
			WHEN x.state = 'quota spent' THEN 'calls_per_day are spent: calls go on by themselves when the platform''s day ends; or at once when the platform''s console grants more, with that number'
			WHEN x.state = 'method banned' THEN 'the platform asked for a pause for some of its methods, others are called; these go on by themselves, or at once when the limit was reset in the platform''s console'
			WHEN x.state = 'banned' THEN 'the platform asked for a pause; calls go on by themselves, or at once when the limit was reset in the platform''s console'
			WHEN x.is_failing THEN CASE
				WHEN g.error_class = 'certificate' THEN 'install the system''s certificates (ca-certificates) or name a file of them in ordersync.ca_file and reload'
				WHEN g.error_class = 'proxy' THEN 'the proxy refuses the calls: set its user and password with ordersync_set_gateway_secret, or let it connect to the gateway''s host'
				WHEN g.error_class = 'refused' THEN 'ordersync.allowed_hosts or ordersync.allow_http forbids the calls'
				WHEN g.error_class = 'clock' THEN 'compare the server''s clock with the platform''s'
				WHEN g.error_class IN ('network', 'timeout') THEN 'look at network, proxy and the gateway''s URL'
				ELSE 'what answers is broken, or is not the platform: look at ordersync.request_log'
			END || CASE
				WHEN x.stopped_calls IS NOT NULL THEN '; calls are stopped but for probes, and go on by themselves once one is answered, or are tried at once by'
				ELSE '; waiting tasks are tried again by themselves, failed ones by'
			END
			WHEN x.state = 'partly failing' THEN 'calls of these methods fail for all shops: look at ordersync.request_log; they are stopped but for probes, and go on by themselves once one is answered, or are tried at once by'
		END AS hint,
		CASE
			WHEN x.state IN ('secret unreadable', 'moved') AND x.secret IS NOT NULL
				THEN 'SELECT ordersync_set_gateway_secret(' || quote_literal(g.name) || ', ' || quote_literal(x.secret) || ', value)'
			WHEN x.state IN ('no secret', 'secret unreadable', 'moved')
				THEN 'SELECT ordersync_add_gateway(' || quote_literal(g.name) || ', NULL, NULL, app_secret)'
			WHEN x.state = 'key file' THEN 'SHOW ordersync.key_file'
			WHEN x.state = 'secret refused'
				THEN 'SELECT ordersync_add_gateway(' || quote_literal(g.name) || ', NULL, NULL, app_secret); ' || x.retry
			WHEN x.state = 'application refused'
				THEN 'SELECT ordersync_add_gateway(' || quote_literal(g.name) || ', NULL, app_key, app_secret); ' || x.retry
			WHEN x.state = 'all keys refused'
				THEN 'SELECT ordersync_check_shop(shop_id) FROM ordersync.shops WHERE gateway = ' || quote_literal(g.name)
					|| ' AND enabled AND key_state = ''expired'''
			WHEN x.state IN ('banned', 'method banned', 'partly failing') OR x.is_failing AND x.stopped_calls IS NOT NULL
				THEN 'SELECT ordersync_lift_ban(' || quote_literal(g.name) || ')'
			WHEN x.state = 'quota spent'
				THEN 'SELECT ordersync_set_gateway(' || quote_literal(g.name) || ', ''{"calls_per_day": ' || (g.options ->> 'calls_per_day') || '}'')'
			WHEN x.is_failing THEN x.retry
		END AS what_to_do,
		CASE WHEN g.spent_until > clock_timestamp() THEN g.spent_until END AS spent_until,
		CASE WHEN g.reserved_until > clock_timestamp() THEN g.reserved_until END AS reserved_until,
		x.banned_methods,
		CASE WHEN g.options ? 'calls_per_day' THEN COALESCE((
			SELECT d.reserved
			FROM ordersync.gateway_calls d
			WHERE d.gateway = g.name
				AND d.day = timezone('Asia/Shanghai', clock_timestamp() + g.clock_offset)::date
			ORDER BY d.reserved_at DESC
			LIMIT 1), 0)
		END AS calls_today,
		(g.options ->> 'calls_per_day')::bigint AS calls_per_day
	FROM ordersync.gateways g
	LEFT JOIN (
		SELECT s.gateway,
			count(*) AS shops,
			min(s.shop_id) AS shop_id,
			count(*) FILTER (WHERE s.enabled AND s.key_state <> 'missing') AS keys,
			count(*) FILTER (WHERE s.enabled AND s.key_state = 'expired') AS keys_refused,
			-- of the gateway's own secrets; a shop's data key comes last
			min(s.key_message) FILTER (WHERE s.key_state = 'moved' AND s.key_message NOT LIKE 'the data key%') AS moved
		FROM ordersync.shops s
		GROUP BY s.gateway
	) c ON c.gateway = g.name
	CROSS JOIN LATERAL (
		SELECT string_agg(COALESCE(t.method, 'all') || ': ' || t.error, '; ' ORDER BY t.method NULLS FIRST) AS stopped_calls,
			min(t.since) AS stopped_since
		FROM ordersync.stopped_calls t
		WHERE t.gateway = g.name
			AND t.error_class <> 'unanswered'
			AND (t.shop_id IS NULL OR c.shops = 1 AND c.shop_id = t.shop_id)
		OFFSET 0
	) p
	CROSS JOIN LATERAL (
		SELECT COALESCE(p.stopped_calls LIKE 'all: %', g.failing_since IS NOT NULL AND (NOT g.one_shop_fails
			OR g.error_class IN ('signature', 'permission')
			-- who sees some shops only does not know whether it is the only one
			OR c.shops = 1 AND (SELECT o.all_shops FROM ordersync.own_shops o))) AS is_failing,
			CASE g.secret_state WHEN 'unreadable' THEN g.secret_message ELSE c.moved END AS message
		OFFSET 0
	) f
	CROSS JOIN LATERAL (
		SELECT string_agg(m.method || ', until ' || to_char(timezone('Asia/Shanghai', m.until), 'HH24:MI:SS'), '; ' ORDER BY m.method) AS banned_methods
		FROM ordersync.method_bans m
		WHERE m.gateway = g.name
	) b
	CROSS JOIN LATERAL (
		SELECT f.is_failing, p.stopped_calls, p.stopped_since, b.banned_methods,
			-- another one than the application secret, as ordersync_set_gateway_secret calls it
			CASE
				WHEN f.message LIKE '%the application secret%' THEN NULL
				WHEN f.message LIKE '%the header %' THEN 'header:' || substring(f.message FROM 'the header ([A-Za-z0-9_-]+)')
				WHEN f.message LIKE '%the proxy''s password%' THEN 'proxy_password'
			END AS secret,
			CASE
				WHEN g.secret_state = 'missing' THEN 'no secret'
				WHEN g.secret_state = 'unreadable' THEN 'secret unreadable'
				WHEN g.secret_state = 'key_file' THEN 'key file'
				WHEN c.moved IS NOT NULL THEN 'moved'
				WHEN f.is_failing AND g.error_class = 'signature' AND g.error_code IN (24, 25) THEN 'secret refused'
				WHEN f.is_failing AND g.error_class IN ('signature', 'permission') THEN 'application refused'
				WHEN c.keys_refused > 1 AND c.keys_refused = c.keys THEN 'all keys refused'
				WHEN g.throttled_until > clock_timestamp() THEN 'banned'
				WHEN g.spent_until > clock_timestamp() OR g.reserved_until > clock_timestamp() THEN 'quota spent'
				WHEN f.is_failing AND g.error_class IN ('network', 'timeout', 'http', 'certificate', 'proxy', 'refused') THEN 'unreachable'
				WHEN f.is_failing THEN 'failing'
				WHEN p.stopped_calls IS NOT NULL THEN 'partly failing'
				WHEN b.banned_methods IS NOT NULL THEN 'method banned'
				ELSE 'ok'
			END AS state,
			'SELECT ordersync_retry(run_id) FROM ordersync.failed_tasks WHERE gateway = ' || quote_literal(g.name)
				|| ' AND state = ''failed'' AND NOT covered GROUP BY run_id' AS retry
		OFFSET 0
	) x;
	PERFORM ordersync.comment_gateway_health();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_gateway_health() IS
	'creates the view of the health of gateways; part of ordersync.set_up()';
