/*
 * The options that a gateway has.
 */
CREATE OR REPLACE FUNCTION ordersync.check_gateway_options(p_protocol text, p_options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_key text;
	v_value jsonb;
	v_text text;
	v_header text;
BEGIN
	PERFORM ordersync.check_option_keys(p_options,
		ARRAY['arrival_check', 'calls_in_flight', 'calls_per_day', 'calls_per_day_reserved', 'calls_per_second', 'max_window',
			'method_weights', 'page_size', 'proxy', 'types_add']
			|| ordersync.gateway_protocols(true));

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
			WHEN 'calls_per_day' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'number'
					AND v_text ~ '^[0-9]{1,10}$' AND v_text::bigint > 0, 'a whole number from 1 on');
			WHEN 'calls_per_day_reserved' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'number'
					AND v_text ~ '^[0-9]{1,10}$', 'a whole number of calls from 0 on, less than calls_per_day');
			WHEN 'calls_in_flight' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'number'
					AND v_text ~ '^[0-9]{1,5}$' AND v_text::bigint > 0, 'a whole number from 1 to 99999');
			WHEN 'method_weights' THEN
				PERFORM ordersync.check_method_weights(v_value);
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
					'https://host:port or http://host:port, without user or password');
				PERFORM ordersync.check_proxy(v_text);
			ELSE	-- of a protocol
				IF v_key <> p_protocol THEN
					RAISE EXCEPTION USING
						ERRCODE = 'invalid_parameter_value',
						MESSAGE = pg_catalog.format('option "%s" belongs to another protocol', v_key),
						DETAIL = pg_catalog.format('The gateway''s protocol is "%s".', p_protocol),
						HINT = pg_catalog.format('A gateway of that protocol is added with ordersync_add_gateway(name, base_url, NULL, NULL, %L).', v_key);
				END IF;
		END CASE;
	END LOOP;

	IF p_options ? p_protocol THEN
		v_header := ordersync.check_gateway_map(p_protocol, p_options::text);
		IF v_header IS NOT NULL THEN
			RAISE WARNING USING
				MESSAGE = pg_catalog.format('the value of header "%s" is stored in clear', v_header),
				DETAIL = 'By its name it is a secret. Who may read ordersync.gateways can read it.',
				HINT = pg_catalog.format('Leave it out, and set it with SELECT ordersync_set_gateway_secret(name, %L, value).', 'header:' || v_header);
		END IF;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_gateway_options(text, jsonb) IS
	'raises an error for options that a gateway of a protocol does not have';

CREATE OR REPLACE FUNCTION ordersync.check_method_weights(p_weights jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_expected text := 'an object of methods and the tokens that a call of each takes, from 0.01 to 1000, as {"taobao.trade.fullinfo.get": 2}';
	v_method text;
	v_weight jsonb;
BEGIN
	PERFORM ordersync.check_option('method_weights', pg_catalog.jsonb_typeof(p_weights) = 'object', v_expected);
	FOR v_method, v_weight IN
		SELECT e.key, e.value
		FROM pg_catalog.jsonb_each(p_weights) e
	LOOP
		PERFORM ordersync.check_option('method_weights', pg_catalog.length(v_method) BETWEEN 1 AND 200
			AND pg_catalog.jsonb_typeof(v_weight) = 'number'
			AND (v_weight #>> '{}')::numeric BETWEEN 0.01 AND 1000, v_expected);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.check_method_weights(jsonb) IS
	'raises an error for weights of methods that are none; part of ordersync.check_gateway_options()';

/* Of what is stored and what is given, together. */
CREATE OR REPLACE FUNCTION ordersync.check_reserved_calls(p_options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_options ? 'calls_per_day_reserved' AND NOT p_options ? 'calls_per_day' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'option "calls_per_day_reserved" needs option "calls_per_day"',
			HINT = 'Set calls_per_day as well, or calls_per_day_reserved to null.';
	END IF;
	PERFORM ordersync.check_option('calls_per_day_reserved',
		(p_options ->> 'calls_per_day_reserved')::bigint < (p_options ->> 'calls_per_day')::bigint IS NOT FALSE,
		'less than calls_per_day');
END
$function$;
COMMENT ON FUNCTION ordersync.check_reserved_calls(jsonb) IS
	'raises an error where all of a gateway''s calls a day, or calls of an unlimited day, would be reserved';

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
	'a gateway''s options with the white space around the proxy removed';
