/*
 * Failing: a call came to no page, or the database refused one.
 *
 * Called in a transaction of its own, after whatever was begun is undone.  Its
 * plans are as settle's.
 *
 *   throttled     no call of the gateway is made as long as was asked, or none
 *                 of the method that it is said of, unless somebody has lifted
 *                 that meanwhile; or until the platform's next day
 *   unauthorized  the shop waits for a new data key, the task with it; the one
 *                 that was refused is checked again, ever more rarely.  Or the
 *                 gateway waits, whose application secret cannot be opened
 *   rejected      nobody gets another answer by asking again: failed; a list
 *                 that a shop can do without is noted on the shop instead
 *   the rest      pending, due after the back-off; failed after so many attempts
 *                 as ordersync.max_attempts allows.  While calls of its gateway
 *                 are stopped (shops/stops.sql) it costs none, and the task is
 *                 due when they are not any more, or as a probe
 *
 * What fails for good must not take its window's rest with it: where the
 * failure is this window's own, the window is halved again and again until the
 * second that cannot be read stands alone, failed, and all else is read.
 */

/*
 * What failed comes as JSON, as the worker found it; what is left out is NULL.
 * What that means to the task, whether it costs an attempt and when it is due
 * again is decided here and nowhere else.
 */
CREATE OR REPLACE FUNCTION ordersync.fail(
	p_task bigint,
	p_token bigint,
	p_failure jsonb,
	OUT state text,
	OUT retry_ms bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
	f record;
	v ordersync.sync_tasks;
	v_charge boolean;
	v_retry_at timestamptz;
	v_called_at timestamptz;
	v_stop jsonb;
	v_dead boolean;
	v_local boolean;
	v_unserved boolean;
	v_spared integer := 0;
	v_ended integer := 0;
	v_ended_held integer := 0;
	v_state text := 'pending';
BEGIN
	SELECT x.* INTO f
	FROM pg_catalog.jsonb_to_record(p_failure) AS x (
		verdict text,				-- retry, throttled, unauthorized, rejected, malformed
		class text,
		message text,
		conflict boolean,			-- the database's error says nothing against the task: a deadlock, a cancel, a full disk
		retry_ms bigint,			-- where the platform has said for how long; NULL: the back-off
		walk jsonb,					-- where the walk stood: src/window_saved.h
		page_size integer,			-- where it has shrunk
		banned text,				-- throttled: gateway (also where it is left out), method; by calls_per_day: day, reserved
		version_us bigint, lifted_ms bigint,	-- day, reserved: of which settings that was said, and after which lifting
		method text,				-- the one that is banned
		key boolean,				-- it is the check of the data key
		key_seal text,				-- unauthorized: which sealing of the data key was claimed; NULL: there was none
		stop jsonb,					-- calls like it are stopped: src/queue_json.c
		clock_offset_ms bigint,		-- where the platform's clock was read
		call jsonb					-- as request_log keeps it; NULL where no call was made
	);
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task
		AND t.token = p_token
	FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM ordersync.raise_lost_task(p_task);
	END IF;
	v_called_at := COALESCE(pg_catalog.to_timestamp((f.call ->> 'started_at')::bigint / 1000.0), v.claimed_at);
	v_stop := COALESCE(f.stop, CASE
		WHEN NOT ordersync.is_answer(f.call) AND f.verdict IN ('retry', 'malformed')
			AND (f.class = 'oversize' OR ordersync.is_gateway_failure(f.verdict, f.class, NULL))
			THEN ordersync.standing_stop(v, f.call ->> 'method', v_called_at)
	END);
	v_charge := ordersync.costs_attempt(f.verdict, f.class, f.conflict)
		AND (v_stop IS NULL OR COALESCE((v_stop ->> 'own')::boolean, false));
	retry_ms := COALESCE(f.retry_ms,
		-- it was our clock, and now we know better
		CASE WHEN f.class = 'clock' AND f.clock_offset_ms IS NOT NULL THEN 1 END,
		ordersync.backoff_ms(GREATEST(v.attempt, 1), ordersync.interval_setting_ms('retry_base'),
			GREATEST(ordersync.interval_setting_ms('retry_cap'), ordersync.interval_setting_ms('retry_base')), pg_catalog.random()));
	v_retry_at := pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => retry_ms / 1000.0);
	v_local := ordersync.is_local_failure(v, f.verdict, f.class)
		OR ordersync.is_window_too_large(v, f.call ->> 'sub_code');
	v_unserved := f.verdict = 'rejected'
		AND ordersync.list_name(v.stream, v.basis, v.ext_type, v.details_of, v.reason) IS NOT NULL
		AND v.reason IS DISTINCT FROM 'order'	-- somebody wants to know
		AND (f.class = 'permission' OR (v.ext_type IS NOT NULL OR v.history) AND f.class = 'parameters');
	v_dead := f.verdict = 'rejected'
		OR v_charge AND ordersync.is_out_of_attempts(v, v_local);
	-- what is only looked at fails no run
	v_unserved := v_unserved OR v_dead AND COALESCE(v.ext_type = 'any', false);
	IF v_dead AND v_local AND NOT v_unserved THEN
		v_spared := ordersync.split_failed_task(p_task);
	END IF;
	IF v_unserved THEN
		v_state := 'succeeded';
	ELSIF v_dead AND (v_spared = 0 OR v.stream = 'details') THEN
		v_state := 'failed';
	END IF;

	UPDATE ordersync.sync_tasks t
	SET state = v_state,
		outcome = CASE WHEN v_unserved THEN 'unserved' ELSE t.outcome END,
		last_verdict = f.verdict,
		attempt = CASE
			WHEN v_spared > 0 THEN 0
			WHEN v_charge THEN t.attempt
			ELSE GREATEST(t.attempt - 1, 0)
		END,
		-- shop or gateway say when, and may say so sooner
		next_attempt_at = CASE
			WHEN v_state = 'pending' AND v_spared = 0 AND f.verdict NOT IN ('unauthorized', 'throttled')
				AND (v_stop IS NULL OR v_charge) THEN v_retry_at
		END,
		-- ids that were parted begin with the one that failed
		walk = CASE WHEN v_spared = 0 AND t.ids IS NOT DISTINCT FROM v.ids THEN COALESCE(f.walk, t.walk) END,
		page_size = COALESCE(f.page_size, t.page_size),
		calls = t.calls + (f.call IS NOT NULL)::integer,
		owner = NULL,
		token = NULL,
		-- what is left of a halved window has not failed yet
		error_class = CASE WHEN v_state <> 'pending' OR v_spared = 0 THEN f.class END,
		error = CASE WHEN v_state <> 'pending' OR v_spared = 0 THEN f.message END,
		error_code = CASE WHEN v_state <> 'pending' OR v_spared = 0 THEN (f.call ->> 'code')::bigint END,
		error_sub_code = CASE WHEN v_state <> 'pending' OR v_spared = 0 THEN f.call ->> 'sub_code' END,
		error_message = CASE WHEN v_state <> 'pending' OR v_spared = 0 THEN
			NULLIF(pg_catalog.concat_ws(': ', f.call ->> 'msg', f.call ->> 'sub_msg'), '') END,
		error_request_id = CASE WHEN v_state <> 'pending' OR v_spared = 0 THEN f.call ->> 'request_id' END,
		finished_at = CASE WHEN v_state <> 'pending' THEN pg_catalog.clock_timestamp() END
	WHERE t.task_id = p_task;

	PERFORM ordersync.log_call(ordersync.call_facts(v.shop_id, v.run_id), v.shop_id, v.run_id, v.task_id, f.clock_offset_ms, f.call);

	IF f.verdict = 'throttled' AND f.banned IN ('day', 'reserved') THEN
		PERFORM ordersync.hold_for_day(v.shop_id, f.banned, v_retry_at, f.version_us, f.lifted_ms);
	ELSIF f.verdict = 'throttled' THEN
		PERFORM ordersync.note_ban(v, f.banned, f.method, v_retry_at, f.class, f.message, f.call, COALESCE(f.key, false));
	ELSIF f.verdict = 'unauthorized' AND f.class = 'secret_unreadable' THEN
		PERFORM ordersync.mark_secret_unreadable(v.shop_id, f.message);
	ELSIF f.verdict = 'unauthorized' THEN
		PERFORM ordersync.mark_key_refused(v.shop_id, f.key_seal, v.claimed_at, f.class, f.message);
		PERFORM ordersync.note_gateway_answer(v.shop_id, f.call);
	ELSIF v_unserved THEN
		PERFORM ordersync.note_gateway_answer(v.shop_id, f.call);
		SELECT n.ended, n.held INTO v_ended, v_ended_held
		FROM ordersync.mark_list_refused(p_task, f.message) n;
	ELSIF v_stop IS NOT NULL OR ordersync.is_gateway_failure(f.verdict, f.class, f.call ->> 'sub_code') THEN
		PERFORM ordersync.note_gateway_failure(v.shop_id, f.class, f.message, f.call, v.claimed_at);
	ELSIF f.verdict = 'rejected' OR f.class = 'platform' THEN
		PERFORM ordersync.note_gateway_answer(v.shop_id, f.call);
	END IF;
	IF v_stop IS NOT NULL THEN
		PERFORM ordersync.note_stop(v, v_stop, f.class, f.message, v_called_at, COALESCE(f.key, false));
	END IF;

	IF v_state <> 'pending' OR v_spared + v_ended <> 0 THEN
		PERFORM ordersync.count_tasks(v.run_id,
			v_spared - v_ended - (v_state <> 'pending')::integer,
			CASE WHEN v.held THEN v_spared - (v_state <> 'pending')::integer ELSE 0 END - v_ended_held);
	END IF;
	state := v_state;
