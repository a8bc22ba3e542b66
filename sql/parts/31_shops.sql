/*
 * Shops: adding, changing, data keys, pausing, removing.
 *
 * A shop keeps its seller for life: what is stored under its shop_id must
 * never come from two sellers, so another seller_nick is refused once anything
 * was read.
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
	IF to_regclass('ordersync.shops') IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'there is no gateway yet',
			HINT = 'Begin with SELECT ordersync_add_gateway(''taobao'', base_url, app_key, app_secret).';
	END IF;
	PERFORM ordersync.store_shop(shop_id, seller_nick, data_key, gateway, options);
	PERFORM ordersync.wake();
	RETURN shop_id;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_add_shop(bigint, text, text, text, jsonb) IS
	'adds a shop, or changes what is given of one; NULL keeps what is stored';

CREATE OR REPLACE FUNCTION ordersync.store_shop(
	p_shop bigint,
	p_nick text,
	p_key text,
	p_gateway text,
	p_options jsonb)
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
			MESSAGE = 'shop_id is NULL',
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
			MESSAGE = 'the seller''s name is empty',
			HINT = 'It is the seller_nick that the platform shows for the shop; the data key must belong to it.';
	END IF;
	IF p_key = '' THEN
		PERFORM ordersync.refuse_key(p_shop);
	END IF;
	IF v_known AND p_nick <> ALL (v_old.seller_nicks) THEN
		PERFORM ordersync.refuse_other_seller(v_old, p_nick, COALESCE(v_alone, false));
	END IF;
	IF NOT v_known OR p_gateway IS NOT NULL THEN
		PERFORM 1
		FROM ordersync.gateways g
		WHERE g.name = COALESCE(p_gateway, 'taobao');
		IF NOT FOUND THEN
			PERFORM ordersync.refuse_gateway(COALESCE(p_gateway, 'taobao'));
		END IF;
	END IF;
	PERFORM ordersync.check_shop_options(p_options);
	PERFORM ordersync.check_field_options(ordersync.merge_options(COALESCE(v_old.options, '{}'), p_options));

	IF v_known THEN
		PERFORM ordersync.check_allowed(p_shop);
	ELSE
		PERFORM ordersync.check_leftovers(p_shop, p_nick);
	END IF;
	-- all that can be wrong is asked before a secret is needed
	IF p_key IS NOT NULL OR NOT v_known THEN
		PERFORM ordersync.prepare_key_file();
	END IF;

	IF NOT v_known THEN
		INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, options, key_state)
		VALUES (p_shop, p_nick, ARRAY[p_nick], COALESCE(p_gateway, 'taobao'),
			ordersync.merge_options('{}', p_options), 'missing');
		IF ordersync.was_read(p_shop) THEN
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
		IF p_nick <> ALL (v_old.seller_nicks) THEN
			PERFORM ordersync.change_seller(p_shop, p_nick);
		END IF;
	END IF;

	PERFORM ordersync.restart_cut(p_shop);
	IF p_options ->> 'privacy' = 'strict' THEN
		PERFORM ordersync.forget_hidden(p_shop);
	END IF;
	IF p_key IS NOT NULL THEN
		PERFORM ordersync.store_data_key(p_shop, p_key, NULL);
	ELSIF NOT v_known OR v_old.key_state = 'missing' THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('shop %s waits for its data key', p_shop),
			HINT = pg_catalog.format('Give it with SELECT ordersync_set_data_key(%s, data_key).', p_shop);
	ELSIF p_gateway <> v_old.gateway THEN
		PERFORM ordersync.check_destinations(p_gateway, p_shop);
		PERFORM ordersync.warn_keys(ARRAY[p_shop]);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.store_shop(bigint, text, text, text, jsonb) IS
	'checks and stores a shop';

CREATE OR REPLACE FUNCTION ordersync.clean_nick(p_nick text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_nick text := ordersync.clean_typed('the seller''s name', p_nick, 64);
BEGIN
	IF v_nick <> ordersync.unescape(v_nick) THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('the seller''s name is taken for "%s"', ordersync.unescape(v_nick));
	END IF;
	RETURN ordersync.unescape(v_nick);
END
$function$;
COMMENT ON FUNCTION ordersync.clean_nick(text) IS
	'a seller''s name as typed, without white space around it and without escapes';

/*
 * Only where nothing came in under the old name, and nothing can: a worker that
 * has claimed a task goes on with the names that it got.  So that no claim is
 * made meanwhile, either no run is active, or the key's state lets none begin
 * but by the shop's row, which the caller has locked, as it has the shop against
 * triggers (p_alone).
 */
