/*
 * A batch of records from the worker to the tables, in one pass.
 *
 * Sieve, store, lifecycle, columns: each its own part.  A batch is several pages
 * of one shop and source that came in together, each with its own run and task; a
 * page alone is a batch of one.
 *
 * Locks: payload rows by key, the numbers of the orders, then orders, sub-orders,
 * after-sales.  What refunds and orders derive from each other is kept whole by the
 * locks of the numbers: see lock_orders.
 *
 * Plans.  The statements are wide and run against tables that may never have been
 * analysed: planning each time would cost more than running them, a plan kept from
 * empty tables may scan a whole shop.  So the plans are generic and their shape
 * leaves no choice.  What is read or locked of tables with several indexes is found by
 * find_rows and joined by where it stands.
 */

{{each stream}}

/*
 * Rows are gone.  What stands without its payload is given one, made of the columns;
 * a payload that was cut is forgotten with its rows, for nothing is left of either.
 */
CREATE OR REPLACE FUNCTION ordersync.prepare_missing_{{stream}}(
	p_shop bigint,
	p_fresh bigint[],
	p_no_row bigint[],
	p_no_lines bigint[]
)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_added bigint[];
BEGIN
	v_added := ordersync.add_{{one}}_payloads(p_shop, ARRAY(
		SELECT f.id
		FROM pg_catalog.unnest(p_fresh) AS f (id)
		WHERE f.id <> ALL (COALESCE(p_no_row, '{}'))));
{{if orders}}
	PERFORM ordersync.reset_cut_orders(p_shop, p_no_row, p_no_lines);
{{else}}
	PERFORM ordersync.reset_cut_after_sales(p_shop, p_no_row);
{{endif}}
	RETURN v_added;
END
$function$;
COMMENT ON FUNCTION ordersync.prepare_missing_{{stream}}(bigint, bigint[], bigint[], bigint[]) IS
	'before a batch is stored: creates payloads for rows that have none and resets cut ones whose rows are missing; returns the ids of the former';

CREATE OR REPLACE FUNCTION ordersync.restore_missing_{{stream}}(
	p_shop bigint,
	p_source text,
	p_no_row bigint[],
	p_no_lines bigint[],
	p_stored ordersync.applied[]
)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_restored bigint[];
BEGIN
{{if orders}}
	v_restored := ordersync.restore_orders(p_shop, p_source, p_no_row || p_no_lines);
{{else}}
	v_restored := ordersync.restore_after_sales(p_shop, p_no_row);
{{endif}}
	PERFORM ordersync.refill_{{stream}}(p_shop, ARRAY(
		SELECT i.id
		FROM pg_catalog.unnest(p_no_row) AS i (id)
		WHERE i.id NOT IN (
			SELECT r.id
			FROM ordersync.ids_of_records(p_stored) AS r)));
	RETURN v_restored;
END
$function$;
COMMENT ON FUNCTION ordersync.restore_missing_{{stream}}(bigint, text, bigint[], bigint[], ordersync.applied[]) IS
	'after a batch is stored: restores missing rows of stored records; returns their ids';

CREATE OR REPLACE FUNCTION ordersync.apply_{{stream}}_batch(
	p_shop bigint,
	p_source text,
	p_runs bigint[],
	p_tasks bigint[],
	p_read_at timestamptz[],
	p_pages integer[],
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_add text[],
	p_drop text[],
	p_mended bigint[]
)
RETURNS TABLE (page integer, n_new integer, n_changed integer, n_unchanged integer)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
DECLARE
	s pg_catalog.record;		-- what the filter has left
	v_gone boolean;				-- rows are gone of records that were stored
	v_no_row bigint[];			-- those that have no row, new ones among them
	v_no_lines bigint[];		-- those that lack lines
	v_rules ordersync.record_rules;
	v_known integer[];
	v_stored ordersync.applied[];
	v_changed ordersync.applied[];
	v_restored bigint[];
