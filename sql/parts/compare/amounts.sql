/*
 * Which kind of fault makes an amount of another program differ from ours.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_amount(p_column text, p_theirs numeric, p_ours numeric, p_others jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_theirs = 'NaN' OR p_theirs IN ('Infinity', '-Infinity') THEN 'amount'
		WHEN pg_catalog.round(p_theirs, 2) = COALESCE(p_ours, 0) THEN 'amount_imprecise'
		WHEN pg_catalog.round(p_theirs, 2) = p_ours * 100 THEN 'amount_in_cents'
		WHEN p_column = 'payment' AND p_theirs = (p_others ->> 'paid_amount')::numeric THEN 'amount_before_refunds'
		WHEN p_column = 'paid_amount' AND p_ours IS NULL AND p_theirs = (p_others ->> 'payment')::numeric
			OR p_column = 'refunded_amount' AND p_ours = 0 AND p_theirs = (p_others ->> 'refund_fee')::numeric THEN 'amount_not_paid'
		WHEN p_column = 'paid_amount' AND p_theirs = (p_others ->> 'payment')::numeric THEN 'amount_after_refunds'
		WHEN p_theirs <> 0 AND (
			p_theirs = (p_others ->> 'payment')::numeric - (p_others ->> 'post_fee')::numeric
			OR EXISTS (
				SELECT
				FROM pg_catalog.jsonb_each_text(p_others) o
				WHERE o.key <> p_column
					AND o.value::numeric = p_theirs)) THEN 'amount_other_column'
		WHEN pg_catalog.abs(p_theirs - p_ours) <= 0.01
			OR p_theirs IN (pg_catalog.round(p_ours, 1), pg_catalog.round(p_ours), pg_catalog.trunc(p_ours, 1), pg_catalog.trunc(p_ours))
			THEN 'amount_rounded'
		-- seven digits: real
		WHEN pg_catalog.abs(p_theirs - p_ours) < pg_catalog.abs(p_ours) * 1e-6 THEN 'amount_imprecise'
		ELSE 'amount'
	END
$function$;
COMMENT ON FUNCTION ordersync.compare_amount(text, numeric, numeric, jsonb) IS
	'names the difference of two amounts; p_others: the other amounts that ours has of the record';
