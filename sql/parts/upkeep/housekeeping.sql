/*
 * What the worker calls at its start and once a day.
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
	PERFORM ordersync.make_log_partitions();
	RETURN ordersync.cut_payloads();
END
$function$;
COMMENT ON FUNCTION ordersync.maintenance() IS
	'periodic maintenance: updates the tables to the installed version, creates the request log''s partitions for today and the next seven days, cuts payloads; true if there is more to do soon. Called by the worker at its start and daily';
