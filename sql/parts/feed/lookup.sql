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

/*
 * A plan that was made while a table was empty would read all rows of a shop for each
 * order, since to the planner one index that begins with the shop is as good as the
 * other.  So it is planned anew each time until each table has 256 pages, with which
 * that of shop and id is the best; from then on, the plan is kept.
 */
CREATE OR REPLACE FUNCTION ordersync.plan_mode_for(p_tables regclass[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN (
		SELECT pg_catalog.min(pg_catalog.pg_relation_size(t.oid)) >= 256 * pg_catalog.current_setting('block_size')::integer
		FROM pg_catalog.unnest(p_tables) AS t (oid))
	THEN 'force_generic_plan'
	ELSE 'force_custom_plan'
END;
COMMENT ON FUNCTION ordersync.plan_mode_for(regclass[]) IS
	'plan_cache_mode for a statement that looks up rows of these tables by shop and id: a plan is kept once none of them is small';

-- what was asked for with the orders' messages, of those whose message is not given; a has those of after-sales
{{define given_and_orders}}
		SELECT p.n::integer, p."position", p.kind, p.shop_id,
			CASE p.kind WHEN 'order' THEN p.id ELSE COALESCE(a.tid, (p.message ->> 'tid')::bigint) END,
			CASE p.kind WHEN 'after_sale' THEN p.id END,
			COALESCE(p.changed_at, m.synced_at, a.synced_at),
			COALESCE(p.message, m.message, a.message, ordersync.message_of_deleted(p.kind, p.shop_id, p.id))
		FROM ROWS FROM (
			pg_catalog.unnest(p_positions), pg_catalog.unnest(p_kinds), pg_catalog.unnest(p_shops), pg_catalog.unnest(p_ids),
			pg_catalog.unnest(p_times), pg_catalog.unnest(p_messages), pg_catalog.unnest(p_entries)
		) WITH ORDINALITY AS p ("position", kind, shop_id, id, changed_at, message, entry_id, n)
		LEFT JOIN LATERAL (
{{use order_messages}}
			WHERE p.kind = 'order'
				AND p.message IS NULL
				AND o.shop_id = p.shop_id
				AND o.tid = p.id
			OFFSET 0
		) m ON true
{{enddefine}}
{{define not_told_later}}
		WHERE p.entry_id IS NULL
			OR p.message IS NOT NULL
			OR NOT EXISTS (
				SELECT
				FROM ordersync.change_feed f
				WHERE f.entry_id > p.entry_id
					AND f.kind = p.kind
					AND f.shop_id = p.shop_id
					AND p.id = ANY (f.ids))
{{enddefine}}

/*
 * In the zone of the platform, whatever that of the session is.
 *
 * For a consumer of each change, of which entries are given, the message was stored
 * with the entry.  Where it was not, because the writer had begun before the consumer
 * was made, the newest state is the change's own if no later entry of the order is
 * to be seen; else that will be told, and this one is passed over.
 *
 * Without after-sales their tables are left out, small as they may be.
 */
CREATE OR REPLACE FUNCTION ordersync.with_messages(
	p_positions bigint[],
	p_kinds text[],
	p_shops bigint[],
	p_ids bigint[],
	p_times timestamptz[] DEFAULT NULL,
	p_messages jsonb[] DEFAULT NULL,
	p_entries bigint[] DEFAULT NULL
)
RETURNS TABLE (n integer, "position" bigint, kind text, shop_id bigint, tid bigint, refund_id bigint, changed_at timestamptz, message jsonb)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET timezone = 'Asia/Shanghai'
AS $function$
#variable_conflict use_column
BEGIN
	IF 'after_sale' = ANY (p_kinds) THEN
		PERFORM pg_catalog.set_config('plan_cache_mode',
			ordersync.plan_mode_for('{ordersync.orders, ordersync.sub_orders, ordersync.after_sales}'), true);
		RETURN QUERY
{{use given_and_orders ordersync.row_jsonb}}
		LEFT JOIN LATERAL (
{{use after_sale_messages ordersync.row_jsonb}}
			WHERE p.kind = 'after_sale'
				AND p.message IS NULL
				AND a.shop_id = p.shop_id
				AND a.refund_id = p.id
			OFFSET 0
		) a ON true
{{use not_told_later}};
	ELSE
		PERFORM pg_catalog.set_config('plan_cache_mode',
			ordersync.plan_mode_for('{ordersync.orders, ordersync.sub_orders}'), true);
		RETURN QUERY
{{use given_and_orders ordersync.row_jsonb}}
		CROSS JOIN (
			SELECT NULL::bigint AS tid, NULL::timestamptz AS synced_at, NULL::jsonb AS message
		) a
{{use not_told_later}};
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.with_messages(bigint[], text[], bigint[], bigint[], timestamptz[], jsonb[], bigint[]) IS
	'these orders and after-sales with their messages: those given, else as they are now';
