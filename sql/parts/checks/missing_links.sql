/*
 * The link check: lines and after-sales refer to each other, so what one list
 * lost the other one knows.
 *
 * A line names its latest refund and its state.  One that is not stored, or
 * whose state the line contradicts by a later change, is fetched by id; so is
 * the order of an after-sale that is not stored.  What was asked for since the
 * record that led to it changed is not asked for again (ordersync.lookups).
 *
 * Made when all else of a run has ended, under the run's lock, and again after
 * what it fetched, until it finds nothing new.
 *
 * Candidates.  Whatever writes lines or after-sales notes their refunds in
 * ordersync.link_candidates, a row a batch, in the transaction that writes them, and
 * without a look at the other side: so a pair that two transactions write at once is
 * noted by both.  Only refunds that are noted are looked at.  They are taken out of
 * the rows that were seen with them, and only what was not found unlinked; who writes
 * meanwhile has a row of its own.  So at each moment every pair that is unlinked, and
 * was not asked for, is noted.  Rows that somebody deletes are noted by nobody: a row
 * without refunds stands for all of the shop, and is made by ordersync_verify, by a
 * full run without a range and wherever a shop's rows may be from before.
 *
 * Plans.  A shop may have a million lines in tables that were never analysed, and the
 * plans may have been made when it had none: rows come by find_rows, or by a query
 * that is planned each time, and are joined apart from the tables.
 */
CREATE OR REPLACE FUNCTION ordersync.check_links(p_run bigint)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_run ordersync.sync_runs;
	v_shop ordersync.shops;
	v_now timestamptz;
	v_kinds text[];
	v_ids bigint[];
	v_at timestamptz[];
	v_tasks integer := 0;
	v_unserved jsonb;
	v_by_order boolean;
BEGIN
	SELECT r.* INTO v_run
	FROM ordersync.sync_runs r
	WHERE r.run_id = p_run;
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = v_run.shop_id;
	IF v_run.kind <> 'order'
			AND NOT (ordersync.reads_stream(v_shop.options, 'orders') AND ordersync.reads_stream(v_shop.options, 'after_sales')) THEN
		PERFORM ordersync.put_off_links(v_run.shop_id);
		RETURN 0;
	END IF;

	v_now := ordersync.platform_now(v_run.shop_id);
	v_unserved := ordersync.unserved(v_run.shop_id);
	v_by_order := ordersync.fetches_by_order(v_unserved);
	IF v_run.kind = 'order' THEN
		SELECT pg_catalog.array_agg(u.details_of), pg_catalog.array_agg(u.id), pg_catalog.array_agg(u.at)
		INTO v_kinds, v_ids, v_at
		FROM ordersync.unlinked(v_run.shop_id, v_run.tid, NULL, false) u;
	ELSE
		SELECT u.kinds, u.ids, u.at
		INTO v_kinds, v_ids, v_at
		FROM ordersync.unlinked_candidates(v_run.shop_id) u;
	END IF;
	IF v_by_order THEN
		SELECT o.kinds, o.ids, o.at
		INTO v_kinds, v_ids, v_at
		FROM ordersync.orders_of_unlinked(v_run.shop_id, v_run.tid, v_kinds, v_ids, v_at) o;
	END IF;
	IF v_ids IS NOT NULL THEN
		v_tasks := ordersync.fetch_unlinked(v_run, v_unserved, v_now, v_kinds, v_ids, v_at);
	END IF;

	IF v_tasks = 0 AND v_run.kind <> 'order'
			AND ordersync.is_served(v_unserved, CASE WHEN v_by_order THEN 'details of refunds_of_orders' ELSE 'details of after_sales' END, v_now) THEN
		IF ordersync.gateway_lists(v_unserved, 'after_sales') THEN
			PERFORM ordersync.close_links(p_run, v_run.shop_id);
		ELSE
			PERFORM ordersync.close_after_sales_by_order(p_run, v_run.shop_id);
		END IF;
	END IF;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.check_links(bigint) IS
	'creates tasks for records that lines and after-sales refer to and that are missing or outdated; if there are none, the coverage of after-sales counts as checked; returns how many tasks';

