/*
 * Settling a key check: does the data key belong to the shop's seller?
 *
 * The platform names the seller and its number.  A sub-account's "main:sub"
 * counts as "main"; a seller that was renamed is known by its number and goes
 * on under both names, with a warning until the new one is taken over.  Anybody
 * else's key stops the shop: not one order of another seller may come in.
 *
 * A daily check of a key that was good (p_outcome unanswered) stops nothing because
 * the call for it failed: it is made again in an hour.
 */
CREATE OR REPLACE FUNCTION ordersync.settle_key(
	p_task bigint,
	p_token bigint,
	p_key_seal text,			-- which sealing of the data key was claimed
	p_outcome text,
	p_user_id bigint,
	p_nick text,
	p_clock_offset_ms bigint,
	p_call jsonb)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_task ordersync.sync_tasks;
	v_shop ordersync.shops;
	v_nick text := ordersync.main_nick(p_nick);
	v_is_main boolean := v_nick = ordersync.unescape(p_nick);
	v_state text;
	v_message text;
BEGIN
	UPDATE ordersync.sync_tasks t
	SET calls = t.calls + (p_call IS NOT NULL)::integer
	WHERE t.task_id = p_task
		AND t.token = p_token
		AND t.state = 'running'
	RETURNING t.* INTO v_task;
	IF NOT FOUND THEN
		PERFORM ordersync.raise_lost_task(p_task);
	END IF;

	PERFORM ordersync.log_call(ordersync.call_facts(v_task.shop_id, v_task.run_id),
		v_task.shop_id, v_task.run_id, v_task.task_id, p_clock_offset_ms, p_call);

	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = v_task.shop_id
	FOR NO KEY UPDATE;

	IF v_shop.key_state = 'moved' THEN
		v_state := 'moved';		-- it was asked where the gateway led before
		v_message := v_shop.key_message;
	ELSIF ordersync.data_key_seal(v_task.shop_id) IS DISTINCT FROM p_key_seal THEN
		-- it was another key that answered: of this one that says nothing
		PERFORM ordersync.requeue_task(p_task, NULL, NULL);
		PERFORM ordersync.wake();
		RETURN 'unchecked';
	ELSIF p_outcome = 'by_records' THEN
		v_state := 'unverified';
	ELSIF p_outcome = 'unanswered' THEN
		IF v_shop.key_state NOT IN ('ok', 'unverified') THEN
			PERFORM ordersync.requeue_task(p_task, NULL, NULL);	-- found out meanwhile
		END IF;
		RETURN v_shop.key_state;
	ELSIF p_outcome = 'unverified' OR COALESCE(v_nick, '') = '' THEN
		v_state := 'unverified';
		v_message := COALESCE('the platform does not say whose the data key is: ' || (p_call ->> 'sub_msg'),
			'the platform does not say whose the data key is');
	ELSIF p_user_id = v_shop.user_id AND v_nick <> ordersync.main_nick(v_shop.seller_nick) THEN
		v_state := 'ok';
		v_message := pg_catalog.format('the seller "%s" is now named "%s": SELECT ordersync_add_shop(%s, %L, NULL, NULL)',
			v_shop.seller_nick, v_nick, v_task.shop_id, v_nick);
	ELSIF v_nick <> ALL (v_shop.seller_nicks) THEN
		v_state := 'wrong_seller';
		v_message := pg_catalog.format('the data key belongs to "%s", the shop is "%s"', p_nick, v_shop.seller_nick);
	ELSIF v_is_main AND p_user_id <> v_shop.user_id THEN
		-- the name was given up and taken by somebody else
		v_state := 'wrong_seller';
		v_message := pg_catalog.format('the data key belongs to another seller who is named "%s" now: number %s, not %s',
			v_nick, p_user_id, v_shop.user_id);
	ELSE
		v_state := 'ok';
	END IF;

	UPDATE ordersync.shops s
	SET key_state = v_state,
		key_message = v_message,
		key_checked_at = pg_catalog.clock_timestamp(),
		key_check_at = NULL,
		key_verify_at = pg_catalog.clock_timestamp() + interval '24 hours' + pg_catalog.random() * interval '2 hours',
		user_id = CASE WHEN v_state = 'ok' AND v_is_main THEN COALESCE(s.user_id, p_user_id) ELSE s.user_id END,
		seller_nicks = CASE
			WHEN v_state = 'ok' AND v_nick <> ALL (s.seller_nicks) THEN s.seller_nicks || v_nick
			ELSE s.seller_nicks
		END
	WHERE s.shop_id = v_task.shop_id;

	IF v_state IN ('wrong_seller', 'moved') THEN
		PERFORM ordersync.requeue_task(p_task, 'session', v_message);
	END IF;
	IF v_state = 'wrong_seller' THEN
		PERFORM ordersync.fail_key_checks(v_task.shop_id, 'session', v_message);
	END IF;
	IF v_message IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('shop %s: %s', v_task.shop_id, v_message);
	END IF;
	PERFORM ordersync.report_key_states(v_task.shop_id, NULL);
	PERFORM ordersync.wake();	-- the shop's other tasks waited for this
	RETURN v_state;
END
$function$;
COMMENT ON FUNCTION ordersync.settle_key(bigint, bigint, text, text, bigint, text, bigint, jsonb) IS
	'records which seller the data key belongs to and returns the new key_state; for another seller the task is queued again, and so it is when another key is stored by now: unchecked, and nothing is recorded';

CREATE OR REPLACE FUNCTION ordersync.requeue_task(p_task bigint, p_class text, p_message text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.sync_tasks t
	SET state = 'pending',
		attempt = GREATEST(t.attempt - 1, 0),
		owner = NULL,
		token = NULL,
		error_class = COALESCE(p_class, t.error_class),
		error = COALESCE(p_message, t.error)
	WHERE t.task_id = p_task
$function$;
COMMENT ON FUNCTION ordersync.requeue_task(bigint, text, text) IS
	'queues a task again without counting the attempt';
