/*
 * Taking tasks back from the workers that have them, while calls are in flight.
 *
 * A task without its token is fenced: its worker can store no page of it any more.
 * What was stored stays, and so does the walk; the attempt is not charged.
 */
CREATE OR REPLACE FUNCTION ordersync.release_tasks(p_shop bigint)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT ordersync.requeue_task(l.task_id, NULL, NULL)
	FROM (
		SELECT t.task_id
		FROM ordersync.sync_tasks t
		WHERE t.shop_id = p_shop
			AND t.state = 'running'
		ORDER BY t.task_id
		FOR UPDATE
	) l
$function$;
COMMENT ON FUNCTION ordersync.release_tasks(bigint) IS
	'queues the tasks of a shop that are being read again, without counting the attempt; they go on where they stood';

/*
 * A claim that looked before a pause has committed may have claimed behind it: these
 * tasks are given back here.  A row that somebody holds is being cancelled or paused
 * by a transaction that will mark this worker once more.
 *
 * After a pause and a resume at once a worker may have a task twice, by two tokens, of
 * which one is good: so it is told by place, not by task, what it has lost.
 */
CREATE OR REPLACE FUNCTION ordersync.recall_tasks(p_tasks bigint[], p_tokens bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $function$
BEGIN
	PERFORM ordersync.requeue_task(l.task_id, NULL, NULL)
	FROM ROWS FROM (pg_catalog.unnest(p_tasks), pg_catalog.unnest(p_tokens)) AS h (task, token)
	CROSS JOIN LATERAL (
		-- by LIKE, so that no other index than the key's serves
		SELECT t.shop_id
		FROM ordersync.sync_tasks t
		WHERE t.task_id = h.task
			AND t.token = h.token
			AND t.state LIKE 'running'
		OFFSET 0
	) t
	CROSS JOIN LATERAL (
		SELECT
		FROM ordersync.shops s
		WHERE s.shop_id = t.shop_id
			AND NOT s.enabled
		OFFSET 0
	) s
	CROSS JOIN LATERAL (
		SELECT l.task_id
		FROM ordersync.sync_tasks l
		WHERE l.task_id = h.task
			AND l.token = h.token
			AND l.state LIKE 'running'
		FOR UPDATE SKIP LOCKED
	) l;
	RETURN ARRAY(
		SELECT h.place
		FROM ROWS FROM (pg_catalog.unnest(p_tasks), pg_catalog.unnest(p_tokens)) WITH ORDINALITY AS h (task, token, place)
		LEFT JOIN LATERAL (
			SELECT true AS held
			FROM ordersync.sync_tasks t
			WHERE t.task_id = h.task
				AND t.token = h.token
				AND t.state LIKE 'running'
			OFFSET 0
		) t ON true
		WHERE t.held IS NULL);
END
$function$;
COMMENT ON FUNCTION ordersync.recall_tasks(bigint[], bigint[]) IS
	'which of the claims that a worker has are no longer good, by their places in the arrays; those of paused shops are given back first';
