/*
 * What to type next about a difference.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_command(p_difference text, p_kind text, p_shop bigint, p_id bigint, p_order bigint, p_day date)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_difference = 'only_theirs_quarantined' THEN
			pg_catalog.format('SELECT reason, message, received_at FROM ordersync.quarantine WHERE stream = %L AND record_id = %s AND resolved_at IS NULL;',
				CASE p_kind WHEN 'after_sales' THEN p_kind ELSE 'orders' END, CASE p_kind WHEN 'sub_orders' THEN p_order ELSE p_id END)
		WHEN p_difference = 'only_theirs_unknown_shop' THEN 'SELECT shop_id, seller_nick, seller_nicks FROM ordersync.shops;'
		WHEN p_difference = 'only_theirs_deleted_here' THEN
			pg_catalog.format('CALL ordersync_reproject(%L);', COALESCE('{' || p_shop || '}', 'NULL'))
		WHEN p_difference = 'only_theirs_day_not_proven' AND p_day IS NOT NULL THEN
			pg_catalog.format('SELECT ordersync_trigger_full(%s, ordersync_day(%L), ordersync_day(%L));', COALESCE(p_shop::text, 'shop_id'), p_day, p_day + 1)
		WHEN p_difference IN ('only_theirs', 'only_theirs_day_not_proven', 'older_in_ours', 'only_ours', 'only_ours_late')
			AND p_order IS NOT NULL THEN
			pg_catalog.format('SELECT ordersync_trigger_order(%s, %s);', COALESCE(p_shop::text, 'shop_id'), p_order)
		WHEN p_shop IS NOT NULL AND p_order IS NOT NULL THEN
			pg_catalog.format('SELECT jsonb_pretty(ordersync_order(%s, %s));', p_shop, p_order)
		WHEN p_kind = 'after_sales' THEN pg_catalog.format('SELECT * FROM ordersync.after_sales WHERE refund_id = %s;', p_id)
		ELSE pg_catalog.format('SELECT * FROM ordersync_orders(NULL, NULL, NULL, search => %L);', COALESCE(p_order, p_id))
	END
$function$;
COMMENT ON FUNCTION ordersync.compare_command(text, text, bigint, bigint, bigint, date) IS
	'the next command for a difference that ordersync_compare() found';

/* Of a number of them, where one command serves all; p_shop: if all are of one shop. */
CREATE OR REPLACE FUNCTION ordersync.compare_command_for_all(p_difference text, p_shop bigint, p_since date, p_until date)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_difference = 'older_in_ours' AND p_shop IS NOT NULL THEN
			pg_catalog.format('CALL ordersync_sync(%s, ''incremental'');', p_shop)
		WHEN p_difference = 'older_in_ours' THEN 'SELECT * FROM ordersync_trigger_all(''incremental'');'
		WHEN p_difference = 'only_theirs_day_not_proven' AND p_shop IS NOT NULL THEN
			pg_catalog.format('SELECT ordersync_trigger_full(%s, ordersync_day(%L), ordersync_day(%L));', p_shop, p_since, p_until)
		WHEN p_difference = 'only_theirs_day_not_proven' THEN
			pg_catalog.format('SELECT * FROM ordersync_trigger_all(''full'', ordersync_day(%L), ordersync_day(%L));', p_since, p_until)
	END
$function$;
COMMENT ON FUNCTION ordersync.compare_command_for_all(text, bigint, date, date) IS
	'the next command for many differences of a name; NULL: that of a single one serves as an example';
