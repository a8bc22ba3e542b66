/*
 * Indexes that set_up() makes.
 *
 * CREATE INDEX IF NOT EXISTS locks the table against writers before it looks,
 * and waits for them: two of it on tables that workers write in another order
 * are a deadlock.  So an index that is there is not asked for.
 */
CREATE OR REPLACE FUNCTION ordersync.add_index(p_name text, p_table text, p_definition text, p_unique boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass(pg_catalog.format('ordersync.%I', p_name)) IS NULL THEN
		EXECUTE pg_catalog.format('CREATE %s INDEX %I ON ordersync.%I %s',
			CASE WHEN p_unique THEN 'UNIQUE' END, p_name, p_table, p_definition);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.add_index(text, text, text, boolean) IS
	'creates an index if it is missing; part of ordersync.set_up()';
