/*
 * Columns that the tables lack.
 *
 * Tables that another version made, or that came with a dump, lack what was
 * added since: in sql/dictionary.txt, or as a line of a CREATE TABLE.  Where
 * nothing is missing no lock is taken.  A column that is there is left as it is,
 * also where it was defined otherwise.  Waiting for a reader of a table would
 * make all others wait behind: that is given up soon, as for the views.
 */
CREATE OR REPLACE FUNCTION ordersync.add_missing_columns()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
DECLARE
	v_table text;
	v_columns text;
BEGIN
	FOR v_table, v_columns IN
		SELECT c.tab,
			pg_catalog.string_agg(pg_catalog.format('ADD COLUMN %I %s', c.col, c.definition), ', ' ORDER BY c.i)
		FROM (
			SELECT v.tab, v.col, v.definition, pg_catalog.row_number() OVER () AS i
			FROM (VALUES
				{{orders.table: ('orders', '#', $$#definition$$)}},
				{{sub_orders.table: ('sub_orders', '#', $$#definition$$)}},
				{{after_sales.table: ('after_sales', '#', $$#definition$$)}},
				{{columns: ('#table', '#', $$#definition$$)}}
			) AS v (tab, col, definition)
		) c
		WHERE pg_catalog.to_regclass('ordersync.' || c.tab) IS NOT NULL
			AND NOT EXISTS (
				SELECT
				FROM pg_catalog.pg_attribute a
				WHERE a.attrelid = pg_catalog.to_regclass('ordersync.' || c.tab)
					AND a.attname = c.col
					AND NOT a.attisdropped)
		GROUP BY c.tab
		ORDER BY pg_catalog.min(c.i)	-- as apply locks them
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE ordersync.%I %s', v_table, v_columns);
	END LOOP;
EXCEPTION
	WHEN lock_not_available OR deadlock_detected THEN
		PERFORM ordersync.raise_views_in_use(ARRAY[v_table]);
END
$function$;
COMMENT ON FUNCTION ordersync.add_missing_columns() IS
	'adds the columns that the tables lack, or fails after waiting two seconds for a lock; part of ordersync.set_up()';
