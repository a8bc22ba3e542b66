/*
 * Counts: the platform's number of records of a window, compared with ours.
 */
/*
 * A count is compared with ours.  The window is asked as since..until, whose
 * end may or may not be inclusive: where a record is stored at that very second,
 * it is asked for by itself, and taken off: p_walk is where the task stands until
 * then.  A window whose counts differ is read again whole.
 */
CREATE OR REPLACE FUNCTION ordersync.settle_count(
	p_task bigint,
	p_token bigint,
	p_total bigint,
	p_at_until bigint,
	p_walk jsonb,
	p_clock_offset_ms bigint,
	p_call jsonb)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_stored bigint;
	v_at_until bigint;
	v_reported bigint := p_total - COALESCE(p_at_until, 0);
	v_tasks integer := 0;
BEGIN
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task
		AND t.token = p_token
		AND t.state = 'running'
	FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM ordersync.raise_lost_task(p_task);
	END IF;
	IF v.ext_type = 'any' THEN
		RETURN ordersync.settle_type_count(v, p_total, p_at_until, p_walk, p_clock_offset_ms, p_call);
	END IF;

	SELECT c.within, c.at_until
	INTO v_stored, v_at_until
	FROM ordersync.count_stored(v.shop_id, v.stream, v.since, v.until) c;
	IF p_at_until IS NULL AND v_at_until > 0 THEN
		PERFORM ordersync.settle(p_task, p_token, pg_catalog.jsonb_build_object(
			'state', 'running', 'walk', p_walk, 'clock_offset_ms', p_clock_offset_ms, 'call', p_call));
		RETURN true;
	END IF;

	INSERT INTO ordersync.verified_counts AS c (shop_id, stream, basis, range, reported, stored, run_id, task_id, checked_at)
	VALUES (v.shop_id, v.stream, v.basis, tstzrange(v.since, v.until), v_reported, v_stored, v.run_id, v.task_id,
		pg_catalog.clock_timestamp())
	ON CONFLICT (shop_id, stream, basis, range) DO UPDATE
	SET reported = excluded.reported,
		stored = excluded.stored,
		run_id = excluded.run_id,
		task_id = excluded.task_id,
		checked_at = excluded.checked_at;

	IF v_reported <> v_stored OR ordersync.has_missing_rows(v.shop_id, v.stream, v.since, v.until) THEN
		-- the young part closes nothing: it would hide what becomes visible late
		INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, fresh, reason)
		SELECT v.run_id, v.shop_id, v.stream, v.basis, w.since, w.until, w.fresh, 'verify'
		FROM ordersync.cut_windows(
			tstzmultirange(tstzrange(v.since, v.until)),
			ordersync.closes_until(v.stream, v.basis, ordersync.platform_now(v.shop_id)),
			ordersync.max_window(v.shop_id)) w;
		GET DIAGNOSTICS v_tasks = ROW_COUNT;
		PERFORM ordersync.wake();
	END IF;
	PERFORM ordersync.settle(p_task, p_token, pg_catalog.jsonb_build_object(
		'state', 'succeeded', 'outcome', CASE v_tasks WHEN 0 THEN 'equal' ELSE 'differs' END,
		'reported', v_reported, 'seen', v_stored, 'passes', 1,
		'clock_offset_ms', p_clock_offset_ms, 'call', p_call, 'more_tasks', v_tasks));
	RETURN false;
END
$function$;
COMMENT ON FUNCTION ordersync.settle_count(bigint, bigint, bigint, bigint, jsonb, bigint, jsonb) IS
	'compares the platform''s count of a window with ours and has the window read where they differ; true: the second at its end is to be counted too';

