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
	p_options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_base_url IS NOT NULL OR NOT p_known THEN
		PERFORM ordersync.check_url(p_base_url);
	END IF;
	IF p_app_key = '' OR (p_app_key IS NULL AND NOT p_known) THEN
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
	IF p_protocol <> 'top' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized protocol "%s"', p_protocol),
			HINT = 'Known protocols: top.';
	END IF;
	IF p_sign_method NOT IN ('md5', 'hmac', 'hmac-sha256') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized sign method "%s"', p_sign_method),
			HINT = 'Known sign methods: md5, hmac, hmac-sha256.';
	END IF;
	PERFORM ordersync.check_gateway_options(p_options);
END
$function$;
COMMENT ON FUNCTION ordersync.check_gateway(boolean, text, text, text, text, text, jsonb) IS
	'raises an error for invalid values of a gateway; p_known: it exists, and NULL keeps the stored value';
