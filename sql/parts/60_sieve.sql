/*
 * Which records of a batch are not stored, and which may change a stored one.
 *
 * Two sieves that need no jsonb: the digest of the same source, and the age of the
 * record.  The same id twice in a batch is one record, the newest; of two of equal
 * age the one that was read later, of two of one page the first.
 *
 * Unchanged is only what is there: a record whose row or lines are gone is not.
 * The question is asked in the same statement, with the row beside the payload's.
 *
 * These look into tables with several indexes, some of them empty when a worker
 * first does: so they are planned anew each time, in a shape (LATERAL, not to be
 * flattened) that leaves one lookup by key a record.
 */
{{each stream}}

CREATE FUNCTION ordersync.sieve_{{stream}}(
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
{{if orders}}
	OUT no_lines bigint[],
	OUT elsewhere bigint[],
{{endif}}
	OUT gone boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v_rank smallint := ordersync.source_rank('{{stream}}', p_source);
BEGIN
	SELECT pg_catalog.array_agg(u.ord) FILTER (WHERE p.modified IS NULL),
		pg_catalog.array_agg(u.ord) FILTER (
			WHERE u.modified >= p.modified AND u.digest IS DISTINCT FROM p.digest),
		pg_catalog.array_agg(u.id) FILTER (WHERE t.is_there IS NULL),
{{if orders}}
		pg_catalog.array_agg(u.id) FILTER (WHERE t.lacks_lines),
		pg_catalog.array_agg(u.id) FILTER (
			WHERE t.platform_state <> CASE p_source WHEN 'history' THEN 'archived' ELSE 'listed' END),
		pg_catalog.bool_or(t.is_there IS NULL AND p.modified IS NOT NULL
			OR t.is_there AND p.modified IS NULL OR COALESCE(t.lacks_lines, false))
	INTO fresh, known, no_row, no_lines, elsewhere, gone
{{else}}
		pg_catalog.bool_or((t.is_there IS NULL) <> (p.modified IS NULL))
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
	LEFT JOIN LATERAL (
		SELECT true AS is_there
{{if orders}}
			, o.platform_state,
			o.line_count > (
				SELECT pg_catalog.count(*)
				FROM ordersync.sub_orders s
				WHERE s.shop_id = p_shop
					AND s.tid = u.id
			) AS lacks_lines
{{endif}}
		FROM ordersync.{{table}} o
		WHERE o.shop_id = p_shop
			AND o.{{id}} = u.id
		OFFSET 0
	) t ON true;
END
$function$;
COMMENT ON FUNCTION ordersync.sieve_{{stream}}(bigint, text, timestamptz[], integer[], bigint[], timestamptz[], bytea[]) IS
{{if orders}}
	'the places of a batch''s records that are new and of those that may change a stored one, in the order of their ids; the ids whose row is not there, that have fewer lines than their row counts, that the platform lists elsewhere than was noted; and whether rows of stored ones are gone';
{{else}}
	'the places of a batch''s records that are new and of those that may change a stored one, in the order of their ids; the ids whose row is not there; and whether rows of stored ones are gone';
{{endif}}
{{end}}
