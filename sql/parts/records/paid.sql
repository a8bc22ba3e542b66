/*
 * What counts as paid, when, and what of it stays though the record says less.
 *
 * The rules stand here and nowhere else, those of a single line in C
 * (src/order_lines.c), where an order's row is summed up of its lines too.  All are
 * pure; those in SQL are short enough for the planner to put in the place of their
 * call.
 */
CREATE OR REPLACE FUNCTION ordersync.is_cash_on_delivery(trade_type text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_is_cash_on_delivery'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.is_cash_on_delivery(text) IS
	'orders of this type are paid when they arrive; NULL: not known';

/* Of an order, and of its lines as far as these were paid with it. */
CREATE OR REPLACE FUNCTION ordersync.paid_at_of(
	p_status text,
	p_step_trade_status text,
	p_trade_type text,
	p_pay_time timestamptz,
	p_end_time timestamptz
)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	-- closed before it was paid, whatever time it has
	WHEN p_status = 'TRADE_CLOSED_BY_TAOBAO' THEN NULL
	-- a pre-sale by its stages, whatever type it is said to have
	WHEN p_step_trade_status <> '' THEN
		CASE WHEN p_step_trade_status = 'FRONT_PAID_FINAL_PAID' THEN p_pay_time END
	WHEN p_trade_type = 'step' THEN
		CASE
			WHEN p_status IN ('WAIT_SELLER_SEND_GOODS', 'PAID_FORBID_CONSIGN', 'SELLER_CONSIGNED_PART',
					'WAIT_BUYER_CONFIRM_GOODS', 'TRADE_BUYER_SIGNED', 'TRADE_FINISHED', 'TRADE_CLOSED') THEN p_pay_time
		END
	WHEN ordersync.is_cash_on_delivery(p_trade_type) THEN
		CASE WHEN p_status = 'TRADE_FINISHED' THEN p_end_time END
	ELSE p_pay_time
END;
COMMENT ON FUNCTION ordersync.paid_at_of(text, text, text, timestamptz, timestamptz) IS
	'when an order as its record describes it counts as paid; NULL: it does not';

CREATE OR REPLACE FUNCTION ordersync.line_refunded(refund_status text, special_refund_type text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_line_refunded'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.line_refunded(text, text) IS
	'whether an item line''s record says that money went back';

CREATE OR REPLACE FUNCTION ordersync.line_unsold(trade_type text, status text, refund_status text, special_refund_type text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_line_unsold'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.line_unsold(text, text, text, text) IS
	'whether an item line was closed without having been paid, whatever its order was';

/* An order that ends ends its lines; a line that ended before it ended its own way. */
CREATE OR REPLACE FUNCTION ordersync.line_end(p_trade_status text, p_status text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_status IN ('TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO') THEN p_status ELSE p_trade_status END;
COMMENT ON FUNCTION ordersync.line_end(text, text) IS
	'the status that tells how an item line was closed: its own, or else its order''s';

/*
 * Once sold, what is closed later was sold all the same: the day of its payment
 * is not taken from the sales of a day that is past.  TRADE_CLOSED_BY_TAOBAO says
 * that it was closed before it was paid, so it was not a sale, whatever was assumed
 * of it; but what money went back for (the amount is frozen) was.
 */
CREATE OR REPLACE FUNCTION ordersync.stays_paid(
	p_paid_at timestamptz,
	p_status text,
	p_was_paid_at timestamptz,
	p_was_frozen boolean
)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_paid_at IS NULL AND p_was_paid_at IS NOT NULL
	AND COALESCE(p_status = 'TRADE_CLOSED' OR p_status = 'TRADE_CLOSED_BY_TAOBAO' AND p_was_frozen, false);
COMMENT ON FUNCTION ordersync.stays_paid(timestamptz, text, timestamptz, boolean) IS
	'whether an order or line that counted as paid still does though its record no longer says so: it was closed after its sale';

/*
 * What was paid is remembered from before the first refund.  While a line is in
 * dispute the figures may have fallen for a refund that has another after it and is
 * not stored yet, and the history does not say what they fell for: they are not
 * followed down.  What was sold and then closed was sold on its day, also where
 * only its end tells the payment (cash on delivery).
 *
 *   was    as the locked row has it; NULL: there is none
 *   now    as the record says
 *   refunded   money went back for it
 *   lowered    this very record's figures are from after that
 *   disputed   the record's figures may have fallen
 */
CREATE OR REPLACE FUNCTION ordersync.paid_facts(
	was ordersync.remembered,
	now_paid_at timestamptz,
	now_amount numeric,
	end_status text,
	refunded boolean,
	lowered boolean,
	disputed boolean
)
RETURNS TABLE (paid_at timestamptz, paid_amount numeric, paid_amount_frozen boolean, paid_amount_estimated boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
ROWS 1
AS $function$
	SELECT CASE WHEN k.stays THEN was.paid_at ELSE now_paid_at END,
		CASE
			WHEN k.fixed THEN COALESCE(was.paid_amount, now_amount)
			WHEN disputed THEN GREATEST(now_amount, CASE WHEN now_paid_at IS NOT NULL THEN was.paid_amount END)
			ELSE now_amount
		END,
		k.fixed,
		CASE
			WHEN was.paid_amount_frozen THEN was.paid_amount_estimated
			WHEN was.paid_amount IS NOT NULL THEN false
			ELSE lowered
		END
	FROM (
		SELECT s.stays, s.stays OR refunded OR COALESCE(was.paid_amount_frozen, false) AS fixed
		FROM (
			SELECT ordersync.stays_paid(now_paid_at, end_status, was.paid_at, COALESCE(was.paid_amount_frozen, false)) AS stays
		) s
	) k
$function$;
COMMENT ON FUNCTION ordersync.paid_facts(ordersync.remembered, timestamptz, numeric, text, boolean, boolean, boolean) IS
	'paid_at, paid_amount and what is known of it, of an order or line after a record of it, given what its row held';

/* Two amounts that fit may differ by one that does not. */
CREATE OR REPLACE FUNCTION ordersync.line_amount(p_divide_order_fee numeric, p_total_fee numeric, p_part_mjz_discount numeric)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(p_divide_order_fee, CASE
	WHEN pg_catalog.abs(p_total_fee - COALESCE(p_part_mjz_discount, 0)) < 1e16
		THEN p_total_fee - COALESCE(p_part_mjz_discount, 0)
END);
COMMENT ON FUNCTION ordersync.line_amount(numeric, numeric, numeric) IS
	'what a line comes to without postage: its share as the platform divided the payment, or else its total less its part of the discounts';

CREATE OR REPLACE FUNCTION ordersync.is_refunding_kind(p_dispute_type text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(
	p_dispute_type NOT IN ('TMALL_EXCHANGE', 'TAOBAO_EXCHANGE', 'REPAIR', 'RESHIPPING'), true);
COMMENT ON FUNCTION ordersync.is_refunding_kind(text) IS
	'whether an after-sale of this kind returns money; exchange, repair and reshipment do not';

/*
 * An exchange may have been closed to go on as a refund.  No public text says
 * whether the refund keeps the number and the dispute_type of the exchange.  If it
 * does, its SUCCESS is the refund's, since an exchange that is closed cannot
 * succeed; if it is an after-sale of its own, it counts by its own type, once.
 */
CREATE OR REPLACE FUNCTION ordersync.is_refunded(p_status text, p_dispute_type text, p_turned_at timestamptz)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(p_status = 'SUCCESS', false)
	AND (ordersync.is_refunding_kind(p_dispute_type) OR p_turned_at IS NOT NULL);
COMMENT ON FUNCTION ordersync.is_refunded(text, text, timestamptz) IS
	'whether an after-sale has ended and returned money; p_turned_at: when it was seen as an exchange turned into a refund';
