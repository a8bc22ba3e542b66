/*
 * Shops: adding, changing, data keys, pausing, removing.
 *
 * Every call may be typed again, as those of gateways.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_add_shop(
	shop_id bigint,
	seller_nick text,
	data_key text,
	gateway text DEFAULT 'taobao',
	options jsonb DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF data_key IS NOT NULL THEN
		PERFORM ordersync.hide_statement();
	END IF;
	PERFORM ordersync.check_gateways_set_up();
	PERFORM ordersync.store_shop(shop_id, seller_nick, data_key, gateway, options);
	PERFORM ordersync.wake();
	RETURN shop_id;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_add_shop(bigint, text, text, text, jsonb) IS
	'adds a shop, or changes what is given of one; NULL keeps what is stored';

CREATE OR REPLACE FUNCTION ordersync.check_gateways_set_up()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.shops') IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'no gateway has been set up',
			HINT = 'Start with SELECT ordersync_add_gateway(''taobao'', base_url, app_key, app_secret).';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_gateways_set_up() IS
	'raises an error where there are no tables to add a shop to';

CREATE OR REPLACE FUNCTION ordersync.store_shop(
	p_shop bigint,
	p_nick text,
	p_key text,
	p_gateway text,
	p_options jsonb,
	p_sealed bytea DEFAULT NULL,	-- the key in place of p_key, sealed already, for p_destination
	p_destination text DEFAULT NULL,
	p_expires_at timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_old ordersync.shops;
	v_known boolean;
	v_alone boolean;			-- no trigger of the shop is under way, nor can one come
BEGIN
	p_nick := ordersync.clean_nick(p_nick);
	p_key := ordersync.clean_secret('the data key', p_key);
	p_gateway := ordersync.clean_typed('the gateway''s name', p_gateway, 63);
	IF p_shop IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'shop_id must not be NULL',
			HINT = 'Choose a number for the shop: SELECT ordersync_add_shop(1, ''seller nick'', ''data key'').';
	END IF;

	-- before the row, as triggers do
	SELECT ordersync.lock_shop(s.shop_id) INTO v_alone
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
		AND p_nick <> ALL (s.seller_nicks);
	SELECT s.* INTO v_old
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
	FOR UPDATE;
	v_known := FOUND;

	IF p_nick IS NULL AND NOT v_known OR p_nick = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'seller_nick must not be empty',
			HINT = 'It is the seller_nick that the platform shows for the shop; the data key must belong to it.';
	END IF;
	IF p_key = '' THEN
		PERFORM ordersync.raise_empty_key(p_shop);
	END IF;
	IF v_known AND p_nick <> ALL (v_old.seller_nicks) THEN
		PERFORM ordersync.check_seller_change(v_old, p_nick, COALESCE(v_alone, false));
	END IF;
	IF NOT v_known OR p_gateway IS NOT NULL THEN
		PERFORM 1
		FROM ordersync.gateways g
		WHERE g.name = COALESCE(p_gateway, 'taobao');
		IF NOT FOUND THEN
			PERFORM ordersync.raise_unknown_gateway(COALESCE(p_gateway, 'taobao'));
		END IF;
	END IF;
	PERFORM ordersync.check_shop_options(p_options);
	PERFORM ordersync.check_field_options(ordersync.merge_options(COALESCE(v_old.options, '{}'), p_options));

	IF v_known THEN
		PERFORM ordersync.check_allowed(p_shop);
	ELSE
		PERFORM ordersync.check_orders_of_other_seller(p_shop, p_nick);
	END IF;
	-- all that can be wrong is asked before a secret is needed
	IF p_key IS NOT NULL OR p_sealed IS NOT NULL OR NOT v_known THEN
		PERFORM ordersync.prepare_key_file();
	END IF;

	IF NOT v_known THEN
		INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, options, key_state)
		VALUES (p_shop, p_nick, ARRAY[p_nick], COALESCE(p_gateway, 'taobao'),
			ordersync.merge_options('{}', p_options), 'missing');
		PERFORM ordersync.set_shop_due(p_shop, NULL);
		IF ordersync.has_been_read(p_shop) THEN
			PERFORM ordersync.note_all_links(p_shop);	-- it is here again, perhaps from a dump
		END IF;
	ELSE
		IF p_gateway <> v_old.gateway THEN
			RAISE NOTICE USING
				MESSAGE = pg_catalog.format('shop %s moves from gateway "%s" to "%s"', p_shop, v_old.gateway, p_gateway);
		END IF;
		UPDATE ordersync.shops s
		SET gateway = COALESCE(p_gateway, s.gateway),
			options = ordersync.merge_options(s.options, p_options),
			key_state = CASE WHEN p_gateway <> s.gateway AND s.key_state <> 'missing' THEN 'unchecked' ELSE s.key_state END,
			updated_at = now()
		WHERE s.shop_id = p_shop;
		PERFORM ordersync.set_shop_due(p_shop, v_old.options);
		IF p_nick <> ALL (v_old.seller_nicks) THEN
			PERFORM ordersync.change_seller(p_shop, p_nick);
		ELSIF p_nick <> v_old.seller_nick THEN
			PERFORM ordersync.rename_seller(p_shop, p_nick);
		END IF;
	END IF;

	IF p_nick IS DISTINCT FROM v_old.seller_nick AND p_nick IS NOT NULL THEN
		PERFORM ordersync.rename_jdp_rows(p_shop, p_nick);
	END IF;
	PERFORM ordersync.restart_cut(p_shop);
	IF p_options ->> 'privacy' = 'strict' THEN
		PERFORM ordersync.remove_hidden_fields(p_shop);
	END IF;
	IF p_sealed IS NOT NULL THEN
		PERFORM ordersync.put_secret('data_key', p_shop::text, p_destination, p_sealed);
		PERFORM ordersync.note_data_key(p_shop, p_expires_at);
	ELSIF p_key IS NOT NULL THEN
		PERFORM ordersync.store_data_key(p_shop, p_key, p_expires_at);
	ELSIF NOT v_known OR v_old.key_state = 'missing' THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('shop %s waits for its data key', p_shop),
			HINT = pg_catalog.format('Set it with SELECT ordersync_set_session_key(%s, session_key).', p_shop);
	ELSIF p_gateway <> v_old.gateway THEN
		PERFORM ordersync.check_destinations(p_gateway, p_shop);
		PERFORM ordersync.warn_keys(ARRAY[p_shop]);
	END IF;
	IF p_sealed IS NULL AND p_key IS NULL AND p_expires_at IS NOT NULL THEN
		UPDATE ordersync.shops s
		SET key_expires_at = p_expires_at
		WHERE s.shop_id = p_shop;
	END IF;

	PERFORM ordersync.record_change('shop', CASE WHEN v_known THEN pg_catalog.to_jsonb(v_old) END, pg_catalog.to_jsonb(s),
		CASE WHEN p_key IS NOT NULL OR p_sealed IS NOT NULL THEN 'data_key' END)
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
END
$function$;
COMMENT ON FUNCTION ordersync.store_shop(bigint, text, text, text, jsonb, bytea, text, timestamptz) IS
	'checks and stores a shop; NULL keeps what is stored';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_shop(shop_id bigint, options jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_before ordersync.shops;
	v_options jsonb;
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	PERFORM ordersync.check_shop_options(options);

	SELECT s.* INTO v_before
	FROM ordersync.shops s
	WHERE s.shop_id = ordersync_set_shop.shop_id
	FOR NO KEY UPDATE;
	UPDATE ordersync.shops s
	SET options = ordersync.merge_options(s.options, ordersync_set_shop.options),
		updated_at = now()
	WHERE s.shop_id = ordersync_set_shop.shop_id
	RETURNING s.options INTO v_options;
	-- as they are now: somebody else may have set the other one meanwhile
	PERFORM ordersync.check_field_options(v_options);
	PERFORM ordersync.set_shop_due(shop_id, v_before.options);
	PERFORM ordersync.restart_cut(shop_id);
	IF options ->> 'privacy' = 'strict' THEN
		PERFORM ordersync.remove_hidden_fields(shop_id);
	END IF;
	PERFORM ordersync.record_change('shop', to_jsonb(v_before), to_jsonb(s), NULL)
	FROM ordersync.shops s
	WHERE s.shop_id = ordersync_set_shop.shop_id;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_shop(bigint, jsonb) IS
	'merges options into a shop''s: streams, details, payloads, privacy, incremental, full_run, freshness_target, full_run_target, fields_add, fields_drop; null removes one';

/*
 * The platform calls the credential a session key.  The name with data_key is
 * the older one of two for the same call; whatever hides secrets in the server's
 * log must know both (secret_log.c).
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_session_key(
	shop_id bigint,
	session_key text,
	expires_at timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.hide_statement();
	PERFORM ordersync.renew_data_key(shop_id, session_key, expires_at);
	PERFORM ordersync.record_action('data key set', shop_id, p_details => jsonb_build_object('expires_at', expires_at));
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_session_key(bigint, text, timestamptz) IS
	'stores the renewed session key (data key) of a shop; tasks that waited for it continue where they stopped';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_data_key(
	shop_id bigint,
	data_key text,
	expires_at timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.hide_statement();
	PERFORM ordersync.renew_data_key(shop_id, data_key, expires_at);
	PERFORM ordersync.record_action('data key set', shop_id, p_details => jsonb_build_object('expires_at', expires_at));
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_data_key(bigint, text, timestamptz) IS
	'the same as ordersync_set_session_key';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_pause_shop(shop_id bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	-- tasks before the shop, as a settle locks them
	PERFORM ordersync.release_tasks(shop_id);
	UPDATE ordersync.shops s
	SET enabled = false,
		updated_at = now()
	WHERE s.shop_id = ordersync_pause_shop.shop_id
		AND s.enabled;
	IF FOUND THEN
		PERFORM ordersync.record_shop_state(shop_id, 'paused');
		PERFORM ordersync.recall();
		PERFORM ordersync.set_shop_due(shop_id, NULL);
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_pause_shop(bigint) IS
	'pauses a shop: its calls in flight are dropped, nothing of it is stored any more and no task claimed until ordersync_resume_shop, where its runs go on';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_resume_shop(shop_id bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	UPDATE ordersync.shops s
	SET enabled = true,
		updated_at = now()
	WHERE s.shop_id = ordersync_resume_shop.shop_id
		AND NOT s.enabled;
	IF FOUND THEN
		PERFORM ordersync.record_shop_state(shop_id, 'resumed');
		PERFORM ordersync.set_shop_due(shop_id, NULL);
	END IF;
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_resume_shop(bigint) IS
	'resumes a paused shop; its runs go on where they stopped';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_remove_shop(shop_id bigint, purge boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_run bigint;
	v_nick text;
	v_table text;
	v_rows bigint;
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	PERFORM ordersync.lock_shop(shop_id);

	FOR v_run IN
		SELECT r.run_id
		FROM ordersync.sync_runs r
		WHERE r.shop_id = ordersync_remove_shop.shop_id
			AND r.state IN ('pending', 'running')
	LOOP
		PERFORM ordersync.cancel_run(v_run);
	END LOOP;

	DELETE FROM ordersync.secrets s
	WHERE s.kind = 'data_key'
		AND s.name = ordersync_remove_shop.shop_id::text;
	DELETE FROM ordersync.shops s
	WHERE s.shop_id = ordersync_remove_shop.shop_id
	RETURNING s.seller_nick INTO v_nick;
	PERFORM ordersync.record_shop_state(shop_id, 'removed', jsonb_build_object('seller_nick', v_nick, 'purge', purge));

	IF purge THEN
		FOR v_table IN
			SELECT t.name
			FROM ordersync.tables_by_shop() t (name)
			-- who removed it, and whose it was, is still asked; what was announced is still counted by those who read it
			WHERE t.name NOT IN ('setup_history', 'change_feed')
		LOOP
			EXECUTE format('DELETE FROM ordersync.%I WHERE shop_id = $1', v_table) USING shop_id;
			GET DIAGNOSTICS v_rows = ROW_COUNT;
			IF v_rows > 0 THEN
				RAISE NOTICE USING
					MESSAGE = format('%s rows of shop %s deleted from ordersync.%I', v_rows, shop_id, v_table);
			END IF;
		END LOOP;
		UPDATE ordersync.change_feed f
		SET messages = NULL
		WHERE f.shop_id = ordersync_remove_shop.shop_id
			AND f.messages IS NOT NULL;
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_remove_shop(bigint, boolean) IS
	'removes a shop and its data key and cancels its runs, also what is in flight; its orders and after-sales stay unless purge is true';
