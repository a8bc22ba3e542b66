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

/* The same line twice is one line, the first of them, as in sub_orders. */
CREATE OR REPLACE FUNCTION ordersync.refund_states(p_payload jsonb)
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

/*
 * Of changed orders: the old values are those of the payloads that the locked rows
 * held.  The first row of an order is written with its row, by insert_orders.
 */
CREATE OR REPLACE FUNCTION ordersync.record_order_changes(
	p_shop bigint,
	p_runs bigint[],
	p_tasks bigint[],
	p_changed ordersync.applied[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.order_changes (
		shop_id, object, id, tid, field, old_value, new_value, platform_time, run_id, task_id)
	SELECT p_shop, d.object, d.id, r.id, d.field, d.old_value, d.new_value, r.modified,
		p_runs[r.page], p_tasks[r.page]
	FROM pg_catalog.unnest(p_changed) AS r,
		LATERAL (
			SELECT 'order' AS object, r.id, f.field,
				ordersync.value_of_change(f.kind, r.old ->> f.field) AS old_value,
				ordersync.value_of_change(f.kind, r.payload ->> f.field) AS new_value
			FROM (
				VALUES
					{{orders.changes ('#field', '#read')}}
			) AS f (field, kind)
			UNION ALL
			SELECT 'sub_order', n.oid, 'refund_status', o.refund_status, n.refund_status
			FROM ordersync.refund_states(r.payload) n
			LEFT JOIN ordersync.refund_states(r.old) o ON o.oid = n.oid
			WHERE o.oid IS NOT NULL
				OR n.refund_status <> 'NO_REFUND'
		) d
	WHERE d.old_value IS DISTINCT FROM d.new_value;
END
$function$;
COMMENT ON FUNCTION ordersync.record_order_changes(bigint, bigint[], bigint[], ordersync.applied[]) IS
	'the lifecycle''s rows for changed orders';

CREATE OR REPLACE FUNCTION ordersync.record_first_seen(
	p_shop bigint,
	p_runs bigint[],
	p_tasks bigint[],
	p_records ordersync.applied[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.order_changes (
		shop_id, object, id, tid, field, new_value, platform_time, run_id, task_id)
	SELECT p_shop, 'order', r.id, r.id, 'first_seen', NULLIF(r.payload ->> 'status', ''), r.modified,
		p_runs[r.page], p_tasks[r.page]
	FROM pg_catalog.unnest(p_records) AS r;
END
$function$;
COMMENT ON FUNCTION ordersync.record_first_seen(bigint, bigint[], bigint[], ordersync.applied[]) IS
	'the first rows of the lifecycle, of orders whose rows could not simply be inserted';

CREATE OR REPLACE FUNCTION ordersync.record_after_sale_changes(
	p_shop bigint,
	p_runs bigint[],
	p_tasks bigint[],
	p_stored ordersync.applied[],
	p_changed ordersync.applied[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.order_changes (
		shop_id, object, id, tid, field, old_value, new_value, platform_time, run_id, task_id)
	SELECT p_shop, 'after_sale', r.id, ordersync.read_bigint(r.payload ->> 'tid'),
		'first_seen', NULL, NULLIF(r.payload ->> 'status', ''), r.modified, p_runs[r.page], p_tasks[r.page]
	FROM pg_catalog.unnest(p_stored) AS r
	UNION ALL
	SELECT p_shop, 'after_sale', r.id, ordersync.read_bigint(r.payload ->> 'tid'),
		'status', NULLIF(r.old ->> 'status', ''), NULLIF(r.payload ->> 'status', ''),
		r.modified, p_runs[r.page], p_tasks[r.page]
	FROM pg_catalog.unnest(p_changed) AS r
	WHERE NULLIF(r.old ->> 'status', '') IS DISTINCT FROM NULLIF(r.payload ->> 'status', '');
END
$function$;
COMMENT ON FUNCTION ordersync.record_after_sale_changes(bigint, bigint[], bigint[], ordersync.applied[], ordersync.applied[]) IS
	'the lifecycle''s rows for after-sales stored for the first time and for changed ones';
