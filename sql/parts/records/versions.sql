/*
 * Whether two payloads are one version of a record, and whether their columns differ.
 */
CREATE OR REPLACE FUNCTION ordersync.value_of_change(p_kind text, p_value text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE p_kind
		WHEN 'money' THEN ordersync.read_money(p_value)::text
		-- there is one form of a readable time
		WHEN 'time' THEN CASE WHEN ordersync.read_time(p_value) IS NOT NULL THEN p_value END
		ELSE NULLIF(p_value, '')
	END;
COMMENT ON FUNCTION ordersync.value_of_change(text, text) IS
	'a field''s value as its column holds it, by how it is read (text, money, time); times as the platform writes them';

/* Asked only for records of equal age; a newer one changes modified, hence every row. */
CREATE OR REPLACE FUNCTION ordersync.order_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.column_fields('trade')) AS f (field)
		WHERE f.field <> 'orders'
			AND p_old -> f.field IS DISTINCT FROM p_new -> f.field
	) OR (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_old -> 'orders' -> 'order') AS r (
			{{sub_orders.fields #field text}}
		)
	) IS DISTINCT FROM (
		SELECT pg_catalog.array_agg(r)
		FROM pg_catalog.jsonb_to_recordset(p_new -> 'orders' -> 'order') AS r (
			{{sub_orders.fields #field text}}
		)
	)
$function$;
COMMENT ON FUNCTION ordersync.order_columns_differ(jsonb, jsonb) IS
	'the payloads differ in a field that has a column';

/* Asked only for records of equal age; a newer one changes modified, hence the row. */
CREATE OR REPLACE FUNCTION ordersync.after_sale_columns_differ(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM pg_catalog.unnest(ordersync.column_fields('refund')) AS f (field)
		WHERE p_old -> f.field IS DISTINCT FROM p_new -> f.field
	)
$function$;
COMMENT ON FUNCTION ordersync.after_sale_columns_differ(jsonb, jsonb) IS
	'the payloads differ in a field that has a column';

/*
 * Two records of one modified.  What sources of one version may write in
 * different forms is left out; what the platform counts as an order's state is
 * the same in all of them.  A field that the new record does not have says
 * nothing.
 */
CREATE OR REPLACE FUNCTION ordersync.is_another_order(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM (
			VALUES
				{{orders.changes ('#field', '#read')}}
		) AS f (field, kind)
		WHERE ordersync.value_of_change(f.kind, p_new ->> f.field)
			<> COALESCE(ordersync.value_of_change(f.kind, p_old ->> f.field), '')
	) OR EXISTS (
		SELECT
		FROM pg_catalog.jsonb_to_recordset(p_new -> 'orders' -> 'order') AS n (oid text, status text, refund_status text)
		JOIN pg_catalog.jsonb_to_recordset(p_old -> 'orders' -> 'order') AS o (oid text, status text, refund_status text)
			ON o.oid = n.oid
		WHERE NULLIF(n.status, '') <> COALESCE(o.status, '')
			OR NULLIF(n.refund_status, '') <> COALESCE(o.refund_status, '')
	)
$function$;
COMMENT ON FUNCTION ordersync.is_another_order(jsonb, jsonb) IS
	'whether two records of an order with the same modified describe different states';

CREATE OR REPLACE FUNCTION ordersync.is_another_after_sale(p_old jsonb, p_new jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(
	NULLIF(p_new ->> 'status', '') <> COALESCE(p_old ->> 'status', '')
		OR ordersync.read_money(p_new ->> 'refund_fee') <> ordersync.read_money(p_old ->> 'refund_fee')
		OR NULLIF(p_new ->> 'dispute_type', '') <> COALESCE(p_old ->> 'dispute_type', '')
		OR NULLIF(p_new ->> 'good_status', '') <> COALESCE(p_old ->> 'good_status', ''),
	false);
COMMENT ON FUNCTION ordersync.is_another_after_sale(jsonb, jsonb) IS
	'whether two records of an after-sale with the same modified describe different states';
