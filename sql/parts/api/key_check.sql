/*
 * The check of a stored data key, now: a run of one task without a window, whose
 * only call asks whose the key is.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_check_shop(shop_id bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
	v_run bigint;
	v_joined boolean;
	v_key ordersync.secrets;
	v_gateway text;
	v_moved text;
	v_now timestamptz;
BEGIN
	PERFORM ordersync.check_shop(shop_id);
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.lock_shop(shop_id);
	SELECT k.* INTO v_key
	FROM ordersync.secrets k
	WHERE k.kind = 'data_key'
		AND k.name = shop_id::text;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('shop %s has no data key', shop_id),
			HINT = format('Set it with SELECT ordersync_set_session_key(%s, session_key).', shop_id);
	END IF;
	IF ordersync.key_file_trouble() IS NULL AND NOT ordersync.can_open(v_key.sealed, v_key.kind, v_key.name, v_key.destination) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the data key of shop %s cannot be opened', shop_id),
			DETAIL = 'It was sealed with another key than the one in ordersync.key_file.',
			HINT = format('Restore the file that sealed it, or set the key again with SELECT ordersync_set_session_key(%s, session_key).', shop_id);
	END IF;

	UPDATE ordersync.shops s
	SET key_state = 'unchecked',
		key_check_at = NULL
	WHERE s.shop_id = ordersync_check_shop.shop_id
	RETURNING s.gateway INTO v_gateway;
	PERFORM ordersync.check_destinations(v_gateway, shop_id);	-- no key goes where it was not given for
	SELECT s.key_message INTO v_moved
	FROM ordersync.shops s
	WHERE s.shop_id = ordersync_check_shop.shop_id
		AND s.key_state = 'moved';
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the secrets of shop %s were set for another destination', shop_id),
			DETAIL = v_moved || '.',
			HINT = ordersync.hint_destination_changed(v_gateway, shop_id::text);
	END IF;

	SELECT r.run_id INTO v_run
	FROM ordersync.sync_runs r
	WHERE r.shop_id = ordersync_check_shop.shop_id
		AND r.kind = 'check'
		AND r.state = 'pending'
	LIMIT 1;
	v_joined := FOUND;
	IF NOT v_joined THEN
		v_now := ordersync.platform_now(shop_id);
		INSERT INTO ordersync.sync_runs AS r (shop_id, kind, open_tasks)
		VALUES (shop_id, 'check', 1)
		RETURNING r.run_id INTO v_run;
		-- who is not told whose a key is tries it: the last minute's orders, stored as by any fresh window
		INSERT INTO ordersync.sync_tasks AS t (run_id, shop_id, stream, basis, since, until, fresh, reason)
		SELECT v_run, shop_id, 'orders', 'modified', v_now - u.back, v_now - u.lag, u.back > '0', 'key'
		FROM (
			SELECT CASE WHEN n.none THEN interval '1 minute' + ordersync.interval_setting('lag') ELSE '0' END AS back,
				CASE WHEN n.none THEN ordersync.interval_setting('lag') ELSE '0' END AS lag
			FROM (VALUES (ordersync.gateway_lacks(ordersync.unserved(shop_id), 'whoami'))) n (none)
		) u;
	END IF;
	PERFORM ordersync.announce_run(v_run, v_joined, false);
	PERFORM ordersync.wake();
	RETURN v_run;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_check_shop(bigint) IS
	'checks now which seller the stored data key belongs to; the result is in ordersync.shops.key_state when the run has ended. Returns the run_id';
