/*
 * A shop's data key: stored, sealed for where its gateway leads.
 */
CREATE OR REPLACE FUNCTION ordersync.raise_empty_key(p_shop bigint)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = 'data key must not be empty',
		DETAIL = pg_catalog.format('Shop %s cannot be read without it.', p_shop),
		HINT = 'On the platform it is the session key (access token) that the seller''s authorisation gave.';
END
$function$;
COMMENT ON FUNCTION ordersync.raise_empty_key(bigint) IS
	'raises the error for an empty data key';

CREATE OR REPLACE FUNCTION ordersync.check_expiry(p_expires_at timestamptz)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_expires_at <= pg_catalog.now() THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the data key has already expired',
			DETAIL = pg_catalog.format('It expires at %s Asia/Shanghai.', ordersync.format_time(p_expires_at)),
			HINT = 'Ask the seller for a new authorisation and give its key.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_expiry(timestamptz) IS
	'raises an error for a data key that has expired';

CREATE OR REPLACE FUNCTION ordersync.store_data_key(p_shop bigint, p_key text, p_expires_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.store_secret('data_key', p_shop::text, p_key);
	PERFORM ordersync.note_data_key(p_shop, p_expires_at);
END
$function$;
COMMENT ON FUNCTION ordersync.store_data_key(bigint, text, timestamptz) IS
	'seals a shop''s data key; it is checked again before the next call';

CREATE OR REPLACE FUNCTION ordersync.note_data_key(p_shop bigint, p_expires_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.shops s
	SET key_state = 'unchecked',
		key_message = NULL,
		key_expires_at = p_expires_at,
		key_refusals = 0,
		key_check_at = NULL,
		unserved = '{}',
		updated_at = now()
	WHERE s.shop_id = p_shop;
	-- the key may be new, and the application secret not
	PERFORM ordersync.check_destinations(s.gateway, p_shop)
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
END
$function$;
COMMENT ON FUNCTION ordersync.note_data_key(bigint, timestamptz) IS
	'a shop has got a data key: it is unchecked, and all that was known of the one before is forgotten';

CREATE OR REPLACE FUNCTION ordersync.renew_data_key(p_shop bigint, p_key text, p_expires_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_key text;
BEGIN
	PERFORM ordersync.check_shop(p_shop);
	v_key := ordersync.clean_secret('the data key', p_key);
	IF v_key IS NULL OR v_key = '' THEN
		PERFORM ordersync.raise_empty_key(p_shop);
	END IF;
	PERFORM ordersync.check_expiry(p_expires_at);
	PERFORM ordersync.prepare_key_file();
	PERFORM ordersync.store_data_key(p_shop, v_key, p_expires_at);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.renew_data_key(bigint, text, timestamptz) IS
	'checks and stores a renewed data key, and wakes the workers';

CREATE OR REPLACE FUNCTION ordersync.recheck_keys(p_gateway text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.shops s
	SET key_state = 'unchecked',
		key_message = NULL,
		key_refusals = 0,
		key_check_at = NULL,
		updated_at = now()
	WHERE s.gateway = p_gateway
		AND s.key_state NOT IN ('unchecked', 'missing')
$function$;
COMMENT ON FUNCTION ordersync.recheck_keys(text) IS
	'the gateway has changed: whose the keys of its shops are is open again';
