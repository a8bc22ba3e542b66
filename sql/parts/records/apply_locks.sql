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
 * number before has committed.
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
