/*
 * Views whose columns are others in this version.
 *
 * CREATE OR REPLACE VIEW takes new columns at the end and no other change of
 * them.  Where it refuses, all of our views are made anew and keep the rights
 * that they gave; but for the reports, which see to themselves.  A user's view
 * that stands on one of them is named by the error.
 */
CREATE OR REPLACE FUNCTION ordersync.renew_views()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
DECLARE
	v_views text[] := ordersync.renewed_views();
	v_kept text[];
	v_statement text;
	v_detail text;
BEGIN
	BEGIN
		PERFORM ordersync.set_up_views();
		RETURN;
	EXCEPTION
		WHEN invalid_table_definition THEN
			NULL;
	END;

	v_kept := ARRAY(
		SELECT k.statement
		FROM pg_catalog.unnest(v_views) v (name),
			LATERAL pg_catalog.unnest(ordersync.view_grants_and_comments(v.name, ordersync.columns_of(v.name))) k (statement)
		WHERE k.statement LIKE 'GRANT %');
	BEGIN
		EXECUTE 'DROP VIEW ' || (
			SELECT pg_catalog.string_agg(pg_catalog.format('ordersync.%I', v.name), ', ')
			FROM pg_catalog.unnest(v_views) v (name));
	EXCEPTION
		WHEN lock_not_available OR deadlock_detected THEN
			PERFORM ordersync.raise_views_in_use(v_views);
		WHEN dependent_objects_still_exist THEN
			GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
			RAISE EXCEPTION USING
				ERRCODE = 'dependent_objects_still_exist',
				MESSAGE = 'other views use views of ordersync, which have to be made anew',
				DETAIL = v_detail,
				HINT = 'Drop them, type SELECT ordersync.set_up(), and make them again.';
	END;
	PERFORM ordersync.set_up_views();
	FOREACH v_statement IN ARRAY v_kept LOOP
		BEGIN
			EXECUTE v_statement;
		EXCEPTION
			WHEN undefined_table OR undefined_column THEN
				NULL;			-- a view, or a column, that this version has no more
		END;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.renew_views() IS
	'creates or replaces the views; those whose columns are others now are made anew; part of ordersync.set_up()';

/*
 * By name: somebody else's view in the schema, whoever owns it, is not made again.
 * Who reads a view has it locked before those that it stands on, hence the order.
 */
CREATE OR REPLACE FUNCTION ordersync.renewed_views()
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ARRAY(
		SELECT v.name
		FROM pg_catalog.unnest(ARRAY[{{views}}]) WITH ORDINALITY v (name, n)
		WHERE pg_catalog.to_regclass('ordersync.' || v.name) IS NOT NULL
		ORDER BY v.n DESC)
$function$;
COMMENT ON FUNCTION ordersync.renewed_views() IS
	'those of the views that set_up() makes, but the reports, that are there; each before those that it stands on';
