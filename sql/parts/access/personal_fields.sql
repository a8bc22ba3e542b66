/*
 * Personal data: nothing of it is stored, so it is neither shown nor asked for.
 */
/* A record that has a value there goes the way of all records; is it still there afterwards? */
CREATE OR REPLACE FUNCTION ordersync.check_not_personal(p_target text, p_path text, p_steps text[])
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_record jsonb := '"here"';
BEGIN
	FOR i IN REVERSE pg_catalog.cardinality(p_steps) .. 1 LOOP
		v_record := CASE
			WHEN p_steps[i] ~ '^[0-9]' THEN pg_catalog.jsonb_build_array(v_record)
			ELSE pg_catalog.jsonb_build_object(p_steps[i], v_record)
		END;
	END LOOP;
	IF p_target = 'sub_orders' THEN
		v_record := pg_catalog.jsonb_build_object('orders', pg_catalog.jsonb_build_object('order',
			pg_catalog.jsonb_build_array(v_record)));
	END IF;

	PERFORM 1
	FROM ordersync.split_records(pg_catalog.convert_to(pg_catalog.jsonb_build_array(v_record)::text, 'UTF8'),
		CASE p_target WHEN 'after_sales' THEN 'after_sales' ELSE 'orders' END) r
	-- itself, or its hash
	WHERE pg_catalog.convert_from(r.body, 'UTF8') ~ '"(here|h:[A-Za-z0-9_-]{22})"';
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s is personal data', p_path),
			DETAIL = 'It is dropped from every record before anything is stored, so there is nothing to show.',
			HINT = 'buyer_open_uid tells buyers apart, oaid addressees.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_not_personal(text, text, text[]) IS
	'raises an error for a path whose value is dropped from records before they are stored';
