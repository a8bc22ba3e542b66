/*
 * CALL ordersync_clean_up: what workers do once a day, at once and to its end.
 *
 * A procedure that commits step by step, so that no lock is held for long.  For
 * that it cannot be SECURITY DEFINER: each step is a function that is.
 */
CREATE OR REPLACE PROCEDURE @extschema@.ordersync_clean_up()
LANGUAGE plpgsql
AS $procedure$
DECLARE
	v_state text;
	v_busy_until timestamptz;
BEGIN
	PERFORM ordersync.prevent_transaction_block('ordersync_clean_up');
	COMMIT;						-- called by a function it fails here, before anything is removed
	v_state := ordersync.clean_up_step(true);
	LOOP
		COMMIT;
		IF v_state OPERATOR(pg_catalog.<>) 'busy' THEN
			v_busy_until := NULL;
		ELSIF v_busy_until IS NULL THEN
			v_busy_until := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 minute';
		ELSE
			EXIT WHEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>) v_busy_until;
			PERFORM pg_catalog.pg_sleep(0.1);
		END IF;
		EXIT WHEN v_state OPERATOR(pg_catalog.=) 'done' OR v_state OPERATOR(pg_catalog.=) 'waits';
		v_state := ordersync.clean_up_step(false);
	END LOOP;
	PERFORM ordersync.clean_up_report();
END
$procedure$;
COMMENT ON PROCEDURE @extschema@.ordersync_clean_up() IS
	'removes now what is older than ordersync.keep_log, keep_runs, keep_changes, keep_feed and keep_quarantine keep it, which workers do once a day; not in a transaction block';

CREATE OR REPLACE FUNCTION ordersync.clean_up_step(p_first boolean)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	IF p_first THEN
		PERFORM ordersync.set_up_if_outdated();
		PERFORM ordersync.record_action('clean-up called');
		PERFORM ordersync.make_log_partitions();
		-- also what was done today, or waits
		UPDATE ordersync.clean_ups c
		SET begun_at = COALESCE(c.begun_at, clock_timestamp()),
			next_try_at = NULL
		WHERE c.shop_id = 0;
	END IF;
	RETURN ordersync.clean_up();
END
$function$;
COMMENT ON FUNCTION ordersync.clean_up_step(boolean) IS
	'one step of CALL ordersync_clean_up(), the first of which begins everything anew; its state as of ordersync.clean_up()';

CREATE OR REPLACE FUNCTION ordersync.clean_up_report()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
BEGIN
	FOR v IN
		SELECT c.name, c.message, c.next_try_at
		FROM ordersync.clean_ups c
		WHERE c.shop_id = 0
			AND c.message IS NOT NULL
		ORDER BY c.name
	LOOP
		RAISE WARNING USING
			MESSAGE = format('the %s could not be cleaned up: %s', v.name, v.message),
			HINT = COALESCE(ordersync.log_blocker(v.name) || ' ', '') || 'CALL ordersync_clean_up()';
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_up_report() IS
	'warns of what the clean-up could not do';
