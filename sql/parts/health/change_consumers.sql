/*
 * The consumers of the change feed: does each read?
 */
CREATE OR REPLACE FUNCTION ordersync.check_health_consumers()
RETURNS TABLE (check_name text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
BEGIN
	SELECT count(*) AS n,
		count(*) FILTER (WHERE c.behind) AS n_behind,
		(array_agg(c.consumer ORDER BY c.behind DESC, c.lag_seconds DESC, c.consumer))[1] AS last,
		(array_agg(c.lag_seconds ORDER BY c.behind DESC, c.lag_seconds DESC, c.consumer))[1] AS lag,
		string_agg(quote_ident(c.consumer), ', ' ORDER BY c.consumer) FILTER (WHERE c.reads = 'lost') AS lost
	INTO v
	FROM (
		SELECT k.*, k.lag_seconds > 86400 OR k.reads = 'lost' AS behind
		FROM ordersync.consumers k
	) c;
	check_name := 'change feed';
	ok := v.n_behind = 0;
	detail := CASE
		WHEN v.n = 0 THEN 'nobody reads it'
		ELSE concat_ws('; ',
			format('consumers: %s, of which more than a day behind or without all changes: %s', v.n, v.n_behind),
			CASE WHEN NOT ok THEN format('the last is %I, by %s', v.last, justify_interval(make_interval(secs => round(v.lag)::double precision))) END,
			'lost changes that they had not read: ' || v.lost)
	END;
	hint := CASE WHEN NOT ok THEN
		format(E'See what keeps its program from reading: SELECT * FROM ordersync.consumers;\nIf nobody needs it any more: SELECT ordersync_changes_drop(%L);', v.last) END;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION ordersync.check_health_consumers() IS
	'whether each consumer of the change feed reads it; a part of ordersync_doctor()';
