/*
 * What the platform sends, as SQL reads it: values, names, records, and what its lists serve.
 *
 * Internal, in C, pure: no table, setting or clock is read, so all are
 * IMMUTABLE and PARALLEL SAFE.  The read_* functions are STRICT and answer NULL,
 * never an error, to what cannot be read exactly.
 */
CREATE OR REPLACE FUNCTION ordersync.read_bigint(value text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'ordersync_read_bigint'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.read_bigint(text) IS
	'reads an integer of the platform exactly, up to 19 digits; NULL if it is not an integer or out of range';

CREATE OR REPLACE FUNCTION ordersync.read_int(value text)
RETURNS integer
AS 'MODULE_PATHNAME', 'ordersync_read_int'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.read_int(text) IS
	'reads an integer of the platform; NULL if it is not an integer or out of range';

CREATE OR REPLACE FUNCTION ordersync.read_smallint(value text)
RETURNS smallint
AS 'MODULE_PATHNAME', 'ordersync_read_smallint'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.read_smallint(text) IS
	'reads an integer of the platform; NULL if it is not an integer or out of range';

CREATE OR REPLACE FUNCTION ordersync.read_money(value text)
RETURNS numeric
AS 'MODULE_PATHNAME', 'ordersync_read_money'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.read_money(text) IS
	'reads an amount of the platform in yuan, exact to the cent; NULL if it is not an amount, has more than two decimals, or exceeds numeric(18,2)';

CREATE OR REPLACE FUNCTION ordersync.read_time(value text)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'ordersync_read_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.read_time(text) IS
	'reads a time of the platform, YYYY-MM-DD HH:MM:SS in Asia/Shanghai, independent of TimeZone and DateStyle; NULL if it is not a time';

CREATE OR REPLACE FUNCTION ordersync.read_boolean(value text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_read_boolean'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.read_boolean(text) IS
	'reads true or false of the platform; NULL if it is neither';

CREATE OR REPLACE FUNCTION ordersync.main_nick(nick text)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_main_nick';
COMMENT ON FUNCTION ordersync.main_nick(text) IS
	'the seller''s name of a name or sub-account ("main:sub" gives "main"), with XML entities resolved';

CREATE OR REPLACE FUNCTION ordersync.unescape(value text)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_unescape'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.unescape(text) IS
	'a seller''s name with XML entities resolved, which relays may send';

CREATE OR REPLACE FUNCTION ordersync.split_records(
	list bytea,
	stream text,
	seller_nicks text[] DEFAULT NULL,
	require_seller boolean DEFAULT false,
	OUT record_no integer,
	OUT id bigint,
	OUT modified timestamptz,
	OUT created timestamptz,
	OUT arrival timestamptz,
	OUT seller_nick text,
	OUT digest bytea,
	OUT body bytea,
	OUT quarantine text,
	OUT mended text[],
	OUT findings text[]
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ordersync_split_records'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.split_records(bytea, text, text[], boolean) IS
	'the records of an answer''s list, without personal data; quarantine: the reason why a record cannot be stored, NULL if it can; mended: the paths of values in which invalid characters were replaced, NULL if there are none; findings: of the whole list, the paths of members that were dropped for the words of their names';

CREATE OR REPLACE FUNCTION ordersync.read_record(
	body text,
	hidden text[] DEFAULT NULL
)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'ordersync_read_record'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.read_record(text, text[]) IS
	'body::jsonb - hidden, the same bytes and the same errors, several times as fast; without hidden, body::jsonb';

CREATE OR REPLACE FUNCTION ordersync.has_plain_lines(p_record jsonb)
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_has_plain_lines'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.has_plain_lines(jsonb) IS
	'the record''s lines are a wrapped array of objects';

CREATE OR REPLACE FUNCTION ordersync.is_covered(p_old jsonb, p_new jsonb)
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_is_covered'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.is_covered(jsonb, jsonb) IS
	'p_new has every member of p_old, and its lines all those of p_old''s, in the same order: merged into p_old it is the result itself';

CREATE OR REPLACE FUNCTION ordersync.served_fields(
	source text,
	object text
)
RETURNS text[]
AS 'MODULE_PATHNAME', 'ordersync_served_fields'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.served_fields(text, text) IS
	'the fields that a source (increment, list, history, details, arrival, special) serves of an object (trade, order, refund)';

CREATE OR REPLACE FUNCTION ordersync.listed_types()
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_listed_types'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.listed_types() IS
	'the types of orders that the lists ask for by themselves, divided by commas; a gateway''s option types_add adds to them';

CREATE OR REPLACE FUNCTION ordersync.backoff_ms(
	attempt integer,
	base_ms bigint,
	cap_ms bigint,
	chance double precision
)
RETURNS bigint
AS 'MODULE_PATHNAME', 'ordersync_backoff_ms'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.backoff_ms(integer, bigint, bigint, double precision) IS
	'the delay after a failed attempt: doubled with each, capped, its upper half by chance (0 to 1)';
