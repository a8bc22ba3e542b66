/*
 * CALL ordersync_apply_privacy: stored rows brought to a policy that has changed.
 *
 * A procedure that commits batch by batch, so that it may be stopped: called again it
 * goes on where it was, unless the policy has changed once more.  For that it cannot be
 * SECURITY DEFINER: each batch is a function that is.  A batch excludes the shop's
 * pages; those that come after the change are stored by the new policy already.
 */
CREATE OR REPLACE PROCEDURE @extschema@.ordersync_apply_privacy()
LANGUAGE plpgsql
AS $procedure$
DECLARE
	v record;
	v_read bigint := 0;
	v_written bigint := 0;
	v_say_at timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 second';
BEGIN
	PERFORM ordersync.prevent_transaction_block('ordersync_apply_privacy');
	COMMIT;						-- called by a function it fails here, before anything is written
	PERFORM ordersync.apply_privacy_begin();
	LOOP
		COMMIT;
		SELECT b.shop, b.step, b.looked_at, b.written, b.done
		INTO v
		FROM ordersync.apply_privacy_batch() b;
		v_read := v_read OPERATOR(pg_catalog.+) v.looked_at;
		v_written := v_written OPERATOR(pg_catalog.+) v.written;
		EXIT WHEN v.done;
		IF pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>=) v_say_at THEN
			RAISE NOTICE USING
				MESSAGE = pg_catalog.format('shop %s, %s: %s records read, %s rows written', v.shop, v.step, v_read, v_written);
			v_say_at := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 second';
		END IF;
	END LOOP;
	COMMIT;
	RAISE NOTICE USING
		MESSAGE = pg_catalog.format('all %s records are as the privacy policy says, %s rows were written', v_read, v_written),
		DETAIL = 'What was dropped, hashed or replaced before cannot be brought back; where the rule is keep by now, the next full run fetches it again.';
END
$procedure$;
COMMENT ON PROCEDURE @extschema@.ordersync_apply_privacy() IS
	'brings stored rows, records, quarantine and request log to the rules of ordersync.privacy, in batches; not in a transaction block';

/* It goes on where it was stopped, if the policy is still the same. */
CREATE OR REPLACE FUNCTION ordersync.apply_privacy_begin()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.apply_privacy_begin_anew();
	PERFORM ordersync.record_action('privacy applied');
END
$function$;
COMMENT ON FUNCTION ordersync.apply_privacy_begin() IS
	'begins, or goes on, bringing stored rows to the privacy policy; part of ordersync_apply_privacy()';

CREATE OR REPLACE FUNCTION ordersync.apply_privacy_batch(
	OUT shop bigint,
	OUT step text,
	OUT looked_at bigint,
	OUT written bigint,
	OUT done boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_state ordersync.privacy_state;
	v_after bigint;
BEGIN
	PERFORM ordersync.apply_privacy_begin_anew();
	-- two callers share the work
	SELECT s.* INTO v_state
	FROM ordersync.privacy_state s
	FOR NO KEY UPDATE;
	done := false;
	looked_at := 0;
	written := 0;
	shop := v_state.apply_shop;
	step := v_state.apply_step;
	IF step IS NULL THEN
		SELECT min(i.shop_id) INTO shop
		FROM ordersync.shops_with_data() i
		WHERE v_state.apply_shop IS NULL OR i.shop_id > v_state.apply_shop;
		step := CASE WHEN shop IS NULL THEN 'log' ELSE 'orders' END;
	END IF;

	v_after := COALESCE(v_state.apply_after, 0);
	IF step = 'log' THEN
		written := ordersync.apply_privacy_to_log();
		done := true;
		UPDATE ordersync.privacy_state s
		SET applied_generation = s.apply_generation,
			applied_at = now(),
			apply_generation = NULL,
			apply_shop = NULL,
			apply_step = NULL,
			apply_after = NULL;
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(ordersync.apply_lock_key(shop));
	CASE step
		WHEN 'orders' THEN
			SELECT b.p_after, b.written, b.looked_at INTO v_after, written, looked_at
			FROM ordersync.apply_privacy_to_orders(shop, v_after) b;
		WHEN 'after_sales' THEN
			SELECT b.p_after, b.written, b.looked_at INTO v_after, written, looked_at
			FROM ordersync.apply_privacy_to_after_sales(shop, v_after) b;
		WHEN 'quarantine' THEN
			SELECT b.p_after, b.written, b.looked_at INTO v_after, written, looked_at
			FROM ordersync.apply_privacy_to_quarantine(shop, v_after) b;
	END CASE;
	UPDATE ordersync.privacy_state s
	SET apply_shop = shop,
		apply_step = CASE
			WHEN looked_at > 0 THEN step
			WHEN step = 'orders' THEN 'after_sales'
			WHEN step = 'after_sales' THEN 'quarantine'
		END,
		apply_after = CASE WHEN looked_at > 0 THEN v_after END;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_privacy_batch() IS
	'one batch of ordersync_apply_privacy(): the shop and what was read, how many records, how many rows were written; done: it was the last';

/* Somebody has changed the policy meanwhile. */
CREATE OR REPLACE FUNCTION ordersync.apply_privacy_begin_anew()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.privacy_state s
	SET apply_generation = s.generation,
		apply_shop = NULL,
		apply_step = NULL,
		apply_after = NULL
	WHERE s.apply_generation IS DISTINCT FROM s.generation
$function$;
COMMENT ON FUNCTION ordersync.apply_privacy_begin_anew() IS
	'begins bringing stored rows to the privacy policy where that has changed; part of ordersync.apply_privacy_batch()';

CREATE OR REPLACE FUNCTION ordersync.shops_with_data()
RETURNS TABLE (shop_id bigint)
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT s.shop_id
	FROM ordersync.shops s
	UNION
	SELECT s.shop_id
	FROM ordersync.stored_shops s
	UNION
	SELECT q.shop_id
	FROM ordersync.quarantine q
$function$;
COMMENT ON FUNCTION ordersync.shops_with_data() IS
	'the shops of which something may be stored, removed ones among them';