/* Several statements: what is judged is seen after what is noted, so a note that was seen is never dropped for an older state. */
CREATE OR REPLACE FUNCTION ordersync.unlinked_candidates(
	p_shop bigint,
	OUT kinds text[],
	OUT ids bigint[],
	OUT at timestamptz[]
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_batches bigint[];
	v_noted bigint[];
	v_whole boolean;
	v_refunds bigint[];
BEGIN
	SELECT c.batches, c.refunds, c.whole
	INTO v_batches, v_noted, v_whole
	FROM ordersync.link_candidates_of(p_shop) c;
	IF v_batches IS NULL THEN
		RETURN;
	END IF;
	SELECT pg_catalog.array_agg(u.details_of), pg_catalog.array_agg(u.id), pg_catalog.array_agg(u.at),
		pg_catalog.array_agg(u.refund_id)
	INTO kinds, ids, at, v_refunds
	FROM ordersync.unlinked(p_shop, NULL, CASE WHEN NOT v_whole THEN v_noted END,
		NOT ordersync.gateway_lists(ordersync.unserved(p_shop), 'after_sales')) u;
	PERFORM ordersync.keep_candidates(p_shop, v_batches, v_refunds);
	IF v_whole THEN
		PERFORM ordersync.note_refunds(p_shop, ARRAY(
			SELECT u.id
			FROM pg_catalog.unnest(v_refunds) u (id)
			EXCEPT
			SELECT n.id
			FROM pg_catalog.unnest(v_noted) n (id)));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.unlinked_candidates(bigint) IS
	'checks the noted refunds of a shop, as unlinked() does; those that are linked or were requested are no longer noted';

CREATE OR REPLACE FUNCTION ordersync.fetch_unlinked(
	p_run record,
	p_unserved jsonb,
	p_now timestamptz,
	p_kinds text[],
	p_ids bigint[],
	p_at timestamptz[])
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_hashjoin = on
AS $function$
DECLARE
	v_found record;
	v_tasks integer := 0;
BEGIN
	FOR v_found IN
		SELECT w.details_of, pg_catalog.array_agg(DISTINCT w.id) AS ids,
			tstzrange(pg_catalog.min(w.at), pg_catalog.max(w.at), '[]') AS range
		FROM ROWS FROM (pg_catalog.unnest(p_kinds), pg_catalog.unnest(p_ids), pg_catalog.unnest(p_at)) AS w (details_of, id, at)
		JOIN (
			SELECT u.details_of, u.id
			FROM ROWS FROM (pg_catalog.unnest(p_kinds), pg_catalog.unnest(p_ids)) AS u (details_of, id)
			EXCEPT
			SELECT t.details_of, a.id
			FROM ordersync.sync_tasks t
			CROSS JOIN LATERAL pg_catalog.unnest(t.ids) a (id)
			WHERE t.run_id = p_run.run_id
				AND t.stream = 'details'
				AND t.reason IN ('link', 'order')
		) n USING (details_of, id)
		WHERE (p_run.kind = 'order' AND NOT ordersync.gateway_lacks(p_unserved, ordersync.list_name('details', NULL, NULL, w.details_of))
				OR ordersync.is_served(p_unserved, ordersync.list_name('details', NULL, NULL, w.details_of), p_now))
			-- what the database refuses was seen, and by its id it is the same
			AND NOT ordersync.is_refused(p_run.shop_id, w.details_of, w.id, w.at)
		GROUP BY w.details_of
	LOOP
		v_tasks := v_tasks
			+ ordersync.add_fetches(p_run.run_id, p_run.shop_id, v_found.details_of, v_found.ids, v_found.range, 'link');
	END LOOP;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.fetch_unlinked(record, jsonb, timestamptz, text[], bigint[], timestamptz[]) IS
	'creates tasks for the unlinked records that the run has not requested yet and that the platform serves; returns how many';

/*
 * p_tid: of one order all after-sales that are known, whatever their state; p_refunds
 * NULL: of all refunds of the shop; p_each_change: whatever a line's change was, its
 * refund may have changed with it, and no list tells.
 */
CREATE OR REPLACE FUNCTION ordersync.unlinked(p_shop bigint, p_tid bigint, p_refunds bigint[], p_each_change boolean)
RETURNS TABLE (details_of text, id bigint, at timestamptz, refund_id bigint)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = on			-- also where a claim ends a run: see claim
SET jit = off
AS $function$
BEGIN
	IF p_tid IS NOT NULL THEN
		RETURN QUERY
		SELECT DISTINCT ON (r.id) 'after_sales', r.id, r.at, r.id
		FROM (
			SELECT s.refund_id AS id, s.modified AS at
			FROM ordersync.sub_orders s
			WHERE s.shop_id = p_shop
				AND s.tid = p_tid
			UNION ALL
			SELECT a.refund_id, a.modified
			FROM ordersync.after_sales a
			WHERE a.shop_id = p_shop
				AND a.tid = p_tid
				AND a.special_refund_type IS NULL
		) r
		WHERE r.id > 0;
		RETURN;
	END IF;

	RETURN QUERY
	SELECT 'after_sales', s.refund_id, s.modified, s.refund_id
	FROM ordersync.refunds_of_lines(p_shop, p_refunds) s
	LEFT JOIN ordersync.after_sales_of_refunds(p_shop, p_refunds) a ON a.refund_id = s.refund_id
	CROSS JOIN LATERAL (
		SELECT a.modified IS NULL
			OR p_each_change
			OR s.refund_status <> a.status
				AND s.refund_status <> 'NO_REFUND'
				AND s.modified > a.modified AS lacking
		OFFSET 0
	) c
	LEFT JOIN LATERAL (
		SELECT l.asked_at, l.served
		FROM ordersync.lookups l
		WHERE l.shop_id = p_shop
			AND l.stream = 'after_sales'
			AND l.record_id = s.refund_id
			AND c.lacking
		OFFSET 0
	) l ON true
	WHERE c.lacking
		AND (l.asked_at IS NULL
			OR l.asked_at < s.modified
			OR l.served AND a.modified IS NULL);	-- was there once: somebody deleted it

	RETURN QUERY
	WITH a AS MATERIALIZED (
		SELECT r.refund_id, r.tid, r.modified
		FROM ordersync.after_sales_of_refunds(p_shop, p_refunds) r
		WHERE r.tid > 0
	)
	SELECT 'orders', a.tid, a.modified, a.refund_id
	FROM a
	LEFT JOIN ordersync.find_rows('ordersync.orders', 'tid', p_shop, ARRAY(
		SELECT DISTINCT n.tid
		FROM a n)) o ON o.id = a.tid
	LEFT JOIN LATERAL (
		SELECT l.asked_at, l.served
		FROM ordersync.lookups l
		WHERE l.shop_id = p_shop
			AND l.stream = 'orders'
			AND l.record_id = a.tid
			AND o.id IS NULL
		OFFSET 0
	) l ON true
	WHERE o.id IS NULL
		AND (l.asked_at IS NULL
			OR l.asked_at < a.modified
			OR l.served);
END
$function$;
COMMENT ON FUNCTION ordersync.unlinked(bigint, bigint, bigint[], boolean) IS
	'refunds that a line refers to and that are missing or older than the line, and orders of after-sales that are not stored, with the modified and the refund of the referring record; of these refunds only, or of all';

/* Of a run of one order that order itself, whether a line shows a refund or not. */
CREATE OR REPLACE FUNCTION ordersync.orders_of_unlinked(
	p_shop bigint,
	p_tid bigint,
	p_kinds text[],
	p_ids bigint[],
	p_at timestamptz[],
	OUT kinds text[],
	OUT ids bigint[],
	OUT at timestamptz[])
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_refunds bigint[] := ARRAY(
		SELECT u.id
		FROM ROWS FROM (pg_catalog.unnest(p_kinds), pg_catalog.unnest(p_ids)) AS u (kind, id)
		WHERE u.kind = 'after_sales');
BEGIN
	SELECT pg_catalog.array_agg(w.kind), pg_catalog.array_agg(w.id), pg_catalog.array_agg(w.at)
	INTO kinds, ids, at
	FROM (
		SELECT u.kind, u.id, u.at
		FROM ROWS FROM (pg_catalog.unnest(p_kinds), pg_catalog.unnest(p_ids), pg_catalog.unnest(p_at)) AS u (kind, id, at)
		WHERE u.kind <> 'after_sales'
		UNION ALL
		SELECT 'refunds_of_orders', l.tid, pg_catalog.max(l.modified)
		FROM (
			SELECT s.tid, s.modified
			FROM ordersync.sub_orders s
			WHERE s.shop_id = p_shop
				AND s.refund_id = ANY (v_refunds)
				AND s.refund_id > 0
				AND p_tid IS NULL
			UNION ALL
			SELECT o.tid, o.modified
			FROM ordersync.orders o
			WHERE o.shop_id = p_shop
				AND o.tid = p_tid
		) l
		GROUP BY l.tid
	) w;
END
$function$;
COMMENT ON FUNCTION ordersync.orders_of_unlinked(bigint, bigint, text[], bigint[], timestamptz[]) IS
	'in place of after-sales that are to be fetched the orders whose after-sales are to be fetched';

/* The index of refunds has a predicate, which find_rows does not take; with the refunds known the planner cannot miss it. */
CREATE OR REPLACE FUNCTION ordersync.refunds_of_lines(p_shop bigint, p_refunds bigint[])
RETURNS TABLE (refund_id bigint, refund_status text, modified timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
BEGIN
	IF p_refunds IS NULL THEN
		RETURN QUERY
		SELECT s.refund_id, s.refund_status, s.modified
		FROM ordersync.sub_orders s
		WHERE s.shop_id = p_shop
			AND s.refund_id IS NOT NULL
			AND s.refund_id > 0;
	ELSE
		RETURN QUERY
		SELECT i.id, s.refund_status, s.modified
		FROM pg_catalog.unnest(p_refunds) i (id),
			LATERAL (
				SELECT s.refund_status, s.modified
				FROM ordersync.sub_orders s
				WHERE s.shop_id = p_shop
					AND s.refund_id = i.id
				OFFSET 0
			) s
		WHERE i.id > 0;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.refunds_of_lines(bigint, bigint[]) IS
	'refund_status and modified of the lines that refer to these refunds; NULL: of all of the shop';

CREATE OR REPLACE FUNCTION ordersync.after_sales_of_refunds(p_shop bigint, p_refunds bigint[])
RETURNS TABLE (refund_id bigint, tid bigint, status text, modified timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
BEGIN
	IF p_refunds IS NULL THEN
		RETURN QUERY
		SELECT a.refund_id, a.tid, a.status, a.modified
		FROM ordersync.after_sales a
		WHERE a.shop_id = p_shop;
	ELSE
		RETURN QUERY
		SELECT f.id, a.tid, a.status, a.modified
		FROM ordersync.find_rows('ordersync.after_sales', 'refund_id', p_shop, p_refunds) f
		CROSS JOIN LATERAL (
			SELECT a.tid, a.status, a.modified
			FROM ordersync.after_sales a
			WHERE a.ctid = f.row_ctid
			OFFSET 0
		) a;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.after_sales_of_refunds(bigint, bigint[]) IS
	'order, status and modified of these after-sales; NULL: of all of the shop';

CREATE OR REPLACE FUNCTION ordersync.has_failed_links(p_run bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM ordersync.sync_tasks t
		WHERE t.run_id = p_run
			AND t.stream = 'details'
			AND t.reason = 'link'
			AND (t.state = 'failed' OR t.outcome = 'unserved'));
END
$function$;
COMMENT ON FUNCTION ordersync.has_failed_links(bigint) IS
	'whether a run could not fetch all that its link check asked for';

/*
 * What was covered when nothing was left to fetch, as far as the lines are
 * known: by modified, and up to the first full run by that.  Not after a fetch
 * that failed.
 */
CREATE OR REPLACE FUNCTION ordersync.close_links(p_run bigint, p_shop bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.coverage AS c (shop_id, stream, basis, ranges)
	SELECT m.shop_id, m.stream, 'arrival', m.ranges * l.ranges
	FROM ordersync.coverage m
	CROSS JOIN LATERAL (
		SELECT COALESCE(pg_catalog.range_agg(r.range), '{}') AS ranges
		FROM (
			SELECT pg_catalog.unnest(o.ranges) AS range
			FROM ordersync.coverage o
			WHERE o.shop_id = p_shop
				AND o.stream = 'orders'
				AND o.basis = 'modified'
			UNION ALL
			SELECT tstzrange(pg_catalog.lower(o.ranges), GREATEST(pg_catalog.lower(o.ranges), s.first_full_at))
			FROM ordersync.coverage o
			JOIN ordersync.shops s ON s.shop_id = o.shop_id
			WHERE o.shop_id = p_shop
				AND o.stream = 'orders'
				AND o.basis = 'created'
		) r
	) l
	WHERE m.shop_id = p_shop
		AND m.stream = 'after_sales'
		AND m.basis = 'modified'
		AND NOT ordersync.has_failed_links(p_run)
	ON CONFLICT (shop_id, stream, basis) DO UPDATE
	SET ranges = c.ranges + excluded.ranges,
		updated_at = now()
	WHERE NOT excluded.ranges <@ c.ranges;
END
$function$;
COMMENT ON FUNCTION ordersync.close_links(bigint, bigint) IS
	'records that the covered after-sales of a shop were checked against its lines';

/*
 * Where no list has after-sales by time, what was read of the orders was read of
 * their after-sales too: each order of it whose lines show a refund was asked for
 * them.  Nothing counts them, so its days are unproven.
 */
CREATE OR REPLACE FUNCTION ordersync.close_after_sales_by_order(p_run bigint, p_shop bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_ranges tstzmultirange;
BEGIN
	SELECT o.ranges - COALESCE(a.ranges, '{}') INTO v_ranges
	FROM ordersync.coverage o
	LEFT JOIN ordersync.coverage a ON a.shop_id = o.shop_id
		AND a.stream = 'after_sales'
		AND a.basis = o.basis
	WHERE o.shop_id = p_shop
		AND o.stream = 'orders'
		AND o.basis = 'modified'
		AND NOT ordersync.has_failed_links(p_run);
	IF COALESCE(v_ranges, '{}') = '{}' THEN
		RETURN;
	END IF;
	INSERT INTO ordersync.coverage AS c (shop_id, stream, basis, ranges)
	VALUES (p_shop, 'after_sales', 'modified', v_ranges)
	ON CONFLICT (shop_id, stream, basis) DO UPDATE
	SET ranges = c.ranges + excluded.ranges,
		updated_at = now();
	INSERT INTO ordersync.window_counts AS w (shop_id, stream, basis, range, seen, verdict, run_id, began_at, closed_at)
	SELECT p_shop, 'after_sales', 'modified', tstzrange(d.since, d.until), n.seen, 'unproven', p_run,
		pg_catalog.clock_timestamp() + ordersync.clock_offset(p_shop), pg_catalog.clock_timestamp()
	FROM ordersync.cut_windows(v_ranges, 'infinity', interval '1 day') d
	CROSS JOIN LATERAL (
		SELECT pg_catalog.count(*) AS seen
		FROM ordersync.after_sales a
		WHERE a.shop_id = p_shop
			AND a.modified >= d.since
			AND a.modified < d.until
	) n
	ON CONFLICT (shop_id, stream, basis, range) DO UPDATE
	SET seen = excluded.seen,
		verdict = excluded.verdict,
		run_id = excluded.run_id,
		began_at = excluded.began_at,
		closed_at = excluded.closed_at;
END
$function$;
COMMENT ON FUNCTION ordersync.close_after_sales_by_order(bigint, bigint) IS
	'records that after-sales were fetched order by order as far as the orders of a shop were read; such days are unproven';
