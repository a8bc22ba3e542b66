/*
 * One shop: that it is there, its lock, what listeners are told of it.
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

CREATE OR REPLACE FUNCTION ordersync.notify_shop(p_shop bigint, p_state text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.pg_notify('ordersync',
		pg_catalog.json_build_object('shop_id', p_shop, 'key_state', p_state)::text)
$function$;
COMMENT ON FUNCTION ordersync.notify_shop(bigint, text) IS
	'notifies channel ordersync that a shop''s key_state changed';
