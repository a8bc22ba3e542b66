/*
 * Destinations: where a gateway's calls lead, and that secrets stay there.
 *
 * A destination is scheme, host and port of the gateway, and those of its proxy.
 * Each secret is sealed for the one that its gateway had when it was typed: the
 * seal does not open for another, whoever changed the tables and however.  So
 * that nobody finds out by failing calls, a shop whose key or application secret
 * was given for another destination is in state "moved" until it is typed again,
 * the gateway leads back, or a superuser keeps what is stored.
 */
CREATE OR REPLACE FUNCTION ordersync.check_url(url text)
RETURNS void
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_check_url';
COMMENT ON FUNCTION ordersync.check_url(text) IS
	'raises an error for a URL that is not allowed, by the rules that the worker applies to each call';

CREATE OR REPLACE FUNCTION ordersync.check_proxy(proxy text)
RETURNS void
LANGUAGE c STABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_check_proxy';
COMMENT ON FUNCTION ordersync.check_proxy(text) IS
	'raises an error for a proxy that is not allowed, by the rules that the worker applies to each call';

-- not strict: most gateways have no proxy
CREATE OR REPLACE FUNCTION ordersync.destination(base_url text, proxy text)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_destination';
COMMENT ON FUNCTION ordersync.destination(text, text) IS
	'the destination of calls to a URL: scheme, host and port, and those of the proxy, in a canonical form; NULL for an invalid URL';

