/*
 * Changes of orders, and entries of the quarantine, that are older than they are
 * kept.
 */

/*
 * By the primary key, shop by shop, from the change at which the last clean-up of
 * the shop ended: what it left is not looked at again.  What amounts and reports
 * are made from stays: the first sight of an order or after-sale, its payments,
 * steps and end (paid amounts: freeze_paid_amounts, refill_orders), when money went
 * back (refill_after_sales), and the statuses that only last for a while
 * (stage_durations).
 */
CREATE OR REPLACE FUNCTION ordersync.remove_old_changes(INOUT p_next bigint, p_before timestamptz, OUT removed bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
DECLARE
	v_shop bigint;
	v_from bigint;
	v_changes bigint[];
	v_due bigint[];
	v_young bigint;
BEGIN
	removed := 0;
	SELECT pg_catalog.min(c.shop_id) INTO v_shop
	FROM ordersync.order_changes c
	WHERE c.shop_id > COALESCE(p_next, (-9223372036854775808)::bigint);
	IF v_shop IS NULL THEN
		p_next := NULL;
		RETURN;
	END IF;
	SELECT c.next_id INTO v_from
	FROM ordersync.clean_ups c
	WHERE c.name = 'changes of a shop'
		AND c.shop_id = v_shop;

	SELECT pg_catalog.array_agg(c.change_id), pg_catalog.min(c.change_id) FILTER (WHERE c.recorded_at >= p_before),
		pg_catalog.array_agg(c.change_id) FILTER (WHERE NOT (
			c.object = 'order' AND c.field IN ('first_seen', 'pay_time', 'step_trade_status', 'end_time', 'payment')
			OR c.object = 'order' AND c.new_value IN ('PAY_PENDING', 'WAIT_PRE_AUTH_CONFIRM', 'TRADE_BUYER_SIGNED')
			OR c.object = 'after_sale' AND (c.field = 'first_seen' OR c.new_value IN ('SUCCESS', 'CLOSED'))))
	INTO v_changes, v_young, v_due
	FROM (
		SELECT c.change_id, c.object, c.field, c.new_value, c.recorded_at
		FROM ordersync.order_changes c
		WHERE c.shop_id = v_shop
			AND c.change_id > COALESCE(v_from, 0)
		ORDER BY c.change_id
		LIMIT 5000
	) c;
	-- numbers are not in the order of time to the last: the first young one ends it
	DELETE FROM ordersync.order_changes c
	WHERE c.shop_id = v_shop
		AND c.change_id = ANY (v_due)
		AND (v_young IS NULL OR c.change_id < v_young);
	GET DIAGNOSTICS removed = ROW_COUNT;

	IF v_changes IS NOT NULL THEN
		INSERT INTO ordersync.clean_ups AS c (name, shop_id, next_id, rows_removed)
		VALUES ('changes of a shop', v_shop, COALESCE(v_young - 1, v_changes[pg_catalog.cardinality(v_changes)]), removed)
		ON CONFLICT (name, shop_id) DO UPDATE
		SET next_id = excluded.next_id,
			rows_removed = c.rows_removed + excluded.rows_removed
		WHERE c.next_id IS DISTINCT FROM excluded.next_id;
	END IF;
	IF v_young IS NOT NULL OR COALESCE(pg_catalog.cardinality(v_changes), 0) < 5000 THEN
		p_next := v_shop;		-- done with this shop
	END IF;
	p_next := COALESCE(p_next, (-9223372036854775808)::bigint);
END
$function$;
COMMENT ON FUNCTION ordersync.remove_old_changes(bigint, timestamptz) IS
	'removes from the next five thousand changes of a shop those recorded before a time, but for those that amounts and reports are made from; how many, and behind which shop it goes on, NULL at the end';

/* Of the next five thousand entries; an entry that is not resolved stays, however old it is. */
CREATE OR REPLACE FUNCTION ordersync.remove_old_quarantine(INOUT p_next bigint, p_before timestamptz, OUT removed bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
	v_last bigint;
	v_due bigint[];
BEGIN
	SELECT pg_catalog.max(q.quarantine_id), pg_catalog.array_agg(q.quarantine_id) FILTER (WHERE q.resolved_at < p_before)
	INTO v_last, v_due
	FROM (
		SELECT q.quarantine_id, q.resolved_at
		FROM ordersync.quarantine q
		WHERE q.quarantine_id > COALESCE(p_next, 0)
		ORDER BY q.quarantine_id
		LIMIT 5000
	) q;
	DELETE FROM ordersync.quarantine q
	WHERE q.quarantine_id = ANY (v_due)
		AND q.resolved_at < p_before;
	GET DIAGNOSTICS removed = ROW_COUNT;
	p_next := v_last;
END
$function$;
COMMENT ON FUNCTION ordersync.remove_old_quarantine(bigint, timestamptz) IS
	'removes from the next five thousand entries of the quarantine those resolved before a time; how many, and where it goes on, NULL at the end';
