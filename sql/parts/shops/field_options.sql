/*
 * A shop's options fields_add and fields_drop: which fields a call asks for.
 *
 * They are named as the platform's parameter "fields" names them: "x" is a field
 * of the order, "orders.x" one of its lines; and "refunds.x" one of an
 * after-sale, whose calls get it without the prefix.
 *
 * The lists come with a task that is claimed and go with its pages to apply, so
 * that a page is stored by the lists that it was asked with, whatever the shop's
 * options have become.
 *
 * A dropped field is not served: what is stored of it stays.  When the platform
 * sends it all the same, it is stored like any field.  An added one is served by
 * every source, with one exception: of a field that the platform documents for
 * another of its APIs, nothing follows from its absence.
 */
CREATE OR REPLACE FUNCTION ordersync.option_fields(p_names text[], p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(DISTINCT f.field), '{}')
	FROM (
		SELECT CASE WHEN s.prefix = 'trade' THEN s.steps[1] ELSE s.steps[2] END AS field
		FROM (
			SELECT n.steps,
				CASE
					WHEN n.steps[2] IS NULL THEN 'trade'
					WHEN n.steps[1] = 'orders' THEN 'order'
					WHEN n.steps[1] = 'refunds' THEN 'refund'
					ELSE 'trade'
				END AS prefix
			FROM (
				SELECT pg_catalog.string_to_array(name, '.') AS steps
				FROM pg_catalog.unnest(p_names) AS t (name)
			) n
		) s
		WHERE s.prefix = p_object
	) f
$function$;
COMMENT ON FUNCTION ordersync.option_fields(text[], text) IS
	'of names in fields_add or fields_drop those of an object (trade, order, refund), as its records have them';

