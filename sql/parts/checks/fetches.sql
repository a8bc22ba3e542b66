/*
 * Records fetched one by one: tasks of stream details, each with its ids.
 *
 * Why a record is fetched stands in the task's reason: details (the shop's
 * option), order (somebody asked for it), arrival (it became visible late),
 * link (another record refers to it), aging (its platform will soon not list it
 * any more), open (it does not, and the order's end was not seen).  Where an id
 * stands in the task is its cursor, walk says how many are done; its since and until are
 * where by modified the records are known or thought to be, so that one that
 * cannot be stored shows in its days.
 */
CREATE OR REPLACE FUNCTION ordersync.add_fetches(
	p_run bigint,
	p_shop bigint,
	p_details_of text,
	p_ids bigint[],
	p_range tstzrange,
	p_reason text)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_tasks integer;
BEGIN
	-- so many that claiming them costs little, so few that they go side by side
	INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, details_of, ids, since, until, reason)
	SELECT p_run, p_shop, 'details', 'modified', p_details_of, pg_catalog.array_agg(i.id ORDER BY i.n),
		pg_catalog.lower(p_range), pg_catalog.upper(p_range) + interval '1 second', p_reason
	FROM pg_catalog.unnest(p_ids) WITH ORDINALITY i (id, n)
	GROUP BY (i.n - 1) / 25
	ORDER BY (i.n - 1) / 25;
	GET DIAGNOSTICS v_tasks = ROW_COUNT;
	IF v_tasks > 0 THEN
		PERFORM ordersync.wake();
	END IF;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.add_fetches(bigint, bigint, text, bigint[], tstzrange, text) IS
	'creates tasks that fetch these records by id and returns how many; the caller counts them';

/*
 * What a stored page brings beyond its rows: with the shop's option details =>
 * 'changed' tasks for what is to be fetched whole, and, where a check had it
 * read, the repairs.  Called by the worker where claim says follow_up.
 */
CREATE OR REPLACE FUNCTION ordersync.queue_follow_ups(p_task bigint, p_ids bigint[])
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v record;
	v_stream text;
	v_repaired bigint[];
BEGIN
	SELECT t.shop_id, t.run_id, t.stream, t.reason, tstzrange(t.since, t.until) AS range,
		s.options ->> 'details' = 'changed' AND NOT t.history
			AND ordersync.is_served(ordersync.unserved(t.shop_id), ordersync.list_name('details', NULL, NULL, t.stream), ordersync.platform_now(t.shop_id))
			AS details
	INTO v
	FROM ordersync.sync_tasks t
	JOIN ordersync.shops s ON s.shop_id = t.shop_id
	WHERE t.task_id = p_task;
	v_stream := CASE v.stream WHEN 'orders' THEN 'orders' ELSE 'after_sales' END;

	IF v.reason IN ('arrival', 'verify') THEN
		v_repaired := ordersync.changed_in_this_xact(v.shop_id, v_stream, p_ids);
		IF v_repaired IS NOT NULL THEN
			PERFORM ordersync.note_repairs(v.shop_id, v_stream, v_repaired, v.reason, v.run_id, p_task);
		END IF;
	END IF;
	IF v.details AND v.stream IN ('orders', 'after_sales') THEN
		RETURN ordersync.queue_details(v.shop_id, v.run_id, v.stream, p_ids, v.range);
	END IF;
	RETURN 0;
END
$function$;
COMMENT ON FUNCTION ordersync.queue_follow_ups(bigint, bigint[]) IS
	'notes what a stored page repaired and makes tasks for the details it asks for; returns how many tasks';

CREATE OR REPLACE FUNCTION ordersync.changed_in_this_xact(p_shop bigint, p_stream text, p_ids bigint[])
RETURNS bigint[]
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET enable_seqscan = off
AS $function$
	SELECT pg_catalog.array_agg(DISTINCT w.id)
	FROM (
		SELECT p.tid AS id, p.xmin AS written_by
		FROM ordersync.order_payloads p
		WHERE p_stream = 'orders'
			AND p.shop_id = p_shop
			AND p.tid = ANY (p_ids)
		UNION ALL
		-- rows that were gone are written without their payload
		SELECT o.tid, o.xmin
		FROM ordersync.orders o
		WHERE p_stream = 'orders'
			AND o.shop_id = p_shop
			AND o.tid = ANY (p_ids)
		UNION ALL
		SELECT s.tid, s.xmin
		FROM ordersync.sub_orders s
		WHERE p_stream = 'orders'
			AND s.shop_id = p_shop
			AND s.tid = ANY (p_ids)
		UNION ALL
		SELECT p.refund_id, p.xmin
		FROM ordersync.after_sale_payloads p
		WHERE p_stream <> 'orders'
			AND p.shop_id = p_shop
			AND p.refund_id = ANY (p_ids)
		UNION ALL
		SELECT a.refund_id, a.xmin
		FROM ordersync.after_sales a
		WHERE p_stream <> 'orders'
			AND a.shop_id = p_shop
			AND a.refund_id = ANY (p_ids)
	) w
	WHERE ordersync.is_own_xid(w.written_by)
