/*
 * Gateways: adding, changing, removing.  And the checks that all set-up shares.
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
	PERFORM ordersync.set_up_when_older();
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
BEGIN
	p_name := ordersync.clean_typed('the gateway''s name', p_name, 63);
	p_base_url := ordersync.clean_typed('the gateway''s URL', p_base_url, 2048);
	p_app_key := ordersync.clean_secret('the application key', p_app_key);
	p_app_secret := ordersync.clean_secret('the application secret', p_app_secret);
	p_options := ordersync.clean_proxy(p_options);
	IF p_name IS NULL OR p_name !~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a gateway needs a name of letters, digits, "_", "-" and "."',
			HINT = 'Name it "taobao" to make it the one that shops use by default.';
	END IF;

	SELECT g.* INTO v_old
	FROM ordersync.gateways g
	WHERE g.name = p_name
	FOR UPDATE;
	v_known := FOUND;

	IF p_base_url IS NOT NULL OR NOT v_known THEN
		PERFORM ordersync.check_url(p_base_url);
	END IF;
	IF p_app_key = '' OR (p_app_key IS NULL AND NOT v_known) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the application key is empty',
			HINT = 'It is the number (AppKey) that the platform''s console shows for the application.';
	END IF;
	IF p_app_secret = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the application secret is empty',
			HINT = 'It stands beside the AppKey in the platform''s console; NULL leaves it for a later call.';
	END IF;
	IF p_protocol <> 'top' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unknown protocol "%s"', p_protocol),
			HINT = 'Known protocols: top.';
	END IF;
	IF p_sign_method NOT IN ('md5', 'hmac', 'hmac-sha256') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unknown sign method "%s"', p_sign_method),
			HINT = 'Known sign methods: md5, hmac, hmac-sha256.';
	END IF;
	PERFORM ordersync.check_gateway_options(p_options);
	-- all that can be wrong is asked before a secret is needed
	IF p_app_secret IS NOT NULL OR NOT v_known THEN
		PERFORM ordersync.prepare_key_file();
	END IF;

	INSERT INTO ordersync.gateways AS g (name, base_url, app_key, protocol, sign_method, options)
	VALUES (p_name,
		COALESCE(p_base_url, v_old.base_url),
		COALESCE(p_app_key, v_old.app_key),
		COALESCE(p_protocol, v_old.protocol, 'top'),
		COALESCE(p_sign_method, v_old.sign_method, 'hmac-sha256'),
		ordersync.merge_options(COALESCE(v_old.options, '{}'), p_options))
	ON CONFLICT (name) DO UPDATE
	SET base_url = excluded.base_url,
		app_key = excluded.app_key,
		protocol = excluded.protocol,
		sign_method = excluded.sign_method,
		options = excluded.options,
		updated_at = now();

	IF v_known THEN
		PERFORM ordersync.lift_ban(p_name);	-- another application has another quota
	END IF;
	IF p_app_secret IS NOT NULL THEN
		PERFORM ordersync.store_secret('app_secret', p_name, p_app_secret);
		UPDATE ordersync.gateways g
		SET secret_state = 'ok',
			secret_message = NULL
		WHERE g.name = p_name;
	ELSIF NOT v_known OR v_old.secret_state = 'missing' THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('gateway "%s" waits for its application secret', p_name),
			HINT = pg_catalog.format('Give it with SELECT ordersync_add_gateway(%L, NULL, NULL, app_secret).', p_name);
	END IF;

	-- another place or another application: whose the keys are is open again
	IF v_known AND (p_app_secret IS NOT NULL
			OR p_base_url <> v_old.base_url
			OR p_app_key <> v_old.app_key
			OR p_protocol <> v_old.protocol) THEN
		UPDATE ordersync.shops s
		SET key_state = 'unchecked',
			key_message = NULL,
			key_refusals = 0,
			key_check_at = NULL,
			updated_at = now()
		WHERE s.gateway = p_name
			AND s.key_state NOT IN ('unchecked', 'missing');
	END IF;
	IF v_known THEN
		PERFORM ordersync.use_secrets(p_name);
		PERFORM ordersync.warn_moved(p_name, ordersync.destination(v_old.base_url, v_old.options ->> 'proxy'));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.store_gateway(text, text, text, text, text, text, jsonb) IS
	'checks and stores a gateway; NULL keeps what is stored';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_gateway(name text, options jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_name text := ordersync.clean_typed('the gateway''s name', name, 63);
	v_options jsonb := ordersync.clean_proxy(options);
	v_before text;
BEGIN
	PERFORM ordersync.check_gateway_options(v_options);

	SELECT ordersync.destination(g.base_url, g.options ->> 'proxy')
	INTO v_before
	FROM ordersync.gateways g
	WHERE g.name = v_name
	FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM ordersync.refuse_gateway(v_name);
	END IF;
	UPDATE ordersync.gateways g
	SET options = ordersync.merge_options(g.options, v_options),
		updated_at = now()
	WHERE g.name = v_name;
	PERFORM ordersync.use_secrets(v_name);
	PERFORM ordersync.warn_moved(v_name, v_before);

	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_gateway(text, jsonb) IS
	'merges options into a gateway''s: calls_per_second, page_size, max_window, arrival_check, types_add, proxy; null takes one out';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_lift_ban(name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF NOT ordersync.lift_ban(name) THEN
		PERFORM ordersync.refuse_gateway(name);
	END IF;
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_lift_ban(text) IS
	'calls through the gateway are made again at once, whatever silence the platform asked for before';

CREATE OR REPLACE FUNCTION ordersync.lift_ban(p_name text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET throttled_until = NULL,
		lifted_at = pg_catalog.clock_timestamp()
	WHERE g.name = p_name;
	RETURN FOUND;
END
$function$;
COMMENT ON FUNCTION ordersync.lift_ban(text) IS
	'ends the silence of a gateway; false when there is none of that name';

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
			MESSAGE = format('gateway "%s" has shops', v_name),
			DETAIL = format('Shops: %s.', v_shops),
			HINT = 'Remove them with SELECT ordersync_remove_shop(shop_id), or give them another gateway with ordersync_add_shop.';
	END IF;

	DELETE FROM ordersync.gateways g
	WHERE g.name = v_name;
	IF NOT FOUND THEN
		PERFORM ordersync.refuse_gateway(v_name);
	END IF;
	DELETE FROM ordersync.secrets s
	WHERE s.kind = 'app_secret'
		AND s.name = v_name;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_remove_gateway(text) IS
	'removes a gateway that no shop uses, and its secret';

CREATE OR REPLACE FUNCTION ordersync.refuse_gateway(p_name text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'undefined_object',
		MESSAGE = format('unknown gateway "%s"', p_name),
		DETAIL = COALESCE((SELECT 'Known gateways: ' || string_agg(g.name, ', ' ORDER BY g.name) || '.'
			FROM ordersync.gateways g), 'There is no gateway yet.'),
		HINT = 'Add it with SELECT ordersync_add_gateway(name, base_url, app_key, app_secret).';
END
$function$;
COMMENT ON FUNCTION ordersync.refuse_gateway(text) IS
	'raises the error for a gateway that is not there';

CREATE OR REPLACE FUNCTION ordersync.check_gateway_options(p_options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_key text;
	v_value jsonb;
	v_text text;
BEGIN
	PERFORM ordersync.check_option_keys(p_options,
		ARRAY['arrival_check', 'calls_per_second', 'max_window', 'page_size', 'proxy', 'types_add']);

	FOR v_key, v_value IN
		SELECT e.key, e.value
		FROM pg_catalog.jsonb_each(p_options) e
		WHERE e.value <> 'null'
	LOOP
		v_text := v_value #>> '{}';
		CASE v_key
			WHEN 'arrival_check' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'boolean', 'true or false');
			WHEN 'calls_per_second' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'number'
					AND v_text::numeric BETWEEN 0 AND 100000, 'a number from 0 (no limit) on');
			WHEN 'page_size' THEN
				PERFORM ordersync.check_option(v_key, v_text ~ '^[0-9]{1,3}$'
					AND v_text::integer BETWEEN 1 AND 100, 'a whole number from 1 to 100');
			WHEN 'max_window' THEN
				PERFORM ordersync.check_option(v_key, v_text ~ '^[0-9]{1,5} ?(s|seconds?|min|minutes?|h|hours?|day)$'
					AND v_text::interval BETWEEN interval '1 minute' AND interval '1 day',
					'a span from "1 minute" to "1 day"');
			WHEN 'types_add' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'array'
					AND pg_catalog.jsonb_array_length(v_value) BETWEEN 1 AND 50
					AND NOT v_value @? 'strict $[*] ? (@.type() != "string" || !(@ like_regex "^[A-Za-z0-9_]{1,60}$"))',
					'a list of types of orders, as ["new_kind"]');
			WHEN 'proxy' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'string',
					'scheme://host:port, without user or password');
				PERFORM ordersync.check_proxy(v_text);
		END CASE;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.check_gateway_options(jsonb) IS
	'raises an error for options that a gateway does not have';

CREATE OR REPLACE FUNCTION ordersync.types_added(p_options jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.string_agg(DISTINCT t.type, ',')
	FROM pg_catalog.jsonb_array_elements_text(p_options -> 'types_add') AS t (type)
	WHERE t.type <> ALL (pg_catalog.string_to_array(ordersync.listed_types(), ','))
$function$;
COMMENT ON FUNCTION ordersync.types_added(jsonb) IS
	'types of orders that a gateway''s options add to those that the lists ask for, divided by commas; NULL for none';

CREATE OR REPLACE FUNCTION ordersync.check_option_keys(p_options jsonb, p_known text[])
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_key text;
BEGIN
	IF p_options IS NULL THEN
		RETURN;
	END IF;
	IF pg_catalog.jsonb_typeof(p_options) <> 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'options must be a JSON object',
			HINT = pg_catalog.format('Known options: %s.', pg_catalog.array_to_string(p_known, ', '));
	END IF;

	SELECT k INTO v_key
	FROM pg_catalog.jsonb_object_keys(p_options) k
	WHERE k <> ALL (p_known)
	ORDER BY k
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unknown option "%s"', v_key),
			HINT = pg_catalog.format('Known options: %s.', pg_catalog.array_to_string(p_known, ', '));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_option_keys(jsonb, text[]) IS
	'raises an error for an option that is not among the known ones';

CREATE OR REPLACE FUNCTION ordersync.check_option(p_key text, p_good boolean, p_expected text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_good IS NOT TRUE THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('bad value for option "%s"', p_key),
			HINT = pg_catalog.format('It must be %s; null takes the option out.', p_expected);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_option(text, boolean, text) IS
	'raises an error for an option''s value, saying what is expected';

CREATE OR REPLACE FUNCTION ordersync.merge_options(p_old jsonb, p_new jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.jsonb_object_agg(e.key, e.value), '{}')
	FROM pg_catalog.jsonb_each(p_old || COALESCE(p_new, '{}')) e
	WHERE e.value <> 'null'
$function$;
COMMENT ON FUNCTION ordersync.merge_options(jsonb, jsonb) IS
	'the old options with the new ones put over them; null takes an option out';

CREATE OR REPLACE FUNCTION ordersync.store_secret(p_kind text, p_name text, p_secret text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_destination text := ordersync.gateway_destination(CASE p_kind
		WHEN 'app_secret' THEN p_name
		ELSE (SELECT s.gateway FROM ordersync.shops s WHERE s.shop_id = p_name::bigint)
	END);
BEGIN
	INSERT INTO ordersync.secrets AS s (kind, name, destination, sealed, updated_at)
	VALUES (p_kind, p_name, v_destination, ordersync.seal(p_secret, p_kind, p_name, v_destination), clock_timestamp())
	ON CONFLICT (kind, name) DO UPDATE
	SET destination = excluded.destination,
		sealed = excluded.sealed,
		updated_at = excluded.updated_at;
END
$function$;
COMMENT ON FUNCTION ordersync.store_secret(text, text, text) IS
	'seals a secret for where its gateway leads now, and stores it';

/*
 * What people paste has line ends, blanks and characters that nobody sees around
 * it.  They are taken off and said; inside they are refused, where nobody means
 * them.  The value itself is in no message: it may be a secret.
 */
