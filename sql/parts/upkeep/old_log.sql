/*
 * Days of the request log that are over for as long as they are kept.
 *
 * A day is dropped with its partition, for which nobody may use the log for a
 * moment.  Whoever asks for that lock makes all calls wait behind it, so it is
 * given up after 50 ms: with somebody reading the log for an hour, calls wait for
 * that long at each try, and it is tried again after ten seconds, then twenty, up
 * to ten minutes (ordersync.clean_up).  DETACH ... CONCURRENTLY would wait for
 * readers without making others wait, but neither in a transaction block nor where
 * there is a default partition.
 */
CREATE OR REPLACE FUNCTION ordersync.drop_log_partition(p_before timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '50ms'
AS $function$
DECLARE
	v record;
	v_message text;
BEGIN
	FOR v IN
		SELECT p.name, p.rows
		FROM ordersync.log_partitions() p
		WHERE p.until <= p_before
		ORDER BY p.until
	LOOP
		BEGIN
			EXECUTE pg_catalog.format('DROP TABLE ordersync.%I', v.name);
			RETURN GREATEST(v.rows, 1);
		EXCEPTION
			WHEN dependent_objects_still_exist THEN
				v_message := COALESCE(v_message, SQLERRM);	-- a view of somebody's: the other days go
		END;
	END LOOP;
	IF v_message IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = v_message;
	END IF;
	RETURN 0;
END
$function$;
COMMENT ON FUNCTION ordersync.drop_log_partition(timestamptz) IS
	'drops the oldest partition of the request log if all of it is from before a time; about how many rows, 0 for none';

CREATE OR REPLACE FUNCTION ordersync.log_partitions()
RETURNS TABLE (name text, since timestamptz, until timestamptz, rows bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET datestyle = 'ISO'			-- bounds are read as text
SET timezone = 'Asia/Shanghai'
AS $function$
	SELECT c.relname::text,
		(pg_catalog.regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
		(pg_catalog.regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz,
		c.reltuples::bigint
	FROM pg_catalog.pg_inherits i
	JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
	CROSS JOIN LATERAL (
		SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound
	) b
	WHERE i.inhparent = pg_catalog.to_regclass('ordersync.request_log')
		AND c.relnamespace = 'ordersync'::pg_catalog.regnamespace
		AND b.bound <> 'DEFAULT'
$function$;
COMMENT ON FUNCTION ordersync.log_partitions() IS
	'the days of the request log: their partitions, but for the default one';

/* Rows that came while their day had no partition. */
CREATE OR REPLACE FUNCTION ordersync.remove_unsorted_log(p_before timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_rows bigint;
BEGIN
	DELETE FROM ordersync.request_log_rest l
	WHERE l.ctid = ANY (ARRAY(
		SELECT o.ctid
		FROM ordersync.request_log_rest o
		WHERE o.logged_at < p_before
		LIMIT 5000));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION ordersync.remove_unsorted_log(timestamptz) IS
	'removes up to five thousand rows from before a time from the request log''s default partition; how many';
