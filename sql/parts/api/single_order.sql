/*
 * One order, now.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_order(shop_id bigint, tid bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
	v_run bigint;
	v_joined boolean;
	v_unserved jsonb;
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	IF tid IS NULL OR tid <= 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid order number: %s', COALESCE(tid::text, 'NULL')),
			HINT = 'It is the tid, as the seller''s console shows it: SELECT ordersync_trigger_order(shop_id, tid).';
	END IF;
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.lock_shop(shop_id);

	SELECT r.run_id INTO v_run
	FROM ordersync.sync_runs r
	WHERE r.shop_id = ordersync_trigger_order.shop_id
		AND r.kind = 'order'
		AND r.tid = ordersync_trigger_order.tid
		AND r.state = 'pending'	-- one that is being read may have read it before what is asked about
	LIMIT 1;
	v_joined := FOUND;
	IF NOT v_joined THEN
		INSERT INTO ordersync.sync_runs AS r (shop_id, kind, tid, links_due)
		VALUES (shop_id, 'order', tid, true)
		RETURNING r.run_id INTO v_run;
		PERFORM ordersync.count_tasks(v_run, ordersync.add_fetches(v_run, shop_id, 'orders', ARRAY[tid], NULL, 'order'));
	END IF;
	PERFORM ordersync.announce_run(v_run, v_joined, false);
	v_unserved := ordersync.unserved(shop_id);
	IF ordersync.gateway_lacks(v_unserved, 'details of after_sales') AND NOT ordersync.fetches_by_order(v_unserved) THEN
		RAISE NOTICE USING
			MESSAGE = 'the order is fetched without its after-sales: the shop''s gateway does not serve them one by one',
			HINT = CASE
				WHEN NOT ordersync.gateway_lists(v_unserved, 'after_sales') THEN 'It does not serve after-sales at all.'
				ELSE format('They come with the next incremental run: SELECT ordersync_trigger_incremental(%s).', shop_id)
			END;
	END IF;
	PERFORM ordersync.wake();
	RETURN v_run;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_order(bigint, bigint) IS
	'fetches one whole order now, with its after-sales, before all other runs. Returns the run_id';
