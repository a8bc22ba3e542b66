/*
 * Secrets of a gateway beside its application secret, and that one too.
 *
 * A value is never quoted, nor is what stands in the place of a word that is not
 * known: it may be the value.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_gateway_secret(name text, secret text, value text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_secret record;
	v_value text;
	v_key text;
BEGIN
	IF value IS NOT NULL THEN
		PERFORM ordersync.hide_statement();
	END IF;
	v_key := ordersync.clean_typed('the gateway''s name', name, 63);
	v_secret := ordersync.begin_gateway_secret(v_key, secret);
	v_value := ordersync.clean_gateway_secret(v_secret.kind, value);
	IF v_value IS NOT NULL THEN
		PERFORM ordersync.prepare_key_file();
		PERFORM ordersync.store_secret(v_secret.kind, v_secret.name, v_value);
	END IF;
	PERFORM ordersync.end_gateway_secret(v_key, v_secret.kind, v_secret.name, v_value IS NOT NULL);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_gateway_secret(text, text, text) IS
	'sets a secret of a gateway: app_secret, proxy_password (value "user:password") or header:Name, a header that calls carry; NULL deletes it';

CREATE OR REPLACE FUNCTION ordersync.begin_gateway_secret(p_gateway text, p_word text, OUT kind text, OUT name text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_other text;
BEGIN
	PERFORM ordersync.check_gateways_set_up();
	PERFORM ordersync.set_up_if_outdated();
	PERFORM 1
	FROM ordersync.gateways g
	WHERE g.name = p_gateway
	FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM ordersync.raise_unknown_gateway(p_gateway);
	END IF;
	SELECT w.kind, w.name INTO kind, name
	FROM ordersync.read_secret_word(p_gateway, p_word) w;
	IF kind = 'proxy_password' AND (SELECT g.options ->> 'proxy' IS NULL FROM ordersync.gateways g WHERE g.name = p_gateway) THEN
		RAISE NOTICE USING
			MESSAGE = format('gateway "%s" has no proxy', p_gateway),
			HINT = format('Give it the proxy first, then the password, which is valid for that proxy only: SELECT ordersync_set_gateway(%L, ''{"proxy": "http://proxy.example:3128"}'').', p_gateway);
	END IF;
	-- of one header that was spelled in two ways
	SELECT k.name INTO v_other
	FROM ordersync.secrets_of_gateway(p_gateway) k
	WHERE k.kind = 'header'
		AND begin_gateway_secret.kind = 'header'
		AND lower(split_part(k.name, '/', 2)) = lower(split_part(begin_gateway_secret.name, '/', 2));
	name := COALESCE(v_other, name);
END
$function$;
COMMENT ON FUNCTION ordersync.begin_gateway_secret(text, text) IS
	'kind and name of the secret of a gateway that a word names, and locks the gateway; part of ordersync_set_gateway_secret()';

CREATE OR REPLACE FUNCTION ordersync.end_gateway_secret(p_gateway text, p_kind text, p_name text, p_is_set boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF NOT p_is_set THEN
		DELETE FROM ordersync.secrets s
		WHERE s.kind = p_kind
			AND s.name = p_name;
		IF NOT FOUND THEN
			RETURN;
		END IF;
	END IF;
	IF p_kind <> 'proxy_password' THEN
		PERFORM ordersync.lift_ban(p_gateway);	-- another application has another quota
		-- and may be another seller's; what was refused for want of it is tried again
		PERFORM ordersync.recheck_keys(p_gateway);
	END IF;
	PERFORM ordersync.activate_secrets(p_gateway);
	PERFORM ordersync.record_action('gateway secret ' || CASE WHEN p_is_set THEN 'set' ELSE 'deleted' END, p_gateway => p_gateway,
		p_details => jsonb_build_object('secret', concat_ws(':', p_kind, NULLIF(split_part(p_name, '/', 2), ''))));
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.end_gateway_secret(text, text, text, boolean) IS
	'what follows from a secret of a gateway that was set, or is to be deleted; part of ordersync_set_gateway_secret()';
