/*
 * Lists that a shop turns out not to be served, or to be served again.
 */
/* The run's other windows of that list would each be refused as well. */
CREATE OR REPLACE FUNCTION ordersync.mark_list_refused(p_task bigint, p_message text, OUT ended integer, OUT held integer)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v ordersync.sync_tasks;
	v_list text;
BEGIN
	SELECT t.* INTO v
	FROM ordersync.sync_tasks t
	WHERE t.task_id = p_task;
	v_list := ordersync.list_name(v.stream, v.basis, v.ext_type, v.details_of, v.reason);

	WITH done AS (
		UPDATE ordersync.sync_tasks t
		SET state = 'succeeded',
			outcome = 'unserved',
			finished_at = pg_catalog.clock_timestamp()
		FROM (
			SELECT o.task_id
			FROM ordersync.sync_tasks o
			WHERE o.run_id = v.run_id
				AND o.state = 'pending'
				AND ordersync.list_name(o.stream, o.basis, o.ext_type, o.details_of, o.reason) = v_list
			ORDER BY o.task_id
			FOR UPDATE SKIP LOCKED
		) o
		WHERE t.task_id = o.task_id
		RETURNING t.held
	)
	SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE d.held)
	INTO ended, held
	FROM done d;

	UPDATE ordersync.shops s
	SET unserved = s.unserved || pg_catalog.jsonb_build_object(v_list, pg_catalog.jsonb_build_object(
		'at', ordersync.platform_now(v.shop_id), 'message', p_message))
	WHERE s.shop_id = v.shop_id;
END
$function$;
COMMENT ON FUNCTION ordersync.mark_list_refused(bigint, text) IS
	'records that the platform refuses an optional list to the shop, and ends the list''s waiting windows of the run; returns how many, and how many of these were held';

CREATE OR REPLACE FUNCTION ordersync.mark_list_served(p_shop bigint, p_list text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.shops s
	SET unserved = s.unserved - p_list
	WHERE s.shop_id = p_shop
		AND s.unserved ? p_list
$function$;
COMMENT ON FUNCTION ordersync.mark_list_served(bigint, text) IS
	'a list that was refused to the shop has been read: it is served now';
