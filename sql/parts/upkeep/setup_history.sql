/*
 * What people changed, written into ordersync.setup_history.
 *
 * Each function of set-up and control calls record_action(), record_change() where a
 * row of gateways or shops changed, or record_shop_state(), once, when it has changed
 * something: a call that changes nothing leaves no entry.  An entry is part of the
 * transaction that made the change.
 *
 * No secret comes here: of a key it is said that it was set; of an option the
 * value is shown where the option is known to hold none, and nothing of a URL
 * that stands before an "@" or behind a "?".
 */

CREATE OR REPLACE FUNCTION ordersync.process_type()
RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ordersync_process_type';
COMMENT ON FUNCTION ordersync.process_type() IS
	'what kind of process this is, as pg_stat_activity.backend_type; NULL: it serves a client';

/* SECURITY DEFINER: ordersync_keep_secrets is its caller itself. The table is not there before an update's set_up(). */
CREATE OR REPLACE FUNCTION ordersync.record_action(
	p_action text,
	p_shop bigint DEFAULT NULL,
	p_gateway text DEFAULT NULL,
	p_run bigint DEFAULT NULL,
	p_details jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF to_regclass('ordersync.setup_history') IS NULL THEN
		PERFORM ordersync.set_up_if_outdated();
	END IF;
	INSERT INTO ordersync.setup_history (action, shop_id, gateway, run_id, details)
	VALUES (p_action, p_shop, p_gateway, p_run,
		jsonb_strip_nulls(COALESCE(p_details, '{}') || jsonb_build_object('process', COALESCE(ordersync.process_type(),
			CASE WHEN current_setting('application_name') = 'pg_cron' THEN 'pg_cron' END))));
END
$function$;
COMMENT ON FUNCTION ordersync.record_action(text, bigint, text, bigint, jsonb) IS
	'writes into ordersync.setup_history who did what';

CREATE OR REPLACE FUNCTION ordersync.record_shop_state(p_shop bigint, p_state text, p_details jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.record_action('shop ' || p_state, p_shop, p_details => p_details);
	PERFORM ordersync.log_line(pg_catalog.format('shop %s: %s, by %I', p_shop, p_state, session_user));
END
$function$;
COMMENT ON FUNCTION ordersync.record_shop_state(bigint, text, jsonb) IS
	'writes into ordersync.setup_history and the server''s log who paused, resumed or removed a shop';

/* What one row of shops or gateways was before (NULL: it was not there) and is now. */
CREATE OR REPLACE FUNCTION ordersync.record_change(p_what text, p_before jsonb, p_after jsonb, p_secret text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_changed jsonb := ordersync.changes(p_before, p_after,
		ARRAY['seller_nick', 'gateway', 'base_url', 'app_key', 'protocol', 'sign_method', 'key_expires_at']);
BEGIN
	IF COALESCE(p_before -> 'options', '{}') <> p_after -> 'options' THEN
		v_changed := v_changed || pg_catalog.jsonb_build_object('options',
			ordersync.changes(p_before -> 'options', p_after -> 'options', NULL));
	END IF;
	IF p_secret IS NOT NULL THEN
		v_changed := v_changed || pg_catalog.jsonb_build_object(p_secret, 'set');
	END IF;
	IF p_before IS NOT NULL AND v_changed = '{}' THEN
		RETURN;
	END IF;
	PERFORM ordersync.record_action(
		p_what || CASE WHEN p_before IS NULL THEN ' added' ELSE ' changed' END,
		CASE p_what WHEN 'shop' THEN (p_after ->> 'shop_id')::bigint END,
		CASE p_what WHEN 'gateway' THEN p_after ->> 'name' END,
		NULL, v_changed);
END
$function$;
COMMENT ON FUNCTION ordersync.record_change(text, jsonb, jsonb, text) IS
	'writes into ordersync.setup_history what changed in a shop or gateway; nothing where nothing did';

/* By name, or all members where no names are given. */
CREATE OR REPLACE FUNCTION ordersync.changes(p_before jsonb, p_after jsonb, p_names text[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE	-- a function in SQL would be planned at each call
AS $function$
DECLARE
	v_name text;
	v_changes jsonb := '{}';
BEGIN
	FOREACH v_name IN ARRAY COALESCE(p_names, ARRAY(
		SELECT pg_catalog.jsonb_object_keys(COALESCE(p_before, '{}') || COALESCE(p_after, '{}'))))
	LOOP
		IF NULLIF(p_before -> v_name, 'null') IS DISTINCT FROM NULLIF(p_after -> v_name, 'null') THEN
			v_changes := v_changes || pg_catalog.jsonb_build_object(v_name,
				pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
					'old', ordersync.shown_value(v_name, p_before -> v_name),
					'new', ordersync.shown_value(v_name, p_after -> v_name))));
		END IF;
	END LOOP;
	RETURN v_changes;
END
$function$;
COMMENT ON FUNCTION ordersync.changes(jsonb, jsonb, text[]) IS
	'the members that differ, each with its old and new value as they may be shown';

CREATE OR REPLACE FUNCTION ordersync.shown_map(p_map jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.jsonb_object_agg(m.key, CASE
			WHEN m.key IN ('headers', 'constants') AND pg_catalog.jsonb_typeof(m.value) = 'object' THEN (
				SELECT pg_catalog.jsonb_object_agg(h.name, '***'::text)
				FROM pg_catalog.jsonb_object_keys(m.value) h (name))
			ELSE m.value
		END), '{}')
	FROM pg_catalog.jsonb_each(p_map) m
$function$;
COMMENT ON FUNCTION ordersync.shown_map(jsonb) IS
	'a protocol''s own option as the history shows it: without the values of headers and constants';

/* What is not listed is not shown: an option that is new may hold a secret. */
CREATE OR REPLACE FUNCTION ordersync.shown_value(p_name text, p_value jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN CASE
		WHEN p_value IS NULL OR p_value = 'null' THEN NULL
		WHEN p_name <> ALL (ARRAY['seller_nick', 'gateway', 'base_url', 'app_key', 'protocol', 'sign_method', 'key_expires_at',
				'arrival_check', 'calls_in_flight', 'calls_per_day', 'calls_per_day_reserved', 'calls_per_second', 'max_window',
				'method_weights', 'page_size', 'proxy', 'types_add',
				'details', 'fields_add', 'fields_drop', 'freshness_target', 'full_run', 'full_run_target', 'incremental',
				'payloads', 'privacy', 'streams'] || ordersync.gateway_protocols(true)) THEN
			pg_catalog.to_jsonb('***'::text)
		WHEN p_name IN ('base_url', 'proxy') THEN
			pg_catalog.to_jsonb(pg_catalog.regexp_replace(pg_catalog.regexp_replace(p_value #>> '{}',
				'^(([A-Za-z0-9+.-]+:)?//)?.*@', '\1***@'), '[?].*$', '?***'))
		WHEN p_name = ANY (ordersync.gateway_protocols(true)) AND pg_catalog.jsonb_typeof(p_value) = 'object' THEN
			ordersync.shown_map(p_value)
		ELSE p_value
	END;
END
$function$;
COMMENT ON FUNCTION ordersync.shown_value(text, jsonb) IS
	'a value of a shop or gateway as the history shows it: *** for one that may be or contain a secret';
