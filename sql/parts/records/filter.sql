/*
 * Which records of a batch are not stored, and which may change a stored one.
 *
 * Two filters that need no jsonb: the digest of the same source, and the age of the
 * record.  The same id twice in a batch is one record, the newest; of two of equal
 * age the one that was read later, of two of one page the first.
 *
 * Unchanged is only what is there: a record whose row or lines are gone is not.
 * The question is asked in the same statement, with the row beside the payload's.
 */

{{each stream}}

CREATE OR REPLACE FUNCTION ordersync.filter_{{stream}}(
	p_shop bigint,
	p_source text,
	p_read_at timestamptz[],
	p_pages integer[],
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	OUT fresh integer[],
	OUT known integer[],
	OUT no_row bigint[],
	OUT no_lines bigint[],
{{if orders}}
	OUT elsewhere bigint[],
{{endif}}
	OUT gone boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_rank smallint := ordersync.source_rank('{{stream}}', p_source);
BEGIN
	WITH there AS MATERIALIZED (
{{if orders}}
		SELECT f.id, o.platform_state, o.line_count
		FROM ordersync.find_rows('ordersync.orders', 'tid', p_shop, p_ids) f
		CROSS JOIN LATERAL (
			SELECT o.platform_state, o.line_count
			FROM ordersync.orders o
			WHERE o.ctid = f.row_ctid
			OFFSET 0
		) o
{{else}}
		SELECT f.id
		FROM ordersync.find_rows('ordersync.after_sales', 'refund_id', p_shop, p_ids) f
{{endif}}
	)
	SELECT pg_catalog.array_agg(u.ord ORDER BY u.id) FILTER (WHERE p.modified IS NULL),
		pg_catalog.array_agg(u.ord ORDER BY u.id) FILTER (
			WHERE u.modified >= p.modified AND u.digest IS DISTINCT FROM p.digest),
		pg_catalog.array_agg(u.id ORDER BY u.id) FILTER (WHERE t.id IS NULL),
{{if orders}}
		pg_catalog.array_agg(u.id ORDER BY u.id) FILTER (WHERE t.line_count > COALESCE(l.lines, 0)),
		pg_catalog.array_agg(u.id ORDER BY u.id) FILTER (
			WHERE t.platform_state <> CASE p_source WHEN 'history' THEN 'archived' ELSE 'listed' END),
		pg_catalog.bool_or((t.id IS NULL) <> (p.modified IS NULL)
			OR COALESCE(t.line_count > COALESCE(l.lines, 0), false))
	INTO fresh, known, no_row, no_lines, elsewhere, gone
{{else}}
		pg_catalog.bool_or((t.id IS NULL) <> (p.modified IS NULL))
	INTO fresh, known, no_row, gone
{{endif}}
	FROM (
		SELECT DISTINCT ON (r.id) r.id, r.modified, r.digest, r.ord::integer AS ord
		FROM ROWS FROM (
			pg_catalog.unnest(p_pages), pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified),
			pg_catalog.unnest(p_digests)
		) WITH ORDINALITY AS r (page, id, modified, digest, ord)
		ORDER BY r.id, r.modified DESC, p_read_at[r.page] DESC, r.ord
	) u
	LEFT JOIN LATERAL (
		SELECT p.modified,
			CASE v_rank
{{each source}}
				WHEN {{rank}} THEN p.digest_{{source}}
{{end}}
			END AS digest
		FROM ordersync.{{payloads}} p
		WHERE p.shop_id = p_shop
			AND p.{{id}} = u.id
		OFFSET 0
	) p ON true
	LEFT JOIN there t ON t.id = u.id
{{if orders}}
	LEFT JOIN (
		SELECT f.id, pg_catalog.count(*) AS lines
		FROM ordersync.find_rows('ordersync.sub_orders', 'tid', p_shop, ARRAY(
			SELECT t.id
			FROM there t)) f
		GROUP BY f.id
	) l ON l.id = u.id
{{endif}}
	;
END
$function$;
COMMENT ON FUNCTION ordersync.filter_{{stream}}(bigint, text, timestamptz[], integer[], bigint[], timestamptz[], bytea[]) IS
{{if orders}}
	'the places of a batch''s records that are new and of those that may change a stored one, in the order of their ids; the ids whose row is not there, that have fewer lines than their row counts, that the platform lists elsewhere than was noted; and whether rows of stored ones are gone';
{{else}}
	'the places of a batch''s records that are new and of those that may change a stored one, in the order of their ids; the ids whose row is not there (no_lines: none, an after-sale has no lines); and whether rows of stored ones are gone';
{{endif}}
{{end}}
