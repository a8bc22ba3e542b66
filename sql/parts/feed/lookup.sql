/*
 * Messages of given orders and after-sales, as they are now.
 */
CREATE OR REPLACE FUNCTION ordersync.message_of_deleted(p_kind text, p_shop bigint, p_id bigint)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.jsonb_build_object('version', 1, 'kind', p_kind, 'shop_id', p_shop, 'deleted', true)
	|| CASE p_kind
		WHEN 'order' THEN pg_catalog.jsonb_build_object('tid', p_id, 'tid_str', p_id::text)
		ELSE pg_catalog.jsonb_build_object('refund_id', p_id, 'refund_id_str', p_id::text)
	END;
COMMENT ON FUNCTION ordersync.message_of_deleted(text, bigint, bigint) IS
	'the message of an order or after-sale that was deleted here';

/* In the zone of the platform, whatever that of the session is. */
CREATE OR REPLACE FUNCTION ordersync.with_messages(p_positions bigint[], p_kinds text[], p_shops bigint[], p_ids bigint[])
RETURNS TABLE (n integer, "position" bigint, kind text, shop_id bigint, tid bigint, refund_id bigint, synced_at timestamptz, message jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET timezone = 'Asia/Shanghai'
AS $function$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT p.n::integer, p."position", p.kind, p.shop_id,
		CASE p.kind WHEN 'order' THEN p.id ELSE a.tid END,
		CASE p.kind WHEN 'after_sale' THEN p.id END,
		COALESCE(o.synced_at, a.synced_at),
		COALESCE(o.message, a.message, ordersync.message_of_deleted(p.kind, p.shop_id, p.id))
	FROM ROWS FROM (pg_catalog.unnest(p_positions), pg_catalog.unnest(p_kinds), pg_catalog.unnest(p_shops), pg_catalog.unnest(p_ids)) WITH ORDINALITY AS p ("position", kind, shop_id, id, n)
	LEFT JOIN LATERAL (
		SELECT m.synced_at, m.message
		FROM ordersync.order_messages m
		WHERE p.kind = 'order'
			AND m.shop_id = p.shop_id
			AND m.tid = p.id
		OFFSET 0
	) o ON true
	LEFT JOIN LATERAL (
		SELECT m.tid, m.synced_at, m.message
		FROM ordersync.after_sale_messages m
		WHERE p.kind = 'after_sale'
			AND m.shop_id = p.shop_id
			AND m.refund_id = p.id
		OFFSET 0
	) a ON true;
END
$function$;
COMMENT ON FUNCTION ordersync.with_messages(bigint[], text[], bigint[], bigint[]) IS
	'these orders and after-sales with their messages as they are now';
