/*
 * All tables of data.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_data()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	PERFORM ordersync.set_up_order_tables();
	PERFORM ordersync.set_up_payloads();
	PERFORM ordersync.set_up_changes();
	PERFORM ordersync.set_up_feed();
	PERFORM ordersync.set_up_quarantine();
	PERFORM ordersync.set_up_status_names();
	PERFORM ordersync.set_up_jdp_tables();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_data() IS
	'creates the data''s tables if they are missing and comments them';
