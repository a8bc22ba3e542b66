/*
 * What holds a gateway's calls back: bans of the platform, of the gateway or of one
 * of its methods, and the day's calls that are spent.
 *
 * Workers obey at once, by what they share (src/gateway_share.c); here it is kept
 * for claims, for people, and for the time after a restart.  Nothing shortens a ban
 * but who lifts it; and nothing that was said to a call of before that brings it
 * back.
 */
CREATE OR REPLACE FUNCTION ordersync.note_ban(
	p_task record,
	p_banned text,
	p_method text,
	p_until timestamptz,
	p_class text,
	p_message text,
	p_call jsonb,
	p_key boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_called_at timestamptz := COALESCE(pg_catalog.to_timestamp((p_call ->> 'started_at')::bigint / 1000.0), p_task.claimed_at);
	-- who only gave up waiting knows its end by what is left of it
	v_slack interval := CASE WHEN p_call IS NULL THEN interval '1 second' ELSE '0' END;
BEGIN
	CASE p_banned
		WHEN 'method' THEN
			PERFORM ordersync.ban_method(p_task, p_method, p_until, v_called_at, p_class, p_message, v_slack, p_key, p_call IS NOT NULL);
			-- where the ban does not name the task's list, it would be claimed again at once
			IF p_call IS NULL THEN
				UPDATE ordersync.sync_tasks t
				SET next_attempt_at = LEAST(p_until, pg_catalog.clock_timestamp() + interval '5 seconds')
				WHERE t.task_id = p_task.task_id
					AND t.state LIKE 'pending';
			END IF;
		ELSE
			PERFORM ordersync.ban_gateway(p_task.shop_id, p_until, v_called_at, v_slack);
	END CASE;
END
$function$;
COMMENT ON FUNCTION ordersync.note_ban(record, text, text, timestamptz, text, text, jsonb, boolean) IS
	'records a ban of the platform of a task''s gateway or of one of its methods, and until when; part of ordersync.fail()';

CREATE OR REPLACE FUNCTION ordersync.ban_gateway(
	p_shop bigint,
	p_until timestamptz,
	p_called_at timestamptz,
	p_slack interval DEFAULT '0')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET throttled_until = p_until,
		throttled_for = g.throttled_for
			+ GREATEST(p_until - GREATEST(ordersync.held_until(g), pg_catalog.clock_timestamp()), '0')
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
		AND g.name = s.gateway
		AND (g.throttled_until IS NULL OR g.throttled_until + p_slack < p_until)
		-- not what was said to a call of before
		AND (g.lifted_at IS NULL OR g.lifted_at <= p_called_at);
END
$function$;
COMMENT ON FUNCTION ordersync.ban_gateway(bigint, timestamptz, timestamptz, interval) IS
	'bans calls through a shop''s gateway until then, unless the ban was lifted after the refused call; part of ordersync.fail()';

CREATE OR REPLACE FUNCTION ordersync.hold_for_day(
	p_shop bigint,
	p_held text,
	p_until timestamptz,
	p_version_us bigint,
	p_lifted_ms bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET spent_until = CASE WHEN p_held = 'day' THEN p_until ELSE g.spent_until END,
		reserved_until = p_until,
		throttled_for = g.throttled_for
			+ GREATEST(p_until - GREATEST(ordersync.held_until(g), pg_catalog.clock_timestamp()), '0')
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
		AND g.name = s.gateway
		-- of each task that gave up waiting the same moment, but for a few milliseconds
		AND (CASE WHEN p_held = 'day' THEN g.spent_until ELSE g.reserved_until END + interval '1 second' < p_until) IS NOT FALSE
		-- as claim returned them: another limit may have been set by a transaction that is older than the claim
		AND (EXTRACT(epoch FROM g.updated_at) * 1000000)::bigint = p_version_us
		AND COALESCE((EXTRACT(epoch FROM g.lifted_at) * 1000)::bigint, 0) = p_lifted_ms;
END
$function$;
COMMENT ON FUNCTION ordersync.hold_for_day(bigint, text, timestamptz, bigint, bigint) IS
	'records that calls_per_day of a shop''s gateway are spent (day), or that their rest is reserved (reserved), unless its settings are others than those that the worker had claimed; part of ordersync.fail()';

/*
 * With the lists of which the task is: a view, which calls no function of ours,
 * and a claim know by them what must wait.  The check of a key (p_key) is of no
 * list, whatever its task reads afterwards.
 */
CREATE OR REPLACE FUNCTION ordersync.ban_method(
	p_task record,
	p_method text,
	p_until timestamptz,
	p_called_at timestamptz,
	p_class text,
	p_message text,
	p_slack interval,
	p_key boolean,
	p_said boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_ban jsonb := pg_catalog.jsonb_build_object('until', p_until,
		'until_ms', pg_catalog.floor(EXTRACT(epoch FROM p_until) * 1000)::bigint,
		'class', p_class, 'message', p_message, 'said', p_said,
		'stream', p_task.stream, 'basis', p_task.basis, 'history', p_task.history, 'details_of', p_task.details_of);
BEGIN
	UPDATE ordersync.gateways g
	SET method_bans = (
			SELECT COALESCE(pg_catalog.jsonb_object_agg(b.key, b.value), '{}')
			FROM pg_catalog.jsonb_each(g.method_bans) b
			WHERE (b.value ->> 'until')::timestamptz > v_now
		) || pg_catalog.jsonb_build_object(p_method,
			CASE WHEN p_key THEN v_ban - '{stream,basis,history,details_of}'::text[] ELSE v_ban END
			|| CASE WHEN (g.method_bans -> p_method ->> 'until')::timestamptz > p_until THEN pg_catalog.jsonb_build_object(
				'until', g.method_bans -> p_method -> 'until', 'until_ms', g.method_bans -> p_method -> 'until_ms') ELSE '{}' END)
	FROM ordersync.shops s
	WHERE s.shop_id = p_task.shop_id
		AND g.name = s.gateway
		AND (((g.method_bans -> p_method ->> 'until')::timestamptz + p_slack < p_until) IS NOT FALSE
			-- who gave up waiting may be noted first, and knows no reason
			OR p_said AND g.method_bans -> p_method -> 'said' = 'false')
		AND (g.lifted_at IS NULL OR g.lifted_at <= p_called_at);
END
$function$;
COMMENT ON FUNCTION ordersync.ban_method(record, text, timestamptz, timestamptz, text, text, interval, boolean, boolean) IS
	'bans calls of one method through a shop''s gateway until then, unless bans were lifted after the refused call; part of ordersync.fail()';

/* What of a gateway's bans of methods still holds; NULL: nothing. */
CREATE OR REPLACE FUNCTION ordersync.active_bans(p_bans jsonb, p_now timestamptz)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN (
		SELECT pg_catalog.jsonb_agg(b.value)
		FROM pg_catalog.jsonb_each(p_bans) b
		WHERE (b.value ->> 'until_ms')::bigint > EXTRACT(epoch FROM p_now) * 1000);
END
$function$;
COMMENT ON FUNCTION ordersync.active_bans(jsonb, timestamptz) IS
	'the bans of methods that are not over, as an array; NULL for none';

CREATE OR REPLACE FUNCTION ordersync.bans_key_check(p_bans jsonb, p_now timestamptz)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM pg_catalog.jsonb_each(p_bans) b
		WHERE b.value ->> 'stream' IS NULL
			AND (b.value ->> 'until_ms')::bigint > EXTRACT(epoch FROM p_now) * 1000);
END
$function$;
COMMENT ON FUNCTION ordersync.bans_key_check(jsonb, timestamptz) IS
	'whether one of the bans of methods is of the call that asks whose a data key is';

CREATE OR REPLACE FUNCTION ordersync.is_banned(
	p_bans jsonb,
	p_stream text,
	p_basis text,
	p_history boolean,
	p_details_of text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM pg_catalog.jsonb_array_elements(p_bans) b
		WHERE b.value ->> 'stream' = p_stream
			AND (b.value ->> 'basis' = p_basis OR p_stream = 'details')
			AND (b.value ->> 'history')::boolean = p_history
			AND b.value ->> 'details_of' IS NOT DISTINCT FROM p_details_of);
END
$function$;
COMMENT ON FUNCTION ordersync.is_banned(jsonb, text, text, boolean, text) IS
	'whether tasks of that list are among those that bans of methods, or stops, hold back';

CREATE OR REPLACE FUNCTION ordersync.method_values(p_methods jsonb)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN (
		SELECT pg_catalog.array_agg(v.value)
		FROM pg_catalog.jsonb_each(p_methods) m
		CROSS JOIN LATERAL (
			VALUES (m.key), (COALESCE(m.value ->> 'until_ms', m.value #>> '{}'))
		) v (value));
END
$function$;
COMMENT ON FUNCTION ordersync.method_values(jsonb) IS
	'methods, each followed by the tokens that a call of it takes, or by the end of its ban in milliseconds; part of ordersync.claim()';