CREATE OR REPLACE FUNCTION ordersync.count_stored(
	p_shop bigint,
	p_stream text,
	p_since timestamptz,
	p_until timestamptz,
	OUT within bigint,
	OUT at_until bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
	IF p_stream = 'orders' THEN
		SELECT pg_catalog.count(*) FILTER (WHERE o.created < p_until),
			pg_catalog.count(*) FILTER (WHERE o.created = p_until)
		INTO within, at_until
		FROM ordersync.orders o
		WHERE o.shop_id = p_shop
			AND o.created_date BETWEEN ordersync.day_of(p_since) AND ordersync.day_of(p_until)
			AND o.created BETWEEN p_since AND p_until;
	ELSE
		SELECT pg_catalog.count(*) FILTER (WHERE a.modified < p_until),
			pg_catalog.count(*) FILTER (WHERE a.modified = p_until)
		INTO within, at_until
		FROM ordersync.after_sales a
		WHERE a.shop_id = p_shop
			AND a.modified BETWEEN p_since AND p_until
			AND (a.special_refund_type IS NOT NULL) = (p_stream = 'special_refunds');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.count_stored(bigint, text, timestamptz, timestamptz) IS
	'how many records of a list are stored in [since, until), and at that very second until; orders by created, after-sales by modified';

CREATE OR REPLACE FUNCTION ordersync.settle_type_count(
	p_task record,
	p_any bigint,
	p_listed bigint,
	p_walk jsonb,
	p_clock_offset_ms bigint,
	p_call jsonb)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_stored bigint := (ordersync.count_stored(p_task.shop_id, p_task.stream, p_task.since, p_task.until)).within;
	v_tasks integer := 0;
BEGIN
	IF p_listed IS NULL AND p_any > v_stored THEN
		PERFORM ordersync.settle(p_task.task_id, p_task.token, pg_catalog.jsonb_build_object(
			'state', 'running', 'walk', p_walk, 'clock_offset_ms', p_clock_offset_ms, 'call', p_call));
		RETURN true;
	END IF;

	INSERT INTO ordersync.type_counts AS c (shop_id, stream, range, any_type, listed, found, run_id, task_id, checked_at)
	SELECT p_task.shop_id, p_task.stream, tstzrange(p_task.since, p_task.until), p_any, COALESCE(p_listed, p_any),
		ordersync.unlisted_types(p_task.shop_id, p_task.stream, p_task.since, p_task.until),
		p_task.run_id, p_task.task_id, pg_catalog.clock_timestamp()
	ON CONFLICT (shop_id, stream, range) DO UPDATE
	SET any_type = excluded.any_type,
		listed = excluded.listed,
		found = excluded.found,
		run_id = excluded.run_id,
		task_id = excluded.task_id,
		checked_at = excluded.checked_at;

	IF p_any > p_listed AND p_task.stream = 'orders' THEN
		INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, ext_type, since, until)
		VALUES (p_task.run_id, p_task.shop_id, p_task.stream, p_task.basis, 'check', 'any', p_task.since, p_task.until);
		v_tasks := 1;
		PERFORM ordersync.wake();
	END IF;
	PERFORM ordersync.settle(p_task.task_id, p_task.token, pg_catalog.jsonb_build_object(
		'state', 'succeeded', 'outcome', CASE WHEN p_any > p_listed THEN 'differs' ELSE 'equal' END,
		'reported', p_any, 'seen', COALESCE(p_listed, v_stored), 'passes', 1,
		'clock_offset_ms', p_clock_offset_ms, 'call', p_call, 'more_tasks', v_tasks));
	-- behind the run's lock, so that of two windows that settle together the second sees both
	PERFORM ordersync.drop_recounted(p_task.shop_id, p_task.stream, p_task.since, p_task.until);
	RETURN false;
END
$function$;
COMMENT ON FUNCTION ordersync.settle_type_count(record, bigint, bigint, jsonb, bigint, jsonb) IS
	'settles a count without types; has what is counted beyond the listed types looked for; true: the window is to be counted with its types now';

/* The gateway's longest window may have changed since: a day is counted in other windows then. */
CREATE OR REPLACE FUNCTION ordersync.drop_recounted(p_shop bigint, p_stream text, p_since timestamptz, p_until timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_range tstzrange := tstzrange(p_since, p_until);
	-- a window lies within a day, ranges sort by their lower bound
	v_day timestamptz := @extschema@.ordersync_day(ordersync.day_of(p_since));
	v_first tstzrange := tstzrange(v_day, v_day, '[]');
	v_behind tstzrange := tstzrange(p_until, p_until, '[]');
BEGIN
	IF NOT EXISTS (
		SELECT
		FROM ordersync.type_counts c
		WHERE c.shop_id = p_shop
			AND c.stream = p_stream
			AND c.range >= v_first
			AND c.range < v_behind
			AND c.range && v_range
			AND c.range <> v_range
	) THEN
		RETURN;
	END IF;
	DELETE FROM ordersync.type_counts c
	WHERE c.shop_id = p_shop
		AND c.stream = p_stream
		AND c.range >= v_first
		AND c.range < v_behind
		AND c.range && v_range
		AND c.range <> v_range
		AND c.range <@ (
			SELECT pg_catalog.range_agg(n.range)
			FROM ordersync.type_counts n
			WHERE n.shop_id = p_shop
				AND n.stream = p_stream
				AND n.range && c.range
				AND n.range <> c.range
				AND n.checked_at > c.checked_at);
END
$function$;
COMMENT ON FUNCTION ordersync.drop_recounted(bigint, text, timestamptz, timestamptz) IS
	'removes counts without types of which all was counted later in other windows';
