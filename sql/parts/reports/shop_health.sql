/*
 * How shops are: how far they are whole, their keys, their last run and error.
 *
 * It reads tables only, so that it stays when the extension goes, and shows each
 * reader what its own rights show.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_shop_health()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.shop_health
	WITH (security_invoker = true) AS
	SELECT s.shop_id,
		s.seller_nick,
		s.gateway,
		s.enabled,
		s.key_state,
		s.key_message,
		s.key_expires_at,
		o.whole_until AS orders_until,
		a.whole_until AS after_sales_until,
		clock_timestamp() + g.clock_offset - o.whole_until AS lag,
		l.run_id AS last_run,
		l.kind AS last_kind,
		l.state AS last_state,
		l.finished_at AS last_finished_at,
		q.active AS active_runs,
		f.error AS last_error,
		f.error_class AS last_error_class,
		f.finished_at AS last_error_at,
		p.proven_until,
		s.unserved,
		s.key_check_at,
		g.secret_state,
		g.secret_message
	FROM ordersync.shops s
	LEFT JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN LATERAL (
		SELECT upper(r) AS whole_until
		FROM ordersync.coverage c
		CROSS JOIN LATERAL unnest(c.ranges) r
		WHERE c.shop_id = s.shop_id
			AND c.stream = 'orders'
			AND c.basis = 'modified'
		ORDER BY r
		LIMIT 1
	) o ON true
	LEFT JOIN LATERAL (
		SELECT upper(r) AS whole_until
		FROM ordersync.coverage c
		CROSS JOIN LATERAL unnest(c.ranges) r
		WHERE c.shop_id = s.shop_id
			AND c.stream = 'after_sales'
			AND c.basis = 'modified'
		ORDER BY r
		LIMIT 1
	) a ON true
	LEFT JOIN LATERAL (
		SELECT r.run_id, r.kind, r.state, r.finished_at
		FROM ordersync.sync_runs r
		WHERE r.shop_id = s.shop_id
			AND r.finished_at IS NOT NULL
		ORDER BY r.finished_at DESC
		LIMIT 1
	) l ON true
	LEFT JOIN LATERAL (
		SELECT count(*) AS active
		FROM ordersync.sync_runs r
		WHERE r.shop_id = s.shop_id
			AND r.state IN ('pending', 'running')
	) q ON true
	LEFT JOIN LATERAL (
		SELECT t.error, t.error_class, t.finished_at
		FROM ordersync.sync_tasks t
		WHERE t.shop_id = s.shop_id
			AND t.state IN ('failed', 'incomplete')
		ORDER BY t.finished_at DESC
		LIMIT 1
	) f ON true
	LEFT JOIN LATERAL (
		SELECT upper(r) AS proven_until
		FROM ordersync.proven_ranges c
		CROSS JOIN LATERAL unnest(c.ranges) r
		WHERE c.shop_id = s.shop_id
			AND c.stream = 'orders'
		ORDER BY r
		LIMIT 1
	) p ON true;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('shop_health', NULL, 'one row per shop: until when it is complete, its key, its last run and error'),
		('shop_health', 'shop_id', 'the shop'),
		('shop_health', 'seller_nick', 'its seller'),
		('shop_health', 'gateway', 'its gateway'),
		('shop_health', 'enabled', 'false: paused'),
		('shop_health', 'key_state', 'state of its data key'),
		('shop_health', 'key_message', 'what the last check or refusal said'),
		('shop_health', 'key_expires_at', 'when the data key expires, as typed'),
		('shop_health', 'orders_until', 'every change of an order until then was read, without a hole'),
		('shop_health', 'after_sales_until', 'every change of an after-sale until then was read, without a hole'),
		('shop_health', 'lag', 'how long ago orders_until is'),
		('shop_health', 'last_run', 'the last run that ended'),
		('shop_health', 'last_kind', 'its kind'),
		('shop_health', 'last_state', 'how it ended'),
		('shop_health', 'last_finished_at', 'when it ended'),
		('shop_health', 'active_runs', 'runs that have not ended'),
		('shop_health', 'last_error', 'the last failure'),
		('shop_health', 'last_error_class', 'its class'),
		('shop_health', 'last_error_at', 'when it was'),
		('shop_health', 'proven_until', 'every change of an order until then was read, and late arrivals were checked'),
		('shop_health', 'unserved', 'lists that the platform refuses to the shop for want of permission'),
		('shop_health', 'key_check_at', 'when a refused data key is checked again'),
		('shop_health', 'secret_state', 'whether the application secret of its gateway can be opened: ok, missing, unreadable or key_file'),
		('shop_health', 'secret_message', 'reason why it cannot be opened')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_shop_health() IS
	'creates the view of the health of shops; part of ordersync.set_up()';
