/*
 * Calls of a gateway that does not answer are stopped, but for a probe.
 *
 * Workers decide it at once, by what they share (src/breaker.c), and say so with
 * each failure and each task that they give back.  Here it is kept for claims, for
 * people, and for the time after a restart: gateways.stops has a member for all
 * calls, named "", and for each method that is stopped alone.  Its shop: only calls
 * of that one are stopped, since no other shop's fail.  Its lists, as those of bans,
 * by which a claim and a view know what waits; the check of keys is of no list,
 * whatever its task reads afterwards.
 *
 * A claim hands out one task when a probe is due (ordersync.probe_tasks()), and
 * none else of what is stopped.  The first good answer ends it.  What was told of
 * calls of before somebody changed the gateway, or lifted its bans, counts for
 * nothing.
 *
 * class "unanswered": nothing has failed, but so many calls are without an answer
 * that no more are made; that is told to nobody but who asks.  Of what then fails the
 * class is known by the failure, not by the tasks that are given back for it, which
 * may be written first.
 */
CREATE OR REPLACE FUNCTION ordersync.note_stop(
	p_task record,
	p_stop jsonb,
	p_class text,
	p_message text,
	p_called_at timestamptz,
	p_key boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_probe_at timestamptz := v_now + pg_catalog.make_interval(secs => (p_stop ->> 'probe_ms')::bigint / 1000.0);
	v_name text := COALESCE(p_stop ->> 'method', '');
	v_unanswered boolean := COALESCE((p_stop ->> 'unanswered')::boolean, false);
	v_gateway text;
	v_old jsonb;
	v_new jsonb;
	v_class text := p_class;
	v_error text := p_message;
	v_failing record;			-- what the gateway's calls fail of, where they do
BEGIN
	SELECT s.gateway, g.stops -> v_name
	INTO v_gateway, v_old
	FROM ordersync.shops s
	JOIN ordersync.gateways g ON g.name = s.gateway
	WHERE s.shop_id = p_task.shop_id
		AND GREATEST(g.lifted_at, g.updated_at) <= p_called_at;
	-- what many tasks say at the same moment is written by the first; a task given back does not know why
	IF NOT FOUND
			OR (p_class IS NULL OR v_old ->> 'class' = p_class)
			AND v_old ->> 'shop' IS NOT DISTINCT FROM p_stop ->> 'shop'
			AND (v_old ->> 'class' <> 'unanswered' OR v_unanswered)
			AND pg_catalog.abs(EXTRACT(epoch FROM (v_old ->> 'probe_at')::timestamptz - v_probe_at)) < 0.1 THEN
		RETURN;
	END IF;

	SELECT g.stops -> v_name AS stop, g.failing_since, g.error_class, g.error
	INTO v_failing
	FROM ordersync.gateways g
	WHERE g.name = v_gateway
	FOR NO KEY UPDATE;
	v_old := v_failing.stop;
	-- the calls that it was stopped for may have failed before it was
	IF v_class IS NULL AND NOT v_unanswered AND (v_old ->> 'class' <> 'unanswered') IS NOT TRUE
			AND v_failing.failing_since IS NOT NULL THEN
		v_class := v_failing.error_class;
		v_error := v_failing.error;
	END IF;
	v_new := CASE
			WHEN v_old IS NOT NULL AND (v_old ->> 'class' <> 'unanswered' OR v_unanswered OR v_class IS NULL) THEN v_old - 'shop'
			ELSE pg_catalog.jsonb_build_object('since', v_now)
		END
		|| pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
			'probe_at', v_probe_at,
			'shop', (p_stop ->> 'shop')::bigint,
			'class', CASE
				WHEN v_old ->> 'class' <> 'unanswered' THEN COALESCE(v_class, v_old ->> 'class')
				ELSE COALESCE(v_class, CASE WHEN v_unanswered THEN 'unanswered' END, v_old ->> 'class', 'network')
			END,
			'error', COALESCE(v_error, v_old ->> 'error', CASE WHEN v_unanswered THEN 'no answer yet' ELSE 'calls were lost' END)))
		|| CASE
			WHEN v_name = '' THEN '{}'
			WHEN p_key THEN pg_catalog.jsonb_build_object('key', true)
			ELSE pg_catalog.jsonb_build_object('stream', p_task.stream, 'basis', p_task.basis, 'history', p_task.history,
				'details_of', p_task.details_of)
		END;
	PERFORM ordersync.set_stops(v_gateway, CASE
			-- all calls: that of single methods is forgotten
			WHEN v_name = '' THEN pg_catalog.jsonb_build_object('', v_new)
			ELSE g.stops || pg_catalog.jsonb_build_object(v_name, v_new)
		END)
	FROM ordersync.gateways g
	WHERE g.name = v_gateway;
	IF v_new ->> 'class' <> 'unanswered' AND (v_old ->> 'class' <> 'unanswered') IS NOT TRUE THEN
		PERFORM ordersync.report_stop(v_gateway, v_name, v_new);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_stop(record, jsonb, text, text, timestamptz, boolean) IS
	'records that calls of a task''s gateway, or of one of its methods, are stopped, and when the next probe is due; part of ordersync.fail()';

