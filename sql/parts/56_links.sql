/*
 * The link check: lines and after-sales speak of each other, so what one list
 * lost the other one knows.
 *
 * A line names its latest refund and its state.  One that is not stored, or
 * whose state the line contradicts by a later change, is fetched by id; so is
 * the order of an after-sale that is not stored.  What was asked for since the
 * record that led to it changed is not asked for again (ordersync.lookups).
 *
 * Made when all else of a run has ended, under the run's lock, and again after
 * what it fetched, until it finds nothing new.
 */
CREATE FUNCTION ordersync.check_links(p_run bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $function$
DECLARE
	v_run ordersync.sync_runs;
	v_refunds bigint[];
	v_orders bigint[];
	v_tasks integer := 0;
BEGIN
	SELECT r.* INTO v_run
	FROM ordersync.sync_runs r
	WHERE r.run_id = p_run;
	IF NOT EXISTS (
			SELECT
			FROM ordersync.shops s
			WHERE s.shop_id = v_run.shop_id
				AND COALESCE(s.options -> 'streams', '["orders", "after_sales"]') ?& ARRAY['orders', 'after_sales'])
		AND v_run.kind <> 'order' THEN
		RETURN 0;
	END IF;

	SELECT w.refunds, w.orders
	INTO v_refunds, v_orders
	FROM ordersync.unlinked(v_run.shop_id, v_run.tid) w;
	v_refunds := ordersync.not_asked_by(p_run, 'after_sales', v_refunds);
	v_orders := ordersync.not_asked_by(p_run, 'orders', v_orders);
	IF v_refunds IS NOT NULL THEN
		v_tasks := v_tasks + ordersync.add_fetches(p_run, v_run.shop_id, 'after_sales', v_refunds, 'link');
	END IF;
	IF v_orders IS NOT NULL THEN
		v_tasks := v_tasks + ordersync.add_fetches(p_run, v_run.shop_id, 'orders', v_orders, 'link');
	END IF;

	IF v_tasks = 0 AND v_run.kind <> 'order' THEN
		PERFORM ordersync.close_links(p_run, v_run.shop_id);
	END IF;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.check_links(bigint) IS
	'makes tasks for what lines and after-sales speak of and is not stored so; without any left, what is covered of after-sales counts as checked; returns how many tasks';

/* p_tid: of one order all after-sales that are known, whatever their state. */
CREATE FUNCTION ordersync.unlinked(p_shop bigint, p_tid bigint, OUT refunds bigint[], OUT orders bigint[])
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_tid IS NOT NULL THEN
		SELECT pg_catalog.array_agg(DISTINCT r.id)
		INTO refunds
		FROM (
			SELECT s.refund_id AS id
			FROM ordersync.sub_orders s
			WHERE s.shop_id = p_shop
				AND s.tid = p_tid
			UNION ALL
			SELECT a.refund_id
			FROM ordersync.after_sales a
			WHERE a.shop_id = p_shop
				AND a.tid = p_tid
				AND a.special_refund_type IS NULL
		) r
		WHERE r.id IS NOT NULL;
		RETURN;
	END IF;

	SELECT pg_catalog.array_agg(DISTINCT s.refund_id)
	INTO refunds
	FROM ordersync.sub_orders s
	LEFT JOIN ordersync.after_sales a ON a.shop_id = s.shop_id
		AND a.refund_id = s.refund_id
	LEFT JOIN ordersync.lookups l ON l.shop_id = s.shop_id
		AND l.stream = 'after_sales'
		AND l.record_id = s.refund_id
	WHERE s.shop_id = p_shop
		AND s.refund_id IS NOT NULL
		AND (a.refund_id IS NULL
			OR s.refund_status <> a.status
				AND s.refund_status <> 'NO_REFUND'
				AND s.modified > a.modified)
		AND (l.asked_at IS NULL
			OR l.asked_at < s.modified
			OR l.served AND a.refund_id IS NULL);	-- was there once: somebody deleted it

	SELECT pg_catalog.array_agg(DISTINCT a.tid)
	INTO orders
	FROM ordersync.after_sales a
	LEFT JOIN ordersync.orders o ON o.shop_id = a.shop_id
		AND o.tid = a.tid
	LEFT JOIN ordersync.lookups l ON l.shop_id = a.shop_id
		AND l.stream = 'orders'
		AND l.record_id = a.tid
	WHERE a.shop_id = p_shop
		AND a.tid IS NOT NULL
		AND o.tid IS NULL
		AND (l.asked_at IS NULL
			OR l.asked_at < a.modified
			OR l.served);
END
$function$;
COMMENT ON FUNCTION ordersync.unlinked(bigint, bigint) IS
	'refunds that a line names and that are not stored or older than it says, and orders of after-sales that are not stored';

CREATE FUNCTION ordersync.not_asked_by(p_run bigint, p_details_of text, p_ids bigint[])
RETURNS bigint[]
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.array_agg(i.id ORDER BY i.id)
	FROM pg_catalog.unnest(p_ids) i (id)
	WHERE i.id > 0
		AND NOT EXISTS (
			SELECT
			FROM ordersync.sync_tasks t
			WHERE t.run_id = p_run
				AND t.stream = 'details'
				AND t.details_of = p_details_of
				AND t.reason IN ('link', 'order')
				AND i.id = ANY (t.ids))
$function$;
COMMENT ON FUNCTION ordersync.not_asked_by(bigint, text, bigint[]) IS
	'those of the ids that the run has not fetched for their links yet';

/* What was covered when nothing was left to fetch; not after a fetch that failed. */
CREATE FUNCTION ordersync.close_links(p_run bigint, p_shop bigint)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.coverage AS c (shop_id, stream, basis, ranges)
	SELECT m.shop_id, m.stream, 'arrival', m.ranges
	FROM ordersync.coverage m
	WHERE m.shop_id = p_shop
		AND m.stream = 'after_sales'
		AND m.basis = 'modified'
		AND NOT EXISTS (
			SELECT
			FROM ordersync.sync_tasks t
			WHERE t.run_id = p_run
				AND t.stream = 'details'
				AND t.reason = 'link'
				AND t.state = 'failed')
	ON CONFLICT (shop_id, stream, basis) DO UPDATE
	SET ranges = c.ranges + excluded.ranges,
		updated_at = now()
	WHERE NOT excluded.ranges <@ c.ranges
$function$;
COMMENT ON FUNCTION ordersync.close_links(bigint, bigint) IS
	'all that is covered of a shop''s after-sales has been checked against its lines';
