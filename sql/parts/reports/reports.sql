/*
 * The data for people: names, unified stages, ids as text beside the numbers.
 *
 * Views outlive the extension as the tables do, so they take their names from
 * ordersync.status_names, filled here from the mapping functions, and call
 * nothing of ours.  All run with the caller's rights: row level security on
 * the tables holds behind them too.
 *
 * What a view takes over from its table under the same name (flag r in
 * sql/dictionary.txt) stands behind ids and stages, before what is worked out.
 * A view is replaced in place: in one that is there, new columns come last.  Sums
 * over other tables are subqueries in the list of columns: a reader that does
 * not ask for them does not pay for them.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_reports()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	PERFORM ordersync.fill_status_names();
	PERFORM ordersync.set_up_order_report();
	PERFORM ordersync.set_up_sub_order_report();
	PERFORM ordersync.set_up_after_sale_report();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_reports() IS
	'fills the names of the statuses and makes the report views';