CREATE OR REPLACE FUNCTION ordersync.known_fields(p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.array_agg(DISTINCT f.field)
	FROM pg_catalog.unnest(
			CASE p_object
				WHEN 'refund' THEN ARRAY['special', 'list', 'details']
				ELSE ARRAY['history', 'increment', 'list', 'details']
			END) AS s (source),
		LATERAL pg_catalog.unnest(ordersync.served_fields(s.source, p_object)) AS f (field)
$function$;
COMMENT ON FUNCTION ordersync.known_fields(text) IS
	'the fields of an object (trade, order, refund) that some source is known to serve';

/*
 * A NULL that was asked for is told from one that was not by the payload itself:
 * there an added field that did not come is a null.  So added fields need no
 * bookkeeping of who asked for what at which time.
 */
CREATE OR REPLACE FUNCTION ordersync.added_nulls(p_add text[], p_object text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.jsonb_object_agg(f.field, NULL)
	FROM pg_catalog.unnest(ordersync.option_fields(p_add, p_object)) AS f (field)
	WHERE f.field <> ALL (ordersync.known_fields(p_object))
$function$;
COMMENT ON FUNCTION ordersync.added_nulls(text[], text) IS
	'an object with a null for each added field that no source is known to serve; NULL when there is none';

CREATE OR REPLACE FUNCTION ordersync.fields_except(p_fields text[], p_but text[])
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE
		WHEN p_but IS NULL OR p_but = '{}' THEN COALESCE(p_fields, '{}')
		ELSE ARRAY(
			SELECT f.field
			FROM pg_catalog.unnest(p_fields) AS f (field)
			WHERE f.field <> ALL (p_but)
		)
	END;
COMMENT ON FUNCTION ordersync.fields_except(text[], text[]) IS
	'fields without some of them';

CREATE OR REPLACE FUNCTION ordersync.essential_fields()
RETURNS TABLE (name text, why text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT n.name, e.why
	FROM (
		VALUES
			(ARRAY['tid', 'orders.oid', 'refunds.refund_id'],
				'It is the key of its record.'),
			(ARRAY['refunds.tid', 'refunds.oid', 'orders.refund_id'],
				'It links after-sales to their orders and lines.'),
			(ARRAY['modified', 'refunds.modified'],
				'It tells which version of a record is the newer one.'),
			(ARRAY['created', 'refunds.created'],
				'It is the time by which records are read and the day by which they are reported.'),
			(ARRAY['seller_nick', 'refunds.seller_nick'],
				'It shows that a record belongs to the shop.'),
			(ARRAY['orders'],
				'Without its lines an order has no items, no GMV and no paid amounts.'),
			(ARRAY['status', 'step_trade_status', 'orders.status', 'orders.refund_status', 'refunds.status'],
				'The lifecycle and what counts as paid or refunded come from it.'),
			(ARRAY['type', 'pay_time', 'consign_time', 'end_time', 'orders.consign_time'],
				'paid_at and the times of the stages come from it.'),
			(ARRAY['payment', 'post_fee', 'step_paid_fee', 'orders.divide_order_fee', 'orders.total_fee',
				'orders.part_mjz_discount'],
				'paid_amount, gmv or deposits are worked out from it.'),
			(ARRAY['orders.special_refund_type', 'refunds.refund_fee', 'refunds.dispute_type',
				'refunds.special_refund_type'],
				'refunded_amount, and what was paid before a refund, are worked out from it.'),
			(ARRAY['orders.num', 'orders.price', 'orders.is_free_gift', 'orders.num_iid', 'orders.invoice_no'],
				'item_num, is_gift, package_count or sales by item come from it.'),
			(ARRAY['buyer_open_uid'],
				'It is what buyers are counted by.')
	) AS e (names, why),
		LATERAL pg_catalog.unnest(e.names) AS n (name)
$function$;
COMMENT ON FUNCTION ordersync.essential_fields() IS
	'the fields that fields_drop may not name, each with the reason';

CREATE OR REPLACE FUNCTION ordersync.check_field_names(p_option text, p_names jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	PERFORM ordersync.check_option(p_option, pg_catalog.jsonb_typeof(p_names) = 'array'
		AND NOT pg_catalog.jsonb_path_exists(p_names, '$[*] ? (@.type() != "string" || !(@ like_regex "^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*$"))')
		AND pg_catalog.jsonb_array_length(p_names) <= 200
		AND pg_catalog.length(p_names::text) <= 20000,
		'a list of up to 200 field names like "title", "orders.title" (of lines) or "refunds.title" (of after-sales)');
END
$function$;
COMMENT ON FUNCTION ordersync.check_field_names(text, jsonb) IS
	'raises an error for an invalid list of field names';

/* All of a shop's options, the new ones put over the stored ones. */
CREATE OR REPLACE FUNCTION ordersync.check_field_options(p_options jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_add text[];
	v_drop text[];
	v_name text;
	v_object text;
	v_why text;
BEGIN
	IF (p_options ?| ARRAY['fields_add', 'fields_drop']) IS NOT TRUE THEN
		RETURN;
	END IF;
	v_add := ordersync.option_names(p_options -> 'fields_add');
	v_drop := ordersync.option_names(p_options -> 'fields_drop');
	FOREACH v_name IN ARRAY COALESCE(v_add, '{}') LOOP
		CASE
			WHEN v_name LIKE 'orders.%' THEN
				PERFORM ordersync.check_not_personal('sub_orders', v_name,
					(pg_catalog.string_to_array(v_name, '.'))[2:]);
			WHEN v_name LIKE 'refunds.%' THEN
				PERFORM ordersync.check_not_personal('after_sales', v_name,
					(pg_catalog.string_to_array(v_name, '.'))[2:]);
			ELSE
				PERFORM ordersync.check_not_personal('orders', v_name, pg_catalog.string_to_array(v_name, '.'));
		END CASE;
	END LOOP;

	FOREACH v_name IN ARRAY COALESCE(v_drop, '{}') LOOP
		SELECT e.why INTO v_why
		FROM ordersync.essential_fields() e
		WHERE e.name = v_name;
		IF FOUND THEN
			PERFORM ordersync.raise_essential_field(v_name, v_why, 'Take it out of fields_drop.');
		END IF;
		IF v_name IN ('receiver_name', 'receiver_address', 'receiver_mobile', 'receiver_phone')
			AND 'oaid' <> ALL (v_drop) THEN
			PERFORM ordersync.raise_essential_field(v_name, 'The platform sends oaid only to who asks for it; it is never stored.',
				'Put oaid into fields_drop too.');
		END IF;
		v_object := CASE
			WHEN v_name LIKE 'orders.%' THEN 'order'
			WHEN v_name LIKE 'refunds.%' THEN 'refund'
			ELSE 'trade'
		END;
		IF pg_catalog.regexp_replace(v_name, '^(orders|refunds)\.', '')
			<> ALL (ordersync.known_fields(v_object)) THEN
			PERFORM ordersync.raise_essential_field(v_name, 'It is not among the fields that are asked for; a field of a field is asked for with it.',
				pg_catalog.format('Those are in SELECT unnest(ordersync.known_fields(''%s'')).', v_object));
		END IF;
	END LOOP;

	FOREACH v_object IN ARRAY ARRAY['trade', 'order', 'refund'] LOOP
		SELECT f.field INTO v_name
		FROM pg_catalog.unnest(ordersync.option_fields(v_add, v_object)) AS f (field)
		WHERE f.field = ANY (ordersync.option_fields(v_drop, v_object))
		ORDER BY f.field
		LIMIT 1;
		IF FOUND THEN
			v_name := CASE v_object WHEN 'order' THEN 'orders.' WHEN 'refund' THEN 'refunds.' ELSE '' END || v_name;
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = pg_catalog.format('%s is in both fields_add and fields_drop', v_name),
				DETAIL = 'A field cannot be both requested and left out.',
				HINT = 'A given option replaces the stored one; null removes it.';
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.check_field_options(jsonb) IS
	'raises an error for fields that cannot be added or dropped';

CREATE OR REPLACE FUNCTION ordersync.raise_essential_field(p_name text, p_why text, p_hint text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = pg_catalog.format('%s cannot be dropped', p_name),
		DETAIL = p_why,
		HINT = p_hint;
END
$function$;
COMMENT ON FUNCTION ordersync.raise_essential_field(text, text, text) IS
	'raises the error for a field that fields_drop may not name';
