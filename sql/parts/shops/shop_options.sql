/*
 * The options that a shop has; those about fields are checked in field_options.sql.
 */
CREATE OR REPLACE FUNCTION ordersync.check_shop_options(p_options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_key text;
	v_value jsonb;
	v_text text;
BEGIN
	PERFORM ordersync.check_option_keys(p_options, ARRAY['details', 'fields_add', 'fields_drop',
		'freshness_target', 'full_run', 'full_run_target', 'incremental', 'payloads', 'privacy', 'streams']);

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
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'string',
					'"off" or a cron schedule like "10 0 * * *"');
				PERFORM ordersync.check_schedule(v_text);
			WHEN 'freshness_target', 'full_run_target' THEN
				PERFORM ordersync.check_option(v_key, pg_catalog.jsonb_typeof(v_value) = 'string'
					AND v_text ~ '^(off|[1-9][0-9]{0,5} (minutes?|hours?|days?))$', '"off" or a time like "26 hours"');
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

CREATE OR REPLACE FUNCTION ordersync.reads_stream(p_options jsonb, p_stream text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(p_options -> 'streams', '["orders", "after_sales"]') ? p_stream
$function$;
COMMENT ON FUNCTION ordersync.reads_stream(jsonb, text) IS
	'is a stream read of a shop with these options? Both are where option "streams" is not set';
