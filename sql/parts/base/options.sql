/*
 * Options of gateways and shops: JSON objects with known members.
 */
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
			MESSAGE = pg_catalog.format('unrecognized option "%s"', v_key),
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
			MESSAGE = pg_catalog.format('invalid value for option "%s"', p_key),
			HINT = pg_catalog.format('It must be %s. Use null to remove the option.', p_expected);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_option(text, boolean, text) IS
	'raises an error for an option''s value, saying what is expected';

CREATE OR REPLACE FUNCTION ordersync.merge_options(p_old jsonb, p_new jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE	-- a function in SQL would be planned at each call
AS $function$
BEGIN
	RETURN (
		SELECT COALESCE(pg_catalog.jsonb_object_agg(e.key, e.value), '{}')
		FROM pg_catalog.jsonb_each(p_old || COALESCE(p_new, '{}')) e
		WHERE e.value <> 'null');
END
$function$;
COMMENT ON FUNCTION ordersync.merge_options(jsonb, jsonb) IS
	'the old options, overridden by the new ones; null removes an option';

CREATE OR REPLACE FUNCTION ordersync.option_names(p_names jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.array_agg(e.name ORDER BY e.i)
	FROM pg_catalog.jsonb_array_elements_text(p_names) WITH ORDINALITY AS e (name, i)
$function$;
COMMENT ON FUNCTION ordersync.option_names(jsonb) IS
	'the names in an option that is a list of fields';
