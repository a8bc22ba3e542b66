/*
 * Records on their way from pages to the tables: what they are called by, and
 * what a source may say of them.
 *
 * Orders and after-sales are stored in one way.  What differs between them is
 * their tables, their sources, and that an order has lines; the parts from here
 * on are written once and made for both.
 *
 * A source is a list of the platform.  Richer ones have a higher rank; the
 * sources that have said something of a stored version are a set of bits.
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

CREATE TYPE ordersync.record_rules AS (
	rank smallint,
	bit smallint,
	keeps text,
	hidden text[],
	nulls jsonb,
	line_nulls jsonb,
	fills boolean,
	unserved text[],
	line_unserved text[]
);
COMMENT ON TYPE ordersync.record_rules IS
	'how records of one source and shop are stored: rank and bit of the source, what is kept of payloads, fields that are not stored, nulls for added fields (of the record, of its lines) and whether there are any, fields that were not asked for';

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
	'how rich a source of orders or after_sales is, 1 the poorest; NULL when it is none';

CREATE OR REPLACE FUNCTION ordersync.source_bit(p_stream text, p_source text)
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (1 << ordersync.source_rank(p_stream, p_source) - 1)::smallint;
COMMENT ON FUNCTION ordersync.source_bit(text, text) IS
	'a source''s bit in column sources of a payload''s row';

CREATE OR REPLACE FUNCTION ordersync.record_rules_of(
	p_stream text,
	p_shop bigint,
	p_source text,
	p_add text[],
	p_drop text[]
)
RETURNS ordersync.record_rules
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v ordersync.record_rules;
	v_object text := CASE p_stream WHEN 'orders' THEN 'trade' ELSE 'refund' END;
BEGIN
	v.rank := ordersync.source_rank(p_stream, p_source);
	v.bit := ordersync.source_bit(p_stream, p_source);
	SELECT r.keeps, r.hidden
	INTO v.keeps, v.hidden
	FROM ordersync.payload_rules(p_shop) r;
	IF p_add IS NOT NULL THEN
		v.nulls := ordersync.added_nulls(p_add, v_object) - v.hidden;
		IF p_stream = 'orders' THEN
			v.line_nulls := ordersync.added_nulls(p_add, 'order');
		END IF;
	END IF;
	v.fills := v.nulls IS NOT NULL OR v.line_nulls IS NOT NULL;
	IF p_drop IS NOT NULL THEN
		v.unserved := ordersync.option_fields(p_drop, v_object);
		IF p_stream = 'orders' THEN
			v.line_unserved := ordersync.option_fields(p_drop, 'order');
		END IF;
	END IF;
	RETURN v;
END
$function$;
COMMENT ON FUNCTION ordersync.record_rules_of(text, bigint, text, text[], text[]) IS
	'how records of a source and shop are stored that were asked for with these fields added and dropped';

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
	'what records are called by, without the records, in their order';

/*
 * Called where a record is stored or may change one, and only there: this is where
 * it becomes jsonb.  Nearly all come in the form in which they are stored.
 */
CREATE OR REPLACE FUNCTION ordersync.take_order(p_record jsonb, p_rules ordersync.record_rules)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_rules.fills THEN
			ordersync.mark_added(
				CASE
					WHEN ordersync.has_plain_lines(p_record) THEN p_record
					ELSE ordersync.plain_lines(p_record)
				END, p_rules.nulls, p_rules.line_nulls)
		WHEN ordersync.has_plain_lines(p_record) THEN p_record
		ELSE ordersync.plain_lines(p_record)
	END
$function$;
COMMENT ON FUNCTION ordersync.take_order(jsonb, ordersync.record_rules) IS
	'an order''s record as it is stored: its lines in one form, with nulls for added fields that it lacks';

CREATE OR REPLACE FUNCTION ordersync.take_after_sale(p_record jsonb, p_rules ordersync.record_rules)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_rules.fills THEN ordersync.mark_added(p_record, p_rules.nulls, NULL)
		ELSE p_record
	END
$function$;
COMMENT ON FUNCTION ordersync.take_after_sale(jsonb, ordersync.record_rules) IS
	'an after-sale''s record as it is stored: with nulls for added fields that it lacks';

CREATE OR REPLACE FUNCTION ordersync.stored_as(p_id bigint, p_modified timestamptz, p_payload jsonb)
RETURNS ordersync.applied
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW (p_id, p_modified, NULL, NULL, NULL, NULL, NULL, true, false, NULL, NULL, NULL, p_payload)::ordersync.applied;
COMMENT ON FUNCTION ordersync.stored_as(bigint, timestamptz, jsonb) IS
	'a stored record whose row is to be written again as its payload says';

CREATE TYPE ordersync.remembered AS (
	id bigint,
	paid_at timestamptz,
	paid_amount numeric,
	paid_amount_frozen boolean,
	paid_amount_estimated boolean,
	platform_state text,
	details_at timestamptz,
	first_seen_at timestamptz
);
COMMENT ON TYPE ordersync.remembered IS
	'what the row of an order or of a line holds that its record does not say';

CREATE TYPE ordersync.remembered_after_sale AS (
	id bigint,
	tid bigint,
	oid bigint,
	num_iid bigint,
	refunded_at timestamptz,
	closed_at timestamptz,
	turned_at timestamptz,
	first_seen_at timestamptz
);
COMMENT ON TYPE ordersync.remembered_after_sale IS
	'what the row of an after-sale holds that its record does not say';
