/*
 * What the worker calls at its start, once a day and after a reload.
 */
CREATE OR REPLACE FUNCTION ordersync.maintenance()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_message text;
	v_detail text;
BEGIN
	IF pg_catalog.to_regclass('ordersync.installation') IS NULL THEN
		RETURN false;			-- nothing is set up yet: the first gateway does it
	END IF;
	BEGIN
		IF ordersync.set_up_if_outdated() THEN
			RETURN true;			-- made the partitions on its way, and took its time
		END IF;
	EXCEPTION
		WHEN lock_not_available THEN
			GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL;
			-- the worker itself keeps quiet about locks
			RAISE LOG USING
				MESSAGE = pg_catalog.format('ordersync maintenance failed and will be tried again: %s', v_message),
				DETAIL = v_detail;
			RAISE;
	END;
	IF ordersync.clean_up_only_waits() THEN
		RETURN true;
	END IF;
	PERFORM ordersync.make_log_partitions();
	-- of a shop that has single orders fetched and no run of another kind, nobody takes them
	PERFORM ordersync.put_off_links(c.shop_id)
	FROM (
		SELECT c.shop_id
		FROM ordersync.link_candidates c
		GROUP BY c.shop_id
		HAVING pg_catalog.count(*) > 10000
	) c;
	RETURN ordersync.clean_up() IN ('more', 'waits') OR ordersync.cut_payloads();
END
$function$;
COMMENT ON FUNCTION ordersync.maintenance() IS
	'brings tables to the installed version, makes the request log''s partitions for today and seven days, lets no shop''s candidates of the link check grow without bound, removes what is older than the settings keep it, cuts payloads; true when there is more to do soon. Called by the worker at its start, daily and after a reload';
