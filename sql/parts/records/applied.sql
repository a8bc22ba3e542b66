/*
 * Records on their way from pages to the tables.
 *
 * Orders and after-sales are stored in one way.  What differs between them is
 * their tables, their sources, and that an order has lines; filter, store and apply
 * are written once and made for both.
 */
CREATE TYPE ordersync.applied AS (
	id bigint,
	modified timestamptz,
	page integer,
	rank smallint,
	sources smallint,
	digest bytea,
	read_at timestamptz,
	touches boolean,
	cut boolean,
	row_ctid tid,
	row_xmin xid,
	old jsonb,
	payload jsonb
);
COMMENT ON TYPE ordersync.applied IS
	'a record that is stored or was changed: its payload, merged; of a changed one also whether a column may differ (touches), whether the stored payload was cut, the row that it was merged with and what that held (old)';

/*
 * Here SQL and C hand each other arrays of whole records: what SQL itself does with
 * these copies each record several times.
 */
CREATE OR REPLACE FUNCTION ordersync.new_records(
	fresh integer[],
	read_at timestamptz[],
	pages integer[],
	ids bigint[],
	modified timestamptz[],
	digests bytea[],
	bodies text[],
	source_rank smallint,
	source_bit smallint,
	hidden text[]
)
RETURNS ordersync.applied[]
AS 'MODULE_PATHNAME', 'ordersync_new_records'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.new_records(integer[], timestamptz[], integer[], bigint[], timestamptz[], bytea[], text[], smallint, smallint, text[]) IS
	'the records at these places of a batch, as they came, of a source''s rank and bit and without hidden fields; NULL for none';

CREATE OR REPLACE FUNCTION ordersync.have_plain_lines(records ordersync.applied[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_have_plain_lines'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.have_plain_lines(ordersync.applied[]) IS
	'whether all of these orders'' records have their lines in the form in which they are stored';

CREATE OR REPLACE FUNCTION ordersync.ids_of_records(records ordersync.applied[])
RETURNS TABLE (page integer, id bigint, modified timestamptz)
AS 'MODULE_PATHNAME', 'ordersync_ids_of_records'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
ROWS 100;
COMMENT ON FUNCTION ordersync.ids_of_records(ordersync.applied[]) IS
	'the ids of records, in their order';

CREATE OR REPLACE FUNCTION ordersync.stored_as(p_id bigint, p_modified timestamptz, p_payload jsonb)
RETURNS ordersync.applied
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW (p_id, p_modified, NULL, NULL, NULL, NULL, NULL, true, false, NULL, NULL, NULL, p_payload)::ordersync.applied;
COMMENT ON FUNCTION ordersync.stored_as(bigint, timestamptz, jsonb) IS
	'a stored record whose row is to be written again as its payload says';
