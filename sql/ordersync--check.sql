/* ordersync: what must be true before anything is made */

-- complain if the script is sourced in psql, rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION ordersync" to load this file. \quit

/*
 * Order texts come as UTF-8 and must come back byte for byte; any other
 * encoding would refuse some buyer's emoji in the middle of a night's run.
 *
 * This is a script of its own, in ASCII, because the server reads a script as a
 * whole in the database's encoding before it runs the first statement of it:
 * what follows has Chinese names in it, and a database in EUC_CN would refuse
 * them without a word about what to do.  CREATE EXTENSION begins with a script
 * that installs a version, this one, and goes on by update scripts from there
 * to the default version.
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
