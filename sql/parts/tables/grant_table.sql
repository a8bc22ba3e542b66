/*
 * The table of granted levels, and the view of the shops that it limits a role to.
 *
 * The policies of the tables (access/limits.sql) read own_shops.  It is in no
 * level and everybody may select from it, since a policy is part of its reader's
 * query; it runs with its owner's rights, unlike all other views, and shows
 * nobody but itself.  Nothing here is a member of the extension: a dump carries
 * table, views and policies, and they stay when the extension goes.
 *
 * A grant is that of the role with its oid and name.  A role that has one of the
 * two only (renamed, made anew, or in another cluster that a dump came to) is
 * held by each grant that may be meant: to the shops that they agree on, or to
 * none.  So nobody sees more by a change of oids.
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
	PERFORM ordersync.set_up_own_shops();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_grants() IS
	'creates the table of granted levels if it is missing, and the view of its limits; part of ordersync.set_up_queue()';

/*
 * Policies depend on this view, so renew_views() could not drop it, and must not know
 * it: what it knows are views whose line ends behind the name (sql/generate).  The
 * same rule for a role that is not the current one: ordersync.outer_limits().
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_own_shops()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.own_shops WITH (security_barrier = true) AS
	SELECT pg_has_role(current_user, 'pg_database_owner', 'USAGE')
			OR COALESCE(bool_or(g.shops IS NULL) FILTER (WHERE g.exact), bool_and(g.shops IS NULL), true) AS all_shops,
		CASE
			WHEN bool_or(g.exact)
				THEN string_to_array(string_agg(NULLIF(array_to_string(g.shops, ','), ''), ',') FILTER (WHERE g.exact), ',')::bigint[]
			WHEN min(g.shops) = max(g.shops) THEN min(g.shops)
		END AS shops
	FROM (
		SELECT l.shops, pg_get_userbyid(l.role_oid) = l.role AS exact
		FROM ordersync.grants l
		WHERE pg_has_role(current_user, l.role_oid, 'USAGE')
			OR pg_has_role(current_user, to_regrole(quote_ident(l.role)), 'USAGE')
	) g;
	GRANT SELECT ON ordersync.own_shops TO PUBLIC;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('own_shops', NULL, 'which shops the current role sees: those of all the grants that it has or inherits. The policies of the tables read it'),
		('own_shops', 'all_shops', 'true: all; also for a role without any grant, which sees what it was given by GRANT'),
		('own_shops', 'shops', 'the shops, where it does not see all; NULL: none')
	) AS t (rel, col, words);
EXCEPTION
	WHEN lock_not_available OR deadlock_detected THEN
		PERFORM ordersync.raise_views_in_use(ARRAY['own_shops']);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_own_shops() IS
	'creates the view of the shops that a role is limited to, or fails after waiting two seconds for a lock; part of ordersync.set_up_grants()';
