/*
 * Rows of records, found by an index and locked where they stand.
 */
CREATE OR REPLACE FUNCTION ordersync.find_rows(
	"table" regclass,
	"column" name,
	shop bigint,
	ids bigint[],
	OUT id bigint,
	OUT row_ctid tid
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ordersync_find_rows'
LANGUAGE C STABLE STRICT PARALLEL SAFE
ROWS 100;
COMMENT ON FUNCTION ordersync.find_rows(regclass, name, bigint, bigint[]) IS
	'the ctids of a shop''s rows with these ids in a column, always looked up by the index on shop and column, independent of the planner; to be joined by ctid in the same statement, in a LATERAL that cannot be flattened';
