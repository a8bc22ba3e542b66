/*
 * Triggers: a request to sync becomes a run with its tasks, or joins an active
 * run that reads all that is asked for.
 *
 * Runs of one shop and kind go one after another, which claim sees to; a
 * trigger only stores.  It wakes the workers at its commit.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_full(
	shop_id bigint,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	RETURN ordersync.trigger_one(shop_id, 'full', since, until);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_full(bigint, timestamptz, timestamptz) IS
	'syncs a shop''s orders by creation and its after-sales changed since; default: from the same day a month ago to now. Returns the run_id';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_incremental(
	shop_id bigint,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	RETURN ordersync.trigger_one(shop_id, 'incremental', since, until);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_incremental(bigint, timestamptz, timestamptz) IS
	'syncs what changed at a shop; default: all that is not covered yet. Returns the run_id';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_all(
	kind text,
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL,
	shop_ids bigint[] DEFAULT NULL)
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_kind(kind);
	RETURN QUERY
	SELECT t.shop_id, t.run_id
	FROM ordersync.trigger_many(kind, since, until, shop_ids) t;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_all(text, timestamptz, timestamptz, bigint[]) IS
	'triggers a run of that kind for every enabled shop, or for the enabled ones among those given';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_trigger_month(
	month text DEFAULT NULL,
	shop_ids bigint[] DEFAULT NULL)
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_first timestamp;
BEGIN
	IF month IS NULL THEN
		v_first := date_trunc('month', timezone('Asia/Shanghai', now())) - interval '1 month';
	ELSIF month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$' THEN
		v_first := (month || '-01')::timestamp;
	ELSE
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid month: "%s"', month),
			HINT = 'Write year and month: SELECT * FROM ordersync_trigger_month(''2026-09'').';
	END IF;

	RETURN QUERY
	SELECT t.shop_id, t.run_id
	FROM ordersync.trigger_many('full',
		timezone('Asia/Shanghai', v_first),
		timezone('Asia/Shanghai', v_first + interval '1 month'),
		shop_ids) t;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_trigger_month(text, bigint[]) IS
	'full runs over a calendar month of Asia/Shanghai, ''2026-09''; default: the month before';

CREATE OR REPLACE FUNCTION ordersync.check_kind(p_kind text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_kind IS NULL OR p_kind NOT IN ('full', 'incremental') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized kind of run "%s"', COALESCE(p_kind, 'NULL')),
			HINT = 'Kinds: full, incremental.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_kind(text) IS
	'raises an error for a kind of run that cannot be triggered over a range';

CREATE OR REPLACE FUNCTION ordersync.trigger_one(
	p_shop bigint,
	p_kind text,
	p_since timestamptz,
	p_until timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
BEGIN
	PERFORM ordersync.check_shop(p_shop);
	PERFORM ordersync.set_up_if_outdated();
	SELECT * INTO v
	FROM ordersync.start_run(p_shop, p_kind, p_since, p_until);
	PERFORM ordersync.announce_run(v.run_id, v.joined, v.shortened);
	PERFORM ordersync.wake();
	RETURN v.run_id;
END
$function$;
COMMENT ON FUNCTION ordersync.trigger_one(bigint, text, timestamptz, timestamptz) IS
	'triggers one run and reports it';

CREATE OR REPLACE FUNCTION ordersync.trigger_many(
	p_kind text,
	p_since timestamptz,
	p_until timestamptz,
	p_shops bigint[])
RETURNS TABLE (shop_id bigint, run_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
#variable_conflict use_column
DECLARE
	v_shop bigint;
	v record;
	v_joined integer := 0;
	v_new integer := 0;
	v_first bigint;
	v_last bigint;
	v_shops bigint[] := '{}';
BEGIN
	IF pg_catalog.to_regclass('ordersync.shops') IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'no shop has been added',
			HINT = 'Start with SELECT ordersync_add_gateway(''taobao'', base_url, app_key, app_secret), then ordersync_add_shop.';
	END IF;
	PERFORM ordersync.set_up_if_outdated();
	FOREACH v_shop IN ARRAY COALESCE(p_shops, '{}') LOOP
		PERFORM ordersync.check_shop(v_shop);
	END LOOP;

	FOR v_shop IN
		SELECT s.shop_id
		FROM ordersync.shops s
		WHERE s.enabled
			AND CASE
				WHEN p_shops IS NULL THEN
					-- "off" is the shop's word against the schedule, not against who names it
					s.options ->> (CASE p_kind WHEN 'full' THEN 'full_run' ELSE p_kind END) IS DISTINCT FROM 'off'
					AND COALESCE(s.shop_id = ANY ((SELECT ordersync.allowed_shops())::bigint[]), true)
				ELSE s.shop_id = ANY (p_shops)
			END
		ORDER BY s.shop_id
	LOOP
		SELECT * INTO v
		FROM ordersync.start_run(v_shop, p_kind, p_since, p_until);
		IF v.joined THEN
			v_joined := v_joined + 1;
		ELSE
			v_new := v_new + 1;
			v_first := LEAST(v_first, v.run_id);
			v_last := GREATEST(v_last, v.run_id);
		END IF;
		shop_id := v_shop;
		run_id := v.run_id;
		v_shops := v_shops || v_shop;
		RETURN NEXT;
	END LOOP;

	PERFORM ordersync.announce(pg_catalog.concat_ws(', ',
		pg_catalog.format('%s new %s runs', v_new, p_kind)
			|| CASE WHEN v_new > 0 THEN pg_catalog.format(' (%s to %s)', v_first, v_last) ELSE '' END,
		CASE WHEN v_joined > 0 THEN pg_catalog.format('%s shops join active ones', v_joined) END,
		ordersync.starts_at_commit()), NULL);
	PERFORM ordersync.warn_keys(v_shops);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.trigger_many(text, timestamptz, timestamptz, bigint[]) IS
	'triggers a run for each enabled shop and reports them together';
