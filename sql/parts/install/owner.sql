/*
 * Whose everything is: pg_database_owner, a role that every cluster has, that
 * is not a superuser, and whose only member is the database's owner.  PUBLIC may
 * call the status functions, which read nothing, and nothing else.
 *
 * An update script ends with this, too.  It takes from PUBLIC only what no
 * script has decided before (none is noted in pg_init_privs): what has been
 * granted since stays, and is not noted as the extension's own, which dumps
 * leave out.
 */
DO $$
DECLARE
	v_member record;
BEGIN
	FOR v_member IN
		SELECT p.oid::pg_catalog.regprocedure AS routine,
			p.proname OPERATOR(pg_catalog.~) '^ordersync_(order|refund)_status(_name)?$' OR EXISTS (
				SELECT
				FROM pg_catalog.pg_init_privs i
				WHERE i.classoid OPERATOR(pg_catalog.=) d.classid
					AND i.objoid OPERATOR(pg_catalog.=) d.objid
			) AS decided
		FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_depend d
			ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid OPERATOR(pg_catalog.=) e.oid
			AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
			AND d.deptype OPERATOR(pg_catalog.=) 'e'
		JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) d.objid
		WHERE e.extname OPERATOR(pg_catalog.=) 'ordersync'
	LOOP
		EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO pg_database_owner', v_member.routine);
		IF NOT v_member.decided THEN
			EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', v_member.routine);
		END IF;
	END LOOP;

	-- the view of live workers, the one relation that is a member
	FOR v_member IN
		SELECT c.oid::pg_catalog.regclass AS relation
		FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_depend d
			ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid OPERATOR(pg_catalog.=) e.oid
			AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
			AND d.deptype OPERATOR(pg_catalog.=) 'e'
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid
		WHERE e.extname OPERATOR(pg_catalog.=) 'ordersync'
			AND c.relkind OPERATOR(pg_catalog.=) 'v'
	LOOP
		EXECUTE pg_catalog.format('ALTER VIEW %s OWNER TO pg_database_owner', v_member.relation);
	END LOOP;
END
$$;
