/*
 * The lifecycle: what was seen first and what changed, from what to what.
 *
 * Old values are those of the payload rows that are locked, never of an earlier
 * read of them, so that the changes of an order form a chain.
 */

/* Reads the payloads that the locked rows held, never an earlier view of them. */
CREATE FUNCTION ordersync.record_order_changes(
	p_shop bigint,
	p_run bigint,
	p_task bigint,
	n_tids bigint[],
	n_modified timestamptz[],
	n_payloads jsonb[],
	c_tids bigint[],
	c_modified timestamptz[],
	c_olds jsonb[],
	c_payloads jsonb[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF n_tids IS NOT NULL THEN
		INSERT INTO ordersync.order_changes (
			shop_id, object, id, tid, field, new_value, platform_time, run_id, task_id)
		SELECT p_shop, 'order', n.tid, n.tid, 'first_seen', n.payload ->> 'status', n.modified,
			p_run, p_task
		FROM ROWS FROM (
			pg_catalog.unnest(n_tids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
		) AS n (tid, modified, payload);
	END IF;

	IF c_tids IS NOT NULL THEN
		INSERT INTO ordersync.order_changes (
			shop_id, object, id, tid, field, old_value, new_value, platform_time, run_id, task_id)
		SELECT p_shop, d.object, d.id, c.tid, d.field, d.old_value, d.new_value, c.modified,
			p_run, p_task
		FROM ROWS FROM (
			pg_catalog.unnest(c_tids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_olds),
			pg_catalog.unnest(c_payloads)
		) AS c (tid, modified, old, payload),
			LATERAL (
				SELECT 'order' AS object, c.tid AS id, f.field,
					NULLIF(c.old ->> f.field, '') AS old_value,
					NULLIF(c.payload ->> f.field, '') AS new_value
				FROM pg_catalog.unnest(ARRAY['status', 'step_trade_status', 'pay_time', 'payment',
					'consign_time', 'end_time']) AS f (field)
				UNION ALL
				SELECT 'sub_order', ordersync.read_bigint(n.oid), 'refund_status',
					NULLIF(o.refund_status, ''), NULLIF(n.refund_status, '')
				FROM pg_catalog.jsonb_to_recordset(c.payload -> 'orders' -> 'order')
						AS n (oid text, refund_status text)
				JOIN pg_catalog.jsonb_to_recordset(c.old -> 'orders' -> 'order')
						AS o (oid text, refund_status text)
					ON o.oid = n.oid
			) d
		WHERE d.old_value IS DISTINCT FROM d.new_value
			AND d.id IS NOT NULL;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.record_order_changes(bigint, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], jsonb[]) IS
	'the lifecycle''s rows for orders stored for the first time (n_) and changed (c_)';

/* Reads the payloads that the locked rows held, never an earlier view of them. */
CREATE FUNCTION ordersync.record_after_sale_changes(
	p_shop bigint,
	p_run bigint,
	p_task bigint,
	n_ids bigint[],
	n_modified timestamptz[],
	n_payloads jsonb[],
	c_ids bigint[],
	c_modified timestamptz[],
	c_olds jsonb[],
	c_payloads jsonb[]
)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.order_changes (
		shop_id, object, id, tid, field, old_value, new_value, platform_time, run_id, task_id)
	SELECT p_shop, 'after_sale', n.refund_id, ordersync.read_bigint(n.payload ->> 'tid'),
		'first_seen', NULL, n.payload ->> 'status', n.modified, p_run, p_task
	FROM ROWS FROM (
		pg_catalog.unnest(n_ids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
	) AS n (refund_id, modified, payload)
	UNION ALL
	SELECT p_shop, 'after_sale', c.refund_id, ordersync.read_bigint(c.payload ->> 'tid'),
		'status', c.old ->> 'status', c.payload ->> 'status', c.modified, p_run, p_task
	FROM ROWS FROM (
		pg_catalog.unnest(c_ids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_olds),
		pg_catalog.unnest(c_payloads)
	) AS c (refund_id, modified, old, payload)
	WHERE NULLIF(c.old ->> 'status', '') IS DISTINCT FROM NULLIF(c.payload ->> 'status', '')
$function$;
COMMENT ON FUNCTION ordersync.record_after_sale_changes(bigint, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], jsonb[]) IS
	'the lifecycle''s rows for after-sales stored for the first time (n_) and changed (c_)';
