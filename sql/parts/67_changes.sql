/*
 * The lifecycle: what was seen first and what changed, from what to what.
 *
 * A change is a change of a column: 9 for 9.00 is none, a value that becomes
 * unreadable goes to NULL.  Old values are those of the payload rows that are
 * locked, never of an earlier read of them, so that the changes of a field form
 * a chain: each begins where the one before it ended.
 *
 * An order's lines have no first_seen of their own.  What they are seen with
 * first is the old value of their first change; a line that comes to a stored
 * order later and is in dispute by then has changed from NULL.
 */
CREATE FUNCTION ordersync.value_of_change(p_field text, p_value text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN p_field = 'payment' THEN ordersync.read_money(p_value)::text
		WHEN p_field IN ('pay_time', 'consign_time', 'end_time') THEN
			-- there is one form of a readable time
			CASE WHEN ordersync.read_time(p_value) IS NOT NULL THEN p_value END
		ELSE NULLIF(p_value, '')
	END;
COMMENT ON FUNCTION ordersync.value_of_change(text, text) IS
	'a field''s value as its column holds it, times as the platform writes them';

/* The same line twice is one line, the first of them, as in sub_orders. */
CREATE FUNCTION ordersync.refund_states(p_payload jsonb)
RETURNS TABLE (oid bigint, refund_status text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
ROWS 3
BEGIN ATOMIC
	SELECT DISTINCT ON (ordersync.read_bigint(l.oid)) ordersync.read_bigint(l.oid),
		NULLIF(l.refund_status, '')
	FROM ROWS FROM (
		pg_catalog.jsonb_to_recordset(p_payload -> 'orders' -> 'order')
			AS (oid text, refund_status text)
	) WITH ORDINALITY AS l (oid, refund_status, i)
	WHERE ordersync.read_bigint(l.oid) IS NOT NULL
	ORDER BY ordersync.read_bigint(l.oid), l.i;
END;
COMMENT ON FUNCTION ordersync.refund_states(jsonb) IS
	'the lines of an order''s payload and their refund status';

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
		SELECT p_shop, 'order', n.tid, n.tid, 'first_seen',
			ordersync.value_of_change('status', n.payload ->> 'status'), n.modified, p_run, p_task
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
					ordersync.value_of_change(f.field, c.old ->> f.field) AS old_value,
					ordersync.value_of_change(f.field, c.payload ->> f.field) AS new_value
				FROM pg_catalog.unnest(ARRAY['status', 'step_trade_status', 'pay_time', 'payment',
					'consign_time', 'end_time']) AS f (field)
				UNION ALL
				SELECT 'sub_order', n.oid, 'refund_status', o.refund_status, n.refund_status
				FROM ordersync.refund_states(c.payload) n
				LEFT JOIN ordersync.refund_states(c.old) o ON o.oid = n.oid
				WHERE o.oid IS NOT NULL
					OR n.refund_status <> 'NO_REFUND'
			) d
		WHERE d.old_value IS DISTINCT FROM d.new_value;
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
		'first_seen', NULL, ordersync.value_of_change('status', n.payload ->> 'status'),
		n.modified, p_run, p_task
	FROM ROWS FROM (
		pg_catalog.unnest(n_ids), pg_catalog.unnest(n_modified), pg_catalog.unnest(n_payloads)
	) AS n (refund_id, modified, payload)
	UNION ALL
	SELECT p_shop, 'after_sale', c.refund_id, ordersync.read_bigint(c.payload ->> 'tid'),
		'status', s.old_value, s.new_value, c.modified, p_run, p_task
	FROM ROWS FROM (
		pg_catalog.unnest(c_ids), pg_catalog.unnest(c_modified), pg_catalog.unnest(c_olds),
		pg_catalog.unnest(c_payloads)
	) AS c (refund_id, modified, old, payload),
		LATERAL (
			SELECT ordersync.value_of_change('status', c.old ->> 'status') AS old_value,
				ordersync.value_of_change('status', c.payload ->> 'status') AS new_value
		) s
	WHERE s.old_value IS DISTINCT FROM s.new_value
$function$;
COMMENT ON FUNCTION ordersync.record_after_sale_changes(bigint, bigint, bigint, bigint[], timestamptz[], jsonb[], bigint[], timestamptz[], jsonb[], jsonb[]) IS
	'the lifecycle''s rows for after-sales stored for the first time (n_) and changed (c_)';
