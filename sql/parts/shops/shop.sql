/*
 * One shop: that it is there, its lock, what is told of its data key.
 */
CREATE OR REPLACE FUNCTION ordersync.check_shop(p_shop bigint)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.shops') IS NOT NULL THEN
		PERFORM 1
		FROM ordersync.shops s
		WHERE s.shop_id = p_shop;
		IF FOUND THEN
			PERFORM ordersync.check_allowed(p_shop);
			RETURN;
		END IF;
	END IF;

	RAISE EXCEPTION USING
		ERRCODE = 'undefined_object',
		MESSAGE = pg_catalog.format('shop %s does not exist', COALESCE(p_shop::text, 'NULL')),
		HINT = 'Shops are listed in ordersync.shops; add one with SELECT ordersync_add_shop(shop_id, seller_nick, data_key).';
END
$function$;
COMMENT ON FUNCTION ordersync.check_shop(bigint) IS
	'raises an error for a shop that does not exist or that the caller may not use';

CREATE OR REPLACE FUNCTION ordersync.lock_shop(p_shop bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
BEGIN
	-- shops share a few locks: one transaction may start the runs of thousands, and the server has room for so many
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('shop/' || p_shop % 256));
	RETURN true;
EXCEPTION
	/*
	 * Somebody left a transaction with a trigger open, or two that trigger
	 * many shops wait for each other.  The night's run must not hang on that:
	 * it goes on without joining, which reads more, not less.
	 */
	WHEN lock_not_available OR deadlock_detected THEN
		RETURN false;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_shop(bigint) IS
	'locks the shop against other triggers until commit; false if the lock is not available within two seconds';

CREATE OR REPLACE FUNCTION ordersync.try_lock_shop(p_shop bigint)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.pg_try_advisory_xact_lock(ordersync.lock_key('shop/' || p_shop % 256))
$function$;
COMMENT ON FUNCTION ordersync.try_lock_shop(bigint) IS
	'the same without waiting';

/*
 * Whoever changes key_state calls this behind it.  What was told last is
 * remembered, so that a state that was gone again at the end of a transaction is
 * not told, and nothing is told twice.
 */
CREATE OR REPLACE FUNCTION ordersync.report_key_states(p_shop bigint, p_gateway text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
	v_shops bigint[] := ARRAY[p_shop];
	v record;
BEGIN
	IF p_shop IS NULL THEN
		v_shops := ARRAY(
			SELECT o.shop_id
			FROM ordersync.shops o
			WHERE p_gateway IS NULL
				OR o.gateway = p_gateway);
	END IF;
	FOR v IN
		UPDATE ordersync.shops s
		SET key_state_reported = s.key_state
		FROM (
			SELECT o.shop_id, o.key_state_reported
			FROM ordersync.shops o
			-- by the key, whatever the plan: one of thousands is looked at without the others
			WHERE o.shop_id = ANY (v_shops)
				AND o.key_state_reported IS DISTINCT FROM o.key_state
			ORDER BY o.shop_id
			FOR NO KEY UPDATE
		) o
		WHERE s.shop_id = o.shop_id
		RETURNING s.shop_id, s.key_state, o.key_state_reported AS before
	LOOP
		CONTINUE WHEN v.before IS NULL AND v.key_state IN ('missing', 'unchecked');	-- a new shop
		PERFORM ordersync.log_line(pg_catalog.format('shop %s: data key %s, was %s',
			v.shop_id, v.key_state, COALESCE(v.before, 'new')));
		IF v.key_state <> 'unchecked' THEN
			PERFORM ordersync.notify(
				CASE WHEN v.key_state IN ('ok', 'unverified') THEN 'shop_authorized' ELSE 'shop_unauthorized' END,
				pg_catalog.jsonb_build_object('shop_id', v.shop_id, 'key_state', v.key_state));
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.report_key_states(bigint, text) IS
	'tells the server''s log and listeners of the key_state of a shop, or of those of a gateway (NULL: of all), where it has changed';