$function$;
COMMENT ON FUNCTION ordersync.changed_in_this_xact(bigint, text, bigint[]) IS
	'the records that this transaction stored or changed; NULL if there are none';

/*
 * The shop's option details => 'changed': a record of which no details were
 * merged at its present modified, and none were asked for in vain since, is new
 * or has changed.
 */
CREATE OR REPLACE FUNCTION ordersync.queue_details(
	p_shop bigint,
	p_run bigint,
	p_stream text,
	p_ids bigint[],
	p_range tstzrange)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
	v_ids bigint[];
BEGIN
	IF p_stream = 'orders' THEN
		SELECT pg_catalog.array_agg(p.tid)
		INTO v_ids
		FROM pg_catalog.unnest(p_ids) i (id),
			LATERAL (
				SELECT p.tid
				FROM ordersync.order_payloads p
				WHERE p.shop_id = p_shop
					AND p.tid = i.id
					AND p.sources & 8 = 0
					AND NOT EXISTS (
						SELECT
						FROM ordersync.lookups l
						WHERE l.shop_id = p_shop
							AND l.stream = 'orders'
							AND l.record_id = i.id
							AND l.asked_at >= p.modified)
				OFFSET 0
			) p;
	ELSE
		SELECT pg_catalog.array_agg(p.refund_id)
		INTO v_ids
		FROM pg_catalog.unnest(p_ids) i (id),
			LATERAL (
				SELECT p.refund_id
				FROM ordersync.after_sale_payloads p
				WHERE p.shop_id = p_shop
					AND p.refund_id = i.id
					AND p.sources & 4 = 0
					AND NOT EXISTS (
						SELECT
						FROM ordersync.lookups l
						WHERE l.shop_id = p_shop
							AND l.stream = 'after_sales'
							AND l.record_id = i.id
							AND l.asked_at >= p.modified)
				OFFSET 0
			) p;
	END IF;
	IF v_ids IS NULL THEN
		RETURN 0;
	END IF;
	RETURN ordersync.add_fetches(p_run, p_shop, p_stream, v_ids, p_range, 'details');
END
$function$;
COMMENT ON FUNCTION ordersync.queue_details(bigint, bigint, text, bigint[], tstzrange) IS
	'creates tasks that fetch a page''s records whole if their present version was not; returns how many tasks';

