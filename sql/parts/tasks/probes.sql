/*
 * Probes: of a gateway whose calls are stopped one task is handed out when the
 * next call is due (shops/stops.sql).
 *
 * Of the lists and shops that wait one by chance, and of that a task that was not
 * tried yet, where there is one: a window, a list or a shop that is never answered
 * would say of its gateway what is true of itself only.  The row of the gateway,
 * locked, decides between two claims; so that the probe may hang, and its worker
 * end, the next one is due ten seconds later whatever becomes of it.
 *
 * Called by a claim, with whose settings its statements are planned.
 */
CREATE OR REPLACE FUNCTION ordersync.probe_tasks(p_max integer)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_gateway record;
	v_stop record;
	v_task bigint;
	v_tasks bigint[] := '{}';
BEGIN
	FOR v_gateway IN
		SELECT g.name, g.stops
		FROM ordersync.gateways g
		WHERE ordersync.is_probe_due(g.next_probe_at, v_now)
		FOR NO KEY UPDATE SKIP LOCKED
	LOOP
		FOR v_stop IN
			SELECT s.key, s.value || pg_catalog.jsonb_build_object('gateway', v_gateway.name, 'name', s.key) AS stop
			FROM pg_catalog.jsonb_each(v_gateway.stops) s
			WHERE ordersync.is_probe_due((s.value ->> 'probe_at')::timestamptz, v_now)
			ORDER BY s.key
		LOOP
			EXIT WHEN pg_catalog.cardinality(v_tasks) >= p_max;
			-- a shop that was removed, or has another gateway, answers for nothing here
			IF v_stop.stop ? 'shop' AND NOT EXISTS (
					SELECT
					FROM ordersync.shops s
					WHERE s.shop_id = (v_stop.stop ->> 'shop')::bigint
						AND s.gateway = v_gateway.name) THEN
				v_gateway.stops := v_gateway.stops - v_stop.key;
				PERFORM ordersync.set_stops(v_gateway.name, v_gateway.stops);
				CONTINUE;
			END IF;
			v_task := ordersync.probe_task(v_stop.stop, v_now);
			CONTINUE WHEN v_task IS NULL OR v_task = ANY (v_tasks);
			v_tasks := v_tasks || v_task;
			v_gateway.stops := pg_catalog.jsonb_set(v_gateway.stops, ARRAY[v_stop.key, 'probe_at'],
				pg_catalog.to_jsonb(v_now + interval '10 seconds'));
			PERFORM ordersync.set_stops(v_gateway.name, v_gateway.stops);
		END LOOP;
	END LOOP;
	RETURN v_tasks;
END
$function$;
COMMENT ON FUNCTION ordersync.probe_tasks(integer) IS
	'the tasks, locked, at most so many, by which gateways whose calls are stopped are tried now; the next are due ten seconds later';

CREATE OR REPLACE FUNCTION ordersync.probe_task(p_stop jsonb, p_now timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_lot double precision := pg_catalog.random();
	v_task bigint;
BEGIN
	SELECT c.task_id INTO v_task
	FROM (
		SELECT DISTINCT ON (t.shop_id, t.stream, t.basis, t.history, t.details_of) t.task_id
		FROM (
			SELECT r.shop_id, w.unchecked, w.tasks
			FROM ordersync.runs_in_turn(0, 3, v_lot) r
			CROSS JOIN LATERAL ordersync.due_tasks(r.run_id, r.shop_id, r.kind, r.holds, 1000, '{}', p_now, p_stop) w
			WHERE r.state LIKE ANY (ARRAY['pending', 'running'])
			LIMIT 8
		) d
		CROSS JOIN LATERAL pg_catalog.unnest(d.tasks) u (task_id)
		CROSS JOIN LATERAL (
			SELECT t.*
			FROM ordersync.sync_tasks t
			WHERE t.task_id = u.task_id
			OFFSET 0
		) t
		WHERE NOT d.unchecked OR NOT EXISTS (
			SELECT
			FROM ordersync.sync_tasks k
			WHERE k.shop_id = d.shop_id
				AND k.state = 'running')
		ORDER BY t.shop_id, t.stream, t.basis, t.history, t.details_of, t.error_class IS NOT NULL, t.attempt, pg_catalog.random()
	) c
	ORDER BY pg_catalog.random()
	LIMIT 1;
	RETURN (
		SELECT l.task_id
		FROM ordersync.sync_tasks l
		WHERE l.task_id = v_task
			AND l.state LIKE 'pending'
		FOR UPDATE SKIP LOCKED);
END
$function$;
COMMENT ON FUNCTION ordersync.probe_task(jsonb, timestamptz) IS
	'a due task, locked, whose call falls under the stop, one that has not failed yet where there is one; NULL: none';
