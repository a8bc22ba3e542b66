/*
 * The table of granted levels.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_grants()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.grants (
		role_oid oid PRIMARY KEY,
		role name NOT NULL,
		level text NOT NULL,
		shops bigint[],
		granted_by name NOT NULL DEFAULT session_user,
		granted_at timestamptz NOT NULL DEFAULT now()
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('grants', NULL, 'levels granted by ordersync_grant, applied again when the extension or its tables are re-created'),
		('grants', 'role_oid', 'oid of the role; the grant is applied again only to a role with this oid and name'),
		('grants', 'role', 'its name when it was granted'),
		('grants', 'level', 'reader, operator or admin'),
		('grants', 'shops', 'the only shops that the role sees; NULL: all'),
		('grants', 'granted_by', 'who granted it'),
		('grants', 'granted_at', 'when')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_grants() IS
	'creates the table of granted levels if it is missing; part of ordersync.set_up_queue()';
