/*
 * What keeps pages of a shop apart that are stored at once.
 *
 * Of an order and its refund whichever is stored second finds the other.  Two
 * transactions that store them at the same time would each not see the other's
 * rows.  So each page locks the numbers of the orders that it is about: pages of
 * orders go with each other, pages of after-sales as well, and the two kinds keep
 * each other out.  The locks are taken behind the rows of the records
 * (order_payloads, after_sale_payloads), which the two kinds never share, and
 * before any row of orders, sub_orders or after_sales; all of a transaction in one
 * call and so in one order.  What is read after that is up to date: who had the
 * number before has committed.  One number may be taken later: see note_lost_lines.
 *
 * An after-sale that names no order is locked by nothing: no order finds it either.
 *
 * All pages of a shop share its own lock, too (apply_lock_key).  What must not meet
 * any of them (reproject, a page that is stored by parts, retry of what was refused, an
 * option that hides fields, after-sales whose rows are gone) takes that one alone.
 */
CREATE OR REPLACE FUNCTION ordersync.lock_orders(p_shop bigint, p_tids bigint[], p_after_sales boolean)
RETURNS void
AS 'MODULE_PATHNAME', 'ordersync_lock_orders'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ordersync.lock_orders(bigint, bigint[], boolean) IS
	'locks the numbers of orders until the transaction ends, for a page of orders or of after-sales: the two kinds keep each other out';

CREATE OR REPLACE FUNCTION ordersync.apply_lock_key(p_shop bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.hashtextextended('ordersync/apply/' || p_shop::text, 0);
COMMENT ON FUNCTION ordersync.apply_lock_key(bigint) IS
	'advisory lock of a shop: shared by its pages, exclusive to what must not meet any of them';

CREATE OR REPLACE FUNCTION ordersync.lock_orders_of_after_sales(p_shop bigint, p_records ordersync.applied[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.lock_orders(p_shop, ARRAY(
		SELECT ordersync.read_bigint(t.tid)
		FROM pg_catalog.unnest(p_records) AS r,
			LATERAL (VALUES (r.payload ->> 'tid'), (r.old ->> 'tid')) AS t (tid)), true);
	-- one that names its line alone may be of any order
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop))
	WHERE EXISTS (
		SELECT
		FROM pg_catalog.unnest(p_records) AS r
		WHERE ordersync.read_bigint(r.payload ->> 'tid') IS NULL
			AND ordersync.read_bigint(r.payload ->> 'oid') <> 0);
END
$function$;
COMMENT ON FUNCTION ordersync.lock_orders_of_after_sales(bigint, ordersync.applied[]) IS
	'locks the numbers of the orders that records of after-sales name or named; the whole shop where one names none';
