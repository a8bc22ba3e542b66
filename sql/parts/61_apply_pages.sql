/*
 * Several pages at once: what a worker has in hand of one list of a shop is
 * stored by one call, in the transaction that settles the pages' tasks.
 *
 * The page that was read first comes first, as if each had been stored by
 * itself: of a record that is in two of them the newest version counts, of equal
 * age the one that was read later.
 */
CREATE FUNCTION ordersync.apply_pages(
	p_stream text,
	p_shop bigint,
	p_source text,
	p_runs bigint[],			-- one element a page
	p_tasks bigint[],
	p_read_at timestamptz[],
	p_pages integer[],			-- one element a record, page by page
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
AS $function$
DECLARE
	v record;
	a record;
	v_new integer[];
	v_changed integer[];
	v_unchanged integer[];
BEGIN
	v_new := pg_catalog.array_fill(0, ARRAY[pg_catalog.cardinality(p_runs)]);
	v_changed := v_new;
	v_unchanged := v_new;
	FOR v IN
		SELECT r.page, pg_catalog.min(r.ord) AS first, pg_catalog.max(r.ord) AS last
		FROM pg_catalog.unnest(p_pages) WITH ORDINALITY AS r (page, ord)
		GROUP BY r.page
		ORDER BY p_read_at[r.page], r.page
	LOOP
		IF p_stream = 'orders' THEN
			SELECT o.n_new, o.n_changed, o.n_unchanged
			INTO a
			FROM ordersync.apply_orders(p_shop, p_source, p_runs[v.page], p_tasks[v.page],
				p_ids[v.first : v.last], p_modified[v.first : v.last], p_digests[v.first : v.last], p_bodies[v.first : v.last],
				p_add, p_drop, p_read_at[v.page], p_mended) o;
		ELSE
			SELECT s.n_new, s.n_changed, s.n_unchanged
			INTO a
			FROM ordersync.apply_after_sales(p_shop, p_source, p_runs[v.page], p_tasks[v.page],
				p_ids[v.first : v.last], p_modified[v.first : v.last], p_digests[v.first : v.last], p_bodies[v.first : v.last],
				p_add, p_drop, p_read_at[v.page], p_mended) s;
		END IF;
		v_new[v.page] := a.n_new;
		v_changed[v.page] := a.n_changed;
		v_unchanged[v.page] := a.n_unchanged;
	END LOOP;

	RETURN QUERY
	SELECT c.ord::integer, c.n_new, c.n_changed, c.n_unchanged
	FROM ROWS FROM (
		pg_catalog.unnest(v_new), pg_catalog.unnest(v_changed), pg_catalog.unnest(v_unchanged)
	) WITH ORDINALITY AS c (n_new, n_changed, n_unchanged, ord);
END
$function$;
COMMENT ON FUNCTION ordersync.apply_pages(text, bigint, text, bigint[], bigint[], timestamptz[], integer[], bigint[], timestamptz[], bytea[], text[], text[], text[], bigint[]) IS
	'stores pages of one list, orders or after-sales; what each brought, in their order';
