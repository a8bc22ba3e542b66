/*
 * What rows hold that their records do not say.
 */
CREATE TYPE ordersync.remembered AS (
	id bigint,
	paid_at timestamptz,
	paid_amount numeric,
	paid_amount_frozen boolean,
	paid_amount_estimated boolean,
	platform_state text,
	details_at timestamptz,
	first_seen_at timestamptz,
	tid bigint
);
COMMENT ON TYPE ordersync.remembered IS
	'what the row of an order or of a line holds that its record does not say; tid: the order that it belongs to';

CREATE TYPE ordersync.remembered_after_sale AS (
	id bigint,
	tid bigint,
	oid bigint,
	num_iid bigint,
	refunded_at timestamptz,
	closed_at timestamptz,
	turned_at timestamptz,
	first_seen_at timestamptz
);
COMMENT ON TYPE ordersync.remembered_after_sale IS
	'what the row of an after-sale holds that its record does not say';
