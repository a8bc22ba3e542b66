/*
 * Settling: a page is done.
 *
 * Called in the transaction that stored the page's rows, so that rows, cursor,
 * counters, coverage and log commit together or not at all.  Locks in one
 * order: task, coverage, gateway and shop (only when they change), run.  Who
 * presents a token that is no longer the task's has lost it, by a cancel or
 * because it was taken for dead: OS001, and all of its transaction is undone.
 *
 * Plans.  It runs for every page, against tables that may have been empty when
 * the worker first settled: its plans are generic, and no statement leaves a
 * choice.  Rows are found by primary key.  Conditions on state that would let a
 * partial index (of what is pending or running) serve are written with LIKE,
 * which no planner takes for a proof of the index's predicate.  Whatever a
 * settle leads to only now and then plans by itself (force_custom_plan).
 */
/* Inlined where it is called. */
CREATE OR REPLACE FUNCTION ordersync.incomplete_message(
	p_missed bigint[],
	p_class text,
	p_reported bigint,
	p_seen bigint,
	p_outside bigint)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_missed IS NOT NULL
			THEN pg_catalog.format('the platform lists %s orders that it does not serve as listed, %s for one',
				pg_catalog.cardinality(p_missed), p_missed[1])
		WHEN p_class = 'total'
			THEN pg_catalog.format('the platform''s count of %s records is not what it lists, %s were seen', p_reported, p_seen)
		WHEN p_class = 'range'
			THEN pg_catalog.format('the platform lists records (%s) outside the range that it was asked for; in the range %s were seen%s',
				p_outside, p_seen, ', it counts ' || p_reported)
		ELSE pg_catalog.format('the platform counts %s records, %s were seen', p_reported, p_seen)
	END
$function$;
COMMENT ON FUNCTION ordersync.incomplete_message(bigint[], text, bigint, bigint, bigint) IS
	'the message of a window that was read and is incomplete, or unproven for what was listed beside it';

/*
 * How a page ended comes as JSON, as the worker and settle_count write it; what is
 * left out is NULL.
 */
CREATE OR REPLACE FUNCTION ordersync.settle(p_task bigint, p_token bigint, p_settlement jsonb)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
DECLARE
	s record;
	v ordersync.sync_tasks;
	v_parts integer;
	v_state text;
	v_outcome text;
	v_missed bigint[];
	v_open integer;
	v_same integer;
	v_held integer;
	v_looked boolean := false;	-- at what a check has missed
	v_facts record;
