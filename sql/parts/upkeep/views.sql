/*
 * All views: made, or replaced when nobody reads them.
 */
/*
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
	PERFORM ordersync.set_up_sales();
	PERFORM ordersync.set_up_stages();
	PERFORM ordersync.comment_reports();
	PERFORM ordersync.set_up_completeness();
	PERFORM ordersync.set_up_progress();
EXCEPTION
	WHEN lock_not_available THEN
		PERFORM ordersync.refuse_views_in_use(ARRAY(
			SELECT c.relname::text
			FROM pg_catalog.pg_class c
			WHERE c.relnamespace = 'ordersync'::pg_catalog.regnamespace
				AND c.relkind = 'v'));
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_views() IS
	'makes or replaces the views, or gives up after two seconds of waiting for who reads one; part of ordersync.set_up()';
