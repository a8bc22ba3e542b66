/*
 * All views, made or replaced.
 *
 * A view is replaced when nobody has it in an open transaction.  Waiting for
 * one would make all its readers wait, so it is not waited for: the worker tries
 * again at its next round, everybody else is told whom to wait for.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_views()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
BEGIN
	PERFORM ordersync.set_up_reports();
	PERFORM ordersync.set_up_stored_shops();
	PERFORM ordersync.set_up_daily_sales();
	PERFORM ordersync.set_up_item_sales();
	PERFORM ordersync.set_up_refund_rates();
	PERFORM ordersync.set_up_stages();
	PERFORM ordersync.comment_reports();
	PERFORM ordersync.set_up_proven_ranges();
	PERFORM ordersync.set_up_covered_days();
	PERFORM ordersync.set_up_counted_days();
	PERFORM ordersync.set_up_gone_days();
	PERFORM ordersync.set_up_completeness();
	PERFORM ordersync.set_up_lock_waits();
	PERFORM ordersync.set_up_list_progress();
	PERFORM ordersync.set_up_method_bans();
	PERFORM ordersync.set_up_stopped_calls();
	PERFORM ordersync.set_up_run_progress();
	PERFORM ordersync.set_up_calls();
	PERFORM ordersync.set_up_failed_tasks();
	PERFORM ordersync.set_up_freshness();
	PERFORM ordersync.set_up_gateway_health();
	PERFORM ordersync.set_up_shop_health();
	PERFORM ordersync.set_up_order_messages();
	PERFORM ordersync.set_up_after_sale_messages();
	PERFORM ordersync.set_up_unread_entries();
	PERFORM ordersync.set_up_consumers();
	PERFORM ordersync.set_up_storage();
	PERFORM ordersync.set_up_storage_by_shop();
	PERFORM ordersync.set_up_metrics();
	PERFORM ordersync.set_up_jdp_views();
EXCEPTION
	WHEN lock_not_available THEN
		PERFORM ordersync.raise_views_in_use(ARRAY(
			SELECT c.relname::text
			FROM pg_catalog.pg_class c
			WHERE c.relnamespace = 'ordersync'::pg_catalog.regnamespace
				AND c.relkind = 'v'));
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_views() IS
	'creates or replaces the views, or fails after waiting two seconds for a lock; part of ordersync.set_up()';
