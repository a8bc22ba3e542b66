/*
 * What is stored of a batch's records: new ones as they are, others merged into
 * the payload that is stored.
 *
 * Rules of the merge.  A newer record writes all that its source serves; at equal
 * age so does an equal or richer source.  A poorer one writes only where a column
 * is left to it, one that no source has written at this age, and only once.  But a
 * second has room for two versions of a record, and modified does not tell them
 * apart: one of equal age whose state is another one (status, payment, times, the
 * state of a line) is another version, and the one that was read later counts as
 * the newer.  A served field that is not there becomes NULL.  Lines merge by oid; a
 * line that a record leaves out stays: nothing that was stored is lost.
 *
 * What would be stored differently is decided without a lock, and decided again
 * when a row has moved meanwhile; so nothing is locked for what changes nothing.
 * The lock on a payload's row stands for its order.
 *
 * Plans are generic and their shape leaves no choice: payload tables have one
 * index and are looked up in LATERAL subqueries that cannot be flattened.
 */
{{each stream}}

CREATE OR REPLACE FUNCTION ordersync.store_new_{{stream}}(
	p_shop bigint,
	p_fresh integer[],
	p_read_at timestamptz[],
	p_pages integer[],
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_rules ordersync.record_rules
)
RETURNS ordersync.applied[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_rows ordersync.applied[];
	v_there bigint[];
BEGIN
	v_rows := ordersync.new_records(p_fresh, p_read_at, p_pages, p_ids, p_modified, p_digests, p_bodies,
		p_rules.rank, p_rules.bit, p_rules.hidden);
{{if orders}}
	IF p_rules.fills OR NOT ordersync.have_plain_lines(v_rows) THEN
{{else}}
	IF p_rules.fills THEN
{{endif}}
		SELECT pg_catalog.array_agg(
			ROW (r.id, r.modified, r.page, r.rank, r.sources, r.digest, r.read_at, r.touches, r.cut, r.row_ctid,
				r.row_xmin, r.old, ordersync.normalize_{{one}}(r.payload, p_rules))::ordersync.applied)
		INTO v_rows
		FROM pg_catalog.unnest(v_rows) AS r;
	END IF;

	WHILE v_rows IS NOT NULL LOOP
		BEGIN
			PERFORM ordersync.insert_{{payloads}}(p_shop, v_rows, p_rules);
			EXIT;
		EXCEPTION
			WHEN unique_violation THEN
				-- somebody else stored some of them meanwhile: these are known now
				v_there := ordersync.stored_{{stream}}(p_shop, v_rows);
				IF v_there IS NULL THEN
					RAISE;
				END IF;
		END;
		SELECT pg_catalog.array_agg(r)
		INTO v_rows
		FROM pg_catalog.unnest(v_rows) AS r
		WHERE r.id <> ALL (v_there);
	END LOOP;
	RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION ordersync.store_new_{{stream}}(bigint, integer[], timestamptz[], integer[], bigint[], timestamptz[], bytea[], text[], ordersync.record_rules) IS
	'stores the payloads of new records, except those that were stored concurrently; returns the stored ones, NULL if there are none';

CREATE OR REPLACE FUNCTION ordersync.store_changed_{{stream}}(
	p_shop bigint,
	p_source text,
	p_known integer[],
	p_read_at timestamptz[],
	p_pages integer[],
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_rules ordersync.record_rules
)
RETURNS ordersync.applied[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_rows ordersync.applied[];
	v_known integer[] := p_known;
BEGIN
	LOOP
		v_rows := ordersync.merge_{{stream}}(p_shop, p_source, v_known, p_read_at, p_pages,
			p_ids, p_modified, p_digests, p_bodies, p_rules);
		EXIT WHEN v_rows IS NULL OR ordersync.lock_{{payloads}}(p_shop, v_rows);
		SELECT pg_catalog.array_agg(k.ord)
		INTO v_known
		FROM pg_catalog.unnest(v_known) AS k (ord)
		WHERE p_ids[k.ord] IN (
			SELECT r.id
			FROM ordersync.ids_of_records(v_rows) AS r);
	END LOOP;
	IF v_rows IS NOT NULL THEN
		PERFORM ordersync.rewrite_{{payloads}}(p_shop, v_rows, p_rules);
	END IF;
	RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION ordersync.store_changed_{{stream}}(bigint, text, integer[], timestamptz[], integer[], bigint[], timestamptz[], bytea[], text[], ordersync.record_rules) IS
	'stores the payloads of records that change what is stored; returns these, NULL for none';

CREATE OR REPLACE FUNCTION ordersync.insert_{{payloads}}(
	p_shop bigint,
	p_rows ordersync.applied[],
	p_rules ordersync.record_rules
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.{{payloads}} (
		shop_id, {{id}}, rank, sources, modified, read_at, {{sources digest_#}}, payload)
	SELECT p_shop, r.id, r.rank, r.sources, r.modified, r.read_at,
		{{sources CASE r.rank WHEN #n THEN r.digest END}},
		CASE WHEN p_rules.keeps <> 'off' THEN r.payload END
	FROM pg_catalog.unnest(p_rows) AS r;
END
$function$;
COMMENT ON FUNCTION ordersync.insert_{{payloads}}(bigint, ordersync.applied[], ordersync.record_rules) IS
	'stores the payloads of records that are not stored';

CREATE OR REPLACE FUNCTION ordersync.stored_{{stream}}(p_shop bigint, p_rows ordersync.applied[])
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_ids bigint[];
BEGIN
	SELECT pg_catalog.array_agg(r.id)
	INTO v_ids
	FROM ordersync.ids_of_records(p_rows) AS r
	WHERE EXISTS (
		SELECT
		FROM ordersync.{{payloads}} p
		WHERE p.shop_id = p_shop
			AND p.{{id}} = r.id);
	RETURN v_ids;
END
$function$;
COMMENT ON FUNCTION ordersync.stored_{{stream}}(bigint, ordersync.applied[]) IS
	'those of these records that are stored; NULL for none';

/* What a record of these would make of the stored payload; those that make no difference are left out. */
CREATE OR REPLACE FUNCTION ordersync.merge_{{stream}}(
	p_shop bigint,
	p_source text,
	p_known integer[],
	p_read_at timestamptz[],
	p_pages integer[],
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_rules ordersync.record_rules
)
RETURNS ordersync.applied[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_rows ordersync.applied[];
BEGIN
	WITH stored AS MATERIALIZED (
		SELECT k.ord, p.{{id}} AS id, p_modified[k.ord] AS modified, p_read_at[p_pages[k.ord]] AS read_at,
			p.rank, p.sources, p.read_at AS was_read_at, p.row_ctid, p.row_xmin, p.payload IS NULL AS cut,
			COALESCE(ordersync.detoasted(p.payload),
				(SELECT ordersync.{{stream}}_of_columns(p_shop, p_ids)) -> p.{{id}}::text, '{}') AS old,
			p_modified[k.ord] = p.modified AS same_age,
			p_modified[k.ord] = p.modified AND p_rules.rank < p.rank AS poorer
		FROM pg_catalog.unnest(p_known) AS k (ord),
			LATERAL (
				SELECT p.*, p.ctid AS row_ctid, p.xmin AS row_xmin
				FROM ordersync.{{payloads}} p
				WHERE p.shop_id = p_shop
					AND p.{{id}} = p_ids[k.ord]
					AND p_modified[k.ord] >= p.modified
				OFFSET 0
			) p
	), kinds AS MATERIALIZED (
		-- what is left to a poorer source, worked out once for each set of sources
		SELECT s.sources, l.*
		FROM (
			SELECT DISTINCT s.sources
			FROM stored s
			WHERE s.poorer
		) s,
			LATERAL ordersync.fields_left_for('{{stream}}', p_source, s.sources, p_rules) AS l
	), merged AS MATERIALIZED (
		SELECT s.*, a.replaces, c.only_fills,
			CASE
				-- mostly the new record has all that the stored one has: it is the merged one
				WHEN (a.replaces OR NOT s.poorer) AND ordersync.is_covered(s.old, n.record) THEN n.record
				WHEN a.replaces OR NOT s.poorer THEN
{{if orders}}
					ordersync.merge_order(s.old, n.record, d.fields, NULL, d.line_fields, NULL)
				WHEN c.only_fills THEN
					ordersync.fill_added(s.old, n.record, p_rules.nulls, p_rules.line_nulls)
				WHEN l.is_none THEN s.old
				ELSE ordersync.merge_order(s.old, n.record, l.fields, l.taken, l.line_fields, l.line_taken)
{{else}}
					ordersync.merge_fields(s.old, n.record, d.fields, NULL)
				WHEN c.only_fills THEN
					ordersync.fill_added(s.old, n.record, p_rules.nulls, NULL)
				WHEN l.is_none THEN s.old
				ELSE ordersync.merge_fields(s.old, n.record, l.fields, l.taken)
{{endif}}
			END AS payload
		FROM ordersync.served_by('{{stream}}', p_source, p_rules) AS d
		CROSS JOIN stored s
		LEFT JOIN kinds l ON s.poorer AND l.sources = s.sources
		CROSS JOIN LATERAL (SELECT ordersync.read_record(p_bodies[s.ord], p_rules.hidden) AS record OFFSET 0) b
		CROSS JOIN LATERAL (SELECT ordersync.normalize_{{one}}(b.record, p_rules) AS record OFFSET 0) n
		CROSS JOIN LATERAL (
			SELECT s.same_age AND ordersync.is_another_{{one}}(s.old, n.record) AS same_second
			OFFSET 0
		) v
		CROSS JOIN LATERAL (SELECT NOT s.same_age OR v.same_second AS replaces OFFSET 0) a
		-- nothing is left to it but what was added since
		CROSS JOIN LATERAL (
			SELECT COALESCE(l.is_none, false) AND p_rules.fills AND NOT s.cut AS only_fills
			OFFSET 0
		) c
		-- of two versions of one second the later reading counts
		WHERE NOT (v.same_second AND COALESCE(s.read_at < s.was_read_at, false))
	)
	SELECT pg_catalog.array_agg(
		ROW (m.id, m.modified, p_pages[m.ord],
			CASE WHEN m.replaces THEN p_rules.rank ELSE GREATEST(m.rank, p_rules.rank) END,
			CASE
				WHEN m.replaces THEN p_rules.bit
				WHEN m.only_fills THEN m.sources
				ELSE m.sources | p_rules.bit
			END,
			p_digests[m.ord], m.read_at, d.touches, m.cut, m.row_ctid, m.row_xmin, m.old, m.payload)::ordersync.applied
		ORDER BY m.id)
	INTO v_rows
	FROM merged m,
		LATERAL (
			SELECT m.replaces
{{if orders}}
				OR p_source = 'details'
{{endif}}
				OR ordersync.{{one}}_columns_differ(m.old, m.payload) AS touches
			OFFSET 0
		) d
	WHERE m.replaces
		OR m.payload IS DISTINCT FROM m.old
			AND (NOT m.poorer OR p_rules.fills AND NOT m.cut OR d.touches);
	RETURN v_rows;
END
$function$;
COMMENT ON FUNCTION ordersync.merge_{{stream}}(bigint, text, integer[], timestamptz[], integer[], bigint[], timestamptz[], bytea[], text[], ordersync.record_rules) IS
	'the payloads that records would leave behind where these differ from what is stored, sorted by id; NULL for none';

CREATE OR REPLACE FUNCTION ordersync.lock_{{payloads}}(p_shop bigint, p_rows ordersync.applied[])
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_same boolean;
BEGIN
	SELECT pg_catalog.bool_and(p.ctid = r.row_ctid AND p.xmin = r.row_xmin)
	INTO v_same
	FROM pg_catalog.unnest(p_rows) AS r,
		LATERAL (
			SELECT p.ctid, p.xmin
			FROM ordersync.{{payloads}} p
			WHERE p.shop_id = p_shop
				AND p.{{id}} = r.id
			FOR NO KEY UPDATE
		) p;
	RETURN v_same;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_{{payloads}}(bigint, ordersync.applied[]) IS
	'locks the rows of merged payloads, sorted by id; whether they are still what was merged';

CREATE OR REPLACE FUNCTION ordersync.rewrite_{{payloads}}(
	p_shop bigint,
	p_rows ordersync.applied[],
	p_rules ordersync.record_rules
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.{{payloads}} AS p (
		shop_id, {{id}}, rank, sources, modified, read_at, {{sources digest_#}}, payload)
	SELECT p_shop, r.id, r.rank, r.sources, r.modified, r.read_at,
		{{sources CASE p_rules.rank WHEN #n THEN r.digest END}},
		CASE WHEN ordersync.is_kept(p_rules.keeps, r.cut) THEN r.payload END
	FROM pg_catalog.unnest(p_rows) AS r
	ON CONFLICT (shop_id, {{id}}) DO UPDATE
	SET rank = excluded.rank,
		sources = excluded.sources,
		modified = excluded.modified,
		-- another version of that second: what other sources said of the one before is no news of it
		read_at = CASE excluded.sources
			WHEN p_rules.bit THEN excluded.read_at
			ELSE GREATEST(p.read_at, excluded.read_at)
		END,
{{each source}}
		digest_{{source}} = CASE
			WHEN p_rules.rank = {{rank}} THEN excluded.digest_{{source}}
			WHEN excluded.sources <> p_rules.bit OR excluded.modified > p.modified THEN p.digest_{{source}}
		END,
{{end}}
		payload = excluded.payload;
END
$function$;
COMMENT ON FUNCTION ordersync.rewrite_{{payloads}}(bigint, ordersync.applied[], ordersync.record_rules) IS
	'writes merged payloads over the ones that they were merged with, whose rows are locked';
{{end}}
