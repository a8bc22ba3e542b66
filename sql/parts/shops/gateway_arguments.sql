/*
 * What a gateway is given by who adds it, checked before anything is stored.
 */
CREATE OR REPLACE FUNCTION ordersync.check_gateway(
	p_known boolean,
	p_base_url text,
	p_app_key text,
	p_app_secret text,
	p_protocol text,
	p_sign_method text,
	p_options jsonb,
	p_needs_key boolean)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_base_url IS NOT NULL OR NOT p_known THEN
		PERFORM ordersync.check_url(p_base_url);
	END IF;
	IF p_app_key = '' OR p_needs_key THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'application key must not be empty',
			HINT = 'It is the number (AppKey) that the platform''s console shows for the application.';
	END IF;
	IF p_app_secret = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'application secret must not be empty',
			HINT = 'It is shown beside the AppKey in the platform''s console. Pass NULL to set it by a later call.';
	END IF;
	IF p_sign_method NOT IN ('md5', 'hmac', 'hmac-sha256') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized sign method "%s"', p_sign_method),
			HINT = 'Known sign methods: md5, hmac, hmac-sha256.';
	END IF;
	PERFORM ordersync.check_gateway_options(p_protocol, p_options);
END
$function$;
COMMENT ON FUNCTION ordersync.check_gateway(boolean, text, text, text, text, text, jsonb, boolean) IS
	'raises an error for invalid values of a gateway; p_known: it exists, and NULL keeps the stored value; p_needs_key: its calls carry an application key, and there is none';

CREATE OR REPLACE FUNCTION ordersync.check_signing(p_gateway record, p_options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_gateway.app_key IS NULL AND ordersync.gateway_needs_secret(p_gateway.protocol, p_options::text) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = pg_catalog.format('gateway "%s" has no application key to sign its calls with', p_gateway.name),
			HINT = pg_catalog.format('Give both at once: SELECT ordersync_add_gateway(%L, NULL, app_key, app_secret, %L, options => options).',
				p_gateway.name, p_gateway.protocol);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_signing(record, jsonb) IS
	'raises an error where a gateway''s calls are to be signed and it has no application key';

CREATE OR REPLACE FUNCTION ordersync.check_protocol(p_protocol text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_protocol <> ALL (ordersync.gateway_protocols(false)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized protocol "%s"', p_protocol),
			HINT = pg_catalog.format('Known protocols: %s.', pg_catalog.array_to_string(ordersync.gateway_protocols(false), ', '));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_protocol(text) IS
	'raises an error for a protocol that is not known';