BEGIN
	SELECT x.* INTO s
	FROM pg_catalog.jsonb_to_record(p_settlement) AS x (
		state text,					-- running, succeeded, incomplete
		outcome text,				-- NULL, counted, short, unproven, fresh, fetched, equal, differs
		class text,					-- of an incomplete one: short, total, range
		walk jsonb,					-- where the walk stands: src/window_saved.h
		reported bigint,			-- over the window
		seen bigint,
		quarantined bigint,
		passes integer,
		outside bigint,				-- records listed that lie outside the range asked for
		closed_since bigint,		-- epoch seconds; NULL where it closes nothing
		closed_until bigint,
		page_new integer,			-- of the page
		page_changed integer,
		page_unchanged integer,
		page_quarantined integer,
		cuts bigint[],				-- ascending bounds of the parts, epoch seconds
		page_size integer,			-- where it has shrunk
		clock_offset_ms bigint,		-- where the platform's clock was read
		call jsonb,					-- as request_log keeps it; NULL where no call was made
		more_tasks integer			-- that the page's transaction has made for the run
	);
	v_parts := COALESCE(pg_catalog.cardinality(s.cuts), 1) - 1;
	v_state := s.state;
	v_outcome := s.outcome;
	v_open := COALESCE(s.more_tasks, 0);
	IF s.state IS NULL OR s.state NOT IN ('running', 'succeeded', 'incomplete') THEN
		RAISE EXCEPTION 'a task cannot be settled as %', COALESCE(s.state, 'NULL');
	END IF;

	LOOP
		UPDATE ordersync.sync_tasks t
		SET state = v_state,
			outcome = COALESCE(v_outcome, t.outcome),
			last_verdict = COALESCE(s.call ->> 'verdict', t.last_verdict),
			-- a page that moves the walk nowhere earns nothing: a second read by number
			-- begins anew each time, and must come to an end when its second page never comes
			attempt = CASE
				WHEN s.state = 'running' AND v_parts < 1 AND s.walk = t.walk THEN t.attempt
				ELSE 0
			END,
			walk = CASE WHEN s.state = 'running' AND v_parts < 1 THEN s.walk END,
			since = CASE WHEN v_parts > 0 THEN pg_catalog.to_timestamp(s.cuts[v_parts]) ELSE t.since END,
			is_part = t.is_part OR v_parts > 0,
			page_size = COALESCE(s.page_size, t.page_size),
			calls = t.calls + (s.call IS NOT NULL)::integer,
			-- a window that turned out to lie in the future is settled without a call
			pages = t.pages + (s.call IS NOT NULL)::integer,
			records_new = t.records_new + COALESCE(s.page_new, 0),
			records_changed = t.records_changed + COALESCE(s.page_changed, 0),
			records_unchanged = t.records_unchanged + COALESCE(s.page_unchanged, 0),
			records_quarantined = t.records_quarantined + COALESCE(s.page_quarantined, 0),
			reported = CASE WHEN v_parts > 0 THEN NULL ELSE COALESCE(s.reported, t.reported) END,
			seen = CASE WHEN v_parts > 0 THEN NULL ELSE COALESCE(s.seen, t.seen) END,
			passes = COALESCE(s.passes, t.passes),
			-- its first call, not its claim: incremental runs begin where the first call of the first full run was made
			began_at = CASE
				WHEN t.walk IS NULL AND s.call ? 'started_at'
					THEN pg_catalog.to_timestamp((s.call ->> 'started_at')::bigint / 1000.0)
				ELSE t.began_at
			END,
			missed = CASE WHEN v_state = 'running' THEN t.missed END,
			missed_range = CASE WHEN v_state = 'running' THEN t.missed_range END,
			checks = t.checks + (v_state = 'pending')::integer,
			-- a good page says that what failed before is over
			error_class = CASE v_state
				WHEN 'incomplete' THEN CASE WHEN v_missed IS NULL AND s.class IS NOT NULL THEN s.class ELSE 'short' END
			END,
			error = CASE v_state
				WHEN 'incomplete' THEN ordersync.incomplete_message(v_missed, s.class, s.reported, s.seen, s.outside)
			END,
			error_code = NULL,
			error_sub_code = NULL,
			error_message = NULL,
			error_request_id = CASE v_state WHEN 'incomplete' THEN s.call ->> 'request_id' END,
			owner = CASE WHEN v_state = 'running' THEN t.owner END,
			token = CASE WHEN v_state = 'running' THEN t.token END,
			finished_at = CASE WHEN v_state NOT IN ('running', 'pending') THEN pg_catalog.clock_timestamp() END
		WHERE t.task_id = p_task
			AND t.token = p_token
			AND (v_looked OR s.state = 'running' OR t.missed IS NULL)
		RETURNING t.* INTO v;
		EXIT WHEN FOUND;
		IF v_looked OR s.state = 'running' THEN
			PERFORM ordersync.raise_lost_task(p_task);
		END IF;
		-- a check that missed something: its end is another one than the walk's
		SELECT m.missed, COALESCE(m.state, s.state), CASE WHEN m.missed IS NULL THEN s.outcome ELSE m.outcome END, v_open + m.tasks
		INTO v_missed, v_state, v_outcome, v_open
		FROM ordersync.settle_missed(p_task, p_token) m;
		v_looked := true;
	END LOOP;

	v_facts := ordersync.call_facts(v.shop_id, v.run_id);
	IF v.ext_type IS NULL AND s.closed_since < s.closed_until THEN
		-- until what a check missed is there, its window is short, whatever becomes of the run
		PERFORM ordersync.close_window(v.shop_id, v.stream, v.basis,
			tstzrange(pg_catalog.to_timestamp(s.closed_since), pg_catalog.to_timestamp(s.closed_until)),
			CASE v_state WHEN 'pending' THEN 'short' ELSE v_outcome END,
			s.reported, s.seen, COALESCE(s.quarantined, 0), s.passes, v.run_id, v.task_id,
			v.began_at + v_facts.clock_offset, COALESCE(s.outside, 0));
	END IF;

	PERFORM ordersync.log_call(v_facts, v.shop_id, v.run_id, v.task_id, s.clock_offset_ms, s.call);

	IF v_parts > 1 THEN
		PERFORM ordersync.add_parts(v.task_id, s.cuts);
	END IF;
	IF (s.state = 'succeeded' OR s.outcome = 'unproven') AND s.call IS NOT NULL AND v_facts.unserved <> '{}' THEN
		PERFORM ordersync.mark_list_served(v.shop_id, ordersync.list_name(v.stream, v.basis, v.ext_type, v.details_of, v.reason));
	END IF;
	IF (v.state = 'succeeded' OR v.outcome = 'unproven') AND v.reason = 'open' AND v.history THEN
		PERFORM ordersync.record_history_reads(v.shop_id, v.since, v.until, v.run_id, v.began_at);
	END IF;

	v_same := GREATEST(v_parts - 1, 0) - (v_state NOT IN ('running', 'pending'))::integer;
	v_held := CASE WHEN v.held THEN v_same ELSE 0 END;
	-- a held task that brings another one leaves as many open, and fewer held
	IF v_open + v_same <> 0 OR v_held <> 0 THEN
		RETURN ordersync.count_tasks(v.run_id, v_open + v_same, v_held);
	END IF;
	RETURN false;
