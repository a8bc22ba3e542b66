/*
 * Values that cannot be read: each costs that value, not the record.
 *
 * The same trouble met again is noted once while it is open.  A value is resolved
 * by the transaction that stores a version in which it is gone.
 */
/*
 * Closes what these stored records have cured of their values and notes what
 * p_suspects still hold that cannot be read.  Cheap when there is neither.
 */
CREATE OR REPLACE FUNCTION ordersync.quarantine_values(
	p_shop bigint,
	p_stream text,
	p_runs bigint[],
	p_tasks bigint[],
	p_records ordersync.applied[],
	p_suspects bigint[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_open boolean := EXISTS (
		SELECT
		FROM ordersync.quarantine q
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.resolved_at IS NULL);
	v_noted text[];
BEGIN
	IF p_suspects IS NOT NULL THEN
		WITH bad AS MATERIALIZED (
			SELECT r.id, p_runs[r.page] AS run_id, p_tasks[r.page] AS task_id, b.reason, b.column_name, b.value, b.body,
				pg_catalog.sha256(pg_catalog.convert_to(COALESCE(b.body, '') || COALESCE(b.value, ''), 'UTF8'))
					AS digest
			FROM pg_catalog.unnest(p_records) AS r,
				LATERAL ordersync.unreadable_values(p_stream, r.payload) AS b
			WHERE r.id = ANY (p_suspects)
		), ins AS (
			INSERT INTO ordersync.quarantine (
				shop_id, stream, record_id, reason, column_name, value, body, run_id, task_id,
				since, until, digest)
			SELECT p_shop, p_stream, bad.id, bad.reason, bad.column_name, bad.value,
				pg_catalog.convert_to(bad.body, 'UTF8'), bad.run_id, bad.task_id, t.since, t.until, bad.digest
			FROM bad
			LEFT JOIN ordersync.sync_tasks t ON t.task_id = bad.task_id
			ON CONFLICT DO NOTHING
		)
		SELECT pg_catalog.array_agg(pg_catalog.concat_ws('/', bad.id, bad.reason, bad.column_name, bad.digest::text))
		INTO v_noted
		FROM bad;
	END IF;

	IF v_open THEN
		UPDATE ordersync.quarantine q
		SET resolved_at = pg_catalog.now()
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.record_id = ANY (ARRAY(
				SELECT r.id
				FROM ordersync.ids_of_records(p_records) AS r))
			AND q.resolved_at IS NULL
			AND q.reason IN ('value', 'line')
			AND q.source IS NULL
			AND (v_noted IS NULL
				OR pg_catalog.concat_ws('/', q.record_id, q.reason, q.column_name, q.digest::text)
					<> ALL (v_noted));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.quarantine_values(bigint, text, bigint[], bigint[], ordersync.applied[], bigint[]) IS
	'notes unreadable values of stored records in quarantine, resolves what their new version has cured';

CREATE OR REPLACE FUNCTION ordersync.unreadable_values(
	p_stream text,
	p_payload jsonb
)
RETURNS TABLE (
	reason text,
	column_name text,
	value text,
	body text
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH typed (object, name, field, member, kind) AS (
		VALUES
			{{orders.typed ('orders', '#', '#field', '#member', '#read')}},
			{{sub_orders.typed ('sub_orders', '#', '#field', '#member', '#read')}},
			{{after_sales.typed ('after_sales', '#', '#field', '#member', '#read')}}
	), records (object, record, line) AS (
		SELECT CASE p_stream WHEN 'after_sales' THEN 'after_sales' ELSE 'orders' END, p_payload, NULL
		UNION ALL
		SELECT 'sub_orders', l.line, l.line
		FROM pg_catalog.jsonb_array_elements(p_payload -> 'orders' -> 'order') AS l (line)
		WHERE p_stream <> 'after_sales'
	)
	SELECT 'value', CASE
			WHEN t.member <> '' THEN t.name
			WHEN r.line IS NULL THEN t.field
			ELSE 'sub_orders.' || t.field
		END, e.value, r.line::text
	FROM records r
	JOIN typed t ON t.object = r.object
	CROSS JOIN LATERAL (
		SELECT CASE t.member
			WHEN '' THEN r.record ->> t.field
			ELSE r.record -> t.field ->> t.member
		END AS value
		OFFSET 0
	) e
	WHERE e.value <> ''
		AND CASE t.kind
			WHEN 'time' THEN ordersync.read_time(e.value) IS NULL
			WHEN 'money' THEN ordersync.read_money(e.value) IS NULL
			WHEN 'bigint' THEN ordersync.read_bigint(e.value) IS NULL
			WHEN 'id' THEN ordersync.read_bigint(e.value) IS NULL
			WHEN 'int' THEN ordersync.read_int(e.value) IS NULL
			WHEN 'smallint' THEN ordersync.read_smallint(e.value) IS NULL
			WHEN 'boolean' THEN ordersync.read_boolean(e.value) IS NULL
		END
	UNION ALL
	SELECT 'line', NULL, NULL, l.line::text
	FROM pg_catalog.jsonb_array_elements(p_payload -> 'orders' -> 'order') AS l (line)
	WHERE p_stream <> 'after_sales'
		AND l.line <> '{}'
		AND ordersync.read_bigint(l.line ->> 'oid') IS NULL
	UNION ALL
	SELECT 'line', NULL, NULL, l.line::text
	FROM pg_catalog.jsonb_path_query(p_payload, '$.orders.unreadable[*]') AS l (line)
	WHERE p_stream <> 'after_sales'
$function$;
COMMENT ON FUNCTION ordersync.unreadable_values(text, jsonb) IS
	'values of a stored record that its typed columns could not take, and lines without an id';