CREATE OR REPLACE FUNCTION ordersync.clean_typed(p_what text, p_value text, p_max integer)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	c_space constant text := E'[\\s\\u0085\\u00A0\\u1680\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u2064\\u3000\\uFEFF]';
	v_value text := p_value;
BEGIN
	-- what is far too long is not even looked at
	IF pg_catalog.length(p_value) <= p_max + 1000 THEN
		v_value := pg_catalog.regexp_replace(p_value, '^' || c_space || '+', '');
		v_value := pg_catalog.regexp_replace(v_value, c_space || '+$', '');
	END IF;
	IF pg_catalog.length(v_value) > p_max THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s is too long', p_what),
			DETAIL = pg_catalog.format('It has %s characters; at most %s are taken.', pg_catalog.length(v_value), p_max),
			HINT = 'See what was pasted.';
	END IF;
	IF v_value ~ E'[\\u0001-\\u001F\\u007F-\\u009F\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u2064\\uFEFF]' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s has a line end or another character inside that cannot be seen', p_what),
			HINT = 'See what was pasted.';
	END IF;
	IF v_value <> p_value AND v_value <> '' THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('white space around %s was taken off', p_what);
	END IF;
	RETURN v_value;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_typed(text, text, integer) IS
	'what was typed, without white space around it; refuses what is too long or has characters inside that cannot be seen';

CREATE OR REPLACE FUNCTION ordersync.clean_secret(p_what text, p_value text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_value text := ordersync.clean_typed(p_what, p_value, 1024);
BEGIN
	IF v_value ~ E'[\\s\\u00A0\\u2000-\\u200A\\u202F\\u205F\\u3000]' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s has white space inside', p_what),
			HINT = 'See what was pasted.';
	END IF;
	RETURN v_value;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_secret(text, text) IS
	'a key or secret as typed, without white space around it; refuses white space inside';

CREATE OR REPLACE FUNCTION ordersync.clean_proxy(p_options jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT CASE
		WHEN pg_catalog.jsonb_typeof(p_options) = 'object' AND pg_catalog.jsonb_typeof(p_options -> 'proxy') = 'string' THEN
			p_options || pg_catalog.jsonb_build_object('proxy', ordersync.clean_typed('the proxy', p_options ->> 'proxy', 2048))
		ELSE p_options
	END
$function$;
COMMENT ON FUNCTION ordersync.clean_proxy(jsonb) IS
	'a gateway''s options with the white space around the proxy taken off';
