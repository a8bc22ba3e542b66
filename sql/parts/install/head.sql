/* ordersync {{version}}: Taobao orders, sub-orders and after-sales in tables */

-- complain if the script is sourced in psql
\echo Use "{{command}}" to load this file. \quit

/*
 * Order texts come as UTF-8 and must come back byte for byte; any other
 * encoding would refuse some buyer's emoji in the middle of a night's run.
 *
 * The server reads a script as a whole in the database's encoding before it
 * runs the first statement of it.  sql/generate writes the script in ASCII, so
 * that it comes this far in every encoding.
 */
DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = 'ordersync needs a database with encoding UTF8',
			DETAIL = pg_catalog.format('The encoding of database "%s" is %s.',
				pg_catalog.current_database(), pg_catalog.getdatabaseencoding()),
			HINT = 'Create a database for it: CREATE DATABASE orders ENCODING ''UTF8'' TEMPLATE template0.';
	END IF;
END
$$;

/*
 * The schema outlives the extension: the tables in it are the user's.  As a
 * member it would take them along on DROP EXTENSION ... CASCADE, and CREATE
 * SCHEMA IF NOT EXISTS refuses a schema that is there from a dump; so it is
 * made only when missing and leaves the extension at once.
 */
DO $$
DECLARE
	v_owner name;
BEGIN
	SELECT pg_catalog.pg_get_userbyid(n.nspowner)
	INTO v_owner
	FROM pg_catalog.pg_namespace n
	WHERE n.nspname OPERATOR(pg_catalog.=) 'ordersync';

	IF NOT FOUND THEN
		CREATE SCHEMA ordersync AUTHORIZATION pg_database_owner;
		COMMENT ON SCHEMA ordersync IS
			'orders, sub-orders and after-sales kept by the extension ordersync, and its queue';
		ALTER EXTENSION ordersync DROP SCHEMA ordersync;
	ELSIF v_owner OPERATOR(pg_catalog.<>) 'pg_database_owner' THEN
		-- whoever owns the schema could replace what runs in it
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_schema_name',
			MESSAGE = 'schema "ordersync" exists and belongs to another role',
			DETAIL = pg_catalog.format('Its owner is "%s".', v_owner),
			HINT = 'If it is left from an earlier installation: ALTER SCHEMA ordersync OWNER TO pg_database_owner.';
	END IF;
END
$$;

/*
 * Functions of ours run as pg_database_owner and name those that users call,
 * which may be in a schema where that role may use nothing.
 *
 * What a script grants is noted as the extension's own and then left out of
 * dumps, here the whole access list of a schema that is not ours, with what
 * others were granted on it.  So that note is put back as it was.
 */
DO $$
DECLARE
	v_schema oid := '@extschema@'::pg_catalog.regnamespace;
	v_noted pg_catalog.aclitem[];
BEGIN
	IF pg_catalog.has_schema_privilege('pg_database_owner', v_schema, 'USAGE') THEN
		RETURN;
	END IF;

	SELECT i.initprivs
	INTO v_noted
	FROM pg_catalog.pg_init_privs i
	WHERE i.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
		AND i.objoid OPERATOR(pg_catalog.=) v_schema;

	GRANT USAGE ON SCHEMA @extschema@ TO pg_database_owner;

	IF v_noted IS NULL THEN
		DELETE FROM pg_catalog.pg_init_privs i
		WHERE i.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
			AND i.objoid OPERATOR(pg_catalog.=) v_schema;
	ELSE
		UPDATE pg_catalog.pg_init_privs i
		SET initprivs = v_noted
		WHERE i.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
			AND i.objoid OPERATOR(pg_catalog.=) v_schema;
	END IF;
END
$$;
