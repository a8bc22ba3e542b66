/*
 * Shops that pass their targets, and when a run may be started for one.
 */
/*
 * A shop that goes on failing is tried ever more rarely, down to four times
 * within its target.  A full run reads a month again, so its first distance is a
 * day where the target is a month; an incremental run's is an hour.
 */
CREATE OR REPLACE FUNCTION ordersync.watchdog_delay(p_target interval, p_tries integer)
RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT LEAST(GREATEST(interval '1 hour', p_target / 32) * 2 ^ LEAST(GREATEST(p_tries - 1, 0), 20), p_target / 4)
$function$;
COMMENT ON FUNCTION ordersync.watchdog_delay(interval, integer) IS
	'how long after the last run of the kind the watchdog starts one, after so many tries of its own';

/*
 * Nothing is started that could only wait: for a data key (a refused one may be
 * tried when its check is due), for the application secret, for the end of a ban.
 */
CREATE OR REPLACE FUNCTION ordersync.watchdog_shops()
RETURNS TABLE (
	shop_id bigint,
	kind text,
	behind boolean,
	was_behind boolean,
	may_start boolean,
	lag interval,
	target interval)
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	WITH f AS MATERIALIZED (	-- worked out once; of most shops nothing is left
		SELECT f.*
		FROM ordersync.freshness f
		JOIN ordersync.shops s ON s.shop_id = f.shop_id
		WHERE f.behind OR f.full_behind OR s.behind_since IS NOT NULL OR s.full_behind_since IS NOT NULL
	)
	SELECT f.shop_id, k.kind, k.behind, k.behind_since IS NOT NULL, m.may_start, k.lag, k.target
	FROM f
	JOIN ordersync.shops s ON s.shop_id = f.shop_id
	LEFT JOIN ordersync.gateways g ON g.name = s.gateway
	CROSS JOIN LATERAL (
		VALUES
			('incremental', f.behind, f.lag, f.target, s.behind_since, s.watchdog_runs, s.watchdog_run_at),
			('full', f.full_behind, f.full_age, f.full_target, s.full_behind_since, s.full_watchdog_runs, s.full_watchdog_run_at)
	) k (kind, behind, lag, target, behind_since, tries, tried_at)
	CROSS JOIN LATERAL (
		SELECT k.behind
			AND (s.key_state IN ('unchecked', 'ok', 'unverified')
				OR s.key_state = 'expired' AND COALESCE(s.key_check_at <= pg_catalog.now(), false))
			AND COALESCE(g.secret_state = 'ok' AND COALESCE(GREATEST(g.throttled_until, g.spent_until, g.reserved_until) <= pg_catalog.now(), true), false)
			AND NOT EXISTS (
				SELECT
				FROM ordersync.sync_runs r
				WHERE r.shop_id = f.shop_id
					AND r.kind = k.kind
					AND r.state IN ('pending', 'running'))
			AND COALESCE(GREATEST(k.tried_at, (
				SELECT r.finished_at
				FROM ordersync.sync_runs r
				WHERE r.shop_id = f.shop_id
					AND r.kind = k.kind
				ORDER BY r.run_id DESC
				LIMIT 1)) + ordersync.watchdog_delay(k.target, k.tries) <= pg_catalog.now(), true)
			AS may_start
		OFFSET 0
	) m
	WHERE k.behind <> (k.behind_since IS NOT NULL)
		OR m.may_start
$function$;
COMMENT ON FUNCTION ordersync.watchdog_shops() IS
	'shops that have passed a target since that was noted, and those for which a run may be started now';

CREATE OR REPLACE FUNCTION ordersync.note_behind(p_shop bigint, p_kind text, p_behind boolean, p_lag interval, p_target interval)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM 1
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
	FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN false;			-- who has it locked is not waited for
	END IF;
	IF p_kind = 'incremental' THEN
		UPDATE ordersync.shops s
		SET behind_since = CASE WHEN p_behind THEN pg_catalog.now() END,
			watchdog_runs = 0,
			watchdog_run_at = NULL
		WHERE s.shop_id = p_shop;
	ELSE
		UPDATE ordersync.shops s
		SET full_behind_since = CASE WHEN p_behind THEN pg_catalog.now() END,
			full_watchdog_runs = 0,
			full_watchdog_run_at = NULL
		WHERE s.shop_id = p_shop;
	END IF;

	-- without a target (paused, switched off) it is neither behind nor back
	IF p_target IS NOT NULL THEN
		PERFORM ordersync.log_line(pg_catalog.format('shop %s: %s, %s, lag %s h, target %s h', p_shop,
			CASE WHEN p_behind THEN 'behind its target' ELSE 'within its target again' END, p_kind,
			pg_catalog.round(EXTRACT(epoch FROM p_lag) / 3600, 1), pg_catalog.round(EXTRACT(epoch FROM p_target) / 3600, 1)));
		PERFORM ordersync.notify(CASE WHEN p_behind THEN 'behind_target' ELSE 'within_target' END, pg_catalog.jsonb_build_object(
			'shop_id', p_shop, 'kind', p_kind,
			'lag_s', EXTRACT(epoch FROM p_lag)::bigint, 'target_s', EXTRACT(epoch FROM p_target)::bigint));
	END IF;
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.note_behind(bigint, text, boolean, interval, interval) IS
	'notes that a shop has passed a target, and tells the server''s log and listeners; false if its row is locked';
