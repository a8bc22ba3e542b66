/*
 * What calls need: the key file, leave to go to the gateway, certificates, a
 * clock that agrees with the platform's, and calls left today.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_key_file()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_file record;
	v_path text := ordersync.health_visible_setting('ordersync.key_file');
BEGIN
	SELECT * INTO v_file
	FROM ordersync.health_key_file();
	IF v_path NOT LIKE '/%' THEN
		v_path := concat_ws('/', ordersync.health_visible_setting('data_directory'), v_path);
	END IF;
	v_path := CASE
		WHEN v_path IS NULL THEN 'KEY_FILE'
		WHEN v_path ~ '^[[:alnum:]/._-]+$' THEN v_path
		ELSE '''' || replace(v_path, '''', '''\''''') || ''''		-- as a shell wants it
	END;

	check_name := 'key file';
	ok := v_file.state = 'ready' OR v_file.state = 'missing' AND COALESCE(v_file.sealed, 0) = 0 AND NOT v_file.missed_elsewhere;
	detail := CASE
		WHEN v_file.state = 'ready' THEN 'it is there, and only the server''s user can read it'
			|| CASE
				WHEN v_file.keys = 1 OR v_file.unopened > 0 THEN ''
				WHEN v_file.outdated > 0 THEN format('; it has %s keys, and an older one has sealed %s secrets of this database: SELECT ordersync_rotate_key() seals them with the newest',
					v_file.keys, v_file.outdated)
				ELSE format('; it has %s keys, of which this database uses the newest: when the others do, too, SELECT ordersync_forget_old_keys() removes the older ones', v_file.keys)
			END
		WHEN ok THEN 'it is made when the first secret is set'
		WHEN v_file.state = 'missing' AND COALESCE(v_file.sealed, 0) = 0 THEN v_file.why || '; another database has secrets that were sealed with it'
		ELSE concat_ws('; ', v_file.why, format('secrets sealed with it: %s', v_file.sealed))
	END;
	hint := CASE
		WHEN ok THEN NULL
		WHEN v_file.why LIKE '%chmod%' THEN format('As the server''s user type in a shell: chmod 0600 %s', v_path)
		WHEN v_file.state = 'unusable' THEN
			format('Put it back from a base backup, as the server''s user in a shell: install -m 0600 BACKUP/ordersync.key %s', v_path)
		ELSE format('Put it back from a base backup or, after pg_upgrade, from the old data directory: install -m 0600 BACKUP/ordersync.key %s'
			|| E'\nIf it is lost for good: SELECT ordersync_forget_secrets();', v_path)
	END;
	RETURN NEXT;

	check_name := 'secrets';
	hint := NULL;
	IF v_file.state <> 'ready' THEN
		ok := NULL;
		detail := 'none can be opened without the key file';
		IF COALESCE(v_file.sealed, 0) = 0 THEN
			ok := true;
			detail := 'none are stored';
		END IF;
	ELSE
		ok := COALESCE(v_file.unopened, 0) = 0;
		detail := CASE
			WHEN ok THEN format('the key file opens them (%s of %s were tried)', COALESCE(v_file.tried, 0), COALESCE(v_file.sealed, 0))
			ELSE format('of %s that were tried, the key file does not open %s: they were sealed with another one', v_file.tried, v_file.unopened)
		END;
		IF NOT ok THEN
			hint := format('Put the right key file back: install -m 0600 BACKUP/ordersync.key %s', v_path)
				|| E'\nIf it is lost for good, discard what was sealed with it: SELECT ordersync_forget_secrets();';
		END IF;
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_key_file() IS
	'is the key file there, private, and the one that opens the secrets? Part of ordersync_doctor()';

CREATE OR REPLACE FUNCTION ordersync.check_health_hosts()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_gateways bigint;
	v record;
BEGIN
	check_name := 'hosts';
	SELECT count(*) INTO v_gateways
	FROM ordersync.gateways g;
	FOR v IN
		SELECT g.name, r.message, r.hint
		FROM ordersync.gateways g
		CROSS JOIN LATERAL ordersync.health_refusal(g.base_url, g.options ->> 'proxy') r
		WHERE r.message IS NOT NULL
		ORDER BY g.name
		LIMIT 10
	LOOP
		ok := false;
		detail := format('gateway "%s" may not be called: %s', v.name, v.message);
		hint := CASE
			WHEN v.message = 'this is not the URL of a gateway' THEN
				format('Give it the platform''s own: SELECT ordersync_add_gateway(%L, ''https://eco.taobao.com/router/rest'', NULL, NULL);', v.name)
			WHEN v.message = 'this is not the URL of a proxy' THEN
				format('Take it out: SELECT ordersync_set_gateway(%L, ''{"proxy": null}'');', v.name)
			ELSE v.hint
		END;
		RETURN NEXT;
	END LOOP;
	IF NOT FOUND THEN
		ok := true;
		detail := format('ordersync.allowed_hosts and ordersync.allow_http let all gateways be called (%s)', v_gateways);
		RETURN NEXT;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_hosts() IS
	'may the gateways'' hosts be called? Part of ordersync_doctor()';

CREATE OR REPLACE FUNCTION ordersync.check_health_certificates()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
BEGIN
	check_name := 'certificates';
	SELECT * INTO v
	FROM ordersync.health_certificates();
	IF v.file IS NOT NULL THEN
		ok := v.file_trouble IS NULL;
		detail := concat_ws(' ', format('gateways are verified with ordersync.ca_file, "%s"', v.file), 'which ' || v.file_trouble);
	ELSIF v.system IS NOT NULL THEN
		ok := v.system_trouble IS NULL;
		detail := concat_ws(' ', format('gateways are verified with the system''s, "%s"', v.system), 'which ' || v.system_trouble);
	ELSE
		detail := 'libcurl does not say where it has them from';
	END IF;
	IF NOT ok THEN
		hint := CASE
			WHEN v.file IS NOT NULL AND v.system IS NOT NULL AND v.system_trouble IS NULL THEN
				'Use the system''s, as superuser type: ALTER SYSTEM RESET ordersync.ca_file; SELECT pg_reload_conf();'
			ELSE 'Install the package ca-certificates, or name a file that the server can read, as superuser: '
				|| 'ALTER SYSTEM SET ordersync.ca_file = ''/etc/ssl/certs/ca-certificates.crt''; SELECT pg_reload_conf();'
		END;
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_certificates() IS
	'can the certificates be read that gateways are verified with? Part of ordersync_doctor()';

/*
 * By the Date of the answers, which every call compares with our clock; the
 * platform's taobao.time.get would cost a call and say no more.  Calls carry the
 * platform's time, however wrong our clock is; but schedules, certificates and
 * the first call of a new gateway go by ours.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_clock()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
BEGIN
	check_name := 'clock';
	SELECT g.name, round(EXTRACT(epoch FROM g.clock_offset)) AS seconds, (
			SELECT min(s.shop_id)
			FROM ordersync.shops s
			WHERE s.gateway = g.name
				AND s.enabled
				AND s.key_state IN ('unchecked', 'ok', 'unverified')
		) AS shop_id, EXISTS (
			SELECT
			FROM ordersync.shops s
			WHERE s.gateway = g.name
				AND s.key_checked_at IS NOT NULL
		) AS called
	INTO v
	FROM ordersync.gateways g
	ORDER BY abs(EXTRACT(epoch FROM g.clock_offset)) DESC, g.name
	LIMIT 1;
	IF NOT FOUND OR v.seconds = 0 AND NOT v.called THEN
		detail := 'no gateway has answered a call yet';
		RETURN NEXT;
		RETURN;
	END IF;
	ok := abs(v.seconds) < 600;
	detail := CASE
		WHEN v.seconds = 0 THEN 'at the last call the server''s clock was that of the platform'
		ELSE format('at the last call the server''s clock was %s s %s that of gateway "%s"',
			abs(v.seconds), CASE WHEN v.seconds > 0 THEN 'behind' ELSE 'ahead of' END, v.name)
	END;
	IF NOT ok THEN
		detail := detail || '; the platform accepts ten minutes';
		IF v.shop_id IS NULL THEN
			-- that call may be long ago, and no shop can make another
			ok := NULL;
		ELSE
			hint := format('Set the machine''s clock (timedatectl set-ntp true), then compare again, by a call: SELECT ordersync_check_shop(%s);', v.shop_id);
		END IF;
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_clock() IS
	'is the server''s clock within the platform''s ten minutes? Part of ordersync_doctor()';

/*
 * What is planned is an estimate: each window of the queue takes as many calls as
 * windows took so far, a scheduled incremental run has a window for each of four
 * lists, a full run one for each day of a month and of three.
 *
 * next_incremental_at and next_full_at by their names in the row: a table of
 * before has none.
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_calls_today()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_day timestamptz := timezone('Asia/Shanghai', timezone('Asia/Shanghai', now())::date::timestamp);
	v_tomorrow timestamptz := v_day + interval '24 hours';
	v_log text := current_setting('ordersync.request_log', true);
	v_each double precision;
	v record;
BEGIN
	check_name := 'calls today';
	IF NOT EXISTS (SELECT FROM ordersync.gateways g WHERE g.options ? 'calls_per_day') THEN
		ok := true;
		detail := 'no gateway has a limit (option calls_per_day)';
		RETURN NEXT;
		RETURN;
	END IF;
	SELECT GREATEST(sum(w.calls)::double precision / NULLIF(sum(w.tasks), 0), 1) INTO v_each
	FROM ordersync.worker_list() w
	WHERE w.database = current_database();
	v_each := COALESCE(v_each, 1);

	FOR v IN
		SELECT g.name,
			(g.options ->> 'calls_per_day')::numeric AS quota,
			-- what was reserved of the day may not all have been made
			CASE WHEN v_log = 'all' THEN COALESCE(l.calls, 0) ELSE COALESCE(d.reserved, 0) END AS made,
			ceil(v_each * (COALESCE(q.windows, 0) + COALESCE(p.windows, 0)))::numeric AS planned
		FROM ordersync.gateways g
		LEFT JOIN (
			SELECT r.gateway, count(*) AS calls
			FROM ordersync.request_log r
			WHERE r.logged_at >= v_day
				AND r.logged_at < v_tomorrow
			GROUP BY r.gateway
		) l ON l.gateway = g.name
		LEFT JOIN LATERAL (
			SELECT d.reserved
			FROM ordersync.gateway_calls d
			WHERE d.gateway = g.name
				AND d.day = timezone('Asia/Shanghai', now())::date
			ORDER BY d.reserved_at DESC
			LIMIT 1
		) d ON true
		LEFT JOIN (
			SELECT s.gateway, sum(r.open_tasks) AS windows
			FROM ordersync.sync_runs r
			JOIN ordersync.shops s ON s.shop_id = r.shop_id
			WHERE r.state IN ('pending', 'running')
				AND s.enabled
			GROUP BY s.gateway
		) q ON q.gateway = g.name
		LEFT JOIN (
			SELECT s.gateway,
				sum(CASE WHEN (to_jsonb(s) ->> 'next_incremental_at')::timestamptz < v_tomorrow THEN 4 ELSE 0 END
					+ CASE WHEN (to_jsonb(s) ->> 'next_full_at')::timestamptz < v_tomorrow THEN 93 ELSE 0 END) AS windows
			FROM ordersync.shops s
			WHERE s.enabled
			GROUP BY s.gateway
		) p ON p.gateway = g.name
		WHERE g.options ? 'calls_per_day'
		ORDER BY g.name
	LOOP
		ok := v.made + v.planned <= v.quota;
		detail := format('gateway "%s": %s made of %s, about %s planned', v.name, v.made, v.quota, v.planned);
		hint := NULL;
		IF NOT ok THEN
			hint := 'What is too much waits for tomorrow by itself; ordersync_cancel(run_id) takes something out. '
				|| format('When the platform''s console grants more: SELECT ordersync_set_gateway(%L, ''{"calls_per_day": %s}'');',
					v.name, v.made + v.planned + 100);
		END IF;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_calls_today() IS
	'are there calls enough left for what is planned today? Part of ordersync_doctor()';
