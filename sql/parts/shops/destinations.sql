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
	'raises an error for a URL that calls may not go to, as the worker judges each call';

CREATE OR REPLACE FUNCTION ordersync.check_proxy(proxy text)
RETURNS void
LANGUAGE c STABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_check_proxy';
COMMENT ON FUNCTION ordersync.check_proxy(text) IS
	'raises an error for a proxy that calls may not go through, as the worker judges each call';

-- not strict: most gateways have no proxy
CREATE OR REPLACE FUNCTION ordersync.destination(base_url text, proxy text)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ordersync_destination';
COMMENT ON FUNCTION ordersync.destination(text, text) IS
	'where calls to a URL lead: scheme, host and port, and those of the proxy, always written the same way; NULL for what is no URL';

CREATE OR REPLACE FUNCTION ordersync.gateway_destination(p_gateway text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.destination(g.base_url, g.options ->> 'proxy')
	FROM ordersync.gateways g
	WHERE g.name = p_gateway
$function$;
COMMENT ON FUNCTION ordersync.gateway_destination(text) IS
	'where a gateway''s calls lead';

CREATE OR REPLACE FUNCTION ordersync.moved_secrets(p_gateway text)
RETURNS TABLE (kind text, name text, sealed bytea, destination text)
LANGUAGE sql STABLE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT k.kind, k.name, k.sealed, k.destination
	FROM ordersync.gateway_destination(p_gateway) g (leads_to)
	JOIN ordersync.secrets k ON k.destination IS DISTINCT FROM g.leads_to
	WHERE k.kind = 'app_secret' AND k.name = p_gateway
		OR k.kind = 'data_key' AND k.name IN (
			SELECT s.shop_id::text
			FROM ordersync.shops s
			WHERE s.gateway = p_gateway)
	ORDER BY k.kind, k.name
$function$;
COMMENT ON FUNCTION ordersync.moved_secrets(text) IS
	'the secrets of a gateway and its shops that were given for another destination; sealed';

CREATE OR REPLACE FUNCTION ordersync.check_destinations(p_gateway text, p_shop bigint DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now text := ordersync.gateway_destination(p_gateway);
	v record;
BEGIN
	FOR v IN
		UPDATE ordersync.shops s
		SET key_state = CASE m.message WHEN '' THEN 'unchecked' ELSE 'moved' END,
			key_message = NULLIF(m.message, ''),
			updated_at = now()
		FROM (
			SELECT o.shop_id, pg_catalog.concat_ws('; ',
				CASE WHEN a.destination <> v_now THEN
					pg_catalog.format('the application secret was given for %s, the gateway "%s" leads to %s', a.destination, p_gateway, v_now)
				END,
				CASE WHEN k.destination <> v_now THEN
					pg_catalog.format('the data key was given for %s, the gateway "%s" leads to %s', k.destination, p_gateway, v_now)
				END) AS message
			FROM ordersync.shops o
			LEFT JOIN ordersync.secrets a ON a.kind = 'app_secret' AND a.name = o.gateway
			LEFT JOIN ordersync.secrets k ON k.kind = 'data_key' AND k.name = o.shop_id::text
			WHERE o.gateway = p_gateway
				AND o.key_state <> 'missing'
				AND (p_shop IS NULL OR o.shop_id = p_shop)
		) m
		WHERE s.shop_id = m.shop_id
			AND (m.message = '' AND s.key_state = 'moved'
				OR m.message <> '' AND (s.key_state, s.key_message) IS DISTINCT FROM ('moved', m.message))
		RETURNING s.shop_id, s.key_state
	LOOP
		PERFORM ordersync.notify_shop(v.shop_id, v.key_state);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.check_destinations(text, bigint) IS
	'puts the shops of a gateway, or one of them, into state moved whose secrets were given for another destination, and takes those out of it whose were not';

CREATE OR REPLACE FUNCTION ordersync.warn_moved(p_gateway text, p_before text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now text := ordersync.gateway_destination(p_gateway);
	v_secrets bigint;
	v_keys bigint;
BEGIN
	IF v_now = p_before THEN
		RETURN;
	END IF;
	SELECT pg_catalog.count(*) FILTER (WHERE k.kind = 'app_secret'),
		pg_catalog.count(*) FILTER (WHERE k.kind = 'data_key')
	INTO v_secrets, v_keys
	FROM ordersync.moved_secrets(p_gateway) k;
	IF v_secrets + v_keys > 0 THEN
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('gateway "%s" leads to %s now, and secrets that were given for another destination are out of use',
				p_gateway, v_now),
			DETAIL = pg_catalog.format('It led to %s. Out of use: %s.', p_before, pg_catalog.concat_ws(', ',
				CASE WHEN v_secrets > 0 THEN 'the application secret' END,
				CASE WHEN v_keys > 0 THEN pg_catalog.format('the data keys of %s shops', v_keys) END)),
			HINT = ordersync.hint_moved(p_gateway, 'shop_id');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.warn_moved(text, text) IS
	'the WARNING that a gateway leads elsewhere and its secrets are out of use, with the commands to type';

CREATE OR REPLACE FUNCTION ordersync.hint_moved(p_gateway text, p_shop text)
RETURNS text
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.format('Type them again: %s. Or a superuser keeps them: SELECT ordersync_keep_secrets(%L, %L).',
		pg_catalog.concat_ws('; ',
			CASE WHEN pg_catalog.bool_or(k.kind = 'app_secret') THEN
				pg_catalog.format('SELECT ordersync_add_gateway(%L, NULL, NULL, app_secret)', p_gateway) END,
			CASE WHEN pg_catalog.bool_or(k.kind = 'data_key') THEN
				pg_catalog.format('SELECT ordersync_set_data_key(%s, data_key)', p_shop) END),
		p_gateway, ordersync.gateway_destination(p_gateway))
	FROM ordersync.moved_secrets(p_gateway) k
	WHERE k.kind = 'app_secret' OR p_shop IN ('shop_id', k.name)
$function$;
COMMENT ON FUNCTION ordersync.hint_moved(text, text) IS
	'the commands that bring the secrets of a gateway into use again, for one shop or, with ''shop_id'', for all';

/*
 * Not SECURITY DEFINER: whoever takes a secret to another place must be a
 * superuser when it is opened.  The tables are read and written by definers, so
 * that a superuser's rights meet nothing that the owner has put there.  Secrets
 * are sealed for the destination that was typed and no other: nothing that the
 * tables say after the check, or to it, can change it.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_keep_secrets(gateway text, destination text)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	-- the one that check_destination() compares, always written the same way
	v_destination constant text := ordersync.destination(split_part(destination, ' via ', 1),
		NULLIF(split_part(destination, ' via ', 2), ''));
	v record;
	v_kept integer := 0;
BEGIN
	PERFORM ordersync.check_destination(gateway, v_destination);
	FOR v IN
		SELECT k.*
		FROM ordersync.moved_secrets(gateway) k
	LOOP
		PERFORM ordersync.put_secret(v.kind, v.name, v_destination,
			ordersync.reseal(v.sealed, v.kind, v.name, v.destination, v_destination));
		v_kept := v_kept + 1;
	END LOOP;
	PERFORM ordersync.use_secrets(gateway);
	RETURN v_kept;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_keep_secrets(text, text) IS
	'for a superuser: brings the secrets of a gateway and its shops that were given for another destination into use for this one, and returns how many';

CREATE OR REPLACE FUNCTION ordersync.check_destination(p_gateway text, p_destination text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_now text;
BEGIN
	IF to_regclass('ordersync.gateways') IS NOT NULL THEN
		SELECT ordersync.destination(g.base_url, g.options ->> 'proxy')
		INTO v_now
		FROM ordersync.gateways g
		WHERE g.name = p_gateway
		FOR NO KEY UPDATE;
	END IF;
	IF v_now IS NULL THEN
		PERFORM ordersync.refuse_gateway(p_gateway);
	END IF;
	-- who keeps secrets says for where: somebody may have moved the gateway meanwhile
	IF v_now IS DISTINCT FROM p_destination THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('gateway "%s" does not lead there', p_gateway),
			DETAIL = format('It leads to %s.', v_now),
			HINT = format('If that is where the secrets may go: SELECT ordersync_keep_secrets(%L, %L).', p_gateway, v_now);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_destination(text, text) IS
	'raises an error unless the gateway leads there, and keeps others from changing it until the transaction ends';

CREATE OR REPLACE FUNCTION ordersync.put_secret(p_kind text, p_name text, p_destination text, p_sealed bytea)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	UPDATE ordersync.secrets k
	SET destination = p_destination,
		sealed = p_sealed,
		updated_at = clock_timestamp()
	WHERE k.kind = p_kind
		AND k.name = p_name;
END
$function$;
COMMENT ON FUNCTION ordersync.put_secret(text, text, text, bytea) IS
	'stores a secret that was sealed again for another destination';

CREATE OR REPLACE FUNCTION ordersync.use_secrets(p_gateway text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	-- a worker may have found them shut where the gateway leads
	IF ordersync.key_file_trouble() IS NULL THEN
		PERFORM ordersync.note_secrets(p_gateway);
	END IF;
	PERFORM ordersync.check_destinations(p_gateway);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.use_secrets(text) IS
	'lets a gateway and its shops go on whose secrets are of use where it leads, and the others wait';
