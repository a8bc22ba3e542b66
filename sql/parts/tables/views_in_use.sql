/*
 * Views that somebody reads while they are to be replaced.
 */
/* Called where a lock was not to be had: the lock is given up by then, and those behind it go on. */
CREATE OR REPLACE FUNCTION ordersync.raise_views_in_use(p_views text[])
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_key bigint := ordersync.lock_key('set_up');
	v_who text;
	v_first integer;
BEGIN
	SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(' ', 'process', l.pid::text,
			'of "' || a.usename || '"', '(' || NULLIF(a.application_name, '') || ')'), ', '),
		pg_catalog.min(l.pid)
	INTO v_who, v_first
	FROM pg_catalog.pg_locks l
	LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
	WHERE l.granted
		AND l.pid <> pg_catalog.pg_backend_pid()
		AND l.database = (
			SELECT d.oid
			FROM pg_catalog.pg_database d
			WHERE d.datname = pg_catalog.current_database())
		AND (l.relation IN (
				SELECT pg_catalog.to_regclass(pg_catalog.format('ordersync.%I', v.name))
				FROM pg_catalog.unnest(p_views) v (name))
			OR l.locktype = 'advisory'
				AND l.objsubid = 1
				AND (l.classid::bigint << 32) | l.objid::bigint = v_key);
	RAISE EXCEPTION USING
		ERRCODE = 'lock_not_available',
		MESSAGE = CASE pg_catalog.cardinality(p_views)
			WHEN 1 THEN pg_catalog.format('ordersync.%s is in use and cannot be changed', p_views[1])
			ELSE 'a view of ordersync is in use and cannot be changed'
		END,
		DETAIL = COALESCE('In an open transaction it was read, or is changed, by ' || v_who || '.',
			'The session that used it has finished.'),
		HINT = COALESCE(pg_catalog.format('Try again when that transaction has ended, or end it: SELECT pg_terminate_backend(%s).', v_first),
			'Try again.');
END
$function$;
COMMENT ON FUNCTION ordersync.raise_views_in_use(text[]) IS
	'raises the error for views that are in use, naming the sessions';
