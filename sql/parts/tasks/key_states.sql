/*
 * What a call says of the shop's data key, or of the gateway's secret.
 */
/* Who asked for a check has the answer; nothing else is to be done. */
CREATE OR REPLACE FUNCTION ordersync.fail_key_checks(p_shop bigint, p_class text, p_message text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	WITH ended AS (
		UPDATE ordersync.sync_tasks t
		SET state = 'failed',
			error_class = p_class,
			error = p_message,
			finished_at = pg_catalog.clock_timestamp()
		FROM (
			SELECT l.task_id
			FROM ordersync.sync_tasks l
			JOIN ordersync.sync_runs r ON r.run_id = l.run_id
			WHERE r.shop_id = p_shop
				AND r.kind = 'check'
				AND r.state IN ('pending', 'running')
				AND l.state = 'pending'
			ORDER BY l.task_id
			FOR UPDATE OF l SKIP LOCKED
		) l
		WHERE t.task_id = l.task_id
		RETURNING t.run_id
	)
	SELECT ordersync.count_tasks(e.run_id, -1)
	FROM ended e
$function$;
COMMENT ON FUNCTION ordersync.fail_key_checks(bigint, text, text) IS
	'fails the waiting runs of kind check of a shop whose data key is invalid';

/*
 * Asked behind the shop's lock, which who sets a key takes too.  By its seal, not by
 * times: a key may have been set by a transaction that is older than the claim and
 * committed after it.  One that was only sealed anew counts as another; it is asked
 * for again, once.
 */
CREATE OR REPLACE FUNCTION ordersync.data_key_seal(p_shop bigint)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.seal_id(k.sealed)
	FROM ordersync.secrets k
	WHERE k.kind = 'data_key'
		AND k.name = p_shop::text
$function$;
COMMENT ON FUNCTION ordersync.data_key_seal(bigint) IS
	'which sealing the shop''s stored data key is; NULL: none is stored. What a worker claimed with another one says nothing of it';

CREATE OR REPLACE FUNCTION ordersync.key_opens(p_shop bigint, p_gateway text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM ordersync.secrets k
		WHERE k.kind = 'data_key'
			AND k.name = p_shop::text
			AND ordersync.can_open(k.sealed, k.kind, k.name, ordersync.gateway_destination(p_gateway)));
END
$function$;
COMMENT ON FUNCTION ordersync.key_opens(bigint, text) IS
	'whether the shop''s data key can be opened for the present destination of its gateway';

/*
 * A refusal is not always final: a shop that is frozen for a while, a key that
 * comes back.  So the key is checked again, by one call, after ten minutes, an
 * hour, and then daily.  Calls that were in flight together count as one; what
 * is refused right after a check that found it good goes on counting.
 */
CREATE OR REPLACE FUNCTION ordersync.mark_key_refused(p_shop bigint, p_key_seal text, p_claimed_at timestamptz, p_class text, p_message text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_state text := CASE p_class WHEN 'key_unreadable' THEN 'key_unreadable' ELSE 'expired' END;
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_shop ordersync.shops;
	v_refusals integer := 0;
BEGIN
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
	FOR NO KEY UPDATE;
	/*
	 * Another key that came while the old one was being refused is not to blame,
	 * nor is the one that waits for the gateway to lead where it was given for,
	 * nor one that opens by now.
	 */
	IF ordersync.data_key_seal(p_shop) IS DISTINCT FROM p_key_seal
			OR v_shop.key_state = 'moved'
			OR v_state = 'key_unreadable' AND ordersync.key_opens(p_shop, v_shop.gateway) THEN
		RETURN;
	END IF;

	IF v_state = 'expired' THEN
		IF v_shop.key_state = 'expired' AND v_shop.key_checked_at >= p_claimed_at THEN
			RETURN;			-- it is known already
		END IF;
		v_refusals := 1 + CASE
			WHEN v_shop.key_state = 'expired' OR v_shop.key_checked_at > v_now - interval '10 minutes' THEN v_shop.key_refusals
			ELSE 0
		END;
	END IF;

	UPDATE ordersync.shops s
	SET key_state = v_state,
		key_message = p_message,
		key_checked_at = v_now,
		key_refusals = v_refusals,
		key_check_at = v_now + CASE
			WHEN v_refusals = 1 THEN interval '10 minutes'
			WHEN v_refusals = 2 THEN interval '1 hour'
			WHEN v_refusals > 2 THEN interval '24 hours'
		END
	WHERE s.shop_id = p_shop;
	PERFORM ordersync.fail_key_checks(p_shop, 'session', p_message);
	PERFORM ordersync.report_key_states(p_shop, NULL);
END
$function$;
COMMENT ON FUNCTION ordersync.mark_key_refused(bigint, text, timestamptz, text, text) IS
	'marks a shop whose data key was refused; its tasks wait for a new one, or for the next check';

/*
 * A worker found it with the secrets and the URL that it had claimed.  Both may
 * have been set since, also by a transaction that is older than the claim: they
 * are judged anew behind the gateway's lock.
 */
CREATE OR REPLACE FUNCTION ordersync.mark_secret_unreadable(p_shop bigint, p_message text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_gateway ordersync.gateways;
	v_needed boolean;
	v_given boolean;
	v_usable boolean;
BEGIN
	SELECT g.* INTO v_gateway
	FROM ordersync.gateways g
	WHERE g.name = (
		SELECT s.gateway
		FROM ordersync.shops s
		WHERE s.shop_id = p_shop)
	FOR NO KEY UPDATE;
	v_needed := ordersync.gateway_needs_secret(v_gateway.protocol, v_gateway.options::text);
	SELECT COALESCE(pg_catalog.bool_or(k.kind = 'app_secret'), false),
		pg_catalog.bool_and(d.now IS NOT NULL AND (k.kind IS NULL OR ordersync.can_open(k.sealed, k.kind, k.name, d.now)))
	INTO v_given, v_usable
	FROM ordersync.gateway_destination(v_gateway.name) d (now)
	LEFT JOIN ordersync.secrets_of_gateway(v_gateway.name) k ON true;
	IF v_usable AND (v_given OR NOT v_needed) THEN
		RETURN;
	END IF;
	UPDATE ordersync.gateways g
	SET secret_state = CASE WHEN v_given OR NOT v_needed THEN 'unreadable' ELSE 'missing' END,
		secret_message = p_message
	WHERE g.name = v_gateway.name;
END
$function$;
COMMENT ON FUNCTION ordersync.mark_secret_unreadable(bigint, text) IS
	'marks the shop''s gateway, with a secret that cannot be opened, unless all can be opened now; its shops wait';
