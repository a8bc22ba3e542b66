/*
 * Reading by programs: lists of orders by page, and one order whole.
 *
 * Both run with their caller's rights: a role that was granted some shops sees
 * these and no others, by the policies on the tables, as it does in the views.
 * So do the functions named list_*, which every reader may call for that.
 *
 * A page is found from the one before by the place of its last order, newest
 * first, never by counting: each costs the same, and orders that come or change
 * while somebody turns the pages neither double nor hide a row.  Per shop the
 * index on the day of creation hands out the rows in order but for the day that
 * is being read, which is sorted: a page costs at most a sort of one shop's day.
 *
 * An order whose time of creation could not be read is in no range.  Without
 * one it is in the list, behind all others: the same index hands those out by
 * themselves.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_orders(
	shop_ids bigint[],
	since timestamptz,
	until timestamptz,
	stages text[] DEFAULT NULL,
	search text DEFAULT NULL,
	after text DEFAULT NULL,
	page integer DEFAULT 100)
RETURNS TABLE (
	shop_id bigint,
	tid bigint,
	tid_str text,
	type text,
	status text,
	stage text,
	stage_zh text,
	stage_en text,
	created timestamptz,
	paid_at timestamptz,
	consign_time timestamptz,
	end_time timestamptz,
	modified timestamptz,
	total_fee numeric,
	post_fee numeric,
	payment numeric,
	paid_amount numeric,
	refunded_amount numeric,
	buyer_nick text,
	buyer_open_uid text,
	receiver_state text,
	receiver_city text,
	logistics_company text,
	invoice_no text,
	line_count integer,
	item_num integer,
	items text,
	seller_flag smallint,
	synced_at timestamptz,
	cursor text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
	v_search text := NULLIF(btrim(search), '');
	v_after record;
	v_tids bigint[];
	v_where text;
	v_lists text[];				-- of a shop: its orders by creation, and those without it
BEGIN
	PERFORM ordersync.list_check_set_up();
	PERFORM ordersync.list_check_stages(stages);
	IF page IS NULL OR page NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('page must be between 1 and 1000, not %s', COALESCE(page::text, 'NULL')),
			HINT = 'For the next page set after to the cursor of the last order of this one.';
	END IF;
	v_after := ordersync.list_parse_cursor(after);
	IF shop_ids IS NULL THEN
		shop_ids := ARRAY(SELECT s.shop_id FROM ordersync.stored_shops s);
	END IF;
	IF v_search IS NOT NULL THEN
		v_tids := ordersync.list_find_orders(shop_ids, v_search);
	END IF;

	v_where :=
		CASE WHEN stages IS NOT NULL THEN
						'AND o.stage = ANY ($7) ' ELSE '' END
		|| CASE WHEN v_tids IS NOT NULL THEN
						'AND o.tid = ANY ($8) '
			WHEN v_search IS NOT NULL THEN
						'AND (o.buyer_nick = $9 OR o.buyer_open_uid = $9 OR $9 = ANY (string_to_array(o.invoice_no, '','')) '
							'OR EXISTS ( '
								'SELECT FROM ordersync.sub_orders s '
								'WHERE s.shop_id = o.shop_id AND s.tid = o.tid '
									'AND (strpos(lower(s.title), lower($9)) > 0 OR s.outer_iid = $9 OR s.outer_sku_id = $9))) '
			ELSE '' END;
	IF after IS NULL OR v_after.created IS NOT NULL THEN
		v_lists := ARRAY['( '
					'SELECT o.shop_id, o.tid, o.created '
					'FROM ordersync.order_report o '
					'WHERE o.shop_id = i.id '
						'AND o.created_date >= ($2 AT TIME ZONE ''Asia/Shanghai'')::date '
						'AND o.created_date <= ($3 AT TIME ZONE ''Asia/Shanghai'')::date '
						'AND o.created >= $2 '
						'AND o.created < $3 '
			|| CASE WHEN after IS NOT NULL THEN
						'AND (o.created, o.shop_id, o.tid) < ($4, $5, $6) ' ELSE '' END
			|| v_where
			||		'ORDER BY o.created_date DESC, o.created DESC, o.tid DESC '
					'LIMIT $10 '
				') '];
	END IF;
	-- few, if any: those whose time of creation could not be read
	IF since IS NULL AND until IS NULL THEN
		v_lists := v_lists || ('( '
					'SELECT o.shop_id, o.tid, o.created '
					'FROM ordersync.order_report o '
					'WHERE o.shop_id = i.id '
						'AND o.created_date IS NULL '
			|| CASE WHEN v_after.created IS NULL AND after IS NOT NULL THEN
						'AND (o.shop_id, o.tid) < ($5, $6) ' ELSE '' END
			|| v_where
			||		'ORDER BY o.tid DESC '
					'LIMIT $10 '
				') ');
	END IF;

	RETURN QUERY EXECUTE
		'WITH chosen AS MATERIALIZED ( '
			'SELECT c.* '
			'FROM (SELECT DISTINCT i.id FROM unnest($1) i (id)) i, '
				'LATERAL ( '
		||			COALESCE(array_to_string(v_lists, 'UNION ALL '), 'SELECT NULL::bigint, NULL::bigint, NULL::timestamptz WHERE false ')
		||		') c (shop_id, tid, created) '
			'ORDER BY c.created DESC NULLS LAST, c.shop_id DESC, c.tid DESC '
			'LIMIT $10 '
		') '
		'SELECT r.shop_id, r.tid, r.tid_str, r.type, r.status, r.stage, r.stage_zh, r.stage_en, r.created, '
			'r.paid_at, r.consign_time, r.end_time, r.modified, r.total_fee, r.post_fee, r.payment, '
			'r.paid_amount, r.refunded_amount, r.buyer_nick, r.buyer_open_uid, r.receiver_state, '
			'r.receiver_city, r.logistics_company, r.invoice_no, r.line_count, r.item_num, ( '
				-- what was closed before payment is not to be shipped; where that is all, it is what was ordered
				'SELECT COALESCE( '
					'string_agg(l.item, ''; '' ORDER BY l.line_no, l.oid) FILTER (WHERE NOT l.closed), '
					'string_agg(l.item, ''; '' ORDER BY l.line_no, l.oid)) '
				'FROM ( '
					'SELECT s.line_no, s.oid, s.title || CASE WHEN s.num > 1 THEN '' '' || chr(215) || '' '' || s.num ELSE '''' END AS item, '
						's.status IS NOT DISTINCT FROM ''TRADE_CLOSED_BY_TAOBAO'' AS closed '
					'FROM ordersync.sub_orders s '
					'WHERE s.shop_id = c.shop_id AND s.tid = c.tid '
				') l '
			'), r.seller_flag, r.synced_at, '
			'concat_ws(''/'', COALESCE((extract(epoch FROM c.created) * 1000000)::bigint::text, ''-''), c.shop_id, c.tid) '
		'FROM chosen c '
		'JOIN ordersync.order_report r ON r.shop_id = c.shop_id AND r.tid = c.tid '
		'ORDER BY c.created DESC NULLS LAST, c.shop_id DESC, c.tid DESC'
	USING shop_ids, COALESCE(since, '-infinity'), LEAST(until, v_after.created + interval '1 second', 'infinity'),
		v_after.created, v_after.shop_id, v_after.tid, stages, v_tids, v_search, page;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_orders(bigint[], timestamptz, timestamptz, text[], text, text, integer) IS
	'orders of shops (NULL: all) created in a range, newest first and those without a time last (they are in no range), by page: after is the cursor of the last order of the page before. items: titles of its lines but those closed before payment. search: an order''s or line''s number by its key; else, through the range, a buyer, a waybill, a merchant''s code or a part of a title';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_order(shop_id bigint, tid bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
	v_order jsonb;
BEGIN
	PERFORM ordersync.list_check_set_up();
	-- names that the reports have no column of are refused to added fields: ordersync.add_field()
	SELECT to_jsonb(o) || jsonb_build_object(
		'lines', COALESCE((
			SELECT jsonb_agg(to_jsonb(s) || jsonb_build_object('sku_id_str', s.sku_id::text)
				ORDER BY s.line_no, s.oid)
			FROM ordersync.sub_order_report s
			WHERE s.shop_id = o.shop_id
				AND s.tid = o.tid), '[]'),
		'after_sales', COALESCE((
			SELECT jsonb_agg(to_jsonb(a) || jsonb_build_object('sku_id_str', a.sku_id::text)
				ORDER BY a.created, a.refund_id)
			FROM ordersync.after_sale_report a
			WHERE a.shop_id = o.shop_id
				AND a.tid = o.tid), '[]'),
		'lifecycle', COALESCE((
			SELECT jsonb_agg(jsonb_build_object('object', c.object, 'id', c.id, 'id_str', c.id::text,
				'field', c.field, 'old_value', c.old_value, 'new_value', c.new_value,
				'platform_time', c.platform_time, 'recorded_at', c.recorded_at, 'run_id', c.run_id)
				ORDER BY c.change_id)
			FROM ordersync.order_changes c
			WHERE c.shop_id = o.shop_id
				AND c.tid = o.tid), '[]'))
	INTO v_order
	FROM ordersync.order_report o
	WHERE o.shop_id = ordersync_order.shop_id
		AND o.tid = ordersync_order.tid;

	IF v_order IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('shop %s has no order %s',
				COALESCE(ordersync_order.shop_id::text, 'NULL'), COALESCE(ordersync_order.tid::text, 'NULL')),
			HINT = format('If the seller''s console shows it: SELECT ordersync_trigger_order(%s, %s).',
				COALESCE(ordersync_order.shop_id::text, 'shop_id'), COALESCE(ordersync_order.tid::text, 'tid'));
	END IF;
	RETURN v_order;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_order(bigint, bigint) IS
	'an order as its report shows it, with its lines, after-sales and lifecycle; ids also as text (_str)';

CREATE OR REPLACE FUNCTION ordersync.list_check_set_up()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.order_report') IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'no orders have been stored',
			HINT = 'Start with SELECT ordersync_add_gateway(''taobao'', base_url, app_key, app_secret).';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.list_check_set_up() IS
	'raises an error if nothing has been set up';

CREATE OR REPLACE FUNCTION ordersync.list_check_stages(p_stages text[])
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_stage text;
BEGIN
	IF p_stages IS NULL THEN
		RETURN;
	END IF;
	SELECT s.stage INTO v_stage
	FROM pg_catalog.unnest(p_stages) s (stage)
	WHERE NOT EXISTS (
		SELECT
		FROM ordersync.status_names n
		WHERE n.object = 'order'
			AND n.stage = s.stage)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized stage "%s"', COALESCE(v_stage, 'NULL')),
			HINT = (SELECT 'Stages: ' || pg_catalog.string_agg(DISTINCT n.stage, ', ') || '.'
				FROM ordersync.status_names n
				WHERE n.object = 'order');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.list_check_stages(text[]) IS
	'raises an error for an unrecognized stage';

CREATE OR REPLACE FUNCTION ordersync.list_parse_cursor(
	p_cursor text,
	OUT created timestamptz,
	OUT shop_id bigint,
	OUT tid bigint)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
	v_parts text[] := pg_catalog.regexp_match(p_cursor, '^(-|-?[0-9]{1,19})/(-?[0-9]{1,19})/(-?[0-9]{1,19})$');
	v_micros bigint;
BEGIN
	IF p_cursor IS NULL THEN
		RETURN;
	END IF;
	IF v_parts IS NULL
		-- the first instant that there is
		OR NULLIF(v_parts[1], '-')::numeric NOT BETWEEN -210866803200000000 AND 9223372036854775807
		OR v_parts[2]::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807
		OR v_parts[3]::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('invalid cursor: "%s"', p_cursor),
			HINT = 'after is the column cursor of the last order of a page, as it was returned.';
	END IF;
	v_micros := NULLIF(v_parts[1], '-')::bigint;
	created := timestamptz 'epoch' + v_micros / 1000000 * interval '1 second' + v_micros % 1000000 * interval '1 microsecond';
	shop_id := v_parts[2];
	tid := v_parts[3];
END
$function$;
COMMENT ON FUNCTION ordersync.list_parse_cursor(text) IS
	'parses a cursor into its position in the list of orders; created is NULL after all orders that have one';

CREATE OR REPLACE FUNCTION ordersync.list_find_orders(p_shops bigint[], p_number text)
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_tids bigint[];
BEGIN
	IF p_number !~ '^[0-9]{1,19}$' THEN
		RETURN NULL;
	ELSIF p_number::numeric > 9223372036854775807 THEN
		RETURN NULL;
	END IF;
	EXECUTE
		'SELECT pg_catalog.array_agg(f.tid) '
		'FROM ( '
			'SELECT o.tid '
			'FROM ordersync.orders o '
			'WHERE o.tid = $2 '
				'AND o.shop_id = ANY ($1) '
			'UNION '
			'SELECT s.tid '
			'FROM ordersync.sub_orders s '
			'WHERE s.oid = $2 '
				'AND s.shop_id = ANY ($1) '
		') f'
	INTO v_tids
	USING p_shops, p_number::bigint;
	RETURN v_tids;
END
$function$;
COMMENT ON FUNCTION ordersync.list_find_orders(bigint[], text) IS
	'the orders with this number or with a line of this number; NULL if there are none or it is not a number';
