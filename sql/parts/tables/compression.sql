/*
 * How columns of JSON are compressed where they are stored.
 */
CREATE OR REPLACE FUNCTION ordersync.compress_by_lz4(p_table text, p_column text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF EXISTS (
		SELECT
		FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = pg_catalog.format('ordersync.%I', p_table)::regclass
			AND a.attname = p_column
			AND a.attcompression = ''
	) AND EXISTS (
		-- not of a server that was built without it
		SELECT
		FROM pg_catalog.pg_settings s
		WHERE s.name = 'default_toast_compression'
			AND 'lz4' = ANY (s.enumvals)
	) THEN
		EXECUTE pg_catalog.format('ALTER TABLE ordersync.%I ALTER COLUMN %I SET COMPRESSION lz4', p_table, p_column);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.compress_by_lz4(text, text) IS
	'has a column compressed by lz4, unless somebody has said how it is compressed: pglz takes as long as parsing a record, or making a message; part of ordersync.set_up()';
