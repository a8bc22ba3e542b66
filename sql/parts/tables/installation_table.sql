/*
 * The table of the installation: which version made the tables, in which database.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_installation()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.installation (
		one boolean PRIMARY KEY DEFAULT true CHECK (one),
		version text NOT NULL,
		extension oid,
		database oid,
		set_up_at timestamptz NOT NULL DEFAULT now()
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('installation', NULL, 'version of the extension that created or last checked the tables'),
		('installation', 'one', 'always true: there is one row'),
		('installation', 'version', 'version of the extension that ran ordersync.set_up() last'),
		('installation', 'extension', 'oid of that extension; a different oid means that it was re-created'),
		('installation', 'database', 'oid of the database; another oid means that the tables came with a dump'),
		('installation', 'set_up_at', 'when ordersync.set_up() ran last')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_installation() IS
	'creates the table of the installation if it is missing; part of ordersync.set_up_queue()';
