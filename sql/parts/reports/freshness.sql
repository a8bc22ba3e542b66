/*
 * How far each shop is behind its targets: of being read up to now, and of its
 * last full run.  What ordersync.watch() acts on.
 *
 * A stream is behind by what it could have been read further: a change younger
 * than the stream's settle time (ten minutes for orders, a day for after-sales)
 * closes for nobody, so it does not count.  A shop that has just been read is
 * behind by nothing, one that is read daily by a day at most.
 *
 * A hole that the platform no longer serves cannot be read by any run: what lies
 * behind the horizon (ordersync.horizon) counts as read.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_freshness()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.freshness
	WITH (security_invoker = true) AS
	SELECT s.shop_id,
		CASE
			WHEN w.orders_begun AND w.after_sales_begun THEN LEAST(o.whole_until, a.whole_until)
		END AS covered_until,
		l.lag,
		t.target,
		COALESCE(l.lag > t.target, false) AS behind,
		h.full_run_at,
		w.now - COALESCE(h.full_run_at, s.created_at) AS full_age,
		t.full_target,
		COALESCE(w.now - COALESCE(h.full_run_at, s.created_at) > t.full_target, false) AS full_behind
	FROM ordersync.shops s
	LEFT JOIN ordersync.gateways g ON g.name = s.gateway
	LEFT JOIN ordersync.shop_totals h ON h.shop_id = s.shop_id
	CROSS JOIN LATERAL (
		SELECT clock_timestamp() AS now,
			clock_timestamp() + COALESCE(g.clock_offset, '0') AS platform_now,
			clock_timestamp() + COALESCE(g.clock_offset, '0') - interval '2159 hours' AS served_from,
			COALESCE(s.options -> 'streams' ? 'orders', true) AS reads_orders,
			COALESCE(s.options -> 'streams' ? 'after_sales', true)
				-- neither by time nor by order
				AND NOT COALESCE(g.unserved ?& ARRAY['after_sales', 'details of refunds_of_orders'], false) AS reads_after_sales
		OFFSET 0		-- one clock for the whole row; and what is below is worked out once a row
	) n
	LEFT JOIN ordersync.coverage co ON co.shop_id = s.shop_id
		AND co.stream = 'orders'
		AND co.basis = 'modified'
		AND n.reads_orders
	LEFT JOIN ordersync.coverage ca ON ca.shop_id = s.shop_id
		AND ca.stream = 'after_sales'
		AND ca.basis = 'modified'
		AND n.reads_after_sales
	LEFT JOIN LATERAL (
		SELECT upper(r) AS whole_until
		FROM unnest(co.ranges + CASE
			WHEN lower(co.ranges) < n.served_from THEN
				tstzmultirange(tstzrange(NULL, n.served_from))
			ELSE '{}'
		END) r
		LIMIT 1
	) o ON true
	LEFT JOIN LATERAL (
		SELECT upper(r) AS whole_until
		FROM unnest(ca.ranges + CASE
			WHEN lower(ca.ranges) < n.served_from THEN
				tstzmultirange(tstzrange(NULL, n.served_from))
			ELSE '{}'
		END) r
		LIMIT 1
	) a ON true
	CROSS JOIN LATERAL (
		SELECT n.now,
			NOT n.reads_orders OR o.whole_until IS NOT NULL AS orders_begun,
			NOT n.reads_after_sales OR a.whole_until IS NOT NULL AS after_sales_begun
	) w
	CROSS JOIN LATERAL (
		SELECT GREATEST(interval '0',
			n.platform_now - o.whole_until
				- COALESCE(NULLIF(current_setting('ordersync.settle', true), ''), '10min')::interval,
			n.platform_now - a.whole_until
				- COALESCE(NULLIF(current_setting('ordersync.settle_after_sales', true), ''), '1d')::interval,
			-- nothing closed yet: since its first run began or, before any, since it was added
			CASE
				WHEN w.orders_begun AND w.after_sales_begun THEN NULL
				ELSE COALESCE(n.platform_now - LEAST(s.first_full_at, s.first_incremental_at), n.now - s.created_at)
			END) AS lag
		OFFSET 0
	) l
	CROSS JOIN LATERAL (
		SELECT
			CASE
				WHEN NOT s.enabled OR s.options ->> 'incremental' = 'off' OR s.options ->> 'freshness_target' = 'off' THEN NULL
				ELSE NULLIF(COALESCE(s.options ->> 'freshness_target',
					NULLIF(current_setting('ordersync.freshness_target', true), ''), '26h')::interval, '0')
			END AS target,
			CASE
				WHEN NOT s.enabled OR s.options ->> 'full_run' = 'off' OR s.options ->> 'full_run_target' = 'off' THEN NULL
				ELSE NULLIF(COALESCE(s.options ->> 'full_run_target',
					NULLIF(current_setting('ordersync.full_run_target', true), ''), '32d')::interval, '0')
			END AS full_target
		OFFSET 0
	) t;

	PERFORM ordersync.comment_on('VIEW', x.rel, x.col, x.words)
	FROM (VALUES
		('freshness', NULL, 'one row per shop: how far it is behind its targets; the watchdog starts the runs of those that are behind'),
		('freshness', 'shop_id', 'the shop'),
		('freshness', 'covered_until', 'all was read until then: every change of orders and after-sales, without a hole that the platform still serves; NULL: nothing is closed yet'),
		('freshness', 'lag', 'how much further it could be read: the platform''s now, less ordersync.settle (after-sales: ordersync.settle_after_sales), minus what was read, of the stream that is behind most; before anything is closed, the time since its first run began or, before any, since it was added'),
		('freshness', 'target', 'the longest lag that is accepted: option freshness_target, or the setting; NULL: none (off, paused, or option incremental is off)'),
		('freshness', 'behind', 'lag is beyond the target'),
		('freshness', 'full_run_at', 'when the last full run over a month or more ended well'),
		('freshness', 'full_age', 'how long ago that is; before any, the time since the shop was added'),
		('freshness', 'full_target', 'the longest full_age that is accepted: option full_run_target, or the setting; NULL: none (off, paused, or option full_run is off)'),
		('freshness', 'full_behind', 'full_age is beyond the target')
	) AS x (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_freshness() IS
	'creates the view of how far shops are behind their targets; part of ordersync.set_up()';
