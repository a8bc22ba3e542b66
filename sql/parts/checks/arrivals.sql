/*
 * The check of arrivals: a list that is compared with what is stored, and never
 * goes through apply.
 *
 * A list of arrivals brings orders with their modified and when they were loaded.
 * Every one must be stored with that modified or a later one, and, of that very
 * one, by a reading that is not older than its loading.  What is not is remembered in the
 * task; at the window's end it is fetched (by id, or by reading that range of
 * modified again where it is more than two pages) and the window is read once
 * more.  So a window of arrivals closes only by a reading in which nothing was
 * missing; one in which something always is comes out short.
 */
CREATE OR REPLACE FUNCTION ordersync.check_records(
	p_shop bigint,
	p_task bigint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_arrivals timestamptz[] DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
	v_ids bigint[];
	v_range tstzrange;
BEGIN
	SELECT pg_catalog.array_agg(r.id), tstzrange(pg_catalog.min(r.modified), pg_catalog.max(r.modified), '[]')
	INTO v_ids, v_range
	FROM ROWS FROM (pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified), pg_catalog.unnest(p_arrivals)) AS r (id, modified, arrival)
	LEFT JOIN LATERAL (
		SELECT p.modified, p.read_at
		FROM ordersync.order_payloads p
		WHERE p.shop_id = p_shop
			AND p.tid = r.id
		OFFSET 0
	) p ON true
	WHERE p.modified IS NULL
		OR p.modified < r.modified
		-- a second has room for two versions: this one was loaded in the second in which the stored one was read, or later
		OR p.modified = r.modified
			AND r.arrival + interval '1 second' > p.read_at
			AND NOT EXISTS (
				SELECT
				FROM ordersync.lookups l
				WHERE l.shop_id = p_shop
					AND l.stream = 'orders'
					AND l.record_id = r.id
					AND l.asked_at >= r.arrival + interval '1 second')
		-- listed without a time that can be read: it is there when this run has fetched it
		OR r.modified IS NULL
			AND NOT EXISTS (
				SELECT
				FROM ordersync.lookups l
				JOIN ordersync.sync_tasks t ON t.run_id = l.run_id
				WHERE t.task_id = p_task
					AND l.shop_id = p_shop
					AND l.stream = 'orders'
					AND l.record_id = r.id
					AND l.served);
	IF v_ids IS NOT NULL THEN
		-- what the database refuses was seen, and shows in quarantine
		SELECT pg_catalog.array_agg(r.id), tstzrange(pg_catalog.min(r.modified), pg_catalog.max(r.modified), '[]')
		INTO v_ids, v_range
		FROM ROWS FROM (pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified)) AS r (id, modified)
		WHERE r.id = ANY (v_ids)
			AND NOT ordersync.is_refused(p_shop, 'orders', r.id, r.modified);
	END IF;
	IF v_ids IS NULL THEN
		RETURN 0;
	END IF;

	UPDATE ordersync.sync_tasks t
	SET missed = ARRAY(
			SELECT DISTINCT m.id
			FROM pg_catalog.unnest(t.missed || v_ids) m (id)
			ORDER BY m.id),
		missed_range = CASE
			WHEN pg_catalog.lower_inf(v_range) THEN t.missed_range
			ELSE pg_catalog.range_merge(COALESCE(t.missed_range, v_range), v_range)
		END
	WHERE t.task_id = p_task;
	RETURN pg_catalog.cardinality(v_ids);
END
$function$;
COMMENT ON FUNCTION ordersync.check_records(bigint, bigint, bigint[], timestamptz[], timestamptz[]) IS
	'compares listed orders with the stored ones and remembers in the task those that are missing or older; returns how many';

/*
 * Tasks that bring what a check missed, before the check is made again.
 */
CREATE OR REPLACE FUNCTION ordersync.add_repairs(p_task bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_page integer;
	v_reason text;
	v_tasks integer;
BEGIN
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task;
	v_page := COALESCE(v.page_size, ordersync.setting('page_size')::integer);
	v_reason := CASE v.basis WHEN 'arrival' THEN 'arrival' ELSE 'verify' END;

	IF v.basis <> 'arrival' OR v.checks > 0 OR pg_catalog.cardinality(v.missed) <= 2 * v_page OR v.missed_range IS NULL THEN
		RETURN ordersync.add_fetches(v.run_id, v.shop_id, 'orders', v.missed, v.missed_range, v_reason);
	END IF;

	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, fresh, reason)
	SELECT v.run_id, v.shop_id, 'orders', 'modified', w.since, w.until, w.fresh, v_reason
	FROM ordersync.cut_windows(
		tstzmultirange(tstzrange(pg_catalog.lower(v.missed_range), pg_catalog.upper(v.missed_range) + interval '1 second')),
		ordersync.closes_until('orders', 'modified', ordersync.platform_now(v.shop_id)),
		ordersync.max_window(v.shop_id)) w;
	GET DIAGNOSTICS v_tasks = ROW_COUNT;
	PERFORM ordersync.wake();
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.add_repairs(bigint) IS
	'creates tasks that fetch what a check found missing: by id, or by range where that needs fewer calls; returns how many';

CREATE OR REPLACE FUNCTION ordersync.missed_ids(p_task bigint, p_token bigint)
RETURNS bigint[]
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	-- what is still in quarantine after it was fetched was seen, and shows there
	SELECT NULLIF(ARRAY(
		SELECT m.id
		FROM pg_catalog.unnest(t.missed) m (id)
		WHERE t.checks = 0 OR NOT EXISTS (
			SELECT
			FROM ordersync.quarantine q
			WHERE q.shop_id = t.shop_id
				AND q.stream = 'orders'
				AND q.record_id = m.id
				AND q.resolved_at IS NULL
				AND q.reason NOT IN ('value', 'line'))
		ORDER BY m.id), '{}')
	FROM (
		SELECT t.*
		FROM ordersync.sync_tasks t
		WHERE t.task_id = p_task
			AND t.token = p_token
			AND t.state = 'running'
			AND t.missed IS NOT NULL
		FOR UPDATE
	) t
$function$;
COMMENT ON FUNCTION ordersync.missed_ids(bigint, bigint) IS
	'locks a task and returns what its check missed, without what was fetched and is in quarantine; NULL for none';

/*
 * The end of a check that missed something: it is made again after the repair,
 * three times at most.
 */
CREATE OR REPLACE FUNCTION ordersync.settle_missed(
	p_task bigint,
	p_token bigint,
	OUT missed bigint[],
	OUT state text,
	OUT outcome text,
	OUT tasks integer)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
#variable_conflict use_column
BEGIN
	tasks := 0;
	missed := ordersync.missed_ids(p_task, p_token);
	IF missed IS NULL THEN
		RETURN;
	END IF;
	-- what is only looked at fails no run: its day says what is missing
	SELECT CASE WHEN t.checks < 3 THEN 'pending' WHEN t.ext_type = 'any' THEN 'succeeded' ELSE 'incomplete' END,
		CASE WHEN t.checks >= 3 THEN 'short' END
	INTO settle_missed.state, settle_missed.outcome
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task;
	IF settle_missed.state = 'pending' THEN
		UPDATE ordersync.sync_tasks t
		SET missed = settle_missed.missed
		WHERE t.task_id = p_task;
		tasks := ordersync.add_repairs(p_task);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.settle_missed(bigint, bigint) IS
	'the result of a check: missed is NULL if nothing is missing; otherwise its state and outcome, and how many tasks fetch what is missing';
