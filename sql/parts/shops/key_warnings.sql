/*
 * Warnings about keys and secrets that keep workers from calling.
 */
/* What concerns the most shops is said alone: the server's key file, then a gateway, then a shop. */
CREATE OR REPLACE FUNCTION ordersync.warn_keys(p_shops bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_trouble text := ordersync.key_file_trouble();
	v_gateway ordersync.gateways;
BEGIN
	IF v_trouble IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = 'secrets cannot be opened, runs wait',
			DETAIL = v_trouble || '.',
			HINT = 'When the file is usable again, all shops continue automatically.';
		RETURN;
	END IF;

	SELECT g.* INTO v_gateway
	FROM ordersync.gateways g
	WHERE g.secret_state IN ('missing', 'unreadable')
		AND EXISTS (
			SELECT
			FROM ordersync.shops s
			WHERE s.shop_id = ANY (p_shops)
				AND s.gateway = g.name
				AND s.enabled)
	ORDER BY g.name
	LIMIT 1;
	IF FOUND THEN
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('gateway "%s" waits for its application secret', v_gateway.name),
			DETAIL = pg_catalog.format('It is %s%s.', v_gateway.secret_state, COALESCE(': ' || v_gateway.secret_message, '')),
			HINT = pg_catalog.format('Set it with SELECT ordersync_add_gateway(%L, NULL, NULL, app_secret).', v_gateway.name);
	ELSE
		PERFORM ordersync.warn_data_keys(p_shops);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.warn_keys(bigint[]) IS
	'raises the WARNING that shops wait for the key file, an application secret or a data key, with the command to type';

CREATE OR REPLACE FUNCTION ordersync.warn_data_keys(p_shops bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_shop ordersync.shops;
	v_others bigint;
BEGIN
	SELECT pg_catalog.count(*) - 1 INTO v_others
	FROM ordersync.shops s
	WHERE s.shop_id = ANY (p_shops)
		AND s.enabled
		AND s.key_state NOT IN ('ok', 'unverified', 'unchecked');
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = ANY (p_shops)
		AND s.enabled
		AND s.key_state NOT IN ('ok', 'unverified', 'unchecked')
	ORDER BY s.shop_id
	LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	RAISE WARNING USING
		MESSAGE = pg_catalog.concat_ws(' ',
			pg_catalog.format('shop %s waits for a data key', v_shop.shop_id),
			CASE WHEN v_others > 0 THEN pg_catalog.format('and so do %s others', v_others) END),
		DETAIL = pg_catalog.concat_ws(' ',
			pg_catalog.format('The key''s state is %s: %s', v_shop.key_state, COALESCE(v_shop.key_message, 'no message.')),
			'It is checked again at ' || ordersync.format_time(v_shop.key_check_at) || ' Asia/Shanghai.'),
		HINT = CASE v_shop.key_state
			WHEN 'moved' THEN ordersync.hint_destination_changed(v_shop.gateway, v_shop.shop_id::text)
			ELSE pg_catalog.concat_ws(' ',
				pg_catalog.format('Set the new one with SELECT ordersync_set_session_key(%s, session_key).', v_shop.shop_id),
				CASE WHEN v_shop.key_state = 'expired' THEN
					pg_catalog.format('To check the one that is stored now: SELECT ordersync_check_shop(%s).', v_shop.shop_id) END)
		END;
END
$function$;
COMMENT ON FUNCTION ordersync.warn_data_keys(bigint[]) IS
	'raises the WARNING that shops wait for a data key, with the command to type';
