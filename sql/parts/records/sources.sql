/*
 * Sources of records: the platform's lists.  Richer ones have a higher rank; the
 * sources that have said something of a stored version are a set of bits.
 */
CREATE OR REPLACE FUNCTION ordersync.sources_of(p_stream text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE p_stream
	WHEN 'orders' THEN ARRAY['history', 'increment', 'list', 'details']
	WHEN 'after_sales' THEN ARRAY['special', 'list', 'details']
END;
COMMENT ON FUNCTION ordersync.sources_of(text) IS
	'the sources of orders or after_sales, the poorest first';

CREATE OR REPLACE FUNCTION ordersync.source_rank(p_stream text, p_source text)
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.array_position(ordersync.sources_of(p_stream), p_source)::smallint;
COMMENT ON FUNCTION ordersync.source_rank(text, text) IS
	'how rich a source of orders or after_sales is, 1 the poorest; NULL if it is not one';

CREATE OR REPLACE FUNCTION ordersync.source_bit(p_stream text, p_source text)
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (1 << ordersync.source_rank(p_stream, p_source) - 1)::smallint;
COMMENT ON FUNCTION ordersync.source_bit(text, text) IS
	'a source''s bit in column sources of a payload''s row';