CREATE OR REPLACE FUNCTION ordersync.refuse_other_seller(p_shop record, p_nick text, p_alone boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_busy boolean;
BEGIN
	v_busy := NOT p_alone
		OR EXISTS (
			SELECT
			FROM ordersync.sync_tasks t
			WHERE t.shop_id = p_shop.shop_id
				AND t.state = 'running')
		OR p_shop.key_state IN ('ok', 'unverified') AND EXISTS (
			SELECT
			FROM ordersync.sync_runs r
			WHERE r.shop_id = p_shop.shop_id
				AND r.state IN ('pending', 'running'));
	IF ordersync.was_read(p_shop.shop_id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('shop %s belongs to another seller', p_shop.shop_id),
			DETAIL = pg_catalog.format('It is the shop of "%s", not of "%s".', p_shop.seller_nick, p_nick),
			HINT = pg_catalog.format('Choose another shop_id; or, if the shop was a mistake: SELECT ordersync_remove_shop(%s, purge => true).', p_shop.shop_id);
	ELSIF v_busy THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_in_use',
			MESSAGE = pg_catalog.format('shop %s is about to be read under its name', p_shop.shop_id),
			DETAIL = pg_catalog.format('It is the shop of "%s", not of "%s".', p_shop.seller_nick, p_nick),
			HINT = pg_catalog.format('Cancel its runs first: SELECT ordersync_cancel(run_id) FROM ordersync.sync_runs WHERE shop_id = %s AND state IN (''pending'', ''running'').', p_shop.shop_id);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.refuse_other_seller(record, text, boolean) IS
	'raises an error unless the shop was never read and is not about to be';

CREATE OR REPLACE FUNCTION ordersync.was_read(p_shop bigint)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT EXISTS (SELECT FROM ordersync.orders o WHERE o.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.after_sales a WHERE a.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.order_payloads o WHERE o.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.after_sale_payloads a WHERE a.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.quarantine q WHERE q.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.coverage c WHERE c.shop_id = p_shop AND c.ranges <> '{}')
$function$;
COMMENT ON FUNCTION ordersync.was_read(bigint) IS
	'whether anything of a shop was read, even if it brought nothing';

CREATE OR REPLACE FUNCTION ordersync.change_seller(p_shop bigint, p_nick text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_before text;
BEGIN
	SELECT s.seller_nick INTO v_before
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
	UPDATE ordersync.shops s
	SET seller_nick = p_nick,
		seller_nicks = ARRAY[p_nick],
		user_id = NULL,
		key_state = CASE WHEN s.key_state IN ('moved', 'missing') THEN s.key_state ELSE 'unchecked' END,
		key_message = CASE s.key_state WHEN 'moved' THEN s.key_message END,
		updated_at = now()
	WHERE s.shop_id = p_shop;
	RAISE NOTICE USING
		MESSAGE = pg_catalog.format('shop %s is the shop of "%s" now, not of "%s"', p_shop, p_nick, v_before);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.change_seller(bigint, text) IS
	'gives a shop that was never read another seller''s name';

CREATE OR REPLACE FUNCTION ordersync.check_leftovers(p_shop bigint, p_nick text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_nick text;
BEGIN
	SELECT o.seller_nick INTO v_nick
	FROM ordersync.orders o
	WHERE o.shop_id = p_shop
	LIMIT 1;
	IF ordersync.unescape(v_nick) <> p_nick THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('shop %s still holds orders of another seller', p_shop),
			DETAIL = pg_catalog.format('They are of "%s", not of "%s".', v_nick, p_nick),
			HINT = 'Choose another shop_id; or add the shop with the old name and remove it with purge => true.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_leftovers(bigint, text) IS
	'raises an error where a removed shop left orders of another seller under the number';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_shop(shop_id bigint, options jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_options jsonb;
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	PERFORM ordersync.check_shop_options(options);

	UPDATE ordersync.shops s
	SET options = ordersync.merge_options(s.options, ordersync_set_shop.options),
		updated_at = now()
	WHERE s.shop_id = ordersync_set_shop.shop_id
	RETURNING s.options INTO v_options;
	-- as they are now: somebody else may have set the other one meanwhile
	PERFORM ordersync.check_field_options(v_options);
	PERFORM ordersync.restart_cut(shop_id);
	IF options ->> 'privacy' = 'strict' THEN
		PERFORM ordersync.forget_hidden(shop_id);
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_shop(bigint, jsonb) IS
	'merges options into a shop''s: streams, details, payloads, privacy, incremental, full_run, fields_add, fields_drop; null takes one out';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_data_key(
	shop_id bigint,
	data_key text,
	expires_at timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_key text;
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	v_key := ordersync.clean_secret('the data key', data_key);
	IF v_key IS NULL OR v_key = '' THEN
		PERFORM ordersync.refuse_key(shop_id);
	END IF;
	IF expires_at <= now() THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the data key has expired already',
			DETAIL = format('It expires at %s Asia/Shanghai.', ordersync.show_instant(expires_at)),
			HINT = 'Ask the seller for a new authorisation and give its key.';
	END IF;

	PERFORM ordersync.prepare_key_file();
	PERFORM ordersync.store_data_key(shop_id, v_key, expires_at);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_data_key(bigint, text, timestamptz) IS
	'renews a shop''s data key; work that stopped for want of it goes on where it stood';

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

CREATE OR REPLACE FUNCTION @extschema@.ordersync_pause_shop(shop_id bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	UPDATE ordersync.shops s
	SET enabled = false,
		updated_at = now()
	WHERE s.shop_id = ordersync_pause_shop.shop_id;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_pause_shop(bigint) IS
	'claims no more tasks of the shop until ordersync_resume_shop; windows that are being read are read to their end';

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
	WHERE s.shop_id = ordersync_resume_shop.shop_id;
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_resume_shop(bigint) IS
	'takes up a paused shop''s work again';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_remove_shop(shop_id bigint, purge boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_run bigint;
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
	WHERE s.shop_id = ordersync_remove_shop.shop_id;

	IF purge THEN
		FOR v_table IN
			SELECT t.name
			FROM ordersync.tables_by_shop() t (name)
		LOOP
			EXECUTE format('DELETE FROM ordersync.%I WHERE shop_id = $1', v_table) USING shop_id;
			GET DIAGNOSTICS v_rows = ROW_COUNT;
			IF v_rows > 0 THEN
				RAISE NOTICE USING
					MESSAGE = format('%s rows of shop %s deleted from ordersync.%I', v_rows, shop_id, v_table);
			END IF;
		END LOOP;
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_remove_shop(bigint, boolean) IS
	'removes a shop and its data key and cancels its runs; what it holds stays unless purge is true';

CREATE OR REPLACE FUNCTION ordersync.tables_by_shop()
RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT c.relname::text
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'ordersync'::pg_catalog.regnamespace
		AND c.relkind IN ('r', 'p')
		AND NOT c.relispartition
		AND a.attname = 'shop_id'
		AND NOT a.attisdropped
	ORDER BY c.relname
$function$;
COMMENT ON FUNCTION ordersync.tables_by_shop() IS
	'the tables whose rows belong to a shop';

CREATE OR REPLACE FUNCTION ordersync.check_shop(p_shop bigint)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.shops') IS NOT NULL THEN
		PERFORM 1
		FROM ordersync.shops s
		WHERE s.shop_id = p_shop;
		IF FOUND THEN
			PERFORM ordersync.check_allowed(p_shop);
			RETURN;
		END IF;
	END IF;

	RAISE EXCEPTION USING
		ERRCODE = 'undefined_object',
		MESSAGE = pg_catalog.format('unknown shop %s', COALESCE(p_shop::text, 'NULL')),
		HINT = 'The shops are in ordersync.shops; add one with SELECT ordersync_add_shop(shop_id, seller_nick, data_key).';
END
$function$;
COMMENT ON FUNCTION ordersync.check_shop(bigint) IS
	'raises an error for a shop that is not there or that the caller may not use';

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

CREATE OR REPLACE FUNCTION ordersync.check_shop_options(p_options jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_key text;
	v_value jsonb;
	v_text text;
BEGIN
	PERFORM ordersync.check_option_keys(p_options, ARRAY['details', 'fields_add', 'fields_drop',
		'full_run', 'incremental', 'payloads', 'privacy', 'streams']);

	FOR v_key, v_value IN
		SELECT e.key, e.value
		FROM pg_catalog.jsonb_each(p_options) e
		WHERE e.value <> 'null'
	LOOP
		v_text := v_value #>> '{}';
		CASE v_key
			WHEN 'details' THEN
				PERFORM ordersync.check_option(v_key, v_value IN ('"off"', '"changed"'), '"off" or "changed"');
			WHEN 'privacy' THEN
				PERFORM ordersync.check_option(v_key, v_value IN ('"normal"', '"strict"'), '"normal" or "strict"');
			WHEN 'payloads' THEN
				PERFORM ordersync.check_option(v_key, v_value IN ('"keep"', '"off"')
					OR v_text ~ '^([0-9]{1,4} days?|[0-9]{1,3} months?|[0-9]{1,2} years?)$', '"keep", "off" or an age like "90 days"');
			WHEN 'incremental', 'full_run' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'string'
					AND (v_text = 'off' OR v_text ~ '^[-0-9*,/]+( +[-0-9*,/A-Za-z]+){4}$'),
					'"off" or a cron schedule like "10 0 * * *"');
			WHEN 'streams' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'array'
					AND v_value <> '[]' AND v_value <@ '["orders", "after_sales"]',
					'a list of "orders" and "after_sales"');
			WHEN 'fields_add', 'fields_drop' THEN
				PERFORM ordersync.check_field_names(v_key, v_value);
		END CASE;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.check_shop_options(jsonb) IS
	'raises an error for options that a shop does not have';
