/*
 * Runs whose time has come: what the jobs of pg_cron call.
 */
/*
 * A shop whose run cannot be made costs the others nothing.  All together first: a subtransaction for each of thousands
 * would slow down the whole server.  Where that fails each half by itself, down to the shop that is to blame.
 */
CREATE OR REPLACE FUNCTION ordersync.trigger_apart(p_kind text, p_shops bigint[])
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_half integer := pg_catalog.cardinality(p_shops) / 2;
	v_error text;
BEGIN
	BEGIN
		RETURN QUERY
		SELECT t.shop_id, t.run_id
		FROM ordersync.trigger_many(p_kind, NULL, NULL, p_shops) t;
		RETURN;
	EXCEPTION
		WHEN OTHERS THEN
			v_error := SQLERRM;
	END;
	IF v_half > 0 THEN
		RETURN QUERY
		SELECT t.shop_id, t.run_id
		FROM (VALUES (p_shops[: v_half]), (p_shops[v_half + 1 :])) AS h (shops)
		CROSS JOIN LATERAL ordersync.trigger_apart(p_kind, h.shops) t;
		RETURN;
	END IF;

	PERFORM ordersync.put_back_due(p_kind, p_shops[1]);
	RAISE WARNING USING
		MESSAGE = pg_catalog.format('the %s run of shop %s is due and could not be started', p_kind, p_shops[1]),
		DETAIL = pg_catalog.format('%s. The run stays due.', v_error),
		HINT = pg_catalog.format('To see what is wrong: SELECT ordersync_trigger_%s(%s);', p_kind, p_shops[1]);
END
$function$;
COMMENT ON FUNCTION ordersync.trigger_apart(text, bigint[]) IS
	'triggers runs of shops that are due; a warning for each that cannot be triggered, which stays due';

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
		FROM ordersync.trigger_apart(kind, v_due) t;
	END IF;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_due(text) IS
	'triggers a run of that kind for each enabled shop whose run is due, once for a due time; what pg_cron calls';