BEGIN
	PERFORM ordersync.check_source('{{stream}}', p_source);
	SELECT *
	INTO s
	FROM ordersync.filter_{{stream}}(p_shop, p_source, p_read_at, p_pages, p_ids, p_modified, p_digests);
	IF s.fresh IS NOT NULL OR s.known IS NOT NULL OR s.gone THEN
		v_gone := s.gone;
{{if orders}}
		PERFORM pg_catalog.pg_advisory_xact_lock_shared(ordersync.apply_lock_key(p_shop));
{{else}}
		IF v_gone THEN
			PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop));
		ELSE
			PERFORM pg_catalog.pg_advisory_xact_lock_shared(ordersync.apply_lock_key(p_shop));
		END IF;
{{endif}}
		IF v_gone THEN
			v_no_row := s.no_row;
			v_no_lines := s.no_lines;
			v_restored := ordersync.prepare_missing_{{stream}}(p_shop, ARRAY(
				SELECT p_ids[f.ord]
				FROM pg_catalog.unnest(s.fresh) AS f (ord)), v_no_row, v_no_lines);
			SELECT *
			INTO s
			FROM ordersync.filter_{{stream}}(p_shop, p_source, p_read_at, p_pages, p_ids, p_modified, p_digests);
		END IF;

		v_rules := ordersync.record_rules_of('{{stream}}', p_shop, p_source, p_add, p_drop);
		v_known := s.known;
		IF s.fresh IS NOT NULL THEN
			v_stored := ordersync.store_new_{{stream}}(p_shop, s.fresh, p_read_at, p_pages,
				p_ids, p_modified, p_digests, p_bodies, v_rules);
			IF pg_catalog.cardinality(v_stored) IS DISTINCT FROM pg_catalog.cardinality(s.fresh) THEN
				v_known := v_known || ARRAY(
					SELECT f.ord
					FROM pg_catalog.unnest(s.fresh) AS f (ord)
					WHERE p_ids[f.ord] NOT IN (
						SELECT r.id
						FROM ordersync.ids_of_records(v_stored) AS r));
			END IF;
		END IF;
		IF v_known IS NOT NULL THEN
			v_changed := ordersync.store_changed_{{stream}}(p_shop, p_source, v_known, p_read_at, p_pages,
				p_ids, p_modified, p_digests, p_bodies, v_rules);
		END IF;
{{if orders}}
		PERFORM ordersync.lock_orders(p_shop, v_no_row || v_no_lines || ARRAY(
			SELECT p_ids[r.ord]
			FROM pg_catalog.unnest(s.fresh || s.known) AS r (ord)), false);
		-- it locks rows of orders, so it stands behind the locks of the numbers
		PERFORM ordersync.note_listed(p_shop, p_source, s.elsewhere);
{{else}}
		PERFORM ordersync.lock_orders_of_after_sales(p_shop, ordersync.new_and_changed(v_stored, v_changed));
{{endif}}
		IF v_stored IS NOT NULL OR v_changed IS NOT NULL THEN
{{if orders}}
			IF v_changed IS NOT NULL THEN
				PERFORM ordersync.record_order_changes(p_shop, p_runs, p_tasks, v_changed);
			END IF;
			PERFORM ordersync.write_orders(p_shop, p_source, p_runs, p_tasks, v_stored, v_changed);
{{else}}
			PERFORM ordersync.record_after_sale_changes(p_shop, p_runs, p_tasks, v_stored, v_changed);
			PERFORM ordersync.write_after_sales(p_shop, p_runs, p_tasks, v_stored, v_changed);
{{endif}}
		END IF;
		IF v_gone THEN
			v_restored := v_restored
				|| ordersync.restore_missing_{{stream}}(p_shop, p_source, v_no_row, v_no_lines, v_stored);
		END IF;
		PERFORM ordersync.announce_records('{{one}}', p_shop, ARRAY(
			SELECT r.id
			FROM ordersync.ids_of_records(ordersync.new_and_changed(v_stored, v_changed)) AS r) || v_restored);
{{if orders}}
	ELSE
		PERFORM ordersync.note_listed(p_shop, p_source, s.elsewhere);
{{endif}}
	END IF;
	PERFORM ordersync.resolve_records(p_shop, '{{stream}}', p_ids, p_source, p_modified, p_mended);

	RETURN QUERY
	SELECT *
	FROM ordersync.count_pages(pg_catalog.cardinality(p_read_at), p_pages, p_ids, v_stored, v_changed, v_restored);
END
$function$;
COMMENT ON FUNCTION ordersync.apply_{{stream}}_batch(bigint, text, bigint[], bigint[], timestamptz[], integer[], bigint[], timestamptz[], bytea[], text[], text[], text[], bigint[]) IS
	'stores a batch of records by the rules of the merge; writes and locks nothing for records that change nothing';

CREATE OR REPLACE FUNCTION ordersync.apply_{{stream}}(
	p_shop bigint,
	p_source text,
	p_run bigint,
	p_task bigint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_add text[] DEFAULT NULL,
	p_drop text[] DEFAULT NULL,
	p_read_at timestamptz DEFAULT NULL,
	p_mended bigint[] DEFAULT NULL,
	OUT n_new integer,
	OUT n_changed integer,
	OUT n_unchanged integer
)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT COALESCE(pg_catalog.sum(b.n_new), 0)::integer, COALESCE(pg_catalog.sum(b.n_changed), 0)::integer,
		COALESCE(pg_catalog.sum(b.n_unchanged), 0)::integer
	FROM ordersync.apply_{{stream}}_batch(p_shop, p_source, ARRAY[p_run], ARRAY[p_task],
		ARRAY[COALESCE(p_read_at, pg_catalog.clock_timestamp() + COALESCE(ordersync.clock_offset(p_shop), '0'))],
		ARRAY(SELECT 1 FROM pg_catalog.unnest(p_ids)),
		p_ids, p_modified, p_digests, p_bodies, p_add, p_drop, p_mended) b
