/*
 * What a batch of records is stored by: its source, its shop's options.
 */
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
