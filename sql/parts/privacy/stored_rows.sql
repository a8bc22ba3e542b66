/*
 * What is stored, brought to the privacy policy.
 *
 * A record's text goes the way of all records once more; of the columns those are
 * looked at whose field is not simply kept.  Digests stay: they are those of records as
 * they came by then, so a record that comes again is compared with what is stored, once.
 */
CREATE OR REPLACE FUNCTION ordersync.private_columns(p_table text)
RETURNS TABLE (name text, field text)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT c.name, c.field
	FROM (
		VALUES
			{{orders.record: ('orders', '#', '#field', '#read')}},
			{{sub_orders.record: ('sub_orders', '#', '#field', '#read')}},
			{{after_sales.record: ('after_sales', '#', '#field', '#read')}}
	) AS c (table_name, name, field, kind)
	WHERE c.table_name = p_table
		AND c.kind = 'text'
		AND ordersync.privacy_rule(c.field) <> 'keep'
$function$;
COMMENT ON FUNCTION ordersync.private_columns(text) IS
	'the columns of orders, sub_orders or after_sales whose fields are not simply kept';

CREATE OR REPLACE FUNCTION ordersync.apply_privacy_to_columns(p_table text, p_id text, p_shop bigint, p_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_set text;
	v_differs text;
	v_n bigint;
BEGIN
	SELECT pg_catalog.string_agg(pg_catalog.format('%1$I = ordersync.private_value(%2$L, t.%1$I)', c.name, c.field), ', '),
		pg_catalog.string_agg(pg_catalog.format('t.%1$I IS DISTINCT FROM ordersync.private_value(%2$L, t.%1$I)', c.name, c.field), ' OR ')
	INTO v_set, v_differs
	FROM ordersync.private_columns(p_table) c;
	IF v_set IS NULL THEN
		RETURN 0;
	END IF;
	EXECUTE pg_catalog.format('UPDATE ordersync.%I t SET %s, synced_at = pg_catalog.now() '
		'WHERE t.shop_id = $1 AND t.%I = ANY ($2) AND (%s)', p_table, v_set, p_id, v_differs)
	USING p_shop, p_ids;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_n;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_privacy_to_columns(text, text, bigint, bigint[]) IS
	'brings the columns of these rows to the privacy policy; how many rows differed';

{{each stream}}
CREATE OR REPLACE FUNCTION ordersync.apply_privacy_to_{{stream}}(p_shop bigint, INOUT p_after bigint, OUT written bigint, OUT looked_at bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_ids bigint[];
BEGIN
	SELECT pg_catalog.array_agg(i.id ORDER BY i.id)
	INTO v_ids
	FROM (
		SELECT u.id
		FROM (
			(SELECT p.{{id}} AS id
			FROM ordersync.{{payloads}} p
			WHERE p.shop_id = p_shop
				AND p.{{id}} > p_after
			ORDER BY p.{{id}}
			LIMIT 500)
			UNION
			(SELECT r.{{id}}
			FROM ordersync.{{table}} r
			WHERE r.shop_id = p_shop
				AND r.{{id}} > p_after
			ORDER BY r.{{id}}
			LIMIT 500)
		) u
		ORDER BY u.id
		LIMIT 500
	) i;
	looked_at := COALESCE(pg_catalog.cardinality(v_ids), 0);
	written := 0;
	IF looked_at = 0 THEN
		RETURN;
	END IF;
	p_after := v_ids[looked_at];

	UPDATE ordersync.{{payloads}} p
	SET payload = n.payload
	FROM (
		SELECT s.{{id}}, s.payload AS old, ordersync.private_record(s.payload, false) AS payload
		FROM ordersync.{{payloads}} s
		WHERE s.shop_id = p_shop
			AND s.{{id}} = ANY (v_ids)
			AND s.payload IS NOT NULL
		OFFSET 0
	) n
	WHERE p.shop_id = p_shop
		AND p.{{id}} = n.{{id}}
		AND n.payload <> n.old;
	GET DIAGNOSTICS written = ROW_COUNT;
	written := written + ordersync.apply_privacy_to_columns('{{table}}', '{{id}}', p_shop, v_ids);
{{if orders}}
	written := written + ordersync.apply_privacy_to_columns('sub_orders', 'tid', p_shop, v_ids);
{{endif}}
END
$function$;
COMMENT ON FUNCTION ordersync.apply_privacy_to_{{stream}}(bigint, bigint) IS
	'brings the next 500 {{stream}} of a shop to the privacy policy; the last one''s number, how many rows were written and how many {{stream}} looked at';
{{end}}

CREATE OR REPLACE FUNCTION ordersync.apply_privacy_to_quarantine(p_shop bigint, INOUT p_after bigint, OUT written bigint, OUT looked_at bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_ids bigint[];
BEGIN
	SELECT pg_catalog.array_agg(i.quarantine_id ORDER BY i.quarantine_id)
	INTO v_ids
	FROM (
		SELECT q.quarantine_id
		FROM ordersync.quarantine q
		WHERE q.shop_id = p_shop
			AND q.quarantine_id > p_after
		ORDER BY q.quarantine_id
		LIMIT 500
	) i;
	looked_at := COALESCE(pg_catalog.cardinality(v_ids), 0);
	written := 0;
	IF looked_at = 0 THEN
		RETURN;
	END IF;
	p_after := v_ids[looked_at];

	UPDATE ordersync.quarantine q
	SET body = n.body,
		value = n.value,
		asked = n.asked
	FROM (
		SELECT s.quarantine_id,
			CASE
				-- one value, as it came
				WHEN s.reason = 'value' AND f.rule <> 'keep' THEN NULL
				ELSE ordersync.private_body(s.body, false)
			END AS body,
			CASE WHEN f.field IS NULL THEN s.value ELSE ordersync.private_value(f.field, s.value) END AS value,
			CASE WHEN s.asked ? 'mends' THEN pg_catalog.jsonb_set(s.asked, '{mends}', (
					SELECT COALESCE(pg_catalog.jsonb_agg(m.mend), '[]')
					FROM pg_catalog.jsonb_array_elements(s.asked -> 'mends') AS m (mend)
					WHERE ordersync.privacy_rule(pg_catalog.regexp_replace(m.mend ->> 'path', '^.*[.]', '')) = 'keep'))
				ELSE s.asked
			END AS asked
		FROM ordersync.quarantine s
		CROSS JOIN LATERAL (
			SELECT f.field, ordersync.privacy_rule(f.field) AS rule
			FROM (SELECT pg_catalog.regexp_replace(s.column_name, '^.*[.]', '')) AS f (field)
			OFFSET 0
		) f
		WHERE s.quarantine_id = ANY (v_ids)
		OFFSET 0
	) n
	WHERE q.quarantine_id = n.quarantine_id
		AND (q.body, q.value, q.asked) IS DISTINCT FROM (n.body, n.value, n.asked);
	GET DIAGNOSTICS written = ROW_COUNT;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_privacy_to_quarantine(bigint, bigint) IS
	'brings the next 500 entries of a shop''s quarantine to the privacy policy; the last one''s number, how many were written and looked at';

CREATE OR REPLACE FUNCTION ordersync.apply_privacy_to_log()
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_n bigint;
BEGIN
	UPDATE ordersync.request_log l
	SET answer = ordersync.private_excerpt(l.answer)
	WHERE l.answer IS NOT NULL
		AND l.answer <> ordersync.private_excerpt(l.answer);
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_n;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_privacy_to_log() IS
	'brings what the request log keeps of answers to the privacy policy; how many rows differed';
