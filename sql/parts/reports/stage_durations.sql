/*
 * How long orders stay in which stage: stage_durations, one row an order and
 * stage that it went through.
 *
 * Where the platform has a time of its own for the beginning of a stage
 * (created, pay_time, consign_time, end_time), that time is taken: it is exact,
 * and there for orders, too, that were first seen when all was over.  For what
 * it has no time (deposit and balance of a pre-sale, pending payments, a parcel
 * signed for) order_changes has the `modified` of the first record that showed
 * it, which is late by up to the time between two readings: those rows are not exact.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_stages()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.stage_durations
	WITH (security_invoker = true) AS
	SELECT w.shop_id,
		d.tid,
		d.tid::text AS tid_str,
		d.day,
		d.stage,
		n.name_zh AS stage_zh,
		n.name_en AS stage_en,
		d.entered_at,
		d.left_at,
		round(EXTRACT(epoch FROM d.left_at - d.entered_at) / 3600, 2) AS hours,
		d.next_stage,
		d.exact
	FROM ordersync.stored_shops w
	CROSS JOIN LATERAL (
		SELECT e.day,
			e.tid,
			e.platform,
			e.stage,
			e.entered_at,
			lead(e.entered_at) OVER life AS left_at,
			lead(e.stage) OVER life AS next_stage,
			e.exact AND COALESCE(lead(e.exact) OVER life, true) AS exact
		FROM (
			SELECT o.created_date AS day,
				o.tid,
				o.platform,
				x.place,
				x.stage,
				x.entered_at,
				x.exact
			FROM ordersync.orders o
			LEFT JOIN ordersync.status_names s
				ON s.object = 'order'
				AND s.platform = o.platform
				AND s.status = o.status
			CROSS JOIN LATERAL (
				SELECT COALESCE(
						min(c.platform_time) FILTER (WHERE c.new_value = 'FRONT_PAID_FINAL_NOPAID'),
						-- it was first seen so: nothing changed into it
						CASE
							WHEN o.step_trade_status = 'FRONT_PAID_FINAL_NOPAID'
								OR bool_or(c.old_value = 'FRONT_PAID_FINAL_NOPAID')
								THEN min(c.platform_time) FILTER (WHERE c.field = 'first_seen')
						END) AS deposit,
					min(c.platform_time) FILTER (WHERE c.new_value = 'FRONT_PAID_FINAL_PAID') AS balance,
					min(c.platform_time) FILTER (
						WHERE c.new_value IN ('PAY_PENDING', 'WAIT_PRE_AUTH_CONFIRM')) AS pending,
					min(c.platform_time) FILTER (WHERE c.new_value = 'TRADE_BUYER_SIGNED') AS signed
				FROM ordersync.order_changes c
				WHERE c.shop_id = o.shop_id
					AND c.tid = o.tid
					AND c.object = 'order'
					AND c.field IN ('first_seen', 'status', 'step_trade_status')
			) c
			CROSS JOIN LATERAL (
				-- shipped is an order whose last line is; most have one parcel
				SELECT CASE
					WHEN o.package_count > 1 THEN (
						SELECT max(l.consign_time)
						FROM ordersync.sub_orders l
						WHERE l.shop_id = o.shop_id
							AND l.tid = o.tid
					)
					ELSE o.consign_time
				END AS last_parcel
				OFFSET 0
			) p
			CROSS JOIN LATERAL (
				VALUES
					(1, CASE
						WHEN o.type IN ({{words cash_on_delivery}}, 'nopaid') THEN 'paid'
						ELSE 'unpaid'
					END, o.created, true),
					-- a record may tell of a change after what came next: it was never later than that
					(2, 'paying', CASE
						WHEN c.pending IS NOT NULL THEN LEAST(c.pending, o.pay_time, o.consign_time, o.end_time)
					END, false),
					(3, 'deposit_paid', CASE
						WHEN c.deposit IS NOT NULL THEN LEAST(c.deposit, c.balance, o.consign_time, o.end_time)
					END, false),
					(4, 'paid', CASE
						WHEN o.type IN ({{words cash_on_delivery}}, 'nopaid') THEN NULL
						WHEN o.type = 'step' AND c.balance IS NOT NULL
							THEN LEAST(c.balance, o.consign_time, o.end_time)
						ELSE o.paid_at
					END, o.type IS DISTINCT FROM 'step' OR c.balance IS NULL),
					(5, CASE
						WHEN o.status = 'SELLER_CONSIGNED_PART' OR p.last_parcel > o.consign_time THEN 'partly_shipped'
						ELSE 'shipped'
					END, o.consign_time, true),
					(6, 'shipped', CASE
						WHEN o.status <> 'SELLER_CONSIGNED_PART' AND p.last_parcel > o.consign_time
							THEN p.last_parcel
					END, true),
					(7, 'signed', CASE
						WHEN c.signed IS NOT NULL THEN LEAST(c.signed, o.end_time)
					END, false),
					(8, COALESCE(s.stage, 'unknown'), o.end_time, true)
			) AS x (place, stage, entered_at, exact)
			WHERE o.shop_id = w.shop_id
				AND o.created_date IS NOT NULL
				AND x.entered_at IS NOT NULL
		) e
		WINDOW life AS (PARTITION BY e.day, e.tid ORDER BY e.entered_at, e.place)
	) d
	LEFT JOIN ordersync.status_names n
		ON n.object = 'order'
		AND n.platform = d.platform
		AND n.status = d.stage;
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_stages() IS
	'creates the view of how long orders stay in which stage';
