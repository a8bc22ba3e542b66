/*
 * Gateways: adding, changing, removing.
 *
 * Every call may be typed again: NULL keeps what is stored, options merge, an
 * option set to null is taken out.  No message shows a secret.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_add_gateway(
	name text,
	base_url text,
	app_key text,
	app_secret text,
	protocol text DEFAULT 'top',
	sign_method text DEFAULT 'hmac-sha256',
	options jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF app_secret IS NOT NULL THEN
		PERFORM ordersync.hide_statement();
	END IF;
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.store_gateway(name, base_url, app_key, app_secret, protocol, sign_method, options);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_add_gateway(text, text, text, text, text, text, jsonb) IS
	'adds a gateway or changes what is given of one; the first call makes the tables';

CREATE OR REPLACE FUNCTION ordersync.store_gateway(
	p_name text,
	p_base_url text,
	p_app_key text,
	p_app_secret text,
	p_protocol text,
	p_sign_method text,
	p_options jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_old ordersync.gateways;
	v_known boolean;
	v_options jsonb;
	v_needs_secret boolean;
BEGIN
	p_name := ordersync.clean_typed('the gateway''s name', p_name, 63);
	p_base_url := ordersync.clean_typed('the gateway''s URL', p_base_url, 2048);
	p_app_key := ordersync.clean_secret('the application key', p_app_key);
	p_app_secret := ordersync.clean_secret('the application secret', p_app_secret);
	p_options := ordersync.clean_proxy(p_options);
	IF p_name IS NULL OR p_name !~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a gateway name must consist of letters, digits, "_", "-" and "."',
			HINT = 'Name it "taobao" to make it the one that shops use by default.';
	END IF;

	SELECT g.* INTO v_old
	FROM ordersync.gateways g
	WHERE g.name = p_name
	FOR UPDATE;
	v_known := FOUND;

	PERFORM ordersync.check_protocol(p_protocol);
	p_protocol := ordersync.protocol_meant(p_name, p_base_url, p_protocol, v_old.protocol);
	v_options := CASE WHEN pg_catalog.jsonb_typeof(COALESCE(p_options, '{}')) = 'object' THEN
		ordersync.merge_options(COALESCE(v_old.options, '{}'), p_options) END;
	v_needs_secret := ordersync.gateway_needs_secret(p_protocol, v_options::text);
	PERFORM ordersync.check_gateway(v_known, p_base_url, p_app_key, p_app_secret, p_protocol, p_sign_method, p_options,
		COALESCE(v_needs_secret, true) AND COALESCE(p_app_key, v_old.app_key) IS NULL);
	PERFORM ordersync.check_reserved_calls(v_options);
	-- all that can be wrong is asked before a secret is needed
	IF p_app_secret IS NOT NULL OR NOT v_known THEN
		PERFORM ordersync.prepare_key_file();
	END IF;

	INSERT INTO ordersync.gateways AS g (name, base_url, app_key, protocol, sign_method, options)
	VALUES (p_name,
		COALESCE(p_base_url, v_old.base_url),
		COALESCE(p_app_key, v_old.app_key),
		p_protocol,
		COALESCE(p_sign_method, v_old.sign_method, 'hmac-sha256'),
		v_options - CASE WHEN p_protocol <> v_old.protocol THEN v_old.protocol ELSE '' END)
	ON CONFLICT (name) DO UPDATE
	SET base_url = excluded.base_url,
		app_key = excluded.app_key,
		protocol = excluded.protocol,
		sign_method = excluded.sign_method,
		options = excluded.options,
		updated_at = clock_timestamp();

	PERFORM ordersync.set_gateway_abilities(p_name);
	IF v_known THEN
		PERFORM ordersync.lift_ban(p_name);	-- another application has another quota
	END IF;
	IF p_app_secret IS NOT NULL THEN
		PERFORM ordersync.store_secret('app_secret', p_name, p_app_secret);
	END IF;
	IF p_app_secret IS NOT NULL OR NOT v_needs_secret THEN
		UPDATE ordersync.gateways g
		SET secret_state = 'ok',
			secret_message = NULL
		WHERE g.name = p_name;
	ELSIF ordersync.waits_for_app_secret(p_name) THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('gateway "%s" waits for its application secret', p_name),
			HINT = pg_catalog.format('Set it with SELECT ordersync_add_gateway(%L, NULL, NULL, app_secret).', p_name);
	END IF;

	-- another place or another application: whose the keys are is open again
	IF v_known AND (p_app_secret IS NOT NULL
			OR p_base_url <> v_old.base_url
			OR p_app_key <> v_old.app_key
			OR p_protocol <> v_old.protocol) THEN
		PERFORM ordersync.recheck_keys(p_name);
	END IF;
	PERFORM ordersync.activate_secrets(p_name);
	IF v_known THEN
		PERFORM ordersync.warn_destination_changed(p_name, ordersync.destination(v_old.base_url, v_old.options ->> 'proxy'));
	END IF;
	PERFORM ordersync.record_change('gateway', CASE WHEN v_known THEN pg_catalog.to_jsonb(v_old) END, pg_catalog.to_jsonb(g),
		CASE WHEN p_app_secret IS NOT NULL THEN 'app_secret' END)
	FROM ordersync.gateways g
	WHERE g.name = p_name;
END
$function$;
COMMENT ON FUNCTION ordersync.store_gateway(text, text, text, text, text, text, jsonb) IS
	'checks and stores a gateway; NULL keeps what is stored';

/* The default of ordersync_add_gateway() is no wish of somebody who sets a secret. */
CREATE OR REPLACE FUNCTION ordersync.protocol_meant(p_gateway text, p_base_url text, p_given text, p_stored text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_given = 'top' AND p_stored <> 'top' AND p_base_url IS NULL THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('gateway "%s" keeps its protocol, %s', p_gateway, p_stored),
			HINT = 'To change it, give the base_url as well.';
		RETURN p_stored;
	END IF;
	RETURN COALESCE(p_given, p_stored, 'top');
END
$function$;
COMMENT ON FUNCTION ordersync.protocol_meant(text, text, text, text) IS
	'the protocol of a gateway that is added or changed: the stored one where only the default is given and no URL';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_gateway(name text, options jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_name text := ordersync.clean_typed('the gateway''s name', name, 63);
	v_options jsonb := ordersync.clean_proxy(options);
	v_before ordersync.gateways;
BEGIN
	SELECT g.* INTO v_before
	FROM ordersync.gateways g
	WHERE g.name = v_name
	FOR UPDATE;
	PERFORM ordersync.check_gateway_options(v_before.protocol, v_options);
	IF v_before.name IS NULL THEN
		PERFORM ordersync.raise_unknown_gateway(v_name);
	END IF;
	PERFORM ordersync.check_reserved_calls(ordersync.merge_options(v_before.options, v_options));
	PERFORM ordersync.check_signing(v_before, ordersync.merge_options(v_before.options, v_options));
	UPDATE ordersync.gateways g
	SET options = ordersync.merge_options(g.options, v_options),
		-- of another limit it is not known yet
		spent_until = CASE WHEN NOT v_options ?| ARRAY['calls_per_day', 'calls_per_day_reserved'] THEN g.spent_until END,
		reserved_until = CASE WHEN NOT v_options ?| ARRAY['calls_per_day', 'calls_per_day_reserved'] THEN g.reserved_until END,
		updated_at = clock_timestamp()
	WHERE g.name = v_name;
	PERFORM ordersync.set_gateway_abilities(v_name);
	PERFORM ordersync.lift_stops(v_name);
	PERFORM ordersync.activate_secrets(v_name);
	PERFORM ordersync.warn_destination_changed(v_name,
		ordersync.destination(v_before.base_url, v_before.options ->> 'proxy'));
	PERFORM ordersync.record_change('gateway', to_jsonb(v_before), to_jsonb(g), NULL)
	FROM ordersync.gateways g
	WHERE g.name = v_name;

	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_gateway(text, jsonb) IS
	'merges options into a gateway''s: calls_per_second, calls_in_flight, calls_per_day, calls_per_day_reserved, method_weights, page_size, max_window, arrival_check, types_add, proxy, relay; null removes one';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_lift_ban(name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_until timestamptz;
	v_stops jsonb;
	v_calls bigint;
BEGIN
	SELECT ordersync.held_until(g), g.stops INTO v_until, v_stops
	FROM ordersync.gateways g
	WHERE g.name = ordersync_lift_ban.name
	FOR NO KEY UPDATE;
	IF NOT ordersync.lift_ban(name) THEN
		PERFORM ordersync.raise_unknown_gateway(name);
	END IF;
	-- in the platform's console the day's quota begins anew
	DELETE FROM ordersync.gateway_calls c
	WHERE c.gateway = ordersync_lift_ban.name
		AND c.reserved > 0;
	GET DIAGNOSTICS v_calls = ROW_COUNT;
	IF v_until > clock_timestamp() OR v_calls > 0 OR v_stops <> '{}' THEN
		PERFORM ordersync.record_action('ban lifted', p_gateway => name,
			p_details => jsonb_strip_nulls(jsonb_build_object('until', v_until, 'stopped_since', v_stops #> '{"",since}')));
	END IF;
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_lift_ban(text) IS
	'ends all call bans of the platform, of the gateway and of single methods, and begins the count of calls_per_day anew; a gateway that does not answer is tried: calls through it are made again at once';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_remove_gateway(name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_name text := ordersync.clean_typed('the gateway''s name', name, 63);
	v_shops text;
BEGIN
	SELECT string_agg(s.shop_id::text, ', ' ORDER BY s.shop_id)
	INTO v_shops
	FROM ordersync.shops s
	WHERE s.gateway = v_name;
	IF v_shops IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = format('cannot remove gateway "%s" because shops use it', v_name),
			DETAIL = format('Shops: %s.', v_shops),
			HINT = 'Remove them with SELECT ordersync_remove_shop(shop_id), or give them another gateway with ordersync_add_shop.';
	END IF;

	DELETE FROM ordersync.gateways g
	WHERE g.name = v_name;
	IF NOT FOUND THEN
		PERFORM ordersync.raise_unknown_gateway(v_name);
	END IF;
	DELETE FROM ordersync.secrets s
	WHERE s.kind = ANY (ARRAY['app_secret', 'header', 'proxy_password'])
		AND split_part(s.name, '/', 1) = v_name;
	DELETE FROM ordersync.gateway_calls c
	WHERE c.gateway = v_name;
	PERFORM ordersync.record_action('gateway removed', p_gateway => v_name);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_remove_gateway(text) IS
	'removes a gateway that no shop uses, and its secrets';