END
$function$;
COMMENT ON FUNCTION ordersync.fail(bigint, bigint, jsonb) IS
	'records a failed call: the task is due again later, waits for its shop or gateway, or has failed; returns its state and the delay before the next call';

/*
 * No call was made: calls of the task's gateway are stopped, and its place is for
 * others.  What it failed of before stays.
 */
CREATE OR REPLACE FUNCTION ordersync.give_back(p_task bigint, p_token bigint, p_failure jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_key boolean := COALESCE((p_failure ->> 'key')::boolean, false);
BEGIN
	UPDATE ordersync.sync_tasks t
	SET state = 'pending',
		attempt = GREATEST(t.attempt - 1, 0),
		walk = COALESCE(p_failure -> 'walk', t.walk),
		page_size = COALESCE((p_failure ->> 'page_size')::integer, t.page_size),
		owner = NULL,
		token = NULL
	WHERE t.task_id = p_task
		AND t.token = p_token
	RETURNING t.* INTO v;
	IF NOT FOUND THEN
		PERFORM ordersync.raise_lost_task(p_task);
	END IF;
	PERFORM ordersync.note_stop(v, p_failure -> 'stop', NULL, NULL, v.claimed_at,
		v_key);
	-- what its worker knows better than the gateway's row would have it claimed again at once
	IF NOT EXISTS (
			SELECT
			FROM ordersync.shops s
			JOIN ordersync.gateways g ON g.name = s.gateway
			WHERE s.shop_id = v.shop_id
				AND (ordersync.is_stopped(g.stops, v.shop_id, v_key)
					OR ordersync.is_banned(ordersync.stopped_lists(g.stops, v.shop_id), v.stream, v.basis, v.history, v.details_of))) THEN
		UPDATE ordersync.sync_tasks t
		SET next_attempt_at = pg_catalog.clock_timestamp() + interval '1 second'
		WHERE t.task_id = p_task
			AND t.state LIKE 'pending';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.give_back(bigint, bigint, jsonb) IS
	'makes a claimed task pending again because calls like its next one are stopped';

/* What is the gateway's, the shop's or this server's trouble, and passes by itself, costs none. */
CREATE OR REPLACE FUNCTION ordersync.costs_attempt(p_verdict text, p_class text, p_conflict boolean)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN p_verdict NOT IN ('throttled', 'unauthorized')
		AND p_class IS DISTINCT FROM 'key_file'
		AND p_conflict IS NOT TRUE;
END
$function$;
COMMENT ON FUNCTION ordersync.costs_attempt(text, text, boolean) IS
	'whether a failure counts among the attempts after which its task has failed';

/*
 * Is it this window that fails, or everything?  Halving under a gateway that is
 * down would but multiply the calls.  It is the window's own when its content
 * is to blame, when pages of it were read before, or when another task of the
 * same list has come to a good end since this one was made: another part of the
 * same day's halved window where this one is such a part itself.
 */
CREATE OR REPLACE FUNCTION ordersync.is_local_failure(p_task record, p_verdict text, p_class text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_task.work = 'count'
		OR p_task.stream = 'details' AND pg_catalog.cardinality(p_task.ids) < 2
		OR p_task.stream <> 'details' AND p_task.until - p_task.since <= interval '1 second'
		OR p_class IN ('permission', 'signature', 'refused', 'clock', 'all_refused')
		OR p_verdict = 'rejected' AND p_task.stream <> 'details' AND p_class = 'parameters' THEN
		RETURN false;
	END IF;
	RETURN p_task.stream = 'details' AND p_verdict = 'rejected'
		OR p_task.splits = 0 AND p_class IN ('malformed', 'oversize', 'database')
		OR p_task.pages > 0 AND p_task.splits = 0
		OR EXISTS (
			SELECT
			FROM ordersync.sync_tasks t
			WHERE t.run_id = p_task.run_id
				AND t.task_id <> p_task.task_id
				AND t.stream = p_task.stream
				AND t.basis = p_task.basis
				AND t.details_of IS NOT DISTINCT FROM p_task.details_of
				-- of a window that was halved, a half: where each fails alike, nothing is gained by smaller ones
				AND (p_task.splits = 0 OR t.stream = 'details'
					OR t.splits > 0 AND ordersync.day_of(t.since) = ordersync.day_of(p_task.since))
				AND t.state IN ('succeeded', 'incomplete')
				AND t.finished_at > p_task.made_at);
END
$function$;
COMMENT ON FUNCTION ordersync.is_local_failure(record, text, text) IS
	'whether a permanent failure is to be isolated from the rest of its window';

/*
 * The platform says that it cannot serve so much at once.  Whatever else fails,
 * a shorter window may be served: halved five times a day is in pieces of 45
 * minutes.
 */
CREATE OR REPLACE FUNCTION ordersync.is_window_too_large(p_task record, p_sub_code text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN COALESCE(p_sub_code ILIKE 'isp.runtime-max-limit%', false)
		AND p_task.work <> 'count'
		AND p_task.stream <> 'details'
		AND p_task.splits < 5
		AND p_task.until - p_task.since > interval '1 minute';
END
$function$;
COMMENT ON FUNCTION ordersync.is_window_too_large(record, text) IS
	'whether the platform found a window too large that can still be halved';

CREATE OR REPLACE FUNCTION ordersync.is_out_of_attempts(p_task record, p_local boolean)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_max integer := ordersync.setting('max_attempts')::integer;
BEGIN
	RETURN CASE
		WHEN p_task.splits = 0 THEN p_task.attempt >= v_max
		-- half of what failed, and it is known that the failure is its own
		WHEN p_local THEN p_task.attempt >= LEAST(v_max, 2)
		-- the other half is still to be read, however long that takes, and will tell
		ELSE p_task.attempt >= v_max
			AND NOT ordersync.has_unread_half(p_task.run_id, p_task.task_id, p_task.stream, p_task.basis)
	END;
END
$function$;
COMMENT ON FUNCTION ordersync.is_out_of_attempts(record, boolean) IS
	'whether a failed task is not to be tried again for the number of its attempts; p_local: the failure is its window''s own; part of ordersync.fail()';

CREATE OR REPLACE FUNCTION ordersync.has_unread_half(p_run bigint, p_task bigint, p_stream text, p_basis text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM ordersync.sync_tasks t
		WHERE t.run_id = p_run
			AND t.task_id <> p_task
			AND t.stream = p_stream
			AND t.basis = p_basis
			AND t.splits > 0
			AND t.error_class IS NULL
			AND t.state IN ('pending', 'running'))
$function$;
COMMENT ON FUNCTION ordersync.has_unread_half(bigint, bigint, text, text) IS
	'whether another part of a halved window of that list has not ended';

/*
 * The newer half stays with the task; of ids the one that fails stays, failed,
 * and those behind it go on.  Returns how many tasks were made.
 */
CREATE OR REPLACE FUNCTION ordersync.split_failed_task(p_task bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_done integer;
	v_middle timestamptz;
	v_tasks integer;
BEGIN
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task;

	IF v.stream = 'details' THEN
		v_done := CASE WHEN v.walk ->> 'done' ~ '^[0-9]{1,9}$' THEN (v.walk ->> 'done')::integer ELSE 0 END;
		INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, details_of, ids, since, until, reason, splits)
		SELECT v.run_id, v.shop_id, v.stream, v.basis, v.details_of, v.ids[v_done + 2 :], v.since, v.until, v.reason, v.splits + 1
		WHERE pg_catalog.cardinality(v.ids) > v_done + 1;
		GET DIAGNOSTICS v_tasks = ROW_COUNT;
		UPDATE ordersync.sync_tasks t
		SET ids = v.ids[v_done + 1 : v_done + 1],
			walk = NULL
		WHERE t.task_id = p_task;
	ELSE
		v_middle := v.since + pg_catalog.date_trunc('second', (v.until - v.since) / 2);
		INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, held, history, ext_type, since, until, fresh,
			reason, is_part, splits, page_size)
		VALUES (v.run_id, v.shop_id, v.stream, v.basis, v.work, v.held, v.history, v.ext_type, v.since, v_middle, v.fresh,
			v.reason, v.is_part, v.splits + 1, v.page_size);
		v_tasks := 1;
		UPDATE ordersync.sync_tasks t
		SET since = v_middle,
			splits = t.splits + 1,
			made_at = pg_catalog.clock_timestamp()
		WHERE t.task_id = p_task;
	END IF;
	PERFORM ordersync.wake();
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.split_failed_task(bigint) IS
	'splits the window of a task that failed permanently, so that the rest of it is read; returns how many tasks were created';