/* Who asks for an order's after-sales has asked for each that its lines name. */
CREATE OR REPLACE FUNCTION ordersync.note_refunds_of_order(p_task record, p_tid bigint, p_message text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
	PERFORM ordersync.note_lookup(p_task.shop_id, 'after_sales', r.id, r.stored,
		CASE WHEN NOT r.stored THEN COALESCE(p_message, 'it is not among the after-sales of its order') END,
		p_task.run_id, p_task.began_at)
	FROM (
		SELECT s.refund_id AS id, pg_catalog.bool_or(a.refund_id IS NOT NULL) AS stored
		FROM ordersync.sub_orders s
		LEFT JOIN ordersync.after_sales a ON a.shop_id = s.shop_id
			AND a.refund_id = s.refund_id
		WHERE s.shop_id = p_task.shop_id
			AND s.tid = p_tid
			AND s.refund_id > 0
		GROUP BY s.refund_id
	) r;
END
$function$;
COMMENT ON FUNCTION ordersync.note_refunds_of_order(record, bigint, text) IS
	'remembers that the after-sales that an order''s lines name were asked for, by their order';

/*
 * What a fetch by id came to, in the transaction that stores the record, or
 * puts it into quarantine.  That it was asked for is remembered, so that it is
 * not asked for again before what led to it changes; one that a check missed
 * and that did change something is a repair.
 */
CREATE OR REPLACE FUNCTION ordersync.note_fetched(p_task bigint, p_id bigint, p_stored boolean, p_changed boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v ordersync.sync_tasks;
BEGIN
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task;

	-- details that changed something are remembered in the record's sources
	IF v.reason <> 'details' OR NOT p_changed THEN
		PERFORM ordersync.note_lookup(v.shop_id, CASE v.reason WHEN 'open' THEN 'history' ELSE v.details_of END, p_id, p_stored,
			CASE WHEN NOT p_stored THEN 'it is in quarantine' END, v.run_id, v.began_at);
	END IF;
	IF v.details_of = 'refunds_of_orders' THEN
		PERFORM ordersync.note_refunds_of_order(v, p_id, NULL);
		RETURN;
	END IF;
	IF v.details_of = 'orders' AND v.reason <> 'details' THEN
		PERFORM ordersync.record_unlisted_type(v.shop_id, p_id, v.run_id, v.task_id);
	END IF;
	IF p_changed AND v.reason IN ('arrival', 'link', 'verify') THEN
		PERFORM ordersync.note_repairs(v.shop_id, v.details_of, ARRAY[p_id], v.reason, v.run_id, v.task_id);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_fetched(bigint, bigint, boolean, boolean) IS
	'remembers that a record was fetched by id, and counts the repair where it was one';

CREATE OR REPLACE FUNCTION ordersync.note_not_served(p_task bigint, p_id bigint, p_message text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v ordersync.sync_tasks;
BEGIN
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task;
	PERFORM ordersync.note_lookup(v.shop_id, CASE v.reason WHEN 'open' THEN 'history' ELSE v.details_of END, p_id, false,
		p_message, v.run_id, v.began_at);

	IF v.details_of = 'refunds_of_orders' THEN
		PERFORM ordersync.note_refunds_of_order(v, p_id, p_message);
	ELSIF v.details_of = 'orders' THEN
		UPDATE ordersync.orders o
		SET platform_state = n.state,
			synced_at = pg_catalog.now()
		FROM (
			SELECT w.tid, CASE
				WHEN w.created <= ordersync.horizon(ordersync.platform_now(v.shop_id)) + ordersync.horizon_margin() THEN 'archived'
				ELSE 'missing'
			END AS state
			FROM ordersync.orders w
			WHERE w.shop_id = v.shop_id
				AND w.tid = p_id
		) n
		WHERE o.shop_id = v.shop_id
			AND o.tid = n.tid
			AND o.platform_state IS DISTINCT FROM n.state;
		IF FOUND THEN
			PERFORM ordersync.announce_records('order', v.shop_id, ARRAY[p_id]);
		END IF;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_not_served(bigint, bigint, text) IS
	'remembers that the platform does not serve a record by id; a stored order becomes archived, or missing where it is younger than the lists reach';

CREATE OR REPLACE FUNCTION ordersync.note_lookup(
	p_shop bigint,
	p_stream text,
	p_id bigint,
	p_served boolean,
	p_message text,
	p_run bigint,
	p_began_at timestamptz)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.lookups AS l (shop_id, stream, record_id, served, message, asked_at, run_id)
	SELECT p_shop, p_stream, p_id, p_served, p_message,
		COALESCE(p_began_at, pg_catalog.clock_timestamp()) + ordersync.clock_offset(p_shop),
		p_run
	ON CONFLICT (shop_id, stream, record_id) DO UPDATE
	SET served = excluded.served,
		message = excluded.message,
		asked_at = excluded.asked_at,
		run_id = excluded.run_id
$function$;
COMMENT ON FUNCTION ordersync.note_lookup(bigint, text, bigint, boolean, text, bigint, timestamptz) IS
	'records the result of fetching a record by id, and the time from which it is valid';

CREATE OR REPLACE FUNCTION ordersync.note_repairs(
	p_shop bigint,
	p_stream text,
	p_ids bigint[],
	p_reason text,
	p_run bigint,
	p_task bigint)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.repairs (shop_id, stream, record_id, reason, modified, created, run_id, task_id)
	SELECT p_shop, p_stream, i.id, p_reason, r.modified, r.created, p_run, p_task
	FROM pg_catalog.unnest(p_ids) i (id)
	LEFT JOIN LATERAL (
		SELECT o.modified, o.created
		FROM ordersync.orders o
		WHERE p_stream = 'orders'
			AND o.shop_id = p_shop
			AND o.tid = i.id
		UNION ALL
		SELECT a.modified, a.created
		FROM ordersync.after_sales a
		WHERE p_stream <> 'orders'
			AND a.shop_id = p_shop
			AND a.refund_id = i.id
	) r ON true
$function$;
COMMENT ON FUNCTION ordersync.note_repairs(bigint, text, bigint[], text, bigint, bigint) IS
	'counts and logs records that were added or updated because of a check';

CREATE OR REPLACE FUNCTION ordersync.not_served_message(p_run bigint, p_shop bigint, p_tid bigint)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT CASE
			WHEN ordersync.is_refused(p_shop, 'orders', p_tid, '-infinity')
				THEN pg_catalog.format('the database refuses order %s: see ordersync.quarantine', p_tid)
			ELSE pg_catalog.format('the platform does not serve order %s by its id: %s', p_tid, l.message)
		END
	FROM ordersync.lookups l
	WHERE l.shop_id = p_shop
		AND l.stream = 'orders'
		AND l.record_id = p_tid
		AND l.run_id = p_run
		AND NOT l.served
$function$;
COMMENT ON FUNCTION ordersync.not_served_message(bigint, bigint, bigint) IS
	'the message of a run of one order that the platform has archived or the database refuses';