END
$function$;
COMMENT ON FUNCTION ordersync.settle(bigint, bigint, jsonb) IS
	'records a stored page: cursor, counters, coverage, parts that the window was cut into, follow-up tasks; true if the run ended with it';

CREATE OR REPLACE FUNCTION ordersync.add_parts(p_task bigint, p_cuts bigint[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	-- the newest part stays with the task that was cut
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, work, held, history, ext_type, since, until, fresh,
		reason, is_part, splits, page_size)
	SELECT t.run_id, t.shop_id, t.stream, t.basis, t.work, t.held, t.history, t.ext_type,
		pg_catalog.to_timestamp(p_cuts[n]), pg_catalog.to_timestamp(p_cuts[n + 1]), t.fresh,
		t.reason, true, t.splits, t.page_size
	FROM ordersync.sync_tasks t
	CROSS JOIN pg_catalog.generate_series(1, pg_catalog.cardinality(p_cuts) - 2) n
	WHERE t.task_id = p_task;

	SELECT ordersync.wake();
$function$;
COMMENT ON FUNCTION ordersync.add_parts(bigint, bigint[]) IS
	'inserts the siblings of a task whose window is cut at the given bounds';

/*
 * A counted or unproven window is covered, so that no incremental run reads it
 * again; what is unproven is kept beside it, and goes with a reading that counts.
 * One that came out short is taken out again if an older reading had covered it:
 * the next run plans it anew.
 */
CREATE OR REPLACE FUNCTION ordersync.close_window(
	p_shop bigint,
	p_stream text,
	p_basis text,
	p_range tstzrange,
	p_outcome text,
	p_reported bigint,
	p_seen bigint,
	p_quarantined bigint,
	p_passes integer,
	p_run bigint,
	p_task bigint,
	p_began_at timestamptz,
	p_outside bigint DEFAULT 0)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_unproven tstzmultirange := CASE p_outcome WHEN 'unproven' THEN tstzmultirange(p_range) ELSE '{}' END;
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_day timestamptz := pg_catalog.timezone('Asia/Shanghai', pg_catalog.date_trunc('day',
		pg_catalog.timezone('Asia/Shanghai', pg_catalog.lower(p_range))));
	v_first tstzrange := tstzrange(v_day, v_day, '[]');
	v_behind tstzrange := tstzrange(pg_catalog.upper(p_range), pg_catalog.upper(p_range), '[]');
BEGIN
	IF p_outcome IN ('counted', 'unproven') THEN
		INSERT INTO ordersync.coverage AS c (shop_id, stream, basis, ranges, unproven)
		VALUES (p_shop, p_stream, p_basis, tstzmultirange(p_range), v_unproven)
		ON CONFLICT (shop_id, stream, basis) DO UPDATE
		SET ranges = c.ranges + excluded.ranges,
			unproven = c.unproven - excluded.ranges + excluded.unproven,
			updated_at = now();
	ELSIF p_outcome = 'short' THEN
		UPDATE ordersync.coverage c
		SET ranges = c.ranges - tstzmultirange(p_range),
			unproven = c.unproven - tstzmultirange(p_range),
			updated_at = now()
		WHERE c.shop_id = p_shop
			AND c.stream = p_stream
			AND c.basis = p_basis
			AND c.ranges && p_range;
	ELSE
		RETURN;
	END IF;

	INSERT INTO ordersync.window_counts AS w
		(shop_id, stream, basis, range, reported, seen, quarantined, outside, passes, verdict, run_id, task_id, began_at, closed_at)
	VALUES (p_shop, p_stream, p_basis, p_range, p_reported, p_seen, p_quarantined, p_outside, p_passes,
		p_outcome, p_run, p_task, p_began_at, v_now)
	ON CONFLICT (shop_id, stream, basis, range) DO UPDATE
	SET reported = excluded.reported,
		seen = excluded.seen,
		quarantined = excluded.quarantined,
		outside = excluded.outside,
		passes = excluded.passes,
		verdict = excluded.verdict,
		run_id = excluded.run_id,
		task_id = excluded.task_id,
		began_at = excluded.began_at,
		closed_at = excluded.closed_at;

	/*
	 * Older readings go when newer ones, alone or together, contain them.  A
	 * window lies within a day, so the primary key finds what overlaps it from the
	 * day's begin on: ranges sort by their lower bound first.  Mostly there is none.
	 */
	IF NOT EXISTS (
		SELECT
		FROM ordersync.window_counts w
		WHERE w.shop_id = p_shop
			AND w.stream = p_stream
			AND w.basis = p_basis
			AND w.range >= v_first
			AND w.range < v_behind
			AND w.range && p_range
			AND w.range <> p_range
	) THEN
		RETURN;
	END IF;
	DELETE FROM ordersync.window_counts w
	WHERE w.shop_id = p_shop
		AND w.stream = p_stream
		AND w.basis = p_basis
		AND w.range >= v_first
		AND w.range < v_behind
		AND w.range && p_range
		AND (w.closed_at < v_now AND w.range <@ p_range AND w.range <> p_range
			OR w.range <@ (
				SELECT pg_catalog.range_agg(n.range)
				FROM ordersync.window_counts n
				WHERE n.shop_id = p_shop
					AND n.stream = p_stream
					AND n.basis = p_basis
					AND n.range >= v_first
					AND n.range < tstzrange(v_day + interval '24 hours', v_day + interval '24 hours', '[]')
					AND n.closed_at > w.closed_at
					AND n.range && w.range));
END
$function$;
COMMENT ON FUNCTION ordersync.close_window(bigint, text, text, tstzrange, text, bigint, bigint, bigint, integer, bigint, bigint, timestamptz, bigint) IS
	'records how a window came out: coverage, and the counts that show it';
