/*
 * Tokens: who holds a task.
 */
CREATE OR REPLACE FUNCTION ordersync.new_token()
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.hashtextextended(pg_catalog.gen_random_uuid()::text, 0)
$function$;
COMMENT ON FUNCTION ordersync.new_token() IS
	'a random number that fences a claim';

/* One at a time and in one order, as a run is cancelled: two transactions never wait for each other. */
CREATE OR REPLACE FUNCTION ordersync.lock_tasks(p_tasks bigint[], p_tokens bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
	v pg_catalog.record;
BEGIN
	FOR v IN
		SELECT h.task, h.token
		FROM ROWS FROM (pg_catalog.unnest(p_tasks), pg_catalog.unnest(p_tokens)) AS h (task, token)
		ORDER BY h.task
	LOOP
		-- by LIKE, so that no other index than the key's serves
		PERFORM
		FROM ordersync.sync_tasks t
		WHERE t.task_id = v.task
			AND t.token = v.token
			AND t.state LIKE 'running'
		FOR NO KEY UPDATE;
		IF NOT FOUND THEN
			PERFORM ordersync.raise_lost_task(v.task);
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_tasks(bigint[], bigint[]) IS
	'locks the tasks that are settled in this transaction; raises an error if one of them is no longer owned by the worker';

CREATE OR REPLACE FUNCTION ordersync.raise_lost_task(p_task bigint)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'OS001',
		MESSAGE = pg_catalog.format('task %s is no longer owned by this worker', p_task),
		DETAIL = 'It was cancelled or given to another worker.';
END
$function$;
COMMENT ON FUNCTION ordersync.raise_lost_task(bigint) IS
	'raises the error that fences a worker which has lost its task';