/* With the columns that people read: only what stops all shops makes a gateway stopped. */
CREATE OR REPLACE FUNCTION ordersync.set_stops(p_gateway text, p_stops jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET stops = p_stops,
		stopped_since = CASE WHEN p_stops #> '{"",shop}' IS NULL THEN (p_stops #>> '{"",since}')::timestamptz END,
		next_probe_at = (
			SELECT pg_catalog.min((s.value ->> 'probe_at')::timestamptz)
			FROM pg_catalog.jsonb_each(p_stops) s)
	WHERE g.name = p_gateway;
END
$function$;
COMMENT ON FUNCTION ordersync.set_stops(text, jsonb) IS
	'stores which calls of a gateway are stopped, and since when';

CREATE OR REPLACE FUNCTION ordersync.report_stop(p_gateway text, p_method text, p_stop jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.log_line(pg_catalog.format('gateway "%s": calls%s are stopped, but for a probe every ten seconds at most: %s (%s)',
		p_gateway, ordersync.describe_stop(p_method, p_stop), p_stop ->> 'error', p_stop ->> 'class'));
	PERFORM ordersync.notify('gateway_stopped', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
		'gateway', p_gateway, 'method', NULLIF(p_method, ''), 'shop_id', p_stop -> 'shop',
		'class', p_stop -> 'class', 'since', p_stop -> 'since')));
END
$function$;
COMMENT ON FUNCTION ordersync.report_stop(text, text, jsonb) IS
	'tells the server''s log and the listeners of channel ordersync that calls of a gateway are stopped';

CREATE OR REPLACE FUNCTION ordersync.describe_stop(p_method text, p_stop jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN CASE WHEN p_method <> '' THEN ' of ' || p_method ELSE '' END
		|| COALESCE(' for shop ' || (p_stop ->> 'shop'), '');
END
$function$;
COMMENT ON FUNCTION ordersync.describe_stop(text, jsonb) IS
	'which calls are stopped, in words that follow "calls"';

/*
 * A call was answered.  Nothing waits for the row: where somebody else writes it,
 * the next answer, or the next probe, will.
 */
CREATE OR REPLACE FUNCTION ordersync.end_stops(p_gateway text, p_method text, p_started_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_stops jsonb;
	v_over text[];
	v_name text;
BEGIN
	SELECT g.stops INTO v_stops
	FROM ordersync.gateways g
	WHERE g.name = p_gateway
	FOR NO KEY UPDATE SKIP LOCKED;
	v_over := ARRAY(
		SELECT s.key
		FROM pg_catalog.jsonb_each(v_stops) s
		WHERE s.key IN ('', p_method)
			AND (s.value ->> 'class' = 'unanswered' OR (s.value ->> 'since')::timestamptz < p_started_at)
		ORDER BY s.key);
	IF v_over = '{}' THEN
		RETURN;
	END IF;
	PERFORM ordersync.set_stops(p_gateway, v_stops - v_over);
	FOREACH v_name IN ARRAY v_over LOOP
		IF v_stops -> v_name ->> 'class' <> 'unanswered' THEN
			PERFORM ordersync.report_stop_end(p_gateway, v_name, v_stops -> v_name);
		END IF;
	END LOOP;
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.end_stops(text, text, timestamptz) IS
	'records that a call of the method through the gateway was answered that was sent at that time: calls are no longer stopped';

CREATE OR REPLACE FUNCTION ordersync.report_stop_end(p_gateway text, p_method text, p_stop jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.log_line(pg_catalog.format('gateway "%s": calls%s are made again after %s s', p_gateway,
		ordersync.describe_stop(p_method, p_stop),
		pg_catalog.round(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - (p_stop ->> 'since')::timestamptz))));
	PERFORM ordersync.notify('gateway_back', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
		'gateway', p_gateway, 'method', NULLIF(p_method, ''), 'shop_id', p_stop -> 'shop', 'since', p_stop -> 'since')));