CREATE OR REPLACE FUNCTION ordersync.gateway_destination(p_gateway text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE	-- a function in SQL would be planned at each call
AS $function$
BEGIN
	RETURN (
		SELECT ordersync.destination(g.base_url, g.options ->> 'proxy')
		FROM ordersync.gateways g
		WHERE g.name = p_gateway);
END
$function$;
COMMENT ON FUNCTION ordersync.gateway_destination(text) IS
	'the destination of a gateway''s calls';

CREATE OR REPLACE FUNCTION ordersync.moved_secrets(p_gateway text)
RETURNS TABLE (kind text, name text, sealed bytea, destination text)
LANGUAGE sql STABLE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT k.kind, k.name, k.sealed, k.destination
	FROM ordersync.gateway_destination(p_gateway) g (leads_to)
	JOIN ordersync.secrets k ON k.destination IS DISTINCT FROM g.leads_to
	WHERE k.kind = ANY (ARRAY['app_secret', 'header', 'proxy_password']) AND split_part(k.name, '/', 1) = p_gateway
		OR k.kind = 'data_key' AND k.name IN (
			SELECT s.shop_id::text
			FROM ordersync.shops s
			WHERE s.gateway = p_gateway)
	ORDER BY k.kind, k.name
$function$;
COMMENT ON FUNCTION ordersync.moved_secrets(text) IS
	'the sealed secrets of a gateway and its shops that were set for another destination';

/*
 * One shop is looked up by its key alone, and so are its secrets, whatever a
 * plan was made for: an import does this ten thousand times in one session.
 */
CREATE OR REPLACE FUNCTION ordersync.check_destinations(p_gateway text, p_shop bigint DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now text := ordersync.gateway_destination(p_gateway);
	v_shops bigint[] := ARRAY[p_shop];
	v_moved text;				-- of the gateway's own secrets
	v record;
BEGIN
	SELECT pg_catalog.string_agg(pg_catalog.format('%s was set for %s, but gateway "%s" points to %s',
			ordersync.secret_word(k.kind, k.name), k.destination, p_gateway, v_now), '; ' ORDER BY k.kind, k.name)
	INTO v_moved
	FROM ordersync.secrets_of_gateway(p_gateway) k
	WHERE k.destination <> v_now;
	IF p_shop IS NULL THEN
		SELECT pg_catalog.array_agg(s.shop_id) INTO v_shops
		FROM ordersync.shops s
		WHERE s.gateway = p_gateway;
	END IF;
	FOR v IN
		SELECT o.shop_id, o.key_state, o.key_message, pg_catalog.concat_ws('; ',
			v_moved,
			CASE WHEN k.destination <> v_now THEN
				pg_catalog.format('the data key was set for %s, but gateway "%s" points to %s', k.destination, p_gateway, v_now)
			END) AS message
		FROM ordersync.shops o,
			LATERAL (SELECT (SELECT x.destination FROM ordersync.secrets x WHERE x.kind = 'data_key' AND x.name = o.shop_id::text) OFFSET 0) k (destination)
		WHERE o.shop_id = ANY (v_shops)
			AND o.gateway || '' = p_gateway
			AND o.key_state <> 'missing'
		ORDER BY o.shop_id
	LOOP
		CONTINUE WHEN CASE v.message
			WHEN '' THEN v.key_state <> 'moved'
			ELSE (v.key_state, v.key_message) IS NOT DISTINCT FROM ('moved', v.message)
		END;
		UPDATE ordersync.shops s
		SET key_state = CASE v.message WHEN '' THEN 'unchecked' ELSE 'moved' END,
			key_message = NULLIF(v.message, ''),
			updated_at = now()
		WHERE s.shop_id = v.shop_id
			AND (v.message = '' AND s.key_state = 'moved'
				OR v.message <> '' AND (s.key_state, s.key_message) IS DISTINCT FROM ('moved', v.message));
	END LOOP;
	PERFORM ordersync.report_key_states(p_shop, p_gateway);
END
$function$;
COMMENT ON FUNCTION ordersync.check_destinations(text, bigint) IS
	'sets or ends the state moved of the shops of a gateway, or of one of them: a secret was set for another destination';

CREATE OR REPLACE FUNCTION ordersync.warn_destination_changed(p_gateway text, p_before text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now text := ordersync.gateway_destination(p_gateway);
	v_secrets text;
	v_keys bigint;
BEGIN
	IF v_now = p_before THEN
		RETURN;
	END IF;
	SELECT pg_catalog.string_agg(ordersync.secret_word(k.kind, k.name), ', ' ORDER BY k.kind, k.name) FILTER (WHERE k.kind <> 'data_key'),
		pg_catalog.count(*) FILTER (WHERE k.kind = 'data_key')
	INTO v_secrets, v_keys
	FROM ordersync.moved_secrets(p_gateway) k;
	IF v_secrets IS NOT NULL OR v_keys > 0 THEN
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('gateway "%s" now points to %s; secrets that were set for another destination are not used',
				p_gateway, v_now),
			DETAIL = pg_catalog.format('It pointed to %s before. Not used: %s.', p_before, pg_catalog.concat_ws(', ',
				v_secrets,
				CASE WHEN v_keys > 0 THEN pg_catalog.format('the data keys of %s shops', v_keys) END)),
			HINT = ordersync.hint_destination_changed(p_gateway, 'shop_id');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.warn_destination_changed(text, text) IS
	'raises the WARNING that a gateway has another destination and its secrets are not used, with the commands to type';

CREATE OR REPLACE FUNCTION ordersync.hint_destination_changed(p_gateway text, p_shop text)
RETURNS text
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.format('Set them again: %s. Or keep them, as a superuser: SELECT ordersync_keep_secrets(%L, %L).',
		pg_catalog.concat_ws('; ',
			pg_catalog.string_agg(ordersync.secret_command(k.kind, k.name), '; ' ORDER BY k.kind, k.name)
				FILTER (WHERE k.kind <> 'data_key'),
			CASE WHEN pg_catalog.bool_or(k.kind = 'data_key') THEN
				pg_catalog.format('SELECT ordersync_set_session_key(%s, session_key)', p_shop) END),
		p_gateway, ordersync.gateway_destination(p_gateway))
	FROM ordersync.moved_secrets(p_gateway) k
	WHERE k.kind <> 'data_key' OR p_shop IN ('shop_id', k.name)
$function$;
COMMENT ON FUNCTION ordersync.hint_destination_changed(text, text) IS
	'the commands that make the secrets of a gateway usable again, for one shop or, with ''shop_id'', for all';
