/*
 * What keeps pages of a shop apart that are stored at once.
 *
 * Of an order and its refund whichever is stored second finds the other.  Two
 * transactions that store them at the same time would each not see the other's
 * rows.  So each page locks the numbers of the orders that it is about: pages of
 * orders share them, pages of after-sales have them alone.  The locks are taken
 * behind the rows of the records (order_payloads, after_sale_payloads), which the
 * two kinds of page never share, and before any row of orders, sub_orders or
 * after_sales; all of a page in one order.  What is read after that is up to date:
 * who had the number before has committed.
 *
 * An after-sale that names no order is locked by nothing: no order finds it either.
 *
 * All pages of a shop share its own lock, too.  What must not meet any of them
 * (reproject, retry of what was refused, an option that hides fields, a page whose
 * rows are gone) takes that one alone.
 */
CREATE FUNCTION ordersync.lock_orders(p_shop bigint, p_tids bigint[], p_alone boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_alone THEN
		PERFORM pg_catalog.pg_advisory_xact_lock(k.key)
		FROM (
			SELECT DISTINCT pg_catalog.hashint8extended(t.tid, p_shop) AS key
			FROM pg_catalog.unnest(p_tids) AS t (tid)
			WHERE t.tid IS NOT NULL
			ORDER BY 1
		) k;
	ELSE
		PERFORM pg_catalog.pg_advisory_xact_lock_shared(k.key)
		FROM (
			SELECT DISTINCT pg_catalog.hashint8extended(t.tid, p_shop) AS key
			FROM pg_catalog.unnest(p_tids) AS t (tid)
			WHERE t.tid IS NOT NULL
			ORDER BY 1
		) k;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_orders(bigint, bigint[], boolean) IS
	'locks the numbers of orders until the transaction ends: pages of orders share them, a page of after-sales has them alone';