END
$function$;
COMMENT ON FUNCTION ordersync.report_stop_end(text, text, jsonb) IS
	'tells the server''s log and the listeners of channel ordersync that calls of a gateway are made again';

/* Somebody has changed the gateway, or wants calls to be tried at once. */
CREATE OR REPLACE FUNCTION ordersync.lift_stops(p_gateway text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_stop record;
BEGIN
	FOR v_stop IN
		SELECT s.key, s.value
		FROM ordersync.gateways g
		CROSS JOIN LATERAL pg_catalog.jsonb_each(g.stops) s
		WHERE g.name = p_gateway
			AND s.value ->> 'class' <> 'unanswered'
		ORDER BY s.key
	LOOP
		PERFORM ordersync.report_stop_end(p_gateway, v_stop.key, v_stop.value);
	END LOOP;
	PERFORM ordersync.set_stops(p_gateway, '{}');
END
$function$;
COMMENT ON FUNCTION ordersync.lift_stops(text) IS
	'forgets that calls of a gateway are stopped: they are tried at once';

/* The next probe is never far: where it seems so, the server's clock was set back. */
CREATE OR REPLACE FUNCTION ordersync.is_probe_due(p_probe_at timestamptz, p_now timestamptz)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN p_probe_at <= p_now OR p_probe_at > p_now + interval '2 minutes';
END
$function$;
COMMENT ON FUNCTION ordersync.is_probe_due(timestamptz, timestamptz) IS
	'whether a call of what is stopped is to be tried now';

CREATE OR REPLACE FUNCTION ordersync.is_stopped(p_stops jsonb, p_shop bigint, p_unchecked boolean)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM pg_catalog.jsonb_each(p_stops) s
		WHERE (s.key = '' OR p_unchecked AND s.value ? 'key')
			AND COALESCE((s.value ->> 'shop')::bigint = p_shop, true));
END
$function$;
COMMENT ON FUNCTION ordersync.is_stopped(jsonb, bigint, boolean) IS
	'whether all calls of a shop are stopped; unchecked: the first of them is the check of its data key';

/* In the form of bans: the key check's has no list, and so holds back nothing else. */
CREATE OR REPLACE FUNCTION ordersync.stopped_lists(p_stops jsonb, p_shop bigint)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN (
		SELECT pg_catalog.jsonb_agg(s.value)
		FROM pg_catalog.jsonb_each(p_stops) s
		WHERE s.value ? 'stream'
			AND COALESCE((s.value ->> 'shop')::bigint = p_shop, true));
END
$function$;
COMMENT ON FUNCTION ordersync.stopped_lists(jsonb, bigint) IS
	'the lists of a shop of which calls are stopped, as an array; NULL for none';

/* After a restart workers know of no stop: what is written here holds until a good answer. */
CREATE OR REPLACE FUNCTION ordersync.standing_stop(p_task record, p_method text, p_called_at timestamptz)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN (
		SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
			'method', NULLIF(s.key, ''), 'shop', s.value -> 'shop', 'probe_ms', 10000))
		FROM ordersync.shops o
		JOIN ordersync.gateways g ON g.name = o.gateway
		CROSS JOIN LATERAL pg_catalog.jsonb_each(g.stops) s
		WHERE o.shop_id = p_task.shop_id
			AND s.key IN ('', p_method)
			AND s.value ->> 'class' <> 'unanswered'
			AND COALESCE((s.value ->> 'shop')::bigint = p_task.shop_id, true)
			AND GREATEST(g.lifted_at, g.updated_at) <= p_called_at
		ORDER BY s.key
		LIMIT 1);
END
$function$;
COMMENT ON FUNCTION ordersync.standing_stop(record, text, timestamptz) IS
	'the stop that a failed call of the task falls under although its worker knows of none; NULL: none';
