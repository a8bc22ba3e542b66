/*
 * The rows that records come to: what the columns must be, given the records and
 * what the rows that are there remember.
 *
 * Worked out once, here, for new and changed records and for those whose rows are
 * written again; write.sql writes them.  The record's own columns are read by
 * C (src/read_record.c) as the dictionary says; the rest is derived from them.
 */
CREATE OR REPLACE FUNCTION ordersync.read_orders(records ordersync.applied[])
RETURNS TABLE (
	ord integer,
	page integer,
	tid bigint,
	modified timestamptz,
	{{orders.read # #type}},
	line_count integer,
	item_num integer,
	gmv numeric,
	logistics_company text,
	invoice_no text,
	package_count integer,
	refunded boolean,
	disputed boolean,
	unreadable boolean
)
AS 'MODULE_PATHNAME', 'ordersync_read_orders'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
ROWS 100;
COMMENT ON FUNCTION ordersync.read_orders(ordersync.applied[]) IS
	'the columns of orders that their records hold, what their lines add up to (refunded: one says that money went back, disputed: or may come to it), and whether a value could not be read; ord: the place in the array';

CREATE OR REPLACE FUNCTION ordersync.read_lines(records ordersync.applied[])
RETURNS TABLE (
	ord integer,
	page integer,
	tid bigint,
	modified timestamptz,
	line_no smallint,
	again boolean,
	{{sub_orders.read # #type}},
	unreadable boolean
)
AS 'MODULE_PATHNAME', 'ordersync_read_lines'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
ROWS 200;
COMMENT ON FUNCTION ordersync.read_lines(ordersync.applied[]) IS
	'the columns of the lines that orders'' records hold, whether a line of the same id stands before it (again), and whether a value or its id could not be read';

CREATE OR REPLACE FUNCTION ordersync.read_after_sales(records ordersync.applied[])
RETURNS TABLE (
	ord integer,
	page integer,
	refund_id bigint,
	modified timestamptz,
	{{after_sales.read # #type}},
	unreadable boolean
)
AS 'MODULE_PATHNAME', 'ordersync_read_after_sales'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
ROWS 100;
COMMENT ON FUNCTION ordersync.read_after_sales(ordersync.applied[]) IS
	'the columns of after-sales that their records hold, and whether a value could not be read';

CREATE OR REPLACE FUNCTION ordersync.next_orders(
	p_shop bigint,
	p_source text,
	p_records ordersync.applied[],
	p_was ordersync.remembered[],
	p_refunded bigint[]
)
RETURNS TABLE (
	{{orders.written # #type}},
	page integer,
	unreadable boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 100
AS $function$
	SELECT {{orders.written n.#}}, n.page, n.unreadable
	FROM (
		SELECT p_shop AS shop_id, r.*, f.paid_at, f.paid_amount, f.paid_amount_frozen,
			-- without a source no record has come: where the order is listed is as it was
			CASE
				WHEN p_source = 'history' THEN 'archived'
				WHEN p_source IS NOT NULL THEN 'listed'
				ELSE w.platform_state
			END AS platform_state,
			CASE p_source WHEN 'details' THEN pg_catalog.now() ELSE w.details_at END AS details_at,
			COALESCE(w.first_seen_at, pg_catalog.now()) AS first_seen_at,
			pg_catalog.now() AS synced_at
		FROM ordersync.read_orders(p_records) r
		LEFT JOIN pg_catalog.unnest(p_was) w ON w.id = r.tid
		CROSS JOIN LATERAL (
			SELECT ordersync.paid_at_of(r.status, r.step_trade_status, r.type, r.pay_time, r.end_time) AS paid_at
			OFFSET 0
		) d
		CROSS JOIN LATERAL (
			SELECT CASE WHEN d.paid_at IS NOT NULL THEN r.payment END AS amount
			OFFSET 0
		) a
		CROSS JOIN LATERAL ordersync.paid_facts(w, d.paid_at, a.amount, r.status,
			a.amount IS NOT NULL
				AND (r.refunded OR COALESCE(r.tid = ANY (p_refunded), false)),
			false,
			COALESCE(p_source = 'history', false) OR r.disputed) f
	) n
$function$;
COMMENT ON FUNCTION ordersync.next_orders(bigint, text, ordersync.applied[], ordersync.remembered[], bigint[]) IS
	'the rows of orders that these records come to, given what their rows remember and which of them are refunded; unreadable: a value of the record could not be read';

CREATE OR REPLACE FUNCTION ordersync.next_lines(
	p_shop bigint,
	p_source text,
	p_records ordersync.applied[],
	p_was ordersync.remembered[],
	p_refunded bigint[],
	p_lowered bigint[]
)
RETURNS TABLE (
	{{sub_orders.written # #type}},
	again boolean,
	unreadable boolean,
	moved_from bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 200
AS $function$
	SELECT {{sub_orders.written n.#}}, n.again, n.unreadable, n.moved_from
	FROM (
		SELECT p_shop AS shop_id, r.*, f.paid_at, f.paid_amount, f.paid_amount_frozen, f.paid_amount_estimated,
			COALESCE(r.is_free_gift, false) OR COALESCE(r.price = 0, false) AS is_gift,
			COALESCE(w.first_seen_at, pg_catalog.now()) AS first_seen_at,
			pg_catalog.now() AS synced_at,
			NULLIF(w.tid, r.tid) AS moved_from
		FROM ordersync.read_lines(p_records) r
		LEFT JOIN pg_catalog.unnest(p_was) w ON w.id = r.oid
		CROSS JOIN LATERAL (
			-- its order's, but not of a line that was not paid with it
			SELECT CASE
				WHEN NOT ordersync.line_unsold(r.trade_type, r.status, r.refund_status, r.special_refund_type) THEN
					ordersync.paid_at_of(r.trade_status, r.trade_step_status, r.trade_type, r.pay_time, r.trade_end_time)
			END AS paid_at
			OFFSET 0
		) d
		CROSS JOIN LATERAL (
			SELECT CASE
				WHEN d.paid_at IS NOT NULL
					THEN ordersync.line_amount(r.divide_order_fee, r.total_fee, r.part_mjz_discount)
			END AS amount,
				ordersync.line_refunded(r.refund_status, r.special_refund_type) AS refunded
			OFFSET 0
		) a
		CROSS JOIN LATERAL ordersync.paid_facts(w, d.paid_at, a.amount,
			ordersync.line_end(r.trade_status, r.status),
			a.amount IS NOT NULL AND (a.refunded OR COALESCE(r.oid = ANY (p_refunded), false)),
			a.amount IS NOT NULL AND (a.refunded OR COALESCE(r.oid = ANY (p_lowered), false)),
			COALESCE(r.refund_status, '') NOT IN ('NO_REFUND', '') OR COALESCE(p_source = 'history', false)) f
	) n
$function$;
COMMENT ON FUNCTION ordersync.next_lines(bigint, text, ordersync.applied[], ordersync.remembered[], bigint[], bigint[]) IS
	'the rows of item lines that these orders'' records come to, given what their rows remember, which lines are refunded and which were so before the record; again: a line of the same id stands before it in its record; moved_from: the other order that its row is of';

CREATE OR REPLACE FUNCTION ordersync.next_after_sales(
	p_shop bigint,
	p_records ordersync.applied[],
	p_was ordersync.remembered_after_sale[],
	p_tids bigint[],
	p_oids bigint[],
	p_items bigint[]
)
RETURNS TABLE (
	{{after_sales.written # #type}},
	unreadable boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 100
AS $function$
	SELECT {{after_sales.written n.#}}, n.unreadable
	FROM (
		SELECT p_shop AS shop_id, r.refund_id, r.modified, {{after_sales.record r.#}}, r.unreadable,
			-- what was found or was so first stays
			COALESCE(p_tids[r.ord], w.tid) AS tid,
			COALESCE(p_oids[r.ord], w.oid) AS oid,
			COALESCE(r.num_iid, p_items[r.ord], w.num_iid) AS num_iid,
			CASE WHEN a.refunded THEN COALESCE(r.refund_fee, 0) ELSE 0 END AS refunded_amount,
			COALESCE(w.refunded_at, CASE WHEN r.status = 'SUCCESS' THEN r.modified END) AS refunded_at,
			COALESCE(w.closed_at,
				CASE WHEN r.status IN ('CLOSED', 'EXCHANGE_TRANSFORM_TO_REFUND') THEN r.modified END) AS closed_at,
			COALESCE(w.turned_at,
				CASE WHEN r.status = 'EXCHANGE_TRANSFORM_TO_REFUND' THEN r.modified END) AS turned_at,
			COALESCE(w.first_seen_at, pg_catalog.now()) AS first_seen_at,
			pg_catalog.now() AS synced_at
		FROM ordersync.read_after_sales(p_records) r
		LEFT JOIN pg_catalog.unnest(p_was) w ON w.id = r.refund_id
		CROSS JOIN LATERAL (
			SELECT ordersync.is_refunded(r.status, r.dispute_type, w.turned_at) AS refunded
			OFFSET 0
		) a
	) n
$function$;
COMMENT ON FUNCTION ordersync.next_after_sales(bigint, ordersync.applied[], ordersync.remembered_after_sale[], bigint[], bigint[], bigint[]) IS
	'the rows of after-sales that these records come to, given what their rows remember and the orders, lines and items that were found for them';
