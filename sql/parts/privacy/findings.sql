/*
 * Fields in no list whose names say that they are personal.
 *
 * Written by a worker when it first meets one of a shop, and again when the number of
 * records that it has met has doubled.
 */
CREATE OR REPLACE FUNCTION ordersync.note_privacy_findings(p_shop bigint, p_paths text[], p_records bigint[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
	INSERT INTO ordersync.privacy_findings AS f (shop_id, path, records)
	SELECT p_shop, n.path, n.records
	FROM ROWS FROM (pg_catalog.unnest(p_paths), pg_catalog.unnest(p_records)) AS n (path, records)
	ORDER BY n.path
	ON CONFLICT (shop_id, path) DO UPDATE
	SET last_seen = pg_catalog.now(),
		records = f.records + excluded.records
$function$;
COMMENT ON FUNCTION ordersync.note_privacy_findings(bigint, text[], bigint[]) IS
	'notes members that were dropped for the words of their names, with how many more records had them';
