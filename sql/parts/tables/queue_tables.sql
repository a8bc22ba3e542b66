/*
 * All tables of set-up and queue.
 *
 * They stand in a function's body because a table made by an extension script
 * becomes a member, and a member's rows are in no dump.  Nothing here calls a
 * function of ours: no default, no CHECK, no index.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_queue()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.set_up_installation();
	PERFORM ordersync.set_up_shops();
	PERFORM ordersync.set_up_secrets();
	PERFORM ordersync.set_up_gateway_calls();
	PERFORM ordersync.set_up_privacy();
	PERFORM ordersync.set_up_schedules();
	PERFORM ordersync.set_up_grants();
	PERFORM ordersync.set_up_history();
	PERFORM ordersync.set_up_runs();
	PERFORM ordersync.set_up_totals();
	PERFORM ordersync.set_up_tasks();
	PERFORM ordersync.set_up_coverage();
	PERFORM ordersync.set_up_checks();
	PERFORM ordersync.set_up_request_log();
	PERFORM ordersync.set_up_clean_ups();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_queue() IS
	'creates the tables of set-up and queue if they are missing; part of ordersync.set_up()';
