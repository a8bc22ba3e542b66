/*
 * The caller's transaction: whether it is a block, whether a row is its own.
 */
CREATE OR REPLACE FUNCTION ordersync.in_transaction_block()
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_in_transaction_block';
COMMENT ON FUNCTION ordersync.in_transaction_block() IS
	'whether the session is in a transaction block, including one opened by a driver';

CREATE OR REPLACE FUNCTION ordersync.is_own_xid(xmin xid)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_is_own_xid';
COMMENT ON FUNCTION ordersync.is_own_xid(xid) IS
	'whether it is the ID of this transaction or of one of its subtransactions';

/* Called by procedures that commit: with every caller's rights and search_path. */
CREATE OR REPLACE FUNCTION ordersync.prevent_transaction_block(p_procedure text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF ordersync.in_transaction_block() THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_transaction_termination',
			MESSAGE = 'invalid transaction termination',
			DETAIL = pg_catalog.format('%s commits as it goes on, which a transaction block does not allow.', p_procedure),
			HINT = 'Call it outside a transaction: in psql after \set AUTOCOMMIT on, in Python with conn.autocommit = True, in JDBC with setAutoCommit(true).';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.prevent_transaction_block(text) IS
	'raises an error in a transaction block, with a hint';

CREATE OR REPLACE FUNCTION ordersync.starts_at_commit()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	-- a statement alone begins its transaction; one after BEGIN is later; in a procedure that commits it is earlier
	SELECT CASE WHEN pg_catalog.statement_timestamp() > pg_catalog.transaction_timestamp() THEN 'starts at commit' END
$function$;
COMMENT ON FUNCTION ordersync.starts_at_commit() IS
	'''starts at commit'' in a transaction block, else NULL';
