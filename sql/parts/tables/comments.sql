/*
 * Comments on what set_up() makes.
 */
CREATE OR REPLACE FUNCTION ordersync.comment_on(p_kind text, p_relation text, p_column text, p_words text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_column IS NULL THEN
		EXECUTE pg_catalog.format('COMMENT ON %s ordersync.%I IS %L', p_kind, p_relation, p_words);
	ELSE
		EXECUTE pg_catalog.format('COMMENT ON COLUMN ordersync.%I.%I IS %L', p_relation, p_column, p_words);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.comment_on(text, text, text, text) IS
	'comments on a relation (TABLE or VIEW), or on a column of it; part of ordersync.set_up()';
