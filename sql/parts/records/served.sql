/*
 * Which fields a source has served, and which are left to it.
 */
/* What a source serves and was asked for: what is not in its record becomes NULL. */
CREATE OR REPLACE FUNCTION ordersync.served_by(
	p_stream text,
	p_source text,
	p_rules ordersync.record_rules,
	OUT fields text[],
	OUT line_fields text[]
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_stream = 'orders' THEN
		fields := ordersync.fields_except(ordersync.served_fields(p_source, 'trade'), p_rules.unserved);
		line_fields := ordersync.fields_except(ordersync.served_fields(p_source, 'order'), p_rules.line_unserved);
	ELSE
		fields := ordersync.fields_except(ordersync.served_fields(p_source, 'refund'), p_rules.unserved);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.served_by(text, text, ordersync.record_rules) IS
	'the fields of a record, and of its lines, that a source serves and was asked for';

CREATE OR REPLACE FUNCTION ordersync.column_fields(p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
	CASE p_object
		WHEN 'trade' THEN ARRAY[
			'orders',
			{{orders.fields '#field'}}
		]
		WHEN 'order' THEN ARRAY[
			{{sub_orders.fields '#field'}}
		]
		WHEN 'refund' THEN ARRAY[
			{{after_sales.fields '#field'}}
		]
	END;
COMMENT ON FUNCTION ordersync.column_fields(text) IS
	'the fields of a trade, of its lines (order) or of a refund that a column is read from';

CREATE OR REPLACE FUNCTION ordersync.fields_taken(p_stream text, p_sources smallint, p_object text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(DISTINCT f.field), '{}')
	FROM pg_catalog.unnest(ordersync.sources_of(p_stream)) AS s (source),
		LATERAL pg_catalog.unnest(ordersync.served_fields(s.source, p_object)) AS f (field)
	WHERE p_sources & ordersync.source_bit(p_stream, s.source) > 0
$function$;
COMMENT ON FUNCTION ordersync.fields_taken(text, smallint, text) IS
	'fields that a set of sources (as in a payload''s row) serves';

CREATE OR REPLACE FUNCTION ordersync.fields_left(
	p_stream text,
	p_source text,
	p_sources smallint,
	p_object text,
	p_unserved text[] DEFAULT NULL)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(f.field), '{}')
	FROM (
		SELECT pg_catalog.unnest(ordersync.served_fields(p_source, p_object))
		EXCEPT
		SELECT pg_catalog.unnest(ordersync.fields_taken(p_stream, p_sources, p_object))
		EXCEPT
		SELECT pg_catalog.unnest(p_unserved)
	) AS f (field)
$function$;
COMMENT ON FUNCTION ordersync.fields_left(text, text, smallint, text, text[]) IS
	'fields that a source serves, but for those that were not asked for, and none of a set of sources does';

CREATE OR REPLACE FUNCTION ordersync.columns_left(p_stream text, p_source text, p_sources smallint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT p_sources & ordersync.source_bit(p_stream, p_source) = 0
		AND CASE p_stream
			WHEN 'orders' THEN
				ordersync.fields_left(p_stream, p_source, p_sources, 'trade') && ordersync.column_fields('trade')
					OR ordersync.fields_left(p_stream, p_source, p_sources, 'order') && ordersync.column_fields('order')
			ELSE ordersync.fields_left(p_stream, p_source, p_sources, 'refund') && ordersync.column_fields('refund')
		END
$function$;
COMMENT ON FUNCTION ordersync.columns_left(text, text, smallint) IS
	'the source serves a column that no richer source of a set has written';

/* A poorer source leaves alone what the sources of this age have written. */
CREATE OR REPLACE FUNCTION ordersync.fields_left_for(
	p_stream text,
	p_source text,
	p_sources smallint,
	p_rules ordersync.record_rules,
	OUT is_none boolean,
	OUT fields text[],
	OUT taken text[],
	OUT line_fields text[],
	OUT line_taken text[]
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	is_none := NOT ordersync.columns_left(p_stream, p_source, p_sources);
	IF p_stream = 'orders' THEN
		fields := ordersync.fields_left(p_stream, p_source, p_sources, 'trade', p_rules.unserved);
		taken := ordersync.fields_taken(p_stream, p_sources, 'trade');
		line_fields := ordersync.fields_left(p_stream, p_source, p_sources, 'order', p_rules.line_unserved);
		line_taken := ordersync.fields_taken(p_stream, p_sources, 'order');
	ELSE
		fields := ordersync.fields_left(p_stream, p_source, p_sources, 'refund', p_rules.unserved);
		taken := ordersync.fields_taken(p_stream, p_sources, 'refund');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.fields_left_for(text, text, smallint, ordersync.record_rules) IS
	'the fields that a source may write where richer sources have written the same version: those that none of them serves, those that they do, of the record and of its lines, and whether no column is left';
