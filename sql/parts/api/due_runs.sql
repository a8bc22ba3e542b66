/*
 * Runs whose time has come: what the jobs of pg_cron call.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_due(kind text)
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_due bigint[];
BEGIN
	PERFORM ordersync.check_kind(kind);
	IF to_regclass('ordersync.installation') IS NULL THEN
		RETURN;					-- nothing is set up yet
	END IF;
	PERFORM ordersync.set_up_if_outdated();
	v_due := ordersync.take_due(kind);
	IF v_due <> '{}' THEN
		RETURN QUERY
		SELECT t.shop_id, t.run_id
		FROM ordersync.trigger_many(kind, NULL, NULL, v_due) t;
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_due(text) IS
	'triggers a run of that kind for each enabled shop whose run is due, once for a due time; what pg_cron calls';