$function$;
COMMENT ON FUNCTION ordersync.apply_{{stream}}(bigint, text, bigint, bigint, bigint[], timestamptz[], bytea[], text[], text[], text[], timestamptz, bigint[]) IS
	'stores a page of records, as a batch of one';
{{end}}

CREATE OR REPLACE FUNCTION ordersync.apply_pages(
	p_stream text,
	p_shop bigint,
	p_source text,
	p_runs bigint[],
	p_tasks bigint[],
	p_read_at timestamptz[],
	p_pages integer[],
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_add text[],
	p_drop text[],
	p_mended bigint[]
)
RETURNS TABLE (page integer, n_new integer, n_changed integer, n_unchanged integer)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
	IF p_stream = 'orders' THEN
		RETURN QUERY
		SELECT b.*
		FROM ordersync.apply_orders_batch(p_shop, p_source, p_runs, p_tasks, p_read_at, p_pages,
			p_ids, p_modified, p_digests, p_bodies, p_add, p_drop, p_mended) b;
	ELSE
		RETURN QUERY
		SELECT b.*
		FROM ordersync.apply_after_sales_batch(p_shop, p_source, p_runs, p_tasks, p_read_at, p_pages,
			p_ids, p_modified, p_digests, p_bodies, p_add, p_drop, p_mended) b;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_pages(text, bigint, text, bigint[], bigint[], timestamptz[], integer[], bigint[], timestamptz[], bytea[], text[], text[], text[], bigint[]) IS
	'stores pages of orders or after-sales that came in together: runs, tasks and times of reading by page, the rest by record with the number of its page; returns a row a page';

CREATE OR REPLACE FUNCTION ordersync.check_source(p_stream text, p_source text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF ordersync.source_rank(p_stream, p_source) IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized source of %s "%s"',
				CASE p_stream WHEN 'orders' THEN 'orders' ELSE 'after-sales' END, p_source);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_source(text, text) IS
	'raises an error for an unrecognized source of orders or after_sales';

/* The same id twice counts once in each page that has it; where it was not taken from, as unchanged. */
CREATE OR REPLACE FUNCTION ordersync.count_pages(
	p_npages integer,
	p_pages integer[],
	p_ids bigint[],
	p_stored ordersync.applied[],
	p_changed ordersync.applied[],
	p_restored bigint[]
)
RETURNS TABLE (page integer, n_new integer, n_changed integer, n_unchanged integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT n.page, COALESCE(c.n_new, 0)::integer, COALESCE(c.n_changed, 0)::integer,
		COALESCE(c.total - c.n_new - c.n_changed, 0)::integer
	FROM pg_catalog.generate_series(1, p_npages) AS n (page)
	LEFT JOIN (
		SELECT r.page, pg_catalog.count(*) AS total,
			pg_catalog.count(*) FILTER (WHERE a.is_new) AS n_new,
			pg_catalog.count(*) FILTER (WHERE NOT a.is_new) AS n_changed
		FROM (
			SELECT DISTINCT r.page, r.id
			FROM ROWS FROM (pg_catalog.unnest(p_pages), pg_catalog.unnest(p_ids)) AS r (page, id)
		) r
		LEFT JOIN (
			SELECT s.page, s.id, true AS is_new
			FROM ordersync.ids_of_records(p_stored) AS s
			UNION ALL
			SELECT s.page, s.id, false
			FROM ordersync.ids_of_records(p_changed) AS s
			UNION ALL
			SELECT pg_catalog.min(i.page), i.id, false
			FROM ROWS FROM (pg_catalog.unnest(p_pages), pg_catalog.unnest(p_ids)) AS i (page, id)
			WHERE i.id = ANY (p_restored)
				AND i.id NOT IN (
					SELECT s.id
					FROM pg_catalog.unnest(p_stored || p_changed) AS s)
			GROUP BY i.id
		) a ON a.page = r.page AND a.id = r.id
		GROUP BY r.page
	) c ON c.page = n.page
	ORDER BY n.page
$function$;
COMMENT ON FUNCTION ordersync.count_pages(integer, integer[], bigint[], ordersync.applied[], ordersync.applied[], bigint[]) IS
	'how many records of each page are new, changed and unchanged, given what was stored, changed and written again';
