/*
 * Another program's orders, compared with ours: what differs, by name, and why.
 *
 * Both functions run with their caller's rights, on a table or view of the caller's
 * choice: whose columns it has is found by name, whose values are read as they are
 * stored (compare/columns.sql).  One query finds all (compare/query.sql).
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_compare(
	theirs regclass,
	since date,
	until date,
	shop_id bigint DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	kind text DEFAULT 'orders')
RETURNS TABLE (
	difference text,
	shop bigint,
	id bigint,
	tid bigint,
	their_values jsonb,
	our_values jsonb,
	explanation text,
	command text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET work_mem = '64MB'
SET jit = off
AS $function$
DECLARE
	v_shops bigint[];
BEGIN
	PERFORM ordersync.list_check_set_up();
	v_shops := ordersync.compare_begin(since, until, shop_id);
	RETURN QUERY EXECUTE ordersync.compare_query(theirs, kind, columns)
	USING since, until, shop_id, v_shops;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_compare(regclass, date, date, bigint, jsonb, text) IS
	'what differs between another program''s table and ours, of records created from since to the day before until, one row for each record and name of a difference; columns: our name of a column, and theirs; kind: orders, sub_orders or after_sales';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_compare_summary(
	theirs regclass,
	since date,
	until date,
	shop_id bigint DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	kind text DEFAULT 'orders')
RETURNS TABLE (
	difference text,
	records bigint,
	examples bigint[],
	explanation text,
	command text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET work_mem = '64MB'
SET jit = off
AS $function$
DECLARE
	v_shops bigint[];
BEGIN
	PERFORM ordersync.list_check_set_up();
	v_shops := ordersync.compare_begin(since, until, shop_id);
	RETURN QUERY EXECUTE ordersync.compare_summary_query(theirs, kind, columns)
	USING since, until, shop_id, v_shops;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_compare_summary(regclass, date, date, bigint, jsonb, text) IS
	'how many records differ between another program''s table and ours, by name of the difference, with examples and the next command; arguments as of ordersync_compare()';
