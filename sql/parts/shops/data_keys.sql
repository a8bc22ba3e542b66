/*
 * A shop's data key: stored, sealed for where its gateway leads.
 */
CREATE OR REPLACE FUNCTION ordersync.refuse_key(p_shop bigint)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = 'the data key is empty',
		DETAIL = pg_catalog.format('Shop %s cannot be read without it.', p_shop),
		HINT = 'On the platform it is the session key (access token) that the seller''s authorisation gave.';
END
$function$;
COMMENT ON FUNCTION ordersync.refuse_key(bigint) IS
	'raises the error for an empty data key';

CREATE OR REPLACE FUNCTION ordersync.store_data_key(p_shop bigint, p_key text, p_expires_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.store_secret('data_key', p_shop::text, p_key);

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
COMMENT ON FUNCTION ordersync.store_data_key(bigint, text, timestamptz) IS
	'seals a shop''s data key; it is checked again before the next call';
