/*
 * Failing: a call came to no page, or the database refused one.
 *
 * Called in a transaction of its own, after whatever was begun is undone.
 *
 *   throttled     the whole gateway keeps silent as long as was asked
 *   unauthorized  the shop waits for a new data key, the task with it
 *   rejected      nobody gets another answer by asking again: failed
 *   the rest      pending, due after the back-off; failed after p_max_attempts
 */
CREATE FUNCTION ordersync.fail(
	p_task bigint,
	p_token bigint,
	p_verdict text,
	p_class text,
	p_message text,
	p_retry_ms bigint,
	p_charge boolean,
	p_max_attempts integer,
	p_walk text,
	p_page_size integer,
	p_clock_offset_ms bigint,
	p_call jsonb)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_charge boolean := COALESCE(p_charge, true) AND p_verdict NOT IN ('throttled', 'unauthorized');
	v_retry_at timestamptz := pg_catalog.clock_timestamp()
		+ pg_catalog.make_interval(secs => COALESCE(p_retry_ms, 0) / 1000.0);
	v_dead boolean;
BEGIN
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task
		AND t.token = p_token
		AND t.state = 'running'
	FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM ordersync.refuse_token(p_task);
	END IF;
	v_dead := p_verdict = 'rejected' OR v_charge AND v.attempt >= p_max_attempts;

	UPDATE ordersync.sync_tasks t
	SET state = CASE WHEN v_dead THEN 'failed' ELSE 'pending' END,
		verdict = p_verdict,
		attempt = CASE WHEN v_charge THEN t.attempt ELSE GREATEST(t.attempt - 1, 0) END,
		next_attempt_at = CASE WHEN NOT v_dead AND p_verdict <> 'unauthorized' THEN v_retry_at END,
		walk = COALESCE(p_walk, t.walk),
		page_size = COALESCE(p_page_size, t.page_size),
		calls = t.calls + (p_call IS NOT NULL)::integer,
		owner = NULL,
		token = NULL,
		error_class = p_class,
		error = p_message,
		finished_at = CASE WHEN v_dead THEN pg_catalog.clock_timestamp() END
	WHERE t.task_id = p_task;

	PERFORM ordersync.note_call(v.shop_id, v.run_id, v.task_id, p_clock_offset_ms, p_call);

	IF p_verdict = 'throttled' THEN
		UPDATE ordersync.gateways g
		SET throttled_until = v_retry_at
		FROM ordersync.shops s
		WHERE s.shop_id = v.shop_id
			AND g.name = s.gateway
			AND (g.throttled_until IS NULL OR g.throttled_until < v_retry_at);
	ELSIF p_verdict = 'unauthorized' THEN
		PERFORM ordersync.refuse_shop_key(v.shop_id, v.claimed_at, p_class, p_message);
	END IF;

	IF v_dead THEN
		PERFORM ordersync.count_tasks(v.run_id, -1);
		RETURN 'failed';
	END IF;
	RETURN 'pending';
END
$function$;
COMMENT ON FUNCTION ordersync.fail(bigint, bigint, text, text, text, bigint, boolean, integer, text, integer, bigint, jsonb) IS
	'records that a call came to nothing: the task is due again later, waits for its shop or gateway, or has failed; returns its state';

CREATE FUNCTION ordersync.refuse_shop_key(p_shop bigint, p_claimed_at timestamptz, p_class text, p_message text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_state text := CASE p_class WHEN 'key_unreadable' THEN 'key_unreadable' ELSE 'expired' END;
BEGIN
	-- a new key that came while the old one was being refused is not to blame
	IF ordersync.key_is_newer(p_shop, p_claimed_at) THEN
		RETURN;
	END IF;

	UPDATE ordersync.shops s
	SET key_state = v_state,
		key_message = p_message,
		key_checked_at = now()
	WHERE s.shop_id = p_shop
		AND (s.key_state <> v_state OR s.key_message IS DISTINCT FROM p_message);
	IF FOUND THEN
		PERFORM ordersync.notify_shop(p_shop, v_state);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.refuse_shop_key(bigint, timestamptz, text, text) IS
	'marks a shop whose data key was refused; its tasks wait for a new one';
